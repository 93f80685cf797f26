"""A payload copied from the console becomes a catalogue file, to be reviewed by a person."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from pango_load.catalogue.slots import slot
from pango_load.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_Item = dict[str, object]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_PLAIN = re.compile(r"(?!(?:null|true|false)$)[A-Za-z][A-Za-z0-9_-]*", re.IGNORECASE)
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_SECRET = re.compile(r"token|secret|password|api.?key|gkey", re.IGNORECASE)
_TIME_NAME = re.compile(r"(?:At|Date|Time|Timestamp)$|^(?:dob|date|time|timestamp)$")
_MILLISECONDS = range(10**11, 10**14)
"""What a time in milliseconds is worth between 1973 and 5138."""

_MAPPING_KEYS = ("jeConfigId", "jeEventKey", "ignoredUpdateCfs")
_KNOWN_KEYS = ("objectType", "source", "entries", *_MAPPING_KEYS)


def learn_type(payload: bytes, name: str) -> str:
    """The text of a catalogue file for `name`, made from one request, or from one entry or a list of entries.

    Types come from the values, slots are recognised, the request's further keys stand in a comment in the form that
    a mapping takes. No value of an entry is copied: a payload may hold a real customer.

    Raises:
        UsageError: bytes that are no such JSON, or a name that cannot be a file's.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f'--as "{name}" cannot be the name of a file.', "Use letters, digits, - and _.")
    request, entries = _request_and_entries(payload)
    sent = request.get("objectType")
    merged = _merge(entries)
    return "\n".join(
        [
            "# Learned from a payload. To be reviewed: required fields, closed words, the record key, and whether",
            "# what is a Long here may have decimals elsewhere (Double).",
            *_request_comment(request),
            *_slots_comment(merged),
            f"object: {_written(sent if isinstance(sent, str) and sent else name)}",
            f"title: {_quoted(name.replace('-', ' ').replace('_', ' ').capitalize())}",
            "coverage: partial",
            "source: a payload copied from the console",
            "# Which fields identify a record? For instance [refId]. Rows with the same key are sent in their order.",
            "recordKey: []",
            f"ignoredUpdateCfs: {'true' if 'ignoredUpdateCfs' in request else 'null # not seen in the payload'}",
            f"customFields: {'true' if any(_is_container(key, value) for key, value in merged.items()) else 'null'}",
            "",
            *_fields(merged, indent=0),
            "",
        ]
    )


def write_type(text: str, path: Path, *, overwrite: bool = False) -> None:
    """Write a catalogue file; its folder is made where it is missing.

    Raises:
        UsageError: the file is there already and `overwrite` is not given, or it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if overwrite else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        if not path.exists():
            raise UsageError(f"{path.parent} is not a folder.", "Name a folder with --catalogue.") from error
        raise UsageError(
            f"{path} is there already.", "Give another name with --as, or add --force to replace it."
        ) from error
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}.", "Name another folder with --catalogue."
        ) from error


def _request_and_entries(payload: bytes) -> tuple[_Item, list[_Item]]:
    try:
        content: object = json.loads(payload.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise UsageError(
            f"The payload is not JSON{place}.", "Copy it again with the console's Copy Payload."
        ) from error
    request: _Item = {}
    found: object = content
    if isinstance(content, dict) and "entries" in content:
        request = cast("_Item", content)
        found = request["entries"]
    listed = found if isinstance(found, list) else [found]
    entries = [cast("_Item", entry) for entry in listed if isinstance(entry, dict) and entry]
    if not entries or len(entries) != len(listed):
        raise UsageError(
            "The payload holds no entry to learn from.",
            'It is a request with "entries", or one entry, or a list of entries, each with at least one key.',
        )
    return request, entries


def _merge(entries: Sequence[_Item]) -> _Item:
    """Every key that any entry has, with the first value that tells something; nested items likewise."""
    merged: _Item = {}
    for entry in entries:
        for key, value in entry.items():
            known = merged.get(key)
            if isinstance(known, dict) and isinstance(value, dict):
                merged[key] = _merge([cast("_Item", known), cast("_Item", value)])
            elif known is None or known == [] or (isinstance(known, int) and isinstance(value, float)):
                merged[key] = value
    return merged


# --- text that YAML reads back ----------------------------------------------------------------------------------------


def _written(key: str) -> str:
    """A key or a word, bare where YAML takes it so."""
    return key if _PLAIN.fullmatch(key) else _quoted(key)


def _quoted(value: object) -> str:
    """JSON is YAML too, but for a few characters that YAML wants escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda odd: f"\\u{ord(odd[0]):04x}", text)


# --- comments ---------------------------------------------------------------------------------------------------------


def _request_comment(request: _Item) -> Iterator[str]:
    """What the request carries besides its entries, as a mapping would say it."""
    in_mapping: dict[str, object] = {}
    if isinstance(source := request.get("source"), str) and source:
        in_mapping["source"] = source
    event = {key: request[key] for key in ("jeConfigId", "jeEventKey") if key in request}
    if event:
        in_mapping["userEvent"] = event
    if request.get("ignoredUpdateCfs"):
        in_mapping["ignoredUpdateCfs"] = request["ignoredUpdateCfs"]
    further = {key: value for key, value in request.items() if key not in _KNOWN_KEYS}
    if further:
        in_mapping["request"] = _without_secrets(further)
    if in_mapping:
        yield "#"
        yield "# The request's other keys, to be put into a mapping:"
        for key, value in in_mapping.items():
            yield f"# {key}: {_quoted(value)}"


def _without_secrets(value: object) -> object:
    match value:
        case dict():
            return {
                key: "(left out)" if isinstance(inner, str) and _SECRET.search(str(key)) else _without_secrets(inner)
                for key, inner in value.items()
            }
        case list():
            return [_without_secrets(inner) for inner in value]
        case _:
            return value


def _slots_comment(entry: _Item) -> Iterator[str]:
    containers = [(key, cast("_Item", value)) for key, value in entry.items() if _is_container(key, value)]
    if not containers:
        return
    yield "#"
    yield "# Custom fields seen, which a mapping names as they are:"
    for key, slots in containers:
        yield f"#   {_written(key)}: {', '.join(_written(name) for name in slots)}"
        families = {family.container: family for name in slots if (family := slot(name))}
        for container in families:
            if container != key:
                yield f"#   (kept in {_written(key)} here, not in {container}: rename the container in the mapping)"


def _is_container(key: str, value: object) -> bool:
    """Whether `value` holds slots, whatever the container is called."""
    if not isinstance(value, dict):
        return False
    return bool(value and all(slot(str(name)) for name in value)) or key.startswith("customField")


# --- fields -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Guess:
    """What a field seems to be: the rest of its line, and the items inside it."""

    rule: str
    note: str = ""
    items: Mapping[str, object] | None = None


def _fields(entry: Mapping[str, object], indent: int) -> Iterator[str]:
    margin = " " * indent
    known = {key: value for key, value in entry.items() if not _is_container(key, value)}
    yield f"{margin}fields:{'' if known else ' {}'}"
    for key, value in known.items():
        guess = _guess(key, value)
        written = _written(key)
        note = f", note: {_quoted(guess.note)}" if guess.note else ""
        if guess.items is None:
            yield f"{margin}  {written}: {{{guess.rule}{note}}}"
        else:
            yield f"{margin}  {written}:"
            yield f"{margin}    {guess.rule}"
            if any(_is_container(inner, held) for inner, held in guess.items.items()):
                yield f"{margin}    customFields: true"
            yield from _fields(guess.items, indent + 4)


def _guess(name: str, value: object) -> _Guess:
    if isinstance(value, dict):
        return _Guess("type: Object", items=cast("_Item", value))
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return _Guess("type: Object", items=_merge(cast("list[_Item]", value)))
    if value is None:
        return _Guess("type: null", "null in the payload: its type was not seen")
    if isinstance(value, int) and not isinstance(value, bool):
        return _guess_whole(name, value)
    return _Guess(_guess_text(name) if isinstance(value, str) else f"type: {_BY_KIND[type(value)]}")


_BY_KIND = {bool: "Boolean", float: "Double", list: "List"}


def _guess_whole(name: str, value: int) -> _Guess:
    if name == "timezoneGmt":
        return _Guess("type: integer, shape: zone")
    if value in _MILLISECONDS:
        is_time = _TIME_NAME.search(name) is not None
        return _Guess("type: Timestamp") if is_time else _Guess("type: Long", "may be a time in milliseconds")
    return _Guess("type: Long")


def _guess_text(name: str) -> str:
    """Shapes come from names, since a sample value may be made up."""
    lowered = name.lower()
    if lowered == "recordstatus":
        return "type: String, values: [Active, Deleted], valuesOpen: true"
    if lowered.endswith(("email", "emailaddress")):
        return "type: String, shape: email"
    if lowered.endswith(("phone", "phonenumber", "mobile")):
        return "type: String, shape: phone"
    return "type: String"
