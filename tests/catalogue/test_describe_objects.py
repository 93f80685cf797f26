"""The catalogue in words, as `pango-load objects` shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pango_load.catalogue.describe import FieldLine, describe_type, list_types
from pango_load.catalogue.types import object_type, object_type_names

if TYPE_CHECKING:
    from pathlib import Path


def test_the_list_says_what_each_type_needs_and_how_well_it_is_known() -> None:
    """Somebody with a file sees in one line whether it could be loaded, and whether the line can be trusted."""
    lines = {line.name: line for line in list_types()}

    assert tuple(lines) == object_type_names()
    shown = {name: (lines[name].fields, lines[name].needed, lines[name].known) for name in WANTED}
    assert shown == WANTED


WANTED = {
    "customer-identity": (44, "customerId, phone or email, fullName or firstName+lastName", "whole table"),
    "customer-identity-address": (20, "customerId, addressType", "whole table"),
    "user-event": (20, "source, sourceId, channel, eventCtg, eventName, eventAt", "whole table, public page"),
    "order": (29, "orderId, orderStatus, customerId, customerName, customerEmail, items", "in part"),
    "product": (12, "not known", "a client's code only"),
    "shopping-cart": (0, "not known", "name only"),
}


def test_a_users_own_types_stand_under_the_name_that_is_typed(tmp_path: Path) -> None:
    """The list shows what --object takes, not what is sent."""
    own = "object: custom-model\ntitle: Visits\ncoverage: partial\nsource: console\nfields: {a: {type: Long}}\n"
    (tmp_path / "visits.yaml").write_text(own, encoding="utf-8")

    last = list_types(tmp_path)[-1]

    assert (last.name, last.title, last.fields) == ("visits", "Visits", 1)


SLOTS_IN_WORDS = (
    "It takes custom fields: customField01 (text), customFieldLong01 (whole number), customFieldTimestamp01 (time), "
    "customFieldList01 (list of texts; clients only), customFieldDouble01 (number; not established) and "
    "customFieldBoolean01 (true or false; not established)."
)


def test_a_customer_is_told_in_words() -> None:
    """A person who reads this knows what to put into the file, and what is an inference."""
    words = describe_type(object_type("customer-identity"))

    assert words.facts == (
        "The whole table is known. Source: seed 003 (help page data-ingestion-apis/customer).",
        "A record is identified by customerId: an inference, no page says so (recordKey in a mapping changes it).",
        SLOTS_IN_WORDS,
        "ignoredUpdateCfs is supported.",
    )
    assert words.rules == (
        "phone or email must be there.",
        "fullName, or firstName and lastName must be there.",
    )
    assert words.fields[7] == FieldLine(
        name="phone",
        holds="phone number",
        needed="conditional",
        words="",
        example="03596856xxx",
        note="needed when email is absent; flagged as required all the same",
    )
    assert (words.fields[3].name, words.fields[3].needed) == ("customerId", "required")


ADDRESS_RULE = (
    "city, district and address must all be there, or the row is warned about. The flags are blank, yet "
    "each of the three rows asks for them; Viet Nam has had no districts since 2025."
)


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        (
            "customer-identity-address",
            (ADDRESS_RULE,),
        ),
        ("customer-membership", ("customerId, customerEmail or customerPhone must be there.",)),
        ("customer-identity-photo", ()),
    ],
)
def test_rules_are_sentences(name: str, rules: tuple[str, ...]) -> None:
    """What must be there under a condition cannot be told in a column of a table."""
    assert describe_type(object_type(name)).rules == rules


def test_what_is_not_known_is_said() -> None:
    """A guess that looks like a fact is what this program promises not to show."""
    assert describe_type(object_type("shopping-cart")).facts == (
        "Only the name is known. Source: help.pangocdp.com, the ingestion page's example.",
        "The name is documented (it is the ingestion page's own example), its table was not reached.",
        "Which fields identify a record is not known (recordKey in a mapping says it).",
        "Whether it takes custom fields is not known.",
        "Whether ignoredUpdateCfs is supported is not known.",
    )


def test_nested_items_stand_below_the_field_that_holds_them() -> None:
    """The way to an item's field is the name that a JSONL file gives it."""
    names = [line.name for line in describe_type(object_type("order")).fields]

    assert names[names.index("items") + 1] == "items.productSku"
    assert len(names) == 39


def test_an_open_list_of_words_ends_in_dots() -> None:
    """Whoever has another word sees that it will be let through."""
    (event,) = (line for line in describe_type(object_type("sms-interaction")).fields if line.name == "event")

    assert event.words == "sent, clicked, ..."
