"""`python -m asyncio_http stubs URL`: a stub with the types of a server's operations."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from .client import Client
from .problems import ProblemError, ProtocolError
from .stubs import stub


async def catalog(url: str) -> list[dict[str, object]]:
    """The operations of a server."""
    async with Client(url, os.environ.get("FUNCTIONS_KEY") or None) as client:
        response = await client.get("/operations")
    operations = response.get("operations") if isinstance(response, dict) else None
    if not isinstance(operations, list):
        raise ProtocolError("The server sent no catalog of operations.")
    return operations


def main() -> int | str:
    parser = argparse.ArgumentParser("python -m asyncio_http", description="Types for the operations of a server.")
    commands = parser.add_subparsers(required=True, metavar="stubs")
    stubs = commands.add_parser(
        "stubs",
        help="write a stub for type checkers",
        description="Writes asyncio_http_catalog.pyi, in which type checkers find the operations of a server. Pyright "
        "looks into the folder typings by itself, mypy if its mypy_path names it. The server's key is FUNCTIONS_KEY.",
    )
    stubs.add_argument("url", metavar="URL", help="the address of the server, such as http://127.0.0.1:7071")
    stubs.add_argument("--output", metavar="FOLDER", type=Path, default=Path("typings"), help="default: typings")
    arguments = parser.parse_args()
    try:
        operations = asyncio.run(catalog(arguments.url))
        path = arguments.output / "asyncio_http_catalog.pyi"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(stub(operations, arguments.url), encoding="utf-8")
    except (OSError, ValueError, ProblemError) as error:
        return f"{arguments.url}: {error}"
    print(f"{path}: {len(operations)} operations")
    return 0


if __name__ == "__main__":
    sys.exit(main())
