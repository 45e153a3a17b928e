"""Study: the declaration of one whole study, and its canonical form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import pandas as pd

from quantml.bars import Bars
from quantml.canonical import NOT_CANONICAL, canonical, digest_of
from quantml.cash import CashRate, check_cash
from quantml.errors import DataError, StudyError, did_you_mean
from quantml.exogenous import Exogenous
from quantml.faults import name_of, users_code
from quantml.loaders.quality.market import Market as Market
from quantml.loaders.quality.policies import Quality
from quantml.lockbox import Lockbox
from quantml.panel import read_moment
from quantml.settings import covers, read_settings
from quantml.simulation.costs import Costs
from quantml.source import Bundle
from quantml.space import Space, alternatives, find_spaces, substitute
from quantml.timing import Fill
from quantml.universe import Membership

if TYPE_CHECKING:
    from quantml.features.base import Feature
    from quantml.features.transforms.base import Transform
    from quantml.forecasters.base import Forecaster
    from quantml.signals.base import Step
    from quantml.simulation.simulator import Simulator
    from quantml.targets import TargetRule
    from quantml.validation.splits import CombinatorialPurged, WalkForward
    from quantml.validation.tuning import Tuning
    from quantml.weighting import SampleWeight


Loaded = TypeVar("Loaded", Bars, Exogenous)


class Loader(Protocol):
    """Anything with a `load` that makes bars."""

    def load(self) -> Bars:
        """Return the bars."""


class TableLoader(Protocol):
    """Anything with a `load` that makes an outside table."""

    def load(self) -> Exogenous:
        """Return the table."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Study:
    """One whole study: data, features, target, forecaster, signal, costs, validation and tuning.

    Parameters
    ----------
    data : Loader or Bars
        Where the bars come from.
    features : sequence of features
        Functions of bars; built-in ones are in `quantml.features`.
    target : target, optional
        What is forecast; needed with a forecaster.
    forecaster : Forecaster or scikit-learn estimator, optional
        Without one, the study is a rule on bars and features.
    signal : step or sequence of steps, optional
        From forecast to weights; without one, the study only forecasts.
    costs : Costs
        What trading costs.
    validation : WalkForward or CombinatorialPurged
        How folds are laid.
    tuning : Tuning, optional
        How search spaces are searched inside each fold; needed exactly when the study holds any.
    universe : Membership, optional
        Which symbols could be chosen when, and recorded delistings; without it, every symbol of the bars throughout.
    exogenous : sequence of Exogenous or loaders of them
        Outside tables that features may read.
    transforms : sequence of transforms
        Fitted on each fold's training rows, one after another, before the forecaster: those of
        `quantml.features.transforms`, or scikit-learn's.
    sample_weight : SampleWeight, optional
        How much each training row counts; `quantml.weighting` has rules.
    baseline : Forecaster, optional
        What the forecaster's accuracy is compared with; the naive forecast by default.
    benchmark : str, optional
        A symbol to hold instead of the equally weighted panel.
    cash : float or CashRate, optional
        What cash earns and debt costs: a simple rate per year, or a column of an outside table. Sharpe ratios are of
        what was earned beyond it. Without it, cash earns nothing.
    fill : Fill, optional
        When decisions are executed: the next open by default, the next close for panels without opens.
    simulator : Simulator, optional
        How the account is kept: lots, participation, margin, stops. Its state carries over the folds, whose decisions
        make one account. Fractional units filled whole, without limits or stops, unless given.
    quality : Quality, optional
        What is done about defects of the bars; nothing without it.
    lockbox : str or int, optional
        What is sealed at the end of the data: everything from an ISO date on, such as ``"2017-01-01"``, which data that
        grow do not move; or the last ``"1y"``, or so many rows. No run of the study sees it, until ``quantml run
        --open-lockbox`` makes it the out-of-sample record, once.
    seed : int
        Where every random draw of the study starts from.

    Raises
    ------
    StudyError
        If parts that need each other are not given together.
    """

    data: Loader | Bars
    features: Sequence[Feature] = ()
    target: TargetRule | None = None
    forecaster: Forecaster | Any | None = None
    signal: Step | Sequence[Step] | None = None
    costs: Costs = field(default_factory=Costs)
    validation: WalkForward | CombinatorialPurged
    tuning: Tuning | None = None
    universe: Membership | None = None
    exogenous: Sequence[Exogenous | TableLoader] = ()
    transforms: Sequence[Transform | Any] = ()
    sample_weight: SampleWeight | None = None
    baseline: Forecaster | Any | None = None
    benchmark: str | None = None
    cash: float | CashRate | None = None
    fill: Fill | None = None
    simulator: Simulator | None = None
    quality: Quality | None = None
    lockbox: str | int | None = None
    seed: int = 0
    name: str = field(default="study", metadata=NOT_CANONICAL)
    bundle: Bundle | None = field(default=None, repr=False, metadata=NOT_CANONICAL)

    def __post_init__(self) -> None:
        for name in _LISTS:
            object.__setattr__(self, name, _as_tuple(getattr(self, name)))
        self._check_types()
        self._check_parts()
        self._check_spaces()

    def _check_types(self) -> None:
        refuse = getattr(self.validation, "check_study", None)
        if refuse is not None and not isinstance(self.validation, type):
            refuse(trades=bool(self.signal))
        parts = {name: getattr(self, name) for name in _NEEDED if getattr(self, name) is not None}
        for name, part in ((name, one) for name, declared in parts.items() for one in alternatives(declared)):
            if isinstance(part, type) or not callable(getattr(part, _NEEDED[name], None)):
                example = _EXAMPLES[name]
                raise StudyError(name, must=f"be an object such as {example}", got=_brief(part))
        if not isinstance(self.costs, Costs):
            raise StudyError("costs", must="be Costs", got=_brief(self.costs), hint="Write costs=Costs(...).")
        if self.validation is None:
            raise StudyError("validation", must="be given", hint=f"Write validation={_EXAMPLES['validation']}.")
        for name in ("features", "transforms", "sample_weight", "signal", "forecaster"):
            declared = (one for part in _as_tuple(getattr(self, name)) for one in alternatives(part))
            for part in _as_tuple(tuple(declared)):
                _check_part(name, part)
        for part in self.exogenous:
            if not isinstance(part, Exogenous) and (
                isinstance(part, type) or not callable(getattr(part, "load", None))
            ):
                raise StudyError("exogenous", must="hold Exogenous tables or loaders of them", got=_brief(part))

    def _check_parts(self) -> None:
        if isinstance(self.data, type) or not (
            isinstance(self.data, Bars) or callable(getattr(self.data, "load", None))
        ):
            raise StudyError("data", must="be Bars or a loader", got=_brief(self.data))
        if not self.signal and self.forecaster is None:
            raise StudyError("a study", must="have a signal, a forecaster, or both", hint="Add signal=Sign().")
        if self.forecaster is not None and self.target is None:
            raise StudyError("a forecaster", must="have a target", hint="Add target=ForwardReturn(horizon=1).")
        unused = [name for name in ("transforms", "sample_weight") if getattr(self, name) and self.forecaster is None]
        if unused:
            raise StudyError(unused[0], must="have a forecaster that learns", hint="Add a forecaster, or leave it out.")
        if self.fill is not None and not isinstance(self.fill, Fill):
            raise StudyError(
                "fill", must="be a Fill", got=self.fill, hint=did_you_mean(str(self.fill), Fill.__members__)
            )
        if self.universe is not None and not isinstance(self.universe, Membership):
            raise StudyError("universe", must="be a Membership", got=type(self.universe).__name__)
        if self.quality is not None and not isinstance(self.quality, Quality):
            hint = "Write quality=Quality([DropBar(Spike())])."
            raise StudyError("quality", must="be a Quality", got=_brief(self.quality), hint=hint)
        check_cash(self.cash)
        if self.lockbox is not None:
            Lockbox.parse(self.lockbox)
        if isinstance(self.seed, bool) or not isinstance(self.seed, (int, np.integer)) or self.seed < 0:
            raise StudyError("seed", must="be a whole number of at least 0", got=self.seed)

    def _check_spaces(self) -> None:
        for name in _FIXED:
            if find_spaces(getattr(self, name)):
                raise StudyError(f"{name}", must="hold no search space", got=str(getattr(self, name)))
        spaces = self.spaces
        if spaces and self.tuning is None:
            hint = "Add tuning=Tuning('sharpe_ratio'), or give one value."
            raise StudyError(
                "a study with search spaces", must="say how to tune them", got=", ".join(spaces), hint=hint
            )
        if self.tuning is not None and not spaces:
            raise StudyError(
                "a study with tuning", must="have something to tune", hint="Put a Choice where a value stands."
            )
        if self.tuning is not None:
            self.tuning.check_study(spaces, trades=bool(self.signal), forecasts=self.forecaster is not None)

    @cached_property
    def spaces(self) -> dict[str, Space]:
        """Every search space of the study by its dotted path, in declared order."""
        tunable = {name: getattr(self, name) for name in _TUNABLE}
        return find_spaces(tunable)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The signal's steps, in order."""
        return _as_tuple(self.signal)

    def resolve(self, values: Mapping[str, Any]) -> Study:
        """Return the study with each search space replaced by its value in `values`."""
        if not values.keys() >= self.spaces.keys():
            left: Study = substitute(self, {**values, **({"tuning": None} if self.tuning else {})})
            return left
        resolved = object.__new__(type(self))  # not `replace`, which would look for spaces in all parts again
        declared = {part.name: getattr(self, part.name) for part in fields(self)}
        for name in dict.fromkeys(path.partition(".")[0] for path in self.spaces):
            value = substitute(declared[name], values, name)
            declared[name] = _as_tuple(value) if name in _LISTS else value
        vars(resolved).update({**declared, "tuning": None})  # each alternative was checked when it was declared
        return resolved

    @cached_property
    def form(self) -> Any:
        """The canonical form: JSON-able, equal for studies that mean the same; as it was when first asked for."""
        return canonical(self, self.bundle)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the canonical form."""
        return digest_of(self.form)

    def load(self, *, as_of: str | pd.Timestamp | None = None, opened: bool = False) -> Market:
        """Load the bars, join the outside tables and the universe to them, and apply the quality policies.

        Parameters
        ----------
        as_of : str or Timestamp, optional
            Cut the bars after this time before a policy sees them.
        opened : bool
            Keep what the lockbox seals; without it, the bars end before that.

        Raises
        ------
        StudyError
            If bars and study both bring a universe, or two outside tables have one name.
        DataError
            If the data cannot be bars, there is no bar at or before `as_of`, or a policy refuses them.
        """
        whole = self._joined()
        sealed = None if self.lockbox is None else Lockbox.parse(self.lockbox).start(whole.clock)
        bars = whole if as_of is None else _known(whole, as_of)
        if sealed is not None and not opened and bars.clock[-1] >= sealed:
            bars = bars.until(bars.clock[int(bars.clock.searchsorted(sealed)) - 1])
        market = Market(bars, bars) if self.quality is None else self.quality.apply(bars)
        return market if sealed is None else replace(market, sealed=sealed)

    def load_bars(self) -> Bars:
        """Return the bars of `load`: what is forecast, traded and accounted."""
        return self.load().bars

    def _joined(self) -> Bars:
        bars = _loaded(self.data, "data", Bars)
        if self.universe is not None:
            if bars.membership is not None:
                hint = "Leave universe out, or load bars without one."
                raise StudyError("a universe", must="be given once", got="one in the bars too", hint=hint)
            bars = bars.with_membership(self.universe)
        tables = [_loaded(part, "exogenous", Exogenous) for part in self.exogenous]
        names = [*bars.tables, *(table.name for table in tables)]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise StudyError("outside tables", must="have different names", got=f"{twice[0]!r} twice")
        return bars.with_tables(*tables) if tables else bars

    def override(self, settings: Sequence[str]) -> Study:
        """Return the study with declared values changed, each written ``dotted.path=value``.

        Raises
        ------
        ParameterError
            If the path names nothing that the study declares.

        Examples
        --------
        ``study.override(["validation.test=1m", "costs.commission_bps=5", "signal.0.threshold=0.001"])``
        """
        values = read_settings(self, settings, given_by_file=("name", "bundle"))
        if self.tuning is not None and all(covers(values, path) for path in self.spaces):
            values["tuning"] = None  # nothing is left to tune
        changed: Study = substitute(self, values)
        return changed


def _check_part(name: str, part: Any) -> None:
    """Raise unless `part` is what the named part of a study is made of."""
    if isinstance(part, type):
        hint = f"Write {part.__name__}(...)."
        raise StudyError(name, must="hold objects, not classes", got=part.__name__, hint=hint)
    method = _LEARNS.get(name)
    if not callable(part if method is None else getattr(part, method, None)):
        rule = "hold functions, or objects that can be called" if method is None else f"have a method {method!r}"
        raise StudyError(name, must=rule, got=_brief(part))


def _loaded(part: Any, name: str, kind: type[Loaded]) -> Loaded:
    """Return bars or a table, loaded where a loader of them is given."""
    if isinstance(part, kind):
        return part
    with users_code(part, f"{name_of(part)}.load", DataError):
        loaded = part.load()
    if not isinstance(loaded, kind):
        raise StudyError(f"{name_of(part)}.load of {name}", must=f"return {kind.__name__}", got=_brief(loaded))
    return loaded


def _known(bars: Bars, as_of: str | pd.Timestamp) -> Bars:
    moment = read_moment(as_of, bars.clock)
    if moment < bars.clock[0]:
        raise DataError("as_of", must=f"be at or after the first bar, {bars.clock[0]:%Y-%m-%d}", got=str(as_of))
    return bars.until(moment)


_TUNABLE = ("features", "target", "transforms", "sample_weight", "forecaster", "signal")
_LISTS = ("features", "signal", "exogenous", "transforms")
_FIXED = ("data", "costs", "validation", "tuning", "exogenous", "baseline", "benchmark", "cash", "simulator", "quality",
          "lockbox", "seed")  # fmt: skip
"""Parts that are not searched: they are the ground on which candidates are compared."""
_NEEDED = {"target": "build", "validation": "folds", "tuning": "check_spaces", "simulator": "simulate"}
"""The method by which each part is told."""
_LEARNS = {"forecaster": "fit", "transforms": "fit", "sample_weight": "weigh"}
"""The method of those that learn from training rows; features and steps are called."""
_EXAMPLES = {
    "target": "ForwardReturn(horizon=5)",
    "validation": 'WalkForward(train="3y", test="3m")',
    "tuning": 'Tuning("sharpe_ratio")',
    "simulator": "Simulator(exits=StopLoss(0.1))",
}


def _brief(part: Any) -> Any:
    """Name a wrong part without printing what it holds."""
    if isinstance(part, type):
        return part.__name__
    return part if part is None or isinstance(part, (str, int, float)) else type(part).__name__


def _as_tuple(part: Any) -> tuple[Any, ...]:
    """List the parts of a sequence, or the one part; a sequence that stood as an alternative is spliced in."""
    if part is None:
        return ()
    if not isinstance(part, (list, tuple)):
        return (part,)
    spliced = (_as_tuple(inner) if isinstance(inner, (list, tuple)) else (inner,) for inner in part)
    return tuple(one for parts in spliced for one in parts)
