"""The sample files hold what sample_data/README.md promises, wrong rows included, and each fits its mapping."""

from __future__ import annotations

import csv
import json
import re
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from openpyxl import load_workbook

from pango_load.catalogue.types import SEED_TYPES
from pango_load.mapping.read import read_mapping
from pango_load.mapping.resolve import fit
from pango_load.records import Chunk
from pango_load.validation.groups import GroupJudge
from pango_load.validation.judge import Judge

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_data"

Found = list[tuple[int, str]]

PROMISED: list[tuple[str, str, int, Found, Found]] = [
    (
        "customers.csv",
        "customer-identity",
        25,
        [(8, "required.any-of"), (13, "email.shape"), (19, "date.format"), (24, "word.closed")],
        [(15, "date.old-clock"), (20, "date.old-clock")],
    ),
    ("memberships.csv", "customer-membership", 10, [(8, "required.any-of")], []),
    ("reviews.csv", "customer-product-review", 8, [(6, "number.whole")], []),
    ("email_interactions.csv", "email-interaction", 10, [(8, "required.missing")], []),
    ("sms_interactions.csv", "sms-interaction", 6, [], [(7, "word.open")]),
    ("relationships.csv", "customer-relationship", 6, [], [(4, "date.old-clock")]),
    ("addresses.csv", "customer-identity-address", 6, [], [(5, "required.all-of")]),
    ("emails.csv", "customer-identity-email", 6, [], []),
    ("photos.csv", "customer-identity-photo", 5, [], []),
    ("activities.csv", "customer-product-activity", 6, [], []),
    ("comments.csv", "customer-product-comment", 5, [], []),
    ("subscribers.csv", "customer-product-subscriber", 5, [], []),
    ("orders.csv", "order", 9, [(8, "number.whole")], []),
]


def read_rows(name: str) -> list[dict[str, str]]:
    with (SAMPLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.mark.parametrize(("file", "name", "rows", "errors", "warnings"), PROMISED, ids=[case[0] for case in PROMISED])
def test_a_sample_fits_its_mapping_and_has_the_promised_mistakes(
    file: str, name: str, rows: int, errors: Found, warnings: Found
) -> None:
    """A newcomer who loads a sample sees exactly what its README says."""
    cells = read_rows(file)
    frame = pl.DataFrame([{key: cell or None for key, cell in row.items()} for row in cells], infer_schema_length=None)
    frame = frame.cast(pl.String)
    numbers = pl.Series(range(2, len(cells) + 2), dtype=pl.Int64)

    mapping = fit(read_mapping(ROOT / "mappings" / f"{name}.yaml", object_type_name=name), frame.columns, strict=True)
    judge = GroupJudge(mapping) if mapping.groups else Judge(mapping)
    judged = judge.judge(Chunk(frame=frame, first=0, rows=numbers))

    assert len(cells) == rows
    assert mapping.warnings == ()
    assert sorted((row, found.code) for found in judged.errors for row in numbers.filter(found.rows)) == errors
    assert sorted((row, found.code) for found in judged.warnings for row in numbers.filter(found.rows)) == warnings


def test_every_seed_type_has_a_sample_and_a_mapping() -> None:
    """Each of the twelve can be tried by anybody, and orders with their items."""
    assert {case[1] for case in PROMISED} == {*SEED_TYPES, "order"}
    assert {path.stem for path in (ROOT / "mappings").glob("*.yaml")} >= set(SEED_TYPES)


def test_the_readme_names_every_sample_with_its_rows() -> None:
    """A table that lags behind the files lies."""
    table = re.findall(
        r"^\| `([^`]+)` \| `([^`]+)` \| (\d+) \|", (SAMPLES / "README.md").read_text("utf-8"), re.MULTILINE
    )

    listed = {file: (name, int(rows)) for file, name, rows in table}

    files = {path.name for path in SAMPLES.iterdir() if path.name != "README.md"}
    assert set(listed) == files
    assert {file: found for file, found in listed.items() if file.endswith(".csv")} == {
        file: (name, rows) for file, name, rows, _, _ in PROMISED
    }


def test_the_workbook_holds_the_same_people_with_real_dates_and_text_ids() -> None:
    """The three forms of the customers load to the same entries, so they must hold the same."""
    rows = read_rows("customers.csv")
    sheet = load_workbook(SAMPLES / "customers.xlsx").worksheets[0]
    headers, *lines = [list(line) for line in sheet.iter_rows(values_only=True)]

    def in_csv(header: object, cell: object) -> str:
        if isinstance(cell, datetime):
            return cell.strftime("%d/%m/%Y" if header == "Birthday" else "%d/%m/%Y %H:%M")
        return "" if cell is None else str(cell)

    assert [
        dict(zip(headers, (in_csv(*pair) for pair in zip(headers, line, strict=True)), strict=True)) for line in lines
    ] == rows
    birthdays = [line[headers.index("Birthday")] for line in lines]
    assert [cell for cell in birthdays if cell is not None and not isinstance(cell, datetime)] == ["31/02/1990"]
    assert {type(line[headers.index("Customer Code")]) for line in lines} == {str}
    assert {type(line[headers.index("Points")]) for line in lines} == {int}


def test_the_jsonl_holds_the_same_people_with_nested_addresses() -> None:
    """Nested keys and lists are what sets JSONL apart, so the sample has both."""
    rows = read_rows("customers.csv")
    records = [json.loads(line) for line in (SAMPLES / "customers.jsonl").read_text("utf-8").splitlines()]

    flat = []
    for record in records:
        address = {f"Address.{key}": text for key, text in record.pop("Address").items()}
        aliases = {"Aliases": "; ".join(record.pop("Aliases", []))}
        flat.append({key: str(value) for key, value in (record | address | aliases).items()})

    assert flat == [{key: cell for key, cell in row.items() if cell or key == "Aliases"} for row in rows]


def test_ids_keep_their_zeros_and_phones_both_their_forms() -> None:
    """These are the cells that careless programs spoil."""
    rows = read_rows("customers.csv")

    assert all(re.fullmatch(r"000100\d\d", row["Customer Code"]) for row in rows)
    assert {row["Mobile"][:3] for row in rows} == {"090", "+84", ""}


def test_the_people_are_invented() -> None:
    """No sample names a real person's mailbox or number."""
    for path in SAMPLES.glob("*.csv"):
        text = path.read_text("utf-8")
        addresses = re.findall(r"@[\w.]+", text)
        assert [
            address for address in addresses if not re.fullmatch(r"@([\w]+\.)?example(\.com|\.org|\.net)?", address)
        ] == []
        phones = re.findall(r"(?:\+84|(?<!\d)0)9\d{8}(?!\d)", text)
        assert [phone for phone in phones if "901000" not in phone] == []
