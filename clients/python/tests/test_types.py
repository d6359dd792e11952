"""Type checkers find no error in programs that use every name, and find those of a program with mistakes.

`python -m asyncio_http stubs` writes the types of the operations. The programs run too.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from types import ModuleType

import host
from test_stubs import CATALOG

import asyncio_http
from asyncio_http import stubs

PROJECT = Path(__file__).parent.parent
CHECKED = PROJECT / "tests" / "checked"
# One for all runs, each of which reads the types of the standard library.
os.environ["MYPY_CACHE_DIR"] = str(PROJECT / ".mypy_cache")


def pyright() -> Path:
    """The program, which npm installs if it is not here."""
    folder = CHECKED / "node_modules" / "pyright"
    if not folder.exists():
        install = ["npm", "ci", "--no-audit", "--no-fund"]
        # A download may fail once.
        if subprocess.run(install, cwd=CHECKED, capture_output=True).returncode != 0:
            subprocess.run(install, cwd=CHECKED, check=True, capture_output=True)
    return folder / "index.js"


def run(*command: str | Path, cwd: Path | None = None) -> tuple[int, str]:
    environment = {**os.environ, "FUNCTIONS_BASE_URL": host.url(), "PYTHONPATH": str(host.SOURCES)}
    program = subprocess.run(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return program.returncode, program.stdout


def every_name(module: ModuleType, statement: str) -> str:
    """A program that uses every name of a module of the standard library."""
    name = module.__name__
    lines = [statement, ""]
    for each in module.__all__:
        is_generic = hasattr(getattr(module, each), "__class_getitem__")
        if isinstance(getattr(module, each), type) and not is_generic:
            lines += [f"def use_{each}(value: {name}.{each}) -> None:", f"    print(value, {name}.{each})", ""]
        else:
            lines.append(f"print({name}.{each})")
    return "\n".join(lines) + "\n"


class TypesTests(unittest.TestCase):
    folder: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        for program in CHECKED.glob("*.py"):
            shutil.copy(program, cls.folder)
        for module in (asyncio, multiprocessing):
            name = module.__name__
            (cls.folder / f"own_{name}.py").write_text(every_name(module, f"from asyncio_http import {name}"))
            (cls.folder / f"standard_{name}.py").write_text(every_name(module, f"import {name}"))
        status, output = run(sys.executable, "-m", "asyncio_http", "stubs", host.url(), cwd=cls.folder)
        assert status == 0, output
        (cls.folder / "any_catalog.pyi").write_text(stubs.stub(CATALOG, host.url()))

    def assert_right(self, output: str) -> None:
        """Each error, and no other one, is in a line of mistakes.py that says so, or with asyncio itself there too."""
        found = set(re.findall(r"(\w+\.pyi?:\d+)[:\d]*(?: -)? (?:error|warning)", output))
        standard = {line for line in found if line.startswith("standard_")}
        found -= standard | {line.replace("standard_", "own_") for line in standard}
        lines = (CHECKED / "mistakes.py").read_text().splitlines()
        expected = {f"mistakes.py:{number}" for number, line in enumerate(lines, 1) if line.endswith("# error")}
        self.assertEqual(expected, found, output)

    @unittest.skipUnless(shutil.which("npm"), "npm installs pyright")
    def test_pyright_finds_the_mistakes_and_nothing_else(self) -> None:
        settings = {"extraPaths": [str(host.SOURCES)], "pythonVersion": "3.11", "strict": ["names.py", "catalog.py", "typings"]}
        (self.folder / "pyrightconfig.json").write_text(json.dumps(settings))
        self.assert_right(run("node", pyright(), cwd=self.folder)[1])
        status, output = run("node", pyright(), cwd=PROJECT)
        self.assertEqual(0, status, output)

    @unittest.skipUnless(shutil.which("mypy"), "mypy is not installed")
    def test_mypy_finds_the_mistakes_and_nothing_else(self) -> None:
        (self.folder / "mypy.ini").write_text(
            f"[mypy]\nstrict = true\npython_version = 3.11\nmypy_path = typings:{host.SOURCES}\n"
            "enable_incomplete_feature = Unpack\n"
        )
        programs = sorted(path.name for path in self.folder.iterdir() if path.suffix in (".py", ".pyi"))
        self.assert_right(run("mypy", *programs, "typings/asyncio_http_catalog.pyi", cwd=self.folder)[1])
        status, output = run("mypy", cwd=PROJECT)
        self.assertEqual(0, status, output)

    def test_programs_run(self) -> None:
        for program in ("names.py", "catalog.py", "own_asyncio.py", "own_multiprocessing.py"):
            with self.subTest(program):
                status, output = run(sys.executable, "-W", "error", program, host.url(), cwd=self.folder)
                self.assertEqual(0, status, output)
                self.assertNotIn("Traceback", output)

    def test_program_of_every_name_has_every_name(self) -> None:
        source = (CHECKED / "names.py").read_text()
        self.assertEqual([], [name for name in asyncio_http.__all__ if len(re.findall(rf"\b{name}\b", source)) < 2])


if __name__ == "__main__":
    unittest.main()
