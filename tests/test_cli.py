"""The command line as a user meets it: a process, its exit code, its one line, and nothing written on bad input."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHORT = ["--set", "data.start=2014-01-01", "--set", "validation.train=2y", "--set", "validation.test=1y"]


def quantml(*arguments, folder):
    command = [sys.executable, "-m", "quantml", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


CROSS = """
from quantml import *
from quantml.features import *
from quantml.forecasters import *
from quantml.loaders import Sample
from quantml.signals import *
from quantml.targets import *
data = Sample("indices", start="2014-01-01")
rule = dict(signal=MovingAverageCross(fast=5, slow=50), validation=WalkForward(train="2y", test="1y"))
model = dict(target=ForwardReturn(5), forecaster=Ridge(), signal=Sign(), validation=WalkForward(train="2y", test="1y"))
import pandas as pd, numpy as np
days = pd.bdate_range("2014-01-01", periods=900)
price = pd.DataFrame({"A": np.linspace(100, 120, 900)}, index=days)
def bars(**changes):
    frame = pd.DataFrame({"symbol": "A", "open": price["A"], "high": price["A"] + 1, "low": price["A"] - 1, "close": price["A"]})
    for name, (row, value) in changes.items():
        frame.iloc[row, frame.columns.get_loc(name)] = value
    return frame
def nowhere(bars):
    return bars.close * np.nan
"""


def study(folder, line):
    path = folder / "mine.py"
    path.write_text(CROSS + line + "\n")
    return path


BAD_INPUT = {
    "file without study": ("x = 1", "must export `study`, a Study"),
    "unknown sample": ("study = Study(data=Sample('indeces'), **rule)", "Did you mean 'indices'?"),
    "empty date range": ("study = Study(data=Sample('indices', start='2030-01-01'), **rule)", "2018-12-31"),
    "window longer than the data": (
        "study = Study(data=data, signal=rule['signal'], validation=WalkForward(train='30y', test='1y'))",
        "train and the first test block must fit into the data",
    ),
    "duplicate timestamps": ("b = Bars.from_frame(pd.concat([bars(), bars()]))", "times must be unique (A, "),
    "unsorted timestamps": ("b = Bars.from_frame(bars()[::-1])", "times must increase (A, "),
    "negative price": ("b = Bars.from_frame(bars(close=(5, -1.0)))", "the bar's close must be positive; got -1.0 (A, 2014-01-08)"),
    "zero price": ("b = Bars.from_frame(bars(low=(5, 0.0)))", "the bar's low must be positive; got 0.0 (A, 2014-01-08)"),
    "high below low": ("b = Bars.from_frame(bars(high=(5, 1.0)))", "high must be at or above low; got 1.0 (A, 2014-01-08)"),
    "partly NaN bar": ("b = Bars.from_frame(bars(high=(5, np.nan)))", "must be given exactly where its close is; got nan (A, 2014-01-08)"),
    "session without a bar": (
        "price.iloc[5] = np.nan; b = Bars.from_close(price)", "a session must have a bar for some symbol",
    ),
    "opens needed": (
        "study = Study(data=Bars.from_close(price), fill=Fill.NEXT_OPEN, **rule)", "Fill.NEXT_OPEN must have opens to fill at",
    ),
    "one-symbol cross-section": (
        "study = Study(data=Bars.from_close(price), features=[Momentum(5)], **{**model, 'signal': RankLongShort()})",
        "cross-section",
    ),
    "feature NaN throughout": ("study = Study(data=data, features=[nowhere], **model)", "nowhere"),
    "constant target": (
        "study = Study(data=Bars.from_close(price * 0 + 5), features=[Momentum(5)], **model)", "constant target",
    ),
    "parameter out of range": ("f = Momentum(0)", "Momentum.window must be at least 1; got 0"),
    "misspelt parameter": ("f = LightGBM(num_leafs=3)", "Did you mean 'num_leaves'?"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_one_line_exit_2_and_nothing_written(tmp_path, name):
    line, text = BAD_INPUT[name]
    done = quantml("run", study(tmp_path, line), folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert text in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == ["mine.py"]


def test_a_missing_file_an_unwritable_folder_and_a_wrong_option(tmp_path):
    done = quantml("run", "none.py", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "error: a study must be an existing Python file; got 'none.py'.\n")
    path = study(tmp_path, "study = Study(data=data, **rule)")
    (tmp_path / "file").write_text("")
    done = quantml("run", path, "--out", "file/runs", folder=tmp_path)
    assert (done.returncode, "the output folder must be below a folder" in done.stderr) == (2, True)
    done = quantml("run", path, "--set", "validation.tset=1m", folder=tmp_path)
    assert (done.returncode, "Did you mean 'test'?" in done.stderr) == (2, True)
    done = quantml("run", path, "--workers", "0", folder=tmp_path)
    assert (done.returncode, "workers must be a whole number of at least 1" in done.stderr) == (2, True)
    for wrong, said in (
        (("run", path, "--wrokers", "2"), r"error: No such option: --wrokers .*\. See quantml run --help\."),
        (("run", path, "--workers", "x"), r"error: Invalid value for '--workers': .*\. See quantml run --help\."),
        (("run",), r"error: Missing argument 'STUDY.py'\. See quantml run --help\."),
        (("rnu",), r"error: No such command 'rnu'.*[.?] See quantml --help\."),
    ):
        done = quantml(*wrong, folder=tmp_path)
        assert (done.returncode, done.stdout, bool(re.fullmatch(said + "\n", done.stderr))) == (2, "", True)
    assert "Usage: quantml" in quantml(folder=tmp_path).stdout
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "__pycache__") == ["file", "mine.py"]


def test_a_failure_in_user_code_is_bad_input_without_a_traceback_and_with_it_on_debug(tmp_path):
    path = study(tmp_path, "class Bad:\n    def fit(self, train):\n        raise OSError('disk')\n"
                 "study = Study(data=data, features=[Momentum(5)], **{**model, 'forecaster': Bad()})")  # fmt: skip
    done = quantml("run", path, folder=tmp_path)
    assert done.returncode == 2
    assert "fold 0 (test from 2016-01-04): Bad.fit failed: OSError: disk" in done.stderr
    assert "Traceback" not in done.stderr
    done = quantml("--debug", "run", path, folder=tmp_path)
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_run_prints_a_table_and_writes_the_folder_it_names(tmp_path):
    path = study(tmp_path, "study = Study(data=data, **rule)")
    done = quantml("run", path, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Sharpe" in done.stdout
    (report,) = tmp_path.glob("backtests/mine/*/report.html")
    assert f"backtests/mine/{report.parent.name}/report.html" in done.stdout.replace("\n", "")
    assert done.stderr == ""  # a pipe sees no progress bar


def test_json_is_one_object_for_every_command(tmp_path):
    path = study(tmp_path, "study = Study(data=data, **rule)")
    ran = json.loads(quantml("run", path, "--json", folder=tmp_path).stdout)
    assert ran["run"].startswith("mine/")
    assert ran["metrics"]["max_drawdown"] < 0.0
    assert Path(ran["report"]).is_file()
    listed = json.loads(quantml("runs", "--json", folder=tmp_path).stdout)
    assert [part["run"] for part in listed["runs"]] == [ran["run"]]
    assert json.loads(quantml("report", "mine", "--json", folder=tmp_path).stdout)["report"].endswith("report.html")
    decided = json.loads(quantml("forecast", path, "--json", folder=tmp_path).stdout)
    assert (decided["decided"], decided["session"]) == ("2018-12-31T00:00:00", "2019-01-02T00:00:00")
    assert {row["symbol"] for row in decided["symbols"]} == {"^GSPC", "^IXIC"}
    assert json.loads(quantml("new", "another", "--json", folder=tmp_path).stdout) == {"study": "another.py"}


def test_forecast_decides_what_the_backtest_decided(tmp_path):
    path = study(tmp_path, "study = Study(data=data, features=[Momentum(5), RSI(14)], **model)")
    done = quantml("forecast", path, "--as-of", "2017-06-30", "--json", folder=tmp_path)
    decided = {row["symbol"]: row for row in json.loads(done.stdout)["symbols"]}
    from quantml import load_study
    from quantml.runs import run

    finished = run(load_study(path))
    day = finished.forecasts[finished.forecasts["time"] == "2017-06-30"].set_index("symbol")
    weights = finished.weights[finished.weights["time"] == "2017-06-30"].set_index("symbol")
    for symbol, row in decided.items():
        assert row["forecast"] == pytest.approx(day.loc[symbol, "mean"], rel=1e-10)
        assert row["weight"] == weights.loc[symbol, "weight"]


def test_weights_in_force_are_shown_where_the_latest_bar_decides_nothing(tmp_path):
    path = study(tmp_path, "rule['signal'] = [rule['signal'], Rebalance('1m')]\nstudy = Study(data=data, **rule)")
    decided = json.loads(quantml("forecast", path, "--as-of", "2018-12-28", "--json", folder=tmp_path).stdout)
    assert (decided["decided"], decided["weights_from"]) == ("2018-12-28T00:00:00", "2018-12-03T00:00:00")
    assert [row["weight"] for row in decided["symbols"]] == [0.0, 0.0]  # both indices had fallen below their averages
    assert decided["trained_until"] is None


def test_as_of_before_the_data_is_refused(tmp_path):
    path = study(tmp_path, "study = Study(data=data, **rule)")
    done = quantml("forecast", path, "--as-of", "1990-01-01", folder=tmp_path)
    assert (done.returncode, "as_of must be at or after the first bar, 2014-01-02" in done.stderr) == (2, True)


def test_new_writes_a_study_that_runs_and_never_overwrites(tmp_path):
    assert quantml("new", "my_study", folder=tmp_path).returncode == 0
    path = tmp_path / "my_study.py"
    done = quantml("run", path, "--set", "data.start=2008-01-01", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    before = path.read_text()
    again = quantml("new", "my_study", folder=tmp_path)
    assert (again.returncode, "must not exist yet" in again.stderr, path.read_text()) == (2, True, before)
    assert quantml("new", "no-module", folder=tmp_path).returncode == 2


@pytest.mark.parametrize("path", sorted((ROOT / "strategies").glob("*.py")), ids=lambda path: path.stem)
def test_every_strategy_declares_one_study_and_imports_quantml_only(path):
    from quantml import load_study

    assert load_study(path).name == path.stem
    assert all(line.startswith("from quantml") for line in path.read_text().splitlines() if "import" in line.split())


def test_the_readmes_example_is_the_study_it_runs():
    readme = (ROOT / "README.md").read_text()
    assert (ROOT / "strategies" / "index_lightgbm.py").read_text() in readme
    commands = [line for line in readme.splitlines() if line.startswith(("python3 -m venv", ".venv/bin/pip"))]
    assert commands == [
        "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/quantml run strategies/index_lightgbm.py",
        ".venv/bin/pip install -e '.[test]' && .venv/bin/pytest -n 2",
    ]
