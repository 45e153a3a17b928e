"""A grid of windows and starts: every cell a plain run, counted once, and the numbers that are read off."""

import io
import json
import re
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import quantml as qm
from quantml import Choice, Costs, Fill, Study, Tuning, WalkForward, metrics
from quantml.errors import InputError, ParameterError, SplitError, StudyError
from quantml.forecasters import HistoricalMean
from quantml.loaders import Sample
from quantml.matrices import Cell, Matrix
from quantml.matrices.cells import Plan
from quantml.matrices.whole import Outcome
from quantml.matrices.workers import Lasting
from quantml.reports.matrix import matrix_page, matrix_table, page_of
from quantml.runs import list_runs, load_run
from quantml.signals import MovingAverageCross
from quantml.storage import json_bytes
from quantml.targets import ForwardReturn
from quantml.validation.trials.record import TrialRecord
from quantml.validation.workers import Serial, run_tasks
from tests.reports.conftest import Parsed


def study(**changes):
    parts = {
        "data": Sample("indices", start="2013-01-01", symbols=["^GSPC"]),
        "signal": MovingAverageCross(fast=Choice(5, 20), slow=Choice(50, 100)),
        "tuning": Tuning("sharpe_ratio"),
        "costs": Costs(commission_bps=1),
        "fill": Fill.NEXT_CLOSE,
        "validation": WalkForward(train="2y", test="6m"),
        "name": "crossed",
    }
    return Study(**{**parts, **changes})


GRID = {"train": ("1y",), "test": ("1y", "6m"), "offsets": (0, 5)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def found(folder):
    return qm.walk_forward_matrix(study(), out=folder, **GRID)


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*"))
            if p.is_file() and p.name != "timing.json"}  # fmt: skip


def test_the_declared_value_is_among_the_cells_and_each_is_a_trial_once(found, folder):
    assert [str(cell) for cell in found.outcomes] == [
        f"train={train}, test={test}, offset={offset}"
        for train in ("1y", "2y") for test in ("1y", "6m") for offset in (0, 5)
    ]  # fmt: skip
    assert found.cells["declared"].tolist() == [False] * 6 + [True, False]
    assert len(TrialRecord(folder).trials()) == len(list_runs(folder)) == 8
    assert load_run(folder / found.cells["run"].iloc[-1]).verdict.deflation.trials == 8
    before = {path: path.read_bytes() for path in folder.rglob("folds.parquet")}
    page = page_of(found, folder).read_bytes()
    assert matrix_page(found) == page
    again = qm.walk_forward_matrix(study(), out=folder, offsets=(0, 5))  # the last two cells
    assert len(TrialRecord(folder).trials()) == len(list_runs(folder)) == 8
    assert {path: path.read_bytes() for path in folder.rglob("folds.parquet")} == before
    assert again.cells["run"].tolist() == found.cells["run"].tolist()[-2:]
    assert page_of(again, folder).read_bytes() == matrix_page(again) != page


def test_a_cell_is_the_plain_run_with_the_same_settings(found, folder, tmp_path):
    settings = ["validation.train=1y", "validation.test=6m", "validation.offset=5"]
    plain = qm.run(study(), settings=settings, out=tmp_path)
    row = found.cells.set_index(["train", "test", "offset"]).loc[("1y", "6m", 5)]
    assert row["run"] == f"crossed/{plain.id}"
    judged = {"verdict.json", "report.html"}  # other trials had been recorded
    mine, theirs = (files(part / row["run"]) for part in (folder, tmp_path))
    assert {name: part for name, part in mine.items() if name not in judged} == {
        name: part for name, part in theirs.items() if name not in judged
    }
    assert (row["own_sharpe_ratio"], row["folds"]) == (plain.metrics["sharpe_ratio"], len(plain.folds))
    equity = plain.equity[plain.equity["time"] > found.plan.first]
    expected = metrics.sharpe_ratio(equity["returns"], periods_per_year=252)
    assert row["sharpe_ratio"] == pytest.approx(expected, rel=1e-12)
    assert row["annual_return"] == pytest.approx(metrics.annual_return(equity["returns"], periods_per_year=252))
    traded = plain.fills.merge(plain.equity.assign(before=plain.equity["equity"].shift()), on="time")
    per_bar = (traded["units"].abs() * traded["price"] / traded["before"]).sum() / len(plain.equity)
    assert row["turnover"] == pytest.approx(252 * per_bar, rel=1e-9)


def test_lengths_and_starts_tell_the_cells_apart(found):
    assert 0.0 < found.luck < 1.0
    assert found.cells["sharpe_ratio"].nunique() >= 4


def test_the_common_span_begins_where_the_last_cell_does(found, folder):
    clock = study().load_bars().clock
    firsts = [load_run(folder / name).folds["test_first"].min() for name in found.cells["run"]]
    assert found.plan.first == max(firsts) == clock[clock.searchsorted(pd.Timestamp("2015-01-01")) + 5]
    assert found.plan.last == clock[-1]


def test_the_common_span_ends_where_the_first_account_does(tmp_path):
    dropping = study(validation=WalkForward(train=500, test=300, last_block="drop"), tuning=None,
                     signal=MovingAverageCross(fast=5, slow=50))  # fmt: skip
    made = qm.walk_forward_matrix(dropping, out=tmp_path, offsets=(0, 200))
    clock = study().load_bars().clock
    # of 1,510 bars, 3 blocks follow 500, and 2 follow 700: an account ends one bar after its last decision
    assert (len(clock), made.plan.first, made.plan.last) == (1510, clock[700], clock[1300])
    for row in made.cells.to_dict("records"):
        equity = load_run(tmp_path / row["run"]).equity
        assert equity["time"].iloc[-1] == clock[1400 if row["offset"] == 0 else 1300]
        common = equity.loc[(equity["time"] > clock[700]) & (equity["time"] <= clock[1300]), "returns"]
        assert row["sharpe_ratio"] == pytest.approx(common.mean() / common.std(ddof=1) * 252**0.5, rel=1e-9)


def of(ratios):
    trains, tests, offsets = ("1y", "2y"), ("1m", "3m"), (0, 5)
    cells = [Cell(train, test, offset) for train in trains for test in tests for offset in offsets]
    outcomes = {
        cell: Outcome("s/r", 3, ratio, 0.1, 0.5, 0.2, 4.0, False) for cell, ratio in zip(cells, ratios, strict=True)
    }
    day = pd.Timestamp("2020-01-01")
    return Matrix("s", Plan(trains, tests, offsets, Cell("2y", "1m", 0), day, day, dict.fromkeys(cells, 3)), outcomes)


def test_luck_range_and_rank_of_a_grid_worked_by_hand():
    # the table of tests/evaluation/test_anova.py: 8 of 68 within, 50 rows, 8 columns, 2 together
    made = of([1.0, 3.0, 2.0, 4.0, 5.0, 7.0, 10.0, 8.0])
    assert made.luck == pytest.approx(8 / 68)
    assert (made.span, made.rank) == ((5.0, 7.0), 4)
    assert made.sentence == (
        "Of the variance of the Sharpe ratio over 8 cells, 12 % is luck of the calendar: equal lengths that start"
        " elsewhere. 74 % goes with the train length, 12 % with the test length, 3 % with the two together. As declared,"
        " train=2y and test=1m, it lies between 5.00 and 7.00 by the start alone; the declared start has 5.00, rank 4 of 8."
    )
    values = json.loads(json_bytes(made.as_values()))
    assert values["variance"]["offset"]["squares"] == 8.0
    assert (values["rank"], values["lowest"], values["highest"]) == (4, 5.0, 7.0)


def test_starts_alone_are_told_without_shares():
    cells, day = [Cell("2y", "1m", offset) for offset in (0, 5, 10)], pd.Timestamp("2020-01-01")
    outcomes = {
        cell: Outcome("s/r", 3, ratio, 0.1, 0.5, 0.2, 4.0, False)
        for cell, ratio in zip(cells, (1.0, 3.0, 0.5), strict=True)
    }
    grid = Plan(("2y",), ("1m",), (0, 5, 10), cells[0], day, day, dict.fromkeys(cells, 3))
    assert Matrix("s", grid, outcomes).sentence == (
        "With train=2y and test=1m, the Sharpe ratio lies between 0.50 and 3.00 by the start alone, which is luck of the"
        " calendar; the declared start has 1.00, rank 2 of 3."
    )


def test_a_cell_that_never_traded_leaves_nothing_to_split():
    made = of([1.0, 3.0, 2.0, 4.0, np.nan, 7.0, 10.0, 8.0])
    assert made.rank is None
    assert made.sentence == "The cells cannot be compared: one of them never traded."
    assert json.loads(json_bytes(made.as_values()))["luck"] is None
    assert "–" in matrix_page(made).decode()


@pytest.mark.parametrize("place", range(8))
def test_cells_that_came_to_the_same_are_not_the_same_as_one_that_never_traded(place):
    made = of([np.nan if n == place else 1.0 for n in range(8)])
    assert made.sentence == "The cells cannot be compared: one of them never traded."
    assert np.isnan(made.span).all() == (place in (4, 5))  # of the declared lengths


def test_cells_that_differ_by_rounding_are_the_same():
    made = of([1.0, 1.0 + 1e-12] * 4)
    assert made.sentence == "All cells came to the same: nothing of the study hangs on its windows."
    assert np.isnan(made.luck)
    assert json.loads(json_bytes(made.as_values()))["luck"] is None


def test_workers_are_started_once_for_all_cells_and_stopped():
    class Counted(Serial):
        calls: ClassVar[list[str]] = []

        def start(self):
            self.calls.append("start")
            return super().start()

        def stop(self, *, kill=False):
            self.calls.append("stop")

    lasting = Lasting(Counted())
    for _ in range(2):
        assert run_tasks(lasting, divmod, 7, [2, 3]) == [(3, 1), (2, 1)]
        lasting.stop()
    lasting.start()
    lasting.start()  # they broke within a run
    lasting.stop(kill=True)
    assert Counted.calls == ["start", "start", "stop"]
    Counted.calls.clear()
    qm.walk_forward_matrix(study(), offsets=(0, 5), executor=Counted())
    assert Counted.calls == ["start", "stop"]


def test_the_page_stands_alone_and_the_declared_lengths_are_outlined(found):
    text, parsed = matrix_page(found).decode(), Parsed()
    parsed.feed(text)
    assert (parsed.unbalanced, parsed.open_tags) == ([], [])
    assert not re.search(r"https?:|@import|url\((?!#)|<script|<img|<link", text)
    assert "#0102" not in text
    (own,) = re.findall(r'<td class="\w+ own" style="[^"]*">([^<]*)<small>([^<]*)</small>', text)
    ratios = found.ratios("2y", "6m")
    assert own[0].replace("−", "-") == f"{np.mean(ratios):.2f}"
    assert own[1].replace("−", "-") == f"{min(ratios):.2f} to {max(ratios):.2f}"
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(matrix_table(found))
    assert "luck of the calendar" in console.file.getvalue()
    assert len(re.findall(r"^ ?[12]y +(?:1y|6m) ", console.file.getvalue(), re.MULTILINE)) == 4


BAD = {
    "no offsets": ({"offsets": ()}, ParameterError, "offsets must hold two different starts at least; got 'none'"),
    "one offset": ({"offsets": (0,)}, ParameterError, "offsets must hold two different starts at least"),
    "an offset twice": ({"offsets": (0, 5, 5)}, ParameterError, "offsets must name each value once; got '5 twice'"),
    "no length": ({"offsets": (0, 5), "train": ()}, ParameterError, "train must hold a length at least"),
    "a text": ({"offsets": "0,5"}, ParameterError, "offsets must be a sequence of rows or durations"),
    "no duration": ({"offsets": (0, 5), "test": ("soon",)}, ParameterError, "cell train=2y, test=soon, offset=0: WalkForward.test must"),
    "a length under two names": (
        {"offsets": (0, 5), "train": ("24m",)}, ParameterError,
        "the cells of a walk-forward matrix must have different folds; got 'the same for train=24m, test=6m, offset=0 and"
        " for train=2y, test=6m, offset=0'. Leave one of them out.",
    ),
    "train too long": ({"offsets": (0, 5), "train": ("9y",)}, SplitError, "cell train=9y, test=6m, offset=0: train and the first test block"),
    "test too long": ({"offsets": (0, 5), "test": ("9y",)}, SplitError, "cell train=2y, test=9y, offset=0: the first test block must fit"),
    "offset too far": ({"offsets": (0, 2000)}, SplitError, "cell train=2y, test=6m, offset=2000: train and the first test block"),
    "nothing in common": (
        {"offsets": (0, 1004)}, SplitError,
        "the cells of a walk-forward matrix must have 2 out-of-sample bars in common; got '1 bars after 2018-12-28'"
        " (train=2y, test=6m, offset=1004)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_grid_that_cannot_be_run_is_refused_before_anything_is(name, tmp_path):
    grid, error, text = BAD[name]
    with pytest.raises(error) as caught:
        qm.walk_forward_matrix(study(), out=tmp_path, **grid)
    assert text in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_study_that_does_not_walk_forward_or_trade_is_refused():
    combined = study(validation=qm.CombinatorialPurged(6, 2))
    only = study(target=ForwardReturn(5), forecaster=HistoricalMean(), signal=None, tuning=None)
    for one, text in ((combined, "be validated by WalkForward; got 'CombinatorialPurged'"), (only, "must trade")):
        with pytest.raises(StudyError, match="the study of a walk-forward matrix") as caught:
            qm.walk_forward_matrix(one, offsets=(0, 5))
        assert text in str(caught.value)
    with pytest.raises(InputError, match="study must be a Study"):
        qm.walk_forward_matrix("study", offsets=(0, 5))
