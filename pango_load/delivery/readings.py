"""The ways in which a text may be read: as it stands, or free of the escapes that a server may have put into it."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Span = tuple[int, int]
"""From and to, in characters of the text as it stands."""

_URL = re.compile(r"(?:%[0-9A-Fa-f]{2})+|\+")
_HTML = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_JSON = re.compile(r"(?:\\u[0-9A-Fa-f]{4})+|\\x[0-9A-Fa-f]{2}|\\U[0-9A-Fa-f]{8}|\\[\"'\\/bfnrt]")
_BYTES = re.compile(r"(?:\\x[0-9A-Fa-f]{2})+")
"""Python shows bytes so: the letters beyond ASCII in two to four of them."""
_HEX_PAIRS = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}[ :-]){2,}[0-9A-Fa-f]{2}(?![0-9A-Za-z])")
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a text.

    Attributes:
        text: what is read.
        spans: for each of its characters, where it stands.
    """

    text: str
    spans: tuple[Span, ...]

    def place(self, begin: int, end: int) -> Span:
        """Where the characters `begin` to `end` of the reading stand."""
        return self.spans[begin][0], self.spans[end - 1][1]


def readings(text: str) -> Iterator[Reading]:
    """`text` as it stands, without each kind of escapes, and without all of them; each way once."""
    plain = Reading(text, tuple((at, at + 1) for at in range(len(text))))
    seen = {text}
    yield plain
    for ways in (("url",), ("html",), ("json",), ("bytes",), ("hex",), ("url", "html", "json")):
        reading = plain
        for way in ways:
            reading = _unescaped(reading, *_WAYS[way])
        if reading.text not in seen:
            seen.add(reading.text)
            yield reading


def folded(text: str) -> str:
    """`text` so that letters of either case, composed or not, and blanks of any kind and number are equal."""
    return _simple(text) if text.isascii() else _spelled(Reading(text, ((0, 0),) * len(text)), _fold).text


def bare(text: str) -> str:
    """`folded`, and without accents."""
    return _simple(text) if text.isascii() else _spelled(Reading(text, ((0, 0),) * len(text)), _bare).text


def fold_reading(reading: Reading) -> Reading:
    """`reading`, its text `folded`."""
    return _spelled(reading, _fold)


def bare_reading(reading: Reading) -> Reading:
    """`reading`, its text `bare`."""
    return _spelled(reading, _bare)


def _simple(text: str) -> str:
    return re.sub(r"\s+", " ", text.lower())


def _spelled(reading: Reading, fold: Callable[[str], str]) -> Reading:
    letters: list[str] = []
    spans: list[Span] = []
    for letter, span in zip(reading.text, reading.spans, strict=True):
        if letter.isspace():
            if not letters or letters[-1] != " ":
                letters.append(" ")
                spans.append(span)
            continue
        as_read = letter if letter.isascii() and not letter.isupper() else fold(letter)
        letters.extend(as_read)
        spans.extend([span] * len(as_read))
    return Reading("".join(letters), tuple(spans))


@cache
def _fold(letter: str) -> str:
    # By way of the capital: a dotless small i has the same one as the usual one.
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", letter).upper().casefold())


@cache
def _bare(letter: str) -> str:
    parts = unicodedata.normalize("NFKD", letter.upper().casefold())
    return "".join(part for part in parts if not unicodedata.combining(part)).replace("đ", "d")


def _unescaped(reading: Reading, escape: re.Pattern[str], meant: Callable[[str], str]) -> Reading:
    letters: list[str] = []
    spans: list[Span] = []
    done = 0
    for found in escape.finditer(reading.text):
        letters.append(reading.text[done : found.start()])
        spans.extend(reading.spans[done : found.start()])
        as_read = meant(found[0])
        letters.append(as_read)
        spans.extend([reading.place(found.start(), found.end())] * len(as_read))
        done = found.end()
    return Reading("".join([*letters, reading.text[done:]]), (*spans, *reading.spans[done:]))


def _from_url(escape: str) -> str:
    return " " if escape == "+" else unquote(escape)


def _from_json(escape: str) -> str:
    if escape[1] not in "uUx":
        return _LETTERS.get(escape[1], escape[1])
    width = {"u": 4, "x": 2, "U": 8}[escape[1]]
    units = [int(escape[at + 2 : at + 2 + width], 16) for at in range(0, len(escape), width + 2)]
    if any(unit > 0x10FFFF for unit in units):  # noqa: PLR2004 - the last character of Unicode
        return escape
    pairs = "".join(map(chr, units)).encode("utf-16", "surrogatepass")
    return pairs.decode("utf-16", "replace")


def _from_bytes(escape: str) -> str:
    return bytes.fromhex(escape.replace("\\x", "")).decode("utf-8", "replace")


def _from_hex(pairs: str) -> str:
    return bytes.fromhex(re.sub(r"[ :-]", "", pairs)).decode("utf-8", "replace")


_WAYS: dict[str, tuple[re.Pattern[str], Callable[[str], str]]] = {
    "url": (_URL, _from_url),
    "html": (_HTML, html.unescape),
    "json": (_JSON, _from_json),
    "bytes": (_BYTES, _from_bytes),
    "hex": (_HEX_PAIRS, _from_hex),
}
