"""The mapping file as a tree, or the reason why it is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pango_load.errors import MappingError
from pango_load.mapping.mistakes import Mistake, suggestion, tell
from pango_load.mapping.tree import Branch, BrokenYaml, Leaf, Listing, Node, parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def mapping_error(place: str, mistakes: Sequence[Mistake], advice: str = "") -> MappingError:
    """The error that tells all `mistakes` of the mapping at `place`."""
    count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
    advice = advice or "Mend the mapping and run the same command again."
    return MappingError(f"{place} has {count}; nothing was sent.", tell(mistakes, place), advice)


def read_root(path: Path, place: str) -> Branch:
    """The keys at the left margin of the file at `path`, which sentences call `place`.

    Raises:
        MappingError: it cannot be read, is empty, or is no YAML of keys.
    """
    example = "A mapping has at least `object:` and `columns:`; `pango-load map` proposes one."
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MappingError(f"{place} is not a text file in UTF-8.", (), "Save it as UTF-8.") from error
    except FileNotFoundError as error:
        raise MappingError(f"{place} is not there.", (), _neighbour(path)) from error
    except OSError as error:
        raise MappingError(f"{place} cannot be read: {error.strerror}.", (), "--mapping names a file.") from error
    try:
        root = parse(text)
    except BrokenYaml as broken:
        raise mapping_error(place, [Mistake(line=broken.line, keys=(), text=broken.text)]) from broken
    if root is None or (isinstance(root, Leaf) and root.is_null):
        raise MappingError(f"{place} is empty.", (), example)
    if not isinstance(root, Branch):
        raise MappingError(f"{place} is not a mapping: it holds {_spoken(root)}.", (), example)
    return root


def _neighbour(path: Path) -> str:
    folder = path.parent
    others = [other.name for other in sorted(folder.glob("*.y*ml"))] if folder.is_dir() else []
    near = suggestion(path.name, others).strip()
    return near or "`pango-load map FILE --object TYPE -o mappings/TYPE.yaml` writes one."


def _spoken(node: Node) -> str:
    return "a list" if isinstance(node, Listing) else "a single word"
