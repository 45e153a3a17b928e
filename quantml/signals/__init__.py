"""From forecasts to weights: rules make them, sizing, allocation and limits change them."""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = [
    "BenchmarkRelative",
    "BlackLitterman",
    "Cap",
    "CointegratedPairs",
    "Context",
    "CostAwareRebalance",
    "EqualWeight",
    "EwmaCovariance",
    "Exposure",
    "Follow",
    "GroupCap",
    "HierarchicalRiskParity",
    "Hysteresis",
    "InverseVolatility",
    "KalmanHedge",
    "Kelly",
    "LedoitWolf",
    "MeanVariance",
    "MinimumShortfall",
    "MinimumVariance",
    "MovingAverageCross",
    "NoTradeBand",
    "OlsHedge",
    "Optimised",
    "PairSpread",
    "Proportional",
    "RankLongShort",
    "Rebalance",
    "RiskParity",
    "SampleCovariance",
    "Sign",
    "Step",
    "TopK",
    "TurnoverCap",
    "VolatilityTarget",
    "Weights",
    "apply_steps",
]

if TYPE_CHECKING:
    from quantml.signals.allocation import EqualWeight as EqualWeight
    from quantml.signals.allocation import HierarchicalRiskParity as HierarchicalRiskParity
    from quantml.signals.allocation import InverseVolatility as InverseVolatility
    from quantml.signals.allocation import MinimumVariance as MinimumVariance
    from quantml.signals.allocation import RiskParity as RiskParity
    from quantml.signals.base import Context as Context
    from quantml.signals.base import Step as Step
    from quantml.signals.base import Weights as Weights
    from quantml.signals.base import apply_steps as apply_steps
    from quantml.signals.betting import Kelly as Kelly
    from quantml.signals.covariance import EwmaCovariance as EwmaCovariance
    from quantml.signals.covariance import LedoitWolf as LedoitWolf
    from quantml.signals.covariance import SampleCovariance as SampleCovariance
    from quantml.signals.following import Follow as Follow
    from quantml.signals.groups import GroupCap as GroupCap
    from quantml.signals.hedges import KalmanHedge as KalmanHedge
    from quantml.signals.hedges import OlsHedge as OlsHedge
    from quantml.signals.hysteresis import Hysteresis as Hysteresis
    from quantml.signals.limits import Cap as Cap
    from quantml.signals.limits import Rebalance as Rebalance
    from quantml.signals.optimised import MinimumShortfall as MinimumShortfall
    from quantml.signals.optimised import Optimised as Optimised
    from quantml.signals.pairs import CointegratedPairs as CointegratedPairs
    from quantml.signals.pairs import PairSpread as PairSpread
    from quantml.signals.rebalancing import CostAwareRebalance as CostAwareRebalance
    from quantml.signals.rebalancing import NoTradeBand as NoTradeBand
    from quantml.signals.rebalancing import TurnoverCap as TurnoverCap
    from quantml.signals.rules import MovingAverageCross as MovingAverageCross
    from quantml.signals.rules import Proportional as Proportional
    from quantml.signals.rules import RankLongShort as RankLongShort
    from quantml.signals.rules import Sign as Sign
    from quantml.signals.scaling import BenchmarkRelative as BenchmarkRelative
    from quantml.signals.scaling import Exposure as Exposure
    from quantml.signals.selection import TopK as TopK
    from quantml.signals.sizing import VolatilityTarget as VolatilityTarget
    from quantml.signals.utility import BlackLitterman as BlackLitterman
    from quantml.signals.utility import MeanVariance as MeanVariance
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "BenchmarkRelative": "scaling",
            "BlackLitterman": "utility",
            "Cap": "limits",
            "CointegratedPairs": "pairs",
            "Context": "base",
            "CostAwareRebalance": "rebalancing",
            "EqualWeight": "allocation",
            "EwmaCovariance": "covariance",
            "Exposure": "scaling",
            "Follow": "following",
            "GroupCap": "groups",
            "HierarchicalRiskParity": "allocation",
            "Hysteresis": "hysteresis",
            "InverseVolatility": "allocation",
            "KalmanHedge": "hedges",
            "Kelly": "betting",
            "LedoitWolf": "covariance",
            "MeanVariance": "utility",
            "MinimumShortfall": "optimised",
            "MinimumVariance": "allocation",
            "MovingAverageCross": "rules",
            "NoTradeBand": "rebalancing",
            "OlsHedge": "hedges",
            "Optimised": "optimised",
            "PairSpread": "pairs",
            "Proportional": "rules",
            "RankLongShort": "rules",
            "Rebalance": "limits",
            "RiskParity": "allocation",
            "SampleCovariance": "covariance",
            "Sign": "rules",
            "Step": "base",
            "TopK": "selection",
            "TurnoverCap": "rebalancing",
            "VolatilityTarget": "sizing",
            "Weights": "base",
            "apply_steps": "base",
        },
    )
