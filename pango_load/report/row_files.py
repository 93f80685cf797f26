"""Row files: the rows that did not arrive, in the source's own format, ready to be mended and loaded again."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pango_load.records import MARK_COLUMNS
from pango_load.report.plain_text import one_line
from pango_load.report.private_files import create_private

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pango_load.records import Chunk, Damage, Problem

RowFileName = Literal["rejected", "unknown", "unsent"]
RowFormat = Literal["csv", "xlsx", "jsonl"]

DAMAGED = "damaged.txt"
_ROWS_HELD = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedRow:
    """One row on its way into a row file.

    Attributes:
        cells: in step with the headers; None where the cell is empty. All None for a damaged record.
        line: JSONL: the line as it stands in the source.
        row: the number that a person counts.
        problems: what is wrong with it; empty for rows that are only unknown or unsent.
    """

    cells: Sequence[str | None]
    line: str | None
    row: int
    problems: tuple[Problem, ...]
    damage: Damage | None = None

    def marks(self, between_sentences: str = " ") -> tuple[str, str, str, str, str]:
        """What stands in the five columns of our own (`MARK_COLUMNS`): several problems in step, joined."""
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
        return f"The record as it stands in the source is in {DAMAGED}." if self.damage else ""


class RowFile(ABC):
    """A file of rows that is made when its first row is written: no row, no file.

    A damaged record cannot be shown as cells. It gets a row with empty cells and our marks, so that rows can be
    counted, and its text goes into `damaged.txt` with its row number: text in the wrong cells could be sent by mistake.
    """

    suffix: str

    def __init__(self, folder: Path, name: RowFileName, headers: Sequence[str]) -> None:
        self.folder = folder
        self.name = name
        self.headers = tuple(header for header in headers if header not in MARK_COLUMNS)
        self.paths: list[Path] = []
        self.rows = 0
        self._chunk: Chunk | None = None
        self._held: list[tuple[int, tuple[Problem, ...]]] = []
        self._wrote_damage = False
        _remove_older(folder, name)

    def write(self, chunk: Chunk, index: int, problems: Sequence[Problem]) -> None:
        """Add the record at `index` of `chunk`. Rows come in the order of the source.

        Raises:
            OSError: where the file cannot be written: no room on the disk, no right to.
        """
        if chunk is not self._chunk or len(self._held) >= _ROWS_HELD:
            self.flush()
            self._chunk = chunk
        self._held.append((index, tuple(problems)))

    def flush(self) -> None:
        """Write what is held: rows are taken from a chunk many at a time.

        Raises:
            OSError: where the file cannot be written.
        """
        if self._chunk is None or not self._held:
            return
        rows = _marked_rows(self._chunk, self.headers, self._held)
        self.append(rows)
        self.rows += len(rows)
        damaged = [row for row in rows if row.damage]
        if damaged:
            self._keep_damaged(damaged, self._chunk.file)
        self._held = []

    def close(self) -> Path | None:
        """Write what is held and finish the file.

        Returns:
            the file, the first of them where there are several (`paths` has all); None where no row was written.

        Raises:
            OSError: where the file cannot be written.
        """
        self.flush()
        self._chunk = None
        self.finish()
        return self.paths[0] if self.paths else None

    @abstractmethod
    def append(self, rows: Sequence[MarkedRow]) -> None:
        """Write `rows`, making the file where there is none yet."""

    @abstractmethod
    def finish(self) -> None:
        """Bring the file to its end; called once, also where no row was written."""

    def _keep_damaged(self, rows: Sequence[MarkedRow], file: int) -> None:
        path = self.folder / DAMAGED
        with create_private(path) if not self._wrote_damage else path.open("ab", buffering=0) as kept:
            kept.write("".join(_damaged_text(row, file) for row in rows).encode(errors="replace"))
        self._wrote_damage = True


def _damaged_text(row: MarkedRow, file: int) -> str:
    """Where the record stands, what is wrong with it, and its own text."""
    if row.damage is None:
        return ""
    told = (("expected", row.damage.expected), ("found", row.damage.found))
    why = ", ".join(f"{word} {text}" for word, text in told if text)
    return f"--- row {row.row} of file {file + 1}: {row.damage.code}{': ' + why if why else ''}\n{row.damage.raw}\n\n"


def open_row_file(
    folder: Path,
    name: RowFileName,
    *,
    format: RowFormat,  # noqa: A002 - the word that a person uses
    headers: Sequence[str],
    delimiter: str = ",",
    encoding: str = "utf-8",
    sheet: str | None = None,
) -> RowFile:
    """A row file in `folder`; what an earlier run left there under its name, in any format, is removed.

    Args:
        folder: the run's folder.
        name: which rows it holds.
        format: the source's format.
        headers: the source's columns in order; `_pango_*` among them are left out, since they are written anew.
        delimiter: of a CSV source.
        encoding: of a CSV source. An encoding that Python does not know, or that cannot hold a cell,
            is replaced by UTF-8 with a byte order mark: the cells count more than the encoding.
        sheet: title of the first sheet of a workbook, where the source was read by its sheet's name.

    Raises:
        OSError: where an older file cannot be removed.
    """
    # Imported here: openpyxl takes a while, and most sources are no workbooks.
    match format:
        case "csv":
            from pango_load.report.row_csv import CsvRowFile

            return CsvRowFile(folder, name, headers, delimiter=delimiter or ",", encoding=encoding or "utf-8")
        case "jsonl":
            from pango_load.report.row_jsonl import JsonlRowFile

            return JsonlRowFile(folder, name, headers)
        case "xlsx":
            from pango_load.report.row_xlsx import XlsxRowFile

            return XlsxRowFile(folder, name, headers, sheet=sheet)


def _marked_rows(
    chunk: Chunk, headers: Sequence[str], held: Sequence[tuple[int, tuple[Problem, ...]]]
) -> list[MarkedRow]:
    indexes = [index for index, _ in held]
    names = set(chunk.frame.columns)
    here = [name for name in headers if name in names]
    cells = chunk.frame.select(chunk.frame.get_column(name) for name in here)[indexes].rows()
    if len(here) < len(headers):
        # A run of several files may have columns that this one lacks.
        places = [here.index(name) if name in names else None for name in headers]
        cells = [tuple(None if at is None else row[at] for at in places) for row in cells] or [()] * len(indexes)
    lines = chunk.lines.gather(indexes).to_list() if chunk.lines is not None else [None] * len(indexes)
    numbers = chunk.rows.gather(indexes).to_list()
    return [
        MarkedRow(cells=row, line=line, row=number, problems=problems, damage=chunk.damaged.get(index))
        for row, line, number, (index, problems) in zip(cells, lines, numbers, held, strict=True)
    ]


def _remove_older(folder: Path, name: RowFileName) -> None:
    ours = re.compile(rf"{name}(-\d+)?\.(csv|xlsx|jsonl)")
    for path in folder.iterdir():
        if ours.fullmatch(path.name) or (name == "rejected" and path.name == DAMAGED):
            path.unlink()
