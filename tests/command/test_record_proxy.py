"""`respool record --proxy`: what it prints, what goes wrong, and how it says so."""

import shlex
import shutil
import socket
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from harness import DEADLINE_S, RESPOOL, one_line_error, run, serving
from office import office, settings
from tls_servers import Answering, certificate, corporate_proxy, serving_asgi

from respool.trust import TRUST

MORE = [f"http://{name}.example/" for name in "abcd"]


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def test_without_a_command_it_prints_what_to_set(tmp_path: Path, tape: Path) -> None:
    """One line for a shell has it all; a client in that shell is recorded."""
    process = subprocess.Popen(
        [RESPOOL, "record", "--proxy", "--cassette", str(tape)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=settings(tmp_path, PATH="/usr/bin:/bin"),
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    process.terminate()
    rest, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, said
    assert rest == ""
    words = shlex.split(line)
    assert words[0] == "export"
    names = [word.partition("=")[0] for word in words[1:]]
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "NODE_USE_ENV_PROXY"):
        assert name in names
    assert {variable.name for variable in TRUST} <= set(names)
    assert "OPENAI_BASE_URL" not in names
    assert "PATH" not in names
    assert "ctrl-C ends" in said


def test_client_that_does_not_trust_us(tmp_path: Path, tape: Path) -> None:
    """The operator hears of it at once, once for each host, with what would help."""
    with serving("record", "--proxy", "--cassette", tape, env=settings(tmp_path)) as proxy:
        port = int(proxy.base_url.rpartition(":")[2])
        for host in ("chatgpt.com", "api.openai.com", "api.openai.com"):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
                client.sendall(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
                assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
                with pytest.raises(ssl.SSLCertVerificationError):
                    ssl.create_default_context().wrap_socket(client, server_hostname=host)
        assert proxy.stop() == 0
    said = [line for line in proxy.said if "refused our certificate" in line]
    assert ["chatgpt.com" in said[0], "api.openai.com" in said[1], len(said)] == [True, True, 2]
    assert "NODE_EXTRA_CA_CERTS (Node.js and Bun)" in said[0]
    assert str(tmp_path / "data" / "respool" / "mitmproxy" / "mitmproxy-ca-cert.pem") in said[0]


def test_client_that_looks_at_certificates_afterwards(tmp_path: Path, tape: Path) -> None:
    """One that hangs up in the handshake or after it is told of too; one that asks is not."""
    ours = tmp_path / "data" / "respool" / "mitmproxy" / "mitmproxy-ca-cert.pem"
    with serving("record", "--proxy", "--cassette", tape, env=settings(tmp_path)) as proxy:
        port = int(proxy.base_url.rpartition(":")[2])
        context = ssl.create_default_context(cafile=str(ours))
        for host, said in (
            ("chatgpt.com", b""),
            ("api.openai.com", b"GET /no/such HTTP/9\r\n\r\n"),
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
                client.sendall(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
                assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
                with context.wrap_socket(client, server_hostname=host) as secure:
                    secure.sendall(said)
                    assert not said or secure.recv(1000)
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"CONNECT eu.api.openai.com:443 HTTP/1.1\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
            hello = ssl.MemoryBIO()
            half = context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="eu.api.openai.com")
            with pytest.raises(ssl.SSLWantReadError):
                half.do_handshake()
            client.sendall(hello.read())
            assert client.recv(1000)
        assert proxy.stop() == 0
    said_of_it = [line for line in proxy.said if "refused our certificate" in line]
    for line, host in zip(said_of_it, ("chatgpt.com", "eu.api.openai.com"), strict=True):
        assert f"for {host} (it hung up without a word, as Node.js does)" in line


def test_damaged_authority(tmp_path: Path, tape: Path) -> None:
    """It is an error before anything is recorded, which names the folder to delete."""
    env = settings(tmp_path)
    folder = tmp_path / "data" / "respool" / "mitmproxy"
    command = ("record", "--proxy", "--cassette", tape, "--", "true")
    assert run(*command, env=env).returncode == 0
    tape.unlink()
    (folder / "mitmproxy-ca.pem").write_bytes(b"")
    assert f"delete {folder}: " in one_line_error(run(*command, env=env))
    assert not tape.exists()
    shutil.rmtree(folder)
    assert run(*command, env=env).returncode == 0


def test_garbage_in_place_of_tls(tmp_path: Path, tape: Path) -> None:
    """Who hangs up before any certificate was shown has refused none."""
    with serving("record", "--proxy", "--cassette", tape, env=settings(tmp_path)) as proxy:
        port = int(proxy.base_url.rpartition(":")[2])
        for first in (b"", b"CONNECT api.openai.com:443 HTTP/1.1\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
                if first:
                    client.sendall(first)
                    assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
                client.sendall(b"\x16\x03\x01\x00\x05hello")
                client.shutdown(socket.SHUT_WR)
                while client.recv(1000):
                    pass
        assert proxy.stop() == 0
    assert not [line for line in proxy.said if "refused our certificate" in line]


def test_authority_is_the_users_alone(tmp_path: Path, tape: Path) -> None:
    """It is made once, in a folder of respool's own that nobody else can enter."""
    folder = tmp_path / "data" / "respool" / "mitmproxy"
    env = settings(tmp_path, HOME=str(tmp_path))
    keys = []
    for _ in range(2):
        done = run("record", "--proxy", "--cassette", tape, "--", "true", env=env)
        assert done.returncode == 0, done.stderr
        keys.append((folder / "mitmproxy-ca.pem").read_bytes())
    assert keys[0] == keys[1]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "mitmproxy-ca.pem").stat().st_mode) == 0o600
    assert [path.name for path in folder.parent.iterdir()] == ["mitmproxy"]
    assert not (tmp_path / ".mitmproxy").exists()
    assert b"PRIVATE" not in b"".join(path.read_bytes() for path in folder.glob("trust-*.pem"))


def test_folder_that_cannot_be_used(tmp_path: Path, tape: Path) -> None:
    """Where no authority can be made, the error names the folder."""
    (tmp_path / "data").write_text("a file in its way")
    done = run("record", "--proxy", "--cassette", tape, "--", "true", env=settings(tmp_path))
    assert f"certificate authority, {tmp_path}/data/respool/mitmproxy" in one_line_error(done)
    assert not tape.exists()


def test_port_in_use(tmp_path: Path, tape: Path) -> None:
    """A port that is taken is an error before anything is recorded."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        arguments = ("record", "--proxy", "--port", str(port), "--cassette", tape, "--", "true")
        error = one_line_error(run(*arguments, env=settings(tmp_path)))
    assert f"cannot listen on 127.0.0.1:{port}" in error
    assert not tape.exists()


@pytest.mark.parametrize(
    "upstream",
    ["ftp://host/v1", "host/v1", "http://", "https://host:70000", "a b", "host:0", "https://h/?q"],
)
def test_upstream_that_is_none(tmp_path: Path, tape: Path, upstream: str) -> None:
    """What is neither a base URL nor a host is refused with an example of each."""
    arguments = ("record", "--proxy", "--upstream", upstream, "--cassette", tape, "--", "true")
    error = one_line_error(run(*arguments, env=settings(tmp_path)))
    assert "is neither a base URL nor a host" in error
    assert not tape.exists()


def test_bad_base_url_of_the_environment(tmp_path: Path, tape: Path) -> None:
    """A base URL that the environment has is said to come from there."""
    env = settings(tmp_path, OPENAI_BASE_URL="nonsense")
    error = one_line_error(run("record", "--proxy", "--cassette", tape, "--", "true", env=env))
    assert "(from $OPENAI_BASE_URL)" in error


def test_several_upstreams_need_the_proxy(tmp_path: Path, tape: Path) -> None:
    """In front of a server there is one server."""
    urls = ("--upstream", "http://127.0.0.1:1/v1", "--upstream", "http://127.0.0.1:2/v1")
    error = one_line_error(run("record", *urls, "--cassette", tape, env=settings(tmp_path)))
    assert "only with --proxy" in error


def test_command_that_goes_past(tmp_path: Path, tape: Path) -> None:
    """When nothing came, the variable that the command should have read is named."""
    done = run("record", "--proxy", "--cassette", tape, "--", "true", env=settings(tmp_path))
    assert "does its client read HTTPS_PROXY?" in done.stderr


def test_command_that_goes_to_other_hosts(tmp_path: Path, tape: Path) -> None:
    """When all that came was for hosts that are not recorded, they are named, and what to do."""
    pem = certificate(tmp_path, "llm.example")
    program = (
        "import sys, urllib.request\nfor url in sys.argv[1:]: urllib.request.urlopen(url).read()"
    )
    urls = ["https://llm.example:8443/", "https://llm.example/", "http://llm.example/", *MORE]
    with (
        serving_asgi(Answering("tls"), pem) as secure,
        serving_asgi(Answering("plain")) as plain,
        corporate_proxy(
            **{"llm.example:8443": secure, "llm.example:443": secure, "llm.example:80": plain}
            | {f"{url.split('/')[2]}:80": plain for url in MORE}
        ) as (_, url),
    ):
        env = settings(tmp_path, SSL_CERT_FILE=str(pem))
        env |= dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), url)
        record = ("record", "--proxy", "--cassette", tape, "--", sys.executable, "-P", "-c")
        done = run(*record, program, *urls, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == (
        "respool: nothing came for a host that is recorded; what went to llm.example, "
        "llm.example:8443, a.example, b.example, c.example and 1 more passed unrecorded; "
        "--upstream HOST records such a host too"
    )


def test_command_that_asks_something_else(tmp_path: Path) -> None:
    """Of a host that is recorded, the requests are told of that only --record-all records."""
    program = "import openai; openai.OpenAI(api_key='sk-x').models.list()"
    with office(tmp_path) as there:
        record = ("record", "--proxy", "--cassette", tmp_path / "out.jsonl", "--")
        done = run(*record, sys.executable, "-P", "-c", program, env=there.env)
    assert done.returncode == 0, done.stderr
    assert "but 1 elsewhere, which passed unrecorded (the last: GET /v1/models)" in done.stderr
    assert "--upstream" not in done.stderr


def test_works_inside_itself(tmp_path: Path, tape: Path) -> None:
    """A recorder in a recorder goes out through the outer one, which it then trusts."""
    inner = (RESPOOL, "record", "--proxy", "--cassette", str(tmp_path / "inner.jsonl"), "--")
    show = (sys.executable, "-c", "import os; print(os.environ['HTTPS_PROXY'])")
    done = run("record", "--proxy", "--cassette", tape, "--", *inner, *show, env=settings(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("recording through http://127.0.0.1:") == 2
