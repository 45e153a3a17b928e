"""How a finished run's result hangs on what it could not know: costs, delay, size, borrow, bands and thresholds.

`sensitivity` keeps the account of a run again, hundreds of times, on the decisions that the run saved: nothing is
fitted or forecast anew.
"""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = ["Axes", "Sensitivity", "sensitivity"]

if TYPE_CHECKING:
    from quantml.sensitivities.axes import Axes as Axes
    from quantml.sensitivities.whole import Sensitivity as Sensitivity
    from quantml.sensitivities.whole import sensitivity as sensitivity
else:
    __getattr__, __dir__ = attach(
        __name__,
        {"Axes": "axes", "Sensitivity": "whole", "sensitivity": "whole"},
    )
