"""Progress as a person sees it: a bar on a terminal, a plain line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import threading
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from pango_load.cli.screen import is_terminal, print_lines, width_of
from pango_load.delivery.forecast import TimeLeft
from pango_load.delivery.listener import Silent as SilentDelivery
from pango_load.report.plain_text import counted, grouped, shortened, spoken_time
from pango_load.report.skips import Skip
from pango_load.report.texts import Announcement, Line, Progress, announcement_lines, progress_line, wait_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from pango_load.clock import Clock
    from pango_load.delivery.forecast import Forecast
    from pango_load.delivery.limiter import Limiter
    from pango_load.records import Outcome
    from pango_load.run import Run
    from pango_load.source.formats import SourceFile
    from pango_load.survey import Survey

PLAIN_SECONDS = 30.0
BAR_SECONDS = 0.25
RATE_SECONDS = 30.0
WAIT_SHOWN = 1.0
LONG_WAIT = 60.0
BAR_WIDTH = 16


class ScreenWatcher(SilentDelivery):
    """Shows a run on standard error, so that standard output stays free for results.

    Args:
        clock: for rates and for how often a line is written.
        is_quiet: show nothing but what went wrong.
        address: the host that rows go to; empty under check.
    """

    def __init__(self, clock: Clock, *, is_quiet: bool = False, address: str = "") -> None:
        self._clock = clock
        self._is_quiet = is_quiet
        self._address = address
        self._has_bar = is_terminal(sys.stderr) and not is_quiet
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._limiter: Limiter | None = None
        self._time_left: TimeLeft | None = None
        self._spoken = clock.steady()
        self._rows = 0
        self._requests = 0
        self._accepted = self._refused = self._held = self._settled = 0
        self._lately: deque[tuple[float, int]] = deque()
        self._waiting = ""
        self._waits_until = 0.0
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Whatever ends the run, no bar is drawn over what is said of it."""
        self._close_bar()

    # --- the survey ---------------------------------------------------------------------------------------------------

    def surveying(self, found: Survey) -> None:
        """A spinner with what is known so far."""
        text = f"Reading: {counted(found.read, 'row')}, {grouped(found.rejected)} rejected"
        if not found.read and found.compared:
            text = f"Comparing rows: {counted(found.compared, 'row')}"
        self._show(text, None)

    def surveyed(self, run: Run, found: Survey | None, forecast: Forecast | None) -> None:
        """The block that says what will happen."""
        self._close_bar()
        if self._is_quiet:
            return
        lines = announcement_lines(self._announcement(run, found, forecast), width=width_of(sys.stderr))
        # Where both streams are one screen, what will be and what was are kept apart.
        print_lines([*lines, Line("")] if self._has_bar else lines, sys.stderr)

    def _announcement(self, run: Run, found: Survey | None, forecast: Forecast | None) -> Announcement:
        counts = run.counts
        to_send = counts.unsent + counts.unknown
        warnings = [*run.road.mapping.warnings, *run.notices]
        notes = _file_notes(run.road.source.files, "standard input" if run.plan.spool is not None else "")
        if blank := run.skips.get(Skip.BLANK, 0):
            notes.append(f"{counted(blank, 'row')} without any value: skipped.")
        if found is not None:
            warnings.extend(f"{finding.message.rstrip('.')}. {finding.advice}" for finding in found.damage)
        older = run.superseded
        if older is not None and older.superseded:
            ids = ", ".join(known.id for known in older.superseded)
            warnings.append(
                f"An unfinished load of older content (run {ids}) is given up: it leaves "
                f"{counted(older.unsent, 'row')} unsent and {grouped(older.unknown)} unknown."
            )
        return Announcement(
            files=["standard input" if name == "-" else name for name in run.file_names],
            object_type=run.road.mapping.object_type.name,
            source=run.source,
            mapping=run.road.mapping.origin,
            counts_read=counts.read,
            rejected=counts.rejected,
            skipped=counts.skipped,
            settled=counts.accepted,
            to_send=to_send,
            entries=run.entries if run.entries and not counts.accepted else to_send,
            requests=forecast.requests if forecast else 0,
            seconds=forecast.seconds if forecast else None,
            until=forecast.until if forecast else None,
            window=forecast.window.label if forecast and forecast.window else "",
            init_data=run.plan.init_data,
            address=self._address,
            on_unknown=run.on_unknown,
            sandbox=run.plan.sandbox,
            notes=notes,
            warnings=warnings,
        )

    # --- sending ------------------------------------------------------------------------------------------------------

    def sending(self, run: Run, limiter: Limiter, requests: int) -> None:
        """The bar begins."""
        self._limiter = limiter
        self._time_left = TimeLeft(limiter, clock=self._clock)
        self._rows = run.counts.unsent + run.counts.unknown
        self._requests = requests
        self._lately.append((self._clock.steady(), 0))

    def accepted(self, batch: int, rows: int) -> None:
        """Count, and show now and then."""
        self._accepted += rows
        self._tell()

    def refused(self, batch: int, rows: int, code: str) -> None:
        """Count, and show now and then."""
        self._refused += rows
        self._tell()

    def held(self, batch: int, rows: int) -> None:
        """Count, and show now and then."""
        self._held += rows
        self._tell()

    def settled(self, outcome: Outcome) -> None:
        """One batch less to go."""
        self._settled += 1

    def waiting(self, reason: str, seconds: float | None) -> None:
        """Something other than the quota holds the load up."""
        self._waiting = str(reason)
        self._waits_until = self._clock.steady() + (seconds or 0.0)
        self._tell()

    def still_sending(self) -> None:
        """Show that it waits, and for how long still."""
        self._tell()

    def sent_all(self) -> None:
        """The bar ends."""
        self._close_bar()

    def _tell(self) -> None:
        now = self._clock.steady()
        done = self._accepted + self._refused + self._held
        if now - self._spoken < (BAR_SECONDS if self._has_bar else PLAIN_SECONDS):
            return
        self._lately.append((now, done))
        while len(self._lately) > 2 and now - self._lately[0][0] > RATE_SECONDS:  # noqa: PLR2004 - a rate needs two
            self._lately.popleft()
        progress = self._progress(now, done)
        self._show(bar_text(progress) if self._has_bar else progress_line(progress), done)

    def _progress(self, now: float, done: int) -> Progress:
        since, before = self._lately[0]
        rate = (done - before) / (now - since) if now > since else None
        waiting_for, waits = ("", 0.0)
        if now < self._waits_until:
            waiting_for, waits = self._waiting, self._waits_until - now
        elif self._limiter is not None and (wait := self._limiter.waiting) is not None:
            waits = wait.until - self._clock.now()
            # Shorter waits are the even pace of a load that goes well.
            waiting_for = (wait.window.label if wait.window else wait.reason) if waits >= WAIT_SHOWN else ""
        left = None
        if self._time_left is not None and self._requests > self._settled:
            left = self._time_left.seconds(self._requests - self._settled)
        return Progress(
            rows=self._rows,
            accepted=self._accepted,
            rejected=self._refused,
            unknown=self._held,
            rows_a_second=rate,
            waiting_for=waiting_for,
            waits=waits,
            waits_until=self._time_of_day(waits) if waiting_for and waits >= LONG_WAIT else "",
            seconds_left=left,
        )

    def _time_of_day(self, seconds: float) -> str:
        """When so many seconds have passed, by the clock of whoever looks."""
        return datetime.fromtimestamp(self._clock.now() + seconds, UTC).astimezone().strftime("%H:%M")

    # --- the screen ---------------------------------------------------------------------------------------------------

    def _show(self, text: str, done: int | None) -> None:
        if self._is_quiet:
            return
        now = self._clock.steady()
        if not self._has_bar:
            if now - self._spoken >= PLAIN_SECONDS:
                self._spoken = now
                sys.stderr.write(f"{text}\n")
                sys.stderr.flush()
            return
        self._spoken = now
        with self._turn:
            bar = self._open_bar()
            if self._task is None:
                self._task = bar.add_task(text, total=None)
            text = shortened(text, bar.console.width - BAR_WIDTH - 4)
            bar.update(
                self._task, description=text, total=self._rows if done is not None else None, completed=done or 0
            )

    def _open_bar(self) -> Bar:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, SpinnerColumn, TextColumn
            from rich.progress import Progress as RichProgress

            self._bar = RichProgress(
                SpinnerColumn(),
                BarColumn(bar_width=BAR_WIDTH),
                TextColumn("{task.description}", markup=False),
                console=Console(stderr=True),
                transient=True,
                refresh_per_second=8,
            )
            self._bar.start()
        return self._bar

    def _close_bar(self) -> None:
        with self._turn:
            if self._bar is not None:
                self._bar.stop()
                self._bar = self._task = None


def bar_text(progress: Progress) -> str:
    """What stands beside the bar, most important first, since a narrow terminal cuts its end."""
    settled = progress.accepted + progress.rejected + progress.unknown
    share = settled * 100 // progress.rows if progress.rows else 100
    parts = [f"{share} %, {grouped(progress.accepted)} accepted"]
    if progress.rejected:
        parts.append(f"{grouped(progress.rejected)} refused")
    if progress.unknown:
        parts.append(f"{grouped(progress.unknown)} unknown")
    if progress.seconds_left is not None and settled < progress.rows:
        parts.append(f"{spoken_time(progress.seconds_left)} left")
    if progress.waiting_for:
        parts.append(wait_words(progress))
    elif progress.rows_a_second is not None:
        parts.append(f"{grouped(round(progress.rows_a_second))} rows/s")
    return ", ".join(parts)


def _file_notes(files: Sequence[SourceFile], only: str) -> list[str]:
    """How each file was read; what holds for several is said once. `only` is how the only file is called, if at all."""
    names: dict[str, dict[str, None]] = {}
    for file in files:
        for note in file.notes:
            names.setdefault(note, {})[only or file.path.name] = None
    return [f"{_first_of(list(of_note))}: {note}" for note, of_note in names.items()]


def _first_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {counted(len(names) - 1, 'other')}"
