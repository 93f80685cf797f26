"""What the public documents say, seen by a plain HTTP client."""

from __future__ import annotations

import json

import pytest
from support.sandbox_client import HandClock, Meeting, customer, request_of

from pango_load.plan import Window
from pango_load.sandbox.settings import SandboxSettings


def test_authentication_gives_a_token_with_its_times_in_milliseconds_and_its_life_in_seconds() -> None:
    """The two units of the documents' sample, which a client confuses easily."""
    with Meeting(clock=HandClock(now=1584414919.0)) as client:
        said = client.authenticate()
    token = said.json()["token"]
    assert said.status_code == 200
    assert said.json() == {
        "success": True,
        "status": "authenticated",
        "token": token,
        "issuedAt": 1584414919000,
        "expiredAt": 1584416719000,
        "expiredAfter": 1800,
    }


@pytest.mark.parametrize(
    ("said", "message"),
    [
        pytest.param({}, "Username and ApiKey are required", id="nothing"),
        pytest.param({"username": "sandbox", "cdpGKey": "x"}, "Username and ApiKey are required", id="no api key"),
        pytest.param({"apiKey": "x", "cdpGKey": "x"}, "Username and ApiKey are required", id="no user name"),
        pytest.param({"username": "sandbox", "apiKey": "x"}, "Organization Context is not set", id="no organization"),
    ],
)
def test_what_authentication_misses_is_said_in_the_documents_words(said: dict[str, object], message: str) -> None:
    """Protects whoever reads the platform's own message on the screen."""
    with Meeting() as client:
        answer = client.authenticate(said)
    assert (answer.status_code, answer.json()) == (
        400,
        {"success": False, "errorCode": "MISSING_INFO", "message": message},
    )


def test_a_good_request_is_accepted_and_kept_as_it_came() -> None:
    """The referee's first duty: what arrived, byte for byte and parsed."""
    body = json.dumps(request_of(customer(1), customer(2), jeConfigId=None), ensure_ascii=False).encode()
    with Meeting() as client:
        answer = client.ingest(body, query="?initData=true")
        (kept,) = client.sandbox.received
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert (kept.number, kept.object_type, kept.source, kept.init_data) == (1, "customer-identity", "CRM", True)
    assert list(kept.entries) == [customer(1), customer(2)]
    assert kept.body == body
    assert kept.payload["jeConfigId"] is None


def test_init_data_is_false_unless_said() -> None:
    """Seed 001: the query's default."""
    with Meeting() as client:
        client.ingest()
        client.ingest(query="?initData=false")
        assert client.ingest(query="?initData=yes").status_code == 400
        assert [request.init_data for request in client.sandbox.received] == [False, False]


def test_header_names_are_taken_in_any_case() -> None:
    """A public client sends them in lower case."""
    with Meeting() as client:
        answer = client.ingest(headers={"token": client.token, "Api_Key": client.sandbox.credentials.api_key})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"TOKEN": ""}, id="no token"),
        pytest.param({"TOKEN": "made-up"}, id="unknown token"),
        pytest.param({"API_KEY": ""}, id="no api key"),
        pytest.param({"API_KEY": "another"}, id="another's api key"),
    ],
)
def test_token_and_api_key_are_both_asked_for(change: dict[str, str]) -> None:
    """A request without one of the two accepts nothing."""
    with Meeting() as client:
        answer = client.ingest(headers={**client.headers, **change})
        assert client.sandbox.accepted_count == 0
    assert answer.status_code == 401
    assert answer.json()["success"] is False


def test_a_token_dies_after_thirty_minutes() -> None:
    """Long loads live through many tokens."""
    clock = HandClock()
    with Meeting(clock=clock) as client:
        clock.advance(1799.999)
        last = client.ingest().status_code
        clock.advance(0.001)
        dead = client.ingest().status_code
        client.token = client.authenticate().json()["token"]
        assert (last, dead, client.ingest().status_code) == (200, 401, 200)


def test_another_content_type_is_refused() -> None:
    """Seed 001: `Content-type: application/json` is required."""
    with Meeting() as client:
        plain = client.ingest(headers={**client.headers, "Content-type": "text/plain"})
        with_charset = client.ingest(headers={**client.headers, "Content-type": "Application/JSON; charset=utf-8"})
        other_call = client.http.post(client.sandbox.auth_url, content=b"{}", headers={"Content-type": "text/plain"})
    assert (plain.status_code, with_charset.status_code, other_call.status_code) == (415, 200, 415)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        pytest.param({"source": "CRM", "entries": [{}]}, "Invalid value of: objectType", id="no objectType"),
        pytest.param(request_of({}, object_type="customer"), "Invalid value of: objectType", id="unknown objectType"),
        pytest.param({**request_of({}), "objectType": 7}, "Invalid value of: objectType", id="objectType a number"),
        pytest.param({**request_of(), "entries": None}, "Invalid value of: entries", id="entries null"),
        pytest.param({**request_of(), "entries": {"0": {}}}, "Invalid value of: entries", id="entries no list"),
        pytest.param({"source": "CRM"}, "Invalid value of: objectType, entries", id="neither"),
        pytest.param({**request_of(customer()), "source": ""}, "Invalid value of: source", id="empty source"),
        pytest.param(request_of(customer(), jeConfigId=3), "Invalid value of: jeConfigId", id="jeConfigId a number"),
        pytest.param(
            request_of(customer(), ignoredUpdateCfs="customField01"),
            "Invalid value of: ignoredUpdateCfs",
            id="ignoredUpdateCfs no list",
        ),
    ],
)
def test_a_body_without_its_parts_is_missing_info(said: object, message: str) -> None:
    """The documented 400, word for word."""
    with Meeting() as client:
        answer = client.ingest(said)
        assert client.sandbox.accepted_count == 0
    assert (answer.status_code, answer.json()) == (
        400,
        {"success": False, "errorCode": "MISSING_INFO", "message": message},
    )


@pytest.mark.parametrize(("count", "status"), [(0, 400), (1, 200), (50, 200), (51, 400), (100, 400)])
def test_a_request_takes_one_to_fifty_entries(count: int, status: int) -> None:
    """Seed 001; its other figure, 100, is unproven. No entries: the 400 that begins with a requestId."""
    with Meeting() as client:
        answer = client.ingest(request_of(*map(customer, range(count))))
        assert client.sandbox.accepted_count == (count if status == 200 else 0)
    assert answer.status_code == status
    if status == 400:
        assert list(answer.json())[:2] == ["success", "requestId"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[1]", id="no object"),
        pytest.param(b'{"objectType":', id="cut"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b'{"a": -Infinity}', id="Infinity"),
        pytest.param(b'{"a": "\xe9"}', id="Latin-1"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', id="byte order mark"),
        pytest.param(b'{"a": 1, "a": 2}', id="a key twice"),
        pytest.param(b'{"a": "\\ud83d"}', id="half a character"),
        pytest.param(b"[" * 100_000, id="too deep"),
    ],
)
def test_what_is_no_json_by_the_letter_is_refused(body: bytes) -> None:
    """A referee that forgave it would hide a fault of the payload."""
    with Meeting() as client:
        answer = client.ingest(body)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_JSON")


def test_the_request_too_many_is_429_with_the_documented_header() -> None:
    """`X-Rate-Limit-Retry-After-Seconds`, and room again after it."""
    clock = HandClock()
    with Meeting(SandboxSettings(windows=(Window(60, 2),)), clock=clock) as client:
        statuses = [client.ingest().status_code for _ in range(3)]
        refused = client.ingest()
        clock.advance(60)
        assert client.ingest().status_code == 200
        assert client.sandbox.statuses == {200: 3, 429: 2}
    assert statuses == [200, 200, 429]
    assert refused.headers["X-Rate-Limit-Retry-After-Seconds"] == "60"
    assert refused.json()["success"] is False


def test_the_published_windows_are_the_default() -> None:
    """Seed 001: the second's limit is the first to be met."""
    with Meeting(SandboxSettings()) as client:
        statuses = [client.ingest().status_code for _ in range(51)]
    assert statuses == [200] * 50 + [429]


def test_authentication_is_not_counted_unless_said() -> None:
    """Not established, so both can be had."""
    with Meeting(SandboxSettings(windows=(Window(60, 1),))) as client:
        assert [client.authenticate().status_code for _ in range(3)] == [200, 200, 200]
    with Meeting(SandboxSettings(windows=(Window(60, 1),), auth_counts=True)) as client:
        assert [client.authenticate().status_code for _ in range(3)] == [200, 429, 429]
        assert client.sandbox.auth_statuses == {200: 1, 429: 2}


def test_get_is_no_way_to_send() -> None:
    """Only POST is documented."""
    with Meeting() as client:
        for path in ("/api/accounts/authen", "/dhub-i/api/v1.0/ingest"):
            assert client.get(path).status_code == 405
        assert client.get("/elsewhere").status_code == 404
