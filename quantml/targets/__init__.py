"""What is forecast: each target's values, and the bar at whose close each value is known.

A target counts its horizon in the symbol's own bars, so that a pause is no return, or in the periods of an outside
table; where its label ends is told on the panel clock. With ``start="fill"`` it is measured from the price at which
a decision at t is executed, with ``start="close"`` from the close of t. What is not yet known is NaN, never a
default class.

A target that reaches past the end of a delisted symbol takes the price at which what is held of it is closed, and its
label ends there: on the first row without a bar at or after the recorded delisting, at the last close times one plus
the delisting return, or `quantml.universe.DELIST_AFTER` sessions after the last bar at the last close, whichever comes
first. Bars that return later belong to another listing.
"""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = [
    "ActiveReturn",
    "Column",
    "Direction",
    "ExcessReturn",
    "ForwardDrawdown",
    "ForwardReturn",
    "MetaLabel",
    "RankReturn",
    "RealisedVolatility",
    "ResidualReturn",
    "Target",
    "TargetRule",
    "TripleBarrier",
    "VolatilityScaledReturn",
    "latest_known",
]

if TYPE_CHECKING:
    from quantml.targets.barrier import TripleBarrier as TripleBarrier
    from quantml.targets.base import Target as Target
    from quantml.targets.base import TargetRule as TargetRule
    from quantml.targets.base import latest_known as latest_known
    from quantml.targets.column import Column as Column
    from quantml.targets.direction import Direction as Direction
    from quantml.targets.direction import MetaLabel as MetaLabel
    from quantml.targets.drawdown import ForwardDrawdown as ForwardDrawdown
    from quantml.targets.relative import ActiveReturn as ActiveReturn
    from quantml.targets.relative import ExcessReturn as ExcessReturn
    from quantml.targets.relative import RankReturn as RankReturn
    from quantml.targets.relative import ResidualReturn as ResidualReturn
    from quantml.targets.returns import ForwardReturn as ForwardReturn
    from quantml.targets.returns import VolatilityScaledReturn as VolatilityScaledReturn
    from quantml.targets.volatility import RealisedVolatility as RealisedVolatility
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "ActiveReturn": "relative",
            "Column": "column",
            "Direction": "direction",
            "ExcessReturn": "relative",
            "ForwardDrawdown": "drawdown",
            "ForwardReturn": "returns",
            "MetaLabel": "direction",
            "RankReturn": "relative",
            "RealisedVolatility": "volatility",
            "ResidualReturn": "relative",
            "Target": "base",
            "TargetRule": "base",
            "TripleBarrier": "barrier",
            "VolatilityScaledReturn": "returns",
            "latest_known": "base",
        },
    )
