"""The JSON that the scripted model says where a schema is given."""

from typing import Any

import pytest

from respool.demo.fitting import fitting

NODE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
        "all": {"type": "array", "items": {"$ref": "#/$defs/node"}},
    },
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "Kyoto"),
        ({"type": "string", "minLength": 7}, "Kyoto.."),
        ({"type": "string", "maxLength": 2}, "Ky"),
        ({"type": "string", "format": "date"}, "2025-11-06"),
        ({"type": "integer"}, 4),
        ({"type": "number"}, 4.0),
        ({"type": "integer", "minimum": 9}, 9),
        ({"type": "integer", "exclusiveMinimum": 9}, 10),
        ({"type": "integer", "maximum": 2}, 2),
        ({"type": "integer", "multipleOf": 5}, 5),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["string", "null"]}, "Kyoto"),
        ({"enum": ["a", "b"]}, "a"),
        ({"const": 7}, 7),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, True),
        ({"type": "array", "items": {"type": "string"}}, ["Kyoto"]),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, {"a": 4}),
        ({"type": "object"}, {}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "boolean"}}}, True),
        ({}, "Kyoto"),
    ],
)
def test_a_value_fits_its_schema(schema: dict[str, Any], value: object) -> None:
    """Each kind of schema gives the value that is the simplest to expect."""
    assert fitting(schema, "Kyoto") == value


def test_a_recursive_schema_ends() -> None:
    """A schema that refers to itself gives a value of finite depth."""
    value = fitting({"$ref": "#/$defs/node", "$defs": {"node": NODE}}, "Kyoto")
    depth = 0
    while isinstance(value, dict):
        assert value["name"] == "Kyoto"
        value, depth = value["next"], depth + 1
    assert value is None
    assert 1 < depth < 10
