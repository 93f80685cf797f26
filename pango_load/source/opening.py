"""Looks at the beginning of a file and picks the reader for what it is."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from pango_load.errors import UsageError
from pango_load.source.delimited import DelimitedReader
from pango_load.source.encodings import find_encoding, refuse_binary
from pango_load.source.fingerprint import unreadable
from pango_load.source.formats import FileReader, SourceFile, SourceFormat
from pango_load.source.json_arrays import is_array, is_document, split_array, split_document
from pango_load.source.json_lines import JsonLinesReader
from pango_load.source.layout import find_layout
from pango_load.source.packing import BROKEN_ARCHIVE, Packing, find_packing, zip_member
from pango_load.source.parquet import ParquetReader
from pango_load.source.text import TextFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pango_load.plan import SourceOptions
    from pango_load.source.encodings import Encoding
    from pango_load.source.json_lines import Splitter
    from pango_load.source.row_books import RowBook

_ALL = "all"
_HEAD_BYTES = 1 << 20
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_LINE_SUFFIXES = {".jsonl", ".ndjson"}
_JSON_SUFFIXES = {*_LINE_SUFFIXES, ".json"}
_TEXT_SUFFIXES = {".csv", ".tsv", ".tab", ".txt"}
_WORKBOOK_SUFFIXES = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
_OTHERS = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"SQLite format 3", "an SQLite database"),
    (b"<!DOCTYPE html", "a web page"),
    (b"<?xml", "an XML document (some exports call one .xls)"),
    (b"<html", "a web page (some exports call one .xls)"),
)


def open_file(path: Path, options: SourceOptions, *, wanted: frozenset[str]) -> FileReader:
    """The reader of one file.

    Raises:
        UsageError: saying what is wrong with the file.
    """
    head = _read_head(path)
    if head.startswith(b"PAR1"):
        return ParquetReader(path)
    packing = find_packing(head)
    if head.startswith(_ZIP) and not _is_workbook(path):
        packing = Packing.ZIP
    if packing is Packing.NONE and (head.startswith((_ZIP, _OLE)) or path.suffix.lower() in _WORKBOOK_SUFFIXES):
        return _open_workbook(path, head, options, wanted)
    return _open_text(path, packing, options, wanted)


def open_files(path: Path, options: SourceOptions, *, wanted: frozenset[str]) -> list[FileReader]:
    """The reader of one file, or the readers of all sheets that hold something, with `--sheet all`.

    Raises:
        UsageError: saying what is wrong with the file.
    """
    sheets = _sheets(path) if (options.sheet or "").strip().lower() == _ALL else {}
    if not sheets or options.sheet in sheets:
        return [open_file(path, options, wanted=wanted)]
    shown = [name for name, is_visible in sheets.items() if is_visible] or list(sheets)
    readers = [open_file(path, replace(options, sheet=name), wanted=wanted) for name in shown]
    passed = ", ".join(name for name in sheets if name not in shown)
    if passed:
        note = f"hidden and passed over: {passed}; --sheet reads one by its name"
        readers[0].file = replace(readers[0].file, notes=(*readers[0].file.notes, note))
    return readers


def _sheets(path: Path) -> dict[str, bool]:
    """Name of each sheet that holds something -> whether a person sees it; nothing where it is no workbook."""
    if not _read_head(path).startswith((_ZIP, _OLE)):
        return {}
    import fastexcel

    try:
        book = fastexcel.read_excel(path)
    except fastexcel.FastExcelError:
        return {}
    sheets: dict[str, bool] = {}
    for name in book.sheet_names:
        try:
            sheet = book.load_sheet(name, header_row=None)
        except fastexcel.FastExcelError:
            # It says itself what is wrong with it when it is read.
            sheets[name] = True
        else:
            if sheet.height:
                sheets[name] = sheet.visible == "visible"
    return sheets


def _read_head(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            if path.is_dir():
                raise UsageError(f"{path} is a folder.", "Name a file; a folder's files are loaded with folder/*.csv.")
            raise UsageError(f"{path} is no regular file.", "Pipe it in: ... | pango-load - --object TYPE")
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise UsageError(f"{path} is empty.", "Export it again, headers in the first row.")
    return head


def _is_workbook(path: Path) -> bool:
    members = _members(path)
    marks = {"[Content_Types].xml", "mimetype"}
    return not marks.isdisjoint(members) if members else path.suffix.lower() in _WORKBOOK_SUFFIXES


def _members(path: Path) -> frozenset[str]:
    """The names in a zip archive; none where it is broken."""
    try:
        with zipfile.ZipFile(path) as archive:
            return frozenset(archive.namelist())
    except BROKEN_ARCHIVE:
        return frozenset()


def _open_workbook(path: Path, head: bytes, options: SourceOptions, wanted: frozenset[str]) -> FileReader:
    if head.startswith(_OLE) and "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
        raise UsageError(f"{path} is protected by a password.", "Open it in Excel and save it without one.")
    if not head.startswith((_ZIP, _OLE)):
        _refuse_others(path, head)
        raise UsageError(
            f"{path} is not a spreadsheet, whatever its name says: it begins like text.",
            "Export it again as .xlsx, or rename it to .csv if it is one.",
        )
    make = _row_book(path, head, low_memory=options.low_memory)
    # Each way has libraries of its own, which take a while to import.
    if make is None:
        from pango_load.source.free_memory import free_memory
        from pango_load.source.sheet_notes import refuse_too_large
        from pango_load.source.sheets import SheetReader

        refuse_too_large(path, path.stat().st_size, free_memory())
        return SheetReader(path, options, wanted=wanted)
    from pango_load.source.sheet_stream import SheetStream

    return SheetStream(path, make, options, wanted=wanted)


def _row_book(path: Path, head: bytes, *, low_memory: bool) -> Callable[[Path], RowBook] | None:
    """How the workbook is read row by row; None where the fast engine reads it."""
    if head.startswith(_OLE):
        from pango_load.source.old_workbooks import XlsRows

        return XlsRows
    members = _members(path)
    if {"content.xml", "META-INF/manifest.xml"} <= members:
        from pango_load.source.open_document import OdsRows

        return OdsRows
    is_vast = not low_memory and _is_vast(path)
    if "xl/workbook.xml" in members and (low_memory or is_vast):
        from pango_load.source.row_books import XlsxRows

        if is_vast:
            return partial(XlsxRows, note="a cell far from the others makes the sheet vast: read row by row")
        return XlsxRows
    return None


def _is_vast(path: Path) -> bool:
    from pango_load.source.workbook import vast_sheets

    try:
        with zipfile.ZipFile(path) as archive:
            return bool(vast_sheets(archive))
    except BROKEN_ARCHIVE:
        return False


def _open_text(path: Path, packing: Packing, options: SourceOptions, wanted: frozenset[str]) -> FileReader:
    raw, _ = _beginning(TextFile(path=path, packing=packing).open().raw_blocks())
    _refuse_others(path, raw)
    encoding = find_encoding(str(path), raw, options.encoding)
    if encoding.codec == "utf-8":
        refuse_binary(str(path), raw)
    text = TextFile(path=path, encoding=encoding.codec, packing=packing)
    head, final = _beginning(text.open().blocks())
    if not head.strip():
        raise UsageError(f"{path} is empty.", "Export it again, headers in the first row.")
    if _is_json(path, head, packing):
        file = SourceFile(
            path=path, format=SourceFormat.JSONL, encoding=encoding.codec, notes=_notes(encoding, packing, path)
        )
        is_lines = _is_called_lines(path, packing)
        split = _splitter(head, final=final, is_lines=is_lines)
        return JsonLinesReader(
            file,
            text,
            split=split,
            marks=options.marks,
            is_records=options.is_records or options.marks or split is split_array or is_lines,
            wanted=wanted,
            record_key=options.record_key,
        )
    layout = find_layout(path, head, options, final=final, wanted=wanted)
    file = SourceFile(
        path=path,
        format=SourceFormat.CSV,
        encoding=encoding.codec,
        delimiter=layout.dialect.separator.decode(),
        header_row=layout.header_row,
        notes=(*_notes(encoding, packing, path), *layout.notes),
    )
    return DelimitedReader(file, text, layout, marks=options.marks)


def _beginning(blocks: Iterator[bytes]) -> tuple[bytes, bool]:
    """The first megabyte or more, whatever the blocks' sizes, and whether that is all there is."""
    head = b""
    for block in blocks:
        if len(head) >= _HEAD_BYTES:
            return head, False
        head += block
    return head, True


def _notes(encoding: Encoding, packing: Packing, path: Path) -> tuple[str, ...]:
    if packing is Packing.ZIP:
        with zipfile.ZipFile(path) as archive:
            return (*encoding.notes, f"{zip_member(path, archive)} out of the archive")
    return encoding.notes


def _refuse_others(path: Path, head: bytes) -> None:
    for magic, what in _OTHERS:
        if head[: len(magic)].lower() == magic.lower():
            raise UsageError(f"{path} is {what}.", "Export the table as CSV UTF-8, Excel (.xlsx) or JSONL.")
    if head.startswith((_ZIP, _OLE)):
        raise UsageError(f"{path} holds a workbook in packed form.", "Unpack it first.")


def _is_json(path: Path, head: bytes, packing: Packing) -> bool:
    suffix = _suffix(path, packing)
    return suffix in _JSON_SUFFIXES or (
        suffix not in _TEXT_SUFFIXES and (head.lstrip().startswith(b"{") or is_array(head))
    )


def _splitter(head: bytes, *, final: bool, is_lines: bool) -> Splitter | None:
    """How records are told apart where each line is not one; `final`: there is no more than `head`."""
    if is_array(head):
        return split_array
    return split_document if final and not is_lines and is_document(head) else None


def _is_called_lines(path: Path, packing: Packing) -> bool:
    """Whether the name says that each line is a record: the file's own, or the one inside an archive."""
    names = [_suffix(path, packing)]
    if packing is Packing.ZIP:
        with zipfile.ZipFile(path) as archive:
            names.append(PurePath(zip_member(path, archive)).suffix.lower())
    return not _LINE_SUFFIXES.isdisjoint(names)


def _suffix(path: Path, packing: Packing) -> str:
    """What the name of a file ends in, once it is unpacked."""
    name = path.with_suffix("") if packing is not Packing.NONE and path.suffix.lower() == f".{packing}" else path
    return name.suffix.lower()
