"""The four ways in which windows count, against counting by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sandbox_client import HandClock, Meeting

from pango_load.plan import Window
from pango_load.sandbox.settings import RetryHeader, SandboxSettings, WindowKind
from pango_load.sandbox.windows import make_windows, worst_count

WINDOWS = st.lists(st.builds(Window, st.sampled_from([1, 2, 5, 20]), st.integers(1, 6)), min_size=1, max_size=3)
# Eighths of a second are exact in floating point, so the oracle may count in fractions.
GAPS = st.lists(st.sampled_from([0, 0, 1, 2, 3, 4, 7, 8, 9, 16, 40]), max_size=60)


def verdicts(kind: WindowKind, windows: list[Window], times: list[Fraction], *, refused_count: bool) -> list[bool]:
    """Which requests are let through, as the sandbox asks its windows."""
    counted = make_windows(kind, windows)
    let_through = []
    for time in times:
        free = counted.wait(float(time), float(time)) <= 0
        if free or refused_count:
            counted.count(float(time), float(time))
        let_through.append(free)
    return let_through


def oracle(kind: WindowKind, windows: list[Window], times: list[Fraction], *, refused_count: bool) -> list[bool]:
    """The same from the definitions, counting every earlier request again each time."""
    seen: list[Fraction] = []
    begins: dict[Window, Fraction] = {}
    tokens = [Fraction(window.limit) for window in windows]
    before = None
    let_through = []
    for time in times:
        if before is not None:
            tokens = [
                min(Fraction(w.limit), held + (time - before) * w.limit / Fraction(w.seconds))
                for held, w in zip(tokens, windows, strict=True)
            ]
        before = time
        match kind:
            case WindowKind.SLIDING:
                free = all(sum(time - w.seconds < s <= time for s in seen) < w.limit for w in windows)
            case WindowKind.FIXED:
                free = all(sum(s // w.seconds == time // w.seconds for s in seen) < w.limit for w in windows)
            case WindowKind.FIRST_REQUEST:
                open_windows = [w for w in windows if w in begins and time < begins[w] + Fraction(w.seconds)]
                free = all(sum(s >= begins[w] for s in seen) < w.limit for w in open_windows)
            case WindowKind.BUCKET:
                free = all(held >= 1 for held in tokens)
        if free or refused_count:
            for w in windows:
                if w not in begins or time >= begins[w] + Fraction(w.seconds):
                    begins[w] = time
            seen.append(time)
            tokens = [max(Fraction(0), held - 1) for held in tokens]
        let_through.append(free)
    return let_through


@pytest.mark.parametrize("kind", WindowKind)
@settings(max_examples=300)
@given(windows=WINDOWS, gaps=GAPS, refused_count=st.booleans())
def test_windows_always_decide_as_their_definition_does(
    kind: WindowKind, windows: list[Window], gaps: list[int], refused_count: bool
) -> None:
    """The referee must not be wrong by one request, in any kind, at any time."""
    times = [Fraction(sum(gaps[: n + 1]), 8) for n in range(len(gaps))]
    windows = list(dict.fromkeys(windows))
    told = verdicts(kind, windows, times, refused_count=refused_count)
    assert told == oracle(kind, windows, times, refused_count=refused_count)


@pytest.mark.parametrize("kind", WindowKind)
@given(windows=WINDOWS, gaps=GAPS)
def test_after_the_wait_that_was_named_and_not_before_a_request_gets_through(
    kind: WindowKind, windows: list[Window], gaps: list[int]
) -> None:
    """The header of a 429 keeps its word, where nobody else sends meanwhile."""
    counted = make_windows(kind, windows)
    time = 0.0
    for gap in gaps:
        time += gap / 8
        wait = counted.wait(time, time)
        if wait > 0:
            assert counted.wait(time + wait - 1e-6, time + wait - 1e-6) > 0
            time += wait + 1e-6
            assert counted.wait(time, time) <= 0
        counted.count(time, time)


@given(WINDOWS, GAPS)
def test_what_a_sliding_window_lets_through_never_exceeds_it(windows: list[Window], gaps: list[int]) -> None:
    """The enforcer and the referee's own count agree."""
    counted = make_windows(WindowKind.SLIDING, windows)
    time, through = 0.0, []
    for gap in gaps:
        time += gap / 7
        if counted.wait(time, time) <= 0:
            counted.count(time, time)
            through.append(time)
    assert all(worst_count(through, window.seconds) <= window.limit for window in windows)


@given(GAPS, st.sampled_from([1, 2, 5]))
def test_the_worst_count_is_the_largest_of_all_stretches(gaps: list[int], seconds: int) -> None:
    """Two pointers count as every stretch by itself does."""
    times = [sum(gaps[: n + 1]) / 8 for n in range(len(gaps))]
    every = [sum(time - seconds < other <= time for other in times) for time in times]
    assert worst_count(times, seconds) == max(every, default=0)


def test_a_long_log_is_forgotten_only_where_no_window_asks_for_it() -> None:
    """Hours of requests stay within memory and nothing slips through at the cut."""
    counted = make_windows(WindowKind.SLIDING, [Window(1, 10), Window(1000, 3000)])
    waits = {}
    for number in range(70_000):
        counted.count(number / 100, 0)
        if number in {65_600, 69_000}:
            waits[number] = counted.wait(number / 100, 0)
    assert waits == {65_600: pytest.approx(1000 - 29.99), 69_000: pytest.approx(1000 - 29.99)}


def test_fixed_windows_follow_the_wall_clock() -> None:
    """Two budgets on either side of a full minute."""
    clock = HandClock(now=1_790_000_000.0 // 60 * 60 + 59.5)
    limited = SandboxSettings(windows=(Window(60, 2),), window_kind=WindowKind.FIXED)
    with Meeting(limited, clock=clock) as client:
        before = [client.ingest().status_code for _ in range(3)]
        clock.advance(0.5)
        after = [client.ingest().status_code for _ in range(3)]
    assert (before, after) == ([200, 200, 429], [200, 200, 429])


def test_a_bucket_lets_through_up_to_twice_its_limit() -> None:
    """It starts full and is refilled meanwhile: the kindest of the four."""
    clock = HandClock()
    limited = SandboxSettings(windows=(Window(10, 10),), window_kind=WindowKind.BUCKET)
    with Meeting(limited, clock=clock) as client:
        statuses = [client.ingest().status_code for _ in range(11)]
        clock.advance(1)
        statuses += [client.ingest().status_code for _ in range(2)]
    assert statuses == [200] * 10 + [429, 200, 429]


@pytest.mark.parametrize(
    ("style", "value"),
    [(RetryHeader.CEIL, "10"), (RetryHeader.FLOOR, "9"), (RetryHeader.FRACTIONAL, "9.250"), (RetryHeader.ABSENT, None)],
)
def test_the_wait_is_written_in_each_style(style: RetryHeader, value: str | None) -> None:
    """The header's number format is not established; rounded down it may say 0."""
    clock = HandClock()
    with Meeting(SandboxSettings(windows=(Window(10, 1),), retry_header=style), clock=clock) as client:
        client.ingest()
        clock.advance(0.75)
        answer = client.ingest()
    assert answer.status_code == 429
    assert answer.headers.get("X-Rate-Limit-Retry-After-Seconds") == value


def test_refused_requests_count_where_they_are_said_to() -> None:
    """A client that hammers such a server never gets through."""
    clock = HandClock()
    with Meeting(SandboxSettings(windows=(Window(10, 1),), refused_count=True), clock=clock) as client:
        client.ingest()
        for _ in range(3):
            clock.advance(9)
            assert client.ingest().status_code == 429
        clock.advance(10)
        assert client.ingest().status_code == 200


def test_the_referee_counts_arrivals_whatever_was_answered() -> None:
    """Requests refused for their rate are part of the rate."""
    clock = HandClock()
    with Meeting(SandboxSettings(windows=(Window(1, 2), Window(60, 3))), clock=clock) as client:
        for _ in range(4):
            client.ingest()
        clock.advance(1)
        client.ingest()
        worst = client.sandbox.worst_windows()
        log = client.sandbox.request_log
    assert worst == {Window(1, 2): 4, Window(60, 3): 5}
    assert [(entry.arrived, entry.status) for entry in log] == [
        (1000.0, 200), (1000.0, 200), (1000.0, 429), (1000.0, 429), (1001.0, 200),
    ]  # fmt: skip
