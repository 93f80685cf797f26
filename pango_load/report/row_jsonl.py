"""Row files as JSON lines: the source's own line with our keys at its end, so that numbers keep their digits."""

from __future__ import annotations

import json
import re
from typing import IO, TYPE_CHECKING

from pango_load.records import MARK_COLUMNS
from pango_load.report.private_files import create_private, write_whole
from pango_load.report.row_files import MarkedRow, RowFile, RowFileName

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import polars as pl

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NESTED = re.compile(r'["\[\]{},]')


class JsonlRowFile(RowFile):
    """Rows as lines of JSON."""

    suffix = ".jsonl"

    def __init__(self, folder: Path, name: RowFileName, headers: Sequence[str], files: Sequence[str] = ()) -> None:
        super().__init__(folder, name, headers, files)
        self._file: IO[bytes] | None = None

    def append(self, rows: Sequence[MarkedRow], cells: pl.DataFrame) -> None:
        """Write rows as lines."""
        lines = (self._line(row, texts) for row, texts in zip(rows, cells.rows(), strict=True))
        content = "".join(f"{line}\n" for line in lines).encode()
        if self._file is None:
            self._file = create_private(self.new_part(f"{self.name}{self.suffix}"))
        write_whole(self._file, content)

    def finish(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
            self._file = None

    def _line(self, row: MarkedRow, texts: Sequence[str | None]) -> str:
        _, *ours = row.marks()
        marks = json.dumps(dict(zip(self.marks, (row.row, *ours), strict=True)), ensure_ascii=False)
        if row.damage:
            return marks
        if row.line is None:
            cells = {name: cell for name, cell in zip(self.headers, texts, strict=True) if cell is not None}
            return join_objects(json.dumps(cells, ensure_ascii=False), marks)
        return join_objects(without_marks(row.line), marks)


def join_objects(first: str, second: str) -> str:
    """The members of two JSON objects as one object, as text: no number is read and written again."""
    head = first.strip()[:-1].rstrip()
    return f"{head}{'' if head == '{' else ', '}{second.strip()[1:]}"


def without_marks(line: str) -> str:
    """A JSON object's text without the members that an earlier row file added; all else as it stands.

    Args:
        line: the text of an object that a JSON library has read without complaint.
    """
    if "_pango_" not in line:
        return line
    kept = [member for name, member in _members(line) if name not in MARK_COLUMNS]
    return "{" + ", ".join(kept) + "}"


def _members(line: str) -> Iterator[tuple[str, str]]:
    """Each member of an object: its name and its text, value included, as it stands."""
    place = _after_space(line, line.index("{") + 1)
    while line[place] != "}":
        name_end = _string_end(line, place)
        name: object = json.loads(line[place:name_end], strict=False)
        end = _value_end(line, _after_space(line, name_end) + 1)
        yield str(name), line[place:end].rstrip()
        place = _after_space(line, end + 1 if line[end] == "," else end)


def _value_end(line: str, place: int) -> int:
    """Where the value that begins at `place` ends: at the comma or brace of the object around it."""
    depth = 0
    while True:
        found = _NESTED.search(line, place)
        if found is None:
            return len(line) - 1
        sign, place = found[0], found.end()
        if sign == '"':
            place = _string_end(line, found.start())
        elif sign in "[{":
            depth += 1
        elif depth == 0:
            return found.start()
        elif sign in "]}":
            depth -= 1


def _string_end(line: str, place: int) -> int:
    found = _STRING.match(line, place)
    return found.end() if found else len(line)


def _after_space(line: str, place: int) -> int:
    found = _SPACE.match(line, place)
    return found.end() if found else place
