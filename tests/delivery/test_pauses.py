"""How long delivery waits, and how it treats a service that is down."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from pango_load.delivery.guard import RefusalGuard
from pango_load.delivery.pauses import Breaker, BreakerState, Outage, Pauses, RetryBudget, next_pause


@given(failures=st.integers(1, 10_000), seed=st.integers())
def test_a_pause_is_never_shorter_than_the_least_nor_longer_than_the_longest(failures: int, seed: int) -> None:
    """Protects the service from a storm and the user from waiting for ever."""
    pauses = Pauses()

    pause = next_pause(failures, pauses, random.Random(seed))

    assert pauses.least <= pause <= min(pauses.longest, max(pauses.least, pauses.first * 2.0 ** min(failures - 1, 60)))


def broken(senders: int = 8) -> Breaker:
    breaker = Breaker(senders=senders)
    for _ in range(5):
        breaker.failed(100.0)
    return breaker


def test_five_failures_in_a_row_leave_one_probe_at_a_time() -> None:
    """Protects attempts from being burnt while the service is down."""
    breaker = broken()

    assert breaker.state is BreakerState.OPEN
    assert breaker.opens_at(100.0, under_way=1) is None
    assert breaker.opens_at(100.0, under_way=0) == 101.0


def test_half_of_the_last_twenty_failing_opens_it_too() -> None:
    """Protects a service that limps."""
    breaker = Breaker(senders=8)
    for _ in range(10):
        breaker.succeeded(1.0)
        breaker.failed(1.0)
    assert breaker.allowed == 8
    breaker.failed(1.0)

    assert breaker.allowed == 1


def test_probes_come_at_growing_distances_up_to_the_longest() -> None:
    """Protects a service that comes back from being greeted by everybody at once."""
    breaker = broken()
    now, distances = 100.0, []
    for _ in range(9):
        opens = breaker.opens_at(now, under_way=0)
        assert opens is not None
        distances.append(opens - now)
        now = opens
        breaker.failed(now)

    assert distances == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_after_three_good_probes_the_senders_come_back_by_and_by() -> None:
    """Protects a service that has just come back."""
    breaker = broken(senders=8)
    allowed = []
    for _ in range(6):
        breaker.succeeded(200.0)
        allowed.append(breaker.allowed)

    assert allowed == [1, 1, 1, 2, 4, 8]
    assert breaker.state is BreakerState.CLOSED


def test_a_wait_that_the_service_asks_for_holds_everybody_even_if_others_succeed() -> None:
    """Protects what Retry-After promises."""
    breaker = Breaker(senders=8)
    breaker.hold(50.0)
    breaker.succeeded(10.0)

    assert breaker.opens_at(10.0, under_way=0) == 50.0


def test_an_outage_counts_from_its_first_failure_without_long_waits_for_quota() -> None:
    """Protects a load from being given up because it waited an hour for its window."""
    outage = Outage(give_up_after=100.0)
    outage.failed(10.0)
    outage.excuse(20.0, 3620.0)
    outage.excuse(30.0, 3630.0)  # another sender, at the same time

    assert not outage.is_over(3700.0)
    assert outage.is_over(3725.0)
    outage.succeeded()
    assert not outage.is_over(1e9)


def test_a_retry_budget_slows_and_recovers() -> None:
    """Protects the service from more retries than a tenth of its requests."""
    budget = RetryBudget()
    spent = sum(budget.spend() for _ in range(50))
    for _ in range(25):
        budget.earn()

    assert spent == 10
    assert [budget.spend() for _ in range(3)] == [True, True, False]


def test_the_first_batch_refused_alike_is_enough_and_later_it_takes_several() -> None:
    """Protects the quota from a wrong load, and a good load from a few bad batches."""
    assert RefusalGuard().alike(0, "X")
    guard = RefusalGuard()
    guard.fine(0)

    assert [guard.alike(number, "X") for number in range(1, 6)] == [False, False, False, False, True]


def test_a_load_that_goes_on_is_not_stopped_by_the_bad_rows_it_begins_with() -> None:
    """Protects a load that died while it took a batch apart: what is left of that batch may all be bad."""
    assert not RefusalGuard(is_proven=True).alike(0, "X")


def test_different_reasons_do_not_add_up() -> None:
    """Protects a load whose batches are refused for reasons of their own."""
    guard = RefusalGuard()
    guard.fine(0)

    assert not any(guard.alike(number, f"X{number}") for number in range(1, 20))


def test_later_only_more_than_half_of_any_fifty_is_too_many() -> None:
    """Protects a long load from stopping for a bad stretch of its file."""
    guard = RefusalGuard()
    for number in range(100):
        guard.fine(number)

    verdicts = [guard.alike(number, "X") for number in range(100, 126)]

    assert verdicts == [False] * 25 + [True]


def test_a_batch_of_which_something_is_accepted_after_all_no_longer_counts() -> None:
    """Protects against counting a batch before it was known."""
    guard = RefusalGuard()
    guard.fine(0)
    for number in range(1, 5):
        guard.alike(number, "X")
        guard.fine(number)

    assert not guard.alike(9, "X")
