"""Equity on the shared cases of `benchmarks.agreement`, as other engines have it.

The numbers are what ``python -m benchmarks.agreement --small`` got from vectorbt 1.2.0, backtesting.py 0.6.6, bt 1.4.1 and
zipline-reloaded 3.2.1: equity at the close of row 260 of 520, and at the last. ``units`` were told what to trade, ``weights``
were sized by the engine itself. Where an engine does something else, `docs/agreement.md` says what.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pandas as pd
import pytest

from benchmarks.agreement import Case, make_cases, replayed
from quantml.simulation import Execution, simulate
from quantml.timing import Fill

# In whole shares, filled at the next open. All of vectorbt, backtesting.py and bt where they can: see the names.
AT_OPENS = {
    "buy and hold": (743279.8038999999, 860338.0038999999),  # vectorbt, backtesting.py, bt
    "monthly rebalance": (910979.7919, 889710.9984599999),  # vectorbt, bt
    "long and short with borrow": (1153986.9660454767, 923543.6986042872),  # bt
    "stop and target": (1004875.3792999997, 1000657.4989999997),  # vectorbt, backtesting.py
    "trailing stop": (1007526.1203999999, 1011031.6775999999),  # vectorbt, backtesting.py
    "turnover at 0.5 %": (98793.38179999875, 7841.710699998586),  # vectorbt, backtesting.py, bt
}
# In whole shares, filled at the next close: zipline-reloaded.
AT_CLOSES = {
    "buy and hold": (735867.57088, 851570.29088),
    "monthly rebalance": (907695.8297100001, 886948.6901100001),
    "long and short with borrow": (1175531.13812, 974032.1692999998),  # it charges nothing for shorts
    "turnover at 0.5 %": (100999.39580000009, 11212.350050000055),
}
# In fractional shares that it sizes itself, filled at the next open: vectorbt.
BY_WEIGHTS = {
    "buy and hold": (743278.6914409962, 860337.3986953943),
    "monthly rebalance": (910982.1811437048, 889719.7680687115),
    "long and short with borrow": (1176469.2382720402, 962783.1321624231),  # it charges nothing for shorts
    "turnover at 0.5 %": (98770.43682350966, 7821.618648454533),
}


@cache
def shared() -> dict[str, Case]:
    return make_cases(520)


def free(case: Case) -> Case:
    """What engines that charge nothing for shorts are compared with."""
    return replace(case, borrow_bps=0.0)


def ends(equity: pd.Series, case: Case) -> list[float]:
    return [float(equity[case.bars.clock[260]]), float(equity.iloc[-1])]


@pytest.mark.parametrize("name", AT_OPENS)
def test_whole_shares_at_opens(name: str) -> None:
    case = shared()[name]
    assert ends(case.simulated().equity, case) == pytest.approx(AT_OPENS[name], rel=1e-10)


@pytest.mark.parametrize("name", AT_CLOSES)
def test_whole_shares_at_closes(name: str) -> None:
    case = shared()[name]
    held = case.simulated(Fill.NEXT_CLOSE).positions.reindex(case.bars.clock, fill_value=0.0).to_numpy()
    told = replayed(free(case), held, Fill.NEXT_CLOSE)
    assert ends(told, case) == pytest.approx(AT_CLOSES[name], rel=1e-10)


@pytest.mark.parametrize("name", BY_WEIGHTS)
def test_fractional_shares_at_opens(name: str) -> None:
    case = free(shared()[name])
    done = simulate(case.decisions, case.bars, costs=case.costs, fill=Fill.NEXT_OPEN, execution=Execution())
    assert ends(done.equity, case) == pytest.approx(BY_WEIGHTS[name], rel=1e-10)


def test_what_differs_does_so_by_what_is_said() -> None:
    """vectorbt and backtesting.py lose 3 % and the fee of 0.1 % on 1000 shares at 100, after a fee at the entry."""
    case = shared()["open beyond the target"]
    assert case.simulated().equity.iloc[-1] == 1e6 - 100 + 15_000 - 115
    assert 1e6 - 100 - 3_000 - 97 == 996803.0  # theirs
