"""The platform over HTTP: a request leaves, and what came back is told apart, never judged."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import httpx

from pango_load.delivery.answer import Answer, NeverSent, NoAnswer, Reply, Trouble
from pango_load.delivery.profile import DOCUMENTED, Profile
from pango_load.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pango_load.plan import Credentials, Endpoint

BODY_BOUND = 256 * 1024
"""Bytes of an answer that are read: the rest of a longer one is of no interest."""

_BEFORE_WRITING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_INIT_DATA = {"initData": "true"}


class Frame(Protocol):
    """What stands around the entries in a request body."""

    @property
    def prefix(self) -> bytes:
        """Up to and with the bracket that opens the entries."""
        ...

    @property
    def suffix(self) -> bytes:
        """From the bracket that closes them."""
        ...


class Line(Protocol):
    """One connection to the ingestion address, for one sender at a time."""

    async def send(self, entries: Sequence[bytes], token: str) -> Reply:
        """Send entries as one request; never raises for what the network or the platform does."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...


class Platform(Protocol):
    """What delivery needs of the platform."""

    @property
    def host(self) -> str:
        """Where entries go, for a person."""
        ...

    @property
    def profile(self) -> Profile:
        """How it is spoken to."""
        ...

    @property
    def credentials(self) -> Credentials:
        """Who sends."""
        ...

    def open_line(self) -> Line:
        """A connection of its own for a sender; nothing is connected before the first request."""
        ...

    async def authenticate(self) -> Reply:
        """Ask for a token; never raises for what the network or the platform does."""
        ...


class IngestClient:
    """Speaks to both addresses of an organisation.

    Redirects are never followed, since credentials would follow; certificates are always verified; proxies come from
    the environment unless `endpoint.proxy` names one.

    Args:
        endpoint, credentials: where and who.
        frame: what stands around the entries in every request.
        init_data: ask for `?initData=true` (seed 001); without it the query is left out, which means false.
        connect_timeout, read_timeout: seconds. An answer must be complete `read_timeout` after its request was written,
            however slowly it trickles in.

    Raises:
        UsageError: where the certificates cannot be read, or the profile lacks a value.
    """

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        credentials: Credentials,
        frame: Frame,
        profile: Profile = DOCUMENTED,
        init_data: bool = False,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
    ) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._frame = frame
        self._profile = profile
        self._connect_timeout, self._read_timeout = connect_timeout, read_timeout
        self._ingest_url = httpx.URL(endpoint.ingest_url)
        if init_data:
            self._ingest_url = self._ingest_url.copy_merge_params(_INIT_DATA)
        self._trust = trusted_certificates(endpoint.certificates)
        _refuse_unsendable(profile.ingest_call(credentials, "any"))
        if credentials.can_renew:
            _refuse_unsendable(profile.auth_call(credentials)[0])
        # Their debug lines show headers of answers, which may echo ours.
        for library in ("httpx", "httpcore"):
            logging.getLogger(library).setLevel(logging.WARNING)

    @property
    def host(self) -> str:
        """Where entries go, for a person."""
        return self._ingest_url.netloc.decode("ascii", "replace")

    @property
    def profile(self) -> Profile:
        """How it is spoken to."""
        return self._profile

    @property
    def credentials(self) -> Credentials:
        """Who sends."""
        return self._credentials

    def open_line(self) -> Line:
        """A connection of its own: one pool with many connections gets slower with each (performance.md, section 6)."""
        return _HttpLine(self._exchange(), self._ingest_url, self._frame, self._profile, self._credentials)

    async def authenticate(self) -> Reply:
        """Ask for a token with the profile's authentication call.

        Raises:
            UsageError: where the profile needs a value that is not there.
        """
        headers, body = self._profile.auth_call(self._credentials)
        exchange = self._exchange()
        try:
            content = json.dumps(body, ensure_ascii=False).encode()
            return await exchange.post(httpx.URL(self._endpoint.auth_url), headers, content)
        finally:
            await exchange.close()

    def _exchange(self) -> _Exchange:
        return _Exchange(
            trust=self._trust,
            proxy=self._endpoint.proxy,
            limit_header=self._profile.limit_header,
            connect_timeout=self._connect_timeout,
            read_timeout=self._read_timeout,
        )


def _refuse_unsendable(headers: Mapping[str, str]) -> None:
    """Refuse characters that no header can carry: a line's end in a key file is the usual one."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise UsageError(
                f"The value for the header {name} holds characters that no header can carry.",
                "Look for blanks, line ends or letters with accents in PANGO_API_KEY and PANGO_TOKEN.",
            )


def trusted_certificates(more: Path | None = None) -> ssl.SSLContext:
    """The system's certificate authorities, those that come with httpx, and `more`.

    Raises:
        UsageError: where `more` cannot be read or holds none.
    """
    trust = ssl.create_default_context()
    import certifi

    with suppress(OSError):
        trust.load_verify_locations(certifi.where())
    if more is not None:
        try:
            trust.load_verify_locations(more)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"The certificates in {more} cannot be read.", "It must be a file of certificates in PEM form."
            ) from error
    return trust


class _HttpLine:
    """A line over HTTP/1.1."""

    def __init__(
        self, exchange: _Exchange, url: httpx.URL, frame: Frame, profile: Profile, credentials: Credentials
    ) -> None:
        self._exchange, self._url, self._frame = exchange, url, frame
        self._profile, self._credentials = profile, credentials

    async def send(self, entries: Sequence[bytes], token: str) -> Reply:
        body = b"".join((self._frame.prefix, b",".join(entries), self._frame.suffix))
        return await self._exchange.post(self._url, self._profile.ingest_call(self._credentials, token), body)

    async def close(self) -> None:
        await self._exchange.close()


class _Exchange:
    """One connection, one request at a time."""

    def __init__(
        self,
        *,
        trust: ssl.SSLContext,
        proxy: str | None,
        limit_header: str,
        connect_timeout: float,
        read_timeout: float,
    ) -> None:
        self._limit_header = limit_header
        self._connect_timeout, self._read_timeout = connect_timeout, read_timeout
        try:
            self._http = httpx.AsyncClient(
                verify=trust,
                proxy=proxy,
                follow_redirects=False,
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0),
                timeout=httpx.Timeout(read_timeout, connect=connect_timeout, pool=connect_timeout),
            )
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            # The address of a proxy may hold a password, so it is not repeated.
            raise UsageError(
                "The proxy's address cannot be used.", "Look at HTTPS_PROXY and its like: http://host:port is taken."
            ) from error

    async def post(self, url: httpx.URL, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send, and read the answer up to the bounds of size and time."""
        request = self._http.build_request(
            "POST",
            url,
            headers={
                "Content-Type": "application/json",
                "Accept": "application/json",
                # A packed answer could be small on the wire and endless in memory.
                "Accept-Encoding": "identity",
                **headers,
            },
            content=body,
        )
        progress = _Progress(self._read_timeout)
        request.extensions = {**request.extensions, "trace": progress.heard}
        try:
            async with asyncio.timeout(2 * self._connect_timeout) as patience:
                progress.patience = patience
                response = await self._http.send(request, stream=True)
        except (httpx.TransportError, OSError) as error:
            return _failed(error, was_written=progress.may_have_begun(error))
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
            limit_wait=response.headers.get(self._limit_header),
            retry_after=response.headers.get("Retry-After"),
            location=response.headers.get("Location"),
            body=_unpacked(bytes(kept[:BODY_BOUND]), response.headers.get("Content-Encoding", "")),
            is_whole=is_whole,
        )

    async def close(self) -> None:
        """Let go of the connection."""
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


def _failed(error: Exception, *, was_written: bool) -> Reply:
    """Which trouble `error` stands for."""
    is_late = isinstance(error, (httpx.TimeoutException, TimeoutError))
    if was_written:
        if is_late:
            return NoAnswer(trouble=Trouble.TIMEOUT)
        garbled = isinstance(error, httpx.ProtocolError) and "disconnected" not in str(error)
        return NoAnswer(trouble=Trouble.GARBLED if garbled else Trouble.BROKEN)
    if is_late:
        return NeverSent(trouble=Trouble.CONNECT_TIMEOUT)
    if isinstance(error, httpx.ProxyError):
        return NeverSent(trouble=Trouble.PROXY)
    causes = list(_causes(error))
    for kind, trouble in (
        (socket.gaierror, Trouble.DNS),
        (ssl.SSLCertVerificationError, Trouble.CERTIFICATE),
        (ssl.SSLError, Trouble.TLS),
        (ConnectionRefusedError, Trouble.REFUSED),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return NeverSent(trouble=trouble)
    return NeverSent(trouble=Trouble.UNREACHABLE)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error` and everything that led to it."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _causes(inner)
        error = error.__cause__ or error.__context__


def _unpacked(body: bytes, coding: str) -> bytes:
    """`body` as it was before a server packed it though it was asked not to."""
    if coding.strip().lower() not in {"gzip", "x-gzip", "deflate"}:
        return body
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(body, BODY_BOUND)
    except zlib.error:
        return body
