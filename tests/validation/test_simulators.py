"""Studies that say how their account is kept."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import quantml as qm
from quantml import Bars, Choice, Costs, Fill, Study, WalkForward
from quantml.errors import StudyError
from quantml.simulation import Execution, Simulator, StopLoss, TakeProfit, simulate


@dataclass(frozen=True)
class Long:
    """Hold a fifth of equity, always."""

    by_row = True

    def __call__(self, weights, context):
        return context.weights(np.full((len(context.bars), 1), 0.2))


def falling() -> Bars:
    """Bars that lose 5 % on row 45 and go sideways otherwise."""
    generator = np.random.default_rng(1)
    close = 100.0 * np.cumprod(1.0 + generator.normal(0.0, 0.002, 120))
    close[45:] *= 0.95
    opens = np.concatenate([close[:1], close[:-1]])
    data = {
        "open": opens,
        "high": np.maximum(opens, close) * 1.001,
        "low": np.minimum(opens, close) * 0.999,
        "close": close,
        "volume": np.full(120, 1e4),
    }
    clock = pd.bdate_range("2024-01-01", periods=120)
    frames = {name: pd.DataFrame({"A": values}, clock) for name, values in data.items()}
    return Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)


def study(**more) -> Study:
    validation = WalkForward(train=30, test=10)
    return Study(data=falling(), signal=Long(), validation=validation, fill=Fill.NEXT_OPEN, **more)


def test_what_a_stop_has_closed_stays_closed_in_later_folds() -> None:
    simulator = Simulator(exits=StopLoss(0.03), execution=Execution(lot=1), initial_cash=5e4)
    done = qm.run(study(simulator=simulator))
    assert len(done.folds) > 5
    assert done.fills["kind"].tolist()[-1] == "loss"
    last = done.fills["time"].iloc[-1]
    assert last == falling().clock[45]
    assert (done.simulation.positions.loc[last:] == 0.0).all(axis=None)
    assert (done.fills["units"] % 1.0 == 0.0).all()
    assert done.simulation.initial_cash == done.benchmark.initial_cash == 5e4
    assert done.trades["exit_reason"].tolist()[-1] == "loss"


def test_costs_are_measured_on_bars_before_the_first_decision() -> None:
    costs = Costs(impact=1.0, slippage_volatility=0.1, window=25)
    done = qm.run(study(costs=costs))
    assert (done.fills["impact"] > 0.0).all()
    assert done.equity["impact"].iloc[1] > 0.0
    assert len(done.benchmark.fills) == 1
    weights = done.weights.pivot(index="time", columns="symbol", values="weight")
    again = simulate(weights, falling(), costs=costs, fill=Fill.NEXT_OPEN)
    np.testing.assert_array_equal(again.equity, done.equity["equity"])


def test_the_optimistic_path_is_kept_beside_the_other(tmp_path) -> None:
    simulator = Simulator(exits=[StopLoss(0.0005), TakeProfit(0.0005)], reenter=True)
    done = qm.run(study(simulator=simulator), out=tmp_path)
    assert (done.equity["optimistic_equity"] >= done.equity["equity"]).all()
    assert done.equity["optimistic_equity"].iloc[-1] > done.equity["equity"].iloc[-1]


@pytest.mark.parametrize(
    ("simulator", "text"),
    [
        (3, "simulator must be an object such as Simulator"),
        (Simulator(exits=StopLoss(Choice(0.1, 0.2))), "simulator must hold no search space"),
    ],
)
def test_bad_simulators_are_refused(simulator, text) -> None:
    with pytest.raises(StudyError, match=text):
        study(simulator=simulator)


def test_a_simulator_is_part_of_what_a_study_is() -> None:
    one, two = (study(simulator=Simulator(exits=StopLoss(distance))) for distance in (0.1, 0.2))
    assert one.hash != two.hash != study().hash
    assert one.override(["simulator.initial_cash=5000"]).simulator.initial_cash == 5000
