"""The platform's words, freed of secrets and of row values, so that a log or a journal may keep them."""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import quote

from pango_load.delivery.readings import bare, bare_reading, fold_reading, folded, readings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from pango_load.delivery.readings import Reading, Span

LONGEST = 300
"""Characters that are kept of a message."""
SHORTEST_VALUE = 3
SHORTEST_BARE = 5
"""A value is found without its accents too, where so many letters are left: shorter ones are words of other things."""
PREFIX = 12
"""So many first characters of a secret give it away."""
VALUE_PREFIX = 8
SHORTEST_WORD = 4
"""A word of a longer value is found by itself, where it has so many letters and digits."""
_OF_REFUSALS = """
a an and are at be been but by for from has have in is it may must no not of on one only or that the than there this
to was were with already allowed array batch body boolean cannot characters code contain contains data date default
digits duplicate duplicated email empty entries entry error errors exceed exceeded exceeds exist exists expected
fail failed field fields format found given greater http https invalid item items json length less limit list long
longer malformed maximum message minimum missing more name null number object payload phone property range record
records refused rejected request required schema short should size string text time timestamp true false type
unknown unsupported valid validation value values wrong
"""
_VOCABULARY = frozenset(_OF_REFUSALS.split())
"""Words of a refusal itself, which say nothing of anybody, though a note or an address may hold them too."""

SECRET, VALUE, EMAIL, NUMBER = "[secret]", "[value]", "[e-mail]", "[number]"
_RANK = (SECRET, VALUE, EMAIL, NUMBER)
"""Which mark stands where two would."""

_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w])\+?\d(?:[ .()-]{0,2}\d){6,}(?!\w)")
_CODED = re.compile(r"[A-Za-z0-9+/_-]{4,}={0,2}")
"""What may be base64."""
_WORD = re.compile(r"[^\W_]+")
_BETWEEN = re.compile(r"[ _.-]{1,3}")
"""What a server may put between the words of a value."""
_HEX = re.compile(r"[0-9A-Fa-f]{6,}")
_SPACED = re.compile(r"(?<!\w)[^\W\d_](?:[ ._*|/,-]{1,3}[^\W\d_]){2,}(?!\w)")
"""Letters that were put apart, so that they are no words."""
_TAIL = re.compile(r"(?<!\d)\d{4,14}(?!\d)")
_PHONE_VALUE = re.compile(r"\+?(?:0|84|00)[\d .()-]{6,20}")
_KEY_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


class Scrubber:
    """Takes out of a text what must not be kept.

    Args:
        secrets: keys and tokens; more are added with `learn` as tokens are renewed.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._needles: dict[_Needle, None] = {}
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Never show `secret`, nor its base64 and URL-encoded forms, nor a piece that begins like it."""
        for form in _disguises(secret):
            self._needles[_Needle(folded(form), SECRET, PREFIX)] = None

    def clean(self, text: str, entries: Iterable[bytes] = ()) -> str:
        """Give `text` in one line of at most 300 characters, fit to be kept.

        Secrets are gone, the values of `entries` (each the JSON of an object), and whatever looks like an e-mail
        address or a phone number; control characters are escaped.
        """
        return self.clean_all([text], entries)[0]

    def clean_all(self, texts: Iterable[str], entries: Iterable[bytes] = ()) -> list[str]:
        """`clean` for several texts about the same entries."""
        found = _Sought.of(_values(entries), self._needles)
        return [_clean(text, found) for text in texts]


@dataclass(frozen=True, slots=True)
class _Needle:
    """Something to be found, as a `folded` or `bare` reading spells it.

    Attributes:
        prefix: so many first characters are enough.
        is_word: only where no letter or digit stands beside it.
    """

    text: str
    mark: str
    prefix: int
    is_word: bool = False

    def runs(self, text: str) -> Iterator[Span]:
        """Every run of `text` that begins like the needle, as far as it agrees: none hides another."""
        head = self.text[: self.prefix]
        at, end = text.find(head), 0
        while at >= 0:
            # What the last run has covered need not be compared letter by letter once more.
            known = end if at < end and self.text.startswith(text[at:end]) else at + len(head)
            end = max(known, at + len(head))
            while end < len(text) and end - at < len(self.text) and text[end] == self.text[end - at]:
                end += 1
            if not self.is_word or not (text[at - 1 : at].isalnum() or text[end : end + 1].isalnum()):
                yield at, end
            at = text.find(head, at + 1)


@dataclass(frozen=True, slots=True)
class _Sought:
    """All that must not be left in a text: as it is read with its accents, and without.

    Attributes:
        words: those of values with several; without accents, like `pairs`.
        pairs: words that are neighbours in a value.
        solid: the values without accents, blanks and signs.
        phones: the digits of those that are phone numbers.
    """

    accented: Collection[_Needle]
    bare: frozenset[_Needle]
    only_bare: frozenset[_Needle]
    plain: frozenset[str]
    words: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    solid: frozenset[str]
    phones: frozenset[str]

    @classmethod
    def of(cls, values: _Values, secrets: Iterable[_Needle]) -> _Sought:
        forms = {form for value in values.plain for form in _spellings(value)}
        words = {_Needle(folded(word), VALUE, len(word), is_word=True) for word in values.words}
        accented = {_Needle(text, VALUE, VALUE_PREFIX) for form in forms if (text := folded(form))}
        without = {_Needle(text, VALUE, VALUE_PREFIX) for value in values.plain if (text := _bare_form(value))}
        texts = [_WORD.findall(bare(_before_at(value))) for value in values.plain]
        said = _VOCABULARY | values.own_words
        pairs = {pair for text in texts for pair in pairwise(text) if not said.issuperset(pair)}
        parts = {word for text in texts if len(text) > 1 for word in text if len(word) >= SHORTEST_WORD}
        return cls(
            accented=(*secrets, *accented, *words),
            bare=frozenset(without),
            only_bare=frozenset(without - accented),
            plain=frozenset(folded(value.strip())[:VALUE_PREFIX] for value in values.plain),
            words=frozenset(parts - said),
            pairs=frozenset(pairs),
            solid=frozenset(text for each in texts if len(text := "".join(each)) >= SHORTEST_VALUE),
            phones=frozenset(
                re.sub(r"\D", "", value) for value in values.plain if _PHONE_VALUE.fullmatch(value.strip())
            ),
        )


def _bare_form(value: str) -> str:
    text = bare(value.strip())
    return text if len(text) >= SHORTEST_BARE else ""


def _clean(text: str, sought: _Sought) -> str:
    text = " ".join(text[: 20 * LONGEST].split())
    marks: list[tuple[Span, str]] = []
    for reading in readings(text):
        marks.extend(_found(reading, sought))
    marks.extend((coded.span(), VALUE) for coded in _CODED.finditer(text) if _hides(coded[0], sought))
    marks.extend((apart.span(), VALUE) for apart in _SPACED.finditer(text) if _spells(apart[0], sought))
    marks.extend((tail.span(), VALUE) for tail in _TAIL.finditer(text) if _ends_a_phone(tail[0], sought))
    text = _marked(text, marks)
    # A number may stand right beside a value, and look like a part of it before.
    text = _PHONE.sub(NUMBER, _EMAIL.sub(EMAIL, text))
    text = "".join(map(_visible, text))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _found(reading: Reading, sought: _Sought) -> Iterator[tuple[Span, str]]:
    accented, without = fold_reading(reading), bare_reading(reading)
    for needle in sought.accented:
        for begin, end in needle.runs(accented.text):
            yield accented.place(begin, end), needle.mark
    # Where nothing has accents, both readings are one, and most needles have been sought in it.
    for needle in sought.bare if without.text != accented.text else sought.only_bare:
        for begin, end in needle.runs(without.text):
            yield without.place(begin, end), needle.mark
    for begin, end in _word_runs(without.text, sought):
        yield without.place(begin, end), VALUE
    for pattern, mark in ((_EMAIL, EMAIL), (_PHONE, NUMBER)):
        for found in pattern.finditer(reading.text):
            yield reading.place(*found.span()), mark


def _word_runs(text: str, sought: _Sought) -> Iterator[Span]:
    """Words that give a value away: each by itself, or two that are neighbours in it, whatever stands between them."""
    before: re.Match[str] | None = None
    for word in _WORD.finditer(text):
        if word[0] in sought.words:
            yield word.span()
        if before and (before[0], word[0]) in sought.pairs and _BETWEEN.fullmatch(text, before.end(), word.start()):
            yield before.start(), word.end()
        before = word


def _spells(letters: str, sought: _Sought) -> bool:
    """Whether letters that stand apart are those of a value, or of a part of one."""
    solid = "".join(_WORD.findall(bare(letters)))
    return any(solid in value or value in solid for value in sought.solid)


def _ends_a_phone(digits: str, sought: _Sought) -> bool:
    """Whether `digits` are the last of a phone number of the entries, as one is named that must not be shown."""
    return any(phone.endswith(digits) for phone in sought.phones)


def _hides(coded: str, sought: _Sought) -> bool:
    """Whether `coded` is base64, or bytes in hexadecimal digits, with the beginning of a value in it."""
    return bool(sought.plain) and any(head in text for text in map(folded, _decoded(coded)) for head in sought.plain)


def _marked(text: str, marks: list[tuple[Span, str]]) -> str:
    """`text` with one mark in place of each stretch that is covered."""
    parts: list[str] = []
    begin, end, mark = 0, 0, ""
    done = 0
    for (first, last), name in sorted(marks, key=lambda each: (each[0][0], -each[0][1])):
        if mark and first < end:
            end, mark = max(end, last), min(mark, name, key=_RANK.index)
            continue
        if mark:
            parts += [text[done:begin], mark]
            done = end
        begin, end, mark = first, last, name
    if mark:
        parts += [text[done:begin], mark]
        done = end
    return "".join([*parts, text[done:]])


def _disguises(secret: str) -> Iterator[str]:
    if not secret:
        return
    yield from _spellings(secret)
    raw = secret.encode("utf-8", "replace")
    for lead in range(3):
        # A secret inside a longer encoded text (`user:key`) stands at any of three offsets; its inner part is fixed.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            coded = encode(b"\0" * lead + raw).decode().rstrip("=")
            inner = coded[(0, 2, 3)[lead] : len(coded) - 1]
            if len(inner) >= VALUE_PREFIX:
                yield inner


def _spellings(value: str) -> Iterator[str]:
    """`value` as it is, and escaped: what stands before it may hide where an escape begins."""
    yield value.strip()
    yield html.escape(value)
    yield html.escape(value, quote=False)
    yield quote(value, safe="", errors="replace")
    yield quote(value, errors="replace")
    yield json.dumps(value)[1:-1]


def _decoded(coded: str) -> Iterator[str]:
    """What `coded` says as base64 or as hexadecimal digits, wherever in it that begins."""
    for found in _HEX.finditer(coded):
        for lead in range(2):
            digits = found[0][lead:]
            yield bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("utf-8", "replace")
    standard = coded.rstrip("=").replace("-", "+").replace("_", "/")
    for lead in range(4):
        part = standard[lead:]
        part = part[: len(part) - (len(part) % 4 == 1)]
        yield base64.b64decode(part + "=" * (-len(part) % 4)).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Values:
    """What entries hold: values that give something away anywhere, and words that do so where they stand alone.

    Attributes:
        own_words: those of the keys, in small letters.
    """

    plain: frozenset[str]
    words: frozenset[str]
    own_words: frozenset[str]


def _values(entries: Iterable[bytes]) -> _Values:
    """Every text and number of `entries`, and what stands before the @ of addresses.

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
    plain = frozenset(value for value in found - keys if len(" ".join(value.split())) >= SHORTEST_VALUE)
    words = {_before_at(value) for value in plain} - {value.strip() for value in plain} - keys
    own = {part.lower() for key in keys for part in (key, *_KEY_PART.findall(key))}
    return _Values(plain, frozenset(word for word in words if len(word) >= SHORTEST_VALUE), frozenset(own))


def _before_at(value: str) -> str:
    """`value`, and of an address what says whose it is."""
    return value.strip().partition("@")[0] if _EMAIL.fullmatch(value.strip()) else value.strip()


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
