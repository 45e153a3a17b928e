"""What a refresh of the store found, told to people and programs."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from quantml.errors import DataError, Unreachable
from quantml.loaders import Store
from quantml.loaders.refreshes import Refresh
from quantml.reports.refreshes import has_alarms, refresh_table, refresh_values
from tests.loaders.feed import Feed, prices, restated

OFFLINE = Unreachable("the feed", must="answer", got="no network")


@pytest.fixture
def feed() -> Feed:
    return Feed({"A": prices(120, seed=1, split=(105, 2.0)), "B": prices(120, seed=2)}, until=100)


def printed(refresh: Refresh) -> str:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    console.print(refresh_table(refresh))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_new_bars_and_a_split_are_no_alarm(feed: Feed, tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.refresh(feed)
    assert re.search(r"A +2020-01-01 +2020-05-19 +100 +100", printed(first))
    feed.until, feed.tells = 110, lambda raw: restated(raw, splits=True, dividends=False)
    again = store.refresh(feed)
    assert (has_alarms(first), has_alarms(again)) == (False, False)
    told = refresh_values(again)["symbols"]["A"]
    assert (told["downloaded"], told["taken"], [part["kind"] for part in told["restated"]]) == (40, 10, ["split"])
    assert "split on 2020-05-27 recognised" in printed(again)
    assert refresh_values(again)["snapshot"] == again.snapshot


def test_a_changed_bar_and_a_failure_are(feed: Feed, tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.refresh(feed)
    feed.until = 104
    feed.rows["A"].iloc[95, 3] *= 1.001
    feed.rows["A"].iloc[95, 1] *= 1.01
    feed.fails = {"B": OFFLINE}
    refresh = store.refresh(feed)
    assert has_alarms(refresh)
    told = refresh_values(refresh)["symbols"]
    assert (told["A"]["quarantined"], told["A"]["failed"]) == (1, None)
    assert told["B"]["failed"] == "the feed must answer; got 'no network'."
    text = printed(refresh)
    assert "1 bar quarantined" in text
    assert re.search(r"B +– +– +0 +0 +failed", text)


def test_what_is_missing_altogether_is_said(feed: Feed, tmp_path: Path) -> None:
    feed.fails = {"B": DataError("the feed", must="list the symbol", got="B")}
    refresh = Store(tmp_path).refresh(feed)
    assert has_alarms(refresh)
    assert "Nothing stored of B." in printed(refresh)
    assert refresh_values(refresh)["snapshot"] is None
