"""A proposal as YAML that explains itself, line by line."""

from __future__ import annotations

import io
import re
import textwrap
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.emitter import Emitter
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from pango_load.errors import UsageError
from pango_load.mapping.names import trimmed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ruamel.yaml.nodes import ScalarNode

    from pango_load.mapping.propose import Proposal, ProposedColumn

MODELINE = "# yaml-language-server: $schema=mapping.schema.json"
_ZONE = "Asia/Ho_Chi_Minh"
_NARROWEST = 20
_COMMENTS = 34
"""The column where comments begin, behind lines that leave room: so they can be read from top to bottom."""


def proposal_text(proposal: Proposal, *, file_name: str, width: int | None = None) -> str:
    """The mapping file of a proposal, each column with a comment: how sure, why, and some masked cells.

    Args:
        proposal: what is written.
        file_name: where it comes from.
        width: of a screen, in columns: comments stand above their line, and no more is on a line than fits. In a
            file, None, a comment stands behind its line, however long the two are.
    """
    page = CommentedMap()
    page["object"] = proposal.object_type.word
    if proposal.needs_zone:
        page["timezone"] = _ZONE
        _note(page, "timezone", _CLOCK, width)
    page["columns"] = _lines([column for column in proposal.columns if column.group is None], width, indent=2)
    for group in dict.fromkeys(column.group for column in proposal.columns if column.group is not None):
        items = _lines([column for column in proposal.columns if column.group == group], width, indent=4)
        page[group] = CommentedMap({"groupBy": proposal.group_by, "columns": items})
        _note(page[group], "groupBy", "adjacent rows with the same one become one entry", width, indent=2)
    head, guard = _head(proposal, file_name), [f"# {_GUARD}"]
    if width is not None:
        head = [part for line in head for part in textwrap.wrap(line, width, subsequent_indent="#     ")]
        guard = textwrap.wrap(guard[0], width, subsequent_indent="# ")
    headers = _headers([trimmed(column.header) for column in proposal.columns], width)
    return "\n".join([MODELINE, *head, _dumped(page) + "\n".join([*guard, *headers]), ""])


def _headers(names: Sequence[str], width: int | None) -> list[str]:
    """The list of headers, on a screen in lines that fit; no header is ever broken."""
    words = [_in_a_list(_quoted(name)) for name in names]
    lines = ["headers: ["]
    for word in words:
        piece = f"{word},"
        if width is not None and len(lines[-1]) + len(piece) + 1 > width and lines[-1].strip():
            lines.append(" " * len("headers: "))
        lines[-1] += piece if lines[-1].endswith(("[", " ")) else f" {piece}"
    lines[-1] = lines[-1].removesuffix(",") + "]"
    return lines


def _in_a_list(value: object) -> str:
    """A value as it stands between the commas of `[a, b]` or `{a: b}`."""
    alone = CommentedSeq([value])
    alone.fa.set_flow_style()
    return _dumped(alone).strip()[1:-1]


def _dumped(page: CommentedMap | CommentedSeq) -> str:
    stream = io.StringIO()
    writer = YAML(typ="rt")
    writer.width = 1_000_000
    writer.allow_unicode = True
    writer.Representer = _Plain
    writer.Emitter = _LongKeys
    writer.dump(page, stream)
    return stream.getvalue()


CONSTANT_ADVICE = "A value that is the same in every row needs no column: `constants: {field: value}`."
_CLOCK = "the clock of the file's dates: check it; Etc/GMT-7 is the same without its changes before June 1975"
_GUARD = "A file with other headers is not loaded, and what was renamed is named. Delete the line to switch this off."


class _LongKeys(Emitter):
    """Writes a long header as any other key, `header: field`, as far as YAML reads it so (1024 characters)."""

    MAX_SIMPLE_KEY_LENGTH = 1000


class _Plain(RoundTripRepresenter):
    """Writes `null` where ruamel.yaml would leave the place empty, which reads like something forgotten."""

    def represent_nothing(self, _data: None) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Plain.add_representer(type(None), _Plain.represent_nothing)


def _note(page: CommentedMap, key: str, text: str, width: int | None, *, indent: int = 0, column: int = 0) -> None:
    """Comment the line of `key`: behind it, or above it where a screen is only so wide."""
    if width is None:
        page.yaml_add_eol_comment(text, key, column=column)
    else:
        above = textwrap.wrap(text, max(width - indent - 2, _NARROWEST))
        page.yaml_set_comment_before_after_key(key, before="\n".join(above), indent=indent)


def _lines(columns: Sequence[ProposedColumn], width: int | None, *, indent: int) -> CommentedMap:
    """A line for each column, with its comment."""
    lines = CommentedMap()
    for column in columns:
        header = _quoted(trimmed(column.header))
        value = _value(column)
        if isinstance(value, CommentedMap) and width is not None and _length(header, value, indent) > width:
            value.fa.set_block_style()
        lines[header] = value
        _note(lines, header, _comment(column), width, indent=indent, column=_COMMENTS)
    return lines


def _length(header: str, value: CommentedMap, indent: int) -> int:
    return indent + len(_in_a_list(header)) + len(": ") + len(_in_a_list(value))


def _head(proposal: Proposal, file_name: str) -> list[str]:
    sent = sum(column.field is not None for column in proposal.columns)
    lines = [
        f"# Proposed by `pango-load map` from {_one_line(file_name)}: {sent} of {len(proposal.columns)} columns sent.",
        "# A percentage says how sure it is; look through the low ones, then try `pango-load preview`.",
    ]
    if proposal.lacking or proposal.undecided:
        lines.append("# Before it loads:")
    lines.extend(f"#   - {_one_line(sentence)}" for sentence in proposal.lacking)
    lines.extend([f"#     {CONSTANT_ADVICE}"] if proposal.lacking and proposal.object_type.fields else [])
    lines.extend(
        f'#   - "{_one_line(header)}" can be read in more than one way: decide on its line.'
        for header in proposal.undecided
    )
    return lines


def _quoted(header: str) -> str:
    """In double quotes unless it is plain words: YAML has many signs of its own, and its elder readers more words."""
    is_plain = re.fullmatch(r"\w(?:[\w /.()-]*[\w)])?", header) and header.lower() not in _OLD_WORDS
    return header if is_plain else DoubleQuotedScalarString(header)


_OLD_WORDS = frozenset({"yes", "no", "on", "off", "y", "n"})
"""What YAML 1.1 takes for true and false, and 1.2 for words."""


def _one_line(text: str) -> str:
    """Text as a comment can hold it: YAML forbids control characters, and a terminal obeys them."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _value(column: ProposedColumn) -> object:
    if column.field is None or not column.options:
        return column.field
    options = CommentedMap({"field": column.field})
    for name, held in column.options.items():
        options[name] = _flow(held)
    options.fa.set_flow_style()
    return options


def _flow(held: object) -> object:
    if isinstance(held, dict):
        nested = CommentedMap(held)
        nested.fa.set_flow_style()
        return nested
    if isinstance(held, list):
        sequence = CommentedSeq(held)
        sequence.fa.set_flow_style()
        return sequence
    return held


def _comment(column: ProposedColumn) -> str:
    sure = f"{column.confidence:.0%}: " if column.field is not None else "not sent: "
    shown = f"; e.g. {', '.join(column.samples)}" if column.samples else ""
    slot = f"; {column.slot} would hold it" if column.slot is not None else ""
    return _one_line(f"{sure}{column.why}{slot}{shown}")


def write_proposal(text: str, path: Path, *, force: bool = False) -> None:
    """Write a proposal; its folder is made where it is missing.

    Raises:
        UsageError: the file is there already and `force` is not given, or it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        if not path.exists():
            raise UsageError(f"{path.parent} is not a folder.", "Name another file with -o.") from error
        raise UsageError(f"{path} is there already.", "Name another file with -o, or add --force.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.", "Name another file with -o.") from error
