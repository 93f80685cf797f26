"""The conductor: survey, then sending. It alone knows the order of the road."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.clock import SystemClock
from pango_load.delivery.client import IngestClient
from pango_load.delivery.feed import feed
from pango_load.delivery.limiter import Limiter
from pango_load.delivery.profile import DOCUMENTED, Profile
from pango_load.delivery.quota_sqlite import SqliteStore, quota_path
from pango_load.delivery.sender import deliver
from pango_load.delivery.stop import StopRequest
from pango_load.errors import Interrupted, LoadStopped, NoRows, TooManyRejects, UsageError
from pango_load.journal.description import RunDescription
from pango_load.journal.identity import FileDigest, LoadIdentity
from pango_load.journal.ledger import RejectedNote
from pango_load.journal.lock import claim
from pango_load.journal.resume import GoOn, GrowOn, NothingToDo, RefuseSuperseding, ShowAgain, Start, decide
from pango_load.journal.run import Journal
from pango_load.journal.runs import KnownRun, forget_broken_surveys, list_runs, supersede
from pango_load.journal.spans import RowSpan
from pango_load.payload.batches import BatchFiller, BatchPlanner
from pango_load.payload.entries import make_entries
from pango_load.payload.frame import make_frame
from pango_load.payload.repeated_keys import RepeatedKeys
from pango_load.records import Counts
from pango_load.report.summary import SUMMARY_FILE, DeliveryFigures, WindowWait, read_summary
from pango_load.road import Road, open_road, request_source
from pango_load.row_files_pass import write_row_files
from pango_load.run import LoadReport, Run, disk_trouble, open_run
from pango_load.survey import Survey, survey_source, valid_positions
from pango_load.watcher import Silent, Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pango_load.clock import Clock
    from pango_load.delivery.forecast import Forecast
    from pango_load.delivery.listener import Wait
    from pango_load.plan import Credentials, Endpoint, LoadPlan
    from pango_load.records import Batch, Chunk, Outcome, RejectedRow
    from pango_load.report.row_files import RowFile
    from pango_load.source.fingerprint import Fingerprint

NOTES_AT_ONCE = 5_000
BATCHES_AT_ONCE = 2_000


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
        LoadStopped: it could not begin: nothing was read for sending, and nothing was sent.
    """
    loading = _Loading(
        plan=plan,
        watcher=watcher or Silent(),
        clock=clock or SystemClock(),
        stop=stop or StopRequest(),
        profile=profile,
        command=command,
    )
    return loading.run()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loading:
    plan: LoadPlan
    watcher: Watcher
    clock: Clock
    stop: StopRequest
    profile: Profile
    command: tuple[str, ...]

    # --- which run it is ----------------------------------------------------------------------------------------------

    def run(self) -> LoadReport:
        plan = self.plan
        endpoint, credentials = _ready(plan)
        road = open_road(plan)
        source = request_source(plan, road.mapping)
        expected = road.source.fingerprints()
        identity = self._identity(road, source, expected, endpoint.account(credentials), endpoint)
        with claim(plan.state, identity.digest, now=self.clock.now()):
            forget_broken_surveys(plan.state, identity.digest)
            runs = list_runs(plan.state)
            runs.refuse_damage(identity.digest)
            description = self._description(road, source, endpoint)
            decision = decide(
                identity,
                description,
                runs.known,
                now=self.clock.now(),
                again=plan.again,
                again_after=plan.again_after,
                fresh=plan.fresh,
            )
            match decision:
                case RefuseSuperseding():
                    raise decision.reason
                case NothingToDo(known) | ShowAgain(known):
                    return self._shown_again(known, road)
                case GoOn(known) | GrowOn(known):
                    return self._go_on(known, road, source, expected)
                case Start():
                    return self._start(decision, identity, description, road, source, expected)

    def _identity(
        self, road: Road, source: str, expected: tuple[Fingerprint, ...], account: str, endpoint: Endpoint
    ) -> LoadIdentity:
        kind = road.mapping.object_type
        return LoadIdentity(
            files=tuple(FileDigest(found.digest, found.size) for found in expected),
            mapping=road.mapping.fingerprint,
            object_type=kind.name,
            catalogue=kind.fingerprint,
            account=account,
            ingest_url=endpoint.ingest_url,
            source=source,
            init_data=self.plan.init_data,
            reading=hashlib.blake2b(repr(self.plan.reading).encode(), digest_size=16).hexdigest(),
        )

    def _description(self, road: Road, source: str, endpoint: Endpoint) -> RunDescription:
        return RunDescription(
            names=tuple(str(path) for path in self.plan.files),
            paths=tuple(str(path.resolve()) for path in self.plan.files),
            object_type=road.mapping.object_type.name,
            address=endpoint.ingest_url,
            source=source,
            version=version("pango-load"),
            command=self.command,
            mapping=road.mapping.origin,
            init_data=self.plan.init_data,
            user_event=road.mapping.user_event is not None,
        )

    def _shown_again(self, known: KnownRun, road: Road) -> LoadReport:
        """An earlier run has done this load: its own report is what there is to say."""
        folder = Path(known.facts.description.folder)
        try:
            summary = read_summary(folder / SUMMARY_FILE)
        except (OSError, ValueError):
            run = open_run(
                self.plan,
                road,
                clock=self.clock,
                run_id=known.id,
                command="load",
                source=known.facts.description.source,
                folder=folder,
            )
            run.counts = known.counts
            summary = run.end().summary
        if known.facts.exit_code == 0:
            notice = f"Nothing to do: run {known.id} has sent this same content already. --again sends it once more."
        else:
            notice = (
                f"Run {known.id} has sent this same content already; this is its report. --again sends it all again."
            )
        return LoadReport(summary=summary, notice=notice)

    # --- a new run ----------------------------------------------------------------------------------------------------

    def _start(
        self,
        decision: Start,
        identity: LoadIdentity,
        description: RunDescription,
        road: Road,
        source: str,
        expected: tuple[Fingerprint, ...],
    ) -> LoadReport:
        with Journal.create(self.plan.state, identity=identity, description=description, clock=self.clock) as journal:
            run_id = journal.facts().id
            run = open_run(self.plan, road, clock=self.clock, run_id=run_id, command="load", source=source)
            journal.describe(replace(description, folder=str(run.folder)))
            run.fingerprints = expected
            run.on_unknown = self.plan.delivery.on_unknown
            try:
                found = self._survey(run, journal)
                if decision.superseded:
                    supersede(self.plan.state, decision.superseded, by=run_id, clock=self.clock)
                self._send(run, journal, found)
            except LoadStopped as stopped:
                return self._end(run, journal, stopped)
            return self._end(run, journal, None)

    def _survey(self, run: Run, journal: Journal) -> Survey:
        found = self._pass(run, journal)
        # Before the survey is finished: a load that is stopped here starts anew, and is guarded anew.
        self._guard(found)
        journal.finish_survey(read=found.read)
        return found

    def _pass(self, run: Run, journal: Journal) -> Survey:
        rows = run.open_rows("rejected")
        keeper = _Keeper(rows, run.folder, journal)
        repeated = RepeatedKeys(journal.path.parent)
        planner = BatchPlanner(run.plan.batch_size, repeated)
        with closing(repeated):
            try:
                found = survey_source(
                    run.road,
                    planner,
                    keeper,
                    expected=tuple(run.fingerprints),
                    after_chunk=partial(self._surveying, run),
                )
            finally:
                keeper.flush()
                run.keep(rows)
            batches = planner.batches(repeated.earlier_batches())
            while some := list(islice(batches, BATCHES_AT_ONCE)):
                journal.plan_batches(some)
        run.entries = planner.entries
        run.problems, run.warnings, run.first_rejected = found.problems, found.warnings, found.first_rejected
        return found

    def _surveying(self, run: Run, found: Survey) -> None:
        run.counts = Counts(read=found.read, rejected=found.rejected, skipped=found.skipped, unsent=found.valid)
        self.watcher.surveying(found)
        if self.stop.is_asked:
            raise _interrupted(self.stop)

    def _guard(self, found: Survey) -> None:
        """What stops a load that could be sent."""
        plan = self.plan
        if plan.error_on_empty and not found.read:
            raise NoRows("The source holds no rows.", "Check what wrote the file.")
        if plan.max_rejects.is_passed(rejected=found.rejected, read=found.read):
            raise TooManyRejects(
                f"{found.rejected} of {found.read} rows are rejected, which is more than --max-rejects allows.",
                "Mend the rows in the rejected file, or the mapping, and load the whole file again.",
            )
        if found.deletes and not plan.allow_deletes:
            raise UsageError(
                f"{found.deletes} rows have recordStatus Deleted and would delete records; nothing was sent.",
                "If that is meant, add --allow-deletes.",
            )

    # --- an interrupted one -------------------------------------------------------------------------------------------

    def _go_on(self, known: KnownRun, road: Road, source: str, expected: tuple[Fingerprint, ...]) -> LoadReport:
        folder = known.facts.description.folder
        with Journal.open(known.path, clock=self.clock) as journal:
            run = open_run(
                self.plan,
                road,
                clock=self.clock,
                run_id=known.id,
                command="load",
                source=source,
                folder=Path(folder) if folder else None,
            )
            run.is_resumed = True
            run.fingerprints = expected
            run.counts = journal.counts()
            run.entries = journal.entry_counts().read
            run.problems = journal.problems()
            run.on_unknown = self.plan.delivery.on_unknown
            try:
                self._send(run, journal, None)
            except LoadStopped as stopped:
                return self._end(run, journal, stopped)
            return self._end(run, journal, None)

    # --- sending ------------------------------------------------------------------------------------------------------

    def _send(self, run: Run, journal: Journal, found: Survey | None) -> None:
        endpoint, credentials = _ready(self.plan)
        options = self.plan.delivery
        journal.begin_sending(options.on_unknown)
        left = sum(1 for _ in journal.unsettled())
        store = SqliteStore(quota_path(self.plan.state, endpoint.account(credentials))) if options.windows else None
        limiter = Limiter(
            options.windows,
            clock=self.clock,
            share=options.quota_share,
            pace=options.pace,
            expected_requests=left,
            store=store,
        )
        run.counts = journal.counts()
        run.figures = DeliveryFigures(requests_planned=journal.traffic().batches)
        forecast: Forecast | None = limiter.forecast(left) if left else None
        self.watcher.surveyed(run, found, forecast)
        run.write()
        client = IngestClient(
            endpoint=endpoint,
            credentials=credentials,
            frame=make_frame(run.road.mapping, run.source),
            profile=self.profile,
            init_data=self.plan.init_data,
            connect_timeout=options.connect_timeout,
            read_timeout=options.read_timeout,
        )
        heard = _Heard(self.watcher, self.plan, run.counts, self.stop)
        self.watcher.sending(run, limiter)
        try:
            asyncio.run(self._deliver(run, journal, client, limiter, heard))
        except Interrupted:
            if heard.too_many is not None:
                raise heard.too_many from None
            raise
        finally:
            self.watcher.sent_all()
            run.figures = heard.figures(limiter, journal)

    async def _deliver(self, run: Run, journal: Journal, client: IngestClient, limiter: Limiter, heard: _Heard) -> None:
        try:
            await deliver(
                feed(_batches(run, journal)),
                client=client,
                limiter=limiter,
                recorder=journal,
                options=self.plan.delivery,
                clock=self.clock,
                stop=self.stop,
                listener=heard,
            )
        finally:
            await limiter.close()

    # --- the end ------------------------------------------------------------------------------------------------------

    def _end(self, run: Run, journal: Journal, stopped: LoadStopped | None) -> LoadReport:
        run.counts = journal.counts() if journal.facts().read else run.counts
        counts = run.counts
        run.problems = journal.problems() or run.problems
        run.first_unsettled = _first_unsettled(journal)
        if counts.unsent and stopped is not None:
            run.next_command = " ".join(self.command) or None
        has_refusals = any(True for _ in journal.refused_rows())
        if has_refusals or counts.unknown or counts.unsent or (run.is_resumed and counts.rejected):
            try:
                write_row_files(run, journal, tuple(run.fingerprints))
            except LoadStopped as trouble:
                stopped = stopped or trouble
        report = run.end(stopped)
        journal.finish(report.exit_code)
        return report


@dataclass(slots=True)
class _Keeper:
    """Rejected rows go to their file at once, and to the journal some thousands at a time."""

    rows: RowFile
    folder: Path
    journal: Journal
    notes: list[RejectedNote] = field(default_factory=list)

    def rejected(self, chunk: Chunk, index: int, row: RejectedRow) -> None:
        with disk_trouble(self.folder):
            self.rows.write(chunk, index, row.problems)
        problems = tuple((problem.code, problem.field) for problem in row.problems)
        self.notes.append(RejectedNote(position=row.position, row=row.row, file=row.file, problems=problems))
        if len(self.notes) >= NOTES_AT_ONCE:
            self.flush()

    def skipped(self, spans: list[tuple[int, int]]) -> None:
        self.journal.skip([RowSpan(first, last) for first, last in spans])

    def flush(self) -> None:
        if self.notes:
            self.journal.reject(self.notes)
            self.notes = []


class _Heard:
    """Passes on what delivery tells, counts it, and minds --max-rejects on the way."""

    def __init__(self, watcher: Watcher, plan: LoadPlan, counts: Counts, stop: StopRequest) -> None:
        self._watcher = watcher
        self._plan = plan
        self._stop = stop
        self._read, self._rejected = counts.read, counts.rejected
        self._attempts = 0
        self._renewals = 0
        self._repeats = 0.0
        self.too_many: TooManyRejects | None = None

    def figures(self, limiter: Limiter, journal: Journal) -> DeliveryFigures:
        waits = sorted(limiter.waited.items(), key=lambda item: -item[1])
        return DeliveryFigures(
            requests_planned=journal.traffic().batches,
            attempts=self._attempts,
            too_many=limiter.limited,
            renewals=max(0, self._renewals - 1),
            waits=tuple(WindowWait(window=label, seconds=round(seconds, 3)) for label, seconds in waits),
        )

    def sent(self, batch: int, entries: int) -> None:
        self._attempts += 1
        self._watcher.sent(batch, entries)

    def accepted(self, batch: int, rows: int) -> None:
        self._watcher.accepted(batch, rows)

    def refused(self, batch: int, rows: int, code: str) -> None:
        self._rejected += rows
        self._watcher.refused(batch, rows, code)
        limit = self._plan.max_rejects
        if self.too_many is None and limit.is_passed(rejected=self._rejected, read=self._read):
            self.too_many = TooManyRejects(
                f"{self._rejected} of {self._read} rows were rejected, more than --max-rejects allows.",
                "Mend the rows in the rejected file, then run the same command with a larger --max-rejects to go on.",
            )
            self._stop.ask()

    def held(self, batch: int, rows: int) -> None:
        self._watcher.held(batch, rows)

    def repeated(self, batch: int, reason: str, pause: float) -> None:
        self._watcher.repeated(batch, reason, pause)

    def waiting(self, reason: Wait, seconds: float | None) -> None:
        self._watcher.waiting(reason, seconds)

    def token_renewed(self, generation: int) -> None:
        self._renewals = generation
        self._watcher.token_renewed(generation)

    def settled(self, outcome: Outcome) -> None:
        self._watcher.settled(outcome)


def _ready(plan: LoadPlan) -> tuple[Endpoint, Credentials]:
    if plan.endpoint is None or plan.credentials is None:
        raise UsageError(
            "There is no address or no key to send with.", "Set the PANGO_ variables, or try it with --sandbox."
        )
    return plan.endpoint, plan.credentials


def _batches(run: Run, journal: Journal) -> Iterator[Batch]:
    """The second pass: the batches that are left, filled from the source in its order."""
    filler = BatchFiller(journal.unsettled())
    for passage in run.road.passages_where(filler.needs, tuple(run.fingerprints)):
        judged = passage.judged
        if judged is not None:
            entries = make_entries(judged.values.filter(judged.is_valid), run.road.mapping)
            yield from filler.fill(valid_positions(judged), entries)
        if filler.is_done:
            return
    filler.close()


def _first_unsettled(journal: Journal) -> int | None:
    firsts = [next(iter(spans), None) for spans in (journal.unknown_spans(), journal.unsent_spans())]
    return min((span.first for span in firsts if span is not None), default=None)


def _interrupted(stop: StopRequest) -> Interrupted:
    return Interrupted(
        "Interrupted; what was in flight was finished and recorded.",
        "Run the same command to go on where it stopped.",
        signal_number=stop.signal_number,
    )
