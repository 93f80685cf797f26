"""A run leaves one folder, for its owner only, and takes nothing that is not its own."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pango_load.errors import AlreadyRunning, UsageError
from pango_load.report.folder_lock import LOCK_FILE, claim_folder
from pango_load.report.private_files import replace_private, write_private
from pango_load.report.run_folder import is_own_file, open_run_folder, remove_run_folder, run_folder_name, run_folders

STARTED = 1795228646.0


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_names_file_time_and_run(tmp_path: Path) -> None:
    """Folders sort by file and time, and git leaves them alone."""
    runs = tmp_path / "pango-load-runs"
    folder = open_run_folder(stem="customers", run="7f3a9c", started=STARTED, runs=runs)
    assert folder == runs / "customers-20261121T023726Z-7f3a9c"
    assert (mode_of(folder), mode_of(runs)) == (0o700, 0o700)
    assert (runs / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_a_gitignore_that_somebody_changed_is_left(tmp_path: Path) -> None:
    """It is the person's own from then on."""
    (tmp_path / ".gitignore").write_text("*.csv\n", encoding="utf-8")
    open_run_folder(stem="a", run="b", started=STARTED, runs=tmp_path)
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == "*.csv\n"


def test_a_folder_that_exists_loses_only_our_own_files(tmp_path: Path) -> None:
    """`--out` may name a folder in which other things stand."""
    tmp_path.chmod(0o755)
    ours = ["rejected.csv", "unknown-2.xlsx", "summary.json", "report.html", "run.log", "damaged.txt"]
    others = ["rejected.csv.bak", "my rejected.csv", "customers.csv", "Rejected.CSV", "summary.json5"]
    for name in (*ours, *others):
        (tmp_path / name).write_text("held", encoding="utf-8")
    assert open_run_folder(stem="a", run="b", started=STARTED, out=tmp_path) == tmp_path
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)
    assert mode_of(tmp_path) == 0o755


def test_a_resumed_run_keeps_what_it_wrote(tmp_path: Path) -> None:
    """The log goes on where it stopped."""
    (tmp_path / "run.log").write_text("before\n", encoding="utf-8")
    open_run_folder(stem="a", run="b", started=STARTED, out=tmp_path, resumed=True)
    assert (tmp_path / "run.log").exists()


def test_a_source_among_our_own_files_is_not_replaced(tmp_path: Path) -> None:
    """Loading the corrected rejects into the folder they stand in would delete them unread."""
    source = tmp_path / "rejected.csv"
    source.write_text("mended", encoding="utf-8")
    with pytest.raises(UsageError, match="would be replaced"):
        open_run_folder(stem="rejected", run="b", started=STARTED, out=tmp_path, sources=[source])
    assert source.read_text(encoding="utf-8") == "mended"


def test_a_folder_that_cannot_be_made_is_said_with_a_way_out(tmp_path: Path) -> None:
    """A person learns which folder, and what to try."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be made or written") as stopped:
        open_run_folder(stem="a", run="b", started=STARTED, out=tmp_path / "file" / "x")
    assert "--out" in stopped.value.advice


@given(stem=st.text())
def test_any_stem_gives_a_name_that_file_systems_take(stem: str) -> None:
    """A source may be called anything; its folder may not."""
    name = run_folder_name(stem=stem.encode(errors="replace").decode(), run="id", started=STARTED)
    assert name == Path(name).name
    assert name[0] not in ".-"
    assert len(name.encode()) < 200
    assert not is_own_file(name)


def test_a_file_is_replaced_at_once_or_not_at_all(tmp_path: Path) -> None:
    """Who reads the summary while it is written sees the old one or the new one."""
    path = write_private(tmp_path / "summary.json", b"old")

    def fail(_file: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        replace_private(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    assert mode_of(path) == 0o600


def test_a_link_left_by_somebody_is_never_written_through(tmp_path: Path) -> None:
    """A shared folder must not become a way to overwrite a file elsewhere."""
    victim = tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    link = tmp_path / "summary.json"
    link.symlink_to(victim)
    write_private(link, b"new")
    assert victim.read_text(encoding="utf-8") == "mine"
    assert not link.is_symlink()


def test_folders_of_earlier_runs_are_found_newest_first(tmp_path: Path) -> None:
    """`runs --prune 30d` asks how old they are, and looks at nothing else."""
    older = open_run_folder(stem="b", run="1", started=STARTED - 86400, runs=tmp_path)
    newer = open_run_folder(stem="a-b", run="2", started=STARTED, runs=tmp_path)
    (tmp_path / "my notes").mkdir()
    (tmp_path / "a-20261121T000000Z-file").touch()
    assert run_folders(tmp_path) == [(STARTED, newer), (STARTED - 86400, older)]
    assert run_folders(tmp_path / "none") == []


def test_pruning_takes_our_own_files_only(tmp_path: Path) -> None:
    """A note that somebody left beside the rejects is not ours to delete."""
    empty = open_run_folder(stem="a", run="1", started=STARTED, runs=tmp_path)
    noted = open_run_folder(stem="a", run="2", started=STARTED, runs=tmp_path)
    for folder in (empty, noted):
        write_private(folder / "rejected.csv", b"x")
    (noted / "note.txt").touch()
    assert (remove_run_folder(empty), remove_run_folder(noted)) == (True, False)
    assert not empty.exists()
    assert [path.name for path in noted.iterdir()] == ["note.txt"]


def test_a_folder_takes_one_run_at_a_time(tmp_path: Path) -> None:
    """Of two loads at once with the same --out, the second would replace the rejected rows of the first."""
    with claim_folder(tmp_path):
        rejected = write_private(tmp_path / "rejected.csv", b"x")
        for resumed in (False, True):
            with pytest.raises(AlreadyRunning) as stopped:
                open_run_folder(stem="a", run="b", started=STARTED, out=tmp_path, resumed=resumed)
            assert stopped.value.message == f"{tmp_path}: another load is writing into this folder."
            assert stopped.value.exit_code == 11
        with pytest.raises(AlreadyRunning):
            claim_folder(tmp_path)
        assert not remove_run_folder(tmp_path)
        assert rejected.exists()
    assert not (tmp_path / LOCK_FILE).exists()
    assert open_run_folder(stem="a", run="b", started=STARTED, out=tmp_path) == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_the_right_to_a_folder_ends_with_its_process(tmp_path: Path) -> None:
    """A load that was killed must not keep its folder closed for the one that goes on."""
    hold = (
        "import pathlib, sys\nfrom pango_load.report.folder_lock import claim_folder\n"
        "held = claim_folder(pathlib.Path(sys.argv[1]))\nprint('held', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning):
            claim_folder(tmp_path)
        holder.send_signal(signal.SIGKILL)
    lock = tmp_path / LOCK_FILE
    assert lock.exists()
    assert mode_of(lock) == 0o600
    with claim_folder(tmp_path):
        assert lock.exists()
    assert not lock.exists()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    """In a folder that others may write into, a link must not make us open a file elsewhere."""
    (tmp_path / LOCK_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="cannot be used") as stopped:
        claim_folder(tmp_path)
    assert "--out" in stopped.value.advice
    assert not (tmp_path / "elsewhere").exists()
