"""What a sound mapping becomes once a file's headers are known."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support.mapping_files import CUSTOMER, PLACE, customer, fitted, mistakes_of

from pango_load.errors import MappingError, UsageError
from pango_load.mapping.dates import DIRECTIVES, read_pattern
from pango_load.mapping.read import read_mapping
from pango_load.mapping.resolve import fit
from pango_load.mapping.words import GROUP_KEYS, OPTIONS, TOP_LEVEL, USER_EVENT_KEYS
from pango_load.records import Clean, FieldType, OnDuplicate, Severity, ZoneRule

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = """
object: customer-identity
source: CRM
timezoneGmt: 7
timestamps: instant
columns:
  Customer Code: customerId
  Mobile: {field: phone, clean: [digits, restore-zero], normalise: VN}
  Sex: {field: gender, values: {Nam: Male, Nữ: female}, default: UNDEFINED}
  Birthday: {field: dob, format: ["%d/%m/%Y", epoch-ms]}
  Aliases: {field: nickNames, split: ";"}
  Tier: [customerGroup, customField01]
  Points: {field: customFieldLong03, decimal: ",", grouping: "."}
  Rate: customFieldDouble01
  Last visit: {field: customFieldTimestamp02, format: "%d/%m/%Y %H:%M:%S.%f", empty: null}
  Newest: {field: newestField, extra: true, type: double}
  Notes: null
constants: {country: Viet Nam, systemName: CRM}
computed: {fullName: {template: "{First name} {{VIP}} {Last name}", clean: collapse}}
ignoredUpdateCfs: [customField01]
userEvent: {jeConfigId: conf, jeEventKey: key}
nulls: ["N/A", "-", NULL]
recordKey: [customerId]
onDuplicate: keep-last
checks: {email: warn, phone: off, date.format: warn}
containers: {Double: customFieldDecimals}
request: {callback: {id: 007, on: true, rate: 1.5, none: null, list: [a]}}
"""
WHOLE_HEADERS = (
    *("Customer Code", "Mobile", "Sex", "Birthday", "Aliases", "Tier", "Points", "Rate", "Last visit", "Newest"),
    *("Notes", "First name", "Last name"),
)


def test_the_keys_of_an_entry_stand_in_the_catalogues_order_with_slots_last(tmp_path: Path) -> None:
    """Protects whoever compares two loads: the order of a file's columns never changes the bytes."""
    targets = [(rule.container, rule.target) for rule in fitted(WHOLE, tmp_path, WHOLE_HEADERS).columns]
    assert targets == [
        (None, "systemName"),
        (None, "customerId"),
        (None, "customerGroup"),
        (None, "phone"),
        (None, "fullName"),
        (None, "nickNames"),
        (None, "gender"),
        (None, "dob"),
        (None, "country"),
        (None, "newestField"),
        ("customFieldTexts", "customField01"),
        ("customFieldLongs", "customFieldLong03"),
        ("customFieldTimestamps", "customFieldTimestamp02"),
        ("customFieldDecimals", "customFieldDouble01"),
    ]


def test_every_option_of_a_column_reaches_its_rule(tmp_path: Path) -> None:
    """Protects the meaning of the mapping language, option by option."""
    rules = {rule.target: rule for rule in fitted(WHOLE, tmp_path, WHOLE_HEADERS).columns}
    assert rules["phone"].clean == (Clean.DIGITS,)
    assert rules["phone"].restore_zero
    assert rules["phone"].normalise == "VN"
    assert rules["gender"].values == {"Nam": "male", "Nữ": "female"}
    assert rules["gender"].default == "undefined"
    assert rules["dob"].formats == ("%d/%m/%Y", "epoch-ms")
    assert rules["nickNames"].split == ";"
    assert rules["customerGroup"].column == rules["customField01"].column == "Tier"
    assert (rules["customFieldLong03"].decimal, rules["customFieldLong03"].grouping) == (",", ".")
    assert rules["customFieldTimestamp02"].formats == ("%d/%m/%Y %H:%M:%S%.f",)
    assert rules["customFieldTimestamp02"].empty_is_null
    assert rules["newestField"].rule.type is FieldType.DOUBLE
    assert rules["fullName"].template == "{First name} {{VIP}} {Last name}"
    assert rules["fullName"].clean == (Clean.COLLAPSE,)
    assert rules["country"].constant == "Viet Nam"
    assert rules["country"].line == 18


def test_everything_beside_the_columns_reaches_the_mapping(tmp_path: Path) -> None:
    """Protects the settings of a request: what a mapping says is what is sent."""
    mapping = fitted(WHOLE, tmp_path, WHOLE_HEADERS)
    assert mapping.source == "CRM"
    assert mapping.zone == ZoneRule(offset_hours=7, instants=True)
    assert mapping.nulls == ("N/A", "-", "NULL")
    assert mapping.left_out == ("Notes",)
    assert mapping.record_key == ("customerId",)
    assert mapping.on_duplicate is OnDuplicate.KEEP_LAST
    assert mapping.checks == {"email": Severity.WARN, "phone": Severity.OFF, "date.format": Severity.WARN}
    assert mapping.ignored_update_cfs == ("customField01",)
    assert mapping.user_event == ("conf", "key")
    assert mapping.request == {"callback": '{"id":"007","on":true,"rate":1.5,"none":null,"list":["a"]}'}
    assert mapping.origin == f"{PLACE} (12 columns)"
    assert mapping.warnings == ()


def test_the_request_stays_out_of_sight(tmp_path: Path) -> None:
    """Protects keys that an organisation has to write under request: no repr shows them."""
    mapping = fitted(customer("request: {callbackKey: s3cret}"), tmp_path)
    assert "s3cret" not in repr(mapping)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("# a remark\n", id="a-remark"),
        pytest.param("headers: [Code, Mobile, Name]", id="headers"),
    ],
)
def test_what_does_not_change_the_entries_does_not_change_the_fingerprint(more: str, tmp_path: Path) -> None:
    """Protects a half-finished load: a remark in the mapping must not make another load of it."""
    assert fitted(customer(more), tmp_path).fingerprint == fitted(customer(), tmp_path).fingerprint


@pytest.mark.parametrize(
    ("more", "columns"),
    [
        pytest.param("constants: {country: VN}", "", id="a-constant"),
        pytest.param("nulls: ['-']", "", id="nulls"),
        pytest.param("onDuplicate: reject", "", id="duplicates"),
        pytest.param("checks: {phone: off}", "", id="a-check"),
        pytest.param("request: {a: 1}", "", id="the-request"),
        pytest.param("userEvent: {jeConfigId: a, jeEventKey: b}", "", id="a-user-event"),
        pytest.param("computed: {address: '{Name}'}", "", id="a-template"),
        pytest.param("recordKey: [phone]", "", id="the-record-key"),
        pytest.param("source: POS", "", id="the-source"),
        pytest.param("", "Born: dob", id="a-column"),
        pytest.param("", "Born: {field: dob, format: '%d/%m/%Y'}", id="a-pattern"),
        pytest.param("", "Born: {field: dob, format: '%m/%d/%Y'}", id="another-pattern"),
    ],
)
def test_what_changes_the_entries_changes_the_fingerprint(more: str, columns: str, tmp_path: Path) -> None:
    """Protects a resume: a load goes on only with the mapping that it began with."""
    headers = (*CUSTOMER, "Born")
    plain = fitted(customer(columns="Born: null"), tmp_path, headers).fingerprint
    patterns = {
        fitted(customer(columns=f"Born: {{field: dob, format: '{pattern}'}}"), tmp_path, headers).fingerprint
        for pattern in ("%d/%m/%Y", "%m/%d/%Y")
    }
    assert fitted(customer(more, columns=columns), tmp_path, headers).fingerprint != plain
    assert len(patterns) == 2


def test_another_zone_changes_the_fingerprint(tmp_path: Path) -> None:
    """Protects dates: a load is never resumed with another reading of its clock."""
    zones = (
        "timezone: Asia/Ho_Chi_Minh",
        "timezone: Asia/Tokyo",
        "timezoneGmt: 7",
        "timezoneGmt: 7\ntimestamps: instant",
    )
    texts = [customer().replace(zones[0], zone) for zone in zones]
    assert len({fitted(text, tmp_path).fingerprint for text in texts}) == len(zones)


@given(order=st.permutations(WHOLE_HEADERS))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_a_files_columns_never_changes_a_mapping(order: list[str], tmp_path: Path) -> None:
    """Protects byte-for-byte equal loads of one export in two column orders."""
    first, other = fitted(WHOLE, tmp_path, WHOLE_HEADERS), fitted(WHOLE, tmp_path, order)
    assert other.columns == first.columns
    assert other.fingerprint == first.fingerprint


@given(text=st.text(max_size=80) | st.text(alphabet="abc:{}[]-# \n'\"&*<!|>?,\t%@", max_size=60))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_makes_the_reader_fail_in_another_way_than_a_mapping_error(text: str, tmp_path: Path) -> None:
    """Protects the promise of two-line errors: whatever a file holds, there is never a traceback."""
    path = tmp_path / "x.yaml"
    for begun in ("", "object: customer-identity\ncolumns:\n  a: "):
        path.write_bytes((begun + text).encode("utf-8", "surrogatepass"))
        with pytest.raises(MappingError):
            fit(read_mapping(path), ("a", "b"))


def test_words_of_a_mapping_stay_as_they_are_written(tmp_path: Path) -> None:
    """Protects zeros in front and long ids: YAML's numbers are words here."""
    text = customer("constants: {storeId: 007, zipCode: 1_000, customField01: 12345678901234567890, status: yes}")
    constants = {rule.target: rule.constant for rule in fitted(text, tmp_path).columns if rule.constant is not None}
    assert constants == {
        "storeId": "007",
        "zipCode": "1_000",
        "customField01": "12345678901234567890",
        "status": "yes",
    }


WORDS = st.sampled_from(
    [
        "phone",
        "customerId",
        "items",
        "customField01",
        "customField1",
        "a",
        "{a}",
        "{",
        "",
        "%d/%m/%Y",
        "null",
        "7",
        "true",
    ]
)
KEYS = st.sampled_from([*OPTIONS, *GROUP_KEYS, *USER_EVENT_KEYS, "template"]) | WORDS
ANYTHING = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@example(page={"headers": ["phone", "phone"]})
@given(page=st.dictionaries(st.sampled_from([*TOP_LEVEL, "items", "xyzzy"]), ANYTHING, max_size=6))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_kind_of_value_anywhere_makes_the_reader_fail_in_another_way(
    page: dict[str, object], tmp_path: Path
) -> None:
    """Protects the promise of two-line errors: a list where a word belongs is a sentence, never a traceback."""
    path = tmp_path / "x.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump({**page, "object": "order"}, file)
    mapping = read_mapping(path)
    with pytest.raises(MappingError) as caught:
        fit(mapping, ("a", "x", "phone"))
    assert all(str(path) in line for line in caught.value.mistakes)


# --- headers ----------------------------------------------------------------------------------------------------------


def test_a_header_is_found_trimmed_and_in_either_form_of_its_letters(tmp_path: Path) -> None:
    """Protects exports of macOS and of Excel, whose Vietnamese letters are composed differently."""
    headers = (" Code ", "Mobile", unicodedata.normalize("NFD", "Họ tên"))
    mapping = fitted(customer().replace("  Name:", "  Họ tên:"), tmp_path, headers)
    assert [rule.column for rule in mapping.columns] == [" Code ", "Mobile", headers[2]]
    assert mapping.warnings == ()


def test_a_header_in_another_case_is_found_and_said(tmp_path: Path) -> None:
    """Protects against the silent use of a column that was not quite meant."""
    mapping = fitted(customer(), tmp_path, ("CODE", "Mobile", "Name"))
    assert mapping.columns[0].column == "CODE"
    assert mapping.warnings == (
        f'{PLACE}, line 4, columns > Code: the file writes it "CODE"; they are taken as the same column.',
    )


def test_the_exact_header_wins_over_one_in_another_case(tmp_path: Path) -> None:
    """Protects files with both `code` and `Code`."""
    mapping = fitted(customer(columns="code: null"), tmp_path, ("code", "Code", "Mobile", "Name"))
    assert mapping.columns[0].column == "Code"


def test_a_new_column_is_a_warning_and_under_strict_a_mistake(tmp_path: Path) -> None:
    """Protects a cron job whose export grew a column overnight."""
    headers = (*CUSTOMER, "Tier")
    told = f'{PLACE}, columns: the file has a column "Tier" that is not mentioned, so it is not sent; '
    told += '`"Tier": null` says so.'
    assert fitted(customer(), tmp_path, headers).warnings == (told,)
    assert mistakes_of(customer(), tmp_path, headers, strict=True) == [told]


def test_the_columns_of_a_reject_file_are_not_new(tmp_path: Path) -> None:
    """Protects the corrected reject file, which loads as it is."""
    headers = (*CUSTOMER, "_pango_row", "_pango_code", "_pango_field", "_pango_message", "_pango_hint")
    assert mistakes_of(customer(), tmp_path, headers, strict=True) == []


def test_a_second_column_of_a_name_is_said_in_its_own_words(tmp_path: Path) -> None:
    """Protects records of JSON with `Note` and `Note `: the advice to write null would not help."""
    found = fitted(customer(columns='"Note": null'), tmp_path, (*CUSTOMER, "Note", "Note "))
    (told,) = found.warnings
    said = 'the file has a second column "Note", but for outer blanks or its encoding: it is not sent.'
    assert told == f"mappings/x.yaml, columns: {said}"


def test_headers_that_the_mapping_guards_may_grow(tmp_path: Path) -> None:
    """Protects a cron job from stopping over a column that changes nothing."""
    mapping = fitted(customer("headers: [Code, Mobile, Name]"), tmp_path, (*CUSTOMER, "Tier"))
    assert len(mapping.warnings) == 1


def test_a_renamed_column_is_named_with_its_likely_new_name(tmp_path: Path) -> None:
    """Protects a cron job: what happened to the export is told before anything is sent."""
    text = customer("headers: [Code, Mobile, Name]")
    assert mistakes_of(text, tmp_path, ("Code", "Mobile phone", "Name")) == [
        f'{PLACE}, line 5, columns > Mobile: the file has no column of this name. Did you mean "Mobile phone"?',
        f'{PLACE}, line 7, headers: the file lacks the column "Mobile"; it was probably renamed to "Mobile phone".',
    ]


# --- zones ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "zone"),
    [
        pytest.param("timezone: Asia/Ho_Chi_Minh", ZoneRule(timezone="Asia/Ho_Chi_Minh"), id="a-place"),
        pytest.param("timezoneGmt: +7", ZoneRule(offset_hours=7), id="an-offset"),
        pytest.param("timezoneGmt: -12", ZoneRule(offset_hours=-12), id="the-lowest-offset"),
        pytest.param("timezoneGmt: 14", ZoneRule(offset_hours=14), id="the-highest-offset"),
        pytest.param(
            "timezoneGmt: 7\ntimestamps: instant",
            ZoneRule(offset_hours=7, instants=True),
            id="an-offset-beside-instants",
        ),
        pytest.param("# none", ZoneRule(), id="none"),
    ],
)
def test_the_three_ways_of_a_zone(lines: str, zone: ZoneRule, tmp_path: Path) -> None:
    """Protects dates: the mapping says which of the three ways they travel."""
    text = customer().replace("timezone: Asia/Ho_Chi_Minh", lines)
    assert fitted(text, tmp_path).zone == zone


def test_a_zone_row_by_row_makes_no_column_of_its_own(tmp_path: Path) -> None:
    """Protects timezoneGmt from being sent twice: the zone's rule sends it."""
    text = customer(columns="Zone: timezoneGmt").replace("timezone: Asia/Ho_Chi_Minh\n", "")
    mapping = fitted(text, tmp_path, (*CUSTOMER, "Zone"))
    assert mapping.zone == ZoneRule(column="Zone")
    assert "timezoneGmt" not in {rule.target for rule in mapping.columns}


def test_the_flag_gives_the_zone_where_the_mapping_does_not(tmp_path: Path) -> None:
    """Protects the person who is told to add --timezone."""
    text = customer().replace("timezone: Asia/Ho_Chi_Minh\n", "")
    assert fitted(text, tmp_path, timezone="Asia/Tokyo").zone == ZoneRule(timezone="Asia/Tokyo")


def test_the_mappings_zone_outranks_the_flag_and_says_so(tmp_path: Path) -> None:
    """Protects dates from being shifted twice."""
    mapping = fitted(customer(), tmp_path, timezone="Asia/Tokyo")
    assert mapping.zone == ZoneRule(timezone="Asia/Ho_Chi_Minh")
    told = "--timezone Asia/Tokyo is not used: the mapping says how the file's clock is read (Asia/Ho_Chi_Minh)."
    assert mapping.warnings == (f"{PLACE}: {told}",)


def test_a_flag_that_is_no_zone_is_refused(tmp_path: Path) -> None:
    """Protects against a zone that nobody knows."""
    text = customer().replace("timezone: Asia/Ho_Chi_Minh\n", "")
    with pytest.raises(UsageError, match="Asia/Toyko") as caught:
        fitted(text, tmp_path, timezone="Asia/Toyko")
    assert 'Did you mean "Asia/Tokyo"?' in caught.value.message


# --- other object types -----------------------------------------------------------------------------------------------

ORDER = """
object: order
columns: {No: orderId, Status: orderStatus, Customer: customerId, Name: customerName, Mail: customerEmail}
items:
  groupBy: orderId
  columns: {SKU: productSku, Product: productName, Note: customField01, Colour: null}
"""
ORDER_HEADERS = ("No", "Status", "Customer", "Name", "Mail", "SKU", "Product", "Note", "Colour")


def test_rows_of_one_order_become_its_items(tmp_path: Path) -> None:
    """Protects orders in CSV and Excel, which are one row for each item."""
    mapping = fitted(ORDER, tmp_path, ORDER_HEADERS)
    (group,) = mapping.groups
    assert (group.target, group.group_by) == ("items", "No")
    assert [(rule.target, rule.column) for rule in group.columns] == [
        ("productSku", "SKU"),
        ("productName", "Product"),
        ("customField01", "Note"),
    ]
    assert mapping.left_out == ("Colour",)
    assert mapping.warnings == ()


def test_an_unknown_field_of_a_type_that_is_known_in_part_is_a_warning(tmp_path: Path) -> None:
    """Protects types whose public page was cut: their further fields can be sent today."""
    mapping = fitted(
        ORDER.replace("Status: orderStatus", "Status: orderStatus, V: voucher"), tmp_path, (*ORDER_HEADERS, "V")
    )
    assert "voucher" in {rule.target for rule in mapping.columns}
    assert mapping.warnings == (
        f'{PLACE}, line 3, columns > V: "voucher" is not among the fields known of order; it is sent as it is.',
    )


def test_anchors_of_yaml_are_understood(tmp_path: Path) -> None:
    """Protects long mappings that write an option once."""
    text = customer(columns="Born: {field: dob, <<: &day {format: '%d/%m/%Y'}}\nMade: {field: createdAt, <<: *day}")
    rules = {rule.target: rule for rule in fitted(text, tmp_path, (*CUSTOMER, "Born", "Made")).columns}
    assert rules["dob"].formats == rules["createdAt"].formats == ("%d/%m/%Y",)


def test_a_mapping_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    """Protects people whose editor saves UTF-8 with a mark."""
    path = tmp_path / "x.yaml"
    path.write_text(customer(), encoding="utf-8-sig")
    assert fit(read_mapping(path), CUSTOMER).record_key == ("customerId",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "x.yaml is empty.", id="empty"),
        pytest.param(b"# only a remark\n", "x.yaml is empty.", id="only-a-remark"),
        pytest.param(b"- a\n", "x.yaml is not a mapping: it holds a list.", id="a-list"),
        pytest.param(b"hello\n", "x.yaml is not a mapping: it holds a single word.", id="a-word"),
        pytest.param(b"object: \xff\xfe\n", "x.yaml is not a text file in UTF-8.", id="not-utf-8"),
        pytest.param(None, "x.yaml is not there.", id="missing"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused_in_a_sentence(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    """Protects the person who names the wrong file."""
    path = tmp_path / "x.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MappingError) as caught:
        read_mapping(path)
    assert caught.value.message.removeprefix(f"{tmp_path}/") == message
    assert caught.value.advice


def test_a_misspelt_file_name_is_answered_with_its_neighbour(tmp_path: Path) -> None:
    """Protects fingers."""
    (tmp_path / "customers.yaml").write_text(customer(), encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        read_mapping(tmp_path / "custmers.yaml")
    assert caught.value.advice == 'Did you mean "customers.yaml"?'


def test_a_mapping_of_another_object_type_than_the_flags_is_refused(tmp_path: Path) -> None:
    """Protects a model from the rows of another."""
    assert mistakes_of(customer(), tmp_path, object_name="order") == [
        f'{PLACE}, line 1, object: the mapping is for "customer-identity", and --object says "order".'
    ]


# --- patterns of dates ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("directive", sorted(DIRECTIVES))
def test_every_directive_that_is_let_through_is_read_by_polars(directive: str) -> None:
    """Protects the sending pass: a pattern that passes here never breaks there."""
    moment = datetime(2024, 3, 5, 14, 7, 9, 123000)  # noqa: DTZ001 - a wall-clock time is meant
    companions = {"%p": "%F %I:%M", "%P": "%F %I:%M", "%I": "%F {}:%M %p", "%l": "%F {}:%M %p", "%M": "%F %H:{}"}
    companions |= {"%H": "%F {}:%M", "%k": "%F {}:%M", "%S": "%F %H:%M:{}", "%j": "%Y-{}", "%m": "%Y-{}-%d"}
    companions |= {"%d": "%Y-%m-{}", "%e": "%Y-%m-{}", "%b": "%Y-{}-%d", "%B": "%Y-{}-%d", "%h": "%Y-{}-%d"}
    companions |= {"%Y": "{}-%m-%d", "%y": "{}-%m-%d", "%F": "{}", "%D": "{}", "%x": "{}", "%v": "{}", "%c": "{}"}
    companions |= {"%s": "{}", "%.f": "%F %T{}", "%.3f": "%F %T{}", "%.6f": "%F %T{}", "%.9f": "%F %T{}"}
    companions |= {"%3f": "%F %T.{}", "%6f": "%F %T.{}", "%9f": "%F %T.{}", "%z": "%F %T{}", "%:z": "%F %T{}"}
    pattern = companions.get(directive, "%F {}")
    pattern = pattern.format(directive) if "{}" in pattern else f"{pattern} {directive}"
    assert read_pattern(pattern).used == pattern
    times = pl.Series([moment])
    texts = (times.dt.replace_time_zone("UTC") if "z" in directive else times).dt.to_string(pattern)
    read = texts.str.to_datetime(pattern, strict=False)
    assert read[0] is not None
    assert read[0].date() == moment.date()
