"""The bytes of a delimited text, looked at all together: which quotes it holds, and whether its letters are plain."""

from __future__ import annotations

from functools import cache

import polars as pl

# The lead bytes of U+0080 to U+027F are below, those of U+1E00 to U+1EFF and of punctuation are looked at apart.
_OTHER_LEAD = 0xCA
_VIETNAMESE_LEAD, _PUNCTUATION_LEAD, _LATIN_LEAD = 0xE1, 0xE2, 0xC2
_SPACE = 0x20
_QUOTE, _CR = b'"\r'


class Letters:
    """The bytes of `text`: UTF-8, whole records."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._bytes = pl.Series("letter", [text], dtype=pl.Binary).cast(pl.List(pl.UInt8)).explode()
        is_quote = self._bytes == _QUOTE if b'"' in text else None
        self._quotes = None if is_quote is None else is_quote.arg_true()
        # Looked at now, while they are at hand in the processor.
        self._controls = int((self._bytes < _SPACE).sum())
        self._is_plain = text.isascii() or self._has_plain_letters()

    def _has_plain_letters(self) -> bool:
        """Whether every letter outside ASCII is plain: one is looked at by its first bytes, side by side in columns."""
        has_latin = (self._bytes == _LATIN_LEAD).any()
        is_lead = self._bytes >= (_LATIN_LEAD if has_latin else _OTHER_LEAD)
        leads = self._bytes.filter(is_lead)
        has_punctuation = (leads == _PUNCTUATION_LEAD).any()
        followers = [
            self._bytes.filter(is_lead.shift(place, fill_value=False)).alias(str(place))
            for place in range(1, 3 if has_punctuation else 2)
        ]
        bytes_of = [leads.alias("0"), *followers]
        if len({len(column) for column in bytes_of}) > 1:
            # A letter begins where the text ends: that is no UTF-8.
            return False
        test = _is_other(has_latin=has_latin, has_punctuation=has_punctuation)
        return not pl.DataFrame(bytes_of).select(test.any()).item()

    @property
    def quotes(self) -> int:
        """How many quotes there are."""
        return 0 if self._quotes is None else len(self._quotes)

    def quotes_taken_off(self, *, separator: bytes, line_end: bytes, has_cr: bool) -> int | None:
        """How many bytes of quotes are no part of any cell; None where a quote does not stand at the edge of a cell.

        A run from quote to quote begins where a cell does and ends where one does; two runs that touch are one cell
        with a doubled quote, which stands for one. Only where such runs make up all quotes do they make sense.

        Args:
            separator: between cells, one byte.
            line_end: one byte; the text ends with it.
            has_cr: whether a CR before it belongs to it.
        """
        if self._quotes is None:
            return 0
        if len(self._quotes) % 2:
            return None
        edges = [*separator, *line_end, _QUOTE]
        opening, closing = self._quotes.gather_every(2), self._quotes.gather_every(2, offset=1)
        # A cell may begin where the text does.
        before = self._bytes.gather((opening.slice(1) if opening[0] == 0 else opening) - 1)
        after = self._bytes.gather(closing + 1)
        if not before.is_in(edges).all() or not after.is_in([*edges, _CR] if has_cr else edges).all():
            return None
        return len(self._quotes) - int((after == _QUOTE).sum())

    def are_plain(self, *, line_ends: int, separator: bytes) -> bool:
        """Whether every cell of the text is as `Chunk.is_plain` says.

        Plain are ASCII without control characters, U+0080 to U+027F and U+1E00 to U+1EFF (Vietnamese), and the quotes,
        dashes and currency signs of U+2010 to U+203A, U+20AB and U+20AC; without U+0085 and the white space among them.
        No letter of these is changed by NFC, whatever stands beside it. "No" may be wrong, "yes" never is.

        Args:
            line_ends: how many bytes of CR and LF end lines, so that no cell holds another.
            separator: of the cells; one byte.
        """
        if separator.isspace() and self._quotes is not None:
            return False
        # Without quotes, a separator stands nowhere but between cells.
        expected = line_ends + (self._text.count(separator) if separator < b" " else 0)
        return self._is_plain and self._controls == expected


@cache
def _is_other(*, has_latin: bool, has_punctuation: bool) -> pl.Expr:
    """Whether a letter is not plain, by its lead byte (column "0") and those that follow ("1", "2")."""
    lead, second, third = pl.col("0"), pl.col("1"), pl.col("2")
    # U+1E00 to U+1EFF is 0xE1, then 0xBA or 0xBB, which differ in their last bit.
    other = (lead >= _OTHER_LEAD) & ((lead != _VIETNAMESE_LEAD) | (second & 0xFE).ne(0xBA))
    if has_punctuation:
        is_space = third.is_in([0xA8, 0xA9, 0xAF])
        general = second.eq(0x80) & third.is_between(0x90, 0xBA) & ~is_space
        currency = second.eq(0x82) & (third.eq(0xAB) | third.eq(0xAC))
        other &= (lead != _PUNCTUATION_LEAD) | ~(general | currency)
    if has_latin:
        other |= (lead == _LATIN_LEAD) & (second.eq(0x85) | second.eq(0xA0))
    return other
