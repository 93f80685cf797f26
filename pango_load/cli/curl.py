"""A request as a curl command, to be tried by hand or shown to somebody: its secrets are shell variables."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pango_load.delivery.profile import Profile

_VARIABLES = {
    "token": "PANGO_TOKEN",
    "apiKey": "PANGO_API_KEY",
    "cdpGKey": "PANGO_CDP_GKEY",
    "username": "PANGO_USERNAME",
}


def curl_command(body: bytes, profile: Profile, *, init_data: bool = False) -> str:
    """The request as a curl command for a POSIX shell: keys and addresses are variables, never values.

    `$PANGO_TOKEN` holds a fresh token (the answer of authentication, or "Get Token" of the console).
    """
    address = "$PANGO_INGEST_URL" + ("?initData=true" if init_data else "")
    lines = [f'curl --request POST "{address}"', "--header 'Content-Type: application/json'"]
    for name, template in profile.ingest_headers.items():
        value = template
        for place in (*_VARIABLES, *profile.values):
            value = value.replace(f"{{{place}}}", f"${_VARIABLES.get(place, f'PANGO_{place.upper()}')}")
        lines.append(f'--header "{name}: {value}"')
    lines.append(f"--data-binary {shlex.quote(body.decode())}")
    return " \\\n  ".join(lines)
