"""A scripted server and a client of it, for the tests that leave nothing behind."""

from collections.abc import Iterator

import pytest
from openai import OpenAI

from respool.demo.server import RunningServer, running_server


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A seeded server for all tests that leave nothing behind in it."""
    with running_server(seed="tests") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[OpenAI]:
    """The SDK on that server, without retries."""
    with OpenAI(base_url=server.base_url, api_key="sk-test", max_retries=0) as sdk_client:
        yield sdk_client
