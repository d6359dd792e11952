"""The host that the tests run against.

`FUNCTIONS_BASE_URL` names one that runs, `FUNCTIONS_KEY` its key. Otherwise the tests start the LocalHost that
`FUNCTIONS_LOCALHOST` names (the path of FunctionsApp.LocalHost.dll), in an empty folder, and stop it at the end.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SOURCES = Path(__file__).parent.parent / "src"
sys.path.insert(0, str(SOURCES))

# The debug mode of asyncio's test cases warns of each turn of the loop that takes 100 ms.
logging.getLogger("asyncio").setLevel(logging.ERROR)

SIGNING_KEY = "whsec_c2lnbmluZy1rZXktb2YtdGhlLXRlc3Rz"
IS_OWN = "FUNCTIONS_BASE_URL" not in os.environ
KEY = os.environ.get("FUNCTIONS_KEY")


@functools.cache
def url() -> str:
    """The address of the host."""
    return _start() if IS_OWN else os.environ["FUNCTIONS_BASE_URL"]


class Recorder:
    """A forwarder between a client and the host, which records the requests and the connections that a client drops."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[str] = []
        self.connections = 0
        self.disconnected = asyncio.Event()


@contextlib.asynccontextmanager
async def recorder() -> AsyncIterator[Recorder]:
    """Forwards to the host while it is open."""
    target = urlsplit(url())
    forwarding: set[Any] = set()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recorded.connections += 1
        forwarding.add(asyncio.current_task())
        to_host = await asyncio.open_connection(target.hostname, target.port)
        back = asyncio.create_task(copy(to_host[0], writer))
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                recorded.requests += [
                    line.decode() for line in re.findall(rb"((?:GET|POST|DELETE) \S+) HTTP/1.1\r\n", data)
                ]
                to_host[1].write(data)
        recorded.disconnected.set()
        to_host[1].transport.abort()
        await back

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    recorded = Recorder(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        yield recorded
        # The clients have gone by now. Forwarders that are cancelled on their way after them log it.
        if forwarding:
            await asyncio.wait(forwarding, timeout=10)


class Host:
    """A LocalHost that the tests started."""

    def __init__(self, folder: str, address: str) -> None:
        if "FUNCTIONS_LOCALHOST" not in os.environ:
            raise RuntimeError("Set FUNCTIONS_BASE_URL or FUNCTIONS_LOCALHOST: see CONTRIBUTING.md.")
        self._program = subprocess.Popen(
            [
                *("dotnet", os.path.abspath(os.environ["FUNCTIONS_LOCALHOST"]), "--urls", address),
                *("--Callbacks:SigningKeys:0", SIGNING_KEY, "--Outbound:AllowedHosts:0", "127.0.0.0/8"),
            ],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._program.stdout is not None
        output = self._output = self._program.stdout
        # What the host prints later must not fill the pipe.
        self._drain = threading.Thread(target=lambda: [None for _ in output], daemon=True)
        printed = ""
        for line in output:
            printed += line
            if listening := re.match(r"Listening on (http://127\.0\.0\.1:\d+)\.", line):
                self.url = listening[1]
                self._drain.start()
                return
        raise RuntimeError(f"The host did not start:\n{printed}")

    def kill(self) -> None:
        """Ends the host without a chance to clean up."""
        self._program.kill()
        self._end()

    def stop(self) -> None:
        self._program.terminate()
        self._end()

    def _end(self) -> None:
        self._program.wait()
        self._drain.join()
        self._output.close()


@contextlib.contextmanager
def start(folder: str, address: str = "http://127.0.0.1:0") -> Iterator[Host]:
    """Starts a LocalHost in a folder, and stops it at the end."""
    started = Host(folder, address)
    try:
        yield started
    finally:
        started.stop()


def _start() -> str:
    hosts = contextlib.ExitStack()
    atexit.register(hosts.close)
    return hosts.enter_context(start(hosts.enter_context(tempfile.TemporaryDirectory()))).url
