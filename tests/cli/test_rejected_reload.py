"""Rejected files reload in every format: uncorrected for the same reasons, corrected without any."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import openpyxl
import polars as pl
import pytest
import xlwt  # type: ignore[import-untyped] # no stubs exist
from support.program import MAIN_JOB, pango_load

from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

ZONE = ("--timezone", "Asia/Ho_Chi_Minh")
HEADERS = ("customerId", "phone", "email", "fullName", "dob")
WRONG: dict[int, dict[str, str]] = {
    1: {"phone": "12"},
    3: {"email": "nobody", "dob": "31/31/2024"},
    4: {"fullName": ""},
    8: {"phone": "abc", "email": "x@"},
}
"""Position of a row -> what is wrong in it."""


def row(number: int) -> dict[str, str]:
    return {
        "customerId": f"{number:05d}",
        "phone": f"09{number:08d}",
        "email": f"k{number}@x.vn",
        "fullName": f'Nguyễn "An", {number}\nHuế',
        "dob": "1990-02-28",
    }


ROWS = [row(number) | WRONG.get(number, {}) for number in range(12)]


def as_text(delimiter: str, encoding: str) -> Callable[[Path], None]:
    """A delimited file; two more lines are no rows at all."""

    def write(path: Path) -> None:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=delimiter)
        writer.writerow(HEADERS)
        writer.writerows(one.values() for one in ROWS)
        text.write(
            f'00098{delimiter}only two cells\r\n"broken"quote{delimiter}a{delimiter}b{delimiter}c{delimiter}d\r\n'
        )
        path.write_bytes(text.getvalue().encode(encoding))

    return write


def as_lines(path: Path) -> None:
    lines = [json.dumps(one, ensure_ascii=False) for one in ROWS]
    path.write_text("\n".join([*lines, '{"customerId": "00098"', "[1]"]) + "\n", encoding="utf-8")


def as_array(path: Path) -> None:
    path.write_text(json.dumps([*ROWS, "no record", 7], ensure_ascii=False, indent=1), encoding="utf-8")


def as_sheet(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(HEADERS)
    for one in ROWS:
        sheet.append(list(one.values()))
    sheet.append(["00098", "#N/A"])
    sheet.append(["00099", "=1+1"])
    book.save(path)


def as_old_sheet(path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("Data")
    for line, cells in enumerate([HEADERS, *(tuple(one.values()) for one in ROWS)]):
        for column, cell in enumerate(cells):
            sheet.write(line, column, cell)
    sheet.row(len(ROWS) + 1).set_cell_error(1, 0x2A)
    sheet.row(len(ROWS) + 2).set_cell_error(1, 0x07)
    book.save(str(path))


def as_parquet(path: Path) -> None:
    pl.DataFrame(ROWS).write_parquet(path)


def zipped(path: Path) -> None:
    inner = path.with_suffix(".csv")
    as_text(",", "utf-8")(inner)
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, "inner.csv")
    inner.unlink()


@dataclass(frozen=True, slots=True)
class Case:
    """A source, the file that its rejected rows go to, and how many rows of it are rejected."""

    name: str
    write: Callable[[Path], None]
    rejected: str
    damaged: int = 2


CASES = {
    "CSV": Case("a.csv", as_text(",", "utf-8"), "rejected.csv"),
    "CSV of Excel": Case("a.csv", as_text(";", "utf-8-sig"), "rejected.csv"),
    "Unicode text": Case("a.txt", as_text("\t", "utf-16"), "rejected.csv"),
    "a packed CSV": Case("a.zip", zipped, "rejected.csv"),
    "Excel": Case("a.xlsx", as_sheet, "rejected.xlsx"),
    "old Excel": Case("a.xls", as_old_sheet, "rejected.xlsx"),
    "JSONL": Case("a.jsonl", as_lines, "rejected.jsonl"),
    "a JSON array": Case("a.json", as_array, "rejected.jsonl"),
    "Parquet": Case("a.parquet", as_parquet, "rejected.csv", damaged=0),
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(windows=())) as running:
        yield running


def load(folder: Path, name: str, out: str, sandbox: Sandbox) -> Mapping[str, object]:
    ended = pango_load(name, *MAIN_JOB, *ZONE, "--json", "--out", out, folder=folder, sandbox=sandbox)
    assert "Traceback" not in ended.err
    return ended.summary


def reasons(folder: Path) -> list[tuple[str, str]]:
    """(Codes, fields) of each rejected row, in order."""
    found = [
        (record["_pango_code"], record["_pango_field"])
        for path in sorted(folder.glob("rejected*"))
        for record in records_of(path)
    ]
    return [(code or "", field or "") for code, field in found]


def records_of(path: Path) -> Sequence[Mapping[str, str | None]]:
    if path.suffix == ".jsonl":
        lines = path.read_text(encoding="utf-8").splitlines()
        return cast("list[Mapping[str, str | None]]", [json.loads(line) for line in lines])
    if path.suffix == ".xlsx":
        first, *rest = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
        return [
            dict(zip(map(str, first), (None if cell is None else str(cell) for cell in cells), strict=True))
            for cells in rest
        ]
    content = path.read_bytes()
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    text = content.decode(encoding)
    delimiter = text[len("customerId")]
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def correct(path: Path) -> None:
    """Do what a person would do: put the right values into the rejected file, and leave our columns as they are."""
    wrong = [row(number) for number in sorted(WRONG)] + [row(98), row(99)]
    if path.suffix == ".jsonl":
        lines = [
            json.loads(line) | good for line, good in zip(path.read_text("utf-8").splitlines(), wrong, strict=False)
        ]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    elif path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        sheet = book.worksheets[0]
        for number, good in enumerate(wrong, 2):
            for column, name in enumerate(HEADERS, 1):
                sheet.cell(number, column).value = good[name]
        book.save(path)
    else:
        records: list[dict[str, str | None]] = [
            {**record, **good} for record, good in zip(records_of(path), wrong, strict=False)
        ]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(records[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(records)
        path.write_text(text.getvalue(), encoding="utf-8-sig", newline="")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_rejected_rows_reload_as_they_are_and_corrected(case: Case, tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects the round of mending: the same reasons until the row is right, and then it is accepted."""
    case.write(tmp_path / case.name)
    first = load(tmp_path, case.name, "first", sandbox)
    wrong = len(WRONG) + case.damaged
    assert first["counts"] == {
        "read": len(ROWS) + case.damaged,
        "accepted": len(ROWS) - len(WRONG),
        "rejected": wrong,
        "skipped": 0,
        "unknown": 0,
        "unsent": 0,
    }
    why = reasons(tmp_path / "first")
    assert len(why) == wrong

    again = load(tmp_path, f"first/{case.rejected}", "second", sandbox)
    assert cast("dict[str, int]", again["counts"])["rejected"] == wrong
    assert cast("dict[str, int]", again["counts"])["read"] == wrong
    assert reasons(tmp_path / "second") == why

    correct(tmp_path / "second" / case.rejected)
    mended = load(tmp_path, f"second/{case.rejected}", "third", sandbox)
    assert mended["exit_code"] == 0
    assert cast("dict[str, int]", mended["counts"])["accepted"] == wrong
    accepted = sorted(str(entry["customerId"]) for entry in sandbox.accepted_entries)
    assert accepted == sorted(f"{number:05d}" for number in [*range(len(ROWS)), *([98, 99] if case.damaged else [])])
