"""`respool doctor` as a whole: page, exit code, silence on secrets, and its own failures."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from doctoring import STEERING, doctor, environment, examined, listening, untraced
from ports import free_port

from respool import record
from respool.doctor.checks import CHECKS
from respool.doctor.command import command
from respool.doctor.examination import examine
from respool.doctor.finding import Asked, Finding, ok


def test_healthy_machine(tmp_path: Path) -> None:
    """Where all is well the page is short, says so, and the exit code is 0."""
    with listening() as port:
        report = doctor(tmp_path, "--upstream", f"http://127.0.0.1:{port}/v1")
        url = f"http://127.0.0.1:{port}/v1"
        page = examined(environment(tmp_path), tmp_path, "--upstream", url)
    # Other tests record at the same time, and of these is told too.
    assert {f["state"] for f in report.findings if f["name"] not in ("running", "base URL")} == {
        "ok"
    }
    told = {finding["name"] for finding in report.findings}
    assert told >= {"python", "packages", "limits", "disk", "loopback", "upstream", "API key"}
    lines = [line for line in page.stdout.splitlines() if "respool record" not in line]
    assert len(lines) < 24
    assert lines[-1].startswith("no problem found") or report.about("running")


def test_problem(tmp_path: Path) -> None:
    """A problem is shown with what to do, named in the last line, and the exit code is 1."""
    with listening() as port:
        done = examined(environment(tmp_path), tmp_path, "--offline", "--port", str(port))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("PROBLEM  port"))
    assert f"{port} is taken by process {os.getpid()} (" in lines[at]
    assert lines[at + 1].strip().startswith("-> ")
    assert "port" in lines[-1]
    assert "problem" in lines[-1]


@pytest.mark.parametrize("columns", ["80", "120"])
def test_page_fits(tmp_path: Path, columns: str) -> None:
    """The page is broken at the width of the terminal, but for words that are longer."""
    env = environment(Path("/"), COLUMNS=columns, OPENAI_API_KEY="", XDG_DATA_HOME="/proc/nowhere")
    done = examined(env, tmp_path, "--offline", "--cassette", "/nowhere/a.jsonl")
    lines = done.stdout.splitlines()
    assert all(len(line) <= int(columns) or " " not in line.strip() for line in lines), done.stdout
    assert "PROBLEM  disk" in done.stdout


def test_quick(tmp_path: Path) -> None:
    """All checks together take less than 1.5 s of CPU, imports included."""
    env = untraced(environment(tmp_path))
    before = os.times()
    examined(env, tmp_path, "--offline")
    after = os.times()
    cpu = after.children_user + after.children_system
    assert cpu - before.children_user - before.children_system < 1.5


def test_no_secret_is_shown(tmp_path: Path) -> None:
    """Neither passwords in URLs nor keys nor odd values of any variable get into the page."""
    dead = free_port()
    values = {
        "OPENAI_API_KEY": " sk-SECRET-1\n",
        "OPENAI_BASE_URL": f"http://SECRET-2:SECRET-3@127.0.0.1:{dead}/SECRET-4?key=SECRET-5",
        "OPENAI_API_BASE": "SECRET-6",
        "HTTPS_PROXY": f"http://user:SECRET-7@127.0.0.1:{dead}",
        "HTTP_PROXY": "user:SECRET-8@corp:3128",
        "ALL_PROXY": "socks5://user:SECRET-9@corp:1080",
    }
    home = tmp_path / "home"
    (home / ".codex").mkdir(parents=True)
    url = f"http://SECRET-a@127.0.0.1:{dead}/SECRET-b"
    (home / ".codex/config.toml").write_text(f'openai_base_url = "{url}"\nkey = "SECRET-c"\n')
    for more in ((), ("--proxy",), ("--upstream", "https://SECRET-d:SECRET-e@host/SECRET-f")):
        for form in ((), ("--json",)):
            done = examined(environment(home, **values), tmp_path, "--offline", *more, *form)
            assert done.returncode == 1
            assert "SECRET" not in done.stdout + done.stderr
            assert all(variable in done.stdout for variable in values)


def test_command_line_of_others_is_not_shown(tmp_path: Path) -> None:
    """A process is named by its number and its program, never by its arguments."""
    code = (
        "import socket, sys; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen();"
        "print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "--api-key", "sk-SECRET"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        port = other.stdout.readline().strip()
        report = doctor(tmp_path, "--port", port)
        other.communicate()
    assert f"process {other.pid} (python" in report.one("port", "problem")
    assert "SECRET" not in str(report.findings)


def test_takes_the_options_of_record(tmp_path: Path) -> None:
    """A command line of `record` can be asked about: `doctor` takes all of its options."""
    doctored = {option for parameter in command.params for option in parameter.opts}
    for parameter in record.command.params:
        assert set(parameter.opts) <= doctored
    report = doctor(
        tmp_path, "--upstream", "http://127.0.0.1:1/v1", "--offline", "--port", "0",
        "--cassette", "new.jsonl", "--record-all", "--", "python", "--version",
    )  # fmt: skip
    assert "python is " in report.one("command", "ok")
    assert "not there yet" in report.one("cassette", "ok")


def test_failing_check() -> None:
    """A check that raises is reported by name and place, without the error's text; others stand."""

    def raising(_: Asked) -> Iterator[Finding]:
        yield ok("raising", "so far")
        raise ValueError("sk-SECRET")

    first, failed, last = examine(
        {"raising": raising, "fine": lambda _: [ok("fine", "yes")]}, Asked()
    )
    assert (first.found, last.found) == ("so far", "yes")
    assert (failed.name, failed.state) == ("raising", "warning")
    assert "ValueError in test_doctor.py, line " in failed.found
    assert "SECRET" not in failed.found + failed.advice


def test_hanging_check() -> None:
    """A check that does not end is reported when the time is up, and holds up no other."""
    over = threading.Event()

    def hanging(_: Asked) -> Iterator[Finding]:
        over.wait(20)
        yield ok("hanging", "at last")

    checks = {"hanging": hanging, "fine": lambda _: [ok("fine", "yes")]}
    began = time.monotonic()
    hung, fine = examine(checks, Asked(), deadline_s=0.2)
    over.set()
    assert time.monotonic() - began < 5
    assert (hung.name, hung.state) == ("hanging", "warning")
    assert "did not end within 0.2 s" in hung.found
    assert fine.state == "ok"


def test_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system gives no more threads, the checks are made one after the other."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert examine({"fine": lambda _: [ok("fine", "yes")]}, Asked()) == [ok("fine", "yes")]


def test_every_check_is_named_as_its_findings(tmp_path: Path) -> None:
    """A finding stands under the name of a check of the list."""
    report = doctor(tmp_path, "--proxy", "--port", "1", "--cassette", "x/y.jsonl", "--", "nope")
    assert {finding["name"] for finding in report.findings} <= set(CHECKS)
    assert len(set(STEERING)) == len(STEERING)
