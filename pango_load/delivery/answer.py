"""What can come back from a request, before anybody judges it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum


class Trouble(StrEnum):
    """Why there is no answer, in words for a person."""

    DNS = "the host's name is not known"
    REFUSED = "the host refuses connections"
    UNREACHABLE = "the host cannot be reached"
    CONNECT_TIMEOUT = "no connection within the time allowed"
    CERTIFICATE = "the host's certificate is not trusted"
    TLS = "no secure connection could be made"
    PROXY = "the proxy does not let the request through"
    TIMEOUT = "no answer within the time allowed"
    BROKEN = "the connection broke before the answer was there"
    GARBLED = "the answer breaks the rules of HTTP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, of which at least the head arrived.

    Attributes:
        status: HTTP's.
        limit_wait: the limit header's text, None where it is absent.
        retry_after: `Retry-After`'s text, None where it is absent.
        location: where a redirect points; it is never followed.
        body: as it arrived, up to the bound.
        is_whole: the body is complete: not cut short by the connection, the time or the bound.
    """

    status: int
    limit_wait: str | None = None
    retry_after: str | None = None
    location: str | None = field(default=None, repr=False)
    body: bytes = field(default=b"", repr=False)
    is_whole: bool = True

    def document(self) -> object:
        """The body as JSON, None where it is none."""
        try:
            found: object = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverSent:
    """Not one byte of the request was written: it is safe to repeat."""

    trouble: Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """The request was written, at least in part, and no answer came: it may or may not have been taken."""

    trouble: Trouble


Reply = Answer | NeverSent | NoAnswer
