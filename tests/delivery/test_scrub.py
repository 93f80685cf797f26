"""The platform's words are kept, and nothing in them that should not be."""

from __future__ import annotations

import base64
import html
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pango_load.delivery.scrub import LONGEST, Scrubber

if TYPE_CHECKING:
    from collections.abc import Callable

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


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper-case": str.upper,
    "url-quoted": quote,
    "url-quoted-through": lambda value: quote(value, safe=""),
    "url-quoted-as-a-form": quote_plus,
    "json-escaped": lambda value: json.dumps(value)[1:-1],
    "json-escaped-but-for-letters": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "html-escaped": html.escape,
    "html-escaped-by-numbers": lambda value: "".join(f"&#{ord(letter)};" for letter in value),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64-for-addresses": lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
}
MARKS = re.compile(r"\[(?:value|secret|e-mail|number)\]")
WRITTEN = st.text(st.characters(exclude_categories=["C"]), max_size=30) | st.text("ab% @'\"é&;\\+", max_size=30)


@settings(deadline=None)
@given(data=st.data(), before=WRITTEN, after=WRITTEN, values=st.lists(WRITTEN, min_size=1, max_size=4))
def test_no_value_is_left_in_any_form_whatever_it_holds(
    *, data: st.DataObject, before: str, after: str, values: list[str]
) -> None:
    """Protects every customer: names with spaces and accents, addresses, quotes and percent signs included."""
    values = [value for value in values if len(" ".join(value.split())) >= 3]
    assume(values)
    said = [FORMS[data.draw(st.sampled_from(sorted(FORMS)))](value) for value in values]
    entry = json.dumps({"": values}).encode()

    cleaned = Scrubber().clean(before + " and ".join(said) + after, [entry])

    for piece in MARKS.split(cleaned):
        for value, form in zip(values, said, strict=True):
            assert " ".join(value.split()) not in piece
            assert " ".join(form.split()) not in piece


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize(
    "value",
    [
        "Elizabeth Taylor-Smith 49",
        "customer49@private-domain.example",
        "khach5@example.vn",
        'Nguyễn "Q" Văn\\5 Ánh',
        "100% wool & more",
        "O'Brien",
        "Ánh",
        "12345",
    ],
)
def test_a_whole_value_goes_in_every_form(value: str, form: Callable[[str], str]) -> None:
    """Protects what comes after the first blank, accent or @ of a value."""
    cleaned = Scrubber().clean(f"bad: {form(value)} exists already", [json.dumps({"": value}).encode()])

    assert cleaned == "bad: [value] exists already"


def test_what_stands_before_the_at_of_an_address_goes() -> None:
    """Protects short names of mailboxes, which the words of a refusal may show without the rest."""
    entry = b'{"email": "khach5@example.vn", "second": "in@example.vn", "third": "valid@example.vn"}'

    cleaned = Scrubber().clean("Khach5 exists, KHACH5@other.example too: in or invalid", [entry])

    assert cleaned == "[value] exists, [value] too: in or invalid"


def test_a_name_goes_without_its_accents_too() -> None:
    """Protects customers of a server that knows plain letters only."""
    entry = '{"fullName": "Nguyễn Văn Đạt"}'.encode()

    assert Scrubber().clean("NGUYEN VAN DAT exists", [entry]) == "[value] exists"


NAMED = json.dumps(
    {
        "customerId": "K1",
        "fullName": "Zxqương Phlõmn Qữyzk",
        "note": "Pay An Ha, an invalid name that must be of seven letters",
        "email": "vo.thuy-kieu@shop.example",
        "city": "Huế",
        "phone": "0908764321",
    }
).encode()
SAID = {
    "the last word": ("Qữyzk is too long", "[value] is too long"),
    "a word without accents": ("name Phlomn?", "name [value]?"),
    "words turned round": ("bad: Qữyzk Zxqương", "bad: [value] [value]"),
    "underscores": ("bad: Zxqương_Phlõmn_Qữyzk!", "bad: [value]!"),
    "two of them": ("bad: ZXQUONG__PHLOMN", "bad: [value]"),
    "dots": ("phlõmn.qữyzk", "[value]"),
    "dashes": ("bad: PHLÕMN-QỮYZK.", "bad: [value]."),
    "escapes": (r"bad: Phl\u00f5mn%5FQ%E1%BB%AFyzk", "bad: [value]"),
    "inside a code": ("BAD_QỮYZK", "BAD_[value]"),
    "short words side by side": ("of an_ha", "of [value]"),
    "a part of an address": ("Thuy Kieu, vo_thuy", "[value], [value]"),
    "bytes as Python shows them": (r"bad: b'Zxq\xc6\xb0\xc6\xa1ng Phl\xc3\xb5mn'", "bad: b'[value]'"),
    "hexadecimal digits": ("bad: 0x5a7871c6b0c6a16e67205068 in it", "bad: [value] in it"),
    "hexadecimal pairs": ("bad: 5a:78:71:c6:b0:c6:a1:6e:67 in it", "bad: [value]in it"),
    "letters put apart": ("bad: P h l õ m n or Q-ữ-y-z-k", "bad: [value] or [value]"),
    "the last digits of a phone": (
        "phone ending in 4321 exists, limit 1234",
        "phone ending in [value] exists, limit 1234",
    ),
    "numbers of rows": ("rows 0, 8, 7, 6 and 7:6:4 of 0908 are wrong", "rows 0, 8, 7, 6 and 7:6:4 of 0908 are wrong"),
    "letters apart that are no value": ("use a, b or c of x y z", "use a, b or c of x y z"),
    "words of the refusal and the keys": (
        "Invalid name: fullName must be full of customer, city of an",
        "Invalid name: fullName must be full of customer, city of an",
    ),
    "other words that begin like one": ("Phlomnia, payable", "Phlomnia, payable"),
}


@pytest.mark.parametrize(("said", "kept"), SAID.values(), ids=SAID.keys())
def test_words_of_a_value_go_too_whatever_stands_between_them(said: str, kept: str) -> None:
    """Protects customers of whom a server shows a part; a refusal's own words stay, or nobody could read it."""
    assert Scrubber().clean(said, [NAMED]) == kept


NAME_WORDS = st.lists(st.text("bdghkluvyăđêơưáạị", min_size=4, max_size=9), min_size=2, max_size=4)


@settings(deadline=None)
@given(NAME_WORDS, st.data(), st.sampled_from([" ", "_", "-", ".", " - ", ", ", "/"]))
def test_no_word_of_a_name_is_left_in_any_order(words: list[str], data: st.DataObject, between: str) -> None:
    """Protects every customer with a name of several words."""
    said = data.draw(st.permutations(words))

    cleaned = Scrubber().clean(f"Bad: {between.join(said)}", [json.dumps({"a": " ".join(words)}).encode()])

    assert not any(word in cleaned for word in words)


@given(text=st.text(max_size=2000))
def test_clean_words_are_one_short_printable_line(text: str) -> None:
    """Protects logs and reports, whatever the server says."""
    cleaned = Scrubber([SECRET]).clean(text)

    assert len(cleaned) <= LONGEST
    assert cleaned.isprintable()
