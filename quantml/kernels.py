"""The one decorator for compiled code, and the array types that its signatures use.

numba's own cache looks only at the file of the compiled function, so that a constant edited in another module
goes unseen. Here the cache folder is keyed by the digest of the whole package's source, and a kernel of a user's by all
that its code says and reads as well: a stale kernel cannot be loaded. What numba's own cache keeps of a study's
functions, compiled with ``cache=True``, lasts no longer than the process; use `kernel` to keep it.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, Final, TypeVar, cast

import numba
from numba import types
from numba.core.caching import CacheImpl, CompileResultCacheImpl, FunctionCache, _CacheLocator

from quantml.canonical import digest
from quantml.errors import StudyError
from quantml.interrupts import uninterrupted
from quantml.source import PACKAGE, PREFIX, package_digest
from quantml.syntax import attributes_named, bytecode_key

Compiled = TypeVar("Compiled", bound=Callable[..., Any])


def _read_only(scalar: Any, dimensions: int) -> Any:
    return types.Array(scalar, dimensions, "C", readonly=True)


F1: Final = _read_only(types.float64, 1)
F2: Final = _read_only(types.float64, 2)
F3: Final = _read_only(types.float64, 3)
I1: Final = _read_only(types.int64, 1)
I2: Final = _read_only(types.int64, 2)
B1: Final = _read_only(types.boolean, 1)
B2: Final = _read_only(types.boolean, 2)


def kernel(signature: Any, *, counted: bool = True) -> Callable[[Compiled], Compiled]:
    """Compile a function for one explicit signature, ahead of its first call, and cache the machine code.

    The compiled code releases the GIL, keeps IEEE arithmetic (no fast-math, no threads of its own) and accepts
    writable and read-only arrays alike where the signature says `F1`, `F2`, `F3`, `I1`, `I2`, `B1` or `B2`.

    Parameters
    ----------
    signature : numba signature
        The return type called with the argument types.
    counted : bool
        Whether it is counted who holds an array, as it must be where one is made. Without, a kernel may only read
        and write those that it is given, and calls others, on several threads too, for much less.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import types
    >>> @kernel(types.float64(F1))
    ... def total(values):
    ...     result = 0.0
    ...     for value in values:
    ...         result += value
    ...     return result
    >>> total(np.array([1.0, 2.0]))
    3.0
    """
    return _compiler(signature, _nrt=counted)


def kernel_part(signature: Any) -> Callable[[Compiled], Compiled]:
    """Compile a function that only other kernels call, as `kernel` does with ``counted=False``.

    It has no entry from Python: where many arrays are handed over, that takes longer to compile than the function.
    """
    return _compiler(signature, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def _compiler(signature: Any, **options: bool) -> Callable[[Compiled], Compiled]:
    def compile_(function: Compiled) -> Compiled:
        dispatcher = numba.njit(nogil=True, error_model="numpy", **options)(function)
        if not hasattr(dispatcher, "compile"):  # NUMBA_DISABLE_JIT hands the function back
            return function
        if _stamp(function):
            dispatcher._cache = _KernelCache(function)
        with uninterrupted():  # numba calls back from C, where an interruption is printed, lost, or fatal
            dispatcher.compile(signature)
        dispatcher.disable_compile()
        return cast(Compiled, dispatcher)

    return compile_


@lru_cache(maxsize=1)
def cache_folder() -> Path:
    """Return the folder of compiled kernels for this version of the package's source."""
    from platformdirs import user_cache_path

    root = Path(os.environ.get("NUMBA_CACHE_DIR") or user_cache_path("quantml", appauthor=False) / "kernels")
    folder = root / package_digest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"quantml-kernels-{os.getuid() if hasattr(os, 'getuid') else 0}"
        folder = folder / package_digest()[:16]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _stamp(function: Callable[..., Any]) -> str:
    """Name everything that compiled code depends on; empty where that cannot be told, as of a captured array."""
    # what runs is bytecode, which may be older than the text: as of a .pyc written within the second of an edit
    runs = " ".join(sorted(bytecode_key(code) for code in _codes(function)))
    if function.__module__.partition(".")[0] == PACKAGE:
        return hashlib.sha256(f"{package_digest()} {runs}".encode()).hexdigest()
    told = getattr(function, "written_around", function)  # what a function made of text has been made for
    try:
        form = digest(told)
    except StudyError:
        return ""
    # machine code names its module, and is of use only where that can be imported
    return hashlib.sha256(f"{package_digest()} {function.__module__} {form} {runs}".encode()).hexdigest()


def _codes(function: Callable[..., Any]) -> set[CodeType]:
    """Collect the code of a function and of those that it calls by name, which are compiled into it."""
    found: set[CodeType] = set()
    queue: list[Any] = [function]
    for part in queue:
        called = getattr(part, "py_func", part)
        if isinstance(called, FunctionType) and called.__code__ not in found:
            found.add(called.__code__)
            queue.extend(_named(called))
    return found


def _named(function: FunctionType) -> Iterator[Any]:
    """Yield what a function finds under the names in it: in enclosing functions, its module, and modules there."""
    names = attributes_named(function.__code__)
    filled = [cell.cell_contents for cell in function.__closure__ or () if cell != CellType()]
    held = [*filled, *(function.__globals__[name] for name in names.intersection(function.__globals__))]
    yield from held
    for module in held:
        if isinstance(module, ModuleType):
            yield from (vars(module)[name] for name in names.intersection(vars(module)))


class _Locator(_CacheLocator):  # type: ignore[misc]
    """Says where a kernel's machine code lies, whether or not its source is a file on this machine."""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        self._function = function
        self._py_file = file  # numba names it in a warning
        self._stamp = _stamp(function)

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _Locator | None:
        return cls(py_func, py_file)

    def get_cache_path(self) -> str:
        return str(cache_folder())

    def get_source_stamp(self) -> str:
        return self._stamp

    def get_disambiguator(self) -> str:
        """Give every version of a function a file of its own, so that none is overwritten while it is read."""
        place = f"{self._function.__module__} {self._stamp}"
        return f"{self._function.__code__.co_firstlineno}-{hashlib.sha256(place.encode()).hexdigest()[:16]}"


class _KernelCacheImpl(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = [_Locator]  # noqa: RUF012


class _KernelCache(FunctionCache):  # type: ignore[misc]
    _impl_class = _KernelCacheImpl


class _BundleLocator(_Locator):
    """Keeps numba's own cache of a bundle's functions to this process: a file's text does not tell what they read."""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        self._function = function
        self._py_file = file
        self._stamp = uuid.uuid4().hex

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _BundleLocator | None:
        return cls(py_func, py_file) if py_func.__module__.startswith(PREFIX) else None

    def get_cache_path(self) -> str:
        return _scratch().name


@lru_cache(maxsize=1)
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="quantml-numba-")


CacheImpl._locator_classes.insert(0, _BundleLocator)  # numba asks the first that answers
