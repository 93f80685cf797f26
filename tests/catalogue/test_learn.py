"""A payload copied from the console becomes a catalogue file that loads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pango_load.catalogue.learn import learn_type
from pango_load.catalogue.types import object_type
from pango_load.errors import UsageError
from pango_load.records import Coverage, FieldType, ObjectType, Shape

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = {
    "systemName": "Website",
    "internalCompanyId": "ORG1029130112",
    "commentId": "106326142526362525",
    "parentCommentId": None,
    "title": "Tình trạng sản phẩm",
    "commentedAt": 1614814801000,
    "timezoneGmt": 7,
    "customerPhone": "098685xxx",
    "customerEmail": "someone@example.com",
    "productPrice": 23520000,
    "seen": 1614814801000,
    "rating": 4.5,
    "isPublic": True,
    "tags": ["a"],
    "recordStatus": "Active",
    "items": [{"sku": "S1", "customFieldTexts": {"customField01": "x"}}, {"quantity": 2}],
    "customFieldTexts": {"customField01": "tag:question"},
    "customFieldNumbers": {"customFieldDouble01": 2.5},
}
"""The one JSON sample of the vendor's pages (seed 004), with a field of every kind beside it."""


def learned(text: str, folder: Path, name: str) -> ObjectType:
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return object_type(name, folder)


def test_a_payload_becomes_a_type_that_loads(tmp_path: Path) -> None:
    """An organisation's own model needs no typing of field names."""
    text = learn_type(json.dumps(SAMPLE).encode(), "shop-comment")

    found = learned(text, tmp_path, "shop-comment")

    assert {rule.name: (rule.type, rule.shape) for rule in found.fields} == {
        "systemName": (FieldType.TEXT, None),
        "internalCompanyId": (FieldType.TEXT, None),
        "commentId": (FieldType.TEXT, None),
        "parentCommentId": (FieldType.TEXT, None),
        "title": (FieldType.TEXT, None),
        "commentedAt": (FieldType.TIMESTAMP, None),
        "timezoneGmt": (FieldType.LONG, Shape.ZONE),
        "customerPhone": (FieldType.TEXT, Shape.PHONE),
        "customerEmail": (FieldType.TEXT, Shape.EMAIL),
        "productPrice": (FieldType.LONG, None),
        "seen": (FieldType.LONG, None),
        "rating": (FieldType.DOUBLE, None),
        "isPublic": (FieldType.BOOLEAN, None),
        "tags": (FieldType.LIST, None),
        "recordStatus": (FieldType.TEXT, None),
        "items": (FieldType.OBJECT, None),
    }
    assert (found.name, found.coverage, found.custom_fields) == ("shop-comment", Coverage.PARTIAL, True)


def test_nested_items_are_learned_from_all_of_them(tmp_path: Path) -> None:
    """An item that lacks a key must not hide the key from the type."""
    items = learned(learn_type(json.dumps([SAMPLE]).encode(), "a"), tmp_path, "a").field("items")

    assert items is not None
    assert [(rule.name, rule.type) for rule in items.fields] == [
        ("sku", FieldType.TEXT),
        ("quantity", FieldType.LONG),
    ]
    assert items.custom_fields is True


def test_the_requests_other_keys_are_kept_as_a_mapping_takes_them(tmp_path: Path) -> None:
    """Callback and webhook keys are not public: the payload is the only place to learn them from."""
    request = {
        "objectType": "custom-model",
        "source": "Kho",
        "jeConfigId": "1-Created-2",
        "jeEventKey": "CJE-1",
        "ignoredUpdateCfs": ["customField01"],
        "callback": {"endpoint": "https://example.com/hook", "apiKey": "canary-key"},
        "entries": [{"refId": "1", "customFieldTexts": {"customField02": "x"}}],
    }

    text = learn_type(json.dumps(request).encode(), "crm-visits")

    assert text == (
        "# Learned from a payload. To be reviewed: required fields, closed words, the record key, and whether\n"
        "# what is a Long here may have decimals elsewhere (Double).\n"
        "#\n"
        "# The request's other keys, to be put into a mapping:\n"
        '# source: "Kho"\n'
        '# userEvent: {"jeConfigId": "1-Created-2", "jeEventKey": "CJE-1"}\n'
        '# ignoredUpdateCfs: ["customField01"]\n'
        '# request: {"callback": {"endpoint": "https://example.com/hook", "apiKey": "(left out)"}}\n'
        "#\n"
        "# Custom fields seen, which a mapping names as they are:\n"
        "#   customFieldTexts: customField02\n"
        "object: custom-model\n"
        'title: "Crm visits"\n'
        "coverage: partial\n"
        "source: a payload copied from the console\n"
        "# Which fields identify a record? For instance [refId]. Rows with the same key are sent in their order.\n"
        "recordKey: []\n"
        "ignoredUpdateCfs: true\n"
        "customFields: true\n"
        "\n"
        "fields:\n"
        "  refId: {type: String}\n"
    )
    assert learned(text, tmp_path, "crm-visits").name == "custom-model"


def test_a_container_of_another_name_is_pointed_out() -> None:
    """The containers of Double and Boolean slots are not established: a payload is where their names come to light."""
    text = learn_type(json.dumps(SAMPLE).encode(), "a")

    assert "#   customFieldNumbers: customFieldDouble01\n" in text
    assert "(kept in customFieldNumbers here, not in customFieldDoubles: rename the container in the mapping)" in text


def test_no_value_of_an_entry_is_copied() -> None:
    """A payload may hold a real customer, and a catalogue file is shared."""
    text = learn_type(json.dumps(SAMPLE, ensure_ascii=False).encode(), "a")

    assert [value for value in SAMPLE.values() if isinstance(value, str) and value != "Active" and value in text] == []


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        pytest.param(b"{", "The payload is not JSON (line 1, column 2).", id="broken"),
        pytest.param(b"\xff\xfe", "The payload is not JSON.", id="no text"),
        pytest.param(b"[" * 100_000, "The payload is not JSON.", id="nested without end"),
        pytest.param(b'{"entries": []}', "The payload holds no entry to learn from.", id="no entries"),
        pytest.param(b'{"entries": [{}]}', "The payload holds no entry to learn from.", id="an empty entry"),
        pytest.param(b'{"entries": [1, {"a": 1}]}', "The payload holds no entry to learn from.", id="a number"),
        pytest.param(b'"text"', "The payload holds no entry to learn from.", id="text"),
    ],
)
def test_what_is_no_payload_is_said(payload: bytes, message: str) -> None:
    """A wrong file gets two lines, not a traceback or an empty type."""
    with pytest.raises(UsageError) as caught:
        learn_type(payload, "a")

    assert caught.value.message == message
    assert caught.value.advice


@pytest.mark.parametrize("name", ["", "../a", "a b", "a.yaml", "-a"])
def test_a_name_that_cannot_be_a_files_is_refused(name: str) -> None:
    """The name becomes a file in the user's catalogue."""
    with pytest.raises(UsageError, match="cannot be the name of a file"):
        learn_type(b'{"a": 1}', name)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(entry=st.dictionaries(st.text(max_size=12), json_values, min_size=1, max_size=6), source=st.text(max_size=12))
def test_whatever_is_learned_can_be_read_back(
    tmp_path_factory: pytest.TempPathFactory, entry: dict[str, object], source: str
) -> None:
    """Keys and texts of any letters, line breaks and control characters included, never break the file."""
    request = {"source": source, "note": [source], "entries": [entry]}
    folder = tmp_path_factory.mktemp("learned")

    found = learned(learn_type(json.dumps(request).encode(), "a"), folder, "a")

    slots = {key for key in entry if key.startswith("customField")}
    assert {rule.name for rule in found.fields} >= {key for key in entry if key not in slots}
