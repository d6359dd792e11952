"""JSON to and from the endpoints of a server."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import quote

from .http import Response, Transport
from .problems import ProtocolError, problem_error

HEARTBEAT = "heartbeatSeconds=30"
"""Proxies close a response that is silent for long. The server fills the silence of a stream with empty lines."""


class Session:
    """Requests to one server. Errors are those of `Client`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._properties: dict[str, list[str]] = {}

    async def close(self) -> None:
        """Closes all connections, which stops what runs on them."""
        await self._transport.close()

    async def post(self, path: str, body: Any, *, idempotency_key: str | None = None) -> Any:
        """Sends JSON, or bytes of JSON, to a path below `/api`, and returns the JSON of the response."""
        headers = {"Content-Type": "application/json"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        content = body if isinstance(body, bytes) else encode(body)
        return await self._json("POST", path, headers, content, is_idempotent=idempotency_key is not None)

    async def get(self, path: str) -> Any:
        """Returns the JSON of a path below `/api`."""
        return await self._json("GET", path, is_idempotent=True)

    async def delete(self, path: str) -> Any:
        """Deletes what is at a path below `/api`, and returns the JSON of the response."""
        return await self._json("DELETE", path, is_idempotent=True)

    async def lines(self, path: str, body: Any) -> AsyncGenerator[dict[str, Any], None]:
        """Sends JSON, and gives each line of the response. Raises the ProblemError of a line `error`."""
        headers = {"Content-Type": "application/json", "Accept": "application/x-ndjson"}
        with await self.open("POST", path, headers, encode(body)) as response:
            async for lines in response.lines():
                for line in map(decode_line, lines):
                    if "error" in line and "index" not in line:
                        raise problem_error(line["error"])
                    yield line

    async def open(
        self, method: str, path: str, headers: dict[str, str], body: Any, *, is_idempotent: bool = False
    ) -> Response:
        """Sends a request, and returns its response if it is not a problem."""
        response = await self._transport.request(method, f"/api{path}", headers, body, is_idempotent=is_idempotent)
        if response.status < 300:
            return response
        content = await response.read()
        try:
            problem = decode(content)
        except ProtocolError:
            problem = None
        raise problem_error(problem, response.retry_after, response.status)

    async def properties(self, operation: str) -> list[str]:
        """The names of the properties of an operation's input, in order."""
        if operation not in self._properties:
            description = await self.get(f"/operations/{quote(operation, safe='')}")
            self._properties[operation] = list(description["input"].get("properties", {}))
        return self._properties[operation]

    async def _json(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: Any = None, *, is_idempotent: bool
    ) -> Any:
        response = await self.open(method, path, headers or {}, body, is_idempotent=is_idempotent)
        return decode(await response.read())


def given(**options: Any) -> dict[str, Any]:
    """The options that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def encode(value: Any) -> bytes:
    """JSON. Raises ValueError for a number that JSON does not have."""
    return _to_json(value).encode()


# json.dumps would make such an encoder for each value.
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def decode(body: bytes) -> Any:
    """The value of a response."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("The server sent a response that is not JSON.") from error


def decode_line(line: bytes) -> dict[str, Any]:
    """The object of a line."""
    value = decode(line)
    if not isinstance(value, dict):
        raise ProtocolError("The server sent a line that is not an object.")
    return value
