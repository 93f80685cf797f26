"""Whatever is held, mended, added and sent again in whatever order: an old value never follows a newer accepted one."""

from __future__ import annotations

import asyncio
import csv
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pango_load.errors import LoadStopped
from pango_load.journal.reading import JournalReader
from pango_load.load import load
from pango_load.plan import DeliveryOptions, Endpoint, LoadPlan, OnUnknown, RetryPlan
from pango_load.retry import retry
from pango_load.sandbox.faults import Fault, FaultKind, entries_with
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pango_load.run import LoadReport

MAPPING = """\
object: customer-identity
onDuplicate: {policy}
columns: {{id: customerId, phone: phone, name: fullName}}
"""
GOOD = "0912345678"


class QuickClock:
    """The machine's clock, so much faster that nobody waits for a time-out to pass."""

    SPEED = 1000.0

    def now(self) -> float:
        return 1_790_000_000.0 + self.steady()

    def steady(self) -> float:
        return time.monotonic() * self.SPEED

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.SPEED)


@dataclass(frozen=True, slots=True)
class Step:
    """One command.

    Attributes:
        command: `load`, `append` or `retry`.
        resend: whether `--on-unknown resend` is asked for, else `hold`.
        lost: rows whose request gets no answer, once.
        applied: whether the platform took it all the same.
        rows: mended before a `retry` (by their place in the file), or added before an `append` (their customers).
    """

    command: str
    resend: bool
    lost: frozenset[int]
    applied: bool
    rows: tuple[int, ...]


STEPS = st.builds(
    Step,
    command=st.sampled_from(["load", "append", "retry"]),
    resend=st.booleans(),
    lost=st.frozensets(st.integers(0, 9), max_size=3),
    applied=st.booleans(),
    rows=st.lists(st.integers(0, 3), max_size=3).map(tuple),
)
FIRST = replace(Step("load", resend=False, lost=frozenset(), applied=False, rows=()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """A file, and what is done with it.

    Attributes:
        rows: which customer, and whether the row is valid.
        lost, applied: see `Step`, of the first load, which holds.
    """

    policy: str
    size: int
    senders: int
    rows: tuple[tuple[int, bool], ...]
    lost: frozenset[int]
    applied: bool
    steps: tuple[Step, ...]


FATES = st.builds(
    Fate,
    policy=st.sampled_from(["send", "send", "keep-last"]),
    size=st.integers(1, 3),
    senders=st.integers(1, 3),
    rows=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([True, True, False])), min_size=2, max_size=10).map(
        tuple
    ),
    lost=st.frozensets(st.integers(0, 9), min_size=1, max_size=3),
    applied=st.booleans(),
    steps=st.lists(STEPS, min_size=1, max_size=4).map(tuple),
)


@dataclass(slots=True)
class Story:
    """One fate as it goes on."""

    folder: Path
    sandbox: Sandbox
    fate: Fate
    rows: list[tuple[int, bool]]

    def plan(self, *, resend: bool, append: bool = False) -> LoadPlan:
        on_unknown = OnUnknown.RESEND if resend else OnUnknown.HOLD
        return LoadPlan(
            files=(self.folder / "a.csv",),
            object_type="",
            mapping=self.folder / "m.yaml",
            state=self.folder / "state",
            out=self.folder / "run",
            batch_size=self.fate.size,
            endpoint=Endpoint(auth_url=self.sandbox.auth_url, ingest_url=self.sandbox.ingest_url),
            credentials=self.sandbox.credentials,
            delivery=DeliveryOptions(
                windows=(), senders=self.fate.senders, read_timeout=5.0, give_up_after=1e9, on_unknown=on_unknown
            ),
            on_unknown_from_flag=True,
            append=append,
        )

    def write(self) -> None:
        with (self.folder / "a.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["id", "phone", "name"])
            for number, (customer, is_valid) in enumerate(self.rows):
                writer.writerow([customer, GOOD if is_valid else "bad", f"row {number}"])

    def take(self, step: Step) -> LoadReport | None:
        """Do it; None where the program says that it cannot be done."""
        self.sandbox.clear_faults()
        names = entries_with("fullName", [f"row {number}" for number in step.lost])
        self.sandbox.add_fault(Fault(kind=FaultKind.CLOSE, when=names, count=1, applied=step.applied))
        with suppress(LoadStopped):
            match step.command:
                case "append" if self.fate.policy == "send":
                    self.rows += [(customer, True) for customer in step.rows]
                    self.write()
                    return load(self.plan(resend=step.resend, append=True), clock=QuickClock())
                case "retry":
                    self.mend(step.rows)
                    return self.retry(resend=step.resend)
                case _:
                    return load(self.plan(resend=step.resend), clock=QuickClock())
        return None

    def mend(self, places: tuple[int, ...]) -> None:
        path = self.folder / "run" / "rejected.csv"
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            mended = [line.replace(",bad,", f",{GOOD},") if at in places else line for at, line in enumerate(lines, -1)]
            path.write_text("\n".join(mended) + "\n", encoding="utf-8")

    def retry(self, *, resend: bool) -> LoadReport:
        return retry(
            RetryPlan(
                run="last",
                state=self.folder / "state",
                endpoint=Endpoint(auth_url=self.sandbox.auth_url, ingest_url=self.sandbox.ingest_url),
                credentials=self.sandbox.credentials,
                windows=(),
                on_unknown=OnUnknown.RESEND if resend else OnUnknown.HOLD,
            ),
            clock=QuickClock(),
        )

    def accepted(self) -> set[int]:
        """Rows that the journal calls accepted."""
        (path,) = (self.folder / "state" / "runs").glob("*.sqlite")
        with JournalReader.look(path) as journal:
            return journal.accepted_among(range(len(self.rows)))

    def check(self, before: int, accepted: set[int]) -> None:
        """No value came after one of its record that is behind it in the file."""
        last: dict[int, int] = {}
        for at in accepted:
            customer = self.rows[at][0]
            last[customer] = max(last.get(customer, at), at)
        for entry in self.sandbox.accepted_entries[before:]:
            at = int(str(entry["fullName"]).removeprefix("row "))
            customer = self.rows[at][0]
            assert last.get(customer, at) <= at, f"row {at} came after row {last[customer]}"
            last[customer] = at


def live(fate: Fate, sandbox: Sandbox) -> None:
    with tempfile.TemporaryDirectory() as name:
        story = Story(Path(name), sandbox, fate, list(fate.rows))
        (story.folder / "m.yaml").write_text(MAPPING.format(policy=fate.policy), encoding="utf-8")
        story.write()
        first = Step("load", resend=False, lost=fate.lost, applied=fate.applied, rows=())
        everything = tuple(range(20))
        steps = [first, *fate.steps]
        # In the end whoever is patient has everything sent that is not outdated.
        steps += [
            replace(first, command=word, resend=True, lost=frozenset(), rows=everything) for word in ("load", "retry")
        ]
        steps += [replace(steps[-1], command="retry")] * 2
        report = None
        for number, step in enumerate(steps):
            if number >= len(steps) - 4 and step.command == "append":
                continue
            before = len(sandbox.accepted_entries)
            accepted = story.accepted() if number else set()
            report = story.take(step) or report
            assert report is not None
            assert report.summary.counts.is_balanced
            story.check(before, accepted)
        accepted = story.accepted()
        assert report is not None
        counts = report.summary.counts
        assert (counts.accepted, counts.skipped) == (len(accepted), len(story.rows) - len(accepted))
        for at, (customer, _) in enumerate(story.rows):
            assert at in accepted or any(
                other > at and its == customer and other in accepted for other, (its, _) in enumerate(story.rows)
            ), f"row {at} was left out, and nothing newer was accepted"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(windows=())) as running:
        yield running


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(fate=FATES)
def test_an_old_value_never_comes_after_a_newer_one_that_was_accepted(sandbox: Sandbox, fate: Fate) -> None:
    """Protects the newest value of each record, and every row that no newer one has made idle."""
    live(fate, sandbox)


@pytest.mark.heavy
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(fate=FATES)
def test_hundreds_of_loads_that_are_held_and_taken_up_again_keep_the_newest_value(sandbox: Sandbox, fate: Fate) -> None:
    """The claim above, with the number of loads that a release deserves."""
    live(fate, sandbox)
