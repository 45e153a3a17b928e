from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.api import OLS, add_constant

from quantml.bars import Bars
from quantml.errors import FeatureError, ParameterError
from quantml.exogenous import Exogenous
from quantml.features import (
    Outside,
    ResidualVolatility,
    Returns,
    RollingBeta,
    RollingResidual,
    build_features,
    feature_name,
)

NAN = np.nan


def fits(bars: Bars, symbol: str, factors: list[pd.Series], window: int) -> dict[pd.Timestamp, Any]:
    """Fit statsmodels' OLS with a constant to the last `window` rows on which everything is known."""
    own = bars.returns()[symbol].rename("y")
    table = pd.concat([own, *factors], axis=1).dropna()
    return {
        table.index[k]: OLS(table["y"].iloc[k - window + 1 : k + 1],
                            add_constant(table.iloc[k - window + 1 : k + 1, 1:])).fit()
        for k in range(window - 1, len(table))
    }  # fmt: skip


def alike(bars: Bars, symbol: str, benchmark: str) -> pd.Series:
    """The benchmark's return between the rows on which a symbol has bars."""
    rows = bars.close[symbol].notna()
    return bars.close.loc[rows, benchmark].pct_change(fill_method=None).rename(benchmark)


@pytest.fixture(scope="module")
def daily(bars: Bars) -> Bars:
    factors = pd.DataFrame(np.random.default_rng(3).normal(0.0, 0.01, (len(bars), 2)), bars.clock, ["size", "value"])
    return bars.with_tables(Exogenous(factors, name="factors", lag="0d"))


@pytest.mark.parametrize("symbol", ["whole", "late", "early", "pause"])
def test_one_factor_equals_ordinary_least_squares(daily: Bars, symbol: str) -> None:
    expected = fits(daily, symbol, [alike(daily, symbol, "whole")], 20)
    assert len(expected) > 50
    beta = RollingBeta(20, "whole")(daily)[symbol].dropna()
    residual = RollingResidual(20, "whole")(daily)[symbol].dropna()
    volatility = ResidualVolatility(20, "whole")(daily)[symbol].dropna()
    assert list(beta.index) == list(expected)
    for day, fit in expected.items():
        assert beta[day] == pytest.approx(fit.params["whole"], rel=1e-9)
        assert residual[day] == pytest.approx(fit.resid.iloc[-1], rel=1e-9, abs=1e-15)
        assert volatility[day] == pytest.approx(np.sqrt(252.0 * fit.mse_resid), rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("symbol", ["late", "pause"])
def test_several_factors_equal_ordinary_least_squares(daily: Bars, symbol: str) -> None:
    names = {"size": Outside("factors", "size"), "value": Outside("factors", "value")}
    factors = [alike(daily, symbol, "whole"), *(feature(daily)[symbol].rename(name) for name, feature in names.items())]
    expected = fits(daily, symbol, factors, 30)
    given = tuple(names.values())
    beta = RollingBeta(30, "whole", given=given)(daily)[symbol].dropna()
    residual = RollingResidual(30, "whole", given=given)(daily)[symbol].dropna()
    volatility = ResidualVolatility(30, "whole", given=given)(daily)[symbol].dropna()
    of_size = RollingBeta(30, given[0], given=["whole", given[1]])(daily)[symbol].dropna()
    assert list(beta.index) == list(expected)
    for day, fit in expected.items():
        assert beta[day] == pytest.approx(fit.params["whole"], rel=1e-8)
        assert of_size[day] == pytest.approx(fit.params["size"], rel=1e-8)
        assert residual[day] == pytest.approx(fit.resid.iloc[-1], rel=1e-8, abs=1e-15)
        assert volatility[day] == pytest.approx(np.sqrt(252.0 * fit.mse_resid), rel=1e-9)


def test_by_hand() -> None:
    days = pd.bdate_range("2024-01-02", periods=3)
    returns = pd.DataFrame({"A": [0.01, 0.04, 0.01], "M": [0.0, 0.01, 0.02]}, index=days)
    bars = Bars.from_returns(returns, base="2024-01-01", periods_per_year=4)
    # means 0.02 and 0.01: slope 0; residuals are -0.01, 0.02, -0.01, squares 0.0006 over 3 - 2
    assert RollingBeta(3, "M")(bars)["A"].iloc[3] == pytest.approx(0.0, abs=1e-14)
    assert RollingResidual(3, "M")(bars)["A"].iloc[3] == pytest.approx(-0.01)
    assert ResidualVolatility(3, "M")(bars)["A"].iloc[3] == pytest.approx(2.0 * np.sqrt(0.0006))
    assert RollingBeta(3, "M")(bars)["M"].iloc[3] == pytest.approx(1.0)


def test_factors_that_cannot_be_told_apart_have_no_slope() -> None:
    days = pd.bdate_range("2024-01-02", periods=8)
    noise = np.random.default_rng(0).normal(0.0, 0.01, (8, 2))
    returns = pd.DataFrame({"A": noise[:, 0], "M": noise[:, 1], "still": 0.0}, index=days)
    bars = Bars.from_returns(returns, base="2024-01-01", periods_per_year=252)
    assert RollingBeta(5, "still")(bars)["A"].isna().all()
    assert RollingBeta(5, "M", given=("M",))(bars)["A"].isna().all()

    def thrice(bars: Bars) -> pd.DataFrame:
        return bars.close * 0.0 + 3.0 * bars.returns()[["M"]].to_numpy() + 0.7  # but for rounding, a line of M

    assert RollingBeta(5, "M", given=(thrice,))(bars)["A"].isna().all()
    assert RollingBeta(5, "M")(bars)["A"].notna().sum() == 4


def test_warm_ups_add_up() -> None:
    assert RollingBeta(20, "whole").warmup == 20
    assert RollingBeta(20, Outside("factors", "size")).warmup == 20
    assert RollingBeta(20, Returns(5)).warmup == 24
    assert feature_name(RollingBeta(20, "SPY", given=(Returns(5),))) == "RollingBeta(20, 'SPY', given=(Returns(5),))"


def test_an_unknown_benchmark_suggests_the_near_one(bars: Bars) -> None:
    with pytest.raises(FeatureError) as caught:
        build_features([RollingBeta(20, "whloe")], bars)
    assert str(caught.value) == (
        "feature RollingBeta(20, 'whloe'): a benchmark of RollingBeta must be a symbol of the bars; got 'whloe'. "
        "Did you mean 'whole'?"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RollingBeta(2, "A"), "RollingBeta.window must be at least 3; got 2."),
        (lambda: ResidualVolatility(4, "A", given=("B", "C")), "ResidualVolatility.window must be at least 5; got 4."),
        (lambda: RollingResidual(9, 5), "RollingResidual.benchmark must be a symbol or a feature; got 5."),
        (lambda: RollingResidual(9, "A", given="B"), "RollingResidual.given must be a tuple of symbols and features; "
                                                     "got 'B'."),
        (lambda: RollingResidual(9, "A", given=(3,)), "RollingResidual.given must be a symbol or a feature; got 3."),
    ],
)  # fmt: skip
def test_what_cannot_be_declared(make: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert str(caught.value) == message
