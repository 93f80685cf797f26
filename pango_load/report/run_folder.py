"""The folder that a run leaves behind: its name, its mode, and which files in it are ours."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.errors import AlreadyRunning, UsageError
from pango_load.report.edited_files import WRITTEN_FILE, is_edited, keep_edited
from pango_load.report.folder_lock import LOCK_FILE, claim_folder
from pango_load.report.private_files import FOLDER_MODE

if TYPE_CHECKING:
    from collections.abc import Sequence

RUNS_FOLDER = "pango-load-runs"

_OWN = re.compile(
    r"(rejected|unknown|unsent)(-\d+)?\.(csv|xlsx|jsonl)|damaged\.txt|summary\.json|report\.html|run\.log"
    r"|\..+\.\d+\.part|" + "|".join(map(re.escape, (LOCK_FILE, WRITTEN_FILE)))
)
_ROWS = re.compile(r"(rejected|unknown|unsent)(-\d+)?\.(csv|xlsx|jsonl)")


def is_own_file(name: str) -> bool:
    """Whether a run folder's file called `name` is one that this program writes, and so may replace."""
    return _OWN.fullmatch(name) is not None


def open_run_folder(
    *,
    stem: str,
    run: str,
    started: float,
    out: Path | None = None,
    runs: Path = Path(RUNS_FOLDER),
    resumed: bool = False,
    sources: Sequence[Path] = (),
) -> Path:
    """Make the folder of a run, or take the one that was named.

    Args:
        stem: the name of the first source file without its ending; "stdin" and the like where there is none.
        run: the run's id.
        started: seconds since 1970 in UTC.
        out: the run's folder itself (`--out`). One that exists keeps its mode and all files but ours.
        runs: where folders are made when `out` is None: `<stem>-<UTC time>-<id>`, mode 0700.
        resumed: the run goes on in `out`, so what it wrote before stays.
        sources: the files that are read: they must not be among those that would be replaced.

    Returns:
        the folder, as an absolute path. Whoever writes into it claims it first (`folder_lock.claim_folder`).

    Raises:
        AlreadyRunning: another run writes into the folder at this moment.
        UsageError: where the folder cannot be made, or a source file would be replaced.
    """
    folder = (out if out is not None else runs / run_folder_name(stem=stem, run=run, started=started)).absolute()
    for source in sources:
        if is_own_file(source.name) and source.absolute().parent.resolve() == folder.resolve():
            raise UsageError(
                f"{source} is read and would be replaced: it stands in the folder that this run writes to.",
                "Move the file elsewhere, or name another folder with --out.",
            )
    try:
        if out is None:
            _make_runs_folder(runs)
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        with claim_folder(folder):
            if not resumed:
                _keep_edited_files(folder)
                _remove_own_files(folder)
    except OSError as error:
        raise UsageError(
            f"{folder}: the run's folder cannot be made or written ({error.strerror}).",
            "Name a folder that can be written with --out DIR.",
        ) from error
    return folder


def run_folder_name(*, stem: str, run: str, started: float) -> str:
    """`<stem>-<UTC time>-<id>`, fit for every file system: "customers-20261121T022426Z-7f3a9c"."""
    time = datetime.fromtimestamp(started, UTC).strftime("%Y%m%dT%H%M%SZ")
    plain = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", stem)).strip("._-")
    # File systems count bytes (255 of them), and a Vietnamese letter takes up to three.
    short = plain.encode()[:120].decode(errors="ignore")
    return f"{short or 'load'}-{time}-{run}"


def _make_runs_folder(runs: Path) -> None:
    """The folder around, with a `.gitignore`, since row files must not be committed by accident."""
    runs.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    ignore = runs / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def _keep_edited_files(folder: Path) -> None:
    """What somebody has typed into the row files of the run before."""
    for path in [path for path in folder.iterdir() if _ROWS.fullmatch(path.name) and path.is_file()]:
        if is_edited(path):
            keep_edited(path)


def _remove_own_files(folder: Path) -> None:
    for path in folder.iterdir():
        # The lock is held, and goes when it is given back.
        if path.name != LOCK_FILE and is_own_file(path.name) and (path.is_file() or path.is_symlink()):
            path.unlink()


_RUN_NAME = re.compile(r".+-(\d{8}T\d{6}Z)-[^-]+")


def run_folders(runs: Path) -> list[tuple[float, Path]]:
    """The folders of earlier runs under `runs`, newest first, with the time each began (seconds since 1970, UTC)."""
    if not runs.is_dir():
        return []
    found = []
    for path in runs.iterdir():
        name = _RUN_NAME.fullmatch(path.name)
        if name and path.is_dir() and not path.is_symlink():
            found.append((datetime.strptime(name[1] + "+0000", "%Y%m%dT%H%M%SZ%z").timestamp(), path))
    return sorted(found, reverse=True)


def remove_run_folder(folder: Path) -> bool:
    """Remove our own files from a run's folder, and the folder itself where nothing else stands in it.

    Returns:
        whether the folder is gone; False where somebody's own files keep it, or a run that writes into it.

    Raises:
        OSError: where a file cannot be removed.
    """
    try:
        with claim_folder(folder):
            _remove_own_files(folder)
    except AlreadyRunning:
        return False
    if any(folder.iterdir()):
        return False
    folder.rmdir()
    return True
