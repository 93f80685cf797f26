"""Every fault as a plain HTTP client meets it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest
from support.sandbox_client import Meeting, PlainClient, customer, request_of

from pango_load.errors import UsageError
from pango_load.plan import Window
from pango_load.sandbox.faults import FAULT_HELP, Fault, FaultKind, Phase, Target, entries_with, parse_fault
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Callable

STATUS_KINDS = [kind for kind in FaultKind if kind.isdecimal()]


def body_of(answer: httpx.Response) -> dict[str, object]:
    said: object = answer.json()
    assert isinstance(said, dict)
    return said


@pytest.mark.parametrize("kind", STATUS_KINDS)
def test_a_status_takes_the_place_of_the_work_once(kind: FaultKind) -> None:
    """Nothing is accepted by the request that was struck, and the next one is ordinary again."""
    with Meeting(faults=[Fault(kind=kind, count=1)]) as client:
        struck = client.ingest()
        client.token = client.sandbox.issue_token()
        assert client.sandbox.accepted_count == 0
        assert client.ingest().status_code == 200
        assert client.sandbox.statuses == {200: 1, int(kind): 1}
    assert struck.status_code == int(kind)


@pytest.mark.parametrize("kind", STATUS_KINDS)
def test_a_status_can_hide_that_the_entries_were_accepted(kind: FaultKind) -> None:
    """The worst of all answers: it says no and means yes."""
    with Meeting(faults=[Fault(kind=kind, applied=True)]) as client:
        struck = client.ingest()
        assert client.sandbox.accepted_count == 1
    assert struck.status_code == int(kind)


def test_gateways_answer_in_html() -> None:
    """A client that reads every answer as JSON falls over here."""
    with Meeting(faults=[Fault(kind=FaultKind.BAD_GATEWAY, count=1), Fault(kind=FaultKind.GATEWAY_TIMEOUT)]) as client:
        answers = [client.ingest(), client.ingest()]
    assert [answer.headers["content-type"] for answer in answers] == ["text/html", "text/html"]
    assert ["502 Bad Gateway" in answers[0].text, "504 Gateway Time-out" in answers[1].text] == [True, True]


def test_waits_are_told_in_their_headers() -> None:
    """429 in Pango's own header, 503 in HTTP's; either may be left out or be nonsense."""
    faults = [
        Fault(kind=FaultKind.LIMITED, count=1, value="7"),
        Fault(kind=FaultKind.LIMITED, count=1, value=""),
        Fault(kind=FaultKind.UNAVAILABLE, count=1, value="Wed, 21 Oct 2026 07:28:00 GMT"),
        Fault(kind=FaultKind.UNAVAILABLE, count=1),
    ]
    with Meeting(faults=faults) as client:
        limited, silent, dated, down = (client.ingest() for _ in range(4))
    assert limited.headers["X-Rate-Limit-Retry-After-Seconds"] == "7"
    assert "X-Rate-Limit-Retry-After-Seconds" not in silent.headers
    assert dated.headers["Retry-After"] == "Wed, 21 Oct 2026 07:28:00 GMT"
    assert down.headers["Retry-After"] == "1"


def test_401_means_that_the_token_is_dead() -> None:
    """The same token does not work again, a new one does."""
    with Meeting(faults=[Fault(kind=FaultKind.UNAUTHORIZED, count=1)]) as client:
        statuses = [client.ingest().status_code, client.ingest().status_code]
        client.token = client.authenticate().json()["token"]
        assert [*statuses, client.ingest().status_code] == [401, 401, 200]


def test_a_200_can_say_that_it_was_no_success() -> None:
    """Seed 000: the verdict is `success`, not the status."""
    with Meeting(faults=[Fault(kind=FaultKind.NOT_SUCCESS)]) as client:
        answer = client.ingest()
        assert client.sandbox.accepted_count == 0
    assert (answer.status_code, body_of(answer)["success"]) == (200, False)


def test_a_redirect_names_another_host() -> None:
    """Whoever follows it hands the keys over."""
    with Meeting(
        faults=[Fault(kind=FaultKind.REDIRECT, count=1), Fault(kind=FaultKind.REDIRECT, value="/x")]
    ) as client:
        first, second = client.ingest(), client.ingest()
    assert (first.status_code, first.headers["location"]) == (307, "http://127.0.0.2:9/elsewhere")
    assert second.headers["location"] == "/x"


@pytest.mark.parametrize(
    ("fault", "problem", "accepted"),
    [
        # Struck while the body is still on its way: the client may find the reset when it writes or when it reads.
        pytest.param(Fault(kind=FaultKind.RESET, count=1), httpx.TransportError, 0, id="reset"),
        pytest.param(Fault(kind=FaultKind.RESET, count=1, applied=True), httpx.ReadError, 1, id="reset applied"),
        pytest.param(Fault(kind=FaultKind.CLOSE, count=1), httpx.RemoteProtocolError, 0, id="close"),
        pytest.param(
            Fault(kind=FaultKind.CLOSE, count=1, applied=True), httpx.RemoteProtocolError, 1, id="close applied"
        ),
        pytest.param(Fault(kind=FaultKind.HANG, count=1), httpx.ReadTimeout, 0, id="hang"),
        pytest.param(Fault(kind=FaultKind.HANG, count=1, applied=True), httpx.ReadTimeout, 1, id="hang applied"),
    ],
)
def test_a_connection_can_end_without_an_answer(
    fault: Fault, problem: type[httpx.TransportError], accepted: int
) -> None:
    """What the client cannot tell apart, the referee can: accepted or not."""
    with Meeting(faults=[fault], timeout=0.2) as client:
        with pytest.raises(problem):
            client.ingest()
        assert client.sandbox.accepted_count == accepted
        assert client.sandbox.statuses == {0: 1}
        assert client.ingest().status_code == 200


def test_a_reset_is_a_reset_and_not_a_goodbye() -> None:
    """The operating system's own error reaches the client."""
    meeting = Meeting(faults=[Fault(kind=FaultKind.RESET, applied=True)])
    with meeting as client, pytest.raises(httpx.ReadError) as caught:
        client.ingest()
    assert "reset" in str(caught.value).lower()


def test_half_an_answer_ends_in_the_middle() -> None:
    """Its entries were accepted all the same."""
    with Meeting(faults=[Fault(kind=FaultKind.HALF)]) as client:
        with pytest.raises(httpx.RemoteProtocolError, match="received 8 bytes, expected 17"):
            client.ingest()
        assert client.sandbox.accepted_count == 1


@pytest.mark.parametrize(
    ("kind", "text"),
    [(FaultKind.NOT_JSON, "<html><body>All is well.</body></html>"), (FaultKind.EMPTY, "")],
)
def test_a_good_status_can_come_with_a_body_that_says_nothing(kind: FaultKind, text: str) -> None:
    """Accepted, as far as the status goes."""
    with Meeting(faults=[Fault(kind=kind)]) as client:
        answer = client.ingest()
        assert client.sandbox.accepted_count == 1
    assert (answer.status_code, answer.text) == (200, text)


def read_some(client: PlainClient, enough: int) -> bytes:
    """Read an answer as it comes until `enough` bytes are there or it ends."""
    body = json.dumps(request_of(customer())).encode()
    headers = {"Content-type": "application/json", **client.headers}
    read = b""
    with client.http.stream("POST", client.sandbox.ingest_url, content=body, headers=headers) as answer:
        for piece in answer.iter_raw():
            read += piece
            if len(read) >= enough:
                break
    return read


def test_an_endless_answer_does_not_end() -> None:
    """Whoever waits for its end waits for ever, and the server is well afterwards."""
    with Meeting(faults=[Fault(kind=FaultKind.ENDLESS, count=1)]) as client:
        assert read_some(client, 3_000_000).startswith(b'{"success": true, "padding": "xxx')
        assert client.ingest().status_code == 200


def test_a_huge_answer_has_the_size_that_was_asked_for() -> None:
    """It is proper JSON, only far too much of it."""
    with Meeting(faults=[Fault(kind=FaultKind.HUGE, size=1_000_000)]) as client:
        read = read_some(client, 10**9)
    assert len(read) == 1_000_000
    assert json.loads(read)["success"] is True


def test_a_trickle_comes_byte_by_byte() -> None:
    """A time-out between two bytes never strikes, though the whole takes long."""
    with Meeting(faults=[Fault(kind=FaultKind.TRICKLE, seconds=0.001)]) as client:
        answer = client.ingest()
    assert answer.json() == {"success": True}


def test_a_slow_answer_is_the_right_one() -> None:
    """It is only too late for an impatient client."""
    with Meeting(faults=[Fault(kind=FaultKind.SLOW, seconds=0.01)]) as client:
        assert client.ingest().json() == {"success": True}
    with Meeting(faults=[Fault(kind=FaultKind.SLOW, seconds=30)], timeout=0.05) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.ingest()
        assert client.sandbox.accepted_count == 1


def test_bodies_and_batches_above_a_size_are_too_large() -> None:
    """413 for what is larger, none for what is not."""
    faults = [Fault(kind=FaultKind.TOO_LARGE, above_entries=25), Fault(kind=FaultKind.TOO_LARGE, above_bytes=5000)]
    with Meeting(faults=faults) as client:
        statuses = [client.ingest(request_of(*map(customer, range(count)))).status_code for count in (25, 26, 50)]
        long = client.ingest(request_of(customer(1, address="x" * 5000))).status_code
    assert [*statuses, long] == [200, 413, 413, 413]


def test_a_fault_can_strike_certain_entries_only() -> None:
    """A server that stumbles over one customer, whichever batch it comes in."""
    fault = Fault(kind=FaultKind.SERVER_ERROR, when=entries_with("customerId", {"C000003"}))
    with Meeting(faults=[fault]) as client:
        statuses = [client.ingest(request_of(*map(customer, some))).status_code for some in ([1, 2], [3], [4, 3])]
    assert statuses == [200, 500, 500]


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        pytest.param(Fault(kind=FaultKind.SERVER_ERROR), [1, 2, 3, 4, 5, 6], id="always"),
        pytest.param(Fault(kind=FaultKind.SERVER_ERROR, count=2), [1, 2], id="twice"),
        pytest.param(Fault(kind=FaultKind.SERVER_ERROR, every=3), [1, 4], id="every third"),
        pytest.param(Fault(kind=FaultKind.SERVER_ERROR, after=2, every=2, count=1), [3], id="once after two"),
        pytest.param(
            Fault(kind=FaultKind.SERVER_ERROR, when=lambda seen: seen.number in {2, 5}), [2, 5], id="by number"
        ),
        pytest.param(Fault(kind=FaultKind.SERVER_ERROR, probability=0.0), [], id="never"),
    ],
)
def test_a_fault_strikes_when_it_is_told_to(fault: Fault, struck: list[int]) -> None:
    """Tests of the sender depend on it."""
    with Meeting(faults=[fault]) as client:
        statuses = [client.ingest().status_code for _ in range(6)]
    assert [number for number, status in enumerate(statuses, start=1) if status == 500] == struck


def test_chance_is_the_same_each_time() -> None:
    """A failure that was seen once can be seen again: the seed decides."""
    settings = SandboxSettings(windows=(), faults=(Fault(kind=FaultKind.SERVER_ERROR, probability=0.5),), seed=7)
    runs = []
    for _ in range(2):
        with Meeting(settings) as client:
            runs.append([client.ingest().status_code for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


def test_faults_strike_authentication_where_they_are_aimed_at_it() -> None:
    """And leave ingestion alone."""
    faults = [
        Fault(kind=FaultKind.RESET, target=Target.AUTH, count=1),
        Fault(kind=FaultKind.UNAVAILABLE, target=Target.AUTH, count=1),
        Fault(kind=FaultKind.NOT_JSON, target=Target.AUTH, count=1),
    ]
    with Meeting(faults=faults) as client:
        assert client.ingest().status_code == 200
        with pytest.raises(httpx.TransportError):
            client.authenticate()
        assert client.authenticate().status_code == 503
        assert client.authenticate().text.startswith("<html>")
        assert client.authenticate().json()["success"] is True
        assert client.sandbox.auth_statuses == {503: 1, 0: 1, 200: 2}


def test_the_windows_come_before_the_faults() -> None:
    """A request refused for its rate does not use a fault up."""
    settings = SandboxSettings(windows=(Window(60, 1),))
    with Meeting(settings, faults=[Fault(kind=FaultKind.SERVER_ERROR, after=1)]) as client:
        assert [client.ingest().status_code for _ in range(3)] == [200, 429, 429]


def test_faults_can_be_taken_back() -> None:
    """The service is well again."""
    with Meeting(faults=[Fault(kind=FaultKind.SERVER_ERROR)]) as client:
        before = client.ingest().status_code
        client.sandbox.clear_faults()
        assert (before, client.ingest().status_code) == (500, 200)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param(lambda client: client.sandbox.revoke_tokens(), 200, id="tokens revoked"),
        pytest.param(lambda client: client.sandbox.withdraw_credentials(), 401, id="credentials withdrawn"),
    ],
)
def test_tokens_and_credentials_can_be_taken_away(change: Callable[[PlainClient], None], status: int) -> None:
    """A revoked token can be replaced, a withdrawn key cannot."""
    with Meeting() as client:
        change(client)
        assert client.ingest().status_code == 401
        assert client.authenticate().status_code == status


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("500", Fault(kind=FaultKind.SERVER_ERROR, count=1)),
        ("502:3", Fault(kind=FaultKind.BAD_GATEWAY, count=3)),
        ("hang/10", Fault(kind=FaultKind.HANG, every=10)),
        ("hang:2/10", Fault(kind=FaultKind.HANG, every=10, count=2)),
        ("close-applied%5", Fault(kind=FaultKind.CLOSE, applied=True, probability=0.05)),
        ("auth-503:2", Fault(kind=FaultKind.UNAVAILABLE, target=Target.AUTH, count=2)),
        ("Not-JSON", Fault(kind=FaultKind.NOT_JSON, count=1)),
        ("not-success", Fault(kind=FaultKind.NOT_SUCCESS, count=1)),
    ],
)
def test_faults_are_spelled_on_the_command_line(text: str, fault: Fault) -> None:
    """`--fault KIND[:N][/M][%P]`."""
    assert parse_fault(text) == fault


@pytest.mark.parametrize("text", ["", "501", "hang:", "500:x", "500/0", "500%200", "500%1.2.3", ":3"])
def test_a_fault_that_is_not_known_says_which_are(text: str) -> None:
    """Exit 2 and a next step, not a traceback."""
    with pytest.raises(UsageError) as caught:
        parse_fault(text)
    assert f'"{text}"' in caught.value.message
    assert caught.value.advice


def test_every_kind_has_its_line_of_help_and_its_place() -> None:
    """What can be asked for can be looked up."""
    assert set(FAULT_HELP) == set(FaultKind)
    assert {Fault(kind=kind).phase for kind in FaultKind} == set(Phase)


def test_a_good_answer_for_nothing_is_no_fault() -> None:
    """It would be a lie of the referee's."""
    with pytest.raises(ValueError, match="accepted"):
        Fault(kind=FaultKind.SLOW, applied=False)
