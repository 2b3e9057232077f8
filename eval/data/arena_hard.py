"""Judgments that arena-hard-auto wrote (model_judgment/JUDGE/MODEL.jsonl, v0.1 and v2.0): who was better, how surely.

A line is one prompt with two games. In the first the baseline's answer is A and the model's is B; the second is the
other way round. A game's score is a label such as `A>>B`, or null where the judge's words held none or several.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from srlm.data.lines import Row, every_row
from srlm.errors import DataError

LABELS = {"A>>B": (1.0, 3), "A>B": (1.0, 1), "A=B": (0.5, 1), "A<B": (0.0, 1), "A<<B": (0.0, 3)}
"""For A: 1 better, 0.5 as good, 0 worse; and how many battles arena-hard counts it as."""
LABELS |= {"B>>A": LABELS["A<<B"], "B>A": LABELS["A<B"], "B=A": LABELS["A=B"]}
LABELS |= {"B<<A": LABELS["A>>B"], "B<A": LABELS["A>B"]}


class Game(NamedTuple):
    """One question to the judge."""

    preference: float
    """1: the model's answer is better; 0.5: they are as good; 0: the baseline's is better."""
    battles: int
    """As how many it counts in arena-hard's score: 3 where the judge is sure, else 1."""


class ArenaJudgement(NamedTuple):
    """One prompt."""

    prompt: str
    """The file's own id."""
    model: str
    judge: str
    category: str
    """Empty where the file has none (v0.1)."""
    baseline: str
    """Empty where the file has none (v0.1: gpt-4-0314)."""
    baseline_first: Game | None
    """None: the judge's words held no label."""
    model_first: Game | None


def read(paths: Sequence[Path]) -> list[ArenaJudgement]:
    """Every line of these files. Raises DataError, with file and line, where one is no judgment or is there twice."""
    found: dict[tuple[str, str, str], str] = {}
    judged = []
    for path in paths:
        for row in every_row(path):
            one = _judged(row)
            earlier = found.setdefault((one.judge, one.model, one.prompt), row.place)
            if earlier != row.place:
                raise DataError(f"{row.place}: prompt {one.prompt} of {one.model} is also in {earlier}; keep one")
            judged.append(one)
    if not judged:
        raise DataError(f"{', '.join(map(str, paths))}: contains no judgments")
    return judged


def _judged(row: Row) -> ArenaJudgement:
    value, games = row.value, row.value.get("games")
    named = [
        value.get("uid", value.get("question_id")),
        value.get("model"),
        value.get("judge"),
        value.get("category", ""),
        value.get("baseline", ""),
    ]
    if not all(isinstance(name, str) for name in named) or not isinstance(games, list) or len(games) != 2:
        here = ", ".join(f"`{key}`" for key in value) or "no fields"
        raise DataError(
            f"{row.place}: a judgment needs `uid` (or `question_id`), `model`, `judge` and two `games`; found {here}"
        )
    prompt, model, judge, category, baseline = map(str, named)
    first, second = (_game(game, row.place) for game in games)
    if first is not None:  # the baseline's answer is A there
        first = Game(1 - first.preference, first.battles)
    return ArenaJudgement(prompt, model, judge, category, baseline, first, second)


def _game(game: Any, place: str) -> Game | None:
    """For the answer shown as A."""
    if game is None or (isinstance(game, dict) and game.get("score") is None):
        return None
    label = game.get("score") if isinstance(game, dict) else game
    if not isinstance(label, str) or label not in LABELS:
        raise DataError(f"{place}: score {str(label)[:40]!r} is not one of {', '.join(LABELS)}")
    return Game(*LABELS[label])
