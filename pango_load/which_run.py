"""Which run a load is: the same one as before, a new one, or one that has nothing left to do."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.errors import UsageError
from pango_load.journal.description import RunDescription
from pango_load.journal.identity import FileDigest, LoadIdentity
from pango_load.journal.reading import JournalReader
from pango_load.journal.retry_moves import RETRIED_AT
from pango_load.journal.retry_terms import RetryTerms
from pango_load.journal.standing import BatchState
from pango_load.report.plain_text import counted, utc_text
from pango_load.report.row_files import row_files_in
from pango_load.report.run_folder import open_run_folder
from pango_load.report.summary import SUMMARY_FILE, MappingUsed, RowCounts, SourceFile, Summary, read_summary
from pango_load.road import delivery_options
from pango_load.run import LoadReport, Run, row_format
from pango_load.source.sorted_copy import SortedSource

if TYPE_CHECKING:
    from pango_load.clock import Clock
    from pango_load.journal.run import Journal
    from pango_load.journal.runs import KnownRun
    from pango_load.plan import LoadPlan
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
        names=(plan.spooled_as,) if plan.spool is not None else tuple(str(path) for path in plan.files),
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
        sorted_copy=str(road.source.folder) if isinstance(road.source, SortedSource) else "",
        terms=_terms(plan, road).to_json(),
    )


def _terms(plan: LoadPlan, road: Road) -> RetryTerms:
    file, told = road.source.files[0], delivery_options(plan, road.mapping)
    return RetryTerms(
        folder=str(plan.folder or Path.cwd()),
        object_type=road.mapping.object_type.word,
        mapping=str(plan.mapping.resolve()) if plan.mapping else "",
        fingerprint=road.mapping.fingerprint,
        catalogue=str(plan.catalogue.resolve()) if plan.catalogue else "",
        timezone=plan.timezone or "",
        headers=road.source.headers,
        names=(plan.spooled_as,) if plan.spool is not None else tuple(str(each.path) for each in road.source.files),
        row_format=row_format(file.format),
        encoding=file.encoding,
        delimiter=file.delimiter,
        sheet=file.sheet,
        reading=plan.reading,
        asked_with=plan.asked_with,
        batch_size=plan.batch_size,
        on_unknown=told.on_unknown,
        senders=told.senders,
        quota_share=told.quota_share,
        pace=told.pace,
        connect_timeout=told.connect_timeout,
        read_timeout=told.read_timeout,
        give_up_after=told.give_up_after,
        allow_deletes=plan.allow_deletes,
        log_as_json=plan.log_as_json,
    )


def show_again(known: KnownRun, plan: LoadPlan, road: Road, *, clock: Clock) -> LoadReport:
    """An earlier run has done this load: its own report is what there is to say."""
    told = _own_summary(known) or _rebuilt(known, plan, road, clock=clock)
    is_complete = not (known.counts.rejected or known.counts.unknown)
    # A retry that was stopped has left its own end there; the load is finished, and its balance says how.
    summary = told.model_copy(
        update={
            "state": "finished",
            "exit_code": 0 if is_complete else 3,
            "stopped": None,
            "next_command": None if is_complete else told.next_command,
        }
    )
    if is_complete:
        notice = f"Nothing to do: run {known.id} has sent this same content already. --again sends it once more."
    else:
        notice = f"Run {known.id} has sent this same content already; this is its report."
        if known.counts.rejected:
            notice += f" `pango-load retry {known.id}` sends its rejected rows, once they are mended."
        notice += " --again sends it all again."
    if known.counts.unknown and was_retried(known):
        named = _retry_of_unknown(known)
        notice += f" `{named}` sends the rows that are unknown, as they were mended."
        summary = summary.model_copy(update={"next_command": named})
    elif known.counts.unknown:
        notice += " --on-unknown resend sends only the rows that are unknown."
    return LoadReport(summary=summary, notice=notice)


def was_retried(known: KnownRun) -> bool:
    """Whether a retry has taken up rows of this run: their mended cells stand in its row files, and nowhere else.

    A load would write these files anew from the source, which holds the older cells.
    """
    told = _summary_in(Path(known.facts.description.folder))
    if told is not None and told.run == known.id and told.command == "retry":
        return True
    with JournalReader.look(known.path) as journal:
        return journal.moment(RETRIED_AT) > 0


def refuse_doubted_rows(known: KnownRun) -> None:
    """A run does not grow while a retry's rows are in doubt: only its row files have the cells that were sent.

    Raises:
        UsageError: there are such rows.
    """
    with JournalReader.look(known.path) as journal:
        rows = sum(span.last - span.first + 1 for span in journal.retried_spans(BatchState.UNKNOWN))
    if rows:
        raise UsageError(
            f"--append: {counted(rows, 'mended row')} of run {known.id} {'is' if rows == 1 else 'are'} unknown.",
            f"Send them first: {_retry_of_unknown(known)}",
        )


def _retry_of_unknown(known: KnownRun) -> str:
    """A retry takes the rejected file where none is named."""
    folder = Path(known.facts.description.folder)
    is_there = folder.is_dir() and row_files_in(folder, "rejected")
    files = row_files_in(folder, "unknown") if is_there else []
    return shlex.join(["pango-load", "retry", known.id, *map(str, files), "--on-unknown", "resend"])


def open_folder_of(known: KnownRun, journal: Journal) -> Path:
    """The folder of a run that is taken up again; a new one where another run has taken it (`--out`).

    Raises:
        UsageError: it cannot be made.
        AlreadyRunning: another run writes into it.
    """
    told = known.facts.description
    folder = Path(told.folder)
    found = _summary_in(folder)
    is_taken = not told.folder or (found is not None and found.run != known.id)
    stem = "stdin" if "-" in told.names else Path(told.names[0]).stem
    made = open_run_folder(
        stem=stem,
        run=known.id,
        started=known.facts.created,
        out=None if is_taken else folder,
        resumed=True,
    )
    if is_taken:
        journal.describe(replace(told, folder=str(made)))
    return made


def summary_of(known: KnownRun, terms: RetryTerms, folder: Path, *, state: Path) -> Summary:
    """What a run told of itself; where that is gone, what its journal tells."""
    found = _summary_in(folder)
    if found is not None and found.run == known.id:
        return found
    facts, told = known.facts, known.facts.description
    return Summary(
        run=known.id,
        tool=f"pango-load {told.version}",
        object=told.object_type,
        source=told.source,
        init_data=told.init_data,
        files=tuple(SourceFile(path=name) for name in terms.names),
        mapping=MappingUsed(origin=told.mapping, fingerprint=terms.fingerprint),
        counts=RowCounts.of(known.counts),
        started=utc_text(facts.created),
        finished=None if facts.finished is None else utc_text(facts.finished),
        folder=str(folder),
        state_folder=str(state),
    )


def _summary_in(folder: Path) -> Summary | None:
    try:
        return read_summary(folder / SUMMARY_FILE)
    except (OSError, ValueError):
        return None


def _own_summary(known: KnownRun) -> Summary | None:
    """The summary that the run left, unless its folder has been cleared away or taken by another run (`--out`)."""
    summary = _summary_in(Path(known.facts.description.folder))
    if summary is None:
        return None
    is_its_own = summary.run == known.id and summary.command in {"load", "retry"} and summary.exit_code is not None
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
