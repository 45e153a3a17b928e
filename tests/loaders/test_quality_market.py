"""What a study gets from its data and policies: bars for trading, bars for features, and an account of what was done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml import Choice, Exogenous, Fill, Study, WalkForward
from quantml.bars import Bars
from quantml.errors import DataError, StudyError
from quantml.loaders import Membership, Sample
from quantml.loaders.quality import (
    DropBar,
    ForwardFill,
    Quality,
    QuarantineSymbol,
    Raise,
    RepeatedOpens,
    Spike,
    ZeroVolume,
)
from quantml.record import quality_facts
from quantml.signals import MovingAverageCross
from quantml.survivorship import universe_facts

FINDINGS = ["symbol", "date", "until", "rule", "severity", "evidence"]
ACTIONS = ["symbol", "date", "until", "rule", "action", "evidence"]
DROPS = Quality(DropBar(ZeroVolume()))
"""The Nasdaq Composite has no volume on 2015-05-12 and 2018-01-09, a known defect of the sample."""
GAPS = pd.DatetimeIndex(["2015-05-12", "2018-01-09"])


def study(**changes: Any) -> Study:
    parts: dict[str, Any] = {
        "data": Sample("indices", start="2014-01-01"),
        "signal": MovingAverageCross(fast=5, slow=50),
        "fill": Fill.NEXT_CLOSE,
        "validation": WalkForward(train="2y", test="1y"),
    }
    return Study(**{**parts, **changes})


def test_without_policies_nothing_is_looked_for_and_nothing_done() -> None:
    market = study().load()
    assert market.feature_bars is market.bars
    assert market.bars.fingerprint == Sample("indices", start="2014-01-01").load().fingerprint
    assert (len(market.findings), list(market.findings.columns)) == (0, FINDINGS)
    assert (len(market.actions), list(market.actions.columns)) == (0, ACTIONS)
    assert quality_facts(market) == {"policies": [], "hindsight": [], "findings": {}, "actions": []}


def test_a_study_trades_on_what_its_policies_leave() -> None:
    market = study(quality=DROPS).load()
    assert study(quality=DROPS).load_bars().fingerprint == market.bars.fingerprint
    assert market.bars.close.index[market.bars.close["^IXIC"].isna()].equals(GAPS)
    assert market.findings[["symbol", "date", "rule"]].to_numpy().tolist() == [
        ["^IXIC", day, "zero volume"] for day in GAPS
    ]
    assert market.actions["action"].tolist() == ["dropped 1 bar", "dropped 1 bar"]


def test_only_a_fill_gives_features_bars_of_their_own() -> None:
    dropped = study(quality=DROPS).load()
    assert dropped.feature_bars is dropped.bars
    filled = study(quality=Quality(ForwardFill(ZeroVolume()))).load()
    assert filled.bars.fingerprint == study().load_bars().fingerprint
    close = filled.feature_bars.close["^IXIC"]
    assert (close["2015-05-11"].round(2), close["2015-05-12"].round(2)) == (4993.57, 4993.57)
    assert filled.bars.close["^IXIC"]["2015-05-12"].round(2) == 4976.19


def test_what_policies_find_is_counted_once_however_many_act_on_it() -> None:
    quality = Quality([DropBar([ZeroVolume(), Spike()]), ForwardFill(ZeroVolume()), Raise(RepeatedOpens(sessions=60))])
    told = quality_facts(study(quality=quality, data=Sample("indices", start="2014-01-01")).load())
    assert told["policies"] == ["DropBar", "ForwardFill", "Raise"]
    assert told["findings"] == {"zero volume": {"error": 0, "warning": 2, "note": 0}}
    assert [(one["date"], one["action"]) for one in told["actions"]] == [
        (GAPS[0], "dropped 1 bar"),
        (GAPS[1], "dropped 1 bar"),
        (GAPS[0], "filled 1 of 1 for features"),
        (GAPS[1], "filled 1 of 1 for features"),
    ]
    assert told["hindsight"] == [DropBar.hindsight, ForwardFill.hindsight]  # an error changes nothing


def test_a_policy_that_refuses_stops_the_study() -> None:
    with pytest.raises(DataError, match=r"bars of \^IXIC must have no zero volume; got .* \(\^IXIC, 2015-05-12\)"):
        study(quality=Quality(Raise(ZeroVolume()))).load()


def test_policies_are_part_of_what_a_study_is() -> None:
    fills = [study(quality=Quality(ForwardFill(ZeroVolume(), limit=limit))) for limit in (1, 1, 2)]
    assert fills[0].hash == fills[1].hash != fills[2].hash
    assert len({study().hash, study(quality=Quality()).hash, study(quality=DROPS).hash}) == 3
    assert fills[0].override(["quality.policies.0.limit=2"]).hash == fills[2].hash


def test_a_wrong_declaration_is_refused() -> None:
    with pytest.raises(StudyError, match=r"quality must be a Quality; got 'DropBar'. Write quality=Quality\(\["):
        study(quality=DropBar(ZeroVolume()))
    with pytest.raises(StudyError, match="quality must hold no search space"):
        study(quality=Quality(ForwardFill(ZeroVolume(), limit=Choice(1, 2))))


def test_a_quarantined_member_is_counted_as_one_without_bars() -> None:
    days = pd.bdate_range("2020-01-01", periods=80)
    close = pd.DataFrame({name: np.linspace(10.0, 20.0, 80) for name in "AB"}, index=days)
    volume = close * 0.0 + 1000.0
    volume.iloc[70, 0] = 0.0
    bars = Bars.from_frame(pd.concat({"close": close, "volume": volume}, axis=1), periods_per_year=252)
    universe = Membership(pd.DataFrame({"symbol": ["A", "B"], "start": days[0], "end": pd.NaT}))
    macro = Exogenous(
        pd.DataFrame({"symbol": ["A", "B"], "x": [1.0, 2.0]}, index=days[[0, 0]]),
        name="macro",
        lag="0d",
        symbol="symbol",
    )
    parts = {
        "data": bars,
        "universe": universe,
        "exogenous": [macro],
        "quality": Quality(QuarantineSymbol(ZeroVolume())),
    }
    kept = study(**parts).load().bars
    assert kept.symbols == ("B",)
    told = universe_facts(kept)
    assert (told["without_bars"], told["absent_share"]) == (["A"], 0.5)
    assert kept.tables["macro"].read("x", kept.clock, symbol="B")[-1] == 2.0
