"""`from asyncio_http import asyncio` in place of `import asyncio`: the names of asyncio, with operations at the server.

The server is the one that the environment variable `FUNCTIONS_BASE_URL` names (`http://127.0.0.1:7071` without it),
with the key in `FUNCTIONS_KEY`. `gather`, `create_task`, `as_completed`, `wait_for` and `TaskGroup` take calls of
operations too. `sleep` waits here; gathered with calls, it is one of them. Every other name is asyncio's own.
"""

# pyright: reportWildcardImportFromLibrary=false

from __future__ import annotations

import asyncio
import contextvars
import math
import sys
from collections.abc import Awaitable, Coroutine, Generator, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from .calls import Call
from .client import close_client, current_client
from .completed import AsCompleted
from .standard import stand_in_for
from .tasks import Task as TaskOfServer
from .tasks import TaskGroup as TaskGroup
from .tasks import TaskOptions

_T = TypeVar("_T")
MAX_SLEEP_SECONDS = 200
"""How long a call may wait: proxies, such as that of Azure, end requests without a response after some minutes."""


class _Sleep(Call[_T]):
    """A call of `delay` that waits here if it is awaited, and at the server among the calls of a gather."""

    def __init__(self, delay: float, result: _T) -> None:
        super().__init__("delay", (), {"seconds": float(max(delay, 0))}, None)
        self._delay = delay
        self._result = result

    async def run(self, timeout: float | None = None) -> _T:
        return await asyncio.wait_for(asyncio.sleep(self._delay, self._result), timeout)

    def result_of(self, value: Any) -> _T:
        return self._result

    def __await__(self) -> Generator[Any, Any, _T]:
        return asyncio.sleep(self._delay, self._result).__await__()


@overload
def create_task(coro: Call[_T], **options: Unpack[TaskOptions]) -> TaskOfServer[_T]:
    ...


@overload
def create_task(
    coro: Coroutine[Any, Any, _T], *, name: str | None = None, context: contextvars.Context | None = None
) -> asyncio.Task[_T]:
    ...


def create_task(coro: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
    """A task of the server for a call, see `Client.create_task`; of asyncio for any other coroutine."""
    if isinstance(coro, Call) and not isinstance(coro, _Sleep):
        return current_client().create_task(coro, **options)
    return asyncio.create_task(coro, **options)


def as_completed(fs: Iterable[Awaitable[_T]], *, timeout: float | None = None) -> AsCompleted[_T]:
    """See `Client.as_completed`."""
    return current_client().as_completed(fs, timeout=timeout)


if TYPE_CHECKING:
    # What has the types of asyncio, and every name that is not ours.
    from asyncio import exceptions as exceptions
    from asyncio import subprocess as subprocess
    from asyncio.base_events import *
    from asyncio.coroutines import *
    from asyncio.events import *
    from asyncio.exceptions import *
    from asyncio.futures import *
    from asyncio.locks import *
    from asyncio.protocols import *
    from asyncio.queues import *
    from asyncio.runners import *
    from asyncio.streams import *
    from asyncio.subprocess import *
    from asyncio.tasks import ALL_COMPLETED as ALL_COMPLETED
    from asyncio.tasks import FIRST_COMPLETED as FIRST_COMPLETED
    from asyncio.tasks import FIRST_EXCEPTION as FIRST_EXCEPTION
    from asyncio.tasks import Task as Task
    from asyncio.tasks import all_tasks as all_tasks
    from asyncio.tasks import current_task as current_task
    from asyncio.tasks import ensure_future as ensure_future
    from asyncio.tasks import gather as gather
    from asyncio.tasks import run_coroutine_threadsafe as run_coroutine_threadsafe
    from asyncio.tasks import shield as shield
    from asyncio.tasks import sleep as sleep
    from asyncio.tasks import wait as wait
    from asyncio.tasks import wait_for as wait_for
    from asyncio.threads import *
    from asyncio.timeouts import *
    from asyncio.transports import *

    if sys.platform == "win32":
        from asyncio.windows_events import *
    else:
        from asyncio.unix_events import *

    def __getattr__(name: str) -> Any:
        ...

else:
    __path__ = []
    __all__, __getattr__, __dir__ = stand_in_for(asyncio, __name__)

    def sleep(delay, result=None):
        """`asyncio.sleep`. In `gather` and `as_completed` of calls it is one of them, and waits at the server.

        More than 200 seconds, or infinity, always waits here.
        """
        if math.isnan(delay):
            raise ValueError("Invalid delay: NaN (not a number)")
        return asyncio.sleep(delay, result) if delay > MAX_SLEEP_SECONDS else _Sleep(delay, result)

    def gather(*coros_or_futures, return_exceptions=False):
        """See `Client.gather`."""
        return current_client().gather(*coros_or_futures, return_exceptions=return_exceptions)

    async def wait_for(fut, timeout):
        """See `Client.wait_for`."""
        return await current_client().wait_for(fut, timeout)

    def run(main, **options):
        """`asyncio.run`. Tasks of the server go on when it ends."""
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("asyncio.run() cannot be called from a running event loop")
        with Runner(**options) as runner:
            return runner.run(main)

    class Runner(asyncio.Runner):
        """`asyncio.Runner`. Tasks of the server go on when it is closed."""

        def close(self):
            try:
                loop = self.get_loop()
            except RuntimeError:
                return  # It is closed.
            # Before asyncio cancels all tasks that still run.
            try:
                close_client(loop)
            finally:
                super().close()
