"""`sweep`: one row per combination of a rule's parameters; `sweep_returns`: the returns of those that are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import cpu_count
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import ParameterError, SimulationError, check, check_whole, did_you_mean
from quantml.simulation.costs import Costs
from quantml.simulation.reading import check_account, fill_for
from quantml.simulation.simulator import FREE
from quantml.simulation.sweeps import accounts as columns
from quantml.simulation.sweeps.crosses import AverageCross
from quantml.simulation.sweeps.drivers import Prepared, prepare_rule
from quantml.simulation.sweeps.foresight import check_foresight
from quantml.simulation.sweeps.grids import RESULTS, Grid, Values
from quantml.simulation.sweeps.rules import Rule
from quantml.simulation.sweeps.tapes import Feed, read_feed
from quantml.timing import Fill
from quantml.universe import DELIST_AFTER

Floats = NDArray[np.float64]
CHUNKS: Final = 8
"""Pieces of work per thread, so that none waits long for another."""


def sweep(
    rule: Rule | AverageCross,
    bars: Bars,
    grid: Values,
    *,
    costs: Costs = FREE,
    fill: Fill | None = None,
    initial_cash: float = 1e6,
    threads: int | None = None,
) -> pd.DataFrame:
    """Run a rule over every combination of its parameters, and sum up the account of each.

    Every symbol and combination has an account of its own, which does what ``simulate(rule.weights(bars, ...)
    [[symbol]], bars, costs=..., fill=..., initial_cash=...)`` does: decisions at closes, fills at the next open or
    close, costs, splits, dividends, bars that are missing, ruin. The number of trades is the same; final equity (in
    units of the initial cash), turnover, costs and drawdown are equal to 1e-12, what is averaged over bars to 1e-9.
    Only sums are kept: memory is a row per combination, whatever the number of bars, beside what the rule shares.

    A rule made by `rule` is run again on a few of its combinations with other prices after some of its decisions, on
    the symbol with the most bars; where a weight decided before them is another one then, that is an error.

    Parameters
    ----------
    rule : AverageCross, or a function decorated with `rule`
    bars : Bars
    grid : mapping or DataFrame
        Values of each parameter (a sequence, `Choice` or `Integer`), of which every combination is made, the last
        parameter changing fastest; or a frame with a column per parameter and a row per combination.
    costs : Costs
    fill : Fill, optional
        `Fill.NEXT_OPEN` where the bars have opens and `Fill.NEXT_CLOSE` where they have not, unless given.
    initial_cash : float
        Positive.
    threads : int, optional
        As many as there are processors, unless given.

    Returns
    -------
    DataFrame
        One row per symbol and combination: ``symbol``, the parameters, and

        - ``final_equity``, in currency;
        - ``mean_return``, simple, per bar from the first decision on; ``volatility``, annualised (ddof=1);
        - ``sharpe_ratio``, annualised, with nothing earned on cash; NaN where no return differs from another;
        - ``max_drawdown``, at or below 0;
        - ``trades``, round trips from flat to flat, one that is still open included;
        - ``turnover``, notional of orders over the equity before them, per year;
        - ``costs``, of every kind, in currency.

    Raises
    ------
    ParameterError
        If the grid does not fit the rule, `threads` is below 1, or some costs are not in proportion to notional.
    SimulationError
        If a rule fails, decides nothing, decides by later bars, or returns anything but one finite number or NaN per
        bar; the text names the combination. As in `simulate`, if next opens are asked of bars without opens, or
        `initial_cash` is not positive.

    Warns
    -----
    NotCompiled
        Once, where a rule cannot be compiled and so runs slower.

    Examples
    --------
    >>> clock = pd.bdate_range("2024-01-01", periods=6)
    >>> bars = Bars.from_close(pd.DataFrame({"A": [4.0, 3.0, 4.0, 5.0, 10.0, 8.0]}, index=clock), periods_per_year=252)
    >>> table = sweep(AverageCross(), bars, {"fast": [1], "slow": [2, 3]}, initial_cash=100.0)
    >>> table[["symbol", "fast", "slow", "final_equity", "trades"]].to_numpy().tolist()
    [['A', 1, 2, 160.0, 1], ['A', 1, 3, 160.0, 1]]
    """
    setting = _setting(bars, costs, fill, initial_cash, threads)
    read, parts = _checked(rule).read(grid), []
    with _pool(setting.threads) as pool:
        for column in range(len(bars.symbols)):
            work = _Work(rule, setting.feed(bars, column), read)
            parts.append(_sums(work.settle(pool, setting.threads, None), bars.periods_per_year))
    if isinstance(rule, Rule):
        longest = int(np.argmax(bars.traded.sum(axis=0)))
        check_foresight(rule, setting.feed(bars, longest), read)
    sums = {name: np.concatenate([part[name] for part in parts]) for name in RESULTS}
    given = {name: np.tile(values, len(bars.symbols)) for name, values in read.columns.items()}
    symbols = pd.Index(bars.symbols, dtype="object").repeat(len(read))
    return pd.DataFrame({"symbol": symbols, **given, **sums})


def sweep_returns(
    rule: Rule | AverageCross,
    bars: Bars,
    combinations: pd.DataFrame,
    *,
    costs: Costs = FREE,
    fill: Fill | None = None,
    initial_cash: float = 1e6,
    block: int = 256,
    threads: int | None = None,
) -> Iterator[pd.DataFrame]:
    """Yield the returns of chosen combinations, a block of them at a time.

    Parameters
    ----------
    rule, bars, costs, fill, initial_cash, threads
        As in `sweep`.
    combinations : DataFrame
        Rows of the frame that `sweep` returned, or any with a column ``symbol`` and one per parameter.
    block : int
        Most combinations at once: memory is ``8 * block * len(bars)`` bytes.

    Yields
    ------
    DataFrame
        Time x combination, columns being labels of `combinations`, symbol by symbol; NaN before the first decision.

    Raises
    ------
    ParameterError, SimulationError
        As in `sweep`; if a symbol is unknown, or `block` is below 1.
    """
    size = check_whole("block", block, least=1)
    setting = _setting(bars, costs, fill, initial_cash, threads)
    named = _checked(rule).parameters
    if not isinstance(combinations, pd.DataFrame) or "symbol" not in combinations:
        raise ParameterError("combinations", must="be a DataFrame with a column symbol, as sweep returns")
    unknown = [name for name in combinations["symbol"].unique() if name not in bars.symbols]
    if unknown:
        hint = did_you_mean(str(unknown[0]), bars.symbols)
        raise ParameterError("combinations", must="name symbols of the bars", got=unknown[0], hint=hint)
    read = rule.read(combinations[[name for name in named if name in combinations]]) if len(combinations) else Grid({})
    held = combinations["symbol"].to_numpy()
    return (
        _returns(_Work(rule, feed, read.take(chosen)), setting.threads, combinations.index[chosen])
        for symbol in dict.fromkeys(held)
        for feed in [setting.feed(bars, bars.symbols.index(symbol))]
        for chosen in _pieces(np.flatnonzero(held == symbol), size)
    )


def _returns(work: _Work, threads: int, labels: pd.Index) -> pd.DataFrame:
    returns = np.empty((len(work.grid), len(work.feed.bars)))
    with _pool(threads) as pool:
        work.settle(pool, threads, returns)
    return pd.DataFrame(returns.T, index=work.feed.bars.clock, columns=labels)


def _pieces(places: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [places[begin : begin + size] for begin in range(0, len(places), size)]


# ----------------------------------------------------------------- reading


@dataclass(frozen=True)
class _Setting:
    """How every account of a sweep is run."""

    costs: Costs
    fill: Fill
    initial_cash: float
    threads: int

    def feed(self, bars: Bars, column: int) -> Feed:
        """Read one symbol."""
        return read_feed(bars, column, costs=self.costs, fill=self.fill, initial_cash=self.initial_cash)


def _setting(bars: Bars, costs: Costs, fill: Fill | None, initial_cash: float, threads: int | None) -> _Setting:
    check_account(initial_cash, delist_after=DELIST_AFTER)
    check(isinstance(costs, Costs), "costs", "be Costs", type(costs).__name__, error=SimulationError)
    check(len(bars) > 0, "bars", "have at least one row", 0, error=SimulationError)
    count = cpu_count() if threads is None else check_whole("threads", threads, least=1)
    return _Setting(costs, fill_for(fill, bars), float(initial_cash), count)


def _checked(rule: Any) -> Any:
    if not isinstance(rule, Rule | AverageCross):
        hint = "Decorate the function with quantml.rule." if callable(rule) else ""
        raise ParameterError("rule", must="be an AverageCross, or made by quantml.rule", got=rule, hint=hint)
    return rule


# ----------------------------------------------------------------- running


@contextmanager
def _pool(threads: int) -> Iterator[Executor]:
    """Keep threads; an error or interruption leaves what has not begun undone."""
    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, eq=False)
class _Work:
    """A rule, one symbol and the combinations to run on it."""

    rule: Rule | AverageCross
    feed: Feed
    grid: Grid

    def settle(self, pool: Executor, threads: int, returns: Floats | None) -> Floats:
        """Return the account of every combination, one row each; write their returns where these are wanted."""
        ready = self._prepared(pool)
        accounts = np.zeros((len(self.grid), columns.WIDTH))
        pieces = 1 if ready.alone else threads * CHUNKS
        edges = np.unique(np.linspace(0, len(self.grid), pieces + 1).astype(np.int64))
        running = [pool.submit(self._run, ready, a, b, accounts, returns) for a, b in pairwise(edges.tolist())]
        for future in running:
            future.result()
        self._check(accounts[:, columns.STATUS])
        return accounts

    def _prepared(self, pool: Executor) -> Prepared:
        if isinstance(self.rule, AverageCross):
            return self.rule.prepare(self.feed, self.grid, pool)
        return prepare_rule(self.rule, self.feed, self.grid)

    def _run(self, ready: Prepared, first: int, last: int, accounts: Floats, returns: Floats | None) -> None:
        traces = np.empty((last - first, 0)) if returns is None else returns[first:last]
        try:
            ready.run(first, last, accounts, traces)
        except Exception as error:
            at = np.flatnonzero(accounts[first:last, columns.STATUS] == columns.RUNNING) + first
            where = self._where(int(at[0])) if at.size else ""
            got, must = f"{type(error).__name__}: {error}", "run on every combination"
            raise SimulationError(f"the rule {self.rule.name}", must, got=got, where=where) from error

    def _check(self, status: Floats) -> None:
        """Raise for the first combination whose weights cannot be traded."""
        wrong = np.flatnonzero(status != columns.FINE)
        if wrong.size == 0:
            return
        place = int(wrong[0])
        subject, where = f"the weights of the rule {self.rule.name}", self._where(place)
        if status[place] == columns.UNDECIDED:
            raise SimulationError(subject, must="hold at least one decision", where=where)
        if status[place] == columns.LENGTH:
            raise SimulationError(subject, must=f"be one per bar, {self.feed.rows.size}", where=where)
        moment = self.feed.bars.clock[int(status[place])]
        raise SimulationError(subject, must="be finite or NaN", got=np.inf, where=f"{where}; {moment}")

    def _where(self, place: int) -> str:
        symbol = self.feed.bars.symbols[self.feed.column]
        return ", ".join(filter(None, [symbol, self.grid.text(place)]))


def _sums(accounts: Floats, periods_per_year: float) -> dict[str, NDArray[Any]]:
    """Turn accounts into the columns of a sweep."""
    rows, total, squares = (accounts[:, n] for n in (columns.ROWS, columns.TOTAL, columns.SQUARES))
    mean = total / rows
    apart = np.where(squares > 0.0, np.maximum(squares - total * mean, 0.0), 0.0)
    deviation = np.sqrt(apart / np.where(rows > 1, rows - 1, np.nan))
    with np.errstate(divide="ignore", invalid="ignore"):
        sharpe = np.where(deviation > 0.0, mean / deviation, np.nan) * np.sqrt(periods_per_year)
    return {
        "final_equity": accounts[:, columns.EQUITY],
        "mean_return": mean,
        "volatility": deviation * np.sqrt(periods_per_year),
        "sharpe_ratio": sharpe,
        "max_drawdown": accounts[:, columns.FLOOR] - 1.0,
        "trades": accounts[:, columns.TRADES].astype(np.int64),
        "turnover": accounts[:, columns.TURNOVER] / rows * periods_per_year,
        "costs": accounts[:, columns.COSTS],
    }
