"""Custom-field slots: which names are slots, where they go, and how sure that is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pango_load.catalogue.slots import SLOT_FAMILIES, SlotEvidence, SlotFamily, slot
from pango_load.records import FieldType


@pytest.mark.parametrize(
    ("name", "container", "kind", "evidence", "renamable"),
    [
        ("customField01", "customFieldTexts", FieldType.TEXT, SlotEvidence.DOCUMENTED, False),
        ("customFieldLong03", "customFieldLongs", FieldType.LONG, SlotEvidence.DOCUMENTED, False),
        ("customFieldTimestamp07", "customFieldTimestamps", FieldType.TIMESTAMP, SlotEvidence.DOCUMENTED, False),
        ("customFieldList02", "customFieldListTexts", FieldType.LIST, SlotEvidence.CLIENTS_ONLY, True),
        ("customFieldDouble01", "customFieldDoubles", FieldType.DOUBLE, SlotEvidence.NOT_ESTABLISHED, True),
        ("customFieldBoolean01", "customFieldBooleans", FieldType.BOOLEAN, SlotEvidence.NOT_ESTABLISHED, True),
        ("customField67", "customFieldTexts", FieldType.TEXT, SlotEvidence.DOCUMENTED, False),
        ("customField99", "customFieldTexts", FieldType.TEXT, SlotEvidence.DOCUMENTED, False),
    ],
)
def test_a_slot_belongs_to_its_family(
    name: str, container: str, kind: FieldType, evidence: SlotEvidence, *, renamable: bool
) -> None:
    """A value in the wrong container would be lost, and what no page shows must not be told as a fact."""
    family = slot(name)

    assert family is not None
    assert (family.container, family.type, family.evidence) == (container, kind, evidence)
    assert family.is_renamable is renamable
    assert (family.rule(name).name, family.rule(name).type) == (name, kind)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("customField00", id="numbers begin with 01"),
        pytest.param("customField1", id="one digit"),
        pytest.param("customField001", id="three digits"),
        pytest.param("customField", id="no number"),
        pytest.param("customFieldText01", id="the word Text is not in the name"),
        pytest.param("CustomField01", id="another case"),
        pytest.param("customFieldTexts.customField01", id="a path"),
        pytest.param("customField٠١", id="digits of another script"),
        pytest.param("customField01\n", id="a line break behind"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_is_no_slot_is_none(name: str) -> None:
    """A mistyped slot must be told, not sent."""
    assert slot(name) is None


@given(st.sampled_from(SLOT_FAMILIES), st.integers(min_value=1, max_value=99))
def test_every_number_from_01_to_99_is_a_slot_of_its_family(family: SlotFamily, number: int) -> None:
    """How many slots a type has is not established, so none of two digits is turned down."""
    assert slot(f"{family.prefix}{number:02d}") is family


def test_containers_are_told_apart() -> None:
    """Two families in one container would overwrite each other."""
    assert len({family.container for family in SLOT_FAMILIES}) == len(SLOT_FAMILIES) == 6
