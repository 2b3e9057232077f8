"""The bead world as three benchmarks, right answers, skills and true verdicts; they have no figures of other worlds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...figures.specs import spaced
from ...records import MetricValue, Series
from ..base import Answers, Benchmark, Item, MetricSpec, OpenEngine, PageSection, Picture, RunData

OPERATIONS = ("copy", "reverse", "skip", "turn", "mate")
ANSWERS = {
    "correct": MetricSpec(
        label="correct answers",
        unit="share",
        better="higher",
        headline=True,
        margin=0.05,
        picture=Picture("changed", "Correct answers, share of prompts", 10),
    ),
    "relevant": MetricSpec(label="well-formed answers with an item right", unit="share", better="higher"),
    "count": MetricSpec(label="answers with as many items as asked", unit="share", better="higher"),
    "clean": MetricSpec(label="answers without filler", unit="share", better="higher"),
    "oracle_score": MetricSpec(
        label="exact score (0 to 5)",
        unit="points",
        better="higher",
        margin=0.2,
        scale=(0.0, 5.0),
        picture=Picture("changed", "Exact score, mean of 0 to 5 points", 30),
    ),
}
SKILLS = {
    "greedy_correct": MetricSpec(
        label="greedy answers correct",
        unit="share",
        better="higher",
        picture=Picture("changed", "Correct greedy answers (M0: asked in its own way)", 20),
    ),
    **{
        f"greedy_correct_{name}": MetricSpec(label=f"greedy answers correct: {name}", unit="share", better="higher")
        for name in OPERATIONS
    },
}
CRITERIA = ("relevant", "correct", "count", "clean")
OWN_PAIRS = "own answers: pairs ordered as the program does (a tie is wrong)"
OWN_VERDICTS = "Verdicts on its own answers' correctness, balanced"


def _verdicts(part: str, words: str) -> Mapping[str, MetricSpec]:
    return {
        f"{part}_{name}": MetricSpec(
            label=f"{words}: verdicts on `{name}`, balanced accuracy",
            unit="share",
            better="higher",
            picture=Picture("judge", OWN_VERDICTS, 30) if (part, name) == ("own", "correct") else None,
        )
        for name in CRITERIA
    }


VERDICTS = {
    "own_pairwise_accuracy": MetricSpec(
        label=OWN_PAIRS,
        unit="share",
        better="higher",
        picture=Picture("judge", "Pairs of its own answers in the right order", 40),
    ),
    **_verdicts("own", "own answers"),
    **_verdicts("heldout", "held-out answers"),
}
JUDGED = {
    # By prompt only, for the gate.
    "pairwise_accuracy": MetricSpec(label=OWN_PAIRS, unit="share", better="higher", margin=0.03),
    "parsed": MetricSpec(label="judgements with a score", better="higher", margin=0.02, scale=(0.0, 1.0)),
}


def is_bead_world(run: RunData) -> bool:
    """Whether the exact program knows the right answers."""
    return run.settings.data.kind == "beads"


class BeadAnswers(Benchmark):
    """What the exact program says of the answers to the evaluation prompts."""

    name = "beads"
    label = "bead world"
    command = "beads"
    help = "Check every checkpoint's answers and verdicts with the exact program of the bead world."
    evaluation_prompts = True
    metrics = ANSWERS

    def items(self, run: RunData) -> Sequence[Item]:
        return super().items(run) if is_bead_world(run) else ()

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import answered_right

        return answered_right(run.settings, run.folder, answers) if is_bead_world(run) else []

    def per_prompt(self, run: RunData) -> list[Series]:
        from .measure import right_by_prompt

        return right_by_prompt(run.folder) if is_bead_world(run) else []

    def sections(self, run: RunData) -> list[PageSection]:
        if not is_bead_world(run):
            return []
        return [PageSection("changed", "beads/answers.html", {"metrics": tuple(ANSWERS)}, rank=10)]


class BeadSkills(Benchmark):
    """Each operation by itself, among the likeliest answers; M0's stand beside the others'."""

    name = "bead_skills"
    label = "bead world, skills"
    command = "beads"
    metrics = SKILLS
    unit = "share"

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import skilled

        return skilled(run.settings, run.folder, open_engine) if is_bead_world(run) else []

    def sections(self, run: RunData) -> list[PageSection]:
        skilled = [name for name in run.finished if run.figure(self.name, "greedy_correct", name)]
        if not skilled:
            return []
        content = {"metrics": tuple(SKILLS), "names": skilled}
        return [PageSection("changed", "beads/skills.html", content, rank=30)]


class BeadJudge(Benchmark):
    """A model's verdicts against the exact program's, on held-out answers and on its own."""

    name = "bead_judge"
    label = "bead world, as a judge"
    command = "beads"
    metrics: Mapping[str, MetricSpec] = {**VERDICTS, **JUDGED}
    unit = "share"

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import judged

        return judged(run.settings, run.folder, open_engine) if is_bead_world(run) else []

    def per_prompt(self, run: RunData) -> list[Series]:
        from .measure import judged_by_prompt

        return judged_by_prompt(run.folder) if is_bead_world(run) else []

    def sections(self, run: RunData) -> list[PageSection]:
        if not is_bead_world(run):
            return []
        return [PageSection("judge", "beads/judge.html", {"metrics": tuple(VERDICTS)}, rank=20)]


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
