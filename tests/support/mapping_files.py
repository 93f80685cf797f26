"""Mapping files written for a test, and what is said about them."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent
from typing import TYPE_CHECKING

from pango_load.errors import MappingError
from pango_load.mapping.read import read_mapping
from pango_load.mapping.resolve import fit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pango_load.mapping.read import MappingFile
    from pango_load.records import FieldMapping

PLACE = "mappings/x.yaml"
CUSTOMER = ("Code", "Mobile", "Name")
"""Headers that SOUND and most small mappings are written for."""


def mapping_of(text: str, folder: Path, *, object_name: str = "") -> MappingFile:
    """The mapping that `text` holds, called `mappings/x.yaml` in every sentence."""
    path = folder / "x.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    try:
        mapping = read_mapping(path, object_type_name=object_name)
    except MappingError as error:
        told = tuple(line.replace(str(path), PLACE) for line in error.mistakes)
        raise MappingError(error.message.replace(str(path), PLACE), told, error.advice) from error
    return replace(mapping, place=PLACE)


def customer(more: str = "", *, columns: str = "") -> str:
    """A sound mapping of customer-identity, with further lines at the left margin and under columns."""
    lines = [
        "object: customer-identity",
        "timezone: Asia/Ho_Chi_Minh",
        "columns:",
        "  Code: customerId",
        "  Mobile: phone",
        "  Name: fullName",
        *(f"  {line}" for line in dedent(columns).strip().splitlines()),
        *dedent(more).strip().splitlines(),
    ]
    return "\n".join(lines) + "\n"


def fitted(
    text: str,
    folder: Path,
    headers: Sequence[str] = CUSTOMER,
    *,
    object_name: str = "",
    strict: bool = False,
    timezone: str | None = None,
) -> FieldMapping:
    """The mapping that `text` holds, fitted to `headers`."""
    mapping = mapping_of(text, folder, object_name=object_name)
    return fit(mapping, headers, strict=strict, timezone=timezone)


def mistakes_of(
    text: str, folder: Path, headers: Sequence[str] = CUSTOMER, *, object_name: str = "", strict: bool = False
) -> list[str]:
    """Every sentence said about `text`; empty where it is sound."""
    try:
        fitted(text, folder, headers, object_name=object_name, strict=strict)
    except MappingError as error:
        return list(error.mistakes)
    return []
