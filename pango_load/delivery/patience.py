"""Waits that respect `--max-duration`: one that cannot be met ends the load at once instead of at the end of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pango_load.errors import TemporaryStop

if TYPE_CHECKING:
    from pango_load.clock import Clock


class Patience:
    """Knows when the load must have ended.

    Args:
        max_duration: seconds from now; None: never.
    """

    def __init__(self, clock: Clock, max_duration: float | None = None) -> None:
        self._clock = clock
        self._until = None if max_duration is None else clock.steady() + max_duration

    @property
    def is_limited(self) -> bool:
        """Whether there is an end at all."""
        return self._until is not None

    def check(self, wait: float, reason: str) -> None:
        """End the load where `wait` seconds from now are past its end.

        Raises:
            TemporaryStop: naming when it can go on.
        """
        if self._until is not None and self._clock.steady() + wait > self._until:
            raise self.over(reason, wait)

    def over(self, reason: str, wait: float = 0.0) -> TemporaryStop:
        """The end of a load whose time is over before it could go on `wait` seconds from now."""
        then = datetime.fromtimestamp(self._clock.now() + wait, UTC)
        when = f" It can go on at {then:%Y-%m-%d %H:%M:%S} UTC." if wait > 0 else ""
        return TemporaryStop(
            f"--max-duration is over ({reason}).{when}", "Run the same command again to go on where it stopped."
        )

    async def nap(self, seconds: float, reason: str = "a pause before trying again") -> None:
        """Wait, or end the load where the wait cannot be met."""
        self.check(seconds, reason)
        await self._clock.sleep(seconds)
