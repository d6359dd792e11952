"""`from asyncio_http.multiprocessing import Pool` in place of `from multiprocessing import Pool`."""

from __future__ import annotations

from .client import configured_server
from .pool import Pool as _Pool


def Pool(processes: int | None = None) -> _Pool:
    """A pool of the server that `FUNCTIONS_BASE_URL` names, with the key in `FUNCTIONS_KEY`."""
    return _Pool(*configured_server(), processes=processes)
