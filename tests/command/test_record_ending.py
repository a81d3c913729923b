"""How a recording ends where what it waits for does not come."""

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from harness import DEADLINE_S, Running, recording, stalled_writer
from openai import OpenAIError
from traffic import load

from respool.demo.server import running_server


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(DEADLINE_S)
        yield server


def ask(proxy: Running) -> None:
    """Ask, and get no answer."""
    with proxy.client(max_retries=0) as client, suppress(OpenAIError):
        client.responses.create(model="gpt-5.1", input="anybody there?")


def wait_until_it_ends(proxy: Running) -> None:
    """Return once it has stopped listening, which is the first thing that it does."""
    port = int(proxy.base_url.split(":")[2].split("/")[0])
    with suppress(ConnectionError):
        while True:
            with suppress(TimeoutError):  # where it does not accept as fast, a packet is lost
                socket.create_connection(("127.0.0.1", port), 0.05).close()


def test_stopping_does_not_wait_for_a_writer_that_is_stopped(tmp_path: Path) -> None:
    """The harness gives up as a user would, with another ctrl-C, and what is missing is said."""
    path = tmp_path / "c.jsonl"
    with running_server() as server, recording(server.base_url, path) as proxy:
        with stalled_writer(proxy):
            began = time.monotonic()
            assert proxy.stop() == 3
        assert time.monotonic() - began < DEADLINE_S / 2
    assert proxy.said[-1].endswith("was not written to the end: that was not waited for")


@pytest.mark.parametrize("pause_s", [0.002, 0.05])
def test_more_signals_end_it_no_harder(
    silent: socket.socket, tmp_path: Path, pause_s: float
) -> None:
    """Who presses ctrl-C until it has ended gets one line and its exit code, and no traceback."""
    path = tmp_path / "c.jsonl"
    with recording(f"http://127.0.0.1:{silent.getsockname()[1]}/v1", path) as proxy:
        silent.accept()[0].close()
        while proxy.process.poll() is None:
            proxy.process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                proxy.process.wait(pause_s)
        code = proxy.stop()
    *_, invited, last = proxy.said
    assert "ctrl-C ends" in invited
    gave_up = f"respool: {path} was not written to the end: that was not waited for"
    assert (code, last) == (3, gave_up) or (code, last.split(";")[0]) == (
        0,
        "respool: recorded 0 exchanges",
    )


@pytest.mark.parametrize("stalled", [True, False], ids=["stopped", "well"])
def test_a_second_signal_ends_it_at_once(
    silent: socket.socket, tmp_path: Path, stalled: bool
) -> None:
    """No answer is waited for any more, nor a writer that is stopped; one that is well is done."""
    path = tmp_path / "c.jsonl"
    url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
    with recording(url, path) as proxy:
        silent.accept()[0].close()  # it was looked whether somebody is there
        asking = threading.Thread(target=ask, args=(proxy,))
        asking.start()
        with silent.accept()[0] as connection:
            assert connection.recv(100)
            with stalled_writer(proxy) if stalled else nullcontext():
                proxy.process.send_signal(signal.SIGINT)
                wait_until_it_ends(proxy)
                proxy.process.send_signal(signal.SIGINT)
                code = proxy.process.wait(DEADLINE_S)
        asking.join(DEADLINE_S)
        proxy.stop()  # that all it has said is here
    if stalled:
        assert code == 3
        assert proxy.said[-1] == (
            f"respool: {path} was not written to the end: that was not waited for"
        )
        assert not any("ctrl-C gives that up" in line for line in proxy.said)
    else:
        assert code == 0, proxy.said
        assert [one.outcome for one in load(path)] == ["proxy_stopped"]
