"""Faults as they reach the client: answers that lie, stop halfway, never end, or never come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pango_load.sandbox.answers import OK, Answer, spoiled
from pango_load.sandbox.faults import FaultKind
from pango_load.sandbox.ledger import NO_ANSWER
from pango_load.sandbox.wire import wait_until_gone

if TYPE_CHECKING:
    from starlette.types import Receive, Send

    from pango_load.sandbox.faults import Fault
    from pango_load.sandbox.wire import Connection

_CHUNK = b"x" * 65536
_OPENING = b'{"success": true, "padding": "'
_CLOSING = b'"}'


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request's ends: what comes in, what goes out, and the connection below."""

    connection: Connection
    receive: Receive
    send: Send


async def send_answer(answer: Answer, exchange: Exchange) -> None:
    """Send `answer` as it is."""
    length = (b"content-length", str(len(answer.body)).encode())
    await exchange.send({"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, length]})
    await exchange.send({"type": "http.response.body", "body": answer.body})


def status_of(fault: Fault, ordinary: Answer) -> int:
    """The status that the client sees when `fault` takes the place of the `ordinary` answer; 0 where it sees none."""
    if (answer := spoiled(fault)) is not None:
        return answer.status
    return NO_ANSWER if fault.kind in {FaultKind.RESET, FaultKind.CLOSE, FaultKind.HANG} else ordinary.status


async def strike(fault: Fault, ordinary: Answer, exchange: Exchange) -> None:
    """Let `fault` happen in place of the `ordinary` answer."""
    if (answer := spoiled(fault)) is not None:
        await send_answer(answer, exchange)
        return
    match fault.kind:
        case FaultKind.RESET:
            exchange.connection.reset()
        case FaultKind.CLOSE:
            exchange.connection.hang_up()
        case FaultKind.HALF:
            exchange.connection.hang_up(_half_of(ordinary))
        case FaultKind.HANG:
            pass
        case FaultKind.SLOW:
            await asyncio.sleep(fault.seconds)
            await send_answer(ordinary, exchange)
            return
        case FaultKind.TRICKLE:
            await _trickle(ordinary, fault.seconds, exchange)
            return
        case _:
            await _pour(fault, exchange)
            return
    await wait_until_gone(exchange.receive)


def _half_of(answer: Answer) -> bytes:
    """Head and half of the body, for a length that never comes."""
    body = answer.body or b'{"success": true}'
    lines = [b"HTTP/1.1 %d OK" % answer.status, *(b"%s: %s" % header for header in answer.headers)]
    return b"\r\n".join((*lines, b"content-length: %d" % len(body), b"", body[: len(body) // 2]))


async def _trickle(answer: Answer, pause: float, exchange: Exchange) -> None:
    length = (b"content-length", str(len(answer.body)).encode())
    await exchange.send({"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, length]})
    for place in range(len(answer.body)):
        if exchange.connection.is_gone:
            break
        more = place + 1 < len(answer.body)
        await exchange.send({"type": "http.response.body", "body": answer.body[place : place + 1], "more_body": more})
        await asyncio.sleep(pause)


async def _pour(fault: Fault, exchange: Exchange) -> None:
    """An answer of `fault.size` bytes, or without end."""
    endless = fault.kind is FaultKind.ENDLESS
    left = max(fault.size - len(_OPENING) - len(_CLOSING), 0)
    headers = [(b"content-type", b"application/json")]
    if not endless:
        headers.append((b"content-length", str(left + len(_OPENING) + len(_CLOSING)).encode()))
    await exchange.send({"type": "http.response.start", "status": OK, "headers": headers})
    await exchange.send({"type": "http.response.body", "body": _OPENING, "more_body": True})
    while (endless or left) and not exchange.connection.is_gone:
        chunk = _CHUNK if endless else _CHUNK[:left]
        left -= len(chunk)
        await exchange.send({"type": "http.response.body", "body": chunk, "more_body": True})
        await asyncio.sleep(0)
    if not exchange.connection.is_gone:
        await exchange.send({"type": "http.response.body", "body": _CLOSING})
