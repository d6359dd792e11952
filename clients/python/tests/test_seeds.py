"""Every example of the articles that the project grew from, on CPython and on the client: the outputs are the same.

An example is a program. The one that runs on the client is the same text with other imports, and where the article's
function is one that the server has, with that function named as an operation. Where an article leaves a body out
("code goes here"), or prints nothing, a line marked `# added` fills it.
"""

from __future__ import annotations

import concurrent.futures
import os
import socket
import subprocess
import sys
import unittest
from dataclasses import dataclass

import host

IMPORTS = {
    "import asyncio\n": "from asyncio_http import asyncio\n",
    "from multiprocessing import Pool\n": "from asyncio_http.multiprocessing import Pool\n",
}


@dataclass
class Example:
    """A program, and what of its text becomes an operation."""

    source: str
    operations: tuple[tuple[str, str], ...] = ()

    @property
    def on_the_client(self) -> str:
        source = self.source
        for old, new in [*IMPORTS.items(), *self.operations]:
            if old not in IMPORTS and old not in source:
                raise AssertionError(f"The example has no {old!r}.")
            source = source.replace(old, new)
        return source


EXAMPLES = {
    # Seed 000, "Handling asynchronous tasks in Python Cloud Functions".
    "seed_000_async_await": Example(
        """
import asyncio

async def my_cloud_function(request):
    # Perform some synchronous operations
    result = await asyncio.sleep(5) # Simulating an asynchronous task

    # Continue with other operations
    return f"The result is {result}"

print(asyncio.run(my_cloud_function(None))) # added
"""
    ),
    # The article's async_task calls the callback itself. Here a pool of one process does. echo gives back its value.
    "seed_000_callbacks": Example(
        """
from multiprocessing import Pool

def work(result):
    return result

def async_task(callback):
    # Perform the asynchronous task
    with Pool(1) as pool:
        pool.apply_async(work, ("The result",), callback=callback).wait()

def my_cloud_function(request):
    def callback(result):
        # Continue with other operations
        response = f"The result is {result}"
        print(response) # added
        return response

    # Start the asynchronous task
    async_task(callback)

my_cloud_function(None) # added
""",
        (("def work(result):\n    return result\n", 'work = "echo"\n'),),
    ),
    # Seed 001, "Implementing concurrency and parallelism in Python Cloud Functions".
    "seed_001_concurrency": Example(
        """
import asyncio

async def my_coroutine1():
    return await asyncio.sleep(0.2, "one") # added

async def my_coroutine2():
    return await asyncio.sleep(0.1, "two") # added

async def main(): # added
    task1 = asyncio.create_task(my_coroutine1())
    task2 = asyncio.create_task(my_coroutine2())
    print(await asyncio.gather(task1, task2)) # print added

asyncio.run(main()) # added
"""
    ),
    # The same with each coroutine function named as the operation delay: the tasks are tasks of the server.
    "seed_001_concurrency_with_tasks_of_the_server": Example(
        """
import asyncio
from functools import partial

async def sleep(seconds, result):
    return await asyncio.sleep(seconds, result)

my_coroutine1 = partial(sleep, seconds=0.2, result="one") # added
my_coroutine2 = partial(sleep, seconds=0.1, result="two") # added

async def main(): # added
    task1 = asyncio.create_task(my_coroutine1())
    task2 = asyncio.create_task(my_coroutine2())
    print(await asyncio.gather(task1, task2)) # print added

asyncio.run(main()) # added
""",
        (
            (
                "async def sleep(seconds, result):\n    return await asyncio.sleep(seconds, result)\n",
                'from asyncio_http import operation\nsleep = operation("delay")\n',
            ),
        ),
    ),
    "seed_001_parallelism": Example(
        """
from multiprocessing import Pool

def my_function(x): # added
    return x * x # added

def my_function_of_two(x, y): # added
    return x ** y # added

my_list_of_args = range(1000) # added

# Create a pool with 4 worker processes
pool = Pool(4)

results = pool.map(my_function, my_list_of_args)
print(results) # added
print(pool.starmap(my_function_of_two, [(2, 10), (3, 4)])) # print and arguments added

pool.close()
pool.join()
""",
        (
            ("def my_function(x): # added\n    return x * x # added\n", 'my_function = "math.square"\n'),
            ("def my_function_of_two(x, y): # added\n    return x ** y # added\n", 'my_function_of_two = "math.pow"\n'),
        ),
    ),
    # Seed 002, "Asynchronous functions in Python".
    "seed_002_async_function": Example(
        """
import asyncio

async def my_async_function():
    await asyncio.sleep(0.1) # added
    print("done") # added

asyncio.run(my_async_function()) # added
"""
    ),
    "seed_002_await": Example(
        """
import asyncio

async def fetch_data(url):
    # perform network request here
    await asyncio.sleep(1)  # simulate network latency
    return "Data fetched successfully!"

async def my_async_function():
    result = await fetch_data("https://example.com/api/data")
    print(result)

asyncio.run(my_async_function()) # added
"""
    ),
    "seed_002_event_loop": Example(
        """
import asyncio

async def my_async_function():
    print(await asyncio.sleep(0.1, "function body")) # added

# Create an event loop
loop = asyncio.get_event_loop()

# Run the asynchronous function
loop.run_until_complete(my_async_function())

# Close the event loop
loop.close()
""",
    ),
    # Seed 003, "Handling long-running tasks with Asyncio". Its main closes the loop that runs it, which raises
    # RuntimeError, on CPython too.
    "seed_003_long_running_task": Example(
        """
import asyncio

async def my_long_running_task():
    # Perform the long-running task here
    await asyncio.sleep(10)  # Simulating a 10-second task

async def main():
    # Create an event loop
    loop = asyncio.get_event_loop()

    # Schedule the long-running task
    task = loop.create_task(my_long_running_task())

    # Run the event loop until the long-running task is complete
    await task
    print("complete") # added

    # Close the event loop
    loop.close()

# Run the main function
asyncio.run(main())
"""
    ),
    # The same with the function named as an operation: a call is a coroutine, which a loop takes.
    "seed_003_long_running_task_as_an_operation": Example(
        """
import asyncio
from functools import partial

async def sleep(seconds):
    await asyncio.sleep(seconds)

my_long_running_task = partial(sleep, 10)

async def main():
    # Create an event loop
    loop = asyncio.get_event_loop()

    # Schedule the long-running task
    task = loop.create_task(my_long_running_task())

    # Run the event loop until the long-running task is complete
    await task
    print("complete") # added

    # Close the event loop
    loop.close()

# Run the main function
asyncio.run(main())
""",
        (
            (
                "async def sleep(seconds):\n    await asyncio.sleep(seconds)\n",
                'from asyncio_http import operation\nsleep = operation("delay")\n',
            ),
        ),
    ),
    # Seed 004, "Asynchronous Functions and Coroutines in Python".
    "seed_004_coroutine": Example(
        """
import asyncio
async def greet():
    print("Hello, World!")
    await asyncio.sleep(1)
    print("Goodbye, World!")
# Running the coroutine
asyncio.run(greet())
"""
    ),
    "seed_004_await_inside_coroutines": Example(
        """
import asyncio
async def fetch_data():
    print("Fetching data...")
    await asyncio.sleep(2)
    print("Data fetched!")
async def process_data():
    print("Processing data...")
    await asyncio.sleep(1)
    print("Data processed!")
async def main():
    await fetch_data()
    await process_data()
asyncio.run(main())
"""
    ),
    "seed_004_gather": Example(
        """
import asyncio
async def task_one():
    print("Task one starting")
    await asyncio.sleep(2)
    print("Task one completed")
async def task_two():
    print("Task two starting")
    await asyncio.sleep(1)
    print("Task two completed")
async def main():
    await asyncio.gather(task_one(), task_two())
asyncio.run(main())
"""
    ),
    "seed_004_create_task": Example(
        """
import asyncio
async def print_numbers():
    for i in range(3):
        print(f"Number: {i}")
        await asyncio.sleep(1)
async def main():
    task = asyncio.create_task(print_numbers())
    print("Task created!")
    await task
    print("Task completed")
asyncio.run(main())
"""
    ),
    # An async generator is a stream operation; count is the one that this example describes.
    "seed_004_async_generator": Example(
        """
import asyncio
async def async_generator():
    for i in range(3):
        await asyncio.sleep(1)
        yield i
async def main():
    async for value in async_generator():
        print(f"Generated: {value}")
asyncio.run(main())
""",
        (
            (
                """async def async_generator():
    for i in range(3):
        await asyncio.sleep(1)
        yield i
""",
                """from functools import partial
from asyncio_http import operation
async_generator = partial(operation("count"), count=3, intervalSeconds=1)
""",
            ),
        ),
    ),
}

# greet of seed 004 is a stream operation of the server. It prints nothing there: it yields the lines.
GREET = """
from asyncio_http import asyncio, operation

async def main():
    async for line in operation("greet")():
        print(line)

asyncio.run(main())
"""


class SeedTests(unittest.TestCase):
    """One test for each example. setUpClass runs them all at once, because they sleep."""

    outcomes: dict[str, list[tuple[str, str]]]
    """What each printed on CPython, on the client, and on the client without a server."""

    @classmethod
    def setUpClass(cls) -> None:
        programs = {name: (example.source, example.on_the_client) for name, example in EXAMPLES.items()}
        programs["greet"] = (EXAMPLES["seed_004_coroutine"].source, GREET)
        threads = cls.enterClassContext(concurrent.futures.ThreadPoolExecutor(max_workers=3 * len(programs)))
        # Nothing listens at an address that is bound and no more.
        unused = cls.enterClassContext(socket.socket())
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
        running = {
            name: [threads.submit(run, *program) for program in ((source, ""), (own, host.url()), (own, nowhere))]
            for name, (source, own) in programs.items()
        }
        cls.outcomes = {name: [program.result() for program in programs] for name, programs in running.items()}

    def check(self, name: str) -> None:
        on_cpython, on_the_client, _ = self.outcomes[name]
        self.assertNotEqual("", on_cpython[0])
        self.assertEqual(on_cpython, on_the_client)

    def test_greet_of_seed_004_as_a_stream_operation(self) -> None:
        self.check("greet")

    def test_only_an_example_with_an_operation_needs_the_server(self) -> None:
        for name, example in EXAMPLES.items():
            with self.subTest(name):
                on_cpython, _, without_a_server = self.outcomes[name]
                self.assertEqual(example.operations != (), on_cpython != without_a_server)


def run(source: str, url: str) -> tuple[str, str]:
    """What a program printed, and the exception that ended it."""
    environment = {**os.environ, "FUNCTIONS_BASE_URL": url, "PYTHONPATH": str(host.SOURCES)}
    program = subprocess.run([sys.executable, "-c", source], env=environment, capture_output=True, text=True)
    return program.stdout, program.stderr.strip().splitlines()[-1] if program.returncode else ""


for example in EXAMPLES:
    setattr(SeedTests, f"test_{example}", lambda self, name=example: self.check(name))

if __name__ == "__main__":
    unittest.main()
