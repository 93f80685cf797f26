"""A text file becomes blocks of UTF-8, whatever it was written in and however it was packed."""

from __future__ import annotations

import codecs
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pango_load.source.fingerprint import BlockReader
from pango_load.source.packing import Packing, unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pango_load.source.fingerprint import Fingerprint

_BROKEN = "\udcff"
"""Stands for what the encoding does not know; as UTF-8 it becomes the byte 0xff, which no reader takes for text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFile:
    """A text file and what is needed to read it as UTF-8."""

    path: Path
    encoding: str = "utf-8"
    packing: Packing = Packing.NONE

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

    def raw_blocks(self) -> Iterator[bytes]:
        """The bytes of the text as it was before it was packed."""
        return unpack(self._text.path, self._reader.blocks(), self._text.packing)

    def blocks(self) -> Iterator[bytes]:
        """UTF-8 without a byte order mark; what is no text in the file's encoding is no UTF-8 either.

        Raises:
            UsageError: the file cannot be opened or unpacked.
            MustBeMended: it changed.
        """
        blocks = self.raw_blocks()
        if self._text.encoding != "utf-8":
            blocks = to_utf8(blocks, self._text.encoding)
        first = True
        for block in blocks:
            yield block.removeprefix(codecs.BOM_UTF8) if first else block
            first = False


def to_utf8(blocks: Iterable[bytes], codec: str) -> Iterator[bytes]:
    """The same text in UTF-8; characters that Windows-1258 writes in two bytes are made one."""
    codecs.register_error("pango-load.broken", _mark_broken)
    decoder = codecs.getincrementaldecoder(codec)("pango-load.broken")
    compose = codec == "cp1258"
    rest = ""
    for block in blocks:
        text = rest + decoder.decode(block)
        rest = ""
        if compose:
            cut = _last_letter(text)
            text, rest = unicodedata.normalize("NFC", text[:cut]), text[cut:]
        if text:
            yield text.encode("utf-8", "surrogateescape")
    text = rest + decoder.decode(b"", final=True)
    if text:
        yield (unicodedata.normalize("NFC", text) if compose else text).encode("utf-8", "surrogateescape")


def _last_letter(text: str) -> int:
    """Where the last letter begins: its tone may stand at the beginning of the next block."""
    at = len(text) - 1
    while at > 0 and unicodedata.combining(text[at]):
        at -= 1
    return max(at, 0)


def _mark_broken(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return _BROKEN, error.end
    raise error
