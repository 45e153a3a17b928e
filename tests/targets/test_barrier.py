"""The triple barrier, worked by hand, and the events of a published example."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import DataError, ParameterError
from quantml.targets import TripleBarrier
from quantml.timing import Fill
from quantml.universe import Membership
from tests.targets.panels import NAN, NO, assert_columns


def flat(closes: list[float], **index: Any) -> Bars:
    """Bars whose open, high and low are their close."""
    days = index.get("clock", pd.bdate_range("2024-01-01", periods=len(closes)))
    prices = pd.DataFrame({"A": closes}, days, dtype=float)
    fields = dict.fromkeys(("open", "high", "low", "close"), prices)
    return Bars.from_frame(pd.concat(fields, axis=1), periods_per_year=252)


def quoted(**fields: list[float]) -> Bars:
    """Bars of A from lists by field."""
    days = pd.bdate_range("2024-01-01", periods=len(fields["close"]))
    columns = {name: pd.DataFrame({"A": values}, days, dtype=float) for name, values in fields.items()}
    return Bars.from_frame(pd.concat(columns, axis=1), periods_per_year=252)


def fixed(horizon: int, start: str = "close", *, up: float | None = 0.02, down: float | None = 0.02) -> TripleBarrier:
    return TripleBarrier(horizon, start, take_profit=up, stop_loss=down, window=None)


@pytest.mark.parametrize(
    ("closes", "rule", "label", "end"),
    [
        ([100, 101, 103, 99], fixed(3), 1, 2),  # first to the upper barrier at 102
        ([100, 99, 97.9, 105], fixed(3), -1, 2),  # first to the lower one at 98
        ([100, 100.5, 101, 100.9, 110], fixed(3), 0, 3),  # neither in three bars
        ([100, 90, 80, 103], fixed(3, down=None), 1, 3),  # no lower barrier
        ([100, 110, 120, 97], fixed(3, up=None), -1, 3),  # no upper barrier
        ([100, 103, 104.1], fixed(2, up=0.04, down=0.04), 1, 2),
        ([100, 102, 100], fixed(2), 1, 1),  # reaching it is touching it
        ([100, 98, 100], fixed(2), -1, 1),
        ([100, 101], fixed(1), 0, 1),
    ],
)
def test_paths_that_are_evident_by_inspection(closes: list[float], rule: TripleBarrier, label: int, end: int) -> None:
    # Lopez de Prado (2018), section 3.4: the first barrier touched names the label
    built = rule.build(flat(closes), Fill.NEXT_CLOSE)
    assert (built.values[0, 0], built.label_end[0, 0]) == (label, end)
    assert (built.kind, built.horizon, built.start) == ("class", rule.horizon, "close")
    assert built.name == f"triple_barrier_{rule.horizon}"


QUOTED = quoted(
    open=[100, 100, 104, 100, 101, 101],
    high=[100, 101, 104, 105, 102, 101],
    low=[100, 98, 100, 97, 100, 101],
    close=[100, 100, 101, 101, 101, 101],
)


def test_highs_and_lows_touch_and_a_bar_that_touches_both_is_a_loss() -> None:
    # From 100, 100, 101, 101, 101: barriers at 97 and 103, 97 and 103, then 97.97 and 104.03.
    # Row 2 has a high of 104; row 3 reaches from 97 to 105, and from row 2's close touches both.
    built = fixed(2, up=0.03, down=0.03).build(QUOTED, Fill.NEXT_OPEN)
    assert_columns(built, 0, [1, 1, -1, 0, NAN, NAN], [2, 2, 3, 5, NO, NO])


def test_the_bar_of_a_fill_at_the_open_can_touch() -> None:
    # Row 0 enters at the open of row 1, 100, whose low is 98; row 1 at that of row 2, 104, which falls to 100;
    # row 2 at 100 on row 3, which touches both; row 3 at 101 on row 4 and times out on row 5; row 4 has one bar only.
    built = fixed(2, "fill").build(QUOTED, Fill.NEXT_OPEN)
    assert_columns(built, 0, [-1, -1, -1, 0, NAN, NAN], [1, 2, 3, 5, NO, NO])


def test_the_bar_of_a_fill_at_the_close_cannot_touch() -> None:
    # Row 0 enters at the close of row 1, 100, and touches 102 on row 2; row 1 at 101, and row 3 touches 98.98 and
    # 103.02; row 2 at the close of row 3, 101, stays inside 98.98 and 103.02 until row 5
    built = fixed(2, "fill").build(QUOTED, Fill.NEXT_CLOSE)
    assert_columns(built, 0, [1, -1, 0, NAN, NAN, NAN], [2, 3, 5, NO, NO, NO])
    # from the close of row 0, 100, the low of row 1 is at the barrier
    assert_columns(fixed(2, "fill").build(QUOTED, Fill.PERIOD), 0, [-1, 1, -1, 0, NAN, NAN], [1, 2, 3, 5, NO, NO])


def test_a_touch_is_known_before_the_time_out() -> None:
    built = fixed(50).build(flat([100, 101, 103, 103]), Fill.NEXT_CLOSE)
    assert_columns(built, 0, [1, NAN, NAN, NAN], [2, NO, NO, NO])


def test_barriers_in_multiples_of_the_volatility_known_at_the_decision() -> None:
    # Returns 0.1 and -0.1 have a standard deviation of 0.1 x sqrt(2), 14.14 %: from 99, half of it is 92.0 to 106.0.
    # From 105 (returns -0.1 and 0.0606, deviation 0.1136) it is 99.04 to 110.96, which 112 exceeds.
    rule = TripleBarrier(2, "close", take_profit=0.5, stop_loss=0.5, window=2)
    built = rule.build(flat([100, 110, 99, 105, 112]), Fill.NEXT_CLOSE)
    assert_columns(built, 0, [NAN, NAN, 1, 1, NAN], [NO, NO, 4, 4, NO])


def test_prices_that_stand_still_have_no_unit() -> None:
    rule = TripleBarrier(1, "close", take_profit=1.0, stop_loss=1.0, window=2)
    assert np.isnan(rule.build(flat([100, 100, 100, 100, 100]), Fill.NEXT_CLOSE).values).all()


@pytest.mark.parametrize(("returned", "label"), [(-0.5, -1), (0.0, 0), (0.5, 1)])
def test_what_holders_of_a_delisted_symbol_are_paid_can_touch(returned: float, label: int) -> None:
    clock = pd.bdate_range("2024-01-01", periods=5)
    prices = pd.DataFrame({"A": [100.0, 100, 100, NAN, NAN], "B": 100.0}, clock)
    fields = dict.fromkeys(("open", "high", "low", "close"), prices)
    spells = pd.DataFrame({"symbol": ["A", "B"], "start": clock[0], "end": pd.NaT})
    gone = pd.DataFrame({"symbol": ["A"], "date": [clock[4]], "delisting_return": [returned]})
    bars = Bars.from_frame(pd.concat(fields, axis=1), periods_per_year=252)
    bars = bars.with_membership(Membership(spells, delistings=gone))
    assert_columns(fixed(3).build(bars, Fill.NEXT_OPEN), 0, [label, label, label, NAN, NAN], [4, 4, 4, NO, NO])
    # what is paid is earned, however far beyond the barrier
    earned = fixed(3).earned(bars, Fill.NEXT_OPEN, np.ones((5, 2)))
    np.testing.assert_allclose(earned.returns[:, 0], [returned, returned, returned, NAN, NAN])
    # the decision on the last bar is never filled
    assert_columns(fixed(3, "fill").build(bars, Fill.NEXT_OPEN), 0, [label, label, NAN, NAN, NAN], [4, 4, NO, NO, NO])


def test_what_a_side_earns() -> None:
    # From 100, a long with barriers 4 % up and 2 % down: 98 stops it. A short takes 4 % at 96 and stops at 102.
    bars = flat([100, 99, 98, 96, 103])
    rule = fixed(3, up=0.04, down=0.02)
    long, short = (rule.earned(bars, Fill.NEXT_CLOSE, np.full((5, 1), side)) for side in (1.0, -1.0))
    assert (round(long.returns[0, 0], 12), long.label_end[0, 0]) == (-0.02, 2)
    assert (round(short.returns[0, 0], 12), short.label_end[0, 0], short.opened[0, 0]) == (0.04, 3, 0)
    # from 99 after two bars: the close of 96 is 3.03 % away, inside 95.04 to 100.98 for a short
    timed_out = fixed(2, up=0.04, down=0.02).earned(bars, Fill.NEXT_CLOSE, np.full((5, 1), -1.0))
    assert timed_out.returns[1, 0] == pytest.approx(3 / 99, rel=1e-12)
    assert (timed_out.label_end[1, 0], timed_out.opened[1, 0]) == (3, 1)


def test_a_bar_that_touches_both_stops_a_short_too() -> None:
    bars = quoted(open=[100, 100], high=[100, 105], low=[100, 95], close=[100, 100])
    short = fixed(1, up=0.04, down=0.03).earned(bars, Fill.NEXT_CLOSE, np.full((2, 1), -1.0))
    assert short.returns[0, 0] == pytest.approx(-0.03, rel=1e-12)


@pytest.mark.parametrize(
    ("opened", "label", "short"),
    [(104, 1, -0.03), (103, 1, -0.03), (96, -1, 0.03), (97, -1, 0.03), (100, -1, -0.03)],
)
def test_a_bar_that_opens_beyond_a_barrier_touched_it_before_the_other(opened: float, label: int, short: float) -> None:
    # From 100 to 97 and 103. The bar reaches from 95 to 105: what it opened beyond came first, otherwise the stop
    bars = quoted(open=[100, opened], high=[100, 105], low=[100, 95], close=[100, 100])
    rule = fixed(1, up=0.03, down=0.03)
    assert_columns(rule.build(bars, Fill.NEXT_CLOSE), 0, [label, NAN], [1, NO])
    earned = rule.earned(bars, Fill.NEXT_CLOSE, np.full((2, 1), -1.0))
    assert earned.returns[0, 0] == pytest.approx(short, rel=1e-12)


def test_the_events_of_a_published_example(reference_dir: Path) -> None:
    """Labels and first touches of mlfinpy (snippets 3.2 to 3.7 of the book) on 1000 dollar bars, by closes."""
    cases = {
        case["id"]: case for case in json.loads((reference_dir / "labels_triple_barrier.json").read_text())["cases"]
    }
    table = pd.read_csv(reference_dir / cases["tb_labels"]["inputs"]["csv"], index_col="date_time", parse_dates=True)
    clock = table.index.as_unit("us").tz_localize("UTC")
    bars = flat(table["close"].tolist(), clock=clock)
    events, labels = cases["tb_events_t1"]["expected"], cases["tb_labels"]["expected"]
    endless = cases["tb_no_vertical"]["expected"]
    for event, label, free in zip(events, labels, endless, strict=True):
        begun, touched, far = (clock.get_loc(pd.Timestamp(t, tz="UTC")) for t in (event["t0"], event["t1"], free["t1"]))
        vertical = int(clock.searchsorted(clock[begun] + pd.Timedelta(days=1))) - begun
        width = event["target"]
        built = fixed(vertical, up=width, down=width).build(bars, Fill.NEXT_CLOSE)
        assert (built.values[begun, 0], built.label_end[begun, 0]) == (label["bin"], touched)
        built = fixed(900, up=width, down=width).build(bars, Fill.NEXT_CLOSE)
        assert (built.values[begun, 0], built.label_end[begun, 0]) == (free["bin"], far)


def test_highs_and_lows_are_needed() -> None:
    bars = Bars.from_close(pd.DataFrame({"A": [1.0, 2.0]}, pd.bdate_range("2024-01-01", periods=2)))
    with pytest.raises(DataError, match=r"bars must have the field 'high'; got 'close'\."):
        fixed(1).build(bars, Fill.NEXT_CLOSE)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"take_profit": 0.0}, "TripleBarrier.take_profit must be a finite number above 0; got 0.0."),
        ({"stop_loss": -1}, "TripleBarrier.stop_loss must be a finite number above 0; got -1."),
        ({"stop_loss": np.inf}, "TripleBarrier.stop_loss must be a finite number above 0; got inf."),
        ({"take_profit": True}, "TripleBarrier.take_profit must be a finite number above 0; got True."),
        ({"take_profit": None, "stop_loss": None}, "TripleBarrier must have a take_profit or a stop_loss; got 'neither'."),
        ({"window": 1}, "TripleBarrier.window must be a whole number of returns, at least 2; got 1."),
        ({"horizon": 0}, "TripleBarrier.horizon must be a whole number of bars, at least 1; got 0."),
    ],
)  # fmt: skip
def test_parameters_out_of_range(given: dict[str, Any], text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        TripleBarrier(**given)
    assert str(caught.value) == text
