"""How long answers take, and what that says about when the platform saw a request."""

from __future__ import annotations

from collections import deque
from statistics import median

SEEN = 64
"""Answers that are looked at; before so many nothing is concluded from them."""

OFTEN = 16
SLOW = 1.0
"""Seconds that every answer takes, at the least, on a slow platform."""

SURE = 0.8
"""The part of the quickest answer's time that is believed to pass for every request."""


class AnswerTimes:
    """The latest answers' times.

    Attributes:
        usual: the median, seconds.
        quickest: the shortest of the latest 64, seconds; 0 until so many were seen.
    """

    __slots__ = ("_count", "_latest", "quickest", "usual")

    def __init__(self, usual: float) -> None:
        self._latest: deque[float] = deque(maxlen=SEEN)
        self._count = 0
        self.usual = usual
        self.quickest = 0.0

    def saw(self, seconds: float) -> None:
        """An answer took `seconds`."""
        self._latest.append(seconds)
        self._count += 1
        self.quickest = min(self.quickest, seconds)
        if self._count % OFTEN == 0:
            self.usual = median(self._latest)
            if len(self._latest) == SEEN:
                self.quickest = min(self._latest)

    @property
    def certain(self) -> float:
        """Seconds that pass between the platform's look at one request and the next one's, beside what we wait.

        A request is seen on its way there, and its answer takes its way back: where all of the latest answers took `t`
        at least, the way there of the next request and the way back of the last one take about `t` together, so that
        a window may end that much before the answer. Believed only where the platform is slow, so that on an ordinary
        one the promise needs no belief at all; a network that held its packets back for a while does not look slow,
        since it is the quickest answer that counts.
        """
        return SURE * self.quickest if self.quickest > SLOW else 0.0
