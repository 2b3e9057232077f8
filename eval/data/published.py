"""The paper's figures, to stand beside ours and be mistaken for nothing else."""

from importlib import resources

from srlm.records import Record


class PublishedComparison(Record):
    """Win, tie and lose shares of `model` against `baseline`."""

    model: str
    baseline: str
    win: float
    tie: float
    lose: float


class PublishedHeadToHead(Record):
    """The paper's head-to-head."""

    source: str
    label: str
    setting: str
    judge: str
    model: str
    """What was trained."""
    data: str
    n: int
    rows: tuple[PublishedComparison, ...]


class PublishedJudge(Record):
    """One model's agreement with people as a judge."""

    model: str
    pairwise_accuracy: float
    five_best: float
    exact_match: float
    spearman: float
    kendall: float


class PublishedAgreement(Record):
    """The paper's judge agreement."""

    source: str
    label: str
    setting: str
    model: str
    """What was trained, and judged."""
    data: str
    n: str
    rows: tuple[PublishedJudge, ...]


class PublishedWinRate(Record):
    """One model's win rate against the benchmark's baseline, in percent."""

    model: str
    win_rate: float


class PublishedWinRates(Record):
    """The paper's AlpacaEval 2.0 table: its own models, and those it set beside them."""

    source: str
    label: str
    setting: str
    n: int
    rows: tuple[PublishedWinRate, ...]
    leaderboard: tuple[PublishedWinRate, ...]


class PublishedRun(Record):
    """How the paper trained: its seed data, its settings, the pairs and lengths that came of it."""

    source: str
    label: str
    data: dict[str, int]
    """Numbers of examples and prompts."""
    pairs: dict[str, int]
    """By the model that was trained on them."""
    characters: dict[str, float]
    """Mean length of an answer by model; the unit is not stated, and characters by all that is known of it."""
    training: dict[str, str]
    """By our name of the setting; empty: not stated."""


class PublishedAblations(Record):
    """What the paper left out or put in another's place."""

    source: str
    label: str
    rubrics: dict[str, dict[str, float]]
    """Agreement of the SFT baseline with people, by the judge's prompt and metric."""
    ift_only_pairs: dict[str, int]
    """Pairs that each model was trained on, where M1 was trained on IFT alone."""
    positive_only: dict[str, float]
    """Win and lose shares against the SFT baseline."""
    positive_only_examples: int
    """Answers with the highest score that it was trained on."""


class PublishedKind(Record):
    """How many of the prompts are of one kind."""

    kind: str
    share: float
    n: int | None = None


class PublishedBreakdown(Record):
    """The paper's sorting of AlpacaEval's prompts, as far as it is known, and what it found."""

    source: str
    label: str
    setting: str
    judge: str
    n: int
    categories: int
    """That the judge found; the shares of most are not known."""
    rows: dict[str, tuple[PublishedKind, ...]]
    """By label: category, complexity, length."""
    findings: tuple[str, ...]


class PublishedScores(Record):
    """One model's scores, by the names of our figures."""

    model: str
    values: dict[str, float]


class PublishedMtBench(Record):
    """The paper's MT-Bench tables."""

    source: str
    label: str
    setting: str
    model: str
    """What was trained."""
    judge: str
    questions: int
    rows: tuple[PublishedScores, ...]


class PublishedNlp(Record):
    """The paper's NLP benchmarks."""

    source: str
    label: str
    setting: str
    model: str
    """What was trained."""
    data: str
    shots: dict[str, int]
    """Worked examples, by task, where they are known."""
    shots_source: str
    rows: tuple[PublishedScores, ...]
    """0..1, by lm-eval's name of the task."""


class PublishedHuman(Record):
    """The paper's human evaluation."""

    source: str
    label: str
    setting: str
    model: str
    """What was trained."""
    data: str
    n: int
    annotators: int
    rows: tuple[PublishedComparison, ...]


def head_to_head() -> PublishedHeadToHead:
    """The paper's win, tie and lose shares."""
    return PublishedHeadToHead.model_validate_json(_text("paper_head_to_head.json"))


def judge_agreement() -> PublishedAgreement:
    """The paper's judge agreement by iteration."""
    return PublishedAgreement.model_validate_json(_text("paper_judge_agreement.json"))


def alpaca_eval() -> PublishedWinRates:
    """The paper's AlpacaEval 2.0 win rates."""
    return PublishedWinRates.model_validate_json(_text("paper_alpaca_eval.json"))


def run() -> PublishedRun:
    """The paper's seed data, settings, pairs and lengths."""
    return PublishedRun.model_validate_json(_text("paper_run.json"))


def ablations() -> PublishedAblations:
    """The paper's ablations."""
    return PublishedAblations.model_validate_json(_text("paper_ablations.json"))


def breakdown() -> PublishedBreakdown:
    """The paper's kinds of prompts and what it says of them."""
    return PublishedBreakdown.model_validate_json(_text("paper_breakdown.json"))


def mt_bench() -> PublishedMtBench:
    """The paper's MT-Bench scores."""
    return PublishedMtBench.model_validate_json(_text("paper_mt_bench.json"))


def nlp() -> PublishedNlp:
    """The paper's scores on nine NLP benchmarks."""
    return PublishedNlp.model_validate_json(_text("paper_nlp.json"))


def human() -> PublishedHuman:
    """The paper's win, tie and lose shares by majority of people."""
    return PublishedHuman.model_validate_json(_text("paper_human.json"))


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
