"""`objects`: what Pango accepts, as a person reads it."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.catalogue.describe import describe_type, list_types
from pango_load.catalogue.learn import learn_type, write_type
from pango_load.catalogue.types import FURTHER_TYPES, SEED_TYPES
from pango_load.catalogue.types import object_type as find_type
from pango_load.cli.screen import is_terminal, print_lines, width_of
from pango_load.cli.wrapping import wrapped
from pango_load.errors import UsageError
from pango_load.report.plain_text import counted, one_line
from pango_load.report.texts import Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from pango_load.catalogue.describe import TypeDescription, TypeLine

_PIPED = 120
_WIDE = 110
_LEARN = "learn"
_CATALOGUE = "catalogue"
"""Where a learned type goes when --catalogue names no folder."""
_LEARN_EXAMPLE = "pango-load objects learn payload.json --as my-model"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectsFlags:
    """The words and flags of `objects` as they were typed.

    Attributes:
        words: nothing, a type, or `learn` and a payload.
        learn_as: the name of the type that is learned.
    """

    words: tuple[str, ...] = ()
    template: str | None = None
    learn_as: str | None = None
    force: bool = False
    json: bool = False
    catalogue: Path | None = None


def run_objects(flags: ObjectsFlags) -> int:
    """Show the list or one type, write a template for it, or learn one from a payload: the exit code.

    Raises:
        UsageError: an unknown type (with the nearest), words that go not together, or a file that cannot be written.
    """
    if flags.words[:1] == (_LEARN,):
        return _learn(flags)
    if flags.learn_as is not None or flags.force:
        flag = "--force" if flags.learn_as is None else "--as"
        raise UsageError(f"{flag} goes with learn.", f"Write for instance: {_LEARN_EXAMPLE}")
    match flags.words:
        case ():
            return _list(flags)
        case (name,):
            return _one(name, flags)
        case _:
            raise UsageError(
                f"objects takes one type, and here are {len(flags.words)} words.",
                "Write for instance: pango-load objects customer-identity",
            )


def _list(flags: ObjectsFlags) -> int:
    if flags.template is not None:
        raise UsageError(
            "--template needs a type.", "Write for instance: pango-load objects customer-identity --template xlsx"
        )
    lines = list_types(flags.catalogue)
    if flags.json:
        _print_json([asdict(line) for line in lines])
    else:
        _show_list(lines)
    return 0


def _one(name: str, flags: ObjectsFlags) -> int:
    kind = find_type(name, flags.catalogue)
    if flags.template is not None:
        return _write_template(name, flags.template, flags.catalogue)
    described = describe_type(kind)
    if flags.json:
        _print_json(asdict(described))
    else:
        _show_type(described)
    return 0


# --- learning a type --------------------------------------------------------------------------------------------------


def _learn(flags: ObjectsFlags) -> int:
    if flags.template is not None or flags.json:
        flag = "--json" if flags.template is None else "--template"
        raise UsageError(f"{flag} does not go with learn.", "Learn the type first, then show it.")
    if len(flags.words) != len((_LEARN, "payload")):
        raise UsageError("learn needs the file of one payload.", f"Write for instance: {_LEARN_EXAMPLE}")
    if not flags.learn_as:
        raise UsageError("learn needs --as: what the type is to be called.", f"Write for instance: {_LEARN_EXAMPLE}")
    if flags.learn_as == _LEARN:
        raise UsageError(f'--as "{_LEARN}": a type of that name could not be shown.', "Give it another name.")
    folder = flags.catalogue or Path(_CATALOGUE)
    path = folder / f"{flags.learn_as}.yaml"
    write_type(learn_type(_payload(flags.words[1]), flags.learn_as), path, overwrite=flags.force)
    kind = find_type(flags.learn_as, folder)
    head = f"{path} is written: {counted(len(kind.fields), 'field')}, sent as {one_line(kind.name)}."
    lines = wrapped(head, "strong", stream=sys.stderr)
    if flags.learn_as in SEED_TYPES + FURTHER_TYPES:
        lines += wrapped(f"With --catalogue it outranks the program's own {flags.learn_as}.", "warn", stream=sys.stderr)
    review = "Review it: which fields are required, which words a field takes, and what identifies a record."
    lines += [*wrapped(review, stream=sys.stderr), Line("")]
    name, shown = flags.learn_as, shlex.quote(str(folder))
    mapping = shlex.quote(f"mappings/{name}.yaml")
    for words, command in (
        ("See it:", f"pango-load objects {name} --catalogue {shown}"),
        ("Map a file:", f"pango-load map FILE --object {name} --catalogue {shown} -o {mapping}"),
    ):
        lines += [Line(words, "dim"), Line(f"  {command}")]
    print_lines(lines, sys.stderr)
    return 0


def _payload(word: str) -> bytes:
    if word == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(word).read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"{word} does not exist.", "Name the file that holds the console's payload.") from error
    except OSError as error:
        raise UsageError(f"{word} cannot be read: {error.strerror}.", "Name a file; - is standard input.") from error


# --- what is shown ----------------------------------------------------------------------------------------------------


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def _write_template(name: str, template: str, catalogue: Path | None) -> int:
    from pango_load.catalogue.template import write_template

    if template not in {"csv", "xlsx"}:
        raise UsageError(f'--template: "{template}" is neither csv nor xlsx.', "Write one of the two.")
    path = Path(f"{name}.{template}")
    write_template(find_type(name, catalogue), path)
    own = f" --catalogue {shlex.quote(str(catalogue))}" if catalogue else ""
    lines = wrapped(f"{path} is ready to be filled in; row 2 is an example, to be written over.")
    lines += [Line("Then:", "dim"), Line(f"  pango-load check {path} --object {name}{own}")]
    print_lines(lines)
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
    print_lines([Line(one_line(f"{described.name}: {described.title}"), "strong")])
    for sentence in (*described.facts, *described.rules):
        print_lines(wrapped(sentence, indent="  ", hanging="    "))
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
