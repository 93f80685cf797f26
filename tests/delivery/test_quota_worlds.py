"""The promise of the quota in worlds of chance: whatever happens, no window is exceeded at the platform."""

from __future__ import annotations

from dataclasses import replace
from math import floor
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.quota_random import play

from pango_load.delivery.quota_account import Account
from pango_load.delivery.quota_ring import Ring
from pango_load.delivery.quota_terms import Owner, Permit, Terms


@pytest.mark.parametrize("block", range(15))
def test_no_window_is_ever_exceeded_at_the_platform(block: int) -> None:
    """Protects every account: no limits, network, crash, cancellation or number of processes draws a 429."""
    for seed in range(block * 100, block * 100 + 100):
        played = play(seed)
        assert set(played.refused.values()) == {0}, f"world {seed}: {played}"
        assert played.lost == 0, f"world {seed}: {played}"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.integers(min_value=10_000))
def test_no_world_that_hypothesis_finds_exceeds_a_window(seed: int) -> None:
    """Protects against a choice of seeds that happens to be kind."""
    played = play(seed)
    assert set(played.refused.values()) == {0}, f"world {seed}: {played}"


# --- mistakes that the worlds must find -------------------------------------------------------------------------------


class _AliasedRing(Ring):
    """Adds without forgetting first: after an idle spell a new slice lands on the place of an old one."""

    __slots__ = ()

    def add(self, at: float, now: float, count: int = 1) -> None:
        self._put(floor(at / self.width), count)


class _HastyRing(Ring):
    """Frees a slice at its start instead of its end."""

    __slots__ = ()

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.hold -= self.width


class _Aliased(Account):
    ring_type: ClassVar[type[Ring]] = _AliasedRing


class _Hasty(Account):
    ring_type: ClassVar[type[Ring]] = _HastyRing


class _ReleasedAtSend(Account):
    def take(self, now: float, want: int, owner: Owner, terms: Terms) -> int:
        given = super().take(now, want, owner, terms)
        for _ in range(given):
            self.answered(now, now, owner, Permit(now))
        return given


class _ForgetsTheDead(Account):
    def bury(self, owner: Owner, now: float) -> None:
        holding = self.owners.pop(owner, None)
        for ring, held in zip(self.rings, holding.held if holding else [], strict=False):
            ring.held -= held


class _GivesBackWhatWasSent(Account):
    def answered(self, at: float, now: float, owner: Owner, permit: Permit) -> None:
        self.never_sent(owner, permit)


def _one_too_many(terms: Terms) -> Terms:
    return replace(terms, limits=tuple(limit + 1 for limit in terms.limits))


def _without_the_longest(terms: Terms) -> Terms:
    return replace(terms, windows=terms.windows[:-1], limits=terms.limits[:-1])


@pytest.mark.parametrize(
    ("account", "spoil"),
    [
        pytest.param(_Aliased, None, id="no forgetting before adding"),
        pytest.param(_ReleasedAtSend, None, id="permit released at send"),
        pytest.param(Account, _one_too_many, id="limit off by one"),
        pytest.param(Account, _without_the_longest, id="longest window not enforced"),
        pytest.param(_Hasty, None, id="slice freed at its start"),
        pytest.param(_ForgetsTheDead, None, id="killed process forgotten"),
        pytest.param(_GivesBackWhatWasSent, None, id="answered request given back"),
    ],
)
def test_the_worlds_find_a_mistake(account: type[Account], spoil: None) -> None:
    """Protects the promise above from being empty: each mistake of quota.md 1.6 is seen within the same worlds."""
    assert any(any(play(seed, account_type=account, spoil=spoil).refused.values()) for seed in range(1500))
