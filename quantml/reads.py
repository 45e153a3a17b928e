"""What a user's function reads elsewhere: defaults, closures, globals, and what it takes off the user's own modules."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any, Final

from quantml.errors import StudyError
from quantml.reflection import is_reaching
from quantml.source import PREFIX, cause_of, is_installed, is_users, raised_at, unbundled
from quantml.syntax import Import, attributes_named, imports_read, names_read

OF_MODULES: Final = frozenset({
    "__name__", "__doc__", "__package__", "__loader__", "__spec__", "__file__", "__path__", "__cached__",
    "__builtins__", "__annotations__", "__annotate__", "__conditional_annotations__", "__warningregistry__",
})  # fmt: skip
"""What Python keeps in a module: where it lies and what it is called are no part of what it means."""


def defaults(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the default values of a function's parameters."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    yield from ((f"default {name}", part) for name, part in zip(names[::-1], (function.__defaults__ or ())[::-1]))
    yield from ((f"default {name}", part) for name, part in (function.__kwdefaults__ or {}).items())


def variables(function: FunctionType) -> dict[str, Any]:
    """Return the variables of enclosing functions that have a value by now."""
    filled: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            filled[name] = cell.cell_contents
        except ValueError:  # assigned only after this function was made
            continue
    return filled


def reads(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function looks up, by kind and name; of the user's modules only the attributes that it reads."""
    cells = variables(function)
    for name, part in cells.items():
        if not _is_users_module(part):
            yield f"closure {name}", part
    for read in names_read(function.__code__):
        if read.name in OF_MODULES:
            continue
        kind, place = ("closure", cells) if read.enclosed else ("global", function.__globals__)
        if read.name in place:
            yield from _follow(f"{kind} {read.name}", place[read.name], read.attributes)
    named = attributes_named(function.__code__)
    for imported in imports_read(function.__code__):
        yield from _imported(imported, function, named)


def _follow(name: str, value: Any, attributes: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Walk down the user's modules along the attributes that are read off them."""
    for place, attribute in enumerate(attributes):
        if not _is_users_module(value):
            yield from _taken_off(name, value, attributes[place:])
            break
        if attribute not in vars(value):  # reading it fails, or the module makes it then
            yield from _made_then(name, value)
            return
        name, value = f"{name}.{attribute}", vars(value)[attribute]
    yield name, value


def _taken_off(name: str, value: Any, attributes: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Yield what is read off an installed module where that reaches further than its name says."""
    for attribute in attributes:
        if not isinstance(value, ModuleType):
            break
        name, value = f"{name}.{attribute}", vars(value).get(attribute)
    if not isinstance(value, ModuleType) and is_reaching(value):
        yield name, value


def _made_then(label: str, module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield the function by which a module gives what it does not hold."""
    if "__getattr__" in vars(module):
        yield f"{label}.__getattr__", vars(module)["__getattr__"]


def _imported(imported: Import, function: FunctionType, named: set[str]) -> Iterator[tuple[str, Any]]:
    """Yield what an import inside a function brings from the user's modules."""
    package = str(function.__globals__.get("__package__") or "")
    module = _users_module("." * imported.level + imported.module, package)
    if module is None:
        return
    label = f"import {unbundled(module.__name__)}"
    if not imported.names:
        yield from _named(label, module, named)
    for name in imported.names:
        held = name in vars(module)
        below = None if held or "__path__" not in vars(module) else _users_module(f"{module.__name__}.{name}", "")
        part = vars(module)[name] if held else below
        yield from _named(f"{label}.{name}", part, named) if held or below else _made_then(label, module)


def _named(label: str, part: Any, named: set[str]) -> Iterator[tuple[str, Any]]:
    """Yield a part or, of a module, what the code that imports it names; all of it where it names nothing."""
    inside = named.intersection(vars(part)) if _is_users_module(part) else set()
    if not inside:
        yield label, part
    else:
        yield from _made_then(label, part)
    for name in inside:
        yield f"{label}.{name}", vars(part)[name]


def _users_module(name: str, package: str) -> ModuleType | None:
    """Import a module if it is the user's own; an installed one is left alone."""
    try:
        name = importlib.util.resolve_name(name, package)
        root = name.partition(".")[0]
        if root not in sys.modules and not root.startswith(PREFIX):
            spec = importlib.util.find_spec(root)
            place = spec and (spec.origin or next(iter(spec.submodule_search_locations or ()), None))
            if not place or place in ("built-in", "frozen") or is_installed(place):
                return None
        return importlib.import_module(name) if is_users(root) else None
    except ImportError:  # the function handles it, or fails where it is called
        return None
    except (Exception, SystemExit) as error:
        raise StudyError(f"the module {unbundled(name)} failed: {cause_of(error)}", where=raised_at(error)) from error


def _is_users_module(value: Any) -> bool:
    return isinstance(value, ModuleType) and is_users(value.__name__)
