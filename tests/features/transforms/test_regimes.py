"""Regimes against hmmlearn, called by itself, and against the truth of a world with two of them."""

from __future__ import annotations

import logging
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import FeatureError, MissingExtra, ParameterError
from quantml.features.transforms import HiddenMarkovRegimes
from tests.features.transforms.worlds import OPENS, make_world, to_forecast, training

WORLD = make_world()


def returns_of(bars: Bars, symbol: str) -> Any:
    close = bars.close[symbol].dropna()
    return close.pct_change().iloc[1:].to_numpy(), bars.clock.get_indexer(close.index)[1:]


def model_of(parameters: Any) -> Any:
    """hmmlearn's model with the fitted parameters."""
    model = pytest.importorskip("hmmlearn.hmm").GaussianHMM(parameters.shape[1])
    model.means_, model.covars_ = parameters[0][:, None], parameters[1][:, None]
    model.startprob_, model.transmat_ = parameters[2], parameters[3:]
    return model


@pytest.mark.parametrize("states", [2, 3])
def test_probabilities_are_hmmlearns_at_the_end_of_what_had_been_seen(states: int) -> None:
    pytest.importorskip("hmmlearn")
    fitted = HiddenMarkovRegimes(states).fit(WORLD.train())
    test = WORLD.test()
    given = fitted.transform(test)
    model = model_of(fitted.parameters[1])
    returns, place = returns_of(WORLD.bars, "B")
    for row in (OPENS, OPENS + 1, 199, 201, 230, 259):
        seen = model.predict_proba(returns[: np.searchsorted(place, row) + 1, None])[-1]
        mine = given.x[(given.time == row) & (given.symbol == 1), -states:][0]
        np.testing.assert_allclose(mine, seen, rtol=1e-8, atol=1e-12)
    smoothed = model.predict_proba(returns[:, None])[np.searchsorted(place, 200) - 5]
    row = int(place[np.searchsorted(place, 200) - 5])
    assert np.abs(given.x[(given.time == row) & (given.symbol == 1), -states:][0] - smoothed).max() > 1e-6


def test_parameters_are_hmmlearns_maximum() -> None:
    """Started elsewhere, hmmlearn finds the same parameters from the training returns alone."""
    hmm = pytest.importorskip("hmmlearn.hmm")
    parameters = HiddenMarkovRegimes(2).fit(WORLD.train()).parameters[0]
    returns = returns_of(WORLD.bars.until(WORLD.bars.clock[OPENS]), "A")[0]
    z = (returns - returns.mean()) / returns.std()
    model = hmm.GaussianHMM(2, n_iter=2000, tol=1e-8, init_params="")
    model.startprob_, model.transmat_ = [0.5, 0.5], [[0.8, 0.2], [0.3, 0.7]]
    model.means_, model.covars_ = [[0.1], [-0.1]], [[0.2], [3.0]]
    model.fit(z[:, None])
    np.testing.assert_allclose(parameters[0], returns.mean() + returns.std() * model.means_[:, 0], atol=1e-4)
    np.testing.assert_allclose(parameters[1], returns.var() * model.covars_[:, 0, 0], rtol=1e-2)
    np.testing.assert_allclose(parameters[3:], model.transmat_, atol=2e-3)


def planted(rows: int = 3000, seed: int = 1) -> tuple[Bars, Any]:
    """Returns of deviation 0.5 % and 2 %, in states that last 50 bars on average; also the states."""
    rng = np.random.default_rng(seed)
    state = np.cumsum(rng.random(rows) < 0.02) % 2
    returns = rng.standard_normal(rows) * np.where(state == 1, 0.02, 0.005)
    days = pd.bdate_range("2010-01-01", periods=rows)
    return Bars.from_close(pd.DataFrame({"A": 100.0 * np.cumprod(1.0 + returns)}, days), periods_per_year=252), state


def test_the_planted_regimes_are_found_and_the_calmest_comes_first() -> None:
    pytest.importorskip("hmmlearn")
    bars, state = planted()
    train = training(np.zeros((2001, 1)), bars=bars.until(bars.clock[2000]))
    fitted = HiddenMarkovRegimes(2).fit(train)
    parameters = fitted.parameters[0]
    np.testing.assert_allclose(np.sqrt(parameters[1]), [0.005, 0.02], rtol=0.05)
    np.testing.assert_allclose(np.diag(parameters[3:]), [0.98, 0.98], atol=0.01)
    given = fitted.transform(training(np.zeros((3000, 1)), bars=bars))
    assert given.names == ("f0", "HiddenMarkovRegimes(2) state 1", "HiddenMarkovRegimes(2) state 2")
    assert np.isnan(given.x[0, 1])
    np.testing.assert_allclose(given.x[1:, 1] + given.x[1:, 2], 1.0, rtol=1e-12)
    assert ((given.x[2001:, 2] > 0.5) == (state[2001:] == 1)).mean() > 0.9


def test_nothing_after_the_training_window_or_in_its_embargo_moves_the_parameters() -> None:
    pytest.importorskip("hmmlearn")
    bars, _ = planted(400)
    moved = bars.close.copy()
    moved.iloc[296:] *= np.exp(np.random.default_rng(0).normal(0.0, 0.1, (104, 1)))
    first, second = (
        HiddenMarkovRegimes(2)
        .fit(training(np.zeros((300, 1)), bars=part.until(part.clock[300]), embargo=5))
        .parameters[0]
        for part in (bars, Bars.from_close(moved, periods_per_year=252))
    )
    np.testing.assert_array_equal(first, second)


def test_a_symbol_with_few_returns_is_logged_and_nan(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("hmmlearn")
    bars, _ = planted(200)
    both = bars.close.assign(young=bars.close["A"].where(np.arange(200) > 180))
    both["flat"] = 5.0
    train = training(np.zeros((200, 1)), bars=Bars.from_close(both, periods_per_year=252))
    with caplog.at_level(logging.WARNING, "quantml"):
        fitted = HiddenMarkovRegimes(2).fit(train)
    assert list(fitted.parameters) == [0]
    assert [record.getMessage().partition(" (")[0] for record in caplog.records] == [
        "HiddenMarkovRegimes() is NaN for young: 18 returns, fewer than 50",
        "HiddenMarkovRegimes() is NaN for flat: constant returns",
    ]
    rows = to_forecast(train, [[1.0], [1.0]], time=[199, 199], symbol=[0, 1])
    assert np.isnan(fitted.transform(rows).x[:, 1]).tolist() == [False, True]


def test_too_short_a_history_is_refused() -> None:
    bars, _ = planted(40)
    with pytest.raises(
        FeatureError, match=r"HiddenMarkovRegimes\(\) must have 50 returns of a symbol that vary; got 39"
    ):
        HiddenMarkovRegimes(2).fit(training(np.zeros((40, 1)), bars=bars))


def test_without_hmmlearn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hmmlearn.hmm", None)
    with pytest.raises(
        MissingExtra, match=r"hmmlearn is not installed. Install it with: pip install 'quantml\[regimes\]'"
    ):
        HiddenMarkovRegimes(2).fit(WORLD.train())


def test_one_state_is_no_regime() -> None:
    with pytest.raises(ParameterError, match="HiddenMarkovRegimes.states must be at least 2; got 1"):
        HiddenMarkovRegimes(1)
