"""A stand-in for the Pango API as a running server: beside a load in this process, or by itself in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING, Self

from pango_load.clock import SystemClock
from pango_load.errors import UsageError
from pango_load.plan import PUBLISHED_WINDOWS, Credentials, is_loopback
from pango_load.sandbox.app import SandboxApp
from pango_load.sandbox.settings import AUTH_PATH, INGEST_PATH, SandboxSettings
from pango_load.sandbox.wire import QuickServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pango_load.clock import Clock
    from pango_load.plan import Window
    from pango_load.records import ObjectType
    from pango_load.sandbox.faults import Fault
    from pango_load.sandbox.ledger import LoggedRequest, ReceivedRequest


def _catalogue_type(name: str) -> ObjectType:
    from pango_load.catalogue.types import object_type

    return object_type(name)


class Sandbox:
    """A real HTTP server on this machine, in a thread of its own. Everything may be asked from any thread.

        with Sandbox() as sandbox:
            ...                     # send to sandbox.ingest_url
            sandbox.accepted_entries

    What it has seen outlives `stop`, and `start` afterwards listens on the same port again: a service that was down.

    Args:
        settings: how it behaves.
        port: 0 takes a free one.
        host: of this machine only, since what it accepts can be read by whoever reaches it.
        clock: read, never waited on; a test may move it by hand.
        find_type: an object type by name, the catalogue's unless given; raises UsageError for an unknown one.
    """

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        clock: Clock | None = None,
        find_type: Callable[[str], ObjectType] | None = None,
    ) -> None:
        self.settings = settings or SandboxSettings()
        self.host = host
        self.port = port
        self._app = SandboxApp(self.settings, clock or SystemClock(), find_type or _catalogue_type)
        self._stop: Callable[[], object] | None = None
        self._thread: threading.Thread | None = None

    # --- running ------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen; returns when connections are taken.

        Raises:
            UsageError: where the port is taken or the host is not this machine.
        """
        if self._thread is not None:
            return self
        listener = self._listen()
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listener, ready)), name="pango-sandbox", daemon=True
        )
        self._thread.start()
        ready.wait()
        return self

    def stop(self) -> None:
        """Listen no more and drop what is under way, as a server that dies would; what was seen stays."""
        if self._thread is None:
            return
        if self._stop is not None:
            self._stop()
        self._thread.join()
        self._thread = self._stop = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    async def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        try:
            server = QuickServer(self._app, keep_alive=self.settings.keep_alive)
            loop = asyncio.get_running_loop()
            self._stop = partial(loop.call_soon_threadsafe, server.tell_to_stop)
            # The listener is open: a connection waits in its queue until the server takes it.
            loop.call_soon(ready.set)
            await server.serve([listener])
        finally:
            ready.set()

    async def serve_until(self, stopped: asyncio.Event, ready: Callable[[Sandbox], None], *, grace: float) -> None:
        """Serve on the running loop until `stopped`; requests under way get `grace` seconds to finish."""
        listener = self._listen()
        server = QuickServer(self._app, keep_alive=self.settings.keep_alive, grace=grace)
        serving = asyncio.create_task(server.serve([listener]))
        serving.add_done_callback(lambda _: stopped.set())
        try:
            ready(self)
            await stopped.wait()
        finally:
            server.tell_to_stop()
            await serving

    def _listen(self) -> socket.socket:
        if not is_loopback(self.host):
            raise UsageError(f"The sandbox does not listen on {self.host}.", "It serves this machine only: 127.0.0.1.")
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # With the protocol named, asyncio switches Nagle's delay off: head and body of an answer are two small writes.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            listener.listen(1024)
        except (OSError, OverflowError) as error:
            listener.close()
            raise UsageError(
                f"The sandbox cannot listen on {self.host}:{self.port}: {error}.", "Name another port with --port."
            ) from error
        self.port = listener.getsockname()[1]
        return listener

    # --- where and who ------------------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT`, once it has been started."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def auth_url(self) -> str:
        """The address of authentication."""
        return self.base_url + AUTH_PATH

    @property
    def ingest_url(self) -> str:
        """The address of ingestion."""
        return self.base_url + INGEST_PATH

    @property
    def credentials(self) -> Credentials:
        """What it takes."""
        settings = self.settings
        return Credentials(api_key=settings.api_key, username=settings.username, group_key=settings.group_key)

    # --- what it has seen ---------------------------------------------------------------------------------------------

    @property
    def received(self) -> tuple[ReceivedRequest, ...]:
        """The accepted requests in order, as far as the settings keep them."""
        return self._app.ledger.received

    @property
    def accepted_entries(self) -> list[Mapping[str, object]]:
        """The entries of `received`, in order."""
        return [entry for request in self.received for entry in request.entries]

    @property
    def accepted_requests(self) -> int:
        """How many requests were accepted, kept or not."""
        return self._app.ledger.accepted_requests

    @property
    def accepted_count(self) -> int:
        """How many entries were accepted, kept or not."""
        return sum(self._app.ledger.entries_by_type.values())

    @property
    def request_log(self) -> tuple[LoggedRequest, ...]:
        """Every ingestion request in order of arrival, with the status it was answered with (0: none)."""
        return self._app.ledger.request_log

    @property
    def statuses(self) -> dict[int, int]:
        """How many ingestion requests were answered with each status, 0 for no answer."""
        return self._app.ledger.statuses

    @property
    def auth_statuses(self) -> dict[int, int]:
        """How many authentication calls were answered with each status, 0 for no answer."""
        return self._app.ledger.auth_statuses

    def worst_windows(self, windows: Iterable[Window] | None = None) -> dict[Window, int]:
        """The largest number of ingestion requests that arrived in any stretch of each window's length.

        The referee: counted exactly, answered or not, whatever kind of window is enforced. Without `windows` those of
        the settings, or the published ones where there are none.
        """
        return self._app.ledger.worst_windows(windows or self.settings.windows or PUBLISHED_WINDOWS)

    # --- what a test does to it ---------------------------------------------------------------------------------------

    def add_fault(self, fault: Fault) -> None:
        """Let `fault` begin to count with the next request."""
        self._app.faults.add(fault)

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        self._app.faults.clear()

    def issue_token(self) -> str:
        """A fresh token, as the console's "Get Token" gives it."""
        return self._app.tokens.issue()

    def revoke_tokens(self) -> None:
        """Let every token given out so far be dead."""
        self._app.tokens.revoke()

    def withdraw_credentials(self) -> None:
        """Let the credentials be no longer known, and their tokens dead."""
        self._app.tokens.withdraw()

    def closing_summary(self) -> str:
        """What was seen, in a few lines for a person; no value of any entry."""
        entries, requests = (
            _counted(self.accepted_count, "entry", "entries"),
            _counted(self.accepted_requests, "request"),
        )
        lines = [f"Sandbox: {entries} accepted in {requests}."]
        lines.extend(f"  {name}: {count:,}" for name, count in sorted(self._app.ledger.entries_by_type.items()))
        others = {status: count for status, count in self.statuses.items() if status != 200}  # noqa: PLR2004 - HTTP's own
        if others:
            told = ", ".join(f"{count:,} x {status or 'no answer'}" for status, count in others.items())
            lines.append(f"  other answers: {told}")
        if self.settings.windows and self.statuses:
            told = ", ".join(f"{worst:,} of {w.limit:,} in {w.label}" for w, worst in self.worst_windows().items())
            lines.append(f"  busiest: {told}")
        return "\n".join(lines)


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


async def serve(
    settings: SandboxSettings,
    host: str,
    port: int,
    on_ready: Callable[[Sandbox], None],
    *,
    clock: Clock | None = None,
    find_type: Callable[[str], ObjectType] | None = None,
    grace: float = 2.0,
) -> Sandbox:
    """Serve in the foreground until SIGINT or SIGTERM, from the main thread; then the sandbox, for its summary.

    Args:
        settings: how it behaves.
        host: of this machine only.
        port: 0 takes a free one; `on_ready` finds it in the sandbox's addresses.
        on_ready: called once, when connections are taken.
        clock: as for `Sandbox`.
        find_type: likewise.
        grace: seconds that requests under way get to finish.

    Raises:
        UsageError: where the port is taken or the host is not this machine.
    """
    sandbox = Sandbox(settings, port=port, host=host, clock=clock, find_type=find_type)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        await sandbox.serve_until(stopped, on_ready, grace=grace)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(number)
    return sandbox
