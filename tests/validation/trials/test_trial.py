"""What makes a trial the same trial, and two sets of data one family."""

import numpy as np
import pandas as pd
import pytest

from quantml import Bars, Costs, Study, WalkForward
from quantml.loaders import Files, Sample, Synthetic, Yahoo
from quantml.loaders.files import FilePerSymbol
from quantml.signals import MovingAverageCross
from quantml.validation.trials.trial import Family, Trial, series_of, trial_hash, world_of

INDICES = Family("prices", ("^GSPC", "^IXIC"))


def study(**changes):
    parts = {"data": Sample("indices"), "signal": MovingAverageCross(fast=5, slow=50)}
    return Study(**{**parts, "validation": WalkForward(train="2y", test="1y"), **changes})


def test_every_source_of_prices_tells_of_one_world():
    bars = Bars.from_close(pd.DataFrame({"A": [1.0, 2.0]}, index=pd.bdate_range("2020-01-01", periods=2)))
    loaders = [Sample("indices", end="2010-01-01"), Yahoo(["^GSPC"]), Files("prices", FilePerSymbol()), bars]
    assert {world_of(data) for data in loaders} == {"prices"}


def test_a_made_up_world_is_its_own_whatever_its_length():
    short, long = (Synthetic(symbols=n, sessions=100 * n, seed=7) for n in (1, 2))
    assert (
        world_of(short)
        == world_of(long)
        == "Synthetic(annual_volatility=0.16, fill=Fill.NEXT_OPEN, seed=7, sharpe=0.0)"
    )
    assert world_of(short) != world_of(Synthetic(seed=8))


def test_a_loader_that_holds_another_tells_of_the_others_world():
    class Cleaned:
        def __init__(self, source):
            self.source = source

        def load(self):
            return self.source.load()

    assert world_of(Cleaned(Cleaned(Synthetic(seed=7)))) == world_of(Synthetic(seed=7))


def test_families_with_a_symbol_in_common_are_related():
    assert Family.of(Sample("indices"), ("^IXIC", "^GSPC")) == INDICES
    assert INDICES.is_related(Family("prices", ("AAPL", "^IXIC")))
    assert not INDICES.is_related(Family("prices", ("AAPL",)))
    assert not INDICES.is_related(Family("Synthetic(seed=1)", ("^IXIC",)))
    assert str(Family("prices", tuple("ABCDEF"))) == "A, B, C, D and 2 more"


def test_a_trial_is_what_the_study_says():
    plain = trial_hash(study(), INDICES)
    assert plain == trial_hash(study(name="another name"), INDICES)
    assert plain == trial_hash(study().override(["seed=0"]), INDICES)
    others = [
        trial_hash(study(costs=Costs(commission_bps=1)), INDICES),
        trial_hash(study(data=Sample("indices", start="2005-01-01")), INDICES),
        trial_hash(study(), Family("prices", ("^GSPC",))),
        trial_hash(study(), INDICES, "2017-01-03T00:00:00"),
    ]
    assert len({plain, *others}) == 5


def test_its_returns_come_back_to_the_bit():
    returns = pd.Series(np.random.default_rng(1).normal(size=50), index=pd.bdate_range("2020-01-01", periods=50))
    parts = {"hash": "h", "family": INDICES, "study": "s", "run": "s/1", "first": "", "last": ""}
    trial = Trial(**parts, sharpe_ratio=1.0, leaked=False, series=series_of(returns))
    pd.testing.assert_series_equal(
        trial.returns(), returns, check_names=False, check_freq=False, check_index_type=False
    )
    assert trial.returns().to_numpy().tobytes() == returns.to_numpy().tobytes()
    assert len(Trial(**parts, sharpe_ratio=float("nan"), leaked=False, series=None).returns()) == 0


@pytest.mark.parametrize(
    ("ratio", "leaked", "counts"), [(0.5, False, True), (float("nan"), False, False), (9.0, True, False)]
)
def test_only_a_ratio_that_could_have_been_chosen_counts(ratio, leaked, counts):
    trial = Trial("h", INDICES, "s", "s/1", ratio, leaked, None, "", "")
    assert trial.counts is counts
