"""How lines reach the terminal: results on standard output, everything else on standard error."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, TextIO

from pango_load.errors import LoadStopped, MappingError
from pango_load.report.plain_text import one_line

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
    lines = _folded(f"Error: {stopped.message}", "       ")
    if isinstance(stopped, MappingError):
        lines += [line for mistake in stopped.mistakes for line in _folded(f"  {mistake}", "    ")]
    if stopped.advice:
        lines += _folded(f"Try:   {stopped.advice}", "       ")
    text = "\n".join(lines) + "\n"
    if coloured:
        text = text.replace("Error:", f"{red}Error:{end}", 1).replace("\nTry:", f"\n{dim}Try:{end}", 1)
    sys.stderr.write(text)
    sys.stderr.flush()


def print_bug(error: Exception) -> None:
    """What is said of an error that nobody foresaw: its type and its places; its own words may quote a row."""
    from pango_load.report.run_log import exception_lines

    lines = exception_lines(error)
    kind = next(line for line in reversed(lines) if not line.startswith(" ")).removeprefix("builtins.")
    sys.stderr.write(f"Error: This is a bug of pango-load ({kind}); what was sent is recorded.\n")
    sys.stderr.write("Try:   Run the same command again to go on, and report these lines, which hold no row:\n")
    sys.stderr.writelines(f"       {line}\n" for line in lines)
    sys.stderr.flush()


def _folded(text: str, indent: str) -> list[str]:
    """`text` in lines that fit a terminal, broken between words; elsewhere in one, so that it can be searched for."""
    text = one_line(text)
    if not is_terminal(sys.stderr):
        return [text]
    return textwrap.wrap(
        text,
        width_of(sys.stderr),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def _no_color() -> bool:
    return bool(os.environ.get("NO_COLOR"))
