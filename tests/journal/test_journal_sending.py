"""What a journal makes of requests and answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.journal_faults import Trouble
from support.journal_samples import begin_journal, copy_of, plan_of
from support.journal_world import Answer, Platform, send_all

from pango_load.journal.run import Journal
from pango_load.journal.spans import RowSpan
from pango_load.journal.standing import DoesNotAddUp
from pango_load.plan import OnUnknown
from pango_load.records import Counts, EntryRef, Outcome, RefusedEntry, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from pango_load.records import PlannedBatch


def refs(*positions: int) -> tuple[EntryRef, ...]:
    return tuple(EntryRef(at) for at in positions)


def accepted(number: int) -> Outcome:
    return Outcome(batch=number, verdict=Verdict.ACCEPTED, http=200)


def reopened(journal: Journal, folder: Path, on_unknown: OnUnknown = OnUnknown.RESEND) -> Journal:
    """What the next process finds after a kill -9 at this moment."""
    path = copy_of(journal.path, folder)
    journal.close()
    after = Journal.open(path)
    after.begin_sending(on_unknown)
    return after


def left_over(journal: Journal) -> list[PlannedBatch]:
    return list(journal.unsettled())


def test_a_load_without_trouble_ends_with_every_row_accepted(tmp_path: Path) -> None:
    """The plain case that every other is measured against."""
    with begin_journal(tmp_path, plan_of(3)) as journal:
        asyncio.run(send_all(journal, Platform()))
        assert journal.counts() == Counts(read=150, accepted=150)
        assert left_over(journal) == []


def test_a_batch_under_way_counts_as_unknown(tmp_path: Path) -> None:
    """Whoever looks at a load in the middle is never told more than is known."""

    async def send() -> None:
        await journal.sending(1)
        assert journal.counts() == Counts(read=150, unknown=50, unsent=100)
        await journal.settled(accepted(1))
        assert journal.counts() == Counts(read=150, accepted=50, unsent=100)

    with begin_journal(tmp_path, plan_of(3)) as journal:
        asyncio.run(send())


def test_what_was_in_flight_at_a_kill_is_unknown_and_sent_again(tmp_path: Path) -> None:
    """A kill -9 between request and answer loses nothing."""

    async def send() -> None:
        await journal.sending(0)
        await journal.settled(accepted(0))
        await journal.sending(1)

    journal = begin_journal(tmp_path, plan_of(3))
    asyncio.run(send())
    with reopened(journal, tmp_path / "after") as after:
        assert after.counts() == Counts(read=150, accepted=50, unknown=50, unsent=50)
        assert [batch.number for batch in left_over(after)] == [1, 2]
        assert after.traffic().lost == 1


def test_under_hold_what_is_unknown_is_not_sent_again(tmp_path: Path) -> None:
    """A customer never sees the same event twice."""

    async def send() -> None:
        await journal.sending(1)

    journal = begin_journal(tmp_path, plan_of(3))
    asyncio.run(send())
    with reopened(journal, tmp_path / "after", OnUnknown.HOLD) as after:
        assert [batch.number for batch in left_over(after)] == [0, 2]
        assert list(after.unknown_spans()) == [RowSpan(50, 99)]


def test_a_batch_sent_back_after_an_unknown_attempt_stays_unknown(tmp_path: Path) -> None:
    """A 429 on the second attempt says nothing about the first, which may have been executed."""

    async def send() -> None:
        await journal.sending(0)
        await journal.unanswered(0)
        await journal.sending(0)
        await journal.returned(0)

    with begin_journal(tmp_path, plan_of(1)) as journal:
        asyncio.run(send())
        assert journal.counts() == Counts(read=50, unknown=50)


def test_a_batch_sent_back_at_first_is_unsent(tmp_path: Path) -> None:
    """A 429 or a refused connection executes nothing."""

    async def send() -> None:
        await journal.sending(0)
        await journal.returned(0)

    with begin_journal(tmp_path, plan_of(1)) as journal:
        asyncio.run(send())
        assert journal.counts() == Counts(read=50, unsent=50)


def test_a_batch_taken_apart_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    """Pieces that the platform acknowledged are not sent again by a resume."""

    async def send() -> None:
        await journal.sending(0)
        await journal.sending(0, refs(0, 1, 2))
        await journal.piece(0, accepted=refs(0, 1, 2))
        await journal.sending(0, refs(3))
        await journal.piece(0, refused=(RefusedEntry(position=3, code="pango.dob", message="dob is wrong"),))
        await journal.sending(0, refs(4, 5))

    journal = begin_journal(tmp_path, plan_of(1, entries=10))
    asyncio.run(send())
    with reopened(journal, tmp_path / "after") as after:
        assert after.counts() == Counts(read=10, accepted=3, rejected=1, unknown=2, unsent=4)
        assert left_over(after)[0].done == (0, 1, 2, 3)
        assert list(after.unknown_spans()) == [RowSpan(4, 5)]
        assert list(after.unsent_spans()) == [RowSpan(6, 9)]
        assert list(after.refused_rows()) == [RefusedEntry(position=3, code="pango.dob", message="dob is wrong")]


def test_held_entries_of_a_settled_batch_are_all_that_a_resend_sends(tmp_path: Path) -> None:
    """`retry` of unknown rows sends those and no others."""

    async def send() -> None:
        await journal.sending(0)
        await journal.settled(Outcome(batch=0, verdict=Verdict.ACCEPTED, held=refs(2, 3)))

    journal = begin_journal(tmp_path, plan_of(1, entries=6))
    asyncio.run(send())
    with reopened(journal, tmp_path / "after") as after:
        (batch,) = left_over(after)
        assert batch.done == (0, 1, 4, 5)

        async def send_again() -> None:
            await after.sending(0)
            assert after.counts() == Counts(read=6, accepted=4, unknown=2)
            await after.settled(accepted(0))

        asyncio.run(send_again())
        assert after.counts() == Counts(read=6, accepted=6)


def test_a_settled_batch_cannot_be_sent_again(tmp_path: Path) -> None:
    """The promise of section 1 does not rest on the sender alone."""

    async def send() -> None:
        await journal.sending(0)
        await journal.settled(accepted(0))
        with pytest.raises(DoesNotAddUp, match="Batch 0 is settled"):
            await journal.sending(0)
        with pytest.raises(DoesNotAddUp, match="entry at 3 is settled"):
            await journal.sending(0, refs(3))

    with begin_journal(tmp_path, plan_of(1)) as journal:
        asyncio.run(send())
        assert journal.counts() == Counts(read=50, accepted=50)


def test_a_batch_cannot_be_accepted_before_it_was_recorded_as_sent(tmp_path: Path) -> None:
    """Intention before act: a sender that forgets it is stopped in its tests."""

    async def send() -> None:
        with pytest.raises(DoesNotAddUp, match="50 rows of it are not under way"):
            await journal.settled(accepted(0))
        with pytest.raises(DoesNotAddUp, match="accepted and never sent"):
            await journal.piece(0, accepted=refs(7))

    with begin_journal(tmp_path, plan_of(1)) as journal:
        asyncio.run(send())


def test_a_refusal_must_name_every_entry(tmp_path: Path) -> None:
    """A row is rejected only by its own refusal, so none can be forgotten."""

    async def send() -> None:
        await journal.sending(0)
        refused = (RefusedEntry(position=0, code="c", message="m"),)
        with pytest.raises(DoesNotAddUp, match="refused but for 1 rows"):
            await journal.settled(Outcome(batch=0, verdict=Verdict.REFUSED, refused=refused))

    with begin_journal(tmp_path, plan_of(1, entries=2)) as journal:
        asyncio.run(send())
        assert journal.counts() == Counts(read=2, unknown=2)


def test_one_contradiction_does_not_stop_its_neighbours(tmp_path: Path) -> None:
    """Entries that are committed together fail one by one."""

    async def send() -> list[BaseException | None]:
        results = await asyncio.gather(*(journal.sending(number) for number in (0, 7, 1)), return_exceptions=True)
        return list(results)

    with begin_journal(tmp_path, plan_of(2)) as journal:
        first, missing, second = asyncio.run(send())
        assert (first, second) == (None, None)
        assert isinstance(missing, DoesNotAddUp)
        assert journal.counts() == Counts(read=100, unknown=100)


def test_a_sender_that_is_cancelled_while_it_waits_has_not_sent(tmp_path: Path) -> None:
    """Ctrl-C between intent and request does not leave rows unknown that never left."""

    async def send() -> None:
        task = asyncio.ensure_future(journal.sending(0))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await journal.returned(1)

    with begin_journal(tmp_path, plan_of(2)) as journal:
        asyncio.run(send())
        assert journal.counts() == Counts(read=100, unsent=100)


def test_a_sender_that_is_cancelled_when_its_intent_is_kept_has_not_sent(tmp_path: Path) -> None:
    """The same a moment later: the intent is on the disk, and its sender has not heard of it yet."""

    async def send() -> None:
        task = asyncio.ensure_future(journal.sending(0))
        await asyncio.sleep(0)
        while not journal.counts().unknown:
            pass  # The loop is kept from telling the sender.
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await journal.returned(1)

    with begin_journal(tmp_path, plan_of(2)) as journal:
        asyncio.run(send())
        assert journal.counts() == Counts(read=100, unsent=100)


def test_a_batch_whose_every_piece_was_told_is_settled_for_the_next_process(tmp_path: Path) -> None:
    """A kill between the last piece and the end of its batch does not keep a later batch waiting for ever."""

    async def send() -> None:
        await journal.sending(0, refs(0, 1))
        await journal.piece(0, accepted=refs(0, 1))

    first, second = plan_of(2, entries=2)
    second = replace(second, after=(0,))
    journal = begin_journal(tmp_path, [first, second])
    asyncio.run(send())
    with reopened(journal, tmp_path / "after") as after:
        assert [(batch.number, batch.after) for batch in left_over(after)] == [(1, ())]
        assert after.traffic().settled == 1


def test_entries_that_wait_together_are_committed_together(tmp_path: Path) -> None:
    """Two thousand requests a second fit a disk that flushes a hundred times a second."""
    trouble = Trouble()

    async def send() -> None:
        await asyncio.gather(*(journal.sending(number) for number in range(400)))

    with begin_journal(tmp_path, plan_of(400), connect=trouble.connect) as journal:
        trouble.statements.clear()
        asyncio.run(send())
        assert trouble.statements.count("COMMIT") < 40


def test_order_is_told_until_the_earlier_batch_is_settled(tmp_path: Path) -> None:
    """An old value never overtakes a newer one of the same record key, across processes too."""

    async def send() -> None:
        await journal.sending(0)
        await journal.settled(accepted(0))
        await journal.sending(1)

    first, second, third = plan_of(3)
    third = replace(third, after=(0, 1))
    journal = begin_journal(tmp_path, [first, second, third])
    assert [batch.after for batch in left_over(journal)] == [(), (), (0, 1)]
    asyncio.run(send())
    again = copy_of(journal.path, tmp_path / "again")
    with reopened(journal, tmp_path / "after") as after:
        assert [(batch.number, batch.after) for batch in left_over(after)] == [(1, ()), (2, (1,))]
    with Journal.open(again) as held:
        held.begin_sending(OnUnknown.HOLD)
        assert [(batch.number, batch.after) for batch in left_over(held)] == [(2, (1,))], "it waits, for it may land"


def test_a_batch_settled_at_its_second_attempt_is_waited_for_still(tmp_path: Path) -> None:
    """Its first attempt may land after the newer value: the batch is named, and the doubt has an end."""

    async def send() -> None:
        await journal.sending(0)
        await journal.unanswered(0)
        await journal.sending(0)
        await journal.settled(accepted(0))

    first, second = plan_of(2)
    with begin_journal(tmp_path, [first, replace(second, after=(0,))]) as journal:
        asyncio.run(send())
        assert [(batch.number, batch.after) for batch in left_over(journal)] == [(1, (0,))]
        assert journal.counts().unknown == 0
        assert journal.doubt_ends(60) == pytest.approx(1_700_000_000 + 120, abs=10)


def test_an_old_attempt_may_land_until_twice_the_time_out_is_over(tmp_path: Path) -> None:
    """The newer of two rows with one key waits, even where another process sent the older."""

    async def send() -> None:
        await journal.sending(0)

    journal = begin_journal(tmp_path, plan_of(2))
    assert journal.doubt_ends(60) is None
    asyncio.run(send())
    with reopened(journal, tmp_path / "after") as after:
        assert after.doubt_ends(60) == pytest.approx(1_700_000_000 + 120, abs=10)


@pytest.mark.parametrize(
    ("answers", "applied_twice"),
    [
        pytest.param([Answer.BUSY, Answer.BUSY], 0, id="turned away twice"),
        pytest.param([Answer.DROPPED], 0, id="lost on the way there"),
        pytest.param([Answer.LOST], 4, id="lost on the way back"),
        pytest.param([Answer.OK, Answer.OK, Answer.LOST], 2, id="a piece lost"),
    ],
)
def test_every_answer_ends_with_the_same_totals(tmp_path: Path, answers: list[Answer], applied_twice: int) -> None:
    """A disturbed load ends with the report of an undisturbed one."""
    platform = Platform(poison=frozenset({6}), script=iter(answers))
    with begin_journal(tmp_path, plan_of(3, entries=4)) as journal:
        asyncio.run(send_all(journal, platform))
        assert journal.counts() == Counts(read=12, accepted=11, rejected=1)
        assert journal.problems() == {("pango.refused", ""): 1}
    assert sum(times > 1 for times in platform.applied.values()) == applied_twice


def test_an_overtaken_row_is_settled_and_its_neighbours_are_sent(tmp_path: Path) -> None:
    """Protects the totals and the innocent rows of a batch, across processes, one entry made of two rows included."""

    async def hold() -> None:
        for number in (0, 1):
            await journal.sending(number)
            await journal.unanswered(number)
        await journal.sending(2)
        await journal.settled(accepted(2))

    async def send() -> None:
        await after.sending(0)
        await after.settled(accepted(0))

    first, *others = plan_of(3, 4)
    journal = begin_journal(tmp_path, [replace(first, entries=3), *others])
    asyncio.run(hold())
    journal.leave_out([EntryRef(1, 2), *refs(4, 5, 6, 7)])
    assert journal.counts() == Counts(read=12, accepted=4, skipped=6, unknown=2)
    with pytest.raises(DoesNotAddUp):
        journal.leave_out(refs(8))
    with pytest.raises(DoesNotAddUp):
        journal.leave_out(refs(1))
    with reopened(journal, tmp_path / "after") as after:
        assert [(batch.number, batch.done) for batch in left_over(after)] == [(0, (1,))]
        asyncio.run(send())
        assert after.counts() == Counts(read=12, accepted=6, skipped=6)
        assert (after.overtaken_rows(), left_over(after), list(after.unknown_spans())) == (6, [], [])
        assert after.accepted_among(range(14)) == {0, 3, 8, 9, 10, 11}
