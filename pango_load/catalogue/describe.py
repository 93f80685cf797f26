"""The catalogue in words: what `pango-load objects` shows, and what the pages under docs/objects are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pango_load.catalogue.slots import SLOT_FAMILIES, SlotEvidence, SlotFamily
from pango_load.catalogue.types import object_type, object_type_names
from pango_load.records import Coverage, FieldRule, FieldType, ObjectType, Requirement, Severity, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TYPE_WORDS: Mapping[FieldType, str] = {
    FieldType.TEXT: "text",
    FieldType.LONG: "whole number",
    FieldType.DOUBLE: "number",
    FieldType.BOOLEAN: "true or false",
    FieldType.TIMESTAMP: "time",
    FieldType.LIST: "list of texts",
    FieldType.OBJECT: "nested items",
}

SHAPE_WORDS: Mapping[Shape, str] = {
    Shape.EMAIL: "e-mail address",
    Shape.PHONE: "phone number",
    Shape.DATE: "date as text, 2001-10-31",
    Shape.ZONE: "hours from GMT, -12 to 14",
}

COVERAGE_WORDS: Mapping[Coverage, str] = {
    Coverage.FULL: "The whole table is known.",
    Coverage.FULL_PAGE: "The whole table was read on a public page.",
    Coverage.PARTIAL: "The table is known in part: there may be further fields.",
    Coverage.CLIENT_CODE_ONLY: "No table is known: the names come from a public client, the types are guesses.",
    Coverage.NAME_ONLY: "Only the name is known.",
}

COVERAGE_MARKS: Mapping[Coverage, str] = {
    Coverage.FULL: "whole table",
    Coverage.FULL_PAGE: "whole table, public page",
    Coverage.PARTIAL: "in part",
    Coverage.CLIENT_CODE_ONLY: "a client's code only",
    Coverage.NAME_ONLY: "name only",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeLine:
    """One line of the list of object types.

    Attributes:
        name: what --object takes.
        needed: the fields without which a row is rejected, and the rules, in one line; "not known" where none is.
        known: how well it is established, in two or three words.
    """

    name: str
    title: str
    fields: int
    needed: str
    known: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLine:
    """One line of a type's table.

    Attributes:
        name: the JSON key; `items.productSku` for a field of nested items.
        holds: what it holds, in words.
        needed: "required", "conditional" or "".
        words: the documented words, joined; they end in ", ..." where others are let through with a warning.
    """

    name: str
    holds: str
    needed: str
    words: str
    example: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeDescription:
    """Everything that is known of one object type, in words.

    Attributes:
        facts: sentences: coverage, record key, slots, `ignoredUpdateCfs`, remarks.
        rules: sentences: what must be there under a condition.
        fields: its table, nested items after the field that holds them.
    """

    name: str
    title: str
    facts: tuple[str, ...]
    rules: tuple[str, ...]
    fields: tuple[FieldLine, ...]


def list_types(folder: Path | None = None) -> tuple[TypeLine, ...]:
    """One line for each object type, in the catalogue's order; `folder` is a user's own catalogue.

    Raises:
        UsageError: a folder or a file of it that cannot be used.
    """
    return tuple(_type_line(name, object_type(name, folder)) for name in object_type_names(folder))


def describe_type(described: ObjectType) -> TypeDescription:
    """Put one object type into words."""
    return TypeDescription(
        name=described.word,
        title=described.title,
        facts=tuple(_facts(described)),
        rules=tuple(rule_in_words(rule) for rule in described.requirements),
        fields=tuple(_field_lines(described.fields, _conditional_names(described))),
    )


def holds_in_words(rule: FieldRule) -> str:
    """What a field holds: "text", "phone number", "time"."""
    return SHAPE_WORDS[rule.shape] if rule.shape is not None else TYPE_WORDS[rule.type]


def rule_in_words(rule: Requirement) -> str:
    """A rule as a sentence: "phone or email must be there."."""
    groups = [_join(group, "and") for group in rule.alternatives]
    what = _join(groups, "or") if all(len(group) == 1 for group in rule.alternatives) else ", or ".join(groups)
    alone = len(rule.alternatives) == 1
    sentence = f"{what} must {'all ' if alone else ''}be there."
    if rule.severity is Severity.WARN:
        sentence = f"{sentence[:-1]}, or the row is warned about."
    return f"{sentence} {rule.note}".rstrip()


def words_of(rule: FieldRule) -> str:
    """The documented words of a field, joined: "Active, Deleted"; empty where it is free."""
    return ", ".join(rule.values) + (", ..." if rule.values and rule.values_open else "")


# --- one type ---------------------------------------------------------------------------------------------------------


def _type_line(name: str, described: ObjectType) -> TypeLine:
    needed = [rule.name for rule in described.fields if rule.required]
    needed += [
        " or ".join("+".join(group) for group in rule.alternatives)
        for rule in described.requirements
        if rule.severity is Severity.ERROR
    ]
    return TypeLine(
        name=name,
        title=described.title,
        fields=len(described.fields),
        needed=", ".join(needed) or "not known",
        known=COVERAGE_MARKS[described.coverage],
        source=described.source,
    )


def _facts(described: ObjectType) -> Iterator[str]:
    page = f" (help page data-ingestion-apis/{described.page})" if described.page else ""
    yield f"{COVERAGE_WORDS[described.coverage]} Source: {described.source}{page}."
    if described.word != described.name:
        yield f"Its entries are sent as {described.name}."
    if described.note:
        yield described.note
    if described.record_key:
        key = _join(described.record_key, "and")
        yield f"A record is identified by {key}: an inference, no page says so (recordKey in a mapping changes it)."
    else:
        yield "Which fields identify a record is not known (recordKey in a mapping says it)."
    yield _slots_in_words(takes=described.custom_fields)
    match described.ignored_update_cfs:
        case True:
            yield "ignoredUpdateCfs is supported."
        case False:
            yield "ignoredUpdateCfs is not supported: its table has no such tag."
        case None:
            yield "Whether ignoredUpdateCfs is supported is not known."


def _slots_in_words(*, takes: bool | None) -> str:
    match takes:
        case True:
            return f"It takes custom fields: {_join([slot_in_words(family) for family in SLOT_FAMILIES], 'and')}."
        case False:
            return "It takes no custom fields."
        case None:
            return "Whether it takes custom fields is not known."


def slot_in_words(family: SlotFamily) -> str:
    """A family of slots and how sure it is: "customFieldList01 (list of texts; clients only)"."""
    sure = "" if family.evidence is SlotEvidence.DOCUMENTED else f"; {family.evidence.value}"
    return f"{family.prefix}01 ({TYPE_WORDS[family.type]}{sure})"


def _conditional_names(described: ObjectType) -> frozenset[str]:
    return frozenset(name for rule in described.requirements for name in rule.names)


def _field_lines(fields: tuple[FieldRule, ...], conditional: frozenset[str], above: str = "") -> Iterator[FieldLine]:
    for rule in fields:
        name = f"{above}{rule.name}"
        yield FieldLine(
            name=name,
            holds=holds_in_words(rule),
            needed="required" if rule.required else "conditional" if name in conditional else "",
            words=words_of(rule),
            example=rule.example or "",
            note=rule.note,
        )
        yield from _field_lines(rule.fields, conditional, f"{name}.")


def _join(words: tuple[str, ...] | list[str], last: str) -> str:
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), words[-1])))
