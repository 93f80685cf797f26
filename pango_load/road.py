"""The first half of the road, opened once: files, the mapping that fits them, and chunks that are judged by it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.errors import MappingError, MustBeMended, UsageError
from pango_load.mapping.read import read_mapping
from pango_load.mapping.resolve import choose_mapping
from pango_load.plan import OnUnknown
from pango_load.source.files import Source, open_source
from pango_load.validation.judge import Judge, Judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pango_load.plan import DeliveryOptions, LoadPlan, SourceOptions
    from pango_load.records import Chunk, FieldMapping
    from pango_load.source.fingerprint import Fingerprint

DEFAULT_SOURCE = "pango-load"
"""The request's `source` where nobody names one; it is said before sending."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What came by of one chunk.

    Attributes:
        judged: the part that is looked at; None where `--skip-rows` or `--limit` leave all of it out.
        first, last: positions of the whole chunk.
        skipped: position spans that are left out on purpose.
    """

    judged: Judged | None
    first: int
    last: int
    skipped: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """Files, and the mapping that fits them."""

    source: Source
    mapping: FieldMapping
    reading: SourceOptions

    def passages(self, expected: tuple[Fingerprint, ...] | None = None, *, cut_at: int = 0) -> Iterator[Passage]:
        """Every chunk of the source, judged; the same in every pass.

        Args:
            expected: what the files were.
            cut_at: a position; no passage holds records on both sides of it.

        Raises:
            MustBeMended: the source is not what `expected` says.
            UsageError: a wall-clock time and no zone (see `Judge.judge`).
        """
        return self.passages_where(lambda _first, _last: True, expected, cut_at=cut_at)

    def passages_where(
        self,
        is_wanted: Callable[[int, int], bool],
        expected: tuple[Fingerprint, ...] | None = None,
        *,
        cut_at: int = 0,
    ) -> Iterator[Passage]:
        """Like `passages`, but only chunks whose first and last position are wanted are judged and given."""
        judge = Judge(self.mapping)
        for whole in self._chunks(expected):
            for chunk in _cut(whole, cut_at):
                if chunk.frame.height and is_wanted(chunk.first, chunk.first + chunk.frame.height - 1):
                    yield self._passage(chunk, judge)

    def _chunks(self, expected: tuple[Fingerprint, ...] | None) -> Iterator[Chunk]:
        try:
            yield from self.source.read_chunks(expected)
        except UsageError as error:
            if expected is None:
                raise
            # It could be read before: what is wrong now is not how the program was called.
            raise MustBeMended(error.message, "Put the file back as it was, and run the same command again.") from error

    def _passage(self, chunk: Chunk, judge: Judge) -> Passage:
        height = chunk.frame.height
        first, last = chunk.first, chunk.first + height - 1
        end = None if self.reading.limit is None else self.reading.skip_rows + self.reading.limit
        start_kept = min(max(self.reading.skip_rows - first, 0), height)
        end_kept = height if end is None else min(max(end - first, start_kept), height)
        spans = ((first, first + start_kept - 1), (first + end_kept, last))
        skipped = tuple((low, high) for low, high in spans if low <= high)
        kept = _part(chunk, start_kept, end_kept) if skipped else chunk
        judged = judge.judge(kept) if kept.frame.height else None
        return Passage(judged=judged, first=first, last=last, skipped=skipped)


def open_road(plan: LoadPlan) -> Road:
    """Open the files and choose the mapping (design, section 2).

    Raises:
        UsageError: a file or the mapping cannot be used; MappingError with every mistake of the mapping.
    """
    wanted = _wanted(plan)
    source = open_source(plan.files, plan.reading, wanted=wanted)
    if not wanted:
        source = _with_every_key(source)
    return road_of(plan, source)


def road_of(plan: LoadPlan, source: Source) -> Road:
    """The road of a source that is open already.

    Raises:
        UsageError: the mapping cannot be used.
    """
    return Road(source=source, mapping=_choose(plan, source), reading=plan.reading)


def request_source(plan: LoadPlan, mapping: FieldMapping) -> str:
    """The request's `source`: --source, the mapping, PANGO_SOURCE, or our own name (design, section 2)."""
    if plan.source_from_flag:
        return plan.source
    return mapping.source or plan.source or DEFAULT_SOURCE


def delivery_options(plan: LoadPlan, mapping: FieldMapping) -> DeliveryOptions:
    """How this load is sent: a repeated user event is seen by customers, so then a lost answer is not sent again."""
    if mapping.user_event is not None and not plan.on_unknown_from_flag:
        return replace(plan.delivery, on_unknown=OnUnknown.HOLD)
    return plan.delivery


def _with_every_key(source: Source) -> Source:
    """JSON has no header: where no mapping names the keys, one that turns up late must not be left out in silence."""
    if not any(file.format.value.startswith("json") for file in source.files):
        return source
    for _ in source.read_chunks():
        pass
    return source.with_headers(sorted(source.unseen_keys)) if source.unseen_keys else source


def _choose(plan: LoadPlan, source: Source) -> FieldMapping:
    try:
        mapping = choose_mapping(
            plan.mapping,
            plan.object_type,
            source.headers,
            folder=plan.folder or Path.cwd(),
            catalogue=plan.catalogue,
            strict=plan.strict,
            timezone=plan.timezone,
        )
    except MappingError as error:
        # The mapping knows headers, not files: the command that it advises is made whole here.
        name = "-" if plan.spool is not None else shlex.quote(str(plan.files[0]))
        error.advice = error.advice.replace(" FILE ", f" {name} ")
        # Headers that do not fit may be those of a cover: the sheets that were not read are told beside.
        unread = [(file, note) for file in source.files for note in file.notes if note.endswith("not read)")]
        error.mistakes += tuple(f"{file.path.name}: {note}; --sheet names another." for file, note in unread)
        raise
    # Understood by the mapping, not yet by the road: to pass over them in silence would lose rows or items.
    if mapping.groups:
        raise UsageError(
            f"{mapping.origin}: groupBy is not carried out yet.", "Send nested items as they are, from a JSONL file."
        )
    return mapping


def _wanted(plan: LoadPlan) -> tuple[str, ...]:
    """Columns that the mapping names; what is wrong with it is told when it meets the headers."""
    path = plan.mapping
    if path is None and plan.object_type:
        path = (plan.folder or Path()) / "mappings" / f"{plan.object_type}.yaml"
        if not path.is_file():
            return ()
    if path is None:
        return ()
    try:
        return read_mapping(path, object_type_name=plan.object_type, catalogue=plan.catalogue).columns
    except UsageError:
        return ()


def _cut(chunk: Chunk, at: int) -> tuple[Chunk, ...]:
    """`chunk`, in two where the position `at` is inside it."""
    start, height = at - chunk.first, chunk.frame.height
    return (_part(chunk, 0, start), _part(chunk, start, height)) if 0 < start < height else (chunk,)


def _part(chunk: Chunk, start: int, end: int) -> Chunk:
    size = end - start
    return replace(
        chunk,
        frame=chunk.frame.slice(start, size),
        first=chunk.first + start,
        rows=chunk.rows.slice(start, size),
        damaged={index - start: damage for index, damage in chunk.damaged.items() if start <= index < end},
        lines=None if chunk.lines is None else chunk.lines.slice(start, size),
    )
