"""What was asked for, checked once: after this, no room looks at a flag or at the environment."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pango_load.errors import UsageError
from pango_load.records import ENTRIES_PER_REQUEST

if TYPE_CHECKING:
    from pathlib import Path

# --- the platform's limits --------------------------------------------------------------------------------------------

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """At most `limit` requests in any `seconds`."""

    seconds: float
    limit: int

    @property
    def label(self) -> str:
        """How a person says it: "1 s", "5 min", "24 h"."""
        for size, word in ((3600, "h"), (60, "min")):
            if self.seconds >= size and self.seconds % size == 0:
                return f"{self.seconds / size:g} {word}"
        return f"{self.seconds:g} s"


PUBLISHED_WINDOWS = (Window(1, 50), Window(60, 1000), Window(300, 5000), Window(3600, 50000), Window(86400, 400000))
"""seed 001: 50 a second, 1000 a minute, 5000 in 5 minutes, 50000 an hour, 400000 in 24 hours."""


def parse_windows(text: str) -> tuple[Window, ...]:
    """Read `PANGO_LIMITS`: `50/1s,1000/1m`, shortest window first in the answer; `none` is no window at all.

    Raises:
        UsageError: naming the part that cannot be read.
    """
    if text.strip().lower() == "none":
        return ()
    windows = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+(?:\.\d+)?)\s*(s|m|h|d)\s*", part)
        if not found or int(found[1]) < 1 or float(found[2]) <= 0:
            raise UsageError(
                f'PANGO_LIMITS: "{part.strip()}" is not a number of requests over a time, like 1000/1m.',
                "Write for instance 50/1s,1000/1m,5000/5m,50000/1h,400000/1d, or none to switch the limiter off.",
            )
        windows.append(Window(float(found[2]) * _UNITS[found[3]], int(found[1])))
    return tuple(sorted(windows))


# --- who sends, and where to ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The values that authentication takes (pango-api.md, section 1); none of them is ever shown.

    Attributes:
        api_key: `API_KEY`, sent with every request.
        username, group_key: with `api_key`, what the authentication call takes (`username`, `cdpGKey`).
        token: a ready token, instead of the two.
    """

    api_key: str = field(repr=False)
    username: str = field(default="", repr=False)
    group_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be seen in any text."""
        return tuple(secret for secret in (self.api_key, self.group_key, self.token) if secret)

    @property
    def can_renew(self) -> bool:
        """Whether a token that has died can be replaced."""
        return bool(self.username and self.group_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The two full addresses, as copied from the model's API screen.

    Attributes:
        allow_http: take `http://` for hosts other than this machine.
        certificates: a file with the certificate authorities to trust beside the system's.
        proxy: an address of a proxy; None takes `HTTPS_PROXY` and its like from the environment.
    """

    auth_url: str
    ingest_url: str
    allow_http: bool = False
    certificates: Path | None = None
    proxy: str | None = None

    def __post_init__(self) -> None:
        """Refuse what would send keys in clear or astray.

        Raises:
            UsageError: naming the variable and what is wrong with its address.
        """
        for variable, address in (("PANGO_AUTH_URL", self.auth_url), ("PANGO_INGEST_URL", self.ingest_url)):
            if address:
                _check_address(variable, address, allow_http=self.allow_http)

    def account(self, credentials: Credentials) -> str:
        """A digest that tells accounts apart and gives nothing away: for quota and journal.

        The limits' scope is not established (pango-api.md, section 4.1): host, user and organisation together are
        taken for one account.
        """
        who = (urlsplit(self.ingest_url).netloc, credentials.username, credentials.group_key or credentials.api_key)
        return hashlib.blake2b("\x1f".join(who).encode(), digest_size=16, person=b"pango-account").hexdigest()


def _check_address(variable: str, address: str, *, allow_http: bool) -> None:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"{variable}: {address!r} is not a full address.", "It begins with https:// and names a host.")
    if parts.username or parts.password:
        raise UsageError(f"{variable} carries a user name or password.", "Keys go into their own variables.")
    if parts.scheme == "http" and not allow_http and not is_loopback(parts.hostname):
        raise UsageError(
            f"{variable} is an http:// address of another machine ({parts.hostname}): keys would travel in clear.",
            "Use its https:// address, or --allow-http if the way there is private.",
        )


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine."""
    return host in {"localhost", "::1"} or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


# --- how a load behaves -----------------------------------------------------------------------------------------------


class OnUnknown(StrEnum):
    """What is done with a batch whose answer never came."""

    RESEND = "resend"
    HOLD = "hold"


class Pace(StrEnum):
    """How requests are spread under the windows (quota.md, 1.4)."""

    AUTO = "auto"
    BURST = "burst"
    PACED = "paced"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions:
    """How bodies are sent. Times are seconds.

    Attributes:
        senders: requests under way at once; answers of 400 ms need 21 to use 50 a second.
        windows: the platform's limits; empty switches the limiter off.
        quota_share: the part of each window that this load may use, above 0 and at most 1.
        give_up_after: without one success for so long, stop (exit 5).
        max_duration: end the load after so long (exit 5); None: never.
        drain: how long a stop waits for what is in flight.
    """

    senders: int = 32
    windows: tuple[Window, ...] = PUBLISHED_WINDOWS
    quota_share: float = 1.0
    pace: Pace = Pace.AUTO
    on_unknown: OnUnknown = OnUnknown.RESEND
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    give_up_after: float = 1800.0
    max_duration: float | None = None
    drain: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectLimit:
    """`--max-rejects`: a number of rows, or a part of the rows read."""

    rows: int | None = None
    share: float | None = None

    def is_passed(self, *, rejected: int, read: int) -> bool:
        """Whether `rejected` of `read` rows are more than allowed."""
        if self.rows is not None:
            return rejected > self.rows
        return self.share is not None and read > 0 and rejected > self.share * read


def parse_reject_limit(text: str) -> RejectLimit:
    """Read `100` or `5%`.

    Raises:
        UsageError: where it is neither.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*", text)
    if found and found[2] and float(found[1]) <= 100:  # noqa: PLR2004 - a percentage
        return RejectLimit(share=float(found[1]) / 100)
    if found and not found[2] and found[1].isdigit():
        return RejectLimit(rows=int(found[1]))
    raise UsageError(f'--max-rejects: "{text}" is neither a number of rows nor a percentage.', "Write 100 or 5%.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """How files are read.

    Attributes:
        sheet: name or number (from 1) of a workbook's sheet; None takes the first.
        skip_rows: leave out so many records at the start (counted as skipped).
        limit: take at most so many records after that; the others are skipped.
        marks: give the columns of our own (`MARK_COLUMNS`) like any other: a retry matches rows by them. What a load is
            known by leaves it out.
        is_records: each line is a record for certain (rows from Python), also a single one that looks like a wrapping.
        record_key: fields that identify a record of the type asked for: a single object that has them is no wrapping.
        sort: read a copy in which the rows of each group stand together.
    """

    sheet: str | None = None
    skip_rows: int = 0
    limit: int | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = None
    low_memory: bool = False
    visible_only: bool = False
    marks: bool = field(default=False, repr=False)
    is_records: bool = field(default=False, repr=False)
    record_key: tuple[str, ...] = field(default=(), repr=False)
    sort: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The same as flags of the command line, for a command that goes on with the same rows."""
        values = (
            ("--sheet", self.sheet),
            ("--skip-rows", self.skip_rows or None),
            ("--limit", self.limit),
            ("--encoding", self.encoding),
            ("--delimiter", self.delimiter),
            ("--header-row", self.header_row),
        )
        words = [word for flag, value in values if value is not None for word in (flag, str(value))]
        words += ["--low-memory"] if self.low_memory else []
        words += ["--visible-only"] if self.visible_only else []
        words += ["--sort"] if self.sort else []
        return tuple(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """One load, as it was asked for.

    Attributes:
        files: what is read, in this order, as one run.
        object_type: the name given with --object; empty where the mapping names it.
        mapping: the mapping file; None looks for `mappings/TYPE.yaml` and then matches the headers.
        catalogue: a folder of the user's own object types.
        source: the request's `source` from --source or PANGO_SOURCE, before the mapping's is known.
        source_from_flag: --source was given, so it outranks the mapping.
        timezone: --timezone, an IANA name, where the mapping gives no zone.
        init_data: `?initData=true` (seed 001).
        on_unknown_from_flag: --on-unknown was given, so user events change nothing about it.
        append: the last file may have grown since it was loaded: send what was added.
        out: the run's folder itself; None makes one under `pango-load-runs/`.
        state: where journal and quota live.
        spool: the copy of standard input, or of rows from Python, where that is what is read; it is in `files` then.
        spooled_as: what that copy is called where files are named; `-` is standard input.
        folder: where `mappings/TYPE.yaml` is looked for; None is the current folder.
        asked_with: flags by which addresses and keys were found, to be repeated in a command that is proposed.
    """

    files: tuple[Path, ...]
    object_type: str
    state: Path
    spool: Path | None = None
    spooled_as: str = "-"
    folder: Path | None = None
    asked_with: tuple[str, ...] = ()
    mapping: Path | None = None
    catalogue: Path | None = None
    source: str = ""
    source_from_flag: bool = False
    timezone: str | None = None
    init_data: bool = False
    batch_size: int = ENTRIES_PER_REQUEST
    out: Path | None = None
    reading: SourceOptions = field(default_factory=SourceOptions)
    delivery: DeliveryOptions = field(default_factory=DeliveryOptions)
    endpoint: Endpoint | None = None
    credentials: Credentials | None = None
    on_unknown_from_flag: bool = False
    max_rejects: RejectLimit = field(default_factory=RejectLimit)
    allow_deletes: bool = False
    strict: bool = False
    error_on_empty: bool = False
    again: bool = False
    again_after: float = 86400.0
    fresh: bool = False
    append: bool = False
    sandbox: bool = False
    log_as_json: bool = False

    def __post_init__(self) -> None:
        """Refuse sizes that the platform does not take.

        Raises:
            UsageError: naming the flag.
        """
        if self.append and (self.again or self.fresh):
            raise UsageError("--append contradicts --again and --fresh.", "Give one of them, or none.")
        if not 1 <= self.batch_size <= ENTRIES_PER_REQUEST:
            raise UsageError(
                f"--batch-size {self.batch_size} is outside 1 to {ENTRIES_PER_REQUEST}.",
                "Pango takes 1 to 50 entries a request.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPlan:
    """Rows of a finished run that are sent again, mended, as it was asked for; all else is as the run was asked for.

    Attributes:
        run: the run's id, the start of it, its folder, or `last`.
        files: what was mended; none takes the run's own rejected file, or its unknown rows where it has none.
        reading: `sheet`, `encoding` and `delimiter` of those files, where they are named.
        mapping: another one than the run's, or the run's own as it is now.
        on_unknown: what is done with a lost answer, and with rows that are unknown; None is the run's own.
    """

    run: str
    state: Path
    endpoint: Endpoint
    credentials: Credentials
    files: tuple[Path, ...] = ()
    reading: SourceOptions = field(default_factory=SourceOptions)
    mapping: Path | None = None
    windows: tuple[Window, ...] = PUBLISHED_WINDOWS
    on_unknown: OnUnknown | None = None
    allow_deletes: bool = False
    max_duration: float | None = None
