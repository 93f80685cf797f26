"""A server on loopback that answers by script, byte by byte: it shares no assumption with the client or the sandbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

AUTH = "/auth"
INGEST = "/ingest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request as it arrived."""

    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def entries(self) -> list[dict[str, object]]:
        """The entries of an ingestion request."""
        found: list[dict[str, object]] = json.loads(self.body)["entries"]
        return found


Writer = asyncio.StreamWriter
Act = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]


def answer(
    status: int, document: object = None, *, headers: dict[str, str] | None = None, body: bytes | None = None
) -> bytes:
    """A whole answer on the wire."""
    content = body if body is not None else json.dumps(document).encode()
    head = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in head.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


OK = answer(200, {"success": True})


def token_answer(token: str, *, seconds: float = 1800) -> bytes:
    """What the documents print for a successful authentication."""
    return answer(
        200,
        {
            "success": True,
            "status": "authenticated",
            "token": token,
            "issuedAt": 1584414919000,
            "expiredAt": 1584414919000 + int(seconds * 1000),
            "expiredAfter": seconds,
        },
    )


def says(raw: bytes) -> Act:
    """Answer with these bytes."""

    async def act(seen: Seen, writer: Writer) -> None:
        writer.write(raw)
        await writer.drain()

    return act


def hangs_up(before: bytes = b"") -> Act:
    """Write `before`, then close the connection."""

    async def act(seen: Seen, writer: Writer) -> None:
        writer.write(before)
        await writer.drain()
        writer.close()

    return act


def resets() -> Act:
    """Tear the connection down without a word."""

    async def act(seen: Seen, writer: Writer) -> None:
        writer.transport.abort()

    return act


def falls_silent(before: bytes = b"") -> Act:
    """Write `before`, and then nothing."""

    async def act(seen: Seen, writer: Writer) -> None:
        writer.write(before)
        await writer.drain()
        await asyncio.Event().wait()

    return act


def trickles(before: bytes, drop: bytes, every: float) -> Act:
    """Write `before`, and then `drop` again and again, without end."""

    async def act(seen: Seen, writer: Writer) -> None:
        writer.write(before)
        while not writer.is_closing():
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(every)

    return act


@dataclass(slots=True)
class ScriptedServer:
    """Answers the n-th ingestion request with the n-th act of its script, and every later one with OK.

    Attributes:
        script: acts by number of the ingestion request; or a function of the request.
        seen: ingestion requests, in the order of arrival.
        logins: authentication requests.
    """

    script: list[Act] = field(default_factory=list)
    decide: Callable[[Seen], bytes] | None = None
    login: Callable[[int], bytes] = field(default=lambda number: token_answer(f"token-{number}-canary-secret"))
    seen: list[Seen] = field(default_factory=list)
    logins: list[Seen] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    scheme: str = "http"

    @property
    def auth_url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{AUTH}"

    @property
    def ingest_url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{INGEST}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                seen = await _read(reader)
                if seen is None:
                    break
                await self._act(seen, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _act(self, seen: Seen, writer: Writer) -> None:
        if seen.path == AUTH:
            self.logins.append(seen)
            await says(self.login(len(self.logins)))(seen, writer)
            return
        self.seen.append(seen)
        number = len(self.seen) - 1
        if number < len(self.script):
            await self.script[number](seen, writer)
        else:
            await says(self.decide(seen) if self.decide is not None else OK)(seen, writer)


async def _read(reader: asyncio.StreamReader) -> Seen | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = first.split(" ")[1].partition("?")
    return Seen(path=path, query=query, headers=headers, body=body)


@asynccontextmanager
async def serving(server: ScriptedServer, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedServer]:
    """Let `server` answer on a free port of 127.0.0.1."""
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await server.talk(reader, writer)
        finally:
            tasks.discard(task)

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    server.scheme = "https" if tls is not None else "http"
    try:
        yield server
    finally:
        listening.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
