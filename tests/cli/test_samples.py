"""Every sample file loads with the mapping of its type, from the folder where a newcomer stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.program import REPOSITORY, pango_load

if TYPE_CHECKING:
    from pathlib import Path

SAMPLES = {
    "customers.csv": ("customer-identity", 21, 4),
    "customers.xlsx": ("customer-identity", 21, 4),
    "customers.jsonl": ("customer-identity", 21, 4),
    "memberships.csv": ("customer-membership", 9, 1),
    "reviews.csv": ("customer-product-review", 7, 1),
    "email_interactions.csv": ("email-interaction", 9, 1),
    "sms_interactions.csv": ("sms-interaction", 6, 0),
    "relationships.csv": ("customer-relationship", 6, 0),
    "addresses.csv": ("customer-identity-address", 6, 0),
    "emails.csv": ("customer-identity-email", 6, 0),
    "photos.csv": ("customer-identity-photo", 5, 0),
    "activities.csv": ("customer-product-activity", 6, 0),
    "comments.csv": ("customer-product-comment", 5, 0),
    "subscribers.csv": ("customer-product-subscriber", 5, 0),
    "orders.csv": ("order", 7, 2),
}


@pytest.mark.parametrize(("file", "rows"), list(SAMPLES.items()))
def test_a_sample_loads_with_the_mapping_of_its_type(file: str, rows: tuple[str, int, int], tmp_path: Path) -> None:
    """Protects newcomers: what the repository shows works, and only the rows that are wrong on purpose are rejected."""
    object_type, accepted, rejected = rows
    ended = pango_load(
        f"sample_data/{file}", "--object", object_type, "--sandbox", "--json", "--out", str(tmp_path / "run"),
        folder=REPOSITORY, variables={"PANGO_STATE_DIR": str(tmp_path / "state")},
    )  # fmt: skip
    assert (ended.counts["accepted"], ended.counts["rejected"]) == (accepted, rejected), ended.err
    assert ended.code == (3 if rejected else 0)
    assert str(ended.summary["mapping"]).count(f"mappings/{object_type}.yaml") == 1
