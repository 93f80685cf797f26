"""`objects`: what Pango accepts, as a person reads it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.catalogue.describe import describe_type, list_types
from pango_load.catalogue.types import object_type as find_type
from pango_load.cli.screen import is_terminal, width_of
from pango_load.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from pango_load.catalogue.describe import TypeDescription, TypeLine

_PIPED = 120
_WIDE = 110


def run_objects(name: str | None, *, template: str | None, as_json: bool, catalogue: Path | None) -> int:
    """Show the list, one type, or write a template for it: the exit code.

    Raises:
        UsageError: an unknown type (with the nearest), or a template that cannot be written.
    """
    if name is None:
        if template is not None:
            raise UsageError(
                "--template needs a type.", "Write for instance: pango-load objects customer-identity --template xlsx"
            )
        lines = list_types(catalogue)
        if as_json:
            _print_json([asdict(line) for line in lines])
        else:
            _show_list(lines)
        return 0
    kind = find_type(name, catalogue)
    if template is not None:
        return _write_template(name, template, catalogue)
    described = describe_type(kind)
    if as_json:
        _print_json(asdict(described))
    else:
        _show_type(described)
    return 0


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def _write_template(name: str, template: str, catalogue: Path | None) -> int:
    from pango_load.catalogue.template import write_template

    if template not in {"csv", "xlsx"}:
        raise UsageError(f'--template: "{template}" is neither csv nor xlsx.', "Write one of the two.")
    path = Path(f"{name}.{template}")
    write_template(find_type(name, catalogue), path)
    sys.stdout.write(f"{path} is ready to be filled in; check it with: pango-load check {path} --object {name}\n")
    return 0


def _console() -> Console:
    from rich.console import Console

    width = width_of(sys.stdout) if is_terminal(sys.stdout) else _PIPED
    return Console(width=width, highlight=False)


def _print_table(console: Console, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table without lines around it; names are never broken, and no line ends in blanks."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, header in enumerate(headers):
        table.add_column(header, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    with console.capture() as captured:
        console.print(table)
    sys.stdout.write("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")


def _show_list(lines: tuple[TypeLine, ...]) -> None:
    console = _console()
    rows = [(line.name, line.needed, line.known) for line in lines]
    _print_table(console, ("TYPE", "NEEDED", "KNOWN FROM"), rows)
    console.print("\nOne of them: pango-load objects customer-identity", style="dim", markup=False)


def _show_type(described: TypeDescription) -> None:
    console = _console()
    console.print(f"{described.name}: {described.title}", style="bold", markup=False)
    for sentence in (*described.facts, *described.rules):
        console.print(f"  {sentence}", markup=False)
    sys.stdout.write("\n")
    if console.width >= _WIDE:
        headers: tuple[str, ...] = ("FIELD", "HOLDS", "NEEDED", "WORDS", "EXAMPLE", "NOTE")
        rows = [(one.name, one.holds, one.needed, one.words, one.example, one.note) for one in described.fields]
        _print_table(console, headers, rows)
        return
    headers = ("FIELD", "HOLDS", "NEEDED", "WORDS OR EXAMPLE")
    _print_table(
        console, headers, [(one.name, one.holds, one.needed, one.words or one.example) for one in described.fields]
    )
    console.print("\nA wider window, or --json, shows the notes too.", style="dim", markup=False)
