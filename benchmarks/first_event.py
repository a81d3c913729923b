"""Time to first event: `respool record` against plain mitmdump with `stream = True`, and direct.

One client on one connection asks for short streams, the targets in turn, so that whatever else the
machine does hits all of them. Figures are ms from the request's last byte to the first body bytes.
"""

import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

RESPOOL = [sys.executable, "-P", "-m", "respool"]
MITMDUMP = [
    *(sys.executable, "-P", "-c"),
    "import sys; from mitmproxy.tools.main import mitmdump; sys.exit(mitmdump())",
]
STREAM_ALL = "def responseheaders(flow):\n    flow.response.stream = True\n"
BODY = json.dumps({"model": "gpt-5.1", "input": "pack", "stream": True}).encode()
HEADERS = {"authorization": "Bearer sk-benchmark-0123456789", "content-type": "application/json"}
_PORT = re.compile(r"127\.0\.0\.1:(\d+)")


@contextmanager
def process(command: list[str], said_on: str, *, first: bool = True) -> Iterator[int]:
    """Start a server, and answer with the first or last port that it names on stdout or stderr."""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE if said_on == "stdout" else subprocess.DEVNULL,
        stderr=subprocess.PIPE if said_on == "stderr" else subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as running:
        output = running.stdout if said_on == "stdout" else running.stderr
        assert output is not None  # it is a pipe
        try:
            ports = next(found for line in output if (found := _PORT.findall(line)))
            yield int(ports[0 if first else -1])
        finally:
            running.terminate()
            running.communicate()


@contextmanager
def targets(folder: Path) -> Iterator[dict[str, int]]:
    """The port of each target, all in front of one scripted server."""
    with ExitStack() as stack:
        server = [sys.executable, "-P", "-m", "respool.demo.server", "--delay-ms", "1"]
        direct = stack.enter_context(process(server, "stdout"))
        upstream = f"http://127.0.0.1:{direct}"
        script = folder / "stream_all.py"
        script.write_text(STREAM_ALL)
        mitmdump = [
            *(*MITMDUMP, "-s", str(script), "--mode", f"reverse:{upstream}@127.0.0.1:0"),
            *("--set", f"confdir={folder}"),
        ]
        record = [
            *(*RESPOOL, "record", "--upstream", f"{upstream}/v1"),
            *("--cassette", str(folder / "bench.jsonl")),
        ]
        yield {
            "direct": direct,
            "mitmdump": stack.enter_context(process(mitmdump, "stdout", first=False)),
            "respool": stack.enter_context(process(record, "stderr")),
        }


def first_event_ms(connection: http.client.HTTPConnection) -> float:
    """Ask once, and read the stream to its end."""
    started = time.perf_counter()
    connection.request("POST", "/v1/responses", BODY, HEADERS)
    answer = connection.getresponse()
    answer.read1(1)
    elapsed = time.perf_counter() - started
    answer.read()
    return elapsed * 1000


def measure(rounds: int = 7, requests: int = 30) -> dict[str, list[float]]:
    """The median of each round, in ms, for each target."""
    with tempfile.TemporaryDirectory() as folder, targets(Path(folder)) as ports:
        connections = {
            name: http.client.HTTPConnection(urlsplit(f"//127.0.0.1:{port}").netloc)
            for name, port in ports.items()
        }
        for connection in connections.values():
            for _ in range(10):
                first_event_ms(connection)
        medians: dict[str, list[float]] = {name: [] for name in ports}
        for _ in range(rounds):
            times: dict[str, list[float]] = {name: [] for name in ports}
            for _ in range(requests):
                for name, connection in connections.items():
                    times[name].append(first_event_ms(connection))
            for name, each in times.items():
                medians[name].append(statistics.median(each))
        for connection in connections.values():
            connection.close()
    return medians


def main() -> None:
    """Measure, and print a table."""
    medians = measure()
    print("time to first event, one client, ms: median (and range) of the medians of 7 rounds")
    for name, each in medians.items():
        low, high = min(each), max(each)
        print(f"  {name:10} {statistics.median(each):6.2f}  ({low:.2f} to {high:.2f})")
    pairs = zip(medians["respool"], medians["mitmdump"], strict=True)
    added = statistics.median(ours - theirs for ours, theirs in pairs)
    print(f"  respool against mitmdump, round by round: {added:+.2f} ms")
