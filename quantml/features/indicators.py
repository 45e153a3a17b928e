"""Every function of TA-Lib as a feature, on each symbol's own bars."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import FIELDS, Bars
from quantml.errors import ParameterError, check, did_you_mean
from quantml.features.base import evaluate, stated_warmup, write
from quantml.features.mapping import FrozenMapping
from quantml.features.own_bars import check_count, on_panel
from quantml.features.settling import Facts, find_facts, list_functions, lookback, run, settling_bars
from quantml.space import Declaration, check_alternatives

__all__ = ["Settling", "TALib"]

LEAST_SEARCHED: Final = 10


@dataclass(frozen=True, init=False, repr=False)
class TALib(Declaration):
    """One output of a function of TA-Lib, whose parameters have TA-Lib's own names and defaults.

    It runs on each symbol's own adjusted bars, since a NaN inside a series ends some functions for good and silently
    skews others. Where TA-Lib gives an infinite or undefined number (a quotient by zero) the value is NaN. Candlestick
    patterns are -200, -100, 0, 100 or 200.

    What a recursive function says depends on where the data began: of an exponential average of 14 bars, 6 % of the
    weight lies on its first value 20 bars later. TA-Lib calls that time the unstable period. Here it is part of the
    warm-up: without `unstable_period`, it is measured on simulated bars how long the beginning moves the value by more
    than a thousandth of what the value itself usually moves. Averages within averages (ADX, TRIX, MACD, averages
    chosen by a ``matype``) are measured like all others, marked by TA-Lib or not. A stop that follows a trend (``SAR``,
    ``SAREXT``, ``SUPERTREND``) forgets the beginning when the trend turns; that has a usual time and no bound.

    Some functions never forget the beginning: running totals (``AD``, ``OBV``, ``PVT``, ``NVI``, ``PVI``, ``WAD``,
    ``CUMSUM``), means since the first bar (``VWAP``) and positions counted from it (``MAXINDEX``, ``MININDEX``,
    ``MINMAXINDEX``). `depends_on_start` says so; take a `Difference` of a total, which does not depend on it.

    Parameters
    ----------
    function : str
        A name from ``talib.get_functions()``, such as ``"ADX"``.
    output : str, optional
        Which of several outputs, such as ``"slowk"`` of ``STOCH``.
    unstable_period : int, optional
        Own bars after TA-Lib's first value that are left NaN; 0 keeps all that TA-Lib returns.
    **parameters
        TA-Lib's parameters (``timeperiod=14``; whole numbers, numbers, or search spaces) and its inputs: ``price``,
        ``price0`` and ``price1``, or ``periods``, each the name of a field (``"high"``) or a feature; ``prices``, a
        tuple of them. ``TALib("SMA", timeperiod=5, price=Returns())`` averages returns.

    Raises
    ------
    ParameterError
        If there is no such function, output or parameter, or TA-Lib refuses a value.

    Examples
    --------
    >>> TALib("ADX", timeperiod=14), TALib("STOCH", output="slowk", fastk_period=10)
    (TALib('ADX', timeperiod=14), TALib('STOCH', output='slowk', fastk_period=10))
    >>> days = pd.bdate_range("2024-01-01", periods=4)
    >>> bars = Bars.from_close(pd.DataFrame({"A": [1.0, 2.0, 6.0, 4.0]}, index=days))
    >>> TALib("SMA", timeperiod=3)(bars)["A"].tolist()
    [nan, nan, 3.0, 4.0]
    """

    function: str
    output: str | None
    unstable_period: int | None
    parameters: Mapping[str, Any]

    def __init__(
        self,
        function: str,
        *,
        output: str | None = None,
        unstable_period: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> None:
        held = {"function": function, "output": output, "unstable_period": unstable_period}
        self.__dict__.update(held, parameters=FrozenMapping({**(parameters or {}), **named}))
        if not check_alternatives(self):
            self.validate()

    def __repr__(self) -> str:
        written = [repr(self.function)]
        written += [f"{name}={getattr(self, name)!r}" for name in ("output", "unstable_period")
                    if getattr(self, name) is not None]  # fmt: skip
        return f"TALib({', '.join(written + [f'{name}={write(value)}' for name, value in self.parameters.items()])})"

    # -------------------------------------------------------------- validation

    def validate(self) -> None:
        """Raise `ParameterError` where TA-Lib would."""
        known = list_functions()
        if self.function not in known:
            hint = did_you_mean(str(self.function).upper(), known)
            raise ParameterError("TALib.function", must="be a function of TA-Lib", got=self.function, hint=hint)
        facts = self._facts
        for name, value in self.parameters.items():
            if name in facts.inputs:
                self._check_input(name, value, facts.inputs[name])
            elif name in facts.defaults:
                self._check_number(name, value, facts.defaults[name])
            else:
                hint = did_you_mean(name, [*facts.defaults, *facts.inputs])
                raise ParameterError(self._subject, must="be called with its own parameters", got=name, hint=hint)
        check(self._lookback() >= 0, self._subject, "be called with parameters that TA-Lib takes", self._numbers())
        self._check_inputs_given(facts.inputs)
        self._check_output(facts.outputs)
        if self.unstable_period is not None:
            check_count(self, "unstable_period", 0)

    @property
    def _subject(self) -> str:
        return f"TALib({self.function!r})"

    @property
    def _facts(self) -> Facts:
        return find_facts(self.function)

    def _check_input(self, name: str, value: Any, default: str | tuple[str, ...]) -> None:
        given = value if isinstance(default, tuple) else (value,)
        if isinstance(default, tuple) and (not isinstance(value, tuple) or len(value) != len(default)):
            rule = f"be a tuple of {len(default)}, for {', '.join(default)}"
            raise ParameterError(f"{self._subject}.{name}", must=rule, got=value)
        for part in given:
            if part not in FIELDS and (isinstance(part, (str, type)) or not callable(part)):
                hint = did_you_mean(part, FIELDS) if isinstance(part, str) else f"Fields: {', '.join(FIELDS)}."
                raise ParameterError(f"{self._subject}.{name}", must="be a field or a feature", got=part, hint=hint)

    def _check_inputs_given(self, inputs: Mapping[str, str | tuple[str, ...]]) -> None:
        for name, default in inputs.items():
            if isinstance(default, str) and default not in FIELDS and name not in self.parameters:
                hint = f"Give a feature: TALib({self.function!r}, {name}=...)."
                raise ParameterError(f"{self._subject}.{name}", must="be given", hint=hint)

    def _check_number(self, name: str, value: Any, default: float) -> None:
        subject, whole = f"{self._subject}.{name}", isinstance(default, int)
        kinds = (int, np.integer) if whole else (int, np.integer, float, np.floating)
        fits = isinstance(value, kinds) and not isinstance(value, bool) and bool(np.isfinite(value))
        check(fits, subject, "be a whole number" if whole else "be a finite number", value)
        if not self._takes(name, value):
            least = next((n for n in range(LEAST_SEARCHED) if self._takes(name, n)), None)
            below = least is not None and value < least
            raise ParameterError(subject, must=f"be at least {least}" if below else "be in TA-Lib's range", got=value)

    def _takes(self, name: str, value: float) -> bool:
        return lookback(self.function, FrozenMapping({name: value})) >= 0

    def _check_output(self, outputs: tuple[str, ...]) -> None:
        if self.output is None and len(outputs) > 1:
            raise ParameterError(f"{self._subject}.output", must=f"be one of {', '.join(outputs)}", got=None)
        if self.output is not None and self.output not in outputs:
            hint = did_you_mean(str(self.output), outputs)
            raise ParameterError(f"{self._subject}.output", must="be one of its outputs", got=self.output, hint=hint)

    # ------------------------------------------------------------------ warm-up

    @property
    def warmup(self) -> int:
        """Own bars before the first value: what inputs and function need, and the unstable period."""
        inner = [stated_warmup(source) for source in self._sources() if not isinstance(source, str)]
        return max(inner, default=0) + self._first()

    @property
    def depends_on_start(self) -> bool:
        """Whether the beginning of the data moves the values for good, as in running totals."""
        return settling_bars(self.function, self._numbers(), self._number_of_output()) is None

    def _first(self) -> int:
        """Return the position of the first value in the series that the function is called with."""
        if self.unstable_period is not None:
            return self._lookback() + self.unstable_period
        return self._lookback() + (settling_bars(self.function, self._numbers(), self._number_of_output()) or 0)

    def _lookback(self) -> int:
        return lookback(self.function, self._numbers())

    def _numbers(self) -> FrozenMapping[Any]:
        inputs = self._facts.inputs
        return FrozenMapping({name: value for name, value in self.parameters.items() if name not in inputs})

    def _number_of_output(self) -> int:
        return 0 if self.output is None else self._facts.outputs.index(self.output)

    # -------------------------------------------------------------- computation

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Run the function, time x symbol; `DataError` where the bars lack a field that it reads."""
        sources = [bars.array(source) if isinstance(source, str) else evaluate(source, bars)
                   for source in self._sources()]  # fmt: skip
        known = np.ascontiguousarray(np.logical_and.reduce([~np.isnan(source) for source in sources]).T)
        series = [np.ascontiguousarray(source.T) for source in sources]
        values = np.full(known.shape, np.nan)
        for symbol, rows in enumerate(known):
            values[symbol, rows] = self._run([panel[symbol, rows] for panel in series])
        values[np.isinf(values)] = np.nan
        return on_panel(np.ascontiguousarray(values.T), bars)

    def _sources(self) -> list[Any]:
        """List what the function reads, in its order: names of fields, and features."""
        sources = [self.parameters.get(name, default) for name, default in self._facts.inputs.items()]
        return [part for source in sources for part in (source if isinstance(source, tuple) else (source,))]

    def _run(self, series: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        values = run(self.function, self._numbers(), self._number_of_output(), series)
        values[: self._first()] = np.nan  # in whole numbers TA-Lib has 0 for what it does not know
        return values


class Settling(ABC):
    """Base of the features that are one of TA-Lib's recursive functions under a name of their own."""

    by_symbol: ClassVar[bool] = True

    @abstractmethod
    def _indicator(self) -> TALib:
        """Return TA-Lib's function with the parameters of the feature."""

    @property
    def warmup(self) -> int:
        """Own bars before the first value: those that TA-Lib needs, and until the beginning is forgotten."""
        return self._indicator().warmup

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Compute the indicator, time x symbol; `DataError` where the bars lack a field that it reads."""
        return self._indicator()(bars)
