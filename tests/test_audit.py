"""What the audit of dependencies says: a weakness fails, and what could not be looked at is never called clean."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING

from support.program import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable

FROZEN = "httpx==0.28.1\n"


def verdict_of() -> Callable[[str, str], tuple[str, int]]:
    spec = importlib.util.spec_from_file_location("audit", REPOSITORY / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[str, str], tuple[str, int]] = module.verdict
    return found


def report(*dependencies: dict[str, object]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


CLEAN: dict[str, object] = {"name": "httpx", "version": "0.28.1", "vulns": []}
SKIPPED: dict[str, object] = {"name": "rich", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def test_a_known_weakness_fails_and_names_its_cure() -> None:
    """Protects users from a dependency that is known to be broken."""
    weak = {**CLEAN, "vulns": [{"id": "PYSEC-1", "fix_versions": ["0.28.2"]}]}
    assert verdict_of()(report(weak, SKIPPED), FROZEN) == (
        "Known weaknesses:\nhttpx 0.28.1: PYSEC-1, mended in 0.28.2",
        1,
    )


def test_what_was_not_looked_at_is_said() -> None:
    """Protects from a green light that means nothing."""
    verdict = verdict_of()
    assert verdict(report(CLEAN), FROZEN) == ("1 packages audited, no known weakness.", 0)
    assert verdict(report(CLEAN, SKIPPED), FROZEN)[0].endswith(
        "NOT AUDITED, since the service does not know them: rich"
    )
    for nothing in ("", report(SKIPPED)):
        text, code = verdict(nothing, FROZEN)
        assert (text.startswith("NOT AUDITED"), FROZEN in text, code) == (True, True, 0)
