"""The demo's second program: that it uses the rest of the API, and repeats itself exactly."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from respool.demo import errands
from respool.demo.server import RunningServer, running_server

# What the SDK's own synchronous WebSocket does, since websockets 17.1.
pytestmark = pytest.mark.filterwarnings(
    "ignore:connect.. must be used as a context manager:DeprecationWarning"
)


def run(server: RunningServer, out: Path) -> Result:
    """The program's command, with the environment that points it at this server."""
    environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-demo"}
    return CliRunner().invoke(errands.main, ["--out", str(out)], env=environment)


def test_it_repeats_itself_exactly(tmp_path: Path) -> None:
    """Against equal answers, two runs send the same bytes, write the same and say the same."""
    sent, said = [], []
    for name in ("one", "two"):
        with running_server(seed="demo") as server:
            said.append(run(server, tmp_path / name))
            sent.append([(r.method, r.path, r.query, r.body) for r in server.requests])
    assert said[0].exit_code == 0, said[0].output
    assert said[0].output == said[1].output
    assert sent[0] == sent[1]
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_it_uses_every_endpoint_and_transport(tmp_path: Path) -> None:
    """What the agent leaves out is in it: each endpoint but compact, the WebSocket, and others."""
    with running_server() as server:
        assert run(server, tmp_path / "out.jsonl").exit_code == 0
        used = {
            (r.method, "/".join("*" if "_" in part[:5] else part for part in r.path.split("/")[2:]))
            for r in server.requests
        }
    assert used == {
        ("POST", "responses"),
        ("GET", "responses/*"),
        ("GET", "responses/*/input_items"),
        ("POST", "responses/input_tokens"),
        ("POST", "responses/*/cancel"),
        ("DELETE", "responses/*"),
        ("WEBSOCKET", "responses"),
        ("GET", "models"),
        ("POST", "conversations"),
    }


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """Without a server it says what is wrong, and no traceback."""
    environment = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "sk-demo"}
    done = CliRunner().invoke(errands.main, ["--out", str(tmp_path / "out")], env=environment)
    assert done.exit_code == 1
    assert "Connection error" in done.output
