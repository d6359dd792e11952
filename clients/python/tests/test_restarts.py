"""A task is followed while its server, or a proxy before it, is away. test_http.py has the server that is played."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import tempfile
import unittest
from collections.abc import AsyncIterator
from typing import Any
from unittest import mock

import host
from test_http import Last, Server, answer, server, until

from asyncio_http import Client, ProblemError, RetryPolicy, session


def problem(status: int, slug: str = "about:blank") -> bytes:
    return answer({"type": slug, "title": "Away", "status": status, "detail": "Later."}, status)


ACCEPTED = answer({"id": "7", "status": "queued"}, 202)
RUNNING = answer({"id": "7", "status": "running"})
SUCCEEDED = answer({"id": "7", "status": "succeeded", "result": 5})
CANCELLED = answer({"id": "7", "status": "cancelled"})
BROKEN = [
    Last(),
    Last(b"HTTP/1.1 200"),
    Last(SUCCEEDED[:-1]),
    Last(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"),
]
AWAY = [
    answer("<html>", 502),
    problem(503, "/problems/shutting-down"),
    answer("<html>", 504),
    problem(507, "/problems/storage-failed"),
]
REFUSED = problem(429, "/problems/saturated")


class RestartTests(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        # A pause of no length is still a turn of the loop.
        self.enterContext(mock.patch.object(session, "FIRST_PAUSE_SECONDS", 0))

    async def outcome(self, *answers: bytes, **options: Any) -> Any:
        """What the task of a client gives, and how many answers the server had left."""
        async with server(*answers) as played, Client(played.url, retries=0, **options) as client, asyncio.timeout(60):
            try:
                return await client.create_task("echo", value=1), len(played.answers)
            except (OSError, ProblemError) as error:
                return type(error).__name__, len(played.answers)

    async def test_task_is_followed_through_each_error_of_a_restart(self) -> None:
        for away in (*BROKEN, *AWAY, REFUSED):
            with self.subTest(away):
                self.assertEqual((5, 0), await self.outcome(ACCEPTED, RUNNING, *[away] * 10, RUNNING, away, SUCCEEDED))

    async def test_task_is_created_with_the_same_key_through_each_error_of_a_restart(self) -> None:
        for away in (*BROKEN, *AWAY):
            async with server(away, away, ACCEPTED, SUCCEEDED) as played, Client(played.url, retries=0) as client:
                with self.subTest(away), self.assertNoLogs():
                    self.assertEqual(5, await client.create_task("echo", value=1))
                    keys = {request.split(b"Idempotency-Key: ")[1][:36] for request in played.requests[:3]}
                    self.assertEqual((4, 1), (len(played.requests), len(keys)))

    async def test_task_is_cancelled_through_each_error_of_a_restart(self) -> None:
        for away in (*BROKEN, *AWAY, REFUSED):
            deleted = answer({"id": "7", "status": "cancelling"}, 202)
            async with server(ACCEPTED, b"") as played, Client(played.url, retries=0) as client, asyncio.timeout(60):
                task = client.create_task("echo", value=1)
                await until(lambda: len(played.requests) == 2)
                played.answers += [away, away, deleted, away, CANCELLED]
                task.cancel()
                with self.subTest(away), self.assertRaises(asyncio.CancelledError):
                    await task
                self.assertEqual([], played.answers)

    async def test_cancellation_that_does_not_reach_the_server_is_not_reported_as_one(self) -> None:
        async with server(ACCEPTED, b"", AWAY[3]) as played, Client(
            played.url, retries=0, reconnect_timeout=0
        ) as client:
            task = client.create_task("echo", value=1)
            await until(lambda: len(played.requests) == 2)
            task.cancel()
            with self.assertRaises(ProblemError):
                await task

    async def test_what_is_no_restart_is_raised_at_once(self) -> None:
        no_json = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nnot json"
        for last in (problem(404, "/problems/unknown-task"), problem(401), problem(500), no_json):
            with self.subTest(last):
                self.assertEqual(1, (await self.outcome(ACCEPTED, RUNNING, last, SUCCEEDED))[1])
        for refusal in (REFUSED, problem(422)):
            with self.subTest(refusal):
                self.assertEqual(("ProblemError", 1), await self.outcome(refusal, ACCEPTED))

    async def test_what_is_not_a_task_is_not_a_result(self) -> None:
        for other in ({"status": "healthy"}, {}, [], "running", None):
            with self.subTest(other):
                self.assertEqual(("ProtocolError", 0), await self.outcome(ACCEPTED, answer(other)))

    async def test_time_to_reconnect_is_a_parameter(self) -> None:
        for seconds in (0, 0.0):
            self.assertEqual(
                ("ConnectionResetError", 1), await self.outcome(ACCEPTED, Last(), SUCCEEDED, reconnect_timeout=seconds)
            )
        self.assertEqual((5, 0), await self.outcome(ACCEPTED, Last(), SUCCEEDED, reconnect_timeout=float("inf")))
        for invalid in (-1, float("nan")):
            with self.assertRaises(ValueError):
                Client("http://127.0.0.1", reconnect_timeout=invalid)

    async def test_pauses_get_longer_and_follow_retry_after(self) -> None:
        pauses: list[float] = []

        async def wait_for(waiting: Any, timeout: float) -> None:
            waiting.close()
            pauses.append(timeout)

        with mock.patch.object(session, "FIRST_PAUSE_SECONDS", 0.1), mock.patch.object(asyncio, "wait_for", wait_for):
            late = answer({"status": 503}, 503, "Retry-After: 7")
            self.assertEqual((5, 0), await self.outcome(ACCEPTED, *[Last()] * 10, late, SUCCEEDED))
        for number, pause in enumerate(pauses[:-1]):
            longest = min(0.1 * 2**number, 5)
            self.assertTrue(longest / 2 <= pause <= longest, pauses)
        self.assertEqual(7, pauses[-1])

    async def test_closing_the_client_ends_the_wait_for_the_server(self) -> None:
        with mock.patch.object(session, "FIRST_PAUSE_SECONDS", 1000):
            with mock.patch.object(session, "MAX_PAUSE_SECONDS", 1000):
                async with server(ACCEPTED, Last(), Last()) as played, Client(played.url, retries=0) as client:
                    followed = client.create_task("echo", value=1)
                    created = client.create_task("echo", value=1)
                    await until(lambda: len(played.requests) == 3)
                self.assertTrue(followed.cancelled() and created.cancelled())
                self.assertIsInstance(created._creation.exception(), ConnectionError)

    async def test_server_that_is_not_listening_for_a_while(self) -> None:
        for creates in (False, True):
            played = Server([answer({"result": 1})] if creates else [ACCEPTED, Last()])
            listening = await asyncio.start_server(played.serve, "127.0.0.1", 0)
            port = listening.sockets[0].getsockname()[1]
            async with Client(f"http://127.0.0.1:{port}", retries=0) as client, asyncio.timeout(60):
                if creates:
                    await client.call("echo", value=1)
                    [connection] = client._transport._idle
                    client._transport._idle.clear()
                    client._transport.discard(connection)
                task = client.create_task("echo", value=1)
                if not creates:
                    await task.accepted()
                listening.close()
                async with attempts(client) as refused:
                    for _ in range(3):
                        await refused.acquire()
                played.answers += [ACCEPTED, SUCCEEDED] if creates else [SUCCEEDED]
                again = await asyncio.start_server(played.serve, "127.0.0.1", port)
                self.addCleanup(again.close)
                self.assertEqual(5, await task)

    async def test_creation_at_a_server_that_never_was_there_fails_at_once(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            async with Client(f"http://127.0.0.1:{unused.getsockname()[1]}") as client, asyncio.timeout(60):
                with self.assertRaises(ConnectionError):
                    await client.create_task("echo", value=1)


@contextlib.asynccontextmanager
async def attempts(client: Client) -> AsyncIterator[asyncio.Semaphore]:
    """Counts the connections that the client tries to make."""
    tried = asyncio.Semaphore(0)
    connect = client._transport._connect

    async def count() -> Any:
        tried.release()
        return await connect()

    with mock.patch.object(client._transport, "_connect", count):
        yield tried


@unittest.skipUnless(host.IS_OWN, "the host of FUNCTIONS_BASE_URL is not restarted")
class HostTests(unittest.IsolatedAsyncioTestCase):
    async def test_task_is_awaited_while_the_host_is_killed_and_started_again(self) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as hosts:
            first = hosts.enter_context(host.start(folder))
            async with Client(first.url, host.KEY, retries=0) as client, asyncio.timeout(120):
                call = client.call("delay", seconds=2, result="done")
                task = client.create_task(call, retry=RetryPolicy(10, initial_delay=0.1))
                await task.accepted()
                first.kill()
                # In a thread, so that the client tries to connect meanwhile.
                await asyncio.to_thread(lambda: hosts.enter_context(host.start(folder, first.url)))
                self.assertEqual("done", await task)


if __name__ == "__main__":
    unittest.main()
