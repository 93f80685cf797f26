"""How many requests at once the system lets this process make: each needs a file descriptor."""

from __future__ import annotations

from pango_load.errors import UsageError

BASE = 40
"""Descriptors of a load beside its requests: journal, quota, source, row files, log, the loop's own."""


def fitting_senders(senders: int, *, each: int, limit: int) -> int:
    """How many of `senders` may run, where one needs `each` descriptors and the process may have `limit`.

    Raises:
        UsageError: not even one.
    """
    fit = min(senders, (limit - BASE) // each)
    if fit < 1:
        raise UsageError(
            f"This process may open only {limit} files at once, and a load needs {BASE + each}; nothing was sent.",
            "Raise the limit and run again: ulimit -n 256",
        )
    return fit


def raised_limit(wanted: int) -> int:
    """The limit of open files, after it was raised to `wanted` as far as the system lets its user."""
    try:
        import resource
    except ImportError:  # pragma: no cover - Windows counts otherwise, and allows thousands
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft in {resource.RLIM_INFINITY, -1} or soft >= wanted:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most
