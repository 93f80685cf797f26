"""`groupBy`: rows become orders as plain Python makes them, and no order is ever sent with an item missing."""

from __future__ import annotations

import csv
import json
import random
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from support.cli_more import on_a_terminal, without_styles
from support.cut_loads import Cutter, plan_of, run_in_pieces
from support.order_oracle import HEADERS, MAPPING, Expected, Line, expected_of, write_lines
from support.program import kill, pango_load, start, wait_until_accepted

from pango_load.check import check
from pango_load.delivery.stop import StopRequest
from pango_load.errors import UsageError
from pango_load.load import load
from pango_load.plan import LoadPlan, SourceOptions
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pango_load.run import LoadReport

FLAWS: st.SearchStrategy[Callable[[Line], Line]] = st.sampled_from(
    [
        *[lambda line: line] * 6,
        lambda line: replace(line, is_bad=True),
        lambda line: replace(line, differs=True),
        lambda line: replace(line, is_blank=True),
        lambda line: replace(line, order=None),
    ]
)
"""What is the matter with a row; mostly nothing."""


@st.composite
def files_of_lines(draw: st.DrawFn) -> list[list[Line]]:
    """Files of orders, each order's rows adjacent, some across files; some rows have a flaw."""
    lines: list[Line] = []
    for order in range(draw(st.integers(0, 7))):
        for number in range(draw(st.integers(1, 5))):
            line = Line(order, is_bare=number > 0 and draw(st.booleans()))
            flaw = draw(FLAWS)
            lines.append(flaw(line))
    cuts = sorted(draw(st.lists(st.integers(0, len(lines)), max_size=3)))
    return [lines[start:end] for start, end in zip([0, *cuts], [*cuts, len(lines)], strict=True)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(windows=())) as running:
        yield running


def write_files(folder: Path, files: Sequence[Sequence[Line]]) -> list[Path]:
    first = 0
    paths = []
    for number, lines in enumerate(files):
        path = folder / f"{number}.csv"
        write_lines(path, lines, first)
        first += len(lines)
        paths.append(path)
    return paths


def bodies_since(sandbox: Sandbox, requests: int) -> list[bytes]:
    return [request.body for request in sandbox.received[requests:]]


def entries_in(bodies: Sequence[bytes]) -> bytes:
    head = b'{"objectType":"order","source":"pango-load","entries":['
    assert all(body.startswith(head) and body.endswith(b"]}") for body in bodies)
    return b",".join(body[len(head) : -2] for body in bodies)


def codes_in(run: Path) -> dict[tuple[str, int], tuple[str, ...]]:
    """The codes of each rejected row, by file and row."""
    path = run / "rejected.csv"
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (row.get("_pango_file", ""), int(row["_pango_row"])): tuple(row["_pango_code"].split("; "))
            for row in csv.DictReader(file)
        }


def check_fates(report: LoadReport, wanted: Expected, rows: int) -> None:
    counts = report.summary.counts
    assert counts.is_balanced
    assert (counts.read, counts.accepted) == (rows, len(wanted.accepted))
    assert counts.rejected == len(wanted.own) + len(wanted.incomplete)
    assert report.summary.entries == len(wanted.entries)
    skips = {skip.reason.value: skip.rows for skip in report.summary.skips}
    expected = {"blank": len(wanted.blank), "limit": len(wanted.limited), "cut-group": len(wanted.cut)}
    assert skips == {reason: number for reason, number in expected.items() if number}


def run_orders(sandbox: Sandbox, files: Sequence[Sequence[Line]], size: int, cuts: Sequence[int]) -> None:
    """Load orders, cut off now and then, and compare all that comes of it with the reference."""
    lines = [line for file in files for line in file]
    wanted = expected_of(lines)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_files(folder, files)
        mapping = folder / "m.yaml"
        mapping.write_text(MAPPING.format(policy="send"), encoding="utf-8")
        before = len(sandbox.received)
        report = run_in_pieces(plan_of(paths, mapping, folder, sandbox, batch_size=size), *cuts)
        bodies = bodies_since(sandbox, before)
        assert entries_in(bodies).decode() == ",".join(wanted.entries)
        assert len(bodies) == -(-len(wanted.entries) // size)
        check_fates(report, wanted, len(lines))
        check_codes(codes_in(folder / "run"), wanted, numbers_of(paths, files))


def numbers_of(paths: Sequence[Path], files: Sequence[Sequence[Line]]) -> list[tuple[str, int]]:
    """What each row is called in a row file."""
    several = len(paths) > 1
    return [
        (str(path) if several else "", row)
        for path, file in zip(paths, files, strict=True)
        for row in range(2, len(file) + 2)
    ]


def check_codes(
    codes: Mapping[tuple[str, int], tuple[str, ...]], wanted: Expected, numbers: Sequence[tuple[str, int]]
) -> None:
    """Every rejected row is in the file; those of a group with a rejected row say so, and no others."""
    assert set(codes) == {numbers[at] for at in wanted.own | set(wanted.incomplete)}
    told = {at for at, number in enumerate(numbers) if codes.get(number) == ("group.incomplete",)}
    assert told == set(wanted.incomplete)


@settings(max_examples=8, deadline=None)
@given(files_of_lines(), st.integers(1, 4), st.lists(st.integers(1, 3), max_size=2))
def test_rows_become_the_orders_of_the_reference_wherever_the_load_is_cut(
    sandbox: Sandbox, files: list[list[Line]], size: int, cuts: list[int]
) -> None:
    """Protects every order: whole or not at all, its bytes those that plain Python writes, in the file's order."""
    run_orders(sandbox, files, size, cuts)


@pytest.mark.heavy
@settings(max_examples=300, deadline=None)
@given(files_of_lines(), st.integers(1, 4), st.lists(st.integers(1, 3), max_size=2))
def test_many_tables_become_the_orders_of_the_reference(
    sandbox: Sandbox, files: list[list[Line]], size: int, cuts: list[int]
) -> None:
    """The same for many more of them."""
    run_orders(sandbox, files, size, cuts)


def plan_in(folder: Path, files: Sequence[Sequence[Line]], sandbox: Sandbox, *, policy: str = "send") -> LoadPlan:
    mapping = folder / "m.yaml"
    mapping.write_text(MAPPING.format(policy=policy), encoding="utf-8")
    return plan_of(write_files(folder, files), mapping, folder, sandbox)


@settings(max_examples=25, deadline=None)
@given(files_of_lines(), st.integers(0, 12), st.none() | st.integers(0, 12))
def test_a_limit_never_cuts_an_order_in_two(
    sandbox: Sandbox, files: list[list[Line]], skip: int, limit: int | None
) -> None:
    """Protects whoever tries a load with its first rows: the order at the edge is left out whole, and counted."""
    lines = [line for file in files for line in file]
    wanted = expected_of(lines, skip=skip, limit=limit)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = plan_in(folder, files, sandbox)
        plan = replace(plan, reading=SourceOptions(skip_rows=skip, limit=limit))
        report = check(plan)
        counts = report.summary.counts
        assert counts.is_balanced
        assert (counts.unsent, counts.rejected) == (len(wanted.accepted), len(wanted.own) + len(wanted.incomplete))
        skips = {skipped.reason.value: skipped.rows for skipped in report.summary.skips}
        assert skips.get("cut-group", 0) == len(wanted.cut)
        check_codes(codes_in(folder / "run"), wanted, numbers_of(plan.files, files))


def test_what_a_limit_cuts_off_is_not_sent(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects the order at the edge when rows are really sent, and row files that are written anew."""
    lines = [Line(1), Line(1, is_bare=True), Line(2), Line(2, is_bad=True), Line(2), Line(3)]
    plan = replace(plan_in(tmp_path, [lines], sandbox), reading=SourceOptions(skip_rows=1, limit=4))
    before = len(sandbox.received)
    report = load(plan)
    assert len(sandbox.received) == before
    assert {skip.reason.value: skip.rows for skip in report.summary.skips} == {"limit": 2, "cut-group": 1}
    assert codes_in(tmp_path / "run") == {
        ("", 4): ("group.incomplete",),
        ("", 5): ("number.whole",),
        ("", 6): ("group.incomplete",),
    }


# --- rows that stand apart --------------------------------------------------------------------------------------------


def test_rows_of_one_order_that_stand_apart_stop_the_load_and_are_offered_a_way(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """Protects an order from being sent in two halves, the later one overwriting the earlier."""
    lines = [Line(1), Line(2), Line(2), Line(1), Line(3), Line(2)]
    report = load(plan_in(tmp_path, [lines], sandbox))
    assert report.exit_code == 2
    assert report.stopped is not None
    told = 'Rows with one "No" stand apart: row 5 has that of row 2, with others between (2 such groups in all)'
    assert report.stopped.message == f"{told}; nothing was sent."
    advice = 'Sort the file by "No", or add --sort: it sorts a copy, and rows keep their numbers.'
    assert report.stopped.advice == advice


def test_no_bar_is_drawn_over_what_stopped_a_survey(tmp_path: Path) -> None:
    """Protects the screen of whoever has to read why nothing was sent."""
    write_lines(tmp_path / "a.csv", [Line(1), Line(2), Line(1)], 0)
    (tmp_path / "m.yaml").write_text(MAPPING.format(policy="send"), encoding="utf-8")
    code, shown = on_a_terminal("check", "a.csv", "-m", "m.yaml", folder=tmp_path, columns=80)
    assert code == 2
    told = without_styles(shown)
    assert "Comparing rows" in told
    assert "Comparing rows" not in told[told.index("Stopped before any row was judged") :]


def test_a_preview_of_a_sorted_copy_is_what_a_load_of_it_sends(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects whoever is told to add --sort and looks first; the copy of the preview is nobody else's."""
    write_lines(tmp_path / "a.csv", [Line(2), Line(1), Line(2), Line(1)], 0)
    (tmp_path / "m.yaml").write_text(MAPPING.format(policy="send"), encoding="utf-8")
    words = ("a.csv", "-m", "m.yaml", "--sort")
    shown = pango_load("preview", *words, "--json", folder=tmp_path)
    assert (shown.code, sorted(path.name for path in tmp_path.iterdir())) == (0, ["a.csv", "m.yaml"])
    before = len(sandbox.received)
    assert pango_load(*words, folder=tmp_path, sandbox=sandbox).code == 0
    assert bodies_since(sandbox, before) == [shown.out.encode()]


@pytest.mark.parametrize("row", range(2, 6))
def test_every_row_of_a_sorted_copy_can_be_explained_by_its_own_number(row: int, tmp_path: Path) -> None:
    """Protects whoever looks a rejected row up: sorting changed its place, not its number."""
    write_lines(tmp_path / "a.csv", [Line(2), Line(1), Line(2), Line(1)], 0)
    (tmp_path / "m.yaml").write_text(MAPPING.format(policy="send"), encoding="utf-8")
    words = ("preview", "a.csv", "-m", "m.yaml", "--sort", "--json", "--row")
    found = json.loads(pango_load(*words, str(row), folder=tmp_path).out)
    order, sku = (f"{2 if row % 2 == 0 else 1:03d}", f"S{row - 2}")
    assert (found["row"], f'"orderId":"{order}"' in found["entry"], f'"{sku}"' in found["entry"]) == (row, True, True)
    told = pango_load(*words, "9", folder=tmp_path)
    assert (told.code, "has no row 9: its rows are 2 to 5." in told.err) == (2, True)


@settings(max_examples=8, deadline=None)
@given(files_of_lines(), st.randoms(use_true_random=False))
def test_a_sorted_copy_gives_the_orders_of_the_reference(
    sandbox: Sandbox, files: list[list[Line]], dice: random.Random
) -> None:
    """Protects whoever has a file in any order: the same orders, and rows known by their numbers in that file."""
    lines = [replace(line, is_bare=False) for file in files for line in file if line.order is not None]
    dice.shuffle(lines)
    numbered = sorted(enumerate(lines), key=lambda pair: -1 if pair[1].is_blank else pair[1].order or 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = plan_in(folder, [lines], sandbox)
        plan = replace(plan, reading=SourceOptions(sort=True))
        before = len(sandbox.received)
        report = run_in_pieces(replace(plan, batch_size=2), 1)
        got = json.loads(b"[" + entries_in(bodies_since(sandbox, before)) + b"]")
        groups: dict[str, list[dict[str, str]]] = {}
        wrong: set[str] = set()
        for at, line in numbered:
            cells = line.cells(at)
            if line.is_blank:
                continue
            groups.setdefault(cells["No"], []).append(cells)
            if line.is_bad or groups[cells["No"]][0]["Status"] != cells["Status"]:
                wrong.add(cells["No"])
        wanted = {key: [row["SKU"] for row in rows] for key, rows in groups.items() if key not in wrong}
        assert {entry["orderId"]: [item["productSku"] for item in entry["items"]] for entry in got} == wanted
        assert report.summary.counts.is_balanced
        assert report.summary.counts.accepted == sum(map(len, wanted.values()))
        codes = codes_in(folder / "run")
        assert {row for _, row in codes} == {
            at + 2 for at, line in enumerate(lines) if not line.is_blank and line.cells(at)["No"] in wrong
        }
        assert {row for (_, row), told in codes.items() if "number.whole" in told} == {
            at + 2 for at, line in enumerate(lines) if line.is_bad and not line.is_blank
        }
        assert not list((folder / "state" / "sorted").iterdir())


def test_a_row_that_cannot_be_placed_holds_up_its_neighbours_in_a_sorted_copy_too(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """Protects the order whose first row has lost its number: sorting takes that row away from it."""
    lines = [Line(3), Line(None), Line(1), Line(2), Line(1)]
    report = load(replace(plan_in(tmp_path, [lines], sandbox), reading=SourceOptions(sort=True)))
    assert report.summary.counts.accepted == 1
    codes = codes_in(tmp_path / "run")
    assert {row for (_, row), told in codes.items() if told == ("group.incomplete",)} == {2, 4, 6}


def test_the_sorted_copy_is_private_and_outlives_a_stop(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects customers' data in the state folder, and a resume from sorting it all again."""
    lines = [Line(order) for order in [*range(12), *range(12)]]
    plan = replace(plan_in(tmp_path, [lines], sandbox), reading=SourceOptions(sort=True), batch_size=1)
    stop = StopRequest()
    assert load(plan, stop=stop, watcher=Cutter(stop, 1)).stopped is not None
    (copy,) = (tmp_path / "state" / "sorted").iterdir()
    assert copy.stat().st_mode & 0o777 == 0o700
    files = list(copy.iterdir())
    assert files
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    written = files[0].stat().st_mtime_ns
    again = StopRequest()
    assert load(plan, stop=again, watcher=Cutter(again, 1)).stopped is not None
    assert files[0].stat().st_mtime_ns == written
    assert load(plan).exit_code == 0
    assert not copy.exists()


def test_sorting_what_is_not_grouped_is_a_mistake(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects from a flag that would do nothing."""
    plan = plan_in(tmp_path, [[Line(1)]], sandbox)
    (tmp_path / "m.yaml").write_text(MAPPING.format(policy="send").partition("items:")[0], encoding="utf-8")
    with pytest.raises(UsageError):
        load(replace(plan, reading=SourceOptions(sort=True)))


# --- refused, mended, repeated ----------------------------------------------------------------------------------------


def refusing(order: str) -> Sandbox:
    return Sandbox(SandboxSettings(windows=(), refuse_entry=lambda entry: "no" if entry["orderId"] == order else None))


def test_a_refused_order_stands_in_the_reject_file_with_all_its_rows(tmp_path: Path) -> None:
    """Protects the items of an order that Pango turns down: all of it is to be mended, and counts."""
    lines = [Line(1), Line(2), Line(2, is_bare=True), Line(2, is_blank=True), Line(2), Line(3)]
    with refusing("002") as sandbox:
        report = load(plan_in(tmp_path, [lines], sandbox))
    counts = report.summary.counts
    assert (counts.accepted, counts.rejected, counts.skipped, report.summary.entries) == (2, 3, 1, 3)
    codes = codes_in(tmp_path / "run")
    assert [row for _, row in codes] == [3, 4, 6]


def test_a_mended_order_is_sent_by_a_retry_and_by_a_load_of_the_reject_file(tmp_path: Path) -> None:
    """Protects the way back: what the reject file holds becomes the whole order again."""
    lines = [Line(1), Line(2), Line(2, is_bare=True, is_bad=True), Line(3)]
    with Sandbox(SandboxSettings(windows=())) as sandbox:
        plan = plan_in(tmp_path, [lines], sandbox)
        report = load(plan)
        assert report.summary.counts.rejected == 2
        rejected = tmp_path / "run" / "rejected.csv"
        rejected.write_text(rejected.read_text(encoding="utf-8").replace(",x,", ",7,"), encoding="utf-8")
        ended = pango_load("retry", report.summary.run, "--json", folder=tmp_path, sandbox=sandbox)
        assert (ended.code, ended.counts["accepted"], ended.counts["rejected"]) == (0, 4, 0), ended.err
        last = sandbox.received[-1].entries
    assert [(entry["orderId"], len(cast("list[object]", entry["items"]))) for entry in last] == [("002", 2)]


@pytest.mark.parametrize(
    ("policy", "sent"),
    [("keep-first", ["001", "003"]), ("keep-last", ["002", "003"]), ("reject", ["003"])],
)
def test_orders_with_one_record_key_are_kept_or_rejected_whole(
    policy: str, sent: list[str], tmp_path: Path, sandbox: Sandbox
) -> None:
    """Protects the balance where a key of its own says which orders are alike: all rows of an order go together."""
    lines = [Line(1), Line(1), Line(2), Line(2, is_bare=True), Line(3)]
    plan = plan_in(tmp_path, [lines], sandbox)
    mapping = MAPPING.format(policy=policy) + "recordKey: [customerId]\n"
    (tmp_path / "m.yaml").write_text(mapping, encoding="utf-8")
    text = plan.files[0].read_text(encoding="utf-8").replace(",C2,", ",C1,")
    plan.files[0].write_text(text, encoding="utf-8")
    before = len(sandbox.received)
    report = load(plan)
    entries = [entry for request in sandbox.received[before:] for entry in request.entries]
    assert [entry["orderId"] for entry in entries] == sent
    left_out = 5 - sum(len(cast("list[object]", entry["items"])) for entry in entries)
    counts = report.summary.counts
    assert (counts.rejected, counts.skipped) == ((left_out, 0) if policy == "reject" else (0, left_out))
    if policy == "reject":
        assert codes_in(tmp_path / "run") == {("", row): ("key.repeated",) for row in (2, 3, 4, 5)}


# --- the program as a user runs it ------------------------------------------------------------------------------------

ORDERS = 1000


def write_orders(folder: Path) -> None:
    """The same orders as CSV, as a workbook, and as JSONL."""
    dice = random.Random(7)
    lines = [
        Line(order, is_bare=number > 0 and order % 3 == 0)
        for order in range(ORDERS)
        for number in range(1 + dice.randrange(5))
    ]
    write_lines(folder / "orders.csv", lines, 0)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("orders")
    sheet.append(HEADERS)
    for number, line in enumerate(lines):
        sheet.append(list(line.cells(number).values()))
    book.save(folder / "orders.xlsx")
    text = "".join(f"{entry}\n" for entry in expected_of(lines).entries)
    # In a flat file of JSON, slots stand by their way in an entry.
    (folder / "orders.jsonl").write_text(text, encoding="utf-8")
    (folder / "rows.yaml").write_text(MAPPING.format(policy="send"), encoding="utf-8")


def test_a_thousand_orders_arrive_alike_from_rows_and_from_json(tmp_path: Path) -> None:
    """Protects the bytes: an order made of rows is the order that somebody wrote as JSON."""
    write_orders(tmp_path)
    sent: dict[str, list[bytes]] = {}
    for name in ("orders.csv", "orders.xlsx", "orders.jsonl"):
        words = ("--mapping", "rows.yaml") if name != "orders.jsonl" else ("--object", "order")
        with Sandbox(SandboxSettings(windows=())) as sandbox:
            ended = pango_load(name, *words, "--json", "--senders", "1", folder=tmp_path, sandbox=sandbox)
            assert (ended.code, ended.summary["entries"]) == (0, ORDERS), ended.err
            sent[name] = [request.body for request in sandbox.received]
    assert sent["orders.csv"] == sent["orders.xlsx"] == sent["orders.jsonl"]


@pytest.mark.heavy
def test_a_load_of_orders_that_is_killed_goes_on_and_sends_each_whole(tmp_path: Path) -> None:
    """Protects orders from a kill -9: nothing is lost, and no order arrives with an item missing."""
    write_orders(tmp_path)
    with Sandbox(SandboxSettings(windows=(), latency=(0.02, 0.05))) as sandbox:
        words = ("orders.csv", "--mapping", "rows.yaml", "--batch-size", "10", "--senders", "4", "--json")
        process = start(*words, folder=tmp_path, sandbox=sandbox)
        wait_until_accepted(sandbox, 12, process)
        kill(process, sandbox)
        ended = pango_load(*words, folder=tmp_path, sandbox=sandbox)
        assert ended.code == 0, ended.err
        received = {str(entry["orderId"]): entry["items"] for entry in sandbox.accepted_entries}
        rows = sum(len(cast("list[object]", items)) for items in received.values())
    assert (len(received), rows) == (ORDERS, ended.counts["accepted"])
