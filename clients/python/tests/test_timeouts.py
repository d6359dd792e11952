"""Times that are no ordinary number of seconds: infinite, longer than the server allows, none at all, not a number."""

from __future__ import annotations

import asyncio
import fractions
import math
import os
import unittest
from collections.abc import Awaitable, Callable
from typing import Any
from unittest import mock

import host
from test_asyncio import ClientTestCase, outcome
from test_http import RESULT, answer, server

from asyncio_http import Client, RetryPolicy
from asyncio_http import asyncio as drop_in

LONG = (7_200, 1e6, 1e300, math.inf)
OVER = (0, -0.0, -1, -math.inf)


def setUpModule() -> None:
    host.url()


class LikeAsyncioTests(ClientTestCase):
    """Each scenario gives the same on asyncio and on the client."""

    async def test_wait_for(self) -> None:
        for timeout in (*LONG, fractions.Fraction(60)):
            await self.compare(lambda a: a.wait_for(a.delay(0.01, "done"), timeout), "done")
        # True is a limit of one second.
        await self.compare(lambda a: outcome(a.wait_for(a.delay(30), True)), "TimeoutError")
        for timeout in OVER:
            await self.compare(lambda a: outcome(a.wait_for(a.delay(0.01, "done"), timeout)), "TimeoutError")

    async def test_as_completed(self) -> None:
        async def scenario(a: Any, timeout: Any) -> Any:
            calls = [a.delay(1, "slow"), a.delay(0, "quick")]
            return [await outcome(done) for done in a.as_completed(calls, timeout=timeout)]

        timeouts = (*LONG, fractions.Fraction(60))
        await self.compare(lambda a: asyncio.gather(*(scenario(a, t) for t in timeouts)), [["quick", "slow"]] * 5)
        await self.compare(lambda a: asyncio.gather(*(scenario(a, t) for t in OVER)), [["TimeoutError"] * 2] * 4)


class ClientTests(ClientTestCase):
    async def test_sequence(self) -> None:
        for timeout in LONG:
            self.assertEqual([1], await self.client.sequence(self.client.call("echo", 1), timeout=timeout))
        for timeout in OVER:
            with self.assertRaises(TimeoutError):
                await self.client.sequence(self.client.call("echo", 1), timeout=timeout)

    async def test_task(self) -> None:
        self.assertEqual(1, await self.client.create_task(self.client.call("echo", value=1), timeout=math.inf))
        for invalid in (RetryPolicy(3, initial_delay=math.inf), RetryPolicy(3, backoff=math.nan)):
            with self.assertRaises(ValueError):
                await self.client.create_task(self.client.call("echo", value=1), retry=invalid)

    async def test_what_is_no_time_at_all(self) -> None:
        invalid_values: list[tuple[type[Exception], Any]] = [(TypeError, "1"), (OverflowError, 10**400)]
        for kind, invalid in invalid_values:
            waits: tuple[Any, ...] = (asyncio.wait_for, self.client.wait_for)
            for wait_for in waits:
                with self.assertRaises(kind):
                    await wait_for(self.client.call("echo", value=1), invalid)

    async def test_async_for_over_as_completed_raises_the_timeout_itself(self) -> None:
        for timeout in (0, 0.2):
            results = self.client.as_completed([self.client.call("delay", 30)], timeout=timeout)
            with self.assertRaises(TimeoutError):
                async for _ in results:
                    self.fail("A call that has not ended is here.")

    async def test_time_that_is_not_a_number_is_refused(self) -> None:
        async with server() as played, Client(played.url) as client:
            call = client.call("echo", value=1)
            for work in (
                client.wait_for(call, math.nan),
                call.run(math.nan),
                client.sequence(call, timeout=math.nan),
                client.create_task(call, timeout=math.nan),
                client.create_task(call, ttl=math.nan),
                *client.as_completed([call, call], timeout=math.nan),
            ):
                with self.assertRaises(ValueError):
                    await work
            self.assertEqual(0, played.connections)
        for invalid in (math.nan, 0, -1):
            with self.assertRaises(ValueError):
                Client("http://127.0.0.1", connect_timeout=invalid)
        with self.assertRaises(ValueError):
            await drop_in.sleep(math.nan)


class LowerMaximumTests(unittest.IsolatedAsyncioTestCase):
    """A server whose maximum the client does not know."""

    REFUSED = answer({"status": 422, "errors": {"/timeoutSeconds": ["must be more than 0 and at most 590"]}}, 422)
    LINE = b'{"index":0,"status":"succeeded","result":1}\n{"summary":{}}\n'

    async def test_client_keeps_the_limit(self) -> None:
        gathered = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(self.LINE), self.LINE)
        cases: list[tuple[bytes, Callable[[Client, float], Awaitable[Any]]]] = [
            (RESULT, lambda client, limit: client.wait_for(client.call("echo", value=1), limit)),
            (answer({"results": []}), lambda client, limit: client.sequence(timeout=limit)),
            (gathered, lambda client, limit: next(client.as_completed([client.call("echo")], timeout=limit))),
        ]
        for response, send in cases:
            async with server(self.REFUSED, response, self.REFUSED, b"") as played, Client(played.url) as client:
                await send(client, 600)
                self.assertEqual([1, 0], [request.count(b"timeoutSeconds") for request in played.requests])
                with self.assertRaises(TimeoutError):
                    await send(client, 2)
                self.assertEqual(4, len(played.requests))

    async def test_another_invalid_place_is_a_problem(self) -> None:
        refused = answer({"status": 422, "title": "Invalid", "errors": {"/value": ["is required"]}}, 422)
        async with server(refused, RESULT) as played, Client(played.url) as client:
            self.assertEqual("Invalid", await outcome(client.wait_for(client.call("echo"), 600)))


class SleepTests(unittest.TestCase):
    """asyncio_http.asyncio.sleep, beside that of asyncio."""

    def setUp(self) -> None:
        self.enterContext(mock.patch.dict(os.environ, {"FUNCTIONS_BASE_URL": host.url()}))

    def test_it_takes_what_that_of_asyncio_takes(self) -> None:
        for module in (asyncio, drop_in):
            with self.subTest(module.__name__):
                module.run(self.scenario(module))

    async def scenario(self, module: Any) -> None:
        for short in (0, -1, -math.inf, True, fractions.Fraction(1, 100), 1e-9):
            self.assertEqual("awake", await module.sleep(short, "awake"))
        for long in (*LONG, 86_401):
            self.assertEqual("TimeoutError", await outcome(module.wait_for(module.sleep(long), 0.01)))
            self.assertEqual("TimeoutError", await outcome(asyncio.wait_for(module.sleep(long), 0.01)))
            gathered = module.gather(module.sleep(long), module.sleep(0))
            self.assertEqual("TimeoutError", await outcome(asyncio.wait_for(gathered, 0.1)))
            task = module.create_task(module.sleep(long))
            self.assertEqual((True, "CancelledError"), (task.cancel(), await outcome(task)))
            completed = module.as_completed([module.sleep(long), module.sleep(0, "awake")])
            self.assertEqual("awake", await next(iter(completed)))
        invalid_values: list[tuple[type[Exception], Any]] = [
            (TypeError, "1"),
            (TypeError, None),
            (OverflowError, 10**400),
        ]
        for kind, invalid in invalid_values:
            with self.assertRaises(kind):
                await module.sleep(invalid)


if __name__ == "__main__":
    unittest.main()
