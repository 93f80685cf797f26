"""What a person may look at: what this server is, and what it has accepted."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from pango_load.sandbox.settings import AUTH_PATH, INGEST_PATH

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from pango_load.sandbox.ledger import Ledger
    from pango_load.sandbox.settings import SandboxSettings

_SHOWN = 20
_WELCOME = f"""\
This is pango-load's sandbox: a stand-in for the Pango ingestion API on this machine.
It is written from the public documents and sends nothing anywhere.

  POST {AUTH_PATH}       username, apiKey, cdpGKey -> token
  POST {INGEST_PATH}     headers TOKEN and API_KEY; 1 to 50 entries
  GET  /received                     what it has accepted (?offset=0&limit=20)
"""


def make_pages(ledger: Ledger, settings: SandboxSettings) -> Starlette:
    """`GET /` in words and `GET /received` in JSON; whatever else is asked for is 404."""

    async def welcome(_request: Request) -> Response:
        return PlainTextResponse(_WELCOME)

    async def received(request: Request) -> Response:
        offset, limit = request.query_params.get("offset"), request.query_params.get("limit", str(_SHOWN))
        if not limit.isdecimal() or not (offset is None or offset.isdecimal()):
            return PlainTextResponse("offset and limit are whole numbers.\n", status_code=400)
        return JSONResponse(
            _overview(ledger, settings, offset=None if offset is None else int(offset), limit=int(limit))
        )

    return Starlette(routes=[Route("/", welcome), Route("/received", received)])


def _overview(ledger: Ledger, settings: SandboxSettings, *, offset: int | None, limit: int) -> dict[str, object]:
    kept = ledger.received
    size = sum(request.size for request in kept)
    first = max(size - limit, 0) if offset is None else offset
    entries = chain.from_iterable(request.entries for request in kept)
    by_type = ledger.entries_by_type
    return {
        "requests": ledger.accepted_requests,
        "entries": sum(by_type.values()),
        "byObjectType": by_type,
        "statuses": {str(status or "no answer"): count for status, count in ledger.statuses.items()},
        "worstWindows": [
            {"seconds": window.seconds, "limit": window.limit, "requests": worst}
            for window, worst in ledger.worst_windows(settings.windows).items()
        ],
        "kept": size,
        "offset": first,
        "items": list(islice(entries, first, first + limit)),
    }
