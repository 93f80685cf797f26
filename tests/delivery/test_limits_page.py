"""The times in docs/limits.md are what the program itself forecasts."""

from __future__ import annotations

import re
from pathlib import Path

from support.virtual_time import VirtualClock

from pango_load.delivery.limiter import Limiter
from pango_load.plan import PUBLISHED_WINDOWS
from pango_load.records import ENTRIES_PER_REQUEST
from pango_load.report.plain_text import grouped, limit_words, spoken_time

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "limits.md").read_text(encoding="utf-8")
ROWS = (50, 2_500, 5_000, 50_000, 100_000, 1_000_000, 2_500_000, 5_000_000, 20_000_000, 20_000_050, 50_000_000)


def forecast_row(rows: int) -> str:
    """A line of the table, asked for as `check` asks."""
    requests = -(-rows // ENTRIES_PER_REQUEST)
    limiter = Limiter(PUBLISHED_WINDOWS, clock=VirtualClock(), expected_requests=requests)
    found = limiter.forecast(requests, answer=0.0)
    words = "within a second" if found.seconds < 1 else spoken_time(found.seconds)
    binds = f"; {limit_words(found.window.label)} binds" if found.window else ""
    return f"| {grouped(rows)} | {grouped(requests)} | {words}{binds} |"


def test_the_times_of_the_page_are_forecast_by_the_program() -> None:
    """Protects whoever plans a migration by the page."""
    told = PAGE.partition("<!-- times: begin -->\n")[2].partition("<!-- times: end -->")[0]

    assert told.splitlines()[2:] == [forecast_row(rows) for rows in ROWS]


def test_the_windows_of_the_page_are_those_that_are_kept() -> None:
    """Protects readers from limits that the program does not hold."""
    told = re.findall(r"^\| (\d+ \w+) \| ([\d,]+) \| ([\d,]+) \|$", PAGE, re.MULTILINE)

    assert told == [
        (window.label, grouped(window.limit), grouped(window.limit * ENTRIES_PER_REQUEST))
        for window in PUBLISHED_WINDOWS
    ]
