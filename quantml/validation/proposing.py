"""Candidates proposed by what others scored: optuna's tree-structured Parzen estimator, asked one at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from quantml.space import ChoiceSpace, IntegerSpace, Mark, RealSpace, Space

RANDOM: Final = 10
"""How many candidates are random before the estimator proposes any."""
SPARED: Final = 5
"""How many candidates are scored whole before any is given up."""
PROPOSALS: Final = 20
"""How many proposals there are at most for each candidate to be scored; others are refused or repeated."""
DIGITS: Final = 9


class Proposals:
    """A search of spaces of more combinations than are tried.

    Each proposal is answered (`tell` or `refuse`) before the next is asked for. It hangs on the seed and on the answers
    alone. A proposal that came before gives way to a random one that did not.

    Parameters
    ----------
    spaces : mapping of str to Space
        By dotted path.
    trials : int
        How many candidates are to be scored.
    seed : numpy.random.SeedSequence
    """

    def __init__(self, spaces: Mapping[str, Space], trials: int, seed: np.random.SeedSequence) -> None:
        import optuna

        sampling, drawing = (int(word) for word in seed.generate_state(2, np.uint32))
        with _silent():
            sampler = optuna.samplers.TPESampler(seed=sampling, multivariate=True, n_startup_trials=RANDOM)
            pruner = optuna.pruners.MedianPruner(n_startup_trials=SPARED)
            storage = optuna.storages.InMemoryStorage()
            self._study = optuna.create_study(
                storage=storage, sampler=sampler, pruner=pruner, direction="maximize", study_name="tuning"
            )
        self._spaces = spaces
        self._distributions = {path: _distribution(space) for path, space in spaces.items()}
        self._draws = np.random.default_rng(drawing)
        self._left = PROPOSALS * trials
        self._seen: set[tuple[Mark, ...]] = set()

    def ask(self) -> Proposal | None:
        """Propose values that were not proposed before; None where there are none, or there were too many proposals."""
        self._left -= 1
        if self._left < 0:
            return None
        with _silent():
            trial = self._study.ask(self._distributions)
        marks = self._marks(trial.params)
        if marks in self._seen:
            with _silent():
                self._study.tell(trial, state=_states().FAIL)  # so that it does not count twice
            fresh = self._fresh()
            if fresh is None:
                return None
            with _silent():
                self._study.enqueue_trial(dict(zip(self._spaces, fresh, strict=True)))
                trial = self._study.ask(self._distributions)
            marks = fresh
        self._seen.add(marks)
        values = {path: space.at(mark) for (path, space), mark in zip(self._spaces.items(), marks, strict=True)}
        return Proposal(values, self._study, trial)

    def _marks(self, parameters: Mapping[str, Any]) -> tuple[Mark, ...]:
        return tuple(parameters[path] for path in self._spaces)

    def _fresh(self) -> tuple[Mark, ...] | None:
        """Draw what was not proposed before; None where a thousand draws find nothing."""
        for _ in range(1000):
            marks = tuple(space.mark(self._draws) for space in self._spaces.values())
            if marks not in self._seen:
                return marks
        return None


class Proposal:
    """Values to be scored.

    Attributes
    ----------
    values : dict
        By dotted path.
    """

    def __init__(self, values: dict[str, Any], study: Any, trial: Any) -> None:
        self.values = values
        self._study, self._trial = study, trial

    def is_behind(self, step: int, score: float) -> bool:
        """Say whether its score so far is below the median of those that were scored whole, at the same step.

        An undefined score says nothing: its candidate may trade later.
        """
        if math.isnan(score):
            return False
        with _silent():
            self._trial.report(_rounded(score), step)
            return bool(self._trial.should_prune())

    def tell(self, score: float) -> None:
        """Answer with a score; an undefined one is told as a failure to avoid."""
        if math.isnan(score):
            self.refuse()
            return
        with _silent():
            self._study.tell(self._trial, _rounded(score))

    def refuse(self) -> None:
        """Answer that it has no score: it is told as pruned, which ranks below every score."""
        with _silent():
            self._study.tell(self._trial, state=_states().PRUNED)


def _states() -> Any:
    from optuna.trial import TrialState

    return TrialState


def _rounded(score: float) -> float:
    """Round what the estimator ranks by, so that scores which differ by a rounding alone are equal to it."""
    return float(f"{score:.{DIGITS}g}")


def _distribution(space: Space) -> Any:
    """Write a space as optuna does; a Choice by the places of its values."""
    from optuna import distributions

    if isinstance(space, ChoiceSpace):
        return distributions.CategoricalDistribution(tuple(range(space.size)))
    if isinstance(space, IntegerSpace):
        return distributions.IntDistribution(space.low, space.high)
    assert isinstance(space, RealSpace)
    return distributions.FloatDistribution(space.low, space.high, log=space.log)


@contextmanager
def _silent() -> Iterator[None]:
    """Keep optuna from logging, and leave its verbosity as it was."""
    from optuna import logging

    was = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(was)
