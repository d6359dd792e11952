"""`imap`: items go up and results come down at once, over one connection, in constant memory."""

from __future__ import annotations

import asyncio
import builtins
import concurrent.futures
import multiprocessing
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

from .background import BackgroundLoop
from .http import Response
from .problems import problem_error
from .session import Session, decode, encode

WINDOW_BYTES = 64 * 1024
"""How many bytes of items wait for the connection. The connection and the server hold some MiB more."""


_T = TypeVar("_T")


class TimeoutError(multiprocessing.TimeoutError, builtins.TimeoutError):
    """A result did not arrive within the reader's timeout: multiprocessing's TimeoutError, and the built-in one."""


class IMapIterator(Iterator[_T]):
    """The results of `Pool.imap` or `Pool.imap_unordered`. Closing or dropping it stops the work at the server."""

    def __init__(
        self,
        background: BackgroundLoop,
        session: Session,
        path: str,
        items: Iterator[Any],
        chunksize: int,
        on_end: Callable[[IMapIterator[_T]], object],
    ) -> None:
        self._background = background
        self._on_end = on_end
        self._results: deque[dict[str, Any]] = deque()
        self._error: BaseException | None = None
        self._is_ended = False
        # Neither the thread nor the loop knows the iterator, so one that is dropped is collected.
        self._upload = _Upload(background)
        self._exchange = _Exchange(session, path, self._upload)
        self._block = background.submit(self._exchange.read())
        feeder = threading.Thread(
            target=_feed, args=(items, chunksize, self._upload), name="asyncio_http.imap", daemon=True
        )
        feeder.start()

    def __next__(self) -> _T:
        return self.next()

    def next(self, timeout: float | None = None) -> _T:
        """The next result. Raises the exception of its item, and TimeoutError after timeout seconds."""
        self._background.check_process()
        while not self._results:
            if self._is_ended:
                error, self._error = self._error, None
                raise error or StopIteration
            self._receive(timeout)
        result = self._results.popleft()
        if "error" in result:
            raise problem_error(result["error"])
        value: _T = result["result"]
        return value

    def close(self) -> None:
        """Ends the iteration."""
        self.end(None)

    def end(self, error: BaseException | None) -> None:
        """Ends the iteration, after the results that are here, with an exception if there is one."""
        if not self._is_ended and not self._background.is_forked:
            self._is_ended = True
            self._error = error
            self._upload.close()
            self._block.cancel()
            self._background.call_soon(self._exchange.close)
            self._on_end(self)

    def __del__(self) -> None:
        if hasattr(self, "_block"):
            self.close()

    def _receive(self, timeout: float | None) -> None:
        concurrent.futures.wait([self._block], timeout)
        if not self._block.done():
            # A block that comes too late for this call is there for the next one.
            raise TimeoutError
        try:
            block = self._block.result()
        except BaseException:
            self.end(None)
            raise
        last = block[-1]
        if "index" not in last:
            block.pop()
            self.end(problem_error(last["error"]) if "error" in last else self._upload.error)
        else:
            self._block = self._background.submit(self._exchange.read())
        self._results.extend(block)


class _Exchange:
    """The request of one imap, on the loop."""

    def __init__(self, session: Session, path: str, upload: _Upload) -> None:
        self._session = session
        self._path = path
        self._upload = upload
        self._response: Response | None = None
        self._lines: AsyncGenerator[list[bytes], None] | None = None

    async def read(self) -> list[dict[str, Any]]:
        """The results that have arrived since the last time, at least one."""
        if self._response is None or self._lines is None:
            headers = {"Content-Type": "application/x-ndjson", "Accept": "application/x-ndjson"}
            self._response = await self._session.open("POST", self._path, headers, self._upload)
            self._lines = self._response.lines()
        lines = await anext(self._lines, None)
        if lines is None:
            raise ConnectionResetError("The stream ended before its last line.")
        block: list[dict[str, Any]] = decode(b"[" + b",".join(lines) + b"]")
        return block

    def close(self) -> None:
        if self._response is not None:
            self._response.close()


class _Upload:
    """Lines on their way from the thread that reads the items to the loop that sends them."""

    def __init__(self, background: BackgroundLoop) -> None:
        self.error: BaseException | None = None
        """The exception of the iterable."""
        self._background = background
        self._changed = threading.Condition()
        self._has_lines = asyncio.Event()
        self._lines: list[bytes] = []
        self._size = 0
        self._is_finished = False
        self._is_closed = False

    def put(self, lines: bytes) -> bool:
        """Adds lines when there is room. Returns False when the request has ended."""
        with self._changed:
            while self._size >= WINDOW_BYTES and not self._is_closed:
                self._changed.wait()
            if not self._lines:
                self._background.call_soon(self._has_lines.set)
            self._lines.append(lines)
            self._size += len(lines)
            return not self._is_closed

    def finish(self) -> None:
        """There are no more lines."""
        with self._changed:
            self._is_finished = True
            self._background.call_soon(self._has_lines.set)

    def close(self) -> None:
        """Nobody sends the lines any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await self._has_lines.wait()
            self._has_lines.clear()
            with self._changed:
                lines, self._lines, self._size = self._lines, [], 0
                is_finished = self._is_finished
                self._changed.notify()
            if lines:
                yield b"".join(lines)
            if is_finished:
                return


def _feed(items: Iterator[Any], chunksize: int, upload: _Upload) -> None:
    lines: list[bytes] = []
    try:
        for item in items:
            lines.append(encode(item) + b"\n")
            if len(lines) >= chunksize:
                if not upload.put(b"".join(lines)):
                    return
                lines.clear()
    except BaseException as error:
        upload.error = error
    if lines:
        upload.put(b"".join(lines))
    upload.finish()
