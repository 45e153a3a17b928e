"""From a finished walk-forward to the tables that a run keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.bars import Bars
from quantml.calendars import describe, is_slow, missing_sessions
from quantml.canonical import canonical
from quantml.evaluation import metrics
from quantml.evaluation.accuracy import forecast_accuracy
from quantml.exogenous import Exogenous
from quantml.loaders.quality.market import Market
from quantml.panel import repeated_opens
from quantml.simulation.simulator import Simulation
from quantml.study import Study
from quantml.survivorship import SURVIVORSHIP, universe_facts, universe_notes
from quantml.timing import Fill
from quantml.validation.ensembles import member_columns
from quantml.validation.walkforward import FoldResult, WalkForwardResult
from quantml.wording import described

FILL: Final = "Fill:"
"""How a note about fills begins."""
CAUTIONS: Final = (SURVIVORSHIP, FILL)
"""How notes begin that are shown beside the verdict: they bear on what it is worth."""
REPEATED: Final = 0.2
"""Share of a symbol's bars whose open repeats the previous close, above which fills at the open are warned of."""


def paths_table(accounts: Sequence[Simulation]) -> pd.DataFrame:
    """One row per backtest path and bar: equity, net returns, and what cash earned."""
    parts = [
        pd.DataFrame(
            {
                "path": np.full(len(account.clock), number, dtype=np.int64),
                "time": account.clock,
                "equity": account.equity.to_numpy(),
                "returns": account.returns.to_numpy(),
                "risk_free": account.risk_free.to_numpy(),
            }
        )
        for number, account in enumerate(accounts)
    ]
    return pd.concat(parts, ignore_index=True)


def paths_facts(result: WalkForwardResult, accounts: Sequence[Simulation]) -> list[dict[str, Any]]:
    """What each backtest path is made of, and what it earned; nothing for a walk-forward."""
    if result.is_forward:
        return []
    clock, periods = result.problem.bars.clock, result.problem.bars.periods_per_year
    facts: list[dict[str, Any]] = [
        {"blocks": [{"first": clock[test[0]], "fold": result.folds[place].fold.number} for place, test in part.pieces]}
        for part in result.records
    ]
    for fact, account in zip(facts, accounts, strict=False):
        fact["metrics"] = metrics.summary(account.returns, periods_per_year=periods, risk_free=account.risk_free)
    return facts


def parameters_text(values: Mapping[str, Any], study: Study) -> str:
    """Write a candidate's values as JSON with sorted keys."""
    return json.dumps(canonical(dict(sorted(values.items())), study.bundle), sort_keys=True)


def candidates_table(result: WalkForwardResult) -> pd.DataFrame:
    """One row per configuration scored inside a fold."""
    texts: dict[Any, str] = {}  # most folds try the same ones

    def written(values: Mapping[str, Any]) -> str:
        key = result.problem.key(values)
        if key not in texts:
            texts[key] = parameters_text(values, result.problem.study)
        return texts[key]

    rows = [
        {
            "fold": part.fold.number,
            "candidate": number,
            "parameters": written(candidate.values),
            "score": candidate.score,
            "chosen": number == part.choice,
        }
        for part in result.folds
        for number, candidate in enumerate(part.candidates)
    ]
    return pd.DataFrame(rows)


def forecasts_table(result: WalkForwardResult) -> pd.DataFrame:
    """One row per decision and symbol: the forecast, the baseline's, and what came."""
    forecast, baseline = result.forecast, result.baseline
    if forecast is None or baseline is None or result.realised is None:
        return pd.DataFrame(
            {"time": pd.DatetimeIndex([]), "symbol": [], "fold": [], "mean": [], "baseline": [], "realised": []}
        ).astype({"symbol": "str", "fold": "int64", "mean": "float64", "baseline": "float64", "realised": "float64"})
    row, symbol = np.nonzero(result.problem.bars.candidates & (forecast.fold >= 0)[:, None])
    columns: dict[str, Any] = {
        "time": forecast.clock[row],
        "symbol": np.array(forecast.symbols, dtype=object)[symbol],
        "fold": forecast.fold[row],
        "mean": forecast.mean[row, symbol],
    }
    for name in ("probability", "variance"):
        part = getattr(forecast, name)
        if part is not None:
            columns[name] = part[row, symbol]
    columns |= member_columns(forecast, row, symbol)
    columns |= {"baseline": baseline.mean[row, symbol], "realised": result.realised[row, symbol]}
    return pd.DataFrame(columns)


def weights_table(result: WalkForwardResult) -> pd.DataFrame:
    """One row per decision and symbol: the weight wanted."""
    if result.weights is None:
        return pd.DataFrame({"time": pd.DatetimeIndex([]), "symbol": pd.Series([], dtype="str"), "weight": np.empty(0)})
    row, symbol = np.nonzero(~np.isnan(result.weights.values))
    return pd.DataFrame(
        {
            "time": result.weights.clock[row],
            "symbol": np.array(result.weights.symbols, dtype=object)[symbol],
            "weight": result.weights.values[row, symbol],
        }
    )


def accuracy_of(result: WalkForwardResult) -> dict[str, float]:
    """Accuracy of the forecasts out of sample, beside the baseline's."""
    if result.forecast is None or result.baseline is None or result.realised is None:
        return {}
    rows, problem = result.forecast.fold >= 0, result.problem
    horizon = max(problem.target(fold.chosen).horizon for fold in result.folds)  # tests must allow for the longest
    compared = (result.realised[rows], result.forecast.mean[rows], result.baseline.mean[rows])
    return dict(forecast_accuracy(*compared, kind=result.forecast.kind, horizon=horizon))


def lockbox_facts(market: Market) -> dict[str, Any] | None:
    """Where the study's lockbox begins, and whether these bars are those of the opened one; None without one."""
    if market.sealed is None:
        return None
    return {"sealed": market.sealed.isoformat(), "opened": bool(market.bars.clock[-1] >= market.sealed)}


def data_facts(study: Study, market: Market) -> dict[str, Any]:
    """What the report says of the data: range, gaps, symbols that start late or end early, known defects."""
    bars, gaps = market.bars, None
    if bars.calendar is not None and not is_slow(bars.clock):
        gaps = [f"{day:%Y-%m-%d}" for day in missing_sessions(bars.clock, bars.calendar)]
    first = [bars.clock[int(np.argmax(bars.traded[:, i]))] for i in range(len(bars.symbols))]
    last = [bars.clock[len(bars) - 1 - int(np.argmax(bars.traded[::-1, i]))] for i in range(len(bars.symbols))]
    return {
        "source": described(study.data),
        "snapshot": getattr(study.data, "loaded_snapshot", None),
        "fingerprint": bars.fingerprint,
        "symbols": list(bars.symbols),
        "fields": list(bars.quoted),
        "bars": len(bars),
        "first": bars.clock[0],
        "last": bars.clock[-1],
        "periods_per_year": bars.periods_per_year,
        "calendar": describe(bars.calendar),
        "currency": ", ".join(sorted(set(bars.currencies.values()))) or None,
        "missing_sessions": gaps,
        "bars_absent": int(np.sum(~bars.traded & ~bars.closed)),
        "starts_late": {s: f"{t:%Y-%m-%d}" for s, t in zip(bars.symbols, first, strict=True) if t > bars.clock[0]},
        "ends_early": {s: f"{t:%Y-%m-%d}" for s, t in zip(bars.symbols, last, strict=True) if t < bars.clock[-1]},
        "splits": int(np.sum(bars.split != 1.0)),
        "dividends": int(np.sum(bars.dividend != 0.0)),
        "notes": [*_notes(study, bars), *_lockbox_notes(market)],
        "universe": universe_facts(bars),
        "tables": {name: list(table.columns) for name, table in bars.tables.items()},
        "outside": {name: _outside(study, table) for name, table in bars.tables.items()},
    }


def _outside(study: Study, table: Exogenous) -> dict[str, Any]:
    """When an outside table's values count as known, in days after their date, and what its loader says of it."""
    days = (table.available.tz_localize(None) - table.period.tz_localize(None)) / pd.Timedelta(days=1)
    loaders = [part for part in study.exogenous if getattr(part, "name", None) == table.name]
    return {
        "rows": len(table),
        "known_after_days": [float(days.min()), float(days.max())],
        "notes": [note for part in loaders for note in getattr(part, "notes", ())],
    }


def quality_facts(market: Market) -> dict[str, Any]:
    """What the study's policies looked for, found and did.

    Returns
    -------
    dict
        ``policies``: their names, in order; none where a study declares none. ``hindsight``: what of their effect rests
        on later bars, a sentence each. ``findings``: by rule, the number of each severity. ``actions``: symbol, date,
        until, rule, action and evidence of each thing done.
    """
    counts = market.found.counts()
    return {
        "policies": [type(policy).__name__ for policy in market.policies],
        "hindsight": list(dict.fromkeys(policy.hindsight for policy in market.policies if policy.hindsight)),
        "findings": {str(rule): {str(level): int(n) for level, n in row.items()} for rule, row in counts.iterrows()},
        "actions": market.actions.to_dict("records"),
    }


def _notes(study: Study, bars: Bars) -> list[str]:
    """The loader's notes and the universe's; of survivorship only the loader's, where it knows more."""
    notes = [*getattr(study.data, "notes", ()), *_fill_notes(study, bars)]
    told = bars.membership is None and any(note.startswith(SURVIVORSHIP) for note in notes)
    return [*notes, *(note for note in universe_notes(bars) if not (told and note.startswith(SURVIVORSHIP)))]


def _lockbox_notes(market: Market) -> list[str]:
    facts = lockbox_facts(market)
    if facts is None:
        return []
    since = f"{market.sealed:%Y-%m-%d}"
    if facts["opened"]:
        return [f"Lockbox: the out-of-sample record is the stretch that was sealed, from {since} on."]
    return [f"Lockbox: what lies from {since} on is sealed; nothing in this run has seen it."]


def _fill_notes(study: Study, bars: Bars) -> list[str]:
    """Name the symbols at whose opens a fill is one at the close before, and so on the bar that decided it."""
    if not study.signal or (study.fill or Fill.NEXT_OPEN) is not Fill.NEXT_OPEN or not bars.has("open"):
        return []
    share = repeated_opens(bars.array("open"), bars.array("close"))
    often = [(name, part) for name, part in zip(bars.symbols, share, strict=True) if part > REPEATED]
    if not often:
        return []
    told = ", ".join(f"{100 * part:.0f} % of {name}'s bars" for name, part in often[:5])
    more = f" and many of {len(often) - 5} more symbols" if len(often) > 5 else ""
    return [f"{FILL} the open repeats the previous close on {told}{more}. A fill at the next open is there one at the"
            " close that decided it; use fill=Fill.NEXT_CLOSE."]  # fmt: skip


def work_facts(folds: tuple[FoldResult, ...]) -> dict[str, int]:
    """How much was searched and what the purge took."""
    return {
        "folds": len(folds),
        "candidates": sum(len(part.candidates) for part in folds),
        "training_rows": sum(part.rows for part in folds),
        "purged_rows": sum(part.purged for part in folds),
    }


def warnings_of(result: WalkForwardResult) -> list[str]:
    """What was logged as a warning while a fold was computed, or while all of them were put together."""
    folds = [f"fold {part.fold.number}: {message}" for part in result.folds for message in part.warnings]
    return [*folds, *(f"all folds: {message}" for message in result.warnings)]
