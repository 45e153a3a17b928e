"""From forecasts to weights: rules make them, sizing and limits change them."""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = [
    "Cap",
    "Context",
    "Follow",
    "MovingAverageCross",
    "Proportional",
    "RankLongShort",
    "Rebalance",
    "Sign",
    "Step",
    "VolatilityTarget",
    "Weights",
    "apply_steps",
]

if TYPE_CHECKING:
    from quantml.signals.base import Context as Context
    from quantml.signals.base import Step as Step
    from quantml.signals.base import Weights as Weights
    from quantml.signals.base import apply_steps as apply_steps
    from quantml.signals.following import Follow as Follow
    from quantml.signals.limits import Cap as Cap
    from quantml.signals.limits import Rebalance as Rebalance
    from quantml.signals.rules import MovingAverageCross as MovingAverageCross
    from quantml.signals.rules import Proportional as Proportional
    from quantml.signals.rules import RankLongShort as RankLongShort
    from quantml.signals.rules import Sign as Sign
    from quantml.signals.sizing import VolatilityTarget as VolatilityTarget
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Cap": "limits",
            "Context": "base",
            "Follow": "following",
            "MovingAverageCross": "rules",
            "Proportional": "rules",
            "RankLongShort": "rules",
            "Rebalance": "limits",
            "Sign": "rules",
            "Step": "base",
            "VolatilityTarget": "sizing",
            "Weights": "base",
            "apply_steps": "base",
        },
    )
