"""As much of JSON Schema (draft 7) as the schema of the mapping uses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
KNOWN = frozenset(
    {
        *("$ref", "$schema", "additionalProperties", "allOf", "anyOf", "const", "definitions", "description", "enum"),
        *("examples", "if", "items", "maximum", "minLength", "minimum", "not", "pattern", "properties", "required"),
        *("then", "title", "type"),
    }
)


def complaints(value: object, schema: Mapping[str, object], root: Mapping[str, object], place: str = "") -> list[str]:
    """Where `value` breaks `schema`; empty where it does not."""
    return list(_complaints(value, schema, root, place))


def _complaints(value: object, schema: Mapping[str, object], root: Mapping[str, object], place: str) -> Iterator[str]:
    assert set(schema) <= KNOWN, f"this check does not know {set(schema) - KNOWN}"
    if "$ref" in schema:
        yield from _complaints(value, _referred(str(schema["$ref"]), root), root, place)
    kinds = schema.get("type", [])
    names = [kinds] if isinstance(kinds, str) else cast("list[str]", kinds)
    if names and not any(_is(value, name) for name in names):
        yield f"{place}: not {names}"
        return
    yield from _words(value, schema, place)
    yield from _combined(value, schema, root, place)
    if isinstance(value, dict):
        yield from _keys(value, schema, root, place)
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from _complaints(item, _sub(schema, "items"), root, f"{place}[{number}]")


def _words(value: object, schema: Mapping[str, object], place: str) -> Iterator[str]:
    if "enum" in schema and value not in cast("list[object]", schema["enum"]):
        yield f"{place}: not among the words"
    if "const" in schema and value != schema["const"]:
        yield f"{place}: not {schema['const']}"
    if isinstance(value, str) and "pattern" in schema and not re.search(str(schema["pattern"]), value):
        yield f"{place}: not like {schema['pattern']}"
    if isinstance(value, int) and "minimum" in schema:
        low, high = cast("int", schema["minimum"]), cast("int", schema["maximum"])
        if not low <= value <= high:
            yield f"{place}: not in {low} to {high}"


def _combined(value: object, schema: Mapping[str, object], root: Mapping[str, object], place: str) -> Iterator[str]:
    choices = cast("list[Mapping[str, object]]", schema.get("anyOf", []))
    if choices and all(complaints(value, choice, root, place) for choice in choices):
        yield f"{place}: fits none of {len(choices)}"
    for part in cast("list[Mapping[str, object]]", schema.get("allOf", [])):
        yield from _complaints(value, part, root, place)
    if "not" in schema and not complaints(value, _sub(schema, "not"), root, place):
        yield f"{place}: is what it must not be"
    if "if" in schema and not complaints(value, _sub(schema, "if"), root, place):
        yield from _complaints(value, _sub(schema, "then"), root, place)


def _keys(
    value: dict[str, object], schema: Mapping[str, object], root: Mapping[str, object], place: str
) -> Iterator[str]:
    for key in cast("list[str]", schema.get("required", [])):
        if key not in value:
            yield f"{place}: {key} is missing"
    properties = cast("Mapping[str, Mapping[str, object]]", schema.get("properties", {}))
    others = schema.get("additionalProperties", True)
    for key, held in value.items():
        if key in properties:
            yield from _complaints(held, properties[key], root, f"{place}/{key}")
        elif others is False:
            yield f"{place}/{key}: not known"
        elif isinstance(others, dict):
            yield from _complaints(held, others, root, f"{place}/{key}")


def _is(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _KINDS[name])


def _sub(schema: Mapping[str, object], key: str) -> Mapping[str, object]:
    return cast("Mapping[str, object]", schema[key])


def _referred(way: str, root: Mapping[str, object]) -> Mapping[str, object]:
    found: object = root
    for step in way.removeprefix("#/").split("/"):
        found = cast("Mapping[str, object]", found)[step]
    return cast("Mapping[str, object]", found)
