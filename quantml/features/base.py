"""What a feature is, how it is named, and the one place where what features return is checked and stacked."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_complex_dtype, is_numeric_dtype

from quantml import arrays
from quantml.arrays import ReadOnly
from quantml.bars import Bars
from quantml.canonical import digest
from quantml.errors import FeatureError, InputError, ParameterError, StudyError, did_you_mean, is_whole
from quantml.features.blocks import Kept, lay_out
from quantml.source import cause_of, raised_at
from quantml.space import Space, find_spaces
from quantml.wording import described

__all__ = ["Feature", "Features", "build_features", "feature_name"]


class Feature(Protocol):
    """Anything that turns bars into a frame, time x symbol, with the bars' clock and symbols.

    A feature may state its `warmup`: how many of a symbol's own bars come before its first value.
    """

    def __call__(self, bars: Bars, /) -> pd.DataFrame:
        """Compute the feature; the row stamped t uses only what was known at the close of t."""
        ...


class Origin(NamedTuple):
    """What features were built from: the bars, while they live, and the digest of each feature, None if it has none."""

    bars: weakref.ref[Bars]
    keys: tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class Features(ReadOnly):
    """The values of several features on one panel; made by `build_features`.

    Attributes
    ----------
    values : ndarray of float64, shape (T, N, F)
        Read-only and C-contiguous; NaN where a feature has no value.
    names : tuple of str, length F
    warmup : tuple of int, length F
        Own bars before each feature's first value, as the feature states it; 0 for one that states none.
    clock : DatetimeIndex, shape (T,)
    symbols : tuple of str, length N
    origin : Origin, optional
        What `build_features` needs to take these values again; it does not outlive a pickle.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]
    warmup: tuple[int, ...]
    clock: pd.DatetimeIndex
    symbols: tuple[str, ...]
    origin: Origin | None = field(default=None, repr=False)

    def frame(self, name: str) -> pd.DataFrame:
        """Return one feature as a fresh frame, time x symbol.

        Raises
        ------
        FeatureError
            If there is no feature of that name.
        """
        return arrays.frame(self.values[:, :, self._position(name)], self.clock, self.symbols)

    def columns(self, names: Sequence[str]) -> Features:
        """Return the named features alone, in that order.

        Raises
        ------
        FeatureError
            If there is no feature of one of the names.
        """
        chosen = [self._position(name) for name in names]
        warmup = tuple(self.warmup[position] for position in chosen)
        origin = self.origin and self.origin._replace(keys=tuple(self.origin.keys[place] for place in chosen))
        return Features(self.values[:, :, chosen], tuple(names), warmup, self.clock, self.symbols, origin)

    def head(self, rows: int) -> Features:
        """Return the first `rows` rows."""
        return Features(self.values[:rows], self.names, self.warmup, self.clock[:rows], self.symbols)

    def _held(self) -> list[str]:
        return [name for name in super()._held() if name != "origin"]

    def _position(self, name: str) -> int:
        if name not in self.names:
            hint = did_you_mean(name, self.names) if self.names else "There are no features."
            raise FeatureError("a feature's name", must="be among those built", got=name, hint=hint)
        return self.names.index(name)


def build_features(features: Sequence[Feature], bars: Bars, *, reuse: Features | None = None) -> Features:
    """Compute features on bars, check what each returned, and stack them.

    Parameters
    ----------
    features : sequence of features
        Each called once with `bars`. Search spaces in them must be resolved.
    bars : Bars
    reuse : Features, optional
        Built before: what it holds of the same features on the same `bars`, the object itself, is copied and not
        computed again. A feature is the same where its parameters are and, of user code, all that it says and reads
        (`quantml.canonical`); one for which that cannot be told is computed again.

    Returns
    -------
    Features
        In the order given. Where a symbol has no bar a built-in feature is NaN; a user's is left as returned.

    Raises
    ------
    FeatureError
        If two features have one name, or a feature raises, or returns anything but a numeric frame with the bars'
        clock and symbols, finite or NaN, with a value somewhere. The text names the feature.

    Examples
    --------
    >>> from quantml.features import Returns
    >>> days = pd.bdate_range("2024-01-01", periods=3)
    >>> bars = Bars.from_close(pd.DataFrame({"A": [100.0, 110.0, 99.0]}, index=days))
    >>> built = build_features([Returns()], bars)
    >>> built.names, built.warmup, built.values.shape
    (('Returns()',), (1,), (3, 1, 1))
    >>> built.frame("Returns()")["A"].round(6).tolist()
    [nan, 0.1, -0.1]
    """
    names = _names(features)
    warmup = tuple(stated_warmup(feature) for feature in features)
    keys = tuple(_key(feature) for feature in features)
    values, filled = lay_out(features, bars, evaluate, _kept(keys, bars, reuse))
    for feature, name, has_value in zip(features, names, filled, strict=True):
        if not has_value:
            raise _nothing(f"feature {name}", getattr(feature, "warmup", None), bars)
    return Features(values, names, warmup, bars.clock, bars.symbols, Origin(weakref.ref(bars), keys))


def feature_name(feature: Feature) -> str:
    """Name a feature: a function by its name, a dataclass as one would write it, without what is left at its default.

    A dataclass with a `repr` of its own is named by it.

    Examples
    --------
    >>> from quantml.features import MACD, RSI, Lag, Momentum
    >>> [feature_name(f) for f in (Momentum(252, skip=21), RSI(), MACD(signal=5), Lag(Momentum(21), 5))]
    ['Momentum(252, 21)', 'RSI()', 'MACD(signal=5)', 'Lag(Momentum(21), 5)']
    """
    if not is_dataclass(feature) or isinstance(feature, type):
        otherwise = described(feature) if isinstance(feature, functools.partial) else type(feature).__name__
        return str(getattr(feature, "__name__", otherwise))
    if not feature.__dataclass_params__.repr:
        return repr(feature)
    written: list[str] = []
    positional = True
    for part in (part for part in fields(feature) if part.init):
        value = getattr(feature, part.name)
        positional = positional and not part.kw_only and value != _default(part)
        if value != _default(part):
            written.append(write(value) if positional else f"{part.name}={write(value)}")
    return f"{type(feature).__name__}({', '.join(written)})"


def write(value: Any) -> str:
    """Write a parameter as it stands in a feature's name; a feature in it by its own name."""
    if isinstance(value, tuple):
        return f"({', '.join(write(part) for part in value)}{',' if len(value) == 1 else ''})"
    named = callable(value) and not isinstance(value, (type, Space))
    return feature_name(value) if named else repr(value)


def stated_warmup(feature: Feature) -> int:
    """Return the own bars before a feature's first value, as it states them; 0 for one that states none.

    Raises
    ------
    FeatureError
        If it states anything but a number of bars.
    """
    stated = getattr(feature, "warmup", 0)
    if not is_whole(stated, least=0):
        raise FeatureError(f"feature {feature_name(feature)}", must="state its warmup as a number of bars", got=stated)
    return int(stated)


def check_inner(owner: object, name: str) -> None:
    """Raise `ParameterError` unless the parameter `name` of `owner` is a feature, which `evaluate` can compute."""
    value: Any = getattr(owner, name)
    subject = f"{type(owner).__name__}.{name}"
    if isinstance(value, type):
        hint = f"Write {value.__name__}(...)."
        raise ParameterError(subject, must="be a feature, not a class", got=value.__name__, hint=hint)
    if not callable(value):
        raise ParameterError(subject, must="be a feature", got=value)


def evaluate(feature: Feature, bars: Bars) -> NDArray[np.float64]:
    """Compute one feature, shape (T, N), and check what it returned; a feature of other features calls it on them.

    Unlike in `build_features`, it may be NaN throughout.

    Raises
    ------
    FeatureError
        If the feature raises, or returns anything but a numeric frame with the bars' clock and symbols, finite or NaN.
    """
    name = feature_name(feature)
    try:
        returned = feature(bars)
    except InputError as error:
        raise FeatureError.with_text(f"feature {name}: {error}") from error
    except (Exception, SystemExit) as error:
        where = ", ".join(part for part in (_culprit(feature, bars, error), raised_at(error)) if part)
        raise FeatureError(f"feature {name} failed: {cause_of(error)}", where=where) from error
    return _checked(returned, f"feature {name}", bars)


def _key(feature: Feature) -> str | None:
    try:
        return digest(feature)
    except StudyError:  # user code that cannot be told from other code
        return None


def _kept(keys: Sequence[str | None], bars: Bars, reuse: Features | None) -> Kept | None:
    """Find what was built on these very bars by features of the same digests."""
    if reuse is None or reuse.origin is None or reuse.origin.bars() is not bars:
        return None
    held = {key: place for place, key in enumerate(reuse.origin.keys) if key is not None}
    return Kept(reuse.values, {place: held[key] for place, key in enumerate(keys) if key in held})


def _default(part: Field[Any]) -> Any:
    return part.default if part.default_factory is MISSING else part.default_factory()


def _names(features: Sequence[Feature]) -> tuple[str, ...]:
    if not isinstance(features, Sequence) or isinstance(features, str):
        raise FeatureError("features", must="be a sequence of features", got=features, hint="Write [...].")
    for feature in features:
        _check_feature(feature)
    names = tuple(feature_name(feature) for feature in features)
    for name in names:
        if names.count(name) > 1:
            hint = "Leave one out, or give a function a name of its own with def."
            raise FeatureError("features", must="have different names", got=f"{name} twice", hint=hint)
    return names


def _check_feature(feature: Any) -> None:
    if isinstance(feature, type):
        hint = f"Write {feature.__name__}(...)."
        raise FeatureError("a feature", must="be an object, not a class", got=feature.__name__, hint=hint)
    if not callable(feature):
        raise FeatureError("a feature", must="be callable with bars", got=feature)
    if spaces := find_spaces(feature):
        raise FeatureError(f"feature {feature_name(feature)}", must="have its search spaces resolved", got=[*spaces])


def _culprit(feature: Feature, bars: Bars, error: BaseException) -> str:
    """Name the symbol without which a feature does not raise, where there is one; symbols are halved to find it."""
    left, spared = np.arange(len(bars.symbols)), False
    while len(left) > 1:
        halves = [half for half in np.array_split(left, 2) if _raises_alike(feature, bars, half, error)]
        if not halves:
            return ""
        spared = spared or len(halves) == 1
        left = halves[0]
    return bars.symbols[left[0]] if spared else ""


def _raises_alike(feature: Feature, bars: Bars, columns: NDArray[np.intp], error: BaseException) -> bool:
    part = replace(
        bars,
        symbols=tuple(bars.symbols[column] for column in columns),
        quoted={name: panel[:, columns] for name, panel in bars.quoted.items()},
        split=bars.split[:, columns],
        dividend=bars.dividend[:, columns],
        closed=bars.closed[:, columns],
        own_periods_per_year=bars.own_periods_per_year[columns],
    )
    try:
        feature(part)
    except (Exception, SystemExit) as other:  # noqa: BLE001 - only whether it raises alike is asked
        return type(other) is type(error)
    return False


def _checked(returned: Any, subject: str, bars: Bars) -> NDArray[np.float64]:
    _check_shape(returned, subject, bars)
    odd = [t for t in returned.dtypes.unique() if not is_numeric_dtype(t) or is_complex_dtype(t)]
    if odd:
        raise FeatureError(subject, must="return numbers", got=str(odd[0]))
    values: NDArray[np.float64] = returned.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.isinf(values)
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        where = f"{bars.symbols[column]}, {bars.clock[row]:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
        raise FeatureError(subject, must="be finite or NaN", got=float(values[row, column]), where=where)
    return values


def _check_shape(returned: Any, subject: str, bars: Bars) -> None:
    if not isinstance(returned, pd.DataFrame):
        raise FeatureError(subject, must="return a DataFrame, time x symbol", got=type(returned).__name__)
    if not returned.index.equals(bars.clock):
        got = f"{len(returned)} rows, the bars have {len(bars)}"
        if len(returned) == len(bars):
            first = int(np.argmax(np.asarray(returned.index != bars.clock)))
            got = f"{returned.index[first]} where the bars have {bars.clock[first]}"
        raise FeatureError(subject, must="keep the clock of the bars", got=got)
    if tuple(returned.columns) != bars.symbols:
        hint = f"Expected {', '.join(bars.symbols[:8])}{', ...' if len(bars.symbols) > 8 else ''}."
        raise FeatureError(subject, must="keep the symbols of the bars", got=list(returned.columns[:8]), hint=hint)


def _nothing(subject: str, warmup: int | None, bars: Bars) -> FeatureError:
    history = int(bars.traded.sum(axis=0).max(initial=0))
    where = f"the longest history has {history} bars"
    if warmup is None or warmup < history:
        return FeatureError(subject, must="have a value somewhere", got="NaN throughout", where=where)
    hint = "Shorten its window, or give it more history."
    return FeatureError(subject, must="have a value somewhere", got="NaN throughout",
                        where=f"its warm-up is {warmup} bars, {where}", hint=hint)  # fmt: skip
