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
    "Amihud",
    "Autocorrelation",
    "Bins",
    "BollingerPosition",
    "Category",
    "CorwinSchultzSpread",
    "Cosine",
    "CrossSectionRank",
    "CrossSectionZScore",
    "DayOfWeek",
    "Demeaned",
    "Difference",
    "DistanceToHigh",
    "DistanceToLow",
    "DollarVolume",
    "Entropy",
    "EwmaVolatility",
    "Feature",
    "Features",
    "FractionalDifference",
    "GarmanKlass",
    "Hurst",
    "InCategory",
    "Kurtosis",
    "Lag",
    "LogReturns",
    "MACDHistogram",
    "MACDSignal",
    "Momentum",
    "Month",
    "Monthly",
    "MovingAverageRatio",
    "Outside",
    "Parkinson",
    "PermutationEntropy",
    "Power",
    "Product",
    "Quantile",
    "QuantileBins",
    "RealisedVolatility",
    "RelativeVolume",
    "ResidualVolatility",
    "Returns",
    "RogersSatchell",
    "RollSpread",
    "RollingBeta",
    "RollingResidual",
    "SessionsToExpiry",
    "SessionsToHoliday",
    "Sine",
    "Skewness",
    "TALib",
    "TrendTStatistic",
    "TurnOfMonth",
    "Turnover",
    "VolatilityOfVolatility",
    "Weekly",
    "YangZhang",
    "build_features",
    "feature_name",
    "one_hot",
    "polynomial",
]

if TYPE_CHECKING:
    from quantml.features.base import Feature as Feature
    from quantml.features.base import Features as Features
    from quantml.features.base import build_features as build_features
    from quantml.features.base import feature_name as feature_name
    from quantml.features.binning import Bins as Bins
    from quantml.features.binning import QuantileBins as QuantileBins
    from quantml.features.calendar import DayOfWeek as DayOfWeek
    from quantml.features.calendar import Month as Month
    from quantml.features.calendar import SessionsToExpiry as SessionsToExpiry
    from quantml.features.calendar import SessionsToHoliday as SessionsToHoliday
    from quantml.features.calendar import TurnOfMonth as TurnOfMonth
    from quantml.features.cross_section import CrossSectionRank as CrossSectionRank
    from quantml.features.cross_section import CrossSectionZScore as CrossSectionZScore
    from quantml.features.cross_section import Demeaned as Demeaned
    from quantml.features.derived import Cosine as Cosine
    from quantml.features.derived import Difference as Difference
    from quantml.features.derived import Lag as Lag
    from quantml.features.derived import Power as Power
    from quantml.features.derived import Product as Product
    from quantml.features.derived import Sine as Sine
    from quantml.features.derived import polynomial as polynomial
    from quantml.features.distribution import Autocorrelation as Autocorrelation
    from quantml.features.distribution import Entropy as Entropy
    from quantml.features.distribution import Hurst as Hurst
    from quantml.features.distribution import Kurtosis as Kurtosis
    from quantml.features.distribution import PermutationEntropy as PermutationEntropy
    from quantml.features.distribution import Quantile as Quantile
    from quantml.features.distribution import Skewness as Skewness
    from quantml.features.factor import ResidualVolatility as ResidualVolatility
    from quantml.features.factor import RollingBeta as RollingBeta
    from quantml.features.factor import RollingResidual as RollingResidual
    from quantml.features.fractional import FractionalDifference as FractionalDifference
    from quantml.features.groups import Category as Category
    from quantml.features.groups import InCategory as InCategory
    from quantml.features.groups import one_hot as one_hot
    from quantml.features.indicators import TALib as TALib
    from quantml.features.liquidity import Amihud as Amihud
    from quantml.features.liquidity import CorwinSchultzSpread as CorwinSchultzSpread
    from quantml.features.liquidity import DollarVolume as DollarVolume
    from quantml.features.liquidity import RelativeVolume as RelativeVolume
    from quantml.features.liquidity import RollSpread as RollSpread
    from quantml.features.liquidity import Turnover as Turnover
    from quantml.features.outside import Outside as Outside
    from quantml.features.price import DistanceToHigh as DistanceToHigh
    from quantml.features.price import DistanceToLow as DistanceToLow
    from quantml.features.price import LogReturns as LogReturns
    from quantml.features.price import Momentum as Momentum
    from quantml.features.price import MovingAverageRatio as MovingAverageRatio
    from quantml.features.price import Returns as Returns
    from quantml.features.price import TrendTStatistic as TrendTStatistic
    from quantml.features.technical import MACD as MACD
    from quantml.features.technical import RSI as RSI
    from quantml.features.technical import BollingerPosition as BollingerPosition
    from quantml.features.technical import MACDHistogram as MACDHistogram
    from quantml.features.technical import MACDSignal as MACDSignal
    from quantml.features.timeframe import Monthly as Monthly
    from quantml.features.timeframe import Weekly as Weekly
    from quantml.features.volatility import ATR as ATR
    from quantml.features.volatility import NATR as NATR
    from quantml.features.volatility import EwmaVolatility as EwmaVolatility
    from quantml.features.volatility import GarmanKlass as GarmanKlass
    from quantml.features.volatility import Parkinson as Parkinson
    from quantml.features.volatility import RealisedVolatility as RealisedVolatility
    from quantml.features.volatility import RogersSatchell as RogersSatchell
    from quantml.features.volatility import VolatilityOfVolatility as VolatilityOfVolatility
    from quantml.features.volatility import YangZhang as YangZhang
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "ATR": "volatility",
            "Amihud": "liquidity",
            "Autocorrelation": "distribution",
            "Bins": "binning",
            "BollingerPosition": "technical",
            "Category": "groups",
            "CorwinSchultzSpread": "liquidity",
            "Cosine": "derived",
            "CrossSectionRank": "cross_section",
            "CrossSectionZScore": "cross_section",
            "DayOfWeek": "calendar",
            "Demeaned": "cross_section",
            "Difference": "derived",
            "DistanceToHigh": "price",
            "DistanceToLow": "price",
            "DollarVolume": "liquidity",
            "Entropy": "distribution",
            "EwmaVolatility": "volatility",
            "Feature": "base",
            "Features": "base",
            "FractionalDifference": "fractional",
            "GarmanKlass": "volatility",
            "Hurst": "distribution",
            "InCategory": "groups",
            "Kurtosis": "distribution",
            "Lag": "derived",
            "LogReturns": "price",
            "MACD": "technical",
            "MACDHistogram": "technical",
            "MACDSignal": "technical",
            "Momentum": "price",
            "Month": "calendar",
            "Monthly": "timeframe",
            "MovingAverageRatio": "price",
            "NATR": "volatility",
            "Outside": "outside",
            "Parkinson": "volatility",
            "PermutationEntropy": "distribution",
            "Power": "derived",
            "Product": "derived",
            "Quantile": "distribution",
            "QuantileBins": "binning",
            "RSI": "technical",
            "RealisedVolatility": "volatility",
            "RelativeVolume": "liquidity",
            "ResidualVolatility": "factor",
            "Returns": "price",
            "RogersSatchell": "volatility",
            "RollSpread": "liquidity",
            "RollingBeta": "factor",
            "RollingResidual": "factor",
            "SessionsToExpiry": "calendar",
            "SessionsToHoliday": "calendar",
            "Sine": "derived",
            "Skewness": "distribution",
            "TALib": "indicators",
            "TrendTStatistic": "price",
            "TurnOfMonth": "calendar",
            "Turnover": "liquidity",
            "VolatilityOfVolatility": "volatility",
            "Weekly": "timeframe",
            "YangZhang": "volatility",
            "build_features": "base",
            "feature_name": "base",
            "one_hot": "groups",
            "polynomial": "derived",
        },
    )
