"""`as_completed`: the results of one gather, in the order in which its calls end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import TYPE_CHECKING, Any

from .problems import ProblemError, problem_error
from .session import HEARTBEAT

if TYPE_CHECKING:
    from .client import Call, Client


class AsCompleted:
    """The results of calls in the order in which they end: see `Client.as_completed`. Dropping it stops the rest."""

    def __init__(self, client: Client, calls: list[Call], timeout: float | None) -> None:
        self._client = client
        self._calls = calls
        self._timeout = timeout
        self._remaining = len(calls)
        # As in asyncio, waiting for a result and reading it are separate: a cancelled wait breaks nothing.
        self._ended: asyncio.Queue[Any] = asyncio.Queue()
        self._reading: asyncio.Task[None] | None = None

    def __iter__(self) -> Iterator[Coroutine[Any, Any, Any]]:
        return self

    def __next__(self) -> Coroutine[Any, Any, Any]:
        if self._remaining == 0:
            raise StopIteration
        self._remaining -= 1
        return self._next_result()

    def __aiter__(self) -> AsyncIterator[asyncio.Future[Any]]:
        return self

    async def __anext__(self) -> asyncio.Future[Any]:
        if self._remaining == 0:
            raise StopAsyncIteration
        self._remaining -= 1
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            done.set_result(await self._next_result())
        except Exception as error:
            # The timeout is not the outcome of a call: asyncio raises it here too.
            if isinstance(error, TimeoutError) and not isinstance(error, ProblemError):
                raise
            done.set_exception(error)
        return done

    def __del__(self) -> None:
        if self._reading is not None and not self._reading.get_loop().is_closed():
            self._reading.get_loop().call_soon_threadsafe(self._reading.cancel)

    async def _next_result(self) -> Any:
        if self._reading is None:
            # The task does not know this object, so that one that is dropped is collected.
            work = _read(self._client, self._calls, self._timeout, self._ended)
            self._reading = asyncio.get_running_loop().create_task(work)
        result = await self._ended.get()
        if isinstance(result, Exception):
            raise result
        return result


async def _read(client: Client, calls: list[Call], timeout: float | None, ended: asyncio.Queue[Any]) -> None:
    """Puts a result or an exception for each call, even if the request fails."""
    missing = len(calls)
    error: Exception = ConnectionResetError("The stream ended before its last line.")

    async def send(limit: float | None) -> None:
        nonlocal missing
        body = await client.gather_body(calls, returnExceptions=True, timeoutSeconds=limit)
        async for line in client.lines(f"/gather?{HEARTBEAT}", body):
            if "status" in line:
                missing -= 1
                ended.put_nowait(outcome(line))

    try:
        # The client does not wait for the server's timeout problems, so that all late calls get the same exception.
        await client.within(timeout, send, grace=0)
    except Exception as raised:
        error = raised
    for _ in range(missing):
        ended.put_nowait(error)


def outcome(result: dict[str, Any]) -> Any:
    """The result of one call of a gather; of a failed one the exception."""
    return problem_error(result["error"]) if result["status"] == "failed" else result.get("result")
