"""What a run says about itself: for people who look at past loads, and for the rules of going on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pango_load.journal.identity import FileDigest
from pango_load.records import Counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pango_load.journal.identity import LoadIdentity

    Value = str | int | float | None


BEFORE_GROWTH = "before_growth"
"""Where a run that is surveyed for added rows keeps what it was."""


RETRYING = "retrying"
"""Where a finished run keeps that rows of it are sent again; what is left there was broken off."""


class RunState(StrEnum):
    """How far a run has come."""

    SURVEY = "survey"
    """The survey was under way: nothing was sent, the run starts anew."""
    SENDING = "sending"
    """The survey is complete; no end was recorded, so the process still runs or was killed."""
    STOPPED = "stopped"
    """It ended early and goes on when it is started again."""
    FINISHED = "finished"
    """Every batch was tried: exit code 0 or 3."""
    SUPERSEDED = "superseded"
    """A load of newer content of the same files took its place."""

    @property
    def is_unfinished(self) -> bool:
        """Whether the same command goes on with it."""
        return self in {RunState.SENDING, RunState.STOPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDescription:
    """What was asked for, without secrets and row values.

    Attributes:
        names: the files as they were given; `-` is standard input.
        paths: their full paths, by which a newer version of a file is known.
        object_type: `objectType`.
        folder: the run's folder, where its reports go.
        address: the ingest address.
        source: the request's `source`.
        version: of this program.
        command: the command line, to be run again.
        mapping: where the mapping comes from, in words.
        init_data: whether `initData` is sent.
        user_event: whether user events ride along.
        spool: the copy of standard input, where it was read.
        sorted_copy: the folder with the sorted copy, where one is read.
        terms: what a retry goes by (`retry_terms.RetryTerms`), as JSON; empty where an older program began the run.
    """

    names: tuple[str, ...]
    paths: tuple[str, ...]
    object_type: str
    folder: str = ""
    address: str = ""
    source: str = ""
    version: str = ""
    command: tuple[str, ...] = ()
    mapping: str = ""
    init_data: bool = False
    user_event: bool = False
    spool: str = ""
    sorted_copy: str = ""
    terms: str = ""

    @property
    def repeats_are_seen(self) -> bool:
        """Whether sending a row twice does more than write the same value again."""
        return self.init_data or self.user_event

    def to_json(self) -> str:
        """As it is kept in the journal."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> RunDescription:
        """As it was kept; what a newer or older program knew more or less of is left at its default."""
        kept: Mapping[str, object] = json.loads(text)

        def words(key: str) -> tuple[str, ...]:
            value = kept.get(key)
            return tuple(str(word) for word in value) if isinstance(value, list) else ()

        def word(key: str) -> str:
            return str(kept.get(key) or "")

        return cls(
            names=words("names"),
            paths=words("paths"),
            object_type=word("object_type"),
            folder=word("folder"),
            address=word("address"),
            source=word("source"),
            version=word("version"),
            command=words("command"),
            mapping=word("mapping"),
            init_data=bool(kept.get("init_data")),
            user_event=bool(kept.get("user_event")),
            spool=word("spool"),
            sorted_copy=word("sorted_copy"),
            terms=word("terms"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """One run, as its journal tells it.

    Attributes:
        id: what `runs` and `retry` take.
        identity, terms, target: the digests of `LoadIdentity`.
        files: the content it was started with.
        created, finished: seconds since 1970; `finished` is None where no end was recorded.
        exit_code: None likewise.
        read: records of the source, once the survey is complete.
        superseded_by: the id of the run that took its place.
        is_retrying: a retry of its rows is under way, or was broken off.
    """

    id: str
    state: RunState
    description: RunDescription
    identity: str
    terms: str
    target: str
    files: tuple[FileDigest, ...]
    created: float
    finished: float | None = None
    exit_code: int | None = None
    read: int = 0
    superseded_by: str = ""
    is_retrying: bool = False


def values_of(run_id: str, identity: LoadIdentity, description: RunDescription, created: float) -> dict[str, Value]:
    """A new run as rows of the table `run`."""
    return {
        "id": run_id,
        "state": RunState.SURVEY.value,
        "description": description.to_json(),
        "created": created,
        **identity_values(identity),
    }


def identity_values(identity: LoadIdentity) -> dict[str, Value]:
    """The part of a run that changes when its files have grown."""
    return {
        "identity": identity.digest,
        "terms": identity.terms,
        "target": identity.target,
        "files": json.dumps([(file.digest, file.size) for file in identity.files]),
    }


def facts_of(values: Mapping[str, Value]) -> RunFacts:
    """A run from the rows of its table `run`; while it is surveyed for added rows, it is what it was before."""
    if before := values.get(BEFORE_GROWTH):
        values = dict(json.loads(str(before))["values"])

    def number(key: str) -> float | None:
        value = values.get(key)
        return value if isinstance(value, int | float) else None

    def text(key: str) -> str:
        return str(values.get(key) or "")

    exit_code = number("exit_code")
    return RunFacts(
        id=text("id"),
        state=RunState(text("state")),
        description=RunDescription.from_json(text("description")),
        identity=text("identity"),
        terms=text("terms"),
        target=text("target"),
        files=tuple(FileDigest(digest, size) for digest, size in json.loads(text("files"))),
        created=number("created") or 0.0,
        finished=number("finished"),
        exit_code=None if exit_code is None else int(exit_code),
        read=int(number("read") or 0),
        superseded_by=text("superseded_by"),
        is_retrying=bool(number(RETRYING)),
    )


def counts_to_json(counts: Counts) -> str:
    """Totals as they are kept when a run ends."""
    return json.dumps(asdict(counts))


def counts_from_json(text: str) -> Counts:
    """Totals as they were kept."""
    return Counts(**{key: int(value) for key, value in json.loads(text).items()})
