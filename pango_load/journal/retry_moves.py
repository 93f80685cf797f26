"""What a retry moves in the balance of a finished run, row by row and in SQL.

A row that was rejected or refused stays where it stands; what a retry came to is laid over it (`retried`): unknown from
the moment its request leaves, accepted once that was acknowledged. So it is in exactly one place at every moment, and a
crash at any of them errs to the side of unknown. A row whose answer never came (unknown in a batch of the load itself)
is unknown already, and moves in its batch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pango_load.journal import standing as move
from pango_load.journal.ledger import MESSAGE_LENGTH
from pango_load.journal.standing import BatchState, DoesNotAddUp, Part
from pango_load.records import EntryRef

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pango_load.journal.ledger import Ledger

RETRIED_AT = "retried_at"
"""Where a run keeps when a retry sent something last, in seconds since 1970."""

Words = tuple[str, str]
"""A code and what the platform said, as in `RefusedEntry`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryMoves:
    """Rows by their position in the run.

    Attributes:
        is_intent: a request is about to leave.
        sent: it carries them, and they were not unknown before; with the position of the refused entry that each was
            part of, None where this program had rejected it.
        returned: it surely was not executed, and they were not unknown before.
        accepted: it was acknowledged.
        refused: the platform turned them down, with its words.
        left_out: another row of their record key is sent in their place, for good; with their entries as in `sent`.
        overtaken: a newer row of their record key was accepted, for good; with their entries as in `sent`.
        judged: this program turned them down again: (code, field) of each problem.
        held_accepted, held_refused, held_overtaken: the same for rows that are unknown in a batch of the load itself.
    """

    is_intent: bool = False
    sent: Mapping[int, int | None] = field(default_factory=dict)
    returned: Sequence[int] = ()
    accepted: Sequence[int] = ()
    refused: Mapping[int, Words] = field(default_factory=dict)
    left_out: Mapping[int, int | None] = field(default_factory=dict)
    overtaken: Mapping[int, int | None] = field(default_factory=dict)
    judged: Mapping[int, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    held_accepted: Sequence[int] = ()
    held_refused: Mapping[int, Words] = field(default_factory=dict)
    held_overtaken: Sequence[int] = ()

    def taken_back(self) -> RetryMoves:
        """What undoes an intent that nobody acted on."""
        return RetryMoves(returned=tuple(self.sent))

    def write(self, ledger: Ledger, now: float) -> None:
        """Keep it, inside a transaction of the caller.

        Raises:
            DoesNotAddUp: a row is accepted that was never sent; then nothing is written.
        """
        db = ledger.db
        if self.is_intent:
            ledger.set_value(RETRIED_AT, now)
        if self.sent:
            db.executemany(
                "INSERT OR IGNORE INTO retried VALUES (?, ?, ?)",
                [(at, int(BatchState.UNKNOWN), entry) for at, entry in self.sent.items()],
            )
        db.executemany(
            "INSERT OR IGNORE INTO retried VALUES (?, ?, ?)",
            [(at, int(BatchState.LEFT_OUT), entry) for at, entry in self.left_out.items()],
        )
        db.executemany(
            "INSERT INTO retried VALUES (?1, ?2, ?3) ON CONFLICT (position) DO UPDATE SET state = ?2 WHERE state = ?4",
            [(at, int(BatchState.OVERTAKEN), entry, int(BatchState.UNKNOWN)) for at, entry in self.overtaken.items()],
        )
        gone = [*self.returned, *self.refused]
        db.executemany(
            "DELETE FROM retried WHERE position = ? AND state = ?", [(at, int(BatchState.UNKNOWN)) for at in gone]
        )
        for at in self.accepted:
            moved = db.execute(
                "UPDATE retried SET state = ? WHERE position = ? AND state = ?",
                (int(BatchState.ACCEPTED), at, int(BatchState.UNKNOWN)),
            )
            if moved.rowcount != 1:
                raise DoesNotAddUp(f"The record at {at} was accepted in a retry that never sent it.")
        for at, words in self.refused.items():
            _tell_why(ledger, at, ((words[0], ""),), words[1])
        for at, problems in self.judged.items():
            _tell_why(ledger, at, problems, "")
        for at in self.held_accepted:
            _settle_held(ledger, at, Part(1, BatchState.ACCEPTED))
        for at in self.held_overtaken:
            _settle_held(ledger, at, Part(1, BatchState.OVERTAKEN))
        for at, (code, message) in self.held_refused.items():
            words_number = ledger.number_of("refusal", {"code": code, "message": message[:MESSAGE_LENGTH]})
            _settle_held(ledger, at, Part(1, BatchState.REFUSED, words_number))


def _tell_why(ledger: Ledger, at: int, problems: tuple[tuple[str, str], ...], message: str) -> None:
    """The reasons why a row is still rejected, in the place of the older ones."""
    text = json.dumps(problems, ensure_ascii=False, separators=(",", ":"))
    number = ledger.number_of("problem_set", {"problems": text})
    if ledger.db.execute("UPDATE rejected SET problems = ? WHERE position = ?", (number, at)).rowcount:
        return
    code = problems[0][0] if problems else ""
    words = ledger.number_of("refusal", {"code": code, "message": message[:MESSAGE_LENGTH]})
    ledger.db.execute(
        "UPDATE part SET refusal = ? WHERE state = ? AND position ="
        " (SELECT position FROM part WHERE position <= ? ORDER BY position DESC LIMIT 1)",
        (words, int(BatchState.REFUSED), at),
    )


def _settle_held(ledger: Ledger, at: int, told: Part) -> None:
    """A row that was unknown in its batch has found its place."""
    before = ledger.standing(ledger.batch_of(at))
    if told.state is BatchState.ACCEPTED:
        after = move.piece(before, accepted=(EntryRef(at, told.rows),))
    elif told.state is BatchState.OVERTAKEN:
        after = move.overtaken(before, (EntryRef(at, told.rows),))
    else:
        after = move.piece(before, refused={at: told})
    if after.state.is_settled or not after.rest:
        after = move.at_rest(after)
    ledger.db.execute("UPDATE batch SET state = ? WHERE number = ?", (int(after.state), before.number))
    ledger.write_parts(before, after)
