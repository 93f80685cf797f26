"""Rows that are mended and sent again bring the balance of their run up to date, and each is in one place always."""

from __future__ import annotations

import asyncio
from array import array
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.journal_samples import DESCRIPTION, IDENTITY, NOON, HandClock, plan_of

from pango_load.journal.ledger import RejectedNote
from pango_load.journal.mending import Left, LeftRows, Mending
from pango_load.journal.numbering import Numbering, RowNumbers
from pango_load.journal.retry_moves import RetryMoves
from pango_load.journal.run import Journal
from pango_load.journal.spans import RowSpan
from pango_load.journal.standing import DoesNotAddUp
from pango_load.plan import OnUnknown
from pango_load.records import Chunk, Counts, EntryRef, Outcome, PlannedBatch, RefusedEntry, Verdict

if TYPE_CHECKING:
    from pathlib import Path

NO = "pango.refused"


def finished(state: Path) -> Journal:
    """A run of eight rows: 0 and 1 refused, 2 accepted, 3 rejected, 4 and 5 unknown, 6 and 7 refused as one entry."""

    async def send() -> None:
        await journal.sending(0)
        refused = tuple(RefusedEntry(position=at, code=NO, message="no") for at in (0, 1))
        await journal.settled(Outcome(batch=0, verdict=Verdict.ACCEPTED, refused=refused))
        await journal.sending(1)
        await journal.settled(Outcome(batch=1, verdict=Verdict.UNKNOWN))
        await journal.sending(2)
        both = RefusedEntry(position=6, code=NO, message="neither", rows=2)
        await journal.settled(Outcome(batch=2, verdict=Verdict.REFUSED, refused=(both,)))

    journal = Journal.create(state, identity=IDENTITY, description=DESCRIPTION, clock=HandClock())
    first, second, third = plan_of(3, entries=2)
    journal.plan_batches(
        [
            replace(first, last=2, entries=3, rows=3),
            replace(second, first=4, last=5),
            replace(third, first=6, last=7, entries=1, rows=2),
        ]
    )
    journal.reject([RejectedNote(position=3, row=5, problems=(("required", "customerId"),))])
    journal.finish_survey(read=8)
    journal.begin_sending(OnUnknown.HOLD)
    asyncio.run(send())
    journal.finish(3)
    return journal


def retry_of(journal: Journal, *positions: int, size: int = 50) -> Mending:
    """A retry of the rows at `positions`, in batches of `size`."""
    left = LeftRows.of(journal)
    valid = array("q", range(len(positions)))
    batches = [
        PlannedBatch(number=number, first=at, last=min(at + size, len(valid)) - 1, entries=0, rows=0)
        for number, at in enumerate(range(0, len(valid), size))
    ]
    sized = [replace(plan, entries=plan.last - plan.first + 1, rows=plan.last - plan.first + 1) for plan in batches]
    mending = Mending(journal, left, [left.find(at) for at in positions], valid=valid, batches=sized)
    mending.begin_sending(OnUnknown.RESEND)
    return mending


def left_of(journal: Journal) -> dict[int, Left]:
    left = LeftRows.of(journal)
    return {at: left.kind(index) for index, at in enumerate(left.positions)}


def test_mended_rows_bring_the_balance_up_to_date(tmp_path: Path) -> None:
    """`retry` ends with a balance in which the mended rows are accepted, whoever had turned them down."""
    with finished(tmp_path) as journal:
        assert journal.counts() == Counts(read=8, accepted=1, rejected=5, unknown=2)
        assert left_of(journal) == dict.fromkeys((0, 1, 3, 6, 7), Left.REJECTED) | dict.fromkeys((4, 5), Left.HELD)
        mending = retry_of(journal, 1, 3, 5, 7)

        async def send() -> None:
            await mending.sending(0)
            assert journal.counts() == Counts(read=8, accepted=1, rejected=2, unknown=5)
            await mending.settled(Outcome(batch=0, verdict=Verdict.ACCEPTED))

        asyncio.run(send())
        journal.end_retry(3)
        assert journal.counts() == Counts(read=8, accepted=5, rejected=2, unknown=1)
        assert journal.problems() == {(NO, ""): 2}
        assert list(journal.unknown_spans()) == [RowSpan(4, 4)]
        assert left_of(journal) == {0: Left.REJECTED, 4: Left.HELD, 6: Left.REJECTED}
        assert (journal.facts().state, journal.facts().exit_code) == ("finished", 3)


def test_a_retry_that_dies_leaves_its_rows_unknown_and_never_accepted_twice(tmp_path: Path) -> None:
    """Protects from kill -9: what was in flight may have arrived, what was settled is not sent again."""
    with finished(tmp_path) as journal:
        path = journal.path
        mending = retry_of(journal, 0, 1, 3, size=1)

        async def send() -> None:
            await mending.sending(0)
            await mending.settled(Outcome(batch=0, verdict=Verdict.ACCEPTED))
            await mending.sending(1)

        asyncio.run(send())
    with Journal.open(path, clock=HandClock(NOON + 1000)) as after:
        assert after.counts() == Counts(read=8, accepted=2, rejected=3, unknown=3)
        assert after.facts().is_retrying
        assert left_of(after) == {
            1: Left.DOUBTED, 3: Left.REJECTED, 4: Left.HELD, 5: Left.HELD, 6: Left.REJECTED, 7: Left.REJECTED,
        }  # fmt: skip
        again = retry_of(after, 1)
        # Limited, and so not executed this time: the first attempt may have been.
        asyncio.run(_returned(again))
        assert left_of(after)[1] is Left.DOUBTED
        assert again.doubt_ends(60.0) == NOON + 1000 + 120.0
        with pytest.raises(DoesNotAddUp, match="record at 0 was accepted in a retry that never sent it"):
            after.retry_now(RetryMoves(accepted=(0,)))


async def _returned(mending: Mending) -> None:
    await mending.sending(0)
    await mending.returned(0)


def test_what_is_still_wrong_has_its_new_reason(tmp_path: Path) -> None:
    """Protects whoever mends step by step: the reasons are those of the last attempt."""
    with finished(tmp_path) as journal:
        mending = retry_of(journal, 0, 3, 4)

        async def send() -> None:
            await mending.sending(0)
            refused = tuple(RefusedEntry(position=at, code="pango.new", message="still") for at in (0, 1, 2))
            await mending.piece(0, refused=refused)
            await mending.settled(Outcome(batch=0, verdict=Verdict.REFUSED, refused=refused))

        asyncio.run(send())
        assert journal.counts() == Counts(read=8, accepted=1, rejected=6, unknown=1)
        assert journal.problems() == {("pango.new", ""): 3, (NO, ""): 3}
        journal.retry_now(RetryMoves(judged={1: (("date.format", "dob"),), 3: (("email.form", "email"),)}))
        assert journal.problems() == {
            ("pango.new", ""): 2,
            (NO, ""): 2,
            ("date.format", ""): 1,
            ("email.form", "email"): 1,
        }
        assert mending.refused == dict.fromkeys((0, 1, 2), ("pango.new", "still"))


STEPS = st.lists(st.sampled_from(["accept", "refuse", "lose", "return", "piece", "die"]), min_size=1, max_size=12)


@settings(max_examples=20, deadline=None)
@given(steps=STEPS, data=st.data())
def test_no_row_is_ever_in_two_places(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], data: st.DataObject
) -> None:
    """Protects the balance: whatever comes in whatever order, the totals add up, and accepted rows stay accepted."""
    journal = finished(tmp_path_factory.mktemp("state"))
    accepted: set[int] = {2}
    loop = asyncio.new_event_loop()
    try:
        for step in steps:
            left = left_of(journal)
            if not left:
                break
            chosen = sorted(data.draw(st.sets(st.sampled_from(sorted(left)), min_size=1)))
            mending = retry_of(journal, *chosen)
            loop.run_until_complete(mending.sending(0))
            _in_balance(journal, accepted)
            refs = [EntryRef(at) for at in range(len(chosen))]
            if step == "accept":
                loop.run_until_complete(mending.settled(Outcome(batch=0, verdict=Verdict.ACCEPTED)))
                accepted.update(chosen)
            elif step == "refuse":
                refused = tuple(RefusedEntry(position=ref.position, code=NO, message="no") for ref in refs)
                loop.run_until_complete(mending.settled(Outcome(batch=0, verdict=Verdict.REFUSED, refused=refused)))
            elif step == "lose":
                loop.run_until_complete(mending.settled(Outcome(batch=0, verdict=Verdict.UNKNOWN)))
            elif step == "return":
                loop.run_until_complete(mending.returned(0))
                assert left_of(journal) == left
            elif step == "piece":
                loop.run_until_complete(mending.piece(0, accepted=tuple(refs[:1])))
                accepted.add(chosen[0])
            if step == "die":
                path = journal.path
                journal.close()
                journal = Journal.open(path, clock=HandClock())
            _in_balance(journal, accepted)
    finally:
        loop.close()
        journal.close()


def _in_balance(journal: Journal, accepted: set[int]) -> None:
    counts = journal.counts()
    assert counts.is_balanced
    assert counts.accepted == len(accepted)
    left = left_of(journal)
    assert accepted.isdisjoint(left)
    assert len(left) == counts.rejected + counts.unknown
    unknown = {at for span in journal.unknown_spans() for at in range(span.first, span.last + 1)}
    assert unknown == {at for at, kind in left.items() if kind is not Left.REJECTED}
    assert sum(journal.problems().values()) == counts.rejected


NUMBERS = st.lists(st.integers(2, 60), unique=True, min_size=1, max_size=20)
ROWS = st.lists(NUMBERS.map(sorted) | NUMBERS, min_size=1, max_size=3)
"""The rows of files, in their order, or in that of a sorted copy."""


@given(files=ROWS, size=st.integers(1, 5))
def test_a_rows_number_leads_back_to_its_record(files: list[list[int]], size: int) -> None:
    """Protects the match between a mended row and its run, whatever gaps the numbers have."""
    numbering, lines, position = Numbering(), [], 0
    expected: dict[tuple[int, int], int] = {}
    for file, rows in enumerate(files):
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            chunk = Chunk(frame=pl.DataFrame(height=len(part)), first=position, rows=pl.Series(part), file=file)
            lines += numbering.of(chunk)
            expected |= {(file, row): position + at for at, row in enumerate(part)}
            position += len(part)
    numbers = RowNumbers(lines, position)
    assert {key: numbers.position(key[1], key[0]) for key in expected} == expected
    assert {position: numbers.place(position)[::-1] for position in expected.values()} == {
        position: key for key, position in expected.items()
    }
    others = [(file, row) for file in range(4) for row in range(70) if (file, row) not in expected]
    assert all(numbers.position(row, file) is None for file, row in others)
