"""The canonical form of a user's functions, classes and modules: what they say, and what they read elsewhere.

Everything that a function can reach by name is followed: defaults, closures, globals, the attributes of the user's
own modules, and from there on the same again. Tables found on the way are refused, for no audit could see into them.
"""

from __future__ import annotations

import gc
import hashlib
import inspect
import sys
from array import array
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING
from enum import Enum
from functools import cached_property, partialmethod, singledispatchmethod
from types import CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.errors import StudyError
from quantml.reads import OF_MODULES, defaults, reads, variables
from quantml.reflection import is_reaching, reaches_beyond
from quantml.source import PREFIX, Bundle, is_users, text_of, text_with_imports, unbundled
from quantml.syntax import syntax_key

_BOOKKEEPING: Final = frozenset({
    "__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__annotate__",
    "__annotate_func__", "__annotations_cache__", "__slots__", "__slotnames__", "__dataclass_fields__",
    "__dataclass_params__", "__match_args__", "__firstlineno__", "__static_attributes__", "__abstractmethods__",
    "_abc_impl", "__orig_bases__", "__parameters__", "__type_params__",
})  # fmt: skip
_GENERATED: Final = frozenset({
    "__init__", "__repr__", "__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__setattr__",
    "__delattr__", "__getstate__", "__setstate__", "__replace__",
})  # fmt: skip
DESCRIPTORS: Final[Mapping[type, tuple[str, ...]]] = {
    property: ("fget", "fset", "fdel"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    cached_property: ("func",),
    partialmethod: ("func", "args", "keywords"),
    singledispatchmethod: ("func",),
}
"""What turns a function into a part of a class, with the attributes that hold what it was given."""
_REMEMBERED: Final = frozenset(("functools", name) for name in ("dispatch_cache", "cache_token", "_clear_cache"))
"""What functions of the standard library keep of what they were called with."""
_MOST_HELD: Final = 100_000
_TABULAR: Final = ("__array__", "__dataframe__", "__arrow_c_stream__", "__arrow_c_array__")


class TableHeld(StudyError):
    """A table stands where only constants and code may."""

    kind = ""

    @classmethod
    def of(cls, kind: str, where: str = "") -> TableHeld:
        """Make the error for a table of this kind."""
        error = cls("a study", must="not hold bare frames or arrays", got=kind, where=where,
                    hint="Pass prices as Bars and other tables as Exogenous.")  # fmt: skip
        error.kind = kind
        return error


class NotEncodable(StudyError):
    """An object has no canonical form."""


def table_kind(value: Any) -> str | None:
    """Name the kind of table that a value is; none for anything else."""
    for kind, text in ((np.ndarray, "an array"), ((pd.DataFrame, pd.Series), "a frame")):
        if isinstance(value, kind):
            return text
    tabular = isinstance(value, (array, memoryview)) or any(hasattr(type(value), name) for name in _TABULAR)
    return type(value).__name__ if tabular and not isinstance(value, (type, np.generic)) else None


def name_of(part: Any) -> str:
    """Name a function or class by its module and its place there; a bundle's digest is no part of the name."""
    return unbundled(f"{part.__module__}.{part.__qualname__}")


def installed_name(value: Any) -> str:
    """Name an object that the installed module of its own type holds, such as a distribution of SciPy's.

    >>> from scipy.stats import norm
    >>> installed_name(norm), installed_name(3.0)
    ('scipy.stats._continuous_distns.norm', '')
    """
    home = type(value).__module__
    if home == "builtins" or isinstance(value, (type, ModuleType, FunctionType)) or is_users(home):
        return ""
    held = vars(sys.modules.get(home, sys)).items()
    return next((f"{home}.{name}" for name, part in held if part is value), "")


def held_in(value: Any) -> dict[str, str]:
    """Name the type of an object that has no form of its own, such as a lock.

    Raises
    ------
    TableHeld
        If there is a table within it.
    NotEncodable
        If it is running code, whose variables may become anything.
    """
    met, queue = {id(value)}, [value]
    for part in queue:
        if isinstance(part, (Generator, Coroutine, AsyncGenerator)):
            raise NotEncodable("a captured object", must="have a state", got=type(part).__name__)
        if kind := table_kind(part):
            raise TableHeld.of(kind)
        inner = [] if isinstance(part, (type, ModuleType, FunctionType, CodeType)) else gc.get_referents(part)
        inner = [one for one in inner if id(one) not in met]
        met.update(map(id, inner))
        queue.extend(inner[: max(0, _MOST_HELD - len(queue))])
    return {"type": name_of(type(value))}


class UserCode:
    """Encodes the user's code of one declaration; each part is spelt out where it is met first.

    Parameters
    ----------
    encode : callable
        Returns the canonical form of any value; called for whatever code holds or reads.
    bundle : Bundle, optional
        The study's own source.
    """

    def __init__(self, encode: Callable[[Any], Any], bundle: Bundle | None) -> None:
        self._encode = encode
        self._bundle = bundle
        self._met: dict[int, tuple[Any, int]] = {}  # the parts are held, so that no id is given to another
        self._homes: list[str] = []  # the modules of the code that holds what is being encoded

    @property
    def inside(self) -> bool:
        """Whether what is being encoded is held by code, not declared as a part of the study."""
        return bool(self._homes)

    @contextmanager
    def within(self, home: str = "") -> Iterator[None]:
        """Encode as held by code, of the module `home`, whatever is encoded meanwhile."""
        self._homes.append(home)
        try:
            yield
        finally:
            self._homes.pop()

    def once(self, part: Any, form: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the form of a part, and at each later meeting only its number."""
        if id(part) in self._met:
            return {"again": self._met[id(part)][1]}
        self._met[id(part)] = part, len(self._met)
        return form()

    # -------------------------------------------------------------- functions

    def of_function(self, function: FunctionType) -> dict[str, Any]:
        """Encode a function: the name of an installed one, the code and what it reads of the user's."""
        home = str(function.__globals__.get("__name__") or "")  # not __module__, which decorators copy
        named = {"function": name_of(function)}
        if "<" not in function.__qualname__ and not is_users(home) and not is_users(function.__module__ or ""):
            return {**named, **self.reached_by(function)}
        return {**named, **self.once(function, lambda: self._function_body(function, home))}

    def _function_body(self, function: FunctionType, home: str) -> dict[str, Any]:
        read = dict(defaults(function))
        given = {name: part for name, part in vars(function).items() if (home, name) not in _REMEMBERED}
        read |= {f"attribute {name}": part for name, part in given.items()}
        if is_users(home):
            read |= dict(reads(function))
            code = syntax_key(function)
        else:
            cells = {name: part for name, part in variables(function).items() if (home, name) not in _REMEMBERED}
            read |= {f"closure {name}": part for name, part in cells.items()}
            code = f"{home}.{function.__code__.co_qualname}"
        owner = f"the function {function.__qualname__}"
        beyond = self._whole(home, function.__code__) if is_users(home) and reaches_beyond(function.__code__) else {}
        resolves = {name: self._held(owner, name, read[name], home) for name in sorted(read)}
        return {"code": code, "resolves": resolves, **beyond}

    def _held(self, owner: str, name: str, value: Any, home: str) -> Any:
        """Encode what a function or class of the module `home` holds under a name."""
        try:
            with self.within(home):
                return self._encode_or_name(value, home)
        except TableHeld as error:
            direct = error.kind in (table_kind(value), type(value).__name__)
            got = f"{name.split()[-1]}, {error.kind}{'' if direct else f' within {type(value).__name__}'}"
            raise _refusal(owner, got) from error
        except NotEncodable as error:
            raise _refusal(owner, f"{name.split()[-1]}, {type(value).__name__}") from error

    def _encode_or_name(self, value: Any, home: str) -> Any:
        """Encode a value or, where it cannot be, name the whole text that it comes from, if no table is within it."""
        if name := installed_name(value):
            return {"installed": name}
        try:
            return self._encode(value)
        except (NotEncodable, RecursionError) as error:
            held_in(value)
            if text := self._text_of(home):
                return text
            raise NotEncodable("a captured object", must="have a state", got=type(value).__name__) from error

    def _text_of(self, home: str) -> dict[str, str]:
        """Name the whole text that a part comes from, where the part itself cannot be encoded."""
        if home.startswith(PREFIX):
            return {"bundle": self._bundle.digest if self._bundle else home.partition(".")[0]}
        text = text_of(str(getattr(sys.modules.get(home), "__file__", "")), home)
        return {"text": hashlib.sha256(text.encode()).hexdigest()} if text else {}

    def reached_by(self, value: Any) -> dict[str, str]:
        """Name all the text that code may reach by an object of an installed package; nothing for most of them."""
        return self._whole(self._homes[-1] if self._homes else "") if is_reaching(value) else {}

    def _whole(self, home: str, code: CodeType | None = None) -> dict[str, str]:
        """Name the study's files and, of code from elsewhere, its own with those that it imports."""
        study = {"study": self._bundle.digest} if self._bundle else {}
        if not home or home.startswith(PREFIX):
            return study or {"study": home.partition(".")[0]}
        place = code.co_filename if code else str(getattr(sys.modules.get(home), "__file__", ""))
        return {**study, "beside": text_with_imports(home, place)}

    # ---------------------------------------------------------------- classes

    def of_class(self, kind: type) -> dict[str, Any]:
        """Encode the code of a user's class; that of an installed package is its name alone."""
        if not is_users(kind.__module__):
            return {}
        return {"code": self.once(kind, lambda: self._class_body(kind))}

    def _class_body(self, kind: type) -> dict[str, Any]:
        owner = f"the class {kind.__qualname__}"
        parts = {name: self._held(owner, name, part, kind.__module__) for name, part in sorted(_parts(kind).items())}
        bases = [self._encode(base) for base in kind.__bases__ if base is not object]
        made_by = {"metaclass": self._encode(type(kind))} if is_users(type(kind).__module__) else {}
        return {"bases": bases, "parts": parts, **made_by}

    def of_descriptor(self, value: Any) -> dict[str, Any]:
        """Encode a property, a static or class method, or the like, by the functions in it."""
        kind = next(kind for kind in DESCRIPTORS if isinstance(value, kind))
        return {kind.__name__: [self._encode(getattr(value, name)) for name in DESCRIPTORS[kind]]}

    # ---------------------------------------------------------------- modules

    def of_module(self, module: ModuleType) -> dict[str, Any]:
        """Encode a module: an installed one by name and version, the user's by what it holds."""
        name = module.__name__
        if not is_users(name):
            root = sys.modules.get(name.partition(".")[0])
            return {"module": name, "version": str(getattr(root, "__version__", "")), **self.reached_by(module)}
        named = {"module": unbundled(name)}
        return {**named, **self.once(module, lambda: {"holds": self._members(module)})}

    def _members(self, module: ModuleType) -> dict[str, Any]:
        owner = f"the module {unbundled(module.__name__)}"
        held = {name: part for name, part in sorted(vars(module).items()) if name not in OF_MODULES}
        return {name: self._held(owner, name, part, module.__name__) for name, part in held.items()}


def _refusal(owner: str, got: str) -> StudyError:
    hint = "Take data from the bars that it is called with; no audit could see into a captured table."
    return StudyError(owner, must="close over constants, functions and modules only", got=got, hint=hint)


# ----------------------------------------------------------- what classes hold


def _parts(kind: type) -> dict[str, Any]:
    """Return what the body of a class defines, without what Python or `dataclass` derives from it."""
    if issubclass(kind, Enum):
        members = {name: member.value for name, member in kind.__members__.items()}
        return {**{n: p for n, p in vars(kind).items() if n not in members and _is_users_method(p)}, **members}
    parts = {name: part for name, part in vars(kind).items() if name not in _BOOKKEEPING}
    parts = {
        name: part for name, part in parts.items() if not isinstance(part, MemberDescriptorType | GetSetDescriptorType)
    }
    if "__dataclass_fields__" not in vars(kind):
        return parts
    return {**{n: p for n, p in parts.items() if not is_generated(n, p)}, "its fields": _fields(kind)}


def _fields(kind: Any) -> list[Any]:
    params = kind.__dataclass_params__
    shape: list[Any] = [{name: getattr(params, name) for name in ("init", "eq", "order", "unsafe_hash", "frozen")}]
    for part in vars(kind)["__dataclass_fields__"].values():
        made = [default for default in (part.default, part.default_factory) if default is not MISSING]
        shape.append([part.name, part.init, part.compare, part.kw_only, made])
    return shape


def _is_users_method(part: Any) -> bool:
    function = getattr(part, "fget", None) or getattr(part, "__func__", part)
    return isinstance(function, FunctionType) and is_users(str(function.__globals__.get("__name__")))


def is_generated(name: str, part: Any) -> bool:
    """Say whether `dataclass` wrote a method; what it does follows from the fields."""
    code = inspect.unwrap(part).__code__ if isinstance(part, FunctionType) else None
    return name in _GENERATED and (part is None or (code is not None and code.co_filename == "<string>"))
