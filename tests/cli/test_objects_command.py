"""What `objects` shows."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from openpyxl import load_workbook
from support.cli_more import in_this_process
from support.program import pango_load, pango_load_process

from pango_load.catalogue.template import write_template
from pango_load.catalogue.types import object_type, object_type_names
from pango_load.records import FieldType

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = [name for name in object_type_names() if object_type(name).fields]
ROWS = 3


def test_the_list_names_every_type_and_breaks_no_name(tmp_path: Path) -> None:
    """Protects whoever copies a name into --object."""
    listed = pango_load_process("objects", folder=tmp_path)
    named = json.loads(pango_load("objects", "--json", folder=tmp_path).out)
    assert len(named) == 20
    starts = {line.split(" ")[0] for line in listed.out.splitlines()}
    assert {one["name"] for one in named} <= starts
    assert not [line for line in listed.out.splitlines() if line != line.rstrip()]


def test_one_type_shows_its_fields_words_and_rules(tmp_path: Path) -> None:
    """Protects whoever writes a mapping."""
    shown = pango_load("objects", "customer-identity", folder=tmp_path)
    assert shown.code == 0
    for words in ("customerId", "male", "phone or email must be there", "ignoredUpdateCfs"):
        assert words in shown.out, words


def test_an_unknown_type_gets_the_nearest_name(tmp_path: Path) -> None:
    """Protects from a typing slip."""
    shown = pango_load("objects", "customer-identiy", folder=tmp_path)
    assert shown.code == 2
    assert "customer-identity" in shown.err


def test_a_template_that_is_filled_in_passes_check(tmp_path: Path) -> None:
    """Protects the round trip: template, filled in, checked."""
    for ending in ("csv", "xlsx"):
        made = pango_load("objects", "customer-membership", "--template", ending, folder=tmp_path)
        assert made.code == 0, made.err
        file = f"customer-membership.{ending}"
        checked = pango_load("check", file, "--object", "customer-membership", "--json", folder=tmp_path)
        assert (checked.code, checked.counts["unsent"]) == (0, 1), checked.err


def _filled_text(path: Path, kind: str) -> None:
    """Rows of their own under the headers, as somebody types them who has read the example."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        headers, example = csv.reader(file)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headers)
        writer.writerows(_rows(kind, headers, example))


def _rows(kind: str, headers: list[str], example: list[str]) -> list[list[str]]:
    keys = _free_keys(kind)
    return [
        [f"{cell}{row}" if name in keys else cell for name, cell in zip(headers, example, strict=True)]
        for row in range(ROWS)
    ]


def _free_keys(kind: str) -> set[str]:
    """The fields of the record key that may hold any text."""
    return {
        rule.name
        for rule in object_type(kind).fields
        if rule.name in object_type(kind).record_key
        and rule.type is FieldType.TEXT
        and not rule.values
        and rule.shape is None
    }


def _filled_workbook(path: Path, kind: str) -> None:
    """Typed cells, and dates as Excel has them."""
    book = load_workbook(path)
    sheet = book.worksheets[0]
    times = {rule.name for rule in object_type(kind).fields if rule.type is FieldType.TIMESTAMP}
    headers = [str(cell.value) for cell in sheet[1]]
    for row in range(ROWS):
        for number, name in enumerate(headers, start=1):
            example = sheet.cell(row=2, column=number).value
            value = f"{example}{row}" if name in _free_keys(kind) else example
            moment = datetime(2024, 12, 31, 10, 30)  # noqa: DTZ001 - a cell of Excel has no zone
            sheet.cell(row=row + 3, column=number, value=moment if name in times and example else value)
    sheet.delete_rows(2)
    book.save(path)


@pytest.mark.parametrize("kind", KNOWN)
def test_whatever_the_type_a_filled_template_passes_check(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the round trip of every type: template, filled in, checked without a mapping or a warning."""
    for file, fill in ((f"{kind}.csv", _filled_text), (f"{kind}.xlsx", _filled_workbook)):
        write_template(object_type(kind), tmp_path / file)
        fill(tmp_path / file, kind)
        words = ("--object", kind, "--timezone", "Asia/Ho_Chi_Minh", "--json", "--out", str(tmp_path / f"{file}-run"))
        checked = in_this_process("check", str(tmp_path / file), *words, capsys=capsys)
        assert (checked.code, checked.counts["unsent"]) == (0, ROWS), checked.err
        assert checked.summary["warnings"] == []
