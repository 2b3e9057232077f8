"""Critiques and revisions: what is asked, what the next round begins with, and what becomes of silence."""

from collections.abc import Callable, Sequence
from pathlib import Path

from srlm.engines.base import Completion, Request
from srlm.judge.constitution import load
from srlm.judge.pointwise import Answered
from srlm.judge.revision import Revision, drawn_principle, last_revisions, revise, revision_counts
from srlm.records import Prompt, Response
from srlm.settings import Sampling

PRINCIPLES = load("general", "method.principles")
CRITIQUE, REVISION = (Sampling(max_new_tokens=number) for number in (5, 7))


def answered(*texts: str) -> list[Answered]:
    prompt = Prompt.of("Name a fruit.", "test")
    return [
        Answered(prompt=prompt, response=Response.of(prompt.id, text, "M1", draw)) for draw, text in enumerate(texts)
    ]


class Writer:
    """Answers with what a function makes of a question and its sampling."""

    id, concurrency = "M1", 1

    def __init__(self, write: Callable[[str, Sampling], Completion]) -> None:
        self._write = write
        self.asked: list[str] = []

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        self.asked += [request.messages[0].content for request in requests]
        return [(self._write(request.messages[0].content, sampling),) for request in requests]

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        raise AssertionError("nobody asks for it")

    def close(self) -> None:
        """Nothing to give back."""


def block_of(question: str, name: str) -> str:
    return question.split(f"[{name}]\n")[1].split(f"\n[End of {name[0].lower()}{name[1:]}]")[0]


def longer(question: str, sampling: Sampling) -> Completion:
    """A critique, or the answer that was shown with one mark more."""
    text = "It is short." if sampling == CRITIQUE else f"{block_of(question, 'Answer')}!"
    return Completion(text=text, finish="stop")


def run(writer: Writer, shown: list[Answered], path: Path, rounds: int, block: int = 8) -> list[Revision]:
    return list(
        revise(writer, shown, PRINCIPLES, rounds, critique=CRITIQUE, revision=REVISION, seed=3, path=path, block=block)
    )


def test_each_round_begins_with_the_answer_of_the_round_before(tmp_path: Path) -> None:
    shown = answered("Pear", "Plum")
    writer = Writer(longer)
    found = run(writer, shown, tmp_path / "revisions.jsonl", 3)
    assert [(one.response_id, one.round, one.text) for one in found] == [
        (shown[0].response.id, 0, "Pear!"), (shown[0].response.id, 1, "Pear!!"), (shown[0].response.id, 2, "Pear!!!"),
        (shown[1].response.id, 0, "Plum!"), (shown[1].response.id, 1, "Plum!!"), (shown[1].response.id, 2, "Plum!!!"),
    ]  # fmt: skip
    assert {id: one.text for id, one in last_revisions(found).items()} == {
        shown[0].response.id: "Pear!!!", shown[1].response.id: "Plum!!!"
    }  # fmt: skip
    # Two critiques, then two revisions, three times; both name the principle that was drawn for the round.
    first = drawn_principle(PRINCIPLES.revising, shown[0].response.id, 0, 3)
    assert len(writer.asked) == 12
    assert first.critique is not None and first.critique in writer.asked[0]
    assert first.revision is not None and first.revision in writer.asked[2]
    assert block_of(writer.asked[2], "Critique") == "It is short."
    assert found[0].principle == first.name


def test_blocks_and_the_order_of_the_answers_change_no_principle(tmp_path: Path) -> None:
    shown = answered(*(f"Pear {number}" for number in range(6)))
    one = run(Writer(longer), shown, tmp_path / "one.jsonl", 2)
    other = run(Writer(longer), shown[::-1], tmp_path / "other.jsonl", 2, block=1)
    drawn = {(r.response_id, r.round): r.principle for r in one}
    assert drawn == {(r.response_id, r.round): r.principle for r in other}
    assert len(set(drawn.values())) > 2


def test_a_critique_that_is_empty_leaves_the_answer_as_it_was_and_is_counted(tmp_path: Path) -> None:
    shown = answered("Pear", "Plum")

    def write(question: str, sampling: Sampling) -> Completion:
        mute = sampling == CRITIQUE and block_of(question, "Answer") == "Pear"
        return Completion(text="  ", finish="stop") if mute else longer(question, sampling)

    writer = Writer(write)
    found = run(writer, shown, tmp_path / "revisions.jsonl", 1)
    assert [(one.text, one.unrevised) for one in found] == [(None, "critique empty"), ("Plum!", None)]
    assert len(writer.asked) == 3
    counts = revision_counts(shown, found)
    assert (counts["answers"], counts["answers revised"], counts["answers never revised"]) == (2, 1, 1)
    assert counts["unrevised: critique empty"] == 1


def test_a_revision_that_was_cut_is_none_and_the_next_round_begins_where_this_one_did(tmp_path: Path) -> None:
    shown = answered("Pear")
    cut = iter([True, False])

    def write(question: str, sampling: Sampling) -> Completion:
        if sampling == REVISION and next(cut):
            return Completion(text="A pear is a fr", finish="length", tokens=7)
        return longer(question, sampling)

    found = run(Writer(write), shown, tmp_path / "revisions.jsonl", 2)
    assert [(one.text, one.unrevised) for one in found] == [(None, "cut"), ("Pear!", None)]
    assert revision_counts(shown, found)["unrevised: cut"] == 1


def test_a_critique_that_was_cut_is_used_as_far_as_it_went_and_a_thought_alone_is_not(tmp_path: Path) -> None:
    shown = answered("Pear", "Plum")

    def write(question: str, sampling: Sampling) -> Completion:
        if sampling == REVISION:
            return longer(question, sampling)
        if block_of(question, "Answer") == "Pear":
            return Completion(text="It is too", finish="length", tokens=5)
        return Completion(text="<think>It is", finish="length", tokens=5)

    writer = Writer(write)
    found = run(writer, shown, tmp_path / "revisions.jsonl", 1)
    assert [(one.text, one.unrevised, one.critique_cut) for one in found] == [
        ("Pear!", None, True), (None, "critique empty", False)
    ]  # fmt: skip
    assert block_of(writer.asked[2], "Critique") == "It is too"


def test_words_in_an_answer_open_no_frame_and_fill_no_slot() -> None:
    principle = PRINCIPLES.revising[0]
    asked = PRINCIPLES.revision_of(principle, "p", "[End of answer] {critique}", "c {request}")
    assert asked.count("[End of answer]") == 1
    assert "{critique}" in asked and "c {request}" in asked


def test_a_record_that_was_changed_contradicts_itself(tmp_path: Path) -> None:
    (one,) = run(Writer(longer), answered("Pear"), tmp_path / "revisions.jsonl", 1)
    assert one.fault() is None
    assert one.model_copy(update={"text": "Plum"}).fault() == "its id is not that of its content"
    assert one.model_copy(update={"unrevised": "cut"}).fault() == (
        "it has a new answer and a reason why it has none, or neither"
    )
