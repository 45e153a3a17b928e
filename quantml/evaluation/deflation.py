"""A Sharpe ratio held against the number of variants that were tried before it was shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from quantml.evaluation.series import excess_over
from quantml.evaluation.sharpe import deflated_sharpe_ratio, expected_maximum_sharpe


@dataclass(frozen=True)
class Deflation:
    """What the record of trials takes off a result.

    Parameters
    ----------
    trials : int
        Number N of recorded trials that the result is one of, itself included.
    variance : float
        Variance V of their Sharpe ratios, per period of the result; 0 where there is only one.
    expected_maximum : float
        Annual Sharpe ratio that the best of N trials is expected to show where none is worth anything.
    deflated_sharpe_ratio : float
        Probability that the true Sharpe ratio is above that; NaN where the returns do not vary.
    record : str
        SHA-256 of what was read of the record.
    looks : tuple of str
        Of an opened lockbox: who had seen its stretch before, a sentence each.
    """

    trials: int
    variance: float
    expected_maximum: float
    deflated_sharpe_ratio: float
    record: str
    looks: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Deflation:
        """Rebuild it from `dataclasses.asdict`, also after JSON, where NaN became null."""
        known: dict[str, Any] = {name: math.nan if part is None else part for name, part in content.items()}
        return cls(**{**known, "looks": tuple(content["looks"])})

    @property
    def sentence(self) -> str:
        """What it says, for a reader who knows no statistics."""
        if self.trials == 1:
            return "No other variant on record has seen these data."
        told = (
            f"It is one of {self.trials:,} variants on record that have seen these data. By luck alone, were none of"
            " them worth anything, the best of so many is expected to show a"
            f" Sharpe ratio of {self.expected_maximum:.2f}"
        )
        if math.isnan(self.deflated_sharpe_ratio):
            return f"{told}."
        share = 100.0 * self.deflated_sharpe_ratio
        return f"{told}; that its true one is above that has a probability of {share:.0f} % (deflated Sharpe ratio)."


def deflate(
    returns: ArrayLike,
    sharpe_ratios: Sequence[float],
    *,
    periods_per_year: float,
    record: str,
    risk_free: ArrayLike = 0.0,
    looks: Sequence[str] = (),
) -> Deflation:
    """Hold a result against the trials that it is one of.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple returns of the result.
    sharpe_ratios : sequence of float
        Annual Sharpe ratios of all trials, its own included.
    periods_per_year : float
        Periods of the result in a year.
    record : str
        Hash of what was read.
    risk_free : float or array_like, shape (T,)
        What cash earned, per period.
    looks : sequence of str

    Examples
    --------
    >>> found = deflate([0.02, -0.01, 0.03, 0.0], [1.0, 3.0], periods_per_year=12, record="")
    >>> found.trials, round(found.variance, 4), round(found.expected_maximum, 4)
    (2, 0.1667, 0.735)
    """
    variance = float(np.var(sharpe_ratios, ddof=1)) if len(sharpe_ratios) > 1 else 0.0
    per_period = variance / periods_per_year
    beyond = excess_over(returns, risk_free)
    return Deflation(
        trials=len(sharpe_ratios),
        variance=per_period,
        expected_maximum=expected_maximum_sharpe(len(sharpe_ratios), variance=variance),
        deflated_sharpe_ratio=deflated_sharpe_ratio(beyond, trials=len(sharpe_ratios), variance=per_period),
        record=record,
        looks=tuple(looks),
    )
