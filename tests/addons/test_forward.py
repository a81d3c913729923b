"""`respool record --proxy`: clients that know no base URL are recorded on their way."""

import subprocess
import sys
from pathlib import Path

import pytest
from harness import KEY, run
from office import VENDOR, office, port_of, settings
from tls_servers import certificate, tls_in_front_of

from cassettes.reader import Cassette
from respool.demo.server import running_server

PYTHON = [sys.executable, "-P", "-c"]
ASK = """
from openai import OpenAI
print(OpenAI().responses.create(model='gpt-5.1', input='pack').id)
"""
STREAM_AND_SOCKET = """
import asyncio
from openai import AsyncOpenAI

async def main():
    async with AsyncOpenAI() as client:
        stream = await client.responses.create(model='gpt-5.1', input='pack', stream=True)
        print([event.type async for event in stream][-1])
        async with client.responses.connect() as socket:
            await socket.response.create(model='gpt-5.1', input='pack')
            async for event in socket:
                if event.type == 'response.completed':
                    break
        print(event.type)

asyncio.run(main())
"""


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def record(
    tape: Path, *command: str, env: dict[str, str], more: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """`respool record --proxy` around a command that succeeds."""
    done = run("record", "--proxy", "--cassette", tape, *more, "--", *command, env=env)
    assert done.returncode == 0, done.stderr
    return done


def test_the_sdk_is_recorded_on_its_way_to_the_vendor(tmp_path: Path, tape: Path) -> None:
    """JSON, stream and WebSocket are recorded, through a company's proxy, with no base URL set."""
    with office(tmp_path) as there:
        record(tape, *PYTHON, ASK, env=there.env)
        done = record(tape, *PYTHON, STREAM_AND_SOCKET, env=there.env)
    assert done.stdout.splitlines() == ["response.completed", "response.completed"]
    with Cassette.open(tape) as cassette:
        found = [cassette.exchange(number) for number in cassette.exchanges]
        assert cassette.header.upstream == "https://api.openai.com/v1"
    assert [each.transport for each in found] == ["json", "sse", "websocket", "websocket"]
    assert {each.outcome for each in found} == {"complete"}
    assert {each.upstream for each in found} == {"https://api.openai.com/v1"}
    assert set(there.proxy.asked) == {f"CONNECT {VENDOR} HTTP/1.1"}


def test_the_password_of_a_proxy_stays_with_the_proxy(tmp_path: Path, tape: Path) -> None:
    """It reaches neither the cassette, nor the server, nor what is said."""
    with office(tmp_path) as there:
        done = record(tape, *PYTHON, ASK, env=there.env)
        received = str(there.server.requests)
    for secret in (there.proxy.password, "p%40ss", there.proxy.credentials, KEY):
        assert secret not in tape.read_text()
        assert secret not in done.stderr
    assert "proxy-" not in tape.read_text().lower()
    assert "proxy-" not in received.lower()
    assert there.proxy.refused == 0


def test_named_server_is_recorded_whatever_no_proxy_says(tmp_path: Path, tape: Path) -> None:
    """A local server named by --upstream is not gone past, though NO_PROXY exempts loopback."""
    env = settings(tmp_path, NO_PROXY="127.0.0.1,localhost,.internal.example", no_proxy="*")
    with running_server() as server:
        client = ASK.replace("OpenAI()", f"OpenAI(base_url='{server.base_url}')")
        record(tape, *PYTHON, client, env=env, more=("--upstream", server.base_url))
        other = ASK.replace(
            "OpenAI()", f"OpenAI(base_url='http://localhost:{port_of(server)}/openai/v1')"
        )
        record(tape, *PYTHON, other, env=env, more=("--upstream", server.base_url))
    with Cassette.open(tape) as cassette:
        assert [cassette.exchange(x).upstream for x in cassette.exchanges] == [
            server.base_url,
            server.base_url.replace("/v1", "/openai/v1"),
        ]


def test_server_with_a_certificate_of_its_own(tmp_path: Path, tape: Path) -> None:
    """A server that the user's roots know is verified by them; one that they do not is refused."""
    pem = certificate(tmp_path, "127.0.0.1")
    with running_server() as server, tls_in_front_of(port_of(server), pem) as port:
        url = f"https://127.0.0.1:{port}/v1"
        client = ASK.replace("OpenAI()", f"OpenAI(base_url='{url}', max_retries=0)")
        for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            env = settings(tmp_path, **{variable: str(pem)})
            record(tape, *PYTHON, client, env=env, more=("--upstream", url))
        done = run(
            *("record", "--proxy", "--upstream", url, "--cassette", tape, "--", *PYTHON, client),
            env=settings(tmp_path),
        )
    assert done.returncode == 1
    assert "ertificate verify failed" in done.stderr
    with Cassette.open(tape) as cassette:
        outcomes = [cassette.exchange(x).outcome for x in cassette.exchanges]
    assert outcomes == ["complete", "complete", "upstream_unreachable"]
