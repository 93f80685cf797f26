"""The connection below HTTP, to be broken on purpose, and a uvicorn that starts and stops at once."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Receive
    from uvicorn.server import ServerState

_NO_LINGER = struct.pack("ii", 1, 0)


class Connection(H11Protocol):
    """One client's connection; a request finds its own in `scope["state"]["connection"]`."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, {**app_state, "connection": self}, _loop)

    @property
    def is_gone(self) -> bool:
        """Whether nothing more can be written."""
        return self.transport.is_closing()

    def reset(self) -> None:
        """Drop the connection with a TCP reset, whatever has not been sent or read yet."""
        with contextlib.suppress(OSError):
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()

    def hang_up(self, last_words: bytes = b"") -> None:
        """Close the connection in good order after `last_words`, which pass HTTP's rules by."""
        self.transport.write(last_words)
        self.transport.close()


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None where the client went away first. At most about `limit` bytes of it are kept."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        whole: bytes = message["body"]
        return whole
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        part: bytes = message["body"]
        size += len(part)
        if size <= limit + len(part):
            parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
    return None


async def wait_until_gone(receive: Receive) -> None:
    """Wait until the client has gone away, or the connection has been dropped on this side."""
    while (await receive())["type"] != "http.disconnect":
        pass


class QuickServer(uvicorn.Server):
    """A uvicorn that is told to stop instead of asking itself ten times a second, and leaves signals alone.

    Args:
        app: what answers.
        keep_alive: seconds after which an idle connection is closed.
        grace: seconds that requests under way get to finish when it stops.
    """

    def __init__(self, app: ASGIApp, *, keep_alive: int, grace: float = 0.0) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=keep_alive,
            )
        )
        self._grace = grace
        self._told = asyncio.Event()

    def tell_to_stop(self) -> None:
        """Let `serve` come to its end; from the loop's own thread."""
        self._told.set()

    async def main_loop(self) -> None:
        """Renew the Date header once a second until told to stop."""
        while not self._told.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 1.0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen no more, let requests under way finish for `grace` seconds, then drop every connection."""
        for server in self.servers:
            server.close()
        for sock in sockets or ():
            sock.close()
        if self._grace and self.server_state.tasks:
            await asyncio.wait(set(self.server_state.tasks), timeout=self._grace)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        if self.server_state.tasks:
            for task in self.server_state.tasks:
                task.cancel()
            await asyncio.wait(set(self.server_state.tasks), timeout=1.0)
        await asyncio.sleep(0)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signals to whoever runs it."""
        yield
