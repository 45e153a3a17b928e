"""What policies do to bars, on numbers small enough to follow by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from quantml.bars import Bars
from quantml.canonical import canonical
from quantml.errors import DataError, ParameterError
from quantml.loaders import Sample, Synthetic
from quantml.loaders.quality import (
    DropBar,
    EarlyEnd,
    Finding,
    ForwardFill,
    HolidayBar,
    MissingSession,
    OwnBars,
    Quality,
    QuarantineSymbol,
    Raise,
    RepeatedBar,
    Rule,
    Spike,
    StaleRun,
    UnadjustedSplit,
    UnitFlip,
    ZeroVolume,
)

DAYS = pd.bdate_range("2024-01-02", periods=8)
NAN = float("nan")


def panel(*, idle: dict[str, list[int]] | None = None, **actions: Any) -> Bars:
    """Two symbols; a symbol has no volume on the days of `idle`, which `ZeroVolume` finds."""
    closes = {
        "A": [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0],
        "B": [20.0, 21.0, NAN, 23.0, 24.0, 25.0, 26.0, 27.0],
    }
    fields: dict[str, pd.DataFrame] = {}
    close = pd.DataFrame(closes, index=DAYS)
    for name, by in (("open", 0.99), ("high", 1.02), ("low", 0.98), ("close", 1.0)):
        fields[name] = close * by
    volume = (close * 0.0 + 1000.0).copy()
    for symbol, rows in (idle or {}).items():
        volume.iloc[rows, volume.columns.get_loc(symbol)] = 0.0
    # Thirty quiet sessions before, so that a few idle days are not the rule.
    fields["volume"] = volume
    whole = pd.concat(fields, axis=1)
    before = pd.bdate_range(end="2024-01-01", periods=60)
    base = pd.DataFrame(
        np.repeat(whole.iloc[[0]].to_numpy(), 60, axis=0) * np.linspace(0.5, 0.99, 60)[:, None], before, whole.columns
    )
    return Bars.from_frame(pd.concat([base, whole]), periods_per_year=252, **actions)


def last(values: Any) -> list[float]:
    return [float(value) for value in np.asarray(values)[-8:]]


def test_nothing_is_done_by_default() -> None:
    bars = panel(idle={"A": [3]})
    market = Quality().apply(bars)
    assert market.bars is bars
    assert market.feature_bars is bars
    assert market.done == ()


def test_raise_names_the_first_finding() -> None:
    with pytest.raises(DataError) as caught:
        Quality(Raise(ZeroVolume())).apply(panel(idle={"A": [3, 5]}))
    assert str(caught.value) == (
        "bars of A must have no zero volume; got 'No volume, although the price moved from 12 to 13.' (A, 2024-01-05)."
        " 2 such findings in all. Correct the source, or choose another policy for it."
    )
    bars = panel()
    assert Quality(Raise(ZeroVolume())).apply(bars).bars is bars


def test_dropped_bars_are_gone_for_all() -> None:
    market = Quality(DropBar(ZeroVolume())).apply(panel(idle={"A": [3], "B": [5, 6]}))
    assert_array_equal(last(market.bars.close["A"]), [10.0, 11.0, 12.0, NAN, 14.0, 15.0, 16.0, 17.0])
    assert_array_equal(last(market.bars.close["B"]), [20.0, 21.0, NAN, 23.0, 24.0, NAN, NAN, 27.0])
    assert np.isnan(market.bars.raw_array("volume")[-5, 0])
    assert market.feature_bars is market.bars
    assert [str(action) for action in market.done] == [
        "A, 2024-01-05: dropped 1 bar (zero volume). No volume, although the price moved from 12 to 13.",
        "B, 2024-01-09 to 2024-01-10: dropped 2 bars (zero volume). No volume for 2 sessions, although the price moved"
        " from 24 to 26.",
    ]
    assert market.actions["action"].tolist() == ["dropped 1 bar", "dropped 2 bars"]


def test_a_row_without_any_bar_leaves_the_clock() -> None:
    market = Quality(DropBar(ZeroVolume())).apply(panel(idle={"A": [2]}))
    assert DAYS[2] not in market.bars.clock
    assert len(market.bars) == 67


def test_splits_and_dividends_of_a_dropped_bar_move_on() -> None:
    # A dropped: 2 for 1 and 1.00 a new share; next: 3 for 1 and 0.10. Of one old share: 2.00 + 6 * 0.10 = 2.60, which is
    # 2.60 / 6 a share after both splits.
    splits, dividends = (pd.DataFrame({"A": [NAN] * 68}, index=panel().clock) for _ in range(2))
    splits.iloc[-5, 0], splits.iloc[-4, 0] = 2.0, 3.0
    dividends.iloc[-5, 0], dividends.iloc[-4, 0] = 1.0, 0.1
    bars = Quality(DropBar(ZeroVolume())).apply(panel(idle={"A": [3]}, splits=splits, dividends=dividends)).bars
    assert_allclose(last(bars.splits["A"])[3:5], [1.0, 6.0])
    assert_allclose(last(bars.dividends["A"])[3:5], [0.0, 2.6 / 6.0])


def test_quarantine_leaves_the_symbol_out() -> None:
    market = Quality(QuarantineSymbol(ZeroVolume())).apply(panel(idle={"A": [3]}))
    assert market.bars.symbols == ("B",)
    assert DAYS[2] not in market.bars.clock
    assert market.actions[["symbol", "action"]].to_numpy().tolist() == [["A", "left the symbol out"]]
    with pytest.raises(DataError, match="a quarantine must leave at least one symbol"):
        Quality(QuarantineSymbol(ZeroVolume())).apply(panel(idle={"A": [3], "B": [4]}))


def test_fills_are_for_features_alone_and_end_at_the_limit() -> None:
    bars = panel(idle={"B": [4, 5, 6]})
    market = Quality(ForwardFill(ZeroVolume(), limit=2)).apply(bars)
    assert market.bars is bars
    assert_array_equal(last(market.feature_bars.close["B"]), [20.0, 21.0, NAN, 23.0, 23.0, 23.0, NAN, 27.0])
    assert_array_equal(last(market.feature_bars.high["B"])[4:6], [23.0, 23.0])
    assert_array_equal(last(market.feature_bars.volume["B"])[4:6], [0.0, 0.0])
    assert [action.done for action in market.done] == ["filled 2 of 3 for features"]
    assert market.feature_bars.clock.equals(bars.clock)


def test_missing_sessions_are_filled_where_the_clock_has_them() -> None:
    days = pd.bdate_range("2024-01-02", periods=40)
    close = pd.DataFrame({name: np.arange(40.0) + 10.0 for name in "ABC"}, index=days)
    close.loc[days[20:23], "A"] = NAN
    market = Quality(ForwardFill(MissingSession(), limit=2)).apply(Bars.from_close(close))
    assert_array_equal(market.feature_bars.close["A"].iloc[19:24], [29.0, 29.0, 29.0, NAN, 33.0])
    assert np.isnan(market.bars.close["A"].iloc[20:23]).all()


def test_policies_act_in_order() -> None:
    quality = Quality([DropBar(ZeroVolume()), ForwardFill(ZeroVolume())])
    market = quality.apply(panel(idle={"A": [3]}))
    assert_array_equal(last(market.bars.close["A"])[2:5], [12.0, NAN, 14.0])
    assert_array_equal(last(market.feature_bars.close["A"])[2:5], [12.0, 12.0, 14.0])
    both = Quality([DropBar(ZeroVolume()), ForwardFill(ZeroVolume())]).apply(panel(idle={"A": [2]}))
    assert both.feature_bars.clock.equals(both.bars.clock)
    assert DAYS[2] not in both.bars.clock


@dataclass(frozen=True)
class OfB(Rule):
    """A rule of a user's own: the fifth of the days is wrong in B."""

    name: ClassVar[str] = "of B"

    def find(self, own: OwnBars) -> list[Finding]:
        row = int(own.exists[:, 1].sum()) - 4
        return [self.report(own, 1, row, row, "It is B's.")]


def test_a_fill_is_made_of_bars_that_were_not_dropped() -> None:
    market = Quality([DropBar(ZeroVolume()), ForwardFill(OfB())]).apply(panel(idle={"A": [5]}))
    assert last(market.feature_bars.close["B"])[3:6] == [23.0, 23.0, 25.0]
    assert last(market.bars.close["B"])[3:6] == [23.0, 24.0, 25.0]
    for bars in (market.bars, market.feature_bars):
        assert_array_equal(last(bars.close["A"])[4:7], [14.0, NAN, 16.0])


def test_symbols_that_stay_keep_their_calendar() -> None:
    # 2024-03-29 is a holiday in both; Easter Monday, 2024-04-01, in London alone; N misses 2024-04-02.
    days = pd.DatetimeIndex(["2024-03-27", "2024-03-28", "2024-04-01", "2024-04-02", "2024-04-03"])
    close = pd.DataFrame({"N": [1.0, 2.0, 3.0, NAN, 5.0], "L": [1.0, 2.0, NAN, 4.0, 5.0]}, index=days)
    bars = Bars.from_close(close, calendar={"N": "XNYS", "L": "XLON"}, currencies={"N": "USD", "L": "GBP"})
    kept = Quality(QuarantineSymbol(MissingSession())).apply(bars).bars
    assert (kept.symbols, kept.calendar, kept.currencies) == (("L",), {"L": "XLON"}, {"L": "GBP"})
    assert kept.clock.equals(days.drop("2024-04-01"))
    assert kept.closed.shape == (4, 1)


def test_closed_days_are_neither_filled_nor_counted() -> None:
    # 2023-06-19 is Juneteenth: New York is closed, while C trades every day. N misses the Friday before and the Tuesday.
    days = pd.date_range("2023-06-14", "2023-06-22")
    close = pd.DataFrame({"C": 1.0, "N": [10.0, 11.0, NAN, NAN, NAN, NAN, NAN, 15.0, 16.0]}, index=days)
    bars = Bars.from_close(close, calendar={"C": "24/7", "N": "XNYS"})
    market = Quality(ForwardFill(MissingSession(), limit=2)).apply(bars)
    filled = market.feature_bars.close["N"]
    assert_array_equal(filled, [10.0, 11.0, 11.0, NAN, NAN, NAN, 11.0, 15.0, 16.0])
    assert [action.done for action in market.done] == ["filled 2 of 2 for features"]
    assert_array_equal(market.feature_bars.closed, bars.closed)
    alone = Quality(ForwardFill(MissingSession(), limit=1)).apply(bars)
    assert [action.done for action in alone.done] == ["filled 1 of 2 for features"]


def test_a_bar_on_a_holiday_is_not_replaced_by_another() -> None:
    days = pd.date_range("2023-06-01", "2023-06-30")
    close = pd.DataFrame({"C": 1.0, "N": np.where(days.day_of_week < 5, 10.0 + days.day, NAN)}, index=days)
    bars = Bars.from_close(close, calendar={"C": "24/7", "N": "XNYS"})
    market = Quality(ForwardFill(HolidayBar())).apply(bars)
    assert (market.bars.close["N"]["2023-06-19"], len(market.done)) == (29.0, 1)
    assert np.isnan(market.feature_bars.close["N"]["2023-06-19"])


@pytest.mark.parametrize("policy", [DropBar(UnitFlip()), ForwardFill(UnitFlip())])
def test_a_unit_that_never_flips_back_is_left_with_a_sentence(policy: Any) -> None:
    pounds = 10.0 * np.exp(0.01 * np.sin(np.arange(80.0)))
    for_good, for_a_week = pounds.copy(), pounds.copy()
    for_good[40:] *= 100.0
    for_a_week[40:45] *= 100.0
    bars = Bars.from_close(
        pd.DataFrame({"A": for_good, "B": for_a_week, "C": pounds}, index=pd.bdate_range("2024-01-02", periods=80))
    )
    market = Quality(policy).apply(bars)
    assert_array_equal(market.bars.close["A"], for_good)
    assert_array_equal(market.feature_bars.close["A"], for_good)
    assert float(market.feature_bars.close["B"].max()) < 11.0
    done = {action.finding.symbol: action.done for action in market.done}
    assert done["A"] == "left all bars as they are, since nothing tells which side is right"
    assert "5" in done["B"]
    with pytest.raises(DataError, match="bars of A must have no unit flip"):
        Quality(Raise(UnitFlip())).apply(bars)


def test_what_last_bars_paid_is_lost_and_said_to_be() -> None:
    dividends = pd.DataFrame({"A": [NAN] * 68}, index=panel().clock)
    dividends.iloc[-5, 0], dividends.iloc[-1, 0] = 0.3, 0.5
    market = Quality(DropBar(ZeroVolume())).apply(panel(idle={"A": [3, 7]}, dividends=dividends))
    assert float(market.bars.dividend.sum()) == 0.3  # of the first, on the bar after it
    assert [action.done for action in market.done] == [
        "dropped 1 bar",
        "dropped 1 bar; a dividend on what was dropped is lost, since no bar of the symbol follows",
    ]


def test_what_a_study_declares_has_a_canonical_form() -> None:
    first, same = (Quality([Raise(Spike()), DropBar([StaleRun(), ZeroVolume()])]) for _ in range(2))
    other = Quality([Raise(Spike()), DropBar([StaleRun(sessions=6), ZeroVolume()])])
    assert first == same
    assert canonical(first) == canonical(same) != canonical(other)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: DropBar(MissingSession()),
            "DropBar.rules must hold rules that mark wrong bars; got MissingSession().",
        ),
        (lambda: DropBar(UnadjustedSplit()), "DropBar.rules must hold rules that mark wrong bars"),
        (lambda: ForwardFill(EarlyEnd()), "ForwardFill.rules must hold rules that mark wrong bars"),
        (lambda: ForwardFill(Spike(), limit=0), "ForwardFill.limit must be at least 1; got 0."),
        (lambda: Raise([]), "Raise.rules must hold at least one rule; got ()."),
        (lambda: Raise(Spike), "Raise.rules must be rules on bars, such as Spike(); got "),  # type: ignore[arg-type]
        (
            lambda: Quality([ForwardFill(Spike()), DropBar(ZeroVolume())]),
            "Quality.policies must drop bars before others are filled; got DropBar(",
        ),
        (lambda: Quality(Spike()), "Quality.policies must be policies, such as DropBar(Spike()); got Spike("),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_declaration_is_named(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value).startswith(message)


def test_a_symbol_cannot_lose_every_bar() -> None:
    frame = Synthetic(symbols=2, sessions=40).load().to_frame()
    frame[("volume", "S1")] = 0.0
    bars = Bars.from_frame(frame)
    with pytest.raises(DataError, match=r"dropped bars must leave a symbol at least one bar; got 'none' \(S1\)"):
        Quality(DropBar(ZeroVolume())).apply(bars)


def test_the_known_defect_of_a_sample_can_be_dropped() -> None:
    bars = Sample("stocks").load()
    market = Quality(DropBar(RepeatedBar())).apply(bars)
    assert int((~market.bars.traded & bars.traded).sum()) == 1
    assert np.isnan(market.bars.close.loc["2003-01-29", "AAPL"])
    assert_allclose(market.bars.close["AAPL"].iloc[-1], bars.close["AAPL"].iloc[-1])
