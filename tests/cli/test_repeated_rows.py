"""`onDuplicate`: exactly the promised rows are sent, however often the load is cut, and the totals add up."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cut_loads import plan_of, run_in_pieces
from support.program import pango_load

from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

MAPPING = """\
object: customer-identity
onDuplicate: {policy}
columns: {{id: customerId, phone: phone, name: fullName}}
"""
TABLES = st.lists(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=12), min_size=1, max_size=3)
"""Files of rows: which customer, and whether the row is valid."""
POLICIES = ("send", "keep-first", "keep-last", "reject")
Table: TypeAlias = list[tuple[int, bool]]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(windows=())) as running:
        yield running


def write_table(path: Path, table: Table, first: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "phone", "name"])
        for number, (customer, is_valid) in enumerate(table, first):
            writer.writerow([customer, "0912345678" if is_valid else "bad", f"row {number}"])


def promised(table: Table, policy: str) -> list[str]:
    """The names of the rows that are sent, in the file's order."""
    valid = [(number, customer) for number, (customer, is_valid) in enumerate(table) if is_valid]
    alike = {customer: [number for number, other in valid if other == customer] for _, customer in valid}
    sent = {
        "send": [number for number, _ in valid],
        "keep-first": [numbers[0] for numbers in alike.values()],
        "keep-last": [numbers[-1] for numbers in alike.values()],
        "reject": [numbers[0] for numbers in alike.values() if len(numbers) == 1],
    }[policy]
    return [f"row {number}" for number in sorted(sent)]


@settings(max_examples=25, deadline=None)
@given(TABLES, st.sampled_from(POLICIES), st.integers(1, 4), st.lists(st.integers(1, 4), max_size=2))
def test_exactly_the_promised_rows_are_sent_wherever_the_load_is_cut(
    sandbox: Sandbox, tables: list[Table], policy: str, size: int, cuts: list[int]
) -> None:
    """Protects every row: it is sent, skipped or rejected as the mapping says, and never twice."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [row for table in tables for row in table]
        files = [folder / f"{number}.csv" for number in range(len(tables))]
        first = 0
        for path, table in zip(files, tables, strict=True):
            write_table(path, table, first)
            first += len(table)
        mapping = folder / "m.yaml"
        mapping.write_text(MAPPING.format(policy=policy), encoding="utf-8")
        before = len(sandbox.accepted_entries)
        report = run_in_pieces(plan_of(files, mapping, folder, sandbox, batch_size=size), *cuts)
        sent = [str(entry["fullName"]) for entry in sandbox.accepted_entries[before:]]
        wanted = promised(rows, policy)
        assert sent == wanted
        invalid = sum(not is_valid for _, is_valid in rows)
        left_out = len(rows) - invalid - len(wanted)
        counts = report.summary.counts
        assert counts.is_balanced
        assert (counts.read, counts.accepted) == (len(rows), len(wanted))
        is_reject = policy == "reject"
        assert (counts.rejected, counts.skipped) == ((invalid + left_out, 0) if is_reject else (invalid, left_out))
        assert {skip.reason.value: skip.rows for skip in report.summary.skips} == (
            {"repeated-key": left_out} if left_out and not is_reject else {}
        )
        told = {problem.code: problem.rows for problem in report.summary.problems}
        assert told.get("key.repeated", 0) == (left_out if is_reject else 0)


def loaded(folder: Path, policy: str, text: str) -> tuple[list[list[str]], str]:
    """Rows of the reject file without their cells, and what was said."""
    (folder / "a.csv").write_text(text, encoding="utf-8")
    (folder / "m.yaml").write_text(MAPPING.format(policy=policy), encoding="utf-8")
    ended = pango_load("a.csv", "-m", "m.yaml", "--sandbox", "--out", "run", folder=folder)
    path = folder / "run" / "rejected.csv"
    if not path.exists():
        return [], ended.err + ended.out
    with path.open(encoding="utf-8", newline="") as file:
        return [row[3:] for row in list(csv.reader(file))[1:]], ended.err + ended.out


THREE = "id,phone,name\n1,0912345678,a\n2,0912345678,b\n1,0912345678,c\n1,0912345678,d\n"


def test_every_rejected_row_names_another_with_its_key(tmp_path: Path) -> None:
    """Protects whoever mends the file: the other row is found without searching."""
    rejected, _ = loaded(tmp_path, "reject", THREE)
    hint = "Keep one of the rows and load it; onDuplicate: keep-first or keep-last in the mapping chooses for you."
    assert rejected == [
        ["2", "key.repeated", "customerId", "The record key (customerId) stands in row 5 too.", hint],
        ["4", "key.repeated", "customerId", "The record key (customerId) stands in row 2 too.", hint],
        ["5", "key.repeated", "customerId", "The record key (customerId) stands in row 2 too.", hint],
    ]


@pytest.mark.parametrize("policy", ["keep-first", "keep-last"])
def test_rows_that_are_left_out_are_said_before_sending_and_at_the_end(policy: str, tmp_path: Path) -> None:
    """Protects from a load that quietly sends fewer rows than the file has."""
    rejected, said = loaded(tmp_path, policy, THREE)
    kept = policy.removeprefix("keep-")
    told = f"2 rows have the customerId of another row: skipped, the {kept} of each is sent (onDuplicate: {policy})."
    assert told in " ".join(said.split())
    assert "2 of 4 rows accepted; 2 left out on purpose." in said
    assert "skipped   2  left out on purpose, 2 for a repeated record key" in said
    assert rejected == []


def test_row_files_that_are_written_anew_name_the_other_row_too(tmp_path: Path) -> None:
    """Protects the reason of a rejected row when a later refusal has all row files written anew."""
    with Sandbox(
        SandboxSettings(windows=(), refuse_entry=lambda entry: "no" if entry["customerId"] == "3" else None)
    ) as (running):
        (tmp_path / "a.csv").write_text(THREE + "3,0912345678,e\n", encoding="utf-8")
        (tmp_path / "m.yaml").write_text(MAPPING.format(policy="reject"), encoding="utf-8")
        ended = pango_load("a.csv", "-m", "m.yaml", "--json", "--out", "run", folder=tmp_path, sandbox=running)
    assert ended.counts["rejected"] == 4, ended.err
    with (tmp_path / "run" / "rejected.csv").open(encoding="utf-8", newline="") as file:
        told = [(row["_pango_row"], row["_pango_code"], row["_pango_message"]) for row in csv.DictReader(file)]
    assert told == [
        ("2", "key.repeated", "The record key (customerId) stands in row 5 too."),
        ("4", "key.repeated", "The record key (customerId) stands in row 2 too."),
        ("5", "key.repeated", "The record key (customerId) stands in row 2 too."),
        ("6", told[3][1], told[3][2]),
    ]
    assert told[3][1] != "key.repeated"


def test_a_row_to_delete_that_is_left_out_stops_nothing(tmp_path: Path) -> None:
    """Protects from a stop for a row that would not be sent."""
    text = "id,phone,name,recordStatus\n1,0912345678,a,Deleted\n1,0912345678,b,Active\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    mapping = MAPPING.format(policy="keep-last").replace("name: fullName", "name: fullName, recordStatus: recordStatus")
    (tmp_path / "m.yaml").write_text(mapping, encoding="utf-8")
    ended = pango_load("a.csv", "-m", "m.yaml", "--sandbox", "--json", folder=tmp_path)
    assert (ended.code, ended.counts["accepted"], ended.counts["skipped"]) == (0, 1, 1), ended.err


def load_and_mend(folder: Path, sandbox: Sandbox, policy: str, table: Table) -> Path:
    """Load `table`, and mend the phones of the run's rejected rows in their place."""
    (folder / "mapping.yaml").write_text(MAPPING.format(policy=policy), encoding="utf-8")
    write_table(folder / "a.csv", table, 0)
    words = ("a.csv", "--mapping", "mapping.yaml", "--json", "--out", "run")
    ended = pango_load(*words, folder=folder, sandbox=sandbox)
    assert ended.code == 3, ended.err
    own = folder / "run" / "rejected.csv"
    own.write_text(own.read_text(encoding="utf-8").replace(",bad,", ",0912345678,"), encoding="utf-8")
    return own


def names_since(sandbox: Sandbox, before: int) -> list[object]:
    return [entry["fullName"] for entry in sandbox.accepted_entries[before:]]


@pytest.mark.parametrize(("policy", "kept"), [("keep-last", "row 1"), ("keep-first", "row 0")])
def test_a_mended_row_that_another_knocks_out_is_settled_as_skipped(
    tmp_path: Path, sandbox: Sandbox, policy: str, kept: str
) -> None:
    """Protects the newer value: left among the rows to be mended, the older one would be sent by the next retry."""
    before = len(sandbox.accepted_entries)
    own = load_and_mend(tmp_path, sandbox, policy, [(1, False), (1, False), (2, True)])
    ended = pango_load("retry", "last", "--json", folder=tmp_path, sandbox=sandbox)
    assert ended.code == 0, ended.err
    assert names_since(sandbox, before) == ["row 2", kept]
    counts = {name: rows for name, rows in ended.counts.items() if rows}
    assert counts == {"read": 3, "accepted": 2, "skipped": 1}
    assert (ended.summary["balanced"], ended.summary["skips"]) == (True, [{"reason": "repeated-key", "rows": 1}])
    assert not own.exists()
    nothing = pango_load("retry", "last", folder=tmp_path, sandbox=sandbox)
    assert (nothing.code, "Nothing left to do" in nothing.out) == (0, True), nothing.err
    assert len(sandbox.accepted_entries) == before + 2


@pytest.mark.parametrize(
    ("policy", "table", "sent", "code"),
    [
        ("send", [(1, False), (1, True), (2, True)], [], 0),
        ("send", [(1, True), (1, False), (2, True)], ["row 1"], 0),
        ("keep-last", [(1, False), (1, True), (2, True)], [], 0),
        ("keep-last", [(1, True), (1, False), (2, True)], ["row 1"], 0),
        ("keep-first", [(1, False), (1, True), (2, True)], [], 0),
        ("keep-first", [(1, True), (1, False), (2, True)], [], 0),
        ("reject", [(1, True), (1, False), (2, True)], [], 3),
        ("reject", [(1, False), (2, True)], ["row 0"], 0),
    ],
)
def test_a_mended_row_is_compared_with_those_that_its_run_has_accepted(
    policy: str, table: Table, sent: list[str], code: int, tmp_path: Path, sandbox: Sandbox
) -> None:
    """Protects what the mapping says of one record key, and the newer value, from a row that is mended late."""
    load_and_mend(tmp_path, sandbox, policy, table)
    before = len(sandbox.accepted_entries)
    ended = pango_load("retry", "last", "--json", folder=tmp_path, sandbox=sandbox)
    assert (ended.code, names_since(sandbox, before)) == (code, sent), ended.err
    assert ended.summary["balanced"]
    if policy == "reject" and code:
        with (tmp_path / "run" / "rejected.csv").open(encoding="utf-8", newline="") as file:
            (row,) = csv.DictReader(file)
        assert row["_pango_message"] == "The record key (customerId) stands in row 2 too."
        (tmp_path / "a.csv").unlink()
        gone = pango_load("retry", "last", folder=tmp_path, sandbox=sandbox)
        assert (gone.code, len(sandbox.accepted_entries)) == (2, before), gone.err
        assert "a.csv is not what run" in gone.err
    elif not sent:
        # What was typed into the row stands nowhere else now.
        assert ",0912345678," in (tmp_path / "run" / "rejected.edited-1.csv").read_text(encoding="utf-8")
        assert ended.summary["skips"] == [{"reason": "overtaken", "rows": 1}]
