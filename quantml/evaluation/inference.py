"""How far the figures of a record can be from the truth.

Intervals come from a block bootstrap, because returns are dependent. The probabilistic and the deflated Sharpe ratio,
and the record lengths that belong to them, are closed forms for independent returns that need not be normal; their
Sharpe ratios are per period. The probability of backtest overfitting looks at many configurations at once.
"""

from quantml.evaluation.bootstrap import BlockLength, optimal_block_length
from quantml.evaluation.intervals import Interval, annual_return_interval, excess_interval, sharpe_interval
from quantml.evaluation.overfitting import overfitting_logits, probability_of_backtest_overfitting
from quantml.evaluation.sharpe import (
    SharpeEstimate,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    minimum_backtest_length,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    sharpe_standard_error,
)

__all__ = [
    "BlockLength",
    "Interval",
    "SharpeEstimate",
    "annual_return_interval",
    "deflated_sharpe_ratio",
    "excess_interval",
    "expected_maximum_sharpe",
    "minimum_backtest_length",
    "minimum_track_record_length",
    "optimal_block_length",
    "overfitting_logits",
    "probabilistic_sharpe_ratio",
    "probability_of_backtest_overfitting",
    "sharpe_interval",
    "sharpe_standard_error",
]
