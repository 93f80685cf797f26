"""The values that travel along the road, and the rules they are judged by."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

ENTRIES_PER_REQUEST = 50
"""seed 001: a request takes 1 to 50 entries (its other figure, 100, is unproven)."""

ROW_MARKS = ("_pango_row", "_pango_code", "_pango_field", "_pango_message", "_pango_hint")
"""The columns that a row file adds behind the source's own."""

FILE_MARK = "_pango_file"
"""The column after them in a run of several files, where a row's number alone says too little."""

MARK_COLUMNS = (*ROW_MARKS, FILE_MARK)
"""The columns of our own; a source that has them is read without them."""


class Severity(StrEnum):
    """How a check speaks: an error rejects the row, a warning lets it through and is counted."""

    ERROR = "error"
    WARN = "warn"
    OFF = "off"


class FieldType(StrEnum):
    """What a field holds, whatever spelling the documents use for it."""

    TEXT = "text"
    LONG = "long"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    LIST = "list"
    OBJECT = "object"


class Shape(StrEnum):
    """What a text field looks like, beyond being text."""

    EMAIL = "email"
    PHONE = "phone"
    DATE = "date"
    ZONE = "zone"


# --- what Pango accepts (catalogue) -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """One row of an object type's table.

    Attributes:
        name: the JSON key, in the documents' spelling.
        type: what it holds.
        documented_type: the documents' own word (`integer`, `Integer`, `int`, ...); None where the cell is empty.
        required: without condition; conditions stand in `ObjectType.requirements`.
        values: the documented words, in their documented spelling; empty where the field is free.
        values_open: the words are not a closed list: another word is a warning.
        shape: what the text looks like.
        fields: the fields of the nested items, for `FieldType.OBJECT`.
        custom_fields: whether the nested items take custom-field slots too.
        is_map: the nested items stand under keys of their own, not in a list.
        example: the documents' own example.
        note: what a reader should know.
    """

    name: str
    type: FieldType = FieldType.TEXT
    documented_type: str | None = None
    required: bool = False
    values: tuple[str, ...] = ()
    values_open: bool = False
    shape: Shape | None = None
    fields: tuple[FieldRule, ...] = ()
    custom_fields: bool = False
    is_map: bool = False
    example: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Several fields of which something must be there.

    Attributes:
        alternatives: groups of names; a group is present when all its names are.
            `any_of: [fullName, [firstName, lastName]]` is (("fullName",), ("firstName", "lastName"));
            `all_of: [city, address]` is one group of two.
        severity: error where the documents state it without doubt.
        note: where the documents are unclear.
    """

    alternatives: tuple[tuple[str, ...], ...]
    severity: Severity = Severity.ERROR
    note: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every field that takes part, in order."""
        return tuple(name for group in self.alternatives for name in group)


class Coverage(StrEnum):
    """How well an object type is established (entities.yaml)."""

    FULL = "full"
    FULL_PAGE = "full-page"
    PARTIAL = "partial"
    CLIENT_CODE_ONLY = "client-code-only"
    NAME_ONLY = "name-only"

    @property
    def is_complete(self) -> bool:
        """Whether the whole table was read, so that a field outside it is a mistake."""
        return self in {Coverage.FULL, Coverage.FULL_PAGE}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """What Pango accepts under one `objectType`.

    Attributes:
        name: the value of `objectType`.
        word: what --object takes: its file's name, since several models may all be sent as `custom-model`.
        fields: in the documents' order, which is the order of the keys in an entry.
        record_key: the fields that identify a record: our inference, overridden by `recordKey` of a mapping.
        ignored_update_cfs: whether it has the tag SUPPORT_IGNORED_UPDATE_CFS (seed 001); None where not seen.
        custom_fields: whether its table has a Custom Fields row; None where unknown.
        coverage: how much of its table was read.
        source: where the facts come from, for instance "seed 003".
        fingerprint: a digest of its rules, part of a load's identity.
    """

    name: str
    title: str
    fields: tuple[FieldRule, ...]
    record_key: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    ignored_update_cfs: bool | None = None
    custom_fields: bool | None = None
    coverage: Coverage = Coverage.FULL
    source: str = ""
    page: str = ""
    note: str = ""
    fingerprint: str = ""
    word: str = ""

    def field(self, name: str) -> FieldRule | None:
        """The rule of the field called `name`, in exactly that spelling."""
        return next((rule for rule in self.fields if rule.name == name), None)


# --- what a mapping asks for ------------------------------------------------------------------------------------------


class Clean(StrEnum):
    """What may be done to a cell's text before it is judged."""

    TRIM = "trim"
    COLLAPSE = "collapse"
    LOWER = "lower"
    UPPER = "upper"
    TITLE = "title"
    DIGITS = "digits"


class OnDuplicate(StrEnum):
    """What happens to two rows with the same record key."""

    SEND = "send"
    KEEP_FIRST = "keep-first"
    KEEP_LAST = "keep-last"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRule:
    """How one key of an entry is made.

    Exactly one of `column`, `template` and `constant` says where its text comes from.

    Attributes:
        target: the field, or the slot inside `container`.
        rule: the field's rule; for a slot, one made from its type.
        container: `customFieldTexts` and so on, for a slot.
        column: the source column.
        template: text with `{column}` places (`computed`).
        constant: the same text in every entry.
        formats: strptime patterns for dates; `epoch-ms` and `epoch-s` are allowed words. Empty: ISO 8601, epoch
            milliseconds of 11 to 14 digits, or a real Excel date.
        values: cell text to the word that is sent; matched without regard to case, after cleaning.
        default: sent where the cell is empty, or where `values` knows no word for it.
        split: separator of a list.
        clean: in order; trimming of outer white space is always done.
        normalise: a country (`VN`) whose rules bring a phone into one form.
        decimal: the decimal sign, for numbers.
        grouping: the sign between thousands, for numbers.
        restore_zero: a phone of nine digits gets its leading zero back.
        empty_is_null: an empty cell is sent as `null`, which may clear a value (not established).
        line: where it stands in the mapping file, 0 where there is none.
    """

    target: str
    rule: FieldRule
    container: str | None = None
    column: str | None = None
    template: str | None = None
    constant: str | None = None
    formats: tuple[str, ...] = ()
    values: Mapping[str, str] | None = None
    default: str | None = None
    split: str | None = None
    clean: tuple[Clean, ...] = ()
    normalise: str | None = None
    decimal: str | None = None
    grouping: str | None = None
    restore_zero: bool = False
    empty_is_null: bool = False
    line: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """Every source column that it reads."""
        if self.column is not None:
            return (self.column,)
        return template_columns(self.template) if self.template is not None else ()


def template_columns(template: str) -> tuple[str, ...]:
    """The source columns named in `template`: `"{First} {Last}"` gives ("First", "Last"). `{{` is a brace."""
    names: list[str] = []
    rest = template.replace("{{", "").replace("}}", "")
    while "{" in rest:
        _, _, rest = rest.partition("{")
        name, closed, rest = rest.partition("}")
        if closed and name not in names:
            names.append(name)
    return tuple(names)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRule:
    """How a wall-clock time becomes what is sent (design, section 4).

    Attributes:
        timezone: an IANA name: true UTC milliseconds are sent, and no `timezoneGmt`.
        offset_hours: `timezoneGmt` as a number; sent in every entry.
        instants: with `offset_hours`: timestamps are true instants nevertheless (`timestamps: instant`).
        column: `timezoneGmt` row by row, from this column.
    """

    timezone: str | None = None
    offset_hours: int | None = None
    instants: bool = False
    column: str | None = None

    @property
    def is_given(self) -> bool:
        """Whether a wall-clock time can be placed at all."""
        return self.timezone is not None or self.offset_hours is not None or self.column is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroups:
    """A nested list made of adjacent rows with the same key: `items: {groupBy: orderId, columns: {...}}`.

    Attributes:
        target: the field that holds the items.
        group_by: the source column whose cell the rows of one entry share.
        columns: the rules of one item.
    """

    target: str
    group_by: str
    columns: tuple[ColumnRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """What a mapping file (or the default mapping) says, checked against an object type and a file's headers.

    Attributes:
        object_type: what the rows become.
        columns: one rule for each key of an entry, in the catalogue's order, slots last by container and number: the
            order of a file's columns never changes the bytes that are sent.
        source: the request's `source`, where the mapping names one.
        nulls: cells that mean "nothing", besides empty ones.
        zone: how wall-clock times are read.
        left_out: headers left out on purpose (`Notes: null`).
        record_key: the targets that identify a record; empty where nothing does.
        checks: severity by field name, problem code or shape, as the mapping changes it.
        ignored_update_cfs: slot names (`ignoredUpdateCfs`).
        user_event: (`jeConfigId`, `jeEventKey`), both or neither.
        request: further keys of the request body, copied as they are, as JSON text by key.
        origin: where it comes from, in words for a person: a path, or "the headers".
        fingerprint: a digest of everything that changes what is sent; part of a load's identity.
        warnings: what a person should see before sending.
    """

    object_type: ObjectType
    columns: tuple[ColumnRule, ...]
    source: str | None = None
    nulls: tuple[str, ...] = ()
    zone: ZoneRule = field(default_factory=ZoneRule)
    left_out: tuple[str, ...] = ()
    record_key: tuple[str, ...] = ()
    on_duplicate: OnDuplicate = OnDuplicate.SEND
    checks: Mapping[str, Severity] = field(default_factory=dict)
    ignored_update_cfs: tuple[str, ...] = ()
    user_event: tuple[str, str] | None = None
    groups: tuple[RowGroups, ...] = ()
    request: Mapping[str, str] = field(default_factory=dict, repr=False)
    origin: str = ""
    fingerprint: str = ""
    warnings: tuple[str, ...] = ()


# --- what is read -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A record of the source that could not be read as cells: it is rejected, and its neighbours are not.

    Attributes:
        code: a problem code of the catalogue of problems, `source.*`.
        raw: its text as it stands in the file, cut at 4,096 characters.
        expected: what was looked for, in words ("22 cells").
        found: what was there ("19 cells").
    """

    code: str
    raw: str
    expected: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some thousands of adjacent records, as text.

    Attributes:
        frame: columns of String, named by header, null where a cell is empty; a row for each record, damaged ones too.
        first: position of its first record: 0 for the first record of the run, counted over all files.
        rows: Int64, the number of each record as a person counts it in that file: the line of the record plus the
            header's in CSV, the sheet's row in Excel, the line in JSONL. Increasing; gaps where blank rows stand.
        file: which of the run's files it comes from, from 0.
        damaged: index in `frame` -> what is wrong with it.
        lines: JSONL only: the line of each record as it stands in the file, in step with `frame`.
        is_plain: it is known that every cell is in Unicode's composed form (NFC) whatever is put beside it, and that
            the only white space in it is the space; False where nobody looked.
        longest: bytes of its longest cell, or more; None where nobody looked.
    """

    frame: pl.DataFrame
    first: int
    rows: pl.Series
    file: int = 0
    damaged: Mapping[int, Damage] = field(default_factory=dict)
    lines: pl.Series | None = None
    is_plain: bool = False
    longest: int | None = None


# --- what is judged ---------------------------------------------------------------------------------------------------


class Problem(NamedTuple):
    """One thing wrong with one row.

    Attributes:
        code: stable, from the catalogue of problems, for instance `date.format`.
        field: Pango's field, or slot; empty where the row as a whole is meant.
        column: the source column, empty where there is none.
        value: the cell as it stands in the file. Only row files and screens show it: never a log or the journal.
        message: the sentence, value included.
        hint: how to mend it.
    """

    code: str
    field: str
    column: str
    value: str | None
    message: str
    hint: str


class RejectedRow(NamedTuple):
    """A row that was turned down, with all its problems; `other`: the row (and file) that it is turned down for."""

    position: int
    row: int
    file: int
    problems: tuple[Problem, ...]
    other: tuple[int, int] | None = None


RejectedRows: TypeAlias = "Sequence[tuple[int, RejectedRow]]"  # of one chunk, each with its index in the frame


# --- what is sent -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedBatch:
    """A batch as the survey planned it: which records it is made of.

    Attributes:
        number: from 0, in the order of the file.
        first: position of its first record.
        last: position of its last record; every valid record between the two belongs to it.
        entries: how many entries it holds.
        rows: how many rows of the source those entries are made of.
        after: numbers of earlier batches that hold one of its record keys and must be settled before it is sent.
        done: positions of entries that an earlier run settled while it took the batch apart; they are not sent again.
    """

    number: int
    first: int
    last: int
    entries: int
    rows: int
    after: tuple[int, ...] = ()
    done: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryRef:
    """An entry by the position of its (first) record, and how many rows of the source it is made of."""

    position: int
    rows: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one request carries.

    Attributes:
        plan: which records it is made of.
        entries: the JSON of each entry, UTF-8; joined when sent, so that a refused batch can be taken apart.
        refs: which records each entry is made of, in step with `entries`.
    """

    plan: PlannedBatch
    entries: tuple[bytes, ...]
    refs: Sequence[EntryRef]

    @property
    def number(self) -> int:
        """Its number in the plan."""
        return self.plan.number


class Verdict(StrEnum):
    """What became of a batch, or of a piece of one."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    UNSENT = "unsent"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedEntry:
    """An entry that the platform refused for good, with its own words, freed of row values and secrets."""

    position: int
    code: str
    message: str
    rows: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one batch.

    Attributes:
        batch: its number.
        verdict: ACCEPTED where the platform acknowledged what was not refused; REFUSED where all of it was refused.
        refused: the entries that were refused; all of them under REFUSED.
        held: entries whose answer never came, where a batch was taken apart and part of it is unknown.
        attempts: requests made for it, in this run.
        http: the last status, None where no answer came.
    """

    batch: int
    verdict: Verdict
    refused: tuple[RefusedEntry, ...] = ()
    held: tuple[EntryRef, ...] = ()
    attempts: int = 1
    http: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Where the rows of the source ended. `read` is the sum of the others, or the program has a bug."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    skipped: int = 0
    unknown: int = 0
    unsent: int = 0

    @property
    def is_balanced(self) -> bool:
        """Whether every row read ended in exactly one place."""
        return self.read == self.accepted + self.rejected + self.skipped + self.unknown + self.unsent
