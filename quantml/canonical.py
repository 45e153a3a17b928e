"""The canonical form of a declaration: what it says, free of where and how it was written.

Two declarations with equal canonical forms mean the same study. User code is encoded by its normalised syntax tree
together with the defaults, closures and globals that it resolves, so that an edit anywhere below changes the form,
and a comment does not.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import functools
import hashlib
import json
import pathlib
import pickle
import re
import sys
import types
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from logging import Logger
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.source import PACKAGE, Bundle, is_users
from quantml.user_code import (
    DESCRIPTORS,
    NotEncodable,
    TableHeld,
    UserCode,
    is_generated,
    name_of,
    table_kind,
    unbundled,
)

NOT_CANONICAL: Final[Mapping[str, str]] = {"canonical": "left out"}
"""Metadata of a dataclass field that says where something came from, not what it means."""

_CONSTANTS: Final = (
    *(bytes, complex, range, slice, re.Pattern, np.dtype, uuid.UUID, pathlib.PurePath),
    *(decimal.Decimal, fractions.Fraction, type(...), type(pd.NA), pd.offsets.BaseOffset),
    *(datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo),
)
_BUILT_IN: Final = (bool, int, float, str, bytes, tuple, list, dict, set, frozenset)
_BRACKETS: Final[Mapping[type, str]] = {list: "[{}]", tuple: "({})", dict: "{{{}}}"}
_ADDRESS: Final = re.compile(r"( at)? 0x[0-9a-fA-F]{4,}")
_OWN_KEYS: Final = frozenset({"type", "code", "class", "function", "module", "time", "fingerprint", "bases"})


def canonical(declared: Any, bundle: Bundle | None = None) -> Any:
    """Return the JSON-able canonical form of a declaration.

    Parameters
    ----------
    declared : object
        Dataclasses, plain values, functions, enumerations, scikit-learn estimators, and sequences or mappings of them.
    bundle : Bundle, optional
        The study's own source; user code that cannot be encoded by itself is named by the bundle's digest.

    Raises
    ------
    StudyError
        If a user's code holds a table, by itself or within a container, or a part has no canonical form.

    Examples
    --------
    >>> canonical((1, 0.5, "a", None))
    [1, 0.5, 'a', None]
    """
    return _Encoder(bundle).encode(declared)


def digest(declared: Any, bundle: Bundle | None = None) -> str:
    """Return the SHA-256 of the canonical form."""
    return _sha256(canonical(declared, bundle))


def _text(form: Any) -> str:
    return json.dumps(form, sort_keys=True, separators=(",", ":"), allow_nan=True)


def _sha256(form: Any) -> str:
    return hashlib.sha256(_text(form).encode()).hexdigest()


class _Encoder:
    def __init__(self, bundle: Bundle | None) -> None:
        self._code = UserCode(self.encode, bundle)
        self._open: set[int] = set()  # what is being encoded further up: recursion ends there
        self._encoders: tuple[tuple[Callable[[Any], Any], Callable[[Any], Any]], ...] = (
            (_is(np.generic), lambda v: self.encode(v.item())),
            (_is(Enum), self._member),
            (_is(pd.Timestamp), lambda v: {"time": v.isoformat()}),
            (_is(*_CONSTANTS), lambda v: {"constant": repr(v)}),
            (_is(type), lambda v: {"class": name_of(v), **self._code.of_class(v)}),
            (_is(types.ModuleType), self._code.of_module),
            (lambda v: hasattr(v, "fingerprint"), self._fingerprint),
            (table_kind, self._refuse_table),
            (is_dataclass, self._dataclass),
            (_is(types.FunctionType), self._code.of_function),
            (_is(types.MethodType), lambda v: {**self.encode(v.__func__), "self": self.encode(v.__self__)}),
            (lambda v: hasattr(v, "py_func"), self._jitted),
            (_is(functools.partial), lambda v: self._held(v, func=v.func, args=v.args, keywords=v.keywords)),
            (_is(functools._lru_cache_wrapper), lambda v: self._held(v, func=v.__wrapped__)),
            (_is(*DESCRIPTORS), self._code.of_descriptor),
            (_is_named, lambda v: {"function": _name_of_callable(v)}),
            (lambda v: callable(getattr(v, "get_params", None)), self._estimator),
            (lambda v: is_users(type(v).__module__), self._plain_object),
            (_is(Mapping), lambda v: {self._key(key): self.encode(part) for key, part in v.items()}),
            (_is(tuple, list, deque), lambda v: [self.encode(part) for part in v]),
            (_is(set, frozenset), lambda v: sorted((self.encode(part) for part in v), key=_text)),
            (_is(Logger), lambda _: {"type": "logging.Logger"}),  # what is logged is no result
            (lambda _: self._code.inside, self._by_state),
        )

    def encode(self, value: Any) -> Any:
        if value is None or (isinstance(value, (bool, int, str, float)) and not is_users(type(value).__module__)):
            return _plain(value)
        if id(value) in self._open:
            return {"again": "within itself"}
        encode = next((encode for fits, encode in self._encoders if fits(value)), _refuse)
        self._open.add(id(value))
        try:
            return encode(value)
        finally:
            self._open.discard(id(value))

    # ------------------------------------------------------------ declarations

    def _dataclass(self, value: Any) -> dict[str, Any]:
        declared = (part for part in fields(value) if part.metadata != NOT_CANONICAL)
        names = [part.name for part in declared if part.init or (self._code.inside and hasattr(value, part.name))]
        return self._typed(value, {name: getattr(value, name) for name in names})

    def _estimator(self, value: Any) -> dict[str, Any]:
        """Encode a scikit-learn estimator by its parameters; one that code holds also by what it was fitted to."""
        state = vars(value) if self._code.inside else {}
        learned = {name: part for name, part in state.items() if name.endswith("_") and not name.startswith("_")}
        return self._typed(value, {**value.get_params(deep=False), **learned})

    def _plain_object(self, value: Any) -> dict[str, Any]:
        return self._typed(value, _state(value))

    def _typed(self, value: Any, held: Mapping[str, Any]) -> dict[str, Any]:
        code = self._code.of_class(type(value))
        return {"type": name_of(type(value)), **code, **{_field(name): self.encode(held[name]) for name in held}}

    def _held(self, value: Any, **held: Any) -> dict[str, Any]:
        """Encode what an object of the standard library holds, and attributes that the user gave it."""
        given = {name: part for name, part in vars(value).items() if not name.startswith("__")}
        return self._typed(value, {**held, **given})

    def _member(self, value: Enum) -> Any:
        if not is_users(type(value).__module__):
            return f"{type(value).__name__}.{value.name}"
        return {"type": name_of(type(value)), **self._code.of_class(type(value)), "member": value.name}

    def _jitted(self, value: Any) -> dict[str, Any]:
        """Encode a function compiled by numba; an installed one becomes part of its caller, so its version too."""
        form: dict[str, Any] = self.encode(value.py_func)
        root = str(value.py_func.__module__).partition(".")[0]
        if is_users(value.py_func.__module__):
            return {**form, "options": self.encode(getattr(value, "targetoptions", {}))}
        return form if root == PACKAGE else {**form, "version": _version(root)}

    def _fingerprint(self, value: Any) -> dict[str, str]:
        if self._code.inside:
            raise TableHeld.of(type(value).__name__)
        return {"type": name_of(type(value)), "fingerprint": value.fingerprint}

    def _refuse_table(self, value: Any) -> Any:
        raise TableHeld.of(table_kind(value) or "")

    def _key(self, key: Any) -> str:
        return str(key) if isinstance(key, (str, int, float)) else _text(self.encode(key))

    # --------------------------------------------------------- what code holds

    def _by_state(self, value: Any) -> dict[str, Any]:
        """Encode an object of an installed package, which code holds, by what `pickle` would keep of it."""
        try:
            made = value.__reduce_ex__(2)
        except (TypeError, ValueError, AttributeError, NotImplementedError, pickle.PicklingError) as error:
            raise NotEncodable("a captured object", must="have a state", got=type(value).__name__) from error
        if isinstance(made, str):
            return {"type": name_of(type(value)), "name": made}
        make, arguments, state, items, pairs = (*made, None, None, None)[:5]
        parts = [make, arguments, state, *(None if part is None else list(part) for part in (items, pairs))]
        return self._code.once(value, lambda: {"type": name_of(type(value)), "state": _sha256(self.encode(parts))})


def _refuse(value: Any) -> Any:
    must = "be dataclasses, functions, estimators or plain values"
    raise NotEncodable("a study's parts", must=must, got=type(value).__name__)


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(value) if np.isfinite(value) else repr(float(value))
    return unbundled(str(value)) if isinstance(value, str) else value


def _field(name: str) -> str:
    """Keep a field called like a key of the form itself apart from it."""
    return f"field {name}" if name in _OWN_KEYS else name


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _is_named(value: Any) -> bool:
    """Say whether a callable of an installed package is found again by its name."""
    if isinstance(value, (types.BuiltinFunctionType, np.ufunc, types.MethodDescriptorType)):
        owner = getattr(value, "__self__", None)
        return owner is None or isinstance(owner, types.ModuleType)
    module, place = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not (isinstance(module, str) and isinstance(place, str)) or is_users(module):
        return False
    found: Any = sys.modules.get(module)
    for name in place.split("."):
        found = getattr(found, name, None)
    return found is value


def _name_of_callable(value: Any) -> str:
    return f"{getattr(value, '__module__', None) or ''}.{getattr(value, '__qualname__', value.__name__)}"


def _state(value: Any) -> dict[str, Any]:
    """Return what an object of a user's class holds: attributes, slots, and the value of a built-in type below it."""
    kinds = type(value).__mro__
    computed = {
        name for kind in kinds for name, part in vars(kind).items() if isinstance(part, functools.cached_property)
    }
    state = {name: part for name, part in getattr(value, "__dict__", {}).items() if name not in computed}
    slots = {name for kind in kinds for name in np.atleast_1d(vars(kind).get("__slots__", ()))}
    state |= {
        name: getattr(value, name) for name in sorted(slots - {"__dict__", "__weakref__"}) if hasattr(value, name)
    }
    base = next((kind for kind in _BUILT_IN if isinstance(value, kind)), None)
    return state if base is None else {"its value": base(value), **state}


# --------------------------------------------------------------------- in words


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
        state = _state(value)
        return f"{kind.__name__}({_call((), {n: state[n] for n in sorted(state) if not n.startswith('_')}, write)})"
    return repr(value) if isinstance(value, (str, bytes)) else " ".join(_ADDRESS.sub("", repr(value)).split())


def _call(arguments: tuple[Any, ...], keywords: Mapping[str, Any], write: Callable[[Any], str]) -> str:
    return ", ".join([*map(write, arguments), *(f"{name}={write(part)}" for name, part in keywords.items())])
