"""Features: functions of bars, time x symbol, computed on each symbol's own bars up to the time they are stamped.

A feature is any ``f(bars) -> DataFrame`` with the bars' clock and symbols. A function is enough; the ones here are
small frozen dataclasses because they have parameters, and a user's own class may be one too.
"""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = [
    "ATR",
    "MACD",
    "NATR",
    "RSI",
    "BollingerPosition",
    "DayOfWeek",
    "Feature",
    "Features",
    "LogReturns",
    "MACDHistogram",
    "MACDSignal",
    "Momentum",
    "Month",
    "MovingAverageRatio",
    "Outside",
    "RealisedVolatility",
    "Returns",
    "build_features",
    "feature_name",
]

if TYPE_CHECKING:
    from quantml.features.base import Feature as Feature
    from quantml.features.base import Features as Features
    from quantml.features.base import build_features as build_features
    from quantml.features.base import feature_name as feature_name
    from quantml.features.calendar import DayOfWeek as DayOfWeek
    from quantml.features.calendar import Month as Month
    from quantml.features.outside import Outside as Outside
    from quantml.features.price import LogReturns as LogReturns
    from quantml.features.price import Momentum as Momentum
    from quantml.features.price import MovingAverageRatio as MovingAverageRatio
    from quantml.features.price import Returns as Returns
    from quantml.features.technical import MACD as MACD
    from quantml.features.technical import RSI as RSI
    from quantml.features.technical import BollingerPosition as BollingerPosition
    from quantml.features.technical import MACDHistogram as MACDHistogram
    from quantml.features.technical import MACDSignal as MACDSignal
    from quantml.features.volatility import ATR as ATR
    from quantml.features.volatility import NATR as NATR
    from quantml.features.volatility import RealisedVolatility as RealisedVolatility
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "ATR": "volatility",
            "MACD": "technical",
            "NATR": "volatility",
            "RSI": "technical",
            "BollingerPosition": "technical",
            "DayOfWeek": "calendar",
            "Feature": "base",
            "Features": "base",
            "LogReturns": "price",
            "MACDHistogram": "technical",
            "MACDSignal": "technical",
            "Momentum": "price",
            "Month": "calendar",
            "MovingAverageRatio": "price",
            "Outside": "outside",
            "RealisedVolatility": "volatility",
            "Returns": "price",
            "build_features": "base",
            "feature_name": "base",
        },
    )
