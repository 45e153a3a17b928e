"""The store as its users see it: what was seen stays, a snapshot gives the same bytes, a study runs on it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest

from quantml import Study, WalkForward, run
from quantml.bars import Bars
from quantml.canonical import digest
from quantml.errors import DataError, ParameterError, StorageError, Unreachable
from quantml.forecasters import HistoricalMean
from quantml.loaders import Retry, Sample, Store, Stored, Yahoo
from quantml.loaders.downloads import FIELDS, Quotation
from quantml.loaders.store import default_folder
from quantml.signals import Sign
from quantml.space import Declaration
from quantml.targets import ForwardReturn
from tests.loaders.feed import Feed, prices
from tests.loaders.yahoo_server import Listing, YahooServer, status


@dataclass(frozen=True)
class Plain(Declaration):
    """A source as a declaration."""

    symbols: tuple[str, ...] = ("A", "B")
    name: ClassVar[str] = "plain-1d"

    def fetch(self, symbol: str, *, start: pd.Timestamp | None, end: pd.Timestamp | None) -> pd.DataFrame:
        rows = prices(120, seed=1, split=(90, 2.0)) if symbol == "A" else prices(110, seed=2)
        return rows.loc[start:end]


RAW = {"A": prices(120, seed=1, split=(90, 2.0)), "B": prices(110, seed=2)}
SILENT = Unreachable("the feed", must="answer", got="no network")


@pytest.fixture
def feed() -> Feed:
    return Feed(dict(RAW), until=100, calendar="XNYS")


def expected(until: int) -> Bars:
    long = pd.concat([rows.iloc[:until].assign(symbol=symbol) for symbol, rows in RAW.items()])
    return Bars.from_frame(long.rename_axis("date").reset_index(), calendar="XNYS", periods_per_year=252.0)


def test_bars_come_back_as_they_were_downloaded(tmp_path: Path, feed: Feed) -> None:
    store = Store(tmp_path)
    store.refresh(feed)
    first, kept = store.load(feed), store.load(feed)
    assert first.fingerprint == kept.fingerprint == expected(100).fingerprint
    assert kept.splits["A"].iloc[90] == 2.0


def test_real_prices_with_splits_and_dividends_come_back(tmp_path: Path) -> None:
    bars = Sample("stocks").load()
    arrays = {**bars.quoted, "split": bars.split, "dividend": bars.dividend}
    rows = {
        symbol: pd.DataFrame({name: arrays[name][:, i] for name in FIELDS}, bars.clock)[bars.traded[:, i]]
        for i, symbol in enumerate(bars.symbols)
    }
    feed = Feed(rows, calendar=bars.calendar)
    store = Store(tmp_path)
    store.refresh(feed)
    assert store.load(feed).fingerprint == bars.fingerprint


def test_a_snapshot_gives_the_same_bytes_whatever_comes_later(tmp_path: Path, feed: Feed) -> None:
    store = Store(tmp_path)
    store.refresh(feed)
    name, before = store.snapshot(feed), store.load(feed).fingerprint
    for until in range(101, 121):
        feed.until = until
        store.refresh(feed)
    store.renew(feed)
    assert store.load(feed).fingerprint == expected(120).fingerprint != before
    for panel in (tmp_path / "feed-1d" / "panels").iterdir():
        panel.unlink()
    assert store.load(feed, snapshot=name).fingerprint == before
    assert Store(tmp_path).load(feed, snapshot=name).fingerprint == before


def test_bars_come_back_as_they_were_known_at_a_moment(tmp_path: Path, feed: Feed) -> None:
    store, moments = Store(tmp_path), []
    for until in (100, 105, 110):
        feed.until = until
        store.refresh(feed)
        moments.append(pd.Timestamp.now("UTC"))
    then = [store.load(feed, snapshot=store.snapshot(feed, as_of=moment)) for moment in moments]
    assert [len(bars) for bars in then] == [100, 105, 110]
    with pytest.raises(DataError, match="every symbol of feed-1d at 2020-01-01 00:00 UTC; got 'none of A, B'"):
        store.snapshot(feed, as_of="2020-01-01")


def test_exchanges_and_currencies_of_each_symbol_come_back(tmp_path: Path, feed: Feed) -> None:
    closed = pd.Timestamp("2020-01-20")  # Martin Luther King Jr. Day: New York is closed, London is not
    feed.rows["A"] = RAW["A"].drop(closed)
    feed.calendar, feed.currencies = {"B": "XLON", "A": "XNYS"}, {"B": "GBP", "A": "USD"}
    feed.periods_per_year = None
    store = Store(tmp_path)
    name = store.refresh(feed).snapshot
    for bars in (store.load(feed), store.load(feed), store.load(feed, snapshot=name)):
        assert bars.fingerprint == store.load(feed).fingerprint
        assert (dict(bars.calendar), dict(bars.currencies)) == (feed.calendar, feed.currencies)
        assert bars.closed[bars.clock.get_loc(closed)].tolist() == [True, False]
        assert bars.own_periods_per_year.tolist() == [252.0, 253.0]


@dataclass
class Learns(Feed):
    """A source that says in which currency and on which exchange a symbol is quoted, once it has downloaded it."""

    knows: dict[str, Quotation] = field(default_factory=dict)

    @property
    def quotations(self) -> dict[str, Quotation]:
        return {symbol: self.knows[symbol] for symbol, _, _ in self.asked}


def test_what_a_source_said_of_a_symbol_is_known_offline(tmp_path: Path) -> None:
    knows = {"A": Quotation("USD", "XNYS"), "B": Quotation("GBP", "XLON")}
    feed = Learns(RAW, until=100, knows=knows)
    store = Store(tmp_path)
    name = store.refresh(feed).snapshot
    later = Learns(RAW, until=100, knows=knows, fails=dict.fromkeys("AB", SILENT))
    assert store.snapshot(later) == name
    bars = store.load(later)
    assert (dict(bars.calendar or {}), dict(bars.currencies)) == (
        {"A": "XNYS", "B": "XLON"},
        {"A": "USD", "B": "GBP"},
    )
    assert store.load(Learns({"A": RAW["A"]})).calendar == "XNYS"
    declared = Learns(RAW, calendar="XETR", currencies={"A": "EUR", "B": "EUR"})
    assert (store.load(declared).calendar, set(store.load(declared).currencies.values())) == ("XETR", {"EUR"})


def test_one_symbol_of_unknown_currency_leaves_the_panel_without(tmp_path: Path) -> None:
    feed = Learns(RAW, until=100, knows={"A": Quotation("USD", "XNYS"), "B": Quotation("USD")})
    store = Store(tmp_path)
    store.refresh(feed)
    assert (store.load(feed).calendar, dict(store.load(feed).currencies)) == (None, {"A": "USD", "B": "USD"})


def test_sources_of_other_symbols_have_other_snapshots_of_the_same_bars(tmp_path: Path, feed: Feed) -> None:
    store = Store(tmp_path)
    store.refresh(feed)
    alone = Feed({"B": RAW["B"]}, calendar="XNYS")
    pinned = store.snapshot(alone)
    feed.until = 110
    feed.fails = {"B": SILENT}
    store.refresh(feed)  # changes A only
    assert store.snapshot(alone) == pinned != store.snapshot(feed)
    assert store.load(alone).symbols == ("B",)
    with pytest.raises(DataError, match=f"snapshot {pinned} must hold the symbols asked for, in their order; got 'B'"):
        store.load(feed, snapshot=pinned)


def test_what_is_not_stored_is_named(tmp_path: Path, feed: Feed) -> None:
    store = Store(tmp_path)
    with pytest.raises(DataError, match="the store must have bars of every symbol of feed-1d; got 'none of A, B'"):
        store.load(feed)
    store.refresh(feed)
    assert store.read(feed, "C").empty
    feed.end = "2019-12-31"
    with pytest.raises(DataError, match="the store must have bars of A from its start to 2019-12-31"):
        store.load(feed)


def test_a_damaged_file_is_named_and_nothing_else_is_lost(tmp_path: Path, feed: Feed) -> None:
    store = Store(tmp_path)
    store.refresh(feed)
    (path,) = (tmp_path / "feed-1d" / "symbols" / "A").iterdir()
    path.write_bytes(b"PAR1")
    with pytest.raises(StorageError, match=rf"{path.name} must hold what was stored in it; got 'other bytes'"):
        store.load(feed)
    assert len(store.load(Feed({"B": RAW["B"]}))) == 100


def test_prices_that_cannot_be_are_kept_and_refused_when_they_become_bars(tmp_path: Path, feed: Feed) -> None:
    dirty = RAW["A"].copy()
    dirty.iloc[5, 3] = 0.0
    feed.rows["A"] = dirty
    store = Store(tmp_path)
    store.refresh(feed)
    with pytest.raises(DataError, match=r"close must be positive; got 0.0 \(A, 2020-01-08\)"):
        store.load(feed)
    pd.testing.assert_frame_equal(store.read(feed, "A"), dirty.iloc[:100], check_freq=False)


def test_names_that_are_no_folders_and_strangers_are_refused(tmp_path: Path, feed: Feed) -> None:
    with pytest.raises(ParameterError, match="symbols must be among A, B; got \\['C'\\]"):
        Store(tmp_path).renew(feed, ["C"])
    feed.name = "../elsewhere"
    with pytest.raises(ParameterError, match="a source's name must be made of letters"):
        Store(tmp_path).refresh(feed)


def test_the_store_of_a_repository_is_at_its_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "down")
    assert Store().folder == default_folder() == tmp_path / "data" / "store"


# ---------------------------------------------------------------- as a loader


def test_loading_refreshes_and_pinning_does_not(tmp_path: Path, feed: Feed) -> None:
    loader = Stored(feed, folder=tmp_path)
    assert loader.loaded_snapshot is None
    first = loader.load()
    pinned = loader.loaded_snapshot
    feed.until, feed.asked = 110, []
    assert Stored(feed, folder=tmp_path, snapshot=pinned).load().fingerprint == first.fingerprint
    assert feed.asked == []
    assert len(loader.load()) == 110
    assert loader.loaded_snapshot not in (None, pinned)


def test_offline_the_last_good_bars_come_with_their_age(
    tmp_path: Path, feed: Feed, caplog: pytest.LogCaptureFixture
) -> None:
    loader = Stored(feed, folder=tmp_path)
    online, notes = loader.load().fingerprint, loader.notes
    feed.fails = dict.fromkeys("AB", SILENT)
    with caplog.at_level(logging.WARNING, "quantml"):
        assert loader.load().fingerprint == online
    (warning,) = loader.warnings
    assert "no answer for A, B: the feed must answer" in warning
    assert warning.endswith("less than a minute ago.")
    assert warning in caplog.text
    assert loader.notes == notes


def test_offline_with_nothing_stored_is_the_source_s_own_error(tmp_path: Path, feed: Feed) -> None:
    feed.fails = {"A": SILENT}
    with pytest.raises(Unreachable, match="the feed must answer"):
        Stored(feed, folder=tmp_path).load()
    feed.fails = {"A": DataError("the feed", must="list the symbol", got="A")}
    with pytest.raises(DataError, match="the feed must list the symbol; got 'A'"):
        Stored(feed, folder=tmp_path).load()
    assert len(Store(tmp_path).read(feed, "B")) == 100


def test_notes_say_when_bars_were_downloaded_and_what_is_in_quarantine(tmp_path: Path, feed: Feed) -> None:
    loader = Stored(feed, folder=tmp_path)
    assert loader.notes == ("A feed made for tests.",)
    loader.load()
    _, stored = loader.notes
    assert stored.startswith(
        f"From the store of feed-1d, snapshot {loader.loaded_snapshot}: bars until 2020-05-19, the newest downloaded on"
    )
    feed.rows["B"] = RAW["B"].assign(volume=1.0)
    loader.load()
    assert loader.notes[2] == (
        "Later downloads disagree with the stored bars of B; they are kept apart in quarantine."
    )  # fmt: skip
    assert Stored(feed, folder=tmp_path, snapshot=loader.loaded_snapshot).snapshot == loader.loaded_snapshot


def test_where_bars_are_kept_does_not_change_a_study(tmp_path: Path) -> None:
    here, there = (Stored(Plain(), folder=tmp_path / name, snapshot=name) for name in ("a", "b"))
    assert digest(here) == digest(there) != digest(Stored(Plain(symbols=("A",))))
    assert repr(here) == "Stored(source=Plain(symbols=('A', 'B')))"


def test_only_a_source_can_be_stored() -> None:
    with pytest.raises(ParameterError, match="Stored.source must be a source, with a fetch method; got 5"):
        Stored(5)  # type: ignore[arg-type]


def test_a_study_on_stored_bars_names_them_and_runs_alike_when_they_are_pinned(tmp_path: Path) -> None:
    def study(data: Stored) -> Study:
        target, forecaster = ForwardReturn(horizon=1), HistoricalMean()
        return Study(data=data, target=target, forecaster=forecaster, signal=Sign(), validation=WalkForward(60, 20))

    loader = Stored(Plain(), folder=tmp_path / "store")
    first = run(study(loader), out=tmp_path / "runs")
    assert f"snapshot {loader.loaded_snapshot}" in first.manifest["data"]["notes"][0]
    pinned = Stored(Plain(), folder=tmp_path / "store", snapshot=loader.loaded_snapshot)
    again = run(study(pinned), out=tmp_path / "runs")  # would raise if a byte of the run's folder differed
    assert again.folder == first.folder


# ------------------------------------------------------------- with a real client


def test_yahoo_s_own_restatement_of_a_split_changes_nothing_stored(
    tmp_path: Path, curl: Any, server: YahooServer
) -> None:
    # As quoted: 110, 112, then 4 new shares for 1 on the third day, at 28.5. Yahoo tells all of it in new shares.
    told = {"2020-08-26": 27.5, "2020-08-27": 28.0, "2020-08-28": 28.5, "2020-08-31": 29.0}
    new = {day: (close, close, close, close, 4000.0) for day, close in told.items()}
    old = {day: (4.0 * close, 4.0 * close, 4.0 * close, 4.0 * close, 1000.0) for day, close in told.items()}
    server.listings["ABC"] = Listing(bars=dict(list(old.items())[:2]))
    yahoo = Yahoo(["ABC"], session=curl, cache=tmp_path, start="2020-08-01", retry=Retry(attempts=1, timeout=1.0))
    loader = Stored(yahoo, folder=tmp_path / "store")
    loader.load()
    server.listings["ABC"] = Listing(bars=new, splits={"2020-08-28": (4, 1)})
    bars = loader.load()
    assert loader.warnings == ()
    assert bars.raw_array("close")[:, 0].tolist() == [110.0, 112.0, 28.5, 29.0]
    assert bars.raw_array("volume")[:, 0].tolist() == [1000.0, 1000.0, 4000.0, 4000.0]
    assert bars.splits["ABC"].tolist() == [1.0, 1.0, 4.0, 1.0]
    server.always("ABC", status(429))
    assert loader.load().fingerprint == bars.fingerprint
    assert "no answer for ABC" in loader.warnings[0]
