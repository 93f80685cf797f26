"""How likely a column is a field: what its name says, and what its values say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pango_load.mapping.names import folded, in_marked_words, in_words
from pango_load.mapping.synonyms import known_synonyms, names_of
from pango_load.records import FieldRule, FieldType, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pango_load.mapping.evidence import ColumnEvidence

OWN_NAME, KNOWN_WORD, FUZZY_FROM = 1.0, 0.95, 86.0
_AGREES, _CONTRADICTS, _NOT_UNIQUE, _EMPTY = 0.03, 0.5, 0.85, 0.7
_ANY_PLACE = 0.03
_DELETES = "recordStatus"
_BY_VALUES = {Shape.EMAIL: 0.8, Shape.PHONE: 0.75}
_MOSTLY = 0.8
_MEANINGFUL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How likely it is, from 0 to 1, and why."""

    value: float
    why: str


def name_variants(header: str) -> tuple[str, ...]:
    """A header in plain words, with and without what stands in brackets: `Ngày sinh (dd/mm/yyyy)`, `Phone*`."""
    return tuple(dict.fromkeys(in_words(variant) for variant in _marked_variants(header)))


def _marked_variants(header: str) -> tuple[str, ...]:
    bare = re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", header)
    return tuple(dict.fromkeys(filter(None, (in_marked_words(bare), in_marked_words(header)))))


def name_score(header: str, field: FieldRule) -> Score:
    """What the name of a column says about a field."""
    if folded(header) == folded(field.name):
        return Score(value=OWN_NAME, why="the field's own name")
    known = known_synonyms()
    best = Score(value=0.0, why="")
    for words in _marked_variants(header):
        # A header that has diacritics means them: "Quê quán" is no "quận". One without is compared without.
        names = names_of(field.name, marked=words != in_words(words))
        best = max(best, _likeness(words, names), key=_value)
    return Score(value=max(0.0, best.value - known.ranks.get(field.name, 0) * 0.02), why=best.why)


def _likeness(words: str, names: Mapping[str, int]) -> Score:
    joined = words.replace(" ", "")
    compact = {name.replace(" ", ""): place for name, place in names.items()}
    if joined in compact:
        return Score(value=KNOWN_WORD - min(compact[joined], 20) / 1000, why="a known word for it")
    vague = known_synonyms().vague
    held = [
        name
        for name in names
        if len(name) >= _MEANINGFUL and in_words(name) not in vague and f" {name} " in f" {words} "
    ]
    if held:
        part = max(len(name.split()) for name in held) / len(words.split())
        return Score(value=0.62 + 0.2 * part, why="its name holds a known word")
    from rapidfuzz import fuzz, process  # most headers are known words

    near = process.extractOne(joined, list(compact), scorer=fuzz.ratio, score_cutoff=FUZZY_FROM)
    if near is None or len(joined) <= _MEANINGFUL:
        return Score(value=0.0, why="")
    return Score(value=0.62 + (near[1] - FUZZY_FROM) / 100, why=f'its name is nearly "{near[0]}"')


def _value(score: Score) -> float:
    return score.value


def with_evidence(score: Score, field: FieldRule, evidence: ColumnEvidence, *, is_key: bool) -> Score:
    """The score of a name, corrected by what the values look like."""
    if evidence.is_empty:
        return Score(value=score.value * _EMPTY, why=f"{score.why}; the column is empty")
    if not score.value:
        return _by_values_alone(field, evidence)
    fits, seen = _fit(field, evidence)
    if fits is None:
        return _against(score, field, evidence, is_key=is_key)
    if fits:
        return Score(value=min(1.0, score.value + _AGREES), why=f"{score.why}; {seen}")
    if field.values and score.value >= KNOWN_WORD - _ANY_PLACE:
        # Words can be translated by hand; nothing wrong is sent before that.
        return Score(value=score.value * _EMPTY, why=f"{score.why}, but {seen}")
    return Score(value=score.value * _CONTRADICTS, why=f"{score.why}, but {seen}")


def _against(score: Score, field: FieldRule, evidence: ColumnEvidence, *, is_key: bool) -> Score:
    """What speaks against a text field, whose values could be anything."""
    if score.value < OWN_NAME and field.type is FieldType.TEXT and evidence.looks_like_emails:
        return Score(value=score.value * _CONTRADICTS, why=f"{score.why}, but the values look like e-mails")
    if score.value < OWN_NAME and is_key and not evidence.looks_unique:
        return Score(value=score.value * _NOT_UNIQUE, why=f"{score.why}, but values recur")
    return score


def _by_values_alone(field: FieldRule, evidence: ColumnEvidence) -> Score:
    if field.shape in _BY_VALUES:
        fits, seen = _fit(field, evidence)
        if field.shape is Shape.PHONE:
            fits = evidence.begins_like_phones
        if fits and field.shape is not None:
            return Score(value=_BY_VALUES[field.shape], why=f"the name says nothing, {seen}")
    closed = field.values and not field.values_open and field.name != _DELETES
    if closed and len(evidence.words) > 1 and _known_share(field, evidence) == 1:
        return Score(value=0.7, why="the name says nothing, all values look like words of its list")
    return Score(value=0.0, why="")


def _fit(field: FieldRule, evidence: ColumnEvidence) -> tuple[bool | None, str]:
    """Whether the values fit a field, and what was seen; None where its type says nothing about values."""
    match field:
        case FieldRule(shape=Shape.EMAIL):
            fits, what = evidence.looks_like_emails, "e-mails"
        case FieldRule(shape=Shape.PHONE):
            fits, what = evidence.looks_like_phones, "phone numbers"
        case FieldRule(type=FieldType.TIMESTAMP) | FieldRule(shape=Shape.DATE):
            fits, what = evidence.looks_like_dates, "dates"
        case FieldRule(type=FieldType.OBJECT):
            fits, what = evidence.looks_nested, "nested lists or objects"
        case FieldRule(type=FieldType.LONG | FieldType.DOUBLE):
            fits, what = evidence.looks_like_numbers, "numbers"
        case FieldRule(type=FieldType.BOOLEAN):
            fits, what = _known_share(field, evidence) >= _MOSTLY, "yes and no"
        case FieldRule(values=words) if words and not field.values_open:
            fits, what = _known_share(field, evidence) >= _MOSTLY, "words of its list"
        case _:
            return None, ""
    return fits, f"the values look like {what}" if fits else f"the values do not look like {what}"


def words_of(field: FieldRule) -> tuple[str, ...]:
    """The words that can be sent: those of a closed list, or true and false."""
    return ("true", "false") if field.type is FieldType.BOOLEAN else field.values


def _known_share(field: FieldRule, evidence: ColumnEvidence) -> float:
    known = known_synonyms()
    words = words_of(field)
    understood = [cell for cell in evidence.counts if known.word_for(cell, words) is not None]
    return evidence.share_of(understood)
