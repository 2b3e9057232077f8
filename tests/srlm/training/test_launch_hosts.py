"""Training over two hosts: the weights of one host, a host that is lost ends it with a line, and it can go on."""

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from srlm.errors import LaunchError
from srlm.settings import Settings
from srlm.training import launch
from tests.forks.command import Forks
from tests.hosts import Host
from tests.srlm.training.test_launch import (
    LOOPBACK,
    preferences,
    processes_of,
    settings,
    supervised,
    wait_until_none_is_left,
)

HOSTS = Path(__file__).resolve().parents[2] / "hosts.py"
LOST_AFTER = 5


def over(tiny: Path, *command: str, lost_after: int = LOST_AFTER) -> Settings:
    """Eight steps with a checkpoint at 3 and 6, and little patience."""
    wanted = settings(tiny, *command)
    return wanted.model_copy(update={"launch": wanted.launch.model_copy(update={"lost_after": lost_after})})


def weights(folder: Path) -> bytes:
    return (folder / "model/model.safetensors").read_bytes()


def at_step(wanted: int, act: Callable[[], object]) -> Callable[[int, int], None]:
    """Do something when a step is reported."""

    def report(done: int, total: int) -> None:
        if done == wanted:
            act()

    return report


def kill_one(host: Host) -> None:
    """The one process of a host, without a word to it; its connections are closed."""
    (process,) = host.processes()
    os.kill(process, signal.SIGKILL)


SILENT = (
    r"process 1 of this training, on host {second}, has given no sign of life for \d+ s: it was killed, or its host "
)
ALONE = r"process 1 of this training, on host {second}, has lost the first process: it has ended, or its host "


@pytest.mark.parametrize(
    ("lose", "said", "training"),
    [
        pytest.param(lambda first, second: second.lose(), SILENT, supervised, id="the-second-host"),
        pytest.param(lambda first, second: first.lose(), ALONE, supervised, id="the-first-host"),
        pytest.param(lambda first, second: kill_one(second), SILENT, preferences, id="a-process-of-the-second-host"),
    ],
)
def test_a_lost_host_ends_the_training_with_one_line_and_it_goes_on_to_the_same_bytes(
    lose: Callable[[Host, Host], None],
    said: str,
    training: Callable[..., None],
    hosts: tuple[Host, Host],
    forks: Forks,
    tiny: Path,
    bead_model: Path,
    tmp_path: Path,
) -> None:
    first, second = hosts
    on_one, on_two = over(tiny, *LOOPBACK, *forks.launcher()), over(tiny, *forks.launcher(*hosts))
    training(bead_model, on_one, tmp_path / "undisturbed")
    with pytest.raises(LaunchError) as error:
        training(bead_model, on_two, tmp_path / "run", at_step(5, lambda: lose(first, second)))
    assert re.search(said.format(second=second.name) + "or network is down; run the same command", f"{error.value} ")
    assert "\n" not in str(error.value)
    wait_until_none_is_left(tmp_path / "run")
    for host in hosts:
        host.restore()
    steps: list[int] = []
    again = on_two if training is supervised else on_one  # two processes both times: their sums are the same
    training(bead_model, again, tmp_path / "run", lambda done, total: steps.append(done))
    assert steps[0] == 4 and steps[-1] == 8
    assert weights(tmp_path / "run") == weights(tmp_path / "undisturbed")


def test_processes_that_do_not_find_each_other_end_with_one_line(
    hosts: tuple[Host, Host], forks: Forks, tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    hosts[1].lose()  # before its process has met the first one
    with pytest.raises(LaunchError) as error:
        supervised(bead_model, over(tiny, *forks.launcher(*hosts), lost_after=1), tmp_path / "run")
    what = "the processes of this training did not find each other within 5 s; are all hosts up, and can each reach "
    assert what in str(error.value) and "\n" not in str(error.value)
    wait_until_none_is_left(tmp_path / "run")


TORCHRUN = "torchrun --nnodes 2 --nproc-per-node 1 --node-rank $SLURM_NODEID --master-addr $0 --master-port 29500"
ACCELERATE = (
    "accelerate launch --cpu --num_machines 2 --num_processes 2 --machine_rank $SLURM_NODEID --main_process_ip $0 "
    "--main_process_port 29500"
)


def started_by(launcher: str, tiny: Path, hosts: tuple[Host, Host]) -> Settings:
    """Each host starts its processes by a launcher that is started on both, as `srun` does."""
    script = f'export GLOO_SOCKET_IFNAME=eth0; exec {launcher} "$@"'
    each = [sys.executable, str(HOSTS), "each", *(host.name for host in hosts), "--", "sh", "-c", script]
    wanted = over(tiny)
    command = (*each, hosts[0].address)
    return wanted.model_copy(update={"launch": wanted.launch.model_copy(update={"command": command})})


@pytest.mark.soak  # by default: the same without the launchers' imports on each host, above
@pytest.mark.parametrize("lost", [0, 1], ids=["the-first-host", "the-second-host"])
@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
def test_started_by_a_launcher_on_each_host_training_ends_where_one_is_lost_and_goes_on(
    launcher: str, lost: int, hosts: tuple[Host, Host], forks: Forks, tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    supervised(bead_model, over(tiny, *LOOPBACK, *forks.launcher()), tmp_path / "undisturbed")
    wanted = started_by(launcher, tiny, hosts)
    with pytest.raises(LaunchError) as error:
        supervised(bead_model, wanted, tmp_path / "run", at_step(5, hosts[lost].lose))
    print(error.value)
    assert re.search((ALONE, SILENT)[lost].format(second=hosts[1].name), str(error.value))
    wait_until_none_is_left(tmp_path / "run")
    hosts[lost].restore()
    steps: list[int] = []
    supervised(bead_model, wanted, tmp_path / "run", lambda done, total: steps.append(done))
    assert steps[0] == 4 and steps[-1] == 8
    assert weights(tmp_path / "run") == weights(tmp_path / "undisturbed")


def test_processes_on_two_hosts_listen_on_the_address_between_them(
    hosts: tuple[Host, Host], forks: Forks, tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    heard: list[set[str]] = []

    def look() -> None:
        heard.extend(
            {re.sub(r":\d{5}$", "", one.replace(":29500", ":store")) for one in host.listening()} for host in hosts
        )

    supervised(bead_model, over(tiny, *forks.launcher(*hosts)), tmp_path, at_step(4, look))
    # The store of PyTorch listens on all addresses, and no setting changes that (docs/scale.md).
    assert heard == [{"10.83.0.1", "*:store"}, {"10.83.0.2"}]


def test_a_launcher_that_does_not_end_is_ended(
    tiny: Path, bead_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "GRACE", 0.2)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('srlm: it broke', flush=True); "
    wanted = settings(tiny).model_copy(
        update={
            "launch": settings(tiny).launch.model_copy(
                update={"command": (sys.executable, "-c", deaf + "signal.pause()")}
            )
        }
    )
    with pytest.raises(LaunchError, match=r"`: it broke$"):
        supervised(bead_model, wanted, tmp_path)
    assert processes_of(tmp_path) == []
