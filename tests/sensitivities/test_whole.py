"""Every cell is what the study itself would have come to, had it declared so."""

import json
import math
import shutil
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

import quantml as qm
from quantml import Costs, Tuning, WalkForward
from quantml.errors import DataError, InputError, ParameterError, StorageError
from quantml.features import Momentum
from quantml.sensitivities import Axes, sensitivity
from quantml.sensitivities.cells import scaled
from quantml.sensitivities.readings import BreakEven
from quantml.signals import MovingAverageCross, Sign, VolatilityTarget
from quantml.simulation import Execution, Margin, Rebalancing, Simulator, simulate
from quantml.space import Declaration
from quantml.storage import json_bytes
from tests.sensitivities.conftest import make_bars, make_study


@dataclass(frozen=True)
class Later(Declaration):
    bars: int

    def __call__(self, weights, context):
        moved = weights.frame.shift(self.bars)
        return moved.fillna(0.0)


def declared_so(study, cell):
    """Write a cell into the declaration of its study."""
    costs = replace(scaled(study.costs, cell.costs), impact=cell.impact, borrow_bps=cell.borrow_bps)
    simulator = Simulator(
        execution=Execution(participation=cell.participation),
        rebalancing=Rebalancing(band=cell.band),
        initial_cash=cell.capital,
    )
    steps = [Sign(threshold=cell.threshold), Later(cell.delay)]
    return replace(study, costs=costs, simulator=simulator, signal=steps)


def test_cells_equal_running_the_study_again(study, found):
    picked = [surface.cells[place] for surface in found.surfaces for place in (0, len(surface.cells) // 2, -1)]
    picked += [found.surface("costs").cell(2.0, 3), found.surface("capacity").cell(3.2e8, 0.05)]
    assert len({cell.delay for cell in picked}) >= 3
    assert len({cell.threshold for cell in picked}) >= 3
    for cell in picked:
        again = qm.run(declared_so(study, cell))
        assert found.outcomes[cell].sharpe_ratio == pytest.approx(again.metrics["sharpe_ratio"], abs=1e-9, nan_ok=True)
        assert found.outcomes[cell].annual_return == pytest.approx(again.metrics["annual_return"], abs=1e-9)


def test_cells_equal_plain_simulations_bit_for_bit(study, finished, found):
    table = finished.weights.pivot(index="time", columns="symbol", values="weight")
    weights = table.reindex(study.data.clock[study.data.clock >= table.index[0]])
    assert not weights.isna().to_numpy().any()  # so that only a delay leaves rows without a decision
    cells = [cell for cell in found.outcomes if cell.threshold == found.declared.threshold]
    assert len(cells) > 150
    for cell in cells:
        later = weights.shift(cell.delay)
        later.iloc[0] = later.iloc[0].fillna(0.0)
        costs = Costs(
            commission_bps=2.0 * cell.costs, spread_bps=6.0 * cell.costs, borrow_bps=cell.borrow_bps, impact=cell.impact
        )
        made = simulate(
            later, study.data, costs=costs, fill=study.fill, cash=study.cash, initial_cash=cell.capital,
            execution=Execution(participation=cell.participation), rebalancing=Rebalancing(band=cell.band),
        )  # fmt: skip
        year, outcome = study.data.periods_per_year, found.outcomes[cell]
        ratio = qm.metrics.sharpe_ratio(made.returns, periods_per_year=year, risk_free=made.risk_free)
        assert (outcome.sharpe_ratio, outcome.annual_return, outcome.ruined) == (
            ratio, qm.metrics.annual_return(made.returns, periods_per_year=year), made.ruined_at is not None
        )  # fmt: skip


def test_about_200_cells_hold_the_run_itself(finished, found):
    assert 190 <= len(found.tried) <= 210
    assert found.own.sharpe_ratio == pytest.approx(finished.metrics["sharpe_ratio"], abs=1e-12)
    own = found.cells[found.cells["declared"]]
    assert set(own["surface"]) == {"costs", "borrow", "trading"}  # capacity assumes an impact
    assert own[["costs", "delay", "borrow_bps", "band", "threshold"]].drop_duplicates().to_numpy().tolist() == [
        [1.0, 0, 40.0, 0.0, 0.001]
    ]
    assert dict(found.absent) == {}
    assert (found.cells.loc[found.cells["surface"] == "capacity", "impact"] == 1.0).all()


def test_costs_capital_and_participation_take_what_they_must(found):
    costs = found.surface("costs")
    along = [found.outcomes[cell].sharpe_ratio for _, cell in costs.along("costs")]
    assert (np.diff(along) < 0.0).all()
    table = found.cells[found.cells["surface"] == "capacity"]
    unlimited = table[table["participation"].isna()]
    assert (unlimited["filled"] == 1.0).all()
    assert (np.diff(unlimited["sharpe_ratio"]) < 0.0).all()
    largest = table[table["capital"] == table["capital"].max()].set_index("participation")["filled"]
    assert largest.loc[0.01] < largest.loc[0.1] < 1.0


def test_threads_and_folders_change_nothing(finished, found, tmp_path, strategy):
    one = sensitivity(finished, threads=1)
    assert one.cells.equals(found.cells)
    assert one.as_values() == found.as_values()
    made = qm.run(qm.load_study(strategy), out=tmp_path / "runs")
    saved = sensitivity(made.folder)
    assert saved.as_values() == sensitivity(made).as_values()
    assert json.loads(json.dumps(saved.as_values(), allow_nan=True))["run"] == f"mine/{made.id}"


STRATEGY = """
from quantml import Choice, Costs, Study, Tuning, WalkForward
from quantml.forecasters import HistoricalMean
from quantml.loaders import Sample
from quantml.signals import Sign, VolatilityTarget
from quantml.targets import ForwardReturn
from neighbour import COSTS

study = Study(
    data=Sample("indices", start="2014-01-01"), target=ForwardReturn(5), forecaster=HistoricalMean(),
    signal=[Choice(Sign(), Sign(threshold=0.002), Sign(short=False)), VolatilityTarget(0.1)], costs=COSTS,
    validation=WalkForward(train="2y", test="1y"), tuning=Tuning("sharpe_ratio"),
)
"""


@pytest.fixture
def strategy(tmp_path):
    (tmp_path / "neighbour.py").write_text("from quantml import Costs\nCOSTS = Costs(spread_bps=2)\n")
    path = tmp_path / "mine.py"
    path.write_text(STRATEGY)
    return path


def test_a_run_that_is_not_what_it_was_is_refused_in_one_sentence(strategy, tmp_path):
    made = qm.run(qm.load_study(strategy), out=tmp_path / "runs")
    copy = tmp_path / "copy"

    def spoilt(name, old, new):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(made.folder, copy)
        (copy / name).write_text((copy / name).read_text().replace(old, new, 1))
        return copy

    with pytest.raises(StorageError, match="must hold the source that was run"):
        sensitivity(spoilt("source/mine.py", "0.002", "0.003"))
    with pytest.raises(StorageError, match="must hold the source that was run"):
        sensitivity(spoilt("source/neighbour.py", "spread_bps=2", "spread_bps=3"))
    with pytest.raises(DataError, match="must be the data that the run was made from, fingerprint 000000"):
        sensitivity(spoilt("run.json", f'"data": "{made.manifest["identity"]["data"][:6]}', '"data": "000000'))
    ratio = repr(made.metrics["sharpe_ratio"])
    with pytest.raises(StorageError, match="must come out as it was saved; got 'sharpe_ratio .* run the study again"):
        sensitivity(spoilt("run.json", f'"sharpe_ratio": {ratio}', '"sharpe_ratio": 9.5'))
    earned = repr(made.metrics["annual_return"])
    with pytest.raises(StorageError, match="must come out as it was saved; got 'annual_return .* for 9.5'"):
        sensitivity(spoilt("run.json", f'"annual_return": {earned}', '"annual_return": 9.5'))
    with pytest.raises(StorageError, match="must have format version 1; got 7"):
        sensitivity(spoilt("run.json", '"format": 1', '"format": 7'))
    shutil.rmtree(copy / "source")
    (copy / "run.json").write_bytes((made.folder / "run.json").read_bytes())
    with pytest.raises(StorageError, match=r"must hold the source of its study; got 'no .*mine\.py'"):
        sensitivity(copy)
    with pytest.raises(StorageError, match="a run must be an existing folder"):
        sensitivity(tmp_path / "nowhere")


def test_a_run_that_only_forecasts_is_refused(study):
    with pytest.raises(ParameterError, match=r"study/\w+ must have traded; got 'forecasts only'"):
        sensitivity(qm.run(replace(study, signal=None)))


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("costs", [-1.0]), ("costs", [np.inf]), ("delay", [1.5]), ("participation", [0.0]), ("participation", [1.1]),
        ("capital", [0.0]), ("band", 0.1), ("threshold", ["a"]), ("borrow_bps", "12"), ("impact", -1.0),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(axis, values):
    with pytest.raises(InputError, match=f"Axes.{axis} must"):
        Axes(**{axis: values})


def test_what_cannot_be_asked_is_absent_and_says_why():
    clock = make_bars().clock
    bars = qm.Bars.from_close(make_bars().close, periods_per_year=252)
    rule = make_study(
        data=bars, signal=MovingAverageCross(5, 20), target=None, forecaster=None, costs=Costs(), fill=None,
        validation=WalkForward(train=100, test=100),
    )  # fmt: skip
    found = sensitivity(qm.run(rule))
    assert dict(found.absent) == {
        "threshold": "No step of the signal has a parameter named threshold.",
        "costs": "The study declares no costs, and a multiple of nothing is nothing.",
        "participation": "The bars have no volume, of which a share could be taken.",
        "capital": "The bars have no volume, and every cost is in proportion: any capital earns the same.",
        "borrow_bps": "Nothing is sold short, so that nothing is borrowed.",
    }
    assert found.capacity is None
    assert np.isnan(found.break_even.multiple)
    assert [surface.name for surface in found.surfaces] == ["costs", "trading"]
    assert len(clock) == 420


def test_impact_that_cannot_be_assumed_is_absent_and_says_why():
    rule = make_study(
        signal=MovingAverageCross(2, 5), target=None, forecaster=None, validation=WalkForward(train=10, test=205)
    )
    found = sensitivity(qm.run(rule))
    assert set(found.absent) == {"threshold", "participation", "capital", "borrow_bps"}
    reason = "Impact cannot be assumed: a symbol that is traded must have 22 bars at a decision"
    assert found.absent["capital"].startswith(reason)
    assert found.absent["participation"] == found.absent["capital"]
    assert found.capacity is None
    without = sensitivity(qm.run(rule), axes=Axes(impact=0.0))  # participation then stands by itself
    assert {"participation", "capital"}.isdisjoint(without.absent)


def test_a_threshold_whose_trades_cannot_be_charged_is_left_out(study):
    late = np.arange(420)[:, None] < [0, 0, 130]  # C has 11 bars when the fold from row 140 forecasts it
    bars = qm.Bars.from_close(make_bars().close.mask(late), periods_per_year=252)
    costs = Costs(spread_bps=6.0, slippage_volatility=0.1)
    found = sensitivity(qm.run(replace(study, data=bars, costs=costs, signal=Sign(threshold=0.5))))
    assert found.surface("trading").values[1] == (0.011, 0.5)  # under 0.011, C is traded too early
    assert min(found.refused) == 0.0
    assert all(why.startswith("a symbol that is traded must have 22 bars") for why in found.refused.values())


def test_thresholds_whose_weights_the_account_refuses_are_left_out_and_say_why(study):
    margin = Simulator(margin=Margin(leverage=1.2))
    targeted = replace(study, simulator=margin, signal=[Sign(threshold=0.006), VolatilityTarget(0.1, max_gross=5.0)])
    finished = qm.run(targeted)  # 10 % a year take up to 0.99 of equity; with a threshold of 0, 1.36
    found = sensitivity(finished, axes=Axes(costs=(1.0,), delay=(0,), threshold=(0.0, 0.01)))
    assert found.surface("trading").values[1] == (0.006, 0.01)
    assert list(found.refused) == [0.0]
    assert found.refused[0.0].startswith("the absolute weights of a decision must add up to at most")
    assert "threshold" not in found.absent
    assert found.as_values()["refused"] == [{"threshold": 0.0, "reason": found.refused[0.0]}]
    only = sensitivity(finished, axes=Axes(costs=(1.0,), delay=(0,), threshold=(0.0,)))
    assert only.absent["threshold"] == found.refused[0.0]
    assert dict(only.refused) == {}


@pytest.mark.parametrize("run", [None, 5, Axes])
def test_what_is_no_run_is_refused(run):
    with pytest.raises(InputError, match="run must be a Run, or the path of a run's folder; got "):
        sensitivity(run)


def test_axes_that_are_none_are_refused(finished):
    with pytest.raises(InputError, match="axes must be a quantml.sensitivities.Axes; got "):
        sensitivity(finished, axes={"costs": (1.0, 2.0)})


def test_values_tell_what_is_never_reached_from_what_does_not_apply(found):
    never = replace(found, break_even=BreakEven(math.nan, math.inf, 3.0)).as_values()
    written = json.loads(json_bytes(never))
    assert written["break_even"] == {"multiple": None, "bps": "Infinity", "paid_bps": 3.0}
    sized = replace(found, capacity=replace(found.capacity, half=3e7, zero=math.inf, least=math.nan))
    written = json.loads(json_bytes(sized.as_values()))["capacity"]
    assert (written["half"], written["zero"], written["least"]) == (3e7, "Infinity", None)


def test_what_several_folds_chose_lies_amidst_the_thresholds(study):
    tuned = replace(study, signal=[qm.Choice(Sign(), Sign(threshold=0.001))], tuning=Tuning("sharpe_ratio"))
    found = sensitivity(qm.run(tuned), axes=Axes(threshold=(0.0002, 0.003)))
    assert found.declared.threshold is None
    assert found.surface("trading").values[1] == (0.0, 0.0002, None, 0.001, 0.003)


def test_a_run_that_never_trades_says_so(study):
    found = sensitivity(qm.run(replace(study, signal=Sign(threshold=9.0))))
    assert np.isnan(found.own.sharpe_ratio)
    assert found.sentence.startswith("The run has nothing to lose: it never traded")
    assert np.isnan([found.break_even.multiple, found.break_even.bps, found.break_even.paid_bps]).all()
    assert found.failures == ()


def test_capital_counts_without_volume_where_costs_do_not_grow_with_it(study):
    bars = qm.Bars.from_close(make_bars().close, periods_per_year=252)
    found = sensitivity(qm.run(replace(study, data=bars, costs=Costs(commission_minimum=5.0))))
    assert set(found.absent) == {"participation"}
    along = [found.outcomes[cell].sharpe_ratio for _, cell in found.surface("capacity").along("capital")]
    assert (np.diff(along) > 0.0).all()  # the minimum weighs less
    assert not found.capacity.assumed


def test_a_threshold_that_was_not_saved_with_its_forecasts_is_absent(study):
    class Fitted(Sign):
        def fit(self, train):
            return self

    found = sensitivity(qm.run(replace(study, signal=Fitted(threshold=0.001), features=[Momentum(5)])))
    assert found.absent["threshold"] == "The signal has steps that were fitted in each fold, and these are not saved."


def test_the_default_axes_hold_pandas_frames_apart(found):
    first = found.cells
    first.iloc[0, 1] = 99.0
    assert found.cells.iloc[0, 1] != 99.0
    assert isinstance(found.cells, pd.DataFrame)
