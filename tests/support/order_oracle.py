"""Orders in rows, and what a load must make of them: worked out row by row, with nothing of the program."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEADERS = ("No", "Status", "Customer", "Name", "Mail", "Tier", "SKU", "Product", "Qty", "Note")
OWN = ("Status", "Customer", "Name", "Mail", "Tier")
MAPPING = """\
object: order
onDuplicate: {policy}
columns:
  No: orderId
  Status: orderStatus
  Customer: customerId
  Name: customerName
  Mail: customerEmail
  Tier: customField01
items:
  groupBy: orderId
  columns:
    SKU: productSku
    Product: productName
    Qty: quantity
    Note: customField02
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file: the order it belongs to, and what is the matter with it.

    Attributes:
        order: None: the row has no order's number.
        is_bare: the order's own cells are empty, as exports leave them below an order's first row.
        is_bad: its quantity is no number.
        differs: its status is another one than the order's.
        is_blank: it has nothing in any cell.
    """

    order: int | None
    is_bare: bool = False
    is_bad: bool = False
    differs: bool = False
    is_blank: bool = False

    def cells(self, number: int) -> dict[str, str]:
        if self.is_blank:
            return dict.fromkeys(HEADERS, "")
        own = {
            "Status": "other" if self.differs else "paid",
            "Customer": f"C{self.order}",
            "Name": f'Nguyễn "{self.order}"',
            "Mail": f"kh{self.order}@example.vn",
            "Tier": "vàng",
        }
        return {
            "No": "" if self.order is None else f"{self.order:03d}",
            **(dict.fromkeys(OWN, "") if self.is_bare else own),
            "SKU": f"S{number}",
            "Product": "Cà phê, đen",
            "Qty": "x" if self.is_bad else str(number),
            "Note": "" if number % 2 else f"n\\{number}",
        }


@dataclass
class Expected:
    """What becomes of rows, by their position, and the entries that are sent, as JSON."""

    entries: list[str] = field(default_factory=list)
    accepted: set[int] = field(default_factory=set)
    own: set[int] = field(default_factory=set)
    incomplete: dict[int, int] = field(default_factory=dict)
    repeated: set[int] = field(default_factory=set)
    blank: set[int] = field(default_factory=set)
    limited: set[int] = field(default_factory=set)
    cut: set[int] = field(default_factory=set)
    is_apart: bool = False


def write_lines(path: Path, lines: Sequence[Line], first: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADERS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(line.cells(number) for number, line in enumerate(lines, first))


def expected_of(lines: Sequence[Line], *, skip: int = 0, limit: int | None = None) -> Expected:  # noqa: C901 - told row by row
    """The fate of every row of a file, or of several files behind each other."""
    made = Expected()
    end = len(lines) if limit is None else min(len(lines), skip + limit)
    kept = range(min(skip, len(lines)), end)
    made.limited = set(range(len(lines))) - set(kept)
    made.blank = {at for at in kept if lines[at].is_blank}
    groups: list[list[int]] = []
    blamed: dict[int, int] = {}
    lost: int | None = None
    for at in kept:
        line = lines[at]
        if line.is_blank:
            continue
        if line.order is None:
            made.own.add(at)
            if groups:
                blamed.setdefault(len(groups) - 1, at)
            lost = at
            continue
        if not groups or lines[groups[-1][0]].order != line.order:
            groups.append([])
            if lost is not None:
                blamed.setdefault(len(groups) - 1, lost)
        lost = None
        groups[-1].append(at)
    orders = [lines[group[0]].order for group in groups]
    made.is_apart = len(set(orders)) < len(orders)
    cut = _cut(lines, kept, groups)
    for number, group in enumerate(groups):
        if number in cut:
            made.cut |= set(group)
            continue
        first = lines[group[0]]
        wrong = {at for at in group if lines[at].is_bad}
        if first.is_bare:
            # What the order needs stands in its first row, or is missing there; a row below says something else.
            wrong |= {group[0]} | {at for at in group[1:] if not lines[at].is_bare}
        else:
            wrong |= {at for at in group[1:] if not lines[at].is_bare and lines[at].differs is not first.differs}
        made.own |= wrong
        if number in blamed or wrong:
            made.incomplete |= {at: blamed.get(number, -1) for at in group if at not in wrong}
            continue
        made.accepted |= set(group)
        made.entries.append(_entry(lines, group))
    return made


def _cut(lines: Sequence[Line], kept: range, groups: Sequence[Sequence[int]]) -> set[int]:
    """The groups that go on in rows that are left out, or may."""
    cut: set[int] = set()
    if not groups:
        return cut
    before = [at for at in range(kept.start) if not lines[at].is_blank]
    after = [at for at in range(kept.stop, len(lines)) if not lines[at].is_blank]
    placed = [lines[at].order for at in before if lines[at].order is not None]
    if before and (lines[before[-1]].order is None or placed[-1:] == [lines[groups[0][0]].order]):
        cut.add(0)
    if placed and placed[-1] == lines[groups[0][0]].order:
        cut.add(0)
    if after and lines[after[0]].order in {None, lines[groups[-1][0]].order}:
        cut.add(len(groups) - 1)
    return cut


def _entry(lines: Sequence[Line], group: Sequence[int]) -> str:
    cells = [lines[at].cells(at) for at in group]
    first = cells[0]
    items = []
    for row in cells:
        item: dict[str, object] = {
            "productSku": row["SKU"],
            "productName": row["Product"],
            "quantity": int(row["Qty"]),
        }
        if row["Note"]:
            item["customFieldTexts"] = {"customField02": row["Note"]}
        items.append(item)
    entry = {
        "orderId": first["No"],
        "orderStatus": first["Status"],
        "customerId": first["Customer"],
        "customerName": first["Name"],
        "customerEmail": first["Mail"],
        "items": items,
        "customFieldTexts": {"customField01": first["Tier"]},
    }
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
