"""The object types that Pango accepts, by name: those that come with the program, and those of a user's own folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pango_load.catalogue.files import read_type_file
from pango_load.errors import UsageError

if TYPE_CHECKING:
    from pango_load.records import ObjectType

_OWN_FOLDER = Path(__file__).parent

SEED_TYPES = (
    "customer-identity",
    "customer-relationship",
    "customer-membership",
    "customer-identity-address",
    "customer-identity-email",
    "customer-identity-photo",
    "customer-product-activity",
    "email-interaction",
    "sms-interaction",
    "customer-product-comment",
    "customer-product-review",
    "customer-product-subscriber",
)
"""The twelve types whose whole tables are known (seeds 003 and 004), in the documents' order."""

FURTHER_TYPES = (
    "custom-model",
    "user-event",
    "lead-information",
    "order",
    "meta-survey",
    "meta-form-marketing",
    "product",
    "shopping-cart",
)
"""The types known from public pages, most of them in part; each says how well it is established."""


def object_type_names(folder: Path | None = None) -> tuple[str, ...]:
    """Every name that --object takes: the twelve seed types, the further ones, then those of `folder` by name.

    Raises:
        UsageError: where `folder` is not a folder.
    """
    own = SEED_TYPES + FURTHER_TYPES
    return own + tuple(name for name in sorted(_files_of(folder)) if name not in own)


def object_type(name: str, folder: Path | None = None) -> ObjectType:
    """The type called `name`; a file of `folder` (--catalogue) outranks the program's own of that name.

    Raises:
        UsageError: an unknown name, with the nearest one as advice, or a folder that cannot be used.
        MappingError: a file of `folder` that is wrong, with every mistake.
    """
    theirs = _files_of(folder)
    if name not in theirs and name not in SEED_TYPES + FURTHER_TYPES:
        raise UsageError(f'"{name}" is not an object type that Pango is known to accept.', _advice(name, folder))
    path = theirs.get(name, _OWN_FOLDER / f"{name}.yaml")
    try:
        return _read_once(path, path.stat().st_mtime_ns)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read as a catalogue file: {error}.", "It is a text file in UTF-8."
        ) from error


def sent_type(name: str, folder: Path | None = None) -> ObjectType:
    """The type whose entries travel as `objectType: name`; of several in `folder`, the first by its file's name.

    Raises:
        UsageError: none does, or the folder cannot be used.
        MappingError: see `object_type`.
    """
    names = object_type_names(folder)
    # The type of that very name first: several models may be sent as it.
    for word in sorted(names, key=lambda word: word != name):
        if (word == name or word in _files_of(folder)) and (kind := object_type(word, folder)).name == name:
            return kind
    raise UsageError(f'"{name}" is not an object type that Pango is known to accept.', _advice(name, folder))


def _files_of(folder: Path | None) -> dict[str, Path]:
    if folder is None:
        return {}
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.", "--catalogue names a folder with one YAML file for each type.")
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in {".yaml", ".yml"} and path.is_file()}


@cache
def _read_once(path: Path, _changed: int) -> ObjectType:
    return read_type_file(path)


def _advice(name: str, folder: Path | None) -> str:
    from rapidfuzz import process, utils  # only a name that is wrong needs it

    nearest = process.extractOne(name, object_type_names(folder), processor=utils.default_process, score_cutoff=60)
    seen = "`pango-load objects` shows all of them."
    return f'Did you mean "{nearest[0]}"? {seen}' if nearest else f"{seen} A type of your own goes into --catalogue."
