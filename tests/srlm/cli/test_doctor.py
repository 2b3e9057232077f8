"""`srlm doctor`: a sound run passes, and each thing that would fail later is a line and exit status 2."""

import datetime
import json
import shlex
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from srlm.cli.doctor import findings
from srlm.cli.main import app
from srlm.run_file import load
from tests.chat_server import Serve, reasoning, words

ROOT = Path(__file__).parents[3]
POCKET = ROOT / "configs/pocket.yaml"
SMALL = (
    "data.base_lines=200",
    "data.ift=60",
    "data.eft_sets=20",
    "data.heldout_sets=20",
    "data.evaluation_prompts=30",
    "data.validation_prompts=0",
)
Doctor = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """`doctor("seed=2")`: exit status and lines of the doctor's report on a small pocket run, or on another file."""

    def ask(*settings: str, run: Path = POCKET, small: tuple[str, ...] = SMALL) -> tuple[int, list[str]]:
        words = ["doctor", "--run", str(run)]
        for setting in (f"runs={tmp_path}/runs", *small, *settings):
            words += ["--set", setting]
        done = CliRunner().invoke(app, words)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert not (tmp_path / "runs").exists()
        return done.exit_code, done.stdout.splitlines()

    return ask


@pytest.fixture
def on_disk(tmp_path: Path, bead_model: Path) -> tuple[Path, Path]:
    """A run file for the bead world with a model folder as M0, and that folder."""
    model = Path(shutil.copytree(bead_model, tmp_path / "model"))
    run = tmp_path / "run.yaml"
    run.write_text(
        f"name: disk\nmodel: {{base: {model}}}\ndata: {{kind: beads}}\nprompts: {{writer: world}}\n"
        "eft: {writer: reviews}\n"
        "candidates: {sampling: {max_new_tokens: 16}}\n"
        "judge: {template: beads, sampling: {max_new_tokens: 8}}\n"
    )
    return run, model


def problems(lines: list[str]) -> list[str]:
    return [line.removeprefix(" problem  ") for line in lines if line.startswith(" problem  ")]


def test_a_sound_run_passes(doctor: Doctor) -> None:
    status, lines = doctor()
    assert status == 0
    assert lines[-1] == "all checks passed"
    assert {line[:8] for line in lines[:-1]} == {"      ok"}
    assert any("run pocket: settings read, digest " in line for line in lines)
    assert "      ok  data: no training prompt is an evaluation prompt or a near duplicate of one" in lines
    assert "      ok  IFT: 0 of 60 examples exceed the model's context of 256 tokens and are left out" in lines


def test_a_model_on_disk_is_loaded_and_judges_once(doctor: Doctor, on_disk: tuple[Path, Path]) -> None:
    status, lines = doctor(run=on_disk[0])
    assert (status, problems(lines)) == (0, [])
    assert "      ok  model: loads and generates" in lines
    assert "      ok  architecture: prompts are padded and batched; their common prefix is computed once" in lines
    assert any(line.startswith("      ok  judge: ") and line.endswith("by M0 have a score line") for line in lines)


def test_a_judge_without_score_lines_is_a_warning_where_it_must_write_them(
    doctor: Doctor, on_disk: tuple[Path, Path]
) -> None:
    status, lines = doctor("eft.writer=sft", "judge.sampling.max_new_tokens=1", run=on_disk[0])
    assert status == 0
    said = (
        "judge: 0 of 4 judgements by M0 have a score line; "
        "the EFT stage may keep no examples: consider judge.complete=true"
    )
    assert f" warning  {said}" in lines


def test_few_prompts_to_measure_on_are_a_warning(doctor: Doctor) -> None:
    status, lines = doctor("data.heldout_sets=30", "data.evaluation_prompts=4")
    assert status == 0
    assert " warning  data: only 4 evaluation prompts; intervals will be wide" in lines


def test_some_examples_that_are_cut_are_a_warning(doctor: Doctor) -> None:
    status, lines = doctor("sft.max_length=24")
    (line,) = [line for line in lines if "IFT: " in line]
    assert status == 0
    assert line.startswith(" warning  IFT: ")


def test_a_missing_data_file(doctor: Doctor, tmp_path: Path, on_disk: tuple[Path, Path]) -> None:
    run, model = on_disk
    run.write_text(
        f"name: disk\nmodel: {{base: {model}}}\ndata: {{kind: oasst, path: {tmp_path}/no.jsonl}}\n"
        "evaluation: {judge: 'checkpoint:M0'}\n"
    )
    status, lines = doctor(run=run, small=())
    assert status == 2
    assert problems(lines) == [
        f"data: {tmp_path}/no.jsonl: no such file; is the path right, relative to the working directory?"
    ]
    assert lines[-1] == "fix the problems above first"
    assert any(line.startswith("      ok  tokenizer: ") for line in lines)  # one fault does not hide the rest


def test_a_template_without_slot(doctor: Doctor, tmp_path: Path) -> None:
    template = tmp_path / "judge.txt"
    template.write_text("Score {prompt}")
    status, lines = doctor(f"judge.template={template}")
    assert status == 2
    assert problems(lines) == [f"judge.template {template}: the template has no slot {{response}}"]


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        pytest.param(
            "sft.max_length=5",
            "IFT: 60 of 60 examples exceed sft.max_length 5 and are left out",
            id="every-example-cut",
        ),
        pytest.param(
            "candidates.sampling.max_new_tokens=256",
            "prompts: 90 of 90 leave no room for 256 new tokens in a context of 256",
            id="no-room-for-answers",
        ),
    ],
)
def test_what_would_fail_later_is_one_line(doctor: Doctor, setting: str, problem: str) -> None:
    status, lines = doctor(setting)
    assert (status, problems(lines)) == (2, [problem])


def test_a_runs_folder_under_a_file(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    words = [word for setting in (*SMALL, f"runs={taken}/runs") for word in ("--set", setting)]
    done = CliRunner().invoke(app, ["doctor", "--run", str(POCKET), *words])
    assert done.exit_code == 2
    assert problems(done.stdout.splitlines()) == [
        f"{taken}: not writable; choose another folder with --set runs=FOLDER"
    ]


def test_a_model_folder_without_tokenizer(doctor: Doctor, on_disk: tuple[Path, Path]) -> None:
    run, model = on_disk
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (model / name).unlink()
    status, lines = doctor(run=run)
    assert status == 2
    (problem,) = problems(lines)
    assert problem.startswith(f"model: {model}: ")
    assert "tokenizer" in problem


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("config.json", "{", id="config-broken"),
        pytest.param("config.json", json.dumps({"model_type": "no such type"}), id="config-of-no-known-model"),
        pytest.param("config.json", None, id="config-missing"),
        pytest.param("model.safetensors", "no weights", id="weights-broken"),
        pytest.param("model.safetensors", None, id="weights-missing"),
    ],
)
def test_a_broken_model_folder_is_one_problem(
    doctor: Doctor, on_disk: tuple[Path, Path], name: str, content: str | None
) -> None:
    run, model = on_disk
    if content is None:
        (model / name).unlink()
    else:
        (model / name).write_text(content)
    status, lines = doctor(run=run)
    assert status == 2
    (problem,) = problems(lines)
    assert problem.startswith(f"model: {model}: ")
    assert name.split(".")[0] in problem


def test_a_prompt_writer_that_is_not_there(doctor: Doctor, on_disk: tuple[Path, Path], tmp_path: Path) -> None:
    run, _ = on_disk
    status, lines = doctor("prompts.writer=fixed", f"prompts.model={tmp_path}/nobody", run=run)
    assert (status, problems(lines)) == (2, [f"model: {tmp_path}/nobody: no such model folder"])


def test_a_server_that_is_down(doctor: Doctor) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: whoever connects is refused
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        status, lines = doctor(f"judge.engine={{kind: openai, model: judge, base_url: '{address}'}}")
    assert status == 2
    (problem,) = problems(lines)
    assert problem.startswith(f"server: judge at {address}/: cannot be reached (")
    assert problem.endswith("is the server running, and is base_url (--base-url) its address?")


@pytest.mark.parametrize("refuses", [False, True], ids=["answers nothing", "refuses"])
def test_a_server_that_reasons_is_a_warning(doctor: Doctor, serve: Serve, refuses: bool) -> None:
    server = serve(reasoning(lambda body: "yes", refuses=refuses))
    _, lines = doctor(f"judge.engine={{kind: openai, model: thinker, base_url: '{server.url}'}}")
    assert "      ok  server: thinker answers" in lines
    (line,) = [line for line in lines if "reasons before it answers" in line]
    assert line.startswith(" warning  server: thinker reasons before it answers: its thought takes part of")


def test_an_oracle_outside_its_world(doctor: Doctor, on_disk: tuple[Path, Path], tmp_path: Path) -> None:
    run, model = on_disk
    run.write_text(f"name: disk\nmodel: {{base: {model}}}\ndata: {{kind: oasst, path: {tmp_path}/no.jsonl}}\n")
    _, lines = doctor(run=run, small=())
    assert problems(lines)[0] == (
        "evaluation.judge: `oracle` is the exact program of a world (bead world or errands world), and this data has "
        "none; use checkpoint:NAME or openai:MODEL"
    )


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        pytest.param("gpt-4", "evaluation.judge gpt-4: not one of the judges checkpoint:NAME, ", id="no-kind"),
        pytest.param("checkpoint:M9", "(finished: none); the models of this run will be M0, SFT, M1", id="no-model"),
        pytest.param("hf:{folder}/nobody", "evaluation.judge: {folder}/nobody: no such", id="no-folder"),
        pytest.param("file:{folder}/said.jsonl", "/said has scores only, and no comparisons", id="scores-only"),
        pytest.param("checkpoint:SFT", None, id="a-model-to-come"),
        pytest.param("length", None, id="length"),
    ],
)
def test_a_judge_of_the_head_to_head_that_will_not_open(
    doctor: Doctor, tmp_path: Path, judge: str, said: str | None
) -> None:
    (tmp_path / "said.jsonl").write_text('{"prompt": "a", "response": "b", "score": 3}\n')
    _, lines = doctor(f"evaluation.judge={judge.format(folder=tmp_path)}")
    found = problems(lines)
    if said is None:
        assert found == []
    else:
        assert len(found) == 1 and said.format(folder=tmp_path) in found[0]


def test_a_run_that_would_not_go_on_is_a_problem(doctor: Doctor, trained: Path, tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "runs", tmp_path / "begun")
    words = ("--run", str(tiny), "--set", f"runs={tmp_path}/begun")
    assert "all checks passed" in CliRunner().invoke(app, ["doctor", *words]).stdout
    before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "begun").rglob("*"))
    other = CliRunner().invoke(app, ["doctor", *words, "--set", "sft.max_steps=3"])
    assert problems(other.stdout.splitlines()) == [
        f"{tmp_path}/begun/tiny was made with other settings (sft.max_steps: 10 -> 3); sft.max_steps changes SFT "
        f"first; fork the run to keep data, M0 (srlm train {shlex.join(words)} --set sft.max_steps=3 --set name=tiny-2 "
        f"--from {tmp_path}/begun/tiny), choose a new name (--set name=OTHER) or delete the folder"
    ]
    assert sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "begun").rglob("*")) == before
    (tmp_path / "begun/tiny/M1/model/config.json").write_text("{}")
    edited = CliRunner().invoke(app, ["doctor", *words])
    assert problems(edited.stdout.splitlines())[0].startswith(
        f"{tmp_path}/begun/tiny: M1/model/config.json has changed since M1 was finished. "
    )


def test_a_rate_that_cannot_move_the_weights_in_their_format_is_a_warning(
    doctor: Doctor, on_disk: tuple[Path, Path]
) -> None:
    """Random weights of 0.05: half a bfloat16 step is 0.0001 of most, more than one step of 1e-6."""
    slow = ("model.dtype=bfloat16", "dpo.learning_rate=1e-6", "dpo.final_learning_rate=1e-7", "dpo.max_steps=1")
    status, lines = doctor(*slow, run=on_disk[0])
    assert status == 0
    (line,) = [line for line in lines if "dpo.learning_rate" in line]
    assert line.startswith(" warning  dpo.learning_rate 1e-06: 1 step cannot change ")
    assert "of M0's weights in bfloat16" in line
    _, lines = doctor(*slow[:3], "dpo.max_steps=2000", run=on_disk[0])
    (line,) = [line for line in lines if "dpo.learning_rate" in line]
    assert line.startswith("      ok  dpo.learning_rate 1e-06: 2,000 steps can change ")


def test_a_rate_below_what_float32_can_tell_is_a_warning(doctor: Doctor, on_disk: tuple[Path, Path]) -> None:
    _, lines = doctor("dpo.learning_rate=1e-12", "dpo.final_learning_rate=0", run=on_disk[0])
    (line,) = [line for line in lines if "dpo.learning_rate" in line]
    assert line.startswith(" warning  dpo.learning_rate 1e-12: too small to change ")


def test_a_retired_judge_is_a_problem_and_one_that_goes_soon_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    judges = ("judge.engine.kind=openai", "judge.engine.model=gpt-4-0613", "evaluation.judge=openai:gpt-4.1")
    settings = load(POCKET, [f"runs={tmp_path}/runs", *SMALL, *judges])
    found = list(findings(settings, False, datetime.date(2026, 11, 26)))
    (gone,) = [one.what for one in found if one.state == "problem"]
    assert gone.startswith("judge.engine gpt-4-0613: was shut down on 2026-10-23 (")
    assert "use gpt-4.1 (until 2027-01-14)" in gone
    (soon,) = [one.what for one in found if one.state == "warning" and "shut down" in one.what]
    assert soon.startswith("evaluation.judge gpt-4.1: will be shut down on 2027-01-14 (49 days left; ")
    before = list(findings(settings, False, datetime.date(2026, 10, 22)))
    assert not [one for one in before if one.state == "problem" and "was shut down" in one.what]


def test_a_judge_of_the_evaluation_is_looked_up_in_its_servers_list(doctor: Doctor, serve: Serve) -> None:
    server = serve(lambda body, number: words("yes"))
    server.models = [{"id": "big"}]
    judges = (f"evaluation.base_url={server.url}", "evaluation.judge=openai:big")
    status, lines = doctor(*judges)
    (line,) = [line for line in lines if "evaluation.judge: " in line]
    assert (status, line) == (0, f"      ok  evaluation.judge: big is listed by {server.url}")
    _, lines = doctor(judges[0], "evaluation.judge=openai:other")
    (line,) = [line for line in lines if "evaluation.judge: " in line]
    assert line.startswith(" warning  ") and line.endswith("does not list the model other; it has big")
    assert server.asked == []


def test_a_path_with_a_slip_is_noticed_before_the_hub_is_asked(
    doctor: Doctor, on_disk: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = on_disk
    (tmp_path / "models/llama").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    status, lines = doctor("model.base=models/lama", run=run)
    said = "model.base models/lama: no such folder in models (it has llama); it is taken for a name of the Hub"
    assert f" warning  {said}" in lines
    assert status == 2


def test_what_to_expect_is_said_of_each_stage(doctor: Doctor) -> None:
    _, lines = doctor("iterations=2", "prompts.count=40", "dpo.max_steps=7", "sft.epochs=2", "sft.max_steps=null")
    expected = [line.removeprefix("      ok  expect: ") for line in lines if "expect: " in line]
    assert expected[0].startswith("SFT baseline: 60 IFT examples, ")
    assert expected[1] == "EFT: 20 ranked sets with 80 answers; at most 80 examples: reviews with a score"
    assert expected[2] == "M2: DPO: at most 40 pairs, 7 steps"
    assert expected[3].startswith("a prompt whose answers all score the same gives no pair; ")


def test_a_training_on_next_to_nothing_is_warned_of(doctor: Doctor) -> None:
    status, lines = doctor("iterations=2", "prompts.count=9", "data.ift=49", "data.eft_sets=3", "dpo.max_steps=7")
    few = "; so few teach a model next to nothing"
    assert [line for line in lines if line.endswith(few)] == [
        f" warning  expect: SFT baseline: 49 IFT examples, 7 steps{few}",
        f" warning  expect: M2: DPO: at most 9 pairs, 7 steps{few}",
    ]
    assert status == 0
