"""The examples of README.md print what stands below them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

import host

README = Path(__file__).parent.parent / "README.md"


def examples() -> list[tuple[str, str]]:
    """The programs, as they call the host of the tests, and what stands below them."""
    text = README.read_text(encoding="utf-8")
    found = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    assert text.count("```python") == len(found)
    address = f"{host.url()!r}, {host.KEY!r}"
    return [(source.replace('"http://127.0.0.1:7071"', address), output) for source, output in found]


class ReadmeTests(unittest.TestCase):
    def test_examples_print_what_stands_below_them(self) -> None:
        environment = {**os.environ, "FUNCTIONS_BASE_URL": host.url(), "PYTHONPATH": str(host.SOURCES)}
        for source, output in examples():
            with self.subTest(source):
                program = subprocess.run(
                    [sys.executable, "-c", source], env=environment, capture_output=True, text=True
                )
                self.assertEqual((output, ""), (program.stdout, program.stderr))


if __name__ == "__main__":
    unittest.main()
