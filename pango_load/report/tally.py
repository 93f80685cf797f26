"""Problems counted by code and field while rows pass, with a few examples of each kept for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pango_load.catalogue.problems import PROBLEM_KINDS
from pango_load.report.html import Example
from pango_load.report.summary import ProblemCount

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pango_load.records import Problem

OTHER = "other"
"""What is counted together, should there ever be more kinds than are kept apart."""

_KINDS_KEPT = 1000
_EXAMPLES_KEPT = 3
_LETTERS_KEPT = 200


class ProblemTally:
    """Counts rows by problem, within a fixed memory however many rows and codes there are."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], int] = {}
        self._examples: dict[tuple[str, str], list[Example]] = {}

    def add(self, row: int, problems: Iterable[Problem]) -> None:
        """Count the problems of one row; a kind that it has twice counts once.

        Args:
            row: the number that a person counts.
            problems: all of them.
        """
        counted: list[tuple[str, str]] = []
        for problem in problems:
            kind = self._kind(problem.code, problem.field)
            if kind in counted:
                continue
            counted.append(kind)
            self._rows[kind] = self._rows.get(kind, 0) + 1
            examples = self._examples.get(kind)
            if examples is None:
                examples = self._examples[kind] = []
            if len(examples) < _EXAMPLES_KEPT:
                value = problem.value[:_LETTERS_KEPT] if problem.value is not None else None
                examples.append(Example(code=kind[0], field=kind[1], row=row, column=problem.column, value=value))

    def add_rows(self, code: str, field: str, rows: int) -> None:
        """Count rows that were rejected before: the journal knows their codes and fields, and no values."""
        kind = self._kind(code, field)
        self._rows[kind] = self._rows.get(kind, 0) + rows

    def counts(self) -> tuple[ProblemCount, ...]:
        """How many rows have which problem, most rows first."""
        ordered = sorted(self._rows.items(), key=lambda item: (-item[1], item[0]))
        return tuple(
            ProblemCount(code=code, field=field, title=problem_title(code), rows=rows)
            for (code, field), rows in ordered
        )

    def examples(self) -> tuple[Example, ...]:
        """The first cells of each problem, as `ReportPage` takes them."""
        return tuple(example for found in self._examples.values() for example in found)

    def _kind(self, code: str, field: str) -> tuple[str, str]:
        kind = (code, field)
        return kind if kind in self._rows or len(self._rows) < _KINDS_KEPT else (OTHER, "")


def problem_title(code: str) -> str:
    """What `code` means, in words; a code outside the catalogue is the platform's own."""
    kind = PROBLEM_KINDS.get(code)
    return kind.title if kind else "other problems" if code == OTHER else PROBLEM_KINDS["platform.refused"].title
