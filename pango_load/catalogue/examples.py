"""Values that a field would take: what stands in the example row of a template."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pango_load.records import FieldRule, FieldType, ObjectType, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

_BY_SHAPE: Mapping[Shape, str] = {
    Shape.EMAIL: "nguyen.van.a@example.com",
    Shape.PHONE: "0901234567",
    Shape.DATE: "2001-10-31",
    Shape.ZONE: "7",
}

_BY_TYPE: Mapping[FieldType, str] = {
    FieldType.LONG: "1",
    FieldType.DOUBLE: "150000",
    FieldType.BOOLEAN: "true",
    FieldType.TIMESTAMP: "2025-05-30T09:15:00+07:00",
    FieldType.LIST: '["first", "second"]',
}

_BIRTH = "1988-06-15T00:00:00+07:00"

# For texts that the documents give no example of: the end of the name tells what they are.
_BY_ENDING: Mapping[str, str] = {
    "url": "https://example.com/",
    "link": "https://example.com/",
    "sku": "SKU0001",
    "id": "0000001",
    "city": "Ho Chi Minh",
    "district": "Tan Phu",
    "address": "278 Hoa Binh",
    "productname": "Coffee Bee",
    "customername": "Nguyen Van A",
    "fullname": "Nguyen Van A",
    "name": "Name",
    "content": "Very good.",
    "event": "opened",
    "recordstatus": "Active",
}

_MASKED = re.compile(r"x{2,}")


def example_row(described: ObjectType) -> dict[str, str]:
    """A value for each field of `described` that has one: every one that is needed, and those with an example.

    `timezoneGmt` is left out: a column of it would decide how each row's dates are sent, which is the mapping's choice.
    """
    needed = {rule.name for rule in described.fields if rule.required}
    needed |= {name for rule in described.requirements for name in rule.names}
    # Where no table says what is needed, an empty row would show nothing.
    needed = needed or {rule.name for rule in described.fields}
    return {
        rule.name: _example(rule) if rule.name in needed or _has_example(rule) else ""
        for rule in described.fields
        if rule.shape is not Shape.ZONE
    }


def _has_example(rule: FieldRule) -> bool:
    return bool(rule.example or rule.values or rule.shape or rule.fields) or rule.type is FieldType.TIMESTAMP


def _example(rule: FieldRule) -> str:
    if rule.values:
        return rule.example if rule.example in rule.values else rule.values[0]
    if rule.shape is not None:
        return _BY_SHAPE[rule.shape]
    match rule.type:
        case FieldType.OBJECT:
            item = {inner.name: _json_example(inner) for inner in rule.fields if inner.required or _has_example(inner)}
            return json.dumps([item], ensure_ascii=False)
        case FieldType.TIMESTAMP:
            # An instant with its offset reads the same whatever the zone of the load.
            return _BIRTH if rule.name == "dob" else _BY_TYPE[rule.type]
        case FieldType.TEXT:
            return _MASKED.sub(lambda masked: "0" * len(masked[0]), rule.example or "") or _by_ending(rule.name)
        case _:
            return rule.example or _BY_TYPE[rule.type]


def _json_example(rule: FieldRule) -> object:
    text = _example(rule)
    return text if rule.type in {FieldType.TEXT, FieldType.TIMESTAMP} else json.loads(text)


def _by_ending(name: str) -> str:
    return next((value for ending, value in _BY_ENDING.items() if name.lower().endswith(ending)), "text")
