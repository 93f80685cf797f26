"""What comes through standard input can be read twice, by nobody else."""

from __future__ import annotations

import io
import stat
from typing import TYPE_CHECKING

import pytest
from support.source_reading import read_all

from pango_load.errors import MustBeMended, UsageError
from pango_load.source.spool import spool_input

if TYPE_CHECKING:
    from pathlib import Path


def test_input_is_kept_private_and_under_a_name_of_its_content(tmp_path: Path) -> None:
    """Protects customers' rows on a shared machine, and a resume of the same input."""
    folder = tmp_path / "state"
    first, again, other = (spool_input(io.BytesIO(text), folder) for text in (b"a,b\n1,2\n", b"a,b\n1,2\n", b"a\n1\n"))

    assert first == again != other
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(folder.iterdir()) == sorted([first, other])
    assert read_all(first).cells == [("1", "2")]


@pytest.mark.parametrize("content", [b'{"a":1}\n', b'[{"a":1}]'], ids=["lines", "an array"])
def test_json_is_recognised_without_a_name(content: bytes, tmp_path: Path) -> None:
    """Protects pipes, where no ending says what comes."""
    assert read_all(spool_input(io.BytesIO(content), tmp_path)).cells == [("1",)]


def test_no_input_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    """Protects against a pipe that failed on its other side."""
    with pytest.raises(UsageError, match="Nothing came"):
        spool_input(io.BytesIO(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Protects against a load without memory."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MustBeMended, match="could not be copied"):
        spool_input(io.BytesIO(b"x"), tmp_path / "file")
