"""A file to fill in: headers, one example row, and in Excel the closed words, the notes and the text format."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from pango_load.catalogue.describe import FieldLine, describe_type
from pango_load.catalogue.examples import example_row
from pango_load.errors import UsageError
from pango_load.records import FieldRule, FieldType, ObjectType

if TYPE_CHECKING:
    from pathlib import Path

    from openpyxl.worksheet.worksheet import Worksheet

_LAST_ROW = 1_048_576
"""The last row that Excel has: rules are laid on the whole column."""

_LIST_LIMIT = 255
"""The most characters that Excel takes as a list of words."""

_FORMATS = {
    FieldType.LONG: "0",
    FieldType.DOUBLE: "General",
    FieldType.BOOLEAN: "General",
    FieldType.TIMESTAMP: "yyyy-mm-dd hh:mm",
}
"""Everything else is text, so that the zeros of ids and phones survive (pango-api.md, section 12)."""

_NEEDED_FILL = {"required": "FFF2CC", "conditional": "FFF9E5", "": "F2F2F2"}


def write_template(described: ObjectType, path: Path, *, overwrite: bool = False) -> None:
    """Write a file to fill in, CSV or XLSX by the ending of `path`: the field names as headers, and one example row.

    `timezoneGmt` has no column: a zone is given once, by the mapping or --timezone. Nested items stand as JSON in
    one cell.

    Raises:
        UsageError: another ending, a file that exists already, a folder that cannot be written, or a type whose
            fields are not known.
    """
    ending = path.suffix.lower()
    if ending not in {".csv", ".xlsx"}:
        raise UsageError(f"{path}: a template is a .csv or an .xlsx file.", "Give it one of these endings.")
    if not described.fields:
        raise UsageError(
            f"The fields of {described.name} are not known, so there is nothing to fill in.",
            f"`pango-load objects learn payload.json --as {described.name}` learns them from the console's payload.",
        )
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists already.", "Name another file: a template never replaces one.")
    try:
        if ending == ".csv":
            _write_csv(described, path)
        else:
            _write_workbook(described, path)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}.", "Name a folder that can be written."
        ) from error


def _write_csv(described: ObjectType, path: Path) -> None:
    row = example_row(described)
    # The mark at the beginning makes Excel read Vietnamese letters as what they are.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(row)
        writer.writerow(row.values())


def _write_workbook(described: ObjectType, path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = described.name[:31]
    sheet.freeze_panes = "A2"
    words = describe_type(described)
    lines = {line.name: line for line in words.fields}
    rules = {rule.name: rule for rule in described.fields}
    for number, (name, example) in enumerate(example_row(described).items(), start=1):
        _write_column(sheet, number, rules[name], lines[name], example)
        told = [text for text in words.rules if name in text.replace(",", " ").split()]
        if rules[name].type is FieldType.TIMESTAMP:
            told.append("A date of Excel's own needs --timezone when it is loaded; text says its offset, as here.")
        _add_note(sheet, number, lines[name], told)
    book.save(path)


def _write_column(sheet: Worksheet, number: int, rule: FieldRule, line: FieldLine, example: str) -> None:
    letter = get_column_letter(number)
    shown = _FORMATS.get(rule.type, "@")
    sheet.column_dimensions[letter].width = max(12, min(40, len(rule.name) + 4, 40))
    sheet.column_dimensions[letter].number_format = shown
    header = sheet.cell(row=1, column=number, value=rule.name)
    header.font = Font(bold=True)
    header.fill = PatternFill("solid", start_color=_NEEDED_FILL[line.needed])
    cell = sheet.cell(row=2, column=number, value=_cell_value(rule, example))
    cell.number_format = shown
    words = ("true", "false") if rule.type is FieldType.BOOLEAN else rule.values
    if words and len(",".join(words)) <= _LIST_LIMIT and not any("," in word for word in words):
        choice = DataValidation(type="list", formula1=f'"{",".join(words)}"', allow_blank=True)
        choice.errorStyle = "warning" if rule.values_open else "stop"
        choice.errorTitle = rule.name
        choice.error = f"One of: {', '.join(words)}"[:_LIST_LIMIT]
        choice.add(f"{letter}2:{letter}{_LAST_ROW}")
        sheet.add_data_validation(choice)


def _cell_value(rule: FieldRule, example: str) -> str | float | bool | None:
    if not example:
        return None
    match rule.type:
        case FieldType.LONG:
            return int(example)
        case FieldType.DOUBLE:
            return float(example)
        case FieldType.BOOLEAN:
            return example == "true"
        case _:
            return example


def _add_note(sheet: Worksheet, number: int, line: FieldLine, conditions: list[str]) -> None:
    """What it holds, whether it is needed, its words, the rules it takes part in, and what a reader should know."""
    told = [line.holds, line.needed, f"one of: {line.words}" if line.words else "", line.note, *conditions]
    note = Comment("\n".join(filter(None, told)), "pango-load")
    note.width, note.height = 320, 120
    sheet.cell(row=1, column=number).comment = note
