"""What a 429 changes, and what it does not."""

from __future__ import annotations

from math import inf, nan

import pytest

from pango_load.delivery.quota_account import Account
from pango_load.delivery.quota_bytes import DamagedQuotaError, decode, encode
from pango_load.delivery.quota_terms import Owner, Permit, Reason, Terms, make_terms
from pango_load.plan import PUBLISHED_WINDOWS, Window

ME = Owner(pid=1)
TERMS = make_terms(PUBLISHED_WINDOWS)


def _sent(account: Account, count: int, now: float, terms: Terms = TERMS, owner: Owner = ME) -> list[Permit]:
    assert account.take(now, count, owner, terms) == count
    return [Permit(now) for _ in range(count)]


def _limited(account: Account, permit: Permit, now: float, asked: float | None, draw: float = 0.5) -> None:
    account.limited(now, now, ME, permit, asked=asked, draw=draw, terms=TERMS)


@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        pytest.param(12.0, 13.125, id="whole seconds"),
        pytest.param(0.0, 1.125, id="zero, since the platform may round down"),
        pytest.param(2.5, 3.625, id="a fraction"),
        pytest.param(None, 0.5, id="absent: half of at most one second"),
        pytest.param(-3.0, 0.5, id="negative"),
        pytest.param(nan, 0.5, id="not a number"),
        pytest.param(inf, 0.5, id="infinite"),
        pytest.param(1e9, 0.5, id="thirty years"),
        pytest.param(86400.0, 86401.125, id="a whole day, which a window may ask for"),
    ],
)
def test_a_429_pauses_for_what_the_platform_asks_if_it_makes_sense(asked: float | None, pause: float) -> None:
    """Protects the account from a rush after the pause, and a load from a header that makes no sense."""
    account = Account()
    (permit,) = _sent(account, 1, 100.0)

    _limited(account, permit, 100.4, asked)

    assert account.pause.until == pytest.approx(100.4 + pause)
    block = account.block(100.5, TERMS)
    assert block is not None
    assert block.reason is Reason.PAUSE
    assert account.take(account.pause.until - 0.001, 1, ME, TERMS) == 0
    assert account.take(account.pause.until, 1, ME, TERMS) == 1


def test_many_429s_of_one_moment_are_one_episode() -> None:
    """Protects the load's speed: 32 senders that are turned down together slow down once, not 32 times."""
    account = Account()
    permits = _sent(account, 40, 100.0)

    for number, permit in enumerate(permits):
        _limited(account, permit, 100.4 + number / 100, 3.0)

    minute = account.ring(Window(60, 1000))
    second = account.ring(Window(1, 50))
    assert second.ease == 1.0, "a pause of 3 s cannot come from the window of one second"
    assert minute.ease == 0.5, "half at most, although ours were only 40 of 1000"
    assert account.pause.strikes == 1


def test_a_429_after_the_pause_is_a_new_episode() -> None:
    """Protects others on the account: who is turned down again slows down again."""
    account = Account()
    (permit,) = _sent(account, 1, 100.0)
    _limited(account, permit, 100.4, 0.0)
    (again,) = _sent(account, 1, 200.0)

    _limited(account, again, 200.4, None, draw=1.0)

    assert account.pause.strikes == 2
    assert account.pause.until == pytest.approx(200.4 + 2)


def test_a_missing_header_waits_longer_each_time_up_to_a_minute_and_begins_anew_after_a_success() -> None:
    """Protects a platform in trouble from being asked every second."""
    account, now, waits = Account(), 100.0, []
    for _ in range(9):
        (permit,) = _sent(account, 1, now)
        _limited(account, permit, now + 0.1, None, draw=1.0)
        waits.append(round(account.pause.until - now - 0.1, 3))
        now = account.pause.until + 1
    (permit,) = _sent(account, 1, now)
    account.answered(now + 0.1, now + 0.1, ME, permit)

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert account.pause.strikes == 0


def test_a_429_is_given_back_to_the_long_windows_only() -> None:
    """Protects the end of a long load: two wasted permits of the day's window cost 16 hours."""
    account = Account()
    (permit,) = _sent(account, 1, 100.0)

    _limited(account, permit, 100.4, 1.0)

    assert [(ring.total, ring.held) for ring in account.rings] == [(1, 0), (1, 0), (1, 0), (0, 0), (0, 0)]


def test_an_eased_window_grows_back_while_it_is_quiet_and_the_pace_goes_with_it() -> None:
    """Protects the load's speed after somebody else has gone."""
    account = Account()
    permits = _sent(account, 40, 100.0)
    _limited(account, permits[0], 100.4, 1.0)
    second = account.ring(Window(1, 50))
    assert second.ease == pytest.approx(0.9 * 40 / 50)

    eased = [(account.take(now, 0, ME, TERMS), round(second.ease, 2))[1] for now in (102.0, 105.5, 131.0, 400.0)]

    assert eased == [0.72, 0.74, 0.84, 1.0]
    assert account._gap(401.0, TERMS) == TERMS.eased_gap
    assert account._gap(411.0, TERMS) == 0.0


def test_a_window_is_never_eased_below_a_twentieth() -> None:
    """Protects a load beside one that takes everything: it goes on, slowly."""
    account, now = Account(), 100.0
    for _ in range(12):
        (permit,) = _sent(account, 1, now)
        _limited(account, permit, now + 0.1, 0.0)
        now = account.pause.until

    assert min(ring.ease for ring in account.rings) == 0.05


def test_without_windows_only_a_429_makes_anybody_wait() -> None:
    """Protects who switched the limiter off: the platform is obeyed all the same."""
    account, terms = Account(), make_terms(())
    assert account.take(5.0, 10_000, ME, terms) == 10_000

    account.limited(5.0, 5.0, ME, Permit(5.0), asked=2.0, draw=0.0, terms=terms)

    assert account.take(7.9, 1, ME, terms) == 0
    assert account.take(8.0, 1, ME, terms) == 1


def test_a_share_leaves_the_rest_to_others() -> None:
    """Protects production traffic of the same account."""
    account = Account()

    given = account.take(10.0, 100, ME, make_terms(PUBLISHED_WINDOWS, share=0.6))

    assert given == 30
    assert account.take(10.0, 100, Owner(pid=2), TERMS) == 20


def test_a_window_that_is_new_begins_with_what_a_longer_one_remembers() -> None:
    """Protects an account whose PANGO_LIMITS are changed in the middle of a day."""
    account = Account()
    permits = _sent(account, 30, 100.0)
    for permit in permits[:20]:
        account.answered(100.5, 100.5, ME, permit)

    ring = account.ring(Window(10, 100))

    assert (ring.total, ring.held) == (20, 10)
    assert account.take(101.0, 500, ME, make_terms((Window(10, 100),))) == 70


def test_an_account_survives_being_written_and_read() -> None:
    """Protects what was spent from being forgotten."""
    account = Account()
    for permit in _sent(account, 30, 100.0)[:20]:
        account.answered(100.5, 100.5, ME, permit)
    _limited(account, Permit(100.2), 100.6, 4.0)

    blob = encode(account, wall=5.0, boot=7)
    read, wall, boot = decode(blob)

    assert (wall, boot) == (5.0, 7)
    assert encode(read, wall=5.0, boot=7) == blob
    assert read.block(200.0, TERMS) == account.block(200.0, TERMS)
    assert len(blob) < 6000


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda blob: blob[:-3], id="cut"),
        pytest.param(lambda blob: blob + b"x", id="longer"),
        pytest.param(lambda blob: b"OTHR" + blob[4:], id="something else"),
        pytest.param(lambda blob: blob[:-700] + b"\xff" * 100 + blob[-600:], id="changed inside"),
    ],
)
def test_damaged_bytes_are_seen(spoil: object) -> None:
    """Protects the account: a damaged memory is never taken for an empty one."""
    account = Account()
    _sent(account, 30, 100.0)
    assert callable(spoil)

    with pytest.raises(DamagedQuotaError):
        decode(spoil(encode(account, wall=5.0, boot=7)))
