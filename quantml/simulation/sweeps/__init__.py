"""Sweeps: a rule over every combination of its parameters, at the speed of memory.

`sweep` gives one row per combination, `sweep_returns` the returns of chosen ones. A rule is `AverageCross`, or any
function over arrays decorated with `rule`.
"""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = ["AverageCross", "NotCompiled", "rule", "sweep", "sweep_returns"]

if TYPE_CHECKING:
    from quantml.simulation.sweeps.crosses import AverageCross as AverageCross
    from quantml.simulation.sweeps.drivers import NotCompiled as NotCompiled
    from quantml.simulation.sweeps.rules import rule as rule
    from quantml.simulation.sweeps.tables import sweep as sweep
    from quantml.simulation.sweeps.tables import sweep_returns as sweep_returns
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "AverageCross": "crosses",
            "NotCompiled": "drivers",
            "rule": "rules",
            "sweep": "tables",
            "sweep_returns": "tables",
        },
    )
