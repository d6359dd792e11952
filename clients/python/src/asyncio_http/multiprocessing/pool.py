"""`from asyncio_http.multiprocessing.pool import ThreadPool` in place of `from multiprocessing.pool import ThreadPool`.

`Pool` and `ThreadPool` are of the server that the environment variable `FUNCTIONS_BASE_URL` names. Every other name is
that of `multiprocessing.pool`.
"""

from __future__ import annotations

import multiprocessing.pool
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .. import pool as _pool
from ..client import configured_server
from ..standard import stand_in_for


class Pool(_pool.Pool):
    """A pool of the server that `FUNCTIONS_BASE_URL` names, with the key in `FUNCTIONS_KEY`.

    processes: how many of the server's threads one map may use; all of them unless given. The server's threads run no
    function of this program, so an initializer is refused, and there is nothing that maxtasksperchild could renew.
    """

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
    ) -> None:
        if initializer is not None:
            raise TypeError("Pool takes no initializer: its processes are the server's threads.")
        if maxtasksperchild is not None and (not isinstance(maxtasksperchild, int) or maxtasksperchild <= 0):
            raise ValueError("maxtasksperchild must be a positive int or None")
        super().__init__(*configured_server(), processes=processes)


class ThreadPool(_pool.ThreadPool):
    """A thread pool of the server that `FUNCTIONS_BASE_URL` names, with the key in `FUNCTIONS_KEY`.

    processes: how many calls one map may have at once; 100 unless given. They run no function of this program, so an
    initializer is refused.
    """

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
    ) -> None:
        if initializer is not None:
            raise TypeError("ThreadPool takes no initializer: its threads are calls of the server.")
        super().__init__(*configured_server(), processes=processes)


if TYPE_CHECKING:
    from multiprocessing.pool import ApplyResult as ApplyResult
    from multiprocessing.pool import AsyncResult as AsyncResult
    from multiprocessing.pool import IMapIterator as IMapIterator
    from multiprocessing.pool import MapResult as MapResult

    def __getattr__(name: str) -> Any:
        ...

else:
    __all__, __getattr__, __dir__ = stand_in_for(multiprocessing.pool, __name__)
