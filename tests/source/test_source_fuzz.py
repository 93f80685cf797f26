"""Mutated files never crash, hang or miscount: an independent reader is the referee wherever it can be one."""

from __future__ import annotations

import csv
import io
import json
import random
import warnings
from typing import TYPE_CHECKING

import openpyxl
import pytest
from support.source_reading import Read, read_all

from pango_load.errors import UsageError

if TYPE_CHECKING:
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


def expected_csv(content: bytes) -> list[list[str]] | None:
    """What Python's strict reader gives, blank lines left out; None where it cannot be the referee."""
    try:
        text = content.decode()
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
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


def fuzz_json(seed: int, path: Path) -> None:
    content = mutated(RECORDS, random.Random(seed))
    path.write_bytes(content)
    try:
        read = read_all(path)
    except UsageError:
        return
    lines = [line.strip(b"\r") for line in content.split(b"\n") if line.strip()]
    check_order(read, content.count(b"\n"))
    assert len(read.cells) == len(lines)
    for position, line in enumerate(lines):
        try:
            is_record = isinstance(json.loads(line.decode()), dict)
        except ValueError:
            is_record = False
        assert is_record or position in read.damaged


def fuzz_sheet(seed: int, workbook: bytes, path: Path) -> None:
    path.write_bytes(mutated(workbook, random.Random(seed)))
    try:
        check_order(read_all(path), 100)
    except UsageError:
        return


@pytest.fixture(scope="module")
def workbook() -> bytes:
    out = io.BytesIO()
    book = openpyxl.Workbook()
    for number in range(20):
        book.worksheets[0].append([f"h{column}" if number == 0 else number * column for column in range(3)])
    book.save(out)
    return out.getvalue()


def test_mutated_files_are_counted_as_an_independent_reader_counts_them(tmp_path: Path, workbook: bytes) -> None:
    """Protects the totals: no damage makes a row vanish or appear."""
    judged = sum(fuzz_csv(seed, tmp_path / "a.csv") for seed in range(500))
    for seed in range(150):
        fuzz_json(seed, tmp_path / "a.jsonl")
    for seed in range(60):
        fuzz_sheet(seed, workbook, tmp_path / "a.xlsx")

    assert judged > 100


@pytest.mark.heavy
def test_ten_thousand_mutated_files_are_counted_as_an_independent_reader_counts_them(
    tmp_path: Path, workbook: bytes
) -> None:
    """Protects the totals, more thoroughly."""
    judged = sum(fuzz_csv(seed, tmp_path / "a.csv") for seed in range(1000, 8000))
    for seed in range(1000, 3000):
        fuzz_json(seed, tmp_path / "a.jsonl")
    with warnings.catch_warnings():
        for seed in range(1000, 2000):
            fuzz_sheet(seed, workbook, tmp_path / "a.xlsx")

    assert judged > 1000
