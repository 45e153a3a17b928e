"""Fitting clones of scikit-learn objects to training rows so that equal rows give equal bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quantml.errors import FeatureError
from quantml.features.transforms.base import place

if TYPE_CHECKING:
    from quantml.forecasters.base import Train


def labels(rows: Train) -> NDArray[Any]:
    """Return the targets as scikit-learn takes them: whole numbers where they are classes."""
    return rows.y.astype(np.int64) if rows.question.is_class else rows.y


def fitted_clone(declared: Any, rows: Train) -> Any:
    """Fit a clone to rows; its unset random states come from the fit's seed, and it runs on one thread.

    Raises
    ------
    FeatureError
        If scikit-learn refuses the rows.
    """
    from sklearn.base import clone

    copy = clone(declared)
    _prepare(copy, rows)
    try:
        return copy.fit(rows.x, labels(rows))
    except ValueError as error:
        text = str(error).partition("\n")[0].rstrip(".")
        raise FeatureError(f"{type(declared).__name__} could not be fitted: {text}", where=place(rows)) from error


def _prepare(copy: Any, rows: Train) -> None:
    parameters = copy.get_params(deep=True)
    unset = [name for name, value in sorted(parameters.items()) if value is None and _last(name) == "random_state"]
    seeds = dict(zip(unset, rows.integers(len(unset)), strict=True))
    threads = {name: 1 for name, value in parameters.items() if _last(name) == "n_jobs" and isinstance(value, int)}
    if seeds or threads:
        copy.set_params(**seeds, **threads)


def _last(name: str) -> str:
    return name.rpartition("__")[2]
