"""A call of an operation, and an operation as a function."""

from __future__ import annotations

import keyword
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .session import HEARTBEAT, segment

if TYPE_CHECKING:
    from .session import Session

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


class Call(Coroutine[Any, Any, _T_co]):
    """A call of an operation that has not been sent.

    Awaiting it sends it, and gives the operation's result. `async for` sends it as a stream, and gives each value.
    It is a coroutine, so functions for coroutines accept it: `asyncio.create_task(call)`, `asyncio.wait_for(call, 1)`.
    Unlike a coroutine it may be awaited again, which sends it again.
    """

    def __init__(self, operation: str, args: Sequence[Any], input: dict[str, Any], client: Session | None) -> None:
        self.operation = operation
        self.args = args
        self.input: dict[str, Any] = {_property(name): value for name, value in input.items()}
        self._client = client
        self._running: Generator[Any, Any, Any] | None = None

    @property
    def client(self) -> Session:
        """The client that sends the call."""
        if self._client is None:
            from .client import current_client

            return current_client()
        return self._client

    async def run(self, timeout: float | None = None) -> _T_co:
        """Awaits the call with a timeout in seconds, after which the server stops the operation."""
        return self.result_of(await self.client.within(timeout, self._send))

    def result_of(self, value: Any) -> _T_co:
        """The result of the call, whose value in the response is this."""
        result: _T_co = value
        return result

    async def bind(self, client: Session) -> dict[str, Any]:
        """The input, including its positional arguments."""
        if not self.args:
            return self.input
        return bind(self.operation, await client.properties(self.operation), self.args, self.input)

    async def stream(self, client: Session) -> AsyncGenerator[_T_co, None]:
        """Yields each value of a stream operation when the server sends it. Leaving the loop stops the operation."""
        is_complete = False
        # The loop goes on after the last line, so that the connection can be reused.
        async for line in client.lines(f"/stream/{segment(self.operation)}?{HEARTBEAT}", await self.bind(client)):
            if "end" in line:
                is_complete = True
            else:
                yield line["value"]
        if not is_complete:
            raise ConnectionResetError("The stream ended before its last line.")

    async def _send(self, timeout: float | None) -> Any:
        client = self.client
        query = "" if timeout is None else f"?timeoutSeconds={timeout}"
        body = await client.post(f"/await/{segment(self.operation)}{query}", await self.bind(client))
        return body["result"]

    def __await__(self) -> Generator[Any, Any, _T_co]:
        return self.run().__await__()

    def __aiter__(self) -> AsyncIterator[_T_co]:
        return self.stream(self.client)

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


class Operation(Generic[_T]):
    """An operation of the server as a function: calling it gives a Call. `Pool` accepts it as a function too."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, /, *args: Any, **input: Any) -> Call[_T]:
        return Call(self.__name__, args, input, None)

    def __repr__(self) -> str:
        return f"<Operation {self.__name__}>"


def operation_name(operation: object) -> str:
    """The name of an operation, given as that or as an Operation."""
    if isinstance(operation, str):
        return operation
    if isinstance(operation, Operation):
        return operation.__name__
    raise TypeError(f"Not an operation: {operation!r}. Name one by a string or by asyncio_http.operation(name).")


def bind(operation: str, names: Sequence[str], args: Sequence[Any], input: dict[str, Any]) -> dict[str, Any]:
    """The input whose properties have these names in order, with arguments by position and by name."""
    if len(args) > len(names):
        raise TypeError(f"{operation} takes {len(names)} arguments, not {len(args)}: {', '.join(names)}")
    by_position = dict(zip(names, args))
    if twice := by_position.keys() & input.keys():
        raise TypeError(f"{operation} got two values for {', '.join(sorted(twice))}")
    return by_position | input


def _property(name: str) -> str:
    """The property that an argument names. A keyword of Python, such as from, cannot be one: `from_` names it."""
    return name[:-1] if name.endswith("_") and keyword.iskeyword(name[:-1]) else name
