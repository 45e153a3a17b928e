"""Reference values of R's PerformanceAnalytics and of empyrical's own tests.

Where a definition differs the case is restated, and the comment says how: R gives drawdowns and downside figures
per period and positive; empyrical compounds alpha, reports infinity where quantml has NaN, and skips missing values,
which quantml never accepts, so they are dropped (or count as a period without return, where empyrical counts periods).
"""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.evaluation import metrics
from quantml.evaluation.inference import SharpeEstimate, minimum_track_record_length, probabilistic_sharpe_ratio

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference"


def read(name: str) -> dict[str, Any]:
    path = REFERENCE / name
    return json.loads(path.read_text()) if path.exists() else {"cases": [], "series": {}}


def named(cases: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in cases]


# ------------------------------------------------------------------- R PerformanceAnalytics

R_FILE = read("performance_R_PerformanceAnalytics.json")
CASH = 0.035 / 12
YEAR = {"periods_per_year": 12}
Series = pd.Series


def _geometric_sharpe(r: Series, _b: Series | None, _c: Series | None) -> float:
    """R's default annualises both parts geometrically; quantml's `sharpe_ratio` is arithmetic."""
    return metrics.annual_return(r - CASH, **YEAR) / metrics.annual_volatility(r - CASH, **YEAR)


def _without_kurtosis(r: Series) -> SharpeEstimate:
    """R's default ignores the kurtosis."""
    return replace(SharpeEstimate.of(r), kurtosis=3.0)


R_METRICS: dict[str, Callable[[Series, Series, Series], float]] = {
    "ann_return_geometric": lambda r, b, c: metrics.annual_return(r, **YEAR),
    "ann_return": lambda r, b, c: metrics.annual_return(r, **YEAR),
    "ann_return_arithmetic": lambda r, b, c: metrics.annual_mean_return(r, **YEAR),
    "ann_vol": lambda r, b, c: metrics.annual_volatility(r, **YEAR),
    "sharpe_annualized_geometric_rf0.035/12": _geometric_sharpe,
    "sharpe_annualized_arith_rf0.035/12": lambda r, b, c: metrics.sharpe_ratio(r, risk_free=CASH, **YEAR),
    "sortino_mar0": lambda r, b, c: metrics.sortino_ratio(r, periods_per_year=1),
    "downside_deviation_mar0": lambda r, b, c: metrics.downside_deviation(r, periods_per_year=1),
    "downside_dev_0.005": lambda r, b, c: metrics.downside_deviation(r, periods_per_year=1, required_return=0.005),
    "max_drawdown": lambda r, b, c: -metrics.max_drawdown(r),
    "max_dd": lambda r, b, c: -metrics.max_drawdown(r),
    "average_drawdown": lambda r, b, c: -metrics.average_drawdown(r),
    "calmar": lambda r, b, c: metrics.calmar_ratio(r, **YEAR),
    "omega_L0": lambda r, b, c: metrics.omega_ratio(r),
    "omega": lambda r, b, c: metrics.omega_ratio(r),
    "ulcer_index": lambda r, b, c: metrics.ulcer_index(r),
    "pain_index": lambda r, b, c: metrics.pain_index(r),
    "pain": lambda r, b, c: metrics.pain_index(r),
    "pain_ratio": lambda r, b, c: metrics.pain_ratio(r, **YEAR),
    "martin_ratio": lambda r, b, c: metrics.martin_ratio(r, **YEAR),
    "martin": lambda r, b, c: metrics.martin_ratio(r, **YEAR),
    "skewness_moment": lambda r, b, c: metrics.skewness(r),
    "kurtosis_excess": lambda r, b, c: metrics.kurtosis(r),
    "kelly_half": lambda r, b, c: metrics.kelly_fraction(r) / 2,
    "cum_return": lambda r, b, c: metrics.total_return(r),
    "bl": lambda r, b, c: metrics.profit_factor(r),  # Bernardo and Ledoit's ratio
    "bernardo_ledoit": lambda r, b, c: metrics.profit_factor(r),
    "omega_sharpe": lambda r, b, c: metrics.omega_ratio(r, required_return=0.005) - 1,
    "omega_sharpe_0.005": lambda r, b, c: metrics.omega_ratio(r, required_return=0.005) - 1,
    "capm_beta": lambda r, b, c: metrics.beta(r, benchmark=b, risk_free=c),
    "capm_alpha": lambda r, b, c: metrics.alpha(r, benchmark=b, risk_free=c, periods_per_year=1),
    "tracking_error": lambda r, b, c: metrics.tracking_error(r, benchmark=b, **YEAR),
    "active_premium": lambda r, b, c: metrics.excess_return(r, benchmark=b, **YEAR),
    "information_ratio": lambda r, b, c: (  # R divides the difference of compounded returns
        metrics.excess_return(r, benchmark=b, **YEAR) / metrics.tracking_error(r, benchmark=b, **YEAR)
    ),
    "psr_CA_full_.28": lambda r, b, c: probabilistic_sharpe_ratio(r, threshold=0.28),
    "psr_CA_.23": lambda r, b, c: probabilistic_sharpe_ratio(_without_kurtosis(r), threshold=0.23),
    "mintrl_CA_.23": lambda r, b, c: minimum_track_record_length(_without_kurtosis(r), threshold=0.23),
}
R_LATER = {
    # value at risk and expected shortfall: the risk module
    *(f"{kind}_{how}_{level}" for kind in ("var", "es") for how in ("historical", "gaussian", "modified")
      for level in ("0.95", "0.99")),
    "var_hist95", "var_mod95", "es_mod95",
    # attribution and regression: the attribution module
    "treynor_rf", "bull_beta", "bear_beta", "appraisal", "specific", "specific_risk", "systematic", "m2",
    "jensen_alpha_annual",
    # less common ratios and partial moments: the risk module
    "burke", "burke_mod", "burke_modified", "d_ratio", "downside_frequency_0.005", "downside_potential_0.005",
    "gain_loss_up_pot", "kappa3", "kappa_l2_0.005", "kurtosis_sample", "mad", "mean_abs_dev", "skew_kurt_ratio",
    "upside_frequency_0.005", "upside_potential_0.005", "upside_risk_0.005",
}  # fmt: skip


@cache
def table(name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / name, index_col=0, parse_dates=True)


@pytest.mark.parametrize("case", named([c for c in R_FILE["cases"] if c["fn"] in R_METRICS]))
def test_performance_analytics(case):
    given = case["inputs"]
    names = [given["column"], *(given[key] for key in ("benchmark", "risk_free_column") if key in given)]
    columns = table(given["csv"])[names].dropna()
    parts = [columns[name] for name in names] + [None, None]
    value = R_METRICS[case["fn"]](*parts[:3])
    assert value == pytest.approx(case["expected"], rel=case["tol"].get("rel", 0), abs=case["tol"].get("abs", 0))


@pytest.mark.parametrize("case", named([c for c in R_FILE["cases"] if c["fn"] == "drawdown_table_top5"]))
def test_performance_analytics_drawdown_table(case):
    returns = table(case["inputs"]["csv"])[case["inputs"]["column"]].dropna()
    ours = metrics.drawdown_table(returns, top=5)
    for row, expected in zip(ours.itertuples(), case["expected"], strict=True):
        first = returns.index[returns.index.get_loc(row.peak) + 1]  # R lists the first period of loss, not the peak
        dates = [str(date.date()) for date in (first, row.valley, row.recovery)]
        assert dates == [expected["From"], expected["Trough"], expected["To"]]
        assert row.depth == pytest.approx(expected["Depth"], abs=case["tol"]["abs_depth"])
        assert row.length == expected["Length"]
        assert row.to_valley == expected["To Trough"]


def test_every_function_of_r_is_covered_or_belongs_to_a_later_module(reference_dir):
    assert {case["fn"] for case in R_FILE["cases"]} == set(R_METRICS) | R_LATER | {"drawdown_table_top5"}


# ------------------------------------------------------------------------------- empyrical

EMPYRICAL = read("performance_empyrical.json")
PERIODS = {"daily": 252, "weekly": 52, "monthly": 12, "yearly": 1}
Given = dict[str, Any]


def _series(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("@"):
        return _series(EMPYRICAL["series"][value[1:]])
    if isinstance(value, dict) and value["type"] == "frame":
        return pd.DataFrame(value["values"], _dates(value["index"]), value["columns"], dtype=float)
    if isinstance(value, dict):
        return pd.Series(np.array(value["values"], dtype=float), index=_dates(value["index"]))
    return value


def _dates(index: list[str]) -> pd.Index:
    return pd.DatetimeIndex(index) if all("-" in label for label in index) else pd.Index(index)


def _year(given: Given) -> int:
    return PERIODS[given.get("period", "daily")]


def _pair(given: Given) -> tuple[pd.Series, pd.Series]:
    """The periods that both series have; empyrical joins them the same way."""
    other = given.get("benchmark", given.get("factor_returns"))
    other = other.iloc[:, 0] if isinstance(other, pd.DataFrame) else other
    both = pd.concat([given["returns"], other], axis=1, join="inner").dropna()
    return both.iloc[:, 0], both.iloc[:, 1]


def _offset(given: Given, name: str) -> Any:
    """A rate per period for the periods that are left."""
    rate = given.get(name, 0.0)
    return rate.reindex(given["returns"].dropna().index) if isinstance(rate, pd.Series) else rate


def _capture(metric: Callable[..., float]) -> Callable[[Given], float]:
    def value(given: Given) -> float:
        returns, benchmark = _pair(given)
        return metric(returns, benchmark=benchmark, periods_per_year=252)

    return value


def _alpha(given: Given) -> float:
    """empyrical compounds the intercept over a year."""
    returns, benchmark = _pair(given)
    return (1 + metrics.alpha(returns, benchmark=benchmark, periods_per_year=1)) ** 252 - 1


def _beta(given: Given) -> float:
    returns, benchmark = _pair(given)
    return metrics.beta(returns, benchmark=benchmark)


def _by_column(metric: Callable[..., float]) -> Callable[[Given], Any]:
    def value(given: Given) -> Any:
        returns = given["returns"]
        if isinstance(returns, pd.DataFrame):
            return [metric(returns[name], periods_per_year=_year(given)) for name in returns]
        required = _offset(given, "required_return")
        return metric(returns.dropna(), periods_per_year=_year(given), required_return=required)

    return value


def _omega(given: Given) -> float:
    """empyrical adds a yearly required return, spread over the days, to the riskless rate."""
    daily = (1 + given["required_return"]) ** (1 / 252) - 1
    return metrics.omega_ratio(given["returns"].dropna(), required_return=_offset(given, "risk_free") + daily)


def _information_ratio(given: Given) -> float:
    returns, other = given["returns"].dropna(), given["factor_returns"]
    benchmark = other.reindex(returns.index) if isinstance(other, pd.Series) else pd.Series(other, returns.index)
    return metrics.information_ratio(returns, benchmark=benchmark, periods_per_year=1)


def _aggregate(given: Given) -> list[float]:
    returns = given["returns"]
    if given["convert_to"] == "yearly":
        return metrics.yearly_returns(returns).tolist()
    return [value for value in metrics.monthly_returns(returns).to_numpy().ravel() if not math.isnan(value)]


def _rolling(given: Given) -> list[float]:
    window = given["window"]
    rolling = metrics.rolling_sharpe_ratio(given["returns"].fillna(0.0), window=window, periods_per_year=252)
    return rolling.tolist()[window - 1 :]


EMPYRICAL_METRICS: dict[str, Callable[[Given], Any]] = {
    "cum_returns_final": lambda g: (
        (1 + metrics.total_return(g["returns"].dropna())) * g["starting_value"]
        if g["starting_value"]
        else metrics.total_return(g["returns"].dropna())
    ),
    "annual_ret": lambda g: metrics.annual_return(g["returns"].fillna(0.0), periods_per_year=_year(g)),
    "cagr": lambda g: metrics.annual_return(g["returns"].fillna(0.0), periods_per_year=_year(g)),
    "calmar": lambda g: metrics.calmar_ratio(g["returns"].fillna(0.0), periods_per_year=_year(g)),
    "annual_volatility": lambda g: metrics.annual_volatility(g["returns"].dropna(), periods_per_year=_year(g)),
    "max_drawdown": lambda g: metrics.max_drawdown(g["returns"].dropna()),
    "sharpe_ratio": lambda g: metrics.sharpe_ratio(
        g["returns"].dropna(), periods_per_year=252, risk_free=_offset(g, "risk_free")
    ),
    "downside_risk": _by_column(metrics.downside_deviation),
    "sortino": _by_column(metrics.sortino_ratio),
    "omega": _omega,
    "excess_sharpe": _information_ratio,
    "alpha": _alpha,
    "beta": _beta,
    "alpha_beta": lambda g: [_alpha(g), _beta(g)],
    "stability_of_timeseries": lambda g: metrics.stability(g["returns"].dropna()),
    "tail_ratio": lambda g: metrics.tail_ratio(g["returns"].dropna()),
    "aggregate_returns": _aggregate,
    "roll_sharpe_ratio": _rolling,
    "up_capture": _capture(metrics.up_capture),
    "down_capture": _capture(metrics.down_capture),
    "up_down_capture": _capture(metrics.capture_ratio),
}
EMPYRICAL_LATER = {
    "cum_returns", "simple_returns", "capture_ratio",  # paths of prices, and a ratio of annual returns: not offered
    "value_at_risk", "gpd_risk_estimates",  # the risk module
    "roll_max_drawdown", "roll_alpha_beta", "roll_up_down_capture", "roll_down_capture", "roll_up_capture",
    "down_alpha_beta", "up_alpha_beta",  # the attribution module
}  # fmt: skip
NOT_OURS = {
    "test_omega[mixed_returns-0.0--10.0-nan]": "a required return below -100 % a year has no daily rate",
    "test_aggregate_returns[simple_benchmark-weekly-expected0]": "no weekly table",
    "test_aggregate_returns[simple_benchmark-quarterly-expected2]": "no quarterly table",
    "test_aggregate_returns[monthly_returns-quarterly-expected7]": "no quarterly table",
    "test_roll_sharpe_ratio[mixed_returns-6-expected2]": "its first window skips a missing return",
}
LOOSER = {
    # empyrical's own values are 0.9557, 0.9982 and 0.9906: its tests compare one, one and two decimals
    "test_tail_ratio[mixed_returns-0.9473684210526313]": 0.05,
    "test_tail_ratio[random_100k-1.0]": 0.05,
    "test_beta[simple_benchmark_w_noise-simple_benchmark_df-1.0-2]": 0.015,
}


def offered(case: dict[str, Any]) -> bool:
    return case["fn"] in EMPYRICAL_METRICS and case["id"] not in NOT_OURS


@pytest.mark.parametrize("case", named([c for c in EMPYRICAL["cases"] if offered(c)]))
def test_empyrical(case):
    expected = _series(case["expected"])
    expected = np.array(expected.tolist() if isinstance(expected, pd.Series) else expected, dtype=float)
    expected = np.where(np.isinf(expected), np.nan, expected)  # quantml has no infinite ratios
    value = EMPYRICAL_METRICS[case["fn"]]({name: _series(part) for name, part in case["inputs"].items()})
    np.testing.assert_allclose(value, expected, rtol=0, atol=LOOSER.get(case["id"], case["tol"]["abs"]))


def test_every_function_of_empyrical_is_covered_or_named(reference_dir):
    assert {case["fn"] for case in EMPYRICAL["cases"]} == set(EMPYRICAL_METRICS) | EMPYRICAL_LATER
    assert set(NOT_OURS) <= {case["id"] for case in EMPYRICAL["cases"]}
