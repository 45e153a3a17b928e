"""Every target in a whole study: forecast, judged as what it is, and told of in the report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantml import Exogenous, Study, WalkForward, run
from quantml.features import Momentum
from quantml.forecasters import LightGBM, Naive
from quantml.loaders import Synthetic
from quantml.signals import MovingAverageCross
from quantml.targets import (
    ActiveReturn,
    Column,
    Direction,
    ExcessReturn,
    ForwardDrawdown,
    ForwardReturn,
    MetaLabel,
    RankReturn,
    RealisedVolatility,
    ResidualReturn,
    TripleBarrier,
    VolatilityScaledReturn,
)

PLAIN = Synthetic(symbols=3, sessions=300, seed=5).load()
BARS = PLAIN.with_tables(Exogenous(PLAIN.close.iloc[:, :1].set_axis(["level"], axis=1), name="outside", lag="1d"))
FIRST = BARS.symbols[0]
ZERO, HALF = "always saying zero", "always saying one half"
NUMBERS = {"rmse", "mae"}
SIGNED = {*NUMBERS, "directional_accuracy"}
ANSWERED = {"brier", "log_loss", "precision", "recall", "f1"}


@pytest.mark.parametrize(
    ("target", "measures", "rival"),
    [
        (ForwardReturn(3), SIGNED, ZERO),
        (ExcessReturn(3, cash=0.02), SIGNED, ZERO),
        (ActiveReturn(3, benchmark=FIRST), SIGNED, ZERO),
        (ResidualReturn(3, benchmark=FIRST, window=20), SIGNED, ZERO),
        (VolatilityScaledReturn(3, window=20), SIGNED, ZERO),
        (RankReturn(3), SIGNED, "always saying the middle rank"),
        (Direction(3), {*ANSWERED, "directional_accuracy"}, HALF),
        (Direction(3, band=0.01), SIGNED, "always saying neither up nor down"),
        (TripleBarrier(3, window=20), SIGNED, "always saying neither up nor down"),
        (MetaLabel(MovingAverageCross(3, 10, short=True)), ANSWERED, HALF),
        (RealisedVolatility(5), {*NUMBERS, "qlike"}, None),
        (ForwardDrawdown(5), NUMBERS, None),
        (Column("level"), NUMBERS, None),
    ],
    ids=lambda part: type(part).__name__,
)
def test_every_target_is_judged_as_what_it_is(
    target: Any, measures: set[str], rival: str | None, tmp_path: Any
) -> None:
    study = Study(data=BARS, features=[Momentum(5)], target=target, forecaster=LightGBM(5, min_child_samples=10),
                  validation=WalkForward(train=200, test=100))  # fmt: skip
    made = run(study, out=tmp_path)
    found = made.manifest["accuracy"]
    general = {"pairs", "left_out", "skill", "information_coefficient", "diebold_mariano", "diebold_mariano_p_value"}
    assert {name for name in found if not name.startswith("naive_")} == measures | general
    assert found["pairs"] > 200
    known = made.forecasts[["mean", "realised"]].dropna()
    assert known["mean"].between(known["realised"].min(), known["realised"].max()).mean() > 0.9
    page = next(tmp_path.rglob("report.html")).read_text()
    assert (f"{rival} is the rival that counts" in page) if rival else ("is the rival that counts" not in page)


def test_a_forecaster_that_is_its_own_rival_has_no_picture_of_its_gain(tmp_path: Any) -> None:
    study = Study(data=BARS, target=ForwardDrawdown(5), forecaster=Naive(), validation=WalkForward(train=200, test=100))
    made = run(study, out=tmp_path)
    assert made.manifest["accuracy"]["skill"] == 0.0
    assert np.array_equal(made.forecasts["mean"], made.forecasts["baseline"], equal_nan=True)
    assert "Squared error saved against" not in next(tmp_path.rglob("report.html")).read_text()
