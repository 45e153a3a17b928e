"""Pairs: chosen, hedged and traded."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest

import quantml as qm
from quantml.bars import Bars
from quantml.errors import ParameterError, SignalError
from quantml.forecasters.base import Question, Train
from quantml.signals import CointegratedPairs, Context, KalmanHedge, OlsHedge, PairSpread, apply_steps
from quantml.signals.hedges import FittedOls, Line
from quantml.signals.pairs import FittedPair, FittedPairs, _p_value
from quantml.timing import Fill
from quantml.universe import Membership

NAN = float("nan")


def trained(bars: Bars, stop: int, start: int = 0, embargo: int = 0) -> Train:
    """Make the training rows of a fold that is tested from row `stop`."""
    rows, whole = np.zeros(0), np.zeros(0, dtype=np.int64)
    question = Question("return", 1, "fill", Fill.NEXT_CLOSE, 252.0)
    return Train(x=rows.reshape(0, 0), y=rows, label_end=whole, time=whole, symbol=whole, weight=None, names=(),
                 bars=bars.until(bars.clock[stop]), question=question, seed=np.random.SeedSequence(0), start=start,
                 embargo=embargo)  # fmt: skip


def walks(seed: int = 5, rows: int = 300) -> pd.DataFrame:
    """Draw A and B that keep together, C that does not, and D that is A's price twice over."""
    generator = np.random.default_rng(seed)
    a, c = (np.cumsum(0.01 * generator.standard_normal(rows)) for _ in range(2))
    gap = np.zeros(rows)
    for row in range(1, rows):
        gap[row] = 0.8 * gap[row - 1] + 0.01 * generator.standard_normal()
    columns = {"A": a, "B": 0.5 + 0.7 * a + gap, "C": c, "D": a + np.log(2)}
    return 100 * np.exp(pd.DataFrame(columns, pd.bdate_range("2022-01-03", periods=rows)))


def of(closes: pd.DataFrame) -> Bars:
    return Bars.from_close(closes, periods_per_year=252)


@pytest.fixture
def bars() -> Bars:
    return of(walks()[["A", "B", "C"]])


LEVEL = FittedOls(Line(0.0, 0.0, 0.5, 0.01, 1.0))
"""The spread is ten times log y less half of log x."""


def test_a_spread_is_traded_by_hand(panel: Any) -> None:
    # log y is 0.1 times the level; x stands still at 1
    levels = [0.0, 2.5, 1.0, 0.4, -2.5, -1.0, 0.0, 2.5]
    bars = panel(Y=list(np.exp(np.array(levels) / 10)), X=[1.0] * 8)
    step = FittedPairs((FittedPair(0, 1, LEVEL),), start=0, count=1, enter=2.0, leave=0.5, stop=np.inf)
    sold, bought = [-2 / 3, 1 / 3], [2 / 3, -1 / 3]
    expected = [[0, 0], sold, sold, [0, 0], bought, bought, [0, 0], sold]
    np.testing.assert_allclose(apply_steps([step], Context(bars)).values, expected, rtol=1e-12)
    later = FittedPairs(step.pairs, start=2, count=4, enter=2.0, leave=0.5, stop=2.4)
    np.testing.assert_array_equal(apply_steps([later], Context(bars)).values, np.zeros((8, 2)))
    half = FittedPairs(step.pairs, start=2, count=2, enter=2.0, leave=0.5, stop=np.inf)
    np.testing.assert_allclose(apply_steps([half], Context(bars)).values[2:], np.array([[0, 0], *expected[3:]]) / 2)


def test_a_pause_and_a_departure_end_a_position(panel: Any) -> None:
    up = float(np.exp(0.25))
    bars = panel(Y=[up, up, up, float(np.exp(0.1)), up, up], X=[1, 1, NAN, 1, 1, 1])
    step = FittedPairs((FittedPair(0, 1, LEVEL),), start=0, count=1, enter=2.0, leave=0.5, stop=np.inf)
    assert apply_steps([step], Context(bars)).values[:, 0].round(6).tolist() == [
        -0.666667, -0.666667, 0.0, 0.0, -0.666667, -0.666667
    ]  # fmt: skip
    spells = [("Y", bars.clock[0], pd.NaT), ("X", bars.clock[0], bars.clock[5])]
    gone = bars.with_membership(Membership(pd.DataFrame(spells, columns=["symbol", "start", "end"])))
    assert not apply_steps([step], Context(gone)).values[5].any()


def test_a_position_is_kept_while_an_exchange_is_closed() -> None:
    # Martin Luther King Day, 2024-01-15, in New York
    days = pd.DatetimeIndex(["2024-01-11", "2024-01-12", "2024-01-15", "2024-01-16"])
    closes = pd.DataFrame({"Y": np.exp([0.25, 0.1, 0.0, 0.1]), "X": [1.0, 1.0, NAN, 1.0]}, days)
    bars = Bars.from_close(closes, calendar={"Y": "XLON", "X": "XNYS"})
    step = FittedPairs((FittedPair(0, 1, LEVEL),), start=0, count=1, enter=2.0, leave=0.5, stop=np.inf)
    np.testing.assert_allclose(apply_steps([step], Context(bars)).values, [[-2 / 3, 1 / 3]] * 4, rtol=1e-12)


@pytest.mark.parametrize("hedge", [OlsHedge(), KalmanHedge()])
def test_the_pair_that_keeps_together_is_chosen(bars: Bars, hedge: Any) -> None:
    fitted = CointegratedPairs(hedge=hedge).fit(trained(bars, 200))
    assert [{pair.y, pair.x} for pair in fitted.pairs] == [{0, 1}]
    made = apply_steps([fitted], Context(bars)).values
    assert set(np.abs(made).sum(axis=1).round(12)) == {0.0, 0.2}  # one of five
    assert not made[:, 2].any()


def test_p_values_are_those_of_the_augmented_test_on_residuals(bars: Bars) -> None:
    # MacKinnon (2010), table 2: the 5 % value of two series with a constant is -3.33613 - 6.1101 / T - 6.823 / T^2
    y, x = (np.log(bars.array("close")[:200, column]) for column in (1, 0))
    beta = np.polyfit(x, y, 1)
    residual = y - np.polyval(beta, x)
    change, before = np.diff(residual), residual[:-1]
    columns = np.column_stack([before[1:], change[:-1]])
    found, rest = np.linalg.lstsq(columns, change[1:])[:2]
    deviation = np.sqrt(rest[0] / (len(columns) - 2) * np.linalg.inv(columns.T @ columns)[0, 0])
    assert found[0] / deviation < -3.33613 - 6.1101 / 199 - 6.823 / 199**2
    assert _p_value(y, x, 1) < 0.05
    alone = np.log(bars.array("close")[:200, 2])
    assert _p_value(alone, x, 1) > 0.05
    assert _p_value(y, x, 1) < _p_value(x, y, 1)
    chosen = CointegratedPairs(p_value=1.0, count=9).fit(trained(bars, 199)).pairs
    assert (chosen[0].y, chosen[0].x) == (1, 0)  # the way round with the lower p-value


def test_only_training_rows_choose(bars: Bars) -> None:
    changed = walks()[["A", "B", "C"]]
    changed.iloc[201:] *= np.linspace(1, 3, 99)[:, None] ** [1, 2, 3]
    for rule in (CointegratedPairs(), CointegratedPairs(hedge=KalmanHedge()), PairSpread("A", "B")):
        assert rule.fit(trained(of(changed), 200)) == rule.fit(trained(bars, 200))
        assert rule.fit(trained(bars, 200, embargo=30)) != rule.fit(trained(bars, 200))
        assert rule.fit(trained(bars, 200, start=50)) != rule.fit(trained(bars, 200))
        assert rule.fit(trained(bars, 230, embargo=30)).pairs == rule.fit(trained(bars, 200)).pairs


@pytest.mark.parametrize("hedge", [OlsHedge(), KalmanHedge()])
def test_the_future_changes_no_weight(bars: Bars, hedge: Any) -> None:
    fitted = PairSpread("B", "A", enter=1.0, hedge=hedge).fit(trained(bars, 150))
    changed = walks()[["A", "B", "C"]]
    changed.iloc[221:] *= 1.5
    whole, other = (apply_steps([fitted], Context(part)).values for part in (bars, of(changed)))
    assert whole[150:221].any()
    assert whole[:221].tobytes() == other[:221].tobytes()
    cut = apply_steps([fitted], Context(bars.until(bars.clock[220]))).values
    np.testing.assert_allclose(cut, whole[:221], rtol=1e-10, atol=0)


def test_a_fold_without_a_pair_is_flat_and_says_so(bars: Bars, caplog: pytest.LogCaptureFixture) -> None:
    few = trained(bars, 40)  # too few rows for any test
    with caplog.at_level(logging.WARNING, "quantml"):
        for rule in (CointegratedPairs(), PairSpread("A", "B")):
            assert not apply_steps([rule.fit(few)], Context(bars)).values.any()
    assert caplog.messages == [
        "CointegratedPairs finds no pair among 0 at a p-value of 0.05 in 2022-01-03 to 2022-02-28 and decides flat.",
        "PairSpread finds no positive hedge ratio of A to B in 2022-01-03 to 2022-02-28 and decides flat.",
    ]


def test_a_negative_ratio_is_no_hedge(caplog: pytest.LogCaptureFixture) -> None:
    closes = walks()[["A", "B"]]
    closes["B"] = 1e4 / closes["B"]
    with caplog.at_level(logging.WARNING, "quantml"):
        assert PairSpread("B", "A").fit(trained(of(closes), 200)).pairs == ()
        assert CointegratedPairs().fit(trained(of(closes), 200)).pairs == ()
    assert len(caplog.messages) == 2


def test_symbols_that_are_one_are_no_pair() -> None:
    fitted = CointegratedPairs(p_value=1.0, count=9).fit(trained(of(walks()[["A", "D"]]), 200))
    assert fitted.pairs == ()


def test_a_symbol_that_stands_still_is_no_pair_and_no_error() -> None:
    halted = walks()[["A", "B"]].assign(E=5.0)
    fitted = CointegratedPairs(p_value=1.0, count=9).fit(trained(of(halted), 200))
    assert [{pair.y, pair.x} for pair in fitted.pairs] == [{0, 1}]


def test_pairs_with_too_few_bars_for_the_lags_are_not_tested(bars: Bars, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "quantml"):
        assert CointegratedPairs(lags=99, p_value=1.0).fit(trained(bars, 200)).pairs == ()
    assert "finds no pair among 0 at" in caplog.text
    assert CointegratedPairs(lags=98, p_value=1.0).fit(trained(bars, 200)).pairs  # 201 rows


def test_only_members_that_trade_are_chosen(bars: Bars) -> None:
    closes = walks()[["A", "B", "C"]]
    closes.loc[closes.index[150:], "B"] = NAN
    assert CointegratedPairs().fit(trained(of(closes), 200)).pairs == ()
    spells = [("A", bars.clock[0], pd.NaT), ("C", bars.clock[0], pd.NaT)]
    without = bars.with_membership(Membership(pd.DataFrame(spells, columns=["symbol", "start", "end"])))
    assert CointegratedPairs().fit(trained(without, 200)).pairs == ()


def test_a_rule_decides_only_once_fitted(bars: Bars) -> None:
    with pytest.raises(SignalError) as caught:
        apply_steps([CointegratedPairs()], Context(bars))
    assert str(caught.value) == "CointegratedPairs must be fitted before it decides. A study fits it in each fold."
    with pytest.raises(SignalError, match="PairSpread must name symbols of the bars; got 'AA'"):
        PairSpread("A", "AA").fit(trained(bars, 200))


def test_in_a_study_every_fold_has_its_own_pairs() -> None:
    study = qm.Study(
        data=of(walks(rows=500)),
        signal=CointegratedPairs(hedge=KalmanHedge(), enter=1.5),
        costs=qm.Costs(spread_bps=2),
        fill=Fill.NEXT_CLOSE,
        validation=qm.WalkForward(train=200, test=100),
    )
    run = qm.run(study)
    assert run.leaks == ()
    weights = run.weights.pivot(index="time", columns="symbol", values="weight")
    assert (weights[["A", "B"]] != 0.0).any(axis=None)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: PairSpread("A", "A"), "PairSpread.x must be another symbol than y, 'A'; got 'A'."),
        (lambda: PairSpread("A", "B", leave=2.0), "PairSpread.leave must be at least 0 and below enter, 2.0; got 2.0."),
        (lambda: PairSpread("A", "B", stop=1.0), "PairSpread.stop must be above enter, 2.0; got 1.0."),
        (lambda: CointegratedPairs(0), "CointegratedPairs.count must be a whole number of at least 1; got 0."),
        (lambda: CointegratedPairs(p_value=0), "CointegratedPairs.p_value must be above 0 and at most 1; got 0."),
        (lambda: CointegratedPairs(hedge=1),  # type: ignore[arg-type]
         "CointegratedPairs.hedge must be a hedge, such as OlsHedge(); got 1."),
    ],
)  # fmt: skip
def test_parameters_out_of_range(make: Any, text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == text
