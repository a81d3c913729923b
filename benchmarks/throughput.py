"""Requests per second, CPU per request and time to first event, of respool and plain mitmdump.

Targets take turns within each round, so that whatever else the machine does hits all of them; what
is printed are medians of the rounds. CPU is that of the proxy's process; what the process that
writes the cassette takes stands beside it.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.targets import Target, targets

NAMES = ["direct", "mitmdump", "mitmdump stream", "mitmdump -w", "respool off", "respool"]
UPSTREAM = [sys.executable, "-P", "-m", "benchmarks.upstream"]


@dataclass(frozen=True)
class Kind:
    """What is asked for: a request of so many bytes, and the answer that `target` describes."""

    name: str
    target: str
    request_bytes: int = 2_000


KINDS = [
    Kind("2 KB JSON", "json=2000"),
    Kind("200 KB JSON", "json=200000", 200_000),
    Kind("200 KB JSON after 100 ms", "json=200000&after_ms=100", 200_000),
    Kind("200 events unpaced", "events=200"),
    Kind("200 events, 5 ms apart", "events=200&gap_ms=5"),
]
CLIENTS = [1, 8, 32]


@dataclass
class Figures:
    """Of one round: requests per second, µs of CPU per request, and ms to the first event."""

    per_s: float
    cpu_us: float
    writer_us: float
    first_ms: float


def once(target: Target, kind: Kind, clients: int, seconds: float) -> Figures:
    """Load one target for a while."""
    began, wrote = target.cpu_s(), target.writer_cpu_s()
    command = [sys.executable, "-P", "-m", "benchmarks.load"]
    arguments = [target.port, clients, seconds, kind.target, kind.request_bytes]
    done = subprocess.run(
        [*command, *map(str, arguments)], stdout=subprocess.PIPE, check=True, timeout=10
    )
    told = json.loads(done.stdout)
    count = len(told["first_ms"])
    return Figures(
        per_s=count / told["seconds"],
        cpu_us=(target.cpu_s() - began) / count * 1e6,
        writer_us=(target.writer_cpu_s() - wrote) / count * 1e6,
        first_ms=statistics.median(told["first_ms"]),
    )


def measure(
    kinds: list[Kind] = KINDS,
    clients: list[int] = CLIENTS,
    names: list[str] = NAMES,
    rounds: int = 7,
    seconds: float = 1.0,
) -> dict[tuple[str, int, str], list[Figures]]:
    """The figures of each round, by kind, number of clients and target."""
    found: dict[tuple[str, int, str], list[Figures]] = {}
    with tempfile.TemporaryDirectory() as folder, targets(Path(folder), UPSTREAM, names) as made:
        for kind in kinds:
            for count in clients:
                for target in made.values():
                    once(target, kind, count, 0.3)  # warm
                for _ in range(rounds):
                    for name, target in made.items():
                        figures = once(target, kind, count, seconds)
                        found.setdefault((kind.name, count, name), []).append(figures)
    return found


def median(each: list[Figures], figure: str) -> float:
    """The median over the rounds of one figure, by name."""
    return statistics.median(getattr(figures, figure) for figures in each)


def main(arguments: list[str]) -> None:
    """Measure, and print a table; arguments choose rounds and seconds."""
    rounds = int(arguments[0]) if arguments else 7
    seconds = float(arguments[1]) if arguments[1:] else 1.0
    found = measure(rounds=rounds, seconds=seconds)
    print(
        f"medians of {rounds} rounds of {seconds} s; x is against mitmdump stream, off is against"
    )
    print("respool off: requests per second, and CPU of the proxy's process")
    for kind, count in dict.fromkeys((kind, count) for kind, count, _ in found):
        print(f"\n{kind}, {count} client{'s' * (count > 1)}")
        print(
            f"  {'':16}{'per s':>9}{'CPU µs':>9}{'writer µs':>11}{'first ms':>10}   x         off"
        )
        for name in NAMES:
            each = found[kind, count, name]
            line = f"{median(each, 'per_s'):9.0f}{median(each, 'cpu_us'):9.0f}"
            line += f"{median(each, 'writer_us'):11.0f}{median(each, 'first_ms'):10.2f}"
            for other in ("mitmdump stream", "respool off") if name.startswith("respool") else ():
                line += "   " + against(each, found[kind, count, other])
            print(f"  {name:16}{line}")


def against(ours: list[Figures], theirs: list[Figures]) -> str:
    """How many times as much per second, and as much CPU: medians of the rounds' ratios."""
    pairs = list(zip(ours, theirs, strict=True))
    more = statistics.median(a.per_s / b.per_s for a, b in pairs)
    cpu = statistics.median(a.cpu_us / b.cpu_us for a, b in pairs if b.cpu_us)
    return f"{more:.2f}/{cpu:.2f}"


if __name__ == "__main__":
    main(sys.argv[1:])
