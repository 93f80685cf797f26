"""`-` on the command line: standard input is kept as a file until it is settled."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pango_load.errors import UsageError
from pango_load.source.spool import spool_input

if TYPE_CHECKING:
    from pathlib import Path

STANDARD_INPUT = "-"


def with_spool(words: tuple[str, ...], state: Path) -> tuple[tuple[str, ...], Path | None]:
    """The words with `-` replaced by a copy of standard input, and that copy, which the caller deletes when settled.

    Raises:
        UsageError: nothing is piped in, or `-` stands beside files.
        MustBeMended: the copy cannot be written.
    """
    if STANDARD_INPUT not in words:
        return words, None
    if len(words) > 1:
        raise UsageError("- stands for standard input and cannot be loaded together with files.", "Load it by itself.")
    if sys.stdin.isatty():
        raise UsageError(
            "- reads standard input, and nothing is piped in.", "Write for instance: cat a.csv | pango-load -"
        )
    kept = spool_input(sys.stdin.buffer, state / "spool")
    return (str(kept),), kept


def forget_spool(kept: Path) -> None:
    """Delete a copy of standard input that is not needed any more."""
    kept.unlink(missing_ok=True)
