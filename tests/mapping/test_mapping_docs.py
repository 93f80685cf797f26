"""What the reference of the mapping, its schema and its samples claim."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import cast

import pytest
from ruamel.yaml import YAML
from support.mapping_exports import HOSTILE_HEADERS, chunk_of
from support.mapping_schema_check import complaints

from pango_load.catalogue.files import read_type_file
from pango_load.catalogue.types import SEED_TYPES, object_type
from pango_load.mapping.proposal_text import MODELINE, proposal_text
from pango_load.mapping.propose import propose
from pango_load.mapping.read import MappingFile, read_mapping
from pango_load.mapping.reference import with_reference
from pango_load.mapping.resolve import fit
from pango_load.mapping.schema import mapping_schema, schema_text
from pango_load.mapping.words import CLEAN_WORDS, DUPLICATE_WORDS, OPTIONS, SEVERITY_WORDS, TOP_LEVEL

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
SAMPLES = sorted((ROOT / "mappings").glob("*.yaml"))
EXAMPLES = re.findall(r"^```yaml( broken)?\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
CATALOGUE_EXAMPLES = re.findall(r"^```yaml catalogue\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
SCHEMA = mapping_schema()

Page = dict[str, object]


def _page(text: str) -> Page:
    page: object = YAML(typ="safe", pure=True).load(text)
    assert isinstance(page, dict)
    return page


def _whole(text: str) -> Page:
    """An example as a whole mapping: a fragment is put into a small one of customer-identity."""
    page = _page(text)
    if "object" in page:
        return page
    base: Page = {"object": "customer-identity"}
    columns = {"Code": "customerId", "Mobile": "email", "Full": "middleName", "F": "firstName", "L": "lastName"}
    if "ignoredUpdateCfs" in page:
        columns["Slot"] = "customField01"
    return {**base, **page, "columns": {**columns, **cast("dict[str, str]", page.get("columns", {}))}}


def _read(page: Page, folder: Path) -> MappingFile:
    path = folder / "x.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(page, file)
    return read_mapping(path)


@pytest.mark.parametrize(("broken", "text"), EXAMPLES, ids=[str(number) for number in range(len(EXAMPLES))])
def test_every_example_of_the_reference_is_a_mapping(broken: str, text: str, tmp_path: Path) -> None:
    """Protects the reader who copies an example; one that must not load says so, and does not."""
    page = _whole(text)
    mapping = _read(page, tmp_path)
    assert bool(mapping.mistakes) is bool(broken)
    assert bool(complaints(page, SCHEMA, SCHEMA)) is bool(broken)
    if not broken and "headers" not in page:
        fit(mapping, [*mapping.columns, *mapping.mentioned])


@pytest.mark.parametrize("text", CATALOGUE_EXAMPLES, ids=[str(number) for number in range(len(CATALOGUE_EXAMPLES))])
def test_every_example_of_a_catalogue_file_is_one(text: str, tmp_path: Path) -> None:
    """Protects the reader who copies a type of their own."""
    (tmp_path / "shop-visit.yaml").write_text(text, encoding="utf-8")
    kind = read_type_file(tmp_path / "shop-visit.yaml")
    assert (kind.word, kind.name, bool(kind.fields)) == ("shop-visit", "custom-model", True)


def test_the_schema_tells_models_apart_that_are_sent_as_one(tmp_path: Path) -> None:
    """Protects editors: each type of --catalogue completes its own fields, by the word that --object takes."""
    (text,) = CATALOGUE_EXAMPLES
    (tmp_path / "shop-visit.yaml").write_text(text, encoding="utf-8")
    schema = mapping_schema(tmp_path)
    page: Page = {"object": "shop-visit", "columns": {"A": "visitAt"}}
    kinds = cast("dict[str, dict[str, list[str]]]", schema["properties"])["object"]["enum"]
    assert complaints(page, schema, schema) == []
    assert len(kinds) == len(set(kinds))
    assert {"shop-visit", "custom-model"} <= set(kinds)


def test_no_yaml_of_any_document_goes_unread() -> None:
    """Protects readers of the other documents: an example in YAML stands where a test reads it."""
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "sample_data" / "README.md"]
    blocks = {
        path.name: len(re.findall(r"^ *```+ *ya?ml", path.read_text(encoding="utf-8"), re.MULTILINE))
        for path in documents
    }
    assert {name: number for name, number in blocks.items() if number} == {
        "mapping.md": len(EXAMPLES) + len(CATALOGUE_EXAMPLES)
    }
    assert len(EXAMPLES) > 10
    assert CATALOGUE_EXAMPLES


@pytest.mark.parametrize("word", [*TOP_LEVEL, *OPTIONS, *CLEAN_WORDS, *DUPLICATE_WORDS, *SEVERITY_WORDS])
def test_every_word_of_the_language_stands_in_the_reference(word: str) -> None:
    """Protects the person who looks up a key."""
    assert re.search(rf"`[^`]*\b{re.escape(word)}\b[^`]*`|^\s*{re.escape(word)}:", DOCS, re.MULTILINE)


def test_the_tables_of_keys_are_those_of_the_language() -> None:
    """Protects readers from yesterday's keys: `python -m pango_load.mapping.reference docs/mapping.md` mends it."""
    assert with_reference(DOCS) == DOCS
    assert {*TOP_LEVEL, *OPTIONS} <= set(re.findall(r"^\| `(\w+)`", DOCS, re.MULTILINE))


def test_a_page_without_a_place_for_the_tables_is_told() -> None:
    """Protects from a command that changes nothing and says nothing."""
    with pytest.raises(ValueError, match="marked by two comments"):
        with_reference("# The mapping file\n")


def test_the_committed_schema_is_up_to_date() -> None:
    """Protects editors from completing yesterday's keys: `pango-load map --schema` writes it anew."""
    assert (ROOT / "mappings" / "mapping.schema.json").read_text(encoding="utf-8") == schema_text()


def test_the_schema_knows_every_key_and_every_option() -> None:
    """Protects the schema from falling behind the language."""
    properties = cast("dict[str, object]", SCHEMA["properties"])
    assert set(TOP_LEVEL) <= set(properties)
    assert json.loads(schema_text()) == SCHEMA


@pytest.mark.parametrize("path", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_every_sample_mapping_reads_and_fits_the_schema(path: Path) -> None:
    """Protects the samples that a newcomer starts from, and the editor that checks them."""
    assert path.read_text(encoding="utf-8").startswith(f"{MODELINE}\n")
    assert read_mapping(path).mistakes == ()
    assert complaints(_page(path.read_text(encoding="utf-8")), SCHEMA, SCHEMA) == []


def test_every_documented_type_has_a_sample_mapping() -> None:
    """Protects the newcomer of any of the twelve types, and of orders, from an empty page."""
    assert {path.stem for path in SAMPLES} == {*SEED_TYPES, "order"}


def test_what_map_writes_is_right_in_an_editor() -> None:
    """Protects the person who opens a proposal: nothing is underlined but what has to be decided."""
    cells = {"Mã KH": ["K1", "K2"], "SĐT": ["901000101", "901000102"], "Giới tính": ["Nam", "Nữ"], "Tags": ["a;b", "c"]}
    cells |= {header: ["x", "1,5"] for header in HOSTILE_HEADERS}
    for dates, told in ((["31/12/1990", "1/2/1990"], set()), (["1/12/1990", "1/2/1990"], {"/columns/Ngày sinh"})):
        cells["Ngày sinh"] = dates
        proposal = propose(object_type("customer-identity"), list(cells), [chunk_of(cells)], fill_slots=True)
        page = _page(proposal_text(proposal, file_name="a.csv"))
        assert {complaint.partition(": ")[0] for complaint in complaints(page, SCHEMA, SCHEMA)} == told


@pytest.mark.parametrize(
    ("page", "told"),
    [
        pytest.param({"object": "customer-identity"}, ": columns is missing", id="no-columns"),
        pytest.param({"columns": {}, "colums": {}}, "/colums: not known", id="an-unknown-key"),
        pytest.param({"columns": {}, "timezoneGmt": 15}, "/timezoneGmt: not in -12 to 14", id="an-offset-too-far"),
        pytest.param(
            {"object": "customer-identity", "columns": {"A": "gendre"}},
            "/columns/A: fits none of 4",
            id="an-unknown-field",
        ),
        pytest.param(
            {"columns": {"A": {"field": "dob", "fromat": "%d"}}}, "/columns/A: fits none of 4", id="an-unknown-option"
        ),
        pytest.param(
            {"columns": {}, "request": {"entries": 1}}, "/request: is what it must not be", id="a-key-of-ours"
        ),
        pytest.param(
            {"columns": {}, "userEvent": {"jeConfigId": "a"}}, "/userEvent: jeEventKey is missing", id="half-an-event"
        ),
    ],
)
def test_the_schema_shows_slips_while_they_are_typed(page: Page, told: str) -> None:
    """Protects the person at the editor."""
    assert told in complaints(page, SCHEMA, SCHEMA)
