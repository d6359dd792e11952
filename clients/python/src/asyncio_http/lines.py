"""A map whose items go up and whose results come down at once, as lines, for callers that have a loop."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from typing import Any
from urllib.parse import urlencode

from .problems import problem_error
from .session import HEARTBEAT, Session, decode_line, encode, given, segment

NDJSON = "application/x-ndjson"
LINES_PER_PIECE = 100
"""How many items of an iterable are sent at a time. Those of an asynchronous one are sent when they are there."""


async def map_lines(
    session: Session, operation: str, items: Iterable[Any] | AsyncIterable[Any], **options: Any
) -> AsyncGenerator[Any, None]:
    """Yields the result of each item, or its exception. Leaving the loop stops the work at the server.

    The items are read no further ahead of the results than the connection and the server hold. An exception of the
    iterable ends the map after the results of the items before it.
    """
    upload = _Upload(items)
    query = urlencode({name: str(value).lower() for name, value in given(**options).items()})
    headers = {"Content-Type": NDJSON, "Accept": NDJSON}
    is_complete = False
    with await session.open("POST", f"/map/{segment(operation)}?{HEARTBEAT}&{query}", headers, upload) as response:
        # The loop goes on after the last line, so that the connection can be reused.
        async for lines in response.lines():
            for line in map(decode_line, lines):
                if "index" in line:
                    yield problem_error(line["error"]) if "error" in line else line["result"]
                elif "error" in line:
                    raise problem_error(line["error"])
                else:
                    is_complete = True
    if upload.error is not None:
        raise upload.error
    if not is_complete:
        raise ConnectionResetError("The stream ended before its last line.")


class _Upload:
    """The lines of items."""

    def __init__(self, items: Iterable[Any] | AsyncIterable[Any]) -> None:
        self.error: Exception | None = None
        """The exception of the iterable."""
        self._items = items

    async def __aiter__(self) -> AsyncIterator[bytes]:
        lines: list[bytes] = []
        try:
            if isinstance(self._items, AsyncIterable):
                async for item in self._items:
                    yield encode(item) + b"\n"
            else:
                for item in self._items:
                    lines.append(encode(item) + b"\n")
                    if len(lines) == LINES_PER_PIECE:
                        yield b"".join(lines)
                        lines.clear()
        except Exception as error:
            self.error = error
        yield b"".join(lines)
