"""asyncio and multiprocessing over HTTP: a client of the endpoints await, gather, map, stream and tasks."""

from .client import Call, Client, Operation, operation
from .imap import IMapIterator
from .pool import AsyncResult, Pool
from .problems import ProblemError, ProblemTimeoutError, ProtocolError
from .tasks import RetryPolicy, Task, TaskGroup
from .webhooks import WebhookVerificationError, verify_webhook

__all__ = [
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
