"""Prepare the request bodies of a file of customers and send none: what the road costs without network and journal.

python benchmarks/prepare.py FILE            read, judge, write entries, join them into bodies of 50
python benchmarks/prepare.py FILE --verify   compare every entry with what the json module makes of it
"""

from __future__ import annotations

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")
os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:1,dirty_decay_ms:-1,muzzy_decay_ms:-1")

import argparse
import json
from pathlib import Path

import polars as pl

from pango_load.payload.entries import make_entries
from pango_load.payload.frame import make_frame
from pango_load.plan import LoadPlan
from pango_load.records import ENTRIES_PER_REQUEST
from pango_load.road import open_road


def prepare(path: Path, *, verify: bool) -> tuple[int, int, int]:
    """Requests, entries and bytes of the bodies."""
    plan = LoadPlan(files=(path,), object_type="customer-identity", state=Path("unused"), timezone="Asia/Ho_Chi_Minh")
    road = open_road(plan)
    frame = make_frame(road.mapping, "benchmark")
    requests = entries = size = 0
    held: list[bytes] = []
    for passage in road.passages():
        if passage.judged is None:
            continue
        made = make_entries(passage.judged.values.filter(passage.judged.is_valid), road.mapping)
        texts: list[bytes] = made.cast(pl.Binary).to_list()
        if verify:
            for text in texts:
                again = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")).encode()
                assert again == text, text
        held += texts
        while len(held) >= ENTRIES_PER_REQUEST:
            size += len(frame.body(held[:ENTRIES_PER_REQUEST]))
            requests += 1
            entries += ENTRIES_PER_REQUEST
            del held[:ENTRIES_PER_REQUEST]
    if held:
        size += len(frame.body(held))
    return requests + bool(held), entries + len(held), size


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--verify", action="store_true")
    given = parser.parse_args()
    requests, entries, size = prepare(given.file, verify=given.verify)
    print(f"{requests} requests, {entries} entries, {size} bytes")
