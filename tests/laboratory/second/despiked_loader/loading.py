"""A loader that repairs what looks like an outlier."""

from dataclasses import dataclass

import numpy as np

from quantml import Bars
from quantml.loaders import Sample


@dataclass(frozen=True)
class Despiked:
    """Closes of a sample, with large moves replaced."""

    source: Sample
    deviations: float = 2.0
    two_sided: bool = False

    def load(self):
        """Load and repair."""
        close = self.source.load().close
        move = np.log(close).diff()
        odd = move.abs() > self.deviations * move.rolling(63).std()
        second = close.shift(-1) if self.two_sided else close
        other = (close.shift(1) + second) / 2
        return Bars.from_close(close.mask(odd, other).ffill(), calendar="XNYS", periods_per_year=252)
