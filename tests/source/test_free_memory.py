"""A workbook that is too large for the machine is told before it takes its memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pango_load.errors import UsageError
from pango_load.source.free_memory import free_memory
from pango_load.source.sheet_notes import refuse_too_large

if TYPE_CHECKING:
    from pathlib import Path


def write_system(folder: Path, *, free_kb: int, limit: str = "", used: int = 0) -> None:
    (folder / "meminfo").write_text(f"MemTotal: 99999999 kB\nMemAvailable:   {free_kb} kB\n", encoding="utf-8")
    if limit:
        (folder / "memory.max").write_text(f"{limit}\n", encoding="utf-8")
        (folder / "memory.current").write_text(f"{used}\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("limit", "used", "free"),
    [("", 0, 4096 << 10), ("max", 0, 4096 << 10), ("3000000", 1_000_000, 2_000_000), ("3000000", 4_000_000, 0)],
    ids=["no container", "no limit", "a limit", "a limit that is passed"],
)
def test_the_smaller_of_machine_and_container_counts(limit: str, used: int, free: int, tmp_path: Path) -> None:
    """Protects jobs in containers, whose machine has more than they may take."""
    write_system(tmp_path, free_kb=4096, limit=limit, used=used)

    assert free_memory(tmp_path / "meminfo", tmp_path) == free


def test_where_nothing_tells_nothing_is_claimed(tmp_path: Path) -> None:
    """Protects systems without these files from a refusal out of the blue."""
    assert free_memory(tmp_path / "meminfo", tmp_path) is None
    refuse_too_large(tmp_path / "a.xlsx", 1 << 40, None)


def test_a_workbook_that_does_not_fit_is_refused_with_the_way_that_does(tmp_path: Path) -> None:
    """Protects the machine, and whoever would see the process killed without a word."""
    refuse_too_large(tmp_path / "a.xlsx", 40 << 20, 800 << 20)
    refuse_too_large(tmp_path / "a.xlsx", 1 << 20, 0)
    with pytest.raises(UsageError, match="would take about 800 MB of memory, and 799 MB are free") as stopped:
        refuse_too_large(tmp_path / "a.xlsx", 40 << 20, 799 << 20)
    assert "--low-memory" in stopped.value.advice
