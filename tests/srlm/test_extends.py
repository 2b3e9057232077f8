"""`extends`: one run file over another."""

import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from srlm.errors import SettingsError
from srlm.run_file import load
from srlm.settings import Settings

BASE = """\
name: base
iterations: 4
model: {base: scratch, template_arguments: {enable_thinking: false, effort: low}}
pretraining: {max_steps: 5}
data: {kind: beads, ift: 40, skills: [meta_judge, critique]}
prompts: {writer: world, count: 24}
reward: {kind: rules, rules: [{matches: a}], per_character: 1}
method: {name: positive_sft, min_reward: 4}
dpo: {beta: 0.05, batch_size: 8, micro_batch_size: 8, lora: {rank: 4, dropout: 0.1}}
"""


def put(folder: Path, **texts: str) -> Path:
    """The files NAME.yaml with these texts; the path of the first."""
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / f"{next(iter(texts))}.yaml"


def extended(folder: Path, text: str, base: str = BASE) -> Settings:
    """The settings of a run file that extends `base` and says `text`."""
    return load(put(folder, run=f"extends: base.yaml\nname: run\n{text}", base=base))


def refused(path: Path, *overrides: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(path, overrides)
    return str(caught.value)


def value(settings: Settings, name: str) -> Any:
    found: Any = settings
    for part in name.split("."):
        found = getattr(found, part)
    return found


# What is laid over what -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", {"name": "run", "iterations": 4, "dpo.beta": 0.05, "prompts.count": 24}, id="nothing"),
        pytest.param("iterations: 2", {"iterations": 2}, id="a-plain-value"),
        pytest.param("dpo: {beta: 0.2}", {"dpo.beta": 0.2, "dpo.batch_size": 8, "dpo.lora.rank": 4}, id="a-section"),
        pytest.param("dpo: {lora: {rank: 2}}", {"dpo.lora.rank": 2, "dpo.lora.dropout": 0.1}, id="within-a-section"),
        pytest.param("sft: {epochs: 7}", {"sft.epochs": 7.0, "dpo.beta": 0.05}, id="a-section-of-its-own"),
        pytest.param("data: {skills: [choice]}", {"data.skills": ("choice",), "data.ift": 40}, id="a-list-is-replaced"),
        pytest.param("data: {skills: []}", {"data.skills": ()}, id="an-empty-list"),
        pytest.param("dpo: {}", {"dpo.beta": 0.05}, id="an-empty-section-changes-nothing"),
        pytest.param("dpo: null", {"dpo.beta": 0.1, "dpo.batch_size": 16, "dpo.lora": None}, id="null-over-a-section"),
        pytest.param("dpo: ~", {"dpo.beta": 0.1, "dpo.lora": None}, id="null-by-its-sign"),
        pytest.param("dpo: {lora: null}", {"dpo.lora": None, "dpo.beta": 0.05}, id="null-within-a-section"),
        pytest.param("dpo: {max_steps: null}", {"dpo.max_steps": None}, id="null-over-what-is-not-there"),
        pytest.param("reward: null", {"reward.kind": "judge"}, id="null-over-a-section-of-kinds"),
        pytest.param("method: null", {"method.name": "self_rewarding", "method.own": {}}, id="null-over-the-method"),
        pytest.param(
            "model: {template_arguments: {effort: high}}",
            {"model.template_arguments": {"enable_thinking": False, "effort": "high"}},
            id="names-and-values-are-merged",
        ),
        pytest.param("model: {template_arguments: null}", {"model.template_arguments": {}}, id="and-taken-away"),
        pytest.param("reward: {per_character: 2}", {"reward.kind": "rules", "reward.per_character": 2}, id="no-kind"),
        pytest.param("reward: {kind: random}", {"reward.kind": "random"}, id="another-kind-replaces-the-section"),
        pytest.param("reward: {kind: rules}", {"reward.per_character": 1.0}, id="the-same-kind-does-not"),
        pytest.param(
            "data: {kind: ranked, path: p}\nmodel: {base: m}\npretraining: null\nprompts: {writer: self}",
            {"data.kind": "ranked", "data.ift": 3200, "pretraining": None, "prompts.count": 24},
            id="other-data-begin-at-the-defaults",
        ),
        pytest.param(
            "method: {min_reward: 3}",
            {"method.name": "positive_sft", "method.own": {"min_reward": 3}},
            id="a-method's-own-settings",
        ),
        pytest.param("method: spin", {"method.name": "spin", "method.own": {}}, id="a-word-replaces-the-method"),
        pytest.param("method: positive_sft", {"method.own": {}}, id="a-word-replaces-the-method-of-that-name-too"),
        pytest.param(
            "method: {name: rest, replay: seeds}",
            {"method.name": "rest", "method.own": {"replay": "seeds"}},
            id="another-name-replaces-the-method",
        ),
        pytest.param(
            "method: {name: positive_sft, other: 1}",
            {"method.own": {"min_reward": 4, "other": 1}},
            id="the-same-name-adds-to-the-method",
        ),
        # One class of settings whatever their kind, as with --set engine.kind=vllm.
        pytest.param("selection: {kind: length_controlled}", {"selection.band": 0.32}, id="a-kind-of-one-section"),
    ],
)  # fmt: skip
def test_what_a_file_says_is_laid_over_what_the_file_says_that_it_extends(
    tmp_path: Path, text: str, expected: Mapping[str, Any]
) -> None:
    settings = extended(tmp_path, text)
    assert {name: value(settings, name) for name in expected} == expected


def test_settings_of_one_section_are_merged_whatever_their_kind(tmp_path: Path) -> None:
    base = f"{BASE}engine: {{kind: transformers, batch_size: 512}}\n"
    settings = extended(tmp_path, "engine: {kind: vllm}", base)
    assert (settings.engine.kind, settings.engine.batch_size) == ("vllm", 512)


@pytest.mark.parametrize(
    ("base", "text", "name", "own"),
    [
        pytest.param("method: rest", "method: {replay: seeds}", "rest", {"replay": "seeds"}, id="of-that-name"),
        pytest.param("method: rest", "method: {name: spin, betas: [1]}", "spin", {"betas": [1]}, id="of-another"),
        pytest.param("method: {min_reward: 4}", "method: {name: spin}", "spin", {}, id="of-a-name-where-none-was"),
    ],
)
def test_a_methods_own_settings_belong_to_the_method_that_is_named(
    tmp_path: Path, base: str, text: str, name: str, own: Mapping[str, Any]
) -> None:
    settings = extended(tmp_path, text, f"{BASE.replace('method: {name: positive_sft, min_reward: 4}', base)}\n")
    assert (settings.method.name, settings.method.own) == (name, own)


def test_a_short_run_file_is_the_same_run_as_the_long_one(tmp_path: Path) -> None:
    long = BASE.replace("name: base", "name: run").replace("beta: 0.05", "beta: 0.2").replace("iterations: 4\n", "")
    short = extended(tmp_path, "dpo: {beta: 0.2}\niterations: 3")
    kept = load(put(tmp_path, long=long))
    assert short.model_dump_json() == kept.model_dump_json()
    assert short.digest == kept.digest
    assert "extends" not in short.model_dump_json()


def test_overrides_come_last(tmp_path: Path) -> None:
    path = put(tmp_path, run="extends: base.yaml\nname: run\ndpo: {beta: 0.2}\n", base=BASE)
    settings = load(path, ["dpo.beta=0.3", "prompts.count=7", "name=other", "method.min_reward=2"])
    assert (settings.dpo.beta, settings.prompts.count, settings.name) == (0.3, 7, "other")
    assert settings.method.own == {"min_reward": 2}


def test_each_file_is_laid_over_the_next_of_a_chain(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        last="extends: middle.yaml\nname: last\ndpo: {beta: 0.3}\n",
        middle="extends: base.yaml\nname: middle\ndpo: {beta: 0.2, epochs: 5}\nreward: null\niterations: 9\n",
        base=BASE,
    )
    settings = load(path)
    assert (settings.dpo.beta, settings.dpo.epochs, settings.dpo.batch_size) == (0.3, 5.0, 8)
    assert (settings.iterations, settings.reward.kind, settings.prompts.count) == (9, "judge", 24)


def test_a_file_that_is_extended_need_not_be_a_run_by_itself(tmp_path: Path) -> None:
    """Two branches of one tree of files may share a file; that is no circle."""
    path = put(tmp_path, run=f"extends: rates.yaml\n{BASE.replace('beta: 0.05, ', '')}", rates="dpo: {beta: 0.7}\n")
    assert load(path).dpo.beta == 0.7
    assert "model is missing" in refused(tmp_path / "rates.yaml")


def test_a_section_that_two_names_share_is_overridden_under_one_of_them(tmp_path: Path) -> None:
    base = BASE.replace("dpo: {", "sft: &rates {epochs: 3}\ndpo: {<<: *rates, ") + "online: *rates\n"
    assert extended(tmp_path, "sft: {epochs: 5}", base).online.epochs == 3.0
    assert load(tmp_path / "base.yaml", ["sft.epochs=6"]).online.epochs == 3.0


# Where the other file is ----------------------------------------------------------------------------------------------


def test_the_path_is_relative_to_the_file_that_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("methods", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "methods/run.yaml").write_text("extends: ../middle.yaml\nname: run\n")
    put(tmp_path, middle="extends: elsewhere/base.yaml\n")
    put(tmp_path / "elsewhere", base=BASE)
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load(Path("../methods/run.yaml")).prompts.count == 24


def test_a_path_may_be_absolute_or_begin_with_an_environment_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bases").mkdir()
    put(tmp_path / "bases", base=BASE)
    assert load(put(tmp_path, run=f"extends: {tmp_path}/bases/base.yaml\nname: run\n")).iterations == 4
    path = put(tmp_path, run="extends: ${SRLM_BASES}/base.yaml\nname: run\n")
    monkeypatch.delenv("SRLM_BASES", raising=False)
    said = "the environment variable SRLM_BASES is not set; set it or write the path in full"
    assert refused(path) == f"{path}: extends: ${{SRLM_BASES}}/base.yaml: {said}"
    monkeypatch.setenv("SRLM_BASES", str(tmp_path / "bases"))
    assert load(path).iterations == 4


def test_a_message_shows_the_name_of_a_variable_and_not_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "sk-secret")
    path = put(tmp_path, run="extends: ${SOME_TOKEN}/base.yaml\nname: run\n")
    assert refused(path) == f"{tmp_path}/${{SOME_TOKEN}}/base.yaml: no such run file; {path} extends it"


# The name -------------------------------------------------------------------------------------------------------------


def test_the_name_of_the_file_that_is_extended_is_not_taken(tmp_path: Path) -> None:
    path = put(tmp_path, run="extends: middle.yaml\n", middle="extends: base.yaml\nname: middle\n", base=BASE)
    assert refused(path) == (
        f"{path}: name is missing; that of {tmp_path}/middle.yaml is not taken, for each run needs a folder of its own"
    )
    assert load(path, ["name=given"]).folder == Path("runs/given")
    assert refused(put(tmp_path, alone=BASE.replace("name: base\n", ""))) == f"{tmp_path}/alone.yaml: name is missing"


# Files that cannot be extended ----------------------------------------------------------------------------------------


def test_files_that_extend_each_other_in_a_circle_are_refused_with_all_of_them(tmp_path: Path) -> None:
    path = put(tmp_path, a="extends: b.yaml\n", b="extends: ./c.yaml\n", c="extends: b.yaml\n")
    a, b, c = (f"{tmp_path}/{name}.yaml" for name in "abc")
    said = "these run files extend each other in a circle; remove one `extends`"
    assert refused(path) == f"{a} extends {b} extends {c} extends {b}: {said}"
    itself = put(tmp_path, itself="extends: itself.yaml\n")
    assert refused(itself) == f"{itself} extends {itself}: {said}"


def test_a_circle_through_a_link_is_one(tmp_path: Path) -> None:
    path = put(tmp_path, run="extends: link.yaml\nname: run\n")
    (tmp_path / "link.yaml").symlink_to(path)
    assert "in a circle" in refused(path)


def test_a_chain_of_twenty_files_is_read_and_a_longer_one_refused(tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(20)]
    chain = {name: f"extends: {after}.yaml\nname: run\n" for name, after in pairwise(names)}
    path = put(tmp_path, **chain, f19=BASE)
    assert load(path).iterations == 4
    put(tmp_path, f19="extends: f20.yaml\n", f20=BASE)
    said = (
        f"{tmp_path}/f20.yaml: more than 20 run files in a row, each extending the next; {tmp_path}/f19.yaml extends it"
    )
    assert refused(path) == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "base.yaml: no such run file; RUN extends it; found here: RUN", id="missing"),
        pytest.param(b"", "base.yaml: a run file must be a mapping of settings, found empty; RUN ext", id="empty"),
        pytest.param(b"- a\n", "base.yaml: a run file must be a mapping of settings, found a list; RUN ext", id="list"),
        pytest.param(b"name: \xff\n", "base.yaml: cannot be read as a run file: 'utf-8' codec can't", id="not-utf-8"),
        pytest.param(b"a: 1\nb: [1\n", "base.yaml:3: not YAML: ", id="not-yaml"),
        pytest.param(b"a: 1\na: 2\n", "base.yaml:2: not YAML: duplicate key a; RUN extends it", id="a-key-twice"),
        pytest.param(b"a: !!int 3\n", "base.yaml:1: not YAML without tags", id="a-tag"),
        pytest.param(b"a: " + b"[" * 60 + b"]" * 60, "base.yaml:1: lists and mappings more than 50 deep", id="deep"),
        pytest.param(b"a: " + b"x" * 2**18, "base.yaml: cannot be read as a run file: [Errno 27] it is ov", id="large"),
        pytest.param(
            b"a: &a [" + b"1, " * 9999 + b"1]\nb: *a\nc: *a\n", "base.yaml:2: more than 20,000 values", id="many-values"
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_extended_is_refused_with_the_file_that_extends_it(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = put(tmp_path, run="extends: base.yaml\nname: run\n")
    if content is not None:
        (tmp_path / "base.yaml").write_bytes(content)
    message = refused(path)
    assert message.startswith(f"{tmp_path}/{said.replace('RUN', str(path))}")
    assert f"; {path} extends it" in message


@pytest.mark.parametrize("kind", ["fifo", "folder", "circular-link"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    path, base = put(tmp_path, run="extends: base\nname: run\n"), tmp_path / "base"
    if kind == "fifo":
        os.mkfifo(base)
    elif kind == "folder":
        base.mkdir()
    else:
        base.symlink_to(base)
    message = refused(path)
    assert message.startswith(f"{base}: cannot be read as a run file: ") and message.endswith(f"; {path} extends it")


@pytest.mark.parametrize("given", ["5", "", "null", "[base.yaml]", "{a: base.yaml}", "''", "true"])
def test_extends_is_the_path_of_a_file(tmp_path: Path, given: str) -> None:
    path = put(tmp_path, run=f"extends: {given}\nname: run\n", base=BASE)
    assert refused(path).startswith(f"{path}: extends: must be the path of a run file (found ")


def test_a_long_path_is_cut_in_messages(tmp_path: Path) -> None:
    path = put(tmp_path, run=f"extends: {'x' * 100_000}\nname: run\n")
    assert len(refused(path)) < 5_000


def test_extends_stands_at_the_top_of_a_file_and_nowhere_else(tmp_path: Path) -> None:
    path = put(tmp_path, run="extends: base.yaml\nname: run\ndpo: {extends: base.yaml}\n", base=BASE)
    assert refused(path).startswith(f"{path}: unknown setting dpo.extends")
    said = "--set extends: only a run file extends another; name that file with --run"
    assert refused(tmp_path / "base.yaml", "extends=base.yaml") == said
    assert "unknown setting extend; did you mean extends" in refused(put(tmp_path, near="extend: base.yaml\nname: x\n"))


# Messages name the file in which a value stands -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "base", "file", "said"),
    [
        pytest.param("", "sedd: 1", "base", "unknown setting sedd; did you mean seed", id="unknown"),
        pytest.param("sedd: 1", "", "run", "unknown setting sedd; did you mean seed", id="unknown-of-its-own"),
        pytest.param("online: {epochs: 2}", "online: {bta: 1}", "base", "unknown setting online.bta", id="in-one"),
        pytest.param("online: {bta: 2}", "online: {epochs: 1}", "run", "unknown setting online.bta", id="own-in-one"),
        pytest.param("online: {epochs: 2}", "online: {epochs: x}", None, None, id="what-is-replaced-is-no-fault"),
        pytest.param("online: null", "online: {bta: 1}", None, None, id="what-is-taken-away-is-no-fault"),
        pytest.param("", "eft: {filter: 5}", "base", "eft.filter: Input should be a valid boolean", id="wrong"),
        pytest.param("seed: 2", "iterations: true", "base", "iterations: does not accept a boolean", id="true"),
        pytest.param("reward: {kind: x}", "", "run", "reward: Input tag 'x'", id="no-such-kind"),
        pytest.param("data: {ift: 3}", "data: {kind: c4}", "base", "data: Input tag 'c4'", id="no-such-kind-below"),
        pytest.param("reward: {kind: model}", "", "run", "reward.path is missing", id="missing-in-a-section"),
        pytest.param("model: null", "", "run", "model is missing", id="missing"),
        pytest.param("data: null", "", "run", "data is missing", id="taken-away-but-needed"),
        pytest.param("dpo: 5", "", "run", "dpo: Input should be a valid dictionary", id="a-value-over-a-section"),
        pytest.param("judge: null", "", "run", "judge: Input should be a valid dictionary", id="nothing-to-take-away"),
        pytest.param("iterations: null", "", "run", "iterations: Input should be a valid int", id="null-over-a-value"),
        pytest.param(
            "dpo: {batch_size: 12}", "", "run", "dpo.micro_batch_size 8 does not divide dpo.batch_size 12", id="both"
        ),
        pytest.param(
            "online: {epochs: 2}",
            "online: {batch_size: 7}",
            "base",
            "online.micro_batch_size 16 does not divide online.batch_size 7",
            id="with-a-default",
        ),
        pytest.param(
            "seed: 3",
            "judge: {engine: {kind: openai, model: m, base_url: 'http://me:secret@host/v1'}}",
            "base",
            "judge.engine.base_url contains a name or a password",
            id="a-password",
        ),
        pytest.param("prompts: {writer: file}", "", "run", "prompts.writer `file` needs prompts.path", id="lacking"),
        pytest.param("seed: 3", "eft: {writer: reviews}\ndpo: {early_stop: dpo}", "base", "dpo.early_stop", id="two"),
    ],
)  # fmt: skip
def test_a_fault_is_told_of_the_file_in_which_it_stands(
    tmp_path: Path, text: str, base: str, file: str | None, said: str
) -> None:
    sections = {line.partition(":")[0] for line in base.splitlines()}
    rest = "".join(line for line in BASE.splitlines(True) if line.partition(":")[0] not in sections)
    path = put(tmp_path, run=f"extends: base.yaml\nname: run\n{text}\n", base=f"{rest}{base}\n")
    if file is None:
        load(path)
    else:
        message = refused(path)
        assert message.startswith(f"{tmp_path}/{file}.yaml: {said}")
        assert "secret" not in message


def test_faults_of_several_files_are_told_at_once(tmp_path: Path) -> None:
    path = put(tmp_path, run="extends: base.yaml\nname: run\nsedd: 1\n", base=f"{BASE}oops: 2\n")
    run, base = sorted(refused(path).splitlines(), reverse=True)
    assert run.startswith(f"{path}: unknown setting sedd")
    assert base.startswith(f"{tmp_path}/base.yaml: unknown setting oops")


def test_a_fault_of_an_override_is_told_of_the_run_file(tmp_path: Path) -> None:
    path = put(tmp_path, run="extends: base.yaml\nname: run\n", base=BASE)
    assert refused(path, "dpo.beta=much").startswith(f"{path}: dpo.beta: Input should be a valid number")
    assert refused(path, "dpo.beta=true") == f"{path}: dpo.beta: does not accept a boolean"


@pytest.mark.parametrize("text", ["dpo:", "dpo:\n  # beta: 0.2", "dpo: {lora: }", "dpo: &x"])
def test_a_section_that_was_left_empty_does_not_take_away_what_it_extends(tmp_path: Path, text: str) -> None:
    name = "dpo.lora" if "lora" in text else "dpo"
    assert refused(put(tmp_path, run=f"extends: base.yaml\nname: run\n{text}\n", base=BASE)) == (
        f"{tmp_path}/run.yaml:3: {name}: nothing stands here; to keep what {tmp_path}/base.yaml says of it remove the "
        "line, to take that away write `null`"
    )
