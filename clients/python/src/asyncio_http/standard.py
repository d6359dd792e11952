"""How a module here stands in for one of the standard library: it has every name of that, and its submodules."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any


class _Submodules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `asyncio_http.multiprocessing.pool` where `multiprocessing.pool` is."""

    def __init__(self, own: str, standard: str) -> None:
        self._own = f"{own}."
        self._standard = f"{standard}."

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        # A submodule of our own, such as asyncio_http.multiprocessing.pool, is where its package is.
        is_in_own = f"{fullname.rpartition('.')[0]}." == self._own
        if is_in_own and importlib.machinery.PathFinder.find_spec(fullname, path) is not None:
            return None
        if not fullname.startswith(self._own) or importlib.util.find_spec(self._real(fullname)) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        # The import system then gives what is here instead of the empty module that it made.
        sys.modules[module.__name__] = importlib.import_module(self._real(module.__name__))

    def _real(self, name: str) -> str:
        return self._standard + name.removeprefix(self._own)


def stand_in_for(standard: ModuleType, own: str) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """`__all__`, `__getattr__` and `__dir__` of the module with the name own.

    If the standard module is a package, so is ours, with those submodules that are not those of the standard library.
    """
    # Before the finder that would load a submodule of a submodule a second time.
    sys.meta_path.insert(0, _Submodules(own, standard.__name__))

    def get(name: str) -> Any:
        if not hasattr(standard, name) and hasattr(standard, "__path__"):
            # Names of the standard module bring their submodules with them, such as Manager.
            if importlib.util.find_spec(f"{standard.__name__}.{name}") is not None:
                importlib.import_module(f"{standard.__name__}.{name}")
        return getattr(standard, name)

    return list(standard.__all__), get, lambda: sorted({*dir(standard), *vars(sys.modules[own])})
