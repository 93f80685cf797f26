"""What a file is, byte for byte, so that a file that changes while it is read is noticed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import xxhash

from pango_load.errors import MustBeMended, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK_BYTES = 10 << 20
"""Bytes in a block: what is read, digested and verified at once."""

_ADVICE = "Wait until nothing writes to the file any more, then run the same command again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """The content of one file.

    Attributes:
        size: bytes.
        blocks: XXH3 (128 bits) of each block of `BLOCK_BYTES`, the last one shorter. No secret depends on it: a file
            that changed is found as surely as by SHA-256, at a tenth of the cost, and every pass digests every byte.
    """

    size: int
    blocks: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over size and blocks, as hexadecimal digits."""
        return hashlib.sha256(b"%d:" % self.size + b"".join(self.blocks)).hexdigest()


class BlockReader:
    """Reads a file once, from the beginning to the end, and keeps account of what it was.

    Args:
        path: the file.
        expected: what it was when it was read before; None where this is the first time.

    Attributes:
        fingerprint: what it was, once `blocks` has come to its end; None before.
    """

    def __init__(self, path: Path, expected: Fingerprint | None = None) -> None:
        self.path = path
        self.fingerprint: Fingerprint | None = None
        self._expected = expected

    def blocks(self) -> Iterator[bytes]:
        """Every block, in order; one that is not what it was is never handed out.

        Raises:
            UsageError: the file cannot be opened.
            MustBeMended: it is not what it was, it changed, grew or was replaced while it was read.
        """
        expected = self._expected
        try:
            stream = self.path.open("rb")
        except OSError as error:
            raise unreadable(self.path, error) from error
        with stream:
            before = os.fstat(stream.fileno())
            if expected is not None and before.st_size != expected.size:
                raise self._changed(f"had {expected.size:,} bytes and has {before.st_size:,} now")
            digests: list[bytes] = []
            size = 0
            while block := stream.read(BLOCK_BYTES):
                digest = xxhash.xxh3_128_digest(block)
                if expected is not None and expected.blocks[len(digests) : len(digests) + 1] != (digest,):
                    raise self._changed(f"differs after byte {size:,}")
                digests.append(digest)
                size += len(block)
                yield block
            self._check_still(before, size)
        if expected is not None and len(digests) != len(expected.blocks):
            raise self._changed("is shorter")
        self.fingerprint = Fingerprint(size=size, blocks=tuple(digests))

    def _check_still(self, before: os.stat_result, size: int) -> None:
        try:
            after = self.path.stat()
        except OSError as error:
            raise self._changed("is gone") from error
        if (after.st_dev, after.st_ino) != (before.st_dev, before.st_ino):
            raise self._changed("was replaced by another file")
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns) or size != before.st_size:
            raise self._changed(f"was written to: it had {before.st_size:,} bytes and has {after.st_size:,} now")

    def _changed(self, how: str) -> MustBeMended:
        return MustBeMended(f"{self.path} changed while it was being read: it {how}.", _ADVICE)


def fingerprint_file(path: Path, expected: Fingerprint | None = None) -> Fingerprint:
    """Digest a whole file without looking at what is in it; the same errors as `BlockReader.blocks`."""
    reader = BlockReader(path, expected)
    for _ in reader.blocks():
        pass
    if reader.fingerprint is None:  # pragma: no cover - blocks() sets it or raises
        raise AssertionError
    return reader.fingerprint


def only_grew(path: Path, *, digest: str, size: int) -> bool:
    """Whether `path` begins with `size` bytes whose `Fingerprint.digest` is `digest`, and goes on with a new line.

    A last line that had no line feed may have been continued since, which proves nothing.

    Raises:
        UsageError: it cannot be read.
    """
    blocks: list[bytes] = []
    left, last, after = size, b"\n", b""
    try:
        with path.open("rb") as stream:
            while left and (block := stream.read(min(left, BLOCK_BYTES))):
                blocks.append(xxhash.xxh3_128_digest(block))
                last = block[-1:]
                left -= len(block)
            after = stream.read(1)
    except OSError as error:
        raise unreadable(path, error) from error
    is_whole_line = last == b"\n" or after in {b"", b"\r", b"\n"}
    return not left and is_whole_line and Fingerprint(size=size, blocks=tuple(blocks)).digest == digest


def unreadable(path: Path, error: OSError) -> UsageError:
    """The sentence for a file that the system does not give."""
    match error:
        case FileNotFoundError():
            return UsageError(f"{path} does not exist.", "Check the name, and the folder you are in.")
        case PermissionError():
            return UsageError(f"{path} may not be read by this user.", f"Change its permissions: chmod u+r {path}")
        case IsADirectoryError():
            return UsageError(f"{path} is a folder.", "Name the files in it, or a pattern like folder/*.csv.")
        case _:
            return UsageError(f"{path} cannot be read: {error.strerror}.", "Copy it to a local disk and try again.")
