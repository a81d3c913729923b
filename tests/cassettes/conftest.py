"""What the tests of cassettes share: how property tests run, and a file for their examples."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path that every example of a property test writes anew."""
    return tmp_path_factory.mktemp("examples") / "scratch.jsonl"
