"""Arrays in, numbers out: how good a record is, how good its forecasts were, and how sure anyone can be of either.

`metrics` measures a series of returns, `accuracy` measures forecasts against what happened, `inference` says how
far such numbers can be from the truth, and `verdict` puts the answer into a paragraph.
"""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = ["accuracy", "inference", "metrics", "verdict"]

if TYPE_CHECKING:
    from quantml.evaluation import accuracy as accuracy
    from quantml.evaluation import inference as inference
    from quantml.evaluation import metrics as metrics
    from quantml.evaluation import verdict as verdict
else:
    __getattr__, __dir__ = attach(__name__, {name: f".{name}" for name in __all__})
