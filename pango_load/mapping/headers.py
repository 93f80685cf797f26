"""The headers of a file, and how a mapping's words find them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pango_load.mapping.mistakes import nearest
from pango_load.mapping.names import trimmed
from pango_load.records import MARK_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Found:
    """The header that a word means.

    Attributes:
        header: as the file has it; None where there is none, or more than one.
        mistake: why there is none.
        warning: what a person should know about the match.
    """

    header: str | None
    mistake: str = ""
    warning: str = ""


class Headers:
    """The headers of one file, without the columns that an earlier run's reject file added."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(name for name in names if name not in MARK_COLUMNS)

    def find(self, wanted: str) -> Found:
        """The header called `wanted`: as it stands, then trimmed and in NFC, then without regard to case."""
        if wanted in self.names:
            return Found(wanted)
        same = [name for name in self.names if trimmed(name) == trimmed(wanted)]
        if len(same) == 1:
            return Found(same[0])
        alike = same or [name for name in self.names if trimmed(name).casefold() == trimmed(wanted).casefold()]
        match alike:
            case [header]:
                return Found(
                    header, warning=f'the file writes it "{trimmed(header)}"; they are taken as the same column.'
                )
            case []:
                near = nearest(wanted, self.names)
                did_you = f' Did you mean "{trimmed(near)}"?' if near is not None else ""
                return Found(None, mistake=f"the file has no column of this name.{did_you}")
            case _:
                return Found(
                    None, mistake=f"the file has {len(alike)} columns that could be meant: {', '.join(alike)}."
                )

    def drift(self, expected: Sequence[str]) -> tuple[list[str], list[str]]:
        """What became of the headers that a mapping was written for.

        Returns:
            What stops the load (missing, renamed, moved), and the columns that are new.
        """
        wanted = list(dict.fromkeys(trimmed(name) for name in expected))
        present = list(dict.fromkeys(trimmed(name) for name in self.names))
        missing = [name for name in wanted if name not in present]
        new = [name for name in present if name not in wanted]
        changes: list[str] = []
        for name in missing:
            twin = nearest(name, new) or self._stand_in(name, wanted, present, new)
            if twin is None:
                changes.append(f'the file lacks the column "{name}".')
                continue
            new.remove(twin)
            changes.append(f'the file lacks the column "{name}"; it was probably renamed to "{twin}".')
        kept_before = [name for name in wanted if name in present]
        kept_now = [name for name in present if name in wanted]
        if kept_before != kept_now:
            first, now = next(pair for pair in zip(kept_before, kept_now, strict=True) if pair[0] != pair[1])
            changes.append(f'the columns stand in another order: "{now}" where "{first}" stood.')
        return changes, new

    @staticmethod
    def _stand_in(name: str, wanted: list[str], present: list[str], new: list[str]) -> str | None:
        """The new column that stands exactly where `name` stood, in a file of as many columns."""
        place = wanted.index(name)
        same_width = len(wanted) == len(present)
        return present[place] if same_width and present[place] in new else None
