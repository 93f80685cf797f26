"""Batches reach Pango: first one alone, then many side by side, until all are settled or the load must stop."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

from pango_load.delivery.exchange import Exchange
from pango_load.delivery.feed import feed
from pango_load.delivery.gate import Gate
from pango_load.delivery.guard import RefusalGuard
from pango_load.delivery.listener import Listener, Silent
from pango_load.delivery.patience import Patience
from pango_load.delivery.pauses import Breaker, Outage, Pauses
from pango_load.delivery.roster import CalledOff, Roster
from pango_load.delivery.scrub import Scrubber
from pango_load.delivery.taking_apart import BatchRoad
from pango_load.delivery.token import TokenKeeper
from pango_load.delivery.turns import Turns
from pango_load.errors import Interrupted, TemporaryStop
from pango_load.records import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pango_load.clock import Clock
    from pango_load.delivery.client import Line, Platform
    from pango_load.delivery.limiter import Limiter
    from pango_load.delivery.recorder import Recorder
    from pango_load.delivery.stop import StopRequest
    from pango_load.plan import DeliveryOptions
    from pango_load.records import Batch

_log = logging.getLogger(__name__)

ASIDE = 4
"""Batches that may stand aside for the order's sake, for each sender."""


async def deliver(
    batches: AsyncIterator[Batch] | Iterator[Batch],
    *,
    client: Platform,
    limiter: Limiter,
    recorder: Recorder,
    options: DeliveryOptions,
    clock: Clock,
    stop: StopRequest,
    listener: Listener | None = None,
    pauses: Pauses | None = None,
    dice: random.Random | None = None,
    doubt_until: float | None = None,
    is_proven: bool = False,
) -> None:
    """Send every batch and record what became of it; returns when all are settled.

    Args:
        batches: by rising number. A plain iterator runs in a thread of its own, a little ahead.
        client: the platform.
        limiter: permits to send; a request leaves only with one.
        recorder: remembers each step, durably, before the next one.
        options: how to send; `max_duration` counts from now.
        clock: waits and times.
        stop: a wish to end early.
        listener: hears of every step, for progress.
        pauses: times between attempts.
        dice: randomness of the pauses.
        doubt_until: until when (seconds since 1970) a request of an earlier run, whose answer nobody knows, may still
            land: newer values of records wait for that.
        is_proven: something of this load was accepted before, so that rows which are all refused alike are at fault
            themselves.

    Raises:
        Interrupted: after `stop` was asked; what was under way is recorded.
        TemporaryStop: nothing works for `give_up_after`, or `max_duration` is over or cannot be kept.
        CredentialsRefused: the platform does not take the credentials.
        MustBeMended: it answers in a way that will not change by itself.
        LoadStopped: whatever `batches` or `recorder` raise.
    """
    stream = batches if isinstance(batches, AsyncIterator) else feed(batches)
    delivery = _Delivery(
        stream,
        client=client,
        limiter=limiter,
        recorder=recorder,
        options=options,
        clock=clock,
        listener=listener if listener is not None else Silent(),
        pauses=pauses if pauses is not None else Pauses(),
        dice=dice if dice is not None else random.Random(),
        doubt_until=doubt_until,
        is_proven=is_proven,
    )
    await delivery.run(stop)


class _Delivery:
    """The senders of one load."""

    def __init__(
        self,
        stream: AsyncIterator[Batch],
        *,
        client: Platform,
        limiter: Limiter,
        recorder: Recorder,
        options: DeliveryOptions,
        clock: Clock,
        listener: Listener,
        pauses: Pauses,
        dice: random.Random,
        doubt_until: float | None,
        is_proven: bool,
    ) -> None:
        self._client, self._clock, self._options, self._stream = client, clock, options, stream
        self._roster = Roster()
        self._proven = asyncio.Event()
        self._patience = Patience(clock, options.max_duration)
        scrubber = Scrubber(client.credentials.secrets)
        self._turns = Turns(
            stream,
            clock=clock,
            patience=self._patience,
            listener=listener,
            quiet=2 * options.read_timeout,
            aside=ASIDE * options.senders,
            doubt_until=doubt_until,
        )
        breaker = Breaker(senders=options.senders, pauses=pauses)
        outage = Outage(give_up_after=options.give_up_after)
        exchange = Exchange(
            client=client,
            limiter=limiter,
            recorder=recorder,
            options=options,
            clock=clock,
            listener=listener,
            tokens=TokenKeeper(
                client,
                clock=clock,
                scrubber=scrubber,
                patience=self._patience,
                pauses=pauses,
                dice=dice,
                give_up_after=options.give_up_after,
                limiter=limiter,
                listener=listener,
                outage=outage,
            ),
            gate=Gate(breaker, clock=clock, patience=self._patience, listener=listener),
            outage=outage,
            patience=self._patience,
            pauses=pauses,
            roster=self._roster,
            scrubber=scrubber,
            dice=dice,
        )
        self._road = BatchRoad(exchange=exchange, guard=RefusalGuard(is_proven=is_proven))

    async def run(self, stop: StopRequest) -> None:
        """Let the senders work until they are done or one of them, a person or the time ends the load."""
        senders = [asyncio.create_task(self._work(number)) for number in range(self._options.senders)]
        asked = asyncio.create_task(stop.wait())
        over = asyncio.create_task(self._end_of_time())
        try:
            reason = await self._watch(senders, asked, over, stop)
            if reason is not None:
                raise await self._wind_down(senders, reason)
            await self._road.settle_what_was_in_vain()
            if (failure := await self._road.settling.finish()) is not None:
                raise failure
        finally:
            for task in (*senders, asked, over):
                task.cancel()
            await asyncio.gather(*senders, asked, over, return_exceptions=True)
            await self._road.settling.finish()
            close = getattr(self._stream, "aclose", None)
            if close is not None:
                with suppress(Exception):
                    await close()

    async def _watch(
        self,
        senders: list[asyncio.Task[None]],
        asked: asyncio.Task[None],
        over: asyncio.Task[None],
        stop: StopRequest,
    ) -> BaseException | None:
        """Wait until all is done (None), or why the load ends."""
        pending: set[asyncio.Task[None]] = set(senders)
        while pending:
            done, _ = await asyncio.wait({*pending, asked, over}, return_when=asyncio.FIRST_COMPLETED)
            for task in done & pending:
                if (error := task.exception()) is not None:
                    return error
            pending -= done
            if pending and asked in done:
                return Interrupted(
                    "Interrupted; what was under way is finished and recorded.",
                    "Run the same command again to go on where it stopped.",
                    signal_number=stop.signal_number,
                )
            if pending and over in done:
                return self._patience.over("not everything is sent")
        return None

    async def _end_of_time(self) -> None:
        if self._options.max_duration is None:
            await asyncio.Event().wait()
        else:
            await self._clock.sleep(self._options.max_duration)

    async def _wind_down(self, senders: list[asyncio.Task[None]], reason: BaseException) -> BaseException:
        """Begin nothing more, let what is under way come to its end and its record, and say why the load ends."""
        _log.info("ending: %s", type(reason).__name__)
        self._roster.is_ending = True
        pending = {task for task in senders if not task.done()}
        for task in pending:
            if not self._roster.is_busy(task):
                task.cancel()
        drain = asyncio.create_task(self._clock.sleep(self._options.drain))
        try:
            while pending:
                done, _ = await asyncio.wait({*pending, drain}, return_when=asyncio.FIRST_COMPLETED)
                pending -= done
                if drain in done:
                    break
        finally:
            drain.cancel()
        # Their answers are given up; each records that before it goes.
        for task in pending:
            task.cancel()
        ends = [*await asyncio.gather(*senders, return_exceptions=True), await self._road.settling.finish()]
        if isinstance(reason, (Interrupted, TemporaryStop)):
            for end in ends:
                if isinstance(end, Exception) and not isinstance(end, (Interrupted, TemporaryStop, CalledOff)):
                    return end
        return reason

    async def _work(self, number: int) -> None:
        """One sender: the first one begins alone, the others when something was accepted."""
        if number > 0:
            await self._proven.wait()
        line: Line | None = None
        try:
            while (batch := await self._turns.next()) is not None:
                line = line if line is not None else self._client.open_line()
                outcome, doubted_at = await self._road.bring(batch, line)
                self._turns.settled(batch.number, doubted_at)
                _log.debug("batch %d: %s, HTTP %s", batch.number, outcome.verdict, outcome.http)
                if outcome.verdict is Verdict.ACCEPTED:
                    self._proven.set()
                self._roster.rest()
            self._proven.set()
        except CalledOff:
            pass
        finally:
            self._roster.leave()
            if line is not None:
                await line.close()
