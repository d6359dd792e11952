"""The stub of a catalog that has whatever names and types an operation can have. test_types.py has that of the host."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import io
import os
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import host  # noqa: F401 (makes the package importable)
from test_http import answer, server

from asyncio_http import __main__ as command
from asyncio_http.stubs import stub


def operation(name: str, properties: Any, output: Any, *required: str, kind: str = "io", **schema: Any) -> Any:
    input = {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}
    return {"name": name, "kind": kind, "summary": "A 'summary'\nwith \"quotes\" \\", "input": input | schema, "output": output}


INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
PLACE = {"type": "object", "properties": {"x": INTEGER, "a-b": TEXT}, "required": ["x"]}
CATALOG = [
    operation("call", {"from": INTEGER, "class": TEXT, "x": INTEGER}, INTEGER, "x"),
    operation("task", {}, {"type": ["integer", "null"]}),
    operation("a.b", {"places": {"type": "array", "items": PLACE}}, {"type": "array", "items": PLACE}, "places"),
    operation("aB", {"self": TEXT}, PLACE, "self"),
    operation("A.b", {"a-b": TEXT}, {"type": "object", "additionalProperties": PLACE}),
    operation("1st", {"from": TEXT, "from_": TEXT}, {"anyOf": [TEXT, INTEGER]}),
    operation("enums", {"of": {"enum": ["a'b", 1, None]}, "one": {"const": True}}, {"enum": [1.5, 2.5]}),
    operation("open", {"x": TEXT}, True, additionalProperties=True),
    operation("all", {"x": {"type": ["object", "array", "null"], "items": INTEGER}}, {}),
    operation("it's", {"print": TEXT, "None": TEXT}, {"$ref": "#/properties/x"}),
    operation("values", {"operation": TEXT, "name": TEXT, "func": TEXT, "Any": TEXT}, TEXT, kind="stream"),
    operation("none", {"x": TEXT}, True),
    operation("any", {"x": TEXT}, True),
    {"name": "nothing", "kind": "cpu", "input": True, "output": False},
]


class StubTests(unittest.TestCase):
    def signatures(self, method: str) -> list[str]:
        tree = ast.parse(stub(CATALOG, "http://host"))
        [calls] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Calls"]
        return [ast.unparse(node).split("\n")[1] for node in calls.body if getattr(node, "name", "") == method]

    def test_signatures(self) -> None:
        signatures = [line for line in self.signatures("call") if "Literal['" in line or 'Literal["' in line]
        self.assertEqual(
            [
                "from_: int | Reference=..., class_: str | Reference=..., *, x: int | Reference) -> Call[int]:",
                ") -> Call[int | None]:",
                "places: Sequence[ABInputPlacesItem] | Reference) -> Call[list[ABResultItem]]:",
                "*args: Any, **input: Any) -> Call[AB_Result]:",
                "*args: Any, **input: Any) -> Call[dict[str, AB__ResultValue]]:",
                "*args: Any, **input: Any) -> Call[str | int]:",
                'of: Literal["a\'b", 1, None] | Reference=..., one: Literal[True] | Reference=...) -> Call[Any]:',
                "x: str | Reference=..., **input: Any) -> Call[Any]:",
                "x: Mapping[str, Any] | Sequence[int] | None | Reference=...) -> Call[Any]:",
                "print: str | Reference=..., None_: str | Reference=...) -> Call[Any]:",
                "operation: str | Reference=..., name: str | Reference=..., func: str | Reference=..., "
                "Any: str | Reference=...) -> Call[str]:",
                "x: str | Reference=...) -> Call[Any]:",
                "x: str | Reference=...) -> Call[Any]:",
                "*args: Any, **input: Any) -> Call[Any]:",
            ],
            [line.split("/")[1].removeprefix(", ") for line in signatures],
        )

    def test_streams_are_streams_and_nothing_else(self) -> None:
        self.assertEqual([], [line for line in self.signatures("create_task") if "values" in line])
        self.assertIn("-> AsyncGenerator[str, None]", self.signatures("stream")[0])
        self.assertEqual(2, len(self.signatures("stream")))


class CommandTests(unittest.TestCase):
    async def run_command(self, *responses: bytes) -> tuple[Any, str]:
        """The exit of the command with a server that gives these responses, and what it wrote."""
        async with server(*responses) as played:
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
                arguments = ["stubs", played.url, "--output", str(Path(folder) / "types")]
                with mock.patch.object(sys, "argv", ["asyncio_http", *arguments]):
                    status = await asyncio.to_thread(command.main)
                self.assertIn(b"x-functions-key: Key\r\n", played.requests[0])
                files = list(Path(folder).rglob("*.pyi"))
                return status, files[0].read_text(encoding="utf-8") if files else ""

    def test_stub_is_written(self) -> None:
        with mock.patch.dict(os.environ, {"FUNCTIONS_KEY": "Key"}):
            status, written = asyncio.run(self.run_command(answer({"operations": CATALOG})))
        self.assertEqual(0, status)
        self.assertIn("Literal['aB']", written)

    def test_what_is_no_catalog_is_an_error_and_writes_nothing(self) -> None:
        with mock.patch.dict(os.environ, {"FUNCTIONS_KEY": "Key"}):
            for response in (answer([]), answer({}), answer({"status": 404}, 404), answer("<html>", 502)):
                status, written = asyncio.run(self.run_command(response))
                self.assertIsInstance(status, str)
                self.assertEqual("", written)


if __name__ == "__main__":
    unittest.main()
