"""Source cells become cleaned text: one column for each rule of the mapping, null where there is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from pango_load.records import Clean, ColumnRule, FieldMapping, template_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Letters outside these ranges may have another normal form; Vietnamese in its usual form stays inside.
_MAY_NEED_NFC = "[^\u0000-\u02ff\u1e00-\u1eff\u2010-\u203a\u20ab\u20ac]"

_FEW = 2_000

_CLEANERS = {
    Clean.TRIM: lambda text: text,  # outer white space has gone already
    Clean.COLLAPSE: lambda text: text.str.replace_all(r"\s+", " "),
    Clean.LOWER: lambda text: text.str.to_lowercase(),
    Clean.UPPER: lambda text: text.str.to_uppercase(),
    Clean.TITLE: lambda text: text.str.to_titlecase(),
    Clean.DIGITS: lambda text: text.str.replace_all(r"[^0-9]", ""),
}


def clean_cells(frame: pl.DataFrame, mapping: FieldMapping, indexes: Sequence[int] | None = None) -> pl.DataFrame:
    """The text of every rule, in step with `frame`; column `i` belongs to `mapping.columns[i]`.

    Where `indexes` are given, only the rules of those are looked at.

    White space around a cell is dropped, a cell that means "nothing" (empty, or one of `nulls`) is null, and text is
    brought into Unicode's composed form (NFC), so that "Nguyễn" is the same word however it was typed.
    """
    rules = {index: mapping.columns[index] for index in (range(len(mapping.columns)) if indexes is None else indexes)}
    # A header may look like a pattern to polars; a number never does.
    places = {
        name: str(at) for at, name in enumerate(sorted({name for rule in rules.values() for name in rule.columns}))
    }
    cells = frame.select(frame.get_column(name).alias(place) for name, place in places.items())
    nulls = [word for word in mapping.nulls if word]
    if cells.width and cells.height < _FEW:
        # Asking first which columns need it would cost more than doing it.
        composed = pl.all().str.strip_chars().str.normalize("NFC")
        cells = cells.select(composed).select(pl.when(~pl.all().is_in(["", *nulls])).then(pl.all()))
    elif cells.width:
        cells = _without_nothings(_composed(cells.select(pl.all().str.strip_chars())), nulls)
    texts = [_text_of(rule, places).alias(str(index)) for index, rule in rules.items()]
    if cells.width:
        return cells.select(texts)
    return frame.select(texts)


def _without_nothings(frame: pl.DataFrame, nulls: Sequence[str]) -> pl.DataFrame:
    """Null for cells that mean "nothing"; only columns that hold such a cell are written anew."""
    if not frame.width or not frame.height:
        return frame
    words = ["", *nulls]
    found = frame.select(pl.col(name).is_in(words).any() for name in frame.columns).row(0)
    holding = [name for name, holds in zip(frame.columns, found, strict=True) if holds]
    if not holding:
        return frame
    return frame.with_columns(pl.when(~pl.col(name).is_in(words)).then(pl.col(name)).alias(name) for name in holding)


def _composed(frame: pl.DataFrame) -> pl.DataFrame:
    """Only columns that hold a letter which may change are normalised: it is the dearest step of all."""
    columns = frame.columns
    if not columns or not frame.height:
        return frame
    wide = frame.select((pl.col(name).str.len_chars() != pl.col(name).str.len_bytes()).any() for name in columns).row(0)
    suspects = [name for name, is_wide in zip(columns, wide, strict=True) if is_wide]
    if not suspects:
        return frame
    found = frame.select(pl.col(name).str.contains(_MAY_NEED_NFC).any() for name in suspects).row(0)
    changing = [name for name, may_change in zip(suspects, found, strict=True) if may_change]
    return frame.with_columns(pl.col(name).str.normalize("NFC") for name in changing) if changing else frame


def _text_of(rule: ColumnRule, places: Mapping[str, str]) -> pl.Expr:
    if rule.constant is not None:
        return pl.repeat(rule.constant, pl.len(), dtype=pl.String)
    text = pl.col(places[rule.column]) if rule.column is not None else _filled_template(rule.template or "", places)
    for step in rule.clean:
        text = _CLEANERS[step](text)
    if rule.clean:
        # Cleaning may leave nothing: digits of a cell without any.
        text = pl.when(text.str.len_bytes() > 0).then(text)
    if rule.default is not None and rule.values is None:
        return text.fill_null(rule.default)
    return text


def _filled_template(template: str, places: Mapping[str, str]) -> pl.Expr:
    """`"{First} {Last}"` with both cells in; null where every cell is nothing, single spaces where one is."""
    names = template_columns(template)
    if not names:
        return pl.repeat(template.replace("{{", "{").replace("}}", "}"), pl.len(), dtype=pl.String)
    parts: list[pl.Expr] = []
    rest = template.replace("{{", "\x00").replace("}}", "\x01")
    while rest:
        literal, _, rest = rest.partition("{")
        if literal:
            parts.append(pl.lit(literal.replace("\x00", "{").replace("\x01", "}")))
        name, closed, rest = rest.partition("}")
        if closed:
            parts.append(pl.col(places[name]).fill_null(""))
    filled = pl.concat_str(parts).str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.when(pl.any_horizontal(pl.col(places[name]).is_not_null() for name in names)).then(filled)
