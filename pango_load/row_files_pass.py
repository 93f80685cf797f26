"""The last pass over the source, where one is needed: rejected, unknown and unsent rows are written from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from pango_load.catalogue.problems import describe_problem
from pango_load.errors import MustBeMended
from pango_load.records import EntryRef, Problem
from pango_load.report.row_files import row_files_in
from pango_load.run import disk_trouble
from pango_load.selection import is_narrowed, rejected_for_others
from pango_load.validation.wording import rejected_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pango_load.journal.run import Journal
    from pango_load.journal.spans import RowSpan
    from pango_load.records import Chunk, RefusedEntry
    from pango_load.report.row_files import RowFile
    from pango_load.road import Road
    from pango_load.run import Run
    from pango_load.source.fingerprint import Fingerprint
    from pango_load.validation.judge import Judged

Mark = TypeVar("Mark")

UNSENT_ROWS_WRITTEN = 100_000
"""More unsent rows than these are not copied: the same command sends them, and they stand in the source."""


def write_row_files(run: Run, journal: Journal, expected: tuple[Fingerprint, ...]) -> None:
    """Write `rejected.*`, `unknown.*` and `unsent.*` anew, in the order of the source.

    They take the places of older ones when all rows are written, and otherwise the older ones stay as they were.

    Raises:
        MustBeMended: the source has changed, or the disk is full.
    """
    files: list[RowFile] = []
    try:
        files += _opened(run)
        _write_rows(run, journal, expected, files)
        for rows in files:
            run.keep(rows)
    except BaseException:
        for rows in files:
            rows.discard()
        # What an earlier run of this load rejected still stands, and is still true.
        if "rejected" not in run.left:
            run.left["rejected"] = tuple(str(path) for path in row_files_in(run.folder, "rejected"))
        raise


def _opened(run: Run) -> list[RowFile]:
    try:
        return [run.open_rows(name) for name in ("rejected", "unknown", "unsent")]
    except OSError as error:
        raise MustBeMended(
            f"{error.filename or run.folder} cannot be opened: {error.strerror or error}.",
            "Put the file back as it was, and run the same command again.",
        ) from error


def _write_rows(run: Run, journal: Journal, expected: tuple[Fingerprint, ...], files: Sequence[RowFile]) -> None:
    rejected, unknown, unsent = files
    refused_at = _Places(_refused_rows(journal))
    for_others_at = _Places(rejected_for_others(run.road, journal))
    unknown_at = _Places(_positions(journal.unknown_spans()))
    # Sent again after they were mended: the source holds their older cells.
    retried_at = _Places(_positions(journal.retried_spans()))
    is_small = run.counts.unsent <= UNSENT_ROWS_WRITTEN
    unsent_at = _Places(_positions(journal.unsent_spans() if is_small else ()))
    with disk_trouble(run.folder):
        for passage in run.road.passages(expected):
            if passage.judged is None:
                continue
            chunk = passage.judged.chunk
            problems = _own_problems(passage.judged, run.road, journal)
            for index, refusal in refused_at.within(chunk):
                problems[index] = (_refusal_problem(refusal),)
            for index, others in for_others_at.within(chunk):
                problems[index] = problems.get(index, ()) + others
            for index, _ in retried_at.within(chunk):
                problems.pop(index, None)
            for index in sorted(problems):
                rejected.write(chunk, index, problems[index])
            for index, _ in unknown_at.within(chunk):
                unknown.write(chunk, index, ())
            for index, _ in unsent_at.within(chunk):
                unsent.write(chunk, index, ())
        for rows in files:
            rows.complete()


def _own_problems(judged: Judged, road: Road, journal: Journal) -> dict[int, tuple[Problem, ...]]:
    """What this program has against rows of a chunk, by their index."""
    problems = {index: row.problems for index, row in rejected_rows(judged)}
    if problems and is_narrowed(road.mapping):
        # A group that a limit cuts in two is left out whole, whatever is wrong in it.
        first = judged.chunk.first
        for position in journal.skipped_positions(first, first + judged.chunk.frame.height - 1):
            problems.pop(position - first, None)
    return problems


def _refusal_problem(refusal: RefusedEntry) -> Problem:
    _, hint = describe_problem("platform.refused")
    message, _ = describe_problem("platform.refused", value=refusal.message)
    code = refusal.code or "platform.refused"
    return Problem(code=code, field="", column="", value=None, message=message, hint=hint)


def _refused_rows(journal: Journal) -> Iterator[tuple[int, RefusedEntry]]:
    for entry in journal.refused_rows():
        if entry.rows == 1:
            yield entry.position, entry
            continue
        for span in journal.span_of(EntryRef(entry.position, entry.rows)):
            for position in range(span.first, span.last + 1):
                yield position, entry


def _positions(spans: Iterable[RowSpan]) -> Iterator[tuple[int, None]]:
    for span in spans:
        for position in range(span.first, span.last + 1):
            yield position, None


class _Places(Generic[Mark]):
    """Marked positions in increasing order, taken chunk by chunk."""

    def __init__(self, places: Iterator[tuple[int, Mark]]) -> None:
        self._places = places
        self._next = next(places, None)

    def within(self, chunk: Chunk) -> Iterator[tuple[int, Mark]]:
        """Indexes in the frame of `chunk`, with what marks them."""
        end = chunk.first + chunk.frame.height
        while self._next is not None and self._next[0] < end:
            position, mark = self._next
            if position >= chunk.first:
                yield position - chunk.first, mark
            self._next = next(self._places, None)
