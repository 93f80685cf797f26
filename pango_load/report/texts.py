"""The plain lines that a person reads before, during and after a load, with no markup in them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from pango_load.plan import OnUnknown
from pango_load.report.outcome import next_steps, outcome_sentence
from pango_load.report.plain_text import (
    counted,
    grouped,
    limit_words,
    one_line,
    shortened,
    spoken_time,
    text_width,
    utc_text,
)
from pango_load.report.promises import PROMISES
from pango_load.report.skips import Skip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pango_load.records import RejectedRow
    from pango_load.report.summary import ProblemCount, Summary

Style = Literal["plain", "strong", "good", "warn", "bad", "dim"]

_LABEL = 12
_PROBLEMS_SHOWN = 10
_ROWS_SHOWN = 3
_PROBLEMS_OF_A_ROW = 3
_NARROWEST_TITLE = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a screen, and how it may be coloured; its text says all without the colour."""

    text: str
    style: Style = "plain"


# --- before sending ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What is about to happen, known from the survey.

    Attributes:
        files: names of the source files.
        counts_read, rejected, skipped, settled: rows; `settled` were settled by an earlier run of the same load.
        to_send, entries, requests: what will leave.
        seconds, until: the earliest end: from now, and as seconds since 1970 in UTC. None where nothing is known.
        window: label of the window that is waited for most; empty where none binds.
        address: the host that rows go to; empty under check.
        notes: how the files were read.
        warnings: what a person should see before.
    """

    files: Sequence[str]
    object_type: str
    source: str
    mapping: str
    counts_read: int
    rejected: int
    skipped: int = 0
    settled: int = 0
    to_send: int
    entries: int
    requests: int
    seconds: float | None = None
    until: float | None = None
    window: str = ""
    init_data: bool = False
    address: str = ""
    on_unknown: OnUnknown = OnUnknown.RESEND
    sandbox: bool = False
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()


def announcement_lines(announcement: Announcement, *, width: int = 80) -> list[Line]:
    """The block that says what will happen before the first request leaves."""
    told = announcement
    files = one_line(told.files[0]) if len(told.files) == 1 else f"{counted(len(told.files), 'file')}"
    init = ", initData" if told.init_data else ""
    lines = [Line(f'{files} as {told.object_type}, source "{one_line(told.source)}"{init}', "strong")]
    rows = [f"{grouped(told.counts_read)} read", f"{grouped(told.rejected)} rejected"]
    rows += [f"{grouped(told.skipped)} skipped"] if told.skipped else []
    rows += [f"{grouped(told.settled)} settled before"] if told.settled else []
    lines += _labelled("Rows", ", ".join(rows), width, "warn" if told.rejected else "plain")
    entries = "" if told.entries == told.to_send else f", {counted(told.entries, 'entry', 'entries')}"
    sent = f"{counted(told.to_send, 'row')}{entries} in {counted(told.requests, 'request')}"
    lines += _labelled("To send", sent if told.to_send else "nothing", width)
    if told.to_send and told.seconds is not None:
        if told.seconds < 1:
            earliest = "within a second"
        else:
            until = f", at {utc_text(told.until)}" if told.until is not None else ""
            binds = f"; {limit_words(told.window)} binds" if told.window else ""
            earliest = f"in {spoken_time(told.seconds)}{until}{binds}"
        lines += _labelled("Earliest end", earliest, width)
    lines += _labelled("Mapping", one_line(told.mapping), width)
    if told.address:
        address = f"{one_line(told.address)}{' (sandbox: nothing leaves this machine)' if told.sandbox else ''}"
        lines += _labelled("Address", address, width)
        lines += _labelled(
            "Lost answer", f"{PROMISES[told.on_unknown].rstrip('.')} (--on-unknown {told.on_unknown}).", width
        )
    for note in told.notes:
        lines += _labelled("Note", one_line(note), width)
    for warning in told.warnings:
        lines += _labelled("Warning", one_line(warning), width, "warn")
    return lines


# --- while sending ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a load stands.

    Attributes:
        rows: all rows that are to be settled in this run.
        accepted, rejected, unknown: of these, so far.
        rows_a_second: lately; None where it is too early to say.
        waiting_for: what holds it up now, a window's label ("1 min") or another word; empty where nothing does.
        waits: seconds that the wait goes on.
        waits_until: the same as a time of day ("14:05"), where it is long enough to be worth a look at the clock.
        seconds_left: None where it is too early to say.
    """

    rows: int
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    rows_a_second: float | None = None
    waiting_for: str = ""
    waits: float = 0
    waits_until: str = ""
    seconds_left: float | None = None


def progress_line(progress: Progress) -> str:
    """One line for logs and screens without a bar: "40 %: 400 of 1,000 rows accepted, ..."."""
    settled = progress.accepted + progress.rejected + progress.unknown
    # Rounded down: "100 %" is said when it is true.
    share = settled * 100 // progress.rows if progress.rows else 100
    parts = [f"{share} %: {grouped(progress.accepted)} of {counted(progress.rows, 'row')} accepted"]
    parts += [f"{grouped(progress.rejected)} refused"] if progress.rejected else []
    parts += [f"{grouped(progress.unknown)} unknown"] if progress.unknown else []
    if progress.rows_a_second is not None:
        parts.append(f"{grouped(round(progress.rows_a_second))} rows/s")
    if progress.waiting_for:
        parts.append(wait_words(progress))
    if progress.seconds_left is not None and settled < progress.rows:
        parts.append(f"about {spoken_time(progress.seconds_left)} left")
    return ", ".join(parts)


def wait_words(progress: Progress) -> str:
    """What is waited for, and for how long: "waiting for the limit over 1 h until 14:05"."""
    what = limit_words(progress.waiting_for)
    if progress.waits_until:
        return f"waiting for {what} until {progress.waits_until}"
    return f"waiting {spoken_time(progress.waits)} for {what}"


# --- after it ---------------------------------------------------------------------------------------------------------


def end_lines(summary: Summary, rejected: Sequence[RejectedRow] = (), *, width: int = 80) -> list[Line]:
    """The summary at the end: outcome, balance, problems, what to do next, where the files are.

    Args:
        summary: what became of the load.
        rejected: the first rejected rows, to be shown with their values; empty where values are hidden.
        width: of the screen, in columns.
    """
    lines = _wrapped(outcome_sentence(summary), width, _outcome_style(summary))
    if summary.stopped is not None:
        lines += _wrapped(one_line(summary.stopped.reason), width, "bad")
    lines += [Line(""), *_balance_lines(summary, width)]
    if summary.problems:
        lines += [Line(""), Line("Problems", "strong"), *_problem_lines(summary.problems, width)]
    if summary.warnings:
        lines += [Line(""), Line("Warnings (these rows were let through)", "strong")]
        lines += _problem_lines(summary.warnings, width)
    if rejected:
        lines += [Line(""), Line("First rejected rows", "strong")]
        lines += _rejected_lines(rejected[:_ROWS_SHOWN], summary, width)
    if summary.command != "check" and summary.delivery.attempts:
        lines += [Line(""), *_delivery_lines(summary, width)]
    steps = next_steps(summary)
    if steps:
        lines += [Line(""), Line("What next", "strong")]
        for step in steps:
            lines += _wrapped(step.text, width, indent="  ")
            # A command is never broken, so that it can be copied.
            lines += [Line(f"    {step.command}", "strong")] if step.command else []
    lines += [Line(""), *_place_lines(summary)]
    return lines


def _outcome_style(summary: Summary) -> Style:
    if summary.stopped is not None or not summary.balanced:
        return "bad"
    return "good" if summary.exit_code == 0 else "warn"


_MEANINGS: tuple[tuple[str, str, Style], ...] = (
    ("accepted", "acknowledged by Pango, which works through them later", "plain"),
    ("rejected", "turned down here, or refused by Pango", "warn"),
    ("skipped", "left out on purpose", "plain"),
    ("unknown", "sent, and no answer came", "warn"),
    ("unsent", "not sent", "warn"),
)
_MEANINGS_OF_A_CHECK: tuple[tuple[str, str, Style], ...] = (
    ("accepted", "", "plain"),
    ("rejected", "turned down here", "warn"),
    ("skipped", "left out on purpose", "plain"),
    ("unknown", "", "plain"),
    ("unsent", "valid, since check sends nothing", "plain"),
)


_SKIPPED_FOR = {
    Skip.REPEATED: "for a repeated record key",
    Skip.CUT: "of a group that is cut in two",
    Skip.OVERTAKEN: "overtaken by an accepted row",
}


def _balance_lines(summary: Summary, width: int) -> list[Line]:
    counts: dict[str, int] = summary.counts.model_dump()
    size = max(len(grouped(rows)) for rows in counts.values())
    lines = [Line(f"  {'read':<10}{grouped(counts['read']):>{size}}")]
    for name, meaning, style in _MEANINGS_OF_A_CHECK if summary.command == "check" else _MEANINGS:
        rows = counts[name]
        told = f"{meaning}{_reasons(summary) if name == 'skipped' else ''}" if rows else ""
        line = f"  {name:<10}{grouped(rows):>{size}}  {told}".rstrip()
        lines.append(Line(shortened(line, width), style if rows else "dim"))
    if not summary.balanced:
        lines.append(Line("  The totals do not add up.", "bad"))
    return lines


def _reasons(summary: Summary) -> str:
    """What is said of skipped rows beyond their number; what a person asked for by a flag needs no reminder."""
    told = [
        f", {grouped(skip.rows)} {_SKIPPED_FOR[skip.reason]}" for skip in summary.skips if skip.reason in _SKIPPED_FOR
    ]
    return "".join(told)


def _problem_lines(problems: Sequence[ProblemCount], width: int) -> list[Line]:
    shown = problems[:_PROBLEMS_SHOWN]
    counts = [counted(problem.rows, "row") for problem in shown]
    count = max(map(len, counts))
    code = min(max(text_width(one_line(problem.code)) for problem in shown), width // 3)
    field = min(max(text_width(one_line(problem.field)) for problem in shown), width // 4)
    lines = []
    for problem, rows in zip(shown, counts, strict=True):
        cells = (_padded(problem.code, code), _padded(problem.field, field), one_line(problem.title))
        *before, title = [cell for cell in cells if cell]
        begun = "  ".join([f"  {rows:>{count}}", *before, ""])
        if text_width(begun + title) <= width or width - text_width(begun) >= _NARROWEST_TITLE:
            lines += _wrapped(title, width, indent=" " * text_width(begun), first=begun)
        else:
            lines += [Line(begun.rstrip()), *_wrapped(title, width, indent=" " * (count + 4))]
    if len(problems) > len(shown):
        lines.append(Line(f"  and {counted(len(problems) - len(shown), 'more kind')}, see summary.json", "dim"))
    return lines


def _padded(text: str, size: int) -> str:
    plain = shortened(one_line(text), size)
    return plain + " " * (size - text_width(plain))


def _rejected_lines(rows: Iterable[RejectedRow], summary: Summary, width: int) -> list[Line]:
    lines = []
    for row in rows:
        several = len(summary.files) > 1 and row.file < len(summary.files)
        where = f" of {one_line(summary.files[row.file].path)}" if several else ""
        lines.append(Line(shortened(f"  Row {grouped(row.row)}{where}", width)))
        for problem in row.problems[:_PROBLEMS_OF_A_ROW]:
            lines += _wrapped(one_line(problem.message), width, indent="    ")
            lines += _wrapped(one_line(problem.hint), width, "dim", indent="    ") if problem.hint else []
        more = len(row.problems) - _PROBLEMS_OF_A_ROW
        lines += [Line(f"    and {counted(more, 'more problem')}", "dim")] if more > 0 else []
    return lines


def _delivery_lines(summary: Summary, width: int) -> list[Line]:
    figures = summary.delivery
    tried = "" if summary.counts.accepted else " tried"
    parts = [f"{counted(figures.attempts, 'request')}{tried} in {spoken_time(summary.duration_seconds)}"]
    parts += [f"{counted(figures.too_many, 'answer')} 429 (too many requests)"] if figures.too_many else []
    parts += [f"token renewed {counted(figures.renewals, 'time')}"] if figures.renewals else []
    waits = [
        f"{spoken_time(wait.seconds)} for {limit_words(wait.window)}" for wait in figures.waits if wait.seconds >= 1
    ]
    parts += ["waited " + ", ".join(waits)] if waits else []
    return _wrapped("; ".join(parts) + ".", width, "dim")


def _place_lines(summary: Summary) -> list[Line]:
    lines = [Line(f"Run     {one_line(summary.run)}", "dim"), Line(f"Folder  {one_line(summary.folder)}", "dim")]
    if summary.state_folder:
        lines.append(Line(f"State   {one_line(summary.state_folder)}", "dim"))
    edited = [one_line(PurePath(path).name) for path in summary.left.edited]
    lines += [Line(f"Yours   {name}: changed by hand, so it was kept; retry takes it too") for name in edited]
    return lines


# --- lines ------------------------------------------------------------------------------------------------------------


def _labelled(label: str, text: str, width: int, style: Style = "plain") -> list[Line]:
    first = f"  {label:<{_LABEL}}  "
    return _wrapped(text, width, style, first=first, indent=" " * len(first))


def _wrapped(
    text: str, width: int, style: Style = "plain", *, indent: str = "", first: str | None = None
) -> list[Line]:
    """`text` in lines of at most `width` columns; a path or an address is never broken, so that it can be copied."""
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [Line(line, style) for line in lines]
