"""The screens of a load, as a person sees them at 80 and at 120 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from inline_snapshot import snapshot
from support.report_rows import a_problem
from support.report_summaries import (
    a_check_summary,
    a_clean_summary,
    a_summary,
    an_interrupted_summary,
    rejected_rows,
)

from pango_load.catalogue.problems import PROBLEM_KINDS
from pango_load.plan import OnUnknown
from pango_load.report.outcome import outcome_sentence
from pango_load.report.plain_text import text_width
from pango_load.report.summary import ProblemCount, RowCounts, SourceFile
from pango_load.report.texts import Announcement, Line, Progress, announcement_lines, end_lines, progress_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pango_load.report.summary import Summary


def screen(lines: Sequence[Line]) -> str:
    return "\n".join(line.text for line in lines) + "\n"


def an_announcement(*, requests: int = 19_998, sandbox: bool = False) -> Announcement:
    return Announcement(
        files=["customers.csv"],
        object_type="customer-identity",
        source="CRM",
        mapping="mappings/customer-identity.yaml",
        counts_read=1_000_000,
        rejected=12,
        skipped=100,
        to_send=999_888 if requests else 0,
        entries=999_888 if requests else 0,
        requests=requests,
        seconds=1141,
        until=1795228646,
        window="1 min",
        address="ingest.pango.example",
        sandbox=sandbox,
        warnings=['The column "Notes" is new: the mapping does not name it, and nothing of it is sent.'],
    )


def test_before_sending_one_block_says_what_will_happen() -> None:
    """A person can still stop: rows, requests, earliest end, and what binds."""
    assert screen(announcement_lines(an_announcement(), width=80)) == snapshot("""\
customers.csv as customer-identity, source "CRM"
  Rows          1,000,000 read, 12 rejected, 100 skipped
  To send       999,888 rows in 19,998 requests
  Earliest end  in 19 min 1 s, at 2026-11-21T02:37:26Z; the limit over 1 min
                binds
  Mapping       mappings/customer-identity.yaml
  Address       ingest.pango.example
  Lost answer   A request whose answer never came is sent again: no row of it is
                left out, and some may arrive twice (--on-unknown resend).
  Warning       The column "Notes" is new: the mapping does not name it, and
                nothing of it is sent.
""")


def test_the_block_before_sending_on_a_wide_screen() -> None:
    """The same words, in fewer lines."""
    assert screen(announcement_lines(an_announcement(sandbox=True), width=120)) == snapshot("""\
customers.csv as customer-identity, source "CRM"
  Rows          1,000,000 read, 12 rejected, 100 skipped
  To send       999,888 rows in 19,998 requests
  Earliest end  in 19 min 1 s, at 2026-11-21T02:37:26Z; the limit over 1 min binds
  Mapping       mappings/customer-identity.yaml
  Address       ingest.pango.example (sandbox: nothing leaves this machine)
  Lost answer   A request whose answer never came is sent again: no row of it is left out, and some may arrive twice
                (--on-unknown resend).
  Warning       The column "Notes" is new: the mapping does not name it, and nothing of it is sent.
""")


def test_nothing_to_send_is_said_without_an_end() -> None:
    """There is no earliest end of nothing."""
    text = screen(announcement_lines(an_announcement(requests=0)))
    assert "To send       nothing" in text
    assert "Earliest end" not in text


@pytest.mark.parametrize("policy", list(OnUnknown))
def test_the_policy_for_lost_answers_is_said_before_sending(policy: OnUnknown) -> None:
    """Whether a row may arrive twice is not small print."""
    told = Announcement(
        files=["a.csv", "b.csv"],
        object_type="order",
        source="CRM",
        mapping="the headers",
        counts_read=10,
        rejected=0,
        settled=4,
        to_send=6,
        entries=2,
        requests=1,
        init_data=True,
        address="127.0.0.1:8080",
        on_unknown=policy,
    )
    text = screen(announcement_lines(told, width=300))
    assert f"(--on-unknown {policy})." in text
    assert text.startswith('2 files as order, source "CRM", initData\n')
    assert "10 read, 0 rejected, 4 settled before\n" in text
    assert "6 rows, 2 entries in 1 request\n" in text


def test_a_progress_line_says_where_the_load_stands() -> None:
    """A log without a bar is all that cron sees."""
    progress = Progress(
        rows=1000,
        accepted=400,
        rejected=3,
        unknown=50,
        rows_a_second=833.2,
        waiting_for="1 min",
        waits=12,
        seconds_left=320,
    )
    assert progress_line(progress) == snapshot(
        "45 %: 400 of 1,000 rows accepted, 3 refused, 50 unknown, 833 rows/s, "
        "waiting 12 s for the limit over 1 min, about 5 min 20 s left"
    )


def test_progress_says_a_hundred_percent_only_when_it_is_true() -> None:
    """999 of 1,000 rows are not all of them."""
    assert progress_line(Progress(rows=1000, accepted=999)).startswith("99 %")
    assert progress_line(Progress(rows=1000, accepted=1000)) == "100 %: 1,000 of 1,000 rows accepted"
    assert progress_line(Progress(rows=0)) == "100 %: 0 of 0 rows accepted"


def test_the_end_of_a_load_with_rejects() -> None:
    """A person learns what became of every row, why, and what to do."""
    assert screen(end_lines(a_summary(), rejected_rows(), width=80)) == snapshot("""\
1,197 of 1,200 rows accepted; 3 rejected.

  read      1,200
  accepted  1,197  acknowledged by Pango, which works through them later
  rejected      3  turned down here, or refused by Pango
  skipped       0
  unknown       0
  unsent        0

Problems
  2 rows  date.format       dob         not a date
   1 row  required.missing  customerId  a required field is empty

Warnings (these rows were let through)
  14 rows  phone.shape  phone  does not look like a phone number

First rejected rows
  Row 2
    dob: "31/02/1990" is not a date.
    Write 28/02/1990.
  Row 7
    phone: "\\x1b[2J0905 000 111 / 0905 000 112" is no phone number that anybody
    could call.
    Write one number of 6 to 15 digits, with or without + at its beginning.
    dob: "31/02/1990" is not a date.
    Write 28/02/1990.
    dob: "31/02/1990" is not a date.
    Write 28/02/1990.
    and 2 more problems

25 requests in 19 s; 1 answer 429 (too many requests); token renewed 1 time;
waited 12 s for the limit over 1 min.

What next
  Mend the rows in rejected.csv: the columns _pango_* say what is wrong with
  each.
  Then send them:
    pango-load retry 7f3a9c rejected.csv

Run     7f3a9c
Folder  /home/an/pango-load-runs/customers-20261121T022426Z-7f3a9c
State   /home/an/.local/state/pango-load
""")


def test_the_end_of_a_load_with_rejects_on_a_wide_screen() -> None:
    """Long sentences stand in one line."""
    assert screen(end_lines(a_summary(), rejected_rows(), width=120)) == snapshot("""\
1,197 of 1,200 rows accepted; 3 rejected.

  read      1,200
  accepted  1,197  acknowledged by Pango, which works through them later
  rejected      3  turned down here, or refused by Pango
  skipped       0
  unknown       0
  unsent        0

Problems
  2 rows  date.format       dob         not a date
   1 row  required.missing  customerId  a required field is empty

Warnings (these rows were let through)
  14 rows  phone.shape  phone  does not look like a phone number

First rejected rows
  Row 2
    dob: "31/02/1990" is not a date.
    Write 28/02/1990.
  Row 7
    phone: "\\x1b[2J0905 000 111 / 0905 000 112" is no phone number that anybody could call.
    Write one number of 6 to 15 digits, with or without + at its beginning.
    dob: "31/02/1990" is not a date.
    Write 28/02/1990.
    dob: "31/02/1990" is not a date.
    Write 28/02/1990.
    and 2 more problems

25 requests in 19 s; 1 answer 429 (too many requests); token renewed 1 time; waited 12 s for the limit over 1 min.

What next
  Mend the rows in rejected.csv: the columns _pango_* say what is wrong with each.
  Then send them:
    pango-load retry 7f3a9c rejected.csv

Run     7f3a9c
Folder  /home/an/pango-load-runs/customers-20261121T022426Z-7f3a9c
State   /home/an/.local/state/pango-load
""")


def test_the_end_of_an_interrupted_load() -> None:
    """Who pressed Ctrl-C sees that nothing is lost."""
    assert screen(end_lines(an_interrupted_summary(), width=80)) == snapshot("""\
Stopped early. 412,350 of 1,000,000 rows accepted; 12 rejected, 100 left out on
purpose, 50 unknown, 587,488 not sent.
Interrupted (Ctrl-C); what was in flight was finished and recorded.

  read      1,000,000
  accepted    412,350  acknowledged by Pango, which works through them later
  rejected         12  turned down here, or refused by Pango
  skipped         100  left out on purpose
  unknown          50  sent, and no answer came
  unsent      587,488  not sent

Problems
  2 rows  date.format       dob         not a date
   1 row  required.missing  customerId  a required field is empty

Warnings (these rows were let through)
  14 rows  phone.shape  phone  does not look like a phone number

25 requests in 19 s; 1 answer 429 (too many requests); token renewed 1 time;
waited 12 s for the limit over 1 min.

What next
  Run the same command again to go on.
    pango-load customers.csv --object customer-identity
  Mend the rows in rejected.csv: the columns _pango_* say what is wrong with
  each.
  Records that could not be read as cells stand in damaged.txt as they are.
  50 rows in unknown.csv may have arrived or not: no answer came for them.

Run     7f3a9c
Folder  /home/an/pango-load-runs/customers-20261121T022426Z-7f3a9c
State   /home/an/.local/state/pango-load
""")


def test_the_end_of_a_load_without_fault() -> None:
    """Good news is short."""
    assert screen(end_lines(a_clean_summary(), width=80)) == snapshot("""\
All 1,200 rows were accepted.

  read      1,200
  accepted  1,200  acknowledged by Pango, which works through them later
  rejected      0
  skipped       0
  unknown       0
  unsent        0

24 requests in 19 s.

Run     7f3a9c
Folder  /home/an/pango-load-runs/customers-20261121T022426Z-7f3a9c
State   /home/an/.local/state/pango-load
""")


def test_the_end_of_a_check() -> None:
    """Nothing was sent, and nothing sounds as if it were."""
    assert screen(end_lines(a_check_summary(), width=80)) == snapshot("""\
1,197 of 1,200 rows can be sent; 3 rejected.

  read      1,200
  accepted      0
  rejected      3  turned down here
  skipped       0
  unknown       0
  unsent    1,197  valid, since check sends nothing

Problems
  2 rows  date.format       dob         not a date
   1 row  required.missing  customerId  a required field is empty

Warnings (these rows were let through)
  14 rows  phone.shape  phone  does not look like a phone number

What next
  Mend the rows in rejected.csv: the columns _pango_* say what is wrong with
  each.
  To send the valid rows:
    pango-load customers.csv --object customer-identity

Run     7f3a9c
Folder  /home/an/pango-load-runs/customers-20261121T022426Z-7f3a9c
State   /home/an/.local/state/pango-load
""")


@pytest.mark.parametrize(
    ("summary", "said"),
    [
        pytest.param(a_clean_summary(), "All 1,200 rows were accepted.", id="all"),
        pytest.param(a_summary(counts=RowCounts(read=1, accepted=1)), "1 of 1 row accepted.", id="a single row"),
        pytest.param(
            a_summary(state="running", counts=RowCounts(read=9, accepted=4)),
            "Not finished: 4 of 9 rows accepted so far.",
            id="killed",
        ),
        pytest.param(a_summary(counts=RowCounts()), "The source holds no rows; nothing was sent.", id="no rows"),
        pytest.param(
            a_summary(counts=RowCounts(read=9, accepted=8, skipped=1)),
            "8 of 9 rows accepted; 1 left out on purpose.",
            id="skipped",
        ),
    ],
)
def test_the_outcome_is_one_sentence(summary: Summary, said: str) -> None:
    """A manager reads this line and no other."""
    assert outcome_sentence(summary) == said


@pytest.mark.parametrize("summary", [a_summary(), an_interrupted_summary(), a_clean_summary(), a_check_summary()])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_screen_keeps_its_width_and_shows_no_control_character(summary: Summary, width: int) -> None:
    """Only a path or a command may be longer, since it is copied."""
    summary = summary.model_copy(update={"run": "7\x1b[2J", "warnings": [ProblemCount(code="x\x07" * 60, rows=1)]})
    for line in end_lines(summary, rejected_rows(), width=width):
        assert line.text.isprintable()
        unbroken = max(map(len, line.text.split()), default=0) > width - 20 or line.style == "strong"
        assert text_width(line.text) <= width or "/" in line.text or unbroken


def test_no_screen_says_loaded_or_stored() -> None:
    """The platform queues: that a row was stored is not known."""
    for summary in (a_summary(), an_interrupted_summary(), a_clean_summary(), a_check_summary()):
        words = screen(end_lines(summary, rejected_rows())).lower().replace("pango-load", "")
        assert "loaded" not in words
        assert "stored" not in words


def test_totals_that_do_not_add_up_are_not_hidden() -> None:
    """A bug in the counts is worse than bad news."""
    lines = end_lines(a_summary(counts=RowCounts(read=10, accepted=9)))
    assert lines[0].style == "bad"
    assert Line("  The totals do not add up.", "bad") in lines


def test_rows_of_several_files_name_their_file() -> None:
    """Row 2 of which file?"""
    several = a_summary(files=(SourceFile(path="a.csv"), SourceFile(path="b.csv")))
    assert Line("  Row 2 of a.csv") in end_lines(several, rejected_rows())


def test_many_kinds_of_problems_are_cut_and_said() -> None:
    """The ten most frequent fit a screen; the rest is in the summary."""
    many = tuple(ProblemCount(code=f"c{number}", field="f", rows=20 - number) for number in range(12))
    text = screen(end_lines(a_summary(problems=many)))
    assert "  and 2 more kinds, see summary.json\n" in text
    assert "c10" not in text


def test_hidden_values_are_not_on_the_screen() -> None:
    """`--no-values` gives no rejected rows, and nothing else shows a value."""
    assert a_problem().value is not None
    assert "31/02/1990" not in screen(end_lines(a_summary()))


def test_a_warning_that_a_person_has_to_decide_about_is_a_next_step() -> None:
    """Protects birthdays before June 1975: one sentence says what to look at, and what to write if it is wrong."""
    old = tuple(
        ProblemCount(code="date.old-clock", field=field, title=PROBLEM_KINDS["date.old-clock"].title, rows=1234)
        for field in ("dob", "createdAt")
    )
    shown = screen(end_lines(a_clean_summary().model_copy(update={"warnings": old})))
    assert shown.count("Etc/GMT-7") == 1
    assert "1,234 rows  date.old-clock  createdAt  older clock: may show a day off\n" in shown
    assert "What next\n  Try one date of date.old-clock: if Pango's console shows the day before" in shown


def test_rejected_rows_that_stand_in_no_file_are_asked_for_before_they_are_sent() -> None:
    """Protects whoever deleted rows from the reject file: there is none to mend, and the command needs one."""
    summary = a_summary()
    left = summary.left.model_copy(update={"rejected": ()})
    shown = screen(end_lines(summary.model_copy(update={"left": left}), [], width=120))
    assert "Then send them" not in shown
    assert "The rejected rows stand in no file any more. Put them back, each with its _pango_row" in shown
