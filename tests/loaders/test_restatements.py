"""What becomes of downloads that repeat, restate or contradict stored bars. Expected numbers are worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from quantml.errors import DataError
from quantml.loaders.restatements import Kind, Restatement, settle
from tests.loaders.feed import COLUMNS, prices, restated

DAYS = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]).as_unit("us")
PRICES = COLUMNS[:4]


def bars(*closes: float, volume: float = 1000.0, first: int = 0, **events: tuple[int, float]) -> pd.DataFrame:
    """Days whose open is the close, high and low one tenth of a per cent away; events as (row, amount)."""
    close = np.array(closes)
    columns = [
        close,
        close * 1.001,
        close * 0.999,
        close,
        np.full(len(close), volume),
        np.ones(len(close)),
        0.0 * close,
    ]
    rows = pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), DAYS[first : first + len(close)])
    for name, (row, amount) in events.items():
        rows.loc[DAYS[row], name] = amount
    return rows


def same_rows(left: pd.DataFrame, right: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(left, right, check_freq=False)


STORED = bars(100.0, 102.0, 104.0)


def test_what_comes_back_the_same_brings_nothing() -> None:
    settled = settle(STORED, STORED.copy())
    assert (len(settled.taken), len(settled.quarantined), settled.restatements, settled.reason) == (0, 0, (), "")


def test_single_precision_is_the_same() -> None:
    download = STORED.astype("float32").astype("float64") * (1.0 + 1e-7)
    download["split"] = 1.0
    assert settle(STORED, download).reason == ""


def test_new_bars_are_taken_as_they_are() -> None:
    download = bars(100.0, 102.0, 104.0, 52.5, split=(3, 2.0))
    settled = settle(STORED, download)
    same_rows(settled.taken, download.iloc[3:])
    assert settled.restatements == ()


def test_a_split_restates_earlier_bars_and_later_ones_are_taken() -> None:
    download = bars(50.0, 51.0, 52.0, 52.5, volume=2000.0, split=(3, 2.0))
    settled = settle(STORED, download)
    assert settled.restatements == settled.standing == (Restatement(DAYS[3], Kind.SPLIT, price=0.5, volume=2.0),)
    same_rows(settled.taken, download.iloc[3:])
    assert (len(settled.quarantined), settled.reason) == (0, "")


def test_new_bars_before_a_split_are_taken_as_they_were_quoted_then() -> None:
    # On 2024-01-05 the stock still closed at 106 with 1000 shares; told after the split, that is 53 with 2000.
    download = bars(50.0, 51.0, 52.0, 53.0, 54.0, volume=2000.0, split=(4, 2.0))
    taken = settle(STORED, download).taken
    assert taken["close"].tolist() == [106.0, 54.0]
    assert taken["volume"].tolist() == [1000.0, 2000.0]
    assert taken["split"].tolist() == [1.0, 2.0]


def test_a_reverse_split_whose_volumes_stand() -> None:
    download = bars(1000.0, 1020.0, 1040.0, 1050.0, split=(3, 0.1))
    assert settle(STORED, download).restatements == (Restatement(DAYS[3], Kind.SPLIT, price=10.0, volume=1.0),)


def test_a_dividend_restates_earlier_bars() -> None:
    # 1.04 on a close of 104 leaves 102.96: a factor of 0.99.
    download = bars(99.0, 100.98, 102.96, 103.5, dividend=(3, 1.04))
    settled = settle(STORED, download)
    (found,) = settled.restatements
    assert (found.time, found.kind, found.volume) == (DAYS[3], Kind.DIVIDEND, 1.0)
    assert_allclose(found.price, 0.99, rtol=1e-12)
    same_rows(settled.taken, download.iloc[3:])


def test_a_split_and_a_dividend_of_one_day() -> None:
    # 104 is 52 in new shares; a dividend of 1.30 on each leaves 50.70: a factor of 0.4875.
    download = bars(48.75, 49.725, 50.7, 51.0, volume=2000.0, split=(3, 2.0), dividend=(3, 1.3))
    (found,) = settle(STORED, download).restatements
    assert (found.kind, found.volume) == (Kind.BOTH, 2.0)
    assert_allclose(found.price, 0.4875, rtol=1e-12)


def test_a_restatement_stands_in_the_downloads_after_it() -> None:
    known = (Restatement(DAYS[3], Kind.SPLIT, price=0.5, volume=2.0),)
    stored = pd.concat([STORED, bars(52.5, volume=2000.0, first=3, split=(3, 2.0))])
    download = bars(50.0, 51.0, 52.0, 52.5, 53.0, volume=2000.0, split=(3, 2.0))
    settled = settle(stored, download, known)
    assert (settled.restatements, settled.standing, settled.reason) == ((), known, "")
    assert settled.taken["close"].tolist() == [53.0]


def test_a_source_that_goes_back_to_raw_bars_is_believed() -> None:
    known = (Restatement(DAYS[2], Kind.SPLIT, price=0.5, volume=2.0),)
    settled = settle(STORED, bars(100.0, 102.0, 104.0, 105.0), known)
    assert (settled.standing, settled.reason, settled.taken["close"].tolist()) == ((), "", [105.0])


def test_a_split_that_is_not_listed_shows_in_prices_and_volumes() -> None:
    download = bars(200 / 3, 68.0, 208 / 3, 70.0, 71.0, volume=1500.0)
    settled = settle(STORED, download)
    (found,) = settled.restatements
    assert (found.time, found.kind, found.volume) == (DAYS[3], Kind.UNLISTED, 1.5)
    assert settled.taken["split"].tolist() == [1.5, 1.0]
    later = settle(pd.concat([STORED, settled.taken]), download, settled.standing)
    assert (later.reason, len(later.taken)) == ("", 0)


@pytest.mark.parametrize(
    ("factor", "reason"),
    [(0.5, "every stored price came back times 0.5"), (100.0, "every stored price came back times 100")],
)
def test_a_factor_without_volumes_that_show_a_split_is_quarantined_whole(factor: float, reason: str) -> None:
    download = bars(*(factor * np.array([100.0, 102.0, 104.0, 106.0])))
    settled = settle(STORED, download)
    assert (settled.reason, len(settled.taken), settled.restatements) == (reason, 0, ())
    same_rows(settled.quarantined, download)


def test_a_unit_is_not_taken_for_a_split_though_volumes_move() -> None:
    settled = settle(STORED, bars(1.0, 1.02, 1.04, 1.06, volume=100_000.0))
    assert settled.reason == "every stored price came back times 0.01"


def test_a_bar_that_came_back_different_is_kept_apart_and_the_others_are_taken() -> None:
    download = bars(100.0, 102.5, 104.0, 105.0)
    settled = settle(STORED, download)
    assert settled.taken["close"].tolist() == [105.0]
    same_rows(settled.quarantined, download.iloc[[1]])
    assert settled.reason == "1 of 3 stored bars came back different"
    assert settled.differences["field"].tolist() == PRICES
    assert settled.differences.iloc[3].to_dict() == {
        "time": DAYS[1], "field": "close", "stored": 102.0, "downloaded": 102.5,
    }  # fmt: skip


def test_nothing_is_taken_beyond_a_last_bar_whose_price_changed() -> None:
    settled = settle(STORED, bars(100.0, 102.0, 104.5, 105.0))
    assert (len(settled.taken), len(settled.quarantined)) == (0, 4)
    assert settled.reason == (
        "1 of 3 stored bars came back different, among them the one next to the new bars"
    )  # fmt: skip


def test_a_last_volume_that_changed_does_not_stop_the_bars_after_it() -> None:
    download = bars(100.0, 102.0, 104.0, 105.0)
    download.loc[DAYS[2], "volume"] = 1100.0
    settled = settle(STORED, download)
    assert settled.taken["close"].tolist() == [105.0]
    assert settled.differences.to_dict("records") == [
        {"time": DAYS[2], "field": "volume", "stored": 1000.0, "downloaded": 1100.0}
    ]


def test_a_bar_withdrawn_and_a_bar_inserted_are_kept_apart() -> None:
    stored = bars(100.0, 102.0, 104.0, 105.0).drop(DAYS[1])
    download = bars(100.0, 102.0, 104.0, 105.0, 106.0).drop(DAYS[2])
    settled = settle(stored, download)
    assert settled.taken["close"].tolist() == [106.0]
    assert list(settled.quarantined.index) == [DAYS[1], DAYS[2]]
    assert settled.quarantined["close"].isna().tolist() == [False, True]
    nan = pytest.approx(np.nan, nan_ok=True)
    assert settled.differences.to_dict("records") == [
        {"time": DAYS[1], "field": "close", "stored": nan, "downloaded": 102.0},
        {"time": DAYS[2], "field": "close", "stored": 104.0, "downloaded": nan},
    ]


def test_a_dividend_listed_late_is_taken() -> None:
    download = bars(100.0, 102.0, 104.0, 105.0, dividend=(1, 0.7))
    settled = settle(STORED, download)
    same_rows(settled.taken, download.iloc[[1, 3]])
    assert settled.restatements == (Restatement(DAYS[1], Kind.LATE),)
    assert settled.standing == ()


def test_a_split_listed_late_is_taken_where_prices_show_it() -> None:
    stored = bars(100.0, 51.0, 52.0)
    assert settle(stored, bars(100.0, 51.0, 52.0, split=(1, 2.0))).taken["split"].tolist() == [2.0]
    refuted = settle(STORED, bars(100.0, 102.0, 104.0, split=(1, 2.0)))
    assert (len(refuted.taken), refuted.reason) == (0, "1 of 3 stored bars came back different")


def test_a_dividend_of_another_amount_is_kept_apart() -> None:
    stored = bars(100.0, 102.0, 104.0, dividend=(1, 0.7))
    settled = settle(stored, bars(100.0, 102.0, 104.0, 105.0, dividend=(1, 0.9)))
    assert settled.differences.to_dict("records") == [
        {"time": DAYS[1], "field": "dividend", "stored": 0.7, "downloaded": 0.9}
    ]
    assert settled.taken["close"].tolist() == [105.0]


def test_a_dividend_in_new_shares_is_the_same() -> None:
    stored = bars(100.0, 102.0, 104.0, dividend=(1, 0.7))
    download = bars(50.0, 51.0, 52.0, 52.5, volume=2000.0, dividend=(1, 0.35), split=(3, 2.0))
    assert settle(stored, download).reason == ""


def test_earlier_bars_are_taken_before_a_first_bar_that_came_back_the_same() -> None:
    stored = bars(104.0, 105.0, first=2)
    assert settle(stored, bars(100.0, 102.0, 104.0, 105.0)).taken["close"].tolist() == [100.0, 102.0]
    assert len(settle(stored, bars(100.0, 102.0, 103.0, 105.0)).taken) == 0


def test_sessions_do_not_follow_intraday_bars() -> None:
    with pytest.raises(DataError, match="must have sessions or intraday bars as the stored ones have"):
        settle(STORED, STORED.tz_localize("UTC"))


def test_dirty_numbers_are_compared_like_others() -> None:
    stored = bars(100.0, 0.0, np.nan, 104.0)
    assert settle(stored, stored.copy()).reason == ""
    dirty = bars(100.0, 102.0, 104.0, 0.0, 105.0, split=(3, 0.0), dividend=(4, 1.0))
    assert settle(STORED, dirty).taken["close"].tolist() == [0.0, 105.0]


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    splits=st.lists(st.tuples(st.integers(1, 59), st.sampled_from([0.1, 0.5, 1.5, 2.0, 3.0, 7.0, 20.0])), max_size=2),
    dividends=st.lists(st.tuples(st.integers(1, 59), st.floats(0.002, 0.08)), max_size=3),
    tells=st.tuples(st.booleans(), st.booleans()),
    first=st.integers(2, 59),
    every=st.integers(1, 9),
)
def test_whatever_a_source_restates_by_stored_bars_stay_as_first_told(
    seed: int,
    splits: list[tuple[int, float]],
    dividends: list[tuple[int, float]],
    tells: tuple[bool, bool],
    first: int,
    every: int,
) -> None:
    # Between two downloads, a split and a reverse split that cancel leave no trace on earlier bars.
    assume(len({ratio > 1.0 for _, ratio in splits}) < 2)
    raw = prices(60, seed=seed)
    for row, ratio in dict(splits).items():
        raw.iloc[row:, :4] /= ratio
        raw.iloc[row:, 4] *= ratio
        raw.iloc[row, 5] = ratio
    for row, share in dict(dividends).items():
        raw.iloc[row, 6] = share * raw["close"].iloc[row - 1] / raw["split"].iloc[row]

    def told(until: int) -> pd.DataFrame:
        return restated(raw.iloc[:until], splits=tells[0], dividends=tells[1])

    stored, standing = told(first), ()
    for until in [*range(first + 1, 60, every), 60]:
        settled = settle(stored.iloc[-30:], told(until).loc[stored.index[-30:][0] :], standing)
        assert settled.reason == ""
        stored, standing = pd.concat([stored, settled.taken]), settled.standing
    # However often it is asked, each new bar is stored as it was first told, and nothing restates it later.
    daily = pd.concat([told(first), *(told(until).iloc[-1:] for until in range(first + 1, 61))])
    assert_allclose(stored[PRICES], daily[PRICES], rtol=1e-9)


def test_a_price_that_is_gone_is_no_factor_of_one() -> None:
    download = bars(100.0, 102.0, np.nan, 106.0)
    settled = settle(STORED, download)
    assert settled.reason == "1 of 3 stored bars came back different, among them the one next to the new bars"
    halved = settle(STORED, bars(50.0, 51.0, np.nan, 53.0))
    assert halved.reason == "3 of 3 stored bars came back different, among them the one next to the new bars"


def test_a_completed_bar_of_a_restated_source_is_raw() -> None:
    # Told after a split of 2 for 1: 50, 51, 52 are 100, 102, 104 as quoted.
    stored = bars(100.0, 102.0, np.nan)
    settled = settle(stored, bars(50.0, 51.0, 52.0, 52.5, volume=2000.0, split=(3, 2.0)))
    assert settled.reason == ""
    assert settled.taken["close"].tolist() == [104.0, 52.5]
    assert [part.kind for part in settled.restatements] == [Kind.SPLIT, Kind.COMPLETED]


def test_an_unlisted_split_is_told_without_a_date_of_its_own() -> None:
    assert str(Restatement(DAYS[3], Kind.UNLISTED)) == "split that the source does not list on or after 2024-01-05"
    assert str(Restatement(DAYS[3], Kind.SPLIT)) == "split on 2024-01-05"
