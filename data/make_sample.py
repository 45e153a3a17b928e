"""Rebuild the sample prices under quantml/loaders/sample/ from the files of the packages that they come from.

Usage, from the root of the repository::

    python data/make_sample.py STOCKS SP500 NASDAQ LARGE_CAPS [--out quantml/loaders/sample]

STOCKS is ``bokeh_sampledata/_data/stocks.csv.gz`` of bokeh_sampledata 2026.1, SP500 and NASDAQ are
``arch/data/sp500/sp500.csv.gz`` and ``arch/data/nasdaq/nasdaq.csv.gz`` of arch 8.0.0, and LARGE_CAPS is
``skfolio/datasets/data/sp500_dataset.csv.gz`` of skfolio 1.12.2. Each lies inside the package's wheel.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

STOCKS = ("AAPL", "IBM", "MSFT", "GOOG")
PRICES = ["open", "high", "low", "close"]
TOLERANCE = 1e-9
"""Largest relative difference between a published adjusted return and the one its events give."""


def read_stocks(path: Path) -> pd.DataFrame:
    """Read raw prices, and recover the splits and dividends that the adjusted closes stand for."""
    table = pd.read_csv(path).rename(columns=_snake).rename(columns={"ticker": "symbol"})
    parts = [recover_events(table[table["symbol"] == symbol]) for symbol in STOCKS]
    return pd.concat(parts, ignore_index=True)[["date", "symbol", *PRICES, "volume", "split", "dividend"]]


def recover_events(bars: pd.DataFrame) -> pd.DataFrame:
    """Add the columns ``split`` and ``dividend`` to one symbol's bars.

    The source makes its adjusted closes so that ``adjusted[t] / adjusted[t-1]`` equals
    ``split[t] * (close[t] + dividend[t]) / close[t-1]``. So the ratio ``adjusted / close`` is constant but for a
    step of ``split * (1 + dividend / close)`` on each ex-date. A split is the step's whole part, a dividend what
    remains, to the cent.

    Raises
    ------
    ValueError
        If what was recovered does not give the published adjusted returns back.
    """
    close, adjusted = bars["close"].to_numpy(), bars["adj_close"].to_numpy()
    factor = adjusted / close
    step = np.append(1.0, factor[1:] / factor[:-1])
    split = np.where(step > 1.5, np.round(step), 1.0)
    dividend = np.abs(np.round(close * (step / split - 1.0), 2))
    _check_events(bars, split, dividend)
    return bars.assign(split=split, dividend=dividend)


def _check_events(bars: pd.DataFrame, split: NDArray[np.float64], dividend: NDArray[np.float64]) -> None:
    close, adjusted = bars["close"].to_numpy(), bars["adj_close"].to_numpy()
    remade = (split * (close + dividend))[1:] / close[:-1]
    worst = float(np.max(np.abs(remade / (adjusted[1:] / adjusted[:-1]) - 1.0)))
    symbol, paid = bars["symbol"].iloc[0], int((dividend > 0).sum())
    sys.stdout.write(f"{symbol}: {int((split > 1).sum())} splits, {paid} dividends, adjusted returns to {worst:.1e}\n")
    if worst > TOLERANCE:
        raise ValueError(f"{symbol}: splits and dividends miss the published adjusted returns by {worst:.1e}")


def read_index(path: Path, symbol: str) -> pd.DataFrame:
    """Read one index; prices are rounded to 4 decimals, which takes the source's single precision out."""
    table = pd.read_csv(path).rename(columns=_snake)
    table["date"] = pd.to_datetime(table["date"], format="%m/%d/%Y").dt.strftime("%Y-%m-%d")
    table[PRICES] = table[PRICES].round(4)
    return table.assign(symbol=symbol)[["date", "symbol", *PRICES, "volume"]]


def read_large_caps(path: Path) -> pd.DataFrame:
    """Read the adjusted closes of 20 stocks, one row per date and symbol, symbol by symbol."""
    wide = pd.read_csv(path).rename(columns={"Date": "date"})
    long = wide.melt(id_vars="date", var_name="symbol", value_name="close")
    return long[["date", "symbol", "close"]]


def _snake(name: str) -> str:
    return name.lower().replace(" ", "_")


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table of dates, symbols and float64 columns, without anything that pandas or Arrow would add."""
    fields: list[tuple[str, pa.DataType]] = [("date", pa.timestamp("us")), ("symbol", pa.string())]
    fields += [(name, pa.float64()) for name in table.columns[2:]]
    typed = table.assign(date=pd.to_datetime(table["date"], format="%Y-%m-%d"))
    typed = typed.astype(dict.fromkeys(table.columns[2:], "float64"))
    arrow = pa.Table.from_pandas(typed, schema=pa.schema(fields), preserve_index=False).replace_schema_metadata()
    few_values = ["date", "symbol"]
    pq.write_table(arrow, path, compression="zstd", compression_level=19, use_dictionary=few_values, store_schema=False)
    sys.stdout.write(f"{path}: {len(table)} rows, {path.stat().st_size} bytes\n")


def main() -> None:
    """Read the four files named on the command line and write the three samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("stocks", "sp500", "nasdaq", "large_caps"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--out", type=Path, default=Path("quantml/loaders/sample"))
    given = parser.parse_args()
    indices = [read_index(given.sp500, "^GSPC"), read_index(given.nasdaq, "^IXIC")]
    write(read_stocks(given.stocks), given.out / "stocks.parquet")
    write(pd.concat(indices, ignore_index=True), given.out / "indices.parquet")
    write(read_large_caps(given.large_caps), given.out / "large_caps.parquet")


if __name__ == "__main__":
    main()
