"""The platform over HTTP: a request leaves, and what came back is told apart, never judged."""

from __future__ import annotations

import json
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import getproxies

from pango_load.delivery.profile import DOCUMENTED, Profile
from pango_load.delivery.wire import MakeWire, Wire, WireTerms, choose_wire
from pango_load.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pango_load.delivery.answer import Reply
    from pango_load.plan import Credentials, Endpoint


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
        make_wire: what speaks HTTP.

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
        make_wire: MakeWire = choose_wire,
    ) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._frame = frame
        self._profile = profile
        self._connect_timeout, self._read_timeout = connect_timeout, read_timeout
        self._make_wire = make_wire
        self._ingest_url = _with_init_data(endpoint.ingest_url) if init_data else endpoint.ingest_url
        self._trust = _trusted(endpoint)
        _refuse_unsendable(profile.ingest_call(credentials, "any"))
        if credentials.can_renew:
            _refuse_unsendable(profile.auth_call(credentials)[0])

    @property
    def host(self) -> str:
        """Where entries go, for a person."""
        return urlsplit(self._ingest_url).netloc

    @property
    def profile(self) -> Profile:
        """How it is spoken to."""
        return self._profile

    @property
    def credentials(self) -> Credentials:
        """Who sends."""
        return self._credentials

    def open_line(self) -> Line:
        """A connection of its own."""
        return _HttpLine(self._wire(self._ingest_url), self._frame, self._profile, self._credentials)

    async def authenticate(self) -> Reply:
        """Ask for a token with the profile's authentication call.

        Raises:
            UsageError: where the profile needs a value that is not there.
        """
        headers, body = self._profile.auth_call(self._credentials)
        wire = self._wire(self._endpoint.auth_url)
        try:
            return await wire.post(headers, json.dumps(body, ensure_ascii=False).encode())
        finally:
            await wire.close()

    def _wire(self, url: str) -> Wire:
        return self._make_wire(
            WireTerms(
                url=url,
                trust=self._trust,
                proxy=self._endpoint.proxy,
                limit_header=self._profile.limit_header,
                connect_timeout=self._connect_timeout,
                read_timeout=self._read_timeout,
            )
        )


def _with_init_data(address: str) -> str:
    """`address` with `?initData=true` (seed 001), beside what its query has already."""
    parts = urlsplit(address)
    kept = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "initData"]
    return parts._replace(query=urlencode([*kept, ("initData", "true")])).geturl()


def _refuse_unsendable(headers: Mapping[str, str]) -> None:
    """Refuse characters that no header can carry: a line's end in a key file is the usual one."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise UsageError(
                f"The value for the header {name} holds characters that no header can carry.",
                "Look for blanks, line ends or letters with accents in PANGO_API_KEY and PANGO_TOKEN.",
            )


def _trusted(endpoint: Endpoint) -> ssl.SSLContext:
    """Whom to believe. Where no connection is a secure one that is nobody: reading all authorities takes 40 ms."""
    addresses = (endpoint.auth_url, endpoint.ingest_url)
    is_plain = all(address.startswith("http:") for address in addresses) and not (endpoint.proxy or getproxies())
    if is_plain and endpoint.certificates is None:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return trusted_certificates(endpoint.certificates)


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

    def __init__(self, wire: Wire, frame: Frame, profile: Profile, credentials: Credentials) -> None:
        self._wire, self._frame = wire, frame
        self._profile, self._credentials = profile, credentials
        self._token, self._headers = "", dict[str, str]()

    async def send(self, entries: Sequence[bytes], token: str) -> Reply:
        body = b"".join((self._frame.prefix, b",".join(entries), self._frame.suffix))
        if token != self._token:
            self._token, self._headers = token, self._profile.ingest_call(self._credentials, token)
        return await self._wire.post(self._headers, body)

    async def close(self) -> None:
        await self._wire.close()
