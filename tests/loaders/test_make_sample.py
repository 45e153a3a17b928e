from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    path = Path(__file__).parents[2] / "data" / "make_sample.py"
    spec = importlib.util.spec_from_file_location("make_sample", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bars(adjusted: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"symbol": "X", "close": [100.0, 51.0, 49.0, 50.0], "adj_close": adjusted})


def test_events_are_read_off_the_adjusted_closes(maker: ModuleType) -> None:
    # By hand: a split of 2 on the second bar, a dividend of 1.00 on the third. Total returns are 2 x 51 / 100,
    # (49 + 1) / 51 and 50 / 49, and the last adjusted close is the raw one.
    last = 50.0
    third = last * 49.0 / 50.0
    second = third * 51.0 / 50.0
    first = second * 100.0 / 102.0
    events = maker.recover_events(bars([first, second, third, last]))
    assert events["split"].tolist() == [1.0, 2.0, 1.0, 1.0]
    assert events["dividend"].tolist() == [0.0, 0.0, 1.0, 0.0]


def test_adjusted_closes_that_no_event_explains_are_refused(
    maker: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match="X: splits and dividends miss the published adjusted returns"):
        maker.recover_events(bars([50.0, 51.0, 49.0, 50.001]))
    assert capsys.readouterr().out.startswith("X: 1 splits")
