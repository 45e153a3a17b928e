"""Synthetic worlds: bars from a known process, so that what a study finds can be compared with what is there."""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = [
    "BlockBootstrap",
    "Factors",
    "Garch",
    "GeometricBrownianMotion",
    "Regime",
    "RegimeSwitching",
    "Synthetic",
    "World",
]

if TYPE_CHECKING:
    from quantml.loaders.synthetic.base import World as World
    from quantml.loaders.synthetic.bootstrap import BlockBootstrap as BlockBootstrap
    from quantml.loaders.synthetic.brownian import GeometricBrownianMotion as GeometricBrownianMotion
    from quantml.loaders.synthetic.factors import Factors as Factors
    from quantml.loaders.synthetic.garch import Garch as Garch
    from quantml.loaders.synthetic.planted import Synthetic as Synthetic
    from quantml.loaders.synthetic.regimes import Regime as Regime
    from quantml.loaders.synthetic.regimes import RegimeSwitching as RegimeSwitching
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "BlockBootstrap": "bootstrap",
            "Factors": "factors",
            "Garch": "garch",
            "GeometricBrownianMotion": "brownian",
            "Regime": "regimes",
            "RegimeSwitching": "regimes",
            "Synthetic": "planted",
            "World": "base",
        },
    )
