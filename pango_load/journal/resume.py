"""Whether a load starts, goes on, or has nothing left to do (design, end of section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pango_load.errors import UsageError
from pango_load.journal.description import RunState
from pango_load.journal.lock import already_running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pango_load.journal.description import RunDescription
    from pango_load.journal.identity import FileDigest, LoadIdentity
    from pango_load.journal.runs import KnownRun


@dataclass(frozen=True, slots=True)
class Start:
    """Survey and send.

    Attributes:
        superseded: unfinished runs of older content of the same files, to be marked and counted aloud.
    """

    superseded: tuple[KnownRun, ...] = ()

    @property
    def unsent(self) -> int:
        """Rows that the superseded runs leave unsent."""
        return sum(run.counts.unsent for run in self.superseded)

    @property
    def unknown(self) -> int:
        """Rows of which the superseded runs never learnt what became of them."""
        return sum(run.counts.unknown for run in self.superseded)


@dataclass(frozen=True, slots=True)
class GoOn:
    """Send what `run` has not settled, at the boundaries that were planned."""

    run: KnownRun


@dataclass(frozen=True, slots=True)
class GrowOn:
    """The files are those of `run` with rows added at the end: survey the new ones, send what is not settled."""

    run: KnownRun


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """The same load finished a short while ago: say so, send nothing, exit 0."""

    run: KnownRun


@dataclass(frozen=True, slots=True)
class ShowAgain:
    """The same load finished with rows to be mended: show its report, name `retry`, exit 3."""

    run: KnownRun


@dataclass(frozen=True, slots=True)
class RefuseSuperseding:
    """Unfinished runs of older content stand in the way, and a repeated row would be seen: exit 2 until `--fresh`."""

    runs: tuple[KnownRun, ...]

    @property
    def reason(self) -> UsageError:
        """What a person reads."""
        run = self.runs[0]
        name = ", ".join(run.facts.description.names)
        return UsageError(
            f"An unfinished load of an earlier {name} (run {run.id}) left {run.counts.unsent} rows unsent and "
            f"{run.counts.unknown} unknown; with initData or user events, sending rows again is seen.",
            "Finish that load with its own file first, or give --fresh to start anew.",
        )


@dataclass(frozen=True, slots=True)
class RefuseAppending:
    """`--append`, and the files are not those of `run` with rows added at the end: exit 2.

    Attributes:
        why: in words, what is known of the difference.
    """

    run: KnownRun
    why: str

    @property
    def reason(self) -> UsageError:
        """What a person reads."""
        name = ", ".join(self.run.facts.description.names)
        return UsageError(
            f"--append: {self.why} since {name} was loaded as run {self.run.id}; nothing was sent.",
            "Leave --append out to load the whole file as it is now.",
        )


Decision = Start | GoOn | GrowOn | NothingToDo | ShowAgain | RefuseSuperseding | RefuseAppending


def decide(
    identity: LoadIdentity,
    description: RunDescription,
    known: Sequence[KnownRun],
    *,
    now: float,
    again: bool = False,
    again_after: float = 86400.0,
    fresh: bool = False,
    why_not_grown: Callable[[tuple[FileDigest, ...]], str] | None = None,
) -> Decision:
    """What becomes of a load, given the runs that are known.

    Args:
        identity: what is to be loaded.
        description: its files, and whether repeats are seen (`initData`, user events).
        known: every run of the state folder.
        now: seconds since 1970.
        again: `--again`: send what was finished once more.
        again_after: seconds for which a load that finished with 0 counts as done.
        fresh: `--fresh`: what is unfinished is left behind, and counted; what is finished needs `again`.
        why_not_grown: given with `--append`: what speaks against it that the files are that older content with rows
            added at the end; empty where nothing does.

    Raises:
        AlreadyRunning: a process runs an older version of the same files at this moment.
    """
    digest = identity.digest
    runs = sorted(
        (run for run in known if run.facts.state is not RunState.SURVEY),
        key=lambda run: (run.facts.created, run.id),
        reverse=True,
    )
    neighbours = [run for run in runs if _is_same_place(run, identity, description)]
    newest = next((run for run in runs if run.facts.identity == digest), None)
    if newest and newest.facts.state.is_unfinished and not fresh:
        return GoOn(newest)
    # What was loaded in between from the same files may have overwritten it.
    if newest and not again and not any(run.facts.created > newest.facts.created for run in neighbours):
        if newest.facts.state is RunState.FINISHED and newest.facts.exit_code != 0:
            return ShowAgain(newest)
        # With --append what was sent is never sent again, however long ago that was.
        is_recent = why_not_grown is not None or now - (newest.facts.finished or 0.0) < again_after
        if newest.facts.state is RunState.FINISHED and is_recent:
            return NothingToDo(newest)
    if why_not_grown and not (fresh or again) and (grown := _grown(identity, neighbours, why_not_grown)):
        return grown
    older = tuple(run for run in neighbours if run.facts.state.is_unfinished)
    for run in older:
        # The lock of this very load is held by whoever asks.
        if run.holder and run.facts.identity != digest:
            raise already_running(run.holder)
    if older and not fresh and any(each.repeats_are_seen for each in (description, *_descriptions(older))):
        return RefuseSuperseding(older)
    return Start(older)


def _descriptions(runs: Sequence[KnownRun]) -> list[RunDescription]:
    return [run.facts.description for run in runs]


def _is_same_place(run: KnownRun, identity: LoadIdentity, description: RunDescription) -> bool:
    """Whether `run` brought files of the same names to the same place. Standard input has no name."""
    same_target = run.facts.target == identity.target
    return same_target and "-" not in description.names and run.facts.description.paths == description.paths


def _grown(
    identity: LoadIdentity,
    neighbours: Sequence[KnownRun],
    why_not_grown: Callable[[tuple[FileDigest, ...]], str],
) -> GrowOn | RefuseAppending | None:
    """What `--append` makes of the newest run of these files; None where there is none: this load is the first."""
    run = next((run for run in neighbours if run.facts.state is not RunState.SUPERSEDED), None)
    if run is None:
        return None
    if run.facts.terms != identity.terms or len(run.facts.files) != len(identity.files):
        return RefuseAppending(run, "the mapping, the source or another option has changed")
    why = why_not_grown(run.facts.files)
    return RefuseAppending(run, why) if why else GrowOn(run)
