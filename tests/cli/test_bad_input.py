"""What cannot work ends in two lines, the right exit code, and with nothing sent."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import openpyxl
import pytest
from support.cli_more import in_this_process
from support.program import HEADERS, MAIN_JOB, command, environment, pango_load, write_customers

from pango_load.cli.descriptors import BASE
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GOOD = "customerId,phone,fullName\n1,0912345678,An\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(windows=())) as running:
        yield running


def text_file(name: str, text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return write


def nothing(folder: Path) -> None:
    """The folder stays empty."""


def mapping_and_file(mapping: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        text_file("a.csv", "ma,dien thoai,ten\n1,0912345678,An\n")(folder)
        text_file("m.yaml", mapping)(folder)

    return write


CASES = [
    pytest.param(nothing, ["a.csv", *MAIN_JOB], "a.csv", id="missing file"),
    pytest.param(text_file("a.csv", ""), ["a.csv", *MAIN_JOB], "a.csv", id="empty file"),
    pytest.param(lambda folder: (folder / "a.csv").mkdir(), ["a.csv", *MAIN_JOB], "a.csv", id="an empty folder"),
    pytest.param(text_file("a.xlsx", "not a workbook"), ["a.xlsx", *MAIN_JOB], "a.xlsx", id="not a spreadsheet"),
    pytest.param(text_file("a.csv", GOOD), ["a.csv"], "--object", id="no object type"),
    pytest.param(text_file("a.csv", GOOD), ["a.csv", "--object", "customer-identiy"], "customer-identity", id="type"),
    pytest.param(text_file("a.csv", "customerId,name\n1,An\n"), ["a.csv", *MAIN_JOB], "fullName", id="missing column"),
    pytest.param(text_file("a.csv", "a,a\n1,2\n"), ["a.csv", *MAIN_JOB], "a.csv", id="a header twice"),
    pytest.param(
        mapping_and_file("columns: {ma: customerId, dien thoai: phone, ten: fulName}\n"),
        ["a.csv", *MAIN_JOB, "--mapping", "m.yaml"], "fullName", id="unknown field",
    ),
    pytest.param(
        mapping_and_file("columns: {ma: customerId\n"),
        ["a.csv", *MAIN_JOB, "--mapping", "m.yaml"], "m.yaml", id="broken YAML",
    ),
    pytest.param(nothing, ["chekc", "a.csv"], "Did you mean `pango-load check a.csv`?", id="mistyped command"),
    pytest.param(text_file("a.csv", GOOD), ["a.csv", *MAIN_JOB, "--batch-size", "51"], "--batch-size", id="batch size"),
    pytest.param(text_file("a.csv", GOOD), ["a.csv", *MAIN_JOB, "--max-rejects", "x"], "--max-rejects", id="limit"),
    pytest.param(text_file("a.csv", GOOD), ["a.csv", *MAIN_JOB, "--timezone", "Hanoi"], "Asia/Ho_Chi_Minh", id="zone"),
    pytest.param(text_file("a.csv", GOOD), ["a.csv", *MAIN_JOB, "--env-file", "x"], "x", id="env file"),
]  # fmt: skip


@pytest.mark.parametrize(("prepare", "words", "named"), CASES)
def test_a_mistake_is_exit_2_and_names_the_thing(
    prepare: Callable[[Path], None], words: list[str], named: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    """Protects a stranger from a traceback, and the platform from half a load."""
    prepare(tmp_path)
    before = len(sandbox.request_log)
    ended = pango_load(*words, folder=tmp_path, sandbox=sandbox)
    assert ended.code == 2, ended.out + ended.err
    lines = ended.err.splitlines()
    assert lines[0].startswith("Error: ")
    assert lines[-1].startswith("Try:   ")
    assert named in ended.err
    assert "Traceback" not in ended.err
    assert len(sandbox.request_log) == before


def test_a_header_without_rows_loads_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects an export of a quiet day."""
    write_customers(tmp_path / "a.csv", 0)
    assert pango_load("a.csv", *MAIN_JOB, folder=tmp_path, sandbox=sandbox).code == 0


@pytest.mark.parametrize(
    ("variables", "code", "named"),
    [
        pytest.param({"PANGO_API_KEY": ""}, 2, "PANGO_API_KEY is not set", id="no key"),
        pytest.param({"PANGO_API_KEY": "wrong-key-canary"}, 6, "", id="a wrong key"),
        pytest.param({"PANGO_INGEST_URL": "http://pango.example/ingest"}, 2, "http://", id="http to another machine"),
        pytest.param({"PANGO_INGEST_URL": "pango"}, 2, "PANGO_INGEST_URL", id="no address"),
        pytest.param({"PANGO_LIMITS": "fifty"}, 2, "PANGO_LIMITS", id="limits that cannot be read"),
        pytest.param({"PANGO_STATE_DIR": "/proc/nowhere"}, 2, "/proc/nowhere", id="a state folder that cannot be"),
        pytest.param(
            {"PANGO_AUTH_URL": "http://127.0.0.1:9/a", "PANGO_INGEST_URL": "http://127.0.0.1:9/i"},
            5,
            "127.0.0.1",
            id="host",
        ),
    ],
)
def test_what_the_environment_gets_wrong_is_said(
    variables: dict[str, str], code: int, named: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    """Protects whoever sets it up: the variable or the host is named, the key never."""
    write_customers(tmp_path / "a.csv", 1)
    ended = pango_load(
        "a.csv", *MAIN_JOB, "--timezone", "Asia/Ho_Chi_Minh", "--give-up-after", "1s",
        folder=tmp_path, sandbox=sandbox, variables=variables,
    )  # fmt: skip
    assert ended.code == code, ended.out + ended.err
    assert named in ended.err
    assert "wrong-key-canary" not in ended.out + ended.err
    assert "Traceback" not in ended.err
    assert ended.err.splitlines()[-1].startswith("Try:   ")
    assert not sandbox.accepted_entries


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects from a permission error with a traceback; root may read everything, so a loop of links stands in."""
    (tmp_path / "a.csv").symlink_to(tmp_path / "a.csv")
    ended = pango_load("a.csv", *MAIN_JOB, folder=tmp_path, sandbox=sandbox)
    assert ended.code == 2
    assert "a.csv" in ended.err
    assert "Traceback" not in ended.err


def test_a_workbook_whose_first_sheet_is_a_cover_says_that_there_are_others(tmp_path: Path) -> None:
    """Protects whoever does not know that only the first sheet is read: the headers of a cover fit nothing."""
    book = openpyxl.Workbook()
    (cover := book.worksheets[0]).append(["Report"])
    cover.append(["November"])
    book.create_sheet("Customers").append(list(HEADERS))
    book.save(tmp_path / "a.xlsx")
    ended = pango_load("check", "a.xlsx", *MAIN_JOB, folder=tmp_path)
    assert ended.code == 2
    assert "  a.xlsx: sheet Sheet (1 other sheet not read); --sheet names another.\n" in ended.err


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [(BASE, 2, "may open only 40 files at once"), (BASE + 8, 0, "8 instead of 32 requests at once")],
    ids=["not one request", "a few requests"],
)
def test_a_low_limit_of_open_files_is_kept_or_told(
    files: int, code: int, said: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    """Protects from a load that hangs or dies half way because it may not open one more connection."""
    write_customers(tmp_path / "a.csv", 2000)
    words = command("a.csv", *MAIN_JOB, "--timezone", "Asia/Ho_Chi_Minh", "-q")
    ended = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -n "$0"; exec "$@"', str(files), *words],
        cwd=tmp_path,
        env=environment(tmp_path, sandbox),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ended.returncode, said in ended.stderr) == (code, True), ended.stderr


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        pytest.param(
            "customer-identity", "If it is what the rows become, write --object customer-identity.", id="a type"
        ),
        pytest.param(
            "custmers.csv", "Did you mean customers.csv? Check the name, and the folder you are in: ", id="a slip"
        ),
    ],
)
def test_a_file_that_is_not_there_is_guessed_at(name: str, advice: str, tmp_path: Path) -> None:
    """Protects a first hour: a forgotten --object and a slip in a name look alike to the program, not to a person."""
    write_customers(tmp_path / "customers.csv", 1)
    ended = pango_load("check", name, *MAIN_JOB, folder=tmp_path)
    assert ended.code == 2
    assert ended.err.splitlines()[0] == f"Error: {name} does not exist."
    assert ended.err.splitlines()[1].startswith(f"Try:   {advice}")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(("check", "a.csv", "--objet", "x"), "No such option: --objet", id="a flag that is none"),
        pytest.param(("check",), "Missing argument", id="no file"),
        pytest.param(("check", "a.csv", "--limit", "x"), "Invalid value for '--limit'", id="a number that is none"),
        pytest.param(("check", "a.csv", "--limit"), "Option '--limit' requires an argument", id="no value"),
    ],
)
def test_a_slip_in_the_words_is_two_lines_like_every_other_error(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects whoever types: what is wrong, and where it is explained."""
    ended = in_this_process(*words, capsys=capsys)
    assert (ended.code, ended.out) == (2, "")
    first, second = ended.err.splitlines()
    assert first.startswith(f"Error: {told}")
    assert second == "Try:   `pango-load check --help` shows what it takes."
