"""What stands behind a column: a field or a slot with its options becomes the rule of one key of an entry."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pango_load.catalogue.slots import SLOT_FAMILIES, slot
from pango_load.mapping.dates import OPEN_FORMAT, is_date, read_pattern
from pango_load.mapping.mistakes import Findings, listed, nearest, suggestion
from pango_load.mapping.names import trimmed
from pango_load.mapping.tree import Branch, Kind, Leaf, Listing, Node
from pango_load.mapping.words import CLEAN_WORDS, GROUPING_SIGNS, OPTIONS, RESTORE_ZERO, TYPE_WORDS
from pango_load.records import Clean, ColumnRule, FieldRule, FieldType, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pango_load.catalogue.slots import SlotFamily

_LONGEST = 2**63
_NEARLY_SLOT = re.compile(
    r"customField(text|long|timestamp|list|double|boolean)?(?:texts?|s)?_?([0-9]{1,3})", re.IGNORECASE
)
_TURNED = " A line of columns reads `column of the file: field of Pango`."
_SLOT_LIKE = re.compile(r"customField", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which targets there are: the fields of an object type, or those of its nested items.

    Attributes:
        owner: how a sentence calls it: `customer-identity`, or `items of order`.
        fields: what it knows.
        is_complete: whether a field outside them is a mistake.
        slots: whether it takes custom-field slots; None where unknown.
        containers: other names for the containers of slots, by the family's own name (`customFieldDoubles`).
    """

    owner: str
    fields: tuple[FieldRule, ...]
    is_complete: bool
    slots: bool | None
    containers: Mapping[str, str] = field(default_factory=dict)

    def field(self, name: str) -> FieldRule | None:
        """The rule of the field called `name`."""
        return next((rule for rule in self.fields if rule.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """Every field's name."""
        return tuple(rule.name for rule in self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A field or slot that was named, and the rule that it is judged by."""

    name: str
    rule: FieldRule
    container: str | None = None


class TargetReader:
    """Reads what a mapping says about one key of an entry, and notes what is wrong with it."""

    def __init__(self, scope: Scope, findings: Findings) -> None:
        self._scope = scope
        self._findings = findings

    def named(self, leaf: Leaf, keys: tuple[str, ...], *, options: Branch | None = None) -> Target | None:
        """The field or slot called by `leaf`, or None where it cannot be a target."""
        name = leaf.text.strip()
        container, dot, inner = name.partition(".")
        if dot and any(inner and container == family.container for family in SLOT_FAMILIES):
            name = inner
        if (rule := self._scope.field(name)) is not None:
            self._refuse_type(options, keys, name)
            return Target(name=name, rule=rule)
        if (family := slot(name)) is not None:
            return self._slot(leaf, name, family, keys)
        if _SLOT_LIKE.match(name):
            self._findings.mistake(leaf.line, keys, _slot_mistake(name))
            return None
        return self._stranger(leaf, name, keys, options)

    def _slot(self, leaf: Leaf, name: str, family: SlotFamily, keys: tuple[str, ...]) -> Target | None:
        if self._scope.slots is False:
            text = f'"{name}" is a custom-field slot, and {self._scope.owner} takes none (its table has no such row).'
            self._findings.mistake(leaf.line, keys, text)
            return None
        if self._scope.slots is None:
            text = f'"{name}": whether {self._scope.owner} takes custom-field slots is not known.'
            self._findings.warning(leaf.line, keys, text)
        container = self._scope.containers.get(family.container, family.container)
        return Target(name=name, rule=family.rule(name), container=container)

    def _stranger(self, leaf: Leaf, name: str, keys: tuple[str, ...], options: Branch | None) -> Target | None:
        near = suggestion(name, self._scope.names)
        meant = options is not None and _is_true(options.first("extra"))
        if not name or "." in name:
            text = f'"{name}" cannot be a field: a field is one word, and nested items stand under their own key.'
            self._findings.mistake(leaf.line, keys, text)
            return None
        if not meant and self._scope.is_complete:
            way = f"{{field: {name}, extra: true}} sends it all the same."
            turned = _TURNED if keys[-1] in self._scope.names else f" {way}"
            text = f'{self._scope.owner} has no field "{name}".{near}{turned}'
            self._findings.mistake(leaf.line, keys, text)
            return None
        if not meant:
            text = f'"{name}" is not among the fields known of {self._scope.owner}; it is sent as it is.{near}'
            self._findings.warning(leaf.line, keys, text)
        return Target(name=name, rule=FieldRule(name=name, type=self._stranger_type(options, keys)))

    def _stranger_type(self, options: Branch | None, keys: tuple[str, ...]) -> FieldType:
        node = options.first("type") if options is not None else None
        if node is None:
            return FieldType.TEXT
        word = node.text if isinstance(node, Leaf) else ""
        if word in TYPE_WORDS:
            return FieldType(word)
        text = f'"{word}" is not one of {", ".join(TYPE_WORDS)}.{suggestion(word, TYPE_WORDS)}'
        self._findings.mistake(node.line, (*keys, "type"), text)
        return FieldType.TEXT

    def _refuse_type(self, options: Branch | None, keys: tuple[str, ...], name: str) -> None:
        if options is not None and (node := options.first("type")) is not None:
            text = f"the type of {name} is known; type is for fields that the catalogue does not know."
            self._findings.mistake(node.line, (*keys, "type"), text)

    # --- the options --------------------------------------------------------------------------------------------------

    def rule(
        self,
        target: Target,
        keys: tuple[str, ...],
        *,
        line: int,
        options: Branch | None = None,
        column: str | None = None,
        template: str | None = None,
    ) -> ColumnRule:
        """The rule of a column or template; what is wrong with its options is noted and left out."""
        given = {leaf.text: (leaf, node) for leaf, node in options.pairs} if options is not None else {}
        nodes = {name: node for name, (_, node) in given.items()}
        self._refuse_misplaced(target, given, keys)
        clean = self._clean(nodes.get("clean"), (*keys, "clean"))
        formats = self._formats(nodes.get("format"), (*keys, "format"))
        return ColumnRule(
            target=target.name,
            rule=target.rule,
            container=target.container,
            column=column,
            template=template,
            formats=formats,
            values=self._values(target.rule, nodes.get("values"), (*keys, "values")),
            default=self._default(target.rule, nodes.get("default"), formats, (*keys, "default")),
            split=self._text(nodes.get("split"), (*keys, "split"), 'the sign between the items, for instance ";"'),
            clean=tuple(Clean(word) for word in clean if word != RESTORE_ZERO),
            normalise=self._country(nodes.get("normalise"), (*keys, "normalise")),
            decimal=self._sign(nodes.get("decimal"), (*keys, "decimal"), (",", ".")),
            grouping=self._sign(nodes.get("grouping"), (*keys, "grouping"), GROUPING_SIGNS),
            restore_zero=RESTORE_ZERO in clean,
            empty_is_null=self._empty(nodes.get("empty"), (*keys, "empty")),
            line=line,
        )

    def constant(self, target: Target, node: Node, keys: tuple[str, ...]) -> ColumnRule | None:
        """The rule of a value that every entry carries."""
        if isinstance(node, Listing) and target.rule.type is FieldType.LIST:
            words = [item.text for item in node.items if isinstance(item, Leaf)]
            text = json.dumps(words, ensure_ascii=False) if len(words) == len(node.items) else None
        else:
            text = self._word(target.rule, node, keys)
        if text is None:
            if isinstance(node, Leaf) and (node.is_null or not node.text.strip()):
                self._findings.mistake(node.line, keys, "empty: a constant is a value; leave the line out otherwise.")
            return None
        if target.rule.type is FieldType.TIMESTAMP and not is_date(text, ()):
            how = "a constant time is written as ISO 8601 (2024-12-31T08:00:00+07:00) or epoch milliseconds."
            self._findings.mistake(node.line, keys, f'"{text}": {how}')
            return None
        return ColumnRule(
            target=target.name, rule=target.rule, container=target.container, constant=text, line=node.line
        )

    def _refuse_misplaced(self, target: Target, given: Mapping[str, tuple[Leaf, Node]], keys: tuple[str, ...]) -> None:
        holds = target.rule.type
        is_date = holds is FieldType.TIMESTAMP or target.rule.shape is Shape.DATE
        is_number = holds in {FieldType.LONG, FieldType.DOUBLE}
        rules = (
            ("format", is_date, "dates"),
            ("split", holds is FieldType.LIST, "lists"),
            ("decimal", is_number, "numbers"),
            ("grouping", is_number, "numbers"),
            ("normalise", holds is FieldType.TEXT and target.rule.shape in {None, Shape.PHONE}, "phone numbers"),
        )
        for option, fits, use in rules:
            if option in given and not fits:
                text = f"{option} is for {use}, and {target.name} holds {_KINDS[holds]}."
                self._findings.mistake(given[option][0].line, (*keys, option), text)
        if "decimal" in given and _same_word(given["decimal"][1], given.get("grouping", (None, None))[1]):
            text = "the decimal sign and the sign between thousands are the same."
            self._findings.mistake(given["decimal"][0].line, (*keys, "decimal"), text)
        for name, (leaf, node) in given.items():
            if name == "extra" and not (isinstance(node, Leaf) and node.kind is Kind.BOOLEAN):
                self._findings.mistake(leaf.line, (*keys, name), "takes true.")
            if name not in OPTIONS and name != "template":
                extra = f' Write "clean: {RESTORE_ZERO}".' if "zero" in name.lower() else suggestion(name, OPTIONS)
                self._findings.mistake(leaf.line, keys, f'"{name}" is no option of a column.{extra}')

    def _formats(self, node: Node | None, keys: tuple[str, ...]) -> tuple[str, ...]:
        patterns = []
        for leaf in self._words(node, keys):
            judged = read_pattern(leaf.text)
            if judged.used is None:
                self._findings.mistake(leaf.line, keys, judged.mistake)
            else:
                patterns.append(judged.used)
            if judged.warning:
                self._findings.warning(leaf.line, keys, judged.warning)
        return tuple(patterns)

    def _values(self, rule: FieldRule, node: Node | None, keys: tuple[str, ...]) -> dict[str, str] | None:
        if node is None:
            return None
        if not isinstance(node, Branch) or not node.pairs:
            self._findings.mistake(node.line, keys, "takes words in pairs, for instance {Nam: male, Nữ: female}.")
            return None
        words: dict[str, str] = {}
        seen: dict[str, Leaf] = {}
        for leaf, held in node.pairs:
            cell = trimmed(leaf.text)
            if (twin := seen.get(cell.casefold())) is not None:
                text = f'"{cell}" stands here twice (line {twin.line} too); case does not matter.'
                self._findings.mistake(leaf.line, keys, text)
            seen[cell.casefold()] = leaf
            if isinstance(held, Leaf) and held.is_null:
                text = f'"{cell}" becomes nothing: cells that mean nothing stand under nulls.'
                self._findings.mistake(leaf.line, keys, text)
            elif (word := self._word(rule, held, (*keys, cell))) is not None:
                words[cell] = word
        return words

    def _word(self, rule: FieldRule, node: Node | None, keys: tuple[str, ...]) -> str | None:
        """A value that is sent, in its documented spelling, or None where it cannot be sent."""
        if node is None or (isinstance(node, Leaf) and (node.is_null or not node.text)):
            return None
        if not isinstance(node, Leaf):
            self._findings.mistake(node.line, keys, "takes one word, not a list or keys.")
            return None
        mistake = _unfit(rule, node.text)
        if not mistake and rule.values:
            spelled = next((word for word in rule.values if word.casefold() == node.text.strip().casefold()), None)
            if spelled is not None:
                return spelled
            text = f'"{node.text}" is not a word of {rule.name} ({", ".join(rule.values)}).'
            text += suggestion(node.text, rule.values)
            if not rule.values_open:
                mistake = text
            else:
                self._findings.warning(node.line, keys, text)
        if mistake:
            self._findings.mistake(node.line, keys, mistake)
            return None
        return node.text.lower() if rule.type is FieldType.BOOLEAN else node.text

    def _default(
        self, rule: FieldRule, node: Node | None, formats: tuple[str, ...], keys: tuple[str, ...]
    ) -> str | None:
        text = self._word(rule, node, keys)
        if text is None or node is None or rule.type is not FieldType.TIMESTAMP or is_date(text, formats):
            return text
        how = " or ".join(formats) or "ISO 8601 or epoch milliseconds"
        self._findings.mistake(node.line, keys, f'"{text}" is not a date in {how}, as the cells of the column are.')
        return None

    def _clean(self, node: Node | None, keys: tuple[str, ...]) -> tuple[str, ...]:
        words = []
        for leaf in self._words(node, keys):
            if leaf.text in CLEAN_WORDS:
                words.append(leaf.text)
            else:
                text = f'"{leaf.text}" is not one of {", ".join(CLEAN_WORDS)}.{suggestion(leaf.text, CLEAN_WORDS)}'
                self._findings.mistake(leaf.line, keys, text)
        return tuple(words)

    def _words(self, node: Node | None, keys: tuple[str, ...]) -> tuple[Leaf, ...]:
        items = node.items if isinstance(node, Listing) else () if node is None else (node,)
        leaves = tuple(item for item in items if isinstance(item, Leaf) and not item.is_null)
        if len(leaves) < len(items) or (node is not None and not items):
            self._findings.mistake(node.line if node is not None else 0, keys, "takes a word or a list of words.")
        return leaves

    def _text(self, node: Node | None, keys: tuple[str, ...], meaning: str) -> str | None:
        if node is None or (isinstance(node, Leaf) and node.text and not node.is_null):
            return node.text if node is not None else None
        self._findings.mistake(node.line, keys, f"takes {meaning}.")
        return None

    def _sign(self, node: Node | None, keys: tuple[str, ...], signs: tuple[str, ...]) -> str | None:
        text = self._text(node, keys, 'one sign in quotes, "," or "."')
        if text is None or text in signs:
            return text
        if node is not None and text.startswith(OPEN_FORMAT.strip()):
            sign = text.removeprefix(OPEN_FORMAT.strip()).strip()
            told = "still open: the numbers can be read in both ways. "
            told += f'Write grouping: "{sign}" where 1{sign}250 is 1250, or decimal: "{sign}" where it is 1.25.'
            self._findings.mistake(node.line, keys, told)
            return None
        shown = ", ".join(f'"{sign}"' for sign in signs if sign.isprintable())
        self._findings.mistake(node.line if node is not None else 0, keys, f'"{text}" is not one of {shown}.')
        return None

    def _country(self, node: Node | None, keys: tuple[str, ...]) -> str | None:
        text = self._text(node, keys, "a country of two letters, for instance VN")
        if text is None or re.fullmatch(r"[A-Z]{2}", text):
            return text
        near = ' Write "VN".' if nearest(text, ("vn", "vietnam", "viet nam", "+84", "84")) else ""
        where = node.line if node is not None else 0
        self._findings.mistake(where, keys, f'"{text}" is not a country of two capital letters, such as VN.{near}')
        return None

    def _empty(self, node: Node | None, keys: tuple[str, ...]) -> bool:
        if node is None:
            return False
        if isinstance(node, Leaf) and node.is_null:
            return True
        self._findings.mistake(node.line, keys, "takes null only; an empty cell is left out of the entry otherwise.")
        return False


_KINDS = {
    FieldType.TEXT: "text",
    FieldType.LONG: "a whole number",
    FieldType.DOUBLE: "a number",
    FieldType.BOOLEAN: "true or false",
    FieldType.TIMESTAMP: "a time",
    FieldType.LIST: "a list",
    FieldType.OBJECT: "nested items",
}


def _unfit(rule: FieldRule, text: str) -> str:
    """Why `text` cannot be a value of `rule`; empty where it can. Words of a list are judged elsewhere."""
    match rule.type:
        case FieldType.LONG if not re.fullmatch(r"-?[0-9]{1,19}", text) or not -_LONGEST <= int(text) < _LONGEST:
            return f'"{text}" is not a whole number, and {rule.name} holds one.'
        case FieldType.DOUBLE if not _is_number(text):
            return f'"{text}" is not a number, and {rule.name} holds one.'
        case FieldType.BOOLEAN if text.lower() not in {"true", "false"}:
            return f'"{text}" is neither true nor false, and {rule.name} holds one of them.'
        case _:
            return ""


def slot_names() -> tuple[str, ...]:
    """Every slot there can be, family by family."""
    return tuple(f"{family.prefix}{number:02d}" for family in SLOT_FAMILIES for number in range(1, 100))


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def _same_word(one: Node, other: Node | None) -> bool:
    return isinstance(one, Leaf) and isinstance(other, Leaf) and one.text == other.text


def _is_true(node: Node | None) -> bool:
    return isinstance(node, Leaf) and node.kind is Kind.BOOLEAN and node.text.lower() == "true"


def _slot_mistake(name: str) -> str:
    if re.fullmatch(r"customField[A-Za-z]*00", name):
        return f'"{name}" is no slot: they are numbered from 01.'
    if found := _NEARLY_SLOT.fullmatch(name):
        family = "" if (found[1] or "").lower() == "text" else (found[1] or "").capitalize()
        proper = f"customField{family}{int(found[2]):02d}"
        if slot(proper) is not None and proper != name:
            return f'"{name}" is no slot. Did you mean "{proper}"?'
    shown = listed(f"{family.prefix}01" for family in SLOT_FAMILIES)
    return f'"{name}" is no slot. A slot is called {shown}, with two digits.'
