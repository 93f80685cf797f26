"""The sandbox as a running server: start, stop, many at once, in the foreground."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest
from support.sandbox_client import Meeting, PlainClient, customer, request_of

from pango_load.errors import UsageError
from pango_load.plan import Endpoint, Window
from pango_load.sandbox.faults import Fault, FaultKind, SeenRequest
from pango_load.sandbox.server import Sandbox, serve
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_its_addresses_and_credentials_fit_a_plan() -> None:
    """`--sandbox` builds its plan from them."""
    with Sandbox() as sandbox:
        endpoint = Endpoint(auth_url=sandbox.auth_url, ingest_url=sandbox.ingest_url)
        assert sandbox.credentials.can_renew
    assert endpoint.ingest_url == f"http://127.0.0.1:{sandbox.port}/dhub-i/api/v1.0/ingest"


def test_thirty_two_senders_at_once_lose_nothing() -> None:
    """Each entry stands in the book once, in an order in which it was accepted, while others read the book."""
    with Meeting(SandboxSettings(windows=())) as client, ThreadPoolExecutor(33) as pool:
        sandbox = client.sandbox

        def send(sender: int) -> list[int]:
            with PlainClient(sandbox) as own:
                bodies = [request_of(customer(sender * 100 + n), customer(sender * 100 + n + 50)) for n in range(10)]
                return [own.ingest(body).status_code for body in bodies]

        def watch() -> bool:
            return all(len(sandbox.request_log) <= 320 >= len(sandbox.received) for _ in range(200))

        watched = pool.submit(watch)
        statuses = [status for some in pool.map(send, range(32)) for status in some]
        assert watched.result()
        assert statuses == [200] * 320
        assert len({entry["customerId"] for entry in sandbox.accepted_entries}) == sandbox.accepted_count == 640
        assert [request.arrived for request in sandbox.received] == sorted(r.arrived for r in sandbox.received)
        assert sandbox.statuses == {200: 320}


def test_thirty_two_senders_at_once_cannot_pass_a_window() -> None:
    """Exactly as many get through as there is room for."""
    with Meeting(SandboxSettings(windows=(Window(60, 100),))) as client, ThreadPoolExecutor(32) as pool:

        def send(_: int) -> list[int]:
            with PlainClient(client.sandbox) as own:
                return [own.ingest().status_code for _ in range(5)]

        statuses = [status for some in pool.map(send, range(32)) for status in some]
        assert sorted(statuses) == [200] * 100 + [429] * 60
        assert client.sandbox.worst_windows() == {Window(60, 100): 160}


def test_a_service_that_was_down_comes_back_on_the_same_port_and_remembers() -> None:
    """Connection refused in between, which a loader must outlive."""
    with Meeting() as client:
        client.ingest()
        address = client.sandbox.ingest_url
        client.sandbox.stop()
        with pytest.raises(httpx.ConnectError):
            client.ingest()
        client.sandbox.start()
        assert client.sandbox.ingest_url == address
        assert client.ingest().status_code == 200
        assert client.sandbox.accepted_count == 2


def test_stopping_does_not_wait_for_a_request_that_hangs() -> None:
    """Nor does it for idle connections."""
    with Meeting(faults=[Fault(kind=FaultKind.HANG, applied=True)]) as client, ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(client.ingest)
        while client.sandbox.accepted_count == 0:
            pass
        client.sandbox.stop()
        assert isinstance(hanging.exception(), httpx.TransportError)


def test_starting_twice_and_stopping_twice_is_no_harm() -> None:
    """Context managers and careful callers meet."""
    sandbox = Sandbox()
    with sandbox.start(), sandbox:
        assert httpx.get(sandbox.base_url, trust_env=False).status_code == 200
    sandbox.stop()


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_a_port_that_is_taken_is_said_in_two_lines(taken_port: int) -> None:
    """The newcomer's second sandbox."""
    with pytest.raises(UsageError) as caught:
        Sandbox(port=taken_port).start()
    assert caught.value.message.startswith(f"The sandbox cannot listen on 127.0.0.1:{taken_port}: ")
    assert caught.value.advice == "Name another port with --port."


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.invalid"])  # noqa: S104 - to be refused
def test_it_serves_this_machine_only(host: str) -> None:
    """What it accepted, customers among it, can be read without a key."""
    with pytest.raises(UsageError, match=f"does not listen on {host}"):
        Sandbox(host=host).start()


def test_what_was_accepted_can_be_looked_at() -> None:
    """`GET /received`: counts, then the last entries, or a page of them."""
    with Meeting(SandboxSettings(windows=(Window(60, 5),))) as client:
        for number in range(6):
            client.ingest(request_of(customer(number), customer(number + 10)))
        overview = client.get("/received?limit=3").json()
        page = client.get("/received?offset=1&limit=2").json()
        nonsense = client.get("/received?offset=x")
    items = overview.pop("items")
    assert overview == {
        "requests": 5,
        "entries": 10,
        "byObjectType": {"customer-identity": 10},
        "statuses": {"200": 5, "429": 1},
        "worstWindows": [{"seconds": 60, "limit": 5, "requests": 6}],
        "kept": 10,
        "offset": 7,
    }
    assert [item["customerId"] for item in items] == ["C000013", "C000004", "C000014"]
    assert [item["customerId"] for item in page["items"]] == ["C000010", "C000001"]
    assert nonsense.status_code == 400


def test_it_says_what_it_is() -> None:
    """Whoever opens its address in a browser."""
    with Meeting() as client:
        assert "stand-in for the Pango ingestion API" in client.get("/").text


def test_the_closing_summary_counts_and_shows_no_value() -> None:
    """The last thing that `pango-load sandbox` prints."""
    faults = [Fault(kind=FaultKind.SERVER_ERROR, count=1), Fault(kind=FaultKind.CLOSE, count=1)]
    with Meeting(SandboxSettings(windows=(Window(1, 5), Window(60, 100))), faults=faults) as client:
        client.ingest()
        with pytest.raises(httpx.TransportError):
            client.ingest()
        for _ in range(2):
            client.ingest(request_of(customer(1), customer(2)))
        summary = client.sandbox.closing_summary()
    assert summary == (
        "Sandbox: 4 entries accepted in 2 requests.\n"
        "  customer-identity: 4\n"
        "  other answers: 1 x no answer, 1 x 500\n"
        "  busiest: 4 of 5 in 1 s, 4 of 100 in 1 min"
    )


FOREGROUND = """
import asyncio
from pango_load.sandbox.server import serve
from pango_load.sandbox.settings import SandboxSettings
def ready(sandbox):
    print(sandbox.base_url, sandbox.issue_token(), flush=True)
sandbox = asyncio.run(serve(SandboxSettings(), "127.0.0.1", 0, ready))
print(sandbox.closing_summary())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_it_stops_cleanly_when_asked(number: signal.Signals) -> None:
    """Ctrl-C is how a person ends it: the summary, exit 0, no traceback."""
    command = [sys.executable, "-W", "error", "-c", FOREGROUND]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address, token = process.stdout.readline().split()
        answer = httpx.post(
            f"{address}/dhub-i/api/v1.0/ingest",
            json=request_of(customer()),
            headers={"TOKEN": token, "API_KEY": "sandbox-api-key"},
            trust_env=False,
        )
        process.send_signal(number)
        output, errors = process.communicate(timeout=20)
    assert (answer.status_code, process.returncode, errors) == (200, 0, "")
    assert output.startswith("Sandbox: 1 entry accepted in 1 request.\n")


def test_in_the_foreground_requests_under_way_are_finished() -> None:
    """A stop drops nothing that would have been answered soon."""

    async def main() -> httpx.Response:
        accepted = asyncio.Event()

        def note(_: SeenRequest) -> bool:
            accepted.set()
            return True

        slow = Fault(kind=FaultKind.SLOW, seconds=0.2, when=note)
        running = asyncio.get_running_loop().create_future()
        settings = SandboxSettings(windows=(), faults=(slow,))
        serving = asyncio.create_task(serve(settings, "127.0.0.1", 0, running.set_result))
        sandbox: Sandbox = await running
        async with httpx.AsyncClient(trust_env=False) as client:
            headers = {"TOKEN": sandbox.issue_token(), "API_KEY": sandbox.credentials.api_key}
            sending = asyncio.create_task(client.post(sandbox.ingest_url, json=request_of(customer()), headers=headers))
            await accepted.wait()
            signal.raise_signal(signal.SIGTERM)
            assert await serving is sandbox
            return await sending

    assert asyncio.run(main()).json() == {"success": True}


def test_what_goes_wrong_at_the_start_is_raised(taken_port: int) -> None:
    """The command line shows it in two lines."""
    with pytest.raises(UsageError):
        asyncio.run(serve(SandboxSettings(), "127.0.0.1", taken_port, lambda _: None))


def test_nothing_heavy_is_imported_before_the_first_request() -> None:
    """`--sandbox` is the first thing a newcomer runs: the start must not be felt."""
    heavy = ("polars", "ruamel", "rapidfuzz", "pydantic", "openpyxl", "httpx", "starlette.applications")
    code = f"""
import sys
from pango_load.sandbox.server import Sandbox
with Sandbox():
    print([name for name in {heavy!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
