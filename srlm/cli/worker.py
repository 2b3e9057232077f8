"""`srlm worker FOLDER`: one process of a distributed training. `srlm train` starts it (srlm/training/launch.py).

All processes read the same job and do it as a single process would; the first reports its steps.
"""

from pathlib import Path

from accelerate import PartialState
from datasets import Dataset
from trl import SFTConfig

from srlm.errors import SrlmError
from srlm.terminal import say
from srlm.training import divided
from srlm.training.asked import AskingScorer
from srlm.training.heartbeat import Heartbeat, Joining
from srlm.training.job import DATA, REPLAY, Job, train
from srlm.training.launch import STEP
from srlm.training.trainer import arguments, in_bfloat16


def work_on(job: Job, folder: Path) -> None:
    """Train the job's model together with the other processes. Raises SettingsError if they cannot."""
    # Who is first decides how long the processes wait for each other; TrainingArguments.ddp_timeout would do so on GPUs
    # alone.
    with Joining(job.lost_after):
        divided.join(job.timeout, in_bfloat16(job.training, job.served), job.training.max_grad_norm)
    state = PartialState()
    if state.num_processes == 1:
        _work(job, folder)
    else:
        with Heartbeat(job.lost_after) as heartbeat:
            try:
                _work(job, folder)
                state.wait_for_everyone()  # none leaves while another still saves
            except SrlmError:  # the process says so itself, and so does every other
                raise
            except Exception:
                heartbeat.failed()
                raise
        state.wait_for_everyone()  # nor while another still looks whether it is there
    state.destroy_process_group()


def _work(job: Job, folder: Path) -> None:
    # The libraries learn of the other processes here, before weights are read, so that each reads its own part alone.
    # They forget when this is gone.
    settings = SFTConfig(**arguments(job.training, Path(job.work), job.seed, job.served))
    first = settings.process_index == 0

    def report(done: int, total: int) -> None:
        if first:
            say(f"{STEP} {done} {total}")

    rows = {
        name: [job.row_type(name)(**row) for row in Dataset.load_from_disk(str(folder / name))]
        for name in (DATA, REPLAY)
        if (folder / name).is_dir()
    }
    scorer = None
    if job.online is not None:
        assert job.online.address is not None
        scorer = AskingScorer(job.online.address)
    train(job, rows, report, scorer, device="auto")
