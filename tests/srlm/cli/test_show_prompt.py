"""`srlm show-prompt`: what is shown is what is trained and asked, to the token."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srlm.records import Demonstration, user
from srlm.store import files
from srlm.text.chat import Chat
from srlm.training import scratch, sft
from srlm.worlds.beads import program

Srlm = Callable[..., Any]
SMALL = "data: {kind: beads, base_lines: 200, ift: 8, eft_sets: 4, heldout_sets: 4, evaluation_prompts: 20}"


def objects(said: Any) -> list[dict[str, Any]]:
    assert said.exit_code == 0, said.stderr
    return [json.loads(line) for line in said.stdout.splitlines()]


def test_every_kind_is_shown_as_the_run_uses_it(srlm: Srlm, tiny: Path, trained: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(trained)
    ift, eft, judge, prompt = objects(srlm("show-prompt", "--run", tiny, "--json"))
    assert [one["kind"] for one in (ift, eft, judge, prompt)] == ["ift", "eft", "judge", "prompt"]
    chat = Chat(scratch.tokenizer(program.vocabulary()))
    for shown, file in ((ift, "data/ift.jsonl"), (eft, "M1/eft.jsonl")):
        demonstration = files.read(trained / "runs/tiny" / file, Demonstration)[0]
        ((ids, labels, _),), _ = sft.examples(chat, [demonstration], 256)
        assert shown["of"] == demonstration.id
        assert [token["id"] for token in shown["tokens"]] == ids
        assert [token["loss"] for token in shown["tokens"]] == [label != -100 for label in labels]
        assert shown["answer"] == f"{demonstration.response} <eos>"
    assert judge["prompt"].startswith("<bos> <user> review : ")
    assert [token["id"] for token in prompt["tokens"]] == chat.prompt_ids(user(prompt["prompt"][13:-8]))
    assert not any(token["loss"] for one in (judge, prompt) for token in one["tokens"])
    assert (ift["ends"], ift["date"], ift["arguments"]) == ({"<eos>": 3}, None, {})


@pytest.fixture
def run(tmp_path: Path, bead_model: Path) -> Callable[[str], Path]:
    """A run file on a model folder with another chat template."""

    def make(template: str) -> Path:
        folder = Path(shutil.copytree(bead_model, tmp_path / "model"))
        (folder / "chat_template.jinja").write_text(template)
        path = tmp_path / "run.yaml"
        path.write_text(
            f"name: shown\nruns: {tmp_path}/runs\n{SMALL}\n"
            f"model: {{base: {folder}, template_arguments: {{tone: calm}}}}\n"
            "prompts: {writer: world}\njudge: {template: beads}\n"
        )
        return path

    return make


TEMPLATE = (
    "{{ strftime_now('%Y') }} {{ tone }}\x1b[31m{% for m in messages %}"
    "{{ ' <user> ' if m.role == 'user' else ' <asst> ' }}{{ m.content }}{% if m.role != 'user' %} <eos>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ ' <asst> ' }}{% endif %}"
)


def test_the_template_its_arguments_and_its_date_are_named(srlm: Srlm, run: Callable[[str], Path]) -> None:
    path = run(TEMPLATE)
    said = srlm("show-prompt", "--run", path, "--what", "ift", "--set", "model.date=2024-11-05")
    assert said.exit_code == 0
    head, template, ends, *_ = said.stdout.splitlines()
    assert head.startswith("IFT example (")
    assert template.startswith("  chat template ") and template.endswith(', arguments tone: "calm", date 2024-11-05')
    assert ends == "  a turn ends with <eos> (3)"
    assert "    | 2024 calm\\u001b[31m <user> a " in said.stdout  # no terminal obeys it
    assert "\x1b" not in said.stdout
    loss = [line for line in said.stdout.splitlines() if line.split()[2:3] == ["*"]]
    assert loss[-1].split()[1:] == ["3", "*", "<eos>"]


def test_judgements_that_nobody_has_written_yet_are_not_made_up(srlm: Srlm, run: Callable[[str], Path]) -> None:
    path = run(TEMPLATE)
    alone = srlm("show-prompt", "--run", path, "--what", "eft")
    assert alone.exit_code == 2
    assert alone.stderr == ("srlm: the run's SFT baseline writes its judgements, and has not written any yet\n")
    among = srlm("show-prompt", "--run", path)
    assert among.exit_code == 0
    assert "EFT example: the run's SFT baseline writes its judgements" in among.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--what", "nothing"), "is not one of ift, eft, judge, prompt"),
        (("--what", "ift", "--number", "9"), "has only 8"),
    ],
)
def test_what_is_not_there_is_said(srlm: Srlm, run: Callable[[str], Path], words: tuple[str, ...], told: str) -> None:
    said = srlm("show-prompt", "--run", run(TEMPLATE), *words)
    assert said.exit_code == 2
    assert told in " ".join(said.stderr.replace("│", " ").split())
