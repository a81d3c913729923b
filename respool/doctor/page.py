"""The findings as a page for people, and as JSON for machines."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from respool.doctor.finding import Finding, State
from respool.view.plain_text import plural
from respool.view.styled import Line, Style, folded

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS: "Mapping[State, str]" = {"ok": "ok", "warning": "warning", "problem": "PROBLEM"}
_STYLES: "Mapping[State, Style]" = {"ok": "good", "warning": "odd", "problem": "bad"}
_GAP = 2


def as_lines(findings: Sequence[Finding], width: int | None) -> Iterator[Line]:
    """One line for each finding, below it what to do, and at the end how it all is.

    Broken at `width` columns; None breaks nothing.
    """
    name_at = max(map(len, _WORDS.values())) + _GAP
    text_at = name_at + max((len(finding.name) for finding in findings), default=0) + _GAP
    for finding in findings:
        line = Line(_WORDS[finding.state], _STYLES[finding.state]).pad_to(name_at)
        line.add(finding.name, "strong").pad_to(text_at).add(finding.found)
        yield from folded(line, width, text_at)
        if finding.advice:
            advice = Line(" " * text_at).add("-> ", "faint").add(finding.advice)
            yield from folded(advice, width, text_at + 3)
    yield Line()
    yield _verdict(findings)


def _verdict(findings: Sequence[Finding]) -> Line:
    problems = [finding.name for finding in findings if finding.state == "problem"]
    warnings = [finding.name for finding in findings if finding.state == "warning"]
    line = Line()
    if problems:
        line.add(plural(len(problems), "problem"), "bad").add(f" ({_names(problems)})")
    else:
        line.add("no problem found", "good")
    if warnings:
        line.add(", ").add(plural(len(warnings), "warning"), "odd").add(f" ({_names(warnings)})")
    return line


def _names(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def as_json(findings: Sequence[Finding]) -> str:
    """`state` is the worst of all; `advice` is null where there is nothing to do."""
    states = {finding.state for finding in findings}
    worst = next((state for state in ("problem", "warning") if state in states), "ok")
    checks = [
        {
            "name": finding.name,
            "state": finding.state,
            "found": finding.found,
            "advice": finding.advice or None,
        }
        for finding in findings
    ]
    return json.dumps({"state": worst, "findings": checks}, ensure_ascii=False, indent=2)
