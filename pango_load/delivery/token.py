"""The one token that all senders share: asked for once, renewed early, renewed once when it is refused."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pango_load.delivery.answer import Answer, NeverSent, NoAnswer, Reply, Trouble
from pango_load.delivery.limiter import PermitEnd
from pango_load.delivery.listener import Silent, Wait
from pango_load.delivery.pauses import Outage, next_pause
from pango_load.delivery.profile import value_at
from pango_load.delivery.verdict import said, says_no, seconds
from pango_load.errors import CredentialsRefused, LoadStopped, MustBeMended, TemporaryStop

if TYPE_CHECKING:
    import random

    from pango_load.clock import Clock
    from pango_load.delivery.client import Platform
    from pango_load.delivery.limiter import Limiter
    from pango_load.delivery.listener import Listener
    from pango_load.delivery.patience import Patience
    from pango_load.delivery.pauses import Pauses
    from pango_load.delivery.profile import Profile
    from pango_load.delivery.scrub import Scrubber
    from pango_load.plan import Credentials

_log = logging.getLogger(__name__)

RENEW_AT = 0.8
"""Part of its life after which a token is replaced."""
FRESH = 30.0
"""Seconds within which a refusal of a token that never worked counts as "at once"."""
REFUSALS = 3
"""So many fresh tokens refused at once, one after the other, mean that the credentials are refused."""
ODD_ANSWERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token in use.

    Attributes:
        generation: 1 for the first of this run.
        born: when it was asked for, steady seconds: the platform's clock takes no part.
        life: seconds; None where the platform did not say.
    """

    value: str = field(repr=False)
    generation: int
    born: float
    life: float | None = None

    def is_due(self, now: float) -> bool:
        """Whether it should be replaced before it dies."""
        return self.life is not None and now - self.born >= RENEW_AT * self.life

    def is_dead(self, now: float) -> bool:
        """Whether it has outlived its life."""
        return self.life is not None and now - self.born >= self.life


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """Authentication gave a token."""

    token: str = field(repr=False)
    life: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """Authentication gave none.

    Attributes:
        stop: why the load ends; None where it may be tried again.
        is_odd: a success that holds no token: tried again, but not for long.
        wait: seconds that the platform asked to wait.
    """

    words: str
    stop: LoadStopped | None = None
    is_odd: bool = False
    wait: float | None = None
    is_limited: bool = False


def judge_authentication(  # noqa: PLR0911 - a table of answers
    reply: Reply, *, profile: Profile, scrubber: Scrubber, now: float
) -> Granted | Denied:
    """Say what the answer of the authentication call means; `now` is UTC in seconds, for HTTP dates."""
    match reply:
        case NeverSent() | NoAnswer():
            return Denied(words=reply.trouble.value)
        case Answer():
            pass
    code, words = said(reply, profile)
    if not profile.keep_words:
        words = ""
    words = scrubber.clean(f"HTTP {reply.status}, {code}: {words}" if words else f"HTTP {reply.status}, {code}")
    document = reply.document() if reply.is_whole else None
    refused = CredentialsRefused(
        f"Pango refuses the credentials ({words}).",
        "Compare PANGO_USERNAME, PANGO_API_KEY and PANGO_CDP_GKEY with the console.",
    )
    if code in profile.temporary_codes or reply.status in {408, 425} or reply.status >= 500:  # noqa: PLR2004
        return Denied(words=words, wait=seconds(reply.retry_after, now))
    if reply.status == 429:  # noqa: PLR2004
        wait = seconds(reply.limit_wait, now)
        return Denied(words=words, wait=max(1.0, wait or seconds(reply.retry_after, now) or 0.0), is_limited=True)
    if reply.status in {400, 401, 403, 422} or (isinstance(document, dict) and says_no(document.get("success"))):
        return Denied(words=words, stop=refused)
    if not 200 <= reply.status <= 299:  # noqa: PLR2004
        return Denied(
            words=words,
            stop=MustBeMended(
                f"PANGO_AUTH_URL answers {words}.", "Compare it with the address on the model's API screen."
            ),
        )
    for path in profile.token_paths:
        token = value_at(document, path)
        # Anything else could not travel in a header.
        if isinstance(token, str) and token and token.isascii() and token.isprintable():
            return Granted(token=token, life=_life(document, profile))
    return Denied(words=f"HTTP {reply.status}, without a token", is_odd=True)


def _life(document: object, profile: Profile) -> float | None:
    """Seconds that a token lives: the shorter of what its two spellings say (pango-api.md, 1.1: s and ms)."""
    said_seconds = _number(value_at(document, profile.life_seconds_path))
    issued, expires = (_number(value_at(document, path)) for path in (profile.issued_ms_path, profile.expires_ms_path))
    between = (expires - issued) / 1000 if issued is not None and expires is not None else None
    lives = [life for life in (said_seconds, between) if life is not None and life > 0]
    return min(lives) if lives else None


def _number(value: object) -> float | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return float(value[:18])
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


class TokenKeeper:
    """Keeps the token of a run.

    Every request says which generation it used, so that one renewal serves all that were refused with the same token.

    Args:
        client: makes the authentication call.
        outage: for how long nothing else has worked; None where nothing else is sent.
        limiter: the call is charged like any other, since it is not established whether it counts; None where nothing
            else is sent.
        patience: how long waits may be.
        give_up_after: seconds without an answer after which the load ends.
    """

    def __init__(
        self,
        client: Platform,
        *,
        clock: Clock,
        scrubber: Scrubber,
        patience: Patience,
        pauses: Pauses,
        dice: random.Random,
        give_up_after: float,
        limiter: Limiter | None = None,
        listener: Listener | None = None,
        outage: Outage | None = None,
    ) -> None:
        self._outage = outage
        self._client, self._clock, self._scrubber, self._patience = client, clock, scrubber, patience
        self._pauses, self._dice, self._give_up_after = pauses, dice, give_up_after
        self._limiter, self._listener = limiter, listener if listener is not None else Silent()
        self._lock = asyncio.Lock()
        self._token: Token | None = None
        self._generation = 0
        self._proved = 0
        self._refused = 0
        self._refused_in_a_row = 0
        self._early_again_at = 0.0
        self._ended: LoadStopped | None = None
        self._was_reached = False  # by the authentication call
        ready = client.credentials.token
        if ready:
            self._adopt(ready, None)

    async def current(self) -> Token:
        """The token to use now; asks for a new one where there is none, or the old one is about to die.

        Raises:
            CredentialsRefused, MustBeMended, TemporaryStop: where there will be none.
        """
        while True:
            token, now = self._token, self._clock.steady()
            if token is not None and token.generation != self._refused:
                if not token.is_due(now) or not self._client.credentials.can_renew:
                    return token
                if not token.is_dead(now) and (self._lock.locked() or now < self._early_again_at):
                    return token
            await self._renew(self._generation)

    async def refused(self, token: Token) -> None:
        """A request with `token` was answered 401: the next `current` gives another one.

        Raises:
            CredentialsRefused: where fresh tokens are refused at once, several times in a row, or there is no other.
        """
        if token.generation != self._generation or self._refused == token.generation:
            return
        self._refused = token.generation
        _log.info("token %d is refused", token.generation)
        if not self._client.credentials.can_renew:
            raise CredentialsRefused(
                "Pango refuses the token of PANGO_TOKEN; it cannot be renewed.",
                "Get a new one on the API screen and run the same command again, or give PANGO_USERNAME and "
                "PANGO_CDP_GKEY.",
            )
        age = self._clock.steady() - token.born
        if self._proved == token.generation or age > min(FRESH, token.life or FRESH):
            self._refused_in_a_row = 0
            return
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= REFUSALS:
            raise CredentialsRefused(
                f"Pango gives tokens and refuses them at once, {REFUSALS} in a row.",
                "PANGO_API_KEY may belong to another user than the token, or may not send data.",
            )
        # A new token may take a moment to be known everywhere at the platform.
        await self._patience.nap(next_pause(self._refused_in_a_row + 1, self._pauses, self._dice))

    def proved(self, token: Token) -> None:
        """A request with `token` was answered with something else than 401."""
        self._proved = max(self._proved, token.generation)
        self._refused_in_a_row = 0

    async def _renew(self, generation: int) -> None:
        async with self._lock:
            if self._ended is not None:
                raise self._ended
            if self._generation != generation:
                return
            old = self._token if self._refused != generation else None
            try:
                await self._ask(old)
            except LoadStopped as error:
                self._ended = error
                raise

    async def _ask(self, old: Token | None) -> None:
        """Authenticate until there is a token; while `old` is alive once is enough."""
        # A token that dies while nothing works must not begin the time anew after which the load gives up.
        since = self._outage.since if self._outage is not None and self._was_reached else None
        outage = Outage(give_up_after=self._give_up_after, since=since)
        failures = odd = 0
        while True:
            asked = self._clock.steady()
            reply = await self._call()
            self._was_reached = self._was_reached or not isinstance(reply, NeverSent)
            found = judge_authentication(
                reply, profile=self._client.profile, scrubber=self._scrubber, now=self._clock.now()
            )
            if isinstance(found, Granted):
                self._adopt(found.token, found.life, asked)
                return
            failures += 1
            odd += found.is_odd
            now = self._clock.steady()
            outage.failed(now)
            _log.warning("authentication failed: %s", found.words)
            is_usable = old is not None and not old.is_dead(now)
            if not is_usable:
                self._give_up(found, reply, odd, outage, now)
            pause = max(next_pause(failures, self._pauses, self._dice), found.wait or 0.0)
            if is_usable:
                self._early_again_at = now + pause
                return
            self._listener.waiting(Wait.TOKEN, pause)
            await self._patience.nap(pause)

    def _give_up(self, found: Denied, reply: Reply, odd: int, outage: Outage, now: float) -> None:
        if found.stop is not None:
            raise found.stop
        if odd >= ODD_ANSWERS:
            raise MustBeMended(
                f"The answer of PANGO_AUTH_URL holds no token ({', '.join(self._client.profile.token_paths)}).",
                "Compare the address with the model's API screen, and the profile's token_paths with the answer.",
            )
        limit = self._give_up_after
        if isinstance(reply, NeverSent) and not self._was_reached:
            if reply.trouble is Trouble.CERTIFICATE:
                raise untrusted("PANGO_AUTH_URL")
            limit = min(limit, self._pauses.first_contact)
        if outage.since is not None and now - outage.since >= limit:
            raise TemporaryStop(
                f"No token could be got from PANGO_AUTH_URL: {found.words}.",
                "Check the address and the network; run the same command again to go on.",
            )

    async def _call(self) -> Reply:
        if self._limiter is None:
            return await self._client.authenticate()
        permit = await self._limiter.acquire()
        end = PermitEnd.ANSWERED
        try:
            reply = await self._client.authenticate()
            if isinstance(reply, NeverSent):
                end = PermitEnd.NEVER_SENT
        finally:
            self._limiter.settle(permit, end)
        return reply

    def _adopt(self, value: str, life: float | None, born: float | None = None) -> None:
        self._scrubber.learn(value)
        self._generation += 1
        self._token = Token(
            value=value,
            generation=self._generation,
            born=self._clock.steady() if born is None else born,
            life=life,
        )
        self._early_again_at = 0.0
        _log.info("token %d, good for %s s", self._generation, "unknown" if life is None else f"{life:.0f}")
        self._listener.token_renewed(self._generation)


def untrusted(variable: str) -> MustBeMended:
    """The end of a load whose platform shows a certificate that nobody vouches for."""
    return MustBeMended(
        f"{variable}: the certificate of its host is not trusted, so nothing was sent.",
        "If your company's proxy opens secure connections, name its certificate file; verification cannot be "
        "switched off.",
    )


DOCUMENTED_LIFE = 1800.0
"""Seconds that a documented token lives (pango-api.md, 1.1)."""


def calls_before_sending(credentials: Credentials | None) -> int:
    """Calls that take a permit before the first request: none where a token is ready."""
    return 0 if credentials is not None and credentials.token else 1


def outlives_token(credentials: Credentials, seconds_needed: float) -> str | None:
    """What to tell a person before sending where the token will not last; None where all is well."""
    if credentials.can_renew or not credentials.token or seconds_needed < RENEW_AT * DOCUMENTED_LIFE:
        return None
    return (
        f"This load takes about {seconds_needed / 60:.0f} min, and the token of PANGO_TOKEN cannot be renewed "
        f"(a token is documented to live 30 min): the load will stop there and go on when you run it again with a new "
        f"token. With PANGO_USERNAME and PANGO_CDP_GKEY it renews tokens itself."
    )
