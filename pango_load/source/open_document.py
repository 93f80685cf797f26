"""Spreadsheets of LibreOffice and OpenOffice (.ods), read row by row in flat memory from their own XML."""

from __future__ import annotations

import re
import zipfile
from typing import IO, TYPE_CHECKING
from xml.etree.ElementTree import Element, iterparse
from xml.parsers import expat

from pango_load.errors import UsageError
from pango_load.source.row_books import DIGITS, clock_text, number_text
from pango_load.source.workbook import NO_VALUE, SheetFacts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pango_load.source.row_books import Row
    from pango_load.source.tables import Table

_NAMES = "{urn:oasis:names:tc:opendocument:xmlns:"
_TABLE, _OFFICE, _TEXT = f"{_NAMES}table:1.0}}", f"{_NAMES}office:1.0}}", f"{_NAMES}text:1.0}}"
_STYLE = f"{_NAMES}style:1.0}}"
_SHEET, _ROW, _COLUMN = f"{_TABLE}table", f"{_TABLE}table-row", f"{_TABLE}table-column"
_ERROR_TYPE = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}value-type"
_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")
# What LibreOffice makes of the words of an .xlsx file.
_WORDS = {"of:=TRUE()": "true", "of:=FALSE()": "false"}
_ERROR = re.compile(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!)|Err:\d+")
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(\.\d+)?)?")
_CLOCK = re.compile(r"(-?)P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
_DAY, _HOUR, _MINUTE = 86_400, 3600, 60


class OdsRows:
    """An .ods file; see `RowBook`.

    Raises:
        UsageError: it is protected by a password.
    """

    tables: tuple[Table, ...] = ()
    note = ""

    def __init__(self, path: Path) -> None:
        self._path = path
        with zipfile.ZipFile(path) as archive:
            if b"encryption-data" in archive.read("META-INF/manifest.xml"):
                raise UsageError(f"{path} is protected by a password.", "Save it again without one.")
        outline = _Outline()
        with zipfile.ZipFile(path) as archive, archive.open("content.xml") as stream:
            outline.read(stream)
        self.names = tuple(name for name, _ in outline.sheets)
        self.visible = tuple(name for name, style in outline.sheets if style not in outline.hidden_styles)
        self._is_filtered = outline.is_filtered

    def rows(self, sheet: str) -> Iterator[Row]:
        """See `RowBook`; rows without any cell are left out."""
        for number, row in self._rows(sheet):
            cells = [text for _, cell, times in _cells(row) for text in [_text(cell)] * times]
            for repeated in range(_times(row, "rows") if any(cells) else 0):
                yield number + repeated, cells

    def facts(self, sheet: str) -> SheetFacts:
        """See `RowBook`."""
        facts = SheetFacts(filtered=self._is_filtered)
        row = column = 1
        for element in self._elements(sheet, frozenset({_ROW, _COLUMN})):
            times = _times(element, "rows" if element.tag == _ROW else "columns")
            is_hidden = element.get(f"{_TABLE}visibility", "visible") != "visible"
            if element.tag == _COLUMN:
                facts.hidden_columns += range(column, column + times) if is_hidden else ()
                column += times
                continue
            facts.hidden_rows += range(row, row + times) if is_hidden else ()
            for place, cell, repeated in _cells(element):
                facts.merged += _is_merged(cell)
                if _has_content(cell):
                    _note_all(range(row, row + times), range(place, place + repeated), cell, facts)
            row += times
        return facts

    def _rows(self, sheet: str) -> Iterator[tuple[int, Element]]:
        """(Number of its first row, element) of each row or run of equal rows."""
        number = 1
        for row in self._elements(sheet, frozenset({_ROW})):
            yield number, row
            number += _times(row, "rows")

    def _elements(self, sheet: str, wanted: frozenset[str]) -> Iterator[Element]:
        """The elements of one sheet with such tags; what has been read is let go of."""
        place = _Place(wanted)
        with zipfile.ZipFile(self._path) as archive, archive.open("content.xml") as stream:
            for event, element in iterparse(stream, events=("start", "end")):  # noqa: S314 - expat stops runaway entities
                if event == "start":
                    place.enter(element)
                    continue
                current = place.sheet
                if place.leave(element) and sheet == current:
                    yield element
                if current == sheet and place.sheet is None:
                    return
                place.forget(element)


class _Outline:
    """What a document holds besides its cells, found without keeping any of it.

    Attributes:
        sheets: (name, style) of each, in order.
        hidden_styles: styles of sheets that are not shown.
        is_filtered: whether a filter is set on any sheet.
    """

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.hidden_styles: set[str] = set()
        self.is_filtered = False
        self._style = ""
        self._tables = 0

    def read(self, stream: IO[bytes]) -> None:
        """Walk through `content.xml`.

        Raises:
            ValueError: it is no sound XML.
        """
        parser = expat.ParserCreate(namespace_separator="}")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        try:
            parser.ParseFile(stream)
        except expat.ExpatError as error:
            raise ValueError(str(error)) from error

    def _start(self, tag: str, told: dict[str, str]) -> None:
        match tag:
            case _Tags.SHEET:
                self._tables += 1
                # A table inside a cell is no sheet.
                if self._tables == 1:
                    self.sheets.append((told.get(f"{_TABLE}name"[1:], ""), told.get(f"{_TABLE}style-name"[1:], "")))
            case _Tags.STYLE:
                self._style = told.get(f"{_STYLE}name"[1:], "")
            case _Tags.SHEET_STYLE if told.get(f"{_TABLE}display"[1:]) == "false":
                self.hidden_styles.add(self._style)
            case _Tags.RANGE if told.get(f"{_TABLE}display-filter-buttons"[1:]) == "true":
                self.is_filtered = True
            case _:
                pass

    def _end(self, tag: str) -> None:
        self._tables -= tag == _Tags.SHEET


class _Tags:
    """Tags as expat spells them."""

    SHEET = f"{_TABLE}table"[1:]
    STYLE = f"{_STYLE}style"[1:]
    SHEET_STYLE = f"{_STYLE}table-properties"[1:]
    RANGE = f"{_TABLE}database-range"[1:]


class _Place:
    """Where in the document the parser is."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self.sheet: str | None = None
        self._wanted = wanted
        self._above: list[Element] = []
        self._tables = self._kept = 0

    def enter(self, element: Element) -> None:
        """An element begins."""
        self._above.append(element)
        self._kept += element.tag == _ROW
        if element.tag == _SHEET:
            self._tables += 1
            # A table inside a cell is no sheet.
            if self._tables == 1:
                self.sheet = element.get(f"{_TABLE}name", "")

    def leave(self, element: Element) -> bool:
        """Whether an element that is wanted ends here, and not inside a row."""
        self._above.pop()
        self._kept -= element.tag == _ROW
        if element.tag == _SHEET:
            self._tables -= 1
            if not self._tables:
                self.sheet = None
        return element.tag in self._wanted and not self._kept

    def forget(self, element: Element) -> None:
        """Let go of what is no part of something that is still to be given."""
        if self._above and not self._kept:
            self._above[-1].remove(element)


def _times(element: Element, what: str) -> int:
    """How often a cell, column or row stands there."""
    return max(1, int(element.get(f"{_TABLE}number-{what}-repeated", "1")))


def _cells(row: Element) -> Iterator[tuple[int, Element, int]]:
    """(Number of its first column, cell, how often it stands there), empty ones at the end left out."""
    cells = [cell for cell in row if cell.tag in _CELLS]
    while cells and not _has_content(cells[-1]):
        cells.pop()
    column = 1
    for cell in cells:
        times = _times(cell, "columns")
        yield column, cell, times
        column += times


def _has_content(cell: Element) -> bool:
    # What a merged cell covers is kept in the file and not shown.
    return cell.tag == _CELLS[0] and (f"{_OFFICE}value-type" in cell.attrib or f"{_TABLE}formula" in cell.attrib)


def _is_merged(cell: Element) -> bool:
    return any(int(cell.get(f"{_TABLE}number-{what}-spanned", "1")) > 1 for what in ("columns", "rows"))


def _note_all(rows: range, columns: range, cell: Element, facts: SheetFacts) -> None:
    for row in rows:
        for column in columns:
            _note(row, column, cell, facts)


def _note(row: int, column: int, cell: Element, facts: SheetFacts) -> None:
    """What a cell is, beyond its text."""
    shown = _shown(cell)
    formula = f"{_TABLE}formula" in cell.attrib
    if cell.get(_ERROR_TYPE) == "error" or (formula and _ERROR.fullmatch(shown)):
        facts.failed[row, column] = shown or "#ERROR"
    elif formula and f"{_OFFICE}value-type" not in cell.attrib:
        facts.failed[row, column] = NO_VALUE
    elif cell.get(f"{_OFFICE}value-type") == "float":
        text = _number(cell)
        if len(text.lstrip("-").partition(".")[0]) > DIGITS:
            facts.long_numbers.append((row, column))
        if shown.isascii() and shown.isdigit() and shown != text and shown.lstrip("0") == text.lstrip("0"):
            facts.zeros.add(row, column, len(shown))


def _text(cell: Element) -> str | None:
    """The text of a cell, as it is given for other workbooks."""
    if not _has_content(cell):
        return None
    if cell.get(f"{_TABLE}formula") in _WORDS:
        return _WORDS[cell.get(f"{_TABLE}formula", "")]
    match cell.get(f"{_OFFICE}value-type"):
        case "float" | "percentage" | "currency":
            text = _number(cell)
        case "date":
            text = _date(cell.get(f"{_OFFICE}date-value", ""))
        case "time":
            text = _clock(cell.get(f"{_OFFICE}time-value", ""))
        case "boolean":
            text = cell.get(f"{_OFFICE}boolean-value", "")
        case None:
            text = ""
        case _:
            text = cell.get(f"{_OFFICE}string-value") or _shown(cell)
    return text or None


def _number(cell: Element) -> str:
    return number_text(float(cell.get(f"{_OFFICE}value", "nan")))


def _date(text: str) -> str:
    found = _DATE.fullmatch(text)
    if found is None:
        return text
    fraction = f".{float(found[3]):.3f}".replace(".0.", ".") if found[3] else ""
    return f"{found[1]}T{found[2] or '00:00:00'}{fraction if fraction.strip('.0') else ''}"


def _clock(text: str) -> str:
    found = _CLOCK.fullmatch(text)
    if found is None:
        return text
    days, hours, minutes = (int(found[group] or 0) for group in (2, 3, 4))
    return found[1] + clock_text(days * _DAY + hours * _HOUR + minutes * _MINUTE + float(found[5] or 0))


def _shown(cell: Element) -> str:
    """What a person sees in the cell; comments beside it are no part of it."""
    return "\n".join("".join(_letters(part)) for part in cell if part.tag == f"{_TEXT}p")


def _letters(element: Element) -> Iterator[str]:
    """The text of a paragraph; repeated spaces, tabs and line breaks are elements of their own."""
    yield element.text or ""
    for part in element:
        if part.tag == f"{_TEXT}s":
            yield " " * int(part.get(f"{_TEXT}c", "1"))
        elif part.tag == f"{_TEXT}tab":
            yield "\t"
        elif part.tag == f"{_TEXT}line-break":
            yield "\n"
        elif part.tag != f"{_OFFICE}annotation":
            yield from _letters(part)
        yield part.tail or ""
