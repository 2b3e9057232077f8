"""Which words of a judge may be read, for scores and for comparisons: cut, open thoughts, no room, refusals."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from srlm.engines.base import Completion, Request
from srlm.engines.transformers import TransformersEngine
from srlm.errors import CapabilityError, RoomError
from srlm.judge import eft, scores
from srlm.judge.pairwise import ModelPairJudge, Opinion, PairItem
from srlm.judge.pointwise import Answered, ModelPointJudge
from srlm.judge.rubric import Rubric, load
from srlm.judge.unread import parted, why_unread
from srlm.records import Judgement, Prompt, RankedSet, Response, Unread
from srlm.settings import EftSettings, ModelSettings, Sampling

CUT = Completion(text="Good. Score: 4\nBut on sec", finish="length", tokens=8)
THINKING = Completion(text="", finish="length", tokens=8, thought="Weak. Score: 1")
NO_ROOM = Completion(text="", finish="length", tokens=0)
REFUSED = Completion(text="", finish=None, refused="content_filter")
THOUGHT = Completion(text="Score: 4", finish="stop", tokens=8, thought="Weak. Score: 1")


class Writes:
    """An engine that writes what it is given, request by request, and gives one letter or digit all its probability.

    `room` is how many characters of a prefix it has room for.
    """

    concurrency = 1

    def __init__(self, written: Sequence[Completion], likely: str = "3", mass: float = 1.0, room: int = 10_000) -> None:
        self.id = "judge"
        self.asked: list[tuple[str, str]] = []
        self._written, self._likely, self._log, self._room = list(written), likely, math.log(mass), room

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        self.asked += [("write", request.prefix) for request in requests]
        return [tuple(self._written.pop(0) for _ in range(request.draws)) for request in requests]

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        self.asked += [("score", request.prefix) for request in requests]
        if any(len(request.prefix) > self._room for request in requests):
            raise RoomError("no room")
        return [[self._log if text.strip() == self._likely else -100.0 for text in own] for own in continuations]

    def close(self) -> None:
        """Nothing to give back."""


def answered(number: int) -> list[Answered]:
    prompts = [Prompt.of(f"question {place}", "test") for place in range(number)]
    return [Answered(prompt=one, response=Response.of(one.id, "answer", "M1", 0)) for one in prompts]


def read(engine: Writes | TransformersEngine, folder: Path, number: int = 1, complete: bool = False) -> list[Judgement]:
    made = ModelPointJudge(engine, load("additive"), Sampling(max_new_tokens=8), complete).judge(
        answered(number), 1, 1, folder / "judgements.jsonl"
    )
    return list(made)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        pytest.param(CUT, "cut", id="cut"),
        pytest.param(THINKING, "open thought", id="open-thought"),
        pytest.param(NO_ROOM, "no room", id="no-room"),
        pytest.param(REFUSED, "refused", id="refused"),
        pytest.param(Completion(text="", finish="length", tokens=8), "cut", id="hidden-reasoning-that-was-cut"),
        pytest.param(THOUGHT, None, id="thought-and-answer"),
        pytest.param(Completion(text="Score: 4", finish=None), None, id="the-engine-does-not-say"),
        pytest.param(Completion(text="", finish="stop", tokens=0), None, id="nothing-said"),
    ],
)
def test_why_words_may_not_be_read(written: Completion, why: Unread | None) -> None:
    assert why_unread(written) == why


def test_a_thought_left_in_the_text_is_parted_from_it_only_where_it_begins_the_text() -> None:
    closed = parted(Completion(text="<think>\nScore: 1\n</think>\n\nScore: 4", finish="stop"))
    assert (closed.thought, closed.text, closed.finish) == ("Score: 1", "Score: 4", "stop")
    left_open = parted(Completion(text="<think>\nScore: 1", finish="stop"))
    assert (left_open.thought, left_open.text, left_open.finish) == ("Score: 1", "", "length")
    quoting = Completion(text="It says </think>.\nScore: 4", finish="stop")
    assert parted(quoting) == quoting


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize(
    ("written", "why"),
    [
        pytest.param(THINKING, "open thought", id="open-thought"),
        pytest.param(NO_ROOM, "no room", id="no-room"),
        pytest.param(REFUSED, "refused", id="refused"),
        pytest.param(Completion(text="<think>\nScore: 1", finish="stop"), "open thought", id="left-in-the-text"),
    ],
)
def test_a_judgement_that_did_not_begin_its_answer_has_no_score_and_is_never_asked_for_one(
    tmp_path: Path, written: Completion, why: Unread, complete: bool
) -> None:
    engine = Writes([written])
    (made,) = read(engine, tmp_path, complete=complete)
    assert (made.score, made.unread, made.raw, made.completed) == (None, why, "", False)
    assert [what for what, _ in engine.asked] == ["write"]


def test_a_cut_judgement_has_no_score_though_its_words_name_one(tmp_path: Path) -> None:
    (made,) = read(Writes([CUT]), tmp_path)
    assert (made.score, made.unread, made.raw, made.cut) == (None, "cut", CUT.text, False)


def test_a_cut_judgement_may_be_asked_for_its_score_and_is_marked_as_cut(tmp_path: Path) -> None:
    (made,) = read(Writes([CUT], likely="3"), tmp_path, complete=True)
    assert (made.score, made.unread, made.completed, made.cut) == (3.0, None, True, True)
    assert made.raw == "Good. Score: 4\nBut on sec\nScore: 3"


def test_a_judgement_that_was_cut_before_its_first_word_is_not_asked(tmp_path: Path) -> None:
    """A server that hides the thought gives no text and says that it was cut."""
    engine = Writes([Completion(text="", finish="length", tokens=8)])
    (made,) = read(engine, tmp_path, complete=True)
    assert (made.score, made.unread, made.completed) == (None, "cut", False)
    assert [what for what, _ in engine.asked] == ["write"]


@pytest.mark.parametrize(("written", "score"), [("4", 4.0), ("four", None), ("10/10", None)])
def test_points_with_almost_no_probability_are_noise_and_the_written_ones_decide(
    tmp_path: Path, written: str, score: float | None
) -> None:
    said = [Completion(text="Good.", finish="stop"), Completion(text=written, finish="length")]
    (made,) = read(Writes(said, likely="1", mass=2e-5), tmp_path, complete=True)
    assert (made.score, made.raw, made.completed) == (score, f"Good.\nScore: {written}", True)


def test_a_score_is_read_behind_the_thought_alone(tmp_path: Path) -> None:
    (made,) = read(Writes([THOUGHT]), tmp_path)
    assert (made.score, made.raw, made.thought, made.unread) == (4.0, "Score: 4", "Weak. Score: 1", None)


def test_a_prefix_without_room_costs_its_own_score_and_no_other(tmp_path: Path) -> None:
    short, long = Completion(text="Good.", finish="stop"), Completion(text="Good. " * 9, finish="stop")
    first, second, third = read(Writes([short, long, short], room=30), tmp_path, number=3, complete=True)
    assert [(one.score, one.unread, one.completed) for one in (first, third)] == [(3.0, None, True)] * 2
    assert (second.score, second.unread, second.completed, second.raw) == (None, "no score", False, long.text)


def test_a_local_model_gives_no_score_for_a_prompt_that_does_not_fit(bead_model: Path, tmp_path: Path) -> None:
    """The random model's context is shorter than the additive rubric."""
    engine = TransformersEngine.load(bead_model, "M1", ModelSettings(base="unused"), batch_size=4)
    (made,) = read(engine, tmp_path, complete=True)
    assert (made.score, made.unread, made.completed) == (None, "no room", False)


def test_judgements_are_counted_by_the_reason_they_are_unread_for(tmp_path: Path) -> None:
    written = [CUT, THINKING, NO_ROOM, REFUSED, THOUGHT, CUT, Completion(text="Lovely.", finish="stop")]
    counts = scores.judgement_counts(read(Writes(written), tmp_path, number=7))
    found = {key: value for key, value in counts.items() if key.startswith("judgements unscored")}
    assert found == {
        "judgements unscored": 6,
        "judgements unscored: cut": 2,
        "judgements unscored: no room": 1,
        "judgements unscored: no score": 1,
        "judgements unscored: open thought": 1,
        "judgements unscored: refused": 1,
    }


@pytest.mark.parametrize(
    "thinking", [THINKING, Completion(text="", finish="length", tokens=8)], ids=["open-thought", "hidden-thought"]
)
def test_a_judge_that_scores_may_be_given_room_for_its_thought(tmp_path: Path, thinking: Completion) -> None:
    rooms: list[int] = []

    class Patient(Writes):
        def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
            rooms.append(sampling.max_new_tokens)
            return super().generate(requests, sampling, seed)

    engine = Patient([CUT, thinking, THOUGHT])
    judge = ModelPointJudge(engine, load("additive"), Sampling(max_new_tokens=8), False, thought_tokens=400)
    cut, thought = judge.judge(answered(2), 1, 1, tmp_path / "judgements.jsonl")
    assert rooms == [8, 400]
    assert (cut.score, cut.unread) == (None, "cut")  # it had begun to answer
    assert (thought.score, thought.thought, thought.unread) == (4.0, "Weak. Score: 1", None)


@pytest.mark.parametrize("complete", [False, True])
def test_a_cut_judgement_never_becomes_an_example_for_a_judge(tmp_path: Path, complete: bool) -> None:
    prompt = Prompt.of("question", "test")
    answers = tuple(Response.of(prompt.id, text, "human", 0) for text in "abc")
    ranked = RankedSet.of(prompt, answers, (0, 1, 2))
    whole = [Completion(text=f"Fine.\nScore: {points}", finish="stop") for points in (5, 2)]
    judgements = list(
        ModelPointJudge(Writes([whole[0], CUT, whole[1]], likely="3"), load("beads"), Sampling(), complete).judge(
            [Answered(prompt=prompt, response=answer) for answer in answers], 1, 1, tmp_path / "judgements.jsonl"
        )
    )
    assert [one.score for one in judgements] == [5.0, 3.0 if complete else None, 2.0]
    rubric = Rubric(name="test", text="{prompt} {response}")
    made = eft.build([ranked], judgements, rubric, EftSettings(max_score_share=1), seed=1)
    assert [one.response for one in made.examples] == ["Fine.\nScore: 5", "Fine.\nScore: 2"]
    assert made.counts.get("judgements cut, scored and left out") == (1 if complete else None)
    assert made.counts.get("judgements unscored: cut") == (None if complete else 1)


# Comparisons ----------------------------------------------------------------------------------------------------------

ITEM = PairItem(prompt="Which?", first="one", second="two")


def said(text: str, **rest: object) -> Completion:
    return Completion.model_validate({"text": text, "finish": "stop", **rest})


def test_letters_with_almost_no_probability_are_noise_and_the_written_letter_decides() -> None:
    engine = Writes([said("B")], likely="A", mass=2e-5)
    assert ModelPairJudge(engine).compare([ITEM], 1) == [Opinion(preference=0.0, raw="B")]


@pytest.mark.parametrize(("mass", "preference"), [(0.02, 1.0), (0.008, 0.0)])
def test_one_per_cent_is_the_least_probability_that_is_a_verdict(mass: float, preference: float) -> None:
    engine = Writes([said("B")], likely="A", mass=mass / 2)  # "A" and " A" have it each
    assert ModelPairJudge(engine).compare([ITEM], 1)[0].preference == preference


def test_each_items_way_hangs_on_the_item_alone() -> None:
    """Half of the items have a prompt whose letters are as good as impossible; alone or together, all read the same."""

    class Mixed(Writes):
        def loglikelihood(
            self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]
        ) -> list[list[float]]:
            silent = ["silent" in request.messages[0].content for request in requests]
            rows = super().loglikelihood(requests, continuations)
            return [[-20.0 for _ in row] if mute else row for mute, row in zip(silent, rows, strict=True)]

    items = [ITEM, PairItem(prompt="silent", first="one", second="two")] * 2
    together = ModelPairJudge(Mixed([said("B")] * 2, likely="A")).compare(items, 1)
    judge = ModelPairJudge(Mixed([said("B")] * 2, likely="A"))
    assert together == [opinion for item in items for opinion in judge.compare([item], 1)]
    assert [opinion.preference for opinion in together] == [1.0, 0.0, 1.0, 0.0]
    assert [opinion.probability is None for opinion in together] == [False, True, False, True]


def test_a_judge_that_thinks_is_given_time_and_read_behind_its_thought() -> None:
    thinking = said("", thought="A is longer", finish="length", tokens=64)
    engine = Writes([thinking, said("B", thought="A is longer, but B is right")], mass=1e-9)
    assert ModelPairJudge(engine).compare([ITEM], 1) == [Opinion(preference=0.0, raw="B")]


@pytest.mark.parametrize(
    ("written", "why"),
    [
        pytest.param([said("A is better in that", finish="length", tokens=64)], "cut", id="cut"),
        pytest.param([said("", thought="A", finish="length", tokens=64)] * 2, "open thought", id="open-thought"),
        pytest.param([said("", finish=None, refused="filtered")], "refused", id="refused"),
        pytest.param([said("", finish="length", tokens=0)], "no room", id="no-room"),
    ],
)
def test_a_comparison_that_may_not_be_read_says_why(written: list[Completion], why: Unread) -> None:
    (opinion,) = ModelPairJudge(Writes(written, mass=1e-9)).compare([ITEM], 1)
    assert (opinion.preference, opinion.unread) == (None, why)


def test_an_item_without_room_takes_no_others_verdict_away() -> None:
    class Small(Writes):
        def loglikelihood(
            self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]
        ) -> list[list[float]]:
            if any("long" in request.messages[0].content.split() for request in requests):
                raise RoomError("no room")
            return super().loglikelihood(requests, continuations)

    long = PairItem(prompt="long", first="one", second="two")
    for items in ([long, ITEM, ITEM], [ITEM, long, ITEM]):
        found = ModelPairJudge(Small([], likely="A")).compare(items, 1)
        expected = ["no room" if item is long else None for item in items]
        assert [opinion.unread for opinion in found] == expected
        assert [opinion.preference for opinion in found] == [None if why else 1.0 for why in expected]


def test_an_engine_without_log_probabilities_is_asked_for_words() -> None:
    class Wordless(Writes):
        def loglikelihood(
            self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]
        ) -> list[list[float]]:
            raise CapabilityError("none")

    engine = Wordless([said("<think>A or B?</think>B")])
    assert ModelPairJudge(engine).compare([ITEM], 1) == [Opinion(preference=0.0, raw="B")]
