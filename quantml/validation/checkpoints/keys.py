"""What kept work depends on: everything that its numbers could hang on goes into its key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from quantml.canonical import outline
from quantml.installation import installed_packages, processor, versions
from quantml.source import package_digest
from quantml.space import find_spaces
from quantml.validation.checkpoints.memory import Ground

if TYPE_CHECKING:
    from quantml.study import Study
    from quantml.validation.problem import Problem
    from quantml.validation.splits import Fold

FORMAT: Final = 1
"""Version of what is kept; another version's files are never looked at."""
_LOADED: Final = frozenset({"data", "exogenous", "universe", "quality", "lockbox"})
"""What they make is in the bars, which are in every key."""
_FOLDS: Final = frozenset({"validation", "name", "bundle"})
"""The rows of a fold are in every key; where a study was read does not matter."""
_TRADING: Final = frozenset({"signal", "costs", "simulator", "cash", "benchmark", "tuning"})
_FITTING: Final = frozenset({"forecaster", "transforms", "sample_weight"})
_LEFT_OUT: Final[Mapping[Ground, frozenset[str]]] = {
    Ground.FITS: _LOADED | _FOLDS | _TRADING | {"baseline"},
    Ground.BASELINE: _LOADED | _FOLDS | _TRADING | _FITTING,
    Ground.TRADES: _LOADED | _FOLDS | {"benchmark"},
}
"""Parts of a study that work does not hang on; any other part counts, those too that are still to be invented."""
_SAMPLING: Final = frozenset({"sampler", "trials"})
"""They say which candidates are looked at, and nothing of any one of them."""


class Keys:
    """Names the work of a study's folds.

    A name covers the format, the package's own source, the versions of Python and of all that is installed, the kind
    of processor, the bars with all that came with them, the seed, the rows of the fold, and the parts of the study
    that the work hangs on: their parameters, and the code of the user's functions and what these call, in canonical
    form. Search spaces are left blank there, for each piece of work says by itself which values it had.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem) -> None:
        self._world = _world(problem)
        self._forms = {ground: _form(problem.study, ground) for ground in Ground}

    def group(self, ground: Ground, fold: Fold) -> str:
        """Name all work of a fold that hangs on the same ground."""
        return _digest([self._world, ground.value, self._forms[ground], fold.digest])


def _world(problem: Problem) -> dict[str, Any]:
    """Return what all numbers hang on, whatever the study says."""
    return {
        "format": FORMAT,
        "source": package_digest(),
        "versions": versions(),
        "installed": installed_packages(),
        "processor": processor(),
        "data": problem.bars.fingerprint,
        "feature_data": problem.feature_bars.fingerprint,
        "fill": problem.fill.value,
        "forward": problem.study.validation.is_forward,
    }


def _form(study: Study, ground: Ground) -> Any:
    names = sorted(field.name for field in fields(study) if field.name not in _LEFT_OUT[ground])
    parts = {name: getattr(study, name) for name in names}
    form = outline(parts, list(find_spaces(parts).values()), study.bundle)
    if isinstance(form.get("tuning"), dict):
        form["tuning"] = {name: part for name, part in form["tuning"].items() if name not in _SAMPLING}
    return _digest(form)


def _digest(form: Any) -> str:
    return hashlib.sha256(json.dumps(form, sort_keys=True).encode()).hexdigest()
