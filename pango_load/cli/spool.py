"""Standard input is kept until it is settled, so that it can be read twice and a load of it can go on."""

from __future__ import annotations

import hashlib
import os
import sys
from typing import TYPE_CHECKING, BinaryIO

from pango_load.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

STANDARD_INPUT = "-"
_PIECE = 1 << 20


def spool(source: BinaryIO, folder: Path) -> Path:
    """Copy `source` into a file of its own under `folder`, named by its content: the same input is the same file.

    Raises:
        UsageError: the folder cannot be written, or nobody pipes anything in.
    """
    if source.isatty():
        raise UsageError(
            "- reads standard input, and nothing is piped in.", "Write for instance: cat a.csv | pango-load -"
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = folder / f"incoming-{os.getpid()}"
        digest = hashlib.sha256()
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as copy:
            while piece := source.read(_PIECE):
                digest.update(piece)
                copy.write(piece)
        home = folder / digest.hexdigest()[:16]
        home.mkdir(mode=0o700, exist_ok=True)
        return part.replace(home / "stdin")
    except OSError as error:
        raise UsageError(
            f"Standard input cannot be kept in {folder}: {error.strerror}.", "Name another folder in PANGO_STATE_DIR."
        ) from error


def with_spool(words: tuple[str, ...], state: Path) -> tuple[tuple[str, ...], Path | None]:
    """The words with `-` replaced by a copy of standard input, and that copy, which the caller deletes when settled.

    Raises:
        UsageError: see `spool`; or `-` stands beside files.
    """
    if STANDARD_INPUT not in words:
        return words, None
    if len(words) > 1:
        raise UsageError("- stands for standard input and cannot be loaded together with files.", "Load it by itself.")
    kept = spool(sys.stdin.buffer, state / "spool")
    return (str(kept),), kept


def forget_spool(kept: Path) -> None:
    """Delete a copy of standard input that is not needed any more."""
    kept.unlink(missing_ok=True)
    if kept.parent.is_dir() and not any(kept.parent.iterdir()):
        kept.parent.rmdir()
