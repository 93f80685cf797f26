"""How the stand-in behaves where the public documents leave it open, and what it takes where they do not."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from pango_load.plan import PUBLISHED_WINDOWS, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pango_load.sandbox.faults import Fault

AUTH_PATH = "/api/accounts/authen"
"""Not printed in the documents; the path of two public clients."""

INGEST_PATH = "/dhub-i/api/v1.0/ingest"
"""Not printed in the documents; the path of two public clients."""

RETRY_HEADER = "X-Rate-Limit-Retry-After-Seconds"
"""seed 001: seconds to wait after being limited."""


class WindowKind(StrEnum):
    """How a window counts. Not established: `sliding` is the strictest of the four."""

    SLIDING = "sliding"
    """At most so many in any stretch of its length."""
    FIXED = "fixed"
    """Counted anew at each full second, minute, hour of the wall clock."""
    FIRST_REQUEST = "first-request"
    """Counted anew from the first request after the last window ended."""
    BUCKET = "bucket"
    """A bucket that starts full and is refilled at a constant rate."""


class RetryHeader(StrEnum):
    """How the documented header is written. Its format is not established."""

    CEIL = "ceil"
    FLOOR = "floor"
    """Whole seconds rounded down, so `0` is common."""
    FRACTIONAL = "fractional"
    ABSENT = "absent"


class BadEntry(StrEnum):
    """What one bad entry does. Not established."""

    REFUSES_BATCH = "batch"
    LISTED = "listed"
    """The others are accepted; the 200 lists the bad ones under `failures_key`."""


class AnswerStyle(StrEnum):
    """What a 200 says. The sample body could not be read; a guide says to look at `"success": true`."""

    SUCCESS = "success"
    SILENT = "silent"
    """JSON without `success`."""
    EMPTY = "empty"
    """No body at all, bad entries or not."""
    LIST = "list"
    """`success` beside a list of failures, empty where there are none."""


class RefusalNames(StrEnum):
    """What the message of a refused entry names. Only `Invalid value of: objectType` is documented."""

    FIELD = "field"
    INDEX = "index"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """The stand-in's behaviour.

    Documented, and therefore not to be set: the body and the answers of authentication with their units
    (milliseconds, `expiredAfter` in seconds), its two MISSING_INFO messages; the headers TOKEN and API_KEY, the
    content type; `initData`; 1 to 50 entries; `objectType` and `entries` demanded with `Invalid value of: ...`; 401;
    the name of the header of a 429; the types, required fields, closed words and any-of rules of the entries.

    Everything below is a choice, since the documents are silent, unclear or speak of the account's own values. The
    bodies of 401, 415 and 429 and the order of the checks (windows, then token, then body) are the sandbox's own.

    Attributes:
        windows: the figures are documented (seed 001); empty: no limits.
        window_kind: how they count.
        refused_count: whether a request answered with 429 counts itself.
        auth_counts: whether authentication takes from the same windows.
        retry_header: how the wait is written.
        bad_entry: what one bad entry does to its batch.
        answer: what a 200 says.
        failures_key: the list of failures in a 200; its items are `index`, `errorCode`, `message`.
        refusal_names: what the message of a refused entry names.
        token_seconds: life of a token; 1800 in the documents' sample.
        new_token_ends_old: whether authentication again kills the tokens before.
        clock_skew: seconds by which this server's clock is ahead, in `issuedAt` and `expiredAt`.
        username, api_key, group_key: the credentials it takes; `group_key` is `cdpGKey`.
        wrong_credentials_status: the answer to a wrong, not missing, key.
        validate: judge entries and `objectType` by the catalogue.
        unknown_keys: tolerate keys that the catalogue does not know; the documents' own sample holds one.
        nulls: a null counts as absent; otherwise it is a value of the wrong type.
        source_required: the documents contradict themselves about `source`.
        refuse_entry: a rule of one's own: what is wrong with an entry, in words, or None.
        latency: seconds between acceptance and answer, drawn evenly from this range; real time, whatever the clock.
        keep: whether accepted requests are kept; otherwise they are only counted.
        keep_last: with `keep`: only so many of the newest requests; None keeps all.
        max_body_bytes: larger bodies are answered with 413.
        keep_alive: seconds after which an idle connection is closed.
        faults: what goes wrong from the start.
        seed: of everything drawn by chance.
    """

    windows: tuple[Window, ...] = PUBLISHED_WINDOWS
    window_kind: WindowKind = WindowKind.SLIDING
    refused_count: bool = False
    auth_counts: bool = False
    retry_header: RetryHeader = RetryHeader.CEIL
    bad_entry: BadEntry = BadEntry.REFUSES_BATCH
    answer: AnswerStyle = AnswerStyle.SUCCESS
    failures_key: str = "failures"
    refusal_names: RefusalNames = RefusalNames.FIELD
    token_seconds: float = 1800
    new_token_ends_old: bool = False
    clock_skew: float = 0.0
    username: str = "sandbox"
    api_key: str = field(default="sandbox-api-key", repr=False)
    group_key: str = field(default="sandbox-group-key", repr=False)
    wrong_credentials_status: int = 401
    validate: bool = True
    unknown_keys: bool = True
    nulls: bool = True
    source_required: bool = True
    refuse_entry: Callable[[Mapping[str, object]], str | None] | None = None
    latency: tuple[float, float] = (0.0, 0.0)
    keep: bool = True
    keep_last: int | None = None
    max_body_bytes: int = 16 * 1024 * 1024
    keep_alive: int = 75
    faults: tuple[Fault, ...] = ()
    seed: int = 0
