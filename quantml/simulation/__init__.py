"""Weights in, a simulation whose books balance on every bar out.

`simulate` trades weights on bars under `Costs` and returns a `Simulation`; `buy_and_hold` is the benchmark that every
study is compared with.
"""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = ["Costs", "Simulation", "buy_and_hold", "simulate"]

if TYPE_CHECKING:
    from quantml.simulation.books import Simulation as Simulation
    from quantml.simulation.costs import Costs as Costs
    from quantml.simulation.simulator import buy_and_hold as buy_and_hold
    from quantml.simulation.simulator import simulate as simulate
else:
    __getattr__, __dir__ = attach(
        __name__,
        {"Costs": "costs", "Simulation": "books", "buy_and_hold": "simulator", "simulate": "simulator"},
    )
