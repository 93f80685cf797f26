"""`retry`: the mended rows of a run are sent again, and its report is brought up to date."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pango_load.cli.load_command import parse_on_unknown, parse_time, show_report, signals_ask
from pango_load.cli.progress import ScreenWatcher
from pango_load.clock import SystemClock
from pango_load.delivery.stop import StopRequest
from pango_load.plan import RetryPlan, SourceOptions
from pango_load.settings import read_settings
from pango_load.source.files import find_files

if TYPE_CHECKING:
    from pango_load.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryFlags:
    """The flags of `retry` as they were typed."""

    run: str
    files: tuple[str, ...] = ()
    mapping: Path | None = None
    on_unknown: str | None = None
    allow_deletes: bool = False
    max_duration: str | None = None
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    json: bool = False
    quiet: bool = False
    no_values: bool = False
    env_file: Path | None = None
    profile: str | None = None
    ca: str | None = None
    allow_http: bool = False


def run_retry(flags: RetryFlags) -> int:
    """`pango-load retry`: the exit code.

    Raises:
        LoadStopped: the retry could not begin, and nothing was sent.
    """
    from pango_load.retry import retry

    clock = SystemClock()
    settings = read_settings(env_file=flags.env_file, profile=flags.profile)
    plan = _plan(flags, settings)
    is_silent = flags.quiet or flags.json
    watcher = ScreenWatcher(clock, is_quiet=is_silent, address=urlsplit(plan.endpoint.ingest_url).netloc)
    stop = StopRequest()
    with watcher, signals_ask(stop):
        report = retry(
            plan,
            watcher=watcher,
            clock=clock,
            stop=stop,
            profile=settings.profile,
            command=("pango-load", *map(shlex.quote, sys.argv[1:])),
        )
    return show_report(report, as_json=flags.json, quiet=flags.quiet, no_values=flags.no_values)


def _plan(flags: RetryFlags, settings: Settings) -> RetryPlan:
    return RetryPlan(
        run=flags.run,
        state=settings.state,
        endpoint=settings.endpoint(allow_http=flags.allow_http, certificates=Path(flags.ca) if flags.ca else None),
        credentials=settings.credentials(),
        files=find_files(flags.files) if flags.files else (),
        reading=SourceOptions(sheet=flags.sheet, encoding=flags.encoding, delimiter=flags.delimiter),
        mapping=flags.mapping,
        windows=settings.windows,
        on_unknown=None if flags.on_unknown is None else parse_on_unknown(flags.on_unknown),
        allow_deletes=flags.allow_deletes,
        max_duration=None if flags.max_duration is None else parse_time("--max-duration", flags.max_duration),
    )
