"""`respool record` in front of a server that only a company's proxy reaches."""

import json
import socket
import sys
from pathlib import Path

import pytest
from harness import KEY, one_line_error, run
from office import VENDOR, office, port_of, settings
from tls_servers import (
    Answering,
    accepting,
    certificate,
    corporate_proxy,
    serving_asgi,
    tls_in_front_of,
)

from cassettes.reader import Cassette
from respool.demo.server import BREAK, Canned, running_server

PYTHON = [sys.executable, "-P", "-c"]
ASK = """
from openai import OpenAI
client = OpenAI(max_retries=0)
for word in ('pack', 'kyoto'):
    print(client.responses.create(model='gpt-5.1', input=word).id)
"""
BOTH = """
import urllib.request
from openai import OpenAI
OpenAI(base_url='http://llm.example/v1').responses.create(model='gpt-5.1', input='pack')
print(urllib.request.urlopen('https://other.example/').read())
"""
ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def test_tls_upstream(tmp_path: Path, tape: Path) -> None:
    """The proxy of the environment is asked to connect, for the first probe and for traffic."""
    with office(tmp_path) as there:
        done = run("record", "--cassette", tape, "--", *PYTHON, ASK, env=there.env)
    assert done.returncode == 0, done.stderr
    assert there.proxy.asked == [f"CONNECT {VENDOR} HTTP/1.1"] * 2
    for secret in (there.proxy.password, there.proxy.credentials):
        assert secret not in tape.read_text()
        assert secret not in done.stderr
    with Cassette.open(tape) as cassette:
        assert cassette.exchange(1).outcome == "complete"


def test_plain_upstream(tmp_path: Path, tape: Path) -> None:
    """An http:// upstream is asked of HTTP_PROXY by its whole URL; the password is not recorded."""
    with (
        running_server() as server,
        corporate_proxy(**{"llm.example:8000": port_of(server)}) as (company, url),
    ):
        env = settings(tmp_path, HTTP_PROXY=url, http_proxy=url)
        upstream = ("--upstream", "http://llm.example:8000/v1")
        done = run("record", *upstream, "--cassette", tape, "--", *PYTHON, ASK, env=env)
        received = server.requests[0]
    assert done.returncode == 0, done.stderr
    assert company.asked == ["POST http://llm.example:8000/v1/responses HTTP/1.1"]
    assert dict(received.headers)["host"] == "llm.example:8000"
    assert "proxy-auth" not in tape.read_text().lower()
    assert company.credentials not in tape.read_text() + done.stderr


def test_proxy_behind_tls(tmp_path: Path, tape: Path) -> None:
    """A company's proxy may want TLS itself, for what is recorded and for what is not."""
    other, company_pem = certificate(tmp_path, "other.example"), certificate(tmp_path)
    with (
        running_server() as server,
        serving_asgi(Answering("elsewhere"), other) as port,
        corporate_proxy(**{"llm.example:80": port_of(server), "other.example:443": port}) as (
            company,
            url,
        ),
        tls_in_front_of(int(url.rpartition(":")[2]), company_pem) as tls,
    ):
        url = url.replace("http:", "https:").rpartition(":")[0] + f":{tls}"
        roots = tmp_path / "roots.pem"
        roots.write_bytes(other.read_bytes() + company_pem.read_bytes())
        env = settings(tmp_path, SSL_CERT_FILE=str(roots))
        env |= dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), url)
        done = run(
            *("record", "--proxy", "--upstream", "http://llm.example/v1", "--cassette", tape),
            *("--", *PYTHON, BOTH),
            env=env,
        )
    assert done.returncode == 0, done.stderr
    assert "elsewhere" in done.stdout
    assert company.asked == [
        "CONNECT llm.example:80 HTTP/1.1",
        "CONNECT other.example:443 HTTP/1.1",
    ]
    with Cassette.open(tape) as cassette:
        assert cassette.exchange(1).outcome == "complete"


def test_exempted_upstream(tmp_path: Path, tape: Path) -> None:
    """Loopback and the hosts of NO_PROXY are reached directly."""
    with running_server() as server, corporate_proxy() as (company, url):
        env = settings(tmp_path, HTTP_PROXY=url, http_proxy=url)
        done = run(
            *("record", "--upstream", server.base_url, "--cassette", tape),
            *("--", *PYTHON, ASK),
            env=env,
        )
        assert done.returncode == 0, done.stderr
        for listed in (".example", "other.test example.", "such.example:80"):
            error = one_line_error(
                run(
                    *("record", "--upstream", "http://no.such.example/v1", "--cassette", tape),
                    *("--", "true"),
                    env=env | {"NO_PROXY": listed, "no_proxy": listed},
                )
            )
            assert "the host name is not known" in error
    assert not company.asked
    assert not company.refused


def test_server_that_is_out_of_reach_later(tmp_path: Path, tape: Path) -> None:
    """What a proxy says that cannot connect is what became of the exchange."""
    with office(tmp_path) as there:
        del there.proxy.places[VENDOR]
        done = run("record", "--proxy", "--cassette", tape, "--", *PYTHON, ASK, env=there.env)
    assert done.returncode == 1
    with Cassette.open(tape) as cassette:
        exchange = cassette.exchange(1)
    assert exchange.outcome == "upstream_unreachable"
    assert "refused HTTP CONNECT request: 503 No Such Host" in (exchange.error or "")


@pytest.mark.parametrize("mode", [(), ("--proxy",)])
def test_server_that_hangs_up_behind_a_proxy(
    tmp_path: Path, tape: Path, mode: tuple[str, ...]
) -> None:
    """A server that was reached and said nothing is gone, not out of reach."""
    with office(tmp_path, canned={"pack": Canned([BREAK])}) as there:
        run("record", *mode, "--cassette", tape, "--", *PYTHON, ASK, env=there.env)
    with Cassette.open(tape) as cassette:
        assert cassette.exchange(1).outcome == "upstream_gone"


@pytest.mark.parametrize("mode", [(), ("--proxy",)])
def test_proxy_that_refuses(tmp_path: Path, tape: Path, mode: tuple[str, ...]) -> None:
    """A proxy that refuses the upstream is named at the start, with its answer and no password."""
    with office(tmp_path) as there:
        error = one_line_error(
            run(
                *("record", *mode, "--upstream", "https://nowhere.example/v1"),
                *("--cassette", tape, "--", "true"),
                env=there.env,
            )
        )
        assert "503 No Such Host" in error
        bare = there.env["HTTPS_PROXY"].replace("worker:p%40ss%3Aword@", "")
        assert f"through {bare}" in error
        env = there.env | {"HTTPS_PROXY": bare}
        error = one_line_error(run("record", "--cassette", tape, "--", "true", env=env))
        assert "407 Proxy Authentication Required; put user:password@ before its host" in error
    assert not tape.exists()


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "'SSH-2.0-OpenSSH_9.6'"),
        (b"\r\n\r\n", "''"),
        (b"\x00junk", r"'\x00junk'"),
        (b"x" * 100_000, "'" + "x" * 60 + "'"),
        (b"HTTP/1.1\r\n\r\n", "'HTTP/1.1'"),
    ],
)
def test_proxy_that_answers_junk(tmp_path: Path, tape: Path, answer: bytes, shown: str) -> None:
    """What speaks no HTTP where a proxy should be is shown by how it begins."""

    def say(client: socket.socket) -> None:
        client.recv(1000)
        client.sendall(answer)

    with accepting(say) as port:
        url = f"http://127.0.0.1:{port}"
        env = settings(tmp_path, HTTPS_PROXY=url, https_proxy=url)
        upstream = ("--upstream", "https://llm.example/v1")
        error = one_line_error(run("record", *upstream, "--cassette", tape, "--", "true", env=env))
    assert f"it speaks no HTTP, but begins with {shown}; mend HTTPS_PROXY" in error


def test_proxy_that_is_none(tmp_path: Path, tape: Path) -> None:
    """A variable that names no proxy is named without its value; SOCKS is said to be gone past."""
    env = settings(tmp_path, HTTPS_PROXY="http://a:secret@[", https_proxy="http://a:secret@[")
    error = one_line_error(run("record", "--cassette", tape, "--", "true", env=env))
    assert "HTTPS_PROXY is not the URL of a proxy" in error
    assert "secret" not in error
    env |= dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "ftp://a:secret@127.0.0.1:21")
    error = one_line_error(run("record", "--cassette", tape, "--", "true", env=env))
    assert "it begins with ftp://, not http:// or https://; set it like http://host:3128" in error
    assert "secret" not in error
    with running_server() as server:
        env = settings(
            tmp_path, ALL_PROXY="socks5://127.0.0.1:1080", all_proxy="socks5://127.0.0.1:1080"
        )
        upstream = ("--upstream", server.base_url)
        done = run("record", "--proxy", *upstream, "--cassette", tape, "--", "true", env=env)
        assert "the proxy for http and https speaks SOCKS" in done.stderr
        done = run("record", *upstream, "--cassette", tape, "--", "true", env=env)
        assert "SOCKS" not in done.stderr  # no client would have gone through it to loopback


def test_command_behind_us_keeps_the_company_proxy(tmp_path: Path, tape: Path) -> None:
    """With a base URL set, the command's other traffic goes where it went before."""
    with office(tmp_path) as there:
        done = run("record", "--cassette", tape, "--", *PYTHON, ENVIRONMENT, env=there.env)
    env = json.loads(done.stdout)
    assert env["HTTPS_PROXY"] == there.env["HTTPS_PROXY"]
    assert env["OPENAI_API_KEY"] == KEY
