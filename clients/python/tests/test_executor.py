"""Executors. What a ThreadPoolExecutor of the standard library does too runs twice, on one and on the client."""

from __future__ import annotations

import asyncio
import concurrent.futures
import itertools
import os
import subprocess
import sys
import threading
import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import host

from asyncio_http import Call, ProblemError, ProcessPoolExecutor, ThreadPoolExecutor, operation
from asyncio_http.concurrent import futures as drop_in

LIMIT = 60
"""Seconds that a test waits for what must come."""


def square(x: Any) -> Any:
    return x * x


def power(x: Any, y: Any) -> Any:
    return x**y


class LikeConcurrentFuturesTests(unittest.TestCase):
    """Each scenario gives the same on an executor of this process and on both of the server."""

    def compare(self, expected: Any, scenario: Callable[[Any, Any, Any], Any]) -> None:
        with concurrent.futures.ThreadPoolExecutor(4) as local:
            self.assertEqual(expected, scenario(local, square, power), "concurrent.futures itself")
        for kind in (ThreadPoolExecutor, ProcessPoolExecutor):
            with kind(host.url(), host.KEY, max_workers=4) as remote:
                self.assertEqual(expected, scenario(remote, "math.square", operation("math.pow")), kind.__name__)

    def test_submit_gives_the_future_of_a_result(self) -> None:
        self.compare(1024, lambda executor, _, power: executor.submit(power, 2, y=10).result(LIMIT))
        self.compare(8, lambda executor, _, power: executor.submit(partial(power, 2), 3).result(LIMIT))

    def test_future_is_one_of_concurrent_futures(self) -> None:
        def scenario(executor: Any, square: Any, _: Any) -> Any:
            submitted = [executor.submit(square, x) for x in range(20)]
            done, _ = concurrent.futures.wait(submitted, LIMIT)
            completed = concurrent.futures.as_completed(submitted, LIMIT)
            return len(done), sorted(future.result() for future in completed), isinstance(submitted[0], concurrent.futures.Future)

        self.compare((20, [x * x for x in range(20)], True), scenario)

    def test_exception_of_a_call_is_that_of_its_future(self) -> None:
        self.compare(True, lambda executor, square, _: executor.submit(square, None).exception(LIMIT) is not None)

    def test_map_gives_results_in_order(self) -> None:
        self.compare([0, 1, 4, 9, 16], lambda executor, square, _: list(executor.map(square, range(5), timeout=LIMIT)))
        self.compare([1, 8, 9], lambda executor, _, power: list(executor.map(power, [1, 2, 3, 4], iter([5, 3, 2]))))
        self.compare([], lambda executor, square, _: list(executor.map(square, [])))

    def test_map_in_chunks_gives_the_same(self) -> None:
        self.compare([x * x for x in range(10)], lambda executor, square, _: list(executor.map(square, range(10), chunksize=3)))

    def test_map_raises_the_exception_of_an_item_in_its_place(self) -> None:
        def scenario(executor: Any, square: Any, _: Any) -> Any:
            results = executor.map(square, [1, 2, None, 4])
            first = [next(results), next(results)]
            with self.assertRaises((TypeError, ProblemError)):
                next(results)
            return first, list(results)

        self.compare(([1, 4], []), scenario)

    def test_map_without_buffersize_reads_all_items_at_once(self) -> None:
        def scenario(executor: Any, square: Any, _: Any) -> Any:
            items = iter(range(30))
            results = executor.map(square, items)
            return list(items), len(list(results))

        self.compare(([], 30), scenario)

    def test_submitting_after_shutdown_is_an_error(self) -> None:
        def scenario(executor: Any, square: Any, _: Any) -> Any:
            future = executor.submit(square, 3)
            executor.shutdown()
            with self.assertRaisesRegex(RuntimeError, "cannot schedule new futures after shutdown"):
                executor.submit(square, 4)
            return future.done(), future.result()

        self.compare((True, 9), scenario)

    def test_number_of_workers_is_positive(self) -> None:
        for kind in (concurrent.futures.ThreadPoolExecutor, drop_in.ThreadPoolExecutor, drop_in.ProcessPoolExecutor):
            with self.assertRaisesRegex(ValueError, "max_workers must be greater than 0"):
                kind(0)


class BufferTests(unittest.TestCase):
    """`buffersize`, which the standard library has from Python 3.14."""

    def setUp(self) -> None:
        self.executor = ThreadPoolExecutor(host.url(), host.KEY)
        self.addCleanup(self.executor.shutdown)

    def test_items_are_read_no_further_ahead_than_the_buffer(self) -> None:
        read: list[int] = []

        def items() -> Iterator[int]:
            for x in itertools.count():
                read.append(x)
                yield x

        results = self.executor.map("math.square", items(), buffersize=3)
        self.assertEqual([0, 1, 2], read)
        self.assertEqual([0, 1, 4], list(itertools.islice(results, 3)))
        self.assertEqual([0, 1, 2, 3, 4, 5], read)

    def test_buffer_of_chunks(self) -> None:
        with ProcessPoolExecutor(host.url(), host.KEY) as executor:
            results = executor.map("math.square", itertools.count(), chunksize=2, buffersize=2)
            self.assertEqual([0, 1, 4, 9, 16], list(itertools.islice(results, 5)))

    def test_buffer_longer_than_the_items(self) -> None:
        self.assertEqual([0, 1, 4], list(self.executor.map("math.square", range(3), buffersize=10)))

    def test_size_is_a_positive_integer(self) -> None:
        with self.assertRaisesRegex(TypeError, "buffersize must be an integer or None"):
            self.executor.map("math.square", [1], buffersize="1")  # type: ignore[call-overload]
        with self.assertRaisesRegex(ValueError, "buffersize must be None or > 0"):
            self.executor.map("math.square", [1], buffersize=0)


class HeldTests(unittest.TestCase):
    """Calls that a gate holds."""

    def setUp(self) -> None:
        self.gate = threading.Event()
        self.started = threading.Semaphore(0)
        self.executor = ThreadPoolExecutor(host.url(), host.KEY, max_workers=2)
        self.addCleanup(self.executor.shutdown)
        self.addCleanup(self.gate.set)

    @contextmanager
    def held(self) -> Iterator[None]:
        async def run(call: Call[Any]) -> Any:
            self.started.release()
            await asyncio.to_thread(self.gate.wait)
            return call.args

        with mock.patch.object(Call, "run", run):
            yield

    def test_only_as_many_calls_as_workers_run_and_those_that_wait_can_be_cancelled(self) -> None:
        with self.held():
            futures = [self.executor.submit("echo", x) for x in range(4)]
            self.assertTrue(self.started.acquire(timeout=LIMIT) and self.started.acquire(timeout=LIMIT))
            self.assertEqual([True, True, False, False], [future.running() for future in futures])
            self.assertEqual([False, True], [futures[0].cancel(), futures[2].cancel()])
            self.gate.set()
            self.assertEqual((3,), futures[3].result(LIMIT))
        self.assertTrue(futures[2].cancelled())

    def test_shutdown_cancels_what_waits_and_lets_running_calls_end(self) -> None:
        with self.held():
            futures = [self.executor.submit("echo", x) for x in range(4)]
            self.assertTrue(self.started.acquire(timeout=LIMIT) and self.started.acquire(timeout=LIMIT))
            self.executor.shutdown(wait=False, cancel_futures=True)
            self.assertEqual([False, False, True, True], [future.cancelled() for future in futures])
            self.gate.set()
            self.assertEqual([(0,), (1,)], [future.result(LIMIT) for future in futures[:2]])

    def test_map_that_is_out_of_time_cancels_what_waits(self) -> None:
        with self.held():
            results = self.executor.map("echo", range(4), timeout=0)
            with self.assertRaises(TimeoutError):
                next(results)
            self.gate.set()
            self.executor.shutdown()


class ProgramTests(unittest.TestCase):
    def test_changing_the_import_changes_nothing_else(self) -> None:
        program = """
from asyncio_http import operation
from asyncio_http.concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
square = operation("math.square")
with ThreadPoolExecutor(max_workers=8) as executor:
    print(sorted(done.result() for done in as_completed([executor.submit(square, x) for x in range(3)])))
with ProcessPoolExecutor() as executor:
    print(list(executor.map(square, range(5), chunksize=2)))
ThreadPoolExecutor().submit(square, 7).add_done_callback(lambda done: print(done.result()))
"""
        environment = {**os.environ, "FUNCTIONS_BASE_URL": host.url(), "PYTHONPATH": str(host.SOURCES)}
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
        self.assertEqual(("[0, 1, 4]\n[0, 1, 4, 9, 16]\n49\n", ""), (done.stdout, done.stderr))

    def test_initializer_is_refused(self) -> None:
        for kind in (drop_in.ThreadPoolExecutor, drop_in.ProcessPoolExecutor):
            with self.assertRaisesRegex(TypeError, "takes no initializer"):
                kind(initializer=print)

    def test_function_that_is_no_operation_is_refused(self) -> None:
        with ThreadPoolExecutor(host.url(), host.KEY) as executor:
            with self.assertRaises(TypeError):
                executor.submit(square, 1)  # type: ignore[call-overload]
