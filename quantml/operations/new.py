"""A new study file to start from."""

from __future__ import annotations

import sys
from importlib.metadata import packages_distributions
from keyword import iskeyword
from pathlib import Path
from string import Template
from typing import Final

from quantml.errors import StorageError, StudyError

TEMPLATE: Final = Template('''"""$title: say in one line what this study trades and why it should work."""

from quantml import Choice, Costs, Study, Tuning, WalkForward
from quantml.features import RSI, Momentum, RealisedVolatility
from quantml.forecasters import Ridge
from quantml.loaders import Sample
from quantml.signals import RankLongShort, VolatilityTarget
from quantml.targets import ForwardReturn


def close_to_high(bars):
    """Your own feature: any function from bars to a frame, time x symbol, that looks back only."""
    return bars.close / bars.close.rolling(63, min_periods=63).max() - 1.0


study = Study(
    data=Sample("stocks"),
    features=[Momentum(21), Momentum(126, skip=21), RealisedVolatility(21), RSI(14), close_to_high],
    target=ForwardReturn(horizon=5),
    forecaster=Ridge(alpha=Choice(1.0, 100.0)),
    signal=[RankLongShort(fraction=0.5), VolatilityTarget(annual=0.10)],
    costs=Costs(commission_bps=1, spread_bps=4),
    validation=WalkForward(train="3y", test="6m"),
    tuning=Tuning("sharpe_ratio"),
)
''')


def new_study(name: str, folder: Path) -> Path:
    """Write a study file that runs as it stands, to be edited.

    Raises
    ------
    StudyError
        If `name` is not a Python module's name, or that of a module which studies may import.
    StorageError
        If the file exists already or cannot be written.
    """
    _check_name(name)
    path = folder / f"{name}.py"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE.substitute(title=name.replace("_", " ").capitalize()))
    except FileExistsError as error:
        raise StorageError("a new study", must="not exist yet", got=str(path)) from error
    except OSError as error:
        raise StorageError("a new study", must="be writable", got=str(path), hint=str(error.strerror)) from error
    return path


def _check_name(name: str) -> None:
    """Raise where a module could not have the name, or would hide another from the imports beside it."""
    hint = f"Choose another, such as {name}_study." if name.isidentifier() else ""
    if not name.isidentifier() or iskeyword(name):
        raise StudyError("a study's name", must="be a Python module's name, such as my_study", got=name, hint=hint)
    if name in {"quantml", *sys.stdlib_module_names, *packages_distributions()}:
        rule = "not be that of a module which studies may import"
        raise StudyError("a study's name", must=rule, got=name, hint=hint)
