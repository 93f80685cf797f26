"""What the fast Excel engine keeps to itself, read from the workbook's own XML.

The engine gives error cells and formulas without a value as blanks, and hides which rows are hidden; the sheet's XML is
scanned once for those, as text and not as a tree, since that costs a sixth of the engine's own time.
"""

from __future__ import annotations

import posixpath
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING
from xml.sax.saxutils import unescape

from pango_load.source.number_formats import ZeroRuns, styles_with_zeros

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator

NO_VALUE = "a formula without a value"

_PIECE_BYTES = 1 << 20
_HEAD_BYTES = 4096
_VAST = 100_000_000  # cells, each some 24 bytes in the fast engine
_SHEET = re.compile(rb"<(?:\w+:)?sheet\b([^>]*)>")
_DIMENSION = re.compile(rb'<(?:\w+:)?dimension\b[^>]*\bref="[A-Z]+\d+:([A-Z]{1,3})(\d+)"')
_ROW = re.compile(rb"<(?:\w+:)?row\b([^>]*)>")
_ERROR = re.compile(
    rb'<(?:\w+:)?c\b(?=[^>]*\bt="e")([^>]*)>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v[^>]*>([^<]*)<', re.DOTALL
)
_NO_VALUE = re.compile(
    rb"<(?:\w+:)?c\b([^>/]*)>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>|</(?:\w+:)?c>)"
)
_ERROR_HINT = re.compile(rb'e"(?<=t="e")')
_FORMULA_HINT = re.compile(rb"f[ />](?<=[<:]f.)")
_DATE_TEXT = re.compile(rb":\d\d:\d\d(?<=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
_REFERENCE = re.compile(rb'\br="([A-Z]{1,3})(\d+)"')
_NUMBER = re.compile(rb'\br="(\d+)"')
_LONG_NUMBER = re.compile(
    rb"<(?:\w+:)?c\b([^>]*)><(?:\w+:)?v>-?(?:\d{16,}|\d(?:\.\d+)?[eE]\+(?:1[5-9]|[2-9]\d))</(?:\w+:)?v>"
)
_TEXT_TYPE = re.compile(rb'\bt="(?:s|str|inlineStr)"')
_OTHER_TYPE = re.compile(rb'\bt="(?!n")')
_STYLED_CELL = rb'<(?:\w+:)?c\b(?=([^>/]*)>)[^>]*?\bs="(%s)"'
_HIDDEN = re.compile(rb'\bhidden="(?:1|true)"')
_MINIMUM, _MAXIMUM = re.compile(rb'\bmin="(\d+)"'), re.compile(rb'\bmax="(\d+)"')
_LAST_COLUMN = 16_384
_COLUMN = re.compile(rb"<(?:\w+:)?col\b([^>]*)>")


@dataclass(slots=True, kw_only=True)
class SheetFacts:
    """What the XML of one sheet tells.

    Attributes:
        failed: (row, column), both from 1, of cells without a value of their own -> what stands there (`#N/A`, or
            `a formula without a value`).
        hidden_rows: numbers of hidden rows.
        hidden_columns: numbers of hidden columns.
        merged: how many areas are merged.
        filtered: whether a filter is set.
        has_date_text: whether some *text* of the workbook looks as the engine writes real dates.
        long_numbers: (row, column) of number cells with more than 15 digits, of which Excel keeps 15; looked for on
            request.
        zeros: number cells that are shown with leading zeros.
        was_scanned: there is an XML of this kind at all.
    """

    failed: dict[tuple[int, int], str] = field(default_factory=dict)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)
    merged: int = 0
    filtered: bool = False
    has_date_text: bool = False
    long_numbers: list[tuple[int, int]] = field(default_factory=list)
    zeros: ZeroRuns = field(default_factory=ZeroRuns)
    was_scanned: bool = True


def sheet_part(book: zipfile.ZipFile, name: str) -> str | None:
    """The archive's member that holds the sheet called `name`, None where it cannot be told."""
    return sheet_parts(book).get(name)


def visible_sheets(book: zipfile.ZipFile) -> tuple[str, ...]:
    """The sheets of cells that a person sees, in order; nothing where it cannot be told."""
    parts = sheet_parts(book)
    told = [attributes(tag) for tag in _SHEET.findall(book.read("xl/workbook.xml"))] if parts else []
    names = [one.get("name", "") for one in told if one.get("state", "visible") == "visible"]
    return tuple(name for name in names if "chartsheets/" not in parts.get(name, "chartsheets/"))


def vast_sheets(book: zipfile.ZipFile) -> frozenset[str]:
    """The sheets whose grid, from the first to the last cell that is used, no memory holds."""
    vast = set()
    for name, part in sheet_parts(book).items():
        with suppress(KeyError), book.open(part) as stream:
            found = _DIMENSION.search(stream.read(_HEAD_BYTES))
            cells = int(found[2]) * column_number(found[1].decode()) if found else 0
            if cells > _VAST:
                vast.add(name)
    return frozenset(vast)


def sheet_parts(book: zipfile.ZipFile) -> dict[str, str]:
    """Name of each sheet -> the archive's member that holds it; nothing where it cannot be told."""
    try:
        sheets = book.read("xl/workbook.xml")
        relations = book.read("xl/_rels/workbook.xml.rels")
    except KeyError:
        return {}
    targets: dict[str, str] = {}
    for tag in re.findall(rb"<(?:\w+:)?Relationship\b([^>]*)>", relations):
        told = attributes(tag)
        if "Id" in told and "Target" in told:
            targets[told["Id"]] = posixpath.normpath(posixpath.join("/xl", told["Target"])).lstrip("/")
    parts: dict[str, str] = {}
    for tag in _SHEET.findall(sheets):
        told = attributes(tag)
        relation = next((value for key, value in told.items() if key.endswith(":id")), "")
        if relation in targets:
            parts.setdefault(told.get("name", ""), targets[relation])
    return parts


def attributes(tag: bytes) -> dict[str, str]:
    """The attributes of a tag, given as the text behind its name."""
    pairs = re.findall(r"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""", tag.decode(errors="replace"))
    quotes = {"&quot;": '"', "&apos;": "'"}
    return {key: unescape(double or single, quotes) for key, double, single in pairs}


def read_facts(book: zipfile.ZipFile, part: str, *, long_numbers: bool = False) -> SheetFacts:
    """Scan one sheet, and the texts it shares with the others."""
    facts = SheetFacts()
    zeros: dict[int, int] = {}
    with suppress(KeyError):
        zeros = styles_with_zeros(book.read("xl/styles.xml"))
    with book.open(part) as stream:
        piece = b""
        for piece in _pieces(stream):
            _scan(piece, facts)
            if zeros:
                _scan_zeros(piece, zeros, facts)
            if long_numbers:
                _scan_numbers(piece, facts)
        _scan_end(piece, facts)
    if not facts.has_date_text and "xl/sharedStrings.xml" in book.namelist():
        with book.open("xl/sharedStrings.xml") as stream:
            facts.has_date_text = any(_DATE_TEXT.search(piece) for piece in _pieces(stream, b"<si"))
    return facts


def _pieces(stream: IO[bytes], unit: bytes = b"<row") -> Iterator[bytes]:
    """The stream in pieces that are cut before a row (or another unit), so that no cell is cut in two.

    The last piece begins with the last row and holds everything that stands behind the rows.
    """
    rest = b""
    while block := stream.read(_PIECE_BYTES):
        text = rest + block
        cut = max(text.rfind(unit), text.rfind(b":" + unit[1:]) - 16)
        if cut > 0:
            yield text[:cut]
        rest = text[cut:] if cut > 0 else text
    yield rest


def _scan(piece: bytes, facts: SheetFacts) -> None:
    if b"hidden=" in piece:
        for tag in _ROW.findall(piece):
            number = _NUMBER.search(tag)
            if number and _HIDDEN.search(tag):
                facts.hidden_rows.append(int(number[1]))
        facts.hidden_columns += _hidden_columns(piece)
    if _ERROR_HINT.search(piece):
        for match in _ERROR.finditer(piece):
            _note(match[1], match[2].decode(errors="replace"), facts)
    if _FORMULA_HINT.search(piece):
        for match in _NO_VALUE.finditer(piece):
            if b't="str"' not in match[1]:
                _note(match[1], NO_VALUE, facts)
    facts.has_date_text = facts.has_date_text or _DATE_TEXT.search(piece) is not None


def _hidden_columns(piece: bytes) -> Iterator[int]:
    for tag in _COLUMN.findall(piece):
        first, last = _MINIMUM.search(tag), _MAXIMUM.search(tag)
        if first and last and _HIDDEN.search(tag):
            yield from range(int(first[1]), min(int(last[1]), _LAST_COLUMN) + 1)


def _scan_numbers(piece: bytes, facts: SheetFacts) -> None:
    for tag in _LONG_NUMBER.findall(piece):
        reference = _REFERENCE.search(tag)
        if reference and not _TEXT_TYPE.search(tag):
            facts.long_numbers.append((int(reference[2]), column_number(reference[1].decode())))


def _scan_zeros(piece: bytes, zeros: dict[int, int], facts: SheetFacts) -> None:
    used = [b"%d" % style for style in zeros if b's="%d"' % style in piece]
    if not used:
        return
    styled = re.compile(_STYLED_CELL % b"|".join(used))
    for tag, style in styled.findall(piece):
        reference = _REFERENCE.search(tag)
        if reference and not _OTHER_TYPE.search(tag):
            facts.zeros.add(int(reference[2]), column_number(reference[1].decode()), zeros[int(style)])


def _scan_end(piece: bytes, facts: SheetFacts) -> None:
    """What stands behind the rows."""
    facts.merged = len(re.findall(rb"<(?:\w+:)?mergeCell\b", piece))
    facts.filtered = b"autoFilter" in piece


def _note(tag: bytes, what: str, facts: SheetFacts) -> None:
    reference = _REFERENCE.search(tag)
    if reference:
        facts.failed[int(reference[2]), column_number(reference[1].decode())] = what


def column_number(letters: str) -> int:
    """`A` is 1, `Z` 26, `AA` 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """1 is `A`, 26 `Z`, 27 `AA`."""
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
