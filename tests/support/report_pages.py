"""Pages of `report.html`, as full as a real one."""

from __future__ import annotations

from support.report_summaries import a_check_summary, a_clean_summary, a_summary, an_interrupted_summary

from pango_load.report.html import Example, MappingLine, ReportPage
from pango_load.report.pace_chart import Wait

EXAMPLES = (
    Example(code="date.format", field="dob", row=12, column="Birthday", value="31/02/1990"),
    Example(code="date.format", field="dob", row=1181, column="Birthday", value="Tết <năm> ngoái"),
    Example(code="required.missing", field="customerId", row=7, column="Customer Code", value=None),
    Example(code="phone.shape", field="phone", row=30, column="Mobile", value="0905 000 111 / 0905 000 112"),
)
MAPPING = (
    MappingLine("Customer Code", "customerId"),
    MappingLine("Mobile", "phone", "normalised as VN"),
    MappingLine("Birthday", "dob", 'format "%d/%m/%Y"'),
    MappingLine("Tier", "customFieldTexts.customField01"),
    MappingLine("Notes", ""),
)


def a_page(*, show_values: bool = False) -> ReportPage:
    """A short load with a few rejects."""
    series = [(second, min(1197, round(second * 66))) for second in range(20)]
    return ReportPage(
        summary=a_summary(),
        examples=EXAMPLES,
        mapping=MAPPING,
        series=series,
        show_values=show_values,
        waits=[Wait("1 s", 2, 2.4), Wait("1 s", 3, 3.4)],
    )


def a_long_page() -> ReportPage:
    """A load of hours that was interrupted: bursts, and waits for three windows and for the service."""
    series, waits, rows = [(0.0, 0)], [], 0
    for minute in range(140):
        start = minute * 60.0
        if 60 <= minute < 68:
            waits.append(Wait("the service", start, start + 60))
            continue
        rows += 2950
        series += [(start + 0.01, series[-1][1]), (start + 22, rows)]
        waits += [Wait("1 s", start + second, start + second + 0.4) for second in range(0, 22, 2)]
        waits.append(Wait("1 min", start + 22, start + 60))
        if minute % 50 == 49:
            waits.append(Wait("1 h", start + 30, start + 300))
    return ReportPage(summary=an_interrupted_summary(), examples=EXAMPLES, mapping=MAPPING, series=series, waits=waits)


def a_clean_page() -> ReportPage:
    """Nothing went wrong, and it was over at once."""
    return ReportPage(summary=a_clean_summary(), mapping=MAPPING, series=[(0.0, 0), (1.2, 1200)])


def a_check_page() -> ReportPage:
    """A survey."""
    return ReportPage(summary=a_check_summary(), examples=EXAMPLES, mapping=MAPPING)
