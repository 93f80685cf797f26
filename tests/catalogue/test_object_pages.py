"""The pages under docs/objects say what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from pango_load.catalogue.pages import render_pages, write_pages
from pango_load.catalogue.types import object_type_names

FOLDER = Path(__file__).parents[2] / "docs" / "objects"


def test_the_committed_pages_are_what_the_catalogue_says() -> None:
    """A page that lags behind lies; `python -m pango_load.catalogue.pages docs/objects` brings it up to date."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}

    assert committed == dict(render_pages())


def test_every_type_has_a_page_that_the_list_links_to(tmp_path: Path) -> None:
    """A type without a page could not be looked up."""
    write_pages(tmp_path / "objects")

    listed = (tmp_path / "objects" / "README.md").read_text(encoding="utf-8")

    for name in object_type_names():
        assert f"[`{name}`]({name}.md)" in listed
        assert (tmp_path / "objects" / f"{name}.md").is_file()


def test_a_page_of_a_type_reads_as_a_table() -> None:
    """Words, example and note of a field stand in one row, whatever signs they hold."""
    page = render_pages()["customer-identity-email.md"]

    assert "| `emailType` | text | required | Business, Personal | `Business` | |\n" in page
    assert "| `email` | e-mail address | required | | `email@gmail.com` | |\n" in page
