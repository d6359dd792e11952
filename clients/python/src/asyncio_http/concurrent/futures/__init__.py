"""`from asyncio_http.concurrent.futures import ThreadPoolExecutor` in place of `from concurrent.futures import …`.

`ThreadPoolExecutor` and `ProcessPoolExecutor` are of the server that the environment variable `FUNCTIONS_BASE_URL`
names. Every other name is that of `concurrent.futures`.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ... import executor as _executor
from ...client import configured_server
from ...standard import stand_in_for


class ThreadPoolExecutor(_executor.ThreadPoolExecutor):
    """An executor of the server that `FUNCTIONS_BASE_URL` names, with the key in `FUNCTIONS_KEY`.

    max_workers: how many calls run at once; 100 unless given. They run no function of this program, so an initializer
    is refused, and there is no thread that thread_name_prefix could name.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
    ) -> None:
        if initializer is not None:
            raise TypeError("ThreadPoolExecutor takes no initializer: its threads are calls of the server.")
        super().__init__(*configured_server(), max_workers=max_workers)


class ProcessPoolExecutor(_executor.ProcessPoolExecutor):
    """An executor of the server that `FUNCTIONS_BASE_URL` names, with the key in `FUNCTIONS_KEY`.

    max_workers: how many requests run at once; 100 unless given. The server's threads run no function of this program,
    so an initializer is refused, and mp_context and max_tasks_per_child change nothing.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: object = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        *,
        max_tasks_per_child: int | None = None,
    ) -> None:
        if initializer is not None:
            raise TypeError("ProcessPoolExecutor takes no initializer: its processes are the server's threads.")
        super().__init__(*configured_server(), max_workers=max_workers)


if TYPE_CHECKING:
    from concurrent.futures import ALL_COMPLETED as ALL_COMPLETED
    from concurrent.futures import FIRST_COMPLETED as FIRST_COMPLETED
    from concurrent.futures import FIRST_EXCEPTION as FIRST_EXCEPTION
    from concurrent.futures import BrokenExecutor as BrokenExecutor
    from concurrent.futures import CancelledError as CancelledError
    from concurrent.futures import Executor as Executor
    from concurrent.futures import Future as Future
    from concurrent.futures import InvalidStateError as InvalidStateError
    from concurrent.futures import TimeoutError as TimeoutError
    from concurrent.futures import as_completed as as_completed
    from concurrent.futures import wait as wait

    def __getattr__(name: str) -> Any:
        ...

else:
    __all__, __getattr__, __dir__ = stand_in_for(concurrent.futures, __name__)
