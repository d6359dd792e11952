"""The asyncio half: a client whose methods are those of asyncio."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Iterable
from typing import Any, Literal, TypeVar, overload

# Not from .catalog: a stub with the operations of a server can stand in for this module.
from asyncio_http_catalog import Calls

from .calls import Call, Operation, operation_name
from .completed import AsCompleted, bind_all, outcome
from .http import Transport
from .lines import map_lines
from .problems import ProblemError
from .session import given
from .tasks import Task, TaskGroup

DEFAULT_URL = "http://127.0.0.1:7071"
MAX_RESPONSE_BYTES = 256 * 1024 * 1024
_T = TypeVar("_T")
_T1 = TypeVar("_T1")
_T2 = TypeVar("_T2")
_T3 = TypeVar("_T3")
_T4 = TypeVar("_T4")
_T5 = TypeVar("_T5")


class Client(Calls):
    """A client of one server, for one event loop of one process.

    url: the address of the server, such as `http://127.0.0.1:7071`; `/api` is added.
    key: a function key. ssl: for https, unless the system's authorities are right.
    retries: how often a request is repeated where that is safe. connect_timeout: seconds.
    reconnect_timeout: for how many seconds a task is followed while the server restarts.
    max_response_bytes: the limit of a response, or of a line of a streamed one.

    Methods raise ProblemError for problems of the server, ProblemTimeoutError (a TimeoutError) for its timeouts,
    and OSError for failures of connections.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        ssl: ssl.SSLContext | None = None,
        retries: int = 2,
        connect_timeout: float = 10,
        reconnect_timeout: float = 300,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ) -> None:
        headers = {"Accept": "application/json", "User-Agent": "asyncio-http"}
        if key is not None:
            headers["x-functions-key"] = key
        super().__init__(
            Transport(
                url,
                headers,
                context=ssl,
                retries=retries,
                connect_timeout=connect_timeout,
                max_response_bytes=max_response_bytes,
            ),
            reconnect_timeout,
        )

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    # These are the types of asyncio.gather, whose tuples are lists too.
    @overload
    def gather(  # pyright: ignore[reportOverlappingOverload]
        self,
        call1: Awaitable[_T1],
        call2: Awaitable[_T2],
        /,
        *,
        return_exceptions: Literal[False] = False,
        max_concurrency: int | None = None,
    ) -> asyncio.Future[tuple[_T1, _T2]]:
        ...

    @overload
    def gather(
        self,
        call1: Awaitable[_T1],
        call2: Awaitable[_T2],
        call3: Awaitable[_T3],
        /,
        *,
        return_exceptions: Literal[False] = False,
        max_concurrency: int | None = None,
    ) -> asyncio.Future[tuple[_T1, _T2, _T3]]:
        ...

    @overload
    def gather(
        self,
        call1: Awaitable[_T1],
        call2: Awaitable[_T2],
        call3: Awaitable[_T3],
        call4: Awaitable[_T4],
        /,
        *,
        return_exceptions: Literal[False] = False,
        max_concurrency: int | None = None,
    ) -> asyncio.Future[tuple[_T1, _T2, _T3, _T4]]:
        ...

    @overload
    def gather(
        self,
        call1: Awaitable[_T1],
        call2: Awaitable[_T2],
        call3: Awaitable[_T3],
        call4: Awaitable[_T4],
        call5: Awaitable[_T5],
        /,
        *,
        return_exceptions: Literal[False] = False,
        max_concurrency: int | None = None,
    ) -> asyncio.Future[tuple[_T1, _T2, _T3, _T4, _T5]]:
        ...

    @overload
    def gather(
        self,
        *calls: Awaitable[_T],
        return_exceptions: Literal[False] = False,
        max_concurrency: int | None = None,
    ) -> asyncio.Future[list[_T]]:
        ...

    @overload
    def gather(
        self, *calls: Awaitable[_T], return_exceptions: bool, max_concurrency: int | None = None
    ) -> asyncio.Future[list[_T | BaseException]]:
        ...

    def gather(
        self, *calls: Awaitable[Any], return_exceptions: bool = False, max_concurrency: int | None = None
    ) -> asyncio.Future[Any]:
        """Runs calls at once, as one request; the results are in the order of the calls. `asyncio.gather`.

        The first exception is raised, and the server cancels the other calls. With return_exceptions exceptions are
        results. max_concurrency: how many calls run at once. If anything else than calls is among the arguments,
        this is `asyncio.gather`, with a request for each call. As there, types say tuple, and the result is a list.
        """
        own = [call for call in calls if isinstance(call, Call)]
        if len(own) == len(calls):
            return asyncio.ensure_future(self._gather(own, return_exceptions, max_concurrency))
        if max_concurrency is not None:
            raise TypeError("max_concurrency needs calls of operations only.")
        return asyncio.gather(*calls, return_exceptions=return_exceptions)

    def as_completed(self, calls: Iterable[Awaitable[_T]], *, timeout: float | None = None) -> AsCompleted[_T]:
        """Runs calls at once, as one request; the results come when they are ready. `asyncio.as_completed`.

        `for next_done in as_completed(calls)` and `async for done in as_completed(calls)` both give what is awaited
        for a result. The request is sent with the first of them. timeout: seconds, after which the rest raise
        TimeoutError. Tasks, and whatever else can be awaited, may be among the calls; dropping the results stops the
        calls, and leaves the others alone.
        """
        return AsCompleted(self, calls, timeout)

    @overload
    def map(
        self,
        operation: Operation[_T],
        items: Iterable[Any] | AsyncIterable[Any],
        /,
        *,
        limit: int | None = None,
        rate: float | None = None,
        ordered: bool = True,
        return_exceptions: Literal[False] = False,
    ) -> AsyncGenerator[_T, None]:
        ...

    @overload
    def map(
        self,
        operation: Operation[_T],
        items: Iterable[Any] | AsyncIterable[Any],
        /,
        *,
        limit: int | None = None,
        rate: float | None = None,
        ordered: bool = True,
        return_exceptions: bool,
    ) -> AsyncGenerator[_T | ProblemError, None]:
        ...

    @overload
    def map(
        self,
        operation: str,
        items: Iterable[Any] | AsyncIterable[Any],
        /,
        *,
        limit: int | None = None,
        rate: float | None = None,
        ordered: bool = True,
        return_exceptions: bool = False,
    ) -> AsyncGenerator[Any, None]:
        ...

    def map(
        self,
        operation: str | Operation[Any],
        items: Iterable[Any] | AsyncIterable[Any],
        /,
        *,
        limit: int | None = None,
        rate: float | None = None,
        ordered: bool = True,
        return_exceptions: bool = False,
    ) -> AsyncGenerator[Any, None]:
        """Yields the result of each item, in order, while items are still read: any number, in constant memory.

        limit: how many calls of an operation of kind io run at once. rate: how many start in a second. The first
        exception is raised, and the server cancels the other calls; with return_exceptions exceptions are results.
        An item is as in `Pool.map`. Leaving the loop stops the work at the server.
        """
        return map_lines(
            self,
            operation_name(operation),
            items,
            maxConcurrency=limit,
            maxPerSecond=rate,
            ordered=ordered,
            returnExceptions=return_exceptions,
        )

    async def wait_for(self, call: Awaitable[_T], timeout: float | None) -> _T:
        """The result of a call that the server stops after timeout seconds. `asyncio.wait_for`.

        Raises TimeoutError. If the server does not respond within another 5 seconds, the client closes the connection.
        So it does at once if the limit is longer than the server allows.
        """
        if timeout is None or not isinstance(call, Call):
            return await asyncio.wait_for(call, timeout)
        result: _T = await call.run(timeout)
        return result

    async def sequence(self, *calls: Call[Any], timeout: float | None = None) -> list[Any]:
        """Runs calls one after the other, as one request, and returns their results.

        `{"$ref": "#/results/0"}` in an input stands for the result of the first call. timeout: seconds for all.
        The ProblemError of a call that fails has its `index` and the `results` before it.
        """

        async def send(limit: float | None) -> Any:
            steps = await bind_all(calls, self)
            return await self.post("/sequence", {"steps": steps, **given(timeoutSeconds=limit)})

        return list((await self.within(timeout, send))["results"])

    def TaskGroup(self) -> TaskGroup:
        """A TaskGroup whose operations are those of this client."""
        return TaskGroup(self)

    def task(self, id: str) -> Task[Any]:
        """The task with this id, which another client, or this one earlier, created."""
        return Task(self, None, id=id)

    async def _gather(self, calls: list[Call[Any]], return_exceptions: bool, max_concurrency: int | None) -> list[Any]:
        options = given(returnExceptions=return_exceptions, maxConcurrency=max_concurrency)
        response = await self.post("/gather", {"calls": await bind_all(calls, self), **options})
        return [outcome(call, result) for call, result in zip(calls, response["results"])]


_clients: dict[asyncio.AbstractEventLoop, Client] = {}


def configured_server() -> tuple[str, str | None]:
    """The URL and the key of the server that `FUNCTIONS_BASE_URL` and `FUNCTIONS_KEY` name."""
    return os.environ.get("FUNCTIONS_BASE_URL") or DEFAULT_URL, os.environ.get("FUNCTIONS_KEY") or None


def current_client() -> Client:
    """The client of the running loop, for calls without a client: of the server that `FUNCTIONS_BASE_URL` names."""
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = Client(*configured_server())
        _close_with(loop)
    return _clients[loop]


def close_client(loop: asyncio.AbstractEventLoop) -> None:
    """Closes the client of a loop that does not run, if there is one."""
    if (client := _clients.pop(loop, None)) is not None:
        loop.run_until_complete(client.close())


def _close_with(loop: asyncio.AbstractEventLoop) -> None:
    """Closes the client before its loop, whoever closes that: asyncio.run, a Runner, a test case."""
    close = loop.close

    def close_both() -> None:
        try:
            if not loop.is_running() and not loop.is_closed():
                close_client(loop)
        finally:
            close()

    loop.close = close_both  # type: ignore
