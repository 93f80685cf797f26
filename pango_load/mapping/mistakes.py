"""Every mistake of a mapping, gathered before anything is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pango_load.mapping.names import in_words, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NEAR = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing wrong with a mapping: where, and what."""

    line: int
    keys: tuple[str, ...]
    text: str

    def told(self, place: str) -> str:
        """The sentence: `mappings/x.yaml, line 12, columns > Sex: ...`."""
        spots = [place, *([f"line {self.line}"] if self.line else []), *([" > ".join(self.keys)] if self.keys else [])]
        return f"{', '.join(spots)}: {self.text}"


@dataclass(slots=True)
class Findings:
    """What was found while a mapping was read: mistakes stop the load, warnings are shown."""

    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)

    def mistake(self, line: int, keys: Sequence[str], text: str) -> None:
        """Note something that stops the load."""
        self.mistakes.append(Mistake(line=line, keys=tuple(keys), text=text))

    def warning(self, line: int, keys: Sequence[str], text: str) -> None:
        """Note something that a person should see before sending."""
        self.warnings.append(Mistake(line=line, keys=tuple(keys), text=text))


def tell(findings: Iterable[Mistake], place: str) -> tuple[str, ...]:
    """The sentences in the order of the file; what has no line stands last."""
    return tuple(found.told(place) for found in sorted(findings, key=lambda found: found.line or 10**9))


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that `word` was most likely meant to be, or None where none is near."""
    from rapidfuzz import fuzz  # only where something is wrong

    wanted, words = plain(word), in_words(word)
    scored = (
        (max(fuzz.ratio(wanted, plain(choice)), fuzz.token_sort_ratio(words, in_words(choice))), choice)
        for choice in choices
    )
    score, choice = max(scored, key=lambda pair: pair[0], default=(0.0, ""))
    return choice if score >= _NEAR else None


def suggestion(word: str, choices: Iterable[str]) -> str:
    """` Did you mean "x"?`, or nothing."""
    found = nearest(word, choices)
    return f' Did you mean "{found}"?' if found is not None else ""


def listed(words: Iterable[str]) -> str:
    """`a, b or c`."""
    all_words = list(words)
    return " or ".join(filter(None, [", ".join(all_words[:-1]), *all_words[-1:]]))
