"""A journal whose writes fail, whose process dies, and whose disk loses power: nothing that was promised is lost."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.journal_faults import Died, Fault, FaultyConnection, Trouble
from support.journal_samples import FAST_DISK, HandClock, begin_journal, copy_of, plan_of
from support.journal_world import Answer, Platform, send_all

from pango_load.errors import LoadStopped, MustBeMended, TemporaryStop
from pango_load.journal.run import Journal
from pango_load.journal.store import connect
from pango_load.records import Counts, Outcome, Verdict

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

SCRIPT = (Answer.OK, Answer.BUSY, Answer.LOST, Answer.OK, Answer.DROPPED)
POISON = frozenset({4, 7})
BATCHES = 3
ENTRIES = 3


@pytest.fixture
def memory_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder where a flush costs nothing, for tests that make hundreds of them."""
    if FAST_DISK is None:
        yield tmp_path
        return

    with tempfile.TemporaryDirectory(prefix="journal-", dir=FAST_DISK) as folder:
        yield Path(folder)


def scenario(start: Path, folder: Path, trouble: Trouble) -> tuple[Path, Platform, BaseException | None]:
    """A short load with every kind of answer and `trouble` while it sends; gives a copy of what is on the disk."""
    path = copy_of(start, folder / "state")
    platform = Platform(poison=POISON, script=iter(SCRIPT))
    ended: BaseException | None = None
    journal: Journal | None = None
    try:
        journal = Journal.open(path, clock=HandClock(), connect=trouble.connect)
        journal.begin_sending()
        asyncio.run(send_all(journal, platform))
        journal.finish(3)
    except (LoadStopped, Died) as error:
        ended = error
    copy = copy_of(path, folder / "disk")
    if journal:
        trouble.at = None
        journal.close()
    return copy, platform, ended


def check(journal: Journal, platform: Platform) -> Counts:
    """The invariants of delivery: I1, I2 and I4 of the quota document's fault matrix, at any moment."""
    counts = journal.counts()
    assert counts.is_balanced
    assert counts.read == BATCHES * ENTRIES
    everything = set(range(counts.read))
    unknown = {row for span in journal.unknown_spans() for row in range(span.first, span.last + 1)}
    unsent = {row for span in journal.unsent_spans() for row in range(span.first, span.last + 1)}
    refused = {entry.position for entry in journal.refused_rows()}
    accepted = everything - unknown - unsent - refused
    assert accepted <= set(platform.applied), "what the journal calls accepted was applied"
    assert refused <= POISON, "only the guilty are rejected"
    applied = set(platform.applied)
    assert unsent.isdisjoint(applied), "what was applied is never called unsent"
    return counts


TOTAL_WRITES = 133
EVERYDAY = {(Fault.FULL, True)}
FAULTS = [
    pytest.param(
        fault,
        lasts,
        id=f"{fault.name.lower()} {'for good' if lasts else 'once'}",
        marks=() if fault.is_death or (fault, lasts) in EVERYDAY else pytest.mark.heavy,
    )
    for fault in Fault
    for lasts in (False, True)
    if lasts or not fault.is_death
]


def planned(folder: Path) -> Path:
    """The journal of the scenario, planned and closed."""
    with begin_journal(folder, plan_of(BATCHES, ENTRIES)) as journal:
        return journal.path


def writes_of(start: Path, folder: Path) -> int:
    """How many writes the scenario has when nothing goes wrong."""
    folder.mkdir()
    trouble = Trouble()
    _, _, ended = scenario(start, folder, trouble)
    assert ended is None
    return trouble.writes


def test_the_number_of_writes_is_known(memory_disk: Path) -> None:
    """Whoever makes the journal write more, or less, is asked to look at what that costs."""
    assert writes_of(planned(memory_disk), memory_disk / "calm") == TOTAL_WRITES


@pytest.mark.parametrize(("fault", "lasts"), FAULTS)
def test_no_write_can_fail_so_that_a_row_is_lost_or_misjudged(memory_disk: Path, fault: Fault, *, lasts: bool) -> None:
    """Each write of a load in turn meets a full disk, an error, a held lock or the end of the process."""
    start = planned(memory_disk)
    for at in range(writes_of(start, memory_disk / "calm")):
        folder = memory_disk / f"at-{at}"
        folder.mkdir()
        copy, platform, ended = scenario(start, folder, Trouble(fault=fault, at=at, lasts=lasts))
        if isinstance(ended, LoadStopped):
            assert isinstance(ended, TemporaryStop if fault is Fault.BUSY else MustBeMended)
        with Journal.open(copy, clock=HandClock()) as after:
            check(after, platform)
            after.begin_sending()
            asyncio.run(send_all(after, platform))
            after.finish(3)
            assert check(after, platform) == Counts(read=9, accepted=7, rejected=2)
        for position, times in platform.applied.items():
            # An answer that came and could not be written down counts as unheard: the process ended there.
            assert times <= 1 + platform.unheard[position] + (1 if ended else 0)


def test_an_intent_that_cannot_be_kept_is_never_sent_and_later_ones_are_not_tried(tmp_path: Path) -> None:
    """A full disk stops the load before the next request, not after it."""
    trouble = Trouble()

    async def send() -> None:
        await journal.sending(0)
        trouble.at, trouble.lasts = trouble.writes, True
        with pytest.raises(MustBeMended, match="is full: the journal cannot be written"):
            await journal.sending(1)
        trouble.at = None
        with pytest.raises(MustBeMended, match="is full"):
            await journal.sending(2)
        await journal.settled(Outcome(batch=0, verdict=Verdict.ACCEPTED))

    with begin_journal(tmp_path, plan_of(3), connect=trouble.connect) as journal:
        asyncio.run(send())
        assert isinstance(journal.stopped, MustBeMended)
        assert journal.counts() == Counts(read=150, accepted=50, unsent=100)


def test_the_reserve_is_given_up_when_the_disk_is_full(tmp_path: Path) -> None:
    """What was in flight can still be written down in the room that was set aside."""
    trouble = Trouble()

    async def send() -> None:
        await journal.sending(0)
        trouble.at = trouble.writes
        await journal.settled(Outcome(batch=0, verdict=Verdict.ACCEPTED))

    with begin_journal(tmp_path, plan_of(1), connect=trouble.connect) as journal:
        (reserve,) = (tmp_path / "runs").glob("*.reserve")
        assert reserve.stat().st_size == 1 << 20
        asyncio.run(send())
        assert not reserve.exists()
        assert journal.counts() == Counts(read=50, accepted=50)


def test_a_real_limit_on_file_size_stops_the_load_with_exit_7(tmp_path: Path) -> None:
    """The system's own refusal to write is understood, not only an injected one."""
    journal = begin_journal(tmp_path, plan_of(2000))
    path = journal.path
    journal.close()
    script = (
        "import asyncio, resource, sys\n"
        "from pathlib import Path\n"
        "from pango_load.errors import LoadStopped\n"
        "from pango_load.journal.run import Journal\n"
        "async def send(journal):\n"
        "    for number in range(2000):\n"
        "        await journal.sending(number)\n"
        "journal = Journal.open(Path(sys.argv[1]))\n"
        "size = 1_200_000\n"
        "journal.begin_sending()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
        "try:\n"
        "    asyncio.run(send(journal))\n"
        "except LoadStopped as stopped:\n"
        "    print(stopped.exit_code, stopped.message)\n"
    )
    child = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert child.stdout.startswith("7 ")
    with Journal.open(path) as after:
        counts = after.counts()
        assert counts.is_balanced
        assert counts.unknown > 0


_FULL_DISK = """
import asyncio, os, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from support.journal_samples import begin_journal, plan_of
from pango_load.errors import MustBeMended
from pango_load.journal.run import Journal
from pango_load.records import Outcome, Verdict

async def send(journal):
    in_flight = []
    try:
        for number in range(4000):
            await journal.sending(number)
            in_flight.append(number)
            if len(in_flight) > 20:
                done = in_flight.pop(0)
                await journal.settled(Outcome(batch=done, verdict=Verdict.ACCEPTED))
    except MustBeMended as stopped:
        print(stopped.message)
    for number in in_flight:
        await journal.settled(Outcome(batch=number, verdict=Verdict.ACCEPTED))
    return number

disk = Path(sys.argv[1])
journal = begin_journal(disk / "state", plan_of(4000))
with (disk / "other").open("wb", buffering=0) as other:
    try:
        while other.write(bytes(4096)):
            pass
    except OSError:
        pass
asyncio.run(send(journal))
print(journal.counts())
journal.finish(7)
journal.close()
(disk / "other").unlink()
with Journal.open(journal.path) as after:
    print(after.counts())
"""

_OWN_DISKS = ["unshare", "--map-root-user", "--mount"]


def may_mount() -> bool:
    """Whether a disk of 3 MB can be made for a test."""
    try:
        return subprocess.run([*_OWN_DISKS, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not may_mount(), reason="no disk can be mounted here")
def test_a_disk_that_fills_up_loses_no_outcome(tmp_path: Path) -> None:
    """A real full disk: the next request is not sent, and all that were in flight are written down nevertheless."""
    tests = Path(__file__).parents[1]
    inner = f'mount -t tmpfs -o size=3m none "{tmp_path}" && exec "$@"'
    child = subprocess.run(
        [*_OWN_DISKS, "sh", "-c", inner, "sh", sys.executable, "-c", _FULL_DISK, str(tmp_path), str(tests)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tests.parent,
    )
    assert child.returncode == 0, child.stderr
    message, counts, after = child.stdout.splitlines()
    assert message.endswith("is full: the journal cannot be written.")
    assert "unknown=0" in counts
    assert counts == after


# --- loss of power ----------------------------------------------------------------------------------------------------


def dump(db: sqlite3.Connection) -> tuple[object, ...]:
    """Everything in the tables that sending changes."""
    return tuple(
        tuple(db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall())  # noqa: S608 - fixed names
        for table in ("run", "batch", "part", "refusal", "pace")
    )


def connect_without_checkpoints(path: Path) -> sqlite3.Connection:
    db = connect(path)
    db.execute("PRAGMA wal_autocheckpoint = 0")
    return db


class Watched(FaultyConnection):
    """Remembers what the journal holds after each commit."""

    moments: list[tuple[object, ...]]

    def execute(self, sql: str, parameters=(), /) -> sqlite3.Cursor:  # type: ignore[no-untyped-def]  # noqa: ANN001 - as above
        cursor = super().execute(sql, parameters)
        if sql == "COMMIT" and hasattr(self, "moments") and self.in_write is False:
            self.moments.append(dump(self.real))
        return cursor


def resume_after(journal: Journal, platform: Platform) -> None:
    """The load goes on: everything has its place in the end, and what the disk forgot is only sent again."""
    again = Platform(poison=POISON, applied=Counter(platform.applied))
    journal.begin_sending()
    asyncio.run(send_all(journal, again))
    journal.finish(3)
    assert check(journal, again) == Counts(read=9, accepted=7, rejected=2)
    assert set(again.applied) == set(range(9)) - POISON


@pytest.mark.parametrize(
    ("trials", "resumed"), [(200, 20), pytest.param(3000, 3000, marks=pytest.mark.heavy)], ids=["200", "3000"]
)
def test_a_loss_of_power_leaves_an_exact_beginning_of_what_was_written(
    memory_disk: Path, trials: int, resumed: int
) -> None:
    """The write-ahead log cut at any byte, torn or with a lost sector opens to a moment that once was, and goes on."""
    journal = begin_journal(memory_disk, plan_of(BATCHES, ENTRIES))
    path = journal.path
    journal.close()
    moments: list[tuple[object, ...]] = []

    def watch(path: Path) -> FaultyConnection:
        connection = Watched(connect_without_checkpoints(path), Trouble())
        connection.moments = moments
        return connection

    moments.append(dump(connect(path)))
    platform = Platform(poison=POISON, script=iter(SCRIPT))
    with Journal.open(path, clock=HandClock(), connect=watch) as running:
        running.begin_sending()
        asyncio.run(send_all(running, platform))
        copy = copy_of(path, memory_disk / "copy")
    log = copy.with_name(f"{copy.name}-wal")
    whole, database = log.read_bytes(), copy.read_bytes()
    assert len(set(moments)) > 15
    chance = random.Random(6)
    reached = set()
    for trial in range(trials):
        at = chance.randrange(len(whole))
        match trial % 3:
            case 0:
                torn = whole[:at]
            case 1:
                torn = whole[:at] + chance.randbytes(512) + whole[at + 512 :]
            case _:
                sector = at // 512 * 512
                torn = whole[:sector] + bytes(512) + whole[sector + 512 :]
        copy.write_bytes(database)
        log.write_bytes(torn)
        db = connect(copy)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = dump(db)
        db.close()
        assert found in moments
        reached.add(moments.index(found))
        with Journal.open(copy, clock=HandClock()) as after:
            assert after.counts().is_balanced
            if trial < resumed:
                resume_after(after, platform)
    assert len(reached) > 10


# --- a real kill ------------------------------------------------------------------------------------------------------

_CHILD = """
import asyncio, os, sys
from pathlib import Path
from pango_load.journal.run import Journal
from pango_load.records import Outcome, Verdict

async def send(journal, batches):
    for batch in batches:
        await journal.sending(batch.number)
        os.write(1, b"s%d\\n" % batch.number)
        await journal.settled(Outcome(batch=batch.number, verdict=Verdict.ACCEPTED))
        os.write(1, b"d%d\\n" % batch.number)

async def main(journal):
    batches = journal.unsettled()
    await asyncio.gather(*(send(journal, batches) for _ in range(16)))

journal = Journal.open(Path(sys.argv[1]))
journal.begin_sending()
asyncio.run(main(journal))
"""


def kill_after(path: Path, lines: int) -> tuple[set[int], set[int]]:
    """Let a child send at full speed, kill it after so many lines; gives what it had been told was sent, and done."""
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    told = [child.stdout.readline() for _ in range(lines)]
    child.send_signal(signal.SIGKILL)
    told += child.stdout.readlines()
    child.stdout.close()
    child.wait()
    whole = [line for line in told if line.endswith(b"\n")]
    sent, done = ({int(line[1:]) for line in whole if line.startswith(kind)} for kind in (b"s", b"d"))
    return sent, done


@pytest.mark.parametrize("lines", [1, 37, 400, 1500], ids="after {} lines".format)
def test_a_process_killed_at_full_speed_has_kept_all_it_was_told(tmp_path: Path, lines: int) -> None:
    """Kill -9 loses nothing that the sender was told is on the disk, and invents nothing."""
    journal = begin_journal(tmp_path, plan_of(1500))
    path = journal.path
    journal.close()
    sent, done = kill_after(path, lines)
    with Journal.open(path) as after:
        counts = after.counts()
        assert counts.is_balanced
        unknown = {span.first // 50 + step for span in after.unknown_spans() for step in range(span.rows // 50)}
        after.begin_sending()
        left = {batch.number for batch in after.unsettled()}
        assert done.isdisjoint(left)
        assert sent - done <= unknown | (set(range(1500)) - left)
        assert len(unknown) <= 16, "no more is in doubt than was in flight"


@pytest.mark.heavy
def test_a_load_killed_again_and_again_comes_to_its_end(tmp_path: Path) -> None:
    """Sixty kills at random moments: what was settled stays settled, and the end is that of an undisturbed load."""
    chance = random.Random(9)
    journal = begin_journal(tmp_path, plan_of(6000))
    path = journal.path
    journal.close()
    settled: set[int] = set()
    for _ in range(60):
        _, done = kill_after(path, chance.randrange(1, 400))
        assert settled.isdisjoint(done), "nothing is sent again that was settled"
        settled |= done
        with Journal.open(path) as after:
            assert after.counts().is_balanced
    with Journal.open(path, clock=HandClock()) as last:
        last.begin_sending()
        asyncio.run(send_all(last, Platform()))
        assert last.counts() == Counts(read=300_000, accepted=300_000)
