"""What a mapping says beside its columns: zone, source, keys, checks, events, the request."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pango_load.catalogue.problems import PROBLEM_KINDS
from pango_load.catalogue.slots import SLOT_FAMILIES, SlotFamily, slot
from pango_load.mapping.mistakes import Findings, suggestion
from pango_load.mapping.targets import slot_names
from pango_load.mapping.tree import Branch, Kind, Leaf, Listing, Node
from pango_load.mapping.words import DUPLICATE_WORDS, RESERVED_REQUEST_KEYS, SEVERITY_WORDS, USER_EVENT_KEYS
from pango_load.records import ObjectType, OnDuplicate, Severity, Shape, ZoneRule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GMT = range(-12, 15)
_INSTANT = "instant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything of a mapping that is not a column. `None` and empty mean: not said.

    Attributes:
        containers: the container's own name (`customFieldDoubles`) to the one that the mapping gives it.
        record_key: with the line of each name.
        request: further keys of the body, as JSON text.
    """

    source: str | None = None
    zone: ZoneRule = field(default_factory=ZoneRule)
    nulls: tuple[str, ...] = ()
    record_key: tuple[tuple[str, int], ...] = ()
    on_duplicate: OnDuplicate = OnDuplicate.SEND
    on_duplicate_line: int = 0
    checks: Mapping[str, Severity] = field(default_factory=dict)
    ignored_update_cfs: tuple[tuple[str, int], ...] = ()
    user_event: tuple[str, str] | None = None
    containers: Mapping[str, str] = field(default_factory=dict)
    request: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_settings(root: Branch, kind: ObjectType, findings: Findings) -> Settings:
    """Everything at the left margin that is not a column; what is wrong is noted in `findings`."""
    duplicate = root.first("onDuplicate")
    word = _one_of(duplicate, ("onDuplicate",), DUPLICATE_WORDS, findings)
    return Settings(
        source=_text(root.first("source"), ("source",), findings),
        zone=_zone(root, kind, findings),
        nulls=word_list(root.first("nulls"), ("nulls",), findings, nulls_are_words=True),
        record_key=tuple(_leaves(root.first("recordKey"), ("recordKey",), findings)),
        on_duplicate=OnDuplicate(word) if word else OnDuplicate.SEND,
        on_duplicate_line=duplicate.line if duplicate is not None else 0,
        checks=_checks(root.first("checks"), kind, findings),
        ignored_update_cfs=_ignored(root.first("ignoredUpdateCfs"), kind, findings),
        user_event=_user_event(root.first("userEvent"), findings),
        containers=_containers(root.first("containers"), findings),
        request=_request(root.first("request"), findings),
    )


def zone_mistake(name: str) -> str:
    """Why `name` is no IANA zone; empty where it is one."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    else:
        return ""
    spoken = _SPOKEN_ZONES.get(re.sub(r"[^a-z]", "", name.lower()))
    near = f' Did you mean "{spoken}"?' if spoken else suggestion(name, available_timezones())
    if re.fullmatch(r"(?i)(?:UTC|GMT)?\s*[+-]\s*\d{1,2}(?::?\d{2})?", name):
        near = " An offset is written as timezoneGmt: 7; timezone takes a place, such as Asia/Ho_Chi_Minh."
    return f'"{name}" is not a time zone that is known (IANA names, such as Asia/Ho_Chi_Minh).{near}'


_SPOKEN_ZONES = dict.fromkeys(
    ("vietnam", "vn", "hanoi", "asiahanoi", "saigon", "hochiminh", "hcm", "hochiminhcity", "ict", "indochinatime"),
    "Asia/Ho_Chi_Minh",
)


# --- zones ------------------------------------------------------------------------------------------------------------


def _zone(root: Branch, kind: ObjectType, findings: Findings) -> ZoneRule:
    name = _text(root.first("timezone"), ("timezone",), findings)
    named, hours, stamps = root.first("timezone"), root.first("timezoneGmt"), root.first("timestamps")
    if named is not None and name and (mistake := zone_mistake(name)):
        findings.mistake(named.line, ("timezone",), mistake)
    offset = _offset(hours, kind, findings)
    if name and hours is not None:
        text = (
            f"timezone stands in line {named.line if named else 0} too. timezone sends true UTC times and no "
            "timezoneGmt; timezoneGmt sends the file's clock and lets Pango shift it. With both, times would be "
            "shifted twice: keep one of them."
        )
        findings.mistake(hours.line, ("timezoneGmt",), text)
    word = _one_of(stamps, ("timestamps",), (_INSTANT,), findings)
    if word and stamps is not None and hours is None:
        text = "timestamps: instant goes with timezoneGmt; with timezone, or without a zone, times are instants anyway."
        findings.mistake(stamps.line, ("timestamps",), text)
    return ZoneRule(timezone=name, offset_hours=offset, instants=word == _INSTANT)


def _offset(node: Node | None, kind: ObjectType, findings: Findings) -> int | None:
    if node is None:
        return None
    keys = ("timezoneGmt",)
    text = node.text.removeprefix("+") if isinstance(node, Leaf) else ""
    if not re.fullmatch(r"-?[0-9]{1,3}", text) or int(text) not in _GMT:
        shown = f'"{node.text}"' if isinstance(node, Leaf) else "this"
        why = f"{shown} is not a whole number of hours from -12 to 14 (Viet Nam is 7)."
        if isinstance(node, Leaf) and "/" in node.text:
            why += f' Write "timezone: {node.text}".'
        findings.mistake(node.line, keys, why)
        return None
    if kind.field("timezoneGmt") is None:
        why = f"{kind.name} has no field timezoneGmt; write timezone (Asia/Ho_Chi_Minh), which sends true UTC times."
        (findings.mistake if kind.coverage.is_complete else findings.warning)(node.line, keys, why)
    return int(text)


# --- checks, events, slots --------------------------------------------------------------------------------------------


def _checks(node: Node | None, kind: ObjectType, findings: Findings) -> dict[str, Severity]:
    shapes = tuple(shape.value for shape in Shape)
    known = (*(rule.name for rule in kind.fields), *shapes, *PROBLEM_KINDS)
    checks: dict[str, Severity] = {}
    for leaf, held in _pairs(node, ("checks",), "a field or a check, then error, warn or off", findings):
        keys = ("checks", leaf.text)
        if leaf.text not in known and slot(leaf.text) is None:
            text = f'"{leaf.text}" is neither a field nor a check.{suggestion(leaf.text, known)}'
            findings.mistake(leaf.line, keys, text)
        elif word := _one_of(held, keys, SEVERITY_WORDS, findings):
            checks[leaf.text] = Severity(word)
    return checks


def _ignored(node: Node | None, kind: ObjectType, findings: Findings) -> tuple[tuple[str, int], ...]:
    keys = ("ignoredUpdateCfs",)
    if node is None:
        return ()
    if kind.ignored_update_cfs is False:
        text = (
            f"{kind.name} does not support it: its page lacks the tag SUPPORT_IGNORED_UPDATE_CFS, and what Pango then "
            "does with the key is not documented. Leave it out."
        )
        findings.mistake(node.line, keys, text)
        return ()
    if kind.ignored_update_cfs is None:
        findings.warning(node.line, keys, f"whether {kind.name} supports it is not known.")
    names = list(_leaves(node, keys, findings))
    for name, line in names:
        if slot(name) is None:
            bare = name.rpartition(".")[2]
            near = f' Did you mean "{bare}"?' if slot(bare) else suggestion(name, slot_names())
            findings.mistake(line, keys, f'"{name}" is no slot; slots alone can be left as they are.{near}')
    return tuple(names)


def _user_event(node: Node | None, findings: Findings) -> tuple[str, str] | None:
    found: dict[str, str] = {}
    if node is None:
        return None
    for leaf, held in _pairs(node, ("userEvent",), "jeConfigId and jeEventKey", findings):
        keys = ("userEvent", leaf.text)
        if leaf.text not in USER_EVENT_KEYS:
            text = f'"{leaf.text}" is no key of userEvent.{suggestion(leaf.text, USER_EVENT_KEYS)}'
            findings.mistake(leaf.line, keys, text)
        elif text := _text(held, keys, findings) or "":
            found[leaf.text] = text
    if len(found) == len(USER_EVENT_KEYS):
        return (found["jeConfigId"], found["jeEventKey"])
    if isinstance(node, Branch) or (isinstance(node, Leaf) and node.is_null):
        missing = [key for key in USER_EVENT_KEYS if key not in found]
        text = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: "
        text += "whether Pango takes one of the two alone is not known, so both are sent or neither."
        findings.mistake(node.line, ("userEvent",), text)
    return None


def _containers(node: Node | None, findings: Findings) -> dict[str, str]:
    words = {family.prefix.removeprefix("customField") or "Text": family for family in SLOT_FAMILIES}
    renamable = tuple(word for word, family in words.items() if family.is_renamable)
    containers: dict[str, str] = {}
    for leaf, held in _pairs(node, ("containers",), "a kind of slot (Double), then its container", findings):
        keys = ("containers", leaf.text)
        family: SlotFamily | None = words.get(leaf.text)
        if family is None:
            findings.mistake(leaf.line, keys, f'"{leaf.text}" is no kind of slot.{suggestion(leaf.text, renamable)}')
        elif not family.is_renamable:
            text = f"{family.container} is documented, so it keeps its name; {', '.join(renamable)} can be renamed."
            findings.mistake(leaf.line, keys, text)
        elif name := _text(held, keys, findings):
            containers[family.container] = name
    return containers


# --- the request ------------------------------------------------------------------------------------------------------


def _request(node: Node | None, findings: Findings) -> dict[str, str]:
    request: dict[str, str] = {}
    for leaf, held in _pairs(node, ("request",), "a key of the request body, then its value", findings):
        keys = ("request", leaf.text)
        if (place := RESERVED_REQUEST_KEYS.get(leaf.text)) is not None:
            findings.mistake(
                leaf.line, keys, f'is written by the program itself; "{place}" at the left margin says it.'
            )
            continue
        request[leaf.text] = json.dumps(_as_json(held, keys, findings), ensure_ascii=False, separators=(",", ":"))
    return request


def _as_json(node: Node, keys: tuple[str, ...], findings: Findings) -> object:
    match node:
        case Branch():
            return {leaf.text: _as_json(held, (*keys, leaf.text), findings) for leaf, held in node.pairs}
        case Listing():
            return [_as_json(item, keys, findings) for item in node.items]
        case Leaf():
            return _json_word(node, keys, findings)


def _json_word(leaf: Leaf, keys: tuple[str, ...], findings: Findings) -> object:
    match leaf.kind:
        case Kind.NULL:
            return None
        case Kind.BOOLEAN:
            return leaf.text.lower() == "true"
        case Kind.WHOLE if re.fullmatch(r"-?(?:0|[1-9][0-9]*)", leaf.text):
            return int(leaf.text)
        case Kind.DECIMAL:
            number = float(leaf.text.lower().replace(".inf", "inf").replace(".nan", "nan"))
            if not math.isfinite(number):
                findings.mistake(leaf.line, keys, f'"{leaf.text}" is no number that JSON knows.')
            return number if math.isfinite(number) else None
        case _:
            return leaf.text


# --- kinds of nodes ---------------------------------------------------------------------------------------------------


def word_list(
    node: Node | None, keys: tuple[str, ...], findings: Findings, *, nulls_are_words: bool = False
) -> tuple[str, ...]:
    """The words of a list, or of a single word; with `nulls_are_words`, `NULL` is the word NULL."""
    return tuple(text for text, _ in _leaves(node, keys, findings, nulls_are_words=nulls_are_words))


def _leaves(
    node: Node | None, keys: tuple[str, ...], findings: Findings, *, nulls_are_words: bool = False
) -> Iterator[tuple[str, int]]:
    for item in node.items if isinstance(node, Listing) else () if node is None else (node,):
        if isinstance(item, Leaf) and (not item.is_null or (nulls_are_words and item.text)):
            yield item.text.strip(), item.line
        else:
            findings.mistake(item.line, keys, "takes a word or a list of words, for instance [a, b].")


def _pairs(node: Node | None, keys: tuple[str, ...], meaning: str, findings: Findings) -> tuple[tuple[Leaf, Node], ...]:
    if node is None or (isinstance(node, Leaf) and node.is_null):
        return ()
    if not isinstance(node, Branch):
        findings.mistake(node.line, keys, f"takes pairs: {meaning}.")
        return ()
    seen: dict[str, int] = {}
    for leaf, _ in node.pairs:
        if leaf.text in seen:
            text = f"stands twice (line {seen[leaf.text]} too); only one of the two can be meant."
            findings.mistake(leaf.line, (*keys, leaf.text), text)
        seen.setdefault(leaf.text, leaf.line)
    return node.pairs


def _text(node: Node | None, keys: tuple[str, ...], findings: Findings) -> str | None:
    if node is None:
        return None
    if isinstance(node, Leaf) and not node.is_null and node.text.strip():
        return node.text.strip()
    findings.mistake(node.line, keys, "takes a word.")
    return None


def _one_of(node: Node | None, keys: tuple[str, ...], words: tuple[str, ...], findings: Findings) -> str | None:
    if node is None:
        return None
    text = node.text if isinstance(node, Leaf) else ""
    if text in words:
        return text
    shown = f'"{text}" is' if text else "this is"
    findings.mistake(node.line, keys, f"{shown} not one of {', '.join(words)}.{suggestion(text, words)}")
    return None
