"""What each fold reports: scores inside and outside its window, what it chose and nearly chose, and what was kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd

from quantml.errors import StudyError
from quantml.faults import users_code
from quantml.record import parameters_text
from quantml.simulation.simulator import Simulation
from quantml.validation import scoring
from quantml.validation.candidates import Candidate, scores_of
from quantml.validation.ensembles import averaged_columns
from quantml.validation.judging import score_recorded
from quantml.validation.objectives import ForecastScore
from quantml.validation.scoring import Earned
from quantml.validation.walkforward import FoldResult, WalkForwardResult, name_fold, yearly

NONE: Final = "null"
"""JSON of a runner-up that there is none of."""
ADDED: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("validation", "in_sample_return", "out_of_sample_return", "efficiency"), np.nan),
    "runner_up": NONE,
    **dict.fromkeys(("runner_up_score", "margin"), np.nan),
}
"""Columns that folds of older runs lack, and what stands in them then."""


def folds_table(result: WalkForwardResult, accounts: Sequence[Simulation]) -> pd.DataFrame:
    """One row per fold: where it trained and tested, what it chose, and its score in and out of sample.

    Parameters
    ----------
    result : WalkForwardResult
    accounts : sequence of Simulation
        Of each of its records; none where the study does not trade.
    """
    clock = result.problem.bars.clock
    rows = [
        {
            "fold": part.fold.number,
            "train_first": clock[part.fold.train[0]],
            "train_last": clock[part.fold.train[-1]],
            "test_first": clock[part.fold.start],
            "test_last": clock[part.fold.stop - 1],
            "rows": part.rows,
            "purged": part.purged,
            "candidates": len(part.candidates),
            **_scores(result, place, _earned(result, accounts, place)),
            "parameters": parameters_text(part.chosen, result.problem.study),
            **averaged_columns(part, result.problem.study),
            **_runner_up(result, part),
        }
        for place, part in enumerate(result.folds)
    ]
    return pd.DataFrame(rows)


def completed(folds: pd.DataFrame) -> pd.DataFrame:
    """Return the folds of a run with the columns that an older one lacks, NaN in them."""
    return folds.assign(**{name: value for name, value in ADDED.items() if name not in folds})


def _scores(result: WalkForwardResult, place: int, earned: Earned | None) -> dict[str, float]:
    """Score the chosen configuration where it was fitted, where it was chosen by, and out of sample."""
    problem, part = result.problem, result.folds[place]
    outside = np.nan if earned is None else yearly(problem, earned.returns)
    return {
        "in_sample": part.in_sample,
        "validation": float(part.candidates.scores[part.choice]),
        "out_of_sample": _out_of_sample(result, place, earned),
        "in_sample_return": part.in_sample_return,
        "out_of_sample_return": outside,
        "efficiency": efficiency(outside, part.in_sample_return),
    }


def _out_of_sample(result: WalkForwardResult, place: int, earned: Earned | None) -> float:
    """Score what a fold's decisions earned or, where forecasts are what tuning scores, the record's on its rows."""
    problem, part = result.problem, result.folds[place]
    goal = scoring.objective_of(problem)
    if isinstance(goal, ForecastScore):
        pieces = [(record, piece.test) for record in result.records for piece in record.pieces if piece.place == place]
        return score_recorded(problem, goal, pieces, part.chosen)
    if earned is None:
        return np.nan
    with users_code(
        goal.metric, f"{name_fold(problem, part.fold)}: the objective {goal.name}, out of sample,", StudyError
    ):
        return goal.score(earned.returns, problem.bars.periods_per_year, earned.risk_free)


def efficiency(out_of_sample: float, in_sample: float) -> float:
    """Walk-forward efficiency: what was earned per year out of sample over what was earned per year in sample.

    Pardo (2008), The Evaluation and Optimization of Trading Strategies, 2nd edition, chapter 11.

    Parameters
    ----------
    out_of_sample, in_sample : float
        Returns per year.

    Returns
    -------
    float
        NaN where the return in sample is not positive: there was nothing to keep.

    Examples
    --------
    >>> efficiency(0.06, 0.12), efficiency(-0.03, 0.12), efficiency(0.06, 0.0)
    (0.5, -0.25, nan)
    """
    return out_of_sample / in_sample if in_sample > 0.0 else float("nan")


def _runner_up(result: WalkForwardResult, part: FoldResult) -> dict[str, Any]:
    """The best candidate beside the chosen one, which it may even beat where more than the score decides."""
    found = runner_up(part.candidates, part.choice)
    if found is None:
        return {"runner_up": NONE, "runner_up_score": np.nan, "margin": np.nan}
    return {
        "runner_up": parameters_text(found.values, result.problem.study),
        "runner_up_score": found.score,
        "margin": part.candidates[part.choice].score - found.score,
    }


def runner_up(candidates: Sequence[Candidate], choice: int) -> Candidate | None:
    """Return the candidate with the best score beside the chosen one, the first of equals; None where none has one."""
    scores = scores_of(candidates)
    others = np.flatnonzero(~np.isnan(scores) & (np.arange(len(scores)) != choice))
    return candidates[int(others[np.argmax(scores[others])])] if len(others) else None


def _earned(result: WalkForwardResult, accounts: Sequence[Simulation], place: int) -> Earned | None:
    """Cut what a fold's decisions earned: from the bar after each of its blocks' first to the next's first."""
    found: list[tuple[pd.Series, pd.Series]] = []
    for record, account in zip(result.records, accounts, strict=False):
        stops = [int(piece.test[0]) for piece in record.pieces[1:]] + [len(result.problem.bars) - 1]
        spans = [(int(piece.test[0]), stop) for piece, stop in zip(record.pieces, stops, strict=True)
                 if piece.place == place]  # fmt: skip
        for start, stop in spans:
            rows = slice(max(start - result.first, 0) + 1, max(stop - result.first, 0) + 1)
            found.append((account.returns.iloc[rows], account.risk_free.iloc[rows]))
    if not sum(len(returns) for returns, _ in found):
        return None
    return Earned(*(pd.concat(parts).sort_index() for parts in zip(*found, strict=True)))


# ------------------------------------------------------------------- all folds


def walk_forward_facts(result: WalkForwardResult, accounts: Sequence[Simulation]) -> dict[str, Any]:
    """What all folds come to: the efficiency over them, and how steady the chosen parameters were.

    Returns
    -------
    dict
        ``in_sample_return``: the mean over the folds; ``out_of_sample_return``: of the whole record; both per year and
        without compounding. ``efficiency``: the one over the other. ``parameters``: by the path of each tuned parameter
        what `steadiness` finds.
    """
    parts = [_earned(result, accounts, place) for place in range(len(result.folds))]
    returns = [part.returns for part in parts if part is not None]
    outside = yearly(result.problem, pd.concat(returns)) if returns else float("nan")
    known = [part.in_sample_return for part in result.folds if not np.isnan(part.in_sample_return)]
    inside = float(np.mean(known)) if known else float("nan")
    return {
        "in_sample_return": inside,
        "out_of_sample_return": outside,
        "efficiency": efficiency(outside, inside),
        "parameters": _parameters(result),
    }


def _parameters(result: WalkForwardResult) -> dict[str, dict[str, float]]:
    chosen, study = [part.chosen for part in result.folds], result.problem.study
    paths = dict.fromkeys(path for values in chosen for path in values)
    texts = [{path: parameters_text({path: value}, study) for path, value in values.items()} for values in chosen]
    return {
        path: steadiness([one.get(path) for one in texts], [values[path] for values in chosen if path in values])
        for path in sorted(paths)
    }


def steadiness(texts: Sequence[str | None], values: Sequence[Any]) -> dict[str, float]:
    """Say how steady a tuned parameter was over the folds.

    Parameters
    ----------
    texts : sequence of str or None
        What each fold chose, written out; None in a fold without it: it belongs to an alternative that was not chosen.
    values : sequence
        The chosen values themselves.

    Returns
    -------
    dict
        ``folds`` that have it, ``distinct`` values, ``repeated``: of the folds after the first that have it, the share
        with the value of the fold before; ``mean`` and ``standard_deviation`` (ddof=1) of numbers, NaN of others.

    Examples
    --------
    >>> found = steadiness(["5", "5", "10"], [5, 5, 10])
    >>> found["distinct"], found["repeated"], round(found["mean"], 3), round(found["standard_deviation"], 3)
    (2, 0.5, 6.667, 2.887)
    """
    same = [before == now for before, now in pairwise(texts) if now is not None]
    numbers = np.array(values, dtype=np.float64) if all(map(_is_number, values)) else np.array([])
    return {
        "folds": len(values),
        "distinct": len({text for text in texts if text is not None}),
        "repeated": float(np.mean(same)) if same else float("nan"),
        "mean": float(numbers.mean()) if numbers.size else float("nan"),
        "standard_deviation": float(numbers.std(ddof=1)) if numbers.size > 1 else float("nan"),
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
