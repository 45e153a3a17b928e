"""Quality: what is wrong with data, said with evidence, and what a study chose to do about it."""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = [
    "RULES",
    "DropBar",
    "EarlyEnd",
    "Finding",
    "Findings",
    "ForwardFill",
    "FutureBar",
    "HolidayBar",
    "LateStart",
    "Market",
    "MissingSession",
    "OutsideHours",
    "OwnBars",
    "Quality",
    "QuarantineSymbol",
    "Raise",
    "RepeatedBar",
    "RepeatedOpens",
    "Rule",
    "Severity",
    "ShiftedDates",
    "ShiftedHours",
    "Spike",
    "SplitMismatch",
    "StaleRun",
    "UnadjustedSplit",
    "UnitFlip",
    "WeekendBar",
    "ZeroVolume",
    "check_frame",
    "check_quality",
    "find_runs",
]

if TYPE_CHECKING:
    from quantml.loaders.quality.check import RULES as RULES
    from quantml.loaders.quality.check import check_frame as check_frame
    from quantml.loaders.quality.check import check_quality as check_quality
    from quantml.loaders.quality.findings import Finding as Finding
    from quantml.loaders.quality.findings import Findings as Findings
    from quantml.loaders.quality.findings import Severity as Severity
    from quantml.loaders.quality.jumps import Spike as Spike
    from quantml.loaders.quality.jumps import SplitMismatch as SplitMismatch
    from quantml.loaders.quality.jumps import UnadjustedSplit as UnadjustedSplit
    from quantml.loaders.quality.jumps import UnitFlip as UnitFlip
    from quantml.loaders.quality.market import Market as Market
    from quantml.loaders.quality.own_bars import OwnBars as OwnBars
    from quantml.loaders.quality.own_bars import find_runs as find_runs
    from quantml.loaders.quality.policies import DropBar as DropBar
    from quantml.loaders.quality.policies import ForwardFill as ForwardFill
    from quantml.loaders.quality.policies import Quality as Quality
    from quantml.loaders.quality.policies import QuarantineSymbol as QuarantineSymbol
    from quantml.loaders.quality.policies import Raise as Raise
    from quantml.loaders.quality.prices import RepeatedBar as RepeatedBar
    from quantml.loaders.quality.prices import RepeatedOpens as RepeatedOpens
    from quantml.loaders.quality.prices import StaleRun as StaleRun
    from quantml.loaders.quality.prices import ZeroVolume as ZeroVolume
    from quantml.loaders.quality.rule import Rule as Rule
    from quantml.loaders.quality.sessions import EarlyEnd as EarlyEnd
    from quantml.loaders.quality.sessions import FutureBar as FutureBar
    from quantml.loaders.quality.sessions import HolidayBar as HolidayBar
    from quantml.loaders.quality.sessions import LateStart as LateStart
    from quantml.loaders.quality.sessions import MissingSession as MissingSession
    from quantml.loaders.quality.sessions import OutsideHours as OutsideHours
    from quantml.loaders.quality.sessions import ShiftedDates as ShiftedDates
    from quantml.loaders.quality.sessions import ShiftedHours as ShiftedHours
    from quantml.loaders.quality.sessions import WeekendBar as WeekendBar
else:
    _MODULES = {
        "check": ("RULES", "check_frame", "check_quality"),
        "findings": ("Finding", "Findings", "Severity"),
        "jumps": ("Spike", "SplitMismatch", "UnadjustedSplit", "UnitFlip"),
        "market": ("Market",),
        "own_bars": ("OwnBars", "find_runs"),
        "policies": ("DropBar", "ForwardFill", "Quality", "QuarantineSymbol", "Raise"),
        "prices": ("RepeatedBar", "RepeatedOpens", "StaleRun", "ZeroVolume"),
        "rule": ("Rule",),
        "sessions": ("EarlyEnd", "FutureBar", "HolidayBar", "LateStart", "MissingSession", "OutsideHours",
                     "ShiftedDates", "ShiftedHours", "WeekendBar"),
    }  # fmt: skip
    __getattr__, __dir__ = attach(__name__, {name: module for module, names in _MODULES.items() for name in names})
