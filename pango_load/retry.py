"""Mend and finish: rows that a run left rejected or unknown are sent again, and its balance is brought up to date."""

from __future__ import annotations

import logging
from array import array
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.clock import SystemClock
from pango_load.delivery.profile import DOCUMENTED, Profile
from pango_load.delivery.stop import StopRequest
from pango_load.errors import Interrupted, LoadStopped, UsageError
from pango_load.journal.description import RunState
from pango_load.journal.identity import LoadIdentity
from pango_load.journal.lock import claim
from pango_load.journal.mending import Left, Mending
from pango_load.journal.retry_moves import RetryMoves
from pango_load.journal.retry_terms import RetryTerms
from pango_load.journal.run import Journal
from pango_load.journal.runs import list_runs
from pango_load.left_rows_pass import write_left_rows
from pango_load.newer_rows import overtaken_in_retry
from pango_load.pace import pace_of, waits_of
from pango_load.payload.batches import BatchPlanner
from pango_load.payload.left_out import LeftOut
from pango_load.payload.repeated_keys import RepeatedKeys
from pango_load.plan import LoadPlan
from pango_load.records import OnDuplicate
from pango_load.report.plain_text import counted, grouped
from pango_load.report.row_files import told_apart
from pango_load.report.skips import Skip
from pango_load.report.summary import RowCounts
from pango_load.rows_to_retry import RowsToRetry, RunToRetry
from pango_load.run import Balance, LoadReport, Run, logged, retry_command
from pango_load.selection import FOR_OTHERS, KEY_REPEATED, Fate, Step, key_words
from pango_load.sending import Sender
from pango_load.source.damage import named_rows
from pango_load.survey import Survey, left_out_notice, repeated_key, survey_source
from pango_load.watcher import Silent, Watcher
from pango_load.which_run import open_folder_of, summary_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pango_load.clock import Clock
    from pango_load.delivery.forecast import Forecast
    from pango_load.journal.runs import KnownRun
    from pango_load.picked_rows import Provider
    from pango_load.plan import RetryPlan
    from pango_load.records import Chunk, Problem, RejectedRow, RejectedRows

_log = logging.getLogger(__name__)

NOTES_AT_ONCE = 5_000
ROWS_LOGGED = 1_000


def retry(
    asked: RetryPlan,
    *,
    watcher: Watcher | None = None,
    clock: Clock | None = None,
    stop: StopRequest | None = None,
    profile: Profile = DOCUMENTED,
    command: tuple[str, ...] = (),
) -> LoadReport:
    """Send the mended rows of a finished run; what is accepted moves to accepted in its balance, and nowhere else.

    A row that was accepted already is never sent again, so the same retry may be started as often as one likes, and
    goes on where a process before it was killed.

    Args:
        asked: which run, and what was mended.
        watcher: hears how it goes.
        clock: the only time it knows.
        stop: ends it early, from the thread that runs it.
        profile: how requests and answers are spelled.
        command: the command line, named as the next step where it goes on.

    Returns:
        The report of that run, brought up to date.

    Raises:
        LoadStopped: it could not begin, and nothing was sent.
    """
    clock, watcher, stop = clock or SystemClock(), watcher or Silent(), stop or StopRequest()
    sender = Sender(
        endpoint=asked.endpoint,
        credentials=asked.credentials,
        profile=profile,
        clock=clock,
        stop=stop,
        watcher=watcher,
    )
    name = list_runs(asked.state).find(asked.run).id
    with claim(asked.state, list_runs(asked.state).find(name).facts.identity, now=clock.now()):
        known = list_runs(asked.state).find(name)
        _refuse(known, asked)
        terms = RetryTerms.of(known.facts.description.terms, known.id)
        with Journal.open(known.path, clock=clock) as journal:
            return _Retrying(
                asked=asked, known=known, terms=terms, journal=journal, sender=sender, command=command
            ).to_its_end()


def _refuse(known: KnownRun, asked: RetryPlan) -> None:
    """What speaks against a retry of this run as it stands.

    Raises:
        UsageError: it is not finished, newer content took its place, or its rows went elsewhere.
    """
    facts, told = known.facts, known.facts.description
    if facts.state is RunState.SURVEY:
        raise UsageError(f"Run {known.id} was broken off before anything was sent.", "Start its load anew.")
    if facts.state is RunState.SUPERSEDED:
        raise UsageError(
            f"Run {known.id} was superseded by {facts.superseded_by}: newer content of its files took its place.",
            "Mend the rows of that run, or load this file by itself.",
        )
    if facts.state.is_unfinished:
        raise UsageError(
            f"Run {known.id} is not finished: {counted(known.counts.unsent, 'row')} unsent.",
            f"Go on with it first: {' '.join(told.command) or 'the same command as before'}",
        )
    target = LoadIdentity(
        files=(),
        mapping="",
        object_type=told.object_type,
        catalogue="",
        account=asked.endpoint.account(asked.credentials),
        ingest_url=asked.endpoint.ingest_url,
        source="",
    ).target
    if target != facts.target:
        raise UsageError(
            f"Run {known.id} went to {told.address} for another account, or to another address than this.",
            "Use the addresses and keys of that run: --env-file or --profile as they were then.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Retrying:
    """One retry on its way."""

    asked: RetryPlan
    known: KnownRun
    terms: RetryTerms
    journal: Journal
    sender: Sender
    command: tuple[str, ...]

    def to_its_end(self) -> LoadReport:
        """Match, survey, send, and tell; whatever stops it on the way, the run's report is up to date."""
        asked = self.asked
        if not asked.files and (is_complete := self._nothing_left()) is not None:
            return is_complete
        run_to_retry = RunToRetry(
            known=self.known,
            terms=self.terms,
            journal=self.journal,
            folder=Path(self.known.facts.description.folder),
        )
        plan = self._plan(asked.files or run_to_retry.own_files())
        mended = run_to_retry.match(plan, is_mapping_named=asked.mapping is not None)
        run = self._open(plan, mended)
        keeper = _Keeper(self.journal, mended, self.terms.names)
        mending: Mending | None = None
        stopped: LoadStopped | None = None
        with logged(run, self.sender.credentials.secrets):
            try:
                mending = self._survey(run, mended, keeper)
                if mending.batches:
                    self.sender.send(run, mending, partial(self._announce, run))
                else:
                    run.counts = mending.counts()
                    self._announce(run, None)
            except LoadStopped as reason:
                stopped = reason
            refused = {} if mending is None else mending.refused
            providers = run_to_retry.providers(mended, refused, keeper.for_others, tuple(run.fingerprints))
            # Rows that are left out are in no file any more: what somebody has typed into them stays.
            run.taken_in = frozenset() if keeper.skipped_rows else run_to_retry.taken_in(plan, mended)
            return self._end(run, providers, stopped, _notice(mended, mending))

    def _nothing_left(self) -> LoadReport | None:
        """The run's own report, where every row of it is accepted or was skipped; None where some are left."""
        counts, known = self.journal.counts(), self.known
        if counts.rejected or counts.unknown:
            return None
        # A retry that was stopped after its last answer may have left its own end in the summary.
        self.journal.end_retry(0)
        told = summary_of(known, self.terms, Path(known.facts.description.folder), state=self.asked.state)
        ended = {"state": "finished", "exit_code": 0, "stopped": None, "next_command": None, "problems": ()}
        summary = told.model_copy(update=ended | {"counts": RowCounts.of(counts)})
        return LoadReport(summary=summary, notice=f"Nothing left to do: no row of run {known.id} is left to be mended.")

    def _plan(self, files: tuple[Path, ...]) -> LoadPlan:
        asked, terms, told = self.asked, self.terms, self.known.facts.description
        return LoadPlan(
            files=files,
            object_type=terms.object_type,
            state=asked.state,
            folder=Path(terms.folder),
            asked_with=terms.asked_with,
            mapping=asked.mapping or (Path(terms.mapping) if terms.mapping else None),
            catalogue=Path(terms.catalogue) if terms.catalogue else None,
            source=told.source,
            source_from_flag=True,
            timezone=terms.timezone or None,
            init_data=told.init_data,
            batch_size=terms.batch_size,
            reading=asked.reading,
            delivery=replace(
                terms.delivery,
                windows=asked.windows,
                max_duration=asked.max_duration,
                on_unknown=asked.on_unknown or terms.on_unknown,
            ),
            endpoint=asked.endpoint,
            credentials=asked.credentials,
            on_unknown_from_flag=True,
            allow_deletes=asked.allow_deletes or terms.allow_deletes,
            log_as_json=terms.log_as_json,
        )

    def _open(self, plan: LoadPlan, mended: RowsToRetry) -> Run:
        folder = open_folder_of(self.known, self.journal)
        run = Run(
            plan=plan,
            road=mended.road,
            clock=self.sender.clock,
            id=self.known.id,
            folder=folder,
            started=self.known.facts.created,
            command="retry",
            source=plan.source,
            balance=Balance(
                before=summary_of(self.known, self.terms, folder, state=self.asked.state),
                names=self.terms.names,
                counts=self.journal.counts,
                problems=self.journal.problems,
                overtaken=self.journal.overtaken_rows,
            ),
            fingerprints=mended.road.source.fingerprints(),
            on_unknown=plan.delivery.on_unknown,
        )
        run.write()
        return run

    # --- survey and sending -------------------------------------------------------------------------------------------

    def _survey(self, run: Run, mended: RowsToRetry, keeper: _Keeper) -> Mending:
        repeated = RepeatedKeys(self.journal.path.parent)
        planner = BatchPlanner(run.plan.batch_size, repeated)
        with closing(repeated):
            found = survey_source(
                run.road,
                planner,
                keeper,
                folder=self.journal.path.parent,
                expected=tuple(run.fingerprints),
                also=self._overtaken(run, mended),
                after_chunk=self._surveying,
            )
            keeper.flush()
            batches = tuple(planner.batches(repeated.earlier_batches()))
            same = repeated_key(run.road, repeated, of=found.valid)
            left_out = left_out_notice(run.road, found.skips)
            run.notices = (*self._notices(mended), *(f"{one.message}." for one in same), *left_out)
        run.entries = planner.entries
        run.take(found)
        if found.deletes and not run.plan.allow_deletes:
            who = "1 row has" if found.deletes == 1 else f"{grouped(found.deletes)} rows have"
            raise UsageError(
                f"{who} recordStatus Deleted, which deletes records; nothing was sent.",
                "If that is meant, add --allow-deletes.",
            )
        keeper.leave_out()
        valid = array("q", (at for at in range(len(mended.picks)) if at not in keeper.others))
        return Mending(
            self.journal,
            mended.left,
            mended.picks.left,
            valid=valid,
            batches=batches,
            skipped=keeper.skipped_rows,
        )

    def _overtaken(self, run: Run, mended: RowsToRetry) -> tuple[Step, ...]:
        """What is left out since the run has accepted another row of its record key."""
        mapping = run.road.mapping
        if mended.origin is None or not self.journal.counts().accepted:
            return ()
        positions = [mended.left.positions[index] for index in mended.picks.left]
        found = overtaken_in_retry(
            mapping, mended.rows, positions, mended.origin, self.journal, after_chunk=self._minding
        )
        is_reject = mapping.on_duplicate is OnDuplicate.REJECT
        fate = Fate(code=KEY_REPEATED, field=key_words(mapping)) if is_reject else Fate(skip=Skip.OVERTAKEN)
        return (Step(LeftOut(iter((found,))), fate),) if found.height else ()

    def _surveying(self, found: Survey) -> None:
        self.sender.watcher.surveying(found)
        self._minding()

    def _minding(self) -> None:
        if self.sender.stop.is_asked:
            raise Interrupted(
                "Interrupted in the survey; nothing was sent.",
                "Run the same command to start anew.",
                signal_number=self.sender.stop.signal_number,
            )

    def _notices(self, mended: RowsToRetry) -> list[str]:
        notices = []
        if mended.origin is None and len(mended.picks) and self.journal.counts().accepted:
            notices.append(
                f"The source of run {self.known.id} is gone or has changed, so mended rows are not compared with what "
                "it has accepted: they are sent also where a newer row of their record key was."
            )
        if mended.overtaken:
            rows = "1 unknown row is" if mended.overtaken == 1 else f"{grouped(mended.overtaken)} unknown rows are"
            notices.append(
                f"{rows} not sent: a newer row of the same record key may have been accepted, and the source is gone "
                "that would tell."
            )
        if mended.held:
            rows = "1 row of the file is" if mended.held == 1 else f"{grouped(mended.held)} rows of the file are"
            notices.append(f"{rows} unknown, and not sent again unless --on-unknown resend says so.")
        newer = [run for run in list_runs(self.asked.state).known if self._is_newer(run)]
        if newer:
            notices.append(
                f"Run {newer[0].id} has loaded newer content of the same files since: what is sent now may be older."
            )
        return notices

    def _is_newer(self, run: KnownRun) -> bool:
        ours, theirs = self.known.facts, run.facts
        is_same_place = theirs.target == ours.target and theirs.description.paths == ours.description.paths
        return is_same_place and theirs.created > ours.created and "-" not in ours.description.names

    # --- the end ------------------------------------------------------------------------------------------------------

    def _end(self, run: Run, providers: Sequence[Provider], stopped: LoadStopped | None, notice: str) -> LoadReport:
        names = told_apart(self.terms.names)
        try:
            lost = write_left_rows(run, self.journal, providers, mapping=run.road.mapping, names=names)
        except LoadStopped as trouble:
            lost, stopped = 0, stopped or trouble
        if lost:
            rows = "1 row that is left stands" if lost == 1 else f"{grouped(lost)} rows that are left stand"
            notice += f" {rows} in no file any more, and cannot be written again."
        counts = self.journal.counts()
        run.first_unsettled = next((span.first for span in self.journal.unknown_spans()), None)
        if stopped is not None and not isinstance(stopped, UsageError):
            run.next_command = " ".join(self.command) or None
        elif counts.rejected or counts.unknown:
            run.next_command = retry_command(run)
        report = run.end(
            stopped,
            series=pace_of(self.journal, started=run.started, now=run.clock.now()),
            waits=waits_of(self.journal, started=run.started),
        )
        self.journal.end_retry(report.exit_code if stopped is None else None)
        return replace(report, notice=notice)

    def _announce(self, run: Run, forecast: Forecast | None) -> None:
        self.sender.watcher.surveyed(run, None, forecast)


@dataclass(slots=True)
class _Keeper:
    """Rows that are still wrong: their new reasons go to the journal, some thousands at a time."""

    journal: Journal
    mended: RowsToRetry
    names: tuple[str, ...] = ()
    others: set[int] = field(default_factory=set)
    notes: dict[int, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    for_others: dict[int, tuple[Problem, ...]] = field(default_factory=dict)
    left_out: dict[int, int | None] = field(default_factory=dict)
    overtaken: dict[int, int | None] = field(default_factory=dict)
    held_overtaken: list[int] = field(default_factory=list)
    rows: list[tuple[int, int]] = field(default_factory=list)

    @property
    def skipped_rows(self) -> int:
        """How many rows are left out for good."""
        return len(self.left_out) + len(self.overtaken) + len(self.held_overtaken)

    def passed(self, chunk: Chunk) -> None:
        """Their numbers are known."""

    def rejected(self, chunk: Chunk, rows: RejectedRows) -> None:
        """See `SurveyKeeper`."""
        for _, row in rows:
            self._keep(row)
        if len(self.notes) >= NOTES_AT_ONCE:
            self.flush()

    def _keep(self, row: RejectedRow) -> None:
        self.others.add(row.position)
        if because := tuple(problem for problem in row.problems if problem.code in FOR_OTHERS):
            self.for_others[row.position] = because
        left = self.mended.picks.left[row.position]
        # What may have arrived stays unknown, whatever is in the file now.
        if self.mended.left.kind(left) is Left.REJECTED:
            problems = tuple((problem.code, problem.field) for problem in row.problems)
            self.notes[self.mended.left.positions[left]] = problems

    def skipped(self, spans: Sequence[tuple[Skip, tuple[int, int]]]) -> None:
        """See `SurveyKeeper`."""
        left = self.mended.left
        for reason, (first, last) in spans:
            self.others.update(range(first, last + 1))
            for place in range(first, last + 1):
                index = self.mended.picks.left[place]
                at, kind = left.positions[index], left.kind(index)
                if reason is Skip.OVERTAKEN and len(self.rows) < ROWS_LOGGED:
                    self.rows.append((self.mended.picks.files[place], self.mended.picks.rows[place]))
                if reason is Skip.OVERTAKEN and kind is Left.HELD:
                    self.held_overtaken.append(at)
                elif reason is Skip.OVERTAKEN:
                    self.overtaken[at] = left.entry(index)
                elif reason is Skip.REPEATED and kind is Left.REJECTED:
                    # What may have arrived stays unknown, here too.
                    self.left_out[at] = left.entry(index)

    def leave_out(self) -> None:
        """Those that another row of their record key knocks out are settled, or a later retry would send them last."""
        if self.rows:
            names = told_apart(self.names) or ("",)
            _log.warning("not sent, overtaken: rows %s", named_rows(self.rows, names))
        if self.skipped_rows:
            self.journal.retry_now(
                RetryMoves(left_out=self.left_out, overtaken=self.overtaken, held_overtaken=self.held_overtaken)
            )

    def flush(self) -> None:
        """Give the journal what is held."""
        if self.notes:
            self.journal.retry_now(RetryMoves(judged=self.notes))
            self.notes = {}


def _notice(mended: RowsToRetry, mending: Mending | None) -> str:
    """What the retry itself came to, in front of the run's report."""
    accepted = 0 if mending is None else mending.accepted
    skipped = 0 if mending is None else mending.skipped
    still = len(mended.picks) - accepted - skipped
    parts = [f"{counted(accepted, 'mended row')} accepted"] if accepted else []
    parts += [f"{grouped(skipped)} skipped for another row of the same record key"] if skipped else []
    parts += [f"{grouped(still)} still to be mended"] if still and mending is not None else []
    parts += [f"{grouped(mended.picks.settled)} accepted before"] if mended.picks.settled else []
    return f"{', '.join(parts)}." if parts else "No row of it was left to be sent."
