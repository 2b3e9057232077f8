"""A run as a job of a real Slurm: two hosts (network namespaces), `configs/slurm/train.sh`, trainings by `srun`."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.slurm_cluster import Cluster, missing

CHECKOUT = Path(__file__).resolve().parents[3]
STEPS = ("M0", "SFT", "M1", "M2")


class Jobs:
    """Submits tests/tiny.yaml to a cluster, from a folder of its own."""

    def __init__(self, cluster: Cluster, place: Path) -> None:
        self.cluster, self.place = cluster, place
        (place / "configs").symlink_to(CHECKOUT / "configs")

    def submit(self, name: str) -> str:
        """Id of the job that trains runs/NAME."""
        return self.ask(
            "sbatch",
            "--parsable",
            "--gpus-per-node=0",
            "configs/slurm/train.sh",
            str(CHECKOUT / "tests/tiny.yaml"),
            *("--set", f"name={name}"),
            *("--set", "launch.command=[srun, --overlap, configs/slurm/node.sh]"),
        )

    def ask(self, *words: str) -> str:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"
        own = {"GPUS": "0", "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1", "PATH": path}
        return self.cluster.run(*words, cwd=self.place, environment=own).strip()

    def until_training(self, job: str, name: str, step: str) -> None:
        """Wait until a step of a run is being trained by the hosts' processes."""
        while not (self.place / "runs" / name / step / "launch/said.txt").exists():
            assert self.cluster.state(job) in ("PENDING", "CONFIGURING", "RUNNING"), self.said(job)
            time.sleep(0.2)

    def until_queued_again(self, job: str) -> None:
        """Wait until a job waits again; Slurm would let it wait for two minutes more."""
        self.cluster.until(job, "PENDING")
        # Slurm revokes a job's credential by the second: started again within the same one, the job would fail.
        self.ask("scontrol", "update", f"JobId={job}", "StartTime=now+2")

    def said(self, job: str) -> str:
        return (self.place / f"srlm-{job}.txt").read_text()

    def models(self, name: str) -> dict[str, str]:
        """SHA-256 of each model's weights."""
        weights = {step: self.place / "runs" / name / step / "model/model.safetensors" for step in STEPS}
        return {step: hashlib.sha256(path.read_bytes()).hexdigest() for step, path in weights.items()}


@pytest.mark.soak
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_a_job_that_is_requeued_preempted_told_of_its_limit_and_cancelled_ends_with_the_same_bytes(
    tmp_path: Path,
) -> None:
    with Cluster() as cluster:
        jobs = Jobs(cluster, tmp_path)
        job = jobs.submit("whole")
        assert cluster.until(job, "COMPLETED", "FAILED", "CANCELLED") == "COMPLETED", jobs.said(job)
        assert jobs.said(job).splitlines()[-1] == "whole: M2 is in runs/whole/M2/model"

        job = jobs.submit("stopped")
        jobs.until_training(job, "stopped", "SFT")
        jobs.ask("scontrol", "requeue", job)
        jobs.until_queued_again(job)
        jobs.until_training(job, "stopped", "M1")
        jobs.ask("sbatch", "--partition=high", "--nodes=2", "--wrap=hostname")  # preempts it
        jobs.until_queued_again(job)
        jobs.until_training(job, "stopped", "M2")
        jobs.ask("scancel", "--batch", "--signal=USR1", job)  # what --signal=B:USR1@120 sends before the time limit
        jobs.until_queued_again(job)
        cluster.until(job, "RUNNING")
        jobs.ask("scancel", job)
        cluster.until(job, "CANCELLED")
        while cluster.run("squeue", "--noheader", cwd=tmp_path).strip():
            time.sleep(0.2)
        again = jobs.submit("stopped")
        assert cluster.until(again, "COMPLETED", "FAILED", "CANCELLED") == "COMPLETED", jobs.said(again)
        assert cluster.field(job, "Restarts") == "3"
        assert "srlm: terminated; run the same command again to resume" in jobs.said(job)
        assert jobs.models("stopped") == jobs.models("whole")


@pytest.mark.parametrize("script", sorted((CHECKOUT / "configs/slurm").iterdir()), ids=lambda path: path.name)
def test_the_scripts_are_bash_and_may_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
