"""A mapping meets a file's headers: the rules that the load goes by, or every reason why it cannot."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pango_load.catalogue.types import object_type
from pango_load.errors import MappingError, UsageError
from pango_load.mapping.finish import arrange, finished, missing_fields, record_key
from pango_load.mapping.header_match import fields_of_headers, say_what_is_lacking
from pango_load.mapping.headers import Headers
from pango_load.mapping.mistakes import Findings, Mistake, suggestion, tell
from pango_load.mapping.names import trimmed
from pango_load.mapping.opening import mapping_error
from pango_load.mapping.read import ZONE_FIELD, Entry, Group, MappingFile, read_mapping
from pango_load.mapping.settings import zone_mistake
from pango_load.mapping.targets import Scope, TargetReader
from pango_load.mapping.tree import Kind, Leaf
from pango_load.records import FieldMapping, ObjectType, OnDuplicate, RowGroups, ZoneRule

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pango_load.records import ColumnRule

MAP_ADVICE = (
    "`pango-load map FILE --object {name} -o mappings/{name}.yaml` proposes a mapping from the headers and the values."
)
OTHER_ADVICE = (
    "`pango-load map FILE --object {name} -o another.yaml` proposes a mapping for this file beside {place}; "
    "--mapping another.yaml then uses it."
)
LACKS_ADVICE = (
    "Check that it is the right file; if its columns have changed for good, change their names in {place} and run the "
    "same command again."
)


# --- a mapping file ---------------------------------------------------------------------------------------------------


def fit(
    mapping: MappingFile, headers: Sequence[str], *, strict: bool = False, timezone: str | None = None
) -> FieldMapping:
    """The rules of `mapping` for a file with these headers.

    Args:
        mapping: as `read_mapping` gave it, mistakes included: they are told together with those found here.
        headers: of the file, in order.
        strict: a column that the mapping does not mention is a mistake instead of a warning.
        timezone: --timezone, used where the mapping gives no zone.

    Raises:
        MappingError: with every mistake.
        UsageError: --timezone is no zone.
    """
    fitting = _Fitting(mapping, Headers(headers), strict=strict)
    fitted = fitting.fit(timezone)
    if fitting.mistakes:
        advice = LACKS_ADVICE.format(place=mapping.place) if fitting.lacks_columns else ""
        advice = MAP_ADVICE.format(name=mapping.object_type.word) if fitting.is_short else advice
        raise mapping_error(mapping.place, fitting.mistakes, advice)
    return fitted


class _Fitting:
    def __init__(self, mapping: MappingFile, headers: Headers, *, strict: bool) -> None:
        self._mapping = mapping
        self._headers = headers
        self._strict = strict
        self._findings = Findings(list(mapping.mistakes), list(mapping.warnings))
        self._read: set[str] = set()
        self.is_short = False
        self.lacks_columns = False

    @property
    def mistakes(self) -> list[Mistake]:
        return self._findings.mistakes

    def fit(self, timezone: str | None) -> FieldMapping:
        mapping, settings = self._mapping, self._mapping.settings
        rules = [self._resolved(entry) for entry in mapping.entries]
        groups = tuple(self._group(group, rules) for group in mapping.groups)
        zone = self._zone(timezone)
        self._mention_others()
        self._require(rules, groups)
        keys = self._record_key(rules)
        slots = self._ignored(rules)
        return finished(
            FieldMapping(
                object_type=mapping.object_type,
                columns=arrange(mapping.object_type.fields, rules),
                source=settings.source,
                nulls=settings.nulls,
                zone=zone,
                left_out=self._left_out(),
                record_key=keys,
                on_duplicate=settings.on_duplicate,
                checks=settings.checks,
                ignored_update_cfs=slots,
                user_event=settings.user_event,
                groups=groups,
                request=settings.request,
                origin=f"{mapping.place} ({_counted(len(self._read), 'column')})",
                warnings=tell(self._findings.warnings, mapping.place),
            )
        )

    def _find(self, name: str, line: int, keys: tuple[str, ...]) -> str | None:
        found = self._headers.find(name)
        if found.mistake:
            hint = self._turned_round(keys)
            self.lacks_columns = self.lacks_columns or not hint
            self._findings.mistake(line, keys, found.mistake + hint)
        if found.warning:
            self._findings.warning(line, keys, found.warning)
        if found.header is not None:
            self._read.add(found.header)
        return found.header

    def _turned_round(self, keys: tuple[str, ...]) -> str:
        names = {rule.name for rule in self._mapping.object_type.fields}
        if keys[0] != "columns" or keys[1] not in names:
            return ""
        return " A line of columns reads `column of the file: field of Pango`."

    def _resolved(self, entry: Entry) -> ColumnRule:
        rule = entry.rule
        if rule.column is not None:
            return replace(rule, column=self._find(rule.column, rule.line, entry.keys) or rule.column)
        if rule.template is not None:
            places = {name: self._find(name, rule.line, (*entry.keys, f"{{{name}}}")) or name for name in rule.columns}
            return replace(rule, template=_with_headers(rule.template, places))
        return rule

    def _group(self, group: Group, rules: list[ColumnRule]) -> RowGroups:
        by = next((rule.column for rule in rules if rule.target == group.group_by and rule.column), None)
        if by is None and group.group_by:
            by = self._headers.find(group.group_by).header
        if by is None and group.group_by:
            fields = [rule.target for rule in rules if rule.column]
            near = suggestion(group.group_by, (*fields, *self._headers.names))
            text = f'"{group.group_by}" is neither a field that comes from a column nor a column of the file.{near}'
            self._findings.mistake(group.line, (group.field.name, "groupBy"), text)
        first = self._mapping.groups[0]
        if group.group_by and first.group_by and group.group_by != first.group_by:
            text = (
                f"{first.field.name} is grouped by {first.group_by}: all lists of an entry are made of the same rows."
            )
            self._findings.mistake(group.line, (group.field.name, "groupBy"), text)
        inner = [self._resolved(entry) for entry in group.entries]
        return RowGroups(target=group.field.name, group_by=by or "", columns=arrange(group.field.fields, inner))

    def _zone(self, timezone: str | None) -> ZoneRule:
        mapping = self._mapping
        zone = mapping.settings.zone
        if mapping.zone_column is not None:
            name, line = mapping.zone_column
            header = self._find(name, line, ("columns", name))
            # `timestamps: instant` holds for a zone row by row as well.
            zone = ZoneRule(column=header or name, instants=zone.instants)
        if timezone is None:
            return zone
        if zone.is_given:
            said = zone.timezone or ZONE_FIELD
            text = f"--timezone {timezone} is not used: the mapping says how the file's clock is read ({said})."
            self._findings.warning(0, (), text)
            return zone
        return _zone_of_flag(timezone)

    def _left_out(self) -> tuple[str, ...]:
        names = []
        for name, line in self._mapping.left_out:
            found = self._headers.find(name)
            if found.header is None:
                text = "left out, and the file has no such column."
                self._findings.warning(line, ("columns", name), text)
            elif found.header not in self._read:
                names.append(found.header)
        return tuple(name for name in self._headers.names if name in names)

    def _mention_others(self) -> None:
        mapping = self._mapping
        note = self._findings.mistake if self._strict else self._findings.warning
        named = {found.header for name in mapping.mentioned if (found := self._headers.find(name)).header}
        new = [name for name in self._headers.names if name not in self._read and name not in named]
        if mapping.headers is not None:
            changes, unknown = self._headers.drift(mapping.headers)
            for change in changes:
                self._findings.mistake(mapping.headers_line, ("headers",), change)
            new = [name for name in new if trimmed(name) in unknown or trimmed(name) in mapping.headers]
        for name in new:
            note(0, ("columns",), self._not_sent(trimmed(name)))

    def _not_sent(self, name: str) -> str:
        if name in map(trimmed, self._mapping.mentioned):
            return f'the file has a second column "{name}", but for outer blanks or its encoding: it is not sent.'
        return f'the file has a column "{name}" that is not mentioned, so it is not sent; `"{name}": null` says so.'

    def _require(self, rules: list[ColumnRule], groups: tuple[RowGroups, ...]) -> None:
        targets = {rule.target for rule in rules if rule.container is None} | {group.target for group in groups}
        if self._mapping.zone_column is not None or self._mapping.settings.zone.offset_hours is not None:
            targets.add(ZONE_FIELD)
        if not rules and not groups:
            self._findings.mistake(0, ("columns",), "nothing is mapped, so there is nothing to send.")
        lacking = missing_fields(self._mapping.object_type, targets, self._headers, self._read)
        for text in lacking.mistakes:
            self.is_short = True
            self._findings.mistake(0, (), text)
        for text in lacking.warnings:
            self._findings.warning(0, (), text)

    def _record_key(self, rules: list[ColumnRule]) -> tuple[str, ...]:
        settings, kind = self._mapping.settings, self._mapping.object_type
        targets = {rule.target for rule in rules}
        for name, line in settings.record_key:
            if name not in targets:
                near = suggestion(name, targets)
                text = f'"{name}" comes from no column, constant or template, so it cannot identify a record.{near}'
                self._findings.mistake(line, ("recordKey",), text)
        keys = tuple(name for name, _ in settings.record_key) or record_key(kind, targets)
        if settings.on_duplicate is not OnDuplicate.SEND and not keys:
            text = f"nothing identifies a record of {kind.name}; name its fields under recordKey."
            self._findings.mistake(settings.on_duplicate_line, ("onDuplicate",), text)
        return keys

    def _ignored(self, rules: list[ColumnRule]) -> tuple[str, ...]:
        targets = {rule.target for rule in rules}
        for name, line in self._mapping.settings.ignored_update_cfs:
            if name not in targets:
                text = f'"{name}" is filled by no column, so there is nothing to leave as it is.'
                self._findings.warning(line, ("ignoredUpdateCfs",), text)
        return tuple(name for name, _ in self._mapping.settings.ignored_update_cfs)


def _with_headers(template: str, places: dict[str, str]) -> str:
    """The template with the file's own headers in its braces."""
    marked = template.replace("{{", "\0").replace("}}", "\1")
    filled = re.sub(r"\{([^{}]*)\}", lambda found: f"{{{places.get(found[1], found[1])}}}", marked)
    return filled.replace("\0", "{{").replace("\1", "}}")


def _zone_of_flag(timezone: str) -> ZoneRule:
    if mistake := zone_mistake(timezone):
        raise UsageError(f"--timezone: {mistake}", "Viet Nam is Asia/Ho_Chi_Minh.")
    return ZoneRule(timezone=timezone)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


# --- no mapping file --------------------------------------------------------------------------------------------------


def match_headers(
    kind: ObjectType, headers: Sequence[str], *, strict: bool = False, timezone: str | None = None
) -> FieldMapping:
    """The default mapping: headers that are field names, with case, spaces, `_` and `-` ignored (design, section 2).

    Slots match by their own name (`customField01`) and by their way in an entry (`customFieldTexts.customField01`).

    Raises:
        MappingError: a required field has no column, or two columns match one field; naming the nearest header.
        UsageError: --timezone is no zone.
    """
    known = Headers(headers)
    findings = Findings()
    fields = fields_of_headers(kind, known, findings)
    zone = _zone_of_flag(timezone) if timezone is not None else ZoneRule()
    if (column := fields.pop(ZONE_FIELD, None)) is not None:
        if zone.is_given:
            text = f"--timezone {timezone} is not used: the column {column} gives the zone row by row."
            findings.warning(0, (), text)
        zone = ZoneRule(column=column)
    scope = Scope(owner=kind.name, fields=kind.fields, is_complete=True, slots=kind.custom_fields)
    reader = TargetReader(scope, findings)
    rules = [
        reader.rule(target, (header,), line=0, column=header)
        for name, header in fields.items()
        if (target := reader.named(Leaf(text=name, kind=Kind.TEXT, line=0), (header,))) is not None
    ]
    used = {*fields.values(), *([zone.column] if zone.column is not None else [])}
    say_what_is_lacking(kind, {rule.target for rule in rules}, known, used, findings, strict=strict)
    if findings.mistakes:
        message = f"The headers are not those of {kind.name}; nothing was sent."
        raise MappingError(message, tell(findings.mistakes, "headers"), MAP_ADVICE.format(name=kind.word))
    return finished(
        FieldMapping(
            object_type=kind,
            columns=arrange(kind.fields, rules),
            zone=zone,
            record_key=record_key(kind, {rule.target for rule in rules}),
            origin=f"the headers: {len(used)} of {_counted(len(known.names), 'column')} are field names",
            warnings=tell(findings.warnings, "headers"),
        )
    )


# --- which of the two -------------------------------------------------------------------------------------------------


def choose_mapping(
    plan_mapping: Path | None,
    object_name: str,
    headers: Sequence[str],
    *,
    folder: Path,
    catalogue: Path | None = None,
    strict: bool = False,
    timezone: str | None = None,
) -> FieldMapping:
    """The mapping of a load (design, section 2); `origin` says which it is and what was matched.

    --mapping where it is given; else `mappings/TYPE.yaml` in `folder` where it is there and fits the headers; else the
    headers themselves. A mapping of that folder that has mistakes of its own stops the load: it was meant. One that
    carries `headers:` stops it too when at least half of its columns are there, since that is what it guards against.

    Raises:
        MappingError: with every mistake.
        UsageError: no object type, an unknown one, or --timezone is no zone.
    """
    if plan_mapping is not None:
        mapping = read_mapping(plan_mapping, object_type_name=object_name, catalogue=catalogue)
        return fit(mapping, headers, strict=strict, timezone=timezone)
    if not object_name:
        raise UsageError(
            "--object is missing.", "Add --object TYPE: what the rows become; `pango-load objects` lists them."
        )
    kind = object_type(object_name, catalogue)
    path = folder / "mappings" / f"{kind.word}.yaml"
    if not path.is_file():
        return match_headers(kind, headers, strict=strict, timezone=timezone)
    mapping = replace(
        read_mapping(path, object_type_name=object_name, catalogue=catalogue), place=f"mappings/{path.name}"
    )
    known = Headers(headers)
    present = sum(known.find(name).header is not None for name in mapping.columns)
    fits = present == len(mapping.columns)
    guarded = mapping.headers is not None and 2 * present >= len(mapping.columns)
    if mapping.mistakes or fits or guarded:
        return fit(mapping, headers, strict=strict, timezone=timezone)
    return _fall_back(mapping, kind, headers, strict=strict, timezone=timezone)


def _fall_back(
    mapping: MappingFile, kind: ObjectType, headers: Sequence[str], *, strict: bool, timezone: str | None
) -> FieldMapping:
    known = Headers(headers)
    absent = [name for name in mapping.columns if known.find(name).header is None]
    shown = ", ".join(f'"{name}"' for name in absent[:3]) + (" and others" if len(absent) > len(absent[:3]) else "")
    why = f"{mapping.place} does not fit: the file has no column {shown}."
    try:
        matched = match_headers(kind, headers, strict=strict, timezone=timezone)
    except MappingError as error:
        if 2 * len(absent) <= len(mapping.columns):
            # It is the file that changed: say which of the mapping's columns it lacks now.
            return fit(mapping, headers, strict=strict, timezone=timezone)
        advice = OTHER_ADVICE.format(name=kind.word, place=mapping.place)
        raise MappingError(error.message, (why, *error.mistakes), advice) from error
    return replace(
        matched, origin=f"{matched.origin} ({mapping.place} does not fit)", warnings=(why, *matched.warnings)
    )
