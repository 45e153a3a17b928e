"""Currencies: the prices of every symbol in one, by the rates that were known at each bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import DataError, ParameterError
from quantml.exogenous import Exogenous
from quantml.space import Declaration
from quantml.timing import Span

__all__ = ["Converted", "check_one_currency", "convert"]

SUBUNITS: Final[Mapping[str, tuple[str, float]]] = MappingProxyType(
    {"GBp": ("GBP", 0.01), "GBX": ("GBP", 0.01), "ZAc": ("ZAR", 0.01), "ILA": ("ILS", 0.01)}
)
"""Units that some exchanges quote in, and what each is worth of its currency: pence, cents and agorot."""


def convert(
    bars: Bars,
    *,
    to: str,
    rates: Exogenous | None = None,
    currencies: Mapping[str, str] | None = None,
    stale: str = "10d",
) -> Bars:
    """Return bars whose prices and dividends are all in one currency.

    Every price of a bar, and a dividend paid on it, is multiplied by the newest rate that was available at the bar's
    time, so that highs stay above lows; what the rate moved between open and close is not seen in an open. Volume and
    splits stay as they are. Pence, cents and agorot (GBp or GBX, ZAc, ILA) are converted through their pounds, rand
    and shekels.

    Parameters
    ----------
    bars : Bars
    to : str
        The currency wanted, such as ``"USD"``.
    rates : Exogenous, optional
        One column per currency that occurs, named by its code: units of `to` for one unit of it. Not needed where all
        are `to` or its hundredths.
    currencies : mapping of str to str, optional
        The currency that each symbol is quoted in; what the bars say of themselves by default.
    stale : str
        The age, such as ``"10d"``, beyond which a rate is too old to convert with; it is counted from when the rate
        became available.

    Returns
    -------
    Bars
        All in `to`.

    Raises
    ------
    DataError
        If the currency of a symbol or a column of `rates` is missing, or a bar has no rate, one that is not positive,
        or none that is younger than `stale`.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.DatetimeIndex(["2024-01-02", "2024-01-03"])
    >>> rates = Exogenous(pd.DataFrame({"EUR": [1.0955, 1.0919]}, index=days), name="fixing", lag="0d")
    >>> bars = Bars.from_close(pd.DataFrame({"SAP": [100.0, 100.0], "IBM": [160.0, 161.0]}, index=days),
    ...                        periods_per_year=252, currencies={"SAP": "EUR", "IBM": "USD"})
    >>> convert(bars, to="USD", rates=rates).close.to_numpy().round(2).tolist()
    [[109.55, 160.0], [109.19, 161.0]]
    """
    known = dict(bars.currencies if currencies is None else currencies)
    unknown = [symbol for symbol in bars.symbols if symbol not in known]
    if unknown:
        hint = "Give currencies={symbol: code}."
        raise DataError("the currency of every symbol", must="be given", got=f"none of {unknown[0]}", hint=hint)
    paid = np.column_stack([_rate(bars, symbol, known[symbol], to, rates, stale) for symbol in bars.symbols])
    prices = {name: values if name == "volume" else values * paid for name, values in bars.quoted.items()}
    dividend = np.where(bars.dividend > 0.0, bars.dividend * paid, 0.0)
    return replace(bars, quoted=prices, dividend=dividend, currencies=dict.fromkeys(bars.symbols, to))


@dataclass(frozen=True)
class Converted(Declaration):
    """Bars of another loader in one currency, for a study's ``data``; `convert` says how.

    Parameters
    ----------
    data : loader
        Whatever has a `load` that gives `Bars`.
    to : str
        The currency wanted.
    rates : Exogenous or a loader of one, optional
        One column per currency that occurs: units of `to` for one unit of it.
    currencies : mapping of str to str, optional
        The currency that each symbol is quoted in; what the bars say of themselves by default.
    stale : str
        The age beyond which a rate is too old to convert with.
    """

    data: Any
    _: KW_ONLY
    to: str
    rates: Any = None
    currencies: Mapping[str, str] | None = None
    stale: str = "10d"

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        if not hasattr(self.data, "load"):
            raise ParameterError("Converted.data", must="be a loader", got=type(self.data).__name__)
        if not (self.rates is None or isinstance(self.rates, Exogenous) or hasattr(self.rates, "load")):
            raise ParameterError("Converted.rates", must="be Exogenous or load it", got=type(self.rates).__name__)
        Span.parse(self.stale, "Converted.stale")

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: the data's own, and the conversion."""
        return (*getattr(self.data, "notes", ()), f"Prices were converted to {self.to} at the newest rate known.")

    def load(self) -> Bars:
        """Load the bars and convert them."""
        rates = self.rates.load() if hasattr(self.rates, "load") else self.rates
        return convert(self.data.load(), to=self.to, rates=rates, currencies=self.currencies, stale=self.stale)


def check_one_currency(bars: Bars) -> None:
    """Raise `DataError` where the symbols of the bars are known to be quoted in different currencies."""
    first: dict[str, str] = {}
    for symbol, code in bars.currencies.items():
        first.setdefault(code, symbol)
    if len(first) > 1:
        got = ", ".join(f"{code} ({symbol})" for code, symbol in first.items())
        hint = "Convert them with quantml.currency.Converted, or leave some out."
        raise DataError("the symbols of one account", must="be quoted in one currency", got=got, hint=hint)


def _rate(bars: Bars, symbol: str, code: str, to: str, rates: Exogenous | None, stale: str) -> NDArray[np.float64]:
    """Return what one unit of the symbol's price is worth on each bar, shape (T,); 1.0 where it has no bar."""
    currency, unit = SUBUNITS.get(code, (code, 1.0))
    if currency == to:
        return np.full(len(bars), unit)
    if rates is None:
        raise DataError("a table of rates", must="be given", got=f"none for {currency} ({symbol})")
    traded = bars.traded[:, bars.symbols.index(symbol)]
    values, last = rates.read(currency, bars.clock), rates.since(bars.clock)
    young = np.asarray(last + Span.parse(stale, "stale").offset >= bars.clock)
    bad = np.flatnonzero(traded & ~((values > 0.0) & young))
    if bad.size:
        row = bad[0]
        where = f"{symbol}, {bars.clock[row]}, last available on {last[row]}".replace(" 00:00:00", "")
        rule = f"be positive and known for at most {stale}"
        raise DataError(f"the rate of {currency} in {to}", must=rule, got=float(values[row]), where=where)
    return np.where(traded, values * unit, 1.0)
