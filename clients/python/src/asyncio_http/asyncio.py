"""`from asyncio_http import asyncio` in place of `import asyncio`: the names of asyncio, with operations at the server.

The server is the one that the environment variable `FUNCTIONS_BASE_URL` names (`http://127.0.0.1:7071` without it),
with the key in `FUNCTIONS_KEY`. `sleep` is the operation `delay`; `gather`, `create_task`, `as_completed`, `wait_for`
and `TaskGroup` take calls of operations too. Every other name is asyncio's own.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Coroutine, Iterable, Iterator
from typing import Any

from .client import Call, current_client, default_client
from .tasks import TaskGroup as _TaskGroup

MAX_SLEEP_SECONDS = 200
"""How long a call may wait: proxies, such as that of Azure, end requests without a response after some minutes."""


def run(main: Coroutine[Any, Any, Any], *, debug: bool | None = None) -> Any:
    """`asyncio.run`, with one client for all calls, closed at the end."""

    async def with_client() -> Any:
        async with default_client():
            return await main

    return asyncio.run(with_client(), debug=debug)


def sleep(delay: float, result: Any = None) -> Coroutine[Any, Any, Any]:
    """A call of `delay`: waits that many seconds at the server, and returns the result.

    More than 200 seconds, or infinity, is `asyncio.sleep` itself.
    """
    if math.isnan(delay):
        raise ValueError("Invalid delay: NaN (not a number)")
    if delay > MAX_SLEEP_SECONDS:
        return asyncio.sleep(delay, result)
    return Call("delay", (), {"seconds": float(max(delay, 0)), "result": result}, None)


def gather(*calls: Awaitable[Any], return_exceptions: bool = False) -> asyncio.Future[list[Any]]:
    """See `Client.gather`."""
    return current_client().gather(*calls, return_exceptions=return_exceptions)


def create_task(coro: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
    """A task of the server for a call, see `Client.create_task`; of asyncio for any other coroutine."""
    if isinstance(coro, Call):
        return current_client().create_task(coro, **options)
    return asyncio.create_task(coro, **options)


def as_completed(calls: Iterable[Awaitable[Any]], *, timeout: float | None = None) -> Iterator[Awaitable[Any]]:
    """See `Client.as_completed`."""
    return current_client().as_completed(calls, timeout=timeout)


async def wait_for(call: Awaitable[Any], timeout: float | None) -> Any:
    """See `Client.wait_for`."""
    return await current_client().wait_for(call, timeout)


def TaskGroup() -> _TaskGroup:
    """See `Client.TaskGroup`."""
    return current_client().TaskGroup()


def __getattr__(name: str) -> Any:
    return getattr(asyncio, name)
