"""A retry of orders in rows: whole or not at all, and every row that stays keeps the reason why it was rejected."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, cast

import pytest
from support.order_oracle import HEADERS, MAPPING
from support.program import pango_load

from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from support.program import Ended

Cells = dict[str, str]

CLEANED = MAPPING.format(policy="send").replace("No: orderId", "No: {field: orderId, clean: [collapse, upper]}")
PARTS = ((0,), (1,), (2,), (0, 2))
"""Rows of an order of three that are not all of it."""
JOB = ("a.csv", "--mapping", "m.yaml", "--json", "--out", "run")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(windows=())) as running:
        yield running


def item(order: str, quantity: str = "1") -> Cells:
    own = {"Status": "paid", "Customer": "C1", "Name": "N", "Mail": "kh@example.vn", "Tier": "vàng"}
    return {"No": order, **own, "SKU": "S", "Product": "P", "Qty": quantity, "Note": ""}


def write(path: Path, lines: Sequence[Cells]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]) if lines else HEADERS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def rejected(folder: Path) -> list[Cells]:
    with (folder / "run" / "rejected.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def loaded(folder: Path, sandbox: Sandbox, lines: Sequence[Cells], mapping: str = CLEANED) -> list[Cells]:
    """Load `lines`; what was rejected of them, with every mistaken quantity mended."""
    (folder / "m.yaml").write_text(mapping, encoding="utf-8")
    write(folder / "a.csv", lines)
    ended = pango_load(*JOB, folder=folder, sandbox=sandbox)
    assert ended.code == 3, ended.err
    return [line | {"Qty": line["Qty"].replace("x", "2")} for line in rejected(folder)]


def retried(folder: Path, sandbox: Sandbox, lines: Sequence[Cells], name: str = "fixed.csv") -> Ended:
    write(folder / name, lines)
    words = ("fixed.csv",) if name == "fixed.csv" else ()
    return pango_load("retry", "last", *words, "--json", folder=folder, sandbox=sandbox)


def orders(sandbox: Sandbox) -> list[tuple[str, int]]:
    """Each order that was accepted, and how many items it had."""
    entries = sandbox.accepted_entries
    return [(str(entry["orderId"]), len(cast("list[object]", entry["items"]))) for entry in entries]


def assert_refused(ended: Ended, sandbox: Sandbox, told: str, *, sent: Sequence[tuple[str, int]] = ()) -> None:
    assert ended.code == 2, ended.err
    assert told in ended.err
    assert orders(sandbox) == list(sent)


def test_rows_are_of_one_order_where_their_cleaned_keys_are_alike(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects an order whose number is spelled in several ways: the mapping's cleaning says what is alike."""
    lines = loaded(tmp_path, sandbox, [item("a1"), item("A1", "x"), item("A1 ")])
    for kept in PARTS:
        part = retried(tmp_path, sandbox, [lines[at] for at in kept])
        assert_refused(part, sandbox, "has the No of row")
    assert retried(tmp_path, sandbox, lines).code == 0
    assert orders(sandbox) == [("A1", 3)]


def test_a_row_without_a_key_is_mended_with_both_its_neighbours(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects the order whose middle row lost its number: it is sent with that row, or not at all."""
    lines = loaded(tmp_path, sandbox, [item("X"), item(""), item("X"), item("Y", "x")])
    told = "row 3 of run"
    assert_refused(retried(tmp_path, sandbox, [lines[0], lines[2]]), sandbox, told)
    alone = retried(tmp_path, sandbox, [lines[1] | {"No": "X"}])
    assert_refused(alone, sandbox, "has the No of row 3")
    assert retried(tmp_path, sandbox, [lines[3]]).code == 3
    whole = retried(tmp_path, sandbox, [lines[0], lines[1] | {"No": "X"}, lines[2]])
    assert whole.code == 0, whole.err
    assert orders(sandbox) == [("Y", 1), ("X", 3)]


def test_a_mended_key_takes_all_rows_of_the_order_with_it(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects an order that gets another number: a row that keeps the old one is still a part of it."""
    lines = loaded(tmp_path, sandbox, [item("V", "x"), item("W", "x"), item("X", "x"), item("X")])
    part = retried(tmp_path, sandbox, [*lines[:2], lines[2] | {"No": "Z"}])
    assert_refused(part, sandbox, "row 5 of run")
    assert retried(tmp_path, sandbox, [*lines[:2], *(line | {"No": "Z"} for line in lines[2:])]).code == 0
    assert orders(sandbox) == [("V", 1), ("W", 1), ("Z", 2)]


def test_rows_that_stand_nowhere_any_more_still_belong_to_their_order(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects the order whose other rows were deleted from the reject file: the journal knows that they are left."""
    lines = loaded(tmp_path, sandbox, [item("W"), item("X"), item("X", "x"), item("X"), item("Y")])
    (tmp_path / "a.csv").unlink()
    for kept in PARTS:
        part = retried(tmp_path, sandbox, [lines[at] for at in kept], "run/rejected.csv")
        assert_refused(part, sandbox, "stands in no file any more", sent=[("W", 1), ("Y", 1)])
        assert len(rejected(tmp_path)) == len(kept)
    assert retried(tmp_path, sandbox, lines, "run/rejected.csv").code == 0
    assert orders(sandbox)[2:] == [("X", 3)]


def test_orders_that_were_rejected_for_different_rows_do_not_hold_each_other_up(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """Protects whoever mends one order at a time in the reject file: only its own rows must be there."""
    lines = loaded(tmp_path, sandbox, [item("X", "x"), item("X"), item("Y"), item("Y", "x")])
    (tmp_path / "a.csv").unlink()
    ended = retried(tmp_path, sandbox, lines[:2], "run/rejected.csv")
    assert (ended.code, ended.counts["rejected"]) == (3, 2), ended.err
    assert orders(sandbox) == [("X", 2)]


def test_a_sorted_file_keeps_a_row_without_a_key_with_the_row_that_it_holds_up(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """Protects `--sort`: the row that lost its number stands apart from the order that it may belong to."""
    (tmp_path / "m.yaml").write_text(CLEANED, encoding="utf-8")
    write(tmp_path / "a.csv", [item("Z"), item(""), item("A"), item("B"), item("A")])
    assert pango_load(*JOB, "--sort", folder=tmp_path, sandbox=sandbox).code == 3
    assert orders(sandbox) == [("B", 1)]
    whole = [line for line in rejected(tmp_path) if line["No"] == "A"]
    assert len(whole) == 2
    assert_refused(retried(tmp_path, sandbox, whole), sandbox, "row 3 of run", sent=[("B", 1)])
