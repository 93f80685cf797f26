"""What the survey leaves in the journal, and what it never leaves there."""

from __future__ import annotations

import asyncio
import stat
from typing import TYPE_CHECKING

import pytest
from support.journal_faults import Trouble
from support.journal_samples import (
    DESCRIPTION,
    IDENTITY,
    NOON,
    HandClock,
    begin_journal,
    copy_of,
    identity,
    plan_of,
)
from support.journal_world import Platform, send_all

from pango_load.errors import UsageError
from pango_load.journal.description import RunState
from pango_load.journal.ledger import RejectedNote
from pango_load.journal.reading import JournalReader, PacePoint, Traffic, Wait
from pango_load.journal.run import Journal
from pango_load.journal.runs import forget_broken_surveys
from pango_load.journal.spans import RowSpan
from pango_load.journal.standing import DoesNotAddUp
from pango_load.plan import Credentials, Endpoint
from pango_load.records import Counts, Outcome, PlannedBatch, Problem, RefusedEntry, RejectedRow, Verdict

if TYPE_CHECKING:
    from pathlib import Path


def survey_of(state: Path) -> Journal:
    return Journal.create(state, identity=IDENTITY, description=DESCRIPTION, clock=HandClock())


def test_a_survey_must_place_every_row_that_was_read(tmp_path: Path) -> None:
    """A row that is forgotten while reading is a bug that stops the load before anything is sent."""
    with survey_of(tmp_path) as journal:
        journal.plan_batches(plan_of(1))
        journal.reject([RejectedNote(position=50, row=52, problems=(("date.format", "dob"),))])
        journal.skip([RowSpan(51, 60)])
        with pytest.raises(DoesNotAddUp, match="62 rows were read, and 61 were planned, rejected or skipped"):
            journal.finish_survey(read=62)
        journal.finish_survey(read=61)
        assert journal.counts() == Counts(read=61, rejected=1, skipped=10, unsent=50)


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(PlannedBatch(number=2, first=50, last=99, entries=50, rows=50), id="a number is missing"),
        pytest.param(PlannedBatch(number=1, first=49, last=99, entries=50, rows=50), id="two batches overlap"),
        pytest.param(PlannedBatch(number=1, first=99, last=50, entries=50, rows=50), id="it ends before it begins"),
    ],
)
def test_a_plan_with_a_gap_is_refused(tmp_path: Path, second: PlannedBatch) -> None:
    """A plan that does not follow from the file cannot be trusted with a resume."""
    with survey_of(tmp_path) as journal:
        journal.plan_batches(plan_of(1))
        with pytest.raises(DoesNotAddUp, match="does not follow batch 0"):
            journal.plan_batches([second])


def test_rejected_rows_come_back_with_place_codes_and_fields(tmp_path: Path) -> None:
    """The reject file is written from these and the source."""
    notes = [
        RejectedNote(position=3, row=5, problems=(("date.format", "dob"), ("required", "customerId"))),
        RejectedNote(position=7, row=12, file=0, problems=(("required", "customerId"),)),
        RejectedNote(position=900, row=2, file=1, problems=(("date.format", "dob"), ("required", "customerId"))),
    ]
    with survey_of(tmp_path) as journal:
        journal.reject(notes)
        assert list(journal.rejected_rows()) == notes
        assert journal.problems() == {("required", "customerId"): 3, ("date.format", "dob"): 2}


def test_many_rejected_rows_are_read_page_by_page(tmp_path: Path) -> None:
    """No page boundary loses or repeats a row."""
    notes = [RejectedNote(position=at, row=at + 2, problems=((f"code.{at % 1500}", "f"),)) for at in range(2500)]
    with survey_of(tmp_path) as journal:
        journal.reject(notes)
        assert list(journal.rejected_rows()) == notes


def test_neither_values_nor_secrets_reach_the_file(tmp_path: Path) -> None:
    """Whoever finds the state folder learns no customer's data and no key."""
    canaries = ["0912345678-canary", "canary-api-key", "canary-group-key", "canary-token", "canary-user"]
    credentials = Credentials(
        api_key="canary-api-key", username="canary-user", group_key="canary-group-key", token="canary-token"
    )
    endpoint = Endpoint(auth_url="https://a.example.test/x", ingest_url="https://a.example.test/y")
    value = canaries[0]
    row = RejectedRow(
        position=50,
        row=52,
        file=0,
        problems=(
            Problem(code="phone.shape", field="phone", column="Mobile", value=value, message=f"{value}!", hint=value),
        ),
    )
    long = "the platform says " + "x" * 400

    async def send() -> None:
        await journal.sending(0)
        refused = tuple(RefusedEntry(position=at, code="pango.refused", message=long) for at in range(50))
        await journal.settled(Outcome(batch=0, verdict=Verdict.REFUSED, refused=refused))

    with Journal.create(
        tmp_path, identity=identity(account=endpoint.account(credentials)), description=DESCRIPTION, clock=HandClock()
    ) as journal:
        journal.plan_batches(plan_of(1))
        journal.reject([RejectedNote.of(row)])
        journal.finish_survey(read=51)
        journal.begin_sending()
        asyncio.run(send())
        copy_of(journal.path, tmp_path / "copy")
        assert {entry.message for entry in journal.refused_rows()} == {long[:300]}
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"phone.shape" in written
    for canary in canaries:
        assert canary.encode() not in written


def test_the_journal_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Other users of the machine cannot read which customers' files were loaded."""
    with begin_journal(tmp_path / "state", plan_of(1)) as journal:
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in journal.path.parent.iterdir()}
        assert set(modes.values()) == {0o600}
        assert len(modes) == 4, "the file, its log, its index and its reserve"
        assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700


def test_each_entry_is_flushed_to_the_disk_once_sending_can_begin(tmp_path: Path) -> None:
    """A loss of power takes nothing that a sender was told is written; a survey, which sends nothing, is quicker."""

    def durability(journal: Journal) -> str:
        level = journal._ledger.db.execute("PRAGMA synchronous").fetchone()[0]
        return {1: "normal", 2: "full"}[level]

    with survey_of(tmp_path) as journal:
        assert durability(journal) == "normal"
        journal.plan_batches(plan_of(1))
        journal.finish_survey(read=50)
        assert durability(journal) == "full"
    with Journal.open(journal.path) as again:
        assert durability(again) == "full"


def test_a_batch_costs_less_than_a_hundred_bytes(tmp_path: Path) -> None:
    """Twenty million rows make a journal of tens of megabytes, not of gigabytes."""

    async def send() -> None:
        await asyncio.gather(*(journal.sending(number) for number in range(4000)))
        await asyncio.gather(
            *(journal.settled(Outcome(batch=n, verdict=Verdict.ACCEPTED, http=200)) for n in range(4000))
        )

    with begin_journal(tmp_path, plan_of(4000)) as journal:
        asyncio.run(send())
        path = journal.path
    assert path.stat().st_size / 4000 < 50


def test_a_survey_that_was_broken_off_starts_anew(tmp_path: Path) -> None:
    """Nothing was sent, so nothing is gone on with."""
    journal = survey_of(tmp_path)
    journal.plan_batches(plan_of(2))
    path = copy_of(journal.path, tmp_path / "copy")
    journal.close()
    with pytest.raises(UsageError, match="was never finished"):
        Journal.open(path)
    forget_broken_surveys(tmp_path, IDENTITY.digest)
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_file_that_grew_keeps_what_was_settled(tmp_path: Path) -> None:
    """`--append` sends the new rows, and the old ones that are still open."""
    with begin_journal(tmp_path, plan_of(2)) as journal:
        asyncio.run(send_first(journal))
        first = journal.grow(identity("b"), DESCRIPTION)
        assert first == 100
        journal.plan_batches(plan_of(1, first_number=2, first=100))
        journal.reject([RejectedNote(position=150, row=152)])
        journal.finish_survey(read=151)
        journal.begin_sending()
        assert [batch.number for batch in journal.unsettled()] == [1, 2]
        asyncio.run(send_all(journal, Platform()))
        assert journal.counts() == Counts(read=151, accepted=150, rejected=1)
        assert journal.facts().identity == identity("b").digest


def test_growth_that_is_broken_off_is_taken_back(tmp_path: Path) -> None:
    """A crash while new rows are surveyed leaves the old load as it was."""
    with begin_journal(tmp_path, plan_of(2)) as journal:
        asyncio.run(send_first(journal))
        before = (journal.facts(), journal.counts(), list(journal.unsettled()))
        journal.grow(identity("b"), DESCRIPTION)
        journal.plan_batches(plan_of(1, first_number=2, first=100))
        journal.reject([RejectedNote(position=150, row=152)])
        journal.skip([RowSpan(151, 160)])
        copy = copy_of(journal.path, tmp_path / "copy")
    with JournalReader.look(copy) as looked:
        assert looked.facts() == before[0]
    with Journal.open(copy) as after:
        assert (after.facts(), after.counts(), list(after.unsettled())) == before


async def send_first(journal: Journal) -> None:
    await journal.sending(0)
    await journal.settled(Outcome(batch=0, verdict=Verdict.ACCEPTED))


def test_the_pace_and_the_waits_are_kept_for_the_report(tmp_path: Path) -> None:
    """The report draws the load over time, whatever processes it took."""
    clock = HandClock()

    async def send() -> None:
        await journal.sending(0)
        await journal.settled(Outcome(batch=0, verdict=Verdict.ACCEPTED))
        clock.time += 30
        journal.waited("1 min", 12.5)
        await journal.sending(1)
        await journal.unanswered(1)
        journal.waited("1 min", 2.5)
        await journal.sending(1)
        await journal.settled(Outcome(batch=1, verdict=Verdict.ACCEPTED))

    with begin_journal(tmp_path, plan_of(2), clock=clock) as journal:
        asyncio.run(send())
        assert list(journal.pace()) == [
            PacePoint(moment=NOON, rows=50, requests=1, lost=0),
            PacePoint(moment=NOON + 30, rows=50, requests=2, lost=1),
        ]
        assert journal.waits() == [Wait(moment=NOON + 30, reason="1 min", seconds=15.0)]
        assert journal.traffic() == Traffic(batches=2, settled=2, requests=3, lost=1)


def test_a_run_says_how_it_ended(tmp_path: Path) -> None:
    """`runs` tells the same story as the exit code did."""
    with begin_journal(tmp_path, plan_of(1)) as journal:
        assert journal.facts().state is RunState.SENDING
        journal.finish(130)
        facts = journal.facts()
        assert (facts.state, facts.exit_code, facts.finished) == (RunState.STOPPED, 130, NOON)
        journal.begin_sending()
        assert journal.facts().exit_code is None
        asyncio.run(send_all(journal, Platform()))
        journal.finish(0)
        assert journal.facts().state is RunState.FINISHED
        assert list(journal.path.parent.glob("*.reserve")) == []


def test_someone_may_look_while_a_load_runs(tmp_path: Path) -> None:
    """`runs` in a second terminal shows the load as it stands and does not disturb it."""
    trouble = Trouble()
    with begin_journal(tmp_path, plan_of(2), connect=trouble.connect) as journal:
        asyncio.run(send_first(journal))
        with JournalReader.look(journal.path) as looked:
            assert looked.counts() == Counts(read=100, accepted=50, unsent=50)
        asyncio.run(send_all(journal, Platform()))
        assert journal.counts() == Counts(read=100, accepted=100)
