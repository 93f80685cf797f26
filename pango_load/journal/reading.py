"""The journal's reading side: totals, what is left to be sent, and the rows behind every number; memory stays flat."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from heapq import merge
from typing import TYPE_CHECKING, Literal

from pango_load.journal.description import RunFacts, facts_of
from pango_load.journal.ledger import SLOT_SECONDS, RejectedNote
from pango_load.journal.overtaking import Overtaking
from pango_load.journal.questions import PAGE
from pango_load.journal.spans import RowSpan, joined, placed
from pango_load.journal.standing import BatchState, Part
from pango_load.journal.store import Connect, Connection, connect, open_to_read
from pango_load.records import Counts, EntryRef, PlannedBatch, RefusedEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_UNKNOWN = frozenset({BatchState.SENT, BatchState.SENT_AGAIN, BatchState.UNKNOWN})
_UNSENT = frozenset({BatchState.PLANNED})
_PLACES: dict[int, str] = {
    BatchState.PLANNED: "unsent",
    BatchState.SENT: "unknown",
    BatchState.SENT_AGAIN: "unknown",
    BatchState.UNKNOWN: "unknown",
    BatchState.ACCEPTED: "accepted",
    BatchState.REFUSED: "rejected",
    BatchState.LEFT_OUT: "skipped",
    BatchState.OVERTAKEN: "skipped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What went over the wire, in all the processes of this run.

    Attributes:
        batches: planned ones.
        settled: batches that the platform has spoken about.
        requests: sent with entries.
        lost: of those, the ones whose answer never came: only they may have been executed and be sent again.
    """

    batches: int = 0
    settled: int = 0
    requests: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PacePoint:
    """What `SLOT_SECONDS` of a load moved, from `moment` (seconds since 1970) on."""

    moment: float
    rows: int
    requests: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long a load waited for `reason` in the slot that begins at `moment`."""

    moment: float
    reason: str
    seconds: float


class _Words(dict[int, tuple[str, ...]]):
    """Words that stand once in the journal, by their number; as many are remembered as come at once."""

    def __init__(self, look_up: Callable[[int], tuple[str, ...]]) -> None:
        super().__init__()
        self._look_up = look_up

    def __missing__(self, number: int) -> tuple[str, ...]:
        if len(self) >= PAGE:
            self.clear()
        self[number] = self._look_up(number)
        return self[number]


@dataclass(frozen=True, slots=True)
class _Line:
    """A batch as it stands in the file."""

    number: int
    first: int
    last: int
    entries: int
    rows: int
    state: BatchState


class JournalReader(Overtaking):
    """What a journal tells. Any thread may ask; each answer is of one moment."""

    @classmethod
    def look(cls, path: Path, connect: Connect = connect) -> JournalReader:
        """Open the journal at `path` to be read, while its owner may be writing.

        Raises:
            UsageError: it is missing, or no journal of this version.
            MustBeMended: it is damaged.
        """
        return JournalReader(path, open_to_read(path, connect))

    # --- the run ------------------------------------------------------------------------------------------------------

    def facts(self) -> RunFacts:
        """The run: what was asked for and how far it has come."""
        with self._moment() as db:
            return facts_of(dict(db.execute("SELECT key, value FROM run").fetchall()))

    @property
    def is_growing(self) -> bool:
        """Whether rows that were added to the files are being surveyed (`Journal.grow`)."""
        return self._is_any("run WHERE key = 'before_growth' AND value IS NOT NULL")

    def findings(self) -> str:
        """What `Journal.keep_findings` kept; empty where nothing was."""
        found = self._texts("SELECT value FROM run WHERE key = 'findings'")
        return found[0][0] if found else ""

    def moment(self, key: str) -> float:
        """A time that was kept about the run, in seconds since 1970; 0 where it was not."""
        found = self._rows("SELECT value FROM run WHERE key = ?", (key,))
        return float(found[0][0] or 0) if found else 0.0

    # --- totals -------------------------------------------------------------------------------------------------------

    def counts(self) -> Counts:
        """Where the rows of the source are, from the records themselves; what is under way counts as unknown.

        Until the survey is complete, `read` is what it has placed so far.
        """
        with self._moment() as db:
            places = _places(db, "rows")
            rejected = db.execute("SELECT count(*) FROM rejected").fetchone()[0]
            retried = db.execute("SELECT state, count(*) FROM retried GROUP BY state").fetchall()
            skipped = db.execute("SELECT coalesce(sum(rows), 0) FROM skipped").fetchone()[0]
            read = db.execute("SELECT value FROM run WHERE key = 'read'").fetchone()
        places["rejected"] += rejected
        for state, rows in retried:
            places["rejected"] -= rows
            places[_PLACES[state]] += rows
        placed = places.total() + skipped
        return Counts(
            read=int(read[0]) if read else placed,
            accepted=places["accepted"],
            rejected=places["rejected"],
            skipped=skipped + places["skipped"],
            unknown=places["unknown"],
            unsent=places["unsent"],
        )

    def entry_counts(self) -> Counts:
        """Where the planned entries are; `read` is their number, `rejected` those that the platform refused."""
        with self._moment() as db:
            places = _places(db, "entries")
        return Counts(
            read=places.total(),
            accepted=places["accepted"],
            rejected=places["rejected"],
            skipped=places["skipped"],
            unknown=places["unknown"],
            unsent=places["unsent"],
        )

    def traffic(self) -> Traffic:
        """Requests and answers so far."""
        batches, settled, requests, lost = self._rows(
            f"SELECT count(*), coalesce(sum(state IN ({BatchState.ACCEPTED:d}, {BatchState.REFUSED:d})), 0),"  # noqa: S608 - fixed words
            " coalesce(sum(attempts), 0), coalesce(sum(lost), 0) FROM batch"
        )[0]
        return Traffic(batches=batches, settled=settled, requests=requests, lost=lost)

    def problems(self) -> dict[tuple[str, str], int]:
        """Rows by (code, field), the platform's refusals among them (their field is empty); most first."""
        found: Counter[tuple[str, str]] = Counter()
        for text, rows in self._texts(
            "SELECT problem_set.problems, count(*) FROM rejected JOIN problem_set ON id = rejected.problems"
            " WHERE position NOT IN (SELECT position FROM retried) GROUP BY id"
        ):
            for code, field in dict.fromkeys(_problems_of(text)):
                found[code, field] += int(rows)
        for code, rows in self._texts(
            "SELECT code, sum(rows - (SELECT count(*) FROM retried WHERE entry = part.position))"
            " FROM part JOIN refusal ON id = refusal GROUP BY code"
        ):
            found[code, ""] += int(rows)
        return {problem: rows for problem, rows in found.most_common() if rows}

    def refusals(self) -> list[tuple[str, str, int]]:
        """(code, the platform's words, rows), most first; at most 1,000 of them."""
        found = self._texts(
            "SELECT code, message, sum(rows) FROM part JOIN refusal ON id = refusal GROUP BY id"  # noqa: S608 - fixed words
            f" ORDER BY sum(rows) DESC, id LIMIT {PAGE}"
        )
        return [(code, message, int(rows)) for code, message, rows in found]

    def pace(self) -> Iterator[PacePoint]:
        """The load over time, from its beginning."""
        for slot, rows, requests, lost in self._paged("SELECT slot, rows, requests, lost FROM pace WHERE slot > ?", -1):
            yield PacePoint(moment=slot * SLOT_SECONDS, rows=rows, requests=requests, lost=lost)

    def waits(self) -> list[Wait]:
        """What the load waited for, and when."""
        rows = self._texts("SELECT slot, reason, seconds FROM waited ORDER BY slot, reason")
        return [
            Wait(moment=int(slot) * SLOT_SECONDS, reason=reason, seconds=float(seconds))
            for slot, reason, seconds in rows
        ]

    # --- rows behind the numbers --------------------------------------------------------------------------------------

    def rejected_rows(self) -> Iterator[RejectedNote]:
        """Rows that this program turned down, in the order of the source."""
        sets = _Words(lambda number: self._texts("SELECT problems FROM problem_set WHERE id = ?", (number,))[0])
        for position, difference, file, number in self._paged(
            "SELECT position, row_difference, file, problems FROM rejected WHERE position > ?", -1
        ):
            yield RejectedNote(
                position=position, row=position + difference, file=file, problems=_problems_of(sets[number][0])
            )

    def rejected_for_others(self) -> Iterator[RejectedNote]:
        """Rows that this program turned down for another row, in the order of the source."""
        sets = _Words(lambda number: self._texts("SELECT problems FROM problem_set WHERE id = ?", (number,))[0])
        for position, difference, file, number, row, its_file in self._paged(
            "SELECT rejected.position, row_difference, rejected.file, problems, row, other_row.file"
            " FROM other_row JOIN rejected USING (position) WHERE other_row.position > ?",
            -1,
        ):
            yield RejectedNote(
                position=position,
                row=position + difference,
                file=file,
                problems=_problems_of(sets[number][0]),
                other=(row, its_file),
            )

    leaves_out = False
    """Whether valid rows of a load are left out is told by its mapping."""

    def placed_positions(self, first: int, last: int) -> list[int]:
        """Positions from `first` to `last` that are no part of any batch: rejected, or skipped."""
        rejected = self._rows("SELECT position FROM rejected WHERE position BETWEEN ? AND ?", (first, last))
        return [*(at for (at,) in rejected), *self.skipped_positions(first, last)]

    def skipped_positions(self, first: int, last: int) -> list[int]:
        """Positions from `first` to `last` that are left out on purpose."""
        found = self._rows(
            "SELECT first, rows FROM skipped WHERE first BETWEEN ?1 AND ?2"
            " UNION ALL SELECT * FROM (SELECT first, rows FROM skipped WHERE first < ?1 ORDER BY first DESC LIMIT 1)",
            (first, last),
        )
        return [at for start, rows in found for at in range(max(start, first), min(start + rows - 1, last) + 1)]

    def refused_rows(self) -> Iterator[RefusedEntry]:
        """Entries that the platform refused for good, with its words, in the order of the source."""
        words = _Words(lambda number: self._texts("SELECT code, message FROM refusal WHERE id = ?", (number,))[0])
        for position, rows, number in self._paged(
            f"SELECT position, rows, refusal FROM part WHERE state = {BatchState.REFUSED:d} AND position > ?",  # noqa: S608 - fixed words
            -1,
        ):
            code, message = words[number]
            yield RefusedEntry(position=position, code=code, message=message, rows=rows)

    def unknown_spans(self) -> Iterator[RowSpan]:
        """Exactly the rows that count as unknown, in the order of the source."""
        doubted = self.retried_spans(BatchState.UNKNOWN)
        return joined(merge(self._spans(_UNKNOWN), doubted, key=lambda span: span.first))

    def held_spans(self) -> Iterator[RowSpan]:
        """Rows of the load's own batches that are unknown, without those that a retry has left so."""
        return self._spans(_UNKNOWN)

    def doubtful_spans(self, *, by_plan: bool = False) -> Iterator[RowSpan]:
        """Unknown rows of the load's own batches that may be older than an accepted row of their record key.

        A row that a retry had accepted was planned in no batch, so that no batch tells of it: any before it may be,
        unless only what the plan tells is asked for.
        """
        batches = self.overtaken_batches()
        retried = () if by_plan else self.retried_spans(BatchState.ACCEPTED)
        last = max((span.last for span in retried), default=-1)
        if not batches and last < 0:
            return
        for line in self._lines(self._holding(_UNKNOWN)):
            if line.number in batches or line.first < last:
                yield from self._spans_of(line, _UNKNOWN)

    def retried_spans(self, state: int | None = None) -> Iterator[RowSpan]:
        """Rows that were rejected or refused until a retry sent them or left them out: all, or those in `state`."""
        wanted = "" if state is None else f" AND state = {state:d}"
        rows = self._paged(f"SELECT position FROM retried WHERE position > ?{wanted}", -1)  # noqa: S608 - fixed words
        return joined(RowSpan(position, position) for (position,) in rows)

    def numbering(self) -> list[tuple[int, int, int]]:
        """(First position, what is added to a position to have the row's number, file), in the source's order."""
        lines = self._paged("SELECT first, row_difference, file FROM numbering WHERE first > ?", -1)
        return [(first, difference, file) for first, difference, file in lines]

    def unsent_spans(self) -> Iterator[RowSpan]:
        """Exactly the rows that count as unsent, in the order of the source."""
        return self._spans(_UNSENT)

    def span_of(self, entry: EntryRef) -> list[RowSpan]:
        """The rows that an entry of a batch is made of: adjacent but for rejected and skipped ones between them."""
        found = self._rows(
            "SELECT first + span FROM batch WHERE first <= ? ORDER BY first DESC LIMIT 1", (entry.position,)
        )
        last = found[0][0] if found else entry.position
        positions = (at for span in self._valid(entry.position, last) for at in range(span.first, span.last + 1))
        return list(joined(RowSpan(at, at) for at, _ in zip(positions, range(entry.rows), strict=False)))

    def _spans(self, states: frozenset[BatchState]) -> Iterator[RowSpan]:
        lines = self._lines(self._holding(states))
        return joined(span for line in lines for span in self._spans_of(line, states))

    @staticmethod
    def _holding(states: frozenset[BatchState]) -> str:
        """The condition on a batch that it, or an entry of it, stands in one of `states`."""
        numbers = ", ".join(str(int(state)) for state in sorted(states))
        return f"state IN ({numbers}) OR number IN (SELECT batch FROM part WHERE state IN ({numbers}))"  # noqa: S608 - fixed words

    def _spans_of(self, line: _Line, states: frozenset[BatchState]) -> Iterator[RowSpan]:
        parts = self._parts(line)
        valid = self._valid(line.first, line.last)
        if not parts:
            yield from valid if line.state in states else ()
            return
        for position, state in placed(valid, parts, line.state):
            if state in states:
                yield RowSpan(position, position)

    def _valid(self, first: int, last: int) -> Iterator[RowSpan]:
        """What is left of `first` to `last` without the rejected and the skipped rows."""
        out = self._paged(
            "SELECT position AS at, 1 FROM rejected WHERE position > ?1 AND position <= ?2"
            " UNION ALL SELECT first, rows FROM skipped WHERE first > ?1 AND first <= ?2",
            first - 1,
            last,
            order="at",
        )
        for at, rows in out:
            if at > first:
                yield RowSpan(first, at - 1)
            first = max(first, at + rows)
        if first <= last:
            yield RowSpan(first, last)

    def planned(self) -> Iterator[PlannedBatch]:
        """Every batch of the plan, in order, whatever became of it; without what it waits for."""
        for line in self._lines("1"):
            yield PlannedBatch(
                number=line.number, first=line.first, last=line.last, entries=line.entries, rows=line.rows
            )

    # --- what is left to be sent --------------------------------------------------------------------------------------

    def _unsettled(self, *, resend: bool) -> Iterator[PlannedBatch]:
        wanted = f"state = {BatchState.PLANNED:d}"
        if resend:
            wanted = (
                f"state IN ({BatchState.PLANNED:d}, {BatchState.UNKNOWN:d}) OR number IN"  # noqa: S608 - fixed words
                f" (SELECT batch FROM part WHERE state = {BatchState.UNKNOWN:d})"
            )
        for page in self._pages(wanted):
            # Most pages have neither parts nor waits, and then no batch of them needs to be asked for.
            has_parts = self._is_any("part WHERE position BETWEEN ? AND ?", page[0].first, page[-1].last)
            has_waits = self._is_any("waits_for WHERE batch BETWEEN ? AND ?", page[0].number, page[-1].number)
            for line in page:
                parts = self._parts(line) if has_parts else {}
                rest = line.rows - sum(part.rows for part in parts.values())
                if not rest and not (resend and any(part.state is BatchState.UNKNOWN for part in parts.values())):
                    continue
                earlier = self._waits_for(line.number) if has_waits else ()
                yield PlannedBatch(
                    number=line.number,
                    first=line.first,
                    last=line.last,
                    entries=line.entries,
                    rows=line.rows,
                    after=tuple(earlier),
                    done=self._done(line, parts, resend=resend),
                )

    def _waits_for(self, number: int) -> list[int]:
        """Earlier batches with one of its keys of which anything is not settled, or an answer was missed once.

        Such a batch may have been settled since: the attempt that nobody heard of may land all the same.
        """
        rows = self._rows(
            "SELECT earlier FROM waits_for JOIN batch ON number = earlier WHERE batch = ?"  # noqa: S608 - fixed words
            f" AND (lost > 0 OR state NOT IN ({BatchState.ACCEPTED:d}, {BatchState.REFUSED:d})"
            f" OR EXISTS (SELECT 1 FROM part WHERE part.batch = earlier AND part.state = {BatchState.UNKNOWN:d}))"
            " ORDER BY earlier",
            (number,),
        )
        return [earlier for (earlier,) in rows]

    def _done(self, line: _Line, parts: Mapping[int, Part], *, resend: bool) -> tuple[int, ...]:
        if line.state.is_settled:
            # Of a batch that was settled but for some held entries, only those are sent again.
            rows = placed(self._valid(line.first, line.last), parts, line.state)
            return tuple(position for position, state in rows if state is not BatchState.UNKNOWN)
        kept_back = set() if resend else {BatchState.UNKNOWN}
        return tuple(at for at, part in parts.items() if part.state.is_settled or part.state in kept_back)

    # --- the file -----------------------------------------------------------------------------------------------------

    def _lines(self, wanted: str) -> Iterator[_Line]:
        for page in self._pages(wanted):
            yield from page

    def _pages(self, wanted: str) -> Iterator[list[_Line]]:
        """Batches for which the condition `wanted` holds, in order, a page at a time."""
        sql = f"SELECT number, first, first + span, entries, rows, state FROM batch WHERE number > ? AND ({wanted})"  # noqa: S608 - fixed words
        start = -1
        while rows := self._rows(f"{sql} ORDER BY number LIMIT {PAGE}", (start,)):
            yield [
                _Line(number, first, last, entries, rows_in_it, BatchState(state))
                for number, first, last, entries, rows_in_it, state in rows
            ]
            start = rows[-1][0]

    def _is_any(self, places: str, *bounds: int) -> bool:
        """Whether there is any line in `places`."""
        return bool(self._rows(f"SELECT 1 FROM {places} LIMIT 1", bounds))  # noqa: S608 - fixed words

    def _parts(self, line: _Line) -> dict[int, Part]:
        rows = self._rows(
            "SELECT position, rows, state, refusal FROM part WHERE position BETWEEN ? AND ? ORDER BY position",
            (line.first, line.last),
        )
        return {position: Part(rows, BatchState(state), refusal) for position, rows, state, refusal in rows}


def _places(db: Connection, measure: Literal["rows", "entries"]) -> Counter[str]:
    """Rows, or entries, of batches by the place in which they are."""
    places: Counter[str] = Counter()
    sums = ", ".join(f"coalesce(sum({measure}) FILTER (WHERE state = {state:d}), 0)" for state in BatchState)
    # One pass without sorting: 400,000 batches take some tens of milliseconds.
    for state, size in zip(BatchState, db.execute(f"SELECT {sums} FROM batch").fetchone(), strict=True):  # noqa: S608 - fixed words
        places[_PLACES[state]] += size
    size_of_part = "part.rows" if measure == "rows" else "1"
    for whole, own, size in db.execute(
        f"SELECT batch.state, part.state, sum({size_of_part}) FROM part JOIN batch ON number = batch GROUP BY 1, 2"  # noqa: S608 - fixed words
    ):
        places[_PLACES[BatchState(whole)]] -= size
        places[_PLACES[BatchState(own)]] += size
    return places


def _problems_of(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((code, field) for code, field in json.loads(text))
