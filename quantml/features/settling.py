"""TA-Lib's functions as they are: what each takes and gives, and how long the beginning of the data moves its value."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import talib
from numpy.typing import NDArray
from talib import abstract

from quantml.features.mapping import FrozenMapping

TOLERANCE: Final = 1e-3
"""Share of its usual movement by which the beginning may still move a value that has settled."""

BEGINNINGS: Final = 100
ROUNDING: Final = 1e-9


class Facts(NamedTuple):
    """What TA-Lib says of a function.

    Attributes
    ----------
    inputs : mapping of str to str or tuple of str
        The field, or fields, that each input is read from by default.
    defaults : mapping of str to int or float
        Each parameter's default, of the parameter's type.
    outputs : tuple of str
    """

    inputs: Mapping[str, str | tuple[str, ...]]
    defaults: Mapping[str, Any]
    outputs: tuple[str, ...]


@cache
def find_facts(function: str) -> Facts:
    """Read what TA-Lib says of one of its functions."""
    told = _declared(function).info
    inputs = {name: tuple(read) if isinstance(read, list) else read for name, read in told["input_names"].items()}
    return Facts(inputs, dict(told["parameters"]), tuple(told["output_names"]))


@cache
def lookback(function: str, numbers: FrozenMapping[Any]) -> int:
    """Return the position of the first value that TA-Lib gives; -1 where it refuses a parameter."""
    defaults = find_facts(function).defaults
    typed = {name: type(defaults[name])(value) for name, value in numbers.items()}
    return int(_declared(function, **typed).lookback)


def list_functions() -> list[str]:
    """List the names of TA-Lib's functions."""
    return list(talib.get_functions())  # type: ignore[no-untyped-call]


def _declared(function: str, **parameters: Any) -> Any:
    return abstract.Function(function, **parameters)  # type: ignore[attr-defined]


def run(
    function: str, numbers: Mapping[str, Any], output: int, series: list[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Run a function on series without NaN and return one output as fresh floats."""
    returned = getattr(talib, function)(*series, **numbers)
    chosen = returned[output] if isinstance(returned, (tuple, list)) else returned
    return np.array(chosen, dtype=np.float64)


@cache
def settling_bars(function: str, numbers: FrozenMapping[Any], output: int) -> int | None:
    """Measure how many bars after its first value a function's value still depends on where the data began.

    Simulated bars are cut at several beginnings. The value has settled where none of them moves it by more than
    `TOLERANCE` of the standard deviation of the value's changes over the function's lookback and one bar more.

    Returns
    -------
    int or None
        None where the value never settles.
    """
    first = lookback(function, numbers)
    rows = 1500 + 50 * (first + 1)
    series = _simulated(function, rows)
    whole = run(function, numbers, output, series)
    longest, allowed = 0, TOLERANCE * _usual_change(whole[first:], first + 1)
    for beginning in np.linspace(first + 1, rows // 4, BEGINNINGS).astype(int):
        cut = run(function, numbers, output, [values[beginning:] for values in series])[first:]
        apart = np.flatnonzero(_apart(whole[beginning + first :], cut, allowed))
        longest = max(longest, int(apart[-1]) + 1 if apart.size else 0)
        if longest > len(cut) * 0.9:
            return None
    return longest


def _usual_change(values: NDArray[np.float64], bars: int) -> float:
    changes = values[bars:] - values[:-bars]
    finite = changes[np.isfinite(changes)]
    return float(np.std(finite)) if finite.size else 0.0


def _apart(one: NDArray[np.float64], other: NDArray[np.float64], allowed: float) -> NDArray[np.bool_]:
    both, either = np.isfinite(one) & np.isfinite(other), np.isfinite(one) | np.isfinite(other)
    difference = np.abs(np.where(both, one, 0.0) - np.where(both, other, 0.0))
    return np.asarray(np.where(both, difference > allowed + ROUNDING * np.abs(np.where(both, one, 0.0)), either))


def _simulated(function: str, rows: int) -> list[NDArray[np.float64]]:
    """Simulate what a function reads: a random walk of 1 % a bar, its ranges and volumes, the same on every call."""
    generator = np.random.default_rng(0)
    walk = np.cumsum(generator.normal(0.0, 0.01, rows))
    close = 20.0 * np.exp(np.abs(walk % 4.0 - 2.0))  # turned back at two bounds, so that no function overflows
    opens = close * np.exp(generator.normal(0.0, 0.005, rows))
    fields = {
        "open": opens,
        "high": np.maximum(opens, close) * (1.0 + generator.uniform(0.0, 0.01, rows)),
        "low": np.minimum(opens, close) * (1.0 - generator.uniform(0.0, 0.01, rows)),
        "close": close,
        "volume": generator.uniform(1e4, 1e6, rows),
        "periods": generator.integers(2, 31, rows).astype(np.float64),
    }
    read = find_facts(function).inputs.values()
    return [fields[name] for names in read for name in ((names,) if isinstance(names, str) else names)]
