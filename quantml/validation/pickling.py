"""Pickling what travels to workers and back, and naming the part of it that cannot be pickled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, MethodType
from typing import Any, Final

import cloudpickle

from quantml.errors import StudyError
from quantml.source import cause_of
from quantml.syntax import names_read

MOST: Final = 200
"""Parts that are looked into."""
_DERIVED: Final = (GetSetDescriptorType, MemberDescriptorType)
"""What Python itself puts into a class."""
HINT: Final = "Leave out open files, locks and connections, or work in this process."


def pickled(part: object, named: str, **options: Any) -> bytes:
    """Pickle by value, with cloudpickle's options.

    Parameters
    ----------
    part : object
    named : str
        What it is, for errors.

    Raises
    ------
    StudyError
        If it cannot be; the text says which part of it.
    """
    try:
        data: bytes = cloudpickle.dumps(part, **options)
    except Exception as error:
        raise StudyError(named, must="be picklable", got=cause_of(error), where=_culprit(part), hint=HINT) from error
    return data


def _culprit(whole: object) -> str:
    """Say where the innermost part that cannot be pickled lies: its dotted path, and what holds it."""
    path, holder = _found(whole, "", whole, {}) or ("", whole)
    kind = holder if isinstance(holder, type | FunctionType) else type(holder)
    return f"{path.removeprefix('.')}, in {kind.__qualname__}" if path else ""


def _found(part: object, path: str, holder: object, met: dict[int, object]) -> tuple[str, object] | None:
    """Return path and holder of the first part that fails though all that it holds does not; None within a ring."""
    met[id(part)] = part  # held, so that its id is not given to another
    is_innermost = True
    for step, inner in _parts(part) if len(met) < MOST else ():
        if _is_picklable(inner):
            continue
        is_innermost = False
        found = None if id(inner) in met else _found(inner, path + step, part, met)
        if found is not None:
            return found
    return (path, holder) if is_innermost else None


def _is_picklable(part: object) -> bool:
    try:
        cloudpickle.dumps(part)
    except Exception:  # noqa: BLE001 - whatever a part's own code raises
        return False
    return True


def _parts(whole: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an object holds, each with the step of a path that leads to it."""
    if isinstance(whole, MethodType):
        yield ".__self__", whole.__self__
        whole = whole.__func__
    if isinstance(whole, FunctionType):
        yield from ((f" -> {name}", part) for name, part in _read(whole))
    elif isinstance(whole, Mapping):
        yield from ((f"[{key!r}]", part) for key, part in whole.items())
    elif isinstance(whole, list | tuple | set | frozenset):
        yield from ((f"[{place}]", part) for place, part in enumerate(whole))
    yield from ((f".{name}", part) for name, part in _state(whole).items())
    if not isinstance(whole, type):
        yield "", type(whole)  # cloudpickle writes the classes of a script out


def _state(whole: Any) -> dict[str, Any]:
    """Return the attributes that are pickled of an object."""
    if isinstance(whole, type):
        return {name: _unwrapped(part) for name, part in vars(whole).items() if not isinstance(part, _DERIVED)}
    try:
        state = whole.__getstate__()
    except Exception:  # noqa: BLE001 - whatever a part's own code raises; then the object itself is named
        return {}
    plain, *slots = state if isinstance(state, tuple) else (state,)
    return {name: part for held in (plain, *slots) if isinstance(held, Mapping) for name, part in held.items()}


def _unwrapped(part: Any) -> Any:
    """Return the function in a property, a static or a class method."""
    return getattr(part, "__func__", getattr(part, "fget", part))


def _read(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function closes over, its defaults, and the globals that it names."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # assigned only after this function was made
            continue
    yield from (("a default", part) for part in (function.__defaults__ or ()))
    known = function.__globals__
    named = {read.name for read in names_read(function.__code__) if not read.enclosed}
    yield from ((name, known[name]) for name in sorted(named & set(known)))
