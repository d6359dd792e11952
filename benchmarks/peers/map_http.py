"""aiohttp GETs of one URL, N of them, at most LIMIT at once by a Semaphore: once for each line read, answered with the milliseconds."""
import asyncio
import sys
import time

import aiohttp

count, limit, url = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


async def main():
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=limit)) as session:
        while await loop.run_in_executor(None, sys.stdin.readline):
            semaphore = asyncio.Semaphore(limit)

            async def get():
                async with semaphore, session.get(url) as response:
                    return await response.json()

            started = time.perf_counter()
            await asyncio.gather(*[get() for _ in range(count)])
            print((time.perf_counter() - started) * 1000, flush=True)


asyncio.run(main())
