"""What `python -m eval bridge` does: verdicts from a table, from annotation files or from a judge; or a plan."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from srlm.engines.openai.cost import estimated
from srlm.errors import DataError, SettingsError
from srlm.records import Prompt
from srlm.store import files
from srlm.store.progress import Reporter
from srlm.terminal import say, show
from srlm.text.counts import counted

from ...data import cited
from ...data.alpaca_eval import ANNOTATOR, AlpacaEval, GlmData
from ...data.alpaca_files import Annotated, Outputs, read_annotations, read_outputs
from ...data.instructions import account_lines
from ...data.verdicts import OfficialFigure, installed_leaderboard, read_leaderboard, read_verdicts
from ...figures.text import aligned, short_name
from ...judging.annotating import AnnotatingJudge, asked_by_prompt, by_prompt
from ...records import MetricValue
from ...stats.bridge import relative_length
from ...stats.intervals import Resampling
from . import measure as alpaca_run
from .bridge import BENCHMARK, Bridge, JudgedModel, of_annotations, of_verdicts
from .bridge_errors import left_out_errors
from .bridge_plan import BASELINE_CHARACTERS, BridgeOption, anchor_pool, characters, options
from .bridge_text import bridge_charts, bridge_table, drawing, error_table
from .judging import Asking, asked, chosen, figures, judged, shuffled, write_annotated, write_figures
from .measure import Judging
from .scores import sample
from .voting import settled, voting

__all__ = [
    "BENCHMARK",
    "Asked",
    "draw",
    "from_annotations",
    "from_table",
    "length_controlled",
    "live",
    "opened_scale",
    "plan",
    "report",
]
SHOWN_OPTIONS = 5
PRICED_PROMPTS = 50
"""Of which the price of a planned call is the mean."""


class Scale(NamedTuple):
    """What every source of verdicts is read against."""

    data: AlpacaEval
    prompts: tuple[Prompt, ...] | None
    """None: not at hand, so instructions go by their hash."""
    glm: GlmData | None
    leaderboard: dict[str, OfficialFigure]
    source: str
    """Where the leaderboard is from."""

    @property
    def total(self) -> int:
        """Prompts of an official figure."""
        return cited.PROMPTS if self.prompts is None else len(self.prompts)


def opened_scale(data: AlpacaEval, leaderboard: Path | None, length_control: bool) -> Scale:
    """The official figures, and what of AlpacaEval's data is to be had; what is not is said in one line."""
    path = leaderboard or installed_leaderboard()
    known = data.leaderboard_file if path is None else path
    if known is None:
        raise SettingsError(
            "no leaderboard with official figures: the package alpaca_eval is not installed; give --leaderboard FILE"
        )
    prompts: tuple[Prompt, ...] | None = None
    glm: GlmData | None = None
    try:
        prompts = data.prompts
        glm = data.glm if length_control else None
    except DataError as error:
        say(f"WARNING: raw win rates only: {error}")
    return Scale(data, prompts, glm, read_leaderboard(known), str(known))


def from_table(path: Path, scale: Scale, judge: str) -> list[JudgedModel]:
    """The models of a table of verdicts."""
    return of_verdicts(read_verdicts(path, scale.prompts), scale.total, judge)


class Recorded(NamedTuple):
    """Models whose annotations somebody recorded."""

    models: list[JudgedModel]
    broken: int
    """Files that cannot be used; each is named with its reason where it is read."""


def from_annotations(places: Sequence[Path], scale: Scale, judge: str | None) -> Recorded:
    """The models that a candidate judge annotated, from files, models' folders or folders of these.

    GPT-4 Turbo's own annotations that lie among them, or in AlpacaEval's results, tell the official preferences. A file
    that cannot be used costs itself. Raises DataError where none can be used, there are none by a candidate, several
    candidates, or two of one model.
    """
    if scale.prompts is None:
        raise DataError("annotation files are read by AlpacaEval's prompts; give --alpaca-dir")
    by_judge: dict[str, dict[str, tuple[Path, Annotated]]] = {}
    broken: list[DataError] = []
    for path in _annotation_files(places):
        try:
            found = read_annotations(path, scale.prompts)
        except DataError as error:
            broken.append(error)
            continue
        for line in account_lines(found.account, found.unmatched):
            say(f"{path}: {line}")
        models = by_judge.setdefault(found.annotations[0].judge, {})
        if found.model in models:
            raise DataError(f"{path}: model {found.model} is also in {models[found.model][0]}; keep one")
        models[found.model] = path, found
    if not by_judge:
        raise broken[0]
    for refused in broken:
        say(f"left out: {refused}")
    official = by_judge.pop(ANNOTATOR, {}) if judge != ANNOTATOR else {}
    if judge is None:
        if len(by_judge) != 1:
            named = ", ".join(sorted(by_judge)) or "none"
            raise DataError(
                f"{', '.join(map(str, places))}: annotations by {counted(len(by_judge), 'candidate judges')} "
                f"({named}); "
                "give folders with those of one, or choose it with --annotated-by"
            )
        judge = next(iter(by_judge))
    if judge not in by_judge:
        raise DataError(f"no annotations by {judge}; there are some by {', '.join(sorted(by_judge)) or 'nobody'}")
    known = {model: annotated for model, (_, annotated) in official.items()} | _published(scale, by_judge[judge])
    judged_models = [
        of_annotations(annotated, sample(annotated, scale.prompts), known.get(model))
        for model, (_, annotated) in by_judge[judge].items()
    ]
    return Recorded(judged_models, len(broken))


def _published(scale: Scale, models: Iterable[str]) -> dict[str, Annotated]:
    """GPT-4 Turbo's annotations in AlpacaEval's folder of results, of these models."""
    folder = scale.data.folder
    if folder is None or scale.prompts is None:
        return {}
    paths = {model: folder / "results" / model / ANNOTATOR / "annotations.json" for model in models}
    return {model: read_annotations(path, scale.prompts) for model, path in paths.items() if path.is_file()}


def _annotation_files(places: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for place in places:
        if place.is_file():
            found.append(place)
            continue
        if not place.is_dir():
            raise DataError(f"{place}: no such file or folder; give annotations.json, or a folder that has some")
        inside = [p for depth in ("", "*/", "*/*/") for p in sorted(place.glob(f"{depth}annotations.json*"))]
        here = [path for path in inside if path.name in ("annotations.json", "annotations.json.gz")]
        if not here:
            raise DataError(
                f"{place}: no annotations.json in it, in a model's folder or in a judge's folder of a model"
            )
        found += here
    return list(dict.fromkeys(found))


def report(
    models: Sequence[JudgedModel], scale: Scale, model: str | None, leave_one_out: bool, how: Resampling
) -> list[MetricValue]:
    """Bridge and print: one model, all whose figure is not known, or with `leave_one_out` every one."""
    bridge = Bridge(models, scale.leaderboard, scale.glm, scale.total, how)
    names = [one.sample.model for one in bridge.models]
    if model is not None and model not in names:
        raise SettingsError(f"--model {model}: not judged by the candidate; there are {', '.join(names)}")
    unknown = [name for name in names if bridge.official("win_rate", name) is None]
    wanted = names if leave_one_out else unknown if model is None else [model]
    if leave_one_out and len(unknown) == len(names):
        raise SettingsError(
            f"--leave-one-out: none of {', '.join(names) or 'no models'} has an official figure in {scale.source}, so "
            "no error can be measured; names must be the leaderboard's own, letter by letter"
        )
    if not wanted:
        raise SettingsError(
            f"each of {counted(len(names), 'models')} has an official figure in {scale.source}; name the one to "
            "bridge with --model, or test the candidate with --leave-one-out"
        )
    metrics = [metric for name in wanted for metric in bridge.bridged(name)]
    metrics += [metric for name in names if name not in wanted for metric in bridge.known_figures(name)]
    say(f"official figures: {scale.source}", "")
    show(bridge_table(metrics))
    strange = [name for name in names if bridge.why_no_anchor("win_rate", name)]
    if strange:
        say("", f"no anchors: {', '.join(map(short_name, strange))}: {bridge.why_no_anchor('win_rate', strange[0])}")
    if leave_one_out:
        metrics += left_out_errors(metrics, how)
        show("\n" + error_table(metrics))
    return metrics


def draw(metrics: Sequence[MetricValue], path: Path) -> None:
    """The raw figures as SVG in `path`, the length-controlled ones beside it."""
    places = (path, length_controlled(path))
    for place, chart in zip(places, bridge_charts(metrics), strict=False):
        files.write_text(place, drawing(chart))


def length_controlled(picture: Path) -> Path:
    """Where the picture of the length-controlled figures goes."""
    return picture.with_name(f"{picture.stem}-lc{picture.suffix}")


class Asked(NamedTuple):
    """Whom a live judge is asked about."""

    outputs: Path | None
    """The own model's; a plan does without."""
    name: str | None
    anchors: Path | None
    """A folder of model folders with model_outputs.json; a plan does without."""
    only: tuple[str, ...]
    """Names of the anchors, of which a plan takes some; empty: chosen for the budget."""
    guess: float | None
    """The own model's win rate, 0..1."""


def plan(wanted: Judging, of: Asked, scale: Scale, out: Path) -> BridgeOption:
    """Choose anchors and prompts for the budget and print what it buys; sends nothing."""
    if wanted.max_cost is None:
        raise SettingsError("a plan needs --max-cost, the US dollars to spend")
    if scale.prompts is None:
        raise DataError("a plan is priced by AlpacaEval's prompts; give --alpaca-dir")
    if absent := [name for name in of.only if name not in scale.leaderboard]:
        raise SettingsError(f"--anchor {', '.join(absent)}: no official figure in {scale.source}")
    among = of.only or (None if of.anchors is None else sorted(_outputs(of.anchors)))
    length = None
    if of.outputs is not None:
        own = read_outputs(of.outputs, scale.prompts, of.name, wanted.thoughts)
        mean = float(np.mean([len(response.text) for response in own.responses.values()]))
        length = relative_length(mean, BASELINE_CHARACTERS)
    with wanted.opened(out, dry_run=True) as (judge, _):
        alpaca_run.warn_of_end(wanted, judge, say)
        found = options(
            anchor_pool(scale.leaderboard, among),
            of.guess,
            length,
            wanted.max_cost,
            scale.total,
            lambda length: _price(judge, scale.prompts or (), length, wanted.asking),
            wanted.how.confidence,
            wanted.how.seed,
        )
    best = found[0]
    rows = [
        [str(len(one.anchors)), str(one.prompts), str(one.calls), f"{one.dollars:.2f}", f"{one.half_width:.1f}"]
        for one in found[:SHOWN_OPTIONS]
    ]
    header = ["anchors", "prompts", "verdicts", "US dollars", "half of the interval, points"]
    say(f"{judge.id}, --max-cost {wanted.max_cost:g}; the narrowest interval first", "")
    show(aligned(header, rows) + "\n")
    show(
        aligned(
            ["anchor", "official win rate (%)", "characters"],
            [
                [one.name, f"{100 * one.official:.2f}", f"{characters(one):.0f}"]
                for one in sorted(best.anchors, key=lambda one: one.official)
            ],
        )
    )
    if (votes := voting(judge, wanted.asking)) is not None:
        say(
            "",
            f"if it gives no log-probabilities, it is asked {counted(2 * votes.times, 'times')} as often: plan "
            "that with "
            f"--both-orders --votes {votes.times}",
        )
    say("", "nothing was sent")
    return best


def _price(judge: AnnotatingJudge, prompts: Sequence[Prompt], length: float, how: Asking) -> float:
    """Dollars of one prompt, by the usual tokens of an answer of this many characters."""
    assert judge.price is not None  # a judge with a cap and no price is refused when it is opened
    step = max(1, len(prompts) // PRICED_PROMPTS)
    texts = "x" * round(length), "x" * BASELINE_CHARACTERS
    some = prompts[::step]
    each = sum(estimated(judge.call(prompt.text, *texts), judge.price) for prompt in some) / len(some)
    return each * how.times * (2 if how.both_orders else 1)


class _Subjects(NamedTuple):
    """Whom a judge is asked about, and on which prompts."""

    models: list[Outputs]
    """The own one first."""
    prompts: list[Prompt]


def live(wanted: Judging, of: Asked, scale: Scale, out: Path) -> list[JudgedModel]:
    """Ask the judge about the own model and its anchors, prompt by prompt, so that a cap leaves all the same prompts.

    Annotations go to OUT/results, the calls to OUT/calls.sqlite: the same command again asks only what is missing.
    """
    models, prompts = _subjects(wanted, of, scale, out)
    baseline = scale.data.baseline
    with wanted.opened(out) as (opened, store):
        order = [prompt.id for prompt in shuffled(prompts, wanted.asking.seed)]
        first = by_prompt([asked(opened.annotator, one, baseline, prompts, wanted.asking) for one in models], order)
        judge, how = settled(opened, first, wanted.asking, say)
        if how != wanted.asking:
            wanted = wanted.model_copy(update={"asking": how})
            models, prompts = _subjects(wanted, of, scale, out)  # for the price of votes other anchors may be best
            order = [prompt.id for prompt in shuffled(prompts, how.seed)]
        for one in models:
            for line in alpaca_run.outputs_lines(one):
                say(line)
        questions = [asked(judge.annotator, one, baseline, prompts, how) for one in models]
        every = [question for own_questions in questions for question in own_questions]
        say(alpaca_run.costs(counted(len(models), "models"), judge, every, store))
        with Reporter(f"bridge: {judge.id}", lambda line: None, "calls") as progress:
            said = asked_by_prompt(judge, questions, order, progress)
        found = []
        for one, mine in zip(models, questions, strict=True):
            made = judged(said, one, baseline, mine, how, lambda done, total: None)
            written = write_annotated(out, judge.id, made, one, prompts, scale.prompts or (), baseline)
            write_figures(written.folder, figures(judge.id, made, prompts, None, wanted.how))
            known = _published(scale, [one.model]).get(one.model)
            found.append(of_annotations(made.annotated, sample(made.annotated, prompts), known))
            alpaca_run.tell_missing(made, mine, say)
            if written.apart:
                say(f"{one.model}: {alpaca_run.APART}; files in {written.folder}")
        alpaca_run.account(opened, say)
    return found


def _subjects(wanted: Judging, of: Asked, scale: Scale, out: Path) -> _Subjects:
    """The own model with the anchors and prompts that are named, or that the budget buys; sends nothing."""
    if scale.prompts is None:
        raise DataError("a judge is asked about AlpacaEval's prompts; give --alpaca-dir")
    if of.outputs is None or of.anchors is None:
        raise SettingsError("--judge needs --outputs, your model's, and --anchors, a folder of published outputs")
    published, limit, only = _outputs(of.anchors), wanted.asking.limit, of.only
    if not only:
        best = plan(wanted, of, scale, out)
        only = tuple(one.name for one in best.anchors)
        limit = best.prompts if limit is None else limit
    if absent := [name for name in only if name not in published]:
        raise DataError(f"{of.anchors}: no {', '.join(absent)}/model_outputs.json in it")
    own = read_outputs(of.outputs, scale.prompts, of.name, wanted.thoughts)
    if own.model in only:
        raise DataError(f"{of.outputs}: its model {own.model} is an anchor, too; give another --name or --anchor")
    # The official figures of an anchor are of its outputs as they were published.
    models = [own, *(read_outputs(published[name], scale.prompts, name, "keep") for name in only)]
    return _Subjects(models, chosen(scale.prompts, limit, wanted.asking.seed))


def _outputs(folder: Path) -> dict[str, Path]:
    """Files of outputs by the name of their model's folder."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give one like alpaca_eval's results/, with one folder per model")
    names = ("model_outputs.json", "model_outputs.json.gz")
    found = {
        place.name: place / name for place in sorted(folder.iterdir()) for name in names if (place / name).is_file()
    }
    if not found:
        raise DataError(f"{folder}: no model folder in it has model_outputs.json")
    return found
