"""The texts that the cells of a workbook share, kept in a file: there may be millions, and memory is to stay flat."""

from __future__ import annotations

import tempfile
import weakref
from array import array
from functools import lru_cache
from typing import IO, TYPE_CHECKING
from xml.etree.ElementTree import Element, iterparse

from pango_load.errors import MustBeMended

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK_BYTES = 1 << 16
_TEXTS_HELD = 20_000
"""Texts at hand: some stand in nearly every row."""


class SharedTexts:
    """Text by its number; in a file without a name, which only this process sees.

    Args:
        stream: `xl/sharedStrings.xml`, unpacked.
        block_bytes: how much is written and read at once.

    Raises:
        MustBeMended: there is no room for the file.
        ParseError: that is no XML.
    """

    def __init__(self, stream: IO[bytes], *, block_bytes: int = _BLOCK_BYTES) -> None:
        self._block_bytes = block_bytes
        self._ends = array("Q", [0])
        self._start, self._window = 0, b""
        try:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when nobody needs the texts any more
            weakref.finalize(self, self._file.close)
            for block in self._blocks(stream):
                self._file.write(block)
            self._file.flush()
        except OSError as error:
            raise MustBeMended(
                f"The texts of the workbook could not be copied to {tempfile.gettempdir()}: {error.strerror or error}.",
                "Make room there, or name another folder with TMPDIR.",
            ) from error
        self._text = lru_cache(_TEXTS_HELD)(self._read)

    def __getitem__(self, number: int) -> str:
        """The text with this number, 0 for the first.

        Raises:
            IndexError: there are not so many.
        """
        if number < 0:
            raise IndexError(number)
        return self._text(number)

    def _blocks(self, stream: IO[bytes]) -> Iterator[bytes]:
        held: list[bytes] = []
        end = flushed = 0
        for text in _texts(stream):
            held.append(text.encode(errors="surrogatepass"))
            end += len(held[-1])
            self._ends.append(end)
            if end - flushed >= self._block_bytes:
                yield b"".join(held)
                held, flushed = [], end
        yield b"".join(held)

    def _read(self, number: int) -> str:
        start, end = self._ends[number], self._ends[number + 1]
        if start < self._start:
            return self._bytes(start, end).decode(errors="surrogatepass")
        # Rows take new texts in the order in which they stand here.
        if end > self._start + len(self._window):
            self._start, self._window = start, self._bytes(start, max(start + self._block_bytes, end))
        return self._window[start - self._start : end - self._start].decode(errors="surrogatepass")

    def _bytes(self, start: int, end: int) -> bytes:
        self._file.seek(start)
        return self._file.read(end - start)


def _texts(stream: IO[bytes]) -> Iterator[str]:
    root: Element | None = None
    for event, element in iterparse(stream, events=("start", "end")):  # noqa: S314 - expat stops runaway entities
        if root is None:
            root = element
        elif event == "end" and _is_called(element, "si"):
            yield "".join(_parts(element))
            # What has been read is let go of.
            root.clear()


def _parts(text: Element) -> Iterator[str]:
    """A text is whole, or in parts that look differently; how it is pronounced stands beside it."""
    for part in text:
        if _is_called(part, "t"):
            yield part.text or ""
        elif _is_called(part, "r"):
            yield from (one.text or "" for one in part if _is_called(one, "t"))


def _is_called(element: Element, name: str) -> bool:
    return element.tag.rpartition("}")[2] == name
