"""The conductor: survey, then sending. It alone knows the order of the road."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.clock import SystemClock
from pango_load.delivery.profile import DOCUMENTED, Profile
from pango_load.delivery.stop import StopRequest
from pango_load.errors import Interrupted, LoadStopped, UsageError, exit_code_of
from pango_load.growth import PlannedRows, refuse_what_cannot_grow, why_not_grown
from pango_load.journal.ledger import RejectedNote
from pango_load.journal.lock import claim
from pango_load.journal.numbering import Numbering
from pango_load.journal.resume import (
    GoOn,
    GrowOn,
    NothingToDo,
    RefuseAppending,
    RefuseSuperseding,
    ShowAgain,
    Start,
    decide,
)
from pango_load.journal.run import Journal
from pango_load.journal.runs import forget_broken_surveys, list_runs, supersede
from pango_load.journal.spans import RowSpan
from pango_load.newer_rows import overtaken_in_load
from pango_load.pace import pace_of, waits_of
from pango_load.payload.batches import BatchPlanner
from pango_load.payload.repeated_keys import RepeatedKeys
from pango_load.plan import OnUnknown
from pango_load.records import Counts
from pango_load.report.plain_text import grouped
from pango_load.report.row_files import row_files_in
from pango_load.report.skips import Skip
from pango_load.road import delivery_options, forget_sorted_copy, open_road, request_source
from pango_load.row_files_pass import write_row_files
from pango_load.run import LoadReport, Run, disk_trouble, logged, open_run
from pango_load.sending import Sender
from pango_load.source.damage import named_rows
from pango_load.survey import (
    Survey,
    guard,
    kept_findings,
    left_out_notice,
    overtaken_notice,
    repeated_key,
    survey_source,
    told_findings,
)
from pango_load.valid_rows import KeptRows
from pango_load.watcher import Silent, Watcher
from pango_load.which_run import describe, identify, refuse_doubted_rows, show_again, was_retried

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pango_load.clock import Clock
    from pango_load.delivery.forecast import Forecast
    from pango_load.journal.description import RunDescription
    from pango_load.journal.identity import LoadIdentity
    from pango_load.journal.runs import KnownRun
    from pango_load.plan import LoadPlan
    from pango_load.records import Chunk, RejectedRows
    from pango_load.report.row_files import RowFile
    from pango_load.road import Road
    from pango_load.source.fingerprint import Fingerprint

_log = logging.getLogger(__name__)

NOTES_AT_ONCE = 5_000
BATCHES_AT_ONCE = 2_000
ROWS_LOGGED = 1_000
SAME_COMMAND_HELPS = {1, 5, 6, 7, 130, 143}
"""Exit codes after which the same command goes on; after the others something must be said differently."""


def load(
    plan: LoadPlan,
    *,
    watcher: Watcher | None = None,
    clock: Clock | None = None,
    stop: StopRequest | None = None,
    profile: Profile = DOCUMENTED,
    command: tuple[str, ...] = (),
) -> LoadReport:
    """Bring the rows of `plan.files` into Pango, or go on where an earlier process stopped.

    Args:
        plan: what was asked for; with endpoint and credentials.
        watcher: hears how it goes.
        clock: the only time it knows.
        stop: ends it early, from the thread that runs it.
        profile: how requests and answers are spelled.
        command: the command line, kept so that it can be named as the next step.

    Returns:
        What became of every row. A load that began always ends in a report, whatever stopped it.

    Raises:
        LoadStopped: it could not begin, and nothing was sent.
    """
    clock, watcher, stop = clock or SystemClock(), watcher or Silent(), stop or StopRequest()
    if plan.endpoint is None or plan.credentials is None:
        raise UsageError("There is no address or no key to send with.", "Set the PANGO_ variables, or use --sandbox.")
    sender = Sender(
        endpoint=plan.endpoint,
        credentials=plan.credentials,
        profile=profile,
        clock=clock,
        stop=stop,
        watcher=watcher,
    )
    road = open_road(plan)
    source = request_source(plan, road.mapping)
    fingerprints = road.source.fingerprints()
    address = plan.endpoint.ingest_url
    identity = identify(
        plan,
        road,
        source=source,
        fingerprints=fingerprints,
        account=plan.endpoint.account(plan.credentials),
        address=address,
    )
    description = describe(plan, road, source=source, address=address, command=command)
    if plan.append:
        refuse_what_cannot_grow(plan, road)
    with claim(plan.state, identity.digest, now=clock.now()):
        forget_broken_surveys(plan.state, identity.digest)
        runs = list_runs(plan.state)
        runs.refuse_damage(identity.digest)
        loading = _Loading(
            plan=plan, road=road, source=source, fingerprints=fingerprints, sender=sender, command=command
        )
        decision = decide(
            identity,
            description,
            runs.known,
            now=clock.now(),
            again=plan.again,
            again_after=plan.again_after,
            fresh=plan.fresh,
            why_not_grown=partial(why_not_grown, road, identity.files) if plan.append else None,
        )
        match decision:
            case RefuseSuperseding() | RefuseAppending():
                raise decision.reason
            case ShowAgain(known) if known.counts.unknown and _asks_to_resend(plan) and not was_retried(known):
                return loading.go_on(known)
            case NothingToDo(known) | ShowAgain(known):
                return show_again(known, plan, road, clock=clock)
            case GoOn(known):
                return loading.go_on(known)
            case GrowOn(known):
                # A process that still sends what was there before must come to its end first.
                with claim(plan.state, known.facts.identity, now=clock.now()):
                    refuse_doubted_rows(known)
                    return loading.grow_on(known, identity, description)
            case Start():
                return loading.start(decision, identity, description)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loading:
    """One load on its way."""

    plan: LoadPlan
    road: Road
    source: str
    fingerprints: tuple[Fingerprint, ...]
    sender: Sender
    command: tuple[str, ...]

    def start(self, decision: Start, identity: LoadIdentity, description: RunDescription) -> LoadReport:
        """Survey, then send."""
        clock = self.sender.clock
        with Journal.create(self.plan.state, identity=identity, description=description, clock=clock) as journal:
            run = self._open(journal.facts().id, None)
            journal.describe(replace(description, folder=str(run.folder)))

            def on_the_way() -> None:
                if self.plan.append:
                    run.notices = ("--append: no earlier load of these files is known here, so all of it is sent.",)
                kept = KeptRows(self.fingerprints)
                found = self._survey(run, journal, kept=kept)
                supersede(self.plan.state, decision.superseded, by=run.id, clock=clock)
                run.superseded = decision
                self._send(run, journal, found, kept)

            return self._to_its_end(run, journal, on_the_way)

    def go_on(self, known: KnownRun) -> LoadReport:
        """Send what an earlier process left, at the boundaries that were planned."""
        with Journal.open(known.path, clock=self.sender.clock) as journal:
            run = self._open(known.id, known)
            run.counts = journal.counts()
            run.entries = journal.entry_counts().read
            run.problems = journal.problems()
            earlier = told_findings(journal.findings())
            run.warnings, run.damage, run.skips = earlier.warnings, earlier.damage, earlier.skips

            def on_the_way() -> None:
                self._guard(earlier.deletes, None)
                self._send(run, journal, None)

            return self._to_its_end(run, journal, on_the_way)

    def grow_on(self, known: KnownRun, identity: LoadIdentity, description: RunDescription) -> LoadReport:
        """Survey the rows that were added since `known` was surveyed; send them, and what it left."""
        with Journal.open(known.path, clock=self.sender.clock) as journal:
            run = self._open(known.id, known)
            run.counts = journal.counts()

            def on_the_way() -> None:
                journal.grow(identity, replace(description, folder=str(run.folder)))
                run.notices = (f"--append: rows behind the {grouped(run.counts.read)} of run {known.id} are added.",)
                self._send(run, journal, self._survey(run, journal, before=run.counts))

            return self._to_its_end(run, journal, on_the_way)

    def _to_its_end(self, run: Run, journal: Journal, on_the_way: Callable[[], None]) -> LoadReport:
        """Whatever stops it, a load that began ends in a report."""
        with logged(run, self.sender.credentials.secrets):
            try:
                on_the_way()
            except LoadStopped as stopped:
                return self._end(run, journal, stopped)
            report = self._end(run, journal, None)
            forget_sorted_copy(self.road)
            return report

    def _open(self, run_id: str, known: KnownRun | None) -> Run:
        folder = known.facts.description.folder if known else ""
        run = open_run(
            self.plan,
            self.road,
            clock=self.sender.clock,
            run_id=run_id,
            command="load",
            source=self.source,
            folder=Path(folder) if folder else None,
        )
        run.is_resumed = known is not None
        run.fingerprints = self.fingerprints
        run.on_unknown = delivery_options(self.plan, self.road.mapping).on_unknown
        return run

    # --- the survey ---------------------------------------------------------------------------------------------------

    def _survey(
        self, run: Run, journal: Journal, *, before: Counts | None = None, kept: KeptRows | None = None
    ) -> Survey:
        """Find out what is to be sent; `before` is where the rows stand that were surveyed before (`--append`)."""
        earlier = told_findings(journal.findings())
        problems, entries = Counter(journal.problems()), journal.entry_counts().read
        # Rows that were rejected before stand in the row files too: these are written anew at the end.
        rows = None if before else run.open_rows("rejected")
        keeper = _Keeper(rows, run.folder, journal)
        repeated = RepeatedKeys(journal.path.parent)
        with closing(repeated):
            known = PlannedRows(before.read, journal.planned(), repeated) if before else None
            planner = BatchPlanner(self.plan.batch_size, repeated, first_number=known.batches if known else 0)
            try:
                found = survey_source(
                    self.road,
                    planner,
                    keeper,
                    folder=journal.path.parent,
                    expected=self.fingerprints,
                    known=known,
                    kept=kept,
                    after_chunk=partial(self._surveying, run, before or Counts()),
                )
            finally:
                keeper.flush()
                if rows is not None:
                    run.keep(rows)
            if known is not None:
                known.close()
            batches = planner.batches(repeated.earlier_batches())
            of = found.valid + (before.read if before else 0)
            found.damage = (*found.damage, *repeated_key(self.road, repeated, of=of))
            run.notices = (*run.notices, *left_out_notice(self.road, found.skips))
            while some := list(islice(batches, BATCHES_AT_ONCE)):
                journal.plan_batches(some)
        found.warnings.update(earlier.warnings)
        found.skips.update(earlier.skips)
        found.deletes += earlier.deletes
        run.take(found)
        run.entries, run.problems = entries + planner.entries, problems + found.problems
        # Before the survey is finished: a load that is stopped here starts anew, and is guarded anew.
        self._guard(found.deletes, found if found.read or not before else None)
        journal.keep_findings(kept_findings(found))
        journal.finish_survey(read=found.read + (before.read if before else 0))
        return found

    def _surveying(self, run: Run, before: Counts, found: Survey) -> None:
        run.counts = replace(
            before,
            read=before.read + found.read,
            rejected=before.rejected + found.rejected,
            skipped=before.skipped + found.skipped,
            unsent=before.unsent + found.valid,
        )
        self.sender.watcher.surveying(found)
        if self.sender.stop.is_asked:
            raise Interrupted(
                "Interrupted in the survey; nothing was sent.",
                "Run the same command to start anew.",
                signal_number=self.sender.stop.signal_number,
            )

    def _guard(self, deletes: int, found: Survey | None) -> None:
        """What stops a load that could be sent; `found` is None where an earlier process surveyed."""
        if found is not None:
            guard(self.plan, found)
        if deletes and not self.plan.allow_deletes:
            who = "1 row has" if deletes == 1 else f"{grouped(deletes)} rows have"
            raise UsageError(
                f"{who} recordStatus Deleted, which deletes records; nothing was sent.",
                "If that is meant, add --allow-deletes.",
            )

    # --- sending and the end ------------------------------------------------------------------------------------------

    def _send(self, run: Run, journal: Journal, found: Survey | None, kept: KeptRows | None = None) -> None:
        if run.on_unknown is OnUnknown.RESEND:
            self._leave_out_overtaken(run, journal)
        if rows := journal.overtaken_rows():
            run.skips = {**run.skips, Skip.OVERTAKEN: rows}

        def announce(forecast: Forecast | None) -> None:
            self.sender.watcher.surveyed(run, found, forecast)

        self.sender.send(run, journal, announce, kept)

    def _leave_out_overtaken(self, run: Run, journal: Journal) -> None:
        """What is unknown since it was held is not sent after a newer row of its record key, which was accepted."""

        def minded() -> None:
            if self.sender.stop.is_asked:
                raise Interrupted(
                    "Interrupted before sending.",
                    "Run the same command to go on.",
                    signal_number=self.sender.stop.signal_number,
                )

        found = overtaken_in_load(self.road, journal, self.fingerprints, after_chunk=minded)
        if not found.entries:
            return
        journal.leave_out(found.entries)
        titles = [file.title for file in self.road.source.files]
        _log.warning("not sent again, overtaken: rows %s", named_rows(found.rows[:ROWS_LOGGED], titles))
        notice = overtaken_notice(len(found.rows), run.road.mapping)
        if run.road.mapping.user_event is not None:
            notice += " Whether its user event was seen stays unknown."
        run.notices = (*run.notices, notice)

    def _end(self, run: Run, journal: Journal, stopped: LoadStopped | None) -> LoadReport:
        if journal.take_back_growth():
            # Nothing was sent: the run is what it was, and so are its row files.
            run.left["rejected"] = tuple(str(path) for path in row_files_in(run.folder, "rejected"))
            run.next_command = " ".join(self.command) or None
            return run.end(
                stopped,
                series=pace_of(journal, started=run.started, now=run.clock.now()),
                waits=waits_of(journal, started=run.started),
            )
        is_surveyed = journal.facts().state.is_unfinished
        if is_surveyed:
            run.counts = journal.counts()
            run.problems = journal.problems()
            run.first_unsettled = _first_unsettled(journal)
        counts = run.counts
        if stopped is not None and self.plan.sandbox:
            stopped.advice = "The sandbox and its memory are gone with this run: the same command starts anew."
        elif counts.unsent and stopped is not None and exit_code_of(stopped) in SAME_COMMAND_HELPS:
            run.next_command = " ".join(self.command) or None
        has_refusals = next(journal.refused_rows(), None) is not None
        if is_surveyed and (has_refusals or counts.unknown or counts.unsent or run.is_resumed):
            try:
                write_row_files(run, journal, self.fingerprints)
            except LoadStopped as trouble:
                stopped = stopped or trouble
        report = run.end(
            stopped,
            series=pace_of(journal, started=run.started, now=run.clock.now()),
            waits=waits_of(journal, started=run.started),
        )
        journal.finish(report.exit_code)
        return report


@dataclass(slots=True)
class _Keeper:
    """Rejected rows go to their file at once, and to the journal some thousands at a time."""

    rows: RowFile | None
    folder: Path
    journal: Journal
    notes: list[RejectedNote] = field(default_factory=list)
    numbering: Numbering = field(default_factory=Numbering)

    def passed(self, chunk: Chunk) -> None:
        """See `SurveyKeeper`."""
        if lines := self.numbering.of(chunk):
            self.journal.number(lines)

    def rejected(self, chunk: Chunk, rows: RejectedRows) -> None:
        """See `SurveyKeeper`."""
        if self.rows is not None:
            with disk_trouble(self.folder):
                self.rows.write_all(chunk, rows)
        self.notes += [RejectedNote.of(row) for _, row in rows]
        if len(self.notes) >= NOTES_AT_ONCE:
            self.flush()

    def skipped(self, spans: Sequence[tuple[Skip, tuple[int, int]]]) -> None:
        """See `SurveyKeeper`."""
        self.journal.skip([RowSpan(first, last) for _, (first, last) in spans])

    def flush(self) -> None:
        """Give the journal what is held."""
        if self.notes:
            self.journal.reject(self.notes)
            self.notes = []


def _asks_to_resend(plan: LoadPlan) -> bool:
    """Whether rows that an earlier run held as unknown are to be sent after all."""
    return plan.on_unknown_from_flag and plan.delivery.on_unknown is OnUnknown.RESEND


def _first_unsettled(journal: Journal) -> int | None:
    firsts = [next(iter(spans), None) for spans in (journal.unknown_spans(), journal.unsent_spans())]
    return min((span.first for span in firsts if span is not None), default=None)
