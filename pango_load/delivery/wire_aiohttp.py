"""A wire over aiohttp, for a fifth of httpx's processor time: the extra `fast`."""

from __future__ import annotations

import asyncio
import io
import select
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from pango_load.delivery.answer import Answer, Reply
from pango_load.delivery.wire import (
    BODY_BOUND,
    IDLE_SECONDS,
    USUAL_HEADERS,
    WireTerms,
    never_sent,
    no_answer,
    silence,
    unpacked,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

LONGEST_AT_ONCE = 1 << 20
"""Bytes of a body that aiohttp writes at once without a warning."""

LONGEST_LINE = 64 * 1024
"""Bytes of a header line of an answer, generous as httpx is."""


class AiohttpWire:
    """One connection of its own; no proxies, no `.netrc`, no retries."""

    def __init__(self, terms: WireTerms) -> None:
        silence("aiohttp")
        self._terms = terms
        self._url = URL(terms.url)
        self._session: aiohttp.ClientSession | None = None
        self._connector: _OneConnection | None = None

    async def post(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """See `Wire`."""
        session, connector = self._open()
        loop = asyncio.get_running_loop()
        response: aiohttp.ClientResponse | None = None
        kept = bytearray()
        is_whole = False
        try:
            async with asyncio.timeout(self._terms.patience) as patience:
                connector.next_request(lambda: patience.reschedule(loop.time() + self._terms.read_timeout))
                response = await session.post(
                    self._url,
                    headers={**USUAL_HEADERS, **headers},
                    data=body if len(body) <= LONGEST_AT_ONCE else io.BytesIO(body),
                    allow_redirects=False,
                )
                while some := await response.content.readany():
                    kept += some
                    if len(kept) > BODY_BOUND:
                        break
                else:
                    is_whole = True
        except (aiohttp.ClientError, OSError) as error:
            if response is None:
                return _failed(error, may_have_begun=connector.may_have_begun(error))
        # It goes back to the connector only where all of it was read; else its connection is closed.
        response.close()
        return self._answer(response, bytes(kept[:BODY_BOUND]), is_whole=is_whole)

    def _open(self) -> tuple[aiohttp.ClientSession, _OneConnection]:
        """Made at the first request, since it belongs to the event loop that runs then."""
        if self._session is None or self._connector is None:
            self._connector = _OneConnection(
                limit=1,
                ssl=self._terms.trust,
                keepalive_timeout=IDLE_SECONDS,
                # One way to look up names, whatever else is installed.
                resolver=aiohttp.ThreadedResolver(),
            )
            self._session = aiohttp.ClientSession(
                connector=self._connector,
                auto_decompress=False,
                # Everything but connecting is bounded by `asyncio.timeout`, as a whole.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._terms.connect_timeout),
                max_line_size=LONGEST_LINE,
                max_field_size=LONGEST_LINE,
            )
        return self._session, self._connector

    def _answer(self, response: aiohttp.ClientResponse, body: bytes, *, is_whole: bool) -> Answer:
        """With as much of its body as there is: its head alone is worth keeping."""
        headers = response.headers
        return Answer(
            status=response.status,
            limit_wait=headers.get(self._terms.limit_header),
            retry_after=headers.get("Retry-After"),
            location=headers.get("Location"),
            body=unpacked(body, headers.get("Content-Encoding", "")),
            is_whole=is_whole,
        )

    async def close(self) -> None:
        """See `Wire`."""
        if self._session is not None:
            with suppress(aiohttp.ClientError, OSError):
                await self._session.close()


class _OneConnection(aiohttp.TCPConnector):
    """Hands its connection out for one attempt at a time, and knows when it did: nothing is written before."""

    _protocol: ResponseHandler | None = None
    _was_asked = False
    _began = False

    def next_request(self, begins: Callable[[], None]) -> None:
        """Another request; `begins` is called when it may begin to be written."""
        self._was_asked = self._began = False
        self._begins = begins

    def may_have_begun(self, error: Exception) -> bool:
        """Whether a part of the request may have left. Where nobody asked here, only the error is believed."""
        if self._was_asked:
            return self._began
        return not isinstance(error, aiohttp.ClientConnectorError)

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:  # noqa: ASYNC109 - aiohttp's own signature
        """A connection on which nothing but the answer to this request can arrive.

        Raises:
            ClientConnectionError: the request has begun before: whoever asks again would send it a second time.
        """
        if self._began:
            raise aiohttp.ClientConnectionError("A request is never written twice.")
        self._was_asked = True
        if self._protocol is not None and _is_spoilt(self._protocol):
            self._protocol.close()
        connection = await super().connect(req, traces, timeout)
        self._protocol = connection.protocol
        self._began = True
        self._begins()
        return connection


def _is_spoilt(protocol: ResponseHandler) -> bool:
    """Whether an idle connection was closed by the other side, or holds what nobody asked for.

    aiohttp would take an answer that arrived while the connection was idle (a 408 by way of good-bye, for instance) for
    that to the next request.
    """
    if protocol.should_close or protocol.transport is None:
        return True
    taken = protocol.transport.get_extra_info("socket")
    if taken is None:
        return True
    poll = select.poll()
    poll.register(taken.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _failed(error: Exception, *, may_have_begun: bool) -> Reply:
    is_late = isinstance(error, TimeoutError)
    if may_have_begun:
        return no_answer(is_late=is_late, is_garbled=isinstance(error, aiohttp.ClientResponseError))
    return never_sent(error, is_late=is_late)
