"""An event loop in a thread of its own, for callers that have none."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine
from typing import TypeVar

from .session import Session

_T = TypeVar("_T")


class BackgroundLoop:
    """The loop on which a client runs. The client is closed when the loop stops."""

    def __init__(self, client: Session) -> None:
        started: concurrent.futures.Future[
            tuple[asyncio.AbstractEventLoop, asyncio.Event]
        ] = concurrent.futures.Future()

        async def serve() -> None:
            stop = asyncio.Event()
            try:
                started.set_result((asyncio.get_running_loop(), stop))
                await stop.wait()
            finally:
                await client.close()

        self._process = os.getpid()
        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), name="asyncio_http", daemon=True)
        self._thread.start()
        self.loop: asyncio.AbstractEventLoop
        self.loop, self._stop = started.result()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    @property
    def is_forked(self) -> bool:
        """Whether this is a fork of the process that the thread is in."""
        return os.getpid() != self._process

    def check_process(self) -> None:
        """Raises RuntimeError in a fork of the process, where nothing would ever end."""
        if self.is_forked:
            raise RuntimeError("The pool belongs to another process. Create one after the fork.")

    def submit(self, work: Coroutine[object, object, _T]) -> concurrent.futures.Future[_T]:
        """Runs a coroutine on the loop. Stopping the loop cancels it."""
        self.check_process()
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def call_soon(self, function: Callable[[], object]) -> None:
        """Runs a function on the loop, if the loop still runs."""
        try:
            self.loop.call_soon_threadsafe(function)
        except RuntimeError:
            # The loop has closed, and with it everything that the function could change.
            pass

    def stop(self) -> None:
        """Stops the loop, without waiting for it."""
        self.call_soon(self._stop.set)

    def join(self) -> None:
        """Waits until the loop has stopped."""
        self._thread.join()
