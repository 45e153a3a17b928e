"""Rules of choice: which of a fold's scored candidates is taken."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from quantml.errors import ParameterError, check_whole
from quantml.space import Space
from quantml.validation.candidates import Candidate, ranks_of, scores_of
from quantml.validation.messages import LOGGER

Spaces = Mapping[str, Space]
Numbers = NDArray[np.float64]


class ChoiceRule(Protocol):
    """Anything that takes one of the scored candidates: the classes of this module, or a user's own frozen one.

    One that sets ``by_parts = True`` on its class is given `Candidate.scores`.
    """

    def choose(self, candidates: Sequence[Candidate], spaces: Spaces, *, is_grid: bool) -> int:
        """Return the place of the candidate that is taken.

        Parameters
        ----------
        candidates : sequence of Candidate
            At least one of them has a score.
        spaces : mapping of str to Space
            What was searched, by dotted path, in declared order.
        is_grid : bool
            Whether they are all the combinations that there are, rather than some that were drawn.
        """


@dataclass(frozen=True)
class Best:
    """Take the best score; of equal ones, the first that was scored."""

    def choose(self, candidates: Sequence[Candidate], spaces: Spaces, *, is_grid: bool) -> int:
        """Return the place of the best score."""
        return int(np.argmax(ranks_of(candidates)))


@dataclass(frozen=True)
class Plateau:
    """Take the candidate whose neighbourhood has the best mean score: a peak on its own is more likely luck.

    Neighbours differ by at most one step in every ordered space, and not at all in the others. Ordered are Integer,
    Real, and a Choice of numbers, in the order of the numbers. In a grid a step is to the next value, and a corner
    has fewer neighbours than the middle. Of candidates that were drawn, the neighbours are the `nearest` ones, each
    ordered space being scaled to 0 to 1 (Real with ``log`` by its logarithm). A candidate is part of its own
    neighbourhood.

    A neighbourhood that holds an undefined score has no mean: a plateau beside an edge where nothing trades is none.
    Nor has a candidate without any neighbour. Where no neighbourhood has a mean, the best score is taken, and a warning
    says so.

    Parameters
    ----------
    nearest : int
        How many of the nearest candidates are neighbours, where candidates are drawn.
    """

    nearest: int = 4

    def __post_init__(self) -> None:
        object.__setattr__(self, "nearest", check_whole("Plateau.nearest", self.nearest, least=1))

    def check_spaces(self, spaces: Spaces) -> None:
        """Raise `ParameterError` where no space has an order, so that nobody has a neighbour."""
        if not any(space.is_ordered for space in spaces.values()):
            hint = "Leave it out: the best score is taken then."
            must = "have an ordered space to look for neighbours in: an Integer, a Real, or a Choice of numbers"
            raise ParameterError("Plateau", must=must, got=", ".join(spaces), hint=hint)

    def choose(self, candidates: Sequence[Candidate], spaces: Spaces, *, is_grid: bool) -> int:
        """Return the place of the candidate with the best neighbourhood."""
        means = (_grid_means if is_grid else self._drawn_means)(candidates, spaces)
        if np.isnan(means).all():
            LOGGER.warning("No candidate has neighbours that all have a score: the best was taken, not a plateau.")
            return Best().choose(candidates, spaces, is_grid=is_grid)
        return int(np.nanargmax(means))

    def _drawn_means(self, candidates: Sequence[Candidate], spaces: Spaces) -> Numbers:
        """Average each candidate with the nearest of those that are equal to it in every space without order."""
        points, groups = _points(candidates, spaces), _groups(candidates, spaces)
        scores = scores_of(candidates)
        means = np.full(len(candidates), np.nan)
        for place in range(len(candidates)):
            alike = np.flatnonzero((groups == groups[place]).all(axis=1))
            alike = alike[alike != place]
            if len(alike):
                distance = ((points[alike] - points[place]) ** 2).sum(axis=1)
                near = alike[np.argsort(distance, kind="stable")[: self.nearest]]
                means[place] = _mean(scores[[place, *near]])
        return means


@dataclass(frozen=True)
class OneStandardError:
    """Take the simplest candidate whose score lies within one standard error of the best (Breiman, Friedman, Olshen
    and Stone 1984, "Classification and Regression Trees", section 3.4.3; Hastie, Tibshirani and Friedman 2009, "The
    Elements of Statistical Learning", section 7.10).

    Simplest is what the study declares first: write the alternatives of each Choice from simple to complex. An Integer
    or a Real counts as simpler the lower it is; where it is the other way, as with a penalty, write a Choice. Of
    several spaces, the one declared first decides before the next.

    The standard error is that of the best candidate's scores on its validation blocks: their standard deviation
    (ddof=1) over the root of their number. It is rough with few blocks, and blocks of a time series are not
    independent; five or more are better than three. Where fewer than two of them have a score there is no standard
    error, and the best score is taken, with a warning.
    """  # noqa: D205

    by_parts: ClassVar[bool] = True

    def choose(self, candidates: Sequence[Candidate], spaces: Spaces, *, is_grid: bool) -> int:
        """Return the place of the simplest candidate that is as good as the best but for chance."""
        best = Best().choose(candidates, spaces, is_grid=is_grid)
        error = standard_error(candidates[best].scores)
        if math.isnan(error):
            LOGGER.warning("The best candidate has no standard error, for want of blocks with a score: it was taken.")
            return best
        least = candidates[best].score - error
        near = np.flatnonzero(ranks_of(candidates) >= least).tolist()
        return int(min(near, key=lambda place: _simplicity(candidates[place], spaces)))


def standard_error(scores: Sequence[float]) -> float:
    """Return the standard error of the mean of the scores that are defined; NaN where fewer than two are."""
    known = np.array([score for score in scores if math.isfinite(score)])
    return float(known.std(ddof=1) / math.sqrt(len(known))) if len(known) > 1 else math.nan


def _simplicity(candidate: Candidate, spaces: Spaces) -> tuple[float, ...]:
    """Order candidates as the study declares them; equal ones stay in the order of the search."""
    return tuple(space.place(candidate.values[path]) for path, space in spaces.items())


# ----------------------------------------------------------------------------------------------------- neighbourhoods


def _grid_means(candidates: Sequence[Candidate], spaces: Spaces) -> Numbers:
    """Average each combination with those at most one step away in every ordered space.

    Combinations that the study refuses were not scored and are nobody's neighbours.
    """
    axes = [_levels(candidates, path, space) for path, space in spaces.items()]
    shape = tuple(int(levels.max()) + 1 for levels in axes)
    places = np.ravel_multi_index(tuple(axes), shape)
    held = _counted(places, np.ones(len(places)), shape)
    scores = scores_of(candidates)
    with np.errstate(invalid="ignore"):  # an infinite score on each side of nothing
        total = _counted(places, scores, shape)
        for axis, space in enumerate(spaces.values()):
            if space.is_ordered:
                total, held = _with_neighbours(total, axis), _with_neighbours(held, axis)
        total, held = total.ravel()[places], held.ravel()[places]
        return np.where(held > 1.0, total / held, np.nan)


def _levels(candidates: Sequence[Candidate], path: str, space: Space) -> NDArray[np.int64]:
    """Number each candidate's value: by size in an ordered space, by its place in the declaration in another."""
    place = space.unit if space.is_ordered else space.place
    values = np.array([place(candidate.values[path]) for candidate in candidates])
    return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.int64)


def _counted(places: NDArray[np.int64], weights: Numbers, shape: tuple[int, ...]) -> Numbers:
    """Sum weights by their place in a flattened array, and give it its shape."""
    return np.asarray(np.bincount(places, weights, math.prod(shape)), dtype=np.float64).reshape(shape)


def _with_neighbours(values: Numbers, axis: int) -> Numbers:
    """Add to each cell the cells before and after it along an axis."""
    padded = np.pad(values, [(1, 1) if other == axis else (0, 0) for other in range(values.ndim)])
    size = values.shape[axis]
    before, own, after = (np.take(padded, range(start, start + size), axis=axis) for start in range(3))
    return np.asarray(before + own + after)


def _points(candidates: Sequence[Candidate], spaces: Spaces) -> Numbers:
    """Lay candidates out in the ordered spaces, each scaled to 0 to 1: shape (candidates, ordered spaces)."""
    ordered = [(path, space) for path, space in spaces.items() if space.is_ordered]
    return np.array([[space.unit(one.values[path]) for path, space in ordered] for one in candidates])


def _groups(candidates: Sequence[Candidate], spaces: Spaces) -> Numbers:
    """Say which values candidates have in the spaces without order: shape (candidates, such spaces)."""
    others = [(path, space) for path, space in spaces.items() if not space.is_ordered]
    places = [[space.place(one.values[path]) for path, space in others] for one in candidates]
    return np.array(places, dtype=np.float64).reshape(len(candidates), len(others))


def _mean(scores: Numbers) -> float:
    with np.errstate(invalid="ignore"):
        return float(scores.mean())
