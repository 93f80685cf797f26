"""What `main.py` needs of typer beyond its flags: one command alone, and the class of a slip in the words."""

from __future__ import annotations

from copy import copy
from typing import cast

import typer

SLIP = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
"""What typer raises for a slip in the words; the class has no public name of its own."""


def with_one_command(app: typer.Typer, name: str) -> typer.Typer:
    """The program with one command alone, where `name` is one: making all of them takes a while at each start."""
    asked = [
        info
        for info in app.registered_commands
        if name and name == (info.name or (info.callback.__name__ if info.callback else ""))
    ]
    if not asked:
        return app
    one = copy(app)
    one.registered_commands = asked
    return one
