"""The multiprocessing half: a pool whose processes are the server's cores."""

from __future__ import annotations

import concurrent.futures
import ssl
import threading
import warnings
import weakref
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from .background import BackgroundLoop
from .client import MAX_RESPONSE_BYTES, Client, Operation, operation_name
from .imap import IMapIterator, TimeoutError
from .problems import ProblemError
from .session import HEARTBEAT, encode, given, segment

MAX_ITEMS = 1_000_000
MAX_BODY_BYTES = 10 * 1024 * 1024
"""The server's default limits of one map. If a server has lower ones, the client sends a refused part in halves."""

Function = str | Operation
Callback = Callable[[Any], object]


class AsyncResult:
    """A result that is not there yet: `multiprocessing.pool.AsyncResult`."""

    def __init__(self, future: concurrent.futures.Future[Any]) -> None:
        self._future = future

    def get(self, timeout: float | None = None) -> Any:
        """The result. Raises TimeoutError after timeout seconds, and CancelledError when the pool was terminated."""
        self.wait(timeout)
        if not self.ready():
            raise TimeoutError
        return self._future.result()

    def wait(self, timeout: float | None = None) -> None:
        """Waits for the result, at most timeout seconds."""
        concurrent.futures.wait([self._future], timeout)

    def ready(self) -> bool:
        """Whether the call has ended."""
        return self._future.done()

    def successful(self) -> bool:
        """Whether the call ended without an exception. Raises ValueError before it has ended."""
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return not self._future.cancelled() and self._future.exception() is None


class Pool:
    """`multiprocessing.Pool` whose functions are operations of a server.

    A function is the name of an operation, or an Operation. It is of kind cpu; `apply` takes kind io too. An item is
    the value of the operation's first property, or a dict with its whole input; with `starmap` the values of its
    properties in order. processes: how many of the server's threads one map may use; all of them unless given. The
    other arguments are those of `Client`. Any thread may use a pool.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        processes: int | None = None,
        ssl: ssl.SSLContext | None = None,
        retries: int = 2,
        connect_timeout: float = 10,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ) -> None:
        if processes is not None and processes < 1:
            raise ValueError("Number of processes must be at least 1")
        self._processes = processes
        self._client = Client(
            url,
            key,
            ssl=ssl,
            retries=retries,
            connect_timeout=connect_timeout,
            max_response_bytes=max_response_bytes,
        )
        self._is_closed = False
        self._is_joined = False
        self._lock = threading.Lock()
        self._results: set[concurrent.futures.Future[Any]] = set()
        self._iterators: weakref.WeakSet[IMapIterator] = weakref.WeakSet()
        self._background = BackgroundLoop(self._client)

    def apply(self, func: Function, args: Iterable[Any] = (), kwds: Mapping[str, Any] | None = None) -> Any:
        """Runs an operation once, of kind io or cpu, and returns its result."""
        return self.apply_async(func, args, kwds).get()

    def apply_async(
        self,
        func: Function,
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] | None = None,
        callback: Callback | None = None,
        error_callback: Callback | None = None,
    ) -> AsyncResult:
        """`apply` that returns at once. The callbacks run in the thread of the pool, so they should be short."""
        call = self._client.call(operation_name(func), *args, **(kwds or {}))
        return self._start(call.run(), callback, error_callback)

    def map(self, func: Function, iterable: Iterable[Any], chunksize: int | None = None) -> list[Any]:
        """The result of each item, in order. Raises the first exception of an item.

        chunksize: how many items a thread of the server takes at a time; it adapts unless given.
        """
        results: list[Any] = self.map_async(func, iterable, chunksize).get()
        return results

    def map_async(
        self,
        func: Function,
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Callback | None = None,
        error_callback: Callback | None = None,
    ) -> AsyncResult:
        """`map` that returns at once."""
        return self._start(self._map(operation_name(func), list(iterable), chunksize, False), callback, error_callback)

    def starmap(self, func: Function, iterable: Iterable[Iterable[Any]], chunksize: int | None = None) -> list[Any]:
        """`map` whose items are tuples of arguments."""
        results: list[Any] = self.starmap_async(func, iterable, chunksize).get()
        return results

    def starmap_async(
        self,
        func: Function,
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callback | None = None,
        error_callback: Callback | None = None,
    ) -> AsyncResult:
        """`starmap` that returns at once."""
        items = [tuple(item) for item in iterable]
        return self._start(self._map(operation_name(func), items, chunksize, True), callback, error_callback)

    def imap(self, func: Function, iterable: Iterable[Any], chunksize: int = 1) -> IMapIterator:
        """An iterator over the results, in order, which come while a thread still reads the items.

        The iterable may be endless: it is read only some MiB ahead of the results. The exception of an item is raised
        in its place, and the next result follows. chunksize: how many items are sent at a time.
        """
        return self._imap(func, iterable, chunksize, is_ordered=True)

    def imap_unordered(self, func: Function, iterable: Iterable[Any], chunksize: int = 1) -> IMapIterator:
        """`imap` in the order in which the results are ready."""
        return self._imap(func, iterable, chunksize, is_ordered=False)

    def close(self) -> None:
        """Refuses further work. Running work continues."""
        self._is_closed = True

    def terminate(self) -> None:
        """Stops everything, at the server too. Results that are not there yet raise CancelledError."""
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
        with self._lock:
            results = list(self._results)
        concurrent.futures.wait(results)
        self._is_joined = True
        if not self._iterators:
            self._background.stop()
            self._background.join()

    def __enter__(self) -> Pool:
        if self._is_closed:
            raise ValueError("Pool not running")
        return self

    def __exit__(self, *error: object) -> None:
        self.terminate()

    def __del__(self) -> None:
        if hasattr(self, "_background") and self._background.is_running:
            warnings.warn(f"unclosed pool {self!r}", ResourceWarning, source=self)
            self._background.stop()

    def _start(
        self, work: Coroutine[Any, Any, Any], callback: Callback | None, error_callback: Callback | None
    ) -> AsyncResult:
        async def run() -> Any:
            try:
                result = await work
            except Exception as error:
                if error_callback is not None:
                    error_callback(error)
                raise
            if callback is not None:
                callback(result)
            return result

        if self._is_closed:
            work.close()
            raise ValueError("Pool not running")
        future = self._background.submit(run())
        with self._lock:
            self._results.add(future)
        future.add_done_callback(self._forget)
        return AsyncResult(future)

    def _forget(self, future: concurrent.futures.Future[Any]) -> None:
        with self._lock:
            self._results.discard(future)

    async def _map(self, name: str, items: list[Any], chunksize: int | None, is_starmap: bool) -> list[Any]:
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
                response = await self._client.post(f"/map/{segment(name)}", body)
            except ProblemError as error:
                # An operation of kind cpu is a function of its input alone, so it can be computed again.
                if error.slug == "too-large" and len(part) > 1:
                    size = (len(part) + 1) // 2
                    continue
                if isinstance(error.problem.get("index"), int):
                    error.problem["index"] += len(results)
                raise
            results += response["results"]
        return results

    def _imap(self, func: Function, iterable: Iterable[Any], chunksize: int, *, is_ordered: bool) -> IMapIterator:
        if chunksize < 1:
            raise ValueError(f"Chunksize must be 1+, not {chunksize}")
        if self._is_closed:
            raise ValueError("Pool not running")
        options = {"ordered": str(is_ordered).lower(), "returnExceptions": "true"}
        if self._processes is not None:
            options["workers"] = str(self._processes)
        path = f"/map/{segment(operation_name(func))}?{HEARTBEAT}&{urlencode(options)}"
        iterator = IMapIterator(self._background, self._client, path, iter(iterable), chunksize, self._ended)
        self._iterators.add(iterator)
        return iterator

    def _ended(self, iterator: IMapIterator) -> None:
        self._iterators.discard(iterator)
        if self._is_joined and not self._iterators:
            self._background.stop()
