"""A program that uses every name of asyncio_http, and has no types but those of the package."""

import functools
import ssl
import sys
from typing import Any, assert_type

from asyncio_http import (
    AsCompleted,
    AsyncResult,
    Call,
    Client,
    IMapIterator,
    Operation,
    Pool,
    ProblemError,
    ProblemTimeoutError,
    ProcessPoolExecutor,
    ProtocolError,
    RetryPolicy,
    Task,
    TaskGroup,
    ThreadPoolExecutor,
    WebhookVerificationError,
    asyncio,
    concurrent,
    multiprocessing,
    operation,
    verify_webhook,
)

URL = sys.argv[1]


async def calls(client: Client) -> None:
    call: Call[Any] = client.call("math.square", x=3)
    square: Operation[float] = operation("math.square")
    assert_type(await square(3), float)
    assert_type(await client.call(square, 3), float)
    assert_type(await client.gather(square(3), square(4)), tuple[float, float])
    assert_type(await client.gather(*[square(3)], max_concurrency=1), list[float])
    assert_type(await client.wait_for(square(3), 60), float)
    completed: AsCompleted[float] = client.as_completed([square(3), client.create_task(square, 4)])
    async for done in completed:
        assert_type(await done, float)
    for next_done in client.as_completed([square(3), client.create_task(square(4))], timeout=60):
        assert_type(await next_done, float)
    async for value in client.stream("count", count=2):
        print(value)
    async for value in client.call("count", 2):
        print(value)
    async for mapped in client.map(square, range(3), ordered=False):
        assert_type(mapped, float)
    async for either in client.map(square, range(3), return_exceptions=True):
        assert_type(either, float | ProblemError)
    async for any_json in client.map("delay", [0], limit=2, rate=50):
        print(any_json)
    print(await client.sequence(call, client.call("math.square", x={"$ref": "#/results/0"}), timeout=60))
    retry = RetryPolicy(max_attempts=2, initial_delay=0.1)
    task: Task[float] = client.create_task(square(5), retry=retry, timeout=60, ttl=60, name="square")
    assert_type(await task, float)
    other: Task[Any] = client.task(await task.accepted())
    print(await other, other.get_name(), task.id, task.done())
    async with client.TaskGroup() as group:
        assert_type(group, TaskGroup)
        six: asyncio.Task[float] = group.create_task(square(6), name="six")
        group.create_task("math.square", x=7)
        group.create_task(square, 8)
    assert_type(six.result(), float)
    try:
        await client.wait_for(client.call("delay", seconds=5), 0.1)
    except ProblemTimeoutError as error:
        print(error.slug, error.status, error.retry_after)
    try:
        await client.call("fail", message="broken")
    except ProtocolError:
        raise
    except ProblemError as error:
        print(error.detail, error.errors, error.problem["status"])


def pools(pool: Pool) -> None:
    square: Operation[float] = operation("math.square")
    power: Operation[float] = operation("math.pow")
    assert_type(pool.map(square, range(3)), list[float])
    assert_type(pool.map(functools.partial(power, 2), range(3)), list[float])
    assert_type(pool.starmap(power, [(2, 3)]), list[float])
    assert_type(pool.apply(square, (3,)), float)
    results: AsyncResult[list[float]] = pool.map_async(square, [1], callback=print)
    assert_type(results.get(timeout=60), list[float])
    assert_type(pool.starmap_async(power, [(2, 3)], error_callback=print).get(), list[float])
    assert_type(pool.apply_async(square, (3,)).get(60), float)
    squares: IMapIterator[float] = pool.imap(square, range(3))
    assert_type(next(squares), float)
    assert_type(squares.next(timeout=60), float)
    squares.close()
    assert_type(list(pool.imap_unordered(square, range(3), chunksize=2)), list[float])
    print(pool.map("math.square", range(3)))


def executors(executor: ThreadPoolExecutor) -> None:
    square: Operation[float] = operation("math.square")
    future: concurrent.futures.Future[float] = executor.submit(square, 3)
    assert_type(future.result(timeout=60), float)
    assert_type(list(executor.map(square, range(3), timeout=60, buffersize=2)), list[float])
    print(executor.submit("math.pow", 2, y=3).result(), list(executor.map("math.pow", [2], [3])))
    executor.shutdown(wait=True, cancel_futures=True)


async def names_of_asyncio() -> str:
    square: Operation[float] = operation("math.square")
    assert_type(await asyncio.sleep(0), None)
    assert_type(await asyncio.gather(asyncio.sleep(0.01, "slow"), square(3)), tuple[str, float])
    assert_type(await asyncio.wait_for(square(3), 60), float)
    assert_type(await asyncio.create_task(square(3), retry=RetryPolicy(2)), float)
    assert_type(await asyncio.create_task(asyncio.sleep(0, "local"), name="local"), str)
    async for done in asyncio.as_completed([square(3)]):
        assert_type(await done, float)
    group: asyncio.TaskGroup
    async with asyncio.TaskGroup() as group:
        group.create_task(square(3))
    queue: asyncio.Queue[int] = asyncio.Queue()
    queue.put_nowait(1)
    assert_type(await queue.get(), int)
    async with asyncio.timeout(60):
        await asyncio.to_thread(print, asyncio.subprocess.PIPE, asyncio.exceptions.TimeoutError)
    return "asyncio"


async def main() -> None:
    async with Client(URL, retries=2, connect_timeout=60, ssl=ssl.create_default_context()) as client:
        await calls(client)


def names_of_multiprocessing(queue: "multiprocessing.Queue[int] | None" = None) -> None:
    pool: multiprocessing.Pool
    with multiprocessing.Pool(2, maxtasksperchild=1) as pool:
        try:
            pool.apply_async("delay", (5,)).get(timeout=0.01)
        except multiprocessing.TimeoutError as error:
            print(isinstance(error, TimeoutError))
    with multiprocessing.pool.ThreadPool(2) as threads:
        print(threads.map("delay", [0]))
    print(multiprocessing.cpu_count() > 0, multiprocessing.current_process().name, multiprocessing.pool.ThreadPool)


def webhook() -> None:
    try:
        verify_webhook(b"{}", {}, "whsec_c2lnbmluZy1rZXktb2YtdGhlLXRlc3Rz")
    except WebhookVerificationError as error:
        print(error)


if __name__ == "__main__":
    asyncio.run(main())
    with asyncio.Runner() as runner:
        assert_type(runner.run(names_of_asyncio()), str)
    with Pool(URL, processes=2) as own:
        pools(own)
    names_of_multiprocessing()
    executors(ThreadPoolExecutor(URL, max_workers=2))
    executors(ProcessPoolExecutor(URL))
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        done, _ = concurrent.futures.wait([threads.submit("delay", 0)])
        print(len(done))
    webhook()
