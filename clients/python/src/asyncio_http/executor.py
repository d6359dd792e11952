"""Executors whose work is calls of a server's operations, with the futures of `concurrent.futures`."""

from __future__ import annotations

import atexit
import asyncio
import concurrent.futures
import itertools
import operator
import ssl
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar, overload

from .background import BackgroundLoop
from .calls import Call
from .client import MAX_RESPONSE_BYTES, Client
from .workers import Function, bound_call

_T = TypeVar("_T")

DEFAULT_WORKERS = 100


class ThreadPoolExecutor(concurrent.futures.Executor):
    """`concurrent.futures.ThreadPoolExecutor` whose functions are operations of a server, of kind io or cpu.

    A function is the name of an operation, an Operation, or a `functools.partial` of one.
    max_workers: how many calls run at once; 100 unless given. Further ones wait in the client, and can be cancelled.
    The other arguments are those of `Client`. Any thread of this process may use an executor.
    """

    _has_chunks = False

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        max_workers: int | None = None,
        ssl: ssl.SSLContext | None = None,
        retries: int = 2,
        connect_timeout: float = 10,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ) -> None:
        workers = DEFAULT_WORKERS if max_workers is None else operator.index(max_workers)
        if workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        self._client = Client(
            url,
            key,
            ssl=ssl,
            retries=retries,
            connect_timeout=connect_timeout,
            max_response_bytes=max_response_bytes,
        )
        self._room = asyncio.Semaphore(workers)
        self._lock = threading.Lock()
        self._futures: set[Future[Any]] = set()
        self._is_shut_down = False
        self._background = BackgroundLoop(self._client)
        _executors.add(self)

    # A function of this program cannot run at the server, so the types are narrower than those of an Executor.
    @overload  # type: ignore[override]
    def submit(self, fn: Function[_T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        ...

    @overload
    def submit(self, fn: str, /, *args: Any, **kwargs: Any) -> Future[Any]:
        ...

    def submit(self, fn: str | Function[Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Calls an operation. Returns the future of its result."""
        return self._submit(bound_call(fn, args, kwargs, self._client).run)

    @overload  # type: ignore[override]
    def map(
        self,
        fn: Function[_T],
        /,
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[_T]:
        ...

    @overload
    def map(
        self,
        fn: str,
        /,
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[Any]:
        ...

    def map(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        fn: str | Function[Any],
        /,
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[Any]:
        """The results of the calls with an item of each iterable, in order. `Executor.map` of Python 3.14.

        timeout: seconds from now, after which the iterator raises TimeoutError. chunksize has no effect, except in a
        ProcessPoolExecutor. buffersize: how many calls are submitted whose results have not been read; the iterables
        are read no further. Without it all of them are submitted at once.
        """
        if buffersize is not None and not isinstance(buffersize, int):
            raise TypeError("buffersize must be an integer or None")
        if buffersize is not None and buffersize < 1:
            raise ValueError("buffersize must be None or > 0")
        if self._has_chunks and chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        end = None if timeout is None else time.monotonic() + timeout

        def submit(chunk: list[tuple[Any, ...]]) -> Future[list[Any]]:
            calls = [bound_call(fn, args, {}, self._client) for args in chunk]
            return self._submit(lambda: _one_after_the_other(self._client, calls))

        items = zip(*iterables)
        size = chunksize if self._has_chunks else 1
        submitted = map(submit, iter(lambda: list(itertools.islice(items, size)), []))
        # Now, not when the first result is asked for.
        futures = deque(itertools.islice(submitted, buffersize))
        results: Iterator[list[Any]] = _results(futures, submitted, end)
        return itertools.chain.from_iterable(results)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuses further work. wait: returns when the calls have ended. cancel_futures: cancels those that wait."""
        if self._background.is_forked:
            return
        with self._lock:
            self._is_shut_down = True
            futures = list(self._futures)
        if cancel_futures:
            for future in futures:
                future.cancel()
        if not futures:
            self._background.stop()
        if wait:
            self._background.join()

    def __del__(self) -> None:
        # Work keeps its executor alive, so there is none.
        if hasattr(self, "_background"):
            self._background.stop()

    def _submit(self, work: Callable[[], Coroutine[Any, Any, _T]]) -> Future[_T]:
        self._background.check_process()
        future: Future[_T] = Future()
        with self._lock:
            if self._is_shut_down:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._futures.add(future)
            self._background.submit(self._run(future, work))
        return future

    async def _run(self, future: Future[_T], work: Callable[[], Coroutine[Any, Any, _T]]) -> None:
        async with self._room:
            if future.set_running_or_notify_cancel():
                try:
                    result = await work()
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
        with self._lock:
            self._futures.discard(future)
            is_last = self._is_shut_down and not self._futures
        if is_last:
            self._background.stop()


class ProcessPoolExecutor(ThreadPoolExecutor):
    """`concurrent.futures.ProcessPoolExecutor` whose functions are operations of a server, of kind cpu or io.

    max_workers: how many requests run at once; 100 unless given. The server's cores compute them. The chunksize of a
    map is how many calls are one request, which runs one after the other and fails as a whole; buffersize counts these
    requests. Everything else is as in `ThreadPoolExecutor`.
    """

    _has_chunks = True


async def _one_after_the_other(client: Client, calls: list[Call[Any]]) -> list[Any]:
    return [await calls[0].run()] if len(calls) == 1 else list(await client.gather(*calls, max_concurrency=1))


def _results(futures: deque[Future[_T]], more: Iterator[Future[_T]], end: float | None) -> Iterator[_T]:
    try:
        while futures:
            # The next one is submitted first, so that as many run while this result is waited for.
            futures.extend(itertools.islice(more, 1))
            yield _result_or_cancel(futures.popleft(), end)
    finally:
        for future in futures:
            future.cancel()


def _result_or_cancel(future: Future[_T], end: float | None) -> _T:
    try:
        return future.result(None if end is None else end - time.monotonic())
    finally:
        future.cancel()


_executors: weakref.WeakSet[ThreadPoolExecutor] = weakref.WeakSet()


@atexit.register
def _finish() -> None:
    """Waits for what is still running, as concurrent.futures does before the program ends."""
    for executor in list(_executors):
        executor.shutdown()
