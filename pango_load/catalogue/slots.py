"""The custom-field slots: `customField01`, `customFieldLong03` and their families, with what is known of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from pango_load.records import FieldRule, FieldType


class SlotEvidence(StrEnum):
    """How well a family's container is established (pango-api.md, section 5)."""

    DOCUMENTED = "documented"
    CLIENTS_ONLY = "clients only"
    NOT_ESTABLISHED = "not established"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFamily:
    """The slots that hold one kind of value.

    Attributes:
        prefix: what stands before the two digits: `customFieldLong`.
        container: the key of the entry that holds them: `customFieldLongs`.
        type: what a slot holds.
        evidence: how well prefix and container are established.
    """

    prefix: str
    container: str
    type: FieldType
    evidence: SlotEvidence

    @property
    def is_renamable(self) -> bool:
        """Whether a mapping may call the container otherwise, since no page of the vendor shows it."""
        return self.evidence is not SlotEvidence.DOCUMENTED

    def rule(self, name: str) -> FieldRule:
        """The rule that the slot called `name` is judged by."""
        return FieldRule(name=name, type=self.type)


SLOT_FAMILIES = (
    SlotFamily(
        prefix="customField",
        container="customFieldTexts",
        type=FieldType.TEXT,
        evidence=SlotEvidence.DOCUMENTED,
    ),
    SlotFamily(
        prefix="customFieldLong",
        container="customFieldLongs",
        type=FieldType.LONG,
        evidence=SlotEvidence.DOCUMENTED,
    ),
    SlotFamily(
        prefix="customFieldTimestamp",
        container="customFieldTimestamps",
        type=FieldType.TIMESTAMP,
        evidence=SlotEvidence.DOCUMENTED,
    ),
    SlotFamily(
        prefix="customFieldList",
        container="customFieldListTexts",
        type=FieldType.LIST,
        evidence=SlotEvidence.CLIENTS_ONLY,
    ),
    SlotFamily(
        prefix="customFieldDouble",
        container="customFieldDoubles",
        type=FieldType.DOUBLE,
        evidence=SlotEvidence.NOT_ESTABLISHED,
    ),
    SlotFamily(
        prefix="customFieldBoolean",
        container="customFieldBooleans",
        type=FieldType.BOOLEAN,
        evidence=SlotEvidence.NOT_ESTABLISHED,
    ),
)
"""In the order in which an entry carries their containers."""

_BY_PREFIX = {family.prefix: family for family in SLOT_FAMILIES}
_NAME = re.compile(r"(customField(?:Long|Timestamp|List|Double|Boolean)?)([0-9]{2})")


def slot(name: str) -> SlotFamily | None:
    """The family of the slot called `name`; None where it is no slot: numbers run from 01 to 99, in two digits.

    How many slots a type has is not established.
    """
    found = _NAME.fullmatch(name)
    return _BY_PREFIX[found[1]] if found and found[2] != "00" else None
