"""Code that reaches what it does not name: by a text, by a list of what there is, or by what no form of code holds."""

from __future__ import annotations

import dis
import sys
from collections.abc import Set
from types import CodeType, ModuleType
from typing import Any, Final

from quantml.source import is_users
from quantml.syntax import ATTRIBUTES, IMPORTS, nested

BUILT_IN: Final = frozenset({"eval", "exec", "compile", "globals", "locals", "vars", "__import__"})
"""Functions that every module has."""
ATTRIBUTES_OF_PYTHON: Final = frozenset({
    "__abstractmethods__", "__annotate__", "__annotate_func__", "__annotations__", "__annotations_cache__",
    "__builtins__", "__code__", "__dataclass_fields__", "__dataclass_params__", "__dict__", "__doc__",
    "__firstlineno__", "__globals__", "__loader__", "__match_args__", "__orig_bases__", "__parameters__", "__slots__",
    "__spec__", "__static_attributes__", "__subclasses__", "__type_params__", "__weakref__",
})  # fmt: skip
"""What Python derives from a text, or keeps beside what the text says."""
NAMES: Final = ATTRIBUTES_OF_PYTHON | (BUILT_IN - {"compile"}) | {
    "_getframe", "f_back", "f_builtins", "f_globals", "f_lineno", "f_locals", "get_annotations", "get_type_hints",
    "from_formula", "import_module", "metadata", "modules", "query", "tb_frame",
}  # fmt: skip
"""Attributes, imported names and texts such as those that `getattr` is given."""
MODULES: Final = frozenset({
    "annotationlib", "ast", "builtins", "cloudpickle", "code", "codeop", "dill", "dis", "formulaic", "gc", "importlib",
    "inspect", "linecache", "logging.config", "patsy", "pickle", "pkgutil", "pydoc", "runpy", "statsmodels.formula",
    "symtable", "tokenize",
})  # fmt: skip
"""Modules that give access to names and texts."""
FUNCTIONS: Final = frozenset({f"builtins.{name}" for name in BUILT_IN} | {"dataclasses.fields"})


def reaches_beyond(code: CodeType) -> bool:
    """Say whether code, or code nested in it, uses a name by which it may reach anything of its study's files.

    Examples
    --------
    >>> reaches_beyond((lambda frame: frame.query("A > @level")).__code__)
    True
    >>> reaches_beyond((lambda frame: frame.mean()).__code__)
    False
    """
    return any(_constants_tell(part) or any(map(_tells, dis.get_instructions(part))) for part in nested(code))


def _tells(step: dis.Instruction) -> bool:
    if step.opname == "LOAD_GLOBAL":
        return step.argval in BUILT_IN | ATTRIBUTES_OF_PYTHON
    if step.opname == "LOAD_NAME":  # in the body of a class, where Python itself notes what is annotated
        return step.argval in BUILT_IN | ATTRIBUTES_OF_PYTHON - {"__annotations__"}
    if step.opname == "IMPORT_NAME":
        return _gives(step.argval, MODULES | {"dataclasses"})
    return step.opname in ATTRIBUTES | IMPORTS and step.argval in NAMES


def _constants_tell(code: CodeType) -> bool:
    return any(isinstance(part, str) and part in NAMES for part in code.co_consts)


def is_reaching(value: Any) -> bool:
    """Say whether whoever holds an object may reach by it what he does not name.

    Examples
    --------
    >>> is_reaching(eval), is_reaching(sys.modules), is_reaching(len)
    (True, True, False)
    """
    if isinstance(value, ModuleType):
        return _gives(value.__name__, MODULES)
    home, place = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not (isinstance(home, str) and isinstance(place, str)) or is_users(home):
        return value is sys.modules
    named = place.rpartition(".")[2] in NAMES or f"{home}.{place}" in FUNCTIONS
    return named or _gives(home, MODULES - {"builtins"})


def _gives(module: str, known: Set[str]) -> bool:
    """Say whether a module, or one that it lies in, is among those known."""
    parts = module.split(".")
    return any(".".join(parts[: count + 1]) in known for count in range(len(parts)))
