"""Loaders: the outside world, in; `Bars` and outside tables, out. Each is a declaration with a ``load`` method."""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = ["Published", "Sample", "Synthetic"]

if TYPE_CHECKING:
    from quantml.loaders.sample import Sample as Sample
    from quantml.loaders.synthetic import Synthetic as Synthetic
    from quantml.loaders.tables import Published as Published
else:
    __getattr__, __dir__ = attach(__name__, {"Published": "tables", "Sample": "sample", "Synthetic": "synthetic"})
