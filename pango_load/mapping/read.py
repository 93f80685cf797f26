"""The mapping file, read with its lines: what it says about an object type, before any file's headers are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pango_load.catalogue.types import object_type, object_type_names
from pango_load.mapping.mistakes import Findings, Mistake, suggestion
from pango_load.mapping.names import trimmed
from pango_load.mapping.opening import mapping_error, read_root
from pango_load.mapping.settings import Settings, read_settings, word_list
from pango_load.mapping.targets import Scope, TargetReader
from pango_load.mapping.tree import Branch, Leaf, Listing, Node
from pango_load.mapping.words import GROUP_KEYS, TOP_LEVEL
from pango_load.records import FieldType, ObjectType, template_columns

if TYPE_CHECKING:
    from pathlib import Path

    from pango_load.records import ColumnRule, FieldRule

ZONE_FIELD = "timezoneGmt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The rule of one key, its columns named as the mapping writes them, and where it stands."""

    keys: tuple[str, ...]
    rule: ColumnRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A nested list: its field, what its rows share, and the rules of an item."""

    field: FieldRule
    group_by: str
    line: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingFile:
    """A mapping file as it was read.

    Mistakes are kept, not raised, so that `fit` can tell them together with those of the headers; `ensure_sound`
    raises them where no headers are at hand.

    Attributes:
        place: how it is called in sentences: its path as it was given.
        entries: the rules of the entry's keys, in the file's order.
        zone_column: the column that holds `timezoneGmt` row by row, and its line.
        left_out: headers left out on purpose, with their lines.
        mentioned: every column that it names, also where what stands behind it is wrong.
        headers: the headers that the file must have, in order; None where the mapping does not say.
        mistakes: what stops the load.
        warnings: what a person should see.
    """

    place: str
    object_type: ObjectType
    entries: tuple[Entry, ...] = ()
    groups: tuple[Group, ...] = ()
    zone_column: tuple[str, int] | None = None
    left_out: tuple[tuple[str, int], ...] = ()
    mentioned: tuple[str, ...] = ()
    headers: tuple[str, ...] | None = None
    headers_line: int = 0
    settings: Settings = field(default_factory=Settings)
    mistakes: tuple[Mistake, ...] = ()
    warnings: tuple[Mistake, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it reads, as it writes them."""
        entries = (*self.entries, *(entry for group in self.groups for entry in group.entries))
        names = [name for entry in entries for name in entry.rule.columns]
        targets = {entry.rule.target for entry in self.entries}
        names.extend(group.group_by for group in self.groups if group.group_by and group.group_by not in targets)
        if self.zone_column is not None:
            names.append(self.zone_column[0])
        return tuple(dict.fromkeys(names))

    def ensure_sound(self) -> None:
        """Raise the mistakes that need no headers to be seen.

        Raises:
            MappingError: with every one of them.
        """
        if self.mistakes:
            raise mapping_error(self.place, self.mistakes)


def read_mapping(path: Path, *, object_type_name: str = "", catalogue: Path | None = None) -> MappingFile:
    """Read the mapping at `path` for the object type of --object, or for its own where the flag is not given.

    Raises:
        MappingError: a file that cannot be read, is no YAML, or is made for another object type. Everything else that
            is wrong with it is kept in `MappingFile.mistakes`.
        UsageError: an object type of --object that is not known.
    """
    place = str(path)
    root = read_root(path, place)
    kind = _object_type(root, place, object_type_name, catalogue)
    findings = Findings()
    reader = _Reader(kind, root, findings)
    return reader.read(place)


def _object_type(root: Branch, place: str, flag: str, catalogue: Path | None) -> ObjectType:
    node = root.first("object")
    own = node.text if isinstance(node, Leaf) and not node.is_null else ""
    if flag:
        kind = object_type(flag, catalogue)
        if own and own not in {flag, kind.name}:
            mistake = Mistake(
                line=node.line if node is not None else 0,
                keys=("object",),
                text=f'the mapping is for "{own}", and --object says "{flag}".',
            )
            raise mapping_error(place, [mistake], "Use the mapping of that object type, or leave --object out.")
        return kind
    names = object_type_names(catalogue)
    if own in names:
        return object_type(own, catalogue)
    line = node.line if node is not None else 0
    if not own:
        mistake = Mistake(
            line=line, keys=("object",), text="the mapping names no object type, and neither does --object."
        )
    else:
        text = f'"{own}" is not an object type that Pango is known to accept.{suggestion(own, names)}'
        mistake = Mistake(line=line, keys=("object",), text=text)
    raise mapping_error(place, [mistake], "`pango-load objects` shows all object types.")


class _Reader:
    """Goes through the tree once and gathers what it finds."""

    def __init__(self, kind: ObjectType, root: Branch, findings: Findings) -> None:
        self._kind = kind
        self._root = root
        self._findings = findings
        self._left_out: list[tuple[str, int]] = []
        self._mentioned: list[str] = []
        self._zone_column: tuple[str, int] | None = None

    def read(self, place: str) -> MappingFile:
        nested = {rule.name: rule for rule in self._kind.fields if rule.type is FieldType.OBJECT}
        self._keys(self._root, (), (*TOP_LEVEL, *nested))
        settings = read_settings(self._root, self._kind, self._findings)
        scope = Scope(
            owner=self._kind.name,
            fields=self._kind.fields,
            is_complete=self._kind.coverage.is_complete,
            slots=self._kind.custom_fields,
            containers=settings.containers,
        )
        targets = TargetReader(scope, self._findings)
        entries = [
            *self._columns(self._root.first("columns"), ("columns",), targets, top=True),
            *self._constants(self._root.first("constants"), targets),
            *self._computed(self._root.first("computed"), targets),
        ]
        groups = [
            group
            for name, rule in nested.items()
            if (group := self._group(self._root.first(name), rule, settings)) is not None
        ]
        self._refuse_twins(entries)
        self._refuse_nested_twins(entries, groups)
        headers = self._root.first("headers")
        self._zone(settings)
        return MappingFile(
            place=place,
            object_type=self._kind,
            entries=tuple(entries),
            groups=tuple(groups),
            zone_column=self._zone_column,
            left_out=tuple(self._left_out),
            mentioned=tuple(self._mentioned),
            headers=word_list(headers, ("headers",), self._findings) if headers is not None else None,
            headers_line=headers.line if headers is not None else 0,
            settings=settings,
            mistakes=tuple(self._findings.mistakes),
            warnings=tuple(self._findings.warnings),
        )

    def _keys(self, branch: Branch, keys: tuple[str, ...], known: tuple[str, ...]) -> None:
        """Refuse keys that are not known, and keys that stand twice."""
        where = " > ".join(keys) if keys else "a mapping"
        for leaf, _ in branch.pairs:
            if leaf.text not in known:
                text = f'"{leaf.text}" is no key of {where}.{suggestion(leaf.text, known)}'
                self._findings.mistake(leaf.line, (*keys, leaf.text), text)
        self._twice(branch, keys)

    def _twice(self, branch: Branch, keys: tuple[str, ...]) -> None:
        seen: dict[str, Leaf] = {}
        for leaf, _ in branch.pairs:
            if (twin := seen.get(trimmed(leaf.text))) is not None:
                text = f"stands twice (line {twin.line} too); only one of the two can be meant."
                self._findings.mistake(leaf.line, (*keys, leaf.text), text)
            seen.setdefault(trimmed(leaf.text), leaf)

    # --- columns ------------------------------------------------------------------------------------------------------

    def _columns(self, node: Node | None, keys: tuple[str, ...], targets: TargetReader, *, top: bool) -> list[Entry]:
        if node is None or (isinstance(node, Leaf) and node.is_null):
            return []
        if not isinstance(node, Branch):
            self._findings.mistake(node.line, keys, "takes pairs: a column of the file, then a field of Pango.")
            return []
        self._twice(node, keys)
        entries: list[Entry] = []
        for leaf, held in node.pairs:
            here = (*keys, leaf.text)
            self._mentioned.append(trimmed(leaf.text))
            if isinstance(held, Leaf) and held.is_null:
                self._left_out.append((trimmed(leaf.text), leaf.line))
                continue
            for use in held.items if isinstance(held, Listing) else (held,):
                entries.extend(self._column(leaf, use, here, targets, top=top))
        return entries

    def _column(
        self, column: Leaf, node: Node, keys: tuple[str, ...], targets: TargetReader, *, top: bool
    ) -> list[Entry]:
        options = node if isinstance(node, Branch) else None
        named = options.first("field") if options is not None else node
        if not isinstance(named, Leaf) or named.is_null or isinstance(node, Listing):
            text = "takes a field, {field: ..., ...} with options, a list of these, or null."
            self._findings.mistake(node.line, keys, text)
            return []
        if options is not None:
            self._twice(options, keys)
        target = targets.named(named, keys, options=options)
        if target is None:
            return []
        if top and target.name == ZONE_FIELD:
            self._take_zone_column(column, options, keys)
            return []
        name = trimmed(column.text)
        return [Entry(keys=keys, rule=targets.rule(target, keys, line=column.line, options=options, column=name))]

    def _take_zone_column(self, column: Leaf, options: Branch | None, keys: tuple[str, ...]) -> None:
        # No ColumnRule is made: validation sends the key from the ZoneRule, beside the times that it places.
        if options is not None and len(options.pairs) > 1:
            self._findings.mistake(column.line, keys, f"a column of {ZONE_FIELD} takes no options: whole hours only.")
        if self._zone_column is not None:
            text = f"{ZONE_FIELD} comes from another column already (line {self._zone_column[1]})."
            self._findings.mistake(column.line, keys, text)
        self._zone_column = (trimmed(column.text), column.line)

    def _zone(self, settings: Settings) -> None:
        if self._zone_column is None:
            return
        name, line = self._zone_column
        if settings.zone.is_given:
            other = "timezone" if settings.zone.timezone else ZONE_FIELD
            text = f"the column gives the zone row by row, and {other} gives it for all rows; keep one of them."
            self._findings.mistake(line, ("columns", name), text)

    def _constants(self, node: Node | None, targets: TargetReader) -> list[Entry]:
        entries: list[Entry] = []
        for leaf, held in self._branch(node, ("constants",), "a field, then its value").pairs:
            keys = ("constants", leaf.text)
            target = targets.named(leaf, keys)
            if target is None:
                continue
            if target.name == ZONE_FIELD:
                text = f"{ZONE_FIELD} stands at the left margin, not under constants: it says how dates are read."
                self._findings.mistake(leaf.line, keys, text)
            elif (rule := targets.constant(target, held, keys)) is not None:
                entries.append(Entry(keys=keys, rule=rule))
        return entries

    def _computed(self, node: Node | None, targets: TargetReader) -> list[Entry]:
        entries: list[Entry] = []
        for leaf, held in self._branch(node, ("computed",), 'a field, then "{Column} {Column}"').pairs:
            keys = ("computed", leaf.text)
            options = held if isinstance(held, Branch) else None
            template = options.first("template") if options is not None else held
            target = targets.named(leaf, keys, options=options)
            if not isinstance(template, Leaf) or template.is_null:
                text = 'takes text with columns in braces, for instance "{First name} {Last name}".'
                self._findings.mistake(held.line, keys, text)
            elif not _is_template(template.text):
                text = f'"{template.text}": a brace is not closed. Columns stand in {{...}}; {{{{ is a brace itself.'
                self._findings.mistake(template.line, keys, text)
            elif not template_columns(template.text):
                text = f'"{template.text}" names no column; a value without columns stands under constants.'
                self._findings.mistake(template.line, keys, text)
            elif target is not None:
                rule = targets.rule(target, keys, line=leaf.line, options=options, template=template.text)
                entries.append(Entry(keys=keys, rule=rule))
        return entries

    def _branch(self, node: Node | None, keys: tuple[str, ...], meaning: str) -> Branch:
        if isinstance(node, Branch):
            self._twice(node, keys)
            return node
        if node is not None and not (isinstance(node, Leaf) and node.is_null):
            self._findings.mistake(node.line, keys, f"takes pairs: {meaning}.")
        return Branch(pairs=(), line=0)

    # --- nested lists -------------------------------------------------------------------------------------------------

    def _group(self, node: Node | None, rule: FieldRule, settings: Settings) -> Group | None:
        if node is None:
            return None
        keys = (rule.name,)
        if not isinstance(node, Branch):
            self._findings.mistake(node.line, keys, "takes groupBy and columns.")
            return None
        if rule.is_map:
            text = (
                f"{rule.name} of {self._kind.name} is a map from keys to items, and no public page says which keys: "
                "rows cannot be grouped into it. Send it as JSON: from a JSONL file, or in one cell."
            )
            self._findings.mistake(node.line, keys, text)
        self._keys(node, keys, tuple(GROUP_KEYS))
        by = node.first("groupBy")
        if not isinstance(by, Leaf) or by.is_null:
            text = "groupBy is missing: the field that the rows of one entry share, for instance orderId."
            self._findings.mistake(node.line, keys, text)
        scope = Scope(
            owner=f"{rule.name} of {self._kind.name}",
            fields=rule.fields,
            is_complete=self._kind.coverage.is_complete and bool(rule.fields),
            slots=rule.custom_fields,
            containers=settings.containers,
        )
        targets = TargetReader(scope, self._findings)
        entries = self._columns(node.first("columns"), (*keys, "columns"), targets, top=False)
        self._refuse_twins(entries)
        found = {entry.rule.target for entry in entries}
        for inner in rule.fields:
            if inner.required and inner.name not in found:
                text = f"{inner.name} is required in each item of {rule.name}, and no column becomes it."
                self._findings.mistake(node.line, (*keys, "columns"), text)
        return Group(
            field=rule,
            group_by=by.text if isinstance(by, Leaf) else "",
            line=by.line if by is not None else node.line,
            entries=tuple(entries),
        )

    def _refuse_nested_twins(self, entries: list[Entry], groups: list[Group]) -> None:
        for group in groups:
            twin = next((entry for entry in entries if entry.rule.target == group.field.name), None)
            if twin is not None:
                text = f"{group.field.name} comes from {' > '.join(twin.keys)} already (line {twin.rule.line})."
                self._findings.mistake(group.line, (group.field.name,), text)

    def _refuse_twins(self, entries: list[Entry]) -> None:
        seen: dict[tuple[str | None, str], Entry] = {}
        for entry in entries:
            key = (entry.rule.container, entry.rule.target)
            if (twin := seen.get(key)) is not None:
                text = f"{entry.rule.target} comes from {' > '.join(twin.keys)} already (line {twin.rule.line})."
                self._findings.mistake(entry.rule.line, entry.keys, text)
            seen.setdefault(key, entry)


def _is_template(text: str) -> bool:
    depth = 0
    for sign in text.replace("{{", "").replace("}}", ""):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth not in {0, 1}:
            return False
    return depth == 0
