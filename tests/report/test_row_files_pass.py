"""The rows that a person is to mend outlive a source that changes or goes while the load runs."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest
from support.program import MAIN_JOB, customer, pango_load, write_csv

from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def _change(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"male", b"fema"))


CHANGES: list[Callable[[Path], None]] = [_change, lambda path: path.unlink()]


@pytest.mark.parametrize("change", CHANGES, ids=["changes", "goes"])
def test_rows_to_mend_stay_where_the_source_does_not(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """Protects the only copy of what is wrong with each row, once the file it came from is another."""
    source = write_csv(tmp_path / "c.csv", [customer(1), customer(2, phone="bad"), customer(3), customer(4)])

    def refuse(entry: Mapping[str, object]) -> str | None:
        if entry["customerId"] != "0000003":
            return None
        if source.exists():
            change(source)
        return "refused"

    settings = SandboxSettings(windows=(), refuse_entry=refuse)
    with Sandbox(settings) as sandbox:
        words = ("c.csv", *MAIN_JOB, "--timezone", "Asia/Ho_Chi_Minh", "--json", "--out", "run")
        ended = pango_load(*words, folder=tmp_path, sandbox=sandbox)
    assert ended.code == 7, ended.err
    assert "Put the file back" in ended.err or "c.csv changed" in ended.err
    with (tmp_path / "run" / "rejected.csv").open(encoding="utf-8", newline="") as rejected:
        assert [row["_pango_row"] for row in csv.DictReader(rejected)] == ["3"]
    assert json.loads(ended.out)["left"]["rejected"] == [str(tmp_path / "run" / "rejected.csv")]
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.endswith(".part")]
