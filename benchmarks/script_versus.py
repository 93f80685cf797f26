"""What a script of one afternoon does with the same file, the same limits and the same trouble, counted at the server.

    python benchmarks/script_versus.py --peers-python PATH --write docs/comparison.md

PATH is an interpreter that has pandas and requests. Three clients load the same 10,000 customers into the sandbox: a
script as it is first written, the same with the care that an experienced person takes, and pango-load. What arrived is
compared, row by row, with what the file says; nothing leaves the machine.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pango_load.plan import PUBLISHED_WINDOWS
from pango_load.sandbox.faults import parse_fault
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROWS, BAD_EVERY = 10_000, 250
KILLED_AFTER = 3.0
HERE = Path(__file__).parent
MAPPING = """object: customer-identity
source: benchmark
timezone: Asia/Ho_Chi_Minh
columns:
  Code: customerId
  Phone: phone
  Name: fullName
  Birthday: {field: dob, format: "%d/%m/%Y"}
  Card: customField01
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the platform does."""

    name: str
    limited: bool = False
    faults: tuple[str, ...] = ()
    is_killed: bool = False


WORLDS = (
    World(name="nothing goes wrong"),
    World(name="the published limits hold", limited=True),
    World(name="one request in 50 is answered 503, one in 100 gets no answer", faults=("503%2", "close-applied%1")),
    World(name="killed after 3 s, and run again", limited=True, is_killed=True),
)
CLIENTS = {"quick": "script, first version", "careful": "script, with care", "pango-load": "pango-load"}


def write_file(path: Path) -> dict[str, Mapping[str, object] | None]:
    """Write the customers; by customer id what should arrive, None for a row with a day that does not exist."""
    dice = random.Random(7)
    wanted: dict[str, Mapping[str, object] | None] = {}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Code", "Phone", "Name", "Birthday", "Card"])
        for number in range(ROWS):
            code, phone = f"{number:07d}", f"09{dice.randrange(10**8):08d}"
            name = "Null" if number % 500 == 3 else f"Nguyễn Văn {number}"
            born = datetime(dice.randrange(1976, 2005), dice.randrange(1, 13), dice.randrange(1, 29), tzinfo=_ZONE)
            card = str(dice.randrange(10**18, 9 * 10**18))
            is_bad = number % BAD_EVERY == BAD_EVERY - 1
            writer.writerow([code, phone, name, "31/02/1990" if is_bad else f"{born:%d/%m/%Y}", card])
            wanted[code] = (
                None
                if is_bad
                else {"code": code, "phone": phone, "fullName": name, "dob": int(born.timestamp() * 1000), "card": card}
            )
    return wanted


_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def command_of(client: str, folder: Path, sandbox: Sandbox, peers: str) -> list[str]:
    """How a client is called."""
    if client == "pango-load":
        words = ["customers.csv", "--object", "customer-identity", "--mapping", "mapping.yaml", "--quiet"]
        return [sys.executable, "-m", "pango_load", *words]
    return [peers, str(HERE / "script_of_an_afternoon.py"), client, str(folder / "customers.csv"), sandbox.base_url]


def run_client(client: str, world: World, folder: Path, sandbox: Sandbox, peers: str) -> float:
    """Run it, killed and run again where the world says so: the seconds it took."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "PANGO_STATE_DIR": str(folder / "state"),
        "PANGO_AUTH_URL": sandbox.auth_url,
        "PANGO_INGEST_URL": sandbox.ingest_url,
        "PANGO_USERNAME": sandbox.credentials.username,
        "PANGO_API_KEY": sandbox.credentials.api_key,
        "PANGO_CDP_GKEY": sandbox.credentials.group_key,
        **({} if world.limited else {"PANGO_LIMITS": "none"}),
    }
    command = command_of(client, folder, sandbox, peers)
    begin = time.monotonic()
    for turn in range(2 if world.is_killed else 1):
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
        if world.is_killed and turn == 0:
            while not sandbox.accepted_requests:
                time.sleep(0.05)  # a real process is waited for
            time.sleep(KILLED_AFTER)  # it is killed in the middle of real work
            process.send_signal(signal.SIGKILL)
        process.communicate()
    return time.monotonic() - begin


def count(sandbox: Sandbox, wanted: Mapping[str, Mapping[str, object] | None]) -> dict[str, int]:
    """What arrived, compared with the file."""
    right: Counter[str] = Counter()
    wrong: set[str] = set()
    altered: set[str] = set()
    for entry in sandbox.accepted_entries:
        # An id that lost its zeros is still recognised here, though no platform would.
        code = str(entry.get("customerId")).zfill(7)
        slots = entry.get("customFieldTexts")
        card = slots.get("customField01") if isinstance(slots, dict) else None
        told = {name: entry.get(name) for name in ("phone", "fullName", "dob")} | {"card": card}
        told["code"] = entry.get("customerId")
        meant = wanted.get(code)
        if meant is None and code in wanted:
            altered.add(code)
        elif told == meant:
            right[code] += 1
        else:
            wrong.add(code)
    valid = {code for code, meant in wanted.items() if meant is not None}
    return {
        "right": len(right),
        "wrong": len(wrong),
        "missing": len(valid) - len(right.keys() & valid) - len(wrong),
        "twice": sum(1 for number in right.values() if number > 1),
        "altered": len(altered),
        "limited": sandbox.statuses.get(429, 0),
    }


def measure(peers: str) -> list[str]:
    """The lines of the table."""
    lines = []
    for world in WORLDS:
        for client, name in CLIENTS.items():
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place)
                wanted = write_file(folder / "customers.csv")
                (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
                settings = SandboxSettings(
                    windows=PUBLISHED_WINDOWS if world.limited else (),
                    faults=tuple(parse_fault(text) for text in world.faults),
                    validate=False,
                )
                with Sandbox(settings) as sandbox:
                    seconds = run_client(client, world, folder, sandbox, peers)
                    found = count(sandbox, wanted)
            told = " | ".join(f"{found[key]:,}" for key in ("right", "wrong", "missing", "twice", "altered", "limited"))
            lines.append(f"| {world.name} | {name} | {told} | {seconds:.0f} s |")
            sys.stderr.write(lines[-1] + "\n")
    return lines


def versions(peers: str) -> str:
    """Of the two libraries."""
    code = "import json, pandas, requests; print(json.dumps([pandas.__version__, requests.__version__]))"
    done = subprocess.run([peers, "-c", code], capture_output=True, text=True, check=True)
    pandas, requests = json.loads(done.stdout)
    told = f"pandas {pandas}, requests {requests}, {ROWS:,} rows"
    return f"{told} of which {ROWS // BAD_EVERY} hold a day that does not exist."


def main(words: Sequence[str] | None = None) -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers-python", required=True)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args(words)
    counted = "right | other values | missing | sent twice | bad rows sent without their date | 429s"
    head = f"| the platform | client | {counted} | time |"
    table = "\n".join([head, "|---|---|--:|--:|--:|--:|--:|--:|--:|", *measure(asked.peers_python)])
    table += f"\n\n{versions(asked.peers_python)}\n"
    if asked.write is None:
        print(table)
        return
    text = asked.write.read_text(encoding="utf-8")
    before, rest = text.split("<!-- figures: begin -->\n")
    after = rest.split("<!-- figures: end -->")[1]
    asked.write.write_text(f"{before}<!-- figures: begin -->\n{table}<!-- figures: end -->{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
