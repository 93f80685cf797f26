"""The first half of the road, opened once: files, the mapping that fits them, and chunks that are judged by it."""

from __future__ import annotations

import hashlib
import shlex
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.catalogue.types import object_type
from pango_load.errors import MappingError, MustBeMended, UsageError
from pango_load.mapping.read import read_mapping
from pango_load.mapping.resolve import choose_mapping
from pango_load.plan import OnUnknown
from pango_load.source.files import Source, open_source
from pango_load.source.sorted_copy import Arranged, SortedSource
from pango_load.validation.groups import GroupJudge, SortMarks
from pango_load.validation.judge import Judge, Judged

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import TypeVar

    from pango_load.plan import DeliveryOptions, LoadPlan, SourceOptions
    from pango_load.records import Chunk, FieldMapping
    from pango_load.source.fingerprint import Fingerprint

    Yielded = TypeVar("Yielded")

DEFAULT_SOURCE = "pango-load"
"""The request's `source` where nobody names one; it is said before sending."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What came by of one chunk.

    Attributes:
        judged: the part that is looked at; None where `--skip-rows` or `--limit` leave all of it out.
        first, last: positions of the whole chunk.
        skipped: position spans that are left out on purpose.
        before, after: the parts of the chunk that are, where rows are grouped: what they hold may cut a group in two.
    """

    judged: Judged | None
    first: int
    last: int
    skipped: tuple[tuple[int, int], ...] = ()
    before: Chunk | None = None
    after: Chunk | None = None


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
        judge = self.judge()
        for whole in self.chunks(expected):
            for chunk in _cut(whole, cut_at):
                if chunk.frame.height and is_wanted(chunk.first, chunk.first + chunk.frame.height - 1):
                    yield self._passage(chunk, judge)
                del chunk
            del whole

    def judge(self) -> Judge | GroupJudge:
        """A judge of the rows of one pass, in their order."""
        if self.mapping.groups:
            return GroupJudge(self.mapping, [file.path.name for file in self.source.files])
        return Judge(self.mapping)

    def watch(self, expected: tuple[Fingerprint, ...]) -> Iterator[None]:
        """Look at every byte that another pass would read, block by block, without making rows of them.

        Raises:
            MustBeMended: the source is not what `expected` says.
        """
        with _was_readable():
            yield from self.source.watch(expected)

    def chunks(self, expected: tuple[Fingerprint, ...] | None) -> Iterator[Chunk]:
        """Every chunk of the source, as it stands there.

        Raises:
            MustBeMended: the source is not what `expected` says.
        """
        with nullcontext() if expected is None else _was_readable():
            yield from self.source.read_chunks(expected)

    def _passage(self, chunk: Chunk, judge: Judge | GroupJudge) -> Passage:
        height = chunk.frame.height
        first, last = chunk.first, chunk.first + height - 1
        end = None if self.reading.limit is None else self.reading.skip_rows + self.reading.limit
        start_kept = min(max(self.reading.skip_rows - first, 0), height)
        end_kept = height if end is None else min(max(end - first, start_kept), height)
        spans = ((first, first + start_kept - 1), (first + end_kept, last))
        skipped = tuple((low, high) for low, high in spans if low <= high)
        kept = _part(chunk, start_kept, end_kept) if skipped else chunk
        judged = judge.judge(kept) if kept.frame.height else None
        if not (skipped and self.mapping.groups):
            return Passage(judged=judged, first=first, last=last, skipped=skipped)
        before = _part(chunk, 0, start_kept) if start_kept else None
        after = _part(chunk, end_kept, height) if end_kept < height else None
        return Passage(judged=judged, first=first, last=last, skipped=skipped, before=before, after=after)


@contextmanager
def _was_readable() -> Iterator[None]:
    """It could be read before: what is wrong now is not how the program was called."""
    try:
        yield
    except UsageError as error:
        raise MustBeMended(error.message, "Put the file back as it was, and run the same command again.") from error


def open_road(plan: LoadPlan) -> Road:
    """Open the files and choose the mapping (design, section 2).

    Raises:
        UsageError: a file or the mapping cannot be used; MappingError with every mistake of the mapping.
    """
    wanted = _wanted(plan)
    source = open_source(plan.files, replace(plan.reading, record_key=_record_key(plan)), wanted=wanted)
    if not wanted:
        source = _with_every_key(source)
    return road_of(plan, source)


def road_of(plan: LoadPlan, source: Source) -> Road:
    """The road of a source that is open already.

    Raises:
        UsageError: the mapping cannot be used.
    """
    mapping = _choose(plan, source)
    if plan.reading.sort:
        source = _sorted(plan, source, mapping)
    return Road(source=source, mapping=mapping, reading=plan.reading)


def _sorted(plan: LoadPlan, source: Source, mapping: FieldMapping) -> SortedSource:
    """The rows of each group together; the copy is called after its content and all that its order depends on."""
    if not mapping.groups:
        raise UsageError(
            "--sort brings the rows of a group together, and the mapping groups none (groupBy).", "Leave --sort out."
        )
    prints = source.fingerprints()
    told = repr(([found.digest for found in prints], plan.reading, mapping.fingerprint, source.headers))
    name = hashlib.blake2b(told.encode(), digest_size=16, person=b"pango-sorted").hexdigest()

    def arrange() -> Callable[[Chunk], Arranged]:
        marks = SortMarks(mapping)
        return lambda chunk: Arranged(*marks.of(chunk))

    return SortedSource(source, plan.state / "sorted" / name, arrange)


def forget_sorted_copy(road: Road) -> None:
    """Delete the copy that `--sort` made: it is as private as the file, and needed no more."""
    if isinstance(road.source, SortedSource):
        road.source.forget()


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
    return mapping


def _record_key(plan: LoadPlan) -> tuple[str, ...]:
    """What identifies a record of the type asked for; what is wrong with its name is told when a mapping is chosen."""
    try:
        return object_type(plan.object_type, plan.catalogue).record_key if plan.object_type else ()
    except UsageError:
        return ()


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


def file_names(plan: LoadPlan, road: Road) -> tuple[str, ...]:
    """What is read, in words for a person."""
    return ("standard input",) if plan.spool is not None else tuple(str(file.path) for file in road.source.files)


def ending(chunks: Iterator[Yielded]) -> closing[Generator[Yielded]]:
    """Files are let go of when enough was read, not when memory is cleared up."""
    return closing(item for item in chunks)
