"""asyncio_http.asyncio and asyncio_http.multiprocessing stand in for the modules of the standard library."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import importlib
import multiprocessing
import multiprocessing.pool
import os
import pkgutil
import subprocess
import sys
import unittest
from types import ModuleType
from typing import Any
from unittest import mock

import host

from asyncio_http import Client, Task, TaskGroup, operation
from asyncio_http import asyncio as own_asyncio
from asyncio_http import multiprocessing as own_multiprocessing
from asyncio_http.concurrent import futures as own_futures
from asyncio_http.client import current_client

OWN: dict[ModuleType, set[str]] = {
    asyncio: {
        *("Runner", "TaskGroup", "as_completed", "create_task", "gather", "run", "sleep", "wait_for"),
    },
    multiprocessing: {"Pool", "cpu_count", "pool"},
    multiprocessing.pool: {"Pool", "ThreadPool"},
    concurrent.futures: {"ProcessPoolExecutor", "ThreadPoolExecutor"},
}
PAIRS: list[tuple[ModuleType, ModuleType]] = [
    (asyncio, own_asyncio),
    (multiprocessing, own_multiprocessing),
    (multiprocessing.pool, own_multiprocessing.pool),
    (concurrent.futures, own_futures),
]


def setUpModule() -> None:
    host.url()


def run(source: str, *options: str) -> tuple[str, str]:
    """What a program printed, and its warnings and errors."""
    environment = {**os.environ, "FUNCTIONS_BASE_URL": host.url(), "PYTHONPATH": str(host.SOURCES)}
    program = subprocess.run(
        [sys.executable, *options, "-c", source], env=environment, capture_output=True, text=True, timeout=120
    )
    return program.stdout, program.stderr


class NamesTests(unittest.TestCase):
    def test_every_name_that_is_not_ours_is_that_of_the_standard_module(self) -> None:
        for standard, own in PAIRS:
            for name in dir(standard):
                if not name.startswith("__"):
                    with self.subTest(f"{standard.__name__}.{name}"):
                        is_own = getattr(own, name) is not getattr(standard, name)
                        self.assertEqual(name in OWN[standard], is_own)

    def test_names_are_listed_and_imported_with_a_star(self) -> None:
        for standard, own in PAIRS:
            with self.subTest(standard.__name__):
                self.assertEqual(set(), set(dir(standard)) - set(dir(own)))
                star: dict[str, Any] = {}
                exec(f"from asyncio_http.{standard.__name__} import *", star)
                self.assertEqual(set(), set(standard.__all__) - set(star))
                for name in OWN[standard] & set(standard.__all__):
                    self.assertIs(getattr(own, name), star[name])

    def test_submodules_are_those_of_the_standard_module(self) -> None:
        for standard, _ in PAIRS[:2]:
            for module in pkgutil.iter_modules(standard.__path__):
                if module.name in OWN[standard]:
                    continue
                try:
                    expected = importlib.import_module(f"{standard.__name__}.{module.name}")
                except ImportError:
                    continue  # It is for another system.
                with self.subTest(f"{standard.__name__}.{module.name}"):
                    name = f"asyncio_http.{standard.__name__}.{module.name}"
                    self.assertIs(expected, importlib.import_module(name))
                    self.assertIs(expected, sys.modules[name])
                    self.assertEqual(f"{standard.__name__}.{module.name}", expected.__spec__ and expected.__spec__.name)
        name = "asyncio_http.multiprocessing.dummy.connection"
        self.assertIs(importlib.import_module("multiprocessing.dummy.connection"), importlib.import_module(name))

    def test_submodules_in_a_program_of_their_own(self) -> None:
        program = """
from asyncio_http import multiprocessing
print(multiprocessing.managers.BaseManager)
from asyncio_http.multiprocessing import shared_memory
from asyncio_http.multiprocessing.managers import BaseManager
from asyncio_http.asyncio.subprocess import PIPE
import asyncio_http.multiprocessing.managers as managers, multiprocessing.managers
print(managers is multiprocessing.managers, PIPE, shared_memory.SharedMemory, BaseManager)
"""
        plain = program.replace("asyncio_http.", "").replace("from asyncio_http import", "import multiprocessing.managers,")
        self.assertEqual(run(plain), run(program))

    def test_name_that_the_standard_module_does_not_have_is_none(self) -> None:
        for standard, own in PAIRS:
            self.assertFalse(hasattr(own, "no_such_name"))
            with self.assertRaises(ImportError):
                exec(f"from asyncio_http.{standard.__name__} import no_such_name")
            with self.assertRaises(ModuleNotFoundError):
                importlib.import_module(f"asyncio_http.{standard.__name__}.no_such_name")

    def test_classes_are_classes(self) -> None:
        for standard, own in PAIRS:
            for name in set(standard.__all__) - OWN[multiprocessing.pool] - OWN[concurrent.futures]:
                kind = getattr(standard, name)
                if isinstance(kind, type):
                    self.assertTrue(issubclass(getattr(own, name), kind), name)
        self.assertIsInstance(own_multiprocessing.Pool, type)
        self.assertIsInstance(own_multiprocessing.pool.ThreadPool, type)
        self.assertIs(TaskGroup, own_asyncio.TaskGroup)

        class Group(own_asyncio.TaskGroup):
            pass

        self.assertIsInstance(Group(), asyncio.TaskGroup)


class ArgumentsTests(unittest.TestCase):
    """What cannot work is refused as the standard library does it, or with an error that names it."""

    def setUp(self) -> None:
        self.enterContext(mock.patch.dict(os.environ, {"FUNCTIONS_BASE_URL": host.url()}))

    def test_arguments_of_a_pool(self) -> None:
        all_arguments: list[dict[str, Any]] = [
            *({"processes": 0}, {"processes": -1}, {"processes": 2.5}, {"processes": "4"}),
            *({"maxtasksperchild": 0}, {"maxtasksperchild": -1}, {"maxtasksperchild": 1.5}, {"initializer": "no"}),
        ]
        for arguments in all_arguments:
            with self.subTest(arguments), mock.patch.object(
                multiprocessing.pool.Pool, "_repopulate_pool", lambda self: range(self._processes)
            ):
                with self.assertRaises((TypeError, ValueError)) as expected:
                    multiprocessing.Pool(**arguments)
                with self.assertRaises(type(expected.exception)):
                    own_multiprocessing.Pool(**arguments)

    def test_pool_that_works(self) -> None:
        for pool in (
            own_multiprocessing.Pool(4),
            own_multiprocessing.Pool(True),
            own_multiprocessing.Pool(1, None, (), 1),
            own_multiprocessing.Pool(processes=2, initializer=None, initargs=(), maxtasksperchild=10),
        ):
            with pool:
                self.assertEqual([4, 9], pool.map("math.square", [2, 3]))
                self.assertEqual([4, 9], list(pool.imap("math.square", [2, 3])))

    def test_initializer_is_refused_with_the_reason(self) -> None:
        with self.assertRaisesRegex(TypeError, "initializer"):
            own_multiprocessing.Pool(4, print)

    def test_url_that_is_a_number_is_refused_with_the_reason(self) -> None:
        from asyncio_http import Pool

        invalid: Any
        for invalid in (4, 0, None, b"http://127.0.0.1"):
            for kind in (Pool, Client):
                with self.assertRaisesRegex(TypeError, "URL"):
                    kind(invalid)

    def test_run_takes_what_that_of_asyncio_takes(self) -> None:
        async def inner() -> None:
            for module in (asyncio, own_asyncio):
                coroutine = asyncio.sleep(0)
                with self.assertRaisesRegex(RuntimeError, "asyncio.run"):
                    module.run(coroutine)
                coroutine.close()

        own_asyncio.run(inner())
        invalid: Any = 5
        for module in (asyncio, own_asyncio):
            with self.assertRaises((ValueError, TypeError)):
                module.run(invalid)
        self.assertEqual(144, own_asyncio.run(operation("math.square")(12), debug=True))


class TasksTests(unittest.IsolatedAsyncioTestCase):
    """create_task, as_completed and sleep, with the standard module and with ours."""

    async def asyncSetUp(self) -> None:
        self.enterContext(mock.patch.dict(os.environ, {"FUNCTIONS_BASE_URL": host.url()}))

    async def test_task_runs_in_its_context(self) -> None:
        variable = contextvars.ContextVar("variable", default="outside")
        context = contextvars.copy_context()
        context.run(variable.set, "inside")
        seen: list[str] = []
        square = operation("math.square")
        async with Client(host.url(), host.KEY) as client, own_asyncio.TaskGroup() as group:
            tasks = [
                own_asyncio.create_task(square(3), context=context, name="own"),
                client.create_task(client.call("math.square", x=3), context=context, name="own"),
                own_asyncio.create_task(asyncio.sleep(0, 9), context=context, name="own"),
                group.create_task(square(3), context=context, name="own"),
            ]
            for task in tasks:
                # A callback sees the context that the task was made with, if it is given too.
                task.add_done_callback(lambda _: seen.append(variable.get()), context=context)
                self.assertEqual((9, "own"), (await task, task.get_name()))
                if sys.version_info >= (3, 12):
                    self.assertIs(context, task.get_context())
        await asyncio.sleep(0)
        self.assertEqual(["inside"] * 4, seen)
        self.assertEqual("outside", variable.get())
        self.assertIsInstance(tasks[0], Task)

    async def test_options_that_no_task_has_are_refused(self) -> None:
        for coroutine in (operation("math.square")(3), asyncio.sleep(0)):
            with self.assertRaises(TypeError):
                own_asyncio.create_task(coroutine, no_such_option=1)  # type: ignore[call-overload]
            coroutine.close()

    async def test_as_completed_of_whatever_can_be_awaited(self) -> None:
        class Awaitable:
            def __await__(self) -> Any:
                return asyncio.sleep(1.2, "awaitable").__await__()

        def awaitables(module: Any) -> list[Any]:
            future = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(1, future.set_result, "future")
            task = module.create_task(asyncio.sleep(1.1, "task"))
            call = asyncio.sleep(2.2, "call") if module is asyncio else operation("delay")(2.2, "call")
            return [call, Awaitable(), task, future, module.sleep(0, "sleep"), task]

        async def by_for(module: Any) -> list[Any]:
            return [await done for done in module.as_completed(awaitables(module))]

        async def by_async_for() -> list[Any]:
            return [await done async for done in own_asyncio.as_completed(awaitables(own_asyncio))]

        expected = ["sleep", "future", "task", "awaitable", "call"]
        orders = await asyncio.gather(by_for(asyncio), by_for(own_asyncio), by_async_for())
        self.assertEqual([expected] * 3, orders)

    async def test_as_completed_gives_tasks_themselves_in_an_async_for(self) -> None:
        async def broken() -> None:
            raise LookupError("broken")

        tasks = [
            own_asyncio.create_task(operation("math.square")(3)),
            asyncio.create_task(broken()),
        ]
        done = {task async for task in own_asyncio.as_completed([*tasks, operation("echo")(1)])}
        self.assertEqual((3, set()), (len(done), set(tasks) - done))
        self.assertIsInstance(tasks[1].exception(), LookupError)

    async def test_as_completed_of_tasks_times_out_and_leaves_them_alone(self) -> None:
        for module, timeout in ((asyncio, 0.1), (own_asyncio, 3)):
            release = asyncio.Event()
            task = asyncio.create_task(release.wait())
            quick = asyncio.sleep(0, "quick") if module is asyncio else operation("echo")("quick")
            outcomes = []
            for next_done in module.as_completed([task, quick], timeout=timeout):
                try:
                    outcomes.append(await next_done)
                except TimeoutError:
                    outcomes.append("TimeoutError")
            self.assertEqual((["quick", "TimeoutError"], False), (outcomes, task.done()), module.__name__)
            release.set()
            self.assertTrue(await task)

    async def test_as_completed_of_one_awaitable_is_refused(self) -> None:
        for module in (asyncio, own_asyncio):
            for one in (asyncio.get_running_loop().create_future(), operation("echo")(1)):
                with self.assertRaises(TypeError):
                    next(iter(module.as_completed(one)))

    async def test_as_completed_that_is_dropped_leaves_tasks_alone(self) -> None:
        release = asyncio.Event()
        task = asyncio.create_task(release.wait())
        completed = own_asyncio.as_completed([task, operation("echo")(1)])
        self.assertEqual(1, await next(completed))
        del completed
        await asyncio.sleep(0)
        release.set()
        self.assertTrue(await task)


class SleepTests(unittest.IsolatedAsyncioTestCase):
    async def test_only_a_sleep_that_is_gathered_with_calls_is_a_request(self) -> None:
        async with host.recorder() as recorder:
            with mock.patch.dict(os.environ, {"FUNCTIONS_BASE_URL": recorder.url}):
                client = current_client()
            async with client:
                for _ in range(200):
                    await own_asyncio.sleep(0)
                unsendable = object()
                self.assertIs(unsendable, await own_asyncio.sleep(0, unsendable))
                self.assertEqual("b", await own_asyncio.create_task(own_asyncio.sleep(0, "b")))
                self.assertEqual("c", await own_asyncio.wait_for(own_asyncio.sleep(0, "c"), 10))
                async with own_asyncio.TaskGroup() as group:
                    group.create_task(own_asyncio.sleep(0))
                self.assertEqual([], recorder.requests)
                results = await own_asyncio.gather(own_asyncio.sleep(0, unsendable), operation("math.square")(x=3))
                self.assertEqual([unsendable, 9], results)
                self.assertEqual(["POST /api/gather"], recorder.requests)
                awaitables: list[Any] = [own_asyncio.sleep(0, unsendable)]
                self.assertEqual([unsendable], [await done for done in own_asyncio.as_completed(awaitables)])
                self.assertEqual(2, len(recorder.requests))


class CloseTests(unittest.TestCase):
    """Whoever ends a loop, no socket stays open. ResourceWarnings are errors here."""

    def check(self, body: str, expected: str) -> None:
        # The debug mode of asyncio warns of each turn of the loop that takes 100 ms.
        head = (
            "import logging\nlogging.getLogger('asyncio').setLevel(logging.ERROR)\n"
            "from asyncio_http import asyncio, operation\nsquare = operation('math.square')\n"
        )
        self.assertEqual((expected, ""), run(head + body, "-X", "dev", "-W", "error"))

    def test_runner(self) -> None:
        self.check(
            "with asyncio.Runner() as runner:\n    print(runner.run(square(2)), runner.run(square(3)))\n"
            "runner.close()\n"
            "with asyncio.Runner(debug=True) as runner:\n    pass\n",
            "4 9\n",
        )

    def test_runner_of_asyncio_itself(self) -> None:
        self.check("import asyncio\nasyncio.run(asyncio.wait_for(square(2), 10))\nprint('done')\n", "done\n")

    def test_run(self) -> None:
        self.check("print(asyncio.run(square(2)), asyncio.run(square(3)))\n", "4 9\n")

    def test_run_that_fails(self) -> None:
        self.check(
            "async def main():\n    await square(2)\n    raise LookupError\n"
            "try:\n    asyncio.run(main())\nexcept LookupError:\n    print('failed')\n",
            "failed\n",
        )

    def test_loop_that_is_closed_by_hand(self) -> None:
        self.check(
            "loop = asyncio.new_event_loop()\nprint(loop.run_until_complete(square(2)))\nloop.close()\nloop.close()\n",
            "4\n",
        )

    def test_test_case_of_unittest(self) -> None:
        self.check(
            "import unittest\nclass T(unittest.IsolatedAsyncioTestCase):\n    async def test(self):\n"
            "        self.assertEqual(4, await square(2))\n"
            "result = unittest.TestResult()\nT('test').run(result)\nprint(result)\n",
            "<unittest.result.TestResult run=1 errors=0 failures=0>\n",
        )

    def test_pool(self) -> None:
        self.check(
            "from asyncio_http import multiprocessing\n"
            "with multiprocessing.Pool() as pool:\n    print(pool.map('math.square', [2]), pool.apply(square, (3,)))\n"
            "print(multiprocessing.cpu_count() > 0)\n",
            "[4] 9\nTrue\n",
        )

    def test_task_goes_on_when_the_runner_is_closed(self) -> None:
        self.check(
            "async def start():\n    return await asyncio.create_task(operation('delay')(0.5, 'on')).accepted()\n"
            "async def start_and_leave():\n    tasks.append(asyncio.create_task(operation('delay')(0.5, 'on')))\n"
            "tasks = []\n"
            "with asyncio.Runner() as runner:\n    id = runner.run(start())\n"
            "asyncio.run(start_and_leave())\n"
            "from asyncio_http.client import current_client\n"
            "async def follow():\n    return [await current_client().task(id) for id in (id, tasks[0].id)]\n"
            "print(asyncio.run(follow()))\n",
            "['on', 'on']\n",
        )


if __name__ == "__main__":
    unittest.main()
