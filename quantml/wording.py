"""Declarations in words, as they would be written."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.canonical import state_of
from quantml.user_code import is_generated

_BRACKETS: Final[Mapping[type, str]] = {list: "[{}]", tuple: "({})", dict: "{{{}}}"}
_ADDRESS: Final = re.compile(r"( at)? 0x[0-9a-fA-F]{4,}")


def described(declared: Any) -> str:
    """Write a declaration in one line: as it would be written where that is known, and without any memory address.

    Examples
    --------
    >>> class Mine:
    ...     def __init__(self):
    ...         self.symbols = ["A", "B"]
    >>> described(Mine())
    "Mine(symbols=['A', 'B'])"
    """
    return _described(declared, frozenset())


def _described(value: Any, above: frozenset[int]) -> str:
    if id(value) in above:
        return "..."
    write = functools.partial(_described, above=above | {id(value)})
    kind = type(value)
    if kind in _BRACKETS:
        parts = (
            [f"{write(key)}: {write(value[key])}" for key in value] if kind is dict else [write(part) for part in value]
        )
        return _BRACKETS[kind].format(", ".join(parts) + ("," if kind is tuple and len(parts) == 1 else ""))
    if isinstance(value, (np.ndarray, pd.DataFrame, pd.Series)):
        return f"{kind.__name__}({' x '.join(map(str, value.shape))})"
    if isinstance(value, functools.partial):
        return f"partial({_call((value.func, *value.args), value.keywords, write)})"
    if callable(value) and isinstance(getattr(value, "__qualname__", None), str):
        return str(value.__qualname__)
    if is_dataclass(value) and is_generated("__repr__", kind.__repr__):
        shown = {part.name: getattr(value, part.name) for part in fields(value) if part.repr}
        return f"{kind.__qualname__}({_call((), shown, write)})"
    if getattr(kind, "__repr__", None) is object.__repr__:
        state = state_of(value)
        return f"{kind.__name__}({_call((), {n: state[n] for n in sorted(state) if not n.startswith('_')}, write)})"
    return repr(value) if isinstance(value, (str, bytes)) else " ".join(_ADDRESS.sub("", repr(value)).split())


def _call(arguments: tuple[Any, ...], keywords: Mapping[str, Any], write: Callable[[Any], str]) -> str:
    return ", ".join([*map(write, arguments), *(f"{name}={write(part)}" for name, part in keywords.items())])
