"""A program that uses the stub of a server's catalog."""

import sys
from functools import partial
from typing import assert_type

from asyncio_http import Call, Client, IMapIterator, Pool, Task, asyncio, operation

URL = sys.argv[1]


async def main() -> None:
    async with Client(URL) as c:
        assert_type(await c.call("math.square", x=3), float)
        assert_type(await c.call("math.square", 3), float)
        assert_type(await c.call("hash", text="a", algorithm="md5"), str)
        assert_type((await c.call("text.count", text="a a"))["top"][0]["word"], str)
        assert_type(await c.gather(c.call("math.square", x=3), c.call("hash", text="a")), tuple[float, str])
        assert_type(c.create_task("primes.count", from_=0, to=100), Task[int])
        async for number in c.stream("count", count=3):
            assert_type(number, int)
        async for number in c.call("count", count=3):
            assert_type(number, int)
        square = operation("math.square")
        assert_type(square(x=3), Call[float])
        assert_type(await c.call(square, 3), float)
        async with c.TaskGroup() as group:
            task = group.create_task(square, 3)
        assert_type(task.result(), float)
        steps = c.call("primes.factor", 360), c.call("stats.describe", values={"$ref": "#/results/0"})
        print(await c.sequence(*steps))


asyncio.run(main())

with Pool(URL) as pool:
    assert_type(pool.map("math.square", range(5)), list[float])
    assert_type(pool.map(partial(operation("math.pow"), 2), range(5)), list[float])
    assert_type(pool.imap("hash", ["a"]), IMapIterator[str])
    assert_type(pool.apply("primes.factor", (360,)), list[int])
    print(pool.apply_async("hash", ("a",), callback=lambda digest: print(digest.upper())).get())
