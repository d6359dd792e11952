"""The multiprocessing half. What a pool of processes has too runs twice, on one and on the client, and is compared."""

from __future__ import annotations

import concurrent.futures
import gc
import itertools
import multiprocessing
import multiprocessing.pool
import os
import socket
import subprocess
import sys
import threading
import time
import unittest
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest import mock

import host

from asyncio_http import Operation, Pool, ProblemError, ThreadPool, operation
from asyncio_http import multiprocessing as drop_in
from asyncio_http import workers


def square(x: Any) -> Any:
    return x * x


def power(x: Any, y: Any) -> Any:
    return x**y


def echo(value: Any) -> Any:
    return value


class LikeMultiprocessingTests(unittest.TestCase):
    """Each scenario gives the same on both pools."""

    local: multiprocessing.pool.Pool
    remote: Pool

    @classmethod
    def setUpClass(cls) -> None:
        # Spawned, because a process that has threads does not fork safely.
        cls.local = multiprocessing.get_context("spawn").Pool(2)
        cls.remote = Pool(host.url(), host.KEY)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.local.terminate()
        cls.remote.terminate()

    def compare(self, expected: Any, scenario: Callable[[Any, Any, Any], Any]) -> None:
        self.assertEqual(expected, scenario(self.local, square, power), "multiprocessing itself")
        self.assertEqual(expected, scenario(self.remote, "math.square", operation("math.pow")), "the client")

    def test_map_gives_results_in_the_order_of_the_items(self) -> None:
        self.compare([x * x for x in range(1000)], lambda pool, square, _: pool.map(square, range(1000)))

    def test_map_takes_any_iterable_and_chunksize(self) -> None:
        self.compare([0, 1, 4, 9], lambda pool, square, _: pool.map(square, iter(range(4)), chunksize=3))

    def test_map_of_nothing_is_empty(self) -> None:
        self.compare([], lambda pool, square, _: pool.map(square, []))

    def test_map_raises_the_exception_of_an_item(self) -> None:
        self.compare("raised", lambda pool, square, _: outcome(lambda: pool.map(square, [1, None, 2])))

    def test_starmap_unpacks_the_items(self) -> None:
        self.compare([1024, 81], lambda pool, _, power: pool.starmap(power, [(2, 10), [3, 4]]))
        self.compare([1024, 81], lambda pool, _, power: pool.starmap(power, iter([(2, 10), iter([3, 4])])))

    def test_starmap_raises_the_exception_of_an_item(self) -> None:
        self.compare("raised", lambda pool, _, power: outcome(lambda: pool.starmap(power, [(2, 2), (0, -1)])))

    def test_apply(self) -> None:
        self.compare(
            [8, 8, 8],
            lambda pool, _, power: [
                pool.apply(power, a, k) for a, k in (((2, 3), {}), ((2,), {"y": 3}), ((), {"x": 2, "y": 3}))
            ],
        )

    def test_partial_has_some_of_the_arguments(self) -> None:
        def scenario(pool: Any, _: Any, power: Any) -> Any:
            first, second = partial(power, 2), partial(power, y=2)
            return [
                pool.map(first, [3, 4]),
                pool.map(second, iter([3, 4]), chunksize=1),
                pool.map(partial(partial(power), y=3), [2]),
                pool.map_async(partial(first), [3]).get(60),
                pool.starmap(first, [(3,), [4]]),
                pool.starmap(partial(power), iter([(2, 3)])),
                pool.starmap_async(second, [(5,)]).get(60),
                list(pool.imap(first, range(4))),
                sorted(pool.imap_unordered(second, range(4), chunksize=2)),
                pool.apply(first, (3,)),
                pool.apply(partial(power, 2, 5)),
                pool.apply(second, (3,), {"y": 3}),
                pool.apply_async(partial(power, x=2), (), {"y": 3}).get(60),
                pool.map(first, []),
            ]

        expected = [[8, 16], [9, 16], [8], [8], [8, 16], [8], [25], [1, 2, 4, 8], [0, 1, 4, 9], 8, 32, 27, 8, []]
        self.compare(expected, scenario)

    def test_partial_that_has_an_argument_already_is_a_type_error(self) -> None:
        def scenario(pool: Any, _: Any, power: Any) -> Any:
            return [
                outcome(lambda: pool.map(partial(power, x=2), [3]), TypeError),
                outcome(lambda: pool.map(partial(power, 2, 3), [4]), TypeError),
                outcome(lambda: pool.starmap(partial(power, 2), [(3, 4)]), TypeError),
                outcome(lambda: pool.apply(partial(power, 2, 3), (4,)), TypeError),
                outcome(lambda: next(pool.imap(partial(power, x=2), [3])), TypeError),
            ]

        self.compare(["TypeError"] * 5, scenario)

    def test_imap_gives_results_in_order(self) -> None:
        self.compare([x * x for x in range(100)], lambda pool, square, _: list(pool.imap(square, range(100))))
        self.compare(
            [x * x for x in range(100)], lambda pool, square, _: list(pool.imap(square, range(100), chunksize=7))
        )
        self.compare([], lambda pool, square, _: list(pool.imap(square, [])))

    def test_imap_unordered_gives_all_results(self) -> None:
        self.compare(
            [x * x for x in range(100)], lambda pool, square, _: sorted(pool.imap_unordered(square, range(100)))
        )

    def test_imap_raises_in_the_place_of_the_item_and_goes_on(self) -> None:
        def scenario(pool: Any, square: Any, _: Any) -> Any:
            results = pool.imap(square, [1, None, 3])
            return [outcome(lambda: next(results)) for _ in range(4)]

        self.compare([1, "raised", 9, "StopIteration"], scenario)

    def test_imap_raises_what_the_iterable_raises_after_the_results_before(self) -> None:
        def items() -> Iterator[int]:
            yield 1
            yield 2
            raise LookupError("no more items")

        def scenario(pool: Any, square: Any, _: Any) -> Any:
            results = pool.imap(square, items())
            return [outcome(lambda: next(results), LookupError) for _ in range(4)]

        self.compare([1, 4, "LookupError", "StopIteration"], scenario)

    def test_imap_may_wait_for_a_limited_time(self) -> None:
        def scenario(pool: Any, square: Any, _: Any) -> Any:
            released = threading.Event()

            def items() -> Iterator[int]:
                yield 2
                released.wait()
                yield 3

            results = pool.imap(square, items())
            first = results.next(timeout=60)
            late = outcome(lambda: results.next(timeout=0.1), (TimeoutError, multiprocessing.TimeoutError))
            released.set()
            return first, late, results.next(60), outcome(results.next)

        self.compare((4, "TimeoutError", 9, "StopIteration"), scenario)

    def test_async_results(self) -> None:
        def scenario(pool: Any, square: Any, power: Any) -> Any:
            called: list[Any] = []
            results = [
                pool.map_async(square, [1, 2], callback=called.append),
                pool.starmap_async(power, [(2, 3)], callback=called.append),
                pool.apply_async(square, (5,), callback=called.append),
            ]
            values = [result.get(timeout=60) for result in results]
            return (
                values,
                sorted(map(str, called)),
                [(result.ready(), result.successful(), result.wait()) for result in results],
            )

        self.compare(([[1, 4], [8], 25], ["25", "[1, 4]", "[8]"], [(True, True, None)] * 3), scenario)

    def test_async_results_that_fail(self) -> None:
        def scenario(pool: Any, square: Any, _: Any) -> Any:
            called: list[Any] = []
            result = pool.map_async(square, [None], callback=called.append, error_callback=called.append)
            result.wait()
            return (
                outcome(result.get),
                outcome(result.get),
                result.successful(),
                [isinstance(e, Exception) for e in called],
            )

        self.compare(("raised", "raised", False, [True]), scenario)

    def test_chunksize_of_imap_is_checked(self) -> None:
        self.compare(
            "ValueError", lambda pool, square, _: outcome(lambda: pool.imap(square, [1], chunksize=0), ValueError)
        )


class LikeThreadPoolTests(unittest.TestCase):
    """Each scenario gives the same on a pool of threads and on a pool of calls."""

    local: multiprocessing.pool.ThreadPool
    remote: ThreadPool

    @classmethod
    def setUpClass(cls) -> None:
        cls.local = multiprocessing.pool.ThreadPool(8)
        cls.remote = ThreadPool(host.url(), host.KEY, processes=8)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.local.terminate()
        cls.remote.terminate()

    def compare(self, expected: Any, scenario: Callable[[Any, Any, Any], Any]) -> None:
        def delay(seconds: Any, result: Any = None) -> Any:
            time.sleep(seconds)
            return result

        self.assertEqual(expected, scenario(self.local, echo, delay), "multiprocessing itself")
        self.assertEqual(expected, scenario(self.remote, "echo", operation("delay")), "the client")

    def test_map_gives_results_in_the_order_of_the_items(self) -> None:
        self.compare(list(range(2_500)), lambda pool, echo, _: pool.map(echo, range(2_500), chunksize=7))
        self.compare([], lambda pool, echo, _: pool.map(echo, []))
        self.compare([1, 2], lambda pool, echo, _: pool.map_async(echo, iter([1, 2])).get(60))

    def test_starmap_and_partial(self) -> None:
        self.compare([1, 2], lambda pool, _, delay: pool.starmap(delay, [(0.2, 1), [0, 2]]))
        self.compare([1, 1], lambda pool, _, delay: pool.map(partial(delay, result=1), [0, 0]))
        self.compare([1, 2], lambda pool, _, delay: pool.starmap_async(partial(delay, 0), [(1,), (2,)]).get(60))

    def test_imap(self) -> None:
        self.compare([None, None], lambda pool, _, delay: list(pool.imap(delay, iter([0.2, 0]))))
        self.compare([0, 1, 2], lambda pool, echo, _: sorted(pool.imap_unordered(echo, range(3), chunksize=2)))
        self.compare(8, lambda pool, echo, _: pool.apply(echo, (8,)))

    def test_map_raises_the_exception_of_an_item(self) -> None:
        self.compare("raised", lambda pool, _, delay: outcome(lambda: pool.map(delay, [0, "soon"])))
        self.compare("raised", lambda pool, _, delay: outcome(lambda: pool.map_async(delay, [-1]).get(60)))

    def test_many_calls_wait_at_once(self) -> None:
        started = time.monotonic()
        self.remote.map("delay", [0.5] * 40)
        self.assertLess(2.4, time.monotonic() - started)  # Eight at once.
        started = time.monotonic()
        with ThreadPool(host.url(), host.KEY, processes=200) as pool:
            pool.map("delay", [1] * 200)
        self.assertLess(time.monotonic() - started, 60)

    def test_operation_of_kind_cpu_has_no_calls(self) -> None:
        with self.assertRaisesRegex(ProblemError, "/maxConcurrency is for io operations"):
            self.remote.map("math.square", [1])


class LikeMultiprocessingLifeTests(unittest.TestCase):
    def compare(self, expected: Any, scenario: Callable[[Any, Any], Any]) -> None:
        with multiprocessing.get_context("spawn").Pool(1) as local:
            self.assertEqual(expected, scenario(local, square), "multiprocessing itself")
        with Pool(host.url(), host.KEY) as remote:
            self.assertEqual(expected, scenario(remote, "math.square"), "the client")

    def test_closed_pool_finishes_what_it_has_and_refuses_more(self) -> None:
        def scenario(pool: Any, square: Any) -> Any:
            result = pool.map_async(square, range(3))
            pool.close()
            refused = [
                outcome(lambda: pool.map(square, [1]), ValueError),
                outcome(lambda: pool.imap(square, [1]), ValueError),
                outcome(lambda: pool.apply(square, (1,)), ValueError),
            ]
            pool.join()
            return refused, result.ready(), result.get()

        self.compare((["ValueError"] * 3, True, [0, 1, 4]), scenario)

    def test_iterator_can_be_read_after_join(self) -> None:
        def scenario(pool: Any, square: Any) -> Any:
            results = pool.imap(square, range(1000))
            pool.close()
            pool.join()
            return list(results)

        self.compare([x * x for x in range(1000)], scenario)

    def test_running_pool_cannot_be_joined(self) -> None:
        self.compare("ValueError", lambda pool, _: outcome(pool.join, ValueError))

    def test_result_that_is_not_ready(self) -> None:
        with Pool(host.url(), host.KEY) as pool:
            result = pool.apply_async("delay", (30,))
            self.assertFalse(result.ready())
            with self.assertRaises(ValueError):
                result.successful()
            with self.assertRaises(TimeoutError):
                result.get(timeout=0.1)


class NamesTests(unittest.TestCase):
    """asyncio_http.multiprocessing, beside multiprocessing itself."""

    def setUp(self) -> None:
        self.enterContext(mock.patch.dict(os.environ, {"FUNCTIONS_BASE_URL": host.url()}))

    def test_timeout_of_a_result_is_caught_by_each_of_its_names(self) -> None:
        with drop_in.Pool() as pool:
            released = threading.Event()

            def items() -> Iterator[int]:
                released.wait()
                yield 2

            results = pool.imap("math.square", items())
            names = (drop_in.TimeoutError, multiprocessing.TimeoutError, multiprocessing.ProcessError, TimeoutError)
            for kind in names:
                for late in (pool.apply_async("delay", (30,)).get, results.next):
                    for seconds in (0, 0.01):
                        with self.assertRaises(kind):
                            late(seconds)
            released.set()
            self.assertEqual(4, results.next(60))

    def test_cores_are_those_of_the_server(self) -> None:
        with drop_in.Pool() as pool:
            workers = pool._background.submit(pool._client.post("/map/math.square", {"items": [1]})).result()["workers"]
        self.assertEqual(workers, drop_in.cpu_count())
        with drop_in.Pool(drop_in.cpu_count()) as pool:
            self.assertEqual([4], pool.map("math.square", [2]))

    def test_cores_are_those_of_this_machine_if_the_server_does_not_tell(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            os.environ["FUNCTIONS_BASE_URL"] = f"http://127.0.0.1:{unused.getsockname()[1]}"
            self.assertEqual(multiprocessing.cpu_count(), drop_in.cpu_count())

    def test_every_other_name_is_that_of_multiprocessing(self) -> None:
        for name in multiprocessing.__all__:
            is_own = name in ("Pool", "cpu_count")
            self.assertEqual(is_own, getattr(drop_in, name) is not getattr(multiprocessing, name), name)
        with self.assertRaises(AttributeError):
            drop_in.no_such_name

    def test_number_of_processes_is_checked(self) -> None:
        for module in (multiprocessing, drop_in):
            for processes in (0, -1):
                with self.assertRaises(ValueError):
                    module.Pool(processes)


class PoolTests(unittest.TestCase):
    def setUp(self) -> None:
        self.pool = self.enterContext(Pool(host.url(), host.KEY))

    def test_item_is_a_value_or_a_whole_input(self) -> None:
        digests = self.pool.map("hash", ["hello", {"text": "hello", "algorithm": "md5"}])
        self.assertEqual("5d41402abc4b2a76b9719d911017c592", digests[1])
        self.assertTrue(digests[0].startswith("2cf24dba"))

    def test_partial_takes_the_rest_of_its_input_by_name(self) -> None:
        md5 = partial(operation("hash"), algorithm="md5")
        items: list[Any] = ["hello", {"text": "hello"}, {"base64": "aGVsbG8="}, {"text": "hello", "algorithm": "sha1"}]
        digests = ["5d41402abc4b2a76b9719d911017c592"] * 3 + ["aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"]
        self.assertEqual(digests, self.pool.map(md5, items))
        self.assertEqual(digests, list(self.pool.imap(md5, items)))
        self.assertEqual([4, 4], self.pool.map(partial(operation("primes.count"), from_=0), [{"to": 10}, {"to": 8}]))
        self.assertEqual(4, self.pool.apply("primes.count", (), {"from_": 0, "to": 10}))

    def test_partial_of_what_is_no_operation_is_refused(self) -> None:
        no_operation: Any = partial(power, 2)
        runs: tuple[Any, ...] = (self.pool.map, self.pool.imap, self.pool.starmap_async, self.pool.apply_async)
        for run in runs:
            with self.assertRaisesRegex(TypeError, "asyncio_http.operation"):
                run(no_operation, [(1,)])
        with self.assertRaises(ProblemError) as raised:
            next(self.pool.imap(partial(operation("math.sqare"), 1), itertools.count()))
        self.assertEqual("unknown-operation", raised.exception.slug)

    def test_processes_limit_the_threads_of_a_map(self) -> None:
        with Pool(host.url(), host.KEY, processes=1) as pool:
            self.assertEqual([1, 4], pool.map("math.square", [1, 2]))
            self.assertEqual([1, 4], list(pool.imap("math.square", [1, 2])))

    def test_map_of_more_items_than_one_request_may_have(self) -> None:
        count = workers.MAX_ITEMS + 1
        self.assertEqual([x * x for x in range(count)], self.pool.map("math.square", range(count)))

    def test_map_of_more_bytes_than_one_request_may_have(self) -> None:
        texts = [chr(ord("a") + n) * 1_000_000 for n in range(25)]
        counts = self.pool.map("text.count", texts)
        self.assertEqual([text[:1] for text in texts], [count["top"][0]["word"][:1] for count in counts])

    def test_map_of_more_results_than_one_response_may_have(self) -> None:
        # 2,048 characters each, 70 MiB in all, of a request of 1 MB.
        keys = self.pool.starmap("pbkdf2", [("password", "c2FsdA==", 1, 1024)] * 36_000)
        self.assertEqual((36_000, 1, 2048), (len(keys), len(set(keys)), len(keys[0])))

    def test_index_of_a_problem_counts_over_all_requests(self) -> None:
        texts: list[Any] = ["x" * 4_000_000] * 6
        with self.assertRaises(ProblemError) as raised:
            self.pool.map("hash", [*texts, 7])
        self.assertEqual(("invalid-request", 6), (raised.exception.slug, raised.exception.problem["index"]))

    def test_item_over_the_limit_is_a_problem(self) -> None:
        with self.assertRaises(ProblemError) as raised:
            self.pool.map("hash", ["x" * 11_000_000])
        self.assertEqual("too-large", raised.exception.slug)

    def test_unknown_operation_is_a_problem(self) -> None:
        works: list[Callable[[], Any]] = [
            lambda: self.pool.map("math.sqare", [1]),
            lambda: next(self.pool.imap("math.sqare", [1])),
            lambda: next(self.pool.imap("math.sqare", itertools.count())),
            lambda: self.pool.apply("math.sqare", (1,)),
        ]
        for work in works:
            with self.assertRaises(ProblemError) as raised:
                work()
            self.assertEqual("unknown-operation", raised.exception.slug)

    def test_function_that_is_no_operation_is_refused(self) -> None:
        with self.assertRaisesRegex(TypeError, "asyncio_http.operation"):
            self.pool.map(square, [1])  # type: ignore[call-overload]
        self.assertEqual("<Operation math.square>", repr(Operation("math.square")))

    def test_imap_answers_while_the_items_still_come(self) -> None:
        answered = threading.Semaphore(0)

        def items() -> Iterator[int]:
            for x in range(5):
                yield x
                # The next item comes when the result of this one is there.
                answered.acquire()

        results = []
        for result in self.pool.imap("math.square", items()):
            results.append(result)
            answered.release()
        self.assertEqual([0, 1, 4, 9, 16], results)

    def test_imap_of_an_endless_iterable(self) -> None:
        results = self.pool.imap("math.square", itertools.count())
        self.assertEqual([0, 1, 4, 9, 16], list(itertools.islice(results, 5)))

    def test_imap_reads_a_limited_number_ahead_while_nobody_takes_the_results(self) -> None:
        read = threading.Semaphore(0)

        def items() -> Iterator[dict[str, Any]]:
            while True:
                read.release()
                yield {"text": "x" * 100_000, "level": 0}

        results = self.pool.imap("compress", items())
        next(results)
        # A result has 130 KB, and the server holds 4 MiB of them. Without a limit this loop does not end by itself.
        count = 0
        while count < 1_000 and read.acquire(timeout=1):
            count += 1
        self.assertLess(count, 1_000)
        for _ in range(count):
            next(results)
        self.assertTrue(read.acquire(timeout=60))
        results.close()

    def test_imap_that_is_dropped_stops_its_thread(self) -> None:
        results = self.pool.imap("math.square", itertools.count())
        next(results)
        del results
        gc.collect()
        for thread in threading.enumerate():
            if thread.name == "asyncio_http.imap":
                thread.join(60)
                self.assertFalse(thread.is_alive())

    def test_value_that_json_does_not_have_is_refused(self) -> None:
        with self.assertRaises(TypeError):
            self.pool.map("math.square", [object()])
        results = self.pool.imap("math.square", [2, object(), 3])
        self.assertEqual(4, next(results))
        with self.assertRaises(TypeError):
            next(results)

    def test_terminate_stops_what_runs(self) -> None:
        result = self.pool.map_async("primes.count", [{"from": 0, "to": 10**15}])
        numbers = self.pool.imap("math.square", itertools.count())
        self.assertEqual(0, next(numbers))
        self.pool.terminate()
        with self.assertRaises(concurrent.futures.CancelledError):
            result.get()
        with self.assertRaises(concurrent.futures.CancelledError):
            while True:
                next(numbers)
        with Pool(host.url(), host.KEY) as other:
            self.assertEqual([144], other.map("math.square", [12]))

    def test_pool_that_is_dropped_warns_and_stops(self) -> None:
        # What other tests have dropped may warn too.
        gc.collect()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            pool = Pool(host.url(), host.KEY)
            thread = pool._background._thread
            del pool
            gc.collect()
        thread.join(60)
        self.assertFalse(thread.is_alive())
        self.assertEqual([ResourceWarning], [warning.category for warning in caught])


@unittest.skipUnless(hasattr(os, "fork"), "the system does not fork")
class ForkTests(unittest.TestCase):
    """A program of its own forks, because this one has threads."""

    PROGRAM = """
import itertools, os, sys
from asyncio_http import Client, Pool, asyncio, operation
url = os.environ["FUNCTIONS_BASE_URL"]
square = operation("math.square")

async def call(client):
    return await client.call("math.square", x=4)

def outcome(work):
    try:
        return work()
    except RuntimeError as error:
        return f"RuntimeError: {error}"

pool, client = Pool(url), Client(url)
print(pool.map(square, [1]), asyncio.run(square(2)), flush=True)
running, numbers = pool.apply_async("delay", (600,)), pool.imap(square, itertools.count())
next(numbers)
with pool:
    child = os.fork()
    if child == 0:
        for work in (
            lambda: pool.map(square, [1]),
            lambda: pool.imap(square, [1]),
            lambda: pool.apply(square, (1,)),
            running.get,
            lambda: running.get(0.1),
            numbers.__next__,
            numbers.next,
            lambda: asyncio.run(call(client)),
        ):
            print(outcome(work))
        numbers.close()
        del numbers, running
        print(asyncio.run(square(3)))
        with Pool(url) as own:
            print(own.map(square, [5]))
        sys.exit()
    os.waitpid(child, 0)
    print(next(numbers), pool.map(square, [6]), asyncio.run(square(7)), asyncio.run(call(client)))
"""

    def test_fork_is_told_that_pool_and_client_are_not_its_own(self) -> None:
        environment = {**os.environ, "FUNCTIONS_BASE_URL": host.url(), "PYTHONPATH": str(host.SOURCES)}
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", self.PROGRAM]
        program = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        pool = "RuntimeError: The pool belongs to another process. Create one after the fork.\n"
        client = "RuntimeError: The client belongs to another process. Create one after the fork.\n"
        expected = "[1] 4\n" + 7 * pool + client + "9\n[25]\n" + "1 [36] 49 16\n"
        self.assertEqual((expected, ""), (program.stdout, program.stderr))


def outcome(work: Callable[[], Any], kind: Any = ()) -> Any:
    """The result, or that something was raised; its name if it is of a kind that both pools have."""
    try:
        return work()
    except StopIteration:
        return "StopIteration"
    except Exception as error:
        return type(error).__name__ if kind and isinstance(error, kind) else "raised"


if __name__ == "__main__":
    unittest.main()
