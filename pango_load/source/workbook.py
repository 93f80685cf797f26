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
    from collections.abc import Iterator, Mapping

NO_VALUE = "a formula without a value"

_PIECE_BYTES = 1 << 16  # what stays at hand in the processor while it is looked at several times
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
# Each begins with a letter that stands in few cells: what follows is looked at only there.
_NOTHING_BEHIND = rb"\s*(?:</|<(?:\w+:)?v(?:\s*/>|>\s*<))"
_FORMULA_HINTS = (
    (re.compile(rb"f>(?<=[/:]f>)" + _NOTHING_BEHIND), 3),  # </f>: its own tag, the one that opens it, the cell's
    (re.compile(rb"f (?<=[<:]f )[^>]*/>" + _NOTHING_BEHIND), 2),
    (re.compile(rb"f/>(?<=[<:]f/>)" + _NOTHING_BEHIND), 2),
)
_DATE_TEXT = re.compile(rb"-\d\d-\d\d \d\d:\d\d:\d\d(?<=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
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
_TAG_ENDS = frozenset((b" ", b">", b"/", b"\t", b"\r", b"\n"))
_PREFIX = re.compile(rb"\w+")
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
    """Scan one sheet, and the texts it shares with the others.

    Both are read to their ends, where their sums are checked: the fast engine stops before, and would give what a
    damaged disk made of a cell.

    Raises:
        BadZipFile: they are damaged.
    """
    zeros: dict[int, int] = {}
    with suppress(KeyError):
        zeros = styles_with_zeros(book.read("xl/styles.xml"))
    with book.open(part) as stream:
        facts = scan_sheet(stream, zeros, long_numbers=long_numbers)
    if "xl/sharedStrings.xml" in book.namelist():
        with book.open("xl/sharedStrings.xml") as stream:
            for piece in _pieces(stream, b"si"):
                facts.has_date_text = facts.has_date_text or _has_date_text(piece)
    return facts


def scan_sheet(stream: IO[bytes], zeros: Mapping[int, int], *, long_numbers: bool = False) -> SheetFacts:
    """Scan the XML of a sheet.

    Args:
        stream: the XML, unpacked.
        zeros: number of a cell style -> digits that it shows at least, where it shows leading zeros.
        long_numbers: whether numbers of more than 15 digits are looked for.
    """
    facts = SheetFacts()
    piece = b""
    for piece in _pieces(stream):
        _scan(piece, facts)
        if zeros:
            _scan_zeros(piece, zeros, facts)
        if long_numbers:
            _scan_numbers(piece, facts)
    _scan_end(piece, facts)
    return facts


def _pieces(stream: IO[bytes], unit: bytes = b"row") -> Iterator[bytes]:
    """The stream in pieces that are cut before a row (or another unit), so that no cell is cut in two.

    The last piece begins with a row and holds everything that stands behind the rows.
    """
    held: list[bytes] = []
    while block := stream.read(_PIECE_BYTES):
        cut = _last_start(block, unit)
        if cut > 0:
            yield b"".join((*held, memoryview(block)[:cut]))
            held = []
        held.append(block[max(cut, 0) :])
    yield b"".join(held)


def _last_start(block: bytes, unit: bytes) -> int:
    """Where the last element called `unit` begins, with a prefix to its name or without; -1 where none does."""
    at = len(block)
    while (at := block.rfind(b"<" + unit, 0, at)) >= 0:
        # There is also a <rowBreaks>, behind the rows.
        if block[at + 1 + len(unit) : at + 2 + len(unit)] in _TAG_ENDS:
            return at
    at = len(block)
    while (at := block.rfind(b":" + unit, 0, at)) >= 0:
        start = block.rfind(b"<", 0, at)
        if block[at + 1 + len(unit) : at + 2 + len(unit)] in _TAG_ENDS and _PREFIX.fullmatch(block, start + 1, at):
            return start
    return -1


def _scan(piece: bytes, facts: SheetFacts) -> None:
    # To look for a single letter takes next to no time, and most sheets hold few of these.
    if b"h" in piece and b"hidden=" in piece:
        for tag in _ROW.findall(piece):
            number = _NUMBER.search(tag)
            if number and _HIDDEN.search(tag):
                facts.hidden_rows.append(int(number[1]))
        facts.hidden_columns += _hidden_columns(piece)
    if b"e" in piece:
        for hint in _ERROR_HINT.finditer(piece):
            if found := _ERROR.match(piece, _tag_before(piece, hint.start(), 1)):
                _note(found[1], found[2].decode(errors="replace"), facts)
    if b"f" in piece:
        for cell in _cells_without_a_value(piece):
            _note(cell, NO_VALUE, facts)
    facts.has_date_text = facts.has_date_text or _has_date_text(piece)


def _cells_without_a_value(piece: bytes) -> Iterator[bytes]:
    """The attributes of the cells that hold a formula and nothing else."""
    for hints, tags in _FORMULA_HINTS:
        for hint in hints.finditer(piece):
            found = _NO_VALUE.match(piece, _tag_before(piece, hint.start(), tags))
            if found and b't="str"' not in found[1]:
                yield found[1]


def _tag_before(piece: bytes, at: int, tags: int) -> int:
    """Where the tag begins that is so many tags before `at`; what stands between tags holds no `<`."""
    for _ in range(tags):
        at = max(piece.rfind(b"<", 0, at), 0)
    return at


def _has_date_text(piece: bytes) -> bool:
    return b"-" in piece and _DATE_TEXT.search(piece) is not None


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


def _scan_zeros(piece: bytes, zeros: Mapping[int, int], facts: SheetFacts) -> None:
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
