"""The JSON Schema of the mapping file, with which editors complete and check it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pango_load.catalogue.problems import PROBLEM_KINDS
from pango_load.catalogue.slots import SLOT_FAMILIES
from pango_load.catalogue.types import object_type, object_type_names
from pango_load.mapping.dates import OPEN_FORMAT
from pango_load.mapping.words import (
    CLEAN_WORDS,
    DUPLICATE_WORDS,
    GROUP_KEYS,
    GROUPING_SIGNS,
    OPTIONS,
    RESERVED_REQUEST_KEYS,
    SEVERITY_WORDS,
    TOP_LEVEL,
    TYPE_WORDS,
    USER_EVENT_KEYS,
)
from pango_load.records import FieldType, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pango_load.records import FieldRule, ObjectType

_SLOT = r"^customField(Long|Timestamp|List|Double|Boolean)?(0[1-9]|[1-9][0-9])$"
_WORD: Mapping[str, object] = {"type": ["string", "number", "boolean"]}
_WORDS: Mapping[str, object] = {"anyOf": [_WORD, {"type": "array", "items": _WORD}]}


def schema_text(folder: Path | None = None) -> str:
    """The schema as the file `mapping.schema.json`, with the types of `folder` (--catalogue) where it is given."""
    return json.dumps(mapping_schema(folder), indent=2, ensure_ascii=False) + "\n"


def mapping_schema(folder: Path | None = None) -> dict[str, object]:
    """The schema (draft 7): the keys of a mapping, and for each object type its fields."""
    kinds = [object_type(name, folder) for name in object_type_names(folder)]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A mapping of pango-load",
        "description": "Which column of a file becomes which field of Pango.",
        "type": "object",
        "required": ["columns"],
        "properties": {**_top_level(kinds), **_nested(kinds)},
        "additionalProperties": False,
        "allOf": [_of_type(kind) for kind in kinds],
        "definitions": {
            "options": _options(),
            "column": _column({"type": "string", "description": OPTIONS["field"]}),
            **{kind.word: _field_or_slot(kind.fields, is_complete=kind.coverage.is_complete) for kind in kinds},
        },
    }


def _top_level(kinds: Sequence[ObjectType]) -> dict[str, object]:
    pairs: Mapping[str, object] = {"type": "object", "additionalProperties": _WORD}
    checks = [*dict.fromkeys(shape.value for shape in Shape), *PROBLEM_KINDS]
    renamable = [family.prefix.removeprefix("customField") for family in SLOT_FAMILIES if family.is_renamable]
    shapes: dict[str, Mapping[str, object]] = {
        "object": {"enum": [kind.word for kind in kinds]},
        "source": _WORD,
        "timezone": {"type": "string", "examples": ["Asia/Ho_Chi_Minh", "Asia/Bangkok", "UTC"]},
        "timezoneGmt": {"type": "integer", "minimum": -12, "maximum": 14},
        "timestamps": {"enum": ["instant"]},
        "columns": {"type": "object", "additionalProperties": {"$ref": "#/definitions/column"}},
        "constants": {"type": "object", "additionalProperties": _WORDS},
        "computed": {
            "type": "object",
            "additionalProperties": {"anyOf": [{"type": "string", "pattern": r"\{"}, _template()]},
        },
        "nulls": {"anyOf": [_WORD, {"type": "array", "items": {"type": ["string", "number", "boolean", "null"]}}]},
        "recordKey": _WORDS,
        "onDuplicate": {"enum": list(DUPLICATE_WORDS)},
        "checks": {
            "type": "object",
            "properties": {name: {"$ref": "#/properties/checks/additionalProperties"} for name in checks},
            "additionalProperties": {"enum": list(SEVERITY_WORDS)},
        },
        "ignoredUpdateCfs": {"type": "array", "items": {"type": "string", "pattern": _SLOT}},
        "userEvent": {
            "type": "object",
            "required": list(USER_EVENT_KEYS),
            "properties": dict.fromkeys(USER_EVENT_KEYS, _WORD),
            "additionalProperties": False,
        },
        "containers": {**pairs, "properties": dict.fromkeys(renamable, _WORD), "additionalProperties": False},
        "headers": {"type": "array", "items": _WORD},
        "request": {"type": "object", "not": {"anyOf": [{"required": [key]} for key in RESERVED_REQUEST_KEYS]}},
    }
    return {name: {"description": text, **shapes[name]} for name, text in TOP_LEVEL.items()}


def _nested(kinds: Sequence[ObjectType]) -> dict[str, object]:
    """The nested lists of all object types (`items`)."""
    return {
        rule.name: {
            "description": f"The nested {rule.name} of {kind.name}, made of adjacent rows.",
            "type": "object",
            "required": list(GROUP_KEYS),
            "properties": {
                "groupBy": {"description": GROUP_KEYS["groupBy"], "type": "string"},
                "columns": {
                    "description": GROUP_KEYS["columns"],
                    "type": "object",
                    "additionalProperties": _column(_field_or_slot(rule.fields, is_complete=False)),
                },
            },
            "additionalProperties": False,
        }
        for kind in kinds
        for rule in kind.fields
        if rule.type is FieldType.OBJECT and not rule.is_map
    }


def _of_type(kind: ObjectType) -> dict[str, object]:
    """What holds for the mappings of one object type: the fields that a column can become."""
    field = {"$ref": f"#/definitions/{kind.word}"}
    return {
        "if": {"properties": {"object": {"const": kind.word}}, "required": ["object"]},
        "then": {"properties": {"columns": {"additionalProperties": _column(field)}}},
    }


def _field_or_slot(fields: Iterable[FieldRule], *, is_complete: bool) -> dict[str, object]:
    known: dict[str, object] = {"enum": [rule.name for rule in fields]}
    slots: dict[str, object] = {"type": "string", "pattern": _SLOT}
    others: list[dict[str, object]] = [] if is_complete else [{"type": "string"}]
    return {"anyOf": [*([known] if known["enum"] else []), slots, *others]}


def _column(field: Mapping[str, object]) -> dict[str, object]:
    """What may stand behind a column: null, a field, a field with options, or several of these."""
    use: dict[str, object] = {"anyOf": [field, {"$ref": "#/definitions/options"}]}
    return {"anyOf": [{"type": "null"}, field, {"$ref": "#/definitions/options"}, {"type": "array", "items": use}]}


def _options(*, of: str = "field") -> dict[str, object]:
    # What `map` leaves open is underlined in the editor.
    pattern: dict[str, object] = {
        "type": "string",
        "pattern": f"^(?!{OPEN_FORMAT.strip()})",
        "examples": ["%d/%m/%Y", "%Y-%m-%d %H:%M:%S", "epoch-s"],
    }
    shapes: dict[str, Mapping[str, object]] = {
        "field": {"type": "string"},
        "format": {"anyOf": [pattern, {"type": "array", "items": pattern}]},
        "values": {"type": "object", "additionalProperties": _WORD},
        "default": _WORD,
        "split": {"type": "string", "minLength": 1},
        "clean": {"anyOf": [{"enum": list(CLEAN_WORDS)}, {"type": "array", "items": {"enum": list(CLEAN_WORDS)}}]},
        "normalise": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "decimal": {"enum": [",", "."]},
        "grouping": {"enum": list(GROUPING_SIGNS)},
        "empty": {"type": "null"},
        "extra": {"type": "boolean"},
        "type": {"enum": list(TYPE_WORDS)},
    }
    properties: dict[str, object] = {name: {"description": text, **shapes[name]} for name, text in OPTIONS.items()}
    if of == "template":
        del properties["field"]
        properties["template"] = {"type": "string", "pattern": r"\{"}
    return {"type": "object", "required": [of], "properties": properties, "additionalProperties": False}


def _template() -> dict[str, object]:
    return _options(of="template")
