"""JSON to and from the endpoints of a server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from .http import Response, Transport
from .problems import ProblemError, ProtocolError, problem_error

if TYPE_CHECKING:
    from .tasks import Task

HEARTBEAT = "heartbeatSeconds=30"
"""Proxies close a response that is silent for long. The server fills the silence of a stream with empty lines."""
RESPONSE_SECONDS = 5.0
"""How long a client whose timeout has expired still waits for the problem of the server."""
FIRST_PAUSE_SECONDS = 0.1
MAX_PAUSE_SECONDS = 5.0
_T = TypeVar("_T")


class Session:
    """Requests to one server. Errors are those of `Client`."""

    def __init__(self, transport: Transport, reconnect_timeout: float) -> None:
        if not reconnect_timeout >= 0:
            raise ValueError(f"reconnect_timeout is 0 seconds or more, not {reconnect_timeout}.")
        self._transport = transport
        self._reconnect_timeout = reconnect_timeout
        self._is_closing = asyncio.Event()
        self._properties: dict[str, list[str]] = {}
        self.tasks: weakref.WeakSet[Task[Any]] = weakref.WeakSet()
        """The tasks that this client follows."""
        self._background: set[asyncio.Task[Any]] = set()

    @property
    def has_connected(self) -> bool:
        """Whether the client has had a connection to the server."""
        return self._transport.has_connected

    async def close(self) -> None:
        """Closes all connections, which stops their work. Tasks continue at the server: see `task`."""
        self._is_closing.set()
        for task in list(self.tasks):
            task.detach()
        try:
            while self._background:
                await asyncio.wait(self._background)
        finally:
            await self._transport.close()

    def run_in_background(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Runs a coroutine that `close` waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def within(
        self,
        timeout: float | None,
        send: Callable[[float | None], Awaitable[_T]],
        *,
        grace: float = RESPONSE_SECONDS,
    ) -> _T:
        """Sends a request with a timeout in seconds. The server applies it if it can, and the client always does.

        send: sends it, with the limit for the server. grace: how much later than its limit the server may respond.
        None and infinity are no limit.
        """
        if timeout is None or timeout == math.inf:
            return await send(None)
        if math.isnan(timeout):
            raise ValueError("The timeout is not a number.")
        if timeout <= 0:
            raise TimeoutError
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        async with asyncio.timeout_at(end + grace) as limit:
            try:
                return await send(float(timeout))
            except ProblemError as error:
                if "/timeoutSeconds" not in error.errors:
                    raise
            # The server has a lower maximum, which only it knows.
            limit.reschedule(end)
            return await send(None)

    async def outlast(self, request: Callable[[], Awaitable[_T]], is_temporary: Callable[[Exception], bool]) -> _T:
        """Repeats an idempotent request while the server restarts, at most for `reconnect_timeout`."""
        now = asyncio.get_running_loop().time
        end: float | None = None
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await request()
            except (OSError, ProblemError) as error:
                end = now() + self._reconnect_timeout if end is None else end
                left = end - now()
                # Clients that lost the same server do not come back together.
                delay = pause * random.uniform(0.5, 1)
                if isinstance(error, ProblemError) and error.retry_after is not None:
                    delay = max(delay, error.retry_after)
                if left <= 0 or not is_temporary(error) or await self._closes_within(min(delay, left)):
                    raise
                pause = min(2 * pause, MAX_PAUSE_SECONDS)

    async def _closes_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_closing.wait(), seconds)
        return self._is_closing.is_set()

    async def post(self, path: str, body: Any, *, idempotency_key: str | None = None) -> Any:
        """Sends JSON, or bytes of JSON, to a path below `/api`, and returns the JSON of the response."""
        headers = {"Content-Type": "application/json"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        content = body if isinstance(body, bytes) else encode(body)
        return await self._json("POST", path, headers, content, is_idempotent=idempotency_key is not None)

    async def get(self, path: str) -> Any:
        """Returns the JSON of a path below `/api`."""
        return await self._json("GET", path, is_idempotent=True)

    async def delete(self, path: str) -> Any:
        """Sends DELETE to a path below `/api`, and returns the JSON of the response."""
        return await self._json("DELETE", path, is_idempotent=True)

    async def lines(self, path: str, body: Any) -> AsyncGenerator[dict[str, Any], None]:
        """Sends JSON, and yields each line of the response. Raises the ProblemError of a line `error`."""
        headers = {"Content-Type": "application/json", "Accept": "application/x-ndjson"}
        with await self.open("POST", path, headers, encode(body)) as response:
            async for lines in response.lines():
                for line in map(decode_line, lines):
                    if "error" in line and "index" not in line:
                        raise problem_error(line["error"])
                    yield line

    async def open(
        self, method: str, path: str, headers: dict[str, str], body: Any, *, is_idempotent: bool = False
    ) -> Response:
        """Sends a request, and returns its response if it is not a problem."""
        response = await self._transport.request(method, f"/api{path}", headers, body, is_idempotent=is_idempotent)
        if response.status < 300:
            return response
        content = await response.read()
        try:
            problem = decode(content)
        except ProtocolError:
            problem = None
        raise problem_error(problem, response.retry_after, response.status)

    async def properties(self, operation: str) -> list[str]:
        """The names of the properties of an operation's input, in order."""
        if operation not in self._properties:
            description = await self.get(f"/operations/{segment(operation)}")
            self._properties[operation] = list(description["input"].get("properties", {}))
        return self._properties[operation]

    async def kind(self, operation: str) -> str:
        """The kind of an operation: io, cpu or stream."""
        return str((await self.get(f"/operations/{segment(operation)}"))["kind"])

    async def _json(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: Any = None, *, is_idempotent: bool
    ) -> Any:
        response = await self.open(method, path, headers or {}, body, is_idempotent=is_idempotent)
        return decode(await response.read())


def segment(name: str) -> str:
    """A name as one segment of a path. Raises ValueError for one that leads elsewhere, however it is encoded."""
    if name in ("", ".", ".."):
        raise ValueError(f"{name!r} cannot be a part of a path.")
    return quote(name, safe="")


def given(**options: Any) -> dict[str, Any]:
    """The options that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def encode(value: Any) -> bytes:
    """JSON. Raises ValueError for a number that JSON does not have."""
    return _to_json(value).encode()


# json.dumps would make such an encoder for each value.
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def decode(body: bytes) -> Any:
    """The value of a response."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("The server sent a response that is not JSON.") from error


def decode_line(line: bytes) -> dict[str, Any]:
    """The object of a line."""
    value = decode(line)
    if not isinstance(value, dict):
        raise ProtocolError("The server sent a line that is not an object.")
    return value
