"""A text file becomes blocks of UTF-8, whatever it was written in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pango_load.source.fingerprint import BlockReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pango_load.source.fingerprint import Fingerprint

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFile:
    """A text file and what is needed to read it as UTF-8."""

    path: Path
    encoding: str = "utf-8"

    def open(self, expected: Fingerprint | None = None) -> TextStream:
        """A new pass over it."""
        return TextStream(self, expected)


class TextStream:
    """One pass over a text file."""

    def __init__(self, text: TextFile, expected: Fingerprint | None) -> None:
        self._text = text
        self._reader = BlockReader(text.path, expected)

    @property
    def fingerprint(self) -> Fingerprint | None:
        """What the file was, once `blocks` has come to its end."""
        return self._reader.fingerprint

    def blocks(self) -> Iterator[bytes]:
        """UTF-8 without a byte order mark; what is no text in the file's encoding is no UTF-8 either."""
        first = True
        for block in self._reader.blocks():
            yield block.removeprefix(BOM) if first else block
            first = False
