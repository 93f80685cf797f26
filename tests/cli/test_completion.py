"""Shell completion: the scripts are there, and the command that is left out is completed as if it stood there."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.program import command, environment

from pango_load.cli.words import COMMANDS, completed

if TYPE_CHECKING:
    from pathlib import Path

SHELLS = {"bash": "complete -o default -F", "zsh": "#compdef pango-load", "fish": "complete --command pango-load"}


def told(folder: Path, shell: str, line: str) -> str:
    """What the program answers to a shell about a line."""
    variables = {
        "_PANGO_LOAD_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": line,
    }
    done = subprocess.run(
        command(), cwd=folder, env=environment(folder) | variables, capture_output=True, text=True, check=False
    )
    assert not done.stderr
    return str(done.stdout)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_given_for_each_shell(shell: str, tmp_path: Path) -> None:
    """Protects whoever installs it by hand, in a container for instance."""
    done = subprocess.run(
        command("--show-completion", shell),
        cwd=tmp_path,
        env=environment(tmp_path) | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert SHELLS[shell] in done.stdout


def test_bash_completes_commands_and_the_flags_of_a_load_without_its_word(tmp_path: Path) -> None:
    """Protects the short form, in the shell itself: the script is taken in by bash and asked."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    program = tmp_path / "pango-load"
    program.write_text(f'#!/bin/sh\nexec {" ".join(command())} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    asked = """
        eval "$(_PANGO_LOAD_COMPLETE=source_bash pango-load)"
        ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pango_load_completion pango-load; echo "${COMPREPLY[*]}"; }
        ask pango-load ch
        ask pango-load a.csv --obj
        ask pango-load --max-d
        ask pango-load retry last --map
    """
    done = subprocess.run(
        [bash, "-c", asked],
        cwd=tmp_path,
        env=environment(tmp_path) | {"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["check", "--object", "--max-duration", "--mapping"], done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_are_told_the_same(shell: str, tmp_path: Path) -> None:
    """Protects the short form where the line comes as one text."""
    assert "--object" in told(tmp_path, shell, "pango-load a.csv --obj")
    assert "check" in told(tmp_path, shell, "pango-load ch")


LINES = [
    ("pango-load a.csv --obj", "pango-load load a.csv --obj"),
    ("pango-load --obj", "pango-load load --obj"),
    ("pango-load ch", None),
    ("pango-load ", None),
    ("pango-load --version", None),
    *((f"pango-load {name} --j", None) for name in COMMANDS),
]


@pytest.mark.parametrize(("line", "expected"), LINES)
def test_a_command_that_stands_there_is_left_alone(line: str, expected: str | None) -> None:
    """Protects the other commands from becoming files of a load."""
    words = line.split(" ")
    by_words = completed({"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)})
    assert completed({"_TYPER_COMPLETE_ARGS": line}).get("_TYPER_COMPLETE_ARGS") == expected
    assert by_words.get("COMP_WORDS", "").replace("\n", " ") == (expected or "")
