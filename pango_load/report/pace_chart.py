"""Rows a second over time, with the waits behind them, drawn as SVG that is stretched to the page."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SLOTS = 120
_SPANS_DRAWN = 250
_FAINTEST = 0.02
_WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600)
_PLOT = (1000, 300)
_SHORTEST = 2.0  # seconds: below, a pace over time says nothing
_COLOURS = 6


@dataclass(frozen=True, slots=True)
class Wait:
    """A time in which nothing was sent because of `label`: a window's ("1 min") or another reason.

    `start` and `end` are seconds since the load began.
    """

    label: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Shade:
    """A part of the time axis, and how much of it was waited, above 0 and at most 1."""

    start: float
    end: float
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitsFor:
    """All waits for one reason: their sum in seconds, overlaps counted once, and what is shaded."""

    label: str
    seconds: float
    shades: tuple[Shade, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceChart:
    """What the plot shows.

    Attributes:
        edges: in seconds, where the slots begin and end: one more than there are rates.
        rates: rows a second in each slot.
        top: of the vertical axis, a round number of rows a second.
        waits: by reason, longest in sum first.
    """

    edges: tuple[float, ...]
    rates: tuple[float, ...]
    top: float
    waits: tuple[WaitsFor, ...]

    @property
    def seconds(self) -> float:
        """Length of the time axis."""
        return self.edges[-1]


def make_pace_chart(series: Sequence[tuple[float, int]], waits: Sequence[Wait]) -> PaceChart | None:
    """Reckon the plot.

    Args:
        series: (seconds since the start, rows accepted so far), both never falling.
        waits: in any order; they may overlap.

    Returns:
        None where the load was too short, or accepted too little, for a pace to mean anything.
    """
    points = sorted({0.0: 0, **dict(series)}.items())
    seconds = points[-1][0]
    if seconds < _SHORTEST or points[-1][1] <= 0:
        return None
    slot = float(next((width for width in _WIDTHS if seconds / width <= _SLOTS), seconds / _SLOTS))
    edges = [number * slot for number in range(int(seconds // slot) + 1)]
    # A last slot that is very short would stand out by chance: it is joined to the one before.
    if seconds - edges[-1] < slot / 2 and len(edges) > 1:
        edges.pop()
    edges.append(seconds)
    rates = tuple((_at(points, end) - _at(points, start)) / (end - start) for start, end in pairwise(edges))
    return PaceChart(edges=tuple(edges), rates=rates, top=round_top(max(rates)), waits=_by_reason(waits, seconds))


def _at(points: Sequence[tuple[float, int]], second: float) -> float:
    """Rows accepted until `second`, evenly spread between two points."""
    place = bisect_right(points, second, key=lambda point: point[0])
    if place >= len(points):
        return points[-1][1]
    (start, before), (end, after) = points[place - 1], points[place]
    return before + (after - before) * (second - start) / (end - start)


def round_top(most: float) -> float:
    """The smallest of 1, 2, 3, 4, 5, 6, 8 or 10 times a power of ten that is not below `most`."""
    power = 1.0
    while power * 10 < most:
        power *= 10
    while power > most > 0:
        power /= 10
    return next((step * power for step in (1, 2, 3, 4, 5, 6, 8) if step * power >= most), 10 * power)


def _by_reason(waits: Sequence[Wait], seconds: float) -> tuple[WaitsFor, ...]:
    by_label: dict[str, list[Shade]] = {}
    for wait in sorted(waits, key=lambda wait: wait.start):
        start, end = max(wait.start, 0.0), min(wait.end, seconds)
        if end <= start:
            continue
        spans = by_label.setdefault(wait.label, [])
        if spans and start <= spans[-1].end:
            spans[-1] = Shade(spans[-1].start, max(spans[-1].end, end))
        else:
            spans.append(Shade(start, end))
    found = [
        WaitsFor(label=label, seconds=sum(span.end - span.start for span in spans), shades=_drawable(spans, seconds))
        for label, spans in by_label.items()
    ]
    return tuple(sorted(found, key=lambda one: -one.seconds))


def _drawable(spans: Sequence[Shade], seconds: float) -> tuple[Shade, ...]:
    """The spans themselves where they are few; else slots of the axis, each as dark as the part of it that was waited.

    A day has tens of thousands of short waits: drawn one by one they would be a heavy page and a solid block.
    """
    if len(spans) <= _SPANS_DRAWN:
        return tuple(spans)
    slot = seconds / _SPANS_DRAWN
    waited = [0.0] * (_SPANS_DRAWN + 1)
    for span in spans:
        place = int(span.start // slot)
        start = span.start
        while start < span.end:
            end = min(span.end, (place + 1) * slot)
            waited[min(place, _SPANS_DRAWN)] += end - start
            start, place = max(end, start), place + 1
    return tuple(
        Shade(place * slot, min((place + 1) * slot, seconds), min(part / slot, 1.0))
        for place, part in enumerate(waited)
        if part / slot >= _FAINTEST
    )


def wait_colour(place: int) -> int:
    """Which of the page's colours the reason at `place` has."""
    return place % _COLOURS


def pace_svg(chart: PaceChart, label: str) -> str:
    """The plot alone: waits behind, the pace before them. Words stand around it in HTML, since it is stretched.

    Args:
        chart: what it shows.
        label: what it shows in words, for who cannot see it; already escaped.
    """
    width, height = _PLOT
    across, up = width / chart.seconds, height / chart.top
    spans = [
        f'<rect class="wait-{wait_colour(place)}" x="{shade.start * across:.1f}" y="0" '
        f'width="{max((shade.end - shade.start) * across, 1):.1f}" height="{height}" '
        f'fill-opacity="{shade.share:.2g}"/>'
        for place, waits in enumerate(chart.waits)
        for shade in waits.shades
    ]
    lines = [f'<path class="grid" d="M0 {height * part:.1f}H{width}"/>' for part in (0, 0.5, 1)]
    ends = (end * across for end in chart.edges[1:])
    steps = [f"V{height - rate * up:.1f}H{end:.1f}" for rate, end in zip(chart.rates, ends, strict=True)]
    outline = f"M0 {height}{''.join(steps)}"
    return (
        f'<svg class="plot" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" aria-label="{label}">'
        f'<g class="waits">{"".join(spans)}</g>{"".join(lines)}'
        f'<path class="area" d="{outline}V{height}Z"/><path class="pace" d="{outline}"/></svg>'
    )
