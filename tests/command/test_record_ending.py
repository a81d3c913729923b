"""How a recording ends where what it waits for does not come."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from harness import DEADLINE_S, Running, recording, stalled_writer
from openai import OpenAIError
from traffic import load


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
