"""`respool record --proxy` around programs that respool knows nothing of, found by what it sets."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import KEY, run
from office import office

from cassettes.reader import Cassette

URL = "https://api.openai.com/v1/responses"
BODY = json.dumps({"model": "gpt-5.1", "input": "pack"})
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
PYTHON = f"""
import urllib.request
request = urllib.request.Request({URL!r}, {BODY.encode()!r}, {HEADERS!r})
print(urllib.request.urlopen(request).read().decode())
"""
# What Node 24's fetch does by itself where NODE_USE_ENV_PROXY is set, and Node 20's does not.
NODE = """
const http = require('http'), tls = require('tls');
const proxy = new URL(process.env.HTTPS_PROXY);
const asked = http.request({host: proxy.hostname, port: proxy.port, method: 'CONNECT',
                            path: 'api.openai.com:443'});
asked.on('connect', (answer, socket) => {
  const secure = tls.connect({socket, servername: 'api.openai.com'}, () => {
    const [body, headers] = process.argv.slice(1);
    const head = {...JSON.parse(headers), host: 'api.openai.com', 'content-length': body.length,
                  connection: 'close'};
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}`);
    secure.write(['POST /v1/responses HTTP/1.1', ...lines, '', body].join('\\r\\n'));
  });
  secure.on('data', data => process.stdout.write(data));
});
asked.end();
"""
FETCH = """
const [url, body, headers] = process.argv.slice(1);
fetch(url, {method: 'POST', body, headers: JSON.parse(headers)})
  .then(answer => answer.text()).then(console.log);
"""


def installed(program: str) -> str:
    """The path of a program; the test is skipped where it is not there."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def fetches_by_itself(node: str) -> bool:
    """Whether this Node reads HTTPS_PROXY."""
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    return int(done.stdout.removeprefix("v").split(".")[0]) >= 24


@pytest.mark.parametrize("client", ["curl", "node", "node fetch", "urllib"])
def test_client(tmp_path: Path, client: str) -> None:
    """It goes through the proxy and trusts it, with nothing said to it but its environment."""
    match client:
        case "curl":
            command = [installed("curl"), "-sS", URL, "-d", BODY]
            command += [each for pair in HEADERS.items() for each in ("-H", ": ".join(pair))]
        case "node":
            command = [installed("node"), "-e", NODE, BODY, json.dumps(HEADERS)]
        case "node fetch":
            command = [installed("node"), "-e", FETCH, URL, BODY, json.dumps(HEADERS)]
            if not fetches_by_itself(command[0]):
                pytest.skip("fetch of Node older than 24 goes past every proxy")
        case _:
            command = [sys.executable, "-P", "-c", PYTHON]
    tape = tmp_path / "out.jsonl"
    with office(tmp_path) as there:
        done = run("record", "--proxy", "--cassette", tape, "--", *command, env=there.env)
    assert done.returncode == 0, done.stderr
    assert '"status":"completed"' in done.stdout.replace(" ", "")
    with Cassette.open(tape) as cassette:
        exchange = cassette.exchange(1)
    assert exchange.outcome == "complete"
    assert exchange.upstream == "https://api.openai.com/v1"
    assert there.proxy.asked


def test_curl_elsewhere(tmp_path: Path) -> None:
    """What is not recorded is verified by the roots that the user had before."""
    curl = installed("curl")
    with office(tmp_path) as there:
        places = there.proxy.places
        places["other.example:443"] = places["api.openai.com:443"]
        command = (curl, "-sS", "--connect-to", "gateway.example:443:other.example:443")
        done = run(
            *("record", "--proxy", "--cassette", tmp_path / "out.jsonl", "--", *command),
            *("https://gateway.example/v1/models", "-o", "/dev/null", "-w", "%{http_code}"),
            env=there.env,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "401"  # the server's, which wants a key
    assert there.proxy.asked == ["CONNECT other.example:443 HTTP/1.1"]
    with Cassette.open(tmp_path / "out.jsonl") as cassette:
        assert not cassette.exchanges
