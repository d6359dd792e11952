"""asyncio.gather of N sleeps of 0.1 s: once for each line read, answered with the milliseconds."""
import asyncio
import sys
import time


async def gather(count):
    await asyncio.gather(*[asyncio.sleep(0.1) for _ in range(count)])


for _ in sys.stdin:
    started = time.perf_counter()
    asyncio.run(gather(int(sys.argv[1])))
    print((time.perf_counter() - started) * 1000, flush=True)
