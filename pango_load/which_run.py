"""Which run a load is: the same one as before, a new one, or one that has nothing left to do."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.journal.description import RunDescription
from pango_load.journal.identity import FileDigest, LoadIdentity
from pango_load.journal.reading import JournalReader
from pango_load.report.summary import SUMMARY_FILE, read_summary
from pango_load.run import LoadReport, Run

if TYPE_CHECKING:
    from pango_load.clock import Clock
    from pango_load.journal.runs import KnownRun
    from pango_load.plan import LoadPlan
    from pango_load.report.summary import Summary
    from pango_load.road import Road
    from pango_load.source.fingerprint import Fingerprint


def identify(
    plan: LoadPlan, road: Road, *, source: str, fingerprints: tuple[Fingerprint, ...], account: str, address: str
) -> LoadIdentity:
    """What must be equal for a load to be the same load.

    Args:
        plan: what was asked for.
        road: files and mapping.
        source: the request's `source`.
        fingerprints: the content of the files.
        account: a digest, see `Endpoint.account`.
        address: that entries go to.
    """
    kind = road.mapping.object_type
    return LoadIdentity(
        files=tuple(FileDigest(found.digest, found.size) for found in fingerprints),
        mapping=road.mapping.fingerprint,
        object_type=kind.name,
        catalogue=kind.fingerprint,
        account=account,
        ingest_url=address,
        source=source,
        init_data=plan.init_data,
        reading=hashlib.blake2b(repr(plan.reading).encode(), digest_size=16).hexdigest(),
    )


def describe(plan: LoadPlan, road: Road, *, source: str, address: str, command: tuple[str, ...]) -> RunDescription:
    """What a run says about itself, without secrets and row values."""
    return RunDescription(
        names=("-",) if plan.spool is not None else tuple(str(path) for path in plan.files),
        paths=tuple(str(path.resolve()) for path in plan.files),
        object_type=road.mapping.object_type.name,
        address=address,
        source=source,
        version=version("pango-load"),
        command=command,
        mapping=road.mapping.origin,
        init_data=plan.init_data,
        user_event=road.mapping.user_event is not None,
        spool=str(plan.spool or ""),
    )


def show_again(known: KnownRun, plan: LoadPlan, road: Road, *, clock: Clock) -> LoadReport:
    """An earlier run has done this load: its own report is what there is to say."""
    summary = _own_summary(known) or _rebuilt(known, plan, road, clock=clock)
    if known.facts.exit_code == 0:
        notice = f"Nothing to do: run {known.id} has sent this same content already. --again sends it once more."
    else:
        notice = f"Run {known.id} has sent this same content already; this is its report. --again sends it all again."
    if known.counts.unknown:
        notice += " --on-unknown resend sends only the rows that are unknown."
    return LoadReport(summary=summary, notice=notice)


def _own_summary(known: KnownRun) -> Summary | None:
    """The summary that the run left, unless its folder has been cleared away or taken by another run (`--out`)."""
    try:
        summary = read_summary(Path(known.facts.description.folder) / SUMMARY_FILE)
    except (OSError, ValueError):
        return None
    is_its_own = summary.run == known.id and summary.command == "load" and summary.exit_code is not None
    return summary if is_its_own else None


def _rebuilt(known: KnownRun, plan: LoadPlan, road: Road, *, clock: Clock) -> Summary:
    """What the journal still knows; nothing is written, since the folder may be another run's by now."""
    with JournalReader.look(known.path) as journal:
        run = Run(
            plan=plan,
            road=road,
            clock=clock,
            id=known.id,
            folder=Path(known.facts.description.folder),
            started=known.facts.created,
            command="load",
            source=known.facts.description.source,
            counts=known.counts,
            problems=journal.problems(),
            entries=journal.entry_counts().read,
        )
    return run.told(known.facts.exit_code if known.facts.exit_code is not None else 1)
