"""What the values of a column look like."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pango_load.mapping.date_proof import DateColumn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

    from pango_load.records import Chunk

_SAMPLE = 5_000
_FEW_WORDS = 24
_PAIR = 2
_MOSTLY = 0.8

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(?:\+|00)?[0-9](?:[ .()-]{0,2}[0-9]){7,13}")
_PHONE_START = re.compile(r"(?:\+|0|84).*", re.DOTALL)
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_ZERO_FIRST = re.compile(r"-?0[0-9]")
_LONG_ID = re.compile(r"[0-9]{8,}")
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")
_DECIMAL_COMMA = re.compile(r"-?[0-9]+,[0-9]+")
_GROUPED = {sign: re.compile(rf"-?[0-9]{{1,3}}(?:{re.escape(sign)}[0-9]{{3}})+") for sign in (".", ",", " ")}
_TWO_GROUPS = re.compile(r"-?[0-9]{1,3}(?:([., ])[0-9]{3})(?:\1[0-9]{3})+")
_BOTH_SIGNS = {
    (".", ","): re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+"),
    (",", "."): re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+"),
}
_JSON_LIST = re.compile(r"\[.*\]", re.DOTALL)
_JSON_NESTED = re.compile(r"\s*(\[.*\]|\{.*\})\s*", re.DOTALL)
_LOST_ZERO = re.compile(r"[35789][0-9]{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberSigns:
    """The signs inside the numbers of a column.

    Attributes:
        is_proved: whether `grouping` can be nothing else: 1.250.000 proves it, 85.000 alone does not.
    """

    grouping: str | None = None
    decimal: str | None = None
    is_proved: bool = True


@dataclass(slots=True)
class ColumnEvidence:
    """The cells of one column: all of them for dates, the first thousands for everything else."""

    name: str
    rows: int = 0
    filled: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    dates: DateColumn | None = field(default_factory=DateColumn)

    def see(self, cells: pl.Series) -> None:
        """Take further cells into account."""
        self.rows += len(cells)
        words = cells.drop_nulls().str.strip_chars()
        words = words.filter(words != "")
        self.filled += len(words)
        if (room := _SAMPLE - self.counts.total()) > 0:
            self.counts.update(words.head(room).to_list())
        if self.dates is None or words.is_empty():
            return
        if self.dates.seen == 0:
            trial = DateColumn()
            trial.see(words.head(200))
            if not trial.looks_like_dates:
                self.dates = None
                return
        self.dates.see(words)

    # --- what the sample says -----------------------------------------------------------------------------------------

    @property
    def is_empty(self) -> bool:
        """Whether no cell holds anything."""
        return not self.filled

    @property
    def looks_like_dates(self) -> bool:
        """Whether nearly every cell can be read as a date."""
        return self.dates is not None and self.dates.looks_like_dates

    @property
    def has_wall_clock(self) -> bool:
        """Whether some date says neither its offset nor an instant."""
        return self.dates is not None and self.dates.has_wall_clock

    @property
    def looks_like_ids(self) -> bool:
        """Whether every cell is a long number: sums are not unique and long, ids are."""
        return bool(self.counts) and all(_LONG_ID.fullmatch(cell) for cell in self.counts)

    @property
    def has_fractions(self) -> bool:
        """Whether some number is not whole."""
        return any(_is_fraction(cell) for cell in self.counts)

    @property
    def looks_like_emails(self) -> bool:
        """Whether most cells are e-mail addresses."""
        return self._share(_EMAIL) >= _MOSTLY

    @property
    def looks_like_phones(self) -> bool:
        """Whether most cells can be phone numbers, and begin like one or have lost the zero in front."""
        known = self._share(_PHONE_START) + self.lost_zeros
        return self._share(_PHONE) >= _MOSTLY and (self.begins_like_phones or known >= _MOSTLY)

    @property
    def begins_like_phones(self) -> bool:
        """Whether most cells are phone numbers with 0 or + in front: other numbers may be ids."""
        return self._share(_PHONE) >= _MOSTLY and self._share(_PHONE_START) >= _MOSTLY / 2

    @property
    def lost_zeros(self) -> float:
        """The share of cells that are Vietnamese phone numbers without their leading zero."""
        return self._share(_LOST_ZERO)

    @property
    def looks_unique(self) -> bool:
        """Whether hardly any cell occurs twice and hardly any is empty."""
        return self.filled >= _MOSTLY * self.rows and len(self.counts) >= 0.98 * self.counts.total() > 0

    @property
    def looks_like_numbers(self) -> bool:
        """Whether most cells are numbers, however it is written, without a zero in front that would be lost."""
        return self._of(sum(number for cell, number in self.counts.items() if _is_number(cell))) >= _MOSTLY

    @property
    def has_other_than_numbers(self) -> bool:
        """Whether some cell is no number: its row would be rejected."""
        return not all(_is_number(cell) for cell in self.counts)

    @property
    def number_signs(self) -> NumberSigns:
        """Which sign stands between thousands and which before decimals, as far as the cells prove it."""
        cells = [cell for cell in self.counts if _is_number(cell)]
        for (thousands, point), form in _BOTH_SIGNS.items():
            if any(form.fullmatch(cell) for cell in cells):
                return NumberSigns(grouping=thousands, decimal=point)
        grouped = {sign for cell in cells if (sign := _grouping(cell))}
        decimals = {cell.lstrip("-0123456789")[0] for cell in cells if _is_fraction(cell)}
        if len(grouped) > 1 or grouped & decimals:
            # 1,250 beside 12,5: the comma cannot stand between thousands.
            grouped -= decimals
        grouping = min(grouped, default=None)
        is_proved = grouping is None or bool(decimals) or any(_TWO_GROUPS.fullmatch(cell) for cell in cells)
        return NumberSigns(grouping=grouping, decimal="," if "," in decimals else None, is_proved=is_proved)

    @property
    def looks_nested(self) -> bool:
        """Most cells are JSON lists or objects."""
        return self._share(_JSON_NESTED) >= _MOSTLY

    @property
    def separator(self) -> str | None:
        """The sign between the items of a list, where cells hold several; None for JSON lists."""
        if self._share(_JSON_LIST):
            return None
        found = {sign: sum(sign in cell for cell in self.counts) for sign in (";", "|", ",")}
        sign, number = max(found.items(), key=lambda pair: pair[1])
        return sign if number else None

    @property
    def words(self) -> tuple[str, ...]:
        """The column's words, most frequent first, where they are few and recur; empty otherwise."""
        distinct = len(self.counts)
        few = distinct <= _FEW_WORDS and (distinct * 2 <= self.counts.total() or distinct <= _PAIR)
        return tuple(word for word, _ in self.counts.most_common()) if few else ()

    def share_of(self, words: Sequence[str]) -> float:
        """The share of cells that are among `words`, case aside."""
        known = {word.casefold() for word in words}
        return self._of(sum(number for cell, number in self.counts.items() if cell.casefold() in known))

    def _share(self, form: re.Pattern[str]) -> float:
        return self._of(sum(number for cell, number in self.counts.items() if form.fullmatch(cell)))

    def _of(self, number: int) -> float:
        return number / self.counts.total() if self.counts else 0.0

    @property
    def samples(self) -> tuple[str, ...]:
        """Three cells with all but their first letters hidden."""
        return tuple(dict.fromkeys(masked(cell) for cell in list(self.counts)[:12]))[:3]


def _grouping(cell: str) -> str | None:
    return next((sign for sign, form in _GROUPED.items() if form.fullmatch(cell)), None)


def _is_fraction(cell: str) -> bool:
    plain = _DECIMAL.fullmatch(cell) or _DECIMAL_COMMA.fullmatch(cell)
    return bool(plain and not _grouping(cell)) or any(form.fullmatch(cell) for form in _BOTH_SIGNS.values())


def _is_number(cell: str) -> bool:
    if _ZERO_FIRST.match(cell):
        return False
    return bool(_WHOLE.fullmatch(cell)) or _is_fraction(cell) or _grouping(cell) is not None


def gather(headers: Sequence[str], chunks: Iterable[Chunk]) -> dict[str, ColumnEvidence]:
    """The evidence of every column, from all chunks of a file; memory does not grow with the file."""
    columns = {name: ColumnEvidence(name) for name in headers}
    for chunk in chunks:
        for name, evidence in columns.items():
            if name in chunk.frame.columns:
                # Polars takes a column's name for a pattern where it begins with ^ and ends with $.
                evidence.see(chunk.frame.get_column(name).alias("cell"))
    return columns


def masked(cell: str) -> str:
    """A cell that shows its shape and no more: the first sign of each word, signs between them, no other letter."""
    whole = unicodedata.normalize("NFC", cell)
    shown: list[str] = []
    is_inside = False
    for sign in whole[:24].replace("\n", " "):
        # A mark that no letter takes in, as of a Thai vowel, ends no word.
        is_of_a_word = sign.isalnum() or sign == "_" or unicodedata.category(sign).startswith("M")
        shown.append("•" if is_inside and is_of_a_word else sign)
        is_inside = is_of_a_word
    return "".join(shown) + ("…" if len(whole) > len(shown) else "")
