"""Cleaned text becomes typed values, column by column, with the rows that do not fit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from pango_load.records import ColumnRule, FieldType, Shape, ZoneRule
from pango_load.validation.dates import read_moments, spread
from pango_load.validation.phones import normalise_phones

if TYPE_CHECKING:
    from collections.abc import Mapping

TRUE_WORDS = ("true", "1", "yes", "y")
FALSE_WORDS = ("false", "0", "no", "n")

_EMAIL = r'^[^@\s,;<>()"]+@[^@\s,;<>()"]+\.[^@\s,;<>()".]{2,}$'
_PHONE_CHARACTERS = r"^[0-9 ().+/\-]*$"
PLAIN_PHONE = r"^\+?[0-9]{6,15}$"
_WHOLE = r"^[+-]?[0-9]+(\.0+)?$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_JSON_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_ISO_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_PHONE_DIGITS = (6, 15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Rows of one column that have one problem.

    Attributes:
        code: from the catalogue of problems.
        rows: Boolean, in step with the frame.
        places: what the sentence needs beside the row's own value.
    """

    code: str
    rows: pl.Series
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Values:
    """A column as it is sent, in step with its text, and what is wrong in it."""

    values: pl.Series
    findings: tuple[Finding, ...] = ()


def type_values(text: pl.Series, rule: ColumnRule, zone: ZoneRule, offsets: pl.Series | None = None) -> Values:
    """Convert a column of cleaned text by its rule.

    The values are String for text, Int64 for whole numbers and milliseconds, String holding a JSON number for
    decimals (so that every digit travels), Boolean, List(String) for lists, String holding JSON for nested values.
    """
    text, translated = _translate(text, rule)
    match rule.rule.type:
        case FieldType.TEXT:
            made = _as_text(text, rule, zone)
        case FieldType.LONG:
            made = _as_whole(text, rule)
        case FieldType.DOUBLE:
            made = _as_decimal(text, rule)
        case FieldType.BOOLEAN:
            made = _as_boolean(text)
        case FieldType.TIMESTAMP:
            made = _as_moment(text, rule, zone, offsets)
        case FieldType.LIST:
            made = _as_list(text, rule)
        case FieldType.OBJECT:
            made = _as_object(text)
    return Values(made.values, (*translated, *made.findings))


def _nothing_like(series: pl.Series) -> pl.Series:
    return pl.Series([None], dtype=series.dtype)


def _marked(rows: pl.Series) -> pl.Series:
    return rows.fill_null(value=False)


def _translate(text: pl.Series, rule: ColumnRule) -> tuple[pl.Series, tuple[Finding, ...]]:
    """The mapping's own `values` and `default`; a word that neither knows passes, with a warning on free fields."""
    if rule.values is None:
        return text, ()
    lowered = text.str.to_lowercase()
    words = {word.lower(): sent for word, sent in rule.values.items()}
    translated = lowered.replace_strict(list(words), list(words.values()), default=None, return_dtype=pl.String)
    own = {word.lower() for word in (*rule.rule.values, *words.values())}
    unknown = translated.is_null() & text.is_not_null() & ~lowered.is_in(list(own))
    if rule.default is not None:
        known = translated.zip_with(translated.is_not_null(), text.zip_with(~unknown, _nothing_like(text)))
        return known.fill_null(rule.default), ()
    made = translated.zip_with(translated.is_not_null(), text)
    is_judged_later = bool(rule.rule.values) or rule.rule.type is not FieldType.TEXT
    return made, () if is_judged_later else (Finding(code="word.unmapped", rows=_marked(unknown)),)


def _as_text(text: pl.Series, rule: ColumnRule, zone: ZoneRule) -> Values:
    if rule.rule.values:
        return _as_word(text, rule)
    match rule.rule.shape:
        case Shape.EMAIL:
            return Values(text, (Finding(code="email.shape", rows=_marked(~text.str.contains(_EMAIL))),))
        case Shape.PHONE:
            return _as_phone(text, rule)
        case Shape.DATE:
            return _as_day(text, rule, zone)
        case _:
            return Values(text)


def _as_word(text: pl.Series, rule: ColumnRule) -> Values:
    """Closed lists are matched without regard to case and sent in the documented spelling."""
    spellings = {word.lower(): word for word in rule.rule.values}
    cell = pl.col("cell")
    is_exact = cell.is_in(rule.rule.values)
    respelled = cell.str.to_lowercase().replace_strict(
        list(spellings), list(spellings.values()), default=None, return_dtype=pl.String
    )
    # Kept as typed where unknown: a check turned to a warning sends it so.
    read = text.alias("cell").to_frame()
    made, unknown = read.select(
        made=pl.when(is_exact).then(cell).otherwise(pl.coalesce(respelled, cell)),
        unknown=(~is_exact & respelled.is_null()).fill_null(value=False),
    ).get_columns()
    words = ", ".join(rule.rule.values)
    places = {"words": words}
    code = "word.open" if rule.rule.values_open else "word.closed"
    return Values(made, (Finding(code=code, rows=unknown, places=places),))


def _as_phone(text: pl.Series, rule: ColumnRule) -> Values:
    findings: list[Finding] = []
    if rule.restore_zero:
        bare = _marked(text.str.contains(r"^[1-9][0-9]{8}$"))
        text = ("0" + text).zip_with(bare, text)
    if rule.normalise is not None:
        text, unreadable = normalise_phones(text, rule.normalise)
        findings.append(
            Finding(code="phone.unreadable", rows=unreadable, places={"country": rule.normalise}),
        )
    unusual = _marked(~text.str.contains(PLAIN_PHONE))
    if unusual.any():
        rest = text.filter(unusual)
        digits = rest.str.count_matches("[0-9]")
        wrong_length = spread(~digits.is_between(*_PHONE_DIGITS), unusual)
        odd = spread(~rest.str.contains(_PHONE_CHARACTERS), unusual)
        findings.append(Finding(code="phone.length", rows=_marked(wrong_length)))
        findings.append(Finding(code="phone.characters", rows=_marked(odd)))
    return Values(text, tuple(findings))


def _as_day(text: pl.Series, rule: ColumnRule, zone: ZoneRule) -> Values:
    """A textual date, year-month-day (seed 003: dob2); a format of the mapping is read and written in that form."""
    del zone  # a day without a time belongs to no zone
    wall = ZoneRule(offset_hours=0)
    moments = read_moments(text, rule.formats, wall)
    days = moments.sent.cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%d")
    is_day = _marked(text.str.contains(_ISO_DAY))
    values = text.zip_with(is_day | days.is_null(), days)
    return Values(
        values,
        (
            Finding(code="date.format", rows=moments.unreadable, places={"expected": _expected(rule)}),
            Finding(code="date.range", rows=moments.outside),
        ),
    )


def _expected(rule: ColumnRule) -> str:
    if not rule.formats:
        return "a date in ISO 8601 form (2024-01-31)"
    return "a date in " + " or ".join(rule.formats)


def _as_whole(text: pl.Series, rule: ColumnRule) -> Values:
    plain = _plain_number(text, rule)
    values = plain.cast(pl.Int64, strict=False)
    left = values.is_null() & text.is_not_null()
    if left.any():
        rest = plain.filter(left)
        whole = rest.str.replace(r"\.0+$", "").zip_with(rest.str.contains(_WHOLE), _nothing_like(rest))
        values = values.zip_with(~left, spread(whole.cast(pl.Int64, strict=False), left))
    code = "zone.range" if rule.rule.shape is Shape.ZONE else "number.whole"
    wrong = values.is_null() & text.is_not_null()
    if rule.rule.shape is Shape.ZONE:
        wrong |= _marked(~values.is_between(-12, 14))
    return Values(values, (Finding(code=code, rows=wrong),))


def _as_decimal(text: pl.Series, rule: ColumnRule) -> Values:
    """Digits are kept as they are written, in JSON's grammar: `+5` becomes `5`, `007.50` becomes `7.50`."""
    plain = _plain_number(text, rule)
    is_number = _marked(plain.str.contains(_NUMBER)) & _marked(plain.cast(pl.Float64, strict=False).is_finite())
    if not _marked(plain.str.contains(_JSON_NUMBER) | plain.is_null()).all():
        plain = (
            plain.str.replace(r"^\+", "")
            .str.replace(r"^(-?)0+([0-9])", "${1}${2}")
            .str.replace(r"^(-?)\.", "${1}0.")
            .str.replace(r"\.($|[eE])", "${1}")
        )
    values = plain.zip_with(is_number, _nothing_like(plain))
    return Values(values, (Finding(code="number.decimal", rows=text.is_not_null() & ~is_number),))


def _plain_number(text: pl.Series, rule: ColumnRule) -> pl.Series:
    if rule.grouping is not None:
        text = text.str.replace_all(rule.grouping, "", literal=True)
    if rule.decimal is not None and rule.decimal != ".":
        text = text.str.replace(rule.decimal, ".", literal=True)
    return text


def _as_boolean(text: pl.Series) -> Values:
    words = (*TRUE_WORDS, *FALSE_WORDS)
    meanings = [word in TRUE_WORDS for word in words]
    values = text.str.to_lowercase().replace_strict(list(words), meanings, default=None, return_dtype=pl.Boolean)
    return Values(values, (Finding(code="boolean.word", rows=values.is_null() & text.is_not_null()),))


def _as_moment(text: pl.Series, rule: ColumnRule, zone: ZoneRule, offsets: pl.Series | None) -> Values:
    moments = read_moments(text, rule.formats, zone, offsets)
    return Values(
        moments.sent,
        (
            Finding(code="date.format", rows=moments.unreadable, places={"expected": _expected(rule)}),
            Finding(code="date.range", rows=moments.outside),
            Finding(code="date.gap", rows=moments.skipped, places={"zone": zone.timezone or ""}),
            Finding(code="date.zone", rows=moments.unplaced),
        ),
    )


def _as_list(text: pl.Series, rule: ColumnRule) -> Values:
    """A JSON list as it is; otherwise the parts between separators; otherwise the cell as the only item."""
    bracketed = _marked(text.str.starts_with("["))
    parts = text.str.split(rule.split) if rule.split else text.reshape((len(text), 1)).arr.to_list()
    stripped = parts.list.eval(pl.element().str.strip_chars())
    items = stripped.list.eval(pl.element().filter(pl.element().str.len_bytes() > 0))
    broken: list[int] = []
    if bracketed.any():
        lists = items.to_list()
        for row in bracketed.arg_true().to_list():
            listed = _json_items(text[row])
            if listed is None:
                broken.append(row)
            else:
                lists[row] = listed
        items = pl.Series(lists, dtype=pl.List(pl.String))
    is_something = text.is_not_null() & _marked(items.list.len() > 0)
    values = items.zip_with(is_something, _nothing_like(items))
    marks = pl.repeat(value=False, n=len(text), dtype=pl.Boolean, eager=True).scatter(broken, values=True)
    return Values(values, (Finding(code="list.bracket", rows=marks),))


def _json_items(cell: str) -> list[str] | None:
    """The items of a JSON list as text; None where the cell is no flat list."""
    try:
        items = json.loads(cell, parse_float=str, parse_int=str)
    except ValueError:
        return None
    if not isinstance(items, list) or any(isinstance(item, (list, dict)) for item in items):
        return None
    return [item if isinstance(item, str) else json.dumps(item) for item in items if item is not None]


def _as_object(text: pl.Series) -> Values:
    """Nested values travel as the JSON they are; here only their being JSON is judged."""
    wrong = [row for row, cell in enumerate(text.to_list()) if cell is not None and not _is_json_container(cell)]
    marks = pl.repeat(value=False, n=len(text), dtype=pl.Boolean, eager=True).scatter(wrong, values=True)
    finding = Finding(code="object.json", rows=marks, places={"expected": "a JSON object or list"})
    return Values(text.zip_with(~marks, _nothing_like(text)), (finding,))


def _is_json_container(cell: str) -> bool:
    try:
        return isinstance(json.loads(cell), (dict, list))
    except ValueError:
        return False
