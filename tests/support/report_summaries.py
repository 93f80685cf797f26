"""Summaries of loads that ended in one way or another."""

from __future__ import annotations

from support.report_rows import a_problem

from pango_load.records import RejectedRow
from pango_load.report.summary import (
    DeliveryFigures,
    LeftFiles,
    MappingUsed,
    ProblemCount,
    RowCounts,
    SourceFile,
    Stopped,
    Summary,
    WindowWait,
)

FOLDER = "/home/an/pango-load-runs/customers-20261121T022426Z-7f3a9c"


def a_summary(**changes: object) -> Summary:
    """A load of 1,200 rows of which three were rejected; `changes` make it another."""
    ended_with_rejects = Summary(
        run="7f3a9c",
        tool="pango-load 0.1.0",
        state="finished",
        exit_code=3,
        object="customer-identity",
        source="CRM",
        files=(SourceFile(path="customers.csv", bytes=183_204, digest="blake2b:9f86d081884c7d65"),),
        mapping=MappingUsed(origin="mappings/customer-identity.yaml", fingerprint="5e884898da28"),
        counts=RowCounts(read=1200, accepted=1197, rejected=3),
        entries=1197,
        delivery=DeliveryFigures(
            requests_planned=24,
            attempts=25,
            too_many=1,
            renewals=1,
            waits=(WindowWait(window="1 min", seconds=12.4), WindowWait(window="1 s", seconds=0.3)),
        ),
        problems=(
            ProblemCount(code="date.format", field="dob", title="not a date", rows=2),
            ProblemCount(code="required.missing", field="customerId", title="a required field is empty", rows=1),
        ),
        warnings=(ProblemCount(code="phone.shape", field="phone", title="does not look like a phone number", rows=14),),
        started="2026-11-21T02:24:26Z",
        finished="2026-11-21T02:24:45Z",
        duration_seconds=18.7,
        next_command="pango-load retry 7f3a9c rejected.csv",
        folder=FOLDER,
        state_folder="/home/an/.local/state/pango-load",
        left=LeftFiles(rejected=(f"{FOLDER}/rejected.csv",), report=f"{FOLDER}/report.html", log=f"{FOLDER}/run.log"),
    )
    return ended_with_rejects.model_copy(update=changes)


def an_interrupted_summary() -> Summary:
    """A load that Ctrl-C ended in its middle, with a batch whose answer never came."""
    return a_summary(
        state="stopped",
        exit_code=130,
        counts=RowCounts(read=1_000_000, accepted=412_350, rejected=12, skipped=100, unknown=50, unsent=587_488),
        stopped=Stopped(
            reason="Interrupted (Ctrl-C); what was in flight was finished and recorded.",
            advice="Run the same command again to go on.",
        ),
        first_unsettled=412_400,
        next_command="pango-load customers.csv --object customer-identity",
        left=LeftFiles(
            rejected=(f"{FOLDER}/rejected.csv",),
            unknown=(f"{FOLDER}/unknown.csv",),
            unsent=(f"{FOLDER}/unsent.csv",),
            damaged=f"{FOLDER}/damaged.txt",
        ),
    )


def a_clean_summary() -> Summary:
    """A load of which every row was accepted."""
    return a_summary(
        exit_code=0,
        counts=RowCounts(read=1200, accepted=1200),
        problems=(),
        warnings=(),
        next_command=None,
        left=LeftFiles(),
        delivery=DeliveryFigures(requests_planned=24, attempts=24),
    )


def a_check_summary() -> Summary:
    """A survey without sending."""
    return a_summary(
        command="check",
        counts=RowCounts(read=1200, unsent=1197, rejected=3),
        delivery=DeliveryFigures(requests_planned=24),
        next_command="pango-load customers.csv --object customer-identity",
    )


def rejected_rows() -> list[RejectedRow]:
    """The rows that the end of a run shows."""
    wide = a_problem(
        "phone.shape",
        message='phone: "\x1b[2J0905 000 111 / 0905 000 112" is no phone number that anybody could call.',
        hint="Write one number of 6 to 15 digits, with or without + at its beginning.",
    )
    return [
        RejectedRow(position=0, row=2, file=0, problems=(a_problem(),)),
        RejectedRow(position=5, row=7, file=0, problems=(wide, a_problem(), a_problem(), a_problem(), a_problem())),
    ]
