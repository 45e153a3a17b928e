"""Rules that users write: a function over arrays, decorated once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.arrays import frame
from quantml.bars import Bars
from quantml.errors import ParameterError
from quantml.simulation.sweeps.grids import RESULTS, Grid, Values, read_grid
from quantml.simulation.sweeps.tapes import is_field, own, own_rows

Function = Callable[..., Any]
_PLAIN = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@overload
def rule(function: Function, /) -> Rule: ...
@overload
def rule(**shared: Function) -> Callable[[Function], Rule]: ...
def rule(function: Function | None = None, /, **shared: Function) -> Rule | Callable[[Function], Rule]:
    """Make a rule of an ordinary function over arrays, for `quantml.sweep`.

    The function is called once per symbol and combination. An argument named ``open``, ``high``, ``low``, ``close``
    or ``volume`` is that adjusted field over the symbol's own bars, shape (bars,), read-only and without NaN; every
    other argument is a parameter, which the grid gives values to (one with a default may be left out). It returns the
    weight decided at the close of each bar, shape (bars,): the signed fraction of equity wanted, as `simulate` reads
    it. NaN is no decision: what is held drifts until the next one. A number is one, also where it is the same as
    before: the position is rebalanced to it.

    The function is compiled with numba, and so has to be plain loops and NumPy; a function that it calls must be
    compiled as well (``numba.njit`` or `quantml.kernel`). What cannot be compiled still runs, one combination at a
    time, and says so once with the warning `NotCompiled`.

    Parameters
    ----------
    function : callable
    **shared : callable
        For an argument of the function, what computes it from fields and parameters by the same naming: one array,
        shape (bars,). It is computed once for each distinct set of its own parameters, however many combinations
        share it, and all of them are kept at once: eight bytes per bar and set. It is called as it is, so that it may
        use any library.

    Returns
    -------
    Rule
        Call it like the function itself.

    Raises
    ------
    ParameterError
        If an argument cannot be told apart or has the name of a result; if `shared` names no argument, or a field.

    Examples
    --------
    >>> @rule
    ... def above(close, level):
    ...     weights = np.full(close.size, np.nan)
    ...     weights[0] = 0.0
    ...     for t in range(1, close.size):
    ...         if (close[t] > level) != (close[t - 1] > level):
    ...             weights[t] = 1.0 if close[t] > level else 0.0
    ...     return weights
    >>> above(np.array([1.0, 3.0, 3.0, 1.0]), 2.0)
    array([ 0.,  1., nan,  0.])
    """
    if function is None:
        return lambda decorated: Rule(decorated, tuple(shared.items()))
    return Rule(function, tuple(shared.items()))


@dataclass(frozen=True)
class Rule:
    """A function over arrays with its shared parts; made by `rule`.

    Attributes
    ----------
    function : callable
    shared : tuple of (str, callable)
    """

    function: Function
    shared: tuple[tuple[str, Function], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "function", getattr(self.function, "py_func", self.function))
        for function in (self.function, *dict(self.shared).values()):
            _check_arguments(function)
        for name in dict(self.shared):
            if is_field(name):
                raise ParameterError("what a rule shares", must="have another name than a field of bars", got=name)
            if name not in arguments(self.function):
                raise ParameterError("what a rule shares", must=f"name arguments of {self.name}", got=name)

    def __call__(self, *arrays_and_parameters: Any, **named: Any) -> Any:
        """Call the function."""
        return self.function(*arrays_and_parameters, **named)

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters that a grid gives values to, in order, and their defaults (`inspect.Parameter.empty`: none)."""
        parts = dict(self.shared)
        found: dict[str, Any] = {}
        for name, default in arguments(self.function).items():
            wanted = arguments(parts[name]) if name in parts else {name: default}
            found |= {name: value for name, value in wanted.items() if not is_field(name) and name not in found}
        return found

    def read(self, grid: Values) -> Grid:
        """Read a grid of this rule's parameters."""
        known = {name: value for name, value in self.parameters.items() if value is not inspect.Parameter.empty}
        return read_grid(grid, tuple(self.parameters), known)

    def weights(self, bars: Bars, **parameters: Any) -> pd.DataFrame:
        """Return the weights of one combination, time x symbol, each symbol for an account of its own.

        ``simulate(rule.weights(bars, ...)[["A"]], bars)`` is the account that a sweep sums up. The weight of what is
        no member of the bars' universe is 0.0, since it is sold there.
        """
        grid = self.read({name: [value] for name, value in parameters.items()})
        values = np.full((len(bars), len(bars.symbols)), np.nan)
        for column in range(len(bars.symbols)):
            rows = own_rows(bars, column)
            values[rows, column] = self.function(**self._given(bars, column, rows, grid.at(0)))
        values[~bars.members & ~np.isnan(values)] = 0.0
        return frame(values, bars.clock, bars.symbols)

    def _given(
        self, bars: Bars, column: int, rows: NDArray[np.int64], combination: Mapping[str, Any]
    ) -> dict[str, Any]:
        parts = dict(self.shared)
        given: dict[str, Any] = {}
        for name in arguments(self.function):
            if name in parts:
                inner = {n: _value(bars, column, rows, n, combination) for n in arguments(parts[name])}
                given[name] = parts[name](**inner)
            else:
                given[name] = _value(bars, column, rows, name, combination)
        return given


def arguments(function: Function) -> dict[str, Any]:
    """Return the names and defaults of a function's arguments."""
    return {name: part.default for name, part in inspect.signature(function).parameters.items()}


def _value(bars: Bars, column: int, rows: NDArray[np.int64], name: str, combination: Mapping[str, Any]) -> Any:
    return own(bars, column, rows, name) if is_field(name) else combination[name]


def _check_arguments(function: Any) -> None:
    if not callable(function):
        raise ParameterError("a rule", must="be a function, and share functions", got=function)
    for name, part in inspect.signature(function).parameters.items():
        if part.kind not in _PLAIN:
            raise ParameterError("a rule", must="take plain arguments only", got=str(part))
        if name in RESULTS or name == "symbol":
            raise ParameterError("an argument of a rule", must="have another name than a result of sweeps", got=name)
