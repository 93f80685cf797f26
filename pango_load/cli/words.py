"""Which command is meant: `load` is the default one, whatever order the words come in."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMANDS = ("load", "check", "preview", "map", "objects", "retry", "runs", "quota", "login", "sandbox")
_FOR_ALL = {"--help", "-h", "--version", "--install-completion", "--show-completion"}
_DOUBT = 0.7


def with_command(words: Sequence[str], *, commands: Sequence[str] = COMMANDS) -> list[str]:
    """The words with their command in front: `load` unless the first word names another.

    A file called like a command is loaded with `pango-load load check`.

    Raises:
        UsageError: the first word is no file and very like a command.
    """
    if not words:
        return ["--help"]
    if words[0] == "help":
        return [*words[1:2], "--help"]
    first = words[0]
    if first in commands or first in _FOR_ALL:
        return list(words)
    if not first.startswith("-") and not _may_be_a_file(first):
        near = get_close_matches(first, commands, n=1, cutoff=_DOUBT)
        if near:
            rest = " ".join(["pango-load", near[0], *words[1:]])
            raise UsageError(f'There is no command or file called "{first}".', f"Did you mean `{rest}`?")
    return ["load", *words]


def completed(variables: Mapping[str, str], *, commands: Sequence[str] = COMMANDS) -> dict[str, str]:
    """What a shell asks for when it completes a line (typer's variables), with the command put in where it is left out.

    bash gives the words and which of them the cursor is in; zsh and fish give the line up to the cursor.
    """
    told: dict[str, str] = {}
    words = variables.get("COMP_WORDS", "").split("\n")
    at = variables.get("COMP_CWORD", "")
    if at.isdigit() and _has_default(words[1:], int(at) - 1, commands):
        told |= {"COMP_WORDS": "\n".join([words[0], "load", *words[1:]]), "COMP_CWORD": str(int(at) + 1)}
    program, gap, line = variables.get("_TYPER_COMPLETE_ARGS", "").partition(" ")
    if gap and _has_default(line.split(" "), line.count(" "), commands):
        told["_TYPER_COMPLETE_ARGS"] = f"{program} load {line}"
    return told


def _has_default(words: Sequence[str], at: int, commands: Sequence[str]) -> bool:
    """Whether the first word is no command, and is not one that is still being typed."""
    first = words[0] if words else ""
    if not first or first in commands or first in _FOR_ALL:
        return False
    return at > 0 or first.startswith("-")


def _may_be_a_file(word: str) -> bool:
    return Path(word).exists() or any(sign in word for sign in "./\\*?[")
