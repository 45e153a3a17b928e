"""Walk-forward splits: train on a window, test on the block after it, move on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import dropwhile, pairwise
from typing import Any, ClassVar, Final, Literal

import numpy as np
import pandas as pd

from quantml.canonical import CANONICAL_IF_GIVEN
from quantml.errors import ParameterError, SplitError, StudyError, check_whole, did_you_mean
from quantml.timing import Span, block_number
from quantml.validation.splits.edges import allowance
from quantml.validation.splits.folds import Fold, Piece
from quantml.validation.splits.rows import Rows, Split

MODES: Final = ("rolling", "expanding")
LAST: Final = ("keep", "drop")
UNITS: Final = {"rows": 1.0, "d": 1.0, "w": 7.0, "m": 30.4375, "y": 365.25}
"""Average days in a unit of time, to compare durations by."""


@dataclass(frozen=True)
class WalkForward:
    """Train on a window, test on the block after it, move on by the block.

    Folds are laid from the first bar forward, so that new data never move them, and test blocks tile the time that
    they cover. Lengths are rows of the clock, or durations such as ``"3y"``, ``"6m"``, ``"4w"``, ``"21d"``. Durations
    are calendar-aligned: ``"3m"`` blocks are quarters.

    Parameters
    ----------
    train : int or str
        Length of the training window.
    test : int or str
        Length of each test block.
    mode : {"rolling", "expanding"}
        Whether the training window moves, or grows from the first bar (`train` is then its least length).
    refit : int or str, optional
        Refit inside a block at this interval, transforms and signal steps with a `fit` too; tuned parameters stay those
        of the block. By default once per block.
    embargo : int
        Rows kept free between the last training label and the first decision, beyond the purge.
    step : int or str, optional
        From the beginning of one test block to that of the next; by default `test`, so that blocks tile time. A study
        that trades takes no other, since its decisions make one account. Longer steps leave rows untested; shorter
        ones test rows more than once, which scikit-learn's functions can use and a study cannot.
    min_train : int or str, optional
        Begin to test as soon as there is this much to train on; a rolling window then grows until it is `train` long.
        By default the first window is a whole one.
    validation : int or str, optional
        The last part of each training window, on which tuning scores its candidates: they are fitted to what comes
        before it, purged at its start. What was chosen is fitted to the whole window. By default tuning takes the
        second half of the window.
    last_block : {"keep", "drop"}
        What becomes of a test block that the data end in before it is full.
    offset : int or str
        Move every fold later by so many rows, or by the rows that begin within such a duration of the first bar;
        windows that expand begin at the first bar all the same. What another start would have come to is luck of the
        calendar: `quantml.walk_forward_matrix` tells how much.

    Raises
    ------
    ParameterError
        If a parameter is out of range.

    Examples
    --------
    >>> clock = pd.bdate_range("2020-01-01", periods=6)
    >>> [(f.train.tolist(), f.test.tolist()) for f in WalkForward(train=3, test=2).folds(clock)]
    [([0, 1, 2], [3, 4]), ([2, 3, 4], [5])]
    """

    is_forward: ClassVar[bool] = True
    """Whether every fold trains on rows before its test block only."""

    train: int | str
    test: int | str
    mode: Literal["rolling", "expanding"] = "rolling"
    refit: int | str | None = None
    embargo: int = 0
    step: int | str | None = None
    min_train: int | str | None = None
    validation: int | str | None = None
    last_block: Literal["keep", "drop"] = "keep"
    offset: int | str = field(default=0, metadata=CANONICAL_IF_GIVEN)

    def __post_init__(self) -> None:
        for name in ("_train", "_test", "_step", "_refit", "_least", "_validation", "_offset"):
            getattr(self, name)  # each raises if unreadable
        _check_one_of("WalkForward.mode", self.mode, MODES)
        _check_one_of("WalkForward.last_block", self.last_block, LAST)
        object.__setattr__(self, "embargo", check_whole("WalkForward.embargo", self.embargo, least=0))
        if self.min_train is not None and self.mode == "expanding":
            hint = "A window that expands is at least train long: give the least length as train."
            raise ParameterError("WalkForward.min_train", must="be given in a rolling window", got="mode='expanding'",
                                 hint=hint)  # fmt: skip
        if (self._least.unit == "rows") != (self._train.unit == "rows"):
            raise ParameterError("WalkForward.min_train", must="be in rows, or a duration, as train is",
                                 got=self.min_train)  # fmt: skip
        for name, part in (("min_train", self._least), ("validation", self._validation)):
            _check_within(f"WalkForward.{name}", part, self._train, at_most=name == "min_train")
        self._check_refit()

    @cached_property
    def _train(self) -> Span:
        return Span.parse(self.train, "WalkForward.train")

    @cached_property
    def _test(self) -> Span:
        return Span.parse(self.test, "WalkForward.test")

    @cached_property
    def _step(self) -> Span:
        """The grid on which test blocks begin."""
        return self._test if self.step is None else Span.parse(self.step, "WalkForward.step")

    @cached_property
    def _refit(self) -> Span | None:
        return None if self.refit is None else Span.parse(self.refit, "WalkForward.refit")

    @cached_property
    def _least(self) -> Span:
        """What the first training window must hold."""
        return self._train if self.min_train is None else Span.parse(self.min_train, "WalkForward.min_train")

    @cached_property
    def _validation(self) -> Span | None:
        return None if self.validation is None else Span.parse(self.validation, "WalkForward.validation")

    @cached_property
    def _offset(self) -> Span | None:
        nothing = isinstance(self.offset, int) and self.offset == 0 and not isinstance(self.offset, bool)
        return None if nothing else Span.parse(self.offset, "WalkForward.offset")

    def _check_refit(self) -> None:
        """Raise where a block is seen to end before its model is ever fitted again."""
        if self._refit is None or self._refit.unit != "rows" or self._test.unit != "rows":
            return
        if self._refit.count > self._test.count:
            hint = "Leave refit out to fit once per block, or lengthen test."
            raise ParameterError("WalkForward.refit", must=f"be at most test, {self.test}", got=self.refit, hint=hint)

    def check_study(self, *, trades: bool) -> None:
        """Raise `StudyError` where a study cannot be validated so.

        Parameters
        ----------
        trades : bool
            Whether the study has a signal.
        """
        if trades and self._step != self._test:
            hint = "Leave step out: with refit, a model is fitted more often than blocks begin."
            raise StudyError("WalkForward.step of a study that trades",
                             must=f"equal test, {self.test}, so that its decisions make one account without gaps",
                             got=self.step, hint=hint)  # fmt: skip

    # ------------------------------------------------------------------- folds

    def folds(self, clock: pd.DatetimeIndex) -> tuple[Fold, ...]:
        """Lay the folds on a clock.

        Raises
        ------
        SplitError
            If training window and first test block do not fit into the data, or a validation part leaves nothing to
            train on.
        """
        rows = self._moved_by(clock)
        return tuple(self._moved(fold, rows) for fold in self._laid(clock[: len(clock) - rows], clock))

    def _laid(self, clock: pd.DatetimeIndex, whole: pd.DatetimeIndex) -> tuple[Fold, ...]:
        """Lay the folds without the offset, on as much of the whole clock as is left when they are moved."""
        blocks = self._blocks(clock)
        kept = [(start, stop) for start, stop, full in blocks if full or self.last_block == "keep"]
        if not kept:
            raise self._short_test(clock, blocks[0][0]) if blocks else self._too_short(whole)
        ends = enumerate(kept)
        laid = (self._fold(clock, number, start, stop, laid_by=self._step) for number, (start, stop) in ends)
        return tuple(self._validated(clock, fold) for fold in laid)

    @property
    def unfinished(self) -> WalkForward:
        """The same with a short block at the end kept, as it lies while its bars are still coming in."""
        return replace(self, last_block="keep")

    def check_clock(self, clock: pd.DatetimeIndex) -> None:
        """Raise `SplitError` where the data end before a single test block is full.

        `folds` lays such a block too, for forecasts of what comes next; what it scores is no test of this length.
        """
        blocks = self._blocks(clock)
        if blocks and not any(full for *_, full in blocks):
            raise self._short_test(clock, blocks[0][0])

    def _blocks(self, clock: pd.DatetimeIndex) -> list[tuple[int, int, bool]]:
        """List test blocks: where they begin, the position after them, and whether the data fill them."""
        return [(start, *self._end(clock, start)) for start in self._block_starts(clock)]

    def refits(self, clock: pd.DatetimeIndex, fold: Fold) -> tuple[Fold, ...]:
        """Cut a fold's test block where the model is refitted; each part has its own training window."""
        if self._refit is None:
            return (fold,)
        rows = self._moved_by(clock)
        laid = replace(fold, test=fold.test - rows)
        return tuple(self._moved(part, rows) for part in self._cut(clock[: len(clock) - rows], laid, self._refit))

    def _cut(self, clock: pd.DatetimeIndex, fold: Fold, every: Span) -> tuple[Fold, ...]:
        """Cut a fold that was laid without the offset."""
        blocks = block_number(clock[fold.test], every)
        starts = [fold.start, *(fold.test[1:][np.diff(blocks) != 0]).tolist()]
        stops = [*starts[1:], fold.stop]
        first, *others = zip(starts, stops, strict=True)
        rolled = (self._fold(clock, fold.number, *ends, laid_by=every) for ends in others)
        return (self._fold(clock, fold.number, *first, laid_by=self._step), *rolled)

    def paths(self, folds: Sequence[Fold]) -> tuple[tuple[Piece, ...], ...]:
        """Put the test blocks of folds together to one record, in time.

        Raises
        ------
        SplitError
            If blocks overlap: a record has one forecast of each row.
        """
        for before, fold in pairwise(folds):
            if fold.start < before.stop:
                hint = "Leave step out, or make it at least test; with refit, a model is fitted more often."
                raise SplitError("the test blocks of a study", must="use each row once", where=f"fold {fold.number}",
                                 got=f"step={self.step}, test={self.test}", hint=hint)  # fmt: skip
        return (tuple(Piece(place, fold.test) for place, fold in enumerate(folds)),)

    def _moved_by(self, clock: pd.DatetimeIndex) -> int:
        """Count the rows of the offset; there may be fewer."""
        if self._offset is None or not len(clock):
            return 0
        if self._offset.unit == "rows":
            return min(self._offset.count, len(clock))
        return int(clock.searchsorted(clock[0] + self._offset.offset, side="left"))

    def _moved(self, fold: Fold, rows: int) -> Fold:
        """Move a fold later by so many rows."""
        if not rows:
            return fold
        first = 0 if self.mode == "expanding" else int(fold.train[0]) + rows
        train = np.arange(first, fold.start + rows, dtype=np.int64)
        validation = None if fold.validation is None else fold.validation + rows
        return replace(fold, train=train, test=fold.test + rows, validation=validation)

    def _too_short(self, clock: pd.DatetimeIndex) -> SplitError:
        span = f"{len(clock)} rows from {clock[0]:%Y-%m-%d} to {clock[-1]:%Y-%m-%d}" if len(clock) else "no rows"
        name = "train" if self.min_train is None else "min_train"
        hint = f"Shorten WalkForward.{name}, or load a longer range."
        if len(clock) and self._trains_on(clock):
            other = "test" if self.step is None else "step"
            hint = f"Shorten WalkForward.{other}, at multiples of which blocks begin in the calendar, or {name}."
        if self._offset is not None:
            hint = f"Shorten WalkForward.offset or {name}, or load a longer range."
        moved = "" if self._offset is None else f", offset={self.offset}"
        got = f"{name}={getattr(self, name)}, test={self.test}{moved} on {span}"
        return SplitError("train and the first test block", must="fit into the data", got=got, hint=hint)

    def _trains_on(self, clock: pd.DatetimeIndex) -> bool:
        """Say whether the data hold a training window with a row after it, wherever blocks begin."""
        rows = self._least.unit == "rows"
        return self._least.count < len(clock) if rows else self._least.after(clock[0]) <= clock[-1]

    def _short_test(self, clock: pd.DatetimeIndex, start: int) -> SplitError:
        there = f"{len(clock) - start} rows from {clock[start]:%Y-%m-%d} to {clock[-1]:%Y-%m-%d}"
        got = f"test={self.test}, of which there are {there}"
        hint = "Shorten WalkForward.test, or load a longer range."
        return SplitError(
            "the first test block", must="fit into the data after the training window", got=got, hint=hint
        )

    def _block_starts(self, clock: pd.DatetimeIndex) -> list[int]:
        """List where test blocks begin: on the grid of the step, from the first place that has enough before it."""
        if self._step.unit != "rows":
            grid = [0, *(np.flatnonzero(np.diff(block_number(clock, self._step))) + 1).tolist()]
            return list(dropwhile(lambda start: not self._fits(clock, start), grid)) if len(clock) else []
        fits = (start for start in range(len(clock)) if self._fits(clock, start))
        return list(range(next(fits, len(clock)), len(clock), self._step.count))

    def _end(self, clock: pd.DatetimeIndex, start: int) -> tuple[int, bool]:
        """Return the position after the test block that begins at `start`, and whether the data fill it."""
        if self._test.unit == "rows":
            return min(start + self._test.count, len(clock)), start + self._test.count <= len(clock)
        begin = self._aligned(clock, start, self._step)
        moment = self._test.after(begin)
        stop = max(int(clock.searchsorted(moment, side="left")), start + 1)
        # its last hours may be as quiet as those before it are
        return stop, stop < len(clock) or moment - clock[-1] <= allowance(
            clock, moment - begin, begin - clock[start - 1]
        )

    def _fits(self, clock: pd.DatetimeIndex, start: int) -> bool:
        """Say whether the data before `start` are a whole first window, but for what may be missing at its edge."""
        if self._least.unit == "rows":
            return start >= self._least.count
        begin = self._aligned(clock, start, self._step)
        moment = self._least.before(begin)
        return start > 0 and clock[0] - moment <= allowance(clock, begin - moment, clock[start] - begin)

    def _train_start(self, clock: pd.DatetimeIndex, start: int, laid_by: Span) -> int:
        """Return where the training window of a block at `start` begins."""
        return 0 if self.mode == "expanding" else self._window_start(clock, start, self._train, laid_by)

    def _window_start(self, clock: pd.DatetimeIndex, start: int, window: Span, laid_by: Span) -> int:
        """Return where a window before `start` begins: at the first bar, where the data begin inside it.

        A window that is a duration is counted back from where the calendar block begins, of the length `laid_by`.
        """
        if window.unit == "rows":
            return max(start - window.count, 0)
        return int(clock.searchsorted(window.before(self._aligned(clock, start, laid_by)), side="left"))

    def _aligned(self, clock: pd.DatetimeIndex, start: int, laid_by: Span) -> pd.Timestamp:
        return clock[start] if laid_by.unit == "rows" else laid_by.floor(clock[start])

    def _fold(self, clock: pd.DatetimeIndex, number: int, start: int, stop: int, *, laid_by: Span) -> Fold:
        first = self._train_start(clock, start, laid_by)
        if first == start:
            hint = "Lengthen WalkForward.train, or mend the gap in the data."
            raise SplitError("a training window", must="hold rows", got=f"none in {self.train}",
                             where=f"fold {number}, before {clock[start]:%Y-%m-%d}", hint=hint)  # fmt: skip
        train, test = np.arange(first, start, dtype=np.int64), np.arange(start, stop, dtype=np.int64)
        return Fold(number, train, test, embargo=self.embargo)

    def _validated(self, clock: pd.DatetimeIndex, fold: Fold) -> Fold:
        """Return a fold with the last part of its window as its validation part, where one is declared."""
        if self._validation is None:
            return fold
        begin, first = self._window_start(clock, fold.start, self._validation, self._step), int(fold.train[0])
        if not first < begin < fold.start:
            hint = "Lengthen WalkForward.validation." if begin == fold.start else "Shorten WalkForward.validation."
            raise SplitError("WalkForward.validation", must="hold rows, and leave rows of the window to train on",
                             got=self.validation, where=f"fold {fold.number}, {len(fold.train)} rows",
                             hint=hint)  # fmt: skip
        return replace(fold, validation=fold.train[begin - first :])

    # ------------------------------------------- scikit-learn's splitter protocol

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Yield (train, test) rows, as scikit-learn's splitters do; a validation part belongs to the training rows.

        Parameters
        ----------
        X : DataFrame or array
            One row per bar, or per bar and symbol; durations need a DatetimeIndex, or a MultiIndex with a level of
            times, which do not decrease. Rows of one time are trained on and tested together.
        y : ignored
        groups : array of int, optional
            `label_end` of each row, a position among the different times, by which training rows are purged. Without
            it a row's label is taken to be known at the next time.
        """
        rows = self._rows(X, groups)
        self.check_clock(rows.clock)
        yield from rows.split(self.folds(rows.clock))

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds that `split` yields."""
        clock = self._rows(X).clock
        self.check_clock(clock)
        return len(self.folds(clock))

    def _rows(self, X: Any, groups: Any = None) -> Rows:
        rows = Rows.of(X, groups)
        spans = {"train": self._train, "test": self._test, "step": self._step, "min_train": self._least,
                 "validation": self._validation, "offset": self._offset}  # fmt: skip
        counted = next((name for name, span in spans.items() if span is not None and span.unit != "rows"), None)
        if counted is not None and not rows.has_times:
            hint = f"Give X an index of times (pd.to_datetime reads text), or {counted} as a number of rows."
            raise SplitError("a table that durations are counted on", must="have times",
                             got=f"none, and {counted}={getattr(self, counted)}", hint=hint)  # fmt: skip
        return rows


def _check_one_of(subject: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ParameterError(subject, must=f"be {' or '.join(map(repr, known))}", got=value,
                             hint=did_you_mean(str(value), known))  # fmt: skip


def _check_within(subject: str, part: Span | None, window: Span, *, at_most: bool) -> None:
    """Raise where `part` is seen to be longer than the window, or as long; a mixture of units is told on the clock."""
    if part is None or (part.unit == "rows") != (window.unit == "rows"):
        return
    own, whole = (span.count * UNITS[span.unit] for span in (part, window))
    if own > whole or (own == whole and not at_most):
        rule = f"be {'at most as long as' if at_most else 'shorter than'} train, {window}"
        raise ParameterError(subject, must=rule, got=str(part))
