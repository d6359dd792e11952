"""The asyncio half. What asyncio has too runs twice, with asyncio and with the client, and is compared."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import sys
import unittest
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from unittest import mock

import host

from asyncio_http import Client, ProblemError, ProblemTimeoutError, operation
from asyncio_http import asyncio as drop_in
from asyncio_http.client import DEFAULT_URL, configured_server, current_client
from asyncio_http.completed import bind_all


def setUpModule() -> None:
    host.url()


class Local:
    """asyncio itself, with two coroutine functions that do what the operations delay and fail do."""

    gather = staticmethod(asyncio.gather)
    as_completed = staticmethod(asyncio.as_completed)
    wait_for = staticmethod(asyncio.wait_for)
    create_task = staticmethod(asyncio.create_task)
    TaskGroup = staticmethod(asyncio.TaskGroup)

    @staticmethod
    async def delay(seconds: float, result: Any = None) -> Any:
        return await asyncio.sleep(seconds, result)

    @staticmethod
    async def fail(message: str, after: float = 0) -> Any:
        await asyncio.sleep(after)
        raise RuntimeError(message)


class Remote:
    """The client."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.gather = client.gather
        self.as_completed = client.as_completed
        self.wait_for = client.wait_for
        self.create_task = client.create_task
        self.TaskGroup = client.TaskGroup

    def delay(self, seconds: float, result: Any = None) -> Any:
        return self.client.call("delay", seconds=seconds, result=result)

    def fail(self, message: str, after: float = 0) -> Any:
        return self.client.call("fail", message=message, afterSeconds=after)


async def outcome(work: Awaitable[Any]) -> Any:
    """The result, or what was raised: its kind if asyncio raises the same, otherwise its message."""
    try:
        return await work
    except (asyncio.CancelledError, asyncio.InvalidStateError) as error:
        return type(error).__name__
    except TimeoutError:
        return "TimeoutError"
    except Exception as error:
        return str(error)


async def await_(work: Awaitable[Any]) -> Any:
    return await work


class ClientTestCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.client = await self.enterAsyncContext(Client(host.url(), host.KEY))

    async def assert_busy(self, busy: bool) -> None:
        """Waits until the threads of the server are busy, or free: while all are held, nothing else is computed."""
        for _ in range(100):
            try:
                await self.client.wait_for(self.client.call("math.square", x=12), 0.2 if busy else 60)
            except TimeoutError:
                self.assertTrue(busy, "The server still computes.")
                return
            if not busy:
                return
        self.fail("The server does not compute.")

    async def compare(self, scenario: Callable[[Any], Any], expected: Any) -> None:
        """Runs a scenario on asyncio and on the client, at once, and compares each with what is expected."""
        local, remote = await asyncio.gather(scenario(Local()), scenario(Remote(self.client)))
        self.assertEqual(expected, local, "asyncio itself")
        self.assertEqual(expected, remote, "the client")

    async def endless(self) -> list[Any]:
        """Calls that hold each of the server's threads for hours, unless they are stopped."""
        threads = (await self.client.post("/map/math.square", {"items": [1]}))["workers"]
        return [self.client.call("primes.count", 0, 10**15) for _ in range(threads)]


class LikeAsyncioTests(ClientTestCase):
    """Each scenario gives the same on asyncio and on the client."""

    async def test_await_gives_the_result(self) -> None:
        await self.compare(lambda a: a.delay(0.01, {"a": [1, None, "é"]}), {"a": [1, None, "é"]})

    async def test_gather_gives_results_in_the_order_of_the_calls(self) -> None:
        await self.compare(lambda a: a.gather(a.delay(0.2, 1), a.delay(0.01, 2), a.delay(0.1, 3)), [1, 2, 3])

    async def test_gather_of_nothing_is_empty(self) -> None:
        await self.compare(lambda a: a.gather(), [])

    async def test_gather_raises_the_first_exception(self) -> None:
        await self.compare(
            lambda a: outcome(a.gather(a.delay(0.01), a.fail("late", 30), a.fail("first", 0.1))), "first"
        )

    async def test_gather_returns_exceptions_in_their_places(self) -> None:
        async def scenario(a: Any) -> Any:
            results = await a.gather(a.delay(0.1, 1), a.fail("broken"), a.delay(0, 3), return_exceptions=True)
            return [str(result) for result in results], isinstance(results[1], Exception)

        await self.compare(scenario, (["1", "broken", "3"], True))

    async def test_gather_runs_before_it_is_awaited_and_can_be_cancelled(self) -> None:
        async def scenario(a: Any) -> Any:
            running = a.gather(a.delay(30), a.delay(30))
            return running.done(), running.cancel(), await outcome(running), running.done()

        await self.compare(scenario, (False, True, "CancelledError", True))

    async def test_gather_takes_tasks_and_coroutines_too(self) -> None:
        async def scenario(a: Any) -> Any:
            return await a.gather(a.create_task(a.delay(0.1, 1)), a.delay(0, 2), asyncio.sleep(0, 3))

        await self.compare(scenario, [1, 2, 3])

    async def test_as_completed_gives_results_as_they_end(self) -> None:
        async def scenario(a: Any) -> Any:
            calls = [a.delay(2, "slow"), a.fail("broken", 1), a.delay(0, "quick")]
            return [await outcome(done) for done in a.as_completed(calls)]

        await self.compare(scenario, ["quick", "broken", "slow"])

    async def test_as_completed_in_an_async_for(self) -> None:
        async def scenario(a: Any) -> Any:
            calls = [a.delay(2, "slow"), a.fail("broken", 1), a.delay(0, "quick")]
            return [await outcome(done) async for done in a.as_completed(calls)]

        expected = ["quick", "broken", "slow"]
        self.assertEqual(expected, await scenario(Remote(self.client)))
        if sys.version_info >= (3, 13):
            self.assertEqual(expected, await scenario(Local()))

    async def test_as_completed_times_out(self) -> None:
        async def scenario(a: Any) -> Any:
            calls = [a.delay(30), a.delay(0, "quick"), a.delay(30)]
            return [await outcome(done) for done in a.as_completed(calls, timeout=3)]

        await self.compare(scenario, ["quick", "TimeoutError", "TimeoutError"])

    async def test_as_completed_may_be_awaited_all_at_once(self) -> None:
        async def scenario(a: Any) -> Any:
            return await asyncio.gather(*a.as_completed([a.delay(1, "slow"), a.delay(0, "quick")]))

        await self.compare(scenario, ["quick", "slow"])

    async def test_giving_up_one_of_as_completed_leaves_the_others_alone(self) -> None:
        async def scenario(a: Any) -> Any:
            calls = [a.delay(4, "slow"), a.delay(1.5, "quick"), a.delay(30), a.delay(30)]
            done = a.as_completed(calls)
            return [await outcome(asyncio.wait_for(next(done), seconds)) for seconds in (0.1, 60, 0.1, 60)]

        await self.compare(scenario, ["TimeoutError", "quick", "TimeoutError", "slow"])

    async def test_cancelling_one_who_waits_for_as_completed_leaves_the_others_alone(self) -> None:
        async def scenario(a: Any) -> Any:
            calls = [a.delay(2, "slow"), a.delay(1, "quick"), a.delay(30)]
            waiters = [asyncio.create_task(await_(done)) for done in a.as_completed(calls)]
            await asyncio.sleep(0)
            waiters[0].cancel()
            return [await outcome(waiter) for waiter in waiters]

        await self.compare(scenario, ["CancelledError", "quick", "slow"])

    async def test_as_completed_takes_tasks_and_coroutines_too(self) -> None:
        async def scenario(a: Any) -> Any:
            calls = [a.create_task(a.delay(2, 1)), a.delay(1, 2), asyncio.sleep(0, 3)]
            return [await done for done in a.as_completed(calls)]

        await self.compare(scenario, [3, 2, 1])

    async def test_wait_for_gives_the_result_or_times_out(self) -> None:
        async def scenario(a: Any) -> Any:
            return [
                await outcome(a.wait_for(a.delay(s, "done"), t))
                for s, t in ((0.01, 10), (0.01, None), (30, 0.1), (30, 0))
            ]

        await self.compare(scenario, ["done", "done", "TimeoutError", "TimeoutError"])

    async def test_wait_for_takes_tasks_too_and_cancels_them(self) -> None:
        async def scenario(a: Any) -> Any:
            task = a.create_task(a.delay(30))
            return await outcome(a.wait_for(task, 0.2)), task.cancelled()

        await self.compare(scenario, ("TimeoutError", True))

    async def test_task_group_gives_results(self) -> None:
        async def scenario(a: Any) -> Any:
            async with a.TaskGroup() as group:
                tasks = [group.create_task(a.delay(0.1, 1)), group.create_task(a.delay(0, 2), name="two")]
            return [task.result() for task in tasks], tasks[1].get_name()

        await self.compare(scenario, ([1, 2], "two"))

    async def test_task_group_cancels_the_siblings_of_a_failure(self) -> None:
        async def scenario(a: Any) -> Any:
            try:
                async with a.TaskGroup() as group:
                    sibling = group.create_task(a.delay(30))
                    group.create_task(a.fail("broken", 0.1))
            except* Exception as errors:
                messages = [str(error) for error in errors.exceptions]
            return messages, sibling.cancelled()

        await self.compare(scenario, (["broken"], True))

    async def test_task_runs_on_its_own(self) -> None:
        async def scenario(a: Any) -> Any:
            task = a.create_task(a.delay(0.1, "done"))
            return (
                task.done(),
                await task,
                task.done(),
                task.cancelled(),
                task.exception(),
                task.result(),
                task.cancel(),
            )

        await self.compare(scenario, (False, "done", True, False, None, "done", False))

    async def test_task_has_no_result_before_its_end(self) -> None:
        async def scenario(a: Any) -> Any:
            task = a.create_task(a.delay(30))
            try:
                task.result()
            except asyncio.InvalidStateError:
                return task.cancel()

        await self.compare(scenario, True)

    async def test_task_that_fails_raises(self) -> None:
        async def scenario(a: Any) -> Any:
            task = a.create_task(a.fail("broken"))
            return await outcome(task), str(task.exception()), await outcome(task)

        await self.compare(scenario, ("broken", "broken", "broken"))

    async def test_task_that_is_cancelled_raises_for_everyone_who_awaits_it(self) -> None:
        async def scenario(a: Any) -> Any:
            task = a.create_task(a.delay(30))
            waiters = [asyncio.create_task(outcome(asyncio.shield(task))) for _ in range(2)]
            await asyncio.sleep(0)
            return task.cancel(), await outcome(task), [await waiter for waiter in waiters], task.cancelled()

        await self.compare(scenario, (True, "CancelledError", ["CancelledError"] * 2, True))

    async def test_task_calls_its_callbacks(self) -> None:
        async def scenario(a: Any) -> Any:
            called: list[Any] = []
            task = a.create_task(a.delay(0.01, "done"))
            task.add_done_callback(lambda done: called.append((done is task, done.result())))
            task.add_done_callback(called.append)
            removed = task.remove_done_callback(called.append)
            await task
            await asyncio.sleep(0)
            return called, removed

        await self.compare(scenario, ([(True, "done")], 1))

    async def test_cancelling_whoever_awaits_a_task_cancels_the_task(self) -> None:
        async def scenario(a: Any) -> Any:
            task = a.create_task(a.delay(30))
            waiter = asyncio.create_task(await_(task))
            await asyncio.sleep(0.2)
            return waiter.cancel(), await outcome(waiter), task.cancelled()

        await self.compare(scenario, (True, "CancelledError", True))

    async def test_tasks_and_calls_work_with_the_rest_of_asyncio(self) -> None:
        async def scenario(a: Any) -> Any:
            quick, slow = a.create_task(a.delay(0.1, "quick")), a.create_task(a.delay(30))
            done, pending = await asyncio.wait([quick, slow], return_when=asyncio.FIRST_COMPLETED)
            slow.cancel()
            try:
                async with asyncio.timeout(0.1):
                    await a.delay(30)
            except TimeoutError:
                timed_out = True
            call = asyncio.create_task(a.delay(0.1, "call"))
            return done == {quick}, pending == {slow}, timed_out, await call, await outcome(slow)

        await self.compare(scenario, (True, True, True, "call", "CancelledError"))


class ClientTests(ClientTestCase):
    async def test_gather_is_one_request(self) -> None:
        async with host.recorder() as recorder, Client(recorder.url, host.KEY) as client:
            self.assertEqual(
                [4, 8], await client.gather(client.call("math.square", x=2), client.call("math.pow", x=2, y=3))
            )
            self.assertEqual(["POST /api/gather"], recorder.requests)

    async def test_a_call_that_is_not_awaited_is_not_sent(self) -> None:
        async with host.recorder() as recorder, Client(recorder.url, host.KEY) as client:
            client.call("math.square", x=3)
            self.assertEqual(4, await client.call("math.square", x=2))
            self.assertEqual(["POST /api/await/math.square"], recorder.requests)

    async def test_connections_are_reused(self) -> None:
        async with host.recorder() as recorder, Client(recorder.url, host.KEY) as client:
            for x in range(5):
                self.assertEqual(x * x, await client.call("math.square", x=x))
            self.assertFalse(recorder.disconnected.is_set())
            self.assertEqual(1, recorder.connections)

    async def test_arguments_by_position_go_to_the_properties_in_order(self) -> None:
        self.assertEqual(1024, await self.client.call("math.pow", 2, 10))
        self.assertEqual(1024, await self.client.call("math.pow", 2, y=10))
        self.assertEqual(
            [1024, "done"],
            await self.client.gather(self.client.call("math.pow", 2, 10), self.client.call("delay", 0, "done")),
        )
        with self.assertRaisesRegex(TypeError, "math.pow takes 2 arguments, not 3: x, y"):
            await self.client.call("math.pow", 1, 2, 3)
        with self.assertRaisesRegex(TypeError, "two values for x"):
            await self.client.call("math.pow", 1, x=2)

    async def test_gather_limits_what_runs_at_once(self) -> None:
        calls = [self.client.call("delay", seconds=0.2) for _ in range(4)]
        body = {"calls": await bind_all(calls, self.client), "maxConcurrency": 1}
        self.assertGreaterEqual((await self.client.post("/gather", body))["elapsedMs"], 750)
        self.assertEqual([None] * 4, await self.client.gather(*calls, max_concurrency=4))

    async def test_stream_gives_each_value(self) -> None:
        self.assertEqual([0, 1, 2], [value async for value in self.client.stream("count", count=3)])
        self.assertEqual(
            [5, 7], [value async for value in self.client.stream(self.client.call("count", 2, start=5, step=2))]
        )
        self.assertEqual([0, 1], [value async for value in self.client.call("count", 2)])
        self.assertEqual([], [value async for value in self.client.stream("count", count=0)])

    async def test_stream_gives_values_before_its_end(self) -> None:
        async for value in self.client.stream("greet", pauseSeconds=1000):
            self.assertEqual("Hello, World!", value)
            break

    async def test_map_gives_results_in_order_while_it_reads_items(self) -> None:
        read = 0

        async def items() -> AsyncIterator[int]:
            nonlocal read
            for read in range(10_000_000):
                yield read

        async with contextlib.aclosing(self.client.map("echo", items(), limit=200)) as results:
            seen = 0
            async for result in results:
                self.assertEqual(seen, result)
                seen += 1
                if seen == 5_000:
                    break
        self.assertLess(read, 2_000_000)

    async def test_map_takes_any_iterable_and_its_options(self) -> None:
        async def all_of(results: AsyncGenerator[Any, None]) -> list[Any]:
            return [result async for result in results]

        self.assertEqual([], await all_of(self.client.map("echo", [])))
        self.assertEqual(list(range(250)), await all_of(self.client.map("echo", iter(range(250)), limit=3, rate=100_000)))
        slow_first = [{"seconds": 1, "result": 1}, {"seconds": 0, "result": 2}]
        self.assertEqual([2, 1], await all_of(self.client.map(operation("delay"), slow_first, ordered=False)))
        self.assertEqual([9.0], await all_of(self.client.map("math.square", [3])))
        first, second = await all_of(self.client.map("delay", ["soon", 0], return_exceptions=True))
        self.assertEqual(("invalid-request", None), (first.slug, second))

    async def test_map_raises_the_first_exception(self) -> None:
        with self.assertRaisesRegex(ProblemError, "no paper"):
            async for _ in self.client.map("fail", [{"message": "later", "afterSeconds": 1000}, {"message": "no paper"}]):
                self.fail("Nothing has succeeded.")
        with self.assertRaisesRegex(ProblemError, "maxConcurrency"):
            await anext(self.client.map("math.square", [3], limit=2))

    async def test_map_raises_the_exception_of_its_iterable_after_the_results_before_it(self) -> None:
        def items() -> Iterator[int]:
            yield 1
            raise ZeroDivisionError

        results = self.client.map("echo", items())
        self.assertEqual(1, await anext(results))
        with self.assertRaises(ZeroDivisionError):
            await anext(results)

    async def test_stream_of_another_kind_of_operation_is_a_problem(self) -> None:
        with self.assertRaises(ProblemError) as raised:
            async for _ in self.client.stream("delay", seconds=0):
                pass
        self.assertEqual("wrong-kind", raised.exception.slug)

    async def test_sequence_runs_one_after_the_other(self) -> None:
        call = self.client.call
        steps = [call("primes.factor", 360), call("stats.describe", values={"$ref": "#/results/0"})]
        factors, statistics = await self.client.sequence(*steps)
        self.assertEqual(([2, 2, 2, 3, 3, 5], 6), (factors, statistics["count"]))
        with self.assertRaises(ProblemError) as raised:
            await self.client.sequence(
                call("echo", value="kept"), call("fail", message="broken"), call("echo", value=1)
            )
        self.assertEqual((1, ["kept"]), (raised.exception.problem["index"], raised.exception.problem["results"]))
        with self.assertRaises(TimeoutError):
            await self.client.sequence(call("delay", seconds=30), timeout=0.1)

    async def test_problem_has_what_the_server_says(self) -> None:
        with self.assertRaises(ProblemError) as raised:
            await self.client.call("delay", seconds="soon", stop=1)
        error = raised.exception
        self.assertEqual((422, "invalid-request", "/problems/invalid-request"), (error.status, error.slug, error.type))
        self.assertEqual({"/seconds", "/stop"}, set(error.errors))
        self.assertIn("/seconds", error.detail)
        self.assertEqual(error.detail, str(error))
        self.assertIsNone(error.retry_after)
        copy = pickle.loads(pickle.dumps(error))
        self.assertEqual((ProblemError, error.problem, str(error)), (type(copy), copy.problem, str(copy)))

    async def test_unknown_operation_is_a_problem(self) -> None:
        with self.assertRaises(ProblemError) as raised:
            await self.client.call("ehco", 1)
        self.assertEqual(
            ("unknown-operation", ["echo"]), (raised.exception.slug, raised.exception.problem["suggestions"])
        )

    async def test_timeout_of_the_server_is_a_problem_and_a_timeout(self) -> None:
        with self.assertRaises(ProblemTimeoutError) as raised:
            await self.client.wait_for(self.client.call("delay", seconds=30), 0.1)
        self.assertIsInstance(raised.exception, TimeoutError)
        self.assertEqual(504, raised.exception.status)
        self.assertIsInstance(pickle.loads(pickle.dumps(raised.exception)), ProblemTimeoutError)

    async def test_numbers_that_json_does_not_have_are_refused(self) -> None:
        with self.assertRaises(ValueError):
            await self.client.call("echo", value=float("nan"))

    async def test_a_closed_client_refuses_calls(self) -> None:
        await self.client.close()
        with self.assertRaises(RuntimeError):
            await self.client.call("echo", value=1)


class CancellationTests(ClientTestCase):
    """What is cancelled here stops at the server."""

    async def test_of_an_await(self) -> None:
        running = [asyncio.create_task(call) for call in await self.endless()]
        await self.assert_busy(True)
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await self.assert_busy(False)

    async def test_of_a_gather(self) -> None:
        running = self.client.gather(*await self.endless())
        await self.assert_busy(True)
        running.cancel()
        await self.assert_busy(False)

    async def test_by_a_timeout(self) -> None:
        with self.assertRaises(TimeoutError):
            async with asyncio.timeout(1):
                await self.client.gather(*await self.endless())
        await self.assert_busy(False)

    async def test_of_as_completed_that_is_dropped(self) -> None:
        results = self.client.as_completed([self.client.call("echo", value="first"), *await self.endless()])
        async for done in results:
            self.assertEqual("first", await done)
            break
        await self.assert_busy(True)
        del results
        await self.assert_busy(False)

    async def test_of_a_task_group(self) -> None:
        calls = await self.endless()
        with self.assertRaises(ExceptionGroup):
            async with self.client.TaskGroup() as group:
                for call in calls:
                    group.create_task(call)
                await self.assert_busy(True)
                group.create_task("fail", message="broken")
        await self.assert_busy(False)

    async def test_of_a_client_that_is_closed(self) -> None:
        async with Client(host.url(), host.KEY) as other:
            running = [asyncio.create_task(other.call("primes.count", *call.args)) for call in await self.endless()]
            await self.assert_busy(True)
        for error in await asyncio.gather(*running, return_exceptions=True):
            self.assertIsInstance(error, ConnectionError)
        await self.assert_busy(False)

    async def test_of_a_stream_that_is_left(self) -> None:
        async with host.recorder() as recorder, Client(recorder.url, host.KEY) as client:
            values = client.stream("count", count=10**9, intervalSeconds=0.01)
            async for value in values:
                if value == 2:
                    break
            await values.aclose()
            async with asyncio.timeout(60):
                await recorder.disconnected.wait()


class EnvironmentTests(unittest.TestCase):
    """asyncio_http.asyncio, whose server is the one that the environment names. test_seeds.py has more of it."""

    def setUp(self) -> None:
        self.enterContext(mock.patch.dict(os.environ, {"FUNCTIONS_BASE_URL": host.url()}))

    def test_it_has_what_asyncio_has(self) -> None:
        square = operation("math.square")

        async def main() -> Any:
            tasks = [drop_in.create_task(square(x), name=f"square of {x}") for x in (2, 3)]
            local = drop_in.create_task(await_(square(4)))
            async with drop_in.TaskGroup() as group:
                grouped = group.create_task(square(5))
            completed = [await done for done in drop_in.as_completed([square(6)])]
            waited = await drop_in.wait_for(square(7), 60)
            return await drop_in.gather(*tasks, local), tasks[0].get_name(), grouped.result(), completed, waited

        self.assertEqual(([4, 9, 16], "square of 2", 25, [36], 49), drop_in.run(main()))
        self.assertIs(asyncio.Queue, drop_in.Queue)
        with self.assertRaises(AttributeError):
            drop_in.no_such_name

    def test_variable_that_is_empty_is_not_set(self) -> None:
        with mock.patch.dict(os.environ, {"FUNCTIONS_BASE_URL": "", "FUNCTIONS_KEY": ""}):
            self.assertEqual((DEFAULT_URL, None), configured_server())

    def test_each_loop_has_a_client_of_its_own(self) -> None:
        async def get() -> Client:
            return current_client()

        with asyncio.Runner() as first, asyncio.Runner() as second:
            clients = [first.run(get()), second.run(get()), first.run(get())]
        self.assertIs(clients[0], clients[2])
        self.assertIsNot(clients[0], clients[1])


if __name__ == "__main__":
    unittest.main()
