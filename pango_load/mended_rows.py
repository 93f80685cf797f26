"""Row files that come back: each line is matched with its row of the run, by the number that stands in it."""

from __future__ import annotations

import re
from array import array
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from pango_load.errors import UsageError
from pango_load.picked_rows import Picks
from pango_load.records import FILE_MARK, MARK_COLUMNS, ROW_MARKS
from pango_load.report.plain_text import counted
from pango_load.source.files import open_source
from pango_load.source.formats import SourceFormat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pango_load.journal.mending import LeftRows
    from pango_load.journal.numbering import RowNumbers
    from pango_load.journal.retry_terms import RetryTerms
    from pango_load.picked_rows import PickedRows
    from pango_load.plan import SourceOptions
    from pango_load.records import FieldMapping
    from pango_load.source.files import Source

ROW_MARK = ROW_MARKS[0]

COMPARED = 1000
"""So many lines are compared with the run's own rows."""

_NUMBER = re.compile(r"\s*'?(\d+)(?:\.0*)?\s*")
_SHOWN = 3
_HEAD_BYTES = 1 << 20


# --- opening ----------------------------------------------------------------------------------------------------------


def open_marked(paths: Sequence[Path], reading: SourceOptions, terms: RetryTerms, run: str) -> Source:
    """Row files of a run, our own columns among their headers.

    Args:
        paths: in the order of their rows.
        reading: `sheet`, `encoding` and `delimiter` where a person named them.
        terms: of the run.
        run: its id, for messages.

    Raises:
        UsageError: one cannot be read, or has no column by which its rows could be matched.
    """
    options = replace(reading, marks=True, encoding=reading.encoding or _encoding(paths[0], terms))
    source = open_source(paths, options).with_headers([*terms.headers, *MARK_COLUMNS])
    if ROW_MARK not in source.headers:
        source = _on_another_sheet(paths, options) or source
    is_json = all(file.format is SourceFormat.JSONL for file in source.files)
    if ROW_MARK not in source.headers or (is_json and ROW_MARK not in open_source(paths, options).headers):
        raise UsageError(
            f"{paths[0]} has no column {ROW_MARK}, by which its rows are matched with those of run {run}.",
            "Mend the rows in the run's own rejected file, which has it; or load this file by itself.",
        )
    return source


def _on_another_sheet(paths: Sequence[Path], options: SourceOptions) -> Source | None:
    """The sheet that holds the rows, where somebody has put another one before it."""
    if options.sheet is not None:
        return None
    try:
        for number in range(2, 20):
            source = open_source(paths, replace(options, sheet=str(number)))
            if ROW_MARK in source.headers:
                return source
    except UsageError:
        return None
    return None


def _encoding(path: Path, terms: RetryTerms) -> str | None:
    """What the run's row files were written in, unless these bytes are UTF-8: too few words to find it out anew."""
    if not terms.encoding or terms.encoding.startswith("utf"):
        return None
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A letter may be cut in two at the end of what was read.
        return None if error.start >= _HEAD_BYTES - 4 else terms.encoding
    return None


def own_headers(source: Source, terms: RetryTerms, run: str, *, may_add: bool) -> tuple[str, ...]:
    """The columns that are judged, in the order of the run's source.

    Args:
        source: as `open_marked` gave it.
        terms: of the run.
        run: its id, for messages.
        may_add: a mapping is named that may know columns which the run did not have.

    Raises:
        UsageError: a column of the run is not there, or one is that it did not have.
    """
    names, path = [name for name in source.headers if name not in MARK_COLUMNS], source.files[0].path
    missing = [name for name in terms.headers if name not in names]
    if missing:
        raise UsageError(
            f"{path} has no column {_listed(missing)}, which the rows of run {run} have.",
            "Put it back with its header; its cells may be empty.",
        )
    added = [name for name in names if name not in terms.headers]
    if added and not may_add:
        raise _added(path, added, run)
    return (*terms.headers, *added)


def refuse_late_keys(source: Source, run: str) -> None:
    """After a pass: keys of JSON lines that the run did not have.

    Raises:
        UsageError: naming them.
    """
    late = sorted(source.unseen_keys - set(MARK_COLUMNS))
    if late:
        raise _added(source.files[0].path, late, run)


def _added(path: Path, names: Sequence[str], run: str) -> UsageError:
    return UsageError(
        f"{path} has a column {_listed(names)} that run {run} did not have, so nothing says what becomes of it.",
        "Take it out, or name a mapping that knows it with --mapping.",
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


# --- matching ---------------------------------------------------------------------------------------------------------


class Matcher:
    """Finds the row of the run for each line.

    Args:
        left: the run's rows that are not settled.
        numbers: how its rows are numbered.
        words: what `_pango_file` says for each of its files; empty where there is one.
        headers: the columns that make a line.
        encoding: of the run's row files, which may have lost letters of a file's name.
    """

    def __init__(
        self, left: LeftRows, numbers: RowNumbers, words: Sequence[str], headers: Sequence[str], encoding: str
    ) -> None:
        self._left, self._numbers, self._headers = left, numbers, list(headers)
        self._words: dict[str, int] = {}
        for file, word in enumerate(words):
            for told in (word, f"'{word}", _written(word, encoding)):
                self._words.setdefault(told, file)

    def match(self, source: Source) -> Picks:
        """Read `source` through; the cells of a line are only compared with another line for the same row."""
        found, hashes = Picks(), array("Q")
        for chunk in source.read_chunks():
            own = chunk.frame.select(self._headers)
            is_empty = own.select(pl.all_horizontal(pl.all().is_null())).to_series().to_list()
            hashes.extend(own.hash_rows().to_list())
            files = chunk.frame[FILE_MARK].to_list() if FILE_MARK in chunk.frame.columns else [None] * len(is_empty)
            lines = zip(chunk.rows.to_list(), chunk.frame[ROW_MARK].to_list(), files, is_empty, strict=True)
            for index, (line, row, file, holds_nothing) in enumerate(lines):
                if index in chunk.damaged:
                    found.mistakes.append(f"row {line} cannot be read ({chunk.damaged[index].code})")
                else:
                    self._place(found, chunk.first + index, line, (row, file), is_empty=holds_nothing)
        order = sorted(range(len(found)), key=lambda at: (found.left[at], found.records[at]))
        kept: list[int] = []
        for at in order:
            if kept and found.left[kept[-1]] == found.left[at]:
                if hashes[found.records[kept[-1]]] == hashes[found.records[at]]:
                    found.repeated += 1
                else:
                    found.mistakes.append(f"row {found.rows[at]} stands there twice, with different cells")
                continue
            kept.append(at)
        return found.chosen(kept)

    def _place(
        self, found: Picks, record: int, line: int, marks: tuple[str | None, str | None], *, is_empty: bool
    ) -> None:
        number = _NUMBER.fullmatch(marks[0] or "")
        if number is None:
            if is_empty and not marks[0]:
                return
            what = "has no" if not marks[0] else "has no number as its"
            found.mistakes.append(f"row {line} {what} {ROW_MARK}")
            return
        row, file = int(number[1]), self._words.get((marks[1] or "").strip(), -1) if self._words else 0
        if file < 0:
            found.mistakes.append(f"row {line} names no file of the run as its {FILE_MARK}")
            return
        position = self._numbers.position(row, file)
        if position is None:
            found.mistakes.append(f"row {line} says {ROW_MARK} {row}, and the run has no row {row}")
            return
        left = self._left.find(position)
        if left < 0:
            found.settled += 1
        elif is_empty:
            found.empty += 1
        else:
            found.add(record, left, row, file)


def _written(word: str, encoding: str) -> str:
    try:
        return word.encode(encoding or "utf-8", "replace").decode(encoding or "utf-8")
    except LookupError:
        return word


def refuse_mistakes(found: Picks, path: Path, run: str) -> None:
    """Lines that stand for no row: nothing is sent before they are put right.

    Raises:
        UsageError: naming the first of them.
    """
    if not found.mistakes:
        return
    shown = "; ".join(found.mistakes[:_SHOWN])
    more = f"; and {counted(len(found.mistakes) - _SHOWN, 'more row')}" if len(found.mistakes) > _SHOWN else ""
    raise UsageError(
        f"{path} does not fit run {run}: {shown}{more}. Nothing was sent.",
        f"Keep each row's {ROW_MARK} as it was; rows that are no part of the run are loaded from a file of their own.",
    )


# --- rows of another run ---------------------------------------------------------------------------------------------


def refuse_strangers(mended: PickedRows, own: PickedRows, mapping: FieldMapping, *, run: str) -> None:
    """Another run has rows of the same numbers: most lines must resemble the run's own row.

    What says so is the record key where it was not what was wrong, else any cell that was not.

    Raises:
        UsageError: naming the first row that does not.
    """
    fields = {rule.target: rule.column for rule in mapping.columns if rule.column}
    keys = [fields[name] for name in mapping.record_key if name in fields]
    wanted = set(mended.picks.left[:COMPARED])
    before = {left: (cells, marks) for left, cells, marks in _lines(own, wanted)}
    compared, strangers = 0, []
    for place, (left, cells, _) in enumerate(_lines(mended, wanted)):
        if left not in before:
            continue
        old, marks = before[left]
        guilty = {fields.get(name.strip()) for name in (marks.get("_pango_field") or "").split(";")}
        kept = {name: cell for name, cell in old.items() if cell is not None and name not in guilty}
        known = {name: kept[name] for name in keys if name in kept} or None
        if not kept:
            continue
        compared += 1
        differing = [name for name, cell in (known or kept).items() if cells.get(name) != cell]
        if differing if known else len(differing) == len(kept):
            strangers.append((mended.picks.rows[place], differing[0]))
    if len(strangers) * 2 > compared:
        row, column = strangers[0]
        raise UsageError(
            f"{mended.files[0].path} does not hold rows of run {run}: its row {row} has another {column} than row "
            f"{row} of that run. Nothing was sent.",
            "Name the run that it is from (`pango-load runs`), or see whether a spreadsheet has changed that column.",
        )


def _lines(rows: PickedRows, wanted: set[int]) -> Iterator[tuple[int, dict[str, str | None], dict[str, str | None]]]:
    """(Index in `LeftRows`, cells, our own columns) of the lines that are wanted."""
    for chunk, marks in rows.marked_chunks():
        told = marks.to_dicts() or [{}] * chunk.frame.height
        for index, (cells, ours) in enumerate(zip(chunk.frame.to_dicts(), told, strict=True)):
            left = rows.picks.left[chunk.first + index]
            if left in wanted:
                yield left, cells, ours
