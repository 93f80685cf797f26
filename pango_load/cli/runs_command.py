"""`runs`: past loads and what became of them, one by its id, and the journals that are too old to keep."""

from __future__ import annotations

import json
import shlex
import sys
import webbrowser
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.cli.load_command import parse_time
from pango_load.cli.screen import print_lines
from pango_load.cli.times import local_text, utc_iso
from pango_load.cli.wrapping import wrapped
from pango_load.clock import SystemClock
from pango_load.errors import UsageError
from pango_load.journal.description import RunState
from pango_load.journal.runs import list_runs, prune
from pango_load.report.plain_text import counted, grouped, one_line
from pango_load.report.texts import Line
from pango_load.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pango_load.clock import Clock
    from pango_load.journal.runs import KnownRun, Runs, UnreadableRun
    from pango_load.report.texts import Style

SCHEMA = 1
_REPORTS = ("report.html", "summary.json", "run.log")
_COUNTS = ("accepted", "rejected", "skipped", "unknown", "unsent")


def run_runs(
    name: str | None,
    *,
    as_json: bool,
    older: str | None,
    open_report: bool,
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
            raise UsageError("--prune deletes every old journal; it takes no run.", "Leave the run and --open out.")
        return _prune(state, parse_time("--prune", older), older, as_json=as_json, clock=clock)
    runs = list_runs(state)
    if name is None:
        if open_report:
            raise UsageError("--open needs a run.", "Write for instance: pango-load runs last --open")
        return _show_list(runs, state, as_json=as_json)
    run = runs.find(name)
    if open_report:
        return _open(run)
    if as_json:
        _print_json(_as_document(run))
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
                "runs": [_as_document(run) for run in runs.known],
                "unreadable": [_unreadable_document(run) for run in runs.unreadable],
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
    lines += _unreadable_lines(runs.unreadable)
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
        *wrapped(f"{_what(run)}: {_balance(run)}", indent="  "),
        *([Line(f"  {_shown(run.facts.description.folder)}", "dim")] if run.facts.description.folder else []),
    ]


def _what(run: KnownRun) -> str:
    told = run.facts.description
    names = ["standard input" if name == "-" else one_line(name) for name in told.names]
    files = names[0] if len(names) == 1 else f"{names[0]} and {counted(len(names) - 1, 'further file')}"
    return f"{files} as {told.object_type}"


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


def _unreadable_lines(unreadable: Sequence[UnreadableRun]) -> list[Line]:
    lines: list[Line] = []
    for run in unreadable:
        lines += wrapped(f"Not readable, and left as it is: {one_line(str(run.path))}", "bad")
        lines += wrapped(one_line(run.reason.message), indent="  ")
        lines += wrapped(one_line(run.reason.advice), "dim", indent="  ") if run.reason.advice else []
        lines.append(Line(""))
    return lines


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
        lines.append(Line(f"{'Folder':<9}{_shown(told.folder)}{gone}", "warn" if gone else "plain"))
    lines += [Line(f"{'Report':<9}{_shown(str(path))}") for path in _reports(run)[:1]]
    lines.append(Line(f"{'Journal':<9}{one_line(str(run.path))}"))
    if facts.state.is_unfinished and run.holder is None and told.command:
        lines += [Line(""), Line("Go on with"), Line(f"  {one_line(' '.join(told.command))}", "strong")]
    return lines


def _extras(run: KnownRun) -> list[str]:
    told = run.facts.description
    extras = ["initData"] if told.init_data else []
    extras += ["user events"] if told.user_event else []
    return extras + ([f"pango-load {told.version}"] if told.version else [])


def _reports(run: KnownRun) -> list[Path]:
    folder = run.facts.description.folder
    return [path for name in _REPORTS if folder and (path := Path(folder, name)).is_file()]


def _open(run: KnownRun) -> int:
    reports = [path for path in _reports(run) if path.suffix == ".html"]
    if not reports:
        folder = run.facts.description.folder or "its folder"
        raise UsageError(
            f"Run {run.id} has no report.html in {folder}.", f"`pango-load runs {run.id}` shows what there is."
        )
    path = reports[0].resolve()
    sys.stdout.write(f"{path}\n")
    sys.stdout.flush()
    if not webbrowser.open(path.as_uri()):
        raise UsageError("No browser can be opened here.", "Open the file above in one.")
    return 0


# --- what is deleted --------------------------------------------------------------------------------------------------


def _prune(state: Path, seconds: float, words: str, *, as_json: bool, clock: Clock) -> int:
    before = list_runs(state)
    gone = prune(state, older_than=seconds, now=clock.now())
    kept = len(before.known) - len(gone)
    if as_json:
        _print_json(
            {
                "schema": SCHEMA,
                "deleted": [_as_document(run) for run in gone],
                "kept": kept,
                "unreadable": [_unreadable_document(run) for run in before.unreadable],
            }
        )
        return 0
    if not gone:
        lines = [Line(f"No journal was deleted: none ended more than {words.strip()} ago.")]
    else:
        lines = [Line(f"{counted(len(gone), 'journal')} deleted:")]
        lines += [Line(f"  {run.id}  {local_text(run.facts.created)}  {_what(run)}") for run in gone]
    unfinished = sum(run.facts.state.is_unfinished for run in before.known if run not in gone)
    if kept:
        also = f", {grouped(unfinished)} of them unfinished, which can still go on" if unfinished else ""
        lines += wrapped(f"{counted(kept, 'journal')} kept{also}.")
    folders = [run.facts.description.folder for run in gone]
    still = [folder for folder in folders if folder and Path(folder).is_dir()]
    if still:
        lines += wrapped("The run folders with their reports are yours, and stay. To delete them too:", "dim")
        lines += [Line(f"  rm -r {shlex.quote(_shown(folder))}", "dim") for folder in still]
    if before.unreadable:
        lines += [Line(""), *_unreadable_lines(before.unreadable)]
    print_lines(lines)
    return 0


# --- shared -----------------------------------------------------------------------------------------------------------


def _shown(folder: str) -> str:
    """A folder below the current one by its short name."""
    path = Path(folder)
    here = Path.cwd()
    return one_line(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _as_document(run: KnownRun) -> dict[str, object]:
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
        "reports": [str(path) for path in _reports(run)],
        "command": " ".join(told.command) or None,
        "superseded_by": facts.superseded_by or None,
        "process": None if run.holder is None else run.holder.pid,
        "journal": str(run.path),
    }


def _unreadable_document(run: UnreadableRun) -> dict[str, object]:
    return {"journal": str(run.path), "reason": run.reason.message, "advice": run.reason.advice}
