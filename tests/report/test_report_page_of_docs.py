"""docs/report.md says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pango_load.records import MARK_COLUMNS
from pango_load.report.run_folder import is_own_file
from pango_load.report.summary import RowCounts, Summary

PAGE = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")


def test_every_key_of_the_summary_is_explained() -> None:
    """A key that nobody explains is a key that nobody can rely on."""
    keys = set(Summary.model_json_schema(mode="serialization")["properties"])
    table = PAGE.split("| key | holds |")[1].split("\n\n")[0]
    assert {key for row in table.splitlines()[2:] for key in re.findall(r"`(\w+)`", row.split("|")[1])} == keys


@pytest.mark.parametrize("name", [*RowCounts.model_fields, *MARK_COLUMNS])
def test_every_count_and_column_of_ours_is_named(name: str) -> None:
    """A reader of the files looks the words up."""
    assert f"`{name}`" in PAGE


def test_every_file_in_the_picture_is_one_of_ours() -> None:
    """What the page calls ours is what a second run replaces."""
    names = re.findall(r"^    ([\w.]+) ", PAGE, re.MULTILINE)
    assert len(names) == 7
    assert all(map(is_own_file, names))
