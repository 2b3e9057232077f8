"""The stages that methods share, each from records to records.

    new_prompts -> candidates -> reward_answers -> preferences -> preference_step, or supervised

A stage keeps what it makes as it makes it, and goes on where it was after a stop.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from srlm.contents import weights_digest
from srlm.data.overlap import overlapping
from srlm.data.self_instruct import prompts_from_file, write_prompts
from srlm.engines.base import Engine
from srlm.engines.open import open_folder, open_server
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.responses import AnswerWatch, draw_responses, is_answer
from srlm.engines.weights import context_of, give_memory_back, load_chat, read_config
from srlm.errors import DataError
from srlm.judge import monitor
from srlm.judge.open import CALLS, loops_judge
from srlm.judge.pointwise import Answered, ModelPointJudge
from srlm.judge.scores import check_collapse
from srlm.judge.watched import JudgementWatch, counting
from srlm.methods.early_stop import Contest
from srlm.methods.pipeline import Growing, NextStage
from srlm.methods.recognised import refuse_faults
from srlm.methods.run import Run
from srlm.records import Checkpoint, Count, Demonstration, Prompt, RankedSet, Response, SeedData, Step
from srlm.rewards.base import JUDGEMENTS, Context, Reward, Rewarded
from srlm.rewards.open import open_reward
from srlm.selection import Paired, pair
from srlm.settings import DpoSettings, SelectionSettings
from srlm.store import files
from srlm.text.chat import Chat
from srlm.text.counts import counted
from srlm.worlds.table import WORLDS, WorldData

PROMPTS, PROMPT_COUNTS, RESPONSES, PAIRS = "prompts.jsonl", "prompt_counts.json", "responses.jsonl", "pairs.jsonl"
EFT, ANCHORS = "eft.jsonl", "anchors.jsonl"
"""Files of a step."""


def new_prompts(run: Run, step: Step, model: Checkpoint, data: SeedData) -> list[Prompt]:
    """Prompts nobody has answered yet (the paper, section 2.3 step 1)."""
    name, t = step.name, step.number
    if has_prompts(run, step):
        return files.read(run.path(name, PROMPTS), Prompt)
    run.check()
    settings = run.settings.prompts
    counts: dict[str, int] = {}
    match settings.writer:
        case "world":
            world = WORLDS[run.settings.data.kind]  # run_file.load sees to what settings need of each other
            prompts = world.fresh_prompts(run.settings.data, run.settings.seed, settings.before(t), settings.wanted(t))
        case "file":
            prompts = prompts_from_file(settings, t)
            met = overlapping(prompts, measured_prompts(data))
            prompts = [prompt for prompt in prompts if prompt.id not in met]
            counts = {"got": len(prompts), "dropped: overlaps an evaluation prompt": len(met)}
        case _:
            with run.stage(name, "new prompts") as report:
                engine = open_prompt_writer(run, model)
                try:
                    prompts, counts = write_prompts(
                        engine,
                        data.seed_prompts,
                        settings.in_language(_language(run)).model_copy(update={"count": settings.wanted(t)}),
                        seed=run.seed(name, "prompts"),
                        path=run.path(name, "prompt_attempts.jsonl"),
                        earlier=earlier_prompts(run, step),
                        avoid=measured_prompts(data),
                        report=report,
                        say=report.say,
                    )
                finally:
                    engine.close()
    keep_prompts(run, step, prompts, counts)
    return prompts


def has_prompts(run: Run, step: Step) -> bool:
    """Whether a step's prompts are kept, and their counts: one without the other is made again, to the same bytes."""
    return all(run.path(step.name, name).exists() for name in (PROMPTS, PROMPT_COUNTS))


def keep_prompts(run: Run, step: Step, prompts: Sequence[Prompt], counts: Mapping[str, Count]) -> None:
    """Write a step's prompts, and what its manifest is to say of them."""
    files.write_json(run.path(step.name, PROMPT_COUNTS), dict(counts))
    files.write(run.path(step.name, PROMPTS), prompts)


def earlier_prompts(run: Run, step: Step) -> list[Prompt]:
    """The new prompts of all iterations before that of a step, each once."""
    before = [run.path(one.name, PROMPTS) for one in run.folder.steps() if 1 < one.number < step.number]
    return list({one.id: one for path in before if path.exists() for one in files.read(path, Prompt)}.values())


def prompt_counts(run: Run, step: Step) -> dict[str, Count]:
    """What the step's manifest says of its new prompts; nothing where it has none."""
    path = run.path(step.name, PROMPT_COUNTS)
    written: Mapping[str, Count] = files.read_object(path) if path.exists() else {}
    return {f"new prompts: {key}": value for key, value in written.items()}


def _language(run: Run) -> str | None:
    """Of the data; None: a world's, or any."""
    return None if isinstance(run.settings.data, WorldData) else run.settings.data.language


def measured_prompts(data: SeedData) -> list[Prompt]:
    """What no model may be trained on."""
    return [*data.evaluation_prompts, *data.validation_prompts, *(one.prompt for one in data.heldout_sets)]


def open_prompt_writer(run: Run, model: Checkpoint) -> Engine:
    """What writes new prompts: M_t itself, a server, M0, or a model of its own."""
    settings = run.settings.prompts
    if settings.writer == "self":
        return run.open(model)
    if settings.engine is not None:
        return open_server(settings.engine, run.folder.path / CALLS)  # where the loop's judge keeps its answers, too
    if settings.own_model is None:
        return run.open(run.base())
    model_of_its_own = run.settings.model.model_copy(update={"revision": settings.revision})
    return open_folder(
        run.settings.model_copy(update={"model": model_of_its_own}), settings.own_model, settings.own_model
    )


def kept_warm(run: Run, model: Checkpoint) -> AbstractContextManager[None]:
    """Within, all stages that a model writes or judges in share one engine, where the model is its own judge.

    Whatever else rewards the answers finds the memory free, as if the model had been opened for its candidates alone.
    """
    settings = run.settings
    own = settings.judge.engine is None and settings.reward.kind == "judge"
    return run.warm(model) if own else nullcontext()


def judged_candidates(
    run: Run, step: Step, model: Checkpoint, prompts: Sequence[Prompt], judge: Checkpoint | None = None
) -> tuple[list[Response], Rewarded]:
    """`candidates`, and their rewards (`reward_answers`); `judge`: who judges them, None: the model itself.

    Where that takes other workers or a server, answers are judged while more of them are drawn. The records are the
    same.
    """
    judge = judge or model
    if not may_be_judged_meanwhile(run, step, model, judge):
        responses = candidates(run, step, model, prompts)
        return responses, reward_answers(run, step, judge, prompts, responses)
    by_id = {prompt.id: prompt for prompt in prompts}
    count = run.settings.candidates.count
    answered = Growing[Answered](len(prompts) * count)
    context = reward_context(run, step, judge)
    with closing(context.judge()) as opened:
        context = context._replace(judge=lambda: replace(opened, close=lambda: None))

        def stop(error: Exception) -> None:
            opened.stop(error)
            run.end_calls()

        def feed(made: Sequence[Response]) -> None:
            following.feed([Answered(prompt=by_id[one.prompt_id], response=one) for one in made])

        with NextStage(lambda: open_reward(run.settings).rewards(answered, context), answered, stop) as following:
            _draw(run, step, model, prompts, count, RESPONSES, "candidates", feed)
            found = following.result()
    return [one.response for one in answered], found


def may_be_judged_meanwhile(run: Run, step: Step, model: Checkpoint, judge: Checkpoint) -> bool:
    """Whether the judge of a model's answers needs nothing that drawing them needs alone: a server, but none that takes
    the calls of a stage as a batch; or one of several workers that are kept for both."""
    settings = run.settings
    if settings.reward.kind != "judge" or any(run.path(step.name, name).exists() for name in (RESPONSES, JUDGEMENTS)):
        return False
    if settings.judge.engine is not None:
        return not Endpoint.of(settings.judge.engine).batch_api
    return judge == model and run.keeps(model) and settings.engine.kind == "ray" and settings.engine.ray.workers > 1


def candidates(run: Run, step: Step, model: Checkpoint, prompts: Sequence[Prompt]) -> list[Response]:
    """M_t answers each prompt N times (step 2)."""
    return drawn_answers(run, step, model, prompts, run.settings.candidates.count)


def drawn_answers(
    run: Run,
    step: Step,
    model: Checkpoint,
    prompts: Sequence[Prompt],
    count: int,
    file: str = RESPONSES,
    stage: str = "candidates",
) -> list[Response]:
    """`count` answers of a model to each prompt, kept in a file of the step."""
    return list(_draw(run, step, model, prompts, count, file, stage))


def _draw(
    run: Run,
    step: Step,
    model: Checkpoint,
    prompts: Sequence[Prompt],
    count: int,
    file: str,
    stage: str,
    feed: Callable[[Sequence[Response]], None] = lambda made: None,
) -> files.Kept[Response]:
    """The same as they lie in the file; `feed` is given them as they are made."""
    name = step.name
    sampling, path = run.settings.candidates.sampling, run.path(name, file)
    if path.exists():
        return files.finished(path, Response, prompts, count, is_answer)
    with run.engine(model) as engine, run.stage(name, stage) as report:
        looks = AnswerWatch(f"{name}: {stage}", run.settings.candidates, report.say)

        def answer(chunk: Sequence[Prompt], index: int) -> list[Response]:
            return draw_responses(engine, chunk, sampling, count, run.seed(name, stage, index))

        def watch(made: Sequence[Response]) -> None:
            looks(made)
            feed(made)

        return files.resumable(
            path,
            Response,
            prompts,
            answer,
            per_item=count,
            block=run.block(count),
            report=report,
            concurrency=lambda: engine.concurrency,
            belongs=is_answer,
            watch=watch,
        )


def reward_answers(
    run: Run,
    step: Step,
    model: Checkpoint,
    prompts: Sequence[Prompt],
    responses: Sequence[Response],
    reward: Reward | None = None,
) -> Rewarded:
    """A reward (None: the run's) gives each answer its number (step 3: M_t reads it k times and scores it).

    `model` is who judges, where the reward is the run's own judge.
    """
    context = reward_context(run, step, model)
    reward = reward or open_reward(run.settings)
    found = reward.rewards(beside_prompts(prompts, responses), context)
    if not reward.asks_judge:
        files.write(context.folder / JUDGEMENTS, [])
    return found


def beside_prompts(prompts: Sequence[Prompt], responses: Sequence[Response]) -> list[Answered]:
    """Each answer beside the prompt it answers, in the order of the answers."""
    asked = {prompt.id: prompt for prompt in prompts}
    return [Answered(prompt=asked[response.prompt_id], response=response) for response in responses]


def reward_context(run: Run, step: Step, model: Checkpoint) -> Context:
    """What a reward may use of a step; M_t judges unless `judge.engine` names another."""
    return Context(
        folder=run.folder.step(step.name),
        seed=lambda use: run.seed(step.name, use),
        stage=lambda name: run.stage(step.name, name, "answers"),
        judge=lambda: loops_judge(run.folder, model, open_checkpoint=run.open),
        block=run.block,
    )


def preferences(
    run: Run,
    step: Step,
    prompts: Sequence[Prompt],
    responses: Sequence[Response],
    found: Rewarded,
    selection: SelectionSettings | None = None,
) -> Paired:
    """Pairs of a better and a worse answer (step 3); a judge that has collapsed stops the run here.

    `selection`: the rule, where the method has one of its own for this step. None: the run's.
    """
    reward = {
        response.id: number for response, number in zip(responses, found.rewards, strict=True) if number is not None
    }
    return kept_pairs(run, step, pair(prompts, responses, reward, selection or run.settings.selection), found.counts)


def kept_pairs(run: Run, step: Step, paired: Paired, judged: Mapping[str, Count]) -> Paired:
    """A step's pairs, written to its folder, with the counts of its rewards beside theirs; a judge that has collapsed
    stops the run here."""
    counts: dict[str, Count] = {**paired.counts, **judged}
    warning = check_collapse(counts, run.settings.judge, step.name)
    if warning:
        run.folder.log(f"{step.name}: warning: {warning}")
        counts["warning"] = warning
    files.write(run.path(step.name, PAIRS), paired.pairs)
    return Paired(paired.pairs, counts)


def preference_step(
    run: Run,
    step: Step,
    model: Checkpoint,
    chosen: Paired,
    data: SeedData,
    trained_as: DpoSettings | None = None,
    made_from: Sequence[Checkpoint] = (),
) -> None:
    """DPO from M_t with M_t as reference (step 4).

    `trained_as`: how this step is trained, where that is not as the run's `dpo` says. `made_from`: models beside M_t
    whose words or judgements are in the pairs.
    """
    from srlm.training import dpo, launch, sft

    name, settings = step.name, trained_as or run.settings.dpo
    counts = {**prompt_counts(run, step), **chosen.counts}
    if not chosen.pairs:
        asked = chosen.counts["prompts"]
        assert isinstance(asked, int)
        raise DataError(
            f"{name}: none of {counted(asked, 'prompts')} gave a pair, so there is nothing to train on; inspect the "
            "scores (`srlm explain` with the id of a prompt), and train a better judge (more EFT) in a new run"
        )
    folder = run.folder.model_path(model)
    chat = load_chat(folder, run.settings.model)
    longest = longest_example(run, name, model, "dpo", settings.max_length)
    rows, left_out = dpo.examples(chat, chosen.pairs, longest.tokens)
    if not rows:
        raise DataError(f"{name}: none of {counted(len(chosen.pairs), 'pairs')} fits {longest.said}")
    replay: list[sft.Example] = []
    if settings.eft_replay:
        written = [one for path in run.folder.holding(EFT) for one in files.read(path, Demonstration)]
        replay, too_long = sft.examples(chat, written, longest.tokens)
        if not replay:
            why = f"all {counted(too_long, 'EFT examples exceed')} {longest.said}" if written else "the run has none"
            run.folder.log(
                f"{name}: warning: dpo.eft_replay {settings.eft_replay:g} replays no EFT example, so it has no effect: "
                f"{why}"
            )

    def training(work: Path, target: Path, report: Callable[[int, int], None]) -> None:
        launch.optimise(
            folder,
            rows,
            replay,
            run.settings.model_copy(update={"dpo": settings}),
            seed=run.seed(name, "dpo"),
            work=work,
            target=target,
            report=report,
            contest=_contest(run, model, name, data),
        )

    run.trained(name, "DPO", len(rows))
    run_training(run, name, "DPO", training)
    counts = {**counts, "dpo: pairs": len(rows), "dpo: pairs left out": left_out}
    finish_model(run, step, model, counts, made_from=made_from)


def _contest(run: Run, model: Checkpoint, name: str, data: SeedData) -> Callable[[Path, int], float] | None:
    """What stops training early, where the run wants it; M_t judges unless `judge.engine` names another.

    The run's own engine answers with each checkpoint as it would be saved, in the format in which models generate.
    """
    if run.settings.dpo.early_stop == "off":
        return None
    contest = Contest(
        data.validation_prompts,
        run.settings.candidates.sampling,
        seed=run.seed(name, "contest"),
        folder=run.path(name, "validation"),
        every=run.settings.dpo.save_steps,
    )

    def held(trained: Path, step: int) -> float:
        with closing(open_folder(run.settings, str(trained), name)) as engine:
            contest.answer(engine, step)
        with kept_warm(run, model):
            if step <= run.settings.dpo.save_steps:
                with run.engine(model) as engine:
                    contest.answer(engine, 0)
            with closing(loops_judge(run.folder, model, open_checkpoint=run.open)) as judge:
                assert judge.pairwise is not None
                return contest.margin(judge.pairwise, step)

    return held


Look = Callable[[Checkpoint], Mapping[str, Count]]
"""What a method measures of a model that has just been trained, for its manifest."""


def look_at_nothing(checkpoint: Checkpoint) -> Mapping[str, Count]:
    """No figures of the method's own."""
    return {}


def supervised(
    run: Run,
    step: Step,
    demonstrations: Sequence[Demonstration],
    counts: Mapping[str, Count],
    made_from: Sequence[Checkpoint] = (),
    look: Look = look_at_nothing,
) -> None:
    """Fine-tune the step's parent on demonstrations, loss on the answers only. `made_from`: see `finish_model`."""
    from srlm.training import launch, sft

    name, parent = step.name, run.parent(step)
    settings, where, chat = run.settings.sft, place_of(run, parent), chat_of(run, parent)
    longest = longest_example(run, name, parent, "sft", settings.max_length)
    data, too_long = sft.examples(chat, demonstrations, longest.tokens, settings.ift_weight)
    if not data:
        raise DataError(f"{name}: all {counted(too_long, 'examples exceed')} {longest.said}")

    def training(work: Path, target: Path, report: Callable[[int, int], None]) -> None:
        launch.fine_tune(
            where,
            data,
            run.settings,
            seed=run.seed(name, "sft"),
            work=work,
            target=target,
            report=report,
        )

    run.trained(name, "supervised fine-tuning", len(data))
    run_training(run, name, "supervised fine-tuning", training)
    kinds = {f"sft: {kind} examples": sum(d.kind == kind for d in demonstrations) for kind in ("ift", "eft")}
    finish_model(run, step, parent, {**counts, **kinds, "sft: examples too long": too_long}, look, made_from)


def place_of(run: Run, checkpoint: Checkpoint) -> Path | str:
    """The folder of a model, or its name on the hub."""
    folder = run.folder.model_path(checkpoint)
    return folder if folder.is_dir() else checkpoint.path


def chat_of(run: Run, checkpoint: Checkpoint) -> Chat:
    """Its tokenizer and chat template, as the run's settings have them."""
    return load_chat(place_of(run, checkpoint), run.settings.model)


class Longest(NamedTuple):
    """How long an example of a training may be."""

    tokens: int
    said: str
    """The same in words, with what sets the limit."""


def longest_example(run: Run, name: str, model: Checkpoint, section: str, max_length: int) -> Longest:
    """The `max_length` of a section of the settings, or the context of the model to be trained, where that is shorter:
    many models fail beyond it, and none has learnt to read there. The log of step `name` says which."""
    context = context_of_model(run, model)
    if context >= max_length:
        return Longest(max_length, f"{section}.max_length {counted(max_length, 'tokens')}")
    run.folder.log(
        f"{name}: {section}.max_length ({max_length}) is more than the model's context: examples of more than "
        f"{counted(context, 'tokens')} are left out"
    )
    return Longest(
        context, f"the model's context of {counted(context, 'tokens')} ({section}.max_length is {max_length})"
    )


def context_of_model(run: Run, model: Checkpoint) -> int:
    """Tokens that a model can read at once; a very large number where its configuration does not say."""
    return context_of(read_config(place_of(run, model), run.settings.model))


def run_training(
    run: Run, name: str, stage: str, training: Callable[[Path, Path, Callable[[int, int], None]], None]
) -> None:
    """Do a model's training, unless it came to its end before a kill, and free its memory, which an engine may need.

    `training` is given the folder of the checkpoints, the folder to save to, and what to report steps to.
    """
    from srlm.training import trainer
    from srlm.training.warned import also_logged

    work, target = run.path(name, "training"), run.path(name, "model")
    if not trainer.finished(work, target):
        with run.stage(name, stage, "steps") as report, also_logged(run.folder.log):
            training(work, target, report)
        run.folder.record_steps(refuse_faults)  # processes that were launched for it have sealed nothing
        give_memory_back()


def finish_model(
    run: Run,
    step: Step,
    parent: Checkpoint,
    counts: Mapping[str, Count],
    look: Look = look_at_nothing,
    made_from: Sequence[Checkpoint] = (),
) -> None:
    """Declare a freshly saved model done, once it was compared with its parent and looked at as a judge.

    `look`: further figures of the model. `made_from`: the models beside its parent that it comes from.
    """
    name = step.name
    found = weights_digest(run.path(name, "model"), run.folder.sha256)
    checkpoint = Checkpoint(name=name, parent=parent.name, path=f"{name}/model", digest=found)
    counts = {**counts, **movement_counts(run, parent, checkpoint), **monitor_counts(run, step, checkpoint)}
    counts |= look(checkpoint)
    run.finish(name, counts, inputs=weights_of(parent, *made_from), checkpoint=checkpoint)


def weights_of(*models: Checkpoint) -> dict[str, str]:
    """What a manifest's `inputs` say of the models that a step was made from; of another model, the step is refused."""
    return {f"{one.name} weights": one.digest for one in models}


def movement_counts(run: Run, parent: Checkpoint, checkpoint: Checkpoint) -> dict[str, Count]:
    """How far its training moved a model."""
    from srlm.training.movement import movement

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
            min(settings.dpo.max_length, context_of_model(run, checkpoint)),
        )
    if warning := counts.get("warning"):
        run.folder.log(f"{name}: warning: {warning}")
    return {f"movement: {key}": value for key, value in counts.items()}


def monitor_counts(run: Run, step: Step, checkpoint: Checkpoint) -> dict[str, Count]:
    """The new model's judgements of a few held-out sets. Raises CollapseError where it gives almost one score."""
    settings, name = run.settings.judge, step.name
    # The baseline never saw a judgement, and a model on the way to another is asked for none.
    if not settings.monitor_sets or step.role in ("baseline", "intermediate"):
        return {}
    sets = files.read(run.path("data", "heldout_sets.jsonl"), RankedSet)[: settings.monitor_sets]
    answered = [Answered(prompt=one.prompt, response=response) for one in sets for response in one.responses]
    with run.engine(checkpoint) as engine, run.stage(name, "held-out judgements", "answers") as report:
        # All are looked at below.
        watch = JudgementWatch(f"{name}: held-out judgements", counting(settings), report.say)
        judgements = ModelPointJudge.of(engine, settings).judge(
            answered, 1, run.seed(name, "monitor"), run.path(name, "monitor.jsonl"), report, run.block(1), watch
        )
    counts = monitor.monitor_counts(sets, judgements)
    warning = check_collapse(counts, settings, f"{name}, on held-out answers")
    if warning:
        run.folder.log(f"{name}: warning: on held-out answers, {warning}")
        counts["warning"] = warning
    return {f"held-out: {key}": value for key, value in counts.items()}
