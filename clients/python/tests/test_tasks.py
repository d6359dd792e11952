"""Tasks of the server, beyond what asyncio has: see test_asyncio.py for that."""

from __future__ import annotations

import asyncio
import unittest
import uuid

import host
from test_asyncio import ClientTestCase

from asyncio_http import Client, ProblemError, ProblemTimeoutError, RetryPolicy


def setUpModule() -> None:
    host.url()


class TaskTests(ClientTestCase):
    async def status(self, id: str | None) -> str:
        return str((await self.client.get(f"/tasks/{id}"))["status"])

    async def test_id_is_known_when_the_server_has_accepted_the_task(self) -> None:
        task = self.client.create_task("delay", seconds=30)
        self.assertIsNone(task.id)
        self.assertEqual(await task.accepted(), task.id)
        self.assertIn(await self.status(task.id), ("queued", "running"))
        task.cancel()

    async def test_cancelled_task_has_stopped_at_the_server(self) -> None:
        task = self.client.create_task("primes.count", 0, 10**15)
        await task.accepted()
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual("cancelled", await self.status(task.id))

    async def test_task_that_is_cancelled_while_it_is_created_is_cancelled_at_the_server(self) -> None:
        task = self.client.create_task(self.client.call("delay", seconds=30))
        # In its second turn the request is on its way, and the response is not here.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.assertIsNone(task.id)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual("cancelled", await self.status(task.id))

    async def test_option_that_a_task_does_not_have_is_an_error_and_sends_nothing(self) -> None:
        async with host.recorder() as recorder, Client(recorder.url, host.KEY) as client:
            with self.assertRaisesRegex(TypeError, "'timeuot'"):
                client.create_task(client.call("math.square", x=3), timeuot=3)  # type: ignore[call-overload]
            self.assertEqual([], recorder.requests)

    async def test_task_that_is_cancelled_before_it_starts_is_never_sent(self) -> None:
        async with host.recorder() as recorder, Client(recorder.url, host.KEY) as client:
            task = client.create_task("delay", seconds=30)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertEqual(1, await client.call("echo", value=1))
            self.assertEqual(["POST /api/await/echo"], recorder.requests)

    async def test_task_that_another_client_cancels_is_cancelled(self) -> None:
        task = self.client.create_task("delay", seconds=30)
        await self.client.delete(f"/tasks/{await task.accepted()}")
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertTrue(task.cancelled())

    async def test_task_goes_on_when_its_client_is_closed(self) -> None:
        async with Client(host.url(), host.KEY) as other:
            task = other.create_task("delay", seconds=0.5, result="done")
        self.assertTrue(task.done())
        assert task.id is not None
        self.assertEqual("done", await self.client.task(task.id))

    async def test_task_that_is_known_by_its_id_can_be_cancelled_at_once(self) -> None:
        id = await self.client.create_task("delay", seconds=30).accepted()
        async with Client(host.url(), host.KEY) as other:
            task = other.task(id)
            self.assertTrue(task.cancel())
        self.assertTrue(task.cancelled())
        self.assertEqual("cancelled", await self.status(id))

    async def test_task_of_an_unknown_id_is_a_problem(self) -> None:
        with self.assertRaises(ProblemError) as raised:
            await self.client.task("0" * 32)
        self.assertEqual("unknown-task", raised.exception.slug)

    async def test_task_that_is_refused_is_a_problem(self) -> None:
        task = self.client.create_task("delay", seconds="soon")
        with self.assertRaises(ProblemError) as raised:
            await task
        self.assertEqual("invalid-request", raised.exception.slug)
        self.assertIsNone(task.id)

    async def test_the_same_idempotency_key_is_the_same_task(self) -> None:
        key = str(uuid.uuid4())
        tasks = [self.client.create_task(self.client.call("echo", value=1), idempotency_key=key) for _ in range(2)]
        self.assertEqual([1, 1], await asyncio.gather(*tasks))
        self.assertEqual(tasks[0].id, tasks[1].id)

    async def test_each_task_has_an_idempotency_key_of_its_own(self) -> None:
        tasks = [self.client.create_task("echo", value=1) for _ in range(2)]
        self.assertNotEqual(await tasks[0].accepted(), await tasks[1].accepted())
        await asyncio.gather(*tasks)

    async def test_options_reach_the_server(self) -> None:
        call = self.client.call("delay", seconds=30)
        retry = RetryPolicy(max_attempts=2, initial_delay=0.1)
        task = self.client.create_task(call, timeout=0.2, retry=retry, ttl=60)
        with self.assertRaises(ProblemTimeoutError):
            await task
        self.assertEqual(2, (await self.client.get(f"/tasks/{task.id}"))["attempts"])


if __name__ == "__main__":
    unittest.main()
