"""Whatever was written comes back cell for cell under the right number, in each dialect, encoding and format."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import xlsxwriter  # type: ignore[import-untyped] # no stubs exist
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.source_reading import in_windows_1258, read_all

from pango_load.plan import SourceOptions

WESTERN = "".join(bytes([number]).decode("cp1252", "ignore") for number in range(32, 256)) + "\n\t"
VIETNAMESE = 'aăâbcdđeêghiklmnoôơpqrstuưvxyAĂÂĐÊÔƠƯáàảãạấầẩẫậếềểễệốồổỗộớờởỡợứừửữựíìỉĩị 0123456789-,;\n"'
ALPHABETS = {
    "utf-8": st.characters(codec="utf-8"),
    "utf-8-sig": st.characters(codec="utf-8"),
    "utf-16": st.characters(codec="utf-8"),
    "utf-16-le": st.characters(codec="utf-8"),
    "utf-16-be": st.characters(codec="utf-8"),
    "cp1252": st.sampled_from(WESTERN),
    "cp1258": st.sampled_from(VIETNAMESE),
}


def tables(letters: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[str]]]:
    cell = st.text(letters, max_size=10)
    return st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(cell, min_size=width, max_size=width), max_size=6))


def headers(table: list[list[str]]) -> list[str]:
    return [f"h{number}" for number in range(len(table[0]) if table else 2)]


def encoded(text: str, encoding: str) -> bytes:
    return in_windows_1258(text) if encoding == "cp1258" else text.encode(encoding)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_table_comes_back_from_csv_in_every_dialect_and_encoding(data: st.DataObject) -> None:
    """Protects every cell, also where it holds separators, quotes, line ends and letters of any script."""
    encoding = data.draw(st.sampled_from(sorted(ALPHABETS)))
    table = data.draw(tables(ALPHABETS[encoding]))
    delimiter = data.draw(st.sampled_from([",", ";", "\t", "|"]))
    line_end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    is_packed = data.draw(st.booleans())
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(
        [headers(table), *table]
    )
    content = encoded(text.getvalue(), encoding)
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        path.write_bytes(gzip.compress(content, 1) if is_packed else content)
        read = read_all(path, options=SourceOptions(delimiter=delimiter, header_row=1, encoding=encoding))

    assert read.cells == [tuple(cell or None for cell in row) for row in table]
    assert read.rows == list(range(2, len(table) + 2))
    assert not read.damaged


PLAIN = st.text(st.sampled_from("aăbcđeơưáàảãạ 0123456789'.-_/@"), min_size=1, max_size=8)


@settings(deadline=None, max_examples=80)
@given(
    st.integers(2, 5).flatmap(
        lambda width: st.lists(st.lists(PLAIN, min_size=width, max_size=width), min_size=1, max_size=6)
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
)
def test_dialect_and_unicode_encoding_are_found_by_themselves(
    table: list[list[str]], delimiter: str, line_end: str, encoding: str
) -> None:
    """Protects whoever knows nothing of separators and encodings, which is almost everybody."""
    lines = [headers(table), *table]
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        path.write_bytes("".join(delimiter.join(line) + line_end for line in lines).encode(encoding))
        read = read_all(path)

    assert (list(read.headers), read.cells) == (headers(table), [tuple(row) for row in table])
    assert read.rows == list(range(2, len(table) + 2))


PRINTABLE = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029\ufffe\uffff"),
    max_size=10,
).map(str.strip)
VALUES = st.one_of(PRINTABLE, st.integers(-(10**14), 10**14), st.booleans())


def shown(value: str | int) -> str | None:
    return ("true" if value else "false") if isinstance(value, bool) else str(value) or None


@settings(deadline=None, max_examples=30)
@given(
    st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(VALUES, min_size=width, max_size=width), max_size=6)),
    st.booleans(),
    st.booleans(),
)
def test_any_table_comes_back_from_a_workbook(
    table: list[list[str | int]], constant_memory: bool, low_memory: bool
) -> None:
    """Protects text, whole numbers and yes or no in one column, in either reader; blank rows keep their numbers."""
    width = len(table[0]) if table else 2
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.xlsx")
        book = xlsxwriter.Workbook(path, {"constant_memory": constant_memory})
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [f"h{number}" for number in range(width)])
        for number, row in enumerate(table, 1):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(number, column, value)
                elif isinstance(value, bool):
                    sheet.write_boolean(number, column, value)
                else:
                    sheet.write_number(number, column, value)
        book.close()
        read = read_all(path, options=SourceOptions(low_memory=low_memory))

    filled = [(number, row) for number, row in enumerate(table, 2) if any(shown(value) for value in row)]
    assert read.cells == [tuple(shown(value) for value in row) for _, row in filled]
    assert read.rows == [number for number, _ in filled]


NUMBERS = st.one_of(
    st.integers(-(10**25), 10**25).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str).filter(lambda text: "E" not in text),
)
SCALARS = st.one_of(st.text(st.characters(codec="utf-8"), max_size=8).map(json.dumps), NUMBERS, st.just("true"))


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.tuples(SCALARS, st.lists(SCALARS, max_size=3), SCALARS, st.booleans()), min_size=1, max_size=6),
    st.booleans(),
)
@example(records=[('"[{"', [], '"x"', False)], is_array=False)
def test_any_record_comes_back_from_json(records: list[tuple[str, list[str], str, bool]], is_array: bool) -> None:
    """Protects the digits of numbers (19 of them, `1.10`), lists as lists, nested keys, and blank lines' numbers."""
    texts = [f'{{"a": {a}, "tags": [{", ".join(tags)}], "in": {{"b": {b}}}}}' for a, tags, b, _ in records]
    lines = [text + "\n" * (1 + blank) for text, (*_, blank) in zip(texts, records, strict=True)]
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.json")
        path.write_text(f"[{','.join(texts)}]" if is_array else "".join(lines), encoding="utf-8")
        read = read_all(path)

    def bare(text: str) -> str | None:
        return (json.loads(text) or None) if text.startswith('"') else text

    def item(text: str) -> str:
        return json.dumps(json.loads(text), ensure_ascii=False) if text.startswith('"') else text

    expected = [(bare(a), f"[{','.join(map(item, tags))}]", bare(b)) for a, tags, b, _ in records]
    assert (read.headers, read.cells) == (("a", "tags", "in.b"), expected)
    firsts = [1 + sum(line.count("\n") for line in lines[:number]) for number in range(len(lines))]
    assert read.rows == (list(range(1, len(records) + 1)) if is_array else firsts)
