"""How a run went over time, as its journal tells it: for the chart of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pango_load.journal.ledger import SLOT_SECONDS
from pango_load.report.pace_chart import Wait

if TYPE_CHECKING:
    from pango_load.journal.reading import JournalReader


def pace_of(journal: JournalReader, *, started: float, now: float) -> list[tuple[float, int]]:
    """(Seconds since `started`, rows accepted so far)."""
    points, rows = [(0.0, 0)], 0
    for point in journal.pace():
        rows += point.rows
        # The last slot has not passed: a load of a second is not shown as one of ten.
        points.append((max(0.0, min(point.moment + SLOT_SECONDS, now) - started), rows))
    return points


def waits_of(journal: JournalReader, *, started: float) -> list[Wait]:
    """Waits are kept by slots of time: each is drawn at the beginning of its slot."""
    starts = [(wait, max(0.0, wait.moment - started)) for wait in journal.waits()]
    return [Wait(wait.reason, start, start + wait.seconds) for wait, start in starts]
