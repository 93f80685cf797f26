"""The quota that is kept: over restarts, between processes, whatever happens to clock, file and neighbours."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.quota_servers import SlidingLog
from support.virtual_time import VirtualClock, run_virtual

from pango_load.clock import SystemClock
from pango_load.delivery.limiter import Limiter, PermitEnd
from pango_load.delivery.quota_process import is_gone, this_process
from pango_load.delivery.quota_sqlite import STILL_ON_THE_WAY, Gone, SqliteStore, forget_account, quota_path
from pango_load.delivery.quota_status import QuotaStatus, quota_status
from pango_load.delivery.quota_terms import Owner, Permit, make_terms
from pango_load.errors import LoadStopped, MustBeMended, TemporaryStop, UsageError
from pango_load.plan import PUBLISHED_WINDOWS, Window, parse_windows

if TYPE_CHECKING:
    from collections.abc import Sequence

TERMS = make_terms(PUBLISHED_WINDOWS)


def _path(folder: Path) -> Path:
    return quota_path(folder, "0123456789abcdef")


def _gone(owners: set[Owner]) -> Gone:
    def gone(owner: Owner, *, silent_for: float) -> bool:
        return owner in owners

    return gone


def _take(store: SqliteStore, clock: VirtualClock, want: int) -> int:
    account = store.begin(clock)
    given = account.take(clock.steady(), want, store.owner, TERMS)
    store.commit()
    return given


def _answer(store: SqliteStore, clock: VirtualClock, count: int) -> None:
    account = store.begin(clock)
    for _ in range(count):
        account.answered(clock.steady(), clock.steady(), store.owner, Permit(clock.steady()))
    store.commit()


def test_a_second_run_does_not_begin_with_a_fresh_minute(tmp_path: Path) -> None:
    """Protects the account from a load that is interrupted and started again and again."""
    clock = VirtualClock()

    async def run(requests: int) -> int:
        store = SqliteStore(_path(tmp_path))
        limiter, refused = Limiter(PUBLISHED_WINDOWS, clock=clock, store=store), 0
        for _ in range(requests):
            permit = await limiter.acquire()
            refused += server.arrive(clock.steady()) is not None
            limiter.settle(permit, PermitEnd.ANSWERED)
        await limiter.close()
        return refused

    server = SlidingLog(PUBLISHED_WINDOWS)
    begin = clock.steady()
    refused = sum(run_virtual(run(300), clock) for _ in range(5))

    assert refused == 0
    assert clock.steady() - begin > 60


def test_what_a_killed_process_had_under_way_is_counted(tmp_path: Path) -> None:
    """Protects the account after kill -9: those requests may have arrived."""
    clock, dead = VirtualClock(), set[Owner]()
    killed = SqliteStore(_path(tmp_path), owner=Owner(pid=11), gone=_gone(dead))
    other = SqliteStore(_path(tmp_path), owner=Owner(pid=12), gone=_gone(dead))
    assert _take(killed, clock, 50) == 50
    clock.advance(100)
    assert _take(other, clock, 1) == 0, "as long as it lives, its requests are under way"

    dead.add(Owner(pid=11))
    clock.advance(STILL_ON_THE_WAY)
    assert _take(other, clock, 1) == 0
    clock.advance(STILL_ON_THE_WAY)
    assert _take(other, clock, 1) == 0, "they count as answered now"
    clock.advance(1.02)

    assert _take(other, clock, 60) == 50


def test_a_process_that_lives_is_told_from_one_that_is_gone() -> None:
    """Protects against a process number that another program has taken over."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        me = this_process()
        started = int(Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
        child = me._replace(pid=process.pid, started=started)
        assert not is_gone(me, silent_for=1e9)
        assert not is_gone(child, silent_for=1e9)
        assert is_gone(child._replace(started=child.started - 5), silent_for=0)
        process.kill()
        process.wait()
    assert is_gone(child, silent_for=0)
    elsewhere = child._replace(space=me.space + 1)
    assert not is_gone(elsewhere, silent_for=60)
    assert is_gone(elsewhere, silent_for=180)
    undated = me._replace(started=0)
    assert not is_gone(undated, silent_for=60)
    assert is_gone(undated, silent_for=180)
    assert is_gone(undated._replace(pid=child.pid), silent_for=0)


@pytest.mark.parametrize("boots", [(1, 2), (0, 0)], ids=["the system tells starts apart", "it does not"])
def test_after_a_new_start_of_the_machine_the_wall_clock_says_how_long_ago_it_was(
    tmp_path: Path, boots: tuple[int, int]
) -> None:
    """Protects the day's quota from a restart."""
    clock = VirtualClock(steady=500_000.0)
    before = SqliteStore(_path(tmp_path), boot=boots[0])
    for _ in range(20):
        assert _take(before, clock, 50) == 50
        _answer(before, clock, 50)
        clock.advance(1.1)
    before.close()
    clock.advance(10)
    clock.restart(steady=20.0)

    after = SqliteStore(_path(tmp_path), boot=boots[1])

    assert _take(after, clock, 1) == 0
    clock.advance(28.5)
    assert _take(after, clock, 10) == 10, "the first ones are a minute old"
    assert _take(after, clock, 200) < 50


@pytest.mark.parametrize("moved", [-3600.0, 3600.0], ids=["an hour back", "an hour forward"])
def test_a_wall_clock_that_is_set_between_two_runs_changes_nothing(tmp_path: Path, moved: float) -> None:
    """Protects the quota from the clock's owner, as long as the machine runs."""
    clock = VirtualClock()
    store = SqliteStore(_path(tmp_path), boot=1)
    _take(store, clock, 50)
    _answer(store, clock, 50)
    store.close()
    clock.set_wall(moved)

    again = SqliteStore(_path(tmp_path), boot=1)

    assert _take(again, clock, 1) == 0
    clock.advance(1.02)
    assert _take(again, clock, 1) == 1


@pytest.mark.parametrize("moved", [-3600.0, 3600.0], ids=["an hour back", "an hour forward"])
def test_a_wall_clock_that_is_set_while_the_machine_is_off_locks_nobody_out(tmp_path: Path, moved: float) -> None:
    """Protects a load from waiting for a time that lies far ahead."""
    clock = VirtualClock(steady=500_000.0)
    store = SqliteStore(_path(tmp_path), boot=1)
    _take(store, clock, 50)
    _answer(store, clock, 50)
    store.close()
    clock.set_wall(moved)
    clock.restart()

    again = SqliteStore(_path(tmp_path), boot=2)
    again.begin(clock)
    again.commit()
    clock.advance(1.02)

    assert _take(again, clock, 50) == 50


def test_the_file_is_small_and_nobody_else_reads_it(tmp_path: Path) -> None:
    """Protects the account's name, which is a digest already, and the user's disk."""
    clock, folder = VirtualClock(), tmp_path / "state"
    store = SqliteStore(_path(folder))
    for _ in range(300):
        _take(store, clock, 50)
        _answer(store, clock, 50)
        clock.advance(60)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    store.close()

    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == ["quota-0123456789abcdef.sqlite"]
    assert _path(folder).stat().st_size < 40_000


def _no_database(path: Path) -> None:
    path.write_bytes(b"this is no database at all, but long enough to be read as one " * 40)


def _other_bytes(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE account SET version = 9, state = x'00112233'")
    database.close()


def _other_table(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE account")
    database.close()


@pytest.mark.parametrize("damage", [_no_database, _other_bytes, _other_table])
def test_a_damaged_file_is_said_and_can_be_begun_anew(tmp_path: Path, damage: object) -> None:
    """Protects the account: a memory that cannot be read is not taken for an empty one."""
    path, clock = _path(tmp_path), VirtualClock()
    SqliteStore(path).close()
    assert callable(damage)
    damage(path)

    with pytest.raises(UsageError) as stopped:
        SqliteStore(path).begin(clock)

    assert stopped.value.message == f"The quota file {path} is damaged."
    assert "pango-load quota --reset" in stopped.value.advice
    forget_account(path, clock)
    assert _take(SqliteStore(path), clock, 50) == 50


def test_a_reset_begins_with_full_windows(tmp_path: Path) -> None:
    """Protects an account whose limits were spent and given back elsewhere."""
    path, clock = _path(tmp_path), VirtualClock()
    store = SqliteStore(path)
    _take(store, clock, 50)
    _answer(store, clock, 50)
    assert _take(store, clock, 1) == 0

    forget_account(path, clock)

    assert _take(store, clock, 50) == 50


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    """Protects the promise: no memory, no load."""
    tmp_path.chmod(0o500)

    with pytest.raises(UsageError, match="cannot be written"):
        SqliteStore(_path(tmp_path))


def test_a_state_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    """Protects a person from a traceback."""
    (tmp_path / "state").write_text("", encoding="utf-8")

    with pytest.raises(UsageError) as stopped:
        SqliteStore(_path(tmp_path / "state"))

    assert "PANGO_STATE_DIR" in stopped.value.advice


def test_a_file_that_can_only_be_read_is_said(tmp_path: Path) -> None:
    """Protects the promise where only the file is write-protected (SQLite itself says so, even to root)."""
    path, clock = _path(tmp_path), VirtualClock()
    store = SqliteStore(path)
    store._db.execute("PRAGMA query_only = ON")

    with pytest.raises(UsageError, match="cannot be written: attempt to write a readonly database"):
        store.begin(clock)


def test_a_full_disk_is_said_and_nothing_is_sent_that_is_not_remembered(tmp_path: Path) -> None:
    """Protects the account: a permit that cannot be written down is not given."""
    path, clock = _path(tmp_path), VirtualClock()
    store = SqliteStore(path)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")

    async def ask() -> None:
        await Limiter(PUBLISHED_WINDOWS, clock=clock, store=store).acquire()

    with pytest.raises(MustBeMended, match="database or disk is full"):
        run_virtual(ask(), clock)

    store._db.execute("PRAGMA max_page_count = 100000")
    assert _take(store, clock, 60) == 50, "nothing was taken"


def test_a_process_that_holds_the_file_for_too_long_is_named(tmp_path: Path) -> None:
    """Protects a person from a load that stands still without a word."""
    path, clock = _path(tmp_path), VirtualClock()
    holder, store = SqliteStore(path), SqliteStore(path)
    store._db.execute("PRAGMA busy_timeout = 10")
    holder.begin(clock)

    with pytest.raises(TemporaryStop) as stopped:
        store.begin(clock)

    assert "held by another process" in stopped.value.message
    holder.abandon()
    assert _take(store, clock, 1) == 1


def test_what_cannot_be_settled_now_is_settled_with_the_next_permit(tmp_path: Path) -> None:
    """Protects the count when the file is held for a moment while an answer comes in."""
    path, clock = _path(tmp_path), VirtualClock()
    holder, store = SqliteStore(path), SqliteStore(path)
    store._db.execute("PRAGMA busy_timeout = 10")

    async def send() -> QuotaStatus:
        limiter = Limiter(PUBLISHED_WINDOWS, clock=clock, store=store)
        permits = [await limiter.acquire() for _ in range(2)]
        holder.begin(clock)
        limiter.settle(permits[0], PermitEnd.ANSWERED)
        with pytest.raises(LoadStopped):
            await limiter.acquire()
        holder.abandon()
        await limiter.acquire()
        return quota_status(PUBLISHED_WINDOWS, holder, clock=clock)

    status = run_virtual(send(), clock)

    assert [(window.used, window.under_way) for window in status.windows] == [(3, 2)] * 5


def test_a_status_says_used_left_and_when_it_frees_up(tmp_path: Path) -> None:
    """Protects a person who plans the next load with `pango-load quota`."""
    clock = VirtualClock()
    store = SqliteStore(_path(tmp_path))
    for _ in range(4):
        _take(store, clock, 50)
        _answer(store, clock, 50)
        clock.advance(10)
    _take(store, clock, 5)

    status = quota_status(PUBLISHED_WINDOWS, store, clock=clock, share=0.5)
    second, minute, *_, day = status.windows

    assert (second.used, second.under_way, second.left, second.frees_up) == (5, 5, 20, None)
    assert (minute.used, minute.left, minute.limit) == (205, 295, 500)
    assert minute.frees_up == pytest.approx(clock.now() + 20.2, abs=0.3)
    assert minute.all_free is None, "5 are under way"
    assert (day.used, day.left) == (205, 199_795)
    assert status.asked_to_wait_until is None
    assert status.processes == 0


def test_many_permits_a_second_are_taken_in_groups(tmp_path: Path) -> None:
    """Protects four processes from standing in line for the file where the limits are high."""
    clock = VirtualClock()
    store = SqliteStore(_path(tmp_path))
    windows, begun = (Window(1, 5000),), 0
    take = store.begin

    def counted(asked: VirtualClock) -> object:
        nonlocal begun
        begun += 1
        return take(asked)

    store.begin = counted  # type: ignore[method-assign, assignment]

    async def send() -> None:
        limiter = Limiter(windows, clock=clock, store=store)
        for _ in range(20_000):
            limiter.settle(await limiter.acquire(), PermitEnd.ANSWERED)
            await clock.sleep(0.0002)
        await limiter.close()

    run_virtual(send(), clock)

    assert begun < 3000
    account = store._account
    assert [ring.held for ring in account.rings] == [0]


# --- for real ---------------------------------------------------------------------------------------------------------


def _start(folder: Path, windows: str, requests: int, number: int) -> subprocess.Popen[bytes]:
    script = Path(__file__).parents[1] / "support" / "quota_sender.py"
    words = [str(_path(folder)), windows, str(requests), str(folder / f"arrivals-{number}")]
    return subprocess.Popen([sys.executable, str(script), *words], stdout=subprocess.PIPE)


def _most_in_any(seconds: float, arrivals: Sequence[float]) -> int:
    found, first = 0, 0
    for last, at in enumerate(arrivals):
        while arrivals[first] <= at - seconds:
            first += 1
        found = max(found, last - first + 1)
    return found


@pytest.mark.parametrize("killed", [False, True], ids=["all live", "one is killed with -9"])
def test_four_processes_share_one_account(tmp_path: Path, killed: bool) -> None:
    """Protects the account from a schedule that starts several loads at once, and from kill -9 in between."""
    windows = "20/0.25s,60/1s"
    begin = time.monotonic()
    processes = [_start(tmp_path, windows, 40, number) for number in range(4)]
    if killed:
        assert processes[0].stdout is not None
        processes[0].stdout.readline()
        processes[0].send_signal(signal.SIGKILL)
    for process in processes:
        process.communicate(timeout=30)
    codes = Counter(process.returncode for process in processes)
    seconds = time.monotonic() - begin
    lines = [path.read_text(encoding="utf-8").splitlines() for path in tmp_path.glob("arrivals-*")]
    arrivals = sorted(float(line) for part in lines for line in part if len(line) > 5)

    assert codes == (Counter({0: 3, -9: 1}) if killed else Counter({0: 4}))
    for window in parse_windows(windows):
        assert _most_in_any(window.seconds, arrivals) <= window.limit
    if not killed:
        assert len(arrivals) == 160
        assert arrivals[-1] - arrivals[0] < 4, "160 at 60 a second are 2.1 s; a busy machine takes a little longer"
    assert seconds < 20
    status = quota_status(parse_windows(windows), SqliteStore(_path(tmp_path)), clock=SystemClock())
    assert all(window.used <= window.window.limit for window in status.windows)
