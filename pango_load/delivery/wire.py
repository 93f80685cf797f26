"""What delivery needs of a library that speaks HTTP, and the choice between those that are there."""

from __future__ import annotations

import logging
import socket
import ssl
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Protocol
from urllib.request import getproxies

from pango_load.delivery.answer import NeverSent, NoAnswer, Reply, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BODY_BOUND = 256 * 1024
"""Bytes of an answer that are read: the rest of a longer one is of no interest."""

IDLE_SECONDS = 30.0
"""How long a connection that nobody uses is kept."""

USUAL_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    # A packed answer could be small on the wire and endless in memory.
    "Accept-Encoding": "identity",
}

FAST_MAJOR, FAST_MINOR = 3, 14
"""The versions of aiohttp that the extra `fast` asks for; another one that happens to be there is left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireTerms:
    """How one address is spoken to.

    Attributes:
        url: the full address, its query included.
        trust: whom to believe; certificates are always verified.
        proxy: its address; None takes the environment's.
        limit_header: the header of a 429 that says how long to wait.
        connect_timeout, read_timeout: seconds. An answer must be complete `read_timeout` after its request began to be
            written, however slowly it trickles in.
    """

    url: str
    trust: ssl.SSLContext
    proxy: str | None
    limit_header: str
    connect_timeout: float
    read_timeout: float

    @property
    def patience(self) -> float:
        """Seconds in which a request must have begun to be written."""
        return 2 * self.connect_timeout


class Wire(Protocol):
    """One connection to one address, one request at a time; redirects are never followed."""

    async def post(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send, and read the answer up to the bounds of size and time.

        Never raises for what the network or the platform does. What may have left, if only in part, is never
        `NeverSent`: nobody may send it again as though it had not been there.
        """
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...


MakeWire = Callable[[WireTerms], Wire]


@cache
def has_aiohttp() -> bool:
    """Whether an aiohttp is installed that the extra `fast` would take."""
    try:
        major, minor, *_ = version("aiohttp").split(".")
        return int(major) == FAST_MAJOR and int(minor) >= FAST_MINOR
    except (PackageNotFoundError, ValueError):
        return False


def choose_wire(
    terms: WireTerms,
    *,
    has_fast: Callable[[], bool] = has_aiohttp,
    proxies: Callable[[], Mapping[str, str]] = getproxies,
) -> Wire:
    """The quickest of what is installed: aiohttp where it is (`pip install 'pango-load[fast]'`), else httpx.

    Where a proxy is named, for whatever hosts, it is always httpx: proxies have many ways to fail, and one reading of
    them is enough.

    Raises:
        UsageError: where the proxy's address cannot be used.
    """
    may_use_proxy = terms.proxy is not None or not {"http", "https", "all"}.isdisjoint(proxies())
    if not may_use_proxy and has_fast():
        from pango_load.delivery.wire_aiohttp import AiohttpWire

        return AiohttpWire(terms)
    from pango_load.delivery.wire_httpx import HttpxWire

    return HttpxWire(terms)


def silence(*libraries: str) -> None:
    """Their debug lines show headers of answers, which may echo ours."""
    for library in libraries:
        logging.getLogger(library).setLevel(logging.WARNING)


def never_sent(error: BaseException, *, is_late: bool, is_proxy: bool = False) -> NeverSent:
    """Which trouble `error` stands for, of a request of which nothing was written."""
    if is_late:
        return NeverSent(trouble=Trouble.CONNECT_TIMEOUT)
    if is_proxy:
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


def no_answer(*, is_late: bool, is_garbled: bool) -> NoAnswer:
    """The trouble of a request that may have been written, at least in part."""
    if is_late:
        return NoAnswer(trouble=Trouble.TIMEOUT)
    return NoAnswer(trouble=Trouble.GARBLED if is_garbled else Trouble.BROKEN)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error` and everything that led to it."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _causes(inner)
        error = error.__cause__ or error.__context__


def unpacked(body: bytes, coding: str) -> bytes:
    """`body` as it was before a server packed it though it was asked not to; at most `BODY_BOUND` bytes."""
    if coding.strip().lower() not in {"gzip", "x-gzip", "deflate"}:
        return body
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(body, BODY_BOUND)
    except zlib.error:
        return body
