"""An account's quota as bytes, and back: some kilobytes, whatever was sent."""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING

from pango_load.delivery.quota_account import Account, Holding, Pause
from pango_load.delivery.quota_ring import SIZE, Ring
from pango_load.delivery.quota_terms import Owner

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"PLQ1"
_HEAD = struct.Struct("<4sHHdddddIQ")
_RING = struct.Struct("<dddqqI")
_OWNER = struct.Struct("<QQQQd")


class DamagedQuotaError(Exception):
    """Bytes that are no account."""


def encode(account: Account, *, wall: float, boot: int) -> bytes:
    """The account as bytes.

    Args:
        account: whose `last` is the steady time of writing.
        wall: the same moment in seconds since 1970.
        boot: tells this start of the machine from the one before.
    """
    return b"".join(_parts(account, wall, boot))


def _parts(account: Account, wall: float, boot: int) -> Iterator[bytes]:
    pause = account.pause
    head = (account.last, wall, pause.since, pause.until, account.next_turn, pause.strikes, boot)
    yield _HEAD.pack(MAGIC, len(account.rings), len(account.owners), *head)
    yield struct.pack("<d", account.paced_until)
    for ring in account.rings:
        yield _RING.pack(ring.seconds, ring.ease, ring.eased_at, ring.tail, ring.head, ring.total)
        yield ring.counts.tobytes()
    for owner, holding in account.owners.items():
        yield _OWNER.pack(owner.pid, owner.started, owner.space, owner.serial, holding.beat)
        yield struct.pack(f"<{len(holding.held)}I", *holding.held)


def decode(blob: bytes, account_type: type[Account] = Account) -> tuple[Account, float, int]:
    """(account, wall, boot), as they were given to `encode`.

    Raises:
        DamagedQuotaError: where the bytes do not hold one, or do not agree with themselves.
    """
    try:
        return _decode(memoryview(blob), account_type)
    except (struct.error, ValueError, OverflowError) as wrong:
        raise DamagedQuotaError(str(wrong)) from wrong


def _decode(view: memoryview, account_type: type[Account]) -> tuple[Account, float, int]:
    magic, rings, owners, last, wall, since, until, next_turn, strikes, boot = _HEAD.unpack_from(view)
    if magic != MAGIC:
        raise DamagedQuotaError("not a quota of this version")
    place = _HEAD.size
    (paced_until,) = struct.unpack_from("<d", view, place)
    place += 8
    account = account_type(
        pause=Pause(since=since, until=until, strikes=strikes), next_turn=next_turn, paced_until=paced_until, last=last
    )
    for _ in range(rings):
        seconds, ease, eased_at, tail, head, total = _RING.unpack_from(view, place)
        place += _RING.size
        ring = account.ring_type(seconds)
        ring.ease, ring.eased_at, ring.tail, ring.head, ring.total = ease, eased_at, tail, head, total
        ring.counts = array("I")
        ring.counts.frombytes(view[place : place + SIZE * 4])
        place += SIZE * 4
        _check(ring)
        if total:
            ring.frees = (tail + 1) * ring.width + ring.hold
        account.rings.append(ring)
    for _ in range(owners):
        pid, started, space, serial, beat = _OWNER.unpack_from(view, place)
        place += _OWNER.size
        held = list(struct.unpack_from(f"<{rings}I", view, place))
        place += 4 * rings
        account.owners[Owner(pid, started, space, serial)] = Holding(held, beat)
        for ring, under_way in zip(account.rings, held, strict=True):
            ring.held += under_way
    if place != len(view):
        raise DamagedQuotaError("longer than it says")
    return account, wall, boot


def _check(ring: Ring) -> None:
    if not 0 < ring.ease <= 1 or not ring.seconds > 0 or len(ring.counts) != SIZE or sum(ring.counts) != ring.total:
        raise DamagedQuotaError("counts that do not add up")
    if ring.total and not 0 <= ring.head - ring.tail < SIZE:
        raise DamagedQuotaError("slices out of order")
