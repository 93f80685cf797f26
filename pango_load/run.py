"""One run: its folder, the row files in it, and its summary, which is true at every moment."""

from __future__ import annotations

import codecs
import errno
import logging
import shlex
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from pango_load.catalogue.problems import PROBLEM_KINDS
from pango_load.errors import LoadStopped, MustBeMended, exit_code_of
from pango_load.plan import OnUnknown
from pango_load.records import Counts
from pango_load.report.edited_files import edited_files_in
from pango_load.report.folder_lock import claim_folder
from pango_load.report.html import REPORT_FILE, Example, MappingLine, ReportPage, write_report
from pango_load.report.plain_text import utc_text
from pango_load.report.row_files import DAMAGED, RowFile, RowFileName, RowFormat, open_row_file
from pango_load.report.run_folder import open_run_folder
from pango_load.report.run_log import Secrets, open_run_log
from pango_load.report.summary import (
    DamageFound,
    DeliveryFigures,
    LeftFiles,
    MappingUsed,
    ProblemCount,
    RowCounts,
    SkippedRows,
    SourceFile,
    Stopped,
    Summary,
    UnknownPolicy,
    write_summary,
)

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pango_load.clock import Clock
    from pango_load.journal.resume import Start
    from pango_load.plan import LoadPlan
    from pango_load.records import RejectedRow
    from pango_load.report.pace_chart import Wait
    from pango_load.report.skips import Skip
    from pango_load.report.tally import ProblemTally
    from pango_load.road import Road
    from pango_load.source.damage import Finding
    from pango_load.source.fingerprint import Fingerprint


LOG_FILE = "run.log"

FILES_NAMED = 3
"""More files than these are not written out in a command that is proposed."""

_log = logging.getLogger(__name__)

_ROW_FORMATS: dict[str, RowFormat] = {"xlsx": "xlsx", "jsonl": "jsonl", "json": "jsonl"}


def row_format(name: str) -> RowFormat:
    """The format of the row files of a source in the format `name`."""
    return _ROW_FORMATS.get(name, "csv")


class Found(Protocol):
    """What a run takes over from its survey (`survey.Survey`)."""

    problems: Counter[tuple[str, str]]
    warnings: Counter[tuple[str, str]]
    skips: Counter[Skip]
    first_rejected: list[RejectedRow]
    examples: ProblemTally
    damage: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What became of a load or a check.

    Attributes:
        summary: what `summary.json` says.
        rejected: the first few rejected rows, with their values, for a screen.
        stopped: why it ended early, if it did.
        notice: said instead of a summary: nothing was left to do.
    """

    summary: Summary
    rejected: tuple[RejectedRow, ...] = ()
    stopped: LoadStopped | None = None
    notice: str = ""

    @property
    def exit_code(self) -> int:
        """What the command line would end with: 0 where every row was accepted, 3 where some were not, ..."""
        return self.summary.exit_code if self.summary.exit_code is not None else 1

    @property
    def counts(self) -> RowCounts:
        """Where the rows are: `read` is the sum of the others."""
        return self.summary.counts

    @property
    def folder(self) -> Path:
        """The run's folder, with `report.html` and the rows to be mended."""
        return Path(self.summary.folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The run that a retry brings up to date.

    Attributes:
        before: what it told of itself until now.
        names: what its source files were called.
        counts, problems: where its rows are at this moment.
        overtaken: how many of them are skipped since a newer row of their record key was accepted.
    """

    before: Summary
    names: tuple[str, ...]
    counts: Callable[[], Counts]
    problems: Callable[[], Mapping[tuple[str, str], int]]
    overtaken: Callable[[], int]


@dataclass(slots=True, kw_only=True)
class Run:
    """One run and what is known of it so far.

    Attributes:
        id: what `runs` takes.
        folder: its own folder.
        first_rejected: the first few rejected rows.
        notices: what a person should see before sending, beside the mapping's warnings.
        examples: a few cells of each problem, for the report page.
        damage: what was seen in whole columns.
        superseded: what unfinished loads of older content leave behind, where this one takes their place.
        taken_in: row files whose every row was read by a retry: they need not be kept, whoever has changed them.
        balance: under `retry`, whose rows these are: the summary is that run's, everything else is of the retry.
    """

    plan: LoadPlan
    road: Road
    clock: Clock
    id: str
    folder: Path
    started: float
    command: Literal["load", "check", "retry"]
    source: str
    balance: Balance | None = None
    is_resumed: bool = False
    counts: Counts = field(default_factory=Counts)
    entries: int = 0
    problems: Mapping[tuple[str, str], int] = field(default_factory=dict)
    warnings: Mapping[tuple[str, str], int] = field(default_factory=dict)
    skips: Mapping[Skip, int] = field(default_factory=dict)
    fingerprints: Sequence[Fingerprint] = ()
    figures: DeliveryFigures = field(default_factory=DeliveryFigures)
    first_rejected: Sequence[RejectedRow] = ()
    first_unsettled: int | None = None
    next_command: str | None = None
    left: dict[RowFileName, tuple[str, ...]] = field(default_factory=dict)
    on_unknown: OnUnknown = OnUnknown.RESEND
    superseded: Start | None = None
    notices: Sequence[str] = ()
    examples: Sequence[Example] = ()
    damage: Sequence[Finding] = ()
    taken_in: frozenset[Path] = frozenset()

    @property
    def file_names(self) -> tuple[str, ...]:
        """What is read, as it was named; `-` is standard input."""
        if self.plan.spool is not None:
            return (self.plan.spooled_as,)
        return tuple(str(file.path) for file in self.road.source.files)

    def take(self, found: Found) -> None:
        """Know what a survey found."""
        self.problems, self.warnings, self.first_rejected = found.problems, found.warnings, found.first_rejected
        self.examples, self.damage = found.examples.examples(), found.damage
        self.skips = found.skips

    def open_rows(self, name: RowFileName) -> RowFile:
        """A row file of this run, in the format of the first source file."""
        file = self.road.source.files[0]
        rows = open_row_file(
            self.folder,
            name,
            format=row_format(file.format.value),
            headers=self.road.source.headers,
            delimiter=file.delimiter,
            encoding=_with_mark(file.path, file.encoding),
            sheet=file.sheet or None,
            files=self.file_names if self.balance is None else self.balance.names,
        )
        rows.taken_in = self.taken_in
        return rows

    def keep(self, rows: RowFile) -> None:
        """Finish a row file and remember where it is."""
        with disk_trouble(self.folder):
            rows.close()
        self.left[rows.name] = tuple(str(path) for path in rows.paths)

    def told(self, exit_code: int) -> Summary:
        """What is known, with nothing written: of a run that another process ended."""
        return self._summary(exit_code, None)

    def write(self, *, exit_code: int | None = None, stopped: LoadStopped | None = None) -> Summary:
        """Put what is known into `summary.json`.

        Args:
            exit_code: how the run ended; None while it is running.
            stopped: why it ended early.
        """
        summary = self._summary(exit_code, stopped)
        with disk_trouble(self.folder):
            write_summary(summary, self.folder)
        return summary

    def end(
        self,
        stopped: LoadStopped | None = None,
        *,
        series: Sequence[tuple[float, int]] = (),
        waits: Sequence[Wait] = (),
    ) -> LoadReport:
        """Write report and summary for the last time; the exit code follows from what became of the rows.

        Args:
            stopped: why it ended early.
            series: (seconds since the start, rows accepted so far).
            waits: when nothing was sent, and why.
        """
        summary = self._summary(self.exit_code(stopped), stopped)
        page = ReportPage(
            summary=summary, examples=self.examples, mapping=self._mapping_lines(), series=series, waits=waits
        )
        try:
            with disk_trouble(self.folder):
                write_report(page, self.folder)
                write_summary(summary, self.folder)
        except MustBeMended as trouble:
            # The folder cannot be written any more: the screen is what is left.
            stopped = stopped or trouble
            summary = self._summary(self.exit_code(stopped), stopped)
        _log.info("ended with exit code %s", summary.exit_code)
        return LoadReport(summary=summary, rejected=tuple(self.first_rejected), stopped=stopped)

    def _mapping_lines(self) -> tuple[MappingLine, ...]:
        mapping = self.road.mapping
        made = [
            MappingLine(", ".join(rule.columns), f"{rule.container}.{rule.target}" if rule.container else rule.target)
            if rule.columns
            else MappingLine("", rule.target, "a constant of the mapping")
            for rule in mapping.columns
        ]
        return (*made, *(MappingLine(name, "", "left out on purpose") for name in mapping.left_out))

    def exit_code(self, stopped: LoadStopped | None) -> int:
        """Where two codes apply, the stop outranks 3; totals that do not add up outrank all."""
        counts = self.counts if self.balance is None else self.balance.counts()
        if not counts.is_balanced:
            return 1
        if stopped is not None:
            return exit_code_of(stopped)
        return 3 if counts.rejected or counts.unknown else 0

    def _summary(self, exit_code: int | None, stopped: LoadStopped | None) -> Summary:
        if self.balance is not None:
            return self._up_to_date(self.balance, exit_code, stopped)
        is_running = exit_code is None
        now = self.clock.now()
        return Summary(
            run=self.id,
            tool=f"pango-load {version('pango-load')}",
            command=self.command,
            state="running" if is_running else "stopped" if stopped is not None else "finished",
            exit_code=exit_code,
            stopped=None if stopped is None else Stopped(reason=stopped.message, advice=stopped.advice),
            object=self.road.mapping.object_type.name,
            source=self.source,
            init_data=self.plan.init_data,
            sandbox=self.plan.sandbox,
            resumed=self.is_resumed,
            files=self._files(),
            mapping=MappingUsed(origin=self.road.mapping.origin, fingerprint=self.road.mapping.fingerprint),
            counts=RowCounts.of(self.counts),
            entries=self.entries,
            delivery=self.figures,
            on_unknown=UnknownPolicy.of(self.on_unknown),
            problems=_problem_counts(self.problems),
            warnings=_problem_counts(self.warnings),
            skips=tuple(SkippedRows(reason=reason, rows=rows) for reason, rows in self.skips.items() if rows),
            first_unsettled=self.first_unsettled,
            started=utc_text(self.started),
            finished=None if is_running else utc_text(now),
            duration_seconds=max(0.0, round(now - self.started, 3)),
            next_command=self.next_command or (None if is_running else self._follow_up()),
            folder=str(self.folder),
            state_folder="" if self.plan.sandbox or self.command == "check" else str(self.plan.state),
            damage=tuple(
                DamageFound(
                    code=found.code,
                    column=found.column,
                    rows=found.count,
                    first_rows=found.rows,
                    message=found.message,
                    advice=found.advice,
                )
                for found in self.damage
            ),
            left=self._left_files(LeftFiles(), is_running=is_running),
        )

    def _up_to_date(self, balance: Balance, exit_code: int | None, stopped: LoadStopped | None) -> Summary:
        return balance.before.after_retry(
            exit_code=exit_code,
            stopped=None if stopped is None else Stopped(reason=stopped.message, advice=stopped.advice),
            counts=RowCounts.of(balance.counts()),
            problems=_problem_counts(balance.problems()),
            delivery=self.figures,
            overtaken=balance.overtaken(),
            first_unsettled=self.first_unsettled,
            retried=utc_text(self.clock.now()),
            next_command=self.next_command,
            folder=str(self.folder),
            left=self._left_files(balance.before.left, is_running=exit_code is None),
        )

    def _left_files(self, before: LeftFiles, *, is_running: bool) -> LeftFiles:
        """The files of the folder; row files that were not written anew stand as they were."""
        damaged = self.folder / DAMAGED
        return LeftFiles(
            report=None if is_running else str(self.folder / REPORT_FILE),
            log=str(self.folder / LOG_FILE),
            rejected=self.left.get("rejected", before.rejected),
            unknown=self.left.get("unknown", before.unknown),
            unsent=self.left.get("unsent", before.unsent),
            edited=tuple(map(str, edited_files_in(self.folder))) if self.folder.is_dir() else (),
            damaged=str(damaged) if damaged.exists() else None,
        )

    def _follow_up(self) -> str | None:
        """After a check: the load of the same files. After a load: the retry of the rows that are left, once mended."""
        if self.command == "load" and not self.plan.sandbox:
            is_finished = not self.counts.unsent and (self.counts.rejected or self.counts.unknown)
            return retry_command(self) if is_finished else None
        if self.command == "check":
            files = list(self.file_names) if self.counts.unsent else []
        else:
            # A sandbox forgets its runs. Of several files, each may need a mapping of its own.
            files = list(self.left.get("rejected", ())) if len(self.plan.files) == 1 and not self.counts.unsent else []
        if not files or len(files) > FILES_NAMED or self.plan.spool is not None:
            return None
        words = ["pango-load", *files, "--object", self.road.mapping.object_type.word]
        words += ["--catalogue", str(self.plan.catalogue)] if self.plan.catalogue else []
        # A row file is read by its own format, and holds the rows of the load alone.
        words += self.plan.reading.words if self.command == "check" else ()
        words += ["--mapping", str(self.plan.mapping)] if self.plan.mapping else []
        words += ["--timezone", self.plan.timezone] if self.plan.timezone else []
        words += ["--source", self.plan.source] if self.plan.source_from_flag else []
        words += ["--initData"] if self.plan.init_data else []
        words += ["--sandbox"] if self.plan.sandbox else []
        return shlex.join(words)

    def _files(self) -> tuple[SourceFile, ...]:
        prints = [*self.fingerprints, *[None] * len(self.road.source.files)]
        return tuple(
            SourceFile(
                path=name,
                bytes=None if found is None else found.size,
                digest=None if found is None else found.digest,
            )
            for name, found in zip(self.file_names, prints, strict=False)
        )


def open_run(
    plan: LoadPlan,
    road: Road,
    *,
    clock: Clock,
    run_id: str,
    command: Literal["load", "check"],
    source: str,
    folder: Path | None = None,
) -> Run:
    """Make the run's folder, or go on in `folder`, and write the first summary: reading has begun.

    Raises:
        UsageError: the folder cannot be made.
    """
    started = clock.now()
    made = open_run_folder(
        stem=plan.files[0].stem,
        run=run_id,
        started=started,
        out=folder or plan.out,
        resumed=folder is not None,
        sources=plan.files,
    )
    run = Run(
        plan=plan,
        road=road,
        clock=clock,
        id=run_id,
        folder=made,
        started=started,
        command=command,
        source=source,
        is_resumed=folder is not None,
    )
    run.write()
    return run


def retry_command(run: Run) -> str:
    """What sends the rows that a run has left, once they are mended."""
    return shlex.join(["pango-load", "retry", run.id, *run.plan.asked_with])


@contextmanager
def logged(run: Run, secrets: Sequence[str] = ()) -> Iterator[None]:
    """The run's folder is its own, and everything that the program logs goes into `run.log`, with secrets masked.

    Raises:
        AlreadyRunning: another process writes into the folder.
    """
    with claim_folder(run.folder), _log_file(run, secrets):
        yield


@contextmanager
def _log_file(run: Run, secrets: Sequence[str]) -> Iterator[None]:
    logger = logging.getLogger("pango_load")
    with disk_trouble(run.folder):
        handler = open_run_log(
            run.folder / LOG_FILE, Secrets(secrets), format="json" if run.plan.log_as_json else "plain"
        )
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    _log.info("run %s: %s of %s", run.id, run.command, run.road.mapping.object_type.name)
    try:
        yield
    except LoadStopped:
        raise
    except Exception:
        _log.exception("a bug ended run %s", run.id)
        raise
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        handler.close()


@contextmanager
def disk_trouble(folder: Path) -> Iterator[None]:
    """What the disk refuses becomes a stop that names the place (exit 7)."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        what = "is full" if is_full else f"cannot be written: {error.strerror or error}"
        raise MustBeMended(
            f"The disk that holds {folder} {what}." if is_full else f"{folder} {what}.",
            "Make room or mend it, and run the same command again.",
        ) from error


def _with_mark(path: Path, encoding: str) -> str:
    """A UTF-8 file that begins with a byte order mark gets row files that do: Excel reads Vietnamese only with it."""
    if encoding != "utf-8":
        return encoding
    with path.open("rb") as file:
        return "utf-8-sig" if file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8 else encoding


def _problem_counts(problems: Mapping[tuple[str, str], int]) -> tuple[ProblemCount, ...]:
    ordered = sorted(problems.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        ProblemCount(
            code=code,
            field=name,
            title=PROBLEM_KINDS[code].title if code in PROBLEM_KINDS else PROBLEM_KINDS["platform.refused"].title,
            rows=rows,
        )
        for (code, name), rows in ordered
    )
