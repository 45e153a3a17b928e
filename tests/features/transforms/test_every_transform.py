"""What holds for every transform: nothing but training rows is learned from, and no row looks ahead."""

from __future__ import annotations

import pickle
from dataclasses import is_dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import QuantileTransformer, SplineTransformer

from quantml.errors import FeatureError
from quantml.features import transforms as t
from quantml.space import Choice, find_spaces, substitute
from tests.features.transforms.worlds import OPENS, ROWS, World, make_world

CASES: list[Any] = [
    t.ClusterFeatures(0.9),
    t.DropOutliers(),
    t.DropOutliers(t.Isolation(0.05, trees=10)),
    t.FlagMissing(),
    t.GarchVolatility(),
    t.HiddenMarkovRegimes(2),
    t.Impute(),
    t.Impute(t.Mean(), per=t.PerSymbol()),
    t.Impute(per=t.PerDate()),
    t.OneHot("sector"),
    t.PcaResiduals(1),
    t.PrincipalComponents(2),
    t.PrincipalComponents(0.9, ("spread", "twin")),
    t.RankScale(),
    t.RankScale(per=t.PerDate()),
    t.RobustScale(per=t.PerSymbol()),
    t.SelectLasso(0.2),
    t.SelectPermutation(2, RandomForestRegressor(5)),
    t.SelectRecursive(2, LinearRegression()),
    t.SelectUnivariate(2),
    t.SelectUnivariate(2, t.MutualInformation()),
    t.Standardise(),
    t.Standardise(per=t.PerDate()),
    t.TargetEncode("sector"),
    t.Transformer(PCA(2)),
    t.Transformer(QuantileTransformer(n_quantiles=50)),
    t.Transformer(SplineTransformer(n_knots=4), ("spread",)),
    t.Winsorise(0.05, 0.95),
    t.Winsorise(0.1, 0.9, per=t.PerDate()),
]
each = pytest.mark.parametrize("declared", CASES, ids=repr)


@pytest.fixture(autouse=True)
def _extra(request: pytest.FixtureRequest) -> None:
    if isinstance(request.node.callspec.params.get("declared") if hasattr(request.node, "callspec") else None,
                  t.HiddenMarkovRegimes):  # fmt: skip
        pytest.importorskip("hmmlearn")


@cache
def world(change_after: int | None = None) -> World:
    return make_world(change_after=change_after)


@cache
def fitted(place: int) -> Any:
    return CASES[place].fit(world().train())


def of(declared: Any) -> Any:
    return fitted(CASES.index(declared))


def assert_same(first: Any, second: Any, keep: Any = slice(None)) -> None:
    assert first.names == second.names
    np.testing.assert_array_equal(first.x[keep], second.x)


def test_every_public_transform_is_covered() -> None:
    public: list[Any] = [getattr(t, name) for name in t.__all__]
    made_of_rows = {part for part in public if is_dataclass(part) and hasattr(part, "fit")}
    parts: set[Any] = {t.Pooled, t.PerSymbol, t.PerDate, t.RobustZ, t.Isolation}
    covered: set[Any] = {type(declared) for declared in CASES}
    assert covered == made_of_rows - parts


@each
def test_something_is_changed_and_every_row_to_forecast_stays(declared: Any) -> None:
    train, test = world().train(), world().test()
    given, made = of(declared).transform(test), of(declared).transform(train)
    np.testing.assert_array_equal(given.time, test.time)
    np.testing.assert_array_equal(given.symbol, test.symbol)
    assert given.names == made.names
    assert given.x.shape == (len(test.x), len(given.names))
    assert made.x.shape == (len(made.y), len(made.names))
    assert made.names != train.names or not np.array_equal(made.x, train.x, equal_nan=True)


@each
@settings(max_examples=8, deadline=None)
@given(last=st.integers(OPENS, ROWS - 2))
def test_a_shorter_block_gives_equal_bits(declared: Any, last: int) -> None:
    whole, part = of(declared).transform(world().test()), of(declared).transform(world().test(last))
    assert_same(whole, part, whole.time <= last)


@each
@pytest.mark.parametrize("last", [OPENS, OPENS + 5, OPENS + 40])
def test_changing_the_future_leaves_the_past_bit_identical(declared: Any, last: int) -> None:
    other = world(last)
    learned = declared.fit(other.train())
    before = of(declared).transform(world().test()), learned.transform(other.test())
    early = before[0].time <= last
    assert_same(before[0], replace(before[1], x=before[1].x[early]), early)
    assert not np.array_equal(before[0].x[~early], before[1].x[~early], equal_nan=True)


@each
def test_one_date_alone_is_transformed_as_in_the_whole_block(declared: Any) -> None:
    whole, alone = of(declared).transform(world().test()), of(declared).transform(world().test(185, 185))
    assert_same(whole, alone, whole.time == 185)


@each
def test_training_rows_are_treated_as_rows_to_forecast_are(declared: Any) -> None:
    made, given = (of(declared).transform(rows) for rows in (world().train(), world().test(OPENS - 1, 0)))
    if isinstance(declared, (t.TargetEncode, t.DropOutliers)):  # these two alone tell them apart
        assert made.x.shape != given.x.shape or not np.array_equal(made.x, given.x, equal_nan=True)
    else:
        assert_same(made, given)


@each
def test_equal_seeds_and_pickles_give_equal_bits(declared: Any) -> None:
    again = pickle.loads(pickle.dumps(declared)).fit(pickle.loads(pickle.dumps(world().train())))
    assert_same(of(declared).transform(world().test()), pickle.loads(pickle.dumps(again)).transform(world().test()))


@each
def test_fitting_leaves_the_declaration_as_it_was(declared: Any) -> None:
    before = repr(declared)
    declared.fit(world().train())
    assert repr(declared) == before


@each
def test_no_training_rows_are_refused(declared: Any) -> None:
    empty = world().train().where(np.zeros(len(world().train().y), dtype=bool))
    if isinstance(declared, (t.GarchVolatility, t.HiddenMarkovRegimes, t.PcaResiduals)):  # these learn from bars
        declared.fit(empty)
        return
    with pytest.raises(
        FeatureError, match=r"must have training rows to be fitted on; got 0 \(training window from 2024"
    ):
        declared.fit(empty)


def test_search_spaces_stand_in_fields_scopes_and_estimators() -> None:
    declared = (
        t.Winsorise(lower=Choice(0.01, 0.05), per=Choice(t.Pooled(), t.PerDate())),
        PCA(n_components=Choice(1, 2)),
    )
    assert list(find_spaces(declared)) == ["0.per", "0.lower", "1.n_components"]
    chosen = substitute(declared, {"0.per": t.PerDate(), "0.lower": 0.05, "1.n_components": 2})
    assert chosen[0] == t.Winsorise(0.05, per=t.PerDate())
    assert chosen[1].n_components == 2
