"""Checking data: every rule over bars, and over frames that bars cannot be made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from quantml.bars import Bars
from quantml.calendars import Calendar
from quantml.loaders.quality.editing import keep_rows, keep_symbols
from quantml.loaders.quality.findings import Finding, Findings
from quantml.loaders.quality.jumps import Spike, SplitMismatch, UnadjustedSplit, UnitFlip
from quantml.loaders.quality.own_bars import OwnBars
from quantml.loaders.quality.prices import RepeatedBar, RepeatedOpens, StaleRun, ZeroVolume
from quantml.loaders.quality.rows import ROW_RULES, read_rows, usable
from quantml.loaders.quality.rule import Rule
from quantml.loaders.quality.sessions import (
    EarlyEnd,
    FutureBar,
    HolidayBar,
    LateStart,
    MissingSession,
    OutsideHours,
    ShiftedDates,
    ShiftedHours,
    WeekendBar,
)

__all__ = ["RULES", "check_frame", "check_quality"]

RULES: Final[tuple[Rule, ...]] = (
    MissingSession(),
    WeekendBar(),
    HolidayBar(),
    ShiftedDates(),
    ShiftedHours(),
    OutsideHours(),
    LateStart(),
    EarlyEnd(),
    StaleRun(),
    RepeatedBar(),
    RepeatedOpens(),
    ZeroVolume(),
    UnadjustedSplit(),
    SplitMismatch(),
    Spike(),
    UnitFlip(),
)
"""The rules that `check_quality` applies by default."""


def check_quality(bars: Bars, *, rules: Sequence[Rule] = RULES, as_of: str | pd.Timestamp | None = None) -> Findings:
    """Look for what is wrong with bars; nothing is changed.

    Rules look at prices as quoted, beside the recorded splits and dividends, and at whole histories: a spike is known
    by its return the next day. So findings tell about data, and no feature may read them.

    Parameters
    ----------
    bars : Bars
    rules : sequence of Rule
    as_of : str or Timestamp, optional
        When the data were fetched; later bars are errors.

    Returns
    -------
    Findings
        In order of date. Bars without prices have none.

    Examples
    --------
    >>> from quantml.loaders import Sample
    >>> print(*check_quality(Sample("stocks").load()).for_symbol("AAPL"))
    warning: AAPL, 2003-01-29: repeated bar: Open, high, low and close (14.24, 14.69, 14.16, 14.58) repeat the session\
 before, while volume is 6,661,500 after 5,111,700.
    """
    if not (bars.quoted and len(bars)):
        return Findings()
    future = [] if as_of is None else FutureBar(pd.Timestamp(as_of)).find(OwnBars.of(bars))
    known = _without(bars, future)
    return Findings([*future, *(find_all(OwnBars.of(known), rules) if known is not None else [])])


def find_all(own: OwnBars, rules: Sequence[Rule]) -> list[Finding]:
    """List what each rule finds."""
    return [one for rule in rules for one in rule.find(own)]


def _without(bars: Bars, future: Sequence[Finding]) -> Bars | None:
    """Leave out the rows that come too late, beside which others would look as if they were missing."""
    if not future:
        return bars
    early = np.asarray(bars.clock < min(one.date for one in future))
    alive = tuple(name for name, has in zip(bars.symbols, bars.traded[early].any(axis=0), strict=True) if has)
    return keep_symbols(keep_rows(bars, early), alive) if alive else None


def check_frame(
    frame: pd.DataFrame,
    *,
    calendar: Calendar | None = None,
    rules: Sequence[Rule] = RULES,
    as_of: str | pd.Timestamp | None = None,
) -> Findings:
    r"""Look for what is wrong with a frame of raw prices, also where no bars can be made of it.

    Rows are checked one by one first: duplicates, order, missing and impossible prices, splits and dividends. The
    rules on bars then look at the rows that are left, in order of time. The frame is not changed.

    Parameters
    ----------
    frame : DataFrame
        As `Bars.from_frame` takes it: long, with a column ``symbol`` and the time in the index or in a column ``date``
        or ``time``; or with (field, symbol) columns.
    calendar : str or mapping of str to str, optional
        ISO 10383 code of the exchange, or of each symbol's own.
    rules : sequence of Rule
        Rules on bars.
    as_of : str or Timestamp, optional
        When the data were fetched; later bars are errors.

    Raises
    ------
    DataError
        If the frame cannot be read at all: no symbols, no closes, times in several zones, text for prices.

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-03"])
    >>> frame = pd.DataFrame({"symbol": "A", "close": [10.0, 0.0, 10.1]}, index=days)
    >>> print(*check_frame(frame), sep="\n")
    error: A, 2024-01-03: duplicate: 2 different rows, with closes 0 and 10.1.
    error: A, 2024-01-03: not positive: The close is 0.
    """
    rows = read_rows(frame)
    broken = [one for rule in ROW_RULES for one in rule.find(rows)]
    kept = usable(rows)
    if kept.empty:
        return Findings(broken)
    bars = Bars.from_frame(kept.set_index("time"), calendar=calendar, periods_per_year=1.0)
    aside = rows.drop(kept.index)
    present = set(zip(aside["symbol"], aside["time"], strict=True))
    return Findings([*broken, *_truly_missing(check_quality(bars, rules=rules, as_of=as_of), present)])


def _truly_missing(findings: Findings, present: set[tuple[str, pd.Timestamp]]) -> list[Finding]:
    """Leave out single sessions that are missing only because their row was set aside."""
    return [
        one for one in findings
        if one.rule != MissingSession.name or one.date != one.until or (one.symbol, one.date) not in present
    ]  # fmt: skip
