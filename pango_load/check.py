"""The survey alone: everything that a load would say before sending, and nothing sent."""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.clock import SystemClock
from pango_load.delivery.limiter import Limiter
from pango_load.delivery.quota_sqlite import SqliteStore, quota_path
from pango_load.delivery.token import calls_before_sending
from pango_load.errors import LoadStopped
from pango_load.payload.batches import BatchPlanner
from pango_load.payload.repeated_keys import RepeatedKeys
from pango_load.records import Counts
from pango_load.report.plain_text import grouped
from pango_load.road import forget_sorted_copy, open_road, request_source
from pango_load.run import LoadReport, Run, disk_trouble, logged, open_run
from pango_load.survey import Survey, guard, left_out_notice, repeated_key, survey_source
from pango_load.watcher import Silent, Watcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pango_load.clock import Clock
    from pango_load.delivery.forecast import Forecast
    from pango_load.delivery.quota_store import QuotaStore
    from pango_load.plan import LoadPlan
    from pango_load.records import Chunk, RejectedRows
    from pango_load.report.row_files import RowFile
    from pango_load.report.skips import Skip


@dataclass(frozen=True, slots=True)
class _Keeper:
    rows: RowFile
    folder: Path

    def passed(self, chunk: Chunk) -> None:
        """Nobody retries a check."""

    def rejected(self, chunk: Chunk, rows: RejectedRows) -> None:
        with disk_trouble(self.folder):
            self.rows.write_all(chunk, rows)

    def skipped(self, spans: Sequence[tuple[Skip, tuple[int, int]]]) -> None:
        """Only counted."""


def check(plan: LoadPlan, *, watcher: Watcher | None = None, clock: Clock | None = None) -> LoadReport:
    """Survey the files of `plan`; its valid rows count as unsent.

    Needs no credentials and no addresses. Rejected rows are written as a load would.

    Raises:
        UsageError: the files, the mapping or the run's folder cannot be used.
    """
    watcher, clock = watcher or Silent(), clock or SystemClock()
    road = open_road(plan)
    run = open_run(
        plan, road, clock=clock, run_id=secrets.token_hex(4), command="check", source=request_source(plan, road.mapping)
    )
    with logged(run):
        try:
            _survey(run, watcher)
        except LoadStopped as stopped:
            return run.end(stopped)
        finally:
            forget_sorted_copy(road)
        return run.end()


def _survey(run: Run, watcher: Watcher) -> None:
    with tempfile.TemporaryDirectory(prefix="pango-load-") as folder:
        found, planner = _pass(run, watcher, Path(folder))
    run.fingerprints = run.road.source.fingerprints()
    run.entries = planner.entries
    run.figures = run.figures.model_copy(update={"requests_planned": planner.requests})
    options = run.plan.delivery
    store = _quota(run)
    limiter = Limiter(
        options.windows,
        clock=run.clock,
        share=options.quota_share,
        pace=options.pace,
        expected_requests=planner.requests,
        store=store,
    )
    calls = calls_before_sending(run.plan.credentials)
    forecast: Forecast = limiter.forecast(planner.requests, answer=0.0, calls=calls)
    if store is not None:
        store.close()
    watcher.surveyed(run, found, forecast)
    guard(run.plan, found)


def _quota(run: Run) -> QuotaStore | None:
    """What the account has left, where the account is known and has sent before: a check leaves no trace."""
    plan = run.plan
    if plan.endpoint is None or plan.credentials is None or not plan.delivery.windows:
        return None
    path = quota_path(plan.state, plan.endpoint.account(plan.credentials))
    return SqliteStore(path) if path.exists() else None


def _pass(run: Run, watcher: Watcher, folder: Path) -> tuple[Survey, BatchPlanner]:
    rows = run.open_rows("rejected")
    repeated = RepeatedKeys(folder)
    planner = BatchPlanner(run.plan.batch_size, repeated)

    def tell(found: Survey) -> None:
        run.counts = Counts(read=found.read, rejected=found.rejected, skipped=found.skipped, unsent=found.valid)
        watcher.surveying(found)

    try:
        found = survey_source(run.road, planner, _Keeper(rows, run.folder), folder=folder, after_chunk=tell)
        repeated.earlier_batches()
        found.damage = (*found.damage, *repeated_key(run.road, repeated, of=found.valid))
        run.notices = left_out_notice(run.road, found.skips)
    finally:
        run.keep(rows)
        repeated.close()
    run.take(found)
    if found.deletes:
        who = "1 row has" if found.deletes == 1 else f"{grouped(found.deletes)} rows have"
        run.notices = (
            *run.notices,
            f"{who} recordStatus Deleted: a load refuses them without --allow-deletes.",
        )
    return found, planner
