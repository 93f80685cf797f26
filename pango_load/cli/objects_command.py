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
    from rich.console import Console

    from pango_load.catalogue.describe import TypeDescription, TypeLine


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

    width = width_of(sys.stdout) if is_terminal(sys.stdout) else 120
    return Console(width=width, highlight=False)


def _show_list(lines: tuple[TypeLine, ...]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("TYPE", "FIELDS", "NEEDED", "KNOWN FROM"):
        table.add_column(header, overflow="fold")
    for line in lines:
        table.add_row(line.name, str(line.fields), line.needed, f"{line.known} ({line.source})")
    console = _console()
    console.print(table)
    console.print("\nOne of them: pango-load objects customer-identity", style="dim", markup=False)


def _show_type(described: TypeDescription) -> None:
    from rich.table import Table

    console = _console()
    console.print(f"{described.name}: {described.title}", style="bold", markup=False)
    for fact in described.facts:
        console.print(f"  {fact}", markup=False)
    for rule in described.rules:
        console.print(f"  {rule}", markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("FIELD", "HOLDS", "NEEDED", "WORDS", "EXAMPLE", "NOTE"):
        table.add_column(header, overflow="fold")
    for line in described.fields:
        table.add_row(line.name, line.holds, line.needed, line.words, line.example, line.note)
    console.print()
    console.print(table)
