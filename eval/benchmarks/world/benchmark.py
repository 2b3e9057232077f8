"""A small world as three benchmarks: right answers, skills by kind, true verdicts. Of other runs they say nothing."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...figures.specs import spaced
from ...records import MetricValue, Series
from ..base import Answers, Benchmark, Item, Lead, MetricSpec, OpenEngine, PageSection, Picture, RunData

OWN_PAIRS = "own answers: pairs ordered as the program does (a tie is wrong)"
OWN_VERDICTS = "Verdicts on its own answers' correctness, balanced"


class WorldWords(NamedTuple):
    """How a world's figures are named, and how they read."""

    kind: str
    """The world, by its `data.kind`."""
    label: str
    """In words."""
    command: str
    """The word of `srlm-eval` that measures all three; the first benchmark has its name."""
    one: str
    """What the names of the others begin with: `ONE_skills`, `ONE_judge`."""
    criteria: Mapping[str, str]
    """What the exact program asks of an answer, `correct` among them: how a share of answers reads."""
    kinds: Sequence[str]
    """Of prompts, as their categories name them."""
    groups: Mapping[str, str] = {}
    """Of kinds, where a run's settings put them in groups: how right answers to the prompts of each read."""
    base: str = ""
    """What M0 is asked, where that is not what the others are."""

    def applies(self, run: RunData) -> bool:
        """Whether the exact program knows the right answers."""
        return run.settings.data.kind == self.kind


class WorldAnswers(Benchmark):
    """What the exact program says of the answers to the evaluation prompts."""

    evaluation_prompts = True

    def __init__(self, words: WorldWords) -> None:
        self._words = words
        self.name = self.command = words.command
        self.label = words.label
        self.help = f"Check every checkpoint's answers and verdicts with the exact program of the {words.label}."
        right = MetricSpec(
            label=words.criteria["correct"],
            unit="share",
            better="higher",
            headline=True,
            margin=0.05,
            picture=Picture("changed", "Correct answers, share of prompts", 10),
        )
        others = {
            name: MetricSpec(label=label, unit="share", better="higher")
            for name, label in (
                *words.criteria.items(),
                *((f"correct_{one}", said) for one, said in words.groups.items()),
            )
            if name != "correct"
        }
        points = MetricSpec(
            label="exact score (0 to 5)",
            unit="points",
            better="higher",
            margin=0.2,
            scale=(0.0, 5.0),
            picture=Picture("changed", "Exact score, mean of 0 to 5 points", 30),
        )
        self.metrics = {"correct": right, **others, "oracle_score": points}

    @property
    def leads(self) -> Sequence[Lead]:
        return [Lead("correct", "quality", self.metrics["correct"].label, {1.0: "correct", 0.0: "wrong"})]

    def items(self, run: RunData) -> Sequence[Item]:
        return super().items(run) if self._words.applies(run) else ()

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import answered_right

        return answered_right(self._words, run.settings, run.folder, answers) if self._words.applies(run) else []

    def per_prompt(self, run: RunData) -> list[Series]:
        from .measure import right_by_prompt

        return right_by_prompt(self._words, run.folder) if self._words.applies(run) else []

    def sections(self, run: RunData) -> list[PageSection]:
        if not self._words.applies(run):
            return []
        content = {"benchmark": self.name, "world": self._words, "metrics": tuple(self.metrics)}
        return [PageSection("changed", "world/answers.html", content, rank=10)]


class WorldSkills(Benchmark):
    """Each kind of prompt by itself, among the likeliest answers; M0's stand beside the others'."""

    unit = "share"

    def __init__(self, words: WorldWords) -> None:
        self._words = words
        self.name, self.label, self.command = f"{words.one}_skills", f"{words.label}, skills", words.command
        all_ = MetricSpec(
            label="greedy answers correct",
            unit="share",
            better="higher",
            picture=Picture(
                "changed", f"Correct greedy answers{' (M0: asked in its own way)' if words.base else ''}", 20
            ),
        )
        each = {
            f"greedy_correct_{name}": MetricSpec(
                label=f"greedy answers correct: {spaced(name)}", unit="share", better="higher"
            )
            for name in words.kinds
        }
        self.metrics = {"greedy_correct": all_, **each}

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import skilled

        return skilled(self._words, run.settings, run.folder, open_engine) if self._words.applies(run) else []

    def sections(self, run: RunData) -> list[PageSection]:
        skilled = [name for name in run.finished if run.figure(self.name, "greedy_correct", name)]
        if not skilled:
            return []
        shown = tuple(name for name in self.metrics if any(run.figure(self.name, name, one) for one in skilled))
        content = {"benchmark": self.name, "world": self._words, "metrics": shown, "names": skilled}
        return [PageSection("changed", "world/skills.html", content, rank=30)]


class WorldJudge(Benchmark):
    """A model's verdicts against the exact program's, on held-out answers and on its own."""

    unit = "share"
    of_judges = True

    def __init__(self, words: WorldWords) -> None:
        self._words = words
        self.name, self.label, self.command = f"{words.one}_judge", f"{words.label}, as a judge", words.command
        ordered = MetricSpec(
            label=OWN_PAIRS,
            unit="share",
            better="higher",
            picture=Picture("judge", "Pairs of its own answers in the right order", 40),
        )
        said = {
            f"{part}_{name}": MetricSpec(
                label=f"{whose}: verdicts on `{name}`, balanced accuracy",
                unit="share",
                better="higher",
                picture=Picture("judge", OWN_VERDICTS, 30) if (part, name) == ("own", "correct") else None,
            )
            for part, whose in (("own", "own answers"), ("heldout", "held-out answers"))
            for name in words.criteria
        }
        self._verdicts: Mapping[str, MetricSpec] = {"own_pairwise_accuracy": ordered, **said}
        self.metrics = {
            **self._verdicts,
            # By prompt only, for the gate.
            "pairwise_accuracy": MetricSpec(label=OWN_PAIRS, unit="share", better="higher", margin=0.03),
            "parsed": MetricSpec(label="judgements with a score", better="higher", margin=0.02, scale=(0.0, 1.0)),
        }

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import judged

        return judged(self._words, run.settings, run.folder, open_engine) if self._words.applies(run) else []

    def per_prompt(self, run: RunData) -> list[Series]:
        from .measure import judged_by_prompt

        return judged_by_prompt(self._words, run.folder) if self._words.applies(run) else []

    def sections(self, run: RunData) -> list[PageSection]:
        if not self._words.applies(run):
            return []
        content = {"benchmark": self.name, "metrics": tuple(self._verdicts)}
        return [PageSection("judge", "world/judge.html", content, rank=20)]


def benchmarks_of(words: WorldWords) -> tuple[Benchmark, Benchmark, Benchmark]:
    """All three of a world."""
    return WorldAnswers(words), WorldSkills(words), WorldJudge(words)
