"""What `srlm-eval agreement`, `audit` and `canaries` do with judges that are named on the command line."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from srlm.cli.main import quiet
from srlm.data.human_ranking import HumanRanking
from srlm.data.rankings import Rankings
from srlm.engines.openai.endpoint import Endpoint
from srlm.errors import SettingsError
from srlm.judge import rubric
from srlm.judge.open import CALLS, SPECS, Around, Judge, PointwiseSettings, Server, open_judge
from srlm.records import Record, seed_for
from srlm.settings import PairSettings, Price
from srlm.terminal import say, show
from srlm.text.counts import counted

from ..data import controlled, labels, rankings
from ..figures.text import listed, short_name
from ..metrics import write
from ..records import MetricValue
from ..stats.intervals import Resampling
from . import labelled
from .audit import effects as audit
from .canaries import measure as traps
from .canaries.text import canaries as canary_table
from .judge_agreement import one_by_one, ranked
from .judge_agreement.text import agreement as agreement_table
from .within_budget import budget_note, noted, reached, sample_of

ON_THIS_MACHINE = ("hf", "transformers", "reward-model")
"""Kinds of judges that compute here."""


class Wanted(Record):
    """The options that the commands share."""

    judges: tuple[str, ...]
    asking: PointwiseSettings
    pairs: PairSettings = PairSettings()
    base_url: str | None = None
    record: Path | None = None
    replay: Path | None = None
    price: Price | None = None
    max_cost: float | None = None
    seed: int = 1
    resamples: int = 2000
    confidence: float = 0.95
    out: Path | None = None

    def around(self, sets: Sequence[HumanRanking]) -> Around:
        """What specifications refer to; a server's answers are kept beside `--out`, or where an option says."""
        if self.record and self.replay:
            raise SettingsError("--record and --replay cannot be used together")
        server = Server(
            endpoint=Endpoint.at(self.base_url, self.seed),
            calls=self.replay or self.record or self.keep() / CALLS,
            replay=self.replay is not None,
            price=self.price,
            max_cost=self.max_cost,
        )
        return Around(asking=self.asking, pairs=self.pairs, server=server, sets=sets)

    @property
    def how(self) -> Resampling:
        """How intervals are made."""
        return Resampling(resamples=self.resamples, confidence=self.confidence, seed=self.seed)

    def keep(self) -> Path:
        """Folder of what models say: beside `--out`."""
        if self.out is None or self.out.suffix != ".json":
            found = "is missing" if self.out is None else f"is needed, not {self.out}"
            raise SettingsError(f"--out FILE.json {found}: figures go to it, and judgements to the folder FILE")
        return self.out.with_suffix("")

    def write(self, metrics: Sequence[MetricValue]) -> None:
        """The figures, in full."""
        if self.out is not None:
            write(self.out, metrics)


def agreement(wanted: Wanted, path: str, format: str | None, ask: ranked.Ask, labels_of: Path | None = None) -> None:
    """Judges on a file of human rankings: figures to `--out`, a table to stdout."""
    known = None if labels_of is None else labels.read(labels_of)
    found = rankings.read(path, format)
    judges = _open(wanted, found.sets)
    try:
        with _affordable(wanted, judges, found.sets, ask, "agreement") as sample:
            metrics = ranked.run(
                found.model_copy(update={"sets": sample.sets}),
                judges,
                draws=wanted.asking.draws,
                ask=ask,
                how=wanted.how,
                seed=wanted.seed,
                keep=sample.keep,
                labels=known,
            )
        metrics = noted(metrics, sample.note)
    finally:
        for judge in judges:
            judge.close()
    wanted.write(metrics)
    say(*_account(path, found, judges))
    if sample.note:
        say(_stopped(sample.note))
    show(agreement_table(metrics))
    if known is not None:
        show("\n" + labelled.text(metrics))


def _account(path: str, found: Rankings, judges: Sequence[Judge]) -> list[str]:
    """What was read, and what of it was left out or changed, of the rankings and of files of judgements."""
    groups = len({one.group for one in found.sets})
    held = f"{counted(len(found.sets), 'sets of answers')} in {counted(groups, 'groups')}"
    lines = [f"{path}: {found.format}, {held}{_told(found.account)}"]
    return [
        *lines,
        *(f"{short_name(judge.id)}: not used{_told(judge.account)}" for judge in judges if judge.account),
        "",
    ]


def _told(account: Mapping[str, int]) -> str:
    return "".join(f"; {name} {count:,}" for name, count in account.items())


def _open(wanted: Wanted, sets: Sequence[HumanRanking]) -> list[Judge]:
    if not wanted.judges:
        raise SettingsError(f"--judge is missing: {SPECS}")
    if any(spec.partition(":")[0] in ON_THIS_MACHINE for spec in wanted.judges):
        quiet(threads=0)  # as many as torch takes
    judges: list[Judge] = []
    try:
        for spec in wanted.judges:
            judges.append(open_judge(spec, wanted.around(sets)))
            if len({judge.id for judge in judges}) < len(judges):
                raise SettingsError(
                    f"--judge {spec}: two judges have the name {judges[-1].id}; rename the folder of one"
                )
    except BaseException:
        for judge in judges:
            judge.close()
        raise
    return judges


def audited(wanted: Wanted, path: str | None, format: str | None, ask: ranked.Ask) -> None:
    """Audit judges on a file of rankings, or on built-in answers with the same content in three forms."""
    found = None if path is None else rankings.read(path, format)
    sets = controlled.sets() if found is None else list(found.sets)
    judges = _open(wanted, sets)
    try:
        with _affordable(wanted, judges, sets, ask, "audit") as sample:
            metrics = noted(_sways(wanted, judges, sample, ask), sample.note)
    finally:
        for judge in judges:
            judge.close()
    wanted.write(metrics)
    if path is None or found is None:
        say(f"built-in answers, the same content in three forms: {counted(len(sets), 'sets of answers')}", "")
    else:
        say(*_account(path, found, judges))
    if sample.note:
        say(_stopped(sample.note))
    show(listed(metrics, "judge"))


def _sways(wanted: Wanted, judges: Sequence[Judge], sample: "_Sample", ask: ranked.Ask) -> list[MetricValue]:
    """What sways each judge, on these sets."""
    metrics: list[MetricValue] = []
    sets, keep = sample.sets, sample.keep
    for judge in judges:
        seed = _seed(wanted, "audit", judge)
        scored = judge.pointwise is not None and ask != "pairs"
        if scored:
            said = ranked.judge_sets(judge, sets, _draws(wanted, judge), seed, keep)
            metrics += audit.preferences(judge.id, sets, audit.from_scores(said), wanted.how)
            metrics += audit.spread(judge.id, sets, said, wanted.how, five_points=judge.five_points)
        if judge.pairwise is not None and ask != "scores" and not judge.one_order:
            name = f"{judge.id} (pairs)" if scored else judge.id
            pairs = ranked.compared(judge, sets, seed, keep)
            metrics += audit.preferences(name, sets, audit.from_pairs(pairs), wanted.how)
            metrics += audit.orders(name, sets, pairs, wanted.how)
    return metrics


def _seed(wanted: Wanted, command: str, judge: Judge) -> int:
    return seed_for(wanted.seed, command, judge.id)


def _draws(wanted: Wanted, judge: Judge) -> int:
    return wanted.asking.draws if judge.draws is None else min(wanted.asking.draws, judge.draws)


# Within a budget ------------------------------------------------------------------------------------------------------


class _Sample(NamedTuple):
    """The sets that are judged."""

    sets: tuple[HumanRanking, ...]
    keep: Path
    """Where what models say is kept: of a part of the sets, only for the while."""
    note: str
    """Which part of the prompts these are; empty: all."""


@contextmanager
def _affordable(
    wanted: Wanted, judges: Sequence[Judge], sets: Sequence[HumanRanking], ask: ranked.Ask, command: str
) -> Iterator[_Sample]:
    """The sets that `--max-cost` reaches for every judge, with all that is asked of them answered."""
    keep, groups = wanted.keep(), list(dict.fromkeys(one.group for one in sets))
    done: list[list[str]] = []
    if wanted.max_cost is not None and wanted.replay is None:
        for judge in judges:
            # Judgements that are kept already go on as they were begun.
            if judge.budget is not None and not _is_begun(judge, keep, ask):
                one_by_one.begin(judge)
                about = partial(_ask_about, wanted, judge, sets, ask, _seed(wanted, command, judge))
                done.append(reached(groups, about, judge.budget(), wanted.seed))
    found = sample_of(groups, done, wanted.max_cost)
    if len(found) == len(groups):
        yield _Sample(tuple(sets), keep, "")
        return
    # Labels know a set by its place among all.
    part = [
        one if one.key is not None else one.model_copy(update={"key": place})
        for place, one in enumerate(sets)
        if one.group in found
    ]
    with TemporaryDirectory() as nowhere:
        yield _Sample(tuple(part), Path(nowhere), budget_note(len(found), len(groups)))


def _is_begun(judge: Judge, keep: Path, ask: ranked.Ask) -> bool:
    """Whether judgements are kept already."""
    names = [*(["judgements"] if ask != "pairs" else []), *(["comparisons"] if ask != "scores" else [])]
    return any(ranked.is_begun(keep / f"{judge.file}-{name}.jsonl") for name in names)


def _ask_about(
    wanted: Wanted, judge: Judge, sets: Sequence[HumanRanking], ask: ranked.Ask, seed: int, groups: Sequence[str]
) -> None:
    """Ask a judge about the sets of these groups; the answers stay among its calls. Raises BudgetSpent."""
    place = {group: number for number, group in enumerate(groups)}
    own = sorted((one for one in sets if one.group in place), key=lambda one: place[one.group])
    with TemporaryDirectory() as nowhere:
        if ask != "pairs":
            ranked.judge_sets(judge, own, _draws(wanted, judge), seed, Path(nowhere))
        if ask != "scores":
            ranked.compared(judge, own, seed, Path(nowhere))


def _stopped(note: str) -> str:
    return f"stopped at --max-cost: figures {note}; raise it and run the same command again to resume\n"


def canaries(wanted: Wanted, ask: ranked.Ask) -> bool:
    """Every canary before every judge: which held, and what each judge gave that it should not have.

    False where our own reading was moved, which is a defect; what moves a judge is the judge's.
    """
    keep = wanted.keep()
    judges = _open(wanted, ())
    tried = traps.parsing(rubric.load(wanted.asking.template))
    try:
        for judge in judges:
            if judge.pointwise is not None and ask != "pairs":
                tried += traps.scored(judge, wanted.asking.draws, wanted.seed, keep)
            if judge.pairwise is not None and ask != "scores":
                tried += traps.compared(judge, wanted.seed, keep)
    finally:
        for judge in judges:
            judge.close()
    wanted.write(traps.figures(tried, wanted.how))
    show(canary_table(tried))
    return all(one.held for one in tried if one.way == "parsing")
