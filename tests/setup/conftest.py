"""Clones to set up."""

from pathlib import Path

import pytest
from clone import Clone


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A clone on a machine with uv and no Python."""
    clone = Clone(tmp_path)
    clone.uv()
    return clone


@pytest.fixture
def ready(clone: Clone) -> Clone:
    """A clone that is set up."""
    clone.python("python3.13", "3.13.2")
    assert clone.run().returncode == 0
    return clone
