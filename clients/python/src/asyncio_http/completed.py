"""`as_completed`: results in the order in which what gives them ends."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from .calls import Call
from .problems import ProblemError, problem_error
from .session import HEARTBEAT, Session, given

_T = TypeVar("_T")


class AsCompleted(Generic[_T]):
    """The results of awaitables in the order in which they end: see `Client.as_completed`. Dropping it stops calls."""

    def __init__(self, client: Session, awaitables: Iterable[Awaitable[_T]], timeout: float | None) -> None:
        self._reading: list[asyncio.Task[None]] = []
        if asyncio.isfuture(awaitables) or asyncio.iscoroutine(awaitables):
            raise TypeError(f"expect an iterable of futures, not {type(awaitables).__name__}")
        each = list(awaitables)
        self._client = client
        self._calls = [call for call in each if isinstance(call, Call)]
        self._others = list(dict.fromkeys(other for other in each if not isinstance(other, Call)))
        self._timeout = timeout
        self._remaining = len(self._calls) + len(self._others)
        # As in asyncio, waiting for a result and reading it are separate: a cancelled wait breaks nothing.
        self._ended: asyncio.Queue[asyncio.Future[Any] | Exception] = asyncio.Queue()

    def __iter__(self) -> Iterator[Coroutine[Any, Any, _T]]:
        return self

    def __next__(self) -> Coroutine[Any, Any, _T]:
        if self._remaining == 0:
            raise StopIteration
        self._remaining -= 1
        return self._next_result()

    def __aiter__(self) -> AsyncIterator[asyncio.Future[_T]]:
        return self

    async def __anext__(self) -> asyncio.Future[_T]:
        if self._remaining == 0:
            raise StopAsyncIteration
        self._remaining -= 1
        return await self._next()

    def __del__(self) -> None:
        for task in self._reading:
            if not task.get_loop().is_closed():
                task.get_loop().call_soon_threadsafe(task.cancel)

    async def _next_result(self) -> _T:
        return (await self._next()).result()

    async def _next(self) -> asyncio.Future[_T]:
        if not self._reading:
            # The tasks do not know this object, so that one that is dropped is collected.
            others = [asyncio.ensure_future(other) for other in self._others]
            create_task = asyncio.get_running_loop().create_task
            self._reading = [
                create_task(_read(self._client, self._calls, self._timeout, self._ended)),
                create_task(_watch(others, self._timeout, self._ended)),
            ]
        ended = await self._ended.get()
        # The timeout is not the outcome of an awaitable.
        if isinstance(ended, Exception):
            raise ended
        return ended


async def _read(
    client: Session,
    calls: list[Call[Any]],
    timeout: float | None,
    ended: asyncio.Queue[asyncio.Future[Any] | Exception],
) -> None:
    """Sends the calls as one gather, and puts a future or a timeout for each, even if the request fails."""
    if not calls:
        return
    missing = len(calls)
    error: Exception = ConnectionResetError("The stream ended before its last line.")

    async def send(limit: float | None) -> None:
        nonlocal missing
        body = {"calls": await bind_all(calls, client), **given(returnExceptions=True, timeoutSeconds=limit)}
        async for line in client.lines(f"/gather?{HEARTBEAT}", body):
            if "status" in line:
                missing -= 1
                result = outcome(calls[line["index"]], line)
                ended.put_nowait(_future(result, is_error=line["status"] == "failed"))

    try:
        # The client does not wait for the server's timeout problems, so that all late calls get the same exception.
        await client.within(timeout, send, grace=0)
    except Exception as raised:
        error = raised
    is_late = isinstance(error, TimeoutError) and not isinstance(error, ProblemError)
    for _ in range(missing):
        ended.put_nowait(error if is_late else _future(error, is_error=True))


async def _watch(
    others: Sequence[asyncio.Future[Any]], timeout: float | None, ended: asyncio.Queue[asyncio.Future[Any] | Exception]
) -> None:
    """Puts each future when it is done, or a timeout for it."""
    error: Exception = TimeoutError()
    if timeout is not None and math.isnan(timeout):
        error, timeout = ValueError("The timeout is not a number."), 0
    for other in others:
        other.add_done_callback(ended.put_nowait)
    pending = (await asyncio.wait(others, timeout=timeout))[1] if others else set()
    for other in pending:
        other.remove_done_callback(ended.put_nowait)
        ended.put_nowait(error)


def _future(result: Any, *, is_error: bool) -> asyncio.Future[Any]:
    """A future that is done. Its exception is not logged if nobody asks for it."""
    future = asyncio.get_running_loop().create_future()
    if is_error:
        future.set_exception(result)
        future.exception()
    else:
        future.set_result(result)
    return future


async def bind_all(calls: Iterable[Call[Any]], client: Session) -> list[dict[str, Any]]:
    """The calls as the server reads them."""
    return [{"operation": call.operation, "input": await call.bind(client)} for call in calls]


def outcome(call: Call[Any], result: dict[str, Any]) -> Any:
    """The result of one call of a gather; of a failed one the exception."""
    return problem_error(result["error"]) if result["status"] == "failed" else call.result_of(result.get("result"))
