"""Row files: the rows that did not arrive, in the source's own format, ready to be mended and loaded again."""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import suppress
from itertools import repeat
from typing import TYPE_CHECKING, Literal, NamedTuple

import polars as pl

from pango_load.records import FILE_MARK, MARK_COLUMNS, ROW_MARKS
from pango_load.report.edited_files import is_edited, keep_edited, remember_written
from pango_load.report.plain_text import one_line
from pango_load.report.private_files import create_private, part_of, write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pango_load.records import Chunk, Damage, Problem, RejectedRows

_log = logging.getLogger(__name__)

RowFileName = Literal["rejected", "unknown", "unsent"]
RowFormat = Literal["csv", "xlsx", "jsonl"]

DAMAGED = "damaged.txt"
DAMAGE_HINT = f"The record as it stands in the source is in {DAMAGED}."
_ROWS_HELD = 2000

_NAMES: tuple[RowFileName, ...] = ("rejected", "unknown", "unsent")
_ROW_FILE = {name: re.compile(rf"{name}(-\d+)?\.(csv|xlsx|jsonl)") for name in _NAMES}
# What damaged records hold stands beside the rows that were rejected.
_OLDER = {
    name: re.compile(rf"{name}(-\d+)?\.(csv|xlsx|jsonl)" + (rf"|{re.escape(DAMAGED)}" if name == "rejected" else ""))
    for name in _NAMES
}
_DAMAGED_PLACE = re.compile(r"^--- row (\d+) of file (.+): source\.[a-z-]+.*\n", re.MULTILINE)
_LEFT_OVER = {name: re.compile(rf"\.({older.pattern})\.\d+\.part") for name, older in _OLDER.items()}


class MarkedRow(NamedTuple):
    """One row on its way into a row file.

    Attributes:
        line: JSONL: the line as it stands in the source.
        row: the number that a person counts.
        problems: what is wrong with it; empty for rows that are only unknown or unsent.
        file: which file it comes from, where there are several.
    """

    line: str | None
    row: int
    problems: tuple[Problem, ...]
    damage: Damage | None = None
    file: str | None = None

    def marks(self, between_sentences: str = " ") -> tuple[str, ...]:
        """What stands in the columns of our own (`RowFile.marks`): several problems in step, joined."""
        marks = self._row_marks(between_sentences)
        return marks if self.file is None else (*marks, self.file)

    def _row_marks(self, between_sentences: str) -> tuple[str, str, str, str, str]:
        if not self.problems:
            code = self.damage.code if self.damage else ""
            return (str(self.row), code, "", "", self._damage_hint())
        if len(self.problems) == 1 and self.damage is None:
            (problem,) = self.problems
            return (str(self.row), problem.code, problem.field, one_line(problem.message), one_line(problem.hint))
        hints = dict.fromkeys(filter(None, (*(problem.hint for problem in self.problems), self._damage_hint())))
        return (
            str(self.row),
            "; ".join(problem.code for problem in self.problems),
            # In step with the codes; a separator alone would say nothing.
            "; ".join(fields) if any(fields := [problem.field for problem in self.problems]) else "",
            between_sentences.join(one_line(problem.message) for problem in self.problems),
            between_sentences.join(one_line(hint) for hint in hints),
        )

    def _damage_hint(self) -> str:
        return DAMAGE_HINT if self.damage else ""


class RowFile(ABC):
    """A file of rows that takes the place of an older one when it is closed: no row, no file.

    Until then it grows under a hidden name beside it (`.rejected.csv.4711.part`), and what an earlier pass left stays
    as it was: a pass that cannot be finished must not cost the rows that were there before.

    A damaged record cannot be shown as cells. It gets a row with empty cells and our marks, so that rows can be
    counted, and its text goes into `damaged.txt` with its row number: text in the wrong cells could be sent by mistake.
    """

    suffix: str

    def __init__(self, folder: Path, name: RowFileName, headers: Sequence[str], files: Sequence[str] = ()) -> None:
        self.folder = folder
        self.name = name
        self.files = told_apart(files)
        self.marks = (*ROW_MARKS, FILE_MARK) if self.files else ROW_MARKS
        self.headers = tuple(header for header in headers if header not in MARK_COLUMNS)
        self.paths: tuple[Path, ...] = ()
        self.rows = 0
        self.taken_in: frozenset[Path] = frozenset()
        """Files whose every row was read: they are replaced whoever has changed them; others are kept aside."""
        self._chunk: Chunk | None = None
        self._held: list[tuple[int, tuple[Problem, ...]]] = []
        self._parts: dict[Path, Path] = {}
        self._is_complete = False
        self._is_discarded = False
        self._is_placed = False
        for path in _found(folder, _LEFT_OVER[name]):
            path.unlink()

    def write(self, chunk: Chunk, index: int, problems: Sequence[Problem]) -> None:
        """Add the record at `index` of `chunk`. Rows come in the order of the source.

        Raises:
            OSError: where the file cannot be written: no room on the disk, no right to.
        """
        if chunk is not self._chunk or len(self._held) >= _ROWS_HELD:
            self.flush()
            self._chunk = chunk
        self._held.append((index, tuple(problems)))

    def write_all(self, chunk: Chunk, rows: RejectedRows) -> None:
        """Add these records of `chunk`, which is not held afterwards.

        Raises:
            OSError: as `write`.
        """
        self.flush()
        for start in range(0, len(rows), _ROWS_HELD):
            self._chunk = chunk
            self._held = [(index, row.problems) for index, row in rows[start : start + _ROWS_HELD]]
            self.flush()

    def flush(self) -> None:
        """Write what is held: rows are taken from a chunk many at a time.

        Raises:
            OSError: where the file cannot be written.
        """
        if self._chunk is None or not self._held:
            return
        file = self.files[self._chunk.file] if self.files else None
        rows = _marked_rows(self._chunk, self._held, file)
        try:
            self.append(rows, _cells(self._chunk, self.headers, [index for index, _ in self._held]))
            damaged = [row for row in rows if row.damage]
            if damaged:
                self._keep_damaged(damaged, self._chunk.file)
        except BaseException:
            # It may end in the middle of a row.
            self.discard()
            raise
        self.rows += len(rows)
        self._chunk, self._held = None, []

    def complete(self) -> None:
        """Write what is held and bring the file to its end; what stands in its place still stands.

        Raises:
            OSError: where the file cannot be written; it is discarded then.
        """
        if self._is_complete or self._is_discarded:
            return
        self.flush()
        try:
            self.finish()
        except BaseException:
            self.discard()
            raise
        self._is_complete = True

    def close(self) -> Path | None:
        """Complete the file and put it in its place; older ones of the same name, in any format, are removed.

        One that somebody has changed since it was written is kept as `rejected.edited-1.csv`.

        Returns:
            the file, the first of them where there are several (`paths` has all); None where no row was written, or
            where it was discarded: the older ones stay then.

        Raises:
            OSError: where the file cannot be written.
        """
        self.complete()
        if self._is_discarded:
            return None
        if not self._is_placed:
            self._place()
        return self.paths[0] if self.paths else None

    def _place(self) -> None:
        placed = list(self._parts)
        for path in row_files_in(self.folder, self.name):
            if path.resolve() not in self.taken_in and is_edited(path):
                _log.warning("%s was changed by hand: it is %s now", path.name, keep_edited(path).name)
        # Before they are in their places: whoever opens one there may change it at once.
        rows = {path: part for path, part in self._parts.items() if path.name != DAMAGED}
        if rows:
            remember_written(self.folder, rows)
        for path in placed:
            self._parts[path].replace(path)
            del self._parts[path]
        for path in _found(self.folder, _OLDER[self.name]):
            if path not in placed:
                path.unlink()
        self.paths = tuple(rows)
        self._is_placed = True

    def discard(self) -> None:
        """Give up what was written and is not in its place yet; what an earlier pass left stays as it was."""
        self._is_discarded = True
        self._chunk, self._held = None, []
        self.abandon()
        for part in self._parts.values():
            # Nothing can be done about it here, and the next run removes it.
            with suppress(OSError):
                part.unlink()
        self._parts = {}

    @abstractmethod
    def append(self, rows: Sequence[MarkedRow], cells: pl.DataFrame) -> None:
        """Write rows, making the file where there is none yet.

        Args:
            rows: what stands beside the cells of each.
            cells: String columns called like the headers, in step with `rows`; null where the cell is empty, all null
                for a damaged record.
        """

    @abstractmethod
    def finish(self) -> None:
        """Bring the file to its end; called once, also where no row was written."""

    def abandon(self) -> None:
        """Let go of the file as it is; called at any time."""
        self.finish()

    def new_part(self, name: str) -> Path:
        """Where to write what will be called `name` in the folder."""
        path = self.folder / name
        self._parts[path] = part_of(path)
        return self._parts[path]

    def _keep_damaged(self, rows: Sequence[MarkedRow], file: int) -> None:
        part = self._parts.get(self.folder / DAMAGED)
        with part.open("ab", buffering=0) if part else create_private(self.new_part(DAMAGED)) as kept:
            write_whole(kept, "".join(_damaged_text(row, file) for row in rows).encode(errors="replace"))


def told_apart(files: Sequence[str]) -> tuple[str, ...]:
    """What `_pango_file` says, where there are several: a file's name, or its place where another one has that name."""
    if len(files) <= 1:
        return ()
    # A file system's name need not be text: no encoding takes a byte that is none.
    words = [one_line(name.encode(errors="replace").decode()) for name in files]
    times = Counter(words)
    return tuple(word if times[word] == 1 else str(place) for place, word in enumerate(words, 1))


def damaged_texts(folder: Path) -> dict[tuple[int, str], str]:
    """The records in `damaged.txt` of `folder` as they stand there, by row number and word for the file."""
    try:
        text = (folder / DAMAGED).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return {}
    found = _DAMAGED_PLACE.split(text)[1:]
    return {
        (int(row), file): raw.removesuffix("\n\n")
        for row, file, raw in zip(found[::3], found[1::3], found[2::3], strict=True)
    }


def _damaged_text(row: MarkedRow, file: int) -> str:
    """Where the record stands, what is wrong with it, and its own text."""
    if row.damage is None:
        return ""
    told = (("expected", row.damage.expected), ("found", row.damage.found))
    why = ", ".join(f"{word} {text}" for word, text in told if text)
    where = f"row {row.row} of file {row.file or file + 1}"
    return f"--- {where}: {row.damage.code}{': ' + why if why else ''}\n{row.damage.raw}\n\n"


def open_row_file(
    folder: Path,
    name: RowFileName,
    *,
    format: RowFormat,  # noqa: A002 - the word that a person uses
    headers: Sequence[str],
    delimiter: str = ",",
    encoding: str = "utf-8",
    sheet: str | None = None,
    files: Sequence[str] = (),
) -> RowFile:
    """A row file in `folder`; what an earlier run left there under its name, in any format, goes when it is closed.

    Args:
        folder: the run's folder.
        name: which rows it holds.
        format: the source's format.
        headers: the source's columns in order; `_pango_*` among them are left out, since they are written anew.
        delimiter: of a CSV source.
        encoding: of a CSV source. An encoding that Python does not know, or that cannot hold a cell,
            is replaced by UTF-8 with a byte order mark: the cells count more than the encoding.
        sheet: title of the first sheet of a workbook, where the source was read by its sheet's name.
        files: the names of the run's files, in their order (`Chunk.file`): of several, each row says its own.

    Raises:
        OSError: where the folder cannot be read, or a half that an earlier run left cannot be removed.
    """
    # Imported here: openpyxl takes a while, and most sources are no workbooks.
    match format:
        case "csv":
            from pango_load.report.row_csv import CsvRowFile

            return CsvRowFile(
                folder, name, headers, delimiter=delimiter or ",", encoding=encoding or "utf-8", files=files
            )
        case "jsonl":
            from pango_load.report.row_jsonl import JsonlRowFile

            return JsonlRowFile(folder, name, headers, files)
        case "xlsx":
            from pango_load.report.row_xlsx import XlsxRowFile

            return XlsxRowFile(folder, name, headers, sheet=sheet, files=files)


def _cells(chunk: Chunk, headers: Sequence[str], indexes: Sequence[int]) -> pl.DataFrame:
    """The cells of some rows; a run of several files may have columns that this one lacks."""
    names = set(chunk.frame.columns)
    here = chunk.frame.select(chunk.frame.get_column(name) for name in headers if name in names)
    part = here[pl.Series(indexes, dtype=pl.UInt32)]
    if part.width == len(headers):
        return part
    nothing = pl.repeat(None, len(indexes), dtype=pl.String, eager=True)
    return pl.DataFrame([part.get_column(name) if name in names else nothing.alias(name) for name in headers])


def _marked_rows(chunk: Chunk, held: Sequence[tuple[int, tuple[Problem, ...]]], file: str | None) -> list[MarkedRow]:
    indexes = [index for index, _ in held]
    lines = chunk.lines.gather(indexes).to_list() if chunk.lines is not None else [None] * len(indexes)
    numbers = chunk.rows.gather(indexes).to_list()
    damage = [chunk.damaged.get(index) for index in indexes] if chunk.damaged else repeat(None)
    return list(map(MarkedRow, lines, numbers, (problems for _, problems in held), damage, repeat(file)))


def row_files_in(folder: Path, name: RowFileName) -> list[Path]:
    """The row files called `name` that stand in `folder`, in any format, the first of them first.

    Raises:
        OSError: where the folder cannot be read.
    """
    return sorted(_found(folder, _ROW_FILE[name]), key=lambda path: (len(path.name), path.name))


def _found(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    return [path for path in folder.iterdir() if pattern.fullmatch(path.name)]
