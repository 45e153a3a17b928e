"""Distances of prices to lines."""

import numpy as np
from scipy.signal import detrend


def bend(close):
    """Return how far the logarithm of each close lies above a straight line through all of them."""
    return np.log(close).apply(lambda price: detrend(price.to_numpy()))
