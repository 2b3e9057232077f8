"""A table of another judge's verdicts on AlpacaEval's pairs: a row a model and prompt, texts left out.

    model,instruction_sha256_16,official_preference,other_preference,characters,characters_baseline

Preferences are for the model, 0..1; an empty one is not known. The instruction is named by the first 16 hex digits of
its SHA-256.
"""

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from srlm.data.lines import Cell, Row, table
from srlm.errors import DataError
from srlm.records import Prompt
from srlm.text.spreadsheet import words

COLUMNS = (
    "model",
    "instruction_sha256_16",
    "official_preference",
    "other_preference",
    "characters",
    "characters_baseline",
)


class PairVerdict(NamedTuple):
    """What was said of one model's answer beside the baseline's."""

    official: float | None
    """Preference for the model, 0..1, by the judge of the leaderboard."""
    candidate: float | None
    """The same by the other judge."""
    characters: int
    baseline_characters: int


Verdicts = dict[str, dict[str, PairVerdict]]
"""By model and prompt id, both sorted: by name, and in the order of the prompts."""


def read_verdicts(path: Path, prompts: Sequence[Prompt] | None) -> Verdicts:
    """Every model's verdicts; the order of the rows means nothing.

    `prompts` None: AlpacaEval's prompts are not at hand, and the hash of the instruction stands for the prompt's id.
    Raises DataError, with file and line, where a column or the file's end is missing, a value is none, an instruction
    is not one of the prompts, or a pair is there twice.
    """
    ids = None if prompts is None else {_digest(prompt.text): prompt.id for prompt in prompts}
    found: dict[str, dict[str, PairVerdict]] = {}
    places: dict[tuple[str, str], str] = {}
    for row in table(path, COLUMNS):
        # White space around a cell and the case of hex digits mean nothing.
        model, instruction = row.value["model"].strip(), row.value["instruction_sha256_16"].strip().lower()
        if not model:
            raise DataError(f"{row.place}: `model` is empty; each row needs the name of its model")
        id = instruction if ids is None else ids.get(instruction)
        if not id:
            raise DataError(
                f"{row.place}: instruction {instruction[:40]!r} is none of AlpacaEval's prompts; it must be the first "
                "16 hex digits of the SHA-256 of one"
            )
        earlier = places.setdefault((model, id), row.place)
        if earlier != row.place:
            raise DataError(f"{row.place}: {model} on instruction {instruction} is also in {earlier}; keep one")
        found.setdefault(model, {})[id] = PairVerdict(
            _preference(row, "official_preference"),
            _preference(row, "other_preference"),
            _characters(row, "characters"),
            _characters(row, "characters_baseline"),
        )
    if not found:
        raise DataError(f"{path}: contains no verdicts")
    order = {prompt.id: place for place, prompt in enumerate(prompts or ())}
    return {
        model: dict(sorted(found[model].items(), key=lambda pair: (order.get(pair[0], 0), pair[0])))
        for model in sorted(found)
    }


class OfficialFigure(NamedTuple):
    """A model's row of the published leaderboard, in 0..1."""

    win_rate: float
    lc_win_rate: float | None
    length: float | None
    """Mean characters of its answers."""
    foreign: str = ""
    """Why the win rate is none of the leaderboard's judge; empty: nothing speaks against it."""
    lc_note: str = ""
    """Why the length-controlled win rate is not used, where there is one."""


NAMES = ("name", "model", "")
"""Columns with the model's name: alpaca_eval's own has no header."""
MOST_FOREIGN = 0.1
"""Share of a leaderboard's rows; if more have it, it is what its judge does."""


def read_leaderboard(path: Path) -> dict[str, OfficialFigure]:
    """A leaderboard as alpaca_eval publishes it, by model. Raises DataError where it is none.

    Two kinds of figures are found out and set apart. A win rate equal to the discrete one to the last digit comes from
    a judge of yes and no: GPT-4 Turbo's probabilities never give it. And a length-controlled win rate over fewer
    prompts than the others' was fitted with the difficulties of other prompts (alpaca_eval joins them by row).
    """
    rows = table(path, ["win_rate"])
    whole = [_plain(row) for row in rows]
    rare = sum(whole) <= MOST_FOREIGN * len(rows)
    counts = [_optional(row, "n_total") for row in rows]
    most = max((count for count in counts if count is not None), default=None)
    found = {}
    name = _name_column(path, rows)
    for row, plain, count in zip(rows, whole, counts, strict=True):
        model = words(row.value[name].strip())
        if not model:
            raise DataError(f"{row.place}: a row without a model's name")
        if model in found:
            raise DataError(f"{row.place}: model {model} is there twice; keep one row")
        rate = _rate(row, "win_rate")
        if rate is None:
            raise DataError(f"{row.place}: win_rate is {row.value['win_rate']!r}, not a number in 0..100")
        short = count is not None and most is not None and count < most
        lc = _rate(row, "length_controlled_winrate")
        found[model] = OfficialFigure(
            rate,
            None if short else lc,
            _optional(row, "avg_length"),
            "its published win rate is its discrete one to the last digit, so a judge of yes and no made it"
            if plain and rare
            else "",
            f"published over {count:.0f} prompts of {most:.0f}, with difficulties of other prompts"
            if short and lc is not None
            else "",
        )
    return found


def installed_leaderboard() -> Path | None:
    """The leaderboard that the installed package alpaca_eval brings; the package is not imported."""
    from importlib.util import find_spec

    spec = find_spec("alpaca_eval")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, "leaderboards", "data_AlpacaEval_2", "weighted_alpaca_eval_gpt4_turbo_leaderboard.csv")
        if path.is_file():
            return path
    return None


def _name_column(path: Path, rows: Sequence[Row]) -> str:
    """The column of the models' names; else the first one, unless it holds numbers."""
    if not rows:
        raise DataError(f"{path}: a leaderboard without rows")
    first = next(iter(rows[0].value))
    name = next((column for column in NAMES if column in rows[0].value), first)
    if name == first and all(_optional(row, name) is not None for row in rows):
        raise DataError(f"{path}: no column has the models' names; call it `name`")
    if all((rate := _optional(row, "win_rate")) is not None and rate <= 1 for row in rows):
        raise DataError(f"{path}: no win_rate is above 1; they must be percent, as alpaca_eval publishes them")
    return name


def _plain(row: Row) -> bool:
    rate, discrete = _optional(row, "win_rate"), _optional(row, "discrete_win_rate")
    return rate is not None and rate != 50 and discrete is not None and abs(rate - discrete) < 1e-9


def _optional(row: Row, column: str) -> float | None:
    """A finite number; None where the column or the number is missing."""
    try:
        value = float(row.value.get(column) or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _rate(row: Row, column: str) -> float | None:
    value = _optional(row, column)
    return None if value is None or not 0 <= value <= 100 else value / 100


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _preference(row: Row, column: str) -> float | None:
    text = Cell(row.value[column])
    try:
        value = text.number
    except ValueError:
        value = math.nan
    if value is None:
        return None
    if not 0 <= value <= 1:
        hint = "; alpaca_eval's own preference is 1..2: take 1 off" if 1 < value <= 2 else ""
        raise DataError(
            f"{row.place}: {column} is {text.strip()[:40]!r}; it must be 0..1 for the model, or empty{hint}"
        )
    return value


def _characters(row: Row, column: str) -> int:
    text = row.value[column].strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value >= 0 and value.is_integer()):
        raise DataError(f"{row.place}: {column} is {text[:40]!r}, not a count of characters")
    return int(value)
