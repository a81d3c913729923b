"""The limit of open files: it does not limit clients, and a command has its own back."""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness import RESPOOL, Running, recording, replaying, run
from office import settings
from tls_servers import accepting

from respool.demo.server import running_server
from respool.open_files import raise_limit

CLIENTS = 150
TOLD = "no open files are left"
ASK = b"POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
LIMIT = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"


def limited(option: str, limit: int) -> tuple[str, ...]:
    """The command where a shell has set a limit."""
    return ("sh", "-c", f'ulimit {option} {limit}; exec "$@"', "sh", RESPOOL)


@pytest.fixture
def upstream() -> Iterator[str]:
    """The base URL of a server that answers once `CLIENTS` clients have asked."""
    raise_limit()  # of this process, which is both the clients and the server
    all_there = threading.Barrier(CLIENTS)

    def answer(client: socket.socket) -> None:
        if client.recv(1000):
            try:
                all_there.wait(20)
            except threading.BrokenBarrierError:
                return
            client.sendall(ANSWER)
            client.recv(1000)

    with accepting(answer) as port:
        yield f"http://127.0.0.1:{port}/v1"
        all_there.abort()


def opened(running: Running) -> socket.socket:
    """A connection to a running respool."""
    port = urlsplit(running.base_url).port
    return socket.create_connection(("127.0.0.1", port or 0), timeout=20)


def test_more_clients_than_the_soft_limit_allows(tmp_path: Path, upstream: str) -> None:
    """They are all answered, as the limit is raised as far as it can be."""
    tape = tmp_path / "out.jsonl"
    with (
        recording(upstream, tape, command=limited("-S -n", 256)) as running,
        ExitStack() as clients,
    ):
        there = [clients.enter_context(opened(running)) for _ in range(CLIENTS)]
        for client in there:
            client.sendall(ASK)
        assert [client.recv(15) for client in there] == [b"HTTP/1.1 200 OK"] * CLIENTS
        clients.close()
        assert running.stop() == 0
    assert TOLD not in "\n".join(running.said)


def test_files_that_run_out(tmp_path: Path, upstream: str) -> None:
    """Where there are too few all the same, the operator hears of it once, and what to raise."""
    tape = tmp_path / "out.jsonl"
    with (
        recording(upstream, tape, command=limited("-n", 80)) as running,
        ExitStack() as clients,
    ):
        there = [clients.enter_context(opened(running)) for _ in range(CLIENTS)]
        for client in there:
            client.sendall(ASK)
        assert b"respool: no answer from the upstream" in there[79].recv(5000)
        clients.close()
        running.stop()
    (said,) = [line for line in running.said if TOLD in line]
    assert "the limit is 80" in said
    assert "ulimit -Hn" in said


def test_files_that_run_out_in_a_replay(tmp_path: Path) -> None:
    """So it is in a replay, where clients wait until others are gone."""
    tape = tmp_path / "out.jsonl"
    with running_server() as server:
        program = "import openai; openai.OpenAI().responses.create(model='gpt-5.1', input='pack')"
        record = ("record", "--upstream", server.base_url, "--cassette", tape, "--")
        done = run(*record, sys.executable, "-P", "-c", program, env=settings(tmp_path))
        assert done.returncode == 0, done.stderr
    with replaying(tape, command=limited("-n", 60)) as running:
        with ExitStack() as clients:
            first, *_ = [clients.enter_context(opened(running)) for _ in range(80)]
            for _ in range(3):  # meanwhile it looks at who else is there
                first.sendall(ASK)
                assert first.recv(5000)
        with opened(running) as client:
            client.sendall(ASK)
            assert client.recv(15).startswith(b"HTTP/1.1 ")
        running.stop()
    assert [TOLD in line for line in running.said].count(True) == 1
    assert "Traceback" not in "\n".join(running.said)


def test_command_has_the_limit_that_it_would_have(tmp_path: Path) -> None:
    """Programs that use select() break with numbers of files that others are glad of."""
    outer, inner = tmp_path / "outer.jsonl", tmp_path / "inner.jsonl"
    with running_server() as server:
        record = ("record", "--upstream", server.base_url, "--cassette")
        show = (sys.executable, "-c", LIMIT)
        done = run(*record, outer, "--", *limited("-S -n", 300), *record, inner, "--", *show)
    assert done.stdout.split() == ["300"], done.stderr
