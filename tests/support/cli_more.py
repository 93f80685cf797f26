"""Further ways to run the program: on a terminal of its own, and in this process."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.program import Ended, command, environment

from pango_load.cli.program import run
from pango_load.plan import LoadPlan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pango_load.sandbox.server import Sandbox

_STYLE = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(
    *words: str,
    folder: Path,
    columns: int,
    sandbox: Sandbox | None = None,
    variables: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Run the program where standard output and standard error are a terminal: exit code, and all it showed."""
    ours, theirs = pty.openpty()
    more = {"COLUMNS": str(columns), "TERM": "xterm-256color"} | dict(variables or {})
    process = subprocess.Popen(
        command(*words),
        cwd=folder,
        env=environment(folder, sandbox, **more),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := _read(ours):
            shown += piece
    finally:
        os.close(ours)
    return process.wait(timeout=60), shown.decode().replace("\r\n", "\n")


def _read(ours: int) -> bytes:
    try:
        return os.read(ours, 65536)
    except OSError:
        # Linux says so when the other side is closed.
        return b""


def without_styles(shown: str) -> str:
    """What a person reads, without the colours."""
    return _STYLE.sub("", shown)


def in_this_process(*words: str, capsys: pytest.CaptureFixture[str]) -> Ended:
    """The program without the cost of a process of its own; it reads no environment but the machine's."""
    with pytest.raises(SystemExit) as ended:
        run(words)
    shown = capsys.readouterr()
    code = ended.value.code
    return Ended(code if isinstance(code, int) else 0, shown.out, shown.err)


def env_file(folder: Path, sandbox: Sandbox | None = None, **more: str) -> tuple[str, str]:
    """The variables of `environment` as flags, for the program in this process."""
    lines = [f"{name}={value}" for name, value in environment(folder, sandbox, **more).items() if "PANGO" in name]
    path = folder / "variables.env"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "--env-file", str(path)


def plan_for(
    path: Path, text: str, mapping: str = "", *, object_type: str = "", timezone: str | None = None
) -> LoadPlan:
    """A plan for a file that holds `text`, with a mapping beside it where one is given."""
    path.write_text(text, encoding="utf-8")
    mapping_path = path.with_suffix(".yaml")
    if mapping:
        mapping_path.write_text(mapping, encoding="utf-8")
    return LoadPlan(
        files=(path,),
        object_type=object_type,
        state=path.parent / "state",
        mapping=mapping_path if mapping else None,
        timezone=timezone,
    )
