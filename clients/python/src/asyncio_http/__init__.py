"""asyncio and multiprocessing over HTTP: a client of the endpoints await, gather, map, stream and tasks."""

from asyncio_http.calls import Call, Operation
from asyncio_http.catalog import operation
from asyncio_http.client import Client
from asyncio_http.completed import AsCompleted
from asyncio_http.imap import IMapIterator
from asyncio_http.pool import Pool
from asyncio_http.problems import ProblemError, ProblemTimeoutError, ProtocolError
from asyncio_http.tasks import RetryPolicy, Task, TaskGroup
from asyncio_http.webhooks import WebhookVerificationError, verify_webhook
from asyncio_http.workers import AsyncResult

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
    "ProtocolError",
    "RetryPolicy",
    "Task",
    "TaskGroup",
    "WebhookVerificationError",
    "operation",
    "verify_webhook",
]
