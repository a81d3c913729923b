"""The demo's errands: that they use the rest of the API, and repeat themselves exactly."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from respool.demo import agent
from respool.demo.server import RunningServer, running_server

# What the SDK's own synchronous WebSocket does, since websockets 17.1.
pytestmark = pytest.mark.filterwarnings(
    "ignore:connect.. must be used as a context manager:DeprecationWarning"
)


def run(server: RunningServer, out: Path) -> Result:
    """The agent's command, with its errands, pointed at this server."""
    environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-demo"}
    return CliRunner().invoke(agent.main, ["--errands", "--out", str(out)], env=environment)


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
    """With the agent's turns each endpoint is in it, the WebSocket, and others beside them."""
    with running_server() as server:
        assert run(server, tmp_path / "out.jsonl").exit_code == 0
        used = {
            (r.method, "/".join("*" if "_" in part[:5] else part for part in r.path.split("/")[2:]))
            for r in server.requests
        }
    assert used == {
        ("POST", "responses"),
        ("POST", "responses/compact"),
        ("GET", "responses/*"),
        ("GET", "responses/*/input_items"),
        ("POST", "responses/input_tokens"),
        ("POST", "responses/*/cancel"),
        ("DELETE", "responses/*"),
        ("WEBSOCKET", "responses"),
        ("GET", "models"),
        ("POST", "conversations"),
    }
