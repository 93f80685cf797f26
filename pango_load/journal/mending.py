"""What the journal is to a load, for a retry: rows of a finished run that are sent again after they were mended."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import merge
from typing import TYPE_CHECKING

from pango_load.journal import standing as move
from pango_load.journal.reading import Traffic
from pango_load.journal.retry_moves import RETRIED_AT, RetryMoves, Words
from pango_load.journal.standing import BatchState, Part, Standing
from pango_load.records import Counts, EntryRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pango_load.journal.reading import JournalReader
    from pango_load.journal.run import Journal
    from pango_load.journal.spans import RowSpan
    from pango_load.plan import OnUnknown
    from pango_load.records import Outcome, PlannedBatch, RefusedEntry


class Left(IntEnum):
    """Where a row stands that a retry may send."""

    REJECTED = 0
    """Turned down by this program, or refused by the platform."""
    DOUBTED = 1
    """The same, and a retry has sent it: no answer came."""
    HELD = 2
    """Unknown in a batch of the load itself."""


@dataclass(slots=True)
class LeftRows:
    """The rows of a run that are neither accepted, skipped nor unsent, by their positions."""

    positions: array[int] = field(default_factory=lambda: array("q"))
    kinds: bytearray = field(default_factory=bytearray)
    entries: array[int] = field(default_factory=lambda: array("q"))

    @classmethod
    def of(cls, journal: JournalReader) -> LeftRows:
        """Every row that is left, in the order of the source; some bytes for each."""
        doubted = set(positions_of(journal.retried_spans(BatchState.UNKNOWN)))
        done = (BatchState.ACCEPTED, BatchState.LEFT_OUT, BatchState.OVERTAKEN)
        settled = {at for state in done for at in positions_of(journal.retried_spans(state))}
        rejected = ((note.position, Left.REJECTED, -1) for note in journal.rejected_rows())
        refused = (
            (at, Left.REJECTED, entry.position) for entry in journal.refused_rows() for at in rows_of(journal, entry)
        )
        held = ((at, Left.HELD, -1) for at in positions_of(journal.held_spans()))
        left = cls()
        for at, kind, entry_at in merge(rejected, refused, held):
            if at not in settled:
                left.add(at, Left.DOUBTED if at in doubted else kind, entry_at)
        return left

    def add(self, position: int, kind: Left, entry: int) -> None:
        """Take the next row in; `entry` is the position of the refused entry that it is part of, or -1."""
        self.positions.append(position)
        self.kinds.append(kind)
        self.entries.append(entry)

    def find(self, position: int) -> int:
        """The index of the row at `position`; -1 where it is not left."""
        index = bisect_left(self.positions, position)
        return index if index < len(self.positions) and self.positions[index] == position else -1

    def entry(self, index: int) -> int | None:
        """The position of the refused entry that the row is part of; None where this program had rejected it."""
        return None if self.entries[index] < 0 else self.entries[index]

    def kind(self, index: int) -> Left:
        """Where the row stands."""
        return Left(self.kinds[index])

    def __len__(self) -> int:
        return len(self.positions)


class Mending:
    """Records what becomes of mended rows where the balance of their run is kept; see `delivery.recorder.Recorder`.

    Rows of the retry have positions of their own, counted from 0. Batches are planned anew by each retry: what was
    accepted is no part of them any more.

    Args:
        journal: of the run, which is finished.
        left: the rows of the run that are left.
        chosen: for each row of the retry, its index in `left`.
        valid: the positions, in the retry, of the rows that may be sent.
        batches: what is sent.
        skipped: how many rows of the retry are left out for good.
    """

    def __init__(
        self,
        journal: Journal,
        left: LeftRows,
        chosen: Sequence[int],
        *,
        valid: array[int],
        batches: Sequence[PlannedBatch],
        skipped: int = 0,
    ) -> None:
        self._journal, self._left, self._chosen, self._valid = journal, left, chosen, valid
        self.skipped = skipped
        self.batches = batches
        self._words: list[Words] = []
        self._standing = {
            plan.number: Standing(number=plan.number, rows=plan.rows, state=BatchState.PLANNED, parts={})
            for plan in batches
        }
        self.refused: dict[int, Words] = {}
        self.accepted = 0
        self._settled: set[int] = set()

    # --- what sending asks --------------------------------------------------------------------------------------------

    def begin_sending(self, on_unknown: OnUnknown) -> None:
        """Set room aside for the worst; the batches hold just what is to be sent, whatever `on_unknown` says."""
        del on_unknown
        self._journal.begin_retry()

    def unsettled(self) -> Iterator[PlannedBatch]:
        """Every batch."""
        return iter(self.batches)

    def is_done(self) -> bool:
        """Whether each batch has found its place."""
        return len(self._settled) == len(self.batches)

    def counts(self) -> Counts:
        """Where the rows of the retry are before it sends any."""
        rows, valid = len(self._chosen), len(self._valid)
        return Counts(read=rows, rejected=rows - valid - self.skipped, skipped=self.skipped, unsent=valid)

    @property
    def leaves_out(self) -> bool:
        """Whether valid rows are left out."""
        return self.skipped > 0

    def placed_positions(self, first: int, last: int) -> list[int]:
        """Positions from `first` to `last` of the retry that are in no batch."""
        valid = set(self._valid[bisect_left(self._valid, first) : bisect_right(self._valid, last)])
        return [at for at in range(first, min(last + 1, len(self._chosen))) if at not in valid]

    def traffic(self) -> Traffic:
        """How many batches there are."""
        return Traffic(batches=len(self.batches))

    def waited(self, reason: str, seconds: float) -> None:
        """Keep nothing: the pace of a run is that of its load."""

    def doubt_ends(self, read_timeout: float) -> float | None:
        """See `Journal.doubt_ends`: an earlier attempt of a row that is sent now may still land."""
        if all(self._left.kind(index) is Left.REJECTED for index in self._chosen):
            return None
        return max(self._journal.doubt_ends(read_timeout) or 0.0, self._journal.moment(RETRIED_AT) + 2 * read_timeout)

    # --- what sending tells -------------------------------------------------------------------------------------------

    async def sending(self, number: int, entries: tuple[EntryRef, ...] | None = None) -> None:
        """A request is about to leave: its rows are unknown from now on."""
        await self._step(number, lambda now: move.sending(now, entries, resend=True), is_intent=True)

    async def unanswered(self, number: int, http: int | None = None) -> None:
        """The answer never came."""
        del http
        await self._step(number, move.unanswered)

    async def returned(self, number: int, http: int | None = None) -> None:
        """The request surely was not executed."""
        del http
        await self._step(number, move.returned)

    async def piece(
        self,
        number: int,
        *,
        accepted: tuple[EntryRef, ...] = (),
        refused: tuple[RefusedEntry, ...] = (),
        held: tuple[EntryRef, ...] = (),
    ) -> None:
        """Some entries of a batch have found their place."""
        parts = self._parts_of(refused)
        await self._step(number, lambda now: move.piece(now, accepted=accepted, refused=parts, held=held))

    async def settled(self, outcome: Outcome) -> None:
        """The batch as a whole has found its place."""
        parts = self._parts_of(outcome.refused)
        await self._step(
            outcome.batch, lambda now: move.settled(now, outcome.verdict, refused=parts, held=outcome.held)
        )
        self._settled.add(outcome.batch)

    def _parts_of(self, refused: Sequence[RefusedEntry]) -> dict[int, Part]:
        parts = {}
        for entry in refused:
            parts[entry.position] = Part(entry.rows, BatchState.REFUSED, len(self._words))
            self._words.append((entry.code, entry.message))
        return parts

    async def _step(self, number: int, step: Callable[[Standing], Standing], *, is_intent: bool = False) -> None:
        before = self._standing[number]
        after = step(before)
        await self._journal.retry(self._moves(before, after, is_intent=is_intent))
        self._standing[number] = after

    def _moves(self, before: Standing, after: Standing, *, is_intent: bool) -> RetryMoves:
        sent: dict[int, int | None] = {}
        returned: list[int] = []
        accepted: list[int] = []
        held_accepted: list[int] = []
        refused: dict[int, Words] = {}
        held_refused: dict[int, Words] = {}
        for row, old, new in self._changes(before, after):
            index = self._chosen[row]
            at, kind = self._left.positions[index], self._left.kind(index)
            match new.state:
                case BatchState.ACCEPTED:
                    (held_accepted if kind is Left.HELD else accepted).append(at)
                    self.accepted += 1
                case BatchState.REFUSED:
                    words = self._words[new.refusal or 0]
                    (held_refused if kind is Left.HELD else refused)[at] = words
                    self.refused[row] = words
                case BatchState.PLANNED if kind is Left.REJECTED:
                    returned.append(at)
                case _ if kind is Left.REJECTED and old.state is BatchState.PLANNED:
                    sent[at] = self._left.entry(index)
                case _:
                    pass
        return RetryMoves(
            is_intent=is_intent,
            sent=sent,
            returned=returned,
            accepted=accepted,
            refused=refused,
            held_accepted=held_accepted,
            held_refused=held_refused,
        )

    def _changes(self, before: Standing, after: Standing) -> Iterator[tuple[int, Part, Part]]:
        plan = self.batches[before.number]
        start, end = bisect_left(self._valid, plan.first), bisect_right(self._valid, plan.last)
        rows = self._valid[start:end]
        for row, old, new in zip(rows, _where(rows, before), _where(rows, after), strict=True):
            if old.state is not new.state:
                yield row, old, new


def _where(rows: Sequence[int], standing: Standing) -> Iterator[Part]:
    """Where each row of a batch stands: a part takes as many rows as it has, from its position on."""
    rest = Part(1, standing.state)
    now, left = rest, 0
    for row in rows:
        if part := standing.parts.get(row):
            now, left = part, part.rows
        yield now if left > 0 else rest
        left -= 1


def rows_of(journal: JournalReader, entry: RefusedEntry) -> Iterator[int]:
    """The rows that a refused entry is made of."""
    return (
        iter((entry.position,))
        if entry.rows == 1
        else positions_of(journal.span_of(EntryRef(entry.position, entry.rows)))
    )


def positions_of(spans: Iterable[RowSpan]) -> Iterator[int]:
    """Every position in `spans`."""
    for span in spans:
        yield from range(span.first, span.last + 1)
