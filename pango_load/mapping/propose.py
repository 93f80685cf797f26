"""A mapping for a file that nobody has mapped yet, from its headers and its values."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pango_load.catalogue.slots import SLOT_FAMILIES
from pango_load.mapping.dates import OPEN_FORMAT
from pango_load.mapping.evidence import ColumnEvidence, gather
from pango_load.mapping.finish import missing_fields
from pango_load.mapping.header_match import fields_of_headers
from pango_load.mapping.headers import Headers
from pango_load.mapping.mistakes import Findings
from pango_load.mapping.names import trimmed
from pango_load.mapping.read import ZONE_FIELD
from pango_load.mapping.scores import KNOWN_WORD, OWN_NAME, Score, name_score, name_variants, with_evidence, words_of
from pango_load.mapping.synonyms import known_synonyms
from pango_load.records import FieldRule, FieldType, ObjectType, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pango_load.records import Chunk

_ENOUGH = 0.6
_UNKNOWN = "no field of {name} is known: name them after a payload of the console (`pango-load objects learn`)."
_LOST_ZEROS = 0.02
_ID_WORDS = frozenset({"id", "ma", "code", "so", "no", "number", "key", "ref", "uuid", "guid", "euid"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedColumn:
    """What a column should become, and why.

    Attributes:
        header: as the file has it.
        field: the field or slot; None leaves the column out.
        confidence: from 0 to 1.
        why: in words.
        options: of the column, as the mapping writes them.
        samples: some of its cells, masked.
        slot: the slot that would hold it, where it is left out.
        group: the nested list whose items hold the field, where rows are items (`items` of an order).
        is_time: it becomes a point in time, so that a wall clock needs a zone.
    """

    header: str
    field: str | None
    confidence: float
    why: str
    options: Mapping[str, object]
    samples: tuple[str, ...] = ()
    slot: str | None = None
    group: str | None = None
    is_time: bool = False

    @property
    def is_undecided(self) -> bool:
        """Whether its dates or numbers can be read in more than one way."""
        return any(str(self.options.get(name, "")).startswith(OPEN_FORMAT) for name in ("format", "grouping"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A mapping to be looked through by a person.

    Attributes:
        needs_zone: some date has no offset of its own.
        lacking: required fields for which no column was found, as sentences.
        undecided: headers of dates and numbers that can be read in more than one way.
        group_by: the field that the rows of one entry share, where some columns belong to a nested list.
    """

    object_type: ObjectType
    columns: tuple[ProposedColumn, ...]
    needs_zone: bool
    lacking: tuple[str, ...]
    undecided: tuple[str, ...]
    group_by: str = ""


def propose(kind: ObjectType, headers: Sequence[str], chunks: Iterable[Chunk], *, fill_slots: bool = False) -> Proposal:
    """Propose a mapping.

    Args:
        kind: what the rows should become.
        headers: of the file.
        chunks: the whole file, since the format of dates is proved from all their values.
        fill_slots: give columns that are no field to free custom-field slots, instead of leaving them out.
    """
    known = Headers(_told_apart(headers))
    evidence = gather(known.names, chunks)
    chosen = _assign(kind, known, evidence)
    nested = _assign_nested(kind, known, evidence, chosen)
    columns: list[ProposedColumn] = []
    free = _free_slots(kind)
    for header in known.names:
        seen = evidence[header]
        if (match := chosen.get(header)) is not None:
            columns.append(_mapped(header, match.field, match.score, seen))
        elif (item := nested.get(header)) is not None:
            group, match = item
            columns.append(replace(_mapped(header, match.field, match.score, seen), group=group))
        else:
            columns.append(_left_over(header, seen, free, fill_slots=fill_slots))
    groups = {group for group, _ in nested.values()}
    targets = {match.field.name for match in chosen.values()} | groups
    lacking = missing_fields(kind, targets, known, {*chosen, *nested})
    return Proposal(
        object_type=kind,
        columns=tuple(columns),
        needs_zone=any(column.is_time and evidence[column.header].has_wall_clock for column in columns),
        lacking=lacking.mistakes if kind.fields else (_UNKNOWN.format(name=kind.name),),
        undecided=tuple(column.header for column in columns if column.is_undecided),
        group_by=kind.record_key[0] if groups else "",
    )


def _told_apart(headers: Sequence[str]) -> list[str]:
    """The headers that a mapping can name: of those that are the same when trimmed and composed, the plainest."""
    kept: dict[str, str] = {}
    for header in headers:
        name = trimmed(header)
        if name not in kept or header == name:
            kept[name] = header
    return list(kept.values())


# --- which column is which field --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    field: FieldRule
    score: Score


def _assign(kind: ObjectType, headers: Headers, evidence: Mapping[str, ColumnEvidence]) -> dict[str, _Match]:
    """Give each column at most one field, the likeliest pairs first."""
    chosen: dict[str, _Match] = {}
    for name, header in fields_of_headers(kind, headers, Findings()).items():
        if kind.field(name) is None:
            family = next(family for family in SLOT_FAMILIES if family.prefix == name[:-2])
            chosen[header] = _Match(field=family.rule(name), score=Score(value=OWN_NAME, why="the slot's own name"))
    fields = kind.fields
    names = {
        (header, field.name): name_score(header, field)
        if _may_hold(evidence[header], field)
        else Score(value=0.0, why="")
        for header in headers.names
        for field in fields
    }
    _settle_the_lone_ten(headers, names)
    pairs: list[tuple[float, int, int, str, _Match]] = []
    for place, header in enumerate(headers.names):
        speaks = max((names[header, field.name].value for field in fields), default=0.0) >= _ENOUGH
        for order, field in enumerate(fields):
            score = names[header, field.name]
            if speaks and not score.value:
                continue
            score = with_evidence(score, field, evidence[header], is_key=field.name in kind.record_key)
            if score.value >= _ENOUGH and not _is_junk(header):
                pairs.append((-score.value, place, order, header, _Match(field=field, score=score)))
    taken: set[str] = set()
    for _, _, _, header, match in sorted(pairs, key=lambda pair: pair[:3]):
        if header not in chosen and match.field.name not in taken:
            chosen[header] = match
            taken.add(match.field.name)
    _find_the_key(kind, headers, evidence, chosen)
    return chosen


def _may_hold(seen: ColumnEvidence, field: FieldRule) -> bool:
    """A nested list or object stands in a cell as JSON; columns whose rows are items become one elsewhere."""
    return field.type is not FieldType.OBJECT or seen.looks_nested


def _assign_nested(
    kind: ObjectType, headers: Headers, evidence: Mapping[str, ColumnEvidence], chosen: Mapping[str, _Match]
) -> dict[str, tuple[str, _Match]]:
    """The columns that belong to an entry's items, where each row is an item and all that an item needs is there."""
    keys = set(kind.record_key)
    if len(keys) != 1 or not keys <= {match.field.name for match in chosen.values()}:
        return {}
    nested: dict[str, tuple[str, _Match]] = {}
    for rule in kind.fields:
        if (
            rule.type is not FieldType.OBJECT
            or rule.is_map
            or any(match.field.name == rule.name for match in chosen.values())
        ):
            continue
        items = replace(
            kind, name=rule.name, fields=rule.fields, custom_fields=rule.custom_fields, record_key=(), requirements=()
        )
        rest = Headers([name for name in headers.names if name not in chosen and name not in nested])
        found = _assign(items, rest, evidence)
        held = {match.field.name for match in found.values()}
        if held and all(inner.name in held for inner in rule.fields if inner.required):
            nested.update({header: (rule.name, match) for header, match in found.items()})
    return nested


def _is_junk(header: str) -> bool:
    variants = name_variants(header)
    return not variants or any(re.sub(r" ?[0-9]+$", "", words) in known_synonyms().junk for words in variants)


def _settle_the_lone_ten(headers: Headers, names: dict[tuple[str, str], Score]) -> None:
    """`Tên` beside `Họ` is the given name; alone it is the whole name."""
    if any(names.get((header, "lastName"), Score(value=0, why="")).value >= _ENOUGH for header in headers.names):
        return
    for header in headers.names:
        if "ten" in name_variants(header) and (header, "firstName") in names:
            names[header, "firstName"] = Score(value=0.0, why="")
            why = "a known word for it, and no column holds family names"
            names[header, "fullName"] = Score(value=KNOWN_WORD, why=why)


def _find_the_key(
    kind: ObjectType, headers: Headers, evidence: Mapping[str, ColumnEvidence], chosen: dict[str, _Match]
) -> None:
    """A required key that no name speaks for: a column called an id of some kind, and unique in every row."""
    taken = {match.field.name for match in chosen.values()}
    for field in kind.fields:
        if not field.required or field.name in taken or field.name not in kind.record_key:
            continue
        for header in headers.names:
            words = {word for variant in name_variants(header) for word in variant.split()}
            if header not in chosen and words & _ID_WORDS and evidence[header].looks_unique:
                chosen[header] = _Match(field=field, score=Score(value=0.62, why="an id that is unique in every row"))
                break


# --- what its line says -----------------------------------------------------------------------------------------------


def _mapped(header: str, field: FieldRule, score: Score, seen: ColumnEvidence) -> ProposedColumn:
    options: dict[str, object] = {}
    notes: list[str] = []
    if field.type is FieldType.TIMESTAMP or field.shape is Shape.DATE:
        _add_dates(seen, options, notes)
    elif field.name != ZONE_FIELD and field.type in {FieldType.LONG, FieldType.DOUBLE}:
        _add_signs(field, seen, options, notes)
    elif field.type is FieldType.LIST and (sign := seen.separator):
        options["split"] = sign
    elif field.shape is Shape.PHONE and seen.lost_zeros >= _LOST_ZEROS:
        options["clean"] = "restore-zero"
        notes.append(f"{seen.lost_zeros:.0%} have lost their zero")
    elif words := words_of(field):
        _add_words(field, words, seen, options, notes)
    return ProposedColumn(
        header=header,
        field=field.name,
        confidence=min(score.value, 0.99),
        why="; ".join([score.why, *notes]),
        options=options,
        samples=seen.samples,
        is_time=field.type is FieldType.TIMESTAMP,
    )


def _add_signs(field: FieldRule, seen: ColumnEvidence, options: dict[str, object], notes: list[str]) -> None:
    if seen.looks_like_numbers and seen.has_other_than_numbers:
        notes.append("some cells are no number, and their rows will be rejected")
    signs = seen.number_signs
    if signs.decimal and field.type is FieldType.DOUBLE:
        options["decimal"] = signs.decimal
    if signs.grouping and (signs.is_proved or field.type is FieldType.LONG):
        options["grouping"] = signs.grouping
    elif signs.grouping:
        options["grouping"] = OPEN_FORMAT + signs.grouping
        notes.append(f'"{signs.grouping}" can stand between thousands or before decimals, and no cell decides')


def _add_dates(seen: ColumnEvidence, options: dict[str, object], notes: list[str]) -> None:
    if seen.dates is None or not seen.looks_like_dates:
        return
    proof = seen.dates.proof()
    if proof.readings:
        options["format"] = OPEN_FORMAT + " or ".join(proof.readings)
    elif proof.formats:
        options["format"] = proof.formats[0] if len(proof.formats) == 1 else list(proof.formats)
    notes.append(proof.why)


def _add_words(
    field: FieldRule, words: tuple[str, ...], seen: ColumnEvidence, options: dict[str, object], notes: list[str]
) -> None:
    known = known_synonyms()
    meant = {cell: known.word_for(cell, words) for cell in seen.words or list(seen.counts)[:12]}
    renamed = {cell: word for cell, word in meant.items() if word is not None and word.casefold() != cell.casefold()}
    strange = [cell for cell, word in meant.items() if word is None]
    if renamed:
        options["values"] = renamed
    if strange and (not field.values_open or renamed):
        be = "is" if len(strange) == 1 else "are"
        notes.append(f"{len(strange)} of its words {be} not understood; add them under values")


def _left_over(header: str, seen: ColumnEvidence, free: list[str], *, fill_slots: bool) -> ProposedColumn:
    if _is_junk(header):
        return _out(header, "a name that says nothing", seen)
    if seen.is_empty:
        return _out(header, "empty in every row", seen)
    prefix, what = _family(seen)
    slot = next((name for name in free if re.fullmatch(rf"{prefix}[0-9]{{2}}", name)), None)
    if slot is None:
        return _out(header, f"no field for it; {what}", seen)
    free.remove(slot)
    if not fill_slots or prefix == "customFieldDouble":
        # No public page shows the container of decimals: a person decides.
        return replace(_out(header, f"no field for it; {what}", seen), slot=slot)
    family = next(family for family in SLOT_FAMILIES if family.prefix == prefix)
    score = Score(value=0.5, why=f"no field for it; {what}; look up in the console which slot is free")
    return _mapped(header, family.rule(slot), score, seen)


def _out(header: str, why: str, seen: ColumnEvidence) -> ProposedColumn:
    return ProposedColumn(header=header, field=None, confidence=1.0, why=why, options={}, samples=seen.samples)


def _family(seen: ColumnEvidence) -> tuple[str, str]:
    if seen.looks_like_dates:
        return "customFieldTimestamp", "dates"
    if seen.looks_unique and seen.looks_like_ids:
        return "customField", "ids"
    if seen.looks_like_numbers and not seen.has_other_than_numbers:
        return ("customFieldDouble", "numbers") if seen.has_fractions else ("customFieldLong", "whole numbers")
    if seen.words:
        return "customField", "one word throughout" if len(seen.words) == 1 else f"{len(seen.words)} different words"
    return "customField", "text"


def _free_slots(kind: ObjectType) -> list[str]:
    if kind.custom_fields is False:
        return []
    return [f"{family.prefix}{number:02d}" for family in SLOT_FAMILIES for number in range(1, 100)]
