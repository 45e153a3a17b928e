"""A candidate: a configuration scored inside a fold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple


class Candidate(NamedTuple):
    """A configuration and its score inside the fold; higher is better, NaN where the objective is not defined.

    Attributes
    ----------
    values : mapping
        The value of each search space by its dotted path.
    score : float
        On all validation blocks together.
    scores : tuple of float
        On each of the validation blocks alone, where the rule of choice asks for them; of a rule with nothing to fit,
        on each of `Tuning.folds` equal parts of the stretch that it is scored on.
    pruned : bool
        Whether it was given up after some of the blocks. It has no `score`.
    """

    values: Mapping[str, Any]
    score: float
    scores: tuple[float, ...] = ()
    pruned: bool = False

    @property
    def rank(self) -> float:
        """The score to choose by; the first of equals wins, and an undefined score loses to any other."""
        return -math.inf if math.isnan(self.score) else self.score
