from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.errors import DataError
from quantml.loaders.durable import Durable
from quantml.loaders.panels import KEPT, Panels, assemble
from tests.loaders.feed import prices

ROWS = {"A": prices(40, seed=0, split=(20, 2.0)), "B": prices(60, seed=1).iloc[10:], "C": prices(30, seed=2)}
ID = "0123456789abcdef"


def whole(rows: dict[str, pd.DataFrame]) -> Bars:
    return assemble(list(rows), iter(rows.values()), calendar="XNYS", periods_per_year=252.0)


def test_rows_of_symbols_become_the_bars_of_their_long_table() -> None:
    long = pd.concat([rows.assign(symbol=symbol) for symbol, rows in ROWS.items()])
    expected = Bars.from_frame(long.sort_index(kind="stable"), calendar="XNYS", periods_per_year=252.0)
    expected = Bars.from_frame(expected.to_frame().loc[:, (slice(None), list(ROWS))], calendar="XNYS",
                               periods_per_year=252.0)  # fmt: skip
    bars = whole(ROWS)
    assert bars.symbols == ("A", "B", "C")
    for symbol in ROWS:
        for field in ("open", "high", "low", "close", "volume"):
            pd.testing.assert_series_equal(getattr(bars, field)[symbol], getattr(expected, field)[symbol])
    assert bars.fingerprint == expected.fingerprint


def test_intraday_bars_stay_in_utc() -> None:
    clock = pd.date_range("2024-01-02 14:30", periods=40, freq="5min", tz="UTC", unit="us")
    bars = whole({"A": ROWS["A"].set_axis(clock)})
    assert str(bars.clock.tz) == "UTC"
    assert bars.clock.equals(clock)


def test_a_field_that_no_row_has_is_left_out() -> None:
    bare = ROWS["A"].assign(open=np.nan, high=np.nan, low=np.nan, volume=np.nan)
    assert list(whole({"A": bare}).quoted) == ["close"]


def test_a_bar_that_cannot_be_is_named() -> None:
    wrong = ROWS["A"].copy()
    wrong.iloc[3, 1] = 1.0
    with pytest.raises(DataError, match=r"high must be at or above low; got 1.0 \(A, 2020-01-06\)"):
        whole({"A": wrong, "B": ROWS["B"]})


def test_a_kept_panel_is_the_same_bars(tmp_path: Path) -> None:
    panels, bars = Panels(Durable(tmp_path)), whole(ROWS)
    assert panels.read(ID) is None
    panels.write(ID, bars)
    kept = panels.read(ID)
    assert kept is not None
    assert kept.fingerprint == bars.fingerprint
    assert (kept.calendar, kept.periods_per_year, kept.symbols) == ("XNYS", 252.0, ("A", "B", "C"))
    assert not kept.raw_array("close").flags.writeable
    assert list((tmp_path / "partial").iterdir()) == []


def test_a_damaged_panel_is_not_believed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    panels = Panels(Durable(tmp_path))
    panels.write(ID, whole(ROWS))
    (path,) = panels.folder.iterdir()
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING, "quantml"):
        assert panels.read(ID) is None
    assert f"{path} is damaged" in caplog.text
    assert not path.exists()


def test_few_panels_are_kept(tmp_path: Path) -> None:
    panels, bars = Panels(Durable(tmp_path)), whole({"C": ROWS["C"]})
    for number in range(KEPT + 2):
        panels.write(f"{number:016x}", bars)
    assert len(list(panels.folder.iterdir())) == KEPT


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "panels").write_text("")
    panels = Panels(Durable(tmp_path))
    panels.write(ID, whole({"C": ROWS["C"]}))
    assert (tmp_path / "panels").read_text() == ""
