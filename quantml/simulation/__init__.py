"""Weights in, a simulation whose books balance on every bar out.

`simulate` trades weights or `Orders` on bars under `Costs` and returns a `Simulation`; `Execution`, `Margin`, stops and
`Rebalancing` say how, and `Simulator` holds them for a study. `buy_and_hold` is the benchmark that every study is
compared with. `sweep` runs a `rule` over every combination of its parameters.
"""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = [
    "AverageCross",
    "Costs",
    "Execution",
    "Margin",
    "NotCompiled",
    "Orders",
    "Rebalancing",
    "Simulation",
    "Simulator",
    "StopLoss",
    "TakeProfit",
    "TimeStop",
    "TrailingStop",
    "buy_and_hold",
    "rule",
    "simulate",
    "sweep",
    "sweep_returns",
]

if TYPE_CHECKING:
    from quantml.simulation.books import Simulation as Simulation
    from quantml.simulation.costs import Costs as Costs
    from quantml.simulation.exits import StopLoss as StopLoss
    from quantml.simulation.exits import TakeProfit as TakeProfit
    from quantml.simulation.exits import TimeStop as TimeStop
    from quantml.simulation.exits import TrailingStop as TrailingStop
    from quantml.simulation.margin import Margin as Margin
    from quantml.simulation.orders import Execution as Execution
    from quantml.simulation.reading import Orders as Orders
    from quantml.simulation.rebalancing import Rebalancing as Rebalancing
    from quantml.simulation.simulator import Simulator as Simulator
    from quantml.simulation.simulator import buy_and_hold as buy_and_hold
    from quantml.simulation.simulator import simulate as simulate
    from quantml.simulation.sweeps.crosses import AverageCross as AverageCross
    from quantml.simulation.sweeps.drivers import NotCompiled as NotCompiled
    from quantml.simulation.sweeps.rules import rule as rule
    from quantml.simulation.sweeps.tables import sweep as sweep
    from quantml.simulation.sweeps.tables import sweep_returns as sweep_returns
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "AverageCross": "sweeps.crosses",
            "Costs": "costs",
            "Execution": "orders",
            "Margin": "margin",
            "NotCompiled": "sweeps.drivers",
            "Orders": "reading",
            "Rebalancing": "rebalancing",
            "Simulation": "books",
            "Simulator": "simulator",
            "StopLoss": "exits",
            "TakeProfit": "exits",
            "TimeStop": "exits",
            "TrailingStop": "exits",
            "buy_and_hold": "simulator",
            "rule": "sweeps.rules",
            "simulate": "simulator",
            "sweep": "sweeps.tables",
            "sweep_returns": "sweeps.tables",
        },
    )
