"""Peers' own walk-forwards, for `benchmarks.walkforward`: ``python _loops.py PEER TASK.npz ANSWERS.npz``.

It needs NumPy, pandas and the peer, and so runs in an environment of the peer's own. A peer that fits LightGBM says
how long its walk-forward took, and how much of that was inside LightGBM; vectorbt how long it took to choose, and its
scores.
"""

from __future__ import annotations

import functools
import importlib.metadata
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Task = dict[str, Any]
Answer = dict[str, Any]
PARAMETERS = {
    "learning_rate": 0.05, "num_leaves": 31, "min_child_samples": 20, "n_jobs": 1, "deterministic": True,
    "force_row_wise": True, "verbosity": -1, "random_state": 6,
}  # fmt: skip
"""Those of quantml's LightGBM by default, in the names of the scikit-learn interface that peers fit through."""


class Inside:
    """Seconds spent inside functions that are watched; one that calls another is counted once."""

    def __init__(self) -> None:
        self.seconds, self.calls, self._depth, self._began = 0.0, 0, 0, 0.0

    def __enter__(self) -> None:
        if self._depth == 0:
            self._began = time.perf_counter()
            self.calls += 1
        self._depth += 1

    def __exit__(self, *raised: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.seconds += time.perf_counter() - self._began

    @contextmanager
    def watching(self, *places: tuple[Any, str]) -> Iterator[Inside]:
        """Count the seconds in these attributes, each a function of a module or a class, until the block ends."""
        kept = [getattr(owner, name) for owner, name in places]
        for (owner, name), function in zip(places, kept, strict=True):
            setattr(owner, name, self._watched(function))
        try:
            yield self
        finally:
            for (owner, name), function in zip(places, kept, strict=True):
                setattr(owner, name, function)

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            with self:
                return function(*arguments, **options)

        return timed


def shares(run: Callable[[], Any], places: list[tuple[Any, str]], repeats: int) -> Answer:
    """Run once to warm up, then time each run and what it spends in these places."""
    run()
    total, own, calls = [], [], 0
    for _ in range(repeats):
        with Inside().watching(*places) as inside:
            began = time.perf_counter()
            run()
            total.append(time.perf_counter() - began)
        own.append(inside.seconds)
        calls = inside.calls
    return {"total": total, "own": own, "calls": calls}


# ------------------------------------------------------------ LightGBM, refitted


def fitted_by_peer(task: Task, make: Callable[[Task, Any], Callable[[], Any]]) -> Answer:
    """Time a peer that fits LightGBM through its scikit-learn interface; one of them predicts with its booster."""
    from lightgbm import Booster, LGBMRegressor

    run = make(task, lambda: LGBMRegressor(n_estimators=int(task["trees"]), **PARAMETERS))
    places = [(LGBMRegressor, "fit"), (LGBMRegressor, "predict"), (Booster, "predict")]
    return shares(run, places, int(task["repeats"]))


def returns(task: Task) -> pd.DataFrame:
    """Return what mlforecast and skforecast forecast, and lag by themselves: days x symbols."""
    close = task["close"]
    names = [f"S{n:03}" for n in range(close.shape[1])]
    frame = pd.DataFrame(close, pd.bdate_range("2000-01-03", periods=len(close)), names).pct_change().iloc[1:]
    return frame.iloc[: int(task["lags"] + task["train"] + task["folds"] * task["test"])]


def mlforecast(task: Task, make: Callable[[], Any]) -> Callable[[], Any]:
    """Cross-validate on as many windows; times are whole numbers, which it counts on fastest."""
    from mlforecast import MLForecast

    wide = returns(task).reset_index(drop=True)
    long = wide.melt(ignore_index=False, var_name="unique_id", value_name="y").rename_axis("ds").reset_index()
    lags, train, test = (int(task[name]) for name in ("lags", "train", "test"))

    def run() -> Any:
        model = MLForecast({"trees": make()}, freq=1, lags=range(1, lags + 1))
        return model.cross_validation(
            long, n_windows=int(task["folds"]), h=test, step_size=test, refit=True, input_size=train + lags,
            static_features=[],
        )  # fmt: skip

    return run


def skforecast(task: Task, make: Callable[[], Any]) -> Callable[[], Any]:
    """Backtest one model of all symbols, refitted on a window of fixed length."""
    from skforecast.model_selection import TimeSeriesFold, backtesting_forecaster_multiseries
    from skforecast.recursive import ForecasterRecursiveMultiSeries

    series = returns(task)
    lags, train, test = (int(task[name]) for name in ("lags", "train", "test"))

    def run() -> Any:
        split = TimeSeriesFold(steps=test, initial_train_size=train + lags, refit=True, fixed_train_size=True)
        return backtesting_forecaster_multiseries(
            ForecasterRecursiveMultiSeries(make(), lags=lags), series, split, "mean_absolute_error", n_jobs=1,
            show_progress=False, suppress_warnings=True,
        )  # fmt: skip

    return run


def pybroker(task: Task, make: Callable[[], Any]) -> Callable[[], Any]:
    """Walk one pooled model forward over its own indicators, and read each forecast at its bar without a trade."""
    import pybroker as broker

    broker.disable_logging()
    broker.disable_progress_bar()
    columns = [f"m{k}" for k in range(2, 2 * int(task["lags"]) + 2, 2)]
    indicators = [broker.indicator(name, momentum, k=int(name[1:])) for name in columns]

    def train(symbols: Any, rows: pd.DataFrame, tested: pd.DataFrame) -> Any:
        target = rows.groupby("symbol")["close"].shift(-1) / rows["close"] - 1.0
        known = target.notna() & rows[columns].notna().all(axis=1)
        return make().fit(rows.loc[known, columns], target[known]), columns

    model = broker.model("trees", train, indicators=indicators, pooled=True)
    days, share = pybroker_share(broker, task)
    quotes = pybroker_quotes(task["close"][:days])

    def run() -> Any:
        strategy = broker.Strategy(quotes, quotes["date"].min(), quotes["date"].max())
        strategy.add_execution(read, sorted(quotes["symbol"].unique()), models=model)
        return strategy.walkforward(windows=int(task["folds"]), lookahead=1, train_size=share, calc_bootstrap=False)

    return run


def read(context: Any) -> None:
    """Read the newest forecast, so that it is made."""
    context.preds("trees")


def momentum(data: Any, k: int) -> np.ndarray:
    """Return the return over `k` days."""
    values = np.full(len(data.close), np.nan)
    values[k:] = data.close[k:] / data.close[:-k] - 1.0
    return values


def pybroker_quotes(close: np.ndarray) -> pd.DataFrame:
    """Lay closes out one row for each day and symbol."""
    clock = pd.bdate_range("2000-01-03", periods=len(close))
    parts = [pd.DataFrame({"date": clock, "symbol": f"S{n:03}", "close": close[:, n]}) for n in range(close.shape[1])]
    long = pd.concat(parts, ignore_index=True)
    return long.assign(open=long["close"], high=long["close"], low=long["close"], volume=1e6)


def pybroker_share(broker: Any, task: Task) -> tuple[int, float]:
    """Find days and a share for training that lay windows nearest to those asked for: it takes no lengths."""
    strategy = broker.Strategy(pybroker_quotes(task["close"][:, :1]), "2000-01-03", "2030-01-01")
    train, test, folds, found = int(task["train"]), int(task["test"]), int(task["folds"]), []
    for days in range(train + test * folds, len(task["close"]) + 1, 20):
        frame = pd.DataFrame({"date": pd.bdate_range("2000-01-03", periods=days)})
        for share in np.linspace(0.8, 0.99, 39):
            window = next(iter(strategy.walkforward_split(frame, folds, 1, float(share))))
            apart = abs(len(window.train_data) / train - 1.0) + abs(len(window.test_data) / test - 1.0)
            found.append((apart, days, float(share), len(window.train_data), len(window.test_data)))
    _, days, share, trained, tested = min(found)
    print(f"  its windows train on {trained} days and test {tested}, of {days}")
    return days, share


# --------------------------------------------------------------------- vectorbt


def vectorbt(task: Task) -> Answer:
    """Choose a cross in each window of vectorbt's splitter; time it, and say what it chose by."""
    import vectorbt as vbt

    tried, before = {}, peak()
    for engine in ("numba", "auto"):  # the faster of its engines counts
        vbt.settings["engine"] = engine
        vectorbt_scores(vbt, task, windows=1)
        began = time.perf_counter()
        vectorbt_scores(vbt, task, windows=4)
        tried[engine] = time.perf_counter() - began
    vbt.settings["engine"] = min(tried, key=lambda engine: tried[engine])
    seconds, scores = [], np.empty((0, 0))
    for _ in range(int(task["repeats"])):
        began = time.perf_counter()
        scores = vectorbt_scores(vbt, task)
        np.nanargmax(scores, axis=1)
        seconds.append(time.perf_counter() - began)
    return {"seconds": seconds, "scores": scores, "memory": peak() - before}


def peak() -> int:
    """Return the peak memory of this process in bytes, 0 where it is not told."""
    status = Path("/proc/self/status")
    return 1024 * int(status.read_text().partition("VmHWM:")[2].split()[0]) if status.exists() else 0


def vectorbt_scores(vbt: Any, task: Task, windows: int | None = None) -> np.ndarray:
    """Return the Sharpe ratio of each cross in the first windows, windows x crosses, averages being computed once."""
    close = pd.Series(task["close"][:, 0])
    train, test = int(task["train"]), int(task["test"])
    (quick, fast), (calm, slow) = (averages(vbt, close, task[name]) for name in ("fast", "slow"))
    above = np.zeros((len(close), len(fast)), dtype=np.bool_)
    np.greater(quick[:-1, fast], calm[:-1, slow], out=above[1:])
    # one row more than the window trains on: the close at which a test block's first decision is taken is known then
    (rows, _), _ = pd.Series(np.arange(len(close))).vbt.rolling_split(
        n=int(task["folds"]), window_len=train + test, set_lens=(test - 1,), left_to_right=False
    )
    scores = []
    for number in range(windows or rows.shape[1]):
        inside = slice(int(rows.iloc[0, number]), int(rows.iloc[-1, number]) + 1)
        portfolio = vbt.Portfolio.from_signals(
            close.iloc[inside], above[inside], ~above[inside], fees=float(task["fee"]), init_cash=1e6, freq="1D"
        )
        earned = portfolio.returns().iloc[1:]  # on the first row it only buys what quantml holds already
        ratios = earned.vbt.returns(freq="1D", year_freq=f"{float(task['periods'])} days").sharpe_ratio()
        scores.append(np.asarray(ratios))
    return np.array(scores)


def averages(vbt: Any, close: pd.Series, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the average of each length that there is, and where each of `lengths` stands among them."""
    once, places = np.unique(lengths, return_inverse=True)
    return vbt.MA.run(close, once.tolist()).ma.to_numpy(), places


LOOPS: dict[str, Callable[[Task], Answer]] = {
    "pybroker": functools.partial(fitted_by_peer, make=pybroker),
    "mlforecast": functools.partial(fitted_by_peer, make=mlforecast),
    "skforecast": functools.partial(fitted_by_peer, make=skforecast),
    "vectorbt": vectorbt,
}
PACKAGES = {"pybroker": "lib-pybroker", "mlforecast": "mlforecast", "skforecast": "skforecast", "vectorbt": "vectorbt"}


def main() -> None:
    """Answer the task of a file."""
    peer, source, answers = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    warnings.simplefilter("ignore")  # the peers' own
    with np.load(source) as file:
        task = {name: file[name] for name in file.files}
    print(f"{peer} {importlib.metadata.version(PACKAGES[peer])}")
    np.savez(answers, **LOOPS[peer](task))


if __name__ == "__main__":
    main()
