"""Captures are cut where they are long enough, however many notes come at a time."""

from pathlib import Path

from traffic import asking, exchange, load

from cassettes.capture import Capture
from cassettes.folder import cassettes_in


def test_what_comes_at_once_is_cut_as_what_comes_one_by_one(tmp_path: Path) -> None:
    """A writer that is behind takes many notes together; the files are the same."""
    notes = [note for x in range(1, 9) for note in exchange(x, asking(f"{x}" * 8_000))]
    cut = []
    for size in (1, 5, len(notes)):
        folder = tmp_path / str(size)
        folder.mkdir()
        recording = Capture(folder / "c.jsonl", base="/v1", upstream="", rotate=20_000)
        for at in range(0, len(notes), size):
            recording.put(*notes[at : at + size])
        recording.close()
        assert recording.failure is None
        cut.append([[one.number for one in load(path)] for path in cassettes_in(folder)])
    assert cut == [[[1, 2, 3], [4, 5, 6], [7, 8]]] * 3
