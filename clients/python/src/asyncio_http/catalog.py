"""What names an operation by a string. No operation is known here, so results are of any type.

The overloads are also the source of `stubs`, which puts the operations of a server in the place of `str`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any, TypeVar, Unpack, overload

from .calls import Call, Operation, operation_name
from .imap import IMapIterator
from .session import Session
from .tasks import Task, TaskOptions
from .workers import AsyncResult, Callback, ErrorCallback, Function, Workers

_T = TypeVar("_T")


def operation(name: str) -> Operation[Any]:
    """Names an operation of the server, such as `math.square`. Its calls use the client of `asyncio_http.asyncio`."""
    return Operation(name)


class Calls(Session):
    """The methods of `Client` that take the name and the input of an operation."""

    @overload
    def call(self, operation: Operation[_T], /, *args: Any, **input: Any) -> Call[_T]:
        ...

    @overload
    def call(self, operation: str, /, *args: Any, **input: Any) -> Call[Any]:
        ...

    def call(self, operation: str | Operation[Any], /, *args: Any, **input: Any) -> Call[Any]:
        """A call of an operation, which is sent when it is awaited.

        Arguments by name are the properties of the operation's input; `from_` is the property `from`, and so for each
        keyword of Python. Arguments by position go to its properties in the order of the catalog, which the client
        reads once for each operation.
        """
        return Call(operation_name(operation), args, input, self)

    @overload
    def create_task(self, call: Call[_T], /, **options: Unpack[TaskOptions]) -> Task[_T]:
        ...

    @overload
    def create_task(self, operation: Operation[_T], /, *args: Any, **input: Any) -> Task[_T]:
        ...

    @overload
    def create_task(self, operation: str, /, *args: Any, **input: Any) -> Task[Any]:
        ...

    def create_task(self, call: Call[Any] | str | Operation[Any], /, *args: Any, **kwargs: Any) -> Task[Any]:
        """Starts a task at the server and returns at once, as `asyncio.create_task` does.

        With a Call, arguments by name are the options of the task, see TaskOptions. With an operation they are its
        input.
        """
        if isinstance(call, Call):
            return Task(self, call, *args, **kwargs)
        return Task(self, self.call(call, *args, **kwargs))

    @overload
    def stream(self, call: Call[_T] | Operation[_T], /, *args: Any, **input: Any) -> AsyncGenerator[_T, None]:
        ...

    @overload
    def stream(self, operation: str, /, *args: Any, **input: Any) -> AsyncGenerator[Any, None]:
        ...

    def stream(self, call: Call[Any] | str | Operation[Any], /, *args: Any, **input: Any) -> AsyncGenerator[Any, None]:
        """Yields each value of a stream operation when the server sends it. Leaving the loop stops the operation."""
        return (call if isinstance(call, Call) else self.call(call, *args, **input)).stream(self)


class Maps(Workers):
    """The methods of `Pool`, whose functions are operations."""

    @overload
    def apply(self, func: Function[_T], args: Iterable[Any] = (), kwds: Mapping[str, Any] | None = None) -> _T:
        ...

    @overload
    def apply(self, func: str, args: Iterable[Any] = (), kwds: Mapping[str, Any] | None = None) -> Any:
        ...

    def apply(self, func: str | Function[Any], args: Iterable[Any] = (), kwds: Mapping[str, Any] | None = None) -> Any:
        """Runs an operation once, of kind io or cpu, and returns its result."""
        return self.apply_async(func, args, kwds).get()

    @overload
    def apply_async(
        self,
        func: Function[_T],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] | None = None,
        callback: Callback[_T] | None = None,
        error_callback: ErrorCallback | None = None,
    ) -> AsyncResult[_T]:
        ...

    @overload
    def apply_async(
        self,
        func: str,
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] | None = None,
        callback: Callback[Any] | None = None,
        error_callback: ErrorCallback | None = None,
    ) -> AsyncResult[Any]:
        ...

    def apply_async(
        self,
        func: str | Function[Any],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] | None = None,
        callback: Callback[Any] | None = None,
        error_callback: ErrorCallback | None = None,
    ) -> AsyncResult[Any]:
        """`apply` that returns at once. The callbacks run in the thread of the pool, so they should be short."""
        return self._start(self._call(func, args, kwds or {}).run(), callback, error_callback)

    @overload
    def map(self, func: Function[_T], iterable: Iterable[Any], chunksize: int | None = None) -> list[_T]:
        ...

    @overload
    def map(self, func: str, iterable: Iterable[Any], chunksize: int | None = None) -> list[Any]:
        ...

    def map(self, func: str | Function[Any], iterable: Iterable[Any], chunksize: int | None = None) -> list[Any]:
        """The result of each item, in order. Raises the first exception of an item.

        chunksize: how many items a thread of the server takes at a time; it adapts unless given.
        """
        return self.map_async(func, iterable, chunksize).get()

    @overload
    def map_async(
        self,
        func: Function[_T],
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Callback[list[_T]] | None = None,
        error_callback: ErrorCallback | None = None,
    ) -> AsyncResult[list[_T]]:
        ...

    @overload
    def map_async(
        self,
        func: str,
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Callback[list[Any]] | None = None,
        error_callback: ErrorCallback | None = None,
    ) -> AsyncResult[list[Any]]:
        ...

    def map_async(
        self,
        func: str | Function[Any],
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Callback[list[Any]] | None = None,
        error_callback: ErrorCallback | None = None,
    ) -> AsyncResult[list[Any]]:
        """`map` that returns at once."""
        work = self._map(func, list(iterable), chunksize, is_starmap=False)
        return self._start(work, callback, error_callback)

    @overload
    def starmap(self, func: Function[_T], iterable: Iterable[Iterable[Any]], chunksize: int | None = None) -> list[_T]:
        ...

    @overload
    def starmap(self, func: str, iterable: Iterable[Iterable[Any]], chunksize: int | None = None) -> list[Any]:
        ...

    def starmap(
        self,
        func: str | Function[Any],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
    ) -> list[Any]:
        """`map` whose items are tuples of arguments."""
        return self.starmap_async(func, iterable, chunksize).get()

    @overload
    def starmap_async(
        self,
        func: Function[_T],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callback[list[_T]] | None = None,
        error_callback: ErrorCallback | None = None,
    ) -> AsyncResult[list[_T]]:
        ...

    @overload
    def starmap_async(
        self,
        func: str,
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callback[list[Any]] | None = None,
        error_callback: ErrorCallback | None = None,
    ) -> AsyncResult[list[Any]]:
        ...

    def starmap_async(
        self,
        func: str | Function[Any],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callback[list[Any]] | None = None,
        error_callback: ErrorCallback | None = None,
    ) -> AsyncResult[list[Any]]:
        """`starmap` that returns at once."""
        items = [tuple(item) for item in iterable]
        work = self._map(func, items, chunksize, is_starmap=True)
        return self._start(work, callback, error_callback)

    @overload
    def imap(self, func: Function[_T], iterable: Iterable[Any], chunksize: int = 1) -> IMapIterator[_T]:
        ...

    @overload
    def imap(self, func: str, iterable: Iterable[Any], chunksize: int = 1) -> IMapIterator[Any]:
        ...

    def imap(self, func: str | Function[Any], iterable: Iterable[Any], chunksize: int = 1) -> IMapIterator[Any]:
        """An iterator over the results, in order, which come while a thread still reads the items.

        The iterable may be endless: it is read only some MiB ahead of the results. The exception of an item is raised
        in its place, and the next result follows. chunksize: how many items are sent at a time.
        """
        return self._imap(func, iterable, chunksize, is_ordered=True)

    @overload
    def imap_unordered(self, func: Function[_T], iterable: Iterable[Any], chunksize: int = 1) -> IMapIterator[_T]:
        ...

    @overload
    def imap_unordered(self, func: str, iterable: Iterable[Any], chunksize: int = 1) -> IMapIterator[Any]:
        ...

    def imap_unordered(
        self,
        func: str | Function[Any],
        iterable: Iterable[Any],
        chunksize: int = 1,
    ) -> IMapIterator[Any]:
        """`imap` in the order in which the results are ready."""
        return self._imap(func, iterable, chunksize, is_ordered=False)
