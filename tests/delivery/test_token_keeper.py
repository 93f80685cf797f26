"""The token: asked for once, renewed early and once, and never seen."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from support.delivery_world import CREDENTIALS
from support.virtual_time import VirtualClock, run_virtual

from pango_load.delivery.answer import Answer, NeverSent, NoAnswer, Reply, Trouble
from pango_load.delivery.limiter import Limiter
from pango_load.delivery.patience import Patience
from pango_load.delivery.pauses import Outage, Pauses
from pango_load.delivery.profile import DOCUMENTED, Profile
from pango_load.delivery.scrub import Scrubber
from pango_load.delivery.token import Granted, TokenKeeper, judge_authentication, outlives_token
from pango_load.errors import CredentialsRefused, LoadStopped, MustBeMended, TemporaryStop
from pango_load.plan import Credentials, Window

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pango_load.delivery.client import Line


def granted(token_number: int = 1, /, **more: object) -> Answer:
    document: dict[str, object] = {
        "success": True,
        "token": f"token-{token_number}-canary",
        "expiredAfter": 1800,
        **more,
    }
    return Answer(status=200, body=json.dumps(document).encode())


@dataclass(slots=True)
class Platform:
    """Authenticates as told; the n-th answer is the n-th of the list, the last one for ever."""

    replies: list[Reply]
    calls: int = 0
    takes: float = 0.2
    host: str = "pango.test"
    profile: Profile = DOCUMENTED
    credentials: Credentials = field(default=CREDENTIALS)

    def open_line(self) -> Line:
        raise AssertionError("nothing is sent here")

    async def authenticate(self) -> Reply:
        self.calls += 1
        reply = self.replies[min(self.calls, len(self.replies)) - 1]
        await asyncio.sleep(self.takes)
        return reply


def keep(
    platform: Platform,
    tale: Callable[[TokenKeeper, VirtualClock], Awaitable[None]],
    windows: tuple[Window, ...] = (),
    outage: Outage | None = None,
) -> float:
    """Live through `tale` with a keeper; the seconds that it took."""
    clock = VirtualClock()
    began = clock.steady()

    async def main() -> None:
        keeper = TokenKeeper(
            platform,
            clock=clock,
            scrubber=Scrubber(platform.credentials.secrets),
            patience=Patience(clock),
            pauses=Pauses(),
            dice=random.Random(1),
            give_up_after=1800,
            limiter=Limiter(windows, clock=clock),
            outage=outage,
        )
        await tale(keeper, clock)

    run_virtual(main(), clock)
    return clock.steady() - began


LIVES = {
    "documented": ({"expiredAfter": 1800, "issuedAt": 1584414919000, "expiredAt": 1584416719000}, 1800.0),
    "seconds-only": ({"expiredAfter": 600}, 600.0),
    "milliseconds-only": ({"expiredAfter": None, "issuedAt": 1584414919000, "expiredAt": 1584416719000}, 1800.0),
    "milliseconds-where-seconds-belong": ({"expiredAfter": 1800000, "issuedAt": 0, "expiredAt": 1800000}, 1800.0),
    "text": ({"expiredAfter": "900"}, 900.0),
    "nothing": ({"expiredAfter": None}, None),
    "nonsense": ({"expiredAfter": -5, "issuedAt": 5, "expiredAt": 1}, None),
    "yes": ({"expiredAfter": True}, None),
}


@pytest.mark.parametrize(("said", "life"), LIVES.values(), ids=LIVES.keys())
def test_a_life_is_read_in_its_units(said: dict[str, object], life: float | None) -> None:
    """Protects against the trap of the milliseconds, and against any clock: only a difference counts."""
    found = judge_authentication(granted(1, **said), profile=DOCUMENTED, scrubber=Scrubber(), now=0.0)

    assert isinstance(found, Granted)
    assert found.life == life


def test_thirty_senders_ask_for_one_token() -> None:
    """Protects the authentication service from every sender asking for itself."""
    platform = Platform([granted()])

    async def tale(keeper: TokenKeeper, clock: VirtualClock) -> None:
        tokens = await asyncio.gather(*(keeper.current() for _ in range(30)))
        assert {token.generation for token in tokens} == {1}

    keep(platform, tale)

    assert platform.calls == 1


def test_an_early_renewal_keeps_nobody_waiting() -> None:
    """Protects speed: while one sender renews, the others use the token that is still good."""
    platform = Platform([granted(1), granted(2)], takes=30.0)

    async def tale(keeper: TokenKeeper, clock: VirtualClock) -> None:
        await keeper.current()
        await clock.sleep(0.8 * 1800)
        renewing = asyncio.create_task(keeper.current())
        await asyncio.sleep(0)
        assert (await keeper.current()).generation == 1
        assert (await renewing).generation == 2

    keep(platform, tale)

    assert platform.calls == 2


def test_an_early_renewal_that_fails_is_tried_later_and_the_old_token_goes_on() -> None:
    """Protects a load from a stumbling authentication while its token is good."""
    platform = Platform([granted(1), Answer(status=500), NoAnswer(trouble=Trouble.TIMEOUT), granted(2)])

    async def tale(keeper: TokenKeeper, clock: VirtualClock) -> None:
        await keeper.current()
        await clock.sleep(0.8 * 1800)
        generations = []
        for _ in range(10):
            generations.append((await keeper.current()).generation)
            await clock.sleep(1)
        assert generations[0] == 1
        assert generations[-1] == 2

    keep(platform, tale)

    assert platform.calls == 4


def test_refusals_of_a_token_that_was_replaced_already_change_nothing() -> None:
    """Protects against a renewal for every sender that still had the old one."""
    platform = Platform([granted(1), granted(2), granted(3)])

    async def tale(keeper: TokenKeeper, clock: VirtualClock) -> None:
        old = await keeper.current()
        for _ in range(5):
            await keeper.refused(old)
            assert (await keeper.current()).generation == 2

    keep(platform, tale)

    assert platform.calls == 2


def test_tokens_that_worked_may_die_as_often_as_they_like() -> None:
    """Protects a load of days: only fresh tokens refused at once count against the credentials."""
    platform = Platform([granted(number) for number in range(1, 20)])

    async def tale(keeper: TokenKeeper, clock: VirtualClock) -> None:
        for _ in range(10):
            token = await keeper.current()
            keeper.proved(token)
            await keeper.refused(token)

    keep(platform, tale)

    assert platform.calls == 10


ENDS: dict[str, tuple[Reply, type[LoadStopped], str, int]] = {
    "400": (
        Answer(
            status=400, body=b'{"success":false,"errorCode":"MISSING_INFO","message":"Organization Context is not set"}'
        ),
        CredentialsRefused,
        "Pango refuses the credentials (HTTP 400, MISSING_INFO: Organization Context is not set).",
        1,
    ),
    "401": (Answer(status=401), CredentialsRefused, "Pango refuses the credentials (HTTP 401, HTTP_401).", 1),
    "200-success-false": (
        Answer(status=200, body=b'{"success":false,"message":"no"}'),
        CredentialsRefused,
        "Pango refuses the credentials (HTTP 200, HTTP_200: no).",
        1,
    ),
    "404": (Answer(status=404), MustBeMended, "PANGO_AUTH_URL answers HTTP 404, HTTP_404.", 1),
    "302": (Answer(status=302), MustBeMended, "PANGO_AUTH_URL answers HTTP 302, HTTP_302.", 1),
    "200-without-a-token": (
        Answer(status=200, body=b"<html>"),
        MustBeMended,
        "The answer of PANGO_AUTH_URL holds no token (token).",
        3,
    ),
    "token-with-a-line-end": (
        granted(token="a\r\nX: y"),
        MustBeMended,
        "The answer of PANGO_AUTH_URL holds no token (token).",
        3,
    ),
    "certificate": (
        NeverSent(trouble=Trouble.CERTIFICATE),
        MustBeMended,
        "PANGO_AUTH_URL: the certificate of its host is not trusted, so nothing was sent.",
        1,
    ),
}


@pytest.mark.parametrize(("reply", "kind", "message", "calls"), ENDS.values(), ids=ENDS.keys())
def test_an_authentication_that_will_not_work_ends_the_load(
    reply: Reply, kind: type[LoadStopped], message: str, calls: int
) -> None:
    """Protects a person with a wrong key or address: told at once, and by its name."""
    platform = Platform([reply])

    async def tale(keeper: TokenKeeper, clock: VirtualClock) -> None:
        ends = await asyncio.gather(*(keeper.current() for _ in range(5)), return_exceptions=True)
        assert {type(end) for end in ends} == {kind}
        assert isinstance(ends[0], LoadStopped)
        assert ends[0].message == message

    keep(platform, tale)

    assert platform.calls == calls


TRIES: dict[str, tuple[Reply, float]] = {
    "500": (Answer(status=500), 1800),
    "429": (Answer(status=429, limit_wait="7"), 1800),
    "time-out": (NoAnswer(trouble=Trouble.TIMEOUT), 1800),
    "never-reached": (NeverSent(trouble=Trouble.DNS), 20),
}


@pytest.mark.parametrize(("reply", "patience"), TRIES.values(), ids=TRIES.keys())
def test_an_authentication_that_may_work_again_is_tried_as_long_as_is_right(reply: Reply, patience: float) -> None:
    """Protects a load over an outage, and a person with a mistyped host from waiting half an hour."""
    platform = Platform([reply])

    async def tale(keeper: TokenKeeper, clock: VirtualClock) -> None:
        with pytest.raises(TemporaryStop):
            await keeper.current()

    lasted = keep(platform, tale)

    assert patience <= lasted <= patience + 70
    assert platform.calls < 200


def test_a_token_that_dies_while_nothing_works_begins_no_new_time_to_give_up() -> None:
    """Protects a job that waits for its exit code: the token lives half an hour, and so long a load waits by itself."""
    outage = Outage(give_up_after=1800)

    async def tale(keeper: TokenKeeper, clock: VirtualClock) -> None:
        await keeper.current()
        await clock.sleep(60)
        outage.failed(clock.steady())
        await clock.sleep(1800)
        with pytest.raises(TemporaryStop):
            await keeper.current()

    assert keep(Platform([granted(1), NeverSent(trouble=Trouble.REFUSED)]), tale, outage=outage) < 1900


def test_the_authentication_call_takes_a_permit() -> None:
    """Protects the windows: whether the call counts is not established, so it does."""
    platform = Platform([granted(1), granted(2)])

    async def tale(keeper: TokenKeeper, clock: VirtualClock) -> None:
        token = await keeper.current()
        keeper.proved(token)
        await keeper.refused(token)
        await keeper.current()

    assert keep(platform, tale, windows=(Window(100, 1),)) >= 100


def test_a_token_is_in_no_repr_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Protects the token from whoever reads logs."""
    caplog.set_level("DEBUG")

    async def tale(keeper: TokenKeeper, clock: VirtualClock) -> None:
        assert "canary" not in repr(await keeper.current())

    keep(Platform([granted()]), tale)

    assert "canary" not in caplog.text


def test_a_load_longer_than_a_ready_token_is_warned_of() -> None:
    """Protects users of PANGO_TOKEN from a stop that could be foreseen."""
    ready = Credentials(api_key="k", token="t")

    assert outlives_token(ready, 60.0) is None
    assert outlives_token(CREDENTIALS, 86_400.0) is None
    warning = outlives_token(ready, 7200.0)
    assert warning is not None
    assert warning.startswith("This load takes about 120 min, and the token of PANGO_TOKEN cannot be renewed")
