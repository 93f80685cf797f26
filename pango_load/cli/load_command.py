"""`load` and `check`: flags become a plan, the plan is run, its report is shown."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pango_load.cli.descriptors import BASE, fitting_senders, raised_limit
from pango_load.cli.progress import ScreenWatcher
from pango_load.cli.screen import is_terminal, print_lines, print_stop, width_of
from pango_load.cli.spool import STANDARD_INPUT, forget_spool, with_spool
from pango_load.cli.wrapping import wrapped
from pango_load.clock import SystemClock
from pango_load.delivery.stop import StopRequest
from pango_load.errors import UsageError
from pango_load.plan import (
    DeliveryOptions,
    LoadPlan,
    OnUnknown,
    Pace,
    RejectLimit,
    SourceOptions,
    parse_reject_limit,
)
from pango_load.report.outcome import outcome_sentence
from pango_load.report.summary import summary_json
from pango_load.report.texts import Line, end_lines
from pango_load.settings import Settings, read_settings
from pango_load.source.files import find_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from pango_load.run import LoadReport

_SETTLED = {0, 3}
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFlags:
    """The flags of `load` and `check` as they were typed."""

    files: tuple[str, ...]
    object_type: str
    mapping: Path | None = None
    init_data: bool = False
    source: str = ""
    timezone: str | None = None
    sandbox: bool = False
    out: Path | None = None
    sheet: str | None = None
    skip_rows: int = 0
    limit: int | None = None
    batch_size: int = 50
    max_rejects: str | None = None
    max_duration: str | None = None
    give_up_after: str = "30m"
    on_unknown: str | None = None
    senders: int = 32
    quota_share: str = "100%"
    burst: bool = False
    pace: bool = False
    allow_deletes: bool = False
    again: bool = False
    again_after: str = "24h"
    fresh: bool = False
    append: bool = False
    strict: bool = False
    error_on_empty: bool = False
    json: bool = False
    quiet: bool = False
    no_values: bool = False
    log_format: str = "plain"
    env_file: Path | None = None
    profile: str | None = None
    catalogue: Path | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = None
    low_memory: bool = False
    visible_only: bool = False
    sort: bool = False
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    ca: str | None = None
    allow_http: bool = False


def run_load(flags: LoadFlags) -> int:
    """`pango-load load`: the exit code.

    Raises:
        LoadStopped: the load could not begin.
    """
    from pango_load.load import load
    from pango_load.python_api import in_sandbox

    clock = SystemClock()
    settings = read_settings(env_file=flags.env_file, profile=flags.profile)
    flags = _with_fitting_senders(flags)
    with ExitStack() as resources:
        flags, kept = _spooled(flags, settings, resources)
        plan = replace(make_plan(flags, settings), spool=kept)
        if flags.sandbox:
            plan = in_sandbox(plan, resources)
        else:
            certificates = Path(flags.ca) if flags.ca else None
            plan = replace(
                plan,
                endpoint=settings.endpoint(allow_http=flags.allow_http, certificates=certificates),
                credentials=settings.credentials(),
            )
        address = urlsplit(plan.endpoint.ingest_url).netloc if plan.endpoint else ""
        watcher = ScreenWatcher(clock, is_quiet=flags.quiet or flags.json, address=address)
        stop = StopRequest()
        with watcher, signals_ask(stop):
            report = load(
                plan,
                watcher=watcher,
                clock=clock,
                stop=stop,
                profile=settings.profile,
                command=("pango-load", *map(shlex.quote, sys.argv[1:])),
            )
        if kept is not None and report.exit_code in _SETTLED:
            forget_spool(kept)
    return show_report(report, as_json=flags.json, quiet=flags.quiet, no_values=flags.no_values)


def _with_fitting_senders(flags: LoadFlags) -> LoadFlags:
    """As many senders as this process may have connections; a sandbox has the other ends of them."""
    each = 2 if flags.sandbox else 1
    limit = raised_limit(BASE + each * flags.senders)
    senders = fitting_senders(flags.senders, each=each, limit=limit)
    if senders < flags.senders:
        sys.stderr.write(
            f"{senders} instead of {flags.senders} requests at once: this process may open {limit} files (ulimit -n).\n"
        )
    return replace(flags, senders=senders)


def run_check(flags: LoadFlags) -> int:
    """`pango-load check`: the exit code.

    Raises:
        LoadStopped: the files cannot be surveyed.
    """
    from pango_load.check import check

    clock = SystemClock()
    settings = read_settings(env_file=flags.env_file, profile=flags.profile)
    with ExitStack() as resources:
        flags, kept = _spooled(replace(flags, sandbox=True), settings, resources)
        plan = _with_account(replace(make_plan(flags, settings), spool=kept), settings)
        with ScreenWatcher(clock, is_quiet=flags.quiet or flags.json) as watcher:
            report = check(plan, watcher=watcher, clock=clock)
    return show_report(report, as_json=flags.json, quiet=flags.quiet, no_values=flags.no_values)


def make_plan(flags: LoadFlags, settings: Settings) -> LoadPlan:
    """What was asked for, checked once; without addresses and keys.

    Raises:
        UsageError: naming the flag that cannot be read.
    """
    reject_limit = parse_reject_limit(flags.max_rejects) if flags.max_rejects is not None else RejectLimit()
    return LoadPlan(
        files=find_files(flags.files),
        object_type=flags.object_type,
        state=settings.state,
        mapping=flags.mapping,
        catalogue=flags.catalogue,
        source=flags.source or settings.values.source,
        source_from_flag=bool(flags.source),
        timezone=flags.timezone,
        asked_with=_asked_with(flags),
        init_data=flags.init_data,
        batch_size=flags.batch_size,
        out=flags.out,
        reading=SourceOptions(
            sheet=flags.sheet,
            skip_rows=flags.skip_rows,
            limit=flags.limit,
            encoding=flags.encoding,
            delimiter=flags.delimiter,
            header_row=flags.header_row,
            low_memory=flags.low_memory,
            visible_only=flags.visible_only,
            sort=flags.sort,
        ),
        delivery=DeliveryOptions(
            senders=flags.senders,
            windows=settings.windows,
            quota_share=_share(flags.quota_share),
            pace=_pace(flags),
            on_unknown=OnUnknown.RESEND if flags.on_unknown is None else parse_on_unknown(flags.on_unknown),
            connect_timeout=flags.connect_timeout,
            read_timeout=flags.read_timeout,
            give_up_after=parse_time("--give-up-after", flags.give_up_after),
            max_duration=None if flags.max_duration is None else parse_time("--max-duration", flags.max_duration),
        ),
        on_unknown_from_flag=flags.on_unknown is not None,
        max_rejects=reject_limit,
        allow_deletes=flags.allow_deletes,
        strict=flags.strict,
        log_as_json=_is_json_log(flags.log_format),
        error_on_empty=flags.error_on_empty,
        again=flags.again,
        again_after=parse_time("--again-after", flags.again_after),
        fresh=flags.fresh,
        append=flags.append,
    )


def parse_time(name: str, text: str) -> float:
    """Read `90s`, `30m`, `8h` or `1d` as seconds.

    Raises:
        UsageError: naming the flag.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", text)
    if not found:
        raise UsageError(f'{name}: "{text}" is not a time.', "Write for instance 90s, 30m, 8h or 1d.")
    return float(found[1]) * _UNITS[found[2]]


def show_report(report: LoadReport, *, as_json: bool, quiet: bool, no_values: bool) -> int:
    """Print what became of the run, in the way that was asked for; the exit code."""
    if as_json:
        sys.stdout.write(summary_json(report.summary))
        sys.stdout.flush()
    is_silent = quiet or as_json
    if report.stopped is not None and (is_silent or not is_terminal(sys.stdout)):
        # A terminal shows it in the summary; a log, a pipe or a mail from cron looks at standard error.
        if is_silent and report.summary.left.rejected:
            report.stopped.advice += f" Rejected rows: {report.summary.folder}"
        print_stop(report.stopped)
    elif is_silent and report.exit_code not in {0, 1}:
        # Even the quietest run says where the rows are that need a hand.
        sys.stderr.write(f"{outcome_sentence(report.summary)} See {report.summary.folder}\n")
    if not is_silent:
        if report.notice:
            print_lines([*wrapped(report.notice), Line("")])
        shown = () if no_values or not is_terminal(sys.stdout) else report.rejected
        print_lines(end_lines(report.summary, shown, width=width_of(sys.stdout)))
    return report.exit_code


def _spooled(flags: LoadFlags, settings: Settings, resources: ExitStack) -> tuple[LoadFlags, Path | None]:
    """Standard input as a file: in the state folder, or thrown away where nothing is remembered."""
    if STANDARD_INPUT not in flags.files:
        return flags, None
    state = settings.state
    if flags.sandbox:
        state = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="pango-load-stdin-")))
    files, kept = with_spool(flags.files, state)
    return replace(flags, files=files), kept


def _with_account(plan: LoadPlan, settings: Settings) -> LoadPlan:
    """A check needs no account, but knows what the account has left where there is one."""
    try:
        return replace(plan, endpoint=settings.endpoint(allow_http=True), credentials=settings.credentials())
    except UsageError:
        return plan


def _is_json_log(text: str) -> bool:
    if text not in {"plain", "json"}:
        raise UsageError(f'--log-format: "{text}" is neither plain nor json.', "Write one of the two.")
    return text == "json"


def _asked_with(flags: LoadFlags) -> tuple[str, ...]:
    words = ["--env-file", str(flags.env_file.resolve())] if flags.env_file is not None else []
    words += ["--profile", flags.profile] if flags.profile is not None else []
    words += ["--ca", str(Path(flags.ca).resolve())] if flags.ca is not None else []
    return (*words, "--allow-http") if flags.allow_http else tuple(words)


def _share(text: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", text)
    if not found or not 0 < float(found[1]) <= 100:  # noqa: PLR2004 - a percentage
        raise UsageError(f'--quota-share: "{text}" is not a percentage above 0.', "Write for instance 60%.")
    return float(found[1]) / 100


def _pace(flags: LoadFlags) -> Pace:
    if flags.burst and flags.pace:
        raise UsageError("--burst and --pace contradict each other.", "Give one of them, or none.")
    return Pace.BURST if flags.burst else Pace.PACED if flags.pace else Pace.AUTO


def parse_on_unknown(text: str) -> OnUnknown:
    """Read `resend` or `hold`.

    Raises:
        UsageError: it is neither.
    """
    try:
        return OnUnknown(text)
    except ValueError as error:
        raise UsageError(f'--on-unknown: "{text}" is neither resend nor hold.', "Write one of the two.") from error


@contextmanager
def signals_ask(stop: StopRequest) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the load in order; a second one ends it at once: the journal knows what was under way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, _frame: FrameType | None) -> None:
        is_second = stop.is_asked
        stop.ask(number)
        said = "\nStopping: what is in flight is finished and recorded. Once more to leave at once.\n"
        if is_second:
            said = "Left at once: what was in flight is unknown. Run the same command to go on.\n"
        # Whoever listened may be gone: a closed terminal is what SIGHUP is sent for.
        with suppress(OSError):
            sys.stderr.write(said)
            sys.stderr.flush()
        if is_second:
            # What is under way is unknown from here on, which is what the journal says of it already.
            os._exit(128 + number)

    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
