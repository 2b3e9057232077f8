"""A real Slurm of two hosts on this machine (tests/hosts.py).

Debian's slurmctld and slurmd, without munge (`cred/none`): nothing outside the two hosts can reach them.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.hosts import Host, refusal, two_hosts

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "srun", "scontrol", "scancel", "squeue", "sinfo")
CONFIG = """\
ClusterName=srlm
SlurmctldHost={first.name}({first.address})
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SchedulerType=sched/backfill
SelectType=select/linear
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait={kill_wait}
# A step that does not end in time drains its node: a busy machine is no reason.
UnkillableStepTimeout=600
SlurmctldTimeout=300
SlurmdTimeout=300
MessageTimeout=60
SchedulerParameters=sched_interval=2,bf_interval=2
ReturnToService=2
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmdLogFile={folder}/slurmd.%n.log
SlurmdSpoolDir={folder}/spool.%n
SlurmdParameters=config_overrides
NodeName={first.name} NodeAddr={first.address} CPUs=2 State=UNKNOWN
NodeName={second.name} NodeAddr={second.address} CPUs=2 State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 PreemptMode=REQUEUE MaxTime=INFINITE
PartitionName=high Nodes=ALL PriorityTier=2 PreemptMode=OFF MaxTime=INFINITE
"""


def missing() -> str | None:
    """Why there can be no cluster here, or None."""
    if gone := [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]:
        return f"needs {', '.join(gone)} (Debian: apt-get install slurmctld slurmd slurm-client)"
    return refusal()


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class Cluster:
    """Two hosts with a slurmd each; the first has slurmctld. All ends with the `with` block."""

    def __init__(self, kill_wait: int = 30) -> None:
        """`kill_wait`: seconds between a job's SIGTERM and SIGKILL."""
        self._kept = ExitStack()
        # Slurm puts sockets there, whose names may have 108 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._kill_wait = kill_wait

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def run(self, *words: str, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
        """What a command says on the first host. Raises CalledProcessError where it fails."""
        return subprocess.run(
            _on(self._hosts[0], *words),
            cwd=cwd,
            env=self._environment(environment),
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def state(self, job: str) -> str:
        """A job's state, as `scontrol show job` has it: PENDING, RUNNING, COMPLETED, ..."""
        return self.field(job, "JobState")

    def field(self, job: str, name: str) -> str:
        """One field of `scontrol show job`."""
        shown = self.run("scontrol", "--oneliner", "show", "job", job, cwd=self.folder)
        return next(word.partition("=")[2] for word in shown.split() if word.startswith(f"{name}="))

    def until(self, job: str, *states: str) -> str:
        """Wait until a job is in one of these states; which."""
        while (found := self.state(job)) not in states:
            time.sleep(0.2)
        return found

    def _environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**os.environ, "PATH": _path(), "SLURM_CONF": str(self.folder / "slurm.conf"), **(more or {})}

    def _begin(self) -> None:
        self._hosts = first, second = self._kept.enter_context(two_hosts())
        for name in ("state", *(f"spool.{host.name}" for host in self._hosts)):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "slurm.conf").write_text(
            CONFIG.format(first=first, second=second, folder=self.folder, kill_wait=self._kill_wait)
        )
        # `ip netns exec` mounts a /sys without cgroups; version 1 of the plugin does not look for them.
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        known = "".join(f"{host.address} {host.name}\n" for host in self._hosts)
        for host in self._hosts:
            own = Path("/etc/netns", host.name)  # `ip netns exec` puts these files in the place of /etc's
            own.mkdir(parents=True)
            self._kept.callback(shutil.rmtree, own)
            (own / "hosts").write_text(f"127.0.0.1 localhost\n{known}")
        self._daemon(first, "slurmctld", "-D", "-c")
        for host in self._hosts:
            self._daemon(host, "slurmd", "-D", "-N", host.name)
        while self.run("sinfo", "--noheader", "--format=%T", "--partition=low", cwd=self.folder).strip() != "idle":
            for daemon in self._daemons:
                if daemon.poll() is not None:
                    raise RuntimeError(f"{daemon.args!r} ended with {daemon.returncode}; see {self.folder}")
            time.sleep(0.2)

    def _daemon(self, host: Host, *words: str) -> None:
        with (self.folder / f"{words[0]}.{host.name}.said").open("wb") as said:
            self._daemons.append(
                subprocess.Popen(
                    _on(host, *words), env=self._environment(), stdout=said, stderr=said, stdin=subprocess.DEVNULL
                )
            )

    def _end(self) -> None:
        for daemon in reversed(self._daemons):
            daemon.send_signal(signal.SIGTERM)
        for daemon in self._daemons:
            daemon.wait()
        self._kept.close()  # the hosts, with steps that slurmd left to themselves
        shutil.rmtree(self.folder, ignore_errors=True)


def _on(host: Host, *words: str) -> list[str]:
    """The command that runs a command on a host, where the hosts know each other's names."""
    return ["ip", "netns", "exec", host.name, *host.on(*words)]


if __name__ == "__main__":  # a cluster to try things by hand
    with Cluster() as cluster:
        print(cluster.folder, flush=True)
        sys.stdin.read()
