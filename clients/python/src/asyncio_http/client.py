"""The asyncio half: a client whose methods are those of asyncio."""

from __future__ import annotations

import asyncio
import os
import ssl
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Coroutine, Generator, Iterable, Iterator
from typing import Any, TypeVar, overload

from .completed import AsCompleted, outcome
from .http import Transport
from .problems import problem_error
from .session import HEARTBEAT, Session, given, segment
from .tasks import RetryPolicy, Task, TaskGroup

DEFAULT_URL = "http://127.0.0.1:7071"
MAX_RESPONSE_BYTES = 256 * 1024 * 1024
_T = TypeVar("_T")


class Call(Coroutine[Any, Any, Any]):
    """A call of an operation that has not been sent.

    Awaiting it sends it, and gives the operation's result. `async for` sends it as a stream, and gives each value.
    It is a coroutine, so functions for coroutines accept it: `asyncio.create_task(call)`, `asyncio.wait_for(call, 1)`.
    Unlike a coroutine it may be awaited again, which sends it again.
    """

    def __init__(self, operation: str, args: tuple[Any, ...], input: dict[str, Any], client: Client | None) -> None:
        self.operation = operation
        self.args = args
        self.input = input
        self._client = client
        self._running: Generator[Any, Any, Any] | None = None

    @property
    def client(self) -> Client:
        """The client that sends the call."""
        return self._client or current_client()

    async def run(self, timeout: float | None = None) -> Any:
        """Awaits the call with a timeout in seconds, after which the server stops the operation."""
        return await self.client.within(timeout, self._send)

    async def _send(self, timeout: float | None) -> Any:
        client = self.client
        query = "" if timeout is None else f"?timeoutSeconds={timeout}"
        body = await client.post(f"/await/{segment(self.operation)}{query}", await client.bind(self))
        return body["result"]

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.run().__await__()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self.client.stream(self)

    # What a coroutine has beside __await__, so that a task of asyncio can run the call.
    def send(self, value: Any) -> Any:
        if self._running is None:
            self._running = self.__await__()
        return self._running.send(value)

    def throw(self, *error: Any) -> Any:
        if self._running is None:
            self._running = self.__await__()
        return self._running.throw(*error)

    def close(self) -> None:
        if self._running is not None:
            self._running.close()

    def __repr__(self) -> str:
        return f"<Call of {self.operation}>"


class Operation:
    """An operation of the server as a function: calling it gives a Call. `Pool` accepts it as a function too."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, /, *args: Any, **input: Any) -> Call:
        return Call(self.__name__, args, input, None)

    def __repr__(self) -> str:
        return f"<Operation {self.__name__}>"


def operation(name: str) -> Operation:
    """Names an operation of the server, such as `math.square`. Its calls use the client of `asyncio_http.asyncio`."""
    return Operation(name)


class Client(Session):
    """A client of one server, for one event loop.

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
        self.tasks: weakref.WeakSet[Task] = weakref.WeakSet()
        """The tasks that this client follows."""
        self._background: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes all connections, which stops their work. Tasks continue at the server: see `task`."""
        self._is_closing.set()
        for task in list(self.tasks):
            task.detach()
        try:
            while self._background:
                await asyncio.wait(self._background)
        finally:
            await super().close()

    def call(self, operation: str | Operation, /, *args: Any, **input: Any) -> Call:
        """A call of an operation, which is sent when it is awaited.

        Arguments by name are the properties of the operation's input. Arguments by position go to its properties in
        the order of the catalog, which the client reads once for each operation.
        """
        return Call(operation_name(operation), args, input, self)

    def gather(
        self, *calls: Awaitable[Any], return_exceptions: bool = False, max_concurrency: int | None = None
    ) -> asyncio.Future[list[Any]]:
        """Runs calls at once, as one request; the results are in the order of the calls. `asyncio.gather`.

        The first exception is raised, and the server cancels the other calls. With return_exceptions exceptions are
        results. max_concurrency: how many calls run at once. If anything else than calls is among the arguments,
        this is `asyncio.gather`, with a request for each call.
        """
        own = [call for call in calls if isinstance(call, Call)]
        if len(own) == len(calls):
            return asyncio.ensure_future(self._gather(own, return_exceptions, max_concurrency))
        if max_concurrency is not None:
            raise TypeError("max_concurrency needs calls of operations only.")
        return asyncio.gather(*calls, return_exceptions=return_exceptions)

    @overload
    def as_completed(self, calls: Iterable[Call], *, timeout: float | None = None) -> AsCompleted:
        ...

    @overload
    def as_completed(
        self, calls: Iterable[Awaitable[Any]], *, timeout: float | None = None
    ) -> Iterator[Awaitable[Any]]:
        ...

    def as_completed(
        self, calls: Iterable[Awaitable[Any]], *, timeout: float | None = None
    ) -> Iterator[Awaitable[Any]]:
        """Runs calls at once, as one request; the results come when they are ready. `asyncio.as_completed`.

        `for next_done in as_completed(calls)` and `async for done in as_completed(calls)` both give what is awaited
        for a result. The request is sent with the first of them. timeout: seconds, after which the rest raise
        TimeoutError. If anything else than calls is among them, this is `asyncio.as_completed`.
        """
        calls = list(calls)
        own = [call for call in calls if isinstance(call, Call)]
        if len(own) < len(calls):
            return asyncio.as_completed(calls, timeout=timeout)
        return AsCompleted(self, own, timeout)

    async def wait_for(self, call: Awaitable[Any], timeout: float | None) -> Any:
        """The result of a call that the server stops after timeout seconds. `asyncio.wait_for`.

        Raises TimeoutError. If the server does not respond within another second, the client closes the connection.
        So it does at once if the limit is longer than the server allows.
        """
        if timeout is None or not isinstance(call, Call):
            return await asyncio.wait_for(call, timeout)
        return await call.run(timeout)

    async def sequence(self, *calls: Call, timeout: float | None = None) -> list[Any]:
        """Runs calls one after the other, as one request, and returns their results.

        `{"$ref": "#/results/0"}` in an input stands for the result of the first call. timeout: seconds for all.
        The ProblemError of a call that fails has its `index` and the `results` before it.
        """

        async def send(limit: float | None) -> Any:
            steps = await self._bind_all(calls)
            return await self.post("/sequence", {"steps": steps, **given(timeoutSeconds=limit)})

        return list((await self.within(timeout, send))["results"])

    def TaskGroup(self) -> TaskGroup:
        """`asyncio.TaskGroup`, whose `create_task` also takes the name and the input of an operation.

        Each is a request; leaving the group with an exception closes their connections, which stops the work.
        """
        return TaskGroup(self)

    @overload
    def create_task(
        self,
        call: Call,
        /,
        *,
        timeout: float | None = None,
        retry: RetryPolicy | None = None,
        ttl: float | None = None,
        on_success: str | None = None,
        on_error: str | None = None,
        idempotency_key: str | None = None,
        name: str | None = None,
    ) -> Task:
        ...

    @overload
    def create_task(self, operation: str | Operation, /, *args: Any, **input: Any) -> Task:
        ...

    def create_task(self, call: Call | str | Operation, /, *args: Any, **kwargs: Any) -> Task:
        """Starts a task at the server and returns at once, as `asyncio.create_task` does.

        With a Call, arguments by name are options: timeout (seconds for each attempt), retry, ttl (seconds for which
        the task is kept after its end), on_success and on_error (URLs of webhooks), idempotency_key (a new UUID unless
        given), name. With an operation they are its input.
        """
        if isinstance(call, Call):
            return Task(self, call, **kwargs)
        return Task(self, self.call(call, *args, **kwargs))

    def task(self, id: str) -> Task:
        """The task with this id, which another client, or this one earlier, created."""
        return Task(self, None, id=id)

    async def stream(self, call: Call | str | Operation, /, *args: Any, **input: Any) -> AsyncGenerator[Any, None]:
        """Yields each value of a stream operation when the server sends it. Leaving the loop stops the operation."""
        if not isinstance(call, Call):
            call = self.call(call, *args, **input)
        path = f"/stream/{segment(call.operation)}?{HEARTBEAT}"
        is_complete = False
        # The loop goes on after the last line, so that the connection can be reused.
        async for line in self.lines(path, await self.bind(call)):
            if "end" in line:
                is_complete = True
            else:
                yield line["value"]
        if not is_complete:
            raise ConnectionResetError("The stream ended before its last line.")

    async def bind(self, call: Call) -> dict[str, Any]:
        """The input of a call, including its positional arguments."""
        if not call.args:
            return call.input
        names = await self.properties(call.operation)
        if len(call.args) > len(names):
            raise TypeError(f"{call.operation} takes {len(names)} arguments, not {len(call.args)}: {', '.join(names)}")
        by_position = dict(zip(names, call.args))
        if twice := by_position.keys() & call.input.keys():
            raise TypeError(f"{call.operation} got two values for {', '.join(sorted(twice))}")
        return by_position | call.input

    def run_in_background(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Runs a coroutine that `close` waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def gather_body(self, calls: list[Call], **options: Any) -> dict[str, Any]:
        """The body of a gather."""
        return {"calls": await self._bind_all(calls), **given(**options)}

    async def _bind_all(self, calls: Iterable[Call]) -> list[dict[str, Any]]:
        return [{"operation": call.operation, "input": await self.bind(call)} for call in calls]

    async def _gather(self, calls: list[Call], return_exceptions: bool, max_concurrency: int | None) -> list[Any]:
        body = await self.gather_body(calls, returnExceptions=return_exceptions, maxConcurrency=max_concurrency)
        response = await self.post("/gather", body)
        return [outcome(result) for result in response["results"]]


def operation_name(operation: object) -> str:
    """The name of an operation, given as that or as an Operation."""
    if isinstance(operation, str):
        return operation
    if isinstance(operation, Operation):
        return operation.__name__
    raise TypeError(f"Not an operation: {operation!r}. Name one by a string or by asyncio_http.operation(name).")


_clients: dict[asyncio.AbstractEventLoop, Client] = {}


def configured_server() -> tuple[str, str | None]:
    """The URL and the key of the server that `FUNCTIONS_BASE_URL` and `FUNCTIONS_KEY` name."""
    return os.environ.get("FUNCTIONS_BASE_URL") or DEFAULT_URL, os.environ.get("FUNCTIONS_KEY") or None


def default_client() -> Client:
    """A client of the server that `FUNCTIONS_BASE_URL` names, which `current_client` then gives in the running loop."""
    for loop in [loop for loop in _clients if loop.is_closed()]:
        del _clients[loop]
    client = Client(*configured_server())
    _clients[asyncio.get_running_loop()] = client
    return client


def current_client() -> Client:
    """The client of the running loop, for calls without a client."""
    return _clients.get(asyncio.get_running_loop()) or default_client()
