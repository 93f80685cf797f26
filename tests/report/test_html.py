"""`report.html` tells a manager what happened, from one file, and gives nothing away."""

from __future__ import annotations

import re
import shutil
import stat
import struct
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.report_pages import a_check_page, a_clean_page, a_long_page, a_page
from support.report_summaries import a_summary

from pango_load.report.html import Example, MappingLine, report_html, write_report
from pango_load.report.pace_chart import Wait
from pango_load.report.summary import LeftFiles, RowCounts

if TYPE_CHECKING:
    from pathlib import Path

    from pango_load.report.html import ReportPage

PAGES = {"rejects": a_page(), "interrupted": a_long_page(), "clean": a_clean_page(), "check": a_check_page()}
EMPTY = {"meta", "br", "path", "rect"}


class Reader(HTMLParser):
    """Reads a page as a browser would: its tags in order, what is left open, and what a person sees."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.said: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.said.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.said))


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_a_page_is_whole_and_fetches_nothing(page: ReportPage) -> None:
    """It is sent by mail and opened without a network."""
    told = report_html(page)
    read = Reader(told)
    assert read.open == []
    assert not {"script", "link", "img", "iframe", "a"} & set(read.tags)
    assert not re.search(r"https?://|url\(|@import|\bsrc=|\bhref=", told)
    assert "default-src 'none'" in told
    assert "width=device-width" in told
    assert "prefers-color-scheme: dark" in told


def test_the_outcome_stands_first_in_one_sentence() -> None:
    """A manager reads this and no more."""
    read = Reader(report_html(a_page()))
    assert "1,197 of 1,200 rows accepted; 3 rejected." in read.text.split("rows read")[0]
    assert "Finished, with rows to mend" in read.text


def test_the_balance_is_a_bar_of_its_parts() -> None:
    """Its lengths are the counts, and each part is told in words too."""
    told = report_html(a_long_page())
    assert re.findall(r'fill-(\w+)" style="flex-grow:(\d+)"', told) == [
        ("accepted", "412350"),
        ("rejected", "12"),
        ("skipped", "100"),
        ("unknown", "50"),
        ("unsent", "587488"),
    ]
    assert "under 0.1 % of the rows" in told


def test_problems_are_told_by_code_and_by_field_with_masked_examples() -> None:
    """Who mends them sees what a wrong cell looks like; who passes the page on gives no customer away."""
    text = Reader(report_html(a_page())).text
    assert "not a date date.format dob row 12, Birthday: 99/99/9999" in text
    assert "row 7, Customer Code: empty" in text
    assert "By field Found Field 2 dob 1 customerId" in text
    assert "31/02/1990" not in text
    assert "0905" not in text
    assert "Examples show the shape of a cell only" in text


def test_values_are_shown_where_they_are_asked_for() -> None:
    """`--show-values` is for the person's own eyes."""
    text = Reader(report_html(a_page(show_values=True))).text
    assert "Birthday: 31/02/1990" in text
    assert "Tết <năm> ngoái" in text
    assert "Examples show the shape" not in text


def test_waits_are_shaded_and_summed_by_window() -> None:
    """A slow load is explained: by which limit, and for how long."""
    text = Reader(report_html(a_long_page())).text
    assert "Rows accepted per second" in text
    assert "waited for the limit over 1 min" in text
    assert "8 min waited for the service" in text


def test_a_clean_load_says_that_nothing_is_left_to_do() -> None:
    """Silence could mean that something was forgotten."""
    text = Reader(report_html(a_clean_page())).text
    assert "Nothing: no row is left to be sent or mended." in text
    assert "Problems" not in text
    assert "Rows accepted per second" not in text


def test_a_check_never_says_accepted_of_a_row() -> None:
    """Nothing was sent."""
    text = Reader(report_html(a_check_page())).text
    assert "1,197 valid" in text
    assert "1,197 accepted" not in text
    assert "Requests" not in text


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_no_page_says_loaded_or_stored(page: ReportPage) -> None:
    """The platform acknowledges; what it keeps is not known here."""
    words = Reader(report_html(page)).text.lower().replace("pango-load", "")
    assert "loaded" not in words
    assert "stored" not in words


def test_totals_that_do_not_add_up_are_said_at_once() -> None:
    """A page that looks well while rows are missing would be worse than none."""
    page = replace(a_page(), summary=a_summary(counts=RowCounts(read=10, accepted=9), left=LeftFiles()))
    text = Reader(report_html(page)).text
    assert "The totals do not add up" in text.split("What to do next")[0]


@settings(max_examples=50, deadline=None)
@given(
    evil=st.text(max_size=20) | st.sampled_from(["<script>alert(1)</script>", '"><img src=x>', "</style><b>", "&lt;"])
)
def test_nothing_that_a_file_holds_becomes_a_tag(evil: str) -> None:
    """A name typed into a form must not run in a manager's browser."""

    def tags(word: str) -> list[str]:
        page = replace(
            a_page(show_values=True),
            summary=a_summary(object=word, source=word, run=word, folder=word, next_command=word),
            examples=[Example(code="date.format", field="dob", row=1, column=word, value=word)],
            mapping=[MappingLine(word, word, word)],
        )
        return Reader(report_html(page)).tags

    assert tags(evil + "x") == tags("x")


def test_the_page_is_for_its_owner_only(tmp_path: Path) -> None:
    """It may show values."""
    path = write_report(a_page(), tmp_path)
    assert path == tmp_path / "report.html"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def test_a_table_without_examples_has_no_empty_column_for_them() -> None:
    """Warnings have none, and a head over nothing makes a reader look for what is missing."""
    assert "Examples" not in report_html(replace(a_page(), examples=()))


def test_a_column_that_is_left_out_says_so_once() -> None:
    """The reason stands in the place of the field, not beside another word for it."""
    page = replace(a_page(), mapping=[MappingLine("Notes", "", "left out on purpose"), MappingLine("Others", "")])
    assert re.findall(
        r'<td data-label="Becomes"><span class="soft">([^<]+)</span></td><td></td>', report_html(page)
    ) == [
        "left out on purpose",
        "left out",
    ]


def test_waits_are_told_in_words_that_are_no_terms_of_ours() -> None:
    """A manager knows neither "pace" nor "pause"."""
    waits = [Wait("pace", 1, 5), Wait("pause", 5, 9), Wait("1 min", 9, 12)]
    read = Reader(report_html(replace(a_page(), waits=waits)))
    for words in (
        "waited for an even pace",
        "waited for a pause that Pango asked for",
        "waited for the limit over 1 min",
    ):
        assert words in read.text


@pytest.mark.heavy
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [390, 1200], ids=["phone", "desktop"])
def test_a_browser_draws_the_page_without_a_sideways_scroll(tmp_path: Path, name: str, width: int) -> None:
    """It is looked at on a phone and on a desk; the picture stays out of the repository."""
    page = write_report(PAGES[name], tmp_path).read_text(encoding="utf-8")
    # Chromium opens no window as narrow as a phone, a frame can be. The scripts are the test's own: the page tells its
    # frame how wide it came out.
    measure = "<script>parent.postMessage(`${document.documentElement.scrollWidth} of ${innerWidth}`, '*')</script>"
    probe = page.replace("default-src 'none'; ", "").replace("</body>", f"{measure}</body>")
    (tmp_path / "probe.html").write_text(probe, encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(
        "<script>onmessage = told => { document.title = told.data }</script>"
        f'<body style="margin:0"><iframe src="probe.html" style="border:0;width:{width}px;height:900px"></iframe>',
        encoding="utf-8",
    )
    found = re.search("<title>(\\d+) of (\\d+)</title>", _browse(tmp_path, "--dump-dom", frame))
    assert found is not None
    assert int(found[2]) == width
    assert int(found[1]) <= width
    picture = tmp_path / "page.png"
    _browse(tmp_path, f"--screenshot={picture}", frame)
    assert struct.unpack(">II", picture.read_bytes()[16:24]) == (1200, 900)
    assert picture.stat().st_size > 20_000


def _browse(folder: Path, asked: str, page: Path) -> str:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    flags += ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder}/profile"]
    flags += ["--window-size=1200,900", "--hide-scrollbars", "--virtual-time-budget=2000"]
    told = subprocess.run(
        [str(CHROMIUM), *flags, asked, page.as_uri()], capture_output=True, text=True, timeout=60, check=True
    )
    return told.stdout
