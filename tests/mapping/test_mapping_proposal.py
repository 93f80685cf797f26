"""What `pango-load map` makes of a file that nobody has mapped yet."""
# ruff: noqa: E501 - a proposal stands here as it is written

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot
from pydantic import BaseModel
from ruamel.yaml import YAML
from support.mapping_exports import HOSTILE_HEADERS, chunk_of, read_export

from pango_load.catalogue.types import object_type
from pango_load.errors import MappingError, UsageError
from pango_load.mapping.evidence import masked
from pango_load.mapping.names import trimmed
from pango_load.mapping.proposal_text import proposal_text, write_proposal
from pango_load.mapping.propose import Proposal, propose
from pango_load.mapping.read import read_mapping
from pango_load.mapping.resolve import fit
from pango_load.records import MARK_COLUMNS

EXPORTS = Path(__file__).parent / "exports"
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "mapping.md"


class Expected(BaseModel):
    """What a person would map."""

    object: str
    required: list[str]
    columns: dict[str, str]


def _expected() -> dict[str, Expected]:
    pages: dict[str, object] = YAML(typ="safe").load((EXPORTS / "expected.yaml").read_text(encoding="utf-8"))
    return {name: Expected.model_validate(page) for name, page in pages.items()}


EXPECTED = _expected()


def _proposal(name: str) -> Proposal:
    headers, chunk = read_export(EXPORTS / f"{name}.csv")
    return propose(object_type(EXPECTED[name].object), headers, [chunk])


def _sent(proposal: Proposal) -> dict[str, str]:
    return {column.header: column.field for column in proposal.columns if column.field is not None}


def test_every_export_is_expected() -> None:
    """Protects the figure from exports that nobody counts."""
    assert {path.stem for path in EXPORTS.glob("*.csv")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_required_field_of_an_export_finds_its_column(name: str) -> None:
    """Protects the promise of one command: what a load cannot do without is right without help."""
    expected = EXPECTED[name]
    columns = {field: header for header, field in expected.columns.items()}
    proposed = {field: header for header, field in _sent(_proposal(name)).items()}
    assert {field: proposed.get(field) for field in expected.required} == {
        field: columns[field] for field in expected.required
    }
    assert _proposal(name).lacking == ()


def _measured() -> tuple[int, int, int]:
    """Lines that are right, lines that are proposed, and lines that a person would write, over all exports."""
    right = proposed = wanted = 0
    for name, expected in EXPECTED.items():
        sent = _sent(_proposal(name))
        right += sum(expected.columns.get(header) == field for header, field in sent.items())
        proposed += len(sent)
        wanted += len(expected.columns)
    return right, proposed, wanted


def test_precision_and_recall_are_what_the_reference_says() -> None:
    """Protects the reader of the reference: the figure that it quotes is measured here."""
    right, proposed, wanted = _measured()
    said = f"{right} of {proposed} proposed lines are right (precision {right / proposed:.1%}), "
    said += f"and {right} of {wanted} wanted ones are found (recall {right / wanted:.1%})"
    assert said in " ".join(DOCS.read_text(encoding="utf-8").split())


def test_precision_and_recall_are_what_the_readme_says() -> None:
    """Protects whoever decides by the README: its figure is measured here, and moves with the program."""
    right, proposed, wanted = _measured()
    said = f"every required field, {right / proposed:.1%} of the lines it proposes right (precision) and "
    said += f"{right / wanted:.1%} of the wanted ones found (recall)"
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert said in readme
    assert f"{len(EXPECTED)} exports" in readme


SAMPLES = {
    "activities": "customer-product-activity",
    "addresses": "customer-identity-address",
    "comments": "customer-product-comment",
    "customers": "customer-identity",
    "email_interactions": "email-interaction",
    "emails": "customer-identity-email",
    "memberships": "customer-membership",
    "photos": "customer-identity-photo",
    "relationships": "customer-relationship",
    "reviews": "customer-product-review",
    "sms_interactions": "sms-interaction",
    "subscribers": "customer-product-subscriber",
}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_every_required_field_of_a_sample_finds_the_column_that_its_mapping_names(name: str) -> None:
    """Protects the newcomer who tries map on the samples, which were not written for it."""
    headers, chunk = read_export(ROOT / "sample_data" / f"{name}.csv")
    kind = object_type(SAMPLES[name])
    proposal = propose(kind, headers, [chunk])
    mapping = fit(read_mapping(ROOT / "mappings" / f"{kind.name}.yaml"), headers)
    wanted = {rule.target: rule.column for rule in mapping.columns if rule.rule.required and rule.column is not None}
    proposed = {field: header for header, field in _sent(proposal).items()}
    assert {field: proposed.get(field) for field in wanted} == wanted


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_proposal_loads_as_it_is(name: str, tmp_path: Path) -> None:
    """Protects the newcomer: what map writes, load reads."""
    headers, _ = read_export(EXPORTS / f"{name}.csv")
    path = tmp_path / "mappings" / "x.yaml"
    write_proposal(proposal_text(_proposal(name), file_name=f"{name}.csv"), path)
    fitted = fit(read_mapping(path), headers, strict=True)
    assert {rule.column: rule.target for rule in fitted.columns} == _sent(_proposal(name))


def test_a_proposal_explains_every_line() -> None:
    """Protects the person who has to trust it: how sure, why, and what the cells look like, masked."""
    text = proposal_text(_proposal("pos"), file_name="pos.csv")
    assert text == snapshot("""\
# yaml-language-server: $schema=mapping.schema.json
# Proposed by `pango-load map` from pos.csv: 8 of 11 columns sent.
# A percentage says how sure it is; look through the low ones, then try `pango-load preview`.
object: customer-identity
timezone: Asia/Ho_Chi_Minh # the clock of the file's dates: check it; Etc/GMT-7 is the same without its changes before June 1975
columns:
  STT: null                       # not sent: a name that says nothing; e.g. 1, 2, 3
  Mã KH: customerId               # 93%: a known word for it; e.g. C•••••••••
  Tên KH: fullName                # 94%: a known word for it; e.g. N••••• V•• A•, T••• T•• B•••, L• H•••• L•••
  SĐT: phone                      # 96%: a known word for it; the values look like phone numbers; e.g. 0•••••••••
  Ngày sinh: {field: dob, format: '%d/%m/%Y'} # 98%: a known word for it; the values look like dates; proved: some cells read only with the day first; e.g. 1•/0•/1•••, 3•/1•/1•••, 0•/0•/1•••
  Giới tính: {field: gender, values: {Nam: male, Nữ: female}} # 98%: a known word for it; the values look like words of its list; e.g. N••, N•
  Địa chỉ: address                # 94%: a known word for it; e.g. 1• L• L••, 2• L• L••
  Tỉnh/TP: city                   # 94%: a known word for it; e.g. T•. H• C•• M•••, H• N••, Đ• N•••
  Nhóm KH: customerGroup          # 94%: a known word for it; e.g. S•, L•
  Hạng thẻ: null                  # not sent: no field for it; 3 different words; customField01 would hold it; e.g. V•••, B••, Đ•••
  Điểm: null                      # not sent: no field for it; whole numbers; customFieldLong01 would hold it; e.g. 0, 1••, 2••
# A file with other headers is not loaded, and what was renamed is named. Delete the line to switch this off.
headers: [STT, Mã KH, Tên KH, SĐT, Ngày sinh, Giới tính, Địa chỉ, Tỉnh/TP, Nhóm KH, Hạng thẻ, Điểm]
""")


# --- dates ------------------------------------------------------------------------------------------------------------

ROWS = {"Code": ["C1", "C2", "C3"], "Phone": ["0901234567", "0901234568", "0901234569"], "Name": ["An", "Bình", "Chi"]}


def _with_dates(*cells: str) -> Proposal:
    columns = {**ROWS, "Birthday": list(cells)}
    return propose(object_type("customer-identity"), list(columns), [chunk_of(columns)])


def _format_of(proposal: Proposal) -> object:
    return next(column.options.get("format") for column in proposal.columns if column.header == "Birthday")


@pytest.mark.parametrize(
    ("cells", "written"),
    [
        pytest.param(("01/02/1990", "31/12/1991", "5/6/1992"), "%d/%m/%Y", id="a-31st-settles-day-first"),
        pytest.param(("01/02/1990", "12/31/1991", "5/6/1992"), "%m/%d/%Y", id="a-31st-settles-month-first"),
        pytest.param(("01/02/1990", "03/04/1991", "5/6/1992"), "decide: %d/%m/%Y or %m/%d/%Y", id="nothing-above-12"),
        pytest.param(("31/12/1990", "12/31/1991", "5/6/1992"), "decide: %d/%m/%Y or %m/%d/%Y", id="both-occur"),
        pytest.param(("31/02/1990", "30/11/1991", "5/6/1992"), "%d/%m/%Y", id="one-of-three-is-no-day"),
        pytest.param(("1990-02-01", "1991-12-31", "1992-06-05"), None, id="iso-needs-none"),
        pytest.param(("1584507164000", "1584507164001", "1584507164002"), None, id="epoch-milliseconds-need-none"),
        pytest.param(("1584507164", "1584507165", "1584507166"), "epoch-s", id="epoch-seconds"),
        pytest.param(("19900201", "19911231", "19920605"), "%Y%m%d", id="eight-digits"),
        pytest.param(("1 Feb 1990", "31 December 1991", "5 Jun 1992"), "%d %B %Y", id="names-of-months"),
        pytest.param(("01/02/1990 10:30", "31/12/1991 23:59", "5/6/1992 00:00"), "%d/%m/%Y %H:%M", id="with-a-time"),
        pytest.param(("01/02/1990 10:30 PM", "31/12/1991 01:59 AM", ""), "%d/%m/%Y %I:%M %p", id="with-am-and-pm"),
        pytest.param(
            ("1990-02-01 10:00:00 +0700", "1991-12-31 10:00:00 +0700", ""), "%Y-%m-%d %H:%M:%S %z", id="with-an-offset"
        ),
        pytest.param(("01/02/1990", "31/12/1991 10:30", ""), ["%d/%m/%Y", "%d/%m/%Y %H:%M"], id="two-layouts"),
    ],
)
def test_the_pattern_of_dates_is_proved_or_left_open(cells: tuple[str, ...], written: object) -> None:
    """Protects birthdays: no order of day and month is ever guessed."""
    assert _format_of(_with_dates(*cells)) == written


def test_the_row_that_settles_the_dates_may_be_the_last_one_of_the_file() -> None:
    """Protects large files: the proof takes every chunk into account, not a sample."""
    quiet = {**ROWS, "Birthday": ["01/02/1990", "03/04/1991", "05/06/1992"]}
    telling = {**ROWS, "Birthday": ["01/02/1990", "03/04/1991", "31/12/1992"]}
    chunks = [chunk_of(quiet, first=3 * number) for number in range(50)] + [chunk_of(telling, first=150)]
    assert _format_of(propose(object_type("customer-identity"), list(quiet), chunks)) == "%d/%m/%Y"


def test_open_dates_never_load_and_both_readings_are_offered(tmp_path: Path) -> None:
    """Protects birthdays: somebody has to decide before anything is sent."""
    proposal = _with_dates("01/02/1990", "03/04/1991", "05/06/1992")
    path = tmp_path / "x.yaml"
    write_proposal(proposal_text(proposal, file_name="x.csv"), path)
    with pytest.raises(MappingError) as caught:
        fit(read_mapping(path), [*ROWS, "Birthday"])
    (told,) = caught.value.mistakes
    assert told.endswith(
        "columns > Birthday > format: still open: which pattern the dates have is not decided. "
        'Write "%d/%m/%Y" or "%m/%d/%Y" here.'
    )
    assert '"Birthday" can be read in more than one way' in path.read_text(encoding="utf-8")


@given(
    days=st.lists(st.dates(min_value=date(1950, 1, 1), max_value=date(2199, 12, 31)), min_size=1, max_size=30),
    order=st.sampled_from(["%d/%m/%Y", "%m/%d/%Y"]),
)
@settings(max_examples=40, deadline=None)
def test_a_proved_pattern_is_always_the_one_that_the_dates_were_written_with(days: list[date], order: str) -> None:
    """Protects birthdays: whatever the dates are, the proof is right or left open."""
    cells = [f"{day:{order}}" for day in days]
    columns = {"Code": [f"C{n}" for n in range(len(cells))], "Birthday": cells}
    found = _format_of(propose(object_type("customer-identity"), list(columns), [chunk_of(columns)]))
    assert found in {order, "decide: %d/%m/%Y or %m/%d/%Y"}


# --- what else the values say -----------------------------------------------------------------------------------------


def _options(header: str, cells: list[str], kind: str = "customer-identity") -> tuple[str | None, dict[str, object]]:
    columns = {"Code": [f"C{n}" for n in range(len(cells))], header: cells}
    proposal = propose(object_type(kind), list(columns), [chunk_of(columns)])
    column = next(column for column in proposal.columns if column.header == header)
    return column.field, dict(column.options)


@pytest.mark.parametrize(
    ("kind", "header", "cells", "field", "options"),
    [
        pytest.param(
            "customer-identity",
            "Phái",
            ["Nam", "Nữ", "Nam", "Khác"],
            "gender",
            {"values": {"Nam": "male", "Nữ": "female", "Khác": "undefined"}},
            id="words-in-vietnamese",
        ),
        pytest.param(
            "customer-identity",
            "SĐT",
            ["901234567", "902345678", "0903456789"],
            "phone",
            {"clean": "restore-zero"},
            id="phones-that-lost-their-zero",
        ),
        pytest.param("customer-identity", "Liên lạc", ["a@b.vn", "c@d.vn"], "email", {}, id="e-mails-by-their-look"),
        pytest.param(
            "customer-identity", "Aliases", ["An; Ân", "Bình"], "nickNames", {"split": ";"}, id="items-of-a-list"
        ),
        pytest.param(
            "customer-membership",
            "Điểm",
            ["1.250", "12.000.500", "0"],
            "loyaltyPoint",
            {"grouping": "."},
            id="points-between-thousands",
        ),
        pytest.param(
            "customer-product-review",
            "Giá",
            ["12,5", "1250", "3,75"],
            "productPrice",
            {"decimal": ","},
            id="a-decimal-comma",
        ),
        pytest.param(
            "customer-product-review",
            "Giá",
            ["185.000,00", "95.000,00"],
            "productPrice",
            {"decimal": ",", "grouping": "."},
            id="both-signs",
        ),
        pytest.param(
            "customer-product-review",
            "Giá",
            ["85,000", "1,250,000"],
            "productPrice",
            {"grouping": ","},
            id="two-groups-prove-thousands",
        ),
        pytest.param(
            "customer-product-review",
            "Giá",
            ["85,000", "120,000"],
            "productPrice",
            {"grouping": "decide: ,"},
            id="one-group-proves-nothing",
        ),
        pytest.param(
            "customer-relationship",
            "Quan hệ",
            ["Con", "Chồng", "Mẹ", "Con"],
            "relationship",
            {"values": {"Con": "child", "Chồng": "husband", "Mẹ": "mother"}},
            id="relations-in-vietnamese",
        ),
        pytest.param(
            "customer-identity-email",
            "kind",
            ["Business", "Personal", "Business", "Business"],
            "emailType",
            {},
            id="a-list-by-its-words",
        ),
        pytest.param("customer-identity", "Email", ["yes", "no", "yes"], None, {}, id="a-name-that-its-values-deny"),
    ],
)
def test_the_values_of_a_column_shape_its_line(
    kind: str, header: str, cells: list[str], field: str | None, options: dict[str, object]
) -> None:
    """Protects the person who would otherwise look up every option."""
    assert _options(header, cells, kind) == (field, options)


@pytest.mark.parametrize(
    "header",
    ["Product name", "Company name", "Last purchase date", "Quê quán", "Người giới thiệu", "Mã nhân viên", "Zalo ID"],
)
def test_a_column_of_another_thing_is_not_taken_for_the_customers_own(header: str) -> None:
    """Protects customer data from a product's name: a vague word inside a header means nothing."""
    assert _options(header, ["Áo", "Quần", "Áo"]) == (None, {})


def test_columns_that_are_left_over_are_null_and_name_the_slot_that_would_hold_them() -> None:
    """Protects slots in use: nothing is sent into a slot that nobody has looked up."""
    columns = {**ROWS, "Colour": ["Vàng", "Bạc", "Vàng"], "Spent": ["100", "200", "300"]}
    proposal = propose(object_type("customer-identity"), list(columns), [chunk_of(columns)])
    assert [(column.field, column.slot) for column in proposal.columns[3:]] == [
        (None, "customField01"),
        (None, "customFieldLong01"),
    ]


def test_columns_that_are_left_over_go_into_slots_when_asked_to() -> None:
    """Protects the person who knows that the slots are free."""
    columns = {**ROWS, "Colour": ["Vàng", "Bạc", "Vàng"], "Seen": ["31/12/2024", "01/02/2024", "03/04/2024"]}
    proposal = propose(object_type("customer-identity"), list(columns), [chunk_of(columns)], fill_slots=True)
    assert [(column.field, column.options.get("format")) for column in proposal.columns[3:]] == [
        ("customField01", None),
        ("customFieldTimestamp01", "%d/%m/%Y"),
    ]


def test_a_time_that_goes_into_a_slot_asks_for_a_zone_like_any_other() -> None:
    """Protects from a proposal that stops at its first date."""
    columns = {**ROWS, "Seen": ["31/12/2024", "01/02/2024", "03/04/2024"]}
    kind = object_type("customer-identity")
    assert propose(kind, list(columns), [chunk_of(columns)], fill_slots=True).needs_zone
    assert not propose(kind, list(columns), [chunk_of(columns)]).needs_zone


def test_a_column_of_numbers_and_words_goes_into_a_slot_for_text() -> None:
    """Protects rows: a slot for numbers would reject those with a word, for a column that nobody asked for."""
    columns = {name: cells * 2 for name, cells in ROWS.items()} | {"Spent": ["1", "2", "3", "4", "5", "x"]}
    (found,) = propose(object_type("customer-identity"), list(columns), [chunk_of(columns)], fill_slots=True).columns[
        3:
    ]
    assert found.field == "customField01"


def test_a_type_without_slots_is_proposed_none() -> None:
    """Protects the types whose tables have no custom fields."""
    columns = {"customerId": ["C1"], "email": ["a@b.vn"], "Tier": ["Vàng"]}
    proposal = propose(object_type("customer-identity-email"), list(columns), [chunk_of(columns)])
    assert proposal.columns[2].slot is None
    assert proposal.lacking == ("emailType is required, and no column becomes it.",)


ORDERS = {
    "Mã đơn hàng": ["DH1", "DH1", "DH2"],
    "Trạng thái đơn hàng": ["Hoàn thành", "Hoàn thành", "Hủy"],
    "Mã KH": ["C1", "C1", "C2"],
    "Tên khách hàng": ["An", "An", "Bình"],
    "Email": ["a@b.vn", "a@b.vn", "c@d.vn"],
    "Mã SP": ["S1", "S2", "S1"],
    "Tên sản phẩm": ["Trà", "Cà phê", "Trà"],
    "Số lượng": ["1", "2", "1"],
}


def test_the_rows_of_an_order_are_proposed_as_its_items(tmp_path: Path) -> None:
    """Protects exports with one row for each item of an order, which is nearly all of them."""
    proposal = propose(object_type("order"), list(ORDERS), [chunk_of(ORDERS)])
    path = tmp_path / "x.yaml"
    write_proposal(proposal_text(proposal, file_name="orders.csv"), path)
    fitted = fit(read_mapping(path), list(ORDERS), strict=True)
    (group,) = fitted.groups
    assert proposal.lacking == ()
    assert (group.target, group.group_by) == ("items", "Mã đơn hàng")
    assert [(rule.target, rule.column) for rule in group.columns] == [
        ("productSku", "Mã SP"),
        ("productName", "Tên sản phẩm"),
        ("quantity", "Số lượng"),
    ]


def test_items_that_stand_in_one_cell_are_proposed_as_they_are() -> None:
    """Protects orders from a pipeline: their items are a nested list already, and no column of rows may take its place."""
    cells = {"orderId": ["A1", "A2"], "items": ['[{"productSku":"S1"}]', ' [{"productSku":"S2"},{"productSku":"S3"}]']}
    proposal = propose(object_type("order"), list(cells), [chunk_of(cells)])
    assert _sent(proposal) == {"orderId": "orderId", "items": "items"}
    assert proposal.columns[1].why == "the field's own name; the values look like nested lists or objects"
    assert not any("items is required" in sentence for sentence in proposal.lacking)

    words = cells | {"items": ["two teas", "coffee"]}
    proposal = propose(object_type("order"), list(words), [chunk_of(words)])
    assert _sent(proposal) == {"orderId": "orderId"}


def test_a_file_with_headers_alone_is_proposed_by_its_names() -> None:
    """Protects the person who has only a template yet."""
    proposal = propose(object_type("customer-identity"), ["Mã KH", "SĐT", "Họ tên", "Màu"], [])
    assert _sent(proposal) == {"Mã KH": "customerId", "SĐT": "phone", "Họ tên": "fullName"}


def test_a_type_of_which_no_field_is_known_says_where_to_find_them() -> None:
    """Protects types whose table stands on no public page."""
    proposal = propose(object_type("shopping-cart"), ["cartId"], [chunk_of({"cartId": ["1"]})])
    assert proposal.lacking == (
        "no field of shopping-cart is known: name them after a payload of the console (`pango-load objects learn`).",
    )


# --- what is written --------------------------------------------------------------------------------------------------


@given(cell=st.text(max_size=60))
def test_a_masked_cell_never_shows_two_letters_of_a_word(cell: str) -> None:
    """Protects customers: a mapping is passed around, and it shows shapes, not people."""
    assert not re.search(r"[^\W_•][^\W•]", masked(cell))


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        pytest.param("Nguyễn Văn An", "N••••• V•• A•", id="composed"),
        pytest.param("Nguye\u0302\u0303n", "N•••••", id="taken-apart"),
        pytest.param("\u0e01\u0e34\u0e19", "\u0e01••", id="marks-that-stay-apart"),
        pytest.param("minh.anh_1@example.com", "m•••.a••••@e••••••.c••", id="an-address"),
        pytest.param("a" * 30, "a" + "•" * 23 + "…", id="a-long-one"),
    ],
)
def test_a_masked_cell_shows_the_first_sign_of_each_word(cell: str, shown: str) -> None:
    """Protects customers whose names come with their diacritics taken apart."""
    assert masked(cell) == shown


HEADERS = st.text(min_size=1, max_size=20).filter(lambda name: name not in MARK_COLUMNS)


@given(headers=st.lists(HEADERS, min_size=1, max_size=6, unique_by=trimmed))
@example(headers=["^.*$", "^[$", "^$", "<<", "null", "?0", "a: b # c", "%d", "0123", "a\nb", "\x00"])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_headers_are_the_mapping_that_is_written_names_them(headers: list[str], tmp_path: Path) -> None:
    """Protects files with odd headers: quotes, colons, percent signs, line breaks."""
    columns = {header: ["x", None] for header in headers}
    path = tmp_path / "x.yaml"
    text = proposal_text(propose(object_type("product"), headers, [chunk_of(columns)]), file_name="x\ny.csv")
    write_proposal(text, path, force=True)
    mapping = read_mapping(path)
    assert mapping.mistakes == ()
    assert mapping.mentioned == tuple(trimmed(header) for header in headers)


SOUND = {"Mã KH": ["K1", "K2"], "SĐT": ["0901234567", "0901234568"], "Họ tên": ["An", "Bình"]}
WILD = st.one_of(
    HEADERS,
    st.sampled_from(HOSTILE_HEADERS),
    st.text("LÀ: #-'\"{}[]&*!|>%@`", min_size=250, max_size=320),
)


@given(
    headers=st.lists(WILD.filter(trimmed), max_size=8, unique_by=trimmed),
    cell=st.sampled_from(
        [
            "x",
            "31/12/2024",
            "1,250",
            "a@b.vn",
            "0901234567",
            "yes",
            "#c",
            "- x: y",
            "a\x07b",
            "\x1b[31mx",
            "\x85\ufffe",
            "\u202ea",
        ]
    ),
    fill_slots=st.booleans(),
    width=st.sampled_from([None, 40, 100]),
)
@example(headers=list(HOSTILE_HEADERS), cell="31/12/2024", fill_slots=True, width=None)
@example(headers=list(HOSTILE_HEADERS), cell="x", fill_slots=False, width=80)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_headers_are_what_map_writes_loads_without_a_warning(
    headers: list[str], cell: str, fill_slots: bool, width: int | None, tmp_path: Path
) -> None:
    """Protects files with odd headers: a proposal is whole, names every column, and changes no other line by one."""
    columns = SOUND | {name: [cell, None] for name in headers if trimmed(name) not in SOUND}
    proposal = propose(object_type("customer-identity"), list(columns), [chunk_of(columns)], fill_slots=fill_slots)
    path = tmp_path / "x.yaml"
    text = proposal_text(proposal, file_name="x\n\x1b.csv", width=width)
    write_proposal(text, path, force=True)
    mapping = read_mapping(path)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", text)
    if proposal.undecided:
        assert {mistake.keys[1] for mistake in mapping.mistakes} == {trimmed(name) for name in proposal.undecided}
        return
    fitted = fit(mapping, list(columns), strict=True)
    assert {rule.column: rule.target for rule in fitted.columns} == _sent(proposal)
    assert fitted.warnings == ()


def test_a_file_without_columns_of_its_own_is_proposed_nothing(tmp_path: Path) -> None:
    """Protects from a mapping that is no YAML where only the columns of an earlier run are left."""
    proposal = propose(object_type("product"), MARK_COLUMNS, [])
    write_proposal(proposal_text(proposal, file_name="x.csv"), tmp_path / "x.yaml")
    assert read_mapping(tmp_path / "x.yaml").headers == ()


def test_a_long_header_is_a_line_like_any_other() -> None:
    """Protects the reader from YAML's rare form of a key, which hardly anybody has seen."""
    headers = ["Code", "L" * 300]
    text = proposal_text(propose(object_type("product"), headers, []), file_name="x.csv")
    assert f"\n  {headers[1]}: null" in text


@pytest.mark.parametrize("word", ["yes", "No", "on", "OFF", "y", "null", "true", "1.0", "2024-01-01", "~"])
def test_a_header_that_some_reader_of_yaml_takes_for_more_than_a_word_is_quoted(word: str) -> None:
    """Protects mappings from the other programs that read them."""
    text = proposal_text(propose(object_type("product"), [word], []), file_name="x.csv")
    assert f'  "{word}": ' in text or f"  '{word}': " in text


def test_of_two_headers_that_a_mapping_cannot_tell_apart_the_plain_one_is_proposed(tmp_path: Path) -> None:
    """Protects records of JSON with `phone ` beside `phone`: the line of one is never written over by the other's."""
    columns = {
        "phone ": ["x"],
        "phone": ["0901234567"],
        "customerId": ["1"],
        "fullName": ["An"],
        "Mã": ["a"],
        "Ma\u0303": ["b"],
    }
    proposal = propose(object_type("customer-identity"), list(columns), [chunk_of(columns)])
    path = tmp_path / "x.yaml"
    write_proposal(proposal_text(proposal, file_name="x.jsonl"), path)
    fitted = fit(read_mapping(path), list(columns))
    assert {rule.column: rule.target for rule in fitted.columns} == {
        "phone": "phone",
        "customerId": "customerId",
        "fullName": "fullName",
    }


def test_a_mapping_is_never_overwritten_without_force(tmp_path: Path) -> None:
    """Protects an evening's work."""
    path = tmp_path / "x.yaml"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        write_proposal("theirs", path)
    assert path.read_text(encoding="utf-8") == "mine"
    assert (caught.value.message, caught.value.advice) == (
        f"{path} is there already.",
        "Name another file with -o, or add --force.",
    )


def test_a_mapping_is_overwritten_with_force(tmp_path: Path) -> None:
    """Protects the meaning of --force."""
    path = tmp_path / "x.yaml"
    path.write_text("mine", encoding="utf-8")
    write_proposal("theirs", path, force=True)
    assert path.read_text(encoding="utf-8") == "theirs"
