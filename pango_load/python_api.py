"""What Python programs call: `load`, `check` and `make_plan`; they run the same road as the command line.

    from pango_load import load

    report = load("customers.csv", object_type="customer-identity", timezone="Asia/Ho_Chi_Minh")
    print(report.exit_code, report.counts.accepted)

Addresses and keys come from the environment, an env file or a profile, as for the command line, or are given as values.
"""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, TypeVar

from pango_load.catalogue.types import sent_type
from pango_load.check import check as run_check
from pango_load.delivery.profile import DOCUMENTED, Profile
from pango_load.delivery.stop import StopRequest
from pango_load.errors import LoadStopped, UsageError
from pango_load.load import load as run_load
from pango_load.plan import (
    Credentials,
    DeliveryOptions,
    Endpoint,
    LoadPlan,
    OnUnknown,
    Pace,
    RejectLimit,
    SourceOptions,
    parse_reject_limit,
)
from pango_load.run import LoadReport
from pango_load.settings import read_settings
from pango_load.source.files import find_files
from pango_load.source.row_spool import rows_of, spool_rows
from pango_load.watcher import Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias, Unpack

    import polars as pl

    from pango_load.delivery.forecast import Forecast
    from pango_load.run import Run
    from pango_load.settings import Settings
    from pango_load.source.row_spool import PandasFrame, Row
    from pango_load.survey import Survey

    Rows: TypeAlias = str | PathLike[str] | pl.DataFrame | PandasFrame | Iterable[Row]

__all__ = [
    "Credentials",
    "Endpoint",
    "LoadPlan",
    "LoadProgress",
    "LoadReport",
    "LoadStopped",
    "check",
    "load",
    "make_plan",
]

T = TypeVar("T")


class PlanOptions(TypedDict, total=False):
    """What may be said about a load beside its rows and its object type; each is left at its default if not given.

    Attributes:
        name: what rows from Python are called in reports.
        mapping: the mapping file; else `mappings/TYPE.yaml` where it is there and fits, else the headers.
        source: the request's `source`, over that of the mapping.
        timezone: the clock of dates, an IANA name, where the mapping gives none.
        init_data: say that this is the initial load.
        endpoint, credentials: instead of the environment.
        env_file, profile: where the environment is read from, as `--env-file` and `--profile`.
        sandbox: send to a stand-in in this process: no keys, and nothing is remembered.
        state: where journal and quota live.
        out: the run's folder itself.
        catalogue: a folder of your own object types.
        sheet, skip_rows, limit, encoding, delimiter, header_row, sort: how files are read.
        batch_size: entries for each request, at most 50.
        max_rejects: rows, or text like "5%": more rejected rows stop the load.
        max_duration, give_up_after, again_after: seconds.
        on_unknown: what is done with a request whose answer never came.
        senders: requests under way at once.
        quota_share: the part of each limit that may be used, above 0 and at most 1.
        allow_deletes, strict, error_on_empty, again, fresh, append: as the flags of those names.
    """

    name: str
    mapping: str | PathLike[str] | None
    source: str
    timezone: str | None
    init_data: bool
    endpoint: Endpoint
    credentials: Credentials
    env_file: str | PathLike[str] | None
    profile: str | None
    sandbox: bool
    state: str | PathLike[str]
    out: str | PathLike[str] | None
    catalogue: str | PathLike[str] | None
    sheet: str | None
    skip_rows: int
    limit: int | None
    encoding: str | None
    delimiter: str | None
    header_row: int | None
    sort: bool
    batch_size: int
    max_rejects: int | str
    max_duration: float
    give_up_after: float
    again_after: float
    on_unknown: Literal["resend", "hold"]
    senders: int
    quota_share: float
    allow_deletes: bool
    strict: bool
    error_on_empty: bool
    again: bool
    fresh: bool
    append: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadProgress:
    """Where a load stands. Rows are rows of the source.

    Attributes:
        stage: "reading" until everything is known, then "sending".
        read: records read so far.
        rejected: rows turned down so far, here or by Pango.
        to_send: rows that are to be settled in this run; 0 while reading.
        accepted: of these, so far.
        unknown: of these, whose answer never came.
        waiting: what sending waits for, in words; empty while it goes on.
    """

    stage: Literal["reading", "sending"]
    read: int
    rejected: int
    to_send: int = 0
    accepted: int = 0
    unknown: int = 0
    waiting: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLoad(LoadPlan):
    """A plan that `make_plan` made.

    Attributes:
        profile: how requests and answers are spelled, where a profile of `config.toml` says so.
    """

    profile: Profile = DOCUMENTED


def make_plan(rows: Rows | LoadPlan, object_type: str = "", **options: Unpack[PlanOptions]) -> LoadPlan:
    """A load as it is asked for, checked: to be given to `check`, and then to `load`.

    Args:
        rows: a path (or a pattern, or a folder), a polars or pandas frame, or an iterable of dicts. Rows that are no
            file are written to a private file in the state folder, which `load` deletes when they are settled.
        object_type: what the rows become; may be left out where the mapping names it.
        options: see `PlanOptions`.

    Raises:
        UsageError: an option, a file, a row or a variable that cannot be used; nothing was sent.
    """
    if isinstance(rows, LoadPlan):
        if options or object_type:
            raise UsageError("A plan takes no further options.", "Give them to make_plan.")
        return rows
    return _planned(rows, object_type, options)


def load(
    rows: Rows | LoadPlan,
    object_type: str = "",
    *,
    listener: Callable[[LoadProgress], None] | None = None,
    stop: StopRequest | None = None,
    **options: Unpack[PlanOptions],
) -> LoadReport:
    """Bring rows into Pango, or go on where an earlier load of the same rows stopped.

    Every row ends accepted, rejected, skipped, unknown or unsent, and `report.counts` add up. A load that began ends in
    a report whatever stopped it (`report.stopped`, `report.exit_code`); call it again with the same rows to go on.

    Args:
        rows: a plan, or what `make_plan` takes.
        object_type: see `make_plan`.
        listener: called after each step, in the thread that sends. What it raises ends the load in order, and is raised
            when the load has ended.
        stop: `stop.ask()`, called by the listener, ends the load in order.
        options: see `PlanOptions`.

    Raises:
        LoadStopped: the load could not begin, and nothing was sent.
    """
    stop = stop or StopRequest()
    watcher = _Listening(listener, stop)
    with ExitStack() as resources:
        if isinstance(rows, LoadPlan):
            plan = make_plan(rows, object_type, **options)
        else:
            if options.get("sandbox"):
                options["state"] = resources.enter_context(tempfile.TemporaryDirectory(prefix="pango-load-sandbox-"))
            plan = _planned(rows, object_type, options)
        ready = in_sandbox(plan, resources) if plan.sandbox else plan
        profile = plan.profile if isinstance(plan, PlannedLoad) else DOCUMENTED
        report = _outside_loops(lambda: run_load(ready, watcher=watcher, stop=stop, profile=profile))
    if plan.spool is not None and report.exit_code in {0, 3}:
        plan.spool.unlink(missing_ok=True)
    watcher.raise_again()
    return report


def check(
    rows: Rows | LoadPlan,
    object_type: str = "",
    *,
    listener: Callable[[LoadProgress], None] | None = None,
    **options: Unpack[PlanOptions],
) -> LoadReport:
    """Everything but sending: counts, problems, and the rejected rows in a file; valid rows count as unsent.

    Needs neither addresses nor keys.

    Args:
        rows: see `load`.
        object_type: see `make_plan`.
        listener: see `load`.
        options: see `PlanOptions`.

    Raises:
        LoadStopped: the rows cannot be surveyed.
    """
    watcher = _Listening(listener, StopRequest())
    with ExitStack() as resources:
        if isinstance(rows, LoadPlan):
            plan = make_plan(rows, object_type, **options)
        else:
            folder = resources.enter_context(tempfile.TemporaryDirectory(prefix="pango-load-rows-"))
            plan = _planned(rows, object_type, options, spool=Path(folder), is_check=True)
        report = run_check(plan, watcher=watcher)
    watcher.raise_again()
    return report


def in_sandbox(plan: LoadPlan, resources: ExitStack) -> LoadPlan:
    """`plan` with a stand-in in this process, and a state that is thrown away: as often as one likes."""
    # The stand-in is a web server, which nothing else needs.
    from pango_load.sandbox.server import Sandbox
    from pango_load.sandbox.settings import SandboxSettings

    state = resources.enter_context(tempfile.TemporaryDirectory(prefix="pango-load-sandbox-"))
    settings = SandboxSettings(windows=plan.delivery.windows, keep=False)
    # Own types are judged by the same catalogue as the load.
    find_type = partial(sent_type, folder=plan.catalogue)
    sandbox = resources.enter_context(Sandbox(settings, find_type=find_type))
    return replace(
        plan,
        state=Path(state),
        sandbox=True,
        endpoint=Endpoint(auth_url=sandbox.auth_url, ingest_url=sandbox.ingest_url),
        credentials=sandbox.credentials,
    )


# --- a plan -----------------------------------------------------------------------------------------------------------


def _planned(
    rows: Rows,
    object_type: str,
    options: PlanOptions,
    *,
    spool: Path | None = None,
    is_check: bool = False,
) -> PlannedLoad:
    settings = read_settings(env_file=_path(options.get("env_file")), profile=options.get("profile"))
    state = _path(options.get("state")) or settings.state
    is_sandbox = options.get("sandbox", False)
    endpoint, credentials = _who(options, settings, is_needed=not (is_sandbox or is_check))
    if isinstance(rows, str | PathLike):
        files, kept, name = find_files([str(Path(rows))]), None, "-"
    else:
        name = options.get("name", "rows")
        kept = spool_rows(rows_of(rows), spool or state / "spool", name=_file_name(name))
        files = (kept,)
    rejects = options.get("max_rejects")
    return PlannedLoad(
        profile=settings.profile,
        files=files,
        object_type=object_type,
        state=state,
        spool=kept,
        spooled_as=name,
        mapping=_path(options.get("mapping")),
        catalogue=_path(options.get("catalogue")),
        source=options.get("source") or settings.values.source,
        source_from_flag=bool(options.get("source")),
        timezone=options.get("timezone"),
        init_data=options.get("init_data", False),
        batch_size=options.get("batch_size", 50),
        out=_path(options.get("out")),
        reading=SourceOptions(
            sheet=options.get("sheet"),
            skip_rows=options.get("skip_rows", 0),
            limit=options.get("limit"),
            encoding=options.get("encoding"),
            delimiter=options.get("delimiter"),
            header_row=options.get("header_row"),
            is_records=kept is not None,
            sort=options.get("sort", False),
        ),
        delivery=_delivery(options, settings),
        endpoint=endpoint,
        credentials=credentials,
        on_unknown_from_flag="on_unknown" in options,
        max_rejects=RejectLimit() if rejects is None else parse_reject_limit(str(rejects)),
        allow_deletes=options.get("allow_deletes", False),
        strict=options.get("strict", False),
        error_on_empty=options.get("error_on_empty", False),
        again=options.get("again", False),
        again_after=options.get("again_after", 86400.0),
        fresh=options.get("fresh", False),
        append=options.get("append", False),
        sandbox=is_sandbox,
    )


def _delivery(options: PlanOptions, settings: Settings) -> DeliveryOptions:
    share = options.get("quota_share", 1.0)
    if not 0 < share <= 1:
        raise UsageError(f"quota_share={share} is not above 0 and at most 1.", "Write for instance quota_share=0.6.")
    return DeliveryOptions(
        senders=options.get("senders", 32),
        windows=settings.windows,
        quota_share=share,
        pace=Pace.AUTO,
        on_unknown=OnUnknown(options.get("on_unknown", "resend")),
        give_up_after=options.get("give_up_after", 1800.0),
        max_duration=options.get("max_duration"),
    )


def _who(options: PlanOptions, settings: Settings, *, is_needed: bool) -> tuple[Endpoint | None, Credentials | None]:
    endpoint, credentials = options.get("endpoint"), options.get("credentials")
    if not is_needed:
        return endpoint, credentials
    return endpoint or settings.endpoint(), credentials or settings.credentials()


def _path(given: str | PathLike[str] | None) -> Path | None:
    return None if given is None else Path(given)


def _file_name(name: str) -> str:
    kept = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name)[:60]
    return kept.strip("._-") or "rows"


def _outside_loops(work: Callable[[], T]) -> T:
    """Run `work`, which has an event loop of its own, also where one runs already: in a notebook, in a web server."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="pango-load") as thread:
        return thread.submit(work).result()


# --- progress ---------------------------------------------------------------------------------------------------------


class _Listening(Silent):
    """Tells a listener what a watcher sees."""

    def __init__(self, listener: Callable[[LoadProgress], None] | None, stop: StopRequest) -> None:
        self._listener, self._stop = listener, stop
        self._now = LoadProgress(stage="reading", read=0, rejected=0)
        self._raised: BaseException | None = None

    def raise_again(self) -> None:
        """What the listener raised, once the load has ended in order."""
        if self._raised is not None:
            raise self._raised

    def surveying(self, found: Survey) -> None:
        self._tell(LoadProgress(stage="reading", read=found.read, rejected=found.rejected))

    def surveyed(self, run: Run, found: Survey | None, forecast: Forecast | None) -> None:
        counts = run.counts
        to_send = counts.unsent + counts.unknown
        self._tell(LoadProgress(stage="sending", read=counts.read, rejected=counts.rejected, to_send=to_send))

    def accepted(self, batch: int, rows: int) -> None:
        self._tell(replace(self._now, accepted=self._now.accepted + rows, waiting=""))

    def refused(self, batch: int, rows: int, code: str) -> None:
        self._tell(replace(self._now, rejected=self._now.rejected + rows, waiting=""))

    def held(self, batch: int, rows: int) -> None:
        self._tell(replace(self._now, unknown=self._now.unknown + rows))

    def waiting(self, reason: str, seconds: float | None) -> None:
        self._tell(replace(self._now, waiting=str(reason)))

    def _tell(self, now: LoadProgress) -> None:
        self._now = now
        if self._listener is None or self._raised is not None:
            return
        try:
            self._listener(now)
        except BaseException as error:  # noqa: BLE001 - kept until the load has ended in order, and raised then
            self._raised = error
            self._stop.ask()
