"""Addresses, keys and folders: from the environment, an env file, or a named profile; never from a flag's value."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from pydantic_settings import BaseSettings, SettingsConfigDict

from pango_load.delivery.profile import DOCUMENTED, Profile, read_profile
from pango_load.errors import UsageError
from pango_load.plan import PUBLISHED_WINDOWS, Credentials, Endpoint, Window, parse_windows

if TYPE_CHECKING:
    from collections.abc import Mapping

APP = "pango-load"
CONFIG_FILE = "config.toml"


class _Environment(BaseSettings):
    """The variables of design section 2."""

    model_config = SettingsConfigDict(env_prefix="PANGO_", extra="ignore", hide_input_in_errors=True)

    auth_url: str = ""
    ingest_url: str = ""
    username: str = ""
    api_key: str = ""
    cdp_gkey: str = ""
    token: str = ""
    state_dir: str = ""
    source: str = ""
    limits: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What stands in the environment, checked only where it is used.

    Attributes:
        origin: where the values come from, in words for a person.
        profile: how requests and answers are spelled.
    """

    values: _Environment
    origin: str
    profile: Profile = DOCUMENTED

    @property
    def state(self) -> Path:
        """Where journal and quota live."""
        if self.values.state_dir:
            return Path(self.values.state_dir).expanduser()
        return platformdirs.user_state_path(APP)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The platform's limits.

        Raises:
            UsageError: PANGO_LIMITS cannot be read.
        """
        return parse_windows(self.values.limits) if self.values.limits else PUBLISHED_WINDOWS

    def endpoint(
        self, *, allow_http: bool = False, certificates: Path | None = None, proxy: str | None = None
    ) -> Endpoint:
        """The two addresses.

        Raises:
            UsageError: one is missing or unsafe.
        """
        self._demand(*self._wanted)
        return Endpoint(
            auth_url=self.values.auth_url,
            ingest_url=self.values.ingest_url,
            allow_http=allow_http,
            certificates=certificates,
            proxy=proxy,
        )

    def credentials(self) -> Credentials:
        """Who sends.

        Raises:
            UsageError: naming every variable that is missing.
        """
        self._demand(*self._wanted)
        return Credentials(
            api_key=self.values.api_key,
            username=self.values.username,
            group_key=self.values.cdp_gkey,
            token=self.values.token,
        )

    @property
    def _wanted(self) -> tuple[str, ...]:
        """Every variable that sending needs, so that all that are missing are named at once."""
        if self.values.token:
            return ("ingest_url", "api_key")
        return ("auth_url", "ingest_url", "username", "api_key", "cdp_gkey")

    def _demand(self, *names: str) -> None:
        missing = [f"PANGO_{name.upper()}" for name in names if not getattr(self.values, name)]
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            raise UsageError(
                f"{', '.join(missing)} {verb} not set (looked in {self.origin}).",
                "Copy the values from the model's API screen into .env; `--sandbox` on a load needs none.",
            )


def read_settings(*, env_file: Path | None, profile: str | None) -> Settings:
    """Read what a load needs from outside.

    The environment outranks the env file (`--env-file`, else `.env` where there is one); a named profile stands in
    `config.toml` under the user's configuration folder and outranks both.

    Raises:
        UsageError: the env file or the profile is missing or cannot be read.
    """
    if profile is not None:
        return _from_profile(profile)
    if env_file is not None and not env_file.is_file():
        raise UsageError(f"--env-file {env_file}: there is no such file.", "Check its name.")
    path = env_file or Path(".env")
    try:
        values = _Environment(_env_file=path if path.is_file() else None, _env_file_encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read.", "It is a text file with lines like PANGO_USERNAME=me.") from error
    origin = f"the environment and {path}" if path.is_file() else f"the environment; there is no .env in {Path.cwd()}"
    return Settings(values=values, origin=origin)


def _from_profile(name: str) -> Settings:
    path = platformdirs.user_config_path(APP) / CONFIG_FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"--profile {name}: there is no {path}.", f"Write it, with a table [{name}].") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {_where(error)}.", "It is a TOML file.") from error
    table: Mapping[str, object] | None = document.get(name)
    if not isinstance(table, dict):
        known = ", ".join(sorted(key for key, value in document.items() if isinstance(value, dict))) or "none"
        raise UsageError(f"{path} has no profile [{name}]; it has {known}.", "Name one of these with --profile.")
    fields = {key: str(value) for key, value in table.items() if key in _Environment.model_fields}
    others = {key: value for key, value in table.items() if key not in _Environment.model_fields}
    settings = Settings(values=_Environment.model_validate(fields), origin=f"the profile [{name}] of {path}")
    return replace(settings, profile=read_profile(others)) if others else settings


def _where(error: Exception) -> str:
    """What a TOML error says of the place; never the line itself, which may hold a key."""
    text = str(error)
    return text[text.rfind("(at ") :].strip("()") if "(at " in text else type(error).__name__
