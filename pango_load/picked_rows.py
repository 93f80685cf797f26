"""Some lines of row files as a source of their own, in the order of the run that they are from."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from pango_load.records import MARK_COLUMNS, Chunk
from pango_load.source.formats import SourceFile, SourceFormat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pango_load.journal.retry_moves import Words
    from pango_load.journal.retry_terms import RetryTerms
    from pango_load.records import Damage, Problem
    from pango_load.source.files import Source
    from pango_load.source.fingerprint import Fingerprint

CHUNK_ROWS = 8192


@dataclass(slots=True)
class Picks:
    """Lines of row files, each with the row of the run that it stands for; in the order of the run.

    Attributes:
        records: places of the lines among all lines, from 0.
        left: indexes in `LeftRows`.
        rows, files: the row's number and file in the run.
        settled: how many other lines stand for rows that are accepted or skipped: they are never sent again.
        empty: how many lines hold nothing but our columns: what stood there is still damaged, or was cleared.
        repeated: how many lines only repeat another one, cell by cell.
        mistakes: lines that stand for no row of the run, in words.
    """

    records: array[int] = field(default_factory=lambda: array("q"))
    left: array[int] = field(default_factory=lambda: array("q"))
    rows: array[int] = field(default_factory=lambda: array("q"))
    files: array[int] = field(default_factory=lambda: array("q"))
    settled: int = 0
    empty: int = 0
    repeated: int = 0
    mistakes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records)

    def add(self, record: int, left: int, row: int, file: int) -> None:
        """Take the next line in."""
        for column, value in zip(
            (self.records, self.left, self.rows, self.files), (record, left, row, file), strict=True
        ):
            column.append(value)

    def chosen(self, indexes: Sequence[int]) -> Picks:
        """Only those at `indexes`, in that order."""
        picked = Picks(settled=self.settled, empty=self.empty, repeated=self.repeated, mistakes=self.mistakes)
        for at in indexes:
            picked.add(self.records[at], self.left[at], self.rows[at], self.files[at])
        return picked


class PickedRows:
    """Some lines of row files as a source of their own, in the order of the run, under the run's row numbers.

    Args:
        source: what they are read from.
        picks: which lines.
        headers: the columns that are given.
        terms: of the run: row files are written in its format.
    """

    unseen_keys: frozenset[str] = frozenset()

    def __init__(self, source: Source, picks: Picks, headers: Sequence[str], terms: RetryTerms) -> None:
        self._source, self.picks, self._terms = source, picks, terms
        self.headers = tuple(headers)
        first = source.files[0]
        self.files: tuple[SourceFile, ...] = (
            SourceFile(
                path=first.path,
                format=SourceFormat(terms.row_format),
                encoding=terms.encoding,
                delimiter=terms.delimiter,
                sheet=terms.sheet,
                notes=tuple(dict.fromkeys(note for file in source.files for note in file.notes)),
            ),
        )

    def only(self, picks: Picks, headers: Sequence[str]) -> PickedRows:
        """Some of them; columns that they do not have are empty."""
        return PickedRows(self._source, picks, headers, self._terms)

    def with_headers(self, extra: Sequence[str]) -> Source:
        """Itself: the headers are those of the run."""
        del extra
        return self

    def fingerprints(self) -> tuple[Fingerprint, ...]:
        """What the files are that it is read from."""
        return self._source.fingerprints()

    def watch(self, expected: tuple[Fingerprint, ...]) -> Iterator[None]:
        """See `Source`."""
        return self._source.watch(expected)

    def read_chunks(self, expected: tuple[Fingerprint, ...] | None = None) -> Iterator[Chunk]:
        """Every picked line; see `Source.read_chunks`."""
        for chunk, _ in self.marked_chunks(expected):
            yield chunk

    def marked_chunks(self, expected: tuple[Fingerprint, ...] | None = None) -> Iterator[tuple[Chunk, pl.DataFrame]]:
        """The same, with our own columns as they stood in the file."""
        records = self.picks.records
        is_ordered = all(records[at] < records[at + 1] for at in range(len(records) - 1))
        start = 0
        for part in _in_order(self._source, records, expected) if is_ordered else self._sorted(expected):
            end = start + part.frame.height
            yield from self._of_each_file(part, start, end)
            start = end

    def _sorted(self, expected: tuple[Fingerprint, ...] | None) -> Iterator[_Part]:
        """Somebody has sorted the lines: they are held, to be given in the order of the run."""
        records = self.picks.records
        ordered = sorted(range(len(records)), key=records.__getitem__)
        whole = _Part.joined(list(_in_order(self._source, [records[at] for at in ordered], expected)))
        places = [0] * len(ordered)
        for place, at in enumerate(ordered):
            places[at] = place
        for start in range(0, len(places), CHUNK_ROWS):
            yield whole.taken(places[start : start + CHUNK_ROWS])

    def _of_each_file(self, part: _Part, start: int, end: int) -> Iterator[tuple[Chunk, pl.DataFrame]]:
        files, first = self.picks.files, start
        marks = [name for name in MARK_COLUMNS if name in part.frame.columns]
        while first < end:
            last = first
            while last < end and files[last] == files[first]:
                last += 1
            piece = part.taken(list(range(first - start, last - start)))
            missing = [pl.lit(None, pl.String).alias(name) for name in self.headers if name not in piece.frame.columns]
            chunk = Chunk(
                frame=piece.frame.with_columns(missing).select(self.headers),
                first=first,
                rows=pl.Series(list(self.picks.rows[first:last]), dtype=pl.Int64),
                file=files[first],
                damaged=piece.damaged,
                lines=piece.lines,
                is_plain=piece.is_plain,
            )
            yield chunk, piece.frame.select(marks)
            first = last


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Some lines, and their own text where they are JSON."""

    frame: pl.DataFrame
    lines: pl.Series | None
    is_plain: bool
    damaged: Mapping[int, Damage]

    @classmethod
    def of(cls, chunk: Chunk, indexes: list[int]) -> _Part:
        whole = cls(frame=chunk.frame, lines=chunk.lines, is_plain=chunk.is_plain, damaged=chunk.damaged)
        return whole.taken(indexes)

    @classmethod
    def joined(cls, parts: Sequence[_Part]) -> _Part:
        lines = [part.lines for part in parts if part.lines is not None]
        return cls(
            frame=pl.concat([part.frame for part in parts]),
            lines=pl.concat(lines) if lines else None,
            is_plain=all(part.is_plain for part in parts),
            damaged={start + at: part.damaged[at] for start, part in _starts(parts) for at in part.damaged},
        )

    def taken(self, indexes: list[int]) -> _Part:
        lines = None if self.lines is None else self.lines.gather(indexes)
        damaged = {new: self.damaged[old] for new, old in enumerate(indexes) if old in self.damaged}
        return _Part(frame=self.frame[indexes], lines=lines, is_plain=self.is_plain, damaged=damaged)


def _starts(parts: Sequence[_Part]) -> Iterator[tuple[int, _Part]]:
    start = 0
    for part in parts:
        yield start, part
        start += part.frame.height


def _in_order(source: Source, records: Sequence[int], expected: tuple[Fingerprint, ...] | None) -> Iterator[_Part]:
    """The lines at `records`, which grow."""
    done = 0
    for chunk in source.read_chunks(expected):
        start, end = done, chunk.first + chunk.frame.height
        while done < len(records) and records[done] < end:
            done += 1
        if done > start:
            yield _Part.of(chunk, [record - chunk.first for record in records[start:done]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where the cells of some rows are.

    Attributes:
        rows: in the order of the run.
        positions: of each of them, in the run.
        expected: what its files were when they were read before.
        refused: the platform's words, by place among `rows`, where it has just refused them.
        for_others: likewise, why rows have just been rejected for another row.
    """

    rows: PickedRows
    positions: Sequence[int]
    expected: tuple[Fingerprint, ...] | None
    refused: Mapping[int, Words]
    for_others: Mapping[int, tuple[Problem, ...]] = field(default_factory=dict)
