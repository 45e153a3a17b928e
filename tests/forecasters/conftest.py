"""A small world of features, a target and bars, cut into training and test rows as a walk-forward cuts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from quantml.bars import Bars
from quantml.forecasters import Question, Test, Train
from quantml.timing import Fill

NAMES = ("momentum", "spread", "level")


@dataclass(frozen=True)
class World:
    """Features (T, N, 3), a target (T, N) and bars on one clock; labels end `horizon` bars after their decision."""

    bars: Bars
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    question: Question

    def train(self, opens: int = 160, start: int = 0, **changes: Any) -> Train:
        """Rows whose labels are known at the close of `opens`."""
        time, symbol = self._rows(start, opens - self.question.horizon)
        rows: dict[str, Any] = {"x": self.x[time, symbol], "y": self.y[time, symbol], "time": time, "symbol": symbol,
                                "label_end": time + self.question.horizon, "weight": None}  # fmt: skip
        bars = self.bars.until(self.bars.clock[opens])
        whole = Train(
            names=NAMES, bars=bars, question=self.question, seed=np.random.SeedSequence(7), start=start, **rows
        )
        return replace(whole, **changes)

    def test(self, first: int = 160, last: int = 199, **changes: Any) -> Test:
        """The decisions from `first` to `last`, both included."""
        time, symbol = self._rows(first, last)
        known = time - self.question.horizon
        latest = np.where(known >= 0, self.y[known, symbol], np.nan)
        whole = Test(self.x[time, symbol], time, symbol, NAMES, self.bars.until(self.bars.clock[last]), self.question,
                     latest, first)  # fmt: skip
        return replace(whole, **changes)

    def _rows(self, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        row, symbol = np.nonzero(self.bars.traded[first : last + 1])
        return row + first, symbol.astype(np.int64)


def make_world(kind: str = "return", *, horizon: int = 1, seed: int = 3, change_after: int | None = None) -> World:
    """Draw 200 bars of symbols A and B (B pauses), with a target that hangs on the features; a few are missing.

    Everything after the row `change_after` is drawn anew.
    """
    closes, x, noise = _draw(np.random.default_rng(seed))
    if change_after is not None:
        for old, new in zip((closes, x, noise), _draw(np.random.default_rng(seed + 1)), strict=True):
            old[change_after + 1 :] = new[change_after + 1 :]
    line = 0.004 * x[:, :, 0] - 0.002 * x[:, :, 1] + 0.01 * noise
    y = {"return": line, "direction": (line > 0.0).astype(float), "volatility": 0.2 + np.abs(line)}[kind]
    x[:5, :, 0] = np.nan
    x[165, 0, 1] = np.nan
    clock = pd.bdate_range("2024-01-01", periods=len(closes))
    bars = Bars.from_close(pd.DataFrame(closes, clock, ["A", "B"]), periods_per_year=252)
    return World(bars, x, y, Question(kind, horizon, "close", Fill.NEXT_CLOSE, 252.0))


def _draw(rng: np.random.Generator) -> tuple[NDArray[np.float64], ...]:
    closes = 100.0 * np.exp(np.cumsum(0.01 * rng.standard_normal((200, 2)), axis=0))
    closes[[20, 21, 90, 170], 1] = np.nan
    x = rng.standard_normal((200, 2, 3)) * [1.0, 2.0, 0.5] + [0.0, 0.0, 50.0]
    return closes, x, rng.standard_normal((200, 2))


@pytest.fixture
def world() -> Callable[..., World]:
    """Make a world; see `make_world`."""
    return make_world


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Limit BLAS and OpenMP to one thread, as the walk-forward does around its work."""
    with threadpool_limits(1):
        yield
