"""AlpacaEval 2.0 (Dubois et al. 2024, arXiv 2404.04475): its prompts, its baseline and the data of its length control.

They come from a folder, a checkout of tatsu-lab/alpaca_eval or one with the same files, or from the hub. Its tables
name prompts by position; the position is turned into the prompt's id here, once, and nothing else is joined by it.
"""

import math
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from srlm.data.lines import Row, instructions, listed, table
from srlm.errors import DataError
from srlm.records import Prompt
from srlm.text.counts import counted
from srlm.text.spreadsheet import words

from .alpaca_files import Outputs, prompts_of, read_outputs

HUB = "tatsu-lab/alpaca_eval"
BASELINE = "gpt4_1106_preview"
ANNOTATOR = "weighted_alpaca_eval_gpt4_turbo"
VARIABLE = "SRLM_ALPACA_DIR"

_BASELINE_FILES = (
    f"results/{BASELINE}/model_outputs.json",
    f"results/{BASELINE}/model_outputs.json.gz",
    "alpaca_eval_gpt4_baseline.json",
)
_WEIGHTS_FILES = (
    "lc_weights_length_controlled_v1.csv",
    f"src/alpaca_eval/metrics/weights/{ANNOTATOR}/length_controlled_v1/baseline_{BASELINE}.csv",
)
_LEADERBOARD_FILES = (
    f"leaderboard_{ANNOTATOR}.csv",
    f"src/alpaca_eval/leaderboards/data_AlpacaEval_2/{ANNOTATOR}_leaderboard.csv",
)
_LENGTH, _DIFFICULTY, _NOT_GAMED = (
    "np.tanh(std_delta_len)",
    "instruction_difficulty",
    "not_gamed_baseline.astype(float)",
)

Array = npt.NDArray[np.float64]


class Weights(NamedTuple):
    """Coefficients of the length-controlled GLM of one model against the baseline."""

    length: float
    """Of tanh(difference of lengths / its standard deviation)."""
    difficulty: float
    not_gamed: float
    """Of being a row of the model, and not of the baseline asked to be concise or verbose."""


class Gamed(NamedTuple):
    """The baseline asked to be concise and to be verbose, against itself: what holds the GLM's length weight."""

    preference: Array
    """0..1; rows of both, one a prompt and model."""
    std_delta_len: Array
    difficulty: Array
    file: str
    """Name of the file; `df_gamed_surrogate.csv` is a stand-in for the official one."""


class GlmData(NamedTuple):
    """What the length-controlled GLM needs beside the annotations."""

    difficulty: Mapping[str, float]
    """By prompt id."""
    gamed: Gamed


class AlpacaEval:
    """The data set; each part is read, or fetched from the hub, when it is first asked for.

    Raises DataError where a part is neither in `folder` nor to be had, or does not hold what it should.
    """

    def __init__(self, folder: Path | None) -> None:
        if folder is not None and not folder.is_dir():
            raise DataError(
                f"{folder}: no such folder; give a checkout of {HUB} from GitHub, or a folder with the same files"
            )
        self.folder = folder

    @classmethod
    def open(cls, folder: Path | None) -> "AlpacaEval":
        """From `folder`, else from the folder that SRLM_ALPACA_DIR names, else from the hub."""
        named = os.environ.get(VARIABLE)
        return cls(folder or (Path(named) if named else None))

    @cached_property
    def prompts(self) -> tuple[Prompt, ...]:
        """The prompts in the official order; `category` is the data set each is from."""
        for name in ("prompts.jsonl.gz", "prompts.jsonl"):
            if (path := self._local(name)) is not None:
                return tuple(instructions(str(path), "alpaca_eval"))
        return prompts_of(self._listed(_BASELINE_FILES))

    @cached_property
    def baseline(self) -> Outputs:
        """The outputs of GPT-4 1106 preview, which every model is compared with."""
        return read_outputs(self._file(_BASELINE_FILES), self.prompts)

    @cached_property
    def glm(self) -> GlmData:
        """Difficulty and gamed rows."""
        try:
            path = self._file(("df_gamed.csv", "df_gamed_surrogate.csv"), hub="df_gamed.csv")
        except DataError as error:
            raise DataError(f"{error}; or turn length control off (--no-length-control)") from None
        columns = ["preference", "index", "std_delta_len", "instruction_difficulty", "not_gamed_baseline"]
        rows = table(path, columns)
        annotated = [row for row in rows if row.value["preference"]]
        if not annotated:
            raise DataError(f"{path}: contains no annotated rows")
        preference, length, difficulty = (
            np.array([number(row, name) for row in annotated]) for name in ("preference", "std_delta_len", _DIFFICULTY)
        )
        if preference.min() < 0 or preference.max() > 1:
            raise DataError(f"{path}: a preference of the gamed baseline is outside 0..1")
        gamed = Gamed(preference, length, difficulty, path.name)
        return GlmData(self._difficulty(rows), gamed)

    def _difficulty(self, gamed: Sequence[Row]) -> dict[str, float]:
        """By prompt id, from the file that has it, or from the gamed rows, which repeat it."""
        path = self._local("instruction_difficulty.csv")
        rows = gamed if path is None else table(path, [_DIFFICULTY])
        found: dict[str, float] = {}
        for row in rows:
            # The index column has no name where pandas wrote it.
            position = number(row, "index" if "index" in row.value else next(iter(row.value)))
            if position not in range(len(self.prompts)):
                raise DataError(
                    f"{row.place}: index {position:g} is not a position of the {counted(len(self.prompts), 'prompts')}"
                )
            id, value = self.prompts[int(position)].id, number(row, _DIFFICULTY)
            if found.setdefault(id, value) != value:
                raise DataError(f"{row.place}: index {position:g} has two difficulties, {found[id]} and {value}")
        if absent := len(self.prompts) - len(found):
            raise DataError(f"{rows[0].place.rpartition(':')[0]}: {counted(absent, 'prompts')} without a difficulty")
        return found

    @cached_property
    def official_weights(self) -> dict[str, Weights]:
        """Published coefficients by model; empty where the folder has none."""
        path = self._local(*_WEIGHTS_FILES)
        if path is None:
            return {}
        rows = table(path, [_LENGTH, _DIFFICULTY, _NOT_GAMED])
        return {
            next(iter(row.value.values())): Weights(*(number(row, n) for n in (_LENGTH, _DIFFICULTY, _NOT_GAMED)))
            for row in rows
        }

    @property
    def leaderboard_file(self) -> Path | None:
        """The published leaderboard; None where the folder has none."""
        return self._local(*_LEADERBOARD_FILES)

    @cached_property
    def leaderboard(self) -> dict[str, dict[str, str]]:
        """The published leaderboard's row of each model, as text by column; empty where the folder has none."""
        path = self.leaderboard_file
        rows = [] if path is None else table(path, ["win_rate"])
        return {words(next(iter(row.value.values()))): row.value for row in rows}

    def results(self) -> Path:
        """The folder with each model's files. Raises DataError where there is none."""
        if self.folder is None or not (self.folder / "results").is_dir():
            raise DataError(
                f"{self.folder or 'the Hub'}: has no folder `results` with models' annotations; "
                f"set --alpaca-dir or {VARIABLE} to one that has"
            )
        return self.folder / "results"

    def _local(self, *names: str) -> Path | None:
        return (
            next((self.folder / name for name in names if (self.folder / name).is_file()), None)
            if self.folder
            else None
        )

    def _file(self, names: Sequence[str], hub: str | None = None) -> Path:
        return self._local(*names) or _from_hub(hub or names[-1], self.folder)

    def _listed(self, names: Sequence[str]) -> list[Row]:
        return listed(self._file(names))


def annotations_in(folder: Path, judge: str = ANNOTATOR) -> Path | None:
    """The annotations of one model's folder, as alpaca_eval lays it out or plainly inside. None: there are none."""
    names = (f"{judge}/annotations.json", f"{judge}/annotations.json.gz", "annotations.json", "annotations.json.gz")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def number(row: Row, column: str) -> float:
    """A finite number of a CSV file's row. Raises DataError with file and line."""
    try:
        value = float(row.value[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{row.place}: {column} is {row.value[column]!r}, not a finite number")
    return value


def _from_hub(name: str, folder: Path | None) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(HUB, name, repo_type="dataset"))
    except Exception as error:  # whatever the hub's client, the network or a proxy may raise: the answer is the same
        first_line = next(iter(str(error).splitlines()), "no message")
        where = f"is not in {folder} and " if folder else ""
        raise DataError(
            f"AlpacaEval's {name} {where}could not be downloaded from the Hub ({type(error).__name__}: {first_line}); "
            f"set --alpaca-dir or {VARIABLE} to a folder that has it"
        ) from error
