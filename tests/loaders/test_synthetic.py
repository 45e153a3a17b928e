from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import ParameterError
from quantml.loaders import Synthetic
from quantml.timing import Fill

FIELDS = ("open", "high", "low", "close", "volume")
YEAR = 252.0


def last_and_filled(bars: Bars, fill: Fill) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each bar's own return, and what a decision at its close earns from fill to fill."""
    close, paid = bars.array("close"), bars.array(fill.field)
    last = close[1:] / close[:-1] - 1.0
    begin = fill.delay
    earned = paid[begin + 1 :] / paid[begin : len(paid) - 1] - 1.0
    return last[: len(earned) - 1], earned[1:]


def sharpe_ratio(earned: NDArray[np.float64]) -> float:
    return float(earned.mean() / earned.std(ddof=1) * np.sqrt(YEAR))


@pytest.mark.parametrize("fill", list(Fill))
@pytest.mark.parametrize("sharpe", [0.0, 1.0, 3.0])
def test_the_edge_is_as_strong_as_declared(sharpe: float, fill: Fill) -> None:
    world = Synthetic(symbols=20, sessions=10_000, sharpe=sharpe, fill=fill, seed=5)
    last, earned = last_and_filled(world.load(), fill)
    # The error of a Sharpe ratio is close to sqrt(periods per year / periods) here.
    error = np.sqrt(YEAR / last.size)
    assert abs(sharpe_ratio((last * earned).ravel()) - sharpe) < 3.0 * error
    assert abs(sharpe_ratio((np.sign(last) * earned).ravel()) - world.sign_sharpe) < 3.0 * error


def test_sharpe_ratios_by_hand() -> None:
    # rho = s / sqrt(1 - s^2), s = 3 / sqrt(252) = 0.18898; m = rho * 0.79788 = 0.15355; 15.8745 * m / 0.98814
    world = Synthetic(sharpe=3.0)
    assert world.coefficient == pytest.approx(0.192450, abs=1e-6)
    assert world.sign_sharpe == pytest.approx(2.46683, abs=1e-5)


def test_another_fill_earns_next_to_nothing() -> None:
    world = Synthetic(symbols=20, sessions=10_000, sharpe=3.0, fill=Fill.NEXT_OPEN).load()
    last, earned = last_and_filled(world, Fill.NEXT_CLOSE)
    slope = float((last * earned).mean() / (last**2).mean())
    assert slope == pytest.approx(0.192450**2, abs=3.0 / np.sqrt(last.size))


def test_without_an_edge_prices_are_a_martingale() -> None:
    bars = Synthetic(symbols=20, sessions=10_000, seed=3).load()
    close = bars.array("close")
    moves = close[1:] / close[:-1] - 1.0
    assert abs(moves.mean()) < 3.0 * moves.std() / np.sqrt(moves.size)
    assert moves.std() * np.sqrt(YEAR) == pytest.approx(0.16, abs=3.0 * 0.16 / np.sqrt(2.0 * moves.size))


def test_the_range_of_a_session_is_that_of_a_brownian_motion() -> None:
    bars = Synthetic(symbols=20, sessions=10_000, seed=3).load()
    move, rise, fall = (np.log(bars.array(name) / bars.array("open")) for name in ("close", "high", "low"))
    # E[max of a Brownian motion] = sqrt(2 variance / pi), here without its small drift of -variance / 2.
    expected = np.sqrt(2.0 * move.var() / np.pi)
    assert rise.mean() == pytest.approx(expected, rel=0.02)
    assert fall.mean() == pytest.approx(-expected, rel=0.02)


@settings(max_examples=15, deadline=None)
@given(
    symbols=st.integers(1, 3),
    sessions=st.integers(2, 60),
    volatility=st.floats(0.01, 1.0),
    sharpe=st.floats(0.0, 7.9),
    fill=st.sampled_from(Fill),
    seed=st.integers(0, 2**40),
)
def test_bars_are_bars(symbols: int, sessions: int, volatility: float, sharpe: float, fill: Fill, seed: int) -> None:
    world = Synthetic(
        symbols=symbols, sessions=sessions, annual_volatility=volatility, sharpe=sharpe, fill=fill, seed=seed
    )
    bars = world.load()
    opened, high, low, close, volume = (bars.raw_array(field) for field in FIELDS)
    assert close.shape == (sessions, symbols)
    assert np.all((low <= np.minimum(opened, close)) & (high >= np.maximum(opened, close)) & (low > 0.0))
    assert np.all(opened[1:] != close[:-1])
    assert np.all((volume > 0.0) & (volume == np.rint(volume)))


@settings(max_examples=10, deadline=None)
@given(sessions=st.integers(2, 40), longer=st.integers(1, 40), seed=st.integers(0, 1000), fill=st.sampled_from(Fill))
def test_a_longer_or_wider_world_begins_as_the_smaller_one(sessions: int, longer: int, seed: int, fill: Fill) -> None:
    small = Synthetic(sessions=sessions, sharpe=1.0, seed=seed, fill=fill).load()
    large = Synthetic(symbols=2, sessions=sessions + longer, sharpe=1.0, seed=seed, fill=fill).load()
    assert_array_equal(small.clock, large.clock[:sessions])
    for field in FIELDS:
        assert_array_equal(small.raw_array(field)[:, 0], large.raw_array(field)[:sessions, 0])


def test_the_seed_decides_everything() -> None:
    assert Synthetic(sessions=50, seed=1).load().fingerprint == Synthetic(sessions=50, seed=1).load().fingerprint
    assert Synthetic(sessions=50, seed=1).load().fingerprint != Synthetic(sessions=50, seed=2).load().fingerprint


def test_notes_say_what_was_planted() -> None:
    assert "nothing can be earned" in Synthetic().notes[-1]
    assert "Sharpe ratio of 1.5 a year" in Synthetic(sharpe=1.5).notes[-1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"symbols": 0}, "Synthetic.symbols must be a positive whole number; got 0."),
        ({"sessions": 1}, "Synthetic.sessions must be a whole number of at least 2; got 1."),
        ({"seed": -1}, "Synthetic.seed must be a whole number of at least 0; got -1."),
        ({"annual_volatility": 16}, "Synthetic.annual_volatility must be above 0.0 and at most 1.0; got 16."),
        ({"sharpe": 9.0}, "Synthetic.sharpe must be from 0.0 to 7.9; got 9.0."),
        ({"sharpe": float("nan")}, "Synthetic.sharpe must be from 0.0 to 7.9; got nan."),
        ({"fill": "next_open"}, "Synthetic.fill must be a Fill; got 'next_open'."),
    ],
)
def test_a_wrong_parameter_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        Synthetic(**given)
    assert str(caught.value) == message
