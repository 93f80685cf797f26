"""A file that changes between or during passes is noticed before its rows are handed out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pango_load.errors import MustBeMended
from pango_load.plan import SourceOptions
from pango_load.source.files import open_source
from pango_load.source.fingerprint import BLOCK_BYTES, fingerprint_file, only_grew

if TYPE_CHECKING:
    from pathlib import Path

ROWS = BLOCK_BYTES // 17 + 1000
"""Lines of 17 bytes: a little more than a block."""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,name\n" + b"".join(b"%07d,somebody\n" % number for number in range(ROWS)))
    assert path.stat().st_size > BLOCK_BYTES
    return path


def test_a_whole_pass_leaves_the_same_fingerprint_as_hashing_alone(table: Path) -> None:
    """Protects the identity of a load: the survey need not read the file twice."""
    source = open_source([table], SourceOptions())
    rows = sum(chunk.frame.height for chunk in source.read_chunks())

    assert rows == ROWS
    assert source.fingerprints() == (fingerprint_file(table),)
    assert len(source.fingerprints()[0].digest) == 64


def test_fingerprints_are_known_without_a_pass(table: Path) -> None:
    """Protects a resume, which must know the file before it reads it."""
    assert open_source([table], SourceOptions()).fingerprints() == (fingerprint_file(table),)


def test_a_second_pass_over_the_same_file_gives_the_same_chunks(table: Path) -> None:
    """Protects the sending pass, which trusts the survey's plan."""
    source = open_source([table], SourceOptions())
    first = list(source.read_chunks())
    second = list(source.read_chunks(source.fingerprints()))

    assert [chunk.first for chunk in first] == [chunk.first for chunk in second]
    assert all(one.frame.equals(two.frame) for one, two in zip(first, second, strict=True))


def test_a_changed_block_is_never_handed_out(table: Path) -> None:
    """Protects against sending rows that the survey did not judge."""
    source = open_source([table], SourceOptions())
    list(source.read_chunks())
    expected = source.fingerprints()
    content = bytearray(table.read_bytes())
    content[BLOCK_BYTES + 10] ^= 1
    table.write_bytes(content)

    chunks = source.read_chunks(expected)
    handed_out = next(chunks).frame.height
    with pytest.raises(MustBeMended, match=f"differs after byte {BLOCK_BYTES:,}"):
        next(chunks)
    assert 0 < handed_out < BLOCK_BYTES // 17 + 1


def test_a_file_of_another_size_stops_before_its_first_row(table: Path) -> None:
    """Protects against an export that is still being written when the load starts again."""
    source = open_source([table], SourceOptions())
    list(source.read_chunks())
    with table.open("ab") as stream:
        stream.write(b"9999999,late\n")

    with pytest.raises(MustBeMended, match="bytes and has"):
        next(source.read_chunks(source.fingerprints()))


def test_growth_during_the_first_pass_stops_the_load(table: Path) -> None:
    """Protects against counting half of a file that something still writes to."""
    chunks = open_source([table], SourceOptions()).read_chunks()
    next(chunks)
    with table.open("ab") as stream:
        stream.write(b"9999999,late\n")

    with pytest.raises(MustBeMended, match="was written to"):
        list(chunks)


def test_a_replaced_file_stops_the_load(table: Path) -> None:
    """Protects against an export that is renamed into place while the old one is read."""
    chunks = open_source([table], SourceOptions()).read_chunks()
    next(chunks)
    table.rename(table.with_suffix(".old"))
    table.write_bytes(table.with_suffix(".old").read_bytes())

    with pytest.raises(MustBeMended, match="was replaced"):
        list(chunks)


def test_changed_headers_stop_the_load(tmp_path: Path) -> None:
    """Protects the mapping, which was made for the headers that stood there."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,2\n")
    source = open_source([path], SourceOptions())
    path.write_bytes(b"b,a\n1,2\n")

    with pytest.raises(MustBeMended, match="headers"):
        list(source.read_chunks())


def test_a_file_that_only_grew_is_told_from_one_that_was_changed(tmp_path: Path) -> None:
    """Protects `--append`: it trusts the digest of the old length, and whole lines only."""
    path = tmp_path / "a.csv"

    def grew(before: str, now: str) -> bool:
        path.write_text(before, newline="")
        old = fingerprint_file(path)
        path.write_text(now, newline="")
        return only_grew(path, digest=old.digest, size=old.size)

    assert grew("id\n1\n2\n", "id\n1\n2\n3\n")
    assert grew("id\n1\n2\n", "id\n1\n2\n")
    assert grew("id\n1\n2", "id\n1\n2\n3\n")
    assert grew("id\r\n1\r\n2", "id\r\n1\r\n2\r\n3\r\n")
    assert not grew("id\n1\n2\n", "id\n1\n5\n3\n")
    assert not grew("id\n1\n2\n", "id\n1\n")
    assert not grew("id\n1\n2", "id\n1\n23\n")


def test_growth_is_seen_across_blocks(table: Path) -> None:
    """Protects large files: the old length ends in the middle of a block."""
    old = fingerprint_file(table)
    with table.open("ab") as file:
        file.write(b"9999999,somebody\n" * 300_000)
    assert only_grew(table, digest=old.digest, size=old.size)
    with table.open("r+b") as file:
        file.seek(BLOCK_BYTES + 5)
        file.write(b"X")
    assert not only_grew(table, digest=old.digest, size=old.size)
