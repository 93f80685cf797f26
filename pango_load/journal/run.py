"""One run's journal: the only memory of a load, written before and after each request."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from pango_load.clock import Clock, SystemClock
from pango_load.errors import LoadStopped, MustBeMended, UsageError
from pango_load.journal.description import RETRYING, RunState, counts_to_json, identity_values, values_of
from pango_load.journal.ledger import SLOT_SECONDS, Ledger
from pango_load.journal.place import check_state_folder, private_folder
from pango_load.journal.reading import JournalReader
from pango_load.journal.standing import DoesNotAddUp
from pango_load.journal.store import (
    GROWN,
    Connect,
    Connection,
    connect,
    free_bytes,
    make_file,
    open_file,
    open_to_read,
)
from pango_load.journal.writer import RESERVE, Writer
from pango_load.plan import OnUnknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from pango_load.journal.description import RunDescription
    from pango_load.journal.identity import LoadIdentity
    from pango_load.journal.ledger import RejectedNote
    from pango_load.journal.retry_moves import RetryMoves
    from pango_load.journal.spans import RowSpan
    from pango_load.records import EntryRef, Outcome, PlannedBatch, RefusedEntry

RUNS = "runs"
"""The folder in the state folder that holds one journal for each run."""

BYTES_PER_BATCH = 100
"""What a batch may still cost while it is sent, with its parts, its pace and the write-ahead log."""


class Journal(JournalReader):
    """What happened in one run, and what is left to do because of it.

    Every method that records returns only when its entry is on the disk. It must belong to one process only:
    hold `lock.claim` of its identity while it is open.
    """

    def __init__(self, path: Path, writing: Connection, reading: Connection, clock: Clock) -> None:
        super().__init__(path, reading)
        self._ledger = Ledger(writing)
        self._writer = Writer(self._ledger, path, clock)
        self._clock = clock
        self._writer.start()

    # --- its beginning and its end ------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        state: Path,
        *,
        identity: LoadIdentity,
        description: RunDescription,
        clock: Clock | None = None,
        connect: Connect = connect,
    ) -> Journal:
        """Begin the journal of a new run in the state folder `state`.

        Raises:
            UsageError: the state folder cannot be used; nothing was sent.
            MustBeMended: its disk is full.
        """
        clock = clock or SystemClock()
        check_state_folder(state)
        folder = private_folder(state / RUNS)
        while True:
            run_id = secrets.token_hex(4)
            path = folder / f"{identity.digest[:12]}-{run_id}.sqlite"
            if any(folder.glob(f"*-{run_id}.sqlite")):
                continue
            make_file(path, values_of(run_id, identity, description, clock.now()).items())
            break
        # Nothing has been sent in a survey: what a loss of power takes is surveyed again.
        return cls._open(path, clock, connect, "synchronous = NORMAL")

    @classmethod
    def open(cls, path: Path, *, clock: Clock | None = None, connect: Connect = connect) -> Journal:
        """Go on with the run at `path`: what a dead process left under way becomes unknown.

        Raises:
            UsageError: it is missing, no journal, of a newer version, or its survey was never finished.
            MustBeMended: it is damaged; it is left as it is.
            TemporaryStop: another program holds it.
        """
        journal = cls._open(path, clock or SystemClock(), connect, "synchronous = FULL")
        try:
            journal.take_over()
        except BaseException:
            journal.close()
            raise
        return journal

    @classmethod
    def _open(cls, path: Path, clock: Clock, connect: Connect, setting: str) -> Journal:
        writing = open_file(path, connect)
        try:
            writing.execute(f"PRAGMA {setting}")
            reading = open_to_read(path, connect)
        except BaseException:
            writing.close()
            raise
        return cls(path, writing, reading, clock)

    def take_over(self) -> None:
        """Put in order what the process before this one left when it died.

        Raises:
            UsageError: it had not come so far that anything was sent.
        """
        self._write(Ledger.undo_growth)
        if self.facts().state is RunState.SURVEY:
            raise UsageError(
                f"The survey of the run in {self.path} was never finished, so nothing was sent.",
                "Start the load anew.",
            )
        self._write(Ledger.recover)

    def close(self) -> None:
        """Write what still waits and let the file go; the write-ahead log is folded in."""
        self._writer.close()
        super().close()
        self._ledger.db.close()

    def _write(self, write: Callable[[Ledger], None]) -> None:
        self._writer.write_now(write)

    # --- the survey ---------------------------------------------------------------------------------------------------

    def describe(self, description: RunDescription) -> None:
        """Replace what the run says about itself: its folder is known only after its id."""
        self._write(lambda ledger: ledger.set_value("description", description.to_json()))

    def keep_findings(self, text: str) -> None:
        """Keep what a survey found beside its plan, as JSON without row values: a resumed run tells it too."""
        self._write(lambda ledger: ledger.set_value("findings", text))

    def plan_batches(self, batches: Sequence[PlannedBatch]) -> None:
        """Keep planned batches, some thousands at a time; numbers and positions go on where the last ones ended."""
        self._write(lambda ledger: ledger.plan(batches))

    def reject(self, rows: Sequence[RejectedNote]) -> None:
        """Keep rows that were turned down, some thousands at a time: places, codes and fields, no values."""
        self._write(lambda ledger: ledger.reject(rows))

    def skip(self, spans: Sequence[RowSpan]) -> None:
        """Keep rows that are left out on purpose: `--skip-rows`, `--limit`, duplicates that were collapsed."""
        self._write(lambda ledger: ledger.skip(spans))

    def number(self, lines: Sequence[tuple[int, int, int]]) -> None:
        """Keep how rows are numbered: (first position, number less position, file), wherever that changes."""
        self._write(lambda ledger: ledger.number(lines))

    def finish_survey(self, *, read: int) -> None:
        """The plan is complete and on the disk; from now on the run goes on instead of starting anew.

        Args:
            read: records of the source, those left out included.

        Raises:
            DoesNotAddUp: the rows planned, rejected and skipped are not those that were read (exit 1).
            MustBeMended: the disk has no room for what will be recorded while sending.
        """
        counts = self.counts()
        placed = counts.rejected + counts.skipped + counts.accepted + counts.unknown + counts.unsent
        if placed != read:
            raise DoesNotAddUp(f"{read} rows were read, and {placed} were planned, rejected or skipped.")
        wanted = RESERVE + BYTES_PER_BATCH * self.traffic().batches
        if free_bytes(self.path.parent) < wanted:
            raise MustBeMended(
                f"The disk that holds {self.path.parent} has less than {wanted / 1e6:.0f} MB free, which a load of "
                "this size may need for its journal.",
                "Make room there, or name another folder in PANGO_STATE_DIR. Nothing was sent.",
            )
        self._ledger.db.execute("PRAGMA synchronous = FULL")

        def finish(ledger: Ledger) -> None:
            ledger.set_value("read", read)
            ledger.set_value("state", RunState.SENDING.value)
            ledger.forget_growth()

        self._write(finish)

    def grow(self, identity: LoadIdentity, description: RunDescription) -> int:
        """Open the survey again for rows that were added at the end (`--append`); what was settled stays settled.

        Positions and batch numbers go on where they ended. A crash before the next `finish_survey` takes the new rows
        back, not the old ones.

        Returns:
            The position of the first new record.
        """
        read = self.facts().read
        self._answer_to(identity)

        def reopen(ledger: Ledger) -> None:
            ledger.begin_growth()
            for key, value in identity_values(identity).items():
                ledger.set_value(key, value)
            ledger.set_value("description", description.to_json())
            ledger.set_value("state", RunState.SURVEY.value)

        self._write(reopen)
        return read

    def _answer_to(self, identity: LoadIdentity) -> None:
        """The file's name tells the load that it began with; were it damaged, it must be known by the new one too."""
        mark = self.path.with_name(f"{identity.digest[:12]}-{self.facts().id}{GROWN}")
        try:
            mark.touch(mode=0o600)
        except OSError as error:
            raise MustBeMended(
                f"{mark} cannot be made: {error.strerror}; nothing was sent.",
                "Make room there, or give yourself the right to write, and run the same command again.",
            ) from error

    def take_back_growth(self) -> bool:
        """Whether a survey of added rows was under way: then the run is again what it was before `grow`."""
        if not self.is_growing:
            return False
        self._write(Ledger.undo_growth)
        return True

    # --- sending ------------------------------------------------------------------------------------------------------

    def begin_sending(self, on_unknown: OnUnknown = OnUnknown.RESEND) -> None:
        """Say what is done with entries whose answer never came, and set room aside for the worst.

        Raises:
            MustBeMended: the disk is full.
        """
        self._ledger.resend = on_unknown is OnUnknown.RESEND
        self._reserve_room()

        def begin(ledger: Ledger) -> None:
            for key in ("exit_code", "finished", "counts"):
                ledger.set_value(key, None)
            ledger.set_value("on_unknown", on_unknown.value)
            ledger.set_value("state", RunState.SENDING.value)

        self._write(begin)

    def _reserve_room(self) -> None:
        try:
            self._writer.keep_reserve()
        except OSError as error:
            raise MustBeMended(
                f"The disk that holds {self.path.parent} is full: {error.strerror}.",
                "Make room there and run the same command again. Nothing was sent.",
            ) from error

    def unsettled(self) -> Iterator[PlannedBatch]:
        """What is left to be sent, in order, at the boundaries that were planned; after `begin_sending`.

        `done` names records that must not be sent again (an entry is left out when its first record is among them);
        `after` names earlier batches that share a record key and are not settled, or of which an answer was missed:
        what nobody heard of may still land. Under `hold`, what is unknown is not sent again: it is named, never given.
        """
        return self._unsettled(resend=self._ledger.resend)

    def is_done(self) -> bool:
        """Whether nothing is left to be sent; after `begin_sending`."""
        counts = self.counts()
        return not counts.unsent and not (counts.unknown and self._ledger.resend)

    async def sending(self, number: int, entries: tuple[EntryRef, ...] | None = None) -> None:
        """A request is about to leave: it may once this returns, and never if this raises.

        Args:
            number: the batch.
            entries: those in the request; None for all of the batch that is not settled. What an earlier request of
                this batch held counts as answered.

        Raises:
            LoadStopped: the intent could not be recorded.
            DoesNotAddUp: the platform has already settled it.
        """
        try:
            await self._writer.write(lambda ledger: ledger.sending(number, entries), is_intent=True)
        except asyncio.CancelledError:
            # Its caller will not send it, whether or not the intent has reached the disk.
            self._writer.put(lambda ledger: ledger.returned(number))
            raise

    async def unanswered(self, number: int, http: int | None = None) -> None:
        """The answer never came, or said nothing: what was under way is unknown."""
        await self._writer.write(lambda ledger: ledger.unanswered(number, http))

    async def returned(self, number: int, http: int | None = None) -> None:
        """The request surely was not executed (429, 401, never written): back to where its entries stood before."""
        await self._writer.write(lambda ledger: ledger.returned(number, http))

    async def piece(
        self,
        number: int,
        *,
        accepted: tuple[EntryRef, ...] = (),
        refused: tuple[RefusedEntry, ...] = (),
        held: tuple[EntryRef, ...] = (),
    ) -> None:
        """Some entries of a batch that is taken apart have found their place."""
        await self._writer.write(lambda ledger: ledger.piece(number, accepted=accepted, refused=refused, held=held))

    def settled(self, outcome: Outcome) -> asyncio.Future[None]:
        """What became of a batch as a whole; what `piece` told before stays as it was told.

        It has its place in the order when this returns, and is on the disk when the future is done.
        """
        return self._writer.place(lambda ledger: ledger.settled(outcome))

    def waited(self, reason: str, seconds: float) -> None:
        """Keep for the report that the load waited; returns at once and is not waited for."""
        now = self._clock.now()
        self._writer.put(lambda ledger: ledger.waited(now, reason, seconds))

    @property
    def stopped(self) -> LoadStopped | None:
        """Why no request is announced any more: the first failure of a write; None while all is well."""
        return self._writer.stopped

    def leave_out(self, entries: Iterable[EntryRef]) -> None:
        """Settle unknown entries without sending them again: a newer row of their record key was accepted.

        Raises:
            DoesNotAddUp: one of them is not unknown; then nothing is written.
        """
        told = tuple(entries)
        self._write(lambda ledger: ledger.leave_out(told))

    def doubt_ends(self, read_timeout: float) -> float | None:
        """Until when (seconds since 1970) an attempt of an earlier process whose answer is unknown may still land.

        An old value must not overtake a new one: the newer of two rows with one key waits out twice the read time-out.
        None where every request was answered. To be asked before the first request of this process.
        """
        # What was in flight at a death is unknown, and no slot says when it left: it may have been the last request.
        where = "" if self.counts().unknown else " WHERE lost > 0"
        last = self._rows(f"SELECT coalesce(max(slot), -1) FROM pace{where}")[0][0]  # noqa: S608 - fixed words
        if last < 0:
            return None
        return (last + 1) * SLOT_SECONDS + 2 * read_timeout

    # --- mending ------------------------------------------------------------------------------------------------------

    async def retry(self, moves: RetryMoves) -> None:
        """Keep what becomes of rows of a finished run that are sent again after they were mended.

        Args:
            moves: by their positions in this run; a request that they announce may leave once this returns, and never
                if this raises.
        """
        now = self._clock.now()
        try:
            await self._writer.write(lambda ledger: moves.write(ledger, now), is_intent=moves.is_intent)
        except asyncio.CancelledError:
            if moves.is_intent:
                self._writer.put(lambda ledger: moves.taken_back().write(ledger, now))
            raise

    def retry_now(self, moves: RetryMoves) -> None:
        """The same outside a loop, for rows that are turned down before any is sent."""
        now = self._clock.now()
        self._write(lambda ledger: moves.write(ledger, now))

    def begin_retry(self) -> None:
        """Set room aside, and remember that a retry is under way; the run stays finished.

        Raises:
            MustBeMended: the disk is full.
        """
        self._reserve_room()
        self._write(lambda ledger: ledger.set_value(RETRYING, 1))

    def end_retry(self, exit_code: int | None) -> None:
        """Give the reserve back; with a code, keep what the balance is now.

        Args:
            exit_code: 0 or 3; None where the retry stopped early and can go on.
        """
        counts = counts_to_json(self.counts())

        def end(ledger: Ledger) -> None:
            ledger.set_value("counts", counts)
            if exit_code is not None:
                ledger.set_value("exit_code", exit_code)
                ledger.set_value(RETRYING, None)

        self._write(end)
        self._writer.drop_reserve()

    # --- the end ------------------------------------------------------------------------------------------------------

    def finish(self, exit_code: int) -> None:
        """Keep how the run ended, and give the reserve back.

        With 0 or 3 it is finished if nothing is unsent; otherwise it can go on.
        """
        now, totals = self._clock.now(), self.counts()
        is_complete = exit_code in {0, 3} and not totals.unsent
        state = RunState.FINISHED if is_complete else RunState.STOPPED
        is_surveyed = self.facts().state is not RunState.SURVEY
        counts = counts_to_json(totals)

        def finish(ledger: Ledger) -> None:
            if is_surveyed:
                ledger.set_value("state", state.value)
            ledger.set_value("exit_code", exit_code)
            ledger.set_value("finished", now)
            ledger.set_value("counts", counts)

        self._write(finish)
        self._writer.drop_reserve()

    def supersede(self, by: str) -> None:
        """The run `by` with newer content takes the place of this one, which will not go on."""

        def supersede(ledger: Ledger) -> None:
            ledger.set_value("state", RunState.SUPERSEDED.value)
            ledger.set_value("superseded_by", by)

        self._write(supersede)
