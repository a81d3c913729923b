"""Answers that a test dictates, as raw HTTP sees them."""

import http.client
import logging
from urllib.parse import urlsplit

import pytest
from scripted import MODEL, send

from respool.demo.server import (
    BREAK,
    Canned,
    Cannery,
    Gate,
    Received,
    Step,
    running_server,
)


def test_canned_answers_are_sent_exactly() -> None:
    """A header or the first user text picks an answer, with its status, headers and bytes."""

    def echo(request: Received) -> Canned:
        return Canned([(request.header("authorization") or "").encode()])

    canned: Cannery = {
        "teapot": Canned([b"\xff", 1, b"\x00"], 418, [("set-cookie", "a=1"), ("set-cookie", "b")]),
        "Who am I?": echo,
        "nothing": Canned(status=204),
    }
    with running_server(canned=canned) as server:
        status, headers, chunks = send(server, headers={"x-scripted": "teapot"}, method="GET")
        assert (status, headers["set-cookie"], chunks) == (418, "b", [b"\xff", b"\x00"])
        assert send(server, {"input": "Who am I?"})[2] == [b"Bearer sk-test"]
        for content in ("Who am I?", [{"type": "input_text", "text": "Who am I?"}]):
            body = {"input": [{"role": "user", "content": content}]}
            assert send(server, body)[2] == [b"Bearer sk-test"]
        assert send(server, {"model": MODEL})[0] == 200
        assert send(server, headers={"x-scripted": "nothing"})[0] == 204
        status, _, chunks = send(server, headers={"x-scripted": "misspelt"})
        assert status == 400
        assert b"misspelt" in chunks[0]
        assert send(server, {"model": MODEL, "input": "Hi"})[0] == 200


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ([BREAK], http.client.RemoteDisconnected),
        ([b"", BREAK], http.client.IncompleteRead),
        ([b"data: 1\n\n", 1, BREAK], http.client.IncompleteRead),
    ],
)
def test_a_canned_answer_can_break_off(
    steps: list[Step], error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """The connection ends before the head, behind it or in the body, and nothing is logged."""
    with running_server(canned={"x": Canned(steps)}) as server, pytest.raises(error):
        send(server, headers={"x-scripted": "x"})
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_canned_answer_can_halt() -> None:
    """At a gate the client has all that was sent before, and the rest comes when it is opened."""
    gate = Gate()
    steps: list[Step] = [b"one", gate, b"two"]
    with running_server(canned={"x": Canned(steps)}) as server:
        connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
        connection.request("GET", "/", headers={"x-scripted": "x"})
        gate.wait_reached()
        response = connection.getresponse()
        assert response.read1() == b"one"
        gate.open()
        assert response.read() == b"two"
        connection.close()
        assert send(server, headers={"x-scripted": "x"})[2] == [b"one", b"two"]


def test_closing_does_not_wait_for_hanging_answers(caplog: pytest.LogCaptureFixture) -> None:
    """A client at a closed gate is hung up on when the server closes."""
    gate = Gate()
    with running_server(canned={"x": Canned([b"one", gate])}) as server:
        connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
        connection.request("GET", "/", headers={"x-scripted": "x"})
        gate.wait_reached()
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()
    connection.close()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_closing_does_not_wait_for_clients_that_do_not_read() -> None:
    """A client that never reads its answer cannot keep the server open."""
    full = Gate()
    steps: list[Step] = [b"x", full, *[b"x" * 1_000_000] * 20]
    with running_server(canned={"x": Canned(steps)}) as server:
        connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
        connection.request("GET", "/", headers={"x-scripted": "x"})
        full.wait_reached()
        full.open()
    connection.close()
