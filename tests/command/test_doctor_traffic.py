"""`respool doctor` on what leads traffic: ports, the upstream, variables, running recorders."""

import os
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from doctoring import authority, doctor, environment, listening
from harness import recording, replaying, serving, writer_of
from ports import free_port
from tapes import Told, response, write_tape

from respool.demo.server import running_server
from respool.doctor import proc, processes
from respool.doctor.origin import Origin


@contextmanager
def tls_server(pem: Path) -> Iterator[int]:
    """The port of a server that shakes hands by TLS with one client, and reads what it sends."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as secured:
                    assert secured.recv(1) == b""
            except OSError:
                pass  # the client did not trust us

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_free_port(tmp_path: Path) -> None:
    """A free port is free."""
    port = free_port()
    assert f"{port} is free" in doctor(tmp_path, "--port", str(port)).one("port", "ok")


def test_port_taken_on_the_other_loopback(tmp_path: Path) -> None:
    """Who has the port on ::1 is named: `localhost` may lead there."""
    try:
        with listening("::1") as port:
            found = doctor(tmp_path, "--port", str(port)).one("port", "warning")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    assert f"process {os.getpid()}" in found
    assert "127.0.0.1" in found


@pytest.mark.parametrize("trusted", [True, False])
def test_upstream_by_tls(tmp_path: Path, trusted: bool) -> None:
    """The upstream's certificate is verified as the proxy does it: by SSL_CERT_FILE, if set."""
    pem = authority(tmp_path / "upstream.pem", days=1)
    more = {"SSL_CERT_FILE": pem} if trusted else {}
    with tls_server(pem) as port:
        report = doctor(tmp_path, "--upstream", f"https://127.0.0.1:{port}/v1", **more)
    if trusted:
        assert "TLSv1.3" in report.one("upstream", "ok")
    else:
        found = report.one("upstream", "problem")
        assert "self-signed" in found
        assert "SSL_CERT_FILE" in found


def test_upstream_not_there(tmp_path: Path) -> None:
    """An upstream that nothing listens for, and one that speaks no TLS, are problems."""
    gone = doctor(tmp_path, "--upstream", f"http://127.0.0.1:{free_port()}/v1")
    assert "Connection refused" in gone.one("upstream", "problem")
    with running_server() as server:
        url = server.base_url.replace("http:", "https:")
        plain = doctor(tmp_path, "--upstream", url)
    assert "http://?" in plain.one("upstream", "problem")


def test_upstream_is_the_port_to_listen_on(tmp_path: Path) -> None:
    """A proxy that would forward to itself is a problem, also offline."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/v1"
    report = doctor(tmp_path, "--port", str(port), OPENAI_BASE_URL=url)
    assert "record itself" in report.one("upstream", "problem")


def test_left_over_base_url(tmp_path: Path) -> None:
    """A base URL of a recording that is over is a problem, and the variable is named once."""
    dead = f"http://127.0.0.1:{free_port()}"
    report = doctor(tmp_path, OPENAI_BASE_URL=f"{dead}/v1")
    found = report.one("base URL", "problem")
    assert f"nothing listens at {dead}, where OPENAI_BASE_URL points" in found
    assert "unset OPENAI_BASE_URL" in found
    assert not report.about("upstream")


def test_base_urls_that_disagree(tmp_path: Path) -> None:
    """Which client goes elsewhere is said where two variables name two servers."""
    report = doctor(
        tmp_path, OPENAI_BASE_URL="https://one.example/v1", OPENAI_API_BASE="https://two.example/v1"
    )
    found = report.about("base URL")
    assert "langchain-openai" in str([f for f in found if f["state"] == "warning"])


def test_client_goes_past_a_recorder(tmp_path: Path) -> None:
    """A recorder to which no variable leads is named with the line that mends it."""
    tape = tmp_path / "s.jsonl"
    with running_server() as server, recording(server.base_url, tape) as proxy:
        past = doctor(tmp_path, "--cassette", tape)
        led = doctor(tmp_path, OPENAI_BASE_URL=proxy.base_url)
        astray = doctor(tmp_path, OPENAI_BASE_URL=proxy.base_url.removesuffix("/v1"))
        doubled = doctor(tmp_path, "--cassette", "t.jsonl", OPENAI_BASE_URL=proxy.base_url)
        port = str(Origin.of(proxy.base_url).port)
        same = doctor(tmp_path, "--port", port, OPENAI_BASE_URL=proxy.base_url)
        said = f"process {proxy.process.pid} (respool record)"
        proxy.stop()
    running = [finding["found"] for finding in past.about("running")]
    assert any(line.startswith(said) and str(tape) in line for line in running)
    assert f"export OPENAI_BASE_URL={proxy.base_url} " in past.all("base URL", "warning") + " "
    assert said in past.one("cassette", "warning")
    assert "nothing came yet" in past.one("cassette", "warning")
    assert said in led.one("base URL", "ok")
    assert f"export OPENAI_BASE_URL={proxy.base_url} " in astray.one("base URL", "warning") + " "
    assert f"{port} is taken by {said}, which serves already" in same.one("port", "warning")
    assert "its own answers" in same.one("upstream", "warning")
    assert "its own answers" in doubled.one("upstream", "warning")


def test_recorder_whose_cassette_is_gone(tmp_path: Path) -> None:
    """A recorder whose file was deleted, or whose writer was killed, records nothing: said so."""
    tape = tmp_path / "s.jsonl"
    with running_server() as server, recording(server.base_url, tape) as proxy:
        tape.unlink()
        deleted = doctor(tmp_path).about("running")
        writer = writer_of(proxy)
        os.kill(writer, signal.SIGKILL)
        while proc.arguments(writer):
            assert proxy.process.poll() is None
        killed = doctor(tmp_path).about("running")
        proxy.stop()
    own = f"process {proxy.process.pid} "
    (found,) = [finding for finding in deleted if finding["found"].startswith(own)]
    assert found["state"] == "problem"
    assert f"{tape}, which was deleted" in found["found"]
    (found,) = [finding for finding in killed if finding["found"].startswith(own)]
    assert found["state"] == "warning"
    assert "no cassette open" in found["found"]


def test_forward_recorder(tmp_path: Path) -> None:
    """A proxy for HTTPS_PROXY is no base URL; who does not go through it is told what to set."""
    with serving(
        "record", "--proxy", "--cassette", tmp_path / "s.jsonl", env=environment(tmp_path)
    ) as proxy:
        url = proxy.base_url
        past = doctor(tmp_path)
        through = doctor(tmp_path, HTTPS_PROXY=url)
        astray = doctor(tmp_path, OPENAI_BASE_URL=f"{url}/v1")
        proxy.stop()
    said = f"process {proxy.process.pid} (respool record)"
    assert f"{said} is a proxy for HTTPS_PROXY" in past.all("base URL", "warning")
    assert f"HTTPS_PROXY={url} " in past.all("base URL", "warning")
    assert through.states("base URL") == ["ok"]
    assert "not trusted by SSL_CERT_FILE" in through.one("authority", "warning")
    assert "has no base URL" in astray.one("base URL", "warning")


def test_upstream_behind_a_company_proxy(tmp_path: Path) -> None:
    """An upstream that is reached through a proxy is as reachable as that proxy."""
    url = "https://gateway.example/v1"
    with listening() as port:
        there = doctor(tmp_path, "--upstream", url, HTTPS_PROXY=f"http://u:SECRET@127.0.0.1:{port}")
    assert "is reached through http://127.0.0.1:" in there.one("upstream", "ok")
    gone = doctor(tmp_path, "--upstream", url, HTTPS_PROXY="http://u:SECRET@127.0.0.1:1")
    assert "Connection refused" in gone.one("upstream", "problem")
    unusable = doctor(tmp_path, "--upstream", url, HTTPS_PROXY="http://:SECRET")
    assert "HTTPS_PROXY is not the URL of a proxy" in unusable.one("upstream", "problem")
    assert "SECRET" not in f"{there}{gone}{unusable}"


def test_player(tmp_path: Path) -> None:
    """A client that is led to a player is told that it is one."""
    tape = write_tape(tmp_path / "s.jsonl", [Told(answer=response(1))])
    with replaying(tape) as player:
        report = doctor(tmp_path, OPENAI_BASE_URL=player.base_url)
        player.stop()
    assert "(respool replay)" in report.one("base URL", "ok")


@pytest.mark.parametrize(
    ("variables", "state", "says"),
    [
        ({}, "ok", "no HTTP_PROXY"),
        ({"HTTP_PROXY": "http://corp.example:3128"}, "warning", "export NO_PROXY="),
        ({"all_proxy": "http://corp.example:3128"}, "warning", "all_proxy take"),
        (
            {"HTTP_PROXY": "http://corp.example:3128", "NO_PROXY": "127.0.0.1"},
            "ok",
            "HTTP_PROXY is http://corp.example:3128",
        ),
        ({"HTTPS_PROXY": "http://corp.example:3128"}, "ok", "HTTPS_PROXY is http://corp"),
        ({"HTTPS_PROXY": "corp.example:3128"}, "warning", "refuse to start"),
        ({"ALL_PROXY": "socks5://corp.example", "NO_PROXY": "*"}, "warning", "socksio"),
        ({"HTTPS_PROXY": "http://127.0.0.1:1"}, "problem", "nothing listens"),
    ],
)
def test_proxies(tmp_path: Path, variables: dict[str, str], state: str, says: str) -> None:
    """Proxies that would take traffic to loopback, are gone, or stop Python's clients are told."""
    assert says in doctor(tmp_path, **variables).one("proxies", state)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only /proc tells who listens")
def test_offline_connects_to_no_proxy(tmp_path: Path) -> None:
    """That a local proxy is there is seen without a connection to it."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        url = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        report = doctor(tmp_path, HTTPS_PROXY=url, OPENAI_BASE_URL=url)
        assert f"HTTPS_PROXY is {url}" in report.one("proxies", "ok")
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_command_finds_its_own_variables(tmp_path: Path) -> None:
    """What `record` sets for CMD is no worry where a CMD is given."""
    report = doctor(tmp_path, "--", "python", HTTP_PROXY="http://corp.example:3128")
    assert report.states("base URL") == report.states("proxies") == ["ok"]


@pytest.mark.parametrize(
    ("key", "state"),
    [("", "warning"), ("sk-1\n", "problem"), ("sk-é", "problem"), ('"sk-1"', "warning")],
)
def test_key(tmp_path: Path, key: str, state: str) -> None:
    """A key that is missing, or that no header can carry, is told."""
    assert "OPENAI_API_KEY" in doctor(tmp_path, OPENAI_API_KEY=key).one("API key", state)


def test_listeners_without_proc() -> None:
    """Where there is no /proc, listeners are taken from what lsof prints."""
    found = processes.by_lsof("p71\ncnode\nf20\nn127.0.0.1:8080\nf21\nn[::1]:8080\np72\ncx\nn*:9\n")
    assert {port: list(map(str, found[port])) for port in found} == {
        8080: ["process 71 (node)"],
        9: ["process 72 (x)"],
    }
