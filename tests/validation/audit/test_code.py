"""Code that holds tables or reads data by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quantml import Bars, load_study
from quantml.loaders import Synthetic
from quantml.validation.audit.code import inspect_code
from quantml.validation.audit.findings import Leak
from tests.validation.audit.planted import BARS, rule, study


def found(feature: Any) -> list[Leak]:
    return list(inspect_code(study(features=[feature])))


HELD = BARS.close


def from_a_frame(bars: Bars) -> pd.DataFrame:
    return HELD.reindex(bars.clock)


def from_a_file(bars: Bars) -> pd.DataFrame:
    table = pd.read_csv("prices.csv")
    return bars.close * len(table)


def from_numpy(bars: Bars) -> pd.DataFrame:
    return bars.close * np.load("prices.npy")


def from_an_open_file(bars: Bars) -> pd.DataFrame:
    with open("prices.csv") as file:
        return bars.close * len(file.read())


def helped(bars: Bars) -> pd.DataFrame:
    return from_a_file(bars)


def nested(bars: Bars) -> pd.DataFrame:
    def inner() -> str:
        return Path("prices.csv").read_text()

    return bars.close * len(inner())


class Reader:
    def __call__(self, bars: Bars) -> pd.DataFrame:
        return bars.close * len(pd.read_parquet("prices.parquet"))


def loads(bars: Bars) -> pd.DataFrame:
    return Synthetic(symbols=2, sessions=240, seed=1).load().close.reindex(bars.clock)


def opens(bars: Bars) -> pd.DataFrame:
    return bars.open / {"a": bars.close}.get("a")


def test_a_frame_that_is_held() -> None:
    (leak,) = found(from_a_frame)
    assert (leak.stage, leak.part) == ("code", "captured data")
    assert "HELD, a frame" in leak.evidence
    assert leak.evidence.endswith("What it holds cannot be cut off at any moment.")


@pytest.mark.parametrize(
    ("feature", "part", "call"),
    [
        (from_a_file, "from_a_file", "pd.read_csv"),
        (from_numpy, "from_numpy", "np.load"),
        (from_an_open_file, "from_an_open_file", "open"),
        (helped, "from_a_file", "pd.read_csv"),
        (nested, "nested", "Path('prices.csv').read_text"),
        (Reader(), "Reader.__call__", "pd.read_parquet"),
    ],
    ids=["csv", "numpy", "open", "helper", "nested", "method"],
)
def test_data_that_code_reads_by_itself(feature: Any, part: str, call: str) -> None:
    leak = found(feature)[0]
    assert (leak.stage, leak.part) == ("code", part)
    assert leak.evidence.startswith(f"it calls {call} on line ")
    assert leak.evidence.endswith(
        "of test_code.py: what that gives cannot be cut off at any moment. Hand outside data over as Exogenous."
    )


def test_the_line_is_that_of_the_call() -> None:
    line = next(n for n, text in enumerate(Path(__file__).read_text().splitlines(), 1) if "= pd.read_csv" in text)
    assert f"on line {line} of" in found(from_a_file)[0].evidence


def test_loaders_and_names_alike_are_no_files() -> None:
    assert not found(loads)  # a loader of this package is cut off with the bars
    assert not found(opens)


def test_a_signal_is_looked_at_too() -> None:
    def signal(inputs: Any, context: Any) -> Any:
        return context.bars.close * len(pd.read_csv("weights.csv"))

    assert [leak.part for leak in inspect_code(rule(signal))] == ["test_a_signal_is_looked_at_too.<locals>.signal"]


def test_a_study_file_may_read_a_file_where_it_is_declared(tmp_path: Path) -> None:
    """What a file reads outside its functions is seen by reading it again."""
    (tmp_path / "table.csv").write_text("window\n3\n")
    text = """
import pandas as pd
from pathlib import Path
from quantml import Study, WalkForward
from quantml.features import Returns
from quantml.loaders import Synthetic
from quantml.signals import RankLongShort

WINDOW = int(pd.read_csv(Path(__file__).with_name("table.csv")).window[0])

def inside(bars):
    return bars.close * len(pd.read_csv("table.csv"))

study = Study(data=Synthetic(symbols=2, sessions=240, seed=1), features=[Returns(WINDOW){}],
              signal=RankLongShort(0.5, by=Returns(2)), validation=WalkForward(train=100, test=40))
"""
    for name, extra in (("clean", ""), ("leak", ", inside")):
        (tmp_path / f"{name}.py").write_text(text.replace("{}", extra))
    assert not list(inspect_code(load_study(tmp_path / "clean.py")))
    (leak,) = inspect_code(load_study(tmp_path / "leak.py"))
    assert leak.part == "inside"
    assert "pd.read_csv on line 12 of leak.py" in leak.evidence
