"""The rules of going on, one case for each sentence at the end of the design's section 5."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.journal_samples import DESCRIPTION, NOON, identity

from pango_load.errors import AlreadyRunning
from pango_load.journal.description import RunDescription, RunFacts, RunState
from pango_load.journal.lock import Holder
from pango_load.journal.resume import (
    Decision,
    GoOn,
    GrowOn,
    NothingToDo,
    RefuseAppending,
    RefuseSuperseding,
    ShowAgain,
    Start,
    decide,
)
from pango_load.journal.runs import KnownRun
from pango_load.records import Counts

if TYPE_CHECKING:
    from pango_load.journal.identity import LoadIdentity

HOUR = 3600.0


def a_run(
    load: LoadIdentity,
    state: RunState,
    *,
    code: int | None = None,
    ago: float = HOUR,
    description: RunDescription = DESCRIPTION,
    run_id: str = "run-1",
    holder: Holder | None = None,
) -> KnownRun:
    facts = RunFacts(
        id=run_id,
        state=state,
        description=description,
        identity=load.digest,
        terms=load.terms,
        target=load.target,
        files=load.files,
        created=NOON - ago - 60,
        finished=None if code is None else NOON - ago,
        exit_code=code,
        read=100,
    )
    counts = Counts(read=100, accepted=60, unsent=30, unknown=10)
    return KnownRun(path=Path("x.sqlite"), facts=facts, counts=counts, holder=holder)


SAME = identity("a")
OTHER = identity("b")


def decided(*known: KnownRun, load: LoadIdentity = SAME, again: bool = False, fresh: bool = False) -> Decision:
    return decide(load, DESCRIPTION, known, now=NOON, again=again, fresh=fresh)


def test_fresh_alone_does_not_send_what_was_finished() -> None:
    """A cron line with `--fresh` that fires twice still sends once."""
    run = a_run(SAME, RunState.FINISHED, code=0)
    assert decided(run, fresh=True) == NothingToDo(run)


def test_a_load_never_seen_starts() -> None:
    """The first time is the plain case."""
    assert decided() == Start()


@pytest.mark.parametrize(
    ("state", "code"),
    [
        pytest.param(RunState.SENDING, None, id="killed"),
        pytest.param(RunState.STOPPED, 5, id="no network"),
        pytest.param(RunState.STOPPED, 7, id="disk full"),
        pytest.param(RunState.STOPPED, 130, id="interrupted"),
    ],
)
@pytest.mark.parametrize("again", [False, True], ids=["", "even with --again"])
def test_an_unfinished_load_goes_on(state: RunState, code: int | None, *, again: bool) -> None:
    """What was accepted is not sent again because a machine was rebooted."""
    run = a_run(SAME, state, code=code)
    assert decided(run, again=again) == GoOn(run)


def test_a_cron_job_that_fires_twice_sends_once() -> None:
    """Finished with 0 within a day: it says so and sends nothing."""
    run = a_run(SAME, RunState.FINISHED, code=0)
    assert decided(run) == NothingToDo(run)


@pytest.mark.parametrize("ago", [25 * HOUR, 24 * HOUR], ids=["after a day", "to the second"])
def test_a_day_later_the_same_load_is_sent(ago: float) -> None:
    """A monthly file that did not change is a load of its own."""
    assert decided(a_run(SAME, RunState.FINISHED, code=0, ago=ago)) == Start()


def test_again_sends_what_was_finished() -> None:
    """`--again` means what it says, whatever the end was."""
    assert decided(a_run(SAME, RunState.FINISHED, code=0), again=True) == Start()
    assert decided(a_run(SAME, RunState.FINISHED, code=3), again=True) == Start()


@pytest.mark.parametrize("ago", [HOUR, 1000 * HOUR], ids=["an hour later", "weeks later"])
def test_a_load_with_rejected_rows_shows_its_report_again(ago: float) -> None:
    """Rows that wait to be mended are not forgotten, and the accepted ones are not sent twice."""
    run = a_run(SAME, RunState.FINISHED, code=3, ago=ago)
    assert decided(run) == ShowAgain(run)


def test_newer_content_supersedes_an_unfinished_load_and_says_what_it_leaves() -> None:
    """Old rows are never sent after newer ones, and nobody is left to wonder what became of them."""
    run = a_run(OTHER, RunState.STOPPED, code=5)
    decision = decided(run)
    assert decision == Start((run,))
    assert isinstance(decision, Start)
    assert (decision.unsent, decision.unknown) == (30, 10)


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(a_run(OTHER, RunState.FINISHED, code=0), id="it is finished"),
        pytest.param(a_run(OTHER, RunState.SUPERSEDED), id="it is superseded already"),
        pytest.param(a_run(OTHER, RunState.SURVEY), id="it sent nothing"),
        pytest.param(
            a_run(OTHER, RunState.STOPPED, code=5, description=replace(DESCRIPTION, paths=("/other/customers.csv",))),
            id="it is another file",
        ),
        pytest.param(a_run(identity("b", account="account-2"), RunState.STOPPED, code=5), id="of another organisation"),
        pytest.param(
            a_run(identity("b", object_type="customer-membership"), RunState.STOPPED, code=5), id="other rows"
        ),
    ],
)
def test_other_loads_are_left_alone(run: KnownRun) -> None:
    """Only an unfinished load of the same file to the same place stands in the way."""
    assert decided(run) == Start()


def test_standard_input_supersedes_nothing() -> None:
    """Two pipes have the same name and nothing else in common."""
    description = replace(DESCRIPTION, names=("-",), paths=("-",))
    run = a_run(OTHER, RunState.STOPPED, code=5, description=description)
    assert decide(SAME, description, [run], now=NOON) == Start()


@pytest.mark.parametrize("change", [{"init_data": True}, {"user_event": True}], ids=["initData", "user events"])
@pytest.mark.parametrize("whose", ["older", "newer"])
def test_where_repeats_are_seen_superseding_needs_fresh(change: dict[str, bool], whose: str) -> None:
    """A customer's journey is not started twice because a file was exported twice."""
    marked = replace(DESCRIPTION, **change)  # type: ignore[arg-type]
    run = a_run(OTHER, RunState.STOPPED, code=5, description=marked if whose == "older" else DESCRIPTION)
    description = marked if whose == "newer" else DESCRIPTION
    refused = decide(SAME, description, [run], now=NOON)
    assert refused == RefuseSuperseding((run,))
    assert isinstance(refused, RefuseSuperseding)
    assert refused.reason.message == (
        "An unfinished load of an earlier customers.csv (run run-1) left 30 rows unsent and 10 unknown; "
        "with initData or user events, sending rows again is seen."
    )
    assert decide(SAME, description, [run], now=NOON, fresh=True) == Start((run,))


def test_fresh_starts_anew_instead_of_going_on() -> None:
    """`--fresh` leaves the unfinished load behind, and counts what it leaves."""
    run = a_run(SAME, RunState.STOPPED, code=5)
    assert decided(run, fresh=True) == Start((run,))


def test_a_file_put_back_to_an_older_state_is_sent() -> None:
    """Content A, then B, then A again: Pango holds B, so A is not "done"."""
    first = a_run(SAME, RunState.FINISHED, code=0, ago=3 * HOUR)
    second = a_run(OTHER, RunState.FINISHED, code=0, ago=HOUR, run_id="run-2")
    assert decided(first, second) == Start()
    assert decided(first, second, load=OTHER) == NothingToDo(second)


def test_a_newer_load_does_not_push_a_running_one_aside() -> None:
    """Yesterday's load still sends: today's waits for its end."""
    run = a_run(OTHER, RunState.SENDING, holder=Holder(4711, NOON - HOUR))
    with pytest.raises(AlreadyRunning, match="process 4711, since 2023-11-14 21:13:20 UTC"):
        decided(run)


def grown(*known: KnownRun, why: str = "") -> Decision:
    return decide(SAME, DESCRIPTION, known, now=NOON, why_not_grown=lambda _: why)


@pytest.mark.parametrize("run", [a_run(OTHER, RunState.FINISHED, code=0), a_run(OTHER, RunState.STOPPED, code=130)])
def test_append_goes_on_with_a_file_that_only_grew(run: KnownRun) -> None:
    """Rows that were settled are not sent again because others were added behind them."""
    decision = decide(SAME, DESCRIPTION, [run], now=NOON, why_not_grown=lambda files: str(set(files) ^ {*OTHER.files}))
    assert isinstance(decision, RefuseAppending)
    assert decision.why == "set()"
    assert grown(run) == GrowOn(run)


def test_append_refuses_a_file_that_is_not_the_old_one_with_more_rows() -> None:
    """Protects from sending everything again, or at the wrong places, where only new rows were meant."""
    run = a_run(OTHER, RunState.FINISHED, code=0)
    assert grown(run, why="it is shorter") == RefuseAppending(run, "it is shorter")
    mapped = a_run(identity("b", mapping="mapping-2"), RunState.FINISHED, code=0)
    refused = grown(mapped)
    assert isinstance(refused, RefuseAppending)
    assert "mapping" in refused.reason.message


def test_the_first_load_of_a_file_may_be_asked_to_append() -> None:
    """One command serves every night, the first one included."""
    assert grown() == Start()
    assert grown(a_run(OTHER, RunState.SUPERSEDED)) == Start()


def test_append_without_anything_added_is_nothing_to_do_however_long_ago_it_was_sent() -> None:
    """A week without new rows does not send the old ones again."""
    run = a_run(SAME, RunState.FINISHED, code=0, ago=1000 * HOUR)
    assert grown(run) == NothingToDo(run)


_RUNS = st.lists(
    st.builds(
        a_run,
        st.sampled_from([SAME, OTHER]),
        st.sampled_from(RunState),
        code=st.sampled_from([None, 0, 3, 5, 7, 130]),
        ago=st.floats(0, 100 * HOUR),
        run_id=st.uuids().map(str),
    ),
    max_size=6,
)


@given(known=_RUNS, again=st.booleans(), fresh=st.booleans())
def test_an_unfinished_load_is_never_forgotten(known: list[KnownRun], *, again: bool, fresh: bool) -> None:
    """An unfinished run of these files is gone on with, named as superseded, or a newer one is finished."""
    decision = decided(*known, again=again, fresh=fresh)
    unfinished = {run.id for run in known if run.facts.state.is_unfinished}
    match decision:
        case Start(superseded=runs):
            assert {run.id for run in runs} == unfinished
        case GoOn(run=run):
            assert run.id in unfinished
            assert run.facts.identity == SAME.digest
        case NothingToDo(run=run) | ShowAgain(run=run):
            assert run.facts.identity == SAME.digest
            assert not again
