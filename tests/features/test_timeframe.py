from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib

from quantml.bars import Bars
from quantml.errors import FeatureError, ParameterError
from quantml.exogenous import Exogenous
from quantml.features import (
    ATR,
    RSI,
    CrossSectionRank,
    Momentum,
    Monthly,
    Outside,
    Returns,
    TALib,
    Weekly,
    build_features,
    feature_name,
)
from quantml.space import Choice, find_spaces

NAN = np.nan
DAYS = pd.bdate_range("2024-01-01", periods=20)  # four weeks from a Monday on
PRICES = [100.0] * 4 + [100.0] + [1.0] * 4 + [110.0] + [1.0] * 4 + [132.0] + [1.0] * 4 + [99.0]


def close(bars: Bars) -> pd.DataFrame:
    return bars.close


def weekly(feature: Any, calendar: str | None = None, days: pd.DatetimeIndex = DAYS) -> list[float]:
    bars = Bars.from_close(pd.DataFrame({"A": PRICES[: len(days)]}, index=days), calendar=calendar,
                           periods_per_year=252)  # fmt: skip
    return list(feature(bars)["A"])


def test_a_week_is_known_at_its_last_close_or_with_the_next_bar() -> None:
    # the first week is left out; Fridays close at 110, 132 and 99
    np.testing.assert_array_equal(weekly(Weekly(close), "XLON"), [NAN] * 10 + [110.0] * 4 + [132.0] * 5 + [99.0])
    np.testing.assert_array_equal(weekly(Weekly(close)), [NAN] * 10 + [110.0] * 5 + [132.0] * 5)
    np.testing.assert_allclose(weekly(Weekly(Returns()), "XLON"), [NAN] * 15 + [0.2] * 4 + [-0.25])


def test_a_week_that_ends_on_a_thursday_is_complete_then() -> None:
    # Good Friday, March 29, 2024
    days = pd.DatetimeIndex([day for day in pd.bdate_range("2024-03-04", "2024-04-01") if day.day != 29])
    prices = pd.DataFrame({"A": np.arange(1.0, len(days) + 1.0)}, index=days)
    result = Weekly(close)(Bars.from_close(prices, calendar="XNYS"))["A"]
    assert result["2024-03-27"] == 15.0
    assert result["2024-03-28"] == 19.0
    assert result["2024-04-01"] == 19.0
    assert Weekly(close)(Bars.from_close(prices))["A"]["2024-03-28"] == 15.0


def test_a_closing_that_nobody_knew_of_completes_no_week() -> None:
    # New York stayed closed on Friday the 11th of June 2004, for a funeral; Monday knows that it did
    days = pd.bdate_range("2004-05-10", "2004-06-15").drop(["2004-05-31", "2004-06-11"])  # Memorial Day too
    prices = pd.DataFrame({"A": np.arange(1.0, 26.0)}, index=days)
    result = Weekly(close)(Bars.from_close(prices, calendar="XNYS"))["A"]
    assert (result["2004-06-04"], result["2004-06-10"], result["2004-06-14"]) == (19.0, 19.0, 23.0)


def test_a_bar_off_the_calendar_is_a_week_of_its_own() -> None:
    # Saturday the 20th: the week was complete on Friday, and what was said then stays so
    days = DAYS[:15].append(pd.DatetimeIndex(["2024-01-20", "2024-01-22", "2024-01-23"]))
    prices = pd.DataFrame({"A": np.arange(1.0, 19.0)}, index=days)
    bars = Bars.from_close(prices, calendar="XLON", periods_per_year=252)
    result = Weekly(close)(bars)["A"]
    assert result.dropna().tolist() == [10.0] * 4 + [15.0, 16.0, 16.0, 16.0]
    for day in days[12:]:
        np.testing.assert_array_equal(Weekly(close)(bars.until(day))["A"], result[:day])


@pytest.mark.parametrize(("kind", "rule"), [(Weekly, "W-SUN"), (Monthly, "ME")])
@pytest.mark.parametrize("symbol", ["whole", "late", "early", "pause"])
def test_equals_talib_on_pandas_resampling(bars: Bars, kind: Any, rule: str, symbol: str) -> None:
    inner = ATR(2)
    own = pd.DataFrame({name: getattr(bars, name)[symbol] for name in ("high", "low", "close")}).dropna()
    longer = own.resample(rule).agg({"high": "max", "low": "min", "close": "last"}).dropna().iloc[1:]
    true_range = pd.Series(talib.ATR(*(longer[name].to_numpy() for name in longer), timeperiod=2), longer.index)
    feature = kind(inner)
    result = feature(bars)[symbol][own.index]
    for k, day in enumerate(own.index):
        # a period is known with the first bar after it
        known = true_range[: day - pd.Timedelta(days=day.day_of_week + 1 if rule == "W-SUN" else day.day)]
        expected = NAN if k < feature.warmup else known.iloc[-1]
        np.testing.assert_allclose(result[day], expected, rtol=1e-12)


def test_opens_and_volumes_are_of_the_whole_week(bars: Bars) -> None:
    opens = Weekly(TALib("SMA", timeperiod=1, price="open"))(bars)["whole"]
    volumes = Weekly(TALib("SMA", timeperiod=1, price="volume"))(bars)["whole"]
    first = bars.open["whole"].resample("W-SUN").first().iloc[1:]
    total = bars.volume["whole"].resample("W-SUN").sum().iloc[1:]
    day = pd.Timestamp("2020-03-11")
    assert opens[day] == first["2020-03-08"]
    assert volumes[day] == pytest.approx(total["2020-03-08"])


def test_the_beginning_of_the_data_moves_nothing_after_the_warm_up(bars: Bars) -> None:
    feature = Weekly(Momentum(2))
    for start in (2, 3, 4, 5, 6):
        shorter = bars.between(bars.clock[start], bars.clock[-1])
        late = feature(shorter)["whole"].to_numpy()
        np.testing.assert_allclose(late[feature.warmup :], feature(bars)["whole"].to_numpy()[start + feature.warmup :])
        assert np.isnan(late[: feature.warmup]).all()


def test_tables_and_members_are_read_as_of_the_week(bars: Bars) -> None:
    released = pd.DataFrame({"x": [1.0, 2.0]}, index=pd.DatetimeIndex(["2020-01-01", "2020-02-12"]))  # a Wednesday
    known = bars.with_tables(Exogenous(released, name="news", lag="0d"))
    values = Weekly(Outside("news", "x"))(known)["whole"]
    assert values["2020-02-14"] == 1.0
    assert values["2020-02-17"] == 2.0
    ranked = Weekly(CrossSectionRank(Returns()))(bars)
    assert ranked.loc["2020-03-11"].dropna().sum() == pytest.approx(0.5 * ranked.loc["2020-03-11"].notna().sum())


def test_intraday_bars_have_weeks_of_utc_days() -> None:
    clock = pd.date_range("2024-01-01", periods=24 * 7 * 4, freq="h", tz="UTC")
    bars = Bars.from_close(pd.DataFrame({"A": np.arange(1.0, 673.0)}, index=clock), periods_per_year=8760)
    result = Weekly(close, most=168)(bars)["A"]
    assert result.iloc[:336].isna().all()
    assert set(result.iloc[336:504]) == {336.0}
    assert set(result.iloc[504:]) == {504.0}


def test_warm_up_name_and_spaces() -> None:
    assert Weekly(Momentum(14)).warmup == 80
    assert Monthly(Momentum(12, skip=1)).warmup == 322
    assert feature_name(Monthly(Momentum(12, skip=1))) == "Monthly(Momentum(12, 1))"
    assert [*find_spaces(Weekly(RSI(Choice(7, 14))))] == ["feature.window"]


def test_a_calendar_changes_only_when_a_week_is_known(bars: Bars) -> None:
    told = Weekly(RSI(3))(replace(bars, calendar="24/7"))
    plain = Weekly(RSI(3))(bars)
    pd.testing.assert_frame_equal(told, plain)  # where Saturday and Sunday may trade, no Friday completes a week


def test_a_week_with_more_bars_is_an_error() -> None:
    days = pd.date_range("2024-01-01", periods=30)
    bars = Bars.from_close(pd.DataFrame({"A": np.arange(1.0, 31.0)}, index=days), periods_per_year=365)
    with pytest.raises(FeatureError) as caught:
        build_features([Weekly(Returns())], bars)
    assert str(caught.value) == (
        "feature Weekly(Returns()): Weekly.most must be at least the bars of a week; got 5 (7 from 2024-01-01 on). "
        "Write Weekly(..., most=7)."
    )
    assert Weekly(Returns(), most=7)(bars)["A"].notna().sum() == 9


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Weekly("close"), "Weekly.feature must be a feature; got 'close'."),
        (
            lambda: Monthly(Returns),
            "Monthly.feature must be a feature, not a class; got 'Returns'. Write Returns(...).",
        ),
        (lambda: Weekly(Returns(), most=0), "Weekly.most must be at least 1; got 0."),
    ],
)
def test_what_cannot_be_declared(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == message
