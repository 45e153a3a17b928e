"""What is installed here: what numbers depend on, so that two processes can be told apart before they compute."""

from __future__ import annotations

import platform
from functools import lru_cache
from importlib.metadata import distributions, version
from typing import Final

VERSIONED: Final = (
    "arch", "exchange_calendars", "lightgbm", "numba", "numpy", "optuna", "pandas", "pyarrow", "scikit-learn", "scipy",
    "statsmodels", "TA-Lib",
)  # fmt: skip
"""Packages whose versions belong to a run's identity."""


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a run's numbers depend on."""
    found = {name: version(name) for name in VERSIONED}
    return {"python": ".".join(platform.python_version_tuple()[:2]), "quantml": version("quantml"), **found}


@lru_cache(maxsize=1)
def installed_packages() -> list[str]:
    """Every installed package with its version: a study's own code may compute with any of them."""
    return sorted({f"{found.name} {found.version}" for found in distributions()})


@lru_cache(maxsize=1)
def processor() -> list[str]:
    """What the last digits of a sum hang on below Python: kind of processor, and system library."""
    import numpy as np

    vector = np.show_config(mode="dicts").get("SIMD Extensions", {})
    return [platform.system(), platform.machine(), *platform.libc_ver(), *vector.get("found", ())]
