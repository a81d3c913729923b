"""What came of the demo's turns: a readable line for each on stdout, and all of it in a transcript.

The transcript is the same for two runs that got the same answers, so that they compare.
"""

import json
from textwrap import shorten
from typing import TextIO

import click

MODEL = "gpt-5.1"
"""The model that the demo asks, but for some questions."""


class Journal:
    """What came, turn by turn: a readable line on stdout, and everything in `transcript`."""

    def __init__(self, transcript: TextIO) -> None:
        self._transcript = transcript
        self._turns = 0

    def add(self, model: str, way: str, asked: str, came: str, kind: str, **whole: object) -> None:
        """One turn: who was asked what and how, a summary of the answer, and the whole of it."""
        self._turns += 1
        said, got = shorten(asked, 40, placeholder="…"), shorten(came, 76, placeholder="…")
        click.echo(f"{self._turns:>2}  {model:<10}  {way:<7}  {said:<40}  {got}")
        line = {"turn": self._turns, "model": model, "kind": kind} | whole
        self._transcript.write(json.dumps(line, ensure_ascii=False) + "\n")
