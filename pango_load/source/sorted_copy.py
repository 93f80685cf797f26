"""A source in another order: its rows are copied to a private folder, sorted by a key on disk, and read from there."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from pango_load.errors import MustBeMended
from pango_load.records import Chunk, Damage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pango_load.source.files import Source
    from pango_load.source.fingerprint import Fingerprint

ROWS_SORTED = 200_000
"""Rows that are sorted in memory at once, and held before they are written."""

ROWS_READ = 16_384
"""Rows of a chunk that is read from the copy."""

_SAMPLES = 64
"""Keys that are looked at of each chunk, to find where to part them."""

_ROW, _FILE, _LINE, _KEY, _PLACE = "\x00row", "\x00file", "\x00line", "\x00key", "\x00place"
_DAMAGE = ("\x00code", "\x00raw", "\x00expected", "\x00found")


@dataclass(frozen=True, slots=True)
class Arranged:
    """How the rows of a chunk are to be sorted.

    Attributes:
        keys: String, never null: rows with one key come together, in the order in which they stood.
        marks: further columns (String) that travel with the rows.
    """

    keys: pl.Series
    marks: pl.DataFrame


class SortedSource:
    """A source whose rows come sorted; each keeps the number that it has in its file.

    The copy is made when it is first read, and appears whole or not at all; the same content gives the same order. Only
    its owner may read it. Files follow one another as before: a key stands where its first file stands.

    Args:
        source: in its own order.
        folder: for the copy; its name tells content and order, so that a later run finds it again.
        arrange: makes a function that is given every chunk of one pass, in order.
    """

    def __init__(self, source: Source, folder: Path, arrange: Callable[[], Callable[[Chunk], Arranged]]) -> None:
        self.files, self.headers = source.files, source.headers
        self._source, self.folder, self._arrange = source, folder, arrange
        self._rows_sorted = ROWS_SORTED
        self._prints: tuple[Fingerprint, ...] | None = None

    @property
    def unseen_keys(self) -> frozenset[str]:
        """See `Source`."""
        return self._source.unseen_keys

    def fingerprints(self) -> tuple[Fingerprint, ...]:
        """Of the files themselves, not of the copy."""
        if self._prints is None:
            self._prints = self._source.fingerprints()
        return self._prints

    def with_headers(self, extra: Sequence[str]) -> SortedSource:
        """See `Source`."""
        return SortedSource(self._source.with_headers(extra), self.folder, self._arrange)

    def read_chunks(self, expected: tuple[Fingerprint, ...] | None = None) -> Iterator[Chunk]:
        """Every record, from the copy; it is made first where it is not there.

        Raises:
            MustBeMended: a file is not what it was while the copy was made, or there is no room for it.
        """
        try:
            if not self.folder.is_dir():
                self._make(expected)
            first = 0
            for path in sorted(self.folder.iterdir()):
                for chunk in _chunks(pl.read_ipc(path.read_bytes()), first):
                    yield chunk
                    first += chunk.frame.height
        except (OSError, pl.exceptions.PolarsError) as error:
            raise MustBeMended(
                f"The sorted copy in {self.folder.parent} cannot be written or read: {error}.",
                "Make room there, or name another state folder with PANGO_STATE_DIR.",
            ) from error

    def watch(self, expected: tuple[Fingerprint, ...]) -> Iterator[None]:
        """See `Source`: the files themselves are not read any more once the copy is there, and nobody changes that."""
        del expected
        yield from ()

    def forget(self) -> None:
        """Delete the copy."""
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- making it ----------------------------------------------------------------------------------------------------

    def _make(self, expected: tuple[Fingerprint, ...] | None) -> None:
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self.folder.parent.glob(f"{self.folder.name}.*.part"):
            shutil.rmtree(left, ignore_errors=True)
        draft = self.folder.with_name(f"{self.folder.name}.{os.getpid()}.part")
        try:
            for name in ("parts", "sorted"):
                (draft / name).mkdir(mode=0o700, parents=True)
            draft.chmod(0o700)
            bounds = self._bounds(expected)
            self._part(draft / "parts", bounds, self.fingerprints())
            for number in range(len(bounds) + 1):
                self._sort(draft, number)
            (draft / "sorted").rename(self.folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _bounds(self, expected: tuple[Fingerprint, ...] | None) -> pl.Series:
        """Keys that part the rows into pieces small enough to be sorted in memory."""
        samples: list[pl.Series] = []
        rows = 0
        arrange = self._arrange()
        for chunk in self._source.read_chunks(expected):
            keys = arrange(chunk).keys
            rows += len(keys)
            samples.append(keys.gather_every(max(1, len(keys) // _SAMPLES)))
        pieces = -(-rows // self._rows_sorted)
        if pieces <= 1:
            return pl.Series([], dtype=pl.String)
        sample = pl.concat(samples).sort()
        places = [len(sample) * piece // pieces for piece in range(1, pieces)]
        return sample.gather(places).unique(maintain_order=True)

    def _part(self, folder: Path, bounds: pl.Series, expected: tuple[Fingerprint, ...]) -> None:
        held: list[pl.DataFrame] = []
        rows = spills = place = 0
        arrange = self._arrange()

        def spill() -> None:
            whole = pl.concat(held, how="diagonal")
            pieces = bounds.search_sorted(whole[_KEY], side="right") if len(bounds) else None
            numbers = pieces if pieces is not None else pl.repeat(0, whole.height, eager=True)
            numbered = whole.with_columns(numbers.cast(pl.Int64).alias("\x00piece"))
            for (number,), part in numbered.partition_by("\x00piece", as_dict=True, include_key=False).items():
                _write(part, folder / f"{int(number):06}-{spills:06}.arrow")

        for chunk in self._source.read_chunks(expected):
            held.append(_as_frame(chunk, arrange(chunk), place))
            place += chunk.frame.height
            rows += chunk.frame.height
            if rows >= self._rows_sorted:
                spill()
                held, rows, spills = [], 0, spills + 1
        if held:
            spill()

    def _sort(self, draft: Path, number: int) -> None:
        paths = sorted((draft / "parts").glob(f"{number:06}-*.arrow"))
        if not paths:
            return
        whole = pl.concat([pl.read_ipc(path.read_bytes()) for path in paths], how="diagonal")
        ordered = whole.with_columns(pl.col(_FILE).min().over(_KEY).alias("\x00home")).sort("\x00home", _KEY, _PLACE)
        for home, rows in ordered.partition_by(
            "\x00home", as_dict=True, include_key=False, maintain_order=True
        ).items():
            for start in range(0, rows.height, ROWS_READ):
                name = f"{home[0]:06}-{number:06}-{start // ROWS_READ:06}.arrow"
                _write(rows.slice(start, ROWS_READ).drop(_KEY, _PLACE), draft / "sorted" / name)
        for path in paths:
            path.unlink()


def _write(rows: pl.DataFrame, path: Path) -> None:
    """Only its owner may read it, from its first byte on."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    rows.write_ipc(path)


def _as_frame(chunk: Chunk, arranged: Arranged, place: int) -> pl.DataFrame:
    """The rows with all that is known of them."""
    height = chunk.frame.height
    damage = {
        name: pl.Series([None] * height, dtype=pl.String).scatter(
            list(chunk.damaged), [getattr(one, name[1:]) for one in chunk.damaged.values()]
        )
        for name in (_DAMAGE if chunk.damaged else ())
    }
    columns = [
        chunk.rows.cast(pl.Int64).alias(_ROW),
        pl.repeat(chunk.file, height, dtype=pl.Int64, eager=True).alias(_FILE),
        arranged.keys.alias(_KEY),
        pl.int_range(place, place + height, eager=True).alias(_PLACE),
        *([chunk.lines.alias(_LINE)] if chunk.lines is not None else []),
        *(column.alias(name) for name, column in damage.items()),
    ]
    return chunk.frame.with_columns(columns).with_columns(arranged.marks.get_columns())


def _chunks(rows: pl.DataFrame, first: int) -> Iterator[Chunk]:
    """Chunks of one file each."""
    changes = rows[_FILE].ne_missing(rows[_FILE].shift(1)).arg_true().to_list()
    for start, end in zip(changes, [*changes[1:], rows.height], strict=True):
        part = rows.slice(start, end - start)
        own = [name for name in (_ROW, _FILE, _LINE, *_DAMAGE) if name in part.columns]
        yield Chunk(
            frame=part.drop(own),
            first=first + start,
            rows=part[_ROW],
            file=part[_FILE][0],
            damaged=_damaged(part) if _DAMAGE[0] in part.columns else {},
            lines=part[_LINE] if _LINE in part.columns else None,
        )


def _damaged(part: pl.DataFrame) -> dict[int, Damage]:
    indexes = part[_DAMAGE[0]].is_not_null().arg_true()
    told = part[indexes].select(_DAMAGE).iter_rows()
    return {
        index: Damage(code=code, raw=raw, expected=expected, found=found)
        for index, (code, raw, expected, found) in zip(indexes.to_list(), told, strict=True)
    }
