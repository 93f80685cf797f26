"""What the same command does the second time, whatever became of the first."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, cast

import pytest
from support.program import (
    MAIN_JOB,
    customer,
    kill,
    late_answers,
    no_answer,
    pango_load,
    start,
    wait_until_accepted,
    write_csv,
    write_customers,
)

from pango_load.sandbox.faults import parse_fault
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from pathlib import Path

ZONE = ("--timezone", "Asia/Ho_Chi_Minh")
BAD = {"email": "khong-phai"}


def test_a_finished_load_tells_its_own_outcome_though_another_has_taken_its_folder(tmp_path: Path) -> None:
    """Protects cron jobs with a fixed --out: the exit code is that of this content, not of the last one there."""
    write_csv(tmp_path / "a.csv", [customer(number, **BAD) for number in range(3)] + [customer(9)])
    write_customers(tmp_path / "b.csv", 7)
    with Sandbox(SandboxSettings(windows=())) as sandbox:

        def load(name: str) -> tuple[int, int]:
            ended = pango_load(name, *MAIN_JOB, *ZONE, "--json", "--out", "run", folder=tmp_path, sandbox=sandbox)
            return ended.code, ended.counts["read"]

        assert load("a.csv") == (3, 4)
        assert load("b.csv") == (0, 7)
        assert load("a.csv") == (3, 4)
        assert load("b.csv") == (0, 7)
        pango_load("check", "b.csv", *MAIN_JOB, *ZONE, "--out", "run", folder=tmp_path, sandbox=sandbox)
        again = pango_load("b.csv", *MAIN_JOB, *ZONE, "--json", "--out", "run", folder=tmp_path, sandbox=sandbox)
        assert (again.code, again.counts["accepted"]) == (0, 7)
        assert sandbox.accepted_count == 8


def test_rows_held_as_unknown_are_sent_when_that_is_asked_for_and_no_others(tmp_path: Path) -> None:
    """Protects from sending everything again for the sake of one lost answer."""
    write_customers(tmp_path / "a.csv", 200)
    with Sandbox(SandboxSettings(windows=(), faults=(parse_fault("close-applied:1"),))) as sandbox:
        words = ("a.csv", *MAIN_JOB, *ZONE, "--json")
        held = pango_load(*words, "--on-unknown", "hold", folder=tmp_path, sandbox=sandbox)
        assert held.out, held.err
        assert (held.code, held.counts["accepted"], held.counts["unknown"]) == (3, 150, 50), held.err
        again = pango_load(*words, folder=tmp_path, sandbox=sandbox)
        assert (again.code, again.counts["unknown"], sandbox.accepted_count) == (3, 50, 200)
        resent = pango_load(*words, "--on-unknown", "resend", folder=tmp_path, sandbox=sandbox)
        assert (resent.code, resent.counts["accepted"], resent.counts["unknown"]) == (0, 200, 0), resent.err
        assert sandbox.accepted_count == 250


QUICK = ("--batch-size", "2", "--senders", "1", "--read-timeout", "1")
OVERTAKEN = "not sent, since a newer row of the same record key was accepted: skipped."


def told(text: str) -> str:
    """A screen's words without its line breaks."""
    return " ".join(text.split())


@pytest.mark.parametrize(
    "again",
    [
        ("a.csv", *MAIN_JOB, *ZONE, *QUICK),
        ("a.csv", *MAIN_JOB, *ZONE, *QUICK, "--append"),
        ("retry", "last"),
    ],
    ids=["the same load", "with --append", "retry"],
)
def test_a_held_row_that_a_newer_one_has_overtaken_is_not_sent_after_it(tmp_path: Path, again: tuple[str, ...]) -> None:
    """Protects the newer value, and the innocent row of the same batch, which is sent."""
    rows = [customer(1), customer(3), customer(1, fullName="newer"), customer(2)]
    write_csv(tmp_path / "a.csv", rows)
    words = ("a.csv", *MAIN_JOB, *ZONE, *QUICK)
    with Sandbox(SandboxSettings(windows=(), faults=(parse_fault("close:1"),))) as sandbox:
        held = pango_load(*words, "--on-unknown", "hold", folder=tmp_path, sandbox=sandbox)
        assert held.code == 3, held.err
        assert OVERTAKEN not in told(held.err)
        assert len(sandbox.accepted_entries) == 2
        if "--append" in again:
            write_csv(tmp_path / "a.csv", [*rows, customer(4)])
        ended = pango_load(*again, "--on-unknown", "resend", "--json", folder=tmp_path, sandbox=sandbox)
        assert (ended.code, ended.summary["balanced"]) == (0, True), ended.err
        assert ended.summary["skips"] == [{"reason": "overtaken", "rows": 1}]
        names = [str(entry["fullName"]) for entry in sandbox.accepted_entries]
        assert (names[:2], sorted(names[2:])) == (
            ["newer", rows[3]["fullName"]],
            sorted(customer(number)["fullName"] for number in ((3, 4) if "--append" in again else (3,))),
        )
        assert not list(tmp_path.glob("pango-load-runs/*/unknown.csv"))
        nothing = pango_load(*words, "--json", folder=tmp_path, sandbox=sandbox)
        assert (nothing.code, nothing.counts["skipped"]) == (0, 1), nothing.err
    (log,) = tmp_path.glob("pango-load-runs/*/run.log")
    logged = log.read_text(encoding="utf-8")
    assert f"1 row is {OVERTAKEN}" in logged
    assert "overtaken: rows 2\n" in logged


@pytest.mark.parametrize("is_gone", [True, False], ids=["its source is gone", "its source has changed"])
def test_a_retry_that_cannot_compare_leaves_unknown_what_may_be_older(tmp_path: Path, is_gone: bool) -> None:
    """Protects the newer value where nobody can tell any more which unknown row is the older one."""
    write_csv(tmp_path / "a.csv", [customer(1), customer(3), customer(1, fullName="newer"), customer(2)])
    words = ("a.csv", *MAIN_JOB, *ZONE, *QUICK, "--on-unknown", "hold")
    with Sandbox(SandboxSettings(windows=(), faults=(parse_fault("close:1"),))) as sandbox:
        assert pango_load(*words, folder=tmp_path, sandbox=sandbox).code == 3
        if is_gone:
            (tmp_path / "a.csv").unlink()
        else:
            write_csv(tmp_path / "a.csv", [customer(7)])
        ended = pango_load("retry", "last", "--on-unknown", "resend", folder=tmp_path, sandbox=sandbox)
        assert (ended.code, len(sandbox.accepted_entries)) == (3, 2), ended.err
    assert "2 unknown rows are not sent: a newer row of the same record key may have been accepted" in told(ended.err)
    (unknown,) = tmp_path.glob("pango-load-runs/*/unknown.csv")
    assert len(unknown.read_text(encoding="utf-8").splitlines()) == 3


ORDERS = """\
object: order
recordKey: [customerId]
columns: {No: orderId, Status: orderStatus, Customer: customerId}
constants: {customerName: An, customerEmail: an@example.com}
items: {groupBy: orderId, columns: {SKU: productSku, Qty: quantity, Product: productName}}
"""


@pytest.mark.parametrize("again", [("a.csv", "-m", "m.yaml"), ("retry", "last")], ids=["the same load", "retry"])
def test_an_order_of_several_rows_is_overtaken_with_all_of_them(tmp_path: Path, again: tuple[str, ...]) -> None:
    """Protects an order from being sent with one item, where its record key stands in its first row alone."""
    lines = ["1,paid,A,s1", "1,,,s2", "2,paid,B,s1", "2,,,s2", "3,paid,A,s9"]
    lines = ["No,Status,Customer,SKU,Qty,Product", *(f"{line},1,p" for line in lines)]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "m.yaml").write_text(ORDERS, encoding="utf-8")
    with Sandbox(SandboxSettings(windows=(), faults=(parse_fault("close:1"),))) as sandbox:
        words = ("a.csv", "-m", "m.yaml", "--on-unknown", "hold", *QUICK, "--json")
        held = pango_load(*words, folder=tmp_path, sandbox=sandbox)
        assert held.out, held.err
        assert (held.code, held.counts["accepted"], held.counts["unknown"]) == (3, 1, 4), held.err
        ended = pango_load(*again, "--on-unknown", "resend", "--json", folder=tmp_path, sandbox=sandbox)
        assert (ended.code, ended.counts["accepted"], ended.counts["skipped"]) == (0, 3, 2), ended.err
        sent = [(entry["orderId"], len(cast("list[object]", entry["items"]))) for entry in sandbox.accepted_entries]
    assert sent == [("3", 1), ("2", 2)]


@pytest.mark.parametrize("grows", [False, True], ids=["resend", "append"])
def test_a_rejected_file_that_was_mended_is_not_overwritten_by_the_same_load(grows: bool, tmp_path: Path) -> None:
    """Protects an afternoon's work in `rejected.csv` from whoever gives the load again before the retry."""
    rows = [customer(1), customer(2), customer(3, **BAD)]
    write_csv(tmp_path / "a.csv", rows)
    words = ("a.csv", *MAIN_JOB, *ZONE, *QUICK, "--out", "run")
    own, kept = tmp_path / "run" / "rejected.csv", tmp_path / "run" / "rejected.edited-1.csv"
    with Sandbox(SandboxSettings(windows=(), faults=(parse_fault("close:1"),))) as sandbox:
        assert pango_load(*words, "--on-unknown", "hold", folder=tmp_path, sandbox=sandbox).code == 3
        written = own.read_text(encoding="utf-8")
        own.write_text(written.replace(BAD["email"], "mended@example.vn"), encoding="utf-8")
        edited = own.read_text(encoding="utf-8")
        if grows:
            write_csv(tmp_path / "a.csv", [*rows, customer(4)])
        again = pango_load(
            *words, *(("--append",) if grows else ("--on-unknown", "resend")), folder=tmp_path, sandbox=sandbox
        )
        assert again.code == 3, again.err
        assert (own.read_text(encoding="utf-8"), kept.read_text(encoding="utf-8")) == (written, edited)
        assert "rejected.edited-1.csv: changed by hand, so it was kept" in again.out
        retried = pango_load("retry", "last", str(kept), "--json", folder=tmp_path, sandbox=sandbox)
        assert (retried.code, retried.counts["accepted"]) == (0, 4 if grows else 3), retried.err
        assert retried.summary["left"] == {
            "rejected": [],
            "unknown": [],
            "unsent": [],
            "edited": [str(kept)],
            "damaged": None,
            "report": str(tmp_path / "run" / "report.html"),
            "log": str(tmp_path / "run" / "run.log"),
        }
    assert kept.read_text(encoding="utf-8") == edited


def test_row_files_that_nobody_has_changed_are_replaced(tmp_path: Path) -> None:
    """Protects a run's folder from copies: only what somebody has typed is worth one."""
    write_csv(tmp_path / "a.csv", [customer(1), customer(2, **BAD)])
    with Sandbox(SandboxSettings(windows=())) as sandbox:
        words = ("a.csv", *MAIN_JOB, *ZONE, "--out", "run")
        own = tmp_path / "run" / "rejected.csv"
        for again in ((), ("--again",)):
            assert pango_load(*words, *again, folder=tmp_path, sandbox=sandbox).code == 3
            # Copied back, or looked at by a program that writes the file as it was.
            own.write_bytes(own.read_bytes())
        own.write_text(own.read_text(encoding="utf-8").replace(BAD["email"], "mended@example.vn"), encoding="utf-8")
        assert pango_load("check", *words, folder=tmp_path, sandbox=sandbox).code == 3
        assert "mended@example.vn" in (tmp_path / "run" / "rejected.edited-1.csv").read_text(encoding="utf-8")
    assert sorted(path.name for path in (tmp_path / "run").glob("rejected*")) == [
        "rejected.csv",
        "rejected.edited-1.csv",
    ]


@pytest.mark.parametrize(("mended", "sent"), [("1", []), ("5", [("5", 2)])], ids=["the older one", "the newer one"])
def test_of_a_sorted_file_the_order_that_comes_later_in_the_load_is_the_newer(
    tmp_path: Path, mended: str, sent: list[tuple[str, int]]
) -> None:
    """Protects the newest order of a customer where rows were brought together: the file tells another order."""
    lines = ["3,paid,A,s1,1", "5,paid,{},s1,1", "1,paid,{},s1,1", "3,,,s2,2", "1,,,s2,1", "5,,,s2,1"]
    wrong = f"{mended},,,s2,1"
    lines = [line.format("A" if line.startswith(mended) else "B").replace(wrong, f"{mended},,,s2,x") for line in lines]
    (tmp_path / "a.csv").write_text(
        "\n".join(["No,Status,Customer,SKU,Qty,Product", *(f"{line},p" for line in lines)]) + "\n", encoding="utf-8"
    )
    (tmp_path / "m.yaml").write_text(ORDERS, encoding="utf-8")
    with Sandbox(SandboxSettings(windows=())) as sandbox:
        loaded = pango_load("a.csv", "-m", "m.yaml", "--sort", "--out", "run", folder=tmp_path, sandbox=sandbox)
        assert (loaded.code, len(sandbox.accepted_entries)) == (3, 2), loaded.err
        own = tmp_path / "run" / "rejected.csv"
        own.write_text(own.read_text(encoding="utf-8").replace(",x,", ",1,"), encoding="utf-8")
        ended = pango_load("retry", "last", "--json", folder=tmp_path, sandbox=sandbox)
        assert (ended.code, ended.counts["skipped"]) == (0, 0 if sent else 2), ended.err
        told = [(entry["orderId"], len(cast("list[object]", entry["items"]))) for entry in sandbox.accepted_entries[2:]]
    assert told == sent


def test_a_resumed_load_tells_what_an_unbroken_one_tells_and_guards_what_it_guards(tmp_path: Path) -> None:
    """Protects the report (warnings, damage) and the guard against deletions from an interruption."""
    rows = [
        customer(number, phone=f"9{number:08d}" if number % 20 == 0 else f"09{number:08d}") for number in range(600)
    ]
    text = write_csv(tmp_path / "plain.csv", rows).read_text(encoding="utf-8").splitlines()
    lines = [f"{text[0]},recordStatus", *(f"{line},{'Deleted' if at % 3 else ''}" for at, line in enumerate(text[1:]))]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = ("a.csv", *MAIN_JOB, *ZONE, "--json", "--senders", "1")
    with Sandbox(SandboxSettings(windows=(), faults=(no_answer(after=2),))) as sandbox:
        process = start(*words, "--allow-deletes", folder=tmp_path, sandbox=sandbox)
        wait_until_accepted(sandbox, 2, process)
        kill(process, sandbox)
        refused = pango_load(*words, folder=tmp_path, sandbox=sandbox)
        assert refused.code == 2
        assert "recordStatus Deleted" in refused.err
        resumed = pango_load(*words, "--allow-deletes", folder=tmp_path, sandbox=sandbox)
        whole = pango_load(*words, "--allow-deletes", "--again", folder=tmp_path, sandbox=sandbox)
    assert (resumed.code, resumed.summary["resumed"]) == (0, True), resumed.err
    assert resumed.summary["damage"] == whole.summary["damage"] != []
    assert resumed.summary["warnings"] == whole.summary["warnings"]
    assert resumed.counts == whole.counts


def test_a_limit_on_rejects_that_is_passed_stays_passed(tmp_path: Path) -> None:
    """Protects from sending on, a little more with each run, what --max-rejects has stopped."""
    write_customers(tmp_path / "a.csv", 100)
    refusing = SandboxSettings(
        windows=(), refuse_entry=lambda entry: "phone" if str(entry["customerId"]).endswith("7") else None
    )
    with Sandbox(refusing) as sandbox:
        words = ("a.csv", *MAIN_JOB, *ZONE, "--json", "--max-rejects", "1", "--senders", "1", "--batch-size", "10")
        first = pango_load(*words, folder=tmp_path, sandbox=sandbox)
        assert (first.code, first.counts["rejected"] > 1) == (4, True), first.err
        before = len(sandbox.request_log)
        second = pango_load(*words, folder=tmp_path, sandbox=sandbox)
        assert (second.code, second.counts) == (4, first.counts), second.err
        assert len(sandbox.request_log) == before


def test_a_file_that_is_gone_while_it_is_sent_is_exit_7_and_can_be_mended(tmp_path: Path) -> None:
    """Protects from "nothing was sent" after rows were, and from a reject file that is cut."""
    # Some requests are always prepared ahead: one row each, so that the second file is still to be read.
    write_csv(tmp_path / "a.csv", [customer(number, **(BAD if number % 50 == 0 else {})) for number in range(400)])
    write_csv(tmp_path / "b.csv", [customer(1000 + number) for number in range(20)])
    words = ("a.csv", "b.csv", *MAIN_JOB, *ZONE, "--json", "--senders", "4", "--batch-size", "1", "--out", "run")
    with Sandbox(SandboxSettings(windows=(), faults=(late_answers(senders=4),))) as sandbox:
        process = start(*words, folder=tmp_path, sandbox=sandbox)
        wait_until_accepted(sandbox, 1, process)
        (tmp_path / "b.csv").rename(tmp_path / "elsewhere.csv")
        _, err = process.communicate(timeout=120)
        assert process.returncode == 7, err
        (tmp_path / "elsewhere.csv").rename(tmp_path / "b.csv")
        ended = pango_load(*words, folder=tmp_path, sandbox=sandbox)
    assert (ended.code, ended.counts["accepted"], ended.counts["rejected"]) == (3, 412, 8), ended.err
    assert (tmp_path / "run" / "rejected.csv").read_text(encoding="utf-8").count("\n") == 9


def test_a_resumed_load_keeps_the_boundaries_that_were_planned(tmp_path: Path) -> None:
    """Protects from rows that fall between two plans: another --batch-size is for the next load."""
    write_customers(tmp_path / "a.csv", 400)
    words = ("a.csv", *MAIN_JOB, *ZONE, "--json", "--senders", "1")
    with Sandbox(SandboxSettings(windows=(), faults=(no_answer(after=2),))) as sandbox:
        process = start(*words, "--batch-size", "40", folder=tmp_path, sandbox=sandbox)
        wait_until_accepted(sandbox, 2, process)
        kill(process, sandbox)
        ended = pango_load(*words, "--batch-size", "7", folder=tmp_path, sandbox=sandbox)
        sizes = {request.size for request in sandbox.received}
    assert (ended.code, ended.counts["accepted"], ended.summary["resumed"], sizes) == (0, 400, True, {40}), ended.err


def test_the_proxy_of_the_environment_is_used_and_its_password_is_nowhere(tmp_path: Path) -> None:
    """Protects users who reach the world through a proxy only: HTTPS_PROXY counts, and is a secret itself."""
    write_customers(tmp_path / "a.csv", 3)
    asked: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                talk, _ = listener.accept()
                with talk:
                    asked.append(talk.recv(4096))
                    talk.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        address = f"http://someone:proxy-canary@127.0.0.1:{listener.getsockname()[1]}"
        variables = {
            "PANGO_AUTH_URL": "https://pango.test/auth", "PANGO_INGEST_URL": "https://pango.test/ingest",
            "PANGO_USERNAME": "u", "PANGO_API_KEY": "key-canary", "PANGO_CDP_GKEY": "group-canary",
            "HTTPS_PROXY": address,
        }  # fmt: skip
        words = ("a.csv", *MAIN_JOB, *ZONE, "--give-up-after", "0.3s", "--out", "run")
        ended = pango_load(*words, folder=tmp_path, variables=variables)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert ended.code == 5, ended.err
    assert asked[0].startswith(b"CONNECT pango.test:443 ")
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "a.csv"]
    said = ended.out + ended.err + "".join(path.read_bytes().decode(errors="replace") for path in left)
    assert "canary" not in said
