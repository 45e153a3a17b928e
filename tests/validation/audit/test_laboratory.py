"""The leak laboratory: every planted leak is found but those listed, every clean twin passes, as all that is built in.

The third series, and those kinds of the second that are its classics, are always run; the others where the environment
says ``QUANTML_LABORATORY=full``, as `.ci/full` does.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quantml import Bars, Exogenous, Study, WalkForward, load_study
from quantml.features import Returns
from quantml.signals import RankLongShort
from quantml.validation.audit.findings import Audit
from quantml.validation.audit.whole import audit
from tests.features.test_every_feature import BUILT_IN
from tests.validation.audit.laboratory import ALARMED, CLASSICS, KINDS, LABORATORY, MISSED

pytestmark = [  # what a user's own code is warned of stops no study
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
STRATEGIES = sorted((LABORATORY.parents[1] / "strategies").glob("*.py"))
FULL = os.environ.get("QUANTML_LABORATORY") == "full"
ALWAYS = {f"second/{kind}" for kind in CLASSICS} | {kind for kind in KINDS if kind.startswith("third/")}
RUN = [kind for kind in KINDS if FULL or kind in ALWAYS or kind in (*MISSED, *ALARMED)]


def audited(kind: str, form: str) -> Audit:
    with np.errstate(all="ignore"):
        return audit(load_study(LABORATORY / kind / f"{form}.py"))


@pytest.mark.parametrize("kind", RUN)
def test_a_leak_is_found_or_known_to_be_missed(kind: str) -> None:
    found = audited(kind, "leak")
    assert found.passed == (kind in MISSED), [str(leak) for leak in found.leaks]


@pytest.mark.parametrize("kind", RUN)
def test_its_clean_twin_passes(kind: str) -> None:
    leaks = [str(leak) for leak in audited(kind, "clean").leaks]
    assert bool(leaks) == (kind in ALARMED), leaks


@pytest.mark.parametrize("series", ["first", "second", "third"])
def test_at_least_95_percent_of_a_series_are_found(series: str) -> None:
    kinds = [kind for kind in KINDS if kind.startswith(f"{series}/")]
    assert len(kinds) >= 30
    missed = [kind for kind in kinds if kind in MISSED]
    assert 1.0 - len(missed) / len(kinds) >= 0.95


def test_at_most_2_percent_of_clean_twins_alarm() -> None:
    assert len(ALARMED) / len(KINDS) <= 0.02


def test_the_tables_name_kinds_that_there_are() -> None:
    assert set(KINDS) >= set(MISSED) | set(ALARMED) | {f"second/{kind}" for kind in CLASSICS}
    assert len(CLASSICS) == 24
    assert all((LABORATORY / kind / "clean.py").exists() for kind in KINDS)


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_strategies_look_nowhere(path: Path) -> None:
    start = "2011-01-01" if path.stem.startswith("large_caps") else "2014-01-01"
    found = audit(load_study(path).override([f"data.start={start}"]))
    assert [str(leak) for leak in found.leaks] == []


def test_built_in_features_look_nowhere(panel: Bars) -> None:
    shares = pd.DataFrame({"shares": [1e6, 2e6]}, index=pd.DatetimeIndex(["2019-12-01", "2020-03-02"]))
    bars = replace(panel, membership=None).with_tables(Exogenous(shares, name="shares", lag="1d"))
    rank = RankLongShort(0.5, by=Returns(1))
    study = Study(data=bars, features=BUILT_IN, signal=rank, validation=WalkForward(train=40, test=20))
    found = audit(study)
    assert [str(leak) for leak in found.leaks] == []
    assert not [one for one in found.notices if one.kind == "not audited" and one.part != "declaration"]
