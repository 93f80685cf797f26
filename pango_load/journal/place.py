"""The state folder: private, writable, and on a disk whose locks and flushes can be believed."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from pango_load.errors import UsageError

_SHARED_DISKS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone"}
)
_ADVICE = "Name a folder on this machine's own disk in PANGO_STATE_DIR."
_MOUNTS = Path("/proc/self/mountinfo")


def private_folder(path: Path) -> Path:
    """Make `path` and the folders above it where they are missing, for this user alone (0700).

    Raises:
        UsageError: naming the folder and what stands in the way.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The state folder {path} cannot be made: {error.strerror}.", _ADVICE) from error
    return path


def check_state_folder(state: Path, *, mounts: str | None = None) -> None:
    """Try what a journal needs, before anything is sent: no journal, no promise (design, section 2).

    Args:
        state: the folder; made where it is missing.
        mounts: the text of Linux' mountinfo; None reads it, where there is one.

    Raises:
        UsageError: it cannot be written, or lies on a disk shared over the network, whose locks and flushes SQLite's
            write-ahead log cannot rely on.
    """
    private_folder(state)
    if mounts is None:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace") if _MOUNTS.exists() else ""
    kind = kind_of_disk(state.resolve(), mounts)
    if kind in _SHARED_DISKS:
        raise UsageError(
            f"The state folder {state} is on a network disk ({kind}): a journal is not safe there.", _ADVICE
        )
    trial = state / f".trial-{secrets.token_hex(4)}"
    try:
        try:
            handle = os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(handle, b"\0" * 4096)
                os.fsync(handle)
            finally:
                os.close(handle)
        finally:
            trial.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"The state folder {state} cannot be written: {error.strerror}.", _ADVICE) from error


def kind_of_disk(path: Path, mounts: str) -> str:
    """The type of file system that holds `path`, as the mountinfo text `mounts` names it; empty where it does not."""
    found, kind = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, rest = before.split(), after.split()
        if len(fields) < 5 or not rest:  # noqa: PLR2004 - proc(5): the fifth field is the mount point
            continue
        point = Path(re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), fields[4]))
        # Of two disks mounted on one folder the later hides the earlier.
        if len(point.parts) >= found and path.is_relative_to(point):
            found, kind = len(point.parts), rest[0]
    return kind
