"""What holds for every step of a signal, whatever the world."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quantml import signals
from quantml.bars import Bars
from quantml.forecasters.base import Forecast
from quantml.signals import (
    BenchmarkRelative,
    BlackLitterman,
    Cap,
    Context,
    CostAwareRebalance,
    EqualWeight,
    EwmaCovariance,
    Exposure,
    Follow,
    GroupCap,
    HierarchicalRiskParity,
    Hysteresis,
    InverseVolatility,
    Kelly,
    LedoitWolf,
    MeanVariance,
    MinimumShortfall,
    MinimumVariance,
    MovingAverageCross,
    NoTradeBand,
    Optimised,
    Proportional,
    RankLongShort,
    Rebalance,
    RiskParity,
    Sign,
    TopK,
    TurnoverCap,
    VolatilityTarget,
    apply_steps,
)
from quantml.simulation.costs import Costs


def last_return(bars: Bars) -> pd.DataFrame:
    """Rank by the return over the last bar."""
    return bars.returns()


def pairwise(bars: Bars) -> pd.DataFrame:
    """Put A and B in one group, C and D in another."""
    return bars.close * 0.0 + [1.0, 1.0, 2.0, 2.0]


ON_FORECASTS: dict[str, tuple[Any, ...]] = {
    "sign": (Sign(0.002),),
    "sign long": (Sign(short=False),),
    "proportional": (Proportional(20.0),),
    "rank": (RankLongShort(0.3),),
    "rank long": (RankLongShort(0.5, short=False),),
    "volatility": (Sign(), VolatilityTarget(0.1, window=5)),
    "cap": (Proportional(100.0), Cap(per_symbol=0.3, gross=0.5, net=0.2)),
    "weekly": (Sign(), Rebalance("1w")),
    "every 7": (Sign(), Rebalance(7)),
    "hysteresis": (Hysteresis(0.01, 0.002),),
    "top": (TopK(2),),
    "top short": (TopK(1, short=True),),
    "inverse volatility": (RankLongShort(0.5), InverseVolatility(6)),
    "minimum variance": (TopK(3), MinimumVariance(8, lower=0.0)),
    "parity": (Sign(), RiskParity(8, LedoitWolf())),
    "hierarchy": (RankLongShort(0.5), HierarchicalRiskParity(8)),
    "utility": (MeanVariance(window=8, risk_aversion=5.0, lower=-0.5, upper=0.8, budget=None),),
    "black litterman": (BlackLitterman(window=8, lower=0.0),),
    "group": (Proportional(50.0), GroupCap(pairwise, gross=0.3, net=0.2)),
    "exposure": (Proportional(50.0), Exposure(gross=1.0)),
    "relative": (RankLongShort(), BenchmarkRelative()),
    "band": (Proportional(20.0), NoTradeBand(0.02)),
    "turnover": (RankLongShort(), TurnoverCap(0.3)),
    "cost aware": (Proportional(20.0), CostAwareRebalance(5.0, window=6)),
    "all": (RankLongShort(), VolatilityTarget(0.2, 3), Cap(gross=1.0), Rebalance("1m")),
}
ON_SUCCESS: dict[str, tuple[Any, ...]] = {
    "follow": (Follow(),),
    "kelly on success": (Kelly(),),
    "follow all": (Follow(0.0), Cap(gross=0.5)),
}
ON_DIRECTIONS: dict[str, tuple[Any, ...]] = {"kelly": (Kelly(1.0, payoff=2.0),)}
ON_BARS: dict[str, tuple[Any, ...]] = {
    "cross": (MovingAverageCross(2, 6),),
    "cross short": (MovingAverageCross(3, 4, short=True),),
    "rank by": (RankLongShort(by=last_return),),
    "equal": (EqualWeight(),),
    "unbounded": (MinimumVariance(8, EwmaCovariance(3.0)),),
    "means": (MeanVariance(window=8),),
    "sized cross": (MovingAverageCross(1, 3), VolatilityTarget(0.1, 4)),
}
EVERY = {**ON_FORECASTS, **ON_SUCCESS, **ON_DIRECTIONS, **ON_BARS}
anew = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
seeds = st.integers(0, 10**5)


def test_the_list_of_steps_is_complete() -> None:
    listed = {type(step).__name__ for steps in EVERY.values() for step in steps}
    parts = {
        "Context",
        "EwmaCovariance",
        "KalmanHedge",
        "LedoitWolf",
        "OlsHedge",
        "SampleCovariance",
        "Step",
        "Weights",
    }
    fitted = {"CointegratedPairs", "PairSpread"}  # tests of their own, as optimisers have: they are slow
    optimised = {MinimumShortfall.__name__, Optimised.__name__}
    assert listed == set(signals.__all__) - parts - fitted - optimised - {"apply_steps"}


@pytest.mark.parametrize("name", signals.__all__)
def test_every_public_name_loads(name: str) -> None:
    assert getattr(signals, name).__name__ == name
    assert name in dir(signals)


def cut(context: Context, row: int) -> Context:
    """Return what was known at the close of a row."""
    bars, whole = context.bars.until(context.bars.clock[row]), context.forecast
    if whole is None:
        return replace(context, bars=bars)
    probability = None if whole.probability is None else whole.probability[: row + 1]
    forecast = Forecast(clock=bars.clock, symbols=bars.symbols, mean=whole.mean[: row + 1], probability=probability,
                        variance=None, quantiles=None, kind=whole.kind, fold=whole.fold[: row + 1])  # fmt: skip
    return replace(context, bars=bars, forecast=forecast)


def asked(name: str, context: Context) -> Context:
    """Make the forecast one of a direction or of a primary rule's success where that is what the steps are for."""
    context = replace(context, costs=Costs(spread_bps=20))
    if name not in {*ON_SUCCESS, *ON_DIRECTIONS} or context.forecast is None:
        return context
    probability = 1 / (1 + np.exp(-100 * context.forecast.mean))
    if name in ON_DIRECTIONS:
        return replace(context, forecast=replace(context.forecast, probability=probability, kind="direction"))
    forecast = replace(context.forecast, mean=probability, probability=probability, kind="success")
    return replace(context, forecast=forecast, primary=(MovingAverageCross(2, 6, short=True),))


@pytest.mark.parametrize("name", EVERY)
@anew
@given(seed=seeds, row=st.integers(1, 38))
def test_the_future_changes_no_weight(world: Any, name: str, seed: int, row: int) -> None:
    forecasts = name not in ON_BARS
    context = asked(name, world(seed, forecasts=forecasts))
    other = asked(name, world(seed, change_after=row, forecasts=forecasts))
    whole, changed = (apply_steps(EVERY[name], part).values[: row + 1] for part in (context, other))
    assert changed.tobytes() == whole.tobytes()
    np.testing.assert_allclose(apply_steps(EVERY[name], cut(context, row)).values, whole, rtol=1e-10, atol=0)


def test_the_property_above_would_see_a_change(world: Any) -> None:
    def peek(inputs: Any, context: Context) -> pd.DataFrame:
        return pd.DataFrame(dict.fromkeys(context.bars.symbols, context.bars.close["A"].shift(-1)))

    whole, changed = (apply_steps([peek], world(1, change_after=after)).values for after in (None, 20))
    assert whole[:21].tobytes() != changed[:21].tobytes()
    assert whole[:20].tobytes() == changed[:20].tobytes()


@pytest.mark.parametrize(
    "name",
    [
        "sign",
        "sign long",
        "rank",
        "rank long",
        "follow",
        "cross",
        "cross short",
        "rank by",
        "hysteresis",
        "top",
        "top short",
        "kelly",
        "kelly on success",
        "equal",
    ],
)
@anew
@given(seed=seeds)
def test_rules_have_a_gross_exposure_of_at_most_one(world: Any, name: str, seed: int) -> None:
    context = asked(name, world(seed, forecasts=name not in ON_BARS))
    values = apply_steps(EVERY[name], context).values
    assert np.all(np.abs(values).sum(axis=1) <= 1.0 + 1e-12)
    assert not values[~context.bars.traded].any()
    assert not np.isnan(values).any()


@pytest.mark.parametrize("name", ["rank", "rank by"])
@anew
@given(seed=seeds)
def test_long_short_has_gross_one_and_net_zero(world: Any, name: str, seed: int) -> None:
    context = world(seed, forecasts=name in ON_FORECASTS)
    values = apply_steps(EVERY[name], context).values
    held = rankable(context) >= 2
    np.testing.assert_allclose(np.abs(values).sum(axis=1), held.astype(float), atol=1e-12)
    np.testing.assert_allclose(values.sum(axis=1), 0.0, atol=1e-12)


@anew
@given(seed=seeds)
def test_long_only_ranks_are_fully_invested(world: Any, seed: int) -> None:
    context = world(seed)
    values = apply_steps(EVERY["rank long"], context).values
    np.testing.assert_allclose(values.sum(axis=1), (rankable(context) >= 2).astype(float), atol=1e-12)
    assert np.all(values >= 0.0)


def rankable(context: Context) -> NDArray[np.int64]:
    scores = context.bars.returns().to_numpy() if context.forecast is None else context.forecast.mean
    count: NDArray[np.int64] = np.sum(~np.isnan(scores) & context.bars.traded, axis=1)
    return count


@pytest.mark.parametrize("name", ["weekly", "every 7"])
@anew
@given(seed=seeds)
def test_rebalancing_only_takes_decisions_away(world: Any, name: str, seed: int) -> None:
    context = world(seed)
    before = apply_steps(EVERY[name][:1], context).values
    after = apply_steps(EVERY[name], context).values
    kept = np.asarray(~np.isnan(after).all(axis=1))
    np.testing.assert_array_equal(after[kept], before[kept])
    assert kept[0]
    assert kept.sum() == (8 if name == "weekly" else 6)  # forty weekdays from a Monday


INVESTED = ["inverse volatility", "minimum variance", "parity", "hierarchy"]


@pytest.mark.parametrize("name", INVESTED)
@anew
@given(seed=seeds)
def test_allocations_keep_sides_and_exposure(world: Any, name: str, seed: int) -> None:
    context = asked(name, world(seed))
    before, after = (apply_steps(EVERY[name][:count], context).values for count in (1, 2))
    decided = after.any(axis=1)
    assert np.all(after * before >= 0.0)
    np.testing.assert_allclose(np.abs(after).sum(axis=1)[decided], np.abs(before).sum(axis=1)[decided], rtol=1e-9)


@anew
@given(seed=seeds)
def test_limits_hold_whatever_the_weights(world: Any, seed: int) -> None:
    context = world(seed)
    capped = apply_steps(EVERY["cap"], context).values
    assert np.all(np.abs(capped) <= 0.3 + 1e-12)
    assert np.all(np.abs(capped).sum(axis=1) <= 0.5 + 1e-12)
    assert np.all(np.abs(capped.sum(axis=1)) <= 0.2 + 1e-12)
    grouped = apply_steps(EVERY["group"], context).values
    for group in (grouped[:, :2], grouped[:, 2:]):
        assert np.all(np.abs(group).sum(axis=1) <= 0.3 + 1e-12)
        assert np.all(np.abs(group.sum(axis=1)) <= 0.2 + 1e-12)


@pytest.mark.parametrize("on_forecasts", [False, True])
@anew
@given(seed=seeds, room=st.floats(0.0, 0.4))
def test_optimal_weights_keep_bounds_and_budget(world: Any, on_forecasts: bool, seed: int, room: float) -> None:
    context, lower, upper = world(seed, forecasts=on_forecasts), -0.1, 0.35 + room
    step = MeanVariance(window=8, risk_aversion=2.0, lower=lower, upper=upper)
    values = apply_steps([step], context).values
    decided = values.any(axis=1)
    assert decided[10:].any()
    assert np.all((values >= lower - 1e-12) & (values <= upper + 1e-12))
    np.testing.assert_allclose(values[decided].sum(axis=1), 1.0, atol=1e-9)
    if not on_forecasts:
        shares = apply_steps([MinimumVariance(8, lower=lower, upper=upper)], context).values
        held = shares.any(axis=1)
        assert np.all((shares >= lower - 1e-12) & (shares <= upper + 1e-12))
        np.testing.assert_allclose(shares[held].sum(axis=1), 1.0, atol=1e-9)


@anew
@given(seed=seeds)
def test_what_has_no_bar_is_not_held(world: Any, seed: int) -> None:
    for name, steps in EVERY.items():
        context = asked(name, world(seed, forecasts=name not in ON_BARS))
        absent = ~context.bars.traded
        assert not np.nan_to_num(apply_steps(steps, context).values[absent]).any(), name


@anew
@given(seed=seeds)
def test_what_is_said_to_decide_row_by_row_needs_no_earlier_forecast(world: Any, seed: int) -> None:
    for name, steps in EVERY.items():
        context = asked(name, world(seed, forecasts=name not in ON_BARS))
        if context.forecast is None or not all(getattr(step, "by_row", False) for step in steps):
            continue
        late = {part: None if getattr(context.forecast, part) is None else getattr(context.forecast, part).copy()
                for part in ("mean", "probability")}  # fmt: skip
        for values in late.values():
            if values is not None:
                values[:30] = np.nan
        whole, alone = (apply_steps(steps, part).values for part in
                        (context, replace(context, forecast=replace(context.forecast, **late))))  # fmt: skip
        np.testing.assert_array_equal(alone[30:], whole[30:], err_msg=name)


def test_what_carries_a_state_does_not_say_so() -> None:
    stateful = {Hysteresis, NoTradeBand, TurnoverCap, CostAwareRebalance, Rebalance}
    assert not any(getattr(step, "by_row", False) for step in stateful)
