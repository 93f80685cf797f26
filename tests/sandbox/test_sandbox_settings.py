"""What the documents leave open can be had either way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.sandbox_client import HandClock, Meeting, customer, request_of

from pango_load.sandbox.settings import AnswerStyle, BadEntry, RefusalNames, SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

BAD = customer(2, yob="1988")


def test_one_bad_entry_refuses_its_batch() -> None:
    """The default, since nothing kinder is documented."""
    with Meeting() as client:
        answer = client.ingest(request_of(customer(1), BAD, customer(3)))
        assert client.sandbox.accepted_count == 0
    assert (answer.status_code, answer.json()) == (
        400,
        {"success": False, "errorCode": "MISSING_INFO", "message": "Invalid value of: yob"},
    )


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (RefusalNames.FIELD, "Invalid value of: yob"),
        (RefusalNames.INDEX, "Invalid value of: entries[1].yob"),
        (RefusalNames.NOTHING, "Invalid value"),
    ],
)
def test_a_refusal_names_what_it_is_told_to(names: RefusalNames, message: str) -> None:
    """A client that narrows a batch down must live with each; no value of the entry is ever named."""
    with Meeting(SandboxSettings(windows=(), refusal_names=names)) as client:
        answer = client.ingest(request_of(customer(1), BAD))
    assert answer.json()["message"] == message


def test_bad_entries_can_be_listed_in_a_200() -> None:
    """The others are accepted; the list's key is a setting, since no page shows one."""
    settings = SandboxSettings(windows=(), bad_entry=BadEntry.LISTED, failures_key="errors")
    with Meeting(settings) as client:
        answer = client.ingest(request_of(customer(1), BAD, "no object", customer(3)))
        accepted = [entry["customerId"] for entry in client.sandbox.accepted_entries]
    assert accepted == ["C000001", "C000003"]
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "requestId": "sandbox-1",
        "errors": [
            {"index": 1, "errorCode": "MISSING_INFO", "message": "Invalid value of: yob"},
            {"index": 2, "errorCode": "MISSING_INFO", "message": "Invalid value of: entries"},
        ],
    }


@pytest.mark.parametrize(
    ("style", "body"),
    [
        (AnswerStyle.SUCCESS, '{"success": true}'),
        (AnswerStyle.SILENT, '{"requestId": "sandbox-1"}'),
        (AnswerStyle.EMPTY, ""),
        (AnswerStyle.LIST, '{"success": true, "requestId": "sandbox-1", "failures": []}'),
    ],
)
def test_a_200_says_what_it_is_told_to(style: AnswerStyle, body: str) -> None:
    """Its sample body could not be read."""
    with Meeting(SandboxSettings(windows=(), answer=style)) as client:
        answer = client.ingest()
    assert (answer.status_code, answer.text) == (200, body)


def test_a_new_token_may_end_the_old_one() -> None:
    """Not established: two senders that both authenticate would then kill each other's token."""
    for ends, expected in ((False, 200), (True, 401)):
        with Meeting(SandboxSettings(windows=(), new_token_ends_old=ends)) as client:
            client.authenticate()
            assert client.ingest().status_code == expected


def test_a_server_clock_that_is_ahead_is_seen_in_the_times_only() -> None:
    """A token lives as long as it is said to, whatever the clocks say."""
    clock = HandClock(now=1_790_000_000.0)
    with Meeting(SandboxSettings(windows=(), clock_skew=-3600, token_seconds=60), clock=clock) as client:
        said = client.authenticate().json()
        client.token = said["token"]
        assert said["expiredAt"] == (1_790_000_000 - 3600 + 60) * 1000
        assert client.ingest().status_code == 200


@pytest.mark.parametrize("wrong", ["username", "apiKey", "cdpGKey"])
@pytest.mark.parametrize("status", [400, 401])
def test_wrong_credentials_are_refused_as_told(wrong: str, status: int) -> None:
    """The documents show missing keys only."""
    with Meeting(SandboxSettings(windows=(), wrong_credentials_status=status)) as client:
        who = {"username": "sandbox", "apiKey": "sandbox-api-key", "cdpGKey": "sandbox-group-key", wrong: "x"}
        answer = client.authenticate(who)
    assert (answer.status_code, answer.json()["success"]) == (status, False)


def test_without_validation_anything_of_the_right_shape_is_accepted() -> None:
    """For tests of what other parts do."""
    with Meeting(SandboxSettings(windows=(), validate=False)) as client:
        assert client.ingest(request_of({"x": 1}, object_type="anything")).status_code == 200
        assert client.ingest(request_of("no object", object_type="anything")).status_code == 400


def test_source_may_be_left_out_where_it_is_said() -> None:
    """The documents contradict themselves."""
    said = {"objectType": "customer-identity", "entries": [customer()]}
    for required, expected in ((True, 400), (False, 200)):
        with Meeting(SandboxSettings(windows=(), source_required=required)) as client:
            assert client.ingest(said).status_code == expected


def test_a_rule_of_ones_own_refuses_entries() -> None:
    """What the platform turns down and nobody could foresee."""

    def refuse(entry: Mapping[str, object]) -> str | None:
        return "The customer is blocked" if entry["customerId"] == "C000002" else None

    with Meeting(SandboxSettings(windows=(), refuse_entry=refuse)) as client:
        answer = client.ingest(request_of(customer(1), customer(2)))
        assert client.ingest(request_of(customer(1))).status_code == 200
    assert answer.json()["message"] == "The customer is blocked"


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        (SandboxSettings(windows=()), [1, 2, 3]),
        (SandboxSettings(windows=(), keep_last=2), [2, 3]),
        (SandboxSettings(windows=(), keep=False), []),
    ],
)
def test_what_is_kept_is_a_matter_of_memory_and_the_counts_are_not(settings: SandboxSettings, kept: list[int]) -> None:
    """Millions of rows are counted only."""
    with Meeting(settings) as client:
        for number in (1, 2, 3):
            client.ingest(request_of(customer(number)))
        sandbox = client.sandbox
        assert [request.number for request in sandbox.received] == kept
        assert (sandbox.accepted_count, sandbox.accepted_requests, len(sandbox.request_log)) == (3, 3, 3)


def test_bodies_above_the_bound_are_too_large() -> None:
    """The stand-in protects its own memory and goes on."""
    with Meeting(SandboxSettings(windows=(), max_body_bytes=100_000)) as client:
        large = json.dumps(request_of(customer(1, address="x" * 1_000_000))).encode()
        assert [client.ingest(large).status_code, client.ingest().status_code] == [413, 200]


def test_answers_take_their_time() -> None:
    """Latency lies between acceptance and answer."""
    with Meeting(SandboxSettings(windows=(), latency=(0.001, 0.002))) as client:
        assert client.ingest().status_code == 200


def test_secrets_are_not_in_the_repr() -> None:
    """Settings end up in tracebacks."""
    shown = repr(SandboxSettings(api_key="canary-key", group_key="canary-group"))
    assert "canary" not in shown
