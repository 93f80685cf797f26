"""Batches made in a thread, a little ahead of the senders."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

T = TypeVar("T")

AHEAD = 64


async def feed(things: Iterator[T], *, ahead: int = AHEAD) -> AsyncIterator[T]:
    """Give what `things` gives, made in a thread of its own and at most `2 * ahead` things before they are asked for.

    What `things` raises is raised here, after everything before it was given. A generator is closed in its thread.
    """
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pango-batches")
    ready = loop.run_in_executor(thread, _take, things, ahead)
    try:
        while True:
            some, error = await ready
            if some and error is None:
                ready = loop.run_in_executor(thread, _take, things, ahead)
            for thing in some:
                yield thing
            if error is not None:
                raise error
            if not some:
                return
    finally:
        ready.cancel()
        await asyncio.shield(loop.run_in_executor(thread, _close, things))
        thread.shutdown(wait=False)


def _take(things: Iterator[T], count: int) -> tuple[list[T], Exception | None]:
    """The next `count` things, and what stopped them from being more."""
    taken: list[T] = []
    try:
        taken.extend(islice(things, count))
    except Exception as error:  # noqa: BLE001 - carried over to the loop and raised there
        return taken, error
    return taken, None


def _close(things: Iterator[T] | Generator[T]) -> None:
    close = getattr(things, "close", None)
    if close is not None:
        close()
