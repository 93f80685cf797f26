"""The outcome of a load in one sentence, and what to do next: the same words on the screen and in the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from pango_load.catalogue.problems import PROBLEM_KINDS
from pango_load.report.plain_text import counted, grouped, one_line

if TYPE_CHECKING:
    from pango_load.report.summary import Summary


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do next, and the command for it, where there is one."""

    text: str
    command: str = ""


def outcome_sentence(summary: Summary) -> str:
    """What became of the rows, in one sentence; "accepted" is all that is known of rows that left."""
    counts = summary.counts
    rows = counted(counts.read, "row")
    if summary.state == "running":
        return f"Not finished: {grouped(counts.accepted)} of {rows} accepted so far."
    if counts.read == 0 and summary.stopped is None:
        return "The source holds no rows; nothing was sent."
    if summary.command == "check":
        done, whole, part = "unsent", f"All {rows} can be sent.", "can be sent"
    else:
        done, whole, part = "accepted", f"All {rows} were accepted.", "accepted"
    if counts.read == 0:
        return "Stopped before any row was judged; nothing was sent."
    some = counts.unsent if done == "unsent" else counts.accepted
    early = "Stopped early. " if summary.stopped is not None else ""
    if some == counts.read > 1:
        return early + whole
    others = (
        ("rejected", counts.rejected, "rejected"),
        ("skipped", counts.skipped, "left out on purpose"),
        ("unknown", counts.unknown, "unknown"),
        ("unsent", counts.unsent, "not sent"),
    )
    told = ", ".join(f"{grouped(number)} {said}" for name, number, said in others if number and name != done)
    return f"{early}{grouped(some)} of {rows} {part}{'; ' + told if told else ''}."


def next_steps(summary: Summary) -> list[Step]:
    """What a person can do now, the most urgent first; empty where nothing is left to do."""
    steps: list[Step] = []
    left, counts = summary.left, summary.counts
    if not summary.balanced:
        steps.append(Step("The totals do not add up. That is a bug of pango-load: please report it with run.log."))
    command = one_line(summary.next_command or "")
    if summary.stopped is not None and summary.stopped.advice:
        steps.append(Step(one_line(summary.stopped.advice), command))
        command = ""
    if left.rejected:
        names = _names(left.rejected)
        steps.append(Step(f"Mend the rows in {names}: the columns _pango_* say what is wrong with each."))
    if left.damaged:
        steps.append(Step(f"Records that could not be read as cells stand in {_names((left.damaged,))} as they are."))
    if counts.unknown:
        where = f"in {_names(left.unknown)} " if left.unknown else ""
        steps.append(Step(f"{counted(counts.unknown, 'row')} {where}may have arrived or not: no answer came for them."))
    kinds = [PROBLEM_KINDS.get(warning.code) for warning in summary.warnings]
    steps += [Step(advice) for advice in dict.fromkeys(kind.advice for kind in kinds if kind) if advice]
    if command:
        steps.append(Step(_reason(summary), command))
    return steps


def _reason(summary: Summary) -> str:
    if summary.command == "check":
        return "To send the valid rows:"
    if summary.counts.unsent or summary.state == "running":
        return "To go on where it stopped:"
    if summary.counts.rejected and not summary.left.rejected and not summary.counts.unknown:
        return "The rejected rows stand in no file any more. Put them back, each with its _pango_row, and send that:"
    return "Then send them:" if summary.counts.rejected or summary.counts.unknown else "Next:"


def _names(paths: tuple[str, ...]) -> str:
    return ", ".join(one_line(PurePath(path).name) for path in paths)
