"""A wire over httpx: the one that is always there."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx

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
from pango_load.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_BEFORE_WRITING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class HttpxWire:
    """One connection of its own: a pool with many connections gets slower with each (performance.md, section 6)."""

    def __init__(self, terms: WireTerms) -> None:
        silence("httpx", "httpcore")
        self._terms = terms
        self._url = httpx.URL(terms.url)
        try:
            self._http = httpx.AsyncClient(
                verify=terms.trust,
                proxy=terms.proxy,
                follow_redirects=False,
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS),
                timeout=httpx.Timeout(terms.read_timeout, connect=terms.connect_timeout, pool=terms.connect_timeout),
            )
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            # The address of a proxy may hold a password, so it is not repeated.
            raise UsageError(
                "The proxy's address cannot be used.", "Look at HTTPS_PROXY and its like: http://host:port is taken."
            ) from error

    async def post(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """See `Wire`."""
        request = self._http.build_request("POST", self._url, headers={**USUAL_HEADERS, **headers}, content=body)
        progress = _Progress(self._terms.read_timeout)
        request.extensions = {**request.extensions, "trace": progress.heard}
        try:
            async with asyncio.timeout(self._terms.patience) as patience:
                progress.patience = patience
                response = await self._http.send(request, stream=True)
        except (httpx.TransportError, OSError) as error:
            return _failed(error, may_have_begun=progress.may_have_begun(error))
        return await self._read(response, patience.when())

    async def _read(self, response: httpx.Response, until: float | None) -> Answer:
        """The answer with as much of its body as there is: its head alone is worth keeping."""
        kept = bytearray()
        is_whole = False
        with suppress(httpx.TransportError, OSError):
            async with asyncio.timeout_at(until):
                async for some in response.aiter_raw():
                    kept += some
                    if len(kept) > BODY_BOUND:
                        break
                else:
                    is_whole = True
        with suppress(httpx.TransportError, OSError):
            await response.aclose()
        return Answer(
            status=response.status_code,
            limit_wait=response.headers.get(self._terms.limit_header),
            retry_after=response.headers.get("Retry-After"),
            location=response.headers.get("Location"),
            body=unpacked(bytes(kept[:BODY_BOUND]), response.headers.get("Content-Encoding", "")),
            is_whole=is_whole,
        )

    async def close(self) -> None:
        """See `Wire`."""
        with suppress(httpx.TransportError, OSError):
            await self._http.aclose()


class _Progress:
    """Knows whether a request has begun to be written: until then it is safe to repeat."""

    def __init__(self, read_timeout: float) -> None:
        self._began = False
        self._heard_any = False
        self.patience: asyncio.Timeout | None = None
        self._read_timeout = read_timeout

    def may_have_begun(self, error: Exception) -> bool:
        """Whether a part of it may have left. A transport that tells no steps is believed only what its errors say."""
        if self._heard_any:
            return self._began
        return not isinstance(error, _BEFORE_WRITING)

    async def heard(self, event: str, info: Mapping[str, object]) -> None:
        """Listen to the steps that httpcore tells; a proxy's CONNECT carries nothing of ours."""
        self._heard_any = True
        if event.endswith(".send_request_headers.started") and getattr(info.get("request"), "method", b"") == b"POST":
            self._began = True
            if self.patience is not None:
                self.patience.reschedule(asyncio.get_running_loop().time() + self._read_timeout)


def _failed(error: Exception, *, may_have_begun: bool) -> Reply:
    is_late = isinstance(error, (httpx.TimeoutException, TimeoutError))
    if may_have_begun:
        is_garbled = isinstance(error, httpx.ProtocolError) and "disconnected" not in str(error)
        return no_answer(is_late=is_late, is_garbled=is_garbled)
    return never_sent(error, is_late=is_late, is_proxy=isinstance(error, httpx.ProxyError))
