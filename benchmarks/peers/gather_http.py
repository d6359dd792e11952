"""asyncio.gather of N GETs of one URL over as many kept connections: once for each line read, answered with the milliseconds."""
import asyncio
import json
import sys
import time
from urllib.parse import urlsplit

count, url = int(sys.argv[1]), urlsplit(sys.argv[2])
request = f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode()


async def get(connection):
    reader, writer = connection
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"chunked" in head:
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:size]
        await reader.readexactly(2)
    else:
        body = await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
    return json.loads(body)


async def main():
    loop = asyncio.get_running_loop()
    connections = [await asyncio.open_connection(url.hostname, url.port) for _ in range(count)]
    while await loop.run_in_executor(None, sys.stdin.readline):
        started = time.perf_counter()
        await asyncio.gather(*[get(connection) for connection in connections])
        print((time.perf_counter() - started) * 1000, flush=True)


asyncio.run(main())
