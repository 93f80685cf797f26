"""What can be made to go wrong on request: which fault, on which requests, how often."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

from pango_load.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class FaultKind(StrEnum):
    """What goes wrong. None of it is documented behaviour of Pango: it is what any HTTP service does on a bad day."""

    REFUSED = "400"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    TIMEOUT = "408"
    CONFLICT = "409"
    TOO_LARGE = "413"
    UNPROCESSABLE = "422"
    LIMITED = "429"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    GATEWAY_TIMEOUT = "504"
    NOT_SUCCESS = "not-success"
    REDIRECT = "redirect"
    RESET = "reset"
    CLOSE = "close"
    HANG = "hang"
    HALF = "half"
    NOT_JSON = "not-json"
    EMPTY = "empty"
    ENDLESS = "endless"
    HUGE = "huge"
    TRICKLE = "trickle"
    SLOW = "slow"


FAULT_HELP: Mapping[FaultKind, str] = {
    FaultKind.REFUSED: "400, refused without naming an entry",
    FaultKind.UNAUTHORIZED: "401, and every token given out so far is dead",
    FaultKind.FORBIDDEN: "403, no permission",
    FaultKind.NOT_FOUND: "404",
    FaultKind.TIMEOUT: "408, the server gave up waiting",
    FaultKind.CONFLICT: "409",
    FaultKind.TOO_LARGE: "413, body too large",
    FaultKind.UNPROCESSABLE: "422",
    FaultKind.LIMITED: "429 with a wait in X-Rate-Limit-Retry-After-Seconds",
    FaultKind.SERVER_ERROR: "500",
    FaultKind.BAD_GATEWAY: "502 with an HTML body",
    FaultKind.UNAVAILABLE: "503 with Retry-After",
    FaultKind.GATEWAY_TIMEOUT: "504 with an HTML body",
    FaultKind.NOT_SUCCESS: '200 that says "success": false',
    FaultKind.REDIRECT: "307 to another host",
    FaultKind.RESET: "connection reset before the body is read",
    FaultKind.CLOSE: "connection closed without an answer",
    FaultKind.HANG: "never answers",
    FaultKind.HALF: "applied; half an answer, then the connection closes",
    FaultKind.NOT_JSON: "applied; an answer that is not JSON",
    FaultKind.EMPTY: "applied; an answer with an empty body",
    FaultKind.ENDLESS: "applied; an answer that never ends",
    FaultKind.HUGE: "applied; an answer of many megabytes",
    FaultKind.TRICKLE: "applied; an answer that comes byte by byte",
    FaultKind.SLOW: "applied; the right answer, late",
}
"""One line for each kind, for people."""

_APPLIED_BY_NATURE = frozenset({
    FaultKind.HALF, FaultKind.NOT_JSON, FaultKind.EMPTY, FaultKind.ENDLESS, FaultKind.HUGE, FaultKind.TRICKLE,
    FaultKind.SLOW,
})  # fmt: skip
_GOOD_ANSWERS = frozenset({FaultKind.EMPTY, FaultKind.ENDLESS, FaultKind.HUGE, FaultKind.TRICKLE, FaultKind.SLOW})


class Phase(Enum):
    """When a fault strikes."""

    ARRIVAL = "before the body is read"
    BEFORE = "instead of the ordinary work"
    AFTER = "after the entries were accepted, in place of the ordinary answer"


class Target(StrEnum):
    """Which of the two calls a fault strikes."""

    INGEST = "ingest"
    AUTH = "auth"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """What a fault may look at when it decides whether a request is its own.

    Attributes:
        number: from 1, counted for each of the two calls by itself.
        size: bytes of the body.
        object_type, init_data, entries: as far as the body could be read.
    """

    number: int
    size: int = 0
    object_type: str = ""
    init_data: bool = False
    entries: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    The requests that meet `when`, `above_bytes` and `above_entries` are counted from 1; of those the fault strikes
    number `after + 1`, then every `every`-th, at most `count` times, each with `probability`. Of several that want
    a request the one that strikes first in time gets it, then the first of the list.

    Attributes:
        kind: what goes wrong.
        target: which call it strikes.
        when: a condition on the request. A reset strikes before the body is read: it sees the number only.
        applied: whether the entries are accepted before it strikes. None: False, but True for the kinds that spoil
            only the answer. A 500 or a `close` with `applied=True` is the unknown outcome at its purest.
        value: 429 and 503: the header's value (an empty text leaves the header out); `redirect`: the address; else
            the body's text.
        seconds: `slow`: how late; `trickle`: the pause between two bytes.
        size: `huge`: bytes of the body.
    """

    kind: FaultKind
    target: Target = Target.INGEST
    when: Callable[[SeenRequest], bool] | None = None
    above_bytes: int | None = None
    above_entries: int | None = None
    after: int = 0
    every: int = 1
    count: int | None = None
    probability: float = 1.0
    applied: bool | None = None
    value: str | None = None
    seconds: float = 1.0
    size: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        """Refuse a lie: a whole, good answer for entries that were not accepted.

        Raises:
            ValueError: naming the kind.
        """
        if self.applied is False and self.kind in _GOOD_ANSWERS:
            raise ValueError(f"{self.kind} gives a good answer, so its entries are accepted")

    @property
    def phase(self) -> Phase:
        """When it strikes."""
        if self.kind is FaultKind.RESET and not self.applied:
            return Phase.ARRIVAL
        applied = self.kind in _APPLIED_BY_NATURE if self.applied is None else self.applied
        return Phase.AFTER if applied else Phase.BEFORE

    def wants(self, request: SeenRequest) -> bool:
        """Whether `request` is one of those it counts."""
        return (
            (self.above_bytes is None or request.size > self.above_bytes)
            and (self.above_entries is None or len(request.entries) > self.above_entries)
            and (self.when is None or self.when(request))
        )


def entries_with(field: str, values: Iterable[object]) -> Callable[[SeenRequest], bool]:
    """A condition for `Fault.when`: some entry has one of `values` in `field`."""
    wanted = frozenset(values)

    def holds(request: SeenRequest) -> bool:
        return any(isinstance(entry, dict) and entry.get(field) in wanted for entry in request.entries)

    return holds


class FaultList:
    """The faults in force and how often each has struck. One thread decides; others may add."""

    def __init__(self, faults: Iterable[Fault] = (), *, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._running: tuple[_RunningFault, ...] = ()
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """Let `fault` begin to count now, behind those already there."""
        self._running = (*self._running, _RunningFault(fault))

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._running = ()

    def pick(self, phase: Phase, target: Target, request: SeenRequest) -> Fault | None:
        """The fault that strikes `request` in `phase`, if any; it is counted as having struck."""
        for running in self._running:
            fault = running.fault
            if fault.phase is phase and fault.target is target and fault.wants(request) and self._strikes(running):
                return fault
        return None

    def _strikes(self, running: _RunningFault) -> bool:
        fault = running.fault
        running.seen += 1
        place = running.seen - fault.after - 1
        if place < 0 or place % fault.every or (fault.count is not None and running.struck >= fault.count):
            return False
        if fault.probability < 1 and self._random.random() >= fault.probability:
            return False
        running.struck += 1
        return True


@dataclass(slots=True)
class _RunningFault:
    fault: Fault
    seen: int = 0
    struck: int = 0


_SPELLING = re.compile(
    r"(?P<auth>auth-)?(?P<kind>[a-z0-9-]+?)(?P<applied>-applied)?(:(?P<count>\d+))?(/(?P<every>\d+))?(%(?P<share>[\d.]+))?"
)


def parse_fault(text: str) -> Fault:
    """Read `--fault KIND[:N][/M][%P]`: N times (once unless said), every M-th request, with a chance of P percent.

    `500` strikes the first request, `500:3` the first three, `hang:2/10` the first two of every tenth request,
    `close-applied%5` five of a hundred without end, `auth-500:2` the authentication call. `-applied` accepts the
    entries first.

    Raises:
        UsageError: naming what cannot be read and the kinds there are.
    """
    found = _SPELLING.fullmatch(text.strip().lower())
    kinds = {str(kind): kind for kind in FaultKind}
    if not found or found["kind"] not in kinds:
        raise UsageError(f'--fault "{text}" is no fault that the sandbox knows.', f"It knows: {', '.join(kinds)}.")
    endless = found["share"] is not None or found["every"] is not None
    count = int(found["count"]) if found["count"] is not None else None if endless else 1
    try:
        probability = float(found["share"] or 100) / 100
    except ValueError:
        probability = -1.0
    every = int(found["every"] or 1)
    if not 0 <= probability <= 1 or every < 1:
        raise UsageError(f'--fault "{text}": its numbers make no sense.', "Write for instance 500:3, hang/10 or 503%5.")
    return Fault(
        kind=kinds[found["kind"]],
        target=Target.AUTH if found["auth"] else Target.INGEST,
        count=count,
        every=every,
        probability=probability,
        applied=True if found["applied"] else None,
    )
