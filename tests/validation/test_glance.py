"""What is taken as it stands means what a careful look makes of it."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.validation_rules import column_rule, field_rule, mapping_of

from pango_load.records import ColumnRule, FieldType, Shape, ZoneRule
from pango_load.source.letters import Letters
from pango_load.validation.columns import ColumnReader
from pango_load.validation.zones import even_stretches, placed_evenly

RULES = (
    column_rule(field_rule("name")),
    column_rule(field_rule("phone", shape=Shape.PHONE)),
    column_rule(field_rule("email", shape=Shape.EMAIL)),
    column_rule(field_rule("gender", values=("male", "female", "undefined"))),
    column_rule(field_rule("channel", values=("Online", "e-mail"), values_open=True)),
    column_rule(field_rule("points", FieldType.LONG)),
    column_rule(field_rule("dob", FieldType.TIMESTAMP)),
    ColumnRule(
        target="visit", column="visit", rule=field_rule("visit", FieldType.TIMESTAMP), formats=("%d/%m/%Y", "%Y")
    ),
)
ZONES = (
    ZoneRule(timezone="Asia/Ho_Chi_Minh"),
    ZoneRule(timezone="America/New_York"),
    ZoneRule(offset_hours=7),
    ZoneRule(offset_hours=7, instants=True),
    ZoneRule(),
)
PLAIN_CELLS = {
    "name": ["Nguyễn Văn An", "a b", "Ơ–ư ₫", "“Tú”"],
    "phone": ["0901234567", "+84901234567"],
    "email": ["an@example.vn", "a.b+c@x.co"],
    "gender": ["male", "Female", "MALE", "undefined", "FeMale"],
    "channel": ["Online", "E-MAIL", "online"],
    "points": ["1", "-7", "+5", "007"],
    "dob": [
        "1990-02-28",
        "1959-12-31",
        "1960-01-01",
        "1975-06-13",
        "1890-01-01",
        "2024-02-30",
        "2024-01-31 10:00:00",
        "2024-01-31T10:00:00",
    ],
    "visit": ["28/02/1990", "13/06/1975", "1999", "31/02/1999"],
}
HOSTILE_CELLS = [
    None,
    "",
    " ",
    "x",
    "N/A",
    "0",
    " male",
    "an@example.vn ",
    "\xa00901234567",
    "0901234567\u3000",
    "1\t",
    " 5",
    "5 ",
    "\uff15",
    "1.0",
    "1e3",
    "e\u0301",
    "Nguye\u0302\u0303n",
    "\u212b",
    "\u0344",
    "a\u0323\u0302",
    "\U0001f600",
    "\u1ec7@v\xed.d\u1ee5",
    "2024-01-31 10:00:60",
    "2024-01-31 10:00:00",
    "2024-03-10 02:30:00",
    "2024-01-31T10:00:00Z",
    "2024-01-31T10:00:00+07:00",
    "1700000000000",
    "2024-01-31 ",
    "2024-01-31  10:00:00",
    "1\u1680",
    "\x85x",
    "x\u2028",
    "12",
    "(090) 123 4567",
    "999999999999999999999999999999",
    "male\n",
    "Ğ",
]


def careful(frame: pl.DataFrame, reader: ColumnReader) -> list[tuple[list[object], dict[str, list[int]], list[bool]]]:
    read = reader._read_carefully(frame, range(len(RULES)), None)
    return [told(*read[at]) for at in range(len(RULES))]


def told(typed: object, cells: pl.Series) -> tuple[list[object], dict[str, list[int]], list[bool]]:
    found = {finding.code: finding.rows.arg_true().to_list() for finding in typed.findings if finding.rows.any()}  # type: ignore[attr-defined] # Values
    return typed.values.to_list(), found, cells.is_null().to_list()  # type: ignore[attr-defined] # Values


def bent(cell: str) -> list[str]:
    """The same cell, nearly."""
    return [
        cell + " ",
        " " + cell,
        cell.upper(),
        cell + "\u3000",
        cell.removesuffix("00") + "60",
        cell + cell,
        cell + ":60 ",
    ]


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    height = draw(st.integers(1, 12))
    columns: dict[str, pl.Series] = {}
    for name, cells in PLAIN_CELLS.items():
        usual = draw(st.sampled_from(cells))
        others = [*cells, *bent(usual)]
        odd = st.one_of(st.sampled_from(others), st.sampled_from(others + HOSTILE_CELLS), st.text(max_size=6))
        drawn = [draw(odd) if draw(st.integers(0, 4)) == 0 else usual for _ in range(height)]
        columns[name] = pl.Series(
            [cell and cell.encode("utf-8", "replace").decode() for cell in drawn], dtype=pl.String
        )
    return pl.DataFrame(columns)


@settings(max_examples=80, deadline=None)
@given(frames(), st.sampled_from(ZONES), st.sampled_from([(), ("N/A", "0", "male")]))
def test_a_chunk_reads_at_a_glance_as_it_reads_carefully(
    frame: pl.DataFrame, zone: ZoneRule, nulls: tuple[str, ...]
) -> None:
    """Protects every byte that is sent: quickness changes no value, no problem and no empty cell."""
    reader = ColumnReader(mapping_of(*RULES, zone=zone, nulls=nulls))
    text = "".join(f"{cell}\n" for cell in frame.transpose().unpivot().get_column("value").to_list()).encode()
    is_plain = Letters(text).are_plain(line_ends=frame.height * frame.width, separator=b",")
    before = frame.clone()
    read = reader.read(frame, offsets=None, is_plain=is_plain)
    assert [told(*both) for both in zip(read.typed, read.cells, strict=True)] == careful(frame, reader)
    assert frame.equals(before)


@given(
    st.sampled_from(["Asia/Ho_Chi_Minh", "America/New_York", "Europe/Dublin", "Pacific/Apia", "Asia/Kathmandu"]),
    st.data(),
)
@settings(max_examples=80, deadline=None)
def test_an_even_stretch_gives_the_instant_that_python_gives(zone: str, data: st.DataObject) -> None:
    """Protects birthdays around a change of the clock: near it nothing is placed evenly."""
    around = data.draw(st.sampled_from([stretch.end for stretch in even_stretches(zone)]))
    shift = data.draw(st.integers(-4 * 86_400_000, 4 * 86_400_000))
    wall = datetime(1970, 1, 1) + timedelta(milliseconds=around + shift)  # noqa: DTZ001 - a wall clock
    milliseconds = around + shift
    expr = placed_evenly(pl.lit(milliseconds, dtype=pl.Int64), zone, earliest=milliseconds, latest=milliseconds)
    placed = None if expr is None else pl.select(expr).item()
    if placed is not None:
        expected = wall.replace(tzinfo=zoneinfo.ZoneInfo(zone)).astimezone(UTC)
        assert placed == round((expected - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


@pytest.mark.heavy
@pytest.mark.parametrize("zone", sorted(zoneinfo.available_timezones()))
def test_no_zone_changes_its_clock_twice_within_three_days(zone: str) -> None:
    """Protects the table of even stretches, which looks at a zone once a day: asked once an hour, each is even."""
    key = zoneinfo.ZoneInfo(zone)
    for stretch in even_stretches(zone):
        hours = range(stretch.start // 3_600_000 + 1, stretch.end // 3_600_000, 7)
        offsets = {
            datetime.fromtimestamp((hour * 3_600_000 - stretch.offset) / 1000, key).utcoffset() for hour in hours
        }
        assert offsets <= {timedelta(milliseconds=stretch.offset)}


@example("ẞ\u1e9b")
@example("“a” – 1.000₫ €")
@given(st.text())
def test_a_plain_text_is_composed_and_has_no_white_space_but_spaces(text: str) -> None:
    """Protects names: what is taken as it stands would not be changed by composing or stripping it."""
    import unicodedata

    encoded = text.encode("utf-8", "replace")
    text = encoded.decode()
    if Letters(encoded).are_plain(line_ends=0, separator=b","):
        assert unicodedata.normalize("NFC", text) == text
        assert text.strip() == text.strip(" ")


def test_every_letter_is_judged_plain_or_not_as_unicode_says() -> None:
    """Protects every script: each letter of Unicode is asked, alone and where another one could join it."""
    import unicodedata

    def is_plain(letters: str) -> bool:
        return Letters(letters.encode()).are_plain(line_ends=0, separator=b",")

    plain: list[str] = []
    for first in (*range(0x40, 0xD800, 64), *range(0xE000, 0x11_0000, 4096)):
        letters = "".join(map(chr, range(first, first + 64)))
        # A block is plain where all of its letters are; most are not, and then a letter of its own lead is enough.
        if is_plain(letters) or first < 0x300 or 0x1E00 <= first < 0x2100:
            plain.extend(letter for letter in letters if is_plain(letter))
        elif first < 0x3100:
            assert not any(map(is_plain, letters[::21]))
    plain.extend(letter for letter in map(chr, range(0x20, 0x40)) if is_plain(letter))
    assert all(unicodedata.is_normalized("NFC", letter) and not unicodedata.combining(letter) for letter in plain)
    assert [letter for letter in plain if letter.isspace()] == [" "]
    joined = {
        letter
        for letter in plain
        for base in "aAeEoOuUiIyYơưâăê"
        if unicodedata.normalize("NFC", base + letter) != base + letter
    }
    assert not joined
    assert set("ăâđêôơưĂÂĐÊÔƠƯạảấầẩẫậắằẳẵặ₫–“”’…") <= set(plain)


@pytest.mark.parametrize("usual", ["2024-01-31 10:00:00", "2024-01-31T10:00:00", "2024-01-31T10:00:00Z"])
def test_a_sixtieth_second_is_seen_among_sound_times(usual: str) -> None:
    """Protects visits: polars takes 10:00:60 for a minute later, and Pango is not told a time that never was."""
    mapping = mapping_of(column_rule(field_rule("dob", FieldType.TIMESTAMP)))
    frame = pl.DataFrame({"dob": [usual] * 20 + [usual[:17] + "60" + usual[19:]]})
    (typed,) = ColumnReader(mapping).read(frame, offsets=None, is_plain=True).typed
    assert typed.values.null_count() == 1
    assert [(finding.code, finding.rows.arg_true().to_list()) for finding in typed.findings] == [("date.format", [20])]
