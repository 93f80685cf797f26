"""What delivery tells whoever shows progress; every call is cheap and returns at once."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pango_load.records import Outcome


class Wait(StrEnum):
    """What is waited for, in words for a person."""

    QUOTA = "quota"
    SERVICE = "the service"
    TOKEN = "a token"  # noqa: S105 - a word for people
    ORDER = "an earlier value of the same record"


class Listener(Protocol):
    """Hears what happens, in the order in which it happens. Rows are rows of the source."""

    def sent(self, batch: int, entries: int) -> None:
        """A request with `entries` entries leaves."""
        ...

    def accepted(self, batch: int, rows: int) -> None:
        """Pango accepted `rows` rows."""
        ...

    def refused(self, batch: int, rows: int, code: str) -> None:
        """Pango refused `rows` rows for good."""
        ...

    def held(self, batch: int, rows: int) -> None:
        """Nobody knows what became of `rows` rows, and they are not sent again by this load."""
        ...

    def repeated(self, batch: int, reason: str, pause: float) -> None:
        """A request goes out again, `pause` seconds from now at the earliest."""
        ...

    def waiting(self, reason: Wait, seconds: float | None) -> None:
        """Nothing more starts for `seconds`, None where it is not known for how long."""
        ...

    def token_renewed(self, generation: int) -> None:
        """A new token is in use, the `generation`-th of this run."""
        ...

    def settled(self, outcome: Outcome) -> None:
        """A batch is done with."""
        ...


class Silent:
    """Hears nothing."""

    def sent(self, batch: int, entries: int) -> None: ...  # noqa: D102
    def accepted(self, batch: int, rows: int) -> None: ...  # noqa: D102
    def refused(self, batch: int, rows: int, code: str) -> None: ...  # noqa: D102
    def held(self, batch: int, rows: int) -> None: ...  # noqa: D102
    def repeated(self, batch: int, reason: str, pause: float) -> None: ...  # noqa: D102
    def waiting(self, reason: Wait, seconds: float | None) -> None: ...  # noqa: D102
    def token_renewed(self, generation: int) -> None: ...  # noqa: D102
    def settled(self, outcome: Outcome) -> None: ...  # noqa: D102
