"""What one would write without this program: the same file to the same server, in three usual ways.

    python benchmarks/peers.py urllib|pandas|dlt FILE URL

They convert types and send 50 rows a request; they check nothing, keep no journal and no rejected rows.
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN202, ICN001, S310 - pandas and dlt are no dependencies of the project; the address is of this machine

from __future__ import annotations

import csv
import itertools
import json
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
DATES = ("dob", "createdAt", "customFieldTimestamp01")
NUMBERS = ("yob", "customFieldLong01")
SIZE = 50


def entry(row) -> dict[str, object]:
    """A row as Pango takes it: no empty cells, dates as milliseconds, custom fields in their containers."""
    made: dict[str, object] = {}
    for key, cell in row.items():
        if not cell or cell != cell:  # noqa: PLR0124 - pandas' empty cells are NaN
            continue
        value: object = cell
        if key in NUMBERS:
            value = int(cell)
        elif key in DATES:
            try:
                # dlt has made dates of them already.
                moment = cell if isinstance(cell, datetime) else datetime.fromisoformat(cell)
                value = int(moment.replace(tzinfo=ZONE).timestamp() * 1000)
            except ValueError:
                continue
        if key.startswith("customField"):
            container = key.rstrip("0123456789") + "s" if key[11].isalpha() else "customFieldTexts"
            made.setdefault(container, {})[key] = value  # type: ignore[index] # a dict
        else:
            made[key] = value
    return made


def body(rows) -> bytes:
    """A request."""
    entries = [entry(row) for row in rows]
    return json.dumps(
        {"objectType": "customer-identity", "source": "benchmark", "entries": entries}, default=str
    ).encode()


def with_urllib(path: str, url: str) -> None:
    """The standard library alone, one request after the other."""
    with open(path, encoding="utf-8", newline="") as file:  # noqa: PTH123 - as one would write it
        rows = csv.DictReader(file)
        while part := list(itertools.islice(rows, SIZE)):
            request = urllib.request.Request(url, body(part), {"Content-Type": "application/json"})
            with urllib.request.urlopen(request) as answer:
                answer.read()


def with_pandas(path: str, url: str) -> None:
    """Pandas reads, requests sends from eight threads."""
    import pandas
    import requests

    frame = pandas.read_csv(path, dtype=str)
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=8))

    def send(start: int) -> None:
        session.post(url, data=body(frame.iloc[start : start + SIZE].to_dict("records"))).raise_for_status()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(0, len(frame), SIZE)))


def with_dlt(path: str, url: str) -> None:
    """A dlt pipeline with a destination of its own."""
    import dlt
    import requests

    session = requests.Session()

    @dlt.destination(batch_size=SIZE, name="pango", naming_convention="direct", skip_dlt_columns_and_tables=True)
    def pango(items, table) -> None:
        del table
        session.post(url, data=body(items)).raise_for_status()

    def rows():
        with open(path, encoding="utf-8", newline="") as file:  # noqa: PTH123 - as one would write it
            yield from csv.DictReader(file)

    dlt.pipeline("benchmark", destination=pango, pipelines_dir="dlt").run(rows(), table_name="customers")


if __name__ == "__main__":
    {"urllib": with_urllib, "pandas": with_pandas, "dlt": with_dlt}[sys.argv[1]](sys.argv[2], sys.argv[3])
