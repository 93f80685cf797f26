"""How a refused batch is taken apart at few requests: which entries are to be sent together next.

The bold strategy of quota.md, 2.2: twice the first bad entry is searched for by halves, and all that was left aside is
sent as one in between; after that come groups of seven, then single entries. Where the platform's words name entries,
those are set aside first. Every entry that is rejected was refused when it was sent alone: nothing is inferred.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pango_load.records import Batch

Piece = tuple[int, ...]
"""Indices of entries that are sent together, in the batch's order."""


def entries_of(batch: Batch, piece: Piece) -> Sequence[bytes]:
    """What a piece of `batch` carries."""
    return batch.entries if len(piece) == len(batch.entries) else [batch.entries[index] for index in piece]


SEARCHES = 2
GROUP = 7
TRUSTED_HINTS = 10
PROBES = 5
"""So many single entries refused with one code, and none accepted, make a batch look refused as a whole; all of them in
a batch of at most 12."""
SMALL = 12
FEW = 3
SUSPICIOUS = 2
"""So many refused before anything was accepted make it worth while to ask whether everything is refused."""


@dataclass(frozen=True, slots=True)
class _Part:
    indices: Piece
    is_bad: bool
    """Something in it is known to be refused: it is not worth sending as it is."""


@dataclass(slots=True)
class Narrowing:
    """A batch that was refused as a whole, on its way to the entries that are to blame.

    Ask `next_piece()`, send it, tell what became of it, until there is no next piece.

    Args:
        indices: the entries that were refused together.
        named: those that the platform's words seem to mean.
        probe: first send single entries from different places: the batch may be refused for reasons that no entry is
            to blame for.
        is_refused: False where nothing was sent yet, and the batch is cut only because of its size.
        largest: no piece may be larger.
    """

    indices: Piece
    named: Collection[int] = ()
    probe: bool = False
    is_refused: bool = True
    largest: int | None = None
    refused: dict[int, str] = field(default_factory=dict, init=False)
    accepted: int = field(default=0, init=False)
    _parts: deque[_Part] = field(default_factory=deque, init=False)
    _rest: list[int] = field(default_factory=list, init=False)
    _searches: int = field(default=1, init=False)
    _hints: int = field(default=TRUSTED_HINTS, init=False)
    _probes: Piece = field(default=(), init=False)

    def __post_init__(self) -> None:
        whole = self.indices
        if not self.is_refused:
            self._searches = 0
            self._parts.append(_Part(whole, is_bad=False))
        elif self.probe and not 0 < len(self.named) < len(whole):
            self._ask_singly(whole)
        else:
            self._take_apart(whole, self.named)

    @property
    def is_alike(self) -> bool:
        """Whether single entries from different places were all refused with one code, and nothing was accepted.

        Then the load is to blame. Entries that a search has found, or the platform has named, prove nothing.
        """
        codes = [self.refused.get(index) for index in self._probes]
        return self.accepted == 0 and len(codes) >= FEW and None not in codes and len(set(codes)) == 1

    def next_piece(self) -> Piece | None:
        """The entries to send together next; None when every entry has been told of."""
        while True:
            if not self._parts:
                if not self._rest:
                    return None
                self._parts.append(_Part(tuple(sorted(self._rest)), is_bad=False))
                self._rest = []
            part = self._parts[0]
            if len(part.indices) == 1:
                return part.indices
            if not part.is_bad:
                if self.largest is None or len(part.indices) <= self.largest:
                    return part.indices
                self._replace([_Part(some, is_bad=False) for some in _cut(part.indices, self.largest)])
            elif self._searches > SEARCHES:
                size = GROUP if len(part.indices) > GROUP else 1
                self._replace([_Part(some, is_bad=False) for some in _cut(part.indices, size)])
            else:
                half = len(part.indices) // 2
                return part.indices[: min(half, self.largest or half)]

    def tell_accepted(self, piece: Piece) -> None:
        """`piece` was accepted: what is left of a bad part holds the bad entry."""
        self.accepted += len(piece)
        self._leave(piece, others_are_bad=True)

    def tell_refused(self, piece: Piece, code: str, named: Collection[int] = ()) -> None:
        """`piece` was refused, with `code`; `named` are indices that the words seem to mean."""
        part = self._parts[0]
        if len(piece) == 1:
            self.refused[piece[0]] = code
            self._leave(piece, others_are_bad=False)
            return
        if part.is_bad:
            self._rest.extend(index for index in part.indices if index not in piece)
        else:
            self._searches += 1
        self._parts.popleft()
        self._take_apart(piece, named)

    def tell_too_large_alone(self, piece: Piece, code: str) -> None:
        """`piece`, one entry, was refused for its size, with `code`.

        Where nothing was accepted yet, entries from all over the batch go next: one long row is to blame for itself,
        but when several are too large even alone, the batch is refused as a whole, whatever that is called.
        """
        is_first = self.accepted == 0 and not self._probes
        self.tell_refused(piece, code)
        if not is_first:
            return
        left = [*(index for part in self._parts for index in part.indices), *self._rest]
        self._parts.clear()
        self._rest = []
        if left:
            self._ask_singly(tuple(sorted(left)), are_bad=False)
        self._probes = tuple(sorted({*self._probes, *piece}))

    def tell_partly(self, piece: Piece, refused: Mapping[int, str]) -> None:
        """`piece` was accepted but for `refused`, which the platform listed with their codes."""
        self.accepted += len(piece) - len(refused)
        self.refused.update(refused)
        self._leave(piece, others_are_bad=False)

    def tell_held(self, piece: Piece) -> None:
        """Nobody knows what became of `piece`, and it is not sent again."""
        self._leave(piece, others_are_bad=False)

    def tell_too_large(self, piece: Piece) -> None:
        """`piece` was not looked at because of its size: no blame, only smaller pieces from now on."""
        self.largest = max(1, len(piece) // 2)
        part = self._parts.popleft()
        others = tuple(index for index in part.indices if index not in piece)
        if others:
            self._parts.appendleft(_Part(others, is_bad=False))
        self._parts.extendleft(_Part(some, is_bad=False) for some in reversed(_cut(piece, self.largest)))

    def _ask_singly(self, piece: Piece, *, are_bad: bool = True) -> None:
        """Send some entries alone: all of a small batch, else a few from all over it.

        Args:
            piece: entries that are still to be told of.
            are_bad: whether something in them is known to be refused.
        """
        last, chosen = len(piece) - 1, set(piece)
        if len(piece) > SMALL:
            chosen = {piece[at * last // (PROBES - 1)] for at in range(PROBES)}
        self._probes = tuple(sorted(chosen))
        others = tuple(index for index in piece if index not in chosen)
        if others:
            self._parts.appendleft(_Part(others, is_bad=are_bad))
        self._parts.extendleft(_Part((index,), is_bad=False) for index in reversed(self._probes))

    def _take_apart(self, piece: Piece, named: Collection[int]) -> None:
        enough = SUSPICIOUS if self._hints == TRUSTED_HINTS else 2 * SUSPICIOUS
        if self.accepted == 0 and len(self.refused) >= enough and not self._probes:
            self._ask_singly(piece)
            return
        suspects = tuple(index for index in piece if index in named)
        if self._hints and 0 < len(suspects) < len(piece):
            self._hints -= 1
            innocent = tuple(index for index in piece if index not in suspects)
            # Named entries go out alone as well: their index may be counted from 1, and a row is rejected only by
            # its own refusal.
            size = 1 if len(suspects) <= FEW or self._hints == 0 else len(suspects)
            parts = [*(_Part(some, is_bad=False) for some in _cut(suspects, size)), _Part(innocent, is_bad=False)]
            self._parts.extendleft(reversed(parts))
            return
        self._parts.appendleft(_Part(piece, is_bad=True))

    def _leave(self, piece: Piece, *, others_are_bad: bool) -> None:
        part = self._parts.popleft()
        others = tuple(index for index in part.indices if index not in piece)
        if not others:
            return
        if others_are_bad:
            self._parts.appendleft(_Part(others, is_bad=True))
        else:
            self._rest.extend(others)

    def _replace(self, parts: Sequence[_Part]) -> None:
        self._parts.popleft()
        self._parts.extendleft(reversed(parts))


def _cut(indices: Piece, size: int) -> list[Piece]:
    return [indices[at : at + size] for at in range(0, len(indices), size)]
