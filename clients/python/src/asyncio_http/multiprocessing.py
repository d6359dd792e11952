"""`from asyncio_http.multiprocessing import Pool` in place of `from multiprocessing import Pool`.

`Pool` and `cpu_count` are about the cores of the server that the environment variable `FUNCTIONS_BASE_URL` names.
`get` and `next` raise `TimeoutError`. Every other name is multiprocessing's own.
"""

from __future__ import annotations

import multiprocessing
from typing import Any

from .background import BackgroundLoop
from .client import Client, configured_server
from .imap import TimeoutError
from .pool import Pool as _Pool
from .problems import ProblemError

__all__ = ["Pool", "TimeoutError", "cpu_count"]


def Pool(processes: int | None = None) -> _Pool:
    """A pool of the server that `FUNCTIONS_BASE_URL` names, with the key in `FUNCTIONS_KEY`."""
    return _Pool(*configured_server(), processes=processes)


def cpu_count() -> int:
    """The number of the server's cores that `Pool()` uses; the cores of this machine if the server does not respond."""
    client = Client(*configured_server(), retries=0)
    background = BackgroundLoop(client)
    try:
        # The response to a map of nothing says how many threads would have computed it.
        return int(background.submit(client.post("/map/math.square", {"items": []})).result()["workers"])
    except (OSError, ProblemError):
        return multiprocessing.cpu_count()
    finally:
        background.stop()
        background.join()


def __getattr__(name: str) -> Any:
    return getattr(multiprocessing, name)
