"""What the stand-in says: each answer as a value, the documented ones told apart from its own."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pango_load.sandbox.faults import FaultKind
from pango_load.sandbox.settings import RETRY_HEADER, AnswerStyle, RetryHeader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pango_load.sandbox.faults import Fault
    from pango_load.sandbox.settings import SandboxSettings

_JSON = (b"content-type", b"application/json")
_HTML = (b"content-type", b"text/html")
OK = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and headers (names in lower case) of one answer."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = (_JSON,)


def json_answer(status: int, said: Mapping[str, object], *headers: tuple[str, str]) -> Answer:
    """An answer that says `said` in JSON."""
    more = tuple((name.lower().encode(), value.encode()) for name, value in headers)
    return Answer(status, json.dumps(said, ensure_ascii=False).encode(), (_JSON, *more))


def refusal(status: int, code: str, message: str, *headers: tuple[str, str]) -> Answer:
    """The documented envelope of a refusal: `success`, `errorCode`, `message`."""
    return json_answer(status, {"success": False, "errorCode": code, "message": message}, *headers)


def missing(*names: str) -> Answer:
    """The documented 400 of the ingestion page; several names are joined as a sibling of the service joins them."""
    return refusal(400, "MISSING_INFO", f"Invalid value of: {', '.join(names)}")


# The documents list 401 without its body: these words are the sandbox's own.
BAD_TOKEN = refusal(401, "UNAUTHORIZED", "The token is missing, unknown or has expired.")
BAD_KEY = refusal(401, "UNAUTHORIZED", "The API key is missing or is not that of the token's user.")

# Not documented at all.
NOT_POST = refusal(405, "METHOD_NOT_ALLOWED", "This path takes POST.", ("Allow", "POST"))
NOT_JSON_TYPE = refusal(415, "UNSUPPORTED_MEDIA_TYPE", "Content-type must be application/json.")
TOO_LARGE = refusal(413, "PAYLOAD_TOO_LARGE", "The body is too large.")


def wrong_size(request_id: str, message: str) -> Answer:
    """The answer to no entries at all, or to too many.

    The documents show how it begins (`success`, then `requestId`) and no further; the rest follows its sister.
    """
    return json_answer(
        400, {"success": False, "requestId": request_id, "errorCode": "MISSING_INFO", "message": message}
    )


def limited(wait: float, style: RetryHeader) -> Answer:
    """429: the header is documented, its format and the body are not."""
    match style:
        case RetryHeader.CEIL:
            value = str(max(1, math.ceil(wait)))
        case RetryHeader.FLOOR:
            value = str(math.floor(wait))
        case RetryHeader.FRACTIONAL:
            value = f"{wait:.3f}"
        case RetryHeader.ABSENT:
            value = ""
    return _limited(value)


def _limited(value: str) -> Answer:
    headers = ((RETRY_HEADER, value),) if value else ()
    return refusal(429, "TOO_MANY_REQUESTS", "Rate limit exceeded.", *headers)


SUCCESS = Answer(OK, b'{"success": true}')


def accepted(settings: SandboxSettings, request_id: str, failures: Sequence[Mapping[str, object]]) -> Answer:
    """A 200 in the style that `settings` asks for; `failures` are the entries that were not accepted."""
    if settings.answer is AnswerStyle.EMPTY:
        return Answer(OK, b"", ())
    if settings.answer is AnswerStyle.SUCCESS and not failures:
        return SUCCESS
    said: dict[str, object] = {} if settings.answer is AnswerStyle.SILENT else {"success": True}
    said["requestId"] = request_id
    if failures or settings.answer is AnswerStyle.LIST:
        said[settings.failures_key] = list(failures)
    return json_answer(OK, said)


_WORDS = {
    FaultKind.REFUSED: ("BAD_REQUEST", "The request cannot be taken."),
    FaultKind.UNAUTHORIZED: ("UNAUTHORIZED", "The token is missing, unknown or has expired."),
    FaultKind.FORBIDDEN: ("FORBIDDEN", "No permission to send this data."),
    FaultKind.NOT_FOUND: ("NOT_FOUND", "There is nothing here."),
    FaultKind.TIMEOUT: ("REQUEST_TIMEOUT", "The request took too long."),
    FaultKind.CONFLICT: ("CONFLICT", "The data is being changed."),
    FaultKind.TOO_LARGE: ("PAYLOAD_TOO_LARGE", "The body is too large."),
    FaultKind.UNPROCESSABLE: ("UNPROCESSABLE", "The request cannot be processed."),
    FaultKind.SERVER_ERROR: ("INTERNAL_ERROR", "Something went wrong."),
}
ELSEWHERE = "http://127.0.0.2:9/elsewhere"
"""Another host than the sandbox's that is still this machine; nothing listens there."""


def spoiled(fault: Fault) -> Answer | None:
    """The whole answer that `fault` gives, None where what goes wrong is the connection or the pace."""
    if fault.kind in _WORDS:
        code, message = _WORDS[fault.kind]
        return refusal(int(fault.kind), code, message if fault.value is None else fault.value)
    make = _SPOILED.get(fault.kind)
    return None if make is None else make(fault.value)


def _unavailable(value: str | None) -> Answer:
    wait = "1" if value is None else value
    return refusal(503, "UNAVAILABLE", "Down for a while.", *((("Retry-After", wait),) if wait else ()))


def _gateway(status: int, title: str) -> Answer:
    head = f"<html><head><title>{status} {title}</title></head>"
    return Answer(status, f"{head}<body><h1>{status} {title}</h1><hr>gateway</body></html>".encode(), (_HTML,))


_SPOILED: Mapping[FaultKind, Callable[[str | None], Answer]] = {
    FaultKind.LIMITED: lambda value: _limited("1" if value is None else value),
    FaultKind.UNAVAILABLE: _unavailable,
    FaultKind.BAD_GATEWAY: lambda _: _gateway(502, "Bad Gateway"),
    FaultKind.GATEWAY_TIMEOUT: lambda _: _gateway(504, "Gateway Time-out"),
    FaultKind.NOT_SUCCESS: lambda value: refusal(OK, "NOT_ACCEPTED", value or "The data was not taken."),
    FaultKind.REDIRECT: lambda value: Answer(307, b"", ((b"location", (value or ELSEWHERE).encode()),)),
    FaultKind.NOT_JSON: lambda value: Answer(OK, (value or "<html><body>All is well.</body></html>").encode()),
    FaultKind.EMPTY: lambda _: Answer(OK, b""),
}
