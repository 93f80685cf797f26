"""Reasons a load cannot go on, each with its exit code (design, section 5) and what to try next.

A bad row and a refused batch are values, not errors: they never come here.

    LoadStopped
    ├── UsageError            2   a flag, a setting or a file that cannot be used; nothing was sent
    │   └── MappingError      2   the mapping or the headers do not fit; all mistakes at once
    ├── TooManyRejects        4   more rejected rows than --max-rejects allows
    ├── TemporaryStop         5   service, network, or quota past --max-duration
    ├── CredentialsRefused    6   the platform does not know these credentials
    ├── MustBeMended          7   refused alike, source changed, disk full
    ├── NoRows                9   no rows at all, with --error-on-empty
    ├── AlreadyRunning       11   another process runs this same load
    └── Interrupted    130, 143   Ctrl-C or SIGTERM
"""

from collections.abc import Sequence
from typing import ClassVar


class LoadStopped(Exception):  # noqa: N818 - it says what happened, as `KeyboardInterrupt` does
    """A load that cannot go on.

    Args:
        message: what stopped: the thing and the place, in one line, with no secret and no row value.
        advice: what to try next, in one line.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class UsageError(LoadStopped):
    """A flag, a setting or a file that cannot be used; nothing was sent."""

    exit_code = 2


class MappingError(UsageError):
    """A mapping or headers that do not fit, with every mistake found, each naming line and key."""

    def __init__(self, message: str, mistakes: Sequence[str] = (), advice: str = "") -> None:
        super().__init__(message, advice)
        self.mistakes = tuple(mistakes)


class TooManyRejects(LoadStopped):
    """More rows were rejected than --max-rejects allows."""

    exit_code = 4


class TemporaryStop(LoadStopped):
    """Stopped by something that passes: service, network, or quota past --max-duration."""

    exit_code = 5


class CredentialsRefused(LoadStopped):
    """The platform refused the credentials, or fresh tokens several times in a row."""

    exit_code = 6


class MustBeMended(LoadStopped):
    """Stopped by something that does not pass by itself: refused alike, source changed, disk full."""

    exit_code = 7


class NoRows(LoadStopped):
    """The source holds no rows, and --error-on-empty was given."""

    exit_code = 9


class AlreadyRunning(LoadStopped):
    """Another process is running this same load."""

    exit_code = 11


class Interrupted(LoadStopped):
    """Ctrl-C (130) or SIGTERM (143); what was in flight was finished and recorded."""

    def __init__(self, message: str, advice: str = "", *, signal_number: int = 2) -> None:
        super().__init__(message, advice)
        self.signal_number = signal_number

    @property
    def interrupted_code(self) -> int:
        """128 plus the signal's number, as shells count it."""
        return 128 + self.signal_number


def exit_code_of(stopped: LoadStopped) -> int:
    """The exit code that belongs to `stopped` (design, section 5)."""
    return stopped.interrupted_code if isinstance(stopped, Interrupted) else stopped.exit_code
