"""Measure the program side by side with the floor and with what one would write without it; no network but loopback.

    python benchmarks/run.py                              everything but the large files, medians of three rounds
    python benchmarks/run.py --large                      5 million rows as well, once
    python benchmarks/run.py --huge                       20 million rows as well, once; 5 GB, deleted afterwards
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
SMALL, MIDDLE, LARGE, HUGE = 200_000, 1_000_000, 5_000_000, 20_000_000
SCALED = "1000/1s,20000/1m,100000/5m,1000000/1h,8000000/1d"
"""Twenty times the published limits: 3,921 requests then take four windows of a second, three of them waited for."""

HTTPX = {"https_proxy": "http://127.0.0.1:9"}
"""Makes the program speak httpx also where aiohttp is installed: a proxy is named, though not for http:// addresses."""

PEERS = ("urllib", "pydantic", "pandas", "dlt")
GOALS: dict[str, dict[str, float]] = {
    "job": {"urllib": 3, "pandas": 10, "dlt": 16},
    "job httpx": {"urllib": 1.5, "pandas": 5, "dlt": 8},
}
"""How many times the rows a second of each peer the whole job is to reach, over either library."""


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
        entries: what the server counted after each round, where it sends.
        settings: variables of the environment.
        is_once: too large to be run in every round.
    """

    name: str
    title: str
    argv: list[str]
    rows: int = 0
    against: str = ""
    goal: str = ""
    ends: tuple[int, ...] = (0,)
    sends: bool = False
    settings: dict[str, str] = field(default_factory=dict)
    is_once: bool = False
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


def make_workbook(source: Path) -> Path:
    """The workbook of the same customers, made where it is missing."""
    path = source.with_suffix(".xlsx")
    if not path.exists():
        print(f"making {path.name}", file=sys.stderr)
        half = path.with_suffix(".part")
        subprocess.run([sys.executable, str(HERE / "make_workbook.py"), str(source), str(half)], check=True)
        half.replace(path)
    return path


def make_huge() -> Path:
    """The file of 20 million customers: those of one million, twenty times, each time with other ids."""
    path = DATA / f"customers-{HUGE}.csv"
    if not path.exists():
        print(f"making {path.name}", file=sys.stderr)
        half = path.with_suffix(".part")
        with make_data(MIDDLE).open("rb") as file, half.open("wb") as all_of_them:
            all_of_them.write(file.readline())
            start = file.tell()
            for copy in range(HUGE // MIDDLE):
                file.seek(start)
                # Ids have eleven digits, of which a million needs six.
                all_of_them.writelines(b"%02d" % copy + line[2:] for line in file)
        half.replace(path)
    return path


def of_one_size(count: int, path: Path, suffix: str = "", *, is_once: bool = False) -> list[Case]:
    """Checks and bodies of one file, beside its floor."""
    python, file, title, floor = sys.executable, str(path), f"{count:,} rows", f"floor{suffix}"
    checks = [*PROGRAM, "check", file, *KIND, "--out", "out"]
    found = [
        Case("wc", f"`wc -l`, {title}", ["wc", "-l", file], count, floor),
        Case(floor, f"floor: polars streaming, {title}", [python, str(HERE / "floor.py"), file], count),
        Case(f"check{suffix}", f"`check`, {title}", checks, count, floor, ends=(0, 3)),
        Case(f"prepare{suffix}", f"bodies prepared, {title}", [python, str(HERE / "prepare.py"), file], count, floor),
    ]
    if count == MIDDLE:
        found[2].goal, found[3].goal = "<= 2.6", "<= 5"
    for case in found:
        case.is_once = is_once
    return found


def tables(*, large: bool, huge: bool) -> list[Case]:
    """Files of several sizes, and a workbook beside the floor of workbooks."""
    found = of_one_size(MIDDLE, make_data(MIDDLE))
    if large:
        found += of_one_size(LARGE, make_data(LARGE), " 5M", is_once=True)
    if huge:
        found += of_one_size(HUGE, make_huge(), " 20M", is_once=True)[1:3]
    book = str(make_workbook(make_data(SMALL)))
    checks = [*PROGRAM, "check", book, *KIND, "--out", "out"]
    floor = [sys.executable, str(HERE / "floor_workbook.py"), book]
    flat = [*checks, "--low-memory"]
    return [
        *found,
        Case("fastexcel", "fastexcel, workbook of 200,000 rows", floor, SMALL),
        Case("workbook", "`check`, workbook of 200,000 rows", checks, SMALL, "fastexcel", "<= 1.5", (0, 3)),
        Case("workbook flat", "`check --low-memory`, workbook", flat, SMALL, "fastexcel", ends=(0, 3), is_once=True),
    ]


def jobs(url: str, *, peers: str | None) -> list[Case]:
    """Whole jobs and their peers."""
    small = str(make_data(SMALL))
    job = [*PROGRAM, "load", small, *KIND, "--out", "out", "--senders", "8", "--fresh", "--again"]
    bodies = [sys.executable, str(HERE / "prepare.py"), small]
    wide = {"PANGO_LIMITS": SCALED}
    found = [
        Case("prepare 200k", "bodies prepared, 200,000 rows", bodies, SMALL),
        Case("job", "whole job, aiohttp, no limits", job, SMALL, "prepare 200k", "<= 1.6", (0, 3), sends=True),
        Case(
            "job httpx",
            "whole job, httpx, no limits",
            job,
            SMALL,
            "prepare 200k",
            "",
            (0, 3),
            sends=True,
            settings=HTTPX,
        ),
        Case("job limits", "whole job, limits x 20", job, SMALL, "job", ends=(0, 3), sends=True, settings=wide),
    ]
    for name in PEERS:
        python = sys.executable if name in {"urllib", "pydantic"} else peers
        if python is not None:
            command = [python, str(HERE / "peers.py"), name, small, url]
            found.append(Case(name, TITLES[name], command, SMALL, "job", sends=True))
    return found


TITLES = {
    "urllib": "csv + urllib",
    "pydantic": "csv + pydantic + urllib",
    "pandas": "pandas + requests, 8 threads",
    "dlt": "dlt, batch_size=50",
}


def starts() -> list[Case]:
    """What a person waits for before anything begins."""
    ten = DATA / "customers-10.csv"
    with make_data(SMALL).open(encoding="utf-8") as file:
        ten.write_text("".join(next(file) for _ in range(11)), encoding="utf-8")
    job = [*PROGRAM, "load", str(ten), *KIND, "--out", "out", "--again"]
    return [
        Case("help", "`--help`", [*PROGRAM, "--help"], goal="<= 150 ms"),
        Case("objects", "`objects`", [*PROGRAM, "objects"]),
        Case("ten", "10 rows loaded", job, goal="<= 800 ms", ends=(0, 3), sends=True),
        Case("ten httpx", "10 rows loaded, httpx", job, ends=(0, 3), sends=True, settings=HTTPX),
    ]


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


def compared(measured: list[Case]) -> str:
    """The whole job over either library against each peer: rows a second, and in brackets what is to be reached."""
    by_name = {case.name: case for case in measured}
    peers = [by_name[name] for name in PEERS if name in by_name]
    lines = [f"| rows/s of | {' | '.join(peer.title for peer in peers)} |", f"|---|{'--:|' * len(peers)}"]
    for name, goals in GOALS.items():
        if name not in by_name or not peers:
            return ""
        job = by_name[name]
        cells = []
        for peer in peers:
            ratio = f"{peer.median('wall') / job.median('wall') * job.rows / peer.rows:.1f}x"
            by_cpu = f"{peer.median('cpu') / job.median('cpu'):.1f}x CPU"
            goal = f" (goal {goals[peer.name]}x)" if peer.name in goals else ""
            cells.append(f"{ratio}, {by_cpu}{goal}")
        lines.append(f"| {job.title} | {' | '.join(cells)} |")
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
    versions = ", ".join(f"{name} {version(name)}" for name in ("polars", "aiohttp", "httpx", "pydantic", "typer"))
    sent = ", ".join(f"{case.title} {sorted(case.entries)}" for case in measured if case.sends and case.entries)
    return (
        f"{model}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {versions}; {rounds} rounds, medians "
        "(what takes minutes ran once); "
        f"load average {load[0]:.1f} before and {os.getloadavg()[0]:.1f} after.\n"
        f"Entries that the server counted in each round: {sent}."
    )


def _is_ours(name: str) -> bool:
    """Whether a variable of whoever measures would change what is measured."""
    return name.startswith("PANGO_") or name.lower().endswith("_proxy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--huge", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--peers-python", default=None)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    before = os.getloadavg()
    with counting_server() as port, tempfile.TemporaryDirectory() as folder:
        address = f"http://127.0.0.1:{port}"
        environment = {
            **{name: value for name, value in os.environ.items() if not _is_ours(name)},
            "PANGO_AUTH_URL": f"{address}/auth",
            "PANGO_INGEST_URL": f"{address}/ingest",
            "PANGO_USERNAME": "benchmark",
            "PANGO_API_KEY": "benchmark",
            "PANGO_CDP_GKEY": "benchmark",
            "PANGO_LIMITS": "none",
            "PANGO_STATE_DIR": str(Path(folder, "state")),
            "PYTHONPATH": str(HERE.parent),
        }
        every = [
            *tables(large=given.large, huge=given.huge),
            *jobs(f"{address}/ingest", peers=given.peers_python),
            *starts(),
        ]
        chosen = [case for case in every if not given.only or case.name in given.only]
        for number in range(given.rounds):
            for case in chosen:
                if number and case.is_once:
                    continue
                shutil.rmtree(Path(folder, "state"), ignore_errors=True)
                case.costs.append(measure(case, Path(folder, "run"), environment | case.settings))
                if case.sends:
                    case.entries.add(counted(port))
                print(f"{number + 1}/{given.rounds} {case.title}: {case.costs[-1]}", file=sys.stderr)
    Path(DATA, f"customers-{HUGE}.csv").unlink(missing_ok=True)
    figures = "\n\n".join(
        part for part in (table(chosen), compared(chosen), told(given.rounds, before, chosen)) if part
    )
    print(figures)
    if given.write is not None:
        page = given.write.read_text(encoding="utf-8")
        start, _, rest = page.partition(BEGIN)
        given.write.write_text(f"{start}{BEGIN}\n{figures}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
