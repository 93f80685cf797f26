"""Whether an entry is what the documents' tables ask for, judged on its JSON values.

Written from the tables alone and shared with nothing: the referee of what the program's own validation lets through.
"""

from __future__ import annotations

import re
from datetime import date
from math import isfinite
from typing import TYPE_CHECKING

from pango_load.records import FieldType, Severity, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pango_load.records import FieldRule, ObjectType

    ValueCheck = tuple[tuple[type, ...], Callable[[object], bool] | None]

_LONG = 2**63
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SLOTS = {
    "customFieldTexts": re.compile(r"customField\d{2}"),
    "customFieldLongs": re.compile(r"customFieldLong\d{2}"),
    "customFieldTimestamps": re.compile(r"customFieldTimestamp\d{2}"),
    "customFieldListTexts": re.compile(r"customFieldList\d{2}"),
    "customFieldDoubles": re.compile(r"customFieldDouble\d{2}"),
    "customFieldBooleans": re.compile(r"customFieldBoolean\d{2}"),
}


def _is_long(value: object) -> bool:
    return isinstance(value, int) and -_LONG <= value < _LONG


def _is_finite(value: object) -> bool:
    try:
        return isinstance(value, (int, float)) and isfinite(value)
    except OverflowError:
        return False


def _is_date(value: object) -> bool:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_zone(value: object) -> bool:
    return isinstance(value, int) and -12 <= value <= 14  # noqa: PLR2004 - the zones that exist, in whole hours


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is str for item in value)


_CHECKS: Mapping[FieldType, ValueCheck] = {
    FieldType.TEXT: ((str,), None),
    FieldType.LONG: ((int,), _is_long),
    FieldType.DOUBLE: ((float, int), _is_finite),
    FieldType.BOOLEAN: ((bool,), None),
    FieldType.TIMESTAMP: ((int,), _is_long),
    FieldType.LIST: ((list,), _is_list_of_texts),
    FieldType.OBJECT: ((list, dict), None),
}
"""JSON types told apart exactly: `true` is no number, `"7"` is none either."""

_SLOT_CHECKS: Mapping[str, ValueCheck] = {
    "customFieldTexts": _CHECKS[FieldType.TEXT],
    "customFieldLongs": _CHECKS[FieldType.LONG],
    # seed 000 gives these as "float", the tables' timestamps are whole milliseconds: both are taken.
    "customFieldTimestamps": _CHECKS[FieldType.DOUBLE],
    "customFieldListTexts": _CHECKS[FieldType.LIST],
    "customFieldDoubles": _CHECKS[FieldType.DOUBLE],
    "customFieldBooleans": _CHECKS[FieldType.BOOLEAN],
}


class EntryJudge:
    """The rules of one object type, ready to be asked thousands of times a second.

    Args:
        object_type: the type.
        unknown_keys: tolerate keys outside its table.
        nulls: a null counts as absent.
    """

    def __init__(self, object_type: ObjectType, *, unknown_keys: bool, nulls: bool) -> None:
        self._fields = _FieldJudge(
            object_type.fields,
            unknown_keys=unknown_keys,
            nulls=nulls,
            slots=object_type.custom_fields is not False,
        )
        needs = [need for need in object_type.requirements if need.severity is Severity.ERROR]
        # The two halves of a need: single names, of which any one will do, and groups that must be there whole.
        self._needs = tuple(
            (
                tuple(group[0] for group in need.alternatives if len(group) == 1),
                tuple(group for group in need.alternatives if len(group) > 1),
                need.names,
            )
            for need in needs
        )

    def wrong_names(self, entry: Mapping[str, object]) -> list[str]:
        """The fields of `entry` that are missing or not what their table says; empty where all is well."""
        wrong = self._fields.wrong_names(entry)
        for singles, groups, names in self._needs:
            for name in singles:
                if entry.get(name):
                    break
            else:
                if not any(all(_is_present(entry, name) for name in group) for group in (*zip(singles), *groups)):
                    wrong.extend(name for name in names if name not in wrong)
        return wrong


def _is_present(entry: Mapping[str, object], name: str) -> bool:
    value = entry.get(name)
    return value is not None and value != ""


class _FieldJudge:
    """One table of fields, of an entry or of the items nested in it."""

    def __init__(self, rules: Iterable[FieldRule], *, unknown_keys: bool, nulls: bool, slots: bool) -> None:
        self._unknown_keys = unknown_keys
        self._nulls = nulls
        self._slots = _SLOT_CHECKS if slots else {}
        self._checks: dict[str, ValueCheck] = {}
        self._required = []
        self._nested: dict[str, _FieldJudge] = {}
        self._known_slots: set[tuple[str, str]] = set()
        for rule in rules:
            self._checks[rule.name] = _check_of(rule)
            if rule.required:
                self._required.append(rule.name)
            if rule.fields:
                self._nested[rule.name] = _FieldJudge(rule.fields, unknown_keys=unknown_keys, nulls=nulls, slots=True)

    def wrong_names(self, entry: Mapping[str, object]) -> list[str]:
        wrong = [name for name in self._required if not _is_present(entry, name)]
        checks = self._checks
        for name, value in entry.items():
            check = checks.get(name)
            if check is None:
                if not self._is_tolerable(name, value):
                    wrong.append(name)
                continue
            types, test = check
            if type(value) in types:
                if test is None or test(value):
                    continue
            elif value is None and self._nulls:
                continue
            if name not in wrong:
                wrong.append(name)
        for name, judge in self._nested.items():
            wrong.extend(judge.wrong_in_items(name, entry.get(name)))
        return wrong

    def wrong_in_items(self, name: str, value: object) -> list[str]:
        """Judge nested items: a list of objects, a map of objects (survey questions), or one object."""
        if isinstance(value, dict):
            values = list(value.values())
            items = values if values and all(isinstance(item, dict) for item in values) else [value]
        else:
            items = value if isinstance(value, list) else []
        wrong: list[str] = []
        for item in items:
            found = [f"{name}.{inner}" for inner in self.wrong_names(item)] if isinstance(item, dict) else [name]
            wrong.extend(each for each in found if each not in wrong)
        return wrong

    def _is_tolerable(self, name: str, value: object) -> bool:
        """Whether a key outside the table may stand: a container of slots that is in order, or any key, by setting."""
        check = self._slots.get(name)
        if check is None:
            return self._unknown_keys
        if value is None:
            return self._nulls
        if not isinstance(value, dict):
            return False
        types, test = check
        for slot, held in value.items():
            if (name, slot) not in self._known_slots and not self._learn_slot(name, slot):
                return False
            if not (held is None and self._nulls) and not (type(held) in types and (test is None or test(held))):
                return False
        return True

    def _learn_slot(self, container: str, slot: str) -> bool:
        """Whether `slot` is one of `container`: two digits, from 01. There are at most 99, so they are remembered."""
        if slot.endswith("00") or _SLOTS[container].fullmatch(slot) is None:
            return False
        self._known_slots.add((container, slot))
        return True


def _check_of(rule: FieldRule) -> ValueCheck:
    if rule.documented_type is None and rule.type is FieldType.TEXT:
        return (str, int), None
    if rule.shape is Shape.ZONE:
        return (int,), _is_zone
    if rule.shape is Shape.DATE:
        return (str,), _is_date
    if rule.values and not rule.values_open and rule.type is FieldType.TEXT:
        return (str,), frozenset(rule.values).__contains__
    return _CHECKS[rule.type]
