"""The pages under docs/problems, one for each code: `python -m pango_load.catalogue.problem_pages docs/problems`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.catalogue.problem_notes import DAMAGE, NOTES, Example, ProblemNote
from pango_load.catalogue.problems import PROBLEM_KINDS, ProblemKind, describe_problem
from pango_load.records import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

_MADE = "<!-- Made from the catalogue: python -m pango_load.catalogue.problem_pages docs/problems -->"

_SEVERITIES = {
    Severity.ERROR: "The row is rejected and not sent.",
    Severity.WARN: "The row is sent; this is a warning.",
    Severity.OFF: "Nothing is said of it.",
}
_FATES = {Severity.ERROR: "rejected", Severity.WARN: "sent", Severity.OFF: "sent"}


def render_problem_pages() -> Mapping[str, str]:
    """Every page by its file name: one for each code, one for damaged columns, and the list of them."""
    pages = {f"{kind.code}.md": _problem_page(kind, NOTES[kind.code]) for kind in PROBLEM_KINDS.values()}
    return {"README.md": _list_page(), "damage.md": _damage_page(), **pages}


def write_problem_pages(folder: Path) -> None:
    """Write every page into `folder`, which is made where it is missing; pages of codes that are gone go."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = render_problem_pages()
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


def _list_page() -> str:
    lines = ["| code | what it is | the row |", "|---|---|---|"]
    lines += [
        f"| [`{kind.code}`]({kind.code}.md) | {kind.title} | {_FATES[kind.severity]} |"
        for kind in PROBLEM_KINDS.values()
    ]
    lines.append("| [`damage.*`](damage.md) | a column that was damaged before the file came here | sent |")
    intro = (
        "Each rejected row carries codes in its column `_pango_code`; `summary.json`, the report and the screen count "
        "by them. A code never changes its name. `checks` in a [mapping](../mapping.md#severity-of-checks) changes how "
        "severe a check is, by code, by field or by shape."
    )
    own = (
        "A code that is not listed here is Pango's own word from its answer: see "
        "[`platform.refused`](platform.refused.md)."
    )
    return _page("# Problem codes", intro, "\n".join(lines), own)


def _problem_page(kind: ProblemKind, note: ProblemNote) -> str:
    parts = [f"# `{kind.code}`: {kind.title}", _SEVERITIES[kind.severity]]
    if note.example is not None:
        parts += ["## What", _shown(kind.code, note.example)]
    else:
        parts += ["## What", f"> {_readable(kind.sentence)}\n>\n> {_readable(kind.hint)}"]
    mend = "\n".join(f"- {step}" for step in note.mend)
    return _page(*parts, "## Why", note.why, "## How to mend it", mend, "[All problem codes](README.md)")


def _shown(code: str, example: Example) -> str:
    message, hint = say_example(code, example)
    line = f"`{{field: {example.field}, {example.options}}}`" if example.options else f"`{example.field}`"
    return f"The cell `{example.cell}`, mapped to {line}:\n\n> {message}\n>\n> {hint}"


def say_example(code: str, example: Example) -> tuple[str, str]:
    """The program's own sentence and hint for the cell of an example."""
    return describe_problem(code, field=example.field, column=example.field, value=example.cell, **dict(example.places))


def _readable(text: str) -> str:
    """A sentence whose places are still open, as a person reads it."""
    return (
        text.replace("{{", "\ue000")
        .replace("}}", "\ue001")
        .replace("{", "‹")
        .replace("}", "›")
        .replace("\ue000", "{")
        .replace("\ue001", "}")
    )


def _damage_page() -> str:
    intro = (
        "Some damage shows only in a whole column. It is looked for while a file is read, told before anything is "
        "sent with how many rows show it and the first three of them, and listed under `damage` in `summary.json`; no "
        "row is turned down for it, and `--strict` stops at it. The first 10,000 rows are looked at one by one, later "
        "ones by sample until something is found; it is counted from there on."
    )
    sections = [f"## `{code}`\n\n{text}" for code, text in DAMAGE.items()]
    return _page("# `damage.*`: columns that were damaged before", intro, *sections, "[All problem codes](README.md)")


def _page(*parts: str) -> str:
    return "\n\n".join((_MADE, *parts)) + "\n"


if __name__ == "__main__":
    write_problem_pages(Path(sys.argv[1]))
