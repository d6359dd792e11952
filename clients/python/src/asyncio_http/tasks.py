"""Tasks: work that goes on at the server when its request has ended."""

from __future__ import annotations

import asyncio
import contextvars
import math
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, TypedDict, TypeVar, Unpack, overload

from .calls import Call, Operation, operation_name
from .http import check_headers
from .problems import ProblemError, ProtocolError, is_away, problem_error
from .session import Session, given, segment

_T = TypeVar("_T")

WAIT_SECONDS = 30
RESPONSE_SECONDS = 30
"""How much later the response to such a wait may come."""
_UNFINISHED = ("queued", "running", "cancelling")


@dataclass(frozen=True)
class RetryPolicy:
    """How the server repeats a task that failed."""

    max_attempts: int
    """Attempts in all, 1 to 100."""
    initial_delay: float = 1
    """Seconds before the second attempt."""
    backoff: float = 2
    """The factor by which each pause is longer than the one before."""
    max_delay: float = 300
    """The longest pause in seconds."""

    def to_json(self) -> dict[str, float]:
        """The policy as the server reads it."""
        return {
            "maxAttempts": self.max_attempts,
            "initialDelaySeconds": self.initial_delay,
            "backoff": self.backoff,
            "maxDelaySeconds": self.max_delay,
        }


class TaskOptions(TypedDict, total=False):
    """The options of a task. None is as if the option were absent."""

    timeout: float | None
    """Seconds for each attempt."""
    retry: RetryPolicy | None
    """How the server repeats the task; without it, it does not."""
    ttl: float | None
    """Seconds for which the server keeps the task after its end."""
    on_success: str | None
    """The URL of a webhook for the task that succeeds."""
    on_error: str | None
    """The URL of a webhook for the task that fails or is cancelled."""
    idempotency_key: str | None
    """The same key with the same request is the same task; a new UUID unless given."""
    name: str | None
    """That of `asyncio.create_task`."""
    context: contextvars.Context | None
    """That of `asyncio.create_task`."""


class Task(asyncio.Task[_T]):
    """A task of the server, as a task of asyncio.

    Awaiting it gives the result, or raises the ProblemError of a task that failed. Cancelling it, or a coroutine that
    awaits it, cancels it at the server; it is `cancelled()` when the work has stopped. Create it by `create_task`.
    """

    def __init__(
        self,
        client: Session,
        call: Call[_T] | None,
        *,
        id: str | None = None,
        **options: Unpack[TaskOptions],
    ) -> None:
        if unknown := options.keys() - TaskOptions.__optional_keys__:
            raise TypeError(f"A task has no option {min(unknown)!r}.")
        if id is not None:
            segment(id)
        self.id = id
        """The id at the server; None until the server has accepted the task, see `accepted`."""
        self._client = client
        self._call = call
        self._is_detached = False
        self._has_started = False
        key = options.get("idempotency_key")
        key = str(uuid.uuid4()) if key is None else key
        check_headers({"Idempotency-Key": key})
        # The creation does not end with this task: a request that may have been accepted needs its id.
        self._creation = client.run_in_background(self._create(_to_json(options), key))
        super().__init__(  # type: ignore[call-arg]
            self._follow(),
            loop=asyncio.get_running_loop(),
            name=options.get("name"),
            context=options.get("context"),
        )
        client.tasks.add(self)

    async def accepted(self) -> str:
        """Waits until the server has stored the task, and returns its id."""
        return await asyncio.shield(self._creation)

    def cancel(self, msg: Any | None = None) -> bool:
        """Asks the server to cancel the task. Returns False if it was done already."""
        if not self._has_started and not self.done():
            # A task that never starts cannot clean up: a creation is not sent, and an existing task is stopped.
            if self.id is None:
                self._creation.cancel()
            else:
                self._client.run_in_background(self._stop())
        return super().cancel(msg)

    def detach(self) -> None:
        """Stops following the task, which goes on at the server. `Client.task(id)` follows it again."""
        self._is_detached = True
        super().cancel()

    async def _create(self, options: dict[str, Any], idempotency_key: str) -> str:
        if self._call is not None:
            # A server without an earlier connection does not restart. Any other server may have stored the task.
            self.id = await self._client.outlast(
                partial(self._send, self._call, options, idempotency_key),
                lambda error: self._client.has_connected and is_away(error),
            )
        assert self.id is not None
        return self.id

    async def _send(self, call: Call[_T], options: dict[str, Any], idempotency_key: str) -> str:
        body = {"input": await call.bind(self._client), **options}
        path = f"/tasks/{segment(call.operation)}"
        return str((await self._client.post(path, body, idempotency_key=idempotency_key))["id"])

    async def _follow(self) -> _T:
        self._has_started = True
        try:
            await self.accepted()
            task = await self._end()
        except asyncio.CancelledError:
            if not self._is_detached:
                # Another cancellation ends only the wait.
                await asyncio.shield(self._client.run_in_background(self._stop()))
            raise
        if task["status"] == "cancelled":
            raise asyncio.CancelledError("The task was cancelled at the server.")
        if task["status"] == "failed":
            raise problem_error(task["error"])
        result: _T = task.get("result")
        return result if self._call is None else self._call.result_of(result)

    async def _end(self) -> Any:
        while (task := await self._client.outlast(self._poll, _is_temporary))["status"] in _UNFINISHED:
            pass
        return task

    async def _poll(self) -> Any:
        # A server that accepts connections and never responds counts as unavailable too.
        async with asyncio.timeout(WAIT_SECONDS + RESPONSE_SECONDS):
            task = await self._client.get(f"/tasks/{segment(await self._creation)}?waitSeconds={WAIT_SECONDS}")
        if not isinstance(task, dict) or task.get("status") not in (*_UNFINISHED, "succeeded", "failed", "cancelled"):
            raise ProtocolError("The server sent something that is not a task.")
        return task

    async def _stop(self) -> None:
        try:
            path = f"/tasks/{segment(await self._creation)}"
            await self._client.outlast(partial(self._client.delete, path), _is_temporary)
            await self._end()
        except ProblemError as error:
            # A task that was not accepted, has ended or has expired has nothing to stop. Any other may still run.
            if is_away(error):
                raise


def _to_json(options: TaskOptions) -> dict[str, Any]:
    """The options as the server reads them."""
    timeout, retry = options.get("timeout"), options.get("retry")
    on_success, on_error = options.get("on_success"), options.get("on_error")
    return given(
        timeoutSeconds=None if timeout == math.inf else timeout,
        ttlSeconds=options.get("ttl"),
        retry=None if retry is None else retry.to_json(),
        onSuccess=None if on_success is None else {"url": on_success},
        onError=None if on_error is None else {"url": on_error},
    )


def _is_temporary(error: Exception) -> bool:
    return is_away(error) or (isinstance(error, ProblemError) and error.status == 429)


class TaskGroup(asyncio.TaskGroup):
    """`asyncio.TaskGroup` whose `create_task` also takes the name and the input of an operation.

    Each is a request; leaving the group with an exception closes their connections, which stops the work.
    client: that of the operations; the one of `asyncio_http.asyncio` unless given.
    """

    def __init__(self, client: Session | None = None) -> None:
        super().__init__()
        self._client = client

    @overload  # type: ignore[override]
    def create_task(
        self,
        coro: Coroutine[Any, Any, _T],
        /,
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[_T]:
        ...

    @overload
    def create_task(self, operation: Operation[_T], /, *args: Any, **input: Any) -> asyncio.Task[_T]:
        ...

    @overload
    def create_task(self, operation: str, /, *args: Any, **input: Any) -> asyncio.Task[Any]:
        ...

    def create_task(self, coro: Any, /, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """Starts a coroutine, such as a call, or an operation with its input, in the group."""
        if isinstance(coro, (str, Operation)):
            return super().create_task(Call(operation_name(coro), args, kwargs, self._client))
        return super().create_task(coro, *args, **kwargs)
