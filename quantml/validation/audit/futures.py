"""Another future for bars: prices mirrored at the last one that was known, volumes drawn anew, other splits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quantml.bars import PRICES, Bars

STRETCH: Final = (1.0, 2.0)
"""How many times as far as in the bars a mirrored price lies from the last known one, in logs."""
NOISE: Final = 1e-3
VOLUME: Final = 0.5
"""Standard deviations of what is added to the logs of prices and of volumes."""
ENDED: Final = 1 / 3
MISSED: Final = 0.03
"""Shares of symbols that never trade again from some row on, and of later bars that are taken out."""
SPLIT: Final = 2.0
PAID: Final = 0.02
"""A split, and a dividend as a share of the price before it, that each symbol has at some later row."""


@dataclass(frozen=True, eq=False)
class Future:
    """What comes after the first `known` rows of bars, otherwise.

    Parameters
    ----------
    bars : Bars
    known : int
        Rows that stay as they are; fewer than there are.
    seed : int
    gaps : bool
        Whether bars are taken out.
    """

    bars: Bars
    known: int
    seed: int
    gaps: bool

    def panels(self) -> dict[str, Any]:
        """Return the fields of `Bars` that change: prices and volume, splits, dividends."""
        if not self.bars.quoted:
            return {}
        quoted = {name: self._quoted(name) for name in self.bars.quoted}
        split, dividend = self._actions(quoted["close"])
        return {"quoted": quoted, "split": split, "dividend": dividend}

    @cached_property
    def _draws(self) -> dict[str, NDArray[np.float64]]:
        """Draws of one number for each later row and symbol."""
        draws, shape = np.random.default_rng(self.seed), self.bars.traded[self.known :].shape
        return {
            "stretch": draws.uniform(*STRETCH, shape),
            "noise": draws.normal(0.0, NOISE, shape),
            "volume": np.exp(draws.normal(0.0, VOLUME, shape)),
            "missed": draws.random(shape),
            "ended": draws.random((2, shape[1])),
            "acted": draws.random((2, shape[1])),
        }

    def _quoted(self, name: str) -> NDArray[np.float64]:
        # a mirror turns the highest price of a bar into the lowest
        source = {"high": "low", "low": "high"}.get(name, name)
        values = self.bars.raw_array(name).copy()
        later = self.bars.raw_array(source)[self.known :]
        values[self.known :] = self._mirrored(later) if name in PRICES else later * self._draws["volume"]
        values[self.known :][self._absent] = np.nan
        return values

    def _mirrored(self, later: NDArray[np.float64]) -> NDArray[np.float64]:
        away = np.log(later / self._last)
        mirrored = self._last * np.exp(self._draws["noise"] - self._draws["stretch"] * away)
        return np.asarray(mirrored, dtype=np.float64)

    @cached_property
    def _last(self) -> NDArray[np.float64]:
        """The last known close of each symbol, shape (N,); its first later one where it has none."""
        close = self.bars.raw_array("close")
        rows = np.arange(len(close))[:, None]
        newest = np.where(self.bars.traded[: self.known], rows[: self.known], -1).max(axis=0, initial=-1)
        first = self.known + np.argmax(self.bars.traded[self.known :], axis=0)
        return np.asarray(close[np.where(newest < 0, first, newest), np.arange(close.shape[1])], dtype=np.float64)

    @cached_property
    def _absent(self) -> NDArray[np.bool_]:
        """Where a later bar is taken out, shape (later rows, N): of one symbol, which is spared, none is."""
        later = self.bars.traded[self.known :]
        ended, when = self._draws["ended"]
        after = np.arange(len(later))[:, None] >= np.floor(when * len(later))
        absent = np.asarray((after & (ended < ENDED)) | (self._draws["missed"] < MISSED), dtype=np.bool_)
        absent[:, int(np.argmax(later.sum(axis=0)))] = False
        return absent if self.gaps else np.zeros_like(absent)

    def _actions(self, close: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give each symbol a split and a dividend at some of its later bars, instead of those that it had."""
        split, dividend = self.bars.split.copy(), self.bars.dividend.copy()
        split[self.known :], dividend[self.known :] = 1.0, 0.0
        for column in range(close.shape[1]):
            own = np.flatnonzero(~np.isnan(close[:, column]))
            later = np.flatnonzero((own >= self.known) & (np.arange(len(own)) > 0))
            if later.size:
                first, second = later[(self._draws["acted"][:, column] * later.size).astype(np.int64)]
                split[own[first], column] = SPLIT
                dividend[own[second], column] = PAID * close[own[second - 1], column] / SPLIT
        return split, dividend
