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
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from logging import Logger
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.errors import StudyError
from quantml.source import PACKAGE, Bundle, is_users, unbundled
from quantml.user_code import (
    DESCRIPTORS,
    NotEncodable,
    TableHeld,
    UserCode,
    held_in,
    name_of,
    table_kind,
)

NOT_CANONICAL: Final[Mapping[str, str]] = {"canonical": "left out"}
"""Metadata of a dataclass field that says where something came from, not what it means."""
CANONICAL_IF_GIVEN: Final[Mapping[str, str]] = {"canonical": "left out at its default"}
"""Metadata of a dataclass field that means nothing at its default, so that what was declared before there was such a
field keeps its form."""

_CONSTANTS: Final = (
    *(bytes, complex, range, uuid.UUID, pathlib.PurePath),
    *(decimal.Decimal, fractions.Fraction, type(...), type(pd.NA)),
    *(datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo),
)
_BUILT_IN: Final = (bool, int, float, complex, str, bytes, tuple, list, dict, set, frozenset)
_VALUES: Final = (np.generic, pd.Timestamp, pd.offsets.BaseOffset, *_CONSTANTS)
_NATIVE: Final = (np.float64, np.int64, np.bool_, np.str_)
"""What numpy's scalars are that compute as Python's own do."""
_OWN_KEYS: Final = frozenset({"type", "code", "class", "function", "module", "time", "fingerprint", "bases"})
_RESERVED: Final = _OWN_KEYS | {"constant", "pattern", "dtype", "again", "pairs", "set", "slice"}


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


def outline(declared: Any, parts: Sequence[Any], bundle: Bundle | None = None) -> Any:
    """Return the canonical form with `parts` left blank, each listed as often as it stands in the declaration.

    Where one turns up elsewhere too, nothing is left blank.

    Examples
    --------
    >>> varied = ["a", "b"]
    >>> outline([1, varied], [varied]), outline([1, [varied]], [varied, varied])
    ([1, {'blank': True}], [1, [['a', 'b']]])
    """
    encoder = _Encoder(bundle, blank=[id(part) for part in parts])
    form = encoder.encode(declared)
    return form if encoder.left == len(parts) else canonical(declared, bundle)


def digest(declared: Any, bundle: Bundle | None = None) -> str:
    """Return the SHA-256 of the canonical form."""
    return _sha256(canonical(declared, bundle))


def digest_of(form: Any) -> str:
    """Return the SHA-256 of a canonical form, read as JSON: the order of an object's names says nothing there."""
    return digest(json.loads(_text(form)))


def _text(form: Any) -> str:
    return json.dumps(form, sort_keys=True, separators=(",", ":"), allow_nan=True)


def _sha256(form: Any) -> str:
    return hashlib.sha256(_text(form).encode()).hexdigest()


class _Encoder:
    def __init__(self, bundle: Bundle | None, blank: Sequence[int] = ()) -> None:
        self._code = UserCode(self.encode, bundle)
        self._blank, self.left = frozenset(blank), 0
        self._steps: list[tuple[str, str]] = []  # to what is being encoded: its name, and the class that has it
        self._open: set[int] = set()  # what is being encoded further up: recursion ends there
        self._encoders: tuple[tuple[Callable[[Any], Any], Callable[[Any], Any]], ...] = (
            (_is(Enum), self._member),
            (_is_own(np.generic), self._scalar),
            (_is_own(datetime.datetime, datetime.time), self._time),
            (_is_own(*_CONSTANTS), lambda v: {"constant": repr(v)}),
            (_is_own(pd.offsets.BaseOffset), self._offset),
            (_is(re.Pattern), lambda v: {"pattern": self.encode(v.pattern), "flags": v.flags}),
            (_is(np.dtype), lambda v: {"dtype": repr(v), "metadata": self.encode(v.metadata and {**v.metadata})}),
            (_is(slice), lambda v: {"slice": [self.encode(part) for part in (v.start, v.stop, v.step)]}),
            (_is(type), lambda v: {"class": name_of(v), **self._code.of_class(v)}),
            (_is(types.ModuleType), self._code.of_module),
            (lambda v: type(v).__module__.startswith(f"{PACKAGE}.") and hasattr(v, "fingerprint"), self._fingerprint),
            (table_kind, self._refuse_table),
            (is_dataclass, self._dataclass),
            (_is(types.FunctionType), self._code.of_function),
            (_is(types.MethodType), lambda v: {**self.encode(v.__func__), "self": self.encode(v.__self__)}),
            (lambda v: not _is_of_user(v) and hasattr(v, "py_func"), self._jitted),
            (_is(functools.partial), lambda v: self._held(v, func=v.func, args=v.args, keywords=v.keywords)),
            (_is(functools._lru_cache_wrapper), lambda v: self._held(v, func=v.__wrapped__)),
            (_is(*DESCRIPTORS), self._code.of_descriptor),
            (_is_named, lambda v: {"function": _name_of_callable(v), **self._code.reached_by(v)}),
            (lambda v: callable(getattr(v, "get_params", None)), self._estimator),
            (_is_of_user, self._plain_object),
            (lambda v: v is sys.modules, lambda v: {"function": "sys.modules", **self._code.reached_by(v)}),
            (_is(Mapping), self._mapping),
            (_is(tuple, list, deque), lambda v: [self._at(str(place), part) for place, part in enumerate(v)]),
            (_is(set, frozenset), self._set),
            (_is(Logger), self._logger),
            (_is(ContextVar), self._context),
            (lambda _: self._code.inside, self._by_state),
        )

    def encode(self, value: Any) -> Any:
        if value is None or (isinstance(value, (bool, int, str, float)) and not _is_of_user(value)):
            return _plain(value)
        if id(value) in self._blank:
            self.left += 1
            if not self._code.inside:
                return {"blank": True}
        if id(value) in self._open:
            return {"again": "within itself"}
        encode = next((encode for fits, encode in self._encoders if fits(value)), self._refuse)
        self._open.add(id(value))
        try:
            return encode(value)
        finally:
            self._open.discard(id(value))

    def _at(self, name: str, part: Any, owner: str = "") -> Any:
        """Encode what stands under a name, or at a place, in what is being encoded."""
        self._steps.append((name, owner))
        try:
            return self.encode(part)
        finally:
            self._steps.pop()

    @property
    def _place(self) -> str:
        """The dotted path of what is being encoded and, if a class has it, the innermost that does."""
        owners = [owner for _, owner in self._steps if owner]
        return ".".join(name for name, _ in self._steps) + (f", in {owners[-1]}" if owners else "")

    def _refuse(self, value: Any) -> Any:
        must = "be dataclasses, functions, estimators or plain values"
        raise NotEncodable("a study's parts", must=must, got=type(value).__name__, where=self._place)

    # ------------------------------------------------------------ declarations

    def _dataclass(self, value: Any) -> dict[str, Any]:
        """Encode the fields in their order, then whatever else the object holds: no audit could see into a table."""
        left_out = _left_out(value)
        held = {part.name: getattr(value, part.name) for part in fields(value) if hasattr(value, part.name)}
        held = {name: part for name, part in {**held, **state_of(value)}.items() if name not in left_out}
        return self._typed(value, held)

    def _estimator(self, value: Any) -> dict[str, Any]:
        """Encode a scikit-learn estimator by its parameters, and by all that it holds besides."""
        parameters = value.get_params(deep=False)
        form = self._typed(value, parameters)
        rest = {name: part for name, part in state_of(value).items() if name not in parameters}
        return {**form, **{_field(name): self._beside(value, name, part) for name, part in rest.items()}}

    def _beside(self, estimator: Any, name: str, part: Any) -> Any:
        """Encode what an estimator holds that is no parameter of it."""
        try:
            with self._code.within():
                return self.encode(part)
        except TableHeld as error:
            if self._code.inside:
                raise
            place = f"the estimator {type(estimator).__name__}"
            hint = "Give an unfitted estimator: quantml fits a copy of it to each training window."
            raise StudyError(place, must="hold no tables", got=f"{name}, {error.kind}", hint=hint) from error
        except NotEncodable:
            if _is_of_user(estimator):
                raise
            return held_in(part)  # such as the handle of a compiled library

    def _plain_object(self, value: Any) -> dict[str, Any]:
        return self._typed(value, state_of(value))

    def _typed(self, value: Any, held: Mapping[str, Any]) -> dict[str, Any]:
        code = self._code.of_class(type(value))
        told = {_field(name): self._at(name, part, type(value).__qualname__) for name, part in held.items()}
        return {"type": name_of(type(value)), **code, **told}

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
        raise TableHeld.of(table_kind(value) or "", "" if self._code.inside else self._place)

    # --------------------------------------------------------- plain values

    def _mapping(self, value: Mapping[Any, Any]) -> Any:
        """Encode a mapping in its order, which code may read; one in the order of its names is written as it is."""
        made = {"factory": self.encode(value.default_factory)} if isinstance(value, defaultdict) else {}
        if not self._code.inside and not made and _is_in_order(value):
            return {key: self._at(key, part) for key, part in value.items()}
        return {"pairs": [[self.encode(key), self._at(str(key), part)] for key, part in value.items()], **made}

    def _set(self, value: Any) -> dict[str, Any]:
        return {"set": sorted((self.encode(part) for part in value), key=_text)}

    def _scalar(self, value: np.generic) -> Any:
        plain = value.item()
        if isinstance(value, _NATIVE):
            return self.encode(plain)
        if isinstance(value, np.void):
            return {"dtype": str(value.dtype), "value": self.encode(plain)}
        return {"constant": f"{value.dtype}({plain!r})"}

    def _time(self, value: Any) -> dict[str, Any]:
        if isinstance(value, pd.Timestamp):
            form = {"time": value.isoformat()}
        else:
            form = {"constant": repr(value.replace(tzinfo=None) if _is_of_user(value.tzinfo) else value)}
        return {**form, "zone": self.encode(value.tzinfo)} if _is_of_user(value.tzinfo) else form

    def _offset(self, value: Any) -> dict[str, Any]:
        """Encode an offset by all that it was given; a calendar's days are its holidays."""
        given = {name: part for name, part in value.kwds.items() if name != "calendar" and part is not None}
        return {"constant": repr(value), **{name: self.encode(given[name]) for name in sorted(given)}}

    def _context(self, value: ContextVar[Any]) -> dict[str, Any]:
        try:
            return self._typed(value, {"name": value.name, "now": value.get()})
        except LookupError:
            return self._typed(value, {"name": value.name})

    def _logger(self, value: Logger) -> dict[str, Any]:
        """Encode a logger by what the user gave it; what is logged is no result."""
        return self._typed(value, {name: vars(value)[name] for name in sorted(vars(value).keys() - vars(Logger("")))})

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


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


def _is_own(*kinds: type) -> Callable[[Any], bool]:
    """Fit the kinds and what installed packages derive from them; of a user's class, its code counts as well."""
    return lambda value: isinstance(value, kinds) and not _is_of_user(value)


def _is_of_user(value: Any) -> bool:
    return is_users(type(value).__module__)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(value) if np.isfinite(value) else repr(float(value))
    if isinstance(value, str):
        return {"constant": repr(str(value))} if value in ("nan", "inf", "-inf") else unbundled(str(value))
    return value


def _is_in_order(value: Mapping[Any, Any]) -> bool:
    """Say whether the keys are names that no form uses itself, in their own order: JSON then keeps all of it."""
    names = list(value)
    return all(type(name) is str and name not in _RESERVED for name in names) and names == sorted(names)


def _left_out(value: Any) -> set[str]:
    """Name the fields that say where something came from, or nothing; only quantml's own classes may leave any out."""
    own = [part for part in type(value).__mro__ if is_dataclass(part) and not is_users(part.__module__)]
    declared = {part.name: part for one in own for part in fields(one)}
    silent = {name for name, part in declared.items()
              if part.metadata == CANONICAL_IF_GIVEN and getattr(value, name) == part.default}  # fmt: skip
    return silent | {name for name, part in declared.items() if part.metadata == NOT_CANONICAL}


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


def state_of(value: Any) -> dict[str, Any]:
    """Return what an object holds: attributes, slots, and the value of an installed type below a user's class."""
    held = [(name, part) for kind in type(value).__mro__ for name, part in vars(kind).items()]
    computed = {name for name, part in held if isinstance(part, functools.cached_property)}
    slots = {name for name, part in held if isinstance(part, types.MemberDescriptorType)}
    state = {name: part for name, part in getattr(value, "__dict__", {}).items() if name not in computed}
    state |= {name: getattr(value, name) for name in sorted(slots) if hasattr(value, name)}
    base = next((kind for kind in _BUILT_IN if isinstance(value, kind)), None)
    if base is None:
        return {"its value": _made_of(value), **state} if isinstance(value, _VALUES) else state
    return {"its value": base(value), **state}


def _made_of(value: Any) -> Any:
    """Return what the installed type below a user's class would make a value of again."""
    below: Any = next(kind for kind in type(value).__mro__ if not is_users(kind.__module__))
    return None if below.__reduce__ is object.__reduce__ else below.__reduce__(value)[1:]
