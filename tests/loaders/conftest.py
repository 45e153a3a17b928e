from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from quantml.loaders import yahoo_client
from tests.loaders.yahoo_server import YahooServer

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def original() -> pd.DataFrame:
    """The published rows of the samples `stocks` and `indices`, with the source's adjusted closes."""
    path = REPOSITORY.parent / "shared" / "sample" / "daily_ohlcv_6.csv.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not beside this checkout")
    return pd.read_csv(path, parse_dates=["date"])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[YahooServer]:
    """Yahoo on the loopback interface, and a yfinance that remembers nothing."""
    import yfinance
    from yfinance import base, data

    monkeypatch.setattr(data.SingletonMeta, "_instances", {})
    monkeypatch.setattr(base, "_tz_info_fetch_ctr", 0)
    data.YfData.cache_get.cache_clear()
    before = yfinance.cache._TzDBManager.get_location()
    with YahooServer() as server:
        yield server
    yahoo_client.keep_caches_in(Path(before))


@pytest.fixture(params=["curl", "requests"])
def session(request: pytest.FixtureRequest, server: YahooServer) -> Iterator[Any]:
    """A session of each kind that yfinance takes, whose every request goes to the server."""
    with server.session(request.param) as session:
        yield session


@pytest.fixture
def curl(server: YahooServer) -> Iterator[Any]:
    """A session of the kind that yfinance makes for itself, whose every request goes to the server."""
    with server.session("curl") as session:
        yield session


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the loader would have slept, in seconds; it does not sleep."""
    slept: list[float] = []
    monkeypatch.setattr(yahoo_client, "sleep", slept.append)
    return slept
