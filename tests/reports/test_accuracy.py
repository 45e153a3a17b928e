"""What a report says of what was forecast."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from quantml.canonical import canonical
from quantml.reports.accuracy import kind
from quantml.signals import MovingAverageCross
from quantml.targets import (
    Direction,
    ExcessReturn,
    ForwardDrawdown,
    ForwardReturn,
    MetaLabel,
    RankReturn,
    RealisedVolatility,
    TripleBarrier,
    VolatilityScaledReturn,
)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (ForwardReturn(), "return"),
        (Direction(), "direction"),
        (Direction(band=0.01), "class"),
        (MetaLabel(MovingAverageCross(5, 20)), "success"),
        (RealisedVolatility(), "volatility"),
        (TripleBarrier(), "class"),
        (RankReturn(), "rank"),
        (ExcessReturn(cash=0.02), "return"),
        (VolatilityScaledReturn(), "return"),
        (ForwardDrawdown(), "value"),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_what_is_forecast_is_read_off_the_study(target: Any, told: str) -> None:
    facts = cast(Any, SimpleNamespace(study={"target": canonical(target)}))
    assert kind(facts) == told
