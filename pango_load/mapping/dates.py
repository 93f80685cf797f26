"""Patterns of dates: which of them can be read, and which are a slip of the pen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from pango_load.mapping.words import EPOCH_WORDS

OPEN_FORMAT = "decide: "
"""What `pango-load map` writes before the readings of a date that the values do not settle."""

_YEAR = {"%Y", "%y", "%G", "%F", "%D", "%x", "%v", "%c", "%s", "%C"}
_DAY = {"%d", "%e", "%j", "%F", "%D", "%x", "%v", "%c", "%s"}
_MONTH = {"%m", "%b", "%B", "%h", "%j", "%F", "%D", "%x", "%v", "%c", "%s"}
_HOUR = {"%H", "%k", "%I", "%l"}
_CLOCK = {"%R", "%T", "%X", "%r", "%c", "%s"}
_OTHER = {"%M", "%S", "%p", "%P", "%a", "%A", "%.f", "%.3f", "%.6f", "%.9f", "%3f", "%6f", "%9f"}
_OTHER |= {"%z", "%:z", "%n", "%t", "%%"}
DIRECTIVES = frozenset(_YEAR | _DAY | _MONTH | _HOUR | _CLOCK | _OTHER) - {"%G", "%C"}
"""Every directive that is read (a test tries each of them with polars)."""

_DIRECTIVE = re.compile(r"%(?:[-_0]?(?:\.[369]?f|[369]f|:z|[A-Za-z%]|.|$))", re.DOTALL)
_LETTERS = re.compile(r"[yY]{2,5}|[dD]{1,2}|M{1,4}|m{1,2}|[hH]{1,2}|s{1,2}|S{3}|a|tt")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as it is used, and what a person should know about it.

    Attributes:
        used: as polars takes it; None where it cannot be used.
        mistake: why it cannot.
        warning: what may surprise.
    """

    used: str | None
    mistake: str = ""
    warning: str = ""


def read_pattern(text: str) -> Pattern:
    """Judge one `format` of a mapping."""
    if text in EPOCH_WORDS:
        return Pattern(text)
    if text.startswith(OPEN_FORMAT.strip()):
        readings = text.removeprefix(OPEN_FORMAT.strip()).split(" or ")
        written = " or ".join(f'"{reading.strip()}"' for reading in readings)
        return Pattern(None, f"still open: which pattern the dates have is not decided. Write {written} here.")
    if not text.strip():
        return Pattern(None, 'empty. Write the pattern of the dates, for instance "%d/%m/%Y".')
    if "%" not in text:
        return Pattern(None, f'"{text}" is no pattern.{_in_directives(text)}')
    used = re.sub(r"(?<!%)\.%f", "%.f", text)
    found = [re.sub(r"^%[-_0]", "%", directive) for directive in _DIRECTIVE.findall(used)]
    if unknown := [directive for directive in found if directive not in DIRECTIVES]:
        return Pattern(None, f'"{text}": {_about(unknown[0])}')
    return _complete(text, used, set(found))


def is_date(text: str, patterns: tuple[str, ...]) -> bool:
    """Whether a value that a mapping gives can be read: by its column's patterns, or without any as ISO 8601 or epoch.

    Args:
        text: the value.
        patterns: as `read_pattern` lets them through.
    """
    if patterns:
        digits = re.fullmatch(r"-?[0-9]+", text) is not None
        one = pl.Series([text])
        return any(
            digits if pattern in EPOCH_WORDS else one.str.to_datetime(pattern, strict=False).item() is not None
            for pattern in patterns
        )
    if re.fullmatch(r"-?[0-9]{11,14}", text):
        return True
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _complete(text: str, used: str, found: set[str]) -> Pattern:
    if ("%M" in found or "%S" in found) and not found & _HOUR:
        return Pattern(None, f'"{text}" has a minute and no hour: %M is the minute, %m is the month.')
    lacking = [word for word, known in (("year", _YEAR), ("month", _MONTH), ("day", _DAY)) if not found & known]
    if lacking:
        return Pattern(None, f'"{text}" has no {" and no ".join(lacking)}: a date needs %Y, %m and %d.')
    for is_wrong, why in (
        (found & {"%I", "%l"} and not found & {"%p", "%P"}, "%I is an hour of twelve and needs %p (AM, PM)"),
        (found & {"%p", "%P"} and not found & {"%I", "%l"}, "%p (AM, PM) goes with %I, not with %H"),
        (found & _HOUR and "%M" not in found, "an hour needs its minute, %M"),
    ):
        if is_wrong:
            return Pattern(None, f'"{text}": {why}.')
    if found & {"%y", "%D", "%x"}:
        return Pattern(used, warning=f'"{text}" reads a year of two digits, and the century is a guess; %Y reads four.')
    return Pattern(used)


def _about(directive: str) -> str:
    if directive.endswith("f"):
        return "%f is not read alone; write %S%.f for seconds with a fraction."
    if directive == "%":
        return "a % stands alone at the end."
    if directive == "%Z":
        return "%Z (a zone's name) cannot be read; give timezone in the mapping, or %z for an offset."
    return f"{directive} is no directive that can be read; %d, %m, %Y, %H, %M, %S, %p, %b, %z are."


def _in_directives(text: str) -> str:
    """` Did you mean "%d/%m/%Y"?` for `dd/mm/yyyy`, `DD-MM-YYYY` or `yyyy-MM-dd HH:mm:ss`."""
    if not re.search(r"[yY]{2}", text) or re.search(r"[^\sdDmMyYhHsSaTt/.:,_-]", text):
        return ' Write for instance "%d/%m/%Y".'
    seen_month = False
    parts: list[str] = []
    position = 0
    for found in _LETTERS.finditer(text):
        parts.append(text[position : found.start()])
        position = found.end()
        letters = found[0]
        after_hour = any(part in {"%H", "%I"} for part in parts)
        match letters[0]:
            case "y" | "Y":
                parts.append("%Y" if len(letters) > len("yy") else "%y")
            case "d" | "D":
                parts.append("%d")
            case "m" | "M":
                parts.append("%M" if after_hour and (seen_month or letters[0] == "m") else "%m")
                seen_month = True
            case "h" | "H":
                parts.append("%H")
            case "a" | "t":
                parts = ["%I" if part == "%H" else part for part in parts]
                parts.append("%p")
            case _:
                parts.append("%S")
    parts.append(text[position:])
    pattern = "".join(parts)
    judged = read_pattern(pattern)
    return f' Did you mean "{pattern}"?' if judged.used is not None else ' Write for instance "%d/%m/%Y".'
