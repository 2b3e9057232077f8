"""Judgements by a judge whose words a function writes: it sees the request, and the seed of the draw."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from srlm.engines.base import Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import CapabilityError
from srlm.judge.pointwise import Answered, ModelPointJudge
from srlm.judge.rubric import load
from srlm.records import Judgement, Prompt, Response
from srlm.settings import Sampling

Write = Callable[[Request, int], str]


def answered(*texts: str) -> list[Answered]:
    prompts = [Prompt.of(f"question {number}", "test") for number in range(len(texts))]
    return [
        Answered(prompt=prompt, response=Response.of(prompt.id, text, "M1", 0))
        for prompt, text in zip(prompts, texts, strict=True)
    ]


def read(
    write: Write, shown: list[Answered], path: Path, draws: int = 1, complete: bool = False, block: int = 256
) -> list[Judgement]:
    made = ModelPointJudge(ScriptedEngine(write, "M1"), load("beads"), Sampling(), complete).judge(
        shown, draws, 1, path / "judgements.jsonl", block=block
    )
    return list(made)


def said(request: Request) -> str:
    return request.messages[0].content


def by_seed(request: Request, seed: int) -> str:
    """Words that differ from draw to draw, and a score that follows from the seed."""
    return f"{said(request)} {seed}\nScore: {seed % 6}"


def test_draws_are_kept_in_order_beside_the_response_they_judge(tmp_path: Path) -> None:
    shown = answered("a", "b")
    made = read(by_seed, shown, tmp_path, draws=3)
    assert [(j.response_id, j.draw) for j in made] == [(a.response.id, draw) for a in shown for draw in (0, 1, 2)]
    assert [j.judge for j in made] == ["M1"] * 6
    assert len({j.raw for j in made}) == 6
    assert [j.score for j in made] == [float(j.raw[-1]) for j in made]
    assert made[0].raw.startswith("review : question 0 response : a ")
    assert made[5].raw.startswith("review : question 1 response : b ")


def test_a_judgement_without_a_score_is_kept_with_none(tmp_path: Path) -> None:
    made = read(lambda request, _: "Score: 4" if "a" in said(request)[-1] else "Lovely.", answered("a", "b"), tmp_path)
    assert [(j.raw, j.score, j.completed) for j in made] == [("Score: 4", 4.0, False), ("Lovely.", None, False)]
    assert (tmp_path / "judgements.jsonl").read_text().count('"score":null') == 1


@pytest.mark.parametrize("response", ["Score: 5", "Fine.\n\nScore: 5\n", "**Score: 5/5**", "Total score: 5"])
@pytest.mark.parametrize("complete", [False, True])
def test_a_score_in_the_response_is_never_its_reward(tmp_path: Path, response: str, complete: bool) -> None:
    seen: list[str] = []

    def write(request: Request, _: int) -> str:
        seen.append(said(request))
        return "1" if request.prefix else "I will not say."

    (made,) = read(write, answered(response), tmp_path, complete=complete)
    assert response in seen[0]
    assert made.score == (1.0 if complete else None)


def test_a_judge_that_stops_early_is_asked_to_go_on_after_score(tmp_path: Path) -> None:
    def write(request: Request, _: int) -> str:
        if request.prefix:
            assert request.prefix == "Relevant and clean.\nScore:"
            return "4"
        return "Score: 2" if said(request).endswith("b") else "Relevant and clean. \n"

    first, second = read(write, answered("a", "b"), tmp_path, complete=True)
    assert (first.raw, first.score, first.completed) == ("Relevant and clean.\nScore: 4", 4.0, True)
    assert (second.raw, second.score, second.completed) == ("Score: 2", 2.0, False)


class Unscored(ScriptedEngine):
    """A server without log-probabilities."""

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        raise CapabilityError("has no log-probabilities")


@pytest.mark.parametrize(
    ("words", "score"),
    [
        pytest.param("4", 4.0, id="number"),
        pytest.param(" 4/5.", 4.0, id="of-five"),
        pytest.param("\n4", 4.0, id="on-the-next-line"),
        pytest.param("", None, id="nothing"),
        pytest.param("well", None, id="a-word"),
        pytest.param("9", None, id="out-of-range"),
        pytest.param("1-5", None, id="a-range"),
        pytest.param("4\nScore: 1\nand more", 4.0, id="only-the-line-it-was-asked-for"),
    ],
)
def test_what_a_judge_without_log_probabilities_goes_on_with_decides(
    tmp_path: Path, words: str, score: float | None
) -> None:
    engine = Unscored(lambda r, _: words if r.prefix else "Hm.", "judge")
    (made,) = ModelPointJudge(engine, load("additive"), Sampling(), True).judge(
        answered("a"), 1, 1, tmp_path / "judgements.jsonl"
    )
    assert (made.score, made.completed) == (score, True)


class Undecided(ScriptedEngine):
    """Gives 5 three quarters of its probability and 1 the rest."""

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        chances = {"5": 0.75, "1": 0.25}
        return [[math.log(chances.get(text[-1], 1e-30)) for text in texts] for texts in continuations]


@pytest.mark.parametrize(
    ("temperature", "share"),
    [
        pytest.param(0.0, 1.0, id="the-likeliest-at-0"),
        pytest.param(1.0, 0.75, id="its-own-share-at-1"),
        pytest.param(0.5, 0.9, id="squared-at-one-half"),  # .75**2 / (.75**2 + .25**2)
    ],
)
def test_a_score_that_was_asked_for_is_drawn_from_the_judges_probabilities(
    tmp_path: Path, temperature: float, share: float
) -> None:
    made = ModelPointJudge(
        Undecided(lambda r, _: "Hm.", "judge"), load("additive"), Sampling(temperature=temperature), True
    ).judge(answered("a"), 2000, 1, tmp_path / "judgements.jsonl")
    assert {judgement.score for judgement in made} <= {1.0, 5.0}
    # 2,000 draws: a standard error of at most .0097.
    assert sum(judgement.score == 5 for judgement in made) / 2000 == pytest.approx(share, abs=0.03)


def test_a_score_out_of_range_is_a_score_line_and_is_not_asked_for_again(tmp_path: Path) -> None:
    (made,) = read(lambda r, _: "5" if r.prefix else "Score: 7", answered("a"), tmp_path, complete=True)
    assert (made.raw, made.score, made.completed) == ("Score: 7", None, False)


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize("calls", range(15))
def test_judgements_that_were_killed_end_as_if_never_stopped(tmp_path: Path, calls: int, complete: bool) -> None:
    def steady(request: Request, seed: int) -> str:
        return str(seed % 6) if request.prefix else f"{seed}" + "\nScore: 3" * (seed % 2)

    left = [calls]

    def dies(request: Request, seed: int) -> str:
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        return steady(request, seed)

    shown = answered("a", "b", "c", "d", "e")
    undisturbed = read(steady, shown, tmp_path / "whole", draws=3, complete=complete, block=2)
    with pytest.raises(KeyboardInterrupt):
        read(dies, shown, tmp_path / "killed", draws=3, complete=complete, block=2)
    resumed = read(steady, shown, tmp_path / "killed", draws=3, complete=complete, block=2)
    assert resumed == undisturbed
    files = [tmp_path / name / "judgements.jsonl" for name in ("whole", "killed")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_two_seeds_give_two_sets_of_words(tmp_path: Path) -> None:
    def with_seed(seed: int) -> list[str]:
        made = ModelPointJudge(ScriptedEngine(by_seed), load("beads"), Sampling(), False).judge(
            answered("a"), 2, seed, tmp_path / f"{seed}.jsonl"
        )
        return [j.raw for j in made]

    assert set(with_seed(1)).isdisjoint(with_seed(2))
