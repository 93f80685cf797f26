"""`runs` answers what became of past loads, and deletes their journals when they are old."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from inline_snapshot import snapshot
from support.cli_more import env_file, in_this_process, on_a_terminal, without_styles
from support.journal_samples import DESCRIPTION, NOON, HandClock, begin_journal, identity, plan_of
from support.program import MAIN_JOB, customer, pango_load, write_csv

from pango_load.cli.runs_command import run_runs
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from support.program import Ended

DAY = 86400.0
ZONE = ("--timezone", "Asia/Ho_Chi_Minh")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders of whoever runs the tests are theirs."""
    monkeypatch.chdir(tmp_path)


def journal(folder: Path, content: str, *, at: float, code: int | None = 0) -> str:
    """A run's id; `code` None leaves it without an end."""
    description = replace(DESCRIPTION, folder=str(folder / "pango-load-runs" / f"customers-{content}"))
    batches = plan_of(0 if code in {0, 3} else 2)
    with begin_journal(
        folder / "state", batches, load=identity(content), description=description, clock=HandClock(at)
    ) as made:
        if code is not None:
            made.finish(code)
        return made.facts().id


def steady(text: str, folder: Path) -> str:
    """What was said, without what differs from run to run."""
    text = text.replace(str(folder), "FOLDER")
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC(?:[+-]\d\d:\d\d)?", "THEN", text)
    ids: dict[str, str] = {}
    return re.sub(r"\b[0-9a-f]{8}\b", lambda found: ids.setdefault(found[0], f"RUN{len(ids) + 1:05d}"), text)


def runs(folder: Path, *words: str, capsys: pytest.CaptureFixture[str]) -> Ended:
    return in_this_process("runs", *words, *env_file(folder), capsys=capsys)


def test_a_real_load_is_listed_shown_opened_and_pruned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the morning after: what happened last night, where its report is, and how its traces go."""
    write_csv(tmp_path / "a.csv", [customer(1), customer(2, email="x"), customer(3)])
    with Sandbox(SandboxSettings(windows=())) as sandbox:
        assert pango_load("a.csv", *MAIN_JOB, *ZONE, folder=tmp_path, sandbox=sandbox).code == 3
    listed = runs(tmp_path, "--json", capsys=capsys)
    (run,) = cast("list[dict[str, object]]", listed.summary["runs"])
    assert (run["state"], run["exit_code"], run["object"]) == ("finished", 3, "customer-identity")
    assert run["counts"] == {"read": 3, "accepted": 2, "rejected": 1, "skipped": 0, "unknown": 0, "unsent": 0}
    shown = runs(tmp_path, "last", capsys=capsys)
    assert f"Run {run['run']}: finished (exit 3)" in shown.out
    assert "Rows     3 read, 2 accepted, 1 rejected" in shown.out
    browser = tmp_path / "browser.py"
    browser.write_text("import sys; open('opened', 'w').write(sys.argv[1])\n", encoding="utf-8")
    opened = pango_load(
        "runs", "last", "--open", folder=tmp_path, variables={"BROWSER": f"{sys.executable} {browser} %s"}
    )
    assert opened.code == 0, opened.err
    report = (tmp_path / "opened").read_text(encoding="utf-8")
    assert report.startswith("file:///")
    assert report.endswith("/report.html")
    pruned = runs(tmp_path, "--prune", "0s", capsys=capsys)
    assert pruned.out.splitlines()[0] == "1 journal and 1 folder deleted:"
    assert f"  pango-load-runs/{cast('str', run['folder']).rsplit('/', 1)[-1]}" in pruned.out.splitlines()
    assert not list((tmp_path / "state" / "runs").glob("*.sqlite*"))
    assert not list((tmp_path / "pango-load-runs").glob("a-*"))


def test_every_state_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects whoever decides whether a command has to be run again."""
    journal(tmp_path, "a", at=NOON)
    journal(tmp_path, "b", at=NOON + 60, code=3)
    journal(tmp_path, "c", at=NOON + 120, code=5)
    journal(tmp_path, "d", at=NOON + 180, code=None)
    assert steady(runs(tmp_path, capsys=capsys).out, tmp_path) == snapshot("""\
RUN00001  THEN  broken off without an end; the same command goes on
  customers.csv as customer-identity: 100 read, 100 unsent
  pango-load-runs/customers-d

RUN00002  THEN  stopped (exit 5); the same command goes on
  customers.csv as customer-identity: 100 read, 100 unsent
  pango-load-runs/customers-c

RUN00003  THEN  finished (exit 3)
  customers.csv as customer-identity: 0 read
  pango-load-runs/customers-b

RUN00004  THEN  finished (exit 0)
  customers.csv as customer-identity: 0 read
  pango-load-runs/customers-a

4 runs, newest first. One of them: pango-load runs RUN00001
""")


def test_one_run_shows_its_facts_and_how_to_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects whoever finds a stopped load: the command to go on with stands there, unbroken."""
    name = journal(tmp_path, "c", at=NOON, code=5)
    assert steady(runs(tmp_path, name[:5], capsys=capsys).out, tmp_path) == snapshot("""\
Run RUN00001: stopped (exit 5); the same command goes on

Files    customers.csv
Object   customer-identity
Address  https://api.example.test/ingest
Started  THEN
Ended    THEN
Rows     100 read, 100 unsent
Program  pango-load 0.1.0
Folder   pango-load-runs/customers-c (not there any more)
Journal  FOLDER/state/runs/429e84d1c006-RUN00001.sqlite

Go on with
  pango-load customers.csv --object customer-identity
""")


def test_a_list_fits_80_columns(tmp_path: Path) -> None:
    """Protects whoever has a small window; only paths may be longer, so that they can be copied."""
    journal(tmp_path, "a", at=NOON)
    code, shown = on_a_terminal("runs", folder=tmp_path, columns=80)
    assert code == 0
    lines = without_styles(shown).splitlines()
    assert all(len(line) <= 80 or str(tmp_path) in line for line in lines)
    assert "  pango-load-runs/customers-a" in lines
    assert "\x1b[32m" in shown


def test_a_damaged_journal_is_listed_and_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the only trace of what was sent, even from `--prune`."""
    journal(tmp_path, "a", at=NOON)
    damaged = tmp_path / "state" / "runs" / "0123456789ab-deadbeef.sqlite"
    damaged.write_bytes(b"no database" * 500)
    for words in ((), ("--prune", "1d")):
        ended = runs(tmp_path, *words, capsys=capsys)
        assert ended.code == 0
        assert f"Not readable, and left as it is: {damaged}" in ended.out.replace("\n", " ").replace("is:  ", "is: ")
    listed = cast("list[dict[str, object]]", json.loads(runs(tmp_path, "--json", capsys=capsys).out)["unreadable"])
    assert listed[0]["journal"] == str(damaged)
    assert listed[0]["reason"]
    assert damaged.read_bytes() == b"no database" * 500


def test_prune_keeps_what_is_young_and_what_can_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects loads that were stopped from being forgotten: they would be sent from the start."""
    journal(tmp_path, "a", at=NOON)
    journal(tmp_path, "b", at=NOON, code=5)
    young = journal(tmp_path, "c", at=NOON + 29 * DAY)
    _, file = env_file(tmp_path)
    code = run_runs(
        None,
        as_json=False,
        older="30d",
        open_report=False,
        env_file=tmp_path / file,
        profile=None,
        clock=HandClock(NOON + 31 * DAY),
    )
    assert code == 0
    assert steady(capsys.readouterr().out, tmp_path) == snapshot("""\
1 journal deleted:
  RUN00001  THEN  customers.csv as customer-identity
2 journals kept, 1 of them unfinished, which can still go on.
""")
    assert young in runs(tmp_path, capsys=capsys).out


def test_nothing_at_all_is_said_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from an empty screen that could mean anything."""
    assert steady(runs(tmp_path, capsys=capsys).out, tmp_path) == snapshot("""\
No load is known in FOLDER/state.
Loads with --sandbox and checks leave no trace there.
""")


MISTAKES = [
    pytest.param(("abc",), '"abc" is no run that is known here.', id="unknown run"),
    pytest.param(("--open",), "--open needs a run.", id="open without a run"),
    pytest.param(("last", "--open"), "has no report.html in", id="no report"),
    pytest.param(("last", "--prune", "1d"), "--prune deletes every old run; it takes none by name.", id="prune of one"),
    pytest.param(("--unfinished",), "--unfinished goes with --prune.", id="unfinished alone"),
    pytest.param(("--prune", "soon"), '--prune: "soon" is not a time.', id="no time"),
]


@pytest.mark.parametrize(("words", "said"), MISTAKES)
def test_a_mistake_is_two_lines_and_deletes_nothing(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects journals from a mistyped command."""
    name = journal(tmp_path, "a", at=NOON)
    ended = runs(tmp_path, *words, capsys=capsys)
    first, second = ended.err.splitlines()
    assert (ended.code, ended.out) == (2, "")
    assert said in first
    assert second.startswith("Try:   ")
    assert name in runs(tmp_path, capsys=capsys).out


def test_prune_leaves_what_is_not_its_own_and_what_can_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects notes beside a report, a folder that a later run has taken, and the rows of a load that was stopped."""
    write_csv(tmp_path / "a.csv", [customer(number, email="x") for number in range(3)])
    write_csv(tmp_path / "b.csv", [customer(number) for number in range(300)])
    with Sandbox(SandboxSettings(windows=(), latency=(0.05, 0.1))) as sandbox:

        def load(*words: str) -> Path:
            told = pango_load(*words, *MAIN_JOB, *ZONE, "--json", folder=tmp_path, sandbox=sandbox)
            return Path(str(told.summary["folder"]))

        noted = load("a.csv")
        stopped = load("b.csv", "--max-duration", "0.1s", "--senders", "1", "--batch-size", "10")
        checked = load("check", "b.csv")
        load("a.csv", "--again", "--out", "shared")
        shared = load("a.csv", "--again", "--source", "other", "--out", "shared")
        taken_over = cast("list[dict[str, object]]", runs(tmp_path, "--json", capsys=capsys).summary["runs"])
    (noted / "notes.txt").write_text("call them", encoding="utf-8")
    assert [run["folder"] for run in taken_over].count(str(shared)) == 2
    pruned = runs(tmp_path, "--prune", "0s", "--json", capsys=capsys)
    assert set(cast("list[str]", pruned.summary["folders"])) == {str(checked), str(shared)}
    assert [path.name for path in noted.iterdir()] == ["notes.txt"]
    assert (stopped / "summary.json").is_file()
    assert "1 journal kept, 1 of them unfinished" in runs(tmp_path, "--prune", "0s", capsys=capsys).out
    told = runs(tmp_path, "--prune", "0s", "--unfinished", capsys=capsys)
    assert told.out.splitlines()[0] == "1 journal and 1 folder deleted:"
    assert not stopped.exists()


def test_where_no_browser_is_the_path_is_printed(tmp_path: Path) -> None:
    """Protects scripts and machines without a screen: standard output is the path and nothing else."""
    write_csv(tmp_path / "a.csv", [customer(1)])
    with Sandbox(SandboxSettings(windows=())) as sandbox:
        folder = str(
            pango_load("a.csv", *MAIN_JOB, *ZONE, "--json", folder=tmp_path, sandbox=sandbox).summary["folder"]
        )
    ended = pango_load("runs", "last", "--open", folder=tmp_path)
    assert (ended.code, ended.out) == (0, f"{folder}/report.html\n")
    assert ended.err == "No browser was opened: open the file above in one.\n"
