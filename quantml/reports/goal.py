"""What the folds' scores are: the metric that tuning looked for the best of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quantml.reports import words
from quantml.validation.tuning import LOWER_IS_BETTER


@dataclass(frozen=True)
class Goal:
    """A metric of returns, and which way it is better.

    Attributes
    ----------
    name : str
        The metric's name, or that of the study's own function.
    lower_is_better : bool
        Whether it measures risk.
    """

    name: str
    lower_is_better: bool = False

    @classmethod
    def of(cls, study: Mapping[str, Any]) -> Goal:
        """Read the objective from a study's canonical form; the Sharpe ratio where nothing is tuned.

        >>> Goal.of({"tuning": {"objective": "ulcer_index"}})
        Goal(name='ulcer_index', lower_is_better=True)
        """
        tuning = study.get("tuning")
        chosen = tuning["objective"] if tuning else "sharpe_ratio"
        if isinstance(chosen, str):
            return cls(chosen, chosen in LOWER_IS_BETTER)
        return cls(str(chosen.get("function", "objective")).rpartition(".")[2])

    @property
    def title(self) -> str:
        """The metric's name in words."""
        return words.title(self.name)

    @property
    def better(self) -> str:
        """Which way is better: ``lower`` or ``higher``."""
        return "lower" if self.lower_is_better else "higher"

    @property
    def worse(self) -> str:
        """Which way is worse."""
        return "higher" if self.lower_is_better else "lower"

    @property
    def in_percent(self) -> bool:
        """Whether it is shown in percent."""
        return self.name in words.PERCENTAGES
