"""Rows that a run left are mended and sent again: its balance comes up to date, and no row is counted or sent twice."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
from collections import Counter
from typing import TYPE_CHECKING, cast

import openpyxl
import pytest
from inline_snapshot import snapshot
from support.program import (
    HEADERS,
    MAIN_JOB,
    REPOSITORY,
    customer,
    kill,
    late_answers,
    no_answer,
    pango_load,
    start,
    wait_until_accepted,
    write_csv,
)

from pango_load.clock import SystemClock
from pango_load.sandbox.faults import Fault, FaultKind, parse_fault
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from support.program import Ended

ZONE = ("--timezone", "Asia/Ho_Chi_Minh")
JOB = ("a.csv", *MAIN_JOB, *ZONE, "--json", "--out", "run")
WRONG = (2, 5, 7)
SLOT = 8 * 3600.0

Lines = list[dict[str, str]]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(windows=())) as running:
        yield running


def ten_customers() -> Lines:
    """Customers 2, 5 and 7 have no e-mail address."""
    return [customer(number, **({"email": "x"} if number in WRONG else {})) for number in range(10)]


def loaded(folder: Path, sandbox: Sandbox, *words: str) -> str:
    """Load `ten_customers`; the run's id."""
    write_csv(folder / "a.csv", ten_customers())
    ended = pango_load(*JOB, *words, folder=folder, sandbox=sandbox)
    assert (ended.code, ended.counts["rejected"]) == (3, 3), ended.err
    return ended.run


def lines_of(path: Path) -> Lines:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write_lines(path: Path, lines: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def mended(line: dict[str, str]) -> dict[str, str]:
    return line | {"email": f"mended{line['customerId']}@example.vn"}


def in_file(folder: Path, change: Callable[[Lines], Sequence[Mapping[str, str]]]) -> str:
    """The rejected rows, changed, in a file of their own."""
    write_lines(folder / "fixed.csv", change(lines_of(folder / "run" / "rejected.csv")))
    return "fixed.csv"


def retried(run: str, *words: str, folder: Path, sandbox: Sandbox) -> Ended:
    return pango_load("retry", run, *words, "--json", folder=folder, sandbox=sandbox)


def times_received(sandbox: Sandbox) -> Counter[str]:
    return Counter(str(entry["customerId"]) for entry in sandbox.accepted_entries)


def balance(ended: Ended) -> tuple[int, int, int, int]:
    counts = ended.counts
    assert ended.summary["balanced"]
    return ended.code, counts["accepted"], counts["rejected"], counts["unknown"]


def test_mended_rows_finish_their_run(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects whoever mends at leisure: two rounds, the same file twice, rows taken out, and a complete balance."""
    run = loaded(tmp_path, sandbox)
    some = in_file(tmp_path, lambda lines: [mended(lines[0]), lines[1]])
    first = retried(run, some, folder=tmp_path, sandbox=sandbox)
    assert balance(first) == (3, 8, 2, 0), first.err
    left = lines_of(tmp_path / "run" / "rejected.csv")
    assert [(line["_pango_row"], line["customerId"], line["email"]) for line in left] == [
        ("7", "0000005", "x"),
        ("9", "0000007", "x"),
    ]
    assert {line["_pango_code"] for line in left} == {"email.shape"}
    again = retried(run, some, folder=tmp_path, sandbox=sandbox)
    assert balance(again) == (3, 8, 2, 0), again.err
    assert cast("list[object]", again.summary["problems"]) == [
        {"code": "email.shape", "field": "email", "title": "not an e-mail address", "rows": 2}
    ]
    last = retried(run, in_file(tmp_path, lambda lines: list(map(mended, lines))), folder=tmp_path, sandbox=sandbox)
    assert balance(last) == (0, 10, 0, 0), last.err
    assert not (tmp_path / "run" / "rejected.csv").exists()
    assert set(times_received(sandbox).values()) == {1}
    assert len(times_received(sandbox)) == 10
    kept = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert (kept["command"], kept["exit_code"], kept["files"][0]["path"]) == ("retry", 0, "a.csv")
    assert "All 10 rows were accepted" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    nothing = pango_load("retry", run, folder=tmp_path, sandbox=sandbox)
    assert nothing.code == 0, nothing.err
    assert f"Nothing left to do: no row of run {run} is left to be mended." in nothing.out
    load_again = pango_load(*JOB, folder=tmp_path, sandbox=sandbox)
    assert balance(load_again) == (0, 10, 0, 0), load_again.err
    assert len(sandbox.accepted_entries) == 10


def test_the_runs_own_file_is_mended_in_place(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects whoever mends where the rows are: no file is named, and a row that was deleted comes back."""
    run = loaded(tmp_path, sandbox)
    own = tmp_path / "run" / "rejected.csv"
    lines = lines_of(own)
    write_lines(own, [mended(lines[2]), mended(lines[0])])
    ended = retried(run, folder=tmp_path, sandbox=sandbox)
    assert balance(ended) == (3, 9, 1, 0), ended.err
    (left,) = lines_of(own)
    assert left == lines[1]
    own.unlink()
    missing = retried(run, folder=tmp_path, sandbox=sandbox)
    assert missing.code == 2
    assert f"Run {run} has no file of rejected or unknown rows" in missing.err


STRANGE: list[tuple[str, Callable[[Lines], Sequence[Mapping[str, str]]], str]] = [
    (
        "number deleted",
        lambda lines: [{key: cell for key, cell in line.items() if key != "_pango_row"} for line in lines],
        "fixed.csv has no column _pango_row, by which its rows are matched with those of run",
    ),
    (
        "number edited",
        lambda lines: [mended(lines[0]) | {"_pango_row": "99"}],
        "row 2 says _pango_row 99, and the run has",
    ),
    ("no number", lambda lines: [mended(lines[0]) | {"_pango_row": "seven"}], "row 2 has no number as its _pango_row"),
    (
        "added by hand",
        lambda lines: [mended(lines[0]), customer(99) | dict.fromkeys(list(lines[0])[len(HEADERS) :], "")],
        "row 3 has no _pango_row. Nothing was sent.",
    ),
    (
        "twice, differently",
        lambda lines: [mended(lines[0]), lines[0] | {"email": "other@example.vn"}],
        "row 4 stands there twice, with different cells",
    ),
    (
        "column deleted",
        lambda lines: [{key: cell for key, cell in line.items() if key != "phone"} for line in lines],
        'fixed.csv has no column "phone", which the rows of run',
    ),
    ("column added", lambda lines: [line | {"nickNames": "a"} for line in lines], 'has a column "nickNames" that run'),
]


@pytest.mark.parametrize(("change", "said"), [pytest.param(change, said, id=name) for name, change, said in STRANGE])
def test_a_file_that_does_not_fit_its_run_sends_nothing(
    change: Callable[[Lines], Sequence[Mapping[str, str]]], said: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    """Protects the balance from rows that are none of the run, and their owner from believing that they were sent."""
    run = loaded(tmp_path, sandbox)
    before = len(sandbox.accepted_entries)
    ended = retried(run, in_file(tmp_path, change), folder=tmp_path, sandbox=sandbox)
    first, second = ended.err.splitlines()
    assert ended.code == 2
    assert said in first
    assert second.startswith("Try:   ")
    assert len(sandbox.accepted_entries) == before
    assert len(lines_of(tmp_path / "run" / "rejected.csv")) == 3


def test_rows_of_another_run_and_rows_that_were_accepted_are_not_sent(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects from a file of the wrong name: the same row numbers, other customers."""
    run = loaded(tmp_path, sandbox)
    fixed = in_file(tmp_path, lambda lines: [mended(line) | {"customerId": f"1{line['customerId']}"} for line in lines])
    strange = retried(run, fixed, folder=tmp_path, sandbox=sandbox)
    assert strange.code == 2
    assert f"fixed.csv does not hold rows of run {run}: its row 4 has another customerId than row 4" in strange.err
    accepted = in_file(tmp_path, lambda lines: [mended(lines[0]) | {"_pango_row": "3", "customerId": "0000001"}])
    nothing = retried(run, accepted, folder=tmp_path, sandbox=sandbox)
    assert balance(nothing) == (3, 7, 3, 0), nothing.err
    twice = in_file(tmp_path, lambda lines: [mended(lines[0]), mended(lines[0]), *lines[1:]])
    once = retried(run, twice, folder=tmp_path, sandbox=sandbox)
    assert balance(once) == (3, 8, 2, 0), once.err
    assert set(times_received(sandbox).values()) == {1}


def test_a_sorted_file_is_sent_in_the_order_of_the_run(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects the newer of two values: a spreadsheet sorts by any column, and an order must not come from that."""
    rows = [customer(1, fullName=f"version {number}", email="x") for number in range(5)]
    write_csv(tmp_path / "a.csv", rows)
    ended = pango_load(*JOB, folder=tmp_path, sandbox=sandbox)
    fixed = in_file(tmp_path, lambda lines: [mended(lines[at]) for at in (3, 1, 4, 0, 2)])
    done = retried(ended.run, fixed, folder=tmp_path, sandbox=sandbox)
    assert balance(done) == (0, 5, 0, 0), done.err
    assert [entry["fullName"] for entry in sandbox.accepted_entries] == [f"version {number}" for number in range(5)]


def test_a_retry_that_is_killed_goes_on(tmp_path: Path) -> None:
    """Protects from kill -9 in the middle: what was settled is not sent again, and nothing is lost."""
    rows = [customer(number, email="x") for number in range(300)]
    write_csv(tmp_path / "a.csv", rows)
    with Sandbox(SandboxSettings(windows=(), faults=(no_answer(after=5, senders=2),))) as slow:
        run = pango_load(*JOB, "--senders", "2", "--batch-size", "10", folder=tmp_path, sandbox=slow).run
        fixed = in_file(tmp_path, lambda lines: list(map(mended, lines)))
        process = start("retry", run, fixed, folder=tmp_path, sandbox=slow)
        wait_until_accepted(slow, 5, process)
        kill(process, slow)
        between = pango_load("runs", run, "--json", folder=tmp_path)
        counts = cast("dict[str, int]", between.summary["counts"])
        assert counts["accepted"] + counts["rejected"] + counts["unknown"] == 300
        assert 30 <= counts["accepted"] < 300
        assert "a retry of it was broken off" in pango_load("runs", run, folder=tmp_path).out
        # Mended a little further meanwhile: batches are cut anew, and fit all the same.
        write_lines(tmp_path / "fixed.csv", lines_of(tmp_path / "fixed.csv")[:295])
        ended = retried(run, "fixed.csv", folder=tmp_path, sandbox=slow)
        assert balance(ended) == (3, 295, 5, 0), ended.err
        received = times_received(slow)
        assert len(received) == 295
        assert sum(times - 1 for times in received.values()) <= 2 * 10
        assert len(lines_of(tmp_path / "run" / "rejected.csv")) == 5


def test_a_stopped_retry_keeps_what_it_did_not_send(tmp_path: Path) -> None:
    """Protects rows that are mended and not sent yet: they stand in the rejected file, mended."""
    write_csv(tmp_path / "a.csv", [customer(number, email="x") for number in range(200)])
    with Sandbox(SandboxSettings(windows=(), faults=(late_answers(after=3),))) as slow:
        run = pango_load(*JOB, "--senders", "1", "--batch-size", "10", folder=tmp_path, sandbox=slow).run
        fixed = in_file(tmp_path, lambda lines: list(map(mended, lines)))
        process = start("retry", run, fixed, "--json", folder=tmp_path, sandbox=slow)
        wait_until_accepted(slow, 4, process)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 143, err
        stopped = json.loads(out)
        assert stopped["next_command"] == f"pango-load retry {run} fixed.csv --json"
        left = lines_of(tmp_path / "run" / "rejected.csv")
        assert len(left) == stopped["counts"]["rejected"] > 0
        assert all(line["email"].startswith("mended") for line in left)
        # The load was not interrupted: its own command tells how it ended.
        shown = pango_load(*JOB, "--senders", "1", "--batch-size", "10", folder=tmp_path, sandbox=slow)
        assert (shown.code, shown.summary["state"], shown.summary["stopped"]) == (3, "finished", None), shown.err
        assert shown.counts == stopped["counts"]
        assert shown.summary["next_command"] == stopped["next_command"]
        ended = retried(run, folder=tmp_path, sandbox=slow)
        assert balance(ended) == (0, 200, 0, 0), ended.err
        assert set(times_received(slow).values()) == {1}


def test_time_that_is_over_while_the_last_answer_is_awaited_ends_nothing_early(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects a time slot's end: where all was sent by then, load and retry end as any others."""
    sleep, seen = SystemClock.sleep, [0]

    async def until_it_arrived(clock: SystemClock, seconds: float) -> None:
        if seconds != SLOT:
            await sleep(clock, seconds)
        while seconds == SLOT and len(sandbox.received) == seen[0]:
            await sleep(clock, 0.005)

    monkeypatch.setattr(SystemClock, "sleep", until_it_arrived)
    sandbox.add_fault(Fault(kind=FaultKind.SLOW, seconds=0.3))
    write_csv(tmp_path / "a.csv", [customer(0, email="x"), customer(1)])
    words = (*JOB, "--max-duration", "8h")
    ended = pango_load(*words, folder=tmp_path, sandbox=sandbox)
    assert balance(ended) == (3, 1, 1, 0), ended.err
    seen[0] = len(sandbox.received)
    fixed = in_file(tmp_path, lambda lines: list(map(mended, lines)))
    done = retried(ended.run, fixed, "--max-duration", "8h", folder=tmp_path, sandbox=sandbox)
    assert balance(done) == (0, 2, 0, 0), done.err
    again = pango_load(*words, folder=tmp_path, sandbox=sandbox)
    assert balance(again) == (0, 2, 0, 0), again.err
    assert set(times_received(sandbox).values()) == {1}


def test_refused_rows_are_mended_like_rejected_ones(tmp_path: Path) -> None:
    """Protects rows that Pango turned down: they stand in the same file, and have its words when refused again."""
    rows = [customer(number, **({"fullName": "guilty"} if number in {3, 77} else {})) for number in range(100)]
    write_csv(tmp_path / "a.csv", rows)
    settings = SandboxSettings(
        windows=(), refuse_entry=lambda entry: "fullName" if str(entry["fullName"]).startswith("guilty") else None
    )
    with Sandbox(settings) as refusing:
        run = pango_load(*JOB, folder=tmp_path, sandbox=refusing).run
        fixed = in_file(
            tmp_path, lambda lines: [lines[0] | {"fullName": "innocent"}, lines[1] | {"fullName": "guilty still"}]
        )
        ended = retried(run, fixed, folder=tmp_path, sandbox=refusing)
        assert balance(ended) == (3, 99, 1, 0), ended.err
        (left,) = lines_of(tmp_path / "run" / "rejected.csv")
        assert (left["_pango_row"], left["fullName"]) == ("79", "guilty still")
        assert "fullName" in left["_pango_message"]
        done = retried(
            run,
            in_file(tmp_path, lambda lines: [lines[0] | {"fullName": "innocent"}]),
            folder=tmp_path,
            sandbox=refusing,
        )
        assert balance(done) == (0, 100, 0, 0), done.err
        assert set(times_received(refusing).values()) == {1}


def test_unknown_rows_are_sent_again_when_they_are_named_and_no_others(tmp_path: Path) -> None:
    """Protects rows under `hold`: their answer never came, and it takes a person to send them once more."""
    write_csv(
        tmp_path / "a.csv", [customer(number, **({"email": "x"} if number == 120 else {})) for number in range(121)]
    )
    with Sandbox(SandboxSettings(windows=(), faults=(parse_fault("close-applied:1"),))) as sandbox:
        ended = pango_load(*JOB, "--on-unknown", "hold", folder=tmp_path, sandbox=sandbox)
        run = ended.run
        assert balance(ended) == (3, 70, 1, 50), ended.err
        # Without a file, the rejected rows; the unknown ones are told, and wait.
        (tmp_path / "a.csv").unlink()
        write_lines(
            tmp_path / "run" / "rejected.csv", [mended(line) for line in lines_of(tmp_path / "run" / "rejected.csv")]
        )
        first = retried(run, folder=tmp_path, sandbox=sandbox)
        assert balance(first) == (3, 71, 0, 50), first.err
        assert len(lines_of(tmp_path / "run" / "unknown.csv")) == 50
        copy = tmp_path / "copy.csv"
        copy.write_bytes((tmp_path / "run" / "unknown.csv").read_bytes())
        held = pango_load("retry", run, "copy.csv", folder=tmp_path, sandbox=sandbox)
        assert held.code == 3
        assert (
            "50 rows of the file are unknown, and not sent again unless --on-unknown resend says so."
            in held.err.replace("\n                ", " ")
        )
        done = retried(run, folder=tmp_path, sandbox=sandbox)
        assert balance(done) == (0, 121, 0, 0), done.err
    assert Counter(times_received(sandbox).values()) == {1: 71, 2: 50}


def test_a_row_that_a_retry_left_in_doubt_is_not_sent_after_a_newer_one(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects the newer value of a record, where a retry had it accepted and never heard of the older one."""
    write_csv(tmp_path / "a.csv", [customer(1, email="x"), customer(1, email="x", fullName="newer"), customer(2)])
    run = pango_load(*JOB, "--read-timeout", "1", folder=tmp_path, sandbox=sandbox).run
    sandbox.add_fault(parse_fault("close:1"))
    fixed = in_file(tmp_path, lambda lines: list(map(mended, lines)))
    words = (fixed, "--on-unknown")
    held = pango_load("retry", run, *words, "hold", "--json", folder=tmp_path, sandbox=sandbox)
    assert balance(held) == (3, 2, 0, 1), held.err
    again = pango_load("retry", run, *words, "resend", "--json", folder=tmp_path, sandbox=sandbox)
    assert balance(again) == (0, 2, 0, 0), again.err
    assert again.summary["skips"] == [{"reason": "overtaken", "rows": 1}]
    assert [entry["fullName"] for entry in sandbox.accepted_entries] == [customer(2)["fullName"], "newer"]


def test_a_load_leaves_the_rows_of_a_retried_run_to_retry(tmp_path: Path) -> None:
    """Protects mended cells from the source's older ones: a load would write the row files anew from there."""
    write_csv(
        tmp_path / "a.csv", [customer(number, **({"email": "x"} if number > 119 else {})) for number in range(122)]
    )
    with Sandbox(SandboxSettings(windows=(), faults=(parse_fault("close-applied:1"),))) as sandbox:
        ended = pango_load(*JOB, "--on-unknown", "hold", folder=tmp_path, sandbox=sandbox)
        assert balance(ended) == (3, 70, 2, 50), ended.err
        run, own = ended.run, tmp_path / "run" / "rejected.csv"
        lines = lines_of(own)
        write_lines(own, [mended(lines[0]), lines[1] | {"fullName": "Nguyễn Văn Mới"}])
        first = retried(run, folder=tmp_path, sandbox=sandbox)
        assert balance(first) == (3, 71, 1, 50), first.err
        asked = pango_load(*JOB, "--on-unknown", "resend", folder=tmp_path, sandbox=sandbox)
        assert balance(asked) == (3, 71, 1, 50), asked.err
        unknown = str(tmp_path / "run" / "unknown.csv")
        assert asked.summary["next_command"] == f"pango-load retry {run} {unknown} --on-unknown resend"
        assert [line["fullName"] for line in lines_of(own)] == ["Nguyễn Văn Mới"]
        done = retried(run, unknown, "--on-unknown", "resend", folder=tmp_path, sandbox=sandbox)
        assert balance(done) == (3, 121, 1, 0), done.err
    assert [line["customerId"] for line in lines_of(own)] == ["0000121"]
    assert Counter(times_received(sandbox).values()) == {1: 71, 2: 50}


def test_mended_cells_of_a_row_in_doubt_survive_the_same_load_and_its_growth(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects a mended row whose answer never came: neither `--on-unknown resend` nor `--append` takes its cells."""
    write_csv(tmp_path / "a.csv", [customer(0, email="x"), customer(1)])
    run = pango_load(*JOB, folder=tmp_path, sandbox=sandbox).run
    own = tmp_path / "run" / "rejected.csv"
    write_lines(own, [mended(line) for line in lines_of(own)])
    sandbox.add_fault(parse_fault("close:1"))
    doubted = retried(run, "--on-unknown", "hold", folder=tmp_path, sandbox=sandbox)
    assert balance(doubted) == (3, 1, 0, 1), doubted.err
    for more in (0, 1):
        write_csv(tmp_path / "a.csv", [customer(0, email="x"), customer(1), customer(2)][: 2 + more])
        words = ("--append",) if more else ("--on-unknown", "resend")
        asked = pango_load(*JOB, *words, folder=tmp_path, sandbox=sandbox)
        assert asked.code == (2 if more else 3), asked.err
        said = asked.err if more else str(asked.summary["next_command"])
        assert f"pango-load retry {run} --on-unknown resend" in said
        (line,) = lines_of(tmp_path / "run" / "unknown.csv")
        assert line["email"] == mended(line)["email"]
    done = retried(run, "--on-unknown", "resend", folder=tmp_path, sandbox=sandbox)
    assert balance(done) == (0, 2, 0, 0), done.err
    assert set(times_received(sandbox).values()) == {1}


def test_several_files_are_told_apart(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects row 3 of one file from row 3 of another, in the order of the run whatever order they come back in."""
    for name, first in (("a.csv", 0), ("b.csv", 10)):
        write_csv(
            tmp_path / name, [customer(first + number, email="x" if number == 1 else "a@b.vn") for number in range(3)]
        )
    words = ("a.csv", "b.csv", *MAIN_JOB, *ZONE, "--json", "--out", "run")
    run = pango_load(*words, folder=tmp_path, sandbox=sandbox).run
    fixed = in_file(tmp_path, lambda lines: [lines[0], mended(lines[1])])
    ended = retried(run, fixed, folder=tmp_path, sandbox=sandbox)
    assert balance(ended) == (3, 5, 1, 0), ended.err
    (left,) = lines_of(tmp_path / "run" / "rejected.csv")
    assert (left["_pango_file"], left["_pango_row"], left["customerId"]) == ("a.csv", "3", "0000001")
    strange = retried(
        run,
        in_file(tmp_path, lambda lines: [mended(lines[0]) | {"_pango_file": "c.csv"}]),
        folder=tmp_path,
        sandbox=sandbox,
    )
    assert "row 2 names no file of the run as its _pango_file" in strange.err


def test_a_workbook_comes_back_with_a_sheet_put_before_its_rows(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects whoever works in a spreadsheet: numbers typed there, a summary in front, dates as real dates."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADERS)
    for number in range(5):
        sheet.append(list(customer(number, **({"email": "x"} if number in {1, 3} else {})).values()))
    book.save(tmp_path / "a.xlsx")
    words = ("a.xlsx", *MAIN_JOB, *ZONE, "--json", "--out", "run")
    run = pango_load(*words, folder=tmp_path, sandbox=sandbox).run
    rows = openpyxl.load_workbook(tmp_path / "run" / "rejected.xlsx")
    front = rows.create_sheet("Overview", 0)
    front.append(["What is wrong"])
    front.append(["see the other sheet"])
    cells = rows["Sheet"]
    cells["C2"] = "mended@example.vn"
    cells["H2"] = 3
    rows.save(tmp_path / "fixed.xlsx")
    ended = retried(run, "fixed.xlsx", folder=tmp_path, sandbox=sandbox)
    assert balance(ended) == (3, 4, 1, 0), ended.err
    left = openpyxl.load_workbook(tmp_path / "run" / "rejected.xlsx").worksheets[0]
    assert [left["A2"].value, left["C2"].value, left["H2"].value] == ["0000003", "x", "5"]
    assert str(left["C2"].fill.fgColor.rgb) != "00000000"


def test_json_lines_keep_their_digits_and_their_optional_keys(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects long numbers, and records of which the mended ones lack a key that others have."""
    records = [customer(number) | {"customFieldLong01": 9007199254740993 + number} for number in range(4)]
    del records[1]["gender"]
    records[1]["email"] = "x"
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (tmp_path / "a.jsonl").write_text(lines, encoding="utf-8")
    words = ("a.jsonl", *MAIN_JOB, *ZONE, "--json", "--out", "run")
    run = pango_load(*words, folder=tmp_path, sandbox=sandbox).run
    own = tmp_path / "run" / "rejected.jsonl"
    own.write_text(own.read_text(encoding="utf-8").replace('"x"', '"a@b.vn"'), encoding="utf-8")
    ended = retried(run, folder=tmp_path, sandbox=sandbox)
    assert balance(ended) == (0, 4, 0, 0), ended.err
    slots = [
        cast("dict[str, int]", entry["customFieldLongs"])["customFieldLong01"] for entry in sandbox.accepted_entries
    ]
    assert sorted(slots) == [9007199254740993 + number for number in range(4)]


def test_an_encoding_with_few_letters_is_that_of_the_run(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects Vietnamese names: one mended row is too little text to find its encoding out anew."""
    rows = [customer(number, fullName="Nguyễn Thị Thuỷ", email="") for number in range(30)]
    rows[3] |= {"fullName": "Y Kpăx Đrxông", "email": "x"}
    text = write_csv(tmp_path / "utf8.csv", rows).read_text(encoding="utf-8")
    decomposed = text.replace("ễ", "ê\u0303").replace("ị", "i\u0323").replace("ỷ", "y\u0309")
    (tmp_path / "a.csv").write_bytes(decomposed.encode("cp1258"))
    ended = pango_load(*JOB, folder=tmp_path, sandbox=sandbox)
    own = tmp_path / "run" / "rejected.csv"
    own.write_bytes(own.read_bytes().replace(b",x,", b",a@b.vn,"))
    done = retried(ended.run, folder=tmp_path, sandbox=sandbox)
    assert balance(done) == (0, 30, 0, 0), done.err
    assert {entry["fullName"] for entry in sandbox.accepted_entries} == {"Nguyễn Thị Thuỷ", "Y Kpăx Đrxông"}


def test_a_damaged_record_keeps_its_text_until_it_is_put_back(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects the only readable copy of a broken line through as many retries as it takes."""
    write_csv(tmp_path / "a.csv", ten_customers())
    with (tmp_path / "a.csv").open("a", encoding="utf-8") as file:
        file.write("0000010,0900000010,a@b.vn,Too Many,male,1970-01-01,1,2,3\n")
    run = pango_load(*JOB, folder=tmp_path, sandbox=sandbox).run
    first = retried(
        run, in_file(tmp_path, lambda lines: list(map(mended, lines[:3]))), folder=tmp_path, sandbox=sandbox
    )
    assert balance(first) == (3, 10, 1, 0), first.err
    assert "0000010,0900000010,a@b.vn,Too Many" in (tmp_path / "run" / "damaged.txt").read_text(encoding="utf-8")
    (left,) = lines_of(tmp_path / "run" / "rejected.csv")
    assert (left["_pango_row"], left["_pango_code"]) == ("12", "source.too-many-cells")
    same = retried(run, folder=tmp_path, sandbox=sandbox)
    assert balance(same) == (3, 10, 1, 0), same.err
    assert "Too Many" in (tmp_path / "run" / "damaged.txt").read_text(encoding="utf-8")
    put_back = in_file(tmp_path, lambda lines: [lines[0] | customer(10)])
    done = retried(run, put_back, folder=tmp_path, sandbox=sandbox)
    assert balance(done) == (0, 11, 0, 0), done.err
    assert not (tmp_path / "run" / "damaged.txt").exists()


def test_the_mapping_is_that_of_the_run_unless_another_is_named(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects from sending some rows by other rules than the rest; a mapping that was wrong can be mended too."""
    (tmp_path / "mappings").mkdir()
    mapping = tmp_path / "mappings" / "customer-identity.yaml"
    columns = "\n".join(f"  {name}: {name}" for name in HEADERS if name != "dob")
    mapping.write_text(
        "object: customer-identity\ntimezone: Asia/Ho_Chi_Minh\n"
        f'columns:\n{columns}\n  dob: {{field: dob, format: "%d/%m/%Y"}}\n',
        encoding="utf-8",
    )
    write_csv(tmp_path / "a.csv", [customer(number, dob="1990.02.01") for number in range(3)])
    ended = pango_load("a.csv", *MAIN_JOB, "--json", "--out", "run", folder=tmp_path, sandbox=sandbox)
    run = ended.run
    assert balance(ended) == (3, 0, 3, 0), ended.err
    (tmp_path / "elsewhere").mkdir()
    mapping.write_text(mapping.read_text(encoding="utf-8").replace("%d/%m/%Y", "%Y.%m.%d"), encoding="utf-8")
    refused = retried(run, folder=tmp_path, sandbox=sandbox)
    assert refused.code == 2
    assert "is not what it was then." in refused.err
    state = str(tmp_path / "state")
    done = pango_load(
        "retry", run, "--mapping", str(mapping), "--json",
        folder=tmp_path / "elsewhere", sandbox=sandbox, variables={"PANGO_STATE_DIR": state},
    )  # fmt: skip
    assert balance(done) == (0, 3, 0, 0), done.err


def test_what_cannot_be_retried_says_so(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects from retrying a load that has yet to go on, or under the keys of somebody else."""
    run = loaded(tmp_path, sandbox)
    with Sandbox(SandboxSettings(windows=())) as other:
        elsewhere = retried(run, folder=tmp_path, sandbox=other)
        assert elsewhere.code == 2
        assert f"Run {run} went to {sandbox.ingest_url} for another account" in elsewhere.err
    write_csv(tmp_path / "b.csv", [*ten_customers(), customer(10)])
    words = ("b.csv", *MAIN_JOB, *ZONE, "--json", "--batch-size", "1", "--senders", "1", "--max-duration", "0.001s")
    stopped = pango_load(*words, folder=tmp_path, sandbox=sandbox)
    assert stopped.code == 5
    unfinished = retried("last", folder=tmp_path, sandbox=sandbox)
    assert "is not finished: " in unfinished.err
    assert "Go on with it first: pango-load" in unfinished.err
    unknown = retried("ffffffff", folder=tmp_path, sandbox=sandbox)
    assert '"ffffffff" is no run that is known here.' in unknown.err


def test_two_retries_of_one_run_do_not_overlap(tmp_path: Path) -> None:
    """Protects from sending mended rows twice side by side."""
    write_csv(tmp_path / "a.csv", [customer(number, email="x") for number in range(100)])
    with Sandbox(SandboxSettings(windows=(), faults=(late_answers(),))) as slow:
        run = pango_load(*JOB, "--senders", "1", "--batch-size", "10", folder=tmp_path, sandbox=slow).run
        fixed = in_file(tmp_path, lambda lines: list(map(mended, lines)))
        process = start("retry", run, fixed, folder=tmp_path, sandbox=slow)
        wait_until_accepted(slow, 1, process)
        os.kill(process.pid, signal.SIGSTOP)
        second = retried(run, fixed, folder=tmp_path, sandbox=slow)
        os.kill(process.pid, signal.SIGCONT)
        process.communicate(timeout=60)
        assert (second.code, process.returncode) == (11, 0), second.err
        assert set(times_received(slow).values()) == {1}


def test_what_came_through_a_pipe_is_mended_without_it(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects rows of which no source is left: the run's folder holds all that a retry needs."""
    text = write_csv(tmp_path / "a.csv", ten_customers()).read_text(encoding="utf-8")
    (tmp_path / "a.csv").unlink()
    words = ("-", *MAIN_JOB, *ZONE, "--json", "--out", "run")
    run = pango_load(*words, folder=tmp_path, sandbox=sandbox, stdin=text).run
    fixed = in_file(tmp_path, lambda lines: [mended(lines[2])])
    first = retried(run, fixed, folder=tmp_path, sandbox=sandbox)
    assert balance(first) == (3, 8, 2, 0), first.err
    own = tmp_path / "run" / "rejected.csv"
    write_lines(own, [mended(lines_of(own)[0])])
    # The row that was taken out of the only file that held it is still counted, and told to be gone.
    second = pango_load("retry", run, folder=tmp_path, sandbox=sandbox)
    assert second.code == 3
    assert "1 row that is left stands in no file any more, and cannot be written again." in second.out.replace(
        "\n", " "
    )
    assert "\n  rejected   1" in second.out


def with_repeats(folder: Path, sandbox: Sandbox) -> tuple[str, Lines]:
    """A run that rejected a row, and two others for each other; its id, and what it rejected."""
    columns = "\n".join(f"  {name}: {name}" for name in HEADERS)
    mapping = f"object: customer-identity\ntimezone: {ZONE[1]}\nonDuplicate: reject\ncolumns:\n{columns}\n"
    (folder / "mapping.yaml").write_text(mapping, encoding="utf-8")
    write_csv(folder / "a.csv", [customer(1), customer(2, email="x"), customer(1, fullName="again")])
    words = ("a.csv", "--mapping", "mapping.yaml", "--json", "--out", "run")
    ended = pango_load(*words, folder=folder, sandbox=sandbox)
    assert balance(ended) == (3, 0, 3, 0), ended.err
    return ended.run, lines_of(folder / "run" / "rejected.csv")


def mended_where_wrong(lines: Lines) -> Lines:
    return [mended(line) if line["email"] == "x" else line for line in lines]


def test_rows_rejected_for_another_row_stay_so(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects `onDuplicate: reject`: alone in its file, a repeated row would look like the only one."""
    run, rejected = with_repeats(tmp_path, sandbox)
    ended = pango_load("retry", run, in_file(tmp_path, mended_where_wrong), folder=tmp_path, sandbox=sandbox)
    assert len(sandbox.accepted_entries) == 1, ended.err
    assert lines_of(tmp_path / "run" / "rejected.csv") == [rejected[0], rejected[2]]


@pytest.mark.parametrize("lost", ["source", "lines"])
def test_rows_rejected_for_another_row_keep_their_reasons(lost: str, tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects whoever mends in place: what stays is written with its reasons, from the file or from the source."""
    run, rejected = with_repeats(tmp_path, sandbox)
    lines = mended_where_wrong(rejected)
    if lost == "source":
        (tmp_path / "a.csv").unlink()
    write_lines(tmp_path / "run" / "rejected.csv", lines if lost == "source" else lines[1:2])
    assert balance(retried(run, folder=tmp_path, sandbox=sandbox)) == (3, 1, 2, 0)
    assert lines_of(tmp_path / "run" / "rejected.csv") == [rejected[0], rejected[2]]


def test_an_order_is_mended_whole_or_not_at_all(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects orders of several rows: one that lost an item in the mended file is not sent without it."""
    shutil.copy(REPOSITORY / "sample_data" / "orders.csv", tmp_path)
    words = ("orders.csv", "--mapping", str(REPOSITORY / "mappings" / "order.yaml"), "--json", "--out", "run")
    loaded = pango_load(*words, folder=tmp_path, sandbox=sandbox)
    run, before = loaded.run, len(sandbox.accepted_entries)
    assert balance(loaded) == (3, 7, 2, 0), loaded.err
    part = in_file(tmp_path, lambda lines: [lines[0] | {"Qty": "2"}])
    refused = retried(run, part, folder=tmp_path, sandbox=sandbox)
    assert refused.code == 2
    assert f"fixed.csv holds a part of an entry: row 9 of run {run} has the Order No of row 8" in refused.err
    worse = in_file(tmp_path, lambda lines: [lines[0] | {"Qty": "2"}, lines[1] | {"Qty": "x"}])
    still = retried(run, worse, folder=tmp_path, sandbox=sandbox)
    assert balance(still) == (3, 7, 2, 0), still.err
    codes = [line["_pango_code"] for line in lines_of(tmp_path / "run" / "rejected.csv")]
    assert codes == ["group.incomplete", "number.whole"]
    done = retried(
        run,
        in_file(tmp_path, lambda lines: [line | {"Qty": "2"} for line in lines]),
        folder=tmp_path,
        sandbox=sandbox,
    )
    assert balance(done) == (0, 9, 0, 0), done.err
    (order,) = sandbox.accepted_entries[before:]
    assert len(cast("list[object]", order["items"])) == 2


def test_the_end_of_a_retry_tells_what_it_came_to(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects whoever looks at the screen: what happened now, and where the run stands."""
    run = loaded(tmp_path, sandbox)
    fixed = in_file(tmp_path, lambda lines: [mended(lines[0]), *lines[1:]])
    ended = pango_load("retry", run, fixed, folder=tmp_path, sandbox=sandbox)
    shown = ended.out.replace(run, "RUN").replace(str(tmp_path), "FOLDER").split("2 requests in")[0]
    assert shown == snapshot("""\
1 mended row accepted, 2 still to be mended.

8 of 10 rows accepted; 2 rejected.

  read      10
  accepted   8  acknowledged by Pango, which works through them later
  rejected   2  turned down here, or refused by Pango
  skipped    0
  unknown    0
  unsent     0

Problems
  2 rows  email.shape  email  not an e-mail address

Warnings (these rows were let through)
  7 rows  date.old-clock  dob  older clock: may show a day off

""")
