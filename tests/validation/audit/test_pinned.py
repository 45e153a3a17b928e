"""A problem in another world: its bars are that world's, what its stages are given is as it was."""

from __future__ import annotations

import numpy as np
import pytest

from quantml.targets import ForwardReturn
from quantml.validation.audit.pinned import Pinned
from quantml.validation.audit.worlds import Perturbed, Truncated, World
from tests.validation.audit import planted
from tests.validation.audit.planted import BARS, finished, study

ROW = 150
worlds = pytest.mark.parametrize(
    "world", [Truncated(BARS.clock[ROW]), Perturbed(BARS.clock[ROW], seed=0)], ids=["cut", "other"]
)


@worlds
def test_stages_are_given_what_they_were_given(world: World) -> None:
    """Though features, target and forecasts all look ahead, no stage after them is shown that."""
    result = finished(study(features=[planted.standing], target=planted.Early(by=3), forecaster=planted.Drift()))
    problem = Pinned.put(result.problem, world)
    assert problem.known == ROW + 1
    was, now = result.problem.features({}), problem.features({})
    assert np.array_equal(now.values[: ROW + 1], was.values[: ROW + 1])
    target, pinned = result.problem.target({}), problem.target({})
    known = target.label_end[: ROW + 1] <= ROW
    assert np.array_equal(pinned.values[: ROW + 1][known], target.values[: ROW + 1][known])
    assert result.forecast is not None
    forecast = problem.forecast(result.forecast)
    assert forecast is not None
    assert np.array_equal(forecast.mean[: ROW + 1], result.forecast.mean[: ROW + 1], equal_nan=True)
    assert len(forecast.mean) == len(now.values) == len(pinned.values) == len(problem.bars)


@worlds
def test_its_bars_are_those_of_the_world(world: World) -> None:
    problem = Pinned.put(finished(study()).problem, world)
    assert problem.bars.fingerprint == world.bars(BARS).fingerprint
    assert problem.feature_bars is problem.bars


def test_without_a_forecast_there_is_none() -> None:
    problem = Pinned.put(finished(study(signal=None)).problem, Truncated(BARS.clock[ROW]))
    assert problem.forecast(None) is None
    assert problem.study.target == ForwardReturn(horizon=2)
