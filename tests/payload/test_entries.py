"""Entries and bodies are exactly what a JSON library would write."""

from __future__ import annotations

import json
from typing import TypeAlias, cast

import orjson
import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st
from support.validation_rules import column_rule, field_rule, mapping_of

from pango_load.payload.entries import make_entries
from pango_load.payload.frame import make_frame
from pango_load.payload.text import escaped, json_values
from pango_load.records import ColumnRule, FieldMapping, FieldType, ZoneRule

HOSTILE = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from(['"', "\\", "\x00", "\x1f", "\x7f", "\u2028", "\ufeff", "\n", "\t", "ễ", "😀"]),
    ),
    max_size=12,
)
"""Any text that UTF-8 can hold, rich in what JSON must escape."""

TEXT = column_rule(field_rule("name"))
LONG = column_rule(field_rule("points", FieldType.LONG))
DOUBLE = column_rule(field_rule("price", FieldType.DOUBLE))
FLAG = column_rule(field_rule("primary", FieldType.BOOLEAN))
TAGS = column_rule(field_rule("tags", FieldType.LIST))
SLOT = ColumnRule(target="customField01", container="customFieldTexts", column="tier", rule=field_rule("customField01"))
SLOT_TWO = ColumnRule(
    target="customField02", container="customFieldTexts", column="note", rule=field_rule("customField02")
)
EVERYTHING = mapping_of(TEXT, LONG, DOUBLE, FLAG, TAGS, SLOT, SLOT_TWO)
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "0": pl.String,
    "1": pl.Int64,
    "2": pl.String,
    "3": pl.Boolean,
    "4": pl.List(pl.String),
    "5": pl.String,
    "6": pl.String,
}

ROWS = st.tuples(
    st.none() | HOSTILE,
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.sampled_from(["1.10", "-0.5", "1e5", "12345678901234567890"]),
    st.none() | st.booleans(),
    st.none() | st.lists(HOSTILE, min_size=1, max_size=3),
    st.none() | HOSTILE,
    st.none() | HOSTILE,
)
Row: TypeAlias = tuple[str | None, int | None, str | None, bool | None, list[str] | None, str | None, str | None]


def written_by_a_library(row: Row) -> bytes:
    """The same entry by orjson, decimals put in as they stand."""
    name, points, price, primary, tags, one, two = row
    slots = {key: value for key, value in (("customField01", one), ("customField02", two)) if value is not None}
    keys = {
        "name": name,
        "points": points,
        "price": None if price is None else orjson.Fragment(price),
        "primary": primary,
        "tags": tags,
        "customFieldTexts": slots or None,
    }
    return orjson.dumps({key: value for key, value in keys.items() if value is not None})


@given(st.lists(ROWS, max_size=8))
@example([(None,) * 7])
@example([('"\\\x00\n😀', None, None, None, ['"', ""], None, "\x1f")])
def test_every_entry_is_byte_for_byte_what_a_json_library_writes(rows: list[Row]) -> None:
    """Protects every customer whose name holds a quote, a line break or a control character."""
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    entries = make_entries(frame, EVERYTHING).to_list()
    assert [entry.encode() for entry in entries] == [written_by_a_library(row) for row in rows]


@given(st.lists(HOSTILE, max_size=20))
def test_escaping_agrees_with_the_standard_library(texts: list[str]) -> None:
    """Protects from an oracle that shares our mistakes."""
    made = escaped(pl.Series(texts, dtype=pl.String)).to_list()
    assert [f'"{text}"' for text in made] == [json.dumps(text, ensure_ascii=False) for text in texts]


def test_nothing_is_left_of_what_is_not_there() -> None:
    """Protects stored values: an absent key overwrites nothing, a null might."""
    frame = pl.DataFrame({"0": ["An", None]}, schema={"0": pl.String})
    assert make_entries(frame, mapping_of(TEXT)).to_list() == ['{"name":"An"}', "{}"]


def test_an_empty_cell_is_null_only_where_the_mapping_says_so() -> None:
    """Protects `empty: null`, for those who know that it clears a value."""
    rule = ColumnRule(target="name", column="name", rule=field_rule("name"), empty_is_null=True)
    frame = pl.DataFrame({"0": ["An", None]}, schema={"0": pl.String})
    assert make_entries(frame, mapping_of(rule)).to_list() == ['{"name":"An"}', '{"name":null}']


def test_timezone_gmt_stands_in_every_entry_where_it_is_given() -> None:
    """Protects the literal reading of the documents (seed 003: per entry)."""
    frame = pl.DataFrame({"0": ["An"]})
    assert make_entries(frame, mapping_of(TEXT, zone=ZoneRule(offset_hours=7))).to_list() == [
        '{"timezoneGmt":7,"name":"An"}'
    ]
    by_row = pl.DataFrame(
        {"0": ["An", "Bình"], "timezoneGmt": [7, None]}, schema={"0": pl.String, "timezoneGmt": pl.Int64}
    )
    assert make_entries(by_row, mapping_of(TEXT, zone=ZoneRule(column="tz"))).to_list() == [
        '{"timezoneGmt":7,"name":"An"}',
        '{"name":"Bình"}',
    ]


@given(st.lists(st.none() | st.lists(HOSTILE, max_size=3), max_size=6))
def test_lists_are_written_item_by_item(lists: list[list[str] | None]) -> None:
    """Protects tags and links."""
    made = json_values(pl.Series(lists, dtype=pl.List(pl.String))).to_list()
    for text, items in zip(made, lists, strict=True):
        if items:
            assert json.loads(text) == items


def test_the_body_holds_what_the_mapping_adds() -> None:
    """Protects events, ignored slots and the request block (seed 001, body keys)."""
    mapping = FieldMapping(
        object_type=EVERYTHING.object_type,
        columns=(TEXT,),
        user_event=("id-1", "CJE-1"),
        ignored_update_cfs=("customField01",),
        request={"callback": '{"url":"x"}'},
    )
    body = make_frame(mapping, 'CRM "Hà Nội"').body([b'{"name":"An"}', b"{}"])
    assert list(cast("dict[str, object]", json.loads(body)).items()) == [
        ("objectType", "thing"),
        ("source", 'CRM "Hà Nội"'),
        ("entries", [{"name": "An"}, {}]),
        ("jeConfigId", "id-1"),
        ("jeEventKey", "CJE-1"),
        ("ignoredUpdateCfs", ["customField01"]),
        ("callback", {"url": "x"}),
    ]
    bare = make_frame(EVERYTHING, "CRM").body([b"{}"])
    assert bare == b'{"objectType":"thing","source":"CRM","entries":[{}]}'
