"""The registry of items knows whatever the installed SDK knows."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from openai.types import beta, responses
from pydantic import BaseModel

from wire.items import ITEMS, PARTS, TOOLS, item_type, part_type, tool_type, type_of
from wire.schema_annotations import members, tags

UNIONS = [
    responses.ResponseInputItem,
    responses.ResponseInputItemParam,
    responses.ResponseItem,
    responses.ResponseOutputItem,
    beta.BetaResponseInputItem,
    beta.BetaResponseItem,
    beta.BetaResponseOutputItem,
]


def item_models() -> dict[Any, str]:
    """Every model of an item, with its type."""
    return {model: tag for union in UNIONS for model in members(union) for tag in tags(model)}


def inner(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in an annotation, and those in their members."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for member in annotation.model_fields.values():
            yield from inner(member.annotation)
    for each in get_args(annotation):
        yield from inner(each)


def test_every_item_of_the_sdk_is_known() -> None:
    """No item type of the SDK is read by defaults alone."""
    assert set(item_models().values()) - set(ITEMS) == set()


def test_members_are_those_of_the_sdk() -> None:
    """What the registry reads of an item exists in the SDK's type of it, in one of its forms."""
    told: dict[str, set[str]] = {}
    for model, tag in item_models().items():
        names = getattr(model, "model_fields", None) or model.__annotations__
        told.setdefault(tag, set()).update(names)
    for tag, names in told.items():
        known = ITEMS[tag]
        assert not known.call_id or names.intersection(known.call_id), tag
        for reads in (known.arguments, known.text, known.output, known.media):
            missing = set(reads) - names
            # Other vendors' compactions have a summary in plain text.
            assert not missing or tag == "compaction", (tag, missing)
        for name in (known.tools, known.error):
            assert name is None or name in names, (tag, name)


def test_joining_ids() -> None:
    """A call and what answers it are known by members of one meaning."""
    for tag, known in ITEMS.items():
        if known.answers is not None:
            assert known.what in ("output", "approval_response"), tag
            assert ITEMS[known.answers].call_id, tag
            assert known.call_id, tag


def test_every_tool_of_the_sdk_is_known() -> None:
    """No tool type of the SDK is read by defaults alone, and its calls are known items."""
    unions = (responses.Tool, responses.ToolParam, beta.BetaTool)
    found = {tag for union in unions for model in members(union) for tag in tags(model)}
    assert found - set(TOOLS) == set()
    assert {call for tool in TOOLS.values() for call in tool.calls} <= set(ITEMS)


def test_every_content_part_of_the_sdk_is_known() -> None:
    """What the SDK has in the texts and outputs of items is read as what it is."""
    found = {}
    for model, tag in item_models().items():
        fields = getattr(model, "model_fields", {})
        known = ITEMS[tag]
        for name in {*known.text, *known.output} & set(fields):
            for part in inner(fields[name].annotation):
                if "type" in part.model_fields:
                    found.update(dict.fromkeys(tags(part), part))
    not_read = {
        *("file_citation", "url_citation", "container_file_citation", "file_path"),
        *("exit", "timeout", "url"),  # how a command ended; a source of a search
    }
    assert set(found) - set(PARTS) - not_read == set()
    for tag, part in found.items():
        if tag in PARTS:
            known_part = PARTS[tag]
            assert not set(known_part.text) - set(part.model_fields) - {"transcript"}, tag
            assert "text" not in part.model_fields or "text" in known_part.text, tag


@pytest.mark.parametrize(
    ("item", "kind", "what"),
    [
        ({"role": "user", "content": "hi"}, "message", "message"),
        ({"id": "msg_1"}, "item_reference", "reference"),
        ({"id": "msg_1", "type": None}, "item_reference", "reference"),
        ({"type": "sonar_call"}, "sonar_call", "call"),
        ({"type": "sonar_call_output"}, "sonar_call_output", "output"),
        ({"type": "weather_report"}, "weather_report", "other"),
        ({"content": "hi"}, None, "other"),
        ({"type": 7}, None, "other"),
    ],
)
def test_types_that_are_left_out_or_unknown(
    item: dict[str, Any], kind: str | None, what: str
) -> None:
    """An item is told by its members where it has no type, and by its name if that is unknown."""
    assert type_of(item) == kind
    assert item_type(kind).what == what


def test_unknown_tools_and_parts_are_read_by_defaults() -> None:
    """A tool of the future may have a name, a part of the future a text."""
    assert tool_type("sonar").name == "name"
    assert "text" in part_type("sonar_text").text
    assert "text" in part_type(7).text


def test_registry_is_light() -> None:
    """Whoever only reads cassettes may ask the registry: it does not bring the SDK."""
    code = "import sys, wire.items; sys.exit('openai' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code]).returncode == 0
