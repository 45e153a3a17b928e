"""A study with everything that kept work hangs on: own code, a neighbour, prices and an outside table in files."""

import contextlib
import os
import shutil

import numpy as np
import pandas as pd

from quantml import runs
from quantml.study_file import load_study

OWN = '''
"""Own code, a neighbour's, own data."""
import logging, os, time
from dataclasses import dataclass
from pathlib import Path
import numpy as np
import pandas as pd
from quantml import *
from quantml.features import Momentum
from quantml.forecasters import RowForecast
from quantml.signals import Sign
from quantml.targets import ForwardReturn
from quantml.weighting import ExponentialDecay
from neighbour import scaled

HERE = {here!r}
LAG = 3

@dataclass(frozen=True)
class Closes:
    def load(self):
        return Bars.from_close(pd.read_csv(f"{{HERE}}/prices.csv", index_col=0, parse_dates=True), periods_per_year=252)

@dataclass(frozen=True)
class Rates:
    name: str = "rates"

    def load(self):
        frame = pd.read_csv(f"{{HERE}}/rates.csv", index_col=0, parse_dates=True)
        return Exogenous(frame, name="rates", lag="0d")

def own(bars):
    return scaled(bars.close.pct_change(LAG))

def rate(bars):
    known = bars.tables["rates"].read("rate", bars.clock)
    return pd.DataFrame({{symbol: known for symbol in bars.symbols}}, index=bars.clock)

@dataclass(frozen=True)
class Linear:
    """Least squares with a penalty, on coefficients that the seed shakes."""
    penalty: float

    def fit(self, train):
        if "FITS" in os.environ:
            with open(os.environ["FITS"], "a") as file:
                file.write("x")
        time.sleep(float(os.environ.get("SECONDS", "0")))
        logging.getLogger("quantml.own").warning("%d rows with a penalty of %s", len(train.y), self.penalty)
        x = np.nan_to_num(train.x)
        weighted = x.T if train.weight is None else x.T * train.weight
        found = np.linalg.solve(weighted @ x + self.penalty * np.eye(x.shape[1]), weighted @ train.y)
        return Fitted(found * (1.0 + 0.1 * np.random.default_rng(train.seed).random(len(found))))

@dataclass(frozen=True)
class Fitted:
    slopes: np.ndarray

    def predict(self, test):
        return RowForecast(mean=(np.nan_to_num(test.x) * self.slopes).sum(axis=1))

def halved(weights, context):
    return weights.frame * 0.5

study = Study(data=Closes(), exogenous=[Rates()], features=[own, Momentum(Choice(5, 21)), rate], target=ForwardReturn(3),
              forecaster=Linear(penalty=0.5), signal=[Sign(threshold=Choice(0.0, 0.0005)), halved],
              costs=Costs(commission_bps=1.0), validation=WalkForward(train=150, test=50),
              tuning=Tuning("sharpe_ratio", folds=2), seed=1)
'''
NEIGHBOUR = """
FACTOR = 2.0

def scaled(frame):
    return moved(frame) * FACTOR

def moved(frame):
    return frame + 0.001
"""


def write_study(folder):
    """Write the study with its data, and return its file."""
    clock = pd.bdate_range("2015-01-01", periods=350)
    draws = np.random.default_rng(5).normal(0.0003, 0.01, (350, 2))
    closes = pd.DataFrame(np.round(100.0 * np.exp(draws.cumsum(axis=0)), 4), index=clock, columns=["A", "B"])
    closes.to_csv(folder / "prices.csv")
    rates = np.round(0.02 + 0.01 * np.random.default_rng(6).random(350), 6)
    pd.DataFrame({"rate": rates}, index=clock).to_csv(folder / "rates.csv")
    (folder / "neighbour.py").write_text(NEIGHBOUR)
    (folder / "own.py").write_text(OWN.format(here=str(folder)))
    return folder / "own.py"


def edit(folder, file, old, new):
    """Replace a text that stands once in one of the study's files."""
    text = (folder / file).read_text()
    assert text.count(old) == 1, (file, old)
    (folder / file).write_text(text.replace(old, new))


def contents(folder):
    """Every byte of a run's folder that two equal runs share."""
    found = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    del found["timing.json"]
    return found


def run_at(folder, out, *, cache=None, **options):
    """Run the study into a new folder, with what another folder of runs has kept."""
    if cache is not None:
        shutil.copytree(cache / ".cache", out / ".cache")
    return contents(runs.run(load_study(folder / "own.py"), out=out, **options).folder)


@contextlib.contextmanager
def counted_fits(folder):
    """Count what walk-forwards fit inside the block, audits left out, in a list of one number."""
    path, count = folder / "fits", [0]
    path.write_text("")

    def counting(*arguments, **options):
        os.environ["FITS"] = str(path)
        try:
            return walk_forward(*arguments, **options)
        finally:
            del os.environ["FITS"]

    walk_forward, runs.walk_forward = runs.walk_forward, counting
    try:
        yield count
    finally:
        runs.walk_forward = walk_forward
        count[0] = len(path.read_text())
