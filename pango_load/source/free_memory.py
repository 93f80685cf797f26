"""How much memory this process may still take, where the system tells."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

_SYSTEM = Path("/proc/meminfo")
_CONTAINER = Path("/sys/fs/cgroup")


def free_memory(system: Path = _SYSTEM, container: Path = _CONTAINER) -> int | None:
    """Bytes that are free for this process, on the machine and within its container; None where nothing tells."""
    told: list[int] = []
    with suppress(OSError):
        found = re.search(r"^MemAvailable:\s+(\d+) kB", system.read_text(encoding="utf-8"), re.MULTILINE)
        told += [int(found[1]) << 10] if found else []
    with suppress(OSError, ValueError):
        most = int((container / "memory.max").read_text(encoding="utf-8"))
        told.append(most - int((container / "memory.current").read_text(encoding="utf-8")))
    return max(0, min(told)) if told else None


def give_back_memory() -> None:
    """Hand what was let go of back to the system, where the C library can: it keeps small pieces for later otherwise.

    Measured after a workbook of 25 MB was read: 134 MB of 350, in 6 ms.
    """
    import ctypes

    with suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
