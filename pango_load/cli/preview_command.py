"""`preview`: the first entries as their request, a curl command for them, or one row step by step."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.cli.curl import curl_command
from pango_load.cli.load_command import LoadFlags, make_plan
from pango_load.cli.screen import is_terminal, print_lines
from pango_load.cli.spool import with_spool
from pango_load.cli.wrapping import wrapped
from pango_load.errors import UsageError
from pango_load.one_row import RowExplained, explain_row
from pango_load.preview import preview
from pango_load.records import OnDuplicate
from pango_load.report.plain_text import counted, grouped, one_line, text_width
from pango_load.report.texts import Line
from pango_load.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pango_load.delivery.profile import Profile
    from pango_load.one_row import Moment, Step
    from pango_load.plan import LoadPlan
    from pango_load.preview import Preview
    from pango_load.records import Problem, RejectedRow
    from pango_load.report.texts import Style

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_NOTHING_SENT = 3
_WIDEST_NAME = 24


def run_preview(flags: LoadFlags, *, entries: int, row: int | None, as_curl: bool) -> int:
    """Show what a load would send: the exit code, 3 where no row would be sent.

    Raises:
        UsageError: flags that contradict each other, or what a load would stop for before its first row.
    """
    if row is not None and as_curl:
        raise UsageError("--row and --curl contradict each other.", "Give one of them.")
    if flags.json and as_curl:
        raise UsageError("--json and --curl contradict each other.", "Give one of them.")
    settings = read_settings(env_file=flags.env_file, profile=flags.profile)
    with tempfile.TemporaryDirectory(prefix="pango-load-") as folder:
        files, kept = with_spool(flags.files, Path(folder))
        plan = replace(make_plan(replace(flags, files=files), settings), spool=kept)
        if flags.sort:
            # The copy is made for what is shown, and leaves nothing behind.
            plan = replace(plan, state=Path(folder))
        return _show(plan, flags, settings.profile, entries=entries, row=row, as_curl=as_curl)


def _show(plan: LoadPlan, flags: LoadFlags, profile: Profile, *, entries: int, row: int | None, as_curl: bool) -> int:
    if row is not None:
        return _show_row(explain_row(plan, row), as_json=flags.json)
    found = preview(plan, entries=entries)
    if found.body is None:
        return _say_nothing_is_sent(found)
    _tell(_head_lines(found, init_data=plan.init_data))
    if as_curl:
        command = curl_command(found.body, profile, init_data=plan.init_data)
        sys.stdout.write(safe_json(command) + "\n")
        _tell([*_curl_notes(), *_note_lines(found)])
    elif flags.json:
        _write_exactly(found.body)
        _tell(_note_lines(found))
    else:
        _write_pretty(found.body.decode())
        _tell([*_note_lines(found), *_row_hint(plan, found)])
    return 0


def _tell(lines: Sequence[Line]) -> None:
    """Words go to standard error, so that standard output holds JSON alone."""
    sys.stdout.flush()
    print_lines(lines, sys.stderr)


# --- JSON on a screen -------------------------------------------------------------------------------------------------


def pretty_json(text: str) -> str:
    """JSON with line breaks and two blanks an indent; every value stays digit for digit what it is."""
    parts: list[str] = []
    depth = 0
    before = ""
    for piece in _PIECE.findall(text):
        if piece in "}]":
            depth -= 1
            parts.append("" if before in {"{", "["} else "\n" + "  " * depth)
        elif before in {"{", "[", ","}:
            parts.append("\n" + "  " * depth)
        parts.append(": " if piece == ":" else piece)
        depth += piece in "{["
        before = piece
    return "".join(parts)


def safe_json(text: str) -> str:
    r"""JSON without characters that a terminal obeys or that hide: they become `\u202e`, which means the same."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _write_exactly(body: bytes) -> None:
    sys.stdout.buffer.write(body)
    if is_terminal(sys.stdout):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.flush()


def _write_pretty(text: str) -> None:
    pretty = safe_json(pretty_json(text))
    if not is_terminal(sys.stdout):
        sys.stdout.write(pretty + "\n")
        return
    from rich.console import Console
    from rich.highlighter import JSONHighlighter

    # Soft wrapping leaves the line breaks to the terminal, so that what is copied is still JSON.
    Console(highlight=False).print(JSONHighlighter()(pretty), soft_wrap=True)


# --- the first entries ------------------------------------------------------------------------------------------------


def _head_lines(found: Preview, *, init_data: bool) -> list[Line]:
    by = f"{_files(found.files)} as {found.mapping.object_type.name}, by {one_line(found.mapping.origin)}."
    also = ", sent with ?initData=true" if init_data else ""
    gap = [Line("")] if is_terminal(sys.stdout) else []
    return [
        *_wrapped(by, "strong"),
        *_mapping_warnings(found.mapping.warnings),
        *_wrapped(f"The request for {_rows(found.rows)}{also}:"),
        *gap,
    ]


_FATES = {
    OnDuplicate.SEND: "a load sends that in a later request.",
    OnDuplicate.KEEP_FIRST: "a load skips that (onDuplicate: keep-first).",
    OnDuplicate.KEEP_LAST: "a load sends the last of each alone (onDuplicate: keep-last).",
    OnDuplicate.REJECT: "a load rejects all of them (onDuplicate: reject).",
}
"""What becomes of rows that share a record key."""


def _note_lines(found: Preview) -> list[Line]:
    lines: list[Line] = []
    if found.repeated:
        text = f"The record key of a row before stands in {_rows(found.repeated)}: "
        lines += _wrapped(text + _FATES[found.mapping.on_duplicate], "warn")
    if found.deletes:
        text = f"To delete (recordStatus Deleted): {_rows(found.deletes)}. A load needs --allow-deletes for that."
        lines += _wrapped(text, "warn")
    if found.rejected_count:
        verb = "is" if found.rejected_count == 1 else "are"
        text = f"{counted(found.rejected_count, 'row')} on the way {verb} rejected, and not in the request:"
        lines += [*_wrapped(text, "warn"), *_rejected_lines(found)]
    return [Line(""), *lines] if lines else []


def _rejected_lines(found: Preview) -> list[Line]:
    lines = [line for row in found.rejected for line in _row_lines(row, found.files)]
    more = found.rejected_count - len(found.rejected)
    return [*lines, *([Line(f"  and {counted(more, 'further row')}", "dim")] if more else [])]


def _row_lines(row: RejectedRow, files: Sequence[str]) -> list[Line]:
    where = f" of {one_line(files[row.file])}" if len(files) > 1 else ""
    lines = _wrapped(f"Row {grouped(row.row)}{where}", indent="  ")
    for problem in row.problems:
        lines += _problem_lines(problem, "plain", indent="    ")
    return lines


def _problem_lines(problem: Problem, style: Style, *, indent: str) -> list[Line]:
    hint = _wrapped(one_line(problem.hint), "dim", indent=indent) if problem.hint else []
    return [*_wrapped(one_line(problem.message), style, indent=indent), *hint]


def _say_nothing_is_sent(found: Preview) -> int:
    files = _files(found.files)
    if not found.rejected_count:
        what = "holds no rows" if not found.looked_at else "holds no row with anything in it"
        _tell([*_mapping_warnings(found.mapping.warnings), Line(f"{files} {what}: there is nothing to send.")])
        return 0
    text = f"No row of {files} would be sent: all {counted(found.rejected_count, 'row')} are rejected."
    if found.rejected_count == 1:
        text = f"The only row of {files} would not be sent: it is rejected."
    _tell([*_wrapped(text, "bad"), *_mapping_warnings(found.mapping.warnings), *_rejected_lines(found)])
    return _NOTHING_SENT


def _mapping_warnings(warnings: Sequence[str]) -> list[Line]:
    return [line for warning in warnings for line in _wrapped(f"Warning: {one_line(warning)}", "warn")]


def _curl_notes() -> list[Line]:
    text = (
        "PANGO_TOKEN is a fresh token: the answer of PANGO_AUTH_URL, or Get Token on the model's API screen. "
        "PANGO_API_KEY and PANGO_INGEST_URL are those of your .env."
    )
    return [Line(""), *_wrapped(text, "dim")]


def _row_hint(plan: LoadPlan, found: Preview) -> list[Line]:
    if not is_terminal(sys.stdout) or len(plan.files) > 1:
        return []
    return [Line(""), *_wrapped(f"One row step by step: add --row {found.rows[0]} to this command.", "dim")]


def _files(files: Sequence[str]) -> str:
    return one_line(files[0]) if len(files) == 1 else counted(len(files), "file")


def _rows(rows: Sequence[int]) -> str:
    """Rows in words: "row 2", "rows 2, 3 and 5", "rows 2 to 40"."""
    return f"{'row' if len(rows) == 1 else 'rows'} {_listed(rows)}"


def _listed(rows: Sequence[int]) -> str:
    spans: list[list[int]] = []
    for row in rows:
        if spans and spans[-1][1] + 1 == row:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    words: list[str] = []
    for first, last in spans:
        if last - first > 1:
            words.append(f"{grouped(first)} to {grouped(last)}")
        else:
            words += [grouped(row) for row in range(first, last + 1)]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _wrapped(text: str, style: Style = "plain", *, indent: str = "", hanging: str | None = None) -> list[Line]:
    # Standard error is the screen even where the JSON goes into a pipe.
    return wrapped(text, style, indent=indent, hanging=hanging, stream=sys.stderr)


# --- one row ----------------------------------------------------------------------------------------------------------


def _show_row(row: RowExplained, *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps(_as_document(row), ensure_ascii=False, indent=2) + "\n")
        return 0
    print_lines(_row_page(row))
    return 0


def _row_page(row: RowExplained) -> list[Line]:
    is_grouped = bool(row.mapping.groups)
    verdict: tuple[str, Style] = (
        "is valid: it is sent if its whole group is" if is_grouped else "would be sent",
        "good",
    )
    if row.is_blank:
        verdict = ("is blank, so it is skipped", "warn")
    elif not row.is_valid:
        verdict = ("would be rejected", "bad")
    lines = _wrapped(f"Row {grouped(row.row)} of {one_line(row.file)} {verdict[0]}.", verdict[1])
    by = f"As {row.mapping.object_type.name}, by {one_line(row.mapping.origin)}."
    lines += [*_wrapped(by, "dim"), Line("")]
    if row.raw is not None:
        lines += [*_wrapped(f"The record as it stands in the file: {one_line(row.raw)}", hanging="  "), Line("")]
    for problem in row.problems:
        lines += _problem_lines(problem, "bad", indent="")
    for warning in row.warnings:
        lines += _problem_lines(warning, "warn", indent="")
    if row.raw is None and not row.is_blank:
        lines += [Line("")] if row.problems or row.warnings else []
        lines += _step_lines(row)
        lines += _end_of_row(row)
    return lines


def _step_lines(row: RowExplained) -> list[Line]:
    names = [one_line(step.origin) for step in row.steps] + [one_line(name) for name, _, _ in row.left_out]
    size = min(max((text_width(name) for name in names), default=0), _WIDEST_NAME)
    lines: list[Line] = []
    for step in row.steps:
        style: Style = "bad" if step.problems else "dim" if step.sent is None else "plain"
        lines += _named(step.origin, _way(step), size, style)
        indent = " " * (size + 2)
        if step.moment is not None:
            lines += _wrapped(_moment_words(step.moment), "dim", indent=indent)
        for problem in step.problems:
            lines += _problem_lines(problem, "bad", indent=indent)
        for warning in step.warnings:
            lines += _problem_lines(warning, "warn", indent=indent)
    for name, cell, is_meant in row.left_out:
        why = "left out on purpose" if is_meant else "not in the mapping: not sent"
        lines += _named(name, f"{_cell(cell)} → {why}", size, "dim" if is_meant else "warn")
    return lines


def _named(name: str, text: str, size: int, style: Style) -> list[Line]:
    """A name in its column, and its text beside it; a name that is too long has a line of its own."""
    plain = one_line(name)
    indent = " " * (size + 2)
    if text_width(plain) > size:
        return [Line(plain, style), *_wrapped(text, style, indent=indent)]
    # `textwrap` counts letters, not columns, so the name is put in front afterwards.
    first, *rest = _wrapped(text, style, indent=indent)
    return [Line(plain + " " * (size + 2 - text_width(plain)) + first.text[size + 2 :], style), *rest]


def _way(step: Step) -> str:
    """The way of a value: cell → cleaned → key and JSON."""
    parts: list[str] = []
    if len(step.cells) == 1:
        parts.append(_cell(step.cells[0][1]))
    elif step.cells:
        parts.append(", ".join(f"{one_line(name)} {_cell(cell)}" for name, cell in step.cells))
    is_as_read = len(step.cells) == 1 and step.cells[0][1] == step.cleaned
    if step.cleaned is not None and not is_as_read:
        parts.append(f"{'cleaned ' if len(step.cells) == 1 else ''}{_cell(step.cleaned)}")
    elif step.cleaned is None and any(cell and cell.strip() for _, cell in step.cells):
        parts.append("means nothing")
    if step.sent is not None:
        parts.append(f"{step.key}: {safe_json(step.sent)}")
    else:
        parts.append(f"{step.key} {'cannot be made' if step.problems else 'is left out'}")
    return " → ".join(parts)


def _cell(cell: str | None) -> str:
    return "empty" if cell is None or not cell else f'"{one_line(cell)}"'


def _moment_words(moment: Moment) -> str:
    if moment.local is None:
        return f"{_spoken(moment.instant)} UTC; sent as that instant in milliseconds"
    if moment.is_shifted:
        return (
            f"{_spoken(moment.local)} in {moment.zone} is {_spoken(moment.instant)} UTC; sent as that clock's reading "
            "in milliseconds, for timezoneGmt to bring it back"
        )
    zone = f"{moment.zone}" if moment.zone.startswith("GMT") else f"{moment.zone} ({_offset(moment.local)})"
    return f"{_spoken(moment.local)} in {zone} is {_spoken(moment.instant)} UTC; sent as that instant in milliseconds"


def _spoken(when: datetime) -> str:
    """`18:30:00 on Sunday 5 October 2025`, with thousandths only where there are any."""
    thousandths = f".{when.microsecond // 1000:03d}" if when.microsecond else ""
    return f"{when:%H:%M:%S}{thousandths} on {when:%A} {when.day} {when:%B} {when.year}"


def _offset(when: datetime) -> str:
    text = f"{when:%z}"
    return f"UTC{text[:3]}:{text[3:5]}"


def _end_of_row(row: RowExplained) -> list[Line]:
    zone = row.mapping.zone
    lines: list[Line] = []
    if zone.offset_hours is not None:
        lines += [Line(""), Line(f"timezoneGmt: {zone.offset_hours} travels in every entry.", "dim")]
    elif zone.column is not None:
        lines += [Line(""), *_wrapped(f"timezoneGmt comes from the column {one_line(zone.column)}.", "dim")]
    if lines:
        text = "No public document says what Pango does with it: try one record, and look at it in the console."
        lines += _wrapped(text, "dim")
    if row.entry is not None:
        title = "The entry, with the item of this row alone:" if row.mapping.groups else "The entry:"
        lines += [Line(""), Line(title, "strong")]
        lines += [Line(line) for line in safe_json(pretty_json(row.entry)).split("\n")]
    return lines


def _as_document(row: RowExplained) -> dict[str, object]:
    return {
        "file": row.file,
        "row": row.row,
        "objectType": row.mapping.object_type.name,
        "mapping": row.mapping.origin,
        "verdict": "skipped" if row.is_blank else "sent" if row.is_valid else "rejected",
        "steps": [_step_document(step) for step in row.steps],
        "left_out": [{"column": name, "cell": cell, "on_purpose": meant} for name, cell, meant in row.left_out],
        "problems": [_problem_document(problem) for problem in row.problems],
        "warnings": [_problem_document(problem) for problem in row.warnings],
        "raw": row.raw,
        "entry": row.entry,
    }


def _step_document(step: Step) -> dict[str, object]:
    moment = step.moment
    return {
        "from": step.origin,
        "cells": dict(step.cells),
        "cleaned": step.cleaned,
        "key": step.key,
        "json": step.sent,
        "moment": None
        if moment is None
        else {
            "local": None if moment.local is None else moment.local.replace(tzinfo=None).isoformat(),
            "zone": moment.zone or None,
            "utc": moment.instant.isoformat(),
            "sent": moment.sent,
            "shifted": moment.is_shifted,
        },
        "problems": [_problem_document(problem) for problem in step.problems],
        "warnings": [_problem_document(problem) for problem in step.warnings],
    }


def _problem_document(problem: Problem) -> dict[str, object]:
    return {"code": problem.code, "field": problem.field, "message": problem.message, "hint": problem.hint}
