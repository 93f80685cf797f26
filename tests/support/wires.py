"""Every library that may carry requests, so that a claim about the wire is held by each."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

import pytest

from pango_load.delivery.wire import choose_wire, has_aiohttp
from pango_load.delivery.wire_httpx import HttpxWire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pango_load.delivery.wire import MakeWire

WIRE: ContextVar[MakeWire] = ContextVar("WIRE", default=choose_wire)
"""What carries requests in the test that runs."""


@pytest.fixture(params=[HttpxWire, choose_wire], ids=["httpx", "fast"])
def every_wire(request: pytest.FixtureRequest) -> Iterator[MakeWire]:
    """httpx, and what is chosen where the extra `fast` is installed: aiohttp, but for proxies."""
    assert has_aiohttp(), "pip install -e '.[dev]' brings aiohttp"
    token = WIRE.set(request.param)
    yield request.param
    WIRE.reset(token)
