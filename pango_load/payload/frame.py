"""What stands around the entries in a request body."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pango_load.records import FieldMapping


@dataclass(frozen=True, slots=True)
class BodyFrame:
    """The bytes before and after the entries, which are joined by commas."""

    prefix: bytes
    suffix: bytes

    def body(self, entries: Sequence[bytes]) -> bytes:
        """The whole request body."""
        return self.prefix + b",".join(entries) + self.suffix


def make_frame(mapping: FieldMapping, source: str) -> BodyFrame:
    """`objectType`, `source` and `entries`, then what the mapping adds (seed 001, table of body keys)."""

    def written(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    before = f'{{"objectType":{written(mapping.object_type.name)},"source":{written(source)},"entries":['
    after = ["]"]
    if mapping.user_event is not None:
        config_id, event_key = mapping.user_event
        after.append(f'"jeConfigId":{written(config_id)},"jeEventKey":{written(event_key)}')
    if mapping.ignored_update_cfs:
        after.append(f'"ignoredUpdateCfs":{written(list(mapping.ignored_update_cfs))}')
    after.extend(f"{written(key)}:{text}" for key, text in mapping.request.items())
    return BodyFrame(before.encode(), (",".join(after) + "}").encode())
