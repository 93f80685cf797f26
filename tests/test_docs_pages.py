"""What single pages under docs claim, put through the program: commands, messages, promises, a whole first hour."""

from __future__ import annotations

import ast
import json
import re
import runpy
import shlex
from functools import cache
from typing import TYPE_CHECKING, cast

import pytest
from support.cli_more import env_file, in_this_process
from support.documents import DOCS, PAGES, anchors, commands_of, known_flags, parse_command
from support.program import REPOSITORY

from pango_load import errors
from pango_load.mapping.read import read_mapping
from pango_load.plan import LoadPlan
from pango_load.preview import preview
from pango_load.report.promises import PROMISES
from pango_load.sandbox.server import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

EXIT_ROW = r"^\| ([\d /]+) \|"


def page(name: str) -> str:
    return PAGES[DOCS / name]


# --- all pages --------------------------------------------------------------------------------------------------------


def test_the_index_leads_to_every_page() -> None:
    """Protects readers from pages that nothing leads to."""
    index = page("README.md")
    pages = {str(path.relative_to(DOCS)) for path in PAGES if path.is_relative_to(DOCS)}
    own_index = {"objects", "problems", "decisions"}
    listed = {name for name in pages if name.split("/")[0] not in own_index} - {"README.md"}
    assert {name for name in listed if f"]({name})" not in index} == set()


def test_every_decision_has_a_number_of_its_own() -> None:
    """Protects whoever follows "decision 5" to the one that is meant."""
    numbers = [int(path.name[:4]) for path in sorted((DOCS / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_place_within_a_page_that_a_link_names_is_there(path: Path) -> None:
    """Protects readers from links that lead to the top of a long page instead of the place."""
    for target, place in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", PAGES[path]):
        assert place in anchors((path.parent / target).resolve() if target else path), (path, target, place)


@pytest.mark.parametrize(
    ("path", "line"), [(path, line) for path in PAGES for line in commands_of(path)], ids=lambda part: str(part)[-60:]
)
def test_every_command_in_a_shell_example_is_one_that_the_program_takes(path: Path, line: str) -> None:
    """Protects readers who copy a command: each flag exists for that very command, and has its value."""
    parse_command(line)


def test_every_flag_that_stands_by_itself_exists() -> None:
    """Protects readers of sentences such as "`--quiet` prints only what went wrong"."""
    known = known_flags()
    for path, text in PAGES.items():
        if path.parent.name == "decisions" or path.name in {"performance.md", "quota.md"}:
            continue
        named = set(re.findall(r"`(--[A-Za-z][A-Za-z-]*)", text))
        assert named - known == set(), path


@pytest.mark.parametrize(
    ("path", "snippet"),
    [
        (path, snippet)
        for path, text in PAGES.items()
        for snippet in re.findall(r"`(\{field: [^`]*\}|checks: \{[^`]*\}|constants: \{[^`]*\})`", text)
        if "..." not in snippet
    ],
    ids=lambda part: str(part)[-50:],
)
def test_every_piece_of_a_mapping_in_a_sentence_is_one(path: Path, snippet: str, tmp_path: Path) -> None:
    """Protects readers who copy three words out of a sentence into their mapping."""
    line = f"  Some column: {snippet}\n" if snippet.startswith("{") else f"  Mobile: phone\n{snippet}\n"
    (tmp_path / "x.yaml").write_text(
        f"object: customer-identity\ntimezone: Asia/Ho_Chi_Minh\ncolumns:\n{line}", encoding="utf-8"
    )
    assert read_mapping(tmp_path / "x.yaml").mistakes == (), path


# --- start.md ---------------------------------------------------------------------------------------------------------


def test_the_five_minute_start_goes_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects newcomers: the page's own file and commands, in its order, against a sandbox."""
    text = page("start.md")
    name, content = re.findall(r"^```csv (\S+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[0]
    (tmp_path / name).write_text(content, encoding="utf-8")
    ends: dict[str, tuple[int, dict[str, int]]] = {}
    monkeypatch.chdir(tmp_path)
    with Sandbox() as sandbox:
        env_file(tmp_path, sandbox)
        (tmp_path / "variables.env").rename(tmp_path / ".env")
        for line in commands_of(DOCS / "start.md"):
            words = shlex.split(line)[1:]
            if words == ["sandbox"]:
                continue
            if words[0] == "retry":
                # The check left one, too; that of the load is the newest.
                *_, rejected = sorted(
                    tmp_path.glob("pango-load-runs/*/rejected.csv"), key=lambda path: path.stat().st_mtime_ns
                )
                rejected.write_bytes(rejected.read_bytes().replace(b"31/02/1992", b"28/02/1992"))
            ended = in_this_process(*words, capsys=capsys)
            assert not ended.err.startswith("Error"), (line, ended.err)
            summaries = sorted(
                tmp_path.glob("pango-load-runs/*/summary.json"), key=lambda path: path.stat().st_mtime_ns
            )
            counts = json.loads(summaries[-1].read_text(encoding="utf-8"))["counts"] if summaries else {}
            ends[" ".join(words)] = (ended.code, cast("dict[str, int]", counts))
    assert "restore-zero" in (tmp_path / "mappings" / "customer-identity.yaml").read_text(encoding="utf-8")
    assert ends["login"][0] == 0
    assert ends[f"check {name} --object customer-identity"][0] == 3
    code, counts = ends[f"{name} --object customer-identity"]
    assert (code, counts["accepted"], counts["rejected"]) == (3, 3, 1)
    assert (ends["retry last"][0], ends["retry last"][1]["accepted"]) == (0, 4)
    assert ends[f"{name} --object customer-identity --limit 1"][1]["accepted"] == 1


# --- dates.md ---------------------------------------------------------------------------------------------------------

CELLS = re.findall(r"^\| `([^`]+)` \| (\d+) \| (\d+) \| (\d+) \|$", PAGES[DOCS / "dates.md"], re.MULTILINE)
ZONES = ("timezone: Asia/Ho_Chi_Minh", "timezoneGmt: 7", "timezoneGmt: 7\ntimestamps: instant")


@pytest.mark.parametrize("way", range(3), ids=["timezone", "timezoneGmt", "instant"])
def test_the_cells_of_the_page_become_what_it_says(way: int, tmp_path: Path) -> None:
    """Protects birthdays: the table is what the program sends."""
    assert len(CELLS) == 5
    rows = "".join(f"{number},a@b.vn,An,{cells[0]}\n" for number, cells in enumerate(CELLS))
    (tmp_path / "a.csv").write_text(f"customerId,email,fullName,createdAt\n{rows}", encoding="utf-8")
    (tmp_path / "m.yaml").write_text(
        f"object: customer-identity\n{ZONES[way]}\ncolumns:\n  customerId: customerId\n  email: email\n"
        '  fullName: fullName\n  createdAt: {field: createdAt, format: ["%d/%m/%Y %H:%M", "%d/%m/%Y"]}\n',
        encoding="utf-8",
    )
    plan = LoadPlan(
        files=(tmp_path / "a.csv",), object_type="customer-identity", mapping=tmp_path / "m.yaml", state=tmp_path
    )
    body = preview(plan, entries=len(CELLS)).body
    assert body is not None
    assert [entry["createdAt"] for entry in json.loads(body)["entries"]] == [int(cells[way + 1]) for cells in CELLS]


# --- guarantees.md and automation.md ----------------------------------------------------------------------------------


def test_the_promise_for_lost_answers_is_the_one_that_a_load_says() -> None:
    """Protects whoever decides by the page: the same sentence stands there and on the screen."""
    text = page("guarantees.md")
    assert {words for words in PROMISES.values() if words not in text} == set()


def test_a_job_finds_every_exit_code_and_no_other() -> None:
    """Protects cron jobs: a code that the page forgets is one that nobody deals with."""
    told = {int(code) for row in re.findall(EXIT_ROW, page("automation.md"), re.MULTILINE) for code in row.split("/")}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.LoadStopped)]
    assert told == {kind.exit_code for kind in kinds} | {0, 3, 130, 143}


# --- settings.md ------------------------------------------------------------------------------------------------------


def test_the_variables_of_the_page_are_those_that_are_read() -> None:
    """Protects whoever sets up a machine: a variable that nobody reads is a setting that does nothing."""
    source = ast.parse((REPOSITORY / "pango_load" / "settings.py").read_text(encoding="utf-8"))
    (environment,) = (
        node for node in ast.walk(source) if isinstance(node, ast.ClassDef) and node.name == "_Environment"
    )
    fields = [line.target for line in environment.body if isinstance(line, ast.AnnAssign)]
    read = {f"PANGO_{field.id.upper()}" for field in fields if isinstance(field, ast.Name)}
    assert set(re.findall(r"^\| `(PANGO_\w+)` \|", page("settings.md"), re.MULTILINE)) == read


# --- comparison.md ----------------------------------------------------------------------------------------------------


def test_the_comparison_has_a_figure_for_every_case_that_its_command_measures() -> None:
    """Protects readers from figures of a benchmark that has changed since, or of one that flatters."""
    made = runpy.run_path(str(REPOSITORY / "benchmarks" / "script_versus.py"))
    cases = [(world.name, client) for world in made["WORLDS"] for client in made["CLIENTS"].values()]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([\d,]+) \| .* s \|$", page("comparison.md"), re.MULTILINE)
    assert [(world, client) for world, client, _ in rows] == cases
    valid = made["ROWS"] - made["ROWS"] // made["BAD_EVERY"]
    assert {right for _, client, right in rows if client == "pango-load"} == {f"{valid:,}"}


# --- troubleshooting.md -----------------------------------------------------------------------------------------------

MESSAGES = re.findall(r"^\| `([^`]+)` \|(?: (\d+) \|)?", PAGES[DOCS / "troubleshooting.md"], re.MULTILINE)


def _pattern(node: ast.expr) -> str:
    """What a message can look like: its own words, and anything where a value stands."""
    match node:
        case ast.Constant(value=str(text)):
            return re.escape(text)
        case ast.JoinedStr(values=values):
            return "".join(_pattern(value) for value in values)
        case _:
            return ".*"


def _message(call: ast.Call, function: ast.FunctionDef | None) -> str:
    """The pattern of a call's message, also where a line of the same function gave it a name."""
    node = call.args[0]
    if isinstance(node, ast.Name) and function is not None:
        name = node.id
        for line in ast.walk(function):
            if isinstance(line, ast.Assign) and [ast.unparse(target) for target in line.targets] == [name]:
                node = line.value
    return _pattern(node)


@cache
def messages_of_the_program() -> list[tuple[str, int]]:
    """Every message that a load can stop with, as a pattern, and the exit code of its class."""
    codes = {name: kind.exit_code for name, kind in vars(errors).items() if hasattr(kind, "exit_code")}
    found = []
    for path in (REPOSITORY / "pango_load").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for scope in (tree, *functions):
            calls = [node for node in ast.walk(scope) if isinstance(node, ast.Call) and node.args]
            found += [
                (_message(call, scope if isinstance(scope, ast.FunctionDef) else None), codes[call.func.id])
                for call in calls
                if isinstance(call.func, ast.Name) and call.func.id in codes
            ]
    return [(pattern, code) for pattern, code in found if len(pattern.replace(".*", "")) > len("....")]


@pytest.mark.parametrize(("message", "code"), MESSAGES, ids=[message[:40] for message, _ in MESSAGES])
def test_every_message_of_the_page_is_one_that_the_program_can_say(message: str, code: str) -> None:
    """Protects whoever searches the page for what the screen says."""
    exits = {code for pattern, code in messages_of_the_program() if re.fullmatch(pattern, message)}
    assert int(code or 2) in exits, message


def test_every_error_that_a_transcript_shows_is_one_that_the_program_can_say() -> None:
    """Protects readers of logs: transcripts age like everything that is copied."""
    shown = {line for text in PAGES.values() for line in re.findall(r"^ *Error: (.+)$", text, re.MULTILINE)}
    known = [pattern for pattern, _ in messages_of_the_program()]
    assert {line for line in shown if not any(re.fullmatch(pattern, line) for pattern in known)} == set()


def test_the_page_quotes_enough_to_be_of_use() -> None:
    """Protects the test above from an empty list."""
    assert len(MESSAGES) >= 30
