"""What a source is made of, and what every reader of one file offers."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from pango_load.errors import UsageError
from pango_load.records import MARK_COLUMNS, Damage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pango_load.records import Chunk
    from pango_load.source.fingerprint import Fingerprint


class SourceFormat(StrEnum):
    """What a file is, by its content rather than by its name; every workbook is XLSX, every JSON text JSONL."""

    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundedNumbers:
    """Number cells of a workbook's column with more than 15 digits, of which spreadsheets keep no more.

    Attributes:
        column: the header.
        count: how many there are.
        rows: numbers of the first three rows that have one.
    """

    column: str
    count: int
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file of a source, as a person would describe it.

    Attributes:
        path: where it is.
        format: what it is.
        encoding: of text, in Python's spelling ("utf-8", "utf-16-le"); empty for workbooks.
        delimiter: between the cells of delimited text.
        sheet: the sheet that is read, for workbooks.
        header_row: the line or the sheet's row that the headers stand in; 0 where there are none.
        notes: what was found out and a person should see ("encoding Windows-1258").
        rounded: what a workbook cannot tell exactly any more.
    """

    path: Path
    format: SourceFormat
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    header_row: int = 0
    notes: tuple[str, ...] = ()
    rounded: tuple[RoundedNumbers, ...] = ()

    @property
    def title(self) -> str:
        """What a person calls it among several: its name, and the sheet of a workbook."""
        return f"{self.path.name}, sheet {self.sheet}" if self.sheet else self.path.name


class FileReader(Protocol):
    """Reads one file, as often as it is asked to.

    Attributes:
        file: what is known of it.
        headers: its columns in order, without `MARK_COLUMNS`.
        fingerprint: what it was in the last pass that came to its end; None before.
        unseen_keys: keys met in that pass that are no headers; always empty where headers stand in the file.
    """

    file: SourceFile
    headers: tuple[str, ...]
    fingerprint: Fingerprint | None
    unseen_keys: frozenset[str]

    def read(self, *, first: int, file: int, expected: Fingerprint | None) -> Iterator[Chunk]:
        """Every record, from the beginning; `first` and `file` as in `Chunk`.

        Raises:
            MustBeMended: the file is not `expected`, or changes while it is read.
        """
        ...

    def with_headers(self, extra: Sequence[str]) -> FileReader:
        """A reader that gives `extra` as columns too, where it is the records that name them."""
        ...


def check_headers(names: Sequence[str], path: Path, place: str) -> None:
    """Turn down headers that are empty or stand twice, all of them at once.

    Raises:
        UsageError: listing them by the number of their column.
    """
    mistakes = [f"column {number} has none" for number, name in enumerate(names, 1) if not name]
    places: dict[str, list[int]] = {}
    for number, name in enumerate(names, 1):
        # One word in two encodings of its diacritics looks like one header, and a mapping cannot tell them apart.
        places.setdefault(unicodedata.normalize("NFC", name), []).append(number)
    mistakes += [
        f'"{name}" stands in columns {" and ".join(map(str, numbers))}'
        for name, numbers in places.items()
        if name and len(numbers) > 1
    ]
    if mistakes:
        raise UsageError(
            f"{path}, {place}: every column needs a header of its own; {'; '.join(mistakes)}.",
            "Name each column once in that row, or say with --header-row which row holds the headers.",
        )


_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"


def header_text(text: str) -> str:
    """A header without what nobody sees at its ends: white space, byte order marks, spaces of no width."""
    bare = text.strip().strip(_INVISIBLE)
    return bare if bare == text else bare.strip()


CODE_COLUMN = "_pango_code"

_STILL_DAMAGED = {
    "source.bad-encoding": ("text", ""),
    "source.bad-json": ("a JSON object", ": its text was not put back"),
    "source.error-cell": ("", "an error"),
}


def still_damaged(code: str | None, headers: Sequence[str]) -> Damage | None:
    """The damage of a record that comes back as it was in a row file: no cell of its own, and the code in our column.

    A damaged record has no cells to write into a row file; loaded again uncorrected, it is turned down for the same
    reason and not for its empty cells.
    """
    if code is None or not code.startswith("source."):
        return None
    expected, found = _STILL_DAMAGED.get(code, (f"{len(headers)} cells", "" if code == "source.bad-quote" else "none"))
    return Damage(code=code, raw="", expected=expected, found=found)


def shown_headers(names: Sequence[str], *, marks: bool) -> tuple[str, ...]:
    """The headers that a reader gives: the source's own, and those of `MARK_COLUMNS` where they are asked for."""
    return tuple(names) if marks else without_marks(names)


def without_marks(names: Sequence[str]) -> tuple[str, ...]:
    """The headers that are the source's own (`MARK_COLUMNS` come from a row file of an earlier run)."""
    return tuple(name for name in names if name not in MARK_COLUMNS)
