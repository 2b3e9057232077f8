"""Every benchmark there is. `eval all` measures, the page shows and the gate reads them in this order."""

from collections.abc import Sequence

from srlm.errors import SettingsError

from ..figures.words import MetricWords
from .ablations.benchmark import Ablations
from .alpaca_eval.benchmark import AlpacaBridge, AlpacaCanaries, AlpacaEval2
from .answers.benchmark import AnswerLengths
from .audit.benchmark import Audit
from .base import Benchmark
from .beads.benchmark import BEADS, WorseJudges
from .breakdown.benchmark import Breakdown
from .canaries.benchmark import Canaries
from .data_map.benchmark import DataMap
from .drift.benchmark import ModelDrift
from .errands.benchmark import ERRANDS
from .head_to_head.benchmark import HeadToHead
from .head_to_head.other_judges import OtherJudges
from .human.benchmark import Human
from .judge_agreement.benchmark import JudgeAgreement
from .mt_bench.benchmark import MtBenchPairs, MtBenchScores
from .nlp.benchmark import Nlp
from .slices.benchmark import Slices

BENCHMARKS: tuple[Benchmark, ...] = (
    HeadToHead(),
    OtherJudges(),
    AnswerLengths(),
    Slices(),
    Breakdown(),
    DataMap(),
    ModelDrift(),
    JudgeAgreement(),
    Audit(),
    *BEADS,
    *ERRANDS,
    AlpacaEval2(),
    AlpacaBridge(),
    AlpacaCanaries(),
    Canaries(),
    Ablations(),
    MtBenchScores(),
    MtBenchPairs(),
    Nlp(),
    Human(),
)
STUDY = WorseJudges()
"""What `report --study` shows beside a run: figures of a file, and not of the run's checkpoints."""
WORDS = MetricWords((*BENCHMARKS, STUDY))
"""How figures of all benchmarks read."""


def of_all(also: Sequence[str] = ()) -> list[Benchmark]:
    """Those of `eval all`, and those that a run's settings add by name (`evaluation.also`)."""
    added = chosen(also)
    return [one for one in BENCHMARKS if one.by_default or one in added]


def chosen(names: Sequence[str]) -> list[Benchmark]:
    """Benchmarks by name or by the word of the command line that measures them, in the table's order.

    Raises SettingsError for a word that is none, or whose benchmarks want more than settings; of several benchmarks of
    one word, those are left to the command.
    """
    found: list[Benchmark] = []
    for name in names:
        called = [one for one in BENCHMARKS if name and name in (one.name, one.command)]
        if not called:
            raise SettingsError(
                f"{name}: no such benchmark; the benchmarks are {', '.join(one.name for one in BENCHMARKS)}"
            )
        able = [one for one in called if one.by_settings]
        if not able:
            raise called[0].needs_more()
        found += able
    return [one for one in BENCHMARKS if one in found]
