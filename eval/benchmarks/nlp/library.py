"""lm-eval as a library: imported late, silent, and with the random states that its own command sets."""

import logging
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from srlm.errors import SettingsError
from srlm.terminal import logger

from .sentences import splitter

EXTRA = "pip install 'srlm[nlp]'"
FEWSHOT_SEED = 1234
"""lm-eval's default: which worked examples stand before each question."""
SEEDS = (0, 1234)
"""lm-eval's defaults, for `random` and for numpy."""


def refuse_missing() -> None:
    """Raises SettingsError where lm-eval is not installed."""
    if find_spec("lm_eval") is None:
        raise SettingsError(f"NLP benchmarks need lm-eval, which is not installed: {EXTRA}")


def lm_eval_version() -> str:
    """Of the installed lm-eval."""
    return version("lm_eval")


@contextmanager
def lm_eval_at_work(sentences: bool = True) -> Iterator[None]:
    """Around all that lm-eval does: it prints nothing, draws the same at every start and needs no download for nltk.

    langdetect, by which IFEval tells languages, draws too, and is seeded. `sentences`: whether a task may split
    sentences; nltk takes seconds to import.
    """
    refuse_missing()
    import numpy as np

    before = random.getstate(), np.random.get_state()
    log = logger("lm_eval")
    level = log.level
    with splitter() if sentences else nullcontext(), warnings.catch_warnings(), _without_bars():
        warnings.simplefilter("ignore")
        log.setLevel(logging.CRITICAL + 1)
        random.seed(SEEDS[0])
        np.random.seed(SEEDS[1])
        _seed_languages()
        try:
            yield
        finally:
            log.setLevel(level)
            random.setstate(before[0])
            np.random.set_state(before[1])


def score_alike(leaf: Any) -> None:
    """Let the scoring of a task draw the same for every answer, whatever was scored before it.

    IFEval's checker, as Google's own, draws a letter of its own where a prompt counts `#` or `!` (2 of the 541).
    """
    score = leaf.process_results

    def seeded(doc: Any, results: Any) -> Any:
        random.seed(SEEDS[0])
        return score(doc, results)

    leaf.process_results = seeded


def _seed_languages() -> None:
    if find_spec("langdetect"):
        from langdetect import DetectorFactory

        DetectorFactory.seed = 0


@contextmanager
def _without_bars() -> Iterator[None]:
    """lm-eval draws a bar while it writes its requests, and asks nobody whether to."""
    from lm_eval.api import task

    drawn = task.tqdm
    task.tqdm = lambda items, **more: items
    try:
        yield
    finally:
        task.tqdm = drawn
