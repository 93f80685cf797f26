"""`map`: a mapping for a file that nobody has mapped yet, to be looked through by a person."""

from __future__ import annotations

import shlex
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.catalogue.types import object_type as find_type
from pango_load.cli.screen import is_terminal, print_lines, width_of
from pango_load.cli.spool import with_spool
from pango_load.cli.wrapping import wrapped
from pango_load.errors import UsageError
from pango_load.mapping.proposal_text import CONSTANT_ADVICE, proposal_text, write_proposal
from pango_load.mapping.propose import propose
from pango_load.mapping.schema import schema_text
from pango_load.plan import SourceOptions
from pango_load.report.plain_text import counted, one_line
from pango_load.report.texts import Line
from pango_load.source.files import find_files, open_source

if TYPE_CHECKING:
    from pango_load.mapping.propose import Proposal
    from pango_load.report.texts import Style
    from pango_load.source.files import Source

SCHEMA_FILE = "mapping.schema.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFlags:
    """The flags of `map` as they were typed."""

    files: tuple[str, ...] = ()
    object_type: str = ""
    out: Path | None = None
    force: bool = False
    schema: bool = False
    slots: bool = False
    catalogue: Path | None = None
    reading: SourceOptions = field(default_factory=SourceOptions)


def run_map(flags: MapFlags) -> int:
    """Print or write a proposal, or the schema of mappings: the exit code.

    Raises:
        UsageError: no file, no type, a file that cannot be read, or one that is there already.
    """
    if flags.schema:
        return _give_schema(flags)
    if not flags.files:
        raise UsageError("map needs a file.", "Write for instance: pango-load map customers.csv --object TYPE")
    if not flags.object_type:
        raise UsageError("map needs --object: what the rows should become.", "`pango-load objects` shows the types.")
    kind = find_type(flags.object_type, flags.catalogue)
    if flags.out is not None and flags.out.exists() and not flags.force:
        # Said before a long file is read.
        raise UsageError(f"{flags.out} is there already.", "Name another file with -o, or add --force.")
    with tempfile.TemporaryDirectory(prefix="pango-load-") as folder:
        files, kept = with_spool(flags.files, Path(folder))
        paths = find_files(files)
        source = _with_every_key(open_source(paths, replace(flags.reading, record_key=kind.record_key)))
        proposal = propose(kind, source.headers, source.read_chunks(), fill_slots=flags.slots)
    names = ", ".join(path.name for path in paths) if kept is None else "standard input"
    is_seen = flags.out is None and is_terminal(sys.stdout)
    text = proposal_text(proposal, file_name=names, width=width_of(sys.stdout) if is_seen else None)
    if flags.out is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_proposal(text, flags.out, force=flags.force)
    _tell_next_step(flags, proposal)
    return 0


def _with_every_key(source: Source) -> Source:
    """JSON has no header: a key that turns up late is a column too."""
    if not any(file.format.value.startswith("json") for file in source.files):
        return source
    for _ in source.read_chunks():
        pass
    return source.with_headers(sorted(source.unseen_keys)) if source.unseen_keys else source


def _give_schema(flags: MapFlags) -> int:
    text = schema_text(flags.catalogue)
    if flags.out is None:
        sys.stdout.write(text)
        return 0
    write_proposal(text, flags.out, force=flags.force)
    line = f"# yaml-language-server: $schema={flags.out.name}"
    print_lines(_told(f"{flags.out} is written. Editors use it for mappings beside it that begin with"), sys.stderr)
    print_lines([Line(f"  {line}")], sys.stderr)
    return 0


def _tell_next_step(flags: MapFlags, proposal: Proposal) -> None:
    """What is left to be decided, and the command that comes next."""
    kind = proposal.object_type.word
    files = " ".join(map(shlex.quote, flags.files))
    own = ("--catalogue", str(flags.catalogue)) if flags.catalogue else ()
    others = "".join(f" {shlex.quote(word)}" for word in (*own, *flags.reading.words))
    sent = sum(column.field is not None for column in proposal.columns)
    all_columns = counted(len(proposal.columns), "column")
    head = f"{sent} of {all_columns} sent as {kind}."
    lines: list[Line] = [Line("")] if flags.out is None else []
    lines += _told(f"{flags.out} is written: {head}" if flags.out else f"Proposed: {head}", "strong")
    for sentence in proposal.lacking:
        lines += _told(f"Lacking: {one_line(sentence)}", "warn")
    if proposal.lacking and proposal.object_type.fields:
        lines += _told(CONSTANT_ADVICE, "dim")
    for header in proposal.undecided:
        text = f'"{one_line(header)}" can be read in more than one way: keep one of the readings on its line.'
        lines += _told(f"To decide: {text}", "warn")
    path = flags.out or Path("mappings", f"{kind}.yaml")
    steps = [] if flags.out else [("Keep it:", f"pango-load map {files} --object {kind}{others} -o {_quoted(path)}")]
    check = f"pango-load check {files} --object {kind} --mapping {_quoted(path)}{others}"
    steps.append(("Look through it, then:", check))
    if flags.out and not flags.out.with_name(SCHEMA_FILE).exists():
        beside = flags.out.with_name(SCHEMA_FILE)
        folder = f" --catalogue {_quoted(flags.catalogue)}" if flags.catalogue else ""
        schema = f"pango-load map --schema{folder} -o {_quoted(beside)}"
        steps.append(("For an editor that completes and checks it:", schema))
    lines.append(Line(""))
    for words, command in steps:
        # A command is never broken, so that it can be copied.
        lines += [Line(words, "dim"), Line(f"  {command}")]
    print_lines(lines, sys.stderr)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _told(text: str, style: Style = "plain") -> list[Line]:
    return wrapped(text, style, hanging="  ", stream=sys.stderr)
