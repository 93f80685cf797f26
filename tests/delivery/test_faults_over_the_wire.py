"""Every fault of the issue against a real server on loopback: outcome, requests made, what the load ends with."""

from __future__ import annotations

import asyncio
import random
import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from support.delivery_record import ACCEPTED, DOUBT, HELD, OPEN, REFUSED, SENT, StrictRecord, make_batches
from support.delivery_server import (
    OK,
    Act,
    ScriptedServer,
    Seen,
    answer,
    falls_silent,
    hangs_up,
    resets,
    says,
    serving,
    token_answer,
    trickles,
)
from support.delivery_world import stream
from support.wires import WIRE, every_wire

from pango_load.clock import SystemClock
from pango_load.delivery.client import IngestClient
from pango_load.delivery.limiter import Limiter
from pango_load.delivery.pauses import Pauses
from pango_load.delivery.sender import deliver
from pango_load.delivery.stop import StopRequest
from pango_load.errors import CredentialsRefused, LoadStopped, MustBeMended, TemporaryStop, exit_code_of
from pango_load.plan import Credentials, DeliveryOptions, Endpoint, OnUnknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from ssl import SSLContext

    from pango_load.records import Batch

pytestmark = pytest.mark.usefixtures(every_wire.__name__)

SECRETS = ("api-key-canary-0123456789", "group-key-canary-987654")
CREDENTIALS = Credentials(api_key=SECRETS[0], username="someone", group_key=SECRETS[1])
QUICK = Pauses(first=0.002, least=0.001, longest=0.01, probe=0.002, first_contact=0.08)
OPTIONS = DeliveryOptions(senders=2, windows=(), connect_timeout=10, read_timeout=10, give_up_after=10, drain=10)
HOLD = replace(OPTIONS, on_unknown=OnUnknown.HOLD)
SILENT = 0.5
"""Seconds that a server which says nothing is waited for."""


@dataclass(frozen=True, slots=True)
class Frame:
    prefix: bytes = b'{"objectType":"customer-identity","source":"CRM","entries":['
    suffix: bytes = b"]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    record: StrictRecord
    error: LoadStopped | None

    @property
    def text(self) -> str:
        """Everything that a person or the journal could see."""
        said = [f"{each.code} {each.message}" for one in self.record.outcomes.values() for each in one.refused]
        return " ".join([*said, *((self.error.message, self.error.advice) if self.error else ())])


async def load(
    server: ScriptedServer,
    batches: list[Batch],
    *,
    options: DeliveryOptions = OPTIONS,
    credentials: Credentials = CREDENTIALS,
    endpoint: Endpoint | None = None,
) -> Ended:
    clock = SystemClock()
    record = StrictRecord(batches)
    client = IngestClient(
        endpoint=endpoint or Endpoint(auth_url=server.auth_url, ingest_url=server.ingest_url),
        credentials=credentials,
        frame=Frame(),
        connect_timeout=options.connect_timeout,
        read_timeout=options.read_timeout,
        make_wire=WIRE.get(),
    )
    error = None
    try:
        await deliver(
            stream(batches),
            client=client,
            limiter=Limiter((), clock=clock, jitter=random.Random(1)),
            recorder=record,
            options=options,
            clock=clock,
            stop=StopRequest(),
            pauses=QUICK,
            dice=random.Random(1),
        )
    except LoadStopped as stopped:
        error = stopped
    return Ended(record=record, error=error)


def run(
    server: ScriptedServer,
    batches: list[Batch],
    *,
    options: DeliveryOptions = OPTIONS,
    credentials: Credentials = CREDENTIALS,
    tls: SSLContext | None = None,
) -> Ended:
    async def main() -> Ended:
        async with serving(server, tls=tls):
            return await load(server, batches, options=options, credentials=credentials)

    return asyncio.run(main())


HALF = b'HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{"success": tr'
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
REFUSAL = {"success": False, "errorCode": "INVALID", "message": "no"}

AMBIGUOUS = {
    "408": says(answer(408, {"success": False})),
    "409": says(answer(409, {"success": False})),
    "500": says(answer(500, {"success": False})),
    "502-with-an-html-body": says(answer(502, body=b"<html><body>Bad <b>gateway</b></body></html>")),
    "503-without-a-wait": says(answer(503, body=b"")),
    "504": says(answer(504, body=b"")),
    "reset-after-the-request": resets(),
    "closed-after-the-request": hangs_up(),
    "half-an-answer": hangs_up(HALF),
    "half-a-head": hangs_up(b"HTTP/1.1 200 O"),
    "no-http-at-all": hangs_up(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "silence": falls_silent(),
    "silence-in-the-head": falls_silent(b"HTTP/1.1 200 OK\r\nX: "),
    "silence-in-the-body": falls_silent(HALF),
    "silence-but-for-blanks": trickles(HEAD, b"1\r\n \r\n", 0.01),
    "endless-answer": trickles(HEAD, b"4000\r\n" + b" " * 0x4000 + b"\r\n", 0.0),
    "huge-answer": says(answer(200, body=b'{"success": true, "x": "' + b"x" * 400_000 + b'"}')),
    "answer-that-is-not-json": says(answer(200, body=b"<html>Welcome to the hotel</html>")),
    "empty-answer": says(answer(200, body=b"")),
    "no-content": says(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "success-that-is-neither": says(answer(200, {"success": None})),
    "json-that-is-no-object": says(answer(200, body=b"[true]")),
}


def patient(options: DeliveryOptions, fault: str) -> DeliveryOptions:
    """A short time-out only where the fault is to let it pass: a busy machine answers late as well."""
    return replace(options, read_timeout=SILENT) if fault.startswith("silence") else options


@pytest.mark.parametrize("fault", AMBIGUOUS)
def test_what_may_have_been_taken_is_sent_again_under_resend(fault: str) -> None:
    """Protects against lost rows: at least once means until it is acknowledged."""
    server = ScriptedServer(script=[says(OK), AMBIGUOUS[fault]])

    ended = run(server, make_batches(3), options=patient(OPTIONS, fault))

    assert ended.error is None
    assert ended.record.positions(ACCEPTED) == set(range(12))
    assert len(server.seen) == 4
    assert [name for name, _ in ended.record.log].count("unanswered") == 1


@pytest.mark.parametrize("fault", AMBIGUOUS)
def test_what_may_have_been_taken_is_never_sent_again_under_hold(fault: str) -> None:
    """Protects customers from a second message: at most once means that nobody repeats what is unknown."""
    server = ScriptedServer(script=[says(OK), AMBIGUOUS[fault]])

    ended = run(server, make_batches(3), options=patient(HOLD, fault))

    assert ended.error is None
    assert len(server.seen) == 3
    assert len(ended.record.positions(HELD)) == 4
    assert len(ended.record.positions(ACCEPTED)) == 8


SAFE = {
    "429-with-a-wait": says(answer(429, headers={"X-Rate-Limit-Retry-After-Seconds": "0"}, body=b"")),
    "503-with-retry-after": says(answer(503, headers={"Retry-After": "0"}, body=b"")),
    "401": says(answer(401, {"success": False})),
}


@pytest.mark.parametrize("policy", [OPTIONS, HOLD], ids=["resend", "hold"])
@pytest.mark.parametrize("fault", SAFE.values(), ids=SAFE.keys())
def test_what_was_certainly_not_taken_is_sent_again_whatever_the_policy(fault: Act, policy: DeliveryOptions) -> None:
    """Protects a load that holds what is unknown: it still repeats what cannot have been taken."""
    server = ScriptedServer(script=[says(OK), fault])

    ended = run(server, make_batches(2), options=policy)

    assert ended.error is None
    assert ended.record.positions(ACCEPTED) == set(range(8))
    assert len(server.seen) == 3


def test_a_429_is_no_attempt() -> None:
    """Protects the report: a batch that waited for quota was not tried in vain."""
    server = ScriptedServer(script=[says(answer(429, headers={"X-Rate-Limit-Retry-After-Seconds": "0"}, body=b""))])

    ended = run(server, make_batches(1))

    assert ended.record.outcomes[0].attempts == 1
    assert len(server.seen) == 2


STOPS: dict[str, tuple[bytes, str]] = {
    "403": (
        answer(403, {"errorCode": "NO_PERMISSION", "message": "not for you"}),
        "HTTP 403 (NO_PERMISSION: not for you)",
    ),
    "404": (answer(404, body=b"<h1>Not here</h1>"), "HTTP 404 (HTTP_404: Not here)"),
    "405": (answer(405, body=b""), "HTTP 405 (HTTP_405)"),
    "410": (answer(410, body=b""), "HTTP 410 (HTTP_410)"),
    "302": (
        answer(302, headers={"Location": "http://other.test/x?k=1"}, body=b""),
        "HTTP 302 (a redirect to other.test)",
    ),
    "308": (answer(308, headers={"Location": "/elsewhere"}, body=b""), "HTTP 308 (a redirect to nowhere)"),
}


@pytest.mark.parametrize(("raw", "shown"), STOPS.values(), ids=STOPS.keys())
def test_an_answer_that_will_not_change_stops_the_load_and_is_shown(raw: bytes, shown: str) -> None:
    """Protects rows from being blamed, and quota from being burnt, for a wrong address or permission."""
    server = ScriptedServer(script=[says(raw)])

    ended = run(server, make_batches(3))

    assert isinstance(ended.error, MustBeMended)
    assert shown in ended.error.message
    assert exit_code_of(ended.error) == 7
    assert len(server.seen) == 1
    assert ended.record.positions(OPEN) == set(range(12))


def test_a_platform_that_never_says_yes_or_no_is_asked_about_and_not_trusted() -> None:
    """Protects rows from being called accepted, or sent for hours, on an answer that no document explains."""
    server = ScriptedServer(decide=lambda _: answer(200, {"success": None}))

    ended = run(server, make_batches(3), options=replace(OPTIONS, senders=1))

    assert isinstance(ended.error, MustBeMended)
    assert "success is null: neither true nor false" in ended.error.message
    assert "unclear_is_success" in ended.error.advice
    assert len(server.seen) == 3
    assert not ended.record.positions(ACCEPTED)


def test_a_service_that_stays_down_ends_the_load_with_everything_to_be_sent_again() -> None:
    """Protects a long load from burning its attempts: one probe at a time, and exit 5 in the end."""
    server = ScriptedServer(script=[says(OK)], decide=lambda _: answer(500, body=b"down"))

    ended = run(server, make_batches(8), options=replace(OPTIONS, give_up_after=0.4))

    assert isinstance(ended.error, TemporaryStop)
    assert ended.error.message.endswith("(last: HTTP 500).")
    assert exit_code_of(ended.error) == 5
    assert ended.record.positions(ACCEPTED) == set(range(4))


def test_a_host_that_was_never_reached_is_given_up_soon() -> None:
    """Protects a person with a mistyped address from waiting half an hour to be told."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = ScriptedServer()
    server.port = port

    ended = asyncio.run(load(server, make_batches(1)))

    assert isinstance(ended.error, TemporaryStop)
    assert "the host refuses connections" in ended.error.message


def test_a_host_name_that_nobody_knows_is_told_by_that_word() -> None:
    """Protects a person with a mistyped address: DNS is named, not an exception."""

    async def main() -> Ended:
        async with serving(ScriptedServer()) as server:
            endpoint = Endpoint(auth_url=server.auth_url, ingest_url="https://nobody.invalid/ingest")
            return await load(server, make_batches(1), endpoint=endpoint)

    ended = asyncio.run(main())

    assert isinstance(ended.error, TemporaryStop)
    assert ended.error.message == ("nobody.invalid cannot be reached: the host's name is not known. Nothing was sent.")


def test_connections_refused_for_a_while_cost_nothing() -> None:
    """Protects a load over a restart of the service: nothing was written, so nothing is unknown."""

    async def main() -> Ended:
        server = ScriptedServer(script=[says(OK)])
        async with serving(server):
            port = server.port

            async def vanish(seen: Seen, writer: asyncio.StreamWriter) -> None:
                writer.write(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                await writer.drain()
                gone.set()

            gone = asyncio.Event()
            server.script[0] = vanish
            loading = asyncio.create_task(load(server, make_batches(4), options=HOLD))
            await gone.wait()
        await asyncio.sleep(0.05)
        second = ScriptedServer()
        listening = await asyncio.start_server(second.talk, "127.0.0.1", port)
        second.port = port
        ended = await loading
        listening.close()
        return ended

    ended = asyncio.run(main())

    assert ended.error is None
    assert ended.record.positions(ACCEPTED) == set(range(16))


# --- refusals ---------------------------------------------------------------------------------------------------------


def poisonous(
    *positions: int, status: int = 400, code: str = "INVALID", named: bool = False
) -> Callable[[Seen], bytes]:
    """Refuse whatever holds one of these entries."""

    def decide(seen: Seen) -> bytes:
        bad = [at for at, entry in enumerate(seen.entries) if entry["n"] in positions]
        if not bad:
            return OK
        where = f"entries[{bad[0]}]: " if named else ""
        message = f"{where}bad {seen.entries[bad[0]]['customerId']} with {SECRETS[0]}"
        return answer(status, {"success": False, "errorCode": code, "message": message})

    return decide


@pytest.mark.parametrize("status", [400, 422, 200], ids=["400", "422", "200-success-false"])
@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "named"])
def test_only_the_guilty_row_of_a_refused_batch_is_rejected(*, status: int, named: bool) -> None:
    """Protects forty-nine innocent rows, with the platform's words for the fiftieth."""
    server = ScriptedServer(decide=poisonous(33, status=status, named=named))

    ended = run(server, make_batches(1, size=50))

    assert ended.error is None
    assert ended.record.positions(REFUSED) == {33}
    assert ended.record.positions(ACCEPTED) == set(range(50)) - {33}
    refused = ended.record.outcomes[0].refused[0]
    assert (refused.code, refused.message) == (
        "INVALID",
        "entries[0]: bad [value] with [secret]" if named else "bad [value] with [secret]",
    )
    assert len(server.seen) <= (3 if named else 14)


def test_everything_refused_alike_is_an_error_of_the_load_and_not_of_rows() -> None:
    """Protects a whole file from being rejected row by row for a wrong object type."""
    wrong = answer(400, {"success": False, "errorCode": "MISSING_INFO", "message": "Invalid value of: objectType"})
    server = ScriptedServer(decide=lambda _: wrong)

    ended = run(server, make_batches(20, size=50))

    assert isinstance(ended.error, MustBeMended)
    assert ended.error.message == (
        'Pango refuses every row alike (HTTP 400, MISSING_INFO: "Invalid value of: objectType"), '
        "so it is the load that is wrong, not the rows."
    )
    assert len(server.seen) == 6
    assert ended.record.positions(OPEN) == set(range(1000))


def traced(count: list[int]) -> bytes:
    """A refusal with a code that no other has."""
    count[0] += 1
    return answer(400, {"success": False, "errorCode": f"E-{count[0]}", "message": f"trace {count[0]}"})


def test_codes_that_differ_in_each_answer_do_not_hide_that_everything_is_refused() -> None:
    """Protects a file from a platform that puts a trace into its codes: three batches in vain are enough at first."""
    count = [0]
    server = ScriptedServer(decide=lambda _: traced(count))

    ended = run(server, make_batches(20, size=50))

    assert isinstance(ended.error, MustBeMended)
    assert exit_code_of(ended.error) == 7
    assert ended.error.message == (
        f'Pango refuses every row of every batch lately (the last one with HTTP 400, E-{count[0]}: "trace {count[0]}").'
    )
    assert ended.record.positions(OPEN) == set(range(1000))


def test_ten_batches_in_vain_stop_a_load_of_which_something_was_accepted() -> None:
    """Protects a file when everything begins to be refused, each time in other words: no row is rejected for that."""
    count = [0]
    server = ScriptedServer(script=[says(OK)] * 3, decide=lambda _: traced(count))

    ended = run(server, make_batches(30, size=20))

    assert isinstance(ended.error, MustBeMended)
    assert ended.record.positions(ACCEPTED) == set(range(60))
    assert ended.record.positions(OPEN) == set(range(60, 600))
    assert not ended.record.positions(SENT)


@pytest.mark.parametrize(("size", "bad"), [(1, 40), (4, 40), (20, 40)])
def test_bad_rows_side_by_side_do_not_stop_a_load(size: int, bad: int) -> None:
    """Protects a file that is sorted by its faults: a few batches in vain prove nothing."""
    count = [0]
    worst = range(size, size + bad)
    server = ScriptedServer(
        decide=lambda seen: traced(count) if any(entry["n"] in worst for entry in seen.entries) else OK
    )

    ended = run(server, make_batches(100 // size, size=size))

    assert ended.error is None
    assert ended.record.positions(REFUSED) == set(worst)


def test_bad_rows_at_the_end_of_a_file_are_rejected_though_nothing_is_accepted_after_them() -> None:
    """Protects rows from being left over: they wait for an acceptance, or for the end of the load."""
    count = [0]
    server = ScriptedServer(
        decide=lambda seen: traced(count) if any(int(str(e["n"])) >= 60 for e in seen.entries) else OK
    )

    ended = run(server, make_batches(5, size=20))

    assert ended.error is None
    assert ended.record.positions(REFUSED) == set(range(60, 100))
    assert ended.record.positions(ACCEPTED) == set(range(60))


def test_a_success_that_lists_every_entry_as_failed_is_an_error_of_the_load() -> None:
    """Protects a whole file from being rejected by successes that took nothing."""

    def decide(seen: Seen) -> bytes:
        return answer(
            200, {"success": True, "failures": [{"index": at, "message": "no"} for at in range(len(seen.entries))]}
        )

    server = ScriptedServer(decide=decide)

    ended = run(server, make_batches(20, size=50))

    assert isinstance(ended.error, MustBeMended)
    assert ended.error.message.startswith('Pango refuses every row alike (HTTP 200, REFUSED: "no")')
    assert len(server.seen) == 6
    assert ended.record.positions(OPEN) == set(range(1000))


def test_a_success_that_failed_as_a_whole_for_one_entry_rejects_that_one() -> None:
    """Protects forty-nine innocent rows that a server lists as failed because of the fiftieth."""

    def decide(seen: Seen) -> bytes:
        if all(entry["n"] != 33 for entry in seen.entries):
            return OK
        codes = ["BAD_PHONE" if entry["n"] == 33 else "ROLLED_BACK" for entry in seen.entries]
        return answer(200, {"failures": [{"index": at, "errorCode": code} for at, code in enumerate(codes)]})

    server = ScriptedServer(decide=decide)

    ended = run(server, make_batches(1, size=50))

    assert ended.error is None
    assert [entry.code for entry in ended.record.outcomes[0].refused] == ["BAD_PHONE"]
    assert ended.record.positions(ACCEPTED) == set(range(50)) - {33}
    assert len(server.seen) == 3


def test_a_permission_lost_on_the_way_stops_the_load_before_it_burns_the_quota() -> None:
    """Protects the quota when everything begins to be refused in the middle."""
    refusal = answer(400, {"success": False, "errorCode": "DENIED", "message": "no"})
    server = ScriptedServer(script=[says(OK)] * 5, decide=lambda _: refusal)

    ended = run(server, make_batches(60, size=50))

    assert isinstance(ended.error, MustBeMended)
    assert len(server.seen) < 400
    assert not ended.record.positions(REFUSED) & set(range(250))


def test_a_200_that_lists_failures_rejects_those_entries_only() -> None:
    """Protects against a list of failures that nobody reads."""
    document = {"success": True, "errors": [{"index": 2, "errorCode": "BAD_PHONE", "message": "C-000002 is bad"}]}
    server = ScriptedServer(script=[says(answer(200, document))])

    ended = run(server, make_batches(2))

    assert ended.record.positions(REFUSED) == {2}
    assert ended.record.positions(ACCEPTED) == {0, 1, 3, 4, 5, 6, 7}
    assert ended.record.outcomes[0].refused[0].message == "[value] is bad"
    assert len(server.seen) == 2


MUDDLES: dict[str, object] = {"words": ["row 3 is bad"], "outside": [{"index": 99, "message": "bad"}], "counted": 2}


@pytest.mark.parametrize("listed", MUDDLES.values(), ids=MUDDLES.keys())
def test_rows_of_a_success_with_failures_that_cannot_be_placed_are_in_doubt(listed: object) -> None:
    """Protects whoever reads the totals: what Pango may well have taken is unknown, and never unsent."""
    muddled = answer(200, {"success": True, "failures": listed})
    server = ScriptedServer(decide=lambda _: muddled)

    ended = run(server, make_batches(3))

    assert isinstance(ended.error, MustBeMended)
    assert ended.error.message.startswith(
        'Pango lists failures that belong to none of the rows sent (HTTP 200, HTTP_200: "'
    )
    assert "refuses every row" not in ended.error.message
    assert ended.record.positions(DOUBT) == {0, 1, 2, 3}
    assert ended.record.positions(OPEN) == set(range(4, 12))
    assert "returned" not in [name for name, _ in ended.record.log]


def test_a_failure_that_cannot_be_placed_is_found_by_sending_less() -> None:
    """Protects innocent rows: what was in doubt is sent again, until the guilty row stands alone."""
    muddled = answer(200, {"success": True, "failures": ["some row is bad"]})
    server = ScriptedServer(decide=lambda seen: muddled if any(entry["n"] == 5 for entry in seen.entries) else OK)

    ended = run(server, make_batches(3))

    assert ended.error is None
    assert ended.record.positions(REFUSED) == {5}
    assert ended.record.positions(ACCEPTED) == set(range(12)) - {5}


def test_a_413_halves_the_batch_and_blames_nobody() -> None:
    """Protects long rows: too large together is not wrong alone."""
    server = ScriptedServer(decide=lambda seen: OK if len(seen.entries) <= 12 else answer(413, body=b"too large"))

    ended = run(server, make_batches(3, size=50))

    assert ended.error is None
    assert ended.record.positions(ACCEPTED) == set(range(150))
    # Learnt once: 50 and 25 are refused, and after that nobody tries as many again.
    assert [len(seen.entries) for seen in server.seen].count(50) <= 1
    assert [len(seen.entries) for seen in server.seen].count(25) <= 1


@pytest.mark.parametrize("at", [0, 2], ids=["at the beginning", "in the middle"])
def test_one_413_that_says_nothing_about_sizes_does_not_cut_all_that_follows(at: int) -> None:
    """Protects the quota: a proxy that stumbles once must not cost twice the requests from there on."""
    server = ScriptedServer(script=[*[says(OK)] * at, says(answer(413, body=b""))])

    ended = run(server, make_batches(200), options=replace(OPTIONS, senders=1))

    assert ended.error is None
    assert ended.record.positions(ACCEPTED) == set(range(800))
    assert len(server.seen) <= 212


def test_a_real_limit_is_tried_again_ever_more_seldom() -> None:
    """Protects the quota where sizes are limited for good: the tries in vain are few."""
    server = ScriptedServer(decide=lambda seen: answer(413, body=b"") if len(seen.entries) > 2 else OK)

    ended = run(server, make_batches(300), options=replace(OPTIONS, senders=1))

    assert ended.error is None
    assert ended.record.positions(ACCEPTED) == set(range(1200))
    assert len(server.seen) <= 600 + 6


def test_a_413_to_everything_is_an_error_of_the_load() -> None:
    """Protects a whole file from being rejected by a proxy that takes no body at all."""
    server = ScriptedServer(decide=lambda _: answer(413, body=b"too large"))

    ended = run(server, make_batches(20, size=50))

    assert isinstance(ended.error, MustBeMended)
    assert ended.error.message.startswith('Pango refuses every row alike (HTTP 413, HTTP_413: "too large")')
    assert len(server.seen) <= 13
    assert ended.record.positions(OPEN) == set(range(1000))


def test_a_413_to_everything_from_the_middle_on_stops_the_load() -> None:
    """Protects the rest of a file when a limit appears on the way."""
    server = ScriptedServer(script=[says(OK)] * 3, decide=lambda _: answer(413, body=b"too large"))

    ended = run(server, make_batches(60, size=50))

    assert isinstance(ended.error, MustBeMended)
    assert len(ended.record.positions(REFUSED)) <= 250
    assert ended.record.positions(ACCEPTED) == set(range(150))


@pytest.mark.parametrize("long", [{0}, {0, 1, 2}, {0, 1, 2, 3, 4, 30}], ids=["one", "three", "six"])
def test_rows_that_are_too_large_alone_are_rejected_and_no_others(long: set[int]) -> None:
    """Protects the rows beside a few that no request can carry, wherever those stand."""
    server = ScriptedServer(
        decide=lambda seen: answer(413, body=b"") if any(entry["n"] in long for entry in seen.entries) else OK
    )

    ended = run(server, make_batches(2, size=50))

    assert ended.error is None
    assert ended.record.positions(REFUSED) == long
    assert ended.record.positions(ACCEPTED) == set(range(100)) - long


def test_a_batch_that_alone_gets_no_answer_is_taken_apart() -> None:
    """Protects the load from one entry that makes the platform stumble."""
    server = ScriptedServer(
        decide=lambda seen: answer(500, body=b"") if any(e["n"] == 13 for e in seen.entries) else OK
    )

    ended = run(server, make_batches(6, size=4), options=replace(OPTIONS, give_up_after=1.0))

    assert ended.error is None
    assert ended.record.positions(HELD) == {13}
    assert ended.record.positions(ACCEPTED) == set(range(24)) - {13}


# --- tokens -----------------------------------------------------------------------------------------------------------


def valid_only(*tokens: str) -> Callable[[Seen], bytes]:
    return lambda seen: OK if seen.headers["token"] in tokens else answer(401, {"message": seen.headers["token"]})


def test_one_renewal_serves_all_senders_when_the_token_dies() -> None:
    """Protects the authentication service: 32 senders that are refused ask for one token."""
    server = ScriptedServer(script=[says(OK)], decide=valid_only("token-2-canary-secret"))

    ended = run(server, make_batches(40), options=replace(OPTIONS, senders=8))

    assert ended.error is None
    assert ended.record.positions(ACCEPTED) == set(range(160))
    assert len(server.logins) == 2


def test_a_token_is_renewed_before_it_runs_out() -> None:
    """Protects against a 401 for every sender each half hour."""

    async def slowly(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.06)
        await says(OK)(seen, writer)

    server = ScriptedServer(
        script=[slowly] * 8, login=lambda number: token_answer(f"token-{number}-canary-secret", seconds=0.1)
    )

    ended = run(server, make_batches(8))

    assert ended.error is None
    assert len(server.logins) >= 3
    assert [seen.headers["token"] for seen in server.seen][-1] != "token-1-canary-secret"


def test_fresh_tokens_refused_at_once_are_refused_credentials() -> None:
    """Protects against renewing for ever: three fresh tokens in a row, then exit 6."""
    server = ScriptedServer(decide=valid_only("never"))

    ended = run(server, make_batches(3))

    assert isinstance(ended.error, CredentialsRefused)
    assert exit_code_of(ended.error) == 6
    assert len(server.seen) == 3
    assert len(server.logins) == 3
    assert ended.record.positions(OPEN) == set(range(12))


def test_credentials_withdrawn_in_the_middle_end_the_load_with_exit_6() -> None:
    """Protects rows from being blamed for a key that was withdrawn."""
    denial = answer(400, {"success": False, "errorCode": "WRONG_KEY", "message": f"unknown {SECRETS[0]}"})
    server = ScriptedServer(
        script=[says(OK)] * 2,
        decide=valid_only("none"),
        login=lambda number: token_answer("token-1-canary-secret") if number == 1 else denial,
    )

    ended = run(server, make_batches(5))

    assert isinstance(ended.error, CredentialsRefused)
    assert ended.error.message == "Pango refuses the credentials (HTTP 400, WRONG_KEY: unknown [secret])."
    assert len(ended.record.positions(ACCEPTED)) == 8


def test_a_ready_token_that_dies_cannot_be_renewed() -> None:
    """Protects users of PANGO_TOKEN: they are told what to do, and nothing is lost."""
    server = ScriptedServer(script=[says(OK)], decide=valid_only("none"))
    ready = Credentials(api_key=SECRETS[0], token="ready-canary-token")

    ended = run(server, make_batches(3), credentials=ready)

    assert isinstance(ended.error, CredentialsRefused)
    assert "PANGO_TOKEN" in ended.error.message
    assert server.logins == []


def test_an_authentication_that_stumbles_is_tried_again() -> None:
    """Protects a start over a bad line."""
    answers: Sequence[bytes] = [answer(500, body=b"x"), answer(200, body=b""), token_answer("token-1-canary-secret")]
    server = ScriptedServer(login=lambda number: answers[number - 1])

    ended = run(server, make_batches(1))

    assert ended.error is None
    assert len(server.logins) == 3


@pytest.mark.parametrize("fault", ["401", "400", "500", "403"])
def test_secrets_and_values_that_the_platform_echoes_are_nowhere(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """Protects keys and customers: a server may echo what it was sent, and nothing of it is kept."""
    caplog.set_level("DEBUG")

    def echo(seen: Seen) -> bytes:
        if seen.headers["token"] == "token-2-canary-secret" and fault == "401":
            return OK
        text = f"{seen.headers['api_key']} {seen.headers['token']} {seen.body.decode()}"
        return answer(int(fault), {"success": False, "errorCode": seen.headers["token"], "message": text})

    ended = run(
        ScriptedServer(script=[says(OK)], decide=echo),
        make_batches(2, size=2),
        options=replace(OPTIONS, give_up_after=0.4),
    )

    everything = ended.text + caplog.text + repr(ended.error)
    assert "canary" not in everything
    assert "C-0000" not in everything
