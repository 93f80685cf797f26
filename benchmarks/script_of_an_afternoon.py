"""The script that one writes without this program, in two versions; `script_versus.py` runs it.

python script_of_an_afternoon.py quick|careful FILE URL
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ICN001 - pandas is no dependency of the project, and a script has no annotations

from __future__ import annotations

import sys
import time

import pandas
import requests

SIZE = 50
KEYS = {"username": "sandbox", "apiKey": "sandbox-api-key", "cdpGKey": "sandbox-group-key"}


def entries_of(frame):
    """Rows as Pango takes them; empty cells are left out."""
    frame = frame.rename(columns={"Code": "customerId", "Phone": "phone", "Name": "fullName", "Birthday": "dob"})
    for row in frame.to_dict("records"):
        card = row.pop("Card")
        entry = {key: value for key, value in row.items() if not pandas.isna(value)}
        if "dob" in entry:
            entry["dob"] = int(entry["dob"].timestamp() * 1000)
        yield entry | {"customFieldTexts": {"customField01": str(card)}}


def quick(path, url):
    """As it is first written: it reads, converts, sends."""
    frame = pandas.read_csv(path)
    frame["Birthday"] = pandas.to_datetime(frame["Birthday"], format="%d/%m/%Y", errors="coerce")
    token = requests.post(f"{url}/api/accounts/authen", json=KEYS, timeout=30).json()["token"]
    entries = list(entries_of(frame))
    for start in range(0, len(entries), SIZE):
        body = {"objectType": "customer-identity", "source": "script", "entries": entries[start : start + SIZE]}
        answer = requests.post(
            f"{url}/dhub-i/api/v1.0/ingest",
            json=body,
            headers={"TOKEN": token, "API_KEY": KEYS["apiKey"]},
            timeout=30,
        )
        answer.raise_for_status()


def careful(path, url):
    """With care: text stays text, the zone is reckoned with, requests are tried again and spread."""
    frame = pandas.read_csv(path, dtype=str, keep_default_na=False)
    born = pandas.to_datetime(frame["Birthday"], format="%d/%m/%Y", errors="coerce")
    frame["Birthday"] = born.dt.tz_localize("Asia/Ho_Chi_Minh")
    session = requests.Session()
    retry = requests.adapters.Retry(
        total=8, backoff_factor=0.5, status_forcelist=[429, 500, 502, 503, 504], allowed_methods=["POST"]
    )
    session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
    token = session.post(f"{url}/api/accounts/authen", json=KEYS, timeout=30).json()["token"]
    entries = list(entries_of(frame))
    for start in range(0, len(entries), SIZE):
        body = {"objectType": "customer-identity", "source": "script", "entries": entries[start : start + SIZE]}
        answer = session.post(
            f"{url}/dhub-i/api/v1.0/ingest",
            json=body,
            headers={"TOKEN": token, "API_KEY": KEYS["apiKey"]},
            timeout=30,
        )
        answer.raise_for_status()
        time.sleep(1 / 20)  # as such a script keeps within 20 requests a second


if __name__ == "__main__":
    {"quick": quick, "careful": careful}[sys.argv[1]](sys.argv[2], sys.argv[3])
