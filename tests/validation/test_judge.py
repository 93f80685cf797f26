"""Which rows may be sent, and every reason why one may not."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.validation_rules import chunk_of, column_rule, field_rule, mapping_of

from pango_load.catalogue.problems import PROBLEM_KINDS, describe_problem
from pango_load.errors import UsageError
from pango_load.records import Chunk, ColumnRule, Damage, FieldType, Requirement, Severity, Shape, ZoneRule
from pango_load.validation.judge import Judge
from pango_load.validation.wording import rejected_rows

ID = column_rule(field_rule("customerId", required=True))
PHONE = column_rule(field_rule("phone", shape=Shape.PHONE))
EMAIL = column_rule(field_rule("email", shape=Shape.EMAIL))
DOB = column_rule(field_rule("dob", FieldType.TIMESTAMP))
CONTACT = Requirement(alternatives=(("phone",), ("email",)))
CUSTOMER = mapping_of(ID, PHONE, EMAIL, DOB, requirements=[CONTACT], record_key=("customerId",))


def test_all_problems_of_a_row_are_told_not_only_the_first() -> None:
    """Protects whoever mends a file: one round is enough."""
    chunk = chunk_of({"customerId": [""], "phone": ["12"], "email": ["x"], "dob": ["31/02/1990"]})
    ((index, row),) = rejected_rows(Judge(CUSTOMER).judge(chunk))
    assert (index, row.row, row.position) == (0, 2, 0)
    assert [(problem.code, problem.field, problem.value) for problem in row.problems] == [
        ("phone.length", "phone", "12"),
        ("email.shape", "email", "x"),
        ("date.format", "dob", "31/02/1990"),
        ("required.missing", "customerId", ""),
    ]
    assert row.problems[2].message == 'dob: "31/02/1990" is not a date in ISO 8601 form (2024-01-31).'


def test_a_pattern_is_advised_only_where_the_mapping_has_none() -> None:
    """Protects from advice to write the very pattern that has just failed."""
    by_pattern = ColumnRule(target="dob", column="dob", rule=DOB.rule, formats=("%d/%m/%Y",))
    hints = []
    for rule in (DOB, by_pattern):
        judged = Judge(mapping_of(ID, rule)).judge(chunk_of({"customerId": ["1"], "dob": ["31/02/1990"]}))
        ((_, row),) = rejected_rows(judged)
        hints.append(row.problems[0].hint)
    assert hints == [
        'Mend the cell, or give the column\'s pattern in the mapping, for instance format: "%d/%m/%Y".',
        "Mend the cell.",
    ]


def test_one_of_several_fields_is_enough() -> None:
    """Protects customers with only an e-mail address (seed 003)."""
    chunk = chunk_of(
        {
            "customerId": ["1", "2", "3"],
            "phone": ["0912345678", None, " "],
            "email": [None, "a@b.vn", None],
            "dob": [None, None, None],
        }
    )
    judged = Judge(CUSTOMER).judge(chunk)
    assert judged.is_valid.to_list() == [True, True, False]
    ((_, row),) = rejected_rows(judged)
    assert [(problem.column, problem.message) for problem in row.problems] == [
        ("phone", "One of phone, email is required, and none is there.")
    ]


def test_fields_that_belong_together_are_named_where_one_is_empty() -> None:
    """Protects addresses, and says which part is missing; the documents leave it unclear, so it only warns."""
    rule = Requirement(alternatives=(("city", "district"),), severity=Severity.WARN)
    mapping = mapping_of(column_rule(field_rule("city")), column_rule(field_rule("district")), requirements=[rule])
    judged = Judge(mapping).judge(chunk_of({"city": ["Huế", "Huế"], "district": ["Phú Vang", None]}))
    assert judged.is_valid.all()
    assert [(ruling.code, ruling.field, ruling.rows.to_list()) for ruling in judged.warnings] == [
        ("required.all-of", "district", [False, True])
    ]


@pytest.mark.parametrize("name", ["email", "email.shape"])
@pytest.mark.parametrize(
    ("severity", "is_valid", "warned"),
    [
        pytest.param(Severity.ERROR, False, False, id="error"),
        pytest.param(Severity.WARN, True, True, id="warn"),
        pytest.param(Severity.OFF, True, False, id="off"),
    ],
)
def test_a_mapping_decides_how_severe_a_check_is(name: str, severity: Severity, is_valid: bool, warned: bool) -> None:
    """Protects whoever knows their data better than the catalogue does."""
    mapping = mapping_of(ID, EMAIL, checks={name: severity})
    judged = Judge(mapping).judge(chunk_of({"customerId": ["1"], "email": ["khong-co"]}))
    assert judged.is_valid.to_list() == [is_valid]
    assert bool(list(judged.warnings)) is warned
    assert judged.values["1"].to_list() == ["khong-co"]


def test_an_empty_row_is_blank_and_not_rejected() -> None:
    """Protects Excel users from a thousand rejected rows below their table."""
    chunk = chunk_of(
        {
            "customerId": ["1", None, " "],
            "phone": ["0912345678", None, ""],
            "email": [None, None, None],
            "dob": [None] * 3,
        }
    )
    judged = Judge(CUSTOMER).judge(chunk)
    assert judged.is_blank.to_list() == [False, True, True]
    assert judged.is_valid.to_list() == [True, False, False]
    assert not list(rejected_rows(judged))


def test_a_row_with_only_an_unmapped_cell_is_not_blank() -> None:
    """Protects the row whose id is missing but whose note is there."""
    chunk = chunk_of({"customerId": [None], "phone": [None], "email": [None], "dob": [None], "Notes": ["gọi lại"]})
    assert Judge(CUSTOMER).judge(chunk).is_blank.to_list() == [False]


def test_a_damaged_row_is_rejected_for_its_damage_alone() -> None:
    """Protects from misleading words: its cells were never read."""
    whole = chunk_of(
        {"customerId": ["1", None], "phone": ["0912345678", None], "email": [None, None], "dob": [None, None]}
    )
    damage = Damage(code="source.too-few-cells", raw="2;x", expected="4 cells", found="2 cells")
    chunk = Chunk(frame=whole.frame, first=0, rows=whole.rows, damaged={1: damage})
    judged = Judge(CUSTOMER).judge(chunk)
    ((_, row),) = rejected_rows(judged)
    assert [problem.message for problem in row.problems] == ["The row has 2 cells; the header has 4 cells."]
    assert judged.is_valid.to_list() == [True, False]


def test_a_date_without_any_zone_stops_the_run_and_names_the_ways_out() -> None:
    """Protects birthdays: nothing is silently GMT-0."""
    mapping = mapping_of(ID, DOB, zone=ZoneRule())
    with pytest.raises(UsageError) as stopped:
        Judge(mapping).judge(chunk_of({"customerId": ["1", "2"], "dob": ["2024-01-01T00:00:00Z", "2024-01-01"]}))
    assert stopped.value.message.startswith("Row 3, dob: a date without a zone")
    assert "--timezone" in stopped.value.advice
    assert "timezoneGmt" in stopped.value.advice


def test_deletions_are_counted_among_the_rows_that_would_be_sent() -> None:
    """Protects from deleting by accident."""
    status = column_rule(field_rule("recordStatus", values=("Active", "Deleted")))
    mapping = mapping_of(ID, status)
    judged = Judge(mapping).judge(
        chunk_of({"customerId": ["1", "2", None], "recordStatus": ["deleted", "Active", "Deleted"]})
    )
    assert judged.deletes == 1


def test_cells_that_mean_nothing_are_empty() -> None:
    """Protects from sending N/A as a phone number."""
    mapping = mapping_of(ID, PHONE, nulls=("N/A", "-"))
    judged = Judge(mapping).judge(chunk_of({"customerId": ["1", "2", "N/A"], "phone": [" N/A ", "-", "0912345678"]}))
    assert judged.values["1"].to_list() == [None, None, "0912345678"]
    assert judged.is_valid.to_list() == [True, True, False]


def test_text_is_composed_so_that_one_name_is_one_word() -> None:
    """Protects Vietnamese names typed on another keyboard: both forms of ễ are one."""
    decomposed = "Nguye\u0302\u0303n"
    judged = Judge(mapping_of(ID)).judge(chunk_of({"customerId": [decomposed, "Nguyễn"]}))
    assert judged.values["0"].to_list() == ["Nguyễn", "Nguyễn"]


def test_a_template_joins_what_is_there() -> None:
    """Protects full names made from parts, one of which may be missing."""
    name = ColumnRule(target="fullName", rule=field_rule("fullName"), template="{First} {Last}")
    judged = Judge(mapping_of(name)).judge(
        chunk_of({"First": ["An", None, " ", "Bình"], "Last": ["Trần", "Lê", None, ""]})
    )
    assert judged.values["0"].to_list() == ["An Trần", "Lê", None, "Bình"]


def test_equal_record_keys_have_equal_hashes_and_an_empty_part_has_none() -> None:
    """Protects the order of two rows of one customer."""
    mapping = mapping_of(ID, EMAIL, record_key=("customerId", "email"))
    keys = (
        Judge(mapping)
        .judge(chunk_of({"customerId": ["1", " 1", "1", "2"], "email": ["a@b.vn", "a@b.vn", None, "a@b.vn"]}))
        .keys
    )
    assert keys is not None
    assert keys[0] == keys[1]
    assert keys[2] is None
    assert keys[3] != keys[0]


CELLS = st.one_of(st.none(), st.sampled_from(["", " ", "1", "0912345678", "a@b.vn", "x", "1990-02-28", "31/02/1990"]))


@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=12))
def test_every_row_is_valid_or_blank_or_rejected_with_a_reason(rows: list[tuple[str | None, ...]]) -> None:
    """Protects the balance: no row is in two places or in none, and a chunk judges like its rows alone."""

    def judged_of(part: list[tuple[str | None, ...]]) -> tuple[list[bool], list[bool], list[int]]:
        columns = list(zip(*part, strict=True)) or [(), (), (), ()]
        chunk = chunk_of(dict(zip(("customerId", "phone", "email", "dob"), columns, strict=True)))
        judged = Judge(CUSTOMER).judge(chunk)
        rejected = [index for index, row in rejected_rows(judged) if row.problems]
        return judged.is_valid.to_list(), judged.is_blank.to_list(), rejected

    valid, blank, rejected = judged_of(rows)
    for index, row in enumerate(rows):
        assert valid[index] + blank[index] + (index in rejected) == 1
        assert judged_of([row])[0] == [valid[index]]


def test_every_problem_kind_makes_a_sentence_and_a_hint() -> None:
    """Protects the reject files from holes in the catalogue of problems."""
    names = ("field", "value", "column", "alternatives", "missing", "expected", "found", "reason")
    places = {name: name.upper() for name in names}
    for code in PROBLEM_KINDS:
        message, hint = describe_problem(code, **places)
        assert message.endswith((".", "VALUE", "REASON"))
        assert hint


def test_the_judged_columns_are_in_step_with_the_chunk() -> None:
    """Protects from shifted rows."""
    chunk = chunk_of(
        {"customerId": ["1", "2"], "phone": ["0912345678"] * 2, "email": [None] * 2, "dob": ["1990-01-01", None]}
    )
    judged = Judge(CUSTOMER).judge(chunk)
    assert judged.values.height == 2
    assert judged.values.dtypes == [pl.String, pl.String, pl.String, pl.Int64]
