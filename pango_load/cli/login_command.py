"""`login`: one authentication call, and what came of it; nothing else is sent."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pango_load.cli.screen import print_lines
from pango_load.cli.times import local_text
from pango_load.cli.wrapping import wrapped
from pango_load.clock import SystemClock
from pango_load.delivery.answer import NeverSent, Trouble
from pango_load.delivery.client import IngestClient
from pango_load.delivery.limiter import Limiter, PermitEnd
from pango_load.delivery.quota_sqlite import SqliteStore, quota_path
from pango_load.delivery.scrub import Scrubber
from pango_load.delivery.token import Granted, judge_authentication, untrusted
from pango_load.errors import MustBeMended, TemporaryStop
from pango_load.payload.frame import BodyFrame
from pango_load.report.plain_text import grouped, one_line, spoken_time
from pango_load.report.texts import Line
from pango_load.settings import read_settings

if TYPE_CHECKING:
    from pango_load.clock import Clock
    from pango_load.delivery.answer import Reply
    from pango_load.plan import Credentials, Endpoint
    from pango_load.settings import Settings

LONGEST_WAIT = 5.0
"""Seconds that it waits for the account's limits; where they are spent for longer, it says so instead."""
_TIMEOUT = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFlags:
    """The flags of `login` as they were typed."""

    env_file: Path | None = None
    profile: str | None = None
    allow_http: bool = False
    ca: str | None = None


def run_login(flags: LoginFlags, *, clock: Clock | None = None) -> int:
    """Try the credentials and say who they are: the exit code.

    Raises:
        UsageError: something is not set, or cannot be used.
        CredentialsRefused: the platform does not take them.
        TemporaryStop: it cannot be reached, or asks to wait.
        MustBeMended: the address answers, but not like authentication.
    """
    clock = clock or SystemClock()
    settings = read_settings(env_file=flags.env_file, profile=flags.profile)
    credentials = settings.credentials()
    certificates = Path(flags.ca) if flags.ca else None
    endpoint = settings.endpoint(allow_http=flags.allow_http, certificates=certificates)
    if credentials.token:
        print_lines(_ready_token_lines(settings, endpoint))
        if not (credentials.can_renew and endpoint.auth_url):
            return 0
        sys.stdout.write("\nThe user name and keys beside it, with which a load gets the next token:\n\n")
        credentials = replace(credentials, token="")
    granted, asked = asyncio.run(_try(settings, endpoint, credentials, clock))
    print_lines(_granted_lines(settings, endpoint, credentials, granted, asked))
    return 0


async def _try(settings: Settings, endpoint: Endpoint, credentials: Credentials, clock: Clock) -> tuple[Granted, float]:
    """The token, and when it was asked for in seconds since 1970."""
    client = IngestClient(
        endpoint=endpoint,
        credentials=credentials,
        frame=BodyFrame(b"", b""),
        profile=settings.profile,
        read_timeout=_TIMEOUT,
    )
    scrubber = Scrubber(credentials.secrets)
    asked, reply = await _ask(settings, endpoint, credentials, client, clock)
    found = judge_authentication(reply, profile=settings.profile, scrubber=scrubber, now=clock.now())
    if isinstance(found, Granted):
        return found, asked
    if found.stop is not None:
        raise found.stop
    if isinstance(reply, NeverSent) and reply.trouble is Trouble.CERTIFICATE:
        raise untrusted("PANGO_AUTH_URL")
    host = urlsplit(endpoint.auth_url).netloc
    if found.is_odd:
        paths = ", ".join(settings.profile.token_paths)
        raise MustBeMended(
            f"{host} answers {found.words} ({paths}).",
            "Compare PANGO_AUTH_URL with the model's API screen, and the profile's token_paths with the answer.",
        )
    if found.is_limited:
        raise TemporaryStop(
            f"{host} asks to wait {spoken_time(found.wait or 1)} ({found.words}).", "Try again after that."
        )
    raise TemporaryStop(
        f"{host} gave no token: {found.words}.", "Compare PANGO_AUTH_URL with the model's API screen; try again later."
    )


async def _ask(
    settings: Settings, endpoint: Endpoint, credentials: Credentials, client: IngestClient, clock: Clock
) -> tuple[float, Reply]:
    """One call, charged like any other: it is not established whether it counts."""
    windows = settings.windows
    store = SqliteStore(quota_path(settings.state, endpoint.account(credentials))) if windows else None
    limiter = Limiter(windows, clock=clock, store=store)
    try:
        wait = limiter.next_possible()
        if wait is not None and wait.until - clock.now() > LONGEST_WAIT:
            raise TemporaryStop(
                f"This account's limits are spent until {local_text(wait.until)}; nothing was asked.",
                "`pango-load quota` shows them.",
            )
        permit = await limiter.acquire()
        end = PermitEnd.ANSWERED
        asked = clock.now()
        try:
            reply = await client.authenticate()
            if isinstance(reply, NeverSent):
                end = PermitEnd.NEVER_SENT
        finally:
            limiter.settle(permit, end)
    finally:
        await limiter.close()
    return asked, reply


def _granted_lines(
    settings: Settings, endpoint: Endpoint, credentials: Credentials, granted: Granted, asked: float
) -> list[Line]:
    auth, ingest = (urlsplit(address).netloc for address in (endpoint.auth_url, endpoint.ingest_url))
    life = "given; how long it lives was not said"
    if granted.life is not None:
        until = local_text(asked + granted.life)
        life = f"lives {grouped(int(granted.life))} s, until {until}; a load renews it by itself"
    return [
        Line("Pango takes these credentials.", "good"),
        Line(""),
        *_fact("User", credentials.username),
        *_fact("Host", auth if auth == ingest else f"{auth}; rows go to {ingest}"),
        *_fact("Token", life),
        *_fact("From", settings.origin),
        *_unproven(settings),
        Line(""),
        *wrapped("No row was sent. Whether this user may send rows shows with the first request.", "dim"),
    ]


def _ready_token_lines(settings: Settings, endpoint: Endpoint) -> list[Line]:
    text = "PANGO_TOKEN is set: whether Pango still takes it cannot be checked without sending a row."
    return [
        *wrapped(text, "warn"),
        Line(""),
        *_fact("Host", urlsplit(endpoint.ingest_url).netloc),
        *_fact("From", settings.origin),
        *_unproven(settings),
        Line(""),
        *wrapped("A token is documented to live 30 min. Get a new one on the model's API screen.", "dim"),
    ]


def _fact(label: str, text: str) -> list[Line]:
    return wrapped(one_line(text), indent=f"{label:<8}", hanging=" " * 8)


def _unproven(settings: Settings) -> list[Line]:
    if not settings.profile.unproven:
        return []
    text = f'The way in "{one_line(settings.profile.name)}" is described in no document of Pango.'
    return [Line(""), *wrapped(text, "warn")]
