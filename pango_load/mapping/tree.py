"""A YAML text as a tree that still knows its lines, so that every complaint can name one."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode


class Kind(StrEnum):
    """What YAML 1.2 takes a bare word for."""

    TEXT = "text"
    NULL = "null"
    BOOLEAN = "boolean"
    WHOLE = "whole"
    DECIMAL = "decimal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A word, as it stands in the file: `007` stays `007`."""

    text: str
    kind: Kind
    line: int

    @property
    def is_null(self) -> bool:
        """Whether it is nothing at all."""
        return self.kind is Kind.NULL


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Keys and what they hold, in order; two keys alike are both here."""

    pairs: tuple[tuple[Leaf, Node], ...]
    line: int

    def __contains__(self, key: str) -> bool:
        return any(leaf.text == key for leaf, _ in self.pairs)

    def first(self, key: str) -> Node | None:
        """What the first key of that name holds."""
        return next((node for leaf, node in self.pairs if leaf.text == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Several nodes in order."""

    items: tuple[Node, ...]
    line: int


Node: TypeAlias = Leaf | Branch | Listing


class BrokenYaml(Exception):  # noqa: N818 - it says what the text is
    """A text that is no YAML, or YAML that a mapping cannot be."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


_KINDS = {
    "tag:yaml.org,2002:null": Kind.NULL,
    "tag:yaml.org,2002:bool": Kind.BOOLEAN,
    "tag:yaml.org,2002:int": Kind.WHOLE,
    "tag:yaml.org,2002:float": Kind.DECIMAL,
    "tag:yaml.org,2002:str": Kind.TEXT,
    "tag:yaml.org,2002:timestamp": Kind.TEXT,
    "tag:yaml.org,2002:merge": Kind.TEXT,
    "tag:yaml.org,2002:value": Kind.TEXT,
}

_MERGE = "tag:yaml.org,2002:merge"
_ADVICE = (
    (r"found character '\\t'", "a tab stands where YAML wants spaces; indent with spaces."),
    (r"found character '(.)'", "text that begins with {0} stands in quotes."),
    (
        r"mapping values are not allowed",
        "there is a second colon, or the line stands too far in; quote text with a colon.",
    ),
    (r"could not find expected ':'", "a key without a colon, or a line that stands in the wrong column."),
    (r"expected ',' or '[}\]]'", "a bracket is not closed, or a comma is missing."),
    (r"expected <block end>", "this line stands in another column than its neighbours."),
    (r"unexpected end of stream", "a quote is not closed."),
    (r"but found another document", "a second document begins here (---); a mapping is one document."),
    (r"found undefined alias '?([^']*)'?", "*{0} is used, and no &{0} stands above it."),
    (r"found unknown escape character '(.)'", 'a backslash in "..." is an escape; use single quotes, or \\\\.'),
)


def parse(text: str) -> Node | None:
    """The tree of a YAML text, or None where there is nothing in it.

    Raises:
        BrokenYaml: with the line.
    """
    # YAML forbids control characters, and a tab at the start of a line is the commonest of its traps.
    try:
        root = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as broken:
        mark, opened = broken.problem_mark or broken.context_mark, broken.context_mark
        told = _in_words(str(broken.problem or broken))
        if (
            opened is not None
            and mark is not None
            and opened.line < mark.line
            and ("bracket" in told or "quote" in told)
        ):
            told += f" It opens in line {opened.line + 1}."
        raise BrokenYaml(mark.line + 1 if mark is not None else 1, told) from broken
    except YAMLError as broken:
        raise BrokenYaml(1, _in_words(str(broken).splitlines()[0])) from broken
    return None if root is None else _grow(root, ())


def _in_words(problem: str) -> str:
    for pattern, advice in _ADVICE:
        if found := re.search(pattern, problem):
            return f"this is not YAML: {advice.format(*found.groups())}"
    return f"this is not YAML: {problem}."


def _grow(node: object, above: tuple[int, ...]) -> Node:
    if id(node) in above:
        raise BrokenYaml(_line(node), "an anchor that holds itself.")
    above = (*above, id(node))
    match node:
        case ScalarNode():
            tag = str(node.tag)
            if tag not in _KINDS:
                raise BrokenYaml(_line(node), f"the tag {tag} means nothing in a mapping; leave it out.")
            return Leaf(text=unicodedata.normalize("NFC", str(node.value)), kind=_KINDS[tag], line=_line(node))
        case SequenceNode():
            return Listing(items=tuple(_grow(item, above) for item in node.value), line=_line(node))
        case MappingNode():
            return Branch(pairs=tuple(_pairs(node, above)), line=_line(node))
    raise BrokenYaml(_line(node), "something other than words, lists and keys.")


def _pairs(node: MappingNode, above: tuple[int, ...]) -> list[tuple[Leaf, Node]]:
    own: list[tuple[Leaf, Node]] = []
    merged: list[tuple[Leaf, Node]] = []
    for key, value in node.value:
        name, held = _grow(key, above), _grow(value, above)
        if isinstance(held, Leaf) and held.is_null and not held.text:
            # Where nothing stands behind a key, YAML looks for it in the next line.
            held = replace(held, line=name.line)
        if not isinstance(name, Leaf):
            raise BrokenYaml(name.line, "a key must be a word; quote a key that holds braces or brackets.")
        if str(key.tag) != _MERGE:
            own.append((name, held))
            continue
        for branch in held.items if isinstance(held, Listing) else (held,):
            if not isinstance(branch, Branch):
                raise BrokenYaml(name.line, "<< takes an anchor that holds keys.")
            merged.extend(branch.pairs)
    taken = {leaf.text for leaf, _ in own}
    for leaf, held in merged:
        if leaf.text not in taken:
            taken.add(leaf.text)
            own.append((leaf, held))
    return own


def _line(node: object) -> int:
    mark = getattr(node, "start_mark", None)
    return int(getattr(mark, "line", 0)) + 1
