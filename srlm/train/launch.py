"""Training a checkpoint of the run: in this process, or in several that a launcher starts (`launch.command`).

The launched processes are `srlm worker FOLDER` (srlm/cli/worker.py). They find their job there, go on from the last
whole checkpoint, and save the model themselves; this process waits, passes on their steps, and ends them when it is
stopped. Should it be killed, the system ends them.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from datasets import Dataset
from pydantic import BaseModel, ConfigDict

from srlm.engines.weights import beside_weights, give_memory_back, load_model, serving_format
from srlm.errors import LaunchError
from srlm.printable import one_line
from srlm.processes import die_with_parent
from srlm.secrets import withheld
from srlm.settings import (
    DpoSettings,
    ModelSettings,
    OnlineSettings,
    RewardModelSettings,
    Sampling,
    Settings,
    SftSettings,
)
from srlm.store import files
from srlm.text.chat import Chat
from srlm.train import checkpoints, choice, dpo, online, reward_model, sft, trainer
from srlm.train.asked import ASK, Asked
from srlm.train.confidence import ConfidenceSettings
from srlm.train.trainer import Contest

JOB, DATA, REPLAY, SAID = "job.json", "data", "replay", "said.txt"
"""What lies in the folder of a launch: the job, its examples and those to replay (Arrow), the processes' words."""
STEP = "srlm step"
"""Begins a line of the first process that tells how far it is: `srlm step DONE TOTAL`."""
FAULT = "srlm: "
"""Begins a line in which a process tells what the user can mend."""
LAST_WORDS = 15
"""Lines shown of what failed processes said."""


class Job(BaseModel):
    """What the launched processes are to train."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    """Folder or hub id of the weights to begin with; in DPO also the reference."""
    model: ModelSettings
    served: str
    """Number format in which the model generates."""
    training: DpoSettings | SftSettings | RewardModelSettings | OnlineSettings
    """What kind of training it is."""
    seed: int
    threads: int
    report_to: tuple[str, ...]
    confidence: ConfidenceSettings | None = None
    """The examples are choices between two answers, with this loss. None: they are not."""
    pauses: bool = False
    """The training stops at each checkpoint, where this process holds a contest."""
    work: str
    """Folder of the checkpoints."""
    target: str
    online: "OnlineJob | None" = None
    """Of online training alone."""


class OnlineJob(BaseModel):
    """What online training needs beside what every training does; its prompts are the job's data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: str | None
    """Folder of the model that the KL divergence is from."""
    answers: int
    """Of each prompt."""
    sampling: Sampling
    batch_size: int
    """Sequences decoded together."""
    name: str
    """Who writes the answers."""
    address: str
    """The socket at which the first process asks for rewards."""


def fine_tune(
    base: Path | str,
    tokenizer: Any,
    data: Sequence[sft.Example],
    settings: Settings,
    *,
    seed: int,
    work: Path,
    target: Path,
    report: Callable[[int, int], None],
) -> None:
    """Fine-tune the model in `base` on examples and save it to `target`. Raises LaunchError where processes fail."""
    if settings.launch.command:
        job = _job(base, settings, settings.sft, seed, work, target)
        return _launch(settings.launch.command, job, {DATA: data}, report)
    sft.fine_tune(
        load_model(base, settings.model, dtype="float32"),
        tokenizer,
        data,
        settings.sft,
        seed=seed,
        dtype=serving_format(base, settings.model),
        work=work,
        target=target,
        report=report,
        report_to=settings.report_to,
        beside=beside_weights(base, settings.model),
    )


def choose(
    base: Path | str,
    tokenizer: Any,
    data: Sequence[choice.ChoiceExample],
    settings: Settings,
    confidence: ConfidenceSettings,
    *,
    seed: int,
    work: Path,
    target: Path,
    report: Callable[[int, int], None],
) -> None:
    """Train the model in `base` on choices and save it to `target`. Raises LaunchError where processes fail."""
    if settings.launch.command:
        job = _job(base, settings, settings.sft, seed, work, target).model_copy(update={"confidence": confidence})
        return _launch(settings.launch.command, job, {DATA: data}, report)
    choice.fine_tune(
        load_model(base, settings.model, dtype="float32"),
        tokenizer,
        data,
        settings.sft,
        confidence,
        seed=seed,
        dtype=serving_format(base, settings.model),
        work=work,
        target=target,
        report=report,
        report_to=settings.report_to,
        beside=beside_weights(base, settings.model),
    )


def optimise(
    base: Path | str,
    tokenizer: Any,
    pairs: Sequence[dpo.PairExample],
    replay: Sequence[sft.Example],
    settings: Settings,
    *,
    seed: int,
    work: Path,
    target: Path,
    report: Callable[[int, int], None],
    contest: Contest | None = None,
) -> None:
    """DPO from the model in `base`, which is also the reference. Raises LaunchError where processes fail.

    With a contest, training stops at the first checkpoint, or end, that does not beat the checkpoint before, and keeps
    that one. It pauses for each contest and gives its memory back, so that any engine can answer with the model as it
    would be saved; then it is taken up again, as after a stop.
    """
    pauses = contest is not None

    def training() -> None:
        if settings.launch.command:
            job = _job(base, settings, settings.dpo, seed, work, target, pauses)
            return _launch(settings.launch.command, job, {DATA: pairs, REPLAY: replay}, report)
        dpo.optimise(
            load_model(base, settings.model, dtype="float32"),
            None if settings.dpo.lora else load_model(base, settings.model, dtype="float32").eval(),
            tokenizer,
            pairs,
            replay,
            settings.dpo,
            seed=seed,
            dtype=serving_format(base, settings.model),
            work=work,
            target=target,
            report=report,
            report_to=settings.report_to,
            beside=beside_weights(base, settings.model),
            pauses=pauses,
        )

    if contest is None:
        return training()
    checkpoints.newest(work, seed)
    trainer.only_paused(work)
    while True:
        if at := trainer.paused(work):
            if contest(at.folder, at.step) > 0:
                trainer.go_on(at, target)
                if at.ended:
                    return None
            elif trainer.stop_at(at, settings.dpo.save_steps, target, seed):
                return None
        training()
        give_memory_back()


def fit_reward_model(
    base: Path | str,
    tokenizer: Any,
    pairs: Sequence[reward_model.RankedExample],
    settings: Settings,
    *,
    seed: int,
    work: Path,
    target: Path,
    report: Callable[[int, int], None],
) -> None:
    """Train a reward model from the model in `base`. Raises LaunchError where processes fail."""
    if settings.launch.command:
        job = _job(base, settings, settings.reward_model, seed, work, target)
        return _launch(settings.launch.command, job, {DATA: pairs}, report)
    reward_model.fit(
        reward_model.load_classifier(base, settings.model, seed),
        tokenizer,
        pairs,
        settings.reward_model,
        seed=seed,
        dtype=serving_format(base, settings.model),
        work=work,
        target=target,
        report=report,
        report_to=settings.report_to,
    )


def learn(
    base: Path | str,
    reference: Path | None,
    chat: Chat,
    plan: online.Plan,
    scorer: online.Scorer,
    settings: Settings,
    *,
    name: str,
    seed: int,
    work: Path,
    target: Path,
    report: Callable[[int, int], None],
) -> None:
    """Online training of the model in `base`; see `online.learn`. Raises LaunchError where processes fail.

    Launched processes sample and train; this one rewards their answers, so that any judge of the run can.
    """
    if settings.launch.command:
        with Asked() as asked:
            own = OnlineJob(
                reference=None if reference is None else str(reference.resolve()),
                answers=plan.answers,
                sampling=plan.sampling,
                batch_size=plan.batch_size,
                name=name,
                address=asked.address,
            )
            job = _job(base, settings, settings.online, seed, work, target).model_copy(update={"online": own})
            asked.scorer = scorer
            return _launch(settings.launch.command, job, {DATA: plan.prompts}, report, asked)
    online.learn(
        load_model(base, settings.model, dtype="float32"),
        reference,
        chat,
        plan,
        settings.online,
        scorer,
        name=name,
        seed=seed,
        dtype=serving_format(base, settings.model),
        work=work,
        target=target,
        report=report,
        report_to=settings.report_to,
        beside=beside_weights(base, settings.model),
    )


def _job(
    base: Path | str,
    settings: Settings,
    training: SftSettings | DpoSettings | RewardModelSettings | OnlineSettings,
    seed: int,
    work: Path,
    target: Path,
    pauses: bool = False,
) -> Job:
    where = str(Path(base).resolve()) if Path(base).is_dir() else str(base)
    return Job(
        base=where,
        model=settings.model,
        served=serving_format(base, settings.model),
        training=training,
        seed=seed,
        threads=settings.threads,
        report_to=settings.report_to,
        pauses=pauses,
        work=str(work.resolve()),
        target=str(target.resolve()),
    )


def _launch(
    command: Sequence[str],
    job: Job,
    data: Mapping[str, Sequence[NamedTuple]],
    report: Callable[[int, int], None],
    asked: Asked | None = None,
) -> None:
    checkpoints.newest(Path(job.work), job.seed)
    folder = Path(job.target).with_name("launch")
    # What a failed launch left may be of other settings; a killed one is written again within seconds.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, rows in data.items():
        if rows:
            Dataset.from_list([row._asdict() for row in rows]).save_to_disk(str(folder / name))
    files.write_json(folder / JOB, job.model_dump(mode="json"))
    words = [*command, "-m", "srlm", "worker", str(folder)]
    last_lines: list[str] = []
    fault = ""
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # The launchers installed beside this Python come first, whether or not its environment was activated.
            env={**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])},
            # Ctrl-C comes to this process alone, which then ends the others.
            start_new_session=True,
            preexec_fn=die_with_parent,
            # The run's lock stays with the launcher: nobody else begins while it still winds up.
            close_fds=False,
        )
    except OSError as error:
        raise LaunchError(f"launch.command: cannot start {command[0]}: {error.strerror or error}") from None
    with process, (folder / SAID).open("w", encoding="utf-8") as said:
        try:
            for line in process.stdout or ():
                if line.startswith(STEP):
                    done, total = line.removeprefix(STEP).split()
                    report(int(done), int(total))
                elif asked is not None and line.rstrip().endswith(ASK):
                    asked.answer()
                else:
                    # It has our environment, and the keys in it.
                    words_said = one_line(withheld(line.removesuffix("\n")))
                    said.write(f"{words_said}\n")
                    said.flush()
                    last_lines = [*last_lines, words_said.rstrip()][-LAST_WORDS:]
                    if line.startswith(FAULT):
                        fault = fault or line.removeprefix(FAULT).strip()
            status = process.wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
    if fault:
        raise LaunchError(f"`{' '.join(words)}`: {fault}")
    if status or not (Path(job.target).is_dir() or (job.pauses and trainer.paused(Path(job.work)))):
        raise LaunchError(
            f"`{' '.join(words)}` ended with status {status}; the last lines of its output (all output is in "
            f"{folder / SAID}):\n" + "\n".join(f"  {line}" for line in last_lines)
        )
    shutil.rmtree(folder)
