"""Which rows of a finished run are sent again, and where the cells of those are that are not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.errors import LoadStopped, UsageError
from pango_load.group_parts import GroupParts
from pango_load.journal.identity import FileDigest
from pango_load.journal.mending import Left, LeftRows, positions_of, rows_of
from pango_load.journal.numbering import RowNumbers
from pango_load.mended_rows import (
    Matcher,
    open_marked,
    own_headers,
    refuse_late_keys,
    refuse_mistakes,
    refuse_strangers,
)
from pango_load.newer_rows import RunRows
from pango_load.picked_rows import PickedRows, Picks, Provider
from pango_load.plan import OnUnknown
from pango_load.records import OnDuplicate
from pango_load.report.row_files import RowFileName, row_files_in, told_apart
from pango_load.road import road_of
from pango_load.selection import rejected_for_others
from pango_load.source.files import open_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pango_load.journal.reading import JournalReader
    from pango_load.journal.retry_moves import Words
    from pango_load.journal.retry_terms import RetryTerms
    from pango_load.journal.runs import KnownRun
    from pango_load.plan import LoadPlan
    from pango_load.records import FieldMapping, Problem
    from pango_load.road import Road
    from pango_load.source.files import Source
    from pango_load.source.fingerprint import Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsToRetry:
    """What is sent again.

    Attributes:
        left: every row that the run has left.
        picks: the lines that stand for some of them.
        road: those lines as a source, and the mapping of the run.
        rows: the same lines, with our own columns.
        unsent: the other lines of the mended files that stand for rows of the run.
        held: lines of rows that are unknown, and are not sent unless that is asked for.
        overtaken: lines of unknown rows that may be older than an accepted row of their record key, where the source is
            gone that would tell.
        origin: the rows of the run; None where its source is gone, or has changed.
        own: the run's own row files where they are others; None where they cannot be read.
    """

    left: LeftRows
    picks: Picks
    road: Road
    rows: PickedRows
    unsent: PickedRows
    held: int
    overtaken: int
    origin: RunRows | None
    own: PickedRows | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunToRetry:
    """A finished run that is taken up again.

    Attributes:
        terms: how it was asked for.
        journal: where its rows stand.
        folder: its own.
    """

    known: KnownRun
    terms: RetryTerms
    journal: JournalReader
    folder: Path

    # --- what is sent again -------------------------------------------------------------------------------------------

    def own_files(self) -> tuple[Path, ...]:
        """Its rejected file, or that of its unknown rows where it has none.

        Raises:
            UsageError: it has neither.
        """
        for name in ("rejected", "unknown"):
            found = row_files_in(self.folder, name) if self.folder.is_dir() else []
            if found:
                here = Path.cwd()
                return tuple(path.relative_to(here) if path.is_relative_to(here) else path for path in found)
        raise UsageError(
            f"Run {self.known.id} has no file of rejected or unknown rows in {self.folder}.",
            f"Name the mended file: pango-load retry {self.known.id} FILE",
        )

    def taken_in(self, plan: LoadPlan, mended: RowsToRetry) -> frozenset[Path]:
        """The row files whose every line was read, so that they may be written anew."""
        own = self._row_files() if mended.own is not None else []
        return frozenset(path.resolve() for path in (*plan.files, *own))

    def _row_files(self) -> list[Path]:
        names: tuple[RowFileName, ...] = ("rejected", "unknown") if self.folder.is_dir() else ()
        return [path for name in names for path in row_files_in(self.folder, name)]

    def match(self, plan: LoadPlan, *, is_mapping_named: bool) -> RowsToRetry:
        """Find the row of the run for each line of `plan.files`.

        Raises:
            UsageError: lines, columns or mapping are not those of the run; nothing was sent.
        """
        run, terms = self.known.id, self.terms
        source = open_marked(plan.files, plan.reading, terms, run)
        headers = own_headers(source, terms, run, may_add=is_mapping_named)
        left = LeftRows.of(self.journal)
        found = self._matcher(left, headers).match(source)
        refuse_late_keys(source, run)
        refuse_mistakes(found, plan.files[0], run)
        road = road_of(plan, PickedRows(source, found, headers, terms))
        if not is_mapping_named and road.mapping.fingerprint != terms.fingerprint:
            raise UsageError(
                f"The mapping of run {run} ({self.known.facts.description.mapping}) is not what it was then.",
                "Put it back as it was, or name it with --mapping to retry the rows by it as it is now.",
            )
        origin = self._origin(road.mapping)
        is_sure = plan.delivery.on_unknown is OnUnknown.RESEND or all(map(self._is_own_unknown, plan.files))
        sent = [at for at, index in enumerate(found.left) if is_sure or left.kind(index) is Left.REJECTED]
        doubtful = set() if origin is not None else set(positions_of(self.journal.doubtful_spans(by_plan=True)))
        safe = [at for at in sent if left.positions[found.left[at]] not in doubtful]
        alone = found.chosen(safe)
        own = self._own_rows(left, plan)
        rows = PickedRows(source, alone, headers, terms)
        if own is not None:
            refuse_strangers(rows, own, road.mapping, run=run)
        mended = RowsToRetry(
            left=left,
            picks=alone,
            road=replace(road, source=rows),
            rows=rows,
            unsent=PickedRows(source, _others(found, alone), headers, terms),
            held=len(found) - len(sent),
            overtaken=len(sent) - len(safe),
            origin=origin,
            own=own,
        )
        if road.mapping.groups:
            self._refuse_parts(mended)
        return mended

    def _refuse_parts(self, mended: RowsToRetry) -> None:
        """See `GroupParts.refuse`."""
        parts = GroupParts(
            mapping=mended.road.mapping,
            left=mended.left,
            numbers=self._numbers(),
            journal=self.journal,
            path=str(mended.road.source.files[0].path),
            run=self.known.id,
        )
        parts.refuse(mended.rows, mended.own, [provider.rows for provider in self._elsewhere(mended)])

    def _numbers(self) -> RowNumbers:
        return RowNumbers(self.journal.numbering(), self.known.facts.read)

    def _matcher(self, left: LeftRows, headers: Sequence[str]) -> Matcher:
        return Matcher(left, self._numbers(), told_apart(self.terms.names), headers, self.terms.encoding)

    def _is_own_unknown(self, path: Path) -> bool:
        """Whoever names this very file wants its rows sent again."""
        return path.name.startswith("unknown") and path.parent.resolve() == self.folder.resolve()

    def _origin(self, mapping: FieldMapping) -> RunRows | None:
        """The rows of the run where they came from, if that is still what it was.

        Raises:
            UsageError: it is not, and the mapping lets only one row of a record key through.
        """
        found = self._source()
        if found is not None:
            source, expected = found
            position = self._numbers().position if self.terms.reading.sort else None
            return RunRows(source=source, expected=expected, position=position)
        if mapping.on_duplicate is not OnDuplicate.SEND and self.journal.counts().accepted:
            names = ", ".join(self.terms.names)
            raise UsageError(
                f"{names} is not what run {self.known.id} has read any more, so its accepted rows cannot be compared "
                f"with mended ones (onDuplicate: {mapping.on_duplicate}). Nothing was sent.",
                "Put it back as it was, or load the mended file by itself: its _pango_ columns are ignored.",
            )
        return None

    def _source(self) -> tuple[Source, tuple[Fingerprint, ...]] | None:
        """What the run was made of; None where that is gone, or has changed."""
        facts, terms = self.known.facts, self.terms
        paths = [Path(path) for path in facts.description.paths]
        if facts.description.spool or not all(path.is_file() for path in paths):
            return None
        try:
            source = open_source(paths, terms.reading, wanted=terms.headers).with_headers(terms.headers)
            fingerprints = source.fingerprints()
        except LoadStopped:
            return None
        if tuple(FileDigest(found.digest, found.size) for found in fingerprints) != facts.files:
            return None
        return source, fingerprints

    def _own_rows(self, left: LeftRows, plan: LoadPlan) -> PickedRows | None:
        theirs = {path.resolve() for path in plan.files}
        files = [path for path in self._row_files() if path.resolve() not in theirs]
        if not files:
            return None
        try:
            source = open_marked(files, replace(plan.reading, sheet=None), self.terms, self.known.id)
            own_headers(source, self.terms, self.known.id, may_add=False)
            picks = self._matcher(left, self.terms.headers).match(source)
        except UsageError:
            # Somebody's own hand in it: the source is asked instead.
            return None
        return PickedRows(source, picks, self.terms.headers, self.terms)

    # --- where the others are -----------------------------------------------------------------------------------------

    def providers(
        self,
        mended: RowsToRetry,
        refused: Mapping[int, Words],
        for_others: Mapping[int, tuple[Problem, ...]],
        expected: tuple[Fingerprint, ...],
    ) -> list[Provider]:
        """Where the cells of the rows are that the run has left: each row in one of them, or in none.

        Args:
            mended: what was sent again.
            refused: the platform's words for some of it, by place.
            for_others: why some of it was rejected for another row, by place.
            expected: what the mended files were when they were read before.
        """
        first = replace(_provider(mended.rows, mended.left, expected, refused), for_others=for_others)
        return [first, *self._elsewhere(mended, expected)]

    def _elsewhere(self, mended: RowsToRetry, expected: tuple[Fingerprint, ...] | None = None) -> list[Provider]:
        """Where the rows are that are not sent again."""
        left, headers = mended.left, mended.rows.headers
        providers = []
        taken = set(mended.picks.left)
        for found, prints in ((mended.own, None), (mended.unsent, expected)):
            if found is not None:
                others = [at for at, index in enumerate(found.picks.left) if index not in taken]
                rows = found.only(found.picks.chosen(others), headers)
                taken.update(rows.picks.left)
                providers.append(_provider(rows, left, prints, {}))
        missing = [index for index in range(len(left)) if index not in taken]
        from_source = self._from_source(mended, missing) if missing else None
        return [*providers, from_source] if from_source is not None else providers

    def _from_source(self, mended: RowsToRetry, missing: Sequence[int]) -> Provider | None:
        """Rows that stand in no row file any more, from what the run was made of, if that is still what it was."""
        terms, left = self.terms, mended.left
        if mended.origin is None:
            return None
        source, fingerprints = mended.origin.source, mended.origin.expected
        numbers = self._numbers()
        picks = _found_again(source, {numbers.place(left.positions[index]): index for index in missing})
        words = {
            at: (entry.code, entry.message)
            for entry in self.journal.refused_rows()
            for at in rows_of(self.journal, entry)
        }
        refused = {
            place: words[left.positions[index]]
            for place, index in enumerate(picks.left)
            if left.positions[index] in words
        }
        because = dict(rejected_for_others(replace(mended.road, source=source), self.journal))
        for_others = {
            place: because[left.positions[index]]
            for place, index in enumerate(picks.left)
            if left.positions[index] in because
        }
        rows = PickedRows(source, picks, mended.rows.headers, terms)
        return replace(_provider(rows, left, fingerprints, refused), for_others=for_others)


def _found_again(source: Source, wanted: Mapping[tuple[int, int], int]) -> Picks:
    """Rows of the run in its source, by number and file: a run may have read them in another order (`--sort`)."""
    found = Picks()
    for chunk in source.read_chunks():
        for record, row in enumerate(chunk.rows.to_list(), chunk.first):
            index = wanted.get((row, chunk.file))
            if index is not None:
                found.add(record, index, row, chunk.file)
    return found.chosen(sorted(range(len(found)), key=found.left.__getitem__))


def _others(found: Picks, chosen: Picks) -> Picks:
    taken = set(chosen.left)
    return found.chosen([at for at, index in enumerate(found.left) if index not in taken])


def _provider(
    rows: PickedRows, left: LeftRows, expected: tuple[Fingerprint, ...] | None, refused: Mapping[int, Words]
) -> Provider:
    positions = [left.positions[index] for index in rows.picks.left]
    return Provider(rows=rows, positions=positions, expected=expected, refused=refused)
