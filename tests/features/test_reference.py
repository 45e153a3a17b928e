"""Indicators of TA-Lib, R's TTR and the spreadsheets of Stock.Indicators on one 502-bar series."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml import features as f
from quantml.bars import Bars

COLUMNS: dict[str, Any] = {
    "talib_RSI14": f.RSI(),
    "talib_ATR14": f.ATR(),
    "talib_NATR14": f.NATR(),
    "talib_MACD": f.MACD(),
    "talib_MACDsignal": f.MACDSignal(),
    "talib_MACDhist": f.MACDHistogram(),
    "ttr_rsi14_wilder.v": f.RSI(),
    "ttr_atr14_wilder.atr": f.ATR(),
    "ttr_macd_12_26_9.macd": f.MACD(),
    "ttr_macd_12_26_9.signal": f.MACDSignal(),
    "ttr_bbands20_2_close.pctB": f.BollingerPosition(),
    "ttr_roc20_discrete.v": f.Returns(20),
    "ttr_vol_close21.v": f.RealisedVolatility(20),  # TTR counts the 21 closes
    "ttr_vol_parkinson21.v": f.Parkinson(21),
    "ttr_vol_gk21.v": f.GarmanKlass(21),
    "ttr_vol_rs21.v": f.RogersSatchell(21),
    "ttr_vol_yz21.v": f.YangZhang(21),
}
CELLS: dict[tuple[str, str], tuple[Any, float]] = {
    ("si_Rsi", "Rsi"): (f.TALib("RSI", timeperiod=14, unstable_period=0), 1.0),  # some are early ones
    ("si_Atr", "Atr"): (f.TALib("ATR", timeperiod=14, unstable_period=0), 1.0),
    ("si_Atr", "Atrp"): (f.TALib("NATR", timeperiod=14, unstable_period=0), 1.0),
    ("si_Macd", "Macd"): (f.MACD(), 1.0),
    ("si_Macd", "Signal"): (f.MACDSignal(), 1.0),
    ("si_Macd", "Histogram"): (f.MACDHistogram(), 1.0),
    ("si_BollingerBands", "PercentB"): (f.BollingerPosition(), 1.0),
    ("si_Roc", "Roc"): (f.Returns(20), 100.0),
}


@pytest.fixture(scope="module")
def cases(reference_dir: Path) -> dict[str, Any]:
    listed = json.loads((reference_dir / "indicators.json").read_text())["cases"]
    return {case["id"].removesuffix("_DefaultParameters_ReturnsExpectedResults"): case for case in listed}


@pytest.fixture(scope="module")
def quotes(reference_dir: Path) -> Bars:
    table = pd.read_csv(reference_dir / "data" / "quotes502.csv", index_col="date", parse_dates=True)
    return Bars.from_frame(pd.concat({"A": table}, axis=1).swaplevel(axis=1), periods_per_year=252)


@pytest.mark.parametrize("case", COLUMNS)
def test_the_last_252_values(case: str, cases: dict[str, Any], quotes: Bars, reference_dir: Path) -> None:
    expected = cases[case]["expected"]
    column = pd.read_csv(reference_dir / expected["csv"])[expected["column"]].to_numpy()
    result = COLUMNS[case](quotes)["A"].to_numpy()
    np.testing.assert_allclose(result[-252:], column[-252:], rtol=cases[case]["tol"]["rel"])


@pytest.mark.parametrize(("case", "name"), CELLS)
def test_spreadsheet_values(case: str, name: str, cases: dict[str, Any], quotes: Bars) -> None:
    feature, unit = CELLS[case, name]
    result = unit * feature(quotes)["A"].to_numpy()
    cells = [cell for cell in cases[case]["expected"] if cell["field"] == name and cell["value"] is not None]
    if case == "si_Macd":  # TA-Lib starts its fast average 14 bars later, which has worn off by row 249
        cells = [cell for cell in cells if cell["index"] >= 249]
    assert len(cells) >= 2
    for cell in cells:
        digits = int(cell["tol"].removeprefix("Money"))
        assert result[cell["index"]] == pytest.approx(cell["value"], abs=0.5001 * 10.0**-digits)
