"""The second pass: the batches that are left are filled from the source and delivered under the account's quota."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pango_load.delivery.client import IngestClient
from pango_load.delivery.feed import feed
from pango_load.delivery.limiter import Limiter
from pango_load.delivery.quota_sqlite import SqliteStore, quota_path
from pango_load.delivery.recorder import Recorder
from pango_load.delivery.sender import deliver
from pango_load.delivery.token import calls_before_sending, outlives_token
from pango_load.errors import Interrupted, TemporaryStop, TooManyRejects
from pango_load.payload.batches import BatchFiller, Extents
from pango_load.payload.entries import make_entries
from pango_load.payload.frame import make_frame
from pango_load.payload.groups import EntryGrouper
from pango_load.report.plain_text import counted, grouped, spoken_time
from pango_load.report.summary import DeliveryFigures, WindowWait
from pango_load.road import delivery_options
from pango_load.selection import PlacedRows, journaled
from pango_load.valid_rows import ValidRows, group_writer, grouped_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pango_load.clock import Clock
    from pango_load.delivery.forecast import Forecast
    from pango_load.delivery.listener import Wait
    from pango_load.delivery.profile import Profile
    from pango_load.delivery.stop import StopRequest
    from pango_load.journal.reading import Traffic
    from pango_load.payload.groups import Entries
    from pango_load.plan import Credentials, DeliveryOptions, Endpoint, LoadPlan, OnUnknown
    from pango_load.records import Batch, Counts, Outcome, PlannedBatch
    from pango_load.run import Run
    from pango_load.valid_rows import KeptRows
    from pango_load.watcher import Watcher


_log = logging.getLogger(__name__)

WAIT_KEPT = 0.5
"""Seconds: shorter waits are kept together with the next."""

WAIT_TOLD = 1.0
"""Seconds: shorter waits are not worth a line before sending."""

TICK = 1.0
"""Seconds between two looks at what is waited for."""


class SendingJournal(Recorder, PlacedRows, Protocol):
    """What sending asks of whoever remembers; a load's `Journal`, or `Mending` for a retry."""

    def begin_sending(self, on_unknown: OnUnknown) -> None:
        """Called once, before anything else."""
        ...

    def unsettled(self) -> Iterator[PlannedBatch]:
        """What is left to be sent."""
        ...

    def counts(self) -> Counts:
        """Where the rows are."""
        ...

    def is_done(self) -> bool:
        """Whether nothing is left to be sent; once every sender has come to its end."""
        ...

    def traffic(self) -> Traffic:
        """How many batches there are."""
        ...

    def doubt_ends(self, read_timeout: float) -> float | None:
        """Until when an attempt of an earlier process may still land."""
        ...

    def waited(self, reason: str, seconds: float) -> None:
        """Keep that sending waited."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends, where to and by which clock; the same for every run of a process."""

    endpoint: Endpoint
    credentials: Credentials
    profile: Profile
    clock: Clock
    stop: StopRequest
    watcher: Watcher

    def send(
        self,
        run: Run,
        journal: SendingJournal,
        announce: Callable[[Forecast | None], None],
        kept: KeptRows | None = None,
    ) -> None:
        """Deliver every batch of `journal` that is not settled.

        Args:
            run: its counts and figures are kept up to date.
            journal: of this run; its survey is finished.
            announce: called once, before the first request, with the earliest end.
            kept: what the survey of this process kept of the rows; else the source is read again.

        Raises:
            LoadStopped: why not all of it was sent; what was is recorded.
        """
        options = delivery_options(run.plan, run.road.mapping)
        journal.begin_sending(options.on_unknown)
        left, waiting = 0, 0
        for batch in journal.unsettled():
            left, waiting = left + 1, waiting + bool(batch.after)
        doubt_until = journal.doubt_ends(options.read_timeout) if run.is_resumed else None
        limiter = self._limiter(run.plan, options, left)
        run.counts = journal.counts()
        run.figures = DeliveryFigures(requests_planned=journal.traffic().batches)
        forecast = limiter.forecast(left, answer=0.0, calls=calls_before_sending(self.credentials)) if left else None
        run.notices = (*run.notices, *self._notices(forecast))
        if doubt_until is not None and waiting and (wait := doubt_until - self.clock.now()) > WAIT_TOLD:
            run.notices = (*run.notices, _doubt_notice(min(wait, 2 * options.read_timeout)))
        # Where nobody looks at a screen, the log is where they are read.
        for notice in run.notices:
            _log.warning("%s", notice)
        announce(forecast)
        if run.plan.max_rejects.is_passed(rejected=run.counts.rejected, read=run.counts.read):
            raise _too_many(run.counts.rejected, run.counts.read)
        run.write()
        heard = _Heard(self.watcher, run, journal, limiter, self.stop)
        self.watcher.sending(run, limiter, left)
        try:
            asyncio.run(self._deliver(run, journal, limiter, options, heard, doubt_until, kept))
        except Interrupted:
            if heard.too_many is not None:
                raise heard.too_many from None
            raise
        except TemporaryStop:
            # The time was over while the last requests were under way: what they came to decides.
            if not journal.is_done():
                raise
        finally:
            self.watcher.sent_all()
            run.figures = heard.figures()

    def _notices(self, forecast: Forecast | None) -> Iterator[str]:
        if self.profile.unproven:
            yield f"The profile {self.profile.name} is known from one client only; no document of Pango describes it."
        if forecast is not None and (words := outlives_token(self.credentials, forecast.seconds)):
            yield words

    def _limiter(self, plan: LoadPlan, options: DeliveryOptions, requests: int) -> Limiter:
        path = quota_path(plan.state, self.endpoint.account(self.credentials))
        return Limiter(
            options.windows,
            clock=self.clock,
            share=options.quota_share,
            pace=options.pace,
            expected_requests=requests,
            store=SqliteStore(path) if options.windows else None,
        )

    async def _deliver(
        self,
        run: Run,
        journal: SendingJournal,
        limiter: Limiter,
        options: DeliveryOptions,
        heard: _Heard,
        doubt_until: float | None,
        kept: KeptRows | None,
    ) -> None:
        client = IngestClient(
            endpoint=self.endpoint,
            credentials=self.credentials,
            frame=make_frame(run.road.mapping, run.source),
            profile=self.profile,
            init_data=run.plan.init_data,
            connect_timeout=options.connect_timeout,
            read_timeout=options.read_timeout,
        )
        ticking = asyncio.create_task(self._tick())
        try:
            with _signals_in(asyncio.get_running_loop(), self.stop):
                await deliver(
                    feed(_batches(run, journal, kept)),
                    client=client,
                    limiter=limiter,
                    recorder=journal,
                    options=options,
                    clock=self.clock,
                    stop=self.stop,
                    listener=heard,
                    doubt_until=doubt_until,
                    is_proven=run.counts.accepted > 0,
                )
        finally:
            ticking.cancel()
            await limiter.close()

    async def _tick(self) -> None:
        """Long waits are shown while they last: nothing else happens then."""
        while True:
            await self.clock.sleep(TICK)
            self.watcher.still_sending()


def _doubt_notice(wait: float) -> str:
    return (
        "A request of the last run may still be on its way: newer values of its records wait "
        f"up to {spoken_time(wait)} (twice --read-timeout)."
    )


def _too_many(rejected: int, read: int) -> TooManyRejects:
    return TooManyRejects(
        f"{grouped(rejected)} of {counted(read, 'row')} were rejected, which is more than --max-rejects allows.",
        "Look into the rejected file; the same command with a larger --max-rejects goes on.",
    )


def _batches(run: Run, journal: SendingJournal, kept: KeptRows | None) -> Iterator[Batch]:
    filler = BatchFiller(journal.unsettled())
    if filler.is_done:
        return
    mapping = run.road.mapping
    grouper = EntryGrouper(group_writer(mapping)) if mapping.groups else None
    kept = kept if kept is not None and kept.is_open else None
    for rows in _read_again(run, journal, filler) if kept is None else kept.again(run.road):
        if grouper is None:
            for some in rows.parts():
                yield from filler.fill(some.positions, make_entries(some.values, mapping))
        else:
            yield from _filled(filler, grouped_entries(rows, grouper))
            # The plan knows where a batch ends; without it, the next row would have to be seen to tell.
            if filler.last is not None and grouper.open_last == filler.last:
                yield from _filled(filler, grouper.flush())
        if filler.is_done:
            return
    filler.close()


def _read_again(run: Run, journal: SendingJournal, filler: BatchFiller) -> Iterator[ValidRows]:
    selection = journaled(run.road, journal)
    for passage in run.road.passages_where(filler.needs, tuple(run.fingerprints)):
        if passage.judged is not None:
            yield ValidRows.of(selection.of(passage.judged).judged)


def _filled(filler: BatchFiller, entries: Entries) -> Iterator[Batch]:
    if entries.texts is not None and len(entries):
        yield from filler.fill(entries.first, entries.texts, Extents(entries.last, entries.rows))


@contextmanager
def _signals_in(loop: asyncio.AbstractEventLoop, stop: StopRequest) -> Iterator[None]:
    """Signals wake the loop, which otherwise sleeps through them; their handlers stay what they are."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [
        number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if callable(signal.getsignal(number))
    ]
    before = {number: signal.getsignal(number) for number in numbers}

    def ask(number: signal.Signals) -> None:
        handler = before[number]
        if callable(handler):
            handler(number, None)
        else:
            stop.ask(number)

    for number in numbers:
        loop.add_signal_handler(number, ask, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])


class _Heard:
    """Passes on what delivery tells, counts it, and minds --max-rejects on the way."""

    def __init__(
        self, watcher: Watcher, run: Run, journal: SendingJournal, limiter: Limiter, stop: StopRequest
    ) -> None:
        self._watcher, self._journal, self._limiter, self._stop = watcher, journal, limiter, stop
        self._limit = run.plan.max_rejects
        self._read, self._rejected = run.counts.read, run.counts.rejected
        self._attempts = 0
        self._renewals = 0
        self._waited: dict[str, float] = {}
        self.too_many: TooManyRejects | None = None

    def figures(self) -> DeliveryFigures:
        """What passed over the wire in this process."""
        self._keep_waits()
        waits = sorted(self._limiter.waited.items(), key=lambda item: -item[1])
        return DeliveryFigures(
            requests_planned=self._journal.traffic().batches,
            attempts=self._attempts,
            too_many=self._limiter.limited,
            renewals=max(0, self._renewals - 1),
            waits=tuple(WindowWait(window=label, seconds=round(seconds, 3)) for label, seconds in waits),
        )

    def _keep_waits(self) -> None:
        for label, seconds in self._limiter.waited.items():
            more = seconds - self._waited.get(label, 0.0)
            if more >= WAIT_KEPT:
                self._waited[label] = seconds
                self._journal.waited(label, more)

    def sent(self, batch: int, entries: int) -> None:
        self._attempts += 1
        self._watcher.sent(batch, entries)

    def accepted(self, batch: int, rows: int) -> None:
        self._watcher.accepted(batch, rows)

    def refused(self, batch: int, rows: int, code: str) -> None:
        self._rejected += rows
        self._watcher.refused(batch, rows, code)
        if self.too_many is None and self._limit.is_passed(rejected=self._rejected, read=self._read):
            self.too_many = _too_many(self._rejected, self._read)
            self._stop.ask()

    def held(self, batch: int, rows: int) -> None:
        self._watcher.held(batch, rows)

    def repeated(self, batch: int, reason: str, pause: float) -> None:
        self._watcher.repeated(batch, reason, pause)

    def waiting(self, reason: Wait, seconds: float | None) -> None:
        self._watcher.waiting(reason, seconds)

    def token_renewed(self, generation: int) -> None:
        self._renewals = generation
        self._watcher.token_renewed(generation)

    def settled(self, outcome: Outcome) -> None:
        self._keep_waits()
        self._watcher.settled(outcome)
