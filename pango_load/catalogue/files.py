"""The door through which a catalogue file comes in: YAML, checked key by key, becomes an `ObjectType`."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pango_load.errors import MappingError
from pango_load.records import Coverage, FieldRule, FieldType, ObjectType, Requirement, Severity, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

DOCUMENTED_TYPES: Mapping[str, FieldType] = {
    "string": FieldType.TEXT,
    "text": FieldType.TEXT,
    "integer": FieldType.LONG,
    "int": FieldType.LONG,
    "long": FieldType.LONG,
    "double": FieldType.DOUBLE,
    "float": FieldType.DOUBLE,
    "boolean": FieldType.BOOLEAN,
    "timestamp": FieldType.TIMESTAMP,
    "list": FieldType.LIST,
    "array": FieldType.LIST,
    "object": FieldType.OBJECT,
}
"""The documents' words for a type, in small letters (seeds 003 and 004): they write integer, Integer and int alike."""


def read_type_file(path: Path) -> ObjectType:
    """Read one catalogue file. Its key `object` is what is sent as `objectType`.

    The file's own name is what --object takes: several files may describe the models that are all sent as
    `custom-model`, each with its own fields.

    Raises:
        MappingError: naming the file, and for each mistake its line and key.
        OSError: where the file cannot be read.
    """
    text = path.read_text(encoding="utf-8")
    try:
        content: object = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise _refusal(path, [_yaml_mistake(error)]) from error
    if not isinstance(content, dict):
        raise _refusal(path, ["The file holds no keys: it begins with object: and title:."])
    try:
        page = _TypePage.model_validate(content)
    except ValidationError as error:
        lines = _lines_of_keys(text)
        raise _refusal(path, [_mistake(detail, lines) for detail in error.errors()]) from error
    return _as_object_type(page, path.stem)


# --- the shape of a file ----------------------------------------------------------------------------------------------


def _as_word(value: object) -> object:
    """A word as the documents print it, where YAML reads a number, a date or a truth value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None or isinstance(value, str | list | dict) else str(value)


_Word = Annotated[str, BeforeValidator(_as_word)]


class _Page(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, frozen=True)


class _FieldPage(_Page):
    type: str | None
    required: bool = False
    values: tuple[_Word, ...] = ()
    values_open: bool = False
    shape: Shape | None = None
    example: _Word | None = None
    note: str = ""
    custom_fields: bool = False
    is_map: bool = False
    fields: dict[_Word, _FieldPage] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.type is not None and self.type.lower() not in DOCUMENTED_TYPES:
            known = "String, Long, Double, Boolean, Timestamp, List, Object"
            raise ValueError(f'type "{self.type}" is not one of {known}')
        if (self.fields or self.custom_fields or self.is_map) and self.field_type is not FieldType.OBJECT:
            raise ValueError("only a field of type Object has fields of its own")
        if self.shape is not None and self.field_type not in {FieldType.TEXT, FieldType.LONG}:
            raise ValueError("only a text or a whole number has a shape")
        return self

    @property
    def field_type(self) -> FieldType:
        """What it holds; an empty cell is read as text, as in the sister tables."""
        return FieldType.TEXT if self.type is None else DOCUMENTED_TYPES[self.type.lower()]


class _RulePage(_Page):
    any_of: tuple[str | tuple[str, ...], ...] = ()
    all_of: tuple[str, ...] = ()
    severity: Severity = Severity.ERROR
    note: str = ""

    @model_validator(mode="after")
    def _is_one_rule(self) -> Self:
        if bool(self.any_of) == bool(self.all_of):
            raise ValueError("a rule has either anyOf or allOf")
        return self

    @property
    def alternatives(self) -> tuple[tuple[str, ...], ...]:
        """Groups of names, of which one must be whole."""
        if self.all_of:
            return (self.all_of,)
        return tuple((group,) if isinstance(group, str) else group for group in self.any_of)


class _TypePage(_Page):
    object: _Word
    title: str
    coverage: Coverage
    source: str
    fields: dict[_Word, _FieldPage]
    page: str = ""
    record_key: tuple[str, ...] = ()
    ignored_update_cfs: bool | None = None
    custom_fields: bool | None = None
    note: str = ""
    rules: tuple[_RulePage, ...] = ()

    @model_validator(mode="after")
    def _names_known_fields(self) -> Self:
        named = {
            "recordKey": self.record_key,
            "rules": tuple(name for rule in self.rules for group in rule.alternatives for name in group),
        }
        strangers = [
            f'{key} names "{name}"' for key, names in named.items() for name in names if name not in self.fields
        ]
        if strangers:
            raise ValueError(f"{', '.join(strangers)}, which is not among fields")
        return self


# --- what it becomes --------------------------------------------------------------------------------------------------


def _as_object_type(page: _TypePage, file_name: str) -> ObjectType:
    return ObjectType(
        name=page.object,
        word=file_name,
        title=page.title,
        fields=tuple(_as_field_rule(name, field) for name, field in page.fields.items()),
        record_key=page.record_key,
        requirements=tuple(
            Requirement(alternatives=rule.alternatives, severity=rule.severity, note=rule.note) for rule in page.rules
        ),
        ignored_update_cfs=page.ignored_update_cfs,
        custom_fields=page.custom_fields,
        coverage=page.coverage,
        source=page.source,
        page=page.page,
        note=page.note,
        fingerprint=_fingerprint(page),
    )


def _as_field_rule(name: str, page: _FieldPage) -> FieldRule:
    return FieldRule(
        name=name,
        type=page.field_type,
        documented_type=page.type,
        required=page.required,
        values=page.values,
        values_open=page.values_open,
        shape=page.shape,
        fields=tuple(_as_field_rule(inner, rule) for inner, rule in page.fields.items()),
        custom_fields=page.custom_fields,
        is_map=page.is_map,
        example=page.example,
        note=page.note,
    )


_WORDS_FOR_PEOPLE = frozenset({"title", "page", "source", "note", "example", "coverage"})


def _fingerprint(page: _TypePage) -> str:
    """A digest of the rules alone: a note that is put better must not make another load of a half-finished one."""
    rules = json.dumps(_without_prose(page.model_dump(mode="json", exclude={"fields"})), sort_keys=True)
    fields = [(name, _without_prose(field.model_dump(mode="json"))) for name, field in page.fields.items()]
    both = f"{rules}\x1f{json.dumps(fields, sort_keys=True)}"
    return hashlib.blake2b(both.encode(), digest_size=16, person=b"pango-object").hexdigest()


def _without_prose(value: object, *, names: bool = False) -> object:
    """`value` without what is told to people; the keys of `fields` are names, so a field called note stays."""
    match value:
        case dict():
            return {
                key: _without_prose(inner, names=key == "fields" and not names)
                for key, inner in value.items()
                if names or key not in _WORDS_FOR_PEOPLE
            }
        case list():
            return [_without_prose(inner) for inner in value]
        case _:
            return value


# --- what is wrong with it --------------------------------------------------------------------------------------------

_Key = tuple[str | int, ...]


def _refusal(path: Path, mistakes: list[str]) -> MappingError:
    return MappingError(
        f"{path}: this catalogue file cannot be used.",
        mistakes,
        "Mend what is listed; `pango-load objects customer-identity` shows a type that is whole.",
    )


def _yaml_mistake(error: YAMLError) -> str:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        place = f"Line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}: "
        # What follows "with value" are ruamel's own words for half-read content.
        return f"{place}{(error.problem or error.context or 'not YAML').partition(' with value')[0]}."
    return f"Not YAML: {' '.join(str(error).split())}"


def _mistake(detail: ErrorDetails, lines: Mapping[_Key, int]) -> str:
    """One sentence with line and key: `Line 4, fields.phone.type: ...`."""
    key: _Key = detail["loc"]
    known = next((key[:end] for end in range(len(key), 0, -1) if key[:end] in lines), ())
    place = f"Line {lines[known]}, " if known else ""
    name = ".".join(str(part) for part in key) or "the file"
    match detail["type"]:
        case "extra_forbidden":
            from rapidfuzz import process  # only a key that is wrong needs it

            nearest = process.extractOne(str(key[-1]), _KEYS, score_cutoff=60)
            told = "is not a key that a catalogue file has" + (f' (did you mean "{nearest[0]}"?)' if nearest else "")
        case "missing":
            told = "is missing"
        case _:
            told = detail["msg"].removeprefix("Value error, ").rstrip(".")
            return f"{place}{name}: {told[:1].lower()}{told[1:]}."
    return f"{place}{name} {told}."


_KEYS = tuple({to_camel(name): 1 for page in (_TypePage, _FieldPage, _RulePage) for name in page.model_fields})


def _lines_of_keys(text: str) -> Mapping[_Key, int]:
    """The line of each key, from 1. Read only where something is wrong, since keeping lines is slow."""
    return dict(_walk(YAML(typ="rt", pure=True).compose(text), ()))


def _walk(node: object, key: _Key) -> Iterator[tuple[_Key, int]]:
    children = getattr(node, "value", None)
    if not isinstance(children, list):
        return
    for index, child in enumerate(children):
        match child:
            case (name, value):
                inner: _Key = (*key, str(name.value))
                yield inner, name.start_mark.line + 1
                yield from _walk(value, inner)
            case value:
                inner = (*key, index)
                yield inner, value.start_mark.line + 1
                yield from _walk(value, inner)
