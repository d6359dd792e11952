import asyncio
import sys

from asyncio_http import Client, Pool

URL = sys.argv[1]


async def main() -> None:
    async with Client(URL) as c:
        print(await c.call("math.square", x=12))
        print(await c.gather(c.call("math.square", x=3), c.call("echo", value="hello")))
        task = c.create_task("delay", seconds=0.2, result="done")
        print(await task)
        async for value in c.stream("count", count=3):
            print(value)
        try:
            await c.wait_for(c.call("delay", seconds=5), 0.1)
        except TimeoutError as error:
            print(error)


asyncio.run(main())

with Pool(URL) as pool:
    print(pool.map("math.square", [1, 2, 3]))
