"""A refused batch is taken apart at few requests, and only refused rows are rejected."""

from __future__ import annotations

import random
from statistics import mean
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pango_load.delivery.narrowing import Narrowing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


def take_apart(
    narrowing: Narrowing, refuses: Callable[[tuple[int, ...]], bool], hint: bool = False
) -> tuple[int, set[int], set[int]]:
    """Requests made, entries refused alone, entries accepted."""
    requests = 0
    refused: set[int] = set()
    accepted: set[int] = set()
    while (piece := narrowing.next_piece()) is not None:
        requests += 1
        assert requests <= 200
        if refuses(piece):
            named = {piece[0]} if hint else ()
            narrowing.tell_refused(piece, "X", named)
            if len(piece) == 1:
                refused.add(piece[0])
        else:
            narrowing.tell_accepted(piece)
            assert not accepted & set(piece), "sent again after it was accepted"
            accepted |= set(piece)
    return requests, refused, accepted


@given(
    size=st.integers(2, 50),
    bad=st.sets(st.integers(0, 49)),
    named=st.sets(st.integers(0, 49), max_size=5),
    probe=st.booleans(),
    largest=st.none() | st.integers(1, 50),
    hint=st.booleans(),
)
def test_exactly_the_bad_entries_are_refused_alone_and_all_others_accepted_once(
    *, size: int, bad: set[int], named: set[int], probe: bool, largest: int | None, hint: bool
) -> None:
    """Protects innocent rows, and guilty ones from being judged by inference, however misleading the hints are."""
    everything = set(range(size))
    narrowing = Narrowing(tuple(range(size)), named=named, probe=probe, largest=largest)

    _, refused, accepted = take_apart(narrowing, lambda piece: bool(set(piece) & bad), hint)

    assert refused == bad & everything
    assert accepted == everything - bad


@given(size=st.integers(2, 50), pair=st.tuples(st.integers(0, 49), st.integers(0, 49)), probe=st.booleans())
def test_entries_that_only_disturb_each_other_are_all_accepted(size: int, pair: tuple[int, int], probe: bool) -> None:
    """Protects rows that are refused only together: nobody is to blame."""
    one, other = pair[0] % size, pair[1] % size
    together = {one, other} if one != other else {-1, -2}
    narrowing = Narrowing(tuple(range(size)), probe=probe)

    _, refused, accepted = take_apart(narrowing, lambda piece: together <= set(piece))

    assert refused == set()
    assert accepted == set(range(size))


@pytest.mark.parametrize(
    ("bad", "average", "most"), [(1, 7.3, 8), (2, 15.2, 16), (3, 24.5, 31), (5, 36, 45), (10, 53, 67), (50, 67, 67)]
)
def test_the_search_takes_as_few_requests_as_was_measured(bad: int, average: float, most: int) -> None:
    """Protects the quota: the bold line of the table in quota.md, 2.2."""
    dice = random.Random(7)

    def once() -> int:
        chosen = set(dice.sample(range(50), bad))
        return take_apart(Narrowing(tuple(range(50))), lambda piece: bool(chosen & set(piece)))[0]

    counts = [once() for _ in range(300)]

    assert mean(counts) <= average
    assert max(counts) <= most


def test_an_entry_that_is_named_takes_two_requests() -> None:
    """Protects the quota where the platform says which one it was."""
    assert take_apart(Narrowing(tuple(range(50)), named={33}), lambda piece: 33 in piece)[0] == 2


@pytest.mark.parametrize("hint", [False, True], ids=["silent", "naming"])
@pytest.mark.parametrize(("probe", "most"), [(True, 13), (False, 17)], ids=["asked-first", "found-out"])
def test_a_batch_refused_as_a_whole_is_noticed_early(*, hint: bool, probe: bool, most: int) -> None:
    """Protects the quota, and rows, when it is the load that is wrong."""
    narrowing = Narrowing(tuple(range(50)), named={0} if hint else (), probe=probe)
    requests = 0
    while not narrowing.is_alike:
        piece = narrowing.next_piece()
        assert piece is not None
        requests += 1
        narrowing.tell_refused(piece, "X", {piece[0]} if hint else ())

    assert requests <= most


def test_bad_rows_that_were_found_by_search_are_no_sign_of_a_wrong_load() -> None:
    """Protects a file with a few bad rows at its beginning from being stopped."""
    bad: Collection[int] = set(range(8))
    narrowing = Narrowing(tuple(range(50)), named={0})
    while (piece := narrowing.next_piece()) is not None:
        if set(piece) & set(bad):
            narrowing.tell_refused(piece, "X", {piece[0]})
        else:
            narrowing.tell_accepted(piece)
        assert not narrowing.is_alike

    assert set(narrowing.refused) == bad
