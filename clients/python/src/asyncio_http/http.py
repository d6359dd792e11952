"""HTTP/1.1 over asyncio streams. Everything that a server sends has a limit."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import os
import random
import re
import socket
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from urllib.parse import urlsplit

from .problems import ProtocolError

MAX_HEAD_BYTES = 32 * 1024
MAX_CHUNK_LINE_BYTES = 4 * 1024
MAX_RETRY_AFTER_SECONDS = 60.0
MAX_IDLE_CONNECTIONS = 16
PIECE_BYTES = 256 * 1024

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: .*)?", re.DOTALL)
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FIELD_VALUE = re.compile(r"(?:[!-~]+(?:[ \t]+[!-~]+)*)?")
_TARGET = re.compile(r"[!-~]+")
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")


class Connection:
    """One connection, with the position in the data that it reads."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.idle_since: float = 0

    @property
    def is_open(self) -> bool:
        return not (self.reader.at_eof() or self.reader.exception() or self.writer.is_closing())

    def abort(self) -> None:
        # A fork of this process may have the socket too, which keeps the connection open when only this one closes it.
        with contextlib.suppress(OSError):
            self.writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self.writer.transport.abort()

    async def read_until(self, end: bytes, limit: int) -> bytes:
        """Reads up to and including end, at most limit bytes."""
        try:
            data = await self.reader.readuntil(end)
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("The connection was closed before the response was complete.") from error
        except asyncio.LimitOverrunError as error:
            raise ProtocolError("The server sent a head or a line that is too long.") from error
        if len(data) > limit:
            raise ProtocolError("The server sent a head or a line that is too long.")
        return data


class Response:
    """A response whose head has arrived. Read it to its end, or close it."""

    def __init__(
        self, transport: Transport, connection: Connection, status: int, headers: dict[str, str], is_last: bool
    ) -> None:
        self.status = status
        self.headers = headers
        self.upload: asyncio.Task[None] | None = None
        self._transport = transport
        self._connection = connection
        self._is_last = is_last
        self._is_released = False
        self._is_chunked = False
        self._remaining: int | None = None
        encoding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if status in (204, 304):
            self._remaining = 0
        elif encoding is not None:
            # Both headers at once can make one response look like two.
            if encoding.lower() != "chunked" or length is not None:
                raise ProtocolError("The server sent a body of an unknown length.")
            self._is_chunked = True
            self._remaining = 0
        elif length is not None:
            if not _LENGTH.fullmatch(length):
                raise ProtocolError("The server sent an invalid Content-Length.")
            self._remaining = int(length)
        else:
            self._is_last = True

    @property
    def retry_after(self) -> float | None:
        """Seconds, from `Retry-After`."""
        value = self.headers.get("retry-after", "")
        if _LENGTH.fullmatch(value):
            return float(value)
        with contextlib.suppress(ValueError, OverflowError):
            return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
        return None

    async def read(self) -> bytes:
        """The whole body. Memory grows with what arrives, not with what Content-Length promises."""
        body = bytearray()
        with self:
            async for piece in self.pieces():
                body += piece
                if len(body) > self._transport.max_response_bytes:
                    raise ProtocolError(f"The response is larger than {self._transport.max_response_bytes} bytes.")
        return bytes(body)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it arrives."""
        try:
            while piece := await self._read_piece():
                yield piece
            if not self._is_last and (self.upload is None or self.upload.done()):
                self._is_released = True
                self._transport.give_back(self._connection)
        finally:
            self.close()

    async def lines(self) -> AsyncGenerator[list[bytes], None]:
        """The lines of the body that have arrived, without empty ones (heartbeats)."""
        partial = bytearray()
        async for piece in self.pieces():
            *ends, rest = piece.split(b"\n")
            if ends:
                ends[0] = bytes(partial) + ends[0]
                partial.clear()
                if complete := [line for line in ends if line]:
                    yield complete
            partial += rest
            if len(partial) > self._transport.max_response_bytes:
                raise ProtocolError(f"A line is longer than {self._transport.max_response_bytes} bytes.")
        if partial:
            yield [bytes(partial)]

    def close(self) -> None:
        """Closes the connection of a response that was not read to its end, which makes the server stop the work."""
        if not self._is_released:
            self._is_released = True
            if self.upload is not None:
                self.upload.cancel()
            self._transport.discard(self._connection)

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    async def _read_piece(self) -> bytes:
        if self._remaining is None:
            return await self._connection.reader.read(PIECE_BYTES)
        if self._remaining == 0 and not (self._is_chunked and await self._read_chunk_line()):
            return b""
        piece = await self._connection.reader.read(min(self._remaining, PIECE_BYTES))
        if not piece:
            raise ConnectionResetError("The connection was closed before the response was complete.")
        self._remaining -= len(piece)
        if self._is_chunked and self._remaining == 0:
            if await self._connection.read_until(b"\n", 2) != b"\r\n":
                raise ProtocolError("The server sent an invalid chunk.")
        return piece

    async def _read_chunk_line(self) -> int:
        line = _CHUNK_LINE.fullmatch(await self._connection.read_until(b"\r\n", MAX_CHUNK_LINE_BYTES))
        if not line:
            raise ProtocolError("The server sent an invalid chunk.")
        self._remaining = int(line[1], 16)
        if self._remaining == 0:
            self._is_chunked = False
            trailers = 0
            while (trailer := await self._connection.read_until(b"\r\n", MAX_HEAD_BYTES)) != b"\r\n":
                trailers += len(trailer)
                if trailers > MAX_HEAD_BYTES:
                    raise ProtocolError("The server sent too many trailers.")
        return self._remaining


class Transport:
    """Sends requests to one host. Reuses connections, and retries requests that are safe to retry."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        context: ssl.SSLContext | None,
        retries: int,
        connect_timeout: float,
        max_response_bytes: int,
    ) -> None:
        if not isinstance(url, str):
            raise TypeError(f"The URL of a server is a string such as 'http://127.0.0.1:7071', not {url!r}.")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"Not an http or https URL: {url!r}")
        if parts.query or parts.fragment or parts.username or parts.password:
            raise ValueError("The URL of a server has no user, query or fragment.")
        self.max_response_bytes = max_response_bytes
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._ssl = (context or ssl.create_default_context()) if parts.scheme == "https" else None
        if not connect_timeout > 0:
            raise ValueError(f"connect_timeout is more than 0 seconds, not {connect_timeout}.")
        self._prefix = parts.path.rstrip("/")
        if not _TARGET.fullmatch(f"{parts.netloc}{self._prefix}"):
            raise ValueError(f"Not an http or https URL: {url!r}")
        self._headers = {"Host": parts.netloc, **headers}
        check_headers(self._headers)
        self.has_connected: bool = False
        """Whether the client has had a connection to the server."""
        self._retries = retries
        self._connect_timeout = connect_timeout
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._is_closed = False
        self._process = os.getpid()

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterable[bytes] | None = None,
        *,
        is_idempotent: bool = False,
    ) -> Response:
        """Sends a request, and returns when the head of the response has arrived.

        Repeats a request that was not sent, or that the server refused with `Retry-After`; and if is_idempotent,
        one whose connection broke before the response. A body that is an iterable is sent while the response is read,
        and only once. Raises ValueError for characters that the head of a request cannot have.
        """
        if os.getpid() != self._process:
            raise RuntimeError("The client belongs to another process. Create one after the fork.")
        head = self._head(method, path, headers or {}, body)
        attempt = 0
        while True:
            may_retry = attempt < self._retries and (body is None or isinstance(body, bytes))
            delay = 0.1 * 2**attempt
            attempt += 1
            was_sent = False
            try:
                connection = await self._connect()
                was_sent = True
                response = await self._exchange(connection, head, body)
            except TimeoutError:
                raise
            except OSError as error:
                if (
                    not may_retry
                    or isinstance(error, (ProtocolError, ssl.SSLError))
                    or (was_sent and not is_idempotent)
                ):
                    raise
            else:
                after = response.retry_after
                if (
                    response.status not in (429, 503)
                    or not may_retry
                    or after is None
                    or after > MAX_RETRY_AFTER_SECONDS
                ):
                    return response
                await response.read()
                delay = max(delay, after)
            # Clients that were refused together do not come back together.
            await asyncio.sleep(delay * random.uniform(1, 1.1))

    def give_back(self, connection: Connection) -> None:
        """Keeps a connection for the next request."""
        if self._is_closed or len(self._idle) >= MAX_IDLE_CONNECTIONS or not connection.is_open:
            self.discard(connection)
        else:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)

    def discard(self, connection: Connection) -> None:
        # A fork would close it for the process that uses it.
        if os.getpid() == self._process:
            connection.abort()
        self._open.discard(connection)

    async def close(self) -> None:
        """Closes all connections, including those in use."""
        self._is_closed = True
        self._idle.clear()
        for connection in list(self._open):
            self.discard(connection)
        # A transport reports its end in the next turn of the loop.
        await asyncio.sleep(0)

    async def _connect(self) -> Connection:
        if self._is_closed:
            raise RuntimeError("The client is closed.")
        while self._idle:
            connection = self._idle.pop()
            if time.monotonic() - connection.idle_since > 1:
                # A loop that was blocked learns in its next two turns that the server closed the connection.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            if connection.is_open:
                return connection
            self.discard(connection)

        try:
            async with asyncio.timeout(self._connect_timeout):
                reader, writer = await asyncio.open_connection(
                    self._host, self._port, ssl=self._ssl, limit=PIECE_BYTES, happy_eyeballs_delay=0.25
                )
        except TimeoutError as error:
            message = f"No connection to {self._host}:{self._port} within {self._connect_timeout} s."
            raise TimeoutError(message) from error
        connection = Connection(reader, writer)
        self.has_connected = True
        self._open.add(connection)
        _keep_alive(writer.get_extra_info("socket"))
        if self._is_closed:
            self.discard(connection)
            raise RuntimeError("The client is closed.")
        return connection

    def _head(self, method: str, path: str, headers: Mapping[str, str], body: object) -> bytes:
        target = f"{self._prefix}{path}"
        if not _TARGET.fullmatch(target):
            raise ValueError(f"The path {path!r} has characters that a path cannot have.")
        check_headers(headers)
        fields = {**self._headers, **headers}
        if isinstance(body, bytes):
            fields["Content-Length"] = str(len(body))
        elif body is not None:
            fields["Transfer-Encoding"] = "chunked"
        elif method == "POST":
            fields["Content-Length"] = "0"
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        return "\r\n".join(lines).encode("ascii")

    async def _exchange(
        self, connection: Connection, head: bytes, body: bytes | AsyncIterable[bytes] | None
    ) -> Response:
        upload: asyncio.Task[None] | None = None
        try:
            connection.writer.write(head)
            if isinstance(body, bytes):
                connection.writer.write(body)
            elif body is not None:
                upload = asyncio.create_task(_upload(connection, body))
            response = await self._read_head(connection)
        except BaseException:
            if upload is not None:
                upload.cancel()
            self.discard(connection)
            raise
        response.upload = upload
        return response

    async def _read_head(self, connection: Connection) -> Response:
        while True:
            status, headers, is_last = parse_head(await connection.read_until(b"\r\n\r\n", MAX_HEAD_BYTES))
            if status >= 200:
                return Response(self, connection, status, headers, is_last)
            if status == 101:
                raise ProtocolError("The server switched protocols.")


async def _upload(connection: Connection, body: AsyncIterable[bytes]) -> None:
    # The reader finds an error of the connection too, and may also find its cause.
    with contextlib.suppress(OSError):
        async for piece in body:
            if piece:
                connection.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await connection.writer.drain()
        connection.writer.write(b"0\r\n\r\n")
        await connection.writer.drain()


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises ValueError for a header that would not arrive as it is: one with the end of a line could add others."""
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name.encode()):
            raise ValueError(f"{name!r} is not the name of a header.")
        if not _FIELD_VALUE.fullmatch(value):
            raise ValueError(f"The value of the header {name} has characters that a header cannot have.")


def parse_head(head: bytes) -> tuple[int, dict[str, str], bool]:
    """The status, the headers with lower-case names, and whether the server closes the connection afterwards."""
    first, *lines = head[:-4].split(b"\r\n")
    status_line = _STATUS_LINE.fullmatch(first)
    if not status_line:
        raise ProtocolError("The server does not speak HTTP/1.1.")
    headers: dict[str, str] = {}
    for line in lines:
        raw_name, colon, raw_value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(raw_name) or b"\r" in raw_value or b"\n" in raw_value:
            raise ProtocolError("The server sent an invalid header.")
        name, value = raw_name.decode("ascii").lower(), raw_value.strip(b" \t").decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    options = {option.strip().lower() for option in headers.get("connection", "").split(",")}
    is_last = "close" in options or (status_line[1] == b"0" and "keep-alive" not in options)
    return int(status_line[2]), headers, is_last


def _keep_alive(connection: socket.socket) -> None:
    """Makes the system detect, within two minutes, that the other end has vanished without closing the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 6)):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
