from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import FeatureError, ParameterError
from quantml.features import FractionalDifference, LogReturns, build_features

# printed by Lopez de Prado (2018), section 5.4, and by Hosking (1981): w_k = -w_(k-1) (d - k + 1) / k
HALF = [1.0, -0.5, -0.125, -0.0625, -0.0390625, -0.02734375, -0.0205078125, -0.01611328125]


def of_logs(values: list[float]) -> Bars:
    days = pd.bdate_range("2000-01-03", periods=len(values))
    return Bars.from_close(pd.DataFrame({"A": np.exp(values)}, index=days), periods_per_year=252)


def test_published_weights() -> None:
    np.testing.assert_allclose(FractionalDifference(0.5, window=8).weights, HALF, rtol=1e-15)
    weights = FractionalDifference(0.4, window=6, threshold=0.0).weights
    np.testing.assert_allclose(weights, [1.0, -0.4, -0.12, -0.064, -0.0416, -0.029952], rtol=1e-14)


@pytest.mark.parametrize(
    ("feature", "width"),
    [
        (FractionalDifference(0.5, threshold=0.02), 7),  # the eighth weight is the first below
        (FractionalDifference(0.5, threshold=0.0625), 4),  # one as large as the threshold is kept
        (FractionalDifference(0.5, window=3, threshold=0.02), 3),
        (FractionalDifference(1.0), 2),
        (FractionalDifference(2.0), 3),
        (FractionalDifference(0.5, threshold=1e-5, window=5000), 927),  # counted by hand in a loop of exact fractions
    ],
)
def test_width(feature: FractionalDifference, width: int) -> None:
    assert len(feature.weights) == width
    assert feature.warmup == width - 1


def test_by_hand() -> None:
    # 4 - 2/2 - 3/8 = 2.625, 1 - 4/2 - 2/8 = -1.25, 0 - 1/2 - 4/8 = -1
    result = FractionalDifference(0.5, window=3)(of_logs([3.0, 2.0, 4.0, 1.0, 0.0]))["A"]
    np.testing.assert_allclose(result, [np.nan, np.nan, 2.625, -1.25, -1.0], rtol=1e-13)


def test_order_one_is_the_logarithmic_return(bars: Bars) -> None:
    np.testing.assert_allclose(FractionalDifference(1.0)(bars), LogReturns()(bars), atol=1e-13)


@pytest.mark.parametrize("order", [0.3, 0.5, 0.8])
def test_the_last_value_of_the_nile_equals_that_of_r(order: float, reference_dir: Path) -> None:
    held = json.loads((reference_dir / "fracdiff.json").read_text())
    case = next(case for case in held["cases"] if case["id"] == f"nile_diffseries_{order}")
    nile = np.array(held["series"]["Nile"])
    logs = list((nile - nile.mean()) / 100.0)  # all hundred weights reach the last value
    feature = FractionalDifference(order, window=100, threshold=0.0)
    result = 100.0 * feature(of_logs(logs))["A"].to_numpy()
    assert np.isnan(result[:99]).all()
    assert result[99] == pytest.approx(case["expected"][99], abs=1e-6)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"order": 0.0}, "FractionalDifference.order must be above 0 and at most 2; got 0.0."),
        ({"window": 1}, "FractionalDifference.window must be at least 2; got 1."),
        ({"threshold": 1.0}, "FractionalDifference.threshold must be from 0, below 1; got 1.0."),
    ],
)
def test_parameters_out_of_range(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        FractionalDifference(**parameters)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_a_history_shorter_than_the_window_is_an_error() -> None:
    with pytest.raises(FeatureError, match="its warm-up is 251 bars, the longest history has 5 bars"):
        build_features([FractionalDifference()], of_logs([3.0, 2.0, 4.0, 1.0, 0.0]))
