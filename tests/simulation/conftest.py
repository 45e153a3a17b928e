from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from quantml.bars import Bars
from quantml.universe import Membership


@dataclass(frozen=True)
class World:
    """Random bars with gaps, splits and dividends, and random decisions on them."""

    bars: Bars
    weights: pd.DataFrame


def make_bars(
    closes: Sequence[float] | np.ndarray, opens: Sequence[float] | None = None, **actions: list[float]
) -> Bars:
    """Bars of one symbol A on business days, 252 a year; `actions` are further columns."""
    close = np.asarray(closes, dtype=np.float64)
    data = {"close": close}
    if opens is not None:
        traded = np.asarray(opens, dtype=np.float64)
        data |= {"open": traded, "high": np.maximum(traded, close), "low": np.minimum(traded, close)}
    data |= actions
    clock = pd.bdate_range("2024-01-01", periods=len(close))
    fields = {name: pd.DataFrame({"A": values}, index=clock) for name, values in data.items()}
    return Bars.from_frame(pd.concat(fields, axis=1), periods_per_year=252)


def make_world(
    seed: int,
    *,
    gross: float = 1.0,
    volatility: float = 0.02,
    actions: bool = True,
    universe: bool = False,
    wide: bool = False,
) -> World:
    """Draw a world; every row is a decision, no decision, or absent. In a `universe` symbols leave and are delisted.

    A `wide` one has highs and lows beyond opens and closes, and volume.
    """
    generator = np.random.default_rng(seed)
    rows, symbols = int(generator.integers(3, 40)), int(generator.integers(1, 5))
    clock = pd.bdate_range("2024-01-01", periods=rows)
    names = [f"S{n}" for n in range(symbols)]
    traded = generator.random((rows, symbols)) > generator.choice([0.0, 0.1, 0.5])
    traded[generator.integers(rows), :] = True
    ends = np.maximum(generator.integers(0, rows + 5, symbols), np.argmax(traded, axis=0)) if universe else None
    if ends is not None:
        traded[np.arange(rows)[:, None] > ends] = False
    traded[~traded.any(axis=1), 0] = True
    moves = np.exp(generator.normal(0.0, volatility, (2, rows, symbols)))
    opens = 100.0 * np.cumprod(moves.prod(axis=0), axis=0)
    closes = opens * np.exp(generator.normal(0.0, volatility, (rows, symbols)))
    happens = traded & actions
    split = np.where(happens & (generator.random((rows, symbols)) < 0.05), generator.choice([0.5, 2.0, 3.0]), 1.0)
    per_share = 1.0 / np.cumprod(split, axis=0)
    paid = happens & (generator.random((rows, symbols)) < 0.05) & (np.cumsum(traded, axis=0) > 1)
    data = {
        "open": opens * per_share,
        "high": np.maximum(opens, closes) * per_share,
        "low": np.minimum(opens, closes) * per_share,
        "close": closes * per_share,
    }
    if wide:
        data |= _wider(seed, data)
    fields = {name: np.where(traded, values, np.nan) for name, values in data.items()}
    fields |= {"split": split, "dividend": np.where(paid, 0.02 * opens * per_share, 0.0)}
    frames = {name: pd.DataFrame(values, index=clock, columns=names) for name, values in fields.items()}
    bars = Bars.from_frame(pd.concat(frames, axis=1), periods_per_year=252)
    wanted = generator.uniform(-1.0, 1.0, (rows, symbols)) * gross / symbols
    wanted[generator.random((rows, symbols)) < 0.2] = 0.0
    decides = generator.random(rows) < generator.choice([0.2, 1.0])
    decides[0] |= not decides.any()
    if ends is not None:
        bars = bars.with_membership(_membership(generator, bars))
        wanted[~bars.members] = 0.0
    weights = pd.DataFrame(np.where(decides[:, None], wanted, np.nan), index=clock, columns=names)
    kept = decides | (generator.random(rows) < 0.5)
    return World(bars, weights[kept])


def _wider(seed: int, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Push highs and lows apart, and trade some units at least on every bar."""
    generator = np.random.default_rng([seed, 1])
    apart = np.exp(np.abs(generator.normal(0.0, 0.03, (2, *data["high"].shape))))
    volume = np.round(np.exp(generator.normal(7.0, 1.5, data["high"].shape))) + 1.0
    return {"high": data["high"] * apart[0], "low": data["low"] / apart[1], "volume": volume}


def _membership(generator: np.random.Generator, bars: Bars) -> Membership:
    """Give each symbol up to two spells, and some of them a delisting when trading has stopped."""
    spells, gone = [], []
    for n, symbol in enumerate(bars.symbols):
        edges = bars.clock[0] + pd.to_timedelta(np.sort(generator.choice(60, 4, replace=False)) - 2, unit="D")
        spells += [(symbol, edges[0], edges[1]), (symbol, edges[2], generator.choice([edges[3], pd.NaT]))]
        stopped = bars.clock[bars.traded[:, n]][-1] + pd.Timedelta(days=int(generator.integers(0, 6)))
        gone += [(symbol, stopped, generator.choice([-1.0, -0.5, np.nan, 0.25]))] * int(generator.random() < 0.6)
    columns = ["symbol", "date", "delisting_return"]
    delistings = pd.DataFrame(gone, columns=columns).astype({"date": "datetime64[us]"})
    return Membership(pd.DataFrame(spells, columns=["symbol", "start", "end"]), delistings=delistings)


@pytest.fixture(scope="session")
def world_of() -> Callable[..., World]:
    return make_world


@pytest.fixture(scope="session")
def bars_of() -> Callable[..., Bars]:
    return make_bars


@pytest.fixture(scope="session")
def weights_on() -> Callable[[Bars, dict[int, float]], pd.DataFrame]:
    """Decisions about A by row number."""
    return lambda bars, by_row: pd.DataFrame({"A": list(by_row.values())}, index=bars.clock[list(by_row)])
