"""One window's memory against a list of every request."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pango_load.delivery.quota_ring import DRIFT, EDGE, SLICES, Ring

steps = st.lists(
    st.tuples(st.floats(min_value=0, max_value=400), st.integers(min_value=1, max_value=50)), min_size=1, max_size=60
)


def _total(ring: Ring, now: float) -> int:
    ring.expire(now)
    return ring.total


@given(steps, st.floats(min_value=0, max_value=1e7), st.sampled_from([1.0, 60.0, 300.0, 86400.0]))
def test_a_ring_never_counts_too_little_and_hardly_too_much(
    answers: list[tuple[float, int]], begin: float, seconds: float
) -> None:
    """Protects the promise (never too little) and the user's time (at most 1/256 of a window too long)."""
    ring, log, now = Ring(seconds), [], begin
    longest = seconds * (1 + DRIFT) + EDGE + seconds / SLICES
    for wait, count in answers:
        now += wait * seconds / 100
        ring.add(now, now, count)
        log.append((now, count))
        at_least = sum(count for at, count in log if at + seconds > now)
        at_most = sum(count for at, count in log if at + longest + 1e-6 > now)
        assert at_least <= _total(ring, now) <= at_most


@given(steps, st.sampled_from([1.0, 60.0, 3600.0]))
def test_a_ring_says_when_so_many_have_left(answers: list[tuple[float, int]], seconds: float) -> None:
    """Protects a waiting sender: it wakes neither too early nor too late."""
    ring, now = Ring(seconds), 1000.0
    for wait, count in answers:
        now += wait * seconds / 100
        ring.add(now, now, count)
    for wanted in {1, (ring.total + 1) // 2, ring.total}:
        at, before = ring.free_at(wanted), ring.total
        twin = Ring(seconds)
        for leaves, count in ring.slices():
            twin.add(leaves - ring.hold - ring.width / 2, leaves - ring.hold, count)
        assert _total(twin, at - 1e-6) > before - wanted
        assert _total(twin, at + 1e-6) <= before - wanted


@given(steps, st.floats(min_value=-1e5, max_value=1e5), st.sampled_from([1.0, 60.0, 3600.0]))
def test_moved_times_are_never_moved_too_early(answers: list[tuple[float, int]], moved: float, seconds: float) -> None:
    """Protects a load that goes on after the machine was started again."""
    ring, now = Ring(seconds), 2e5
    for wait, count in answers:
        now += wait * seconds / 1000
        ring.add(now, now, count)
    before, total = ring.slices(), ring.total

    ring.shift(moved)

    assert ring.total == total
    assert ring.slices()[0][0] >= before[0][0] + moved - 1e-6
    assert ring.slices()[-1][0] <= before[-1][0] + moved + ring.width + 1e-6


def test_a_ring_after_a_long_idle_spell_counts_only_what_is_new() -> None:
    """Protects against the bug of the first prototype, whose new slices landed on old ones."""
    ring = Ring(1.0)
    ring.add(10.0, 10.0, 40)

    ring.add(10.0 + 264 / 256, 10.0 + 264 / 256, 5)

    assert ring.total == 5
