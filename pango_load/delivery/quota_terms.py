"""What one process may spend of an account, the permits it is given, and why it is given none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from math import floor
from typing import TYPE_CHECKING, NamedTuple

from pango_load.delivery.quota_ring import even_gap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pango_load.plan import Window

REFUND_FROM = 3600.0
"""A 429 was not executed: it is charged to the windows shorter than this (seconds) only."""

USUAL_ANSWER = 0.4
"""Seconds that an answer takes, until answers were seen."""

EASED_PACE = 1.007
"""After a 429 the gap is this much more than an even one: 61 ms for 1000 a minute."""

SLACK = 1e-6
"""Seconds and permits that rounding errors may take."""


class Owner(NamedTuple):
    """A process that holds permits: its number, when it began, where its number counts, and which of its limiters."""

    pid: int = 0
    started: int = 0
    space: int = 0
    serial: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How one process may spend.

    Attributes:
        windows: the platform's.
        limits: what this process may use of each, in step with `windows`.
        gap: seconds between two requests, on average; 0 sends as early as allowed.
        even_gap: the gap at which the windows below an hour are never full.
        eased_gap: the gap after a 429.
        credit: seconds by which a request may be ahead of its gap.
    """

    windows: tuple[Window, ...]
    limits: tuple[int, ...]
    gap: float = 0.0
    even_gap: float = 0.0
    eased_gap: float = 0.0
    credit: float = 0.25


def make_terms(windows: Sequence[Window], *, share: float = 1.0, gap: float = 0.0) -> Terms:
    """The terms for `share` of `windows`; a share too small for a single request still gives one."""
    limits = tuple(max(1, floor(window.limit * share + SLACK)) for window in windows)
    gaps = [
        even_gap(window.seconds, limit, USUAL_ANSWER)
        for window, limit in zip(windows, limits, strict=True)
        if window.seconds < REFUND_FROM or window == min(windows)
    ]
    slowest = max(gaps, default=0.0)
    return Terms(
        windows=tuple(windows),
        limits=limits,
        gap=gap,
        even_gap=slowest,
        eased_gap=EASED_PACE * slowest,
        credit=min([0.25, *(window.seconds / 4 for window in windows)]),
    )


class Reason(StrEnum):
    """What the next request waits for."""

    WINDOW = "window"
    ANSWERS = "answers"
    PAUSE = "pause"
    PACE = "pace"


class Block(NamedTuple):
    """Why no permit can be given: `until` is steady seconds, infinite where only an answer can help."""

    until: float
    reason: Reason
    window: Window | None = None


_serials = count()


class Permit:
    """The right to send one request now; it is charged until it is settled.

    Attributes:
        sent: when it was given, steady seconds.
        aged: the windows (seconds) that count it as answered already: a slow platform, `Account.age`.
        serial: tells it from every other permit of this process.
    """

    __slots__ = ("aged", "sent", "serial")

    def __init__(self, sent: float) -> None:
        self.sent = sent
        self.aged: tuple[float, ...] = ()
        self.serial = next(_serials)
