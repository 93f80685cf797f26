"""Row files that somebody has changed since they were written: what was typed into them stands nowhere else."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from pango_load.report.private_files import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WRITTEN_FILE = ".written.json"
"""In a run's folder: what its row files were when they were written; no row value."""

_EDITED = re.compile(r"(rejected|unknown|unsent)(-\d+)?\.edited-\d+\.(csv|xlsx|jsonl)")


def remember_written(folder: Path, written: Mapping[Path, Path]) -> None:
    """Keep what files of `folder` will be like: by their names, the files that take these names next.

    Raises:
        OSError: where the folder cannot be written.
    """
    known = _written(folder)
    told = {name: marks for name, marks in known.items() if (folder / name).is_file()}
    told |= {path.name: [*_stat(part), _digest(part)] for path, part in written.items()}
    if told != known:
        write_private(folder / WRITTEN_FILE, json.dumps(told).encode())


def is_edited(path: Path) -> bool:
    """Whether the file at `path` is not what was written there.

    A file that was only touched or copied back is; so is one of which nobody knows, of a program before this one.

    Raises:
        OSError: where it cannot be read.
    """
    marks = _written(path.parent).get(path.name)
    if marks is None:
        return False
    return marks[:2] != _stat(path) and (marks[0] != path.stat().st_size or marks[2] != _digest(path))


def keep_edited(path: Path) -> Path:
    """Give the file at `path` a name that no run writes to: `rejected.edited-1.csv`.

    Raises:
        OSError: where it cannot be renamed.
    """
    number = 1
    while (kept := path.with_name(f"{path.stem}.edited-{number}{path.suffix}")).exists():
        number += 1
    return path.rename(kept)


def edited_files_in(folder: Path) -> tuple[Path, ...]:
    """The files of `folder` that were kept so, by name.

    Raises:
        OSError: where the folder cannot be read.
    """
    return tuple(sorted(path for path in folder.iterdir() if _EDITED.fullmatch(path.name)))


def _stat(path: Path) -> list[int | str]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def _written(folder: Path) -> dict[str, list[int | str]]:
    try:
        told = json.loads((folder / WRITTEN_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
