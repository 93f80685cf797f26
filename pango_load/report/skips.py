"""Why rows are left out on purpose."""

from __future__ import annotations

from enum import StrEnum


class Skip(StrEnum):
    """One reason; the words of `summary.json`."""

    LIMIT = "limit"
    BLANK = "blank"
    REPEATED = "repeated-key"
    CUT = "cut-group"
    OVERTAKEN = "overtaken"
