"""Distances of prices to lines."""

import numpy as np


def bend(close, window=252):
    """Return how far the logarithm of each close lies above a straight line through the last ones."""
    x = np.arange(window) - (window - 1) / 2
    pull = 1 / window + x[-1] * x / (x @ x)
    price = np.log(close)
    return price - price.rolling(window).apply(lambda part: part @ pull, raw=True)
