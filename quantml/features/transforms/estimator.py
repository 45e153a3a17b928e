"""Any scikit-learn transformer as a transform."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from quantml.errors import FeatureError, ParameterError
from quantml.features.transforms.base import (
    Matrix,
    Transform,
    all_rows,
    check_names,
    chosen,
    complete,
    complete_rows,
    dates,
    place,
    positions,
    with_columns,
    with_values,
    without,
)
from quantml.features.transforms.cloning import fitted_clone
from quantml.space import Declaration

if TYPE_CHECKING:
    from quantml.forecasters.base import Test, Train

    Rows = TypeVar("Rows", Train, Test)

__all__ = ["Transformer", "as_transform"]


@dataclass(frozen=True)
class Transformer(Declaration):
    """A scikit-learn transformer: an object with ``fit(X, y)``, ``transform(X)`` and ``get_params``.

    The transformer itself is never fitted: each fit works on a clone, on the fold's training rows alone. Its random
    states that are None, nested ones too, are set from the fit's seed, and a number in ``n_jobs`` becomes 1. Arrays
    are passed, without names; sample weights are not. The fitted clone is called on one date at a time, all rows of
    the date together, so that a row's features are the same in a long block and in a short one.

    A transformer whose tags do not say that it takes NaN never sees any: training rows with NaN are left out of its
    fit, and a row with NaN has NaN in all new columns. A pipeline takes NaN if its steps do, up to one of
    ``sklearn.impute`` where it has one; a union or a ``ColumnTransformer`` if all its parts do. The columns are called
    what ``get_feature_names_out`` says; without it, a transformer that returns as many columns as it was given keeps
    their names.

    A study wraps transformers by itself; write `Transformer` only to name columns.

    Parameters
    ----------
    transformer : object
    columns : sequence of str, optional
        Names of the features to transform; all by default. The others stay, before the new ones.

    Raises
    ------
    ParameterError
        If the transformer lacks a method.
    """

    transformer: Any
    columns: tuple[str, ...] | None = None

    def validate(self) -> None:
        """Raise `ParameterError` where a parameter is out of range."""
        for name in ("fit", "transform", "get_params"):
            if isinstance(self.transformer, type) or not callable(getattr(self.transformer, name, None)):
                rule = f"be an object with a method {name!r}"
                raise ParameterError("Transformer.transformer", must=rule, got=self.transformer)
        object.__setattr__(self, "columns", check_names("Transformer", self.columns))

    @property
    def label(self) -> str:
        """The transformer's own name."""
        return type(self.transformer).__name__

    def fit(self, train: Train) -> FittedTransformer:
        """Fit a clone.

        Raises
        ------
        FeatureError
            If there are no rows to fit to, a column is unknown, scikit-learn refuses the rows, or the number of
            columns that come out is not the number of their names.
        """
        takes_missing = _takes_missing(self.transformer)
        rows = (all_rows if takes_missing else complete_rows)(self.label, train, self.columns)
        names = rows.names
        model = fitted_clone(self.transformer, rows)
        width = _called(model, rows.x[:1].copy()).shape[1]
        return FittedTransformer(model, self.label, names, self._names(model, names, width, train), takes_missing)

    def _names(self, model: Any, names: tuple[str, ...], width: int, train: Train) -> tuple[str, ...]:
        given = names
        if hasattr(model, "get_feature_names_out"):
            given = tuple(str(name) for name in model.get_feature_names_out(np.array(names, dtype=object)))
        if len(given) != width:
            hint = "Give it a method get_feature_names_out."
            raise FeatureError(f"the columns of {self.label}", must=f"have names, {width} of them", got=len(given),
                               where=place(train), hint=hint)  # fmt: skip
        return given


@dataclass(frozen=True, eq=False)
class FittedTransformer:
    """A fitted scikit-learn transformer.

    Attributes
    ----------
    model : object
        The fitted clone.
    label : str
        What error messages call it.
    names, given : tuple of str
        The columns that it takes, and those that it returns.
    takes_missing : bool
        Whether it is shown NaN.
    """

    model: Any
    label: str
    names: tuple[str, ...]
    given: tuple[str, ...]
    takes_missing: bool

    def transform(self, rows: Rows) -> Rows:
        """Replace the columns by the new ones, in their place where the names stay."""
        at = positions(self.label, rows.names, self.names)
        values = self._values(chosen(rows, at), rows)
        if self.given == self.names:
            return with_values(rows, at, values)
        return with_columns(self.label, without(rows, at), values, self.given)

    def _values(self, x: Matrix, rows: Train | Test) -> Matrix:
        result = np.full((len(x), len(self.given)), np.nan)
        shown = np.flatnonzero(np.ones(len(x), dtype=np.bool_) if self.takes_missing else complete(x))
        for date in dates(rows.time[shown]):
            values = _called(self.model, x[shown[date]])
            if values.shape != (len(shown[date]), len(self.given)):
                rule = f"return {len(self.given)} numbers for each row"
                raise FeatureError(self.label, must=rule, got=values.shape)
            result[shown[date]] = values
        return result


def as_transform(part: Any) -> Transform:
    """Return `part` where it is a transform, else wrap it in `Transformer`.

    Parameters
    ----------
    part : Transform or scikit-learn transformer
        A transform is told by its ``fit``, which takes one argument, and by having no ``transform`` itself.

    Raises
    ------
    ParameterError
        If `part` is neither.
    """
    if isinstance(part, type):
        raise ParameterError("a transform", must="be an object", got=part, hint=f"Write {part.__name__}().")
    if callable(getattr(part, "transform", None)):
        return Transformer(part)
    if not callable(getattr(part, "fit", None)) or len(_required(part.fit)) != 1:
        hint = "Give a transform of quantml.features.transforms, or a scikit-learn transformer."
        raise ParameterError("a transform", must="have a method fit(train)", got=part, hint=hint)
    return cast(Transform, part)


def _required(method: Any) -> list[inspect.Parameter]:
    parameters = inspect.signature(method).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [part for part in parameters if part.kind in positional and part.default is part.empty]


def _called(model: Any, x: Matrix) -> Matrix:
    values = model.transform(x)
    dense = values.toarray() if hasattr(values, "toarray") else values
    return np.asarray(dense, dtype=np.float64)


def _takes_missing(transformer: Any) -> bool:
    """Say whether a transformer may be shown NaN; the tags of a composed one do not tell what its parts take."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import FeatureUnion, Pipeline

    if isinstance(transformer, str):  # "passthrough" or "drop"
        return True
    if isinstance(transformer, Pipeline):
        steps = [step for _, step in transformer.steps if step is not None]
        imputer = next((place for place, step in enumerate(steps) if _imputes(step)), len(steps) - 1)
        return all(_takes_missing(step) for step in steps[: imputer + 1])
    if isinstance(transformer, ColumnTransformer):
        parts = [part for _, part, _ in transformer.transformers]
        return all(_takes_missing(part) for part in [*parts, transformer.remainder])
    if isinstance(transformer, FeatureUnion):
        return all(_takes_missing(part) for _, part in transformer.transformer_list)
    if not hasattr(transformer, "__sklearn_tags__"):
        return False
    return bool(transformer.__sklearn_tags__().input_tags.allow_nan)


def _imputes(step: Any) -> bool:
    return type(step).__module__.startswith("sklearn.impute")
