"""What exports call Pango's fields and words, read from `synonyms.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.mapping.names import in_marked_words, in_words
from pango_load.mapping.tree import Branch, Leaf, Listing, Node, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE = Path(__file__).with_name("synonyms.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Synonyms:
    """What columns and cells are called, in lower case and with one space between words.

    Attributes:
        fields: the names of each field with their diacritics (`in_marked_words`), and the place of each in the list:
            the first is the surest.
        ranks: for each field, its place in the list of its concept: 0 is taken first.
        vague: names that mean their field only as the whole name of a column, without diacritics, as are:
        junk: names of columns that carry nothing of their own.
        words: what exports write for each documented word.
    """

    fields: Mapping[str, Mapping[str, int]]
    ranks: Mapping[str, int]
    vague: frozenset[str]
    junk: frozenset[str]
    words: Mapping[str, frozenset[str]]

    def word_for(self, cell: str, words: tuple[str, ...]) -> str | None:
        """The documented word among `words` that a cell means."""
        plain = in_words(cell)
        own = next((word for word in words if word.casefold() == cell.casefold().strip()), None)
        return own or next((word for word in words if plain in self.words.get(word, ())), None)


@cache
def names_of(field: str, *, marked: bool) -> Mapping[str, int]:
    """Every name that a column of `field` may have, with its place; `marked` keeps the diacritics."""
    names = {in_words(field): 0, **known_synonyms().fields.get(field, {})}
    return names if marked else {in_words(name): place for name, place in reversed(names.items())}


@cache
def known_synonyms() -> Synonyms:
    """The synonyms that come with the program."""
    root = parse(_FILE.read_text(encoding="utf-8"))
    fields: dict[str, dict[str, int]] = {}
    ranks: dict[str, int] = {}
    concepts = _branch(root).first("concepts")
    for concept in concepts.items if isinstance(concepts, Listing) else ():
        names = [in_marked_words(text) for text in _texts(_branch(concept).first("words"))]
        for rank, field in enumerate(_texts(_branch(concept).first("fields"))):
            own = fields.setdefault(field, {})
            own.update({name: place for place, name in enumerate(names) if name not in own})
            ranks[field] = rank
    words = _branch(_branch(root).first("words"))
    return Synonyms(
        fields=fields,
        ranks=ranks,
        vague=_words(_branch(root).first("vague")),
        junk=_words(_branch(root).first("junk")),
        words={leaf.text: _words(node) for leaf, node in words.pairs},
    )


def _branch(node: Node | None) -> Branch:
    return node if isinstance(node, Branch) else Branch(pairs=(), line=0)


def _texts(node: Node | None) -> tuple[str, ...]:
    return tuple(item.text for item in node.items if isinstance(item, Leaf)) if isinstance(node, Listing) else ()


def _words(node: Node | None) -> frozenset[str]:
    return frozenset(in_words(text) for text in _texts(node))
