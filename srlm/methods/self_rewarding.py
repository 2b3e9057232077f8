"""Self-Rewarding Language Models (Yuan et al. 2024): the algorithm, top to bottom, a stage a line.

    M0 -> SFT baseline (IFT) -> EFT judged by the baseline -> M1 (IFT + EFT, from M0)
    M_t -> new prompts -> N answers each -> M_t judges them k times -> best against worst -> DPO -> M_t+1

Every stage goes from records to records, keeps what it makes as it makes it, and goes on where it was after a stop.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from srlm.data import bead_data, beads
from srlm.data.overlap import overlapping
from srlm.data.seed import SeedData
from srlm.data.self_instruct import prompts_from_file, write_prompts
from srlm.engines.base import Engine, Request
from srlm.engines.open import open_checkpoint, open_folder, open_server
from srlm.engines.weights import load_chat
from srlm.errors import DataError
from srlm.judge import pairs
from srlm.judge.open import loops_judge
from srlm.judge.reading import Answered
from srlm.methods.checks import check_files, check_model, check_turns
from srlm.methods.early_stop import Contest
from srlm.methods.run import Run
from srlm.methods.start import base_model, baseline, chat_of, first_model, made, seed_data, supervised, trained
from srlm.records import Checkpoint, Count, Demonstration, Judgement, PreferencePair, Prompt, Response
from srlm.store import files


def train(run: Run, last: int) -> Checkpoint:
    """Make every model up to M_last that is not there yet."""
    check_files(run.settings, last)
    if run.folder.manifest("M0") is None:
        check_model(run.settings)
    with run.held():
        data = seed_data(run)
        m0 = base_model(run)
        if run.folder.manifest("SFT") is None:
            check_turns(chat_of(run, m0), data)
        sft = baseline(run, m0, data)
        model = first_model(run, m0, sft, data)
        for t in range(2, last + 1):
            model = next_model(run, model, f"M{t}", t, data)
        return model


def next_model(run: Run, model: Checkpoint, name: str, t: int, data: SeedData) -> Checkpoint:
    """M_t -> M_t+1, one turn of the loop."""
    if done := run.folder.checkpoint(name):
        return done
    prompts = new_prompts(run, model, name, t, data)
    responses = candidates(run, model, name, prompts)
    readings = judged(run, model, name, prompts, responses)
    chosen = preferences(run, name, prompts, responses, readings)
    return improved(run, model, name, t, prompts, responses, chosen.pairs, chosen.counts, data)


def new_prompts(run: Run, model: Checkpoint, name: str, t: int, data: SeedData) -> list[Prompt]:
    """Step 1: prompts nobody has answered yet."""
    path = run.path(name, "prompts.jsonl")
    if path.exists():
        return files.read(path, Prompt)
    run.check()
    settings = run.settings.prompts
    counts: dict[str, int] = {}
    match settings.writer:
        case "world":
            assert run.settings.data.kind == "beads"  # run_file.load sees to what settings need of each other
            prompts = bead_data.fresh_prompts(
                run.settings.data, run.settings.seed, settings.before(t), settings.wanted(t)
            )
        case "file":
            assert settings.path is not None
            prompts = prompts_from_file(settings.path, settings.wanted(t), settings.before(t), "file")
            met = overlapping(prompts, _measured_prompts(data))
            prompts = [prompt for prompt in prompts if prompt.id not in met]
            counts = {"got": len(prompts), "dropped: overlaps an evaluation prompt": len(met)}
        case _:
            with run.stage(name, "new prompts") as report:
                engine = _prompt_writer(run, model)
                try:
                    prompts, counts = write_prompts(
                        engine,
                        data.seed_prompts,
                        settings.in_language(_language(run)).model_copy(update={"count": settings.wanted(t)}),
                        seed=run.seed(name, "prompts"),
                        path=run.path(name, "prompt_attempts.jsonl"),
                        earlier=[one for i in range(2, t) for one in files.read(run.path(f"M{i}", path.name), Prompt)],
                        avoid=_measured_prompts(data),
                        report=report,
                    )
                finally:
                    engine.close()
    files.write_json(run.path(name, "prompt_counts.json"), counts)
    files.write(path, prompts)
    return prompts


def _language(run: Run) -> str | None:
    """Of the data; None: the bead world's, or any."""
    return None if run.settings.data.kind == "beads" else run.settings.data.language


def _measured_prompts(data: SeedData) -> list[Prompt]:
    """What no model may be trained on."""
    return [*data.evaluation_prompts, *data.validation_prompts, *(one.prompt for one in data.heldout_sets)]


def _prompt_writer(run: Run, model: Checkpoint) -> Engine:
    settings = run.settings.prompts
    if settings.writer == "self":
        return open_checkpoint(run.settings, model, run.folder.path)
    if settings.engine is not None:
        return open_server(settings.engine)
    assert settings.model is not None
    if settings.model == "M0":
        m0 = run.folder.checkpoint("M0")
        assert m0 is not None
        return open_checkpoint(run.settings, m0, run.folder.path)
    model_of_its_own = run.settings.model.model_copy(update={"revision": settings.revision})
    return open_folder(run.settings.model_copy(update={"model": model_of_its_own}), settings.model, settings.model)


def candidates(run: Run, model: Checkpoint, name: str, prompts: Sequence[Prompt]) -> list[Response]:
    """Step 2: M_t answers each prompt N times."""
    settings, path = run.settings.candidates, run.path(name, "responses.jsonl")
    if path.exists():
        return files.read(path, Response)
    with run.engine(model) as engine, run.stage(name, "candidates") as report:

        def answer(chunk: Sequence[Prompt], index: int) -> list[Response]:
            requests = [Request(messages=prompt.messages, draws=settings.count) for prompt in chunk]
            drawn = engine.generate(requests, settings.sampling, run.seed(name, "candidates", index))
            return [
                Response.of(prompt.id, completion.text, engine.id, draw, completion.finish, completion.thought)
                for prompt, completions in zip(chunk, drawn, strict=True)
                for draw, completion in enumerate(completions)
            ]

        made = files.resumable(
            path,
            Response,
            prompts,
            answer,
            per_item=settings.count,
            block=run.block(settings.count),
            report=report,
            concurrency=lambda: engine.concurrency,
        )
        return list(made)


def judged(
    run: Run, model: Checkpoint, name: str, prompts: Sequence[Prompt], responses: Sequence[Response]
) -> Sequence[Judgement]:
    """Step 3: M_t reads each answer k times and scores it."""
    settings, path = run.settings.judge, run.path(name, "judgements.jsonl")
    if path.exists():
        return files.Kept(path, Judgement)
    if run.settings.arm in ("random_scores", "oracle_scores"):
        files.write(path, [])
        return []
    by_id = {prompt.id: prompt for prompt in prompts}
    answered = [Answered(prompt=by_id[response.prompt_id], response=response) for response in responses]
    with closing(loops_judge(run.folder, model)) as judge, run.stage(name, "judgements", "answers") as report:
        assert judge.pointwise is not None
        seed, block = run.seed(name, "judgements"), run.block(settings.draws)
        return judge.pointwise.readings(answered, settings.draws, seed, path, report, block)


def preferences(
    run: Run, name: str, prompts: Sequence[Prompt], responses: Sequence[Response], readings: Sequence[Judgement]
) -> pairs.Paired:
    """Step 4: the best answer against the worst; a judge that has collapsed stops the run here."""
    match run.settings.arm:
        case "random_scores":
            reward = pairs.random_rewards(responses, run.seed(name, "random scores"))
        case "oracle_scores":
            texts = {prompt.id: prompt.text for prompt in prompts}
            reward = {r.id: beads.oracle_score(texts[r.prompt_id], r.text) for r in responses}
        case "form_scores":
            reward = pairs.rewards(
                [reading.model_copy(update={"score": beads.form(reading.raw)}) for reading in readings]
            )
        case _:
            reward = pairs.rewards(readings)
    paired = pairs.pair(prompts, responses, reward, flipped=run.settings.arm == "flipped_pairs")
    counts: dict[str, Count] = {**paired.counts, **(pairs.reading_counts(readings) if readings else {})}
    warning = pairs.check_collapse(counts, run.settings.judge, name)
    if warning:
        run.folder.log(f"{name}: warning: {warning}")
        counts["warning"] = warning
    files.write(run.path(name, "pairs.jsonl"), paired.pairs)
    return pairs.Paired(paired.pairs, counts)


def improved(
    run: Run,
    model: Checkpoint,
    name: str,
    t: int,
    prompts: Sequence[Prompt],
    responses: Sequence[Response],
    chosen: Sequence[PreferencePair],
    counts: dict[str, Count],
    data: SeedData,
) -> Checkpoint:
    """Step 5: DPO from M_t with M_t as reference (or, in the positive-only arm, SFT on the answers scored 5)."""
    written: dict[str, Count] = files.read_json(run.path(name, "prompt_counts.json"))
    counts = {**{f"new prompts: {key}": value for key, value in written.items()}, **counts}
    if run.settings.arm == "positive_only":
        return _positive_only(run, name, t, data, counts)
    from srlm.train import dpo, launch, sft

    settings = run.settings.dpo
    if not chosen:
        raise DataError(
            f"{name}: not one of {counts['prompts']} prompts gave a pair, so there is nothing to train on; look at the "
            "scores (`srlm explain` with the id of a prompt), and train a better judge (more EFT) under a new name"
        )
    folder = run.folder.model_path(model)
    chat = load_chat(folder, run.settings.model)
    rows, left_out = dpo.examples(chat, prompts, responses, chosen, settings.max_length)
    if not rows:
        raise DataError(f"{name}: none of {len(chosen)} pairs fits dpo.max_length {settings.max_length} tokens")
    replay: list[sft.Example] = []
    if settings.eft_replay and run.path("M1", "eft.jsonl").exists():
        replay, _ = sft.examples(chat, files.read(run.path("M1", "eft.jsonl"), Demonstration), settings.max_length)

    def training(work: Path, target: Path, report: Callable[[int, int], None]) -> None:
        launch.optimise(
            folder,
            chat.tokenizer,
            rows,
            replay,
            run.settings,
            seed=run.seed(name, "dpo"),
            work=work,
            target=target,
            report=report,
            contest=_contest(run, model, name, data),
        )

    trained(run, name, "DPO", training)
    return made(run, name, model, {**counts, "dpo: pairs": len(rows), "dpo: pairs left out": left_out})


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
        if step <= run.settings.dpo.save_steps:
            with run.engine(model) as engine:
                contest.answer(engine, 0)
        with closing(open_folder(run.settings, str(trained), name)) as engine:
            contest.answer(engine, step)
        with closing(loops_judge(run.folder, model)) as judge:
            assert judge.pairwise is not None
            return contest.margin(judge.pairwise, step)

    return held


def _positive_only(run: Run, name: str, t: int, data: SeedData, counts: dict[str, Count]) -> Checkpoint:
    """The paper's comparison: M0 fine-tuned on the seed data and on all answers so far that their model scored 5."""
    m0 = run.folder.checkpoint("M0")
    assert m0 is not None
    positive: list[Demonstration] = []
    for step in (f"M{i}" for i in range(2, t + 1)):
        asked = {prompt.id: prompt for prompt in files.read(run.path(step, "prompts.jsonl"), Prompt)}
        reward = pairs.rewards(files.Kept(run.path(step, "judgements.jsonl"), Judgement))
        positive += [
            Demonstration.of("ift", asked[r.prompt_id].text, r.text, r.id, asked[r.prompt_id].before, r.thought)
            for r in files.read(run.path(step, "responses.jsonl"), Response)
            if reward.get(r.id) == 5 and r.finish != "length"
        ]
    seeds = [*data.ift, *files.read(run.path("M1", "eft.jsonl"), Demonstration)]
    return supervised(run, name, m0, [*seeds, *positive], {**counts, "positive examples": len(positive)})
