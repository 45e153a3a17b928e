from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def original() -> pd.DataFrame:
    """The published rows of the samples `stocks` and `indices`, with the source's adjusted closes."""
    path = REPOSITORY.parent / "shared" / "sample" / "daily_ohlcv_6.csv.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not beside this checkout")
    return pd.read_csv(path, parse_dates=["date"])
