"""What is shown to a person can neither move a cursor nor mislead."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pango_load.report.plain_text import counted, masked, one_line, shortened, spoken_time, text_width, utc_text


@given(st.text())
def test_no_control_character_is_ever_shown(text: str) -> None:
    """A value in a file must not clear the screen or turn the line around."""
    assert not set(one_line(text)) & set("\x1b\x00\n\r\t\x7f\x9b\u202e\u2066\u2028")


def test_what_is_escaped_can_still_be_read() -> None:
    """Who looks for the character finds which it was."""
    assert one_line("a\x1b[31m\nb\u202e") == r"a\x1b[31m\nb\u202e"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "0.0 s"),
        (0.42, "0.4 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (97200, "1 d 3 h"),
    ],
)
def test_a_time_is_said_as_people_say_it(seconds: float, said: str) -> None:
    """Nobody reads 97200 s."""
    assert spoken_time(seconds) == said


def test_numbers_are_grouped_and_agree_with_their_noun() -> None:
    """1 row, 2 rows, 1,234,567 entries."""
    assert [counted(1, "row"), counted(2, "row"), counted(1234567, "entry", "entries")] == [
        "1 row",
        "2 rows",
        "1,234,567 entries",
    ]


def test_a_moment_is_said_in_utc() -> None:
    """Machines in several zones read the same report."""
    assert utc_text(0) == "1970-01-01T00:00:00Z"


@given(st.text(), st.integers(1, 40))
def test_shortened_text_fits(text: str, width: int) -> None:
    """A screen of 80 columns stays one, also with wide letters."""
    assert text_width(shortened(text, width)) <= width


def test_a_masked_value_keeps_its_shape_only() -> None:
    """Enough to see what is wrong, not who it is."""
    assert masked("Nguyễn.An7@shop.vn") == "xxxxxx.xx9@xxxx.xx"


def test_a_letter_takes_the_columns_that_unicode_gives_it() -> None:
    """Most letters are not asked one by one; none of those may be wide, or stand over another."""
    for code in [*range(0xD800), *range(0xE000, 0x20000)]:
        letter = chr(code)
        wide = 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        assert text_width(letter) == (0 if unicodedata.combining(letter) else wide), hex(code)
