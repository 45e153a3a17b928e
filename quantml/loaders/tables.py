"""Published monthly and daily tables that come inside the package arch, as outside tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pandas as pd

from quantml.bars import Exogenous
from quantml.calendars import RESOLUTION
from quantml.errors import DataError, ParameterError, check, did_you_mean
from quantml.loaders.seen import seen
from quantml.space import Declaration
from quantml.timing import Span

__all__ = ["Published"]


@dataclass(frozen=True)
class _Source:
    """A file of arch, how its dates are written, its period, its unit, and how late its rows were published."""

    path: str
    date_format: str
    frequency: str
    unit: float
    lag: str
    notes: tuple[str, ...]


_REVISED: Final = "Values are as revised by late 2018, not as first published; no lag cures that."
_GAPS: Final = "Days on which nothing was published are left out, so that the newest published value stands."

_SOURCES: Final[Mapping[str, _Source]] = MappingProxyType(
    {
        "fama_french": _Source(
            path="frenchdata/frenchdata.csv.gz",
            date_format="%Y%m",
            frequency="M",
            unit=0.01,
            lag="2m",
            notes=(
                "Monthly Fama-French factors Mkt-RF, SMB, HML and the riskless rate RF, simple returns in decimals,"
                " 1926-07 to 2018-11, from Kenneth French's data library.",
                _REVISED,
            ),
        ),
        "bond_yields": _Source(
            path="default/default.csv.gz",
            date_format="%m/%d/%Y",
            frequency="M",
            unit=0.01,
            lag="1w",
            notes=(
                "Moody's yields of AAA and BAA corporate bonds, monthly averages of daily values in decimals a year,"
                " 1919-01 to 2018-12, from FRED.",
            ),
        ),
        "core_cpi": _Source(
            path="core_cpi/core-cpi.csv.gz",
            date_format="%m/%d/%Y",
            frequency="M",
            unit=1.0,
            lag="5w",
            notes=(
                "US consumer prices less food and energy (CPILFESL), seasonally adjusted, 1982-84 = 100, 1957-01 to"
                " 2018-11, from FRED.",
                _REVISED,
            ),
        ),
        "vix": _Source(
            path="vix/vix.csv.gz",
            date_format="%m/%d/%Y",
            frequency="D",
            unit=1.0,
            lag="1d",
            notes=(
                "Daily closes of the CBOE volatility index VIX, in volatility points, 2014-01-03 to 2019-01-03.",
                _GAPS,
            ),
        ),
        "wti": _Source(
            path="wti/wti.csv.gz",
            date_format="%m/%d/%Y",
            frequency="D",
            unit=1.0,
            lag="10d",
            notes=(
                "Daily spot price of West Texas Intermediate crude oil, dollars a barrel, 1986-01-02 to 2019-01-03,"
                " from FRED.",
                _GAPS,
            ),
        ),
    }
)


@dataclass(frozen=True)
class Published(Declaration):
    """A published table, each row with the time at which it became available.

    ``index`` is the last day of each row's period. A row becomes available `lag` later; the defaults are late rather
    than early, because a table that is early by a day looks ahead:

    =============== ======================== ======= ===============================================================
    name            columns                  lag     why
    =============== ======================== ======= ===============================================================
    ``fama_french`` Mkt-RF, SMB, HML, RF     ``2m``  the library follows the month by weeks, sometimes by more
    ``bond_yields`` AAA, BAA                 ``1w``  a month's average appears in the first days of the next
    ``core_cpi``    CPILFESL                 ``5w``  month m appears in the middle of m+1, late in a shutdown
    ``vix``         vix                      ``1d``  its close came a quarter of an hour after the stocks'
    ``wti``         DCOILWTICO               ``10d`` daily prices are released in weekly batches
    =============== ======================== ======= ===============================================================

    Factors and yields are decimals (the files hold per cent); prices and index levels are as published.

    Parameters
    ----------
    name : str
        One of the tables above.
    lag : str, optional
        How long after the end of its period a row became available, such as ``"1m"``; ``"0d"`` for an attribution,
        which explains returns after the fact. Without it, the table's own.

    Raises
    ------
    ParameterError
        If there is no such table, or `lag` is not a duration.

    Examples
    --------
    >>> factors = Published("fama_french").load()
    >>> factors.frame.loc["1926-07-31"].round(4).to_dict()
    {'Mkt-RF': 0.0296, 'SMB': -0.023, 'HML': -0.0287, 'RF': 0.0022}
    >>> str(factors.available[0].date())
    '1926-09-30'
    """

    name: str
    _: KW_ONLY
    lag: str | None = None

    def validate(self) -> None:
        """Raise where a parameter is out of range."""
        if self.name not in _SOURCES:
            hint = did_you_mean(str(self.name), _SOURCES)
            raise ParameterError("Published.name", must="name a published table", got=self.name, hint=hint)
        duration = self.lag is None or (isinstance(self.lag, str) and re.fullmatch(r"0d|[1-9]\d*[dwmy]", self.lag))
        check(bool(duration), "Published.lag", "be a duration such as '5w' or '2m'", self.lag)

    @property
    def hastened(self) -> str:
        """What is wrong with a `lag` shorter than the table's own; empty where there is nothing."""
        own = _SOURCES[self.name].lag
        if self.lag is None or _after(self.lag) >= _after(own):
            return ""
        return f"{self.name!r} is published {own} after the end of its periods, and counts as known after {self.lag}."

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of a report: provenance, unit, known defects."""
        lag = self.lag or _SOURCES[self.name].lag
        return (*_SOURCES[self.name].notes, f"A row counts as known {lag} after the end of its period.")

    @seen
    def load(self) -> Exogenous:
        """Read the table.

        Returns
        -------
        Exogenous
            One row per period, float64, indexed by the last day of the period.

        Raises
        ------
        DataError
            If the installed arch does not hold the table, or holds it in another form.
        """
        source = _SOURCES[self.name]
        return Exogenous(_read(source), name=self.name, lag=self.lag or source.lag)


def _read(source: _Source) -> pd.DataFrame:
    # As text: read as numbers, dates such as 192607 become nanoseconds after 1970.
    table = pd.read_csv(_locate(source.path), dtype=str, na_values=["."])
    try:
        dates = pd.DatetimeIndex(pd.to_datetime(table.pop("Date"), format=source.date_format))
        values = table.astype("float64") * source.unit
    except (KeyError, ValueError) as error:
        raise DataError(f"arch's {source.path}", must="hold dates and numbers", got=str(error)) from error
    periods = dates.to_period(source.frequency)
    values.index = periods.to_timestamp(how="end").normalize().as_unit(RESOLUTION).rename(None)
    return values.dropna(how="all")


def _locate(path: str) -> Path:
    # Found without importing arch, which takes a second.
    spec = find_spec("arch")
    if spec is None or spec.origin is None:
        raise DataError("the package arch", must="be installed", hint="Install it with: pip install arch.")
    file = Path(spec.origin).parent / "data" / path
    if not file.exists():
        raise DataError("the package arch", must=f"hold the file data/{path}", hint="Install arch 8.0.")
    return file


def _after(lag: str) -> pd.Timestamp:
    """Return a month's end put off by a duration."""
    end = pd.Timestamp("2001-01-31")
    return end if lag == "0d" else end + Span.parse(lag, "lag").offset
