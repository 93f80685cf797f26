"""The platform's words, freed of secrets and of row values, so that a log or a journal may keep them."""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST = 300
"""Characters that are kept of a message."""
SHORTEST_VALUE = 3
PREFIX = 12
"""So many first characters of a secret give it away."""
VALUE_PREFIX = 8

_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w])\+?\d(?:[ .()-]{0,2}\d){6,}(?!\w)")


class Scrubber:
    """Takes out of a text what must not be kept.

    Args:
        secrets: keys and tokens; more are added with `learn` as tokens are renewed.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._needles: dict[str, None] = {}
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Never show `secret`, nor its base64 and URL-encoded forms, nor a piece that begins like it."""
        for form in _disguises(secret):
            self._needles[form] = None

    def clean(self, text: str, entries: Iterable[bytes] = ()) -> str:
        """Give `text` in one line of at most 300 characters, fit to be kept.

        Secrets are gone, the values of `entries` (each the JSON of an object), and whatever looks like an e-mail
        address or a phone number; control characters are escaped.
        """
        text = " ".join(text[: 20 * LONGEST].split())
        for needle in self._needles:
            text = _without(text, needle, "[secret]", prefix=PREFIX)
        values = _values(entries)
        for value in sorted(values, key=len, reverse=True):
            text = _without(text, value, "[value]", prefix=VALUE_PREFIX)
        text = _EMAIL.sub("[e-mail]", text)
        text = _PHONE.sub("[number]", text)
        text = "".join(map(_visible, text))
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _disguises(secret: str) -> Iterator[str]:
    if not secret:
        return
    yield secret
    yield quote(secret, safe="")
    yield html.escape(secret)
    raw = secret.encode()
    for lead in range(3):
        # A secret inside a longer encoded text (`user:key`) stands at any of three offsets; its inner part is fixed.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            coded = encode(b"\0" * lead + raw).decode().rstrip("=")
            inner = coded[(0, 2, 3)[lead] : len(coded) - 1]
            if len(inner) >= VALUE_PREFIX:
                yield inner


def _without(text: str, needle: str, mark: str, *, prefix: int) -> str:
    """`text` with every run that begins like `needle` replaced, however much of it follows; case does not matter."""
    low, sought = text.lower(), needle.lower()
    if len(low) != len(text):  # a letter whose small form is longer: positions would not agree
        low, sought = text, needle
    head = sought[:prefix]
    at = low.find(head)
    if at < 0:
        return text
    parts, done = [], 0
    while at >= 0:
        end = at + len(head)
        while end < len(low) and end - at < len(sought) and low[end] == sought[end - at]:
            end += 1
        parts += [text[done:at], mark]
        done = end
        at = low.find(head, end)
    return "".join([*parts, text[done:]])


def _values(entries: Iterable[bytes]) -> set[str]:
    """Every text and number of `entries` that is long enough to give something away, in all its spellings.

    A value that is also a key of an entry stays: `Invalid value of: phone` must be readable.
    """
    found: set[str] = set()
    keys: set[str] = set()
    for entry in entries:
        try:
            document: object = json.loads(entry)
        except ValueError:
            continue
        _collect(document, found, keys)
    plain = {" ".join(value.split()) for value in found if value not in keys}
    spelled = {form for value in plain for form in (value, html.escape(value), quote(value), json.dumps(value)[1:-1])}
    return {form for form in spelled if len(form) >= SHORTEST_VALUE}


def _collect(value: object, found: set[str], keys: set[str]) -> None:
    match value:
        case dict():
            for key, inner in value.items():
                keys.add(str(key))
                _collect(inner, found, keys)
        case list():
            for inner in value:
                _collect(inner, found, keys)
        case str():
            found.add(value)
        case int() | float() if not isinstance(value, bool):
            found.add(str(value))
        case _:
            pass


def _visible(character: str) -> str:
    """A character that a terminal could obey, or that nobody can see, as an escape."""
    if character == " " or unicodedata.category(character)[0] not in "CZ":
        return character
    return character.encode("unicode_escape").decode()
