"""Rows written by hand, and a small world of features and bars cut into training and test rows as a fold cuts them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.forecasters import Question, Test, Train
from quantml.timing import Fill

ROWS, OPENS = 260, 180
NAMES = ("momentum", "spread", "twin", "sector")
SYMBOLS = ("A", "B", "C", "D")


def question(kind: str = "return") -> Question:
    return Question(kind, 1, "close", Fill.NEXT_CLOSE, 252.0)


def training(x: Any, y: Any = None, *, kind: str = "return", **changes: Any) -> Train:
    """One row per date of one symbol, unless told otherwise; labels are known one bar later."""
    x = np.array(x, dtype=np.float64)
    count = len(x)
    days = pd.bdate_range("2024-01-01", periods=max(count, 2) + 1)
    time = np.asarray(changes.pop("time", np.arange(count)), dtype=np.int64)
    given: dict[str, Any] = {
        "x": x, "y": np.arange(count, dtype=float) if y is None else np.array(y, dtype=float), "time": time,
        "label_end": time + 1, "symbol": np.zeros(count, dtype=np.int64), "weight": None,
        "names": tuple(f"f{number}" for number in range(x.shape[1])),
        "bars": Bars.from_close(pd.DataFrame(100.0, days, ["A", "B"]), periods_per_year=252),
        "question": question(kind), "seed": np.random.SeedSequence(7), "start": 0,
    }  # fmt: skip
    return Train(**{**given, **{k: np.asarray(v) if k in ("label_end", "symbol") else v for k, v in changes.items()}})


def to_forecast(train: Train, x: Any, **changes: Any) -> Test:
    """Rows to forecast of the same features, one per date of one symbol unless told otherwise."""
    x = np.array(x, dtype=np.float64)
    time = np.asarray(changes.pop("time", np.arange(len(x))), dtype=np.int64)
    symbol = np.asarray(changes.pop("symbol", np.zeros(len(x))), dtype=np.int64)
    return Test(x, time, symbol, train.names, train.bars, train.question, np.full(len(x), np.nan), 0)


@dataclass(frozen=True)
class World:
    """Features (T, N, F), a target (T, N) and bars on one clock; labels end one bar after their decision."""

    bars: Bars
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    kind: str

    def train(self, start: int = 0, **changes: Any) -> Train:
        """The rows whose labels are known at the close of bar `OPENS`."""
        time, symbol = self._rows(start, OPENS - 1)
        whole = training(self.x[time, symbol], self.y[time, symbol], kind=self.kind, time=time, symbol=symbol, start=start,
                         bars=self.bars.until(self.bars.clock[OPENS]), names=NAMES)  # fmt: skip
        return replace(whole, **changes)

    def test(self, last: int = ROWS - 1, first: int = OPENS) -> Test:
        """The decisions from `first` to `last`, both included."""
        time, symbol = self._rows(first, last)
        return Test(self.x[time, symbol], time, symbol, NAMES, self.bars.until(self.bars.clock[last]),
                    question(self.kind), np.full(len(time), np.nan), first)  # fmt: skip

    def _rows(self, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        row, symbol = np.nonzero(self.bars.traded[first : last + 1])
        return row + first, symbol.astype(np.int64)


def make_world(kind: str = "return", *, change_after: int | None = None) -> World:
    """Draw a panel whose symbols share a factor and pause; some features are missing, one pair goes together.

    Everything after the row `change_after` is drawn anew.
    """
    parts = _draw(np.random.default_rng(3))
    if change_after is not None:
        for old, new in zip(parts, _draw(np.random.default_rng(4)), strict=True):
            old[change_after + 1 :] = new[change_after + 1 :]
    returns, x, noise = parts
    closes = 100.0 * np.cumprod(1.0 + returns, axis=0)
    closes[[20, 21, 90, 200], 1] = np.nan
    line = 0.004 * x[:, :, 0] - 0.002 * x[:, :, 1] + 0.01 * noise
    y = {"return": line, "direction": (line > 0.0).astype(float)}[kind]
    x[:3, :, 0] = np.nan
    x[185, 0, 1] = x[50, 1, 1] = np.nan
    x[60, 2, 1] = 90.0
    clock = pd.bdate_range("2024-01-01", periods=ROWS)
    return World(Bars.from_close(pd.DataFrame(closes, clock, list(SYMBOLS)), periods_per_year=252), x, y, kind)


def _draw(rng: np.random.Generator) -> tuple[NDArray[np.float64], ...]:
    turbulent = (np.arange(ROWS) // 40 % 2)[:, None]
    market = rng.standard_normal((ROWS, 1))
    returns = 0.006 * (1.0 + 2.0 * turbulent) * (market + 0.7 * rng.standard_normal((ROWS, len(SYMBOLS))))
    x = np.empty((ROWS, len(SYMBOLS), len(NAMES)))
    x[:, :, :2] = rng.standard_normal((ROWS, len(SYMBOLS), 2)) * [1.0, 4.0] + [0.0, 30.0]
    x[:, :, 2] = 2.0 * x[:, :, 0] + 0.3 * rng.standard_normal((ROWS, len(SYMBOLS)))
    x[:, :, 3] = rng.integers(0, 3, (ROWS, len(SYMBOLS)))
    return returns, x, rng.standard_normal((ROWS, len(SYMBOLS)))
