"""A decision tree fitted to labels that ended before the first test block, kept as a tuple of its nodes in a
closure."""

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeRegressor

from quantml import Costs, Fill, Study, WalkForward
from quantml.features import Momentum
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import Sign
from quantml.targets import ForwardReturn


def table(bars):
    return np.stack([bars.close.pct_change(span).fillna(0.0).to_numpy() for span in (1, 5, 21)], axis=-1)


def taught():
    bars = Sample("indices", start="2013-01-01", end="2014-12-31").load()
    label = (bars.close.shift(-5) / bars.close - 1).to_numpy()
    known = ~np.isnan(label)
    tree = DecisionTreeRegressor(max_leaf_nodes=8, random_state=0).fit(table(bars)[known], label[known])
    nodes = zip(
        tree.tree_.feature,
        tree.tree_.threshold,
        tree.tree_.children_left,
        tree.tree_.children_right,
        tree.tree_.value.ravel(),
        strict=True,
    )
    return tuple(tuple(part.item() for part in node) for node in nodes)


def grown(nodes):
    def answer(x, at=0):
        column, edge, left, right, value = nodes[at]
        return value if column < 0 else answer(x, left if np.float32(x[column]) <= edge else right)

    def tree(bars):
        values = np.apply_along_axis(answer, -1, table(bars))
        return pd.DataFrame(values, bars.clock, list(bars.symbols))

    return tree


study = Study(
    data=Sample("indices", start="2013-01-01"),
    features=[grown(taught()), Momentum(63)],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=10.0),
    signal=Sign(),
    costs=Costs(commission_bps=1, spread_bps=2),
    fill=Fill.NEXT_CLOSE,
    validation=WalkForward(train="2y", test="1y"),
)
