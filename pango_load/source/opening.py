"""Looks at the beginning of a file and picks the reader for what it is."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from pango_load.errors import UsageError
from pango_load.source.delimited import DelimitedReader, Layout
from pango_load.source.fingerprint import unreadable
from pango_load.source.formats import FileReader, SourceFile, SourceFormat, check_headers
from pango_load.source.json_lines import JsonLinesReader
from pango_load.source.quoting import Dialect, find_records
from pango_load.source.text import BOM, TextFile

if TYPE_CHECKING:
    from pathlib import Path

    from pango_load.plan import SourceOptions

_HEAD_BYTES = 1 << 20
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_JSON_SUFFIXES = {".jsonl", ".ndjson", ".json"}
_TEXT_SUFFIXES = {".csv", ".tsv", ".tab", ".txt"}
_WORKBOOK_SUFFIXES = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\r\x0b\x0c\x1b")


def open_file(path: Path, options: SourceOptions, *, wanted: frozenset[str]) -> FileReader:
    """The reader of one file.

    Raises:
        UsageError: saying what is wrong with the file.
    """
    head = _read_head(path)
    if head.startswith((b"PK\x03\x04", _OLE)) or path.suffix.lower() in _WORKBOOK_SUFFIXES:
        return _open_workbook(path, head, options, wanted)
    _refuse_what_is_no_text(path, head)
    if _is_json(path, head):
        file = SourceFile(path=path, format=SourceFormat.JSONL, encoding="utf-8")
        return JsonLinesReader(file, TextFile(path=path))
    return _open_delimited(path)


def _open_workbook(path: Path, head: bytes, options: SourceOptions, wanted: frozenset[str]) -> FileReader:
    if head.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise UsageError(f"{path} is protected by a password.", "Open it in Excel and save it without one.")
        raise UsageError(f"{path} is a workbook of Excel 97 to 2003.", "Open it in Excel and save it as .xlsx.")
    if not head.startswith(b"PK"):
        raise UsageError(
            f"{path} is not a spreadsheet, whatever its name says: it begins like text.",
            "Export it again as .xlsx, or rename it to .csv if it is one.",
        )
    from pango_load.source.sheets import SheetReader  # noqa: PLC0415 - the engine is not needed for text

    return SheetReader(path, options, wanted=wanted)


def _read_head(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            what = "a folder" if path.is_dir() else "no regular file"
            raise UsageError(f"{path} is {what}.", "Name a file; a folder's files are loaded with folder/*.csv.")
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise UsageError(f"{path} is empty.", "Export it again, headers in the first row.")
    return head


def _refuse_what_is_no_text(path: Path, head: bytes) -> None:
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise UsageError(f"{path} is written in UTF-16.", "Save it as CSV UTF-8.")
    sample = head[:4096]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > len(sample) // 20 and (not _is_utf8(head) or sample.count(0) > max(32, len(sample) // 10)):
        raise UsageError(f"{path} is no text: it holds binary data.", "Export it as CSV, Excel or JSONL.")


def _is_json(path: Path, head: bytes) -> bool:
    suffix = path.suffix.lower()
    if suffix in _JSON_SUFFIXES:
        return True
    return suffix not in _TEXT_SUFFIXES and head.removeprefix(BOM).lstrip().startswith(b"{")


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _open_delimited(path: Path) -> DelimitedReader:
    text = TextFile(path=path)
    blocks = text.open().blocks()
    head = next(blocks, b"")
    final = next(blocks, None) is None
    outside = b'"'.join(head.split(b'"')[::2])
    first_end = re.search(rb"\r?\n|\r", outside)
    dialect = Dialect(line_end=b"\r" if first_end and first_end[0] == b"\r" else b"\n")
    layout = _find_layout(path, head, dialect, final=final)
    check_headers(layout.names, path, f"row {layout.header_row}")
    file = SourceFile(
        path=path,
        format=SourceFormat.CSV,
        encoding="utf-8",
        delimiter=dialect.separator.decode(),
        header_row=layout.header_row,
    )
    return DelimitedReader(file, text, layout)


def _find_layout(path: Path, head: bytes, dialect: Dialect, *, final: bool) -> Layout:
    for number, found in enumerate(find_records(head, dialect, final=final), 1):
        if found.cells is None:
            raise UsageError(f"{path}, row {number}: a quote in the headers is not closed.", "Mend the quotes there.")
        if not found.cells:
            continue
        try:
            names = [cell.decode().strip() for cell in found.cells]
        except UnicodeDecodeError as error:
            raise UsageError(
                f"{path}, row {number}: the headers are not UTF-8.", "Save the file as CSV UTF-8, or give --encoding."
            ) from error
        unnamed = len(names) - len("\x1f".join(names).rstrip("\x1f").split("\x1f")) if any(names) else 0
        return Layout(
            dialect=dialect,
            names=tuple(names[: len(names) - unnamed]),
            unnamed=unnamed,
            preface=head[: found.next],
            header_row=number,
        )
    raise UsageError(f"{path} has no header row within its first 4 MiB.", "Put the headers into the first row.")
