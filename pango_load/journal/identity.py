"""What makes two loads the same load: content, mapping, object type, place and intent, as digests."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileDigest:
    """The content of one source file: a digest in hexadecimal (`source.fingerprint`) and its length in bytes."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadIdentity:
    """What must be equal for a load to be the same load (design, end of section 5).

    `--batch-size` is left out on purpose: a load goes on with the boundaries that were planned.

    Attributes:
        files: the content of each file, in the order in which they are read.
        mapping: the mapping's fingerprint.
        object_type: `objectType`.
        catalogue: the fingerprint of that type's rules.
        account: the account's keyed digest (`Endpoint.account`); never a name or a key.
        ingest_url: the address that entries go to.
        source: the request's `source`.
        init_data: whether `initData` is sent.
        reading: a fingerprint of what chooses the rows (`--limit`, `--skip-rows`, `--sheet` and their like): a try-out
            of ten rows is not the whole load.
    """

    files: tuple[FileDigest, ...]
    mapping: str
    object_type: str
    catalogue: str
    account: str
    ingest_url: str
    source: str
    init_data: bool = False
    reading: str = ""

    @property
    def digest(self) -> str:
        """32 hexadecimal digits: the load as a whole."""
        return _digest("load", [(file.digest, file.size) for file in self.files], self.terms)

    @property
    def terms(self) -> str:
        """32 hexadecimal digits: everything but the content, which is what a file that only grew has in common."""
        return _digest("terms", self.mapping, self.catalogue, self.source, self.init_data, self.reading, self.target)

    @property
    def target(self) -> str:
        """32 hexadecimal digits: where the rows go, and as what."""
        return _digest("target", self.object_type, self.account, self.ingest_url)


def _digest(*parts: object) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
