"""What each fold reports, with numbers worked by hand, and what the folds come to together."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import quantml as qm
from quantml import Bars, Choice, Costs, Fill, Study, Tuning, WalkForward, load_run
from quantml.errors import StorageError
from quantml.fold_facts import NONE, efficiency, runner_up, steadiness
from quantml.loaders import Synthetic
from quantml.reports.publish import write_report
from quantml.reports.terminal import finished_values
from quantml.signals import MovingAverageCross
from quantml.simulation.simulator import Simulator
from quantml.storage import json_bytes, parquet_bytes, read_parquet
from quantml.validation.search import Candidate

DAYS = pd.bdate_range("2020-01-01", periods=40)


def bars_of(closes):
    frame = pd.DataFrame({"A": closes}, index=DAYS[: len(closes)], dtype="float64")
    return Bars.from_close(frame, periods_per_year=252)


def once(forecast, context):
    weights = pd.DataFrame(np.nan, index=context.bars.clock, columns=context.bars.symbols)
    weights.iloc[3:4] = 0.5
    return weights


def always(forecast, context):
    return pd.DataFrame(1.0, index=context.bars.clock, columns=context.bars.symbols)


def test_positions_and_cash_carry_over_the_edges_of_folds():
    closes = [100, 100, 100, 100, 100, 110, 121, 121, 110]
    finished = qm.run(
        Study(data=bars_of(closes), signal=once, costs=Costs(commission_bps=100), fill=Fill.NEXT_CLOSE,
              validation=WalkForward(train=3, test=2))
    )  # fmt: skip
    assert finished.folds["test_first"].tolist() == [DAYS[3], DAYS[5], DAYS[7]]
    # half of 1,000,000 buys 5,000 units at 100 at the close of row 4, for 1 %; nothing is decided any more
    assert len(finished.fills) == 1
    assert finished.equity["cash"].tolist() == [1_000_000] + [495_000] * 5
    assert finished.equity["equity"].tolist() == [1_000_000, 995_000, 1_045_000, 1_100_000, 1_100_000, 1_045_000]
    # a fold's decisions earn from the bar after its first to the next one's first
    expected = [252 * (-0.005 + 50 / 995) / 2, 252 * (55 / 1045) / 2, 252 * -0.05]
    assert finished.folds["out_of_sample_return"].to_numpy() == pytest.approx(expected, rel=1e-12)


def test_an_account_ends_with_the_last_block_where_a_short_one_is_dropped():
    closes = [100, 100, 100, 100, 100, 110, 121, 200]  # rows 3 to 5 are tested; row 5 decides what is held on row 6
    finished = qm.run(
        Study(data=bars_of(closes), signal=once, fill=Fill.NEXT_CLOSE,
              validation=WalkForward(train=3, test=3, last_block="drop"))
    )  # fmt: skip
    assert finished.manifest["last_decision"] == DAYS[5]
    # 5,000 units at 100, and as much in cash
    assert finished.equity["equity"].tolist() == [1_000_000, 1_000_000, 1_050_000, 1_105_000]
    assert finished.folds["out_of_sample_return"].tolist() == pytest.approx([252 * (0.05 + 55 / 1050) / 3], rel=1e-12)
    assert finished.simulation.clock[-1] == DAYS[6]
    outcome = qm.sensitivity(finished).own
    assert outcome.annual_return == pytest.approx(finished.metrics["annual_return"], rel=1e-12)


def test_efficiency_is_the_return_per_year_outside_over_that_inside():
    growth = [0.01] * 11 + [0.005] * 4 + [-0.03] * 4
    closes = 100 * np.cumprod(
        [1.0, *(1 + np.array(growth))]
    )  # 20 rows; +1 % until row 11, which the first fold begins at
    validation = WalkForward(train=11, test=4)
    finished = qm.run(Study(data=bars_of(closes), signal=always, fill=Fill.NEXT_CLOSE, validation=validation))
    folds = finished.folds
    assert folds["test_first"].tolist() == [DAYS[11], DAYS[15], DAYS[19]]
    # of the 11 bars after row 0 the first earns nothing: the order is filled at its close
    assert folds["in_sample_return"][0] == pytest.approx(252 * 0.10 / 11, rel=1e-12)
    assert folds["out_of_sample_return"][0] == pytest.approx(
        252 * 0.015 / 4, rel=1e-12
    )  # filled at row 12, then 3 bars
    assert folds["efficiency"][0] == pytest.approx((0.015 / 4) / (0.10 / 11), rel=1e-12)
    # rows 5 to 15, held since row 1: 7 of 1 % and 4 of 0.5 %; then four bars that lose
    assert folds["efficiency"][1] == pytest.approx(-0.03 / (0.09 / 11), rel=1e-12)
    assert folds["in_sample_return"][2] < 0  # rows 9 to 19: 3 of 1 %, 4 of 0.5 %, 4 of -3 %
    assert np.isnan(folds["efficiency"][2])
    facts = finished.manifest["walk_forward"]
    inside = 252 * np.mean([0.10 / 11, 0.09 / 11, (0.03 + 0.02 - 0.12) / 11])
    assert facts["in_sample_return"] == pytest.approx(inside, rel=1e-12)
    assert facts["out_of_sample_return"] == pytest.approx(252 * (0.015 - 0.12) / 8, rel=1e-12)
    assert facts["efficiency"] == pytest.approx(252 * (0.015 - 0.12) / 8 / inside, rel=1e-12)


def test_an_account_of_the_window_alone_counts_the_same_bars():
    closes = 100 * np.cumprod([1.0, *(1 + np.array([0.01] * 11 + [0.005] * 4))])
    declared = Study(data=bars_of(closes), signal=always, fill=Fill.NEXT_CLOSE, simulator=Simulator(),
                     validation=WalkForward(train=11, test=4))  # fmt: skip
    fold, _ = qm.run(declared).folds.to_dict("records")
    assert fold["in_sample_return"] == pytest.approx(252 * 0.10 / 11, rel=1e-12)  # as above: row 0 only decides


def test_there_is_no_efficiency_without_a_return_in_sample():
    assert efficiency(0.1, 0.2) == 0.5
    assert np.isnan([efficiency(0.1, 0.0), efficiency(0.1, -0.2), efficiency(0.1, np.nan)]).all()


def tuned():
    return Study(
        data=Synthetic(symbols=2, sessions=700, seed=5).load(),
        signal=MovingAverageCross(fast=Choice(5, 10, 20), slow=Choice(50, 100)),
        costs=Costs(commission_bps=5),
        validation=WalkForward(train=250, test=100),
        tuning=Tuning("sharpe_ratio"),
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return qm.run(tuned(), out=tmp_path_factory.mktemp("runs"))


def test_the_runner_up_is_the_second_best_of_all_candidates(finished):
    for row in finished.folds.to_dict("records"):
        scored = finished.candidates[finished.candidates["fold"] == row["fold"]].sort_values("score", kind="stable")
        best, second = scored.iloc[-1], scored.iloc[-2]
        assert best["score"] > second["score"]  # else the test would show nothing
        assert (row["parameters"], row["validation"]) == (best["parameters"], best["score"])
        assert (row["runner_up"], row["runner_up_score"]) == (second["parameters"], second["score"])
        assert row["margin"] == best["score"] - second["score"]


def test_a_candidate_without_a_score_is_no_runner_up_and_a_choice_may_be_behind_it():
    one, two, three, four = (Candidate({"n": n}, score) for n, score in enumerate((1.0, np.nan, 3.0, 3.0)))
    assert runner_up([one, two, three, four], 0) is three
    assert runner_up([one, two, three], 2) is one
    assert runner_up([one, two], 0) is None


def test_without_tuning_there_is_no_runner_up():
    folds = qm.run(
        Study(data=bars_of(np.linspace(100, 120, 20)), signal=always, validation=WalkForward(train=8, test=6))
    ).folds
    assert folds["runner_up"].tolist() == [NONE] * 2
    assert folds[["validation", "runner_up_score", "margin"]].isna().all(axis=None)


def test_how_steady_each_parameter_was(finished):
    facts = finished.manifest["walk_forward"]["parameters"]
    chosen = [json.loads(text) for text in finished.folds["parameters"]]
    assert sorted(facts) == ["signal.0.fast", "signal.0.slow"]
    for path, found in facts.items():
        values = [one[path] for one in chosen]
        assert (found["folds"], found["distinct"]) == (5, len(set(values)))
        assert found["repeated"] == sum(a == b for a, b in pairwise(values)) / 4
        assert found["mean"] == pytest.approx(sum(values) / 5)
        assert found["standard_deviation"] == pytest.approx(pd.Series(values).std())


def test_a_parameter_of_an_alternative_is_counted_where_it_was_chosen():
    # folds: 3, 3, none, 3, 4: of three folds after the first that have it, one repeats the fold before
    found = steadiness(["3", "3", None, "3", "4"], [3, 3, 3, 4])
    assert (found["folds"], found["distinct"], found["repeated"]) == (4, 2, pytest.approx(1 / 3))
    assert (found["mean"], found["standard_deviation"]) == (3.25, 0.5)
    words = steadiness(['"a"', '"b"'], ["a", "b"])
    assert (words["repeated"], np.isnan(words["mean"])) == (0.0, True)
    assert np.isnan(steadiness(["true"], [True])["repeated"])
    assert np.isnan(steadiness(["true"], [True])["mean"])


def test_seconds_of_folds_are_kept_beside_the_run_and_nowhere_in_it(finished):
    kept = json.loads((finished.folder / "timing.json").read_text())["folds"]
    assert list(kept) == ["0", "1", "2", "3", "4"]
    assert all(seconds > 0.0 for seconds in kept.values())
    assert sum(kept.values()) < finished.timing["walk_forward"]
    assert not [name for name in finished.folds if "second" in name]
    assert "seconds" not in json.dumps(json.loads((finished.folder / "run.json").read_text()))


def test_the_report_and_the_values_tell_of_every_fold(finished):
    text = (finished.folder / "report.html").read_text()
    for told in ("alk-forward efficiency", "How steady each parameter was", "Runner-up", "Validation"):
        assert told in text
    values = json.loads(json_bytes(finished_values(finished)))
    assert [part["fold"] for part in values["folds"]] == [0, 1, 2, 3, 4]
    assert values["folds"][2]["runner_up"] == json.loads(finished.folds["runner_up"][2])
    assert values["folds"][2]["test_first"] == finished.folds["test_first"][2].isoformat()
    assert values["walk_forward"]["parameters"]["signal.0.slow"]["folds"] == 5
    assert "slow" in values["folds"][0]["parameters"].popitem()[0]


def test_a_run_from_before_is_read_and_one_that_is_damaged_refused(finished, tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    for path in finished.folder.glob("*.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    manifest = json.loads((folder / "run.json").read_text())
    new = [
        "validation",
        "in_sample_return",
        "out_of_sample_return",
        "efficiency",
        "runner_up",
        "runner_up_score",
        "margin",
    ]
    (folder / "folds.parquet").write_bytes(parquet_bytes(read_parquet(folder / "folds.parquet").drop(columns=new)))
    (folder / "run.json").write_bytes(json_bytes({k: v for k, v in manifest.items() if k != "walk_forward"}))
    old = load_run(folder)
    assert old.folds[new].drop(columns="runner_up").isna().all(axis=None)
    assert set(old.folds["runner_up"]) == {NONE}
    text = write_report(folder).read_text()
    assert "runner-up" not in text.lower()
    assert "efficiency" not in text
    assert finished_values(old)["walk_forward"] is None
    (folder / "run.json").write_bytes(json_bytes({**manifest, "walk_forward": {"parameters": 3}}))
    with pytest.raises(StorageError, match=r"run.json must hold what a run says under 'walk_forward.parameters'"):
        load_run(folder)
