"""The house stands as its plan says: floors, fronts and names."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from support.program import REPOSITORY, command

PACKAGE = REPOSITORY / "pango_load"
ROOMS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))
BANNED = {"utils", "helpers", "common", "core", "manager", "base"}
LONGEST = 500
THE_WORDS = 520
"""records.py is the vocabulary of all rooms, and reads best in one piece."""


def test_a_room_imports_only_floors_below_it() -> None:
    """Protects the order of the house (pyproject.toml, import-linter)."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("room", [pytest.param(room, id=room.name) for room in ROOMS])
def test_the_front_of_a_room_is_one_sentence_and_hands_nothing_on(room: Path) -> None:
    """Protects readers: callers name the file they mean."""
    body = ast.parse((room / "__init__.py").read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_no_module_is_called_after_nothing() -> None:
    """Protects readers: a module is named after what it gives."""
    assert not [path for path in modules() if path.stem in BANNED]


def test_no_module_is_too_long_to_read() -> None:
    """Protects readers: packages with a folder for each step stay under 500 lines a module."""
    lengths = {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8").count("\n") for path in modules()}
    assert {
        name: length for name, length in lengths.items() if length > (THE_WORDS if name == "records.py" else LONGEST)
    } == {}


def test_nobody_inside_imports_the_front_door_or_reads_a_clock() -> None:
    """Protects from import knots, and from time that no test can move."""
    found = []
    for path in modules():
        if path.name in {"clock.py", "__main__.py"}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if "pango_load" in names or "time" in names:
                found.append(str(path))
            if isinstance(node, ast.ImportFrom) and node.module in {"pango_load", "time"}:
                found.append(str(path))
    assert found == []


def test_help_imports_nothing_heavy() -> None:
    """Protects the quick start: --help knows neither polars nor httpx."""
    program = "import sys; from pango_load.cli.program import run\ntry: run(['--help'])\nexcept SystemExit: pass\n"
    program += "print(sorted({'polars', 'httpx', 'openpyxl', 'pydantic', 'rich', 'starlette'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_has_help() -> None:
    """Protects newcomers: each command says what it is for."""
    top = subprocess.run(command("--help"), capture_output=True, text=True, check=True).stdout
    names = [line.split()[0] for line in top.partition("Commands:")[2].splitlines() if line.strip()]
    assert {"load", "check", "objects", "sandbox"} <= set(names)
    for name in names:
        shown = subprocess.run(command(name, "--help"), capture_output=True, text=True, check=True).stdout
        assert shown.startswith("Usage: pango-load ")
        assert max(map(len, shown.splitlines())) <= 100
