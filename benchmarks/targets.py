"""What is measured against each other, each in front of the same upstream, and its CPU time."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

MITMDUMP = [
    *(sys.executable, "-P", "-c"),
    "import sys; from mitmproxy.tools.main import mitmdump; sys.exit(mitmdump())",
]
STREAM_ALL = "def responseheaders(flow):\n    flow.response.stream = True\n"
_PORT = re.compile(r"127\.0\.0\.1:(\d+)")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass
class Target:
    """Something that listens on `port`; `pid` is 0 where nothing stands in between."""

    port: int
    pid: int = 0

    def cpu_s(self) -> float:
        """Seconds of CPU that its process has taken so far, without its children."""
        return _cpu_s(self.pid) if self.pid else 0.0

    def writer_cpu_s(self) -> float:
        """The same of its children: the process that writes the cassette."""
        if not self.pid:
            return 0.0
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return sum(_cpu_s(int(child)) for child in children)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


@contextmanager
def process(command: list[str], said_on: str) -> Iterator[Target]:
    """Start a server that names its port on stdout or stderr, once."""
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
            port = next(found[1] for line in output if (found := _PORT.search(line)))
            yield Target(int(port), running.pid)
        finally:
            running.terminate()
            running.communicate()


@contextmanager
def mitmdump(upstream: int, folder: Path, *options: str) -> Iterator[Target]:
    """A plain mitmdump; a quiet one, as it would otherwise print each request."""
    port = free_port()
    mode = f"reverse:http://127.0.0.1:{upstream}@127.0.0.1:{port}"
    command = [*MITMDUMP, "--quiet", "--mode", mode, "--set", f"confdir={folder}", *options]
    with subprocess.Popen(command) as running:
        try:
            while not listens(port):
                assert running.poll() is None
            yield Target(port, running.pid)
        finally:
            running.terminate()


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether a connection to the port is taken."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    time.sleep(0.05)
    return False


def respool(upstream: int, cassette: Path) -> list[str]:
    """The command of a recording respool."""
    return [
        *(sys.executable, "-P", "-m", "respool", "record"),
        *("--upstream", f"http://127.0.0.1:{upstream}/v1", "--cassette", str(cassette)),
    ]


def unrecorded(upstream: int, folder: Path) -> list[str]:
    """The command of respool's proxy without a recording."""
    command = [sys.executable, "-P", "-m", "benchmarks.unrecorded"]
    return [*command, f"http://127.0.0.1:{upstream}/v1", str(folder / "respool")]


@contextmanager
def targets(folder: Path, upstream: list[str], names: list[str]) -> Iterator[dict[str, Target]]:
    """The targets named, all in front of one upstream, which is there as `direct`."""
    script = folder / "stream_all.py"
    script.write_text(STREAM_ALL)
    with ExitStack() as stack:
        direct = stack.enter_context(process(upstream, "stdout"))
        port = direct.port
        made = {
            "mitmdump": lambda: mitmdump(port, folder),
            "mitmdump stream": lambda: mitmdump(port, folder, "-s", str(script)),
            "mitmdump -w": lambda: mitmdump(port, folder, "-w", str(folder / "flows")),
            "respool off": lambda: process(unrecorded(port, folder), "stdout"),
            "respool": lambda: process(respool(port, folder / "bench.jsonl"), "stderr"),
        }
        found = {"direct": Target(port)}
        found |= {name: stack.enter_context(made[name]()) for name in names if name in made}
        yield {name: found[name] for name in names}
