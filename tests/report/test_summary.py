"""`summary.json` keeps what its schema promises."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.report_summaries import a_check_summary, a_clean_summary, a_summary, an_interrupted_summary

from pango_load.plan import OnUnknown
from pango_load.records import Counts
from pango_load.report.summary import (
    RowCounts,
    SourceFile,
    UnknownPolicy,
    read_summary,
    summary_json,
    summary_schema,
    write_summary,
)

if TYPE_CHECKING:
    from pango_load.report.summary import Summary

SCHEMA = Path(__file__).parents[2] / "docs" / "summary.schema.json"


def test_the_published_schema_is_up_to_date() -> None:
    """Programs are written against it. To renew it: python -m pango_load.report.summary > docs/summary.schema.json."""
    assert SCHEMA.read_text(encoding="utf-8") == summary_schema()


def test_the_promised_keys_are_there(tmp_path: Path) -> None:
    """A script that reads these five keys works with every version."""
    path = write_summary(a_summary(), tmp_path)
    told: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    assert {"schema": 1, "run": "7f3a9c", "object": "customer-identity", "exit_code": 3}.items() <= told.items()
    assert told["counts"] == {"read": 1200, "accepted": 1197, "rejected": 3, "skipped": 0, "unknown": 0, "unsent": 0}
    assert told["initData"] is False
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("summary", [a_summary(), an_interrupted_summary(), a_clean_summary(), a_check_summary()])
def test_what_was_written_is_read_back(tmp_path: Path, summary: Summary) -> None:
    """`runs` and `retry` read it."""
    assert read_summary(write_summary(summary, tmp_path)) == summary


def test_keys_of_a_newer_program_do_not_stop_an_older_one(tmp_path: Path) -> None:
    """A new key does not raise the version."""
    newer = json.loads(summary_json(a_summary()))
    newer["weather"] = "sunny"
    newer["counts"]["lost"] = 0
    path = tmp_path / "summary.json"
    path.write_text(json.dumps(newer), encoding="utf-8")
    assert read_summary(path) == a_summary()


def test_another_version_is_refused(tmp_path: Path) -> None:
    """A key that changed its meaning must not be taken for the old one."""
    other = json.loads(summary_json(a_summary())) | {"schema": 2}
    path = tmp_path / "summary.json"
    path.write_text(json.dumps(other), encoding="utf-8")
    with pytest.raises(ValidationError):
        read_summary(path)


@given(
    st.builds(
        Counts, **dict.fromkeys(("read", "accepted", "rejected", "skipped", "unknown", "unsent"), st.integers(0, 3))
    )
)
def test_balanced_is_reckoned_and_never_claimed(counts: Counts) -> None:
    """No caller can say that totals add up when they do not."""
    summary = a_summary(counts=RowCounts.of(counts))
    assert json.loads(summary_json(summary))["balanced"] is counts.is_balanced


def test_a_file_name_that_is_no_text_does_not_cost_the_summary() -> None:
    """File systems take any bytes as a name."""
    assert SourceFile(path="kh\udcff.csv").path == "kh\N{REPLACEMENT CHARACTER}.csv"


@pytest.mark.parametrize("policy", list(OnUnknown))
def test_each_policy_has_its_promise(policy: OnUnknown) -> None:
    """The word alone tells a reader nothing."""
    assert UnknownPolicy.of(policy).promise.endswith(".")
