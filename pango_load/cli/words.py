"""Which command is meant: `load` is the default one, whatever order the words come in."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def _may_be_a_file(word: str) -> bool:
    return Path(word).exists() or any(sign in word for sign in "./\\*?[")
