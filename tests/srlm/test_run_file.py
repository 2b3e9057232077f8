import datetime
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from srlm.errors import SettingsError
from srlm.methods.positive_sft import PositiveSftSettings
from srlm.run_file import ARMS, load, own_section, upgrade
from srlm.settings import Settings

ROOT = Path(__file__).parents[2]
SMALLEST = "name: small\nmodel: {base: scratch}\npretraining: {}\ndata: {kind: beads}\n"


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(SMALLEST)
    return path


def with_text(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(SMALLEST + text, encoding="utf-8")
    return path


def value(settings: Settings, name: str) -> Any:
    for part in name.split("."):
        settings = getattr(settings, part)
    return settings


def refused(path: Path, overrides: Sequence[str] = ()) -> str:
    with pytest.raises(SettingsError) as caught:
        load(path, overrides)
    return str(caught.value)


def test_the_smallest_run_file_gets_the_defaults(run_file: Path) -> None:
    settings = load(run_file)
    assert (settings.name, settings.seed, settings.dpo.beta, settings.judge.draws) == ("small", 1, 0.1, 3)
    assert settings.folder == Path("runs/small")


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_run_file_loads(path: Path) -> None:
    assert load(path).name == path.stem


APART: Mapping[str, str] = {
    "autorater": "prompts dpo evaluation",
    "autorater-smollm2": "sft eft prompts dpo",
    "constitutional": "data",
    "constitutional-smollm2": "iterations",
    "cream": "candidates dpo",
    "cream-smollm2": "candidates",
    "length_regularised": "",
    "length_regularised-smollm2": "",
    "meta_rewarding": "data judge dpo",
    "meta_rewarding-smollm2": "judge dpo",
    "rest": "",
    "rest-smollm2": "",
    "rlhf": "reward_model online",
    "rlhf-smollm2": "reward_model online",
    "rule_based_rewards": "",
    "rule_based_rewards-smollm2": "",
    "self_rewarding_rl": "dpo online",
    "self_rewarding_rl-smollm2": "dpo online",
    "self_taught_evaluator": "data prompts dpo evaluation",
    "self_taught_evaluator-smollm2": "eft dpo",
    "spin": "",
    "spin-smollm2": "",
    "temporal": "dpo",
    "temporal-smollm2": "",
    "weak_to_strong": "eft prompts dpo evaluation",
    "weak_to_strong-smollm2": "data eft prompts dpo",
}
"""Sections, beside `name` and `method`, in which a method's run file is not the default run's, or SmolLM2's."""
METHOD_FILES = sorted((ROOT / "configs/methods").glob("*.yaml"))


@pytest.mark.parametrize("path", METHOD_FILES, ids=lambda path: path.stem)
def test_the_run_file_of_a_method_is_apart_from_what_it_extends_in_these_sections_alone(path: Path) -> None:
    base = ROOT / "configs" / ("smollm2.yaml" if path.stem.endswith("-smollm2") else "pocket.yaml")
    assert f"\nextends: ../{base.name}\n" in path.read_text(encoding="utf-8")
    mine, theirs = (load(one).model_dump(mode="json") for one in (path, base))
    assert {name for name in mine if mine[name] != theirs[name]} == {"name", "method", *APART[path.stem].split()}


def test_no_two_shipped_run_files_are_one_run() -> None:
    names = [load(path).name for path in (*METHOD_FILES, *(ROOT / "configs").glob("*.yaml"))]
    assert len(names) == len(set(names)) == 31


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        # Of the runs that were begun when each file had all settings itself.
        pytest.param("weak_to_strong", "a798a867d2391a24", id="with-sections-taken-away"),
        pytest.param("autorater-smollm2", "868555a1f79c3099", id="with-defaults-written-out"),
        pytest.param("rlhf", "845fe0bfb049d98a", id="with-sections-of-its-own"),
    ],
)
def test_a_run_of_a_methods_file_goes_on(name: str, digest: str) -> None:
    extended = ROOT / "configs" / ("smollm2.yaml" if name.endswith("-smollm2") else "pocket.yaml")
    settings = load(ROOT / f"configs/methods/{name}.yaml")
    assert settings.digest == digest, f"a changed recipe in {extended} makes another run: write its digest here"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("dpo: {bta: 0.2}", "unknown setting dpo.bta; did you mean dpo.beta", id="misspelt-key"),
        pytest.param("dop: {beta: 0.2}", "unknown setting dop; did you mean dpo", id="misspelt-section"),
        pytest.param("beta: 0.2", "unknown setting beta; did you mean dpo.beta", id="in-the-wrong-section"),
        pytest.param("sedd: 2", "unknown setting sedd; did you mean seed", id="misspelt-top-level"),
        pytest.param("judge: {sampling: {temp: 1}}", "judge.sampling.temperature", id="short-for-a-longer-name"),
        pytest.param("qqqq: 1", "unknown setting qqqq", id="like-nothing"),
        pytest.param("candidates: {count: many}", "candidates.count: Input should be", id="wrong-type"),
        pytest.param("candidates: {count: 2.5}", "candidates.count: Input should be a valid int", id="half"),
        pytest.param("candidates: {count: 1}", "candidates.count: Input should be greater than", id="small"),
        pytest.param("dpo: {beta: .nan}", "dpo.beta: Input should be", id="nan"),
        pytest.param("dpo: {beta: .inf}", "dpo.beta: Input should be a finite number", id="infinity"),
        pytest.param("dpo: 5", "dpo: Input should be a valid dictionary", id="a-value-for-a-section"),
        pytest.param("dpo:", "dpo: Input should be a valid dictionary", id="nothing-for-a-section"),
        pytest.param("selection: {kind: best}", "selection.kind: Input should be 'best_worst'", id="not-a-choice"),
        pytest.param(
            "arm: form_scores",
            "arm is no longer a setting; instead of `arm: form_scores` set reward.kind=world and reward.scores=form",
            id="a-former-setting",
        ),
        pytest.param("arm: best", "(found 'best'): `self_rewarding` is the default; `positive_only` is", id="no-arm"),
        pytest.param("arm: self_rewarding", "`self_rewarding` is the default; delete the line", id="the-default-arm"),
        pytest.param("method: 5", "method: Input should be a valid dictionary", id="a-number-for-a-method"),
        pytest.param("reward: {kind: model}", "reward.path is missing", id="inside-a-reward"),
        pytest.param("reward: {kind: rules, pionts: 1}", "unknown setting reward.pionts", id="misspelt-in-a-reward"),
        pytest.param("selection: {band: 0.5}", "selection.band: Input should be less than 0.5", id="a-band-of-all"),
        pytest.param("iterations: true", "iterations: does not accept a boolean", id="a-truth-value-for-a-number"),
        pytest.param("seed: -1", "seed: Input should be greater than or equal to 0", id="negative-seed"),
        pytest.param("5: 6", "5: Keys should be strings", id="a-number-for-a-name"),
        pytest.param(
            "sft: {batch_size: 6, micro_batch_size: 4}",
            "sft.micro_batch_size 4 does not divide sft.batch_size 6",
            id="micro-batch",
        ),
        pytest.param("dpo: {batch_size: 8}", "dpo.micro_batch_size 16 does not divide dpo.batch_size 8", id="micro"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(tmp_path: Path, text: str, said: str) -> None:
    path = with_text(tmp_path, text)
    message = refused(path)
    assert message.startswith(f"{path}: ")
    assert said in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("model: {base: x}\ndata: {kind: oasst, path: p}", "name is missing", id="name"),
        pytest.param("name: a\ndata: {kind: oasst, path: p}", "model is missing", id="section"),
        pytest.param("name: a\nmodel: {}\ndata: {kind: oasst, path: p}", "model.base is missing", id="inside"),
        pytest.param("name: a\nmodel: {base: x}\ndata: {kind: oasst}", "data.path is missing", id="inside-a-choice"),
        pytest.param("name: a\nmodel: {base: x}\ndata: {}", "data: Unable to extract tag", id="no-kind"),
        pytest.param("name: a\nmodel: {base: x}\ndata: {kind: c4}", "'oasst', 'beads'", id="unknown-kind"),
        pytest.param(
            f"{SMALLEST}engine: {{kind: scripted}}",
            "should be 'transformers', 'vllm', 'ray' or 'openai'",
            id="no-engine",
        ),
        pytest.param(
            f"{SMALLEST}engine: {{kind: openai, model: m, base_url: 'http://127.0.0.1/v1'}}",
            "set engine.kind to `transformers`, to `vllm` (what `vllm serve` runs, in this process) or to `ray`",
            id="a-server-of-the-run's-own-models",
        ),
        pytest.param(
            "name: ../up\nmodel: {base: x}\ndata: {kind: oasst, path: p}", "name: String should match", id="up"
        ),
        pytest.param("name: a\nmodel: {base: scratch}\ndata: {kind: beads}", "needs a pretraining section", id="new"),
        pytest.param(
            "name: a\nmodel: {base: x}\npretraining: {}\ndata: {kind: beads}",
            "needs no pretraining section",
            id="pretraining-of-a-finished-model",
        ),
    ],
)
def test_what_is_missing_or_does_not_go_together_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    assert said in refused(path)


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    message = refused(with_text(tmp_path, "sedd: 1\ndpo: {bta: 1}\niterations: x"))
    assert len(message.splitlines()) == 3


# The file -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"name: a\nmodel: [1\ndata: x\n", ":3: not YAML", id="broken-yaml-with-its-line"),
        pytest.param(b"name: a\n\tb: c\n", ":2: not YAML", id="tab"),
        pytest.param(b"name: a\nseed: 1\nname: b\n", ":3: not YAML: duplicate key name", id="a-key-twice"),
        pytest.param(b"sft:\n  epochs: 1\n  epochs: 2\n", ":3: not YAML: duplicate key epochs", id="twice-inside"),
        pytest.param(b"a: !!python/object:os.system x\n", ":1: not YAML", id="a-python-object"),
        pytest.param(b"name: \x00\n", "not YAML", id="nul"),
        pytest.param(b"seed: 1" + b"0" * 5000, "not YAML", id="a-number-of-5000-digits"),
        pytest.param(b"", "a run file must be a mapping of settings, found empty", id="empty"),
        pytest.param(b"- a\n- b\n", "a run file must be a mapping of settings, found a list", id="list"),
        pytest.param(b"words", "a run file must be a mapping of settings, found a str", id="words"),
        pytest.param(b"name: \xff\xfe\n", "cannot be read as a run file", id="not-utf-8"),
    ],
)
def test_a_file_that_is_no_run_file_is_an_error_that_names_it(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    message = refused(path)
    assert message.startswith(str(path))
    assert said in message


def test_a_missing_file_names_its_neighbours(run_file: Path) -> None:
    (run_file.parent / "other.yaml").touch()
    missing = run_file.parent / "rum.yaml"
    there = f"{run_file.parent}/other.yaml, {run_file}"
    assert refused(missing) == f"{missing}: no such run file; found here: {there}"
    assert refused(run_file.parent / "no" / "run.yaml").endswith("no/run.yaml: no such run file")


def test_a_folder_is_no_run_file(tmp_path: Path) -> None:
    assert "cannot be read as a run file" in refused(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(SMALLEST, encoding="utf-8-sig")
    assert load(path).name == "small"


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        pytest.param("dpo: {learning_rate: 1e-6}", "dpo.learning_rate", 1e-6, id="exponent"),
        pytest.param("dpo: {learning_rate: 1E-6}", "dpo.learning_rate", 1e-6, id="capital-exponent"),
        pytest.param("dpo: {learning_rate: 1.5e-6}", "dpo.learning_rate", 1.5e-6, id="exponent-with-a-point"),
        pytest.param("dpo: {learning_rate: .5}", "dpo.learning_rate", 0.5, id="no-digit-before-the-point"),
        pytest.param("dpo: {learning_rate: 5.}", "dpo.learning_rate", 5.0, id="no-digit-behind-the-point"),
        pytest.param("prompts: {count: 1e3}", "prompts.count", 1000, id="a-count-with-an-exponent"),
        pytest.param("prompts: {count: 40_000}", "prompts.count", 40_000, id="underscores"),
        pytest.param("dpo: {early_stop: off}", "dpo.early_stop", "off", id="off-is-a-word"),
        pytest.param("dpo: {early_stop: 'off'}", "dpo.early_stop", "off", id="quoted-off"),
        pytest.param("runs: 2024-11-05", "runs", "2024-11-05", id="a-date-is-a-word"),
        pytest.param("runs: 1:30", "runs", "1:30", id="a-time-is-a-word"),
        pytest.param("runs: 010", "runs", "010", id="leading-zeros-are-a-word"),
        pytest.param("runs: no", "runs", "no", id="no-is-a-word"),
        pytest.param("runs: ~", None, None, id="null-is-no-path"),
        pytest.param("eft: {filter: false}", "eft.filter", False, id="false"),
        pytest.param("eft: {filter: True}", "eft.filter", True, id="true"),
        pytest.param("sft: {lora: null}", "sft.lora", None, id="null"),
        pytest.param("sft: {lora: }", "sft.lora", None, id="nothing"),
        pytest.param("sft: {lora: {rank: 4}}", "sft.lora.rank", 4, id="a-section-that-is-off-by-default"),
        pytest.param("prompts: {blocked_words: [a, b]}", "prompts.blocked_words", ("a", "b"), id="list"),
        pytest.param("sft: &x {epochs: 3}\ndpo: {<<: *x, beta: 1}", "dpo.epochs", 3.0, id="merged-section"),
        pytest.param("judge: {template: 'a \u00e9 file.txt'}", "judge.template", "a \u00e9 file.txt", id="accents"),
    ],
)
def test_values_of_the_file(tmp_path: Path, text: str, name: str | None, expected: object) -> None:
    path = with_text(tmp_path, text)
    if name is None:
        assert "runs: Input should be a valid string (found None)" in refused(path)
    else:
        assert value(load(path), name) == expected


# Methods and former settings ------------------------------------------------------------------------------------------


def test_a_method_is_named_alone_or_with_its_own_settings(tmp_path: Path) -> None:
    plain = load(with_text(tmp_path, "method: positive_sft"))
    assert (plain.method.name, plain.method.own) == ("positive_sft", {})
    assert plain.model_dump(mode="json")["method"] == "positive_sft"
    given = load(with_text(tmp_path, "method: {name: positive_sft, min_reward: 4}"))
    assert (given.method.name, given.method.own) == ("positive_sft", {"min_reward": 4})
    assert load(with_text(tmp_path, "method: positive_sft"), ["method.min_reward=4"]) == given


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("min_rewrd: 4", "unknown setting method.min_rewrd; did you mean method.min_reward?"),
        ("min_reward: much", "method.min_reward: Input should be a valid number"),
        ("min_reward: true", "method.min_reward: does not accept a boolean"),
    ],
)
def test_own_settings_are_read_as_those_of_a_run_file_are(tmp_path: Path, given: str, fault: str) -> None:
    """A fault is said of the file in which it stands, also where another one extends that."""
    named = with_text(tmp_path, f"method: {{name: positive_sft, {given}}}")
    upper = tmp_path / "upper.yaml"
    upper.write_text(f"extends: {named.name}\nname: upper\nseed: 2\n")
    for path in (named, upper):
        settings = load(path)
        with pytest.raises(SettingsError, match=f"^{re.escape(f'{named}: {fault}')}"):
            own_section(PositiveSftSettings, settings.method.own, "method", settings)
    right = load(named, ["method={name: positive_sft, min_reward: 4}"])
    assert own_section(PositiveSftSettings, right.method.own, "method", right).min_reward == 4.0


def test_own_settings_that_stand_in_no_file_are_said_to_be_a_run_files() -> None:
    settings = Settings.model_validate({"name": "x", "model": {"base": "scratch"}, "data": {"kind": "beads"}})
    with pytest.raises(SettingsError, match=r"^run file: unknown setting method\.least"):
        own_section(PositiveSftSettings, {"least": 4}, "method", settings)


def test_settings_are_the_same_wherever_they_stand(tmp_path: Path) -> None:
    (elsewhere := tmp_path / "elsewhere").mkdir()
    one, other = (load(with_text(folder, "seed: 3")) for folder in (tmp_path, elsewhere))
    assert one.where("seed") != other.where("seed")
    assert one == other and one.digest == other.digest
    assert one.model_copy(update={"threads": 2}).where("seed") == one.where("seed")


@pytest.mark.parametrize("arm", ARMS)
def test_what_an_arm_is_called_today_is_what_a_recorded_run_is_read_as(run_file: Path, arm: str) -> None:
    today = load(run_file, ARMS[arm]).model_dump(mode="json")
    old = load(run_file).model_dump(mode="json") | {"arm": arm, "method": "self_rewarding"}
    for later in ("reward", "selection"):
        del old[later]
    assert Settings.model_validate(upgrade(old)).model_dump(mode="json") == today


# --set ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "name", "expected"),
    [
        pytest.param("dpo.beta=0.2", "dpo.beta", 0.2, id="number"),
        pytest.param("dpo.learning_rate=1e-6", "dpo.learning_rate", 1e-6, id="exponent"),
        pytest.param("prompts.count=1e3", "prompts.count", 1000, id="a-count-with-an-exponent"),
        pytest.param("dpo.early_stop=off", "dpo.early_stop", "off", id="off-is-a-word"),
        pytest.param("name=other", "name", "other", id="word"),
        pytest.param("name=inf", "name", "inf", id="a-word-that-could-be-a-number"),
        pytest.param('name="12"', "name", "12", id="quoted-number"),
        pytest.param("runs=a=b", "runs", "a=b", id="an-equals-sign-in-the-value"),
        pytest.param(" seed = 3 ", "seed", 3, id="white-space"),
        pytest.param("prompts.blocked_words=[a, b]", "prompts.blocked_words", ("a", "b"), id="list"),
        pytest.param("prompts.blocked_words=[]", "prompts.blocked_words", (), id="empty-list"),
        pytest.param("sft.lora.rank=4", "sft.lora.rank", 4, id="into-a-section-that-is-none"),
        pytest.param("sft.lora=null", "sft.lora", None, id="null"),
        pytest.param("dpo.max_steps=", "dpo.max_steps", None, id="nothing"),
        pytest.param("judge.engine={kind: openai, model: m}", "judge.engine.model", "m", id="a-whole-section"),
        pytest.param("eft.filter=false", "eft.filter", False, id="truth-value"),
    ],
)
def test_an_override_is_applied(run_file: Path, override: str, name: str, expected: object) -> None:
    assert value(load(run_file, [override]), name) == expected


def test_the_last_of_two_overrides_wins_and_both_win_over_the_file(tmp_path: Path) -> None:
    path = with_text(tmp_path, "seed: 5")
    assert load(path, ["seed=6", "seed=7"]).seed == 7


@pytest.mark.parametrize(
    ("override", "said"),
    [
        pytest.param("dpo.beta", "--set dpo.beta: write it as section.key=value", id="no-value"),
        pytest.param("=5", "--set =5: write it as section.key=value", id="no-name"),
        pytest.param("dpo.bta=1", "unknown setting dpo.bta; did you mean dpo.beta", id="misspelt"),
        pytest.param("name.x=1", "--set name.x=1: name is a value, not a section", id="into-a-value"),
        pytest.param("name={a", "--set name={a: '{a' is not a YAML value", id="broken-value"),
        pytest.param("dpo.beta=much", "dpo.beta: Input should be a valid number", id="wrong-type"),
        pytest.param("dpo..beta=1", "--set dpo..beta=1: write it as section.key=value", id="empty-section"),
    ],
)
def test_a_wrong_override_is_named(run_file: Path, override: str, said: str) -> None:
    assert said in refused(run_file, [override])


def test_a_templates_arguments_are_its_own(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("name: x\nmodel: {base: m, template_arguments: {enable_thinking: false}}\ndata: {kind: beads}\n")
    read = load(path, ["model.template_arguments.effort=low", "model.date=2024-11-05", "prompts.writer=world"])
    assert read.model.template_arguments == {"enable_thinking": False, "effort": "low"}
    assert read.model.date == datetime.date(2024, 11, 5)
    with pytest.raises(SettingsError, match=r"model\.template_arguments\.tokenize: srlm sets this argument itself"):
        load(path, ["model.template_arguments.tokenize=true"])


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        pytest.param(
            ["dpo.learning_rate=1e-8"],
            "dpo.final_learning_rate 1e-07 is above dpo.learning_rate 1e-08; the rate must fall",
            id="a-rate-that-would-rise",
        ),
        pytest.param(["sft.final_learning_rate=1"], "sft.final_learning_rate 1 is above sft", id="the-same-of-sft"),
        pytest.param(["sft.max_steps=-1"], "sft.max_steps: Input should be greater than or equal to 1", id="negative"),
        pytest.param(["dpo.max_steps=0"], "dpo.max_steps: Input should be greater than or equal to 1", id="no-step"),
        pytest.param(["dpo.autocast=float16"], "dpo.autocast: Input should be 'auto', 'bfloat16' or 'off'", id="half"),
    ],
)
def test_a_training_that_could_not_be_made_is_refused(run_file: Path, overrides: list[str], said: str) -> None:
    assert said in refused(run_file, overrides)


def test_a_constant_rate_has_no_final_one(run_file: Path) -> None:
    assert load(run_file, ["dpo.schedule=constant", "dpo.learning_rate=1e-8"]).dpo.learning_rate == 1e-8


def test_adapters_have_default_rates_of_their_own_ten_times_as_high(run_file: Path) -> None:
    def rates(*overrides: str) -> list[float]:
        found = load(run_file, overrides)
        return [rate for part in (found.sft, found.dpo) for rate in (part.learning_rate, part.final_learning_rate)]

    assert rates() == [5.5e-6, 1.1e-6, 1e-6, 1e-7]
    assert rates("sft.lora.rank=16", "dpo.lora.rank=16") == [5.5e-5, 1.1e-5, 1e-5, 1e-6]
    assert rates("dpo.lora.rank=16") == [5.5e-6, 1.1e-6, 1e-5, 1e-6]
    assert rates("dpo.lora.rank=16", "dpo.learning_rate=2e-6")[2:] == [2e-6, 1e-6]


LAUGHS = "\n".join(
    [
        "l0: &l0 [x, x, x, x, x, x, x, x, x, x]",
        *(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)),
    ]
)


@pytest.mark.parametrize("key", ["name", "nonsense"])
def test_aliases_that_stand_for_more_than_memory_holds_are_refused_wherever_they_stand(
    tmp_path: Path, key: str
) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(f"{LAUGHS}\n{key}: *l9\nmodel: {{base: x}}\ndata: {{kind: oasst, path: p}}\n")
    with pytest.raises(SettingsError) as error:
        load(path)
    assert str(error.value) == f"{path}:5: more than 20,000 values, those that aliases (*name) repeat counted"


def test_of_many_faults_the_first_twenty_are_shown_and_long_values_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    many = "".join(f"{'k' * 300}{number}: 1\n" for number in range(100))
    path.write_text(f"name: {'x' * 100_000}\nmodel: {{base: x}}\ndata: {{kind: oasst, path: p}}\n{many}")
    with pytest.raises(SettingsError) as error:
        load(path)
    lines = str(error.value).splitlines()
    assert len(str(error.value)) < 4_200
    assert lines[-1] == f"{path}: and 81 more faults"
    assert f"{path}: name: String should match pattern" in lines[0]


@pytest.mark.parametrize("put", ["fifo", "folder", "link", "large"])
def test_what_is_no_run_file_is_refused_without_waiting(tmp_path: Path, put: str) -> None:
    path = tmp_path / "run.yaml"
    if put == "fifo":
        os.mkfifo(path)
    elif put == "folder":
        path.mkdir()
    elif put == "link":
        path.symlink_to(path)
    else:
        with path.open("wb") as file:
            file.truncate(2**40)
    said = {
        "fifo": "it is a FIFO",
        "folder": "Is a directory",
        "link": "Too many levels",
        "large": "it is over 256 KiB",
    }
    with pytest.raises(SettingsError, match=f"cannot be read as a run file: .*{said[put]}"):
        load(path)


FILES = "name: mine\nmodel: {base: M}\ndata: {kind: files, sources: {"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("}}", "data.sources needs `ift` or `rankings`", id="nothing"),
        pytest.param("ift: {path: a}}}", "eft.writer `sft` needs ranked answers (data.sources.rankings)", id="no-eft"),
        pytest.param(
            "ift: {path: a}}}\neft: {writer: off}", "set data.eft_sets and data.heldout_sets to 0", id="sizes"
        ),
        pytest.param(
            "rankings: {path: a}}}\nprompts: {writer: file, path: a, source: {path: b}}",
            "prompts.path and prompts.source both name the prompts; keep one",
            id="two-files-of-prompts",
        ),
        pytest.param(
            "ift: {path: a, format: alpca}}}", "data.sources.ift.format: Input should be 'alpaca'", id="format"
        ),
        pytest.param("ift: {file: a}}}", "unknown setting data.sources.ift.file", id="unknown"),
    ],
)
def test_files_of_ones_own_need_each_other(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(FILES + text + "\n")
    assert said in refused(path)


def test_a_column_of_ones_own_file_may_be_set_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(FILES + "rankings: {path: a}}}\n")
    settings = load(path, ["data.sources.rankings.columns.prompt=ask"])
    assert value(settings, "data.sources.rankings").columns == {"prompt": "ask"}
