"""Which pattern the dates of a column have, proved by all of its values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from itertools import permutations

import polars as pl

# In a layout 9 is a digit and a is a letter; ~ is the T of ISO 8601, ! its Z.
_DATE = r"(?P<a>9{1,2}|9999|a{3,9})(?P<s>[/.\- ])(?P<b>9{1,2}|a{3,9})(?P=s)(?P<c>9{4}|9{1,2})"
_TIME = r"(?P<h>9{1,2}):99(?P<sec>:99(?P<fr>\.9+)?)?(?P<ap> ?aa)?(?P<z> ?[+-]99:?99)?"
_LAYOUTS = (
    re.compile(rf"{_DATE}(?:(?P<gap>, | |~){_TIME})?"),
    re.compile(rf"{_TIME}(?P<gap> )(?P<last>{_DATE})"),
)
_INSTANT = re.compile(r"^9{13}$|^9{10}$|!$|[+-]99:?99$")
_SIGNS = re.compile(r"%\w[/.\- ]%")
_COMPACT = re.compile("9{8}")
_ISO = re.compile(r"9999-99-99(?:~99:99(?::99(?:\.9+)?)?(?:!|[+-]99:?99)?)?")
_EARLIEST, _LATEST = datetime(1900, 1, 1), datetime(2199, 12, 31)  # noqa: DTZ001 - wall-clock times
_MOST_LAYOUTS = 6
_DATE_SHARE = 0.9
_LEGIBLE_SHARE = 0.5

EPOCH_S = "epoch-s"
_NEEDS_NONE = ""
"""ISO 8601 and epoch milliseconds: read without a pattern."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DateProof:
    """What the values of a column say about their pattern.

    Attributes:
        formats: the patterns of the cells, proved; empty where ISO 8601 or epoch milliseconds need none.
        readings: the patterns between which the values do not decide; empty where they do.
        why: in words.
    """

    formats: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    why: str = ""


@dataclass(slots=True)
class _Family:
    """The cells of one layout: how many each pattern reads, and how many of another's it misses."""

    patterns: tuple[str, ...]
    seen: int = 0
    legible: int = 0
    read: dict[str, int] = field(default_factory=dict)
    missed: dict[tuple[str, str], int] = field(default_factory=dict)

    def see(self, cells: pl.Series) -> None:
        reads = {pattern: _reads(cells, pattern) for pattern in self.patterns}
        self.seen += len(cells)
        self.legible += int(pl.DataFrame(reads).select(pl.any_horizontal(pl.all())).to_series().sum())
        for pattern, marks in reads.items():
            self.read[pattern] = self.read.get(pattern, 0) + int(marks.sum())
        for one, other in permutations(self.patterns, 2):
            beyond = int((reads[other] & ~reads[one]).sum())
            self.missed[one, other] = self.missed.get((one, other), 0) + beyond

    @property
    def laid_out(self) -> int:
        """The cells whose layout speaks of a date; digits alone do so only where they are one."""
        return self.seen if any(_SIGNS.search(pattern) for pattern in self.patterns) else self.legible

    @property
    def standing(self) -> tuple[str, ...]:
        """The patterns that no other one beats: that read every cell which another reads, or cells of their own."""
        able = [pattern for pattern in self.patterns if self.read.get(pattern)]
        return tuple(
            one
            for one in able
            if not any(self.missed[one, other] and not self.missed[other, one] for other in able if other != one)
        )


@dataclass(slots=True)
class DateColumn:
    """Follows a column through a whole file, one count for each layout of its cells."""

    families: dict[str, _Family] = field(default_factory=dict)
    seen: int = 0
    strange: int = 0
    has_wall_clock: bool = False

    def see(self, values: pl.Series) -> None:
        """Take further cells into account; nulls and empty cells say nothing, a repeated cell counts once."""
        cells = values.drop_nulls().str.strip_chars()
        cells = cells.filter(cells != "").unique(maintain_order=True)
        self.seen += len(cells)
        layouts = cells.str.replace_all(r"[0-9]", "9").str.replace("9T9", "9~9").str.replace("9Z$", "9!")
        layouts = layouts.str.replace_all(r"\p{L}", "a")
        for (layout,), group in pl.DataFrame({"layout": layouts, "cell": cells}).group_by(
            "layout", maintain_order=True
        ):
            self._see(str(layout), group["cell"])

    def _see(self, layout: str, cells: pl.Series) -> None:
        patterns = _candidates(layout)
        key = " ".join(patterns)
        if not patterns or (key not in self.families and len(self.families) >= _MOST_LAYOUTS):
            self.strange += len(cells)
            return
        self.families.setdefault(key, _Family(patterns)).see(cells)
        self.has_wall_clock = self.has_wall_clock or not _INSTANT.search(layout)

    @property
    def looks_like_dates(self) -> bool:
        """Whether nearly every cell is laid out like a date, and most can be one: 31/02/1990 is a slip, not a text."""
        laid_out = sum(family.laid_out for family in self.families.values())
        return self.legible >= _LEGIBLE_SHARE * self.seen > 0 and laid_out >= _DATE_SHARE * self.seen

    @property
    def legible(self) -> int:
        """How many cells can be dates."""
        return sum(family.legible for family in self.families.values())

    def proof(self) -> DateProof:
        """What the whole column proves."""
        families = [family for family in self.families.values() if family.standing]
        orders = {_order(family.standing[0]) for family in families if len(family.standing) == 1}
        formats: list[str] = []
        readings: list[str] = []
        for family in families:
            agreeing = [pattern for pattern in family.standing if _order(pattern) in orders]
            # Where rows with a time settle the order, rows without one have it too.
            chosen = agreeing if len(agreeing) == 1 else family.standing
            (formats if len(chosen) == 1 else readings).extend(chosen)
        if readings:
            return DateProof(readings=tuple(readings), why=self._open_reason())
        used = tuple(pattern for pattern in formats if pattern != _NEEDS_NONE)
        others = "; some cells are no date, and their rows will be rejected" if self.legible < self.seen else ""
        return DateProof(formats=used, why=self._reason(used) + others)

    def _open_reason(self) -> str:
        mixed = any(
            family.missed.get((one, other)) and family.missed.get((other, one))
            for family in self.families.values()
            for one, other in permutations(family.standing, 2)
        )
        if mixed:
            return "some cells have the day first and others the month, so no reading fits all"
        return "no day is above 12, so each reading fits every cell"

    def _reason(self, formats: tuple[str, ...]) -> str:
        rivals = [family for family in self.families.values() if len(family.patterns) > 1]
        if not formats:
            return "read without a pattern"
        if not rivals:
            return "the only reading"
        first = {"d": "day", "m": "month", "y": "year"}.get(_order(formats[0])[:1], "number")
        return f"proved: some cells read only with the {first} first"


def _candidates(layout: str) -> tuple[str, ...]:
    """The patterns that cells of a layout could have."""
    if _ISO.fullmatch(layout) or re.fullmatch("9{13}", layout):
        return (_NEEDS_NONE,)
    if re.fullmatch("9{10}", layout):
        return (EPOCH_S,)
    if _COMPACT.fullmatch(layout):
        return ("%Y%m%d", "%d%m%Y", "%m%d%Y")
    for form in _LAYOUTS:
        if (found := form.fullmatch(layout)) is not None:
            parts = found.groupdict()
            time = _time(parts) if parts["h"] else ""
            gap = (parts["gap"] or "").replace("~", "T")
            dates = _dates(parts)
            return tuple(f"{time}{gap}{date}" if parts.get("last") else f"{date}{gap}{time}" for date in dates)
    return ()


def _dates(parts: dict[str, str | None]) -> list[str]:
    first, second, third, sign = parts["a"] or "", parts["b"] or "", parts["c"] or "", parts["s"] or ""
    year = "%Y" if len(third) == len("9999") else "%y"
    if second.startswith("a"):
        orders = [("%d", "%B", year)]
    elif first.startswith("a"):
        orders = [("%B", "%d", year)]
    elif len(first) == len("9999"):
        orders = [("%Y", "%m", "%d")]
    else:
        orders = [("%d", "%m", year), ("%m", "%d", year)]
        orders += [("%y", "%m", "%d")] if year == "%y" else []
    return [sign.join(order) for order in orders]


def _time(parts: dict[str, str | None]) -> str:
    half_day, zone = parts["ap"] or "", parts["z"] or ""
    time = "%I:%M" if half_day else "%H:%M"
    time += ":%S" if parts["sec"] else ""
    time += "%.f" if parts["fr"] else ""
    time += (" %p" if half_day.startswith(" ") else "%p") if half_day else ""
    return time + ((" %z" if zone.startswith(" ") else "%z") if zone else "")


def _reads(cells: pl.Series, pattern: str) -> pl.Series:
    """For each cell, whether `pattern` reads it as a date between 1900 and 2199."""
    if pattern == EPOCH_S:
        return cells.str.starts_with("1")
    if pattern == _NEEDS_NONE:
        return ~cells.str.contains(r"^[7-9][0-9]{12}$")
    read = cells.str.to_datetime(pattern, strict=False)
    if "%z" in pattern:
        read = read.dt.replace_time_zone(None)
    return read.is_not_null() if "%y" in pattern else read.is_between(_EARLIEST, _LATEST).fill_null(value=False)


def _order(pattern: str) -> str:
    """The order of day, month and year: `dmy`."""
    return "".join(re.findall(r"%([dmyYB])", pattern)).lower().replace("b", "m")
