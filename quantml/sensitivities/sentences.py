"""What fails first, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from quantml.sensitivities.readings import Failure


def sentence_of(own: float, failures: Sequence[Failure]) -> str:
    """Say what fails first.

    Parameters
    ----------
    own : float
        The run's own net Sharpe ratio; NaN where it has none.
    failures : sequence of Failure
        The first one first.
    """
    if math.isnan(own):
        return "The run has nothing to lose: it never traded, and has no Sharpe ratio."
    if not own > 0.0:
        return f"The run has nothing to lose: its net Sharpe ratio is {own:.2f} as declared."
    fails = [failure for failure in failures if failure.fails_after is not None]
    if fails:
        first = fails[0]
        what, where = f"{named(first.axis)} {_verb(first.axis, 'fail')}", condition(first.axis, first.fails_at)
        return f"{what} first: {_given(first)}the net Sharpe ratio is {first.sharpe_ratio:.2f} {where}, from {own:.2f}."
    nothing = f"Nothing that was tried brings the net Sharpe ratio of {own:.2f} to zero"
    halved = sorted((one for one in failures if one.halved_after is not None), key=lambda one: one.halved_after or 0)
    if not halved:
        return f"{nothing}, or even to half."
    axis, where = halved[0].axis, condition(halved[0].axis, halved[0].halved_at)
    return f"{nothing}; {_given(halved[0])}{named(axis).lower()} {_verb(axis, 'halve')} it first, {where}."


def _given(failure: Failure) -> str:
    return "with impact assumed, " if failure.assumed else ""


def named(axis: str) -> str:
    """Name an axis.

    >>> named("borrow_bps")
    'Borrow'
    """
    return axis.removesuffix("_bps").capitalize()


def _verb(axis: str, verb: str) -> str:
    return verb if axis == "costs" else f"{verb}s"


def condition(axis: str, value: Any) -> str:
    """Say a value of an axis, to stand after a verb.

    >>> condition("delay", 1), condition("costs", 2.5), condition("participation", None)
    ('with decisions 1 bar later', 'at 2.5 times the declared costs', 'without a limit on participation')
    """
    if value is None:
        return "without a limit on participation" if axis == "participation" else f"with the {axis} as chosen"
    texts = {
        "costs": f"at {value:g} times the declared costs",
        "delay": f"with decisions {value} bar{'' if value == 1 else 's'} later",
        "participation": f"at no more than {100.0 * value:g} % of a bar's volume",
        "impact": f"with an assumed impact coefficient of {value:g}",
        "capital": f"with a capital of {value:,.0f}",
        "borrow_bps": f"with borrow at {value:g} basis points per year",
        "band": f"with a band of {value:g}",
        "threshold": f"with a threshold of {value:g}",
    }
    return texts[axis]
