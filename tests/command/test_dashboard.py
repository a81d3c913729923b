"""`respool dashboard`: Streamlit as the user gets it, from the URL on stderr to the end."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness import DEADLINE_S, RESPOOL, Running, one_line_error, run, serving
from tapes import Told, response, write_tape

from analytics.ingest import ingest

HEADLESS = {"CI": "1"}


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "traffic.duckdb"
    list(ingest([write_tape(tmp_path / "session.jsonl", [Told(answer=response())])], path))
    return path


def get(base_url: str, path: str) -> bytes:
    """A page of the dashboard."""
    address = urlsplit(base_url)
    assert address.hostname is not None
    connection = HTTPConnection(address.hostname, address.port, timeout=DEADLINE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


def url_of(dashboard: Running) -> str:
    """The URL in the only line that it says."""
    assert dashboard.said == [f"respool: dashboard at {dashboard.base_url} (ctrl-C ends)"]
    return dashboard.base_url


def gone(base_url: str) -> bool:
    """Whether nothing listens there any more."""
    address = urlsplit(base_url)
    with socket.socket() as sock:
        return sock.connect_ex((address.hostname, address.port)) != 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped(db: Path, number: int) -> None:
    """It answers when its URL is printed, and a signal ends it quietly with exit code 0."""
    with serving("dashboard", "--db", db, "--port", "0", env=HEADLESS) as dashboard:
        url = url_of(dashboard)
        assert get(url, "/_stcore/health") == b"ok"
        assert b"<title>" in get(url, "/")
        assert dashboard.stop(number) == 0
        assert len(dashboard.said) == 1
        assert gone(url)


def test_it_works_beside_modules_of_its_names(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts from a directory that holds raising modules and Streamlit settings of its own."""
    folder = tmp_path / "project"
    for name in ("analytics", "cassettes", "dashboard", "respool", "streamlit", "wire"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise RuntimeError('not this one')")
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit/config.toml").write_text("[server]\nbaseUrlPath = 'elsewhere'\n")
    monkeypatch.chdir(folder)
    home = {**HEADLESS, "HOME": str(tmp_path / "home")}
    with serving("dashboard", "--db", "../traffic.duckdb", "--port", "0", env=home) as dashboard:
        assert get(url_of(dashboard), "/_stcore/health") == b"ok"
        assert dashboard.stop() == 0
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("opens", [True, False])
def test_it_opens_a_browser_when_it_answers(db: Path, tmp_path: Path, opens: bool) -> None:
    """With a display the URL goes to the user's browser, unless that is not wanted."""
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{opened}.part" && mv "{opened}.part" "{opened}"\n')
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    env = {"CI": "", "DISPLAY": ":0", "BROWSER": str(browser)}
    more = [] if opens else ["--no-browser"]
    with serving("dashboard", "--db", db, "--port", "0", *more, env=env) as dashboard:
        deadline = time.monotonic() + DEADLINE_S
        while opens and not opened.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert dashboard.stop() == 0
        assert opened.exists() == opens
        assert not opens or opened.read_text() == f"{url_of(dashboard)}\n"


def test_the_usual_port_is_not_insisted_on(db: Path) -> None:
    """Without --port, two dashboards run side by side."""
    with serving("dashboard", "--db", db, env=HEADLESS) as one:
        with serving("dashboard", "--db", db, env=HEADLESS) as other:
            assert url_of(one) != url_of(other)
            assert other.stop() == 0
        assert one.stop() == 0


def test_port_in_use(db: Path) -> None:
    """A port that somebody listens on is an error in one line."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        error = one_line_error(run("dashboard", "--db", db, "--port", str(port), env=HEADLESS))
    assert f"cannot listen on 127.0.0.1:{port}" in error
    assert "another --port" in error


def test_streamlit_that_dies_is_an_error(db: Path) -> None:
    """Where Streamlit ends by itself, so does the command, with exit code 1 and one line more."""
    with serving("dashboard", "--db", db, "--port", "0", env=HEADLESS) as dashboard:
        url = url_of(dashboard)
        children = Path(f"/proc/{dashboard.process.pid}/task/{dashboard.process.pid}/children")
        if not children.exists():
            pytest.skip("the system does not tell a process's children")
        os.kill(int(children.read_text()), signal.SIGKILL)
        assert dashboard.process.wait(DEADLINE_S) == 1
        dashboard.stop()
        assert dashboard.said[1:] == [
            "respool: error: Streamlit ended by itself with exit code -9",
        ]
        assert gone(url)


def test_streamlit_does_not_outlive_a_killed_command(db: Path) -> None:
    """Where the command is killed and can end nothing, Streamlit ends by itself."""
    with serving("dashboard", "--db", db, "--port", "0", env=HEADLESS) as dashboard:
        url = url_of(dashboard)
        dashboard.stop(signal.SIGKILL)
        deadline = time.monotonic() + DEADLINE_S
        while not gone(url):
            assert time.monotonic() < deadline


def test_it_does_not_import_streamlit_itself() -> None:
    """The command's own process never pays for importing Streamlit."""
    code = (
        "import sys, respool.dashboard, analytics.store, cassettes.serving\n"
        "sys.exit('streamlit' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-P", "-c", code]).returncode == 0


def test_help_names_the_defaults() -> None:
    """Help says what happens without options."""
    done = subprocess.run([RESPOOL, "dashboard", "--help"], capture_output=True, text=True)
    assert "[default: 8501 if it is" in done.stdout
