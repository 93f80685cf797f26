"""JSON records arrive with their keys, digits and lines as they stand in the file."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.source_reading import read_all

from pango_load.errors import UsageError
from pango_load.plan import SourceOptions
from pango_load.source.files import open_source


def write(folder: Path, content: bytes, name: str = "a.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_values_become_the_text_that_stands_in_the_file(tmp_path: Path) -> None:
    """Protects 19-digit ids, prices and leading zeros from being numbers for a moment."""
    line = b'{"id":1234567890123456789,"price":1.10,"big":1E400,"zero":"007","yes":true,"no":null,"empty":""}\n'
    read = read_all(write(tmp_path, line))

    assert read.headers == ("id", "price", "big", "zero", "yes", "no", "empty")
    assert read.cells == [("1234567890123456789", "1.10", "1E400", "007", "true", None, None)]


def test_nested_keys_are_joined_and_lists_stay_json(tmp_path: Path) -> None:
    """Protects addresses and lists of nick names."""
    line = '{"address":{"city":"Huế","geo":{"lat":16.40}},"tags":["a",1.10,{"b":null}],"none":[]}\n'.encode()
    read = read_all(write(tmp_path, line))

    assert read.headers == ("address.city", "address.geo.lat", "tags", "none")
    assert read.cells == [("Huế", "16.40", '["a",1.10,{"b":null}]', "[]")]


def test_rows_are_lines_and_the_lines_travel_along(tmp_path: Path) -> None:
    """Protects the reject file, which gives back the record as it stood."""
    source = open_source([write(tmp_path, b'\xef\xbb\xbf{"a":1}\r\n\n{"a": 2}\n')], SourceOptions())
    (chunk,) = source.read_chunks()

    assert chunk.rows.to_list() == [1, 3]
    assert chunk.lines is not None
    assert chunk.lines.to_list() == ['{"a":1}', '{"a": 2}']


BROKEN = {
    "no JSON": (b"nope", "source.bad-json"),
    "cut short": (b'{"a":1', "source.bad-json"),
    "a list": (b"[1]", "source.bad-json"),
    "a number": (b"12", "source.bad-json"),
    "null": (b"null", "source.bad-json"),
    "two records": (b'{"a":1}{"a":2}', "source.bad-json"),
    "one key in two ways": (b'{"a":{"b":1},"a.b":2}', "source.bad-json"),
    "half a surrogate pair": (rb'{"a":"\ud800"}', "source.bad-json"),
    "a key twice": (b'{"a":"x","b":{"c":1,"c":2}}', "source.bad-json"),
    "too deep": (b'{"a":' * 100_000, "source.bad-json"),
    "no text": (b'{"a":"\xff"}', "source.bad-encoding"),
}


@pytest.mark.parametrize(("line", "code"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_line_is_a_damaged_record_and_its_neighbours_load(line: bytes, code: str, tmp_path: Path) -> None:
    """Protects the rest of a file with one broken line."""
    sound = b'{"a":"x"}\n' * 10
    read = read_all(write(tmp_path, sound + line + b"\n" + sound))

    assert read.codes == {11: code}
    assert len(read.cells) == 21
    assert read.damaged[10].raw == line.decode(errors="replace")[:4096]


def test_a_key_that_comes_late_is_noticed_and_can_be_read(tmp_path: Path) -> None:
    """Protects a field that only the newest records have."""
    path = write(tmp_path, b'{"a":1}\n' * 1000 + b'{"a":1,"late":"x"}\n')
    source = open_source([path], SourceOptions())
    list(source.read_chunks())
    wider = source.with_headers(sorted(source.unseen_keys))

    assert source.headers == ("a",)
    assert source.unseen_keys == {"late"}
    assert wider.headers == ("a", "late")
    assert [row for chunk in wider.read_chunks() for row in chunk.frame.rows()][-1] == ("1", "x")
    assert wider.unseen_keys == frozenset()


def test_a_file_without_any_record_is_told_at_once(tmp_path: Path) -> None:
    """Protects whoever names a log file by mistake."""
    with pytest.raises(UsageError, match="no JSON object"):
        open_source([write(tmp_path, b"hello\nworld\n")], SourceOptions())


WRAPPED = {
    "rows in a list": (b'{"page":1,"data":[{"id":1},{"id":2}]}', "data"),
    "rows deeper down": (b'{"ok":true,"result":{"rows":[{"id":"1"}]}}', "result.rows"),
    "text beside that looks like a list": (b'{"note":"[{","data":[{"id":1}],"next":[]}', "data"),
}


@pytest.mark.parametrize(("content", "name"), WRAPPED.values(), ids=WRAPPED.keys())
def test_an_answer_of_an_interface_is_no_record_but_the_way_to_its_rows_is_told(
    content: bytes, name: str, tmp_path: Path
) -> None:
    """Protects whoever saved what an API said: one record with everything in it would be sent, or nothing."""
    for wanted in ((), ("id",)):
        with pytest.raises(UsageError, match=f'its rows stand in the list "{name}"') as stopped:
            read_all(write(tmp_path, content, "a.json"), wanted=wanted)
        assert f"jq -c '.{name}[]'" in stopped.value.advice
        assert "ends in .jsonl" in stopped.value.advice


ORDER = b'{"orderId":"A1","items":[{"sku":1},{"sku":2}]}'
SINGLE = {
    "text that begins like a list": ("a.json", b'{"a":"[{","b":1}', ()),
    "a list of numbers and objects": ("a.json", b'{"a":"x","b":[{"c":1},2]}', ()),
    "a list without anything in it": ("a.json", b'{"a":"x","b":[]}', ()),
    "two lists of objects": ("a.json", b'{"a":[{"c":1}],"b":[{"c":1}]}', ()),
    "a file of lines": ("a.jsonl", ORDER, ()),
    "a file of lines, by its other name": ("a.NDJSON", ORDER, ()),
    "a packed file of lines": ("a.jsonl.gz", gzip.compress(ORDER), ()),
    "a key of the mapping": ("a.json", ORDER, ("orderId",)),
    "the only item of an array": ("a.json", b"[" + ORDER + b"]", ()),
}


@pytest.mark.parametrize(("name", "content", "wanted"), SINGLE.values(), ids=SINGLE.keys())
def test_a_single_record_is_read_whatever_it_holds(
    name: str, content: bytes, wanted: tuple[str, ...], tmp_path: Path
) -> None:
    """Protects the one order of a quiet day, whose items are a list of objects too."""
    path = write(tmp_path, content, name)

    assert len(read_all(path, wanted=wanted).cells) == 1
    assert open_source([path], SourceOptions(), wanted=wanted).with_headers(["more"]).headers[-1] == "more"


@pytest.mark.parametrize("content", [ORDER, b'{"Order-ID":"A1","items":[{"sku":1}]}'], ids=["as it is", "otherwise"])
def test_an_object_with_the_key_of_its_type_is_a_record(content: bytes, tmp_path: Path) -> None:
    """Protects the one order of a quiet day, where no mapping names its keys."""
    path = write(tmp_path, content, "a.json")
    with pytest.raises(UsageError, match="its rows stand in the list"):
        read_all(path, options=SourceOptions(record_key=("orderId", "line")))
    assert len(read_all(path, options=SourceOptions(record_key=("orderId",))).cells) == 1


PRETTY = b'{\r\n  "orderId": "A1",\n  "note": "a\\nb",\n  "items": [\n    {"sku": 1}\n  ]\n}\n'


def test_an_object_on_several_lines_is_one_record_on_one_line(tmp_path: Path) -> None:
    """Protects what `jq .` and most interfaces write: no line of it is a record by itself."""
    path = write(tmp_path, PRETTY, "a.json")
    source = open_source([path], SourceOptions(record_key=("orderId",)))
    (chunk,) = source.read_chunks()
    assert chunk.frame.rows() == [("A1", "a\nb", '[{"sku":1}]')]
    assert chunk.rows.to_list() == [1]
    assert chunk.lines is not None
    assert json.loads(chunk.lines[0]) == json.loads(PRETTY)
    assert "\n" not in chunk.lines[0]


def test_an_answer_of_an_interface_is_told_also_where_it_stands_on_several_lines(tmp_path: Path) -> None:
    """Protects whoever saved it with its line breaks: the way to its rows is the same."""
    path = write(tmp_path, b'{\n "page": 1,\n "data": [\n {"id": 1}]\n}', "a.json")
    with pytest.raises(UsageError, match='its rows stand in the list "data"'):
        read_all(path)


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson"])
def test_in_a_file_of_lines_each_line_is_a_record_by_itself(name: str, tmp_path: Path) -> None:
    """Protects the counts: a broken first line must not swallow those below it."""
    read = read_all(write(tmp_path, PRETTY, name))
    assert (len(read.cells), len(read.damaged)) == (7, 6)


def test_a_single_record_in_an_archive_is_read_where_its_name_there_says_lines(tmp_path: Path) -> None:
    """Protects the one order of a quiet day that comes as an attachment."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("orders.jsonl", ORDER)

    assert len(read_all(tmp_path / "a.zip").cells) == 1


def test_a_single_object_with_a_broken_line_beside_it_is_a_record(tmp_path: Path) -> None:
    """Protects the sound record of two: an answer of an interface is all that its file holds."""
    assert read_all(write(tmp_path, b"nope\n" + ORDER, "a.json")).codes == {1: "source.bad-json"}


@pytest.mark.parametrize("indent", [None, 2], ids=["on one line", "pretty"])
def test_the_items_of_an_array_are_records(indent: int | None, tmp_path: Path) -> None:
    """Protects exports of programs that know no JSONL; the item goes back into a row file as one line."""
    records = [{"a": "x, y]", "b": {"c": [1, 2]}}, {"a": 'a "quote" \\', "b": {"c": []}}]
    path = write(tmp_path, json.dumps(records, indent=indent).encode(), "a.json")
    source = open_source([path], SourceOptions())
    (chunk,) = source.read_chunks()

    assert source.headers == ("a", "b.c")
    assert chunk.frame.rows() == [("x, y]", "[1,2]"), ('a "quote" \\', "[]")]
    assert chunk.rows.to_list() == [1, 2]
    assert chunk.lines is not None
    assert [json.loads(line) for line in chunk.lines] == records
    assert not any("\n" in line for line in chunk.lines)


BROKEN_ARRAYS = {
    "cut in a record": (b'[{"a":1},{"a":2},{"a"', {3: "source.bad-json"}, 3),
    "cut between records": (b'[{"a":1},{"a":2}', {3: "source.bad-json"}, 3),
    "cut behind a comma": (b'[{"a":1},', {2: "source.bad-json"}, 2),
    "an item that is no object": (b'[{"a":1},7,{"a":2}]', {2: "source.bad-json"}, 3),
    "two commas": (b'[{"a":1},,{"a":2}]', {2: "source.bad-json"}, 3),
    "text behind the end": (b'[{"a":1}] x', {2: "source.bad-json"}, 2),
}


@pytest.mark.parametrize(("content", "codes", "count"), BROKEN_ARRAYS.values(), ids=BROKEN_ARRAYS.keys())
def test_what_is_broken_in_an_array_is_damage(
    content: bytes, codes: dict[int, str], count: int, tmp_path: Path
) -> None:
    """Protects against an array that was cut short without anybody noticing."""
    read = read_all(write(tmp_path, content, "a.json"))

    assert read.codes == codes
    assert len(read.cells) == count


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
RECORDS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "č"]), TEXTS, min_size=1), min_size=1, max_size=8)


@settings(deadline=None, max_examples=100)
@given(RECORDS, st.booleans(), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_any_record_written_as_json_reads_back_cell_for_cell(
    records: list[dict[str, str]], ascii_only: bool, line_end: str
) -> None:
    """Protects every cell, whatever text it holds."""
    with TemporaryDirectory() as folder:
        content = "".join(json.dumps(record, ensure_ascii=ascii_only) + line_end for record in records)
        read = read_all(write(Path(folder), content.encode()))

        assert read.cells == [tuple(record.get(name) or None for name in read.headers) for record in records]
        assert read.rows == [1 + number * line_end.count("\n") for number in range(len(records))]
