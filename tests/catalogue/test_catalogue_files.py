"""A user's own catalogue: files add types or replace them, and every mistake is told with file, line and key."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from pango_load.catalogue.types import object_type, object_type_names
from pango_load.errors import MappingError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = """\
    object: store-visit
    title: Store visit
    coverage: partial
    source: our own notes
    recordKey: [visitId]
    fields:
      visitId: {type: String, required: true}
      visitedAt: {type: Timestamp}
      store: {type: String, values: [Yes, true, 7, 2025-01-31]}
      items:
        type: Object
        customFields: true
        fields: {sku: {type: String, required: true}}
    rules:
      - anyOf: [store, [visitId, visitedAt]]
      - {allOf: [visitId, store], severity: warn, note: as we think}
"""


def write_type(folder: Path, text: str, name: str = "store-visit.yaml") -> Path:
    path = folder / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


def test_a_file_of_the_folder_adds_a_type(tmp_path: Path) -> None:
    """An organisation's own model can be loaded without touching the program."""
    write_type(tmp_path, WHOLE)

    visit = object_type("store-visit", tmp_path)

    assert object_type_names(tmp_path) == (*object_type_names(), "store-visit")
    assert visit.record_key == ("visitId",)
    assert [rule.alternatives for rule in visit.requirements] == [
        (("store",), ("visitId", "visitedAt")),
        (("visitId", "store"),),
    ]
    assert (visit.ignored_update_cfs, visit.custom_fields) == (None, None)
    items = visit.field("items")
    assert items is not None
    assert (items.custom_fields, [rule.name for rule in items.fields]) == (True, ["sku"])


def test_words_are_text_whatever_yaml_takes_them_for(tmp_path: Path) -> None:
    """Somebody who writes true, 7 or a date among the words means these letters."""
    write_type(tmp_path, WHOLE)

    store = object_type("store-visit", tmp_path).field("store")

    assert store is not None
    assert store.values == ("Yes", "true", "7", "2025-01-31")


def test_a_file_of_the_folder_outranks_the_programs_own(tmp_path: Path) -> None:
    """A table that the vendor has changed can be corrected by its user."""
    own = "object: product\ntitle: P\ncoverage: full\nsource: console\nfields: {code: {type: String, required: true}}\n"
    write_type(tmp_path, own, "product.yml")

    names = object_type_names(tmp_path)

    assert [rule.name for rule in object_type("product", tmp_path).fields] == ["code"]
    assert len(object_type("product").fields) == 12
    assert names == object_type_names()


def test_a_files_name_is_for_the_user_and_its_object_for_pango(tmp_path: Path) -> None:
    """Two custom models have different fields, and both travel as custom-model."""
    write_type(tmp_path, WHOLE.replace("object: store-visit", "object: custom-model"), "visits.yaml")

    visits = object_type("visits", tmp_path)

    assert visits.name == "custom-model"
    assert visits.fields[0].name == "visitId"
    assert object_type("custom-model", tmp_path).fields[0].name == "timezoneGmt"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """A cached type must not outlive an edit in a program that goes on running."""
    path = write_type(tmp_path, WHOLE)
    before = object_type("store-visit", tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("visitedAt", "seenAt"), encoding="utf-8")

    after = object_type("store-visit", tmp_path)

    assert before.fields[1].name == "visitedAt"
    assert after.fields[1].name == "seenAt"


MISTAKES = [
    pytest.param(
        WHOLE.replace("type: Timestamp", "type: Time"),
        ['Line 8, fields.visitedAt: type "Time" is not one of String, Long, Double, Boolean, Timestamp, List, Object.'],
        id="unknown type",
    ),
    pytest.param(
        WHOLE.replace("required: true}\n      visitedAt", "requird: true}\n      visitedAt"),
        ['Line 7, fields.visitId.requird is not a key that a catalogue file has (did you mean "required"?).'],
        id="mistyped key",
    ),
    pytest.param(
        WHOLE.replace("coverage: partial", "coverage: half").replace("    title: Store visit\n", ""),
        [
            "title is missing.",
            "Line 2, coverage: input should be 'full', 'full-page', 'partial', 'client-code-only' or 'name-only'.",
        ],
        id="two mistakes at once",
    ),
    pytest.param(
        WHOLE.replace("recordKey: [visitId]", "recordKey: [visit]"),
        ['the file: recordKey names "visit", which is not among fields.'],
        id="a key that is no field",
    ),
    pytest.param(
        WHOLE.replace("allOf: [visitId, store]", "allOf: [visitId, shop]"),
        ['the file: rules names "shop", which is not among fields.'],
        id="a rule about no field",
    ),
    pytest.param(
        WHOLE.replace("{allOf: [visitId, store], severity", "{severity"),
        ["Line 16, rules.1: a rule has either anyOf or allOf."],
        id="a rule about nothing",
    ),
    pytest.param(
        WHOLE.replace("visitId: {type: String, required: true}", "visitId: {required: true}"),
        ["Line 7, fields.visitId.type is missing."],
        id="no type",
    ),
    pytest.param(
        WHOLE.replace("visitedAt: {type: Timestamp}", "visitedAt: {type: Timestamp, shape: email}"),
        ["Line 8, fields.visitedAt: only a text or a whole number has a shape."],
        id="a time that looks like an e-mail",
    ),
    pytest.param(
        WHOLE.replace("type: Object", "type: String"),
        ["Line 10, fields.items: only a field of type Object has fields of its own."],
        id="text with fields",
    ),
    pytest.param(
        WHOLE.replace("visitedAt: {", "visitId: {"),
        ['Line 8, column 3: found duplicate key "visitId".'],
        id="a field twice",
    ),
    pytest.param("a: [", ["Line 1, column 5: expected the node content, but found '<stream end>'."], id="broken YAML"),
    pytest.param("- a\n", ["The file holds no keys: it begins with object: and title:."], id="not a mapping"),
]


@pytest.mark.parametrize(("text", "mistakes"), MISTAKES)
def test_mistakes_name_file_line_and_key(tmp_path: Path, text: str, mistakes: list[str]) -> None:
    """Whoever writes a catalogue file sees everything that is wrong with it at once, and where."""
    path = write_type(tmp_path, text)

    with pytest.raises(MappingError) as caught:
        object_type("store-visit", tmp_path)

    assert caught.value.message == f"{path}: this catalogue file cannot be used."
    assert list(caught.value.mistakes) == mistakes


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """A workbook called .yaml must not end in a traceback."""
    (tmp_path / "odd.yaml").write_bytes(b"PK\x03\x04\xff\xfe")

    with pytest.raises(UsageError, match=r"odd\.yaml cannot be read as a catalogue file"):
        object_type("odd", tmp_path)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """A mistyped --catalogue must not silently leave the user's own types out."""
    with pytest.raises(UsageError, match="is not a folder") as caught:
        object_type_names(tmp_path / "missing")

    assert caught.value.advice == "--catalogue names a folder with one YAML file for each type."


def test_a_name_never_leads_out_of_the_catalogue(tmp_path: Path) -> None:
    """A name is looked up among known names; it is no path."""
    write_type(tmp_path, WHOLE)
    inner = tmp_path / "inner"
    inner.mkdir()

    with pytest.raises(UsageError, match="is not an object type"):
        object_type("../store-visit", inner)
