"""What targets share: the newest known value, frozen arrays, checks of horizon and start."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml.errors import DataError, ParameterError
from quantml.space import Choice
from quantml.targets import Direction, ForwardReturn, RealisedVolatility, Target, TargetRule, latest_known
from quantml.timing import UNKNOWN, Fill
from tests.targets.panels import NAN, NO, drifting, priced, table


def test_latest_known_is_the_newest_label_that_has_ended() -> None:
    built = ForwardReturn(1).build(priced(), Fill.NEXT_OPEN)
    a, b, c = built.values.T
    expected = table(
        A=[NAN, NAN, a[0], a[1], a[2], a[3]], B=[NAN, NAN, b[0], b[0], b[1], b[2]], C=[NAN, NAN, NAN, NAN, c[2], c[3]]
    )
    np.testing.assert_array_equal(latest_known(built), expected)


def test_latest_known_prefers_the_later_decision_where_labels_overlap() -> None:
    # the first decision's label ends last, and the second and third end together
    label_end = np.array([[3], [2], [2], [NO]])
    values = np.array([[1.0], [2.0], [3.0], [NAN]])
    clock = pd.bdate_range("2024-01-01", periods=4)
    target = Target(clock, ("A",), values, label_end, 1, "fill", "return", "barrier")
    np.testing.assert_array_equal(latest_known(target)[:, 0], [NAN, NAN, 3.0, 3.0])


def test_a_horizon_beyond_the_data_is_known_nowhere() -> None:
    for rule in (ForwardReturn(50), RealisedVolatility(50)):
        built = rule.build(priced(), Fill.NEXT_CLOSE)
        assert np.isnan(built.values).all()
        assert (built.label_end == UNKNOWN).all()


def test_a_target_is_read_only_also_after_a_pickle() -> None:
    built = ForwardReturn(1).build(priced(), Fill.NEXT_OPEN)
    for target in (built, pickle.loads(pickle.dumps(built))):
        with pytest.raises(ValueError, match="read-only"):
            target.values[0, 0] = 1.0
        with pytest.raises(ValueError, match="read-only"):
            target.label_end[0, 0] = 1
    frame = built.frame
    frame.iloc[0, 0] = 9.0
    assert built.frame.iloc[0, 0] == 110 / 104 - 1
    assert list(frame.columns) == ["A", "B", "C"]


@pytest.mark.parametrize("rule", [ForwardReturn(), Direction(), RealisedVolatility(2, "fill")], ids=str)
def test_a_start_at_the_open_needs_opens(rule: TargetRule) -> None:
    with pytest.raises(DataError) as caught:
        rule.build(drifting(), Fill.NEXT_OPEN)
    name = type(rule).__name__
    assert str(caught.value) == (
        f"bars of a {name} that starts at Fill.NEXT_OPEN must have the field 'open'; got 'close'. "
        "Use Fill.NEXT_CLOSE, or bars with opens."
    )


@pytest.mark.parametrize("kind", [ForwardReturn, Direction, RealisedVolatility])
def test_parameters_out_of_range(kind: Any) -> None:
    least = 2 if kind is RealisedVolatility else 1
    for horizon in (least - 1, -1, 1.5, True, "5"):
        with pytest.raises(ParameterError, match=f"horizon must be a whole number of bars, at least {least}; got"):
            kind(horizon)
    with pytest.raises(ParameterError) as caught:
        kind(5, "closes")
    text = f"{kind.__name__}.start must be 'fill' or 'close'; got 'closes'. Did you mean 'close'?"
    assert str(caught.value) == text


def test_every_alternative_of_a_search_space_is_checked() -> None:
    assert ForwardReturn(Choice(1, 5)).horizon is not None
    with pytest.raises(ParameterError, match=r"ForwardReturn\.horizon must be"):
        ForwardReturn(Choice(5, 0))
