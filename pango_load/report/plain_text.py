"""Text that is safe to show: control characters made visible, numbers grouped, times as people say them."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
# Latin letters, Vietnamese ones included, quotes and dashes: neither wide nor put over another letter.
_NARROW = re.compile("[\x00-\u02ff\u1e00-\u1eff\u2010-\u2027]*")
_NAMES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def one_line(text: str) -> str:
    """`text` with control and direction characters spelled out, so that it can neither move a cursor nor hide."""
    # Nearly all text is printable, and asking so is much cheaper than looking for what is not.
    if text.isprintable():
        return text
    return _UNSAFE.sub(lambda found: _NAMES.get(found[0]) or _spelled(ord(found[0])), text)


def _spelled(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - what two hex digits hold


def grouped(number: int) -> str:
    """1234567 as "1,234,567"."""
    return f"{number:,}"


def counted(number: int, thing: str, things: str | None = None) -> str:
    """A number and its noun: "1 row", "1,200 rows", "2 entries"."""
    return f"{grouped(number)} {thing if number == 1 else things or thing + 's'}"


def spoken_time(seconds: float) -> str:
    """A length of time in its two largest units: "0.4 s", "12 s", "3 min 20 s", "2 h 5 min", "1 d 3 h"."""
    if seconds < 1:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    for place, (word, size) in enumerate(units):
        if whole >= size:
            first, rest = divmod(whole, size)
            if word == "s":
                return f"{first} s"
            next_word, next_size = units[place + 1]
            second = rest // next_size
            return f"{first} {word} {second} {next_word}" if second else f"{first} {word}"
    return "0 s"


_REASONS = {
    "pace": "an even pace",
    "quota": "the account's limits",
    "pause": "a pause that Pango asked for",
    "answers": "answers under way",
}


def limit_words(label: str) -> str:
    """A wait's reason in words: a window's label "1 min" is "the limit over 1 min", another word stands as it is."""
    return f"the limit over {label}" if label[:1].isdigit() else _REASONS.get(label) or one_line(label)


def utc_text(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC: "2026-11-21T02:24:26Z"."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def text_width(text: str) -> int:
    """How many columns of a terminal `text` takes: wide letters two, combining marks none."""
    if _NARROW.fullmatch(text):
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def shortened(text: str, width: int) -> str:
    """`text` in at most `width` columns, with "…" where something was cut."""
    if text_width(text) <= width:
        return text
    kept, taken = "", 0
    for letter in text:
        size = text_width(letter)
        if taken + size > width - 1:
            break
        kept, taken = kept + letter, taken + size
    return kept + "…"


def masked(value: str) -> str:
    """The shape of a value without the value: letters as "x", digits as "9", all else as it is: "x99.x@x"."""
    shape = "".join(
        "9" if letter.isdigit() else "x" if letter.isalpha() or unicodedata.combining(letter) else letter
        for letter in one_line(value[:60])
    )
    return shape + ("…" if len(value) > 60 else "")  # noqa: PLR2004 - as many as are shown
