"""What a function says and which names it reads, free of comments, docstrings, layout and line numbers."""

from __future__ import annotations

import ast
import dis
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Final

from quantml.source import text_of

_GLOBALS: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_CELLS: Final = frozenset({"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"})
ATTRIBUTES: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
"""Operations that read an attribute of what was read before."""
IMPORTS: Final = frozenset({"IMPORT_FROM", "LOAD_SUPER_ATTR", "LOAD_SUPER_METHOD"})
"""Operations that take a name off a module, or off the classes above."""
_Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True)
class Read:
    """A name that code looks up outside itself, with the attributes that it reads off it at once."""

    name: str
    attributes: tuple[str, ...]
    enclosed: bool
    """Whether the name is a variable of an enclosing function, not of the module."""


@dataclass(frozen=True)
class Import:
    """An import inside a function: ``from <level dots><module> import <names>``, or of the module itself."""

    module: str
    level: int
    names: tuple[str, ...]


def syntax_key(function: FunctionType) -> str:
    """Return the SHA-256 of a function's normalised syntax tree or, where it has no source, of its bytecode.

    Examples
    --------
    >>> one, other = lambda x: x + 1, lambda x: x + 2
    >>> syntax_key(one) == syntax_key(other)
    False
    """
    text = text_of(function.__code__.co_filename, function.__globals__.get("__name__") or "")
    node = _find(function.__code__, text)
    said = _bytecode(function.__code__) if node is None else ast.dump(node)
    return hashlib.sha256(said.encode()).hexdigest()


def bytecode_key(code: CodeType) -> str:
    """Return the SHA-256 of compiled code, wherever it lies in its file.

    Examples
    --------
    >>> one, other = lambda x: x + 1, lambda x: x + 2
    >>> bytecode_key(one.__code__) == bytecode_key(other.__code__)
    False
    """
    return hashlib.sha256(_bytecode(code).encode()).hexdigest()


# ------------------------------------------------------------------ syntax trees


@lru_cache(maxsize=64)
def _defined(text: str) -> tuple[_Defined, ...]:
    """List the functions and lambdas of a module, their docstrings taken off."""
    try:
        tree = ast.parse(text)
    except SyntaxError:  # the lines are no module's, as those of a prompt
        return ()
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            and ast.get_docstring(node) is not None
        ):
            node.body[:1] = [] if len(node.body) > 1 else [ast.Pass()]
    return tuple(node for node in ast.walk(tree) if isinstance(node, _Defined))


def _find(code: CodeType, text: str) -> _Defined | None:
    """Find the node that a code object was compiled from; none where the text is another than it was compiled from."""
    fits = [node for node in _defined(text) if _is_like(node, code)]
    if len(fits) > 1:  # on one line: the innermost that spans all of the code begins last
        fits = sorted((node for node in fits if _spans(node, code)), key=_span)[-1:]
    return fits[0] if fits else None


def _is_like(node: _Defined, code: CodeType) -> bool:
    name, decorators = ("<lambda>", []) if isinstance(node, ast.Lambda) else (node.name, node.decorator_list)
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    arguments = [part.arg for part in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    called = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return (name, first, tuple(arguments)) == (code.co_name, code.co_firstlineno, called)


def _span(node: _Defined) -> tuple[tuple[int, int], tuple[int, int]]:
    return (node.lineno, node.col_offset), (node.end_lineno or node.lineno, node.end_col_offset or 0)


def _spans(node: _Defined, code: CodeType) -> bool:
    start, end = _span(node)
    places = [((line, left), (last, right)) for line, last, left, right in code.co_positions()
              if None not in (line, last, left, right) and (line, left) != (last, right)]  # fmt: skip
    return bool(places) and all(start <= first and last <= end for first, last in places)


# ---------------------------------------------------------------------- bytecode


def _bytecode(code: CodeType) -> str:
    constants = [_bytecode(part) if isinstance(part, CodeType) else _constant(part) for part in code.co_consts]
    shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return repr((code.co_code, code.co_exceptiontable, constants, shape, names))


def _constant(part: object) -> str:
    return repr(sorted(map(repr, part))) if isinstance(part, frozenset) else repr(part)


def names_read(code: CodeType) -> set[Read]:
    """Name what code, and the code nested in it, looks up in its module and in enclosing functions."""
    found: set[Read] = set()
    for part in nested(code):
        steps = [step for step in dis.get_instructions(part) if step.opname != "EXTENDED_ARG"]
        for place, step in enumerate(steps):
            if step.opname in _GLOBALS | _CELLS:
                found.add(Read(step.argval, _attributes(steps[place + 1 :]), step.opname in _CELLS))
    return found


def _attributes(steps: list[dis.Instruction]) -> tuple[str, ...]:
    names: list[str] = []
    for step in steps:
        if step.opname not in ATTRIBUTES:
            break
        names.append(step.argval)
    return tuple(names)


def imports_read(code: CodeType) -> set[Import]:
    """Name what code, and the code nested in it, imports when it runs."""
    found: set[Import] = set()
    for part in nested(code):
        steps = [step for step in dis.get_instructions(part) if step.opname != "EXTENDED_ARG"]
        for level, names, step in zip(steps, steps[1:], steps[2:]):
            if step.opname == "IMPORT_NAME":
                found.add(Import(step.argval, level.argval, names.argval or ()))
    return found


def attributes_named(code: CodeType) -> set[str]:
    """Every global and attribute that code, and the code nested in it, names."""
    return {name for part in nested(code) for name in part.co_names}


def nested(code: CodeType) -> Iterator[CodeType]:
    """Walk code and all code within it."""
    yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from nested(part)
