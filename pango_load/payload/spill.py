"""Rows by range: in memory while they are few, on disk where they are many, so that alike ones come back together."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROWS_IN_MEMORY = 250_000
RANGES = 32
RANGE = "range"
"""The column that says to which range a row belongs: 0 to `RANGES` - 1."""


class Spill:
    """Takes frames of one shape and gives them back range by range, in a folder (0700) that is deleted on `close`.

    Args:
        folder: where there is room.
        prefix: of the folder's name.
        schema: of what is added, `range` left out.
        in_memory: rows that are held before they are written.
    """

    def __init__(
        self, folder: Path, prefix: str, schema: Mapping[str, pl.DataType], *, in_memory: int = ROWS_IN_MEMORY
    ) -> None:
        self._folder, self._prefix, self._in_memory = folder, prefix, in_memory
        self._schema = pl.Schema({**schema, RANGE: pl.UInt8()})
        self._held: list[pl.DataFrame] = []
        self._held_rows = 0
        self._disk: TemporaryDirectory[str] | None = None
        self._spills = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows, each with its `range`."""
        if rows.height:
            self._held.append(rows.select(self._schema.names()).cast(self._schema))
            self._held_rows += rows.height
        if self._held_rows >= self._in_memory:
            self._write()

    def ranges(self) -> Iterator[Callable[[], Iterator[pl.DataFrame]]]:
        """For each range, in order, a way to read its rows as often as needed; all at once where none was written.

        The rows of a range come in the order in which they were added, some times `in_memory` at a time.
        """
        if self._disk is None:
            held = pl.concat(self._held).drop(RANGE) if self._held else None
            if held is not None:
                yield lambda: iter((held,))
            return
        self._write()
        for number in range(RANGES):
            paths = [path for spill in range(self._spills) if (path := self._path(number, spill)).exists()]
            if paths:
                yield partial(_read, paths, 2 * self._in_memory)

    def close(self) -> None:
        """Delete what stands on disk."""
        self._held = []
        if self._disk is not None:
            self._disk.cleanup()
            self._disk = None

    def _write(self) -> None:
        if not self._held:
            return
        if self._disk is None:
            self._disk = TemporaryDirectory(prefix=self._prefix, dir=self._folder)
        parts = pl.concat(self._held).partition_by(RANGE, as_dict=True, include_key=False)
        for (number,), part in parts.items():
            part.write_ipc(self._path(int(number), self._spills))
        self._spills += 1
        self._held, self._held_rows = [], 0

    def _path(self, number: int, spill: int) -> Path:
        return Path(self._disk.name if self._disk else "", f"{number}-{spill}.arrow")


def _read(paths: Sequence[Path], at_once: int) -> Iterator[pl.DataFrame]:
    some: list[pl.DataFrame] = []
    for path in paths:
        some.append(pl.read_ipc(path.read_bytes()))
        if sum(frame.height for frame in some) >= at_once:
            yield pl.concat(some)
            some = []
    if some:
        yield pl.concat(some)
