"""The first pass over the whole source: everything is known before the first request leaves."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Protocol

import polars as pl

from pango_load.errors import NoRows, TooManyRejects, UsageError
from pango_load.payload.batches import Extents
from pango_load.payload.groups import EntryGrouper
from pango_load.records import OnDuplicate, Shape
from pango_load.report.plain_text import counted, grouped
from pango_load.report.skips import Skip
from pango_load.report.tally import ProblemTally
from pango_load.selection import selected
from pango_load.source.damage import Finding, named_rows, seen_in
from pango_load.source.damage import Survey as DamageSurvey
from pango_load.valid_rows import ValidRows, grouped_entries, valid_positions
from pango_load.validation.wording import rejected_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pango_load.payload.batches import BatchPlanner
    from pango_load.payload.groups import Entries
    from pango_load.payload.repeated_keys import RepeatedKeys
    from pango_load.plan import LoadPlan
    from pango_load.records import Chunk, FieldMapping, RejectedRow, RejectedRows
    from pango_load.road import Passage, Road
    from pango_load.selection import Selection, Step
    from pango_load.source.fingerprint import Fingerprint
    from pango_load.valid_rows import KeptRows
    from pango_load.validation.judge import Judged

REJECTS_SHOWN = 3
_FILE_BITS, _ROW_BITS = 8, 24
"""How file and row go into the 32 bits that are kept for each record key, where there are several files."""


class SurveyKeeper(Protocol):
    """Where the survey puts what it finds."""

    def passed(self, chunk: Chunk) -> None:
        """Rows are about to be told apart: how they are numbered."""
        ...

    def rejected(self, chunk: Chunk, rows: RejectedRows) -> None:
        """These rows of a chunk were turned down; it is not to be held any longer than this takes."""
        ...

    def skipped(self, spans: Sequence[tuple[Skip, tuple[int, int]]]) -> None:
        """Rows are left out on purpose: adjacent positions in order, first and last included, each with the reason."""
        ...


class KnownRows(Protocol):
    """The rows at the beginning of the source that an earlier run has surveyed.

    Attributes:
        read: how many records they are.
    """

    read: int

    def take(self, passage: Passage) -> None:
        """The next of them passed by."""
        ...


@dataclass(slots=True)
class Survey:
    """What the first pass found. Rows are rows of the source.

    Attributes:
        compared: rows that were looked at before the survey, where rows are sent or not because of other rows.
        skips: the skipped rows by the reason.
        deletes: valid rows whose `recordStatus` is Deleted.
        problems, warnings: rows by (code, field).
        first_rejected: the first few rejected rows, with their values.
        examples: a few cells of each problem, for the report.
        damage: what the table suffered before it came here, seen in whole columns; it rejects nothing.
    """

    read: int = 0
    rejected: int = 0
    skipped: int = 0
    valid: int = 0
    compared: int = 0
    skips: Counter[Skip] = field(default_factory=Counter)
    deletes: int = 0
    problems: Counter[tuple[str, str]] = field(default_factory=Counter)
    warnings: Counter[tuple[str, str]] = field(default_factory=Counter)
    first_rejected: list[RejectedRow] = field(default_factory=list)
    examples: ProblemTally = field(default_factory=ProblemTally)
    damage: tuple[Finding, ...] = ()


def survey_source(
    road: Road,
    planner: BatchPlanner,
    keeper: SurveyKeeper,
    *,
    folder: Path,
    expected: tuple[Fingerprint, ...] | None = None,
    known: KnownRows | None = None,
    kept: KeptRows | None = None,
    also: Sequence[Step] = (),
    after_chunk: Callable[[Survey], None] = lambda _: None,
) -> Survey:
    """Read and judge every row, plan the batches, send nothing.

    Args:
        road: files and mapping.
        planner: takes the valid rows.
        keeper: takes the others.
        folder: where there is room for record keys, if the mapping compares them; nothing stays there.
        expected: what the files were when the load was identified.
        known: takes the rows that were surveyed before (`--append`); what is found is of the others.
        kept: takes the valid rows for sending; not together with `known`, whose rows it would lack.
        also: further rows that are left out.
        after_chunk: called some times a second with what is known so far; what it raises ends the survey.

    Raises:
        LoadStopped: see `Road.passages`.
    """
    found = Survey()
    look_out, row_bits = _look_out(road), _row_bits(road)

    def compared(rows: int) -> None:
        found.compared = rows
        after_chunk(found)

    grouper = EntryGrouper() if road.mapping.groups else None
    with selected(road, folder, expected=expected, also=also, after_chunk=compared) as selection:
        for passage in road.passages(expected, cut_at=known.read if known else 0):
            judged = None
            if known is not None and passage.last < known.read:
                known.take(passage)
            else:
                judged = _add(found, passage, keeper, selection)
                _plan(judged, planner, grouper, row_bits=row_bits)
                if kept is not None and kept.is_open and judged is not None:
                    kept.take(judged)
            if passage.judged is not None:
                look_out.look(passage.judged.chunk)
            after_chunk(found)
            # A chunk that is held while the next is read takes as much memory again.
            del passage, judged
        if grouper is not None:
            _plan_entries(grouper.flush(), planner)
    mended = {rule.column for rule in road.mapping.columns if rule.restore_zero}
    findings = look_out.findings() if found.read else ()
    found.damage = tuple(one for one in findings if not (one.code == "damage.lost-zero" and one.column in mended))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierFindings:
    """What the survey of an earlier process found, as far as the journal keeps it: no row values."""

    warnings: Mapping[tuple[str, str], int] = field(default_factory=dict)
    damage: tuple[Finding, ...] = ()
    deletes: int = 0
    skips: Mapping[Skip, int] = field(default_factory=dict)


def kept_findings(found: Survey) -> str:
    """What a resumed run must still be able to tell, as JSON."""
    return json.dumps(
        {
            "deletes": found.deletes,
            "warnings": [[code, name, rows] for (code, name), rows in found.warnings.items()],
            "damage": [asdict(finding) for finding in found.damage],
            "skips": found.skips,
        }
    )


def told_findings(text: str) -> EarlierFindings:
    """What `kept_findings` wrote; nothing where it never did."""
    if not text:
        return EarlierFindings()
    kept = json.loads(text)
    return EarlierFindings(
        warnings={(code, name): rows for code, name, rows in kept["warnings"]},
        damage=tuple(Finding(**finding | {"rows": tuple(finding["rows"])}) for finding in kept["damage"]),
        deletes=kept["deletes"],
        skips={Skip(reason): rows for reason, rows in kept["skips"].items()},
    )


def _look_out(road: Road) -> DamageSurvey:
    """Who looks at whole columns; the mapping says which hold phones and e-mail addresses."""
    by_shape: dict[Shape, list[str]] = {Shape.PHONE: [], Shape.EMAIL: []}
    for rule in road.mapping.columns:
        if rule.column is not None and rule.rule.shape in by_shape and not rule.restore_zero:
            by_shape[rule.rule.shape].append(rule.column)
    files = road.source.files
    look_out = DamageSurvey(
        road.source.headers,
        phones=by_shape[Shape.PHONE],
        emails=by_shape[Shape.EMAIL],
        files=[file.title for file in files],
    )
    for number, file in enumerate(files):
        for rounded in file.rounded:
            look_out.add_rounded(rounded, number)
    return look_out


def guard(plan: LoadPlan, found: Survey) -> None:
    """What stops a run after its survey.

    Raises:
        NoRows: with --error-on-empty.
        TooManyRejects: more than --max-rejects allows.
        UsageError: damage, with --strict.
    """
    if plan.error_on_empty and not found.read:
        raise NoRows("The source holds no rows.", "Check what wrote the file.")
    if plan.max_rejects.is_passed(rejected=found.rejected, read=found.read):
        of_all = f"{grouped(found.rejected)} of {counted(found.read, 'row')}"
        raise TooManyRejects(
            f"{of_all} are rejected, which is more than --max-rejects allows; nothing was sent.",
            "Mend the source, or the mapping, and start with the whole file again.",
        )
    if plan.strict and found.damage:
        first = found.damage[0]
        others = f" (and {counted(len(found.damage) - 1, 'more finding')})" if len(found.damage) > 1 else ""
        raise UsageError(f"--strict: {first.message}{others}; nothing was sent.", first.advice)


def repeated_key(road: Road, repeated: RepeatedKeys, *, of: int) -> tuple[Finding, ...]:
    """What is said of rows that share a record key and are sent: it is no mistake, but seldom meant.

    Args:
        road: files and mapping.
        repeated: has seen the keys of all rows that are sent.
        of: how many those are.
    """
    if not repeated.repeats:
        return ()
    key = " and ".join(road.mapping.record_key)
    bits = _row_bits(road)
    places = [divmod(row, 1 << bits) for _, row in repeated.first_repeats]
    where = named_rows(places, [file.title for file in road.source.files])
    share = repeated.repeats / max(of, 1)
    seen = seen_in(counted(repeated.repeats, "row"), share, repeated.repeats, where)
    return (
        Finding(
            code="damage.same-key",
            column="",
            count=repeated.repeats,
            share=share,
            rows=tuple(row for _, row in places),
            message=f"{seen} with the {key} of an earlier row: sent in the file's order, never in one batch",
            advice="If one row of each is meant, say so in the mapping: onDuplicate: keep-last, keep-first or reject.",
        ),
    )


def left_out_notice(road: Road, skips: Mapping[Skip, int]) -> tuple[str, ...]:
    """What is said of valid rows that are left out on purpose, for other reasons than their place in the file."""
    said: list[str] = []
    if left_out := skips.get(Skip.REPEATED, 0):
        key = " and ".join(road.mapping.record_key)
        policy = road.mapping.on_duplicate
        share = "row has" if left_out == 1 else "rows have"
        kept = "first" if policy is OnDuplicate.KEEP_FIRST else "last"
        told = f"{grouped(left_out)} {share} the {key} of another row: skipped, the {kept} of each is sent"
        said.append(f"{told} (onDuplicate: {policy}).")
    if overtaken := skips.get(Skip.OVERTAKEN, 0):
        said.append(overtaken_notice(overtaken, road.mapping))
    if cut := skips.get(Skip.CUT, 0):
        which = "row belongs to a group" if cut == 1 else "rows belong to groups"
        said.append(f"{grouped(cut)} {which} that --skip-rows or --limit cuts in two: skipped too.")
    return tuple(said)


def overtaken_notice(rows: int, mapping: FieldMapping) -> str:
    """What is said of rows that are left out since a row of their record key was accepted that stands in their way."""
    told = "1 row is" if rows == 1 else f"{grouped(rows)} rows are"
    other = "another" if mapping.on_duplicate is OnDuplicate.KEEP_FIRST else "a newer"
    return f"{told} not sent, since {other} row of the same record key was accepted: skipped."


def _row_bits(road: Road) -> int:
    return _ROW_BITS if len(road.source.files) > 1 else _ROW_BITS + _FILE_BITS


def _packed_rows(chunk: Chunk, bits: int) -> pl.Series:
    """File and row of each record in one UInt32; null where they do not fit, and the rows are not named then."""
    # A sorted copy gives rows in another order than that of their numbers.
    last = int(chunk.rows[-1] if chunk.rows.is_sorted() else chunk.rows.sort()[-1])
    if chunk.file >> (_ROW_BITS + _FILE_BITS - bits) or last >> bits:
        return pl.repeat(None, len(chunk.rows), dtype=pl.UInt32, eager=True)
    return (chunk.rows + (chunk.file << bits)).cast(pl.UInt32)


def _add(found: Survey, passage: Passage, keeper: SurveyKeeper, selection: Selection) -> Judged | None:
    judged = None
    found.read += passage.last - passage.first + 1
    skips = [(Skip.LIMIT, span) for span in passage.skipped]
    if passage.judged is not None:
        chosen = selection.of(passage.judged)
        judged = chosen.judged
        keeper.passed(judged.chunk)
        skips += [(Skip.BLANK, span) for span in _spans(judged, judged.is_blank)]
        skips += [(reason, span) for reason, rows in chosen.skipped for span in _spans(judged, rows)]
        found.deletes += judged.deletes
        _add_rulings(found, judged)
        if rows := list(rejected_rows(judged)):
            found.rejected += len(rows)
            for _, row in rows:
                found.examples.add(row.row, row.problems)
            found.first_rejected += [row for _, row in rows[: REJECTS_SHOWN - len(found.first_rejected)]]
            keeper.rejected(judged.chunk, rows)
        found.valid += int(judged.is_valid.sum() or 0)
    for reason, (first, last) in skips:
        found.skips[reason] += last - first + 1
        found.skipped += last - first + 1
    if skips:
        keeper.skipped(sorted(skips, key=lambda told: told[1]))
    return judged


def _plan(judged: Judged | None, planner: BatchPlanner, grouper: EntryGrouper | None, *, row_bits: int) -> None:
    if judged is None:
        return
    numbers = _packed_rows(judged.chunk, row_bits)
    if grouper is not None:
        _plan_entries(grouped_entries(ValidRows.of(judged, numbers), grouper), planner)
        return
    keys = None if judged.keys is None else judged.keys.filter(judged.is_valid)
    planner.add(valid_positions(judged), keys, numbers.filter(judged.is_valid))


def _plan_entries(entries: Entries, planner: BatchPlanner) -> None:
    planner.add(entries.first, entries.keys, entries.numbers, extents=Extents(entries.last, entries.rows))


def _add_rulings(found: Survey, judged: Judged) -> None:
    for ruling in judged.errors:
        found.problems[ruling.code, ruling.field] += int(ruling.rows.sum() or 0)
    for ruling in judged.warnings:
        rows = int((ruling.rows & judged.is_valid).sum() or 0)
        if rows:
            found.warnings[ruling.code, ruling.field] += rows


def _spans(judged: Judged, rows: pl.Series) -> list[tuple[int, int]]:
    """Adjacent positions of `rows` (Boolean), first and last included."""
    if not rows.any():
        return []
    spans: list[tuple[int, int]] = []
    for position in (rows.arg_true().cast(pl.Int64) + judged.chunk.first).to_list():
        if spans and spans[-1][1] == position - 1:
            spans[-1] = (spans[-1][0], position)
        else:
            spans.append((position, position))
    return spans
