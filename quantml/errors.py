"""Every exception that quantml raises on purpose.

::

    QuantmlError
    ├── InputError (also a ValueError)    something given is wrong: the command line exits with 2
    │   ├── ParameterError                a value that a class or function was called with
    │   ├── DataError                     bars, outside tables, samples, files
    │   │   └── Unreachable               a source that gives no answer now: offline, rate-limited, out of order
    │   ├── StudyError                    a study's declaration, or the file that holds it
    │   ├── FeatureError                  a feature's parameters or what it returned
    │   ├── TargetError                   a target that cannot be made or learned from
    │   ├── ForecastError                 a forecaster that cannot be fitted or read
    │   ├── SignalError                   weights that a signal step cannot produce or returned wrongly
    │   ├── SimulationError               weights, bars and costs that cannot be traded together
    │   ├── SplitError                    folds that cannot be laid on the clock
    │   └── StorageError                  a folder that cannot be written, a run that cannot be read
    ├── MissingExtra                      an optional package is not installed: exits with 2
    └── RunError                          the work itself failed: exits with 1
        ├── FoldError                     one fold failed
        └── WorkerError                   worker processes died too often
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Self, TypeGuard

_NOTHING = object()


class QuantmlError(Exception):
    """Root of the tree; its text reads ``<subject> must <rule>; got <value> (<where>). <hint>``.

    Parameters
    ----------
    subject : str
        The object or parameter that the sentence is about.
    must : str
        The rule that it breaks, read after the word "must". Without it, `subject` is the whole sentence.
    got : object, optional
        The offending value.
    where : str
        The place: symbol, time, fold.
    hint : str
        The nearest valid value, or what to do.

    Examples
    --------
    >>> print(ParameterError("RSI.window", must="be at least 2", got=1))
    RSI.window must be at least 2; got 1.
    """

    def __init__(self, subject: str, must: str = "", *, got: Any = _NOTHING, where: str = "", hint: str = "") -> None:
        sentence = f"{subject} must {must}" if must else subject
        if got is not _NOTHING:
            sentence += f"; got {got if isinstance(got, str) and must == '' else repr(got)}"
        if where:
            sentence += f" ({where})"
        sentence = sentence if sentence.endswith((".", "!", "?")) else sentence + "."
        super().__init__(f"{sentence} {hint}".strip())

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), str(self), self.__dict__.copy())

    @classmethod
    def with_text(cls, text: str) -> Self:
        """Make an error whose text is already a finished sentence."""
        error = cls.__new__(cls)
        Exception.__init__(error, text)
        return error


def _rebuild(cls: type[QuantmlError], text: str, state: dict[str, Any]) -> QuantmlError:
    error = cls.with_text(text)
    error.__dict__.update(state)
    return error


class InputError(QuantmlError, ValueError):
    """Something that was given is wrong."""


class ParameterError(InputError):
    """A parameter is out of range, of the wrong type, or misspelt."""


class DataError(InputError):
    """Bars, an outside table, a sample or a file is not what it must be."""


class Unreachable(DataError):
    """A source gives no answer now; the same question may be answered later."""


class StudyError(InputError):
    """A study's declaration, or the file that holds it, is wrong."""


class FeatureError(InputError):
    """A feature cannot be computed, or returned the wrong thing."""


class TargetError(InputError):
    """A target cannot be made, or cannot be learned from."""


class ForecastError(InputError):
    """A forecaster cannot be fitted, or its forecasts cannot be read."""


class SignalError(InputError):
    """A signal step cannot produce weights, or returned the wrong thing."""


class SimulationError(InputError):
    """Weights, bars and costs cannot be traded together."""


class SplitError(InputError):
    """Folds cannot be laid on the clock."""


class StorageError(InputError):
    """A folder cannot be written, or a saved run cannot be read."""


class MissingExtra(QuantmlError):
    """An optional package is not installed."""

    @classmethod
    def of(cls, extra: str, package: str) -> MissingExtra:
        """Name the extra that brings `package`."""
        return cls(f"{package} is not installed", hint=f"Install it with: pip install 'quantml[{extra}]'.")


class RunError(QuantmlError):
    """The work itself failed."""


class FoldError(RunError):
    """One fold failed; the text names the fold, the configuration and the cause."""


class WorkerError(RunError):
    """Worker processes died more often than they are restarted."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest the nearest of `known`, or list them all.

    >>> did_you_mean("windw", ["window", "skip"])
    "Did you mean 'window'?"
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names)}."


def check(holds: bool, subject: str, must: str, got: Any, *, error: type[InputError] = ParameterError) -> None:
    """Raise `error` unless `holds`; the one-line form of most parameter checks."""
    if not holds:
        raise error(subject, must, got=got)


def is_whole(value: object, least: int | None = None) -> TypeGuard[int]:
    """Say whether `value` is a whole number, Python's or NumPy's, of at least `least`; a bool is none.

    >>> is_whole(3, least=1), is_whole(3.0), is_whole(True)
    (True, False, False)
    """
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return whole and (least is None or int(value) >= least)  # type: ignore[call-overload]


def is_finite(value: object) -> TypeGuard[float]:
    """Say whether `value` is a finite real number, Python's or NumPy's; a bool is none.

    >>> is_finite(0.5), is_finite(float("nan")), is_finite("1")
    (True, False, False)
    """
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def check_whole(subject: str, value: object, least: int | None = None) -> int:
    """Return `value` as an int; raise `ParameterError` unless it is a whole number of at least `least`.

    >>> check_whole("Tuning.folds", 3, least=1)
    3
    """
    must = "be a whole number" + ("" if least is None else f" of at least {least}")
    check(is_whole(value, least), subject, must, value)
    return int(value)  # type: ignore[call-overload, no-any-return]


def check_finite(subject: str, value: object) -> float:
    """Return `value` as a float; raise `ParameterError` unless it is a finite number."""
    check(is_finite(value), subject, "be a finite number", value)
    return float(value)  # type: ignore[arg-type]
