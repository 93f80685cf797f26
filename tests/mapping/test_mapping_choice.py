"""Which mapping a load goes by, and what the headers alone can say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.mapping_files import CUSTOMER, customer

from pango_load.catalogue.types import object_type
from pango_load.errors import MappingError, UsageError
from pango_load.mapping.resolve import choose_mapping, match_headers
from pango_load.records import FieldType, ZoneRule

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = ("customerId", "phone", "fullName")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A current folder with a mapping of its own for customer-identity."""
    folder = tmp_path / "mappings"
    folder.mkdir()
    (folder / "customer-identity.yaml").write_text(customer(), encoding="utf-8")
    return tmp_path


def test_the_mapping_of_the_folder_is_used_where_it_fits(home: Path) -> None:
    """Protects the plain command: a mapping that lies where it belongs needs no flag."""
    mapping = choose_mapping(None, "customer-identity", CUSTOMER, folder=home)
    assert mapping.origin == "mappings/customer-identity.yaml (3 columns)"
    assert mapping.warnings == ()


def test_the_named_mapping_outranks_that_of_the_folder(home: Path) -> None:
    """Protects the meaning of --mapping."""
    path = home / "own.yaml"
    path.write_text(customer().replace("Code", "No"), encoding="utf-8")
    mapping = choose_mapping(path, "", ("No", "Mobile", "Name"), folder=home)
    assert mapping.origin == f"{path} (3 columns)"


def test_headers_that_are_field_names_are_matched_where_the_folders_mapping_does_not_fit(home: Path) -> None:
    """Protects a second kind of export in the same folder, and says which of the two was used."""
    mapping = choose_mapping(None, "customer-identity", FIELDS, folder=home)
    assert mapping.origin == (
        "the headers: 3 of 3 columns are field names (mappings/customer-identity.yaml does not fit)"
    )
    assert mapping.warnings == (
        'mappings/customer-identity.yaml does not fit: the file has no column "Code", "Mobile", "Name".',
    )


def test_where_neither_fits_both_reasons_are_told(home: Path) -> None:
    """Protects the person with a strange file: nothing is sent, and the next step is named."""
    with pytest.raises(MappingError) as caught:
        choose_mapping(None, "customer-identity", ("Customer number", "Phone", "Name"), folder=home)
    assert caught.value.message == "The headers are not those of customer-identity; nothing was sent."
    assert caught.value.mistakes == (
        'mappings/customer-identity.yaml does not fit: the file has no column "Code", "Mobile".',
        'headers: customerId is required, and no column becomes it. "Customer number" looks like customerId.',
        (
            "headers: fullName, or firstName and lastName is required, and no column becomes one of them. "
            '"Name" looks like fullName.'
        ),
    )
    assert caught.value.advice == (
        "`pango-load map FILE --object customer-identity -o another.yaml` proposes a mapping for this file beside "
        "mappings/customer-identity.yaml; --mapping another.yaml then uses it."
    )


def test_a_file_that_changed_a_little_is_told_what_it_lacks(home: Path) -> None:
    """Protects the nightly job: a renamed column is named, not the headers that never were field names."""
    with pytest.raises(MappingError) as caught:
        choose_mapping(None, "customer-identity", ("Code", "Mobile phone", "Name"), folder=home)
    assert caught.value.mistakes[0].endswith('the file has no column of this name. Did you mean "Mobile phone"?')
    assert caught.value.advice.startswith("Check that it is the right file; if its columns have changed for good,")


def test_a_folders_mapping_with_mistakes_of_its_own_is_never_passed_over(home: Path) -> None:
    """Protects the person who meant it: a slip in the mapping must not send by header names instead."""
    (home / "mappings" / "customer-identity.yaml").write_text(customer("colums: {}"), encoding="utf-8")
    with pytest.raises(MappingError, match="mistake"):
        choose_mapping(None, "customer-identity", FIELDS, folder=home)


def test_a_folders_mapping_that_guards_its_headers_stops_on_drift(home: Path) -> None:
    """Protects a cron job: a renamed column does not fall back to header names."""
    guarded = customer("headers: [Code, Mobile, Name]")
    (home / "mappings" / "customer-identity.yaml").write_text(guarded, encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        choose_mapping(None, "customer-identity", ("Code", "Mobile", "fullName"), folder=home)
    assert any("probably renamed" in line for line in caught.value.mistakes)


def test_no_object_type_at_all_is_a_usage_error(tmp_path: Path) -> None:
    """Protects the newcomer who forgot --object."""
    with pytest.raises(UsageError) as caught:
        choose_mapping(None, "", FIELDS, folder=tmp_path)
    assert (caught.value.message, caught.value.advice) == (
        "--object is missing.",
        "Add --object TYPE: what the rows become; `pango-load objects` lists them.",
    )


# --- headers alone ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(("customerId", "phone", "fullName"), id="the-fields-own-names"),
        pytest.param(("customer_id", "PHONE", "full_name"), id="underscores-and-case"),
        pytest.param(("Customer ID", "Phone", "Full Name"), id="spaces"),
        pytest.param(("customer-id", " phone ", "full-name"), id="hyphens-and-outer-space"),
    ],
)
def test_headers_match_fields_without_regard_to_case_spaces_underscores_and_hyphens(headers: tuple[str, ...]) -> None:
    """Protects the first run without any mapping."""
    mapping = match_headers(object_type("customer-identity"), headers)
    assert {rule.target: rule.column for rule in mapping.columns} == dict(zip(FIELDS, headers, strict=True))
    assert mapping.record_key == ("customerId",)


def test_slots_match_by_their_name_and_by_their_way_in_an_entry() -> None:
    """Protects JSONL that is a payload already, whose nested keys read a.b."""
    headers = (*FIELDS, "customField02", "customFieldLongs.customFieldLong03")
    rules = match_headers(object_type("customer-identity"), headers).columns[-2:]
    assert [(rule.container, rule.target) for rule in rules] == [
        ("customFieldTexts", "customField02"),
        ("customFieldLongs", "customFieldLong03"),
    ]


def test_a_nested_list_of_jsonl_is_a_field_like_others() -> None:
    """Protects orders in JSONL, whose items are lists already."""
    headers = ("orderId", "orderStatus", "customerId", "customerName", "customerEmail", "items")
    rule = match_headers(object_type("order"), headers).columns[-1]
    assert (rule.target, rule.column, rule.rule.type) == ("items", "items", FieldType.OBJECT)


def test_columns_that_are_no_fields_are_named_and_not_sent() -> None:
    """Protects against the silent loss of a column."""
    mapping = match_headers(object_type("customer-identity"), (*FIELDS, "Tier", "Note"))
    assert mapping.warnings == ('headers: no field is called "Tier", "Note": not sent.',)


def test_columns_that_are_no_fields_are_a_mistake_under_strict() -> None:
    """Protects the meaning of --strict."""
    with pytest.raises(MappingError) as caught:
        match_headers(object_type("customer-identity"), (*FIELDS, "Tier"), strict=True)
    assert caught.value.mistakes == ('headers: no field is called "Tier": not sent.',)


def test_two_columns_for_one_field_are_never_chosen_between() -> None:
    """Protects against a guess: a mapping has to say which is meant."""
    with pytest.raises(MappingError) as caught:
        match_headers(object_type("customer-identity"), (*FIELDS[:2], "Full name", "full_name"))
    assert caught.value.mistakes == ('headers: fullName could be "Full name" or "full_name"; a mapping says which.',)


def test_a_column_with_the_fields_own_spelling_wins() -> None:
    """Protects exports that carry both the API's name and a label."""
    mapping = match_headers(object_type("customer-identity"), (*FIELDS, "Full name"))
    assert {rule.target: rule.column for rule in mapping.columns}["fullName"] == "fullName"


def test_a_column_of_zones_becomes_the_zone_rule() -> None:
    """Protects timezoneGmt from being sent as a plain column."""
    mapping = match_headers(object_type("customer-identity"), (*FIELDS, "timezoneGmt"))
    assert mapping.zone == ZoneRule(column="timezoneGmt")
    assert [rule.target for rule in mapping.columns] == list(FIELDS)


def test_the_flag_gives_the_zone_of_matched_headers() -> None:
    """Protects loads without a mapping file that hold wall-clock times."""
    mapping = match_headers(object_type("customer-identity"), FIELDS, timezone="Asia/Ho_Chi_Minh")
    assert mapping.zone == ZoneRule(timezone="Asia/Ho_Chi_Minh")


def test_a_type_without_known_fields_needs_a_mapping() -> None:
    """Protects types of which only the name is public: nothing is guessed from headers."""
    with pytest.raises(MappingError) as caught:
        match_headers(object_type("shopping-cart"), ("cartId", "total"))
    assert caught.value.mistakes == ("headers: no field of shopping-cart is known, so a mapping has to name them.",)
