"""Selection: the best few of a cross-section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quantml.errors import check, is_whole
from quantml.features.base import Feature
from quantml.signals.base import Context, Weights
from quantml.signals.rules import ranked_scores, ranks
from quantml.space import Declaration


@dataclass(frozen=True)
class TopK(Declaration):
    """Hold the `count` highest of each row's cross-section, ``1 / count`` each; with `short`, sell the lowest short.

    With `short` each weight is ``0.5 / count`` in size, so that gross exposure is 1 at most. Where fewer symbols are
    ranked, those there are hold no more for it: the rest is cash. Of an odd number too small for both sides the middle
    one is not held. Of equal scores the earlier symbol of the panel ranks higher. Only members of the universe with a
    bar are ranked. `RankLongShort` takes a fraction of the cross-section instead of a number.

    Parameters
    ----------
    count : int
        Symbols on a side, at least 1.
    by : feature, optional
        ``f(bars) -> frame`` to rank by in a study without a forecaster; the forecast is ranked without it.
    short : bool
        Whether the lowest are sold short.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    """

    by_row: ClassVar[bool] = True
    count: int
    by: Feature | None = None
    short: bool = False

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        check(is_whole(self.count, least=1), "TopK.count", "be a whole number of at least 1", self.count)
        check(self.by is None or callable(self.by), "TopK.by", "be a feature, f(bars) -> frame", self.by)
        check(isinstance(self.short, bool), "TopK.short", "be True or False", self.short)

    def __call__(self, inputs: Any, context: Context, /) -> Weights:
        """Turn the forecast, or the feature `by`, into weights.

        Raises
        ------
        SignalError
            If the panel has a single symbol; without `by`, if there is no forecast or it says nothing of which
            way prices go; with `by`, if there is a forecast.
        """
        scores = ranked_scores(self, self.by, inputs, context)
        ranked = np.sum(~np.isnan(scores), axis=1, keepdims=True)
        rank, weight = ranks(scores), 1.0 / self.count
        if not self.short:
            return context.weights(np.where(rank < np.minimum(self.count, ranked), weight, 0.0))
        side = np.minimum(self.count, ranked // 2)
        bottom = (rank >= ranked - side) & (rank < ranked)
        return context.weights(0.5 * weight * ((rank < side).astype(np.float64) - bottom))
