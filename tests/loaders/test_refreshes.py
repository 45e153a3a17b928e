"""What one refresh asks for, takes, refuses and reports."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
import pytest

from quantml.errors import DataError, StorageError, Unreachable
from quantml.loaders import Store, refreshes
from tests.loaders.feed import Feed, prices, restated

RAW = {"A": prices(120, seed=1, split=(90, 2.0)), "B": prices(120, seed=2)}
SILENT = Unreachable("the feed", must="answer", got="429 Too Many Requests")


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(left, right, check_freq=False)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def feed() -> Feed:
    return Feed(dict(RAW), until=80)


def test_the_first_refresh_takes_everything(store: Store, feed: Feed) -> None:
    found = store.refresh(feed)
    assert feed.asked == [("A", None, None), ("B", None, None)]
    assert found.fetched.to_dict("list") == {
        "symbol": ["A", "B"],
        "first": [RAW["A"].index[0]] * 2,
        "last": [RAW["A"].index[79]] * 2,
        "rows": [80, 80],
        "taken": [80, 80],
    }
    assert (len(found.restated), len(found.quarantined), found.failed, found.sentences) == (0, 0, {}, ())
    same(store.read(feed, "A"), RAW["A"].iloc[:80])


def test_the_next_one_asks_for_what_is_missing_and_thirty_bars(store: Store, feed: Feed) -> None:
    store.refresh(feed)
    feed.until, feed.asked = 85, []
    found = store.refresh(feed)
    assert feed.asked == [("A", RAW["A"].index[50], None), ("B", RAW["B"].index[50], None)]
    assert (found.fetched["rows"].tolist(), found.fetched["taken"].tolist()) == ([35, 35], [5, 5])
    same(store.read(feed, "B"), RAW["B"].iloc[:85])


def test_nothing_new_leaves_the_snapshot_as_it_was(store: Store, feed: Feed) -> None:
    assert store.refresh(feed).snapshot == store.refresh(feed).snapshot


def test_a_split_that_restates_history_leaves_stored_bars_as_quoted(
    store: Store, feed: Feed, caplog: pytest.LogCaptureFixture
) -> None:
    store.refresh(feed)
    feed.until, feed.tells = 95, lambda raw: restated(raw, splits=True, dividends=False)
    with caplog.at_level(logging.WARNING, "quantml"):
        found = store.refresh(feed)
    assert found.restated.to_dict("records") == [
        {"symbol": "A", "time": RAW["A"].index[90], "kind": "split", "price": 0.5, "volume": 2.0,
         "told": "split on 2020-05-06"}
    ]  # fmt: skip
    assert found.sentences == ("A: split on 2020-05-06, recognised.",)
    assert "feed-1d: A: split on 2020-05-06, recognised." in caplog.text
    same(store.read(feed, "A"), RAW["A"].iloc[:95])
    feed.until = 100
    assert store.refresh(feed).sentences == ()
    same(store.read(feed, "A"), RAW["A"].iloc[:100])


def test_bars_that_changed_are_quarantined_once_and_shown(store: Store, feed: Feed) -> None:
    store.refresh(feed)
    revised = RAW["B"].copy()
    revised.iloc[70, 3] *= 1.001
    feed.rows["B"], feed.until = revised, 81
    found = store.refresh(feed)
    assert found.quarantined.to_dict("records") == [
        {"symbol": "B", "time": RAW["B"].index[70], "field": "close", "stored": RAW["B"].iloc[70, 3],
         "downloaded": revised.iloc[70, 3]}
    ]  # fmt: skip
    assert found.sentences == (
        "B: 1 of 30 stored bars came back different; what was downloaded is kept apart in quarantine. Store.renew, or"
        " quantml data pull --renew, puts the source's bars in place of the stored ones.",
    )
    same(store.read(feed, "B"), RAW["B"].iloc[:81])
    same(store.quarantined(feed, "B"), revised.iloc[[70]])
    feed.until = 82
    again = store.refresh(feed)
    assert (again.sentences, len(again.quarantined)) == ((), 1)
    same(store.quarantined(feed, "B"), revised.iloc[[70]])
    assert len(store.read(feed, "B")) == 82


def test_quarantine_grows_by_what_is_new_in_it(store: Store, feed: Feed) -> None:
    store.refresh(feed)
    feed.tells = lambda raw: raw.assign(**{name: 100.0 * raw[name] for name in ("open", "high", "low", "close")})
    for until in (82, 85):
        feed.until = until
        assert "came back times 100" in store.refresh(feed).sentences[0]
    assert len(store.quarantined(feed, "A")) == 35
    same(store.read(feed, "A"), RAW["A"].iloc[:80])


def test_a_withdrawn_bar_is_shown_again_where_others_are_in_quarantine(store: Store, feed: Feed) -> None:
    store.refresh(feed)
    feed.rows["B"] = RAW["B"].drop(RAW["B"].index[60])
    store.refresh(feed)
    feed.rows["B"] = RAW["B"].drop(RAW["B"].index[[60, 65]])
    assert len(store.refresh(feed).sentences) == 1
    assert list(store.quarantined(feed, "B").index) == list(RAW["B"].index[[60, 65]])


def test_renewing_takes_the_source_s_word(store: Store, feed: Feed) -> None:
    old = store.refresh(feed).snapshot
    feed.tells = lambda raw: raw.assign(volume=1.0)
    store.refresh(feed)
    renewed = store.renew(feed, ["B"])
    assert renewed.fetched[["symbol", "rows"]].to_dict("list") == {"symbol": ["A", "B"], "rows": [30, 80]}
    assert set(store.read(feed, "B")["volume"]) == {1.0}
    assert (len(store.quarantined(feed, "A")), len(store.quarantined(feed, "B"))) == (30, 0)
    assert (store.load(feed, snapshot=old).raw_array("volume") > 1.0).all()


def test_one_symbol_that_does_not_exist_does_not_stop_the_others(store: Store, feed: Feed) -> None:
    feed.fails["A"] = DataError("the feed", must="list the symbol", got="A")
    found = store.refresh(feed)
    assert (list(found.failed), found.missing, found.snapshot) == (["A"], ("A",), None)
    assert found.sentences == ("A: the feed must list the symbol; got 'A'.",)
    assert len(store.read(feed, "B")) == 80


def test_a_symbol_that_the_source_gives_up_keeps_its_bars(store: Store, feed: Feed) -> None:
    store.refresh(feed)
    feed.rows["A"] = RAW["A"].iloc[:0]
    found = store.refresh(feed)
    assert found.sentences[0].startswith(
        "A: feed-1d must have bars of A; got 'none since 2020-03-11'. The bars until 2020-04-21 stand, as of "
    )
    assert len(store.read(feed, "A")) == 80


def test_a_silent_source_leaves_everything_and_says_how_old_it_is(
    store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.refresh(feed)
    feed.fails = dict.fromkeys("AB", SILENT)
    later = pd.Timestamp.now("UTC") + pd.Timedelta(days=3, minutes=5)
    monkeypatch.setattr(refreshes, "_now", lambda: later)
    found = store.refresh(feed)
    assert found.snapshot == store.snapshot(feed)
    (sentence,) = found.sentences
    assert sentence.startswith("no answer for A, B: the feed must answer; got '429 Too Many Requests'. The bars until")
    assert sentence.endswith(" UTC, 3 days ago.")


def test_a_source_that_stays_silent_is_not_asked_for_every_symbol(store: Store) -> None:
    feed = Feed(dict.fromkeys("ABCDEFG", RAW["B"]), fails=dict.fromkeys("BCDF", SILENT))
    found = store.refresh(feed)
    assert [symbol for symbol, _, _ in feed.asked] == ["A", "B", "C", "D"]
    assert list(found.failed) == ["B", "C", "D", "E", "F", "G"]
    assert len(store.read(feed, "A")) == 120


def test_a_malformed_download_fails_its_symbol_only(store: Store, feed: Feed) -> None:
    feed.rows["A"] = pd.concat([RAW["A"].iloc[:5], RAW["A"].iloc[4:]])
    found = store.refresh(feed)
    assert str(found.failed["A"]) == "times must be unique (A, 2020-01-07 00:00:00 stands twice)."
    assert len(store.read(feed, "B")) == 80


def test_a_damaged_file_fails_its_symbol_only(store: Store, feed: Feed) -> None:
    store.refresh(feed)
    (path,) = (store.folder / "feed-1d" / "symbols" / "A").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    feed.until = 85
    found = store.refresh(feed)
    assert isinstance(found.failed["A"], StorageError)
    assert str(path) in str(found.failed["A"])
    assert len(store.read(feed, "B")) == 85


def test_a_symbol_whose_folder_was_moved_away_is_downloaded_again(
    store: Store, feed: Feed, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.refresh(feed)
    (store.folder / "feed-1d" / "symbols" / "A").rename(tmp_path / "moved")
    feed.until = 85
    with caplog.at_level(logging.WARNING, "quantml"):
        store.refresh(feed)
    assert "The folder of A is gone from the store" in caplog.text
    same(store.read(feed, "A"), RAW["A"].iloc[:85])


def test_a_range_that_is_stored_is_not_asked_for(store: Store, feed: Feed) -> None:
    feed.end = "2020-03-31"
    store.refresh(feed)
    assert [end for _, _, end in feed.asked] == [pd.Timestamp("2020-03-31")] * 2
    feed.asked = []
    store.refresh(feed)
    assert feed.asked == []
    feed.end = "2020-02-28"
    assert store.load(feed).clock[-1] == pd.Timestamp("2020-02-28")


def test_an_earlier_start_is_downloaded_and_compared(store: Store, feed: Feed) -> None:
    feed.start = "2020-03-02"
    store.refresh(feed)
    assert store.read(feed, "A").index[0] == pd.Timestamp("2020-03-02")
    feed.start, feed.asked = "2020-02-03", []
    found = store.refresh(feed)
    assert feed.asked[0] == ("A", pd.Timestamp("2020-02-03"), None)
    assert (found.fetched["taken"].tolist(), found.sentences) == ([20, 20], ())
    feed.asked = []
    store.refresh(feed)
    assert feed.asked[0][1] == RAW["A"].index[50]
    feed.start = "2020-04-01"
    assert store.load(feed).clock[0] == pd.Timestamp("2020-04-01")


def test_intraday_bars_are_refreshed_alike(store: Store) -> None:
    clock = pd.date_range("2024-01-02 14:30", periods=120, freq="15min", tz="UTC", unit="us").rename(None)
    feed = Feed({"A": RAW["B"].set_axis(clock)}, until=100, start="2024-01-02", end="2024-01-03")
    store.refresh(feed)
    feed.until = 120
    assert store.refresh(feed).sentences == ()
    assert feed.asked[1] == ("A", clock[70], pd.Timestamp("2024-01-03"))
    assert store.read(feed, "A").index.equals(clock)
    assert store.load(feed).clock.equals(clock)
    feed.end = "2024-01-02"
    assert store.load(feed).clock[-1] == pd.Timestamp("2024-01-02 23:45", tz="UTC")


def test_an_older_download_does_not_overtake_a_newer_one(store: Store, feed: Feed) -> None:
    class Interrupted(Feed):
        """While the first answer is on its way, another process refreshes, and sees two bars more."""

        def fetch(self, symbol: str, **limits: pd.Timestamp | None) -> pd.DataFrame:  # type: ignore[override]
            rows = super().fetch(symbol, **limits)
            if symbol == "B":
                Store(store.folder).refresh(Feed(dict(RAW), until=84))
            return rows

    store.refresh(feed)
    found = store.refresh(Interrupted(dict(RAW), until=82))
    assert (found.sentences, found.fetched.empty) == ((), True)
    assert [len(store.read(feed, symbol)) for symbol in "AB"] == [84, 84]
    assert found.snapshot == store.snapshot(feed)


def test_a_newer_download_is_settled_on_what_another_process_stored(
    store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.refresh(feed)
    began, calls = pd.Timestamp.now("UTC"), []
    original = refreshes._settle_all

    def ask_at(hours: int) -> None:
        monkeypatch.setattr(refreshes, "_now", lambda: began + pd.Timedelta(hours=hours))

    def settle_and_lose(*arguments: object) -> object:
        outcome = original(*arguments)  # type: ignore[arg-type]
        calls.append(len(outcome[0]))
        if len(calls) == 1:
            ask_at(1)
            monkeypatch.setattr(refreshes, "_settle_all", original)
            Store(store.folder).refresh(Feed(dict(RAW), until=82))
            monkeypatch.setattr(refreshes, "_settle_all", settle_and_lose)
        return outcome

    monkeypatch.setattr(refreshes, "_settle_all", settle_and_lose)
    ask_at(2)
    found = store.refresh(Feed(dict(RAW), until=84))
    assert calls == [2, 2]
    assert (found.sentences, found.fetched["taken"].tolist()) == ((), [2, 2])
    same(store.read(feed, "A"), RAW["A"].iloc[:84])


def test_a_newest_bar_without_a_price_is_left_out_until_it_is_whole(store: Store, feed: Feed) -> None:
    half = RAW["B"].copy()
    half.iloc[79, 3] = float("nan")
    feed.rows["B"] = half
    found = store.refresh(feed)
    assert found.sentences == (
        "B: the bar of 2020-04-21 lacks a price and is left out until the source has it whole.",
    )  # fmt: skip
    same(store.read(feed, "B"), RAW["B"].iloc[:79])
    feed.rows["B"], feed.until = RAW["B"], 82
    assert store.refresh(feed).sentences == ()
    same(store.read(feed, "B"), RAW["B"].iloc[:82])


def test_half_a_bar_does_not_withdraw_the_whole_one(store: Store, feed: Feed) -> None:
    store.refresh(feed)
    half = RAW["B"].copy()
    half.iloc[79, 3] = float("nan")
    feed.rows["B"] = half
    found = store.refresh(feed)
    assert (len(found.quarantined), len(found.sentences)) == (0, 1)
    same(store.read(feed, "B"), RAW["B"].iloc[:80])


def test_a_stored_bar_without_a_price_is_mended(store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    half = RAW["B"].copy()
    half.iloc[79, 3] = float("nan")
    feed.rows["B"] = half
    with monkeypatch.context() as before:
        before.setattr(refreshes, "finished_rows", lambda rows: rows)  # as a store may hold it
        store.refresh(feed)
    feed.rows["B"], feed.until = RAW["B"], 82
    found = store.refresh(feed)
    assert found.sentences == ("B: missing price filled in on 2020-04-21, recognised.",)
    assert len(found.quarantined) == 0
    same(store.read(feed, "B"), RAW["B"].iloc[:82])
    assert len(store.load(feed)) == 82
