"""Write a file of customers as a workbook, as Excel would: shared strings, whole numbers, real dates.

python benchmarks/make_workbook.py benchmarks/data/customers-200000.csv benchmarks/data/customers-200000.xlsx
"""

from __future__ import annotations

import csv
import sys
from datetime import datetime
from pathlib import Path

import xlsxwriter  # type: ignore[import-untyped] # no stubs exist

NUMBERS = {"yob", "customFieldLong01"}
DATES = {"createdAt"}


def write_workbook(source: Path, target: Path) -> None:
    """Write every row of `source` into the one sheet of `target`."""
    with source.open(encoding="utf-8", newline="") as file, xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet("Customers")
        when = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        rows = csv.reader(file)
        headers = next(rows)
        sheet.write_row(0, 0, headers)
        for number, cells in enumerate(rows, 1):
            for column, (name, cell) in enumerate(zip(headers, cells, strict=True)):
                if name in NUMBERS and cell:
                    sheet.write_number(number, column, int(cell))
                elif name in DATES and cell:
                    sheet.write_datetime(number, column, datetime.fromisoformat(cell), when)
                elif cell:
                    sheet.write_string(number, column, cell)


if __name__ == "__main__":
    write_workbook(Path(sys.argv[1]), Path(sys.argv[2]))
