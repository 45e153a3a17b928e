"""What a team runs on a schedule: the next forecast, and new studies."""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = ["NextForecast", "forecast_next", "new_study"]

if TYPE_CHECKING:
    from quantml.operations.forecast import NextForecast as NextForecast
    from quantml.operations.forecast import forecast_next as forecast_next
    from quantml.operations.new import new_study as new_study
else:
    __getattr__, __dir__ = attach(
        __name__, {"NextForecast": "forecast", "forecast_next": "forecast", "new_study": "new"}
    )
