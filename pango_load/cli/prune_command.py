"""`runs --prune`: journals and folders of runs that are too old to keep."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.cli.load_command import parse_time
from pango_load.cli.run_lines import SCHEMA, as_document, shown, unreadable_document, unreadable_lines, what
from pango_load.cli.screen import print_lines
from pango_load.cli.times import local_text
from pango_load.cli.wrapping import wrapped
from pango_load.journal.runs import list_runs, prune
from pango_load.report.plain_text import counted, grouped
from pango_load.report.run_folder import RUNS_FOLDER, remove_run_folder, run_folders
from pango_load.report.summary import SUMMARY_FILE, read_summary
from pango_load.report.texts import Line

if TYPE_CHECKING:
    from pango_load.clock import Clock
    from pango_load.journal.runs import KnownRun
    from pango_load.report.summary import Summary

_FINISHED = {0, 3}


@dataclass(slots=True)
class _Folders:
    """What became of folders: gone, or kept since something else stands in them."""

    gone: list[str]
    kept: list[str]

    def remove(self, folder: Path) -> None:
        """Remove our own files from `folder`, and the folder where nothing else is left in it."""
        try:
            is_gone = remove_run_folder(folder)
        except OSError:
            is_gone = False
        (self.gone if is_gone else self.kept).append(str(folder))


def run_prune(state: Path, older: str, *, as_json: bool, unfinished_too: bool, clock: Clock) -> int:
    """Delete what is older than `older` ("30d"), and say what was deleted: the exit code.

    A run that is under way stays, and so does one that can still go on unless `unfinished_too`. Folders of checks and
    of loads into the sandbox have no journal; those in `pango-load-runs` here go by their own age.

    Raises:
        UsageError: `older` is no time.
    """
    seconds, now = parse_time("--prune", older), clock.now()
    before = list_runs(state)
    gone = prune(state, older_than=seconds, now=now, unfinished_too=unfinished_too)
    folders = _Folders([], [])
    for run in gone:
        folder = Path(run.facts.description.folder)
        summary = _summary(folder) if run.facts.description.folder else None
        # A later run may have been given the same --out: its files are not ours to remove.
        if summary is not None and summary.run == run.id:
            folders.remove(folder)
    kept = [run for run in before.known if run not in gone]
    for began, folder in run_folders(Path(RUNS_FOLDER)):
        if now - began > seconds and _is_over(folder, kept, unfinished_too=unfinished_too):
            folders.remove(folder.absolute())
    if as_json:
        document = {
            "schema": SCHEMA,
            "deleted": [as_document(run) for run in gone],
            "folders": folders.gone,
            "kept": len(kept),
            "unreadable": [unreadable_document(run) for run in before.unreadable],
        }
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
        return 0
    lines = _lines(older.strip(), gone, kept, folders)
    if before.unreadable:
        lines += [Line(""), *unreadable_lines(before.unreadable)]
    print_lines(lines)
    return 0


def _summary(folder: Path) -> Summary | None:
    try:
        return read_summary(folder / SUMMARY_FILE)
    except (OSError, ValueError):
        return None


def _is_over(folder: Path, kept: list[KnownRun], *, unfinished_too: bool) -> bool:
    """Whether a folder belongs to nothing that could go on; one without a summary may be anything."""
    summary = _summary(folder)
    if summary is None or summary.run in {run.id for run in kept}:
        return False
    # The journal of a load may lie in another state folder than this one.
    is_load = summary.command != "check" and not summary.sandbox
    return not is_load or unfinished_too or summary.exit_code in _FINISHED


def _lines(words: str, gone: tuple[KnownRun, ...], kept: list[KnownRun], folders: _Folders) -> list[Line]:
    if not gone and not folders.gone:
        lines = [Line(f"Nothing was deleted: no run ended more than {words} ago.")]
    else:
        deleted = [counted(len(gone), "journal")] if gone else []
        deleted += [counted(len(folders.gone), "folder")] if folders.gone else []
        lines = [Line(f"{' and '.join(deleted)} deleted:")]
        lines += [Line(f"  {run.id}  {local_text(run.facts.created)}  {what(run)}") for run in gone]
        lines += [Line(f"  {shown(folder)}") for folder in folders.gone]
    can_go_on = sum(run.facts.state.is_unfinished or run.facts.is_retrying for run in kept)
    if kept:
        also = f", {grouped(can_go_on)} of them unfinished, which can still go on" if can_go_on else ""
        lines += wrapped(f"{counted(len(kept), 'journal')} kept{also}.")
    if folders.kept:
        lines += wrapped("Kept, since something else stands in them, or cannot be removed:", "dim")
        lines += [Line(f"  {shown(folder)}", "dim") for folder in folders.kept]
    return lines
