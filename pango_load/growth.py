"""Files to which rows were added at the end (`--append`): what was sent stays sent, and the new rows join the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from pango_load.errors import UsageError
from pango_load.records import OnDuplicate
from pango_load.source.fingerprint import only_grew
from pango_load.source.formats import SourceFormat
from pango_load.source.packing import Packing, find_packing
from pango_load.valid_rows import valid_positions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pango_load.journal.identity import FileDigest
    from pango_load.payload.repeated_keys import RepeatedKeys
    from pango_load.plan import LoadPlan
    from pango_load.records import PlannedBatch
    from pango_load.road import Passage, Road
    from pango_load.source.formats import SourceFile

_LINES = {SourceFormat.CSV, SourceFormat.JSONL}
_LONGEST_MAGIC = 4


def refuse_what_cannot_grow(plan: LoadPlan, road: Road) -> None:
    """`--append` adds to the end of the last file; see that this can be told at all.

    Raises:
        UsageError: naming what stands in the way.
    """
    file = road.source.files[-1]
    advice = "Leave --append out to load the whole file."
    if plan.spool is not None:
        raise UsageError("--append needs a file: standard input has no name to be known by.", advice)
    if file.format not in _LINES or file.encoding.startswith(("utf-16", "utf-32")) or _is_packed(file):
        raise UsageError(
            f"--append: {file.path} is no plain text, so that a beginning of it proves nothing about its rows.", advice
        )
    if road.mapping.groups or road.mapping.on_duplicate is not OnDuplicate.SEND:
        raise UsageError(
            "--append does not go with groupBy or onDuplicate: what becomes of a row then depends on the whole file.",
            advice,
        )


def _is_packed(file: SourceFile) -> bool:
    with file.path.open("rb") as stream:
        return find_packing(stream.read(_LONGEST_MAGIC)) is not Packing.NONE


def why_not_grown(road: Road, now: tuple[FileDigest, ...], before: tuple[FileDigest, ...]) -> str:
    """What speaks against it that the files are those of `before` with rows added at the end; empty if nothing does.

    Only the last file may have grown: rows are known by their place among all.
    """
    *_, last = road.source.files
    for file, is_now, was in zip(road.source.files, now, before, strict=True):
        if file is last:
            continue
        if is_now != was:
            return f"{file.path} has changed, and only the last file may grow"
    if now[-1].size < before[-1].size:
        return f"{last.path} has become shorter"
    if not only_grew(last.path, digest=before[-1].digest, size=before[-1].size):
        return f"what stood in {last.path} has changed"
    return ""


class PlannedRows:
    """The rows that an earlier run has planned: seen to be read as then, and their keys remembered.

    Args:
        read: how many records that run has read.
        planned: its batches, in order.
        repeated: remembers which batch holds which key, so that a newer value waits for the older one.
    """

    def __init__(self, read: int, planned: Iterable[PlannedBatch], repeated: RepeatedKeys) -> None:
        self.read = read
        columns = [(batch.first, batch.last, batch.rows) for batch in planned]
        frame = pl.DataFrame(columns, schema={"first": pl.Int64, "last": pl.Int64, "rows": pl.Int64}, orient="row")
        self._first, self._last = frame.get_column("first"), frame.get_column("last")
        self._rows_until = frame.get_column("rows").cum_sum()
        self._repeated = repeated
        self._seen = 0

    @property
    def batches(self) -> int:
        """How many were planned."""
        return len(self._first)

    def take(self, passage: Passage) -> None:
        """See `KnownRows`.

        Raises:
            UsageError: other rows are valid than then, so positions no longer mean the same rows.
        """
        judged = passage.judged
        if judged is None:
            return
        positions = valid_positions(judged)
        if not len(positions):
            return
        numbers = self._last.search_sorted(positions, side="left")
        # By place and by count: both must name the same batch, or a row was added to it or is gone from it.
        counted = pl.int_range(self._seen + 1, self._seen + len(positions) + 1, eager=True)
        by_count = self._rows_until.search_sorted(counted, side="left")
        self._seen += len(positions)
        is_known = bool((numbers < self.batches).all()) and numbers.equals(by_count)
        if not is_known or (self._first.gather(numbers) > positions).any():
            raise self._differs()
        if judged.keys is not None:
            self._repeated.add(judged.keys.filter(judged.is_valid), numbers)

    def close(self) -> None:
        """Say that all have passed by.

        Raises:
            UsageError: some are missing.
        """
        if self._seen != (int(self._rows_until[-1]) if self.batches else 0):
            raise self._differs()

    def _differs(self) -> UsageError:
        return UsageError(
            f"--append: the first {self.read:,} records have the same bytes as when they were sent, and are read "
            "differently now; nothing was sent.",
            "Leave --append out to load the whole file.",
        )
