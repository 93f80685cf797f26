"""What `objects` shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.program import pango_load

if TYPE_CHECKING:
    from pathlib import Path


def test_the_list_names_every_type_and_breaks_no_name(tmp_path: Path) -> None:
    """Protects whoever copies a name into --object."""
    listed = pango_load("objects", folder=tmp_path)
    named = json.loads(pango_load("objects", "--json", folder=tmp_path).out)
    assert len(named) == 20
    starts = {line.split(" ")[0] for line in listed.out.splitlines()}
    assert {one["name"] for one in named} <= starts
    assert not [line for line in listed.out.splitlines() if line != line.rstrip()]


def test_one_type_shows_its_fields_words_and_rules(tmp_path: Path) -> None:
    """Protects whoever writes a mapping."""
    shown = pango_load("objects", "customer-identity", folder=tmp_path)
    assert shown.code == 0
    for words in ("customerId", "male", "phone or email must be there", "ignoredUpdateCfs"):
        assert words in shown.out, words


def test_an_unknown_type_gets_the_nearest_name(tmp_path: Path) -> None:
    """Protects from a typing slip."""
    shown = pango_load("objects", "customer-identiy", folder=tmp_path)
    assert shown.code == 2
    assert "customer-identity" in shown.err


def test_a_template_that_is_filled_in_passes_check(tmp_path: Path) -> None:
    """Protects the round trip: template, filled in, checked."""
    for ending in ("csv", "xlsx"):
        made = pango_load("objects", "customer-membership", "--template", ending, folder=tmp_path)
        assert made.code == 0, made.err
        file = f"customer-membership.{ending}"
        checked = pango_load("check", file, "--object", "customer-membership", "--json", folder=tmp_path)
        assert (checked.code, checked.counts["unsent"]) == (0, 1), checked.err
