"""The two calls of the API as an ASGI application: windows, then faults, then token, then body."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, cast

from pango_load.sandbox.answers import (
    BAD_KEY,
    BAD_TOKEN,
    NOT_JSON_TYPE,
    NOT_POST,
    OK,
    SUCCESS,
    TOO_LARGE,
    Answer,
    accepted,
    limited,
    missing,
)
from pango_load.sandbox.faults import Fault, FaultKind, FaultList, Phase, SeenRequest, Target
from pango_load.sandbox.ingest import IngestReader, ReadRequest, parse_json_object, read_init_data
from pango_load.sandbox.ledger import Ledger, ReceivedRequest
from pango_load.sandbox.settings import AUTH_PATH, INGEST_PATH
from pango_load.sandbox.strikes import Exchange, send_answer, status_of, strike
from pango_load.sandbox.tokens import TokenDesk
from pango_load.sandbox.windows import make_windows
from pango_load.sandbox.wire import read_body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from pango_load.clock import Clock
    from pango_load.records import ObjectType
    from pango_load.sandbox.settings import SandboxSettings
    from pango_load.sandbox.wire import Connection


class SandboxApp:
    """Answers on the loop that serves it.

    Args:
        settings: how it behaves.
        clock: read only: latency and slow answers take real time.
        find_type: an object type by name; raises UsageError for an unknown one.
    """

    def __init__(self, settings: SandboxSettings, clock: Clock, find_type: Callable[[str], ObjectType]) -> None:
        self.settings = settings
        self.ledger = Ledger(keep=settings.keep, keep_last=settings.keep_last)
        self.tokens = TokenDesk(settings, clock)
        self.faults = FaultList(settings.faults, seed=settings.seed)
        self._clock = clock
        self._windows = make_windows(settings.window_kind, settings.windows)
        self._reader = IngestReader(settings, find_type)
        self._random = random.Random(settings.seed)
        self._auth_calls = 0
        self._pages: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"]
        if path not in {INGEST_PATH, AUTH_PATH}:
            await self._show_page(scope, receive, send)
            return
        exchange = Exchange(cast("Connection", scope["state"]["connection"]), receive, send)
        if scope["method"] != "POST":
            await send_answer(NOT_POST, exchange)
        elif path == INGEST_PATH:
            await self._ingest(scope, exchange)
        else:
            await self._authenticate(scope, exchange)

    async def _show_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._pages is None:
            from pango_load.sandbox.pages import make_pages

            self._pages = make_pages(self.ledger, self.settings)
        await self._pages(scope, receive, send)

    # --- ingestion ----------------------------------------------------------------------------------------------------

    async def _ingest(self, scope: Scope, exchange: Exchange) -> None:
        arrived = self._clock.steady()
        number = self.ledger.arrival(arrived)
        refused = self._knock(arrived)
        if refused is None:
            fault = self.faults.pick(Phase.ARRIVAL, Target.INGEST, SeenRequest(number=number))
            if fault is not None:
                await strike(fault, SUCCESS, exchange)
                return
        body = await read_body(exchange.receive, self.settings.max_body_bytes)
        if body is None:
            return
        answer, fault = (refused, None) if refused else self._decide(scope, body, number, arrived)
        if self.settings.latency[1]:
            await asyncio.sleep(self._random.uniform(*self.settings.latency))
        # Before the answer leaves, so that a client that has its answer finds it in the book.
        self.ledger.answered(number, answer.status if fault is None else status_of(fault, answer))
        await self._reply(answer, fault, exchange)

    def _knock(self, arrived: float) -> Answer | None:
        """Take a place in the windows; the 429 where there is none."""
        wall = self._clock.now()
        wait = self._windows.wait(arrived, wall)
        if wait <= 0 or self.settings.refused_count:
            self._windows.count(arrived, wall)
        return limited(wait, self.settings.retry_header) if wait > 0 else None

    def _decide(self, scope: Scope, body: bytes, number: int, arrived: float) -> tuple[Answer, Fault | None]:
        """The ordinary answer to a request, and the fault that spoils it, if any; what is accepted is noted."""
        payload = parse_json_object(body)
        init_data = read_init_data(scope["query_string"])
        seen = _seen(number, body, payload, init_data=bool(init_data))
        fault = self.faults.pick(Phase.BEFORE, Target.INGEST, seen)
        if fault is not None:
            return SUCCESS, fault
        refused = self._refuse_unread(dict(scope["headers"]), body, init_data)
        if refused is not None:
            return refused, None
        request_id = f"sandbox-{number}"
        request = self._reader.read(payload, request_id)
        if isinstance(request, Answer):
            return request, None
        self._note(request, body=body, number=number, arrived=arrived, init_data=bool(init_data))
        answer = accepted(self.settings, request_id, request.failures)
        return answer, self.faults.pick(Phase.AFTER, Target.INGEST, seen)

    def _refuse_unread(self, headers: Mapping[bytes, bytes], body: bytes, init_data: bool | None) -> Answer | None:
        """What is wrong with a request before its body is looked into."""
        if not _is_json(headers):
            return NOT_JSON_TYPE
        if not self.tokens.is_alive(headers.get(b"token", b"").decode("latin-1")):
            return BAD_TOKEN
        if headers.get(b"api_key", b"") != self.settings.api_key.encode():
            return BAD_KEY
        if len(body) > self.settings.max_body_bytes:
            return TOO_LARGE
        return missing("initData") if init_data is None else None

    def _note(self, request: ReadRequest, *, body: bytes, number: int, arrived: float, init_data: bool) -> None:
        self.ledger.accept(
            ReceivedRequest(
                number=number,
                arrived=arrived,
                object_type=request.object_type,
                source=request.source,
                init_data=init_data,
                entries=request.entries,
                payload=request.payload,
                body=body,
            )
        )

    # --- authentication -----------------------------------------------------------------------------------------------

    async def _authenticate(self, scope: Scope, exchange: Exchange) -> None:
        self._auth_calls += 1
        refused = self._knock(self._clock.steady()) if self.settings.auth_counts else None
        seen = SeenRequest(number=self._auth_calls)
        fault = None if refused else self.faults.pick(Phase.ARRIVAL, Target.AUTH, seen)
        if fault is None:
            body = await read_body(exchange.receive, self.settings.max_body_bytes)
            if body is None:
                return
            answer, fault = (refused, None) if refused else self._decide_authentication(scope, body, seen)
        else:
            answer = SUCCESS
        self.ledger.authenticated(answer.status if fault is None else status_of(fault, answer))
        await self._reply(answer, fault, exchange)

    def _decide_authentication(self, scope: Scope, body: bytes, seen: SeenRequest) -> tuple[Answer, Fault | None]:
        fault = self.faults.pick(Phase.BEFORE, Target.AUTH, seen)
        if fault is not None:
            return SUCCESS, fault
        if not _is_json(dict(scope["headers"])):
            return NOT_JSON_TYPE, None
        answer = self.tokens.authenticate(parse_json_object(body) or {})
        return answer, self.faults.pick(Phase.AFTER, Target.AUTH, seen) if answer.status == OK else None

    async def _reply(self, answer: Answer, fault: Fault | None, exchange: Exchange) -> None:
        if fault is None:
            await send_answer(answer, exchange)
            return
        if fault.kind is FaultKind.UNAUTHORIZED and fault.target is Target.INGEST:
            self.tokens.revoke()
        await strike(fault, answer, exchange)


def _is_json(headers: Mapping[bytes, bytes]) -> bool:
    return headers.get(b"content-type", b"").split(b";")[0].strip().lower() == b"application/json"


def _seen(number: int, body: bytes, payload: Mapping[str, object] | None, *, init_data: bool) -> SeenRequest:
    entries = payload.get("entries") if payload else None
    object_type = payload.get("objectType") if payload else None
    return SeenRequest(
        number=number,
        size=len(body),
        object_type=object_type if isinstance(object_type, str) else "",
        init_data=init_data,
        entries=tuple(entries) if isinstance(entries, list) else (),
    )
