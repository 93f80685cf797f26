"""Files that grow: only the rows that were added are sent, and all of them stay one load with one report."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from support.program import (
    MAIN_JOB,
    Ended,
    customer,
    kill,
    no_answer,
    pango_load,
    start,
    wait_until_accepted,
    write_csv,
    write_customers,
)

from pango_load.sandbox.faults import Fault, FaultKind
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("a.csv", *MAIN_JOB, "--timezone", "Asia/Ho_Chi_Minh", "--json", "--append", "--batch-size", "10")
BAD = {"email": "khong-phai"}


def people(start_at: int, count: int, *, bad: int = 0) -> list[dict[str, str]]:
    return [customer(start_at + at, **(BAD if at < bad else {})) for at in range(count)]


def received(sandbox: Sandbox) -> list[str]:
    return [str(entry["customerId"]) for entry in sandbox.accepted_entries]


def test_only_the_rows_that_were_added_are_sent_and_all_are_told(tmp_path: Path) -> None:
    """Protects a nightly job from sending its whole file each night, and its report from telling one night only."""
    rows = people(0, 25, bad=2)
    with Sandbox(SandboxSettings(windows=())) as sandbox:

        def load(*words: str) -> Ended:
            write_csv(tmp_path / "a.csv", rows)
            return pango_load(*WORDS, *words, folder=tmp_path, sandbox=sandbox)

        first = load()
        assert (first.code, first.counts["accepted"], first.counts["rejected"]) == (3, 23, 2), first.err
        rows += people(25, 32, bad=1)
        second = load()
        assert (second.code, second.summary["run"]) == (3, first.summary["run"]), second.err
        assert second.counts == {
            "read": 57, "accepted": 54, "rejected": 3, "skipped": 0, "unknown": 0, "unsent": 0
        }  # fmt: skip
        assert sorted(received(sandbox)) == [f"{number:07d}" for number in (*range(2, 25), *range(26, 57))]
        folder = tmp_path / str(second.summary["folder"])
        marked = (folder / "rejected.csv").read_text(encoding="utf-8").splitlines()[1:]
        assert [line.split(",")[0] for line in marked] == ["0000000", "0000001", "0000025"]
        nothing = load("--again-after", "1s")
        assert (nothing.code, nothing.counts, len(received(sandbox))) == (3, second.counts, 54)


def test_a_newer_value_behind_the_old_rows_waits_for_the_older_one(tmp_path: Path) -> None:
    """Protects the order rule across runs: the old batch is still in doubt when the new value is added."""
    rows = [customer(number, fullName="old") for number in range(30)]
    write_csv(tmp_path / "a.csv", rows)
    # The second and the third batch are in doubt; the third one's next attempt is in vain.
    faults = (
        Fault(kind=FaultKind.CLOSE, after=1, count=2, applied=True),
        Fault(kind=FaultKind.SERVER_ERROR, after=4, count=1),
    )
    words = (*WORDS, "--read-timeout", "0.5")
    with Sandbox(SandboxSettings(windows=(), faults=faults)) as sandbox:
        held = pango_load(*words, "--on-unknown", "hold", "--senders", "1", folder=tmp_path, sandbox=sandbox)
        assert held.counts["unknown"] == 20, held.err
        write_csv(tmp_path / "a.csv", rows + [customer(number, fullName="new") for number in range(20, 30)])
        ended = pango_load(*words, "--on-unknown", "resend", folder=tmp_path, sandbox=sandbox)
    assert (ended.code, ended.counts["accepted"]) == (0, 40), ended.err
    assert [str(entry["fullName"]) for entry in sandbox.accepted_entries] == ["old"] * 50 + ["new"] * 10


def test_an_unfinished_load_grows_too(tmp_path: Path) -> None:
    """Protects what was unsent when rows were added: it is sent with them, and nothing twice but what was in flight."""
    write_customers(tmp_path / "a.csv", 200)
    words = (*WORDS, "--senders", "1")
    with Sandbox(SandboxSettings(windows=(), faults=(no_answer(after=3),))) as sandbox:
        process = start(*words, folder=tmp_path, sandbox=sandbox)
        wait_until_accepted(sandbox, 3, process)
        process.send_signal(signal.SIGSTOP)
        write_customers(tmp_path / "a.csv", 230)
        busy = pango_load(*words, folder=tmp_path, sandbox=sandbox)
        assert (busy.code, f"process {process.pid}" in busy.err) == (11, True), busy.err
        kill(process, sandbox)
        ended = pango_load(*words, folder=tmp_path, sandbox=sandbox)
        assert (ended.code, ended.counts["read"], ended.counts["accepted"]) == (0, 230, 230), ended.err
        assert set(received(sandbox)) == {f"{number:07d}" for number in range(230)}
        assert len(received(sandbox)) <= 240


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param("edited", "what stood in", id="a row was edited"),
        pytest.param("shorter", "has become shorter", id="rows were taken away"),
        pytest.param("continued", "what stood in", id="the last row was continued"),
        pytest.param("source", "another option has changed", id="under another source"),
    ],
)
def test_a_file_that_did_not_only_grow_is_refused(change: str, said: str, tmp_path: Path) -> None:
    """Protects from sending everything again where only new rows were meant."""
    path = write_customers(tmp_path / "a.csv", 20)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    with Sandbox(SandboxSettings(windows=())) as sandbox:
        assert pango_load(*WORDS, folder=tmp_path, sandbox=sandbox).code == 0
        text = path.read_text(encoding="utf-8")
        match change:
            case "edited":
                path.write_text(text.replace("khach3@", "khach4@") + "\n", encoding="utf-8")
            case "shorter":
                write_customers(path, 19)
            case "continued":
                path.write_text(text + "0\n", encoding="utf-8")
        more = ("--source", "POS") if change == "source" else ()
        refused = pango_load(*WORDS, *more, folder=tmp_path, sandbox=sandbox)
        assert (refused.code, said in refused.err, len(received(sandbox))) == (2, True, 20), refused.err
        assert "Leave --append out" in refused.err


def test_what_stops_the_survey_of_added_rows_leaves_the_load_as_it_was(tmp_path: Path) -> None:
    """Protects the finished load from a bad night: the next, mended one goes on from where it stood."""
    with Sandbox(SandboxSettings(windows=())) as sandbox:
        write_csv(tmp_path / "a.csv", people(0, 20, bad=1))
        words = (*WORDS, "--out", "run", "--max-rejects", "2")
        assert pango_load(*words, folder=tmp_path, sandbox=sandbox).code == 3
        before = (tmp_path / "run" / "rejected.csv").read_bytes()
        write_csv(tmp_path / "a.csv", people(0, 20, bad=1) + people(20, 10, bad=5))
        stopped = pango_load(*words, folder=tmp_path, sandbox=sandbox)
        assert (stopped.code, stopped.counts["read"], stopped.counts["unsent"]) == (4, 30, 5), stopped.err
        assert (tmp_path / "run" / "rejected.csv").read_bytes() == before
        write_csv(tmp_path / "a.csv", people(0, 20, bad=1) + people(20, 10))
        ended = pango_load(*words, folder=tmp_path, sandbox=sandbox)
        assert (ended.code, ended.counts["accepted"], ended.counts["rejected"]) == (3, 29, 1), ended.err
        assert len(received(sandbox)) == 29


def test_a_damaged_journal_of_a_grown_load_is_known_as_such(tmp_path: Path) -> None:
    """Protects from beginning anew what has grown since its journal got its name."""
    with Sandbox(SandboxSettings(windows=())) as sandbox:
        for count in (20, 30):
            write_customers(tmp_path / "a.csv", count)
            assert pango_load(*WORDS, folder=tmp_path, sandbox=sandbox).code == 0
        (journal,) = (tmp_path / "state" / "runs").glob("*.sqlite")
        journal.write_bytes(journal.read_bytes()[:50])
        refused = pango_load(*WORDS, folder=tmp_path, sandbox=sandbox)
        assert (refused.code, "is damaged" in refused.err, len(received(sandbox))) == (7, True, 30), refused.err


def test_a_workbook_cannot_be_appended_to(tmp_path: Path) -> None:
    """Protects from trusting bytes of which the beginning says nothing about rows."""
    import polars as pl

    pl.DataFrame(people(0, 3)).write_parquet(tmp_path / "a.csv")
    with Sandbox(SandboxSettings(windows=())) as sandbox:
        refused = pango_load(*WORDS, folder=tmp_path, sandbox=sandbox)
    assert (refused.code, "is no plain text" in refused.err) == (2, True), refused.err
