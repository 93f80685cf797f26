"""Delivery against the project's own stand-in, which was written without a look at it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from support.delivery_record import ACCEPTED, HELD, REFUSED, StrictRecord, make_batches

from pango_load.clock import SystemClock
from pango_load.delivery.client import IngestClient
from pango_load.delivery.limiter import Limiter
from pango_load.delivery.pauses import Pauses
from pango_load.delivery.sender import deliver
from pango_load.delivery.stop import StopRequest
from pango_load.plan import DeliveryOptions, Endpoint, OnUnknown
from pango_load.sandbox.faults import Fault, FaultKind
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pango_load.records import Batch

PASSING = (
    FaultKind.UNAUTHORIZED, FaultKind.TIMEOUT, FaultKind.CONFLICT, FaultKind.LIMITED, FaultKind.SERVER_ERROR,
    FaultKind.BAD_GATEWAY, FaultKind.UNAVAILABLE, FaultKind.GATEWAY_TIMEOUT, FaultKind.RESET, FaultKind.CLOSE,
    FaultKind.HANG, FaultKind.HALF, FaultKind.ENDLESS, FaultKind.HUGE, FaultKind.SLOW,
)  # fmt: skip
"""Faults that pass by themselves."""


@dataclass(frozen=True, slots=True)
class Frame:
    prefix: bytes = b'{"objectType":"customer-identity","source":"CRM","entries":['
    suffix: bytes = b"]}"


async def load(sandbox: Sandbox, batches: list[Batch], record: StrictRecord, policy: OnUnknown) -> None:
    clock = SystemClock()
    client = IngestClient(
        endpoint=Endpoint(auth_url=sandbox.auth_url, ingest_url=sandbox.ingest_url),
        credentials=sandbox.credentials,
        frame=Frame(),
        read_timeout=1.0,
    )
    await deliver(
        iter(batches),
        client=client,
        limiter=Limiter((), clock=clock),
        recorder=record,
        options=DeliveryOptions(senders=6, windows=(), read_timeout=1.0, give_up_after=60, on_unknown=policy),
        clock=clock,
        stop=StopRequest(),
        pauses=Pauses(first=0.01, least=0.005, longest=0.1, probe=0.01),
    )


def meet(seed: int, count: int, policy: OnUnknown) -> None:
    dice = random.Random(seed)
    bad = {dice.randrange(count * 20) for _ in range(count // 4)}

    def refuse(entry: Mapping[str, object]) -> str | None:
        return f"{entry['customerId']} is bad" if entry["n"] in bad else None

    settings = SandboxSettings(
        windows=(),
        faults=tuple(Fault(kind=kind, probability=0.004, seconds=0.05) for kind in PASSING),
        token_seconds=2.0,
        seed=seed,
        validate=False,
        refuse_entry=refuse,
    )
    batches = make_batches(count, size=20)
    record = StrictRecord(batches)

    with Sandbox(settings) as sandbox:
        asyncio.run(load(sandbox, batches, record, policy))
        taken = Counter(int(str(entry["n"])) for entry in sandbox.accepted_entries)

    everything = set(range(count * 20))
    assert record.positions(ACCEPTED, REFUSED, HELD) == everything
    assert record.positions(ACCEPTED) <= set(taken)
    assert not bad & set(taken)
    match policy:
        case OnUnknown.RESEND:
            assert record.positions(REFUSED) == bad
        case OnUnknown.HOLD:
            assert record.positions(REFUSED) <= bad
            assert max(taken.values()) == 1
            assert set(taken) - record.positions(ACCEPTED) <= record.positions(HELD)


@pytest.mark.parametrize("policy", list(OnUnknown))
def test_a_load_into_a_faulty_sandbox_balances(policy: OnUnknown) -> None:
    """Protects the totals, over real sockets: every entry in one place, and none twice where nothing is repeated."""
    meet(1, 40, policy)


@pytest.mark.heavy
@pytest.mark.parametrize("policy", list(OnUnknown))
@pytest.mark.parametrize("seed", range(2, 22))
def test_many_loads_into_a_faulty_sandbox_balance(seed: int, policy: OnUnknown) -> None:
    """The claim above for twenty seeds and longer loads."""
    meet(seed, 120, policy)
