"""The journal's writing side in SQL: each function is one entry of the ledger, inside a transaction of its caller."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from pango_load.journal import standing as move
from pango_load.journal.description import BEFORE_GROWTH
from pango_load.journal.standing import BatchState, DoesNotAddUp, Part, Standing
from pango_load.records import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pango_load.journal.spans import RowSpan
    from pango_load.journal.store import Connection
    from pango_load.records import EntryRef, Outcome, PlannedBatch, RefusedEntry, RejectedRow

MESSAGE_LENGTH = 300
"""The platform's words are cut after so many characters."""

SLOT_SECONDS = 10
"""How finely the pace of a load is kept: a point for each 10 s, which is 90 KB for each day of sending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedNote:
    """A row that this program turned down: where it is and what was wrong, without its values.

    Attributes:
        position, row, file: as in `RejectedRow`.
        problems: (code, field) of each problem, in order.
        other: row and file of the row that it was turned down for, where that is another one.
    """

    position: int
    row: int
    file: int = 0
    problems: tuple[tuple[str, str], ...] = ()
    other: tuple[int, int] | None = None

    @classmethod
    def of(cls, row: RejectedRow) -> RejectedNote:
        """What the journal keeps of a rejected row: no value, no message, which may quote one."""
        problems = tuple((problem.code, problem.field) for problem in row.problems)
        return cls(position=row.position, row=row.row, file=row.file, problems=problems, other=row.other)


@dataclass(slots=True)
class Ledger:
    """The writer's view of the journal.

    Attributes:
        db: the one connection that writes.
        resend: whether entries held back as unknown go along when the whole batch is sent (`--on-unknown`).
    """

    db: Connection
    resend: bool = True
    _pace: list[int] = field(default_factory=lambda: [0, 0, 0])

    # --- the run ------------------------------------------------------------------------------------------------------

    def set_value(self, key: str, value: str | float | None) -> None:
        """Keep a fact about the run."""
        self.db.execute("INSERT OR REPLACE INTO run VALUES (?, ?)", (key, value))

    def read_whole(self, key: str) -> int:
        """A whole number kept about the run; 0 where it is not there."""
        found = self.db.execute("SELECT value FROM run WHERE key = ?", (key,)).fetchone()
        return int(found[0] or 0) if found else 0

    def read_text(self, key: str) -> str:
        """A text kept about the run; empty where it is not there."""
        found = self.db.execute("SELECT value FROM run WHERE key = ?", (key,)).fetchone()
        return str(found[0] or "") if found else ""

    # --- the survey ---------------------------------------------------------------------------------------------------

    def plan(self, batches: Sequence[PlannedBatch]) -> None:
        """Keep planned batches, which must go on where the last ones ended.

        Raises:
            DoesNotAddUp: a number is missing, or two batches overlap.
        """
        number, position = self._end_of_plan()
        for batch in batches:
            if batch.number != number or batch.first <= position or batch.last < batch.first or batch.rows < 1:
                raise DoesNotAddUp(f"Batch {batch.number} of the plan does not follow batch {number - 1}.")
            number, position = number + 1, batch.last
        self.db.executemany(
            "INSERT INTO batch VALUES (?, ?, ?, ?, ?, 0, 0, 0, NULL)",
            ((b.number, b.first, b.last - b.first, b.entries, b.rows) for b in batches),
        )
        self.db.executemany(
            "INSERT INTO waits_for VALUES (?, ?)",
            sorted({(b.number, earlier) for b in batches for earlier in b.after}),
        )

    def _end_of_plan(self) -> tuple[int, int]:
        last = self.db.execute("SELECT number, first + span FROM batch ORDER BY number DESC LIMIT 1").fetchone()
        return (last[0] + 1, last[1]) if last else (0, -1)

    def reject(self, rows: Iterable[RejectedNote]) -> None:
        """Keep rows that were turned down in the survey."""
        numbers: dict[tuple[tuple[str, str], ...], int] = {}
        lines = []
        others = []
        for note in rows:
            if note.problems not in numbers:
                text = json.dumps(note.problems, ensure_ascii=False, separators=(",", ":"))
                numbers[note.problems] = self.number_of("problem_set", {"problems": text})
            lines.append((note.position, note.row - note.position, note.file, numbers[note.problems]))
            if note.other is not None:
                others.append((note.position, *note.other))
        self.db.executemany("INSERT INTO rejected VALUES (?, ?, ?, ?)", lines)
        self.db.executemany("INSERT INTO other_row VALUES (?, ?, ?)", others)

    def skip(self, spans: Iterable[RowSpan]) -> None:
        """Keep rows that were left out on purpose."""
        self.db.executemany("INSERT INTO skipped VALUES (?, ?)", ((span.first, span.rows) for span in spans))

    def number(self, lines: Iterable[tuple[int, int, int]]) -> None:
        """Keep from which position on (the first) a row's number is its position plus the second, in which file."""
        self.db.executemany("INSERT OR REPLACE INTO numbering VALUES (?, ?, ?)", lines)

    def number_of(self, table: str, words: dict[str, str]) -> int:
        """The number under which `words` stand in `table`, where each stands once."""
        columns, wanted = ", ".join(words), " AND ".join(f"{column} = ?" for column in words)
        found = self.db.execute(f"SELECT id FROM {table} WHERE {wanted}", tuple(words.values())).fetchone()  # noqa: S608 - fixed names
        if found:
            return int(found[0])
        places = ", ".join("?" * len(words))
        added = self.db.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", tuple(words.values()))  # noqa: S608 - fixed names
        return int(added.lastrowid or 0)

    # --- sending ------------------------------------------------------------------------------------------------------

    def sending(self, number: int, entries: tuple[EntryRef, ...] | None = None) -> None:
        """A request with the batch, or with some of its entries, is about to leave."""
        self._move(number, lambda now: move.sending(now, entries, resend=self.resend), requests=1)

    def unanswered(self, number: int, http: int | None = None) -> None:
        """The answer to the request under way never came, or said nothing."""
        self._move(number, move.unanswered, http=http, is_lost=True)

    def returned(self, number: int, http: int | None = None) -> None:
        """The request under way surely was not executed."""
        self._move(number, move.returned, http=http)

    def piece(
        self,
        number: int,
        *,
        accepted: tuple[EntryRef, ...] = (),
        refused: tuple[RefusedEntry, ...] = (),
        held: tuple[EntryRef, ...] = (),
    ) -> None:
        """Some entries of a batch that is taken apart have found their place."""
        words = self._parts_of(refused)
        self._move(number, lambda now: move.piece(now, accepted=accepted, refused=words, held=held))

    def settled(self, outcome: Outcome) -> None:
        """The batch as a whole has found its place."""
        words = self._parts_of(outcome.refused)
        self._move(
            outcome.batch,
            lambda now: move.settled(now, outcome.verdict, refused=words, held=outcome.held),
            http=outcome.http,
            is_lost=outcome.verdict is Verdict.UNKNOWN,
        )

    def leave_out(self, entries: Iterable[EntryRef]) -> None:
        """Unknown entries are settled without being sent again: see `standing.overtaken`."""
        for number, some in groupby(entries, key=lambda entry: self.batch_of(entry.position)):
            self._move(number, partial(move.overtaken, entries=tuple(some)))

    def batch_of(self, position: int) -> int:
        """The number of the batch that holds the record at `position`.

        Raises:
            DoesNotAddUp: none does.
        """
        found = self.db.execute(
            "SELECT number FROM batch WHERE first <= ? ORDER BY first DESC LIMIT 1", (position,)
        ).fetchone()
        if found is None:
            raise DoesNotAddUp(f"The record at {position} is in no batch.")
        return int(found[0])

    def _parts_of(self, refused: Iterable[RefusedEntry]) -> dict[int, Part]:
        """The parts that refused entries become, their words kept once."""
        known: dict[tuple[str, str], int] = {}
        parts = {}
        for entry in refused:
            words = (entry.code, entry.message[:MESSAGE_LENGTH])
            if words not in known:
                known[words] = self.number_of("refusal", {"code": words[0], "message": words[1]})
            parts[entry.position] = Part(entry.rows, BatchState.REFUSED, known[words])
        return parts

    def standing(self, number: int) -> Standing:
        """Where a batch stands.

        Raises:
            DoesNotAddUp: it was never planned.
        """
        batch = self.db.execute("SELECT rows, state, first, span FROM batch WHERE number = ?", (number,)).fetchone()
        if batch is None:
            raise DoesNotAddUp(f"Batch {number} was never planned.")
        rows, state, first, span = batch
        parts = {
            position: Part(rows, BatchState(state), refusal)
            for position, rows, state, refusal in self.db.execute(
                "SELECT position, rows, state, refusal FROM part WHERE position BETWEEN ? AND ?", (first, first + span)
            )
        }
        return Standing(number=number, rows=rows, state=BatchState(state), parts=parts)

    def _move(
        self,
        number: int,
        step: Callable[[Standing], Standing],
        *,
        requests: int = 0,
        http: int | None = None,
        is_lost: bool = False,
    ) -> None:
        """Take one step: decided in `standing`, written here; nothing is written where it is refused."""
        before = self.standing(number)
        after = step(before)
        # An answer is lost once for each request, however often that is said.
        lost = int(is_lost and before.is_under_way)
        self.db.execute(
            "UPDATE batch SET state = ?, attempts = attempts + ?, lost = lost + ?, http = coalesce(?, http)"
            " WHERE number = ?",
            (int(after.state), requests, lost, http, number),
        )
        if after.parts != before.parts:
            self.write_parts(before, after)
        rows = after.rows_in(BatchState.ACCEPTED) - before.rows_in(BatchState.ACCEPTED)
        self._pace = [old + new for old, new in zip(self._pace, (rows, requests, lost), strict=True)]

    def write_parts(self, before: Standing, after: Standing) -> None:
        """Keep the parts of `after` in the place of those of `before`."""
        gone = [(position,) for position in before.parts if position not in after.parts]
        new = [
            (position, after.number, part.rows, int(part.state), part.refusal)
            for position, part in after.parts.items()
            if before.parts.get(position) != part
        ]
        if gone:
            self.db.executemany("DELETE FROM part WHERE position = ?", gone)
        if new:
            self.db.executemany("INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?, ?)", new)

    # --- the run's times ----------------------------------------------------------------------------------------------

    def note_pace(self, now: float) -> None:
        """Add what this transaction moved to the pace of the load; once before each commit.

        Args:
            now: seconds since 1970.
        """
        if any(self._pace):
            rows, requests, lost = self._pace
            self._pace = [0, 0, 0]
            self.db.execute(
                "INSERT INTO pace VALUES (?, ?, ?, ?) ON CONFLICT (slot) DO UPDATE SET "
                "rows = rows + excluded.rows, requests = requests + excluded.requests, lost = lost + excluded.lost",
                (int(now // SLOT_SECONDS), rows, requests, lost),
            )

    def forget_pace(self) -> None:
        """Drop what a transaction moved that was rolled back."""
        self._pace = [0, 0, 0]

    def waited(self, now: float, reason: str, seconds: float) -> None:
        """Keep that the load waited `seconds` for `reason`, a window's label for instance."""
        self.db.execute(
            "INSERT INTO waited VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seconds = seconds + excluded.seconds",
            (int(now // SLOT_SECONDS), reason, seconds),
        )

    # --- a file that grew ---------------------------------------------------------------------------------------------

    def begin_growth(self) -> None:
        """Remember the run as it is, so that a survey of new rows that is broken off can be taken back."""
        values = self.db.execute("SELECT key, value FROM run").fetchall()
        number, _ = self._end_of_plan()
        self.db.execute("DELETE FROM run WHERE key IN ('read', 'exit_code', 'finished', 'counts')")
        self.set_value(BEFORE_GROWTH, json.dumps({"values": values, "batches": number}))

    def forget_growth(self) -> None:
        """The survey of the new rows is complete: there is no way back."""
        self.db.execute("DELETE FROM run WHERE key = ?", (BEFORE_GROWTH,))

    def undo_growth(self) -> None:
        """Take back the new rows of a survey that was broken off; nothing where none was."""
        kept = self.read_text(BEFORE_GROWTH)
        if not kept:
            return
        before = json.loads(kept)
        self.db.execute("DELETE FROM run")
        self.db.executemany("INSERT INTO run VALUES (?, ?)", before["values"])
        read, batches = self.read_whole("read"), before["batches"]
        self.db.execute("DELETE FROM batch WHERE number >= ?", (batches,))
        self.db.execute("DELETE FROM waits_for WHERE batch >= ?", (batches,))
        self.db.execute("DELETE FROM rejected WHERE position >= ?", (read,))
        self.db.execute("DELETE FROM other_row WHERE position >= ?", (read,))
        self.db.execute("DELETE FROM skipped WHERE first >= ?", (read,))
        self.db.execute("DELETE FROM numbering WHERE first >= ?", (read,))

    # --- after a crash ------------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Tell what a dead process left under way: its answer will never be known."""
        under_way = f"({BatchState.SENT:d}, {BatchState.SENT_AGAIN:d})"
        is_open = f"({BatchState.PLANNED:d}, {BatchState.UNKNOWN:d})"
        numbers = self.db.execute(
            f"SELECT number FROM batch WHERE state IN {under_way}"  # noqa: S608 - fixed words
            f" UNION SELECT batch FROM part WHERE state IN {under_way}"
            f" UNION SELECT number FROM part JOIN batch ON number = part.batch WHERE batch.state IN {is_open}"
        ).fetchall()
        for (number,) in numbers:
            self._move(number, move.after_a_crash, is_lost=True)
        # It happened when that process died, not now: the pace shows when requests were made.
        self.forget_pace()
