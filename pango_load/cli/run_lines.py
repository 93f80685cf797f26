"""How a past run is called on a screen and in JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.cli.times import utc_iso
from pango_load.cli.wrapping import wrapped
from pango_load.report.plain_text import counted, one_line
from pango_load.report.texts import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pango_load.journal.runs import KnownRun, UnreadableRun

SCHEMA = 1
_REPORTS = ("report.html", "summary.json", "run.log")


def what(run: KnownRun) -> str:
    """Which files, and what became of them in Pango's words."""
    told = run.facts.description
    names = ["standard input" if name == "-" else one_line(name) for name in told.names]
    files = names[0] if len(names) == 1 else f"{names[0]} and {counted(len(names) - 1, 'further file')}"
    return f"{files} as {told.object_type}"


def unreadable_lines(unreadable: Sequence[UnreadableRun]) -> list[Line]:
    """Files among the journals that cannot be read, and why."""
    lines: list[Line] = []
    for run in unreadable:
        lines += wrapped(f"Not readable, and left as it is: {one_line(str(run.path))}", "bad")
        lines += wrapped(one_line(run.reason.message), indent="  ")
        lines += wrapped(one_line(run.reason.advice), "dim", indent="  ") if run.reason.advice else []
        lines.append(Line(""))
    return lines


def reports(run: KnownRun) -> list[Path]:
    """The reports in its folder that are still there, the one for people first."""
    folder = run.facts.description.folder
    return [path for name in _REPORTS if folder and (path := Path(folder, name)).is_file()]


def shown(folder: str) -> str:
    """A folder below the current one by its short name."""
    path = Path(folder)
    here = Path.cwd()
    return one_line(str(path.relative_to(here) if path.is_relative_to(here) else path))


def as_document(run: KnownRun) -> dict[str, object]:
    """What `--json` says of a run."""
    facts, told = run.facts, run.facts.description
    return {
        "run": run.id,
        "state": "running" if run.holder is not None else facts.state.value,
        "exit_code": facts.exit_code,
        "started": utc_iso(facts.created),
        "ended": utc_iso(facts.finished),
        "counts": asdict(run.counts),
        "files": list(told.names),
        "object": told.object_type,
        "source": told.source,
        "mapping": told.mapping,
        "address": told.address,
        "init_data": told.init_data,
        "folder": told.folder or None,
        "reports": [str(path) for path in reports(run)],
        "command": " ".join(told.command) or None,
        "superseded_by": facts.superseded_by or None,
        "process": None if run.holder is None else run.holder.pid,
        "journal": str(run.path),
    }


def unreadable_document(run: UnreadableRun) -> dict[str, object]:
    """What `--json` says of a file that cannot be read."""
    return {"journal": str(run.path), "reason": run.reason.message, "advice": run.reason.advice}
