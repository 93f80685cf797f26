"""Whole loads, each with one fault: survey, journal, sending and report against a real server on loopback.

What is asserted for every case: the totals add up, the exit code, that nothing arrives twice but what was in doubt, and
that no secret is in any file or message. (`delivery/test_faults_over_the_wire.py` has the same faults one floor below,
byte by byte.)
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from support.program import write_customers

from pango_load.delivery.stop import StopRequest
from pango_load.errors import LoadStopped, exit_code_of
from pango_load.load import load
from pango_load.plan import Credentials, DeliveryOptions, Endpoint, LoadPlan, OnUnknown, Window
from pango_load.records import Counts
from pango_load.sandbox.faults import Fault, FaultKind, Target
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

ROWS, SIZE = 40, 10
HURRY = 40
"""So many times as fast as real time: pauses of half a second and half an hour without success are worth no wait."""


class HurriedClock:
    """Real time, many times as fast."""

    def now(self) -> float:
        return 1_790_000_000 + time.monotonic() * HURRY

    def steady(self) -> float:
        return time.monotonic() * HURRY

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / HURRY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fault and what a load must make of it.

    Attributes:
        settings: of the sandbox, faults among them.
        ends: exit code.
        left: where the rows are; those that are not named were accepted.
        twice: so many rows may arrive twice at most.
    """

    settings: SandboxSettings
    ends: int = 0
    left: Counts = field(default_factory=Counts)
    twice: int = 0
    options: DeliveryOptions = field(
        default_factory=lambda: DeliveryOptions(senders=2, windows=(), read_timeout=5, give_up_after=60, drain=5)
    )


def once(kind: FaultKind, *, twice: int = 0, applied: bool | None = None, value: str | None = None) -> Case:
    """The second request meets `kind`; everything is accepted in the end."""
    fault = Fault(kind=kind, after=1, count=1, applied=applied, value=value, seconds=0.05)
    return Case(settings=SandboxSettings(windows=(), faults=(fault,)), twice=twice)


def silent(case: Case) -> Case:
    """The same, for faults that only a time-out ends; a busy machine must not meet it by itself."""
    return replace(case, options=replace(case.options, read_timeout=2.0))


def held(case: Case) -> Case:
    """The same under `hold`: what is in doubt is listed and never sent again."""
    return replace(
        case, ends=3, left=Counts(unknown=SIZE), twice=0, options=replace(case.options, on_unknown=OnUnknown.HOLD)
    )


def always(kind: FaultKind, ends: int, *, after: int = 0, value: str | None = None) -> Case:
    """Every request meets `kind`, from the first or a later one on; nothing is unknown but what was in doubt."""
    fault = Fault(kind=kind, after=after, value=value)
    return Case(settings=SandboxSettings(windows=(), faults=(fault,)), ends=ends, left=Counts(unsent=ROWS))


IN_DOUBT = {
    "408": once(FaultKind.TIMEOUT),
    "409": once(FaultKind.CONFLICT),
    "500": once(FaultKind.SERVER_ERROR),
    "500 after it was applied": once(FaultKind.SERVER_ERROR, applied=True, twice=SIZE),
    "502 with an HTML body": once(FaultKind.BAD_GATEWAY),
    "502 after it was applied": once(FaultKind.BAD_GATEWAY, applied=True, twice=SIZE),
    "503 without a wait": once(FaultKind.UNAVAILABLE, value=""),
    "504": once(FaultKind.GATEWAY_TIMEOUT),
    "reset after the request": once(FaultKind.RESET, applied=True, twice=SIZE),
    "reset before the request was read": once(FaultKind.RESET),
    "closed without an answer": once(FaultKind.CLOSE, applied=True, twice=SIZE),
    "no answer": silent(once(FaultKind.HANG, applied=True, twice=SIZE)),
    "half an answer": once(FaultKind.HALF, twice=SIZE),
    "an answer that is not JSON": once(FaultKind.NOT_JSON, twice=SIZE),
    "an answer without a body": once(FaultKind.EMPTY, twice=SIZE),
    "an endless answer": silent(once(FaultKind.ENDLESS, twice=SIZE)),
    "a huge answer": once(FaultKind.HUGE, twice=SIZE),
}
CASES = {
    **IN_DOUBT,
    **{f"{name}, held": held(case) for name, case in IN_DOUBT.items()},
    "an answer byte by byte": once(FaultKind.TRICKLE, twice=SIZE),
    "a slow answer": once(FaultKind.SLOW),
    "429": once(FaultKind.LIMITED, value="1"),
    "429 with a wait of 0": once(FaultKind.LIMITED, value="0"),
    "429 without a wait": once(FaultKind.LIMITED, value=""),
    "503 with a wait": once(FaultKind.UNAVAILABLE, value="1"),
    "a token that is revoked in the middle": once(FaultKind.UNAUTHORIZED),
    "413": once(FaultKind.TOO_LARGE),
    "400 that nobody can explain": once(FaultKind.REFUSED),
    "422 that nobody can explain": once(FaultKind.UNPROCESSABLE),
    "a success that is none": once(FaultKind.NOT_SUCCESS),
    "a clock two hours ahead": Case(settings=SandboxSettings(windows=(), clock_skew=7200.0)),
    "a clock two hours behind": Case(settings=SandboxSettings(windows=(), clock_skew=-7200.0)),
    "a token that dies within the load": Case(
        settings=SandboxSettings(windows=(), token_seconds=1.0, latency=(0.2, 0.3)),
    ),
    "an authentication that stumbles": Case(
        settings=SandboxSettings(windows=(), faults=(Fault(kind=FaultKind.SERVER_ERROR, target=Target.AUTH, count=2),)),
    ),
    "401 for ever": always(FaultKind.UNAUTHORIZED, 6),
    "403": always(FaultKind.FORBIDDEN, 7),
    "404": always(FaultKind.NOT_FOUND, 7),
    "400 to everything": always(FaultKind.REFUSED, 7),
    "422 to everything": always(FaultKind.UNPROCESSABLE, 7),
    "413 to everything": always(FaultKind.TOO_LARGE, 7),
    "no success ever": always(FaultKind.NOT_SUCCESS, 7),
    "503 with a wait for ever": always(FaultKind.UNAVAILABLE, 5),
}


def plan_for(case: Case, folder: Path, endpoint: Endpoint, credentials: Credentials) -> LoadPlan:
    return LoadPlan(
        files=(write_customers(folder / "a.csv", ROWS),),
        object_type="customer-identity",
        state=folder / "state",
        out=folder / "run",
        timezone="Asia/Ho_Chi_Minh",
        batch_size=SIZE,
        endpoint=endpoint,
        credentials=credentials,
        delivery=case.options,
        on_unknown_from_flag=True,
    )


def expected(left: Counts) -> Counts:
    return replace(left, read=ROWS, accepted=ROWS - left.unknown - left.unsent - left.rejected)


def counts_of(told: object) -> Counts:
    return Counts(**{name: getattr(told, name) for name in Counts.__dataclass_fields__})


def texts_of(folder: Path) -> str:
    """Everything that a load leaves behind but the source."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "a.csv"]
    return " ".join(path.read_bytes().decode(errors="replace") for path in files)


EVERY_DAY = {"no answer, held", "500 after it was applied, held"}
"""One floor below each fault is held in the everyday suite as well."""


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case, id=name, marks=pytest.mark.heavy if name.endswith(", held") and name not in EVERY_DAY else ()
        )
        for name, case in CASES.items()
    ],
)
def test_a_fault_is_met_as_the_promise_says(case: Case, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Protects the balance, the exit code, the platform from what it has already, and the keys, whatever breaks."""
    with Sandbox(case.settings) as sandbox:
        endpoint = Endpoint(auth_url=sandbox.auth_url, ingest_url=sandbox.ingest_url)
        plan = plan_for(case, tmp_path, endpoint, sandbox.credentials)
        report = load(plan, clock=HurriedClock(), stop=StopRequest())
        received = Counter(str(entry["customerId"]) for entry in sandbox.accepted_entries)
        token = sandbox.issue_token()
    told = report.stopped.message if report.stopped else ""
    counts = counts_of(report.summary.counts)
    assert counts.is_balanced
    assert (report.exit_code, counts) == (case.ends, expected(case.left)), told
    assert sum(times - 1 for times in received.values()) <= case.twice
    assert len(received) >= counts.accepted
    said = texts_of(tmp_path) + told + "".join(capfd.readouterr())
    assert [secret for secret in (*sandbox.credentials.secrets, token[:12]) if secret in said] == []


def test_what_stays_down_in_doubt_is_unknown_and_sent_by_the_next_run(tmp_path: Path) -> None:
    """Protects rows of a service that fails in the middle: exit 5, nothing lost, and the same command ends it."""
    case = Case(settings=SandboxSettings(windows=(), faults=(Fault(kind=FaultKind.SERVER_ERROR, after=2),)))
    with Sandbox(case.settings) as sandbox:
        endpoint = Endpoint(auth_url=sandbox.auth_url, ingest_url=sandbox.ingest_url)
        plan = plan_for(case, tmp_path, endpoint, sandbox.credentials)
        report = load(plan, clock=HurriedClock())
        counts = counts_of(report.summary.counts)
        assert (report.exit_code, counts.accepted, counts.is_balanced) == (5, 20, True)
        assert counts.unknown > 0
        sandbox.clear_faults()
        again = load(plan, clock=HurriedClock())
        assert (again.exit_code, counts_of(again.summary.counts)) == (0, expected(Counts()))
        assert set(Counter(str(entry["customerId"]) for entry in sandbox.accepted_entries).values()) == {1}


class JumpingClock(HurriedClock):
    """A clock that jumps half a real second after it was made.

    Args:
        awake: seconds by which the steady clock jumps: a laptop that slept.
        wall: seconds by which the clock on the wall jumps: somebody set it.
    """

    def __init__(self, *, awake: float, wall: float) -> None:
        self._at, self._awake, self._wall = time.monotonic() + 0.5, awake, wall

    def now(self) -> float:
        return super().now() + (self._wall if time.monotonic() > self._at else 0)

    def steady(self) -> float:
        return super().steady() + (self._awake if time.monotonic() > self._at else 0)


JUMPS = {
    "a laptop that slept eight hours": (28_800.0, 28_800.0),
    "a wall clock that was set forward": (0.0, 86_400.0),
    "a wall clock that was set back": (0.0, -86_400.0),
}


@pytest.mark.parametrize(("awake", "wall"), JUMPS.values(), ids=JUMPS.keys())
def test_a_clock_that_jumps_costs_nothing(awake: float, wall: float, tmp_path: Path) -> None:
    """Protects loads from the lid of a laptop and from whoever sets its clock: all is accepted, once."""
    clock = JumpingClock(awake=awake, wall=wall)
    windows = (Window(1, 50), Window(60, 1000))
    case = Case(settings=SandboxSettings(windows=(), latency=(0.2, 0.3)))
    with Sandbox(case.settings) as sandbox:
        endpoint = Endpoint(auth_url=sandbox.auth_url, ingest_url=sandbox.ingest_url)
        plan = plan_for(case, tmp_path, endpoint, sandbox.credentials)
        plan = replace(plan, delivery=replace(plan.delivery, senders=1, windows=windows))
        began = time.monotonic()
        report = load(plan, clock=clock)
        assert time.monotonic() - began > 0.5, "it jumped on the way"
        received = Counter(str(entry["customerId"]) for entry in sandbox.accepted_entries)
    assert (report.exit_code, counts_of(report.summary.counts)) == (0, expected(Counts()))
    assert set(received.values()) == {1}


def test_credentials_withdrawn_in_the_middle_are_exit_6(tmp_path: Path) -> None:
    """Protects what is left from being blamed: it is unsent."""
    case = Case(
        settings=SandboxSettings(windows=(), latency=(0.05, 0.1)), options=DeliveryOptions(senders=1, windows=())
    )
    with Sandbox(case.settings) as sandbox:
        endpoint = Endpoint(auth_url=sandbox.auth_url, ingest_url=sandbox.ingest_url)
        plan = plan_for(case, tmp_path, endpoint, sandbox.credentials)

        def withdraw() -> None:
            while sandbox.accepted_requests < 2:
                time.sleep(0.005)  # the load runs in real time
            sandbox.withdraw_credentials()

        thread = threading.Thread(target=withdraw)
        thread.start()
        report = load(plan, clock=HurriedClock())
        thread.join()
    counts = counts_of(report.summary.counts)
    assert (report.exit_code, counts.is_balanced, counts.unknown) == (6, True, 0)
    assert counts.unsent > 0


def test_a_redirect_is_not_followed_and_its_target_sees_nothing(tmp_path: Path) -> None:
    """Protects keys from another host."""
    with Sandbox(SandboxSettings(windows=())) as other:
        case = always(FaultKind.REDIRECT, 7, value=other.ingest_url)
        with Sandbox(case.settings) as sandbox:
            endpoint = Endpoint(auth_url=sandbox.auth_url, ingest_url=sandbox.ingest_url)
            report = load(plan_for(case, tmp_path, endpoint, sandbox.credentials), clock=HurriedClock())
        assert (report.exit_code, counts_of(report.summary.counts)) == (7, expected(Counts(unsent=ROWS)))
        assert other.request_log == ()


UNREACHABLE = {
    "nobody listens": ("http://127.0.0.1:{port}", 5),
    "a host name that nobody knows": ("https://pango.invalid", 5),
    "a host that speaks no TLS": ("https://127.0.0.1:{plain}", 5),
    "a certificate that nobody vouches for": ("https://127.0.0.1:{untrusted}", 7),
}


@pytest.mark.parametrize(("base", "ends"), UNREACHABLE.values(), ids=UNREACHABLE.keys())
def test_a_platform_that_cannot_be_reached_has_been_sent_nothing(base: str, ends: int, tmp_path: Path) -> None:
    """Protects rows from being called unknown for a wrong address, a dead line or a strange certificate."""
    with socket.socket() as closed, Sandbox(SandboxSettings(windows=())) as plain, untrusted_server() as untrusted:
        closed.bind(("127.0.0.1", 0))
        port = plain.base_url.rsplit(":", 1)[1].rstrip("/")
        address = base.format(port=closed.getsockname()[1], plain=port, untrusted=untrusted)
        endpoint = Endpoint(auth_url=f"{address}/auth", ingest_url=f"{address}/ingest")
        case = Case(settings=SandboxSettings())
        report = load(plan_for(case, tmp_path, endpoint, plain.credentials), clock=HurriedClock())
    assert (report.exit_code, counts_of(report.summary.counts)) == (ends, expected(Counts(unsent=ROWS)))
    assert isinstance(report.stopped, LoadStopped)
    assert exit_code_of(report.stopped) == ends
    assert [secret for secret in plain.credentials.secrets if secret in texts_of(tmp_path)] == []


class untrusted_server:  # noqa: N801 - used like a function
    """A server on loopback whose certificate no authority has signed; gives its port."""

    _port = 0

    def __enter__(self) -> int:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Path(__file__).parent / "support" / "delivery_loopback.pem")
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, args=(context,))
        self._thread.start()
        self._ready.wait()
        return self._port

    def _serve(self, context: ssl.SSLContext) -> None:
        async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async def main() -> None:
            server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
            self._port = server.sockets[0].getsockname()[1]
            self._stop = asyncio.Event()
            self._ready.set()
            await self._stop.wait()
            server.close()

        self._loop.run_until_complete(main())
        self._loop.close()

    def __exit__(self, *_exception: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
