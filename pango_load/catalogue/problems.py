"""Every problem that a row can have: its stable code, its sentence, its hint and how severe it is.

The codes are the vocabulary of `rejected.*`, `summary.json` and the `checks` of a mapping; they are never renamed.
"""

from __future__ import annotations

from dataclasses import dataclass

from pango_load.records import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemKind:
    """What can be said about one problem.

    Attributes:
        code: the stable name.
        title: what it is, without a row.
        sentence: with places for `{field}`, `{value}` and what the check knows.
        hint: how to mend it, with the same places.
        severity: where no mapping says otherwise.
        advice: what to do about all its rows at once, where a person decides that; shown at the end of a run.
    """

    code: str
    title: str
    sentence: str
    hint: str
    severity: Severity = Severity.ERROR
    advice: str = ""


_KINDS = (
    ProblemKind(
        code="required.missing",
        title="a required field is empty",
        sentence="{field} is required and empty.",
        hint="Fill the column {column} in.",
    ),
    ProblemKind(
        code="required.any-of",
        title="none of several fields is filled in",
        sentence="One of {alternatives} is required, and none is there.",
        hint="Fill in one of {alternatives}.",
    ),
    ProblemKind(
        code="required.all-of",
        title="a part of several fields is empty",
        sentence="{alternatives} are required together; {missing} is empty.",
        hint="Fill in {missing}.",
    ),
    ProblemKind(
        code="number.whole",
        title="not a whole number",
        sentence='{field}: "{value}" is not a whole number.',
        hint="Write digits only, between -9223372036854775808 and 9223372036854775807.",
    ),
    ProblemKind(
        code="number.decimal",
        title="not a number",
        sentence='{field}: "{value}" is not a finite number.',
        hint='Write digits with a point for decimals; "decimal" and "grouping" in the mapping read other signs.',
    ),
    ProblemKind(
        code="boolean.word",
        title="neither true nor false",
        sentence='{field}: "{value}" is neither true nor false.',
        hint='Write true or false, or give the words in the mapping: values: {{"{value}": "true"}}.',
    ),
    ProblemKind(
        code="date.format",
        title="not a date",
        sentence='{field}: "{value}" is not {expected}.',
        hint="Mend the cell{or_pattern}.",
    ),
    ProblemKind(
        code="date.range",
        title="a date outside 1900 to 2099",
        sentence='{field}: "{value}" falls outside the years 1900 to 2099.',
        hint="Write the year with four digits; a number is read as epoch milliseconds.",
    ),
    ProblemKind(
        code="date.gap",
        title="a time that the clock skipped",
        sentence='{field}: "{value}" did not exist in {zone}: clocks went forward over it.',
        hint="Write the time with its offset, for instance 2024-03-10T02:30:00+07:00.",
    ),
    ProblemKind(
        code="date.old-clock",
        title="older clock: may show a day off",
        sentence='{field}: "{value}" falls when the clock of {zone} was not today\'s.',
        hint="It is sent as the true instant; timezone: Etc/GMT-7 reads every date by today's clock of Viet Nam.",
        severity=Severity.WARN,
        advice="Try one date of date.old-clock: if Pango's console shows the day before, use timezone: Etc/GMT-7, "
        "which reads every date by today's clock of Viet Nam.",
    ),
    ProblemKind(
        code="date.zone",
        title="a wall-clock time without a zone",
        sentence='{field}: "{value}" is a wall-clock time, and its row gives no timezoneGmt.',
        hint="Fill timezoneGmt in, or write the time with its offset.",
    ),
    ProblemKind(
        code="zone.range",
        title="timezoneGmt outside -12 to 14",
        sentence='timezoneGmt: "{value}" is not a whole number of hours from -12 to 14.',
        hint="Viet Nam is 7.",
    ),
    ProblemKind(
        code="word.closed",
        title="a word that is not in the field's list",
        sentence='{field}: "{value}" is none of {words}.',
        hint='Use one of {words}, or translate it in the mapping: values: {{"{value}": ...}}.',
    ),
    ProblemKind(
        code="word.open",
        title="a word that the documents do not print",
        sentence='{field}: "{value}" is not among the words that the documents print ({words}).',
        hint="It is sent as it is.",
        severity=Severity.WARN,
    ),
    ProblemKind(
        code="word.unmapped",
        title="a word that the mapping's values do not name",
        sentence='{field}: "{value}" is not among the values of the mapping.',
        hint="It is sent as it is; name it under values, or give a default.",
        severity=Severity.WARN,
    ),
    ProblemKind(
        code="email.shape",
        title="not an e-mail address",
        sentence='{field}: "{value}" is not an e-mail address.',
        hint="Mend or empty the cell; checks: {{{field}: warn}} in the mapping sends it as it is.",
    ),
    ProblemKind(
        code="phone.length",
        title="a phone number outside 6 to 15 digits",
        sentence='{field}: "{value}" has {digits} digits; a phone number has 6 to 15.',
        hint="Mend or empty the cell; several numbers in one cell must be split.",
    ),
    ProblemKind(
        code="phone.characters",
        title="a phone number with other characters",
        sentence='{field}: "{value}" holds characters that a phone number does not have.',
        hint="It is sent as it is; mend the cell if it is not meant.",
        severity=Severity.WARN,
    ),
    ProblemKind(
        code="phone.unreadable",
        title="a phone number that cannot be brought into one form",
        sentence='{field}: "{value}" is not a phone number of {country}.',
        hint="It is sent as it is; mend the cell if it is not meant.",
        severity=Severity.WARN,
    ),
    ProblemKind(
        code="list.bracket",
        title="a list that is not JSON",
        sentence='{field}: "{value}" begins like a JSON list and is none.',
        hint="It is sent as one item; write a JSON list, or give split in the mapping.",
        severity=Severity.WARN,
    ),
    ProblemKind(
        code="object.json",
        title="a nested value that cannot be read",
        sentence="{field}: the cell does not hold {expected}.",
        hint="Nested values come from JSONL, or from rows grouped in the mapping.",
    ),
    ProblemKind(
        code="object.items",
        title="a nested item that does not fit",
        sentence="{field}: item {item}: {reason}",
        hint="Mend the nested item.",
    ),
    ProblemKind(
        code="key.repeated",
        title="the record key twice",
        sentence="The record key ({field}) stands in {other} too.",
        hint="Keep one of the rows and load it; onDuplicate: keep-first or keep-last in the mapping chooses for you.",
    ),
    ProblemKind(
        code="group.differs",
        title="a field of the entry that differs between the rows of one group",
        sentence='{field}: "{value}" differs from {other}, the first row of its group.',
        hint="Write the same in every row of the group, or leave the cell empty below the first one.",
    ),
    ProblemKind(
        code="group.no-key",
        title="a row that belongs to no group",
        sentence="The row has no {column}, by which rows are grouped.",
        hint="Fill {column} in, in every row.",
    ),
    ProblemKind(
        code="group.incomplete",
        title="a row whose group holds a rejected row",
        sentence="No entry is sent with an item missing: {other} is rejected, and belongs or may belong to the same "
        "{field}.",
        hint="Mend that row, and the whole group loads again.",
    ),
    ProblemKind(
        code="source.too-few-cells",
        title="a row with too few cells",
        sentence="The row has {found}; the header has {expected}.",
        hint="Look for a line break or a missing separator in this row.",
    ),
    ProblemKind(
        code="source.too-many-cells",
        title="a row with too many cells",
        sentence="The row has {found}; the header has {expected}.",
        hint="A cell that holds the separator must stand in quotes.",
    ),
    ProblemKind(
        code="source.bad-quote",
        title="quotes that do not match",
        sentence="The row's quotes do not match{found}.",
        hint='A quote inside a quoted cell is written twice ("").',
    ),
    ProblemKind(
        code="source.bad-encoding",
        title="bytes that are no text",
        sentence="The row holds bytes that are not {expected}.",
        hint="Save the file as UTF-8, or name its encoding with --encoding.",
    ),
    ProblemKind(
        code="source.bad-json",
        title="a line that is not a JSON object",
        sentence="The line is not {expected}{found}.",
        hint="Each line of a JSONL file is one JSON object.",
    ),
    ProblemKind(
        code="source.error-cell",
        title="a cell with an Excel error",
        sentence="A cell holds {found} instead of a value.",
        hint="Mend the formula in Excel, or paste its values.",
    ),
    ProblemKind(
        code="source.no-value",
        title="a formula without a value",
        sentence="A cell holds a formula whose value was never calculated{found}.",
        hint="Open the workbook in Excel, let it calculate, and save it.",
    ),
    ProblemKind(
        code="platform.refused",
        title="refused by Pango",
        sentence="Pango refused it: {value}",
        hint="Mend what Pango names; the console shows the model's fields.",
    ),
)

PROBLEM_KINDS = {kind.code: kind for kind in _KINDS}
"""Every kind of problem by its code."""


class _Blank(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def describe_problem(code: str, **places: str) -> tuple[str, str]:
    """The sentence and the hint of `code`, with `places` filled in and what is not known left out.

    A code outside the catalogue (the platform's own `errorCode`) is described as a refusal.
    """
    kind = PROBLEM_KINDS.get(code, PROBLEM_KINDS["platform.refused"])
    known = _Blank(places)
    return kind.sentence.format_map(known), kind.hint.format_map(known)
