"""Problems are counted once for each row, and the memory for it is fixed."""

from __future__ import annotations

from support.report_rows import a_problem

from pango_load.catalogue.problems import PROBLEM_KINDS
from pango_load.report.html import Example
from pango_load.report.summary import ProblemCount
from pango_load.report.tally import OTHER, ProblemTally, problem_title


def test_rows_are_counted_by_code_and_field_most_first() -> None:
    """What spoils most rows is mended first."""
    tally = ProblemTally()
    tally.add(2, [a_problem(field="dob"), a_problem("number.whole", field="points")])
    tally.add(3, [a_problem("number.whole", field="points")])
    assert tally.counts() == (
        ProblemCount(code="number.whole", field="points", title="not a whole number", rows=2),
        ProblemCount(code="date.format", field="dob", title="not a date", rows=1),
    )


def test_a_row_with_the_same_problem_twice_counts_once() -> None:
    """The column is called rows."""
    tally = ProblemTally()
    tally.add(2, [a_problem(), a_problem(value="other")])
    assert [count.rows for count in tally.counts()] == [1]


def test_rows_that_the_journal_remembers_are_counted_without_examples() -> None:
    """A resumed load reports all rejected rows; their values were never written down."""
    tally = ProblemTally()
    tally.add(2, [a_problem()])
    tally.add_rows("date.format", "dob", 41)
    assert [count.rows for count in tally.counts()] == [42]
    assert tally.examples() == (Example(code="date.format", field="dob", row=2, column="Birthday", value="31/02/1990"),)


def test_memory_is_fixed_however_many_codes_and_rows_there_are() -> None:
    """A platform that puts an id into every code must not fill the memory."""
    tally = ProblemTally()
    for number in range(3000):
        tally.add(number, [a_problem(f"code-{number}", value="x" * 10_000), a_problem()])
    assert len(tally.counts()) == 1001
    assert len(tally.examples()) <= 1003 + 3
    assert max(len(example.value or "") for example in tally.examples()) == 200
    assert sum(count.rows for count in tally.counts() if count.code != "date.format") == 3000
    assert {count.title for count in tally.counts() if count.code == OTHER} == {"other problems"}


def test_a_code_of_the_platform_has_a_title_too() -> None:
    """A reader of the report does not know the platform's codes."""
    assert problem_title("E1234") == PROBLEM_KINDS["platform.refused"].title
