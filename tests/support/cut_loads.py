"""Loads in this process that are cut off after some requests and go on until they are done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pango_load.delivery.stop import StopRequest
from pango_load.load import load
from pango_load.plan import DeliveryOptions, Endpoint, LoadPlan
from pango_load.watcher import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pango_load.run import LoadReport
    from pango_load.sandbox.server import Sandbox


class Cutter(Silent):
    """Asks for a stop when so many answers have come."""

    def __init__(self, stop: StopRequest, answers: int) -> None:
        self._stop, self._left = stop, answers

    def accepted(self, batch: int, rows: int) -> None:
        self._left -= 1
        if self._left == 0:
            self._stop.ask()


def plan_of(files: Sequence[Path], mapping: Path, folder: Path, sandbox: Sandbox, *, batch_size: int = 50) -> LoadPlan:
    """A load of `files` that keeps its state and its run's folder in `folder`."""
    return LoadPlan(
        files=tuple(files),
        object_type="",
        mapping=mapping,
        state=folder / "state",
        out=folder / "run",
        batch_size=batch_size,
        endpoint=Endpoint(auth_url=sandbox.auth_url, ingest_url=sandbox.ingest_url),
        credentials=sandbox.credentials,
        delivery=DeliveryOptions(windows=(), senders=1),
    )


def run_in_pieces(plan: LoadPlan, *cuts: int) -> LoadReport:
    """Run `plan`, cut off after so many answers each time, and then once more to its end.

    A cut that comes after the end leaves nothing to go on with: the report of that run is given.
    """
    for answers in cuts:
        stop = StopRequest()
        report = load(plan, stop=stop, watcher=Cutter(stop, answers))
        if report.stopped is None:
            return report
    return load(replace(plan))
