"""docs/python.md: each example runs as it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, get_type_hints

import pytest
from support.program import REPOSITORY, environment

from pango_load.python_api import PlanOptions
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = (REPOSITORY / "docs" / "python.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(windows=())) as running:
        yield running


@pytest.mark.parametrize(
    "example", [pytest.param(text, id=f"example {number}") for number, text in enumerate(EXAMPLES, 1)]
)
def test_an_example_runs_as_it_stands(example: str, tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects whoever copies it."""
    shutil.copy(REPOSITORY / "sample_data" / "customers.csv", tmp_path)
    shutil.copytree(REPOSITORY / "mappings", tmp_path / "mappings")
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=tmp_path, env=environment(tmp_path, sandbox), capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr


def test_every_option_stands_in_the_page() -> None:
    """Protects whoever looks for an option there."""
    assert {
        name
        for name in get_type_hints(PlanOptions)
        if f"`{name}`" not in PAGE and f"`{name}=`" not in PAGE and f"{name}=" not in PAGE
    } == set()
