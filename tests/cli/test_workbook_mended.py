"""A workbook of rejected rows goes through a spreadsheet program and a person's hands, and loads to the last row."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import openpyxl
import pytest
from support.program import MAIN_JOB, REPOSITORY, pango_load

from pango_load.sandbox.server import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
MENDED = {"00010007": ("Mobile", "0901000107"), "00010012": ("Email", "tung.do@example.com")}
MENDED |= {"00010018": ("Birthday", "28/02/1990"), "00010023": ("Sex", "Nữ")}


def office(folder: Path, kind: str, book: Path) -> Path:
    """Let LibreOffice open a workbook and save it as `kind`, as somebody who looks at it would."""
    out = folder / f"saved-{kind}"
    subprocess.run(
        [
            *(str(OFFICE), f"-env:UserInstallation=file://{folder}/office", "--headless"),
            *("--convert-to", kind, "--outdir", str(out), str(book)),
        ],
        capture_output=True,
        timeout=180,
        check=True,
    )
    return out / f"{book.stem}.{kind}"


@pytest.mark.heavy
@pytest.mark.skipif(OFFICE is None, reason="no LibreOffice on this machine")
def test_a_workbook_saved_by_libreoffice_and_mended_loads_to_the_last_row(tmp_path: Path) -> None:
    """Protects whoever mends rows in a spreadsheet: ids keep their zeros, dates stay dates, all 25 customers arrive."""
    shutil.copy(REPOSITORY / "sample_data" / "customers.xlsx", tmp_path)
    shutil.copytree(REPOSITORY / "mappings", tmp_path / "mappings")
    with Sandbox() as sandbox:
        first = pango_load("customers.xlsx", *MAIN_JOB, "--out", "run", "--json", folder=tmp_path, sandbox=sandbox)
        assert (first.code, first.counts["accepted"], first.counts["rejected"]) == (3, 21, 4)
        rejected = tmp_path / "run" / "rejected.xlsx"
        assert office(tmp_path, "pdf", rejected).stat().st_size > 10_000

        saved = office(tmp_path, "xlsx", rejected)
        book = openpyxl.load_workbook(saved)
        sheet = book.worksheets[0]
        heads = [cell.value for cell in sheet[1]]
        for row in sheet.iter_rows(min_row=2):
            column, value = MENDED[str(row[0].value)]
            row[heads.index(column)].value = value
        book.save(saved)

        second = pango_load("retry", "last", str(saved), "--json", folder=tmp_path, sandbox=sandbox)
        # The run's own balance: four rows of the workbook, and all 25 customers are accounted for.
        assert (second.code, second.counts["accepted"], second.counts["rejected"]) == (0, 25, 0)
        arrived = sorted(str(entry["customerId"]) for entry in sandbox.accepted_entries)
        assert arrived == [f"{number:08d}" for number in range(10001, 10026)]
