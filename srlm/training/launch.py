"""Training a checkpoint of the run: in this process, or in several that a launcher starts (`launch.command`).

The launched processes are `srlm worker FOLDER` (srlm/cli/worker.py). They find their job there, go on from the last
whole checkpoint, and save the model themselves; this process waits, passes on their steps, and ends them when it is
stopped. Should it be killed, the system ends the launcher; processes on other hosts end with it, or once they miss the
first process (srlm/training/heartbeat.py).
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from datasets import Dataset

from srlm.engines.weights import give_memory_back, serving_format
from srlm.errors import LaunchError
from srlm.printable import one_line
from srlm.processes import die_with_parent
from srlm.secrets import withheld
from srlm.settings import DpoSettings, OnlineSettings, RewardModelSettings, Settings, SftSettings
from srlm.store import files
from srlm.training import checkpoints, choice, dpo, online, reward_model, sft, trainer
from srlm.training.asked import ASK, Asked
from srlm.training.confidence import ConfidenceSettings
from srlm.training.heartbeat import FAULT
from srlm.training.job import DATA, REPLAY, Job, OnlineJob, Rows, train
from srlm.training.trainer import Contest

JOB, SAID = "job.json", "said.txt"
"""What lies in the folder of a launch beside its examples (Arrow): the job, and the processes' words."""
STEP = "srlm step"
"""Begins a line of the first process that tells how far it is: `srlm step DONE TOTAL`."""
LAST_WORDS = 15
"""Lines shown of what failed processes said."""
GRACE = 30.0
"""Seconds between SIGTERM and SIGKILL for a launcher that is to end: `srun` passes the first on, and waits."""


def fine_tune(
    base: Path | str,
    data: Sequence[sft.Example],
    settings: Settings,
    *,
    seed: int,
    work: Path,
    target: Path,
    report: Callable[[int, int], None],
) -> None:
    """Fine-tune the model in `base` on examples and save it to `target`. Raises LaunchError where processes fail."""
    _train(_job(base, settings, settings.sft, seed, work, target), {DATA: data}, settings, report)


def choose(
    base: Path | str,
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
    job = _job(base, settings, settings.sft, seed, work, target)
    _train(job.model_copy(update={"confidence": confidence}), {DATA: data}, settings, report)


def optimise(
    base: Path | str,
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
    job, rows = _job(base, settings, settings.dpo, seed, work, target), {DATA: pairs, REPLAY: replay}
    if contest is None:
        return _train(job, rows, settings, report)
    job = job.model_copy(update={"pauses": True})
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
        _train(job, rows, settings, report)
        give_memory_back()


def fit_reward_model(
    base: Path | str,
    pairs: Sequence[reward_model.RankedExample],
    settings: Settings,
    *,
    seed: int,
    work: Path,
    target: Path,
    report: Callable[[int, int], None],
) -> None:
    """Train a reward model from the model in `base`. Raises LaunchError where processes fail."""
    _train(_job(base, settings, settings.reward_model, seed, work, target), {DATA: pairs}, settings, report)


def learn(
    base: Path | str,
    reference: Path | None,
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
    own = OnlineJob(
        reference=None if reference is None else str(reference.resolve()),
        answers=plan.answers,
        sampling=plan.sampling,
        batch_size=plan.batch_size,
        name=name,
    )
    job = _job(base, settings, settings.online, seed, work, target).model_copy(update={"online": own})
    _train(job, {DATA: plan.prompts}, settings, report, scorer)


def _job(
    base: Path | str,
    settings: Settings,
    training: SftSettings | DpoSettings | RewardModelSettings | OnlineSettings,
    seed: int,
    work: Path,
    target: Path,
) -> Job:
    return Job(
        base=str(Path(base).resolve()) if Path(base).is_dir() else str(base),
        model=settings.model,
        served=serving_format(base, settings.model),
        training=training,
        seed=seed,
        threads=settings.threads,
        report_to=settings.report_to,
        timeout=settings.launch.timeout,
        lost_after=settings.launch.lost_after,
        work=str(work.resolve()),
        target=str(target.resolve()),
    )


def _train(
    job: Job,
    rows: Rows,
    settings: Settings,
    report: Callable[[int, int], None],
    scorer: online.Scorer | None = None,
) -> None:
    """Do a job in this process, or in those that `launch.command` starts."""
    command = settings.launch.command
    if not command:
        train(job, rows, report, scorer)
    elif scorer is None:
        _launch(command, job, rows, report)
    else:
        assert job.online is not None
        with Asked(scorer) as asked:
            own = job.online.model_copy(update={"address": asked.address})
            _launch(command, job.model_copy(update={"online": own}), rows, report, asked)


def _launch(
    command: Sequence[str],
    job: Job,
    data: Rows,
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
    give_memory_back()  # to the processes that train
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
                    if not asked.answer():
                        _have_end(process)  # the others would wait for it; why it is gone stands in the output
                else:
                    # It has our environment, and the keys in it.
                    words_said = one_line(withheld(line.removesuffix("\n")))
                    said.write(f"{words_said}\n")
                    said.flush()
                    last_lines = [*last_lines, words_said.rstrip()][-LAST_WORDS:]
                    if line.startswith(FAULT) and not fault:
                        fault = line.removeprefix(FAULT).strip()
                        _have_end(process)  # a launcher may wait for ever for a host that is lost
            status = process.wait()
        finally:
            _end(process)
    if fault:
        raise LaunchError(f"`{' '.join(words)}`: {fault}")
    if status or not (Path(job.target).is_dir() or (job.pauses and trainer.paused(Path(job.work)))):
        raise LaunchError(
            f"`{' '.join(words)}` ended with status {status}; the last lines of its output (all output is in "
            f"{folder / SAID}):\n" + "\n".join(f"  {line}" for line in last_lines)
        )
    shutil.rmtree(folder)


def _have_end(process: subprocess.Popen[str]) -> None:
    """As `_end`, while what the launcher still says is read."""
    threading.Thread(target=_end, args=[process], daemon=True).start()


def _end(process: subprocess.Popen[str]) -> None:
    """Have a launcher and its processes end, where they have not: asked first, and ended outright after GRACE."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
