"""The two hosts that tests run on are two: addresses and names of their own, and silence where one is lost."""

import socket
import subprocess
import sys

from tests.hosts import PREFIX, Host, each

LISTEN = """
import socket
with socket.create_server(("10.83.0.2", 5000)) as server:
    print(socket.gethostname(), flush=True)
    connection, _ = server.accept()
    connection.sendall(connection.recv(5))
    connection.recv(1)
"""
ASK = """
import socket
connection = socket.create_connection(("10.83.0.2", 5000))
connection.sendall(b"hello")
print(connection.recv(5).decode(), flush=True)
connection.settimeout(1)
try:
    print(connection.recv(1))
except TimeoutError:
    print("silence")
"""


def test_a_host_reaches_the_other_and_hears_nothing_of_its_end(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    with subprocess.Popen(second.on(sys.executable, "-c", LISTEN), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == f"{second.name}\n"
        assert second.listening() == ["10.83.0.2:5000"] and first.listening() == []
        with subprocess.Popen(first.on(sys.executable, "-c", ASK), stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            assert client.stdout.readline() == "hello\n"
            second.lose()
            assert client.stdout.readline() == "silence\n"
        assert second.processes() == [] and server.wait() == -9
    second.restore()
    said = subprocess.run(first.on(sys.executable, "-c", ASK), capture_output=True, text=True).stderr.splitlines()
    assert said[-1] == "ConnectionRefusedError: [Errno 111] Connection refused"  # it is there, and says no
    assert socket.gethostname() != first.name


def test_a_host_reaches_nothing_else(hosts: tuple[Host, Host]) -> None:
    ask = "import socket; socket.create_connection(('192.0.2.1', 80))"
    found = subprocess.run(hosts[0].on(sys.executable, "-c", ask), capture_output=True, text=True)
    assert found.stderr.splitlines()[-1] == "OSError: [Errno 101] Network is unreachable"


def test_one_process_a_host_is_told_its_number_and_the_first_failure_ends_the_others(hosts: tuple[Host, Host]) -> None:
    names = [host.name for host in hosts]
    assert all(name.startswith(PREFIX) for name in names)
    script = 'test "$(hostname)" = "$0-$((SLURM_NODEID + 1))" && test "$SLURM_NNODES" = 2 || exit 7'
    assert each(names, ["sh", "-c", script, names[0].removesuffix("-1")], {"PATH": "/usr/bin:/bin"}) == 0
    script = 'test "$SLURM_NODEID" = 1 && exit 3; exec sleep 1000'
    assert each(names, ["sh", "-c", script], {"PATH": "/usr/bin:/bin"}) == 3
