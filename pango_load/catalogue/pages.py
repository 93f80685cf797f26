"""The pages under docs/objects, made from the catalogue: `python -m pango_load.catalogue.pages docs/objects`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.catalogue.describe import FieldLine, describe_type, list_types
from pango_load.catalogue.types import object_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MADE = "<!-- Made from the catalogue: python -m pango_load.catalogue.pages docs/objects -->"
_FOLDER_PAGE = "README.md"


def render_pages() -> Mapping[str, str]:
    """Every page by its file name: one for each object type, and the list of them."""
    lines = list_types()
    pages = {f"{line.name}.md": _type_page(line.name) for line in lines}
    table = _table(
        ("object type", "title", "fields", "without which a row is rejected", "how well known"),
        ((f"[`{line.name}`]({line.name}.md)", line.title, str(line.fields), line.needed, line.known) for line in lines),
    )
    intro = "What Pango accepts, as far as it is known; the same as `pango-load objects` shows."
    return {_FOLDER_PAGE: _page("# Object types", intro, table), **pages}


def write_pages(folder: Path) -> None:
    """Write every page into `folder`, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in render_pages().items():
        (folder / name).write_text(text, encoding="utf-8")


def _type_page(name: str) -> str:
    words = describe_type(object_type(name))
    facts = "\n".join(f"- {_safe(fact)}" for fact in (*words.facts, *words.rules))
    table = _table(("field", "holds", "needed", "words", "example", "note"), (_cells(line) for line in words.fields))
    return _page(f"# {words.title}: `{name}`", facts, table if words.fields else "No field is known.")


def _cells(line: FieldLine) -> tuple[str, ...]:
    example = f"`{_safe(line.example)}`" if line.example else ""
    return (f"`{line.name}`", line.holds, line.needed, _safe(line.words), example, _safe(line.note))


def _safe(text: str) -> str:
    """Text that a table and a web page show as it stands."""
    return text.replace("|", r"\|").replace("<", "&lt;")


def _table(headers: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    headers = tuple(headers)
    lines = [headers, tuple("---" for _ in headers), *rows]
    return "\n".join("|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|" for line in lines)


def _page(*parts: str) -> str:
    return "\n\n".join((_MADE, *parts)) + "\n"


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
