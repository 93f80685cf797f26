"""A plain HTTP client of the sandbox, and time that a test moves by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Self

import httpx

from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pango_load.sandbox.faults import Fault


class HandClock:
    """Time that stands still until it is moved; both readings go together."""

    def __init__(self, *, now: float = 1_790_000_000.0, steady: float = 1000.0) -> None:
        self.wall = now
        self.passed = steady

    def now(self) -> float:
        return self.wall

    def steady(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.passed += seconds


def customer(number: int = 1, /, **more: object) -> dict[str, object]:
    """A customer that the documents' table takes."""
    return {"customerId": f"C{number:06d}", "phone": "0359685612", "fullName": "Nguyễn Minh Đức", **more}


def request_of(*entries: object, object_type: str = "customer-identity", **more: object) -> dict[str, object]:
    """The body of an ingestion request."""
    return {"objectType": object_type, "source": "CRM", "entries": list(entries), **more}


class PlainClient:
    """Talks to a sandbox as the documents say, and as they do not."""

    def __init__(self, sandbox: Sandbox, *, timeout: float = 5.0) -> None:
        self.sandbox = sandbox
        self.http = httpx.Client(trust_env=False, timeout=timeout, verify=False)  # noqa: S501 - loopback; a trust store costs 20 ms
        self.token = sandbox.issue_token()

    @property
    def headers(self) -> dict[str, str]:
        return {"TOKEN": self.token, "API_KEY": self.sandbox.credentials.api_key}

    def authenticate(self, said: Mapping[str, object] | None = None) -> httpx.Response:
        who = self.sandbox.credentials
        full = {"username": who.username, "apiKey": who.api_key, "cdpGKey": who.group_key}
        return self.http.post(self.sandbox.auth_url, json=full if said is None else said)

    def ingest(
        self, said: object = None, *, headers: Mapping[str, str] | None = None, query: str = ""
    ) -> httpx.Response:
        """Send `said` (one good customer unless given; bytes as they are)."""
        body = said if isinstance(said, bytes) else json.dumps(said or request_of(customer())).encode()
        return self.http.post(
            self.sandbox.ingest_url + query,
            content=body,
            headers={"Content-type": "application/json", **(self.headers if headers is None else headers)},
        )

    def get(self, path: str) -> httpx.Response:
        return self.http.get(self.sandbox.base_url + path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.http.close()


class Meeting:
    """A running sandbox and a client of it, for one test."""

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        *,
        faults: Iterable[Fault] = (),
        clock: HandClock | None = None,
        timeout: float = 5.0,
    ) -> None:
        self.clock = clock or HandClock()
        self.sandbox = Sandbox(settings or SandboxSettings(windows=()), clock=self.clock)
        for fault in faults:
            self.sandbox.add_fault(fault)
        self.timeout = timeout

    def __enter__(self) -> PlainClient:
        self.sandbox.start()
        self.client = PlainClient(self.sandbox, timeout=self.timeout)
        return self.client

    def __exit__(self, *_exception: object) -> None:
        self.client.http.close()
        self.sandbox.stop()
