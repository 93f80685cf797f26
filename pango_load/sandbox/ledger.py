"""What the stand-in has seen and what it accepted: the referee's book, safe to read while requests come in."""

from __future__ import annotations

import threading
from array import array
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pango_load.sandbox.windows import worst_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pango_load.plan import Window

NO_ANSWER = 0
"""The status of a request that was not answered, or not yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """An accepted request.

    Attributes:
        number: from 1, over all ingestion requests, refused ones included.
        arrived: steady seconds.
        entries: those accepted, as parsed JSON.
        payload: the whole body, parsed: `jeConfigId`, `ignoredUpdateCfs` and whatever else was sent.
        body: the bytes as they came.
        size: how many entries were accepted.
    """

    number: int
    arrived: float
    object_type: str
    source: str | None
    init_data: bool
    entries: tuple[Mapping[str, object], ...] = field(repr=False)
    payload: Mapping[str, object] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """How many entries were accepted."""
        return len(self.entries)


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One ingestion request: when it arrived (steady seconds) and how it was answered (0: not)."""

    arrived: float
    status: int


class Ledger:
    """Counts everything; keeps what it is told to keep."""

    def __init__(self, *, keep: bool = True, keep_last: int | None = None) -> None:
        self._lock = threading.Lock()
        self._received: deque[ReceivedRequest] = deque(maxlen=keep_last if keep else 0)
        self._arrived = array("d")
        self._statuses = array("H")
        self._accepted_requests = 0
        self._entries_by_type: Counter[str] = Counter()
        self._auth_statuses: Counter[int] = Counter()

    def arrival(self, steady: float) -> int:
        """Note an ingestion request; its number, from 1."""
        with self._lock:
            self._arrived.append(steady)
            self._statuses.append(NO_ANSWER)
            return len(self._arrived)

    def answered(self, number: int, status: int) -> None:
        """Note how request `number` was answered."""
        with self._lock:
            self._statuses[number - 1] = status

    def authenticated(self, status: int) -> None:
        """Note an authentication call."""
        with self._lock:
            self._auth_statuses[status] += 1

    def accept(self, request: ReceivedRequest) -> None:
        """Note what was accepted."""
        with self._lock:
            self._accepted_requests += 1
            self._entries_by_type[request.object_type] += request.size
            self._received.append(request)

    @property
    def received(self) -> tuple[ReceivedRequest, ...]:
        """The accepted requests that are kept, in order."""
        with self._lock:
            return tuple(self._received)

    @property
    def accepted_requests(self) -> int:
        """How many requests were accepted, kept or not."""
        with self._lock:
            return self._accepted_requests

    @property
    def entries_by_type(self) -> dict[str, int]:
        """How many entries were accepted for each `objectType`."""
        with self._lock:
            return dict(self._entries_by_type)

    @property
    def auth_statuses(self) -> dict[int, int]:
        """How many authentication calls were answered with each status."""
        with self._lock:
            return dict(self._auth_statuses)

    @property
    def request_log(self) -> tuple[LoggedRequest, ...]:
        """Every ingestion request in order of arrival."""
        with self._lock:
            arrived, statuses = self._arrived[:], self._statuses[:]
        return tuple(map(LoggedRequest, arrived, statuses))

    @property
    def statuses(self) -> dict[int, int]:
        """How many ingestion requests were answered with each status, 0 for no answer."""
        with self._lock:
            statuses = self._statuses[:]
        return dict(sorted(Counter(statuses).items()))

    def worst_windows(self, windows: Iterable[Window]) -> dict[Window, int]:
        """The largest number of ingestion requests that arrived in any stretch of each window's length."""
        with self._lock:
            arrived = self._arrived[:]
        return {window: worst_count(arrived, window.seconds) for window in windows}
