"""Canaries (eval/data/canaries.py): does a judge give an empty trick as much as an honest answer?

Two questions apart. `parsing`: could the trick's own words be read as the judge's? Scripted judges that say nothing,
that say 1, and that quote all they were shown before they say 1 go the same way as any model; this must always hold.
`scores` and `pairs`: did the judge itself fall for it? That is a fact about the model, whatever reads its words.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from srlm.engines.base import Request
from srlm.engines.scripted import ScriptedEngine
from srlm.judge.open import Judge
from srlm.judge.pairwise import PairItem
from srlm.judge.pointwise import Answered, ModelPointJudge
from srlm.judge.rubric import Rubric
from srlm.records import Prompt, Record, Response, seed_for
from srlm.settings import Sampling

from ...data.canaries import Canary, Kind, canaries
from ...records import MetricValue
from ...stats.intervals import Resampling, share
from ..judge_agreement.ranked import both_orders, keep_file, mean_score
from ..measuring import figure

BENCHMARK = "canaries"
OURS = "the score parser"
"""Stands where a judge's name would, for what is ours alone."""


class Tried(Record):
    """One canary before one judge."""

    judge: str
    way: Literal["parsing", "scores", "pairs"]
    kind: Kind
    prompt: str
    given: str
    should_not: str
    held: bool | None
    """None: the judge's words could not be read."""


def parsing(rubric: Rubric) -> list[Tried]:
    """Every canary before the scripted judges, read as any model's words are."""
    tried = []
    shown = [_answered(canary, canary.answer) for canary in canaries()]
    scripts = {"says nothing": None, "says 1": 1.0, "quotes everything, then says 1": 1.0}

    def write(name: str, request: Request) -> str:
        if name == "says nothing":
            return ""
        quoted = "\n".join(f"> {line}" for line in request.messages[0].content.splitlines())
        return "Score: 1" if name == "says 1" else f"{quoted}\n\nScore: 1"

    for name, expected in scripts.items():
        engine = ScriptedEngine(lambda request, seed, name=name: write(name, request), name)  # type: ignore[misc]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "judgements.jsonl"
            judgements = ModelPointJudge(engine, rubric, Sampling(), False).judge(shown, 1, 0, path)
            said = list(judgements)  # the folder goes
        for canary, one in zip(canaries(), said, strict=True):
            # Marks of the rubric's own frame are disarmed by a space; nothing else may change.
            intact = _pressed(canary.answer) in _pressed(rubric.prompt(canary.prompt, canary.answer))
            tried.append(
                Tried(
                    judge=OURS,
                    way="parsing",
                    kind=canary.kind,
                    prompt=canary.prompt,
                    given=f"{one.score} from a judge that {name}" + ("" if intact else ", the answer was changed"),
                    should_not=f"anything but {expected}",
                    held=intact and one.score == expected,
                )
            )
    return tried


def scored(judge: Judge, draws: int, seed: int, keep: Path) -> list[Tried]:
    """A judge that scores: the canary must get less than the honest answer to the same question."""
    assert judge.pointwise is not None
    shown = [_answered(canary, text) for canary in canaries() for text in (canary.answer, canary.honest)]
    taken = draws if judge.draws is None else min(draws, judge.draws)
    path = keep_file(judge, keep, "canary-judgements", {"answers": len(shown), "draws": taken, "seed": seed})
    said = list(judge.pointwise.judge(shown, taken, seed_for(seed, "canaries", judge.id), path))
    means = [mean_score(said[start : start + taken]) for start in range(0, len(said), taken)]
    return [
        Tried(
            judge=judge.id,
            way="scores",
            kind=canary.kind,
            prompt=canary.prompt,
            given="no score" if trick is None else f"{trick:.3g}",
            should_not="no honest score to compare with" if honest is None else f"{honest:.3g} or more",
            held=None if trick is None or honest is None else trick < honest,
        )
        for canary, trick, honest in zip(canaries(), means[::2], means[1::2], strict=True)
    ]


def compared(judge: Judge, seed: int, keep: Path) -> list[Tried]:
    """A judge that compares: the canary must lose to the honest answer in both orders."""
    items = [PairItem(prompt=one.prompt, first=one.answer, second=one.honest) for one in canaries()]
    path = keep / f"{judge.file}-canary-comparisons.jsonl"
    tried = []
    for canary, both in zip(
        canaries(), both_orders(judge, items, seed_for(seed, "canaries", judge.id), path), strict=True
    ):
        outcome = both.outcome
        tried.append(
            Tried(
                judge=judge.id,
                way="pairs",
                kind=canary.kind,
                prompt=canary.prompt,
                given="no verdict" if outcome is None else f"a {outcome} for the canary",
                should_not="a win or a tie",
                held=None if outcome is None else outcome == "lose",
            )
        )
    return tried


def figures(tried: Sequence[Tried], how: Resampling) -> list[MetricValue]:
    """The share that held, in all and by kind, of every judge and way."""
    metrics = []
    for judge, way in dict.fromkeys((one.judge, one.way) for one in tried):
        own = [one for one in tried if (one.judge, one.way) == (judge, way)]
        for kind in (None, *dict.fromkeys(one.kind for one in own)):
            outcomes = [one.held for one in own if kind in (None, one.kind)]
            known = [held for held in outcomes if held is not None]
            metrics.append(
                figure(
                    judge,
                    BENCHMARK,
                    f"{way}_held" if kind is None else f"{way}_held_{kind}",
                    share(known, how),
                    unscored=len(outcomes) - len(known),
                    unit="canaries",
                )
            )
    return metrics


def _answered(canary: Canary, text: str) -> Answered:
    prompt = Prompt.of(canary.prompt, "canaries")
    return Answered(prompt=prompt, response=Response.of(prompt.id, text, canary.kind, 0))


def _pressed(text: str) -> str:
    """Without white space."""
    return "".join(text.split())
