"""`from asyncio_http.multiprocessing import Pool` in place of `from multiprocessing import Pool`.

`Pool`, `pool.ThreadPool` and `cpu_count` are about the server that the environment variable `FUNCTIONS_BASE_URL` names.
Every other name is multiprocessing's own.
"""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

from ..background import BackgroundLoop
from ..client import Client, configured_server
from ..problems import ProblemError
from ..standard import stand_in_for
from .pool import Pool as Pool


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


if TYPE_CHECKING:
    from multiprocessing import Array as Array
    from multiprocessing import AuthenticationError as AuthenticationError
    from multiprocessing import Barrier as Barrier
    from multiprocessing import BoundedSemaphore as BoundedSemaphore
    from multiprocessing import BufferTooShort as BufferTooShort
    from multiprocessing import Condition as Condition
    from multiprocessing import Event as Event
    from multiprocessing import JoinableQueue as JoinableQueue
    from multiprocessing import Lock as Lock
    from multiprocessing import Manager as Manager
    from multiprocessing import Pipe as Pipe
    from multiprocessing import Process as Process
    from multiprocessing import ProcessError as ProcessError
    from multiprocessing import Queue as Queue
    from multiprocessing import RLock as RLock
    from multiprocessing import RawArray as RawArray
    from multiprocessing import RawValue as RawValue
    from multiprocessing import Semaphore as Semaphore
    from multiprocessing import SimpleQueue as SimpleQueue
    from multiprocessing import TimeoutError as TimeoutError
    from multiprocessing import Value as Value
    from multiprocessing import active_children as active_children
    from multiprocessing import allow_connection_pickling as allow_connection_pickling
    from multiprocessing import current_process as current_process
    from multiprocessing import freeze_support as freeze_support
    from multiprocessing import get_all_start_methods as get_all_start_methods
    from multiprocessing import get_context as get_context
    from multiprocessing import get_logger as get_logger
    from multiprocessing import get_start_method as get_start_method
    from multiprocessing import log_to_stderr as log_to_stderr
    from multiprocessing import parent_process as parent_process
    from multiprocessing import reducer as reducer
    from multiprocessing import set_executable as set_executable
    from multiprocessing import set_forkserver_preload as set_forkserver_preload
    from multiprocessing import set_start_method as set_start_method

    def __getattr__(name: str) -> Any:
        ...

else:
    __all__, __getattr__, __dir__ = stand_in_for(multiprocessing, __name__)
