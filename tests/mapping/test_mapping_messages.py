"""What a mapping is answered with beside its mistakes: refusals as a whole, warnings, and reasons of a proposal."""
# ruff: noqa: E501 - the sentences stand here as a person reads them

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.mapping_exports import chunk_of
from support.mapping_files import CUSTOMER, customer, fitted, mapping_of, mistakes_of

from pango_load.catalogue.types import object_type
from pango_load.errors import MappingError, UsageError
from pango_load.mapping.evidence import gather
from pango_load.mapping.proposal_text import proposal_text, write_proposal
from pango_load.mapping.propose import Proposal, propose
from pango_load.mapping.read import read_mapping
from pango_load.mapping.resolve import choose_mapping, fit, match_headers
from pango_load.mapping.scores import name_score, with_evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

# --- further mistakes -------------------------------------------------------------------------------------------------

TEL = (*CUSTOMER, "Tel")


@pytest.mark.parametrize(
    ("text", "headers", "told"),
    [
        pytest.param(
            customer("computed: [a]"),
            CUSTOMER,
            'line 7, computed: takes pairs: a field, then "{Column} {Column}".',
            id="templates-as-a-list",
        ),
        pytest.param(
            customer("checks: [a]"),
            CUSTOMER,
            "line 7, checks: takes pairs: a field or a check, then error, warn or off.",
            id="checks-as-a-list",
        ),
        pytest.param(
            customer("userEvent: [a]"),
            CUSTOMER,
            "line 7, userEvent: takes pairs: jeConfigId and jeEventKey.",
            id="an-event-as-a-list",
        ),
        pytest.param(
            customer("userEvent:"),
            CUSTOMER,
            "line 7, userEvent: jeConfigId and jeEventKey are missing: whether Pango takes one of the two alone is not known, so both are sent or neither.",
            id="an-event-of-nothing",
        ),
        pytest.param(
            customer("containers: [a]"),
            CUSTOMER,
            "line 7, containers: takes pairs: a kind of slot (Double), then its container.",
            id="containers-as-a-list",
        ),
        pytest.param(
            customer("request: [a]"),
            CUSTOMER,
            "line 7, request: takes pairs: a key of the request body, then its value.",
            id="request-as-a-list",
        ),
        pytest.param(
            customer(columns="Tel: {field: customField01, normalise: [VN]}"),
            TEL,
            "line 7, columns > Tel > normalise: takes a country of two letters, for instance VN.",
            id="a-list-of-countries",
        ),
        pytest.param(
            customer(columns="Tel: {field: customField01, normalise: viet nam}"),
            TEL,
            'line 7, columns > Tel > normalise: "viet nam" is not a country of two capital letters, such as VN. Write "VN".',
            id="a-country-in-full",
        ),
        pytest.param(
            customer(columns="Tel: {field: yob, decimal: [a]}"),
            TEL,
            'line 7, columns > Tel > decimal: takes one sign in quotes, "," or ".".',
            id="a-list-of-signs",
        ),
        pytest.param(
            "object: customer-identity\ncolumns:\n  Code: customerId\n  Mobile\n  Name: fullName\n",
            CUSTOMER,
            "line 5: this is not YAML: a key without a colon, or a line that stands in the wrong column.",
            id="no-colon",
        ),
        pytest.param(
            "object: customer-identity\ncolumns:\n    Code: customerId\n  Mobile: phone\n",
            CUSTOMER,
            "line 4: this is not YAML: this line stands in another column than its neighbours.",
            id="an-indent-of-its-own",
        ),
        pytest.param(
            'object: "customer\\qidentity"\n',
            CUSTOMER,
            'line 1: this is not YAML: a backslash in "..." is an escape; use single quotes, or \\\\.',
            id="a-backslash",
        ),
        pytest.param(
            "object: customer-identity\ncolumns:\n  <<: [a]\n",
            CUSTOMER,
            "line 3: << takes an anchor that holds keys.",
            id="a-merge-of-words",
        ),
    ],
)
def test_a_further_mistake_is_told_with_its_line_its_key_and_a_way_out(
    text: str, headers: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    """Protects the person who mends a mapping: see test_mapping_mistakes.py for the others."""
    assert mistakes_of(text, tmp_path, headers) == [f"mappings/x.yaml, {told}"]


# --- refusals as a whole ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "message", "advice"),
    [
        pytest.param(
            "xyz: 1",
            "mappings/x.yaml has a mistake; nothing was sent.",
            "Mend the mapping and run the same command again.",
            id="one",
        ),
        pytest.param(
            "xyz: 1\nabc: 2",
            "mappings/x.yaml has 2 mistakes; nothing was sent.",
            "Mend the mapping and run the same command again.",
            id="two",
        ),
    ],
)
def test_mistakes_are_counted_and_the_next_step_is_named(more: str, message: str, advice: str, tmp_path: Path) -> None:
    """Protects from mending one mistake at a time."""
    with pytest.raises(MappingError) as caught:
        fitted(customer(more), tmp_path)
    assert (caught.value.message, caught.value.advice) == (message, advice)


@pytest.mark.parametrize(
    ("text", "flag", "told", "advice"),
    [
        pytest.param(
            "object: order\ncolumns: {}",
            "customer-identity",
            'line 1, object: the mapping is for "order", and --object says "customer-identity".',
            "Use the mapping of that object type, or leave --object out.",
            id="another-type",
        ),
        pytest.param(
            "object: ordr\ncolumns: {}",
            "",
            'line 1, object: "ordr" is not an object type that Pango is known to accept. Did you mean "order"?',
            "`pango-load objects` shows all object types.",
            id="no-such-type",
        ),
        pytest.param(
            "columns: {}",
            "",
            "object: the mapping names no object type, and neither does --object.",
            "`pango-load objects` shows all object types.",
            id="no-type",
        ),
    ],
)
def test_a_mapping_of_no_or_another_type_is_refused(
    text: str, flag: str, told: str, advice: str, tmp_path: Path
) -> None:
    """Protects records from being sent as another kind of record."""
    with pytest.raises(MappingError) as caught:
        mapping_of(text, tmp_path, object_name=flag)
    assert caught.value.mistakes == (f"mappings/x.yaml, {told}",)
    assert caught.value.advice == advice


@pytest.mark.parametrize(
    ("content", "message", "advice"),
    [
        pytest.param(b"\xff\xfe\x00", "{path} is not a text file in UTF-8.", "Save it as UTF-8.", id="no-text"),
        pytest.param(
            b"",
            "{path} is empty.",
            "A mapping has at least `object:` and `columns:`; `pango-load map` proposes one.",
            id="empty",
        ),
        pytest.param(
            b"- a\n",
            "{path} is not a mapping: it holds a list.",
            "A mapping has at least `object:` and `columns:`; `pango-load map` proposes one.",
            id="a-list",
        ),
        pytest.param(
            b"word\n",
            "{path} is not a mapping: it holds a single word.",
            "A mapping has at least `object:` and `columns:`; `pango-load map` proposes one.",
            id="a-word",
        ),
        pytest.param(
            None,
            "{path} is not there.",
            "`pango-load map FILE --object TYPE -o mappings/TYPE.yaml` writes one.",
            id="nothing-there",
        ),
    ],
)
def test_a_file_that_is_no_mapping_is_answered_with_what_to_do(
    content: bytes | None, message: str, advice: str, tmp_path: Path
) -> None:
    """Protects a newcomer who names the wrong file."""
    path = tmp_path / "own" / "m.yaml"
    if content is not None:
        path.parent.mkdir()
        path.write_bytes(content)
    with pytest.raises(MappingError) as caught:
        read_mapping(path)
    assert (caught.value.message, caught.value.advice) == (message.format(path=path), advice)


def test_a_folder_is_no_mapping(tmp_path: Path) -> None:
    """Protects whoever names the folder of the mappings."""
    with pytest.raises(MappingError) as caught:
        read_mapping(tmp_path)
    assert caught.value.message == f"{tmp_path} cannot be read: Is a directory."
    assert caught.value.advice == "--mapping names a file."


def test_a_flag_that_is_no_zone_is_answered_with_that_of_viet_nam(tmp_path: Path) -> None:
    """Protects from looking the names of zones up."""
    with pytest.raises(UsageError) as caught:
        fitted(customer().replace("timezone: Asia/Ho_Chi_Minh\n", ""), tmp_path, timezone="Xyz/Abc")
    assert caught.value.message.startswith('--timezone: "Xyz/Abc" is not a time zone that is known (IANA names')
    assert caught.value.advice == "Viet Nam is Asia/Ho_Chi_Minh."


def test_lists_of_one_entry_are_made_of_the_same_rows(tmp_path: Path) -> None:
    """A row is one item of each list, so that only one column can say which rows belong together."""
    item = "{type: Object, fields: {sku: {type: String}}}"
    (tmp_path / "basket.yaml").write_text(
        "object: custom-model\ntitle: Basket\ncoverage: partial\nsource: console\nfields:\n"
        f"  refId: {{type: String}}\n  shop: {{type: String}}\n  items: {item}\n  gifts: {item}\n",
        encoding="utf-8",
    )
    path = tmp_path / "x.yaml"
    path.write_text(
        "object: basket\ncolumns: {r: refId, s: shop}\nitems: {groupBy: refId, columns: {a: sku}}\n"
        "gifts: {groupBy: shop, columns: {b: sku}}\n",
        encoding="utf-8",
    )
    mapping = read_mapping(path, catalogue=tmp_path)
    with pytest.raises(MappingError) as caught:
        fit(mapping, ["r", "s", "a", "b"])
    told = "gifts > groupBy: items is grouped by refId: all lists of an entry are made of the same rows."
    assert [mistake.partition(", ")[2].partition(", ")[2] for mistake in caught.value.mistakes] == [told]


def test_headers_that_are_no_fields_are_answered_with_map() -> None:
    """Protects the newcomer whose file has headers of its own: the next step is named."""
    with pytest.raises(MappingError) as caught:
        match_headers(object_type("product"), ("a", "b"))
    assert caught.value.mistakes == ("headers: none of the columns is called like a field of product.",)
    assert caught.value.advice == (
        "`pango-load map FILE --object product -o mappings/product.yaml` proposes a mapping from the headers and the "
        "values."
    )


def test_a_file_that_lacks_a_column_is_answered_with_the_two_things_that_can_be_wrong(tmp_path: Path) -> None:
    """Protects from proposing a mapping anew where the file, or one name, is the wrong one."""
    with pytest.raises(MappingError) as caught:
        fitted(customer(columns="Sex: gender"), tmp_path)
    assert caught.value.advice == (
        "Check that it is the right file; if its columns have changed for good, change their names in mappings/x.yaml "
        "and run the same command again."
    )


def test_a_column_that_is_spelled_like_a_field_is_named_where_none_means_it() -> None:
    """Protects from a long look through the headers."""
    with pytest.raises(MappingError) as caught:
        match_headers(object_type("email-interaction"), ("id", "email", "eventAt", "event", "actionAt", "service"))
    assert caught.value.mistakes == (
        'headers: serviceProvider is required, and no column becomes it. The nearest column is "service".',
    )


# --- warnings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "headers", "told"),
    [
        pytest.param(
            customer(columns="Gone: null"),
            CUSTOMER,
            "line 7, columns > Gone: left out, and the file has no such column.",
            id="left-out-and-not-there",
        ),
        pytest.param(
            customer(),
            (*CUSTOMER, "New"),
            'columns: the file has a column "New" that is not mentioned, so it is not sent; `"New": null` says so.',
            id="a-new-column",
        ),
        pytest.param(
            customer("ignoredUpdateCfs: [customField01]"),
            CUSTOMER,
            'line 7, ignoredUpdateCfs: "customField01" is filled by no column, so there is nothing to leave as it is.',
            id="a-slot-that-nothing-fills",
        ),
        pytest.param(
            customer(columns="D: {field: dob, format: '%d/%m/%y'}"),
            (*CUSTOMER, "D"),
            'line 7, columns > D > format: "%d/%m/%y" reads a year of two digits, and the century is a guess; %Y reads four.',
            id="a-year-of-two-digits",
        ),
        pytest.param(
            "object: product\ncolumns: {A: productId}\nignoredUpdateCfs: [customField01]",
            ("A",),
            "line 3, ignoredUpdateCfs: whether product supports it is not known.",
            id="a-type-whose-tag-was-not-seen",
        ),
        pytest.param(
            "object: shopping-cart\ncolumns: {A: cartId, B: customField01}",
            ("A", "B"),
            'line 2, columns > B: "customField01": whether shopping-cart takes custom-field slots is not known.',
            id="a-type-whose-slots-were-not-seen",
        ),
        pytest.param(
            "object: customer-identity-address\ncolumns: {A: customerId, B: addressType}",
            ("A", "B"),
            ": city, district and address are required together, and not each has a column.",
            id="a-rule-that-only-warns",
        ),
    ],
)
def test_a_warning_is_told_with_its_line_and_its_key(
    text: str, headers: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    """Protects the person who looks before sending: nothing is left out in silence."""
    place = "mappings/x.yaml" if told.startswith(":") else "mappings/x.yaml, "
    assert f"{place}{told}" in fitted(text, tmp_path, headers).warnings


def test_a_zone_from_a_column_outranks_the_flag_and_says_so() -> None:
    """Protects from a flag that is passed over in silence."""
    headers = ("customerId", "phone", "fullName", "timezoneGmt")
    assert match_headers(object_type("customer-identity"), headers, timezone="UTC").warnings == (
        "headers: --timezone UTC is not used: the column timezoneGmt gives the zone row by row.",
    )


def test_a_folders_mapping_that_does_not_fit_names_what_it_misses(tmp_path: Path) -> None:
    """Protects from wondering why the own mapping was not taken."""
    (tmp_path / "mappings").mkdir()
    text = "object: customer-identity\ncolumns: {A: customerId, B: phone, C: fullName, D: email, E: city}\n"
    (tmp_path / "mappings" / "customer-identity.yaml").write_text(text, encoding="utf-8")
    found = choose_mapping(None, "customer-identity", ("customerId", "phone", "fullName"), folder=tmp_path)
    assert found.warnings == (
        'mappings/customer-identity.yaml does not fit: the file has no column "A", "B", "C" and others.',
    )


# --- what a proposal says ---------------------------------------------------------------------------------------------


def _proposed(kind: str, /, **columns: list[str]) -> Proposal:
    cells = {name.replace("_", " "): values for name, values in columns.items()}
    return propose(object_type(kind), list(cells), [chunk_of(cells)])


PHONES = ["0901234567", "0901234568", "0901234569"]


@pytest.mark.parametrize(
    ("proposal", "header", "why"),
    [
        pytest.param(
            _proposed("customer-identity", Ngày_sinh=["31/12/1990", "12/31/1990", "1/1/1990"]),
            "Ngày sinh",
            "a known word for it; the values look like dates; some cells have the day first and others the month, so no reading fits all",
            id="both-orders",
        ),
        pytest.param(
            _proposed("customer-identity", Ngày_sinh=["01/02/1990", "03/04/1990", "5/6/1990"]),
            "Ngày sinh",
            "a known word for it; the values look like dates; no day is above 12, so each reading fits every cell",
            id="either-order",
        ),
        pytest.param(
            _proposed("customer-identity", dob=["1990-12-31", "1990-12-01", "1990-10-10"]),
            "dob",
            "the field's own name; the values look like dates; read without a pattern",
            id="iso",
        ),
        pytest.param(
            _proposed("customer-identity", dob=["31 Dec 1990", "1 Feb 1991", ""]),
            "dob",
            "the field's own name; the values look like dates; the only reading",
            id="one-reading",
        ),
        pytest.param(
            _proposed("customer-identity", dob=["31/12/1990", "31/02/1990", "10/10/1990"]),
            "dob",
            "the field's own name; the values look like dates; proved: some cells read only with the day first; some cells are no date, and their rows will be rejected",
            id="a-day-that-is-none",
        ),
        pytest.param(
            _proposed("customer-identity", Tên=["An", "Bình", "Chi"], Mã_KH=["1", "2", "3"]),
            "Tên",
            "a known word for it, and no column holds family names",
            id="a-lone-given-name",
        ),
        pytest.param(
            _proposed("customer-identity", customField01=["a", "b", "c"]),
            "customField01",
            "the slot's own name",
            id="a-slot",
        ),
        pytest.param(
            _proposed("customer-identity", SĐT=["901234567", "902345678", "0903456789"]),
            "SĐT",
            "a known word for it; the values look like phone numbers; 67% have lost their zero",
            id="lost-zeros",
        ),
        pytest.param(
            _proposed("customer-identity", Mã_hồ_sơ=["A1", "A2", "A3"]),
            "Mã hồ sơ",
            "an id that is unique in every row",
            id="an-id-by-its-look",
        ),
        pytest.param(
            _proposed("customer-product-review", Giá=["85,000", "120,000", "9,000"]),
            "Giá",
            'a known word for it; the values look like numbers; "," can stand between thousands or before decimals, and no cell decides',
            id="an-open-sign",
        ),
        pytest.param(
            _proposed("customer-identity", yob=["1990", "1991", "1992", "1993", "1994", "x"]),
            "yob",
            "the field's own name; the values look like numbers; some cells are no number, and their rows will be rejected",
            id="a-word-among-numbers",
        ),
        pytest.param(
            _proposed("customer-identity", Giới_tính=["Nam", "Nữ", "Nam", "Xyz", "Nam", "Nữ"]),
            "Giới tính",
            "a known word for it; the values look like words of its list; 1 of its words is not understood; add them under values",
            id="a-strange-word",
        ),
        pytest.param(_proposed("customer-identity", Xyz=["", "", ""]), "Xyz", "empty in every row", id="nothing-in-it"),
        pytest.param(
            _proposed("customer-identity", Xyz=["a", "a", "a"]),
            "Xyz",
            "no field for it; one word throughout",
            id="a-word",
        ),
        pytest.param(
            _proposed("customer-identity", Số_CMND_của_khách=["1", "2", "3"]),
            "Số CMND của khách",
            "its name holds a known word",
            id="a-word-inside",
        ),
        pytest.param(
            _proposed("customer-identity", Emial_address=["a@b.vn", "c@d.vn", "e@f.vn"]),
            "Emial address",
            'its name is nearly "emailaddress"; the values look like e-mails',
            id="a-slip-of-the-pen",
        ),
        pytest.param(
            _proposed("customer-identity", Liên_lạc=PHONES),
            "Liên lạc",
            "the name says nothing, the values look like phone numbers",
            id="phones-by-their-look",
        ),
        pytest.param(
            _proposed("customer-identity-email", kind=["Business", "Personal", "Business", "Business"]),
            "kind",
            "the name says nothing, all values look like words of its list",
            id="words-by-their-look",
        ),
        pytest.param(
            _proposed("customer-identity-email", primary=["Có", "Không", "Có"]),
            "primary",
            "the field's own name; the values look like yes and no",
            id="yes-and-no",
        ),
        pytest.param(
            _proposed("customer-identity", gender=["1x", "2y", "3z"]),
            "gender",
            "the field's own name, but the values do not look like words of its list; 3 of its words are not understood; add them under values",
            id="another-thing",
        ),
        pytest.param(
            _proposed("customer-identity", createdAt=["", "", ""]),
            "createdAt",
            "the field's own name; the column is empty",
            id="an-empty-column",
        ),
        pytest.param(
            _proposed("customer-identity", Mã_KH=["1", "1", "1", "2"]),
            "Mã KH",
            "a known word for it, but values recur",
            id="a-key-that-recurs",
        ),
    ],
)
def test_the_reason_of_a_line_is_told(proposal: Proposal, header: str, why: str) -> None:
    """Protects the person who has to trust a line: what speaks for it, and what against."""
    (found,) = [column.why for column in proposal.columns if column.header == header]
    assert found == why


def test_addresses_of_mail_speak_against_a_name() -> None:
    """Protects a person's name from being an e-mail address."""
    rule = object_type("customer-identity").field("firstName")
    assert rule is not None
    evidence = gather(["Tên"], [chunk_of({"Tên": ["a@b.vn", "c@d.vn"]})])["Tên"]
    score = with_evidence(name_score("Tên", rule), rule, evidence, is_key=False)
    assert score.why == "a known word for it, but the values look like e-mails"
    assert score.value < name_score("Tên", rule).value


def test_a_column_that_goes_into_a_slot_says_what_to_look_up() -> None:
    """Protects slots in use: the program cannot know which of them are free."""
    cells = {"Mã KH": ["1", "2"], "Màu": ["đỏ", "xanh"]}
    found = propose(object_type("customer-identity"), list(cells), [chunk_of(cells)], fill_slots=True)
    assert found.columns[1].why == "no field for it; 2 different words; look up in the console which slot is free"


def test_a_group_of_rows_says_what_it_makes_of_them() -> None:
    """Protects the person who has never seen a nested list."""
    cells = {
        "Mã đơn hàng": ["1", "1"],
        "Trạng thái đơn hàng": ["a", "a"],
        "Mã KH": ["1", "1"],
        "Tên khách hàng": ["a", "a"],
        "Email": ["a@b.vn", "a@b.vn"],
        "Mã SP": ["S1", "S2"],
        "Tên sản phẩm": ["a", "b"],
    }
    text = proposal_text(propose(object_type("order"), list(cells), [chunk_of(cells)]), file_name="a.csv")
    assert "  groupBy: orderId # adjacent rows with the same one become one entry\n" in text


def test_what_has_to_be_done_stands_at_the_head_of_the_file() -> None:
    """Protects from a mapping that somebody believes to be whole."""
    proposal = _proposed("customer-identity", Mã_KH=["1", "2", "3"], Ngày_sinh=["01/02/1990", "03/04/1990", "5/6/1990"])
    lines = proposal_text(proposal, file_name="a.csv").splitlines()
    assert lines[3:8] == [
        "# Before it loads:",
        "#   - phone or email is required, and no column becomes one of them.",
        "#   - fullName, or firstName and lastName is required, and no column becomes one of them.",
        "#     A value that is the same in every row needs no column: `constants: {field: value}`.",
        '#   - "Ngày sinh" can be read in more than one way: decide on its line.',
    ]


def test_a_proposal_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    """Protects from a traceback where a folder was meant."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    for path, message in (
        (tmp_path / "file" / "m.yaml", f"{tmp_path / 'file'} is not a folder."),
        (tmp_path, f"{tmp_path} cannot be written: Is a directory."),
    ):
        with pytest.raises(UsageError) as caught:
            write_proposal("text", path, force=True)
        assert (caught.value.message, caught.value.advice) == (message, "Name another file with -o.")


# --- all of them ------------------------------------------------------------------------------------------------------

NOT_SAID = {
    "mapping values are not allowed",
    "could not find expected ':'",
    "expected <block end>",
    "unexpected end of stream",
    "but found another document",
    "something other than words, lists and keys.",
    "viet nam",
}
"""What ruamel.yaml says, by which a slip is known; a node that it never makes; a word that people type."""


def _texts(path: Path) -> Iterator[str]:
    """The pieces of every string of a module that is no docstring: what stands between two places."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def _sentences(path: Path) -> Iterator[str]:
    for text in _texts(path):
        for piece in re.split(r"\{[a-z]+\}", text):
            is_pattern = re.search(r"\\|\(\?|\[\^|\]\*|\(\.\)|\.\*|^%|\{[0-9]", piece) is not None
            if " " in piece.strip() and len(piece.strip()) > len("is needed") and not is_pattern:
                yield " ".join(piece.split())


@cache
def _told_in_tests() -> str:
    tests = "\n".join(text for test in (ROOT / "tests").rglob("*.py") for text in _texts(test))
    return " ".join(tests.split())


ELSEWHERE = {"words.py", "schema.py", "reference.py"}
"""What these say stands in mappings/mapping.schema.json and docs/mapping.md, which tests compare."""

MODULES = [path for path in sorted((ROOT / "pango_load" / "mapping").glob("*.py")) if path.name not in ELSEWHERE]


@pytest.mark.parametrize("path", MODULES, ids=[path.stem for path in MODULES])
def test_every_sentence_of_the_mapping_stands_in_a_test(path: Path) -> None:
    """Protects what a person reads: no sentence of the mapping changes, or is added, without somebody looking at it."""
    flat = _told_in_tests()
    assert [said for said in _sentences(path) if said not in flat and said not in NOT_SAID] == []
