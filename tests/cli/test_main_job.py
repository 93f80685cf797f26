"""The main job as a user runs it: real files, processes of their own where that matters, the sandbox as referee."""

from __future__ import annotations

import csv
import json
import stat
from typing import TYPE_CHECKING

import openpyxl
import pytest
from support.program import (
    HEADERS,
    MAIN_JOB,
    REPOSITORY,
    customer,
    pango_load,
    pango_load_process,
    write_csv,
    write_customers,
)

from pango_load.records import MARK_COLUMNS
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

ZONE = ("--timezone", "Asia/Ho_Chi_Minh")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(windows=())) as running:
        yield running


def write_xlsx(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(HEADERS))
    for row in rows:
        sheet.append([row[header] for header in HEADERS])
    book.save(path)
    return path


def write_jsonl(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def bodies_of_entries(sandbox: Sandbox) -> list[str]:
    """Each request's entries, byte for byte, in the order of their first customer."""
    bodies = [request.body.decode() for request in sandbox.received]
    return sorted(body[body.index('"entries":') :] for body in bodies)


def test_the_same_customers_arrive_alike_from_csv_excel_and_jsonl(tmp_path: Path) -> None:
    """Protects whoever gets the same export in another format: byte for byte the same entries, each once."""
    rows = [customer(number) for number in range(1000)]
    files = [
        write_csv(tmp_path / "customers.csv", rows),
        write_xlsx(tmp_path / "customers.xlsx", rows),
        write_jsonl(tmp_path / "customers.jsonl", rows),
    ]
    seen = []
    for file in files:
        with Sandbox(SandboxSettings(windows=())) as sandbox:
            ended = pango_load_process(file.name, *MAIN_JOB, *ZONE, "--json", folder=tmp_path, sandbox=sandbox)
            assert ended.code == 0, ended.err
            assert ended.counts == {
                "read": 1000,
                "accepted": 1000,
                "rejected": 0,
                "skipped": 0,
                "unknown": 0,
                "unsent": 0,
            }
            ids = [str(entry["customerId"]) for entry in sandbox.accepted_entries]
            assert sorted(ids) == [row["customerId"] for row in rows]
            assert len(sandbox.received) == 20
            seen.append(bodies_of_entries(sandbox))
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["customers.csv", "--object", "customer-identity", *ZONE], id="file first"),
        pytest.param(["--object", "customer-identity", *ZONE, "customers.csv"], id="options first"),
        pytest.param(["load", *ZONE, "customers.csv", "--object", "customer-identity"], id="with its command"),
    ],
)
def test_words_may_come_in_any_order(words: list[str], tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects habits: `load` is the default command wherever the file stands."""
    write_customers(tmp_path / "customers.csv", 3)
    ended = pango_load(*words, "--json", "--initData", folder=tmp_path, sandbox=sandbox)
    assert ended.code == 0, ended.err
    assert ended.counts["accepted"] == 3
    assert [request.init_data for request in sandbox.received] == [True]


def test_a_file_called_like_a_command_can_be_loaded(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects a file called `check`."""
    write_customers(tmp_path / "check", 2)
    ended = pango_load("load", "check", *MAIN_JOB, *ZONE, "--json", folder=tmp_path, sandbox=sandbox)
    assert (ended.code, ended.counts["accepted"]) == (0, 2), ended.err


BAD = [
    customer(0),
    customer(1, phone="", email=""),
    customer(2, dob="31/02/1990"),
    customer(3, gender="Nam giới", customFieldLong01="1.5"),
    customer(4),
]


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_rejected_rows_stand_untouched_with_every_reason_and_load_again(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects whoever mends a file: nothing corrected, the same rows for the same reasons; corrected, all accepted."""
    source = write_csv(tmp_path / "customers.csv", BAD)
    ended = pango_load(source.name, *MAIN_JOB, *ZONE, "--json", "--out", "one", folder=tmp_path, sandbox=sandbox)
    assert ended.code == 3, ended.err
    assert (ended.counts["read"], ended.counts["accepted"], ended.counts["rejected"]) == (5, 2, 3)
    rejected = tmp_path / "one" / "rejected.csv"
    rows = read_rows(rejected)
    assert [{header: row[header] for header in HEADERS} for row in rows] == BAD[1:4]
    assert [(row["_pango_row"], row["_pango_code"]) for row in rows] == [
        ("3", "required.any-of"),
        ("4", "date.format"),
        ("5", "word.closed; number.whole"),
    ]
    again = pango_load(
        "check", "one/rejected.csv", *MAIN_JOB, *ZONE, "--json", "--out", "two", folder=tmp_path, sandbox=sandbox
    )
    assert again.code == 3
    assert [row["_pango_code"] for row in read_rows(tmp_path / "two" / "rejected.csv")] == [
        row["_pango_code"] for row in rows
    ]
    mended = [
        rows[0] | {"phone": "0911111111"},
        rows[1] | {"dob": "1990-02-28"},
        rows[2] | {"gender": "male", "customFieldLong01": "1"},
    ]
    with (tmp_path / "mended.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*HEADERS, *MARK_COLUMNS])
        writer.writeheader()
        writer.writerows(mended)
    done = pango_load("mended.csv", *MAIN_JOB, *ZONE, "--json", folder=tmp_path, sandbox=sandbox)
    assert (done.code, done.counts["accepted"]) == (0, 3), done.err
    assert len(sandbox.accepted_entries) == 5


def test_a_byte_order_mark_is_kept_and_is_no_part_of_the_first_header(tmp_path: Path) -> None:
    """Protects Vietnamese names in Excel on Windows, which reads UTF-8 only by that mark."""
    source = write_csv(tmp_path / "customers.csv", BAD)
    source.write_bytes(b"\xef\xbb\xbf" + source.read_bytes())
    ended = pango_load("check", "customers.csv", *MAIN_JOB, *ZONE, "--json", "--out", "run", folder=tmp_path)
    assert (ended.code, ended.counts["rejected"]) == (3, 3), ended.err
    assert (tmp_path / "run" / "rejected.csv").read_bytes().startswith(b"\xef\xbb\xbfcustomerId,")


def test_check_sends_nothing_and_needs_no_keys(tmp_path: Path) -> None:
    """Protects whoever wants to look first."""
    write_csv(tmp_path / "customers.csv", BAD)
    ended = pango_load("check", "customers.csv", *MAIN_JOB, *ZONE, "--json", "--out", "run", folder=tmp_path)
    assert ended.code == 3, ended.err
    assert ended.counts == {"read": 5, "accepted": 0, "rejected": 3, "skipped": 0, "unknown": 0, "unsent": 2}
    assert (tmp_path / "run" / "rejected.csv").exists()
    assert ended.summary["exit_code"] == 3


def test_what_a_run_leaves_behind_is_for_its_owner_only(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects customers' data on a shared machine."""
    write_csv(tmp_path / "customers.csv", BAD)
    pango_load("customers.csv", *MAIN_JOB, *ZONE, folder=tmp_path, sandbox=sandbox)
    (run,) = (path for path in (tmp_path / "pango-load-runs").iterdir() if path.is_dir())
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    assert {path.name for path in run.iterdir()} >= {"summary.json", "rejected.csv"}
    for path in [*run.iterdir(), *(tmp_path / "state").rglob("*")]:
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_no_secret_and_no_row_value_is_anywhere_but_in_row_files(tmp_path: Path) -> None:
    """Protects keys and customers: journal, summary, log and screens know neither."""
    rows = [customer(7), customer(8, email="bi.mat@rieng")]
    write_csv(tmp_path / "customers.csv", rows)
    settings = SandboxSettings(windows=(), refuse_entry=lambda entry: f"bad {entry['phone']} {entry['email']}")
    with Sandbox(settings) as sandbox:
        ended = pango_load("customers.csv", *MAIN_JOB, *ZONE, "--out", "run", folder=tmp_path, sandbox=sandbox)
        given = sandbox.credentials
    private = [*given.secrets, rows[0]["phone"], rows[0]["email"], "bi.mat@rieng", "Nguyễn"]
    texts = {"stdout": ended.out, "stderr": ended.err}
    for path in [*(tmp_path / "run").iterdir(), *(tmp_path / "state").rglob("*")]:
        if path.is_file() and not path.name.startswith(("rejected", "unknown", "unsent")):
            texts[str(path)] = path.read_bytes().decode(errors="replace")
    for name, text in texts.items():
        assert [secret for secret in private if secret in text] == [], name


def test_rows_left_out_on_purpose_are_skipped_and_do_not_spoil_a_0(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects try-outs: --skip-rows and --limit are counted, and the row numbers stay the file's."""
    write_customers(tmp_path / "customers.csv", 20)
    ended = pango_load(
        "customers.csv",
        *MAIN_JOB,
        *ZONE,
        "--json",
        "--skip-rows",
        "5",
        "--limit",
        "3",
        folder=tmp_path,
        sandbox=sandbox,
    )
    assert (ended.code, ended.counts["read"], ended.counts["accepted"], ended.counts["skipped"]) == (0, 20, 3, 17)
    assert [entry["customerId"] for entry in sandbox.accepted_entries] == ["0000005", "0000006", "0000007"]


def test_rows_that_delete_stop_the_run_until_that_is_allowed(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects records from a stray `Deleted`."""
    (tmp_path / "customers.csv").write_text(
        "customerId,phone,fullName,recordStatus\n1,0912345678,An,Active\n2,0912345679,Bình,Deleted\n", encoding="utf-8"
    )
    ended = pango_load("customers.csv", *MAIN_JOB, folder=tmp_path, sandbox=sandbox)
    assert ended.code == 2
    assert ended.err.splitlines()[-2:] == [
        "Error: 1 row has recordStatus Deleted, which deletes records; nothing was sent.",
        "Try:   If that is meant, add --allow-deletes.",
    ]
    assert not sandbox.request_log
    again = pango_load("customers.csv", *MAIN_JOB, folder=tmp_path, sandbox=sandbox)
    assert again.code == 2
    allowed = pango_load("customers.csv", *MAIN_JOB, "--allow-deletes", folder=tmp_path, sandbox=sandbox)
    assert allowed.code == 0
    assert len(sandbox.accepted_entries) == 2


def test_too_many_rejected_rows_stop_the_load_before_sending(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects from half a load of a broken export."""
    write_csv(tmp_path / "customers.csv", BAD)
    for limit, code in (("50%", 4), ("3", 3)):
        out = f"run-{code}-{limit.strip('%')}"
        ended = pango_load(
            "customers.csv", *MAIN_JOB, *ZONE, "--json", "--max-rejects", limit, "--out", out, "--again",
            folder=tmp_path, sandbox=sandbox,
        )  # fmt: skip
        assert ended.code == code, ended.err
        assert ended.counts["accepted"] == (0 if code == 4 else 2)
        assert ended.counts["rejected"] == 3


def test_an_empty_table_is_nothing_to_do_unless_that_is_an_error(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects cron jobs whose export may be empty."""
    write_customers(tmp_path / "customers.csv", 0)
    ended = pango_load("customers.csv", *MAIN_JOB, "--json", folder=tmp_path, sandbox=sandbox)
    assert (ended.code, ended.counts["read"]) == (0, 0), ended.err
    ended = pango_load(
        "customers.csv", *MAIN_JOB, "--json", "--error-on-empty", "--again", folder=tmp_path, sandbox=sandbox
    )
    assert ended.code == 9, ended.err
    assert not sandbox.request_log


def test_the_same_content_is_not_sent_twice_by_accident(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects from a cron job that fires twice."""
    write_customers(tmp_path / "customers.csv", 60)
    assert pango_load("customers.csv", *MAIN_JOB, *ZONE, folder=tmp_path, sandbox=sandbox).code == 0
    second = pango_load("customers.csv", *MAIN_JOB, *ZONE, folder=tmp_path, sandbox=sandbox)
    assert second.code == 0
    assert second.out.startswith("Nothing to do: run ")
    assert len(sandbox.accepted_entries) == 60
    third = pango_load("customers.csv", *MAIN_JOB, *ZONE, "--again", "--json", folder=tmp_path, sandbox=sandbox)
    assert third.counts["accepted"] == 60
    assert len(sandbox.accepted_entries) == 120


def test_the_newcomers_first_command_works_as_often_as_one_likes(tmp_path: Path) -> None:
    """Protects the first five minutes: --sandbox needs no keys and remembers nothing."""
    for once in (pango_load_process, pango_load):
        ended = once(
            "sample_data/customers.csv", *MAIN_JOB, "--sandbox", "--json", "--out", str(tmp_path / "run"),
            folder=REPOSITORY, variables={"PANGO_STATE_DIR": str(tmp_path / "state")},
        )  # fmt: skip
        assert ended.code == 3, ended.err
        assert (ended.counts["accepted"], ended.counts["rejected"]) == (21, 4)
    assert not (tmp_path / "state").exists()


def test_the_log_of_a_run_can_be_written_for_programs(tmp_path: Path) -> None:
    """Protects whoever collects logs: one JSON object for each line, and a slip in the word is told."""
    write_customers(tmp_path / "customers.csv", 3)
    words = ("check", "customers.csv", *MAIN_JOB, *ZONE, "--out", "run")

    assert pango_load(*words, "--log-format", "json", folder=tmp_path).code == 0
    lines = (tmp_path / "run" / "run.log").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["level"] for line in lines] == ["info", "info"]
    ended = pango_load(*words, "--log-format", "jsno", folder=tmp_path)
    assert (ended.code, ended.err.splitlines()[0]) == (2, 'Error: --log-format: "jsno" is neither plain nor json.')
