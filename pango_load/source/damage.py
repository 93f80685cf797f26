"""Damage that a table suffered before it came here, seen in whole columns: each kind is one finding with its mending.

A `Survey` looks at chunks one after the other and keeps counts, never rows: its memory depends on the number of
columns alone. The first records are looked at one by one; later ones closely only where a sample of their chunk shows
the sign, so that a sound file costs next to nothing: damage that fewer than one cell in some hundreds has may be missed
there. A sign that was seen once is counted in every cell from there on. The findings do not reject anything; `--strict`
may stop on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl

from pango_load.source.damage_signs import KINDS, LENGTHS, RARE, SIGNS, TESTS
from pango_load.source.lost_zeros import LostZeros

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from pango_load.records import Chunk
    from pango_load.source.formats import RoundedNumbers

SHOWN_ROWS = 3
CLOSE_RECORDS = 10_000
"""Records at the beginning of a run that are looked at one by one."""

_SHORT = "short"
_SAMPLED = 61
_CELLS_OF_A_KIND = 1000
"""So many cells of the first records, or a few more, tell what a column holds."""
_MOSTLY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of damage in one column.

    Attributes:
        code: stable, `damage.*`.
        column: the header; empty where the table as a whole is meant.
        count: rows that show it.
        share: of the column's cells that hold something, 0 to 1.
        rows: numbers of the first three of those rows.
        message: what was seen, with no value of any cell.
        advice: how to mend it.
    """

    code: str
    column: str
    count: int
    share: float
    rows: tuple[int, ...]
    message: str
    advice: str


@dataclass(slots=True)
class _Tally:
    """How many cells showed something, and the first rows where they did."""

    count: int = 0
    rows: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    is_least: bool = False
    """Chunks before the first of them were looked at in a sample alone."""


class Survey:
    """Looks at chunks and tells what is damaged.

    Args:
        headers: the columns of the chunks.
        phones: columns that are known to hold phones; empty: those whose cells or header look like it.
        emails: columns that are known to hold e-mail addresses; likewise.
        files: names of the files, where there are several: a row's number alone says too little then.
    """

    def __init__(
        self,
        headers: Sequence[str],
        *,
        phones: Collection[str] = (),
        emails: Collection[str] = (),
        files: Sequence[str] = (),
    ) -> None:
        self._files = tuple(files)
        self._headers = tuple(headers)
        self._phones = frozenset(phones)
        self._emails = frozenset(emails)
        self._records = 0
        self._filled = dict.fromkeys(self._headers, 0)
        self._looked_at = dict.fromkeys(self._headers, 0)
        self._tallies: dict[tuple[str, str], _Tally] = {}
        self._looks: tuple[pl.Expr, ...] = ()
        self._lost = LostZeros([name for name in self._headers if name not in self._phones])

    def look(self, chunk: Chunk) -> None:
        """Take the cells of one chunk into the counts."""
        close = max(0, CLOSE_RECORDS - chunk.first)
        if 0 < close < chunk.frame.height:
            self._look(_part(chunk, 0, close))
            self._look(_part(chunk, close, chunk.frame.height))
        else:
            self._look(chunk)

    def _look(self, chunk: Chunk) -> None:
        frame = chunk.frame
        self._records += frame.height - len(chunk.damaged)
        for name in self._headers:
            self._filled[name] += frame.height - frame.get_column(name).null_count()
        if chunk.first < CLOSE_RECORDS:
            self._lost.learn(frame)
            self._learn_kinds(chunk)
        suspects = self._find_suspects(chunk)
        if chunk.first >= CLOSE_RECORDS:
            for key in suspects:
                if key[1] in _SAMPLED_SIGNS and key not in self._tallies:
                    self._tallies[key] = _Tally(is_least=True)
        tests = {key: self._lost.test(key[0]) if key[1] == _SHORT else _shows(*key) for key in suspects}
        self._add(frame, chunk.rows, chunk.file, tests)

    def _learn_kinds(self, chunk: Chunk) -> None:
        """Take in what the cells of each column are, as far as some of them tell."""
        some = pl.int_range(0, chunk.frame.height, max(1, chunk.frame.height // _CELLS_OF_A_KIND), eager=True)
        frame = chunk.frame[some]
        for name in self._headers:
            self._looked_at[name] += frame.height - frame.get_column(name).null_count()
        kinds = {(name, code): _shows(name, code) for name in self._headers for code in KINDS}
        self._add(frame, chunk.rows[some], chunk.file, kinds)

    def _add(self, frame: pl.DataFrame, rows: pl.Series, file: int, tests: Mapping[tuple[str, str], pl.Expr]) -> None:
        """Count the rows that show each sign, and keep the first of them."""
        for key, count in _count(frame, tests).items():
            tally = self._tallies.setdefault(key, _Tally())
            tally.count += count
            if len(tally.rows) < SHOWN_ROWS:
                showing = rows.filter(frame.select(tests[key].fill_null(value=False)).to_series())
                self._keep(tally, showing.head(SHOWN_ROWS - len(tally.rows)).to_list(), file)

    def _keep(self, tally: _Tally, rows: Sequence[int], file: int) -> None:
        tally.rows += rows
        tally.files += [file] * len(rows)

    def _find_suspects(self, chunk: Chunk) -> list[tuple[str, str]]:
        """The columns that deserve a close look in this chunk, and for what."""
        frame = chunk.frame
        is_close = chunk.first < CLOSE_RECORDS
        looks = self._lost.looks()
        seen = frame.select(look.alias(name) for name, look in looks.items()).row(0) if looks else ()
        suspects = [(name, _SHORT) for name, is_hit in zip(looks, seen, strict=True) if is_hit]
        if chunk.longest is None or chunk.longest >= min(LENGTHS):
            suspects += [
                (name, str(cut))
                for name, longest in frame.select(_LENGTHS_SEEN).row(0, named=True).items()
                for cut in LENGTHS
                if (longest or 0) >= cut
            ]
        if is_close:
            return suspects + self._signs_hit(frame, (_CLOSE_LOOK,))
        sample = frame[pl.int_range(0, frame.height, _SAMPLED, eager=True)]
        tests = {sign: _shows(*sign) for sign in self._signs_hit(sample, self._sampled_looks())}
        # What was found once is counted from there on, whether or not the sample shows it.
        known = [
            (name, code)
            for name, code in self._tallies
            if code in _SAMPLED_SIGNS and (code != "serial" or self._may_hold_dates(name))
        ]
        return suspects + list(dict.fromkeys([*known, *_count(sample, tests)]))

    def _signs_hit(self, frame: pl.DataFrame, looks: Sequence[pl.Expr]) -> list[tuple[str, str]]:
        """Each column in which some sign shows, with each sign that it may be."""
        hit = [name for name, is_hit in frame.select(looks).row(0, named=True).items() if is_hit]
        return [
            (name, code)
            for name in hit
            for code in TESTS
            if code not in KINDS and (code != "serial" or looks[0] is _CLOSE_LOOK or self._may_hold_dates(name))
        ]

    def _sampled_looks(self) -> tuple[pl.Expr, ...]:
        """Every sign; serial numbers only where they can come to mean anything: the columns' kinds are known by now."""
        if not self._looks:
            dates = [name for name in self._headers if self._may_hold_dates(name)]
            others = [name for name in self._headers if name not in dates]
            self._looks = tuple(
                pl.col(names).str.contains(signs).any()
                for names, signs in ((dates, _ANY_SIGN), (others, _ANY_OTHER))
                if names
            )
        return self._looks

    def _may_hold_dates(self, name: str) -> bool:
        """Whether the column holds dates, as far as its header and the first records tell."""
        return self._share(name, "date") > _MOSTLY or _sounds_like_date(name)

    def add_rounded(self, numbers: RoundedNumbers, file: int = 0) -> None:
        """Take in what a file itself tells: numbers with more digits than a spreadsheet keeps."""
        tally = self._tallies.setdefault((numbers.column, "rounded"), _Tally())
        tally.count += numbers.count
        self._keep(tally, numbers.rows[: SHOWN_ROWS - len(tally.rows)], file)

    def _places(self, tally: _Tally) -> str:
        return named_rows(list(zip(tally.files, tally.rows, strict=True)), self._files)

    def findings(self) -> tuple[Finding, ...]:
        """What was seen, column by column, tables first."""
        found = [*self._empty_columns(), *self._swapped()]
        for name in self._headers:
            found += self._signs(name)
            found += self._cut(name)
            found += self._zeros(name)
            found += self._serials(name)
            found += self._long_numbers(name)
        return tuple(found)

    def _tally(self, name: str, code: str) -> _Tally:
        return self._tallies.get((name, code), _Tally())

    def _share(self, name: str, code: str) -> float:
        cells = self._looked_at[name] if code in KINDS else self._filled[name]
        return self._tally(name, code).count / cells if cells else 0.0

    def _make(self, code: str, name: str, seen: str, message: str, advice: str) -> Finding:
        tally = self._tally(name, seen)
        share = self._share(name, seen)
        cells = "1 cell" if tally.count == 1 else f"{tally.count:,} cells"
        cells = f"at least {cells}" if tally.is_least else cells
        text = message.format(where=f'"{name}", {seen_in(cells, share, tally.count, self._places(tally))}')
        return Finding(
            code=code, column=name, count=tally.count, share=share, rows=tuple(tally.rows), message=text, advice=advice
        )

    def _signs(self, name: str) -> Iterable[Finding]:
        for sign in SIGNS:
            if self._tally(name, sign.code).count and sign.at_least <= self._share(name, sign.code) <= sign.at_most:
                yield self._make(sign.code, name, sign.code, sign.message, sign.advice)

    def _empty_columns(self) -> Iterable[Finding]:
        for name in self._headers:
            if self._records and not self._filled[name]:
                yield Finding(
                    code="damage.empty-column",
                    column=name,
                    count=self._records,
                    share=1.0,
                    rows=(),
                    message=f'"{name}" is empty in all {self._records:,} rows',
                    advice="Check the export if this column should hold something.",
                )

    def _cut(self, name: str) -> Iterable[Finding]:
        for length, advice in LENGTHS.items():
            if self._tally(name, str(length)).count > (1 if length < 1000 else 0):  # noqa: PLR2004 - one may be chance
                message = f"{{where}}: exactly {length:,} characters, cut off"
                yield self._make("damage.cut", name, str(length), message, advice)

    def _zeros(self, name: str) -> Iterable[Finding]:
        nine, ten = self._share(name, "nine"), self._share(name, "ten")
        is_phone = name in self._phones or (nine + ten > _MOSTLY and (ten > 0 or _sounds_like_phone(name)))
        if nine and is_phone:
            others = f" where {_percent(ten)} have 10" if ten else ""
            message = f"{{where}}: 9 digits{others}, zeros probably lost"
            advice = "Export the column as text, or mend it in the mapping: {field: phone, clean: restore-zero}."
            yield self._make("damage.lost-zero", name, "nine", message, advice)
        elif self._tally(name, _SHORT).count and not (is_phone or _sounds_like_phone(name)):
            width = self._lost.width(name)
            message = f"{{where}}: fewer than {width} digits where others begin with a zero, zeros probably lost"
            advice = f"Export the column as text; a workbook's number format {'0' * width} is read with its zeros too."
            yield self._make("damage.lost-zero", name, _SHORT, message, advice)

    def _serials(self, name: str) -> Iterable[Finding]:
        serial, date = self._share(name, "serial"), self._share(name, "date")
        if serial and (date > _MOSTLY or (serial > _MOSTLY and _sounds_like_date(name))):
            message = "{where}: numbers like 45352 where dates belong, Excel serials"
            advice = "Format the column as a date in Excel and export it again, or load the .xlsx itself."
            yield self._make("damage.serial-date", name, "serial", message, advice)

    def _long_numbers(self, name: str) -> Iterable[Finding]:
        if self._tally(name, "rounded").count:
            message = "{where}: number cells with more than 15 digits, of which a spreadsheet keeps 15"
            advice = "Format the column as text in the workbook, and enter these ids again from where they come."
            yield self._make("damage.rounded", name, "rounded", message, advice)
        elif self._share(name, "long") > RARE:
            message = "{where}: over 15 digits that end in zeros, rounded by Excel"
            advice = "Export the column as text: Excel keeps only 15 digits of a number."
            yield self._make("damage.rounded", name, "long", message, advice)

    def _swapped(self) -> Iterable[Finding]:
        for name in self._headers:
            is_phone = name in self._phones or (not self._phones and _sounds_like_phone(name))
            is_email = name in self._emails or (not self._emails and _sounds_like_email(name))
            if is_phone and self._share(name, "email") > RARE:
                yield self._swap(name, "email", "e-mail addresses under a phone")
            if is_email and self._share(name, "phone") > RARE:
                yield self._swap(name, "phone", "phone numbers under an e-mail address")

    def _swap(self, name: str, kind: str, what: str) -> Finding:
        share, tally = self._share(name, kind), self._tally(name, kind)
        count = round(share * self._filled[name])
        where = seen_in(f"{count:,} cells", share, count, self._places(tally))
        return Finding(
            code="damage.swapped",
            column=name,
            count=count,
            share=share,
            rows=tuple(tally.rows),
            message=f'"{name}", {where}: {what}, probably swapped columns',
            advice="Check the order of the columns in the export, and the mapping.",
        )


_ANY_SIGN = "|".join(f"(?:{needle})" for code, needle in TESTS.items() if code not in KINDS)
_ANY_OTHER = "|".join(f"(?:{needle})" for code, needle in TESTS.items() if code not in {*KINDS, "serial"})

_SAMPLED_SIGNS = frozenset(TESTS) - KINDS.keys()
_LENGTHS_SEEN = pl.all().str.len_bytes().max()
_CLOSE_LOOK = pl.all().str.contains(_ANY_SIGN).any()


def _shows(name: str, code: str) -> pl.Expr:
    """Whether the cells of the column `name` show the sign."""
    cell = pl.col(name).str
    return cell.len_chars() == int(code) if code.isdigit() else cell.contains(TESTS[code])


def _part(chunk: Chunk, start: int, end: int) -> Chunk:
    damaged = {index - start: damage for index, damage in chunk.damaged.items() if start <= index < end}
    frame, rows = chunk.frame.slice(start, end - start), chunk.rows.slice(start, end - start)
    return replace(chunk, frame=frame, rows=rows, first=chunk.first + start, damaged=damaged)


def _count(frame: pl.DataFrame, tests: Mapping[tuple[str, str], pl.Expr]) -> dict[tuple[str, str], int]:
    """In how many rows each column shows each sign, where any does."""
    if not tests:
        return {}
    counts = frame.select(test.sum().alias(str(number)) for number, test in enumerate(tests.values())).row(0)
    return {test: count for test, count in zip(tests, counts, strict=True) if count}


def find_damage(chunks: Iterable[Chunk], headers: Sequence[str]) -> tuple[Finding, ...]:
    """The findings of all chunks together."""
    survey = Survey(headers)
    for chunk in chunks:
        survey.look(chunk)
    return survey.findings()


def seen_in(what: str, share: float, count: int, places: str) -> str:
    """How much shows something, and where: "5 cells (2%, rows 7, 9, 12 ...)"."""
    word = "row" if count == 1 else "rows"
    more = " ..." if count > SHOWN_ROWS else ""
    return f"{what} ({_percent(share)}, {word} {places}{more})" if places else f"{what} ({_percent(share)})"


def named_rows(rows: Sequence[tuple[int, int]], files: Sequence[str]) -> str:
    """(File, row) as a person reads it: "7, 9", and with several files "7, 9 of a.csv, 2 of b.csv"."""
    if len(files) < 2:  # noqa: PLR2004 - one file needs no name
        return ", ".join(str(row) for _, row in rows)
    parts = []
    for file, of_file in groupby(rows, key=lambda place: place[0]):
        parts.append(f"{', '.join(str(row) for _, row in of_file)} of {files[file]}")
    return ", ".join(parts)


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 or share == 0 else "under 1 %"  # noqa: PLR2004 - one percent


def _sounds_like_phone(name: str) -> bool:
    return any(word in name.casefold() for word in ("phone", "mobile", "điện thoại", "dien thoai", "sđt", "sdt", "tel"))


def _sounds_like_email(name: str) -> bool:
    return "mail" in name.casefold()


def _sounds_like_date(name: str) -> bool:
    words = ("date", "day", "dob", "birth", "ngày", "ngay", "time", "visit", "registered")
    return any(word in name.casefold() for word in words)
