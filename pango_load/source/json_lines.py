"""JSON records become chunks: nested keys as `a.b`, numbers with the digits that stand in the file."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING

import polars as pl

from pango_load.errors import UsageError
from pango_load.records import Chunk, Damage
from pango_load.source.formats import CODE_COLUMN, shown_headers, still_damaged, without_marks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from pango_load.source.fingerprint import Fingerprint
    from pango_load.source.formats import SourceFile
    from pango_load.source.text import TextFile

    Splitter = Callable[[Iterable[bytes]], Iterator[tuple[int, bytes]]]

SCANNED_RECORDS = 1000
"""Records whose keys become headers; a key that comes later is an unseen one."""

_WRAPPING = 4
"""Keys of an object that is a wrapping (data, page, total, next) and no record, at most."""

CHUNK_ROWS = 8192
_RAW_CHARACTERS = 4096
_CHUNK_BYTES = 8 << 20


class _Digits(str):
    """A number as it stands in the file."""

    __slots__ = ()


class JsonLinesReader:
    """Reads one file with a JSON object on each line; see `FileReader`.

    Args:
        file: what is known of it.
        text: where it is read from.
        extra: keys that become columns whether or not they are seen.
        split: how the text is cut into (number, record); at line ends, unless told otherwise.
        is_records: whatever stands in it is a record for certain; else a single object may be a wrapping of others.
        wanted: keys that a mapping names: an object that has one of them is a record.
        record_key: fields that identify a record of the type asked for: an object that has all of them is one.

    Raises:
        UsageError: none of the first records is a JSON object.
    """

    def __init__(
        self,
        file: SourceFile,
        text: TextFile,
        *,
        extra: Sequence[str] = (),
        split: Splitter | None = None,
        marks: bool = False,
        is_records: bool = False,
        wanted: Collection[str] = (),
        record_key: Collection[str] = (),
    ) -> None:
        self.file = file
        self._split = split or split_lines
        self.fingerprint: Fingerprint | None = None
        self.unseen_keys: frozenset[str] = frozenset()
        self._text = text
        self._marks = marks
        scanned, only = _scan_keys(file, self._split(text.open().blocks()))
        if only is not None and not is_records and len(scanned) <= _WRAPPING:
            # In the documents' spelling, as headers are matched: case, spaces, `_` and `-` say nothing.
            is_known = record_key and {_plain(name) for name in record_key} <= {_plain(name) for name in scanned}
            if not is_known and scanned.keys().isdisjoint(wanted):
                _refuse_wrapped(file, only)
        self.headers = shown_headers(list(scanned | dict.fromkeys(extra)), marks=marks)

    def with_headers(self, extra: Sequence[str]) -> JsonLinesReader:
        """A reader that gives `extra` as columns too."""
        return JsonLinesReader(
            self.file,
            self._text,
            extra=[*self.headers, *extra],
            split=self._split,
            marks=self._marks,
            is_records=True,
        )

    def read(self, *, first: int, file: int, expected: Fingerprint | None) -> Iterator[Chunk]:
        """Every record; blank lines are none, and keep their number."""
        stream = self._text.open(expected)
        unseen: set[str] = set()
        gathered = _Gathered(self.headers)
        for number, line in self._split(stream.blocks()):
            new = gathered.add(number, line)
            if new:
                unseen |= new
            if len(gathered.rows) == CHUNK_ROWS or gathered.size > _CHUNK_BYTES:
                yield gathered.chunk(first=first, file=file)
                first += len(gathered.rows)
                gathered = _Gathered(self.headers)
        self.fingerprint = stream.fingerprint
        self.unseen_keys = frozenset(without_marks(sorted(unseen)))
        if gathered.rows:
            yield gathered.chunk(first=first, file=file)


class _Gathered:
    """Records on their way into a chunk."""

    def __init__(self, headers: Sequence[str]) -> None:
        self.rows: list[int] = []
        self.size = 0
        self._headers = tuple(headers)
        self._known = frozenset(headers)
        self._records: list[dict[str, str | None]] = []
        self._lines: list[bytes] = []
        self._damaged: dict[int, Damage] = {}

    def add(self, number: int, line: bytes) -> set[str] | None:
        """Take one line in; gives the keys that are no headers, if there are any."""
        cells = read_record(line)
        if not isinstance(cells, Damage) and CODE_COLUMN in cells and not any(map(cells.get, self._headers)):
            cells = still_damaged(cells[CODE_COLUMN], self._headers) or cells
        if isinstance(cells, Damage):
            self._damaged[len(self.rows)] = cells
            cells = {}
        self._records.append(cells)
        self.rows.append(number)
        self._lines.append(line)
        self.size += len(line)
        return None if cells.keys() <= self._known else cells.keys() - self._known

    def chunk(self, *, first: int, file: int) -> Chunk:
        """What was gathered."""
        if all(tuple(record) == self._headers for record in self._records):
            # Most files repeat the same keys in the same order.
            cells: Iterable[Iterable[str | None]] = zip(*(record.values() for record in self._records), strict=True)
        else:
            cells = ([record.get(name) for record in self._records] for name in self._headers)
        columns = [pl.Series(name, values, pl.String) for name, values in zip(self._headers, cells, strict=True)]
        return Chunk(
            frame=pl.DataFrame(columns) if columns else pl.DataFrame(height=len(self.rows)),
            first=first,
            rows=pl.Series(self.rows, dtype=pl.Int64),
            file=file,
            damaged=self._damaged,
            lines=pl.Series([line.decode(errors="replace") for line in self._lines], dtype=pl.String),
        )


class _KeyTwiceError(ValueError):
    """A key stands twice in one object, and only one value could be kept."""


def _make_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) != len(pairs):
        keys = [key for key, _ in pairs]
        raise _KeyTwiceError(next(key for key in keys if keys.count(key) > 1))
    return record


_DECODER = json.JSONDecoder(
    object_pairs_hook=_make_object, parse_int=_Digits, parse_float=_Digits, parse_constant=_Digits
)


def read_record(line: bytes) -> dict[str, str | None] | Damage:
    """The cells of one JSON object: nested keys as `a.b`, a list as its JSON text, null as None."""
    try:
        record: object = _DECODER.decode(line.decode())
    except UnicodeDecodeError as error:
        return _damage("source.bad-encoding", line, "UTF-8 text", f"the byte {line[error.start]:#04x}")
    except json.JSONDecodeError as error:
        return _damage("source.bad-json", line, "a JSON object", f": {error.msg} at character {error.colno}")
    except _KeyTwiceError as error:
        return _damage("source.bad-json", line, "a JSON object", f': "{error}" stands in it twice')
    except RecursionError:
        return _damage("source.bad-json", line, "a JSON object", ": it has too many levels")
    return _make_cells(record, line)


def _make_cells(record: object, line: bytes) -> dict[str, str | None] | Damage:
    if not isinstance(record, dict):
        return _damage("source.bad-json", line, "a JSON object", _kind(record))
    cells: dict[str, str | None] = {}
    twice = _flatten("", record, cells)
    if twice:
        return _damage("source.bad-json", line, "a JSON object", f': "{twice}" stands in it in two ways')
    is_broken = b"\\u" in line and not all(map(_is_unicode, [*cells, *cells.values()]))
    return (
        _damage("source.bad-json", line, "a JSON object", ": it holds half of a surrogate pair") if is_broken else cells
    )


def _is_unicode(text: str | None) -> bool:
    return text is None or not any("\ud800" <= character <= "\udfff" for character in text)


def _flatten(prefix: str, record: dict[str, object], cells: dict[str, str | None]) -> str | None:
    """Put the values of `record` into `cells`; gives a name that was there already, if there is one."""
    twice: str | None = None
    for key, value in record.items():
        name = prefix + key
        if name in cells:
            twice = name
        if isinstance(value, str):
            cells[name] = value or None
        elif value is None:
            cells[name] = None
        elif isinstance(value, bool):
            cells[name] = "true" if value else "false"
        elif isinstance(value, dict) and value:
            twice = _flatten(name + ".", value, cells) or twice
        else:
            cells[name] = json_text(value) if value != {} else None
    return twice


def json_text(value: object) -> str:
    """`value` as JSON, numbers as they stood in the file."""
    match value:
        case _Digits():
            return str(value)
        case list():
            return "[" + ",".join(json_text(item) for item in value) + "]"
        case dict():
            pairs = (f"{json_text(key)}:{json_text(item)}" for key, item in value.items())
            return "{" + ",".join(pairs) + "}"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _scan_keys(file: SourceFile, lines: Iterable[tuple[int, bytes]]) -> tuple[dict[str, None], bytes | None]:
    """The keys of the first records, and the text of one that is alone."""
    keys: dict[str, None] = {}
    objects = 0
    line = b""
    count = 0
    for count, (_, line) in enumerate(islice(lines, SCANNED_RECORDS), 1):  # noqa: B007 - both are looked at behind the loop
        cells = read_record(line)
        if not isinstance(cells, Damage):
            keys |= dict.fromkeys(cells)
            objects += 1
    if not objects:
        raise UsageError(
            f"{file.path} holds no JSON object in its first {SCANNED_RECORDS:,} records.",
            "Write one object on each line (`jq -c .` does), or export the table as CSV.",
        )
    return keys, line if count == 1 else None


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


def _refuse_wrapped(file: SourceFile, line: bytes) -> None:
    """Turn down a whole answer of an interface, whose rows are a list inside one object."""
    lists = list(_lists_of_objects("", _DECODER.decode(line.decode())))
    if len(lists) == 1:
        raise UsageError(
            f'{file.path} holds one object, and its rows stand in the list "{lists[0]}".',
            f"Take the list out first: jq -c '.{lists[0]}[]' {file.path} > rows.jsonl; "
            "or, if the object is one record, give the file a name that ends in .jsonl.",
        )


def _lists_of_objects(prefix: str, value: object) -> Iterator[str]:
    """The names, as `_flatten` makes them, of lists in which objects stand and nothing else."""
    if isinstance(value, dict):
        for key, inner in value.items():
            name = f"{prefix}{key}"
            if isinstance(inner, list) and inner and all(isinstance(item, dict) for item in inner):
                yield name
            yield from _lists_of_objects(f"{name}.", inner)


def split_lines(blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(Number from 1, text without its end) of every line that is not blank; JSON texts hold no raw line ends."""
    for number, line in enumerate(_lines(blocks), 1):
        if line and not line.isspace():
            yield number, line


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r")
    if rest:
        yield rest.removesuffix(b"\r")


def _damage(code: str, line: bytes, expected: str, found: str) -> Damage:
    text = line[: _RAW_CHARACTERS * 4].decode(errors="replace")[:_RAW_CHARACTERS]
    return Damage(code=code, raw=text, expected=expected, found=found)


def _kind(value: object) -> str:
    return {list: ": it is a list", type(None): ": it is null"}.get(type(value), ": it is a single value")
