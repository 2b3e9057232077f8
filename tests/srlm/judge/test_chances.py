"""Judges that read probabilities: an engine that has none is asked in words, one that is lost is not."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from srlm.engines.base import Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import EngineError
from srlm.judge import grades, pair_template
from srlm.judge.pair_sampling import PairSampler, ShownPair
from srlm.judge.pairwise import ModelPairJudge, PairItem
from srlm.judge.pointwise import Answered, ModelPointJudge
from srlm.judge.rubric import load
from srlm.records import Prompt, Response
from srlm.settings import Sampling

PROMPT = Prompt.of("Name a fruit.", "test")
FIRST, SECOND = (Response.of(PROMPT.id, text, "M1", draw) for draw, text in enumerate(("Pear.", "Stone.")))
ANSWERED = [Answered(prompt=PROMPT, response=FIRST)]


class Lost(ScriptedEngine):
    """Its process has ended: nothing is said of whether it has log-probabilities. It would write."""

    def __init__(self) -> None:
        super().__init__(lambda request, seed: "A")

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        raise EngineError("ray: 5 workers died on the same call")


def completed_score(folder: Path) -> None:
    ModelPointJudge(Lost(), load("additive"), Sampling(), True).judge(ANSWERED, 1, 1, folder / "judgements.jsonl")


def compared(folder: Path) -> None:
    judge = ModelPairJudge(Lost(), template=pair_template.load("letter"))
    judge.compare([PairItem(prompt="Name a fruit.", first="Pear.", second="Stone.")], 1)


def sampled_pair(folder: Path) -> None:
    sampler = PairSampler(Lost(), pair_template.load("letter"), Sampling(), False)
    sampler.judge([ShownPair(prompt=PROMPT, first=FIRST, second=SECOND)], 1, 7, folder / "judgements.jsonl")


def graded(folder: Path) -> None:
    propositions = grades.load("general", "method.propositions")
    grades.grade(Lost(), ANSWERED, propositions, seed=1, path=folder / "grades.jsonl", block=4)


@pytest.mark.parametrize("asked", [completed_score, compared, sampled_pair, graded])
def test_an_engine_that_is_lost_stops_the_stage_instead_of_being_asked_in_words(
    asked: Callable[[Path], None], tmp_path: Path
) -> None:
    """Of a run whose engine died half-way, some records would come from probabilities and others from words."""
    with pytest.raises(EngineError, match="5 workers died"):
        asked(tmp_path)
