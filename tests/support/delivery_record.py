"""A recorder that believes nothing: it keeps where every entry stands and refuses steps that cannot be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from pango_load.records import Batch, EntryRef, Outcome, PlannedBatch, RefusedEntry, Verdict

OPEN, SENT, DOUBT, ACCEPTED, REFUSED, HELD = "open", "sent", "doubt", "accepted", "refused", "held"


@dataclass(slots=True)
class StrictRecord:
    """Remembers in memory; every step takes a turn of the loop, or `pause` seconds.

    Attributes:
        states: batch -> position -> where the entry stands.
        log: every step, in order.
        fail_at: number of the step that raises.
    """

    batches: list[Batch]
    fail_at: int | None = None
    pause: float = 0.0
    states: dict[int, dict[int, str]] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    log: list[tuple[str, int]] = field(default_factory=list)
    _doubted: dict[int, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for batch in self.batches:
            done = set(batch.plan.done)
            self.states[batch.number] = {ref.position: ACCEPTED if ref.position in done else OPEN for ref in batch.refs}
            self._doubted[batch.number] = set()

    async def _step(self, name: str, number: int) -> None:
        if self.fail_at is not None and len(self.log) >= self.fail_at:
            raise OSError(28, "No space left on device")
        self.log.append((name, number))
        await asyncio.sleep(self.pause)

    async def sending(self, number: int, entries: tuple[EntryRef, ...] | None = None) -> None:
        assert number not in self.outcomes, "a settled batch is sent again"
        states = self.states[number]
        assert SENT not in states.values(), "two requests for one batch at once"
        positions = [entry.position for entry in entries] if entries is not None else list(states)
        for position in positions:
            assert states[position] in {OPEN, DOUBT}, f"entry {position} is {states[position]} and sent again"
        await self._step("sending", number)
        for position in positions:
            states[position] = SENT

    async def unanswered(self, number: int) -> None:
        await self._step("unanswered", number)
        for position, state in self.states[number].items():
            if state == SENT:
                self.states[number][position] = DOUBT
                self._doubted[number].add(position)

    async def returned(self, number: int) -> None:
        await self._step("returned", number)
        for position, state in self.states[number].items():
            if state == SENT:
                self.states[number][position] = DOUBT if position in self._doubted[number] else OPEN

    async def piece(
        self,
        number: int,
        *,
        accepted: tuple[EntryRef, ...] = (),
        refused: tuple[RefusedEntry, ...] = (),
        held: tuple[EntryRef, ...] = (),
    ) -> None:
        await self._step("piece", number)
        states = self.states[number]
        for entry in accepted:
            assert states[entry.position] == SENT, f"accepted, but {states[entry.position]}"
            states[entry.position] = ACCEPTED
        for refusal in refused:
            assert states[refusal.position] in {SENT, OPEN, DOUBT}
            states[refusal.position] = REFUSED
        for entry in held:
            assert states[entry.position] in {SENT, DOUBT}
            states[entry.position] = HELD

    async def settled(self, outcome: Outcome) -> None:
        assert outcome.batch not in self.outcomes, "settled twice"
        await self._step("settled", outcome.batch)
        states = self.states[outcome.batch]
        for refusal in outcome.refused:
            assert states[refusal.position] in {SENT, OPEN, DOUBT, REFUSED}
            states[refusal.position] = REFUSED
        for entry in outcome.held:
            states[entry.position] = HELD
        rest = [position for position, state in states.items() if state in {SENT, OPEN, DOUBT}]
        match outcome.verdict:
            case Verdict.ACCEPTED:
                assert all(states[position] == SENT for position in rest), "accepted without being sent"
                states.update(dict.fromkeys(rest, ACCEPTED))
            case Verdict.REFUSED | Verdict.UNKNOWN:
                assert not rest, f"{outcome.verdict} leaves {rest}"
            case _:
                raise AssertionError(outcome.verdict)
        self.outcomes[outcome.batch] = outcome

    def positions(self, *wanted: str) -> set[int]:
        """The positions of all entries that stand in one of `wanted`."""
        return {at for states in self.states.values() for at, state in states.items() if state in wanted}


def make_batches(
    count: int,
    *,
    size: int = 4,
    after: dict[int, tuple[int, ...]] | None = None,
    done: dict[int, tuple[int, ...]] | None = None,
) -> list[Batch]:
    """`count` batches of `size` entries; entry n is `{"customerId":"C-000n","note":"..."}`."""
    batches = []
    for number in range(count):
        positions = range(number * size, (number + 1) * size)
        plan = PlannedBatch(
            number=number,
            first=positions[0],
            last=positions[-1],
            entries=size,
            rows=size,
            after=(after or {}).get(number, ()),
            done=(done or {}).get(number, ()),
        )
        entries = tuple(f'{{"customerId":"C-{at:06d}","n":{at}}}'.encode() for at in positions)
        batches.append(Batch(plan=plan, entries=entries, refs=tuple(EntryRef(at) for at in positions)))
    return batches
