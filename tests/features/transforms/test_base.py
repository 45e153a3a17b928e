"""What transforms share."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from quantml.features.transforms import ClusterFeatures, PrincipalComponents, Transformer
from quantml.features.transforms.base import dates, summed
from tests.features.transforms.worlds import to_forecast, training


def test_sums_of_a_row_are_those_of_the_row_alone() -> None:
    rng = np.random.default_rng(0)
    values, coefficients = rng.normal(size=(300, 40)), rng.normal(size=(40, 7))
    whole = summed(values, coefficients)
    np.testing.assert_allclose(whole, values @ coefficients, rtol=1e-10, atol=1e-12)
    for count in (1, 2, 3, 17, 299):
        np.testing.assert_array_equal(summed(values[:count], coefficients), whole[:count])


@pytest.mark.parametrize("declared", [PrincipalComponents(7), ClusterFeatures(0.01), Transformer(PCA(7))], ids=repr)
def test_many_columns_are_reduced_to_equal_bits_in_blocks_of_any_length(declared: object) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 40)) + rng.normal(size=(300, 1))
    train = training(x)
    fitted = declared.fit(train)  # type: ignore[attr-defined]
    whole = fitted.transform(to_forecast(train, x)).x
    for count in (1, 2, 3, 17, 299):
        np.testing.assert_array_equal(fitted.transform(to_forecast(train, x[:count])).x, whole[:count])


@pytest.mark.parametrize(("time", "expected"), [([], []), ([4], [(0, 1)]), ([4, 4, 5, 9, 9], [(0, 2), (2, 3), (3, 5)])])
def test_rows_are_walked_date_by_date(time: list[int], expected: list[tuple[int, int]]) -> None:
    assert [(rows.start, rows.stop) for rows in dates(np.array(time, dtype=np.int64))] == expected
