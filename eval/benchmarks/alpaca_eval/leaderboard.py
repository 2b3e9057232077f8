"""Every model of a folder of results, and any of them against any other on the same prompts."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from srlm.errors import DataError
from srlm.text.counts import counted
from srlm.text.spreadsheet import csv_text

from ...data import cited
from ...data.alpaca_eval import ANNOTATOR, AlpacaEval, GlmData, annotations_in
from ...data.alpaca_files import read_annotations
from ...data.instructions import account_lines
from ...records import MetricValue
from ...stats import rates
from ...stats.intervals import Resampling
from ...stats.significance import permutation_test, sign_test_of, wald_test
from ..measuring import figure, with_holm
from . import setups
from .scores import BENCHMARK, Sample, drawn_lc, sample, scored

COLUMNS = {
    "win_rate": "win_rate",
    "standard_error": "standard_error",
    "n_wins": "n_wins",
    "n_wins_base": "n_wins_base",
    "n_draws": "n_draws",
    "n_total": "n_total",
    "discrete_win_rate": "discrete_win_rate",
    "mode": "",
    "avg_length": "avg_length",
    "length_controlled_winrate": "lc_win_rate",
    "lc_standard_error": "lc_standard_error",
}
"""alpaca_eval's columns, and our metric for each."""
WHOLE = ("n_wins", "n_wins_base", "n_draws", "n_total", "avg_length")
MODE = "community"
"""alpaca_eval's word for a row that somebody sent in."""
PERMUTED_PAIRS = 45
"""Up to as many comparisons have a permutation test; Holm's correction needs a finer p over more than 10 models."""
PERMUTATIONS = 9_999

Array = npt.NDArray[np.float64]


class Board(NamedTuple):
    """The figures of every model, and the folders that have none."""

    metrics: list[MetricValue]
    without: list[str]
    """Folders that hold no annotations by this judge."""
    broken: dict[str, str]
    """Folders whose annotations cannot be used, and why."""
    left_out: dict[str, list[str]]
    """By model: rows of its file that were not used, or were joined with care; lines for a terminal."""
    samples: list[Sample]
    """What each model was judged, for labels to correct."""


def recomputed(
    results: Path,
    data: AlpacaEval,
    how: Resampling,
    *,
    length_control: bool = True,
    judge: str = ANNOTATOR,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Board:
    """Every model of a folder like alpaca_eval's `results/`, one at a time: what it wrote is not kept in memory.

    A folder whose annotations cannot be used costs itself. Raises DataError where none can be used.
    """
    if not results.is_dir():
        raise DataError(f"{results}: no such folder; give one like alpaca_eval's results/, with one folder per model")
    folders = sorted(folder for folder in results.iterdir() if folder.is_dir())
    found = [(folder, path) for folder in folders if (path := annotations_in(folder, judge)) is not None]
    if not found:
        raise DataError(f"{results}: none of its folders ({len(folders)}) has {judge}/annotations.json")
    if length_control:
        _ = data.glm  # where it is missing, no folder is to blame
    names = {folder.name for folder, _ in found}
    figures: dict[str, list[MetricValue]] = {}
    left_out: dict[str, list[str]] = {}
    broken: dict[str, str] = {}
    models: dict[str, str] = {}
    samples: dict[str, Sample] = {}
    for number, (folder, path) in enumerate(found):
        report(number, len(found))
        try:
            annotated = read_annotations(path, data.prompts)
            if annotated.model != folder.name and annotated.model in names:
                raise DataError(f"{path}: its rows are of model {annotated.model}, which has a folder of its own")
            scores = scored(annotated, data.prompts, data, how, length_control=length_control)
        except DataError as error:
            broken[folder.name] = str(error)
            continue
        figures[folder.name] = setups.with_warning(
            setups.with_account(scores, annotated.account), setups.of_annotations(annotated, data)
        )
        models[folder.name] = annotated.model
        samples[folder.name] = sample(annotated, data.prompts)
        if lines := account_lines(annotated.account, annotated.unmatched):
            left_out[annotated.model] = lines
    report(len(found), len(found))
    for same in _namesakes(models):
        # Whose rows they are nobody can say, where none of the folders has the model's name.
        for name in same:
            others = ", ".join(other for other in same if other != name)
            broken[name] = f"{results / name}: model {models[name]} is also in {others}; keep one"
            del figures[name], samples[name]
    if not figures:
        raise DataError(next(iter(broken.values())))
    metrics = [metric for of_model in figures.values() for metric in of_model]
    without = [folder.name for folder in folders if annotations_in(folder, judge) is None]
    return Board(metrics, without, dict(sorted(broken.items())), left_out, list(samples.values()))


def _namesakes(models: Mapping[str, str]) -> list[list[str]]:
    """Folders that hold one and the same model; `models` by folder."""
    folders: dict[str, list[str]] = {}
    for folder, model in models.items():
        folders.setdefault(model, []).append(folder)
    return [same for same in folders.values() if len(same) > 1]


def ranked(metrics: Sequence[MetricValue]) -> list[str]:
    """The models, best first: by the length-controlled win rate, where there is none by the raw one."""
    values = {(m.model, m.metric): m.value for m in metrics}

    def merit(model: str) -> float:
        value = values.get((model, "lc_win_rate"), values.get((model, "win_rate")))
        return -1.0 if value is None else value

    return sorted({m.model: None for m in metrics}, key=merit, reverse=True)


def official_csv(metrics: Sequence[MetricValue]) -> str:
    """alpaca_eval's own leaderboard, best first; a figure that is not known is left empty."""
    table: dict[str, dict[str, float | None]] = {}
    for metric in metrics:
        table.setdefault(metric.model, {})[metric.metric] = metric.value
    rows = [
        [model, *(MODE if column == "mode" else _cell(metric, table[model]) for column, metric in COLUMNS.items())]
        for model in ranked(metrics)
    ]
    return csv_text(["", *COLUMNS], rows)


def _cell(metric: str, values: dict[str, float | None]) -> float | None:
    value = values.get(metric)
    return None if value is None else int(value) if metric in WHOLE else float(value)


def samples_of(words: Sequence[str], data: AlpacaEval, say: Callable[[str], None] = lambda line: None) -> list[Sample]:
    """What each word names, a file, a model's folder or a model of the data's `results/`; one after the other.

    Models that share a name go by the word that was given. Raises DataError where a word names none, or they differ in
    judge or baseline, so that nothing could be compared.
    """
    found = []
    for word in words:
        path = Path(word)
        folder = path if path.is_dir() else None if path.is_file() else data.results() / word
        file = path if folder is None else annotations_in(folder)
        if file is None:
            raise DataError(f"{word}: not an annotations file, and not a model in {data.folder} that has one")
        annotated = read_annotations(file, data.prompts)
        for line in account_lines(annotated.account, annotated.unmatched):
            say(f"{word}: {line}")
        warning = cited.warning(setups.of_annotations(annotated, data))
        found.append(sample(annotated, data.prompts)._replace(warning=warning))
    for what, named in (("judges", {one.judge for one in found}), ("baselines", {one.baseline for one in found})):
        if len(named) > 1:
            raise DataError(f"annotations of different {what} cannot be compared: {', '.join(sorted(named))}")
    if len({one.model for one in found}) == len(found):
        return found
    if len(set(words)) < len(words):
        raise DataError(f"a model cannot be compared with itself: {', '.join(words)}")
    return [one._replace(model=word) for one, word in zip(found, words, strict=True)]


class _Side(NamedTuple):
    """One model on the prompts of a comparison."""

    one: Sample
    raw: rates.Drawn
    lc: rates.Drawn | None


def compared(samples: Sequence[Sample], glm: GlmData | None, how: Resampling) -> list[MetricValue]:
    """Every pair on the prompts that both have: difference of win rates, raw, length-controlled and discrete.

    Values are the first model's minus the second's, in points of percent. p: permutation test (raw; more than
    PERMUTED_PAIRS pairs: Wald), Wald with the bootstrap's standard error (length-controlled), McNemar's exact test
    (discrete); each with Holm's correction over all pairs. What is not shown says what could have been.
    """
    how = how.using(BENCHMARK, "compared")
    # A model is resampled once for all pairs that use the same of its prompts: the work grows with models, not pairs.
    sides: dict[tuple[int, tuple[str, ...]], _Side] = {}

    def side(index: int, prompts: tuple[str, ...]) -> _Side:
        if (index, prompts) not in sides:
            shared = set(prompts)
            one = samples[index].at(np.array([prompt in shared for prompt in samples[index].prompts]))
            times = rates.counts(one.n, how)
            lc = None if glm is None else drawn_lc(one, glm, times)
            sides[index, prompts] = _Side(one, rates.drawn_mean(one.preference, times), lc)
        return sides[index, prompts]

    pairs = list(combinations(range(len(samples)), 2))
    families: list[list[MetricValue]] = [[], [], []]
    for i, j in pairs:
        shared = set(samples[j].prompts)
        prompts = samples[i].prompts if samples[i].prompts == samples[j].prompts else None
        prompts = prompts or tuple(prompt for prompt in samples[i].prompts if prompt in shared)
        if len(prompts) < 2:
            raise DataError(
                f"{samples[i].model} and {samples[j].model} have {counted(len(prompts), 'prompts')} in common"
            )
        figures = _pair(side(i, prompts), side(j, prompts), how, permute=len(pairs) <= PERMUTED_PAIRS)
        for family, made in zip(families, figures, strict=True):
            family.extend(made)
    warnings = {one.model: one.warning for one in samples}
    return [
        metric.model_copy(update={"note": cited.warned(metric.note, _of_both(metric, warnings))})
        for family in families
        for metric in with_holm(family, how)
    ]


def _of_both(metric: MetricValue, warnings: Mapping[str, str]) -> str:
    """What either model's figure is not comparable for; the second one's by its name, where it differs."""
    first, other = warnings[metric.model], metric.baseline or ""
    second = f"against {other}, {warnings[other]}" if warnings.get(other, "") not in ("", first) else ""
    return "; ".join(sentence for sentence in (first, second) if sentence)


def _pair(a: _Side, b: _Side, how: Resampling, *, permute: bool) -> list[list[MetricValue]]:
    """Raw, length-controlled (where there is one) and discrete difference of two models on the same prompts."""
    differences = a.one.preference - b.one.preference
    drawn = a.raw.values - b.raw.values
    if permute:
        p, test = permutation_test(differences.tolist(), PERMUTATIONS, how.seed), "permutation test"
    else:
        p, test = wald_test(a.raw.value - b.raw.value, float(drawn.std())), "Wald test"
    raw = _figure(a, b, "win_rate_difference", a.raw.value - b.raw.value, drawn, how, p, test)
    outcomes = (np.sign(a.one.preference - 0.5) - np.sign(b.one.preference - 0.5)) / 2
    discrete = _figure(
        a,
        b,
        "discrete_win_rate_difference",
        float(outcomes.mean()),
        rates.counts(a.one.n, how) @ outcomes / a.one.n,
        how,
        sign_test_of(outcomes.tolist()),
        "McNemar's exact test",
    )
    if a.lc is None or b.lc is None:
        return [[raw], [], [discrete]]
    value, drawn = a.lc.value - b.lc.value, a.lc.values - b.lc.values
    p = wald_test(value, float(np.nanstd(drawn)))
    return [[raw], [_figure(a, b, "lc_win_rate_difference", value, drawn, how, p, "Wald test")], [discrete]]


def _figure(
    a: _Side, b: _Side, metric: str, value: float, drawn: Array, how: Resampling, p: float, test: str
) -> MetricValue:
    """Everything is 0..1; the figure is in points of percent."""
    estimate = rates.difference("paired difference", 100 * value, 100 * drawn, a.one.n, how)
    # A prompt that only one of the two has a preference on says nothing here.
    unscored = a.one.asked - a.one.n
    return figure(
        a.one.model,
        BENCHMARK,
        metric,
        estimate,
        baseline=b.one.model,
        unscored=unscored,
        p=None if estimate.value is None else p,
        test=test,
        value_unit="percent",
        note=f"judge {a.one.judge}, against {a.one.baseline}",
    )
