"""The signs of damage that a single cell shows, as patterns; what they amount to is judged over whole columns."""

from __future__ import annotations

from dataclasses import dataclass

RARE = 0.2
"""A share of cells up to which some signs are damage rather than the column's nature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What is looked for in every cell of a column.

    Attributes:
        code: of the finding.
        needle: a pattern; a cell that matches shows the sign.
        message, advice: of the finding; `{where}` is filled in.
        at_least, at_most: shares between which it is a finding: a sign that every cell shows is no damage for some.
    """

    code: str
    needle: str
    message: str
    advice: str
    at_least: float = 0.0
    at_most: float = 1.0


_MOJIBAKE = "Ã[\u0080-¿]|Æ[°¡]|á[»º][\u0080-¿–—‘’“”†‡•…‰‹›€™š\u0153žŸ\u0160ƒ„ˆ˜]|Ä[\u0091‘]|â€[™œ\u009d“”]|Â[ °»«]"

SIGNS = (
    Sign(
        code="damage.scientific",
        needle=r"^[+-]?\d(?:[.,]\d+)?[eE]\+\d{2}$",
        message="{where}: numbers like 1.23E+11, whose last digits are lost",
        advice="Format the column as text (or number without decimals) in Excel before exporting, and export again.",
    ),
    Sign(
        code="damage.mojibake",
        needle=_MOJIBAKE,
        message='{where}: letters like "á»…" or "Ã¡", which are UTF-8 read as another encoding',
        advice="Export again as CSV UTF-8; if this file says otherwise, try --encoding.",
    ),
    Sign(
        code="damage.replaced",
        needle=r"\x{FFFD}|[A-Za-zÀ-ỹ]\?+[a-zà-ỹ]",
        message="{where}: ? or \ufffd inside words, letters lost in an export",
        advice="Export again from the original as CSV UTF-8 or .xlsx; the letters cannot be restored from this file.",
    ),
    Sign(
        code="damage.error-text",
        needle=r"^#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|#+)$",
        message="{where}: an Excel error such as #N/A",
        advice='Mend the formulas, or list the word under "nulls" in the mapping if it means nothing.',
    ),
    Sign(
        code="damage.test-row",
        needle=(
            r"(?i)^(?:test|testing|asdf\w*|qwerty|xxx+|aaa+|dummy|sample|lorem ipsum.*|thử|test@test\.\w+"
            r"|0{9,11}|0?123456789)$"
        ),
        message="{where}: looks like a test row",
        advice="Take the rows out if they are no customers.",
        at_most=RARE,
    ),
)

LENGTHS = {
    255: "Cells cut at 255 characters come from old database fields or drivers: export the column as long text.",
    32767: "Excel cuts a cell at 32,767 characters: export this table as CSV or JSONL instead.",
}

KINDS = {
    "email": r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    "phone": r"^\+?[\d\s().-]{8,18}$",
    "date": r"^\d{4}-\d\d?-\d\d?|^\d\d?[/.-]\d\d?[/.-]\d{2,4}",
    "ten": r"^0\d{9}$",
}
"""What the cells of a column may be: how many are, of the records at the beginning."""

SHAPES = {
    "nine": r"^[2-9]\d{8}$",
    "serial": r"^[1-5]\d{4}(?:\.\d+)?$",
    "long": r"^[1-9]\d{12,}0{3,}$",
}
"""What is damage in some columns only."""


TESTS = KINDS | SHAPES | {sign.code: sign.needle for sign in SIGNS}
"""Every pattern that is looked for in single cells, by its code."""
