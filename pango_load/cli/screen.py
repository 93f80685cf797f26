"""How lines reach the terminal: results on standard output, everything else on standard error."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, TextIO

from pango_load.errors import LoadStopped, MappingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pango_load.report.texts import Line

_STYLES = {
    "plain": "",
    "strong": "\x1b[1m",
    "good": "\x1b[32m",
    "warn": "\x1b[33m",
    "bad": "\x1b[31m",
    "dim": "\x1b[2m",
}
_END = "\x1b[0m"
_NARROWEST, _WIDEST, _PIPED = 40, 120, 100


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at it."""
    return stream.isatty()


def width_of(stream: TextIO) -> int:
    """Columns that a line may take."""
    if not is_terminal(stream):
        return _PIPED
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size().columns))


def print_lines(lines: Iterable[Line], stream: TextIO | None = None) -> None:
    """Write lines, coloured where a person looks (and NO_COLOR is not set)."""
    stream = stream or sys.stdout
    coloured = is_terminal(stream) and not _no_color()
    for line in lines:
        style = _STYLES[line.style] if coloured else ""
        stream.write(f"{style}{line.text}{_END}\n" if style else f"{line.text}\n")
    stream.flush()


def print_stop(stopped: LoadStopped) -> None:
    """Two lines: what stopped, and what to try; with every mistake of a mapping between them."""
    coloured = is_terminal(sys.stderr) and not _no_color()
    red, dim, end = (_STYLES["bad"], _STYLES["dim"], _END) if coloured else ("", "", "")
    lines = [f"{red}Error:{end} {stopped.message}"]
    if isinstance(stopped, MappingError):
        lines += [f"  {mistake}" for mistake in stopped.mistakes]
    if stopped.advice:
        lines.append(f"{dim}Try:{end}   {stopped.advice}")
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()


def _no_color() -> bool:
    return bool(os.environ.get("NO_COLOR"))
