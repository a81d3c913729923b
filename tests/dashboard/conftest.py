"""The databases of `databases`, and a page that does not wait."""

from pathlib import Path

import pytest
from databases import TRAFFIC, make_db

from dashboard import reader


@pytest.fixture
def traffic(tmp_path: Path) -> Path:
    return make_db(tmp_path, *TRAFFIC)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return make_db(tmp_path)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock is not waited for, and tried again at once."""
    monkeypatch.setattr(reader, "PATIENCE_S", 0.0)
    monkeypatch.setattr(reader, "RETRY_S", 0.0)
