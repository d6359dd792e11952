"""The build backend of pyproject.toml: the standard library is enough to make a wheel, so pip needs no index."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PROJECT: dict[str, Any] = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RELEASE = f"{PROJECT['name']}-{PROJECT['version']}"
WHEEL = "Wheel-Version: 1.0\nGenerator: backend.py\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: str | None = None) -> str:
    """Writes the wheel, and returns its name (PEP 517)."""
    return _wheel(wheel_directory, {path.relative_to(HERE / "src").as_posix(): path.read_bytes() for path in _sources()})


def build_editable(wheel_directory: str, config_settings: object = None, metadata_directory: str | None = None) -> str:
    """Writes a wheel that refers to the sources, and returns its name (PEP 660)."""
    return _wheel(wheel_directory, {f"{PROJECT['name']}.pth": f"{HERE / 'src'}\n".encode()})


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:
    """Writes the archive of sources, and returns its name (PEP 517)."""
    name = f"{RELEASE}.tar.gz"
    files = [*(HERE / name for name in ("pyproject.toml", "README.md", "backend.py")), *_sources()]
    with tarfile.open(Path(sdist_directory) / name, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for path in files:
            archive.add(path, f"{RELEASE}/{path.relative_to(HERE).as_posix()}")
        information = tarfile.TarInfo(f"{RELEASE}/PKG-INFO")
        content = _metadata().encode()
        information.size = len(content)
        archive.addfile(information, io.BytesIO(content))
    return name


def _sources() -> list[Path]:
    return sorted(path for path in (HERE / "src").rglob("*") if path.suffix == ".py" or path.name == "py.typed")


def _metadata() -> str:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {PROJECT['name']}",
        f"Version: {PROJECT['version']}",
        f"Summary: {PROJECT['description']}",
        f"License: {PROJECT['license']['text']}",
        f"Requires-Python: {PROJECT['requires-python']}",
        *(f"Classifier: {classifier}" for classifier in PROJECT["classifiers"]),
        "Description-Content-Type: text/markdown",
    ]
    readme = (HERE / PROJECT["readme"]).read_text(encoding="utf-8")
    return "\n".join([*lines, "", readme])


def _wheel(folder: str, files: dict[str, bytes]) -> str:
    name = f"{RELEASE}-py3-none-any.whl"
    information = f"{RELEASE}.dist-info"
    files |= {f"{information}/METADATA": _metadata().encode(), f"{information}/WHEEL": WHEEL.encode()}
    record = "".join(f"{path},sha256={_digest(content)},{len(content)}\n" for path, content in files.items())
    files[f"{information}/RECORD"] = f"{record}{information}/RECORD,,\n".encode()
    with zipfile.ZipFile(Path(folder) / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            # A date of its own would make the wheel of the same sources another one each time.
            entry = zipfile.ZipInfo(path)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return name


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
