"""Features of what kind of thing a symbol is: sector, country, exchange, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quantml.bars import Bars
from quantml.errors import FeatureError, ParameterError, did_you_mean
from quantml.features.mapping import FrozenMapping
from quantml.features.own_bars import on_panel
from quantml.space import Declaration

__all__ = ["Category", "InCategory", "one_hot"]


@dataclass(frozen=True, repr=False)
class _Labelled(Declaration):
    labels: Mapping[str, str]
    name: str = "category"
    warmup: ClassVar[int] = 0

    def __post_init__(self) -> None:
        if not isinstance(self.labels, Mapping) or not self.labels:
            raise ParameterError(f"{type(self).__name__}.labels", must="map symbols to labels", got=self.labels)
        object.__setattr__(self, "labels", FrozenMapping({str(symbol): text for symbol, text in self.labels.items()}))
        super().__post_init__()

    def validate(self) -> None:
        """Raise `ParameterError` where a label is no text."""
        for symbol, text in self.labels.items():
            if not isinstance(text, str):
                raise ParameterError(f"{type(self).__name__}.labels", must="be texts", got=text, where=symbol)

    def _of_symbols(self, bars: Bars) -> list[str]:
        for symbol in bars.symbols:
            if symbol not in self.labels:
                hint = did_you_mean(symbol, self.labels) if len(self.labels) <= 20 else ""
                raise FeatureError(f"{type(self).__name__}.labels", must="have every symbol of the bars", got=symbol,
                                   hint=hint or "Give it a label, such as 'other'.")  # fmt: skip
        return [self.labels[symbol] for symbol in bars.symbols]


def _where_traded(numbers: NDArray[np.float64], bars: Bars) -> pd.DataFrame:
    return on_panel(np.where(bars.traded, numbers[None, :], np.nan), bars)


@dataclass(frozen=True, repr=False)
class Category(_Labelled):
    """A symbol's label as a whole number: 0.0 for the first label in alphabetical order, and so on.

    For models that take categories, and as the `group` of features that compare symbols. Numbers have an order that
    labels do not: linear models need `one_hot` columns. Labels are the same at all times; where a symbol changed its
    sector they tell an earlier date what came later, and ``Outside("classification", "sector")`` does not.

    Parameters
    ----------
    labels : mapping of str to str
        The label of each symbol; it may have more symbols than the bars.
    name : str
        What the feature is called, since a mapping makes a long name.

    Raises
    ------
    ParameterError
        If `labels` is no mapping of texts.

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=1)
    >>> bars = Bars.from_close(pd.DataFrame({"AAPL": [1.0], "JPM": [1.0]}, index=days), periods_per_year=252)
    >>> Category({"AAPL": "technology", "JPM": "financials"}, "sector")(bars).iloc[0].tolist()
    [1.0, 0.0]
    """

    def __repr__(self) -> str:
        return f"Category({self.name})"

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Number the labels, time x symbol; NaN where a symbol has no bar."""
        known = sorted(set(self.labels.values()))
        numbers = [float(known.index(text)) for text in self._of_symbols(bars)]
        return _where_traded(np.array(numbers), bars)


@dataclass(frozen=True, repr=False)
class InCategory(_Labelled):
    """1.0 for symbols that have one label, 0.0 for the others; `one_hot` makes one feature for each label.

    Parameters
    ----------
    labels : mapping of str to str
        The label of each symbol; it may have more symbols than the bars.
    name : str
        What the labels are called.
    label : str
        One of the labels.

    Raises
    ------
    ParameterError
        If `labels` is no mapping of texts, or `label` is none of them.
    """

    label: str = ""

    def __repr__(self) -> str:
        return f"InCategory({self.name}, {self.label})"

    def validate(self) -> None:
        """Raise `ParameterError` where a label is no text, or the label is none of them."""
        super().validate()
        if self.label not in self.labels.values():
            hint = did_you_mean(str(self.label), set(self.labels.values()))
            raise ParameterError("InCategory.label", must="be one of the labels", got=self.label, hint=hint)

    def __call__(self, bars: Bars) -> pd.DataFrame:
        """Say who has the label, time x symbol; NaN where a symbol has no bar."""
        return _where_traded(np.array([float(text == self.label) for text in self._of_symbols(bars)]), bars)


def one_hot(labels: Mapping[str, str], name: str = "category") -> list[InCategory]:
    """Return a feature for each label, in alphabetical order.

    Examples
    --------
    >>> one_hot({"AAPL": "technology", "JPM": "financials"}, "sector")
    [InCategory(sector, financials), InCategory(sector, technology)]
    """
    return [InCategory(labels, name, label) for label in sorted(set(labels.values()))]
