"""The program as a user runs it: in a folder of its own, against a sandbox, in this process or in one of its own."""

from __future__ import annotations

import contextlib
import csv
import gc
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from pango_load.cli.program import program
from pango_load.sandbox.faults import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pango_load.sandbox.server import Sandbox

REPOSITORY = Path(__file__).parents[2]
MAIN_JOB = ("--object", "customer-identity")
HEADERS = ("customerId", "phone", "email", "fullName", "gender", "dob", "customFieldLong01")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of the program ended."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> Mapping[str, object]:
        """What `--json` printed."""
        return cast("Mapping[str, object]", json.loads(self.out))

    @property
    def run(self) -> str:
        """The run's id, as `retry` and `runs` take it."""
        return str(self.summary["run"])

    @property
    def counts(self) -> Mapping[str, int]:
        return cast("Mapping[str, int]", self.summary["counts"])


def environment(folder: Path, sandbox: Sandbox | None = None, **more: str) -> dict[str, str]:
    """Only what the program needs: no variable of the machine that runs the tests gets in."""
    made = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PANGO_STATE_DIR": str(folder / "state"),
        "PANGO_LIMITS": "none",
        "COLUMNS": "100",
    }
    if sandbox is not None:
        made |= {
            "PANGO_AUTH_URL": sandbox.auth_url,
            "PANGO_INGEST_URL": sandbox.ingest_url,
            "PANGO_USERNAME": sandbox.credentials.username,
            "PANGO_API_KEY": sandbox.credentials.api_key,
            "PANGO_CDP_GKEY": sandbox.credentials.group_key,
        }
    return made | more


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "pango_load", *words]


def pango_load(
    *words: str,
    folder: Path,
    sandbox: Sandbox | None = None,
    variables: Mapping[str, str] | None = None,
    stdin: str = "",
) -> Ended:
    """Run the program to its end in `folder`, with the environment, input and outputs that a process would have.

    It costs no start of an interpreter, which is most of what a small load takes; what is claimed about processes,
    signals, pipes and terminals is shown with `pango_load_process`, `start` and `on_a_terminal`.
    """
    shown, told = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    given = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    with (
        _as_in_a_process(words, environment(folder, sandbox, **(variables or {})), given),
        contextlib.chdir(folder),
        contextlib.redirect_stdout(shown),
        contextlib.redirect_stderr(told),
        pytest.raises(SystemExit) as ended,
    ):
        program()
    code = ended.value.code
    return Ended(code if isinstance(code, int) else 0, _all_of(shown), _all_of(told))


@contextlib.contextmanager
def _as_in_a_process(words: Iterable[str], variables: Mapping[str, str], stdin: io.TextIOWrapper) -> Iterator[None]:
    before = sys.argv, sys.stdin, gc.get_threshold(), dict(os.environ)
    sys.argv, sys.stdin = ["pango-load", *words], stdin
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        sys.argv, sys.stdin, thresholds, environ = before
        gc.set_threshold(*thresholds)
        os.environ.clear()
        os.environ.update(environ)


def _all_of(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def pango_load_process(
    *words: str,
    folder: Path,
    sandbox: Sandbox | None = None,
    variables: Mapping[str, str] | None = None,
    stdin: str = "",
) -> Ended:
    """Run the program to its end in `folder`, in a process of its own."""
    done = subprocess.run(
        command(*words),
        cwd=folder,
        env=environment(folder, sandbox, **(variables or {})),
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def start(
    *words: str, folder: Path, sandbox: Sandbox, variables: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start the program and go on."""
    return subprocess.Popen(
        command(*words),
        cwd=folder,
        env=environment(folder, sandbox, **(variables or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def customer(number: int, **cells: str) -> dict[str, str]:
    """A customer that would be accepted, but for what `cells` change."""
    return {
        "customerId": f"{number:07d}",
        "phone": f"09{number:08d}",
        "email": f"khach{number}@example.vn",
        "fullName": f'Nguyễn Văn "A" {number}',
        "gender": "male",
        "dob": f"19{60 + number % 40}-0{1 + number % 9}-1{number % 9}",
        "customFieldLong01": str(number * 10),
    } | cells


def write_csv(path: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADERS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_customers(path: Path, count: int) -> Path:
    """A CSV of `count` good customers."""
    return write_csv(path, (customer(number) for number in range(count)))


def wait_until(came_so_far: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Real processes need real time; the wait ends with what is waited for, or with the process."""
    for _ in range(12_000):
        if came_so_far() or process.poll() is not None:
            return
        time.sleep(0.005)  # a real process is waited for
    pytest.fail("the load never came so far")


def wait_until_accepted(sandbox: Sandbox, requests: int, process: subprocess.Popen[str]) -> None:
    """Wait for so many accepted requests."""
    wait_until(lambda: sandbox.accepted_requests >= requests, process)


def no_answer(*, after: int, senders: int = 1) -> Fault:
    """Hold a load fast behind `after` requests, each of its senders in one: `kill` finds it there."""
    return Fault(kind=FaultKind.HANG, after=after, count=senders)


def kill(process: subprocess.Popen[str], sandbox: Sandbox) -> None:
    """Kill -9; what held the process fast holds nobody else."""
    process.kill()
    process.communicate()
    sandbox.clear_faults()


def late_answers(*, after: int = 0, senders: int = 1) -> Fault:
    """Keep a load where it is for half a second, while the requests behind `after` others are accepted."""
    return Fault(kind=FaultKind.SLOW, after=after, count=senders, seconds=0.5)
