"""`respool replay --proxy`: clients without a base URL get what was recorded, and reach nothing."""

import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from harness import run, serving
from office import office, settings
from tls_servers import Answering, serving_asgi

PYTHON = [sys.executable, "-P", "-c"]
TALK = """
import asyncio
from openai import AsyncOpenAI

async def main():
    for base_url in (None, 'https://gateway.example:8443/openai/v1'):
        async with AsyncOpenAI(base_url=base_url, max_retries=0) as client:
            print((await client.responses.create(model='gpt-5.1', input='pack')).id)
            stream = await client.responses.create(model='gpt-5.1', input='pack', stream=True)
            print([event.model_dump_json() async for event in stream])
            async with client.responses.connect() as socket:
                await socket.response.create(model='gpt-5.1', input='pack')
                async for event in socket:
                    print(event.model_dump_json())
                    if event.type == 'response.completed':
                        break

asyncio.run(main())
"""


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, str]:
    """A cassette of the same conversation with two servers, and what the program printed."""
    tape = tmp_path / "out.jsonl"
    upstream = ("--upstream", "gateway.example:8443")
    with office(tmp_path) as there:
        command = ("--cassette", tape, "--", *PYTHON, TALK)
        done = run("record", "--proxy", *upstream, *command, env=there.env)
    assert done.returncode == 0, done.stderr
    return tape, done.stdout


def test_command_is_replayed(tmp_path: Path, recorded: tuple[Path, str]) -> None:
    """The same program gets the same from each server, without a network, a name or a key."""
    tape, printed = recorded
    env = settings(tmp_path, NO_PROXY="gateway.example")
    done = run("replay", tape, "--proxy", "--", *PYTHON, TALK, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed
    assert "served 8 of 8 recorded exchanges, 0 misses" in done.stderr
    assert printed.splitlines()[0] != printed.splitlines()[len(printed.splitlines()) // 2]


def test_nothing_else_is_reached(tmp_path: Path, recorded: tuple[Path, str]) -> None:
    """Another host is refused, by TLS or without, and the operator hears of it once."""
    elsewhere = Answering("elsewhere")
    env = settings(tmp_path)
    with (
        serving_asgi(elsewhere) as port,
        serving("replay", recorded[0], "--proxy", env=env) as proxy,
    ):
        handler = urllib.request.ProxyHandler({"http": proxy.base_url, "https": proxy.base_url})
        opener = urllib.request.build_opener(handler)
        for url in (f"http://127.0.0.1:{port}/v1/responses", "http://chatgpt.com/"):
            with pytest.raises(urllib.error.HTTPError, match="403") as refused:
                opener.open(url, timeout=20)
            assert "is not in the recording" in refused.value.read().decode()
            refused.value.close()
        with pytest.raises(OSError, match="403"):
            opener.open("https://chatgpt.com/", timeout=20)
        assert proxy.stop() == 0
    assert not elsewhere.asked
    refusals = [line for line in proxy.said if "refused" in line]
    assert len(refusals) == 2
    assert "refused chatgpt.com, which is not in the recording" in refusals[1]


def test_who_was_refused_is_not_asked_what_it_reads(
    tmp_path: Path, recorded: tuple[Path, str]
) -> None:
    """A command that asked for another host came through the proxy: it does read HTTPS_PROXY."""
    env = settings(tmp_path)
    program = "import httpx2; httpx2.get('https://elsewhere.example/')"
    done = run("replay", recorded[0], "--proxy", "--", *PYTHON, program, env=env)
    assert "refused elsewhere.example" in done.stderr
    assert "does its client read" not in done.stderr
