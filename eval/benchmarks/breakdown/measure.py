"""Head-to-heads and AlpacaEval by category, complexity and expected length, from verdicts on disk.

labels of the prompts -> evaluation/breakdown/kinds.jsonl -> figures of every comparison, kind by kind
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from srlm.errors import DataError, SettingsError
from srlm.records import Prompt
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.terminal import say
from srlm.text.counts import counted

from ...data.alpaca_rows import one_a_prompt
from ...data.kinds import read_kinds
from ...records import KindRow, Labels, MetricValue, PromptKind
from ...stats.bounded import SHARE
from ...stats.intervals import Estimate, Resampling, mean, share
from ...stats.kinds import spread
from ..alpaca_eval.kept import KeptAnnotations, kept
from ..base import OpenEngine, RunData
from ..by_kind import Kinds, Part, parts, wins_minus_losses
from ..head_to_head.measure import by_prompt
from ..measuring import difference, figure, resampling, with_holm
from ..paired import Pair, steps_of
from ..within_budget import noted
from .asking import check, found_categories, labelled, names_in, open_labeller, own_categories, place, settings_of
from .names import ALPACA, ALPACA_PROMPTS, BREAKDOWN, GAIN, LOSSES, MARGIN, PROMPTS, SORTS, WINS, differs, figure_of
from .reading import LENGTHS

HEAD_TO_HEAD, ALPACA_EVAL = "head_to_head", "alpaca_eval"
ROWS = "kinds.jsonl"


class PromptSets(NamedTuple):
    """The prompts that models were compared on."""

    head_to_head: Sequence[Prompt]
    alpaca_eval: Sequence[Prompt]

    def sets_of(self, id: str) -> tuple[str, ...]:
        """The benchmarks whose prompt it is."""
        named = ((HEAD_TO_HEAD, self.head_to_head), (ALPACA_EVAL, self.alpaca_eval))
        return tuple(name for name, prompts in named if any(prompt.id == id for prompt in prompts))


def figures(run: RunData, open_engine: OpenEngine) -> list[MetricValue]:
    """Every comparison that lies on disk, kind by kind; the judge is asked for labels that are not on disk."""
    settings, folder = run.settings, run.folder
    check(settings)
    annotated = of_one_judge(kept(folder, run.names))
    alpaca = {prompt.id: prompt for one in annotated for prompt in one.prompts}
    sets = PromptSets(run.prompts, list(alpaca.values()))
    found, note = _labels(settings, folder, sets, open_engine)
    rows = [
        KindRow(
            prompt_id=prompt.id,
            sets=sets.sets_of(prompt.id),
            instruction=prompt.transcript,
            judge=found[prompt.id].judge,
            unread=found[prompt.id].unread,
            **{name: getattr(found[prompt.id], name) for name in Labels.model_fields},
        )
        for prompt in ({prompt.id: prompt for prompt in sets.head_to_head} | alpaca).values()
        if prompt.id in found
    ]
    files.write(place(folder) / ROWS, rows)
    how, floor = resampling(settings), settings.evaluation.breakdown.floor
    own, theirs = (kinds([row for row in rows if name in row.sets]) for name in (HEAD_TO_HEAD, ALPACA_EVAL))
    metrics = [*composition(rows, HEAD_TO_HEAD, PROMPTS, how), *composition(rows, ALPACA_EVAL, ALPACA_PROMPTS, how)]
    labelled_ids = {row.prompt_id for row in rows}
    for one in by_prompt(settings, folder):
        points = {id: value for id, value in zip(one.prompts, one.values, strict=True) if id in labelled_ids}
        metrics += contest(one.model or "", one.baseline or "", own, points, how, floor)
    known = [name for name in run.names if any(one.model == name for one in annotated)]
    metrics += alpaca_figures(
        annotated, steps_of(known, settings.evaluation.reference), theirs, labelled_ids, how, floor
    )
    return noted(metrics, note)


class _Found(NamedTuple):
    """Labels by prompt id."""

    kinds: Mapping[str, PromptKind]
    note: str


def _labels(settings: Settings, folder: RunFolder, sets: PromptSets, open_engine: OpenEngine) -> _Found:
    wanted = settings_of(settings)
    first = {prompt.id: prompt for prompt in sets.head_to_head}
    more = {prompt.id: prompt for prompt in sets.alpaca_eval if prompt.id not in first}
    every = [*first.values(), *more.values()]
    if wanted.labels is not None:
        return _Found(_of_file(Path(wanted.labels), every), "")
    if wanted.judge is None:
        if not any(prompt.category for prompt in every):
            raise SettingsError(
                "evaluation.breakdown: the prompts have no categories of their own, and nobody labels them; name a "
                "judge that writes text (--judge openai:MODEL), or give a labelled file (--kinds FILE)"
            )
        return _Found({one.prompt_id: one for one in own_categories(every)}, "")
    found: list[PromptKind] = []
    notes = []
    with closing(open_labeller(settings, folder, open_engine)) as judge:
        match wanted.categories:
            case "own":
                categories = None
            case "paper":
                categories = found_categories(settings, folder, every, judge)
            case path:
                categories = names_in(path)
        for name, prompts in ((HEAD_TO_HEAD, first), (ALPACA_EVAL, more)):
            if prompts:
                one = labelled(settings, folder, name, list(prompts.values()), categories, judge)
                found += one.kinds
                notes.append(one.note)
    return _Found({one.prompt_id: one for one in found}, "; ".join(note for note in notes if note))


def _of_file(path: Path, prompts: Sequence[Prompt]) -> dict[str, PromptKind]:
    read = read_kinds(path, prompts)
    if read.unused or len(read.labels) < len(prompts):
        say(
            f"{path.name}: labels of {len(read.labels)} of {counted(len(prompts), 'prompts')}; "
            f"{counted(read.unused, 'rows are')} of other prompts and not used"
        )
    found = {}
    for prompt in prompts:
        labels = read.labels.get(prompt.id, Labels())
        missing = [name for name in Labels.model_fields if getattr(labels, name) is None]
        found[prompt.id] = PromptKind.of(
            prompt.id, f"file:{path.name}", "", labels, dict.fromkeys(missing, "no such line")
        )
    return found


def kinds(rows: Sequence[KindRow]) -> Kinds:
    """Ids of prompts by kind, for each label that was asked for: categories by how many prompts they have, the others
    in their order. A label that was asked for and never read has no kinds."""
    found: dict[str, dict[str, list[str]]] = {sort: {} for sort in SORTS.values()}
    for label, sort in SORTS.items():
        for row in rows:
            value = getattr(row, label)
            if value is not None:
                found[sort].setdefault(str(value), []).append(row.prompt_id)
    asked = [label for label in SORTS if any(row.unread.get(label) != "not asked" for row in rows)]
    return {SORTS[label]: dict(sorted(found[SORTS[label]].items(), key=partial(_order, label))) for label in asked}


def _order(label: str, item: tuple[str, Sequence[str]]) -> tuple[int, str]:
    kind, ids = item
    match label:
        case "category":
            return -len(ids), kind
        case "complexity":
            return int(kind), ""
    return (LENGTHS.index(kind) if kind in LENGTHS else len(LENGTHS)), kind


def composition(rows: Sequence[KindRow], name: str, what: str, how: Resampling) -> list[MetricValue]:
    """The share of each kind among the labelled prompts of a benchmark."""
    own = [row for row in rows if name in row.sets]
    metrics = []
    for label, sort in SORTS.items():
        known = [str(getattr(row, label)) for row in own if getattr(row, label) is not None]
        why = Counter(row.unread[label] for row in own if label in row.unread)
        if not known and set(why) <= {"not asked"}:
            continue
        note = ", ".join(f"{count} {reason}" for reason, count in why.most_common())
        for kind in kinds(own)[sort] or {"(none read)": []}:
            metrics.append(
                figure(
                    own[0].judge,
                    BREAKDOWN,
                    figure_of(what, sort, kind),
                    share([one == kind for one in known], how.using(BREAKDOWN, what, sort, kind)),
                    unscored=len(own) - len(known),
                    note=f"unscored: {note}" if note else "",
                )
            )
    return metrics


def contest(
    model: str, baseline: str, own: Kinds, points: Mapping[str, float | None], how: Resampling, floor: int
) -> list[MetricValue]:
    """One comparison: wins minus losses, wins and losses of each kind, and whether kinds differ."""
    found = parts(own, points, floor)
    metrics = with_holm(wins_minus_losses(BREAKDOWN, model, baseline, found, how), how, shares=True)
    for what, point in ((WINS, 1.0), (LOSSES, -1.0)):
        for part in found:
            estimate = share([value == point for value in part.values], how.using(what, model, baseline, part.name))
            name = figure_of(what, part.sort, part.kind)
            metrics.append(figure(model, BREAKDOWN, name, estimate, unscored=part.unscored, baseline=baseline))
    return metrics + with_holm(_differing(model, baseline, MARGIN, found, own, len(points), how, floor), how)


def _differing(
    model: str, baseline: str | None, what: str, found: Sequence[Part], kinds: Kinds, prompts: int, how: Resampling,
    floor: int,
) -> list[MetricValue]:  # fmt: skip
    """Of each way of sorting, whether the kinds differ. Of `kinds`, `found` are those that are large enough; `prompts`:
    how many both models were compared on. Where no kind is, the missing figure says why no win rate stands there."""
    metrics = []
    for sort, read in kinds.items():
        own = [part for part in found if part.sort == sort]
        n, unscored = sum(len(part.values) for part in own), sum(part.unscored for part in own)
        if not own:
            unscored = prompts
        tested = spread([part.values for part in own], how.using(BREAKDOWN, what, model, baseline, sort).seed)
        method = "share of the variance between prompts that lies between kinds; no interval: 0 is its lower bound"
        estimate = Estimate(value=tested and tested.explained, low=None, high=None, n=n, method=method)
        if not own:
            note = f"no kind has {counted(floor, 'judged prompts')}" if read else "no label was read"
        else:
            note = counted(len(own), "kinds") if tested else "fewer than two kinds with different values"
        metrics.append(
            figure(
                model,
                BREAKDOWN,
                differs(what, sort),
                estimate,
                unscored=unscored,
                baseline=baseline,
                p=tested and tested.p,
                test="permutation test of the kinds",
                note=note,
            )
        )
    return metrics


# AlpacaEval -----------------------------------------------------------------------------------------------------------


def of_one_judge(annotated: Sequence[KeptAnnotations]) -> list[KeptAnnotations]:
    """Those of the judge and baseline with the most annotations: win rates by several are on several scales."""
    counts = Counter[tuple[str, str]]()
    for one in annotated:
        counts[_scale(one)] += len({annotation.prompt_id for annotation in one.annotations})
    if not counts:
        return []
    ((best, _),) = counts.most_common(1)
    return [one for one in annotated if _scale(one) == best]


def _scale(one: KeptAnnotations) -> tuple[str, str]:
    return one.annotations[0].judge, one.baseline


def alpaca_figures(
    annotated: Sequence[KeptAnnotations],
    pairs: Sequence[Pair],
    own: Kinds,
    labelled_ids: Iterable[str],
    how: Resampling,
    floor: int,
) -> list[MetricValue]:
    """Each model's win rate on each kind, and the differences of these pairs, prompt by prompt."""
    wanted = set(labelled_ids)
    values = {
        one.model: {
            id: annotation.preference for id, annotation in one_a_prompt(one.annotations).items() if id in wanted
        }
        for one in annotated
    }
    if not values:
        return []
    judge, baseline = _scale(annotated[0])
    note = f"judge {judge}, against {baseline}"
    metrics = []
    for model, by_id in values.items():
        for part in parts(own, by_id, floor):
            name = figure_of(ALPACA, part.sort, part.kind)
            estimate = mean(part.values, how.using(BREAKDOWN, name, model), SHARE)
            metrics.append(figure(model, BREAKDOWN, name, estimate, unscored=part.unscored, note=note))
    for later, earlier in pairs:
        if later not in values or earlier not in values:
            continue
        gains = []
        changes: dict[str, float | None] = {}
        for id in values[later].keys() & values[earlier].keys():
            now, before = values[later][id], values[earlier][id]
            changes[id] = None if now is None or before is None else now - before
        found = parts(own, changes, floor)
        for part in found:
            ids = [id for id in own[part.sort][part.kind] if id in changes]
            name = figure_of(GAIN, part.sort, part.kind)
            both = [(values[later][id], values[earlier][id]) for id in ids]
            using = how.using(BREAKDOWN, name, later, earlier)
            one = difference(later, earlier, BREAKDOWN, name, both, using, "no prompt has a preference for both")
            gains.append(one.model_copy(update={"note": f"{note}; {one.note}" if one.note else note}))
        metrics += with_holm(gains, how)
        metrics += with_holm(_differing(later, earlier, GAIN, found, own, len(changes), how, floor), how)
    return metrics


def rows_of(run: RunData) -> list[KindRow]:
    """The labels that the figures on disk were made with."""
    return run.records(place(run.folder) / ROWS, KindRow)


def checked_labels(settings: Settings) -> None:
    """Raises DataError where a labelled file is missing; what it holds is read when the prompts are known."""
    wanted = settings_of(settings)
    if wanted.labels is not None and not Path(wanted.labels).is_file():
        raise DataError(f"{wanted.labels}: no such file; evaluation.breakdown.labels is a file of labelled prompts")
