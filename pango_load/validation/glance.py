"""What is right as it stands, found for all columns of a chunk at once; only the rest deserves a careful look.

Most cells of most files need neither cleaning nor a second thought. They are found with a handful of queries however
many columns there are; `cells` and `values` then look at the few that are left over, and at the columns that a mapping
asks more for. A cell that passes here means what it would mean there: the tests compare the two for any text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

import polars as pl

from pango_load.records import FieldType, Shape
from pango_load.validation.dates import EARLIEST, LATEST, has_seconds, likely_pattern, places, reads
from pango_load.validation.values import PLAIN_PHONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pango_load.records import ColumnRule, FieldMapping

# Outside these ranges a letter may have another composed form, or be white space; Vietnamese stays inside.
STRANGE = "[^\u0020-\u0084\u0086-\u009f\u00a1-\u02ff\u1e00-\u1eff\u2010-\u2027\u202a-\u202e\u2030-\u203a\u20ab\u20ac]"
_PLAIN_EMAIL = r'^[!-~&&[^@,;<>()"]]+@[!-~&&[^@,;<>()"]]+\.[!-~&&[^@,;<>()".]]{2,}$'
_SIXTY = ":60"
_MANY = 4
"""Where one cell in so many is left over, the whole column is read carefully."""
_SAMPLED = 64


@dataclass(frozen=True, slots=True)
class Glance:
    """What was found, by the index of the rule; columns that are not among `values` need a careful look as a whole.

    Attributes:
        values: columns as `values.type_values` gives them; a cell that is marked in `left` holds anything.
        left: Boolean, no nulls: the cells that deserve a careful look, in the columns that have some.
    """

    values: dict[int, pl.Series] = field(default_factory=dict)
    left: dict[int, pl.Series] = field(default_factory=dict)


class Glancer:
    """Looks at chunks by one mapping."""

    def __init__(self, mapping: FieldMapping) -> None:
        self._zone = mapping.zone
        self._nulls = [word for word in mapping.nulls if word]
        self._known_doubts: dict[object, dict[int, pl.Expr]] = {}
        self._rules = {index: rule for index, rule in enumerate(mapping.columns) if _is_simple(rule)}

    def look(self, frame: pl.DataFrame, *, is_plain: bool) -> Glance:
        """See what is right as it stands in the chunk's frame; `is_plain` as in `Chunk`."""
        if not frame.height or not self._rules:
            return Glance()
        cells = frame.select(frame.get_column(rule.column or "").alias(str(at)) for at, rule in self._rules.items())
        patterns = self._patterns(cells)
        read = cells.select(self._reading(at, patterns) for at in self._rules if self._is_read(at, patterns))
        cells = cells.hstack(read.get_columns())
        placed = {at: self._placing(at, pattern, read[f"{at} read"]) for at, pattern in patterns.items()}
        cells = cells.with_columns(place.alias(f"{at} value") for at, place in placed.items() if place is not None)
        dates = {at: pattern for at, pattern in patterns.items() if placed[at] is not None}
        return self._weigh(cells, self._doubts(dates, is_plain=is_plain))

    def _doubts(self, dates: dict[int, str], *, is_plain: bool) -> dict[int, pl.Expr]:
        """See `_doubt`; kept, since making expressions takes about as long as small columns do."""
        key = (is_plain, *dates.items())
        if key not in self._known_doubts:
            self._known_doubts = {
                key: {
                    at: self._doubt(at, rule, dates, is_plain=is_plain)
                    for at, rule in self._rules.items()
                    if rule.rule.type is not FieldType.TIMESTAMP or at in dates
                }
            }
        return self._known_doubts[key]

    def _patterns(self, cells: pl.DataFrame) -> dict[int, str]:
        """The pattern that the dates of a column have, as far as its first cells tell."""
        patterns: dict[int, str] = {}
        for at, rule in self._rules.items():
            if rule.rule.type is FieldType.TIMESTAMP:
                first = next(filter(None, cells[str(at)].head(_SAMPLED).to_list()), None)
                pattern = None if first is None else likely_pattern(first, rule.formats)
                if pattern is not None:
                    patterns[at] = pattern
        return patterns

    def _is_read(self, at: int, patterns: Mapping[int, str]) -> bool:
        return at in patterns or self._rules[at].rule.type is FieldType.LONG

    def _reading(self, at: int, patterns: Mapping[int, str]) -> pl.Expr:
        text = pl.col(str(at))
        if at in patterns:
            return reads(text, patterns[at]).alias(f"{at} read")
        return text.cast(pl.Int64, strict=False).alias(f"{at} value")

    def _placing(self, at: int, pattern: str, read: pl.Series) -> pl.Expr | None:
        earliest, latest = read.min(), read.max()
        if not isinstance(earliest, int) or not isinstance(latest, int):
            return None
        return places(pl.col(f"{at} read"), pattern, self._zone, (earliest, latest))

    def _doubt(self, at: int, rule: ColumnRule, patterns: Mapping[int, str], *, is_plain: bool) -> pl.Expr:
        """Whether a cell may mean something else than what it says at first sight."""
        text, value = pl.col(str(at)), pl.col(f"{at} value")
        match rule.rule.type, rule.rule.shape:
            case FieldType.LONG, _:
                doubt = value.is_null() & text.is_not_null()
            case FieldType.TIMESTAMP, _:
                inside = pl.col(f"{at} read").is_between(EARLIEST, LATEST, closed="left")
                doubt = text.is_not_null() & (value.is_null() | ~inside)
                if patterns[at].endswith("%S"):
                    doubt |= text.str.ends_with(_SIXTY)
                elif has_seconds(patterns[at]):
                    doubt |= text.str.contains(_SIXTY, literal=True)
            case _, Shape.EMAIL:
                doubt = ~text.str.contains(_PLAIN_EMAIL)
            case _, Shape.PHONE:
                doubt = ~text.str.contains(PLAIN_PHONE)
            case _ if rule.rule.values:
                doubt = reduce(and_, [text != word for word in rule.rule.values])
            case _:
                # The space is the first letter that is no control character.
                doubt = (text < "!") | text.str.ends_with(" ")
                doubt = doubt if is_plain else doubt | text.str.contains(STRANGE)
        return (doubt | text.is_in(self._nulls) if self._nulls else doubt).alias(str(at))

    def _weigh(self, cells: pl.DataFrame, doubts: Mapping[int, pl.Expr]) -> Glance:
        """Keep what is left over in each column; give columns up where that is much."""
        marks = cells.select(doubts.values())
        doubted = [at for at in doubts if marks[str(at)].any()]
        names = set(cells.columns)
        values = {at: cells[f"{at} value" if f"{at} value" in names else str(at)] for at in doubts}
        found = Glance(values)
        spelled = [at for at in doubted if self._rules[at].rule.values]
        if spelled:
            values |= {at: cells.select(self._spelling(at)).to_series() for at in spelled}
        for at in doubted:
            mask = values[at].is_null() & cells[str(at)].is_not_null() if at in spelled else marks[str(at)]
            count = int(mask.sum() or 0)
            if count * _MANY > len(mask):
                del values[at]
            elif count:
                found.left[at] = mask.fill_null(value=False) if mask.null_count() else mask
        return found

    def _spelling(self, at: int) -> pl.Expr:
        """The documented spelling of words in their usual cases; null for others, and for words of `nulls`."""
        spellings = {
            spelling: word
            for word in reversed(self._rules[at].rule.values)
            for spelling in (word.title(), word.upper(), word.lower(), word)
        }
        for word in self._nulls:
            spellings.pop(word, None)
        return pl.col(str(at)).replace_strict(
            list(spellings), list(spellings.values()), default=None, return_dtype=pl.String
        )


def _is_simple(rule: ColumnRule) -> bool:
    """Whether a cell's own text decides what is sent."""
    if rule.column is None or rule.clean or rule.default is not None or rule.values is not None:
        return False
    match rule.rule.type:
        case FieldType.TEXT if rule.rule.values:
            return all(word.isascii() and word == word.strip() != "" for word in rule.rule.values)
        case FieldType.TEXT:
            is_plain_phone = rule.normalise is None and not rule.restore_zero
            return rule.rule.shape in {None, Shape.EMAIL} or (rule.rule.shape is Shape.PHONE and is_plain_phone)
        case FieldType.LONG:
            return rule.grouping is None and rule.decimal is None and rule.rule.shape is None
        case FieldType.TIMESTAMP:
            return True
        case _:
            return False
