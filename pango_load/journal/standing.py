"""Where one batch stands, and how what happens to it moves its rows; nothing here touches a disk.

A batch has a state, which is that of every entry not listed among its parts. Parts are the entries that went their own
way while the batch was taken apart. So every entry is in exactly one place at every moment, by construction:

    planned ──sending──▶ sent ──settled──▶ accepted | refused
       ▲                  │ │
       └────returned──────┘ └──unanswered, or a crash──▶ unknown ──sending──▶ sent again ──settled──▶ ...
                                                            ▲                     │
                                                            └─────returned────────┘

A request that surely was not executed takes its entries back to where they stood *before* it: what was unknown stays
unknown, since an earlier attempt may still have been executed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from pango_load.errors import LoadStopped
from pango_load.records import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pango_load.records import EntryRef


class BatchState(IntEnum):
    """What is known of a batch, or of one of its entries; the numbers are those in the file."""

    PLANNED = 0
    SENT = 1
    ACCEPTED = 2
    REFUSED = 3
    UNKNOWN = 4
    SENT_AGAIN = 5
    LEFT_OUT = 6
    """Of rows of a retry: another one of their record key was sent in their place (`onDuplicate`)."""
    OVERTAKEN = 7
    """Not sent after a newer row of the record key, which was accepted."""

    @property
    def is_under_way(self) -> bool:
        """Whether a request with it has left and no answer was recorded."""
        return self in {BatchState.SENT, BatchState.SENT_AGAIN}

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to be sent."""
        return self in {BatchState.ACCEPTED, BatchState.REFUSED, BatchState.LEFT_OUT, BatchState.OVERTAKEN}

    @property
    def landed(self) -> BatchState:
        """Where it stands once the request under way is known not to have been executed."""
        match self:
            case BatchState.SENT:
                return BatchState.PLANNED
            case BatchState.SENT_AGAIN:
                return BatchState.UNKNOWN
            case _:
                return self

    @property
    def departed(self) -> BatchState:
        """Where it stands once a request with it leaves."""
        return BatchState.SENT if self.landed is BatchState.PLANNED else BatchState.SENT_AGAIN


@dataclass(frozen=True, slots=True)
class Part:
    """An entry that stands elsewhere than its batch: its rows, its state, and the number of its refusal's words."""

    rows: int
    state: BatchState
    refusal: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a batch stands.

    Attributes:
        number: its number in the plan.
        rows: rows of the source in it, parts included.
        state: where every entry stands that is not among the parts.
        parts: by position; none of them is PLANNED.
    """

    number: int
    rows: int
    state: BatchState
    parts: Mapping[int, Part]

    @property
    def rest(self) -> int:
        """Rows that are not in a part."""
        return self.rows - sum(part.rows for part in self.parts.values())

    @property
    def is_under_way(self) -> bool:
        """Whether a request with some of it has left and no answer was recorded."""
        return (self.state.is_under_way and self.rest > 0) or any(
            part.state.is_under_way for part in self.parts.values()
        )

    def rows_in(self, *states: BatchState) -> int:
        """Rows whose entries stand in one of `states`."""
        return sum(part.rows for part in self.parts.values() if part.state in states) + (
            self.rest if self.state in states else 0
        )


class DoesNotAddUp(LoadStopped):
    """What was recorded of a batch contradicts what is known of it: a bug of this program (exit 1)."""


def sending(standing: Standing, entries: tuple[EntryRef, ...] | None, *, resend: bool) -> Standing:
    """A request is about to leave, with `entries`, or with everything that is not settled.

    The entries under way are exactly those of the last `sending`: what an earlier one held has been answered, or
    `unanswered` would have said so.

    Args:
        standing: the batch before it.
        entries: None for everything that is not settled; what is held back as unknown goes along only under `resend`.
        resend: whether unknown entries are sent again (`--on-unknown`).

    Raises:
        DoesNotAddUp: the platform has already settled what is about to be sent.
    """
    landed = returned(standing)
    parts = dict(landed.parts)
    if entries is None:
        again = [at for at, part in parts.items() if resend and part.state is BatchState.UNKNOWN]
        if landed.state.is_settled and not again:
            raise DoesNotAddUp(f"Batch {standing.number} is settled and was about to be sent again.", _REPORT_IT)
        parts |= {at: replace(parts[at], state=BatchState.SENT_AGAIN) for at in again}
        state = landed.state if landed.state.is_settled else landed.state.departed
        return replace(landed, state=state, parts=parts)
    for entry in entries:
        part = parts.get(entry.position)
        before = part.state if part else landed.state
        if before.is_settled:
            raise DoesNotAddUp(
                f"Batch {standing.number}: the entry at {entry.position} is settled and was about to be sent again.",
                _REPORT_IT,
            )
        parts[entry.position] = Part(entry.rows, before.departed)
    return _checked(replace(landed, parts=parts))


def returned(standing: Standing) -> Standing:
    """The request under way surely was not executed: its entries stand where they stood before it."""
    parts = {
        at: part if part.state is part.state.landed else replace(part, state=part.state.landed)
        for at, part in standing.parts.items()
        if part.state.landed is not BatchState.PLANNED
    }
    return replace(standing, state=standing.state.landed, parts=parts)


def unanswered(standing: Standing) -> Standing:
    """The answer never came: whatever was under way is unknown."""
    state = BatchState.UNKNOWN if standing.state.is_under_way else standing.state
    parts = {
        at: replace(part, state=BatchState.UNKNOWN) if part.state.is_under_way else part
        for at, part in standing.parts.items()
    }
    # Where the batch as a whole is unknown, entries need not say so themselves.
    if state is BatchState.UNKNOWN:
        parts = {at: part for at, part in parts.items() if part.state is not state}
    return replace(standing, state=state, parts=parts)


def piece(
    standing: Standing,
    *,
    accepted: Iterable[EntryRef] = (),
    refused: Mapping[int, Part] | None = None,
    held: Iterable[EntryRef] = (),
) -> Standing:
    """Some entries of a batch that is taken apart have found their place.

    Raises:
        DoesNotAddUp: they are more rows than the batch has, or one of them was settled otherwise or never sent.
    """
    news = {entry.position: Part(entry.rows, BatchState.ACCEPTED) for entry in accepted}
    news |= {entry.position: Part(entry.rows, BatchState.UNKNOWN) for entry in held}
    news |= refused or {}
    for at, part in news.items():
        known = standing.parts.get(at)
        before = known.state if known else standing.state
        if part.state is BatchState.ACCEPTED and before is BatchState.PLANNED:
            raise DoesNotAddUp(f"Batch {standing.number}: the entry at {at} was accepted and never sent.", _REPORT_IT)
        if before.is_settled and before is not part.state:
            raise DoesNotAddUp(
                f"Batch {standing.number}: the entry at {at} was {before.name.lower()} and now is "
                f"{part.state.name.lower()}.",
                _REPORT_IT,
            )
    return _checked(replace(standing, parts={**standing.parts, **news}))


def settled(
    standing: Standing, verdict: Verdict, *, refused: Mapping[int, Part] | None = None, held: Iterable[EntryRef] = ()
) -> Standing:
    """The whole batch has found its place; what its pieces were told before stays as it was told.

    Under ACCEPTED everything else was acknowledged; under REFUSED nothing else was, so the refused and the held must be
    all there is left; under UNKNOWN the rest is unknown; under UNSENT it goes back to where it stood.

    Raises:
        DoesNotAddUp: the verdict contradicts what is known.
    """
    news = piece(standing, refused=refused, held=held)
    match verdict:
        case Verdict.UNKNOWN:
            return unanswered(news)
        case Verdict.UNSENT:
            return returned(news)
        case Verdict.REFUSED:
            left = sum(part.rows for part in news.parts.values() if part.state.is_under_way)
            left += 0 if news.state.is_settled else news.rest
            if left:
                raise DoesNotAddUp(f"Batch {standing.number} is refused but for {left} rows.", _REPORT_IT)
        case Verdict.ACCEPTED:
            if news.rest and news.state.landed is news.state and not news.state.is_settled:
                raise DoesNotAddUp(
                    f"Batch {standing.number} is accepted, and {news.rest} rows of it are not under way.", _REPORT_IT
                )
    return at_rest(replace(news, state=BatchState.ACCEPTED))


def overtaken(standing: Standing, entries: Iterable[EntryRef]) -> Standing:
    """Unknown entries that are not sent again: a newer row of their record key was accepted.

    Raises:
        DoesNotAddUp: one of them is not unknown.
    """
    parts = dict(standing.parts)
    for entry in entries:
        known = parts.get(entry.position)
        if (known.state if known else standing.state) is not BatchState.UNKNOWN:
            raise DoesNotAddUp(
                f"Batch {standing.number}: the entry at {entry.position} is not unknown and was left out as overtaken.",
                _REPORT_IT,
            )
        parts[entry.position] = Part(entry.rows, BatchState.OVERTAKEN)
    told = _checked(replace(standing, parts=parts))
    return told if told.rest or told.state.is_settled else at_rest(told)


def at_rest(standing: Standing) -> Standing:
    """A batch of which nothing is left to be sent, in the fewest words: its accepted entries are its rest."""
    refused = sum(part.rows for part in standing.parts.values() if part.state is BatchState.REFUSED)
    kept = (BatchState.REFUSED, BatchState.UNKNOWN, BatchState.OVERTAKEN)
    return replace(
        standing,
        state=BatchState.REFUSED if refused == standing.rows else BatchState.ACCEPTED,
        parts={at: part for at, part in standing.parts.items() if part.state in kept},
    )


def after_a_crash(standing: Standing) -> Standing:
    """What a dead process left: what was under way is unknown; a batch whose every entry is told is at rest."""
    told = unanswered(standing)
    return told if told.rest or told.state.is_settled else at_rest(told)


def _checked(standing: Standing) -> Standing:
    if standing.rest < 0:
        raise DoesNotAddUp(
            f"Batch {standing.number} has {standing.rows} rows, and its entries have {-standing.rest} more.", _REPORT_IT
        )
    return standing


_REPORT_IT = "This is a bug of pango-load: please report it with the run's log."
