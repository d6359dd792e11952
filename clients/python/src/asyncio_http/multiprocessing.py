"""`from asyncio_http.multiprocessing import Pool` in place of `from multiprocessing import Pool`."""

from __future__ import annotations

import os

from .client import DEFAULT_URL
from .pool import Pool as _Pool


def Pool(processes: int | None = None) -> _Pool:
    """A pool of the server that `FUNCTIONS_BASE_URL` names, with the key in `FUNCTIONS_KEY`."""
    return _Pool(
        os.environ.get("FUNCTIONS_BASE_URL", DEFAULT_URL), os.environ.get("FUNCTIONS_KEY"), processes=processes
    )
