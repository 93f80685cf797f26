"""One account's quota: what is charged to each window, by whom, and how a 429 is answered. No I/O, no clock.

The rule that everything rests on: a request is charged to every window from the moment it is *sent* until its answer
has come, and for one window length after that. The platform saw it somewhere between the two, so if a request B is sent
when A is no longer charged, the platform sees B at least one window after A, whatever the network did. At most `limit`
requests are charged at any time, so no interval of the window's length holds more at the platform; and a sliding window
that holds implies fixed windows (wherever they begin) and token buckets that hold too.

Times are steady seconds, given by the caller. Every method is one critical section: callers that share an account
(`quota_store`) run one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import floor, inf, isfinite
from typing import TYPE_CHECKING, ClassVar

from pango_load.delivery.quota_ring import Ring
from pango_load.delivery.quota_terms import REFUND_FROM, SLACK, Block, Owner, Permit, Reason, Terms

if TYPE_CHECKING:
    from pango_load.plan import Window

SURE_OF_PAUSE = 1.0
"""Seconds added to what the platform asks for, whose value may be rounded down to whole seconds."""

PATIENCE = 1.8
"""Seconds after which a very slow platform has seen a request; 50 / (1 + 1.8) still exceeds 1000 / 60."""

JITTER = 0.25
LONGEST_GUESS = 60.0
LEAST_EASE = 1 / 20
EASE = 0.9
DEEPEST = 0.5
"""One episode takes no more than half: after a few pauses in a row our own count is low and says little."""

EASE_STEP = 0.02


@dataclass(slots=True)
class Holding:
    """What one owner has under way.

    Attributes:
        held: requests under way, in step with `Account.rings`.
        beat: when it was last heard of, steady seconds.
    """

    held: list[int]
    beat: float


@dataclass(slots=True)
class Pause:
    """What the platform said last.

    Attributes:
        since: when the latest pause began; requests sent before it belong to the same episode.
        until: when it ends.
        strikes: episodes in a row, without a request answered between them.
    """

    since: float = -inf
    until: float = -inf
    strikes: int = 0


@dataclass(slots=True)
class Account:
    """Everything that processes of one account must agree on."""

    ring_type: ClassVar[type[Ring]] = Ring

    rings: list[Ring] = field(default_factory=list)
    owners: dict[Owner, Holding] = field(default_factory=dict)
    pause: Pause = field(default_factory=Pause)
    next_turn: float = -inf
    paced_until: float = -inf
    last: float = -inf
    _known: tuple[Terms, list[tuple[Ring, Window, int]]] | None = None

    # --- windows and owners -------------------------------------------------------------------------------------------

    def ring(self, window: Window) -> Ring:
        """The ring of `window`; a window not known yet begins with what the next longer one remembers."""
        for ring in self.rings:
            if ring.seconds == window.seconds:
                return ring
        made = self.ring_type(window.seconds)
        longer = min(
            (ring for ring in self.rings if ring.seconds > window.seconds), key=lambda r: r.seconds, default=None
        )
        known = longer or max(self.rings, key=lambda ring: ring.seconds, default=None)
        if known is not None:
            for leaves, amount in known.slices():
                made.add(min(self.last, leaves - known.hold), self.last, amount)
            made.held = known.held
        place = self.rings.index(known) if known is not None else 0
        self.rings.append(made)
        for holding in self.owners.values():
            holding.held.append(holding.held[place] if known is not None else 0)
        return made

    def holding(self, owner: Owner, now: float) -> Holding:
        """What `owner` has under way."""
        found = self.owners.get(owner)
        if found is None:
            found = self.owners[owner] = Holding([0] * len(self.rings), now)
        found.beat = now
        return found

    def bury(self, owner: Owner, now: float) -> None:
        """A process has gone: what it had under way may have arrived, and counts as answered now."""
        holding = self.owners.pop(owner, None)
        if holding is None:
            return
        for ring, held in zip(self.rings, holding.held, strict=True):
            if held:
                ring.held -= held
                ring.add(now, now, held)

    def shift(self, seconds: float) -> None:
        """The steady clock began anew: move every time by `seconds`."""
        for ring in self.rings:
            ring.shift(seconds)
            ring.eased_at += seconds
        for holding in self.owners.values():
            holding.beat += seconds
        self.pause.since += seconds
        self.pause.until += seconds
        self.next_turn += seconds
        self.paced_until += seconds
        self.last += seconds

    def forget(self) -> None:
        """Begin with full windows, as after `pango-load quota --reset`; what is under way stays charged."""
        for ring in self.rings:
            ring.clear()
            ring.ease = 1.0
        self.pause = Pause()
        self.next_turn = self.paced_until = -inf

    # --- giving -------------------------------------------------------------------------------------------------------

    def take(self, now: float, want: int, owner: Owner, terms: Terms) -> int:
        """Charge up to `want` requests that are sent now; how many may be."""
        self.last = now
        if now < self.pause.until:
            return 0
        self._grow(now)
        for ring, window, limit in self._mine(terms):
            if ring.frees <= now:
                ring.expire(now)
            room = (limit if ring.ease == 1.0 else _eased(ring, window, limit)) - ring.total - ring.held
            if room < want:
                want = room
                if room <= 0:
                    return 0
        gap = self._gap(now, terms)
        if gap:
            turn = max(self.next_turn, now)
            want = min(want, int((now + terms.credit - turn) / gap + 1 + SLACK))
            if want <= 0:
                return 0
            self.next_turn = turn + want * gap
        holding = self.holding(owner, now)
        for place, ring in enumerate(self.rings):
            ring.held += want
            holding.held[place] += want
        return want

    def block(self, now: float, terms: Terms) -> Block | None:
        """What the next permit waits for; None where it can be given now."""
        if now < self.pause.until:
            return Block(self.pause.until, Reason.PAUSE)
        self._grow(now)
        found: Block | None = None
        for ring, window, limit in self._mine(terms):
            ring.expire(now)
            too_many = ring.total + ring.held - _eased(ring, window, limit) + 1
            if too_many <= 0:
                continue
            if too_many > ring.total:
                found = found if found and found.until == inf else Block(inf, Reason.ANSWERS, window)
                continue
            until = ring.free_at(too_many)
            if found is None or until > found.until:
                found = Block(until, Reason.WINDOW, window)
        if found is None and (gap := self._gap(now, terms)):
            turn = max(self.next_turn, now) - terms.credit
            if (now - turn) / gap + 1 + SLACK < 1:
                found = Block(turn, Reason.PACE)
        return found

    def limits(self, now: float, terms: Terms) -> tuple[int, ...]:
        """What `terms` may use of each window now, after the platform's complaints."""
        self._grow(now)
        for ring in self.rings:
            ring.expire(now)
        return tuple(_eased(ring, window, limit) for ring, window, limit in self._mine(terms))

    def _mine(self, terms: Terms) -> list[tuple[Ring, Window, int]]:
        """The rings of `terms`; looked up once for the terms that are asked with again and again."""
        if self._known is None or self._known[0] is not terms:
            pairs = zip(terms.windows, terms.limits, strict=True)
            self._known = (terms, [(self.ring(window), window, limit) for window, limit in pairs])
        return self._known[1]

    def _gap(self, now: float, terms: Terms) -> float:
        if now < self.paced_until:
            return max(terms.gap, terms.eased_gap)
        return terms.gap

    def _grow(self, now: float) -> None:
        """Let windows that were eased grow back, by 2 % of the limit for every quiet spell."""
        for ring in self.rings:
            if ring.ease < 1:
                spell = _spell(ring)
                steps = floor((now - ring.eased_at) / spell)
                if steps > 0:
                    ring.ease = min(1.0, ring.ease + EASE_STEP * steps)
                    ring.eased_at += steps * spell
                self.paced_until = max(self.paced_until, now + (2 * spell if ring.ease == 1 else spell))

    # --- settling -----------------------------------------------------------------------------------------------------

    def answered(self, at: float, now: float, owner: Owner, permit: Permit) -> None:
        """The request was answered at `at`, or given up: one window length from then it is no longer charged."""
        for ring in self._release(owner, permit):
            ring.add(at, now)
        if self.pause.strikes and permit.sent >= self.pause.until:
            self.pause.strikes = 0

    def never_sent(self, owner: Owner, permit: Permit) -> None:
        """The request did not leave this machine: it is not charged at all."""
        self._release(owner, permit)

    def limited(
        self, at: float, now: float, owner: Owner, permit: Permit, *, asked: float | None, draw: float, terms: Terms
    ) -> None:
        """The platform answered 429 and asked for `asked` seconds (None: it did not say); `draw` is random in 0..1."""
        asked = _usable(asked, terms)
        first = permit.sent > self.pause.since
        if first:
            self._ease(now, asked or 0.0, terms)
            self.pause.strikes += 1
        for ring in self._release(owner, permit):
            if ring.seconds < REFUND_FROM:
                ring.add(at, now)
        if asked is not None:
            self.pause.until = max(self.pause.until, at + asked + SURE_OF_PAUSE + JITTER * draw)
        elif first:
            most = min(LONGEST_GUESS, 2.0 ** min(self.pause.strikes - 1, 10))
            self.pause.until = max(self.pause.until, at + max(0.2, most * draw))
        if first:
            self.pause.since = now

    def _ease(self, now: float, asked: float, terms: Terms) -> None:
        """Somebody else spends the account: use less of the window that needs the least foreign traffic to be full."""
        choices = [window for window in terms.windows if window.seconds >= asked]
        if not choices:
            return
        window = max(choices, key=lambda window: self._own(window) / window.limit)
        ring = self.ring(window)
        ring.ease = max(LEAST_EASE, DEEPEST * ring.ease, EASE * min(ring.ease, self._own(window) / window.limit))
        ring.eased_at = now
        self.paced_until = max(self.paced_until, now + _spell(ring))

    def _own(self, window: Window) -> int:
        ring = self.ring(window)
        return ring.total + ring.held

    def _release(self, owner: Owner, permit: Permit) -> list[Ring]:
        """Give back what `permit` holds; the rings that counted it as under way."""
        holding = self.owners.get(owner)
        if holding is None:
            return []
        held, aged, found = holding.held, permit.aged, []
        for place, ring in enumerate(self.rings):
            if held[place] > 0 and ring.seconds not in aged:
                held[place] -= 1
                ring.held -= 1
                found.append(ring)
        return found

    def age(self, now: float, owner: Owner, permit: Permit, *, quickest: float) -> None:
        """A very slow platform: where every answer takes `quickest` seconds, it saw a request long before.

        A window counts it as answered after 1.8 s or 3 % of the window, the longer one, if `quickest` is longer still.
        """
        holding = self.holding(owner, now)
        for place, ring in enumerate(self.rings):
            patience = max(PATIENCE, 0.03 * ring.seconds)
            at = permit.sent + patience
            if patience < quickest and at <= now and ring.seconds not in permit.aged and holding.held[place] > 0:
                permit.aged += (ring.seconds,)
                ring.held -= 1
                holding.held[place] -= 1
                ring.add(at, now)


def _eased(ring: Ring, window: Window, limit: int) -> int:
    """What may be used of a window that the platform complained about."""
    return limit if ring.ease == 1 else max(1, min(limit, floor(ring.ease * window.limit)))


def _spell(ring: Ring) -> float:
    """Quiet seconds after which an eased window may grow: its length, but a day's window cannot wait for days."""
    return min(max(ring.seconds, 5.0), 300.0)


def _usable(asked: float | None, terms: Terms) -> float | None:
    """What the platform asks for, unless it makes no sense: not a number, negative, or longer than any window."""
    if asked is None or not isfinite(asked) or asked < 0:
        return None
    longest = max((window.seconds for window in terms.windows), default=86400.0)
    return asked if asked <= longest * 1.05 + 60 else None
