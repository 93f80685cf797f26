"""From the bytes of an ingestion request to the entries in it, or to the documented refusal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs

from pango_load.errors import UsageError
from pango_load.records import ENTRIES_PER_REQUEST
from pango_load.sandbox.answers import Answer, missing, refusal, wrong_size
from pango_load.sandbox.entries import EntryJudge
from pango_load.sandbox.settings import BadEntry, RefusalNames

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pango_load.records import ObjectType
    from pango_load.sandbox.settings import SandboxSettings


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("the same key twice")
    return found


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_no_constant)


def parse_json_object(body: bytes) -> dict[str, object] | None:
    """The object in `body`; None where it is no object, or no JSON by the letter.

    By the letter: UTF-8, no NaN or Infinity, no lone surrogate, no key twice (which would hide a value).
    """
    try:
        text = body.decode()
        value: object = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """A request that can be taken: what it says, and which of its entries are good.

    Attributes:
        failures: one object (`index`, `errorCode`, `message`) for each entry that is not, where those are listed.
    """

    object_type: str
    source: str | None
    entries: tuple[Mapping[str, object], ...]
    payload: Mapping[str, object]
    failures: tuple[Mapping[str, object], ...] = ()


class IngestReader:
    """Judges ingestion requests by the documents and by `settings`.

    Args:
        settings: see there.
        find_type: an object type by name; raises UsageError for an unknown one.
    """

    def __init__(self, settings: SandboxSettings, find_type: Callable[[str], ObjectType]) -> None:
        self._settings = settings
        self._find_type = find_type
        self._judges: dict[str, EntryJudge] = {}

    def read(self, payload: Mapping[str, object] | None, request_id: str) -> ReadRequest | Answer:
        """What the parsed body asks for, or why it is refused."""
        if payload is None:
            # Not documented.
            return refusal(400, "INVALID_JSON", "The body is not a JSON object.")
        wrong = [name for name in ("objectType", "entries") if payload.get(name) is None]
        object_type, source, entries = payload.get("objectType"), payload.get("source"), payload.get("entries")
        if not isinstance(object_type, str) or not self._is_known(object_type):
            wrong = ["objectType", *(name for name in wrong if name != "objectType")]
        if not _is_text(source, required=self._settings.source_required):
            wrong.append("source")
        wrong.extend(name for name in ("jeConfigId", "jeEventKey") if not _is_text(payload.get(name), required=False))
        if not _is_texts(payload.get("ignoredUpdateCfs")):
            wrong.append("ignoredUpdateCfs")
        if wrong:
            return missing(*wrong)
        if not isinstance(entries, list):
            return missing("entries")
        if not entries:
            return wrong_size(request_id, "Invalid value of: entries")
        if len(entries) > ENTRIES_PER_REQUEST:
            return wrong_size(request_id, f"Size of entries must be between 1 and {ENTRIES_PER_REQUEST}")
        return self._judge(cast("str", object_type), cast("str | None", source), entries, payload)

    def _judge(
        self, object_type: str, source: str | None, entries: list[object], payload: Mapping[str, object]
    ) -> ReadRequest | Answer:
        judge = self._judges[object_type] if self._settings.validate else None
        good: list[Mapping[str, object]] = []
        failures: list[Mapping[str, object]] = []
        for index, entry in enumerate(entries):
            message = self._complaint(judge, index, entry)
            if message is None:
                good.append(cast("Mapping[str, object]", entry))
            elif self._settings.bad_entry is BadEntry.REFUSES_BATCH:
                return refusal(400, "MISSING_INFO", message)
            else:
                failures.append({"index": index, "errorCode": "MISSING_INFO", "message": message})
        return ReadRequest(
            object_type=object_type,
            source=source,
            entries=tuple(good),
            payload=payload,
            failures=tuple(failures),
        )

    def _complaint(self, judge: EntryJudge | None, index: int, entry: object) -> str | None:
        if not isinstance(entry, dict):
            return self._wording(index, ["entries"])
        if judge is not None and (names := judge.wrong_names(entry)):
            return self._wording(index, names)
        refuse = self._settings.refuse_entry
        return None if refuse is None else refuse(entry)

    def _wording(self, index: int, names: list[str]) -> str:
        match self._settings.refusal_names:
            case RefusalNames.FIELD:
                return f"Invalid value of: {', '.join(names)}"
            case RefusalNames.INDEX:
                return "Invalid value of: " + ", ".join(f"entries[{index}].{name}" for name in names)
            case RefusalNames.NOTHING:
                return "Invalid value"

    def _is_known(self, object_type: str) -> bool:
        if not self._settings.validate:
            return bool(object_type)
        if object_type in self._judges:
            return True
        try:
            found = self._find_type(object_type)
        except UsageError:
            return False
        self._judges[object_type] = EntryJudge(
            found, unknown_keys=self._settings.unknown_keys, nulls=self._settings.nulls
        )
        return True


def _is_text(value: object, *, required: bool) -> bool:
    return (isinstance(value, str) and (bool(value) or not required)) or (value is None and not required)


def _is_texts(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def read_init_data(query: bytes) -> bool | None:
    """`initData` of the query: false where it is not given (seed 001); None where it is neither true nor false."""
    if not query:
        return False
    said = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("initData", ["false"])
    return {"true": True, "false": False}.get(said[-1])
