"""The canonical form of a declaration: what it says, free of where and how it was written.

Two declarations with equal canonical forms mean the same study. User code is encoded by its normalised syntax tree
together with the defaults, closures and globals that it resolves, so that an edit anywhere below changes the form,
and a comment does not.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import sys
import textwrap
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.errors import StudyError
from quantml.source import PREFIX, Bundle

NOT_CANONICAL: Final[Mapping[str, str]] = {"canonical": "left out"}
"""Metadata of a dataclass field that says where something came from, not what it means."""


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
        If a user's function closes over or reads a global frame or array, or a part has no canonical form.

    Examples
    --------
    >>> canonical((1, 0.5, "a", None))
    [1, 0.5, 'a', None]
    """
    return _Encoder(bundle).encode(declared)


def digest(declared: Any, bundle: Bundle | None = None) -> str:
    """Return the SHA-256 of the canonical form."""
    text = json.dumps(canonical(declared, bundle), sort_keys=True, separators=(",", ":"), allow_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()


class _Encoder:
    def __init__(self, bundle: Bundle | None) -> None:
        self._bundle = bundle
        self._open: set[int] = set()  # user code being encoded further up: recursion ends there

    def encode(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if np.isfinite(value) else repr(value)
        encoders: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
            (np.generic, lambda v: self.encode(v.item())),
            (Enum, lambda v: f"{type(v).__name__}.{v.name}"),
            (pd.Timestamp, lambda v: {"time": v.isoformat()}),
            ((tuple, list), lambda v: [self.encode(part) for part in v]),
            ((set, frozenset), lambda v: sorted(self.encode(part) for part in v)),
            (Mapping, lambda v: {str(key): self.encode(part) for key, part in v.items()}),
            (type, lambda v: {"class": self._name(v), **self._class_code(v)}),
            (types.ModuleType, self._module),
        )
        for kinds, encode in encoders:
            if isinstance(value, kinds):
                return encode(value)
        return self._object(value)

    def _object(self, value: Any) -> Any:
        if hasattr(value, "fingerprint"):
            return {"type": self._name(type(value)), "fingerprint": value.fingerprint}
        if is_dataclass(value):
            held = {f.name: self.encode(getattr(value, f.name)) for f in fields(value)
                    if f.init and f.metadata != NOT_CANONICAL}  # fmt: skip
            return {"type": self._name(type(value)), **self._class_code(type(value)), **held}
        if isinstance(value, (types.FunctionType, types.MethodType)) or hasattr(value, "py_func"):
            return self._function(inspect.unwrap(getattr(value, "py_func", value)))
        if isinstance(value, (types.BuiltinFunctionType, np.ufunc)):
            return {"function": f"{getattr(value, '__module__', '')}.{value.__name__}"}
        if hasattr(value, "get_params"):  # a scikit-learn estimator
            parameters = {name: self.encode(part) for name, part in value.get_params(deep=False).items()}
            return {"type": self._name(type(value)), **self._class_code(type(value)), **parameters}
        if isinstance(value, (np.ndarray, pd.DataFrame, pd.Series)):
            raise StudyError("a study", must="not hold bare frames or arrays", got=type(value).__name__,
                             hint="Pass prices as Bars and other tables as Exogenous.")  # fmt: skip
        if type(value).__module__.startswith(PREFIX):
            return {"type": self._name(type(value)), **self._class_code(type(value)), **self.encode(vars(value))}
        raise StudyError("a study's parts", must="be dataclasses, functions, estimators or plain values",
                         got=type(value).__name__)  # fmt: skip

    @staticmethod
    def _name(kind: type) -> str:
        module = kind.__module__
        return f"{module.partition('.')[2] if module.startswith(PREFIX) else module}.{kind.__qualname__}"

    def _module(self, module: types.ModuleType) -> dict[str, str]:
        root = module.__name__.split(".")[0]
        if root.startswith(PREFIX):
            return {"bundle": self._whole_bundle()}
        return {"module": module.__name__, "version": str(getattr(sys.modules.get(root), "__version__", ""))}

    def _whole_bundle(self) -> str:
        return self._bundle.digest if self._bundle else "interactive"

    # -------------------------------------------------------------- user code

    def _class_code(self, kind: type) -> dict[str, Any]:
        """Encode a user's class; a class of an installed package is its name, and versions are in the manifest."""
        if not _is_users(kind.__module__) or id(kind) in self._open:
            return {}
        self._open.add(id(kind))
        for name, part in vars(kind).items():
            _refuse_table(f"the class {kind.__qualname__}", name, part)
        methods = [part for _, part in sorted(vars(kind).items()) if isinstance(part, types.FunctionType)]
        resolved = [self._resolved(method) for method in methods if method.__module__ == kind.__module__
                    and method.__code__.co_filename not in ("<string>", "")]  # fmt: skip
        bases = [self.encode(base) for base in kind.__bases__ if _is_users(base.__module__)]
        code = {"code": self._syntax(kind), "resolves": resolved, "bases": bases}
        self._open.discard(id(kind))
        return code

    def _function(self, function: Any) -> dict[str, Any]:
        function = getattr(function, "__func__", function)
        name = f"{function.__module__}.{function.__qualname__}"
        if not _is_users(function.__module__):
            return {"function": name}
        name = name.partition(".")[2] if name.startswith(PREFIX) else name
        if id(function) in self._open:
            return {"function": name}
        self._open.add(id(function))
        encoded = {"function": name, "code": self._syntax(function), "resolves": self._resolved(function)}
        self._open.discard(id(function))
        return encoded

    def _syntax(self, code: Any) -> str:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
        except (OSError, TypeError, SyntaxError):
            return self._whole_bundle()
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and len(body) > 1 and _is_docstring(body[0]):
                body.pop(0)
        return hashlib.sha256(ast.dump(tree).encode()).hexdigest()

    def _resolved(self, function: types.FunctionType) -> dict[str, Any]:
        """Encode the defaults, closure cells and globals that a function uses."""
        used = {f"default {i}": part for i, part in enumerate(function.__defaults__ or ())}
        used |= {f"default {name}": part for name, part in (function.__kwdefaults__ or {}).items()}
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            used[f"closure {name}"] = cell.cell_contents
        names = _names(function.__code__)
        used |= {f"global {name}": function.__globals__[name] for name in sorted(names) if name in function.__globals__}
        return {name: self._captured(name, part, function) for name, part in used.items()}

    def _captured(self, name: str, value: Any, function: types.FunctionType) -> Any:
        _refuse_table(f"the function {function.__qualname__}", name.split()[-1], value)
        try:
            return self.encode(value)
        except StudyError:
            return self._whole_bundle()


def _refuse_table(owner: str, name: str, value: Any) -> None:
    """Raise where user code holds data of its own: no audit could see into a captured table."""
    tables = {np.ndarray: "an array", pd.DataFrame: "a frame", pd.Series: "a frame"}
    kind = next((text for table, text in tables.items() if isinstance(value, table)), None)
    if kind is None and not isinstance(value, type) and hasattr(value, "fingerprint"):
        kind = type(value).__name__
    if kind is not None:
        hint = "Take data from the bars that it is called with; no audit could see into a captured table."
        raise StudyError(
            owner, must="close over constants, functions and modules only", got=f"{name}, {kind}", hint=hint
        )


def _is_users(module: str) -> bool:
    return module.startswith(PREFIX) or module == "__main__" or module not in sys.modules or _is_local(module)


def _is_local(module: str) -> bool:
    path = getattr(sys.modules.get(module), "__file__", None) or ""
    root = module.split(".")[0]
    return (
        bool(path)
        and root != "quantml"
        and not any(p in path for p in ("site-packages", "dist-packages", sys.prefix, sys.base_prefix))
    )


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _names(code: types.CodeType) -> set[str]:
    """Name the globals that a function's code, and the code nested in it, may look up."""
    nested = (part for part in code.co_consts if isinstance(part, types.CodeType))
    return set(code.co_names).union(*(_names(part) for part in nested))
