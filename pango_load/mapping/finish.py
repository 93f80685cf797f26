"""The last steps of every mapping: the order of its keys, what is missing, and its fingerprint."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pango_load.catalogue.slots import SLOT_FAMILIES
from pango_load.mapping.mistakes import listed, nearest
from pango_load.mapping.names import trimmed
from pango_load.mapping.scores import name_score
from pango_load.records import FieldRule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pango_load.mapping.headers import Headers
    from pango_load.records import ColumnRule, FieldMapping, ObjectType


_MEANT = 0.6


def arrange(fields: Sequence[FieldRule], rules: Iterable[ColumnRule]) -> tuple[ColumnRule, ...]:
    """The rules in the catalogue's order; then fields it does not know, by name; then slots by container and number."""
    order = {field.name: place for place, field in enumerate(fields)}
    families = {family.prefix: place for place, family in enumerate(SLOT_FAMILIES)}

    def place(rule: ColumnRule) -> tuple[int, int, str]:
        if rule.container is not None:
            return 2, families[rule.target[:-2]], rule.target
        return (0, order[rule.target], "") if rule.target in order else (1, 0, rule.target)

    return tuple(sorted(rules, key=place))


@dataclass(frozen=True, slots=True)
class Lacking:
    """What an object type asks for and no column gives."""

    mistakes: tuple[str, ...]
    warnings: tuple[str, ...]


def missing_fields(kind: ObjectType, targets: set[str], headers: Headers, taken: set[str]) -> Lacking:
    """The required fields, and the any-of rules, for which `targets` has nothing at all.

    Args:
        kind: what the rows become.
        targets: the fields that come from somewhere.
        headers: of the file.
        taken: headers that are used already: no suggestion.
    """
    free = [name for name in headers.names if name not in taken]
    mistakes = [
        f"{rule.name} is required, and no column becomes it.{_nearest_header((rule.name,), free)}"
        for rule in kind.fields
        if rule.required and rule.name not in targets
    ]
    warnings: list[str] = []
    for requirement in kind.requirements:
        if any(targets.issuperset(group) for group in requirement.alternatives):
            continue
        groups = [" and ".join(group) for group in requirement.alternatives]
        near = _nearest_header([name for name in requirement.names if name not in targets], free)
        if len(groups) == 1:
            *others, last = requirement.names
            text = f"{', '.join(others)} and {last} are required together, and not each has a column.{near}"
        else:
            several = ", or ".join(groups) if " and " in "".join(groups) else listed(groups)
            text = f"{several} is required, and no column becomes one of them.{near}"
        (mistakes if requirement.severity is Severity.ERROR else warnings).append(text)
    return Lacking(tuple(mistakes), tuple(warnings))


def _nearest_header(names: Sequence[str], free: Sequence[str]) -> str:
    """The column that a person would look at first: one that means a field, or else one that is spelled like it."""
    scored = [(name_score(header, FieldRule(name=name)).value, header, name) for name in names for header in free]
    score, header, name = max(scored, key=lambda found: found[0], default=(0.0, "", ""))
    if score >= _MEANT:
        return f' "{trimmed(header)}" looks like {name}.'
    for name in names:
        if (near := nearest(name, free)) is not None:
            return f' The nearest column is "{trimmed(near)}".'
    return ""


def record_key(kind: ObjectType, targets: set[str]) -> tuple[str, ...]:
    """The catalogue's record key where all of it is mapped; a part of it would take two records for one."""
    return kind.record_key if targets.issuperset(kind.record_key) else ()


def finished(mapping: FieldMapping) -> FieldMapping:
    """The mapping with its fingerprint."""
    return replace(mapping, fingerprint=fingerprint(mapping))


def fingerprint(mapping: FieldMapping) -> str:
    """A digest of everything that changes what is sent: 32 hexadecimal digits.

    Lines, warnings, the mapping's own place and the columns left out do not change it: a comment added to a mapping
    must not make another load of a half-finished one.
    """
    told = {
        "object": [mapping.object_type.name, mapping.object_type.fingerprint],
        "columns": [_told(rule) for rule in mapping.columns],
        "groups": [
            [group.target, group.group_by, [_told(rule) for rule in group.columns]]
            for group in sorted(mapping.groups, key=lambda group: group.target)
        ],
        "source": mapping.source,
        "nulls": sorted(mapping.nulls),
        "zone": dataclasses.asdict(mapping.zone),
        "recordKey": mapping.record_key,
        "onDuplicate": mapping.on_duplicate,
        "checks": dict(mapping.checks),
        "ignoredUpdateCfs": sorted(mapping.ignored_update_cfs),
        "userEvent": mapping.user_event,
        "request": {key: json.loads(text) for key, text in mapping.request.items()},
    }
    canonical = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=16, person=b"pango-mapping").hexdigest()


def _told(rule: ColumnRule) -> dict[str, object]:
    told: dict[str, object] = {name: getattr(rule, name) for name in _TOLD}
    told["type"] = rule.rule.type
    told["values"] = dict(rule.values) if rule.values is not None else None
    return told


_TOLD = (
    "target",
    "container",
    "column",
    "template",
    "constant",
    "formats",
    "default",
    "split",
    "clean",
    "normalise",
    "decimal",
    "grouping",
    "restore_zero",
    "empty_is_null",
)
