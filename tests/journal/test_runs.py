"""The list of runs, the lock of a load, and the state folder."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.journal_samples import DESCRIPTION, IDENTITY, NOON, HandClock, begin_journal, identity, plan_of

from pango_load.errors import AlreadyRunning, MustBeMended, TemporaryStop, UsageError
from pango_load.journal.description import RunState
from pango_load.journal.lock import claim, holder_of, sweep_locks
from pango_load.journal.place import check_state_folder, kind_of_disk
from pango_load.journal.resume import Start, decide
from pango_load.journal.run import Journal
from pango_load.journal.runs import list_runs, prune, supersede
from pango_load.journal.store import connect
from pango_load.records import Counts

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 86400.0


def finished_run(state: Path, content: str = "a", *, at: float = NOON, code: int = 0) -> Path:
    with begin_journal(state, load=identity(content), clock=HandClock(at)) as journal:
        journal.finish(code)
        return journal.path


def test_runs_are_listed_newest_first_with_what_became_of_them(tmp_path: Path) -> None:
    """`runs` answers "what happened last night"."""
    finished_run(tmp_path, "a", at=NOON)
    finished_run(tmp_path, "b", at=NOON + 60, code=3)
    with begin_journal(tmp_path, plan_of(2), load=identity("c"), clock=HandClock(NOON + 120)):
        runs = list_runs(tmp_path).known
        assert [(run.facts.state, run.facts.exit_code) for run in runs] == [
            (RunState.SENDING, None),
            (RunState.FINISHED, 3),
            (RunState.FINISHED, 0),
        ]
        assert runs[0].counts == Counts(read=100, unsent=100)
        assert runs[0].facts.description == DESCRIPTION


def test_a_run_is_found_by_its_id_its_beginning_its_folder_or_as_the_last(tmp_path: Path) -> None:
    """What a person copies from any of our texts names the run."""
    finished_run(tmp_path)
    runs = list_runs(tmp_path)
    (run,) = runs.known
    for name in (run.id, run.id[:5], "last", "customers-1", "pango-load-runs/customers-1/"):
        assert runs.find(name) is run
    with pytest.raises(UsageError, match='"zzz" is no run that is known here'):
        runs.find("zzz")
    finished_run(tmp_path, "b")
    with pytest.raises(UsageError, match="fits several runs"):
        list_runs(tmp_path).find("customers-1")


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        pytest.param(lambda _: b"", "damaged", id="emptied"),
        pytest.param(lambda data: data[:50], "damaged", id="cut in the header"),
        pytest.param(lambda data: data[:4096] + os.urandom(len(data) - 4096), "damaged", id="overwritten"),
        pytest.param(lambda data: data[: len(data) // 2], "damaged", id="cut in the middle"),
        pytest.param(lambda _: b"not a database" * 100, "not a journal", id="another file"),
        pytest.param(lambda data: data[:60] + (9).to_bytes(4) + data[64:], "is of version 9", id="of a newer program"),
    ],
)
def test_a_file_that_is_no_sound_journal_is_named_and_left_as_it_is(
    tmp_path: Path, harm: Callable[[bytes], bytes], expected: str
) -> None:
    """A damaged journal may be all that is left of a load: it is never overwritten."""
    path = finished_run(tmp_path)
    spoilt = harm(path.read_bytes())
    path.write_bytes(spoilt)
    with pytest.raises((UsageError, MustBeMended), match=expected):
        Journal.open(path)
    assert path.read_bytes() == spoilt
    assert {other.name for other in path.parent.iterdir()} == {path.name}


def test_a_foreign_database_is_not_touched(tmp_path: Path) -> None:
    """A file of another program that lies among ours stays as it is."""
    path = tmp_path / "runs" / "abc-1.sqlite"
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE batch (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="not a journal of pango-load"):
        Journal.open(path)
    assert path.read_bytes() == before


def test_the_damaged_journal_of_this_very_load_stops_it(tmp_path: Path) -> None:
    """Starting anew would send accepted rows twice, so a person decides."""
    path = finished_run(tmp_path)
    path.write_bytes(b"\0" * 5000)
    runs = list_runs(tmp_path)
    assert runs.known == ()
    assert [run.path for run in runs.unreadable] == [path]
    with pytest.raises(UsageError, match="not a journal"):
        runs.refuse_damage(identity("a").digest)
    runs.refuse_damage(identity("b").digest)


def test_a_journal_that_another_program_holds_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    """A backup that locks the file ends the load with a plain word, exit 5."""
    path = finished_run(tmp_path)
    other = connect(path)
    other.execute("BEGIN EXCLUSIVE")

    def impatient(path: Path) -> sqlite3.Connection:
        db = connect(path)
        db.execute("PRAGMA busy_timeout = 10")
        return db

    with pytest.raises(TemporaryStop, match="Another program holds the journal"):
        Journal.open(path, connect=impatient)
    other.close()


def test_a_superseded_run_does_not_go_on(tmp_path: Path) -> None:
    """Its rows stay counted as unsent, and it says who took its place."""
    with begin_journal(tmp_path, plan_of(2)):
        pass
    supersede(tmp_path, list_runs(tmp_path).known, by="run-2", clock=HandClock())
    (run,) = list_runs(tmp_path).known
    assert (run.facts.state, run.facts.superseded_by) == (RunState.SUPERSEDED, "run-2")
    assert run.counts == Counts(read=100, unsent=100)


def test_a_load_begun_anew_supersedes_its_own_earlier_run(tmp_path: Path) -> None:
    """`--fresh` on unchanged content: whoever holds the load's lock marks the run that is left behind."""
    with begin_journal(tmp_path, plan_of(2)):
        pass
    with claim(tmp_path, IDENTITY.digest, now=NOON):
        known = list_runs(tmp_path).known
        decision = decide(IDENTITY, DESCRIPTION, known, now=NOON, fresh=True)
        assert decision == Start(known)
        supersede(tmp_path, known, by="run-2", clock=HandClock())
    (run,) = list_runs(tmp_path).known
    assert run.facts.state is RunState.SUPERSEDED


def test_old_runs_are_deleted_on_request_and_unfinished_ones_kept(tmp_path: Path) -> None:
    """`runs --prune 30d` never deletes what can still go on, nor what runs."""
    old = finished_run(tmp_path, "a", at=NOON - 40 * DAY)
    young = finished_run(tmp_path, "b", at=NOON - DAY)
    with begin_journal(tmp_path, plan_of(1), load=identity("c"), clock=HandClock(NOON - 50 * DAY)) as journal:
        unfinished = journal.path
    running = finished_run(tmp_path, "d", at=NOON - 50 * DAY)
    with claim(tmp_path, identity("d").digest, now=NOON):
        gone = prune(tmp_path, older_than=30 * DAY, now=NOON)
        assert [run.path for run in gone] == [old]
        assert [path.exists() for path in (old, young, unfinished, running)] == [False, True, True, True]
        prune(tmp_path, older_than=30 * DAY, now=NOON, unfinished_too=True)
        assert [path.exists() for path in (unfinished, running)] == [False, True]


# --- one process for each load ----------------------------------------------------------------------------------------

_HOLDER = """
import sys, time
from pathlib import Path
from pango_load.journal.lock import claim
with claim(Path(sys.argv[1]), sys.argv[2], now=1700000000.0):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_on_the_same_load_is_told_who_is_first(tmp_path: Path) -> None:
    """Two processes never send the same rows; a kill -9 of the first frees the way at once."""
    digest = IDENTITY.digest
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path), digest], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdin, child.stdout:
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning) as second:
            claim(tmp_path, digest, now=NOON)
        assert second.value.message == (
            f"Another process is running this same load: process {child.pid}, since 2023-11-14 22:13:20 UTC."
        )
        holder = holder_of(tmp_path, digest)
        assert holder is not None
        assert holder.pid == child.pid
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert holder_of(tmp_path, digest) is None
    with claim(tmp_path, digest, now=NOON):
        assert holder_of(tmp_path, digest) is not None


def test_different_loads_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """The lock is of a load, not of the machine."""
    with claim(tmp_path, identity("a").digest, now=NOON), claim(tmp_path, identity("b").digest, now=NOON):
        sweep_locks(tmp_path)
        assert len(list((tmp_path / "locks").glob("*.lock"))) == 2
    sweep_locks(tmp_path)
    assert list((tmp_path / "locks").glob("*.lock")) == []


# --- the state folder -------------------------------------------------------------------------------------------------

_MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/root rw
30 22 0:40 / /home rw - nfs4 server:/home rw
31 30 8:2 / /home/local rw shared:1 - xfs /dev/sdb rw
32 22 0:41 / /mnt/team\\040share rw - cifs //server/team rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/x", "ext4"),
        ("/home/an/.local", "nfs4"),
        ("/home/local/state", "xfs"),
        ("/mnt/team share/state", "cifs"),
        ("/homes/x", "ext4"),
    ],
)
def test_the_disk_under_a_folder_is_known(path: str, kind: str) -> None:
    """The mount that is nearest counts, with blanks in its name too."""
    assert kind_of_disk(Path(path), _MOUNTS) == kind


def test_a_state_folder_on_a_network_disk_is_refused(tmp_path: Path) -> None:
    """SQLite's log and our locks cannot be believed there, so nothing is promised and nothing sent."""
    mounts = f"22 1 8:1 / / rw - ext4 /dev/root rw\n30 22 0:40 / {tmp_path.resolve()} rw - nfs4 server:/x rw\n"
    with pytest.raises(UsageError, match=r"is on a network disk \(nfs4\)"):
        check_state_folder(tmp_path / "state", mounts=mounts)


def test_a_state_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """Exit 2, the folder named, the variable to change named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made: Not a directory") as refused:
        Journal.create(tmp_path / "file" / "state", identity=IDENTITY, description=DESCRIPTION)
    assert "PANGO_STATE_DIR" in refused.value.advice


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """A folder of another user, or a disk that is mounted read-only."""
    state = tmp_path / "state"
    state.mkdir(mode=0o500)
    with pytest.raises(UsageError, match="cannot be written"):
        Journal.create(state, identity=IDENTITY, description=DESCRIPTION)


# --- content ----------------------------------------------------------------------------------------------------------


def test_everything_that_changes_what_is_sent_changes_the_identity() -> None:
    """The same load is the same in every respect that design section 5 names."""
    words = ("mapping", "object_type", "catalogue", "account", "ingest_url", "source", "reading")
    loads = [identity("a"), identity("b"), identity("a", init_data=True)]
    loads += [identity("a", **{word: "x"}) for word in words]
    assert len({load.digest for load in loads}) == len(loads)
    assert identity("a").digest == identity("a").digest
