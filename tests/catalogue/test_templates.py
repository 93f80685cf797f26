"""Templates: what a person gets to fill in, and that its example row would be accepted."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import polars as pl
import pytest
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from pango_load.catalogue.template import write_template
from pango_load.catalogue.types import object_type, object_type_names
from pango_load.errors import UsageError
from pango_load.mapping.resolve import match_headers
from pango_load.records import Chunk
from pango_load.validation.judge import Judge

if TYPE_CHECKING:
    from pathlib import Path

    from openpyxl.worksheet.worksheet import Worksheet

KNOWN = [name for name in object_type_names() if object_type(name).fields]


def read_csv(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def letters(sheet: Worksheet) -> dict[str, str]:
    return {str(cell.value): get_column_letter(number) for number, cell in enumerate(sheet[1], start=1)}


@pytest.mark.parametrize("name", KNOWN)
def test_the_example_row_is_accepted_without_a_mapping(tmp_path: Path, name: str) -> None:
    """Whoever fills in a template by its example must not be turned down for it."""
    described = object_type(name)
    write_template(described, tmp_path / "t.csv")
    headers, example = read_csv(tmp_path / "t.csv")
    frame = pl.DataFrame({header: [cell or None] for header, cell in zip(headers, example, strict=True)})

    mapping = match_headers(described, headers, strict=True)
    judged = Judge(mapping).judge(Chunk(frame=frame.cast(pl.String), first=0, rows=pl.Series([2])))

    assert [(ruling.code, ruling.field) for ruling in judged.rulings] == []
    assert judged.is_valid.to_list() == [True]


@pytest.mark.parametrize("name", KNOWN)
def test_a_workbook_holds_what_the_csv_holds(tmp_path: Path, name: str) -> None:
    """Both forms of a template must load alike."""
    described = object_type(name)
    write_template(described, tmp_path / "t.csv")
    write_template(described, tmp_path / "t.xlsx")

    sheet = load_workbook(tmp_path / "t.xlsx").worksheets[0]
    rows = [["" if cell is None else cell for cell in row] for row in sheet.iter_rows(values_only=True)]

    headers, example = read_csv(tmp_path / "t.csv")
    assert rows[0] == headers
    assert [str(cell).lower() if isinstance(cell, bool) else str(cell) for cell in rows[1]] == example
    assert len(rows) == 2


def test_headers_are_the_fields_in_order_without_the_zone(tmp_path: Path) -> None:
    """A column of timezoneGmt would decide how every date is sent, which nobody asked for."""
    described = object_type("customer-membership")
    write_template(described, tmp_path / "t.csv")

    headers, _ = read_csv(tmp_path / "t.csv")

    assert headers == [rule.name for rule in described.fields if rule.name != "timezoneGmt"]


def test_ids_and_phones_are_text_down_the_whole_column(tmp_path: Path) -> None:
    """A leading zero that Excel drops is lost before any program sees it."""
    write_template(object_type("customer-identity"), tmp_path / "t.xlsx")
    sheet = load_workbook(tmp_path / "t.xlsx").worksheets[0]
    columns = letters(sheet)

    shown = {
        name: (sheet[f"{columns[name]}2"].number_format, sheet.column_dimensions[columns[name]].number_format)
        for name in ("customerId", "phone", "yob", "dob")
    }

    assert shown == {
        "customerId": ("@", "@"),
        "phone": ("@", "@"),
        "yob": ("0", "0"),
        "dob": ("yyyy-mm-dd hh:mm", "yyyy-mm-dd hh:mm"),
    }
    assert sheet[f"{columns['phone']}2"].data_type == "s"


@pytest.mark.parametrize(
    ("name", "field", "words", "style"),
    [
        pytest.param("customer-identity", "gender", "male,female,undefined", "stop", id="closed"),
        pytest.param("sms-interaction", "event", "sent,clicked", "warning", id="open"),
        pytest.param("customer-identity-email", "primary", "true,false", "stop", id="truth value"),
    ],
)
def test_documented_words_are_a_list_to_choose_from(
    tmp_path: Path, name: str, field: str, words: str, style: str
) -> None:
    """A closed word is chosen, not typed; an open list lets another word through."""
    write_template(object_type(name), tmp_path / "t.xlsx")
    sheet = load_workbook(tmp_path / "t.xlsx").worksheets[0]
    letter = letters(sheet)[field]

    (choice,) = (rule for rule in sheet.data_validations.dataValidation if f"{letter}2" in str(rule.sqref))

    assert (choice.formula1, choice.errorStyle, str(choice.sqref)) == (
        f'"{words}"',
        style,
        f"{letter}2:{letter}1048576",
    )


def test_a_header_carries_its_rule_as_a_note(tmp_path: Path) -> None:
    """What a column is for can be read where it is filled in."""
    write_template(object_type("customer-identity"), tmp_path / "t.xlsx")
    sheet = load_workbook(tmp_path / "t.xlsx").worksheets[0]
    notes = {cell.value: cell.comment.text for cell in sheet[1] if cell.comment}

    assert notes["customerId"] == "text\nrequired\ncustomer key"
    assert notes["gender"] == "text\none of: male, female, undefined"
    assert notes["email"] == (
        "e-mail address\nconditional\nneeded when phone is absent; flagged as required all the same\n"
        "phone or email must be there."
    )


@pytest.mark.parametrize("name", KNOWN)
def test_every_column_of_a_workbook_has_a_note(tmp_path: Path, name: str) -> None:
    """A column without a word leaves a person guessing."""
    write_template(object_type(name), tmp_path / "t.xlsx")

    sheet = load_workbook(tmp_path / "t.xlsx").worksheets[0]

    assert [cell.value for cell in sheet[1] if cell.comment is None] == []


@pytest.mark.parametrize(
    ("name", "file", "message"),
    [
        pytest.param("order", "t.ods", "t.ods: a template is a .csv or an .xlsx file.", id="another ending"),
        pytest.param("order", "there.csv", "there.csv exists already.", id="never over a filled one"),
        pytest.param("order", "missing/t.csv", "t.csv cannot be written: No such file or directory.", id="no folder"),
        pytest.param(
            "shopping-cart",
            "t.csv",
            "The fields of shopping-cart are not known, so there is nothing to fill in.",
            id="nothing known",
        ),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path: Path, name: str, file: str, message: str) -> None:
    """A filled-in template is somebody's work: it is never replaced, and no error is a traceback."""
    (tmp_path / "there.csv").write_text("filled in", encoding="utf-8")

    with pytest.raises(UsageError) as caught:
        write_template(object_type(name), tmp_path / file)

    assert caught.value.message.endswith(message)
    assert caught.value.advice
    assert (tmp_path / "there.csv").read_text(encoding="utf-8") == "filled in"


def test_a_template_is_replaced_where_that_is_meant(tmp_path: Path) -> None:
    """--force means it."""
    (tmp_path / "t.csv").write_text("old", encoding="utf-8")

    write_template(object_type("order"), tmp_path / "t.csv", overwrite=True)

    assert read_csv(tmp_path / "t.csv")[0][0] == "systemName"
