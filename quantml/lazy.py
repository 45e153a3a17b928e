"""Lazy public names: a package lists what it exports, and each module is imported when its name is first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def attach(package: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make a package's ``__getattr__`` and ``__dir__``.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    names : mapping of str to str
        Each exported name and the module, below `package`, that holds it; ``"."`` before a module's name means
        that the export is the module itself. A module elsewhere is written in full, from ``quantml.`` on.
    """

    def load(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        path = names[name]
        module = import_module(path if path.startswith("quantml.") else f"{package}.{path.removeprefix('.')}")
        return module if path.startswith(".") else getattr(module, name)

    def listing() -> list[str]:
        return sorted(names)

    return load, listing
