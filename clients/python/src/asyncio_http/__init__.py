"""asyncio and multiprocessing over HTTP: a client of the endpoints await, gather, map, stream and tasks."""

from asyncio_http_catalog import operation

from .calls import Call, Operation
from .client import Client
from .completed import AsCompleted
from .executor import ProcessPoolExecutor, ThreadPoolExecutor
from .imap import IMapIterator
from .pool import Pool, ThreadPool
from .problems import ProblemError, ProblemTimeoutError, ProtocolError
from .tasks import RetryPolicy, Task, TaskGroup
from .webhooks import WebhookVerificationError, verify_webhook
from .workers import AsyncResult

__all__ = [
    "AsCompleted",
    "AsyncResult",
    "Call",
    "Client",
    "IMapIterator",
    "Operation",
    "Pool",
    "ProblemError",
    "ProblemTimeoutError",
    "ProcessPoolExecutor",
    "ProtocolError",
    "RetryPolicy",
    "Task",
    "TaskGroup",
    "ThreadPool",
    "ThreadPoolExecutor",
    "WebhookVerificationError",
    "operation",
    "verify_webhook",
]
