"""The package installs without an index, and what is installed works."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
import unittest
import venv
from pathlib import Path

import host
from test_readme import examples
from test_types import pyright

PROJECT = Path(__file__).parent.parent
PROGRAM = """
import asyncio_http, sys
from asyncio_http import asyncio, operation
from asyncio_http.multiprocessing import Pool

async def main():
    return await operation("math.square")(12)

with Pool() as pool:
    print(asyncio.run(main()), pool.map("math.square", [1, 2]), asyncio_http.__file__.startswith(sys.prefix))
"""


@unittest.skipUnless(importlib.util.find_spec("ensurepip"), "Debian has ensurepip in python3-venv")
class WheelTests(unittest.TestCase):
    folder: Path
    python: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        venv.create(cls.folder / "venv", with_pip=True)
        cls.python = cls.folder / "venv" / "bin" / "python"

    def run_python(self, *arguments: str | Path) -> str:
        # Not the sources that the tests themselves use, and no index.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment |= {"FUNCTIONS_BASE_URL": host.url(), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
        program = subprocess.run(
            [self.python, "-W", "error::ResourceWarning", *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        self.assertEqual(0, program.returncode, program.stdout + program.stderr)
        return program.stdout

    def check(self, package: str | Path, *options: str) -> None:
        self.run_python("-m", "pip", "install", "--force-reinstall", *options, package)
        self.assertEqual("144 [1, 4] True\n", self.run_python("-c", PROGRAM))

    def test_folder_installs(self) -> None:
        self.check(PROJECT)
        self.assertIn("License: MIT", self.run_python("-m", "pip", "show", "asyncio_http"))

    def test_wheel_installs(self) -> None:
        self.run_python("-m", "pip", "wheel", "--wheel-dir", self.folder / "wheels", PROJECT)
        [wheel] = (self.folder / "wheels").glob("*.whl")
        self.check(wheel)
        self.run_python("-m", "pip", "check")
        self.assertIn("operations", self.run_python("-m", "asyncio_http", "stubs", host.url()))
        for source, output in examples():
            with self.subTest(source):
                self.assertEqual(output, self.run_python("-c", source))

    def test_archive_of_sources_installs(self) -> None:
        source = f"import sys; sys.path.insert(0, {str(PROJECT)!r}); import backend; print(backend.build_sdist('.'))"
        self.check(self.folder / self.run_python("-c", source).strip())

    def test_folder_installs_as_editable(self) -> None:
        self.run_python("-m", "pip", "install", "--editable", PROJECT)
        place = self.run_python("-c", "import asyncio_http; print(asyncio_http.__file__)").strip()
        self.assertEqual(host.SOURCES / "asyncio_http" / "__init__.py", Path(place))

    @unittest.skipUnless(shutil.which("npm") and shutil.which("mypy"), "npm installs pyright, and mypy is not installed")
    def test_types_of_what_is_installed_are_found(self) -> None:
        self.run_python("-m", "pip", "install", "--force-reinstall", PROJECT)
        shutil.copy(PROJECT / "tests" / "checked" / "names.py", self.folder / "names.py")
        activated = {**os.environ, "PATH": f"{self.python.parent}{os.pathsep}{os.environ['PATH']}", "MYPYPATH": ""}
        activated.pop("PYTHONPATH", None)
        commands: list[list[str | Path]] = [
            ["mypy", "--strict", "--python-executable", self.python, "names.py"],
            ["node", pyright(), "names.py"],
            ["node", pyright(), "--verifytypes", "asyncio_http", "--ignoreexternal"],
        ]
        for command in commands:
            checker = subprocess.run(
                command, cwd=self.folder, env=activated, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            self.assertEqual(0, checker.returncode, checker.stdout)


if __name__ == "__main__":
    unittest.main()
