"""`sandbox`: a local stand-in for the Pango API in the foreground."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING

from pango_load.catalogue.types import object_type, object_type_names, sent_type
from pango_load.errors import UsageError
from pango_load.plan import PUBLISHED_WINDOWS, parse_windows
from pango_load.sandbox.faults import parse_fault
from pango_load.sandbox.server import serve
from pango_load.sandbox.settings import SandboxSettings, WindowKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pango_load.sandbox.server import Sandbox


def run_sandbox(
    *, port: int, faults: Sequence[str], window_kind: str, limits: str | None, catalogue: Path | None = None
) -> int:
    """Serve until Ctrl-C, then say what was received: the exit code.

    Raises:
        UsageError: a flag or a catalogue that cannot be read, or a port that is taken.
    """
    for name in object_type_names(catalogue) if catalogue else ():
        # What is wrong with a file is said now, and not by a refusal of every entry.
        object_type(name, catalogue)
    try:
        kind = WindowKind(window_kind)
    except ValueError as error:
        kinds = ", ".join(kind.value for kind in WindowKind)
        raise UsageError(f'--window-kind: "{window_kind}" is none of {kinds}.', "Write one of these.") from error
    settings = SandboxSettings(
        windows=PUBLISHED_WINDOWS if limits is None else parse_windows(limits),
        window_kind=kind,
        faults=tuple(parse_fault(text) for text in faults),
    )
    find_type = partial(sent_type, folder=catalogue)
    sandbox = asyncio.run(serve(settings, "127.0.0.1", port, _tell_ready, find_type=find_type))
    sys.stdout.write("\n" + sandbox.closing_summary() + "\n")
    return 0


def _tell_ready(sandbox: Sandbox) -> None:
    given = sandbox.credentials
    lines = [
        f"The sandbox listens on {sandbox.base_url}. It stands in for Pango: nothing leaves this machine.",
        "",
        "Put this into .env, and load in another terminal:",
        "",
        f"  PANGO_AUTH_URL={sandbox.auth_url}",
        f"  PANGO_INGEST_URL={sandbox.ingest_url}",
        f"  PANGO_USERNAME={given.username}",
        f"  PANGO_API_KEY={given.api_key}",
        f"  PANGO_CDP_GKEY={given.group_key}",
        "",
        f"What it received: {sandbox.base_url}/received. Ctrl-C ends it.",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
