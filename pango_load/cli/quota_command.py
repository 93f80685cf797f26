"""`quota`: what is left of each limit of the account, as this machine has counted it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pango_load.cli.screen import print_lines, width_of
from pango_load.cli.times import local_text, utc_iso
from pango_load.cli.wrapping import wrapped
from pango_load.clock import SystemClock
from pango_load.delivery.quota_sqlite import SqliteStore, forget_account, quota_path
from pango_load.delivery.quota_status import quota_status
from pango_load.delivery.quota_store import MemoryStore
from pango_load.report.plain_text import counted, grouped, one_line, spoken_time
from pango_load.report.texts import Line
from pango_load.settings import read_settings

if TYPE_CHECKING:
    from pango_load.clock import Clock
    from pango_load.delivery.quota_status import QuotaStatus, WindowStatus
    from pango_load.plan import Window
    from pango_load.report.texts import Style

SCHEMA = 1
_NARROW = 90
_FEW = 0.1


def run_quota(
    *, as_json: bool, reset: bool, env_file: Path | None, profile: str | None, clock: Clock | None = None
) -> int:
    """Show the account's windows, or forget what was counted: the exit code.

    Raises:
        UsageError: who the account is is not set, or its quota file is damaged.
        TemporaryStop: another process does not let go of it.
    """
    clock = clock or SystemClock()
    settings = read_settings(env_file=env_file, profile=profile)
    # No key leaves this machine here, so an address in clear does no harm.
    endpoint = settings.endpoint(allow_http=True)
    path = quota_path(settings.state, endpoint.account(settings.credentials()))
    host = urlsplit(endpoint.ingest_url).netloc
    if reset:
        return _forget(path, host, as_json=as_json, clock=clock)
    status = _status(path, settings.windows, clock)
    if as_json:
        sys.stdout.write(json.dumps(_as_document(status, host), indent=2) + "\n")
        return 0
    user = one_line(settings.values.username)
    whose = f"{user} at {host}" if user else host
    print_lines(quota_page(status, whose, clock.now(), width=width_of(sys.stdout)))
    return 0


def _status(path: Path, windows: tuple[Window, ...], clock: Clock) -> QuotaStatus:
    if not path.exists():
        return quota_status(windows, MemoryStore(), clock=clock)
    store = SqliteStore(path)
    try:
        return quota_status(windows, store, clock=clock)
    finally:
        store.close()


def _forget(path: Path, host: str, *, as_json: bool, clock: Clock) -> int:
    was_there = path.exists()
    if was_there:
        forget_account(path, clock)
    if as_json:
        sys.stdout.write(json.dumps({"schema": SCHEMA, "host": host, "reset": was_there}, indent=2) + "\n")
        return 0
    text = "What was counted for this account is forgotten: every limit counts as unused from now on."
    if not was_there:
        text = "Nothing was counted for this account, so there was nothing to forget."
    lines = [*wrapped(text), Line(f"Host    {host}")]
    if was_there:
        lines += wrapped("Pango still counts what was sent: a 429 would tell, and the load would wait.", "dim")
    print_lines(lines)
    return 0


# --- on a screen ------------------------------------------------------------------------------------------------------


def quota_page(status: QuotaStatus, whose: str, now: float, *, width: int) -> list[Line]:
    """The windows as bars, at most `width` columns wide; `now` is seconds since 1970."""
    lines = [*wrapped(f"Requests of {whose}, as this machine counts them", "strong"), Line("")]
    if not status.windows:
        return [*lines, Line("PANGO_LIMITS=none: the limiter is switched off, and nothing is counted.", "warn")]
    for window in status.windows:
        lines += _window_lines(window, width, now)
    notes: list[Line] = []
    if status.asked_to_wait_until is not None:
        notes.append(Line(f"Pango asked to wait until {local_text(status.asked_to_wait_until)}.", "warn"))
    if status.processes:
        verb = "has" if status.processes == 1 else "have"
        others = counted(status.processes, "other process", "other processes")
        notes.append(Line(f"{others} of this machine {verb} requests under way."))
    notes.append(Line("Requests of other machines on this account are not in it.", "dim"))
    return [*lines, Line(""), *notes]


def _window_lines(found: WindowStatus, width: int, now: float) -> list[Line]:
    """One line for a window, two where the screen is narrow."""
    size = 10 if width < _NARROW else 20
    share = min(1.0, found.used / found.limit) if found.limit else 1.0
    # Rounding neither fills a bar that has something left nor empties one that is in use.
    filled = min(size - 1 if found.left else size, max(round(share * size), 1 if found.used else 0))
    bar = "█" * filled + "░" * (size - filled)
    style: Style = "bad" if not found.left else "warn" if found.left < _FEW * found.limit else "plain"
    numbers = f"{grouped(found.used):>7} used {grouped(found.left):>7} left of {grouped(found.limit):>7}"
    first = f"{found.window.label:>6}  {bar} {numbers}"
    when = _frees_up(found, now)
    if not when:
        return [Line(first, style)]
    if width < _NARROW:
        return [Line(first, style), Line(f"{'':8}{when}", "dim")]
    return [Line(f"{first}  {when}", style)]


def _frees_up(found: WindowStatus, now: float) -> str:
    if not found.used:
        return ""
    if found.frees_up is None:
        return f"{counted(found.under_way, 'request')} under way"
    begins = f"frees up in {spoken_time(max(0.0, found.frees_up - now))}"
    if found.all_free is None:
        return begins
    return f"{begins}, all in {spoken_time(max(0.0, found.all_free - now))}"


def _as_document(status: QuotaStatus, host: str) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "host": host,
        "windows": [
            {
                "window": found.window.label,
                "seconds": found.window.seconds,
                "published_limit": found.window.limit,
                "limit": found.limit,
                "used": found.used,
                "under_way": found.under_way,
                "left": found.left,
                "frees_up": utc_iso(found.frees_up),
                "all_free": utc_iso(found.all_free),
            }
            for found in status.windows
        ],
        "asked_to_wait_until": utc_iso(status.asked_to_wait_until),
        "other_processes": status.processes,
    }
