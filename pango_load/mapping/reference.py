"""The tables of keys in a page, from the language: `python -m pango_load.mapping.reference docs/mapping.md`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pango_load.mapping.schema import mapping_schema
from pango_load.mapping.words import GROUP_KEYS, OPTIONS, TOP_LEVEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    Shape = Mapping[str, object]

_BEGIN = "<!-- keys: begin; made by python -m pango_load.mapping.reference docs/mapping.md -->\n"
_END = "<!-- keys: end -->\n"
_MOST_WORDS = 8
_BLANKS = {" ": "a space", "\u00a0": "a no-break space", "\u202f": "a narrow one"}
_NAMES = {
    "object": "keys",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "`null`",
}


def with_reference(page: str) -> str:
    """`page` with its tables of keys as the language has them now.

    Raises:
        ValueError: the page has no place for them.
    """
    before, found, rest = page.partition(_BEGIN)
    _, ended, after = rest.partition(_END)
    if not found or not ended:
        raise ValueError("The page has no place for the tables: it is marked by two comments.")
    return f"{before}{_BEGIN}{_reference()}{_END}{after}"


def _reference() -> str:
    schema = mapping_schema()
    top = cast("Mapping[str, Shape]", schema["properties"])
    definitions = cast("Mapping[str, Shape]", schema["definitions"])
    options = cast("Mapping[str, Shape]", definitions["options"]["properties"])
    items = cast("Mapping[str, Shape]", top["items"]["properties"])
    required = cast("list[str]", schema["required"])
    parts = (
        ("At the left margin:", "key", {name: top[name] for name in TOP_LEVEL}, TOP_LEVEL, required),
        ("Behind a column, in braces:", "option", options, OPTIONS, ["field"]),
        ("In a nested list (`items` of an order):", "key", items, GROUP_KEYS, list(GROUP_KEYS)),
    )
    return "".join(_table(title, head, shapes, words, needed) for title, head, shapes, words, needed in parts)


def _table(title: str, head: str, shapes: Mapping[str, Shape], words: Mapping[str, str], needed: list[str]) -> str:
    rows = "".join(
        f"| `{name}`{' (required)' if name in needed else ''} | {_takes(shapes[name])} | {_safe(words[name])} |\n"
        for name in words
    )
    return f"{title}\n\n| {head} | takes | meaning |\n|---|---|---|\n{rows}\n"


def _takes(shape: Shape) -> str:
    """What may stand behind a key, in words."""
    match shape:
        case {"enum": [*words]}:
            told = ", ".join(_BLANKS.get(str(word)) or f"`{word}`" for word in words)
            return told if len(words) <= _MOST_WORDS else "one of the [object types](objects/README.md)"
        case {"anyOf": [*several]}:
            first, *others = dict.fromkeys(_takes(cast("Shape", one)) for one in several)
            return " or ".join([first, *(other.replace(f"a list of {first}", "a list of these") for other in others)])
        case {"minimum": least, "maximum": most}:
            return f"{least} to {most}"
        case {"type": "array", "items": {"enum": _} as items}:
            return f"a list of {_takes(cast('Shape', items))}"
        case {"type": str(kind)}:
            return _NAMES.get(kind, "text")
        case _:
            return "a word"


def _safe(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;").replace("->", "→")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_reference(path.read_text(encoding="utf-8")), encoding="utf-8")
