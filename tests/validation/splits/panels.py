"""Random clocks and label intervals, and the purge written out over all pairs of rows."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from quantml.timing import UNKNOWN


def days(count, start="2020-01-01"):
    return pd.bdate_range(start, periods=count, unit="us")


def table(folds):
    return [(fold.train.tolist(), fold.test.tolist()) for fold in folds]


@st.composite
def clocks(draw, least=4, most=60):
    gaps = draw(st.lists(st.sampled_from([1, 1, 1, 3, 4, 30]), min_size=least, max_size=most))
    return pd.DatetimeIndex(pd.Timestamp("2019-12-30") + pd.to_timedelta(np.cumsum(gaps), unit="D"))


@st.composite
def label_ends(draw, rows):
    """Where labels of 1 to 3 symbols end: symbols start late, miss bars, are delisted, and look 0 to 6 bars ahead."""
    columns = []
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(0, rows - 1))
        last = draw(st.integers(first, rows - 1))
        absent = draw(st.sets(st.integers(first, last), max_size=3))
        bars = [row for row in range(first, last + 1) if row not in absent]
        ends = np.full(rows, UNKNOWN)
        for place, row in enumerate(bars):
            ahead = place + draw(st.integers(0, 6))
            ends[row] = bars[ahead] if ahead < len(bars) else UNKNOWN
        columns.append(ends)
    return np.stack(columns, axis=1)


def allowed(fold, ends, embargo):
    """The rows of a fold that may train, (time, symbol), found by looking at each pair of a training and a test row."""
    blocks, rows = cut(fold.test.tolist()), set()
    for time in fold.train.tolist():
        for symbol, end in enumerate(ends[time].tolist()):
            if end == UNKNOWN:
                continue
            clear = True
            for block in blocks:
                tested = [(other, last) for other in block for last in ends[other].tolist()]
                reaches_in = any(end > other - embargo for other, _ in tested)
                begins_before_its_end = any(
                    time < (other if last == UNKNOWN else max(other, last)) + embargo for other, last in tested
                )
                clear &= not (reaches_in and begins_before_its_end)
            if clear:
                rows.add((time, symbol))
    return rows


def cut(positions):
    """Cut increasing positions where one is missing."""
    blocks = [[positions[0]]]
    for position in positions[1:]:
        if position == blocks[-1][-1] + 1:
            blocks[-1].append(position)
        else:
            blocks.append([position])
    return blocks


def kept(fold, ends):
    """The rows that the fold itself lets train, (time, symbol)."""
    row, symbol = np.nonzero(fold.allows(ends))
    return set(zip(fold.train[row].tolist(), symbol.tolist(), strict=True))


def labels(ends, positions):
    """The label intervals (time, end] of rows, where they come to be known."""
    return [(int(time), end) for time in positions for end in ends[time].tolist() if end != UNKNOWN]


def share_a_bar(one, other):
    """Say whether two label intervals (time, end] have a bar in common."""
    return max(one[0], other[0]) < min(one[1], other[1])
