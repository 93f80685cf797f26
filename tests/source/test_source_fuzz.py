"""Mutated files never crash, hang or miscount: an independent reader is the referee wherever it can be one."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import random
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import openpyxl
import pytest
import xlwt  # type: ignore[import-untyped] # no stubs exist
from support.source_reading import Read, read_all

from pango_load.errors import UsageError
from pango_load.plan import SourceOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

HEADER = b"id,name,note\n"
TABLE = "".join(
    f'{number},Nguyễn {number},"a ""quoted"", note"\n{number},Trần,\n"{number}","two\nlines",x\n' for number in range(6)
).encode()
RECORDS = b"".join(
    json.dumps({"id": number, "name": f"Nguyễn {number}", "tags": ["a", {"b": 1.5}]}, ensure_ascii=False).encode()
    + b"\n"
    for number in range(12)
)
SPLINTERS = [b'"', b'""', b",", b"\n", b"\r\n", b"\r", b"\x00", b"\xff", b'",', b'\n"', "ễ".encode(), b"{", b"}", b"\\"]


def mutated(content: bytes, chance: random.Random) -> bytes:
    """`content` after one to four flips, cuts, splices and doublings."""
    out = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(out) + 1)
        end = min(len(out), start + chance.randint(0, 40))
        match chance.randrange(5):
            case 0 if start < len(out):
                out[start] ^= 1 << chance.randrange(8)
            case 1:
                del out[start:end]
            case 2:
                out[start:start] = chance.choice(SPLINTERS)
            case 3:
                out[start:start] = out[end : end + 30]
            case _:
                out[start:end] = chance.choice(SPLINTERS) * chance.randint(1, 3)
    return bytes(out)


def check_order(read: Read, lines: int) -> None:
    """Row numbers grow and stay within the file."""
    assert read.rows == sorted(set(read.rows))
    assert not read.rows or read.rows[-1] <= lines + 1


def expected_csv(content: bytes, delimiter: str = ",") -> list[list[str]] | None:
    """What Python's strict reader gives, blank lines left out; None where it cannot be the referee."""
    try:
        text = content.decode()
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row]
    except (UnicodeDecodeError, csv.Error):
        return None
    # A CR that ends no line means another thing to it, and a ragged record over several lines is read twice here.
    if "\r" in text.replace("\r\n", "") or any(len(row) != 3 and "\n" in "".join(row) for row in rows):
        return None
    return rows


def fuzz_csv(seed: int, path: Path) -> bool:
    """Read one mutated file; True where there was a referee."""
    body = mutated(TABLE, random.Random(seed))
    path.write_bytes(HEADER + body)
    try:
        read = read_all(path, options=None, wanted=["id", "name", "note"])
    except UsageError:
        return False
    check_order(read, (HEADER + body).count(b"\n") + body.count(b"\r") + 1)
    rows = expected_csv(body)
    if rows is None or read.headers != ("id", "name", "note"):
        return False
    assert len(read.cells) == len(rows)
    for position, row in enumerate(rows):
        fits = len(row) >= 3 and not any(row[3:])
        assert (position not in read.damaged) == fits
        assert read.cells[position] == (tuple(cell or None for cell in row[:3]) if fits else (None,) * 3)
    return True


def fuzz_json(seed: int, path: Path) -> bool:
    """Read one mutated file; Python's own JSON judges each line."""
    content = mutated(RECORDS, random.Random(seed))
    path.write_bytes(content)
    try:
        read = read_all(path)
    except UsageError:
        return False
    lines = [line.strip(b"\r") for line in content.split(b"\n") if line.strip()]
    check_order(read, content.count(b"\n"))
    assert len(read.cells) == len(lines)
    for position, line in enumerate(lines):
        try:
            is_record = isinstance(json.loads(line.decode()), dict)
        except ValueError:
            is_record = False
        assert is_record or position in read.damaged
    return True


def fuzz_array(seed: int, path: Path) -> bool:
    """Read a mutated JSON array; True where Python's own reader finds it whole."""
    content = mutated(b"[" + RECORDS.strip().replace(b"\n", b",\n") + b"]", random.Random(seed))
    path.write_bytes(content)
    try:
        read = read_all(path)
    except UsageError:
        return False
    check_order(read, len(content))
    try:
        items = json.loads(content.decode())
    except ValueError:
        return False
    if not isinstance(items, list):
        return False
    assert len(read.cells) == len(items)
    assert all(isinstance(item, dict) or position in read.damaged for position, item in enumerate(items))
    return True


def fuzz_encoded(seed: int, path: Path) -> bool:
    """Read a mutated text in UTF-16, separated by semicolons; True where there was a referee."""
    text = mutated(TABLE.replace(b",", b";"), random.Random(seed)).decode(errors="replace")
    path.write_bytes((HEADER.decode().replace(",", ";") + text).encode("utf-16"))
    try:
        read = read_all(path, options=SourceOptions(delimiter=";"), wanted=["id", "name", "note"])
    except UsageError:
        return False
    rows = expected_csv(text.encode(), ";")
    if rows is None or "\x00" in text:
        return False
    assert len(read.cells) == len(rows)
    return True


def fuzz_packed(seed: int, path: Path) -> bool:
    """Read a mutated gzip file: whole, or turned down; True where it was whole."""
    path.write_bytes(mutated(gzip.compress(HEADER + TABLE, mtime=0), random.Random(seed)))
    try:
        read = read_all(path)
    except UsageError:
        return False
    assert len(read.cells) == TABLE.count(b"x\n") * 3
    return True


def fuzz_sheet(seed: int, workbook: bytes, path: Path, *, low_memory: bool = False) -> None:
    path.write_bytes(mutated(workbook, random.Random(seed)))
    try:
        check_order(read_all(path, options=SourceOptions(low_memory=low_memory)), 1 << 20)
    except UsageError:
        return


def fuzz_inner(seed: int, workbook: bytes, member: str, path: Path) -> bool:
    """Mutate a member of a workbook, which checksums would hide; True where both engines could read it."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as whole, zipfile.ZipFile(path, "w") as target:
        for name in whole.namelist():
            content = whole.read(name)
            target.writestr(name, mutated(content, random.Random(seed)) if name == member else content)
    reads: list[Read] = []
    for low_memory in (False, True):
        with contextlib.suppress(UsageError):
            reads.append(read_all(path, options=SourceOptions(low_memory=low_memory)))
            check_order(reads[-1], 1 << 20)
    if len(reads) < 2:
        return False
    # Two engines that know nothing of each other (of an .ods file it is the same one twice).
    assert reads[0].rows == reads[1].rows
    return True


@pytest.fixture(scope="module")
def workbook() -> bytes:
    out = io.BytesIO()
    book = openpyxl.Workbook()
    for number in range(20):
        book.worksheets[0].append([f"h{column}" if number == 0 else number * column for column in range(3)])
    book.save(out)
    return out.getvalue()


@pytest.fixture(scope="module")
def old_workbook() -> bytes:
    out = io.BytesIO()
    book = xlwt.Workbook()
    sheet = book.add_sheet("Data")
    for number in range(20):
        for column in range(3):
            sheet.write(number, column, f"h{column}" if number == 0 else number * column)
    book.save(out)
    return out.getvalue()


@pytest.fixture(scope="module")
def open_document() -> bytes:
    names = "urn:oasis:names:tc:opendocument:xmlns:"
    rows = "".join(
        f'<t:table-row><t:table-cell o:value-type="string"><x:p>h{number}</x:p></t:table-cell></t:table-row>'
        for number in range(20)
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml",
            f'<o:document-content xmlns:o="{names}office:1.0" xmlns:t="{names}table:1.0" xmlns:x="{names}text:1.0">'
            f'<o:body><o:spreadsheet><t:table t:name="a">{rows}</t:table></o:spreadsheet></o:body>'
            "</o:document-content>",
        )
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class Tried:
    """How many mutated files were read, and how many of them an independent reader could judge."""

    files: int
    judged: int
    slowest: float


@dataclass(frozen=True, slots=True)
class Samples:
    """Workbooks to be mutated."""

    workbook: bytes
    old_workbook: bytes
    open_document: bytes


def try_all(seeds: range, folder: Path, samples: Samples, parts: Mapping[str, int]) -> Tried:
    """Every kind of file, each with the first `parts` of the seeds."""
    workbook, old_workbook, open_document = samples.workbook, samples.old_workbook, samples.open_document
    kinds: dict[str, Callable[[int], object]] = {
        "csv": lambda seed: fuzz_csv(seed, folder / "a.csv"),
        "jsonl": lambda seed: fuzz_json(seed, folder / "a.jsonl"),
        "array": lambda seed: fuzz_array(seed, folder / "a.json"),
        "encoded": lambda seed: fuzz_encoded(seed, folder / "b.csv"),
        "packed": lambda seed: fuzz_packed(seed, folder / "a.csv.gz"),
        "xlsx": lambda seed: fuzz_sheet(seed, workbook, folder / "a.xlsx"),
        "xlsx, flat": lambda seed: fuzz_sheet(seed, workbook, folder / "a.xlsx", low_memory=True),
        "sheet": lambda seed: fuzz_inner(seed, workbook, "xl/worksheets/sheet1.xml", folder / "b.xlsx"),
        "workbook": lambda seed: fuzz_inner(seed, workbook, "xl/workbook.xml", folder / "c.xlsx"),
        "xls": lambda seed: fuzz_sheet(seed, old_workbook, folder / "a.xls"),
        "ods": lambda seed: fuzz_sheet(seed, open_document, folder / "a.ods"),
        "content": lambda seed: fuzz_inner(seed, open_document, "content.xml", folder / "b.ods"),
    }
    files = judged = 0
    slowest = 0.0
    for kind, count in parts.items():
        for seed in seeds[:count]:
            start = time.perf_counter()
            judged += kinds[kind](seed) is True
            slowest = max(slowest, time.perf_counter() - start)
            files += 1
    return Tried(files, judged, slowest)


@pytest.fixture(scope="module")
def samples(workbook: bytes, old_workbook: bytes, open_document: bytes) -> Samples:
    return Samples(workbook, old_workbook, open_document)


def test_mutated_files_are_counted_as_an_independent_reader_counts_them(tmp_path: Path, samples: Samples) -> None:
    """Protects the totals: no damage makes a row vanish or appear."""
    parts = {"csv": 400, "jsonl": 100, "array": 60, "encoded": 60, "packed": 20, "xlsx": 30}
    parts |= {"xlsx, flat": 10, "sheet": 20, "workbook": 10, "xls": 40, "ods": 10, "content": 20}
    tests = try_all(range(1000), tmp_path, samples, parts)

    assert tests.judged > 100


@pytest.mark.heavy
def test_ten_thousand_mutated_files_are_counted_as_an_independent_reader_counts_them(
    tmp_path: Path, samples: Samples
) -> None:
    """Protects the totals, more thoroughly."""
    parts = {"csv": 4500, "jsonl": 1200, "array": 800, "encoded": 1000, "packed": 300, "xlsx": 500}
    parts |= {"xlsx, flat": 200, "sheet": 400, "workbook": 100, "xls": 500, "ods": 200, "content": 300}
    tests = try_all(range(10_000, 20_000), tmp_path, samples, parts)

    assert tests.files == 10_000
    assert tests.judged > 2000
    assert tests.slowest < 5
