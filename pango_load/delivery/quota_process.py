"""Which process this is, and whether another one still lives: for permits that a killed process took with it."""

from __future__ import annotations

import contextlib
import itertools
import os
import uuid
from pathlib import Path

from pango_load.delivery.quota_terms import Owner

SILENT_FOR_DEAD = 120.0
"""Seconds without a word after which a process counts as gone where its number says little: in another container, or
where the system does not tell when it began."""

_serials = itertools.count()


def this_process() -> Owner:
    """A new owner for this process."""
    pid = os.getpid()
    return Owner(pid=pid, started=_started(pid) or 0, space=_space(), serial=next(_serials))


def is_gone(owner: Owner, *, silent_for: float) -> bool:
    """Whether the process behind `owner` has ended; `silent_for`: seconds since it was last heard of."""
    if owner.space != _space():
        return silent_for > SILENT_FOR_DEAD
    if owner.started:
        return _started(owner.pid) != owner.started
    return silent_for > SILENT_FOR_DEAD or not _exists(owner.pid)


def boot_number() -> int:
    """A number that changes when the machine is started again; 0 where the system does not tell."""
    with contextlib.suppress(OSError, ValueError):
        return uuid.UUID(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()).int % 2**64
    return 0


def _started(pid: int) -> int | None:
    """When process `pid` began, in the kernel's ticks; None where there is no such process or no such kernel."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        # The second field is the program's name in brackets, and may hold blanks and brackets itself.
        fields = status.rpartition(")")[2].split()
        return None if fields[0] in {"Z", "X"} else int(fields[19])
    return None


def _space() -> int:
    """The container whose process numbers these are."""
    with contextlib.suppress(OSError):
        return Path("/proc/self/ns/pid").stat().st_ino
    return 0


def _exists(pid: int) -> bool:
    if os.name == "nt":  # there, `os.kill` with 0 is Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
