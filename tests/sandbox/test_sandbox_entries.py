"""Entries judged by the documents' tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.sandbox_client import customer

from pango_load.catalogue.types import object_type
from pango_load.records import FieldRule, FieldType, ObjectType, Requirement, Severity, Shape
from pango_load.sandbox.entries import EntryJudge

if TYPE_CHECKING:
    from collections.abc import Mapping


def wrong_names(entry: Mapping[str, object], name: str = "customer-identity") -> list[str]:
    return EntryJudge(object_type(name), unknown_keys=True, nulls=True).wrong_names(entry)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="the least"),
        pytest.param({"phone": None, "email": "dee@bytetech.io"}, id="e-mail in the phone's place"),
        pytest.param({"fullName": "", "firstName": "Minh", "lastName": "Dee"}, id="two names in the full name's place"),
        pytest.param({"gender": "male", "maritalStatus": "Single"}, id="closed words"),
        pytest.param({"dob": -1584507164000, "yob": 1988, "dob2": "2000-02-29"}, id="times"),
        pytest.param({"timezoneGmt": 7}, id="zone"),
        pytest.param({"nickNames": ["Dee", "Đê"]}, id="list"),
        pytest.param({"customFieldTexts": {"customField01": "VIP", "customField02": None}}, id="text slots"),
        pytest.param({"customFieldLongs": {"customFieldLong03": 12}}, id="whole slots"),
        pytest.param({"customFieldTimestamps": {"customFieldTimestamp01": 1584507164000.0}}, id="time slots"),
        pytest.param({"customFieldListTexts": {"customFieldList01": ["a"]}}, id="list slots"),
        pytest.param({"notInTheTable": {"a": 1}}, id="unknown key"),
    ],
)
def test_an_entry_of_the_table_is_good(more: dict[str, object]) -> None:
    """A referee that refuses what the documents allow would be wrong too."""
    assert wrong_names(customer(1, **more)) == []


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        pytest.param({"customerId": None}, ["customerId"], id="required is null"),
        pytest.param({"customerId": ""}, ["customerId"], id="required is empty"),
        pytest.param({"customerId": 7}, ["customerId"], id="number for text"),
        pytest.param({"phone": ""}, ["phone", "email"], id="neither phone nor e-mail"),
        pytest.param({"fullName": None, "firstName": "A"}, ["fullName", "firstName", "lastName"], id="half a name"),
        pytest.param({"gender": "Male"}, ["gender"], id="closed word in another case"),
        pytest.param({"yob": "1988"}, ["yob"], id="text for number"),
        pytest.param({"yob": True}, ["yob"], id="true for number"),
        pytest.param({"yob": 1988.0}, ["yob"], id="decimal for whole"),
        pytest.param({"yob": 2**63}, ["yob"], id="beyond 64 bits"),
        pytest.param({"dob": "1988-06-14"}, ["dob"], id="text for time"),
        pytest.param({"dob": 582310800000.5}, ["dob"], id="half a millisecond"),
        pytest.param({"dob2": "2001-02-29"}, ["dob2"], id="no such day"),
        pytest.param({"dob2": "31/10/2001"}, ["dob2"], id="date the other way round"),
        pytest.param({"timezoneGmt": 15}, ["timezoneGmt"], id="no such zone"),
        pytest.param({"nickNames": "Dee"}, ["nickNames"], id="text for list"),
        pytest.param({"nickNames": ["Dee", 7]}, ["nickNames"], id="number in list"),
        pytest.param({"customFieldTexts": {"customFieldText01": "x"}}, ["customFieldTexts"], id="slot misnamed"),
        pytest.param({"customFieldTexts": {"customField00": "x"}}, ["customFieldTexts"], id="slot zero"),
        pytest.param({"customFieldLongs": {"customFieldLong01": "x"}}, ["customFieldLongs"], id="slot of another type"),
        pytest.param({"customFieldLongs": [1]}, ["customFieldLongs"], id="container no object"),
        pytest.param({"yob": "x", "gender": "x"}, ["yob", "gender"], id="two at once"),
    ],
)
def test_what_the_table_does_not_allow_is_named(more: dict[str, object], wrong: list[str]) -> None:
    """Each rule of the documents catches its own fault, and only that field is named."""
    assert wrong_names(customer(1, **more)) == wrong


def test_numbers_that_json_can_write_but_not_hold_are_wrong() -> None:
    """1e999 is infinity once it is read."""
    rules = (FieldRule(name="value", type=FieldType.DOUBLE, documented_type="Double"),)
    judge = EntryJudge(ObjectType(name="t", title="T", fields=rules), unknown_keys=True, nulls=True)
    assert [judge.wrong_names({"value": value}) for value in (1.5, 2, float("inf"), 10**400)] == [
        [], [], ["value"], ["value"],
    ]  # fmt: skip


def test_nested_items_are_judged_one_by_one() -> None:
    """Orders hold a list of items, surveys a map of questions."""
    order = {
        "orderId": "O1", "orderStatus": "Paid", "customerId": "C1", "customerName": "A", "customerEmail": "a@b.vn",
        "items": [{"productSku": "S", "productName": "P", "quantity": 2}, {"productName": "P", "price": "9"}, 7],
    }  # fmt: skip
    survey = {"surveyId": "S", "questions": {"q1": {"questionId": "q1", "langDef": "vi"}, "q2": {"questionId": "q2"}}}
    assert wrong_names(order, "order") == ["items.productSku", "items.price", "items"]
    assert wrong_names(survey, "meta-survey") == ["questions.langDef"]


def test_settings_make_it_stricter() -> None:
    """Whether unknown keys and nulls are taken is not established."""
    judge = EntryJudge(object_type("customer-identity"), unknown_keys=False, nulls=False)
    assert judge.wrong_names(customer(surprise=1, city=None)) == ["surprise", "city"]


def test_types_without_a_custom_fields_row_do_not_know_the_containers() -> None:
    """For them a container is a key like any unknown one."""
    entry: dict[str, object] = {"customerId": "C1", "addressType": "Live", "customFieldTexts": 7}
    address = object_type("customer-identity-address")
    assert EntryJudge(address, unknown_keys=True, nulls=True).wrong_names(entry) == []
    assert EntryJudge(address, unknown_keys=False, nulls=True).wrong_names(entry) == ["customFieldTexts"]


def test_open_lists_and_doubtful_needs_refuse_nothing() -> None:
    """What the documents leave unclear is not enforced."""
    rules = (
        FieldRule(name="event", documented_type="String", values=("sent",), values_open=True),
        FieldRule(name="company"),
        FieldRule(name="zone", type=FieldType.LONG, documented_type="integer", shape=Shape.ZONE),
    )
    doubtful = Requirement(alternatives=(("city", "address"),), severity=Severity.WARN)
    judge = EntryJudge(
        ObjectType(name="t", title="T", fields=rules, requirements=(doubtful,)), unknown_keys=True, nulls=True
    )
    assert judge.wrong_names({"event": "opened", "company": 7, "zone": -12}) == []
