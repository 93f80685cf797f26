"""`report.html`: one file that tells a person without a terminal what became of a load."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from pango_load.report.outcome import next_steps, outcome_sentence
from pango_load.report.pace_chart import Wait, make_pace_chart, pace_svg, wait_colour
from pango_load.report.plain_text import counted, grouped, limit_words, masked, one_line, shortened, spoken_time
from pango_load.report.private_files import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pango_load.report.summary import ProblemCount, Summary

REPORT_FILE = "report.html"

_EXAMPLES_SHOWN = 3
_PROBLEMS_SHOWN = 50
_VALUE_WIDTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A cell that has a problem; its value is shown only where values are wanted."""

    code: str
    field: str
    row: int
    column: str = ""
    value: str | None = None


@dataclass(frozen=True, slots=True)
class MappingLine:
    """A column of the source and what becomes of it: the field, or empty where it is left out."""

    column: str
    field: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """What the page tells.

    Attributes:
        summary: what became of the load.
        examples: some cells for each problem; at most three of each are shown.
        mapping: the mapping used, column by column.
        series: (seconds since the start, rows accepted so far).
        waits: when nothing was sent, and why.
        show_values: show cells as they are (`--show-values`); otherwise only their shape: "xxx99".
    """

    summary: Summary
    examples: Sequence[Example] = ()
    mapping: Sequence[MappingLine] = ()
    series: Sequence[tuple[float, int]] = ()
    waits: Sequence[Wait] = ()
    show_values: bool = False


def write_report(page: ReportPage, folder: Path) -> Path:
    """Put `report.html` into `folder` at once, mode 0600.

    Raises:
        OSError: where the folder cannot be written.
    """
    return write_private(folder / REPORT_FILE, report_html(page).encode(errors="replace"))


def report_html(page: ReportPage) -> str:
    """The page: nothing in it is fetched from anywhere, and no script runs in it."""
    summary = page.summary
    style = files("pango_load.report").joinpath("report.css").read_text(encoding="utf-8")
    sections = (
        _balance(summary),
        _next(summary),
        _problems("Problems", summary.problems, page),
        _problems("Warnings: these rows were let through", summary.warnings, page),
        _pace(page),
        _mapping(page),
        _details(summary),
    )
    title = f"{_names(summary)}: {outcome_sentence(summary)}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="robots" content="noindex">
<meta name="referrer" content="no-referrer">
<title>{_text(title)}</title>
<style>
{style}</style>
</head>
<body>
<main>
{_header(summary)}
{"".join(section for section in sections if section)}
<footer>Written by {_text(summary.tool)}. Times are UTC. "Accepted" means that Pango acknowledged the rows and works
through them later; whether each was kept is seen in Pango itself.{_masking(page)}</footer>
</main>
</body>
</html>
"""


# --- sections ---------------------------------------------------------------------------------------------------------


def _header(summary: Summary) -> str:
    word, style = _badge(summary)
    reason = f'<p class="bad">{_text(summary.stopped.reason)}</p>' if summary.stopped else ""
    sandbox = ' <span class="badge soft">Sandbox: nothing left this machine</span>' if summary.sandbox else ""
    return f"""<header>
<p>{_text(_names(summary))} as <code>{_text(summary.object)}</code>, {_when(summary)}</p>
<h1>{_text(outcome_sentence(summary))}</h1>
<p><span class="badge {style}">{word}</span>{sandbox}</p>
{reason}
</header>
"""


def _badge(summary: Summary) -> tuple[str, str]:
    if not summary.balanced:
        return "The totals do not add up", "bad"
    if summary.state == "running":
        return "Not finished", "warn"
    if summary.stopped is not None:
        return "Stopped early", "bad"
    checked = "Checked" if summary.command == "check" else "Finished"
    return (checked, "good") if summary.exit_code == 0 else (f"{checked}, with rows to mend", "warn")


_MEANINGS = (
    ("accepted", "accepted", "Pango acknowledged them and works through them later"),
    ("rejected", "rejected", "turned down by this program, or refused by Pango"),
    ("skipped", "skipped", "left out on purpose"),
    ("unknown", "unknown", "sent, and no answer came: they may have arrived or not"),
    ("unsent", "unsent", "the load stopped before their turn"),
)


def _balance(summary: Summary) -> str:
    counts: dict[str, int] = summary.counts.model_dump()
    read = counts["read"]
    parts, legend = [], []
    for name, word, meaning in _MEANINGS:
        rows = counts[name]
        valid = name == "unsent" and summary.command == "check"
        if not rows:
            continue
        said, why = ("valid", "can be sent; a check sends nothing") if valid else (word, meaning)
        colour = "accepted" if valid else name
        share = f"{_share(rows, read)} of the rows"
        parts.append(f'<span class="fill-{colour}" style="flex-grow:{rows}" title="{grouped(rows)} {said}"></span>')
        legend.append(
            f'<li><span class="key fill-{colour}"></span><b>{grouped(rows)}</b>'
            f"<span>{said}<small>{share}: {why}</small></span></li>"
        )
    if not parts:
        return ""
    spoken = escape(outcome_sentence(summary), quote=True)
    return _section(
        f"{counted(read, 'row')} read",
        f'<div class="bar" role="img" aria-label="{spoken}">{"".join(parts)}</div>'
        f'<ul class="legend">{"".join(legend)}</ul>',
    )


def _share(rows: int, read: int) -> str:
    """A part of a hundred that is 0 or 100 only when it is true."""
    share = 100 * rows / read if read else 0
    if 0 < share < 0.1:  # noqa: PLR2004 - what one decimal can say
        return "under 0.1 %"
    return "over 99.9 %" if 99.9 < share < 100 else f"{share:.3g} %"  # noqa: PLR2004 - likewise


def _next(summary: Summary) -> str:
    steps = next_steps(summary)
    if not steps:
        nothing = "<p>Nothing: no row is left to be sent or mended.</p>"
        return _section("What to do next", nothing) if _is_over(summary) else ""
    items = [
        f"<li>{_text(step.text)}{f'<pre>{_text(step.command)}</pre>' if step.command else ''}</li>" for step in steps
    ]
    return _section("What to do next", f'<ol class="steps">{"".join(items)}</ol>')


def _is_over(summary: Summary) -> bool:
    return summary.state == "finished" and summary.exit_code == 0


def _problems(title: str, problems: Sequence[ProblemCount], page: ReportPage) -> str:
    if not problems:
        return ""
    rows = []
    told = {(one.code, one.field) for one in page.examples}
    has_examples = any((problem.code, problem.field) in told for problem in problems[:_PROBLEMS_SHOWN])
    for problem in problems[:_PROBLEMS_SHOWN]:
        found = [one for one in page.examples if (one.code, one.field) == (problem.code, problem.field)]
        examples = "<br>".join(_example(one, page) for one in found[:_EXAMPLES_SHOWN])
        unit = "row" if problem.rows == 1 else "rows"
        rows.append(
            f'<tr><td class="number" data-unit="{unit}">{grouped(problem.rows)}</td>'
            f"<td>{_text(problem.title or problem.code)}<small><code>{_text(problem.code)}</code></small></td>"
            f'<td data-label="Field">{_code(problem.field)}</td>'
            + (f'<td data-label="Examples">{examples}</td></tr>' if has_examples else "</tr>")
        )
    more = len(problems) - _PROBLEMS_SHOWN
    rest = f'<p class="soft">And {counted(more, "more kind")}, see summary.json.</p>' if more > 0 else ""
    head = '<th class="number">Rows</th><th>Problem</th><th>Field</th>'
    head += "<th>Examples</th>" if has_examples else ""
    table = _table(head, rows)
    return _section(title, f"{table}{rest}{_by_field(problems)}")


def _example(one: Example, page: ReportPage) -> str:
    where = f"row {grouped(one.row)}"
    where += f", {_text(one.column)}" if one.column else ""
    if one.value is None or one.value == "":
        return f'<span class="soft">{where}: empty</span>'
    shown = shortened(one_line(one.value), _VALUE_WIDTH) if page.show_values else masked(one.value)
    return f'<span class="soft">{where}:</span> <code>{_text(shown)}</code>'


def _masking(page: ReportPage) -> str:
    if page.show_values or not page.examples:
        return ""
    return (
        " Examples show the shape of a cell only: x stands for a letter, 9 for a digit; "
        "the cells themselves are in the file of rejected rows."
    )


def _by_field(problems: Sequence[ProblemCount]) -> str:
    by_field: dict[str, int] = {}
    for problem in problems:
        by_field[problem.field] = by_field.get(problem.field, 0) + problem.rows
    if len(by_field) < 2:  # noqa: PLR2004 - one field needs no comparison
        return ""
    most = max(by_field.values())
    ordered = sorted(by_field.items(), key=lambda item: -item[1])[:_PROBLEMS_SHOWN]
    rows = [
        f'<tr><td class="number">{grouped(found)}</td><td>{_code(field) or "the row as a whole"}</td>'
        f'<td class="meters"><span class="meter" style="width:{100 * found / most:.1f}%"></span></td></tr>'
        for field, found in ordered
    ]
    head = '<th class="number">Found</th><th>Field</th><th></th>'
    return f"<h3>By field</h3>{_table(head, rows, cards=False)}"


def _pace(page: ReportPage) -> str:
    if page.summary.command == "check":
        return ""
    chart = make_pace_chart(page.series, page.waits)
    if chart is None:
        return ""
    half = f"{chart.top / 2:,.3g}" if chart.top < 1000 else grouped(round(chart.top / 2))  # noqa: PLR2004 - thousands
    label = _text(f"Rows accepted in each second of {spoken_time(chart.seconds)}, at most {max(chart.rates):,.0f}.")
    legend = [
        f'<li><span class="key wait-{wait_colour(place)}"></span><b>{spoken_time(waits.seconds)}</b>'
        f"<span>waited for {_text(limit_words(waits.label))}</span></li>"
        for place, waits in enumerate(chart.waits)
    ]
    up = _spread("up", f"{chart.top:,.4g}", half, "0")
    along = _spread("along", "start", spoken_time(chart.seconds / 2), spoken_time(chart.seconds))
    plot = f'<div class="chart">{up}{pace_svg(chart, label)}{along}</div>'
    return _section("Rows accepted per second", plot + (f'<ul class="legend">{"".join(legend)}</ul>' if legend else ""))


def _spread(name: str, *words: str) -> str:
    return f'<div class="{name}">{"".join(f"<span>{word}</span>" for word in words)}</div>'


def _mapping(page: ReportPage) -> str:
    origin = f"<p>From {_code(page.summary.mapping.origin)}</p>"
    rows = [
        f"<tr><td>{_code(line.column)}</td>"
        f'<td data-label="Becomes">{_code(line.field) or _left_out(line)}</td>'
        f"<td>{_text(line.note) if line.field else ''}</td></tr>"
        for line in page.mapping
    ]
    table = _table("<th>Column</th><th>Field in Pango</th><th></th>", rows) if rows else ""
    return _section("Mapping used", origin + table)


def _left_out(line: MappingLine) -> str:
    return f'<span class="soft">{_text(line.note or "left out")}</span>'


def _details(summary: Summary) -> str:
    figures = summary.delivery
    read = [
        f"{_text(file.path)}{f' ({grouped(file.bytes)} bytes)' if file.bytes is not None else ''}"
        for file in summary.files
    ]
    told = [
        ("Files", "<br>".join(read)),
        ("Source", _text(summary.source)),
        ("initData", "yes" if summary.init_data else "no"),
        ("Entries", grouped(summary.entries)),
    ]
    if summary.command != "check":
        requests = f"{grouped(figures.attempts)} made, {grouped(figures.requests_planned)} planned"
        requests += f", {grouped(figures.too_many)} answered 429 (too many requests)" if figures.too_many else ""
        told += [
            ("Requests", requests),
            ("Lost answers", _text(summary.on_unknown.promise)),
        ]
    told += [
        ("Started", _text(summary.started)),
        ("Finished", _text(summary.finished or "not yet")),
        ("Took", spoken_time(summary.duration_seconds)),
        ("Exit code", "none yet" if summary.exit_code is None else str(summary.exit_code)),
        ("Run", _code(summary.run)),
        ("Folder", _code(summary.folder)),
    ]
    items = "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in told if value)
    return _section("Details", f"<dl>{items}</dl>")


# --- pieces -----------------------------------------------------------------------------------------------------------


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{_text(title)}</h2>\n{content}\n</section>\n"


def _table(head: str, rows: Iterable[str], *, cards: bool = True) -> str:
    classes = ' class="cards"' if cards else ""
    return f"<table{classes}><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _names(summary: Summary) -> str:
    return summary.files[0].path if len(summary.files) == 1 else counted(len(summary.files), "file")


def _when(summary: Summary) -> str:
    return _text(summary.started.replace("T", " ").replace("Z", " UTC"))


def _text(text: str) -> str:
    return escape(one_line(text), quote=True)


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>" if text else ""
