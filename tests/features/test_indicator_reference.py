"""Indicators of R's TTR and of TA-Lib on one 502-bar series, from files made outside of this package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.features import TALib

ADX = {"timeperiod": 14}
AROON = {"timeperiod": 25}
STOCH = {"fastk_period": 14, "slowk_period": 3, "slowd_period": 3}
# column, feature and what one unit of TTR's is in TA-Lib's
TTR = {
    "sma20.v": (TALib("SMA", timeperiod=20), 1.0),
    "ema20.v": (TALib("EMA", timeperiod=20), 1.0),
    "wma20.v": (TALib("WMA", timeperiod=20), 1.0),
    "atr14_wilder.atr": (TALib("ATR", timeperiod=14), 1.0),
    "bbands20_2_close.up": (TALib("BBANDS", output="upperband", timeperiod=20), 1.0),
    "bbands20_2_close.dn": (TALib("BBANDS", output="lowerband", timeperiod=20), 1.0),
    "adx14.DIp": (TALib("PLUS_DI", **ADX), 1.0),
    "adx14.DIn": (TALib("MINUS_DI", **ADX), 1.0),
    "adx14.DX": (TALib("DX", **ADX), 1.0),
    "adx14.ADX": (TALib("ADX", **ADX), 1.0),
    "stoch14_3_3.fastD": (TALib("STOCH", output="slowk", **STOCH), 100.0),
    "stoch14_3_3.slowD": (TALib("STOCH", output="slowd", **STOCH), 100.0),
    "cci20.v": (TALib("CCI", timeperiod=20), 1.0),
    "obv.v": (TALib("OBV"), 1.0),
    "mfi14.v": (TALib("MFI", timeperiod=14), 1.0),
    "roc20_discrete.v": (TALib("ROC", timeperiod=20), 100.0),
    "williams14.v": (TALib("WILLR", timeperiod=14), -100.0),
    "aroon25.aroonUp": (TALib("AROON", output="aroonup", **AROON), 1.0),
    "aroon25.aroonDn": (TALib("AROON", output="aroondown", **AROON), 1.0),
    "aroon25.oscillator": (TALib("AROONOSC", **AROON), 1.0),
    "momentum10.v": (TALib("MOM", timeperiod=10), 1.0),
    "trix15.TRIX": (TALib("TRIX", timeperiod=15), 1.0),
    "cmf20.v": (TALib("CMF", timeperiod=20), 1.0),
    "donchian20.high": (TALib("DONCHIAN", output="upperband", timeperiod=20), 1.0),
    "donchian20.low": (TALib("DONCHIAN", output="lowerband", timeperiod=20), 1.0),
}


@pytest.mark.parametrize("column", TTR)
def test_the_last_252_values_of_ttr(column: str, reference_dir: Path) -> None:
    feature, unit = TTR[column]
    table = pd.read_csv(reference_dir / "data" / "quotes502.csv", index_col="date", parse_dates=True)
    quotes = Bars.from_frame(pd.concat({"A": table}, axis=1).swaplevel(axis=1), periods_per_year=252)
    expected = pd.read_csv(reference_dir / "data" / "ttr_quotes502.csv")[column].to_numpy()
    result = feature(quotes)["A"].to_numpy()
    np.testing.assert_allclose(result[-252:], unit * expected[-252:], rtol=1e-8, atol=1e-8)
