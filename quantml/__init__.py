"""Walk-forward evaluation of forecast-driven trading strategies."""

import logging
from typing import TYPE_CHECKING

from quantml.lazy import attach

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())

__all__ = [
    "Bars",
    "CashRate",
    "Choice",
    "CombinatorialPurged",
    "Converted",
    "Costs",
    "Exogenous",
    "Fill",
    "Forecast",
    "Integer",
    "OneStandardError",
    "Plateau",
    "Real",
    "Run",
    "Simulation",
    "Study",
    "Tuning",
    "WalkForward",
    "accuracy",
    "audit",
    "buy_and_hold",
    "convert",
    "features",
    "forecasters",
    "inference",
    "kernel",
    "load_run",
    "load_study",
    "loaders",
    "metrics",
    "overfitting",
    "rule",
    "run",
    "sensitivity",
    "signals",
    "simulate",
    "sweep",
    "targets",
    "walk_forward_matrix",
]

if TYPE_CHECKING:
    from quantml import features as features
    from quantml import forecasters as forecasters
    from quantml import loaders as loaders
    from quantml import signals as signals
    from quantml import targets as targets
    from quantml.bars import Bars as Bars
    from quantml.cash import CashRate as CashRate
    from quantml.currency import Converted as Converted
    from quantml.currency import convert as convert
    from quantml.evaluation import accuracy as accuracy
    from quantml.evaluation import inference as inference
    from quantml.evaluation import metrics as metrics
    from quantml.exogenous import Exogenous as Exogenous
    from quantml.forecasters.base import Forecast as Forecast
    from quantml.kernels import kernel as kernel
    from quantml.reports.matrix import walk_forward_matrix as walk_forward_matrix
    from quantml.reports.publish import run as run
    from quantml.runs import Run as Run
    from quantml.runs import load_run as load_run
    from quantml.sensitivities.whole import sensitivity as sensitivity
    from quantml.simulation.costs import Costs as Costs
    from quantml.simulation.simulator import Simulation as Simulation
    from quantml.simulation.simulator import buy_and_hold as buy_and_hold
    from quantml.simulation.simulator import simulate as simulate
    from quantml.simulation.sweeps.rules import rule as rule
    from quantml.simulation.sweeps.tables import sweep as sweep
    from quantml.space import Choice as Choice
    from quantml.space import Integer as Integer
    from quantml.space import Real as Real
    from quantml.study import Study as Study
    from quantml.study_file import load_study as load_study
    from quantml.timing import Fill as Fill
    from quantml.validation.audit.whole import audit as audit
    from quantml.validation.choosing import OneStandardError as OneStandardError
    from quantml.validation.choosing import Plateau as Plateau
    from quantml.validation.overfitting import overfitting as overfitting
    from quantml.validation.splits import CombinatorialPurged as CombinatorialPurged
    from quantml.validation.splits import WalkForward as WalkForward
    from quantml.validation.tuning import Tuning as Tuning
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Bars": "bars",
            "CashRate": "cash",
            "Choice": "space",
            "CombinatorialPurged": "validation.splits",
            "Converted": "currency",
            "Costs": "simulation.costs",
            "Exogenous": "exogenous",
            "Fill": "timing",
            "Forecast": "forecasters.base",
            "Integer": "space",
            "OneStandardError": "validation.choosing",
            "Plateau": "validation.choosing",
            "Real": "space",
            "Run": "runs",
            "Simulation": "simulation.simulator",
            "Study": "study",
            "Tuning": "validation.tuning",
            "WalkForward": "validation.splits",
            "accuracy": ".evaluation.accuracy",
            "audit": "validation.audit.whole",
            "buy_and_hold": "simulation.simulator",
            "convert": "currency",
            "features": ".features",
            "forecasters": ".forecasters",
            "inference": ".evaluation.inference",
            "kernel": "kernels",
            "load_run": "runs",
            "load_study": "study_file",
            "loaders": ".loaders",
            "metrics": ".evaluation.metrics",
            "overfitting": "validation.overfitting",
            "rule": "simulation.sweeps.rules",
            "run": "reports.publish",
            "sensitivity": "sensitivities.whole",
            "signals": ".signals",
            "simulate": "simulation.simulator",
            "sweep": "simulation.sweeps.tables",
            "targets": ".targets",
            "walk_forward_matrix": "reports.matrix",
        },
    )
