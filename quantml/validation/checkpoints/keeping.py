"""Between the folds of a walk-forward and the folder: what each may recall, and what it made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from quantml.errors import StorageError
from quantml.validation.checkpoints.keys import Keys
from quantml.validation.checkpoints.memory import Entry, Ground, Memory
from quantml.validation.checkpoints.store import Store
from quantml.validation.problem import Problem
from quantml.validation.splits import Fold

Result = TypeVar("Result")


@dataclass(frozen=True)
class Task:
    """A fold with what was kept of it; without a memory where nothing is kept."""

    fold: Fold
    memory: Memory | None = None

    @contextmanager
    def recalling(self, problem: Problem) -> Iterator[Problem]:
        """Give a problem this fold's memory inside the block."""
        if self.memory is None:
            yield problem
            return
        with self.memory.kept_when_stopped():
            yield replace(problem, memory=self.memory)

    def done(self, result: Result) -> Done[Result]:
        """Put what the fold made to its result."""
        return Done(result, () if self.memory is None else self.memory.take_made())


@dataclass(frozen=True)
class Done(Generic[Result]):
    """A fold's result, and what it made that was not kept before."""

    result: Result
    made: tuple[Entry, ...]


@dataclass(frozen=True)
class Checkpoints:
    """What a walk-forward keeps, and where.

    Parameters
    ----------
    store : Store
    study : str
        Name of the study, for people who look at the folder.
    demanded : bool
        Refuse to begin where nothing is kept of this study on these bars.
    """

    store: Store
    study: str
    demanded: bool = False


class Keeping(Sequence[Task]):
    """The tasks of a walk-forward, each with what was kept of its fold: it is read when the task is asked for.

    Only the calling process reads and writes.

    Parameters
    ----------
    problem : Problem
    folds : sequence of Fold
    checkpoints : Checkpoints, optional
        Without, nothing is kept.

    Raises
    ------
    StorageError
        If kept work is demanded and there is none.
    """

    def __init__(self, problem: Problem, folds: Sequence[Fold], checkpoints: Checkpoints | None) -> None:
        self._folds = folds
        self._checkpoints = checkpoints
        self._groups: list[dict[Ground, str]] = []
        if checkpoints is not None:
            keys = Keys(problem)
            self._groups = [{ground: keys.group(ground, fold) for ground in Ground} for fold in folds]
            self._check_demanded(checkpoints)

    def _check_demanded(self, checkpoints: Checkpoints) -> None:
        named = (group for groups in self._groups for group in groups.values())
        if checkpoints.demanded and not checkpoints.store.holds(named):
            raise StorageError(
                "a study that is resumed",
                must="have kept work of its own, on the same data, settings and versions",
                got="none",
                where=str(checkpoints.store.folder),
                hint="Leave --resume out to begin anew, or name the folder of runs with --out.",
            )

    def __len__(self) -> int:
        return len(self._folds)

    def __getitem__(self, place: Any) -> Any:
        """Return the task of a fold."""
        if self._checkpoints is None:
            return Task(self._folds[place])
        store = self._checkpoints.store
        known = [entry for group in self._groups[place].values() for entry in store.read(group)]
        return Task(self._folds[place], Memory(known, partial(self._keep, place)))

    def take(self, place: int, done: Done[Result]) -> Result:
        """Keep what a fold made, and return its result."""
        self._keep(place, done.made)
        return done.result

    def _keep(self, place: int, made: Sequence[Entry]) -> None:
        if self._checkpoints is None:
            return
        for ground, group in self._groups[place].items():
            entries = [entry for entry in made if entry.ground is ground]
            self._checkpoints.store.write(group, entries, self._checkpoints.study)
