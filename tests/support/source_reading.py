"""Reading whole sources in tests, and text that comes in tiny blocks."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pango_load.plan import SourceOptions
from pango_load.source.files import open_source
from pango_load.source.text import TextFile, TextStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pango_load.records import Chunk, Damage
    from pango_load.source.fingerprint import Fingerprint

TONES = "\u0300\u0301\u0303\u0309\u0323"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Everything that a source gave.

    Attributes:
        cells: of each record, in order.
        rows: its number.
        damaged: position -> what is wrong.
    """

    headers: tuple[str, ...]
    cells: list[tuple[str | None, ...]]
    rows: list[int]
    damaged: Mapping[int, Damage]

    @property
    def codes(self) -> dict[int, str]:
        """Row number -> code of its damage."""
        return {self.rows[position]: damage.code for position, damage in self.damaged.items()}


def gather(headers: tuple[str, ...], chunks: Iterable[Chunk]) -> Read:
    """All chunks as one, positions and headers checked on the way."""
    cells: list[tuple[str | None, ...]] = []
    rows: list[int] = []
    damaged: dict[int, Damage] = {}
    for chunk in chunks:
        assert chunk.first == len(cells)
        assert tuple(chunk.frame.columns) == headers
        assert len(chunk.rows) == chunk.frame.height > 0
        damaged |= {chunk.first + index: damage for index, damage in chunk.damaged.items()}
        cells += chunk.frame.rows()
        rows += chunk.rows.to_list()
    assert all(set(cells[position]) <= {None} for position in damaged)
    return Read(headers=headers, cells=cells, rows=rows, damaged=damaged)


def read_all(*paths: Path, options: SourceOptions | None = None, wanted: Iterable[str] = ()) -> Read:
    """What the source made of these files gives."""
    source = open_source(paths, options or SourceOptions(), wanted=tuple(wanted))
    return gather(source.headers, source.read_chunks())


class TinyStream(TextStream):
    """A pass whose blocks have a size of the test's choice."""

    def __init__(self, text: TinyText, expected: Fingerprint | None) -> None:
        super().__init__(text, expected)
        self._size = text.size

    def blocks(self) -> Iterator[bytes]:
        whole = b"".join(super().blocks())
        for start in range(0, len(whole), self._size):
            yield whole[start : start + self._size]


@dataclass(frozen=True, kw_only=True)
class TinyText(TextFile):
    """A text file that comes in tiny blocks, so that small files have many chunks."""

    size: int = 7

    def open(self, expected: Fingerprint | None = None) -> TinyStream:
        return TinyStream(self, expected)


def in_windows_1258(text: str) -> bytes:
    """`text` as Windows-1258 writes it: a letter, then its tone."""
    out = b""
    for character in unicodedata.normalize("NFC", text):
        parts = unicodedata.normalize("NFD", character)
        tone = "".join(part for part in parts if part in TONES)
        base = unicodedata.normalize("NFC", "".join(part for part in parts if part not in TONES))
        try:
            out += character.encode("cp1258")
        except UnicodeEncodeError:
            out += (base + tone).encode("cp1258")
    return out
