"""Uploads to an upstream that takes nothing, and is reached through a company's proxy."""

import contextlib
import threading
from pathlib import Path
from urllib.parse import urlsplit

from h2_wire import begun, h2_dialled
from harness import recording
from raw_wire import DEADLINE_S, Peer, upstream, whole
from tls_servers import corporate_proxy

SIZE = 100 << 20
BUFFERS = 20 << 20
"""Bytes that systems and the proxy may hold on the way."""


def test_a_slow_upstream_behind_a_proxy_slows_one_upload(tmp_path: Path) -> None:
    """The client gets no more credit for it, and its other requests are answered."""

    def take(peer: Peer) -> None:
        if b"/files" in peer.read(b"\r\n\r\n"):
            over.wait(DEADLINE_S)
        else:
            peer.send(whole(b"{}"))

    over = threading.Event()
    with (
        upstream(take) as url,
        corporate_proxy(**{"llm.example:80": urlsplit(url).port or 0}) as (_, company),
        recording(
            "http://llm.example/v1",
            tmp_path / "out.jsonl",
            env=dict.fromkeys(("HTTP_PROXY", "http_proxy"), company),
        ) as proxy,
        h2_dialled(proxy.base_url) as client,
    ):
        upload, sent = begun(client, "POST", "/v1/files"), 0
        client.peer.sock.settimeout(2)
        with contextlib.suppress(TimeoutError):
            while sent < SIZE:
                client.until(lambda: client.conn.local_flow_control_window(upload) > 0)
                credit = client.conn.local_flow_control_window(upload)
                client.conn.send_data(upload, bytes(min(credit, 16_000)))
                client.flush()
                sent += min(credit, 16_000)
        client.peer.sock.settimeout(DEADLINE_S)
        assert client.finished(begun(client, "GET", "/v1/models", ended=True)).body == b"{}"
        over.set()
    assert sent < BUFFERS
