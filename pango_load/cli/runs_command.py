"""`runs`: past loads and what became of them, one by its id, and the journals that are too old to keep."""

from __future__ import annotations

import json
import os
import sys
import webbrowser
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.cli.prune_command import run_prune
from pango_load.cli.run_lines import SCHEMA, as_document, reports, shown, unreadable_document, unreadable_lines, what
from pango_load.cli.screen import is_terminal, print_lines
from pango_load.cli.times import local_text
from pango_load.cli.wrapping import wrapped
from pango_load.clock import SystemClock
from pango_load.errors import UsageError
from pango_load.journal.description import RunState
from pango_load.journal.runs import list_runs
from pango_load.report.plain_text import counted, grouped, one_line
from pango_load.report.texts import Line
from pango_load.settings import read_settings

if TYPE_CHECKING:
    from pango_load.clock import Clock
    from pango_load.journal.runs import KnownRun, Runs
    from pango_load.report.texts import Style

_COUNTS = ("accepted", "rejected", "skipped", "unknown", "unsent")


def run_runs(
    name: str | None,
    *,
    as_json: bool,
    older: str | None,
    open_report: bool,
    unfinished_too: bool = False,
    env_file: Path | None,
    profile: str | None,
    clock: Clock | None = None,
) -> int:
    """List the runs, show one, or delete old journals: the exit code.

    Raises:
        UsageError: no such run, flags that contradict each other, or a report that is not there.
    """
    state = read_settings(env_file=env_file, profile=profile).state
    clock = clock or SystemClock()
    if older is not None:
        if name is not None or open_report:
            raise UsageError("--prune deletes every old run; it takes none by name.", "Leave the run and --open out.")
        return run_prune(state, older, as_json=as_json, unfinished_too=unfinished_too, clock=clock)
    if unfinished_too:
        raise UsageError(
            "--unfinished goes with --prune.", "Write for instance: pango-load runs --prune 30d --unfinished"
        )
    runs = list_runs(state)
    if name is None:
        if open_report:
            raise UsageError("--open needs a run.", "Write for instance: pango-load runs last --open")
        return _show_list(runs, state, as_json=as_json)
    run = runs.find(name)
    if open_report:
        return _open(run)
    if as_json:
        _print_json(as_document(run))
    else:
        print_lines(_run_lines(run))
    return 0


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


# --- the list ---------------------------------------------------------------------------------------------------------


def _show_list(runs: Runs, state: Path, *, as_json: bool) -> int:
    if as_json:
        _print_json(
            {
                "schema": SCHEMA,
                "state": str(state),
                "runs": [as_document(run) for run in runs.known],
                "unreadable": [unreadable_document(run) for run in runs.unreadable],
            }
        )
        return 0
    lines: list[Line] = []
    for run in runs.known:
        lines += [*_short_lines(run), Line("")]
    if not runs.known:
        lines += wrapped(f"No load is known in {one_line(str(state))}.")
        if not runs.unreadable:
            lines += wrapped("Loads with --sandbox and checks leave no trace there.", "dim")
            print_lines(lines)
            return 0
        lines.append(Line(""))
    lines += unreadable_lines(runs.unreadable)
    if runs.known:
        lines += wrapped(
            f"{counted(len(runs.known), 'run')}, newest first. One of them: pango-load runs {runs.known[0].id}", "dim"
        )
    print_lines(lines)
    return 0


def _short_lines(run: KnownRun) -> list[Line]:
    words, style = _outcome(run)
    head = f"{run.id}  {local_text(run.facts.created)}  {words}"
    return [
        Line(head, style),
        *wrapped(f"{what(run)}: {_balance(run)}", indent="  "),
        *([Line(f"  {shown(run.facts.description.folder)}", "dim")] if run.facts.description.folder else []),
    ]


def _balance(run: KnownRun) -> str:
    if run.facts.state is RunState.SURVEY:
        return "nothing was sent"
    rows = asdict(run.counts)
    parts = [f"{grouped(rows[name])} {name}" for name in _COUNTS if rows[name]]
    return f"{grouped(run.counts.read)} read" + (f", {', '.join(parts)}" if parts else "")


def _outcome(run: KnownRun) -> tuple[str, Style]:
    """How far it has come, in words."""
    code = run.facts.exit_code
    if run.holder is not None:
        return f"running (process {run.holder.pid})", "strong"
    match run.facts.state:
        case RunState.SURVEY:
            return "broken off before anything was sent", "warn"
        case RunState.SENDING:
            return "broken off without an end; the same command goes on", "warn"
        case RunState.STOPPED:
            return f"stopped (exit {code}); the same command goes on", "warn"
        case RunState.SUPERSEDED:
            return f"superseded by {run.facts.superseded_by}", "dim"
        case _:
            broken = "; a retry of it was broken off, and goes on when it is given again"
            said = f"finished (exit {code}){broken if run.facts.is_retrying else ''}"
            return said, "warn" if code or run.facts.is_retrying else "good"


# --- one run ----------------------------------------------------------------------------------------------------------


def _run_lines(run: KnownRun) -> list[Line]:
    facts, told = run.facts, run.facts.description
    words, style = _outcome(run)
    lines = [Line(f"Run {run.id}: {words}", style), Line("")]
    rows = [("Files", ", ".join("standard input" if name == "-" else name for name in told.names))]
    rows.append(("Object", told.object_type))
    rows.append(("Source", told.source))
    rows.append(("Mapping", told.mapping))
    rows.append(("Address", told.address))
    rows.append(("Started", local_text(facts.created)))
    rows.append(("Ended", local_text(facts.finished) if facts.finished else ""))
    rows.append(("Rows", _balance(run)))
    rows.append(("Program", ", ".join(_extras(run))))
    for label, text in rows:
        if text:
            lines += wrapped(one_line(text), indent=f"{label:<9}", hanging=" " * 9)
    # Paths and commands are never broken, so that they can be copied.
    if told.folder:
        gone = "" if Path(told.folder).is_dir() else " (not there any more)"
        lines.append(Line(f"{'Folder':<9}{shown(told.folder)}{gone}", "warn" if gone else "plain"))
    lines += [Line(f"{'Report':<9}{shown(str(path))}") for path in reports(run)[:1]]
    lines.append(Line(f"{'Journal':<9}{one_line(str(run.path))}"))
    if facts.state.is_unfinished and run.holder is None and told.command:
        lines += [Line(""), Line("Go on with"), Line(f"  {one_line(' '.join(told.command))}", "strong")]
    if facts.is_retrying and run.holder is None:
        lines += [Line(""), Line("Go on with"), Line(f"  pango-load retry {run.id}", "strong")]
    return lines


def _extras(run: KnownRun) -> list[str]:
    told = run.facts.description
    extras = ["initData"] if told.init_data else []
    extras += ["user events"] if told.user_event else []
    return extras + ([f"pango-load {told.version}"] if told.version else [])


def _open(run: KnownRun) -> int:
    pages = [path for path in reports(run) if path.suffix == ".html"]
    if not pages:
        folder = run.facts.description.folder or "its folder"
        raise UsageError(
            f"Run {run.id} has no report.html in {folder}.", f"`pango-load runs {run.id}` shows what there is."
        )
    path = pages[0].resolve()
    sys.stdout.write(f"{path}\n")
    sys.stdout.flush()
    # A script wants the path; on a machine without a screen nobody would see the page.
    is_wanted = is_terminal(sys.stdout) or os.environ.get("BROWSER")
    if not (is_wanted and webbrowser.open(path.as_uri())):
        sys.stderr.write("No browser was opened: open the file above in one.\n")
    return 0
