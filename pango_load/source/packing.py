"""Packed files are unpacked while they are read, a few megabytes at a time."""

from __future__ import annotations

import bz2
import struct
import sys
import zipfile
import zlib
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from pango_load.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

PIECE_BYTES = 4 << 20

BROKEN_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    LookupError,
    ValueError,
    RuntimeError,
    OverflowError,
)
"""What Python's zip reader raises for a damaged archive, besides its own error."""


class Packing(StrEnum):
    """How a file is packed; the words are the endings of such files."""

    NONE = ""
    GZIP = "gz"
    BZIP2 = "bz2"
    ZSTD = "zst"
    ZIP = "zip"


_MAGIC = ((b"\x1f\x8b", Packing.GZIP), (b"BZh", Packing.BZIP2), (b"\x28\xb5\x2f\xfd", Packing.ZSTD))


def find_packing(head: bytes) -> Packing:
    """How a file that begins with `head` is packed; zip archives are told apart from workbooks elsewhere."""
    return next((packing for magic, packing in _MAGIC if head.startswith(magic)), Packing.NONE)


class _Unpacker(Protocol):
    """What `bz2` and Python's own zstd offer, and `zlib` behind `_Gzip`."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """zlib's object, with the same words as the others."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


def unpack(path: Path, blocks: Iterable[bytes], packing: Packing) -> Iterator[bytes]:
    """The bytes before packing, in pieces of at most `PIECE_BYTES` where something is packed.

    Raises:
        UsageError: the archive is broken, ends too early, or cannot be unpacked here.
    """
    match packing:
        case Packing.NONE:
            yield from blocks
        case Packing.GZIP:
            yield from _unpack_stream(path, blocks, _Gzip)
        case Packing.BZIP2:
            yield from _unpack_stream(path, blocks, bz2.BZ2Decompressor)
        case Packing.ZSTD:
            if sys.version_info >= (3, 14):
                from compression import zstd
            else:
                from backports import zstd
            yield from _unpack_stream(path, blocks, zstd.ZstdDecompressor, zstd.ZstdError)
        case Packing.ZIP:
            yield from _unpack_zip(path, blocks)


def _unpack_stream(
    path: Path, blocks: Iterable[bytes], make: Callable[[], _Unpacker], error_of: type[Exception] = zlib.error
) -> Iterator[bytes]:
    unpacker = make()
    fresh = True
    try:
        for block in blocks:
            data = block
            while data or not unpacker.needs_input:
                if unpacker.eof:
                    unpacker = make()
                piece = unpacker.decompress(data, PIECE_BYTES)
                fresh = False
                if piece:
                    yield piece
                data = unpacker.unused_data if unpacker.eof else b""
                if unpacker.eof and not data.strip(b"\x00"):
                    break
    except (OSError, EOFError, ValueError, error_of) as error:
        raise _broken(path) from error
    if fresh or not unpacker.eof:
        raise _broken(path)


def _unpack_zip(path: Path, blocks: Iterable[bytes]) -> Iterator[bytes]:
    # The whole archive is verified first: its directory stands at the end.
    for _ in blocks:
        pass
    try:
        with zipfile.ZipFile(path) as archive, archive.open(zip_member(path, archive)) as stream:
            while piece := stream.read(PIECE_BYTES):
                yield piece
    except BROKEN_ARCHIVE as error:
        raise _broken(path) from error


def zip_member(path: Path, archive: zipfile.ZipFile) -> str:
    """The only file of an archive.

    Raises:
        UsageError: there are none or several.
    """
    files = [info for info in archive.infolist() if not info.is_dir() and "__MACOSX/" not in info.filename]
    if len(files) != 1:
        raise UsageError(
            f"{path} holds {len(files)} files; only an archive with one can be loaded.",
            "Unpack it and name the files to load.",
        )
    if files[0].flag_bits & 1:
        raise UsageError(f"{path} is protected by a password.", "Unpack it and name the file to load.")
    return files[0].filename


def _broken(path: Path) -> UsageError:
    return UsageError(f"{path} cannot be unpacked: it is damaged, or was cut short.", "Fetch or pack the file again.")
