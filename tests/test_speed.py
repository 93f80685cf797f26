"""What keeps the road quick, in figures that hold on any machine."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pango_load.plan import LoadPlan
from pango_load.road import open_road

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

REPOSITORY = Path(__file__).parents[1]
HEADER = "customerId,phone,email,fullName,gender,dob,createdAt,customField01,customFieldLong01\n"
KIND = ("--object", "customer-identity", "--timezone", "Asia/Ho_Chi_Minh")
CHECK = """
import resource, sys
from pango_load.cli.main import run
try:
    run()
except SystemExit as ended:
    print(ended.code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
HELP = """
import sys
sys.argv = ["pango-load", "--help"]
from pango_load.cli.main import run
try:
    run()
except SystemExit:
    heavy = {"polars", "httpx", "pydantic", "openpyxl", "starlette", "ruamel"}
    print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


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


@pytest.mark.heavy
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Protects whoever checks twenty million rows on a laptop."""

    def peak(count: int) -> int:
        path = write_customers(tmp_path / f"{count}.csv", count)
        said = subprocess.run(
            [
                sys.executable,
                "-c",
                CHECK,
                "check",
                str(path),
                *KIND,
                "--out",
                str(tmp_path / f"out-{count}"),
                "--quiet",
            ],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        code, size = said.stdout.split()[-2:]
        assert code == "3"
        return int(size)

    small, large = peak(300_000), peak(1_200_000)
    assert large <= small * 1.25


def test_help_is_shown_without_what_is_heavy() -> None:
    """Protects the first impression: nothing that reads, sends or judges is imported to say what there is."""
    said = subprocess.run([sys.executable, "-c", HELP], check=True, capture_output=True, text=True)
    assert said.stderr.strip() == "[]"
