"""One batch, from its first request to the record of what became of it; a refused one is taken apart on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from pango_load.delivery.exchange import End, Job, Result
from pango_load.delivery.narrowing import Narrowing, entries_of
from pango_load.delivery.settling import Settling
from pango_load.errors import MustBeMended
from pango_load.records import Outcome, RefusedEntry, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pango_load.delivery.client import Line
    from pango_load.delivery.exchange import Exchange
    from pango_load.delivery.guard import RefusalGuard
    from pango_load.delivery.narrowing import Piece
    from pango_load.delivery.verdict import Judgement
    from pango_load.records import Batch, EntryRef

FEW_SUSPECTS = 5
"""A field named in a refusal points at the entries that have it (or lack it) where those are at most a fifth."""


GOOD_BEFORE_TRYING = 20
"""So many smaller requests are taken before one of the old size is tried again; twice as many after each vain try."""


@dataclass(slots=True, kw_only=True)
class SizeLimit:
    """What the platform has shown of its limit for the size of a request, in bytes of entries.

    A 413 may be a stumble as well: what is no larger than something that was taken is no limit, and a limit is tried
    again now and then. Otherwise one stumble would cut all batches that follow, and cost their multiple in requests.

    Attributes:
        below: so much was too large; None while unknown.
        taken: so much was taken.
    """

    below: int | None = None
    taken: int = 0
    _good: int = 0
    _enough: int = GOOD_BEFORE_TRYING

    def is_passed(self, entries: Sequence[bytes]) -> bool:
        """Whether entries so large were too large before."""
        return self.below is not None and len(entries) > 1 and sum(map(len, entries)) >= self.below

    def learn(self, entries: Sequence[bytes]) -> None:
        """`entries` were too large."""
        size = sum(map(len, entries))
        if size > self.taken:
            self.below = size if self.below is None else min(self.below, size)
            self._good = 0

    def fits(self, entries: Sequence[bytes]) -> None:
        """`entries` were taken."""
        self.taken = max(self.taken, sum(map(len, entries)))
        if self.below is not None:
            self._good += 1
            if self._good >= self._enough:
                self.below, self._good, self._enough = None, 0, 2 * self._enough


@dataclass(slots=True, kw_only=True)
class BatchRoad:
    """Brings batches to their outcome, for all senders."""

    exchange: Exchange
    guard: RefusalGuard
    size: SizeLimit = field(default_factory=SizeLimit)
    settling: Settling = field(default_factory=Settling)
    _in_vain: list[tuple[_Tally, Outcome]] = field(default_factory=list)

    async def bring(self, batch: Batch, line: Line) -> tuple[Outcome, float | None]:
        """Send `batch` and record what became of it: the outcome, and when an answer to it was missed last.

        A batch of which everything was refused is recorded only when something else has been accepted after it.

        Raises:
            LoadStopped: where the load cannot go on.
            CalledOff: where it ends before the batch is settled.
        """
        job = Job(batch=batch, conclusive=self.exchange.conclusive)
        piece = tuple(range(len(batch.refs)))
        if done := set(batch.plan.done):
            piece = tuple(index for index in piece if batch.refs[index].position not in done)
        tally = _Tally(batch=batch, had_done=len(piece) < len(batch.refs))
        if piece:
            narrowing = await self._whole(job, piece, line, tally)
            if narrowing is not None:
                await self._apart(job, narrowing, line, tally)
        outcome = tally.outcome(job)
        if tally.is_in_vain:
            # What was sent last is on record as returned, or in doubt: nothing of this batch is settled.
            if self.guard.in_vain(len(piece)):
                raise refused_in_vain(job, tally)
            self._in_vain.append((tally, outcome))
            return outcome, job.doubted_at
        if tally.accepted:
            await self.settle_what_was_in_vain()
        await self._settle(tally, outcome)
        return outcome, job.doubted_at

    async def settle_what_was_in_vain(self) -> None:
        """Reject the rows of batches of which nothing was accepted: something was since, or the load has ended.

        Until then it may be the load that is wrong. Where the guard stops it, or a person, they count as unsent.
        """
        waiting, self._in_vain = self._in_vain, []
        for tally, outcome in waiting:
            await self._settle(tally, outcome)

    async def _settle(self, tally: _Tally, outcome: Outcome) -> None:
        # Nothing counts as accepted anywhere before that is on the disk (docs/journal.md).
        await self.settling.begin(self.exchange.recorder.settled(outcome), partial(self._tell, tally, outcome))

    def _tell(self, tally: _Tally, outcome: Outcome) -> None:
        tally.tell(self.exchange, outcome.batch)
        self.exchange.listener.settled(outcome)

    async def _whole(  # noqa: PLR0911 - a table of ends
        self, job: Job, piece: Piece, line: Line, tally: _Tally
    ) -> Narrowing | None:
        """Send everything in one request; how to take it apart where that did not settle it."""
        entries = entries_of(job.batch, piece)
        number = job.batch.number
        if self.size.is_passed(entries):
            return Narrowing(piece, is_refused=False, largest=len(piece) // 2)
        result = await self.exchange.send(job, piece, line)
        match result.end:
            case End.ACCEPTED | End.PARTLY:
                self.guard.answered("")
                self.guard.fine(number)
                self.size.fits(entries)
                tally.take(piece, result)
                return None
            case End.HELD:
                tally.take(piece, result)
                return None
            case End.TOO_LARGE if len(piece) > 1:
                self.size.learn(entries)
                await self.exchange.recorder.returned(number)
                return Narrowing(piece, is_refused=False, largest=len(piece) // 2)
            case End.FAILING:
                return Narrowing(piece)
        self.guard.answered(result.code)
        await self._return(number, result)
        if len(piece) == 1:
            tally.take(piece, result)
            return None
        named = suspects(result.judgement, piece, job.batch.entries)
        return Narrowing(piece, named=named, probe=self.guard.is_suspicious)

    async def _apart(self, job: Job, narrowing: Narrowing, line: Line, tally: _Tally) -> None:
        number = job.batch.number
        is_told = False
        while (piece := narrowing.next_piece()) is not None:
            entries = entries_of(job.batch, piece)
            if self.size.is_passed(entries):
                narrowing.tell_too_large(piece)
                continue
            result = await self.exchange.send(job, piece, line)
            if result.end is End.TOO_LARGE and len(piece) > 1:
                self.size.learn(entries)
                narrowing.tell_too_large(piece)
                await self._return(number, result)
                continue
            if result.end in {End.REFUSED, End.FAILING, End.MUDDLED} and len(piece) > 1:
                narrowing.tell_refused(piece, result.code, suspects(result.judgement, piece, job.batch.entries))
                await self._return(number, result)
                continue
            if result.end is End.ACCEPTED:
                self.size.fits(entries)
            _tell(narrowing, piece, result)
            tally.take(piece, result)
            if narrowing.accepted:
                self.guard.fine(number)
            elif narrowing.is_alike and not is_told:
                is_told = True
                if self.guard.alike(number, result.code):
                    await self._return(number, result)
                    raise refused_alike(job, result)
            await self._record(tally, number, result, may_wait=narrowing.accepted == 0)

    async def _return(self, number: int, result: Result) -> None:
        """Record that nothing of what was sent last was taken, where that is certain."""
        if result.end not in {End.FAILING, End.MUDDLED}:
            await self.exchange.recorder.returned(number)

    async def _record(self, tally: _Tally, number: int, result: Result, *, may_wait: bool) -> None:
        """Record what the last piece told.

        Refusals wait for the first acceptance in their batch, or for its end: until then the load itself may be wrong,
        and rows must not be rejected for that. The journal then says that they are still to be sent.
        """
        recorder, fresh = self.exchange.recorder, tally.fresh
        if may_wait and not fresh.held:
            await self._return(number, result)
            return
        await recorder.piece(number, accepted=fresh.accepted, refused=fresh.refused, held=fresh.held)
        tally.tell(self.exchange, number)


def _tell(narrowing: Narrowing, piece: Piece, result: Result) -> None:
    match result.end:
        case End.ACCEPTED:
            narrowing.tell_accepted(piece)
        case End.PARTLY:
            narrowing.tell_partly(piece, {failure.index: failure.code for failure in result.failures})
        case End.HELD:
            narrowing.tell_held(piece)
        case End.TOO_LARGE:
            narrowing.tell_too_large_alone(piece, result.code)
        case _:
            narrowing.tell_refused(piece, result.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class _News:
    """What some pieces told."""

    accepted: tuple[EntryRef, ...] = ()
    refused: tuple[RefusedEntry, ...] = ()
    held: tuple[EntryRef, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Tally:
    """Where the entries of a batch have ended, and which of them nobody was told of yet.

    Attributes:
        is_whole: all of them were accepted, in one request.
    """

    batch: Batch
    had_done: bool
    refused: list[RefusedEntry] = field(default_factory=list)
    held: list[EntryRef] = field(default_factory=list)
    accepted: int = 0
    is_whole: bool = False
    fresh: _News = field(default_factory=_News)

    def take(self, piece: Piece, result: Result) -> None:
        """Sort the entries of `piece` by what became of it."""
        refs = self.batch.refs
        if result.end is End.ACCEPTED and len(piece) == len(refs):
            self.accepted, self.is_whole = len(refs), True
            return
        words: Mapping[int, tuple[str, str]] = {}
        accepted: Sequence[int] = ()
        held: Sequence[int] = ()
        match result.end:
            case End.ACCEPTED:
                accepted = piece
            case End.PARTLY:
                words = {failure.index: (failure.code, failure.words) for failure in result.failures}
                accepted = [index for index in piece if index not in words]
            case End.HELD:
                held = piece
            case _:
                words = dict.fromkeys(piece, (result.code, result.words))
        refused = tuple(
            RefusedEntry(position=refs[index].position, code=code, message=message, rows=refs[index].rows)
            for index, (code, message) in sorted(words.items())
        )
        self.refused.extend(refused)
        self.held.extend(refs[index] for index in held)
        self.accepted += len(accepted)
        self.fresh = _News(
            accepted=self.fresh.accepted + tuple(refs[index] for index in accepted),
            refused=self.fresh.refused + refused,
            held=self.fresh.held + tuple(refs[index] for index in held),
        )

    def tell(self, exchange: Exchange, number: int) -> None:
        """Tell the listener what is fresh."""
        if self.is_whole:
            exchange.listener.accepted(number, self.batch.plan.rows)
            return
        fresh, self.fresh = self.fresh, _News()
        if fresh.accepted:
            exchange.listener.accepted(number, sum(ref.rows for ref in fresh.accepted))
        for entry in fresh.refused:
            exchange.listener.refused(number, entry.rows, entry.code)
        if fresh.held:
            exchange.listener.held(number, sum(ref.rows for ref in fresh.held))

    @property
    def is_in_vain(self) -> bool:
        """Whether every entry that was sent in this run was refused."""
        return bool(self.refused) and not (self.accepted or self.held or self.had_done)

    def outcome(self, job: Job) -> Outcome:
        """The batch's outcome."""
        if self.accepted or self.had_done:
            verdict = Verdict.ACCEPTED
        else:
            verdict = Verdict.REFUSED if self.refused else Verdict.UNKNOWN
        return Outcome(
            batch=self.batch.number,
            verdict=verdict,
            refused=tuple(sorted(self.refused, key=lambda entry: entry.position)) if self.refused else (),
            held=tuple(sorted(self.held, key=lambda ref: ref.position)) if self.held else (),
            attempts=job.attempts,
            http=job.http,
        )


def suspects(judgement: Judgement, piece: Piece, entries: Sequence[bytes]) -> frozenset[int]:
    """The entries of `piece` that a refusal's words seem to mean: by index, or the few with (or without) a field."""
    if judgement.named:
        return frozenset(piece[index] for index in judgement.named if index < len(piece))
    for name in judgement.fields:
        key = b'"' + name.encode() + b'":'
        having = frozenset(index for index in piece if key in entries[index])
        few = min(having, frozenset(piece) - having, key=len)
        if 0 < len(few) * FEW_SUSPECTS <= len(piece):
            return few
    return frozenset()


def refused_alike(job: Job, result: Result) -> MustBeMended:
    """The end of a load that the platform refuses whatever the rows are."""
    shown = f'{result.code}: "{result.words}"' if result.words else result.code
    if result.end is End.MUDDLED:
        return MustBeMended(
            f"Pango lists failures that belong to none of the rows sent (HTTP {job.http}, {shown}), so nobody knows "
            "which rows it took.",
            "Tell in the profile how to read the list (failure_paths, index_keys, first_index); rows sent count as "
            "unknown.",
        )
    return MustBeMended(
        f"Pango refuses every row alike (HTTP {job.http}, {shown}), so it is the load that is wrong, not the rows.",
        "Look at the object type, the mapping and the key's permissions; rows not accepted yet count as unsent.",
    )


def refused_in_vain(job: Job, tally: _Tally) -> MustBeMended:
    """The end of a load of which Pango has not taken anything for a while, in ever other words."""
    last = tally.refused[-1]
    shown = f'{last.code}: "{last.message}"' if last.message else last.code
    return MustBeMended(
        f"Pango refuses every row of every batch lately (the last one with HTTP {job.http}, {shown}).",
        "Look at the mapping and the key's permissions; the rows of these batches count as unsent.",
    )
