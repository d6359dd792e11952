"""Writes the stub of `asyncio_http_catalog` for the operations of a server."""

from __future__ import annotations

import ast
import inspect
import keyword
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from . import catalog

_HEAD = '''\
"""The operations of {url}, for type checkers. Made by `python -m asyncio_http stubs`."""

# pyright: reportUnusedImport=false

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict, TypeVar, Unpack, overload

from asyncio_http.calls import Call, Operation
from asyncio_http.imap import IMapIterator
from asyncio_http.session import Session
from asyncio_http.tasks import Task, TaskOptions
from asyncio_http.workers import AsyncResult, Callback, ErrorCallback, Function, Workers

_T = TypeVar("_T")

# An earlier result of a sequence, in the place of a value.
Reference = TypedDict("Reference", {{"$ref": str}})
'''
_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_INPUT = re.compile(r"\w+: [^,]*Operation\[_T\], /, \*args: Any, \*\*input: Any")


def stub(operations: list[dict[str, Any]], url: str) -> str:
    """The source of the stub."""
    types = _Types()
    described = [_Operation(operation, types) for operation in operations]
    functions = [
        *(operation.function() for operation in described),
        "@overload\ndef operation(name: str) -> Operation[Any]: ...\n",
    ]
    parts = [
        _HEAD.format(url=url),
        *types.definitions,
        *(operation.definition() for operation in described),
        *functions,
        "class Calls(Session):\n" + "".join(_calls(described)),
        "class Maps(Workers):\n" + "".join(_maps(described)),
    ]
    return "\n".join(parts)


class _Operation:
    def __init__(self, operation: dict[str, Any], types: _Types) -> None:
        self.literal = f"Literal[{operation['name']!r}]"
        self.name = operation["name"]
        self.is_stream = operation["kind"] == "stream"
        self.summary = repr(operation.get("summary", ""))
        self.class_name = types.unique(_class_name(self.name))
        self.input = types.parameters(operation["input"], f"{self.class_name}Input")
        self.result = types.of(operation["output"], f"{self.class_name}Result", is_input=False)

    def definition(self) -> str:
        """The class of the operation as a function."""
        return (
            f"class {self.class_name}(Operation[{self.result}]):\n"
            f"    def __call__(self, /, {self.input}) -> Call[{self.result}]: {self.summary}\n"
        ).replace("/, )", "/)")

    def function(self) -> str:
        return f"@overload\ndef operation(name: {self.literal}) -> {self.class_name}: ...\n"


def _calls(operations: list[_Operation]) -> Iterator[str]:
    """The methods for one operation: an overload for each, and those for what is no name."""
    for method, signature in _overloads(catalog.Calls):
        if _INPUT.search(signature):
            for operation in operations:
                if operation.is_stream == (method == "stream") or method == "call":
                    parameters = f"_operation: {operation.literal}, /, {operation.input}".removesuffix(", ")
                    typed = _INPUT.sub(lambda _: parameters, signature)
                    yield _overload(_of(operation.result, typed), operation.summary)
        yield _overload(signature)


def _maps(operations: list[_Operation]) -> Iterator[str]:
    """The methods of a pool: an overload for each type of result, and those for what is no name."""
    literals: defaultdict[str, list[str]] = defaultdict(list)
    for operation in operations:
        if not operation.is_stream:
            literals[operation.result].append(repr(operation.name))
    for _, signature in _overloads(catalog.Maps):
        for result, names in literals.items():
            yield _overload(_of(result, signature.replace("Function[_T]", f"Literal[{', '.join(names)}]")))
        yield _overload(signature)


def _overloads(kind: type) -> Iterator[tuple[str, str]]:
    """The names and signatures of the overloads that do not take a string."""
    [definition] = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    for method in definition.body:
        if isinstance(method, ast.FunctionDef) and method.decorator_list:
            signature = ast.unparse(method).splitlines()[1]
            if not re.search(r"(operation|func): str\b", signature):
                yield method.name, signature


def _overload(signature: str, body: str = "...") -> str:
    return f"    @overload\n    {signature} {body}\n"


def _of(result: str, signature: str) -> str:
    return re.sub(r"\b_T\b", lambda _: result, signature)


class _Types:
    """Types of JSON schemas, and the definitions of those that have a name."""

    def __init__(self) -> None:
        self.definitions: list[str] = []
        self._names = {*re.findall(r"\w+", _HEAD), "Calls", "Maps"}

    def unique(self, name: str) -> str:
        """The name, or if it is taken a longer one."""
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name

    def parameters(self, schema: Any, name: str) -> str:
        """The parameters of a function for the properties of an object."""
        properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
        names = [f"{key}_" if keyword.iskeyword(key) else key for key in properties]
        if not isinstance(schema, dict) or not all(map(_is_parameter, names)) or len({*names}) < len(names):
            return "*args: Any, **input: Any"
        required = schema.get("required", [])
        parameters: list[str] = []
        has_default = False
        for parameter, (key, value) in zip(names, properties.items()):
            kind = self.of(value, name + _class_name(key), is_input=True)
            kind = kind if kind == "Any" else f"{kind} | Reference"
            if key in required and has_default and "*" not in parameters:
                parameters.append("*")
            has_default |= key not in required
            parameters.append(f"{parameter}: {kind}" if key in required else f"{parameter}: {kind} = ...")
        if schema.get("additionalProperties", True) is not False:
            parameters.append("**input: Any")
        return ", ".join(parameters)

    def of(self, schema: Any, name: str, *, is_input: bool) -> str:
        """The type of a value. name: of a type that has to be defined."""
        if not isinstance(schema, dict):
            return "Any"
        if values := schema.get("enum", [schema["const"]] if "const" in schema else []):
            if all(value is None or isinstance(value, (str, int)) for value in values):
                return f"Literal[{', '.join(map(repr, values))}]"
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                return _union(self.of(each, name, is_input=is_input) for each in schema[choice])
        kinds = schema.get("type")
        return _union(
            self._of(kind, schema, name, is_input=is_input) for kind in (kinds if isinstance(kinds, list) else [kinds])
        )

    def _of(self, kind: Any, schema: dict[str, Any], name: str, *, is_input: bool) -> str:
        if kind == "array":
            item = self.of(schema.get("items", True), f"{name}Item", is_input=is_input)
            return f"Sequence[{item}]" if is_input else f"list[{item}]"
        if kind == "object" and schema.get("properties"):
            return self._define(schema, name, is_input=is_input)
        if kind == "object":
            value = self.of(schema.get("additionalProperties", True), f"{name}Value", is_input=is_input)
            return f"Mapping[str, {value}]" if is_input else f"dict[str, {value}]"
        return _SCALARS.get(kind, "Any")

    def _define(self, schema: dict[str, Any], name: str, *, is_input: bool) -> str:
        name = self.unique(name)
        required = schema.get("required", [])
        fields = []
        for key, value in schema["properties"].items():
            kind = self.of(value, name + _class_name(key), is_input=is_input)
            fields.append(f"    {key!r}: {kind if key in required else f'NotRequired[{kind}]'},\n")
        self.definitions.append(f"{name} = TypedDict({name!r}, {{\n{''.join(fields)}}})\n")
        return name


def _union(types: Iterator[str]) -> str:
    each = list(dict.fromkeys(types))
    return "Any" if "Any" in each else " | ".join(each)


def _is_parameter(name: str) -> bool:
    return name.isidentifier() and name not in ("self", "_operation")


def _class_name(name: str) -> str:
    """`text.count` as `TextCount`."""
    words = "".join(word[:1].upper() + word[1:] for word in re.split(r"\W+", name, flags=re.ASCII))
    return words if words.isidentifier() and not keyword.iskeyword(words) else f"_{words}"
