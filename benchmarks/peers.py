"""What one would write without this program: the same file to the same server, in four usual ways.

    python benchmarks/peers.py urllib|pydantic|pandas|dlt FILE URL

They convert types and send 50 rows a request. But for the one with pydantic they check nothing, and none of them keeps
a journal or rejected rows.
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN202, ANN206, ICN001, N815, S310 - pandas and dlt are no dependencies of the project; the fields
# have Pango's names; the address is of this machine

from __future__ import annotations

import csv
import itertools
import json
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Literal
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


def post(url: str, content: bytes) -> None:
    """A request of its own."""
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        answer.read()


def with_urllib(path: str, url: str) -> None:
    """The standard library alone, one request after the other."""
    with open(path, encoding="utf-8", newline="") as file:  # noqa: PTH123 - as one would write it
        rows = csv.DictReader(file)
        while part := list(itertools.islice(rows, SIZE)):
            post(url, body(part))


def with_pydantic(path: str, url: str) -> None:
    """A model judges and converts each row; rows that it refuses are left out."""
    from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

    class Customer(BaseModel):
        model_config = ConfigDict(extra="forbid")

        customerId: str = Field(min_length=1)
        phone: str | None = Field(None, pattern=r"^\+?[0-9]{6,15}$")
        email: str | None = Field(None, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
        fullName: str | None = None
        firstName: str | None = None
        lastName: str | None = None
        gender: Literal["male", "female", "undefined"] | None = None
        dob: datetime | None = None
        yob: int | None = None
        maritalStatus: Literal["Single", "Married"] | None = None
        country: str | None = None
        city: str | None = None
        district: str | None = None
        address: str | None = None
        sourceChannel: str | None = None
        sourceName: str | None = None
        createdAt: datetime | None = None
        status: str | None = None
        customField01: str | None = None
        customField02: str | None = None
        customFieldLong01: int | None = None
        customFieldTimestamp01: datetime | None = None

        @field_validator("gender", mode="before")
        @classmethod
        def small(cls, word):
            return word.lower() if word else word

        @model_validator(mode="after")
        def reachable(self):
            if not (self.phone or self.email):
                raise ValueError("neither phone nor email")
            return self

    def judged(rows):
        for row in rows:
            try:
                customer = Customer.model_validate({key: cell for key, cell in row.items() if cell})
            except ValidationError:
                continue
            yield customer.model_dump(exclude_none=True)

    with open(path, encoding="utf-8", newline="") as file:  # noqa: PTH123 - as one would write it
        rows = judged(csv.DictReader(file))
        while part := list(itertools.islice(rows, SIZE)):
            post(url, body(part))


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
    ways = {"urllib": with_urllib, "pydantic": with_pydantic, "pandas": with_pandas, "dlt": with_dlt}
    ways[sys.argv[1]](sys.argv[2], sys.argv[3])
