"""Memory stays flat whatever the size of a file; behind `heavy`, since the files are large."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROGRAM = """
import resource, sys
from pathlib import Path
from pango_load.plan import SourceOptions
from pango_load.source.files import open_source

source = open_source([Path(sys.argv[1])], SourceOptions(low_memory=True))
print(sum(chunk.frame.height for chunk in source.read_chunks()))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


HELD = """
import resource, sys
from pathlib import Path
from pango_load.plan import SourceOptions
from pango_load.source.files import open_source

source = open_source([Path(sys.argv[1])], SourceOptions())
print(int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 10)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

WORKBOOK = """
import sys, xlsxwriter

with xlsxwriter.Workbook(sys.argv[1]) as book:
    sheet = book.add_worksheet()
    for row in range(int(sys.argv[2]) + 1):
        sheet.write_row(row, 0, [f"Nguyễn Văn {column} {row}" for column in range(6)])
"""


def rows_and_megabytes(path: Path) -> tuple[int, int]:
    """What a process of its own reads of the file, and its peak memory."""
    run = subprocess.run([sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True)
    rows, megabytes = run.stdout.split()
    return int(rows), int(megabytes)


def csv_row(number: int) -> bytes:
    return (
        f'KH{number:08d},Nguyễn Văn {number},"12 Lê Lợi, P. {number % 20}",090{number:07d},a;b;c,,2024-01-01\n'.encode()
    )


def json_row(number: int) -> bytes:
    return f'{{"id":"KH{number:08d}","name":"Nguyễn Văn {number}","phone":"090{number:07d}"}}\n'.encode()


def broken_row(number: int) -> bytes:
    return csv_row(number) if number % 1000 else b'1,"2\n'


HEADER = b"id,name,address,phone,tags,note,day\n"
KINDS = {
    "CSV": ("a.csv", HEADER, csv_row),
    "CSV with damage": ("a.csv", HEADER, broken_row),
    "JSONL": ("a.jsonl", b"", json_row),
}


@pytest.mark.heavy
@pytest.mark.parametrize(("name", "header", "row"), KINDS.values(), ids=KINDS.keys())
def test_five_times_the_rows_take_the_same_memory(
    name: str, header: bytes, row: Callable[[int], bytes], tmp_path: Path
) -> None:
    """Protects small machines from large exports."""
    peaks = []
    for count in (300_000, 1_500_000):
        path = tmp_path / name
        with path.open("wb") as stream:
            stream.write(header)
            stream.writelines(map(row, range(count)))
        rows, megabytes = rows_and_megabytes(path)
        assert rows == count
        peaks.append(megabytes)

    assert peaks[1] < 200
    assert peaks[1] / peaks[0] < 1.25


@pytest.mark.heavy
def test_five_times_the_rows_of_a_workbook_take_the_same_memory(tmp_path: Path) -> None:
    """Protects who asks for little memory: no two cells of the workbook hold the same text."""
    peaks = []
    for count in (20_000, 100_000):
        path = tmp_path / "a.xlsx"
        # In a process of its own: a child's peak begins with its parent's.
        subprocess.run([sys.executable, "-c", WORKBOOK, str(path), str(count)], check=True)
        rows, megabytes = rows_and_megabytes(path)
        assert rows == count
        peaks.append(megabytes)

    assert peaks[1] < 150
    assert peaks[1] / peaks[0] < 1.25


@pytest.mark.heavy
@pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is told by /proc")
def test_what_reading_a_workbook_took_is_given_back(tmp_path: Path) -> None:
    """Protects the machine that a load waits on for hours: the rows alone are needed by then."""
    path = tmp_path / "a.xlsx"
    subprocess.run([sys.executable, "-c", WORKBOOK, str(path), "100000"], check=True)
    run = subprocess.run([sys.executable, "-c", HELD, str(path)], capture_output=True, text=True, check=True)
    held, peak = map(int, run.stdout.split())

    assert held / peak < 0.75


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_rows_of_a_megabyte_take_little_memory(name: str, tmp_path: Path) -> None:
    """Protects columns with whole documents in them."""
    big = "Nguyễn, " * 100_000
    path = tmp_path / name
    with path.open("w", encoding="utf-8") as stream:
        if name == "a.csv":
            stream.write("id,text\n")
        stream.writelines(f'{n},"{big}"\n' if name == "a.csv" else f'{{"id":{n},"text":"{big}"}}\n' for n in range(300))
    rows, megabytes = rows_and_megabytes(path)

    assert rows == 300
    assert megabytes < 350
