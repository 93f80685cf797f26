"""What leaves on the wire, and how what comes back is told apart."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
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
    trickles,
)
from support.wires import WIRE, every_wire

from pango_load.delivery.answer import Answer, NeverSent, NoAnswer, Reply, Trouble
from pango_load.delivery.client import IngestClient
from pango_load.delivery.profile import read_profile
from pango_load.delivery.wire import BODY_BOUND
from pango_load.errors import UsageError
from pango_load.plan import Credentials, Endpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.usefixtures(every_wire.__name__)

PEM = Path(__file__).parent.parent / "support" / "delivery_loopback.pem"
CREDENTIALS = Credentials(api_key="key-1", username="me", group_key="group-1")


@dataclass(frozen=True, slots=True)
class Frame:
    prefix: bytes = b'{"objectType":"order","source":"POS","entries":['
    suffix: bytes = b'],"jeConfigId":"1","jeEventKey":"2"}'


def make_client(
    endpoint: Endpoint, *, init_data: bool = False, read_timeout: float = 0.3, connect_timeout: float = 0.3
) -> IngestClient:
    return IngestClient(
        endpoint=endpoint,
        credentials=CREDENTIALS,
        frame=Frame(),
        init_data=init_data,
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        make_wire=WIRE.get(),
    )


def send(
    server: ScriptedServer,
    entries: Sequence[bytes] = (b'{"a":1}', b'{"a":2}'),
    *,
    times: int = 1,
    tls: ssl.SSLContext | None = None,
    certificates: Path | None = None,
    proxy: bool = False,
    init_data: bool = False,
    query: str = "",
) -> list[Reply]:
    async def main() -> list[Reply]:
        async with serving(server, tls=tls):
            address = server.ingest_url + query if not proxy else "http://pango.invalid/ingest"
            endpoint = Endpoint(
                auth_url=server.auth_url,
                ingest_url=address,
                allow_http=True,
                certificates=certificates,
                proxy=f"http://127.0.0.1:{server.port}" if proxy else None,
            )
            line = make_client(endpoint, init_data=init_data).open_line()
            try:
                return [await line.send(entries, "token-1") for _ in range(times)]
            finally:
                await line.close()

    return asyncio.run(main())


def test_a_request_is_the_frame_and_the_entries_byte_for_byte() -> None:
    """Protects the platform's documented request: method, headers, query and body."""
    server = ScriptedServer()

    [reply] = send(server)

    assert reply == Answer(status=200, body=b'{"success": true}')
    [seen] = server.seen
    assert (
        seen.body
        == b'{"objectType":"order","source":"POS","entries":[{"a":1},{"a":2}],"jeConfigId":"1","jeEventKey":"2"}'
    )
    assert seen.query == ""
    assert (seen.headers["token"], seen.headers["api_key"]) == ("token-1", "key-1")
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(("query", "expected"), [("", "initData=true"), ("?a=b", "a=b&initData=true")])
def test_initdata_is_asked_for_only_when_it_is_wanted(query: str, expected: str) -> None:
    """Protects events: the default is false, and is left out (seed 001)."""
    server = ScriptedServer()

    send(server, init_data=True, query=query)

    assert server.seen[0].query == expected


def test_one_connection_serves_a_line_for_many_requests() -> None:
    """Protects speed: a handshake for every request would double its time."""
    server = ScriptedServer()

    send(server, times=5)

    assert len(server.seen) == 5
    assert server.connections == 1


@pytest.mark.parametrize("act", [hangs_up(), resets()], ids=["closed", "reset"])
def test_a_connection_that_was_used_before_and_breaks_leaves_a_doubt(act: Act) -> None:
    """Protects customers from a second message: no library may send again by itself what may have been taken."""
    server = ScriptedServer(script=[says(OK), act])

    replies = send(server, times=2)

    assert replies[1] == NoAnswer(trouble=Trouble.BROKEN)
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    "farewell",
    [b"", answer(408, {"success": False}), answer(200, {"success": True, "message": "nobody asked"})],
    ids=["closed", "408", "200"],
)
def test_what_arrives_on_an_idle_connection_is_nobodys_answer(farewell: bytes) -> None:
    """Protects a batch from being called accepted by an answer that was there before it left."""
    other = {"success": True, "message": "this one"}

    async def parting(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        await answered.wait()
        writer.write(farewell)
        await writer.drain()
        if not farewell:
            writer.close()
        gone.set()

    async def main() -> tuple[Reply, int]:
        server = ScriptedServer(script=[parting, says(answer(200, other))])
        async with serving(server):
            line = make_client(Endpoint(auth_url=server.auth_url, ingest_url=server.ingest_url)).open_line()
            await line.send([b"{}"], "t")
            answered.set()
            await gone.wait()
            reply = await line.send([b"{}"], "t")
            await line.close()
        return reply, server.connections

    answered, gone = asyncio.Event(), asyncio.Event()
    reply, connections = asyncio.run(main())

    assert reply == Answer(status=200, body=json.dumps(other).encode())
    assert connections == 2


def test_a_large_body_leaves_whole() -> None:
    """Protects rows with long texts: fifty of them may be some megabytes."""
    server = ScriptedServer()
    entries = [b'{"a":"' + b"x" * 100_000 + b'"}'] * 50

    [reply] = send(server, entries)

    assert isinstance(reply, Answer)
    assert server.seen[0].body.count(b"x") == 5_000_000


def test_a_connection_closed_while_it_was_idle_is_made_anew_without_a_doubt() -> None:
    """Protects against calling batches unknown after every quiet minute."""

    async def main() -> tuple[Reply, Reply]:
        server = ScriptedServer()
        async with serving(server):
            line = make_client(Endpoint(auth_url=server.auth_url, ingest_url=server.ingest_url)).open_line()
            server.script = [says(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))]
            first = await line.send([b"{}"], "t")
            second = await line.send([b"{}"], "t")
            await line.close()
            return first, second

    first, second = asyncio.run(main())

    assert isinstance(first, Answer)
    assert isinstance(second, Answer)


@pytest.mark.parametrize(
    "act",
    [falls_silent(), falls_silent(b"HTTP/1.1 200 OK\r\n"), trickles(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.01)],
    ids=["silence", "half-a-head", "endless-head"],
)
def test_an_answer_that_never_comes_is_given_up_in_time(act: object) -> None:
    """Protects a sender from being held for ever, however the server keeps it busy."""
    server = ScriptedServer(script=[act])  # type: ignore[list-item]
    began = time.monotonic()

    [reply] = send(server)

    assert reply == NoAnswer(trouble=Trouble.TIMEOUT)
    assert time.monotonic() - began < 1.5


def test_a_body_without_an_end_costs_bounded_time_and_memory() -> None:
    """Protects memory and time from a hostile or broken server; its status is kept."""
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    server = ScriptedServer(script=[trickles(b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n", chunk, 0.0)])

    [reply] = send(server)

    assert isinstance(reply, Answer)
    assert (reply.status, reply.is_whole, len(reply.body)) == (400, False, BODY_BOUND)


def test_a_packed_answer_is_unpacked_within_the_bound() -> None:
    """Protects memory from an answer that is small on the wire and huge behind it."""
    import gzip

    bomb = gzip.compress(b" " * 10_000_000)
    server = ScriptedServer(script=[says(answer(200, body=bomb, headers={"Content-Encoding": "gzip"}))])

    [reply] = send(server)

    assert isinstance(reply, Answer)
    assert len(reply.body) == BODY_BOUND


def test_a_redirect_is_not_followed() -> None:
    """Protects keys from being sent to another host."""
    elsewhere = ScriptedServer()

    async def main() -> Reply:
        async with serving(elsewhere), serving(ScriptedServer()) as server:
            server.script = [says(answer(307, body=b"", headers={"Location": elsewhere.ingest_url}))]
            line = make_client(Endpoint(auth_url=server.auth_url, ingest_url=server.ingest_url)).open_line()
            reply = await line.send([b"{}"], "t")
            await line.close()
            return reply

    reply = asyncio.run(main())

    assert isinstance(reply, Answer)
    assert (reply.status, reply.location) == (307, elsewhere.ingest_url)
    assert elsewhere.seen == []


def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_written() -> None:
    """Protects keys from whoever sits in between: there is no way to switch this off."""
    server = ScriptedServer()

    [reply] = send(server, tls=server_tls())

    assert reply == NeverSent(trouble=Trouble.CERTIFICATE)
    assert server.seen == []


def test_where_nothing_is_secure_no_certificate_is_believed() -> None:
    """Protects keys, should a plain address ever lead to a secure one: no authorities are read for plain ones."""
    client = make_client(Endpoint(auth_url="http://127.0.0.1:1/a", ingest_url="http://127.0.0.1:1/i"))

    assert client._trust.verify_mode is ssl.CERT_REQUIRED
    assert client._trust.check_hostname
    assert client._trust.get_ca_certs() == []


def test_a_company_s_own_authority_can_be_trusted() -> None:
    """Protects users behind a company's own certificates from switching verification off."""
    [reply] = send(ScriptedServer(), tls=server_tls(), certificates=PEM)

    assert isinstance(reply, Answer)


def test_an_address_that_speaks_no_tls_is_told() -> None:
    """Protects a person who wrote https:// where http:// is meant."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Speak TLS here\r\n\r\n")
        writer.close()

    async def main() -> Reply:
        listening = await asyncio.start_server(talk, "127.0.0.1", 0)
        address = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        line = make_client(Endpoint(auth_url=address, ingest_url=address)).open_line()
        reply = await line.send([b"{}"], "t")
        await line.close()
        listening.close()
        return reply

    assert asyncio.run(main()) == NeverSent(trouble=Trouble.TLS)


def test_a_proxy_that_is_named_is_used() -> None:
    """Protects users who reach the world through a proxy."""
    server = ScriptedServer()

    [reply] = send(server, proxy=True)

    assert isinstance(reply, Answer)
    assert server.seen[0].path == "http://pango.invalid/ingest"


def test_a_proxy_that_refuses_has_sent_nothing() -> None:
    """Protects batches from being called unknown for a proxy's refusal."""

    async def main() -> Reply:
        server = ScriptedServer(script=[says(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")])
        async with serving(server):
            endpoint = Endpoint(
                auth_url="https://pango.invalid/auth",
                ingest_url="https://pango.invalid/ingest",
                proxy=f"http://127.0.0.1:{server.port}",
            )
            line = make_client(endpoint).open_line()
            reply = await line.send([b"{}"], "t")
            await line.close()
            return reply

    assert asyncio.run(main()) == NeverSent(trouble=Trouble.PROXY)


def test_authentication_sends_the_documented_call() -> None:
    """Protects the documented flow (pango-api.md, 1.1)."""

    async def main() -> tuple[ScriptedServer, Reply]:
        async with serving(ScriptedServer()) as server:
            client = make_client(Endpoint(auth_url=server.auth_url, ingest_url=server.ingest_url))
            return server, await client.authenticate()

    server, reply = asyncio.run(main())

    assert isinstance(reply, Answer)
    assert json.loads(server.logins[0].body) == {"username": "me", "apiKey": "key-1", "cdpGKey": "group-1"}
    assert "api_key" not in server.logins[0].headers


@pytest.mark.parametrize("key", ["key\n", "khóa", "a\x00b"], ids=["line-end", "accent", "nul"])
def test_a_key_that_no_header_can_carry_is_told_before_anything_is_sent(key: str) -> None:
    """Protects against a traceback, or a header of somebody else's making; the key is not shown."""
    endpoint = Endpoint(auth_url="https://pango.invalid/a", ingest_url="https://pango.invalid/i")

    with pytest.raises(UsageError) as told:
        IngestClient(endpoint=endpoint, credentials=Credentials(api_key=key), frame=Frame())

    assert key not in told.value.message


def test_a_file_without_certificates_is_told(tmp_path: Path) -> None:
    """Protects against a traceback for a wrong path."""
    endpoint = Endpoint(
        auth_url="https://pango.invalid/a", ingest_url="https://pango.invalid/i", certificates=tmp_path / "none.pem"
    )

    with pytest.raises(UsageError, match="cannot be read"):
        make_client(endpoint)


def test_a_proxy_address_that_cannot_be_used_is_not_repeated() -> None:
    """Protects the password that a proxy's address may hold."""
    endpoint = Endpoint(
        auth_url="https://pango.invalid/a", ingest_url="https://pango.invalid/i", proxy="gopher://me:secret@proxy"
    )

    with pytest.raises(UsageError) as told:
        make_client(endpoint).open_line()

    assert "secret" not in str(told.value)


def test_the_newer_flow_sends_its_own_headers() -> None:
    """Protects those who use the unproven way in: nothing of the documented one is sent along."""

    async def main() -> ScriptedServer:
        async with serving(ScriptedServer()) as server:
            client = IngestClient(
                endpoint=Endpoint(auth_url=server.auth_url, ingest_url=server.ingest_url),
                credentials=CREDENTIALS,
                frame=Frame(),
                profile=read_profile({"flow": "app-connect", "values": {"account": "acc"}}),
            )
            line = client.open_line()
            await line.send([b"{}"], "t-9")
            await line.close()
            return server

    seen = asyncio.run(main()).seen[0]

    assert (seen.headers["orgid"], seen.headers["accesstoken"]) == ("group-1", "Bearer t-9")
    assert "api_key" not in seen.headers


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    return context
