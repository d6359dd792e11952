"""What the client does about a server that answers wrongly, slowly or not at all, which the real host never does.

Here a few lines of Python play the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import email.utils
import json
import logging
import os
import shutil
import ssl
import subprocess
import tempfile
import unittest
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote

import host  # noqa: F401 (makes the package importable)

from asyncio_http import Client, Pool, ProblemError, ProblemTimeoutError, ProtocolError, RetryPolicy
from asyncio_http.session import Session

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


class Last(bytes):
    """An answer after which the server closes the connection."""


class Server:
    """Gives the answers in turn, one a request, and keeps what it was asked."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers
        self.requests: list[bytes] = []
        self.connections = 0
        self.disconnected = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
                )
                self.requests.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0) if self.answers else b""
                writer.write(answer)
                if isinstance(answer, Last):
                    break
        self.disconnected.set()
        writer.close()


@contextlib.asynccontextmanager
async def server(*answers: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    played = Server(list(answers))
    async with await asyncio.start_server(played.serve, "127.0.0.1", 0, ssl=tls) as listening:
        port = listening.sockets[0].getsockname()[1]
        played.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        yield played


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


def answer(value: object, status: int = 200, *headers: str) -> bytes:
    body = json.dumps(value).encode()
    lines = [f"HTTP/1.1 {status} Some Reason", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


RESULT = answer({"result": 1})
INVALID_VALUES = ("k\r\nX-Injected: 1", "k\nX: 1", "k\rX: 1", "k\r\n", "k\n", "\nk", "k\0", "k\x7f", "k\x1b") + (
    *(" k", "k ", "\tk", " ", "é", "\x85", "\u2028", "\uff01", "\ud800"),
)
SATURATED: dict[str, object] = {
    "type": "/problems/saturated",
    "title": "Too much work is queued",
    "status": 429,
    "detail": "Later.",
}


class ResponseTests(unittest.IsolatedAsyncioTestCase):
    async def result(self, *answers: bytes, **options: Any) -> Any:
        async with server(*answers) as played, Client(played.url, **options) as client, asyncio.timeout(60):
            return await client.call("echo", value=1)

    async def test_bodies_of_each_framing_are_read(self) -> None:
        for raw in (
            RESULT,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b'5\r\n{"res\r\nA;a=b\r\nult": 1}  \r\n0\r\nTrailer: x\r\n\r\n',
            Last(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"result": 1}'),
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + RESULT,
            b'HTTP/1.1 200\r\ncontent-length:13\r\n\r\n{"result": 1}',
        ):
            with self.subTest(raw):
                self.assertEqual(1, await self.result(raw))

    async def test_what_is_not_http_is_refused(self) -> None:
        for raw in (
            b"SSH-2.0-OpenSSH\r\n\r\n",
            b"HTTP/2 200 OK\r\n\r\n",
            b"HTTP/1.1 99 No\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Length: 14\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nnot json",
        ):
            with self.subTest(raw), self.assertRaises(ProtocolError):
                await self.result(raw)

    async def test_what_is_too_large_is_refused(self) -> None:
        limit = {"max_response_bytes": 1_000_000}
        for raw in (
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000_000,
            b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 10_000 + b"\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999\r\n\r\n" + b" " * 1_300_000,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n" + b" " * 1_300_000,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 10_000 + b"\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: x\r\n" * 10_000,
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * 1_300_000,
        ):
            with self.subTest(raw[:80]), self.assertRaises(ProtocolError):
                await self.result(raw, **limit)

    async def test_line_that_is_too_long_is_refused(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        async with server(head + b"x" * 1_300_000) as played, Client(
            played.url, max_response_bytes=1_000_000
        ) as client:
            with self.assertRaises(ProtocolError):
                async for _ in client.stream("count"):
                    pass

    async def test_response_that_breaks_off_is_a_connection_error(self) -> None:
        for raw in (b"", b"HTTP/1.1 200", RESULT[:-1], b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"):
            with self.subTest(raw), self.assertRaises(ConnectionError):
                await self.result(Last(raw))

    async def test_stream_that_breaks_off_is_a_connection_error(self) -> None:
        raw = b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"value":1}\n\n{"value":2}\n'
        async with server(Last(raw)) as played, Client(played.url) as client:
            values = []
            with self.assertRaises(ConnectionError):
                async for value in client.stream("count"):
                    values.append(value)
            self.assertEqual([1, 2], values)

    async def test_error_in_a_stream_is_a_problem(self) -> None:
        lines = b'{"value":1}\n{"error":{"type":"/problems/timeout","status":504,"detail":"Too late."}}\n'
        async with server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(lines), lines)) as played, Client(
            played.url
        ) as client:
            with self.assertRaisesRegex(ProblemTimeoutError, "Too late."):
                async for _ in client.stream("count"):
                    pass

    async def test_status_without_a_problem_is_one_all_the_same(self) -> None:
        for raw in (
            answer("<html>", 502),
            b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
            answer({}, 302, "Location: /x"),
        ):
            with self.subTest(raw), self.assertRaises(ProblemError) as raised:
                await self.result(raw)
            self.assertIn(raised.exception.status, (502, 401, 302))
            self.assertIn(str(raised.exception.status), str(raised.exception))


class AsCompletedTests(unittest.IsolatedAsyncioTestCase):
    async def outcomes(self, raw: bytes, how: Callable[[Iterator[Any]], Awaitable[list[Any]]]) -> list[Any]:
        async with server(raw) as played, Client(played.url, retries=0) as client, asyncio.timeout(60):
            return await how(client.as_completed([client.call("echo", value=value) for value in range(3)]))

    async def test_refusal_of_the_whole_is_the_same_for_everyone_who_waits(self) -> None:
        async def one_after_the_other(completed: Iterator[Any]) -> list[Any]:
            return [(await asyncio.gather(done, return_exceptions=True))[0] for done in completed]

        async def at_once(completed: Iterator[Any]) -> list[Any]:
            return list(await asyncio.gather(*completed, return_exceptions=True))

        async def by_async_for(completed: Any) -> list[Any]:
            return [done.exception() async for done in completed]

        for how in (one_after_the_other, at_once, by_async_for):
            for status in (401, 422, 429, 500, 503, 504):
                with self.subTest(how.__name__, status=status):
                    errors = await self.outcomes(answer(SATURATED | {"status": status}, status), how)
                    self.assertEqual([("saturated", status)] * 3, [(error.slug, error.status) for error in errors])
            for raw, kind in ((Last(), ConnectionResetError), (b"HTTP/2 200\r\n\r\n", ProtocolError)):
                with self.subTest(how.__name__, raw=raw):
                    self.assertEqual([kind] * 3, [type(error) for error in await self.outcomes(raw, how)])

    async def test_results_before_the_connection_broke_are_kept(self) -> None:
        async def at_once(completed: Iterator[Any]) -> list[Any]:
            return list(await asyncio.gather(*completed, return_exceptions=True))

        lines = b'{"index":1,"status":"succeeded","result":7}\n'
        for end in (b"", b"{", b'{"error":{"type":"/problems/shutting-down","status":503}}\n'):
            raw = Last(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + lines + end)
            with self.subTest(end):
                first, second, third = await self.outcomes(raw, at_once)
                self.assertEqual(7, first)
                self.assertIsInstance(second, (ConnectionError, ProblemError))
                self.assertIs(second, third)

    async def test_results_that_nobody_waits_for_hold_up_nothing(self) -> None:
        lines = b"".join(b'{"index":%d,"status":"succeeded","result":%d}\n' % (n, n) for n in range(3))
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(lines)
        async with server(head + lines, RESULT) as played, Client(played.url) as client, asyncio.timeout(60):
            completed = client.as_completed([client.call("echo", value=value) for value in range(3)])
            self.assertEqual(0, await next(completed))
            # The response has been read to its end, so that its connection is used again.
            self.assertEqual(1, await client.call("echo", value=1))
            self.assertEqual((1, [1, 2]), (played.connections, [await done for done in completed]))


class ConnectionTests(unittest.IsolatedAsyncioTestCase):
    async def test_connection_is_reused_unless_the_server_closes_it(self) -> None:
        async with server(
            RESULT, RESULT, Last(answer({"result": 1}, 200, "Connection: close")), RESULT
        ) as played, Client(played.url) as client:
            for expected in (1, 1, 1, 2):
                self.assertEqual(1, await client.call("echo", value=1))
                self.assertEqual(expected, played.connections)

    async def test_connection_that_the_server_closed_meanwhile_is_not_used(self) -> None:
        async with server(RESULT) as played, Client(played.url) as client:
            self.assertEqual(1, await client.call("echo", value=1))
            [connection] = client._transport._idle
            connection.reader.feed_eof()
            played.answers.append(RESULT)
            self.assertEqual(1, await client.call("echo", value=1))
            self.assertEqual(2, played.connections)

    async def test_connection_closes_though_a_fork_has_its_socket(self) -> None:
        async with server(b"") as played, Client(played.url) as client, asyncio.timeout(60):
            waiting = asyncio.create_task(client.call("echo", value=1))
            await until(lambda: len(played.requests) == 1)
            [connection] = client._transport._open
            inherited = os.dup(connection.writer.get_extra_info("socket").fileno())
            self.addCleanup(os.close, inherited)
            waiting.cancel()
            await played.disconnected.wait()

    async def test_work_is_not_repeated_when_the_connection_breaks(self) -> None:
        async with server(Last(), RESULT) as played, Client(played.url) as client:
            with self.assertRaises(ConnectionError):
                await client.call("echo", value=1)
            self.assertEqual(1, len(played.requests))

    async def test_creation_of_a_task_is_repeated_with_the_same_key(self) -> None:
        accepted, ended = answer({"id": "7", "status": "queued"}, 202), answer(
            {"id": "7", "status": "succeeded", "result": 5}
        )
        async with server(Last(), accepted, Last(), ended) as played, Client(played.url) as client:
            self.assertEqual(5, await client.create_task(client.call("echo", value=1), retry=RetryPolicy(3)))
            keys = [request.split(b"Idempotency-Key: ")[1].split(b"\r\n")[0] for request in played.requests[:2]]
            self.assertEqual((keys[0], 36), (keys[1], len(keys[0])))
            self.assertTrue(
                played.requests[0].endswith(
                    b'{"input":{"value":1},"retry":'
                    b'{"maxAttempts":3,"initialDelaySeconds":1,"backoff":2,"maxDelaySeconds":300}}'
                )
            )

    async def test_refusal_is_repeated_after_the_time_that_it_names(self) -> None:
        date = email.utils.format_datetime(datetime.datetime.now(datetime.timezone.utc), usegmt=True)
        for status, after in ((429, "0"), (503, "0"), (429, date)):
            async with server(answer(SATURATED, status, f"Retry-After: {after}"), RESULT) as played, Client(
                played.url
            ) as client:
                self.assertEqual(1, await client.call("echo", value=1))
                self.assertEqual(2, len(played.requests))

    async def test_refusal_is_not_repeated_earlier_than_an_error_would_be(self) -> None:
        pauses: list[float] = []

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)

        refused = answer(SATURATED, 429, "Retry-After: 0")
        async with server(refused, refused, RESULT) as played, Client(played.url) as client:
            with mock.patch.object(asyncio, "sleep", sleep):
                self.assertEqual(1, await client.call("echo", value=1))
        self.assertTrue(pauses[0] >= 0.1 and pauses[1] >= 0.2, pauses)

    async def test_refusal_that_is_not_repeated(self) -> None:
        cases: list[tuple[str | None, int | None, dict[str, Any]]] = [
            ("0", 0, {"retries": 0}),
            ("3600", 3600, {}),
            ("soon", None, {}),
            ("1 Jan 2026 99999999999999999999:0:0 GMT", None, {}),
            (None, None, {}),
        ]
        for after, seconds, options in cases:
            headers = [] if after is None else [f"Retry-After: {after}"]
            async with server(answer(SATURATED, 429, *headers), RESULT) as played, Client(
                played.url, **options
            ) as client:
                with self.subTest(after), self.assertRaises(ProblemError) as raised:
                    await client.call("echo", value=1)
                self.assertEqual(("saturated", seconds), (raised.exception.slug, raised.exception.retry_after))

    async def test_cancellation_closes_the_connection(self) -> None:
        async with server(b"", RESULT) as played, Client(played.url) as client:
            waiting = asyncio.create_task(client.call("echo", value=1))
            await until(lambda: len(played.requests) == 1)
            waiting.cancel()
            async with asyncio.timeout(60):
                await played.disconnected.wait()
            self.assertEqual(1, await client.call("echo", value=1))
            self.assertTrue(waiting.cancelled())

    async def test_wait_for_gives_up_a_server_that_does_not_respond(self) -> None:
        async with server(b"") as played, Client(played.url) as client:
            with mock.patch.dict(Session.within.__kwdefaults__, grace=0.1), self.assertRaises(TimeoutError):
                await client.wait_for(client.call("echo", value=1), 0.1)

    async def test_connection_that_is_not_established_in_time(self) -> None:
        # The server never speaks TLS.
        async with server() as played, Client(played.url.replace("http:", "https:"), connect_timeout=0.2) as client:
            with self.assertRaisesRegex(TimeoutError, "No connection to 127.0.0.1"):
                await client.call("echo", value=1)

    async def test_cancellation_while_connecting(self) -> None:
        async with server() as played, Client(played.url.replace("http:", "https:")) as client:
            connecting = asyncio.create_task(client.call("echo", value=1))
            await until(lambda: played.connections == 1)
            connecting.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await connecting

    async def test_server_that_is_not_there(self) -> None:
        async with server() as played:
            pass
        async with Client(played.url) as client:
            with self.assertRaises(ConnectionError):
                await client.call("echo", value=1)

    async def test_key_is_sent_and_cannot_add_headers(self) -> None:
        async with server(RESULT) as played, Client(played.url + "/base/", "correct-horse") as client:
            await client.call("echo", value=1)
            self.assertIn(b"\r\nx-functions-key: correct-horse\r\n", played.requests[0])
            self.assertTrue(played.requests[0].startswith(b"POST /base/api/await/echo HTTP/1.1\r\n"))

    async def test_value_that_a_header_cannot_have_is_refused_and_not_sent(self) -> None:
        async with server() as played, Client(played.url) as client, asyncio.timeout(60):
            call = client.call("echo", value=1)
            for value in INVALID_VALUES:
                attempts: list[Callable[[], Any]] = [
                    lambda: Client(played.url, value),
                    lambda: Pool(played.url, value),
                    lambda: client.create_task(call, idempotency_key=value),
                    lambda: client.post("/tasks/echo", {}, idempotency_key=value),
                    lambda: client.open("GET", "/tasks", {"Prefer": value}, None),
                    lambda: client.open("GET", "/tasks", {value: "1"}, None),
                ]
                for number, attempt in enumerate(attempts):
                    with self.subTest(value, attempt=number), self.assertRaises(ValueError):
                        await attempt()
            self.assertEqual(0, played.connections)

    async def test_values_that_a_header_can_have_arrive(self) -> None:
        for value in ("", "key", "two words", "a\tb", "~!@#$%^&*()[]{}<>,;:'\"\\/"):
            async with server(answer({"id": "7", "status": "queued"}, 202)) as played, Client(played.url) as client:
                await client.create_task(client.call("echo", value=1), idempotency_key=value).accepted()
                self.assertIn(f"\r\nIdempotency-Key: {value}\r\n".encode(), played.requests[0])

    async def test_name_is_one_segment_of_the_path_whatever_it_has(self) -> None:
        for name in ("a b", "a/b", "a?b#c", "a\r\nX: 1", "a HTTP/1.1\r\n\r\nGET /x", "%2e%2e", "...", "é"):
            async with server(RESULT, answer({"id": "7", "status": "queued"}, 202)) as played, Client(
                played.url
            ) as client:
                await client.call(name)
                await client.create_task(name).accepted()
                heads = [request.split(b"\r\n")[0] for request in played.requests]
                segment = quote(name, safe="").encode()
                self.assertEqual(b"POST /api/await/%b HTTP/1.1" % segment, heads[0])
                self.assertEqual(b"POST /api/tasks/%b HTTP/1.1" % segment, heads[1])

    async def test_name_that_leads_elsewhere_is_refused_and_not_sent(self) -> None:
        async with server() as played, Client(played.url) as client, asyncio.timeout(60):
            for name in ("", ".", "..", "\ud800"):
                with self.subTest(name):
                    for work in (client.call(name), client.call(name, 1), client.create_task(name)):
                        with self.assertRaises(ValueError):
                            await work
                    with self.assertRaises(ValueError):
                        async for _ in client.stream(name):
                            pass
                    with self.assertRaises(ValueError):
                        client.task(name)
                    with Pool(played.url) as pool:
                        runs: tuple[Any, ...] = (pool.map, pool.imap)
                        for run in runs:
                            with self.assertRaises(ValueError):
                                await asyncio.to_thread(run, name, [1])
            self.assertEqual(0, played.connections)

    async def test_path_cannot_add_to_the_head_of_a_request(self) -> None:
        async with server() as played, Client(played.url) as client, asyncio.timeout(60):
            for path in ("/tasks HTTP/1.1\r\nX: 1", "/a b", "/a\nb", "/é", "/\ud800", "/a\0"):
                with self.subTest(path), self.assertRaises(ValueError):
                    await client.get(path)
            self.assertEqual(0, played.connections)

    async def test_operation_name_cannot_leave_its_place_in_the_path(self) -> None:
        async with server(RESULT) as played, Client(played.url) as client:
            await client.call("../tasks?x HTTP/1.1\r\n")
            self.assertTrue(
                played.requests[0].startswith(b"POST /api/await/..%2Ftasks%3Fx%20HTTP%2F1.1%0D%0A HTTP/1.1\r\n")
            )

    async def test_url_is_checked(self) -> None:
        for url in (
            *("ftp://host", "host:80", "http://", "http://host/?a=b", "http://host/#a", "http://user:word@host"),
            *("http://ho st", "http://host/a b", "http://host/\0", "http://host/é", "http://höst", "http://host:x"),
        ):
            with self.subTest(url), self.assertRaises(ValueError):
                Client(url)

    async def test_client_works_on_one_loop_after_another_client_of_a_closed_loop(self) -> None:
        async with server(RESULT, RESULT) as played:

            def other() -> Any:
                async def call() -> Any:
                    async with Client(played.url) as client:
                        return await client.call("echo", value=1)

                return asyncio.run(call())

            self.assertEqual([1, 1], [await asyncio.to_thread(other) for _ in range(2)])


@unittest.skipUnless(shutil.which("openssl"), "openssl makes the certificate")
class TlsTests(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        # The server logs the handshake that the client breaks off.
        logging.disable()
        self.addCleanup(logging.disable, logging.NOTSET)

    async def test_certificate_is_verified(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            files = [str(Path(folder) / name) for name in ("cert.pem", "key.pem")]
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
                + ["-addext", "subjectAltName=DNS:localhost", "-out", files[0], "-keyout", files[1]],
                check=True,
                capture_output=True,
            )
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(*files)
            trusting = ssl.create_default_context(cafile=files[0])
            async with server(RESULT, RESULT, tls=tls) as played:
                async with Client(played.url, ssl=trusting) as client:
                    self.assertEqual(1, await client.call("echo", value=1))
                    self.assertEqual(1, await client.call("echo", value=1))
                self.assertEqual(1, played.connections)
                async with Client(played.url) as client:
                    with self.assertRaises(ssl.SSLCertVerificationError):
                        await client.call("echo", value=1)


if __name__ == "__main__":
    unittest.main()
