"""The tables of a run, against the same numbers worked out from its other tables."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

import quantml as qm
from quantml import Choice, Costs, Fill, Study, Tuning, WalkForward, accuracy, metrics, record
from quantml.canonical import canonical
from quantml.errors import StudyError
from quantml.exogenous import Exogenous
from quantml.features import Momentum, Returns
from quantml.forecasters import HistoricalMean, Ridge
from quantml.loaders import Published, Sample, Synthetic
from quantml.signals import MovingAverageCross, Sign
from quantml.targets import ForwardReturn
from quantml.validation.walkforward import walk_forward
from quantml.validation.workers import Loky

BARS = Synthetic(symbols=2, sessions=600, seed=5).load()


def study(**changes):
    parts = {
        "data": BARS,
        "features": [Returns(1), Momentum(10)],
        "target": ForwardReturn(horizon=3),
        "forecaster": Ridge(alpha=1.0),
        "signal": Sign(),
        "costs": Costs(commission_bps=5),
        "validation": WalkForward(train=200, test=100),
    }
    return Study(**{**parts, **changes})


@dataclass(frozen=True)
class Crossing:
    """A rule that takes anything."""

    fast: Any
    slow: int

    def __call__(self, weights, context):
        return context.weights(np.full(context.bars.array("close").shape, 1.0 / self.slow))


def test_a_folds_out_of_sample_score_is_that_of_the_returns_its_decisions_earned():
    finished = qm.run(study())
    equity = finished.equity.set_index("time")["returns"]
    starts = [*finished.folds["test_first"], BARS.clock[-1]]
    for score, first, last in zip(finished.folds["out_of_sample"], starts[:-1], starts[1:], strict=True):
        earned = equity[(equity.index > first) & (equity.index <= last)]
        assert score == pytest.approx(metrics.sharpe_ratio(earned, periods_per_year=252), rel=1e-12)


def test_an_objective_that_fails_out_of_sample_is_named_with_its_fold():
    second = f"{BARS.clock[300]:%Y-%m-%d}"

    def mean(returns):
        if len(returns) == 100 and f"{returns.index[0]:%Y-%m-%d}" > second:  # 200 bars are looked at in sample
            raise LookupError("too few")
        return returns.mean()

    rule = {"features": (), "target": None, "forecaster": None, "signal": MovingAverageCross(Choice(5, 10), 50)}
    known = rf"^fold 1 \(test from {second}\): the objective mean, out of sample, failed: LookupError: too few \(line"
    with pytest.raises(StudyError, match=known):
        qm.run(study(**rule, tuning=Tuning(mean)))


def test_the_declared_baseline_is_the_one_compared_with():
    table = qm.run(study(baseline=HistoricalMean())).forecasts
    first = table[table["time"] == BARS.clock[200]].set_index("symbol")["baseline"]
    known = ForwardReturn(horizon=3).build(BARS, Fill.NEXT_OPEN).frame.iloc[:197]  # a label ends 4 bars on
    assert first.to_numpy() == pytest.approx(known.mean().to_numpy(), rel=1e-12)
    assert (table.groupby("symbol")["baseline"].nunique() == 4).all()  # one mean for each fold


def test_the_baseline_is_refitted_where_the_model_is():
    refitted = study(baseline=HistoricalMean(), validation=WalkForward(train=200, test=400, refit=100))
    table = qm.run(refitted).forecasts
    assert (table.groupby("symbol")["baseline"].nunique() == 4).all()


def test_accuracy_is_measured_against_the_baseline_at_the_horizon():
    finished = qm.run(study(baseline=HistoricalMean()))
    wide = finished.forecasts.pivot(index="time", columns="symbol").dropna()
    columns = [wide[name].to_numpy() for name in ("realised", "mean", "baseline")]
    found = finished.manifest["accuracy"]
    squares = [np.sum((columns[0] - other) ** 2) for other in columns[1:]]
    assert found["skill"] == pytest.approx(1 - squares[0] / squares[1], rel=1e-9)
    tested = accuracy.diebold_mariano(*columns[:2], rival=columns[2], horizon=3)
    assert found["diebold_mariano"] == pytest.approx(tested.statistic, rel=1e-9)
    at_one = accuracy.diebold_mariano(*columns[:2], rival=columns[2], horizon=1)
    assert tested.statistic != pytest.approx(at_one.statistic, rel=1e-3)


def test_tuned_horizons_are_tested_at_the_longest():
    tuned = study(target=ForwardReturn(horizon=Choice(1, 5)), tuning=Tuning())
    finished = qm.run(tuned)
    chosen = [json.loads(text)["target.horizon"] for text in finished.folds["parameters"]]
    assert sorted(set(chosen)) == [1, 5]  # else the test would show nothing
    wide = finished.forecasts.pivot(index="time", columns="symbol").dropna()
    columns = [wide[name].to_numpy() for name in ("realised", "mean", "baseline")]
    tested = accuracy.diebold_mariano(*columns[:2], rival=columns[2], horizon=5)
    assert finished.manifest["accuracy"]["diebold_mariano"] == pytest.approx(tested.statistic, rel=1e-9)


def test_the_chosen_candidate_is_marked_once_where_alternatives_are_objects():
    tuned = study(forecaster=Choice(Ridge(alpha=1.0), Ridge(alpha=9.0)), tuning=Tuning())
    for executor in (None, Loky(2)):
        finished = qm.run(tuned, executor=executor)
        assert (finished.candidates.groupby("fold")["chosen"].sum() == 1).all()
        chosen = finished.candidates[finished.candidates["chosen"]]["parameters"]
        assert chosen.tolist() == finished.folds["parameters"].tolist()


def test_each_candidate_is_written_down_once_for_all_folds(monkeypatch):
    spaces = {"fast": Choice(1, True, 5), "slow": Choice(10, 20)}  # 1 and True are two values
    rule = {"features": (), "target": None, "forecaster": None, "signal": Crossing(**spaces), "tuning": Tuning()}
    written = []
    monkeypatch.setattr(record, "canonical", lambda values, bundle: written.append(values) or canonical(values, bundle))
    table = record.candidates_table(walk_forward(study(**rule), BARS))
    assert (len(table), len(written), table["parameters"].nunique()) == (4 * 6, 6, 6)
    known = [json.dumps({"signal.0.fast": fast, "signal.0.slow": slow}) for fast in (1, True, 5) for slow in (10, 20)]
    assert table["parameters"].tolist() == known * 4


def test_the_benchmark_pays_costs_too():
    free, charged = (
        qm.run(study(costs=costs)).equity["benchmark_equity"] for costs in (Costs(), Costs(commission_bps=50))
    )
    assert (free - charged).iloc[1:].to_numpy() == pytest.approx(5000.0, rel=1e-9)  # 50 bps of 1e6, bought once


def test_the_verdicts_draws_hang_on_the_seed():
    first, second = (qm.run(study(seed=seed)) for seed in (0, 1))
    assert first.equity.equals(second.equity)  # Ridge draws nothing
    assert first.verdict != second.verdict


@pytest.mark.parametrize("part", ["package_digest", "versions"])
def test_another_source_or_version_is_another_run(part, monkeypatch):
    before = qm.run(study()).id
    monkeypatch.setattr(f"quantml.manifest.{part}", lambda: "another")
    assert qm.run(study()).id != before


def test_an_outside_table_is_kept_with_its_lag_and_its_loaders_notes():
    table = Published("bond_yields")
    days = pd.DatetimeIndex(["2000-01-31", "2000-02-29", "2000-03-31"])
    own = Exogenous(pd.DataFrame({"x": [1.0, 2.0, 3.0]}, days), name="own", lag="1m")
    found = qm.run(study(exogenous=[table, own])).manifest["data"]
    assert found["tables"] == {"bond_yields": ["AAA", "BAA"], "own": ["x"]}
    assert found["outside"]["bond_yields"] == {"rows": 1200, "known_after_days": [7.0, 7.0], "notes": list(table.notes)}
    # a month after them are 29 February, 29 March and 30 April
    assert found["outside"]["own"] == {"rows": 3, "known_after_days": [29.0, 30.0], "notes": []}


def test_fills_at_opens_that_repeat_the_close_before_are_warned_of():
    rule = {"signal": MovingAverageCross(fast=5, slow=20), "validation": WalkForward(train=100, test=50)}
    data = Sample("indices", start="2001-01-01", end="2001-12-31")
    for fill, told in ((None, 1), (Fill.NEXT_OPEN, 1), (Fill.NEXT_CLOSE, 0)):
        notes = qm.run(Study(data=data, fill=fill, **rule)).manifest["data"]["notes"]
        found = [note for note in notes if note.startswith("Fill:")]
        assert len(found) == told
    share = (data.load().raw.open["^GSPC"] == data.load().raw.close["^GSPC"].shift()).iloc[1:].mean()
    told = qm.run(Study(data=data, **rule)).manifest["data"]["notes"]
    assert any(f"on {100 * share:.0f} % of ^GSPC's bars. " in note for note in told)
