"""The verdict on a strategy, in plain words, from what its record can and cannot show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from quantml.evaluation.bootstrap import FEWEST, Seed
from quantml.evaluation.deflation import Deflation
from quantml.evaluation.intervals import RESAMPLES, Interval, excess_interval, sharpe_interval
from quantml.evaluation.performance import total_return
from quantml.evaluation.relative import excess_return
from quantml.evaluation.series import as_pair

Outcome = Literal["supported", "inconclusive", "rejected", "void"]


@dataclass(frozen=True)
class Verdict:
    """What a record says about "it earns something for its risk, and more than its benchmark".

    Parameters
    ----------
    outcome : str
        ``"supported"``: the intervals of both `sharpe_ratio` and `excess_return` lie above zero. ``"rejected"``:
        one of them lies below zero, or the account was lost. ``"void"``: the record was made with knowledge of what
        came later (`void`). ``"inconclusive"``: anything else.
    paragraph : str
        The verdict in words, for a reader who knows no statistics.
    sharpe_ratio : Interval
        Of the annual Sharpe ratio; without a range where the account was lost.
    excess_return : Interval
        Of the annual return less the benchmark's.
    years : float
        Length of the record.
    years_needed : float or None
        Length at which both intervals would exclude zero if everything else stayed as it was; None where one of the
        two estimates is not above zero, or has no interval.
    deflation : Deflation or None
        What the variants that were tried take off the Sharpe ratio; None where they were not counted.
    """

    outcome: Outcome
    paragraph: str
    sharpe_ratio: Interval
    excess_return: Interval
    years: float
    years_needed: float | None
    deflation: Deflation | None = None

    @property
    def trials_counted(self) -> bool:
        """Whether the number of variants that were tried is known."""
        return self.deflation is not None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Verdict:
        """Rebuild a verdict from `dataclasses.asdict`, also after JSON, where NaN and infinity became null."""
        held = content.get("deflation")
        read = {field.name: content[field.name] for field in fields(cls) if field.name != "deflation"}
        intervals = {name: _read_interval(read[name]) for name in ("sharpe_ratio", "excess_return")}
        return cls(**{**read, **intervals}, deflation=None if held is None else Deflation.from_dict(held))


def _read_interval(content: Mapping[str, Any]) -> Interval:
    known: dict[str, Any] = {name: math.nan if part is None else part for name, part in content.items()}
    return Interval(**known)


def judge(
    returns: ArrayLike,
    benchmark: ArrayLike,
    *,
    periods_per_year: float,
    seed: Seed,
    risk_free: ArrayLike = 0.0,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> Verdict:
    """Judge a record of net returns beside its benchmark's.

    Parameters
    ----------
    returns, benchmark : array_like, shape (T,)
        Simple returns of the same periods, out of sample and net of costs.
    periods_per_year : float
        Periods in a year.
    seed : int or numpy SeedSequence
        Equal seeds give equal verdicts.
    risk_free : float or array_like, shape (T,)
        What cash earned, per period; the Sharpe ratio is of what was earned beyond it.
    confidence : float
        Of the two intervals.
    resamples : int
        Resampled records behind each interval.

    Returns
    -------
    Verdict
        Inconclusive where the returns do not vary or there are fewer than 20 of them.

    Raises
    ------
    DataError
        If a return is NaN, infinite or below -1, or the series do not match.

    Examples
    --------
    >>> import numpy as np
    >>> benchmark, noise = np.random.default_rng(1).normal(0.0, 0.01, (2, 1000))
    >>> judge(benchmark + 0.001 + 0.1 * noise, benchmark, periods_per_year=252, seed=1).outcome
    'inconclusive'
    >>> judge(0.1 * benchmark + 0.001 + 0.1 * noise, benchmark, periods_per_year=252, seed=1).outcome
    'supported'
    """
    own, _ = as_pair(returns, benchmark)
    how: dict[str, Any] = {"periods_per_year": periods_per_year, "confidence": confidence, "resamples": resamples}
    sharpe = sharpe_interval(returns, seed=seed, risk_free=risk_free, **how)
    lost = total_return(returns) == -1.0
    if lost:  # no luck in another record gives it back: there is no range
        sharpe = replace(sharpe, low=math.nan, high=math.nan)
    if lost or total_return(benchmark) == -1.0:
        gap = excess_return(returns, benchmark=benchmark, periods_per_year=periods_per_year)
        excess = replace(sharpe, estimate=gap, low=math.nan, high=math.nan)
    else:
        excess = excess_interval(returns, benchmark, seed=seed, **how)
    years = own.size / periods_per_year
    needed = None if lost else _years_needed(years, sharpe, excess)
    outcome: Outcome = "rejected" if lost else _outcome(sharpe, excess)
    judged = [_LOST] if lost else _judged(outcome, sharpe, excess, needed, beyond=bool(np.any(risk_free)))
    return Verdict(outcome, _paragraph(sharpe, years, judged), sharpe, excess, years, needed)


def void(verdict: Verdict, leaks: Sequence[str]) -> Verdict:
    """Return the verdict on a record that was made with knowledge of what came later: it says nothing.

    Parameters
    ----------
    verdict : Verdict
    leaks : sequence of str
        What was found, one sentence each.
    """
    found = "one leak" if len(leaks) == 1 else f"{len(leaks)} leaks"
    paragraph = (
        f"The look-ahead audit found {found}: {leaks[0].rstrip('.')}. What this record earned, it earned with"
        " knowledge that nobody had at the time, so it says nothing about the strategy. Mend that, and run it again."
    )
    return replace(verdict, outcome="void", paragraph=paragraph, years_needed=None)


def among_paths(verdict: Verdict, count: int) -> Verdict:
    """Return the verdict on one of the backtest paths of a combinatorial study, which supports nothing by itself.

    Its models were trained on what came after the blocks that they were tested on too: nobody could have traded so.

    Parameters
    ----------
    verdict : Verdict
    count : int
        Number of paths.
    """
    which = "the only backtest path" if count == 1 else f"the first of {count} backtest paths"
    said = (
        f"This is {which} of a combinatorial study, whose models were also trained on what came after the blocks"
        " that they were tested on: no account could have earned it, and at best the question stays open. It shows what"
        " hangs on the rows trained on; a walk-forward shows what could have been traded."
    )
    outcome: Outcome = "inconclusive" if verdict.outcome == "supported" else verdict.outcome
    return replace(verdict, outcome=outcome, paragraph=f"{said} {verdict.paragraph}", years_needed=None)


def counted(verdict: Verdict, deflation: Deflation) -> Verdict:
    """Return the verdict with the variants that were tried counted, and said in its words.

    Parameters
    ----------
    verdict : Verdict
        That of `judge`.
    deflation : Deflation
    """
    told = " ".join([deflation.sentence, *deflation.looks])
    paragraph = f"{verdict.paragraph.removesuffix(UNCOUNTED).rstrip()} {told}"
    return replace(verdict, paragraph=paragraph, deflation=deflation)


def _outcome(sharpe: Interval, excess: Interval) -> Outcome:
    if math.isnan(sharpe.estimate):
        return "inconclusive"
    if sharpe.high < 0.0 or excess.high < 0.0:
        return "rejected"
    return "supported" if sharpe.low > 0.0 and excess.low > 0.0 else "inconclusive"


def _years_needed(years: float, *intervals: Interval) -> float | None:
    """Ranges shrink with the square root of the length of a record; their lower ends have to reach zero."""
    if not all(part.estimate > 0.0 and math.isfinite(part.width) for part in intervals):
        return None
    return years * max((part.estimate - part.low) / part.estimate for part in intervals) ** 2


UNCOUNTED: Final = (
    "How many other variants were tried before this one is not counted: the more there were, the more likely a good"
    " result is luck."
)
"""What is said of the number of trials until it is known."""
_LOST: Final = (
    "The account was lost: nothing was left of it, and no average over the years says more. The record speaks against"
    " the strategy."
)


def _paragraph(sharpe: Interval, years: float, judged: list[str]) -> str:
    sentences = [
        "Tested: does the strategy, after costs, earn something for its risk, and more than its benchmark?",
        f"The record covers {_years(years)} ({sharpe.observations:,} periods).",
        *judged,
        UNCOUNTED,
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _judged(outcome: Outcome, sharpe: Interval, excess: Interval, needed: float | None, *, beyond: bool) -> list[str]:
    if math.isnan(sharpe.estimate):
        return ["Its returns never varied, so there is nothing to judge."]
    return [
        *_findings(sharpe, excess, "return beyond cash" if beyond else "return"),
        _conclusion(outcome, sharpe, excess),
        _length(outcome, sharpe, excess, needed),
    ]


def _findings(sharpe: Interval, excess: Interval, earned: str) -> list[str]:
    gap = 100.0 * excess.estimate
    found = [
        f"Its Sharpe ratio, the average yearly {earned} over the usual size of its yearly ups and downs, was "
        f"{sharpe.estimate:.2f}{_range(sharpe, 1.0, '.2f')}.",
        f"It returned {abs(gap):.1f} percentage points a year {'more' if gap >= 0.0 else 'less'} than its benchmark"
        f"{_range(excess, 100.0, '+.1f')}.",
    ]
    if math.isfinite(sharpe.width) or math.isfinite(excess.width):
        found.append(f"Ranges made this way hold the true value in {100.0 * sharpe.confidence:g} of 100 records.")
    return found


def _range(interval: Interval, scale: float, form: str) -> str:
    if math.isnan(interval.width):
        return ""
    if math.isinf(interval.width):
        return " (no range: it hangs on too few of the periods)"
    return f" (allowing for luck, anything from {interval.low * scale:{form}} to {interval.high * scale:{form}})"


def _conclusion(outcome: Outcome, sharpe: Interval, excess: Interval) -> str:
    if math.isnan(sharpe.width):
        return f"Fewer than {FEWEST} periods decide nothing."
    named = {"the Sharpe ratio's": sharpe, "the benchmark comparison's": excess}
    ruined = "The benchmark was lost, so there is nothing to compare with. " if math.isnan(excess.width) else ""
    if outcome == "supported":
        return "Both ranges lie above zero: the record supports the strategy."
    if outcome == "rejected":
        below = " and ".join(name for name, part in named.items() if part.high < 0.0)
        return f"{ruined}A range that lies below zero ({below}) speaks against the strategy."
    if ruined:
        return f"{ruined}It is undecided."
    unclear = " and ".join(name for name, part in named.items() if not part.low > 0.0)
    range_of = f"range that does not exclude zero ({unclear}) means that luck alone could explain"
    if short := _short(sharpe, excess):
        return f"The record does not support the strategy: {short}. But a {range_of} that: it is undecided."
    return f"A {range_of} the result: it is undecided."


def _short(sharpe: Interval, excess: Interval) -> str:
    """Say which of the two estimates is not above zero; nothing where both are."""
    if not sharpe.estimate > 0.0:
        return "it earned nothing for its risk"
    return "" if excess.estimate > 0.0 else "it did not beat its benchmark"


def _length(outcome: Outcome, sharpe: Interval, excess: Interval, needed: float | None) -> str:
    if outcome == "rejected" or math.isnan(sharpe.width) or math.isnan(excess.width):
        return ""
    if needed is not None:
        known = "would have been enough" if outcome == "supported" else "would be needed to decide"
        return f"At this pace a record of about {_years(needed)} {known}."
    return "A longer record of the same kind would not support it either." if _short(sharpe, excess) else ""


def _years(years: float) -> str:
    if years > 1000.0:
        return "more than 1,000 years"
    if years < 1.0:
        return f"{12.0 * years:.1f} months"
    return f"{years:.0f} years" if years >= 10.0 else f"{years:.1f} years"
