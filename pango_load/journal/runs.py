"""The runs that the state folder knows: their list, one by its id, and what is deleted when they are old."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.errors import LoadStopped, UsageError
from pango_load.journal.description import RunFacts, RunState
from pango_load.journal.lock import Holder, claim, holder_of, sweep_locks
from pango_load.journal.reading import JournalReader
from pango_load.journal.run import RUNS, Journal
from pango_load.journal.store import GROWN, remove_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pango_load.clock import Clock
    from pango_load.records import Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRun:
    """A run of the past, or of now.

    Attributes:
        path: its journal.
        counts: where its rows are.
        holder: the process that runs it at this moment.
    """

    path: Path
    facts: RunFacts
    counts: Counts
    holder: Holder | None = None

    @property
    def id(self) -> str:
        """What `runs` and `retry` take."""
        return self.facts.id


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRun:
    """A file among the journals that cannot be read, and why; it is left as it is.

    Attributes:
        may_be: the beginnings of the identities' digests that its name, and the marks of its growth, carry.
    """

    path: Path
    reason: LoadStopped
    may_be: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Runs:
    """Every run of a state folder, newest first, and the files that could not be read."""

    known: tuple[KnownRun, ...] = ()
    unreadable: tuple[UnreadableRun, ...] = ()

    def find(self, name: str) -> KnownRun:
        """The run whose id is `name` or begins with it, or whose folder is called so; `last` is the newest.

        Raises:
            UsageError: there is none, or more than one.
        """
        folder = name.rstrip("/").rsplit("/", 1)[-1]
        found = [run for run in self.known if run.id.startswith(name) or run.facts.description.folder.endswith(folder)]
        if name == "last":
            found = list(self.known[:1])
        if len(found) == 1 and name:
            return found[0]
        trouble = "fits several runs" if name and found else "is no run that is known here"
        raise UsageError(f'"{name}" {trouble}.', "`pango-load runs` lists them.")

    def refuse_damage(self, identity: str) -> None:
        """Do not begin anew what may be the load of a journal that cannot be read: accepted rows would go twice.

        Raises:
            LoadStopped: why that journal cannot be read.
        """
        for run in self.unreadable:
            if identity.startswith(run.may_be):
                raise run.reason


def list_runs(state: Path) -> Runs:
    """Every run that the state folder knows; nothing of them is changed."""
    known, unreadable = [], []
    for path in _journals(state):
        try:
            with JournalReader.look(path) as journal:
                facts, counts = journal.facts(), journal.counts()
        except LoadStopped as reason:
            unreadable.append(UnreadableRun(path=path, reason=reason, may_be=_identities_of(path)))
            continue
        holder = holder_of(state, facts.identity)
        known.append(KnownRun(path=path, facts=facts, counts=counts, holder=holder))
    known.sort(key=lambda run: (run.facts.created, run.id), reverse=True)
    return Runs(tuple(known), tuple(unreadable))


def _identities_of(path: Path) -> tuple[str, ...]:
    """The beginnings of the digests of the loads that the journal at `path` may be of, by the names of files alone."""
    _, _, run_id = path.stem.rpartition("-")
    names = [path.stem, *(mark.stem for mark in path.parent.glob(f"*-{run_id}{GROWN}"))]
    return tuple(prefix for name in names if (prefix := name.partition("-")[0]))


def _journals(state: Path) -> Iterator[Path]:
    yield from sorted((state / RUNS).glob("*.sqlite"))


def supersede(state: Path, runs: Sequence[KnownRun], *, by: str, clock: Clock) -> None:
    """Mark unfinished `runs` as replaced by the run `by`.

    Raises:
        AlreadyRunning: another process runs one of them.
    """
    for run in runs:
        holder = holder_of(state, run.facts.identity)
        is_ours = holder is not None and holder.pid == os.getpid()
        with ExitStack() as held:
            if not is_ours:
                held.enter_context(claim(state, run.facts.identity, now=clock.now()))
            held.enter_context(Journal.open(run.path, clock=clock)).supersede(by)


def forget_broken_surveys(state: Path, identity: str) -> None:
    """Delete journals of this load whose survey was broken off: nothing was sent, and it begins anew.

    To be called by the holder of the load's lock.
    """
    for run in list_runs(state).known:
        if run.facts.identity == identity and run.facts.state is RunState.SURVEY:
            remove_file(run.path)


def prune(state: Path, *, older_than: float, now: float, unfinished_too: bool = False) -> tuple[KnownRun, ...]:
    """Delete the journals of runs that ended more than `older_than` seconds ago, and what standard input left behind.

    A run that is under way stays; one that can still go on stays unless `unfinished_too`. Their folders are another
    room's business.

    Returns:
        The runs that were deleted.
    """
    gone = []
    for run in list_runs(state).known:
        age = now - (run.facts.finished or run.facts.created)
        can_go_on = run.facts.state.is_unfinished or run.facts.is_retrying
        if run.holder or age <= older_than or (can_go_on and not unfinished_too):
            continue
        remove_file(run.path)
        if spool := run.facts.description.spool:
            with suppress(OSError):
                Path(spool).unlink()
        if copy := run.facts.description.sorted_copy:
            shutil.rmtree(copy, ignore_errors=True)
        gone.append(run)
    sweep_locks(state)
    return tuple(gone)
