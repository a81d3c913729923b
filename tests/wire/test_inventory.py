"""The inventory of the API that respool is built after, against the schema and the registries.

It lies outside the repository; where it is missing, the tests beside this one ask the SDK the same.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from sdk_values import literals, places

from wire import events, vocabulary
from wire.schema import surface
from wire.schema_annotations import declared

INVENTORY = Path(__file__).parents[3] / "shared/reference/inventory.json"


@pytest.fixture(scope="module")
def inventory() -> dict[str, Any]:
    if not INVENTORY.is_file():
        pytest.skip(f"the inventory of the API is not there: {INVENTORY}; the SDK is asked instead")
    found: dict[str, Any] = json.loads(INVENTORY.read_text())
    return found


def known_tags() -> set[str]:
    """Every `type` of any model, at any depth, of the API and its beta."""
    return {
        str(value)
        for beta in (False, True)
        for annotation in surface(beta).kinds.values()
        for place in places(annotation)
        for value in literals(declared(place.model).get("type", (None, False))[0])
    }


def test_every_type_of_the_inventory_is_known(inventory: dict[str, Any]) -> None:
    """Each literal that the inventory of the API lists is a type of the schema."""
    listed = {each for union in inventory["unions"].values() for each in union["types"]}
    listed |= {*inventory["all_type_literals"], *inventory["nested_type_literals"]}
    for union in inventory["beta"].values():
        listed |= set(union.get("types", ()))
    listed = {each for each in listed if not each.startswith("(")}  # words in place of an object
    assert sorted(listed - known_tags()) == []


NO_TYPES = {
    "assistant": "a role",
    "response": "the `object` of a Response",
    "container_i_d": "another vendor's tag for a container that is named",
    "find": "another vendor's `find_in_page`",
    "hosted": "another vendor's tag for a choice of a hosted tool",
    "mode": "another vendor's tag for a choice of tools that is a word",
}
"""What the reference documents list as types and the SDK does not know, and what it is."""


def test_every_type_of_the_reference_is_known_or_explained(inventory: dict[str, Any]) -> None:
    """What the reference documents call a type is one of the schema's, or stands here."""
    listed = {each for types in inventory["seeds"]["types_by_seed"].values() for each in types}
    unknown = listed - known_tags()
    assert sorted(unknown - NO_TYPES.keys()) == []
    assert sorted(NO_TYPES.keys() - unknown) == []


def test_every_name_of_the_inventory_is_considered(inventory: dict[str, Any]) -> None:
    """Its statuses, reasons, codes, options and events are those of the registry."""
    assert set(inventory["response_status"]) == vocabulary.RESPONSE_STATUSES
    assert set(inventory["incomplete_reasons"]) == vocabulary.INCOMPLETE_REASONS
    assert set(inventory["error_codes"]) == vocabulary.ERROR_CODES
    assert set(inventory["includable"]) == vocabulary.INCLUDABLES
    assert set(inventory["service_tiers"]) == vocabulary.SERVICE_TIERS
    assert set(inventory["websocket"]["client_events"]) == events.CLIENT_EVENTS - events.BETA
