"""The look-ahead audit of a whole study, and the light one inside every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Final

import numpy as np
import pandas as pd

from quantml.errors import QuantmlError
from quantml.evaluation.metrics import sharpe_ratio
from quantml.faults import name_of
from quantml.features.base import feature_name
from quantml.source import cause_of
from quantml.space import find_spaces
from quantml.study import Market, Study
from quantml.validation import scoring
from quantml.validation.audit.code import inspect_code
from quantml.validation.audit.cuts import choose_cuts, choose_folds
from quantml.validation.audit.decisions import Decisions
from quantml.validation.audit.declaration import Declaration
from quantml.validation.audit.differences import Difference, failure, failures_of, leaks_of
from quantml.validation.audit.exposures import Dependences, exposures
from quantml.validation.audit.findings import Audit, Earned, Leak, Notice
from quantml.validation.audit.inputs import Inputs
from quantml.validation.audit.pinned import Pinned
from quantml.validation.audit.refits import Refit
from quantml.validation.audit.worlds import Morning, Perturbed, Truncated, World
from quantml.validation.problem import Values
from quantml.validation.threads import single_threaded
from quantml.validation.walkforward import WalkForwardResult, walk_forward


@dataclass(frozen=True)
class Plan:
    """How much an audit does.

    Attributes
    ----------
    cuts : int
        Moments at which features, targets and weights are compared.
    folds : int
        Folds that are fitted again.
    tuned : int
        How many of them are tuned again too.
    declared : int
        Moments after the first decision at which the study's file is read again.
    """

    cuts: int
    folds: int
    tuned: int
    declared: int


FULL: Final = Plan(cuts=20, folds=10, tuned=4, declared=3)
LIGHT: Final = Plan(cuts=4, folds=1, tuned=1, declared=0)

FAILURES: Final = (QuantmlError, ArithmeticError, ValueError, LookupError)
"""What a model may raise of rows that it has never met the like of."""

Found = Difference | Notice | Leak


def audit(study: Study) -> Audit:
    """Audit a study for look-ahead.

    The study is run once. Then, at 20 moments of its out-of-sample time, the bars are cut off, and what comes after is
    exchanged: other prices, volumes, splits, dividends, members and outside values. Whatever was computed, fitted,
    tuned, forecast, decided or filled at or before the moment must be the same, bit by bit where the panel kept its
    shape, and to 1e-10 where it was cut. Around 10 of the moments a fold is fitted again; the study's file is read
    again with loaders that give what was known at the first decision; and its code is searched for data that it reads
    by itself.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Audit

    Raises
    ------
    InputError
        If the study cannot be run.
    """
    with single_threaded():
        held = list(inspect_code(study))  # before anything of the study runs, and may change what it holds
        market = study.load()
        study.validation.check_clock(market.bars.clock)
        result = walk_forward(study, market.bars, feature_bars=market.feature_bars)
        found = Examination(market, result, FULL, held).audit()
        return replace(found, earned=_earned(study, market, result, found))


def glance(market: Market, result: WalkForwardResult) -> Audit:
    """Audit a finished walk-forward lightly, at a few moments."""
    return Examination(market, result, LIGHT, list(inspect_code(result.problem.study))).audit()


@dataclass(frozen=True, eq=False)
class Examination:
    """One audit of a finished walk-forward."""

    market: Market
    result: WalkForwardResult
    plan: Plan
    held: Sequence[Leak]
    """What is wrong with the code of the study as it was declared."""

    def audit(self) -> Audit:
        """Look everywhere, and tell what was found."""
        problem, study = self.result.problem, self.result.problem.study
        draws = np.random.default_rng(problem.seed("audit"))
        clock, first = problem.bars.clock, self.result.first
        cuts = choose_cuts(problem.bars, first, self.plan.cuts, draws)
        folds = choose_folds([part.fold for part in self.result.folds], self.plan.folds, len(clock) - 1, draws)
        inputs = Inputs.of(problem, self._candidates())
        found: list[Found] = [*self.held, *exposures(study, self.market, problem.fill)]
        if not cuts:
            found.append(Notice("not audited", study.name, "Nothing comes after the only out-of-sample decision."))
        found += _guarded("declaration", self._declared(cuts))
        for number, cut in enumerate(cuts):
            for world in _worlds(clock[cut], number):
                found += _guarded("bars", self._compared(world, inputs))
        found = _settled(found, clock[cuts])
        refitted: list[Found] = []
        if not self.result.is_forward:
            said = (
                "A combinatorial split trains on what comes after its test blocks, by design: no fold was fitted again."
            )
            found.append(Notice("not audited", "folds", said))
            folds = []
        for number, (place, cut) in enumerate(folds):
            for make in (partial(Perturbed, seed=number), Truncated):
                refitted += _guarded("folds", self._fitted(place, cut, make, tune=number < self.plan.tuned))
        found += _settled(refitted, clock[[cut for _, cut in folds]])
        if self.plan is FULL:
            found += Dependences(inputs, first).notices()
        moments = sorted({clock[cut] for cut in cuts} | {clock[cut] for _, cut in folds})
        return self._told(found, moments, [self.result.folds[place].fold.number for place, _ in folds])

    @cached_property
    def _decisions(self) -> Decisions:
        return Decisions(self.result)

    def _candidates(self) -> list[Values]:
        """List the candidates that differ in features or target, those that were chosen among them."""
        listed = [one.values for part in self.result.folds for one in part.candidates]
        keys = [(self.result.problem.key(v, "features"), self.result.problem.key(v, "target")) for v in listed]
        return list(dict(zip(reversed(keys), reversed(listed))).values())[::-1]

    def _declared(self, cuts: Sequence[int]) -> Iterator[Found]:
        """Read the study's file again in worlds of the first decision and, in a full audit, of some later moments."""
        declaration, first = Declaration(self.result), self.result.first
        later = cuts[1 :: max(1, len(cuts) // 3)][: self.plan.declared]
        for number, cut in enumerate([first, *later]):
            yield from declaration.differences(partial(Perturbed, seed=number), cut)
        if self.plan is FULL:
            yield from declaration.differences(Truncated, first)
            yield from declaration.early_fields(Morning(self.result.problem.bars.clock[first], seed=0), first + 1)

    def _compared(self, world: World, inputs: Inputs) -> Iterator[Found]:
        pinned = Pinned.put(self.result.problem, world)
        yield from inputs.feature_differences(world, pinned.feature_bars)
        yield from inputs.target_differences(world, pinned.bars)
        yield from self._decisions.combination_differences(pinned)
        yield from self._decisions.weight_differences(pinned)
        if isinstance(world, Truncated) and self.result.is_forward:
            yield from self._decisions.fold_differences(pinned)

    def _fitted(self, place: int, cut: int, make: Callable[[pd.Timestamp], World], *, tune: bool) -> Iterator[Found]:
        was, world = self.result.folds[place], make(self.result.problem.bars.clock[cut])
        try:
            for rank, one in enumerate(was.configurations):
                yield from Refit(self.result, one, cut, make, rank=rank).differences(tune=tune and rank == 0)
        except FAILURES as error:
            study = self.result.problem.study
            fitted = study.steps if study.forecaster is None else (study.forecaster,)
            yield from failure("fit", " and ".join(name_of(part) for part in fitted), world, cut + 1, error)
        yield from self._decisions.fill_differences(Pinned.put(self.result.problem, world))

    def _told(self, found: Sequence[Found], moments: Sequence[pd.Timestamp], folds: Sequence[int]) -> Audit:
        problem = self.result.problem
        differences = [one for one in found if isinstance(one, Difference)]
        told = leaks_of(differences, problem.bars.clock, problem.bars.symbols)
        leaks = [one for one in found if isinstance(one, Leak)] + told
        noticed = [one for one in found if isinstance(one, Notice)]
        once = {(one.kind, one.part): one for one in reversed(noticed)}
        return Audit(problem.study.name, tuple(leaks), tuple(reversed(once.values())), tuple(moments), tuple(folds),
                     full=self.plan is FULL)  # fmt: skip


def _guarded(section: str, found: Iterator[Found]) -> list[Found]:
    """Collect what a section finds until it ends or fails: a failing audit costs no run, and is told."""
    kept: list[Found] = []
    try:
        kept.extend(found)
    except Exception as error:  # noqa: BLE001 - a user's code may raise anything where the world is another
        kept.append(Notice("not audited", section, f"The audit of {section} stopped: {cause_of(error)}"))
    return kept


def _settled(found: Sequence[Found], tried: pd.DatetimeIndex) -> list[Found]:
    """Tell what failed where the bars ended, at the moments `tried`: a leak, or nothing that could be audited."""
    differences, failed = failures_of([one for one in found if isinstance(one, Difference)], tried)
    return [*(one for one in found if not isinstance(one, Difference)), *differences, *failed]


def _worlds(moment: pd.Timestamp, number: int) -> tuple[World, ...]:
    return Perturbed(moment, number, gaps=number % 2 == 1), Truncated(moment)


def _earned(study: Study, market: Market, result: WalkForwardResult, found: Audit) -> Earned | None:
    """Run the study once more without the features that leak."""
    leaking = tuple(leak.part for leak in found.leaks if leak.stage == "feature")
    if not leaking or result.weights is None:
        return None
    sharpe = _sharpe(result)
    leaky = {place for part in result.folds for one in part.candidates for place, feature in
             enumerate(result.problem.resolved(one.values).features) if feature_name(feature) in leaking}  # fmt: skip
    kept = tuple(feature for place, feature in enumerate(study.features) if place not in leaky)
    if not kept:
        return Earned(sharpe, None, leaking, "no other feature is left")
    others = {path for path in study.spaces if not path.startswith("features.")}
    tuning = study.tuning if others or find_spaces(kept) else None
    try:
        without = walk_forward(
            replace(study, features=kept, tuning=tuning), market.bars, feature_bars=market.feature_bars
        )
    except QuantmlError as error:
        return Earned(sharpe, None, leaking, str(error))
    return Earned(sharpe, _sharpe(without), leaking)


def _sharpe(result: WalkForwardResult) -> float:
    assert result.weights is not None
    weights = result.weights.frame.iloc[result.first : len(result.bars)]
    account = scoring.account(result.problem.study, result.bars, result.problem.fill, weights)
    periods = result.problem.bars.periods_per_year
    return sharpe_ratio(account.returns, periods_per_year=periods, risk_free=account.risk_free)
