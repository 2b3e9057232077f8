"""The errands world as three benchmarks."""

from srlm.worlds.errands.kinds import KINDS

from ..world.benchmark import WorldWords, benchmarks_of

ERRANDS = benchmarks_of(
    WorldWords(
        kind="errands",
        label="errands world",
        command="errands",
        one="errand",
        criteria={
            "correct": "correct answers",
            "relevant": "answers with an item right",
            "complete": "answers with as many items as asked",
            "clean": "answers without other words",
        },
        kinds=tuple(KINDS),
        groups={
            "trained_kinds": "correct answers: kinds that are trained",
            "heldout_kinds": "correct answers: kinds that are never trained",
        },
    )
)
