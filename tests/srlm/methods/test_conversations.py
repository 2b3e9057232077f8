"""A run on ranked answers of one's own: conversations of several turns, and reviews as EFT examples."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from srlm.engines.base import Request
from srlm.engines.scripted import ScriptedEngine
from srlm.engines.weights import load_chat
from srlm.errors import DataError, SettingsError
from srlm.judge import rubric
from srlm.judge.pairwise import ModelPairJudge
from srlm.judge.pointwise import Answered, ModelPointJudge
from srlm.methods.checks import check_turns
from srlm.methods.early_stop import Contest
from srlm.methods.run import Run
from srlm.methods.start import seed_data
from srlm.methods.train import train
from srlm.records import Demonstration, Message, Prompt, RankedSet, Response, user
from srlm.run_file import load
from srlm.settings import ModelSettings, Sampling
from srlm.store import files
from srlm.training import sft
from srlm.worlds.beads import data as bead_data
from srlm.worlds.beads.settings import BeadsData

TINY = Path(__file__).resolve().parents[2] / "tiny.yaml"
EARLIER = [{"role": "user", "content": "a gold b black copy"}, {"role": "assistant", "content": "1 gold 2 black ."}]
BEFORE = (*user("a gold b black copy"), Message(role="assistant", content="1 gold 2 black ."))
CONVERSATION = Prompt.of("a red b blue turn", "mine", before=BEFORE)


class Place(NamedTuple):
    """A folder with the run file and the data it names."""

    run: Path
    rows: Path
    settings: dict[str, Any]

    def write(self) -> None:
        self.run.write_text(yaml.safe_dump(self.settings))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, bead_model: Path) -> Place:
    """Reviewed sets of the bead world as lines of our own, every second one in the middle of a conversation."""
    folder = tmp_path_factory.mktemp("conversations")
    world = BeadsData(base_lines=1, ift=1, eft_sets=40, heldout_sets=1, evaluation_prompts=1)
    rows = [
        {
            "prompt": [*EARLIER * (number % 2), {"role": "user", "content": one.prompt.text}],
            "responses": [response.text for response in one.responses],
            "ranks": one.ranks,
            "reviews": one.reviews,
        }
        for number, one in enumerate(bead_data.seed_data(world, 1).eft_sets)
    ]
    fresh = [prompt.text for prompt in bead_data.fresh_prompts(world, 1, 0, 16)]
    asked = [
        {"messages": [*EARLIER * (number % 2), *({"role": "user", "content": text},)]}
        for number, text in enumerate(fresh)
    ]
    for name, found in (("rows", rows), ("asked", asked)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found))
    settings = yaml.safe_load(TINY.read_text())
    del settings["pretraining"]
    settings["runs"], settings["model"] = str(folder / "runs"), {"base": str(bead_model)}
    settings["data"] = {"kind": "ranked", "path": str(folder / "rows.jsonl"), "ift": 12, "eft_sets": 10}
    settings["data"] |= {"heldout_sets": 6, "evaluation_prompts": 6}
    settings["prompts"] = {"writer": "file", "path": str(folder / "asked.jsonl"), "count": 16}
    settings["evaluation"] = {"judge": "checkpoint:M0"}
    made = Place(folder / "run.yaml", folder / "rows.jsonl", settings)
    made.write()
    return made


@pytest.fixture(scope="module")
def finished(place: Place) -> Run:
    """The run, trained to M2."""
    run = Run(load(place.run))
    assert train(run, 2).name == "M2"
    return run


def test_sets_keep_turns_and_reviews_and_the_reviews_are_the_eft_examples(finished: Run) -> None:
    data = seed_data(finished)
    assert {one.before for one in data.ift} == {(), BEFORE}
    assert all(one.reviews for one in data.eft_sets)
    examples = files.read(finished.path("M1", "eft.jsonl"), Demonstration)
    told = {text for one in data.eft_sets for text in one.reviews}
    assert examples
    assert all(one.response in told for one in examples)
    shown = [one.prompt for one in examples if "User: a gold b black copy\n\nAssistant: 1 gold 2 black ." in one.prompt]
    assert 0 < len(shown) < len(examples)


def test_a_model_is_trained_on_the_whole_conversation(finished: Run, bead_model: Path) -> None:
    words = load_chat(bead_model, ModelSettings(base=str(bead_model)))
    (one,) = [one for one in seed_data(finished).ift if one.before][:1]
    (example,), _ = sft.examples(words, [one], 200)
    text = words.tokenizer.decode(example.input_ids)
    assert text.startswith("<bos> <user> a gold b black copy <asst> 1 gold 2 black . <eos> <user> ")
    assert text.endswith(f"<user> {one.prompt} <asst> {one.response} <eos>")


def test_candidates_answer_the_whole_conversation(finished: Run) -> None:
    wanted = finished.settings.candidates
    prompts = files.read(finished.path("M2", "prompts.jsonl"), Prompt)
    assert {prompt.before for prompt in prompts} == {(), BEFORE}
    m1 = finished.folder.checkpoint("M1")
    assert m1 is not None
    with finished.engine(m1) as engine:
        chunk = prompts[: finished.block(wanted.count)]
        requests = [Request(messages=prompt.messages, draws=wanted.count) for prompt in chunk]
        written = engine.generate(requests, wanted.sampling, finished.seed("M2", "candidates", 0))
    kept = files.read(finished.path("M2", "responses.jsonl"), Response)
    assert [r.text for r in kept][: len(chunk) * wanted.count] == [one.text for drawn in written for one in drawn]


def test_explain_and_doctor_and_status_know_conversations(
    finished: Run, place: Place, srlm: Callable[..., Any]
) -> None:
    prompt = next(one for one in files.read(finished.path("M2", "prompts.jsonl"), Prompt) if one.before)
    said = srlm("explain", prompt.id, "--run", place.run)
    assert f"  User: a gold b black copy\n  \n  Assistant: 1 gold 2 black .\n  \n  User: {prompt.text}\n" in said.stdout
    looked = srlm("doctor", "--run", place.run)
    assert (looked.exit_code, "with reviews 39" in looked.stdout) == (0, True), looked.stdout
    assert srlm("status", "--run", place.run).exit_code == 0


def test_a_judge_is_shown_the_conversation(tmp_path: Path) -> None:
    shown: list[str] = []

    def judge(request: Request, seed: int) -> str:
        shown.append(request.messages[0].content)
        return "score : 3"

    answer = Response.of(CONVERSATION.id, "2 blue 1 red .", "M1", 0)
    ModelPointJudge(ScriptedEngine(judge), rubric.load("beads"), Sampling(), False).judge(
        [Answered(prompt=CONVERSATION, response=answer)], 1, 1, tmp_path / "judgements.jsonl"
    )
    conversation = "User: a gold b black copy\n\nAssistant: 1 gold 2 black .\n\nUser: a red b blue turn"
    assert shown == [f"review : {conversation} response : 2 blue 1 red ."]


def test_a_contest_asks_and_judges_the_conversation(tmp_path: Path) -> None:
    asked: list[tuple[Message, ...]] = []
    judged: list[str] = []

    def policy(request: Request, seed: int) -> str:
        asked.append(tuple(request.messages))
        return f"answer {len(asked)}"

    def judge(request: Request, seed: int) -> str:
        judged.append(request.messages[0].content)
        return "A"

    contest = Contest([CONVERSATION], Sampling(), seed=1, folder=tmp_path, every=1)
    for step in (0, 1):
        contest.answer(ScriptedEngine(policy), step)
    contest.margin(ModelPairJudge(ScriptedEngine(judge)), 1)
    assert asked == [CONVERSATION.messages] * 2
    assert judged
    assert all(CONVERSATION.transcript in text for text in judged)


def test_reviews_that_are_not_there_or_name_no_score_stop_the_run_before_it_starts(
    place: Place, tmp_path: Path, srlm: Callable[..., Any]
) -> None:
    rows = [json.loads(line) for line in place.rows.read_text().splitlines()]
    for name, reviews, says in (
        ("none", None, "none of 10 EFT sets has reviews"),
        ("wordless", ["fine"] * 4, "no review of 10 EFT sets ends with a score line"),
    ):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row | {"reviews": reviews}) + "\n" for row in rows))
        for command in ("train", "doctor"):
            said = srlm(command, "--run", place.run, "--set", f"data.path={path}", "--set", f"runs={tmp_path}/{name}")
            assert said.exit_code in (1, 2)
            assert says in said.stdout + said.stderr
        assert not list((tmp_path / name).glob("tiny/M*"))
        assert not list((tmp_path / name).glob("tiny/data/*.jsonl"))


def test_reviews_are_asked_for_when_the_data_is_there_already(place: Place, tmp_path: Path) -> None:
    rows = [{**json.loads(line), "reviews": None} for line in place.rows.read_text().splitlines()]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    chosen = [f"data.path={tmp_path}/rows.jsonl", f"runs={tmp_path}/runs"]
    run = Run(load(place.run, [*chosen, "eft.writer=sft"]))
    with run.folder.held():
        assert len(seed_data(run).eft_sets) == 10
    with pytest.raises(DataError, match="none of 10 EFT sets has reviews"):
        seed_data(Run(load(place.run, chosen)))


def test_a_template_that_takes_no_system_message_is_told_before_training(
    place: Place, finished: Run, bead_model: Path, tmp_path: Path, srlm: Callable[..., Any]
) -> None:
    model = Path(shutil.copytree(bead_model, tmp_path / "model"))
    template = (model / "chat_template.jinja").read_text()
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
    (model / "chat_template.jinja").write_text(refusing + template)
    words = load_chat(model, ModelSettings(base=str(model)))
    check_turns(words, seed_data(finished))
    rows = [json.loads(line) for line in place.rows.read_text().splitlines()]
    for row in rows:
        row["prompt"] = [{"role": "system", "content": "be brief"}, *row["prompt"]]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    chosen = [f"data.path={tmp_path}/rows.jsonl", f"model.base={model}", f"runs={tmp_path}/runs"]
    for command in ("train", "doctor"):
        said = srlm(command, "--run", place.run, *(word for setting in chosen for word in ("--set", setting)))
        assert said.exit_code in (1, 2)
        assert "does not render a conversation of system, user" in said.stdout + said.stderr
        assert "no system here" in said.stdout + said.stderr
    assert not list((tmp_path / "runs").glob("tiny/SFT/*"))
    with pytest.raises(SettingsError, match=r"set model\.chat_template to another template"):
        ranked = RankedSet.of(
            Prompt.of("x", "mine", before=(Message(role="system", content="s"),)),
            (Response.of("p", "a", "human", 0), Response.of("p", "b", "human", 1)),
            (0, 1),
        )
        check_turns(words, seed_data(finished).model_copy(update={"eft_sets": (ranked,)}))


def test_a_prompt_of_one_turn_is_rendered_as_ever(bead_model: Path) -> None:
    words = load_chat(bead_model, ModelSettings(base=str(bead_model)))
    plain = Prompt.of("a red b blue turn", "mine")
    assert plain.messages == user("a red b blue turn")
    assert plain.transcript == "a red b blue turn"
    assert words.tokenizer.decode(words.prompt_ids(plain.messages)) == "<bos> <user> a red b blue turn <asst>"
