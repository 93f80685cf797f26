"""Damage from before a file came here is told once for each column, with count, rows and mending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl
import pytest

from pango_load.records import Chunk
from pango_load.source.damage import CLOSE_RECORDS, Survey, find_damage

Cells = Sequence[str | None]


def chunk(columns: Mapping[str, Cells], first: int = 0) -> Chunk:
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    return Chunk(frame=frame, first=first, rows=pl.int_range(first + 2, first + 2 + frame.height, eager=True))


SIGNS: dict[str, tuple[str, Cells, str, int, tuple[int, ...]]] = {
    "phones without zero": (
        "phone",
        ["0912345678"] * 6 + ["912345678", None, "987654321", "0912345678"],
        "damage.lost-zero",
        2,
        (8, 10),
    ),
    "all phones without zero": ("Mobile", ["912345678"] * 4, "damage.lost-zero", 4, (2, 3, 4)),
    "ids without zeros": (
        "Customer Code",
        ["00123", "04711", "12345", "123", None, "47", "99999", "00001", "00002", "1"],
        "damage.lost-zero",
        3,
        (5, 7, 11),
    ),
    "citizens' numbers without zero": (
        "Số CCCD",
        ["79085001234", "1085001234", "123456789"],
        "damage.lost-zero",
        2,
        (2, 3),
    ),
    "tax codes without zero": ("MST", ["0312345678", "312345678", "0312345678-001"], "damage.lost-zero", 1, (3,)),
    "scientific numbers": ("id", ["1.23E+11", "8.4E+10", "x"], "damage.scientific", 2, (2, 3)),
    "ids rounded by Excel": ("id", ["1234567890123450000"] * 3, "damage.rounded", 3, (2, 3, 4)),
    "serial numbers as dates": ("dob", ["1990-01-02", "2001-03-04", "45352"], "damage.serial-date", 1, (4,)),
    "only serial numbers": ("Birthday", ["45352", "33021"], "damage.serial-date", 2, (2, 3)),
    "mojibake": ("name", ["Nguyá»…n", "LÃª", "Trần", "Äáº·ng"], "damage.mojibake", 3, (2, 3, 5)),
    "lost letters": ("name", ["Nguy?n", "Tr\ufffdn", "Lan?"], "damage.replaced", 2, (2, 3)),
    "errors as text": ("name", ["#N/A", "a", "#REF!"], "damage.error-text", 2, (2, 4)),
    "test rows": ("name", ["test", *["Lan"] * 9], "damage.test-row", 1, (2,)),
    "cut cells": ("note", ["x" * 255, "y" * 255, "z"], "damage.cut", 2, (2, 3)),
    "cells cut by Excel": ("note", ["x" * 32767, "z"], "damage.cut", 1, (2,)),
    "an empty column": ("note", [None, None], "damage.empty-column", 2, ()),
    "e-mails under phone": ("phone", ["a@b.vn", "c@d.vn"], "damage.swapped", 2, (2, 3)),
    "phones under e-mail": ("Email", ["0912345678", "0987654321"], "damage.swapped", 2, (2, 3)),
}


@pytest.mark.parametrize(("column", "cells", "code", "count", "rows"), SIGNS.values(), ids=SIGNS.keys())
def test_each_kind_of_damage_is_one_finding(
    column: str, cells: Cells, code: str, count: int, rows: tuple[int, ...]
) -> None:
    """Protects whoever would send a thousand broken phones without noticing."""
    (finding,) = find_damage([chunk({column: cells})], [column])

    assert (finding.code, finding.column, finding.count, finding.rows) == (code, column, count, rows)
    assert column in finding.message
    assert finding.advice


SOUND: dict[str, Cells] = {
    "phone": ["0912345678", "+84912345678", "84912345678"],
    "customer": ["912345678", "812345678", "712345678"],
    "email": ["a@b.vn", "nguyen.an+x@example.com", None],
    "name": ["Nguyễn Thị Hạnh", "René Müller", "Tại sao?"],
    "city": ["Âu Cơ", "Đà Nẵng", "São Paulo"],
    "zip": ["10000", "20000", "45352"],
    "branch": ["001", "100", "999"],
    "counted": ["001", "999", "1000"],
    "counters of any length": ["001", "12", "1000"],
    "room": ["012", "Hall", "Yard"],
    "Tax code": ["0312345678", "0312345678-001", None],
    "dob": ["1990-01-02", "31/12/1999", None],
    "amount": ["1000000", "1.5", "-3"],
    "product": ["1E10", "Test kit", "Sample bag"],
}


def test_sound_columns_give_no_finding() -> None:
    """Protects against warnings that people learn to ignore."""
    assert find_damage([chunk(SOUND)], list(SOUND)) == ()


def test_a_finding_reads_as_one_line_with_share() -> None:
    """Protects the screen: what, how many, what to do."""
    phones: list[str | None] = [*["0912345678"] * 24, "912345678"]
    (finding,) = find_damage([chunk({"phone": phones})], ["phone"])

    assert finding.message == '"phone", 1 cell (4%, row 26): 9 digits where 96% have 10, zeros probably lost'
    assert (
        finding.advice == "Export the column as text, or mend it in the mapping: {field: phone, clean: restore-zero}."
    )


def test_counts_go_on_over_chunks_and_damage_that_begins_late_is_seen() -> None:
    """Protects files whose second half came from another export."""
    names: list[str | None] = ["Lan"] * CLOSE_RECORDS
    broken: list[str | None] = ["Lan", "Nguyá»…n"] * 5000
    (finding,) = find_damage([chunk({"name": names}), chunk({"name": broken}, CLOSE_RECORDS)], ["name"])

    assert (finding.count, finding.rows) == (5000, (10003, 10005, 10007))
    assert '"name", at least 5,000 cells (25%, rows 10003, 10005, 10007 ...): letters like' in finding.message
    assert finding.share == 0.25


def test_rows_of_several_files_are_named_with_their_file() -> None:
    """Protects whoever looks up row 3 in the wrong one of twelve exports."""
    survey = Survey(["name"], files=["may.csv", "june.csv"])
    for file, first in ((0, 0), (1, 2)):
        part = chunk({"name": ["Lan", "Nguyá»…n"]}, first)
        survey.look(replace(part, file=file, rows=pl.Series([2, 3])))
    (finding,) = survey.findings()

    assert (finding.count, finding.rows) == (2, (3, 3))
    assert '"name", 2 cells (50%, rows 3 of may.csv, 3 of june.csv): letters' in finding.message


def test_damage_that_was_seen_once_is_counted_to_the_last_row() -> None:
    """Protects the count: a sample of later chunks would miss most of a few broken names."""
    names: list[str | None] = ["Lan"] * CLOSE_RECORDS
    names[5] = "Nguyá»…n"
    survey = Survey(["name"])
    survey.look(chunk({"name": names}))
    for part in range(1, 6):
        some: list[str | None] = ["Lan"] * CLOSE_RECORDS
        some[7] = some[8] = "Nguyá»…n"
        survey.look(chunk({"name": some}, part * CLOSE_RECORDS))
    (finding,) = survey.findings()

    assert finding.count == 11
    assert "at least" not in finding.message
