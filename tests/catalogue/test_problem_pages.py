"""The pages under docs/problems say what the program says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pango_load.catalogue.problem_notes import DAMAGE, NOTES
from pango_load.catalogue.problem_pages import render_problem_pages, say_example, write_problem_pages
from pango_load.catalogue.problems import PROBLEM_KINDS
from pango_load.plan import LoadPlan
from pango_load.preview import preview

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "problems"
WITH_EXAMPLE = [code for code, note in NOTES.items() if note.example is not None]


def test_the_committed_pages_are_what_the_program_says() -> None:
    """A page that lags behind lies; `python -m pango_load.catalogue.problem_pages docs/problems` mends it."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}

    assert committed == dict(render_problem_pages())


def test_every_code_has_its_note_and_no_note_is_left_over() -> None:
    """Whoever looks a code up finds it, and nobody reads of one that no longer exists."""
    assert set(NOTES) == set(PROBLEM_KINDS)


def test_every_sign_of_damage_is_explained_and_none_is_left_over() -> None:
    """The codes of damaged columns stand in summaries and are looked up likewise."""
    files = ("source/damage.py", "source/damage_signs.py", "survey.py")
    source = "".join((ROOT / "pango_load" / file).read_text(encoding="utf-8") for file in files)

    assert set(DAMAGE) == set(re.findall(r'"(damage\.[a-z-]+)"', source))


def test_pages_of_codes_that_are_gone_go(tmp_path: Path) -> None:
    """A page for a code that no row can have would mislead."""
    (tmp_path / "old.code.md").write_text("gone", encoding="utf-8")

    write_problem_pages(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == set(render_problem_pages())


@pytest.mark.parametrize("code", WITH_EXAMPLE)
def test_an_example_cell_is_turned_down_in_the_very_words_of_its_page(code: str, tmp_path: Path) -> None:
    """A page that quotes what the program does not say sends its reader astray."""
    example = NOTES[code].example
    assert example is not None
    (tmp_path / "one.csv").write_text(f'customerId,email2,Name,Cell\n1,a@b.vn,An,"{example.cell}"\n', encoding="utf-8")
    options = f", {example.options}" if example.options else ""
    others = "email2: null" if example.field == "email" else "email2: email"
    zone = "" if example.field == "timezoneGmt" else "timezone: Asia/Ho_Chi_Minh\n"
    (tmp_path / "mapping.yaml").write_text(
        f"object: customer-identity\n{zone}columns:\n  customerId: customerId\n  {others}\n  Name: fullName\n"
        f"  Cell: {{field: {example.field}{options}}}\n",
        encoding="utf-8",
    )

    plan = LoadPlan(
        files=(tmp_path / "one.csv",),
        object_type="customer-identity",
        mapping=tmp_path / "mapping.yaml",
        state=tmp_path,
    )
    (row,) = preview(plan).rejected

    assert [(problem.code, problem.message, problem.hint) for problem in row.problems] == [
        (code, *say_example(code, example))
    ]
