"""What a run says of survivorship, and that the figures in the samples' notes are measured."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import quantml as qm
from quantml import Fill, Study, WalkForward
from quantml.bars import Bars
from quantml.loaders import Membership, Sample
from quantml.signals import MovingAverageCross
from quantml.storage import json_bytes
from quantml.survivorship import universe_facts, universe_notes

CLOCK = pd.bdate_range("2024-01-01", periods=16)
NAN = np.nan


def panel(**columns: list[float]) -> Bars:
    return Bars.from_close(pd.DataFrame(columns, CLOCK, dtype=float), periods_per_year=252)


def joined(bars: Bars, *spells: tuple[object, ...], delisted: tuple[object, ...] = (), **changes: object) -> Bars:
    gone = pd.DataFrame([delisted], columns=["symbol", "date", "delisting_return"]) if delisted else None
    frame = pd.DataFrame(list(spells), columns=["symbol", "start", "end"])
    return bars.with_membership(Membership(frame, delistings=gone, **changes))  # type: ignore[arg-type]


def test_without_a_table_the_symbols_were_chosen_with_later_knowledge() -> None:
    bars = panel(A=[1.0] * 16, B=[1.0] * 3 + [NAN] * 13)
    exposed, closed = universe_notes(bars)
    assert exposed == (
        "Survivorship: no membership table says what could have been chosen when. All 2 symbols are candidates from the"
        " first bar on, as if it had been known then what would be chosen later; 1 of 2 traded to the end."
    )
    assert closed == (
        "No delisting is recorded for B when trading stops: what is held is closed at the last price, 10 sessions after"
        " the last bar, as if a holder had lost nothing more."
    )
    assert universe_notes(panel(A=[1.0] * 16))[0].startswith("Survivorship: no membership table says")
    facts = universe_facts(bars)
    assert (facts["membership"], facts["members"], facts["absent_share"]) == (False, [2, 2], 0.0)
    last, closed_on = f"{CLOCK[2]:%Y-%m-%d}", f"{CLOCK[12]:%Y-%m-%d}"
    assert facts["closings"] == [
        {"symbol": "B", "last_bar": last, "closed": closed_on, "delisting_return": 0.0, "recorded": False}
    ]


def test_a_table_that_holds_everything_leaves_nothing_to_say() -> None:
    bars = panel(A=[1.0] * 16, B=[1.0] * 3 + [NAN] * 13, C=[2.0] * 16)
    spells = (("A", CLOCK[0], pd.NaT), ("B", CLOCK[0], CLOCK[3]))
    whole = joined(bars, *spells, delisted=("B", CLOCK[3], -1.0))
    assert universe_notes(whole) == ()
    facts = universe_facts(whole)
    assert (facts["spells"], facts["members"], facts["never_members"]) == (2, [2, 1], ["C"])
    assert facts["closings"][0]["delisting_return"] == -1.0
    json.loads(json_bytes(facts))


def test_members_without_bars_are_counted() -> None:
    spells = (("A", CLOCK[0], pd.NaT), ("LOST", CLOCK[8], pd.NaT), ("LATE", CLOCK[4], CLOCK[12]))
    late = [*[NAN] * 8, 1.0, NAN, 1.0, *[NAN] * 5]
    bars = joined(panel(A=[1.0] * 16, LATE=late), *spells, without_bars=["LOST"])
    assert universe_facts(bars)["absent_share"] == pytest.approx((8 + 4) / 32)
    assert universe_notes(bars) == (
        "Survivorship: 38 % of the universe's member-sessions have no prices: 1 of its symbols have no bars at all, and"
        " those of others begin late. Nobody can say what they would have earned.",
    )


def test_a_delisting_recorded_too_late_is_named() -> None:
    bars = panel(A=[1.0] * 16, B=[1.0] * 3 + [NAN] * 13)
    late = joined(bars, ("A", CLOCK[0], pd.NaT), ("B", CLOCK[0], pd.NaT), delisted=("B", CLOCK[14], -1.0))
    assert universe_facts(late)["late_delistings"] == ["B"]
    assert not universe_facts(late)["closings"][0]["recorded"]
    assert universe_notes(late)[-1].startswith("No delisting is recorded for B when trading stops")


def test_a_manifest_states_the_exposure() -> None:
    sample = Sample("large_caps", start="2010-01-01", end="2014-12-31", symbols=["AAPL", "GE"])
    study = Study(
        data=sample, signal=MovingAverageCross(5, 20), validation=WalkForward(train="1y", test="1y"),
        fill=Fill.NEXT_CLOSE,
    )  # fmt: skip
    told = qm.run(study).manifest["data"]
    assert told["universe"]["membership"] is False
    assert [note for note in told["notes"] if note.startswith("Survivorship")] == list(sample.notes[1:2])
    bare = qm.run(replace(study, data=sample.load())).manifest["data"]
    assert bare["notes"][0].endswith("2 of 2 traded to the end.")
    spells = pd.DataFrame({"symbol": ["AAPL", "GE"], "start": "2010-01-01", "end": [None, "2013-01-01"]})
    inside = qm.run(replace(study, universe=Membership(spells))).manifest["data"]
    assert inside["universe"]["spells"] == 2


@pytest.mark.parametrize(
    ("name", "held", "survivors", "index", "gap"), [("large_caps", 20, 13.1, 3.6, 9.4), ("stocks", 3, 13.7, 0.7, 12.9)]
)
def test_the_exposure_of_the_samples_is_measured(
    name: str, held: int, survivors: float, index: float, gap: float
) -> None:
    bars, market = Sample(name).load(), Sample("indices", symbols=["^GSPC"]).load()
    common = bars.clock.intersection(market.clock)
    first, last = common[0], common[-1]
    years = (last - first).days / 365.25
    without = replace(bars.between(first, last), dividend=np.zeros_like(bars.between(first, last).dividend))
    growth = (without.close.iloc[-1] / without.close.iloc[0]).dropna()
    assert len(growth) == held
    level = market.close["^GSPC"]
    gained = [100 * (ratio ** (1 / years) - 1) for ratio in (growth.mean(), level[last] / level[first])]
    assert [round(gain, 1) for gain in (*gained, gained[0] - gained[1])] == [survivors, index, gap]
    note = next(note for note in Sample(name).notes if "How large it could be" in note)
    assert f"{survivors} % a year" in note
    assert f"{index} %" in note
    assert f"{first:%Y-%m-%d} to {last:%Y-%m-%d}" in note
    assert f"{gap} points" in note
