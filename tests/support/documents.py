"""The documents of the project as tests read them: pages, their anchors, and the commands in their examples."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import typer.main
from support.program import REPOSITORY

from pango_load.cli.main import app
from pango_load.cli.words import COMMANDS, with_command

if TYPE_CHECKING:
    from pathlib import Path

DOCS = REPOSITORY / "docs"
PAGES = {
    path: path.read_text(encoding="utf-8")
    for path in [
        REPOSITORY / "README.md",
        REPOSITORY / "SECURITY.md",
        REPOSITORY / "recipes" / "README.md",
        *sorted(DOCS.rglob("*.md")),
    ]
}
_FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_SIGNS = {"|", "&&", ";", ">", "2>", "||"}


def anchors(path: Path) -> set[str]:
    """The names of a page's headings as GitHub makes them."""
    text = PAGES.get(path) or path.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands_of(path: Path) -> list[str]:
    """Every call of the program in the shell examples of a page, in order."""
    blocks = [block for language, block in _FENCE.findall(PAGES[path]) if language in {"", "sh"}]
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line for line in lines if re.match(r"(\S+/)?pango-load ", line) or "| pango-load " in line]


def parse_command(line: str) -> str:
    """Let the program read a command line as it would, without doing anything: the command's name.

    Raises:
        Exception: what the command line has that the program does not take.
    """
    words = shlex.split(line.replace("; ", " ; "), comments=True)
    start = next(place for place, word in enumerate(words) if word.endswith("pango-load"))
    words = words[start + 1 :]
    end = next((place for place, word in enumerate(words) if word in _SIGNS), len(words))
    name, *rest = with_command(words[:end])
    _command(name).make_context(name, rest)
    return name


def known_flags() -> set[str]:
    """Every flag of every command."""
    flags = {
        flag for name in COMMANDS for option in _command(name).params for flag in (*option.opts, *option.secondary_opts)
    }
    return {flag for flag in flags if flag.startswith("--")} | {
        "--help",
        "--version",
        "--install-completion",
        "--show-completion",
    }


def _command(name: str) -> typer.core.TyperCommand:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    command = group.commands[name]
    assert isinstance(command, typer.core.TyperCommand)
    return command
