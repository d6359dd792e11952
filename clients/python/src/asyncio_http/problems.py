"""Errors: problem details (RFC 9457) as exceptions."""

from __future__ import annotations

import ssl
from typing import Any


class ProblemError(Exception):
    """A problem that the server reported. Its message is the problem's detail."""

    def __init__(self, problem: dict[str, Any], retry_after: float | None = None) -> None:
        self.problem = problem
        """The problem as the server sent it."""
        self.retry_after = retry_after
        """Seconds after which a retry makes sense, from `Retry-After`; None without that header."""
        super().__init__(self.detail or self.title)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problem, self.retry_after)

    @property
    def type(self) -> str:
        """The kind of problem, such as `/problems/operation-failed`."""
        return str(self.problem.get("type", "about:blank"))

    @property
    def slug(self) -> str:
        """The last part of `type`, such as `operation-failed`."""
        return self.type.rpartition("/")[2]

    @property
    def status(self) -> int:
        """The HTTP status."""
        status = self.problem.get("status")
        return status if isinstance(status, int) else 0

    @property
    def title(self) -> str:
        """The kind of problem, for people."""
        return str(self.problem.get("title", ""))

    @property
    def detail(self) -> str:
        """What happened this time, for people."""
        return str(self.problem.get("detail", ""))

    @property
    def errors(self) -> dict[str, list[str]]:
        """Each invalid place of the request, as a JSON pointer, and its messages."""
        errors = self.problem.get("errors")
        return errors if isinstance(errors, dict) else {}


class ProblemTimeoutError(ProblemError, TimeoutError):
    """The problem `timeout`: the server stopped the work when its timeout expired."""


class ProtocolError(ConnectionError):
    """The server sent something that is not HTTP/1.1, not the promised JSON, or over a limit of this client."""


def problem_error(problem: object, retry_after: float | None = None, status: int = 0) -> ProblemError:
    """The exception for a problem. Any other response, such as a proxy's page, gives one of type `about:blank`."""
    if not isinstance(problem, dict) or not isinstance(problem.get("status"), int):
        problem = {"type": "about:blank", "title": f"HTTP status {status}", "status": status}
    error = ProblemError(problem, retry_after)
    return ProblemTimeoutError(problem, retry_after) if error.slug == "timeout" else error


def is_away(error: Exception) -> bool:
    """Whether an error can come from a restart of the server or its storage: the request may or may not be done."""
    if isinstance(error, ProblemError):
        return error.status in (502, 503, 504, 507)
    if isinstance(error, ssl.SSLError):
        return isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
    return isinstance(error, OSError) and not isinstance(error, ProtocolError)
