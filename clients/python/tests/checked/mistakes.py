"""What a type checker finds with the stub of a server's catalog: an error in each line that says so."""

from asyncio_http import Client


async def main(c: Client) -> None:
    await c.call("math.square", y=3)  # error
    await c.call("math.sqare", x=3)  # error
    await c.call("hash", text="a", algorithm="md55")  # error
    await c.call("primes.count", to=3)  # error
    c.create_task("count", count=3)  # error
    c.create_task(c.call("math.square", x=3), timeuot=3)  # error
    c.create_task(c.call("math.square", x=3), ttl="60")  # error
    (await c.call("math.square", x=3)).upper()  # error
    await c.call("math.square", x=3)
