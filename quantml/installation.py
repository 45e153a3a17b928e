"""What is installed here: what numbers depend on, so that two processes can be told apart before they compute."""

from __future__ import annotations

import platform
from functools import lru_cache
from importlib.metadata import version
from typing import Final

VERSIONED: Final = (
    "arch", "exchange_calendars", "lightgbm", "numba", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy",
    "statsmodels", "TA-Lib",
)  # fmt: skip
"""Packages whose versions belong to a run's identity."""


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a run's numbers depend on."""
    found = {name: version(name) for name in VERSIONED}
    return {"python": ".".join(platform.python_version_tuple()[:2]), "quantml": version("quantml"), **found}
