"""The door of the room: arguments become files, files become a source of chunks."""

from __future__ import annotations

import difflib
import glob
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import polars as pl

from pango_load.catalogue.types import object_type_names
from pango_load.errors import MustBeMended, UsageError
from pango_load.source.fingerprint import BlockReader, Fingerprint, fingerprint_file
from pango_load.source.formats import FileReader, SourceFile, SourceFormat
from pango_load.source.opening import open_files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from pango_load.plan import SourceOptions
    from pango_load.records import Chunk

__all__ = ["Fingerprint", "Source", "SourceFile", "SourceFormat", "find_files", "open_source"]


class Source(Protocol):
    """Files that are read as one run, as often as needed.

    Attributes:
        files: what is read, in this order; `Chunk.file` counts them.
        headers: the columns of every chunk, `MARK_COLUMNS` left out.
        unseen_keys: after a pass: keys that records had and that are no headers (JSON only).
    """

    files: tuple[SourceFile, ...]
    headers: tuple[str, ...]

    @property
    def unseen_keys(self) -> frozenset[str]:
        """After a pass: keys that records had and that are no headers (JSON only)."""
        ...

    def read_chunks(self, expected: tuple[Fingerprint, ...] | None = None) -> Iterator[Chunk]:
        """Every record of every file, damaged ones included; none is skipped for `skip_rows` or `limit`.

        Args:
            expected: what the files were before (`fingerprints`); nothing of a block that differs is handed out.

        Raises:
            MustBeMended: a file is not what it was, or changes while it is read.
        """
        ...

    def watch(self, expected: tuple[Fingerprint, ...]) -> Iterator[None]:
        """Look at every byte that another reading would look at, block by block, without making rows of them.

        Raises:
            MustBeMended: a file is not what `expected` says, or changes meanwhile.
        """
        ...

    def fingerprints(self) -> tuple[Fingerprint, ...]:
        """What each file is: known for nothing after a whole pass, else each file is read through."""
        ...

    def with_headers(self, extra: Sequence[str]) -> Source:
        """A source that reads `extra` keys as columns too (JSON only)."""
        ...


class _Files:
    """A source of one file or several."""

    def __init__(self, readers: Sequence[FileReader]) -> None:
        self._readers = tuple(readers)
        self.headers = tuple(dict.fromkeys(name for reader in readers for name in reader.headers))
        self.files = tuple(_with_gaps(reader, self.headers) for reader in readers)
        for reader in readers:
            _refuse_patterns(reader)

    @property
    def unseen_keys(self) -> frozenset[str]:
        return frozenset[str]().union(*(reader.unseen_keys for reader in self._readers)) - set(self.headers)

    def read_chunks(self, expected: tuple[Fingerprint, ...] | None = None) -> Iterator[Chunk]:
        if expected is not None and len(expected) != len(self._readers):
            raise MustBeMended(
                f"There were {len(expected)} files before, and there are {len(self._readers)} now.",
                "Name the same files in the same order.",
            )
        first = 0
        for number, reader in enumerate(self._readers):
            was = expected[number] if expected else None
            for chunk in reader.read(first=first, file=number, expected=was):
                first += chunk.frame.height
                yield self._aligned(chunk)
                del chunk

    def _aligned(self, chunk: Chunk) -> Chunk:
        if tuple(chunk.frame.columns) == self.headers:
            return chunk
        missing = [pl.lit(None, pl.String).alias(name) for name in self.headers if name not in chunk.frame.columns]
        return replace(chunk, frame=chunk.frame.with_columns(missing).select(self.headers))

    def watch(self, expected: tuple[Fingerprint, ...]) -> Iterator[None]:
        for reader, was in zip(self._readers, expected, strict=True):
            for _ in BlockReader(reader.file.path, was).blocks():
                yield

    def fingerprints(self) -> tuple[Fingerprint, ...]:
        return tuple(reader.fingerprint or fingerprint_file(reader.file.path) for reader in self._readers)

    def with_headers(self, extra: Sequence[str]) -> Source:
        return _Files([reader.with_headers(extra) for reader in self._readers])


def _refuse_patterns(reader: FileReader) -> None:
    """A name from ^ to $ is a pattern to polars, so that such a column would stand for all that it matches."""
    for name in reader.headers:
        if name.startswith("^") and name.endswith("$"):
            raise UsageError(
                f'{reader.file.path}: the column "{name}" cannot be read, since a name from ^ to $ means a pattern.',
                "Give it another name.",
            )


def _with_gaps(reader: FileReader, headers: Sequence[str]) -> SourceFile:
    gaps = [f'"{name}"' for name in headers if name not in reader.headers]
    if not gaps:
        return reader.file
    note = f"has no column {', '.join(gaps)}: read as empty"
    return replace(reader.file, notes=(*reader.file.notes, note))


def open_source(paths: Sequence[Path], options: SourceOptions, *, wanted: Collection[str] = ()) -> Source:
    """Look at the beginning of each file: what it is, and what its columns are called.

    Args:
        paths: regular files, at least one; see `find_files`.
        options: how they are read; `skip_rows` and `limit` are not the business of a source.
        wanted: headers that a mapping names: they help to recognise the header's row.

    Raises:
        UsageError: a file that is missing, unreadable, empty or not what it says, or headers that cannot be used.
    """
    readers = [reader for path in paths for reader in open_files(path, options, wanted=frozenset(wanted))]
    for reader in readers[1:]:
        if set(reader.headers).isdisjoint(readers[0].headers):
            raise UsageError(
                f"{_place(reader.file)} has no header in common with {_place(readers[0].file)}.",
                "Load files of different kinds one by one.",
            )
    return _Files(readers)


def _place(file: SourceFile) -> str:
    return f'{file.path}, sheet "{file.sheet}"' if file.sheet else str(file.path)


def find_files(arguments: Sequence[str]) -> tuple[Path, ...]:
    """The files that arguments stand for: paths, patterns (`*.csv`, sorted) and folders (their files, sorted).

    A file that is named twice, also by way of a link, is there once.

    Raises:
        UsageError: an argument that stands for no file.
    """
    found: list[Path] = []
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            found += _files_of(path)
        elif path.exists() or not glob.has_magic(argument):
            found.append(path)
        else:
            matches = sorted(match for match in map(Path, glob.glob(argument, recursive=True)) if match.is_file())  # noqa: PTH207 - absolute patterns too
            if not matches:
                raise UsageError(
                    f"No file matches {argument}.", f"Check the pattern, and the folder you are in: {Path.cwd()}."
                )
            found += matches
    missing = [str(path) for path in found if not path.exists()]
    if missing:
        places = "does not exist" if len(missing) == 1 else "do not exist"
        raise UsageError(f"{', '.join(missing)} {places}.", _advice_on_missing(missing[0]))
    # A link and what it points to are one file, under the name that came first.
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.resolve(), path)
    return tuple(once.values())


def _advice_on_missing(name: str) -> str:
    if name in object_type_names():
        return f"If it is what the rows become, write --object {name}."
    folder = Path(name).parent
    neighbours = [path.name for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    near = difflib.get_close_matches(Path(name).name, neighbours, 1)
    did_you = f"Did you mean {folder / near[0]}? " if near else ""
    return f"{did_you}Check the name, and the folder you are in: {Path.cwd()}."


def _files_of(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith((".", "~$")))
    if not files:
        raise UsageError(f"{folder} is a folder without files.", "Name a file, or a folder that holds some.")
    return files
