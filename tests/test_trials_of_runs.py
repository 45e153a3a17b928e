"""What is kept is counted: trials of runs, what they take off a verdict, and the lockbox that is opened once."""

import json
import sqlite3

import pandas as pd
import pytest

import quantml as qm
from quantml import Choice, Costs, Fill, Study, Tuning, WalkForward, load_run
from quantml.errors import DataError, ParameterError, SplitError, StorageError
from quantml.evaluation.inference import SharpeEstimate, deflated_sharpe_ratio, probabilistic_sharpe_ratio
from quantml.features import Momentum
from quantml.forecasters import HistoricalMean, Ridge
from quantml.loaders import Sample
from quantml.runs import list_runs
from quantml.runs import run as run_apart
from quantml.signals import MovingAverageCross, Rebalance, Sign
from quantml.targets import ForwardReturn
from quantml.validation.trials.record import TrialRecord


def study(**changes):
    parts = {
        "data": Sample("indices", start="2012-01-01", symbols=["^GSPC"]),
        "signal": MovingAverageCross(fast=5, slow=50),
        "costs": Costs(commission_bps=1),
        "fill": Fill.NEXT_CLOSE,
        "validation": WalkForward(train="2y", test="1y"),
    }
    return Study(**{**parts, **changes})


FORECASTS = {"features": [Momentum(5)], "target": ForwardReturn(horizon=1), "forecaster": Ridge(), "signal": Sign()}


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_n_and_v_are_those_of_the_variants_that_were_kept(tmp_path):
    finished = [qm.run(study(), out=tmp_path, settings=[f"signal.0.slow={slow}"]) for slow in (50, 100, 200)]
    ratios = [part.metrics["sharpe_ratio"] for part in finished]
    returns = finished[2].simulation.returns
    assert finished[0].verdict.deflation.trials == 1
    assert finished[0].verdict.deflation.deflated_sharpe_ratio == probabilistic_sharpe_ratio(
        finished[0].simulation.returns
    )
    found, variance = finished[2].verdict.deflation, pd.Series(ratios).var() / 252
    assert (found.trials, found.variance) == (3, pytest.approx(variance, rel=1e-12))
    known = deflated_sharpe_ratio(SharpeEstimate.of(returns), trials=3, variance=variance)
    assert found.deflated_sharpe_ratio == pytest.approx(known, rel=1e-12)
    written = json.loads((finished[2].folder / "verdict.json").read_text())["deflation"]
    assert (written["trials"], written["record"]) == (3, found.record)
    assert load_run(finished[2].folder).verdict == finished[2].verdict
    recorded = TrialRecord(tmp_path)
    pd.testing.assert_series_equal(recorded.returns(recorded.trials()[2]), returns, check_names=False, check_freq=False,
                                   check_index_type=False)  # fmt: skip


def test_a_rerun_is_no_other_trial_and_gives_the_same_bytes(tmp_path):
    first = qm.run(study(), out=tmp_path / "a")
    assert contents(qm.run(study(), out=tmp_path / "a").folder) == contents(
        first.folder
    )  # not even its timing is touched
    apart = contents(qm.run(study(name="study"), out=tmp_path / "b").folder)
    assert {name: part for name, part in apart.items() if name != "timing.json"} == {
        name: part for name, part in contents(first.folder).items() if name != "timing.json"
    }
    qm.run(study(name="another"), out=tmp_path / "a")
    qm.run(study(), out=tmp_path / "a", settings=["seed=0"])
    assert [one.study for one in TrialRecord(tmp_path / "a").trials()] == ["study"]


def test_once_others_were_recorded_only_the_verdict_of_a_rerun_is_another(tmp_path):
    first = qm.run(study(), out=tmp_path)
    before = contents(first.folder)
    qm.run(study(costs=Costs(commission_bps=2)), out=tmp_path)
    assert contents(first.folder) == before
    again = qm.run(study(), out=tmp_path)
    after = contents(again.folder)
    assert {name for name in before if before[name] != after[name]} == {"verdict.json", "report.html"}
    assert again.verdict.deflation.trials == 2
    assert b"It is one of 2 variants on record" in after["report.html"]
    (first.folder / "verdict.json").write_text(json.dumps({**json.loads(after["verdict.json"]), "years": 99.0}))
    with pytest.raises(StorageError, match="must equal the same run's new file"):
        qm.run(study(), out=tmp_path)


def test_what_is_not_kept_is_not_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finished = qm.run(study())
    qm.audit(study())
    run_apart(study())
    qm.sensitivity(finished)
    assert list(tmp_path.iterdir()) == []
    assert finished.verdict.deflation is None
    assert "is not counted" in finished.verdict.paragraph


def test_a_study_that_only_forecasts_is_recorded_and_not_counted(tmp_path):
    qm.run(study(**FORECASTS | {"signal": None, "forecaster": HistoricalMean()}), out=tmp_path)
    (trial,) = TrialRecord(tmp_path).trials()
    assert (trial.counts, len(TrialRecord(tmp_path).returns(trial))) == (False, 0)


def future(bars):
    return bars.close.shift(-1) / bars.close - 1.0


def test_a_run_that_leaks_is_recorded_and_not_counted(tmp_path):
    leaky = qm.run(study(**FORECASTS | {"features": [future]}), out=tmp_path)
    assert (leaky.verdict.outcome, leaky.verdict.deflation) == ("void", None)
    assert [one.leaked for one in TrialRecord(tmp_path).trials()] == [True]
    assert qm.run(study(), out=tmp_path).verdict.deflation.trials == 1


def test_a_record_that_cannot_be_read_is_refused_before_any_work(tmp_path):
    (tmp_path / "trials.sqlite").write_text("damaged " * 100)
    with pytest.raises(StorageError, match="the record of trials must be readable"):
        qm.run(study(validation=WalkForward(train="99y", test="1y")), out=tmp_path)


def test_a_run_is_not_lost_where_the_record_is_locked_at_its_end(tmp_path, monkeypatch):
    record = TrialRecord(tmp_path)
    qm.run(study(), out=tmp_path)
    monkeypatch.setattr("quantml.runs.TrialRecord", lambda folder: TrialRecord(folder, patience=0.05))
    other = sqlite3.connect(record.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # which lets others read
    with pytest.raises(StorageError, match=r"database is locked.* The run is kept in .*, its trials not counted"):
        qm.run(study(seed=1), out=tmp_path)
    other.execute("ROLLBACK")
    other.close()
    kept = next(path for path in list_runs(tmp_path) if load_run(path).manifest["seed"] == 1)
    assert load_run(kept).verdict.deflation is None
    assert qm.run(study(seed=1), out=tmp_path).verdict.deflation.trials == 2
    assert load_run(kept).verdict.deflation.trials == 2


# ---------------------------------------------------------------- the lockbox

SEALED = "2017-01-01"


def test_no_run_sees_what_is_sealed(tmp_path):
    sealed = qm.run(study(lockbox=SEALED), out=tmp_path)
    until = qm.run(study(data=Sample("indices", start="2012-01-01", end="2016-12-31", symbols=["^GSPC"])))
    assert sealed.manifest["identity"]["data"] == until.manifest["identity"]["data"]
    pd.testing.assert_frame_equal(sealed.equity, until.equity)
    assert sealed.manifest["lockbox"] == {"sealed": "2017-01-03T00:00:00", "opened": False}
    assert b"what lies from 2017-01-03 on is sealed" in (sealed.folder / "report.html").read_bytes()


@pytest.mark.parametrize("parts", [{}, FORECASTS], ids=["rule", "forecast"])
def test_opened_it_is_the_record_of_the_same_study(tmp_path, parts):
    opened = qm.run(study(**parts, lockbox=SEALED), out=tmp_path, open_lockbox=True)
    whole = qm.run(study(**parts))
    assert opened.equity["time"].iloc[0] == pd.Timestamp("2017-01-03") == opened.folds["test_first"].iloc[0]
    assert opened.weights["time"].iloc[0] == pd.Timestamp("2017-01-03")
    after = whole.weights[whole.weights["time"] >= "2017-01-03"].reset_index(drop=True)
    pd.testing.assert_frame_equal(opened.weights.iloc[1:], after.iloc[1:])
    pd.testing.assert_frame_equal(
        opened.forecasts, whole.forecasts[whole.forecasts["time"] >= "2017-01-03"].reset_index(drop=True)
    )
    accounts = [part.equity.set_index("time")["returns"].loc["2017-01-09":] for part in (opened, whole)]
    assert accounts[0].to_numpy() == pytest.approx(accounts[1].to_numpy(), abs=1e-12)  # once both hold what they decide
    assert opened.leaks == ()


def test_it_opens_with_the_weights_in_force(tmp_path):
    rule = study(signal=[MovingAverageCross(fast=5, slow=50), Rebalance("3m")], lockbox="2016-11-15")
    opened = qm.run(rule, out=tmp_path, open_lockbox=True)
    whole = qm.run(study(signal=rule.signal)).weights
    in_force = whole[whole["time"] < "2016-11-15"]["weight"].iloc[-1]
    assert (opened.weights["time"].iloc[0], opened.weights["weight"].iloc[0]) == (pd.Timestamp("2016-11-15"), in_force)


def test_it_is_opened_once_and_the_second_time_says_so(tmp_path):
    qm.run(study(), out=tmp_path / "other")
    sealed = qm.run(study(lockbox=SEALED), out=tmp_path)
    first = qm.run(study(lockbox=SEALED), out=tmp_path, open_lockbox=True)
    assert (sealed.id != first.id, first.verdict.deflation.trials, first.verdict.deflation.looks) == (True, 1, ())
    second = qm.run(study(lockbox="2018-01-01", seed=3, name="mine"), out=tmp_path, open_lockbox=True)
    (look,) = second.verdict.deflation.looks
    assert f"was opened before, on {pd.Timestamp.now('UTC'):%Y-%m-%d} by study (run study/{first.id})" in look
    assert look in second.verdict.paragraph
    assert second.verdict.deflation.trials == 2
    assert [row["study"] for row in TrialRecord(tmp_path).openings()] == ["study", "mine"]
    again = qm.run(study(lockbox=SEALED), out=tmp_path, open_lockbox=True)
    assert (again.folder, again.verdict.deflation.trials, len(again.verdict.deflation.looks)) == (first.folder, 2, 2)


def test_an_opened_run_can_be_traded_under_other_conditions(tmp_path):
    opened = qm.run(study(lockbox=SEALED), out=tmp_path, open_lockbox=True)
    assert qm.sensitivity(opened).own.sharpe_ratio == pytest.approx(opened.metrics["sharpe_ratio"], rel=1e-9)


def test_what_is_not_recorded_is_not_opened(tmp_path, monkeypatch):
    with pytest.raises(ParameterError, match="opening a lockbox must be recorded; got 'out=None'"):
        qm.run(study(lockbox=SEALED), open_lockbox=True)
    with pytest.raises(ParameterError, match="a study whose lockbox is opened must have one"):
        qm.run(study(), out=tmp_path, open_lockbox=True)
    record = TrialRecord(tmp_path)
    qm.run(study(), out=tmp_path)
    monkeypatch.setattr("quantml.runs.TrialRecord", lambda folder: TrialRecord(folder, patience=0.05))
    other = sqlite3.connect(record.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="database is locked"):
        qm.run(study(lockbox=SEALED), out=tmp_path, open_lockbox=True)
    other.execute("ROLLBACK")
    other.close()
    assert len(list_runs(tmp_path)) == 1


@pytest.mark.parametrize(
    ("lockbox", "error", "text"),
    [
        ("2017-13-01", ParameterError, "Study.lockbox must be a date that there is; got '2017-13-01'"),
        (
            "soon",
            ParameterError,
            "Study.lockbox must be a date such as '2017-01-01', a duration such as '1y', or a number",
        ),
        (0, ParameterError, "or a number of rows; got 0"),
        (
            "2030-01-01",
            DataError,
            "Study.lockbox must begin inside the data, after the first bar; got '2030-01-01 on 2012-01-03",
        ),
        ("30y", DataError, "got '30y on 2012-01-03 to 2018-12-31'"),
        (99999, DataError, "got '99999 rows on"),
    ],
)
def test_a_lockbox_that_seals_nothing_or_all_is_refused(lockbox, error, text):
    with pytest.raises(error, match=text):
        study(lockbox=lockbox).load()


def test_a_lockbox_before_the_first_test_is_refused(tmp_path):
    with pytest.raises(SplitError, match="the sealed stretch must begin in a test block"):
        qm.run(study(lockbox="2013-01-01"), out=tmp_path, open_lockbox=True)


def test_the_next_forecast_stands_on_all_that_is_known():
    from quantml.operations import forecast_next

    known = [
        ("2018-12-31", pd.Timestamp("2017-01-03")),
        ("2017-01-03", pd.Timestamp("2017-01-03")),
        ("2016-12-30", None),
    ]
    for day, sealed in known:
        found = forecast_next(study(lockbox=SEALED), as_of=day)
        assert (found.decided, found.sealed) == (pd.Timestamp(day), sealed)
    assert forecast_next(study()).sealed is None


def test_a_tuned_study_with_a_lockbox(tmp_path):
    tuned = study(signal=MovingAverageCross(fast=Choice(5, 10), slow=50), tuning=Tuning(), lockbox="1y")
    assert qm.run(tuned).manifest["last_decision"] == pd.Timestamp("2017-12-29")
    opened = qm.run(tuned, out=tmp_path, open_lockbox=True)
    assert len(opened.folds) == 1
    assert len(opened.equity) == 251
