"""The bead world as three benchmarks, right answers, skills and true verdicts; and a study of worse judges in it."""

from pathlib import Path

from ...figures.specs import spaced
from ...records import MetricValue
from ..base import MetricSpec, PageSection
from ..world.benchmark import WorldWords, benchmarks_of

BEADS = benchmarks_of(
    WorldWords(
        kind="beads",
        label="bead world",
        command="beads",
        one="bead",
        criteria={
            "correct": "correct answers",
            "relevant": "well-formed answers with an item right",
            "count": "answers with as many items as asked",
            "clean": "answers without filler",
        },
        kinds=("copy", "reverse", "skip", "turn", "mate"),
        base="M0 is given the row and the operation as its training text has them; what it cannot do there the loop "
        "does not bring back.",
    )
)


class WorseJudges:
    """What worse judges cost, from a study of many seeds and arms: figures, all of them shares, and their chapter."""

    name = "worse_judges"
    label = "what worse judges cost"
    pairs = False

    def spec(self, metric: str) -> MetricSpec:
        """How a metric of this name reads."""
        return MetricSpec(label=spaced(metric), unit="share")

    def figures(self, path: Path) -> list[MetricValue]:
        """From a study's file. Raises RecordError or StoreError where it is broken."""
        from .worse_judges import read

        return read(path).metrics

    def section(self, path: Path) -> PageSection:
        """The same as a chapter."""
        from .worse_judges import read

        content = {"study": read(path)}
        return PageSection("own", "beads/worse_judges.html", content, id="study", link="Worse judges")
