"""Ways in are settings: the documented one, the unproven one, and one's own."""

from __future__ import annotations

import pytest

from pango_load.delivery.profile import APP_CONNECT, DOCUMENTED, read_profile
from pango_load.errors import UsageError
from pango_load.plan import Credentials

CREDENTIALS = Credentials(api_key="key", username="me", group_key="group")


def test_the_documented_flow_sends_what_the_documents_say() -> None:
    """Protects everybody who sets nothing (pango-api.md, 1.1 and 2)."""
    assert DOCUMENTED.auth_call(CREDENTIALS) == ({}, {"username": "me", "apiKey": "key", "cdpGKey": "group"})
    assert DOCUMENTED.ingest_call(CREDENTIALS, "abc") == {"TOKEN": "abc", "API_KEY": "key"}
    assert not DOCUMENTED.unproven


def test_the_newer_flow_sends_what_one_client_was_seen_to_send() -> None:
    """Protects those who try it: it is marked unproven, and asks for the account that it needs."""
    profile = read_profile({"flow": "app-connect", "values": {"account": "acc"}})

    assert profile.unproven
    assert profile.auth_call(CREDENTIALS) == ({"refreshToken": "key"}, {"appId": "me", "account": "acc"})
    assert profile.ingest_call(CREDENTIALS, "abc") == {"OrgId": "group", "AccessToken": "Bearer abc"}
    with pytest.raises(UsageError, match="needs a value for account"):
        APP_CONNECT.auth_call(CREDENTIALS)


def test_a_profile_of_ones_own_changes_only_what_it_names() -> None:
    """Protects organisations whose platform differs in one header."""
    profile = read_profile({"limit_header": "X-Wait", "temporary_codes": ["BUSY"], "first_index": 1, "unproven": True})

    assert (profile.limit_header, profile.temporary_codes, profile.first_index) == ("X-Wait", ("BUSY",), 1)
    assert profile.ingest_headers == DOCUMENTED.ingest_headers


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"flow": "oauth"}, "flow = 'oauth' is unknown"),
        ({"flow": 1}, "flow = 1 is unknown"),
        ({"tokenPath": "x"}, '"tokenPath" is no setting'),
        ({"name": "x"}, '"name" is no setting'),
        ({"token_paths": "token"}, "wrong kind"),
        ({"token_paths": [1]}, "wrong kind"),
        ({"limit_header": 3}, "wrong kind"),
        ({"first_index": True}, "wrong kind"),
        ({"unproven": "yes"}, "wrong kind"),
        ({"auth_body": {"a": 1}}, "wrong kind"),
        ({"auth_body": ["a"]}, "wrong kind"),
    ],
)
def test_mistakes_in_a_profile_are_told(table: dict[str, object], message: str) -> None:
    """Protects against a setting that is silently ignored."""
    with pytest.raises(UsageError, match=message):
        read_profile(table)


def test_a_profile_does_not_show_its_values() -> None:
    """Protects what a person puts there."""
    assert "secret" not in repr(read_profile({"values": {"account": "secret"}}))
