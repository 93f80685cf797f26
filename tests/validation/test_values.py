"""What a cell becomes, type by type."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.validation_rules import field_rule

from pango_load.records import ColumnRule, FieldType, Shape, ZoneRule
from pango_load.validation.values import type_values

NO_ZONE = ZoneRule()


def typed(cells: list[str | None], rule: ColumnRule) -> tuple[list[object], dict[str, list[int]]]:
    made = type_values(pl.Series(cells, dtype=pl.String), rule, NO_ZONE)
    found = {finding.code: finding.rows.arg_true().to_list() for finding in made.findings if finding.rows.any()}
    return made.values.to_list(), found


def rule_of(kind: FieldType, *, shape: Shape | None = None, **options: str) -> ColumnRule:
    return ColumnRule(target="x", column="x", rule=field_rule("x", kind, shape=shape), **options)  # type: ignore[arg-type] # only text options are given


@pytest.mark.parametrize(
    ("cell", "sent"),
    [
        pytest.param("123", 123, id="digits"),
        pytest.param("-7", -7, id="negative"),
        pytest.param("+5", 5, id="with a plus"),
        pytest.param("007", 7, id="leading zeros mean nothing in a number"),
        pytest.param("1200.0", 1200, id="a whole number that another tool wrote with a point"),
        pytest.param("9223372036854775807", 2**63 - 1, id="the largest"),
        pytest.param("9223372036854775808", None, id="one too large"),
        pytest.param("1.5", None, id="a fraction"),
        pytest.param("1e3", None, id="an exponent"),
        pytest.param("12a", None, id="a letter"),
        pytest.param("1_000", None, id="an underscore"),
        pytest.param("１２", None, id="digits of another script"),
    ],
)
def test_a_whole_number_is_sent_exactly_or_rejected(cell: str, sent: int | None) -> None:
    """Protects whoever counts points: no value is rounded or guessed."""
    values, found = typed([cell, None], rule_of(FieldType.LONG))
    assert values == [sent, None]
    assert found == ({} if sent is not None else {"number.whole": [0]})


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_signed_64_bit_number_comes_through(number: int) -> None:
    """Protects long ids in number fields."""
    assert typed([str(number)], rule_of(FieldType.LONG)) == ([number], {})


@pytest.mark.parametrize(
    ("cell", "sent"),
    [
        pytest.param("1.10", "1.10", id="digits are kept as written"),
        pytest.param("12345678901234567890.123", "12345678901234567890.123", id="more digits than a float holds"),
        pytest.param("+5", "5", id="JSON knows no plus"),
        pytest.param("007.50", "7.50", id="JSON knows no leading zero"),
        pytest.param(".5", "0.5", id="a bare fraction"),
        pytest.param("-.5", "-0.5", id="a negative bare fraction"),
        pytest.param("5.", "5", id="a trailing point"),
        pytest.param("1e5", "1e5", id="an exponent"),
        pytest.param("NaN", None, id="not a number"),
        pytest.param("inf", None, id="infinite"),
        pytest.param("1e400", None, id="beyond a double"),
        pytest.param("1,5", None, id="a decimal comma without being told"),
    ],
)
def test_a_decimal_travels_as_a_json_number_or_is_rejected(cell: str, sent: str | None) -> None:
    """Protects whoever sends prices: NaN and 007 are no JSON."""
    values, found = typed([cell, None], rule_of(FieldType.DOUBLE))
    assert values == [sent, None]
    assert found == ({} if sent is not None else {"number.decimal": [0]})


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_comes_through(number: float) -> None:
    """Protects whoever sends prices."""
    values, found = typed([repr(number)], rule_of(FieldType.DOUBLE))
    assert not found
    assert math.isclose(float(str(values[0])), number, rel_tol=0, abs_tol=0)


def test_numbers_with_a_comma_are_read_where_the_mapping_says_so() -> None:
    """Protects Vietnamese files: 1.234.567,5 is a number there."""
    rule = rule_of(FieldType.DOUBLE, decimal=",", grouping=".")
    assert typed(["1.234.567,5", "12"], rule) == (["1234567.5", "12"], {})


def test_only_plain_words_are_true_or_false() -> None:
    """Protects flags: nothing is guessed."""
    values, found = typed(["TRUE", "no", "1", "có", None], rule_of(FieldType.BOOLEAN))
    assert values == [True, False, True, None, None]
    assert found == {"boolean.word": [3]}


def test_closed_words_are_sent_in_the_documented_spelling() -> None:
    """Protects gender and its like: `MALE` is meant, `Nam` must be translated."""
    rule = ColumnRule(target="gender", column="g", rule=field_rule("gender", values=("male", "female", "undefined")))
    assert typed(["MALE", "female", "Nam", None], rule) == (["male", "female", "Nam", None], {"word.closed": [2]})


def test_values_translate_and_default_fills_what_they_do_not_know() -> None:
    """Protects the mapping's `values` and `default`."""
    words = field_rule("gender", values=("male", "female", "undefined"))
    rule = ColumnRule(
        target="gender", column="g", rule=words, values={"Nam": "male", "Nữ": "female"}, default="undefined"
    )
    assert typed(["nam", "NỮ", "Female", "khác", None], rule) == (
        ["male", "female", "female", "undefined", "undefined"],
        {},
    )


def test_a_word_outside_an_open_list_is_sent_with_a_warning() -> None:
    """Protects the events of sms-interaction, whose list the documents leave unclear."""
    rule = ColumnRule(
        target="event", column="e", rule=field_rule("event", values=("sent", "clicked"), values_open=True)
    )
    assert typed(["Sent", "delivered"], rule) == (["sent", "delivered"], {"word.open": [1]})


@pytest.mark.parametrize(
    ("cell", "codes"),
    [
        pytest.param("0912345678", set(), id="domestic"),
        pytest.param("+84 91 234 5678", set(), id="international with spaces"),
        pytest.param("(028) 3822-1234", set(), id="with brackets"),
        pytest.param("12345", {"phone.length"}, id="five digits"),
        pytest.param("0912345678; 0987654321", {"phone.length", "phone.characters"}, id="two numbers in one cell"),
        pytest.param("khong co", {"phone.length", "phone.characters"}, id="words"),
        pytest.param("0912345678 (chi Lan)", {"phone.characters"}, id="a note beside the number"),
    ],
)
def test_a_phone_is_an_error_only_outside_6_to_15_digits(cell: str, codes: set[str]) -> None:
    """Protects odd but real numbers (design, section 3)."""
    values, found = typed([cell], rule_of(FieldType.TEXT, shape=Shape.PHONE))
    assert values == [cell]
    assert set(found) == codes


def test_phones_are_brought_into_one_form_on_request() -> None:
    """Protects whoever matches customers by phone."""
    rule = rule_of(FieldType.TEXT, shape=Shape.PHONE, normalise="VN")
    values, found = typed(["0912 345 678", "+84912345678", "84912345678"], rule)
    assert values == ["+84912345678", "+84912345678", "+84912345678"]
    assert not found


@pytest.mark.parametrize("cell", ["a@b.vn", "nguyen.van+crm@shop.com.vn", "khách@example.vn"])
def test_addresses_that_people_have_pass(cell: str) -> None:
    """Protects real e-mail addresses."""
    assert typed([cell], rule_of(FieldType.TEXT, shape=Shape.EMAIL)) == ([cell], {})


@pytest.mark.parametrize("cell", ["a@b", "a b@c.vn", "@c.vn", "a@", "a@b@c.vn", "a@b.vn, c@d.vn", "khong-co"])
def test_what_is_no_address_is_found(cell: str) -> None:
    """Protects the platform's e-mail fields."""
    assert typed([cell], rule_of(FieldType.TEXT, shape=Shape.EMAIL))[1] == {"email.shape": [0]}


def test_a_list_is_split_or_read_as_json_or_taken_as_one_item() -> None:
    """Protects nickNames and tags from CSV and JSONL alike."""
    rule = rule_of(FieldType.LIST, split=";")
    values, found = typed([" a ; b;;c", '["x, y","z"]', "[vip", "một", ";", None], rule)
    assert values == [["a", "b", "c"], ["x, y", "z"], ["[vip"], ["một"], None, None]
    assert found == {"list.bracket": [2]}


def test_a_day_as_text_is_sent_year_first() -> None:
    """Protects dob2 (seed 003: year, month, day)."""
    rule = ColumnRule(target="dob2", column="d", rule=field_rule("dob2", shape=Shape.DATE), formats=("%d/%m/%Y",))
    values, found = typed(["31/10/2001", "2001-10-31", "31/02/2001"], rule)
    assert values[:2] == ["2001-10-31", "2001-10-31"]
    assert found == {"date.format": [2]}
