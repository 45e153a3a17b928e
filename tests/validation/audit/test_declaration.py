"""Studies that were declared with knowledge of what came later, in files that are read again."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from quantml import load_study
from quantml.validation.audit.declaration import Declaration
from quantml.validation.audit.worlds import Morning, Perturbed, Truncated
from tests.validation.audit.planted import finished, only, only_notice

FIRST = 100  # the first decision
STUDY = """
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from quantml import Bars, Exogenous, Study, WalkForward
from quantml.features import Momentum, Outside, Returns
from quantml.forecasters import Ridge
from quantml.loaders import Synthetic
from quantml.signals import Sign
from quantml.targets import ForwardReturn
from quantml.universe import Membership

WORLD = Synthetic(symbols=2, sessions=240, seed=1)
data, features, exogenous, universe, signal = WORLD, [Returns(1)], [], None, Sign()
{}
study = Study(data=data, features=features, exogenous=exogenous, universe=universe, target=ForwardReturn(2),
              forecaster=Ridge(), signal=signal, validation=WalkForward(train=100, test=40))
"""
LOADER = """
class Own:
    def load(self):
        frame = WORLD.load().to_frame()
        {}
        return Bars.from_frame(frame.dropna(), periods_per_year=252)

data = Own()
"""
CHOSEN = "after = WORLD.load().close{}\nfeatures = [Momentum(5 if after.iloc[-1, 0] > after.iloc[-40, 0] else 9)]"
TABLE = """
close = WORLD.load().close
table = (close.shift({}) / close - 1.0).dropna().rename_axis(None)
exogenous = [Exogenous(table, name="moods", lag="0d")]
features = [Outside("moods", "S1")]
"""
MEMBERS = """
close = WORLD.load().close
best = (close.iloc[{}] / close.iloc[0]).idxmax()
universe = Membership(pd.DataFrame({{"symbol": [best], "start": [close.index[0]], "end": [pd.NaT]}}))
"""
CACHED = """
@lru_cache(maxsize=1)
def closes():
    return WORLD.load().close

def tomorrow(bars):
    at = closes().index.searchsorted(bars.clock) + {}
    rows = closes().iloc[at.clip(0, len(closes()) - 1)]
    return rows.set_axis(bars.clock) / bars.close - 1.0

features = [tomorrow]
closes()
"""

TIMED = """
@lru_cache(maxsize=1)
def closes():
    return WORLD.load().close

def timed(inputs, context):
    at = closes().index.searchsorted(context.bars.clock) + {}
    rows = closes().iloc[at.clip(0, len(closes()) - 1)].set_axis(context.bars.clock)
    return (rows / context.bars.close - 1.0).clip(-0.4, 0.4)

signal = timed
closes()
"""


def declaration(folder: Path, text: str) -> Declaration:
    file = folder / "study.py"
    file.write_text(STUDY.replace("{}", text))
    study = load_study(file)
    return Declaration(finished(study))


def differences(folder: Path, text: str, seed: int | None = 0) -> list[Any]:
    """What is found in a world with another future, or without one."""
    make = Truncated if seed is None else partial(Perturbed, seed=seed)
    return list(declaration(folder, text).differences(make, FIRST))


@pytest.mark.parametrize("seed", [0, None])
@pytest.mark.parametrize(
    "text",
    [
        "",
        CHOSEN.replace("{}", "[:'2000-05-01']"),
        LOADER.replace("{}", 'frame["volume"] = frame["volume"].shift(1)'),
        TABLE.replace("{}", "1"),
        MEMBERS.format(90),
        CACHED.replace("{}", "0"),
        TIMED.replace("{}", "0"),
        "features = [Momentum(next(iter({5: 1})))]",
    ],
    ids=["plain", "chosen", "loader", "table", "members", "cached", "timed", "constant"],
)
def test_what_was_declared_on_the_past_alone(tmp_path: Path, text: str, seed: int | None) -> None:
    assert not differences(tmp_path, text, seed)


def test_features_that_were_chosen_by_what_came_later(tmp_path: Path) -> None:
    found = [only(part) for seed in range(4) if (part := differences(tmp_path, CHOSEN.replace("{}", ""), seed))]
    assert found  # not every other future decides otherwise
    assert (found[0].stage, found[0].part) == ("declaration", "features")
    assert found[0].evidence == "it would have been declared otherwise, had what came after 2000-05-22 been different."


@pytest.mark.parametrize("seed", [0, None])
@pytest.mark.parametrize(
    ("text", "part"),
    [
        (LOADER.replace("{}", 'frame["volume"] = frame["volume"].shift(-1)'), "bars"),
        (TABLE.replace("{}", "-1"), "outside tables"),
    ],
    ids=["loader", "table"],
)
def test_data_whose_past_knows_later_bars(tmp_path: Path, text: str, part: str, seed: int | None) -> None:
    found = only(differences(tmp_path, text, seed))
    assert (found.stage, found.part) == ("data", part)
    assert found.evidence == "what they hold until 2000-05-22 would have been otherwise, had what came after been so."


def test_a_universe_of_the_last_date(tmp_path: Path) -> None:
    found = [only(part) for seed in range(4) if (part := differences(tmp_path, MEMBERS.format(-1), seed))]
    assert found
    assert (found[0].stage, found[0].part) == ("data", "universe")


@pytest.mark.parametrize("seed", [0, None])
def test_a_feature_that_reads_ahead_in_what_was_loaded_before(tmp_path: Path, seed: int | None) -> None:
    found = only(differences(tmp_path, CACHED.replace("{}", "1"), seed))
    assert (found.stage, found.part, found.row) == ("feature", "tomorrow", FIRST)


@pytest.mark.parametrize("seed", [0, None])
def test_a_signal_that_reads_ahead_in_what_was_loaded_before(tmp_path: Path, seed: int | None) -> None:
    found = only(differences(tmp_path, TIMED.replace("{}", "1"), seed))
    assert (found.stage, found.part, found.row) == ("signal", "timed", FIRST)


def test_a_file_that_fails_in_another_world_was_not_audited(tmp_path: Path) -> None:
    notice = only_notice(differences(tmp_path, "assert len(WORLD.load()) > 200", None))
    assert (notice.kind, notice.part) == ("not audited", "declaration")
    assert notice.text.startswith("In the world of 2000-05-22 it fails: its file fails: AssertionError")


def early(folder: Path, text: str) -> list[Any]:
    declared = declaration(folder, text)
    return list(declared.early_fields(Morning(declared.problem.bars.clock[FIRST], seed=0), FIRST + 1))


OPENS = 'frame["close"] = frame["open"].to_numpy()'
RANGES = 'frame["high"] = frame["low"] = frame["open"].to_numpy()'


def test_a_bar_of_the_open_with_the_range_of_its_day(tmp_path: Path) -> None:
    found = only(early(tmp_path, LOADER.replace("{}", OPENS)))
    assert (found.stage, found.part) == ("data", "Own")
    assert found.evidence == (
        "the close of 2000-05-22 is what was known at that day's open, but high, low, volume of the same bar came later:"
        " a decision at its close knows them too early."
    )


@pytest.mark.parametrize(
    "text",
    [
        LOADER.replace("{}", f"{OPENS}; {RANGES}; frame['volume'] = frame['volume'].shift(1)"),
        LOADER.replace("{}", "pass"),
        "",
    ],
    ids=["known at the open", "known at the close", "no loader of a user's"],
)
def test_bars_known_at_one_time(tmp_path: Path, text: str) -> None:
    assert not early(tmp_path, text)
