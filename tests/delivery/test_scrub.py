"""The platform's words are kept, and nothing in them that should not be."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pango_load.delivery.scrub import LONGEST, Scrubber

SECRET = "s3cr3t/key+with=signs-0123456789"

DISGUISES = {
    "plain": SECRET,
    "upper-case": SECRET.upper(),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64-for-addresses": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "inside-basic-authentication": base64.b64encode(f"user:{SECRET}".encode()).decode(),
    "inside-basic-authentication-shifted": base64.b64encode(f"users:{SECRET}:x".encode()).decode(),
    "url-encoded": quote(SECRET, safe=""),
    "html-encoded": html.escape(SECRET),
    "its-beginning": SECRET[:14] + "...",
}


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES.keys())
def test_a_secret_is_found_in_every_disguise(disguise: str) -> None:
    """Protects keys that a server echoes in a form of its own."""
    cleaned = Scrubber([SECRET]).clean(f"token {disguise} is bad")

    assert disguise[:12] not in cleaned
    assert cleaned.startswith("token ")
    assert "[secret]" in cleaned


def test_a_renewed_token_is_a_secret_too() -> None:
    """Protects tokens that were unknown when the load began."""
    scrubber = Scrubber([SECRET])
    scrubber.learn("renewed-token-abcdef")

    assert scrubber.clean("renewed-token-abcdef") == "[secret]"


def test_values_of_the_batch_go_and_names_of_fields_stay() -> None:
    """Protects customers, and readers who need to know which field was wrong."""
    entry = json.dumps({"fullName": "Nguyễn Văn An", "phone": "phone", "n": 12345, "tags": [{"x": "Vàng"}], "b": True})

    cleaned = Scrubber().clean('Invalid phone of NGUYỄN VĂN AN (12345, "Vàng"): true', [entry.encode()])

    assert cleaned == 'Invalid phone of [value] ([value], "[value]"): true'


def test_a_value_that_is_cut_short_is_found() -> None:
    """Protects a name of which the server shows the beginning."""
    assert Scrubber().clean("bad: Nguyễn Vă…", [b'{"fullName": "Nguy\xe1\xbb\x85n V\xc4\x83n An"}']) == "bad: [value]…"


def test_addresses_and_numbers_of_anybody_go() -> None:
    """Protects people whose data is not in this batch."""
    assert Scrubber().clean("an.nguyen@example.vn, +84 912 345 678, code 42") == "[e-mail], [number], code 42"


def test_what_a_terminal_could_obey_is_shown_as_text() -> None:
    """Protects terminals from a server that sends control characters."""
    assert Scrubber().clean("a\x1b[31mred\x07 \u202egnp\n\tb") == "a\\x1b[31mred\\x07 \\u202egnp b"


def test_long_words_are_cut() -> None:
    """Protects the journal from an error page."""
    cleaned = Scrubber().clean("word " * 1000)

    assert len(cleaned) == LONGEST
    assert cleaned.endswith("…")


AROUND = st.text(" .,:;\"'!?\n\t", max_size=40)


@given(
    before=AROUND,
    value=st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=3, max_size=40),
    after=AROUND,
)
def test_no_value_is_ever_left(before: str, value: str, after: str) -> None:
    """Protects every customer, whatever letters the value is made of and whatever stands around it."""
    assume(value.lower() not in "[value] [number] [e-mail]")

    cleaned = Scrubber().clean(before + value + after, [json.dumps({"": value}).encode()])

    assert value not in cleaned


@given(text=st.text(max_size=2000))
def test_clean_words_are_one_short_printable_line(text: str) -> None:
    """Protects logs and reports, whatever the server says."""
    cleaned = Scrubber([SECRET]).clean(text)

    assert len(cleaned) <= LONGEST
    assert cleaned.isprintable()
