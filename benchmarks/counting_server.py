"""A loopback server that accepts every batch at once and counts what came: the other end of the benchmarks.

    python benchmarks/counting_server.py        prints its port, then serves until it is stopped

`GET /count` tells requests and entries since the last `GET /count`. It reads no JSON: an entry is counted by its
`customerId`, which every row of the benchmark's data has.
"""

from __future__ import annotations

import asyncio
import json
import time

TOKEN = json.dumps(
    {
        "success": True,
        "status": "authenticated",
        "token": "benchmark",
        "issuedAt": int(time.time() * 1000),
        "expiredAt": int(time.time() * 1000) + 36_000_000,
        "expiredAfter": 36_000,
    }
).encode()
ACCEPTED = b'{"success":true}'


class Counts:
    """What came in, all connections together."""

    requests = 0
    entries = 0


class Connection(asyncio.Protocol):
    """One client; requests come one after the other, their bodies with a Content-Length."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport if isinstance(transport, asyncio.Transport) else None

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            head = self.waiting[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.waiting) < end + 4 + length:
                return
            body = self.waiting[end + 4 : end + 4 + length]
            self.waiting = self.waiting[end + 4 + length :]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"get /count"):
            said = json.dumps({"requests": Counts.requests, "entries": Counts.entries}).encode()
            Counts.requests = Counts.entries = 0
        elif head.startswith(b"post /auth"):
            said = TOKEN
        else:
            Counts.requests += 1
            Counts.entries += body.count(b'"customerId"')
            said = ACCEPTED
        if self.transport is not None:
            start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(said)
            self.transport.write(start + said)


async def serve() -> None:
    """Serve on a free port of this machine until the process is stopped."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
