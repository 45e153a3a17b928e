"""The same study over a grid of train lengths, test lengths and starts: how much of its result is luck of the calendar.

`quantml.walk_forward_matrix` runs every cell as a study of its own, and writes a page of them.
"""

from typing import TYPE_CHECKING

from quantml.lazy import attach

__all__ = ["Cell", "Matrix", "run_cells"]

if TYPE_CHECKING:
    from quantml.matrices.cells import Cell as Cell
    from quantml.matrices.whole import Matrix as Matrix
    from quantml.matrices.whole import run_cells as run_cells
else:
    __getattr__, __dir__ = attach(
        __name__,
        {"Cell": "cells", "Matrix": "whole", "run_cells": "whole"},
    )
