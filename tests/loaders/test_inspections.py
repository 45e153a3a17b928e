"""Looking at data: bars as they were loaded, and rows of a store that no bars can be made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import DataError
from quantml.exogenous import Exogenous
from quantml.loaders import Sample, Store
from quantml.loaders.inspections import inspect_bars, inspect_stored
from quantml.loaders.quality import Severity
from tests.loaders.feed import Feed, prices


def test_bars_are_shown_as_quoted_each_symbol_on_its_own_rows() -> None:
    found = inspect_bars(Sample("stocks", symbols=["AAPL", "GOOG"]).load(), "mine")
    assert found.name == "mine"
    assert found.rows["GOOG"].index[0] == pd.Timestamp("2004-08-19")  # listed that day
    apple = found.rows["AAPL"].loc["2005-02-28"]
    assert (apple["close"], apple["split"]) == (44.86, 2.0)  # as quoted, after 2 for 1
    assert str(found.findings) == "Findings(0 errors, 1 warnings, 1 notes)"
    assert found.alarms


def test_one_symbol_keeps_what_was_found_beside_the_others() -> None:
    found = inspect_bars(Sample("stocks", symbols=["AAPL", "GOOG"]).load(), "mine")
    alone = found.of("GOOG")
    assert list(alone.rows) == ["GOOG"]
    assert [one.rule for one in alone.findings] == ["late start"]
    assert not alone.alarms  # a note is none
    with pytest.raises(DataError, match="a symbol must be among those of mine; got 'GOOGL'. Did you mean 'GOOG'?"):
        found.of("GOOGL")


def test_bars_of_a_table_have_nothing_to_look_at() -> None:
    table = Exogenous(pd.DataFrame({"x": [1.0, 2.0, 3.0]}, pd.bdate_range("2024-01-02", periods=3)), name="t", lag="0d")
    with pytest.raises(DataError, match="bars without prices must not be asked for the field 'close'"):
        inspect_bars(Bars.from_table(table, periods_per_year=252), "mine")


@pytest.mark.parametrize("hours", [10, 40])
def test_a_session_is_in_the_future_once_it_is_nowhere_on_earth(hours: int) -> None:
    day = (pd.Timestamp.now("UTC") + pd.Timedelta(hours=hours)).tz_localize(None).normalize()
    clock = pd.bdate_range(end=day - pd.Timedelta(days=1), periods=30).append(pd.DatetimeIndex([day]))
    bars = Bars.from_close(pd.DataFrame({"A": np.arange(10.0, 41.0)}, clock), periods_per_year=252)
    future = [one for one in inspect_bars(bars, "mine").findings if one.rule == "future bar"]
    assert [one.severity for one in future] == ([] if hours == 10 else [Severity.ERROR])


def test_an_hour_that_has_not_come_is_an_error() -> None:
    clock = pd.date_range(end=pd.Timestamp.now("UTC").floor("h") + pd.Timedelta(hours=1), periods=30, freq="h")
    bars = Bars.from_close(pd.DataFrame({"A": np.arange(10.0, 40.0)}, clock), periods_per_year=8760)
    assert [str(one.date) for one in inspect_bars(bars, "mine").findings.by("future bar")] == [str(clock[-1])]


# ---------------------------------------------------------------- a store


def test_rows_that_cannot_be_bars_are_looked_at_without_asking_the_source(tmp_path: Path) -> None:
    rows = {"A": prices(120, seed=1), "B": prices(120, seed=2)}
    rows["A"].loc[rows["A"].index[60], "high"] = 1.0
    feed, store = Feed(rows, calendar=None), Store(tmp_path)
    store.refresh(feed)
    asked = len(feed.asked)
    found = inspect_stored(store, feed)
    assert len(feed.asked) == asked
    assert list(found.rows) == ["A", "B"]
    (error,) = found.findings.of(Severity.ERROR)
    assert (error.symbol, error.date, error.rule) == ("A", rows["A"].index[60], "inconsistent prices")
    with pytest.raises(DataError, match="high must be at or above"):
        store.load(feed)


def test_what_a_store_keeps_apart_is_a_finding(tmp_path: Path) -> None:
    rows = {"A": prices(120, seed=1), "B": prices(120, seed=2)}
    feed, store = Feed(rows, until=100), Store(tmp_path)
    store.refresh(feed)
    assert inspect_stored(store, feed).findings.by("quarantine").frame.empty
    feed.until = 110
    for row in (97, 98):
        rows["B"].iloc[row, rows["B"].columns.get_indexer(["open", "high", "low", "close"])] *= 1.01
    store.refresh(feed)
    (apart,) = inspect_stored(store, feed).findings.by("quarantine")
    assert (apart.symbol, apart.date, apart.until) == ("B", rows["B"].index[97], rows["B"].index[98])
    assert apart.severity is Severity.WARNING
    assert apart.evidence == "2 downloaded bars disagree with what was stored before; nothing of it was taken."


def test_the_stored_exchange_tells_what_is_missing(tmp_path: Path) -> None:
    rows = prices(60, seed=1)
    open_days = rows.drop(pd.DatetimeIndex(["2020-01-01", "2020-01-20", "2020-02-17"]))  # New York was closed
    feed, store = Feed({"A": open_days.drop(pd.Timestamp("2020-01-22"))}, calendar="XNYS"), Store(tmp_path)
    store.refresh(feed)
    found = inspect_stored(store, feed)
    assert found.calendar == "XNYS"
    assert [(one.rule, one.date) for one in found.findings] == [("missing session", pd.Timestamp("2020-01-22"))]


def test_what_is_not_stored_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="got 'none of A'.*Refresh it first: quantml data pull"):
        inspect_stored(Store(tmp_path), Feed({"A": prices(5, seed=1)}))
