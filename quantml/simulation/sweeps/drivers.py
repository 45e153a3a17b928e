"""Drivers: one compiled function per rule, which runs it over combinations and keeps nothing but the accounts.

A driver is written out as text around the rule, since a rule that were passed to a kernel would be neither inlined nor
cached.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from quantml.arrays import read_only
from quantml.errors import SimulationError
from quantml.kernels import F2, I1, I2, kernel
from quantml.simulation.sweeps.accounts import LENGTH, RUNNING, STATUS, TERMS, WIDTH, Terms, settle
from quantml.simulation.sweeps.grids import Grid
from quantml.simulation.sweeps.rules import Rule, arguments
from quantml.simulation.sweeps.tapes import Feed, is_field

Floats = NDArray[np.float64]
Runner = Callable[[int, int, Floats, Floats], None]
"""Runs combinations ``first`` to ``last - 1``: their accounts, one row each of all; their returns, one row each."""

_TEXT: Final = """
def drive(first, last, rows, inputs, weights, accounts, traces):
    for place in range(first, last):
        accounts[place, STATUS] = RUNNING
        result = rule({arguments})
        if len(result) != rows.size:
            accounts[place, STATUS] = LENGTH
            continue
        weights[:] = result
        settle(weights, rows, inputs.tape, inputs.blocks, inputs.terms, accounts[place], traces[place - first])
"""
_READ: Final = {"i": "inputs.whole[place, {}]", "b": "inputs.whole[place, {}] != 0", "f": "inputs.real[place, {}]"}


class NotCompiled(UserWarning):
    """A rule of a sweep cannot be compiled, and runs as it is: slower by far."""


class Inputs(NamedTuple):
    """What a driver reads.

    Attributes
    ----------
    fields : ndarray, shape (fields, bars)
    shared : ndarray, shape (distinct results, bars)
    which : ndarray of int64, shape (combinations, shared arguments)
        Which of them each combination takes.
    whole : ndarray of int64, shape (combinations, parameters)
    real : ndarray, shape (combinations, parameters)
    tape, blocks, terms
        The symbol's bars, and how the account is run.
    """

    fields: Floats
    shared: Floats
    which: NDArray[np.int64]
    whole: NDArray[np.int64]
    real: Floats
    tape: Floats
    blocks: Floats
    terms: Terms


_MATRIX: Final = types.float64[:, ::1]
_INPUTS: Any = types.BaseTuple.from_types((F2, F2, I2, I2, F2, F2, F2, TERMS), Inputs)
_SIGNATURE: Final = types.void(types.int64, types.int64, I1, _INPUTS, types.float64[::1], _MATRIX, _MATRIX)


class Driver(NamedTuple):
    """A function that runs a rule, and whether it is compiled."""

    run: Callable[..., None]
    compiled: bool


@lru_cache(maxsize=64)
def make_driver(rule: Rule, kinds: str) -> Driver:
    """Compile a rule for parameters of `kinds`, one letter each: b, i or f. Warn where that cannot be done."""
    try:
        return Driver(kernel(_SIGNATURE)(_written(rule, kinds, numba.njit(nogil=True, error_model="numpy"))), True)
    except numba.core.errors.NumbaError as error:
        cause = next((line.strip() for line in str(error).splitlines()[1:] if line.strip()), "")
        text = f"The rule {rule.name} cannot be compiled, and runs slower by far: {cause}"
        warnings.warn(text, NotCompiled, stacklevel=6)
        return Driver(_written(rule, kinds, lambda function: function), False)


def _written(rule: Rule, kinds: str, prepare: Callable[..., Any]) -> Any:
    """Write a driver out around a rule's function."""
    parts, numbers = dict(rule.shared), list(rule.parameters)
    fields = [name for name in arguments(rule.function) if is_field(name)]
    texts = []
    for name in arguments(rule.function):
        if name in parts:
            texts.append(f"inputs.shared[inputs.which[place, {list(parts).index(name)}]]")
        elif is_field(name):
            texts.append(f"inputs.fields[{fields.index(name)}]")
        else:
            texts.append(_READ[kinds[numbers.index(name)]].format(numbers.index(name)))
    space = {
        "rule": prepare(rule.function), "settle": settle,
        "STATUS": STATUS, "RUNNING": RUNNING, "LENGTH": LENGTH, "__name__": rule.function.__module__,
    }  # fmt: skip
    exec(compile(_TEXT.format(arguments=", ".join(texts)), f"<sweep of {rule.name}>", "exec"), space)
    drive = space["drive"]
    drive.written_around = rule.function  # whose code says what the machine code depends on
    return drive


@dataclass(frozen=True, eq=False)
class Prepared:
    """A rule that is ready to run over the combinations of a grid.

    Attributes
    ----------
    run : callable
        A `Runner`.
    alone : bool
        Whether it holds the interpreter, so that threads are of no use.
    """

    run: Runner
    alone: bool = False


def prepare_rule(rule: Rule, feed: Feed, grid: Grid) -> Prepared:
    """Compile a rule, and compute what its combinations share."""
    driver = make_driver(rule, _kinds(grid))
    return Prepared(partial(_run, driver.run, feed.rows, _inputs(rule, feed, grid)), alone=not driver.compiled)


def decide_all(rule: Rule, feed: Feed, grid: Grid) -> Floats:
    """Return the weights of every combination, shape (combinations, bars); NaN where they are not one per bar."""
    driver, inputs = make_driver(rule, _kinds(grid)), _inputs(rule, feed, grid)
    weights, accounts = np.full((len(grid), feed.rows.size), np.nan), np.zeros((len(grid), WIDTH))
    for place in range(len(grid)):
        driver.run(place, place + 1, feed.rows, inputs, weights[place], accounts, np.empty((1, 0)))
    return weights


def _kinds(grid: Grid) -> str:
    return "".join(column.dtype.kind for column in grid.columns.values())


def _inputs(rule: Rule, feed: Feed, grid: Grid) -> Inputs:
    """Lay out what the driver of a rule reads."""
    columns = list(grid.columns.values())
    fields = [feed.field(name) for name in arguments(rule.function) if is_field(name)]
    shared, which = _share(rule, feed, grid)
    shape = (len(grid), len(columns))
    whole = [column.astype(np.int64) for column in columns]
    return Inputs(
        fields=read_only(np.stack(fields) if fields else np.empty((0, feed.rows.size))),
        shared=read_only(np.stack(shared) if shared else np.empty((0, feed.rows.size))),
        which=read_only(which),
        whole=read_only(np.column_stack(whole) if whole else np.empty(shape, dtype=np.int64)),
        real=read_only(np.column_stack(columns).astype(np.float64) if columns else np.empty(shape)),
        tape=feed.tape,
        blocks=feed.blocks,
        terms=feed.terms,
    )


def _run(
    drive: Callable[..., None],
    rows: NDArray[np.int64],
    inputs: Inputs,
    first: int,
    last: int,
    accounts: Floats,
    traces: Floats,
) -> None:
    drive(first, last, rows, inputs, np.empty(rows.size), accounts, traces)


def _share(rule: Rule, feed: Feed, grid: Grid) -> tuple[list[Floats], NDArray[np.int64]]:
    """Compute every shared argument once for each distinct set of its parameters."""
    results: list[Floats] = []
    index = np.zeros((len(grid), len(rule.shared)), dtype=np.int64)
    for place, (name, function) in enumerate(rule.shared):
        wanted = [part for part in arguments(function) if not is_field(part)]
        distinct, inverse = _distinct([grid.columns[part] for part in wanted], len(grid))
        index[:, place] = inverse + len(results)
        for row in distinct:
            given = {n: feed.field(n) if is_field(n) else grid.columns[n][row].item() for n in arguments(function)}
            results.append(_checked(function(**given), name, feed, grid.text(int(row))))
    return results, index


def _distinct(columns: Sequence[NDArray[Any]], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a row of each distinct combination, and for every row which of them it is."""
    if not columns:
        return np.zeros(1, dtype=np.int64), np.zeros(size, dtype=np.int64)
    codes = np.zeros(size, dtype=np.int64)
    for column in columns:
        values, inverse = np.unique(column, return_inverse=True)
        codes = np.unique(codes * len(values) + inverse, return_inverse=True)[1]
    _, rows, inverse = np.unique(codes, return_index=True, return_inverse=True)
    return rows.astype(np.int64), inverse.astype(np.int64)


def _checked(result: Any, name: str, feed: Feed, combination: str) -> Floats:
    values = np.asarray(result, dtype=np.float64)
    if values.shape != (feed.rows.size,):
        must = f"be one number per bar, shape ({feed.rows.size},)"
        raise SimulationError(f"what a rule shares as {name}", must=must, got=values.shape, where=combination)
    return values
