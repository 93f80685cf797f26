"""Sentences in lines that fit the screen; what a person copies (a path, a command) is never broken."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

from pango_load.cli.screen import width_of
from pango_load.report.texts import Line

if TYPE_CHECKING:
    from typing import TextIO

    from pango_load.report.texts import Style


def wrapped(
    text: str, style: Style = "plain", *, indent: str = "", hanging: str | None = None, stream: TextIO | None = None
) -> list[Line]:
    """`text` in lines for `stream` (standard output if None), `hanging` before every line but the first."""
    lines = textwrap.wrap(
        text,
        width_of(stream or sys.stdout),
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [Line(line, style) for line in lines]
