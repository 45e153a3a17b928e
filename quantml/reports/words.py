"""Numbers, dates and names as a reader wants to see them; one dash for what has no value."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import pandas as pd

DASH: Final = "–"
"""Shown where a number has no value."""

THIN_SPACE: Final = "\u202f"
MINUS: Final = "\u2212"

_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "annual_volatility": "Volatility per year",
        "excess_return": "Excess annual return",
        "best_period": "Best bar",
        "worst_period": "Worst bar",
        "kurtosis": "Excess kurtosis",
        "rmse": "Root mean squared error",
        "mae": "Mean absolute error",
        "qlike": "QLIKE loss of the variance",
        "f1": "F1 score",
        "brier": "Brier score",
        "log_loss": "Log loss",
        "max_drawdown": "Maximum drawdown",
        "hit_rate": "Hit rate (bars with a gain)",
        "win_rate": "Win rate (of bars with a return)",
    }
)
_PROPER: Final = ("sharpe", "sortino", "calmar", "martin", "kelly")

PERCENTAGES: Final = frozenset(
    {
        "alpha", "annual_return", "annual_volatility", "average_drawdown", "best_period", "certainty_equivalent_return",
        "directional_accuracy", "downside_deviation", "excess_return", "f1", "hit_rate", "max_drawdown", "pain_index",
        "precision", "recall", "total_return", "tracking_error", "ulcer_index", "win_rate", "worst_period",
    }
)  # fmt: skip
"""Measures that are shown in percent."""

COUNTS: Final = frozenset({"longest_drawdown", "pairs", "left_out"})
"""Measures that are whole numbers."""


def is_number(value: Any) -> bool:
    """Say whether `value` is a finite number; None stands for NaN in what is read back from JSON."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def number(value: Any, digits: int = 2, *, signed: bool = False) -> str:
    """Write a number with a fixed number of decimals.

    >>> number(-1234.5678), number(0.5, signed=True), number(None)
    ('−1,234.57', '+0.50', '–')
    """
    if not is_number(value):
        return DASH
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    if float(text.replace(",", "")) == 0.0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def percent(value: Any, digits: int = 1, *, signed: bool = False) -> str:
    """Write a fraction in percent, with a thin space before the sign.

    >>> percent(-0.1234).replace(THIN_SPACE, "_")
    '−12.3_%'
    """
    return f"{number(100.0 * value, digits, signed=signed)}{THIN_SPACE}%" if is_number(value) else DASH


def count(value: Any) -> str:
    """Write a whole number.

    >>> count(12345.0)
    '12,345'
    """
    return number(value, 0)


def significant(value: Any, digits: int = 4) -> str:
    """Write a number of unknown size with so many significant digits.

    >>> significant(0.000123456), significant(3.0), significant(None)
    ('0.0001235', '3', '–')
    """
    return f"{value:.{digits}g}".replace("-", MINUS) if is_number(value) else DASH


def measure(name: str, value: Any) -> str:
    """Write a metric's value in its unit."""
    if name in COUNTS:
        return count(value)
    return percent(value) if name in PERCENTAGES else number(value)


def between(low: Any, high: Any, name: str) -> str:
    """Write a range of a metric; a dash where an end is missing or infinite."""
    if not (is_number(low) and is_number(high)):
        return DASH
    return f"{measure(name, low)} to {measure(name, high)}"


def title(name: str) -> str:
    """Write the name of a metric, or of any other value, in words.

    >>> title("sharpe_ratio"), title("tail_ratio"), title("rmse")
    ('Sharpe ratio', 'Tail ratio', 'Root mean squared error')
    """
    if name in _NAMES:
        return _NAMES[name]
    words = [word.capitalize() if word in _PROPER else word for word in name.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def typeset(text: str) -> str:
    """Give the negative numbers of a sentence a true minus sign.

    >>> typeset("from -0.1 to 0.2, block-wise, 2001-01-02")
    'from −0.1 to 0.2, block-wise, 2001-01-02'
    """
    return re.sub(r"(?<![\w.])-(?=\d)", MINUS, text)


def plural(amount: int, noun: str, many: str = "") -> str:
    """Write an amount of something.

    >>> plural(1, "trade"), plural(1200, "trade"), plural(2, "index", "indices")
    ('1 trade', '1,200 trades', '2 indices')
    """
    return f"{amount:,} {noun if amount == 1 else many or noun + 's'}"


def day(moment: Any) -> str:
    """Write a time as a date, with the time of day where there is one.

    >>> day("2001-03-01T00:00:00"), day(pd.Timestamp("2001-03-01 15:30", tz="UTC"))
    ('2001-03-01', '2001-03-01 15:30')
    """
    stamp = pd.Timestamp(moment)
    if stamp is pd.NaT:
        return DASH
    return f"{stamp:%Y-%m-%d}" if stamp == stamp.normalize() else f"{stamp:%Y-%m-%d %H:%M}"


def listed(parts: list[str], most: int = 12) -> str:
    """Join names with commas, the rest of a long list as a number.

    >>> listed(["A", "B", "C"], most=2)
    'A, B and 1 more'
    """
    if len(parts) <= most:
        return ", ".join(parts)
    return f"{', '.join(parts[:most])} and {len(parts) - most:,} more"
