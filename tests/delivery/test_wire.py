"""Which library carries requests, and that none of them writes one twice."""

from __future__ import annotations

import asyncio
import ssl
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from support.delivery_server import ScriptedServer, serving

from pango_load.delivery.wire import FAST_MAJOR, FAST_MINOR, WireTerms, choose_wire
from pango_load.delivery.wire_aiohttp import AiohttpWire
from pango_load.delivery.wire_httpx import HttpxWire

if TYPE_CHECKING:
    from aiohttp.client_middlewares import ClientHandlerType


def terms(url: str = "https://pango.invalid/i", proxy: str | None = None) -> WireTerms:
    return WireTerms(
        url=url,
        trust=ssl.create_default_context(),
        proxy=proxy,
        limit_header="X-Wait",
        connect_timeout=1,
        read_timeout=1,
    )


def test_the_quicker_library_is_taken_where_it_is_installed() -> None:
    """Protects whoever installed the extra `fast` from having to say so twice."""
    assert isinstance(choose_wire(terms(), proxies=dict), AiohttpWire)


def test_the_version_that_is_taken_is_the_one_that_the_extra_asks_for() -> None:
    """Protects against an older aiohttp that happens to be there, and against a bound that is moved in one place."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"]["fast"] == [f"aiohttp>={FAST_MAJOR}.{FAST_MINOR},<{FAST_MAJOR + 1}"]


def test_httpx_is_taken_where_nothing_else_is_installed() -> None:
    """Protects a plain installation."""
    assert isinstance(choose_wire(terms(), proxies=dict, has_fast=lambda: False), HttpxWire)


@pytest.mark.parametrize("kind", ["http", "https", "all"])
def test_a_proxy_is_always_spoken_to_by_httpx(kind: str) -> None:
    """Protects users behind a proxy from two readings of its failures."""
    assert isinstance(choose_wire(terms(), proxies=lambda: {kind: "http://127.0.0.1:1"}), HttpxWire)
    assert isinstance(choose_wire(terms(proxy="http://127.0.0.1:1"), proxies=dict), HttpxWire)


def test_a_request_is_never_written_twice_whatever_the_library_thinks_of_it() -> None:
    """Protects customers from a second message, should aiohttp ever begin to repeat a POST by itself."""

    async def stubborn(request: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
        (await handler(request)).close()
        return await handler(request)

    async def main() -> tuple[ScriptedServer, bool]:
        async with serving(ScriptedServer()) as server:
            wire = AiohttpWire(terms(server.ingest_url))
            session, connector = wire._open()
            connector.next_request(lambda: None)
            with pytest.raises(aiohttp.ClientConnectionError, match="never written twice") as told:
                await session.post(server.ingest_url, data=b"{}", middlewares=[stubborn])
            await wire.close()
            return server, connector.may_have_begun(told.value)

    server, may_have_begun = asyncio.run(main())

    assert len(server.seen) == 1
    assert may_have_begun
