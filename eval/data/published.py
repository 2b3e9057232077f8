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


def human() -> PublishedHuman:
    """The paper's win, tie and lose shares by majority of people."""
    return PublishedHuman.model_validate_json(_text("paper_human.json"))


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
