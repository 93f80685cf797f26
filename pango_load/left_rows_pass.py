"""After a retry: `rejected.*` and `unknown.*` hold just the rows that are still so, each as it was last seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from heapq import merge
from typing import TYPE_CHECKING

from pango_load.catalogue.problems import describe_problem
from pango_load.journal.mending import Left, LeftRows
from pango_load.plan import SourceOptions
from pango_load.records import Damage, Problem
from pango_load.report.row_files import DAMAGE_HINT, damaged_texts
from pango_load.road import Road
from pango_load.run import disk_trouble
from pango_load.validation.wording import rejected_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pango_load.journal.reading import JournalReader
    from pango_load.journal.retry_moves import Words
    from pango_load.picked_rows import Provider
    from pango_load.records import Chunk, FieldMapping
    from pango_load.run import Run

CODE, FIELD, MESSAGE, HINT = "_pango_code", "_pango_field", "_pango_message", "_pango_hint"


@dataclass(frozen=True, slots=True)
class _Row:
    position: int
    chunk: Chunk
    index: int
    problems: tuple[Problem, ...]


def write_left_rows(
    run: Run, journal: JournalReader, providers: Sequence[Provider], *, mapping: FieldMapping, names: Sequence[str]
) -> int:
    """Write both files anew; they take the places of the older ones when all rows are written.

    Args:
        run: whose folder it is.
        journal: says which rows are still rejected, and which are unknown.
        providers: no row stands in two of them.
        mapping: rows are judged by it once more, for the words of their problems.
        names: the words of `_pango_file`, by file.

    Returns:
        How many of those rows stand nowhere any more.

    Raises:
        MustBeMended: a file that is read has changed, or the disk is full.
    """
    left, written = LeftRows.of(journal), 0
    # Before the older file goes: the records in it stand nowhere else, or only in a source that has changed since.
    texts = damaged_texts(run.folder)
    rejected, unknown = run.open_rows("rejected"), run.open_rows("unknown")
    try:
        with disk_trouble(run.folder):
            streams = [_rows(provider, mapping, texts, names) for provider in providers]
            for row in merge(*streams, key=lambda row: row.position):
                found = left.find(row.position)
                if found < 0:
                    continue
                written += 1
                if left.kind(found) is Left.REJECTED:
                    rejected.write(row.chunk, row.index, row.problems)
                else:
                    unknown.write(row.chunk, row.index, ())
            for rows in (rejected, unknown):
                rows.complete()
        for rows in (rejected, unknown):
            run.keep(rows)
    except BaseException:
        rejected.discard()
        unknown.discard()
        raise
    return len(left) - written


def _rows(
    provider: Provider, mapping: FieldMapping, texts: Mapping[tuple[int, str], str], names: Sequence[str]
) -> Iterator[_Row]:
    judge = Road(source=provider.rows, mapping=mapping, reading=SourceOptions()).judge()
    for chunk, marks in provider.rows.marked_chunks(provider.expected):
        judged = judge.judge(chunk)
        problems = {index: row.problems for index, row in rejected_rows(judged)}
        told = marks.to_dicts() or [{}] * chunk.frame.height
        empty = {index for index in judged.is_blank.arg_true().to_list() if told[index].get(CODE)}
        damaged = {index: _damage(chunk, index, told[index], texts, names) for index in empty}
        found = {index: damage for index, damage in damaged.items() if damage is not None}
        shown = replace(chunk, damaged={**chunk.damaged, **found}) if found else chunk
        for index in range(chunk.frame.height):
            at = chunk.first + index
            words = provider.refused.get(at)
            own = (*problems.get(index, ()), *provider.for_others.get(at, ()))
            said = own or _as_it_was(told[index]) if words is None else (_refusal(words),)
            yield _Row(provider.positions[at], shown, index, said)


def _damage(
    chunk: Chunk,
    index: int,
    marks: Mapping[str, str | None],
    texts: Mapping[tuple[int, str], str],
    names: Sequence[str],
) -> Damage | None:
    """A record that has no cells, since it could not be read as cells; its text stands beside the row file."""
    code = marks.get(CODE) or ""
    if not code.startswith("source."):
        return None
    word = names[chunk.file] if names else str(chunk.file + 1)
    return Damage(code=code, raw=texts.get((int(chunk.rows[index]), word), ""))


def _as_it_was(marks: Mapping[str, str | None]) -> tuple[Problem, ...]:
    """What was said of the row before: it is right by now, and was not sent."""
    if not marks.get(CODE):
        return ()
    code, name, message, hint = (marks.get(mark) or "" for mark in (CODE, FIELD, MESSAGE, HINT))
    hint = hint.replace(DAMAGE_HINT, "").strip()
    return (Problem(code=code, field=name, column="", value=None, message=message, hint=hint),)


def _refusal(words: Words) -> Problem:
    code, said = words
    message, hint = describe_problem("platform.refused", value=said)
    return Problem(code=code or "platform.refused", field="", column="", value=None, message=message, hint=hint)
