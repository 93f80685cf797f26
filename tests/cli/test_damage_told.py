"""Damage is told before anything is sent: what, how many, which rows and how to mend it; --strict stops there."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, cast

import openpyxl
import pytest
from support.program import MAIN_JOB, pango_load

from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

HEADERS = [
    "customerId",
    "phone",
    "email",
    "fullName",
    "address",
    "note",
    "source id",
    "bank",
    "day",
    "x",
]
CUT = "y" * 255


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(windows=())) as running:
        yield running


def damaged_rows() -> list[list[str]]:
    """Twenty customers of an export that went through too many hands."""
    rows = [
        [f"{number:05d}", f"09{number:08d}", f"k{number}@x.vn", f"An {number}", "Huế", "", f"{number}", "", "", ""]
        for number in range(20)
    ]
    for number in (2, 5, 9, 12):
        rows[number][1] = f"91234567{number % 10}"
        rows[number][3] = "Nguyá»…n"
        rows[number][6] = "1.23E+11"
        rows[number][7] = "1234567890123456000"
        rows[number][8] = "45352"
    for number in (0, 1, 3, 4, 6):
        rows[number][7] = "970436000000000123"
        rows[number][8] = "2024-03-01"
    for number in (2, 5, 9, 12, 13):
        rows[number][2] = "0912345678"
    for number in (15, 16):
        rows[number][4] = CUT
        rows[number][5] = "Tr\ufffdn"
    rows[10][0] = "10"
    rows[17][0] = rows[18][0] = rows[0][0]
    rows[19][3] = "test"
    return rows


FOUND = {
    ("damage.same-key", ""): (2, (19, 20)),
    ("damage.lost-zero", "customerId"): (1, (12,)),
    ("damage.lost-zero", "phone"): (4, (4, 7, 11)),
    ("damage.mojibake", "fullName"): (4, (4, 7, 11)),
    ("damage.test-row", "fullName"): (1, (21,)),
    ("damage.cut", "address"): (2, (17, 18)),
    ("damage.replaced", "note"): (2, (17, 18)),
    ("damage.scientific", "source id"): (4, (4, 7, 11)),
    ("damage.rounded", "bank"): (4, (4, 7, 11)),
    ("damage.serial-date", "day"): (4, (4, 7, 11)),
    ("damage.swapped", "email"): (5, (4, 7, 11)),
    ("damage.empty-column", "x"): (20, ()),
}


def write_csv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADERS, *rows])


def write_sheet(path: Path, rows: Sequence[Sequence[str]]) -> None:
    book = openpyxl.Workbook()
    for row in [HEADERS, *rows]:
        book.worksheets[0].append(list(row))
    book.save(path)


@pytest.mark.parametrize(("name", "write"), [("a.csv", write_csv), ("a.xlsx", write_sheet)], ids=["CSV", "Excel"])
def test_every_kind_of_damage_is_told_with_count_rows_and_mending(
    name: str, write: Callable[[Path, Sequence[Sequence[str]]], None], tmp_path: Path
) -> None:
    """Protects a customer base from an export that nobody looked at."""
    write(tmp_path / name, damaged_rows())
    ended = pango_load("check", name, *MAIN_JOB, "--json", folder=tmp_path)

    damage = cast("list[dict[str, object]]", json.loads(ended.out)["damage"])
    found = {(one["code"], one["column"]): (one["rows"], tuple(cast("list[int]", one["first_rows"]))) for one in damage}
    assert found == FOUND
    assert all(one["advice"] for one in damage)
    screen = " ".join(pango_load("check", name, *MAIN_JOB, folder=tmp_path).err.split())
    for one in damage:
        assert " ".join(str(one["message"]).split()) in screen
        rows = ", ".join(map(str, cast("list[int]", one["first_rows"])))
        assert rows in str(one["message"])
        assert str(one["rows"]) in str(one["message"])


def test_strict_stops_at_damage_and_at_a_key_that_stands_twice(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects whoever wants no surprise: exit 2, and nothing was sent."""
    for rows, named in (
        ([["1", "0912345678", "a@x.vn", "Nguyá»…n"]], '"fullName", 1 cell (100%, row 2): letters like'),
        ([["1", "0912345678", "a@x.vn", "An"]] * 2, "1 row (50%, row 3) with the customerId of an earlier row"),
    ):
        with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEADERS[:4], *rows])
        ended = pango_load("a.csv", *MAIN_JOB, "--strict", folder=tmp_path, sandbox=sandbox)
        assert ended.code == 2
        assert f"--strict: {named}" in " ".join(ended.err.split())
    assert not sandbox.accepted_entries


def test_numbers_that_a_workbook_rounded_are_told_by_row(tmp_path: Path) -> None:
    """Protects long ids in number cells: what is read is what Excel kept, and that is not the id."""
    book = openpyxl.Workbook()
    for row in (
        ["customerId", "phone", "fullName"],
        [123456789012345, "0912345678", "An"],
        [],
        [12345678901234567, "0912345678", "Bình"],
    ):
        book.worksheets[0].append(row)
    book.save(tmp_path / "a.xlsx")
    ended = pango_load("check", "a.xlsx", *MAIN_JOB, folder=tmp_path)

    told = '"customerId", 1 cell (50%, row 4): number cells with more than 15 digits, of which a spreadsheet keeps 15.'
    assert told in " ".join(ended.err.split())
