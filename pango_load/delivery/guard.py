"""When refusals are no longer about rows: everything is refused alike, so the load itself is wrong."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

OPENING = 20
"""The first batches, of which more than a fifth refused alike is too many (quota.md, 2.2)."""
RECENT = 50
"""Any so many batches in a row, of which more than half refused alike is too many."""
ALL_BUT_ONE = 19
IN_VAIN = (10, 200)
"""So many batches in a row, with so many entries together, of which nothing was accepted, are too many, whatever the
codes: a platform that puts a trace into its codes refuses nothing alike."""
IN_VAIN_FROM_THE_START = (3, 50)
"""The same, before anything was accepted: there the same code stops the load at the first batch."""


@dataclass(slots=True)
class RefusalGuard:
    """Counts whole batches, not their pieces.

    A batch counts as refused alike when nothing of it was accepted and several of its entries, each sent alone, were
    refused with the same code. A batch with a bad row in it is no sign of anything.

    Attributes:
        is_proven: something of this load was accepted, by this process or one before: the load itself is right.
    """

    is_proven: bool = False
    _alike: dict[int, str] = field(default_factory=dict)
    _seen: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))
    _began: int = 0
    _first_answers: deque[str] = field(default_factory=lambda: deque(maxlen=OPENING))
    _vain_batches: int = 0
    _vain_entries: int = 0

    def answered(self, code: str) -> None:
        """A whole batch got its first answer: `code` where it was refused, "" where it was accepted."""
        self._first_answers.append(code)

    def fine(self, batch: int) -> None:
        """Something of `batch` was accepted."""
        self.is_proven = True
        self._vain_batches = self._vain_entries = 0
        self._count(batch)
        self._alike.pop(batch, None)

    def alike(self, batch: int, code: str) -> bool:
        """`batch` looks refused as a whole, with `code`: whether that is one too many."""
        self._count(batch)
        self._alike[batch] = code
        if not self.is_proven:
            return True
        most = Counter(self._alike.values())[code]
        if self._began <= OPENING:
            return most * 5 > OPENING
        return most * 2 > RECENT

    def in_vain(self, entries: int) -> bool:
        """Every one of `entries`, all that a batch had, was refused: whether that is one batch too many in a row.

        Few entries prove little, however many batches they make: bad rows often stand side by side.
        """
        self._vain_batches += 1
        self._vain_entries += entries
        batches, enough = IN_VAIN if self.is_proven else IN_VAIN_FROM_THE_START
        return self._vain_batches >= batches and self._vain_entries >= enough

    @property
    def is_suspicious(self) -> bool:
        """Whether the next refused batch is first asked, by single entries, if it is refused as a whole."""
        if not self.is_proven or (self._seen and self._seen[-1] in self._alike):
            return True
        first = Counter(code for code in self._first_answers if code)
        return bool(first) and first.most_common(1)[0][1] >= ALL_BUT_ONE

    def _count(self, batch: int) -> None:
        if batch in self._seen:
            return
        self._began += 1
        if len(self._seen) == self._seen.maxlen:
            self._alike.pop(self._seen[0], None)
        self._seen.append(batch)
