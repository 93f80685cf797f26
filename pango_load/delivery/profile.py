"""How to speak to the platform: what each call carries, and where its answers keep what matters, as settings.

The documented flow is the default. A newer one is known from one client only (pango-api.md, 1.2), so nothing of a
flow is written into code: whoever has another one writes a profile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from pango_load.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pango_load.plan import Credentials

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One way in.

    Texts may hold places: `{username}`, `{apiKey}`, `{cdpGKey}`, `{token}`, and every name in `values`.
    A path names nested keys with dots: `data.accessToken`.

    Attributes:
        name: how a configuration names it.
        unproven: no document of the platform describes it; a person is told so before sending.
        auth_headers, auth_body: what the authentication call carries.
        token_paths: where its answer keeps the token; the first path that holds a text counts.
        life_seconds_path: the token's life in seconds.
        issued_ms_path, expires_ms_path: when it was made and when it dies, in milliseconds since 1970. Only their
            difference is used, so a wrong clock on either side does no harm.
        ingest_headers: what every ingestion call carries, beside `Content-Type`.
        limit_header: seconds to wait after a 429.
        message_paths, code_paths: where an answer keeps its words and its code.
        temporary_codes: codes of a refusal that passes by itself; such a batch is sent again.
        failure_paths: lists of entries that failed, in an answer that as such is a success.
        index_keys, first_index: where an item of such a list keeps the entry's index, and how the first one is counted.
        success_paths: where an answer says whether it succeeded, the most telling place first. A 2xx is no success as
            soon as one of them says no.
        unclear_is_success: a 2xx with something in the first of these places that is neither yes nor no (`null`, say)
            is an acceptance. The documents know `true` and `false` only (pango-api.md, 3.1), so by default such an
            answer counts as one that never came.
        empty_is_success: a 2xx without any body is an acceptance. The sample of a 200 could not be read (pango-api.md,
            3.1), so by default such an answer says nothing, and counts as one that never came.
        keep_words: whether the platform's words about a refusal are kept, freed of secrets and of row values. Without,
            its status and code are all that is shown and kept.
        values: further values for the places, for instance an account name.
    """

    name: str
    unproven: bool = False
    auth_headers: Mapping[str, str] = field(default_factory=dict)
    auth_body: Mapping[str, str] = field(default_factory=dict)
    token_paths: tuple[str, ...] = ("token",)
    life_seconds_path: str = "expiredAfter"
    issued_ms_path: str = "issuedAt"
    expires_ms_path: str = "expiredAt"
    ingest_headers: Mapping[str, str] = field(default_factory=dict)
    limit_header: str = "X-Rate-Limit-Retry-After-Seconds"
    message_paths: tuple[str, ...] = ("message", "errorMessage", "errorMess", "error.message", "error")
    code_paths: tuple[str, ...] = ("errorCode", "error.code", "code")
    temporary_codes: tuple[str, ...] = ()
    failure_paths: tuple[str, ...] = ("errors", "failures", "failedEntries", "data.errors", "data.failures")
    index_keys: tuple[str, ...] = ("index", "entryIndex", "position")
    first_index: int = 0
    success_paths: tuple[str, ...] = ("success", "data.success", "result.success")
    unclear_is_success: bool = False
    empty_is_success: bool = False
    keep_words: bool = True
    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    def auth_call(self, credentials: Credentials) -> tuple[dict[str, str], dict[str, str]]:
        """Headers and body of the authentication call.

        Raises:
            UsageError: where a place has no value.
        """
        known = self._known(credentials)
        return _filled(self.auth_headers, known, self.name), _filled(self.auth_body, known, self.name)

    def ingest_call(self, credentials: Credentials, token: str) -> dict[str, str]:
        """Headers of an ingestion call.

        Raises:
            UsageError: where a place has no value.
        """
        return _filled(self.ingest_headers, {**self._known(credentials), "token": token}, self.name)

    def _known(self, credentials: Credentials) -> dict[str, str]:
        return {
            **self.values,
            "username": credentials.username,
            "apiKey": credentials.api_key,
            "cdpGKey": credentials.group_key,
            "token": credentials.token,
        }


def _filled(templates: Mapping[str, str], known: Mapping[str, str], name: str) -> dict[str, str]:
    missing = sorted({place for text in templates.values() for place in _PLACE.findall(text) if not known.get(place)})
    if missing:
        raise UsageError(
            f'The profile "{name}" needs a value for {", ".join(missing)}.',
            "Set PANGO_USERNAME, PANGO_API_KEY or PANGO_CDP_GKEY, or name it under `values` of the profile.",
        )
    return {key: _PLACE.sub(lambda place: known[place[1]], text) for key, text in templates.items()}


DOCUMENTED = Profile(
    name="documented",
    auth_body=MappingProxyType({"username": "{username}", "apiKey": "{apiKey}", "cdpGKey": "{cdpGKey}"}),
    ingest_headers=MappingProxyType({"TOKEN": "{token}", "API_KEY": "{apiKey}"}),
)
"""pango-api.md, 1.1 and 2: user name, key and group key give a token; `TOKEN` and `API_KEY` travel with every call."""

APP_CONNECT = Profile(
    name="app-connect",
    unproven=True,
    auth_headers=MappingProxyType({"refreshToken": "{apiKey}"}),
    auth_body=MappingProxyType({"appId": "{username}", "account": "{account}"}),
    token_paths=("data.accessToken", "accessToken", "data.token", "token", "data.access_token"),
    ingest_headers=MappingProxyType({"OrgId": "{cdpGKey}", "AccessToken": "Bearer {token}"}),
)
"""pango-api.md, 1.2: seen in one client, in no document. PANGO_API_KEY holds its refresh token, PANGO_USERNAME its
app id, PANGO_CDP_GKEY its organisation; `account` is a value of the profile; both addresses are its own."""

PROFILES: Mapping[str, Profile] = MappingProxyType({known.name: known for known in (DOCUMENTED, APP_CONNECT)})


def read_profile(table: Mapping[str, object]) -> Profile:
    """A profile as a configuration file writes it: `flow` names the one to begin with, other keys change it.

    Raises:
        UsageError: for an unknown flow or key, or a value of the wrong kind.
    """
    flow = table.get("flow", DOCUMENTED.name)
    base = PROFILES.get(flow) if isinstance(flow, str) else None
    if base is None:
        raise UsageError(f"flow = {flow!r} is unknown.", f"Known are: {', '.join(PROFILES)}.")
    known = {each.name for each in fields(Profile)} - {"name"}
    profile = base
    for key, value in table.items():
        if key == "flow":
            continue
        if key not in known:
            raise UsageError(f'"{key}" is no setting of a profile.', f"Known are: {', '.join(sorted(known))}.")
        profile = _with(profile, key, value)
    return profile


def _with(profile: Profile, key: str, value: object) -> Profile:
    today: object = getattr(profile, key)
    match today, value:
        case bool(), bool():
            wanted: object = value
        case (int(), int()) | (str(), str()) if not isinstance(value, bool):
            wanted = value
        case tuple(), list() if all(isinstance(item, str) for item in value):
            wanted = tuple(value)
        case _, dict() if not isinstance(today, (str, int, tuple)) and all(isinstance(v, str) for v in value.values()):
            wanted = MappingProxyType(dict(value))
        case _:
            raise UsageError(f'The profile\'s "{key}" is of the wrong kind.', f"It is written like {_example(today)}.")
    change: dict[str, object] = {key: wanted}
    return replace(profile, **change)  # type: ignore[arg-type]  # checked against the default's type above


def _example(today: object) -> str:
    match today:
        case bool():
            return "true"
        case tuple():
            return '["a", "b"]'
        case int():
            return "0"
        case str():
            return '"text"'
        case _:
            return '{ name = "text" }'


def value_at(document: object, path: str, default: object = None) -> object:
    """What stands at `path` (`data.token`) in a JSON document; `default` where nothing does."""
    for key in path.split("."):
        if not isinstance(document, dict) or key not in document:
            return default
        document = document[key]
    return document
