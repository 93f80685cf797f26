"""`summary.json`: what became of a load, for programs; its JSON Schema is docs/summary.schema.json."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, computed_field

from pango_load.plan import OnUnknown
from pango_load.report.private_files import write_private
from pango_load.report.promises import PROMISES
from pango_load.report.skips import Skip

if TYPE_CHECKING:
    from pathlib import Path

    from pango_load.records import Counts

SCHEMA_VERSION: Final = 1
"""Raised when a key changes its meaning or goes; a new key does not raise it."""

SUMMARY_FILE = "summary.json"

Rows = Annotated[int, Field(ge=0, description="Rows of the source.")]
Seconds = Annotated[float, Field(ge=0)]


def _writable(value: object) -> object:
    """A file's name may hold bytes that are no text; they must not cost the whole summary."""
    return value.encode(errors="surrogateescape").decode(errors="replace") if isinstance(value, str) else value


PathText = Annotated[str, BeforeValidator(_writable)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_name=True, serialize_by_alias=True)


class SourceFile(_Part):
    """A file that was read."""

    path: PathText = Field(description="As it was named; - is standard input.")
    bytes: int | None = Field(default=None, ge=0, description="Its size; null until it was read to its end.")
    digest: str | None = Field(default=None, description="Of its content; null until it was read to its end.")


class MappingUsed(_Part):
    """Which mapping made the entries."""

    origin: PathText = Field(description='A path, or "the headers".')
    fingerprint: str = Field(default="", description="Changes with everything that changes what is sent.")


class RowCounts(_Part):
    """Where the rows of the source ended: `read` is the sum of the others."""

    read: Rows = 0
    accepted: Annotated[int, Field(ge=0, description="Pango answered 2xx; it queues, so storage is not known.")] = 0
    rejected: Annotated[int, Field(ge=0, description="Turned down by this program, or refused by Pango for good.")] = 0
    skipped: Annotated[int, Field(ge=0, description="Left out on purpose.")] = 0
    unknown: Annotated[int, Field(ge=0, description="Sent, and the answer never came.")] = 0
    unsent: Annotated[int, Field(ge=0, description="The load stopped before their turn; under check: valid.")] = 0

    @classmethod
    def of(cls, counts: Counts) -> RowCounts:
        """The counts of a load."""
        return cls(
            read=counts.read,
            accepted=counts.accepted,
            rejected=counts.rejected,
            skipped=counts.skipped,
            unknown=counts.unknown,
            unsent=counts.unsent,
        )

    @property
    def is_balanced(self) -> bool:
        """Whether every row read ended in exactly one place."""
        return self.read == self.accepted + self.rejected + self.skipped + self.unknown + self.unsent


class ProblemCount(_Part):
    """How many rows have one problem in one field."""

    code: str
    field: str = Field(default="", description="Pango's field; empty where the row as a whole is meant.")
    title: str = Field(default="", description="What the problem is, in words.")
    rows: Rows


class SkippedRows(_Part):
    """How many rows were left out on purpose for one reason."""

    reason: Skip = Field(
        description="limit: --limit and --skip-rows; blank: no value in any cell; repeated-key: onDuplicate; "
        "cut-group: of a group that --limit or --skip-rows cuts in two."
    )
    rows: Rows


class DamageFound(_Part):
    """What a column suffered before the file came here; it rejects nothing."""

    code: str
    column: str = Field(default="", description="The header; empty where the table as a whole is meant.")
    rows: Rows
    first_rows: tuple[int, ...] = Field(default=(), description="Numbers of the first rows that show it.")
    message: str
    advice: str = ""


class WindowWait(_Part):
    """How long the load waited for one thing."""

    window: str = Field(description='The quota window ("1 min"), or another reason ("retry").')
    seconds: Seconds


class DeliveryFigures(_Part):
    """What passed between this program and the platform."""

    requests_planned: int = Field(default=0, ge=0, description="Requests for all valid rows.")
    attempts: int = Field(default=0, ge=0, description="Requests made, repeated ones included.")
    too_many: int = Field(default=0, ge=0, description="Answers 429.")
    renewals: int = Field(default=0, ge=0, description="Times the token was renewed.")
    waits: tuple[WindowWait, ...] = Field(default=(), description="Longest first.")

    def and_more(self, later: DeliveryFigures) -> DeliveryFigures:
        """These and what passed later: requests, answers and waits add up."""
        waited: dict[str, float] = {}
        for wait in (*self.waits, *later.waits):
            waited[wait.window] = round(waited.get(wait.window, 0.0) + wait.seconds, 3)
        waits = sorted(waited.items(), key=lambda item: -item[1])
        return DeliveryFigures(
            requests_planned=self.requests_planned + later.requests_planned,
            attempts=self.attempts + later.attempts,
            too_many=self.too_many + later.too_many,
            renewals=self.renewals + later.renewals,
            waits=tuple(WindowWait(window=window, seconds=seconds) for window, seconds in waits),
        )


class UnknownPolicy(_Part):
    """What is done with a request whose answer never came."""

    policy: OnUnknown = OnUnknown.RESEND
    promise: str = PROMISES[OnUnknown.RESEND]

    @classmethod
    def of(cls, policy: OnUnknown) -> UnknownPolicy:
        """The policy with its promise in plain words."""
        return cls(policy=policy, promise=PROMISES[policy])


class Stopped(_Part):
    """Why a load ended before its end."""

    reason: str
    advice: str = ""


class LeftFiles(_Part):
    """Files of the run's folder, where they were written."""

    rejected: tuple[PathText, ...] = ()
    unknown: tuple[PathText, ...] = ()
    unsent: tuple[PathText, ...] = ()
    edited: tuple[PathText, ...] = ()
    """Row files that somebody had changed, and which were about to be written anew."""
    damaged: PathText | None = None
    report: PathText | None = None
    log: PathText | None = None


class Summary(_Part):
    """What became of a load. Written when reading has begun, and again at the end whatever it is."""

    version: Literal[1] = Field(default=SCHEMA_VERSION, alias="schema", description="Version of this format.")
    run: str = Field(description="The id that `runs` and `retry` take.")
    tool: str = Field(description="The program and its version.")
    command: Literal["load", "check", "retry"] = "load"
    state: Literal["running", "finished", "stopped"] = "running"
    exit_code: int | None = Field(default=None, description="null while the load is running, or where it was killed.")
    stopped: Stopped | None = None
    object: str = Field(description="The request's `objectType`.")
    source: str = Field(default="", description="The request's `source`.")
    init_data: bool = Field(default=False, alias="initData")
    sandbox: bool = Field(default=False, description="Nothing left this machine.")
    resumed: bool = Field(default=False, description="An unfinished load went on.")
    files: tuple[SourceFile, ...]
    mapping: MappingUsed
    counts: RowCounts
    entries: int = Field(default=0, ge=0, description="Entries made from the valid rows.")
    delivery: DeliveryFigures = DeliveryFigures()
    on_unknown: UnknownPolicy = UnknownPolicy()
    problems: tuple[ProblemCount, ...] = Field(default=(), description="Most rows first.")
    warnings: tuple[ProblemCount, ...] = Field(default=(), description="Rows that were let through; most rows first.")
    skips: tuple[SkippedRows, ...] = Field(default=(), description="The skipped rows by the reason.")
    damage: tuple[DamageFound, ...] = Field(default=(), description="What was seen in whole columns.")
    first_unsettled: int | None = Field(
        default=None, ge=0, description="Position of the first record that is unknown or unsent, from 0."
    )
    started: str = Field(description="ISO 8601 in UTC.")
    finished: str | None = Field(default=None, description="ISO 8601 in UTC.")
    retried: str | None = Field(
        default=None, description="ISO 8601 in UTC: when rows of it were last taken up again, mended; null if never."
    )
    duration_seconds: Seconds = 0.0
    next_command: PathText | None = Field(
        default=None, description="What to run next; null where nothing is left to do."
    )
    folder: PathText = Field(description="The run's folder.")
    state_folder: PathText = Field(default="", description="Where journal and quota live.")
    left: LeftFiles = LeftFiles()

    def after_retry(
        self,
        *,
        exit_code: int | None,
        stopped: Stopped | None,
        counts: RowCounts,
        problems: tuple[ProblemCount, ...],
        delivery: DeliveryFigures,
        first_unsettled: int | None,
        overtaken: int,
        retried: str,
        next_command: str | None,
        folder: str,
        left: LeftFiles,
    ) -> Summary:
        """The same run, after rows of it were mended and sent again; what its load was like stays as it is.

        Args:
            exit_code: how the retry ended; None while it runs.
            stopped: why it ended early.
            counts: where the rows are now.
            problems: of those that are rejected now.
            first_unsettled: as it is now.
            next_command: likewise.
            folder: likewise.
            left: likewise.
            delivery: what the retry added.
            overtaken: of the skipped rows, those that a newer row of their record key stands in the way of.
            retried: when.
        """
        is_running = exit_code is None
        skips = {skip.reason: skip.rows for skip in self.skips}
        if new := overtaken - skips.get(Skip.OVERTAKEN, 0):
            skips[Skip.OVERTAKEN] = overtaken
        if more := counts.skipped - self.counts.skipped - new:
            skips[Skip.REPEATED] = skips.get(Skip.REPEATED, 0) + more
        return self.model_copy(
            update={
                "command": "retry",
                "state": "running" if is_running else "stopped" if stopped is not None else "finished",
                "exit_code": exit_code,
                "stopped": stopped,
                "counts": counts,
                "problems": problems,
                "skips": tuple(SkippedRows(reason=reason, rows=rows) for reason, rows in skips.items()),
                "delivery": self.delivery.and_more(delivery),
                "first_unsettled": first_unsettled,
                "retried": self.retried if is_running else retried,
                "next_command": next_command,
                "folder": folder,
                "left": left,
            }
        )

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated property; pydantic's own advice
    @property
    def balanced(self) -> bool:
        """Whether every row read ended in exactly one place."""
        return self.counts.is_balanced


def write_summary(summary: Summary, folder: Path) -> Path:
    """Put `summary.json` into `folder` at once, mode 0600: a reader never sees a half of it.

    Raises:
        OSError: where the folder cannot be written.
    """
    return write_private(folder / SUMMARY_FILE, summary_json(summary).encode())


def summary_json(summary: Summary) -> str:
    """The text of `summary.json`."""
    return summary.model_dump_json(indent=2, by_alias=True) + "\n"


def read_summary(path: Path) -> Summary:
    """Read a `summary.json` of this version; keys that a newer program added are left out.

    Raises:
        OSError: where it cannot be read.
        ValueError: where it is no summary of this version (pydantic's own error is one).
    """
    return Summary.model_validate_json(path.read_bytes(), extra="ignore")


def summary_schema() -> str:
    """The JSON Schema of `summary.json`, as docs/summary.schema.json holds it."""
    schema = Summary.model_json_schema(by_alias=True, mode="serialization")
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(summary_schema())
