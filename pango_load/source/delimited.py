"""Delimited text becomes chunks: a fast way for sound text, a careful one that names what is damaged."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from pango_load.errors import MustBeMended
from pango_load.records import Chunk, Damage
from pango_load.source.encodings import LABELS
from pango_load.source.formats import CODE_COLUMN, shown_headers, still_damaged, without_marks
from pango_load.source.letters import Letters
from pango_load.source.quoting import Found, find_records, last_cut, returns_before_line_ends

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pango_load.source.fingerprint import Fingerprint
    from pango_load.source.formats import SourceFile
    from pango_load.source.layout import Layout
    from pango_load.source.text import TextFile

_BOM = b"\xef\xbb\xbf"
_RAW_CHARACTERS = 4096
_PART_BYTES = 128 << 10
"""Bytes that are read carefully at once where something is damaged."""


class DelimitedReader:
    """Reads one delimited file; see `FileReader`."""

    unseen_keys: frozenset[str] = frozenset()

    def __init__(self, file: SourceFile, text: TextFile, layout: Layout, *, marks: bool = False) -> None:
        self.file = file
        self.headers = shown_headers(layout.names, marks=marks)
        self.fingerprint: Fingerprint | None = None
        self._text = text
        self._layout = layout
        self._parser = _Parser(layout, encoding=file.encoding, marks=marks)

    def with_headers(self, extra: Sequence[str]) -> DelimitedReader:
        """Itself: the headers of delimited text stand in the file."""
        del extra
        return self

    def read(self, *, first: int, file: int, expected: Fingerprint | None) -> Iterator[Chunk]:
        """Every record; memory stays within a few blocks whatever the file's size."""
        row = self._layout.header_row + 1
        stream = self._text.open(expected)
        blocks = stream.blocks()
        blocks = chain((self._skip_preface(blocks),), blocks)
        rest = b""
        final = False
        while not final:
            block = next(blocks, None)
            final = block is None
            text, tail = _whole_lines(rest, block or b"", self._layout.dialect.line_end)
            del block
            used = 0
            for piece in self._parser.parse(text, final=final):
                if piece.frame.height:
                    rows = piece.rows + row
                    yield Chunk(
                        frame=piece.frame,
                        first=first,
                        rows=rows,
                        file=file,
                        damaged=piece.damaged,
                        is_plain=piece.is_plain,
                        longest=piece.longest,
                    )
                    first += piece.frame.height
                row += piece.lines
                used += piece.used
                del piece
            rest = text[used:] + tail
            del text  # as large as the block that is read next
        self.fingerprint = stream.fingerprint

    def _skip_preface(self, blocks: Iterator[bytes]) -> bytes:
        preface = self._layout.preface
        text = b""
        while len(text) < len(preface):
            block = next(blocks, None)
            if block is None:
                break
            text += block
        if not text.startswith(preface):
            raise MustBeMended(
                f"{self.file.path} changed while it was being read: its headers are not what they were.",
                "Wait until nothing writes to the file any more, then run the same command again.",
            )
        return text[len(preface) :]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Some records, their `rows` counted from 0, and how many lines and bytes they were made from."""

    frame: pl.DataFrame
    rows: pl.Series
    lines: int
    used: int
    damaged: dict[int, Damage]
    is_plain: bool = False
    longest: int | None = None


class _Sound(NamedTuple):
    """Records, the bytes of their longest cell, and how many CR belong to a line's end."""

    frame: pl.DataFrame
    longest: int
    returns: int


class _Parser:
    """Turns text into frames."""

    def __init__(self, layout: Layout, *, encoding: str, marks: bool) -> None:
        self._layout = layout
        self._encoding = LABELS.get(encoding, encoding)
        self._dialect = layout.dialect
        self._width = len(layout.names) + layout.unnamed
        fillers = [f"\x00{number}" for number in range(layout.unnamed)]
        self._fillers = fillers
        self._schema = dict.fromkeys([*layout.names, *fillers], pl.String())
        self._headers = list(without_marks(layout.names))
        self._shown = list(shown_headers(layout.names, marks=marks))
        self._own = [index for index, name in enumerate(layout.names) if name in self._headers]
        # Whoever asks for our own columns looks at the code himself.
        has_code = CODE_COLUMN in layout.names and not marks
        self._code_at = layout.names.index(CODE_COLUMN) if has_code else None
        self._still_damaged = pl.all_horizontal(
            pl.col(self._headers).is_null(), pl.col(CODE_COLUMN).str.starts_with("source.")
        )
        self._lengths = (
            pl.sum_horizontal(pl.all().sum()).alias("in cells"),
            pl.min_horizontal(pl.all().min()).alias("shortest"),
            pl.max_horizontal(pl.all().max()).alias("longest"),
        )

    def parse(self, text: bytes, *, final: bool) -> Iterator[_Piece]:
        """The whole records of `text`, at once where all of it is sound, else in small parts: most of them are."""
        piece = self._parse_sound(text, final=final)
        if piece is not None:
            yield piece
            return
        start = 0
        while start < len(text):
            part = text[start : start + _PART_BYTES]
            is_last = final and start + len(part) == len(text)
            piece = self._parse_sound(part, final=is_last) or self._parse_carefully(part, final=is_last)
            if not piece.used:
                piece = self._parse_carefully(text[start:], final=final)
            if not piece.used:
                return
            yield piece
            start += piece.used

    def _parse_sound(self, text: bytes, *, final: bool) -> _Piece | None:
        """The whole records of `text`, or None where there are none or one of them is damaged."""
        end = self._dialect.line_end
        # polars is lenient with a last line that does not end.
        whole = (text if text.endswith(end) else text + end) if final else text[: text.rfind(end) + 1]
        letters = Letters(whole)
        if letters.quotes % 2 and not final:
            # The last line's end stands in a cell.
            whole = text[: last_cut(text, self._dialect)]
            letters = Letters(whole)
        parsed = self._parse_fast(whole, letters) if whole else None
        if parsed is None:
            return None
        frame = parsed.frame
        rows = pl.int_range(frame.height, eager=True)
        line_ends = frame.height + parsed.returns
        is_plain = letters.are_plain(line_ends=line_ends, separator=self._dialect.separator)
        used = len(text) if final else len(whole)
        return _Piece(
            frame=frame,
            rows=rows,
            lines=frame.height,
            used=used,
            damaged={},
            is_plain=is_plain,
            longest=parsed.longest,
        )

    def _parse_fast(self, text: bytes, letters: Letters) -> _Sound | None:
        """The records of `text`; None where not surely every byte is accounted for.

        polars fills up short rows and says nothing, so the bytes are counted: those of the cells, the separators
        and line ends that so many rows must have, and the quotes taken off make up the whole text, or a row was
        short, blank, or understood in another way than `quoting` does.
        """
        dialect = self._dialect
        taken_off = letters.quotes_taken_off(
            separator=dialect.separator, line_end=dialect.line_end, has_cr=dialect.has_cr
        )
        if taken_off is None or self._is_odd(text):
            return None
        try:
            frame = pl.read_csv(
                text,
                has_header=False,
                infer_schema=False,
                schema=self._schema,
                separator=self._dialect.separator.decode(),
                eol_char=self._dialect.line_end.decode(),
            )
        except pl.exceptions.PolarsError:
            return None
        in_cells, shortest, longest = frame.select(pl.all().str.len_bytes()).select(*self._lengths).row(0)
        returns = returns_before_line_ends(text, self._dialect)
        if len(text) != in_cells + frame.height * self._width + taken_off + returns:
            return None
        if shortest == 0:
            frame = frame.with_columns(pl.when(pl.all() != "").then(pl.all()))
        if any(frame[name].null_count() != frame.height for name in self._fillers):
            return None
        if self._code_at is not None and frame.select(self._still_damaged).to_series().any():
            return None
        shown = frame if len(self._shown) == self._width else frame.select(self._shown)
        return _Sound(shown, longest or 0, returns)

    def _is_odd(self, text: bytes) -> bool:
        """Where polars takes bytes away without a trace: a mark at the beginning, blank lines of a single column."""
        end = self._dialect.line_end
        if self._width > 1 or text.startswith(_BOM):
            return text.startswith(_BOM)
        return text.startswith((end, b"\r\n")) or end + end in text or b"\n\r\n" in text

    def _parse_carefully(self, text: bytes, *, final: bool) -> _Piece:
        rows: list[int] = []
        records: list[list[str | None] | None] = []
        damaged: dict[int, Damage] = {}
        line = used = 0
        for found in self._settled_records(text, final=final):
            used = found.next
            if found.cells is None or found.cells:
                judged = self._judge(found, text)
                if isinstance(judged, Damage):
                    damaged[len(records)] = judged
                records.append(None if isinstance(judged, Damage) else judged)
                rows.append(line)
            line += 1
            if used >= _PART_BYTES:
                break
        return _Piece(
            frame=self._make_frame(records),
            rows=pl.Series(rows, dtype=pl.Int64),
            lines=line,
            used=used,
            damaged=damaged,
        )

    def _settled_records(self, text: bytes, *, final: bool) -> Iterator[Found]:
        """As `find_records`, but a record over several lines that does not fit may have a stray quote in its first."""
        for found in find_records(text, self._dialect, final=final):
            if found.cells and len(found.cells) != self._width:
                yield from self._reread(found, text) or (found,)
            else:
                yield found

    def _reread(self, found: Found, text: bytes) -> list[Found]:
        line_end = text.find(self._dialect.line_end, found.start, found.end)
        if line_end < 0:
            return []
        stop = max(found.next, found.end)
        lines = text[line_end + 1 : stop]
        later = [
            Found(record.start + line_end + 1, record.end + line_end + 1, record.next + line_end + 1, record.cells)
            for record in find_records(lines, self._dialect, final=True)
        ]
        fits = [record.cells is not None and len(record.cells) == self._width for record in later]
        # The last one may hold the quote that the stray one took for its end.
        if not any(fits) or not all(fits[:-1]):
            return []
        return [Found(found.start, line_end, line_end + 1, None), *later]

    def _judge(self, found: Found, text: bytes) -> list[str | None] | Damage:
        named = len(self._layout.names)
        raw = text[found.start : found.end]
        if found.cells is None:
            return _damage("source.bad-quote", raw, "a quote at the edge of a cell")
        if len(found.cells) < named:
            return _damage("source.too-few-cells", raw, _cells(named), _cells(len(found.cells)))
        if any(found.cells[named:]):
            return _damage("source.too-many-cells", raw, _cells(named), _cells(len(found.cells)))
        try:
            cells = [cell.decode() or None for cell in found.cells[:named]]
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            return _damage("source.bad-encoding", raw, f"{self._encoding} text", f"the byte {byte:#04x}")
        if self._code_at is None or any(cells[index] for index in self._own):
            return cells
        return still_damaged(cells[self._code_at], self._headers) or cells

    def _make_frame(self, records: list[list[str | None] | None]) -> pl.DataFrame:
        empty: list[str | None] = [None] * len(self._layout.names)
        columns = zip(*(record or empty for record in records), strict=True) if records else [()] * len(empty)
        series = [pl.Series(name, values, pl.String) for name, values in zip(self._layout.names, columns, strict=True)]
        return pl.DataFrame(series).select(self._shown)


def _whole_lines(rest: bytes, block: bytes, line_end: bytes) -> tuple[bytes, bytes]:
    """`rest` and `block` up to its last line's end, copied once, and what is behind that; all of it where none ends."""
    cut = block.rfind(line_end) + 1 or len(block)
    return b"".join((rest, memoryview(block)[:cut])), block[cut:]


def _damage(code: str, raw: bytes, expected: str, found: str = "") -> Damage:
    text = raw[: _RAW_CHARACTERS * 4].decode(errors="replace")[:_RAW_CHARACTERS]
    return Damage(code=code, raw=text, expected=expected, found=found)


def _cells(count: int) -> str:
    return f"{count} cell" if count == 1 else f"{count} cells"
