"""Headers that are field names themselves, and what is lacking where they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pango_load.mapping.finish import missing_fields
from pango_load.mapping.names import folded, trimmed
from pango_load.mapping.targets import slot_names

if TYPE_CHECKING:
    from pango_load.mapping.headers import Headers
    from pango_load.mapping.mistakes import Findings
    from pango_load.records import ObjectType


def fields_of_headers(kind: ObjectType, headers: Headers, findings: Findings) -> dict[str, str]:
    """Field or slot -> the header that is its name, with case, spaces, `_` and `-` ignored.

    A header in the field's own spelling wins over others; between two that are merely alike nothing is chosen.
    """
    alike: dict[str, list[str]] = {}
    names = {folded(rule.name): rule.name for rule in kind.fields}
    for header in headers.names:
        name = names.get(folded(header))
        if name is None and kind.custom_fields is not False:
            name = _slot_name(trimmed(header))
        if name is not None:
            alike.setdefault(name, []).append(header)
    matched = {}
    for name, found in alike.items():
        exact = [header for header in found if trimmed(header) == name]
        if len(found) > 1 and len(exact) != 1:
            shown = " or ".join(f'"{trimmed(header)}"' for header in found)
            findings.mistake(0, (), f"{name} could be {shown}; a mapping says which.")
        matched[name] = (exact or found)[0]
    return matched


def _slot_name(header: str) -> str | None:
    bare = header.rpartition(".")[2] if header.startswith("customField") else header
    return next((name for name in slot_names() if name.casefold() == bare.casefold()), None)


def say_what_is_lacking(
    kind: ObjectType, targets: set[str], headers: Headers, used: set[str], findings: Findings, *, strict: bool
) -> None:
    """Note required fields without a column, and columns that are no fields."""
    if not kind.fields:
        findings.mistake(0, (), f"no field of {kind.name} is known, so a mapping has to name them.")
        return
    lacking = missing_fields(kind, targets, headers, used)
    for text in lacking.mistakes:
        findings.mistake(0, (), text)
    for text in lacking.warnings:
        findings.warning(0, (), text)
    if not targets:
        findings.mistake(0, (), f"none of the columns is called like a field of {kind.name}.")
        return
    others = [f'"{trimmed(name)}"' for name in headers.names if name not in used]
    if others:
        text = f"no field is called {', '.join(others)}: not sent."
        (findings.mistake if strict else findings.warning)(0, (), text)
