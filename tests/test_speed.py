"""What keeps the road quick, in figures that hold on any machine."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.delivery_record import StrictRecord, make_batches
from support.delivery_world import CREDENTIALS, stream

from pango_load.clock import SystemClock
from pango_load.delivery.answer import Answer
from pango_load.delivery.limiter import Limiter
from pango_load.delivery.profile import DOCUMENTED
from pango_load.delivery.sender import deliver
from pango_load.delivery.stop import StopRequest
from pango_load.plan import DeliveryOptions, LoadPlan
from pango_load.road import open_road

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from pango_load.delivery.answer import Reply
    from pango_load.delivery.client import Line

REPOSITORY = Path(__file__).parents[1]
HEADER = "customerId,phone,email,fullName,gender,dob,createdAt,customField01,customFieldLong01\n"
KIND = ("--object", "customer-identity", "--timezone", "Asia/Ho_Chi_Minh")
CHECK = """
import sys
from pango_load.cli.program import program
try:
    program()
except SystemExit as ended:
    assert ended.code == 3, ended.code
"""
FLOOR = """
import sys
import polars as pl
lengths = pl.all().str.len_bytes().sum()
pl.scan_csv(sys.argv[1], infer_schema=False).select(lengths).collect(engine="streaming")
"""
FLOOR_OF_WORKBOOKS = """
import sys
import fastexcel
fastexcel.read_excel(sys.argv[1]).load_sheet(0, dtypes="string").to_polars()
"""
COST = """
import resource
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
HELP = """
import sys
sys.argv = ["pango-load", "--help"]
from pango_load.cli.program import program
try:
    program()
except SystemExit:
    heavy = {"polars", "httpx", "pydantic", "openpyxl", "starlette", "ruamel"}
    print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


WORKBOOK_CHECK = """
import sys
sys.argv = ["pango-load", "check", *sys.argv[1:]]
from pango_load.cli.program import program
try:
    program()
except SystemExit as ended:
    print(ended.code, sorted({"openpyxl", "xlsxwriter", "xlrd"} & set(sys.modules)))
"""


def write_workbook(path: Path, count: int) -> Path:
    """The customers as a workbook; a process of its own writes it, since its memory would be taken for the reader's."""
    write_customers(path.with_suffix(".csv"), count)
    code = "import sys, polars as pl; pl.read_csv(sys.argv[1], infer_schema=False).write_excel(sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, str(path.with_suffix(".csv")), str(path)], check=True)
    return path


def write_customers(path: Path, count: int) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for number in range(count):
            phone, gender = f"09{number:08d}", ("male", "Female")[number % 7 == 0]
            born = "1990-02-30" if number % 50 == 0 else f"19{50 + number % 50}-01-{1 + number % 28:02d}"
            file.write(
                f"C{number:09d},{phone},khach.{number}@example.vn,Nguyễn Văn An {number % 900},{gender},{born},"
                f"2024-01-{1 + number % 28:02d} 08:{number % 60:02d}:00,Gold,{number}\n"
            )
    return path


def plan_for(path: Path) -> LoadPlan:
    return LoadPlan(
        files=(path,), object_type="customer-identity", state=path.parent / "state", timezone="Asia/Ho_Chi_Minh"
    )


def test_a_chunk_is_judged_in_few_queries_however_many_rows_it_has(tmp_path: Path) -> None:
    """Protects the time of `check`: a query costs as much as some thousand cells, and they add up unseen."""
    road = open_road(plan_for(write_customers(tmp_path / "customers.csv", 40_000)))
    queries: Counter[int] = Counter()
    chunks = 0

    def count(frame: FrameType, event: str, what: object) -> None:
        if event == "c_call" and getattr(what, "__name__", "") == "collect":
            queries[chunks] += 1

    passages: Iterator[object] = road.passages()
    sys.setprofile(count)
    try:
        for _ in passages:
            chunks += 1
    finally:
        sys.setprofile(None)
    assert chunks > 0
    assert 5 < max(queries.values()) <= 75


class _Instant:
    """A platform that answers before anybody has to wait."""

    host = "pango.test"
    profile = DOCUMENTED
    credentials = CREDENTIALS

    def open_line(self) -> Line:
        return self

    async def authenticate(self) -> Reply:
        return Answer(status=200, body=b'{"success": true, "token": "t-1", "expiredAfter": 1800}')

    async def send(self, entries: Sequence[bytes], token: str) -> Reply:
        return Answer(status=200, body=b'{"success": true}')

    async def close(self) -> None:
        pass


def calls_of_a_load(batches: int) -> int:
    """How many calls, Python's and C's, it takes to deliver so many batches of 50."""
    calls = 0

    def count(frame: FrameType, event: str, what: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    made, clock = make_batches(batches, size=50), SystemClock()

    async def main() -> None:
        sys.setprofile(count)
        try:
            await deliver(
                stream(made),
                client=_Instant(),
                limiter=Limiter((), clock=clock),
                recorder=StrictRecord(made),
                options=DeliveryOptions(senders=8, windows=()),
                clock=clock,
                stop=StopRequest(),
            )
        finally:
            sys.setprofile(None)

    asyncio.run(main())
    return calls


def test_a_batch_takes_few_calls_on_its_way() -> None:
    """Protects whose limits are raised: thousands of batches a second share one event loop."""
    assert 100 < (calls_of_a_load(300) - calls_of_a_load(100)) / 200 <= 600


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a whole process: seconds of the processor, and KiB of memory at its peak."""

    cpu: float
    peak: int


def cost_of(folder: Path, code: str, *words: str) -> Cost:
    said = subprocess.run(
        [sys.executable, "-c", code + COST, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    cpu, peak = said.stdout.split()[-2:]
    return Cost(float(cpu), int(peak))


def check_of(path: Path) -> Cost:
    return cost_of(path.parent, CHECK, "check", str(path), *KIND, "--out", f"{path}-out", "--quiet")


@pytest.mark.heavy
def test_a_check_stays_near_the_floor_and_its_memory_flat(tmp_path: Path) -> None:
    """Protects whoever checks twenty million rows on a laptop: time and memory, as ratios that any machine shows.

    The goal for the processor's time is 2.6 times the floor, and docs/performance.md says how far that is. Twice that
    is no noise: it is a slow change.
    """
    small, large = (write_customers(tmp_path / f"{count}.csv", count) for count in (200_000, 1_000_000))

    floor = min(cost_of(tmp_path, FLOOR, str(large)).cpu for _ in range(2))
    first, second = check_of(small), check_of(large)

    assert second.cpu <= 6.5 * floor
    assert second.peak <= first.peak * 1.15


def test_help_is_shown_without_what_is_heavy() -> None:
    """Protects the first impression: nothing that reads, sends or judges is imported to say what there is."""
    said = subprocess.run([sys.executable, "-c", HELP], check=True, capture_output=True, text=True)
    assert said.stderr.strip() == "[]"


@pytest.mark.parametrize(("rows", "said"), [(1, "3 ['xlsxwriter']"), (0, "0 []")], ids=["a row rejected", "none"])
def test_a_workbook_is_read_with_the_fast_engine_alone(rows: int, said: str, tmp_path: Path) -> None:
    """Protects the start of a nightly job: the other libraries for workbooks take longer to import than ten rows do."""
    # The first customer's birthday is none.
    write_workbook(tmp_path / "a.xlsx", 3)
    words = ["a.xlsx", *KIND, "--out", "out", "--quiet", *(() if rows else ("--skip-rows", "1"))]
    done = subprocess.run(
        [sys.executable, "-c", WORKBOOK_CHECK, *words], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == said


@pytest.mark.heavy
def test_the_check_of_a_workbook_stays_near_the_engine_that_reads_it(tmp_path: Path) -> None:
    """Protects whoever gets workbooks; in fewer columns than the benchmark's, start and rejects weigh more."""
    path = write_workbook(tmp_path / "a.xlsx", 200_000)

    floor = min((cost_of(tmp_path, FLOOR_OF_WORKBOOKS, str(path)) for _ in range(2)), key=lambda cost: cost.cpu)
    check = check_of(path)

    assert check.cpu <= 3.5 * floor.cpu
    assert check.peak <= 2.2 * floor.peak
