"""JSON that fits a schema: what the scripted model says where structured output is asked for.

The same schema and text give the same JSON. It knows what structured outputs allow: the basic
types, `enum`, `const`, `anyOf`, `$ref` and the usual bounds; a recursive schema ends at the first
value that may be null or empty.
"""

from respool.demo.scene import Json

_DEEPEST = 6
_FORMATS = {
    "date": "2025-11-06",
    "date-time": "2025-11-06T18:00:00Z",
    "time": "18:00:00",
    "duration": "P4D",
    "email": "guest@ryokan.example",
    "hostname": "ryokan.example",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://ryokan.example/",
    "uuid": "00000000-0000-4000-8000-000000000001",
}


def fitting(schema: Json, text: str) -> object:
    """A value of this JSON schema; its strings are `text`, as far as they may be."""
    return _value(schema, schema, text, 0)


def _value(schema: Json, root: Json, text: str, depth: int) -> object:
    if "$ref" in schema:
        return _value(_referred(schema["$ref"], root), root, text, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        null = next((choice for choice in choices if choice.get("type") == "null"), None)
        return _value(null if null and depth > _DEEPEST else choices[0], root, text, depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = "null" if "null" in kind and depth > _DEEPEST else kind[0]
    match kind:
        case "object":
            properties = schema.get("properties") or {}
            return {
                name: _value(inner, root, text, depth + 1) for name, inner in properties.items()
            }
        case "array":
            least = schema.get("minItems", 0 if depth > _DEEPEST else 1)
            inner = schema.get("items") or {}
            return [_value(inner, root, text, depth + 1) for _ in range(least)]
        case "integer" | "number":
            return _number(schema, whole=kind == "integer")
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _text(schema, text)


def _referred(reference: str, root: Json) -> Json:
    found = root
    for name in reference.removeprefix("#").strip("/").split("/"):
        found = found[name] if name else found
    return found


def _number(schema: Json, *, whole: bool) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    number = min(max(4, low), schema.get("maximum", max(4, low)))
    step = schema.get("multipleOf")
    if step:
        number = -(-number // step) * step
    return int(number) if whole else float(number)


def _text(schema: Json, text: str) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]
