"""What a run tells whoever shows it, from the first row read to the last batch settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pango_load.delivery.listener import Listener
from pango_load.delivery.listener import Silent as SilentDelivery

if TYPE_CHECKING:
    from pango_load.delivery.forecast import Forecast
    from pango_load.delivery.limiter import Limiter
    from pango_load.run import Run
    from pango_load.survey import Survey


class Watcher(Listener, Protocol):
    """Sees a run go by; every call is cheap."""

    def surveying(self, found: Survey) -> None:
        """Called after every chunk of the survey."""
        ...

    def surveyed(self, run: Run, found: Survey | None, forecast: Forecast | None) -> None:
        """Everything is known that can be known before sending; `found` is None where an earlier run surveyed."""
        ...

    def sending(self, run: Run, limiter: Limiter, requests: int) -> None:
        """From now on `requests` requests leave under `limiter`."""
        ...

    def still_sending(self) -> None:
        """Called once a second, also while nothing happens but a wait."""
        ...

    def sent_all(self) -> None:
        """No request leaves any more."""
        ...


class Silent(SilentDelivery):
    """Shows nothing."""

    def surveying(self, found: Survey) -> None: ...
    def surveyed(self, run: Run, found: Survey | None, forecast: Forecast | None) -> None: ...
    def sending(self, run: Run, limiter: Limiter, requests: int) -> None: ...
    def still_sending(self) -> None: ...
    def sent_all(self) -> None: ...
