"""What a person mends and loads again is what the source held, cell for cell."""

from __future__ import annotations

import csv
import io
import json
import stat
from typing import TYPE_CHECKING

import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot
from support.report_rows import a_chunk, a_problem

from pango_load.plan import SourceOptions
from pango_load.records import MARK_COLUMNS, Damage
from pango_load.report.edited_files import WRITTEN_FILE
from pango_load.report.row_csv import csv_lines
from pango_load.report.row_files import MarkedRow, RowFile, RowFormat, open_row_file
from pango_load.report.row_jsonl import join_objects, without_marks
from pango_load.report.run_folder import is_own_file
from pango_load.source.files import open_source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FORMATS: list[RowFormat] = ["csv", "xlsx", "jsonl"]
HEADERS = ("Customer Code", "Mobile", "Birthday")
ROWS = [("000123", "+84905000111", "31/02/1990"), ("9007199254740993", None, "01/01/1990")]

cells = st.none() | st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


class FailingRowFile(RowFile):
    """A row file on a disk that becomes full in the middle of a row."""

    suffix = ".csv"

    def append(self, rows: Sequence[MarkedRow], cells: pl.DataFrame) -> None:
        """Write half a row."""
        self.new_part("rejected.csv").write_text(cells.write_csv()[:5], encoding="utf-8")
        raise OSError(28, "No space left on device")

    def finish(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("format_", FORMATS)
def test_no_row_leaves_no_file(tmp_path: Path, format_: RowFormat) -> None:
    """A folder without `rejected.*` says at a glance that nothing was rejected."""
    row_file = open_row_file(tmp_path, "rejected", format=format_, headers=HEADERS)
    assert row_file.close() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format_", FORMATS)
def test_a_row_file_is_for_its_owner_only(tmp_path: Path, format_: RowFormat) -> None:
    """Other users of the machine must not read customers."""
    row_file = open_row_file(tmp_path, "rejected", format=format_, headers=HEADERS)
    row_file.write(a_chunk(HEADERS, ROWS, lines=["{}", "{}"]), 0, [a_problem()])
    path = row_file.close()
    assert path == tmp_path / f"rejected.{format_}"
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("format_", FORMATS)
def test_rows_of_an_earlier_run_do_not_stay(tmp_path: Path, format_: RowFormat) -> None:
    """A resumed load that ended well must not show the rows that were unsent before."""
    for stale in ("unsent.csv", "unsent.xlsx", "unsent-2.xlsx", "unsent.jsonl"):
        (tmp_path / stale).write_text("old", encoding="utf-8")
    (tmp_path / "unsent notes.csv").write_text("mine", encoding="utf-8")
    open_row_file(tmp_path, "unsent", format=format_, headers=HEADERS).close()
    assert [path.name for path in tmp_path.iterdir()] == ["unsent notes.csv"]


@pytest.mark.parametrize("format_", FORMATS)
def test_a_pass_that_is_given_up_leaves_the_rows_of_before(tmp_path: Path, format_: RowFormat) -> None:
    """A source that goes away while its rows are copied must not take the rows with it that a person was to mend."""
    older = ["damaged.txt", "rejected.csv", "rejected.xlsx", "rejected-2.xlsx", "rejected.jsonl"]
    for name in older:
        (tmp_path / name).write_text("older", encoding="utf-8")
    row_file = open_row_file(tmp_path, "rejected", format=format_, headers=HEADERS)
    torn = Damage(code="source.bad-quote", raw='1,"x')
    chunk = a_chunk(HEADERS, ROWS, lines=["{}", "{}"], damaged={1: torn})
    row_file.write(chunk, 0, [a_problem()])
    row_file.write(chunk, 1, [])
    row_file.flush()
    halves = [path for path in tmp_path.iterdir() if path.name not in older]
    assert halves
    assert all(is_own_file(path.name) and stat.S_IMODE(path.stat().st_mode) == 0o600 for path in halves)
    row_file.discard()
    assert row_file.close() is None
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == dict.fromkeys(older, "older")


@pytest.mark.parametrize("format_", FORMATS)
def test_a_completed_file_takes_its_place_when_it_is_closed(tmp_path: Path, format_: RowFormat) -> None:
    """Several row files are put in place only when each of them could be written."""
    older = tmp_path / "rejected-2.xlsx"
    for path in (older, tmp_path / ".rejected.csv.99.part", tmp_path / ".damaged.txt.99.part"):
        path.write_text("older", encoding="utf-8")
    row_file = open_row_file(tmp_path, "rejected", format=format_, headers=HEADERS)
    row_file.write(a_chunk(HEADERS, ROWS, lines=["{}", "{}"]), 0, [a_problem()])
    row_file.complete()
    assert older.exists()
    assert not (tmp_path / f"rejected.{format_}").exists()
    assert row_file.close() == row_file.close() == tmp_path / f"rejected.{format_}"
    assert {path.name for path in tmp_path.iterdir()} == {WRITTEN_FILE, f"rejected.{format_}"}


@pytest.mark.parametrize("format_", FORMATS)
def test_a_row_of_several_files_says_which_it_comes_from(tmp_path: Path, format_: RowFormat) -> None:
    """Row 3 of which month's export? A person would mend the wrong one; read again, the words are no column."""
    files = ["may.csv", "=ju\udcffne.csv", "stores.xlsx", "stores.xlsx"]
    row_file = open_row_file(tmp_path, "rejected", format=format_, headers=HEADERS, files=files)
    for place in range(len(files)):
        chunk = a_chunk(HEADERS, ROWS, lines=["{}", "{}"], first=place * 2, file=place)
        row_file.write(chunk, 0, [a_problem()])
    path = row_file.close()
    assert path is not None
    source = open_source([path], SourceOptions())
    assert set(source.headers) <= set(HEADERS)
    june = "'=ju?ne.csv" if format_ == "csv" else "=ju?ne.csv"
    assert _column(path, "_pango_file") == ["may.csv", june, "3", "4"]


def _column(path: Path, name: str) -> list[str]:
    """What a row file holds under one of its headers, whatever its format."""
    match path.suffix:
        case ".jsonl":
            return [json.loads(line)[name] for line in path.read_text(encoding="utf-8").splitlines()]
        case ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                return [row[name] for row in csv.DictReader(file)]
        case _:
            head, *rows = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
            return [str(row[head.index(name)]) for row in rows]


def test_a_file_that_cannot_be_written_whole_is_not_put_in_place(tmp_path: Path) -> None:
    """Half a row, on a disk that became full, would be loaded as a row."""
    (tmp_path / "rejected.csv").write_text("older", encoding="utf-8")
    row_file = FailingRowFile(tmp_path, "rejected", HEADERS)
    row_file.write(a_chunk(HEADERS, ROWS), 0, [a_problem()])
    with pytest.raises(OSError, match="No space"):
        row_file.complete()
    assert row_file.close() is None
    assert [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()] == ["older"]


def test_a_rejected_csv_row_says_what_is_wrong(tmp_path: Path) -> None:
    """The source's columns stand first and untouched, ours behind them."""
    row_file = open_row_file(tmp_path, "rejected", format="csv", headers=HEADERS)
    chunk = a_chunk(HEADERS, ROWS)
    phone = a_problem("phone.shape", field="phone", column="Mobile", message="Row 2 too.")
    row_file.write(chunk, 0, [a_problem(), phone])
    row_file.write(chunk, 1, [a_problem("row.duplicate", field="", column="", message="Row 3: twice.", hint="")])
    row_file.close()
    assert (tmp_path / "rejected.csv").read_text(encoding="utf-8") == snapshot("""\
Customer Code,Mobile,Birthday,_pango_row,_pango_code,_pango_field,_pango_message,_pango_hint
000123,+84905000111,31/02/1990,2,date.format; phone.shape,dob; phone,\
"dob: ""31/02/1990"" is not a date. Row 2 too.",Write 28/02/1990.
9007199254740993,,01/01/1990,3,row.duplicate,,Row 3: twice.,
""")


def test_a_row_without_problems_has_only_its_number(tmp_path: Path) -> None:
    """An unsent row is not at fault."""
    row_file = open_row_file(tmp_path, "unsent", format="csv", headers=HEADERS)
    row_file.write(a_chunk(HEADERS, ROWS), 1, [])
    row_file.close()
    assert (tmp_path / "unsent.csv").read_text(encoding="utf-8").splitlines()[1] == "9007199254740993,,01/01/1990,3,,,,"


def test_rows_written_before_keep_one_set_of_marks(tmp_path: Path) -> None:
    """A file that is rejected twice does not grow a second set of our columns."""
    headers = ("Customer Code", *MARK_COLUMNS)
    row_file = open_row_file(tmp_path, "rejected", format="csv", headers=headers)
    row_file.write(a_chunk(("Customer Code",), [("000123",)]), 0, [a_problem()])
    row_file.close()
    assert (tmp_path / "rejected.csv").read_text(encoding="utf-8").splitlines() == [
        "Customer Code,_pango_row,_pango_code,_pango_field,_pango_message,_pango_hint",
        '000123,2,date.format,dob,"dob: ""31/02/1990"" is not a date.",Write 28/02/1990.',
    ]


def test_a_column_that_one_file_lacks_stays_empty(tmp_path: Path) -> None:
    """Files of one run need not have the same columns."""
    row_file = open_row_file(tmp_path, "unknown", format="csv", headers=("A", "B"))
    row_file.write(a_chunk(("B",), [("b",)]), 0, [])
    row_file.close()
    assert (tmp_path / "unknown.csv").read_text(encoding="utf-8").splitlines()[1] == ",b,2,,,,"


@same_folder
@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=5), delimiter=st.sampled_from(",;\t|"))
def test_any_cell_comes_back_from_csv(
    tmp_path: Path, rows: list[tuple[str | None, str | None]], delimiter: str
) -> None:
    """Mending one cell must not change another."""
    chunk = a_chunk(("a", "b"), rows)
    row_file = open_row_file(tmp_path, "rejected", format="csv", headers=("a", "b"), delimiter=delimiter)
    for index in range(len(rows)):
        row_file.write(chunk, index, [a_problem(message="x\x1b[31m\n\x00")])
    row_file.close()
    with (tmp_path / "rejected.csv").open(encoding="utf-8", newline="") as file:
        _, *read = csv.reader(file, delimiter=delimiter, strict=True)
    assert [tuple(row[:2]) for row in read] == [(a or "", b or "") for a, b in rows]
    assert {len(row) for row in read} == {7}


@pytest.mark.parametrize(
    ("encoding", "begins"),
    [
        pytest.param("utf-8", b"T\xc3\xaan", id="utf-8"),
        pytest.param("utf-8-sig", b"\xef\xbb\xbfT\xc3\xaan", id="utf-8 with mark"),
        pytest.param("utf-16", "\ufeffT".encode("utf-16-le"), id="utf-16"),
        pytest.param("utf-16-be", "\ufeffT".encode("utf-16-be"), id="utf-16 big end first"),
        pytest.param("cp1258", b"T\xean", id="Vietnamese Windows"),
        pytest.param("vni-of-no-python", b"\xef\xbb\xbfT\xc3\xaan", id="unknown encoding"),
    ],
)
def test_csv_keeps_the_encoding_of_the_source(tmp_path: Path, encoding: str, begins: bytes) -> None:
    """The program that made the source must be able to read the rejects."""
    row_file = open_row_file(tmp_path, "rejected", format="csv", headers=("Tên",), encoding=encoding)
    for first in (0, 5):
        row_file.write(a_chunk(("Tên",), [("Hân",)], first=first), 0, [a_problem(message="Đổi → 28/02")])
    path = row_file.close()
    assert path is not None
    assert path.read_bytes().startswith(begins)
    python = "utf-8-sig" if encoding == "vni-of-no-python" else encoding
    assert [row.split(",")[0].lstrip("\ufeff") for row in path.read_text(encoding=python).splitlines()] == [
        "Tên",
        "Hân",
        "Hân",
    ]


def test_a_cell_outside_the_encoding_turns_the_whole_file_to_utf8(tmp_path: Path) -> None:
    """A cell that cannot be spelled is worse than another encoding."""
    row_file = open_row_file(tmp_path, "rejected", format="csv", headers=("Name",), encoding="cp1252")
    row_file.write(a_chunk(("Name",), [("José",)]), 0, [])
    row_file.flush()
    row_file.write(a_chunk(("Name",), [("Nguyễn",)], first=1), 0, [])
    path = row_file.close()
    assert path is not None
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines] == ["Name", "José", "Nguyễn"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_our_columns_are_never_a_formula_and_the_sources_cells_never_change(tmp_path: Path, start: str) -> None:
    """Who opens the file in a spreadsheet must not run what somebody typed into a form."""
    evil = f"{start}cmd|' /C calc'!A0"
    row_file = open_row_file(tmp_path, "rejected", format="csv", headers=("Note",))
    row_file.write(a_chunk(("Note",), [(evil,)]), 0, [a_problem(evil, field=evil, message=evil, hint=evil)])
    row_file.close()
    with (tmp_path / "rejected.csv").open(encoding="utf-8", newline="") as file:
        _, row = csv.reader(file)
    assert row == [evil, "2", *[f"'{evil}"] * 4]


@given(row=st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"])), min_size=2, max_size=6))
def test_csv_quotes_no_more_than_it_must(row: list[str]) -> None:
    """A file that is compared with its source shows only what differs."""
    cells = [cell or None for cell in row]
    line = csv_lines(pl.DataFrame([cells], dict.fromkeys(map(str, range(len(row))), pl.String), orient="row"), ",")
    assert next(csv.reader(io.StringIO(line, newline=""), strict=True)) == row
    special = sum(any(sign in cell for sign in ',"\r\n') for cell in row)
    assert line.count('"') == special * 2 + 2 * sum(cell.count('"') for cell in row)


def test_a_damaged_record_is_counted_and_its_text_kept_aside(tmp_path: Path) -> None:
    """Text in the wrong cells could be sent by mistake; lost text could never be mended."""
    damage = Damage(code="source.cells", raw='7,"broken\n8,next', expected="3 cells", found="2 cells")
    chunk = a_chunk(HEADERS, [ROWS[0], (None, None, None)], damaged={1: damage})
    row_file = open_row_file(tmp_path, "rejected", format="csv", headers=HEADERS)
    row_file.write(chunk, 0, [a_problem()])
    row_file.write(chunk, 1, [a_problem("source.cells", field="", message="Row 3: 2 cells, not 3.", hint="")])
    row_file.close()
    assert (tmp_path / "rejected.csv").read_text(encoding="utf-8").splitlines()[2] == snapshot(
        ',,,3,source.cells,,"Row 3: 2 cells, not 3.",The record as it stands in the source is in damaged.txt.'
    )
    assert (tmp_path / "damaged.txt").read_text(encoding="utf-8") == snapshot("""\
--- row 3 of file 1: source.cells: expected 3 cells, found 2 cells
7,"broken
8,next

""")
    assert stat.S_IMODE((tmp_path / "damaged.txt").stat().st_mode) == 0o600


def test_a_jsonl_row_is_the_sources_own_line_with_our_keys_behind(tmp_path: Path) -> None:
    """A number of 30 digits keeps them all."""
    line = '{"id": 123456789012345678901234567890, "x": 1.10,"a":{"b":[1,{"c":"}"}]}} '
    row_file = open_row_file(tmp_path, "rejected", format="jsonl", headers=("id", "x"))
    chunk = a_chunk(("id", "x"), [("1", "2"), ("1", "2")], lines=[line, "{}"])
    row_file.write(chunk, 0, [a_problem()])
    row_file.write(chunk, 1, [])
    row_file.close()
    assert (tmp_path / "rejected.jsonl").read_text(encoding="utf-8") == snapshot("""\
{"id": 123456789012345678901234567890, "x": 1.10,"a":{"b":[1,{"c":"}"}]}, "_pango_row": 2, \
"_pango_code": "date.format", "_pango_field": "dob", \
"_pango_message": "dob: \\"31/02/1990\\" is not a date.", "_pango_hint": "Write 28/02/1990."}
{"_pango_row": 3, "_pango_code": "", "_pango_field": "", "_pango_message": "", "_pango_hint": ""}
""")


def test_a_damaged_json_line_stands_aside_too(tmp_path: Path) -> None:
    """Every line of the reject file must be JSON."""
    chunk = a_chunk(("id",), [(None,)], lines=["{broken"], damaged={0: Damage(code="source.json", raw="{broken")})
    row_file = open_row_file(tmp_path, "rejected", format="jsonl", headers=("id",))
    row_file.write(chunk, 0, [])
    row_file.close()
    assert json.loads((tmp_path / "rejected.jsonl").read_text(encoding="utf-8")) == snapshot(
        {
            "_pango_row": 2,
            "_pango_code": "source.json",
            "_pango_field": "",
            "_pango_message": "",
            "_pango_hint": "The record as it stands in the source is in damaged.txt.",
        }
    )
    assert (tmp_path / "damaged.txt").read_text(encoding="utf-8") == "--- row 2 of file 1: source.json\n{broken\n\n"


def test_rows_without_lines_become_objects(tmp_path: Path) -> None:
    """Frames and iterators have no lines of their own."""
    row_file = open_row_file(tmp_path, "rejected", format="jsonl", headers=("id", "x"))
    row_file.write(a_chunk(("id", "x"), [("007", None)]), 0, [])
    row_file.close()
    assert json.loads((tmp_path / "rejected.jsonl").read_text(encoding="utf-8"))["id"] == "007"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    value=st.dictionaries(st.text(max_size=5) | st.sampled_from(MARK_COLUMNS), json_values, max_size=5),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]),
    ascii_only=st.booleans(),
)
def test_marks_come_off_a_line_and_nothing_else_does(
    value: dict[str, object],
    separators: tuple[str, str],
    ascii_only: bool,
) -> None:
    """A line that is rejected again has one set of marks, whatever else it holds."""
    line = json.dumps(value, separators=separators, ensure_ascii=ascii_only)
    own = {key: held for key, held in value.items() if key not in MARK_COLUMNS}
    assert json.loads(without_marks(line)) == own
    assert json.loads(join_objects(without_marks(line), '{"_pango_row": 7}')) == {**own, "_pango_row": 7}
