"""The process: what is settled before the first import, how words become an exit code, and how it ends."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import TYPE_CHECKING

import typer

from pango_load.cli.main import app
from pango_load.cli.one_command import SLIP, with_one_command
from pango_load.cli.words import completed, with_command
from pango_load.errors import LoadStopped, UsageError, exit_code_of

if TYPE_CHECKING:
    from collections.abc import Sequence

# Two threads of our own share the machine; polars' pool would only add overhead for each chunk (benchmarks).
os.environ.setdefault("POLARS_MAX_THREADS", "1")
# polars' allocator (jemalloc): one arena is enough for so few threads, and one for what is large; pages that the next
# chunk needs are kept. The thread that would give pages back has nothing to do then, and wakes up thousands of times to
# find that out.
_ALLOCATOR = "narenas:1,dirty_decay_ms:-1,muzzy_decay_ms:-1,background_thread:false,oversize_threshold:4194304"
os.environ.setdefault("_RJEM_MALLOC_CONF", _ALLOCATOR)
# Looking for plugins of pydantic means reading the metadata of every package that is installed.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

OBJECTS_BETWEEN_LOOKS = 50_000


def program() -> None:
    """What a shell starts: `run` with the arguments of this process, which ends with it."""
    try:
        run(sys.argv[1:])
    finally:
        # The end of the process frees all there is; Python would look it through for cycles first, which takes
        # longer than to check some thousand rows.
        gc.freeze()


def run(words: Sequence[str]) -> None:
    """Do what `words`, the arguments, ask for. Always ends in SystemExit."""
    given = list(words)
    # Imports and entries are many objects and no cycles: looking for those every 700 costs a tenth of the start.
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS)
    if is_completing := "_PANGO_LOAD_COMPLETE" in os.environ:
        os.environ.update(completed(os.environ))
    args = given
    try:
        args = given if is_completing else with_command(given)
        code = with_one_command(app, "" if is_completing else args[0])(
            args=args, prog_name="pango-load", standalone_mode=False
        )
    except typer.Abort:
        raise SystemExit(128 + signal.SIGINT) from None
    except LoadStopped as stopped:
        from pango_load.cli.screen import print_stop

        print_stop(stopped)
        raise SystemExit(exit_code_of(stopped)) from None
    except SLIP as slip:
        from pango_load.cli.screen import print_stop

        print_stop(UsageError(slip.format_message(), f"`pango-load {args[0]} --help` shows what it takes."))
        raise SystemExit(UsageError.exit_code) from None
    except Exception as error:  # noqa: BLE001 - whatever it is, its words may quote a row, and are not shown
        from pango_load.cli.screen import print_bug

        print_bug(error)
        raise SystemExit(1) from None
    raise SystemExit(code or 0)
