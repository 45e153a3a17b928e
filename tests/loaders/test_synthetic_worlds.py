"""Synthetic worlds: their bars are bars, and their moments are those that theory gives.

Bands are three standard errors, estimated from the independent symbols of one world unless said otherwise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from scipy import stats

from quantml.bars import Bars
from quantml.errors import DataError, ParameterError
from quantml.loaders import (
    BlockBootstrap,
    Factors,
    Garch,
    GeometricBrownianMotion,
    Regime,
    RegimeSwitching,
    Sample,
)

FIELDS = ("open", "high", "low", "close", "volume")
YEAR = 252.0
WORLDS = (GeometricBrownianMotion, Garch, RegimeSwitching, Factors)


def log_returns(bars: Bars) -> NDArray[np.float64]:
    return np.diff(np.log(bars.array("close")), axis=0)


def assert_mean(values: NDArray[np.float64], expected: float) -> None:
    """Compare the mean of one number per symbol with theory."""
    error = values.std(ddof=1) / np.sqrt(values.size)
    assert abs(values.mean() - expected) < 3.0 * error


def autocorrelation(values: NDArray[np.float64], lag: int) -> NDArray[np.float64]:
    centred = values - values.mean(axis=0)
    return (centred[lag:] * centred[:-lag]).sum(axis=0) / (centred**2).sum(axis=0)


# ------------------------------------------------------------------ what all worlds share


@settings(max_examples=12, deadline=None)
@given(kind=st.sampled_from(WORLDS), symbols=st.integers(1, 3), sessions=st.integers(2, 60), seed=st.integers(0, 2**40))
def test_bars_are_bars(kind: Any, symbols: int, sessions: int, seed: int) -> None:
    bars = kind(symbols=symbols, sessions=sessions, seed=seed).load()
    opened, high, low, close, volume = (bars.raw_array(field) for field in FIELDS)
    assert close.shape == (sessions, symbols)
    assert np.all((low <= np.minimum(opened, close)) & (high >= np.maximum(opened, close)) & (low > 0.0))
    assert np.all(opened[1:] != close[:-1])
    assert np.all((volume > 0.0) & (volume == np.rint(volume)))


@pytest.mark.parametrize("kind", WORLDS)
def test_a_longer_or_wider_world_begins_as_the_smaller_one(kind: Any) -> None:
    small = kind(symbols=1, sessions=40, seed=6).load()
    large = kind(symbols=3, sessions=300, seed=6).load()
    for field in FIELDS:
        assert_array_equal(small.raw_array(field)[:, 0], large.raw_array(field)[:40, 0])


@pytest.mark.parametrize("kind", WORLDS)
def test_the_seed_decides_everything(kind: Any) -> None:
    assert kind(sessions=50, seed=1).load().fingerprint == kind(sessions=50, seed=1).load().fingerprint
    assert kind(sessions=50, seed=1).load().fingerprint != kind(sessions=50, seed=2).load().fingerprint


@pytest.mark.parametrize("kind", WORLDS)
def test_a_quarter_of_the_variance_is_overnight(kind: Any) -> None:
    bars = kind(symbols=40, sessions=4000, seed=2).load()
    overnight = np.log(bars.array("open")[1:] / bars.array("close")[:-1])
    share = overnight.var(axis=0) / log_returns(bars).var(axis=0)
    assert share.mean() == pytest.approx(0.25, abs=0.004)


# ------------------------------------------------------------------- geometric Brownian motion


def test_brownian_moments() -> None:
    # drift 0.3, volatility 0.4: log returns of mean (0.3 - 0.08) / 252 and volatility 0.4, normal.
    world = GeometricBrownianMotion(symbols=40, sessions=5000, annual_drift=0.3, annual_volatility=0.4, seed=1)
    moves = log_returns(world.load())
    assert_mean(moves.mean(axis=0), 0.22 / YEAR)
    assert_mean(moves.var(axis=0, ddof=1), 0.16 / YEAR)
    assert_mean(stats.kurtosis(moves, axis=0, fisher=False, bias=False), 3.0)
    assert_mean(stats.skew(moves, axis=0), 0.0)
    assert_mean(autocorrelation(np.abs(moves), 1), 0.0)


def test_brownian_growth() -> None:
    # The simple return of a year has mean exp(0.1) - 1, standard deviation exp(0.1) * sqrt(exp(0.04) - 1).
    world = GeometricBrownianMotion(symbols=2000, sessions=253, annual_drift=0.1, annual_volatility=0.2, seed=3)
    close = world.load().array("close")
    assert_mean(close[-1] / close[0] - 1.0, 0.10517)
    assert (close[-1] / close[0]).std() == pytest.approx(0.22326, rel=0.06)


# ----------------------------------------------------------------------------------- GARCH


def test_garch_moments() -> None:
    # alpha 0.1, beta 0.8, 12 degrees: kappa = 3 * 10 / 8 = 3.75, and the kurtosis is
    # 3.75 * (1 - 0.81) / (1 - 0.64 - 0.16 - 0.0375) = 4.38462. First autocorrelation of squares:
    # 0.1 * (1 - 0.08 - 0.64) / (1 - 0.16 - 0.64) = 0.14, then times 0.9 per lag.
    world = Garch(symbols=60, sessions=8000, annual_volatility=0.2, alpha=0.1, beta=0.8, degrees=12.0, seed=2)
    moves = log_returns(world.load())
    assert world.kurtosis == pytest.approx(4.384615, abs=1e-6)
    assert_mean(moves.mean(axis=0), 0.0)
    assert_mean((moves**2).mean(axis=0), 0.04 / YEAR)
    assert_mean((moves**4).mean(axis=0) / (0.04 / YEAR) ** 2, 4.384615)
    squares = moves**2 - 0.04 / YEAR
    variance = (4.384615 - 1.0) * (0.04 / YEAR) ** 2
    for lag, expected in ((1, 0.14), (2, 0.126), (5, 0.091854)):
        assert_mean((squares[lag:] * squares[:-lag]).mean(axis=0) / variance, expected)


@pytest.mark.parametrize("degrees", [5.0, 12.0, np.inf])
def test_garch_innovations_are_student_t(degrees: float) -> None:
    world = Garch(symbols=4, sessions=5000, degrees=degrees, seed=5)
    moves = log_returns(world.load())
    scaled = moves / (world.volatility().to_numpy()[1:] / np.sqrt(YEAR))
    unit = np.sqrt(degrees / (degrees - 2.0)) if np.isfinite(degrees) else 1.0
    reference = stats.t(degrees).cdf if np.isfinite(degrees) else stats.norm.cdf
    assert stats.kstest((scaled * unit).ravel(), reference).pvalue > 0.01


def test_garch_volatility_follows_its_recursion() -> None:
    # h' = omega + alpha r^2 + beta h, with omega = 0.16^2 / 252 * 0.02.
    world = Garch(symbols=2, sessions=300, seed=7)
    variance = world.volatility().to_numpy() ** 2 / YEAR
    moves = log_returns(world.load())
    expected = 0.16**2 / YEAR * 0.02 + 0.08 * moves**2 + 0.90 * variance[1:]
    assert_allclose(variance[2:], expected[:-1], rtol=1e-10)


def test_arch_estimates_the_parameters_of_garch() -> None:
    model = pytest.importorskip("arch").arch_model
    world = Garch(sessions=20_000, alpha=0.1, beta=0.85, degrees=8.0, seed=11)
    fitted = model(100.0 * log_returns(world.load())[:, 0], mean="Zero", dist="t").fit(disp="off")
    truth = {"alpha[1]": 0.1, "beta[1]": 0.85, "nu": 8.0}
    for name, value in truth.items():
        assert abs(fitted.params[name] - value) < 3.0 * fitted.std_err[name]


def test_garch_without_a_fourth_moment_has_infinite_kurtosis() -> None:
    assert Garch(degrees=4.0).kurtosis == np.inf
    assert Garch(alpha=0.3, beta=0.69, degrees=5.0).kurtosis == np.inf
    assert Garch(alpha=0.0, beta=0.0, degrees=np.inf).kurtosis == 3.0


# --------------------------------------------------------------------------------- regimes

STATES = (Regime(0.5, 0.1, 30.0), Regime(-1.0, 0.4, 10.0))


def test_regimes_last_as_long_as_declared() -> None:
    world = RegimeSwitching(sessions=60_000, regimes=(*STATES, Regime(0.0, 0.2, 20.0)), seed=4)
    states = world.states().to_numpy()
    lengths = np.diff(np.flatnonzero(np.append(True, np.diff(states) != 0)))
    runs = states[np.append(True, np.diff(states) != 0)][: len(lengths)]
    assert world.probabilities.tolist() == [0.5, 1 / 6, 1 / 3]
    for number, mean in enumerate((30.0, 10.0, 20.0)):
        own = lengths[runs == number]
        assert_mean(own.astype(float), mean)
        # A geometric law has the standard deviation sqrt(mean * (mean - 1)).
        assert own.std() == pytest.approx(np.sqrt(mean * (mean - 1.0)), rel=0.1)
    # About 3000 runs: the share of time has a standard error of about 0.007 here.
    assert_allclose(np.bincount(states) / len(states), [0.5, 1 / 6, 1 / 3], atol=0.02)


def test_the_first_regime_is_drawn_from_the_long_run_probabilities() -> None:
    first = [RegimeSwitching(sessions=2, regimes=STATES, seed=seed).states().iloc[0] for seed in range(2000)]
    # 0.25 of 2000 draws, standard error sqrt(0.25 * 0.75 / 2000) = 0.0097.
    assert np.mean(first) == pytest.approx(0.25, abs=0.029)


def test_regimes_have_their_own_drift_and_volatility() -> None:
    world = RegimeSwitching(symbols=30, sessions=8000, regimes=STATES, seed=8)
    moves, states = log_returns(world.load()), world.states().to_numpy()[1:]
    for number, (drift, volatility) in enumerate([(0.5, 0.1), (-1.0, 0.4)]):
        own = moves[states == number]
        assert_mean(own.mean(axis=0), (drift - 0.5 * volatility**2) / YEAR)
        assert_mean(own.var(axis=0, ddof=1), volatility**2 / YEAR)


def test_regime_moments() -> None:
    # By hand: m = (0.495, -1.08) / 252, v = (0.01, 0.16) / 252, pi = (3/4, 1/4).
    # variance = 0.0475 / 252 + 3/16 * (1.575 / 252)^2 = 1.88492e-4 + 7.32422e-6 = 1.95816e-4, annual 0.222139.
    world = RegimeSwitching(sessions=60_000, regimes=STATES, seed=9)
    moves = log_returns(world.load())[:, 0]
    assert world.annual_volatility == pytest.approx(0.222139, abs=1e-6)
    # Squares of neighbouring sessions go together, so the error is taken from blocks of 600 sessions.
    blocks = moves[:59_400].reshape(99, 600)
    assert_mean(((blocks - moves.mean()) ** 2).mean(axis=1), 1.95816e-4)
    # First autocorrelation of squares: Var(v + m^2) * 0.866667 / Var(r^2) = 6.9712e-8 * 0.866667 / 2.85756e-7,
    # then times 1 - 1/30 - 1/10 = 0.866667 per lag; over seeds the estimates vary by 0.008 and 0.037.
    first, fourth = (autocorrelation(moves[:, None] ** 2, lag)[0] for lag in (1, 4))
    assert first == pytest.approx(0.21143, abs=0.025)
    assert fourth / first == pytest.approx(0.866667**3, abs=0.11)


# --------------------------------------------------------------------------------- factors


def test_factor_covariance() -> None:
    world = Factors(symbols=5, sessions=20_000, volatilities=(0.2, 0.1), specific=0.15, seed=3)
    moves = log_returns(world.load())
    expected = world.covariance
    # Standard error of a sample covariance of normals: sqrt((c_ij^2 + c_ii c_jj) / T).
    error = np.sqrt((expected**2 + np.outer(np.diag(expected), np.diag(expected))) / len(moves))
    assert np.all(np.abs(np.cov(moves.T) * YEAR - expected) < 3.5 * error)
    assert_allclose(np.corrcoef(moves.T), world.correlation, atol=3.5 / np.sqrt(len(moves)))


def test_factor_covariance_by_hand() -> None:
    world = Factors(symbols=2, sessions=2, volatilities=(0.2,), specific=0.1, seed=1)
    first, second = world.loadings[:, 0]
    assert_allclose(
        world.covariance,
        [[0.04 * first**2 + 0.01, 0.04 * first * second], [0.04 * first * second, 0.04 * second**2 + 0.01]],
    )


def test_a_regression_on_the_factors_finds_the_loadings() -> None:
    world = Factors(symbols=4, sessions=8000, seed=5)
    moves, factors = log_returns(world.load()), world.factor_returns().to_numpy()[1:]
    found = np.linalg.lstsq(factors, moves - moves.mean(axis=0), rcond=None)[0].T
    # Standard error of a slope: specific volatility / (factor volatility * sqrt(T)).
    error = 0.20 / (np.array([0.16, 0.06]) * np.sqrt(len(moves)))
    assert np.all(np.abs(found - world.loadings) < 3.5 * error)


def test_loadings_have_the_declared_distribution() -> None:
    loadings = Factors(symbols=3000, sessions=2, seed=1).loadings
    assert_allclose(loadings.mean(axis=0), [1.0, 0.0], atol=3.0 / np.sqrt(3000))
    assert_allclose(loadings.std(axis=0), [0.3, 1.0], rtol=0.05)


def test_factor_prices_are_martingales() -> None:
    close = Factors(symbols=30, sessions=8000, seed=12).load().array("close")
    moves = close[1:] / close[:-1] - 1.0
    assert abs(moves.mean(axis=1).mean()) < 3.0 * moves.mean(axis=1).std() / np.sqrt(len(moves))


# ------------------------------------------------------------------------- block bootstrap


@pytest.fixture(scope="module")
def indices() -> Bars:
    return Sample("indices").load()


def worlds(indices: Bars, mean_block: int, count: int) -> list[NDArray[np.float64]]:
    return [
        log_returns(BlockBootstrap(indices, mean_block=mean_block, seed=seed).load())
        for seed in range(100, 100 + count)
    ]


def test_bootstrap_keeps_moments_and_cross_correlation(indices: Bars) -> None:
    real, drawn = log_returns(indices), worlds(indices, 21, 60)
    assert_mean(np.array([moves[:, 0].mean() for moves in drawn]), real[:, 0].mean())
    assert_mean(np.array([moves[:, 1].var() for moves in drawn]), real[:, 1].var())
    assert_mean(np.array([np.corrcoef(moves.T)[0, 1] for moves in drawn]), np.corrcoef(real.T)[0, 1])
    assert np.corrcoef(real.T)[0, 1] > 0.8


@pytest.mark.parametrize(("mean_block", "lag"), [(21, 1), (21, 5), (5, 1), (1, 1)])
def test_bootstrap_keeps_volatility_clusters(indices: Bars, mean_block: int, lag: int) -> None:
    # Politis and Romano 1994, section 3: an autocovariance at lag k shrinks by (1 - 1/L)^k.
    real, drawn = np.abs(log_returns(indices)), [np.abs(moves) for moves in worlds(indices, mean_block, 60)]
    centred = real - real.mean(axis=0)
    circular = (centred * np.roll(centred, -lag, axis=0)).mean(axis=0)[0]
    around = [(moves - real.mean(axis=0))[:, 0] for moves in drawn]
    found = np.array([(each[lag:] * each[:-lag]).mean() for each in around])
    assert_mean(found, circular * (1.0 - 1.0 / mean_block) ** lag)
    assert autocorrelation(real, 1)[0] > 0.2


def test_every_bootstrapped_session_is_a_real_one(indices: Bars) -> None:
    bars = BlockBootstrap(indices, seed=3).load()
    assert_array_equal(bars.clock, indices.clock)
    assert bars.calendar == indices.calendar
    close = indices.array("close")
    shape = [indices.array(name)[1:] / close[:-1] for name in ("open", "high", "low", "close")]
    real = {tuple(row) for row in np.round(np.hstack(shape), 9)}
    close = bars.array("close")
    shape = [bars.array(name)[1:] / close[:-1] for name in ("open", "high", "low", "close")]
    drawn = [tuple(row) for row in np.round(np.hstack(shape), 9)]
    assert sum(row in real for row in drawn) > 0.99 * len(drawn)  # a few round the other way
    assert set(bars.array("volume")[:, 0]) <= set(indices.array("volume")[:, 0])


def test_bootstrap_of_closes_leaves_out_sessions_without_every_bar() -> None:
    stocks = Sample("stocks", start="2004-06-01", end="2006-12-31")
    real, drawn = stocks.load(), BlockBootstrap(stocks, mean_block=10, seed=1).load()
    together = real.clock[real.traded.all(axis=1)]
    assert_array_equal(drawn.clock, together)
    assert str(together[0].date()) == "2004-08-19"  # GOOG's first session
    assert_allclose(drawn.array("close")[0], real.array("close")[real.clock.get_loc(together[0])])
    closes = BlockBootstrap(Sample("large_caps", start="2015-01-01"), seed=1).load()
    assert list(closes.quoted) == ["close"]


def test_bootstrap_needs_enough_sessions() -> None:
    source = Sample("indices", start="2010-01-04", end="2010-01-29")  # 19 sessions
    with pytest.raises(DataError) as caught:
        BlockBootstrap(source, mean_block=10).load()
    assert str(caught.value) == (
        "the source of BlockBootstrap must have 21 sessions with a bar of every symbol; got 19."
        " Leave out symbols that start late or end early, or draw shorter blocks."
    )


# ------------------------------------------------------------------------ what is refused


def test_notes_say_what_is_true() -> None:
    assert "the past tells nothing" in GeometricBrownianMotion().notes[-1]
    assert "direction cannot" in Garch().notes[-1]
    assert "drift 0.12 and volatility 0.12 a year for 200 sessions" in RegimeSwitching().notes[-1]
    assert "2 common factors" in Factors().notes[-1]
    assert "Sample(name='indices'" in BlockBootstrap(Sample("indices")).notes[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GeometricBrownianMotion(annual_drift=2.0), "annual_drift must be from -1.0 to 1.0; got 2.0."),
        (lambda: GeometricBrownianMotion(sessions=1), "sessions must be a whole number of at least 2; got 1."),
        (lambda: Garch(alpha=0.2, beta=0.8), "Garch.beta must be from 0.0 to below 0.8; got 0.8."),
        (lambda: Garch(degrees=2.0), "Garch.degrees must be at least 3.0; got 2.0."),
        (lambda: Garch(annual_volatility=0.0), "must be above 0.0 and at most 1.0; got 0.0."),
        (lambda: RegimeSwitching(regimes=(STATES[0],)), "RegimeSwitching.regimes must list at least two of Regime"),
        (lambda: Regime(0.1, 0.2, 0.5), "Regime.mean_sessions must be at least 1.0; got 0.5."),
        (lambda: Factors(volatilities=[]), "Factors.volatilities must list volatilities above 0.0"),
        (lambda: Factors(specific=0), "Factors.specific must be above 0.0 and at most 1.0; got 0."),
        (lambda: BlockBootstrap("indices"), "BlockBootstrap.source must be Bars or a loader; got 'indices'."),
        (lambda: BlockBootstrap(Sample("indices"), mean_block=0), "must be a whole number of at least 1; got 0."),
    ],
)
def test_a_wrong_parameter_is_named(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert message in str(caught.value)
