"""What a pool is made of: the thread that its client runs on, and the work that it has."""

from __future__ import annotations

import concurrent.futures
import functools
import operator
import threading
import warnings
import weakref
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar, Union
from urllib.parse import urlencode

from .background import BackgroundLoop
from .calls import Call, Operation, bind, operation_name
from .imap import IMapIterator, TimeoutError
from .problems import ProblemError
from .session import HEARTBEAT, Session, encode, given, segment

MAX_ITEMS = 1_000_000
MAX_BODY_BYTES = 10 * 1024 * 1024
"""The server's default limits of one map. If a server has lower ones, the client sends a refused part in halves."""

_T = TypeVar("_T")
Function = Union[Operation[_T], "functools.partial[Call[_T]]"]
"""What a pool runs, besides the name of an operation: an Operation, or a `functools.partial` of one."""
Callback = Callable[[_T], object]
ErrorCallback = Callable[[BaseException], object]


class AsyncResult(Generic[_T]):
    """A result that is not there yet: `multiprocessing.pool.AsyncResult`."""

    def __init__(self, background: BackgroundLoop, future: concurrent.futures.Future[_T]) -> None:
        self._background = background
        self._future = future

    def get(self, timeout: float | None = None) -> _T:
        """The result. Raises TimeoutError after timeout seconds, and CancelledError when the pool was terminated."""
        self.wait(timeout)
        if not self.ready():
            raise TimeoutError
        return self._future.result()

    def wait(self, timeout: float | None = None) -> None:
        """Waits for the result, at most timeout seconds."""
        self._background.check_process()
        concurrent.futures.wait([self._future], timeout)

    def ready(self) -> bool:
        """Whether the call has ended."""
        return self._future.done()

    def successful(self) -> bool:
        """Whether the call ended without an exception. Raises ValueError before it has ended."""
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return not self._future.cancelled() and self._future.exception() is None


class Workers:
    """The life of a pool, and how it sends its work."""

    _limit = "workers"
    """The option of a map that the number of processes is."""

    def __init__(self, client: Session, processes: int | None) -> None:
        self._processes = None if processes is None else operator.index(processes)
        if self._processes is not None and self._processes < 1:
            raise ValueError("Number of processes must be at least 1")
        self._client = client
        self._is_closed = False
        self._is_joined = False
        self._lock = threading.Lock()
        self._results: set[concurrent.futures.Future[Any]] = set()
        self._iterators: weakref.WeakSet[IMapIterator[Any]] = weakref.WeakSet()
        self._background = BackgroundLoop(client)

    def close(self) -> None:
        """Refuses further work. Running work continues."""
        self._is_closed = True

    def terminate(self) -> None:
        """Stops everything, at the server too. Results that are not there yet raise CancelledError."""
        if self._background.is_forked:
            return
        self._is_closed = True
        for iterator in list(self._iterators):
            iterator.end(concurrent.futures.CancelledError())
        with self._lock:
            results = list(self._results)
        for result in results:
            result.cancel()
        self._background.stop()
        self._background.join()

    def join(self) -> None:
        """Waits for the results of a closed pool. Iterators that are not at their end can still be read."""
        if not self._is_closed:
            raise ValueError("Pool is still running")
        self._background.check_process()
        with self._lock:
            results = list(self._results)
        concurrent.futures.wait(results)
        self._is_joined = True
        if not self._iterators:
            self._background.stop()
            self._background.join()

    def __del__(self) -> None:
        if hasattr(self, "_background") and self._background.is_running:
            warnings.warn(f"unclosed pool {self!r}", ResourceWarning, source=self)
            self._background.stop()

    def _start(
        self,
        work: Coroutine[Any, Any, _T],
        callback: Callback[_T] | None,
        error_callback: ErrorCallback | None,
    ) -> AsyncResult[_T]:
        async def run() -> _T:
            try:
                result = await work
            except Exception as error:
                if error_callback is not None:
                    error_callback(error)
                raise
            if callback is not None:
                callback(result)
            return result

        running = run()
        try:
            self._check_running()
            future = self._background.submit(running)
        except BaseException:
            running.close()
            work.close()
            raise
        with self._lock:
            self._results.add(future)
        future.add_done_callback(self._forget)
        return AsyncResult(self._background, future)

    def _check_running(self) -> None:
        self._background.check_process()
        if self._is_closed:
            raise ValueError("Pool not running")

    def _forget(self, future: concurrent.futures.Future[Any]) -> None:
        with self._lock:
            self._results.discard(future)

    def _call(self, func: str | Function[Any], args: Iterable[Any], kwds: Mapping[str, Any]) -> Call[Any]:
        return bound_call(func, args, kwds, self._client)

    def _map(
        self, func: str | Function[Any], items: list[Any], chunksize: int | None, *, is_starmap: bool
    ) -> Coroutine[Any, Any, list[Any]]:
        return self._map_bound(_bound(func), items, chunksize, is_starmap)

    async def _map_bound(self, func: Bound, items: list[Any], chunksize: int | None, is_starmap: bool) -> list[Any]:
        items, is_starmap = await self._complete(func, items, is_starmap)
        options = given(starmap=is_starmap, workers=self._processes, chunkSize=chunksize)
        results: list[Any] = []
        size = MAX_ITEMS
        while len(results) < len(items):
            part = items[len(results) : len(results) + size]
            body = encode({"items": part, **options})
            if len(body) > MAX_BODY_BYTES and len(part) > 1:
                size = max(1, min(len(part) // 2, int(0.9 * len(part) * MAX_BODY_BYTES / len(body))))
                continue
            try:
                response = await self._client.post(f"/map/{segment(func.operation)}", body)
            except ProblemError as error:
                # An operation of kind cpu is a function of its input alone, so it can be computed again.
                is_halved = error.slug == "too-large" and len(part) > 1
                if is_halved and await self._client.kind(func.operation) == "cpu":
                    size = (len(part) + 1) // 2
                    continue
                if isinstance(error.problem.get("index"), int):
                    error.problem["index"] += len(results)
                raise
            results += response["results"]
        return results

    async def _complete(self, func: Bound, items: list[Any], is_starmap: bool) -> tuple[list[Any], bool]:
        """The inputs of a partial's items. Those of any other function are what they are."""
        if not func.is_partial:
            return items, is_starmap
        names = await self._client.properties(func.operation)
        return [func.complete(names, item, is_starmap) for item in items], False

    def _imap(
        self, func: str | Function[Any], iterable: Iterable[Any], chunksize: int, *, is_ordered: bool
    ) -> IMapIterator[Any]:
        if chunksize < 1:
            raise ValueError(f"Chunksize must be 1+, not {chunksize}")
        self._check_running()
        bound = _bound(func)
        items = self._inputs(bound, iter(iterable)) if bound.is_partial else iter(iterable)
        options = {"ordered": str(is_ordered).lower(), "returnExceptions": "true"}
        if self._processes is not None:
            options[self._limit] = str(self._processes)
        path = f"/map/{segment(bound.operation)}?{HEARTBEAT}&{urlencode(options)}"
        iterator: IMapIterator[Any] = IMapIterator(
            self._background, self._client, path, items, chunksize, self._ended
        )
        self._iterators.add(iterator)
        return iterator

    def _inputs(self, func: Bound, items: Iterator[Any]) -> Iterator[Any]:
        """The inputs of a partial's items. The thread that reads the items asks for the names too."""
        names = self._background.submit(self._client.properties(func.operation)).result()
        for item in items:
            yield func.complete(names, item, False)

    def _ended(self, iterator: IMapIterator[Any]) -> None:
        self._iterators.discard(iterator)
        if self._is_joined and not self._iterators:
            self._background.stop()


class Bound(NamedTuple):
    """An operation with the arguments that a partial of it has already."""

    operation: str
    args: tuple[Any, ...]
    input: dict[str, Any]

    @property
    def is_partial(self) -> bool:
        return bool(self.args or self.input)

    def complete(self, names: Sequence[str], item: Any, is_starmap: bool) -> dict[str, Any]:
        """The input with the other arguments, which an item gives by position, or as a dict by name."""
        if isinstance(item, dict) and not is_starmap:
            return bind(self.operation, names, self.args, {**self.input, **item})
        return bind(self.operation, names, (*self.args, *(item if is_starmap else (item,))), self.input)


def bound_call(func: str | Function[Any], args: Iterable[Any], kwds: Mapping[str, Any], client: Session) -> Call[Any]:
    """The call of a function with further arguments."""
    bound = _bound(func)
    return Call(bound.operation, (*bound.args, *args), {**bound.input, **kwds}, client)


def _bound(func: object) -> Bound:
    if isinstance(func, functools.partial):
        # A call knows which property an argument by name is.
        return Bound(operation_name(func.func), func.args, Call("", (), func.keywords, None).input)
    return Bound(operation_name(func), (), {})
