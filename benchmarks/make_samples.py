"""Write sample_data/customers.xlsx and customers.jsonl from customers.csv, so that the three hold the same people.

python benchmarks/make_samples.py
"""

import csv
import json
from datetime import datetime
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

FOLDER = Path(__file__).parent.parent / "sample_data"
DATES = {"Birthday": ("%d/%m/%Y", "dd/mm/yyyy"), "Last visit": ("%d/%m/%Y %H:%M", "dd/mm/yyyy hh:mm")}


def excel_cell(header: str, text: str) -> tuple[object, str]:
    """Return what Excel would hold, and its format: real dates and numbers, everything else as text."""
    if not text:
        return None, "General"
    if header in DATES:
        pattern, shown = DATES[header]
        try:
            return datetime.strptime(text, pattern), shown  # noqa: DTZ007 - a cell of Excel has no zone
        except ValueError:
            return text, "@"
    return (int(text), "#,##0") if header == "Points" else (text, "@")


def write_workbook(rows: list[dict[str, str]], path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Customers"
    sheet.freeze_panes = "A2"
    for column, header in enumerate(rows[0], start=1):
        sheet.cell(row=1, column=column, value=header).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(column)].width = max(12, *(len(row[header]) for row in rows))
        for line, row in enumerate(rows, start=2):
            value, shown = excel_cell(header, row[header])
            cell = sheet.cell(row=line, column=column)
            cell.number_format = shown
            cell.value = value  # type: ignore[assignment] # a merged cell takes none, and there is none
    book.save(path)


def as_record(row: dict[str, str]) -> dict[str, object]:
    """Return what a web shop would export: nested address, a real list, a real number, nothing where nothing is."""
    record: dict[str, object] = {}
    for header, text in row.items():
        group, _, name = header.partition(".")
        if not text:
            continue
        if name:
            nested = record.setdefault(group, {})
            assert isinstance(nested, dict)
            nested[name] = text
        elif header == "Aliases":
            record[header] = [alias.strip() for alias in text.split(";")]
        else:
            record[header] = int(text) if header == "Points" else text
    return record


def main() -> None:
    with (FOLDER / "customers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    write_workbook(rows, FOLDER / "customers.xlsx")
    lines = [json.dumps(as_record(row), ensure_ascii=False) for row in rows]
    (FOLDER / "customers.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(rows)} customers in {FOLDER}")


if __name__ == "__main__":
    main()
