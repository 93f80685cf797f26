"""Measure the program side by side with the floor and with what one would write without it; no network but loopback.

    python benchmarks/run.py                              everything but 5 million rows, medians of three rounds
    python benchmarks/run.py --large                      5 million rows as well
    python benchmarks/run.py --only check prepare         only what is named so
    python benchmarks/run.py --peers-python PATH          an interpreter that has pandas, requests and dlt
    python benchmarks/run.py --write docs/performance.md  put the table between the page's marks

Data is made once, under benchmarks/data. The rounds go through all cases one after the other, so that a busy machine
troubles all alike; only figures of one run may be compared. CPU seconds are those of the whole process, its start
included, and so is the peak of its memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
DATA = HERE / "data"
PROGRAM = [sys.executable, "-m", "pango_load"]
KIND = ["--object", "customer-identity", "--timezone", "Asia/Ho_Chi_Minh", "--quiet"]
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
SMALL, MIDDLE, LARGE = 200_000, 1_000_000, 5_000_000


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds, seconds, MiB."""

    wall: float
    cpu: float
    peak: float


@dataclass
class Case:
    """A command and what it is compared with.

    Attributes:
        rows: of its file; 0 for start-up times.
        against: the case whose figures are 1, and the goal as a ratio to it, where there is one.
        entries: what the server must have counted after each round, where it sends.
    """

    name: str
    title: str
    argv: list[str]
    rows: int = 0
    against: str = ""
    goal: str = ""
    ends: tuple[int, ...] = (0,)
    sends: bool = False
    costs: list[Cost] = field(default_factory=list)
    entries: set[int] = field(default_factory=set)

    def median(self, what: str) -> float:
        """Of wall, cpu or peak."""
        return float(statistics.median(getattr(cost, what) for cost in self.costs))


def measure(case: Case, folder: Path, environment: dict[str, str]) -> Cost:
    """Run it in an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with (folder / "said").open("w") as said:
        began = time.perf_counter()
        process = subprocess.Popen(case.argv, cwd=folder, env=environment, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in case.ends:
        sys.exit(f"{case.title} ended with {process.returncode}: {(folder / 'said').read_text()[-2000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def make_data(count: int) -> Path:
    """The file of so many customers, made where it is missing."""
    path = DATA / f"customers-{count}.csv"
    if not path.exists():
        print(f"making {path.name}", file=sys.stderr)
        half = path.with_suffix(".part")
        subprocess.run([sys.executable, str(HERE / "make_customers.py"), str(count), str(half)], check=True)
        half.replace(path)
    return path


def cases(port: int, *, large: bool, peers: str | None) -> list[Case]:
    """Everything that is measured, in the order of the table."""
    url = f"http://127.0.0.1:{port}/ingest"
    python = sys.executable
    found = []

    def files(count: int, suffix: str) -> None:
        path = str(make_data(count))
        title = f"{count:,} rows"
        floor = f"floor{suffix}"
        check, prepare = ("<= 2.6", "<= 5") if count == MIDDLE else ("", "")
        found.append(Case("wc", f"`wc -l`, {title}", ["wc", "-l", path], count, floor))
        found.append(Case(floor, f"floor: polars streaming, {title}", [python, str(HERE / "floor.py"), path], count))
        command = [*PROGRAM, "check", path, *KIND, "--out", "out"]
        found.append(Case(f"check{suffix}", f"`check`, {title}", command, count, floor, check, (0, 3)))
        script = [python, str(HERE / "prepare.py"), path]
        found.append(Case(f"prepare{suffix}", f"bodies prepared, {title}", script, count, floor, prepare))

    files(MIDDLE, "")
    if large:
        files(LARGE, " 5M")
    small = str(make_data(SMALL))
    job = [*PROGRAM, "load", small, *KIND, "--out", "out", "--senders", "8", "--fresh", "--again"]
    found.append(
        Case("prepare 200k", "bodies prepared, 200,000 rows", [python, str(HERE / "prepare.py"), small], SMALL)
    )
    found.append(Case("job", "whole job, limits off", job, SMALL, "prepare 200k", "<= 1.6", (0, 3), sends=True))
    peer = str(HERE / "peers.py")
    found.append(Case("urllib", "csv + urllib", [python, peer, "urllib", small, url], SMALL, "job", sends=True))
    if peers is not None:
        pandas = [peers, peer, "pandas", small, url]
        found.append(Case("pandas", "pandas + requests, 8 threads", pandas, SMALL, "job", sends=True))
        found.append(Case("dlt", "dlt, batch_size=50", [peers, peer, "dlt", small, url], SMALL, "job", sends=True))
    ten = DATA / "customers-10.csv"
    with Path(small).open(encoding="utf-8") as file:
        ten.write_text("".join(next(file) for _ in range(11)), encoding="utf-8")
    found.append(Case("help", "`--help`", [*PROGRAM, "--help"], goal="<= 150 ms"))
    found.append(Case("objects", "`objects`", [*PROGRAM, "objects"]))
    job = [*PROGRAM, "load", str(ten), *KIND, "--out", "out", "--again"]
    found.append(Case("ten", "10 rows loaded", job, goal="<= 800 ms", ends=(0, 3), sends=True))
    return found


@contextmanager
def counting_server() -> Iterator[int]:
    """The port of a server of its own process."""
    command = [sys.executable, str(HERE / "counting_server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.terminate()


def counted(port: int) -> int:
    """Entries that the server took since it was asked last."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/count") as answer:
        return int(json.load(answer)["entries"])


def table(measured: list[Case]) -> str:
    """The figures in Markdown: medians, and ratios where there is something to compare with."""
    by_name = {case.name: case for case in measured}
    lines = [
        "| | rows/s | wall s | CPU s | peak MiB | CPU ratio | wall ratio | of | goal |",
        "|---|--:|--:|--:|--:|--:|--:|---|---|",
    ]
    for case in measured:
        wall, cpu, peak = (case.median(what) for what in ("wall", "cpu", "peak"))
        other = by_name.get(case.against)
        rate = f"{case.rows / wall:,.0f}" if case.rows else ""
        by_cpu = f"{cpu / other.median('cpu'):.2f}" if other else ""
        by_wall = f"{wall / other.median('wall'):.2f}" if other else ""
        against = other.title.partition(",")[0] if other else ""
        figures = f"{wall:.3f} | {cpu:.2f} | {peak:,.0f} | {by_cpu} | {by_wall}"
        lines.append(f"| {case.title} | {rate} | {figures} | {against} | {case.goal} |")
    return "\n".join(lines)


def told(rounds: int, load: tuple[float, float, float], measured: list[Case]) -> str:
    """The machine, the versions, and what the server counted."""
    model = platform.processor() or platform.machine()
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        names = [
            line.partition(":")[2].strip() for line in cpus.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    versions = ", ".join(f"{name} {version(name)}" for name in ("polars", "httpx", "pydantic", "typer"))
    sent = ", ".join(f"{case.title} {sorted(case.entries)}" for case in measured if case.sends and case.entries)
    return (
        f"{model}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {versions}; {rounds} rounds, medians; "
        f"load average {load[0]:.1f} before and {os.getloadavg()[0]:.1f} after.\n"
        f"Entries that the server counted in each round: {sent}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--peers-python", default=None)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    before = os.getloadavg()
    with counting_server() as port, tempfile.TemporaryDirectory() as folder:
        address = f"http://127.0.0.1:{port}"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PANGO_")},
            "PANGO_AUTH_URL": f"{address}/auth",
            "PANGO_INGEST_URL": f"{address}/ingest",
            "PANGO_USERNAME": "benchmark",
            "PANGO_API_KEY": "benchmark",
            "PANGO_CDP_GKEY": "benchmark",
            "PANGO_LIMITS": "none",
            "PANGO_STATE_DIR": str(Path(folder, "state")),
            "PYTHONPATH": str(HERE.parent),
        }
        chosen = cases(port, large=given.large, peers=given.peers_python)
        chosen = [case for case in chosen if not given.only or case.name in given.only]
        for number in range(given.rounds):
            for case in chosen:
                shutil.rmtree(Path(folder, "state"), ignore_errors=True)
                case.costs.append(measure(case, Path(folder, "run"), environment))
                if case.sends:
                    case.entries.add(counted(port))
                print(f"{number + 1}/{given.rounds} {case.title}: {case.costs[-1]}", file=sys.stderr)
    figures = f"{table(chosen)}\n\n{told(given.rounds, before, chosen)}"
    print(figures)
    if given.write is not None:
        page = given.write.read_text(encoding="utf-8")
        start, _, rest = page.partition(BEGIN)
        given.write.write_text(f"{start}{BEGIN}\n{figures}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
