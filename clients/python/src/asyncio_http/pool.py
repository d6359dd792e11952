"""The multiprocessing half: a pool whose processes are the server's cores, and one whose threads are calls."""

from __future__ import annotations

import ssl
from typing import Any, TypeVar

# Not from .catalog: a stub with the operations of a server can stand in for this module.
from asyncio_http_catalog import Maps

from .client import MAX_RESPONSE_BYTES, Client
from .lines import map_lines
from .workers import Bound
_Self = TypeVar("_Self", bound="Pool")


class Pool(Maps):
    """`multiprocessing.Pool` whose functions are operations of a server.

    A function is the name of an operation, an Operation, or a `functools.partial` of one. It is of kind cpu; `apply`
    takes kind io too, and `ThreadPool` maps it. An item is the value of the operation's first property (of a partial: the first that it leaves
    open), or a dict with its whole input; with `starmap` the values of its properties in order.
    processes: how many of the server's threads one map may use; all of them unless given. The other arguments are
    those of `Client`. Any thread of this process may use a pool.
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
        client = Client(
            url,
            key,
            ssl=ssl,
            retries=retries,
            connect_timeout=connect_timeout,
            max_response_bytes=max_response_bytes,
        )
        super().__init__(client, processes)

    def __enter__(self: _Self) -> _Self:
        self._check_running()
        return self

    def __exit__(self, *error: object) -> None:
        self.terminate()


class ThreadPool(Pool):
    """`multiprocessing.pool.ThreadPool` whose functions are operations of kind io: many calls wait at once.

    processes: how many calls of one map run at once; 100 unless given, at most the server's `Limits:MaxConcurrency`.
    No call is sent twice, and an exception of one cancels the others of its `map`. A chunksize changes nothing at the
    server. Everything else is as in `Pool`.
    """

    _limit = "maxConcurrency"

    async def _map_bound(self, func: Bound, items: list[Any], chunksize: int | None, is_starmap: bool) -> list[Any]:
        # As lines: they have no limit of size that would need a second request.
        items, is_starmap = await self._complete(func, items, is_starmap)
        options = {"starmap": is_starmap, self._limit: self._processes}
        return [result async for result in map_lines(self._client, func.operation, items, **options)]
