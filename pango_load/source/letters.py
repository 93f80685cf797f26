"""Whether the letters of a text are of the plain kind, which need no second look; found on its bytes at once."""

from __future__ import annotations

from functools import cache

import polars as pl

# The lead bytes of U+0080 to U+027F are below, those of U+1E00 to U+1EFF and of punctuation are looked at apart.
_OTHER_LEAD = 0xCA
_VIETNAMESE_LEAD, _PUNCTUATION_LEAD, _LATIN_LEAD = 0xE1, 0xE2, 0xC2
_SPACE = 0x20


def are_letters_plain(text: bytes, *, line_ends: int, separator: bytes) -> bool:
    """Whether every cell of a delimited text is as `Chunk.is_plain` says.

    Plain are ASCII without control characters, U+0080 to U+027F and U+1E00 to U+1EFF (Vietnamese), and the quotes,
    dashes and currency signs of U+2010 to U+203A, U+20AB and U+20AC; without U+0085 and the white space among them.
    No letter of these is changed by NFC, whatever stands beside it. "No" may be wrong, "yes" never is.

    Args:
        text: UTF-8, whole records.
        line_ends: how many bytes of CR and LF end lines, so that no cell holds another.
        separator: of the cells; one byte.
    """
    if separator.isspace() and b'"' in text:
        return False
    letters = pl.Series("letter", [text], dtype=pl.Binary).cast(pl.List(pl.UInt8)).explode().to_frame()
    # Without quotes, a separator stands nowhere but between cells.
    expected = line_ends + (text.count(separator) if separator < b" " else 0)
    checks = _checks(is_ascii=text.isascii(), has_latin=b"\xc2" in text, has_punctuation=b"\xe2" in text)
    controls, *other = letters.select(checks).row(0)
    return controls == expected and not any(other)


@cache
def _checks(*, is_ascii: bool, has_latin: bool, has_punctuation: bool) -> tuple[pl.Expr, ...]:
    """How many control characters there are, and whether a letter outside ASCII is not plain."""
    letter = pl.col("letter")
    controls = (letter < _SPACE).sum().alias("controls")
    if is_ascii:
        return (controls,)
    second, third = letter.shift(-1), letter.shift(-2)
    # U+1E00 to U+1EFF is 0xE1, then 0xBA or 0xBB, which differ in their last bit.
    other = (letter >= _OTHER_LEAD) & ((letter != _VIETNAMESE_LEAD) | (second & 0xFE).ne(0xBA))
    if has_punctuation:
        is_space = third.is_in([0xA8, 0xA9, 0xAF])
        general = second.eq(0x80) & third.is_between(0x90, 0xBA) & ~is_space
        currency = second.eq(0x82) & (third.eq(0xAB) | third.eq(0xAC))
        other &= (letter != _PUNCTUATION_LEAD) | ~(general | currency)
    if has_latin:
        other |= (letter == _LATIN_LEAD) & (second.eq(0x85) | second.eq(0xA0))
    return (controls, other.any().alias("other"))
