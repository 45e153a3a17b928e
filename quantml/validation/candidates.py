"""Candidates: configurations scored inside a fold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from quantml.arrays import ReadOnly


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


@dataclass(frozen=True, eq=False)
class Candidates(ReadOnly, Sequence[Candidate]):
    """A fold's candidates in the order of the search, each made when it is asked for.

    Attributes
    ----------
    listed : sequence of mappings
        Values of search spaces.
    scores : ndarray, shape (candidates,)
    parts : sequence of tuple of float
        `Candidate.scores` of each.
    pruned : ndarray of bool, shape (candidates,)
    """

    listed: Sequence[Mapping[str, Any]]
    scores: NDArray[np.float64]
    parts: Sequence[tuple[float, ...]]
    pruned: NDArray[np.bool_]

    @classmethod
    def of(cls, candidates: Iterable[Candidate]) -> Candidates:
        """Put candidates together."""
        held = tuple(candidates)
        scores, pruned = (np.array([one[place] for one in held], dtype) for place, dtype in ((1, float), (3, bool)))
        return cls([one.values for one in held], scores, [one.scores for one in held], pruned)

    def __len__(self) -> int:
        return len(self.listed)

    @overload
    def __getitem__(self, place: int) -> Candidate: ...

    @overload
    def __getitem__(self, place: slice) -> Candidates: ...

    def __getitem__(self, place: int | slice) -> Candidate | Candidates:
        """Return a candidate, or some of them."""
        if isinstance(place, slice):
            return Candidates(self.listed[place], self.scores[place], self.parts[place], self.pruned[place])
        return Candidate(self.listed[place], float(self.scores[place]), self.parts[place], bool(self.pruned[place]))


def scores_of(candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    """Return the scores of candidates, shape (candidates,)."""
    return candidates.scores if isinstance(candidates, Candidates) else np.array([one.score for one in candidates])


def ranks_of(candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    """Return what candidates are ranked by, shape (candidates,): an undefined score loses to any other."""
    scores = scores_of(candidates)
    return np.where(np.isnan(scores), -np.inf, scores)
