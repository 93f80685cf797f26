"""Authentication: credentials become a token that lives for a while."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from pango_load.sandbox.answers import Answer, json_answer, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pango_load.clock import Clock
    from pango_load.sandbox.settings import SandboxSettings


class TokenDesk:
    """Gives out tokens and knows which of them are alive. Each method may be called from any thread."""

    def __init__(self, settings: SandboxSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._ends: dict[str, float] = {}
        self._withdrawn = False

    def issue(self) -> str:
        """A fresh token, as authentication gives it."""
        if self._settings.new_token_ends_old:
            self.revoke()
        token = secrets.token_urlsafe(24)
        self._ends[token] = self._clock.steady() + self._settings.token_seconds
        return token

    def revoke(self) -> None:
        """Let every token given out so far be dead."""
        self._ends = {}

    def withdraw(self) -> None:
        """Let the credentials themselves be no longer known, and their tokens dead."""
        self._withdrawn = True
        self.revoke()

    def is_alive(self, token: str) -> bool:
        """Whether `token` was given out here and has not ended."""
        return self._clock.steady() < self._ends.get(token, float("-inf"))

    def authenticate(self, said: Mapping[str, object]) -> Answer:
        """The documented answers: a token with its times, or one of two MISSING_INFO; a wrong key is undocumented."""
        settings = self._settings
        if not said.get("username") or not said.get("apiKey"):
            return refusal(400, "MISSING_INFO", "Username and ApiKey are required")
        if not said.get("cdpGKey"):
            return refusal(400, "MISSING_INFO", "Organization Context is not set")
        known = (("username", settings.username), ("apiKey", settings.api_key), ("cdpGKey", settings.group_key))
        if self._withdrawn or not all(_is_same(said.get(name), value) for name, value in known):
            return refusal(settings.wrong_credentials_status, "UNAUTHORIZED", "Unknown user, key or organization.")
        issued = round((self._clock.now() + settings.clock_skew) * 1000)
        return json_answer(
            200,
            {
                "success": True,
                "status": "authenticated",
                "token": self.issue(),
                "issuedAt": issued,
                "expiredAt": issued + round(settings.token_seconds * 1000),
                "expiredAfter": round(settings.token_seconds),
            },
        )


def _is_same(given: object, known: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "replace"), known.encode())
