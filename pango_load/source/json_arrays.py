"""The items of a JSON array, one after the other, without holding the array; and an object that is a whole file."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_ITEM = 64 << 20
"""Bytes after which an item that does not end is given as it is: no record, and no swallowed file."""

_BEGIN = re.compile(rb"\s*\[\s*(?:[{\]]|\Z)")
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],"]', re.DOTALL)


def is_array(head: bytes) -> bool:
    """Whether a text begins as an array of objects does."""
    return _BEGIN.match(head) is not None


def split_array(blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(Number from 1, text on one line) of every item.

    What cannot be an item comes as its text all the same, so that it is counted and turned down: an array that is cut
    short, and whatever stands behind its end.
    """
    number = 0
    items = _Items()
    for block in blocks:
        for item in items.take(block):
            number += 1
            yield number, item
    for item in items.finish():
        number += 1
        yield number, item


def is_document(text: bytes) -> bool:
    """Whether a whole text is one object that stands on several lines."""
    if b"\n" not in text.strip():
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def split_document(blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The whole text on one line, as number 1."""
    yield 1, _one_line(b"".join(blocks))


class _Items:
    """Cuts a growing text at the commas of the outermost array."""

    def __init__(self) -> None:
        self._text = b""
        self._begun = False
        self._ended = False

    def take(self, block: bytes) -> Iterator[bytes]:
        """Whole items of what has come so far."""
        self._text += block
        if not self._begun:
            self._text = self._text.lstrip()
            if not self._text:
                return
            self._text = self._text[1:]
            self._begun = True
        if not self._ended:
            yield from self._cut()

    def _cut(self) -> Iterator[bytes]:
        depth = start = 0
        for token in _TOKEN.finditer(self._text):
            sign = token[0]
            if sign == b'"':
                break
            if sign in {b"{", b"["}:
                depth += 1
            elif sign in {b"}", b"]"} and depth:
                depth -= 1
            elif sign == b"]":
                yield from _item(self._text[start : token.start()])
                start = token.end()
                self._ended = True
                break
            elif sign == b"," and not depth:
                yield _one_line(self._text[start : token.start()])
                start = token.end()
        self._text = self._text[start:]
        if not self._ended and len(self._text) > LONGEST_ITEM:
            yield _one_line(self._text)
            self._text = b""

    def finish(self) -> Iterator[bytes]:
        """What is left, where the array does not end or something follows it."""
        if self._ended:
            yield from _item(self._text)
        else:
            yield from _item(self._text)
            # Records behind the cut are lost, and a last record that happens to be whole must not hide it.
            if not self._text.strip() or self._text.rstrip().endswith(b"}"):
                yield b"the array does not end"


def _item(text: bytes) -> Iterator[bytes]:
    line = _one_line(text)
    if line:
        yield line


def _one_line(text: bytes) -> bytes:
    """Raw line ends stand only between the tokens of JSON."""
    return b" ".join(text.split(b"\n")).replace(b"\r", b" ").strip()
