"""Universes from end to end: who trains, who is forecast and held, and what no later knowledge may move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

import quantml as qm
from quantml import Bars, Costs, Fill, Study, WalkForward
from quantml.errors import DataError, StudyError
from quantml.features import Momentum, Returns
from quantml.forecasters import Ridge
from quantml.forecasters.base import RowForecast
from quantml.loaders import Membership, Synthetic
from quantml.signals import RankLongShort, Rebalance, Sign, VolatilityTarget
from quantml.targets import ForwardReturn
from quantml.validation.walkforward import walk_forward

WHOLE = Synthetic(symbols=4, sessions=400, seed=3).load()
CLOCK = WHOLE.clock
NO = pd.NaT


def ended(bars: Bars, **last: int) -> Bars:
    """Take away the bars of symbols after a row."""
    frame = bars.to_frame()
    for symbol, row in last.items():
        frame.loc[frame.index[row + 1] :, (slice(None), symbol)] = np.nan
    return Bars.from_frame(frame, periods_per_year=252)


def table(*rows: tuple[str, Any, Any], **changes: Any) -> Membership:
    return Membership(pd.DataFrame(list(rows), columns=["symbol", "start", "end"]), **changes)


def study(**changes: Any) -> Study:
    parts: dict[str, Any] = {
        "data": WHOLE,
        "features": [Returns(1), Momentum(10)],
        "target": ForwardReturn(horizon=3),
        "forecaster": Ridge(alpha=1.0),
        "signal": Sign(),
        "validation": WalkForward(train=200, test=50),
    }
    return Study(**{**parts, **changes})


SHOWN: list[Any] = []


@pytest.fixture(autouse=True)
def _nothing_shown() -> None:
    SHOWN.clear()  # a study whose code holds tables, as a filled list is, is refused


@dataclass(frozen=True)
class Keeps:
    """A forecaster that remembers what it was shown, and forecasts a rise."""

    def fit(self, train: Any) -> Keeps:
        SHOWN.append(train)
        return self

    def predict(self, test: Any) -> RowForecast:
        SHOWN.append(test)
        return RowForecast(mean=np.ones(len(test.time)))


def shown(declared: Study, kind: str) -> list[Any]:
    SHOWN.clear()
    walk_forward(declared, declared.load_bars())
    return [part for part in SHOWN if type(part).__name__ == kind]


# ---------------------------------------------------------- one live, one delisted


DEAD = ended(WHOLE, S2=249, S3=380, S4=210)
DELISTED = table(
    *((symbol, CLOCK[0], NO) for symbol in WHOLE.symbols),
    delistings=pd.DataFrame({"symbol": ["S2"], "date": CLOCK[[253]], "delisting_return": [-0.7]}),
)


@pytest.mark.parametrize("universe", [None, DELISTED])
@pytest.mark.parametrize("target", [ForwardReturn(3), ForwardReturn(5, "close")])
def test_no_training_row_is_later_than_its_own_folds_test_start(universe: Any, target: Any) -> None:
    declared = study(data=DEAD, universe=universe, target=target, forecaster=Keeps(), signal=None)
    trains = shown(declared, "Train")
    assert len(trains) == 4
    for train, start in zip(trains, (200, 250, 300, 350), strict=True):
        assert len(train.bars) == start + 1
        for symbol in range(4):
            mine = train.symbol == symbol
            assert train.time[mine].max(initial=0) < start
            assert train.label_end[mine].max(initial=0) <= start


def test_the_last_labels_of_a_delisted_loser_are_trained_on() -> None:
    declared = study(data=DEAD, universe=DELISTED, forecaster=Keeps(), signal=None, fill=Fill.NEXT_OPEN)
    by_start = {len(train.bars) - 1: train for train in shown(declared, "Train")}
    opens, close = WHOLE.array("open")[:, 1], WHOLE.array("close")[249, 1]
    # S2 stops on row 249 and is paid 30 % of its last close on row 253: a decision on row 246 is filled at the open of
    # row 247, and its third bar from there would be row 250
    known = by_start[300]
    mine = (known.symbol == 1) & (known.time >= 244)
    last = {int(t): (y, end) for t, y, end in zip(known.time[mine], known.y[mine], known.label_end[mine], strict=True)}
    assert sorted(last) == [244, 245, 246, 247, 248]
    for t, end, price in ((244, 248, opens[248]), (245, 249, opens[249])):
        assert last[t] == (pytest.approx(price / opens[t + 1] - 1, rel=1e-12), end)
    for t in (246, 247, 248):
        assert last[t] == (pytest.approx(0.3 * close / opens[t + 1] - 1, rel=1e-12), 253)
    # nobody knew at row 250
    assert by_start[250].time[by_start[250].symbol == 1].max() == 245
    # without a record S4 is given up ten sessions after its last bar, row 210, at its last close
    at_250 = by_start[250]
    assert at_250.label_end[(at_250.symbol == 3) & (at_250.time >= 207)].tolist() == [220, 220, 220]


def test_a_position_in_a_delisted_symbol_is_paid_out() -> None:
    rule = {"forecaster": None, "features": (), "target": None, "signal": hold_all}
    finished = qm.run(study(data=DEAD, universe=DELISTED, validation=WalkForward(train=240, test=160), **rule))
    fills = finished.fills
    closing = fills[fills["kind"] == "delisted"].set_index("symbol")
    assert closing.loc["S2", "time"] == CLOCK[253]
    assert closing.loc["S2", "price"] == pytest.approx(0.3 * WHOLE.close["S2"].iloc[249], rel=1e-12)
    assert closing.loc["S3", "time"] == CLOCK[390]
    closings = {part["symbol"]: part for part in finished.manifest["data"]["universe"]["closings"]}
    assert closings["S2"] == {
        "symbol": "S2", "last_bar": f"{CLOCK[249]:%Y-%m-%d}", "closed": f"{CLOCK[253]:%Y-%m-%d}",
        "delisting_return": pytest.approx(-0.7), "recorded": True,
    }  # fmt: skip
    assert not closings["S3"]["recorded"]


def hold_all(inputs: Any, context: Any) -> pd.DataFrame:
    """Want a quarter of everything that has ever had a bar, which nobody can sell once it is gone."""
    seen = np.logical_or.accumulate(context.bars.traded, axis=0)
    return pd.DataFrame(0.25 * seen, context.bars.clock, list(context.bars.symbols))


# -------------------------------------------------------------------- membership


SPELLS = (
    ("S1", CLOCK[0], NO),
    ("S2", CLOCK[0], CLOCK[260]),
    ("S2", CLOCK[320], NO),
    ("S3", CLOCK[120], CLOCK[330]),
)


def test_only_members_train_and_are_forecast() -> None:
    declared = study(universe=table(*SPELLS), forecaster=Keeps(), signal=None)
    member = declared.load_bars().members
    for part in shown(declared, "Train") + shown(declared, "Test"):
        assert member[part.time, part.symbol].all()
    trains = shown(declared, "Train")
    assert not any((train.symbol == 3).any() for train in trains)
    assert trains[0].time[trains[0].symbol == 2].min() == 120
    forecast = walk_forward(declared, declared.load_bars()).forecast
    assert forecast is not None
    assert np.array_equal(~np.isnan(forecast.mean[200:]), member[200:])


@pytest.mark.parametrize(
    "signal",
    [Sign(), [RankLongShort(0.5), VolatilityTarget(0.1, 21)], RankLongShort(0.5, short=False)],
    ids=["sign", "rank", "long"],
)
def test_weights_are_of_members_alone(signal: Any) -> None:
    declared = study(universe=table(*SPELLS), signal=signal)
    bars = declared.load_bars()
    values = walk_forward(declared, bars).weights.values[200:]  # type: ignore[union-attr]
    assert not np.isnan(values).any()
    assert not values[~bars.members[200:]].any()
    assert values[bars.members[200:]].any()


def test_exposure_is_shared_among_members() -> None:
    declared = study(universe=table(*SPELLS), forecaster=Keeps(), signal=Sign())
    bars = declared.load_bars()
    values = walk_forward(declared, bars).weights.values  # type: ignore[union-attr]
    for row, share in ((200, 3), (260, 2), (320, 3), (330, 2)):
        assert values[row].sum() == pytest.approx(1.0)
        assert values[row, 0] == 1.0 / share


def test_ranks_are_among_members() -> None:
    """With S2 away, the long side of three is one of S1 and S3 alone, whatever S2 and S4 are forecast."""
    declared = study(universe=table(*SPELLS), signal=RankLongShort(0.5))
    alone = study(data=WHOLE.until(CLOCK[319]), universe=table(*SPELLS), signal=RankLongShort(0.5))
    held = walk_forward(declared, declared.load_bars()).weights.values[260:320]  # type: ignore[union-attr]
    assert (np.abs(held[:, [0, 2]]) == 0.5).all()
    same = walk_forward(alone, alone.load_bars()).weights.values[260:320]  # type: ignore[union-attr]
    assert np.array_equal(held, same)


@pytest.mark.parametrize("signal", [Sign(), [Sign(), Rebalance("1m")]], ids=["daily", "monthly"])
def test_a_leaver_is_sold_at_its_next_fill(signal: Any) -> None:
    """Also between two decisions: CLOCK[260] and CLOCK[330] are in the middle of a month."""
    finished = qm.run(study(universe=table(*SPELLS), forecaster=Keeps(), signal=signal, costs=Costs(commission_bps=10)))
    positions = finished.simulation.positions  # type: ignore[union-attr]
    first = 200
    for symbol, row in (("S2", 260), ("S3", 330)):
        assert positions[symbol].iloc[row - first] > 0.0
        assert positions[symbol].iloc[row + 1 - first] == 0.0
        sale = finished.fills.query("symbol == @symbol and time == @CLOCK[@row + 1]").iloc[0]
        assert sale["units"] < 0.0
        assert (sale["decided"], sale["kind"]) == (CLOCK[row], "ordered")
        assert sale["commission"] > 0.0
    assert (positions["S2"].iloc[262 - first : 320 - first] == 0.0).all()
    assert positions["S2"].iloc[-1] > 0.0  # and bought again in its second spell
    assert (positions["S4"] == 0.0).all()


@pytest.mark.parametrize("forecaster", [Ridge(1.0), None])
def test_later_changes_of_membership_move_nothing_earlier(forecaster: Any) -> None:
    rule = {} if forecaster else {"features": (), "target": None, "signal": RankLongShort(0.5, by=Momentum(10))}
    later = (
        ("S1", CLOCK[0], CLOCK[350]),
        ("S2", CLOCK[0], CLOCK[260]),
        ("S3", CLOCK[120], NO),
        ("S4", CLOCK[322], CLOCK[323]),
        ("S4", CLOCK[360], NO),
    )
    runs = []
    for spells in (SPELLS, later):
        declared = study(universe=table(*spells), forecaster=forecaster, **rule)
        runs.append(walk_forward(declared, declared.load_bars()))
    old, new = (run.weights.values for run in runs)  # type: ignore[union-attr]
    assert old[:320].tobytes() == new[:320].tobytes()
    assert old[320:].tobytes() != new[320:].tobytes()
    if forecaster:
        before, after = (run.forecast.mean[:320] for run in runs)  # type: ignore[union-attr]
        assert before.tobytes() == after.tobytes()


def test_cutting_the_data_leaves_the_beginning() -> None:
    declared = study(data=DEAD, universe=DELISTED)
    bars = declared.load_bars()
    whole = walk_forward(declared, bars)
    for row in (252, 253, 300):
        cut = walk_forward(declared, bars.until(CLOCK[row]))
        assert np.array_equal(cut.weights.values, whole.weights.values[: row + 1], equal_nan=True)  # type: ignore[union-attr]


def test_the_benchmark_holds_who_was_a_member_at_the_start_or_what_it_names() -> None:
    finished = qm.run(study(universe=table(*SPELLS)))
    held = finished.benchmark.positions  # type: ignore[union-attr]
    assert (held.iloc[-1] > 0.0).tolist() == [True, True, True, False]  # kept when S2 and S3 leave
    named = qm.run(study(universe=table(*SPELLS), benchmark="S4")).benchmark.positions  # type: ignore[union-attr]
    assert (named.iloc[-1] > 0.0).tolist() == [False, False, False, True]


# ------------------------------------------------------------------- declaration


def test_a_universe_belongs_to_the_identity_of_a_run() -> None:
    first, second = table(*SPELLS), table(*SPELLS[:3])
    assert study(universe=first).hash == study(universe=table(*SPELLS)).hash != study(universe=second).hash
    assert qm.run(study(universe=first)).id != qm.run(study(universe=second)).id


def test_a_universe_is_given_once_and_is_a_membership() -> None:
    with pytest.raises(StudyError, match="universe must be a Membership; got 'DataFrame'"):
        study(universe=table(*SPELLS).frame)
    with pytest.raises(StudyError, match="a universe must be given once"):
        study(data=WHOLE.with_membership(table(*SPELLS)), universe=table(*SPELLS)).load_bars()
    with pytest.raises(DataError, match="members must have bars; got '1 without: S9'"):
        study(universe=table(*SPELLS, ("S9", CLOCK[0], NO))).load_bars()
